/* What a net is made of: its graph's gates, those of a layer taken together. */
#include "graph/graph.h"
#include "ops/attention.h"
#include "ops/matmul.h"
#include "ops/scan.h"
#include "train/groups.h"

/* Examples in the graph that is described: batch norm refuses to train on one. */
#define SUMMARY_ROWS 2

/* A described net and the arena of its texts. */
typedef struct summary {
    gr_net_info info; /* first: what the caller holds */
    gr_arena arena;
    int *edge; /* the layers' inputs, one layer's after another's */
    size_t edges, edge_capacity;
} summary;

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

static gr_status summary_add(summary *s, const gr_group *group, size_t first_edge)
{
    const gr_shape shape = summary_shape(group->last);
    gr_layer_info *to = &s->info.layers[s->info.count];
    to->name = gr_arena_strdup(&s->arena, group->name);
    to->kind = gr_arena_strdup(&s->arena, group->kind);
    if (!to->name || !to->kind) return GR_NO_MEMORY;
    to->output = shape;
    to->multiply_adds /= SUMMARY_ROWS;
    to->inputs = (int)(s->edges - first_edge);
    to->bytes = (size_t)gr_shape_count(shape) * gr_dtype_size(gr_node_dtype(group->last));
    s->info.count++;
    s->info.parameters += to->parameters;
    s->info.multiply_adds += to->multiply_adds;
    s->info.bytes += to->bytes;
    return GR_OK;
}

/* Notes which layers, or the input, gate `node` of the layer under way reads. */
static gr_status summary_edges(summary *s, const gr_node *node, const int *owner, size_t first)
{
    const int now = s->info.count;
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *in = node->in[i];
        const bool input = strcmp(in->op->name, "input") == 0;
        const int from = input ? -1 : owner[in->id];
        size_t e = first;
        if (!input && (from < 0 || from == now)) continue;
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
    if (!at) return; /* a net of constants: no layer reads another */
    for (int i = 0; i < s->info.count; i++) {
        s->info.layers[i].input = at;
        at += s->info.layers[i].inputs;
    }
}

static gr_status summary_walk(summary *s, const gr_model_graph *g, const gr_groups *groups)
{
    size_t first_edge = 0;
    s->info.layers = gr_alloc_array((size_t)groups->n + 1, sizeof *s->info.layers);
    if (!s->info.layers) return GR_NO_MEMORY;
    for (int p = 0; p < gr_scope_params(g->scope); p++)
        if (groups->reader[p] >= 0)
            s->info.layers[groups->reader[p]].parameters +=
                gr_shape_count(gr_node_shape(gr_scope_param(g->scope, p)));
    for (int id = 0; id < gr_graph_size(g->graph); id++) {
        const gr_node *node = gr_graph_node(g->graph, id);
        const int now = groups->owner[id];
        if (now < 0) continue;
        s->info.layers[now].multiply_adds += summary_work(node);
        GR_TRY(summary_edges(s, node, groups->owner, first_edge));
        if (node != groups->group[now].last) continue;
        GR_TRY(summary_add(s, &groups->group[now], first_edge));
        first_edge = s->edges;
    }
    summary_hand_out_edges(s);
    return GR_OK;
}

static gr_status summary_fill(summary *s, const gr_model *model)
{
    gr_model_graph g;
    gr_groups groups = {0};
    gr_status status = gr_model_build_net(model, NULL, GR_TRAIN, SUMMARY_ROWS, &g);
    if (status == GR_OK) status = gr_groups_make(&g, &groups);
    if (status == GR_OK) status = summary_walk(s, &g, &groups);
    s->info.input = model->input;
    gr_groups_clear(&groups);
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
