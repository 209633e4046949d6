/* attention and its gradient in f32, by blocks of keys whose scores stay in the caches: the forward
 * pass rescales what it has summed whenever a larger score appears (Milakov and Gimelshein 2018),
 * the gradient computes the weights again from the sums' logarithms (Dao et al. 2022). The products
 * are those of gemm.h; what causality hides is left out, tile by tile. */
#include "ops/attention.h"

#include "backend/cpu/gemm.h"
#include "backend/cpu/random.h"
#include "ops/formulas.h"

enum {
    ATTENTION_KEYS = 256,      /* of a block: scores of a tile of queries stay in the L1 cache */
    ATTENTION_TILES = 8,       /* tiles of queries in a block of the gradient */
    ATTENTION_KEYS_BACK = 128, /* whose weights and gradient stay in the L2 cache */
    ATTENTION_CHUNK_TILES = 36 /* of queries that are one task */
};

/* ---- Weights of a row ------------------------------------------------------------------------ */

typedef struct attention_running {
    float top, sum; /* the largest score; Σ exp(score − top) */
} attention_running;

/* Turns n scores into weights relative to the new top, followed by zeros to `fill`; returns the
 * factor of what was summed relative to the old one. Rows have room for whole vectors. */
typedef float attention_weigh_fn(float *s, int64_t n, int64_t fill, float scale, const bool *mask,
                                 attention_running *row);
/* Of n scores s and the weights' cotangents d, weights and the scores' cotangents; zeros to `fill`.
 */
typedef void attention_weigh_back_fn(float *s, float *d, int64_t n, int64_t fill, float scale,
                                     const bool *mask, float lse, float delta);
/* Multiplies n elements by `factor` where their word is below the threshold, by 0 elsewhere. */
typedef void attention_drop_fn(float *s, const uint32_t *word, int64_t n, uint64_t threshold,
                               float factor);
typedef void attention_rescale_fn(float *to, const float *from, int64_t n, float factor);

enum { ATTENTION_LANES = 16 }; /* the loops walk whole vectors: a remainder's exp is slow */

/* What is not seen becomes -inf by the scale. */
static GR_INLINE void attention_hide(float *s, int64_t n, int64_t whole, float scale,
                                     const bool *mask)
{
    const float hidden = scale < 0 ? INFINITY : -INFINITY;
    if (mask) {
        GR_SIMD for (int64_t j = 0; j < n; j++) s[j] = mask[j] ? s[j] : hidden;
    }
    for (int64_t j = n; j < whole; j++) s[j] = hidden;
}

static GR_INLINE float attention_weigh_loop(float *s, int64_t n, int64_t fill, float scale,
                                            const bool *mask, attention_running *row)
{
    const int64_t whole = (n + ATTENTION_LANES - 1) & ~(int64_t)(ATTENTION_LANES - 1);
    float tops[ATTENTION_LANES], top = -INFINITY, sum = 0;
    attention_hide(s, n, whole, scale, mask);
    for (int lane = 0; lane < ATTENTION_LANES; lane++) tops[lane] = -INFINITY;
    for (int64_t j = 0; j < whole; j += ATTENTION_LANES) {
        GR_SIMD for (int lane = 0; lane < ATTENTION_LANES; lane++)
        {
            const float scaled = s[j + lane] * scale;
            s[j + lane] = scaled;
            tops[lane] = scaled > tops[lane] ? scaled : tops[lane];
        }
    }
    for (int lane = 0; lane < ATTENTION_LANES; lane++) top = tops[lane] > top ? tops[lane] : top;
    for (int64_t j = whole; j < fill; j++) s[j] = 0;
    if (top == -INFINITY) { /* nothing is seen here, or NaN, which must show */
        for (int64_t j = 0; j < whole; j++) {
            s[j] = isnan(s[j]) ? s[j] : 0;
            row->sum += s[j];
        }
        return 1;
    }
    if (top < row->top) top = row->top;
    _Pragma("omp simd reduction(+ : sum)") for (int64_t j = 0; j < whole; j++)
    {
        s[j] = formula_exp_f32(s[j] - top);
        sum += s[j];
    }
    const float factor = row->top == -INFINITY ? 0 : formula_exp_f32(row->top - top);
    *row = (attention_running){top, row->sum * factor + sum};
    return factor;
}

