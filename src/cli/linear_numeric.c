/* gradus linear: descent by the numerical gradient, which is the analytic one's measure: two
 * evaluations of the loss for each parameter. The optimiser's gates are those of the analytic
 * gradient: Σ w·g, with g given, has the gradient g. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/stop.h"

#include <gradus/check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct descent_work {
    const cli_linear *linear;
    int64_t n; /* parameters: W, then b */
    double *p, *g;
    double *x;                      /* the batch, in f64 */
    int64_t batch, evaluations, of; /* evaluations of this update, and how many it takes */
    double done;                    /* share of all updates */
    double updates;
    gr_graph *graph;
    gr_program *loss, *both; /* loss alone; and its analytic gradient */
    gr_session *evaluate, *differentiate;
} descent_work;

/* ---- The loss as a function of a vector ------------------------------------------------------ */

static gr_status descent_compile(descent_work *work)
{
    const cli_linear *const linear = work->linear;
    const int64_t rows = linear->rows, size = linear->size, split = rows * size;
    const gr_compile_options compile = {.size = sizeof compile, .threads = linear->threads};
    work->graph = gr_graph_new();
    gr_node *p = gr_input(work->graph, "p", GR_F64, GR_SHAPE(work->n));
    gr_node *x = gr_input(work->graph, "x", GR_F64, GR_SHAPE(work->batch, size));
    gr_node *y = gr_input(work->graph, "y", GR_I32, GR_SHAPE(work->batch));
    gr_node *w = gr_slice(p, (int64_t[]){0}, &split, NULL);
    gr_node *b = gr_slice(p, &split, &work->n, NULL);
    gr_node *scores = gr_add(gr_matmul_t(x, false, gr_reshape(w, GR_SHAPE(rows, size)), true), b);
    gr_node *targets[2] = {cli_linear_loss(linear, cli_linear_pad(linear, scores), y), NULL};
    gr_status status = gr_grad(targets[0], &p, 1, &targets[1]);
    if (status == GR_OK) status = gr_compile(work->graph, targets, 1, &compile, &work->loss);
    if (status == GR_OK) status = gr_compile(work->graph, targets, 2, &compile, &work->both);
    if (status == GR_OK) status = gr_session_new(work->loss, NULL, NULL, &work->evaluate);
    if (status == GR_OK) status = gr_session_new(work->both, NULL, NULL, &work->differentiate);
    return status;
}

static gr_status descent_bind(const descent_work *work, const gr_program *program,
                              gr_session *session, const int32_t *labels)
{
    const struct {
        const char *name;
        const void *data;
    } inputs[] = {{"p", work->p}, {"x", work->x}, {"y", labels}};
    gr_status status = GR_OK;
    for (int i = 0; i < 3 && status == GR_OK; i++) {
        const int input = gr_program_find_input(program, inputs[i].name);
        const gr_tensor type = gr_program_input_type(program, input);
        status = gr_session_bind(session, input, inputs[i].data, gr_tensor_bytes(&type));
    }
    return status;
}

/* The vector is where the session reads it. */
static gr_status descent_loss(void *user, const double *p, int64_t n, double *value)
{
    descent_work *const work = user;
    (void)p;
    (void)n;
    gr_status status = gr_session_step(work->evaluate);
    if (status != GR_OK) return status;
    if (work->evaluations++ % 64 == 0) {
        const double share = (double)work->evaluations / (double)work->of;
        cli_linear_show(work->linear, "numerical gradient", work->done + share / work->updates);
    }
    if (cli_stop_wanted()) return GR_CANCELLED;
    return gr_session_read(work->evaluate, 0, value, sizeof *value);
}

/* ---- Both gradients -------------------------------------------------------------------------- */

static gr_status descent_differences(descent_work *work)
{
    const cli_args *args = work->linear->args;
    const bool forward = strcmp(cli_text(args, "difference"), "forward") == 0;
    work->evaluations = 0;
    work->of = forward ? work->n + 1 : 2 * work->n;
    return gr_numeric_gradient(
        descent_loss, work, work->p, work->n,
        GR_NUMERIC(.difference = forward ? GR_DIFFERENCE_FORWARD : GR_DIFFERENCE_CENTRAL,
                   .step = cli_real(args, "step-size")),
        work->g);
}

