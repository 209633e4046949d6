/* Figures: what is in them. */
#include "plot/figure.h"

#include <math.h>

#define FIGURE_MAX_PANELS 100
#define FIGURE_PANEL_WIDTH 270.0
#define FIGURE_PANEL_HEIGHT 200.0
#define FIGURE_MIN_WIDTH 90.0 /* of a panel */
#define FIGURE_MIN_HEIGHT 80.0
#define FIGURE_MAX_SIDE 10000.0
#define FIGURE_DPI 200.0
#define FIGURE_MAX_SECONDS 3600.0

static void figure_series_clear(plot_series *series)
{
    gr_free(series->label);
    gr_free(series->x);
    gr_free(series->y);
    gr_free(series->y2);
}

static void figure_names_clear(plot_names *names)
{
    for (int i = 0; names->text && i < names->n; i++) gr_free(names->text[i]);
    gr_free(names->text);
    *names = (plot_names){0};
}

static void figure_panel_free(plot_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) figure_series_clear(&panel->series[i]);
    for (size_t i = 0; i < panel->layers; i++) gr_plot_layer_clear(&panel->layer[i]);
    for (size_t i = 0; i < panel->notes; i++) gr_free(panel->note[i].text);
    for (int k = 0; k < 2; k++) figure_names_clear(&panel->names[k]);
    gr_free(panel->series);
    gr_free(panel->layer);
    gr_free(panel->note);
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

gr_status gr_plot_text_copy(const char *text, char **copy)
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
    const int columns = options->columns > 0 ? options->columns : figure->panels;
    figure->columns = columns < figure->panels ? columns : figure->panels;
    figure->rows = (figure->panels + figure->columns - 1) / figure->columns;
    figure->width = options->width > 0 ? options->width : FIGURE_PANEL_WIDTH * figure->columns;
    figure->height = options->height > 0 ? options->height : FIGURE_PANEL_HEIGHT * figure->rows;
    figure->dpi = options->dpi > 0 ? options->dpi : FIGURE_DPI;
    figure->seconds = options->seconds;
    if (!(figure->seconds >= 0 && figure->seconds <= FIGURE_MAX_SECONDS)) {
        return gr_fail(GR_INVALID, "figure: a round of %g seconds; 0 to %g are possible",
                       figure->seconds, FIGURE_MAX_SECONDS);
    }
    if (!(figure->width / figure->columns >= FIGURE_MIN_WIDTH) ||
        !(figure->height / figure->rows >= FIGURE_MIN_HEIGHT) ||
        !(figure->width <= FIGURE_MAX_SIDE) || !(figure->height <= FIGURE_MAX_SIDE)) {
        return gr_fail(GR_INVALID,
                       "figure: %g by %g points for %d by %d panels; a panel needs %g by %g, and "
                       "%g is the longest side",
                       figure->width, figure->height, figure->columns, figure->rows,
                       FIGURE_MIN_WIDTH, FIGURE_MIN_HEIGHT, FIGURE_MAX_SIDE);
    }
    figure->panel = gr_alloc_array((size_t)figure->panels, sizeof *figure->panel);
    if (!figure->panel) return GR_NO_MEMORY;
    return gr_plot_text_copy(options->title, &figure->title);
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

gr_status gr_plot_panel_at(gr_figure *figure, int index, plot_panel **panel)
{
    if (index < 0 || index >= figure->panels) {
        return gr_fail(GR_RANGE, "figure: there is no panel %d among its %d", index,
                       figure->panels);
    }
    *panel = &figure->panel[index];
    return GR_OK;
}

/* ---- Panels ------------------------------------------------------------------------------- */

/* A range given by the caller: none (both 0), or ends in order, above 0 on a logarithmic axis. */
static gr_status figure_check_range(const char *axis, double low, double high, bool log)
{
    if (low == 0 && high == 0) return GR_OK;
    if (isfinite(low) && isfinite(high) && low < high && (!log || low > 0)) return GR_OK;
    return gr_fail(GR_INVALID, "figure: the %s axis cannot reach from %g to %g%s", axis, low, high,
                   log ? " on a logarithmic scale" : "");
}

static gr_status figure_copy_names(const char *const *text, int n, plot_names *names)
{
    *names = (plot_names){0};
    if (!text || n < 1) return GR_OK;
    names->text = gr_alloc_array((size_t)n, sizeof *names->text);
    if (!names->text) return GR_NO_MEMORY;
    names->n = n;
    for (int i = 0; i < n; i++) GR_TRY(gr_plot_text_copy(text[i], &names->text[i]));
    return GR_OK;
}

/* Texts of a panel, all copied before one is replaced. */
typedef struct figure_texts {
    char *label[3];
    plot_names names[2];
} figure_texts;

