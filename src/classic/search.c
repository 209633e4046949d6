/* Exact search for nearest neighbours: every query against every example, tile by tile.
 *
 * Queries are cut into blocks, and where there are fewer blocks than threads, the examples into
 * parts. For a block, which the second-level cache and the next hold packed, a worker packs one
 * tile of examples after the other and gives four queries and the tile at a time to the kernel:
 * the queries stay in the first-level cache, the tile in the second. The k nearest of all is a set
 * that no order of comparing changes, since of equal distances the lower index counts as less. */
#include "classic/knn.h"

#include "backend/backend.h"

#include <math.h>

enum {
    SEARCH_BLOCK = 3 << 19, /* bytes of a block of queries */
    SEARCH_TILE = 3 << 16,  /* bytes of a tile of examples */
    SEARCH_TILE_MOST = 256, /* examples of it */
    SEARCH_ROWS = GR_DISTANCE_ROWS,
};

static int64_t search_round(int64_t rows)
{
    return (rows + SEARCH_ROWS - 1) / SEARCH_ROWS * SEARCH_ROWS;
}

/* ---- Packed rows ----------------------------------------------------------------------------- */

gr_pieces gr_pieces_of(const gr_knn *knn)
{
    gr_pieces p = {.elements = gr_shape_count(gr_dataset_shape(knn->train)),
                   .most = GR_DISTANCE_PIECE / (int64_t)knn->kit->element};
    p.count = (p.elements - 1) / p.most + 1;
    p.padded = (p.elements + GR_DISTANCE_STEP - 1) / GR_DISTANCE_STEP * GR_DISTANCE_STEP;
    p.row = (size_t)p.padded * knn->kit->element;
    return p;
}

void gr_pieces_pack(const gr_knn *knn, const gr_pieces *pieces, const gr_dataset *set,
                    int64_t first, int64_t n, int64_t rows, bool left, void *out)
{
    const gr_distance_kit *const kit = knn->kit;
    const size_t element = gr_dtype_size(gr_dataset_dtype(set));
    char *to = out;
    for (int64_t piece = 0; piece < pieces->count; piece++) {
        const int64_t begin = piece * pieces->most, padded = gr_piece_padded(pieces, piece);
        const int64_t rest = pieces->elements - begin;
        const int64_t length = rest < pieces->most ? rest : pieces->most;
        for (int64_t i = 0; i < rows; i++, to += (size_t)padded * kit->element) {
            if (i >= n) {
                memset(to, 0, (size_t)padded * kit->element);
                continue;
            }
            const char *row = gr_dataset_example(set, first + i);
            (left ? kit->pack_left : kit->pack_right)(row + (size_t)begin * element, length, padded,
                                                      to);
        }
    }
}

/* ---- One block ------------------------------------------------------------------------------- */

typedef struct search_job {
    const gr_knn *knn;
    const gr_dataset *queries;
    int64_t first, n;
    int k;
    const double *squares; /* of the queries */
    gr_pieces pieces;
    int64_t rows, blocks; /* queries of a block; how many blocks */
    int64_t tile;         /* examples of a tile */
    int64_t parts;        /* of the examples */
    int64_t workers;
    size_t slot; /* bytes of a worker's memory */
    char *work;
    gr_neighbor *found; /* [parts][n][k]; distances are keys */
} search_job;

/* The least of n keys, in lanes that compilers make vectors of. */
static double search_least(const double *keys, int64_t n)
{
    enum { LANES = 8 };
    double lane[LANES], least = INFINITY;
    int64_t j = 0;
    for (int l = 0; l < LANES; l++) lane[l] = INFINITY;
    for (; j + LANES <= n; j += LANES)
        for (int l = 0; l < LANES; l++) lane[l] = keys[j + l] < lane[l] ? keys[j + l] : lane[l];
    for (; j < n; j++) lane[0] = keys[j] < lane[0] ? keys[j] : lane[0];
    for (int l = 0; l < LANES; l++) least = lane[l] < least ? lane[l] : least;
    return least;
}

/* Keys, which order examples as their distances do, in place of the sums of query i and n examples
 * from `begin` on. Returns the least. */
