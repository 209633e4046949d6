/* Drawing a figure with cairo, in builds that have it. Internal. */
#ifndef GR_PLOT_DRAW_H
#define GR_PLOT_DRAW_H

#include "plot/figure.h"

#ifdef GRADUS_HAVE_CAIRO
#include <cairo.h>

typedef enum plot_face { PLOT_TICK, PLOT_LABEL, PLOT_TITLE, PLOT_HEADING, PLOT_FACES } plot_face;
typedef enum plot_align { PLOT_LEFT, PLOT_CENTRE, PLOT_RIGHT } plot_align;

typedef struct plot_pen {
    cairo_t *cairo;
    plot_box *box; /* where texts were drawn, for tests; NULL: not wanted */
    int capacity, boxes;
    bool failed; /* memory is out */
} plot_pen;

/* Draws the whole figure on a surface measured in points. */
void gr_plot_draw(const gr_figure *figure, plot_pen *pen);

/* ---- Text --------------------------------------------------------------------------------- */

/* What follows a '^' in the text of a tick is raised; other faces draw it as it is. */
double gr_plot_text_width(plot_pen *pen, plot_face face, const char *text);
/* From one line of text to the next. */
double gr_plot_text_height(plot_face face);
/* Draws a text, shortened to `room` points if need be, whose top is at y and whose left end,
 * centre or right end is at x. Returns its width. */
double gr_plot_text_draw(plot_pen *pen, plot_face face, double x, double y, plot_align align,
                         double room, const char *text);
/* The same turned to the left, its centre at y, its left side at x. */
void gr_plot_text_draw_up(plot_pen *pen, plot_face face, double x, double y, double room,
                          const char *text);

/* ---- Series ------------------------------------------------------------------------------- */

void gr_plot_series_draw(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                         plot_box area);
/* Are the points of a line marked in a panel of that width? */
bool gr_plot_series_marked(const plot_series *series, double width);
/* A sample for the legend, about the middle line y, and its width. */
void gr_plot_series_sample(plot_pen *pen, const plot_series *series, double x, double y,
                           bool marked);
double gr_plot_series_sample_width(const plot_series *series);
void gr_plot_color(plot_pen *pen, unsigned rgb);

#endif

#endif
