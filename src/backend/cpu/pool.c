/* Pooling, plane by plane. */
#include "backend/cpu/pool.h"

#include "backend/cpu/gemm.h"
#include "ops/elementwise.h"

#include <math.h>

#if defined(__clang__)
#define POOL_SHUFFLE(a, b, index, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define POOL_SHUFFLE(a, b, index, ...) __builtin_shuffle(a, b, (index){__VA_ARGS__})
#endif

#define POOL_NAME(x) pool_f32_##x
#define POOL_T float
#define POOL_INT int32_t
#include "backend/cpu/pool_kernel.h"

#define POOL_NAME(x) pool_f64_##x
#define POOL_T double
#define POOL_INT int64_t
#include "backend/cpu/pool_kernel.h"

#define POOL_NAME(x) pool_f32x4_base_##x
#define POOL_T float
#define POOL_INT int32_t
#define POOL_LANES 4
#define POOL_TARGET
#include "backend/cpu/pool_vector.h"

#if defined(GR_X86_LEVELS)
/* Wider vectors gain nothing: pooling waits for memory. */
#define POOL_AVX2 __attribute__((target("avx2")))

#define POOL_NAME(x) pool_f32x8_avx2_##x
#define POOL_T float
#define POOL_INT int32_t
#define POOL_LANES 8
#define POOL_TARGET POOL_AVX2
#include "backend/cpu/pool_vector.h"

#endif

/* `count`: windows of a row. Rows of a few are not worth long vectors, and f64 not the code of any:
 * it then goes window by window. */
static const pool_kit *pool_kit_for(gr_dtype dtype, gr_cpu_level level, int64_t count)
{
#if defined(GR_X86_LEVELS)
    if (level >= GR_CPU_AVX2 && dtype == GR_F32 && count >= 8) return &pool_f32x8_avx2_kit;
#else
    (void)level, (void)count;
#endif
    return dtype == GR_F64 ? &pool_f64_kit : &pool_f32x4_base_kit;
}

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct pool_job {
    const pool_plan *plan;
    const gr_call *call;
    int64_t workers;
} pool_job;

static void pool_worker(void *ctx, int64_t begin, int64_t end)
{
    const pool_job *job = ctx;
    const pool_plan *p = job->plan;
    const gr_call *call = job->call;
    for (int64_t worker = begin; worker < end; worker++) {
        char *work = (char *)call->work + (size_t)worker * p->slot;
        const int64_t first = worker * p->g.planes / job->workers;
        const int64_t last = (worker + 1) * p->g.planes / job->workers;
        memset(work, 0, p->slot);
        for (int64_t i = first; i < last; i++) {
            const size_t plane = (size_t)i;
            const pool_plane at = {
                .a = (const char *)call->in[0] + plane * p->a,
                .b = p->b ? (const char *)call->in[1] + plane * p->b : NULL,
                .out = (char *)call->out[0] + plane * p->out,
                .taps = p->tap ? (char *)call->out[1] + plane * p->tap : NULL,
                .work = work,
            };
            p->plane(p, &at);
        }
    }
}

static int pool_workers(const pool_plan *p, int threads)
{
    /* an element costs about as much as 16 operations of a matrix product */
    const double size = (double)(p->in_size + p->out_size);
    const int workers = gr_gemm_threads(16 * size * (double)p->g.planes, threads);
    return workers < p->g.planes ? workers : p->g.planes > 1 ? (int)p->g.planes : 1;
}

static gr_status pool_run(const gr_call *call)
{
    const pool_plan *p = call->ctx;
    pool_job job = {p, call, pool_workers(p, call->threads)};
    gr_parallel((int)job.workers, job.workers, 1, pool_worker, &job);
    return GR_OK;
}

/* ---- Preparing ------------------------------------------------------------------------------- */

/* Windows of a row that lie inside x whole. */
static void pool_find_inside(pool_plan *p)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t step = g->stride[2], room = g->in[2] + g->pad[2] - g->kernel[2];
    p->inside_begin = (g->pad[2] + step - 1) / step;
    p->inside_end = room < 0 ? 0 : room / step + 1;
    if (p->inside_end > g->out[2]) p->inside_end = g->out[2];
    if (p->inside_begin > p->inside_end) p->inside_begin = p->inside_end;
}

#define POOL_MOST_WORK (1 << 20) /* bytes for what a worker copies of a plane */

/* Prepares windows by vectors; false if they do not suit. */
static bool pool_prepare_vectors(pool_plan *p, int lanes, size_t bytes)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t step = g->stride[2];
    if (g->adaptive) return false;
    const bool suits = step == 1 || (step == 2 && (g->kernel[2] == 2 || g->kernel[2] == 3));
    if (!suits || g->out[2] < lanes) return false;
    p->width = g->in[2];
    p->copies = p->inside_begin > 0 || p->inside_end < g->out[2];
    if (!p->copies) return true;
    const int64_t reach = (g->out[2] - 1) * step + g->kernel[2], all = g->pad[2] + g->in[2];
    p->width = reach > all ? reach : all;
    const double size = (double)p->width * (double)(g->in[0] * g->in[1]) * (double)bytes;
    if (size > POOL_MOST_WORK) return false;
    p->slot = (size_t)size;
    return true;
}

