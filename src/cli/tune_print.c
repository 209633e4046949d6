/* gradus tune: what is printed. */
#include "cli/line.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/table.h"
#include "cli/tune.h"

#include <gradus/machine.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_EDGE 0.02 /* of a range: so near is at its edge */

/* ---- Figures of merit ----------------------------------------------------------------------- */

double cli_tune_figure(const cli_tune *tune, const cli_tune_outcome *o)
{
    if (!tune->by_loss && !isnan(o->val_accuracy)) return o->val_accuracy;
    return isnan(o->val_loss) ? o->train_loss : o->val_loss;
}

static bool print_by_accuracy(const cli_tune *tune)
{
    const cli_tune_outcome *best = &tune->setting[tune->best].mean;
    return !tune->by_loss && !isnan(best->val_accuracy);
}

static bool print_validates(const cli_tune *tune)
{
    return tune->folds || tune->validation > 0;
}

const char *cli_tune_figure_name(const cli_tune *tune)
{
    if (print_by_accuracy(tune)) return "validation accuracy";
    return isnan(tune->setting[tune->best].mean.val_loss) ? "training loss" : "validation loss";
}

bool cli_tune_better(const cli_tune *tune, const cli_tune_outcome *a, const cli_tune_outcome *b)
{
    if (a->diverged || b->diverged) return !a->diverged;
    if (!tune->by_loss && a->val_accuracy != b->val_accuracy && !isnan(a->val_accuracy))
        return a->val_accuracy > b->val_accuracy;
    return isnan(a->val_loss) ? a->train_loss < b->train_loss : a->val_loss < b->val_loss;
}

/* Mean and deviation (of the sample) of one figure of the trainings. */
static double print_mean(const cli_tune *tune, const cli_tune_setting *s, size_t offset,
                         double *deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < tune->runs; i++)
        sum += *(const double *)((const char *)&s->outcome[i] + offset);
    const double mean = sum / tune->runs;
    for (int i = 0; i < tune->runs; i++) {
        const double apart = *(const double *)((const char *)&s->outcome[i] + offset) - mean;
        squares += apart * apart;
    }
    if (deviation) *deviation = tune->runs > 1 ? sqrt(squares / (tune->runs - 1)) : 0;
    return mean;
}

void cli_tune_weigh(const cli_tune *tune, cli_tune_setting *s)
{
    cli_tune_outcome *mean = &s->mean;
    mean->done = true;
    mean->train_loss =
        print_mean(tune, s, offsetof(cli_tune_outcome, train_loss), &s->loss_deviation);
    mean->val_loss = print_mean(tune, s, offsetof(cli_tune_outcome, val_loss), NULL);
    mean->val_accuracy =
        print_mean(tune, s, offsetof(cli_tune_outcome, val_accuracy), &s->accuracy_deviation);
    mean->seconds = print_mean(tune, s, offsetof(cli_tune_outcome, seconds), NULL);
    s->largest_loss = -INFINITY;
    for (int i = 0; i < tune->runs; i++) {
        mean->diverged = mean->diverged || s->outcome[i].diverged;
        s->largest_loss = fmax(s->largest_loss, s->outcome[i].train_loss);
    }
}

/* ---- Before --------------------------------------------------------------------------------- */

static void print_held(const cli_tune *tune)
{
    if (tune->sequence)
        cli_print("what the text holds out");
    else if (tune->folds)
        cli_print("%d folds of the training part", tune->folds);
    else if (tune->validation > 0)
        cli_print("%g %% of the training part", 100 * tune->validation);
    else
        cli_print("nothing: the training loss decides");
}

