/* Values that are computed again where they are read.
 *
 * What the backward pass reads of a fused group in the forward pass has to be written, kept and
 * read: of batch normalisation the centred and the normalised input, which are a subtraction and a
 * multiplication away from the input itself. So where the operands of such gates (their sources)
 * have no more bytes than their results, the results are not kept: each group that reads one
 * repeats its gates, bit for bit.
 *
 * Only cheap gates are repeated, and only if none but gates reads the results. */
#include "passes/fuse.h"

typedef struct fuse_repetition {
    gr_fuse_run *run;
    int group;     /* whose gates are to be repeated */
    int64_t saved; /* bytes of results */
    int64_t kept;  /* bytes of sources */
    int *seen;     /* by node: the group for which it was seen last */
    int *marked;   /* nodes whose flags were set for this group */
    int n_marked;
    int *readers; /* groups that read results */
    int n_readers;
} fuse_repetition;

static int64_t fuse_bytes(const gr_node *node)
{
    return gr_fuse_count(node) * (int64_t)gr_dtype_size(node->out[0].dtype);
}

static bool fuse_is_full(const fuse_repetition *r, const gr_node *node)
{
    return gr_fuse_count(node) == r->run->elements[r->group];
}

static bool fuse_is_cheap(const gr_node *node)
{
    return gr_fused_is_view(node) ||
           ((node->op->flags & GR_OP_ELEMENTWISE) && !(node->op->flags & GR_OP_COSTLY));
}

/* May the gate be left out of the group's outputs? Notes whether other groups read it. */
static bool fuse_may_repeat(const fuse_repetition *r, const gr_node *node, bool *outside)
{
    const gr_fuse_groups *g = &r->run->groups;
    *outside = false;
    if (!fuse_is_cheap(node) || g->target[node->id]) return false;
    for (int u = g->user_at[node->id]; u < g->user_at[node->id + 1]; u++) {
        const int user = g->user[u];
        const bool inside = g->group[user] == r->group;
        if (!r->run->gate[user]) return false;
        if (inside && gr_fused_is_view(g->graph->nodes[user])) return false;
        if (!inside) *outside = true;
    }
    return true;
}

static void fuse_mark(fuse_repetition *r, bool *flags, int v)
{
    if (flags[v]) return;
    flags[v] = true;
    r->marked[r->n_marked++] = v;
}

/* Marks the gate, and what it is made of as far as that is repeated, too; adds up the sources.
 * false if one of them may not be kept. */
static bool fuse_mark_repeated(fuse_repetition *r, const gr_node *node)
{
    gr_fuse_groups *g = &r->run->groups;
    if (r->seen[node->id] == r->group) return true;
    r->seen[node->id] = r->group;
    bool outside;
    const bool own = g->group[node->id] == r->group;
    const bool lean = !fuse_is_full(r, node) && !gr_fused_is_view(node);
    if (g->repeat[node->id] || (own && !lean && fuse_may_repeat(r, node, &outside))) {
        fuse_mark(r, g->repeat, node->id);
        for (int i = 0; i < node->n_in; i++)
            if (!fuse_mark_repeated(r, node->in[i])) return false;
        return true;
    }
    if (own) fuse_mark(r, g->shown, node->id);
    if (fuse_is_full(r, node)) r->kept += fuse_bytes(node);
    return !fuse_is_full(r, node) || node->op != &gr_op_var; /* it is about to be overwritten */
}

/* Marks all results of the group that may be repeated, and lists who reads them. */
static bool fuse_mark_results(fuse_repetition *r)
{
    gr_fuse_groups *g = &r->run->groups;
    for (int v = g->head[r->group]; v >= 0; v = g->next[v]) {
        const gr_node *node = g->graph->nodes[v];
        bool outside;
        if (!fuse_is_full(r, node) || gr_fused_is_view(node)) continue;
        if (!fuse_may_repeat(r, node, &outside) || !outside) continue;
        if (!fuse_mark_repeated(r, node)) return false;
        r->saved += fuse_bytes(node);
        for (int u = g->user_at[v]; u < g->user_at[v + 1]; u++) {
            const int reader = g->group[g->user[u]];
            int at = 0;
            while (at < r->n_readers && r->readers[at] != reader) at++;
            if (reader == r->group || at < r->n_readers) continue;
            r->readers[r->n_readers++] = reader;
        }
    }
    return r->saved > 0 && r->kept <= r->saved;
}

/* Are the group and its readers bodies still? */
static bool fuse_still_legal(fuse_repetition *r)
{
    gr_fuse_outline outline;
    gr_fused_space space;
    const gr_fuse_groups *g = &r->run->groups;
    if (!gr_fuse_outline_of(g, r->group, r->group, &outline)) return false;
    if (outline.n_gates > 1 && !gr_fuse_pays(&outline, &space)) return false;
    for (int i = 0; i < r->n_readers; i++) {
        if (!gr_fuse_outline_of(g, r->readers[i], r->readers[i], &outline)) return false;
        if (!gr_fuse_pays(&outline, &space)) return false;
    }
    return true;
}

gr_status gr_fuse_repeat(gr_fuse_run *run)
{
    gr_fuse_groups *g = &run->groups;
    const size_t n = (size_t)g->n;
    fuse_repetition r = {.run = run,
                         .seen = gr_alloc_array(n, sizeof *r.seen),
                         .marked = gr_alloc_array(2 * n, sizeof *r.marked),
                         .readers = gr_alloc_array(n, sizeof *r.readers)};
    const bool fine = r.seen && r.marked && r.readers;
    for (size_t v = 0; fine && v < n; v++) r.seen[v] = -1;
    for (int p = 0; fine && p < g->n; p++) {
        r.group = g->order[p];
        if (r.group < 0 || !run->gate[g->head[r.group]]) continue;
        r.saved = r.kept = r.n_marked = r.n_readers = 0;
        if (fuse_mark_results(&r) && fuse_still_legal(&r)) continue;
        for (int i = 0; i < r.n_marked; i++) g->repeat[r.marked[i]] = g->shown[r.marked[i]] = false;
    }
    gr_free(r.seen);
    gr_free(r.marked);
    gr_free(r.readers);
    return fine ? GR_OK : GR_NO_MEMORY;
}
