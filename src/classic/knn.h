/* What an index for nearest neighbours consists of. Internal. */
#ifndef GR_CLASSIC_KNN_H
#define GR_CLASSIC_KNN_H

#include "backend/cpu/distance.h"

#include <gradus/knn.h>

typedef struct gr_trees gr_trees; /* FLANN's */

struct gr_knn {
    gr_dataset *train;
    gr_distance distance;
    int threads;
    const gr_distance_kit *kit;
    /* Σ x² of each example, where distances are made of products (L2 of bytes, cosine); else NULL.
     */
    double *squares;
    gr_trees *trees; /* NULL: searches are exact */
};

/* ---- Packed rows ---------------------------------------------------------------------------- */

/* Rows are packed piece by piece: the first piece of all rows, the second one, … */
typedef struct gr_pieces {
    int64_t elements; /* of a row */
    int64_t most;     /* of a piece: all but the last have as many */
    int64_t count;
    int64_t padded; /* elements of a packed row, all pieces */
    size_t row;     /* bytes of it */
} gr_pieces;

gr_pieces gr_pieces_of(const gr_knn *knn);

static inline int64_t gr_piece_padded(const gr_pieces *pieces, int64_t piece)
{
    return piece < pieces->count - 1 ? pieces->most
                                     : pieces->padded - (pieces->count - 1) * pieces->most;
}

/* Packs examples [first, first + n) of `set`, and further rows of zeros up to `rows`. */
void gr_pieces_pack(const gr_knn *knn, const gr_pieces *pieces, const gr_dataset *set,
                    int64_t first, int64_t n, int64_t rows, bool left, void *out);

/* ---- Search --------------------------------------------------------------------------------- */

/* Σ x² of examples [first, first + n). GR_NUMERIC, naming example and element, where that is no
 * finite number. */
gr_status gr_knn_squares(const gr_knn *knn, const gr_dataset *set, int64_t first, int64_t n,
                         double *squares);

/* Exact search. The queries have been checked; squares[n] are theirs, or NULL. */
gr_status gr_knn_search(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                        int k, const double *squares, gr_neighbor *neighbors);

/* Builds trees on the examples. GR_UNSUPPORTED without FLANN. */
gr_status gr_trees_new(const gr_knn *knn, const gr_knn_options *options, gr_trees **trees);
void gr_trees_free(gr_trees *trees); /* accepts NULL */
gr_status gr_trees_search(const gr_knn *knn, const gr_dataset *queries, int64_t first, int64_t n,
                          int k, gr_neighbor *neighbors);

#endif
