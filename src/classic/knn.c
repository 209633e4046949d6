/* Nearest neighbours: what is refused, what is prepared, how neighbours vote. */
#include "classic/knn.h"

#include "data/dataset.h"

#include <math.h>

static const char *const knn_distances[] = {"l1", "l2", "cosine"};
static const char *const knn_votes[] = {"majority", "distance"};

static int knn_word(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(word, words[i]) == 0) return (int)i;
    }
    return -1;
}

const char *gr_distance_name(gr_distance distance)
{
    return (size_t)distance < GR_LEN(knn_distances) ? knn_distances[distance] : "?";
}

int gr_distance_find(const char *name)
{
    return knn_word(name, knn_distances, GR_LEN(knn_distances));
}

const char *gr_vote_name(gr_vote vote)
{
    return (size_t)vote < GR_LEN(knn_votes) ? knn_votes[vote] : "?";
}

int gr_vote_find(const char *name)
{
    return knn_word(name, knn_votes, GR_LEN(knn_votes));
}

/* ---- Finite numbers, and their squares ------------------------------------------------------- */

static gr_status knn_refuse_row(const gr_dataset *set, int64_t i, int64_t elements)
{
    const float *row = gr_dataset_example(set, i);
    const char *name = gr_dataset_name(set);
    const long long number = (long long)gr_dataset_index(set, i);
    for (int64_t t = 0; t < elements; t++) {
        if (!isfinite(row[t])) {
            return gr_fail(GR_NUMERIC,
                           "data set '%s': element %lld of example %lld is %g: distances need "
                           "finite numbers",
                           name, (long long)t, number, (double)row[t]);
        }
    }
    return gr_fail(GR_NUMERIC,
                   "data set '%s': the numbers of example %lld are so large that their squares "
                   "overflow: scale them",
                   name, number);
}

static double knn_square_bytes(const uint8_t *row, int64_t n)
{
    uint64_t sum = 0;
    for (int64_t t = 0; t < n; t++) sum += (uint64_t)(row[t] * row[t]);
    return (double)sum;
}

gr_status gr_knn_squares(const gr_knn *knn, const gr_dataset *set, int64_t first, int64_t n,
                         double *squares)
{
    const int64_t elements = gr_shape_count(gr_dataset_shape(set));
    if (gr_dataset_dtype(set) == GR_U8) {
        for (int64_t i = 0; i < n; i++)
            squares[i] = knn_square_bytes(gr_dataset_example(set, first + i), elements);
        return GR_OK;
    }
    const gr_pieces pieces = gr_pieces_of(knn);
    const gr_distance_kit *kit = gr_distance_kit_for(GR_F32, GR_SUM_PRODUCTS, GR_CPU_BASE);
    char *row = gr_alloc_aligned(pieces.row);
    gr_status status = row ? GR_OK : GR_NO_MEMORY;
    for (int64_t i = 0; status == GR_OK && i < n; i++) {
        gr_pieces_pack(knn, &pieces, set, first + i, 1, 1, true, row);
        for (int64_t piece = 0; piece < pieces.count; piece++) {
            const char *at = row + (size_t)(piece * pieces.most) * kit->element;
            kit->tile(1, 1, gr_piece_padded(&pieces, piece), at, at, &squares[i], 1, piece > 0);
        }
        if (!isfinite(squares[i])) status = knn_refuse_row(set, first + i, elements);
    }
    gr_free_aligned(row);
    return status;
}

/* ---- The index ------------------------------------------------------------------------------- */

static gr_status knn_check_set(const gr_dataset *set)
{
    const char *name = gr_dataset_name(set);
    const gr_dtype dtype = gr_dataset_dtype(set);
    if (gr_dataset_streamed(set)) {
        return gr_fail(GR_INVALID,
                       "data set '%s' is read as it is needed, but neighbours are looked for in "
                       "memory",
                       name);
    }
    if (dtype != GR_U8 && dtype != GR_F32) {
        return gr_fail(GR_DTYPE, "data set '%s': examples are %s, but distances are of u8 or f32",
                       name, gr_dtype_name(dtype));
    }
    if (gr_dataset_size(set) < 1) return gr_fail(GR_INVALID, "data set '%s' is empty", name);
    return GR_OK;
}

/* All of a set, which it keeps alive. */
static gr_status knn_share(const gr_dataset *set, gr_dataset **shared)
{
    const int64_t n = gr_dataset_size(set);
    int64_t *index = gr_alloc_array((size_t)n, sizeof *index);
    if (!index) return GR_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) index[i] = i;
    gr_status status = gr_dataset_select(set, index, n, shared);
    gr_free(index);
    return status;
}

