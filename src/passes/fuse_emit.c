/* From groups to fused nodes. */
#include <stdio.h>

#include "passes/fuse.h"

/* ---- Outlines -------------------------------------------------------------------------------- */

bool gr_fuse_is_literal(const gr_node *node)
{
    return node->op == &gr_op_constant && gr_shape_count(node->out[0].shape) == 1;
}

static void fuse_list_members(const gr_fuse_groups *g, int a, int b, gr_fuse_outline *o)
{
    int x = g->head[a], y = a == b ? -1 : g->head[b];
    while (x >= 0 || y >= 0) {
        int *from = y < 0 || (x >= 0 && x < y) ? &x : &y;
        o->member[o->n++] = g->graph->nodes[*from];
        *from = g->next[*from];
    }
}

/* The place of a member, by bisection; -1: none. */
static int fuse_outline_find(const gr_fuse_outline *o, const gr_node *node)
{
    int low = 0, high = o->n - 1;
    while (low <= high) {
        const int middle = (low + high) / 2;
        if (o->member[middle] == node) return middle;
        if (o->member[middle]->id < node->id) {
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return -1;
}

/* Adds what is repeated for the members. false: no room. */
static bool fuse_add_repeated(const gr_fuse_groups *g, gr_fuse_outline *o)
{
    for (int k = o->n - 1; k >= 0; k--) {
        for (int i = 0; i < o->member[k]->n_in; i++) {
            gr_node *operand = o->member[k]->in[i];
            if (!g->repeat[operand->id] || fuse_outline_find(o, operand) >= 0) continue;
            if (o->n == GR_FUSED_GATES) return false;
            int at = o->n++;
            for (; at > 0 && o->member[at - 1]->id > operand->id; at--)
                o->member[at] = o->member[at - 1];
            o->member[at] = operand;
            k++; /* the operand stands before its reader, which has moved up */
        }
    }
    return true;
}

static bool fuse_read_outside(const gr_fuse_groups *g, int v, int a, int b)
{
    if (g->target[v] || g->shown[v]) return true;
    for (int u = g->user_at[v]; u < g->user_at[v + 1] && !g->repeat[v]; u++) {
        const int group = g->group[g->user[u]];
        if (group != a && group != b) return true;
    }
    return false;
}

static bool fuse_read_inside(const gr_fuse_groups *g, const gr_fuse_outline *o, int v)
{
    for (int u = g->user_at[v]; u < g->user_at[v + 1]; u++)
        if (fuse_outline_find(o, g->graph->nodes[g->user[u]]) >= 0) return true;
    return false;
}

/* Finds what is read outside, and leaves out what is not read at all: gates that are repeated
 * elsewhere, and views, which are made again outside from what they view. */
static void fuse_find_outputs(const gr_fuse_groups *g, int a, int b, gr_fuse_outline *o)
{
    for (int k = 0; k < o->n; k++) {
        const int v = o->member[k]->id, group = g->group[v];
        o->out[k] = (group == a || group == b) && fuse_read_outside(g, v, a, b);
    }
    for (int k = o->n - 1; k >= 0; k--) {
        const gr_node *node = o->member[k];
        const bool view = gr_fused_is_view(node);
        const int source = view ? fuse_outline_find(o, node->in[0]) : -1;
        if (o->out[k] && source >= 0) o->out[source] = true;
        if (view) o->out[k] = false;
        if (o->out[k] || fuse_read_inside(g, o, node->id)) {
            o->n_gates += !view;
            o->n_out += o->out[k];
            continue;
        }
        o->n--;
        memmove(&o->member[k], &o->member[k + 1], (size_t)(o->n - k) * sizeof *o->member);
        memmove(&o->out[k], &o->out[k + 1], (size_t)(o->n - k) * sizeof *o->out);
    }
}

static bool fuse_count_inputs(gr_fuse_outline *o)
{
    const gr_node *in[GR_FUSED_INPUTS];
    for (int k = 0; k < o->n; k++) {
        for (int i = 0; i < o->member[k]->n_in; i++) {
            const gr_node *operand = o->member[k]->in[i];
            if (gr_fuse_is_literal(operand) || fuse_outline_find(o, operand) >= 0) continue;
            int at = 0;
            while (at < o->n_in && in[at] != operand) at++;
            if (at < o->n_in) continue;
            if (o->n_in == GR_FUSED_INPUTS) return false;
            in[o->n_in++] = operand;
        }
    }
    return true;
}

bool gr_fuse_outline_of(const gr_fuse_groups *g, int a, int b, gr_fuse_outline *o)
{
    o->n = o->n_gates = o->n_in = o->n_out = 0;
    if (g->size[a] + (a == b ? 0 : g->size[b]) > GR_FUSED_GATES) return false;
    fuse_list_members(g, a, b, o);
    if (!fuse_add_repeated(g, o)) return false;
    fuse_find_outputs(g, a, b, o);
    return o->n_out <= GR_FUSED_OUTPUTS && fuse_count_inputs(o);
}

/* ---- Emission -------------------------------------------------------------------------------- */

typedef struct fuse_emission {
    const gr_fuse_groups *groups;
    gr_graph *to;
    gr_node **map;   /* by old id: the node in the new graph */
    gr_node **inner; /* by old id: the node in the body under construction */
} fuse_emission;

static gr_node *fuse_copy(fuse_emission *e, const gr_node *old, gr_graph *to, gr_node **map)
{
    gr_node *few[8] = {NULL}, **in = few;
    if ((size_t)old->n_in > GR_LEN(few)) in = gr_alloc_array((size_t)old->n_in, sizeof *in);
    if (!in) return gr_build_fail(e->to, GR_NO_MEMORY, old->op->name, "out of memory");
    for (int i = 0; i < old->n_in; i++) in[i] = map[old->in[i]->id];
    gr_node *node = gr_rebuild(to, old, in);
    if (in != few) gr_free(in);
    return node;
}

/* What stands in the body for an operand from outside. */
static gr_node *fuse_inner_operand(gr_graph *body, const gr_node *operand, int n_in)
{
    if (gr_fuse_is_literal(operand)) return gr_rebuild(body, operand, NULL);
    char name[16];
    snprintf(name, sizeof name, "i%d", n_in);
    return gr_input(body, name, operand->out[0].dtype, operand->out[0].shape);
}

/* Fills the body with the members of `o`; in[] are the old nodes behind its inputs. */
static void fuse_fill_body(fuse_emission *e, gr_graph *body, const gr_fuse_outline *o, gr_node **in,
                           gr_node **inner_in, gr_node **inner_out)
{
    int n_in = 0, n_out = 0;
    for (int k = 0; k < o->n; k++) {
        const gr_node *member = o->member[k];
        for (int i = 0; i < member->n_in; i++) {
            gr_node *operand = member->in[i], **inner = &e->inner[operand->id];
            if (*inner) continue;
            *inner = fuse_inner_operand(body, operand, n_in);
            if (gr_fuse_is_literal(operand)) continue;
            in[n_in] = operand;
            inner_in[n_in++] = *inner;
        }
        e->inner[member->id] = fuse_copy(e, member, body, e->inner);
        if (o->out[k]) inner_out[n_out++] = e->inner[member->id];
    }
    for (int k = 0; k < o->n; k++) { /* the next body starts with none */
        const gr_node *member = o->member[k];
        for (int i = 0; i < member->n_in; i++) e->inner[member->in[i]->id] = NULL;
        e->inner[member->id] = NULL;
    }
}

/* Name and place for plans: those of the last output. false when memory is out. */
static bool fuse_label(gr_node *node, const gr_node *last)
{
    gr_arena *arena = &node->graph->arena;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): some output is the last */
    const char *name = node->n_out == 1 ? last->name : NULL;
    if (name) node->name = gr_arena_strdup(arena, name);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the same */
    if (last->place) node->place = gr_arena_strdup(arena, last->place);
    if (last->composite) node->composite = gr_arena_strdup(arena, last->composite);
    return !((name && !node->name) || (last->place && !node->place) ||
             (last->composite && !node->composite));
}

static void fuse_emit_fused(fuse_emission *e, const gr_fuse_outline *o)
{
    gr_node *in[GR_FUSED_INPUTS], *inner_in[GR_FUSED_INPUTS], *inner_out[GR_FUSED_OUTPUTS];
    gr_graph *inner = gr_graph_new();
    if (!inner) {
        gr_build_fail(e->to, GR_NO_MEMORY, "fused", "out of memory");
        return;
    }
    fuse_fill_body(e, inner, o, in, inner_in, inner_out);
    if (inner->status != GR_OK)
        gr_build_fail(e->to, inner->status, "fused", "%s", gr_graph_message(inner));
    const gr_body *body = gr_graph_adopt(e->to, inner, inner_in, o->n_in, inner_out, o->n_out);
    if (!body) {
        gr_build_fail(e->to, GR_NO_MEMORY, "fused", "out of memory");
        return;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): filled with the body */
    for (int i = 0; i < o->n_in; i++) in[i] = e->map[in[i]->id];
    gr_node *fused = gr_fused(e->to, body, in);
    if (gr_is_error(fused)) return;
    int output = 0;
    const gr_node *last = NULL;
    for (int k = 0; k < o->n; k++) {
        if (!o->out[k]) continue;
        last = o->member[k];
        e->map[last->id] = gr_get(fused, output++);
    }
    if (!fuse_label(fused, last)) gr_build_fail(e->to, GR_NO_MEMORY, "fused", "out of memory");
}

/* The gates of a group, as far as anybody reads them. Views cost nothing: they are made again
 * outside of bodies where what they view is there. */
static void fuse_emit_gates(fuse_emission *e, int group)
{
    const gr_fuse_groups *g = e->groups;
    gr_fuse_outline o;
    gr_fuse_outline_of(g, group, group, &o);
    if (o.n_gates > 1) {
        fuse_emit_fused(e, &o);
    } else {
        for (int k = 0; k < o.n; k++)
            e->map[o.member[k]->id] = fuse_copy(e, o.member[k], e->to, e->map);
    }
    for (int v = g->head[group]; v >= 0; v = g->next[v]) {
        const gr_node *view = g->graph->nodes[v];
        if (gr_fused_is_view(view) && e->map[view->in[0]->id])
            e->map[v] = fuse_copy(e, view, e->to, e->map);
    }
}

static void fuse_emit_group(fuse_emission *e, int group)
{
    const gr_node *first = e->groups->graph->nodes[e->groups->head[group]];
    if (gr_fused_is_gate(first)) {
        fuse_emit_gates(e, group);
    } else { /* never merges */
        e->map[first->id] = fuse_copy(e, first, e->to, e->map);
    }
}

gr_status gr_fuse_emit(const gr_fuse_groups *g, gr_unit *unit)
{
    const size_t n = (size_t)g->n;
    fuse_emission e = {.groups = g, .to = gr_graph_new()};
    e.map = gr_alloc_array(n, sizeof *e.map);
    e.inner = gr_alloc_array(n, sizeof *e.inner);
    gr_status status = e.to && e.map && e.inner ? GR_OK : GR_NO_MEMORY;
    for (int p = 0; p < g->n && status == GR_OK; p++) {
        if (g->order[p] < 0) continue;
        fuse_emit_group(&e, g->order[p]);
        status = e.to->status;
        if (status != GR_OK) gr_fail(status, "%s", gr_graph_message(e.to));
    }
    if (status == GR_OK) {
        for (int i = 0; i < unit->n; i++) unit->targets[i] = e.map[unit->targets[i]->id];
        gr_graph_free(unit->graph);
        unit->graph = e.to;
    } else {
        gr_graph_free(e.to);
    }
    gr_free(e.map);
    gr_free(e.inner);
    return status;
}
