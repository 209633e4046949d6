/* The FLANN module: randomised k-d trees by its C interface. */
#include "classic/trees.h"

#include <flann/flann.h>

static struct FLANNParameters flann_parameters(int trees, int checks, int threads, int64_t seed)
{
    struct FLANNParameters parameters = DEFAULT_FLANN_PARAMETERS;
    parameters.algorithm = FLANN_INDEX_KDTREE;
    parameters.trees = trees;
    parameters.checks = checks;
    parameters.cores = threads;
    parameters.log_level = FLANN_LOG_NONE;
    parameters.random_seed = (long)seed;
    return parameters;
}

static void flann_use(bool l1)
{
    flann_set_distance_type(l1 ? FLANN_DIST_MANHATTAN : FLANN_DIST_EUCLIDEAN, 0);
}

static void *flann_module_build(const gr_trees_rows *rows, bool l1, int trees, int64_t seed)
{
    struct FLANNParameters parameters = flann_parameters(trees, 0, 1, seed);
    float speedup;
    flann_use(l1);
    return rows->dtype == GR_U8 ? flann_build_index_byte(rows->data, rows->rows, rows->columns,
                                                         &speedup, &parameters)
                                : flann_build_index_float(rows->data, rows->rows, rows->columns,
                                                          &speedup, &parameters);
}

static bool flann_module_find(void *index, const gr_trees_rows *queries, bool l1, int k, int checks,
                              int threads, int *found, float *distances)
{
    struct FLANNParameters parameters = flann_parameters(0, checks, threads, 0);
    for (int64_t i = 0; i < (int64_t)queries->rows * k; i++) found[i] = -1;
    flann_use(l1);
    const int code =
        queries->dtype == GR_U8
            ? flann_find_nearest_neighbors_index_byte(index, queries->data, queries->rows, found,
                                                      distances, k, &parameters)
            : flann_find_nearest_neighbors_index_float(index, queries->data, queries->rows, found,
                                                       distances, k, &parameters);
    return code == 0;
}

static void flann_module_free(void *index, gr_dtype dtype, bool l1)
{
    struct FLANNParameters parameters = DEFAULT_FLANN_PARAMETERS;
    flann_use(l1);
    if (dtype == GR_U8)
        flann_free_index_byte(index, &parameters);
    else
        flann_free_index_float(index, &parameters);
}

GR_API gr_part_open_fn gr_flann_open;

const void *gr_flann_open(int abi, const gr_part_services *services)
{
    static const gr_trees_module module = {"FLANN " FLANN_VERSION_, flann_module_build,
                                           flann_module_find, flann_module_free};
    (void)services;
    return abi == GR_TREES_ABI ? &module : NULL;
}
