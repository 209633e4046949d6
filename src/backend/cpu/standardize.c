/* standardize and its gradient in f32, a group at a time: a group that the L2 cache holds is read
 * from memory once in each direction. Sums run in fixed lanes, and units of them are added in f64.
 */
#include "ops/standardize.h"
#include "backend/backend.h"
#include "backend/cpu/gemm.h"
#include "ops/elementwise.h"

#include <math.h>

enum {
    STANDARDIZE_LANES = 8,
    STANDARDIZE_CHAINS = 4,  /* vectors of lanes that are added to in turn */
    STANDARDIZE_UNIT = 2048, /* elements that are summed in f32 */
    STANDARDIZE_CHUNKS = 16  /* of images: each has its own sums of what gamma and beta get */
};

typedef float standardize_lanes __attribute__((vector_size(4 * STANDARDIZE_LANES)));

/* One group, or one channel of it. */
typedef struct standardize_part {
    const float *x, *dy, *gamma, *beta; /* gamma and beta from its first channel on */
    float *out;                         /* y or dx */
    float *to_gamma, *to_beta;          /* sums of its channels */
    float mean, factor;
} standardize_part;

typedef void standardize_fn(const gr_standardize_geometry *g, standardize_part *p);

typedef struct standardize_plan {
    gr_standardize_geometry g;
    standardize_fn *run;
    int64_t chunks; /* of the images' groups, with sums of their own */
} standardize_plan;

/* ---- Sums ------------------------------------------------------------------------------------ */

typedef enum standardize_sums_kind {
    STANDARDIZE_SUM,      /* Σ x */
    STANDARDIZE_SQUARES,  /* Σ (x - mean)² */
    STANDARDIZE_PRODUCTS, /* Σ dy, Σ dy·(x - mean) */
    STANDARDIZE_WEIGHTED  /* the same with dy·gamma in place of dy */
} standardize_sums_kind;

/* Takes in a vector of elements. */
static GR_INLINE void standardize_step(standardize_sums_kind kind, const float *x, const float *dy,
                                       const float *gamma, float mean, standardize_lanes *a,
                                       standardize_lanes *b)
{
    standardize_lanes v, d, w;
    memcpy(&v, x, sizeof v);
    if (kind == STANDARDIZE_SUM) {
        *a += v;
        return;
    }
    v -= mean;
    if (kind == STANDARDIZE_SQUARES) {
        *a += v * v;
        return;
    }
    memcpy(&d, dy, sizeof d);
    if (kind == STANDARDIZE_WEIGHTED) {
        memcpy(&w, gamma, sizeof w);
        d *= w;
    }
    *a += d;
    *b += d * v;
}

static GR_INLINE double standardize_fold(const standardize_lanes *chain)
{
    float lane[STANDARDIZE_LANES];
    const standardize_lanes all = (chain[0] + chain[1]) + (chain[2] + chain[3]);
    memcpy(lane, &all, sizeof lane);
    for (int half = STANDARDIZE_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    }
    return (double)lane[0];
}

/* Adds the sums over a unit of n elements to sum[]. */
static GR_INLINE void standardize_unit(standardize_sums_kind kind, const float *x, const float *dy,
                                       const float *gamma, int64_t n, float mean, double sum[2])
{
    standardize_lanes a[STANDARDIZE_CHAINS] = {{0}}, b[STANDARDIZE_CHAINS] = {{0}};
    const bool weighted = kind == STANDARDIZE_WEIGHTED, products = kind >= STANDARDIZE_PRODUCTS;
    int64_t i = 0;
    for (; i + STANDARDIZE_LANES * STANDARDIZE_CHAINS <= n;
         i += STANDARDIZE_LANES * STANDARDIZE_CHAINS) {
        for (int k = 0; k < STANDARDIZE_CHAINS; k++) {
            const int64_t at = i + k * STANDARDIZE_LANES;
            standardize_step(kind, x + at, dy + at, gamma + at, mean, &a[k], &b[k]);
        }
    }
    for (; i + STANDARDIZE_LANES <= n; i += STANDARDIZE_LANES) {
        standardize_step(kind, x + i, dy + i, gamma + i, mean, &a[0], &b[0]);
    }
    if (i < n) { /* filled up with what adds nothing */
        float rest[3][STANDARDIZE_LANES];
        for (int k = 0; k < STANDARDIZE_LANES; k++) {
            const bool in = i + k < n;
            rest[0][k] = in ? x[i + k] : kind == STANDARDIZE_SUM ? 0 : mean;
            rest[1][k] = in && products ? dy[i + k] : 0;
            rest[2][k] = in && weighted ? gamma[i + k] : 0;
        }
        standardize_step(kind, rest[0], rest[1], rest[2], mean, &a[1], &b[1]);
    }
    sum[0] += standardize_fold(a);
    if (products) sum[1] += standardize_fold(b);
}

