/* one_hot: a 1 at each index. */
#include "ops/ops.h"

static const gr_attr_desc one_hot_attrs[] = {
    {"depth", GR_ATTR_INT}, {"dtype", GR_ATTR_DTYPE}, {"strict", GR_ATTR_INT}};

static bool one_hot_infer(gr_infer *s)
{
    gr_type index = s->in[0];
    gr_dtype dtype = (gr_dtype)s->attr[1].i;
    if (index.dtype != GR_I64 && index.dtype != GR_I32) {
        return gr_infer_fail(s, GR_DTYPE, "the index is %s; it must be i64 or i32",
                             gr_dtype_name(index.dtype));
    }
    if (gr_dtype_size(dtype) == 0 || dtype == GR_BF16 || dtype == GR_F16 || dtype == GR_I8) {
        return gr_infer_fail(s, GR_DTYPE, "gives f64, f32, i64, i32, u8 or bool, not %s",
                             gr_dtype_name(dtype));
    }
    if (s->attr[0].i < 0) {
        return gr_infer_fail(s, GR_INVALID, "depth %lld is negative", (long long)s->attr[0].i);
    }
    if (index.shape.rank == GR_MAX_RANK) {
        return gr_infer_fail(s, GR_SHAPE, "%s has no room for another axis; rank %d is most",
                             gr_shape_text(index.shape), GR_MAX_RANK);
    }
    index.shape.dim[index.shape.rank++] = s->attr[0].i;
    s->out[0] = (gr_type){dtype, index.shape};
    return true;
}

typedef struct one_hot_ctx {
    int64_t count, depth;
    gr_dtype index_dtype;
    bool strict;
    size_t size;             /* of an element of the output */
    _Alignas(8) char one[8]; /* its bytes for 1; 0 is all bits zero in every element type */
} one_hot_ctx;

static gr_status one_hot_run(const gr_call *call)
{
    const one_hot_ctx *ctx = call->ctx;
    char *out = call->out[0];
    const size_t row = (size_t)ctx->depth * ctx->size;
    for (int64_t i = 0; i < ctx->count; i++, out += row) {
        int64_t at = ctx->index_dtype == GR_I64 ? ((const int64_t *)call->in[0])[i]
                                                : ((const int32_t *)call->in[0])[i];
        memset(out, 0, row);
        if (ctx->strict && (at < 0 || at >= ctx->depth))
            return gr_fail(GR_RANGE, "index [%lld] is %lld; it must be in [0, %lld)", (long long)i,
                           (long long)at, (long long)ctx->depth);
        if (at >= 0 && at < ctx->depth) memcpy(out + (size_t)at * ctx->size, ctx->one, ctx->size);
    }
    return GR_OK;
}

static gr_status one_hot_reference(gr_request *request)
{
    const gr_node *node = request->node;
    one_hot_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    gr_type index = node->in[0]->out[0];
    ctx->count = gr_shape_count(node->out[0].shape) > 0 ? gr_shape_count(index.shape) : 0;
    ctx->depth = node->attr[0].i;
    ctx->strict = request->checks = node->attr[2].i != 0;
    ctx->index_dtype = index.dtype;
    ctx->size = gr_dtype_size(node->out[0].dtype);
    gr_tensor one = {node->out[0].dtype, GR_SCALAR, ctx->one};
    gr_tensor_put(&one, 0, 1);
    request->ctx = ctx;
    request->fn = one_hot_run;
    request->kernel = "one-hot";
    return GR_OK;
}

gr_node *gr_one_hot(gr_node *index, int64_t depth, gr_dtype dtype)
{
    gr_attr attr[] = {gr_attr_int(depth), gr_attr_dtype(dtype), gr_attr_int(0)};
    return gr_build(NULL, &gr_op_one_hot, &index, 1, attr);
}

gr_node *gr_one_hot_strict(gr_node *index, int64_t depth, gr_dtype dtype)
{
    gr_attr attr[] = {gr_attr_int(depth), gr_attr_dtype(dtype), gr_attr_int(1)};
    return gr_build(NULL, &gr_op_one_hot, &index, 1, attr);
}

static gr_node *one_hot_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0: /* some indices lie outside */
        return gr_one_hot(gr_draw_typed(sampler, GR_I64, GR_SHAPE(17), -2, 7), 5, GR_F32);
    case 1:
        return gr_one_hot(gr_draw_typed(sampler, GR_I32, GR_SHAPE(2, 3), 0, 4), 4, GR_F64);
    case 2:
        return gr_one_hot(gr_draw_typed(sampler, GR_I64, GR_SCALAR, 0, 3), 3, GR_BOOL);
    case 3:
        return gr_one_hot(gr_draw_typed(sampler, GR_I64, GR_SHAPE(0, 2), 0, 3), 3, GR_I64);
    case 4:
        return gr_one_hot(gr_draw_typed(sampler, GR_I64, GR_SHAPE(3), 0, 3), 0, GR_U8);
    default:
        return NULL;
    }
}

const gr_op gr_op_one_hot = {
    .name = "one_hot",
    .doc = "1 at the index along a new last axis, 0 elsewhere",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_GRAD_ZERO,
    .attrs = one_hot_attrs,
    .n_attrs = GR_LEN(one_hot_attrs),
    .infer = one_hot_infer,
    .reference = one_hot_reference,
    .sample = one_hot_sample,
};
