/* Kernels of ctc and its gradient (ops/ctc.c has the equations): vectors along the states of a
 * frame, sequences on several threads. */
#include "ops/ctc.h"
#include "backend/backend.h"

enum {
    CTC_GRAIN = 512, /* states worth a thread */
    CTC_PAD = 2      /* impossible states before and behind those of a frame */
};

typedef struct ctc_sequence ctc_sequence;
/* The states of a frame from those of the frame before or, backwards, of the one behind. */
typedef void ctc_step(const ctc_sequence *row, const double *from, double *to);
/* share[s] = exp(alpha[s] + beta[s] - total) */
typedef void ctc_shares(const ctc_sequence *row, const double *alpha, const double *beta,
                        double total, double *share);

typedef struct ctc_plan {
    gr_ctc_sizes ctc;
    int64_t width;          /* of a frame's states, padded */
    int64_t grain, scratch; /* sequences, bytes of a chunk */
    ctc_step *forward, *backward;
    ctc_shares *shares;
} ctc_plan;

/* One sequence, and a thread's scratch memory. */
struct ctc_sequence {
    const gr_ctc_sizes *ctc;
    const char *p; /* [frames, classes] */
    int64_t frames, states;
    int32_t *label; /* of each state */
    double *skip;   /* 0 where a state may be entered from two before, else -inf; padded */
    double *own;    /* log-probabilities of a frame's states; padded */
    double *sum;    /* of a state's and its own; padded */
    double *alpha, *beta;
};

/* ---- Frames ---------------------------------------------------------------------------------- */

static GR_INLINE void ctc_forward_loop(const ctc_sequence *row, const double *from, double *to)
{
    const double *skip = row->skip, *own = row->own;
    GR_SIMD for (int64_t s = 0; s < row->states; s++)
    {
        to[s] = gr_ctc_log_sum(from[s], from[s - 1], from[s - 2] + skip[s]) + own[s];
    }
}

static GR_INLINE void ctc_backward_loop(const ctc_sequence *row, const double *from, double *to)
{
    const double *skip = row->skip;
    GR_SIMD for (int64_t s = 0; s < row->states; s++)
    {
        to[s] = gr_ctc_log_sum(from[s], from[s + 1], from[s + 2] + skip[s + 2]);
    }
}

static GR_INLINE void ctc_shares_loop(const ctc_sequence *row, const double *alpha,
                                      const double *beta, double total, double *share)
{
    GR_SIMD for (int64_t s = 0; s < row->states; s++)
    {
        share[s] = gr_ctc_exp(alpha[s] + beta[s] - total);
    }
}

#define CTC_LEVEL(LEVEL, TARGET)                                                                   \
    TARGET static void ctc_forward_##LEVEL(const ctc_sequence *row, const double *from,            \
                                           double *to)                                             \
    {                                                                                              \
        ctc_forward_loop(row, from, to);                                                           \
    }                                                                                              \
    TARGET static void ctc_backward_##LEVEL(const ctc_sequence *row, const double *from,           \
                                            double *to)                                            \
    {                                                                                              \
        ctc_backward_loop(row, from, to);                                                          \
    }                                                                                              \
    TARGET static void ctc_shares_##LEVEL(const ctc_sequence *row, const double *alpha,            \
                                          const double *beta, double total, double *share)         \
    {                                                                                              \
        ctc_shares_loop(row, alpha, beta, total, share);                                           \
    }
CTC_LEVEL(base, )
#if defined(GR_X86_LEVELS)
CTC_LEVEL(avx2, GR_TARGET_AVX2)
CTC_LEVEL(avx512, GR_TARGET_AVX512)
#endif

/* ---- One sequence ---------------------------------------------------------------------------- */

static void ctc_read_frame(const ctc_sequence *row, int64_t t)
{
    const int64_t first = t * row->ctc->classes;
    for (int64_t s = 0; s < row->states; s++) {
        const int64_t i = first + row->label[s];
        row->own[s] =
            row->ctc->single ? (double)((const float *)row->p)[i] : ((const double *)row->p)[i];
    }
}

/* Fills alpha: all frames for the gradient, else two in turn. Returns the log-probability. */
static double ctc_fast_alphas(const ctc_plan *p, const ctc_sequence *row)
{
    double *now = row->alpha;
    for (int64_t t = 0; t < row->frames; t++) {
        const double *before = now;
        const int64_t place = p->ctc.gradient ? t : t % 2;
        now = row->alpha + place * p->width;
        ctc_read_frame(row, t);
        if (t > 0) {
            p->forward(row, before, now);
            continue;
        }
        for (int64_t s = 0; s < row->states; s++) now[s] = s < 2 ? row->own[s] : -INFINITY;
    }
    return gr_ctc_log_sum(now[row->states - 1], now[row->states - 2], -INFINITY);
}

static void ctc_subtract(const ctc_sequence *row, int64_t t, const double *share, void *out)
{
    const int64_t first = t * row->ctc->classes;
    for (int64_t s = 0; s < row->states; s++) {
        const int64_t i = first + row->label[s];
        if (row->ctc->single)
            ((float *)out)[i] -= (float)share[s];
        else
            ((double *)out)[i] -= share[s];
    }
}

