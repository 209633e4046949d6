/* The graphs of single layers, from their texts and the table of their inputs. */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/workloads.h"

#include <gradus/lang.h>
#include <gradus/layers.h>
#include <string.h>

/* ---- Inputs ---------------------------------------------------------------------------------- */

typedef struct layer_input {
    const char *layer, *name;
    gr_dtype dtype;
    bool gradient;
    cli_range range;
    int64_t size[CLI_WORKLOAD_RANK];
    int rank;
} layer_input;

#define LAYER_INPUT(NAME, INPUT, TYPE, GRADIENT, LOW, HIGH, ...)                                   \
    {"op-" #NAME, #INPUT, GR_##TYPE, GRADIENT, {LOW, HIGH}, {__VA_ARGS__}, CLI_SIZES(__VA_ARGS__)},
#define WITH(NAME, INPUT, TYPE, LOW, HIGH, ...)                                                    \
    LAYER_INPUT(NAME, INPUT, TYPE, true, LOW, HIGH, __VA_ARGS__)
#define DATA(NAME, INPUT, TYPE, LOW, HIGH, ...)                                                    \
    LAYER_INPUT(NAME, INPUT, TYPE, false, LOW, HIGH, __VA_ARGS__)
static const layer_input layer_inputs[] = {
#include "cli/workload_ops.def"
};

static const int layer_input_count = (int)(sizeof layer_inputs / sizeof *layer_inputs);

static bool layer_has(const cli_workload *w, const layer_input *in)
{
    return strcmp(in->layer, cli_workload_name(w)) == 0;
}

void cli_workload_range(const cli_workload *w, const char *input, cli_range *range)
{
    for (int i = 0; i < layer_input_count; i++) {
        const layer_input *in = &layer_inputs[i];
        if (layer_has(w, in) && strcmp(in->name, input) == 0) *range = in->range;
    }
}

/* ---- The graph ------------------------------------------------------------------------------- */

enum { LAYER_INPUTS = 8, LAYER_GRADIENTS = 32 }; /* at most */

typedef struct layer_nodes {
    gr_binding input[LAYER_INPUTS];
    int inputs;
    gr_node *wrt[LAYER_GRADIENTS];
    int n;
} layer_nodes;

static void layer_add_input(layer_nodes *nodes, const char *name, gr_node *node, bool gradient)
{
    nodes->input[nodes->inputs++] = (gr_binding){.name = name, .node = node};
    if (gradient) nodes->wrt[nodes->n++] = node;
}

/* x comes first; it is one of the table's if that names it. */
static void layer_add_inputs(const cli_workload *w, gr_graph *graph, layer_nodes *nodes)
{
    for (int i = 0; i < layer_input_count; i++) {
        const layer_input *in = &layer_inputs[i];
        if (!layer_has(w, in)) continue;
        if (nodes->inputs == 0 && strcmp(in->name, "x") != 0)
            layer_add_input(nodes, "x", gr_input(graph, "x", GR_F32, cli_workload_shape(w)), true);
        layer_add_input(nodes, in->name,
                        gr_input(graph, in->name, in->dtype, gr_shape_of(in->rank, in->size)),
                        in->gradient);
    }
    if (nodes->inputs == 0)
        layer_add_input(nodes, "x", gr_input(graph, "x", GR_F32, cli_workload_shape(w)), true);
}

/* The layer's result; the graph keeps a fault of the text. */
static gr_node *layer_result(const cli_workload *w, const layer_nodes *nodes, gr_scope *scope)
{
    const gr_expr_env env = {.size = sizeof env,
                             .dtype = GR_F32,
                             .bindings = nodes->input,
                             .n_bindings = nodes->inputs,
                             .scope = scope};
    gr_expr *expr;
    gr_node *y;
    if (gr_expr_parse(cli_workload_about(w), cli_workload_name(w), &expr) != GR_OK)
        return gr_net(scope, nodes->input[0].node, cli_workload_about(w));
    gr_expr_build(expr, gr_scope_graph(scope), &env, &y);
    gr_expr_free(expr);
    return y;
}

void cli_workload_layer(const cli_workload *w, cli_workload_graph *g)
{
    layer_nodes nodes = {.n = 0};
    gr_node *dx[LAYER_GRADIENTS];
    layer_add_inputs(w, g->graph, &nodes);
    gr_node *y = layer_result(w, &nodes, g->scope);
    gr_node *dy = gr_input(g->graph, "dy", GR_F32, gr_node_shape(y));
    for (int i = 0; i < gr_scope_params(g->scope) && nodes.n < LAYER_GRADIENTS; i++)
        nodes.wrt[nodes.n++] = gr_scope_param(g->scope, i);
    gr_grad(gr_sum(gr_mul(y, dy), GR_ALL), nodes.wrt, nodes.n, dx);
    cli_workload_target(g, y);
    for (int i = 0; i < nodes.n; i++) cli_workload_target(g, dx[i]);
    for (int i = 0; i < gr_scope_updates(g->scope); i++)
        cli_workload_target(g, gr_scope_update_node(g->scope, i));
}
