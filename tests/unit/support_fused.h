/* Bodies of fused nodes, and their kernel beside their reference: what its tests share. */
#ifndef GR_TEST_SUPPORT_FUSED_H
#define GR_TEST_SUPPORT_FUSED_H

#include "support.h"

#include "graph/graph.h"
#include "ops/fused.h"

/* A body under construction, and the node's inputs that its own stand for. */
typedef struct fused_maker {
    gr_graph *outside, *body;
    int n_in, n_out;
    gr_node *outer[GR_FUSED_INPUTS], *inner[GR_FUSED_INPUTS], *out[GR_FUSED_OUTPUTS];
} fused_maker;

fused_maker fused_new(void);
/* An input of the body; a result of it. */
gr_node *fused_in(fused_maker *m, gr_dtype dtype, gr_shape shape);
void fused_out(fused_maker *m, gr_node *node);
/* The node; NULL if it is no legal body. */
gr_node *fused_node(fused_maker *m);

/* Compares the kernel with the reference bit for bit, at every CPU level, for 1 to 3 threads, off
 * alignment, and with each output in the memory of each input that it may share. `coarse`: on
 * values whose sums of products are exact. */
void fused_check_node(const gr_node *node, bool coarse);
/* The same for the body, which is freed. */
void fused_check_as(fused_maker *m, bool coarse);
void fused_check(fused_maker *m);

#endif
