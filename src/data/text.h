/* Reading text files. Internal. */
#ifndef GR_DATA_TEXT_H
#define GR_DATA_TEXT_H

#include <gradus/text.h>

#include "base/base.h"

/* The parts of the text in a file, which may be gzipped, as gr_text_dataset. */
gr_status gr_read_text(const char *name, const char *path, const gr_data_options *options,
                       gr_dataset **train, gr_dataset **test);

#endif
