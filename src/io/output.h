/* Files that are written whole or not at all. Internal. */
#ifndef GR_IO_OUTPUT_H
#define GR_IO_OUTPUT_H

#include "base/base.h"

/* A file being written. Until gr_output_commit the file at its path is as it was. */
typedef struct gr_output gr_output;

/* Opens a temporary file beside `path`; a symbolic link is followed first. What is there and is no
 * regular file (a device, a pipe) is gathered in memory and written at the end. The caller ends
 * *output by one of gr_output_commit and gr_output_discard. */
gr_status gr_output_new(const char *path, gr_output **output);
gr_status gr_output_write(gr_output *output, const void *data, size_t size);
/* Overwrites `size` bytes that were written before, from byte `at`. */
gr_status gr_output_patch(gr_output *output, size_t at, const void *data, size_t size);
/* How many files the commit leaves, the new one included (1 if not said): what has the name now
 * becomes NAME.1, what is NAME.1 becomes NAME.2, and so on; the oldest goes. */
void gr_output_keep(gr_output *output, int files);
/* Flushes to the disk, renames, and flushes the folder. Frees `output` whatever happens. */
gr_status gr_output_commit(gr_output *output);
/* Removes the temporary file and frees `output`. NULL is fine. */
void gr_output_discard(gr_output *output);

/* The name of what was written `age` commits before the newest: NAME, NAME.1, … The caller frees
 * *name with gr_free. */
gr_status gr_output_name(const char *path, int age, char **name);

#endif
