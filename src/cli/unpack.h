/* Unpacking archives whose makers are not to be trusted. */
#ifndef CLI_UNPACK_H
#define CLI_UNPACK_H

#include "cli/archive.h"

#include <stdint.h>

typedef struct cli_unpack {
    int64_t most_bytes; /* of all files together */
    int64_t most_files; /* and folders */
    double most_ratio;  /* of their bytes to the archive's */
    const char *inner;  /* the one folder that must be in it, which becomes the place; NULL: all */
    /* answer */
    int64_t bytes, files;
} cli_unpack;

/* Unpacks the archive into the new folder `place`. Only files and folders with plain relative
 * names are unpacked, with the permissions that new files have here: an archive with anything
 * else, or beyond the limits, is refused by the name of the entry, and nothing of it is left.
 * The folder appears when it is complete and on the disk. An exit status, after a message unless it
 * is CLI_YES. */
int cli_unpack_archive(cli_unpack *unpack, const char *archive, const char *place);

/* The module that stands on libarchive; NULL with *reason if it cannot be loaded. */
const cli_archive_module *cli_unpack_module(const char **reason);

int64_t cli_file_bytes(const char *path); /* 0 if there is no such file */

#endif
