/* Kernels of argsort for elements of up to 32 bits. An element becomes an unsigned key in the
 * wanted order (NaN last, -0 like 0), which with its place behind it makes a 64-bit number: no two
 * are equal, so that any way to order them is stable. Whole rows are ordered by a radix sort, bytes
 * of keys from the last to the first; the first few of many by comparing with the last of them. */
#include "backend/backend.h"
#include "ops/along.h"
#include "ops/elementwise.h"

enum {
    ARGSORT_GRAIN = 8192, /* elements worth a thread */
    ARGSORT_FEW = 64,     /* so many first places are found one by one, */
    ARGSORT_RATIO = 4,    /* of so many times as many */
    ARGSORT_BLOCK = 32,   /* elements that are compared together */
    ARGSORT_SHORT = 48    /* elements that are sorted by insertion */
};

typedef struct argsort_plan argsort_plan;
/* The keys of a row, whose elements are `step` apart. */
typedef void argsort_keys(const argsort_plan *p, const void *x, int64_t step, uint32_t *key);
/* Is one of ARGSORT_BLOCK keys below the limit? */
typedef bool argsort_below(const uint32_t *key, uint32_t limit);

struct argsort_plan {
    gr_along x;
    int64_t count, size;    /* size: of an element */
    uint32_t turn;          /* all bits: descending */
    int64_t grain, scratch; /* rows, bytes of a chunk */
    argsort_keys *keys;
    argsort_below *below;
};

/* ---- Keys ------------------------------------------------------------------------------------ */

/* Of negative numbers all bits are turned, of others the sign; adding 0 makes -0 to 0. */
static GR_INLINE uint32_t argsort_key_of_f32(float x, uint32_t turn)
{
    uint32_t bits;
    const float sum = x + 0.0f;
    memcpy(&bits, &sum, sizeof bits);
    const uint32_t key = bits ^ ((0u - (bits >> 31)) | 0x80000000u) ^ turn;
    return x != x ? UINT32_MAX : key;
}

