/* Matrix products: which way for which shape, blocks, and the shares of threads. */
#include "backend/cpu/gemm.h"

/* Columns of B that are packed at once; with block_k rows they fit the second-level cache. */
#define GEMM_BLOCK_N 512
/* Bytes of B that may be read again and again where they lie. */
#define GEMM_DIRECT_BYTES (16 << 10)
/* Least k, and largest power of two in the bytes between them, for rows of A to be read in place.
 */
#define GEMM_ROWS_K 64
#define GEMM_ROWS_APART 2048
/* Most rows that are taken one by one, where the second matrix is not read again from afar. */
#define GEMM_FEW 3
/* Products of fewer multiplications are not worth packing. */
#define GEMM_TINY 256
/* Products that are summed along k: least k with few rows or columns, whose packing is used little,
 * with more, and with many; bytes of the second matrix's rows that stay in the second-level cache
 * meanwhile; most bytes of that matrix. */
#define GEMM_PAIRS_FEW 16
#define GEMM_PAIRS_K_FEW 64
#define GEMM_PAIRS_K 256
#define GEMM_PAIRS_MANY 96
#define GEMM_PAIRS_K_MANY 513
#define GEMM_PAIRS_BYTES (640 << 10)
#define GEMM_PAIRS_MOST (1536 << 10)
/* A product is handed over in pieces if it has so many bytes, so that it would not stay in the
 * caches, and so many columns; most columns of a piece. */
#define GEMM_STREAM_BYTES (4 << 20)
#define GEMM_STREAM_LEAST 64
#define GEMM_STREAM_MOST 12288

int gr_gemm_threads(double operations, int threads)
{
    /* 5 µs of work pay for a thread's part in a parallel region, which costs about 1 µs */
    const double worth = operations / 5e5;
    if (worth < 2) return 1;
    return worth < threads ? (int)worth : threads;
}

static double gemm_operations(const gr_gemm *g)
{
    return 2.0 * (double)g->m * (double)g->n * (double)g->k;
}

/* The threads that are worth waking now for so many operations. */
static int gemm_awake(double operations, int threads)
{
    const double a_second = 1e11;
    return gr_parallel_threads(gr_gemm_threads(operations, threads), operations / a_second);
}

static int64_t gemm_round_up(int64_t size, int64_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static const void *gemm_at(const gr_gemm *g, const gr_gemm_matrix *matrix, int64_t i, int64_t j)
{
    const int64_t place = i * matrix->row + j * matrix->column;
    return (const char *)matrix->data + place * (int64_t)g->kit->element;
}

typedef struct gemm_region {
    int64_t m0, m1, n0, n1;
} gemm_region;

/* Tells that a region of c is complete. */
static void gemm_finish(const gr_gemm *g, gemm_region r)
{
    if (!g->call || !g->call->finish) return;
    if (r.n1 - r.n0 == g->n) {
        gr_finish(g->call, g->first + r.m0 * g->n, g->first + r.m1 * g->n);
        return;
    }
    for (int64_t i = r.m0; i < r.m1; i++) {
        gr_finish(g->call, g->first + i * g->n + r.n0, g->first + i * g->n + r.n1);
    }
}

/* ---- Tiny products -----------------------------------------------------------------------------
 */

#define GEMM_TINY_LOOPS(suffix, type)                                                              \
    static void gemm_tiny_##suffix(const gr_gemm *g)                                               \
    {                                                                                              \
        const gr_gemm_matrix a = g->a, b = g->b;                                                   \
        type *c = g->c;                                                                            \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            for (int64_t j = 0; j < g->n; j++) {                                                   \
                const type *left = (const type *)a.data + i * a.row;                               \
                const type *right = (const type *)b.data + j * b.column;                           \
                type sum = 0;                                                                      \
                for (int64_t k = 0; k < g->k; k++, left += a.column, right += b.row) {             \
                    sum += *left * *right;                                                         \
                }                                                                                  \
                *c++ = sum;                                                                        \
            }                                                                                      \
        }                                                                                          \
    }

GEMM_TINY_LOOPS(f32, float)
GEMM_TINY_LOOPS(f64, double)

/* ---- Matrix times vector -----------------------------------------------------------------------
 */

typedef struct gemm_vector {
    const gr_gemm *gemm;
    int64_t k;
    gr_gemm_matrix matrix; /* element (i, k) belongs to result i */
    const void *x;
    char *y;
} gemm_vector;

