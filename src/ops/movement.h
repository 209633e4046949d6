/* Permute, broadcast, slice, split, pad and concat are strided copies; this is their common
 * geometry and reference. Internal. */
#ifndef GR_OPS_MOVEMENT_H
#define GR_OPS_MOVEMENT_H

#include "ops/ops.h"

/* Elements of an input, at in_start + Σ i_k·in_step[k], go to an output, at
 * out_start + Σ i_k·out_step[k], for all 0 ≤ i_k < dim[k]. All in elements. */
typedef struct gr_copy {
    int in, out; /* their numbers */
    int rank;
    int64_t dim[GR_MAX_RANK], in_step[GR_MAX_RANK], out_step[GR_MAX_RANK];
    int64_t in_start, out_start;
} gr_copy;

/* The copies of a node of these ops, which write no element twice: how many, and number `i`. */
int gr_copy_count(const gr_node *node);
void gr_copy_of(const gr_node *node, int i, gr_copy *copy);
/* Whether the copies leave elements of the output to a value, which goes to value[0..8) in the
 * output's element type. */
bool gr_copy_value(const gr_node *node, void *value);

/* The scalar reference of these ops. */
gr_status gr_copy_reference(gr_request *request);

#endif
