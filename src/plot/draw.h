/* Drawing a figure with cairo, in builds that have it. Internal. */
#ifndef GR_PLOT_DRAW_H
#define GR_PLOT_DRAW_H

#include "plot/figure.h"

#ifdef GRADUS_HAVE_CAIRO
#include <cairo.h>

typedef enum plot_face {
    PLOT_TICK,
    PLOT_LABEL,
    PLOT_TITLE,
    PLOT_HEADING,
    PLOT_GATE, /* of diagrams: a gate's text, its name, a wire's value and gradient */
    PLOT_NAME,
    PLOT_VALUE,
    PLOT_GRADIENT,
    PLOT_FACES
} plot_face;
typedef enum plot_align { PLOT_LEFT, PLOT_CENTRE, PLOT_RIGHT } plot_align;

typedef struct plot_pen {
    cairo_t *cairo;
    plot_box *box; /* where texts were drawn, for tests; NULL: not wanted */
    int capacity, boxes;
    bool failed; /* memory is out */
    /* Elements of an SVG that move, which cairo does not know; NULL: nothing moves. */
    gr_text *motion;
    double seconds; /* of a round */
    int frames;     /* points of the longest line that plays */
    int motions;    /* lines in `motion` */
} plot_pen;

/* Something to be drawn on a page of that size, in points. */
typedef struct plot_sheet {
    double width, height, dpi;
    const char *title; /* for a PDF file's metadata, or NULL */
    void (*draw)(const void *user, plot_pen *pen);
    const void *user;
} plot_sheet;

/* Draws it to a file whose ending was checked; or nowhere, and tells where texts are. */
gr_status gr_plot_sheet_save(const plot_sheet *sheet, const char *path);
gr_status gr_plot_sheet_boxes(const plot_sheet *sheet, plot_box *box, int capacity, int *n);

/* Draws the whole figure on a surface measured in points. */
void gr_plot_draw(const gr_figure *figure, plot_pen *pen);
/* A white page, and fonts that look alike at all scales. */
void gr_plot_begin(plot_pen *pen);

/* ---- Text --------------------------------------------------------------------------------- */

/* What follows a '^' in the text of a tick is raised; other faces draw it as it is. */
double gr_plot_text_width(plot_pen *pen, plot_face face, const char *text);
/* From one line of text to the next. */
double gr_plot_text_height(plot_face face);
/* Draws a text, shortened to `room` points if need be, whose top is at y and whose left end,
 * centre or right end is at x. Returns its width. */
double gr_plot_text_draw(plot_pen *pen, plot_face face, double x, double y, plot_align align,
                         double room, const char *text);
/* As gr_plot_text_draw, turned to the left: its left side at x, its centre at y (PLOT_CENTRE) or
 * its end there (PLOT_RIGHT). */
void gr_plot_text_draw_up(plot_pen *pen, plot_face face, double x, double y, plot_align align,
                          double room, const char *text);

/* ---- Series ------------------------------------------------------------------------------- */

/* What is drawn first lies under the rest: areas, then lines across, then data. */
#define PLOT_DEPTHS 3
int gr_plot_series_depth(const plot_series *series);
/* `among` says how many lines share the panel: where there are several, all have marks. */
void gr_plot_series_draw(plot_pen *pen, const plot_series *series, int among,
                         const plot_axis axis[2], plot_box area);
/* A sample for the legend, about the middle line y, of a panel of that width; and its width. */
void gr_plot_series_sample(plot_pen *pen, const plot_series *series, int among, double x, double y,
                           double width);
double gr_plot_series_sample_width(const plot_series *series);
/* How many lines a panel has. */
int gr_plot_lines(const plot_panel *panel);
void gr_plot_color(plot_pen *pen, unsigned rgb);

/* ---- Motion ------------------------------------------------------------------------------- */

typedef struct plot_point {
    double x, y;
    bool real;   /* no gap */
    bool inside; /* of the panel */
} plot_point;
plot_point gr_plot_point_of(const plot_series *series, int i, const plot_axis axis[2],
                            plot_box area);

/* Points of a line before its first gap. */
int gr_plot_motion_points(const plot_series *series);
/* Adds a line, and a mark that draws it, to the pen's `motion`. */
void gr_plot_motion_add(plot_pen *pen, const plot_series *series, const plot_axis axis[2],
                        plot_box area);
/* Puts what moves at the end of an SVG. */
void gr_plot_motion_insert(gr_text *svg, const gr_text *motion);

/* ---- Layers ------------------------------------------------------------------------------- */

#define PLOT_SCALE_GAP 8.0 /* between a panel and the scale of its colours */
#define PLOT_SCALE_BAR 9.0 /* width of the scale */

void gr_plot_layer_draw(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                        plot_box area);
/* The layer's part that gr_plot_layer_draw leaves to it: lines, or areas between levels. */
void gr_plot_contour_draw(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                          plot_box area);
/* The layer whose colours the panel has a scale for, or NULL. */
const plot_layer *gr_plot_scale_of(const plot_panel *panel);
/* Room that it takes to the right of the panel's area, and drawing it there, up to `right`. */
double gr_plot_scale_width(plot_pen *pen, const plot_layer *layer, double height);
void gr_plot_scale_draw(plot_pen *pen, const plot_layer *layer, plot_box area, double right);
/* The panel's notes, as far as they do not overlap. */
void gr_plot_notes_draw(plot_pen *pen, const plot_panel *panel, const plot_axis axis[2],
                        plot_box area);

#endif

#endif
