/* Approximate search, by a module that is loaded when it is first wanted. */
#include "classic/knn.h"

gr_status gr_trees_new(const gr_knn *knn, const gr_knn_options *options, gr_trees **trees)
{
    (void)knn, (void)options;
    *trees = NULL;
    return gr_fail(GR_UNSUPPORTED,
                   "approximate search needs FLANN, which this build lacks: install libflann-dev "
                   "and build again");
}

void gr_trees_free(gr_trees *trees)
{
    (void)trees;
}

gr_status gr_trees_search(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                          int k, gr_neighbor *neighbors)
{
    (void)knn, (void)queries, (void)first, (void)n, (void)k, (void)neighbors;
    return GR_UNSUPPORTED;
}
