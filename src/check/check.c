/* Gradient checks: the analytic gradient, in f64, against numerical differences. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include <gradus/check.h>

#include "ops/ops.h"
#include "run/store.h"

/* One function value at a time: a program for y alone, and where the values of wrt lie. */
typedef struct check_run {
    gr_graph *graph; /* the copy, in f64 */
    gr_node *y, **wrt, **grad;
    int n;
    gr_store *store;  /* variables in f64 */
    gr_tensor *value; /* by wrt: the elements that are moved; inputs own theirs */
    bool *owned;
    gr_program *forward, *backward;
    gr_session *forward_session, *backward_session;
    gr_tensor *gradient; /* by wrt */
} check_run;

static gr_status check_f64(const gr_tensor *from, gr_tensor *to)
{
    GR_TRY(gr_tensor_new(GR_F64, from->shape, to));
    int64_t count = gr_shape_count(from->shape);
    for (int64_t i = 0; i < count; i++) ((double *)to->data)[i] = gr_tensor_at(from, i);
    return GR_OK;
}

static gr_status check_copy_store(check_run *run, const gr_store *store)
{
    if (!store) return GR_OK;
    run->store = gr_store_new();
    if (!run->store) return GR_NO_MEMORY;
    for (size_t i = 0; i < store->count; i++) {
        const gr_store_entry *entry = &store->entries[i];
        gr_tensor copy = entry->value;
        if (copy.dtype == GR_F32) GR_TRY(check_f64(&entry->value, &copy));
        gr_status status = gr_store_add(run->store, entry->name, &copy);
        if (copy.data != entry->value.data) gr_tensor_clear(&copy);
        GR_TRY(status);
    }
    return GR_OK;
}

/* Gives every input of the program its value; those among wrt stay where they can be moved. */
static gr_status check_feed(check_run *run, gr_session *session, const gr_program *program,
                            const gr_feed *feeds, int n_feeds, gr_graph *original)
{
    for (int i = 0; i < gr_program_inputs(program); i++) {
        const char *name = gr_program_input_name(program, i);
        gr_tensor type = gr_program_input_type(program, i);
        int w = 0;
        for (; w < run->n; w++)
            if (run->wrt[w]->op == &gr_op_input && !strcmp(run->wrt[w]->name, name)) break;
        int f = 0;
        while (f < n_feeds && strcmp(feeds[f].name, name) != 0) f++;
        if (f == n_feeds) return gr_fail(GR_INVALID, "no value given for input '%s'", name);
        const gr_node *node = gr_graph_find(original, name);
        gr_tensor given = {.dtype = node->out[0].dtype, .shape = type.shape};
        given.data = (void *)feeds[f].data;
        if (w < run->n) {
            if (!run->value[w].data) {
                GR_TRY(check_f64(&given, &run->value[w]));
                run->owned[w] = true;
            }
            GR_TRY(
                gr_session_bind(session, i, run->value[w].data, gr_tensor_bytes(&run->value[w])));
            continue;
        }
        gr_tensor copy = given;
        if (type.dtype != given.dtype) GR_TRY(check_f64(&given, &copy));
        gr_status status = gr_session_write(session, i, copy.data, gr_tensor_bytes(&copy));
        if (copy.data != given.data) gr_tensor_clear(&copy);
        GR_TRY(status);
    }
    return GR_OK;
}

static gr_status check_prepare(check_run *run, gr_node *y, gr_node *const *wrt,
                               const gr_feed *feeds, int n_feeds, const gr_store *store)
{
    size_t n = (size_t)run->n;
    gr_node **old = gr_alloc_array(n + 1, sizeof *old), **new = gr_alloc_array(n + 1, sizeof *new);
    run->wrt = new;
    run->grad = gr_alloc_array(n + 1, sizeof *run->grad);
    run->value = gr_alloc_array(n, sizeof *run->value);
    run->owned = gr_alloc_array(n, sizeof *run->owned);
    run->gradient = gr_alloc_array(n, sizeof *run->gradient);
    gr_status status = GR_NO_MEMORY;
    if (old && new && run->grad && run->value && run->owned && run->gradient) {
        memcpy(old, wrt, n * sizeof(gr_node *));
        old[n] = y;
        status = gr_graph_retype(y->graph, GR_F32, GR_F64, old, run->n + 1, &run->graph, new);
    }
    gr_free(old);
    GR_TRY(status);
    run->y = new[n];
    GR_TRY(gr_grad(run->y, run->wrt, run->n, run->grad));
    GR_TRY(check_copy_store(run, store));
    GR_TRY(gr_compile(run->graph, &run->y, 1, NULL, &run->forward));
    GR_TRY(gr_compile(run->graph, run->grad, run->n, NULL, &run->backward));
    GR_TRY(gr_session_new(run->forward, run->store, NULL, &run->forward_session));
    GR_TRY(gr_session_new(run->backward, run->store, NULL, &run->backward_session));
    GR_TRY(check_feed(run, run->forward_session, run->forward, feeds, n_feeds, y->graph));
    return check_feed(run, run->backward_session, run->backward, feeds, n_feeds, y->graph);
}

