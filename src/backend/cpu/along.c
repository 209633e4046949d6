/* Kernels of gather_along and scatter_add_along: a task is one outer index with some columns. */
#include "ops/along.h"
#include "backend/backend.h"

#include <stdatomic.h>

enum {
    ALONG_GRAIN = 16384, /* elements worth a thread */
    ALONG_TILE = 64      /* columns of a task */
};

typedef struct along_plan along_plan;

typedef struct along_work {
    const along_plan *plan;
    const char *base, *index, *update;
    char *out;
    atomic_bool *bad; /* an index is out of range */
} along_work;

/* One task: element 0 of each operand is its first column. */
typedef void along_task(const along_plan *p, const void *x, const void *index, const void *update,
                        void *out, int64_t columns);
/* Are n indices in [0, size)? */
typedef bool along_range(const void *index, int64_t n, int64_t size);

struct along_plan {
    gr_along_index along;
    int64_t size, index_size; /* bytes of elements */
    int64_t tiles, grain;
    bool scatter;
    along_task *task;
    along_range *range;
};

/* ---- Indices --------------------------------------------------------------------------------- */

#define ALONG_RANGE(bits)                                                                          \
    static bool along_range_i##bits(const void *index, int64_t n, int64_t size)                    \
    {                                                                                              \
        const int##bits##_t *at = index;                                                           \
        const uint64_t end = (uint64_t)size;                                                       \
        bool fine = true;                                                                          \
        for (int64_t i = 0; i < n; i++) fine &= (uint64_t)at[i] < end; /* negative: large */       \
        return fine;                                                                               \
    }
ALONG_RANGE(32)
ALONG_RANGE(64)

/* Checks the indices of whole outer indices. */
static void along_check_body(void *ctx, int64_t begin, int64_t end)
{
    const along_work *w = ctx;
    const along_plan *p = w->plan;
    const int64_t each = p->along.count * p->along.x.inner;
    if (p->range(w->index + begin * each * p->index_size, (end - begin) * each, p->along.x.size))
        return;
    atomic_store(w->bad, true);
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

#define ALONG_GATHER(T, bits)                                                                      \
    static void along_gather_##T##_i##bits(const along_plan *p, const void *x, const void *index,  \
                                           const void *update, void *out, int64_t columns)         \
    {                                                                                              \
        const T *restrict from = x;                                                                \
        const int##bits##_t *restrict at = index;                                                  \
        T *restrict to = out;                                                                      \
        const int64_t count = p->along.count, inner = p->along.x.inner;                            \
        (void)update;                                                                              \
        for (int64_t c = 0; c < count && inner == 1; c++) to[c] = from[at[c]];                     \
        for (int64_t c = 0; c < count && inner > 1; c++, at += inner, to += inner) {               \
            for (int64_t k = 0; k < columns; k++) to[k] = from[at[k] * inner + k];                 \
        }                                                                                          \
    }
#define ALONG_GATHERS(T) ALONG_GATHER(T, 32) ALONG_GATHER(T, 64)
ALONG_GATHERS(uint8_t)
ALONG_GATHERS(uint16_t)
ALONG_GATHERS(uint32_t)
ALONG_GATHERS(uint64_t)

/* What goes to one element is added in the order of the index. */
#define ALONG_SCATTER(T, bits)                                                                     \
    static void along_scatter_##T##_i##bits(const along_plan *p, const void *x, const void *index, \
                                            const void *update, void *out, int64_t columns)        \
    {                                                                                              \
        const T *restrict from = update;                                                           \
        const int##bits##_t *restrict at = index;                                                  \
        T *restrict to = out;                                                                      \
        const int64_t count = p->along.count, inner = p->along.x.inner;                            \
        for (int64_t row = 0; row < p->along.x.size && inner > 1 && x != out; row++) {             \
            memcpy(to + row * inner, (const T *)x + row * inner, (size_t)columns * sizeof(T));     \
        }                                                                                          \
        if (inner == 1 && x != out) memcpy(to, x, (size_t)p->along.x.size * sizeof(T));            \
        for (int64_t c = 0; c < count && inner == 1; c++) to[at[c]] += from[c];                    \
        for (int64_t c = 0; c < count && inner > 1; c++, at += inner, from += inner) {             \
            for (int64_t k = 0; k < columns; k++) to[at[k] * inner + k] += from[k];                \
        }                                                                                          \
    }
