/* gradus curves: several trainings side by side, as a table and in one figure. */
#include "cli/curves.h"

#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVES_MOST = 28 }; /* lines that a figure tells apart */

static const char *const curves_quantities =
    "train_loss, val_loss, train_accuracy, val_accuracy, train_error, val_error, rate, "
    "gradient_norm";

/* ---- Options --------------------------------------------------------------------------------- */

static cli_curve curves_find(const char *word, size_t length)
{
    for (int i = CLI_CURVE_TRAIN_LOSS; i < CLI_CURVES; i++)
        if (strlen(cli_curve_names[i]) == length && memcmp(cli_curve_names[i], word, length) == 0)
            return (cli_curve)i;
    return CLI_CURVES;
}

static int curves_unknown(const char *option, const char *word, size_t length)
{
    return cli_bad("--%s: '%.*s' is none of %s", option, (int)length, word, curves_quantities);
}

/* "train_loss,val_accuracy" */
static int curves_read_show(const char *list, cli_curves_figure *figure)
{
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t length = strcspn(at, ",");
        const cli_curve curve = curves_find(at, length);
        if (curve == CLI_CURVES) return curves_unknown("show", at, length);
        for (int i = 0; i < figure->n; i++)
            if (figure->show[i] == curve)
                return cli_bad("--show: %s comes twice", cli_curve_names[curve]);
        figure->show[figure->n++] = curve;
    }
    return CLI_YES;
}

/* "train_error=0.25" */
static int curves_read_goal(const char *text, cli_curves_figure *figure)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;
    if (!equals)
        return cli_bad("--reach: '%s' should be a quantity and a value, as val_error=0.25", text);
    figure->goal = curves_find(text, (size_t)(equals - text));
    if (figure->goal == CLI_CURVES) return curves_unknown("reach", text, (size_t)(equals - text));
    figure->level = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(figure->level))
        return cli_bad("--reach: '%s' is not a number", equals + 1);
    return CLI_YES;
}

static int curves_read(const cli_args *args, cli_curves_figure *figure)
{
    const char *by = cli_text(args, "by"), *path = cli_text(args, "figure");
    int code = CLI_YES;
    *figure = (cli_curves_figure){
        .title = cli_text(args, "title"), .goal = CLI_CURVES, .log = cli_flag(args, "log")};
    while (strcmp(cli_curve_names[figure->by], by) != 0) figure->by++;
    if (cli_operands(args) > CURVES_MOST)
        return cli_bad("%d logs: a figure tells %d lines apart", cli_operands(args), CURVES_MOST);
    if (!path && (figure->title || figure->log || cli_given(args, "show")))
        return cli_bad("--show, --title and --log are for --figure");
    if (cli_given(args, "show")) code = curves_read_show(cli_text(args, "show"), figure);
    if (code == CLI_YES && cli_given(args, "reach"))
        code = curves_read_goal(cli_text(args, "reach"), figure);
    if (code == CLI_YES && path) code = cli_check_figure("figure", path, false);
    return code;
}

static bool curves_any(const cli_run *runs, int n, cli_curve curve)
{
    for (int i = 0; i < n; i++)
        if (cli_run_has(&runs[i], curve)) return true;
    return false;
}

/* What was asked for must be there; unasked, losses and accuracies are shown, with the goal's
 * error instead of its accuracy. */
static int curves_settle(const cli_run *runs, int n, cli_curves_figure *figure)
{
    for (int i = 0; i < figure->n; i++)
        if (!curves_any(runs, n, figure->show[i]))
            return cli_bad("--show: no log has %s", cli_curve_names[figure->show[i]]);
    if (figure->goal != CLI_CURVES && !curves_any(runs, n, figure->goal))
        return cli_bad("--reach: no log has %s", cli_curve_names[figure->goal]);
    if (!curves_any(runs, n, figure->by))
        return cli_bad("--by: no log has %s", cli_curve_names[figure->by]);
    if (figure->n > 0) return CLI_YES;
    const bool error = figure->goal == CLI_CURVE_TRAIN_ERROR || figure->goal == CLI_CURVE_VAL_ERROR;
    for (cli_curve curve = CLI_CURVE_TRAIN_LOSS; curve <= CLI_CURVE_VAL_ACCURACY; curve++) {
        const bool accuracy = curve >= CLI_CURVE_TRAIN_ACCURACY;
        const cli_curve shown = accuracy && error ? curve + 2 : curve;
        if (curves_any(runs, n, shown)) figure->show[figure->n++] = shown;
    }
    return CLI_YES;
}

/* ---- Results --------------------------------------------------------------------------------- */

static double curves_last(const cli_run *run, cli_curve curve)
{
    return run->value[curve][run->n - 1];
}

/* The quantities of the table's columns and of JSON. */
static const cli_curve curves_columns[] = {CLI_CURVE_TRAIN_LOSS, CLI_CURVE_TRAIN_ACCURACY,
                                           CLI_CURVE_VAL_LOSS, CLI_CURVE_VAL_ACCURACY};
enum { CURVES_COLUMNS = sizeof curves_columns / sizeof *curves_columns };

static void curves_cell(cli_table *table, double value)
{
    if (isnan(value))
        cli_table_cell(table, "%s", "-");
    else
        cli_table_cell(table, "%.4f", value);
}

/* A place along `by`: whole steps and times as people read them. */
static void curves_place(cli_table *table, cli_curve by, double place)
{
    char text[32];
    if (isnan(place))
        cli_table_cell(table, "%s", "-");
    else if (by == CLI_CURVE_SECONDS)
        cli_table_cell(table, "%s", cli_show_time(place, text, sizeof text));
    else
        cli_table_cell(table, "%.*f", by == CLI_CURVE_STEP ? 0 : 1, place);
}

