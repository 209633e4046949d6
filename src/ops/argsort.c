/* argsort: the order of the elements along an axis, or of its first few; and what is built of it.
 */
#include "ops/along.h"

static const gr_attr_desc argsort_attrs[] = {
    {"axis", GR_ATTR_INT}, {"descending", GR_ATTR_INT}, {"count", GR_ATTR_INT}};

static bool argsort_infer(gr_infer *s)
{
    gr_shape shape = s->in[0].shape;
    if (!gr_infer_number(s, 0) || !gr_infer_axis(s, &s->attr[0].i, shape.rank)) return false;
    int64_t *size = &shape.dim[s->attr[0].i];
    if (s->attr[2].i < 0) s->attr[2].i = *size; /* all */
    if (s->attr[2].i > *size) {
        return gr_infer_fail(s, GR_SHAPE, "the first %lld along axis %lld of %s: it has %lld",
                             (long long)s->attr[2].i, (long long)s->attr[0].i,
                             gr_shape_text(s->in[0].shape), (long long)*size);
    }
    *size = s->attr[2].i;
    s->out[0] = (gr_type){GR_I64, shape};
    return true;
}

typedef struct argsort_ctx {
    gr_along x;
    int64_t count;
    bool descending;
    gr_dtype dtype;
} argsort_ctx;

/* ---- Reference: a stable merge sort of places, NaN last ----------------------------------------
 */

/* Does x[b] belong strictly before x[a]? */
#define ARGSORT_REFERENCE(name, T)                                                                 \
    static bool argsort_before_##name(const T *x, int64_t step, bool descending, int64_t b,        \
                                      int64_t a)                                                   \
    {                                                                                              \
        const T second = x[b * step], first = x[a * step];                                         \
        if (first != first) return second == second;                                               \
        return descending ? second > first : second < first;                                       \
    }                                                                                              \
    static void argsort_merge_##name(const T *x, const argsort_ctx *ctx, const int64_t *from,      \
                                     int64_t low, int64_t middle, int64_t high, int64_t *to)       \
    {                                                                                              \
        int64_t a = low, b = middle;                                                               \
        for (int64_t i = low; i < high; i++) {                                                     \
            const bool second =                                                                    \
                a == middle ||                                                                     \
                (b < high &&                                                                       \
                 argsort_before_##name(x, ctx->x.inner, ctx->descending, from[b], from[a]));       \
            to[i] = second ? from[b++] : from[a++];                                                \
        }                                                                                          \
    }                                                                                              \
    /* Sorts the places of one row; returns where they are: in `order` or in `other`. */           \
    static const int64_t *argsort_row_##name(const T *x, const argsort_ctx *ctx, int64_t *order,   \
                                             int64_t *other)                                       \
    {                                                                                              \
        for (int64_t i = 0; i < ctx->x.size; i++) order[i] = i;                                    \
        for (int64_t run = 1; run < ctx->x.size; run *= 2) {                                       \
            for (int64_t low = 0; low < ctx->x.size; low += 2 * run) {                             \
                const int64_t middle = low + run < ctx->x.size ? low + run : ctx->x.size;          \
                const int64_t high = middle + run < ctx->x.size ? middle + run : ctx->x.size;      \
                argsort_merge_##name(x, ctx, order, low, middle, high, other);                     \
            }                                                                                      \
            int64_t *sorted = other;                                                               \
            other = order;                                                                         \
            order = sorted;                                                                        \
        }                                                                                          \
        return order;                                                                              \
    }

ARGSORT_REFERENCE(f64, double)
ARGSORT_REFERENCE(f32, float)
ARGSORT_REFERENCE(i64, int64_t)
ARGSORT_REFERENCE(i32, int32_t)
ARGSORT_REFERENCE(u8, uint8_t)

