/* What a figure holds, and its ticks. Internal. */
#ifndef GR_PLOT_FIGURE_H
#define GR_PLOT_FIGURE_H

#include <gradus/plot.h>

#include "base/base.h"

typedef struct plot_series {
    gr_series_kind kind;
    char *label; /* or NULL */
    double *x, *y;
    int n;
    int color; /* 0: grey; 1 to PLOT_COLORS */
} plot_series;

typedef struct plot_panel {
    char *title, *x_label, *y_label; /* each NULL if there is none */
    bool x_log, y_log;
    double x_min, x_max, y_min, y_max;
    plot_series *series;
    size_t count, capacity;
} plot_panel;

struct gr_figure {
    int panels;
    double width, height, dpi;
    char *title;
    plot_panel *panel;
};

#define PLOT_COLORS 7

/* ---- Axes --------------------------------------------------------------------------------- */

typedef struct plot_axis {
    double low, high; /* low < high; above 0 if logarithmic */
    bool log;
    bool whole; /* only whole numbers make sense as ticks */
} plot_axis;

/* The range of a panel's axis (0: x, 1: y), with some room around the data. */
plot_axis gr_plot_axis_of(const plot_panel *panel, int which);
/* Where a value lies between the ends of the axis: 0 to 1 (NaN: nowhere). */
double gr_plot_axis_place(const plot_axis *axis, double value);

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

/* ---- Drawing ------------------------------------------------------------------------------ */

/* In points from the top left. */
typedef struct plot_box {
    double x, y, width, height;
} plot_box;

/* Draws nowhere and tells where the texts would be: the first `capacity` of *n. GR_UNSUPPORTED in a
 * build without cairo. */
gr_status gr_plot_text_boxes(const gr_figure *figure, plot_box *box, int capacity, int *n);

#endif