/* Of each row of windows; NULL without memory. */
static const pool_row *pool_find_rows(const gr_pool_geometry *g, gr_arena *arena)
{
    pool_row *rows = gr_arena_alloc(arena, (size_t)(g->out[0] * g->out[1]) * sizeof *rows);
    for (int64_t i = 0; rows && i < g->out[0] * g->out[1]; i++) {
        const int64_t z = i / g->out[1], y = i % g->out[1];
        pool_row *r = &rows[i];
        r->place = i * g->out[2];
        r->zf = gr_pool_first(g, 0, z);
        r->yf = gr_pool_first(g, 1, y);
        r->count = gr_pool_window(g, 0, z, &r->z0, &r->z1);
        r->count *= gr_pool_window(g, 1, y, &r->y0, &r->y1);
    }
    return rows;
}

/* For each element along an axis; NULL without memory. */
static const pool_cover *pool_covers(const gr_pool_geometry *g, int axis, gr_arena *arena)
{
    pool_cover *cover = gr_arena_alloc(arena, (size_t)g->in[axis] * sizeof *cover);
    for (int64_t i = 0; cover && i < g->in[axis]; i++) {
        const int64_t stride = g->stride[axis], place = i + g->pad[axis];
        const int64_t before = place - g->kernel[axis]; /* too early to begin */
        cover[i] = (pool_cover){before < 0 ? 0 : before / stride + 1, place / stride, place};
        if (cover[i].last >= g->out[axis]) cover[i].last = g->out[axis] - 1;
    }
    return cover;
}

/* Prepares gradients by vectors; GR_UNSUPPORTED if they do not suit. */
static gr_status pool_prepare_gather(pool_plan *p, int lanes, size_t bytes, gr_arena *arena)
{
    const gr_pool_geometry *g = &p->g;
    const bool suits = g->stride[2] == 2 && (g->kernel[2] == 2 || g->kernel[2] == 3);
    if (g->adaptive || !suits) return GR_UNSUPPORTED;
    p->apart = g->kernel[2] == 2 && g->pad[2] == 0 && p->inside_end == g->out[2] &&
               g->out[2] >= lanes && g->stride[1] >= g->kernel[1] && g->stride[0] >= g->kernel[0];
    p->covered = p->taps * p->out_size == p->in_size;
    for (int axis = 0; axis < GR_SPACE; axis++) p->covered &= g->pad[axis] + g->pad_end[axis] == 0;
    const int64_t pairs = (g->in[2] + g->pad[2] + 1) / 2;
    p->pitch = (pairs + lanes - 1) / lanes * lanes + 1;
    const double size = 2.0 * (double)p->pitch * (double)(g->out[0] * g->out[1] + 1);
    if (size * (double)bytes > POOL_MOST_WORK) return GR_UNSUPPORTED;
    p->slot = (size_t)size * bytes;
    for (int axis = 0; axis < 2; axis++) {
        p->cover[axis] = pool_covers(g, axis, arena);
        if (!p->cover[axis]) return GR_NO_MEMORY;
    }
    return GR_OK;
}

/* Where each tap leads; NULL without memory. */
static const pool_tap *pool_find_taps(const pool_plan *p, gr_arena *arena)
{
    const gr_pool_geometry *g = &p->g;
    pool_tap *taps = gr_arena_alloc(arena, (size_t)p->taps * sizeof *taps);
    for (int64_t tap = 0; taps && tap < p->taps; tap++) {
        pool_tap *t = &taps[tap];
        t->z = tap / g->kernel[2] / g->kernel[1];
        t->y = tap / g->kernel[2] % g->kernel[1];
        t->x = tap % g->kernel[2];
        t->place = (t->z * g->in[1] + t->y) * g->in[2] + t->x;
    }
    return taps;
}

/* Of each window of a row; NULL without memory. */
static const pool_stretch *pool_find_stretches(const gr_pool_geometry *g, gr_arena *arena)
{
    pool_stretch *stretch = gr_arena_alloc(arena, (size_t)g->out[2] * sizeof *stretch);
    for (int64_t i = 0; stretch && i < g->out[2]; i++) {
        stretch[i].first = gr_pool_first(g, 2, i);
        gr_pool_window(g, 2, i, &stretch[i].begin, &stretch[i].end);
    }
    return stretch;
}

/* Do the windows cut each plane into squares of 2×2? Columns and rows may be left over. */
static bool pool_is_quads(const gr_pool_geometry *g)
{
    return !g->adaptive && g->in[0] == 1 && g->kernel[0] == 1 && g->out[0] == 1 &&
           g->kernel[1] == 2 && g->kernel[2] == 2 && g->stride[1] == 2 && g->stride[2] == 2 &&
           g->pad[1] == 0 && g->pad[2] == 0 && 2 * g->out[1] <= g->in[1] &&
           2 * g->out[2] <= g->in[2];
}

