/* What a figure holds, and its ticks. Internal. */
#ifndef GR_PLOT_FIGURE_H
#define GR_PLOT_FIGURE_H

#include <gradus/plot.h>

#include "base/base.h"

typedef struct plot_series {
    gr_series_kind kind;
    char *label;        /* or NULL */
    double *x, *y, *y2; /* y2: NULL unless the kind has it */
    int n;
    int color; /* 0: grey; 1 to PLOT_COLORS */
    double mark, width;
    bool plays;
} plot_series;

/* A grid, or a picture (`pixel` is there and `values` not). */
typedef struct plot_layer {
    gr_grid_kind kind;
    int rows, columns;
    double *values;    /* [rows, columns], row 0 at y[0] */
    uint32_t *pixel;   /* 0xRRGGBB, from the top */
    double x[2], y[2]; /* the middle of the first and last cells */
    gr_color_map map;
    double low, high; /* of the colours */
    bool log;
    double *level; /* [levels], rising */
    int levels;
    char *scale; /* label of the scale, "" for one without; NULL: no scale */
    int frame;   /* colour, or 0 */
} plot_layer;

typedef struct plot_note {
    char *text;
    double x, y, width;
    int color;
} plot_note;

typedef struct plot_names {
    char **text; /* [n], each NULL if there is none */
    int n;
} plot_names;

typedef struct plot_panel {
    char *title, *x_label, *y_label; /* each NULL if there is none */
    bool x_log, y_log, equal, y_down, bare;
    double x_min, x_max, y_min, y_max;
    plot_names names[2]; /* of x and y */
    plot_series *series;
    size_t count, capacity;
    plot_layer *layer;
    size_t layers, layer_capacity;
    plot_note *note;
    size_t notes, note_capacity;
} plot_panel;

struct gr_figure {
    int panels, columns, rows;
    double width, height, dpi;
    double seconds; /* of a round; 0: nothing plays */
    char *title;
    plot_panel *panel;
};

#define PLOT_BASE_COLORS 7
#define PLOT_COLORS (4 * PLOT_BASE_COLORS)

/* The panel of that number; GR_RANGE. */
gr_status gr_plot_panel_at(gr_figure *figure, int index, plot_panel **panel);
/* Copies a text that may be NULL or empty (then *copy is NULL). */
gr_status gr_plot_text_copy(const char *text, char **copy);
void gr_plot_layer_clear(plot_layer *layer);

/* ---- Axes --------------------------------------------------------------------------------- */

typedef struct plot_axis {
    double low, high; /* low < high; above 0 if logarithmic */
    bool log;
    bool whole; /* only whole numbers make sense as ticks */
    bool down;  /* from high to low */
} plot_axis;

/* The range of a panel's axis (0: x, 1: y), with some room around the data. */
plot_axis gr_plot_axis_of(const plot_panel *panel, int which);
/* Where a value lies between the ends of the axis: 0 to 1 (NaN: nowhere). */
double gr_plot_axis_place(const plot_axis *axis, double value);
/* The value at a place. */
double gr_plot_axis_value(const plot_axis *axis, double place);

/* Half the width of the bars of a series. */
double gr_plot_bar_half(const plot_series *series);
/* Where a layer begins and ends along an axis (0: x, 1: y): half a cell beyond the outer values of
 * cells and pictures. */
void gr_plot_layer_reach(const plot_layer *layer, int which, double ends[2]);

#define PLOT_MAX_TICKS 24
#define PLOT_MAX_MINOR 128
#define PLOT_TICK_TEXT 40

typedef struct plot_ticks {
    int n, minor_n;
    double at[PLOT_MAX_TICKS];
    char text[PLOT_MAX_TICKS][PLOT_TICK_TEXT]; /* what follows a '^' is raised */
    double minor[PLOT_MAX_MINOR];
} plot_ticks;

/* At most `most` ticks (at least 2 are allowed) at round values: 1, 2 or 5 times a power of ten. */
void gr_plot_ticks_make(const plot_axis *axis, int most, plot_ticks *ticks);

/* ---- Colours ------------------------------------------------------------------------------ */

/* Colour of a series, 0xRRGGBB. */
unsigned gr_plot_palette(int color);
/* Colour of a layer's value; below 0: none. Filled areas have one colour between two levels. */
int64_t gr_plot_layer_color(const plot_layer *layer, double value);

/* ---- Drawing ------------------------------------------------------------------------------ */

/* In points from the top left. */
typedef struct plot_box {
    double x, y, width, height;
} plot_box;

/* Draws nowhere and tells where the texts would be: the first `capacity` of *n. GR_UNSUPPORTED in a
 * build without cairo. */
gr_status gr_plot_text_boxes(const gr_figure *figure, plot_box *box, int capacity, int *n);

#endif
