/* fused: several gates that run as one pass over memory. The pass `fuse` makes such nodes; no user
 * builds one. Internal.
 *
 * The node's one attribute is a body (gr_body): body->in[i], an input of the body's graph, stands
 * for the node's input i, body->out[j] for its output j. The body's gates keep the exact types and
 * shapes they had outside. A body may hold
 *
 *   - inputs and constants;
 *   - elementwise gates;
 *   - sum, prod, max and min of full gates and inputs;
 *   - reshape and stop_gradient where they move nothing: only axes of size 1 come or go;
 *   - one contraction (matmul, conv, conv_input_grad) of inputs and constants, if there are no
 *     reductions: its result is full, is read by gates of the body, and is no output; the last gate
 *     is, in full and of the same type, and its output is where a contraction may write to that
 *     does not hand its result over.
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
 * element size, and no gate that comes after j's in the body reads i; never the output that a
 * contraction does write to, nor an input that it reads. */
#ifndef GR_OPS_FUSED_H
#define GR_OPS_FUSED_H

#include "ops/ops.h"

enum { GR_FUSED_BODY };

/* Elements of the rows of an outer product that a body computes without copying its operands out:
 * shorter ones are not worth it, of longer ones nothing is copied out anyway. */
enum { GR_FUSED_OUTER_LEAST = 32, GR_FUSED_OUTER_MOST = 255 };

enum {
    GR_FUSED_INPUTS = 24,  /* most inputs, */
    GR_FUSED_OUTPUTS = 8,  /* outputs */
    GR_FUSED_GATES = 64,   /* and gates of a body */
    GR_FUSED_VALUES = 128, /* gates, inputs and constants together */
    GR_FUSED_TILE = 2048   /* elements: one unit of a reduction */
};

/* The node; its outputs are read by gr_get, also if there is only one. The body becomes the
 * graph's. */
gr_node *gr_fused(gr_graph *graph, const gr_body *body, gr_node *const *in);

/* ---- The space of a body --------------------------------------------------------------------- */

typedef enum gr_fused_kind { GR_FUSED_PLAIN, GR_FUSED_ROWS, GR_FUSED_COLUMNS } gr_fused_kind;

/* A gate of the body, or what a gate reads from elsewhere: an input, a constant, or what the
 * contraction leaves. The contraction's own operands are no values. */
typedef struct gr_fused_value {
    const gr_node *node;
    bool gate, full;
    bool read, out;        /* by gates of the body; as an output of it */
    int phase;             /* the first in which it may be read; a reduction runs in the one
                              before */
    int in[3];             /* of a gate: its operands' places among the values */
    int axis[GR_MAX_RANK]; /* for each axis of the node that of S; -1: of size 1 */
    unsigned axes;         /* bit k: the value varies along axis k of S */
} gr_fused_value;

typedef struct gr_fused_space {
    gr_fused_kind kind;
    gr_shape shape;       /* S */
    unsigned reduced;     /* bit k: axis k of S is in R */
    int64_t count, group; /* elements of S, and of a group */
    int phases;           /* 1 without reductions */
    int contraction;      /* the value that a contraction leaves; -1: there is none */
    int n;                /* values, operands before their gates, gates in the body's order */
    gr_fused_value value[GR_FUSED_VALUES];
} gr_fused_space;

/* The space of n gates, which stand in topological order; out[i]: gate i is an output. Returns NULL
 * or, if they may not be the gates of one body, a phrase that says why. */
const char *gr_fused_space_of(gr_node *const *gates, int n, const bool *out, gr_fused_space *space);
/* That of a body's gates. */
const char *gr_fused_space_of_body(const gr_body *body, gr_fused_space *space);

/* Is the node one that a body may hold, input, constant and contraction apart? */
bool gr_fused_is_gate(const gr_node *node);
/* Is it matmul, conv or conv_input_grad? */
bool gr_fused_is_contraction(const gr_node *node);
/* Is it a reshape or stop_gradient? */
static inline bool gr_fused_is_view(const gr_node *node)
{
    return (node->op->flags & GR_OP_VIEW) != 0;
}
/* Is it sum, prod, max or min? */
bool gr_fused_is_reduction(const gr_node *node);

/* The reference: node by node, in scratch memory. */
gr_status gr_fused_reference(gr_request *request);

#endif