static void gemm_vector_share(void *ctx, int64_t begin, int64_t end)
{
    const gemm_vector *v = ctx;
    const gr_gemm_kit *kit = v->gemm->kit;
    const int64_t bytes = (int64_t)kit->element;
    const char *matrix = (const char *)v->matrix.data + begin * v->matrix.row * bytes;
    char *y = v->y + begin * bytes;
    if (v->matrix.row == 1) {
        kit->sums(end - begin, v->k, matrix, v->matrix.column, v->x, y);
    } else {
        kit->dots(end - begin, v->k, matrix, v->matrix.row, v->x, y);
    }
    if (v->gemm->m == 1) {
        gemm_finish(v->gemm, (gemm_region){0, 1, begin, end});
    } else {
        gemm_finish(v->gemm, (gemm_region){begin, end, 0, 1});
    }
}

/* A product with one row or one column, if the strides suit the vector kernels. */
static bool gemm_run_vector(const gr_gemm *g, int threads)
{
    gemm_vector v = {.gemm = g, .k = g->k, .y = g->c};
    int64_t count;
    if (g->m == 1 && (g->a.column == 1 || g->k == 1)) {
        v.matrix = (gr_gemm_matrix){g->b.data, g->b.column, g->b.row};
        v.x = g->a.data;
        count = g->n;
    } else if (g->n == 1 && (g->b.row == 1 || g->k == 1)) {
        v.matrix = g->a;
        v.x = g->b.data;
        count = g->m;
    } else {
        return false;
    }
    if (v.matrix.row != 1 && v.matrix.column != 1) return false;
    /* bound by reading the matrix, which takes four times as long as its arithmetic */
    const int workers = gemm_awake(8.0 * (double)count * (double)g->k, threads);
    const int64_t unit = v.matrix.row == 1 ? 8 * g->kit->nr : 8; /* whole steps of the kernel */
    const int64_t grain = gemm_round_up((count + workers - 1) / workers, unit);
    gr_parallel(workers, count, grain, gemm_vector_share, &v);
    return true;
}

/* A few rows, one after the other: each reads a second matrix that stays in the first-level cache,
 * and tiles of so few rows would wait for their own sums. */
static bool gemm_run_few(const gr_gemm *g)
{
    if (g->m > GEMM_FEW || g->a.column != 1 || g->b.column != 1) return false;
    const int64_t bytes = (int64_t)g->kit->element;
    if (g->n < 2 * g->kit->nr || g->b.row * g->k * bytes > GEMM_DIRECT_BYTES) return false;
    for (int64_t i = 0; i < g->m; i++) {
        char *c = (char *)g->c + i * g->n * bytes;
        g->kit->sums(g->n, g->k, g->b.data, g->b.row, gemm_at(g, &g->a, i, 0), c);
    }
    gemm_finish(g, (gemm_region){0, g->m, 0, g->n});
    return true;
}

/* ---- Outer products ----------------------------------------------------------------------------
 */

static void gemm_outer_share(void *ctx, int64_t begin, int64_t end)
{
    const gr_gemm *g = ctx;
    char *c = (char *)g->c + (size_t)(begin * g->n) * g->kit->element;
    g->kit->outer(end - begin, g->n, g->k, gemm_at(g, &g->a, begin, 0), g->a.column, g->b.data,
                  g->b.row, c);
    gemm_finish(g, (gemm_region){begin, end, 0, g->n});
}

static bool gemm_run_outer(const gr_gemm *g, int threads)
{
    if (g->k > GR_GEMM_OUTER || g->a.row != 1 || g->b.column != 1 || g->stream) return false;
    if (g->k > 1 && g->n < 2 * g->kit->nr) return false; /* of short rows little is whole vectors */
    const int workers = gemm_awake(gemm_operations(g), threads);
    gr_parallel(workers, g->m, (g->m + workers - 1) / workers, gemm_outer_share,
                (void *)(uintptr_t)g);
    return true;
}

/* ---- Rows times rows ---------------------------------------------------------------------------
 */

/* c = a·b where both are read along k; m ≥ n after exchanging them if need be. */
typedef struct gemm_pairs {
    const gr_gemm *gemm;
    int64_t m, n, k, lda, ldb, c_row, c_column;
    const char *a, *b;
    char *c;
} gemm_pairs;

