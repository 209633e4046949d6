/* gradus data fetch: files from the net. The one thing in the command, and in all of Gradus, that
 * opens a connection. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "cli/command.h"
#include "cli/transfer.h"

/* How to fetch. */
typedef struct cli_fetch {
    const char *ca;  /* certificates in place of the system's; or NULL */
    double patience; /* seconds without a byte */
    int tries;       /* for each file */
    bool progress;   /* a bar, on a terminal */
    const cli_transfer_module *module;
} cli_fetch;

/* A file to have. */
typedef struct cli_fetch_item {
    const char *url[2];  /* addresses to try in this order; the second may be NULL */
    const char *name;    /* in messages */
    const char *path;    /* where it belongs; folders are made */
    const char *sha256;  /* in lower case */
    int64_t bytes, most; /* its size, -1 if that is not known, and what it may have at most */
    /* answer */
    const char *from; /* the address that it came from; NULL: it was there */
    int64_t kept;     /* bytes that were there of an earlier try */
} cli_fetch_item;

/* Makes sure that the file is at its path: it comes as PATH.part, is compared with its checksum,
 * flushed to the disk and renamed. What came before a fault stays in PATH.part, and is gone on
 * from; what is wrong is removed. An exit status, after a message unless it is CLI_YES;
 * CLI_INTERRUPTED when cli_stop_asked(). */
int cli_fetch_file(const cli_fetch *fetch, cli_fetch_item *item);

/* The part of a file, while one process fetches it. */
typedef struct cli_fetch_part {
    const cli_fetch *fetch;
    cli_fetch_item *item;
    char *path;
    int file;
    int64_t have;       /* bytes */
    char fault[1024];   /* why the last request came to nothing */
    double shown, rate; /* of the bar: when, bytes a second */
    int64_t counted;    /* bytes at that time */
    double begun;
} cli_fetch_part;

/* Gets the bytes that the part lacks from `url`, as often as it takes and may. CLI_YES with all of
 * them, unverified; CLI_INTERRUPTED; CLI_ENVIRONMENT with the reason in part->fault. */
int cli_fetch_from(cli_fetch_part *part, const char *url);
/* Empties the part; false, with a fault, if that fails. */
bool cli_fetch_empty(cli_fetch_part *part);

/* May this address be asked? https, or http on the machine itself where `loopback` allows it.
 * *plain is whether it is http. */
bool cli_fetch_allowed(const char *url, bool loopback, bool *plain);

/* Draws the bar, if there is one, or removes it. */
void cli_fetch_show(cli_fetch_part *part);
void cli_fetch_hide(const cli_fetch_part *part);

/* The module that stands on libcurl; NULL with *reason if it cannot be loaded. */
const cli_transfer_module *cli_fetch_module(const char **reason);

/* gradus data fetch NAME|URL… and gradus data unpack ARCHIVE FOLDER */
int cli_data_fetch(const cli_args *args);
int cli_data_unpack(const cli_args *args);

#endif