void cli_tune_announce(cli_tune *tune)
{
    if (tune->announced || tune->json || tune->quiet) return;
    tune->announced = true;
    cli_print("search    ");
    if (cli_given(tune->args, "against"))
        cli_print("grid and random, %d settings", tune->settings);
    else
        cli_print("%s, %d setting%s", tune->random ? "random" : "grid", tune->settings,
                  tune->settings == 1 ? "" : "s");
    if (tune->parameters) cli_print(" of ");
    for (int i = 0; i < tune->parameters; i++)
        cli_print("%s%s", i ? ", " : "", tune->parameter[i].name);
    if (tune->seeds > 1) cli_print(", each with %d seeds", tune->seeds);
    cli_print("\nvalidate  ");
    print_held(tune);
    cli_print("\n");
    if (tune->remembered)
        cli_print("results   %s: %d of %d trainings are there already\n", tune->path,
                  tune->remembered, tune->settings * tune->runs);
    cli_print("\n");
    cli_flush();
}

/* ---- On the way ----------------------------------------------------------------------------- */

/* A line at the foot of a terminal, which the next one overwrites. */
void cli_tune_progress(const cli_tune *tune)
{
    static double begin, last;
    static int from;
    const double now = cli_clock();
    const int all = tune->settings * tune->runs, done = tune->remembered + tune->trained;
    char left[48] = "";
    if (tune->json || tune->quiet) return;
    if (begin == 0) begin = now, from = done;
    if (now - last < .1) return;
    last = now;
    if (done > from) {
        char time[32];
        const double seconds = (now - begin) / (done - from) * (all - done);
        snprintf(left, sizeof left, "  %s left", cli_show_time(seconds, time, sizeof time));
    }
    cli_line("%d of %d trainings%s", done, all, left);
}

static void print_setting(const cli_tune *tune, int s)
{
    const cli_tune_outcome *mean = &tune->setting[s].mean;
    char *label = cli_tune_label(tune, &tune->setting[s]), time[32];
    int width = 1;
    for (int rest = tune->settings; rest >= 10; rest /= 10) width++;
    cli_line_clear();
    cli_print("%*d/%d%s%s", width, s + 1, tune->settings, *label ? "  " : "", label);
    if (mean->diverged) {
        cli_print("  diverged");
    } else {
        if (!isnan(mean->val_accuracy)) cli_print("  accuracy %.4f", mean->val_accuracy);
        cli_print("  loss %.4f", isnan(mean->val_loss) ? mean->train_loss : mean->val_loss);
    }
    cli_print("  %s\n", cli_show_time(mean->seconds * tune->runs, time, sizeof time));
    cli_flush();
    free(label);
}

static void print_settings_json(const cli_tune *tune, cli_json *json, const char *key, int s)
{
    cli_json_object(json, key);
    for (int i = 0; i < tune->parameters; i++) {
        const char *value = tune->setting[s].value[i];
        const double number = cli_tune_number(value);
        if (isnan(number))
            cli_json_text(json, tune->parameter[i].name, value);
        else
            cli_json_real(json, tune->parameter[i].name, number);
    }
    cli_json_end(json);
}

static void print_setting_json(const cli_tune *tune, int s)
{
    const cli_tune_setting *setting = &tune->setting[s];
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_int(&json, "trial", s + 1);
    print_settings_json(tune, &json, "settings", s);
    cli_json_real(&json, "val_accuracy", setting->mean.val_accuracy);
    cli_json_real(&json, "val_loss", setting->mean.val_loss);
    cli_json_real(&json, "train_loss", setting->mean.train_loss);
    cli_json_bool(&json, "diverged", setting->mean.diverged);
    if (tune->runs > 1) {
        cli_json_real(&json, "val_accuracy_deviation", setting->accuracy_deviation);
        cli_json_real(&json, "train_loss_deviation", setting->loss_deviation);
        cli_json_row(&json, "train_losses");
        for (int i = 0; i < tune->runs; i++)
            cli_json_real(&json, NULL, setting->outcome[i].train_loss);
        cli_json_end(&json);
    }
    cli_json_real(&json, "seconds", setting->mean.seconds * tune->runs);
    cli_json_end(&json);
    cli_flush();
}

