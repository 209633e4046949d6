/* Nearest neighbours: the kernels against the scalar one, the search against the definition. */
#include "support.h"

#include "support_memory.h"

#include "backend/cpu/distance.h"
#include "backend/cpu/distance_bytes.h"

#include <gradus/knn.h>
#include <math.h>

/* ---- Kernels --------------------------------------------------------------------------------- */

enum { KERNEL_ROWS = 8, KERNEL_GUARD = 64 };

static const int64_t kernel_lengths[] = {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 1000, 2048};

/* Rows of random elements; every third of bytes is all 0 or all 255, the extremes of sums. */
static void *kernel_rows(gr_dtype dtype, int64_t n, int64_t elements, uint64_t seed)
{
    gr_rng rng = gr_rng_new(seed, 1);
    uint8_t *bytes = malloc((size_t)(n * elements) * sizeof(float));
    float *floats = (float *)(void *)bytes;
    for (int64_t i = 0; i < n * elements; i++) {
        const int64_t row = i / elements;
        const uint64_t value = gr_rng_below(&rng, 256);
        if (dtype == GR_F32)
            floats[i] = (float)gr_rng_normal(&rng);
        else
            bytes[i] = row % 3 == 2 ? (uint8_t)(row % 2 ? 255 : 0) : (uint8_t)value;
    }
    return bytes;
}

/* The sums of all pairs by a kernel, added twice; the memory around its operands is poisoned. */
static void kernel_run_kit(const gr_distance_kit *kit, gr_dtype dtype, int64_t elements,
                           const void *a, const void *b, double *sums)
{
    const int64_t padded = (elements + GR_DISTANCE_STEP - 1) / GR_DISTANCE_STEP * GR_DISTANCE_STEP;
    const size_t row = (size_t)padded * kit->element, all = KERNEL_ROWS * row;
    const size_t element = gr_dtype_size(dtype);
    char *left = gr_alloc_aligned(all + KERNEL_GUARD),
         *right = gr_alloc_aligned(all + KERNEL_GUARD);
    memset(left + all, 0xff, KERNEL_GUARD);
    memset(right + all, 0xff, KERNEL_GUARD);
    for (int64_t i = 0; i < KERNEL_ROWS; i++) {
        const size_t from = (size_t)(i * elements) * element;
        kit->pack_left((const char *)a + from, elements, padded, left + (size_t)i * row);
        kit->pack_right((const char *)b + from, elements, padded, right + (size_t)i * row);
    }
    const int64_t ld = KERNEL_ROWS + 1; /* a column that must stay as it is */
    for (int64_t i = 0; i < KERNEL_ROWS * ld; i++) sums[i] = -7;
    kit->tile(KERNEL_ROWS, KERNEL_ROWS, padded, left, right, sums, ld, false);
    kit->tile(KERNEL_ROWS, KERNEL_ROWS, padded, left, right, sums, ld, true);
    for (int64_t i = 0; i < KERNEL_ROWS; i++) assert_true(sums[i * ld + KERNEL_ROWS] == -7);
    for (size_t i = 0; i < KERNEL_GUARD; i++) {
        assert_int_equal((unsigned char)left[all + i], 0xff);
        assert_int_equal((unsigned char)right[all + i], 0xff);
    }
    gr_free_aligned(left);
    gr_free_aligned(right);
}

static void kernel_compare(const gr_distance_kit *kit, const gr_distance_kit *scalar,
                           gr_dtype dtype, int64_t elements)
{
    double want[KERNEL_ROWS * (KERNEL_ROWS + 1)], have[KERNEL_ROWS * (KERNEL_ROWS + 1)];
    void *a = kernel_rows(dtype, KERNEL_ROWS, elements, 5);
    void *b = kernel_rows(dtype, KERNEL_ROWS, elements, 6);
    kernel_run_kit(scalar, dtype, elements, a, b, want);
    kernel_run_kit(kit, dtype, elements, a, b, have);
    for (size_t i = 0; i < GR_LEN(want); i++) {
        if (want[i] != have[i])
            fail_msg("%s, %lld elements, pair %zu: %.17g, not %.17g", kit->name,
                     (long long)elements, i, have[i], want[i]);
    }
    free(a);
    free(b);
}

