/* Blocked transposes for the movement kernels. Internal. */
#ifndef GR_CPU_TRANSPOSE_H
#define GR_CPU_TRANSPOSE_H

#include "base/base.h"

/* The side of a block: a cache line of elements of `size` bytes. */
#define GR_TRANSPOSE_SIDE(size) (64 / (int64_t)(size))

/* out[a·out_step + b] = in[a + b·in_step] for a < rows, b < columns ≤ GR_TRANSPOSE_SIDE(size), in
 * elements of `size` bytes (1, 2, 4 or 8). */
void gr_transpose_strip(const void *in, int64_t in_step, void *out, int64_t out_step, int64_t rows,
                        int64_t columns, size_t size);

#endif
