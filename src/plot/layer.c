/* Grids and pictures of a figure, and the scales of their colours. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#define LAYER_DOTS 300.0 /* per inch: how finely cells are drawn */
#define LAYER_MOST 2000  /* dots on a side */

/* ---- Cells and pictures ------------------------------------------------------------------- */

/* Which of n cells from ends[0] to ends[1] is at `value`? -1: none. */
static int layer_cell(const double ends[2], int n, double value)
{
    const double place = (value - ends[0]) / (ends[1] - ends[0]) * n;
    if (!(place > -1e-9 && place < n + 1e-9)) return -1;
    return place < 0 ? 0 : place >= n ? n - 1 : (int)place;
}

/* Dots along a side of `length` points on which n cells lie: a whole number for each of them. */
static int layer_dots(double length, int n)
{
    const double dots = length / 72 * LAYER_DOTS;
    const double whole = n * ceil(dots / n);
    return (int)fmin(fmax(whole <= LAYER_MOST ? whole : dots, 1), LAYER_MOST);
}

/* Colour of cell (row, column), as cairo wants it: 0 for none. */
static uint32_t layer_dot(const plot_layer *layer, bool down, int row, int column)
{
    if (row < 0 || column < 0) return 0;
    if (layer->pixel) {
        const int from_top = down ? row : layer->rows - 1 - row;
        return 0xFF000000u |
               layer->pixel[(size_t)from_top * (size_t)layer->columns + (size_t)column];
    }
    const int64_t color = gr_plot_layer_color(
        layer, layer->values[(size_t)row * (size_t)layer->columns + (size_t)column]);
    return color < 0 ? 0 : 0xFF000000u | (uint32_t)color;
}

/* The part of the panel that the cells cover, from 0 to 1 along an axis. */
static bool layer_span(const plot_layer *layer, int which, const plot_axis *axis, double span[2])
{
    double ends[2];
    gr_plot_layer_reach(layer, which, ends);
    for (int k = 0; k < 2; k++) {
        double place = gr_plot_axis_place(axis, ends[k]);
        if (isnan(place)) place = axis->down ? 1 : 0; /* not above 0 on a logarithmic axis */
        span[k] = fmin(fmax(place, 0), 1);
    }
    if (span[0] > span[1]) {
        const double low = span[1];
        span[1] = span[0];
        span[0] = low;
    }
    return span[1] - span[0] > 1e-9;
}

static void layer_fill(const plot_layer *layer, const plot_axis axis[2], const double u[2],
                       const double v[2], cairo_surface_t *dots)
{
    const int width = cairo_image_surface_get_width(dots);
    const int height = cairo_image_surface_get_height(dots);
    const int stride = cairo_image_surface_get_stride(dots);
    unsigned char *data = cairo_image_surface_get_data(dots);
    double x_ends[2], y_ends[2];
    gr_plot_layer_reach(layer, 0, x_ends);
    gr_plot_layer_reach(layer, 1, y_ends);
    for (int i = 0; i < height; i++) {
        const double y = gr_plot_axis_value(&axis[1], v[1] - (i + 0.5) / height * (v[1] - v[0]));
        const int row = layer_cell(y_ends, layer->rows, y);
        for (int k = 0; k < width; k++) {
            const double x = gr_plot_axis_value(&axis[0], u[0] + (k + 0.5) / width * (u[1] - u[0]));
            const uint32_t dot =
                layer_dot(layer, axis[1].down, row, layer_cell(x_ends, layer->columns, x));
            memcpy(data + (ptrdiff_t)i * stride + 4 * k, &dot, sizeof dot);
        }
    }
    cairo_surface_mark_dirty(dots);
}

