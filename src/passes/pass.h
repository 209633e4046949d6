/* Passes: each takes a graph with its targets and returns another that computes the same. One pass
 * is one file and one line of passes.def. Internal. */
#ifndef GR_PASS_H
#define GR_PASS_H

#include "backend/backend.h"
#include "graph/graph.h"

/* A graph under compilation and what it is compiled for. Owns the graph. */
typedef struct gr_unit {
    gr_graph *graph;
    gr_node **targets;
    int n;
    int threads; /* kernels are chosen for so many, */
    bool exact;  /* and so */
} gr_unit;

typedef gr_status gr_pass_fn(gr_unit *unit);

#define PASS(name, doc) gr_status gr_pass_##name(gr_unit *unit);
#include "passes/passes.def"
#undef PASS

/* Copies what `targets` need into *unit. */
gr_status gr_unit_copy(gr_unit *unit, gr_node *const *targets, int n);
void gr_unit_free(gr_unit *unit);

/* Runs one pass. Debug builds verify the graph afterwards and name the pass that broke it. */
gr_status gr_pass_run(gr_unit *unit, const char *name, gr_pass_fn *pass);
/* Runs the table's passes in order, without those that `choice` names ("-cse,-fold"; "-all": none
 * runs; NULL: all do), and then on the bodies of loops. */
gr_status gr_passes_run(gr_unit *unit, const char *choice);
gr_status gr_passes_bodies(gr_unit *unit, const char *choice);

/* Returns what stands for `old` in the new graph, its inputs being in[0..n_in); NULL means a plain
 * copy. */
typedef gr_node *gr_rewrite_rule(void *ctx, gr_graph *graph, const gr_node *old,
                                 gr_node *const *in);
/* Rebuilds, in order, the nodes that the targets need, each through `rule` (NULL: copies, which
 * drops dead code), and replaces the unit's graph. On failure the unit is unchanged. */
gr_status gr_rewrite(gr_unit *unit, gr_rewrite_rule *rule, void *ctx);

#endif
