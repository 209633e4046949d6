/* The gradient check of a net with its loss, on a small batch. */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/check.h"
#include "cli/dataset.h"
#include "cli/net.h"
#include "cli/out.h"
#include "cli/values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CHECK_NET_SAMPLES = 10, CHECK_NO_LOSS = -1, CHECK_OWN_LOSS = -2 };

/* Deviation of the noise on real examples. Within an even background every maximum is a tie, where
 * the gradient by a pixel is one of many and says nothing about its rule. */
static const double check_noise = 0.01;

/* The batch that the net is checked on. */
typedef struct check_batch {
    gr_dataset *data; /* NULL: random */
    gr_tensor x, y;   /* as the net's inputs */
} check_batch;

static void check_batch_clear(check_batch *batch)
{
    gr_dataset_free(batch->data);
    gr_tensor_clear(&batch->x);
    gr_tensor_clear(&batch->y);
}

/* ---- The batch ------------------------------------------------------------------------------ */

/* Opens the data, which give the shape of an example if nothing else does. */
static int check_open_data(const cli_args *args, cli_net *net, check_batch *batch)
{
    char text[128], other[128];
    const char *name = cli_text(args, "data");
    if (!name) {
        if (net->input.rank > 0) return CLI_YES;
        return cli_bad("which shape does an example have? --input 1,28,28 tells it, or --data");
    }
    const char *const *names = net->model ? gr_model_class_names(net->model) : NULL;
    int classes = net->model ? gr_model_classes(net->model) : 0;
    int code = cli_open_data(args, name, names, classes, &batch->data, NULL);
    if (code != CLI_YES) return code;
    gr_shape shape = gr_dataset_shape(batch->data);
    if (net->input.rank == 0) net->input = shape;
    if (!gr_shape_equal(net->input, shape))
        return cli_bad("the examples of %s are %s, but the net takes %s", name,
                       gr_shape_print(shape, text, sizeof text),
                       gr_shape_print(net->input, other, sizeof other));
    if (gr_dataset_size(batch->data) < cli_int(args, "rows"))
        return cli_bad("--rows: %s has only %" PRId64 " examples", name,
                       gr_dataset_size(batch->data));
    return CLI_YES;
}

static gr_status check_copy(const gr_tensor *from, gr_tensor *to)
{
    gr_status status = gr_tensor_new(from->dtype, from->shape, to);
    if (status == GR_OK) memcpy(to->data, from->data, gr_tensor_bytes(from));
    return status;
}

static gr_status check_add_noise(gr_tensor *x, uint64_t seed)
{
    gr_tensor noise;
    gr_status status = cli_draw(GR_F32, x->shape, "noise", seed, &noise);
    if (status != GR_OK) return status;
    for (int64_t i = 0; i < gr_shape_count(x->shape); i++)
        ((float *)x->data)[i] += (float)(check_noise * gr_tensor_at(&noise, i));
    gr_tensor_clear(&noise);
    return GR_OK;
}

/* The first batch of the shuffled data, normalised as the model does, or to mean 0, deviation 1. */
static gr_status check_load(const cli_args *args, const cli_net *net, check_batch *batch)
{
    gr_normalizer learnt = {0};
    gr_loader *loader = NULL;
    gr_batch first;
    const gr_normalizer *normalizer = net->model ? gr_model_normalizer(net->model) : NULL;
    gr_status status = GR_OK;
    if (!normalizer && gr_dataset_dtype(batch->data) != GR_I32) {
        status = gr_normalizer_learn(GR_NORMALIZE_STANDARD, batch->data, &learnt);
        normalizer = &learnt;
    }
    if (status == GR_OK)
        status = gr_loader_new(batch->data,
                               GR_LOADER(.batch = cli_int(args, "rows"), .shuffle = true,
                                         .seed = net->seed, .normalizer = normalizer,
                                         .synchronous = true),
                               &loader);
    if (status == GR_OK && gr_loader_next(loader, &first)) {
        status = check_copy(&first.x, &batch->x);
        if (status == GR_OK) status = check_copy(&first.y, &batch->y);
        if (status == GR_OK && batch->x.dtype == GR_F32)
            status = check_add_noise(&batch->x, net->seed);
    } else if (status == GR_OK) {
        status = gr_loader_status(loader);
    }
    gr_loader_free(loader);
    gr_normalizer_clear(&learnt);
    return status;
}

/* The first `classes` whole numbers, over and over. */
static gr_status check_count(gr_shape shape, int64_t classes, gr_tensor *to)
{
    gr_status status = gr_tensor_new(GR_I32, shape, to);
    for (int64_t i = 0; status == GR_OK && i < gr_shape_count(shape); i++)
        ((int32_t *)to->data)[i] = (int32_t)(i % classes);
    return status;
}

/* Normal numbers or, of a net that takes tokens, the classes in turn, as which tokens are taken
 * where one is told from others; and the classes in turn. */
static gr_status check_draw(const cli_net_graph *g, int loss, uint64_t seed, check_batch *batch)
{
    gr_shape shape = gr_node_shape(g->x), labels = GR_SHAPE(shape.dim[0]);
    int64_t classes = 1;
    if (g->y) {
        labels = gr_node_shape(g->y);
        classes = cli_net_has_scores(g) ? cli_net_classes(g) : 2;
    } else if (loss != CHECK_NO_LOSS) {
        classes = cli_net_classes(g);
        labels = gr_node_shape(g->output);
        labels.rank--;
    }
    gr_status status = gr_node_dtype(g->x) == GR_F32 ? cli_draw(GR_F32, shape, "x", seed, &batch->x)
                                                     : check_count(shape, classes, &batch->x);
    return status == GR_OK ? check_count(labels, classes, &batch->y) : status;
}

