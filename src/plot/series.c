/* Lines, marks and levels of a figure. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#define PLOT_LINE 1.5       /* width of a line, in points */
#define PLOT_MARK 2.0       /* half the size of a mark */
#define PLOT_MARK_SPACE 7.0 /* points of a line are marked if they have this much room */
#define PLOT_DETAIL 0.1     /* nearer to each other, points of a line are one */

/* Okabe and Ito 2008, "Color universal design"; grey first, the yellow, too light on white, left
 * out. */
static const unsigned plot_palette[PLOT_COLORS + 1] = {0x606060, 0x0072B2, 0xD55E00, 0x009E73,
                                                       0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000};

void gr_plot_color(plot_pen *pen, unsigned rgb)
{
    cairo_set_source_rgb(pen->cairo, (rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0,
                         (rgb & 0xFF) / 255.0);
}

static void plot_stroke_style(plot_pen *pen, const plot_series *series)
{
    static const double dashed[] = {4, 2.5}, dotted[] = {0.01, 2.6};
    gr_plot_color(pen, plot_palette[series->color]);
    cairo_set_line_join(pen->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(pen->cairo, PLOT_LINE);
    if (series->kind == GR_SERIES_LEVEL) {
        cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_BUTT);
        cairo_set_line_width(pen->cairo, 1.1);
        cairo_set_dash(pen->cairo, dashed, 2, 0);
    } else if (series->kind == GR_SERIES_MARK) {
        cairo_set_line_width(pen->cairo, 1.3);
        cairo_set_dash(pen->cairo, dotted, 2, 0);
    } else {
        cairo_set_dash(pen->cairo, NULL, 0, 0);
    }
}

/* A closed shape for each colour, so that lines differ in print without colours too. */
static void plot_mark(plot_pen *pen, int color, double x, double y)
{
    cairo_t *cairo = pen->cairo;
    const double r = PLOT_MARK;
    cairo_new_path(cairo);
    switch (color % 4) {
    case 1:
        cairo_arc(cairo, x, y, r, 0, 6.283185307179586);
        break;
    case 2:
        cairo_rectangle(cairo, x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
        break;
    case 3:
        cairo_move_to(cairo, x, y - 1.25 * r);
        cairo_line_to(cairo, x + 1.15 * r, y + 0.85 * r);
        cairo_line_to(cairo, x - 1.15 * r, y + 0.85 * r);
        break;
    default:
        cairo_move_to(cairo, x, y - 1.3 * r);
        cairo_line_to(cairo, x + 1.3 * r, y);
        cairo_line_to(cairo, x, y + 1.3 * r);
        cairo_line_to(cairo, x - 1.3 * r, y);
    }
    cairo_close_path(cairo);
    gr_plot_color(pen, 0xFFFFFF); /* a white rim parts marks that lie on each other */
    cairo_set_line_width(cairo, 1.2);
    cairo_set_dash(cairo, NULL, 0, 0);
    cairo_stroke_preserve(cairo);
    gr_plot_color(pen, plot_palette[color]);
    cairo_fill(cairo);
}

typedef struct plot_point {
    double x, y;
    bool real;   /* no gap */
    bool inside; /* of the panel */
} plot_point;

static plot_point plot_point_of(const plot_series *series, int i, const plot_axis axis[2],
                                plot_box area)
{
    const double far = 100; /* panels; beyond, coordinates would leave cairo's numbers */
    double u = gr_plot_axis_place(&axis[0], series->x[i]),
           v = gr_plot_axis_place(&axis[1], series->y[i]);
    plot_point point = {.real = !isnan(u) && !isnan(v)};
    if (!point.real) return point;
    point.inside = u > -1e-6 && u < 1 + 1e-6 && v > -1e-6 && v < 1 + 1e-6;
    point.x = area.x + fmin(fmax(u, -far), far) * area.width;
    point.y = area.y + area.height - fmin(fmax(v, -far), far) * area.height;
    return point;
}

static void plot_line(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                      plot_box area)
{
    plot_point last = {0};
    cairo_new_path(pen->cairo);
    for (int i = 0; i < series->n; i++) {
        plot_point point = plot_point_of(series, i, axis, area);
        if (!point.real) {
            last.real = false;
        } else if (!last.real) {
            cairo_move_to(pen->cairo, point.x, point.y);
            cairo_line_to(pen->cairo, point.x, point.y); /* a point between two gaps is a dot */
            last = point;
        } else if (fabs(point.x - last.x) > PLOT_DETAIL || fabs(point.y - last.y) > PLOT_DETAIL) {
            cairo_line_to(pen->cairo, point.x, point.y);
            last = point;
        }
    }
    plot_stroke_style(pen, series);
    cairo_stroke(pen->cairo);
}

static void plot_across(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                        plot_box area)
{
    const bool level = series->kind == GR_SERIES_LEVEL;
    double place = level ? gr_plot_axis_place(&axis[1], series->y[0])
                         : gr_plot_axis_place(&axis[0], series->x[0]);
    if (!(place >= 0 && place <= 1)) return;
    double x = area.x + place * area.width, y = area.y + area.height - place * area.height;
    plot_stroke_style(pen, series);
    cairo_move_to(pen->cairo, level ? area.x : x, level ? y : area.y + area.height);
    cairo_line_to(pen->cairo, level ? area.x + area.width : x, level ? y : area.y);
    cairo_stroke(pen->cairo);
}

bool gr_plot_series_marked(const plot_series *series, double width)
{
    return series->kind == GR_SERIES_POINTS ||
           (series->kind == GR_SERIES_LINE && series->n * PLOT_MARK_SPACE <= width);
}

double gr_plot_series_sample_width(const plot_series *series)
{
    return series->kind == GR_SERIES_MARK || series->kind == GR_SERIES_POINTS ? 5 : 15;
}

void gr_plot_series_draw(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                         plot_box area)
{
    if (series->kind == GR_SERIES_LEVEL || series->kind == GR_SERIES_MARK) {
        plot_across(pen, series, axis, area);
        return;
    }
    if (series->kind == GR_SERIES_LINE) {
        cairo_save(pen->cairo);
        cairo_rectangle(pen->cairo, area.x, area.y, area.width, area.height);
        cairo_clip(pen->cairo);
        plot_line(pen, series, axis, area);
        cairo_restore(pen->cairo);
    }
    if (!gr_plot_series_marked(series, area.width)) return;
    for (int i = 0; i < series->n; i++) {
        plot_point point = plot_point_of(series, i, axis, area);
        if (point.real && point.inside) plot_mark(pen, series->color, point.x, point.y);
    }
}

void gr_plot_series_sample(plot_pen *pen, const plot_series *series, double x, double y,
                           bool marked)
{
    const double width = gr_plot_series_sample_width(series);
    plot_stroke_style(pen, series);
    if (series->kind == GR_SERIES_MARK) {
        cairo_move_to(pen->cairo, x + width / 2, y + 4);
        cairo_line_to(pen->cairo, x + width / 2, y - 4);
    } else if (series->kind != GR_SERIES_POINTS) {
        cairo_move_to(pen->cairo, x, y);
        cairo_line_to(pen->cairo, x + width, y);
    }
    cairo_stroke(pen->cairo);
    if (marked) plot_mark(pen, series->color, x + width / 2, y);
}
#endif
