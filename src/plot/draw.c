/* The layout of a figure: margins from the text in them, then everything in its place. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#define PLOT_MARGIN 6.0 /* around the figure */
#define PLOT_GAP 16.0   /* between panels */
#define PLOT_TICK_LENGTH 3.0
#define PLOT_PAD 3.0 /* between a tick and its text, and between text and text */
#define PLOT_SAMPLE_GAP 4.0
#define PLOT_ENTRY_GAP 11.0 /* between entries of the legend */
#define PLOT_X_TICK_GAP 7.0 /* least distance between the texts of two ticks */
#define PLOT_Y_TICK_SPACE 26.0
#define PLOT_MOST_TICKS 11 /* more would not be read */

typedef struct plot_layout {
    double left, right; /* of the panel */
    int rows;           /* of the legend that have room */
    bool titled;        /* does the title have room? */
    plot_box area;      /* where data is drawn */
    plot_axis axis[2];
    plot_ticks ticks[2];
} plot_layout;

/* ---- Legend ------------------------------------------------------------------------------- */

/* Goes through the entries of a legend of the given width, and draws its first `drawn` rows.
 * Returns the number of rows. */
static int plot_legend(plot_pen *pen, const plot_panel *panel, plot_box at, int drawn)
{
    const double height = gr_plot_text_height(PLOT_LABEL);
    double x = 0;
    int rows = 0;
    for (size_t i = 0; i < panel->count; i++) {
        const plot_series *series = &panel->series[i];
        if (!series->label) continue;
        double before = gr_plot_series_sample_width(series) + PLOT_SAMPLE_GAP;
        double text = gr_plot_text_width(pen, PLOT_LABEL, series->label);
        double width = fmin(before + text, at.width);
        if (rows == 0 || x + width > at.width) {
            rows++;
            x = 0;
        }
        if (rows <= drawn) {
            double top = at.y + height * (rows - 1);
            gr_plot_series_sample(pen, series, at.x + x, top + 0.54 * height,
                                  gr_plot_series_marked(series, at.width));
            gr_plot_text_draw(pen, PLOT_LABEL, at.x + x + before, top, PLOT_LEFT,
                              width - before + 0.01, series->label);
        }
        x += width + PLOT_ENTRY_GAP;
    }
    return rows;
}

/* ---- Layout ------------------------------------------------------------------------------- */

/* Ticks on the x axis, as many as have room for their texts. */
static void plot_fit_x_ticks(plot_pen *pen, plot_layout *layout)
{
    plot_ticks *ticks = &layout->ticks[0];
    const plot_axis *axis = &layout->axis[0];
    int room = (int)(layout->area.width / 24);
    for (int most = room < PLOT_MOST_TICKS ? room : PLOT_MOST_TICKS; most >= 2; most--) {
        double end = -1e9;
        bool fits = true;
        gr_plot_ticks_make(axis, most, ticks);
        for (int i = 0; i < ticks->n; i++) {
            double half = gr_plot_text_width(pen, PLOT_TICK, ticks->text[i]) / 2;
            double x = gr_plot_axis_place(axis, ticks->at[i]) * layout->area.width;
            fits = fits && x - half >= end + PLOT_X_TICK_GAP;
            end = x + half;
        }
        if (fits) return;
    }
    ticks->n = ticks->n > 0 ? 1 : 0; /* texts so long that two do not fit */
}

static double plot_widest(plot_pen *pen, const plot_ticks *ticks)
{
    double widest = 0;
    for (int i = 0; i < ticks->n; i++) {
        widest = fmax(widest, gr_plot_text_width(pen, PLOT_TICK, ticks->text[i]));
    }
    return widest;
}

/* How far the text of the last tick reaches beyond the end of the x axis. */
static double plot_overhang(plot_pen *pen, const plot_layout *layout)
{
    const plot_ticks *ticks = &layout->ticks[0];
    if (ticks->n == 0) return 0;
    double half = gr_plot_text_width(pen, PLOT_TICK, ticks->text[ticks->n - 1]) / 2;
    double place = gr_plot_axis_place(&layout->axis[0], ticks->at[ticks->n - 1]);
    return fmax(0, half - (1 - place) * layout->area.width);
}