#define ARGSORT_KEYS(T, name, KEY)                                                                 \
    static GR_INLINE void argsort_keys_##name##_loop(const argsort_plan *p, const T *x,            \
                                                     int64_t step, uint32_t *key)                  \
    {                                                                                              \
        const uint32_t turn = p->turn;                                                             \
        if (step == 1) {                                                                           \
            GR_SIMD for (int64_t i = 0; i < p->x.size; i++)                                        \
            {                                                                                      \
                const T a = x[i];                                                                  \
                key[i] = KEY;                                                                      \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (int64_t i = 0; i < p->x.size; i++) {                                                  \
            const T a = x[i * step];                                                               \
            key[i] = KEY;                                                                          \
        }                                                                                          \
    }
ARGSORT_KEYS(float, f32, argsort_key_of_f32(a, turn))
ARGSORT_KEYS(int32_t, i32, ((uint32_t)a ^ 0x80000000u) ^ turn)
ARGSORT_KEYS(uint8_t, u8, a ^ turn)

static GR_INLINE bool argsort_below_loop(const uint32_t *key, uint32_t limit)
{
    uint32_t below = 0;
    GR_SIMD for (int i = 0; i < ARGSORT_BLOCK; i++) below |= key[i] < limit;
    return below != 0;
}

#define ARGSORT_LEVEL(LEVEL, TARGET)                                                               \
    TARGET static void argsort_f32_##LEVEL(const argsort_plan *p, const void *x, int64_t step,     \
                                           uint32_t *key)                                          \
    {                                                                                              \
        argsort_keys_f32_loop(p, x, step, key);                                                    \
    }                                                                                              \
    TARGET static bool argsort_below_##LEVEL(const uint32_t *key, uint32_t limit)                  \
    {                                                                                              \
        return argsort_below_loop(key, limit);                                                     \
    }
ARGSORT_LEVEL(base, )
#if defined(GR_X86_LEVELS)
ARGSORT_LEVEL(avx2, GR_TARGET_AVX2)
ARGSORT_LEVEL(avx512, GR_TARGET_AVX512)
#define ARGSORT_LEVELS(NAME)                                                                       \
    {                                                                                              \
        NAME##_base, NAME##_avx2, NAME##_avx512                                                    \
    }
#else
#define ARGSORT_LEVELS(NAME)                                                                       \
    {                                                                                              \
        NAME##_base                                                                                \
    }
#endif

static void argsort_i32(const argsort_plan *p, const void *x, int64_t step, uint32_t *key)
{
    argsort_keys_i32_loop(p, x, step, key);
}
static void argsort_u8(const argsort_plan *p, const void *x, int64_t step, uint32_t *key)
{
    argsort_keys_u8_loop(p, x, step, key);
}

/* ---- Order ----------------------------------------------------------------------------------- */

static uint64_t argsort_pair(uint32_t key, int64_t place)
{
    return (uint64_t)key << 32 | (uint64_t)place;
}

/* Takes `pair` in among the n ordered ones, of which the last one falls out if there are `most`. */
static void argsort_insert(uint64_t *order, int64_t n, int64_t most, uint64_t pair)
{
    int64_t i = n < most ? n : most - 1;
    for (; i > 0 && order[i - 1] > pair; i--) order[i] = order[i - 1];
    order[i] = pair;
}

/* The first `count` of the row; later elements enter only if their key is smaller than the last
 * one's: an equal one stands behind. */
static void argsort_first(const argsort_plan *p, const uint32_t *key, uint64_t *order)
{
    const int64_t n = p->x.size, count = p->count;
    int64_t i = 0;
    for (; i < count; i++) argsort_insert(order, i, count, argsort_pair(key[i], i));
    while (i < n) {
        const uint32_t limit = (uint32_t)(order[count - 1] >> 32);
        if (n - i >= ARGSORT_BLOCK && !p->below(key + i, limit)) {
            i += ARGSORT_BLOCK;
            continue;
        }
        const int64_t stop = n - i < ARGSORT_BLOCK ? n : i + ARGSORT_BLOCK;
        for (; i < stop; i++) {
            const uint64_t pair = argsort_pair(key[i], i);
            if (pair < order[count - 1]) argsort_insert(order, count, count, pair);
        }
    }
}

/* Returns where the ordered row is: in `order` or in `other`. A byte that is the same in all keys
 * needs no pass. */
static const uint64_t *argsort_radix(const uint32_t *key, int64_t n, uint64_t *order,
                                     uint64_t *other)
{
    uint32_t at[4][256] = {{0}};
    for (int64_t i = 0; i < n; i++) {
        order[i] = argsort_pair(key[i], i);
        for (int b = 0; b < 4; b++) at[b][key[i] >> 8 * b & 255]++;
    }
    for (int b = 0; b < 4; b++) {
        if (at[b][key[0] >> 8 * b & 255] == n) continue;
        for (uint32_t k = 0, sum = 0, each; k < 256; k++, sum += each) {
            each = at[b][k];
            at[b][k] = sum;
        }
        for (int64_t i = 0; i < n; i++) other[at[b][order[i] >> (32 + 8 * b) & 255]++] = order[i];
        uint64_t *done = other;
        other = order;
        order = done;
    }
    return order;
}

static const uint64_t *argsort_row(const argsort_plan *p, const uint32_t *key, uint64_t *order)
{
    const int64_t n = p->x.size;
    if (p->count <= ARGSORT_FEW && ARGSORT_RATIO * p->count <= n) {
        argsort_first(p, key, order);
        return order;
    }
    if (n > ARGSORT_SHORT) return argsort_radix(key, n, order, order + n);
    for (int64_t i = 0; i < n; i++) argsort_insert(order, i, n, argsort_pair(key[i], i));
    return order;
}

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct argsort_work {
    const argsort_plan *plan;
    const char *x;
    int64_t *out;
    char *work;
} argsort_work;

static void argsort_body(void *ctx, int64_t begin, int64_t end)
{
    const argsort_work *w = ctx;
    const argsort_plan *p = w->plan;
    const int64_t size = p->x.size, inner = p->x.inner;
    uint64_t *pairs = (void *)(w->work + begin / p->grain * p->scratch);
    uint32_t *key = (void *)(pairs + 2 * size);
    for (int64_t i = begin; i < end; i++) {
        const int64_t outer = i / inner, column = i % inner;
        p->keys(p, w->x + (outer * size * inner + column) * p->size, inner, key);
        const uint64_t *order = argsort_row(p, key, pairs);
        int64_t *to = w->out + outer * p->count * inner + column;
        for (int64_t k = 0; k < p->count; k++) to[k * inner] = (int64_t)(order[k] & UINT32_MAX);
    }
}

static gr_status argsort_fast_run(const gr_call *call)
{
    const argsort_plan *p = call->ctx;
    argsort_work w = {p, call->in[0], call->out[0], call->work};
    if (p->count > 0)
        gr_parallel(call->threads, p->x.outer * p->x.inner, p->grain, argsort_body, &w);
    return GR_OK;
}

/* Each chunk has scratch memory of its own. */
gr_status gr_argsort_prepare(gr_request *request)
{
    static argsort_keys *const f32[GR_CPU_LEVELS] = ARGSORT_LEVELS(argsort_f32);
    static argsort_below *const below[GR_CPU_LEVELS] = ARGSORT_LEVELS(argsort_below);
    const gr_node *node = request->node;
    const gr_dtype dtype = node->in[0]->out[0].dtype;
    const gr_along x = gr_along_of(node->in[0]->out[0].shape, (int)node->attr[0].i);
    if (x.size > UINT32_MAX || gr_dtype_size(dtype) > 4) return GR_UNSUPPORTED;
    argsort_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    *p = (argsort_plan){.x = x,
                        .count = node->attr[2].i,
                        .size = (int64_t)gr_dtype_size(dtype),
                        .turn = node->attr[1].i ? UINT32_MAX : 0,
                        .below = below[request->level]};
    p->keys = dtype == GR_F32 ? f32[request->level] : dtype == GR_I32 ? argsort_i32 : argsort_u8;
    const int64_t rows = x.outer * x.inner;
    int64_t chunks = rows * x.size / ARGSORT_GRAIN + 1;
    if (chunks > request->threads) chunks = request->threads;
    p->grain = (rows + chunks - 1) / chunks;
    if (p->grain < 1) p->grain = 1;
    p->scratch = (20 * x.size + GR_ALIGN) / GR_ALIGN * GR_ALIGN;
    request->ctx = p;
    request->work = (size_t)(chunks * p->scratch);
    request->fn = argsort_fast_run;
    request->kernel = p->count <= ARGSORT_FEW && ARGSORT_RATIO * p->count <= x.size
                          ? "argsort-few"
                          : "argsort-radix";
    return GR_OK;
}
