/* Pooling, plane by plane. */
#include "ops/pool.h"

#include "backend/cpu/gemm.h"

typedef struct pool_plan pool_plan;

/* One plane: a and b are the planes of the inputs, `work` the worker's scratch. */
typedef void pool_plane_fn(const pool_plan *p, const void *a, const void *b, void *out, void *work);

typedef struct pool_kit {
    pool_plane_fn *max, *max_grad, *pick, *avg, *avg_grad;
} pool_kit;

struct pool_plan {
    gr_pool_geometry g;
    int64_t inside_begin, inside_end; /* windows of a row that do not reach over its ends */
    int64_t in_size, out_size;        /* of a plane */
    size_t a, b, out;                 /* bytes of a plane of each buffer; b = 0: no second input */
    size_t slot;                      /* scratch of one worker */
    pool_plane_fn *plane;
};

/* The rows of x that the windows of an output row cover; count: of them, for the divisor. */
typedef struct pool_row {
    int64_t z0, z1, y0, y1, count;
} pool_row;

static inline pool_row pool_row_of(const gr_pool_geometry *g, int64_t row)
{
    pool_row r;
    r.count = gr_pool_window(g, 0, row / g->out[1], &r.z0, &r.z1);
    r.count *= gr_pool_window(g, 1, row % g->out[1], &r.y0, &r.y1);
    return r;
}

/* The window after `i` that reaches over an end of its row; out[2] or more after the last. */
static inline int64_t pool_border(const pool_plan *p, int64_t i)
{
    i++;
    return i >= p->inside_begin && i < p->inside_end ? p->inside_end : i;
}

#if defined(__clang__)
#define POOL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define POOL_UNROLL _Pragma("GCC unroll 4")
#endif

#define POOL_NAME(x) pool_f32_base_##x
#define POOL_T float
#define POOL_INT int32_t
#define POOL_TARGET
#include "backend/cpu/pool_kernel.h"

#define POOL_NAME(x) pool_f64_base_##x
#define POOL_T double
#define POOL_INT int64_t
#define POOL_TARGET
#include "backend/cpu/pool_kernel.h"

#if defined(__x86_64__)
/* Wider vectors gain nothing: pooling waits for memory. */
#define POOL_AVX2 __attribute__((target("avx2")))

#define POOL_NAME(x) pool_f32_avx2_##x
#define POOL_T float
#define POOL_INT int32_t
#define POOL_TARGET POOL_AVX2
#include "backend/cpu/pool_kernel.h"

#define POOL_NAME(x) pool_f64_avx2_##x
#define POOL_T double
#define POOL_INT int64_t
#define POOL_TARGET POOL_AVX2
#include "backend/cpu/pool_kernel.h"
#endif

static const pool_kit *pool_kit_for(gr_dtype dtype, gr_cpu_level level)
{
#if defined(__x86_64__)
    if (level >= GR_CPU_AVX2) return dtype == GR_F64 ? &pool_f64_avx2_kit : &pool_f32_avx2_kit;
#else
    (void)level;
#endif
    return dtype == GR_F64 ? &pool_f64_base_kit : &pool_f32_base_kit;
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
        for (int64_t i = first; i < last; i++) {
            const size_t plane = (size_t)i;
            p->plane(p, (const char *)call->in[0] + plane * p->a,
                     p->b ? (const char *)call->in[1] + plane * p->b : NULL,
                     (char *)call->out[0] + plane * p->out, work);
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

/* Windows [begin, end) of a row that lie inside x whole. */
static void pool_find_inside(pool_plan *p)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t step = g->stride[2], room = g->in[2] + g->pad[2] - g->kernel[2];
    p->inside_begin = (g->pad[2] + step - 1) / step;
    p->inside_end = room < 0 ? 0 : room / step + 1;
    if (p->inside_end > g->out[2]) p->inside_end = g->out[2];
    if (p->inside_begin > p->inside_end) p->inside_begin = p->inside_end;
}

static pool_plane_fn *pool_choose(const pool_kit *kit, const gr_op *op)
{
    if (op == &gr_op_max_pool) return kit->max;
    if (op == &gr_op_max_pool_grad) return kit->max_grad;
    if (op == &gr_op_max_pool_pick) return kit->pick;
    return op == &gr_op_avg_pool ? kit->avg : kit->avg_grad;
}

gr_status gr_pool_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const gr_dtype dtype = gr_type_of(node).dtype;
    const size_t bytes = gr_dtype_size(dtype);
    pool_plan plan = {.g = gr_pool_geometry_of(node)}, *p = &plan;
    p->in_size = p->g.in[0] * p->g.in[1] * p->g.in[2];
    p->out_size = p->g.out[0] * p->g.out[1] * p->g.out[2];
    if (p->in_size > INT32_MAX / 2) return GR_UNSUPPORTED; /* places are 32-bit beside floats */
    pool_find_inside(p);
    p->plane = pool_choose(pool_kit_for(dtype, request->level), node->op);
    const bool wide = node->op == &gr_op_max_pool_grad || node->op == &gr_op_avg_pool_grad;
    p->a = (size_t)(node->op == &gr_op_avg_pool_grad ? p->out_size : p->in_size) * bytes;
    p->b = node->n_in < 2 ? 0 : (size_t)(wide ? p->out_size : p->in_size) * bytes;
    p->out = (size_t)(wide ? p->in_size : p->out_size) * bytes;
    p->slot = (2 * (size_t)p->g.out[2] * bytes + GR_ALIGN - 1) / GR_ALIGN * GR_ALIGN;
    request->work = p->slot * (size_t)pool_workers(p, request->threads);
    request->ctx = gr_arena_copy(request->arena, p, sizeof *p);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = pool_run;
    request->kernel = "pool";
    return GR_OK;
}
