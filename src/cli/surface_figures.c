/* gradus surface: its figures, and what it prints. */
#include "cli/input.h"
#include "cli/out.h"
#include "cli/surface.h"
#include "cli/table.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Figures -------------------------------------------------------------------------------- */

static int figures_refuse_play(const cli_surface *surface)
{
    const char *const plane = cli_text(surface->args, "plane");
    const char *const dot = plane ? strrchr(plane, '.') : NULL;
    if (!cli_given(surface->args, "play")) return CLI_YES;
    if (dot && strcasecmp(dot, ".svg") == 0) return CLI_YES;
    return cli_bad("--play moves the paths of --plane FILE.svg; .png and .pdf stand still");
}

int cli_surface_check_figures(const cli_surface *surface)
{
    static const char *const options[] = {"line", "plane"};
    int code = CLI_YES;
    for (int i = 0; i < 2 && code == CLI_YES; i++)
        if (cli_given(surface->args, options[i]))
            code = cli_check_figure(options[i], cli_text(surface->args, options[i]), false);
    if (code == CLI_YES && cli_given(surface->args, "plane") && !surface->axis[1])
        return cli_bad("--plane: the expression has one input; --line draws it");
    return code == CLI_YES ? figures_refuse_play(surface) : code;
}

static const char *figures_title(const cli_surface *surface)
{
    return cli_given(surface->args, "title") ? cli_text(surface->args, "title") : surface->title;
}

/* On a logarithmic scale what is below this share of the greatest counts as that, or a minimum of
 * 0 that happens to be met would take all colours for itself. */
static const double figures_floor = 1e-5;

/* The values as they are drawn, to be freed. */
static double *figures_values(const cli_surface *surface, const double *values, size_t n)
{
    double *drawn = cli_alloc(n, sizeof *drawn);
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) most = fmax(most, values[i]);
    for (size_t i = 0; i < n; i++)
        drawn[i] =
            surface->log && values[i] < figures_floor * most ? figures_floor * most : values[i];
    return drawn;
}

