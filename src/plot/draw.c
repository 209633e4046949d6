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
    double end;         /* of the room that it may take */
    int rows;           /* of the legend that have room */
    bool titled;        /* does the title have room? */
    double turned;      /* height of the names under the panel if they are turned, or 0 */
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
    const int lines = gr_plot_lines(panel);
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
            gr_plot_series_sample(pen, series, lines, at.x + x, top + 0.54 * height, at.width);
            gr_plot_text_draw(pen, PLOT_LABEL, at.x + x + before, top, PLOT_LEFT,
                              width - before + 0.01, series->label);
        }
        x += width + PLOT_ENTRY_GAP;
    }
    return rows;
}

/* ---- Names instead of numbers ------------------------------------------------------------- */

static double plot_widest_name(plot_pen *pen, const plot_names *names)
{
    double widest = 0;
    for (int i = 0; i < names->n; i++) {
        if (names->text[i]) {
            widest = fmax(widest, gr_plot_text_width(pen, PLOT_TICK, names->text[i]));
        }
    }
    return widest;
}

/* Names under the panel, each in its slot, or turned where that is too narrow. */
static void plot_draw_x_names(plot_pen *pen, const plot_panel *panel, const plot_layout *layout)
{
    const plot_names *names = &panel->names[0];
    const plot_box area = layout->area;
    const double height = gr_plot_text_height(PLOT_TICK), top = area.y + area.height + PLOT_PAD;
    double end = -1e9;
    for (int i = 0; i < names->n; i++) {
        const double place = gr_plot_axis_place(&layout->axis[0], i);
        if (!names->text[i] || !(place >= 0 && place <= 1)) continue;
        const double x = area.x + place * area.width;
        const double width = gr_plot_text_width(pen, PLOT_TICK, names->text[i]);
        const double half = (layout->turned > 0 ? height : width) / 2;
        if (x - half < end) continue;
        if (layout->turned > 0) {
            gr_plot_text_draw_up(pen, PLOT_TICK, x - half, top, PLOT_RIGHT, layout->turned,
                                 names->text[i]);
        } else if (x - half >= layout->left && x + half <= layout->right) {
            gr_plot_text_draw(pen, PLOT_TICK, x, top - PLOT_PAD / 2, PLOT_CENTRE, width + 1,
                              names->text[i]);
        }
        end = x + half + (layout->turned > 0 ? 0 : PLOT_PAD);
    }
}

static void plot_draw_y_names(plot_pen *pen, const plot_panel *panel, const plot_layout *layout,
                              double left)
{
    const plot_names *names = &panel->names[1];
    const plot_box area = layout->area;
    const double height = gr_plot_text_height(PLOT_TICK);
    double last = NAN;
    for (int i = 0; i < names->n; i++) {
        const double place = gr_plot_axis_place(&layout->axis[1], i);
        if (!names->text[i] || !(place >= 0 && place <= 1)) continue;
        const double y = area.y + (1 - place) * area.height;
        if (fabs(y - last) < height) continue;
        gr_plot_text_draw(pen, PLOT_TICK, area.x - PLOT_PAD, y - 0.54 * height, PLOT_RIGHT,
                          area.x - PLOT_PAD - left, names->text[i]);
        last = y;
    }
}

/* ---- Layout ------------------------------------------------------------------------------- */

