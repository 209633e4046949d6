/* Kernels of the random ops. Philox runs on many blocks side by side, in arrays whose loops the
 * compiler vectorises; ops/random.h says what becomes of the words. */
#include "ops/random.h"
#include "backend/cpu/random.h"
#include "ops/elementwise.h"

enum {
    RANDOM_SIDE = 16,              /* blocks side by side */
    RANDOM_BATCH = 4 * RANDOM_SIDE /* elements that they give */
};
_Static_assert((int)RANDOM_BATCH == (int)GR_RANDOM_ROW, "a row is what the blocks give");

/* Elements of the batch that starts at element `first`, in all: RANDOM_BATCH of them. */
typedef void random_batch_fn(const gr_random_ctx *ctx, uint64_t step, uint64_t first, void *out);

typedef struct random_plan {
    gr_random_ctx ctx;
    random_batch_fn *batch;
    int64_t grain; /* batches worth a thread */
} random_plan;

typedef struct random_work {
    const random_plan *plan;
    uint64_t step;
    char *out;
} random_work;

/* ---- Words ----------------------------------------------------------------------------------- */

typedef void random_words_fn(uint64_t key, uint64_t first, uint64_t step,
                             uint32_t word[4][RANDOM_SIDE]);

/* word[w][j] = word w of block first + j: gr_philox, RANDOM_SIDE times. */
static GR_INLINE void random_words_body(uint64_t key, uint64_t first, uint64_t step,
                                        uint32_t word[4][RANDOM_SIDE])
{
    uint64_t x0[RANDOM_SIDE], x1[RANDOM_SIDE], x2[RANDOM_SIDE], x3[RANDOM_SIDE];
    GR_SIMD for (int j = 0; j < RANDOM_SIDE; j++)
    {
        const uint64_t block = first + (uint64_t)j;
        x0[j] = (uint32_t)block;
        x1[j] = block >> 32;
        x2[j] = (uint32_t)step;
        x3[j] = step >> 32;
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        GR_SIMD for (int j = 0; j < RANDOM_SIDE; j++)
        {
            const uint64_t p0 = 0xD2511F53u * x0[j], p1 = 0xCD9E8D57u * x2[j];
            x0[j] = (p1 >> 32) ^ x1[j] ^ k0;
            x1[j] = (uint32_t)p1;
            x2[j] = (p0 >> 32) ^ x3[j] ^ k1;
            x3[j] = (uint32_t)p0;
        }
    }
    GR_SIMD for (int j = 0; j < RANDOM_SIDE; j++)
    {
        word[0][j] = (uint32_t)x0[j];
        word[1][j] = (uint32_t)x1[j];
        word[2][j] = (uint32_t)x2[j];
        word[3][j] = (uint32_t)x3[j];
    }
}

/* The same in the order of elements. */
static GR_INLINE void random_row_body(random_words_fn *words, uint64_t key, uint64_t first,
                                      uint64_t step, uint32_t *row)
{
    uint32_t word[4][RANDOM_SIDE];
    words(key, first, step, word);
    for (int j = 0; j < RANDOM_SIDE; j++) {
        for (int w = 0; w < 4; w++) row[4 * j + w] = word[w][j];
    }
}

/* A batch of normal draws. */
static GR_INLINE void random_normals_body(random_words_fn *words, const gr_random_ctx *ctx,
                                          uint64_t step, uint64_t first, double *out)
{
    uint32_t word[4][RANDOM_SIDE];
    double draw[4][RANDOM_SIDE];
    words(ctx->key, first / 4, step, word);
    /* long enough not to stand there twice */
    _Pragma("GCC unroll 1") for (int w = 0; w < 4; w += 2)
    {
        GR_SIMD for (int j = 0; j < RANDOM_SIDE; j++)
        {
            gr_random_normals(word[w][j], word[w + 1][j], &draw[w][j], &draw[w + 1][j]);
        }
    }
    for (int j = 0; j < RANDOM_SIDE; j++) {
        for (int w = 0; w < 4; w++) out[4 * j + w] = draw[w][j];
    }
}

