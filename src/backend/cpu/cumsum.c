/* Kernels of cumsum. Each sum depends on the one before it, so several rows go side by side, or,
 * where the axis is not the innermost one, a tile of columns. */
#include "backend/backend.h"
#include "ops/along.h"
#include "ops/elementwise.h"

enum {
    CUMSUM_GRAIN = 16384, /* elements worth a thread */
    CUMSUM_ROWS = 4,      /* rows side by side, */
    CUMSUM_TILE = 64      /* columns */
};

typedef struct cumsum_plan cumsum_plan;
/* n rows of [outer, size], at most CUMSUM_ROWS, or n columns of one outer index. */
typedef void cumsum_part(const cumsum_plan *p, const void *x, void *y, int64_t n);

struct cumsum_plan {
    gr_along x;
    bool exclusive;
    int64_t size;        /* of an element */
    int64_t start, step; /* the first place along the axis, and the way to the next: 1 or -1 */
    int64_t tiles, grain;
    cumsum_part *part;
};

/* The first inclusive sum is the first element itself. Sums of type S: unsigned for integers, where
 * C defines that they wrap around. */
#define CUMSUM_PARTS(T, S, name)                                                                   \
    static void cumsum_row_##name(const cumsum_plan *p, const T *x, T *y)                          \
    {                                                                                              \
        S sum = p->exclusive ? (S)0 : (S)x[p->start];                                              \
        const T *from = x + p->start + (p->exclusive ? 0 : p->step);                               \
        y[p->start] = (T)sum;                                                                      \
        y += p->start;                                                                             \
        for (int64_t i = 1; i < p->x.size; i++, from += p->step) {                                 \
            sum = (S)(sum + (S)*from);                                                             \
            *(y += p->step) = (T)sum;                                                              \
        }                                                                                          \
    }                                                                                              \
    static void cumsum_rows_##name(const cumsum_plan *p, const void *x, void *y, int64_t n)        \
    {                                                                                              \
        const int64_t size = p->x.size, step = p->step;                                            \
        const T *from = (const T *)x + p->start;                                                   \
        T *to = (T *)y + p->start;                                                                 \
        for (int64_t r = 0; r < n && n < CUMSUM_ROWS; r++)                                         \
            cumsum_row_##name(p, (const T *)x + r * size, (T *)y + r * size);                      \
        if (n < CUMSUM_ROWS) return;                                                               \
        const bool none = p->exclusive;                                                            \
        S a = none ? (S)0 : (S)from[0], b = none ? (S)0 : (S)from[size];                           \
        S c = none ? (S)0 : (S)from[2 * size], d = none ? (S)0 : (S)from[3 * size];                \
        if (!none) from += step;                                                                   \
        for (int64_t i = 1;; i++, from += step, to += step) {                                      \
            to[0] = (T)a;                                                                          \
            to[size] = (T)b;                                                                       \
            to[2 * size] = (T)c;                                                                   \
            to[3 * size] = (T)d;                                                                   \
            if (i >= size) return;                                                                 \
            a = (S)(a + (S)from[0]);                                                               \
            b = (S)(b + (S)from[size]);                                                            \
            c = (S)(c + (S)from[2 * size]);                                                        \
            d = (S)(d + (S)from[3 * size]);                                                        \
        }                                                                                          \
    }                                                                                              \
    static GR_INLINE void cumsum_tile_##name(const cumsum_plan *p, const T *x, T *y, int64_t n)    \
    {                                                                                              \
        S sum[CUMSUM_TILE];                                                                        \
        const int64_t next = p->x.inner * p->step;                                                 \
        const T *from = x + p->start * p->x.inner;                                                 \
        T *to = y + p->start * p->x.inner;                                                         \
        for (int64_t k = 0; k < n; k++) {                                                          \
            sum[k] = p->exclusive ? (S)0 : (S)from[k];                                             \
            to[k] = (T)sum[k];                                                                     \
        }                                                                                          \
        if (!p->exclusive) from += next;                                                           \
        for (int64_t i = 1; i < p->x.size; i++, from += next) {                                    \
            to += next;                                                                            \
            GR_SIMD for (int64_t k = 0; k < n; k++)                                                \
            {                                                                                      \
                sum[k] = (S)(sum[k] + (S)from[k]);                                                 \
                to[k] = (T)sum[k];                                                                 \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void cumsum_columns_##name(const cumsum_plan *p, const void *x, void *y, int64_t n)     \
    {                                                                                              \
        if (n == CUMSUM_TILE)                                                                      \
            cumsum_tile_##name(p, x, y, CUMSUM_TILE);                                              \
        else                                                                                       \
            cumsum_tile_##name(p, x, y, n);                                                        \
    }
CUMSUM_PARTS(double, double, f64)
CUMSUM_PARTS(float, float, f32)
CUMSUM_PARTS(int64_t, uint64_t, i64)
CUMSUM_PARTS(int32_t, uint32_t, i32)
CUMSUM_PARTS(uint8_t, uint8_t, u8)

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct cumsum_work {
    const cumsum_plan *plan;
    const char *x;
    char *y;
} cumsum_work;

static void cumsum_body(void *ctx, int64_t begin, int64_t end)
{
    const cumsum_work *w = ctx;
    const cumsum_plan *p = w->plan;
    const bool rows = p->x.inner == 1;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = rows ? i * CUMSUM_ROWS : i % p->tiles * CUMSUM_TILE;
        const int64_t left = (rows ? p->x.outer : p->x.inner) - first;
        const int64_t most = rows ? CUMSUM_ROWS : CUMSUM_TILE;
        const int64_t at = rows ? first * p->x.size : i / p->tiles * p->x.size * p->x.inner + first;
        p->part(p, w->x + at * p->size, w->y + at * p->size, left < most ? left : most);
    }
}

static gr_status cumsum_fast_run(const gr_call *call)
{
    const cumsum_plan *p = call->ctx;
    cumsum_work w = {p, call->in[0], call->out[0]};
    const int64_t tasks =
        p->x.inner == 1 ? (p->x.outer + CUMSUM_ROWS - 1) / CUMSUM_ROWS : p->x.outer * p->tiles;
    if (p->x.size > 0) gr_parallel(call->threads, tasks, p->grain, cumsum_body, &w);
    return GR_OK;
}

gr_status gr_cumsum_prepare(gr_request *request)
{
    static cumsum_part *const parts[GR_DTYPE_COUNT][2] = {
        [GR_F64] = {cumsum_rows_f64, cumsum_columns_f64},
        [GR_F32] = {cumsum_rows_f32, cumsum_columns_f32},
        [GR_I64] = {cumsum_rows_i64, cumsum_columns_i64},
        [GR_I32] = {cumsum_rows_i32, cumsum_columns_i32},
        [GR_U8] = {cumsum_rows_u8, cumsum_columns_u8}};
    const gr_node *node = request->node;
    const gr_dtype dtype = node->out[0].dtype;
    cumsum_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    *p = (cumsum_plan){.x = gr_along_of(node->in[0]->out[0].shape, (int)node->attr[0].i),
                       .exclusive = node->attr[1].i != 0,
                       .size = (int64_t)gr_dtype_size(dtype)};
    const bool reverse = node->attr[2].i != 0;
    p->start = reverse ? p->x.size - 1 : 0;
    p->step = reverse ? -1 : 1;
    p->tiles = (p->x.inner + CUMSUM_TILE - 1) / CUMSUM_TILE;
    const int64_t columns = p->x.inner < CUMSUM_TILE ? p->x.inner : CUMSUM_TILE;
    p->grain = CUMSUM_GRAIN / (p->x.size * (p->x.inner == 1 ? CUMSUM_ROWS : columns) + 1) + 1;
    p->part = parts[dtype][p->x.inner != 1];
    if (!p->part) return GR_UNSUPPORTED;
    request->ctx = p;
    request->fn = cumsum_fast_run;
    request->kernel = p->x.inner == 1 ? "cumsum-rows" : "cumsum-columns";
    return GR_OK;
}
