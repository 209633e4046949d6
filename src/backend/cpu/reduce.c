/* Vector kernels of sum, prod, max and min, in the order that ops/reduce.h defines. */
#include "backend/cpu/reduce.h"
#include "backend/backend.h"
#include "ops/elementwise.h"

#if defined(GR_X86_LEVELS)
#include <immintrin.h>
#endif

/* ---- Kernels for each type and level --------------------------------------------------------- */

#define REDUCE_T float
#define REDUCE_U float
#define REDUCE_BITS int32_t
#define REDUCE_NAME(part) reduce_f32_base_##part
#define REDUCE_VECTOR 16
#define REDUCE_TARGET
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T double
#define REDUCE_U double
#define REDUCE_BITS int64_t
#define REDUCE_NAME(part) reduce_f64_base_##part
#define REDUCE_VECTOR 16
#define REDUCE_TARGET
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T int64_t
#define REDUCE_U uint64_t
#define REDUCE_NAME(part) reduce_i64_base_##part
#define REDUCE_ANY_ORDER
#define REDUCE_TARGET
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T int32_t
#define REDUCE_U uint32_t
#define REDUCE_NAME(part) reduce_i32_base_##part
#define REDUCE_ANY_ORDER
#define REDUCE_TARGET
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T uint8_t
#define REDUCE_U uint8_t
#define REDUCE_NAME(part) reduce_u8_base_##part
#define REDUCE_ANY_ORDER
#define REDUCE_TARGET
#include "backend/cpu/reduce_kernels.h"

#if defined(GR_X86_LEVELS)

/* The instructions give their second operand where the two are equal or one is NaN; what is missing
 * is that a NaN in x wins. */