/* Fills area and ticks of a panel between left, right, top and bottom. */
static void plot_fit(plot_pen *pen, const plot_panel *panel, plot_layout *layout, double top,
                     double bottom)
{
    const double label = panel->y_label ? gr_plot_text_height(PLOT_LABEL) + PLOT_PAD : 0;
    const int room = (int)((bottom - top) / PLOT_Y_TICK_SPACE) + 1;
    gr_plot_ticks_make(&layout->axis[1], room < PLOT_MOST_TICKS ? room : PLOT_MOST_TICKS,
                       &layout->ticks[1]);
    double x =
        layout->left + label + plot_widest(pen, &layout->ticks[1]) + PLOT_PAD + PLOT_TICK_LENGTH;
    /* Numbers of absurd length leave the data at least half of the panel. */
    x = fmin(x, (layout->left + layout->right) / 2);
    layout->area = (plot_box){x, top, layout->right - x, bottom - top};
    plot_fit_x_ticks(pen, layout);
    layout->area.width -= plot_overhang(pen, layout);
    plot_fit_x_ticks(pen, layout);
}

/* Height of legend and title above a panel. In a low panel the data comes first (it keeps `room`
 * free), then the legend, then the title. */
static double plot_top(const plot_panel *panel, int rows, double room, plot_layout *layout)
{
    const double row = gr_plot_text_height(PLOT_LABEL),
                 title = gr_plot_text_height(PLOT_TITLE) + PLOT_PAD;
    double top = PLOT_PAD;
    int most = (int)((room - top - PLOT_PAD) / row);
    layout->rows = rows < most ? rows : most > 0 ? most : 0;
    if (layout->rows > 0) top += layout->rows * row + PLOT_PAD;
    layout->titled = panel->title && top + title <= room;
    return layout->titled ? top + title : top;
}

static double plot_bottom(const plot_panel *panel)
{
    double label = panel->x_label ? gr_plot_text_height(PLOT_LABEL) + PLOT_PAD / 2 : 0;
    return PLOT_TICK_LENGTH + gr_plot_text_height(PLOT_TICK) + PLOT_PAD / 2 + label;
}

/* All panels have one top and one bottom. Their legends need as many rows as their widths ask for,
 * and the widths depend on the ticks and so on the height: the rows grow until all fit. */
static void plot_lay_out(plot_pen *pen, const gr_figure *figure, plot_layout *layout)
{
    const double heading = figure->title ? gr_plot_text_height(PLOT_HEADING) + PLOT_PAD : 0;
    const double each =
        (figure->width - 2 * PLOT_MARGIN - PLOT_GAP * (figure->panels - 1)) / figure->panels;
    double bottom = 0, top = 0, wanted = PLOT_PAD;
    for (int i = 0; i < figure->panels; i++) {
        layout[i].left = PLOT_MARGIN + i * (each + PLOT_GAP);
        layout[i].right = layout[i].left + each;
        for (int k = 0; k < 2; k++) layout[i].axis[k] = gr_plot_axis_of(&figure->panel[i], k);
        bottom = fmax(bottom, plot_bottom(&figure->panel[i]));
    }
    const double start = PLOT_MARGIN + heading, end = figure->height - PLOT_MARGIN - bottom;
    const double room = 0.65 * (end - start);
    while (wanted > top) {
        top = wanted;
        for (int i = 0; i < figure->panels; i++) {
            const plot_panel *panel = &figure->panel[i];
            plot_fit(pen, panel, &layout[i], start + top, end);
            int rows = plot_legend(pen, panel, layout[i].area, 0);
            wanted = fmax(wanted, plot_top(panel, rows, room, &layout[i]));
        }
    }
}

/* ---- Drawing ------------------------------------------------------------------------------ */

static void plot_segment(plot_pen *pen, double x0, double y0, double x1, double y1)
{
    cairo_move_to(pen->cairo, x0, y0);
    cairo_line_to(pen->cairo, x1, y1);
}

/* Lines of the grid at the ticks of y, under the data. */
static void plot_draw_grid(plot_pen *pen, const plot_layout *layout)
{
    const plot_box area = layout->area;
    cairo_set_dash(pen->cairo, NULL, 0, 0);
    cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_BUTT);
    cairo_set_line_width(pen->cairo, 0.5);
    gr_plot_color(pen, 0xDDDDDD);
    for (int i = 0; i < layout->ticks[1].n; i++) {
        double y = area.y +
                   area.height * (1 - gr_plot_axis_place(&layout->axis[1], layout->ticks[1].at[i]));
        plot_segment(pen, area.x, y, area.x + area.width, y);
    }
    cairo_stroke(pen->cairo);
}

