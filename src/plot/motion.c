/* Lines of an SVG that are played: a mark goes along and draws the line behind itself, by SMIL.
 * cairo knows no motion, so these elements are written here and put at the end of its drawing. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

enum {
    MOTION_FRAMES = 240, /* at most: of longer lines only some points are told */
    MOTION_REST = 6      /* a round ends with a rest of a sixth of what it plays */
};

#define MOTION_WIDTH 1.5 /* of a line, in points */
#define MOTION_MARK 3.2  /* half the size of the mark, at least: it should catch the eye */

int gr_plot_motion_points(const plot_series *series)
{
    int n = 0;
    while (n < series->n && isfinite(series->x[n]) && isfinite(series->y[n])) n++;
    return n;
}

/* Hundredths of a point are enough. */
static void motion_number(gr_text *text, double value)
{
    const double rounded = round(100 * value) / 100;
    gr_text_real(text, rounded == 0 ? 0 : rounded);
}

static void motion_pair(gr_text *text, double x, double y)
{
    motion_number(text, x);
    gr_text_printf(text, ",");
    motion_number(text, y);
}

/* A line on the page. */
typedef struct motion_line {
    int n;
    plot_point *point; /* [n] */
    double *length;    /* [n]: of the line up to there */
} motion_line;

static bool motion_trace(const plot_series *series, const plot_axis axis[2], plot_box area,
                         motion_line *line)
{
    line->n = gr_plot_motion_points(series);
    line->point = gr_alloc_array((size_t)line->n + 1, sizeof *line->point);
    line->length = gr_alloc_array((size_t)line->n + 1, sizeof *line->length);
    if (!line->point || !line->length) return false;
    for (int i = 0; i < line->n; i++) {
        line->point[i] = gr_plot_point_of(series, i, axis, area);
        if (!line->point[i].real) line->n = i; /* not above 0 on a logarithmic axis */
    }
    for (int i = 1; i < line->n; i++)
        line->length[i] = line->length[i - 1] + hypot(line->point[i].x - line->point[i - 1].x,
                                                      line->point[i].y - line->point[i - 1].y);
    return true;
}

/* The frames of a round, as values of an attribute: where the mark is, or how much of the line is
 * still to be drawn. */
static void motion_values(plot_pen *pen, const motion_line *line, double dash)
{
    gr_text *const text = pen->motion;
    const int last = pen->frames - 1;
    const int stride = (last + MOTION_FRAMES - 1) / MOTION_FRAMES;
    const int moves = (last + stride - 1) / stride, rest = (moves + MOTION_REST - 1) / MOTION_REST;
    gr_text_printf(text, " values=\"");
    for (int frame = 0; frame <= moves + rest; frame++) {
        const int at = frame * stride < line->n ? frame * stride : line->n - 1;
        if (frame > 0) gr_text_printf(text, ";");
        if (dash > 0)
            motion_number(text, dash - line->length[at]);
        else
            motion_pair(text, line->point[at].x, line->point[at].y);
    }
    gr_text_printf(text, "\" dur=\"");
    gr_text_real(text, pen->seconds);
    gr_text_printf(text, "s\" repeatCount=\"indefinite\"/>\n");
}

/* The line is one dash, of which less and less is to come. */
static void motion_stroke(plot_pen *pen, const plot_series *series, const motion_line *line)
{
    gr_text *const text = pen->motion;
    const double dash = ceil(line->length[line->n - 1]) + 1;
    gr_text_printf(text, "<path d=\"M");
    for (int i = 0; i < line->n; i++) {
        if (i > 0) gr_text_printf(text, " ");
        motion_pair(text, line->point[i].x, line->point[i].y);
    }
    gr_text_printf(text, "\" fill=\"none\" stroke=\"#%06x\" stroke-width=\"",
                   gr_plot_palette(series->color));
    motion_number(text, series->width > 0 ? series->width : MOTION_WIDTH);
    gr_text_printf(text, "\" stroke-linejoin=\"round\" stroke-dasharray=\"");
    motion_number(text, dash);
    gr_text_printf(text, "\">\n<animate attributeName=\"stroke-dashoffset\"");
    motion_values(pen, line, dash);
    gr_text_printf(text, "</path>\n");
}

/* A disc, or a square where the colour comes again. Without animation it stands at the end. */
static void motion_mark(plot_pen *pen, const plot_series *series, const motion_line *line)
{
    gr_text *const text = pen->motion;
    const plot_point *const end = &line->point[line->n - 1];
    const double r = fmax(series->mark, MOTION_MARK);
    gr_text_printf(text, "<rect x=\"");
    motion_number(text, -r);
    gr_text_printf(text, "\" y=\"");
    motion_number(text, -r);
    gr_text_printf(text, "\" width=\"");
    motion_number(text, 2 * r);
    gr_text_printf(text, "\" height=\"");
    motion_number(text, 2 * r);
    gr_text_printf(text, "\" rx=\"");
    motion_number(text, series->color > PLOT_BASE_COLORS ? 0 : r);
    gr_text_printf(text, "\" fill=\"#%06x\" stroke=\"#ffffff\" transform=\"translate(",
                   gr_plot_palette(series->color));
    motion_pair(text, end->x, end->y);
    gr_text_printf(text, ")\">\n<animateTransform attributeName=\"transform\" type=\"translate\"");
    motion_values(pen, line, 0);
    gr_text_printf(text, "</rect>\n");
}

void gr_plot_motion_add(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                        plot_box area)
{
    gr_text *const text = pen->motion;
    motion_line line = {0};
    if (!motion_trace(series, axis, area, &line)) {
        pen->failed = true;
    } else if (line.n > 0) {
        const int id = pen->motions++;
        gr_text_printf(text, "<clipPath id=\"play%d\"><rect x=\"", id);
        motion_number(text, area.x);
        gr_text_printf(text, "\" y=\"");
        motion_number(text, area.y);
        gr_text_printf(text, "\" width=\"");
        motion_number(text, area.width);
        gr_text_printf(text, "\" height=\"");
        motion_number(text, area.height);
        gr_text_printf(text, "\"/></clipPath>\n<g clip-path=\"url(#play%d)\">\n", id);
        motion_stroke(pen, series, &line);
        motion_mark(pen, series, &line);
        gr_text_printf(text, "</g>\n");
    }
    gr_free(line.point);
    gr_free(line.length);
}

void gr_plot_motion_insert(gr_text *svg, const gr_text *motion)
{
    static const char end[] = "</svg>\n";
    const size_t n = sizeof end - 1;
    if (svg->size < n || memcmp(svg->data + svg->size - n, end, n) != 0) return;
    svg->size -= n;
    gr_text_append(svg, motion->data, motion->size);
    gr_text_append(svg, end, n);
}
#endif