static gr_status figures_line(const cli_surface *surface, const char *path)
{
    gr_figure *figure;
    const int n = surface->grounds;
    gr_status status = gr_figure_new(
        GR_FIGURE(.panels = n, .columns = n < 3 ? n : 3, .title = figures_title(surface),
                  .width = n == 1 ? 340 : 0, .height = n == 1 ? 230 : 0),
        &figure);
    for (int i = 0; i < n && status == GR_OK; i++) {
        const cli_ground *const ground = &surface->ground[i];
        status = gr_figure_panel(figure, i,
                                 GR_PANEL(.title = ground->title, .x_label = surface->axis[0],
                                          .y_label = ground->examples ? "loss" : "value",
                                          .y_log = surface->log));
        double *values = figures_values(surface, ground->line, (size_t)surface->points);
        if (status == GR_OK)
            status = gr_figure_add(figure, i,
                                   GR_SERIES(GR_SERIES_LINE, .x = surface->at[0], .y = values,
                                             .n = surface->points, .mark = -1));
        free(values);
    }
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* Paths of the plane's last panel, each from the same start. */
static gr_status figures_paths(const cli_surface *surface, gr_figure *figure)
{
    gr_status status = GR_OK;
    for (int i = 0; i < surface->paths && status == GR_OK; i++) {
        const cli_path *const path = &surface->path[i];
        status =
            gr_figure_add(figure, surface->grounds - 1,
                          GR_SERIES(GR_SERIES_LINE, .label = path->name, .x = path->x, .y = path->y,
                                    .n = path->n, .mark = 1.4, .width = 1.2, .plays = true));
    }
    return status;
}

static gr_status figures_panel(const cli_surface *surface, gr_figure *figure, int i)
{
    const cli_ground *const ground = &surface->ground[i];
    gr_status status = gr_figure_panel(
        figure, i,
        GR_PANEL(.title = ground->title, .x_label = surface->axis[0], .y_label = surface->axis[1],
                 .x_min = surface->low[0], .x_max = surface->high[0], .y_min = surface->low[1],
                 .y_max = surface->high[1]));
    const size_t n = (size_t)surface->points;
    double *values = figures_values(surface, ground->plane, n * n);
    if (status == GR_OK)
        status = gr_figure_grid(
            figure, i,
            GR_GRID(GR_GRID_FILLED, .rows = surface->points, .columns = surface->points,
                    .values = values, .x_min = surface->low[0], .x_max = surface->high[0],
                    .y_min = surface->low[1], .y_max = surface->high[1], .log = surface->log,
                    .map = surface->paths ? GR_MAP_FAINT : GR_MAP_SEQUENTIAL, .levels = 14,
                    .scale = ground->examples ? "loss" : ""));
    free(values);
    return status;
}

static gr_status figures_plane(const cli_surface *surface, const char *path)
{
    gr_figure *figure;
    const int n = surface->grounds, rows = (n + 2) / 3;
    gr_status status = gr_figure_new(
        GR_FIGURE(.panels = n, .columns = n < 3 ? n : 3, .title = figures_title(surface),
                  .width = n == 1 ? 400 : 0, .height = n == 1 ? 340 : 230 * (double)rows,
                  .seconds = cli_real(surface->args, "play")),
        &figure);
    for (int i = 0; i < n && status == GR_OK; i++) status = figures_panel(surface, figure, i);
    if (status == GR_OK) status = figures_paths(surface, figure);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

gr_status cli_surface_draw(const cli_surface *surface)
{
    const char *const line = cli_text(surface->args, "line");
    const char *const plane = cli_text(surface->args, "plane");
    gr_status status = line ? figures_line(surface, line) : GR_OK;
    return status == GR_OK && plane ? figures_plane(surface, plane) : status;
}

/* ---- Results -------------------------------------------------------------------------------- */

/* Least and greatest values, and where the least is. NaN are left out. */
typedef struct figures_extent {
    double least, most, at[2];
} figures_extent;

static figures_extent figures_measure(const cli_surface *surface, const cli_ground *ground)
{
    figures_extent extent = {.least = (double)NAN, .most = (double)NAN};
    const int n = surface->points;
    const double *const values = ground->plane ? ground->plane : ground->line;
    for (int i = 0; i < (ground->plane ? n * n : n); i++) {
        if (!(values[i] >= extent.least)) {
            if (isnan(values[i])) continue;
            extent.least = values[i];
            extent.at[0] = surface->at[0][i % n];
            extent.at[1] = ground->plane ? surface->at[1][i / n] : 0;
        }
        if (!(values[i] <= extent.most)) extent.most = values[i];
    }
    return extent;
}

static void figures_print_grounds(const cli_surface *surface)
{
    cli_table *table = cli_table_new(surface->ground[0].examples ? ">examples|>least|<at|>greatest"
                                                                 : ">least|<at|>greatest");
    for (int i = 0; i < surface->grounds; i++) {
        const cli_ground *const ground = &surface->ground[i];
        const figures_extent extent = figures_measure(surface, ground);
        if (ground->examples) cli_table_cell(table, "%" PRId64, ground->examples);
        cli_table_cell(table, "%.4g", extent.least);
        if (surface->axis[1])
            cli_table_cell(table, "%s = %.3g, %s = %.3g", surface->axis[0], extent.at[0],
                           surface->axis[1], extent.at[1]);
        else
            cli_table_cell(table, "%s = %.3g", surface->axis[0], extent.at[0]);
        cli_table_cell(table, "%.4g", extent.most);
    }
    cli_table_print(table);
}

static void figures_print_paths(const cli_surface *surface)
{
    if (surface->paths == 0) return;
    cli_table *table = cli_table_new("<optimizer|>steps|>value|<ends at");
    for (int i = 0; i < surface->paths; i++) {
        const cli_path *const path = &surface->path[i];
        cli_table_cell(table, "%s", path->name);
        cli_table_cell(table, "%d", path->n - 1);
        cli_table_cell(table, "%.4g", path->value[path->n - 1]);
        if (path->lost)
            cli_table_cell(table, "far away");
        else
            cli_table_cell(table, "%.4g, %.4g", path->x[path->n - 1], path->y[path->n - 1]);
    }
    cli_print("\n");
    cli_table_print(table);
}

void cli_surface_print(const cli_surface *surface)
{
    figures_print_grounds(surface);
    figures_print_paths(surface);
}

static void figures_json_row(cli_json *json, const char *key, const double *values, int n)
{
    cli_json_row(json, key);
    for (int i = 0; i < n; i++) cli_json_real(json, NULL, values[i]);
    cli_json_end(json);
}

static void figures_json_ground(cli_json *json, const cli_surface *surface,
                                const cli_ground *ground)
{
    const int n = surface->points;
    cli_json_object(json, NULL);
    if (ground->examples) cli_json_int(json, "examples", ground->examples);
    figures_json_row(json, "line", ground->line, n);
    if (ground->plane) {
        cli_json_array(json, "plane");
        for (int row = 0; row < n; row++)
            figures_json_row(json, NULL, ground->plane + (size_t)row * (size_t)n, n);
        cli_json_end(json);
    }
    cli_json_end(json);
}

static void figures_json_path(cli_json *json, const cli_path *path)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "optimizer", gr_optimizer_name(path->optimizer.kind));
    cli_json_real(json, "rate", path->optimizer.rate);
    cli_json_real(json, "momentum", path->optimizer.momentum);
    cli_json_bool(json, "minibatch", path->some);
    cli_json_bool(json, "lost", path->lost);
    figures_json_row(json, "x", path->x, path->n);
    figures_json_row(json, "y", path->y, path->n);
    figures_json_row(json, "value", path->value, path->n);
    cli_json_end(json);
}

void cli_surface_print_json(const cli_surface *surface)
{
    cli_json json = {.pretty = true};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "subject", surface->subject);
    cli_json_text(&json, "x_name", surface->axis[0]);
    if (surface->axis[1]) cli_json_text(&json, "y_name", surface->axis[1]);
    figures_json_row(&json, "x", surface->at[0], surface->points);
    if (surface->axis[1]) figures_json_row(&json, "y", surface->at[1], surface->points);
    cli_json_array(&json, "surfaces");
    for (int i = 0; i < surface->grounds; i++)
        figures_json_ground(&json, surface, &surface->ground[i]);
    cli_json_end(&json);
    cli_json_array(&json, "paths");
    for (int i = 0; i < surface->paths; i++) figures_json_path(&json, &surface->path[i]);
    cli_json_end(&json);
    cli_json_end(&json);
}
