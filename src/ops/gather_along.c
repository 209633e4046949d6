/* gather_along and scatter_add_along: elements read and added to by an index of their own, along
 * one axis. Each is the other's gradient. */
#include "ops/ops.h"

static const gr_attr_desc along_attrs[] = {{"axis", GR_ATTR_INT}};

/* ---- What both share ------------------------------------------------------------------------- */

/* x and index agree in all axes but one. */
static bool along_infer_index(gr_infer *s)
{
    gr_shape x = s->in[0].shape, index = s->in[1].shape;
    gr_dtype dtype = s->in[1].dtype;
    if (dtype != GR_I64 && dtype != GR_I32) {
        return gr_infer_fail(s, GR_DTYPE, "the index is %s; it must be i64 or i32",
                             gr_dtype_name(dtype));
    }
    if (!gr_infer_axis(s, &s->attr[0].i, x.rank)) return false;
    bool fits = x.rank == index.rank;
    for (int k = 0; fits && k < x.rank; k++) {
        fits = k == s->attr[0].i || x.dim[k] == index.dim[k];
    }
    if (fits) return true;
    return gr_infer_fail(s, GR_SHAPE, "the index %s should be as %s except along axis %lld",
                         gr_shape_text(index), gr_shape_text(x), (long long)s->attr[0].i);
}

/* x: [outer, size, inner]; index: [outer, count, inner]. */
typedef struct along_ctx {
    int64_t outer, size, count, inner;
    gr_dtype dtype, index_dtype;
    const char *op;
} along_ctx;

static gr_status along_prepare(gr_request *request, gr_kernel_fn *fn, const char *kernel)
{
    const gr_node *node = request->node;
    along_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    const gr_shape x = node->in[0]->out[0].shape, index = node->in[1]->out[0].shape;
    const int axis = (int)node->attr[0].i;
    *ctx = (along_ctx){
        .outer = gr_shape_count(gr_shape_of(axis, x.dim)),
        .size = x.dim[axis],
        .count = index.dim[axis],
        .inner = gr_shape_count(gr_shape_of(x.rank - axis - 1, x.dim + axis + 1)),
        .dtype = node->out[0].dtype,
        .index_dtype = node->in[1]->out[0].dtype,
        .op = node->op->name,
    };
    request->ctx = ctx;
    request->fn = fn;
    request->kernel = kernel;
    request->checks = true;
    return GR_OK;
}

/* Index i of [outer, count, inner] as a place in x; GR_RANGE outside. */
static gr_status along_place(const along_ctx *ctx, const void *index, int64_t i, int64_t *place)
{
    const int64_t at =
        ctx->index_dtype == GR_I64 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
    const int64_t outer = i / (ctx->count * ctx->inner), inner = i % ctx->inner;
    if (at < 0 || at >= ctx->size) {
        return gr_fail(GR_RANGE, "%s: index [%lld,%lld,%lld] is %lld, outside [0, %lld)", ctx->op,
                       (long long)outer, (long long)(i / ctx->inner % ctx->count), (long long)inner,
                       (long long)at, (long long)ctx->size);
    }
    *place = (outer * ctx->size + at) * ctx->inner + inner;
    return GR_OK;
}

/* ---- gather_along ---------------------------------------------------------------------------- */

static bool gather_along_infer(gr_infer *s)
{
    if (!along_infer_index(s)) return false;
    s->out[0] = (gr_type){s->in[0].dtype, s->in[1].shape};
    return true;
}

static void gather_along_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_type x = node->in[0]->out[0];
    gr_node *zeros = gr_broadcast(gr_scalar(node->graph, x.dtype, 0), x.shape);
    dx[0] = gr_scatter_add_along(zeros, node->in[1], dy[0], (int)node->attr[0].i);
}

static gr_status gather_along_run(const gr_call *call)
{
    const along_ctx *ctx = call->ctx;
    const size_t size = gr_dtype_size(ctx->dtype);
    const char *x = call->in[0];
    char *out = call->out[0];
    for (int64_t i = 0; i < ctx->outer * ctx->count * ctx->inner; i++) {
        int64_t from = 0;
        GR_TRY(along_place(ctx, call->in[1], i, &from));
        memcpy(out + (size_t)i * size, x + (size_t)from * size, size);
    }
    return GR_OK;
}

static gr_status gather_along_reference(gr_request *request)
{
    return along_prepare(request, gather_along_run, "gather-along");
}

gr_node *gr_gather_along(gr_node *x, gr_node *index, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_gather_along, (gr_node *[]){x, index}, 2, &attr);
}