static gr_status figure_copy_texts(const gr_panel *axes, figure_texts *texts)
{
    GR_TRY(gr_plot_text_copy(axes->title, &texts->label[0]));
    GR_TRY(gr_plot_text_copy(axes->x_label, &texts->label[1]));
    GR_TRY(gr_plot_text_copy(axes->y_label, &texts->label[2]));
    GR_TRY(figure_copy_names(axes->x_names, axes->x_count, &texts->names[0]));
    return figure_copy_names(axes->y_names, axes->y_count, &texts->names[1]);
}

static void figure_swap_texts(plot_panel *panel, figure_texts *texts)
{
    char **label[3] = {&panel->title, &panel->x_label, &panel->y_label};
    for (int i = 0; i < 3; i++) {
        char *old = *label[i];
        *label[i] = texts->label[i];
        texts->label[i] = old;
    }
    for (int k = 0; k < 2; k++) {
        plot_names old = panel->names[k];
        panel->names[k] = texts->names[k];
        texts->names[k] = old;
    }
}

gr_status gr_figure_panel(gr_figure *figure, int index, const gr_panel *axes)
{
    plot_panel *panel = NULL;
    figure_texts texts = {0};
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    GR_TRY(figure_check_range("x", axes->x_min, axes->x_max, axes->x_log));
    GR_TRY(figure_check_range("y", axes->y_min, axes->y_max, axes->y_log));
    gr_status status = figure_copy_texts(axes, &texts);
    if (status == GR_OK) {
        figure_swap_texts(panel, &texts);
        panel->x_log = axes->x_log;
        panel->y_log = axes->y_log;
        panel->equal = axes->equal;
        panel->y_down = axes->y_down;
        panel->bare = axes->bare;
        panel->x_min = axes->x_min;
        panel->x_max = axes->x_max;
        panel->y_min = axes->y_min;
        panel->y_max = axes->y_max;
    }
    for (int i = 0; i < 3; i++) gr_free(texts.label[i]);
    for (int k = 0; k < 2; k++) figure_names_clear(&texts.names[k]);
    return status;
}

/* ---- Series ------------------------------------------------------------------------------- */

/* Does it have a colour of its own, rather than that of what comes next, or grey? */
static bool figure_is_colored(gr_series_kind kind)
{
    return kind == GR_SERIES_LINE || kind == GR_SERIES_POINTS || kind == GR_SERIES_BARS;
}

/* The next colour, in turn, of those that the panel's lines, points and bars have. */
static int figure_next_color(const plot_panel *panel)
{
    int used = 0;
    for (size_t i = 0; i < panel->count; i++) used += figure_is_colored(panel->series[i].kind);
    return 1 + used % PLOT_COLORS;
}

static bool figure_has_y2(gr_series_kind kind)
{
    return kind == GR_SERIES_BAND || kind == GR_SERIES_ERRORS;
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
    if (figure_has_y2(series->kind)) {
        copy->y2 = gr_alloc_array((size_t)copy->n, sizeof *copy->y2);
        if (!copy->y2) return GR_NO_MEMORY;
        memcpy(copy->y2, series->y2, (size_t)copy->n * sizeof *copy->y2);
    }
    return gr_plot_text_copy(series->label, &copy->label);
}

static gr_status figure_check_series(const gr_series *series)
{
    const bool needed = series->kind == GR_SERIES_MARK ? series->x != NULL : series->y != NULL;
    if (series->n < 1 || !needed || (unsigned)series->kind > GR_SERIES_BARS ||
        (figure_has_y2(series->kind) && !series->y2)) {
        return gr_fail(GR_INVALID, "figure: the series '%s' has no data",
                       series->label ? series->label : "");
    }
    if (series->color < 0 || series->color > PLOT_COLORS) {
        return gr_fail(GR_INVALID, "figure: colour %d; 1 to %d are there", series->color,
                       PLOT_COLORS);
    }
    return GR_OK;
}

gr_status gr_figure_add(gr_figure *figure, int index, const gr_series *series)
{
    plot_panel *panel = NULL;
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    GR_TRY(figure_check_series(series));
    if (!gr_grow(&panel->series, panel->count, &panel->capacity, sizeof *panel->series)) {
        return GR_NO_MEMORY;
    }
    const bool across = series->kind == GR_SERIES_LEVEL || series->kind == GR_SERIES_MARK;
    plot_series copy = {.kind = series->kind,
                        .color = series->color,
                        .mark = series->mark,
                        .width = series->width,
                        .plays = series->plays && series->kind == GR_SERIES_LINE};
    if (copy.color == 0 && !across) copy.color = figure_next_color(panel);
    gr_status status = figure_copy_series(series, &copy);
    if (status != GR_OK) {
        figure_series_clear(&copy);
        return status;
    }
    panel->series[panel->count++] = copy;
    return GR_OK;
}