static gr_status argsort_run(const gr_call *call)
{
    const argsort_ctx *ctx = call->ctx;
    int64_t *order = call->work, *other = order + ctx->x.size, *out = call->out[0];
    const char *x = call->in[0];
    for (int64_t i = 0; i < ctx->x.outer * ctx->x.inner; i++) {
        const int64_t outer = i / ctx->x.inner, inner = i % ctx->x.inner;
        const void *row =
            x + (size_t)(outer * ctx->x.size * ctx->x.inner + inner) * gr_dtype_size(ctx->dtype);
        const int64_t *sorted;
        switch (ctx->dtype) {
        case GR_F64:
            sorted = argsort_row_f64(row, ctx, order, other);
            break;
        case GR_F32:
            sorted = argsort_row_f32(row, ctx, order, other);
            break;
        case GR_I64:
            sorted = argsort_row_i64(row, ctx, order, other);
            break;
        case GR_I32:
            sorted = argsort_row_i32(row, ctx, order, other);
            break;
        default:
            sorted = argsort_row_u8(row, ctx, order, other);
            break;
        }
        int64_t *to = out + outer * ctx->count * ctx->x.inner + inner;
        for (int64_t k = 0; k < ctx->count; k++) to[k * ctx->x.inner] = sorted[k];
    }
    return GR_OK;
}

static gr_status argsort_reference(gr_request *request)
{
    const gr_node *node = request->node;
    argsort_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    *ctx = (argsort_ctx){.x = gr_along_of(node->in[0]->out[0].shape, (int)node->attr[0].i),
                         .count = node->attr[2].i,
                         .descending = node->attr[1].i != 0,
                         .dtype = node->in[0]->out[0].dtype};
    if (gr_shape_count(node->out[0].shape) == 0) ctx->x.outer = 0;
    request->ctx = ctx;
    request->fn = argsort_run;
    request->work = 2 * (size_t)ctx->x.size * sizeof(int64_t);
    request->kernel = "argsort-reference";
    return GR_OK;
}

/* ---- Builders and record -----------------------------------------------------------------------
 */

static gr_node *argsort_build(gr_node *x, int axis, bool descending, int64_t count)
{
    gr_attr attr[] = {gr_attr_int(axis), gr_attr_int(descending), gr_attr_int(count)};
    return gr_build(NULL, &gr_op_argsort, &x, 1, attr);
}

gr_node *gr_argsort(gr_node *x, int axis, bool descending)
{
    return argsort_build(x, axis, descending, -1);
}

gr_node *gr_sort(gr_node *x, int axis, bool descending)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "sort");
    gr_node *y = gr_gather_along(x, gr_argsort(x, axis, descending), axis);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_top_k(gr_node *x, int64_t k, int axis, bool smallest, gr_node **index)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "top_k");
    gr_node *places = k < 0 ? gr_fault(graph, GR_INVALID, "top_k",
                                       "k is %lld: should be at least 0", (long long)k)
                            : argsort_build(x, axis, !smallest, k);
    gr_node *y = gr_gather_along(x, places, axis);
    gr_composite_end(graph);
    if (index) *index = places;
    return y;
}

static gr_node *argsort_sample(gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape shape;
        int axis, descending, count;
    } samples[] = {
        {{1, {9}}, 0, 0, -1},       {{2, {5, 37}}, 1, 1, 4}, {{2, {37, 5}}, 0, 0, -1},
        {{3, {2, 7, 3}}, -2, 1, 2}, {{2, {0, 3}}, 1, 0, -1}, {{2, {4, 1}}, 1, 0, 1},
        {{2, {3, 64}}, -1, 0, 64},  {{2, {4, 6}}, 1, 0, 0},
    };
    if ((size_t)k >= GR_LEN(samples)) return NULL;
    gr_node *x = gr_draw(sampler, samples[k].shape, -3, 3); /* integers: with ties */
    return argsort_build(x, samples[k].axis, samples[k].descending, samples[k].count);
}

const gr_op gr_op_argsort = {
    .name = "argsort",
    .doc = "places along an axis in the order of their elements, equals as they come, NaN last",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE,
    .attrs = argsort_attrs,
    .n_attrs = GR_LEN(argsort_attrs),
    .infer = argsort_infer,
    .reference = argsort_reference,
    .sample = argsort_sample,
};
