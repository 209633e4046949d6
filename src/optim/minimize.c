/* Optimisers: each builds, for one parameter and its gradient, the gates of the update. */
#include <stdio.h>

#define GR_NO_PLACES
#include <gradus/optim.h>

#include "base/base.h"

typedef struct optim_run {
    gr_scope *scope;
    const gr_optimizer *o;
    gr_node *rate; /* f32 scalar */
    gr_node *time; /* f64 scalar: steps done with this one, from 1 */
} optim_run;

static const char *const optim_names[] = {"sgd",      "nesterov", "adagrad", "rmsprop",
                                          "adadelta", "adam",     "adamw"};

int gr_optimizer_find(const char *name)
{
    for (size_t i = 0; name && i < GR_LEN(optim_names); i++)
        if (!strcmp(name, optim_names[i])) return (int)i;
    return -1;
}

const char *gr_optimizer_name(gr_optimizer_kind kind)
{
    return (size_t)kind < GR_LEN(optim_names) ? optim_names[kind] : "?";
}

/* The state variable "optim/<what>/<parameter>", zeros at first. */
static gr_node *optim_state(optim_run *run, const char *what, gr_node *w)
{
    char name[512];
    const char *of = gr_node_name(w);
    snprintf(name, sizeof name, "optim/%s/%s", what, of ? of : "");
    return gr_state(run->scope, name, gr_node_dtype(w), gr_node_shape(w), 0);
}

/* v := decay·v + (1−decay)·x */
static gr_node *optim_average(optim_run *run, const char *what, gr_node *w, gr_node *x,
                              double decay)
{
    gr_node *old = optim_state(run, what, w);
    gr_node *new = gr_add(gr_scale(old, decay), gr_scale(x, 1 - decay));
    gr_scope_update(run->scope, old, new);
    return new;
}

static double optim_or(double value, double otherwise)
{
    return value > 0 ? value : otherwise;
}

static gr_node *optim_momentum(optim_run *run, gr_node *w, gr_node *g)
{
    double mu = run->o->momentum;
    if (mu <= 0) return g;
    gr_node *v = optim_state(run, "momentum", w), *new = gr_add(gr_scale(v, mu), g);
    gr_scope_update(run->scope, v, new);
    if (run->o->kind == GR_NESTEROV) return gr_add(g, gr_scale(new, mu));
    return new;
}

static gr_node *optim_adagrad(optim_run *run, gr_node *w, gr_node *g)
{
    gr_node *old = optim_state(run, "squares", w), *sum = gr_add(old, gr_square(g));
    gr_scope_update(run->scope, old, sum);
    return gr_div(g, gr_shift(gr_sqrt(sum), optim_or(run->o->epsilon, 1e-10)));
}

static gr_node *optim_rmsprop(optim_run *run, gr_node *w, gr_node *g)
{
    gr_node *mean = optim_average(run, "squares", w, gr_square(g), optim_or(run->o->beta2, 0.99));
    g = gr_div(g, gr_shift(gr_sqrt(mean), optim_or(run->o->epsilon, 1e-8)));
    return optim_momentum(run, w, g);
}

static gr_node *optim_adadelta(optim_run *run, gr_node *w, gr_node *g)
{
    double rho = optim_or(run->o->beta2, 0.9), epsilon = optim_or(run->o->epsilon, 1e-6);
    gr_node *squares = optim_average(run, "squares", w, gr_square(g), rho);
    gr_node *deltas = optim_state(run, "deltas", w);
    gr_node *step =
        gr_mul(g, gr_sqrt(gr_div(gr_shift(deltas, epsilon), gr_shift(squares, epsilon))));
    gr_scope_update(run->scope, deltas,
                    gr_add(gr_scale(deltas, rho), gr_scale(gr_square(step), 1 - rho)));
    return step;
}

/* 1 − βᵗ, in f64: for β = 0.999 and small t, f32 would lose four digits of it. */
static gr_node *optim_correction(optim_run *run, double beta)
{
    return gr_sub(gr_like(run->time, 1), gr_pow(gr_like(run->time, beta), run->time));
}

