/* The bytes of a data file, unpacked. Internal. */
#ifndef GR_DATA_SOURCE_H
#define GR_DATA_SOURCE_H

#include "base/base.h"

/* Reads `path` whole, and unpacks it if it is gzipped (begins with 1f 8b): *data holds *size bytes
 * and a NUL after them; free it with gr_free. Statuses as gr_file_read; a damaged, cut or continued
 * gzip stream is GR_FORMAT, as is one of 4 GiB or more, whose end does not tell its size; in a
 * build without zlib any is GR_UNSUPPORTED. */
gr_status gr_source_read(const char *path, char **data, size_t *size);

#define GR_SOURCE_PATH 4096

bool gr_source_exists(const char *path); /* a file or folder */
bool gr_source_is_folder(const char *path);
/* Writes folder/name or, if that does not exist, folder/name.gz into path[GR_SOURCE_PATH]. false,
 * with folder/name written, if neither exists. */
bool gr_source_locate(const char *folder, const char *name, char *path);

#endif