static void curves_table(const cli_run *runs, int n, const cli_curves_figure *figure)
{
    char text[32];
    const bool goal = figure->goal != CLI_CURVES;
    char *reached = goal ? cli_format("|>%s %s at %s", cli_curve_labels[figure->goal],
                                      cli_show_real(figure->level, text, sizeof text),
                                      cli_curve_labels[figure->by])
                         : cli_format("%s", "");
    char *columns = cli_format("~run|>epochs|>loss|>accuracy|>val. loss|>val. accuracy|>test|>time"
                               "%s",
                               reached);
    cli_table *table = cli_table_new(columns);
    for (int i = 0; i < n; i++) {
        cli_table_cell(table, "%s", runs[i].name);
        cli_table_cell(table, "%.0f", curves_last(&runs[i], CLI_CURVE_EPOCH));
        for (int j = 0; j < CURVES_COLUMNS; j++)
            curves_cell(table, curves_last(&runs[i], curves_columns[j]));
        curves_cell(table, runs[i].test_accuracy);
        curves_place(table, CLI_CURVE_SECONDS, curves_last(&runs[i], CLI_CURVE_SECONDS));
        if (goal)
            curves_place(table, figure->by,
                         cli_run_reach(&runs[i], figure->goal, figure->level, figure->by));
    }
    cli_table_print(table);
    free(columns);
    free(reached);
}

static void curves_json(const cli_run *runs, int n, const cli_curves_figure *figure,
                        const char *path)
{
    static const cli_curve places[] = {CLI_CURVE_EPOCH, CLI_CURVE_STEP, CLI_CURVE_SECONDS};
    cli_json json = {.pretty = true};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "figure", path);
    cli_json_array(&json, "runs");
    for (int i = 0; i < n; i++) {
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", runs[i].name);
        for (int j = 0; j < 3; j++)
            cli_json_real(&json, cli_curve_names[places[j]], curves_last(&runs[i], places[j]));
        for (int j = 0; j < CURVES_COLUMNS; j++)
            cli_json_real(&json, cli_curve_names[curves_columns[j]],
                          curves_last(&runs[i], curves_columns[j]));
        cli_json_real(&json, "test_accuracy", runs[i].test_accuracy);
        if (figure->goal != CLI_CURVES) {
            cli_json_object(&json, "reached");
            for (int j = 0; j < 3; j++)
                cli_json_real(&json, cli_curve_names[places[j]],
                              cli_run_reach(&runs[i], figure->goal, figure->level, places[j]));
            cli_json_end(&json);
        }
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_end(&json);
}

static int curves_run(const cli_args *args)
{
    cli_curves_figure figure;
    int n = 0, code = curves_read(args, &figure);
    const char *path = cli_text(args, "figure");
    if (code != CLI_YES) return code;
    cli_run *runs = cli_alloc((size_t)cli_operands(args), sizeof *runs);
    while (n < cli_operands(args) && code == CLI_YES) {
        code = cli_run_read(cli_operand(args, n), &runs[n]);
        if (code == CLI_YES) n++;
    }
    if (code == CLI_YES) code = curves_settle(runs, n, &figure);
    if (code == CLI_YES && path) {
        gr_status status = cli_curves_draw(path, runs, n, &figure);
        if (status != GR_OK) code = cli_failed(status);
    }
    if (code == CLI_YES && cli_flag(args, "json"))
        curves_json(runs, n, &figure, path);
    else if (code == CLI_YES)
        curves_table(runs, n, &figure);
    for (int i = 0; i < n; i++) cli_run_clear(&runs[i]);
    free(runs);
    return code;
}

static const cli_option curves_options[] = {
    {.name = "figure",
     .letter = 'f',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the curves over each other (.svg, .pdf, .png)",
     .group = "Figure"},
    {.name = "show",
     .kind = CLI_TEXT,
     .argument = "LIST",
     .help = "a panel for each of train_loss, val_loss, train_accuracy, val_accuracy, train_error, "
             "val_error, rate, gradient_norm (default: losses and accuracies)"},
    {.name = "by",
     .kind = CLI_WORD,
     .argument = "epoch|step|seconds",
     .fallback = "epoch",
     .help = "against what"},
    {.name = "log", .help = "logarithmic scales (not of accuracies)"},
    {.name = "title", .kind = CLI_TEXT, .argument = "TEXT", .help = "above all panels"},
    {.name = "reach",
     .kind = CLI_TEXT,
     .argument = "WHAT=X",
     .help = "tell where each training first gets there: train_error=0.25",
     .group = "Results"},
    {.name = "json", .help = "print JSON"},
    {0},
};

const cli_command cli_command_curves = {
    .name = "curves",
    .summary = "compare trainings: their curves in one figure",
    .operands = "[NAME=]LOG…",
    .about = "A log is what gradus train --json has printed; - is standard input. A training is "
             "called NAME, or as its file. The table tells each one's last epoch, its accuracy on "
             "the test part and its time; --figure draws all of them, --reach tells when each "
             "came to a loss, an error or an accuracy.",
    .examples = "gradus train --data iris --net 'fc(8) |> relu |> fc(3)' --json >relu.json\n"
                "gradus train --data iris --net 'fc(8) |> tanh |> fc(3)' --json >tanh.json\n"
                "gradus curves relu.json tanh.json --figure curves.svg\n"
                "gradus curves ReLU=relu.json tanh.json --show train_error --reach train_error=0.1",
    .least = 1,
    .most = -1,
    .options = curves_options,
    .run = curves_run,
};
