/* Tensors of the safetensors files in tests/reference, called CASE/PART. */
#ifndef GR_TEST_SUPPORT_REFERENCE_H
#define GR_TEST_SUPPORT_REFERENCE_H

#include "support.h"

#include <gradus/io.h>

/* Opens tests/reference/name. */
gr_safetensors *reference_open(const char *name);

/* Is there a tensor case/part? */
bool reference_has(const gr_safetensors *file, const char *of, const char *part);
/* The tensor case/part, floats as `dtype`; it must be there. */
gr_tensor reference_read(const gr_safetensors *file, const char *of, const char *part,
                         gr_dtype dtype);

/* Fails unless `got` is case/part within 1e-10 in f64, 1e-5 in f32 of its largest element, or of 1
 * if that is more. */
void reference_compare(const gr_safetensors *file, const char *of, const char *part,
                       const gr_tensor *got);
/* The same within another bound. */
void reference_compare_within(const gr_safetensors *file, const char *of, const char *part,
                              const gr_tensor *got, double tolerance);

#endif
