/* The parts of the pass `fuse`: an acyclic partition of a graph into groups, and what becomes of
 * it. Internal. */
#ifndef GR_FUSE_H
#define GR_FUSE_H

#include "ops/fused.h"
#include "passes/pass.h"

/* A partition of the needed nodes. Seen from outside of the groups the graph stays acyclic: no path
 * leaves a group and comes back, not even by way of several others. */
typedef struct gr_fuse_groups {
    const gr_graph *graph;
    int n;               /* nodes */
    int *group;          /* of each node, named after one of its members; -1: not needed */
    int *head, *size;    /* of each group: its first member, their number */
    int *next;           /* of each node: the next member by id; -1: the last */
    int *order;          /* groups in topological order; -1: a vacant place */
    int *place;          /* of each group in it */
    int *user_at, *user; /* the needed nodes that read node v: user[user_at[v] … user_at[v + 1]) */
    bool *target;        /* a target of the compilation */
    bool *repeat;        /* each group that reads it computes it itself, see fuse_repeat.c … */
    bool *shown;         /* … and reads this for it */
    int *mark, stamp, *stack;
} gr_fuse_groups;

/* Every needed node a group of its own. Free with gr_fuse_groups_free, also after a failure. */
gr_status gr_fuse_groups_init(gr_fuse_groups *g, const gr_unit *unit);
void gr_fuse_groups_free(gr_fuse_groups *g);
/* Makes one group of two, unless a path leads from one to the other through a third, or finding
 * that out would take too long. The name of the first goes to the new one. */
bool gr_fuse_groups_merge(gr_fuse_groups *g, int a, int b);

/* How a group, or several as one, would look as a body. */
typedef struct gr_fuse_outline {
    int n, n_gates; /* members, with those that are repeated for them; of them no views */
    gr_node *member[GR_FUSED_GATES];
    bool out[GR_FUSED_GATES]; /* read from outside, perhaps through views */
    int n_in, n_out;
} gr_fuse_outline;

/* Outlines groups a and b together (b = a: a alone), without what nobody reads any more; false if
 * that is more than a body holds. */
bool gr_fuse_outline_of(const gr_fuse_groups *g, int a, int b, gr_fuse_outline *outline);
/* Does a body hold this operand from outside as a constant of its own? */
bool gr_fuse_is_literal(const gr_node *node);

typedef struct gr_fuse_run {
    gr_fuse_groups groups;
    bool *gate;        /* by node: may stand in a body */
    int64_t *elements; /* by group: of its space; 0 for what is no gate */
    bool *reduces;     /* by group: holds a reduction */
} gr_fuse_run;

static inline int64_t gr_fuse_count(const gr_node *node)
{
    return gr_shape_count(node->out[0].shape);
}

/* Does the outline make a body that runs at least as well as its gates? */
bool gr_fuse_pays(const gr_fuse_outline *outline, gr_fused_space *space);
/* Marks values that are computed again where they are read. */
gr_status gr_fuse_repeat(gr_fuse_run *run);

/* Replaces the unit's graph by one in which each group with several gates is a fused node. */
gr_status gr_fuse_emit(const gr_fuse_groups *g, gr_unit *unit);

#endif
