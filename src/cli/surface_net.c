/* gradus surface: the loss of a net over a plane of its parameters. */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/dataset.h"
#include "cli/net.h"
#include "cli/out.h"
#include "cli/surface.h"

#include <gradus/surface.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NET_EXAMPLES = 100 }; /* unless told otherwise, if there are so many */

/* What all grounds of a net share; the last one to go frees it. */
typedef struct net_shared {
    int users;
    cli_net net;
    gr_dataset *data;
    gr_tensor x, y; /* the examples, shuffled, as the net's inputs */
    gr_surface *plane;
    int params;
    char **name; /* [params] */
} net_shared;

/* The loss of so many rows, or with its gradient by the parameters. */
typedef struct net_program {
    int64_t rows;
    gr_program *program;
    gr_session *session;
} net_program;

typedef struct net_ground {
    cli_surface *surface;
    net_shared *shared;
    net_program value, slope, some; /* the last two made when they are asked for */
    int64_t batch;                  /* rows of `some` */
    int64_t next;                   /* first example of the next mini-batch */
    void **gradient;                /* [params] */
} net_ground;

/* ---- Programs ------------------------------------------------------------------------------- */

static int net_loss_kind(const cli_args *args, const cli_net *net)
{
    const char *word = cli_text(args, "loss");
    if (word) return gr_loss_find(word);
    return net->model ? (int)gr_model_loss(net->model) : GR_LOSS_SOFTMAX;
}

/* The loss that is asked for, with the penalty. */
static gr_node *net_loss(const cli_args *args, const cli_net *net, const cli_net_graph *g)
{
    gr_node *loss = g->loss && !cli_given(args, "loss")
                        ? g->loss
                        : cli_net_loss(g->output, (gr_loss_kind)net_loss_kind(args, net));
    gr_node *penalty = gr_penalty(g->scope, GR_OPTIMIZER(.l2 = cli_real(args, "l2")));
    return penalty ? gr_add(loss, penalty) : loss;
}

static gr_status net_compile(const cli_args *args, cli_net_graph *g, gr_node *loss, bool slope,
                             gr_program **program)
{
    const int params = gr_scope_params(g->scope);
    gr_node **wrt = cli_alloc((size_t)params + 1, sizeof *wrt);
    gr_node **targets = cli_alloc((size_t)params + 1, sizeof *targets);
    gr_status status = GR_OK;
    targets[0] = loss;
    for (int i = 0; i < params; i++) wrt[i] = gr_scope_param(g->scope, i);
    if (slope) status = gr_grad(loss, wrt, params, targets + 1);
    const gr_compile_options options = {.size = sizeof options,
                                        .threads = (int)cli_int(args, "threads")};
    if (status == GR_OK)
        status = gr_compile(g->graph, targets, slope ? 1 + params : 1, &options, program);
    free(wrt);
    free(targets);
    return status;
}

static gr_status net_open(const net_ground *ground, int64_t rows, bool slope, net_program *out)
{
    const net_shared *const shared = ground->shared;
    const cli_args *const args = ground->surface->args;
    cli_net_graph g;
    out->rows = rows;
    gr_status status = cli_net_build(&shared->net, GR_EVAL, rows, &g);
    if (status == GR_OK)
        status = net_compile(args, &g, net_loss(args, &shared->net, &g), slope, &out->program);
    cli_net_graph_clear(&g);
    if (status == GR_OK)
        status = gr_session_new(out->program, shared->net.store, NULL, &out->session);
    return status;
}

static void net_close(net_program *program)
{
    gr_session_free(program->session);
    gr_program_free(program->program);
    *program = (net_program){0};
}

/* Lets the program see the examples from `first` on, where they lie. */
static gr_status net_bind(const net_shared *shared, const net_program *program, int64_t first)
{
    const gr_tensor *const all[] = {&shared->x, &shared->y};
    static const char *const names[] = {"x", "y"};
    gr_status status = GR_OK;
    for (int i = 0; i < 2 && status == GR_OK; i++) {
        const int input = gr_program_find_input(program->program, names[i]);
        if (input < 0) continue; /* the loss does not depend on it */
        const size_t each = gr_tensor_bytes(all[i]) / (size_t)all[i]->shape.dim[0];
        status = gr_session_bind(program->session, input,
                                 (const char *)all[i]->data + (size_t)first * each,
                                 (size_t)program->rows * each);
    }
    return status;
}