void cli_tune_tell(cli_tune *tune)
{
    for (; tune->shown < tune->settings && tune->setting[tune->shown].left == 0; tune->shown++) {
        cli_tune_weigh(tune, &tune->setting[tune->shown]);
        if (tune->json)
            print_setting_json(tune, tune->shown);
        else if (!tune->quiet)
            print_setting(tune, tune->shown);
    }
}

/* ---- The table ------------------------------------------------------------------------------ */

static const cli_tune *print_sorting; /* qsort has no argument for it */

static int print_compare(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    const cli_tune_setting *s = print_sorting->setting;
    if (cli_tune_better(print_sorting, &s[x].mean, &s[y].mean)) return -1;
    if (cli_tune_better(print_sorting, &s[y].mean, &s[x].mean)) return 1;
    return (x > y) - (x < y);
}

/* Numbers of the settings, best first, to be freed. */
static int *print_order(const cli_tune *tune)
{
    int *order = cli_alloc((size_t)tune->settings, sizeof *order);
    for (int s = 0; s < tune->settings; s++) order[s] = s;
    print_sorting = tune;
    qsort(order, (size_t)tune->settings, sizeof *order, print_compare);
    return order;
}

static char *print_columns(const cli_tune *tune, bool accuracy)
{
    char *columns = cli_format("%s", "");
    for (int i = 0; i < tune->parameters; i++) {
        const cli_tune_parameter *p = &tune->parameter[i];
        const bool number = p->n == 0 || !isnan(cli_tune_number(p->word[0]));
        char *longer = cli_format("%s%c%s|", columns, number ? '>' : '~', p->name);
        free(columns);
        columns = longer;
    }
    const bool several = tune->runs > 1;
    char *all =
        cli_format("%s%s%s%s>training loss%s", columns, accuracy ? ">accuracy|" : "",
                   accuracy && several ? ">deviation|" : "", print_validates(tune) ? ">loss|" : "",
                   several ? "|>deviation|>largest" : "");
    free(columns);
    return all;
}

static void print_row(const cli_tune *tune, cli_table *table, int s, bool accuracy)
{
    const cli_tune_setting *setting = &tune->setting[s];
    const cli_tune_outcome *mean = &setting->mean;
    for (int i = 0; i < tune->parameters; i++) cli_table_cell(table, "%s", setting->value[i]);
    const struct {
        bool shown;
        double value;
    } cell[] = {{accuracy, mean->val_accuracy},
                {accuracy && tune->runs > 1, setting->accuracy_deviation},
                {print_validates(tune), mean->val_loss},
                {true, mean->train_loss},
                {tune->runs > 1, setting->loss_deviation},
                {tune->runs > 1, setting->largest_loss}};
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        if (!cell[i].shown) continue;
        if (mean->diverged)
            cli_table_cell(table, "diverged");
        else
            cli_table_cell(table, "%.4f", cell[i].value);
    }
}

static void print_table(const cli_tune *tune)
{
    const int top = (int)cli_int(tune->args, "top");
    const bool accuracy = !isnan(tune->setting[tune->best].mean.val_accuracy);
    char *columns = print_columns(tune, accuracy);
    cli_table *table = cli_table_new(columns);
    int *order = print_order(tune);
    for (int i = 0; i < tune->settings && i < top; i++) print_row(tune, table, order[i], accuracy);
    cli_print("\n");
    cli_table_print(table);
    if (top < tune->settings) cli_print("and %d more\n", tune->settings - top);
    free(order);
    free(columns);
}

/* ---- What is to be said of the best --------------------------------------------------------- */

/* Where in a range a value lies, from 0 to 1. */
static double print_place(const cli_tune_parameter *p, double value)
{
    if (p->log) return log(value / p->low) / log(p->high / p->low);
    return (value - p->low) / (p->high - p->low);
}

/* Least and largest number of a list of three and more; false: it is not one. */
static bool print_list_range(const cli_tune_parameter *p, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < p->n; i++) {
        const double number = cli_tune_number(p->word[i]);
        if (isnan(number)) return false;
        *low = fmin(*low, number);
        *high = fmax(*high, number);
    }
    return p->n >= 3;
}