static gr_node *optim_adam(optim_run *run, gr_node *w, gr_node *g)
{
    double beta1 = optim_or(run->o->beta1, 0.9), beta2 = optim_or(run->o->beta2, 0.999);
    gr_node *m = optim_average(run, "mean", w, g, beta1);
    gr_node *v = optim_average(run, "squares", w, gr_square(g), beta2);
    /* m̂/(√v̂ + ε) with both corrections as scalars. */
    gr_node *root = gr_mul(gr_sqrt(v), gr_cast(gr_rsqrt(optim_correction(run, beta2)), GR_F32));
    gr_node *first = optim_correction(run, beta1);
    gr_node *scaled = gr_mul(m, gr_cast(gr_div(gr_like(first, 1), first), GR_F32));
    return gr_div(scaled, gr_shift(root, optim_or(run->o->epsilon, 1e-8)));
}

static gr_node *optim_direction(optim_run *run, gr_node *w, gr_node *g)
{
    switch (run->o->kind) {
    case GR_SGD:
    case GR_NESTEROV:
        return optim_momentum(run, w, g);
    case GR_ADAGRAD:
        return optim_adagrad(run, w, g);
    case GR_RMSPROP:
        return optim_rmsprop(run, w, g);
    case GR_ADADELTA:
        return optim_adadelta(run, w, g);
    case GR_ADAM:
    case GR_ADAMW:
        return optim_adam(run, w, g);
    }
    return g;
}

/* ---- Regularisation -------------------------------------------------------------------------- */

/* The factor of the penalties' strength for one parameter. */
static double optim_decay(const gr_optimizer *o, const gr_scope *scope, const gr_node *w)
{
    gr_tuning tuning = gr_scope_tuning(scope, w);
    if (tuning.decay >= 0) return tuning.decay;
    return o->decay_biases || gr_node_shape(w).rank > 1 ? 1 : 0;
}

/* The gradient of the penalties, added to g. */
static gr_node *optim_penalise(const gr_optimizer *o, double decay, gr_node *w, gr_node *g)
{
    double pull = decay * (2 * o->l2 + (o->kind == GR_ADAMW ? 0 : o->weight_decay));
    if (pull > 0) g = gr_add(g, gr_scale(w, pull));
    if (decay * o->l1 > 0) g = gr_add(g, gr_scale(gr_sign(w), decay * o->l1));
    return g;
}

gr_node *gr_penalty(gr_scope *scope, const gr_optimizer *optimizer)
{
    double squares = optimizer->l2;
    if (optimizer->kind != GR_ADAMW) squares += optimizer->weight_decay / 2;
    gr_node *total = NULL;
    for (int i = 0; i < gr_scope_params(scope); i++) {
        gr_node *w = gr_scope_param(scope, i);
        double decay = optim_decay(optimizer, scope, w), l1 = decay * optimizer->l1;
        gr_node *terms[2] = {NULL, NULL};
        if (decay * squares > 0) terms[0] = gr_scale(gr_sum(gr_square(w), GR_ALL), decay * squares);
        if (l1 > 0) terms[1] = gr_scale(gr_sum(gr_abs(w), GR_ALL), l1);
        for (int k = 0; k < 2; k++)
            if (terms[k]) total = total ? gr_add(total, terms[k]) : terms[k];
    }
    return total;
}

/* Scales each row (one unit's weights) that is longer than `most` down to it. */
static gr_node *optim_max_norm(gr_node *w, double most)
{
    gr_shape shape = gr_node_shape(w);
    if (shape.rank < 2) return w;
    gr_axes axes = {.keep = true};
    for (int i = 1; i < shape.rank; i++) axes.axis[axes.count++] = i;
    gr_node *norm = gr_sqrt(gr_sum(gr_square(w), axes));
    gr_node *limit = gr_like(w, most);
    return gr_mul(w, gr_div(limit, gr_maximum(norm, limit)));
}