static gr_status knn_check_options(const gr_knn_options *options)
{
    if ((size_t)options->distance >= GR_LEN(knn_distances))
        return gr_fail(GR_INVALID, "there is no distance %d", (int)options->distance);
    if (options->threads < 0 || options->trees < 0 || options->checks < 0) {
        return gr_fail(GR_RANGE, "%d threads, %d trees, %d checks: none can be negative",
                       options->threads, options->trees, options->checks);
    }
    if (options->approximate && options->distance == GR_DISTANCE_COSINE)
        return gr_fail(GR_INVALID, "approximate search is by l1 or l2, not by cosine");
    return GR_OK;
}

static gr_distance_sum knn_sum(gr_distance distance, gr_dtype dtype)
{
    if (distance == GR_DISTANCE_L1) return GR_SUM_DIFFERENCES;
    return distance == GR_DISTANCE_L2 && dtype == GR_F32 ? GR_SUM_SQUARES : GR_SUM_PRODUCTS;
}

static gr_status knn_fill(gr_knn *knn, const gr_dataset *train, const gr_knn_options *options)
{
    const gr_distance_sum sum = knn_sum(options->distance, gr_dataset_dtype(train));
    const int64_t n = gr_dataset_size(train);
    knn->distance = options->distance;
    knn->threads = options->threads ? options->threads : gr_default_threads();
    knn->kit = gr_distance_kit_for(gr_dataset_dtype(train), sum, gr_cpu());
    GR_TRY(knn_share(train, &knn->train));
    knn->squares = gr_alloc_array((size_t)n, sizeof *knn->squares);
    if (!knn->squares) return GR_NO_MEMORY;
    GR_TRY(gr_knn_squares(knn, train, 0, n, knn->squares));
    if (sum != GR_SUM_PRODUCTS) { /* they have told that the numbers are finite */
        gr_free(knn->squares);
        knn->squares = NULL;
    }
    return options->approximate ? gr_trees_new(knn, options, &knn->trees) : GR_OK;
}

gr_status gr_knn_new(const gr_dataset *train, const gr_knn_options *options, gr_knn **knn)
{
    gr_knn_options known;
    *knn = NULL;
    GR_TRY(GR_OPTIONS(gr_knn_options, &known, options));
    GR_TRY(knn_check_options(&known));
    GR_TRY(knn_check_set(train));
    gr_knn *made = gr_alloc(sizeof *made);
    if (!made) return GR_NO_MEMORY;
    gr_status status = knn_fill(made, train, &known);
    if (status == GR_OK)
        *knn = made;
    else
        gr_knn_free(made);
    return status;
}

void gr_knn_free(gr_knn *knn)
{
    if (!knn) return;
    gr_trees_free(knn->trees);
    gr_dataset_free(knn->train);
    gr_free(knn->squares);
    gr_free(knn);
}

/* ---- Search ---------------------------------------------------------------------------------- */

static gr_status knn_check_queries(const gr_knn *knn, const gr_dataset *queries, int64_t first,
                                   int64_t n, int k)
{
    const gr_dataset *train = knn->train;
    const char *name = gr_dataset_name(queries);
    const gr_dtype dtype = gr_dataset_dtype(train);
    GR_TRY(knn_check_set(queries));
    if (gr_dataset_dtype(queries) != dtype) {
        return gr_fail(GR_DTYPE, "data set '%s': examples are %s, but those to compare with are %s",
                       name, gr_dtype_name(gr_dataset_dtype(queries)), gr_dtype_name(dtype));
    }
    if (!gr_shape_equal(gr_dataset_shape(queries), gr_dataset_shape(train))) {
        return gr_fail(GR_SHAPE, "data set '%s': examples are %s, but those to compare with are %s",
                       name, gr_shape_text(gr_dataset_shape(queries)),
                       gr_shape_text(gr_dataset_shape(train)));
    }
    if (first < 0 || n < 0 || n > gr_dataset_size(queries) - first) {
        return gr_fail(GR_RANGE, "data set '%s' has no examples %lld to %lld: it has %lld", name,
                       (long long)first, (long long)(first + n - 1),
                       (long long)gr_dataset_size(queries));
    }
    if (k < 1 || k > gr_dataset_size(train)) {
        return gr_fail(GR_RANGE, "k = %d: there are %lld examples to find neighbours among", k,
                       (long long)gr_dataset_size(train));
    }
    return GR_OK;
}

gr_status gr_knn_find(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n, int k,
                      gr_neighbor *neighbors)
{
    GR_TRY(knn_check_queries(knn, queries, first, n, k));
    double *squares = gr_alloc_array((size_t)n, sizeof *squares);
    if (!squares) return GR_NO_MEMORY;
    gr_status status = gr_knn_squares(knn, queries, first, n, squares);
    if (status == GR_OK && knn->trees)
        status = gr_trees_search(knn, queries, first, n, k, neighbors);
    else if (status == GR_OK)
        status = gr_knn_search(knn, queries, first, n, k, knn->squares ? squares : NULL, neighbors);
    gr_free(squares);
    return status;
}