/* At which end of what was tried does a value lie? -1: the lower, 1: the upper, 0: neither. */
static int print_side(const cli_tune_parameter *p, const char *text)
{
    const double value = cli_tune_number(text);
    double low, high;
    if (p->n == 0) {
        const double place = print_place(p, value);
        return place > 1 - PRINT_EDGE ? 1 : place < PRINT_EDGE ? -1 : 0;
    }
    if (!print_list_range(p, &low, &high)) return 0;
    return value == high ? 1 : value == low ? -1 : 0;
}

/* Is a setting as good as the best one, with a value that lies at no end? */
static bool print_has_inner(const cli_tune *tune, int i)
{
    for (int s = 0; s < tune->settings; s++)
        if (print_side(&tune->parameter[i], tune->setting[s].value[i]) == 0 &&
            !cli_tune_better(tune, &tune->setting[tune->best].mean, &tune->setting[s].mean))
            return true;
    return false;
}

/* Does a better value perhaps lie beyond what was tried? As print_side. Nothing lies beyond what
 * the option allows, and below 0. */
static int print_edge(const cli_tune *tune, int i)
{
    const cli_tune_parameter *p = &tune->parameter[i];
    const cli_option *o = p->option;
    const char *text = tune->setting[tune->best].value[i];
    const double value = cli_tune_number(text);
    const bool bounded = o && (o->min != 0 || o->max != 0);
    const int side = print_side(p, text);
    if (side < 0 && (value <= 0 || (bounded && value <= o->min))) return 0;
    if (side > 0 && bounded && value >= o->max) return 0;
    return side && !print_has_inner(tune, i) ? side : 0;
}

static void print_edges(const cli_tune *tune)
{
    for (int i = 0; i < tune->parameters; i++) {
        const int side = print_edge(tune, i);
        if (side == 0) continue;
        cli_warn("the best %s, %s, lies at the %s end of what was tried: look further %s",
                 tune->parameter[i].name, tune->setting[tune->best].value[i],
                 side > 0 ? "upper" : "lower", side > 0 ? "up" : "down");
    }
}

/* The next search: each range around the best, a quarter as long to either side. */
static void print_finer(const cli_tune *tune)
{
    bool any = false;
    for (int i = 0; i < tune->parameters; i++) {
        const cli_tune_parameter *p = &tune->parameter[i];
        const double value = cli_tune_number(tune->setting[tune->best].value[i]);
        if (p->n || (p->whole && p->high - p->low < 4)) continue;
        const double factor = pow(p->high / p->low, .25), step = (p->high - p->low) / 4;
        double low = p->log ? value / factor : value - step;
        double high = p->log ? value * factor : value + step;
        if (p->whole) low = floor(low), high = ceil(high);
        if (print_edge(tune, i) >= 0 && low < p->low) low = p->low;
        if (print_edge(tune, i) <= 0 && high > p->high) high = p->high;
        cli_print("%s--try %s=%.*g..%.*g%s", any ? " " : "finer     ", p->name, p->whole ? 15 : 2,
                  low, p->whole ? 15 : 2, high, p->log ? ":log" : "");
        any = true;
    }
    if (any) cli_print("\n");
}

/* ---- Grid against random -------------------------------------------------------------------- */

/* Among the grid's settings or those drawn: the best, and how many values of the first parameter
 * there are. */
static int print_half(const cli_tune *tune, bool drawn, int *values)
{
    int best = -1;
    *values = 0;
    for (int s = 0; s < tune->settings; s++) {
        if (tune->setting[s].drawn != drawn) continue;
        if (best < 0 || cli_tune_better(tune, &tune->setting[s].mean, &tune->setting[best].mean))
            best = s;
        bool first = true;
        for (int k = 0; k < s && first; k++)
            first = tune->setting[k].drawn != drawn ||
                    strcmp(tune->setting[k].value[0], tune->setting[s].value[0]) != 0;
        *values += first;
    }
    return best;
}

