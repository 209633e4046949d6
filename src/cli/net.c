#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/net.h"

#include "cli/gates.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/recipe.h"
#include "cli/spool.h"

#include <gradus/lang.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Opening -------------------------------------------------------------------------------- */

bool cli_is_model(const char *path)
{
    static const char ending[] = ".safetensors";
    size_t length = strlen(path), n = sizeof ending - 1;
    unsigned char head[10] = {0};
    if (length > n && strcmp(path + length - n, ending) == 0) return true;
    FILE *file = fopen(cli_spool(path), "rb");
    if (!file) return false;
    /* The length of a header, of which only the low bytes are not 0, and the JSON's first two. */
    bool model = cli_read(head, sizeof head, file) == sizeof head && head[7] == 0 && head[6] == 0 &&
                 head[5] == 0 && head[8] == '{' && head[9] == '"';
    fclose(file);
    return model;
}

static int net_open_text(const cli_args *args, cli_net *net)
{
    const char *input = cli_text(args, "input"), *text = cli_text(args, "net");
    if (cli_given(args, "net") && cli_operands(args) > 0)
        return cli_bad("--net gives the net: '%s' is too much", cli_operand(args, 0));
    if (input && !cli_read_shape(input, &net->input))
        return cli_bad("--input: '%s' is no shape: sizes above 0 with commas between, as 1,28,28",
                       input);
    return cli_read_net(text ? text : cli_operand(args, 0), &net->text, &net->source);
}

static int net_open_model(const char *path, cli_net *net)
{
    gr_status status = gr_model_load(cli_spool(path), GR_MODEL(.gates = cli_gates()), &net->model);
    if (status != GR_OK) return cli_failed(status);
    net->text = cli_format("%s", gr_model_net(net->model));
    net->source = path;
    net->input = gr_model_input(net->model);
    net->store = gr_model_store(net->model);
    return CLI_YES;
}

int cli_net_open(const cli_args *args, cli_net *net)
{
    *net = (cli_net){.seed = (uint64_t)cli_int(args, "seed")};
    if (cli_given(args, "net") || cli_is_net_file(cli_operand(args, 0)))
        return net_open_text(args, net);
    if (cli_given(args, "input")) return cli_bad("--input belongs to --net; a model knows its own");
    return net_open_model(cli_operand(args, 0), net);
}

void cli_net_close(cli_net *net)
{
    if (!net->model) gr_store_free(net->store);
    gr_model_free(net->model);
    free(net->text);
    *net = (cli_net){0};
}

/* ---- Graphs --------------------------------------------------------------------------------- */

static gr_status net_build(const cli_net *net, const gr_expr *expr, gr_dtype dtype, gr_mode mode,
                           int64_t rows, cli_net_graph *out)
{
    gr_scope_options options = {.size = sizeof options, .mode = mode, .seed = net->seed};
    gr_shape shape = {.rank = net->input.rank + 1, .dim = {rows}};
    for (int i = 0; i < net->input.rank && i + 1 < GR_MAX_RANK; i++)
        shape.dim[i + 1] = net->input.dim[i];
    *out = (cli_net_graph){.graph = gr_graph_new()};
    out->scope = out->graph ? gr_scope_new(out->graph, net->store, &options) : NULL;
    if (!out->scope) return GR_NO_MEMORY;
    out->x = gr_input(out->graph, "x", dtype, shape);
    const int loss = gr_expr_loss(expr), result = gr_expr_result(expr);
    if (loss >= 0) out->y = gr_input(out->graph, "y", GR_I32, GR_SHAPE(rows));
    gr_binding bindings[] = {{"x", out->x}, {"y", out->y}};
    gr_expr_env env = {.size = sizeof env,
                       .dtype = GR_F32,
                       .bindings = bindings,
                       .n_bindings = out->y ? 2 : 1,
                       .scope = out->scope,
                       .gates = cli_gates()};
    if (loss < 0) return gr_expr_build(expr, out->graph, &env, &out->output);
    gr_node **values = cli_alloc((size_t)gr_expr_statements(expr), sizeof *values);
    gr_status status = gr_expr_build_all(expr, out->graph, &env, values);
    out->output = values[result];
    out->loss = values[loss];
    free(values);
    return status;
}

gr_status cli_net_build(const cli_net *net, gr_mode mode, int64_t rows, cli_net_graph *out)
{
    gr_expr *expr;
    gr_dtype dtype = net->model && gr_model_tokens(net->model) ? GR_I32 : GR_F32;
    *out = (cli_net_graph){0};
    gr_status status = gr_expr_parse(net->text, net->source, &expr);
    if (status != GR_OK) return status;
    status = net_build(net, expr, dtype, mode, rows, out);
    if (status == GR_DTYPE && !net->model) { /* a net of tokens, or one at fault */
        cli_net_graph_clear(out);
        status = net_build(net, expr, GR_I32, mode, rows, out);
        if (status != GR_OK) {
            cli_net_graph_clear(out);
            status = net_build(net, expr, GR_F32, mode, rows, out);
        }
    }
    gr_expr_free(expr);
    return status;
}

void cli_net_graph_clear(cli_net_graph *graph)
{
    gr_scope_free(graph->scope);
    gr_graph_free(graph->graph);
    *graph = (cli_net_graph){0};
}

bool cli_net_has_scores(const cli_net_graph *graph)
{
    gr_shape shape = gr_node_shape(graph->output);
    gr_shape x = gr_node_shape(graph->x);
    bool tokens = gr_node_dtype(graph->x) == GR_I32;
    bool one = shape.rank == 2, each = tokens && shape.rank == 3 && shape.dim[1] == x.dim[1];
    return (one || each) && shape.dim[0] == x.dim[0] && shape.dim[shape.rank - 1] > 1;
}

int64_t cli_net_classes(const cli_net_graph *graph)
{
    gr_shape shape = gr_node_shape(graph->output);
    return shape.dim[shape.rank - 1];
}

gr_node *cli_net_loss(gr_node *scores, gr_loss_kind kind)
{
    gr_shape shape = gr_node_shape(scores), labels = shape;
    labels.rank--;
    gr_node *y = gr_input(gr_node_graph(scores), "y", GR_I32, labels);
    if (labels.rank > 1) {
        shape = GR_SHAPE(gr_shape_count(labels), shape.dim[labels.rank]);
        scores = gr_reshape(scores, shape);
        y = gr_reshape(y, GR_SHAPE(shape.dim[0]));
    }
    gr_loss_options options = {.size = sizeof options, .squared = kind == GR_LOSS_SQUARED_HINGE};
    if (kind == GR_LOSS_SOFTMAX) return gr_softmax_cross_entropy(scores, y, &options);
    if (kind == GR_LOSS_HINGE || kind == GR_LOSS_SQUARED_HINGE)
        return gr_multiclass_hinge(scores, y, &options);
    gr_node *target = gr_one_hot(y, shape.dim[1], gr_node_dtype(scores));
    if (kind == GR_LOSS_SIGMOID) return gr_sigmoid_cross_entropy(scores, target, &options);
    if (kind == GR_LOSS_MSE) return gr_mse(scores, target, &options);
    if (kind == GR_LOSS_L1) return gr_l1_loss(scores, target, &options);
    return gr_huber(scores, target, &options);
}