/* Clamps each element of all gradients to [-most, most]. */
static void optim_clip_values(gr_node **grad, int n, double most)
{
    for (int i = 0; i < n; i++)
        grad[i] = gr_maximum(gr_minimum(grad[i], gr_like(grad[i], most)), gr_like(grad[i], -most));
}

/* The joint norm of n > 0 gradients. */
static gr_node *optim_norm(gr_node *const *grad, int n)
{
    gr_node *sum = NULL;
    for (int i = 0; i < n; i++) {
        gr_node *term = gr_sum(gr_square(grad[i]), GR_ALL);
        sum = sum ? gr_add(sum, term) : term;
    }
    return gr_sqrt(sum);
}

/* Scales all gradients so that their joint norm is at most `most` (Pascanu et al. 2013). */
static void optim_clip(gr_node **grad, int n, double most)
{
    gr_node *norm = optim_norm(grad, n);
    gr_node *limit = gr_like(norm, most);
    gr_node *factor = gr_div(limit, gr_maximum(norm, limit));
    for (int i = 0; i < n; i++) grad[i] = gr_mul(grad[i], factor);
}

/* ---- The whole update ------------------------------------------------------------------------ */

static void optim_update(optim_run *run, gr_node *w, gr_node *g)
{
    const gr_optimizer *o = run->o;
    double factor = gr_scope_tuning(run->scope, w).rate, decay = optim_decay(o, run->scope, w);
    gr_node *rate = factor == 1 ? run->rate : gr_scale(run->rate, factor);
    gr_node *pull = optim_penalise(o, decay, w, g);
    /* Momentum is linear in the gradient: the rate may stand before or behind it. */
    gr_node *step = o->rate_in_momentum ? optim_momentum(run, w, gr_mul(pull, rate))
                                        : gr_mul(optim_direction(run, w, pull), rate);
    if (o->kind == GR_ADAMW && decay * o->weight_decay > 0)
        step = gr_add(step, gr_mul(gr_scale(w, decay * o->weight_decay), rate));
    gr_node *new = gr_sub(w, step);
    if (o->max_norm > 0) new = optim_max_norm(new, o->max_norm);
    gr_scope_update(run->scope, w, new);
}

static gr_status optim_check(const gr_optimizer *o)
{
    if (!o || o->size != sizeof *o)
        return gr_fail(GR_INVALID, "gr_optimizer.size should be %zu", sizeof *o);
    if ((size_t)o->kind >= GR_LEN(optim_names))
        return gr_fail(GR_INVALID, "unknown optimiser %d", (int)o->kind);
    const struct {
        const char *name;
        double value, below;
    } range[] = {{"rate", o->rate, 1e30},
                 {"momentum", o->momentum, 1},
                 {"beta1", o->beta1, 1},
                 {"beta2", o->beta2, 1},
                 {"epsilon", o->epsilon, 1e30},
                 {"l2", o->l2, 1e30},
                 {"l1", o->l1, 1e30},
                 {"weight_decay", o->weight_decay, 1e30},
                 {"max_norm", o->max_norm, 1e30},
                 {"clip_norm", o->clip_norm, 1e30},
                 {"clip_value", o->clip_value, 1e30}};
    for (size_t i = 0; i < GR_LEN(range); i++)
        if (!(range[i].value >= 0 && range[i].value < range[i].below))
            return gr_fail(GR_INVALID, "optimiser %s: %s = %g should be at least 0%s",
                           optim_names[o->kind], range[i].name, range[i].value,
                           range[i].below == 1 ? " and below 1" : "");
    if (o->rate_in_momentum && o->kind != GR_SGD && o->kind != GR_NESTEROV)
        return gr_fail(GR_INVALID, "optimiser %s: rate_in_momentum is for sgd and nesterov",
                       optim_names[o->kind]);
    const gr_schedule *s = &o->schedule;
    if ((s->kind == GR_SCHEDULE_POLY || s->kind == GR_SCHEDULE_COSINE) && s->total < 1)
        return gr_fail(GR_INVALID, "schedule %s needs its total number of steps",
                       gr_schedule_name(s->kind));
    if (s->n_at < 0 || (size_t)s->n_at > GR_LEN(s->at))
        return gr_fail(GR_INVALID, "schedule %s: %d steps in `at`, which holds up to %zu",
                       gr_schedule_name(s->kind), s->n_at, GR_LEN(s->at));
    if (s->kind == GR_SCHEDULE_STEP && s->every < 1)
        return gr_fail(GR_INVALID, "schedule step needs `every`, the steps between two drops");
    if (s->kind == GR_SCHEDULE_SIGMOID && (s->every < 1 || !(s->gamma != 0)))
        return gr_fail(GR_INVALID, "schedule sigmoid needs `gamma` (below 0: the rate falls) and "
                                   "`every`, the step at which the rate is halfway");
    return GR_OK;
}

