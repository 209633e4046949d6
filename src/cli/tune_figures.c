/* gradus tune: figures of a search. */
#include "cli/input.h"
#include "cli/out.h"
#include "cli/tune.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEARCH_COLUMNS = 3, /* panels in a row */
    SEARCH_SPREAD = 24, /* settings beside each other */
    SEARCH_TICKS = 24,
    SEARCH_FINE = 81, /* cells along a side of a map of draws, each draw a square of five */
    SEARCH_REACH = 2,
    SEARCH_BEST = 2, /* colours: vermilion */
    SEARCH_GRID = 1,
    SEARCH_DRAWN = 3,
};

int cli_tune_check_figures(const cli_tune *tune)
{
    static const char *const options[] = {"figure", "heat", "against", "spread"};
    int code = CLI_YES;
    if (cli_given(tune->args, "figure") && tune->parameters == 0)
        return cli_bad("--figure shows what is tried: it needs --try");
    if (cli_given(tune->args, "heat") && tune->parameters < 2)
        return cli_bad("--heat is a map of two things: it needs --try twice");
    if (cli_given(tune->args, "spread") && tune->seeds < 2)
        return cli_bad("--spread shows what seeds do: it needs --seeds N");
    if (cli_given(tune->args, "against") &&
        (tune->parameters != 2 || tune->parameter[0].n || tune->parameter[1].n))
        return cli_bad("--against compares grid and random search over two ranges: --try A=1..2 "
                       "--try B=1..2");
    for (size_t i = 0; i < sizeof options / sizeof *options && code == CLI_YES; i++) {
        const char *path = cli_text(tune->args, options[i]);
        if (path) code = cli_check_figure(options[i], path, false);
    }
    return code;
}

/* ---- Axes ----------------------------------------------------------------------------------- */

/* An axis on which every value of a parameter has a place: a list's words at 0, 1, …; a range as it
 * is, or (`powers`, for grids of cells, which know no logarithms) by its logarithm. */
typedef struct search_axis {
    const cli_tune_parameter *parameter;
    bool words, log;
    double base;      /* of the logarithm: whole numbers are told by doubling */
    double low, high; /* of a range */
    char *name[SEARCH_TICKS];
    int names;
} search_axis;

/* Where a range's value lies by its logarithm, from the last power of the base at or below it. */
static double search_power(const search_axis *axis, double value)
{
    const double scale = log(axis->base);
    return log(value) / scale - floor(log(axis->parameter->low) / scale + 1e-9);
}

static void search_axis_powers(search_axis *axis)
{
    const double first = floor(log(axis->parameter->low) / log(axis->base) + 1e-9);
    char text[32];
    axis->low = search_power(axis, axis->parameter->low);
    axis->high = search_power(axis, axis->parameter->high);
    for (int k = 0; k <= axis->high + 1 && axis->names < SEARCH_TICKS; k++) {
        snprintf(text, sizeof text, "%.6g", pow(axis->base, first + k));
        axis->name[axis->names++] = cli_format("%s", text);
    }
}

static void search_axis_of(const cli_tune_parameter *p, bool powers, search_axis *axis)
{
    *axis = (search_axis){.parameter = p, .low = p->low, .high = p->high};
    axis->words = p->n > 0;
    axis->log = !axis->words && p->log;
    axis->base = p->low >= 1 ? 2 : 10;
    if (axis->words)
        for (int i = 0; i < p->n && i < SEARCH_TICKS; i++)
            axis->name[axis->names++] = cli_format("%s", p->word[i]);
    else if (axis->log && powers)
        search_axis_powers(axis);
}

static void search_axis_clear(search_axis *axis)
{
    for (int i = 0; i < axis->names; i++) free(axis->name[i]);
}

static double search_place(const search_axis *axis, const char *value)
{
    for (int i = 0; axis->words && i < axis->parameter->n; i++)
        if (strcmp(axis->parameter->word[i], value) == 0) return i;
    const double number = cli_tune_number(value);
    return axis->names ? search_power(axis, number) : number;
}