/* Rows [begin, end) of a, against as many rows of b at a time as stay in the second-level cache. */
static void gemm_pairs_share(void *ctx, int64_t begin, int64_t end)
{
    const gemm_pairs *s = ctx;
    const gr_gemm *g = s->gemm;
    const int64_t bytes = (int64_t)g->kit->element;
    const int64_t fit = GEMM_PAIRS_BYTES / (s->k * bytes) / 5 * 5, block = fit > 5 ? fit : 5;
    const char *a = s->a + begin * s->lda * bytes;
    for (int64_t j = 0; j < s->n; j += block) {
        const int64_t n = s->n - j < block ? s->n - j : block;
        g->kit->pairs(end - begin, n, s->k, a, s->lda, s->b + j * s->ldb * bytes, s->ldb,
                      s->c + (begin * s->c_row + j * s->c_column) * bytes, s->c_row, s->c_column);
    }
    if (s->c_column == 1) {
        gemm_finish(g, (gemm_region){begin, end, 0, g->n});
    } else {
        gemm_finish(g, (gemm_region){0, g->m, begin, end});
    }
}

/* A product with a transposed matrix reads both along k. Summing in lanes along k then saves the
 * packing, and where k is long that outweighs the sums across the lanes; not where the smaller
 * matrix is so large that it must be read again and again from beyond the second-level cache. */
static bool gemm_suits_pairs(const gr_gemm *g)
{
    const int64_t least = g->m < g->n ? g->m : g->n;
    const int64_t enough = least <= GEMM_PAIRS_FEW   ? GEMM_PAIRS_K_FEW
                           : least < GEMM_PAIRS_MANY ? GEMM_PAIRS_K
                                                     : GEMM_PAIRS_K_MANY;
    if (g->a.column != 1 || g->b.row != 1 || g->k < enough) return false;
    return least * g->k * (int64_t)g->kit->element <= GEMM_PAIRS_MOST;
}

static bool gemm_run_pairs(const gr_gemm *g, int threads)
{
    if (!gemm_suits_pairs(g)) return false;
    gemm_pairs s = {g,    g->m, g->n,      g->k,      g->a.row, g->b.column,
                    g->n, 1,    g->a.data, g->b.data, g->c};
    if (g->m < g->n) {
        s = (gemm_pairs){g, g->n, g->m,      g->k,      g->b.column, g->a.row,
                         1, g->n, g->b.data, g->a.data, g->c};
    }
    const int workers = gemm_awake(gemm_operations(g), threads);
    const int64_t grain = gemm_round_up((s.m + workers - 1) / workers, 4);
    gr_parallel(workers, s.m, grain, gemm_pairs_share, &s);
    return true;
}

/* ---- Large products ----------------------------------------------------------------------------
 */

/* A product in progress: workers form a grid over C; each packs what it reads into its own slot. */
typedef struct gemm_job {
    const gr_gemm *gemm;
    int64_t block_k;
    int64_t rows, columns; /* of a worker's region */
    int grid_columns;
    char *work;
    size_t slot;
} gemm_job;

/* Columns that are packed at once: more of a short k if they are handed over, in long runs then. */
static int64_t gemm_block_n(const gr_gemm *g)
{
    if (!g->stream) return GEMM_BLOCK_N;
    const int64_t fit = GEMM_BLOCK_N * g->kit->block_k / gr_gemm_block(g->kit, g->k);
    return fit < GEMM_STREAM_MOST ? fit / g->kit->nr * g->kit->nr : GEMM_STREAM_MOST;
}

/* The widest that a region needs, in whole panels. */
static int64_t gemm_widest(const gr_gemm *g)
{
    const int64_t block = gemm_block_n(g);
    return gemm_round_up(g->n < block ? g->n : block, g->kit->nr);
}

/* Bytes of the tiles of a sliver that is handed over. */
static size_t gemm_tiles(const gr_gemm *g)
{
    const int64_t bytes = g->kit->mr * gemm_widest(g) * (int64_t)g->kit->element;
    return g->stream ? (size_t)gemm_round_up(bytes, GR_ALIGN) : 0;
}

/* A sliver of A, panels of B, tiles of C. */
static size_t gemm_slot(const gr_gemm *g)
{
    const int64_t packed = gr_gemm_block(g->kit, g->k) * (gemm_widest(g) + g->kit->sliver);
    return (size_t)gemm_round_up(packed * (int64_t)g->kit->element, GR_ALIGN) + gemm_tiles(g);
}