static GR_INLINE void standardize_sums(standardize_sums_kind kind, const float *x, const float *dy,
                                       const float *gamma, int64_t n, float mean, double sum[2])
{
    for (int64_t at = 0; at < n; at += STANDARDIZE_UNIT) {
        const int64_t some = n - at < STANDARDIZE_UNIT ? n - at : STANDARDIZE_UNIT;
        const bool weighted = kind == STANDARDIZE_WEIGHTED, products = kind >= STANDARDIZE_PRODUCTS;
        standardize_unit(kind, x + at, products ? dy + at : x, weighted ? gamma + at : x, some,
                         mean, sum);
    }
}

/* ---- A group --------------------------------------------------------------------------------- */

static GR_INLINE void standardize_forward(const gr_standardize_geometry *g, standardize_part *p)
{
    const int64_t size = g->channels * g->places;
    double sum[2] = {0}, squares[2] = {0};
    standardize_sums(STANDARDIZE_SUM, p->x, NULL, NULL, size, 0, sum);
    const float mean = (float)(sum[0] / (double)size);
    standardize_sums(STANDARDIZE_SQUARES, p->x, NULL, NULL, size, mean, squares);
    const float factor = (float)(1 / sqrt(squares[0] / (double)size + g->epsilon));
    const float *restrict x = p->x, *restrict gamma = p->gamma, *restrict beta = p->beta;
    float *restrict y = p->out;
    if (g->places == 1) {
        GR_SIMD for (int64_t i = 0; i < size; i++) y[i] =
            (x[i] - mean) * factor * gamma[i] + beta[i];
    }
    for (int64_t c = 0; c < g->channels && g->places > 1; c++) {
        const float scale = factor * gamma[c], shift = beta[c];
        GR_SIMD for (int64_t i = 0; i < g->places; i++) y[i] = (x[i] - mean) * scale + shift;
        x += g->places;
        y += g->places;
    }
    p->mean = mean;
    p->factor = factor;
}

/* dx = f·(h - M(h) - z·M(h·z)) with z = (x - mean)·f, h = dy·gamma and M the mean over the group:
 * with plain = Σ h and along = Σ h·(x - mean) it is h·f - (x - mean)·slope - shift. */
static GR_INLINE void standardize_backward(const gr_standardize_geometry *g, standardize_part *p)
{
    const int64_t size = g->channels * g->places;
    const float mean = p->mean, factor = p->factor;
    const float *restrict x = p->x, *restrict dy = p->dy, *restrict gamma = p->gamma;
    float *restrict dx = p->out, *restrict to_gamma = p->to_gamma, *restrict to_beta = p->to_beta;
    double sum[2] = {0};
    if (g->places == 1) standardize_sums(STANDARDIZE_WEIGHTED, x, dy, gamma, size, mean, sum);
    for (int64_t c = 0; c < g->channels && g->places > 1; c++) {
        double one[2] = {0};
        const int64_t at = c * g->places;
        standardize_sums(STANDARDIZE_PRODUCTS, x + at, dy + at, NULL, g->places, mean, one);
        to_beta[c] += (float)one[0];
        to_gamma[c] += (float)(one[1] * (double)factor);
        sum[0] += one[0] * (double)gamma[c];
        sum[1] += one[1] * (double)gamma[c];
    }
    const double f = (double)factor, count = (double)size;
    const float shift = (float)(f * (sum[0] / count)),
                slope = (float)(f * f * f * (sum[1] / count));
    if (g->places == 1) {
        GR_SIMD for (int64_t i = 0; i < size; i++)
        {
            const float d = dy[i], centred = x[i] - mean;
            dx[i] = d * gamma[i] * factor - centred * slope - shift;
            to_gamma[i] += d * (centred * factor);
            to_beta[i] += d;
        }
        return;
    }
    for (int64_t c = 0; c < g->channels; c++) {
        const float scale = factor * gamma[c];
        GR_SIMD for (int64_t i = 0; i < g->places; i++) dx[i] =
            dy[i] * scale - (x[i] - mean) * slope - shift;
        x += g->places;
        dy += g->places;
        dx += g->places;
    }
}

#define STANDARDIZE_LEVEL(level, target)                                                           \
    target static void standardize_forward_##level(const gr_standardize_geometry *g,               \
                                                   standardize_part *p)                            \
    {                                                                                              \
        standardize_forward(g, p);                                                                 \
    }                                                                                              \
    target static void standardize_backward_##level(const gr_standardize_geometry *g,              \
                                                    standardize_part *p)                           \
    {                                                                                              \
        standardize_backward(g, p);                                                                \
    }

