/* Kernels of gather and scatter_add. */
#include "ops/gather.h"
#include "backend/backend.h"
#include "ops/elementwise.h"

enum { GATHER_GRAIN = 1 << 16 }; /* bytes worth a thread */

typedef struct gather_fast_plan {
    gr_gather_ctx g;
    int64_t row; /* bytes */
    int64_t grain;
} gather_fast_plan;

typedef struct gather_fast_work {
    const gather_fast_plan *plan;
    const void *index;
    const char *from;
    char *to;
} gather_fast_work;

static gather_fast_plan *gather_fast_plan_of(gr_request *request)
{
    const gr_gather_ctx *g = gr_gather_prepare(request);
    if (!g) return NULL;
    gather_fast_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) {
        gr_no_memory(sizeof *p);
        return NULL;
    }
    p->g = *g;
    p->row = g->inner * (int64_t)gr_dtype_size(g->dtype);
    return p;
}

/* ---- gather ---------------------------------------------------------------------------------- */

/* Defines gather_<bits>: rows of one element. */
#define GATHER_ELEMENTS(bits)                                                                      \
    static void gather_fast_##bits(const gather_fast_work *w, int64_t begin, int64_t end)          \
    {                                                                                              \
        const gr_gather_ctx *g = &w->plan->g;                                                      \
        const uint##bits##_t *from = (const void *)w->from;                                        \
        uint##bits##_t *to = (void *)w->to;                                                        \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const int64_t o = g->outer == 1 ? 0 : i / g->count;                                    \
            to[i] = from[o * g->size + gr_gather_index(g, w->index, i - o * g->count)];            \
        }                                                                                          \
    }
GATHER_ELEMENTS(32)
GATHER_ELEMENTS(64)

static void gather_fast_rows(const gather_fast_work *w, int64_t begin, int64_t end)
{
    const gr_gather_ctx *g = &w->plan->g;
    const int64_t row = w->plan->row;
    char *to = w->to + begin * row;
    for (int64_t i = begin; i < end; i++, to += row) {
        const int64_t o = g->outer == 1 ? 0 : i / g->count;
        const int64_t at = o * g->size + gr_gather_index(g, w->index, i - o * g->count);
        memcpy(to, w->from + at * row, (size_t)row);
    }
}

static void gather_fast_body(void *ctx, int64_t begin, int64_t end)
{
    const gather_fast_work *w = ctx;
    if (w->plan->row == 4) {
        gather_fast_32(w, begin, end);
    } else if (w->plan->row == 8) {
        gather_fast_64(w, begin, end);
    } else {
        gather_fast_rows(w, begin, end);
    }
}

static gr_status gather_fast_run(const gr_call *call)
{
    const gather_fast_plan *p = call->ctx;
    GR_TRY(gr_gather_check(&p->g, call->in[1]));
    gather_fast_work w = {p, call->in[1], call->in[0], call->out[0]};
    gr_parallel(call->threads, p->g.outer * p->g.count, p->grain, gather_fast_body, &w);
    return GR_OK;
}

gr_status gr_gather_kernel_prepare(gr_request *request)
{
    gather_fast_plan *p = gather_fast_plan_of(request);
    if (!p) return GR_NO_MEMORY;
    p->grain = GATHER_GRAIN / (p->row + 8) + 1;
    request->ctx = p;
    request->fn = gather_fast_run;
    request->checks = true;
    request->kernel = "gather-rows";
    return GR_OK;
}

/* ---- scatter_add ----------------------------------------------------------------------------- */

/* Defines scatter_add_<name>: all rows of `update` whose index lies in [first, end), for every
 * outer index, in order: whoever has a row of the output adds all of its updates, so that the
 * result does not depend on threads. */
#define SCATTER_ADD(name, T)                                                                       \
    static void scatter_fast_##name(const gather_fast_work *w, int64_t first, int64_t end)         \
    {                                                                                              \
        const gr_gather_ctx *g = &w->plan->g;                                                      \
        const T *from = (const void *)w->from;                                                     \
        for (int64_t o = 0; o < g->outer; o++) {                                                   \
            T *base = (T *)(void *)w->to + o * g->size * g->inner;                                 \
            for (int64_t i = 0; i < g->count; i++, from += g->inner) {                             \
                const int64_t at = gr_gather_index(g, w->index, i);                                \
                if (at < first || at >= end) continue;                                             \
                T *to = base + at * g->inner;                                                      \
                GR_SIMD for (int64_t k = 0; k < g->inner; k++) to[k] = (T)(to[k] + from[k]);       \
            }                                                                                      \
        }                                                                                          \
    }
SCATTER_ADD(f64, double)
SCATTER_ADD(f32, float)
SCATTER_ADD(i64, uint64_t) /* unsigned, where C defines that sums wrap around */
SCATTER_ADD(i32, uint32_t)
SCATTER_ADD(u8, uint8_t)

static void scatter_fast_body(void *ctx, int64_t first, int64_t end)
{
    const gather_fast_work *w = ctx;
    switch (w->plan->g.dtype) {
    case GR_F64:
        scatter_fast_f64(w, first, end);
        break;
    case GR_F32:
        scatter_fast_f32(w, first, end);
        break;
    case GR_I64:
        scatter_fast_i64(w, first, end);
        break;
    case GR_I32:
        scatter_fast_i32(w, first, end);
        break;
    default:
        scatter_fast_u8(w, first, end);
        break;
    }
}

static gr_status scatter_fast_run(const gr_call *call)
{
    const gather_fast_plan *p = call->ctx;
    GR_TRY(gr_gather_check(&p->g, call->in[1]));
    if (call->out[0] != call->in[0]) {
        memcpy(call->out[0], call->in[0], (size_t)(p->g.outer * p->g.size * p->row));
    }
    gather_fast_work w = {p, call->in[1], call->in[2], call->out[0]};
    gr_parallel(call->threads, p->g.size, p->grain, scatter_fast_body, &w);
    return GR_OK;
}

gr_status gr_scatter_add_kernel_prepare(gr_request *request)
{
    gather_fast_plan *p = gather_fast_plan_of(request);
    if (!p) return GR_NO_MEMORY;
    const int64_t bytes = p->g.outer * p->g.count * (p->row + 8);
    /* A share of the output's rows for each thread; every thread reads all indices. */
    int64_t parts = bytes / GATHER_GRAIN + 1;
    if (parts > request->threads) parts = request->threads;
    p->grain = parts > 1 ? (p->g.size + parts - 1) / parts : p->g.size;
    request->ctx = p;
    request->fn = scatter_fast_run;
    request->inplace[0] = 1u << 0;
    request->checks = true;
    request->kernel = "scatter-add-rows";
    return GR_OK;
}