static double search_keys(const search_job *job, int64_t i, int64_t begin, int64_t n, double *sums)
{
    const double *const right = job->squares ? job->knn->squares + begin : NULL;
    const double left = job->squares ? job->squares[i] : 0;
    if (job->knn->distance == GR_DISTANCE_COSINE) {
        GR_SIMD for (int64_t j = 0; j < n; j++)
        {
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a cosine has squares */
            const double both = left * right[j];
            sums[j] = both > 0 ? 1 - sums[j] / sqrt(both) : 1;
        }
    } else if (right) {
        GR_SIMD for (int64_t j = 0; j < n; j++) sums[j] = left + right[j] - 2 * sums[j];
    }
    return search_least(sums, n);
}

/* Puts one among the k nearest so far, behind those at the same distance. What is not there yet has
 * no index. */
static void search_insert(gr_neighbor *near, int k, int64_t index, double key)
{
    int at = k - 1;
    for (; at > 0 && (near[at - 1].index < 0 || key < near[at - 1].distance); at--)
        near[at] = near[at - 1];
    near[at] = (gr_neighbor){index, key};
}

static void search_choose(gr_neighbor *near, int k, int64_t begin, int64_t n, const double *keys)
{
    for (int64_t j = 0; j < n; j++) {
        if (near[k - 1].index < 0 || keys[j] < near[k - 1].distance)
            search_insert(near, k, begin + j, keys[j]);
    }
}

/* What of a worker's memory is what. */
typedef struct search_memory {
    char *left, *right;
    double *sums;
} search_memory;

static void search_tile(const search_job *job, const search_memory *memory, int64_t query,
                        int64_t m, int64_t begin, int64_t n, gr_neighbor *found)
{
    const gr_pieces *const p = &job->pieces;
    const gr_distance_kit *const kit = job->knn->kit;
    const int64_t left_rows = search_round(m), right_rows = search_round(n);
    gr_pieces_pack(job->knn, p, job->knn->train, begin, n, right_rows, false, memory->right);
    for (int64_t i = 0; i < m; i += SEARCH_ROWS) {
        for (int64_t piece = 0; piece < p->count; piece++) {
            const int64_t padded = gr_piece_padded(p, piece), before = piece * p->most;
            const size_t left = (size_t)(before * left_rows + i * padded) * kit->element;
            const size_t right = (size_t)(before * right_rows) * kit->element;
            kit->tile(SEARCH_ROWS, right_rows, padded, memory->left + left, memory->right + right,
                      memory->sums, job->tile, piece > 0);
        }
        for (int64_t row = 0; row < SEARCH_ROWS && i + row < m; row++) {
            gr_neighbor *const near = found + (query + i + row) * job->k;
            double *const sums = memory->sums + row * job->tile;
            const double least = search_keys(job, query + i + row, begin, n, sums);
            if (near[job->k - 1].index < 0 || least < near[job->k - 1].distance)
                search_choose(near, job->k, begin, n, sums);
        }
    }
}

static void search_block(const search_job *job, const search_memory *memory, int64_t block,
                         int64_t part)
{
    const int64_t all = gr_dataset_size(job->knn->train);
    const int64_t query = block * job->rows, rest = job->n - query;
    const int64_t m = rest < job->rows ? rest : job->rows;
    const int64_t end = (part + 1) * all / job->parts;
    gr_neighbor *const found = job->found + part * job->n * job->k;
    gr_pieces_pack(job->knn, &job->pieces, job->queries, job->first + query, m, search_round(m),
                   true, memory->left);
    for (int64_t i = query * job->k; i < (query + m) * job->k; i++)
        found[i] = (gr_neighbor){-1, INFINITY};
    for (int64_t begin = part * all / job->parts; begin < end; begin += job->tile) {
        const int64_t n = end - begin < job->tile ? end - begin : job->tile;
        search_tile(job, memory, query, m, begin, n, found);
    }
}

