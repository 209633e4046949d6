/* Local response normalisation and its gradient. A task takes some places of an image through all
 * its channels; vectors run along the places, so that a window's sum is one of rows. The gradient
 * computes the powers anew: that costs less than reading what the forward pass could have kept. */
#include "ops/lrn.h"

#include "backend/backend.h"
#include "backend/cpu/gemm.h"

enum { LRN_TILE = 128 }; /* places of a task */

typedef struct lrn_plan lrn_plan;
/* n places of an image from `x` on; dy and `work` only for the gradient. */
typedef void lrn_tile_fn(const lrn_plan *plan, int64_t n, const void *x, const void *dy, void *out,
                         void *work);

struct lrn_plan {
    gr_lrn_geometry g;
    lrn_tile_fn *tile;
    int64_t tiles; /* of an image */
    size_t element, slot;
};

/* Channels [*first, *end) of those from `before` in front of c to `after` behind it. */
static GR_INLINE void lrn_span(int64_t channels, int64_t c, int64_t before, int64_t after,
                               int64_t *first, int64_t *end)
{
    *first = c > before ? c - before : 0;
    *end = c + after < channels ? c + after + 1 : channels;
}

/* sums, powers: rows of LRN_TILE. The gradient's work holds, of each channel, a row of powers and
 * one of dy·x·s^(-beta-1). */
#define LRN_LOOPS(suffix, T)                                                                       \
    static GR_INLINE void lrn_##suffix##_powers(const lrn_plan *p, int64_t n, const T *s, T *out)  \
    {                                                                                              \
        const double beta = p->g.beta;                                                             \
        if (beta == 0.75) {                                                                        \
            GR_SIMD for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_##suffix(s[i], 0.75);    \
        } else if (beta == 0.5) {                                                                  \
            GR_SIMD for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_##suffix(s[i], 0.5);     \
        } else {                                                                                   \
            for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_##suffix(s[i], beta);            \
        }                                                                                          \
    }                                                                                              \
    /* from s: the powers s^-beta, and in its place s^(-beta-1) */                                 \
    static GR_INLINE void lrn_##suffix##_slopes(const lrn_plan *p, int64_t n, T *s, T *power)      \
    {                                                                                              \
        if (p->g.beta == 0.75) {                                                                   \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                power[i] = gr_lrn_power_##suffix(s[i], 0.75);                                      \
                s[i] = power[i] * gr_lrn_inverse_##suffix(s[i], 0.75);                             \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        lrn_##suffix##_powers(p, n, s, power);                                                     \
        for (int64_t i = 0; i < n; i++)                                                            \
            s[i] = power[i] * gr_lrn_inverse_##suffix(s[i], p->g.beta);                            \
    }                                                                                              \
    /* s of channel c */                                                                           \
    static GR_INLINE void lrn_##suffix##_divisors(const lrn_plan *p, int64_t c, int64_t n,         \
                                                  const T *x, T *restrict s)                       \
    {                                                                                              \
        const T k = (T)p->g.k, share = (T)p->g.share;                                              \
        int64_t first, end;                                                                        \
        lrn_span(p->g.channels, c, p->g.before, p->g.after, &first, &end);                         \
        for (int64_t i = 0; i < n; i++) s[i] = 0;                                                  \
        for (int64_t j = first; j < end; j++) {                                                    \
            const T *row = x + j * p->g.places;                                                    \
            GR_SIMD for (int64_t i = 0; i < n; i++) s[i] += row[i] * row[i];                       \
        }                                                                                          \
        GR_SIMD for (int64_t i = 0; i < n; i++) s[i] = k + share * s[i];                           \
    }                                                                                              \
    static GR_INLINE void lrn_##suffix##_forward(const lrn_plan *p, int64_t n, const void *x,      \
                                                 void *out)                                        \
    {                                                                                              \
        T s[LRN_TILE], power[LRN_TILE];                                                            \
        for (int64_t c = 0; c < p->g.channels; c++) {                                              \
            const T *row = (const T *)x + c * p->g.places;                                         \
            T *y = (T *)out + c * p->g.places;                                                     \
            lrn_##suffix##_divisors(p, c, n, x, s);                                                \
            lrn_##suffix##_powers(p, n, s, power);                                                 \
            GR_SIMD for (int64_t i = 0; i < n; i++) y[i] = row[i] * power[i];                      \
        }                                                                                          \
    }                                                                                              \
    static GR_INLINE void lrn_##suffix##_backward(const lrn_plan *p, int64_t n, const void *in,    \
                                                  const void *cotangent, void *out, void *work)    \
    {                                                                                              \
        const T *x = in, *dy = cotangent;                                                          \
        const T factor = (T)(2 * p->g.share * p->g.beta);                                          \
        T s[LRN_TILE], *powers = work, *shares = powers + p->g.channels * LRN_TILE;                \
        for (int64_t c = 0; c < p->g.channels; c++) {                                              \
            const int64_t row = c * p->g.places, at = c * LRN_TILE;                                \
            lrn_##suffix##_divisors(p, c, n, x, s);                                                \
            lrn_##suffix##_slopes(p, n, s, powers + at);                                           \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                shares[at + i] = dy[row + i] * x[row + i] * s[i];                                  \
            }                                                                                      \
        }                                                                                          \
        for (int64_t c = 0; c < p->g.channels; c++) {                                              \
            const int64_t row = c * p->g.places, at = c * LRN_TILE;                                \
            T *dx = (T *)out + row;                                                                \
            int64_t first, end;                                                                    \
            lrn_span(p->g.channels, c, p->g.after, p->g.before, &first, &end);                     \
            for (int64_t i = 0; i < n; i++) s[i] = 0;                                              \
            for (int64_t j = first; j < end; j++)                                                  \
                GR_SIMD for (int64_t i = 0; i < n; i++) s[i] += shares[j * LRN_TILE + i];          \
            GR_SIMD for (int64_t i = 0; i < n; i++) dx[i] =                                        \
                dy[row + i] * powers[at + i] - factor * x[row + i] * s[i];                         \
        }                                                                                          \
    }

