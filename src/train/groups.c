/* Which gates of a net are a layer: those that were built under one name, one after another. */
#include "train/groups.h"

#include "graph/graph.h"
#include "nn/scope.h"

/* "softmax" of "softmax", "conv" of "conv12". */
static const char *groups_stem(gr_arena *arena, const char *name)
{
    char *stem = gr_arena_strdup(arena, name);
    if (!stem) return NULL;
    for (size_t n = strlen(stem); n > 1 && stem[n - 1] >= '0' && stem[n - 1] <= '9'; n--)
        stem[n - 1] = 0;
    return stem;
}

/* The layer of the scope that gates under the name `composite` (NULL: a single gate) are, of which
 * `last` is the result; NULL: none, or part of a composite of the user's. */
static const gr_scope_layer *groups_layer(const gr_scope *scope, const char *composite,
                                          const gr_node *last)
{
    const gr_scope_layer *layer = composite ? gr_scope_layer_of(scope, last) : NULL;
    if (!layer) return NULL;
    const size_t whole = strlen(layer->name), part = strlen(composite);
    return whole >= part && !strcmp(layer->name + whole - part, composite) ? layer : NULL;
}

static gr_status groups_name(gr_groups *groups, const gr_scope *scope, gr_group *group)
{
    const char *composite = group->last->composite, *op = gr_node_op(group->last);
    const gr_scope_layer *known = groups_layer(scope, composite, group->last);
    const char *name = known ? known->name : group->last->name;
    if (!name) name = composite ? composite : op;
    group->name = gr_arena_strdup(&groups->arena, name);
    group->kind = !known && composite ? groups_stem(&groups->arena, composite)
                                      : gr_arena_strdup(&groups->arena, known ? known->kind : op);
    return group->name && group->kind ? GR_OK : GR_NO_MEMORY;
}

/* A parameter that several layers share counts with the first. */
static void groups_claim(gr_groups *groups, const gr_scope *scope, const gr_node *node, int group)
{
    for (int i = 0; i < node->n_in; i++)
        for (int p = 0; p < gr_scope_params(scope); p++)
            if (gr_scope_param(scope, p) == node->in[i] && groups->reader[p] < 0)
                groups->reader[p] = group;
}

static void groups_walk(gr_groups *groups, const gr_model_graph *g, const bool *needed)
{
    const char *composite = NULL; /* by address: each layer has its own copy */
    for (int id = 0; id < gr_graph_size(g->graph); id++) {
        gr_node *node = gr_graph_node(g->graph, id);
        groups->owner[id] = -1;
        if (!needed[id] || (node->op->flags & (GR_OP_LEAF | GR_OP_EFFECT))) continue;
        if (groups->n == 0 || !node->composite || node->composite != composite) groups->n++;
        composite = node->composite;
        groups->group[groups->n - 1].last = node;
        groups->owner[id] = groups->n - 1;
        groups_claim(groups, g->scope, node, groups->n - 1);
    }
}

gr_status gr_groups_make(const gr_model_graph *g, gr_groups *groups)
{
    *groups = (gr_groups){0};
    const size_t nodes = (size_t)gr_graph_size(g->graph),
                 params = (size_t)gr_scope_params(g->scope);
    bool *needed = gr_graph_needed(g->graph, &g->scores, 1);
    groups->group = gr_arena_alloc(&groups->arena, (nodes + 1) * sizeof *groups->group);
    groups->owner = gr_arena_alloc(&groups->arena, (nodes + 1) * sizeof *groups->owner);
    groups->reader = gr_arena_alloc(&groups->arena, (params + 1) * sizeof *groups->reader);
    gr_status status =
        needed && groups->group && groups->owner && groups->reader ? GR_OK : GR_NO_MEMORY;
    for (size_t i = 0; status == GR_OK && i < params; i++) groups->reader[i] = -1;
    if (status == GR_OK) groups_walk(groups, g, needed);
    for (int i = 0; status == GR_OK && i < groups->n; i++)
        status = groups_name(groups, g->scope, &groups->group[i]);
    gr_free(needed);
    return status;
}

void gr_groups_clear(gr_groups *groups)
{
    gr_arena_free(&groups->arena);
    *groups = (gr_groups){0};
}