/* The kernel of the op for such windows, which needs nothing; NULL if there is none. */
static pool_plane_fn *pool_choose_quad(const pool_plan *p, const gr_op *op, const pool_kit *kit)
{
    const gr_pool_geometry *g = &p->g;
    if (!pool_is_quads(g) || g->out[2] < kit->lanes) return NULL;
    if (op == &gr_op_max_pool) return kit->quad.max;
    if (op == &gr_op_max_pool_taps) return kit->quad.max_taps;
    const bool fills = p->in_size == 4 * p->out_size;
    return op == &gr_op_max_pool_grad && fills ? kit->quad.max_grad : NULL;
}

/* The kernel of the op, and what it needs: by vectors, or else window by window. */
static gr_status pool_choose(pool_plan *p, const gr_request *request)
{
    const gr_node *node = request->node;
    const gr_op *op = node->op;
    const gr_dtype dtype = gr_type_of(node).dtype;
    const size_t bytes = gr_dtype_size(dtype);
    const bool averages = op == &gr_op_avg_pool || op == &gr_op_avg_pool_grad;
    const bool spreads = op == &gr_op_max_pool_grad || op == &gr_op_avg_pool_grad;
    const pool_kit *kit = pool_kit_for(dtype, request->level, p->g.out[2]);
    const bool vectors = kit->lanes > 1;
    gr_status status = GR_UNSUPPORTED;
    p->plane = pool_choose_quad(p, op, kit);
    if (p->plane) return GR_OK;
    if (averages) {
        p->columns = dtype == GR_F64 ? pool_f64_columns(&p->g, request->arena)
                                     : pool_f32_columns(&p->g, request->arena);
        if (!p->columns) return GR_NO_MEMORY;
    }
    if (vectors && spreads) {
        status = pool_prepare_gather(p, kit->lanes, bytes, request->arena);
    } else if (vectors && op != &gr_op_max_pool_pick &&
               pool_prepare_vectors(p, kit->lanes, bytes)) {
        status = GR_OK;
    }
    if (status == GR_UNSUPPORTED) {
        kit = dtype == GR_F64 ? &pool_f64_kit : &pool_f32_kit;
        /* shares of a row of windows, or maxima and their lines of a row of x */
        const int64_t row = p->g.out[2] > 2 * p->g.in[2] ? p->g.out[2] : 2 * p->g.in[2];
        p->slot = (size_t)row * bytes;
        p->tap_at = node->n_in > 1 ? pool_find_taps(p, request->arena) : NULL;
        status = node->n_in > 1 && !p->tap_at ? GR_NO_MEMORY : GR_OK;
    }
    if (op == &gr_op_max_pool) p->plane = kit->max;
    if (op == &gr_op_max_pool_taps) p->plane = kit->max_taps;
    if (op == &gr_op_max_pool_grad) p->plane = kit->max_grad;
    if (op == &gr_op_max_pool_pick) p->plane = kit->max_pick;
    if (op == &gr_op_avg_pool) p->plane = kit->avg;
    if (op == &gr_op_avg_pool_grad) p->plane = kit->avg_grad;
    return status;
}

/* Bytes of a plane of each buffer. */
static void pool_find_strides(pool_plan *p, const gr_node *node)
{
    const gr_op *op = node->op;
    const size_t bytes = gr_dtype_size(gr_type_of(node).dtype);
    const size_t x = (size_t)p->in_size * bytes, y = (size_t)p->out_size * bytes;
    const size_t taps = (size_t)p->out_size * (p->wide_taps ? sizeof(int32_t) : 1);
    const bool spreads = op == &gr_op_max_pool_grad || op == &gr_op_avg_pool_grad;
    p->out = spreads ? x : y;
    p->a = spreads ? y : x;
    if (op == &gr_op_max_pool_taps) p->tap = taps;
    if (node->n_in < 2) return;
    p->b = p->a;
    p->a = taps;
}

gr_status gr_pool_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    pool_plan plan = {.g = gr_pool_geometry_of(node)}, *p = &plan;
    p->in_size = p->g.in[0] * p->g.in[1] * p->g.in[2];
    p->out_size = p->g.out[0] * p->g.out[1] * p->g.out[2];
    if (p->in_size > INT32_MAX / 2) return GR_UNSUPPORTED; /* taps are 32-bit beside floats */
    p->taps = p->g.kernel[0] * p->g.kernel[1] * p->g.kernel[2];
    p->wide_taps = p->taps > 256;
    pool_find_inside(p);
    pool_find_strides(p, node);
    p->rows = pool_find_rows(&p->g, request->arena);
    p->stretch = pool_find_stretches(&p->g, request->arena);
    if (!p->rows || !p->stretch) return GR_NO_MEMORY;
    GR_TRY(pool_choose(p, request));
    p->slot = gr_aligned(p->slot);
    request->work = p->slot * (size_t)pool_workers(p, request->threads);
    request->ctx = gr_arena_copy(request->arena, p, sizeof *p);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = pool_run;
    request->kernel = "pool";
    return GR_OK;
}