/* ---- Computing ------------------------------------------------------------------------------ */

static gr_status net_value(void *user, double *loss)
{
    const net_ground *const ground = user;
    gr_status status = gr_surface_step(ground->value.session, loss);
    return status == GR_OK ? cli_surface_proceed(ground->surface) : status;
}

static gr_status net_grid(void *user, const double *x, int columns, const double *y, int rows,
                          double *values)
{
    const net_ground *const ground = user;
    return gr_surface_grid(ground->shared->plane, net_value, user, x, columns, y, rows, values);
}

/* A step of `program`: loss, and its slopes along the two directions. */
static gr_status net_step(const net_ground *ground, const net_program *program, double *loss,
                          double slope[2])
{
    const net_shared *const shared = ground->shared;
    gr_status status = gr_surface_step(program->session, loss);
    for (int i = 0; i < shared->params && status == GR_OK; i++) {
        const gr_tensor type = gr_program_output_type(program->program, 1 + i);
        status =
            gr_session_read(program->session, 1 + i, ground->gradient[i], gr_tensor_bytes(&type));
    }
    if (status == GR_OK)
        gr_surface_slope(shared->plane, (const void *const *)ground->gradient, slope);
    return status;
}

/* Mini-batches take the shuffled examples in turn; a rest smaller than a batch is left out. */
static gr_status net_step_some(net_ground *ground, double slope[2])
{
    double loss;
    if (ground->next + ground->batch > ground->value.rows) ground->next = 0;
    gr_status status = net_bind(ground->shared, &ground->some, ground->next);
    ground->next += ground->batch;
    return status == GR_OK ? net_step(ground, &ground->some, &loss, slope) : status;
}

static gr_status net_prepare_slope(net_ground *ground, bool some)
{
    net_program *const program = some ? &ground->some : &ground->slope;
    if (program->session) return GR_OK;
    gr_status status = net_open(ground, some ? ground->batch : ground->value.rows, true, program);
    if (status == GR_OK) status = net_bind(ground->shared, program, 0);
    if (ground->gradient) return status;
    ground->gradient = cli_alloc((size_t)ground->shared->params, sizeof *ground->gradient);
    for (int i = 0; i < ground->shared->params && status == GR_OK; i++) {
        const gr_tensor type = gr_program_output_type(program->program, 1 + i);
        ground->gradient[i] = cli_alloc(1, gr_tensor_bytes(&type));
    }
    return status;
}

/* The value is that of all examples, also where the slope is that of some. */
static gr_status net_slope(void *user, const double at[2], bool some, double *value,
                           double slope[2])
{
    net_ground *const ground = user;
    gr_status status = net_prepare_slope(ground, some);
    if (status == GR_OK) status = gr_surface_move(ground->shared->plane, at[0], at[1]);
    if (status == GR_OK)
        status =
            some ? net_step_some(ground, slope) : net_step(ground, &ground->slope, value, slope);
    if (status == GR_OK && some) status = gr_surface_step(ground->value.session, value);
    return status == GR_OK ? cli_surface_proceed(ground->surface) : status;
}

static void net_release(net_shared *shared)
{
    if (--shared->users > 0) return;
    gr_surface_free(shared->plane);
    for (int i = 0; shared->name && i < shared->params; i++) free(shared->name[i]);
    free(shared->name);
    gr_tensor_clear(&shared->x);
    gr_tensor_clear(&shared->y);
    gr_dataset_free(shared->data);
    cli_net_close(&shared->net);
    free(shared);
}

static void net_free(void *user)
{
    net_ground *const ground = user;
    net_shared *const shared = ground->shared;
    net_close(&ground->value);
    net_close(&ground->slope);
    net_close(&ground->some);
    for (int i = 0; ground->gradient && i < shared->params; i++) free(ground->gradient[i]);
    free(ground->gradient);
    free(ground);
    net_release(shared);
}

/* ---- Examples ------------------------------------------------------------------------------- */