static void test_kernels_agree_to_the_bit(void **state)
{
    (void)state;
    static const gr_distance_sum bytes[] = {GR_SUM_DIFFERENCES, GR_SUM_PRODUCTS};
    for (size_t i = 0; i < GR_LEN(kernel_lengths); i++) {
        const int64_t n = kernel_lengths[i];
        for (int level = GR_CPU_BASE; level <= (int)gr_cpu(); level++) {
            for (size_t k = 0; k < GR_LEN(bytes); k++) {
                const gr_distance_kit *scalar = gr_distance_kit_for(GR_U8, bytes[k], GR_CPU_BASE);
                kernel_compare(gr_distance_kit_for(GR_U8, bytes[k], (gr_cpu_level)level), scalar,
                               GR_U8, n);
                const gr_distance_kit *plain =
                    gr_distance_vector_kit(bytes[k], (gr_cpu_level)level, false);
                if (plain) kernel_compare(plain, scalar, GR_U8, n);
            }
            for (int sum = GR_SUM_DIFFERENCES; n <= 1024 && sum <= GR_SUM_PRODUCTS; sum++) {
                kernel_compare(
                    gr_distance_kit_for(GR_F32, (gr_distance_sum)sum, (gr_cpu_level)level),
                    gr_distance_kit_for(GR_F32, (gr_distance_sum)sum, GR_CPU_BASE), GR_F32, n);
            }
        }
    }
}

static void test_scalar_kernels_keep_the_definition(void **state)
{
    (void)state;
    enum { N = 77 };
    double sums[KERNEL_ROWS * (KERNEL_ROWS + 1)];
    uint8_t *a = kernel_rows(GR_U8, KERNEL_ROWS, N, 5), *b = kernel_rows(GR_U8, KERNEL_ROWS, N, 6);
    for (int kind = 0; kind < 2; kind++) {
        kernel_run_kit(
            gr_distance_kit_for(GR_U8, kind ? GR_SUM_PRODUCTS : GR_SUM_DIFFERENCES, GR_CPU_BASE),
            GR_U8, N, a, b, sums);
        for (int i = 0; i < KERNEL_ROWS; i++) {
            for (int j = 0; j < KERNEL_ROWS; j++) {
                double want = 0;
                for (int t = 0; t < N; t++) {
                    const int x = a[i * N + t], y = b[j * N + t];
                    want += kind ? x * y : abs(x - y);
                }
                assert_true(sums[i * (KERNEL_ROWS + 1) + j] == 2 * want);
            }
        }
    }
    free(a);
    free(b);
}

/* ---- Search ---------------------------------------------------------------------------------- */

static gr_dataset *search_set(gr_dtype dtype, int64_t n, int64_t elements, uint64_t seed)
{
    gr_dataset *set;
    void *rows = kernel_rows(dtype, n, elements, seed);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    for (int64_t i = 0; i < n; i++) labels[i] = (int32_t)(i % 3);
    const gr_tensor examples = {.dtype = dtype, .shape = GR_SHAPE(n, elements), .data = rows};
    unit_ok(gr_dataset_new("rows", &examples, labels, 3, NULL, &set));
    free(rows);
    free(labels);
    return set;
}

static double search_element(const gr_dataset *set, int64_t i, int64_t t)
{
    const void *row = gr_dataset_example(set, i);
    return gr_dataset_dtype(set) == GR_U8 ? ((const uint8_t *)row)[t]
                                          : (double)((const float *)row)[t];
}

static double search_distance(gr_distance distance, const gr_dataset *a, int64_t i,
                              const gr_dataset *b, int64_t j)
{
    double differences = 0, squares = 0, product = 0, left = 0, right = 0;
    for (int64_t t = 0; t < gr_shape_count(gr_dataset_shape(a)); t++) {
        const double x = search_element(a, i, t), y = search_element(b, j, t);
        differences += fabs(x - y);
        squares += (x - y) * (x - y);
        product += x * y;
        left += x * x;
        right += y * y;
    }
    if (distance == GR_DISTANCE_COSINE)
        return left * right > 0 ? 1 - product / sqrt(left * right) : 1;
    return distance == GR_DISTANCE_L1 ? differences : sqrt(squares);
}