static const struct {
    gr_shape x, index;
    gr_dtype dtype;
    int axis;
} along_samples[] = {
    {{1, {9}}, {1, {5}}, GR_I64, 0},
    {{2, {4, 7}}, {2, {4, 3}}, GR_I32, -1},
    {{3, {2, 5, 3}}, {3, {2, 8, 3}}, GR_I64, 1},
    {{2, {5, 3}}, {2, {0, 3}}, GR_I64, 0},
    {{2, {0, 3}}, {2, {0, 3}}, GR_I64, 1},
};

static gr_node *along_sample_index(gr_sampler *sampler, int k)
{
    const gr_shape x = along_samples[k].x;
    const int axis = along_samples[k].axis;
    const double size = (double)x.dim[axis < 0 ? axis + x.rank : axis];
    return gr_draw_typed(sampler, along_samples[k].dtype, along_samples[k].index, 0, size);
}

static gr_node *gather_along_sample(gr_sampler *sampler, int k)
{
    if ((size_t)k >= GR_LEN(along_samples)) return NULL;
    gr_node *x = gr_draw(sampler, along_samples[k].x, -2, 2);
    return gr_gather_along(x, along_sample_index(sampler, k), along_samples[k].axis);
}

const gr_op gr_op_gather_along = {
    .name = "gather_along",
    .doc = "elements of x chosen by an index for each place, along an axis",
    .min_in = 2,
    .max_in = 2,
    .attrs = along_attrs,
    .n_attrs = GR_LEN(along_attrs),
    .infer = gather_along_infer,
    .grad = gather_along_grad,
    .reference = gather_along_reference,
    .sample = gather_along_sample,
};

/* ---- scatter_add_along ----------------------------------------------------------------------- */

static bool scatter_add_along_infer(gr_infer *s)
{
    if (!gr_infer_float(s, 0) || !along_infer_index(s)) return false;
    if (s->in[2].dtype != s->in[0].dtype || !gr_shape_equal(s->in[2].shape, s->in[1].shape)) {
        return gr_infer_fail(s, GR_SHAPE, "the update %s%s should be %s%s, as base and index",
                             gr_dtype_name(s->in[2].dtype), gr_shape_text(s->in[2].shape),
                             gr_dtype_name(s->in[0].dtype), gr_shape_text(s->in[1].shape));
    }
    s->out[0] = s->in[0];
    return true;
}

static void scatter_add_along_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = dy[0];
    dx[2] = gr_gather_along(dy[0], node->in[1], (int)node->attr[0].i);
}

static gr_status scatter_add_along_run(const gr_call *call)
{
    const along_ctx *ctx = call->ctx;
    const int64_t n = ctx->outer * ctx->count * ctx->inner;
    int64_t to = 0;
    for (int64_t i = 0; i < n; i++) GR_TRY(along_place(ctx, call->in[1], i, &to));
    if (call->out[0] != call->in[0]) {
        memcpy(call->out[0], call->in[0],
               (size_t)(ctx->outer * ctx->size * ctx->inner) * gr_dtype_size(ctx->dtype));
    }
    for (int64_t i = 0; i < n; i++) {
        GR_TRY(along_place(ctx, call->in[1], i, &to));
        if (ctx->dtype == GR_F64)
            ((double *)call->out[0])[to] += ((const double *)call->in[2])[i];
        else
            ((float *)call->out[0])[to] += ((const float *)call->in[2])[i];
    }
    return GR_OK;
}

static gr_status scatter_add_along_reference(gr_request *request)
{
    request->inplace[0] = 1u << 0;
    return along_prepare(request, scatter_add_along_run, "scatter-add-along");
}

gr_node *gr_scatter_add_along(gr_node *base, gr_node *index, gr_node *update, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_scatter_add_along, (gr_node *[]){base, index, update}, 3, &attr);
}

static gr_node *scatter_add_along_sample(gr_sampler *sampler, int k)
{
    if ((size_t)k >= GR_LEN(along_samples)) return NULL;
    gr_node *base = gr_draw(sampler, along_samples[k].x, -2, 2);
    gr_node *index = along_sample_index(sampler, k);
    gr_node *update = gr_draw(sampler, along_samples[k].index, -2, 2);
    return gr_scatter_add_along(base, index, update, along_samples[k].axis);
}

const gr_op gr_op_scatter_add_along = {
    .name = "scatter_add_along",
    .doc = "base with elements added at an index for each, along an axis",
    .min_in = 3,
    .max_in = 3,
    .attrs = along_attrs,
    .n_attrs = GR_LEN(along_attrs),
    .infer = scatter_add_along_infer,
    .grad = scatter_add_along_grad,
    .reference = scatter_add_along_reference,
    .sample = scatter_add_along_sample,
};