/* How far apart the two are, |n − a| / (|n| + |a|), and what each costs. */
static gr_status descent_compare(descent_work *work, cli_linear_numeric *numeric, double seconds)
{
    double *analytic = cli_alloc((size_t)work->n, sizeof *analytic);
    const double begin = cli_clock();
    gr_status status = gr_session_step(work->differentiate);
    numeric->analytic_seconds = cli_clock() - begin;
    if (status == GR_OK)
        status =
            gr_session_read(work->differentiate, 1, analytic, (size_t)work->n * sizeof *analytic);
    double apart = 0, a = 0, n = 0;
    for (int64_t i = 0; i < work->n && status == GR_OK; i++) {
        apart += (work->g[i] - analytic[i]) * (work->g[i] - analytic[i]);
        a += analytic[i] * analytic[i];
        n += work->g[i] * work->g[i];
    }
    free(analytic);
    numeric->evaluations = work->evaluations;
    numeric->seconds = seconds;
    numeric->error = apart > 0 ? sqrt(apart) / (sqrt(a) + sqrt(n)) : 0;
    return status;
}

/* ---- Updates --------------------------------------------------------------------------------- */

typedef struct descent_update {
    gr_store *store;
    gr_graph *graph;
    gr_scope *scope;
    gr_program *program;
    gr_session *session;
} descent_update;

/* The optimiser on variables of its own, whose gradient is the input "g". */
static gr_status descent_optimizer(const descent_work *work, descent_update *update)
{
    const cli_linear *const linear = work->linear;
    const gr_init zero = {.kind = GR_INIT_CONSTANT};
    const gr_shape shapes[] = {GR_SHAPE(linear->rows, linear->size), GR_SHAPE(linear->rows)};
    gr_node *targets[16], *loss = NULL;
    const gr_compile_options compile = {.size = sizeof compile, .threads = linear->threads};
    update->store = gr_store_new();
    update->graph = gr_graph_new();
    update->scope = gr_scope_new(update->graph, update->store, NULL);
    for (int i = 0; i < 2; i++) {
        gr_node *p = gr_param(update->scope, i ? "b" : "W", shapes[i], zero, 1, 1);
        gr_node *g = gr_input(update->graph, i ? "g_b" : "g_W", GR_F32, shapes[i]);
        gr_node *sum = gr_sum(gr_mul(p, g), GR_ALL);
        loss = loss ? gr_add(loss, sum) : sum;
    }
    gr_status status = gr_minimize(update->scope, loss, &linear->optimizer);
    if (status != GR_OK) return status;
    const int n = gr_scope_updates(update->scope);
    for (int i = 0; i < n; i++) targets[i] = gr_scope_update_node(update->scope, i);
    status = gr_compile(update->graph, targets, n, &compile, &update->program);
    if (status == GR_OK)
        status = gr_session_new(update->program, update->store, NULL, &update->session);
    return status;
}

static void descent_update_free(descent_update *update)
{
    gr_session_free(update->session);
    gr_program_free(update->program);
    gr_scope_free(update->scope);
    gr_graph_free(update->graph);
    gr_store_free(update->store);
}

/* Hands the gradient to the optimiser, and takes the parameters as they are after it. */
static gr_status descent_apply(const descent_work *work, const descent_update *update, float *room)
{
    const size_t split = (size_t)(work->linear->rows * work->linear->size);
    const size_t n = (size_t)work->n, bytes = sizeof *room;
    for (size_t i = 0; i < n; i++) room[i] = (float)work->g[i];
    const int w = gr_program_find_input(update->program, "g_W");
    const int b = gr_program_find_input(update->program, "g_b");
    gr_status status = gr_session_write(update->session, w, room, split * bytes);
    if (status == GR_OK)
        status = gr_session_write(update->session, b, room + split, (n - split) * bytes);
    if (status == GR_OK) status = gr_session_step(update->session);
    if (status == GR_OK) status = gr_store_read(update->store, "W", room, split * bytes);
    if (status == GR_OK)
        status = gr_store_read(update->store, "b", room + split, (n - split) * bytes);
    for (size_t i = 0; i < n && status == GR_OK; i++) work->p[i] = (double)room[i];
    return status;
}

