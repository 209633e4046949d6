/* The specification of the convolutions: each element of the result is summed in double, in the
 * order of the loops below, and rounded once. */
#include "ops/conv.h"

/* The input place that output place `out` sees through kernel place `k`, or -1 for padding. */
static int64_t conv_seen(const gr_conv_geometry *g, int axis, int64_t out, int64_t k)
{
    const int64_t place = out * g->stride[axis] + k * g->dilation[axis] - g->pad[axis];
    return place >= 0 && place < g->in[axis] ? place : -1;
}

/* The output place that sees input place `in` through kernel place `k`, or -1. */
static int64_t conv_seer(const gr_conv_geometry *g, int axis, int64_t in, int64_t k)
{
    const int64_t place = in + g->pad[axis] - k * g->dilation[axis];
    if (place < 0 || place % g->stride[axis] != 0) return -1;
    return place / g->stride[axis] < g->out[axis] ? place / g->stride[axis] : -1;
}

static void conv_unravel(int64_t index, const int64_t size[GR_SPACE], int64_t at[GR_SPACE])
{
    for (int axis = GR_SPACE - 1; axis >= 0; axis--) {
        at[axis] = index % size[axis];
        index /= size[axis];
    }
}

static int64_t conv_ravel(const int64_t size[GR_SPACE], const int64_t at[GR_SPACE])
{
    return (at[0] * size[1] + at[1]) * size[2] + at[2];
}

/* Row-major place of what `from` sees (or is seen by) through each kernel place; -1 for none. */
static int64_t conv_other(const gr_conv_geometry *g, bool seer, const int64_t from[GR_SPACE],
                          int64_t kernel)
{
    int64_t k[GR_SPACE], to[GR_SPACE];
    conv_unravel(kernel, g->kernel, k);
    for (int axis = 0; axis < GR_SPACE; axis++) {
        to[axis] = seer ? conv_seer(g, axis, from[axis], k[axis])
                        : conv_seen(g, axis, from[axis], k[axis]);
        if (to[axis] < 0) return -1;
    }
    return conv_ravel(seer ? g->out : g->in, to);
}

#define CONV_REFERENCE(suffix, type)                                                               \
    /* y[n,o,p] = Σ_c Σ_k x[n, c, seen(p,k)]·w[o,c,k] */                                        \
    static gr_status conv_reference_##suffix(const gr_call *call)                                  \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const type *x = call->in[0], *w = call->in[1];                                             \
        type *y = call->out[0];                                                                    \
        const int64_t size = gr_conv_volume(g->in), places = gr_conv_volume(g->out);               \
        const int64_t kernel = gr_conv_volume(g->kernel);                                          \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups;                          \
        for (int64_t at = 0; at < g->n * g->o * places; at++) {                                    \
            const int64_t n = at / (g->o * places), o = at / places % g->o;                        \
            const int64_t first = o / width * depth;                                               \
            int64_t p[GR_SPACE];                                                                   \
            conv_unravel(at % places, g->out, p);                                                  \
            double sum = 0;                                                                        \
            for (int64_t i = 0; i < depth * kernel; i++) {                                         \
                const int64_t c = i / kernel, seen = conv_other(g, false, p, i % kernel);          \
                if (seen < 0) continue;                                                            \
                sum += (double)x[(n * g->c + first + c) * size + seen] *                           \
                       (double)w[o * depth * kernel + i];                                          \
            }                                                                                      \
            y[at] = (type)sum;                                                                     \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* dx[n,c,q] = Σ_o Σ_k dy[n, o, seer(q,k)]·w[o,c,k] */                                      \
    static gr_status conv_input_grad_reference_##suffix(const gr_call *call)                       \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const type *dy = call->in[0], *w = call->in[1];                                            \
        type *dx = call->out[0];                                                                   \
        const int64_t size = gr_conv_volume(g->in), places = gr_conv_volume(g->out);               \
        const int64_t kernel = gr_conv_volume(g->kernel);                                          \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups;                          \
        for (int64_t at = 0; at < g->n * g->c * size; at++) {                                      \
            const int64_t n = at / (g->c * size), c = at / size % g->c;                            \
            const int64_t first = c / depth * width;                                               \
            int64_t q[GR_SPACE];                                                                   \
            conv_unravel(at % size, g->in, q);                                                     \
            double sum = 0;                                                                        \
            for (int64_t i = 0; i < width * kernel; i++) {                                         \
                const int64_t o = first + i / kernel, k = i % kernel;                              \
                const int64_t seer = conv_other(g, true, q, k);                                    \
                if (seer < 0) continue;                                                            \
                sum += (double)dy[(n * g->o + o) * places + seer] *                                \
                       (double)w[(o * depth + c % depth) * kernel + k];                            \
            }                                                                                      \
            dx[at] = (type)sum;                                                                    \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* dw[o,c,k] = Σ_n Σ_p x[n, c, seen(p,k)]·dy[n,o,p] */                                      \
    static gr_status conv_weight_grad_reference_##suffix(const gr_call *call)                      \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const type *x = call->in[0], *dy = call->in[1];                                            \
        type *dw = call->out[0];                                                                   \
        const int64_t size = gr_conv_volume(g->in), places = gr_conv_volume(g->out);               \
        const int64_t kernel = gr_conv_volume(g->kernel);                                          \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups;                          \
        for (int64_t at = 0; at < g->o * depth * kernel; at++) {                                   \
            const int64_t o = at / (depth * kernel);                                               \
            const int64_t c = o / width * depth + at / kernel % depth;                             \
            double sum = 0;                                                                        \
            for (int64_t i = 0; i < g->n * places; i++) {                                          \
                int64_t p[GR_SPACE];                                                               \
                conv_unravel(i % places, g->out, p);                                               \
                const int64_t n = i / places, seen = conv_other(g, false, p, at % kernel);         \
                if (seen < 0) continue;                                                            \
                sum += (double)x[(n * g->c + c) * size + seen] *                                   \
                       (double)dy[(n * g->o + o) * places + i % places];                           \
            }                                                                                      \
            dw[at] = (type)sum;                                                                    \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

CONV_REFERENCE(f32, float)
CONV_REFERENCE(f64, double)

gr_status gr_conv_reference(gr_request *request)
{
    const gr_op *op = request->node->op;
    const bool f64 = gr_type_of(request->node).dtype == GR_F64;
    const gr_conv_geometry geometry = gr_conv_geometry_of(request->node);
    request->ctx = gr_arena_copy(request->arena, &geometry, sizeof geometry);
    if (!request->ctx) return GR_NO_MEMORY;
    if (op == &gr_op_conv) {
        request->fn = f64 ? conv_reference_f64 : conv_reference_f32;
    } else if (op == &gr_op_conv_input_grad) {
        request->fn = f64 ? conv_input_grad_reference_f64 : conv_input_grad_reference_f32;
    } else {
        request->fn = f64 ? conv_weight_grad_reference_f64 : conv_weight_grad_reference_f32;
    }
    request->kernel = "conv-reference";
    return GR_OK;
}
