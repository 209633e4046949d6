/* Local response normalisation and its gradient, in f32. A task takes some places of an image
 * through all its channels; vectors run along the places, so that a window's sum is one of rows.
 * The gradient computes the powers anew: that costs less than reading what the forward pass could
 * have kept. */
#include "ops/lrn.h"

#include "backend/backend.h"
#include "backend/cpu/gemm.h"

enum { LRN_TILE = 128 }; /* places of a task */

typedef struct lrn_plan lrn_plan;
/* n places of an image from `x` on; dy and `work` only for the gradient. */
typedef void lrn_tile_fn(const lrn_plan *plan, int64_t n, const float *x, const float *dy,
                         float *out, float *work);

struct lrn_plan {
    gr_lrn_geometry g;
    lrn_tile_fn *tile;
    int64_t tiles; /* of an image */
    size_t slot;
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
static GR_INLINE void lrn_powers(const lrn_plan *p, int64_t n, const float *s, float *out)
{
    const double beta = p->g.beta;
    if (beta == 0.75) {
        GR_SIMD for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_f32(s[i], 0.75);
    } else if (beta == 0.5) {
        GR_SIMD for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_f32(s[i], 0.5);
    } else {
        for (int64_t i = 0; i < n; i++) out[i] = gr_lrn_power_f32(s[i], beta);
    }
}

/* from s: the powers s^-beta, and in its place s^(-beta-1) */
static GR_INLINE void lrn_slopes(const lrn_plan *p, int64_t n, float *s, float *power)
{
    if (p->g.beta == 0.75) {
        GR_SIMD for (int64_t i = 0; i < n; i++)
        {
            power[i] = gr_lrn_power_f32(s[i], 0.75);
            s[i] = power[i] * gr_lrn_inverse_f32(s[i], 0.75);
        }
        return;
    }
    lrn_powers(p, n, s, power);
    for (int64_t i = 0; i < n; i++) s[i] = power[i] * gr_lrn_inverse_f32(s[i], p->g.beta);
}

/* s of channel c */
static GR_INLINE void lrn_divisors(const lrn_plan *p, int64_t c, int64_t n, const float *x,
                                   float *restrict s)
{
    const float k = (float)p->g.k, share = (float)p->g.share;
    int64_t first, end;
    lrn_span(p->g.channels, c, p->g.before, p->g.after, &first, &end);
    for (int64_t i = 0; i < n; i++) s[i] = 0;
    for (int64_t j = first; j < end; j++) {
        const float *row = x + j * p->g.places;
        GR_SIMD for (int64_t i = 0; i < n; i++) s[i] += row[i] * row[i];
    }
    GR_SIMD for (int64_t i = 0; i < n; i++) s[i] = k + share * s[i];
}

static GR_INLINE void lrn_forward(const lrn_plan *p, int64_t n, const float *x, float *out)
{
    float s[LRN_TILE], power[LRN_TILE];
    for (int64_t c = 0; c < p->g.channels; c++) {
        const float *row = x + c * p->g.places;
        float *y = out + c * p->g.places;
        lrn_divisors(p, c, n, x, s);
        lrn_powers(p, n, s, power);
        GR_SIMD for (int64_t i = 0; i < n; i++) y[i] = row[i] * power[i];
    }
}

static GR_INLINE void lrn_backward(const lrn_plan *p, int64_t n, const float *x, const float *dy,
                                   float *out, float *work)
{
    const float factor = (float)(2 * p->g.share * p->g.beta);
    float s[LRN_TILE], *powers = work, *shares = powers + p->g.channels * LRN_TILE;
    for (int64_t c = 0; c < p->g.channels; c++) {
        const int64_t row = c * p->g.places, at = c * LRN_TILE;
        lrn_divisors(p, c, n, x, s);
        lrn_slopes(p, n, s, powers + at);
        GR_SIMD for (int64_t i = 0; i < n; i++)
        {
            shares[at + i] = dy[row + i] * x[row + i] * s[i];
        }
    }
    for (int64_t c = 0; c < p->g.channels; c++) {
        const int64_t row = c * p->g.places, at = c * LRN_TILE;
        float *dx = out + row;
        int64_t first, end;
        lrn_span(p->g.channels, c, p->g.after, p->g.before, &first, &end);
        for (int64_t i = 0; i < n; i++) s[i] = 0;
        for (int64_t j = first; j < end; j++)
            GR_SIMD for (int64_t i = 0; i < n; i++) s[i] += shares[j * LRN_TILE + i];
        GR_SIMD for (int64_t i = 0; i < n; i++) dx[i] =
            dy[row + i] * powers[at + i] - factor * x[row + i] * s[i];
    }
}

#define LRN_LEVEL(level, target)                                                                   \
    target static void lrn_f32_##level(const lrn_plan *p, int64_t n, const float *x,               \
                                       const float *dy, float *out, float *work)                   \
    {                                                                                              \
        (void)dy, (void)work;                                                                      \
        lrn_forward(p, n, x, out);                                                                 \
    }                                                                                              \
    target static void lrn_grad_f32_##level(const lrn_plan *p, int64_t n, const float *x,          \
                                            const float *dy, float *out, float *work)              \
    {                                                                                              \
        lrn_backward(p, n, x, dy, out, work);                                                      \
    }

LRN_LEVEL(base, )
#if defined(GR_X86_LEVELS)
LRN_LEVEL(avx2, GR_TARGET_AVX2)
LRN_LEVEL(avx512, GR_TARGET_AVX512)
#endif

static lrn_tile_fn *const lrn_forward_tiles[GR_CPU_LEVELS] = GR_LEVELS(lrn_f32);
static lrn_tile_fn *const lrn_backward_tiles[GR_CPU_LEVELS] = GR_LEVELS(lrn_grad_f32);

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
        float *work = (float *)call->work + (size_t)worker * p->slot / sizeof(float);
        const int64_t last = (worker + 1) * tasks / job->workers;
        for (int64_t task = worker * tasks / job->workers; task < last; task++) {
            const int64_t place = task % p->tiles * LRN_TILE, left = p->g.places - place;
            const int64_t at = task / p->tiles * image + place;
            const bool backward = p->slot > 0;
            p->tile(p, left < LRN_TILE ? left : LRN_TILE, (const float *)call->in[0] + at,
                    backward ? (const float *)call->in[1] + at : NULL, (float *)call->out[0] + at,
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
    const bool backward = node->op == &gr_op_lrn_grad;
    if (gr_type_of(node).dtype != GR_F32) return GR_UNSUPPORTED;
    lrn_plan plan = {.g = gr_lrn_geometry_of(node)};
    plan.tiles = (plan.g.places + LRN_TILE - 1) / LRN_TILE;
    plan.tile = (backward ? lrn_backward_tiles : lrn_forward_tiles)[request->level];
    if (backward) {
        if (plan.g.channels > INT32_MAX / LRN_TILE) return GR_UNSUPPORTED;
        plan.slot = 2 * (size_t)plan.g.channels * LRN_TILE * sizeof(float);
        request->work = plan.slot * (size_t)lrn_workers(&plan, request->threads);
    }
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = lrn_run;
    request->kernel = backward ? "lrn-grad" : "lrn";
    return GR_OK;
}
