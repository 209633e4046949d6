/* The vector kernels of reductions, for the reductions themselves and for those inside fused nodes.
 * Internal. */
#ifndef GR_CPU_REDUCE_H
#define GR_CPU_REDUCE_H

#include "ops/reduce.h"

/* out[k] = the unit of n elements at x + k·step, for k < count. */
typedef void gr_reduce_units_fn(void *out, const void *x, int64_t count, int64_t step, int64_t n);
/* to[k] takes in, one after the other, element k of `rows` rows at x + r·step, for k < n. */
typedef void gr_reduce_columns_fn(void *to, const void *x, int64_t rows, int64_t step, int64_t n);

typedef struct gr_reduce_kernels {
    gr_reduce_units_fn *units;
    gr_reduce_columns_fn *columns;
} gr_reduce_kernels;

/* Those of one kind for an element type, at a CPU level. */
gr_reduce_kernels gr_reduce_kernels_of(gr_reduce_kind kind, gr_dtype dtype, gr_cpu_level level);

/* The rows from `r` on, before `end`, that lie at one step from each other; *step in elements. */
int64_t gr_reduce_run_of_rows(const gr_walk *row, int64_t r, int64_t end, int64_t *step);

#endif