static void print_against(const cli_tune *tune)
{
    for (int drawn = 0; drawn < 2; drawn++) {
        int values;
        const int best = print_half(tune, drawn, &values);
        cli_print("%s%d values of %s, best %s %.4f\n", drawn ? "random    " : "grid      ", values,
                  tune->parameter[0].name, cli_tune_figure_name(tune),
                  cli_tune_figure(tune, &tune->setting[best].mean));
    }
}

/* ---- The end -------------------------------------------------------------------------------- */

static void print_best_line(const cli_tune *tune)
{
    const cli_tune_setting *best = &tune->setting[tune->best];
    char *label = cli_tune_label(tune, best);
    cli_print("best      %s%s%s %.4f\n", label, *label ? ": " : "", cli_tune_figure_name(tune),
              cli_tune_figure(tune, &best->mean));
    free(label);
}

void cli_tune_print_best(const cli_tune *tune)
{
    if (!tune->json && !tune->quiet) {
        cli_line_clear();
        print_table(tune);
        cli_print("\n");
        if (cli_given(tune->args, "against")) print_against(tune);
        print_best_line(tune);
        print_finer(tune);
        char *line = cli_tune_command(tune, &tune->setting[tune->best]);
        cli_print("train     %s\n", line);
        free(line);
    } else if (!tune->json && cli_flag(tune->args, "no-test")) {
        print_best_line(tune); /* there is no other result */
    }
    cli_flush();
    print_edges(tune);
}

static void print_test_json(const cli_tune *tune)
{
    cli_json json = {0};
    const cli_tune_test *test = &tune->test;
    const cli_tune_setting *best = &tune->setting[tune->best];
    char *line = cli_tune_command(tune, best);
    cli_json_object(&json, NULL);
    cli_json_real(&json, "test_accuracy", test->tested ? test->accuracy : NAN);
    cli_json_real(&json, "test_loss", test->tested ? test->loss : NAN);
    cli_json_int(&json, "test_examples", test->count);
    print_settings_json(tune, &json, "settings", tune->best);
    cli_json_real(&json, "val_accuracy", best->mean.val_accuracy);
    cli_json_real(&json, "val_loss", best->mean.val_loss);
    cli_json_int(&json, "trials", tune->settings);
    cli_json_row(&json, "edges");
    for (int i = 0; i < tune->parameters; i++)
        if (print_edge(tune, i)) cli_json_text(&json, NULL, tune->parameter[i].name);
    cli_json_end(&json);
    cli_json_text(&json, "command", line);
    cli_json_text(&json, "model", test->done ? cli_text(tune->args, "out") : NULL);
    cli_json_end(&json);
    free(line);
}

void cli_tune_print_test(const cli_tune *tune)
{
    const cli_tune_test *test = &tune->test;
    if (tune->json) {
        print_test_json(tune);
        return;
    }
    cli_line_clear();
    if (test->done && cli_text(tune->args, "out") && !tune->quiet)
        cli_print("model     %s\n", cli_text(tune->args, "out"));
    if (!test->tested) {
        if (!tune->quiet)
            cli_print("\n%s\n", !test->done      ? "The test part has not been touched."
                                : tune->sequence ? "What the text holds out has validated: there "
                                                   "is no other part to test on."
                                                 : "There is no test part.");
        return;
    }
    if (!tune->quiet)
        cli_print("\nThe test part %s touched once, %s, by the best settings alone.\n",
                  test->known ? "was" : "is", test->known ? "as the results say" : "now");
    if (isnan(test->accuracy))
        cli_print("test loss %.4f (%" PRId64 " examples)\n", test->loss, test->count);
    else
        cli_print("%stest accuracy %.4f%s (%" PRId64 " of %" PRId64 " right), loss %.4f\n",
                  cli_color(CLI_BOLD), test->accuracy, cli_color(CLI_PLAIN), test->correct,
                  test->count, test->loss);
}
