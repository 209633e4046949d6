/* gather and scatter_add: rows read and added to by index. Each is the other's gradient. */
#include "ops/gather.h"

#include <stdio.h>

static const gr_attr_desc gather_attrs[] = {{"axis", GR_ATTR_INT}};

/* ---- What both share ------------------------------------------------------------------------- */

static bool gather_infer_rows(gr_infer *s, gr_shape *rows)
{
    gr_shape x = s->in[0].shape, index = s->in[1].shape;
    gr_dtype dtype = s->in[1].dtype;
    if (dtype != GR_I64 && dtype != GR_I32) {
        return gr_infer_fail(s, GR_DTYPE, "the index is %s; it must be i64 or i32",
                             gr_dtype_name(dtype));
    }
    if (!gr_infer_axis(s, &s->attr[0].i, x.rank)) return false;
    if (x.rank - 1 + index.rank > GR_MAX_RANK) {
        return gr_infer_fail(
            s, GR_SHAPE, "the result of %s by an index of %s has rank %d; %d is most",
            gr_shape_text(x), gr_shape_text(index), x.rank - 1 + index.rank, GR_MAX_RANK);
    }
    int axis = (int)s->attr[0].i;
    *rows = gr_shape_of(axis, x.dim);
    for (int k = 0; k < index.rank; k++) rows->dim[rows->rank++] = index.dim[k];
    for (int k = axis + 1; k < x.rank; k++) rows->dim[rows->rank++] = x.dim[k];
    return true;
}

gr_gather_ctx *gr_gather_prepare(const gr_request *request)
{
    const gr_node *node = request->node;
    gr_gather_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) {
        gr_no_memory(sizeof *ctx);
        return NULL;
    }
    gr_shape x = node->in[0]->out[0].shape;
    int axis = (int)node->attr[0].i;
    ctx->outer = gr_shape_count(gr_shape_of(axis, x.dim));
    ctx->size = x.dim[axis];
    ctx->inner = gr_shape_count(gr_shape_of(x.rank - axis - 1, x.dim + axis + 1));
    if (ctx->outer <= 0 || ctx->inner <= 0) ctx->outer = ctx->inner = 0;
    ctx->dtype = node->out[0].dtype;
    ctx->index_dtype = node->in[1]->out[0].dtype;
    ctx->index_shape = node->in[1]->out[0].shape;
    ctx->count = gr_shape_count(ctx->index_shape);
    int used = snprintf(ctx->who, sizeof ctx->who, "%s", node->op->name);
    if (node->name) {
        used += snprintf(ctx->who + used, sizeof ctx->who - (size_t)used, " '%.40s'", node->name);
    }
    if (node->place) {
        snprintf(ctx->who + used, sizeof ctx->who - (size_t)used, " (%.36s)", node->place);
    }
    return ctx;
}

static gr_status gather_refuse(const gr_gather_ctx *ctx, int64_t i, int64_t index)
{
    gr_shape at = {.rank = ctx->index_shape.rank};
    for (int64_t k = at.rank - 1, rest = i; k >= 0; k--) {
        at.dim[k] = rest % ctx->index_shape.dim[k];
        rest /= ctx->index_shape.dim[k];
    }
    return gr_fail(GR_RANGE, "%s: index%s is %lld, outside [0, %lld)", ctx->who,
                   at.rank > 0 ? gr_shape_text(at) : "", (long long)index, (long long)ctx->size);
}

gr_status gr_gather_check(const gr_gather_ctx *ctx, const void *index)
{
    const uint64_t size = (uint64_t)ctx->size;
    for (int64_t i = 0; i < ctx->count; i++) {
        int64_t at = gr_gather_index(ctx, index, i);
        if ((uint64_t)at >= size) return gather_refuse(ctx, i, at); /* a negative one is large */
    }
    return GR_OK;
}

/* ---- gather ---------------------------------------------------------------------------------- */

static bool gather_infer(gr_infer *s)
{
    gr_shape rows;
    if (!gather_infer_rows(s, &rows)) return false;
    s->out[0] = (gr_type){s->in[0].dtype, rows};
    return true;
}

static void gather_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_type x = node->in[0]->out[0];
    gr_node *zeros = gr_broadcast(gr_scalar(node->graph, x.dtype, 0), x.shape);
    dx[0] = gr_scatter_add(zeros, node->in[1], dy[0], (int)node->attr[0].i);
}

static gr_status gather_run(const gr_call *call)
{
    const gr_gather_ctx *ctx = call->ctx;
    const char *x = call->in[0];
    char *out = call->out[0];
    const size_t row = (size_t)ctx->inner * gr_dtype_size(ctx->dtype);
    GR_TRY(gr_gather_check(ctx, call->in[1]));
    for (int64_t o = 0; o < ctx->outer; o++) {
        for (int64_t i = 0; i < ctx->count; i++, out += row) {
            int64_t from = o * ctx->size + gr_gather_index(ctx, call->in[1], i);
            memcpy(out, x + (size_t)from * row, row);
        }
    }
    return GR_OK;
}

static gr_status gather_reference(gr_request *request)
{
    request->ctx = gr_gather_prepare(request);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = gather_run;
    request->checks = true;
    request->kernel = "gather-reference";
    return GR_OK;
}

gr_node *gr_gather(gr_node *x, gr_node *index, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_gather, (gr_node *[]){x, index}, 2, &attr);
}

