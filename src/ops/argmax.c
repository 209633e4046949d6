/* argmax and argmin: where the extremum along an axis is. */
#include "ops/ops.h"

static const gr_attr_desc argmax_attrs[] = {{"axis", GR_ATTR_INT}};

static bool argmax_infer(gr_infer *s)
{
    gr_shape in = s->in[0].shape, out = {0};
    if (!gr_infer_number(s, 0) || !gr_infer_axis(s, &s->attr[0].i, in.rank)) return false;
    int axis = (int)s->attr[0].i;
    for (int k = 0; k < in.rank; k++) {
        if (k != axis) out.dim[out.rank++] = in.dim[k];
    }
    if (in.dim[axis] == 0 && gr_shape_count(out) != 0) {
        return gr_infer_fail(s, GR_SHAPE, "axis %d of %s is empty: it has no %s element", axis,
                             gr_shape_text(in), s->op == &gr_op_argmax ? "largest" : "smallest");
    }
    s->out[0] = (gr_type){GR_I64, out};
    return true;
}

/* ---- Reference ------------------------------------------------------------------------------- */

typedef struct argmax_ctx {
    bool max;
    gr_dtype dtype;
    int64_t outer, size, inner; /* the axis is the middle one of [outer, size, inner] */
} argmax_ctx;

/* The first of equals wins, and before all the first NaN. */
#define ARGMAX_REFERENCE(name, T)                                                                  \
    static int64_t argmax_##name(const T *x, int64_t size, int64_t step, bool max)                 \
    {                                                                                              \
        int64_t best = 0;                                                                          \
        for (int64_t i = 1; i < size; i++) {                                                       \
            T is = x[i * step], was = x[best * step];                                              \
            if (was != was) break;                                                                 \
            if (is != is || (max ? is > was : is < was)) best = i;                                 \
        }                                                                                          \
        return best;                                                                               \
    }

ARGMAX_REFERENCE(f64, double)
ARGMAX_REFERENCE(f32, float)
ARGMAX_REFERENCE(i64, int64_t)
ARGMAX_REFERENCE(i32, int32_t)
ARGMAX_REFERENCE(u8, uint8_t)

static gr_status argmax_run(const gr_call *call)
{
    const argmax_ctx *ctx = call->ctx;
    int64_t *out = call->out[0];
    for (int64_t i = 0; i < ctx->outer * ctx->inner; i++) {
        int64_t at = i / ctx->inner * ctx->size * ctx->inner + i % ctx->inner;
        switch (ctx->dtype) {
        case GR_F64:
            out[i] = argmax_f64((const double *)call->in[0] + at, ctx->size, ctx->inner, ctx->max);
            break;
        case GR_F32:
            out[i] = argmax_f32((const float *)call->in[0] + at, ctx->size, ctx->inner, ctx->max);
            break;
        case GR_I64:
            out[i] = argmax_i64((const int64_t *)call->in[0] + at, ctx->size, ctx->inner, ctx->max);
            break;
        case GR_I32:
            out[i] = argmax_i32((const int32_t *)call->in[0] + at, ctx->size, ctx->inner, ctx->max);
            break;
        default:
            out[i] = argmax_u8((const uint8_t *)call->in[0] + at, ctx->size, ctx->inner, ctx->max);
            break;
        }
    }
    return GR_OK;
}

static gr_status argmax_reference(gr_request *request)
{
    const gr_node *node = request->node;
    argmax_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    gr_shape in = node->in[0]->out[0].shape;
    int axis = (int)node->attr[0].i;
    *ctx =
        (argmax_ctx){.max = node->op == &gr_op_argmax,
                     .dtype = node->in[0]->out[0].dtype,
                     .outer = gr_shape_count(gr_shape_of(axis, in.dim)),
                     .size = in.dim[axis],
                     .inner = gr_shape_count(gr_shape_of(in.rank - axis - 1, in.dim + axis + 1))};
    if (gr_shape_count(node->out[0].shape) == 0) ctx->outer = ctx->inner = 0;
    request->ctx = ctx;
    request->fn = argmax_run;
    request->kernel = "argmax-reference";
    return GR_OK;
}

/* ---- Builders and records -------------------------------------------------------------------- */

gr_node *gr_argmax(gr_node *x, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_argmax, &x, 1, &attr);
}

gr_node *gr_argmin(gr_node *x, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_argmin, &x, 1, &attr);
}

static gr_node *argmax_sample_of(const gr_op *op, gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape shape;
        int axis;
    } samples[] = {
        {{1, {9}}, 0},    {{2, {5, 37}}, 1}, {{2, {37, 5}}, 0},    {{3, {2, 7, 3}}, -2},
        {{2, {0, 3}}, 1}, {{2, {4, 1}}, 1},  {{3, {3, 1, 67}}, 2},
    };
    if ((size_t)k >= GR_LEN(samples)) return NULL;
    gr_node *x = gr_draw(sampler, samples[k].shape, -3, 3); /* integers: with ties */
    gr_attr attr = gr_attr_int(samples[k].axis);
    return gr_build(NULL, op, &x, 1, &attr);
}

static gr_node *argmax_sample(gr_sampler *sampler, int k)
{
    return argmax_sample_of(&gr_op_argmax, sampler, k);
}

static gr_node *argmin_sample(gr_sampler *sampler, int k)
{
    return argmax_sample_of(&gr_op_argmin, sampler, k);
}

const gr_op gr_op_argmax = {
    .name = "argmax",
    .doc = "index of the largest along an axis, the first of equals",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE,
    .attrs = argmax_attrs,
    .n_attrs = GR_LEN(argmax_attrs),
    .infer = argmax_infer,
    .reference = argmax_reference,
    .sample = argmax_sample,
};

const gr_op gr_op_argmin = {
    .name = "argmin",
    .doc = "index of the smallest along an axis, the first of equals",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE,
    .attrs = argmax_attrs,
    .n_attrs = GR_LEN(argmax_attrs),
    .infer = argmax_infer,
    .reference = argmax_reference,
    .sample = argmin_sample,
};