/* Distances are those of the definition, in order, each index once, and none that is left out is
 * nearer than the last. */
static void search_check(gr_distance distance, const gr_dataset *train, const gr_dataset *queries,
                         int k, const gr_neighbor *near, double tolerance)
{
    const int64_t all = gr_dataset_size(train);
    bool *seen = malloc((size_t)all);
    for (int64_t i = 0; i < gr_dataset_size(queries); i++, near += k) {
        memset(seen, 0, (size_t)all);
        for (int j = 0; j < k; j++) {
            const int64_t index = near[j].index;
            assert_true(index >= 0 && index < all && !seen[index]);
            seen[index] = true;
            const double want = search_distance(distance, queries, i, train, index);
            assert_true(fabs(near[j].distance - want) <= tolerance * (1 + want));
            if (j == 0) continue;
            assert_true(near[j - 1].distance <= near[j].distance);
            if (near[j - 1].distance == near[j].distance)
                assert_true(near[j - 1].index < near[j].index);
        }
        for (int64_t index = 0; index < all; index++) {
            const double d = search_distance(distance, queries, i, train, index);
            if (!seen[index]) assert_true(d >= near[k - 1].distance - tolerance * (1 + d));
        }
    }
    free(seen);
}

static void search_try(gr_dtype dtype, gr_distance distance, int64_t examples, int64_t elements,
                       int64_t queries, int k)
{
    gr_dataset *train = search_set(dtype, examples, elements, 11);
    gr_dataset *test = search_set(dtype, queries, elements, 12);
    gr_neighbor *first = NULL;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < GR_LEN(threads); i++) {
        gr_knn *knn;
        gr_neighbor *near = calloc((size_t)(queries * k), sizeof *near);
        unit_ok(gr_knn_new(train, GR_KNN(.distance = distance, .threads = threads[i]), &knn));
        unit_ok(gr_knn_find(knn, test, 0, queries, k, near));
        search_check(distance, train, test, k, near, dtype == GR_U8 ? 1e-12 : 1e-5);
        if (first)
            assert_memory_equal(near, first, (size_t)(queries * k) * sizeof *near);
        else
            first = near;
        if (near != first) free(near);
        gr_knn_free(knn);
    }
    free(first);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

static void test_search_finds_the_nearest(void **state)
{
    (void)state;
    static const gr_dtype dtypes[] = {GR_U8, GR_F32};
    for (size_t d = 0; d < 2; d++) {
        for (int distance = GR_DISTANCE_L1; distance <= GR_DISTANCE_COSINE; distance++) {
            search_try(dtypes[d], (gr_distance)distance, 1, 3, 1, 1);
            search_try(dtypes[d], (gr_distance)distance, 7, 5, 9, 7);
            search_try(dtypes[d], (gr_distance)distance, 300, 65, 21, 4);
            search_try(dtypes[d], (gr_distance)distance, 600, 9, 1, 33);  /* parts are merged */
            search_try(dtypes[d], (gr_distance)distance, 40, 5000, 6, 3); /* several pieces */
        }
    }
}

static void test_equal_distances_come_in_order(void **state)
{
    (void)state;
    uint8_t bytes[9] = {5, 3, 5, 7, 5, 5, 4, 6, 5}; /* queries: 5 */
    gr_neighbor near[9];
    gr_dataset *train, *query;
    gr_knn *knn;
    const gr_tensor examples = {.dtype = GR_U8, .shape = GR_SHAPE(9, 1), .data = bytes};
    const gr_tensor one = {.dtype = GR_U8, .shape = GR_SHAPE(1, 1), .data = bytes};
    unit_ok(gr_dataset_new("nine", &examples, NULL, 0, NULL, &train));
    unit_ok(gr_dataset_new("one", &one, NULL, 0, NULL, &query));
    unit_ok(gr_knn_new(train, NULL, &knn));
    gr_dataset_free(train); /* the index keeps what it needs */
    unit_ok(gr_knn_find(knn, query, 0, 1, 9, near));
    static const int64_t want[9] = {0, 2, 4, 5, 8, 6, 7, 1, 3};
    for (int i = 0; i < 9; i++) assert_int_equal(near[i].index, want[i]);
    gr_dataset_free(query);
    gr_knn_free(knn);
}

