/* Lines, marks and levels of a figure. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#define PLOT_LINE 1.5       /* width of a line, in points */
#define PLOT_MARK 2.0       /* half the size of a mark */
#define PLOT_MARK_SPACE 7.0 /* points of a line are marked if they have this much room */
#define PLOT_RIM_BAR 3.0    /* bars of this width have white rims */
#define PLOT_FEW_MARKS 6    /* on a line of many points */
#define PLOT_DETAIL 0.1     /* nearer to each other, points of a line are one */

void gr_plot_color(plot_pen *pen, unsigned rgb)
{
    cairo_set_source_rgb(pen->cairo, (rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0,
                         (rgb & 0xFF) / 255.0);
}

/* ---- Styles ------------------------------------------------------------------------------- */

int gr_plot_series_depth(const plot_series *series)
{
    switch (series->kind) {
    case GR_SERIES_BAND:
    case GR_SERIES_BARS:
        return 0;
    case GR_SERIES_LEVEL:
    case GR_SERIES_MARK:
        return 1;
    default:
        return 2;
    }
}

int gr_plot_lines(const plot_panel *panel)
{
    int lines = 0;
    for (size_t i = 0; i < panel->count; i++) lines += panel->series[i].kind == GR_SERIES_LINE;
    return lines;
}

/* Bands and bars let what lies under them show. */
static void series_fill_color(plot_pen *pen, const plot_series *series)
{
    const unsigned rgb = gr_plot_palette(series->color);
    cairo_set_source_rgba(pen->cairo, (rgb >> 16 & 0xFF) / 255.0, (rgb >> 8 & 0xFF) / 255.0,
                          (rgb & 0xFF) / 255.0, series->kind == GR_SERIES_BAND ? 0.22 : 0.55);
}

/* Of the colours that come again, the dashes. */
static void plot_dashes(plot_pen *pen, int color)
{
    static const double dashes[3][4] = {{5, 3, 5, 3}, {1.5, 2.5, 1.5, 2.5}, {6, 2.5, 1.5, 2.5}};
    const int round = color < 1 ? 0 : (color - 1) / PLOT_BASE_COLORS;
    if (round == 0) {
        cairo_set_dash(pen->cairo, NULL, 0, 0);
    } else {
        cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_BUTT);
        cairo_set_dash(pen->cairo, dashes[(round - 1) % 3], 4, 0);
    }
}

static void plot_stroke_style(plot_pen *pen, const plot_series *series)
{
    static const double dashed[] = {4, 2.5}, dotted[] = {0.01, 2.6};
    gr_plot_color(pen, gr_plot_palette(series->color));
    cairo_set_line_join(pen->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(pen->cairo, series->width > 0 ? series->width : PLOT_LINE);
    if (series->kind == GR_SERIES_LEVEL) {
        cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_BUTT);
        cairo_set_line_width(pen->cairo, 1.1);
        cairo_set_dash(pen->cairo, dashed, 2, 0);
    } else if (series->kind == GR_SERIES_MARK) {
        cairo_set_line_width(pen->cairo, 1.3);
        cairo_set_dash(pen->cairo, dotted, 2, 0);
    } else if (series->kind == GR_SERIES_ERRORS) {
        cairo_set_line_width(pen->cairo, series->width > 0 ? series->width : 1);
        cairo_set_dash(pen->cairo, NULL, 0, 0);
    } else {
        plot_dashes(pen, series->color);
    }
}

/* A closed shape for each colour, another when the colour comes again, so that lines differ in
 * print without colours too. */