static GR_INLINE void attention_weigh_back_loop(float *s, float *d, int64_t n, int64_t fill,
                                                float scale, const bool *mask, float lse,
                                                float delta)
{
    const int64_t whole = (n + ATTENTION_LANES - 1) & ~(int64_t)(ATTENTION_LANES - 1);
    attention_hide(s, n, whole, scale, mask);
    for (int64_t j = n; j < whole; j++) d[j] = 0;
    GR_SIMD for (int64_t j = 0; j < whole; j++)
    {
        const float p = formula_exp_f32(s[j] * scale - lse);
        s[j] = p;
        d[j] = p * (d[j] - delta) * scale;
    }
    for (int64_t j = whole; j < fill; j++) s[j] = d[j] = 0;
}

static GR_INLINE void attention_rescale_loop(float *to, const float *from, int64_t n, float factor)
{
    GR_SIMD for (int64_t i = 0; i < n; i++) to[i] = from[i] * factor;
}

static GR_INLINE void attention_drop_loop(float *s, const uint32_t *word, int64_t n,
                                          uint64_t threshold, float factor)
{
    GR_SIMD for (int64_t i = 0; i < n; i++) s[i] = word[i] < threshold ? s[i] * factor : 0;
}

#define ATTENTION_LEVEL(level, target)                                                             \
    target static float attention_weigh_##level(float *s, int64_t n, int64_t fill, float scale,    \
                                                const bool *mask, attention_running *row)          \
    {                                                                                              \
        return attention_weigh_loop(s, n, fill, scale, mask, row);                                 \
    }                                                                                              \
    target static void attention_weigh_back_##level(float *s, float *d, int64_t n, int64_t fill,   \
                                                    float scale, const bool *mask, float lse,      \
                                                    float delta)                                   \
    {                                                                                              \
        attention_weigh_back_loop(s, d, n, fill, scale, mask, lse, delta);                         \
    }                                                                                              \
    target static void attention_drop_##level(float *s, const uint32_t *word, int64_t n,           \
                                              uint64_t threshold, float factor)                    \
    {                                                                                              \
        attention_drop_loop(s, word, n, threshold, factor);                                        \
    }                                                                                              \
    target static void attention_rescale_##level(float *to, const float *from, int64_t n,          \
                                                 float factor)                                     \
    {                                                                                              \
        attention_rescale_loop(to, from, n, factor);                                               \
    }

ATTENTION_LEVEL(base, )
#if defined(GR_X86_LEVELS)
ATTENTION_LEVEL(avx2, GR_TARGET_AVX2)
ATTENTION_LEVEL(avx512, GR_TARGET_AVX512)
#endif

static attention_weigh_fn *const attention_weigh_table[] = GR_LEVELS(attention_weigh);
static attention_weigh_back_fn *const attention_weigh_back_table[] =
    GR_LEVELS(attention_weigh_back);
static attention_drop_fn *const attention_drop_table[] = GR_LEVELS(attention_drop);
static attention_rescale_fn *const attention_rescale_table[] = GR_LEVELS(attention_rescale);

/* ---- What a worker has ----------------------------------------------------------------------- */

typedef struct attention_plan {
    gr_attention_geometry g;
    const gr_gemm_kit *kit;
    attention_weigh_fn *weigh;
    attention_weigh_back_fn *weigh_back;
    attention_rescale_fn *rescale;
    attention_drop_fn *drop;
    gr_random_row_fn *words;
    int64_t chunk, chunks; /* queries of a task, tasks of a head */
    int64_t block;         /* queries of a block of the gradient */
    int64_t tasks;
    size_t slot; /* bytes of a worker's scratch */
    double operations;
} attention_plan;