static void check_free(check_run *run)
{
    gr_session_free(run->forward_session);
    gr_session_free(run->backward_session);
    gr_program_free(run->forward);
    gr_program_free(run->backward);
    for (int i = 0; i < run->n; i++) {
        if (run->owned && run->owned[i]) gr_tensor_clear(&run->value[i]);
        if (run->gradient) gr_tensor_clear(&run->gradient[i]);
    }
    gr_store_free(run->store);
    gr_graph_free(run->graph);
    gr_free(run->wrt);
    gr_free(run->grad);
    gr_free(run->value);
    gr_free(run->owned);
    gr_free(run->gradient);
}

/* The analytic gradients, once; and where the variables' values lie. */
static gr_status check_gradients(check_run *run)
{
    GR_TRY(gr_session_step(run->backward_session));
    for (int w = 0; w < run->n; w++) {
        gr_tensor *g = &run->gradient[w];
        gr_tensor type = gr_program_output_type(run->backward, w);
        GR_TRY(gr_tensor_new(type.dtype, type.shape, g));
        GR_TRY(gr_session_read(run->backward_session, w, g->data, gr_tensor_bytes(g)));
        if (run->wrt[w]->op == &gr_op_var) {
            int i = gr_store_find(run->store, run->wrt[w]->name);
            if (i < 0)
                return gr_fail(GR_NOT_FOUND, "the store holds no variable '%s'", run->wrt[w]->name);
            run->value[w] = run->store->entries[i].value;
        } else if (!run->value[w].data) {
            return gr_fail(GR_INVALID, "the result does not depend on input '%s'",
                           run->wrt[w]->name);
        }
    }
    return GR_OK;
}

static gr_status check_value(check_run *run, double *x, double at, double *f)
{
    double old = *x;
    *x = at;
    gr_status status = gr_session_step(run->forward_session);
    *x = old;
    GR_TRY(status);
    return gr_session_read(run->forward_session, 0, f, sizeof *f);
}

typedef struct check_point {
    double numeric, left, right; /* derivatives: central, from the left, from the right */
    double noise;                /* what rounding of the values alone may do to them */
} check_point;

/* Differences with steps h and h/2: the central ones extrapolated to order h⁴, the one-sided ones
 * to order h² (Richardson 1911). */
static gr_status check_differences(check_run *run, double *x, double h, check_point *p)
{
    double x0 = *x, f0, up, down, up2, down2;
    GR_TRY(check_value(run, x, x0, &f0));
    GR_TRY(check_value(run, x, x0 + h, &up));
    GR_TRY(check_value(run, x, x0 - h, &down));
    GR_TRY(check_value(run, x, x0 + h / 2, &up2));
    GR_TRY(check_value(run, x, x0 - h / 2, &down2));
    double wide = (up - down) / (2 * h), narrow = (up2 - down2) / h;
    p->numeric = (4 * narrow - wide) / 3;
    p->right = 2 * (up2 - f0) / (h / 2) - (up - f0) / h;
    p->left = 2 * (f0 - down2) / (h / 2) - (f0 - down) / h;
    p->noise = 16 * DBL_EPSILON * fmax(fabs(up), fabs(down)) / h;
    return GR_OK;
}

/* Relative to the larger of the two, but to no less than `least`. */
static double check_error(double a, double n, double least)
{
    double size = fmax(fmax(fabs(a), fabs(n)), least);
    if (isnan(a) || isnan(n)) return INFINITY;
    return size > 0 ? fabs(a - n) / size : 0;
}

typedef enum check_verdict { CHECK_AGREES, CHECK_KINK, CHECK_FAULT } check_verdict;

/* Smaller and smaller steps leave a corner that only lies near; if the sides still do not meet, the
 * corner is here. The gradient need not lie between them then: where several ties meet, with either
 * sign, each has its own choice. */
