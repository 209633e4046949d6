/* What the run stage and the gradient need to know of a scan. Internal. */
#ifndef GR_OPS_SCAN_INTERNAL_H
#define GR_OPS_SCAN_INTERNAL_H

#include "graph/graph.h"

/* Places of a scan's attributes. */
enum {
    GR_SCAN_BODY,
    GR_SCAN_CARRIES,
    GR_SCAN_SLICES,
    GR_SCAN_CAPTURES,
    GR_SCAN_OUTPUTS,
    GR_SCAN_LENGTH,
    GR_SCAN_REVERSE
};

typedef struct gr_scan_view {
    const gr_body *body;
    int carries, slices, captures, outputs;
    int64_t length;
    bool reverse;
} gr_scan_view;

/* The attributes of a scan node, read. */
gr_scan_view gr_scan_of(const gr_attr *attr);

/* ---- Sums over the steps, had after the loop ------------------------------------------------ */

/* A value of a step, stacked over all of them. */
typedef struct gr_scan_leaf {
    gr_node *node;
    bool
        summed; /* its elements are summed, not multiplied: worth it if the stack is there anyway */
} gr_scan_leaf;
typedef gr_node *gr_scan_stack(void *ctx, const gr_node *leaf);

/* Appends what must be stacked so that Σ_t node[t] can be computed from it; false: it cannot, or
 * would need more than `most` stacks. */
bool gr_scan_sum_leaves(gr_node *node, gr_scan_leaf *leaves, int *n, int most);
/* That sum, of the stacks that `stack` gives for its leaves. */
gr_node *gr_scan_sum_build(const gr_node *node, gr_scan_stack *stack, void *ctx);

void gr_scan_grad(const gr_node *node, gr_node *const *dy, gr_node **dx);
gr_node *gr_scan_sample(gr_sampler *sampler, int k);

#endif
