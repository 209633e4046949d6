/* gradus fit: a net with one hidden layer, fitted to a function of one number. */
#include "cli/fit.h"

#include "cli/out.h"
#include "cli/stop.h"

#include <gradus/layers.h>
#include <gradus/losses.h>
#include <gradus/optim.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_CHUNK = 100 }; /* steps between looks at the wish to stop */

/* The interval becomes [−1, 1], the function mean 0 and deviation 1. */
typedef struct fit_net_scales {
    double middle, half, mean, deviation;
} fit_net_scales;

static fit_net_scales fit_net_measure(const cli_fit *job)
{
    const int n = CLI_FIT_FINE;
    fit_net_scales s = {.middle = (job->from + job->to) / 2, .half = (job->to - job->from) / 2};
    double squares = 0;
    for (int i = 0; i < n; i++) s.mean += job->y[i] / n;
    for (int i = 0; i < n; i++) squares += (job->y[i] - s.mean) * (job->y[i] - s.mean) / n;
    s.deviation = squares > 0 ? sqrt(squares) : 1;
    return s;
}

static gr_node *fit_net_build(gr_scope *scope, gr_node *x, int width, const char *activation)
{
    gr_node *h = gr_dense(scope, "hidden", x, GR_DENSE(.units = width));
    h = strcmp(activation, "relu") == 0   ? gr_relu(h)
        : strcmp(activation, "tanh") == 0 ? gr_tanh(h)
                                          : gr_sigmoid(h);
    return gr_dense(scope, "out", h, GR_DENSE(.units = 1));
}

/* Each unit begins with its step (or corner) in the middle of one of as many equal parts of the
 * interval as there are units, upwards and downwards by turns: with zero biases all would begin at
 * 0. Steps are as steep as they are narrow. The weights of the output are drawn. */
static gr_status fit_net_spread(gr_store *store, int width, bool corners)
{
    float *weight = cli_alloc((size_t)width, sizeof *weight);
    float *bias = cli_alloc((size_t)width, sizeof *bias);
    for (int i = 0; i < width; i++) {
        const double at = (2 * i + 1.) / width - 1, slope = corners ? 1 : 1 + width / 4.0;
        weight[i] = (float)(i % 2 ? -slope : slope);
        bias[i] = (float)(-(double)weight[i] * at);
    }
    const size_t bytes = (size_t)width * sizeof *weight;
    gr_status status = gr_store_write(store, "hidden/weight", weight, bytes);
    if (status == GR_OK) status = gr_store_write(store, "hidden/bias", bias, bytes);
    free(weight);
    free(bias);
    return status;
}

/* ---- Training -------------------------------------------------------------------------------- */

typedef struct fit_net_data {
    float *x, *y; /* of the training, scaled */
    int64_t n;
} fit_net_data;

static fit_net_data fit_net_points(const cli_fit *job, const fit_net_scales *s)
{
    const int64_t n = cli_int(job->args, "points");
    fit_net_data data = {.n = n};
    data.x = cli_alloc((size_t)n, sizeof *data.x);
    data.y = cli_alloc((size_t)n, sizeof *data.y);
    for (int64_t i = 0; i < n; i++) {
        /* The nearest of the fine points: there the function is known. */
        const int64_t at = i * (CLI_FIT_FINE - 1) / (n - 1);
        data.x[i] = (float)((job->x[at] - s->middle) / s->half);
        data.y[i] = (float)((job->y[at] - s->mean) / s->deviation);
    }
    return data;
}