static void search_worker(void *ctx, int64_t first, int64_t last)
{
    const search_job *job = ctx;
    for (int64_t worker = first; worker < last; worker++) {
        char *work = job->work + (size_t)worker * job->slot;
        const search_memory memory = {
            .left = work,
            .right = work + (size_t)job->rows * job->pieces.row,
            .sums = (double *)(work + (size_t)(job->rows + job->tile) * job->pieces.row),
        };
        for (int64_t i = worker; i < job->blocks * job->parts; i += job->workers)
            search_block(job, &memory, i / job->parts, i % job->parts);
    }
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* Merges what a further part has found into what those before it have. */
static void search_merge(const search_job *job, const gr_neighbor *part)
{
    for (int64_t i = 0; i < job->n; i++) {
        gr_neighbor *const near = job->found + i * job->k;
        const gr_neighbor *const more = part + i * job->k;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): further parts have memory */
        for (int j = 0; j < job->k && more[j].index >= 0; j++)
            search_choose(near, job->k, more[j].index, 1, &more[j].distance);
    }
}

/* Blocks as equal as can be, for every thread if there are queries enough. */
static void search_divide(search_job *job)
{
    const int64_t all = gr_dataset_size(job->knn->train), row = (int64_t)job->pieces.row;
    const int64_t threads = job->knn->threads, room = SEARCH_BLOCK / row;
    const int64_t most = room > SEARCH_ROWS ? room / SEARCH_ROWS * SEARCH_ROWS : SEARCH_ROWS;
    const int64_t least = (job->n - 1) / SEARCH_ROWS + 1; /* groups of queries */
    int64_t blocks = (job->n - 1) / most + 1;
    if (blocks > 1) blocks = (blocks + threads - 1) / threads * threads;
    if (blocks < threads) blocks = least < threads ? least : threads;
    job->rows = search_round((job->n - 1) / blocks + 1);
    job->blocks = (job->n - 1) / job->rows + 1;
    job->parts = job->blocks < threads ? threads / job->blocks : 1;
    const int64_t fit = SEARCH_TILE / row < SEARCH_TILE_MOST ? SEARCH_TILE / row : SEARCH_TILE_MOST;
    job->tile = fit > SEARCH_ROWS ? fit / SEARCH_ROWS * SEARCH_ROWS : SEARCH_ROWS;
    if (job->parts > all / job->tile) job->parts = all / job->tile > 0 ? all / job->tile : 1;
    const int64_t items = job->blocks * job->parts;
    job->workers = items < threads ? items : threads;
    const size_t bytes = (size_t)(job->rows + job->tile) * job->pieces.row +
                         (size_t)(SEARCH_ROWS * job->tile) * sizeof(double);
    job->slot = gr_aligned(bytes);
}

static void search_finish(const search_job *job)
{
    const gr_distance distance = job->knn->distance;
    for (int64_t i = 0; i < job->n * job->k; i++) {
        double *const d = &job->found[i].distance;
        if (distance == GR_DISTANCE_L2) *d = sqrt(*d);
        if (distance == GR_DISTANCE_COSINE && *d < 0) *d = 0;
    }
}

gr_status gr_knn_search(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                        int k, const double *squares, gr_neighbor *neighbors)
{
    search_job job = {.knn = knn,
                      .queries = queries,
                      .first = first,
                      .n = n,
                      .k = k,
                      .squares = squares,
                      .pieces = gr_pieces_of(knn),
                      .found = neighbors};
    if (n == 0) return GR_OK;
    search_divide(&job);
    const size_t each = (size_t)n * (size_t)k;
    gr_neighbor *parts = NULL;
    if (job.parts > 1) {
        parts = gr_alloc_array(each * (size_t)job.parts, sizeof *parts);
        if (!parts) return GR_NO_MEMORY;
        job.found = parts;
    }
    job.work = gr_alloc_aligned((size_t)job.workers * job.slot);
    if (!job.work) {
        gr_free(parts);
        return GR_NO_MEMORY;
    }
    gr_parallel((int)job.workers, job.workers, 1, search_worker, &job);
    for (int64_t part = 1; part < job.parts; part++)
        search_merge(&job, parts + (size_t)part * each);
    search_finish(&job);
    if (parts) memcpy(neighbors, parts, each * sizeof *parts);
    gr_free_aligned(job.work);
    gr_free(parts);
    return GR_OK;
}
