/* The numerical gradient beside the analytic one: errors, and what both cost. */
#include "cli/command.h"
#include "cli/eval.h"
#include "cli/out.h"
#include "cli/table.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMERIC_SHOWN = 24, NUMERIC_STEPS = 57, NUMERIC_DRAWN = 256 };

/* The result as a function of all elements of all inputs, one after the other. */
typedef struct numeric_run {
    const circuit *c;
    gr_program *program;
    gr_session *session;
    double *x, *analytic; /* [n] */
    int64_t n;
    int64_t *start; /* [inputs]: where each input's elements begin */
} numeric_run;

static gr_status numeric_value(void *user, const double *x, int64_t n, double *value)
{
    const numeric_run *run = user;
    gr_status status = GR_OK;
    (void)n;
    for (int i = 0; i < gr_program_inputs(run->program) && status == GR_OK; i++) {
        const int k = circuit_find(run->c, gr_program_input_name(run->program, i));
        status = gr_session_write(run->session, i, x + run->start[k],
                                  gr_tensor_bytes(&run->c->gate[k].value));
    }
    if (status == GR_OK) status = gr_session_step(run->session);
    return status == GR_OK ? gr_session_read(run->session, 0, value, sizeof *value) : status;
}

static void numeric_close(numeric_run *run)
{
    gr_session_free(run->session);
    gr_program_free(run->program);
    free(run->x);
    free(run->analytic);
    free(run->start);
}

static gr_status numeric_open(const circuit *c, numeric_run *run)
{
    gr_compile_options options = {.size = sizeof options, .threads = 1};
    gr_node *result = c->gate[c->result].node;
    *run = (numeric_run){.c = c};
    run->start = cli_alloc((size_t)c->inputs + 1, sizeof *run->start);
    for (int k = 0; k < c->inputs; k++) {
        run->start[k] = run->n;
        run->n += gr_shape_count(c->gate[k].value.shape);
    }
    run->x = cli_alloc((size_t)run->n + 1, sizeof *run->x);
    run->analytic = cli_alloc((size_t)run->n + 1, sizeof *run->analytic);
    for (int k = 0; k < c->inputs; k++) {
        const circuit_gate *gate = &c->gate[k];
        for (int64_t i = 0; i < gr_shape_count(gate->value.shape); i++) {
            run->x[run->start[k] + i] = gr_tensor_at(&gate->value, i);
            run->analytic[run->start[k] + i] = gate->grad.data ? gr_tensor_at(&gate->grad, i) : NAN;
        }
    }
    gr_status status = gr_compile(c->graph, &result, 1, &options, &run->program);
    return status == GR_OK ? gr_session_new(run->program, NULL, NULL, &run->session) : status;
}

/* |a − n| / max(|a|, |n|), 0 where both are. */
static double numeric_error(double analytic, double numeric)
{
    const double larger = fmax(fabs(analytic), fabs(numeric));
    return larger > 0 ? fabs(analytic - numeric) / larger : 0;
}

/* ---- Table ---------------------------------------------------------------------------------- */

/* "W[1,0]" of element i of all; to be freed. */
static char *numeric_name(const numeric_run *run, int64_t i)
{
    int k = 0;
    while (k + 1 < run->c->inputs && run->start[k + 1] <= i) k++;
    const gr_shape shape = run->c->gate[k].value.shape;
    int64_t rest = i - run->start[k], count = gr_shape_count(shape);
    char *name = cli_format("%s%s", run->c->gate[k].name, shape.rank ? "[" : "");
    for (int axis = 0; axis < shape.rank; axis++) {
        count /= shape.dim[axis];
        char *longer =
            cli_format("%s%" PRId64 "%s", name, rest / count, axis + 1 < shape.rank ? "," : "]");
        rest %= count;
        free(name);
        name = longer;
    }
    return name;
}