/* ---- One panel for each parameter ----------------------------------------------------------- */

static gr_status search_points(gr_figure *figure, int panel, const double *x, const double *y,
                               int n, const char *label, int color)
{
    if (n == 0) return GR_OK;
    return gr_figure_add(figure, panel,
                         GR_SERIES(GR_SERIES_POINTS, .label = label, .x = x, .y = y, .n = n,
                                   .color = color, .mark = 2.5));
}

static gr_status search_parameter(const cli_tune *tune, gr_figure *figure, int i)
{
    search_axis axis;
    int n = 0;
    double *x = cli_alloc((size_t)tune->settings, sizeof *x);
    double *y = cli_alloc((size_t)tune->settings, sizeof *y);
    search_axis_of(&tune->parameter[i], false, &axis);
    for (int s = 0; s < tune->settings; s++) {
        if (tune->setting[s].mean.diverged || s == tune->best) continue;
        x[n] = search_place(&axis, tune->setting[s].value[i]);
        y[n++] = cli_tune_figure(tune, &tune->setting[s].mean);
    }
    const double best_x = search_place(&axis, tune->setting[tune->best].value[i]);
    const double best_y = cli_tune_figure(tune, &tune->setting[tune->best].mean);
    gr_status status = gr_figure_panel(
        figure, i,
        GR_PANEL(.x_label = tune->parameter[i].name,
                 .y_label = i % SEARCH_COLUMNS ? NULL : cli_tune_figure_name(tune),
                 .x_log = axis.log, .x_names = axis.names ? (const char *const *)axis.name : NULL,
                 .x_count = axis.names, .x_min = axis.words ? -.5 : 0,
                 .x_max = axis.words ? axis.names - .5 : 0));
    if (status == GR_OK) status = search_points(figure, i, x, y, n, i ? NULL : "a setting", 1);
    if (status == GR_OK)
        status = search_points(figure, i, &best_x, &best_y, 1, i ? NULL : "the best", SEARCH_BEST);
    search_axis_clear(&axis);
    free(x);
    free(y);
    return status;
}

static gr_status search_parameters(const cli_tune *tune, const char *path)
{
    gr_figure *figure;
    const int columns = tune->parameters < SEARCH_COLUMNS ? tune->parameters : SEARCH_COLUMNS;
    gr_status status =
        gr_figure_new(GR_FIGURE(.panels = tune->parameters, .columns = columns), &figure);
    if (status != GR_OK) return status;
    for (int i = 0; i < tune->parameters && status == GR_OK; i++)
        status = search_parameter(tune, figure, i);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- The map of two ------------------------------------------------------------------------- */

typedef struct search_map {
    search_axis axis[2]; /* x, y */
    double x[CLI_TUNE_WORDS], y[CLI_TUNE_WORDS];
    int rows, columns;
    double *values;
    char *x_name[CLI_TUNE_WORDS], *y_name[CLI_TUNE_WORDS];
} search_map;

static void search_map_put(const cli_tune *tune, const search_map *map, int row, int column, int s)
{
    if (row < 0 || column < 0 || row >= map->rows || column >= map->columns) return;
    double *cell = &map->values[row * map->columns + column];
    const cli_tune_outcome *mean = &tune->setting[s].mean;
    const double value = cli_tune_figure(tune, mean);
    const cli_tune_outcome *best = &tune->setting[tune->best].mean;
    const bool by_accuracy = !tune->by_loss && !isnan(best->val_accuracy);
    if (mean->diverged) return;
    if (isnan(*cell) || (by_accuracy ? value > *cell : value < *cell)) *cell = value;
}

static void search_map_new(search_map *map, int rows, int columns)
{
    map->rows = rows;
    map->columns = columns;
    map->values = cli_alloc((size_t)(rows * columns), sizeof *map->values);
    for (int i = 0; i < rows * columns; i++) map->values[i] = NAN;
}

static int search_find(char *const *names, int n, const char *value)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], value) == 0) return i;
    return -1;
}