#define LRN_LEVEL(suffix, level, target)                                                           \
    target static void lrn_##suffix##_##level(const lrn_plan *p, int64_t n, const void *x,         \
                                              const void *dy, void *out, void *work)               \
    {                                                                                              \
        (void)dy, (void)work;                                                                      \
        lrn_##suffix##_forward(p, n, x, out);                                                      \
    }                                                                                              \
    target static void lrn_grad_##suffix##_##level(const lrn_plan *p, int64_t n, const void *x,    \
                                                   const void *dy, void *out, void *work)          \
    {                                                                                              \
        lrn_##suffix##_backward(p, n, x, dy, out, work);                                           \
    }

LRN_LOOPS(f32, float)
LRN_LOOPS(f64, double)
LRN_LEVEL(f32, base, )
LRN_LEVEL(f64, base, )
#if defined(GR_X86_LEVELS)
LRN_LEVEL(f32, avx2, GR_TARGET_AVX2)
LRN_LEVEL(f64, avx2, GR_TARGET_AVX2)
LRN_LEVEL(f32, avx512, GR_TARGET_AVX512)
#endif

/* [dtype is f64][level] */
static lrn_tile_fn *const lrn_forward_tiles[2][GR_CPU_LEVELS] = {GR_LEVELS(lrn_f32),
                                                                 GR_TWO_LEVELS(lrn_f64)};
static lrn_tile_fn *const lrn_backward_tiles[2][GR_CPU_LEVELS] = {GR_LEVELS(lrn_grad_f32),
                                                                  GR_TWO_LEVELS(lrn_grad_f64)};

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct lrn_job {
    const lrn_plan *plan;
    const gr_call *call;
    int64_t workers;
} lrn_job;

static void lrn_worker(void *ctx, int64_t begin, int64_t end)
{
    const lrn_job *job = ctx;
    const lrn_plan *p = job->plan;
    const gr_call *call = job->call;
    const int64_t tasks = p->g.images * p->tiles, image = p->g.channels * p->g.places;
    for (int64_t worker = begin; worker < end; worker++) {
        char *work = (char *)call->work + (size_t)worker * p->slot;
        const int64_t last = (worker + 1) * tasks / job->workers;
        for (int64_t task = worker * tasks / job->workers; task < last; task++) {
            const int64_t place = task % p->tiles * LRN_TILE, left = p->g.places - place;
            const size_t at = (size_t)(task / p->tiles * image + place) * p->element;
            const bool backward = p->slot > 0;
            p->tile(p, left < LRN_TILE ? left : LRN_TILE, (const char *)call->in[0] + at,
                    backward ? (const char *)call->in[1] + at : NULL, (char *)call->out[0] + at,
                    work);
        }
    }
}

static int lrn_workers(const lrn_plan *p, int threads)
{
    /* an element costs as much as some 100 operations of a matrix product */
    const int64_t tasks = p->g.images * p->tiles;
    const double elements = (double)p->g.images * (double)(p->g.channels * p->g.places);
    const int workers = gr_gemm_threads(100 * elements, threads);
    return workers < tasks ? workers : tasks > 1 ? (int)tasks : 1;
}

static gr_status lrn_run(const gr_call *call)
{
    const lrn_plan *p = call->ctx;
    lrn_job job = {p, call, lrn_workers(p, call->threads)};
    gr_parallel((int)job.workers, job.workers, 1, lrn_worker, &job);
    return GR_OK;
}

gr_status gr_lrn_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const gr_dtype dtype = gr_type_of(node).dtype;
    const bool backward = node->op == &gr_op_lrn_grad;
    lrn_plan plan = {.g = gr_lrn_geometry_of(node), .element = gr_dtype_size(dtype)};
    plan.tiles = (plan.g.places + LRN_TILE - 1) / LRN_TILE;
    plan.tile =
        (backward ? lrn_backward_tiles : lrn_forward_tiles)[dtype == GR_F64][request->level];
    if (backward) {
        if (plan.g.channels > INT32_MAX / LRN_TILE) return GR_UNSUPPORTED;
        plan.slot = 2 * (size_t)plan.g.channels * LRN_TILE * plan.element;
        request->work = plan.slot * (size_t)lrn_workers(&plan, request->threads);
    }
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = lrn_run;
    request->kernel = backward ? "lrn-grad" : "lrn";
    return GR_OK;
}
