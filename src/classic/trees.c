/* Approximate search, by a module that is loaded when it is first wanted. */
#include "classic/trees.h"

#include "classic/knn.h"

#include <math.h>
#include <pthread.h>

struct gr_trees {
    void *index;
    gr_trees_rows rows;
    void *copy; /* of the rows, where they did not lie one after the other; else NULL */
    bool l1;
    int checks;
};

/* ---- The module ------------------------------------------------------------------------------ */

#if defined(GRADUS_FLANN_BUILT) && !defined(_WIN32)

static const gr_trees_module *trees_module;
static pthread_mutex_t trees_lock = PTHREAD_MUTEX_INITIALIZER; /* FLANN's, too */

static void trees_find_module(void)
{
    static const char *const paths[] = {GRADUS_FLANN_BUILT, GRADUS_FLANN_INSTALLED, NULL};
    const void *answer;
    if (gr_part_load("flann", GR_TREES_ABI, paths, &answer) == GR_OK) trees_module = answer;
}

/* To be released by trees_leave; NULL, and nothing to release, without a module. */
static const gr_trees_module *trees_enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, trees_find_module);
    if (trees_module) pthread_mutex_lock(&trees_lock);
    return trees_module;
}

static void trees_leave(void)
{
    pthread_mutex_unlock(&trees_lock);
}

#else

static const gr_trees_module *trees_enter(void)
{
    return NULL;
}

static void trees_leave(void)
{
}

#endif

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool trees_adjacent(const gr_dataset *set, int64_t first, int64_t n, size_t bytes)
{
    const char *begin = gr_dataset_example(set, first);
    for (int64_t i = 1; i < n; i++) {
        if ((const char *)gr_dataset_example(set, first + i) != begin + (size_t)i * bytes)
            return false;
    }
    return true;
}

/* Examples [first, first + n) one after the other: where they are, or copied to *copy. */
static gr_status trees_rows(const gr_dataset *set, int64_t first, int64_t n, gr_trees_rows *rows,
                            void **copy)
{
    const int64_t elements = gr_shape_count(gr_dataset_shape(set));
    const size_t bytes = (size_t)elements * gr_dtype_size(gr_dataset_dtype(set));
    *copy = NULL;
    if (n > INT32_MAX || elements > INT32_MAX) {
        return gr_fail(GR_RANGE,
                       "data set '%s': %lld examples of %lld elements are too many for FLANN",
                       gr_dataset_name(set), (long long)n, (long long)elements);
    }
    *rows = (gr_trees_rows){(void *)(uintptr_t)gr_dataset_example(set, first),
                            gr_dataset_dtype(set), (int)n, (int)elements};
    if (trees_adjacent(set, first, n, bytes)) return GR_OK;
    *copy = rows->data = gr_alloc_array((size_t)n, bytes);
    if (!*copy) return GR_NO_MEMORY;
    for (int64_t i = 0; i < n; i++)
        memcpy((char *)*copy + (size_t)i * bytes, gr_dataset_example(set, first + i), bytes);
    return GR_OK;
}

/* ---- Trees ----------------------------------------------------------------------------------- */

static gr_status trees_build(gr_trees *trees, const gr_knn *knn, const gr_knn_options *options)
{
    enum { TREES = 4, CHECKS = 128 };
    trees->checks = options->checks ? options->checks : CHECKS;
    trees->l1 = knn->distance == GR_DISTANCE_L1;
    GR_TRY(trees_rows(knn->train, 0, gr_dataset_size(knn->train), &trees->rows, &trees->copy));
    const gr_trees_module *module = trees_enter();
    if (!module) {
        return gr_fail(GR_UNSUPPORTED,
                       "approximate search needs FLANN, which this build lacks: install "
                       "libflann-dev (as Debian calls it) and build again");
    }
    trees->index = module->build(&trees->rows, trees->l1, options->trees ? options->trees : TREES,
                                 (int64_t)(options->seed & INT32_MAX));
    trees_leave();
    return trees->index ? GR_OK : gr_fail(GR_INTERNAL, "%s cannot build its trees", module->name);
}

gr_status gr_trees_new(const gr_knn *knn, const gr_knn_options *options, gr_trees **trees)
{
    *trees = gr_alloc(sizeof **trees);
    if (!*trees) return GR_NO_MEMORY;
    gr_status status = trees_build(*trees, knn, options);
    if (status == GR_OK) return GR_OK;
    gr_trees_free(*trees);
    *trees = NULL;
    return status;
}

void gr_trees_free(gr_trees *trees)
{
    if (!trees) return;
    if (trees->index) {
        const gr_trees_module *module = trees_enter();
        module->free(trees->index, trees->rows.dtype, trees->l1);
        trees_leave();
    }
    gr_free(trees->copy);
    gr_free(trees);
}

/* FLANN's own distances are f32 sums: those of what it has found are computed by the definition. */
static double trees_distance(const gr_trees *trees, const void *a, const void *b)
{
    double sum = 0;
    for (int i = 0; i < trees->rows.columns; i++) {
        const double apart = trees->rows.dtype == GR_U8
                                 ? (double)(((const uint8_t *)a)[i] - ((const uint8_t *)b)[i])
                                 : (double)((const float *)a)[i] - (double)((const float *)b)[i];
        sum += trees->l1 ? fabs(apart) : apart * apart;
    }
    return trees->l1 ? sum : sqrt(sum);
}

static void trees_rank(const gr_knn *knn, const void *query, const int *found, int k,
                       gr_neighbor *near)
{
    int count = 0;
    for (int j = 0; j < k; j++) near[j] = (gr_neighbor){-1, INFINITY};
    for (int j = 0; j < k; j++) {
        if (found[j] < 0) continue;
        const gr_neighbor one = {
            found[j], trees_distance(knn->trees, query, gr_dataset_example(knn->train, found[j]))};
        int at = count++;
        for (;
             at > 0 && (one.distance < near[at - 1].distance ||
                        (one.distance == near[at - 1].distance && one.index < near[at - 1].index));
             at--)
            near[at] = near[at - 1];
        near[at] = one;
    }
}

gr_status gr_trees_search(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                          int k, gr_neighbor *neighbors)
{
    const gr_trees *trees = knn->trees;
    gr_trees_rows rows;
    void *copy = NULL;
    if (n == 0) return GR_OK;
    int *found = gr_alloc_array((size_t)n * (size_t)k, sizeof *found);
    float *distances = gr_alloc_array((size_t)n * (size_t)k, sizeof *distances);
    gr_status status =
        found && distances ? trees_rows(queries, first, n, &rows, &copy) : GR_NO_MEMORY;
    if (status == GR_OK) {
        const gr_trees_module *module = trees_enter();
        if (!module->find(trees->index, &rows, trees->l1, k, trees->checks, knn->threads, found,
                          distances))
            status = gr_fail(GR_INTERNAL, "%s cannot search its trees", module->name);
        trees_leave();
    }
    for (int64_t i = 0; status == GR_OK && i < n; i++)
        trees_rank(knn, gr_dataset_example(queries, first + i), found + i * k, k,
                   neighbors + i * k);
    gr_free(copy);
    gr_free(found);
    gr_free(distances);
    return status;
}
