/* Figures: what is in them. */
#include "plot/figure.h"

#include <math.h>

#define FIGURE_MAX_PANELS 8
#define FIGURE_PANEL_WIDTH 270.0
#define FIGURE_PANEL_HEIGHT 200.0
#define FIGURE_MIN_WIDTH 120.0 /* of a panel */
#define FIGURE_MIN_HEIGHT 100.0
#define FIGURE_MAX_SIDE 10000.0
#define FIGURE_DPI 200.0

static void figure_panel_free(plot_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        gr_free(panel->series[i].label);
        gr_free(panel->series[i].x);
        gr_free(panel->series[i].y);
    }
    gr_free(panel->series);
    gr_free(panel->title);
    gr_free(panel->x_label);
    gr_free(panel->y_label);
}

void gr_figure_free(gr_figure *figure)
{
    if (!figure) return;
    for (int i = 0; figure->panel && i < figure->panels; i++) figure_panel_free(&figure->panel[i]);
    gr_free(figure->panel);
    gr_free(figure->title);
    gr_free(figure);
}

/* Copies a text that may be NULL or empty (then *copy is NULL). */
static gr_status figure_text(const char *text, char **copy)
{
    *copy = NULL;
    if (!text || !*text) return GR_OK;
    *copy = gr_strdup(text);
    return *copy ? GR_OK : GR_NO_MEMORY;
}

static gr_status figure_fill(gr_figure *figure, const gr_figure_options *options)
{
    figure->panels = options->panels ? options->panels : 1;
    if (figure->panels < 1 || figure->panels > FIGURE_MAX_PANELS) {
        return gr_fail(GR_INVALID, "figure: %d panels; 1 to %d are possible", options->panels,
                       FIGURE_MAX_PANELS);
    }
    figure->width = options->width > 0 ? options->width : FIGURE_PANEL_WIDTH * figure->panels;
    figure->height = options->height > 0 ? options->height : FIGURE_PANEL_HEIGHT;
    figure->dpi = options->dpi > 0 ? options->dpi : FIGURE_DPI;
    if (!(figure->width / figure->panels >= FIGURE_MIN_WIDTH) ||
        !(figure->height >= FIGURE_MIN_HEIGHT) || !(figure->width <= FIGURE_MAX_SIDE) ||
        !(figure->height <= FIGURE_MAX_SIDE)) {
        return gr_fail(GR_INVALID,
                       "figure: %g by %g points for %d panels; a panel needs %g by %g, and %g is "
                       "the longest side",
                       figure->width, figure->height, figure->panels, FIGURE_MIN_WIDTH,
                       FIGURE_MIN_HEIGHT, FIGURE_MAX_SIDE);
    }
    figure->panel = gr_alloc_array((size_t)figure->panels, sizeof *figure->panel);
    if (!figure->panel) return GR_NO_MEMORY;
    return figure_text(options->title, &figure->title);
}

gr_status gr_figure_new(const gr_figure_options *options, gr_figure **out)
{
    *out = NULL;
    gr_figure *figure = gr_alloc(sizeof *figure);
    if (!figure) return GR_NO_MEMORY;
    gr_status status = figure_fill(figure, options ? options : &(gr_figure_options){0});
    if (status != GR_OK) {
        gr_figure_free(figure);
        return status;
    }
    *out = figure;
    return GR_OK;
}

static gr_status figure_find(gr_figure *figure, int panel, plot_panel **out)
{
    if (panel < 0 || panel >= figure->panels) {
        return gr_fail(GR_RANGE, "figure: there is no panel %d among its %d", panel,
                       figure->panels);
    }
    *out = &figure->panel[panel];
    return GR_OK;
}

/* A range given by the caller: none (both 0), or ends in order, above 0 on a logarithmic axis. */
static gr_status figure_check_range(const char *axis, double low, double high, bool log)
{
    if (low == 0 && high == 0) return GR_OK;
    if (isfinite(low) && isfinite(high) && low < high && (!log || low > 0)) return GR_OK;
    return gr_fail(GR_INVALID, "figure: the %s axis cannot reach from %g to %g%s", axis, low, high,
                   log ? " on a logarithmic scale" : "");
}

