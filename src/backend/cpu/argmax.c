/* Kernels of argmax and argmin. Where the axis is the innermost one, a first pass finds the
 * extremum and a second its first place; elsewhere columns are compared side by side. The result is
 * exact, so that the order of comparisons does not matter. */
#include "backend/backend.h"
#include "backend/cpu/reduce.h"
#include "ops/elementwise.h"

enum {
    ARGMAX_GRAIN = 32768, /* elements worth a thread */
    ARGMAX_ROWS = 64,     /* rows whose extrema lie on the stack */
    ARGMAX_TILE = 128     /* columns whose best elements lie on the stack */
};

typedef struct argmax_fast_plan argmax_fast_plan;
/* Outputs [begin, end) of the plan. */
typedef void argmax_fast_fn(const argmax_fast_plan *plan, const void *x, int64_t *out,
                            int64_t begin, int64_t end);

struct argmax_fast_plan {
    argmax_fast_fn *fn;
    int64_t count, size, inner, grain; /* x is [count / inner, size, inner] */
    gr_reduce_units_fn *extremes;      /* of rows */
};

typedef struct argmax_fast_work {
    const argmax_fast_plan *plan;
    const void *x;
    int64_t *out;
} argmax_fast_work;

#define ARGMAX_IS_NAN(x) ((x) != (x))

/* Defines argmax_fast_<name>_rows and argmax_fast_<name>_columns for elements of type T; TAKES(a,
 * x): does x replace a? I: an integer that holds an index, of T's size where vectors compare. SIMD:
 * GR_SIMD, or nothing where indices that are wider than elements make vectors of much code. */
#define ARGMAX_KERNELS(name, T, I, SIMD, TAKES)                                                    \
    static void argmax_fast_##name##_rows(const argmax_fast_plan *p, const void *x, int64_t *out,  \
                                          int64_t begin, int64_t end)                              \
    {                                                                                              \
        const T *row = (const T *)x + begin * p->size;                                             \
        for (int64_t i = begin, n; i < end; i += n) {                                              \
            T best[ARGMAX_ROWS];                                                                   \
            n = end - i < ARGMAX_ROWS ? end - i : ARGMAX_ROWS;                                     \
            p->extremes(best, row, n, p->size, p->size);                                           \
            for (int64_t k = 0; k < n; k++, row += p->size) {                                      \
                int64_t at = 0;                                                                    \
                if (ARGMAX_IS_NAN(best[k])) {                                                      \
                    while (!ARGMAX_IS_NAN(row[at])) at++;                                          \
                } else {                                                                           \
                    while (row[at] != best[k]) at++;                                               \
                }                                                                                  \
                out[i + k] = at;                                                                   \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void argmax_fast_##name##_tile(const T *x, int64_t size, int64_t inner, int64_t n,      \
                                          int64_t *restrict out)                                   \
    {                                                                                              \
        T best[ARGMAX_TILE];                                                                       \
        I at[ARGMAX_TILE];                                                                         \
        memcpy(best, x, (size_t)n * sizeof *best);                                                 \
        memset(at, 0, sizeof at);                                                                  \
        for (int64_t i = 1; i < size; i++) {                                                       \
            const T *restrict row = x + i * inner;                                                 \
            SIMD for (int64_t k = 0; k < n; k++)                                                   \
            {                                                                                      \
                const I takes = TAKES(best[k], row[k]) & !ARGMAX_IS_NAN(best[k]);                  \
                at[k] = takes ? (I)i : at[k];                                                      \
                best[k] = takes ? row[k] : best[k];                                                \
            }                                                                                      \
        }                                                                                          \
        for (int64_t k = 0; k < n; k++) out[k] = at[k];                                            \
    }                                                                                              \
    static void argmax_fast_##name##_columns(const argmax_fast_plan *p, const void *x,             \
                                             int64_t *out, int64_t begin, int64_t end)             \
    {                                                                                              \
        for (int64_t i = begin, n; i < end; i += n) {                                              \
            const int64_t o = i / p->inner, k = i % p->inner;                                      \
            n = p->inner - k < end - i ? p->inner - k : end - i;                                   \
            if (n > ARGMAX_TILE) n = ARGMAX_TILE;                                                  \
            const T *from = (const T *)x + o * p->size * p->inner + k;                             \
            argmax_fast_##name##_tile(from, p->size, p->inner, n, out + i);                        \
        }                                                                                          \
    }

#define ARGMAX_TYPE(name, T, I, SIMD)                                                              \
    ARGMAX_KERNELS(max_##name, T, I, SIMD, GR_REDUCE_MAX_TAKES)                                    \
    ARGMAX_KERNELS(min_##name, T, I, SIMD, GR_REDUCE_MIN_TAKES)

ARGMAX_TYPE(f64, double, int64_t, GR_SIMD)
ARGMAX_TYPE(f32, float, int32_t, GR_SIMD)
ARGMAX_TYPE(i64, int64_t, int64_t, GR_SIMD)
ARGMAX_TYPE(i32, int32_t, int32_t, GR_SIMD)
ARGMAX_TYPE(u8, uint8_t, int32_t, )

/* [dtype][min][columns] */
#define ARGMAX_FUNCTIONS(name)                                                                     \
    {                                                                                              \
        {argmax_fast_max_##name##_rows, argmax_fast_max_##name##_columns},                         \
        {                                                                                          \
            argmax_fast_min_##name##_rows, argmax_fast_min_##name##_columns                        \
        }                                                                                          \
    }
static argmax_fast_fn *const argmax_fast_functions[GR_DTYPE_COUNT][2][2] = {
    [GR_F64] = ARGMAX_FUNCTIONS(f64), [GR_F32] = ARGMAX_FUNCTIONS(f32),
    [GR_I64] = ARGMAX_FUNCTIONS(i64), [GR_I32] = ARGMAX_FUNCTIONS(i32),
    [GR_U8] = ARGMAX_FUNCTIONS(u8),
};

static void argmax_fast_body(void *ctx, int64_t begin, int64_t end)
{
    const argmax_fast_work *w = ctx;
    w->plan->fn(w->plan, w->x, w->out, begin, end);
}

static gr_status argmax_fast_run(const gr_call *call)
{
    const argmax_fast_plan *p = call->ctx;
    argmax_fast_work w = {p, call->in[0], call->out[0]};
    gr_parallel(call->threads, p->count, p->grain, argmax_fast_body, &w);
    return GR_OK;
}

gr_status gr_argmax_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const gr_type x = node->in[0]->out[0];
    const int axis = (int)node->attr[0].i;
    if (x.shape.dim[axis] > INT32_MAX) return GR_UNSUPPORTED; /* columns count in 32 bits */
    argmax_fast_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    p->count = gr_shape_count(node->out[0].shape);
    p->size = x.shape.dim[axis];
    p->inner = 1;
    if (p->count > 0) {
        p->inner = gr_shape_count(gr_shape_of(x.shape.rank - axis - 1, x.shape.dim + axis + 1));
    }
    p->grain = ARGMAX_GRAIN / (p->size + 1) + 1;
    const gr_reduce_kind kind = node->op == &gr_op_argmin ? GR_REDUCTION_MIN : GR_REDUCTION_MAX;
    p->extremes = gr_reduce_kernels_of(kind, x.dtype, request->level).units;
    p->fn = argmax_fast_functions[x.dtype][node->op == &gr_op_argmin][p->inner > 1];
    request->ctx = p;
    request->fn = argmax_fast_run;
    request->kernel = p->inner > 1 ? "argmax-columns" : "argmax-rows";
    return GR_OK;
}