/* Of a grid: a cell for each pair, with its number. */
static gr_status search_map_cells(const cli_tune *tune, gr_figure *figure, search_map *map)
{
    const int columns = cli_tune_points(tune, &tune->parameter[0], map->x_name);
    const int rows = cli_tune_points(tune, &tune->parameter[1], map->y_name);
    search_map_new(map, rows, columns);
    for (int s = 0; s < tune->settings; s++)
        search_map_put(tune, map, search_find(map->y_name, rows, tune->setting[s].value[1]),
                       search_find(map->x_name, columns, tune->setting[s].value[0]), s);
    gr_status status = gr_figure_panel(
        figure, 0,
        GR_PANEL(.x_label = tune->parameter[0].name, .y_label = tune->parameter[1].name,
                 .x_names = (const char *const *)map->x_name, .x_count = columns,
                 .y_names = (const char *const *)map->y_name, .y_count = rows));
    if (status == GR_OK)
        status =
            gr_figure_grid(figure, 0,
                           GR_GRID(GR_GRID_CELLS, .rows = rows, .columns = columns,
                                   .values = map->values, .scale = cli_tune_figure_name(tune)));
    double least = INFINITY, most = -INFINITY;
    for (int i = 0; i < rows * columns; i++) {
        if (isnan(map->values[i])) continue;
        least = fmin(least, map->values[i]);
        most = fmax(most, map->values[i]);
    }
    for (int i = 0; i < rows * columns && status == GR_OK; i++) {
        const int row = i / columns;
        const double value = map->values[i];
        char *text = isnan(value) ? cli_format("diverged")
                                  : cli_format(fabs(value) < 10 ? "%.3f" : "%.3g", value);
        const bool dark = value - least < .6 * (most - least);
        status = gr_figure_note(figure, 0,
                                GR_NOTE(.text = text, .x = i % columns, .y = row, .width = .95,
                                        .color = !isnan(value) && dark ? -1 : 0));
        free(text);
    }
    return status;
}

/* Of draws: a small square for each, at its place. */
static gr_status search_map_draws(const cli_tune *tune, gr_figure *figure, search_map *map)
{
    double low[2], high[2];
    for (int i = 0; i < 2; i++) {
        const cli_tune_parameter *p = &tune->parameter[i];
        low[i] = p->n ? -.5 : map->axis[i].low;
        high[i] = p->n ? p->n - .5 : map->axis[i].high;
        const double margin = .05 * (high[i] - low[i]);
        if (!p->n) low[i] -= margin, high[i] += margin;
    }
    search_map_new(map, SEARCH_FINE, SEARCH_FINE);
    for (int s = 0; s < tune->settings; s++) {
        int at[2];
        for (int i = 0; i < 2; i++) {
            const double place = search_place(&map->axis[i], tune->setting[s].value[i]);
            at[i] = (int)((place - low[i]) / (high[i] - low[i]) * (SEARCH_FINE - 1) + .5);
        }
        for (int r = -SEARCH_REACH; r <= SEARCH_REACH; r++)
            for (int c = -SEARCH_REACH; c <= SEARCH_REACH; c++)
                search_map_put(tune, map, at[1] + r, at[0] + c, s);
    }
    const search_axis *x = &map->axis[0], *y = &map->axis[1];
    gr_status status = gr_figure_panel(
        figure, 0,
        GR_PANEL(.x_label = tune->parameter[0].name, .y_label = tune->parameter[1].name,
                 .x_names = x->names ? (const char *const *)x->name : NULL, .x_count = x->names,
                 .y_names = y->names ? (const char *const *)y->name : NULL, .y_count = y->names,
                 .x_min = low[0], .x_max = high[0], .y_min = low[1], .y_max = high[1]));
    if (status != GR_OK) return status;
    return gr_figure_grid(figure, 0,
                          GR_GRID(GR_GRID_CELLS, .rows = SEARCH_FINE, .columns = SEARCH_FINE,
                                  .values = map->values, .x_min = low[0], .x_max = high[0],
                                  .y_min = low[1], .y_max = high[1],
                                  .scale = cli_tune_figure_name(tune)));
}

