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

/* The tap that leads from window `out` to the place `at` of a plane: see gr_pool_tap_place. */
static int64_t pool_tap_of(const gr_pool_geometry *g, int64_t out, int64_t at)
{
    int64_t tap = 0, unit = 1;
    for (int axis = GR_SPACE - 1; axis >= 0; axis--) {
        const int64_t first = gr_pool_first(g, axis, out % g->out[axis]);
        tap += (at % g->in[axis] - first) * unit;
        unit *= g->kernel[axis];
        at /= g->in[axis];
        out /= g->out[axis];
    }
    return tap;
}

static int64_t pool_volume(const int64_t size[GR_SPACE])
{
    return size[0] * size[1] * size[2];
}

/* Taps are u8 where a window has at most 256 elements, else i32. */
static int64_t pool_reference_read(const gr_pool_geometry *g, const void *taps, int64_t i)
{
    return pool_volume(g->kernel) <= 256 ? ((const uint8_t *)taps)[i] : ((const int32_t *)taps)[i];
}

static void pool_reference_write(const gr_pool_geometry *g, void *taps, int64_t i, int64_t tap)
{
    if (pool_volume(g->kernel) <= 256) {
        ((uint8_t *)taps)[i] = (uint8_t)tap;
    } else {
        ((int32_t *)taps)[i] = (int32_t)tap;
    }
}

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
    /* taps: NULL if they are not asked for */                                                     \
    static void pool_maxima_##suffix(const gr_call *call, void *taps)                              \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = pool_volume(g->in), places = pool_volume(g->out);                     \
        type *y = call->out[0];                                                                    \
        for (int64_t i = 0; i < g->planes * places; i++) {                                         \
            const type *x = (const type *)call->in[0] + i / places * size;                         \
            const int64_t at = pool_argmax_##suffix(g, x, i % places);                             \
            y[i] = x[at];                                                                          \
            if (taps) pool_reference_write(g, taps, i, pool_tap_of(g, i % places, at));            \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static gr_status max_pool_reference_##suffix(const gr_call *call)                              \
    {                                                                                              \
        pool_maxima_##suffix(call, NULL);                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status max_pool_taps_reference_##suffix(const gr_call *call)                         \
    {                                                                                              \
        pool_maxima_##suffix(call, call->out[1]);                                                  \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    /* A tap that leads nowhere picks 0. */                                                        \
    static gr_status max_pool_pick_reference_##suffix(const gr_call *call)                         \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = pool_volume(g->in), places = pool_volume(g->out);                     \
        type *y = call->out[0];                                                                    \
        for (int64_t i = 0; i < g->planes * places; i++) {                                         \
            const type *v = (const type *)call->in[1] + i / places * size;                         \
            const int64_t tap = pool_reference_read(g, call->in[0], i);                            \
            const int64_t at = gr_pool_tap_place(g, i % places, tap);                              \
            y[i] = at < 0 ? 0 : v[at];                                                             \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status max_pool_grad_reference_##suffix(const gr_call *call)                         \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = pool_volume(g->in), places = pool_volume(g->out);                     \
        const type *dy = call->in[1];                                                              \
        memset(call->out[0], 0, (size_t)(g->planes * size) * sizeof(type));                        \
        for (int64_t i = 0; i < g->planes * places; i++) {                                         \
            type *dx = (type *)call->out[0] + i / places * size;                                   \
            const int64_t tap = pool_reference_read(g, call->in[0], i);                            \
            const int64_t at = gr_pool_tap_place(g, i % places, tap);                              \
            if (at >= 0) dx[at] += dy[i];                                                          \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
                                                                                                   \
    static gr_status avg_pool_reference_##suffix(const gr_call *call)                              \
    {                                                                                              \
        const gr_pool_geometry *g = call->ctx;                                                     \
        const int64_t size = pool_volume(g->in);                                                   \
        const int64_t places = pool_volume(g->out);                                                \
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
        const int64_t size = pool_volume(g->in);                                                   \
        const int64_t places = pool_volume(g->out);                                                \
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
        {&gr_op_max_pool_taps, max_pool_taps_reference_f32, max_pool_taps_reference_f64},
        {&gr_op_max_pool_grad, max_pool_grad_reference_f32, max_pool_grad_reference_f64},
        {&gr_op_max_pool_pick, max_pool_pick_reference_f32, max_pool_pick_reference_f64},
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