gr_status gr_figure_panel(gr_figure *figure, int index, const gr_panel *axes)
{
    plot_panel *panel = NULL;
    char *text[3] = {NULL, NULL, NULL};
    GR_TRY(figure_find(figure, index, &panel));
    GR_TRY(figure_check_range("x", axes->x_min, axes->x_max, axes->x_log));
    GR_TRY(figure_check_range("y", axes->y_min, axes->y_max, axes->y_log));
    gr_status status = figure_text(axes->title, &text[0]);
    if (status == GR_OK) status = figure_text(axes->x_label, &text[1]);
    if (status == GR_OK) status = figure_text(axes->y_label, &text[2]);
    if (status != GR_OK) {
        for (int i = 0; i < 3; i++) gr_free(text[i]);
        return status;
    }
    gr_free(panel->title);
    gr_free(panel->x_label);
    gr_free(panel->y_label);
    panel->title = text[0];
    panel->x_label = text[1];
    panel->y_label = text[2];
    panel->x_log = axes->x_log;
    panel->y_log = axes->y_log;
    panel->x_min = axes->x_min;
    panel->x_max = axes->x_max;
    panel->y_min = axes->y_min;
    panel->y_max = axes->y_max;
    return GR_OK;
}

/* The next colour, in turn, of those that lines and points have. */
static int figure_next_color(const plot_panel *panel)
{
    int used = 0;
    for (size_t i = 0; i < panel->count; i++) {
        gr_series_kind kind = panel->series[i].kind;
        used += kind == GR_SERIES_LINE || kind == GR_SERIES_POINTS;
    }
    return 1 + used % PLOT_COLORS;
}

static gr_status figure_copy_series(const gr_series *series, plot_series *copy)
{
    const bool level = series->kind == GR_SERIES_LEVEL, mark = series->kind == GR_SERIES_MARK;
    copy->n = level || mark ? 1 : series->n;
    copy->x = gr_alloc_array((size_t)copy->n, sizeof *copy->x);
    copy->y = gr_alloc_array((size_t)copy->n, sizeof *copy->y);
    if (!copy->x || !copy->y) return GR_NO_MEMORY;
    for (int i = 0; i < copy->n; i++) {
        copy->x[i] = series->x && !level ? series->x[i] : i + 1;
        copy->y[i] = mark ? 0 : series->y[i];
    }
    return figure_text(series->label, &copy->label);
}

gr_status gr_figure_add(gr_figure *figure, int index, const gr_series *series)
{
    plot_panel *panel = NULL;
    GR_TRY(figure_find(figure, index, &panel));
    const bool needed = series->kind == GR_SERIES_MARK ? series->x != NULL : series->y != NULL;
    if (series->n < 1 || !needed || (unsigned)series->kind > GR_SERIES_MARK) {
        return gr_fail(GR_INVALID, "figure: the series '%s' has no data",
                       series->label ? series->label : "");
    }
    if (series->color < 0 || series->color > PLOT_COLORS) {
        return gr_fail(GR_INVALID, "figure: colour %d; 1 to %d are there", series->color,
                       PLOT_COLORS);
    }
    if (!gr_grow(&panel->series, panel->count, &panel->capacity, sizeof *panel->series)) {
        return GR_NO_MEMORY;
    }
    bool plain = series->kind == GR_SERIES_LINE || series->kind == GR_SERIES_POINTS;
    plot_series copy = {.kind = series->kind, .color = series->color};
    if (copy.color == 0 && plain) copy.color = figure_next_color(panel);
    gr_status status = figure_copy_series(series, &copy);
    if (status != GR_OK) {
        gr_free(copy.label);
        gr_free(copy.x);
        gr_free(copy.y);
        return status;
    }
    panel->series[panel->count++] = copy;
    return GR_OK;
}