static gr_status search_heat(const cli_tune *tune, const char *path)
{
    gr_figure *figure;
    search_map map = {0};
    char *title = tune->parameters > 2 ? cli_format("the best of what else was tried") : NULL;
    gr_status status =
        gr_figure_new(GR_FIGURE(.width = 360, .height = 270, .title = title), &figure);
    free(title);
    if (status != GR_OK) return status;
    for (int i = 0; i < 2; i++) search_axis_of(&tune->parameter[i], true, &map.axis[i]);
    status =
        tune->random ? search_map_draws(tune, figure, &map) : search_map_cells(tune, figure, &map);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    for (int i = 0; i < 2; i++) search_axis_clear(&map.axis[i]);
    for (int i = 0; i < CLI_TUNE_WORDS; i++) {
        free(map.x_name[i]);
        free(map.y_name[i]);
    }
    free(map.values);
    return status;
}

/* ---- Grid against random -------------------------------------------------------------------- */

/* The range of a parameter's axis, with some room. */
static void search_room(const cli_tune_parameter *p, double ends[2])
{
    const double factor = pow(p->high / p->low, .06), step = .06 * (p->high - p->low);
    ends[0] = p->log ? p->low / factor : p->low - step;
    ends[1] = p->log ? p->high * factor : p->high + step;
}

/* Above: what each setting is worth, by the first parameter alone. Below: where it lies. */
static gr_status search_half(const cli_tune *tune, gr_figure *figure, bool drawn,
                             const double range[2])
{
    const cli_tune_parameter *p = tune->parameter;
    const int column = drawn, color = drawn ? SEARCH_DRAWN : SEARCH_GRID;
    double x_end[2], y_end[2];
    int n = 0;
    double *x = cli_alloc((size_t)tune->settings, 3 * sizeof *x);
    double *y = x + tune->settings, *worth = y + tune->settings;
    for (int s = 0; s < tune->settings; s++) {
        if (tune->setting[s].drawn != drawn) continue;
        const cli_tune_outcome *mean = &tune->setting[s].mean;
        x[n] = cli_tune_number(tune->setting[s].value[0]);
        y[n] = cli_tune_number(tune->setting[s].value[1]);
        worth[n++] = mean->diverged ? NAN : cli_tune_figure(tune, mean);
    }
    search_room(&p[0], x_end);
    search_room(&p[1], y_end);
    gr_status status = gr_figure_panel(
        figure, column,
        GR_PANEL(.title = drawn ? "random search" : "grid search",
                 .y_label = drawn ? NULL : cli_tune_figure_name(tune), .x_log = p[0].log,
                 .x_min = x_end[0], .x_max = x_end[1], .y_min = range[0], .y_max = range[1]));
    if (status == GR_OK)
        status = gr_figure_panel(figure, 2 + column,
                                 GR_PANEL(.x_label = p[0].name, .y_label = p[1].name,
                                          .x_log = p[0].log, .y_log = p[1].log, .x_min = x_end[0],
                                          .x_max = x_end[1], .y_min = y_end[0], .y_max = y_end[1]));
    if (status == GR_OK) status = search_points(figure, column, x, worth, n, NULL, color);
    if (status == GR_OK) status = search_points(figure, 2 + column, x, y, n, NULL, color);
    for (int i = 0; i < n && status == GR_OK; i++)
        status = gr_figure_add(figure, 2 + column, GR_SERIES(GR_SERIES_MARK, .x = &x[i], .n = 1));
    free(x);
    return status;
}