static void test_trees_that_look_everywhere_miss_nothing(void **state)
{
    (void)state;
    enum { N = 200, QUERIES = 20, K = 3 };
    static const gr_dtype dtypes[] = {GR_U8, GR_F32};
    for (int i = 0; i < 4; i++) {
        const gr_dtype dtype = dtypes[i % 2];
        const gr_distance distance = i / 2 ? GR_DISTANCE_L1 : GR_DISTANCE_L2;
        gr_dataset *train = search_set(dtype, N, 5, 3), *test = search_set(dtype, QUERIES, 5, 4);
        gr_dataset *rest, *held;
        gr_neighbor exact[QUERIES * K], near[QUERIES * K];
        gr_knn *knn, *trees;
        unit_ok(gr_dataset_split(train, GR_DATA_SPLIT(.count = 50), &rest, &held)); /* scattered */
        gr_status status = gr_knn_new(
            rest, GR_KNN(.approximate = true, .checks = 100 * N, .distance = distance), &trees);
        if (status == GR_UNSUPPORTED) {
            unit_refused(status, GR_UNSUPPORTED, "install libflann-dev");
            gr_dataset_free(train);
            gr_dataset_free(test);
            gr_dataset_free(rest);
            gr_dataset_free(held);
            return;
        }
        unit_ok(status);
        unit_ok(gr_knn_new(rest, GR_KNN(.distance = distance), &knn));
        unit_ok(gr_knn_find(knn, test, 0, QUERIES, K, exact));
        unit_ok(gr_knn_find(trees, test, 0, QUERIES, K, near));
        search_check(distance, rest, test, K, near, 1e-5);
        for (int j = 0; j < QUERIES * K; j++)
            assert_true(fabs(near[j].distance - exact[j].distance) <= 1e-5 * exact[j].distance);
        gr_knn_free(knn);
        gr_knn_free(trees);
        gr_dataset_free(train);
        gr_dataset_free(test);
        gr_dataset_free(rest);
        gr_dataset_free(held);
    }
}

/* ---- Votes ----------------------------------------------------------------------------------- */