/* Lays an image of dots on `at`. */
static void layer_paint(plot_pen *pen, cairo_surface_t *dots, plot_box at)
{
    cairo_save(pen->cairo);
    cairo_rectangle(pen->cairo, at.x, at.y, at.width, at.height);
    cairo_clip(pen->cairo);
    cairo_translate(pen->cairo, at.x, at.y);
    cairo_scale(pen->cairo, at.width / cairo_image_surface_get_width(dots),
                at.height / cairo_image_surface_get_height(dots));
    cairo_set_source_surface(pen->cairo, dots, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(pen->cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(pen->cairo);
    cairo_restore(pen->cairo);
}

static void layer_frame(plot_pen *pen, const plot_layer *layer, plot_box at)
{
    const double line = 1.5;
    if (layer->frame == 0) return;
    gr_plot_color(pen, gr_plot_palette(layer->frame));
    cairo_set_dash(pen->cairo, NULL, 0, 0);
    cairo_set_line_width(pen->cairo, line);
    cairo_rectangle(pen->cairo, at.x + line / 2, at.y + line / 2, at.width - line,
                    at.height - line);
    cairo_stroke(pen->cairo);
}

static void layer_cells(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                        plot_box area)
{
    double u[2], v[2];
    if (!layer_span(layer, 0, &axis[0], u) || !layer_span(layer, 1, &axis[1], v)) return;
    const plot_box at = {area.x + u[0] * area.width, area.y + (1 - v[1]) * area.height,
                         (u[1] - u[0]) * area.width, (v[1] - v[0]) * area.height};
    cairo_surface_t *dots =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, layer_dots(at.width, layer->columns),
                                   layer_dots(at.height, layer->rows));
    if (cairo_surface_status(dots) == CAIRO_STATUS_SUCCESS) {
        layer_fill(layer, axis, u, v, dots);
        layer_paint(pen, dots, at);
    } else {
        pen->failed = true;
    }
    cairo_surface_destroy(dots);
    layer_frame(pen, layer, at);
}

void gr_plot_layer_draw(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                        plot_box area)
{
    if (layer->pixel || layer->kind == GR_GRID_CELLS) {
        layer_cells(pen, layer, axis, area);
    } else {
        gr_plot_contour_draw(pen, layer, axis, area);
    }
}

/* ---- Scales of colours -------------------------------------------------------------------- */

const plot_layer *gr_plot_scale_of(const plot_panel *panel)
{
    for (size_t i = 0; i < panel->layers; i++) {
        if (panel->layer[i].scale) return &panel->layer[i];
    }
    return NULL;
}

static void scale_ticks(const plot_layer *layer, double height, plot_axis *axis, plot_ticks *ticks)
{
    const int room = (int)(height / 26) + 1;
    *axis = (plot_axis){.low = layer->low, .high = layer->high, .log = layer->log};
    gr_plot_ticks_make(axis, room < 8 ? room : 8, ticks);
}

double gr_plot_scale_width(plot_pen *pen, const plot_layer *layer, double height)
{
    plot_axis axis;
    plot_ticks ticks;
    double widest = 0;
    scale_ticks(layer, height, &axis, &ticks);
    for (int i = 0; i < ticks.n; i++) {
        widest = fmax(widest, gr_plot_text_width(pen, PLOT_TICK, ticks.text[i]));
    }
    const double label = *layer->scale ? gr_plot_text_height(PLOT_LABEL) + 2 : 0;
    return PLOT_SCALE_GAP + PLOT_SCALE_BAR + 5 + widest + label;
}

void gr_plot_scale_draw(plot_pen *pen, const plot_layer *layer, plot_box area, double right)
{
    enum { STEPS = 256 };
    plot_axis axis;
    plot_ticks ticks;
    const plot_box bar = {area.x + area.width + PLOT_SCALE_GAP, area.y, PLOT_SCALE_BAR,
                          area.height};
    cairo_surface_t *dots = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, STEPS);
    scale_ticks(layer, area.height, &axis, &ticks);
    if (cairo_surface_status(dots) == CAIRO_STATUS_SUCCESS) {
        for (int i = 0; i < STEPS; i++) {
            const double value = gr_plot_axis_value(&axis, 1 - (i + 0.5) / STEPS);
            const uint32_t dot = (uint32_t)gr_plot_layer_color(layer, value);
            memcpy(cairo_image_surface_get_data(dots) +
                       (ptrdiff_t)i * cairo_image_surface_get_stride(dots),
                   &dot, sizeof dot);
        }
        cairo_surface_mark_dirty(dots);
        layer_paint(pen, dots, bar);
    }
    cairo_surface_destroy(dots);
    gr_plot_color(pen, 0x404040);
    cairo_set_dash(pen->cairo, NULL, 0, 0);
    cairo_set_line_width(pen->cairo, 0.5);
    cairo_rectangle(pen->cairo, bar.x, bar.y, bar.width, bar.height);
    const double x = bar.x + bar.width, half = 0.54 * gr_plot_text_height(PLOT_TICK);
    for (int i = 0; i < ticks.n; i++) {
        const double y = bar.y + bar.height * (1 - gr_plot_axis_place(&axis, ticks.at[i]));
        cairo_move_to(pen->cairo, x, y);
        cairo_line_to(pen->cairo, x + 2, y);
    }
    cairo_stroke(pen->cairo);
    const double label = *layer->scale ? gr_plot_text_height(PLOT_LABEL) : 0;
    double last = NAN;
    for (int i = 0; i < ticks.n; i++) {
        const double y = bar.y + bar.height * (1 - gr_plot_axis_place(&axis, ticks.at[i]));
        if (fabs(y - last) < 2 * half) continue;
        last = y;
        gr_plot_text_draw(pen, PLOT_TICK, x + 4, y - half, PLOT_LEFT, right - label - x - 4,
                          ticks.text[i]);
    }
    if (*layer->scale) {
        gr_plot_text_draw_up(pen, PLOT_LABEL, right - label, bar.y + bar.height / 2, PLOT_CENTRE,
                             bar.height, layer->scale);
    }
}
#endif