static gr_status fit_net_steps(gr_session *session, int64_t steps)
{
    for (int64_t done = 0; done < steps && !cli_stop_wanted(); done += FIT_CHUNK) {
        const int64_t left = steps - done;
        gr_status status = gr_session_steps(session, left < FIT_CHUNK ? left : FIT_CHUNK);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

static gr_status fit_net_run(gr_scope *scope, gr_store *store, gr_node *loss,
                             const fit_net_data *data, int64_t steps, int threads)
{
    const int n = gr_scope_updates(scope);
    gr_node **targets = cli_alloc((size_t)n + 1, sizeof(gr_node *));
    gr_program *program = NULL;
    gr_session *session = NULL;
    const gr_compile_options options = {.size = sizeof options, .threads = threads};
    targets[0] = loss;
    for (int i = 0; i < n; i++) targets[i + 1] = gr_scope_update_node(scope, i);
    gr_status status = gr_compile(gr_scope_graph(scope), targets, n + 1, &options, &program);
    if (status == GR_OK) status = gr_session_new(program, store, NULL, &session);
    const size_t bytes = (size_t)data->n * sizeof(float);
    if (status == GR_OK)
        status = gr_session_write(session, gr_program_find_input(program, "x"), data->x, bytes);
    if (status == GR_OK)
        status = gr_session_write(session, gr_program_find_input(program, "y"), data->y, bytes);
    if (status == GR_OK) status = fit_net_steps(session, steps);
    gr_session_free(session);
    gr_program_free(program);
    free(targets);
    return status;
}

static gr_status fit_net_train(const cli_fit *job, const fit_net_scales *s, gr_store *store,
                               cli_fitted *net)
{
    const cli_args *args = job->args;
    const uint64_t seed = (uint64_t)cli_int(args, "seed");
    const int64_t steps = cli_int(args, "steps");
    const char *activation = cli_text(args, "activation");
    fit_net_data data = fit_net_points(job, s);
    gr_graph *graph = gr_graph_new();
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = seed};
    gr_scope *scope = graph ? gr_scope_new(graph, store, &options) : NULL;
    gr_status status = scope ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK) {
        gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(data.n, 1));
        gr_node *y = gr_input(graph, "y", GR_F32, GR_SHAPE(data.n, 1));
        gr_node *loss = gr_mse(fit_net_build(scope, x, net->width, activation), y, NULL);
        for (int i = 0; i < gr_scope_params(scope); i++)
            net->parameters += gr_shape_count(gr_node_shape(gr_scope_param(scope, i)));
        status = fit_net_spread(store, net->width, strcmp(activation, "relu") == 0);
        if (status == GR_OK)
            status =
                gr_minimize(scope, loss,
                            GR_OPTIMIZER(.kind = GR_ADAM, .rate = cli_real(args, "rate"),
                                         .schedule = {.kind = GR_SCHEDULE_COSINE, .total = steps}));
        if (status == GR_OK)
            status = fit_net_run(scope, store, loss, &data, steps, (int)cli_int(args, "threads"));
    }
    gr_scope_free(scope);
    gr_graph_free(graph);
    free(data.x);
    free(data.y);
    return status;
}

/* ---- The result ------------------------------------------------------------------------------ */

static gr_status fit_net_evaluate(const cli_fit *job, const fit_net_scales *s, gr_store *store,
                                  cli_fitted *net)
{
    const int n = CLI_FIT_FINE;
    float *x = cli_alloc((size_t)n, sizeof *x);
    gr_tensor out = {0};
    for (int i = 0; i < n; i++) x[i] = (float)((job->x[i] - s->middle) / s->half);
    gr_graph *graph = gr_graph_new();
    gr_scope *scope = graph ? gr_scope_new(graph, store, NULL) : NULL;
    gr_status status = scope ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK) {
        gr_node *y = fit_net_build(scope, gr_input(graph, "x", GR_F32, GR_SHAPE(n, 1)), net->width,
                                   cli_text(job->args, "activation"));
        const gr_feed feed = {"x", x};
        status = gr_evaluate(graph, &y, 1, &feed, 1, store, &out);
    }
    for (int i = 0; i < n && status == GR_OK; i++) {
        net->net[i] = (double)((const float *)out.data)[i] * s->deviation + s->mean;
        net->net_error = fmax(net->net_error, fabs(net->net[i] - job->y[i]));
    }
    gr_tensor_clear(&out);
    gr_scope_free(scope);
    gr_graph_free(graph);
    free(x);
    return status;
}

int cli_fit_net(const cli_fit *job, cli_fitted *net)
{
    const fit_net_scales scales = fit_net_measure(job);
    gr_store *store = gr_store_new();
    gr_status status = store ? fit_net_train(job, &scales, store, net) : GR_NO_MEMORY;
    if (status == GR_OK && !cli_stop_wanted()) status = fit_net_evaluate(job, &scales, store, net);
    gr_store_free(store);
    if (status != GR_OK) return cli_failed(status);
    if (cli_stop_wanted())
        return cli_fault(CLI_INTERRUPTED, "stopped at the net of %d hidden units", net->width);
    if (!isfinite(net->net_error))
        return cli_fault(CLI_NO,
                         "the net of %d hidden units gives no numbers; a smaller --rate may "
                         "help",
                         net->width);
    return CLI_YES;
}