static void ctc_gradient_of(const ctc_plan *p, const ctc_sequence *row, void *out)
{
    const double total = ctc_fast_alphas(p, row);
    if (total == -INFINITY) return; /* no finite step reduces it */
    for (int64_t t = row->frames - 1; t >= 0; t--) {
        if (t == row->frames - 1) {
            for (int64_t s = 0; s < row->states; s++)
                row->beta[s] = s >= row->states - 2 ? 0 : -INFINITY;
        } else {
            ctc_read_frame(row, t + 1);
            for (int64_t s = 0; s < row->states; s++) row->sum[s] = row->beta[s] + row->own[s];
            p->backward(row, row->sum, row->beta);
        }
        p->shares(row, row->alpha + t * p->width, row->beta, total, row->own);
        ctc_subtract(row, t, row->own, out);
    }
}

/* Cuts the scratch memory into a row's arrays, and makes all padding impossible. */
static ctc_sequence ctc_begin(const ctc_plan *p, double *scratch)
{
    const int64_t kept = p->ctc.gradient ? p->ctc.frames : 2;
    ctc_sequence row = {.ctc = &p->ctc};
    for (int64_t i = 0; i < (kept + 4) * p->width; i++) scratch[i] = -INFINITY;
    row.skip = scratch + CTC_PAD;
    row.own = row.skip + p->width;
    row.sum = row.own + p->width;
    row.beta = row.sum + p->width;
    row.alpha = row.beta + p->width;
    row.label = (int32_t *)(void *)(scratch + (kept + 4) * p->width);
    return row;
}

/* What depends on the sequence's labels; behind its states nothing is possible. */
static void ctc_take(const ctc_plan *p, ctc_sequence *row, const int32_t *label, int32_t count)
{
    const int64_t most = p->width - 2 * CTC_PAD;
    row->states = 2 * (int64_t)count + 1;
    for (int64_t s = 0; s < most; s++) {
        const bool inside = s < row->states;
        row->label[s] = s % 2 && inside ? label[s / 2] : p->ctc.blank;
        const bool skips = s % 2 && s >= 3 && inside && label[s / 2] != label[s / 2 - 1];
        row->skip[s] = skips ? 0 : -INFINITY;
        row->sum[s] = -INFINITY;
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct ctc_work {
    const ctc_plan *plan;
    const gr_call *call;
} ctc_work;

static void ctc_body(void *ctx, int64_t begin, int64_t end)
{
    const ctc_work *w = ctx;
    const ctc_plan *p = w->plan;
    const int32_t *labels = w->call->in[1], *frames = w->call->in[2], *counts = w->call->in[3];
    const size_t size = p->ctc.single ? sizeof(float) : sizeof(double);
    const size_t bytes = (size_t)(p->ctc.frames * p->ctc.classes) * size;
    char *out = w->call->out[0];
    ctc_sequence row =
        ctc_begin(p, (void *)((char *)w->call->work + begin / p->grain * p->scratch));
    for (int64_t i = begin; i < end; i++) {
        row.p = (const char *)w->call->in[0] + (size_t)i * bytes;
        row.frames = frames[i];
        ctc_take(p, &row, labels + i * p->ctc.labels, counts[i]);
        if (p->ctc.gradient) {
            memset(out + (size_t)i * bytes, 0, bytes);
            ctc_gradient_of(p, &row, out + (size_t)i * bytes);
        } else if (p->ctc.single) {
            ((float *)(void *)out)[i] = (float)-ctc_fast_alphas(p, &row);
        } else {
            ((double *)(void *)out)[i] = -ctc_fast_alphas(p, &row);
        }
    }
}

static gr_status ctc_fast_run(const gr_call *call)
{
    const ctc_plan *p = call->ctx;
    ctc_work w = {p, call};
    GR_TRY(gr_ctc_check(&p->ctc, call->in[1], call->in[2], call->in[3]));
    gr_parallel(call->threads, p->ctc.n, p->grain, ctc_body, &w);
    return GR_OK;
}

static void ctc_choose_steps(ctc_plan *p, gr_cpu_level level)
{
    static ctc_step *const forward[] = GR_LEVELS(ctc_forward);
    static ctc_step *const backward[] = GR_LEVELS(ctc_backward);
    static ctc_shares *const shares[] = GR_LEVELS(ctc_shares);
    p->forward = forward[level];
    p->backward = backward[level];
    p->shares = shares[level];
}

/* Each chunk has scratch memory of its own. */
gr_status gr_ctc_prepare(gr_request *request)
{
    ctc_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    *p = (ctc_plan){.ctc = gr_ctc_of(request->node)};
    const gr_ctc_sizes *ctc = &p->ctc;
    ctc_choose_steps(p, request->level);
    p->width = 2 * ctc->labels + 1 + 2 * CTC_PAD;
    int64_t chunks = ctc->n * ctc->frames * p->width / CTC_GRAIN + 1;
    if (chunks > request->threads) chunks = request->threads;
    p->grain = (ctc->n + chunks - 1) / chunks;
    if (p->grain < 1) p->grain = 1;
    const int64_t kept = ctc->gradient ? ctc->frames : 2;
    p->scratch = (kept + 4) * p->width * (int64_t)sizeof(double);
    p->scratch += p->width * (int64_t)sizeof(int32_t);
    p->scratch = (int64_t)gr_aligned((size_t)p->scratch);
    request->work = (size_t)(chunks * p->scratch);
    request->ctx = p;
    request->fn = ctc_fast_run;
    request->checks = true;
    request->kernel = "ctc-states";
    return GR_OK;
}