/* ---- Votes ----------------------------------------------------------------------------------- */

static double knn_weight(const gr_neighbor *neighbor, gr_vote vote, bool exact)
{
    if (vote == GR_VOTE_MAJORITY) return 1;
    return exact ? neighbor->distance == 0 : 1 / neighbor->distance;
}

/* A class's votes are added up where its first neighbour stands: k is small. Neighbours come in
 * order of distance, so that of equal sums the first is the nearest's. */
int gr_knn_vote(const gr_knn *knn, const gr_neighbor *neighbors, int k, gr_vote vote)
{
    const gr_dataset *train = knn->train;
    const bool exact = k > 0 && neighbors[0].distance == 0;
    int best = -1;
    double most = 0;
    for (int i = 0; i < k && neighbors[i].index >= 0; i++) {
        const int label = gr_dataset_label(train, neighbors[i].index);
        double sum = 0;
        for (int j = 0; j < k && neighbors[j].index >= 0; j++) {
            if (gr_dataset_label(train, neighbors[j].index) != label) continue;
            if (j < i) break; /* counted already */
            sum += knn_weight(&neighbors[j], vote, exact);
        }
        if (sum > most || best < 0) {
            most = sum;
            best = label;
        }
    }
    return best;
}

/* ---- Testing --------------------------------------------------------------------------------- */

enum { KNN_BATCH = 1024, KNN_BATCH_LEAST = 64 }; /* queries searched for at a time */
#define KNN_BATCH_WORK 1.6e11 /* elements compared between two looks at the caller */

typedef struct knn_testing {
    const gr_knn *knn;
    const gr_dataset *test;
    gr_vote vote;
    const int *k;
    int n, most; /* values of k; the largest */
} knn_testing;

/* Adds to right[i] how many of the examples are told right by k[i] neighbours. */
static gr_status knn_test_batch(const knn_testing *trial, int64_t first, int64_t rows,
                                gr_neighbor *neighbors, double *right)
{
    GR_TRY(gr_knn_find(trial->knn, trial->test, first, rows, trial->most, neighbors));
    for (int64_t row = 0; row < rows; row++) {
        const gr_neighbor *near = neighbors + row * trial->most;
        const int label = gr_dataset_label(trial->test, first + row);
        for (int i = 0; i < trial->n; i++)
            right[i] += gr_knn_vote(trial->knn, near, trial->k[i], trial->vote) == label;
    }
    return GR_OK;
}

static gr_status knn_check_labels(const gr_knn *knn, const gr_dataset *test)
{
    const int have = gr_dataset_classes(test), want = gr_dataset_classes(knn->train);
    if (have > 0 && have == want) return GR_OK;
    return gr_fail(GR_INVALID,
                   "data set '%s' has %d classes, and the examples to compare with %d: neighbours "
                   "can be tested where both have the same",
                   gr_dataset_name(test), have, want);
}

/* As many as a second or so is enough for. */
static int64_t knn_batch(const gr_knn *knn)
{
    const double each =
        (double)gr_dataset_size(knn->train) * (double)gr_shape_count(gr_dataset_shape(knn->train));
    const double rows = KNN_BATCH_WORK / each;
    return rows >= KNN_BATCH         ? KNN_BATCH
           : rows <= KNN_BATCH_LEAST ? KNN_BATCH_LEAST
                                     : (int64_t)rows / KNN_BATCH_LEAST * KNN_BATCH_LEAST;
}

gr_status gr_knn_test(const gr_knn *knn, const gr_dataset *test, gr_vote vote, const int *k, int n,
                      bool (*progress)(void *user, int64_t done), void *user, double *accuracy)
{
    knn_testing trial = {knn, test, vote, k, n, 0};
    const int64_t size = gr_dataset_size(test);
    GR_TRY(knn_check_labels(knn, test));
    for (int i = 0; i < n; i++) {
        if (k[i] < 1) return gr_fail(GR_RANGE, "k = %d: should be at least 1", k[i]);
        if (k[i] > trial.most) trial.most = k[i];
        accuracy[i] = 0;
    }
    const int64_t batch = knn_batch(knn);
    gr_neighbor *neighbors = gr_alloc_array((size_t)(batch * trial.most), sizeof *neighbors);
    gr_status status = neighbors ? GR_OK : GR_NO_MEMORY;
    for (int64_t at = 0; status == GR_OK && at < size; at += batch) {
        const int64_t rows = size - at < batch ? size - at : batch;
        status = knn_test_batch(&trial, at, rows, neighbors, accuracy);
        if (status == GR_OK && progress && !progress(user, at + rows))
            status = gr_fail(GR_CANCELLED, "stopped after %lld of %lld examples",
                             (long long)(at + rows), (long long)size);
    }
    for (int i = 0; i < n; i++) accuracy[i] /= (double)size;
    gr_free(neighbors);
    return status;
}
