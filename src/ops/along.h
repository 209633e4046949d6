/* Ops along one axis see a tensor as [outer, size, inner]. Internal: for the ops and their kernels.
 */
#ifndef GR_OPS_ALONG_H
#define GR_OPS_ALONG_H

#include "ops/ops.h"

typedef struct gr_along {
    int64_t outer, size, inner;
} gr_along;

gr_along gr_along_of(gr_shape x, int axis);

/* gather_along and scatter_add_along: x is [outer, size, inner], the index [outer, count, inner] */
typedef struct gr_along_index {
    gr_along x;
    int64_t count;
    gr_dtype dtype, index_dtype;
    const char *op;
} gr_along_index;

gr_along_index gr_along_index_of(const gr_node *node);
/* GR_RANGE and a message for the first index outside [0, size). */
gr_status gr_along_check(const gr_along_index *along, const void *index);

#endif