static gr_status search_against(const cli_tune *tune, const char *path)
{
    gr_figure *figure;
    double range[2] = {INFINITY, -INFINITY};
    for (int s = 0; s < tune->settings; s++) {
        const cli_tune_outcome *mean = &tune->setting[s].mean;
        if (mean->diverged) continue;
        range[0] = fmin(range[0], cli_tune_figure(tune, mean));
        range[1] = fmax(range[1], cli_tune_figure(tune, mean));
    }
    const double margin = .08 * (range[1] - range[0]) + 1e-6;
    range[0] -= margin;
    range[1] += margin;
    gr_status status =
        gr_figure_new(GR_FIGURE(.panels = 4, .columns = 2, .width = 480, .height = 400), &figure);
    if (status != GR_OK) return status;
    status = search_half(tune, figure, false, range);
    if (status == GR_OK) status = search_half(tune, figure, true, range);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- What seeds do -------------------------------------------------------------------------- */

static int search_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The losses of one setting, sorted, those of equal height beside each other. */
static gr_status search_column(const cli_tune *tune, gr_figure *figure, int s)
{
    const cli_tune_setting *setting = &tune->setting[s];
    const int runs = tune->runs;
    double *x = cli_alloc((size_t)runs, 2 * sizeof *x), *y = x + runs;
    int n = 0;
    for (int i = 0; i < runs; i++)
        if (!setting->outcome[i].diverged) y[n++] = setting->outcome[i].train_loss;
    qsort(y, (size_t)n, sizeof *y, search_compare);
    for (int i = 0; i < n; i++) x[i] = s + .3 * (2 * fmod(i * .6180339887, 1) - 1);
    const double ends[2] = {s - .38, s + .38};
    const double mean[2] = {setting->mean.train_loss, setting->mean.train_loss};
    gr_status status = search_points(figure, 0, x, y, n, s ? NULL : "a seed", 1);
    if (status == GR_OK && !setting->mean.diverged)
        status = gr_figure_add(figure, 0,
                               GR_SERIES(GR_SERIES_LINE, .label = s ? NULL : "mean", .x = ends,
                                         .y = mean, .n = 2, .color = SEARCH_BEST, .mark = -1));
    free(x);
    return status;
}

static gr_status search_spread(const cli_tune *tune, const char *path)
{
    gr_figure *figure;
    char *name[SEARCH_SPREAD];
    const int n = tune->settings < SEARCH_SPREAD ? tune->settings : SEARCH_SPREAD;
    const bool one = tune->parameters == 1;
    const double width = 150 + 70 * (double)n;
    gr_status status = gr_figure_new(GR_FIGURE(.width = width, .height = 260), &figure);
    if (status != GR_OK) return status;
    for (int s = 0; s < n; s++)
        name[s] = one ? cli_format("%s", tune->setting[s].value[0])
                      : cli_tune_label(tune, &tune->setting[s]);
    status = gr_figure_panel(figure, 0,
                             GR_PANEL(.x_label = one ? tune->parameter[0].name : NULL,
                                      .y_label = "final training loss",
                                      .x_names = (const char *const *)name, .x_count = n,
                                      .x_min = -.5, .x_max = n - .5));
    for (int s = 0; s < n && status == GR_OK; s++) status = search_column(tune, figure, s);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    for (int s = 0; s < n; s++) free(name[s]);
    return status;
}

int cli_tune_draw(const cli_tune *tune)
{
    const struct {
        const char *option;
        gr_status (*draw)(const cli_tune *tune, const char *path);
    } figure[] = {{"figure", search_parameters},
                  {"heat", search_heat},
                  {"against", search_against},
                  {"spread", search_spread}};
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
        const char *path = cli_text(tune->args, figure[i].option);
        gr_status status = path ? figure[i].draw(tune, path) : GR_OK;
        if (status != GR_OK) return cli_failed(status);
    }
    return CLI_YES;
}