static gr_status numeric_row(numeric_run *run, cli_table *table, int64_t i, double h,
                             double numeric, int digits)
{
    double moved = 0;
    const double before = run->x[i];
    run->x[i] += h;
    gr_status status = numeric_value(run, run->x, run->n, &moved);
    run->x[i] = before;
    char *name = numeric_name(run, i);
    cli_table_cell(table, "%s", name);
    cli_table_cell(table, "%.*g", digits, moved);
    cli_table_cell(table, "%.*g", digits, numeric);
    cli_table_cell(table, "%.*g", digits, run->analytic[i] + 0.);
    cli_table_cell(table, "%.1e", numeric_error(run->analytic[i], numeric));
    free(name);
    return status;
}

static void numeric_cost(const numeric_run *run, bool forward)
{
    cli_print("cost: %" PRId64 " evaluations for %" PRId64
              " numbers by differences; one forward and one backward pass by the\n"
              "chain rule, however many numbers there are\n",
              forward ? run->n + 1 : 2 * run->n, run->n);
}

static gr_status numeric_table(numeric_run *run, bool forward, double h, const double *numeric,
                               int digits)
{
    gr_status status = GR_OK;
    double worst = 0;
    cli_table *table = cli_table_new("<input|>f(x + h)|>numeric|>analytic|>relative error");
    for (int64_t i = 0; i < run->n && status == GR_OK; i++) {
        worst = fmax(worst, numeric_error(run->analytic[i], numeric[i]));
        if (i < NUMERIC_SHOWN) status = numeric_row(run, table, i, h, numeric[i], digits);
    }
    cli_print("\nThe gradient by %s differences with h = %g:\n\n", forward ? "forward" : "central",
              h);
    cli_table_print(table);
    if (run->n > NUMERIC_SHOWN)
        cli_print("%s and %" PRId64 " more\n", cli_glyph("…", "..."), run->n - NUMERIC_SHOWN);
    cli_print("\nworst relative error: %.1e\n", worst);
    numeric_cost(run, forward);
    return status;
}

static void numeric_json(cli_json *json, const numeric_run *run, bool forward, double h,
                         const double *numeric)
{
    cli_json_object(json, "numeric");
    cli_json_text(json, "difference", forward ? "forward" : "central");
    cli_json_real(json, "h", h);
    cli_json_int(json, "evaluations", forward ? run->n + 1 : 2 * run->n);
    cli_json_array(json, "elements");
    for (int64_t i = 0; i < run->n; i++) {
        char *name = numeric_name(run, i);
        cli_json_object(json, NULL);
        cli_json_text(json, "element", name);
        cli_json_real(json, "numeric", numeric[i]);
        cli_json_real(json, "analytic", run->analytic[i]);
        cli_json_real(json, "error", numeric_error(run->analytic[i], numeric[i]));
        cli_json_end(json);
        free(name);
    }
    cli_json_end(json);
    cli_json_end(json);
}

/* ---- Figure --------------------------------------------------------------------------------- */

/* The worst error of either difference for steps from 1 down to 1e-14. */
static gr_status numeric_draw_errors(numeric_run *run, gr_figure *figure)
{
    static const char *const labels[] = {"central", "forward"};
    const int64_t n = run->n < NUMERIC_DRAWN ? run->n : NUMERIC_DRAWN;
    double h[NUMERIC_STEPS], error[NUMERIC_STEPS];
    double *numeric = cli_alloc((size_t)n + 1, sizeof *numeric);
    gr_status status =
        gr_figure_panel(figure, 0,
                        GR_PANEL(.title = "Error", .x_label = "h",
                                 .y_label = "worst relative error", .x_log = true, .y_log = true));
    for (int k = 0; k < 2 && status == GR_OK; k++) {
        for (int s = 0; s < NUMERIC_STEPS && status == GR_OK; s++) {
            h[s] = pow(10, -s / 4.);
            error[s] = 0;
            status = gr_numeric_gradient(
                numeric_value, run, run->x, n,
                GR_NUMERIC(.step = h[s],
                           .difference = k ? GR_DIFFERENCE_FORWARD : GR_DIFFERENCE_CENTRAL),
                numeric);
            if (status == GR_INVALID) { /* x + h is x */
                error[s] = NAN;
                status = GR_OK;
                continue;
            }
            for (int64_t i = 0; i < n; i++)
                error[s] = fmax(error[s], numeric_error(run->analytic[i], numeric[i]));
        }
        if (status == GR_OK)
            status = gr_figure_add(figure, 0,
                                   GR_SERIES(GR_SERIES_LINE, .label = labels[k], .x = h, .y = error,
                                             .n = NUMERIC_STEPS));
    }
    free(numeric);
    return status;
}

