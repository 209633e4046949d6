/* Graphs: their life, their one sticky fault, names and places. */
#include "graph/graph.h"

#include <stdio.h>

static gr_type graph_null_type = {.dtype = GR_F32};
static gr_node graph_null_error = {.id = -1, .out = &graph_null_type};

gr_graph *gr_graph_new(void)
{
    gr_graph *graph = gr_alloc(sizeof *graph);
    if (!graph) return NULL;
    graph->error_type.dtype = GR_F32;
    graph->error = (gr_node){.graph = graph, .id = -1, .out = &graph->error_type};
    return graph;
}

void gr_graph_free(gr_graph *graph)
{
    if (!graph) return;
    for (size_t i = 0; i < graph->n_bodies; i++) gr_graph_free(graph->bodies[i]->graph);
    gr_free(graph->bodies);
    gr_free(graph->leaves);
    gr_free(graph->nodes);
    gr_arena_free(&graph->arena);
    gr_free(graph);
}

int gr_graph_size(const gr_graph *graph)
{
    return graph ? (int)graph->count : 0;
}

gr_node *gr_graph_node(const gr_graph *graph, int id)
{
    return graph && id >= 0 && (size_t)id < graph->count ? graph->nodes[id] : NULL;
}

gr_node *gr_graph_find(const gr_graph *graph, const char *name)
{
    if (!graph || !name) return NULL;
    gr_node *leaf = gr_graph_leaf(graph, name);
    if (leaf) return leaf;
    for (size_t i = 0; i < graph->count; i++) {
        const char *other = graph->nodes[i]->name;
        if (other && strcmp(other, name) == 0) return graph->nodes[i];
    }
    return NULL;
}

/* ---- The fault ---------------------------------------------------------------------------- */

gr_status gr_graph_status(const gr_graph *graph)
{
    return graph ? graph->status : GR_NO_MEMORY;
}

const char *gr_graph_message(const gr_graph *graph)
{
    return graph ? graph->message : "out of memory: there is no graph";
}

static void graph_write_message(gr_graph *graph)
{
    const char *open = graph->place[0] ? " (" : "", *close = graph->place[0] ? ")" : "";
    const char *colon = graph->head[0] || graph->place[0] ? ": " : "";
    snprintf(graph->message, sizeof graph->message, "%s%s%s%s%s%s", graph->head, open, graph->place,
             close, colon, graph->detail);
}

gr_node *gr_error_node(gr_graph *graph)
{
    return graph ? &graph->error : &graph_null_error;
}

static gr_node *graph_fault(gr_graph *graph, gr_status status, const char *op, const char *format,
                            va_list args)
{
    if (!graph) return &graph_null_error;
    if (graph->status != GR_OK) { /* the first one stays, and its name is no longer to come */
        if (graph->composite_depth == 0) graph->fault_open = false;
        return &graph->error;
    }
    graph->status = status;
    const char *composite = graph->composite;
    if (composite && op && strcmp(op, composite) == 0) composite = NULL;
    snprintf(graph->head, sizeof graph->head, "%s%s%s", op ? op : "", op && composite ? " in " : "",
             composite ? composite : "");
    vsnprintf(graph->detail, sizeof graph->detail, format, args);
    graph->fault_open = true;
    graph_write_message(graph);
    return &graph->error;
}

gr_node *gr_build_fail(gr_graph *graph, gr_status status, const char *op, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gr_node *error = graph_fault(graph, status, op, format, args);
    va_end(args);
    return error;
}

gr_node *gr_fault(gr_graph *graph, gr_status status, const char *what, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gr_node *error = graph_fault(graph, status == GR_OK ? GR_INVALID : status, what, format, args);
    va_end(args);
    return error;
}

void gr_build_seal(gr_graph *graph)
{
    if (!graph) return;
    graph->placed = graph->count;
    graph->fault_open = false;
    graph->fault_placed = graph->status != GR_OK;
}

static void graph_place_fault(gr_graph *graph, const char *place)
{
    if (graph->status == GR_OK || graph->fault_placed) return;
    graph->fault_placed = true;
    snprintf(graph->place, sizeof graph->place, "%s", place);
    graph_write_message(graph);
}

gr_node *gr_at(gr_node *node, const char *place)
{
    gr_graph *graph = node ? node->graph : NULL;
    if (!graph || !place) return node;
    if (gr_is_error(node)) graph_place_fault(graph, place);
    /* A composite's gates all come from the line that called it. */
    for (; graph->placed < graph->count; graph->placed++) {
        gr_node *made = graph->nodes[graph->placed];
        if (!made->place) made->place = place;
    }
    return node;
}

gr_node *gr_name(gr_node *node, const char *name)
{
    if (!node || !node->graph || !name || !*name) return node;
    gr_graph *graph = node->graph;
    if (!gr_is_error(node)) {
        if (node->name) return node;
        node->name = gr_arena_strdup(&graph->arena, name);
        return node->name ? node
                          : gr_build_fail(graph, GR_NO_MEMORY, node->op->name, "%s",
                                          gr_status_text(GR_NO_MEMORY));
    }
    if (graph->fault_open) {
        size_t used = strlen(graph->head);
        snprintf(graph->head + used, sizeof graph->head - used, "%s'%s'", used ? " " : "", name);
        graph->fault_open = false;
        graph_write_message(graph);
    }
    return node;
}

/* ---- Composites --------------------------------------------------------------------------- */

void gr_composite_begin(gr_graph *graph, const char *name)
{
    if (!graph || graph->composite_depth++ > 0 || !name) return;
    graph->composite = gr_arena_strdup(&graph->arena, name);
    if (!graph->composite) {
        gr_build_fail(graph, GR_NO_MEMORY, name, "%s", gr_status_text(GR_NO_MEMORY));
    }
}

void gr_composite_end(gr_graph *graph)
{
    if (!graph || graph->composite_depth == 0) return;
    if (--graph->composite_depth == 0) graph->composite = NULL;
}
