/* How reductions see their input, and the order in which they combine it. Internal: for the ops,
 * their reference and their fast kernels.
 *
 * The order is a function of shape, axes and element type alone, so the reference, every CPU level
 * and every thread count give the same bits:
 *
 *   1. Axes of size 1 are dropped. If the innermost axis left is reduced, the elements of an output
 *      come as rows of `length` contiguous elements, else as rows of one element each. The other
 *      reduced axes enumerate the rows in row-major order.
 *   2. A row is cut into units of GR_REDUCE_UNIT elements, the last one shorter. In a unit, lane j
 *      of W combines the elements j, j+W, j+2W, … in this order, W being GR_REDUCE_LANES(size);
 *      then the lanes fold: for h = W/2, W/4, …, 1, lane j takes in lane j+h for all j < h. Lanes
 *      that have no element take no part.
 *   3. `per_block` units in a row are a block: its units are combined from first to last.
 *   4. Blocks are combined as a binary tree: for s = 1, 2, 4, …, block i takes in block i+s for all
 *      i that are multiples of 2s.
 *
 * Nothing is combined with a neutral element, except that an empty extent gives it. */
#ifndef GR_OPS_REDUCE_H
#define GR_OPS_REDUCE_H

#include "ops/ops.h"

#define GR_REDUCE_UNIT 2048
#define GR_REDUCE_LANES(size) (128 / (int64_t)(size))
#define GR_REDUCE_MAX_LANES 128

typedef enum gr_reduce_kind {
    GR_REDUCTION_SUM,
    GR_REDUCTION_PROD,
    GR_REDUCTION_MAX,
    GR_REDUCTION_MIN,
    GR_REDUCTION_KINDS
} gr_reduce_kind;

/* Some axes of a tensor: offsets (in elements) of the i-th index over them in row-major order. */
typedef struct gr_walk {
    int rank;
    int64_t dim[GR_MAX_RANK], step[GR_MAX_RANK];
} gr_walk;

static inline int64_t gr_walk_offset(const gr_walk *walk, int64_t i)
{
    if (walk->rank == 0) return 0;
    int64_t offset = 0;
    for (int k = walk->rank - 1; k > 0; k--) {
        offset += i % walk->dim[k] * walk->step[k];
        i /= walk->dim[k];
    }
    return offset + i * walk->step[0];
}

typedef struct gr_reduction {
    gr_reduce_kind kind;
    gr_dtype dtype;
    int64_t groups;  /* outputs are groups × columns, */
    int64_t columns; /* the columns contiguous: the innermost axis if it is kept, else 1 */
    int64_t rows;    /* reduced: rows × length, */
    int64_t length;  /* the length contiguous: the innermost axis if it is reduced, else 1 */
    gr_walk group, row;
    int64_t row_units, per_block, blocks;
} gr_reduction;

/* The reduction of shape `x` over the axes listed (each in range, no axis twice). */
gr_reduction gr_reduction_of(gr_shape x, const gr_ints *axes);
/* That of a node of sum, prod, max or min. */
gr_reduction gr_reduction_of_node(const gr_node *node);

/* The result over nothing, in the type of the reduction. */
void gr_reduce_neutral(const gr_reduction *r, void *out, int64_t count);

/* The op's scalar reference. */
gr_status gr_reduce_reference(gr_request *request);

/* What two elements combine to. In max and min the later one wins only if it is strictly better,
 * so that the first of equals stays, or if it is NaN, so that NaN wins. */
#define GR_REDUCE_SUM_OF(a, x) ((a) + (x))
#define GR_REDUCE_PROD_OF(a, x) ((a) * (x))
#define GR_REDUCE_MAX_TAKES(a, x) (((x) > (a)) | ((x) != (x)))
#define GR_REDUCE_MIN_TAKES(a, x) (((x) < (a)) | ((x) != (x)))
#define GR_REDUCE_MAX_OF(a, x) (GR_REDUCE_MAX_TAKES(a, x) ? (x) : (a))
#define GR_REDUCE_MIN_OF(a, x) (GR_REDUCE_MIN_TAKES(a, x) ? (x) : (a))

#endif
