/* Tensors of the safetensors files in tests/reference, called as their scripts call them: "x",
 * "lstm/y". Each call takes the name as printf does. */
#ifndef GR_TEST_SUPPORT_REFERENCE_H
#define GR_TEST_SUPPORT_REFERENCE_H

#include "support.h"

#include <gradus/io.h>

/* Opens tests/reference/file. */
gr_safetensors *reference_open(const char *file);

/* Is there a tensor of that name? */
bool reference_has(const gr_safetensors *file, const char *format, ...) GR_PRINTF(2, 3);
/* The tensor, floats as `dtype`; it must be there. */
gr_tensor reference_read(const gr_safetensors *file, gr_dtype dtype, const char *format, ...)
    GR_PRINTF(3, 4);

/* Fails unless `got` is the tensor within 1e-10 in f64, 1e-5 in f32 of its largest element, or of 1
 * if that is more. */
void reference_compare(const gr_safetensors *file, const gr_tensor *got, const char *format, ...)
    GR_PRINTF(3, 4);
/* The same within another bound. */
void reference_compare_within(const gr_safetensors *file, const gr_tensor *got, double tolerance,
                              const char *format, ...) GR_PRINTF(4, 5);

#endif
