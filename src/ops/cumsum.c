/* cumsum: running sums along an axis. */
#include "ops/along.h"

static const gr_attr_desc cumsum_attrs[] = {
    {"axis", GR_ATTR_INT}, {"exclusive", GR_ATTR_INT}, {"reverse", GR_ATTR_INT}};

static bool cumsum_infer(gr_infer *s)
{
    if (!gr_infer_number(s, 0) || !gr_infer_axis(s, &s->attr[0].i, s->in[0].shape.rank))
        return false;
    s->out[0] = s->in[0];
    return true;
}

/* Each element is in the sums from its place on: the gradient runs the other way. */
static void cumsum_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_cumsum(dy[0], (int)node->attr[0].i, node->attr[1].i != 0, node->attr[2].i == 0);
}

typedef struct cumsum_ctx {
    gr_along x;
    bool exclusive, reverse;
    gr_dtype dtype;
} cumsum_ctx;

/* Row by row of [size, inner], so that memory is read in its order. S is the type of sums: unsigned
 * for integers, which C lets wrap around. */
#define CUMSUM_REFERENCE(name, T, S)                                                               \
    static void cumsum_##name(const T *x, T *y, const cumsum_ctx *ctx)                             \
    {                                                                                              \
        const int64_t last = ctx->x.size - 1;                                                      \
        for (int64_t i = 0; i <= last; i++) {                                                      \
            const int64_t at = ctx->reverse ? last - i : i,                                        \
                          before = ctx->reverse ? at + 1 : at - 1;                                 \
            const T *term = x + (ctx->exclusive ? before : at) * ctx->x.inner;                     \
            const T *sum = y + before * ctx->x.inner;                                              \
            T *out = y + at * ctx->x.inner;                                                        \
            for (int64_t k = 0; k < ctx->x.inner; k++) {                                           \
                if (i == 0)                                                                        \
                    out[k] = ctx->exclusive ? (T)0 : term[k];                                      \
                else                                                                               \
                    out[k] = (T)((S)sum[k] + (S)term[k]);                                          \
            }                                                                                      \
        }                                                                                          \
    }

CUMSUM_REFERENCE(f64, double, double)
CUMSUM_REFERENCE(f32, float, float)
CUMSUM_REFERENCE(i64, int64_t, uint64_t)
CUMSUM_REFERENCE(i32, int32_t, uint32_t)
CUMSUM_REFERENCE(u8, uint8_t, unsigned)

static gr_status cumsum_run(const gr_call *call)
{
    const cumsum_ctx *ctx = call->ctx;
    for (int64_t o = 0; o < ctx->x.outer; o++) {
        const int64_t at = o * ctx->x.size * ctx->x.inner;
        switch (ctx->dtype) {
        case GR_F64:
            cumsum_f64((const double *)call->in[0] + at, (double *)call->out[0] + at, ctx);
            break;
        case GR_F32:
            cumsum_f32((const float *)call->in[0] + at, (float *)call->out[0] + at, ctx);
            break;
        case GR_I64:
            cumsum_i64((const int64_t *)call->in[0] + at, (int64_t *)call->out[0] + at, ctx);
            break;
        case GR_I32:
            cumsum_i32((const int32_t *)call->in[0] + at, (int32_t *)call->out[0] + at, ctx);
            break;
        default:
            cumsum_u8((const uint8_t *)call->in[0] + at, (uint8_t *)call->out[0] + at, ctx);
            break;
        }
    }
    return GR_OK;
}

static gr_status cumsum_reference(gr_request *request)
{
    const gr_node *node = request->node;
    cumsum_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    const gr_shape x = node->in[0]->out[0].shape;
    *ctx = (cumsum_ctx){.x = gr_along_of(x, (int)node->attr[0].i),
                        .exclusive = node->attr[1].i != 0,
                        .reverse = node->attr[2].i != 0,
                        .dtype = node->out[0].dtype};
    if (gr_shape_count(x) == 0) ctx->x.outer = 0;
    request->ctx = ctx;
    request->fn = cumsum_run;
    request->kernel = "cumsum-reference";
    return GR_OK;
}

gr_node *gr_cumsum(gr_node *x, int axis, bool exclusive, bool reverse)
{
    gr_attr attr[] = {gr_attr_int(axis), gr_attr_int(exclusive), gr_attr_int(reverse)};
    return gr_build(NULL, &gr_op_cumsum, &x, 1, attr);
}

static gr_node *cumsum_sample(gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape shape;
        int axis, exclusive, reverse;
    } samples[] = {
        {{1, {9}}, 0, 0, 0},        {{2, {5, 17}}, 1, 1, 0}, {{2, {7, 5}}, 0, 0, 1},
        {{3, {2, 7, 3}}, -2, 1, 1}, {{2, {0, 3}}, 1, 0, 0},  {{2, {4, 1}}, 1, 1, 0},
    };
    if ((size_t)k >= GR_LEN(samples)) return NULL;
    gr_node *x = gr_draw(sampler, samples[k].shape, -2, 2);
    return gr_cumsum(x, samples[k].axis, samples[k].exclusive, samples[k].reverse);
}

const gr_op gr_op_cumsum = {
    .name = "cumsum",
    .doc = "running sum along an axis",
    .min_in = 1,
    .max_in = 1,
    .attrs = cumsum_attrs,
    .n_attrs = GR_LEN(cumsum_attrs),
    .infer = cumsum_infer,
    .grad = cumsum_grad,
    .reference = cumsum_reference,
    .sample = cumsum_sample,
};