/* Packed panels of B: rows [k0, k0+kc), columns [n0, n1). */
static void gemm_pack_block(const gr_gemm *g, int64_t k0, int64_t kc, int64_t n0, int64_t n1,
                            char *out)
{
    const gr_gemm_kit *kit = g->kit;
    for (int64_t j = n0; j < n1; j += kit->nr) {
        const int64_t n = n1 - j < kit->nr ? n1 - j : kit->nr;
        const gr_gemm_matrix panel = {gemm_at(g, &g->b, k0, j), g->b.row, g->b.column};
        kit->pack_b(&panel, n, kc, out + (size_t)((j - n0) * kc) * kit->element);
    }
}

/* Where a region of c is computed: in c, or before it is handed over. */
typedef struct gemm_target {
    char *data;
    int64_t ld;
} gemm_target;

static gemm_target gemm_target_of(const gr_gemm *g, const gemm_region *block, char *tiles)
{
    if (g->stream) return (gemm_target){tiles, block->n1 - block->n0};
    const size_t place = (size_t)(block->m0 * g->n + block->n0);
    return (gemm_target){(char *)g->c + place * g->kit->element, g->n};
}

/* Tells that a region is complete, or hands it over. */
static void gemm_deliver(const gr_gemm *g, gemm_region r, gemm_target target)
{
    if (!g->stream) {
        gemm_finish(g, r);
        return;
    }
    const bool whole = r.n1 - r.n0 == g->n;
    const int64_t rows = whole ? r.m1 - r.m0 : 1;
    for (int64_t i = r.m0; i < r.m1; i += rows) {
        const int64_t begin = g->first + i * g->n + r.n0;
        const char *values = target.data + (size_t)((i - r.m0) * target.ld) * g->kit->element;
        g->call->take(g->call->finish_ctx, begin, begin + rows * (r.n1 - r.n0), values);
    }
}

/* One sliver of A, packed or rows where they lie, against the panels of one block. Unpacked B is
 * read where it lies. */
static void gemm_sliver(const gr_gemm *g, const gemm_region *block, int64_t k0, int64_t kc,
                        const void *sliver, bool rows, const char *packed_b, gemm_target target)
{
    const gr_gemm_kit *kit = g->kit;
    const int64_t m = block->m1 - block->m0;
    for (int64_t j = block->n0; j < block->n1; j += kit->nr) {
        const int64_t n = block->n1 - j < kit->nr ? block->n1 - j : kit->nr;
        char *c = target.data + (size_t)(j - block->n0) * kit->element;
        const void *b = packed_b ? packed_b + (size_t)((j - block->n0) * kc) * kit->element
                                 : gemm_at(g, &g->b, k0, j);
        const int64_t ldb = packed_b ? gr_gemm_panel(kit, n) : g->b.row;
        if (rows) {
            kit->tile_rows(m, n, kc, sliver, g->a.row, b, ldb, c, target.ld, k0 > 0);
        } else {
            kit->tile(m, n, kc, sliver, b, ldb, c, target.ld, k0 > 0);
        }
    }
}

/* Can rows of A be read where they lie? They pay if k is long, and not if their lines, a large
 * power of two apart, fall into few sets of the first-level cache. */
static bool gemm_reads_a(const gr_gemm *g)
{
    const int64_t apart = g->a.row * (int64_t)g->kit->element;
    return g->a.column == 1 && g->k >= GEMM_ROWS_K && (apart & -apart) <= GEMM_ROWS_APART;
}

/* Can the panels of these columns be read without packing? Not where a vector would pass the end;
 * and it pays if they are read once, or stay in the first-level cache. */
static bool gemm_reads_b(const gr_gemm *g, const gemm_region *region)
{
    if (g->b.column != 1 || (region->n1 - region->n0) % (g->kit->nr / 2) != 0) return false;
    return region->m1 - region->m0 <= g->kit->mr ||
           g->b.row * g->k * (int64_t)g->kit->element <= GEMM_DIRECT_BYTES;
}

/* Where the panels of the block of k from k0 on, columns from n0 on, lie in all of packed b. */
static int64_t gemm_packed_at(const gr_gemm *g, int64_t k0, int64_t kc, int64_t n0)
{
    return (k0 * gemm_round_up(g->n, g->kit->nr) + n0 * kc) * (int64_t)g->kit->element;
}