static void plot_mark(plot_pen *pen, const plot_series *series, double x, double y)
{
    cairo_t *cairo = pen->cairo;
    const double r = series->mark > 0 ? series->mark : PLOT_MARK;
    const int color = series->color;
    const int shape = 1 + (color - 1) % PLOT_BASE_COLORS + (color - 1) / PLOT_BASE_COLORS;
    cairo_new_path(cairo);
    switch (shape % 4) {
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
    cairo_set_line_width(cairo, 0.6 * fmin(r, 2));
    cairo_set_dash(cairo, NULL, 0, 0);
    cairo_stroke_preserve(cairo);
    gr_plot_color(pen, gr_plot_palette(color));
    cairo_fill(cairo);
}

/* ---- Places ------------------------------------------------------------------------------- */

static plot_point plot_point_at(double at_x, double at_y, const plot_axis axis[2], plot_box area)
{
    const double far = 100; /* panels; beyond, coordinates would leave cairo's numbers */
    double u = gr_plot_axis_place(&axis[0], at_x), v = gr_plot_axis_place(&axis[1], at_y);
    plot_point point = {.real = !isnan(u) && !isnan(v)};
    if (!point.real) return point;
    point.inside = u > -1e-6 && u < 1 + 1e-6 && v > -1e-6 && v < 1 + 1e-6;
    point.x = area.x + fmin(fmax(u, -far), far) * area.width;
    point.y = area.y + area.height - fmin(fmax(v, -far), far) * area.height;
    return point;
}

plot_point gr_plot_point_of(const plot_series *series, int i, const plot_axis axis[2],
                            plot_box area)
{
    return plot_point_at(series->x[i], series->y[i], axis, area);
}

/* ---- Each kind ---------------------------------------------------------------------------- */

static void plot_line(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                      plot_box area)
{
    plot_point last = {0};
    cairo_new_path(pen->cairo);
    for (int i = 0; i < series->n; i++) {
        plot_point point = gr_plot_point_of(series, i, axis, area);
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

/* Between two gaps: there along y, back along y2. */
static void plot_band(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                      plot_box area)
{
    cairo_new_path(pen->cairo);
    for (int i = 0; i < series->n;) {
        int end = i;
        for (; end < series->n; end++) {
            plot_point point = gr_plot_point_of(series, end, axis, area);
            plot_point other = plot_point_at(series->x[end], series->y2[end], axis, area);
            if (!point.real || !other.real) break;
            cairo_line_to(pen->cairo, point.x, point.y);
        }
        for (int k = end; k-- > i;) {
            plot_point other = plot_point_at(series->x[k], series->y2[k], axis, area);
            cairo_line_to(pen->cairo, other.x, other.y);
        }
        if (end > i) cairo_close_path(pen->cairo);
        cairo_new_sub_path(pen->cairo);
        i = end + 1;
    }
    series_fill_color(pen, series);
    cairo_fill(pen->cairo);
}

static void plot_errors(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                        plot_box area)
{
    const double cap = 2;
    cairo_new_path(pen->cairo);
    for (int i = 0; i < series->n; i++) {
        plot_point a = gr_plot_point_of(series, i, axis, area);
        plot_point b = plot_point_at(series->x[i], series->y2[i], axis, area);
        if (!a.real || !b.real) continue;
        cairo_move_to(pen->cairo, a.x, a.y);
        cairo_line_to(pen->cairo, b.x, b.y);
        cairo_move_to(pen->cairo, a.x - cap, a.y);
        cairo_line_to(pen->cairo, a.x + cap, a.y);
        cairo_move_to(pen->cairo, b.x - cap, b.y);
        cairo_line_to(pen->cairo, b.x + cap, b.y);
    }
    plot_stroke_style(pen, series);
    cairo_stroke(pen->cairo);
}

static void plot_bars(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                      plot_box area)
{
    const double half = gr_plot_bar_half(series), foot = axis[1].log ? axis[1].low : 0;
    cairo_new_path(pen->cairo);
    for (int i = 0; i < series->n; i++) {
        plot_point a = plot_point_at(series->x[i] - half, foot, axis, area);
        plot_point b = plot_point_at(series->x[i] + half, series->y[i], axis, area);
        if (a.real && b.real) cairo_rectangle(pen->cairo, a.x, b.y, b.x - a.x, a.y - b.y);
    }
    series_fill_color(pen, series);
    cairo_fill_preserve(pen->cairo);
    const plot_axis *x = &axis[0];
    const double bar =
        (gr_plot_axis_place(x, series->x[0] + half) - gr_plot_axis_place(x, series->x[0] - half)) *
        area.width;
    if (!(bar >= PLOT_RIM_BAR)) { /* rims would hide bars that are narrower */
        cairo_new_path(pen->cairo);
        return;
    }
    gr_plot_color(pen, 0xFFFFFF);
    cairo_set_dash(pen->cairo, NULL, 0, 0);
    cairo_set_line_width(pen->cairo, 0.4);
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

/* ---- Marks -------------------------------------------------------------------------------- */

/* From one marked point to the next; 0: none is marked. A line of many points has a mark here and
 * there if it must be told from others. */
static int plot_mark_stride(const plot_series *series, int among, double width)
{
    if (series->mark < 0) return 0;
    if (series->kind == GR_SERIES_POINTS) return 1;
    if (series->kind != GR_SERIES_LINE) return 0;
    if (series->n * PLOT_MARK_SPACE <= width) return 1;
    return among > 1 ? series->n / PLOT_FEW_MARKS + 1 : 0;
}

static void plot_marks(plot_pen *pen, const plot_series *series, int among, const plot_axis axis[2],
                       plot_box area)
{
    const int stride = plot_mark_stride(series, among, area.width);
    /* Few marks of different lines stand at different places. */
    const int first = stride > 1 ? (stride * series->color / 5) % stride : 0;
    for (int i = first; stride > 0 && i < series->n; i += stride) {
        plot_point point = gr_plot_point_of(series, i, axis, area);
        if (point.real && point.inside) plot_mark(pen, series, point.x, point.y);
    }
}

/* ---- What is drawn ------------------------------------------------------------------------ */

void gr_plot_series_draw(plot_pen *pen, const plot_series *series, int among,
                         const plot_axis axis[2], plot_box area)
{
    if (pen->motion && series->plays) {
        gr_plot_motion_add(pen, series, axis, area);
        return;
    }
    cairo_save(pen->cairo);
    cairo_rectangle(pen->cairo, area.x, area.y, area.width, area.height);
    cairo_clip(pen->cairo);
    switch (series->kind) {
    case GR_SERIES_LINE:
        plot_line(pen, series, axis, area);
        break;
    case GR_SERIES_BAND:
        plot_band(pen, series, axis, area);
        break;
    case GR_SERIES_ERRORS:
        plot_errors(pen, series, axis, area);
        break;
    case GR_SERIES_BARS:
        plot_bars(pen, series, axis, area);
        break;
    case GR_SERIES_LEVEL:
    case GR_SERIES_MARK:
        plot_across(pen, series, axis, area);
        break;
    case GR_SERIES_POINTS:
        break;
    }
    cairo_restore(pen->cairo);
    plot_marks(pen, series, among, axis, area);
}

double gr_plot_series_sample_width(const plot_series *series)
{
    switch (series->kind) {
    case GR_SERIES_MARK:
    case GR_SERIES_POINTS:
    case GR_SERIES_ERRORS:
        return 5;
    case GR_SERIES_BAND:
    case GR_SERIES_BARS:
        return 10;
    default:
        return 15;
    }
}

void gr_plot_series_sample(plot_pen *pen, const plot_series *series, int among, double x, double y,
                           double width)
{
    const double length = gr_plot_series_sample_width(series);
    if (series->kind == GR_SERIES_BAND || series->kind == GR_SERIES_BARS) {
        series_fill_color(pen, series);
        cairo_rectangle(pen->cairo, x, y - 3, length, 6);
        cairo_fill(pen->cairo);
        return;
    }
    plot_stroke_style(pen, series);
    if (series->kind == GR_SERIES_MARK || series->kind == GR_SERIES_ERRORS) {
        cairo_move_to(pen->cairo, x + length / 2, y + 4);
        cairo_line_to(pen->cairo, x + length / 2, y - 4);
    } else if (series->kind != GR_SERIES_POINTS) {
        cairo_move_to(pen->cairo, x, y);
        cairo_line_to(pen->cairo, x + length, y);
    }
    cairo_stroke(pen->cairo);
    if (plot_mark_stride(series, among, width) > 0) {
        plot_mark(pen, series, x + length / 2, y);
    }
}
#endif