static void plot_draw_frame(plot_pen *pen, const plot_layout *layout)
{
    const plot_box area = layout->area;
    const double x0 = area.x, y0 = area.y + area.height;
    cairo_set_dash(pen->cairo, NULL, 0, 0);
    cairo_set_line_cap(pen->cairo, CAIRO_LINE_CAP_SQUARE);
    cairo_set_line_width(pen->cairo, 0.7);
    gr_plot_color(pen, 0x404040);
    plot_segment(pen, x0, area.y, x0, y0);
    plot_segment(pen, x0, y0, x0 + area.width, y0);
    for (int k = 0; k < 2; k++) {
        const plot_ticks *ticks = &layout->ticks[k];
        for (int i = 0; i < ticks->n + ticks->minor_n; i++) {
            bool major = i < ticks->n;
            double at = major ? ticks->at[i] : ticks->minor[i - ticks->n];
            double place = gr_plot_axis_place(&layout->axis[k], at);
            double length = major ? PLOT_TICK_LENGTH : 0.55 * PLOT_TICK_LENGTH;
            double x = x0 + place * area.width, y = y0 - place * area.height;
            if (k == 0) plot_segment(pen, x, y0, x, y0 + length);
            if (k == 1) plot_segment(pen, x0, y, x0 - length, y);
        }
    }
    cairo_stroke(pen->cairo);
}

static void plot_draw_ticks(plot_pen *pen, const plot_layout *layout)
{
    const plot_box area = layout->area;
    const double height = gr_plot_text_height(PLOT_TICK);
    for (int i = 0; i < layout->ticks[0].n; i++) {
        double place = gr_plot_axis_place(&layout->axis[0], layout->ticks[0].at[i]);
        gr_plot_text_draw(pen, PLOT_TICK, area.x + place * area.width,
                          area.y + area.height + PLOT_TICK_LENGTH + PLOT_PAD / 2, PLOT_CENTRE,
                          area.width, layout->ticks[0].text[i]);
    }
    for (int i = 0; i < layout->ticks[1].n; i++) {
        double place = gr_plot_axis_place(&layout->axis[1], layout->ticks[1].at[i]);
        gr_plot_text_draw(pen, PLOT_TICK, area.x - PLOT_TICK_LENGTH - PLOT_PAD,
                          area.y + area.height * (1 - place) - 0.54 * height, PLOT_RIGHT,
                          area.x - layout->left, layout->ticks[1].text[i]);
    }
}

static void plot_draw_labels(plot_pen *pen, const plot_panel *panel, const plot_layout *layout)
{
    const plot_box area = layout->area;
    double y = area.y - PLOT_PAD;
    if (layout->rows > 0) {
        y -= layout->rows * gr_plot_text_height(PLOT_LABEL) + PLOT_PAD;
        plot_legend(pen, panel, (plot_box){area.x, y + PLOT_PAD / 2, area.width, 0}, layout->rows);
    }
    if (layout->titled) {
        gr_plot_text_draw(pen, PLOT_TITLE, area.x, y - gr_plot_text_height(PLOT_TITLE), PLOT_LEFT,
                          layout->right - area.x, panel->title);
    }
    if (panel->x_label) {
        double top =
            area.y + area.height + PLOT_TICK_LENGTH + PLOT_PAD + gr_plot_text_height(PLOT_TICK);
        gr_plot_text_draw(pen, PLOT_LABEL, area.x + area.width / 2, top, PLOT_CENTRE, area.width,
                          panel->x_label);
    }
    if (panel->y_label) {
        gr_plot_text_draw_up(pen, PLOT_LABEL, layout->left, area.y + area.height / 2, area.height,
                             panel->y_label);
    }
}

static void plot_draw_panel(plot_pen *pen, const plot_panel *panel, const plot_layout *layout)
{
    plot_draw_grid(pen, layout);
    for (int over = 0; over < 2; over++) { /* levels and marks lie under the data */
        for (size_t i = 0; i < panel->count; i++) {
            const plot_series *series = &panel->series[i];
            bool data = series->kind == GR_SERIES_LINE || series->kind == GR_SERIES_POINTS;
            if (data == (over == 1)) gr_plot_series_draw(pen, series, layout->axis, layout->area);
        }
    }
    plot_draw_frame(pen, layout);
    plot_draw_ticks(pen, layout);
    plot_draw_labels(pen, panel, layout);
}

void gr_plot_draw(const gr_figure *figure, plot_pen *pen)
{
    plot_layout *layout = gr_alloc_array((size_t)figure->panels, sizeof *layout);
    if (!layout) {
        pen->failed = true;
        return;
    }
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(pen->cairo, options);
    cairo_font_options_destroy(options);
    gr_plot_color(pen, 0xFFFFFF);
    cairo_paint(pen->cairo);
    plot_lay_out(pen, figure, layout);
    if (figure->title) {
        gr_plot_text_draw(pen, PLOT_HEADING, figure->width / 2, PLOT_MARGIN, PLOT_CENTRE,
                          figure->width - 2 * PLOT_MARGIN, figure->title);
    }
    for (int i = 0; i < figure->panels; i++) {
        plot_draw_panel(pen, &figure->panel[i], &layout[i]);
    }
    gr_free(layout);
}
#endif
