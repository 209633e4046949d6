/* Geometry of a matrix product, for its kernels. Internal. */
#ifndef GR_MATMUL_H
#define GR_MATMUL_H

#include "ops/ops.h"

enum { GR_MATMUL_TRANSPOSE_A, GR_MATMUL_TRANSPOSE_B }; /* attributes of matmul */

/* out[b] = op(A[b]) · op(B[b]) for every b below `batch`: [m,k] x [k,n]. */
typedef struct gr_matmul_geometry {
    int64_t m, n, k, batch;
    bool transpose_a, transpose_b;
    int batch_rank;
    int64_t batch_dim[GR_MAX_RANK];
    int64_t a_stride[GR_MAX_RANK], b_stride[GR_MAX_RANK]; /* elements; 0 where it broadcasts */
} gr_matmul_geometry;

gr_matmul_geometry gr_matmul_geometry_of(const gr_node *node);
/* Where the matrices of batch element `index` start, in elements. */
void gr_matmul_offsets(const gr_matmul_geometry *geometry, int64_t index, int64_t *a, int64_t *b);

#endif