/* Ticks on the x axis, as many as have room for their texts. */
static void plot_fit_x_ticks(plot_pen *pen, plot_layout *layout)
{
    plot_ticks *ticks = &layout->ticks[0];
    const plot_axis *axis = &layout->axis[0];
    int room = (int)(layout->area.width / 24);
    const int start = room < 2 ? 2 : room < PLOT_MOST_TICKS ? room : PLOT_MOST_TICKS;
    for (int most = start; most >= 2; most--) {
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

/* Cuts the area to the shape in which units of both axes are equally long. */
static void plot_make_equal(plot_layout *layout)
{
    const plot_axis *axis = layout->axis;
    plot_box *area = &layout->area;
    const double wide =
        axis[0].log ? log10(axis[0].high / axis[0].low) : axis[0].high - axis[0].low;
    const double tall =
        axis[1].log ? log10(axis[1].high / axis[1].low) : axis[1].high - axis[1].low;
    const double unit = fmin(area->width / wide, area->height / tall);
    const double spare_x = area->width - unit * wide, spare_y = area->height - unit * tall;
    area->width -= spare_x;
    area->height -= spare_y;
    area->x += spare_x / 2;
    layout->left += spare_x / 2;
    layout->right -= spare_x / 2;
}

/* Width of the ticks or names left of a panel. */
static double plot_y_ticks_width(plot_pen *pen, const plot_panel *panel, plot_layout *layout,
                                 double height)
{
    if (panel->bare) return 0;
    if (panel->names[1].n > 0) return plot_widest_name(pen, &panel->names[1]) + PLOT_PAD;
    const int room = (int)(height / PLOT_Y_TICK_SPACE) + 1;
    gr_plot_ticks_make(&layout->axis[1], room < PLOT_MOST_TICKS ? room : PLOT_MOST_TICKS,
                       &layout->ticks[1]);
    return plot_widest(pen, &layout->ticks[1]) + PLOT_PAD + PLOT_TICK_LENGTH;
}

/* Fills area and ticks of a panel between left, right, top and bottom. */
static void plot_fit(plot_pen *pen, const plot_panel *panel, plot_layout *layout, double top,
                     double bottom)
{
    const plot_layer *scale = gr_plot_scale_of(panel);
    const double label = panel->y_label ? gr_plot_text_height(PLOT_LABEL) + PLOT_PAD : 0;
    double x = layout->left + label + plot_y_ticks_width(pen, panel, layout, bottom - top);
    double right = layout->right;
    if (scale) right -= gr_plot_scale_width(pen, scale, bottom - top);
    /* Numbers of absurd length leave the data at least half of the panel. */
    x = fmin(x, (layout->left + right) / 2);
    layout->area = (plot_box){x, top, right - x, bottom - top};
    if (panel->equal) plot_make_equal(layout);
    if (panel->bare || panel->names[0].n > 0) return;
    plot_fit_x_ticks(pen, layout);
    const double over = plot_overhang(pen, layout);
    if (panel->equal || scale) return; /* there is room beside the area */
    layout->area.width -= over;
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

/* Height of what stands under a panel of that width and height. */
static double plot_bottom(plot_pen *pen, const plot_panel *panel, plot_layout *layout,
                          double height)
{
    const plot_names *names = &panel->names[0];
    const double label = panel->x_label ? gr_plot_text_height(PLOT_LABEL) + PLOT_PAD / 2 : 0;
    const double ticks = PLOT_TICK_LENGTH + gr_plot_text_height(PLOT_TICK) + PLOT_PAD / 2;
    layout->turned = 0;
    if (panel->bare) return label;
    if (names->n > 0) {
        const double widest = plot_widest_name(pen, names) + PLOT_PAD;
        const double slot = 0.7 * (layout->right - layout->left) / names->n;
        if (widest > slot) {
            layout->turned = fmin(widest, 0.3 * height);
            return layout->turned + PLOT_PAD + label;
        }
    }
    return ticks + label;
}

/* Panels of a row have one top and one bottom. Their legends need as many rows as their widths ask
 * for, and the widths depend on the ticks and so on the height: the rows grow until all fit. */
static void plot_lay_out_row(plot_pen *pen, const gr_figure *figure, plot_layout *layout, int first,
                             double start, double end)
{
    const int count =
        first + figure->columns < figure->panels ? figure->columns : figure->panels - first;
    const double each =
        (figure->width - 2 * PLOT_MARGIN - PLOT_GAP * (figure->columns - 1)) / figure->columns;
    double bottom = 0, top = 0, wanted = PLOT_PAD;
    for (int i = first; i < first + count; i++) {
        layout[i].left = PLOT_MARGIN + (i - first) * (each + PLOT_GAP);
        layout[i].end = layout[i].right = layout[i].left + each;
        for (int k = 0; k < 2; k++) layout[i].axis[k] = gr_plot_axis_of(&figure->panel[i], k);
        bottom = fmax(bottom, plot_bottom(pen, &figure->panel[i], &layout[i], end - start));
    }
    end -= bottom;
    const double room = 0.65 * (end - start);
    while (wanted > top) {
        top = wanted;
        for (int i = first; i < first + count; i++) {
            const plot_panel *panel = &figure->panel[i];
            layout[i].left = PLOT_MARGIN + (i - first) * (each + PLOT_GAP);
            layout[i].right = layout[i].left + each;
            plot_fit(pen, panel, &layout[i], start + top, end);
            int rows = plot_legend(pen, panel, layout[i].area, 0);
            wanted = fmax(wanted, plot_top(panel, rows, room, &layout[i]));
        }
    }
}

static void plot_lay_out(plot_pen *pen, const gr_figure *figure, plot_layout *layout)
{
    const double heading = figure->title ? gr_plot_text_height(PLOT_HEADING) + PLOT_PAD : 0;
    const double start = PLOT_MARGIN + heading, end = figure->height - PLOT_MARGIN;
    const double gap = PLOT_GAP / 2;
    const double each = (end - start - gap * (figure->rows - 1)) / figure->rows;
    for (int row = 0; row < figure->rows; row++) {
        const double top = start + row * (each + gap);
        plot_lay_out_row(pen, figure, layout, row * figure->columns, top, top + each);
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
        const plot_ticks *ticks = &layout->ticks[k]; /* none where there are names */
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

/* `left` is where the texts of the y axis may begin: a number that does not fit is left out. */
static void plot_draw_ticks(plot_pen *pen, const plot_layout *layout, double left)
{
    const double room = layout->area.x - PLOT_TICK_LENGTH - PLOT_PAD - left;
    const plot_box area = layout->area;
    const double height = gr_plot_text_height(PLOT_TICK);
    for (int i = 0; i < layout->ticks[0].n; i++) {
        double place = gr_plot_axis_place(&layout->axis[0], layout->ticks[0].at[i]);
        gr_plot_text_draw(pen, PLOT_TICK, area.x + place * area.width,
                          area.y + area.height + PLOT_TICK_LENGTH + PLOT_PAD / 2, PLOT_CENTRE,
                          area.width, layout->ticks[0].text[i]);
    }
    double last = NAN;
    for (int i = 0; i < layout->ticks[1].n; i++) {
        double place = gr_plot_axis_place(&layout->axis[1], layout->ticks[1].at[i]);
        if (fabs(place - last) * area.height < height) continue; /* in the lowest panels */
        last = place;
        if (gr_plot_text_width(pen, PLOT_TICK, layout->ticks[1].text[i]) > room + 0.01) continue;
        gr_plot_text_draw(pen, PLOT_TICK, area.x - PLOT_TICK_LENGTH - PLOT_PAD,
                          area.y + area.height * (1 - place) - 0.54 * height, PLOT_RIGHT,
                          room + 0.01, layout->ticks[1].text[i]);
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
                          layout->end - area.x, panel->title);
    }
    if (panel->x_label) {
        double top = area.y + area.height + PLOT_PAD;
        if (layout->turned > 0) {
            top += layout->turned;
        } else if (!panel->bare) {
            top += PLOT_TICK_LENGTH + gr_plot_text_height(PLOT_TICK);
        }
        gr_plot_text_draw(pen, PLOT_LABEL, area.x + area.width / 2, top, PLOT_CENTRE, area.width,
                          panel->x_label);
    }
    if (panel->y_label) {
        gr_plot_text_draw_up(pen, PLOT_LABEL, layout->left, area.y + area.height / 2, PLOT_CENTRE,
                             area.height, panel->y_label);
    }
}

static void plot_draw_data(plot_pen *pen, const plot_panel *panel, const plot_layout *layout)
{
    const int lines = gr_plot_lines(panel);
    for (size_t i = 0; i < panel->layers; i++) {
        gr_plot_layer_draw(pen, &panel->layer[i], layout->axis, layout->area);
    }
    for (int depth = 0; depth < PLOT_DEPTHS; depth++) {
        for (size_t i = 0; i < panel->count; i++) {
            if (gr_plot_series_depth(&panel->series[i]) != depth) continue;
            gr_plot_series_draw(pen, &panel->series[i], lines, layout->axis, layout->area);
        }
    }
}

static void plot_draw_panel(plot_pen *pen, const plot_panel *panel, const plot_layout *layout)
{
    const plot_layer *scale = gr_plot_scale_of(panel);
    if (!panel->bare && panel->layers == 0) plot_draw_grid(pen, layout);
    plot_draw_data(pen, panel, layout);
    if (!panel->bare) {
        const double label = panel->y_label ? gr_plot_text_height(PLOT_LABEL) : 0;
        plot_draw_frame(pen, layout);
        plot_draw_ticks(pen, layout, layout->left + label);
        plot_draw_x_names(pen, panel, layout);
        plot_draw_y_names(pen, panel, layout, layout->left + label);
    }
    plot_draw_labels(pen, panel, layout);
    if (scale) gr_plot_scale_draw(pen, scale, layout->area, layout->right);
    gr_plot_notes_draw(pen, panel, layout->axis, layout->area);
}

void gr_plot_begin(plot_pen *pen)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(pen->cairo, options);
    cairo_font_options_destroy(options);
    gr_plot_color(pen, 0xFFFFFF);
    cairo_paint(pen->cairo);
}

/* What plays moves beside cairo's drawing, as long as the longest of them all. */
static void plot_begin_motion(const gr_figure *figure, plot_pen *pen)
{
    pen->seconds = figure->seconds;
    for (int i = 0; i < figure->panels; i++) {
        for (size_t k = 0; k < figure->panel[i].count; k++) {
            const plot_series *const series = &figure->panel[i].series[k];
            const int points = series->plays ? gr_plot_motion_points(series) : 0;
            if (points > pen->frames) pen->frames = points;
        }
    }
    if (!(pen->seconds > 0) || pen->frames < 2) pen->motion = NULL;
}

void gr_plot_draw(const gr_figure *figure, plot_pen *pen)
{
    plot_layout *layout = gr_alloc_array((size_t)figure->panels, sizeof *layout);
    if (!layout) {
        pen->failed = true;
        return;
    }
    gr_plot_begin(pen);
    plot_begin_motion(figure, pen);
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
