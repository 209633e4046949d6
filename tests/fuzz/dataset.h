/* Data sets for the harnesses. */
#ifndef GR_FUZZ_DATASET_H
#define GR_FUZZ_DATASET_H

#include "fuzz.h"

/* Opens the set and, if there is one, walks through its parts: names, classes, examples, a split,
 * and an epoch of batches. */
void fuzz_data_set(const char *path, const gr_data_options *options);

#endif
