/* What a net is made of: its graph's gates, those of a layer taken together. */
#include "graph/graph.h"
#include "nn/scope.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/scan.h"
#include "train/model.h"

/* Examples in the graph that is described: batch norm refuses to train on one. */
#define SUMMARY_ROWS 2

/* A described net and the arena of its texts. */
typedef struct summary {
    gr_net_info info; /* first: what the caller holds */
    gr_arena arena;
    size_t capacity;
    int *edge; /* the layers' inputs, one layer's after another's */
    size_t edges, edge_capacity;
    int *owner; /* by node: its layer, while the net is walked */
} summary;

/* A layer while its gates are gathered. */
typedef struct summary_layer {
    const char *composite; /* by address: each layer has its own copy. NULL: a single gate */
    const gr_node *last;
    size_t first_edge;
    int64_t parameters, multiply_adds;
} summary_layer;

void gr_net_info_free(gr_net_info *info)
{
    if (!info) return;
    summary *s = (summary *)info;
    gr_free(info->layers);
    gr_free(s->edge);
    gr_arena_free(&s->arena);
    gr_free(s);
}

/* The shape of one example's share of a node, whose first axis is the batch if it has as many
 * rows. */
static gr_shape summary_shape(const gr_node *node)
{
    gr_shape shape = gr_node_shape(node);
    if (shape.rank < 1 || shape.dim[0] != SUMMARY_ROWS) return shape;
    return gr_shape_of(shape.rank - 1, shape.dim + 1);
}

/* Multiply-adds of a contraction: for each element of the result as many as it sums over; of a loop
 * those of its body, as often as it runs. */
static int64_t summary_work(const gr_node *node)
{
    if (!strcmp(node->op->name, "scan")) {
        const gr_scan_view scan = gr_scan_of(node->attr);
        int64_t once = 0;
        for (int id = 0; id < gr_graph_size(scan.body->graph); id++)
            once += summary_work(gr_graph_node(scan.body->graph, id));
        return scan.length * once;
    }
    if (!strcmp(node->op->name, "attention")) { /* what is hidden counts too */
        const gr_attention_geometry g = gr_attention_geometry_of(node);
        return g.batch * g.heads * g.queries * g.keys * (g.depth + g.width);
    }
    int64_t out = gr_shape_count(gr_node_shape(node)), inner = 0;
    if (!strcmp(node->op->name, "matmul")) inner = gr_matmul_geometry_of(node).k;
    if (!strcmp(node->op->name, "conv")) {
        gr_shape weight = gr_node_shape(node->in[1]);
        inner = gr_shape_count(weight) / weight.dim[0];
    }
    return out * inner;
}

/* "softmax" of "softmax", "conv" of "conv12". */
static const char *summary_stem(gr_arena *arena, const char *name)
{
    char *stem = gr_arena_strdup(arena, name);
    if (!stem) return NULL;
    for (size_t n = strlen(stem); n > 1 && stem[n - 1] >= '0' && stem[n - 1] <= '9'; n--)
        stem[n - 1] = 0;
    return stem;
}

/* The layer of the scope that a group of gates is; NULL: none, or part of a composite of the
 * user's. */
static const gr_scope_layer *summary_layer_of(const gr_scope *scope, const summary_layer *group)
{
    const gr_scope_layer *layer = group->composite ? gr_scope_layer_of(scope, group->last) : NULL;
    if (!layer) return NULL;
    const size_t whole = strlen(layer->name), part = strlen(group->composite);
    const bool ends = whole >= part && !strcmp(layer->name + whole - part, group->composite);
    return ends ? layer : NULL;
}

static gr_status summary_add(summary *s, const gr_scope *scope, const summary_layer *layer)
{
    gr_net_info *info = &s->info;
    if (!layer->last) return GR_OK;
    if (!gr_grow(&info->layers, (size_t)info->count, &s->capacity, sizeof *info->layers))
        return GR_NO_MEMORY;
    const gr_scope_layer *known = summary_layer_of(scope, layer);
    const char *op = gr_node_op(layer->last), *name = known ? known->name : layer->last->name;
    if (!name) name = layer->composite ? layer->composite : op;
    gr_shape shape = summary_shape(layer->last);
    gr_layer_info *to = &info->layers[info->count];
    *to = (gr_layer_info){.name = gr_arena_strdup(&s->arena, name),
                          .kind = gr_arena_strdup(&s->arena, known ? known->kind : op),
                          .output = shape,
                          .parameters = layer->parameters,
                          .multiply_adds = layer->multiply_adds / SUMMARY_ROWS,
                          .inputs = (int)(s->edges - layer->first_edge),
                          .bytes = (size_t)gr_shape_count(shape) *
                                   gr_dtype_size(gr_node_dtype(layer->last))};
    if (!known && layer->composite) to->kind = summary_stem(&s->arena, layer->composite);
    if (!to->name || !to->kind) return GR_NO_MEMORY;
    info->count++;
    info->parameters += to->parameters;
    info->multiply_adds += to->multiply_adds;
    info->bytes += to->bytes;
    return GR_OK;
}

