/* knn.h: nearest neighbours: the classifier that learns nothing and compares with everything.
 *
 *     gr_dataset *train, *test;
 *     gr_knn *knn;
 *     gr_neighbor near[5];
 *
 *     gr_data_open("cifar10", NULL, &train, &test);
 *     gr_knn_new(train, GR_KNN(.distance = GR_DISTANCE_L1), &knn);
 *     gr_knn_find(knn, test, 0, 1, 5, near);             // the 5 nearest to picture 0
 *     int class = gr_knn_vote(knn, near, 5, GR_VOTE_MAJORITY);
 *     gr_knn_free(knn);
 */
#ifndef GRADUS_KNN_H
#define GRADUS_KNN_H

#include <gradus/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How far apart two examples a and b are, element by element. */
typedef enum gr_distance {
    GR_DISTANCE_L1,    /* Σ |a − b| */
    GR_DISTANCE_L2,    /* √ Σ (a − b)² */
    GR_DISTANCE_COSINE /* 1 − Σ a·b / (|a|·|b|); 1 where an example is all zeros */
} gr_distance;
/* "l1", "l2", "cosine"; gr_distance_find returns -1 for other words. */
GR_API const char *gr_distance_name(gr_distance distance);
GR_API int gr_distance_find(const char *name);

/* ---- Search --------------------------------------------------------------------------------- */

/* Labelled examples, ready to be compared with others. Never changes, so any number of threads may
 * search it. */
typedef struct gr_knn gr_knn;

typedef struct gr_knn_options {
    size_t size;          /* sizeof(gr_knn_options) */
    gr_distance distance; /* L1 unless set */
    int threads;          /* 0: GRADUS_THREADS, else all cores */
    /* Search trees, which miss some neighbours and compare with few examples, instead of all: the
     * randomised k-d trees of FLANN (Muja and Lowe 2009, "Fast approximate nearest neighbors with
     * automatic algorithm configuration"), for L1 and L2. */
    bool approximate;
    int trees;     /* 0: 4 */
    int checks;    /* examples that a search looks at, about; 0: 128 */
    uint64_t seed; /* of the trees */
} gr_knn_options;
#define GR_KNN(...) (&(gr_knn_options){.size = sizeof(gr_knn_options), __VA_ARGS__})

/* Prepares the examples of `train`, u8 or f32 in memory, for searches; the set may be freed. Exact
 * searches read the examples where they are, so this takes a few bytes for each; trees are built
 * now, on a copy. `options` may be NULL. GR_DTYPE or GR_INVALID for other sets, GR_NUMERIC for an
 * element that is no finite number (named), GR_UNSUPPORTED where FLANN is asked for but this build
 * has none; on failure *knn is NULL. */
GR_API gr_status gr_knn_new(const gr_dataset *train, const gr_knn_options *options, gr_knn **knn);
GR_API void gr_knn_free(gr_knn *knn); /* accepts NULL */

/* One of the nearest. */
typedef struct gr_neighbor {
    int64_t index;   /* in the set that was given to gr_knn_new */
    double distance; /* infinite, with index -1: approximate search found no more */
} gr_neighbor;

/* The k nearest to each of the examples [first, first + n) of `queries`, the nearest first, into
 * neighbors[n·k]; of two at the same distance the one with the lower index. Queries by the hundred
 * are much faster than one by one. Distances of bytes are exact (L1 and L2² are whole numbers), and
 * those of f32 summed in an order that the number of elements fixes: results are the same for any
 * number of threads and CPU. GR_RANGE if k exceeds the number of examples or there are no such
 * queries, GR_SHAPE or GR_DTYPE if they are not like the examples, GR_NUMERIC for an element that
 * is no finite number, GR_NO_MEMORY. */
GR_API gr_status gr_knn_find(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                             int k, gr_neighbor *neighbors);

/* How much a neighbour counts. */
typedef enum gr_vote {
    GR_VOTE_MAJORITY, /* each neighbour has one vote */
    GR_VOTE_DISTANCE  /* each has 1/distance; neighbours at distance 0, if any, vote alone */
} gr_vote;
/* "majority", "distance"; gr_vote_find returns -1 for other words. */
GR_API const char *gr_vote_name(gr_vote vote);
GR_API int gr_vote_find(const char *name);

/* The class that the first k of a query's neighbours vote for: of several with as many votes, the
 * one whose nearest neighbour comes first. -1 if there is no neighbour. */
GR_API int gr_knn_vote(const gr_knn *knn, const gr_neighbor *neighbors, int k, gr_vote vote);

/* ---- How good is a k? ----------------------------------------------------------------------- */

/* The shares of the labelled set `test` that are told right by the k[0], …, k[n-1] nearest:
 * accuracy[n], all from one search. `progress`, if not NULL, is called now and then with the number
 * of examples done, and ends the work by returning false (GR_CANCELLED). Refusals of
 * gr_knn_find; GR_INVALID if `test` is unlabelled or of another number of classes. */
GR_API gr_status gr_knn_test(const gr_knn *knn, const gr_dataset *test, gr_vote vote, const int *k,
                             int n, bool (*progress)(void *user, int64_t done), void *user,
                             double *accuracy);

#ifdef __cplusplus
}
#endif
#endif