/* Of each CPU level one copy, which all draws call. */
#define RANDOM_WORDS_COPY(level, target)                                                           \
    target static __attribute__((noinline)) void random_words_##level(                             \
        uint64_t key, uint64_t first, uint64_t step, uint32_t word[4][RANDOM_SIDE])                \
    {                                                                                              \
        random_words_body(key, first, step, word);                                                 \
    }                                                                                              \
    target static __attribute__((noinline)) void random_row_##level(uint64_t key, uint64_t block,  \
                                                                    uint64_t step, uint32_t *row)  \
    {                                                                                              \
        random_row_body(random_words_##level, key, block, step, row);                              \
    }                                                                                              \
    target static __attribute__((noinline)) void random_normals_##level(                           \
        const gr_random_ctx *ctx, uint64_t step, uint64_t first, void *out)                        \
    {                                                                                              \
        random_normals_body(random_words_##level, ctx, step, first, out);                          \
    }
RANDOM_WORDS_COPY(base, )
#if defined(GR_X86_LEVELS)
RANDOM_WORDS_COPY(avx2, GR_TARGET_AVX2)
RANDOM_WORDS_COPY(avx512, GR_TARGET_AVX512)
#endif

gr_random_row_fn *gr_random_row(gr_cpu_level level)
{
    static gr_random_row_fn *const rows[GR_CPU_LEVELS] = GR_LEVELS(random_row);
    return rows[level];
}

/* ---- Batches --------------------------------------------------------------------------------- */

/* What a batch is made of, for its level. */
typedef struct random_source {
    gr_random_row_fn *row;
    random_batch_fn *normals;
} random_source;

static GR_INLINE void random_uniform_f32_body(const random_source at, const gr_random_ctx *ctx,
                                              uint64_t step, uint64_t first, void *out)
{
    uint32_t row[RANDOM_BATCH];
    float *to = out;
    at.row(ctx->key, first / 4, step, row);
    GR_SIMD for (int i = 0; i < RANDOM_BATCH; i++) to[i] = gr_random_fraction(row[i]);
}

static GR_INLINE void random_uniform_f64_body(const random_source at, const gr_random_ctx *ctx,
                                              uint64_t step, uint64_t first, void *out)
{
    uint32_t row[RANDOM_BATCH];
    double *to = out;
    at.row(ctx->key, first / 4, step, row);
    GR_SIMD for (int i = 0; i < RANDOM_BATCH; i++) to[i] = (double)gr_random_fraction(row[i]);
}

/* Numbers of the f64 copy, rounded: it is too long for a second one. */
static GR_INLINE void random_normal_f32_body(const random_source at, const gr_random_ctx *ctx,
                                             uint64_t step, uint64_t first, void *out)
{
    double draw[RANDOM_BATCH];
    float *to = out;
    at.normals(ctx, step, first, draw);
    GR_SIMD for (int i = 0; i < RANDOM_BATCH; i++) to[i] = (float)draw[i];
}

/* Defines random_bernoulli_<bits>_body for elements of that size, whose 1 has the bytes ctx->one
 * and whose 0 is all bits zero. */
#define RANDOM_BERNOULLI(bits)                                                                     \
    static GR_INLINE void random_bernoulli_##bits##_body(const random_source at,                   \
                                                         const gr_random_ctx *ctx, uint64_t step,  \
                                                         uint64_t first, void *out)                \
    {                                                                                              \
        uint32_t row[RANDOM_BATCH];                                                                \
        uint##bits##_t *to = out, one;                                                             \
        memcpy(&one, ctx->one, sizeof one);                                                        \
        const uint64_t threshold = ctx->threshold;                                                 \
        at.row(ctx->key, first / 4, step, row);                                                    \
        GR_SIMD for (int i = 0; i < RANDOM_BATCH; i++) to[i] = row[i] < threshold ? one : 0;       \
    }
RANDOM_BERNOULLI(8)
RANDOM_BERNOULLI(32)
RANDOM_BERNOULLI(64)

/* Sort keys: two to a block. */
static GR_INLINE void random_keys_body(const random_source at, const gr_random_ctx *ctx,
                                       uint64_t step, uint64_t first, void *out)
{
    uint64_t *to = out;
    for (int half = 0; half < 2; half++, to += RANDOM_BATCH / 2) {
        uint32_t row[RANDOM_BATCH];
        at.row(ctx->key, first / 2 + (uint64_t)half * RANDOM_SIDE, step, row);
        for (int i = 0; i < RANDOM_BATCH / 2; i++) {
            to[i] = (uint64_t)row[2 * i + 1] << 32 | row[2 * i];
        }
    }
}

/* ---- A copy of each for each CPU level ------------------------------------------------------- */

#define RANDOM_COPY(name, level, target)                                                           \
    target static void random_##name##_##level(const gr_random_ctx *ctx, uint64_t step,            \
                                               uint64_t first, void *out)                          \
    {                                                                                              \
        random_##name##_body((random_source){random_row_##level, random_normals_##level}, ctx,     \
                             step, first, out);                                                    \
    }
#if defined(GR_X86_LEVELS)
#define RANDOM_LEVELS(name)                                                                        \
    RANDOM_COPY(name, base, )                                                                      \
    RANDOM_COPY(name, avx2, GR_TARGET_AVX2)                                                        \
    RANDOM_COPY(name, avx512, GR_TARGET_AVX512)                                                    \
    static random_batch_fn *const random_##name[GR_CPU_LEVELS] = {                                 \
        random_##name##_base, random_##name##_avx2, random_##name##_avx512};
#else
#define RANDOM_LEVELS(name)                                                                        \
    RANDOM_COPY(name, base, )                                                                      \
    static random_batch_fn *const random_##name[GR_CPU_LEVELS] = {random_##name##_base};