/* Counts a trainable variable with the first layer that reads it. */
static int64_t summary_claim(const gr_scope *scope, const gr_node *node, bool *claimed)
{
    int64_t count = 0;
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *in = node->in[i];
        for (int p = 0; p < gr_scope_params(scope); p++) {
            if (gr_scope_param(scope, p) != in || claimed[p]) continue;
            claimed[p] = true;
            count += gr_shape_count(gr_node_shape(in));
        }
    }
    return count;
}

/* Gates that only change the shape within a net's text or recipe show as flatten or reshape; leaves
 * belong to the layer that reads them. */
static bool summary_is_gate(const gr_node *node)
{
    return !(node->op->flags & (GR_OP_LEAF | GR_OP_EFFECT));
}

/* Notes which layers, or the input, gate `node` of the layer under way reads. */
static gr_status summary_edges(summary *s, const gr_node *node, size_t first)
{
    const int now = s->info.count;
    s->owner[node->id] = now;
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *in = node->in[i];
        const bool input = strcmp(in->op->name, "input") == 0;
        const int from = input ? -1 : s->owner[in->id];
        size_t e = first;
        if (!input && ((in->op->flags & GR_OP_LEAF) || from == now)) continue;
        while (e < s->edges && s->edge[e] != from) e++;
        if (e < s->edges) continue;
        if (!gr_grow(&s->edge, s->edges, &s->edge_capacity, sizeof *s->edge)) return GR_NO_MEMORY;
        s->edge[s->edges++] = from;
    }
    return GR_OK;
}

/* The list of edges does not move any more: each layer gets its part. */
static void summary_hand_out_edges(summary *s)
{
    const int *at = s->edge;
    for (int i = 0; i < s->info.count; i++) {
        s->info.layers[i].input = at;
        at += s->info.layers[i].inputs;
    }
}

static gr_status summary_walk(summary *s, const gr_model_graph *g, const bool *needed,
                              bool *claimed)
{
    summary_layer layer = {0};
    for (int id = 0; id < gr_graph_size(g->graph); id++) {
        const gr_node *node = gr_graph_node(g->graph, id);
        if (!needed[id] || !summary_is_gate(node)) continue;
        if (!layer.last || !node->composite || node->composite != layer.composite) {
            GR_TRY(summary_add(s, g->scope, &layer));
            layer = (summary_layer){.composite = node->composite, .first_edge = s->edges};
        }
        layer.last = node;
        layer.parameters += summary_claim(g->scope, node, claimed);
        layer.multiply_adds += summary_work(node);
        GR_TRY(summary_edges(s, node, layer.first_edge));
    }
    GR_TRY(summary_add(s, g->scope, &layer));
    summary_hand_out_edges(s);
    return GR_OK;
}

static gr_status summary_fill(summary *s, const gr_model *model)
{
    gr_model_graph g;
    gr_status status = gr_model_build_net(model, NULL, GR_TRAIN, SUMMARY_ROWS, &g);
    bool *needed = NULL, *claimed = NULL;
    if (status == GR_OK) {
        needed = gr_graph_needed(g.graph, &g.scores, 1);
        claimed = gr_alloc((size_t)gr_scope_params(g.scope) + 1);
        s->owner = gr_alloc_array((size_t)gr_graph_size(g.graph), sizeof *s->owner);
        status =
            needed && claimed && s->owner ? summary_walk(s, &g, needed, claimed) : GR_NO_MEMORY;
    }
    s->info.input = model->input;
    gr_free(s->owner);
    s->owner = NULL;
    gr_free(needed);
    gr_free(claimed);
    gr_model_graph_clear(&g);
    return status;
}

gr_status gr_model_describe(const gr_model *model, gr_net_info **info)
{
    *info = NULL;
    summary *s = gr_alloc(sizeof *s);
    if (!s) return GR_NO_MEMORY;
    gr_status status = summary_fill(s, model);
    if (status == GR_OK)
        *info = &s->info;
    else
        gr_net_info_free(&s->info);
    return status;
}

gr_status gr_net_describe(const char *net, gr_shape input, const gr_gates *gates,
                          gr_net_info **info)
{
    gr_model bare = {.dtype = GR_F32, .input = input, .gates = gates};
    *info = NULL;
    if (!net) return gr_fail(GR_INVALID, "gr_net_describe needs a net");
    if (input.rank < 1 || input.rank >= GR_MAX_RANK || gr_shape_count(input) < 1)
        return gr_fail(GR_SHAPE, "a net's input is %s: should be the shape of one example",
                       gr_shape_text(input));
    GR_TRY(gr_expr_parse(net, "net", &bare.net));
    gr_status status = gr_model_describe(&bare, info);
    if (status == GR_DTYPE) { /* a net of tokens, or one at fault: then that is the message */
        bare.dtype = GR_I32;
        status = gr_model_describe(&bare, info);
        bare.dtype = GR_F32;
        if (status != GR_OK) status = gr_model_describe(&bare, info);
    }
    gr_expr_free(bare.net);
    return status;
}
