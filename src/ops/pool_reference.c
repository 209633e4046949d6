/* The specification of pooling. Windows are walked in row-major order, sums rounded at each
 * addition, so that faster kernels can give the same bits. */
#include "ops/pool.h"

typedef struct pool_box {
    int64_t begin[GR_SPACE], end[GR_SPACE], count; /* count: what an average divides by */
} pool_box;

/* The window of output place `out`, counted in row-major order. */
static pool_box pool_window_box(const gr_pool_geometry *g, int64_t out)
{
    pool_box box = {.count = 1};
    for (int axis = GR_SPACE - 1; axis >= 0; axis--) {
        box.count *= gr_pool_window(g, axis, out % g->out[axis], &box.begin[axis], &box.end[axis]);
        out /= g->out[axis];
    }
    return box;
}

/* For every element of the box, `at` its place in a plane of size `in`. */
#define POOL_EACH(g, box, at)                                                                      \
    for (int64_t z = (box).begin[0]; z < (box).end[0]; z++)                                        \
        for (int64_t y = (box).begin[1]; y < (box).end[1]; y++)                                    \
            for (int64_t at = (z * (g)->in[1] + y) * (g)->in[2] + (box).begin[2],                  \
                         last_ = at - (box).begin[2] + (box).end[2];                               \
                 at < last_; at++)

#define POOL_REFERENCE(suffix, type)                                                               \
    /* The first of the largest; a NaN counts as larger than all that came before. */              \
    static int64_t pool_argmax_##suffix(const gr_pool_geometry *g, const type *x, int64_t out)     \
    {                                                                                              \
        const pool_box box = pool_window_box(g, out);                                              \
        int64_t best = -1;                                                                         \
        POOL_EACH(g, box, at)                                                                      \
        {                                                                                          \
            const bool nan = x[at] != x[at];                                                       \
            if (best < 0 || x[at] > x[best] || (nan && x[best] == x[best])) best = at;             \
        }                                                                                          \
        return best;                                                                               \
    }                                                                                              \
                                                                                                   \
    /* max_pool with v = x, or max_pool_pick */                                                    \
    static gr_status pool_pick_##suffix(const gr_call *call)                                       \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = g->in[0] * g->in[1] * g->in[2];                                       \
        const int64_t places = g->out[0] * g->out[1] * g->out[2];                                  \
        type *out = call->out[0];                                                                  \
        for (int64_t plane = 0; plane < g->planes; plane++) {                                      \
            const type *x = (const type *)call->in[0] + plane * size;                              \
            const type *v = (const type *)call->in[1] + plane * size;                              \
            for (int64_t p = 0; p < places; p++) *out++ = v[pool_argmax_##suffix(g, x, p)];        \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status max_pool_reference_##suffix(const gr_call *call)                              \
    {                                                                                              \
        void *const in[] = {call->in[0], call->in[0]};                                             \
        gr_call both = *call;                                                                      \
        both.in = in;                                                                              \
        return pool_pick_##suffix(&both);                                                          \
    }                                                                                              \
                                                                                                   \
    static gr_status max_pool_grad_reference_##suffix(const gr_call *call)                         \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = g->in[0] * g->in[1] * g->in[2];                                       \
        const int64_t places = g->out[0] * g->out[1] * g->out[2];                                  \
        const type *dy = call->in[1];                                                              \
        memset(call->out[0], 0, (size_t)(g->planes * size) * sizeof(type));                        \
        for (int64_t plane = 0; plane < g->planes; plane++) {                                      \
            const type *x = (const type *)call->in[0] + plane * size;                              \
            type *dx = (type *)call->out[0] + plane * size;                                        \
            for (int64_t p = 0; p < places; p++) dx[pool_argmax_##suffix(g, x, p)] += *dy++;       \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status avg_pool_reference_##suffix(const gr_call *call)                              \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = g->in[0] * g->in[1] * g->in[2];                                       \
        const int64_t places = g->out[0] * g->out[1] * g->out[2];                                  \
        type *out = call->out[0];                                                                  \
        for (int64_t plane = 0; plane < g->planes; plane++) {                                      \
            const type *x = (const type *)call->in[0] + plane * size;                              \
            for (int64_t p = 0; p < places; p++) {                                                 \
                const pool_box box = pool_window_box(g, p);                                        \
                type sum = 0;                                                                      \
                POOL_EACH(g, box, at) sum += x[at];                                                \
                *out++ = sum / (type)box.count;                                                    \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status avg_pool_grad_reference_##suffix(const gr_call *call)                         \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = g->in[0] * g->in[1] * g->in[2];                                       \
        const int64_t places = g->out[0] * g->out[1] * g->out[2];                                  \
        const type *dy = call->in[0];                                                              \
        memset(call->out[0], 0, (size_t)(g->planes * size) * sizeof(type));                        \
        for (int64_t plane = 0; plane < g->planes; plane++) {                                      \
            type *dx = (type *)call->out[0] + plane * size;                                        \
            for (int64_t p = 0; p < places; p++) {                                                 \
                const pool_box box = pool_window_box(g, p);                                        \
                const type share = *dy++ / (type)box.count;                                        \
                POOL_EACH(g, box, at) dx[at] += share;                                             \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

POOL_REFERENCE(f32, float)
POOL_REFERENCE(f64, double)

gr_status gr_pool_reference(gr_request *request)
{
    static const struct {
        const gr_op *op;
        gr_kernel_fn *f32, *f64;
    } kernels[] = {
        {&gr_op_max_pool, max_pool_reference_f32, max_pool_reference_f64},
        {&gr_op_max_pool_grad, max_pool_grad_reference_f32, max_pool_grad_reference_f64},
        {&gr_op_max_pool_pick, pool_pick_f32, pool_pick_f64},
        {&gr_op_avg_pool, avg_pool_reference_f32, avg_pool_reference_f64},
        {&gr_op_avg_pool_grad, avg_pool_grad_reference_f32, avg_pool_grad_reference_f64},
    };
    const gr_pool_geometry geometry = gr_pool_geometry_of(request->node);
    request->ctx = gr_arena_copy(request->arena, &geometry, sizeof geometry);
    if (!request->ctx) return GR_NO_MEMORY;
    const bool f64 = gr_type_of(request->node).dtype == GR_F64;
    for (size_t i = 0; i < GR_LEN(kernels); i++) {
        if (kernels[i].op == request->node->op) request->fn = f64 ? kernels[i].f64 : kernels[i].f32;
    }
    request->kernel = "pool-reference";
    return GR_OK;
}