/* Seconds of the gradient by the first m numbers, the least of five times. */
static gr_status numeric_time(numeric_run *run, int64_t m, double *numeric, double *seconds)
{
    gr_status status = GR_OK;
    *seconds = INFINITY;
    for (int i = 0; i < 5 && status == GR_OK; i++) {
        const double start = cli_clock();
        status = gr_numeric_gradient(numeric_value, run, run->x, m, NULL, numeric);
        *seconds = fmin(*seconds, cli_clock() - start);
    }
    return status;
}

/* A pass of the circuit forward and backward. */
static gr_status numeric_time_analytic(circuit *c, double *seconds)
{
    gr_status status = GR_OK;
    *seconds = INFINITY;
    for (int i = 0; i < 20 && status == GR_OK; i++) {
        const double start = cli_clock();
        status = gr_session_step(c->session);
        *seconds = fmin(*seconds, cli_clock() - start);
    }
    return status;
}

static gr_status numeric_draw_cost(numeric_run *run, circuit *c, gr_figure *figure)
{
    enum { POINTS = 40 };
    double count[POINTS], numeric[POINTS], analytic[POINTS], passes;
    int points = 0;
    double *gradient = cli_alloc((size_t)run->n + 1, sizeof *gradient);
    gr_status status = numeric_time_analytic(c, &passes);
    for (int64_t m = 1; status == GR_OK && points < POINTS; m = m < run->n / 2 ? 2 * m : run->n) {
        count[points] = (double)m;
        analytic[points] = passes;
        status = numeric_time(run, m, gradient, &numeric[points++]);
        if (m == run->n) break;
    }
    free(gradient);
    if (status == GR_OK)
        status = gr_figure_panel(figure, 1,
                                 GR_PANEL(.title = "Cost", .x_label = "numbers moved",
                                          .y_label = "seconds", .x_log = true, .y_log = true));
    if (status == GR_OK)
        status = gr_figure_add(figure, 1,
                               GR_SERIES(GR_SERIES_LINE, .label = "differences", .x = count,
                                         .y = numeric, .n = points));
    if (status != GR_OK) return status;
    return gr_figure_add(
        figure, 1,
        GR_SERIES(GR_SERIES_LINE, .label = "chain rule", .x = count, .y = analytic, .n = points));
}

static gr_status numeric_draw(numeric_run *run, circuit *c, const char *path)
{
    gr_figure *figure;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = 2), &figure);
    if (status == GR_OK) status = numeric_draw_errors(run, figure);
    if (status == GR_OK) status = numeric_draw_cost(run, c, figure);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

int eval_numeric(circuit *c, bool forward, double h, const char *path, int digits, cli_json *json)
{
    numeric_run run;
    gr_status status = numeric_open(c, &run);
    double *numeric = cli_alloc((size_t)run.n + 1, sizeof *numeric);
    if (status == GR_OK)
        status = gr_numeric_gradient(
            numeric_value, &run, run.x, run.n,
            GR_NUMERIC(.step = h,
                       .difference = forward ? GR_DIFFERENCE_FORWARD : GR_DIFFERENCE_CENTRAL),
            numeric);
    if (status == GR_OK && json)
        numeric_json(json, &run, forward, h, numeric);
    else if (status == GR_OK)
        status = numeric_table(&run, forward, h, numeric, digits);
    if (status == GR_OK && path) status = numeric_draw(&run, c, path);
    free(numeric);
    numeric_close(&run);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