static void gemm_region_run(const gemm_job *job, const gemm_region *region, char *slot)
{
    const gr_gemm *g = job->gemm;
    const gr_gemm_kit *kit = g->kit;
    const bool direct = !g->packed && gemm_reads_b(g, region);
    const bool in_place = gemm_reads_a(g);
    const bool wide = g->stream || kit->mr * (region->n1 - region->n0) >= GR_FINISH_LEAST;
    const int64_t tiles = (region->m1 - region->m0 - 1) / kit->mr + 1; /* of equal heights */
    const int64_t step = gemm_round_up((region->m1 - region->m0 + tiles - 1) / tiles, 2);
    char *const packed_a = slot;
    char *const packed_b = packed_a + (size_t)(job->block_k * kit->sliver) * kit->element;
    char *const at = slot + job->slot - gemm_tiles(g);
    const int64_t block_n = gemm_block_n(g);
    for (int64_t n0 = region->n0; n0 < region->n1; n0 += block_n) {
        const int64_t n1 = region->n1 - n0 < block_n ? region->n1 : n0 + block_n;
        for (int64_t k0 = 0; k0 < g->k; k0 += job->block_k) {
            const int64_t kc = g->k - k0 < job->block_k ? g->k - k0 : job->block_k;
            const char *panels = direct ? NULL : packed_b;
            if (g->packed) {
                panels = (const char *)g->packed + gemm_packed_at(g, k0, kc, n0);
            } else if (!direct) {
                gemm_pack_block(g, k0, kc, n0, n1, packed_b);
            }
            for (int64_t i = region->m0; i < region->m1; i += step) {
                const int64_t m = region->m1 - i < step ? region->m1 - i : step;
                const gr_gemm_matrix a = {gemm_at(g, &g->a, i, k0), g->a.row, g->a.column};
                const gemm_region block = {i, i + m, n0, n1};
                const bool rows = in_place && m % 2 == 0;
                if (!rows) kit->pack_a(&a, m, kc, packed_a);
                const gemm_target target = gemm_target_of(g, &block, at);
                gemm_sliver(g, &block, k0, kc, rows ? a.data : packed_a, rows, panels, target);
                if (wide && k0 + kc == g->k) gemm_deliver(g, block, target);
            }
        }
    }
    if (!wide) gemm_finish(g, *region);
}

static void gemm_worker(void *ctx, int64_t begin, int64_t end)
{
    const gemm_job *job = ctx;
    const gr_gemm *g = job->gemm;
    for (int64_t worker = begin; worker < end; worker++) {
        gemm_region region = {.m0 = worker / job->grid_columns * job->rows,
                              .n0 = worker % job->grid_columns * job->columns};
        region.m1 = region.m0 + job->rows < g->m ? region.m0 + job->rows : g->m;
        region.n1 = region.n0 + job->columns < g->n ? region.n0 + job->columns : g->n;
        if (region.m0 >= region.m1 || region.n0 >= region.n1) continue;
        gemm_region_run(job, &region, job->work + (size_t)worker * job->slot);
    }
}

/* The grid of workers whose largest region costs least; packing an element costs about as much as
 * 24 multiplications. */
static int gemm_choose_grid(gemm_job *job, int workers)
{
    const gr_gemm *g = job->gemm;
    int best_rows = 1;
    double best = 0;
    for (int rows = 1; rows <= workers; rows++) {
        const int columns = workers / rows;
        const double m = (double)gemm_round_up((g->m + rows - 1) / rows, g->kit->mr);
        const double n = (double)gemm_round_up((g->n + columns - 1) / columns, g->kit->nr);
        const double cost = m * n + 24 * (m + n);
        if (rows > 1 && cost >= best) continue;
        best = cost;
        best_rows = rows;
    }
    job->grid_columns = workers / best_rows;
    job->rows = gemm_round_up((g->m + best_rows - 1) / best_rows, 2);
    job->columns = gemm_round_up((g->n + job->grid_columns - 1) / job->grid_columns, g->kit->nr);
    return best_rows * job->grid_columns;
}

static int gemm_workers(const gr_gemm *g, int threads)
{
    return gr_gemm_threads(gemm_operations(g), threads);
}

static bool gemm_is_tiny(const gr_gemm *g)
{
    return g->m <= GEMM_TINY && g->n <= GEMM_TINY && g->k <= GEMM_TINY &&
           g->m * g->n * g->k <= GEMM_TINY;
}

bool gr_gemm_streams(const gr_gemm *gemm)
{
    const int64_t least = GEMM_STREAM_BYTES / (int64_t)gemm->kit->element;
    if (gemm->m < 2 || gemm->n < GEMM_STREAM_LEAST || gemm->m < least / gemm->n) return false;
    return gemm->k > 1 && gemm->k <= gemm->kit->block_k && !gemm_suits_pairs(gemm);
}