/* Where there are levels, the reference does for the least of them: ten kilobytes for CPUs of
 * before 2013. */
#if defined(GR_X86_LEVELS)
enum { STANDARDIZE_LEAST = GR_CPU_AVX2 };
STANDARDIZE_LEVEL(best, GR_TARGET_AVX2)
#else
enum { STANDARDIZE_LEAST = GR_CPU_BASE };
STANDARDIZE_LEVEL(best, )
#endif

/* ---- Running --------------------------------------------------------------------------------- */

static void standardize_forward_groups(void *ctx, int64_t begin, int64_t end)
{
    const gr_call *call = ctx;
    const standardize_plan *plan = call->ctx;
    const gr_standardize_geometry *g = &plan->g;
    for (int64_t i = begin; i < end; i++) {
        const int64_t at = i * g->channels * g->places, channel = i % g->groups * g->channels;
        standardize_part p = {.x = (const float *)call->in[0] + at,
                              .gamma = (const float *)call->in[1] + channel,
                              .beta = (const float *)call->in[2] + channel,
                              .out = (float *)call->out[0] + at};
        plan->run(g, &p);
        ((float *)call->out[1])[i] = p.mean;
        ((float *)call->out[2])[i] = p.factor;
    }
}

/* Chunks of images, each of which adds up its own sums. */
static void standardize_backward_chunks(void *ctx, int64_t begin, int64_t end)
{
    const gr_call *call = ctx;
    const standardize_plan *plan = call->ctx;
    const gr_standardize_geometry *g = &plan->g;
    const int64_t channels = g->groups * g->channels;
    for (int64_t chunk = begin; chunk < end; chunk++) {
        float *sums = (float *)call->work + 2 * chunk * channels;
        memset(sums, 0, 2 * (size_t)channels * sizeof *sums);
        const int64_t first = chunk * g->images / plan->chunks * g->groups;
        const int64_t last = (chunk + 1) * g->images / plan->chunks * g->groups;
        for (int64_t i = first; i < last; i++) {
            const int64_t at = i * g->channels * g->places, channel = i % g->groups * g->channels;
            standardize_part p = {.dy = (const float *)call->in[0] + at,
                                  .x = (const float *)call->in[1] + at,
                                  .gamma = (const float *)call->in[2] + channel,
                                  .mean = ((const float *)call->in[3])[i],
                                  .factor = ((const float *)call->in[4])[i],
                                  .out = (float *)call->out[0] + at,
                                  .to_gamma = sums + channel,
                                  .to_beta = sums + channels + channel};
            plan->run(g, &p);
        }
    }
}

static gr_status standardize_call(const gr_call *call)
{
    const standardize_plan *plan = call->ctx;
    const gr_standardize_geometry *g = &plan->g;
    const int64_t size = g->channels * g->places, groups = g->images * g->groups;
    /* an element costs as much as some 20 operations of a matrix product */
    const int threads = gr_gemm_threads(20 * (double)(groups * size), call->threads);
    if (plan->chunks == 0) {
        gr_parallel(threads, groups, 1, standardize_forward_groups, (void *)(uintptr_t)call);
        return GR_OK;
    }
    gr_parallel(threads, plan->chunks, 1, standardize_backward_chunks, (void *)(uintptr_t)call);
    const int64_t channels = g->groups * g->channels;
    const float *restrict sums = call->work;
    for (int j = 0; j < 2; j++) {
        float *restrict to = call->out[1 + j];
        memset(to, 0, (size_t)channels * sizeof *to);
        for (int64_t k = 0; k < plan->chunks; k++) {
            const float *restrict from = sums + (2 * k + j) * channels;
            GR_SIMD for (int64_t c = 0; c < channels; c++) to[c] += from[c];
        }
    }
    return GR_OK;
}

gr_status gr_standardize_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const bool backward = node->op == &gr_op_standardize_grad;
    if (node->out[0].dtype != GR_F32 || (int)request->level < STANDARDIZE_LEAST)
        return GR_UNSUPPORTED;
    standardize_plan plan = {.g = gr_standardize_geometry_of(node)};
    plan.run = backward ? standardize_backward_best : standardize_forward_best;
    if (backward) {
        const gr_standardize_geometry *g = &plan.g;
        plan.chunks =
            g->images < STANDARDIZE_CHUNKS ? g->images + (g->images == 0) : STANDARDIZE_CHUNKS;
        request->work = (size_t)(2 * plan.chunks * g->groups * g->channels) * sizeof(float);
    }
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = standardize_call;
    request->kernel = backward ? "standardize-grad" : "standardize";
    return GR_OK;
}