/* By node id: the loss depends on it. The caller frees it. */
static bool *optim_needed(const gr_node *loss)
{
    int last = gr_node_id(loss);
    bool *needed = gr_alloc((size_t)last + 1);
    if (!needed) return NULL;
    needed[last] = true;
    for (int id = last; id >= 0; id--) {
        const gr_node *node = gr_graph_node(gr_node_graph(loss), id);
        for (int i = 0; needed[id] && i < gr_node_inputs(node); i++)
            needed[gr_node_id(gr_node_input(node, i))] = true;
    }
    return needed;
}

/* The parameters that the loss depends on and the rate moves. */
static gr_status optim_params(gr_scope *scope, const gr_node *loss, gr_node **w, int *n)
{
    bool *needed = optim_needed(loss);
    if (!needed) return GR_NO_MEMORY;
    *n = 0;
    for (int i = 0; i < gr_scope_params(scope); i++) {
        gr_node *param = gr_scope_param(scope, i);
        bool moves = gr_scope_tuning(scope, param).rate > 0;
        if (moves && gr_node_id(param) < gr_node_id(loss) && needed[gr_node_id(param)])
            w[(*n)++] = param;
    }
    gr_free(needed);
    if (*n > 0) return GR_OK;
    return gr_fail(GR_INVALID, "the loss depends on no parameter of the scope that may move");
}

/* Adds one to a counter and returns what it becomes. */
static gr_node *optim_count(gr_scope *scope, gr_node *counter)
{
    gr_node *next = gr_add(counter, gr_like(counter, 1));
    gr_scope_update(scope, counter, next);
    return next;
}

/* From n gradients to the new values; `count` counts updates. */
static void optim_apply(optim_run *run, gr_node **w, gr_node **g, int n, gr_node *count)
{
    const gr_optimizer *o = run->o;
    run->rate = gr_schedule_at(count, o);
    run->time = gr_cast(optim_count(run->scope, count), GR_F64);
    if (o->clip_value > 0) optim_clip_values(g, n, o->clip_value);
    if (o->clip_norm > 0) optim_clip(g, n, o->clip_norm);
    for (int i = 0; i < n; i++) optim_update(run, w[i], g[i]);
}

/* What a call of this file is to do. */
typedef struct optim_job {
    const gr_optimizer *optimizer; /* NULL: accumulate */
    gr_node *keep, *weight;        /* accumulate */
    gr_node *scale;                /* of the sums; NULL: take the gradient of the loss */
    gr_node **norm;                /* the gradient's norm alone; NULL: the rest */
} optim_job;