ALONG_SCATTER(float, 32)
ALONG_SCATTER(float, 64)
ALONG_SCATTER(double, 32)
ALONG_SCATTER(double, 64)

static along_task *along_task_of(const along_plan *p)
{
    const bool wide = p->along.index_dtype == GR_I64;
    if (p->scatter) {
        if (p->size == 8) return wide ? along_scatter_double_i64 : along_scatter_double_i32;
        return wide ? along_scatter_float_i64 : along_scatter_float_i32;
    }
    switch (p->size) {
    case 1:
        return wide ? along_gather_uint8_t_i64 : along_gather_uint8_t_i32;
    case 2:
        return wide ? along_gather_uint16_t_i64 : along_gather_uint16_t_i32;
    case 4:
        return wide ? along_gather_uint32_t_i64 : along_gather_uint32_t_i32;
    default:
        return wide ? along_gather_uint64_t_i64 : along_gather_uint64_t_i32;
    }
}

static void along_body(void *ctx, int64_t begin, int64_t end)
{
    const along_work *w = ctx;
    const along_plan *p = w->plan;
    const gr_along *x = &p->along.x;
    for (int64_t i = begin; i < end; i++) {
        const int64_t outer = i / p->tiles, column = i % p->tiles * ALONG_TILE;
        const int64_t left = x->inner - column;
        const int64_t in = (outer * x->size * x->inner + column) * p->size;
        const int64_t at = outer * p->along.count * x->inner + column;
        const int64_t to = p->scatter ? in : at * p->size;
        p->task(p, w->base + in, w->index + at * p->index_size,
                p->scatter ? w->update + at * p->size : NULL, w->out + to,
                left < ALONG_TILE ? left : ALONG_TILE);
    }
}

static gr_status along_run(const gr_call *call)
{
    const along_plan *p = call->ctx;
    const gr_along *x = &p->along.x;
    atomic_bool bad = false;
    along_work w = {.plan = p,
                    .base = call->in[0],
                    .index = call->in[1],
                    .update = p->scatter ? call->in[2] : NULL,
                    .out = call->out[0],
                    .bad = &bad};
    const int64_t each = p->along.count * x->inner;
    gr_parallel(call->threads, x->outer, 2 * ALONG_GRAIN / (each + 1) + 1, along_check_body, &w);
    if (bad) return gr_along_check(&p->along, call->in[1]);
    gr_parallel(call->threads, x->outer * p->tiles, p->grain, along_body, &w);
    return GR_OK;
}

/* An index that argmax, argmin or argsort of an axis no longer than x's gives is never refused, so
 * that no other step has to wait for its check. */
static bool along_may_refuse(const gr_node *node)
{
    const gr_node *index = node->in[1];
    const int axis = (int)node->attr[0].i;
    while (index->op == &gr_op_reshape) index = index->in[0];
    const gr_op *op = index->op;
    if (op != &gr_op_argmax && op != &gr_op_argmin && op != &gr_op_argsort) return true;
    const gr_shape from = index->in[0]->out[0].shape;
    return from.dim[index->attr[0].i] > node->in[0]->out[0].shape.dim[axis];
}

/* ---- Preparing ------------------------------------------------------------------------------- */

gr_status gr_along_prepare(gr_request *request)
{
    along_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    *p = (along_plan){.along = gr_along_index_of(request->node)};
    const gr_along *x = &p->along.x;
    p->scatter = request->node->op == &gr_op_scatter_add_along;
    p->size = (int64_t)gr_dtype_size(p->along.dtype);
    p->index_size = (int64_t)gr_dtype_size(p->along.index_dtype);
    p->tiles = (x->inner + ALONG_TILE - 1) / ALONG_TILE;
    p->task = along_task_of(p);
    p->range = p->along.index_dtype == GR_I64 ? along_range_i64 : along_range_i32;
    const int64_t columns = x->inner < ALONG_TILE ? x->inner : ALONG_TILE;
    const int64_t each = columns * (p->along.count + (p->scatter ? x->size / 8 : 0));
    p->grain = ALONG_GRAIN / (each + 1) + 1;
    request->ctx = p;
    request->fn = along_run;
    request->checks = along_may_refuse(request->node);
    if (p->scatter) request->inplace[0] = 1u << 0;
    request->kernel = p->scatter ? "scatter-add-along" : "gather-along";
    return GR_OK;
}
