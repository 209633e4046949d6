/* gradus fit: nets of growing width, and sums of bumps, against a function of one number.
 */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/fit.h"

#include "cli/gates.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/stop.h"
#include "cli/table.h"

#include <errno.h>
#include <gradus/lang.h>
#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FIT_MOST = 4096, /* hidden units */
    FIT_SHOWN = 5,   /* widths that are drawn */
    FIT_BLACK = 7,   /* a colour of series */
    FIT_WIDE = 215,  /* of a panel, in points */
    FIT_HIGH = 185,
};

/* ---- The function ---------------------------------------------------------------------------- */

static int fitter_check(const cli_fit *job, gr_node *value)
{
    const gr_shape shape = gr_node_shape(value);
    if (gr_node_dtype(value) == GR_F64 && shape.rank == 1 && shape.dim[0] == CLI_FIT_FINE)
        return CLI_YES;
    return cli_bad("'%s' should be one number for each number '%s'", job->text, job->input);
}

static int fitter_values(cli_fit *job, const gr_expr *expr, gr_graph *graph)
{
    gr_node *x = gr_input(graph, job->input, GR_F64, GR_SHAPE(CLI_FIT_FINE)), *y;
    gr_tensor out = {0};
    const gr_binding binding = {job->input, x};
    const gr_expr_env env = {.size = sizeof env,
                             .dtype = GR_F64,
                             .bindings = &binding,
                             .n_bindings = 1,
                             .gates = cli_gates()};
    gr_status status = gr_expr_build(expr, graph, &env, &y);
    if (status != GR_OK) return cli_failed(status);
    int code = fitter_check(job, y);
    if (code != CLI_YES) return code;
    const gr_feed feed = {job->input, job->x};
    status = gr_evaluate(graph, &y, 1, &feed, 1, NULL, &out);
    if (status != GR_OK) return cli_failed(status);
    const double *value = out.data;
    char text[32];
    for (int i = 0; i < CLI_FIT_FINE && code == CLI_YES; i++) {
        job->y[i] = value[i];
        if (!(fabs(value[i]) < 1e30))
            code = cli_bad("'%s' is %s at %s = %g: choose --from and --to where it is a number",
                           job->text, cli_show_real(value[i], text, sizeof text), job->input,
                           job->x[i]);
    }
    gr_tensor_clear(&out);
    return code;
}

static int fitter_function(cli_fit *job, const gr_expr *expr)
{
    const int n = CLI_FIT_FINE;
    if (gr_expr_inputs(expr) != 1)
        return cli_bad("'%s' has %d inputs: should be a function of one number, as sin(3*x)",
                       job->text, gr_expr_inputs(expr));
    job->input = gr_expr_input(expr, 0);
    for (int i = 0; i < n; i++) job->x[i] = job->from + (job->to - job->from) * i / (n - 1);
    gr_graph *graph = gr_graph_new();
    int code = graph ? fitter_values(job, expr, graph) : cli_failed(GR_NO_MEMORY);
    gr_graph_free(graph);
    return code;
}

/* ---- Bumps ----------------------------------------------------------------------------------- */

/* g(x) = Σ cᵢ·1(aᵢ ≤ x < bᵢ) on equal parts of the interval, cᵢ half-way between the least and the
 * greatest value there: of such sums the one with the smallest largest error. */
static void fitter_bumps(const cli_fit *job, cli_fitted *at)
{
    const int n = CLI_FIT_FINE;
    for (int bump = 0; bump < at->width; bump++) {
        const int first = (int)((int64_t)bump * n / at->width);
        const int end = (int)((int64_t)(bump + 1) * n / at->width);
        double low = INFINITY, high = -INFINITY;
        for (int i = first; i < end; i++) {
            low = fmin(low, job->y[i]);
            high = fmax(high, job->y[i]);
        }
        for (int i = first; i < end; i++) at->bumps[i] = (low + high) / 2;
        at->bump_error = fmax(at->bump_error, (high - low) / 2);
    }
}

/* ---- The figure ------------------------------------------------------------------------------ */

static gr_status fitter_add(gr_figure *figure, int panel, const char *label, const double *x,
                            const double *y, int n, int color)
{
    const bool marks = n <= CLI_FIT_WIDTHS;
    return gr_figure_add(figure, panel,
                         GR_SERIES(GR_SERIES_LINE, .label = label, .x = x, .y = y, .n = n,
                                   .color = color, .mark = marks ? 0 : -1,
                                   .width = color == FIT_BLACK ? 1 : 1.3));
}

