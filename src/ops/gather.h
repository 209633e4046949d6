/* What gather, scatter_add and their kernels share. Internal. */
#ifndef GR_OPS_GATHER_H
#define GR_OPS_GATHER_H

#include "ops/ops.h"

/* gather: out[o, i, :] = x[o, index[i], :]; scatter_add: out = base, then in the order of o and i
 * out[o, index[i], :] += update[o, i, :]. */
typedef struct gr_gather_ctx {
    int64_t outer, size, inner; /* x, base: [outer, size, inner] */
    int64_t count;              /* of indices; gathered rows: [outer, count, inner] */
    gr_dtype dtype, index_dtype;
    char who[96]; /* "gather 'emb' (net.c:41)" */
    gr_shape index_shape;
} gr_gather_ctx;

/* NULL when memory is out (message set). */
gr_gather_ctx *gr_gather_prepare(const gr_request *request);
/* GR_RANGE with a message unless all indices lie in [0, size). */
gr_status gr_gather_check(const gr_gather_ctx *ctx, const void *index);

static inline int64_t gr_gather_index(const gr_gather_ctx *ctx, const void *index, int64_t i)
{
    return ctx->index_dtype == GR_I64 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
}

/* A sample of gather or scatter_add, or of those along an axis: x or base, index, update. */
typedef struct gr_index_sample {
    gr_shape x, index, update;
    gr_dtype dtype; /* of the index */
    int axis;
} gr_index_sample;

/* The sample's index, all of its values legal. */
gr_node *gr_draw_index(gr_sampler *sampler, const gr_index_sample *sample);

#endif