static int net_open_data(const cli_args *args, net_shared *shared)
{
    cli_net *const net = &shared->net;
    const char *const *names = net->model ? gr_model_class_names(net->model) : NULL;
    const int classes = net->model ? gr_model_classes(net->model) : 0;
    char text[128], other[128];
    int code = cli_open_data(args, cli_text(args, "data"), names, classes, &shared->data, NULL);
    if (code != CLI_YES) return code;
    if (net->model) {
        gr_status status = gr_model_fits(net->model, shared->data);
        return status == GR_OK ? CLI_YES : cli_failed(status);
    }
    const gr_shape shape = gr_dataset_shape(shared->data);
    if (net->input.rank == 0) net->input = shape;
    if (gr_shape_equal(net->input, shape)) return CLI_YES;
    return cli_bad("the examples of %s are %s, but --input says %s", gr_dataset_name(shared->data),
                   gr_shape_print(shape, text, sizeof text),
                   gr_shape_print(net->input, other, sizeof other));
}

static gr_status net_copy(const gr_tensor *from, gr_tensor *to)
{
    gr_status status = gr_tensor_new(from->dtype, from->shape, to);
    if (status == GR_OK) memcpy(to->data, from->data, gr_tensor_bytes(from));
    return status;
}

/* The first `rows` of the shuffled training part, normalised. */
static gr_status net_load(const cli_args *args, net_shared *shared, int64_t rows)
{
    const gr_model *const model = shared->net.model;
    const gr_normalizer *normalizer = model ? gr_model_normalizer(model) : NULL;
    const gr_normalize kind = (gr_normalize)gr_normalize_find(cli_text(args, "normalize"));
    gr_normalizer learnt = {0};
    gr_loader *loader = NULL;
    gr_batch batch;
    gr_status status = GR_OK;
    if (!model && kind != GR_NORMALIZE_NONE && gr_dataset_dtype(shared->data) != GR_I32) {
        status = gr_normalizer_learn(kind, shared->data, &learnt);
        normalizer = &learnt;
    }
    if (status == GR_OK)
        status = gr_loader_new(shared->data,
                               GR_LOADER(.batch = rows, .shuffle = true, .seed = shared->net.seed,
                                         .normalizer = normalizer, .synchronous = true,
                                         .preprocess = model ? gr_model_preprocess(model) : NULL),
                               &loader);
    if (status == GR_OK) {
        if (gr_loader_next(loader, &batch)) {
            status = net_copy(&batch.x, &shared->x);
            if (status == GR_OK) status = net_copy(&batch.y, &shared->y);
        } else {
            status = gr_loader_status(loader);
        }
    }
    gr_loader_free(loader);
    gr_normalizer_clear(&learnt);
    return status;
}

/* "1,100" of --examples. */
static int net_read_counts(const cli_surface *surface, const net_shared *shared, int64_t *count,
                           int *n)
{
    const char *const text = cli_text(surface->args, "examples");
    const int64_t all = gr_dataset_size(shared->data);
    *n = 0;
    if (!cli_given(surface->args, "examples")) {
        count[(*n)++] = all < NET_EXAMPLES ? all : NET_EXAMPLES;
        return CLI_YES;
    }
    for (const char *at = text;;) {
        char *end;
        const long long value = strtoll(at, &end, 10);
        if (end == at || value < 1 || value > 1000000 || (*end && *end != ','))
            return cli_bad("--examples: '%s' is no list of whole numbers from 1, as in 1,100",
                           text);
        if (*n == CLI_SURFACE_GROUNDS)
            return cli_bad("--examples: '%s' has more than %d values", text, CLI_SURFACE_GROUNDS);
        if (value > all)
            return cli_bad("--examples: %s has only %" PRId64, gr_dataset_name(shared->data), all);
        count[(*n)++] = value;
        if (!*end) return CLI_YES;
        at = end + 1;
    }
}

/* ---- The net -------------------------------------------------------------------------------- */

static int net_check_scores(const cli_args *args, const net_shared *shared, const cli_net_graph *g)
{
    char text[128];
    if (g->loss && !cli_given(args, "loss")) return CLI_YES;
    if (!cli_net_has_scores(g))
        return cli_bad("the net gives %s for one example: a loss needs a row of at least two "
                       "scores for each",
                       gr_shape_print(gr_node_shape(g->output), text, sizeof text));
    if (gr_dataset_classes(shared->data) == cli_net_classes(g)) return CLI_YES;
    return cli_bad("the net gives %" PRId64 " scores, but %s has %d classes", cli_net_classes(g),
                   gr_dataset_name(shared->data), gr_dataset_classes(shared->data));
}