/* ---- The loss ------------------------------------------------------------------------------- */

/* The loss as asked for, or the one that suits. */
static int check_loss(const cli_args *args, const cli_net *net, const cli_net_graph *g)
{
    const char *word = cli_text(args, "loss");
    if (word) return strcmp(word, "none") == 0 ? CHECK_NO_LOSS : gr_loss_find(word);
    if (g->loss) return CHECK_OWN_LOSS;
    if (net->model) return (int)gr_model_loss(net->model);
    return cli_net_has_scores(g) ? GR_LOSS_SOFTMAX : CHECK_NO_LOSS;
}

static int check_refuse_scores(const cli_net_graph *g, const check_batch *batch)
{
    char text[128];
    gr_shape shape = gr_node_shape(g->output);
    if (!cli_net_has_scores(g))
        return cli_bad("the net gives %s for %" PRId64 " examples: a loss needs a row of at least "
                       "two scores for each; --loss none checks the output itself",
                       gr_shape_print(shape, text, sizeof text), gr_node_shape(g->x).dim[0]);
    if (batch->data && gr_dataset_classes(batch->data) != cli_net_classes(g))
        return cli_bad("the net gives %" PRId64 " scores, but %s has %d classes",
                       cli_net_classes(g), gr_dataset_name(batch->data),
                       gr_dataset_classes(batch->data));
    return CLI_YES;
}

/* ---- The check ------------------------------------------------------------------------------ */

/* Tokens have no gradient. */
static bool check_by_input(const cli_net_graph *g)
{
    return gr_dtype_is_float(gr_node_dtype(g->x));
}

static char *check_title(const cli_net_graph *g, const check_batch *batch, int loss)
{
    int64_t parameters = 0, rows = gr_node_shape(g->x).dim[0];
    const char *of = loss == CHECK_NO_LOSS ? "the output, summed with random weights," : "the ";
    for (int i = 0; i < gr_scope_params(g->scope); i++)
        parameters += gr_shape_count(gr_node_shape(gr_scope_param(g->scope, i)));
    return cli_format(
        "Gradient of %s%s%s of %" PRId64 " %s%s by %s%" PRId64 " parameters, in f64%s.", of,
        loss < 0 ? "" : gr_loss_name((gr_loss_kind)loss),
        loss == CHECK_NO_LOSS    ? ""
        : loss == CHECK_OWN_LOSS ? "net's own loss"
                                 : " loss",
        rows, batch->data ? "examples of " : "random examples",
        batch->data ? gr_dataset_name(batch->data) : "", check_by_input(g) ? "the input and " : "",
        parameters,
        batch->data && check_by_input(g) ? "; noise of 0.01 breaks the ties of equal pixels" : "");
}

static gr_status check_compare(const cli_args *args, const cli_net *net, const cli_net_graph *g,
                               gr_node *y, const check_batch *batch, gr_check_report *report)
{
    gr_check_options options = cli_check_options(args, CHECK_NET_SAMPLES);
    gr_feed feeds[] = {{"x", batch->x.data}, {"y", batch->y.data}};
    int params = gr_scope_params(g->scope);
    gr_node **wrt = cli_alloc((size_t)params + 1, sizeof(gr_node *));
    int n = 0;
    if (check_by_input(g)) wrt[n++] = g->x;
    for (int i = 0; i < params; i++) wrt[n++] = gr_scope_param(g->scope, i);
    gr_status status = gr_check(y, wrt, n, feeds, 2, net->store, &options, report);
    free(wrt);
    return status;
}

static int check_graph(const cli_args *args, const cli_net *net, const cli_net_graph *g,
                       check_batch *batch)
{
    gr_check_report report;
    int loss = check_loss(args, net, g), code;
    if (!gr_dtype_is_float(gr_node_dtype(g->output)))
        return cli_bad("the net gives values of type %s, which have no gradient",
                       gr_dtype_name(gr_node_dtype(g->output)));
    if (loss >= 0 && (code = check_refuse_scores(g, batch)) != CLI_YES) return code;
    gr_node *y = loss == CHECK_OWN_LOSS  ? g->loss
                 : loss == CHECK_NO_LOSS ? cli_weighted_sum(g->output, net->seed)
                                         : cli_net_loss(g->output, (gr_loss_kind)loss);
    gr_status status =
        batch->data ? check_load(args, net, batch) : check_draw(g, loss, net->seed, batch);
    if (status == GR_OK) status = check_compare(args, net, g, y, batch, &report);
    if (status == GR_UNSUPPORTED) return cli_bad("%s", gr_message());
    if (status != GR_OK) return cli_failed(status);
    char *title = check_title(g, batch, loss);
    code = cli_check_conclude(args, title, &report);
    free(title);
    return code;
}

int cli_check_net(const cli_args *args)
{
    cli_net net;
    cli_net_graph g = {0};
    check_batch batch = {0};
    if (!cli_given(args, "net") && cli_operands(args) > 1)
        return cli_bad("'%s' is too much: a model has no values to give", cli_operand(args, 1));
    int code = cli_net_open(args, &net);
    if (code == CLI_YES && !net.model && !(net.store = gr_store_new()))
        code = cli_fault(CLI_ENVIRONMENT, "out of memory");
    if (code == CLI_YES) code = check_open_data(args, &net, &batch);
    if (code == CLI_YES) {
        gr_status status = cli_net_build(&net, GR_TRAIN, cli_int(args, "rows"), &g);
        code = status == GR_OK ? check_graph(args, &net, &g, &batch) : cli_failed(status);
    }
    cli_net_graph_clear(&g);
    check_batch_clear(&batch);
    cli_net_close(&net);
    return code;
}