#define REDUCE_F32_AVX2(op, a, x)                                                                  \
    _mm256_blendv_ps(_mm256_##op##_ps(x, a), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q))
#define REDUCE_F64_AVX2(op, a, x)                                                                  \
    _mm256_blendv_pd(_mm256_##op##_pd(x, a), x, _mm256_cmp_pd(x, x, _CMP_UNORD_Q))
#define REDUCE_F32_AVX512(op, a, x)                                                                \
    _mm512_mask_mov_ps(_mm512_##op##_ps(x, a), _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x)

#define REDUCE_T float
#define REDUCE_U float
#define REDUCE_BITS int32_t
#define REDUCE_NAME(part) reduce_f32_avx2_##part
#define REDUCE_MAX(a, x) REDUCE_F32_AVX2(max, (__m256)(a), (__m256)(x))
#define REDUCE_MIN(a, x) REDUCE_F32_AVX2(min, (__m256)(a), (__m256)(x))
#define REDUCE_VECTOR 32
#define REDUCE_TARGET GR_TARGET_AVX2
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T double
#define REDUCE_U double
#define REDUCE_BITS int64_t
#define REDUCE_NAME(part) reduce_f64_avx2_##part
#define REDUCE_MAX(a, x) REDUCE_F64_AVX2(max, (__m256d)(a), (__m256d)(x))
#define REDUCE_MIN(a, x) REDUCE_F64_AVX2(min, (__m256d)(a), (__m256d)(x))
#define REDUCE_VECTOR 32
#define REDUCE_TARGET GR_TARGET_AVX2
#include "backend/cpu/reduce_kernels.h"

#define REDUCE_T float
#define REDUCE_U float
#define REDUCE_BITS int32_t
#define REDUCE_NAME(part) reduce_f32_avx512_##part
#define REDUCE_MAX(a, x) REDUCE_F32_AVX512(max, (__m512)(a), (__m512)(x))
#define REDUCE_MIN(a, x) REDUCE_F32_AVX512(min, (__m512)(a), (__m512)(x))
#define REDUCE_LOAD_PART(x, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), x)
#define REDUCE_TURN(v, h) _mm512_alignr_epi32((__m512i)(v), (__m512i)(v), h)
#define REDUCE_VECTOR 64
#define REDUCE_TARGET GR_TARGET_AVX512
#include "backend/cpu/reduce_kernels.h"

#endif

gr_reduce_kernels gr_reduce_kernels_of(gr_reduce_kind kind, gr_dtype dtype, gr_cpu_level level)
{
    /* Integers gain little, so that one level serves; f64 stops at AVX2, as elementwise. */
    static const gr_reduce_kernels *const base[GR_DTYPE_COUNT] = {
        [GR_F64] = reduce_f64_base_kernels,
        [GR_F32] = reduce_f32_base_kernels,
        [GR_I64] = reduce_i64_base_kernels,
        [GR_I32] = reduce_i32_base_kernels,
        [GR_U8] = reduce_u8_base_kernels};
#if defined(GR_X86_LEVELS)
    if (level == GR_CPU_AVX512 && dtype == GR_F32) return reduce_f32_avx512_kernels[kind];
    if (level == GR_CPU_AVX2 && dtype == GR_F32) return reduce_f32_avx2_kernels[kind];
    if (level >= GR_CPU_AVX2 && dtype == GR_F64) return reduce_f64_avx2_kernels[kind];
#else
    (void)level;
#endif
    return base[dtype][kind];
}

/* ---- Walking the blocks ---------------------------------------------------------------------- */

enum {
    REDUCE_GRAIN = 32768, /* elements of a thread's chunk, at least, … */
    REDUCE_PAYS = 4,      /* … and so many chunks are worth a second thread */
    REDUCE_TILE = 512,    /* columns of a task: their partial results stay in the L1 cache */
    REDUCE_BATCH = 64     /* units whose results are collected before they combine */
};

typedef struct reduce_plan {
    gr_reduction r;
    gr_reduce_kernels kernel;
    int64_t size; /* bytes of an element */
    int64_t tiles, grain;
} reduce_plan;

typedef struct reduce_work {
    const reduce_plan *plan;
    const char *x;
    char *to; /* a result for each block: the output itself if an output is one block */
} reduce_work;

int64_t gr_reduce_run_of_rows(const gr_walk *row, int64_t r, int64_t end, int64_t *step)
{
    if (row->rank == 0) {
        *step = 0;
        return end - r;
    }
    const int last = row->rank - 1;
    *step = row->step[last];
    const int64_t left = last == 0 ? end - r : row->dim[last] - r % row->dim[last];
    return left < end - r ? left : end - r;
}

/* Every output is one unit, and the units are evenly spaced. */
static void reduce_body_even(void *ctx, int64_t begin, int64_t end)
{
    const reduce_work *w = ctx;
    const reduce_plan *p = w->plan;
    const int64_t step = p->r.group.rank ? p->r.group.step[0] : 0;
    p->kernel.units(w->to + begin * p->size, w->x + begin * step * p->size, end - begin, step,
                    p->r.length);
}

/* One block of one output, the innermost axis being reduced. */
static void reduce_block(const reduce_plan *p, const char *x, int64_t block, char *to)
{
    const gr_reduction *r = &p->r;
    if (r->row_units > 1) { /* then a block is one unit */
        const int64_t start = block % r->row_units * GR_REDUCE_UNIT, left = r->length - start;
        const int64_t at = gr_walk_offset(&r->row, block / r->row_units) + start;
        p->kernel.units(to, x + at * p->size, 1, 0, left < GR_REDUCE_UNIT ? left : GR_REDUCE_UNIT);
        return;
    }
    const int64_t first = block * r->per_block;
    const int64_t end = first + r->per_block < r->rows ? first + r->per_block : r->rows;
    _Alignas(GR_ALIGN) char batch[REDUCE_BATCH * sizeof(double)];
    for (int64_t row = first, step, n; row < end; row += n) {
        n = gr_reduce_run_of_rows(&r->row, row, end, &step);
        if (n > REDUCE_BATCH) n = REDUCE_BATCH;
        const char *from = x + gr_walk_offset(&r->row, row) * p->size;
        p->kernel.units(batch, from, n, step, r->length);
        const int64_t taken = row == first;
        if (taken) memcpy(to, batch, (size_t)p->size);
        p->kernel.columns(to, batch + taken * p->size, n - taken, 1, 1);
    }
}

static void reduce_body_blocks(void *ctx, int64_t begin, int64_t end)
{
    const reduce_work *w = ctx;
    const reduce_plan *p = w->plan;
    for (int64_t task = begin; task < end; task++) {
        const int64_t group = task / p->r.blocks, block = task % p->r.blocks;
        const char *x = w->x + gr_walk_offset(&p->r.group, group) * p->size;
        reduce_block(p, x, block, w->to + task * p->size);
    }
}

/* A tile of the columns of one block, the innermost axis being kept. */
static void reduce_body_columns(void *ctx, int64_t begin, int64_t end)
{
    const reduce_work *w = ctx;
    const reduce_plan *p = w->plan;
    const gr_reduction *r = &p->r;
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % p->tiles, part = task / p->tiles;
        const int64_t group = part / r->blocks, block = part % r->blocks;
        const int64_t column = tile * REDUCE_TILE, left = r->columns - column;
        const int64_t n = left < REDUCE_TILE ? left : REDUCE_TILE;
        const char *x = w->x + (gr_walk_offset(&r->group, group) + column) * p->size;
        char *to = w->to + (part * r->columns + column) * p->size;
        const int64_t first = block * r->per_block;
        const int64_t stop = first + r->per_block < r->rows ? first + r->per_block : r->rows;
        memcpy(to, x + gr_walk_offset(&r->row, first) * p->size, (size_t)(n * p->size));
        for (int64_t row = first + 1, step, rows; row < stop; row += rows) {
            rows = gr_reduce_run_of_rows(&r->row, row, stop, &step);
            const char *from = x + gr_walk_offset(&r->row, row) * p->size;
            p->kernel.columns(to, from, rows, step, n);
        }
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Combines the blocks of each group as a tree and stores what comes out. */
static void reduce_fold_blocks(const reduce_plan *p, char *work, char *out)
{
    const int64_t blocks = p->r.blocks, row = p->r.columns * p->size;
    for (int64_t group = 0; group < p->r.groups; group++, work += blocks * row, out += row) {
        for (int64_t s = 1; s < blocks; s *= 2) {
            for (int64_t i = 0; i + s < blocks; i += 2 * s) {
                p->kernel.columns(work + i * row, work + (i + s) * row, 1, 0, p->r.columns);
            }
        }
        memcpy(out, work, (size_t)row);
    }
}

static gr_status reduce_run_nothing(const gr_call *call)
{
    const reduce_plan *p = call->ctx;
    gr_reduce_neutral(&p->r, call->out[0], p->r.groups * p->r.columns);
    return GR_OK;
}

static gr_status reduce_run_even(const gr_call *call)
{
    const reduce_plan *p = call->ctx;
    reduce_work w = {p, call->in[0], call->out[0]};
    gr_parallel(call->threads, p->r.groups, p->grain, reduce_body_even, &w);
    return GR_OK;
}

static gr_status reduce_run_blocks(const gr_call *call)
{
    const reduce_plan *p = call->ctx;
    reduce_work w = {p, call->in[0], p->r.blocks > 1 ? call->work : call->out[0]};
    gr_parallel(call->threads, p->r.groups * p->r.blocks, p->grain, reduce_body_blocks, &w);
    if (p->r.blocks > 1) reduce_fold_blocks(p, call->work, call->out[0]);
    return GR_OK;
}

static gr_status reduce_run_columns(const gr_call *call)
{
    const reduce_plan *p = call->ctx;
    reduce_work w = {p, call->in[0], p->r.blocks > 1 ? call->work : call->out[0]};
    const int64_t tasks = p->r.groups * p->r.blocks * p->tiles;
    gr_parallel(call->threads, tasks, p->grain, reduce_body_columns, &w);
    if (p->r.blocks > 1) reduce_fold_blocks(p, call->work, call->out[0]);
    return GR_OK;
}

gr_status gr_reduce_prepare(gr_request *request)
{
    reduce_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    p->r = gr_reduction_of_node(request->node);
    const gr_reduction *r = &p->r;
    p->kernel = gr_reduce_kernels_of(r->kind, r->dtype, request->level);
    p->size = (int64_t)gr_dtype_size(r->dtype);
    p->tiles = (r->columns + REDUCE_TILE - 1) / REDUCE_TILE;
    const bool inner = r->columns == 1;
    int64_t tasks = r->groups * r->blocks * p->tiles;
    int64_t cost = r->groups * r->columns * r->rows * r->length; /* elements */
    p->grain = cost < REDUCE_PAYS * REDUCE_GRAIN ? tasks : REDUCE_GRAIN / (cost / tasks + 1) + 1;
    if (r->blocks > 1) request->work = (size_t)(r->groups * r->blocks * r->columns * p->size);
    const bool even = inner && r->rows * r->row_units == 1 && r->group.rank <= 1;
    request->fn = r->blocks == 0 ? reduce_run_nothing
                  : even         ? reduce_run_even
                  : inner        ? reduce_run_blocks
                                 : reduce_run_columns;
    request->ctx = p;
    request->kernel = r->blocks == 0 ? "reduce-nothing" : inner ? "reduce-rows" : "reduce-columns";
    return GR_OK;
}