size_t gr_gemm_work(const gr_gemm *gemm, int threads)
{
    if (gemm_is_tiny(gemm)) return 0;
    return gemm_slot(gemm) * (size_t)gemm_workers(gemm, threads);
}

void gr_gemm_run(const gr_gemm *gemm, int threads, void *work)
{
    if (gemm_is_tiny(gemm)) {
        if (gemm->kit->element == sizeof(float)) {
            gemm_tiny_f32(gemm);
        } else {
            gemm_tiny_f64(gemm);
        }
        gemm_finish(gemm, (gemm_region){0, gemm->m, 0, gemm->n});
        return;
    }
    if (gemm->m == 0 || gemm->n == 0) return;
    if (gemm->k == 0) {
        memset(gemm->c, 0, (size_t)(gemm->m * gemm->n) * gemm->kit->element);
        gemm_finish(gemm, (gemm_region){0, gemm->m, 0, gemm->n});
        return;
    }
    if (!gemm->packed && (gemm_run_vector(gemm, threads) || gemm_run_outer(gemm, threads) ||
                          gemm_run_pairs(gemm, threads) || gemm_run_few(gemm)))
        return;
    gemm_job job = {.gemm = gemm,
                    .block_k = gr_gemm_block(gemm->kit, gemm->k),
                    .work = work,
                    .slot = gemm_slot(gemm)};
    const int workers = gemm_choose_grid(&job, gemm_awake(gemm_operations(gemm), threads));
    gr_parallel(workers, workers, 1, gemm_worker, &job);
}

/* ---- Packed once for many products -------------------------------------------------------------
 */

bool gr_gemm_packs(const gr_gemm *gemm)
{
    return gemm->m > 1 && gemm->n > 1 && gemm->k > 1 && !gemm_is_tiny(gemm);
}

size_t gr_gemm_packed_bytes(const gr_gemm *gemm)
{
    return (size_t)gemm_packed_at(gemm, gemm->k, 0, 0);
}

/* Panels [begin, end), of which each block of k has a part. */
static void gemm_pack_panels(void *ctx, int64_t begin, int64_t end)
{
    const gemm_job *job = ctx;
    const gr_gemm *g = job->gemm;
    const int64_t n0 = begin * g->kit->nr, n1 = end * g->kit->nr < g->n ? end * g->kit->nr : g->n;
    for (int64_t k0 = 0; k0 < g->k; k0 += job->block_k) {
        const int64_t kc = g->k - k0 < job->block_k ? g->k - k0 : job->block_k;
        gemm_pack_block(g, k0, kc, n0, n1, job->work + gemm_packed_at(g, k0, kc, n0));
    }
}

void gr_gemm_pack_all(const gr_gemm *gemm, int threads, void *out)
{
    gemm_job job = {.gemm = gemm, .block_k = gr_gemm_block(gemm->kit, gemm->k), .work = out};
    const int64_t panels = (gemm->n + gemm->kit->nr - 1) / gemm->kit->nr;
    const int workers = gr_gemm_threads(24.0 * (double)gemm->n * (double)gemm->k, threads);
    gr_parallel(workers, panels, (panels + workers - 1) / workers, gemm_pack_panels, &job);
}

/* ---- Shared packed operands --------------------------------------------------------------------
 */

int64_t gr_gemm_packed_size(const gr_gemm_kit *kit, int64_t m, int64_t k)
{
    return (m + kit->mr - 1) / kit->mr * kit->sliver * k;
}

void gr_gemm_pack_blocks(const gr_gemm_kit *kit, const gr_gemm_matrix *a, int64_t m, int64_t k,
                         int64_t begin, int64_t end, void *out)
{
    const int64_t block = gr_gemm_block(kit, k), bytes = (int64_t)kit->element;
    for (int64_t k0 = begin * block; k0 < k && k0 < end * block; k0 += block) {
        const int64_t kc = k - k0 < block ? k - k0 : block;
        char *to = (char *)out + (size_t)(gr_gemm_packed_size(kit, m, k0) * bytes);
        for (int64_t i = 0; i < m; i += kit->mr) {
            const int64_t place = i * a->row + k0 * a->column;
            const gr_gemm_matrix part = {(const char *)a->data + place * bytes, a->row, a->column};
            kit->pack_a(&part, m - i < kit->mr ? m - i : kit->mr, kc, to);
            to += kc * kit->sliver * bytes;
        }
    }
}