/* A worker's scratch: packed keys and values (k_rows, v_columns: the gradient's), and blocks. */
typedef struct attention_slot {
    float *k_columns, *k_rows, *v_columns, *v_rows;
    float *scores, *more; /* of a block: weights, and the scores' cotangents */
    float *sums;          /* of a tile of queries */
    float *q_rows, *dy_rows, *sliver;
    int64_t packed; /* which head of keys lies there; -1: none */
} attention_slot;

static int64_t attention_round(int64_t size, int64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* The next `floats` of the scratch; NULL while it is only measured. */
static float *attention_take(float *work, int64_t *used, int64_t floats)
{
    float *const from = work ? work + *used : NULL;
    *used += attention_round(floats, 16);
    return from;
}

/* The scratch from `work` on (NULL: to measure it); how many bytes it takes. */
static size_t attention_lay_out(const attention_plan *p, bool backward, float *work,
                                attention_slot *slot)
{
    const gr_attention_geometry *g = &p->g;
    const int64_t nr = p->kit->nr, keys = attention_round(g->keys, nr);
    const int64_t depth = attention_round(g->depth, nr), width = attention_round(g->width, nr);
    int64_t used = 0;
    *slot = (attention_slot){.packed = -1};
    slot->k_columns = attention_take(work, &used, keys * g->depth);
    if (!backward) {
        slot->v_rows = attention_take(work, &used, g->keys * width);
        slot->scores = attention_take(work, &used, p->kit->mr * (int64_t)ATTENTION_KEYS);
        slot->sums = attention_take(work, &used, p->kit->mr * width);
    } else {
        slot->k_rows = attention_take(work, &used, g->keys * depth);
        slot->v_columns = attention_take(work, &used, keys * g->width);
        slot->scores = attention_take(work, &used, p->block * ATTENTION_KEYS_BACK);
        slot->more = attention_take(work, &used, p->block * ATTENTION_KEYS_BACK);
        slot->q_rows = attention_take(work, &used, p->block * depth);
        slot->dy_rows = attention_take(work, &used, p->block * width);
        slot->sliver = attention_take(work, &used, p->block * p->kit->sliver);
    }
    return (size_t)used * sizeof *work;
}

/* Row 0 of a head. */
static const float *attention_in(const gr_call *call, int input, const gr_attention_operand *o,
                                 int64_t n, int64_t h)
{
    return (const float *)call->in[input] + o->start + n * o->batch + h * o->head;
}
static float *attention_out(const gr_call *call, int output, const gr_attention_operand *o,
                            int64_t n, int64_t h)
{
    return (float *)call->out[output] + o->start + n * o->batch + h * o->head;
}

/* Panels of a matrix of `k` rows and n columns. */
static void attention_pack(const gr_gemm_kit *kit, gr_gemm_matrix b, int64_t n, int64_t k,
                           float *out)
{
    const float *data = b.data;
    for (int64_t j = 0; j < n; j += kit->nr) {
        b.data = data + j * b.column;
        kit->pack_b(&b, n - j < kit->nr ? n - j : kit->nr, k, out + j * k);
    }
}

/* c[m, from … n) = (add ? c : 0) + a·b, of packed b (which has k rows and `columns` columns) rows
 * [row, row + length); `from` is a multiple of nr. */
static void attention_rows_times(const gr_gemm_kit *kit, int64_t m, int64_t from, int64_t n,
                                 const float *a, int64_t lda, const float *b, int64_t k,
                                 int64_t columns, int64_t row, int64_t length, float *c,
                                 int64_t ldc, bool add)
{
    for (int64_t j = from; j < n; j += kit->nr) {
        const int64_t whole = columns - j < kit->nr ? columns - j : kit->nr;
        const int64_t panel = gr_gemm_panel(kit, whole), some = n - j < whole ? n - j : whole;
        kit->tile_rows(m, some, length, a, lda, b + j * k + row * panel, panel, c + j - from, ldc,
                       add);
    }
}

/* Where the mask's row begins and how much of n keys from j on it leaves: nothing where one value
 * for all keys hides them. */
static const bool *attention_mask_row(const gr_attention_geometry *g, const bool *mask, int64_t i,
                                      int64_t j, int64_t *n)
{
    if (!mask) return NULL;
    const bool *row = mask + i * g->mask_row;
    if (g->mask_column) return row + j;
    if (!*row) *n = 0;
    return NULL;
}

static const bool *attention_mask(const gr_attention_geometry *g, const gr_call *call, int64_t n,
                                  int64_t h)
{
    if (g->mask < 0) return NULL;
    return (const bool *)call->in[g->mask] + gr_attention_mask_start(g, n, h);
}

/* Keys of the block [j, j + n) that query i sees. */
static int64_t attention_seen_of(const gr_attention_geometry *g, int64_t i, int64_t j, int64_t n)
{
    const int64_t reach = gr_attention_reach(g, i) - j;
    return reach < 0 ? 0 : reach < n ? reach : n;
}

/* Dropout of what belongs to query i and keys [j, j + keys). */
static void attention_drop(const attention_plan *p, const gr_call *call, int64_t n, int64_t h,
                           int64_t i, int64_t j, int64_t keys, float *s)
{
    const gr_attention_geometry *g = &p->g;
    const uint64_t first = gr_attention_draw(g, n, h, i) + (uint64_t)j;
    const uint64_t step = (uint64_t) * (const int64_t *)call->in[g->step];
    const float factor = (float)(1 / (1 - g->dropout));
    uint32_t word[GR_RANDOM_ROW];
    int64_t skip = (int64_t)(first % 4); /* rows of words begin at multiples of four */
    for (int64_t at = 0; at < keys; skip = 0) {
        const int64_t left = keys - at, room = GR_RANDOM_ROW - skip;
        const int64_t some = left < room ? left : room;
        p->words(g->key, (first + (uint64_t)at) / 4, step, word);
        p->drop(s + at, word + skip, some, g->threshold, factor);
        at += some;
    }
}

/* ---- Forward --------------------------------------------------------------------------------- */

typedef struct attention_job {
    const attention_plan *plan;
    const gr_call *call;
    int64_t workers;
    bool backward;
} attention_job;

/* Queries [i, i + m) of head h. */
static void attention_tile(const attention_plan *p, const gr_call *call, attention_slot *slot,
                           int64_t n, int64_t h, int64_t i, int64_t m)
{
    const gr_attention_geometry *g = &p->g;
    const int64_t ld = attention_round(g->width, p->kit->nr);
    const float *q = attention_in(call, 0, &g->q, n, h) + i * g->q.row;
    const bool *mask = attention_mask(g, call, n, h);
    const int64_t reach = gr_attention_reach(g, i + m - 1);
    attention_running row[32];
    for (int64_t r = 0; r < m; r++) row[r] = (attention_running){-INFINITY, 0};
    for (int64_t j = 0; j < reach; j += ATTENTION_KEYS) {
        const int64_t keys = reach - j < ATTENTION_KEYS ? reach - j : ATTENTION_KEYS;
        attention_rows_times(p->kit, m, j, j + keys, q, g->q.row, slot->k_columns, g->depth,
                             g->keys, 0, g->depth, slot->scores, ATTENTION_KEYS, false);
        for (int64_t r = 0; r < m; r++) {
            int64_t seen = attention_seen_of(g, i + r, j, keys);
            const bool *hidden = attention_mask_row(g, mask, i + r, j, &seen);
            const float factor = p->weigh(slot->scores + r * ATTENTION_KEYS, seen, keys,
                                          (float)g->scale, hidden, &row[r]);
            if (j > 0 && factor != 1)
                p->rescale(slot->sums + r * ld, slot->sums + r * ld, g->width, factor);
            if (g->step >= 0)
                attention_drop(p, call, n, h, i + r, j, seen, slot->scores + r * ATTENTION_KEYS);
        }
        attention_rows_times(p->kit, m, 0, g->width, slot->scores, ATTENTION_KEYS, slot->v_rows,
                             g->keys, g->width, j, keys, slot->sums, ld, j > 0);
    }
    float *y = attention_out(call, 0, &g->y, n, h) + i * g->y.row;
    float *lse = attention_out(call, 1, &g->row, n, h) + i * g->row.row;
    for (int64_t r = 0; r < m; r++) {
        const float sum = row[r].sum, factor = sum == 0 ? 0 : 1 / sum;
        GR_SIMD for (int64_t c = 0; c < g->width; c++)
        {
            y[r * g->y.row + c] = slot->sums[r * ld + c] * factor;
        }
        lse[r * g->row.row] = sum == 0 ? 0 : row[r].top + logf(sum);
    }
}

static void attention_forward(const attention_plan *p, const gr_call *call, attention_slot *slot,
                              int64_t task)
{
    const gr_attention_geometry *g = &p->g;
    const int64_t head = task / p->chunks, n = head / g->heads, h = head % g->heads;
    const int64_t kh = h / (g->heads / g->key_heads);
    if (slot->packed != n * g->key_heads + kh) {
        slot->packed = n * g->key_heads + kh;
        const float *k = attention_in(call, g->packed ? 0 : 1, &g->k, n, kh);
        const float *v = attention_in(call, g->packed ? 0 : 2, &g->v, n, kh);
        attention_pack(p->kit, (gr_gemm_matrix){k, 1, g->k.row}, g->keys, g->depth,
                       slot->k_columns);
        attention_pack(p->kit, (gr_gemm_matrix){v, g->v.row, 1}, g->width, g->keys, slot->v_rows);
    }
    const int64_t first = task % p->chunks * p->chunk;
    const int64_t end = first + p->chunk < g->queries ? first + p->chunk : g->queries;
    for (int64_t i = first; i < end; i += p->kit->mr)
        attention_tile(p, call, slot, n, h, i, end - i < p->kit->mr ? end - i : p->kit->mr);
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Queries [i, i + m) of head h against keys [j, j + keys). */
typedef struct attention_block {
    int64_t n, h, kh, i, m, j, keys;
} attention_block;

/* Weights and the scores' cotangents of the block, and dq by them. */
static void attention_block_queries(const attention_plan *p, const gr_call *call,
                                    const attention_slot *slot, const attention_block *b)
{
    enum { LD = ATTENTION_KEYS_BACK };
    const gr_attention_geometry *g = &p->g;
    const gr_gemm_kit *kit = p->kit;
    const float *q = attention_in(call, 0, &g->q, b->n, b->h);
    const float *dy = attention_in(call, g->first_more + 2, &g->y, b->n, b->h);
    const float *lse = attention_in(call, g->first_more, &g->row, b->n, b->h);
    const float *delta = attention_in(call, g->first_more + 1, &g->row, b->n, b->h);
    const bool *mask = attention_mask(g, call, b->n, b->h);
    float *dq = attention_out(call, 0, &g->q, b->n, b->h);
    for (int64_t r = 0; r < b->m; r += kit->mr) {
        const int64_t i = b->i + r, m = b->m - r < kit->mr ? b->m - r : kit->mr;
        const int64_t reach = attention_seen_of(g, i + m - 1, b->j, b->keys);
        float *s = slot->scores + r * LD, *d = slot->more + r * LD;
        attention_rows_times(kit, m, b->j, b->j + reach, q + i * g->q.row, g->q.row,
                             slot->k_columns, g->depth, g->keys, 0, g->depth, s, LD, false);
        attention_rows_times(kit, m, b->j, b->j + reach, dy + i * g->y.row, g->y.row,
                             slot->v_columns, g->width, g->keys, 0, g->width, d, LD, false);
        for (int64_t row = 0; row < m; row++) {
            int64_t seen = attention_seen_of(g, i + row, b->j, reach);
            const bool *hidden = attention_mask_row(g, mask, i + row, b->j, &seen);
            const int64_t at = (i + row) * g->row.row;
            float *weights = s + row * LD, *dweights = d + row * LD;
            if (g->step >= 0) attention_drop(p, call, b->n, b->h, i + row, b->j, seen, dweights);
            p->weigh_back(weights, dweights, seen, b->keys, (float)g->scale, hidden, lse[at],
                          delta[at]);
            if (g->step >= 0) attention_drop(p, call, b->n, b->h, i + row, b->j, seen, weights);
        }
        if (reach > 0)
            attention_rows_times(kit, m, 0, g->depth, d, LD, slot->k_rows, g->keys, g->depth, b->j,
                                 reach, dq + i * g->q.row, g->q.row, b->j > 0);
    }
}

/* Adds xᵀ·rows to the rows of `out` that belong to keys [from, from + m) of the block; x are
 * weights or cotangents, of which queries before `first` have none. */
static void attention_keys_add(const attention_plan *p, const attention_slot *slot,
                               const attention_block *b, const float *x, int64_t first,
                               int64_t from, int64_t m, const float *rows, int64_t width,
                               float *out, int64_t ldc)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t k = b->m - first;
    const gr_gemm_matrix a = {x + first * ATTENTION_KEYS_BACK + from, 1, ATTENTION_KEYS_BACK};
    kit->pack_a(&a, m, k, slot->sliver);
    for (int64_t c = 0; c < width; c += kit->nr) {
        const int64_t some = width - c < kit->nr ? width - c : kit->nr;
        const int64_t panel = gr_gemm_panel(kit, some);
        kit->tile(m, some, k, slot->sliver, rows + c * b->m + first * panel, panel, out + c, ldc,
                  true);
    }
}

static void attention_block_keys(const attention_plan *p, const gr_call *call,
                                 const attention_slot *slot, const attention_block *b)
{
    const gr_attention_geometry *g = &p->g;
    float *dk = attention_out(call, g->packed ? 0 : 1, &g->k, b->n, b->kh) + b->j * g->k.row;
    float *dv = attention_out(call, g->packed ? 0 : 2, &g->v, b->n, b->kh) + b->j * g->v.row;
    for (int64_t t = 0; t < b->keys; t += p->kit->mr) {
        const int64_t m = b->keys - t < p->kit->mr ? b->keys - t : p->kit->mr;
        int64_t first = g->causal ? b->j + t - b->i : 0; /* the first query that sees a key here */
        if (first < 0) first = 0;
        if (first >= b->m) break;
        attention_keys_add(p, slot, b, slot->scores, first, t, m, slot->dy_rows, g->width,
                           dv + t * g->v.row, g->v.row);
        attention_keys_add(p, slot, b, slot->more, first, t, m, slot->q_rows, g->depth,
                           dk + t * g->k.row, g->k.row);
    }
}

static void attention_clear(float *rows, int64_t n, int64_t width, int64_t row)
{
    for (int64_t i = 0; i < n; i++) memset(rows + i * row, 0, (size_t)width * sizeof *rows);
}

/* A head of keys with all the queries that share it. */
static void attention_backward(const attention_plan *p, const gr_call *call, attention_slot *slot,
                               int64_t task)
{
    const gr_attention_geometry *g = &p->g;
    const int64_t n = task / g->key_heads, kh = task % g->key_heads;
    const int64_t group = g->heads / g->key_heads;
    const float *k = attention_in(call, g->packed ? 0 : 1, &g->k, n, kh);
    const float *v = attention_in(call, g->packed ? 0 : 2, &g->v, n, kh);
    attention_pack(p->kit, (gr_gemm_matrix){k, 1, g->k.row}, g->keys, g->depth, slot->k_columns);
    attention_pack(p->kit, (gr_gemm_matrix){k, g->k.row, 1}, g->depth, g->keys, slot->k_rows);
    attention_pack(p->kit, (gr_gemm_matrix){v, 1, g->v.row}, g->keys, g->width, slot->v_columns);
    attention_clear(attention_out(call, g->packed ? 0 : 1, &g->k, n, kh), g->keys, g->depth,
                    g->k.row);
    attention_clear(attention_out(call, g->packed ? 0 : 2, &g->v, n, kh), g->keys, g->width,
                    g->v.row);
    for (int64_t h = kh * group; h < (kh + 1) * group; h++) {
        const float *q = attention_in(call, 0, &g->q, n, h);
        const float *dy = attention_in(call, g->first_more + 2, &g->y, n, h);
        for (int64_t i = 0; i < g->queries; i += p->block) {
            const int64_t m = g->queries - i < p->block ? g->queries - i : p->block;
            const int64_t reach = gr_attention_reach(g, i + m - 1);
            attention_pack(p->kit, (gr_gemm_matrix){q + i * g->q.row, g->q.row, 1}, g->depth, m,
                           slot->q_rows);
            attention_pack(p->kit, (gr_gemm_matrix){dy + i * g->y.row, g->y.row, 1}, g->width, m,
                           slot->dy_rows);
            for (int64_t j = 0; j < reach; j += ATTENTION_KEYS_BACK) {
                const int64_t left = reach - j;
                const attention_block b = {
                    n, h, kh, i, m, j, left < ATTENTION_KEYS_BACK ? left : ATTENTION_KEYS_BACK};
                attention_block_queries(p, call, slot, &b);
                attention_block_keys(p, call, slot, &b);
            }
        }
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

static void attention_worker(void *ctx, int64_t begin, int64_t end)
{
    const attention_job *job = ctx;
    const attention_plan *p = job->plan;
    for (int64_t worker = begin; worker < end; worker++) {
        attention_slot slot;
        float *work = (float *)job->call->work + (size_t)worker * p->slot / sizeof *work;
        attention_lay_out(p, job->backward, work, &slot);
        const int64_t last = (worker + 1) * p->tasks / job->workers;
        for (int64_t task = worker * p->tasks / job->workers; task < last; task++)
            (job->backward ? attention_backward : attention_forward)(p, job->call, &slot, task);
    }
}

static int64_t attention_workers(const attention_plan *p, int threads)
{
    const int64_t workers = gr_gemm_threads(p->operations, threads);
    return workers < p->tasks ? workers : p->tasks > 1 ? p->tasks : 1;
}

static gr_status attention_share(const gr_call *call, bool backward)
{
    const attention_plan *p = call->ctx;
    attention_job job = {p, call, attention_workers(p, call->threads), backward};
    gr_parallel((int)job.workers, job.workers, 1, attention_worker, &job);
    return GR_OK;
}

static gr_status attention_fast(const gr_call *call)
{
    return attention_share(call, false);
}

static gr_status attention_grad_fast(const gr_call *call)
{
    return attention_share(call, true);
}

gr_status gr_attention_prepare(gr_request *request)
{
    const bool backward = request->node->op == &gr_op_attention_grad;
    attention_plan plan = {.g = gr_attention_geometry_of(request->node)};
    const gr_attention_geometry *g = &plan.g;
    attention_slot slot;
    if (gr_type_of(request->node->in[0]).dtype != GR_F32) return GR_UNSUPPORTED;
    plan.kit = gr_gemm_kit_for(GR_F32, request->level);
    plan.weigh = attention_weigh_table[request->level];
    plan.weigh_back = attention_weigh_back_table[request->level];
    plan.rescale = attention_rescale_table[request->level];
    plan.drop = attention_drop_table[request->level];
    plan.words = gr_random_row(request->level);
    plan.chunk = plan.kit->mr * (int64_t)ATTENTION_CHUNK_TILES;
    plan.chunks = (g->queries + plan.chunk - 1) / plan.chunk;
    plan.block = plan.kit->mr * (int64_t)ATTENTION_TILES;
    plan.tasks = backward ? g->batch * g->key_heads : g->batch * g->heads * plan.chunks;
    plan.operations = (backward ? 10.0 : 4.0) * (double)(g->depth + g->width) / 2 *
                      (double)(g->batch * g->heads) * (double)g->queries * (double)g->keys;
    plan.slot = attention_lay_out(&plan, backward, NULL, &slot);
    request->work = plan.slot * (size_t)attention_workers(&plan, request->threads);
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = backward ? attention_grad_fast : attention_fast;
    request->kernel = backward ? "attention-grad" : "attention";
    return GR_OK;
}
