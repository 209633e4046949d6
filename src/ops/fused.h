/* fused: several gates that run as one pass over memory. The pass `fuse` makes such nodes; no user
 * builds one. Internal.
 *
 * The node's one attribute is a body (gr_body): body->in[i], an input of the body's graph, stands
 * for the node's input i, body->out[j] for its output j. The body's gates keep the exact types and
 * shapes they had outside. A body may hold
 *
 *   - inputs and constants;
 *   - elementwise gates;
 *   - sum, prod, max and min of full gates;
 *   - reshape and stop_gradient where they move nothing: only axes of size 1 come or go.
 *
 * The space S is the shape that all gates of the body broadcast to, written without axes of size 1.
 * The reductions of one body all reduce the same axes R of S. A gate is full if it has S's number
 * of elements, else lean: one value for each index over the axes that are not in R (a group) or
 * fewer. In a body with reductions a lean gate is constant along R.
 *
 *   rows     R holds the innermost axis of S: the elements of a group are walked by one worker, and
 *            a reduction's result may be read by later gates, full or lean. Gates form phases: a
 *            phase ends where a result must be complete. A group of up to GR_FUSED_TILE elements
 *            stays in registers; in longer ones each phase computes what it needs again, so a
 *            costly gate (GR_OP_COSTLY) must not be needed in two phases.
 *   columns  R is not empty and the innermost axis is kept: results of reductions are outputs of
 *            the body and read by nothing else in it.
 *   plain    no reductions.
 *
 * Elementwise gates give the same bits as on their own, and so do reductions: they keep the order
 * of ops/reduce.h. Output j may share the memory of input i if both are full (or both lean) of one
 * element size, and no gate that comes after j's in the body reads i. */
#ifndef GR_OPS_FUSED_H
#define GR_OPS_FUSED_H

#include "ops/ops.h"

enum { GR_FUSED_BODY };

enum {
    GR_FUSED_INPUTS = 24,  /* most inputs, */
    GR_FUSED_OUTPUTS = 8,  /* outputs */
    GR_FUSED_GATES = 64,   /* and gates of a body */
    GR_FUSED_TILE = 2048   /* elements: one unit of a reduction */
};

/* The node; its outputs are read by gr_get, also if there is only one. The body becomes the
 * graph's. */
gr_node *gr_fused(gr_graph *graph, const gr_body *body, gr_node *const *in);

#endif
