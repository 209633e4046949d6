/* gather_along and scatter_add_along: elements read and added to by an index of their own, along
 * one axis. Each is the other's gradient. */
#include "ops/along.h"
#include "ops/gather.h"

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

gr_along gr_along_of(gr_shape x, int axis)
{
    return (gr_along){.outer = gr_shape_count(gr_shape_of(axis, x.dim)),
                      .size = x.dim[axis],
                      .inner = gr_shape_count(gr_shape_of(x.rank - axis - 1, x.dim + axis + 1))};
}

gr_along_index gr_along_index_of(const gr_node *node)
{
    const int axis = (int)node->attr[0].i;
    return (gr_along_index){.x = gr_along_of(node->in[0]->out[0].shape, axis),
                            .count = node->in[1]->out[0].shape.dim[axis],
                            .dtype = node->out[0].dtype,
                            .index_dtype = node->in[1]->out[0].dtype,
                            .op = node->op->name};
}

static int64_t along_at(const gr_along_index *along, const void *index, int64_t i)
{
    return along->index_dtype == GR_I64 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
}

gr_status gr_along_check(const gr_along_index *along, const void *index)
{
    const int64_t inner = along->x.inner, n = along->x.outer * along->count * inner;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = along_at(along, index, i);
        if (at >= 0 && at < along->x.size) continue;
        return gr_fail(GR_RANGE, "%s: index [%lld,%lld,%lld] is %lld, outside [0, %lld)", along->op,
                       (long long)(i / (along->count * inner)),
                       (long long)(i / inner % along->count), (long long)(i % inner), (long long)at,
                       (long long)along->x.size);
    }
    return GR_OK;
}

/* Where element i of [outer, count, inner] lies in x. */
static int64_t along_place(const gr_along_index *along, const void *index, int64_t i)
{
    const int64_t inner = along->x.inner, outer = i / (along->count * inner);
    return (outer * along->x.size + along_at(along, index, i)) * inner + i % inner;
}

static gr_status along_prepare(gr_request *request, gr_kernel_fn *fn, const char *kernel)
{
    gr_along_index *along = gr_arena_alloc(request->arena, sizeof *along);
    if (!along) return gr_no_memory(sizeof *along);
    *along = gr_along_index_of(request->node);
    request->ctx = along;
    request->fn = fn;
    request->kernel = kernel;
    request->checks = true;
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
    const gr_along_index *along = call->ctx;
    const size_t size = gr_dtype_size(along->dtype);
    const char *x = call->in[0];
    char *out = call->out[0];
    GR_TRY(gr_along_check(along, call->in[1]));
    for (int64_t i = 0; i < along->x.outer * along->count * along->x.inner; i++) {
        const int64_t from = along_place(along, call->in[1], i);
        memcpy(out + (size_t)i * size, x + (size_t)from * size, size);
    }
    return GR_OK;
}

static gr_status gather_along_reference(gr_request *request)
{
    return along_prepare(request, gather_along_run, "gather-along-reference");
}

gr_node *gr_gather_along(gr_node *x, gr_node *index, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_gather_along, (gr_node *[]){x, index}, 2, &attr);
}

static const gr_index_sample along_samples[] = {
    {{1, {9}}, {1, {5}}, {1, {5}}, GR_I64, 0},
    {{2, {4, 7}}, {2, {4, 3}}, {2, {4, 3}}, GR_I32, -1},
    {{3, {2, 5, 3}}, {3, {2, 8, 3}}, {3, {2, 8, 3}}, GR_I64, 1},
    {{2, {5, 3}}, {2, {0, 3}}, {2, {0, 3}}, GR_I64, 0},
    {{2, {0, 3}}, {2, {0, 3}}, {2, {0, 3}}, GR_I64, 1},
};

static gr_node *gather_along_sample(gr_sampler *sampler, int k)
{
    if ((size_t)k >= GR_LEN(along_samples)) return NULL;
    gr_node *x = gr_draw(sampler, along_samples[k].x, -2, 2);
    return gr_gather_along(x, gr_draw_index(sampler, &along_samples[k]), along_samples[k].axis);
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
    const gr_along_index *along = call->ctx;
    const gr_along *x = &along->x;
    GR_TRY(gr_along_check(along, call->in[1]));
    if (call->out[0] != call->in[0]) {
        memcpy(call->out[0], call->in[0],
               (size_t)(x->outer * x->size * x->inner) * gr_dtype_size(along->dtype));
    }
    for (int64_t i = 0; i < x->outer * along->count * x->inner; i++) {
        const int64_t to = along_place(along, call->in[1], i);
        if (along->dtype == GR_F64)
            ((double *)call->out[0])[to] += ((const double *)call->in[2])[i];
        else
            ((float *)call->out[0])[to] += ((const float *)call->in[2])[i];
    }
    return GR_OK;
}

static gr_status scatter_add_along_reference(gr_request *request)
{
    request->inplace[0] = 1u << 0;
    return along_prepare(request, scatter_add_along_run, "scatter-add-along-reference");
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
    gr_node *index = gr_draw_index(sampler, &along_samples[k]);
    gr_node *update = gr_draw(sampler, along_samples[k].update, -2, 2);
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