#endif

RANDOM_LEVELS(uniform_f32)
RANDOM_LEVELS(uniform_f64)
RANDOM_LEVELS(normal_f32)
static random_batch_fn *const random_normal_f64[GR_CPU_LEVELS] = GR_LEVELS(random_normals);
RANDOM_LEVELS(bernoulli_8)
RANDOM_LEVELS(bernoulli_32)
RANDOM_LEVELS(bernoulli_64)
RANDOM_LEVELS(keys)

/* ---- Draws ----------------------------------------------------------------------------------- */

/* Batches [begin, end). */
static void random_body(void *ctx, int64_t begin, int64_t end)
{
    const random_work *w = ctx;
    const gr_random_ctx *c = &w->plan->ctx;
    for (int64_t batch = begin; batch < end; batch++) {
        const int64_t first = batch * RANDOM_BATCH, left = c->count - first;
        char *to = w->out + (size_t)first * c->size;
        if (left >= RANDOM_BATCH) {
            w->plan->batch(c, w->step, (uint64_t)first, to);
        } else {
            _Alignas(GR_ALIGN) char rest[RANDOM_BATCH * sizeof(double)];
            w->plan->batch(c, w->step, (uint64_t)first, rest);
            memcpy(to, rest, (size_t)left * c->size);
        }
    }
}

static void random_draw(const random_plan *p, const gr_call *call, void *out)
{
    random_work w = {p, gr_random_step(&p->ctx, call), out};
    const int64_t batches = (p->ctx.count + RANDOM_BATCH - 1) / RANDOM_BATCH;
    gr_parallel(call->threads, batches, p->grain, random_body, &w);
}

static gr_status random_draw_all(const gr_call *call)
{
    random_draw(call->ctx, call, call->out[0]);
    return GR_OK;
}

/* ---- Permutation ----------------------------------------------------------------------------- */

typedef struct random_item {
    uint64_t key;
    int64_t number;
} random_item;

/* One pass of the radix sort by the byte at `shift`: stable, so that equal keys keep their order.
 */
static void random_sort_by_byte(const random_item *from, random_item *to, int64_t n, int shift)
{
    int64_t place[256] = {0};
    for (int64_t i = 0; i < n; i++) place[from[i].key >> shift & 255]++;
    for (int64_t digit = 0, sum = 0; digit < 256; digit++) {
        const int64_t count = place[digit];
        place[digit] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++) to[place[from[i].key >> shift & 255]++] = from[i];
}

static void random_sort_few(random_item *items, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const random_item item = items[i];
        int64_t k = i;
        for (; k > 0 && items[k - 1].key > item.key; k--) items[k] = items[k - 1];
        items[k] = item;
    }
}

static gr_status random_permute(const gr_call *call)
{
    const random_plan *p = call->ctx;
    const int64_t n = p->ctx.count;
    random_item *items = call->work, *other = items + n;
    uint64_t *key = call->out[0]; /* the output holds the keys first */
    random_draw(p, call, key);
    for (int64_t i = 0; i < n; i++) items[i] = (random_item){key[i], i};
    if (n <= 64) {
        random_sort_few(items, n);
    } else {
        for (int shift = 0; shift < 64; shift += 8) {
            random_sort_by_byte(items, other, n, shift);
            random_item *sorted = other;
            other = items;
            items = sorted;
        }
    }
    int64_t *out = call->out[0];
    for (int64_t i = 0; i < n; i++) out[i] = items[i].number;
    return GR_OK;
}

/* ---- Preparing ------------------------------------------------------------------------------- */

static random_batch_fn *const *random_select(const gr_op *op, gr_dtype dtype)
{
    if (op == &gr_op_random_permutation) return random_keys;
    if (op == &gr_op_random_uniform) {
        return dtype == GR_F32 ? random_uniform_f32 : random_uniform_f64;
    }
    if (op == &gr_op_random_normal) {
        return dtype == GR_F32 ? random_normal_f32 : random_normal_f64;
    }
    const size_t size = gr_dtype_size(dtype);
    return size == 1 ? random_bernoulli_8 : size == 4 ? random_bernoulli_32 : random_bernoulli_64;
}

gr_status gr_random_kernel_prepare(gr_request *request)
{
    const gr_op *op = request->node->op;
    const gr_random_ctx *ctx = gr_random_prepare(request);
    if (!ctx) return GR_NO_MEMORY;
    random_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    p->ctx = *ctx;
    p->batch = random_select(op, ctx->dtype)[request->level];
    p->grain = op == &gr_op_random_normal ? 64 : 256;
    request->ctx = p;
    request->fn = random_draw_all;
    request->kernel = "philox";
    if (op == &gr_op_random_permutation) {
        request->fn = random_permute;
        request->work = 2 * (size_t)ctx->count * sizeof(random_item);
        request->kernel = "philox-radix-sort";
    }
    return GR_OK;
}