static const gr_index_sample gather_samples[] = {
    {{2, {7, 3}}, {1, {4}}, {2, {4, 3}}, GR_I64, 0},
    {{3, {2, 5, 3}}, {2, {2, 6}}, {4, {2, 2, 6, 3}}, GR_I32, 1},
    {{2, {3, 4}}, {0, {0}}, {1, {3}}, GR_I64, -1},
    {{1, {9}}, {1, {33}}, {1, {33}}, GR_I32, 0},
    {{2, {4, 0}}, {1, {3}}, {2, {3, 0}}, GR_I64, 0},
    {{2, {4, 2}}, {1, {0}}, {2, {0, 2}}, GR_I64, 0},
};

gr_node *gr_draw_index(gr_sampler *sampler, const gr_index_sample *sample)
{
    int axis = sample->axis < 0 ? sample->axis + sample->x.rank : sample->axis;
    return gr_draw_typed(sampler, sample->dtype, sample->index, 0, (double)sample->x.dim[axis]);
}

static gr_node *gather_sample(gr_sampler *sampler, int k)
{
    if ((size_t)k >= GR_LEN(gather_samples)) return NULL;
    gr_node *x = gr_draw(sampler, gather_samples[k].x, -2, 2);
    return gr_gather(x, gr_draw_index(sampler, &gather_samples[k]), gather_samples[k].axis);
}

const gr_op gr_op_gather = {
    .name = "gather",
    .doc = "rows of x along an axis chosen by index",
    .min_in = 2,
    .max_in = 2,
    .attrs = gather_attrs,
    .n_attrs = GR_LEN(gather_attrs),
    .infer = gather_infer,
    .grad = gather_grad,
    .reference = gather_reference,
    .sample = gather_sample,
};

/* ---- scatter_add ----------------------------------------------------------------------------- */

static bool scatter_add_infer(gr_infer *s)
{
    gr_shape rows;
    if (!gr_infer_number(s, 0) || !gather_infer_rows(s, &rows)) return false;
    if (s->in[2].dtype != s->in[0].dtype) {
        return gr_infer_fail(s, GR_DTYPE, "the update is %s, the base %s: convert one by cast",
                             gr_dtype_name(s->in[2].dtype), gr_dtype_name(s->in[0].dtype));
    }
    if (!gr_shape_equal(s->in[2].shape, rows)) {
        return gr_infer_fail(
            s, GR_SHAPE, "the update is %s; base %s and index %s along axis %lld need %s",
            gr_shape_text(s->in[2].shape), gr_shape_text(s->in[0].shape),
            gr_shape_text(s->in[1].shape), (long long)s->attr[0].i, gr_shape_text(rows));
    }
    s->out[0] = s->in[0];
    return true;
}

static void scatter_add_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = dy[0];
    dx[2] = gr_gather(dy[0], node->in[1], (int)node->attr[0].i);
}

static void scatter_add_element(gr_dtype dtype, void *out, int64_t to, const void *in, int64_t from)
{
    switch (dtype) {
    case GR_F64:
        ((double *)out)[to] += ((const double *)in)[from];
        break;
    case GR_F32:
        ((float *)out)[to] += ((const float *)in)[from];
        break;
    case GR_I64: /* unsigned, where C defines that sums wrap around */
        ((uint64_t *)out)[to] += ((const uint64_t *)in)[from];
        break;
    case GR_I32:
        ((uint32_t *)out)[to] += ((const uint32_t *)in)[from];
        break;
    default:
        ((uint8_t *)out)[to] = (uint8_t)(((uint8_t *)out)[to] + ((const uint8_t *)in)[from]);
        break;
    }
}

static gr_status scatter_add_run(const gr_call *call)
{
    const gr_gather_ctx *ctx = call->ctx;
    const int64_t rows = ctx->outer * ctx->size;
    GR_TRY(gr_gather_check(ctx, call->in[1]));
    if (call->out[0] != call->in[0]) {
        memcpy(call->out[0], call->in[0], (size_t)(rows * ctx->inner) * gr_dtype_size(ctx->dtype));
    }
    for (int64_t o = 0; o < ctx->outer; o++) {
        for (int64_t i = 0; i < ctx->count; i++) {
            int64_t to = (o * ctx->size + gr_gather_index(ctx, call->in[1], i)) * ctx->inner;
            int64_t from = (o * ctx->count + i) * ctx->inner;
            for (int64_t k = 0; k < ctx->inner; k++) {
                scatter_add_element(ctx->dtype, call->out[0], to + k, call->in[2], from + k);
            }
        }
    }
    return GR_OK;
}

static gr_status scatter_add_reference(gr_request *request)
{
    request->ctx = gr_gather_prepare(request);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = scatter_add_run;
    request->inplace[0] = 1u << 0;
    request->checks = true;
    request->kernel = "scatter-add-reference";
    return GR_OK;
}

gr_node *gr_scatter_add(gr_node *base, gr_node *index, gr_node *update, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_scatter_add, (gr_node *[]){base, index, update}, 3, &attr);
}

static gr_node *scatter_add_sample(gr_sampler *sampler, int k)
{
    if ((size_t)k >= GR_LEN(gather_samples)) return NULL;
    gr_node *base = gr_draw(sampler, gather_samples[k].x, -2, 2);
    gr_node *index = gr_draw_index(sampler, &gather_samples[k]);
    gr_node *update = gr_draw(sampler, gather_samples[k].update, -2, 2);
    return gr_scatter_add(base, index, update, gather_samples[k].axis);
}

const gr_op gr_op_scatter_add = {
    .name = "scatter_add",
    .doc = "base with rows of update added at index; repeated indices accumulate in order",
    .min_in = 3,
    .max_in = 3,
    .attrs = gather_attrs,
    .n_attrs = GR_LEN(gather_attrs),
    .infer = scatter_add_infer,
    .grad = scatter_add_grad,
    .reference = scatter_add_reference,
    .sample = scatter_add_sample,
};