static gr_status fitter_panel(gr_figure *figure, int panel, const cli_fit *job,
                              const cli_fitted *at)
{
    const int n = CLI_FIT_FINE;
    char *title = cli_format("%d hidden unit%s", at->width, at->width == 1 ? "" : "s");
    gr_status status =
        gr_figure_panel(figure, panel, GR_PANEL(.title = title, .x_label = job->input));
    if (status == GR_OK) status = fitter_add(figure, panel, "bumps", job->x, at->bumps, n, 2);
    if (status == GR_OK) status = fitter_add(figure, panel, "net", job->x, at->net, n, 1);
    if (status == GR_OK)
        status = fitter_add(figure, panel, "function", job->x, job->y, n, FIT_BLACK);
    free(title);
    return status;
}

static gr_status fitter_errors(gr_figure *figure, int panel, const cli_fit *job)
{
    double width[CLI_FIT_WIDTHS], net[CLI_FIT_WIDTHS];
    double bumps[CLI_FIT_WIDTHS];
    for (int i = 0; i < job->n; i++) {
        width[i] = job->at[i].width;
        net[i] = job->at[i].net_error;
        bumps[i] = job->at[i].bump_error;
    }
    gr_status status =
        gr_figure_panel(figure, panel,
                        GR_PANEL(.title = "largest error", .x_label = "hidden units, bumps",
                                 .x_log = true, .y_log = true));
    if (status == GR_OK) status = fitter_add(figure, panel, "bumps", width, bumps, job->n, 2);
    return status == GR_OK ? fitter_add(figure, panel, "net", width, net, job->n, 1) : status;
}

gr_status cli_fit_draw(const cli_fit *job, const char *path)
{
    const int shown = job->n < FIT_SHOWN ? job->n : FIT_SHOWN, panels = shown + 1;
    const int columns = panels < 3 ? panels : 3, rows = (panels + columns - 1) / columns;
    gr_figure *figure;
    gr_status status =
        gr_figure_new(GR_FIGURE(.panels = panels, .columns = columns, .width = FIT_WIDE * columns,
                                .height = FIT_HIGH * rows, .dpi = 120, .title = job->text),
                      &figure);
    if (status != GR_OK) return status;
    for (int i = 0; i < shown && status == GR_OK; i++) {
        /* The first, the last, and those evenly between them. */
        const int at = shown > 1 ? i * (job->n - 1) / (shown - 1) : 0;
        status = fitter_panel(figure, i, job, &job->at[at]);
    }
    if (status == GR_OK) status = fitter_errors(figure, shown, job);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int fitter_widths(cli_fit *job)
{
    const char *text = cli_text(job->args, "widths");
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const long value = strtol(at, &end, 10);
        if (end == at || errno || value < 1 || value > FIT_MOST || (*end && *end != ','))
            return cli_bad("--widths: '%s' is no list of whole numbers from 1 to %d, as in 2,8,32",
                           text, FIT_MOST);
        if (job->n == CLI_FIT_WIDTHS)
            return cli_bad("--widths: '%s' has more than %d values", text, CLI_FIT_WIDTHS);
        job->at = cli_realloc(job->at, (size_t)job->n + 1, sizeof *job->at);
        job->at[job->n++] = (cli_fitted){.width = (int)value};
        if (!*end) return CLI_YES;
        at = end + 1;
    }
}

static int fitter_read(cli_fit *job)
{
    const char *figure = cli_text(job->args, "figure");
    gr_expr *expr;
    if (!(job->from < job->to))
        return cli_bad("--from %g is not below --to %g", job->from, job->to);
    int code = figure ? cli_check_figure("figure", figure, false) : CLI_YES;
    if (code == CLI_YES) code = fitter_widths(job);
    if (code != CLI_YES) return code;
    gr_status status = gr_expr_parse(job->text, NULL, &expr);
    if (status != GR_OK) return cli_failed(status);
    code = fitter_function(job, expr);
    job->input = code == CLI_YES ? cli_format("%s", job->input) : NULL;
    gr_expr_free(expr);
    return code;
}