static gr_status check_element(check_run *run, double *x, double a, double scale,
                               const gr_check_options *o, check_verdict *verdict, double *numeric,
                               double *error, bool *nonzero)
{
    double h = o->step * fmax(1, fabs(*x)), least = 1e-4 * scale;
    check_point p;
    *error = INFINITY;
    for (int attempt = 0; attempt < 3; attempt++, h /= 10) {
        GR_TRY(check_differences(run, x, h, &p));
        if (attempt == 0) {
            *nonzero |= fmax(fabs(a), fabs(p.numeric)) > p.noise;
            /* Below its noise a difference cannot tell two numbers apart. */
            least = fmax(least, p.noise / o->tolerance);
        }
        double e = check_error(a, p.numeric, least);
        if (e < *error || attempt == 0) {
            *error = e;
            *numeric = p.numeric;
        }
        *verdict = CHECK_AGREES;
        if (e <= o->tolerance) return GR_OK;
    }
    *verdict = check_error(p.left, p.right, least) > 1e-3 ? CHECK_KINK : CHECK_FAULT;
    return GR_OK;
}

static gr_status check_wrt(check_run *run, int w, double scale, const gr_check_options *o,
                           gr_check_entry *entry)
{
    double *x = run->value[w].data;
    const double *grad = run->gradient[w].data;
    int64_t count = gr_shape_count(run->value[w].shape);
    int64_t tries = o->samples < 0 || o->samples > count ? count : o->samples;
    gr_rng rng = gr_rng_new(o->seed, (uint64_t)w);
    bool nonzero = false;
    snprintf(entry->name, sizeof entry->name, "%s", run->wrt[w]->name);
    entry->shape = run->value[w].shape;
    for (int64_t k = 0; k < tries; k++) {
        int64_t i = tries == count ? k : (int64_t)gr_rng_below(&rng, (uint64_t)count);
        check_verdict verdict;
        double numeric = 0, error = 0;
        GR_TRY(check_element(run, &x[i], grad[i], scale, o, &verdict, &numeric, &error, &nonzero));
        entry->tried++;
        if (verdict == CHECK_KINK) {
            entry->kinks++;
            continue;
        }
        entry->faults += verdict == CHECK_FAULT;
        if (error > entry->error || entry->tried - entry->kinks == 1) {
            entry->error = error;
            entry->index = i;
            entry->analytic = grad[i];
            entry->numeric = numeric;
        }
    }
    entry->vacuous = count > 0 && !nonzero;
    return GR_OK;
}

static gr_status check_all(check_run *run, const gr_check_options *o, gr_check_report *report)
{
    GR_TRY(check_gradients(run));
    report->passed = true;
    for (int w = 0; w < run->n; w++) {
        const double *grad = run->gradient[w].data;
        double scale = 0;
        for (int64_t i = 0; i < gr_shape_count(run->gradient[w].shape); i++)
            scale = fmax(scale, fabs(grad[i]));
        GR_TRY(check_wrt(run, w, scale, o, &report->entry[w]));
        report->passed &= !report->entry[w].faults && !report->entry[w].vacuous;
    }
    return GR_OK;
}

static gr_status check_arguments(gr_node *y, gr_node *const *wrt, int n)
{
    if (gr_is_error(y)) {
        gr_graph *graph = gr_node_graph(y);
        return graph ? gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph))
                     : gr_fail(GR_INVALID, "gr_check needs a node");
    }
    if (n < 1) return gr_fail(GR_INVALID, "gr_check needs inputs or variables to check");
    for (int i = 0; i < n; i++)
        if (gr_is_error(wrt[i]) || (wrt[i]->op != &gr_op_input && wrt[i]->op != &gr_op_var))
            return gr_fail(GR_INVALID, "gr_check: wrt[%d] is neither an input nor a variable", i);
    return GR_OK;
}

gr_status gr_check(gr_node *y, gr_node *const *wrt, int n, const gr_feed *feeds, int n_feeds,
                   const gr_store *store, const gr_check_options *options, gr_check_report *report)
{
    *report = (gr_check_report){0};
    GR_TRY(check_arguments(y, wrt, n));
    gr_check_options o;
    GR_TRY(GR_OPTIONS(gr_check_options, &o, options));
    if (o.step <= 0) o.step = 1e-4;
    if (o.tolerance <= 0) o.tolerance = 1e-6;
    if (o.samples == 0) o.samples = 200;
    report->entry = gr_alloc_array((size_t)n, sizeof *report->entry);
    if (!report->entry) return GR_NO_MEMORY;
    report->entries = n;
    check_run run = {.n = n};
    gr_status status = check_prepare(&run, y, wrt, feeds, n_feeds, store);
    if (status == GR_OK) status = check_all(&run, &o, report);
    check_free(&run);
    if (status != GR_OK) gr_check_clear(report);
    return status;
}

void gr_check_clear(gr_check_report *report)
{
    gr_free(report->entry);
    *report = (gr_check_report){0};
}