static gr_status optim_build(gr_scope *scope, gr_node *loss, const optim_job *job, gr_node **w,
                             gr_node **g)
{
    int n;
    gr_graph *graph = gr_scope_graph(scope);
    optim_run run = {.scope = scope, .o = job->optimizer};
    GR_TRY(optim_params(scope, loss, w, &n));
    if (!job->scale) GR_TRY(gr_grad(loss, w, n, g));
    gr_composite_begin(graph, job->norm ? "norm" : run.o ? optim_names[run.o->kind] : "accumulate");
    for (int i = 0; i < n && job->scale; i++)
        g[i] = gr_mul(optim_state(&run, "sum", w[i]), job->scale);
    if (job->norm) {
        *job->norm = optim_norm(g, n);
    } else if (job->optimizer) {
        optim_apply(&run, w, g, n,
                    job->scale ? gr_state(scope, "optim/updates", GR_I64, GR_SCALAR, 0)
                               : gr_scope_step(scope));
    } else {
        for (int i = 0; i < n; i++) {
            gr_node *sum = optim_state(&run, "sum", w[i]);
            gr_scope_update(scope, sum, gr_add(gr_mul(sum, job->keep), gr_mul(g[i], job->weight)));
        }
        optim_count(scope, gr_scope_step(scope));
    }
    gr_composite_end(graph);
    return gr_graph_status(graph);
}

static gr_status optim_do(gr_scope *scope, gr_node *loss, const optim_job *job)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(loss) || gr_graph_status(graph) != GR_OK)
        return gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph));
    size_t most = (size_t)gr_scope_params(scope) + 1;
    gr_node **w = gr_alloc_array(most, sizeof *w), **g = gr_alloc_array(most, sizeof *g);
    gr_status status = w && g ? optim_build(scope, loss, job, w, g) : GR_NO_MEMORY;
    gr_free(w);
    gr_free(g);
    /* As of every builder: who has no memory is not to go on with half of the updates. */
    if (status == GR_NO_MEMORY) gr_fault(graph, status, "minimize", "out of memory");
    if (gr_graph_status(graph) != GR_OK)
        return gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph));
    return status;
}

gr_status gr_minimize(gr_scope *scope, gr_node *loss, const gr_optimizer *optimizer)
{
    if (!scope) return gr_fail(GR_INVALID, "gr_minimize needs a scope");
    GR_TRY(optim_check(optimizer));
    return optim_do(scope, loss, &(optim_job){.optimizer = optimizer});
}

/* Is it a factor for gradients? */
static gr_status optim_check_scalar(const char *call, const char *name, const gr_node *node)
{
    if (node && gr_is_error(node)) return GR_OK; /* optim_do tells the graph's message */
    if (node && gr_node_dtype(node) == GR_F32 && gr_node_shape(node).rank == 0) return GR_OK;
    return gr_fail(GR_SHAPE, "%s: %s is %s%s: should be f32[]", call, name,
                   node ? gr_dtype_name(gr_node_dtype(node)) : "missing",
                   node ? gr_shape_text(gr_node_shape(node)) : "");
}

gr_status gr_accumulate(gr_scope *scope, gr_node *loss, gr_node *keep, gr_node *weight)
{
    if (!scope) return gr_fail(GR_INVALID, "gr_accumulate needs a scope");
    GR_TRY(optim_check_scalar("gr_accumulate", "keep", keep));
    GR_TRY(optim_check_scalar("gr_accumulate", "weight", weight));
    return optim_do(scope, loss, &(optim_job){.keep = keep, .weight = weight});
}

gr_status gr_minimize_sum(gr_scope *scope, gr_node *loss, gr_node *scale,
                          const gr_optimizer *optimizer)
{
    if (!scope) return gr_fail(GR_INVALID, "gr_minimize_sum needs a scope");
    GR_TRY(optim_check_scalar("gr_minimize_sum", "scale", scale));
    GR_TRY(optim_check(optimizer));
    return optim_do(scope, loss, &(optim_job){.optimizer = optimizer, .scale = scale});
}

gr_node *gr_gradient_norm(gr_scope *scope, gr_node *loss, gr_node *scale)
{
    gr_node *norm = NULL;
    if (!scope) return NULL;
    gr_graph *graph = gr_scope_graph(scope);
    gr_status status = scale ? optim_check_scalar("gr_gradient_norm", "scale", scale) : GR_OK;
    if (status == GR_OK)
        status = optim_do(scope, loss, &(optim_job){.scale = scale, .norm = &norm});
    if (status == GR_OK) return norm;
    return gr_fault(graph, status, "gradient_norm", "%s", gr_message());
}