static gr_status descent_step(cli_linear *linear, descent_work *work, const gr_batch *batch,
                              cli_linear_way *way, double begin)
{
    const float *from = batch->x.data;
    double loss;
    for (int64_t i = 0; i < work->batch * linear->size; i++) work->x[i] = (double)from[i];
    gr_status status = descent_bind(work, work->loss, work->evaluate, batch->y.data);
    if (status == GR_OK)
        status = descent_bind(work, work->both, work->differentiate, batch->y.data);
    if (status == GR_OK) status = descent_loss(work, work->p, work->n, &loss);
    const double before = cli_clock();
    if (status == GR_OK) status = descent_differences(work);
    if (status == GR_OK && way->steps == 0)
        status = descent_compare(work, &linear->numeric, cli_clock() - before);
    if (status == GR_OK) cli_linear_note(&way->curve, cli_clock() - begin, loss);
    return status;
}

static gr_status descent_run(cli_linear *linear, cli_linear_way *way, descent_work *work,
                             const descent_update *update, gr_loader *loader)
{
    float *room = cli_alloc((size_t)work->n, sizeof *room);
    const int64_t split = linear->rows * linear->size;
    const int64_t epochs = cli_linear_epochs(linear), steps = cli_int(linear->args, "steps");
    const double limit =
        cli_given(linear->args, "seconds") ? cli_real(linear->args, "seconds") : INFINITY;
    const int64_t all = steps ? steps : epochs * gr_loader_batches(loader);
    const double begin = cli_clock();
    gr_batch batch;
    gr_status status = cli_linear_get(linear, way->model, room, room + split);
    if (status == GR_OK)
        status = gr_store_write(update->store, "W", room, (size_t)split * sizeof *room);
    if (status == GR_OK)
        status =
            gr_store_write(update->store, "b", room + split, (size_t)linear->rows * sizeof *room);
    for (int64_t i = 0; i < work->n; i++) work->p[i] = (double)room[i];
    work->updates = (double)all;
    while (status == GR_OK && way->steps < all && way->seconds < limit) {
        if (!gr_loader_next(loader, &batch)) continue;
        work->done = (double)way->steps / (double)all;
        status = descent_step(linear, work, &batch, way, begin);
        if (status == GR_OK) status = descent_apply(work, update, room);
        way->steps++;
        way->seconds = cli_clock() - begin;
    }
    if (status == GR_OK) status = cli_linear_put(linear, way->model, room, room + split);
    free(room);
    return status;
}

gr_status cli_linear_differences(cli_linear *linear, cli_linear_way *way)
{
    const int64_t all = gr_dataset_size(linear->train);
    descent_work work = {.linear = linear,
                         .n = linear->rows * (linear->size + 1),
                         .batch = way->batch ? way->batch : all};
    descent_update update = {0};
    gr_loader *loader;
    if (work.batch > all) work.batch = all;
    gr_status status =
        gr_loader_new(linear->train,
                      GR_LOADER(.batch = work.batch, .shuffle = true, .seed = linear->seed,
                                .drop_last = true, .normalizer = &linear->normalizer),
                      &loader);
    if (status != GR_OK) return status;
    work.p = cli_alloc((size_t)work.n, 2 * sizeof *work.p);
    work.g = work.p + work.n;
    work.x = cli_alloc((size_t)(work.batch * linear->size), sizeof *work.x);
    status = descent_compile(&work);
    if (status == GR_OK) status = descent_optimizer(&work, &update);
    if (status == GR_OK) status = descent_run(linear, way, &work, &update, loader);
    descent_update_free(&update);
    gr_session_free(work.evaluate);
    gr_session_free(work.differentiate);
    gr_program_free(work.loss);
    gr_program_free(work.both);
    gr_graph_free(work.graph);
    gr_loader_free(loader);
    free(work.p);
    free(work.x);
    return status;
}
