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

/* conv_other of one place for each kernel place. */
static void conv_others(const gr_conv_geometry *g, bool seer, int64_t place, int64_t *other)
{
    int64_t from[GR_SPACE];
    conv_unravel(place, seer ? g->in : g->out, from);
    const int64_t kernel = gr_conv_volume(g->kernel);
    for (int64_t k = 0; k < kernel; k++) other[k] = conv_other(g, seer, from, k);
}

/* Loops over places stand outside, so that what a place sees is found once, in the scratch memory;
 * each sum has its own order. */
#define CONV_REFERENCE(suffix, type)                                                               \
    /* y[n,o,p] = Σ_c Σ_k x[n, c, seen(p,k)]·w[o,c,k] */                                        \
    static gr_status conv_reference_##suffix(const gr_call *call)                                  \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const int64_t size = gr_conv_volume(g->in), places = gr_conv_volume(g->out);               \
        const int64_t kernel = gr_conv_volume(g->kernel), rows = g->n * g->o;                      \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups;                          \
        type *y = call->out[0];                                                                    \
        int64_t *seen = call->work;                                                                \
        for (int64_t p = 0; p < places; p++) {                                                     \
            conv_others(g, false, p, seen);                                                        \
            for (int64_t row = 0; row < rows; row++) {                                             \
                const int64_t n = row / g->o, o = row % g->o;                                      \
                const type *x = call->in[0], *w = call->in[1];                                     \
                x += (n * g->c + o / width * depth) * size;                                        \
                w += o * depth * kernel;                                                           \
                double sum = 0;                                                                    \
                for (int64_t c = 0; c < depth; c++, x += size, w += kernel) {                      \
                    for (int64_t k = 0; k < kernel; k++)                                           \
                        if (seen[k] >= 0) sum += (double)x[seen[k]] * (double)w[k];                \
                }                                                                                  \
                y[row * places + p] = (type)sum;                                                   \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* dx[n,c,q] = Σ_o Σ_k dy[n, o, seer(q,k)]·w[o,c,k] */                                      \
    static gr_status conv_input_grad_reference_##suffix(const gr_call *call)                       \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const int64_t size = gr_conv_volume(g->in), places = gr_conv_volume(g->out);               \
        const int64_t kernel = gr_conv_volume(g->kernel), rows = g->n * g->c;                      \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups;                          \
        type *dx = call->out[0];                                                                   \
        int64_t *seer = call->work;                                                                \
        for (int64_t q = 0; q < size; q++) {                                                       \
            conv_others(g, true, q, seer);                                                         \
            for (int64_t row = 0; row < rows; row++) {                                             \
                const int64_t n = row / g->c, c = row % g->c, first = c / depth * width;           \
                const type *dy = call->in[0], *w = call->in[1];                                    \
                dy += (n * g->o + first) * places;                                                 \
                w += (first * depth + c % depth) * kernel;                                         \
                double sum = 0;                                                                    \
                for (int64_t o = 0; o < width; o++, dy += places, w += depth * kernel) {           \
                    for (int64_t k = 0; k < kernel; k++)                                           \
                        if (seer[k] >= 0) sum += (double)dy[seer[k]] * (double)w[k];               \
                }                                                                                  \
                dx[row * size + q] = (type)sum;                                                    \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* dw[o,c,k] = Σ_n Σ_p x[n, c, seen(p,k)]·dy[n,o,p] */                                      \
    static gr_status conv_weight_grad_reference_##suffix(const gr_call *call)                      \
    {                                                                                              \
        const gr_conv_geometry *g = call->ctx;                                                     \
        const int64_t size = gr_conv_volume(g->in);                                                \
        const int64_t places = gr_conv_volume(g->out), kernel = gr_conv_volume(g->kernel);         \
        const int64_t depth = g->c / g->groups, width = g->o / g->groups, rows = g->o * depth;     \
        type *dw = call->out[0];                                                                   \
        int64_t *seen = call->work;                                                                \
        for (int64_t k = 0; k < kernel; k++) {                                                     \
            for (int64_t p = 0; p < places; p++) {                                                 \
                int64_t from[GR_SPACE];                                                            \
                conv_unravel(p, g->out, from);                                                     \
                seen[p] = conv_other(g, false, from, k);                                           \
            }                                                                                      \
            for (int64_t row = 0; row < rows; row++) {                                             \
                const int64_t o = row / depth, c = o / width * depth + row % depth;                \
                const type *x = call->in[0], *dy = call->in[1];                                    \
                x += c * size;                                                                     \
                dy += o * places;                                                                  \
                double sum = 0;                                                                    \
                for (int64_t n = 0; n < g->n; n++, x += g->c * size, dy += g->o * places) {        \
                    for (int64_t p = 0; p < places; p++)                                           \
                        if (seen[p] >= 0) sum += (double)x[seen[p]] * (double)dy[p];               \
                }                                                                                  \
                dw[row * kernel + k] = (type)sum;                                                  \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

CONV_REFERENCE(f32, float)
CONV_REFERENCE(f64, double)

/* Of no elements: what is left of the result is 0. */
static gr_status conv_reference_empty(const gr_call *call)
{
    const size_t *bytes = call->ctx;
    if (*bytes > 0) memset(call->out[0], 0, *bytes);
    return GR_OK;
}

gr_status gr_conv_reference(gr_request *request)
{
    const gr_op *op = request->node->op;
    const gr_type type = gr_type_of(request->node);
    const bool f64 = type.dtype == GR_F64;
    const gr_conv_geometry g = gr_conv_geometry_of(request->node);
    const size_t bytes = (size_t)gr_shape_count(type.shape) * gr_dtype_size(type.dtype);
    const bool empty = g.n == 0 || g.c == 0 || g.o == 0;
    request->kernel = "conv-reference";
    request->ctx = empty ? gr_arena_copy(request->arena, &bytes, sizeof bytes)
                         : gr_arena_copy(request->arena, &g, sizeof g);
    if (!request->ctx) return GR_NO_MEMORY;
    int64_t others = gr_conv_volume(g.kernel);
    if (empty) {
        request->fn = conv_reference_empty;
        return GR_OK;
    }
    if (op == &gr_op_conv) {
        request->fn = f64 ? conv_reference_f64 : conv_reference_f32;
    } else if (op == &gr_op_conv_input_grad) {
        request->fn = f64 ? conv_input_grad_reference_f64 : conv_input_grad_reference_f32;
    } else {
        request->fn = f64 ? conv_weight_grad_reference_f64 : conv_weight_grad_reference_f32;
        others = gr_conv_volume(g.out);
    }
    request->work = (size_t)others * sizeof(int64_t);
    return GR_OK;
}
