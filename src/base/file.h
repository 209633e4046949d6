/* Reading a file whole. Internal. */
#ifndef GR_BASE_FILE_H
#define GR_BASE_FILE_H

#include "base/base.h"

/* Reads the file (or pipe) at `path`: *data holds *size bytes and a NUL after them; free it with
 * gr_free. A file of more than `limit` bytes (0: no limit but the
 * user's, limits.h) is refused before memory is taken.
 * GR_NOT_FOUND if there is no such file, GR_IO for any other fault of the system, GR_FORMAT beyond
 * the limit, GR_NO_MEMORY; the message starts with the path, and *data is then NULL. */
GR_SHARED gr_status gr_file_read(const char *path, size_t limit, char **data, size_t *size);

/* Reads the first bytes of a regular file, up to `size`, to know its kind by them. *got is how many
 * there were; 0 of a pipe or a device, whose bytes come but once. Faults as above. */
gr_status gr_file_peek(const char *path, void *head, size_t size, size_t *got);

#endif