static gr_status net_make_plane(const cli_args *args, net_shared *shared)
{
    const bool filter = strcmp(cli_text(args, "directions"), "filter") == 0;
    return gr_surface_new(
        shared->net.store,
        GR_SURFACE(.names = (const char *const *)shared->name, .n = shared->params,
                   .directions = filter ? GR_DIRECTIONS_FILTER : GR_DIRECTIONS_NORMAL,
                   .seed = shared->net.seed),
        &shared->plane);
}

static void net_describe(cli_surface *surface, const net_shared *shared, const cli_net_graph *g)
{
    const bool own = g->loss && !cli_given(surface->args, "loss");
    const int kind = net_loss_kind(surface->args, &shared->net);
    const char *const loss = own ? "own" : gr_loss_name((gr_loss_kind)kind);
    const char *const data = gr_dataset_name(shared->data);
    int64_t elements = 0;
    for (int i = 0; i < shared->params; i++)
        elements += gr_shape_count(gr_node_shape(gr_scope_param(g->scope, i)));
    surface->title = cli_format("%s loss, %s", loss, data);
    surface->subject = cli_format("%s loss of %" PRId64 " parameters on %s, %s directions", loss,
                                  elements, data, cli_text(surface->args, "directions"));
}

/* Makes the parameters of a text, by building it once, and the plane through them. */
static int net_span(cli_surface *surface, net_shared *shared)
{
    cli_net_graph g;
    gr_status status = cli_net_build(&shared->net, GR_EVAL, 1, &g);
    int code = status == GR_OK ? net_check_scores(surface->args, shared, &g) : cli_failed(status);
    if (code == CLI_YES && gr_scope_params(g.scope) == 0)
        code = cli_bad("the net has no parameters: its loss is one number");
    if (code == CLI_YES) {
        shared->params = gr_scope_params(g.scope);
        shared->name = cli_alloc((size_t)shared->params, sizeof *shared->name);
        for (int i = 0; i < shared->params; i++)
            shared->name[i] = cli_format("%s", gr_node_name(gr_scope_param(g.scope, i)));
        net_describe(surface, shared, &g);
        status = net_make_plane(surface->args, shared);
        if (status != GR_OK) code = cli_failed(status);
    }
    cli_net_graph_clear(&g);
    return code;
}

static int net_add_ground(cli_surface *surface, net_shared *shared, int64_t count)
{
    net_ground *ground = cli_alloc(1, sizeof *ground);
    *ground = (net_ground){.surface = surface, .shared = shared};
    ground->batch = cli_int(surface->args, "batch");
    if (ground->batch > count) ground->batch = count;
    shared->users++;
    surface->ground[surface->grounds++] =
        (cli_ground){.examples = count,
                     .title = cli_format("%" PRId64 " example%s", count, count == 1 ? "" : "s"),
                     .grid = net_grid,
                     .slope = net_slope,
                     .free = net_free,
                     .user = ground};
    gr_status status = net_open(ground, count, false, &ground->value);
    if (status == GR_OK) status = net_bind(shared, &ground->value, 0);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int net_fill(cli_surface *surface, net_shared *shared)
{
    int64_t count[CLI_SURFACE_GROUNDS], most = 0;
    int n;
    int code = cli_net_open(surface->args, &shared->net);
    if (code == CLI_YES && !shared->net.store && !(shared->net.store = gr_store_new()))
        code = cli_fault(CLI_ENVIRONMENT, "out of memory");
    if (code == CLI_YES) code = net_open_data(surface->args, shared);
    if (code == CLI_YES) code = net_read_counts(surface, shared, count, &n);
    if (code == CLI_YES) code = net_span(surface, shared);
    if (code != CLI_YES) return code;
    for (int i = 0; i < n; i++) most = count[i] > most ? count[i] : most;
    gr_status status = net_load(surface->args, shared, most);
    if (status != GR_OK) return cli_failed(status);
    for (int i = 0; i < n && code == CLI_YES; i++) code = net_add_ground(surface, shared, count[i]);
    return code;
}

int cli_surface_net(cli_surface *surface)
{
    net_shared *shared = cli_alloc(1, sizeof *shared);
    *shared = (net_shared){.users = 1}; /* this function, while it is filled */
    surface->axis[0] = "a";
    surface->axis[1] = "b";
    for (int i = 0; i < 2; i++) {
        surface->low[i] = -1;
        surface->high[i] = 1;
    }
    surface->points = 61;
    const int code = net_fill(surface, shared);
    net_release(shared);
    return code;
}
