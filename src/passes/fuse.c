/* Fusion: gates that walk the same elements become one node, which reads and writes memory once.
 *
 * Every gate starts as a group of its own. Groups merge along the edges between them, later gates
 * first, so that a gate which both its producer and its consumer could take goes to the consumer.
 * A second sweep finds what the first made possible: lean gates can only join a group that has
 * reductions, and paths through them vanish. Then groups that read one value merge. Reductions that
 * keep the last axis (bias gradients) choose last, because a body has one set of reduced axes, and
 * those that reduce it (softmax, normalisations) gain more. Whether groups fit in one body is for
 * gr_fused_space_of to say. */
#include "passes/fuse.h"

enum {
    FUSE_SMALL = 64, /* elements below which the calls saved are not worth a body's own set-up */
    FUSE_NEAR = 16   /* places between groups that may merge for a common operand */
};

static bool fuse_is_gate(const gr_node *node)
{
    if (!gr_fused_is_gate(node) || node->n_out != 1 || gr_fuse_count(node) == 0) return false;
    for (int i = 0; i < node->n_in; i++)
        if (gr_fuse_count(node->in[i]) == 0) return false;
    return true;
}

/* The innermost axis that is not of size 1 is kept. */
static bool fuse_keeps_last(const gr_node *reduction)
{
    const gr_shape shape = reduction->in[0]->out[0].shape;
    const gr_ints *axes = &reduction->attr[0].ints;
    int last = shape.rank - 1;
    while (last > 0 && shape.dim[last] == 1) last--;
    for (int i = 0; i < axes->n; i++)
        if (axes->v[i] == last) return false;
    return true;
}

/* ---- Which groups may merge ------------------------------------------------------------------ */

/* Does a body of this space run at least as well as its gates? */
static bool fuse_space_pays(const gr_fused_space *s)
{
    if (s->count < FUSE_SMALL) return false;
    for (int v = 0; s->kind == GR_FUSED_PLAIN && v < s->n; v++)
        if (s->value[v].gate && !s->value[v].full) return false; /* would be computed for each */
    return true;
}

bool gr_fuse_pays(const gr_fuse_outline *o, gr_fused_space *space)
{
    return o->n_in > 0 && !gr_fused_space_of(o->member, o->n, o->out, space) &&
           fuse_space_pays(space);
}

/* Merges two groups of gates if that gives a body. */
static bool fuse_merge(gr_fuse_run *run, int a, int b)
{
    gr_fuse_groups *g = &run->groups;
    gr_fuse_outline outline;
    gr_fused_space space;
    if (run->elements[a] != run->elements[b] && !run->reduces[a] && !run->reduces[b]) return false;
    if (!gr_fuse_outline_of(g, a, b, &outline) || !gr_fuse_pays(&outline, &space)) return false;
    if (!gr_fuse_groups_merge(g, a, b)) return false;
    run->elements[a] = space.count;
    run->reduces[a] = space.kind != GR_FUSED_PLAIN;
    return true;
}

/* ---- The order of attempts ------------------------------------------------------------------- */

/* Along the edges from gates to their operands; from reductions only those that keep the last axis,
 * or only the others. */
static void fuse_edges(gr_fuse_run *run, bool keep_last)
{
    gr_fuse_groups *g = &run->groups;
    for (int v = g->n - 1; v >= 0; v--) {
        const gr_node *node = g->graph->nodes[v];
        if (g->group[v] < 0 || !run->gate[v]) continue;
        if ((gr_fused_is_reduction(node) && fuse_keeps_last(node)) != keep_last) continue;
        for (int i = 0; i < node->n_in; i++) {
            const int operand = node->in[i]->id;
            if (!run->gate[operand] || g->group[operand] == g->group[v]) continue;
            fuse_merge(run, g->group[v], g->group[operand]);
        }
    }
}

/* Neighbours in the order that read one value in full: once is enough. */
static void fuse_siblings(gr_fuse_run *run)
{
    gr_fuse_groups *g = &run->groups;
    for (int v = 0; v < g->n; v++) {
        if (g->group[v] < 0 || g->graph->nodes[v]->n_out != 1) continue;
        const int64_t count = gr_fuse_count(g->graph->nodes[v]);
        int before = -1;
        for (int u = g->user_at[v]; u < g->user_at[v + 1]; u++) {
            const int user = g->user[u], group = g->group[user];
            if (!run->gate[user] || run->elements[group] != count) continue;
            const int other = before < 0 ? group : g->group[before];
            const int apart = g->place[group] - g->place[other];
            if (other != group && apart < FUSE_NEAR && apart > -FUSE_NEAR)
                fuse_merge(run, other, group);
            before = user;
        }
    }
}

/* Views go with what they view, so that no path leads through them. */
static void fuse_start_run(gr_fuse_run *run)
{
    gr_fuse_groups *g = &run->groups;
    for (int v = 0; v < g->n; v++) {
        const gr_node *node = g->graph->nodes[v];
        if (g->group[v] < 0) continue;
        run->gate[v] = fuse_is_gate(node);
        if (!run->gate[v]) continue;
        run->reduces[v] = gr_fused_is_reduction(node);
        run->elements[v] = gr_fuse_count(run->reduces[v] ? node->in[0] : node);
        const int source = node->in[0]->id;
        if (gr_fused_is_view(node) && run->gate[source] &&
            g->size[g->group[source]] < GR_FUSED_GATES)
            gr_fuse_groups_merge(g, g->group[source], v);
    }
}

gr_status gr_pass_fuse(gr_unit *unit)
{
    const size_t n = (size_t)gr_graph_size(unit->graph);
    gr_fuse_run run = {.gate = gr_alloc_array(n, sizeof *run.gate),
                       .elements = gr_alloc_array(n, sizeof *run.elements),
                       .reduces = gr_alloc_array(n, sizeof *run.reduces)};
    gr_status status = gr_fuse_groups_init(&run.groups, unit);
    if (!run.gate || !run.elements || !run.reduces) status = GR_NO_MEMORY;
    if (status == GR_OK) {
        fuse_start_run(&run);
        for (int sweep = 0; sweep < 4; sweep++) {
            fuse_edges(&run, sweep == 3);
            if (sweep == 1) fuse_siblings(&run);
        }
        status = gr_fuse_repeat(&run);
        if (status == GR_OK) status = gr_fuse_emit(&run.groups, unit);
    }
    gr_fuse_groups_free(&run.groups);
    gr_free(run.gate);
    gr_free(run.elements);
    gr_free(run.reduces);
    return status;
}