static void test_votes(void **state)
{
    (void)state;
    float x[] = {0, 1, 2, 3, 4, 5};
    int32_t labels[] = {2, 1, 1, 0, 0, 2};
    const gr_tensor examples = {.dtype = GR_F32, .shape = GR_SHAPE(6, 1), .data = x};
    gr_dataset *train;
    gr_knn *knn;
    unit_ok(gr_dataset_new("line", &examples, labels, 3, NULL, &train));
    unit_ok(gr_knn_new(train, NULL, &knn));
    const gr_neighbor near[] = {{0, .5}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
    assert_int_equal(gr_knn_vote(knn, near, 1, GR_VOTE_MAJORITY), 2);
    assert_int_equal(gr_knn_vote(knn, near, 2, GR_VOTE_MAJORITY), 2); /* a tie: the nearer */
    assert_int_equal(gr_knn_vote(knn, near, 3, GR_VOTE_MAJORITY), 1);
    assert_int_equal(gr_knn_vote(knn, near, 6, GR_VOTE_MAJORITY), 2); /* two each */
    assert_int_equal(gr_knn_vote(knn, near, 3, GR_VOTE_DISTANCE), 2); /* 2 against 1.5 */
    const gr_neighbor same[] = {{3, 0}, {1, 1e-9}, {2, 1e-9}};
    assert_int_equal(gr_knn_vote(knn, same, 3, GR_VOTE_DISTANCE), 0); /* distance 0 decides */
    const gr_neighbor none[] = {{-1, INFINITY}};
    assert_int_equal(gr_knn_vote(knn, none, 1, GR_VOTE_MAJORITY), -1);
    gr_knn_free(knn);
    gr_dataset_free(train);
}

static bool stop_at_once(void *user, int64_t done)
{
    *(int64_t *)user = done;
    return false;
}

static void test_many_k_at_once(void **state)
{
    (void)state;
    gr_dataset *train = search_set(GR_U8, 90, 6, 1), *test = search_set(GR_U8, 30, 6, 2);
    gr_knn *knn;
    static const int k[] = {1, 5, 90};
    double all[3], one;
    int64_t done = 0;
    unit_ok(gr_knn_new(train, GR_KNN(.distance = GR_DISTANCE_L1), &knn));
    unit_ok(gr_knn_test(knn, test, GR_VOTE_DISTANCE, k, 3, NULL, NULL, all));
    for (int i = 0; i < 3; i++) {
        unit_ok(gr_knn_test(knn, test, GR_VOTE_DISTANCE, &k[i], 1, NULL, NULL, &one));
        assert_true(all[i] == one);
    }
    unit_ok(gr_knn_test(knn, train, GR_VOTE_MAJORITY, k, 1, NULL, NULL, &one));
    assert_true(one > .6); /* every third row is one of two: its twins' classes differ */
    unit_refused(gr_knn_test(knn, test, GR_VOTE_MAJORITY, k, 1, stop_at_once, &done, &one),
                 GR_CANCELLED, "stopped after 30 of 30");
    assert_int_equal(done, 30);
    gr_knn_free(knn);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

/* ---- Folds ----------------------------------------------------------------------------------- */

static void test_folds_hold_out_every_example_once(void **state)
{
    (void)state;
    enum { N = 31, FOLDS = 4 };
    gr_dataset *set = search_set(GR_U8, N, 2, 1);
    int held_times[N] = {0};
    for (int fold = 0; fold < FOLDS; fold++) {
        gr_dataset *rest, *held;
        int classes[3] = {0};
        unit_ok(gr_dataset_fold(set, FOLDS, fold, 9, &rest, &held));
        assert_int_equal(gr_dataset_size(rest) + gr_dataset_size(held), N);
        assert_in_range(gr_dataset_size(held), N / FOLDS, N / FOLDS + 1);
        for (int64_t i = 0; i < gr_dataset_size(held); i++) {
            held_times[gr_dataset_index(held, i)]++;
            classes[gr_dataset_label(held, i)]++;
        }
        for (int c = 0; c < 3; c++) assert_in_range(classes[c], 2, 3);
        gr_dataset_free(rest);
        gr_dataset_free(held);
    }
    for (int i = 0; i < N; i++) assert_int_equal(held_times[i], 1);
    gr_dataset_free(set);
}

static void test_bootstrap_leaves_what_it_did_not_draw(void **state)
{
    (void)state;
    enum { N = 300 };
    gr_dataset *set = search_set(GR_U8, N, 2, 1), *drawn, *left;
    bool taken[N] = {0};
    unit_ok(gr_dataset_bootstrap(set, 3, 9, &drawn, &left));
    assert_int_equal(gr_dataset_size(drawn), N);
    assert_in_range(gr_dataset_size(left), N / 4, N / 2);
    for (int64_t i = 0; i < N; i++) taken[gr_dataset_index(drawn, i)] = true;
    for (int64_t i = 0; i < gr_dataset_size(left); i++)
        assert_false(taken[gr_dataset_index(left, i)]);
    gr_dataset_free(drawn);
    gr_dataset_free(left);
    gr_dataset_free(set);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    gr_dataset *set = search_set(GR_U8, 5, 4, 1), *wide = search_set(GR_U8, 5, 6, 1);
    gr_dataset *floats = search_set(GR_F32, 5, 4, 1), *rest, *held;
    gr_neighbor near[8];
    gr_knn *knn;
    int k = 6;
    double accuracy;
    unit_refused(gr_knn_new(set, GR_KNN(.distance = (gr_distance)9), &knn), GR_INVALID,
                 "there is no distance 9");
    unit_refused(gr_knn_new(set, &(gr_knn_options){0}, &knn), GR_INVALID, "size");
    unit_refused(gr_knn_new(set, GR_KNN(.threads = -1), &knn), GR_RANGE, "-1 threads");
    unit_refused(gr_knn_new(set, GR_KNN(.approximate = true, .distance = GR_DISTANCE_COSINE), &knn),
                 GR_INVALID, "not by cosine");
    unit_ok(gr_knn_new(set, NULL, &knn));
    unit_refused(gr_knn_find(knn, set, 0, 1, 6, near), GR_RANGE,
                 "k = 6: there are 5 examples to find neighbours among");
    unit_refused(gr_knn_find(knn, set, 0, 1, 0, near), GR_RANGE, "k = 0");
    unit_refused(gr_knn_find(knn, set, 4, 2, 1, near), GR_RANGE, "no examples 4 to 5");
    unit_refused(gr_knn_find(knn, wide, 0, 1, 1, near), GR_SHAPE, "[6], but those");
    unit_refused(gr_knn_find(knn, floats, 0, 1, 1, near), GR_DTYPE, "f32, but those");
    unit_refused(gr_knn_test(knn, set, GR_VOTE_MAJORITY, &k, 1, NULL, NULL, &accuracy), GR_RANGE,
                 "k = 6");
    gr_knn_free(knn);
    unit_refused(gr_dataset_fold(set, 6, 0, 1, &rest, &held), GR_RANGE, "fold 1 of 6");
    unit_refused(gr_dataset_fold(set, 5, 4, 1, &rest, &held), GR_INVALID, "one class alone");
    gr_dataset_free(set);
    gr_dataset_free(wide);
    gr_dataset_free(floats);
}

static void test_numbers_must_be_finite(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, NAN, 5, 6};
    const gr_tensor examples = {.dtype = GR_F32, .shape = GR_SHAPE(3, 2), .data = x};
    gr_dataset *set;
    gr_knn *knn;
    for (int distance = GR_DISTANCE_L1; distance <= GR_DISTANCE_COSINE; distance++) {
        x[3] = NAN;
        unit_ok(gr_dataset_new("odd", &examples, NULL, 0, NULL, &set));
        unit_refused(gr_knn_new(set, GR_KNN(.distance = (gr_distance)distance), &knn), GR_NUMERIC,
                     "'odd': element 1 of example 1 is nan");
        gr_dataset_free(set);
        x[3] = 1e30F;
        unit_ok(gr_dataset_new("odd", &examples, NULL, 0, NULL, &set));
        unit_refused(gr_knn_new(set, GR_KNN(.distance = (gr_distance)distance), &knn), GR_NUMERIC,
                     "squares overflow");
        gr_dataset_free(set);
    }
}

static gr_status search_flow(void *user)
{
    gr_dataset *const *sets = user, *rest = NULL, *held = NULL;
    gr_knn *knn = NULL;
    double accuracy;
    const int k = 2;
    gr_status status = gr_dataset_fold(sets[0], 3, 1, 7, &rest, &held);
    if (status == GR_OK) status = gr_knn_new(rest, GR_KNN(.threads = 3), &knn);
    if (status == GR_OK)
        status = gr_knn_test(knn, sets[1], GR_VOTE_MAJORITY, &k, 1, NULL, NULL, &accuracy);
    gr_knn_free(knn);
    gr_dataset_free(rest);
    gr_dataset_free(held);
    return status;
}

static void test_memory_may_run_out(void **state)
{
    (void)state;
    gr_dataset *sets[] = {search_set(GR_F32, 600, 4, 1), search_set(GR_F32, 2, 4, 2)};
    assert_true(test_memory_sweep(search_flow, sets) > 8);
    gr_dataset_free(sets[0]);
    gr_dataset_free(sets[1]);
}

static void test_words(void **state)
{
    (void)state;
    for (int i = GR_DISTANCE_L1; i <= GR_DISTANCE_COSINE; i++)
        assert_int_equal(gr_distance_find(gr_distance_name((gr_distance)i)), i);
    for (int i = GR_VOTE_MAJORITY; i <= GR_VOTE_DISTANCE; i++)
        assert_int_equal(gr_vote_find(gr_vote_name((gr_vote)i)), i);
    assert_int_equal(gr_distance_find("l3"), -1);
    assert_int_equal(gr_vote_find(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_agree_to_the_bit),
        cmocka_unit_test(test_scalar_kernels_keep_the_definition),
        cmocka_unit_test(test_search_finds_the_nearest),
        cmocka_unit_test(test_equal_distances_come_in_order),
        cmocka_unit_test(test_trees_that_look_everywhere_miss_nothing),
        cmocka_unit_test(test_votes),
        cmocka_unit_test(test_many_k_at_once),
        cmocka_unit_test(test_folds_hold_out_every_example_once),
        cmocka_unit_test(test_bootstrap_leaves_what_it_did_not_draw),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_numbers_must_be_finite),
        cmocka_unit_test(test_memory_may_run_out),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
