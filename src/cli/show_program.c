/* The graph of a net and the program compiled from it. */
#include "cli/out.h"
#include "cli/plan.h"
#include "cli/show.h"

#include <inttypes.h>
#include <stdlib.h>

/* What a step computes. */
typedef struct show_targets {
    gr_node **node;
    int count;
} show_targets;

/* The scores, or the loss and the updates of a training step. */
static int show_gather(const cli_args *args, const cli_net *net, const cli_net_graph *g,
                       show_targets *targets)
{
    char text[128];
    if (!cli_flag(args, "train")) {
        targets->node = cli_alloc(1, sizeof *targets->node);
        targets->node[targets->count++] = g->output;
        return CLI_YES;
    }
    if (!g->loss && !cli_net_has_scores(g))
        return cli_bad("--train: the net gives %s for %" PRId64 " examples: a loss needs a row of "
                       "at least two scores for each",
                       gr_shape_print(gr_node_shape(g->output), text, sizeof text),
                       gr_node_shape(g->x).dim[0]);
    gr_node *loss = g->loss;
    if (!loss)
        loss = cli_net_loss(g->output, net->model ? gr_model_loss(net->model) : GR_LOSS_SOFTMAX);
    gr_status status = gr_minimize(g->scope, loss, GR_OPTIMIZER(.kind = GR_ADAM));
    if (status != GR_OK) return cli_failed(status);
    int updates = gr_scope_updates(g->scope);
    targets->node = cli_alloc((size_t)updates + 1, sizeof *targets->node);
    targets->node[targets->count++] = loss;
    for (int i = 0; i < updates; i++)
        targets->node[targets->count++] = gr_scope_update_node(g->scope, i);
    return CLI_YES;
}

static int show_plan(const cli_args *args, gr_graph *graph, const show_targets *targets)
{
    gr_program *program;
    const gr_compile_options options = {.size = sizeof options,
                                        .threads = (int)cli_int(args, "threads"),
                                        .exact = cli_flag(args, "exact")};
    gr_status status = gr_compile(graph, targets->node, targets->count, &options, &program);
    if (status != GR_OK) return cli_failed(status);
    int code = cli_plan_print(program, cli_flag(args, "json"));
    gr_program_free(program);
    return code;
}

static int show_print(const cli_args *args, const cli_net_graph *g, const show_targets *targets)
{
    char *text = NULL;
    if (cli_flag(args, "plan")) return show_plan(args, g->graph, targets);
    gr_status status = cli_flag(args, "graph")
                           ? gr_graph_print(g->graph, targets->node, targets->count, &text)
                           : gr_graph_dot(g->graph, targets->node, targets->count, &text);
    if (status != GR_OK) return cli_failed(status);
    cli_print_text(text);
    gr_text_release(text);
    return CLI_YES;
}

int show_program(const cli_args *args, const cli_net *net)
{
    cli_net_graph g;
    show_targets targets = {0};
    bool train = cli_flag(args, "train");
    int64_t rows = cli_given(args, "batch") ? cli_int(args, "batch") : train ? 64 : 1;
    gr_status status = cli_net_build(net, train ? GR_TRAIN : GR_EVAL, rows, &g);
    int code = status == GR_OK ? show_gather(args, net, &g, &targets) : cli_failed(status);
    if (code == CLI_YES) code = show_print(args, &g, &targets);
    free(targets.node);
    cli_net_graph_clear(&g);
    return code;
}
