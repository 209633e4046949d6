/* gradus linear: what came of it. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/spool.h"
#include "cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- As text --------------------------------------------------------------------------------- */

/* ---- Results --------------------------------------------------------------------------------- */

static void report_ways(const cli_linear *linear)
{
    cli_table *table =
        cli_table_new("<by|>steps|>time|>training loss|>training accuracy|>test accuracy");
    for (int i = 0; i < linear->n_ways; i++) {
        const cli_linear_way *const way = &linear->ways[i];
        char time[32], *name = cli_linear_way_name(linear, way);
        cli_table_cell(table, "%s", name);
        cli_table_cell(table, "%" PRId64, way->steps);
        cli_table_cell(table, "%s", cli_show_moment(way->seconds, time, sizeof time));
        cli_table_cell(table, "%.4f", way->train_loss);
        cli_table_cell(table, "%.4f", way->train_accuracy);
        cli_table_cell(table, "%.4f", way->test_accuracy);
        free(name);
    }
    cli_table_print(table);
    cli_print("\n");
}

static void report_numeric(const cli_linear_numeric *numeric)
{
    char numerical[32], analytic[32];
    if (numeric->evaluations == 0) return;
    cli_print("gradient  numerical: %" PRId64 " evaluations of the loss, %s; analytic: %s; "
              "relative error %.1e\n\n",
              numeric->evaluations, cli_show_moment(numeric->seconds, numerical, sizeof numerical),
              cli_show_moment(numeric->analytic_seconds, analytic, sizeof analytic),
              numeric->error);
}

static void report_result(const cli_linear *linear)
{
    const cli_linear_way *const best = &linear->ways[linear->best];
    char time[32], *name = cli_linear_way_name(linear, best);
    cli_print("test accuracy %.4f (%" PRId64 " of %" PRId64
              " right), training loss %.4f, %s, %" PRId64 " steps, %s\n",
              best->test_accuracy, best->right, gr_dataset_size(linear->test), best->train_loss,
              name, best->steps, cli_show_moment(best->seconds, time, sizeof time));
    free(name);
}

/* ---- As JSON --------------------------------------------------------------------------------- */

static void report_json_ways(const cli_linear *linear, cli_json *json)
{
    cli_json_array(json, "ways");
    for (int i = 0; i < linear->n_ways; i++) {
        const cli_linear_way *const way = &linear->ways[i];
        cli_json_object(json, NULL);
        cli_json_text(json, "strategy", cli_linear_strategy_word(way->strategy));
        if (way->strategy == CLI_LINEAR_GRADIENT)
            cli_json_int(json, "batch", way->batch ? way->batch : gr_dataset_size(linear->train));
        cli_json_int(json, "steps", way->steps);
        cli_json_real(json, "seconds", way->seconds);
        cli_json_real(json, "last_loss", way->curve.n ? way->curve.loss[way->curve.n - 1] : NAN);
        cli_json_real(json, "train_loss", way->train_loss);
        cli_json_real(json, "train_accuracy", way->train_accuracy);
        cli_json_real(json, "test_accuracy", way->test_accuracy);
        cli_json_end(json);
    }
    cli_json_end(json);
}

/* The first line, but for what stands open for the score and grey copies. */
static void report_json_begin(const cli_linear *linear, cli_json *json)
{
    const cli_linear_numeric *const numeric = &linear->numeric;
    cli_json_object(json, NULL);
    cli_json_text(json, "data", cli_spool_name(gr_dataset_name(linear->train)));
    cli_json_text(json, "loss", gr_loss_name(linear->loss));
    cli_json_int(json, "parameters", linear->rows * (linear->size + 1));
    cli_json_real(json, "rate", linear->optimizer.rate);
    cli_json_real(json, "first_loss", linear->first_loss);
    cli_json_real(json, "expected_loss", cli_linear_expected(linear));
    report_json_ways(linear, json);
    if (numeric->evaluations == 0) return;
    cli_json_object(json, "numerical_gradient");
    cli_json_int(json, "evaluations", numeric->evaluations);
    cli_json_real(json, "seconds", numeric->seconds);
    cli_json_real(json, "analytic_seconds", numeric->analytic_seconds);
    cli_json_real(json, "relative_error", numeric->error);
    cli_json_end(json);
}

static void report_json_end(const cli_linear *linear, cli_json *json)
{
    const cli_linear_way *const best = &linear->ways[linear->best];
    cli_json_end(json);
    cli_json_object(json, NULL);
    cli_json_real(json, "test_accuracy", best->test_accuracy);
    cli_json_int(json, "test_examples", gr_dataset_size(linear->test));
    cli_json_real(json, "seconds", best->seconds);
    cli_json_real(json, "peak_bytes", cli_peak_bytes());
    cli_json_end(json);
}

gr_status cli_linear_report(const cli_linear *linear)
{
    const cli_args *args = linear->args;
    cli_json json = {0};
    gr_status status = GR_OK;
    if (linear->json) report_json_begin(linear, &json);
    if (!linear->quiet && !linear->json) {
        report_numeric(&linear->numeric);
        if (linear->n_ways > 1) report_ways(linear);
    }
    if (cli_given(args, "score") || cli_given(args, "example"))
        status = cli_linear_score(linear, &json);
    if (status == GR_OK && cli_flag(args, "grey")) status = cli_linear_grey(linear, &json);
    if (status != GR_OK) return status;
    if (linear->json)
        report_json_end(linear, &json);
    else
        report_result(linear);
    return GR_OK;
}