static void fitter_print(const cli_fit *job)
{
    char net[32], bumps[32];
    if (!cli_flag(job->args, "quiet"))
        cli_print("%s, %s from %g to %g\n\n", job->text, job->input, job->from, job->to);
    cli_table *table = cli_table_new(">hidden units|>parameters|>largest error|>of as many bumps");
    for (int i = 0; i < job->n; i++) {
        snprintf(net, sizeof net, "%.4g", job->at[i].net_error);
        snprintf(bumps, sizeof bumps, "%.4g", job->at[i].bump_error);
        cli_table_cell(table, "%d", job->at[i].width);
        cli_table_cell(table, "%" PRId64, job->at[i].parameters);
        cli_table_cell(table, "%s", net);
        cli_table_cell(table, "%s", bumps);
    }
    cli_table_print(table);
}

static void fitter_print_json(const cli_fit *job)
{
    for (int i = 0; i < job->n; i++) {
        cli_json json = {0};
        cli_json_object(&json, NULL);
        cli_json_int(&json, "width", job->at[i].width);
        cli_json_int(&json, "parameters", job->at[i].parameters);
        cli_json_real(&json, "largest_error", job->at[i].net_error);
        cli_json_real(&json, "bumps_largest_error", job->at[i].bump_error);
        cli_json_end(&json);
    }
}

static int fitter_run(const cli_args *args)
{
    cli_fit *job = cli_alloc(1, sizeof *job);
    job->args = args;
    job->text = cli_operand(args, 0);
    job->from = cli_real(args, "from");
    job->to = cli_real(args, "to");
    int code = fitter_read(job);
    cli_catch_stop();
    for (int i = 0; i < job->n && code == CLI_YES; i++) {
        code = cli_fit_net(job, &job->at[i]);
        fitter_bumps(job, &job->at[i]);
    }
    const char *figure = cli_text(args, "figure");
    if (code == CLI_YES && figure) {
        gr_status status = cli_fit_draw(job, figure);
        if (status != GR_OK) code = cli_failed(status);
    }
    if (code == CLI_YES) (cli_flag(args, "json") ? fitter_print_json : fitter_print)(job);
    free((char *)(uintptr_t)job->input);
    free(job->at);
    free(job);
    return code;
}

static const cli_option fitter_options[] = {
    {.name = "widths",
     .kind = CLI_TEXT,
     .argument = "N,…",
     .fallback = "2,4,8,16,32,64",
     .help = "how many hidden units, and bumps"},
    {.name = "from",
     .kind = CLI_REAL,
     .argument = "X",
     .fallback = "-3",
     .help = "the interval: from"},
    {.name = "to", .kind = CLI_REAL, .argument = "X", .fallback = "3", .help = "to"},
    {.name = "activation",
     .kind = CLI_WORD,
     .argument = "tanh|sigmoid|relu",
     .fallback = "tanh",
     .help = "of the hidden units"},
    {.name = "points",
     .kind = CLI_INT,
     .argument = "N",
     .min = 2,
     .max = 2001,
     .fallback = "201",
     .help = "to train on, evenly spaced; errors are looked for at 2001",
     .group = "Training"},
    {.name = "steps",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e9,
     .fallback = "10000",
     .help = "of Adam, on all points, the rate falling as a cosine"},
    {.name = "rate",
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-9,
     .max = 100,
     .fallback = "0.01",
     .help = "learning rate at the start"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "of the first weights"},
    {.name = "figure",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the function with nets and bumps, and the errors (.svg, .pdf, .png)",
     .group = "Results"},
    {.name = "json", .help = "print a line of JSON for each width"},
    {.name = "quiet", .letter = 'q', .help = "print the table alone"},
    CLI_THREADS_OPTION,
    {0},
};

const cli_command cli_command_fit = {
    .name = "fit",
    .summary = "fit nets of growing width to a function of one number",
    .operands = "EXPRESSION",
    .about =
        "A net with one hidden layer comes as near as one likes to any continuous function, if "
        "it is wide enough; so does a sum of bumps, each constant on a part of the interval. "
        "Trains nets of several widths by the squared error and tells the largest error of "
        "each, beside that of as many bumps. Ctrl-C ends the training (exit status 130).",
    .examples = "gradus fit 'sin(3*x) * x'\n"
                "gradus fit 'abs(x)' --activation relu --widths 1,2,4 --figure abs.png\n"
                "gradus fit 'exp(-x^2)' --from -5 --to 5 --steps 20000",
    .exits = "a net's values are no numbers any more;",
    .least = 1,
    .most = 1,
    .options = fitter_options,
    .computes = true,
    .run = fitter_run,
};
