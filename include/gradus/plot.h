/* plot.h: figures of lines, as SVG, PDF or PNG. Part of libgradus-extra.
 *
 * A figure is one or more panels side by side. Lines are added to panels; ranges, ticks, margins
 * and colours (of Okabe and Ito, which all readers tell apart) follow from what was added. Text
 * never overlaps text: what does not fit is shortened or left out. Equal calls give equal bytes. */
#ifndef GRADUS_PLOT_H
#define GRADUS_PLOT_H

#include <gradus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_figure gr_figure;

typedef struct gr_figure_options {
    size_t size;          /* sizeof(gr_figure_options) */
    int panels;           /* 0: 1; at most 8 */
    double width, height; /* in points of 1/72 inch; 0: 270 for each panel, and 200 */
    double dpi;           /* dots per inch of a PNG; 0: 200 */
    const char *title;    /* above all panels, or NULL */
} gr_figure_options;

/* Makes an empty figure; `options` may be NULL. GR_INVALID for sizes that leave a panel less than
 * 120 by 100 points or a figure more than 10000 on a side. The caller frees *figure. */
GR_API gr_status gr_figure_new(const gr_figure_options *options, gr_figure **figure);
GR_API void gr_figure_free(gr_figure *figure);

typedef struct gr_panel {
    size_t size;                           /* sizeof(gr_panel) */
    const char *title, *x_label, *y_label; /* NULL: none */
    bool x_log, y_log;                     /* logarithmic; what is not above 0 is left out */
    double x_min, x_max, y_min, y_max;     /* the range of an axis; both 0: from the data */
} gr_panel;

/* Labels and scales of a panel (from 0). Texts are copied. GR_RANGE if there is no such panel. */
GR_API gr_status gr_figure_panel(gr_figure *figure, int panel, const gr_panel *axes);

typedef enum gr_series_kind {
    GR_SERIES_LINE,   /* through the points, which are marked if they are few */
    GR_SERIES_POINTS, /* marks alone */
    GR_SERIES_LEVEL,  /* a dashed line across the panel at y[0] */
    GR_SERIES_MARK    /* a dotted line up the panel at x[0] */
} gr_series_kind;

typedef struct gr_series {
    size_t size; /* sizeof(gr_series) */
    gr_series_kind kind;
    const char *label;   /* in the legend above the panel; NULL: not there */
    const double *x, *y; /* n of each; x = NULL: 1, 2, … A NaN or an infinity leaves a gap. */
    int n;
    int color; /* 1 to 7; 0: the next that the panel has not used (levels and marks: grey) */
} gr_series;

/* Adds a series to a panel; everything is copied. GR_RANGE if there is no such panel, GR_INVALID
 * for a series without data. */
GR_API gr_status gr_figure_add(gr_figure *figure, int panel, const gr_series *series);

/* Draws the figure to a file, of the kind that its name's ending tells: .svg, .pdf or .png. The
 * file is written as by gr_file_write. GR_UNSUPPORTED for another ending, and in a build without
 * cairo; GR_INVALID for text that is not UTF-8. */
GR_API gr_status gr_figure_save(const gr_figure *figure, const char *path);

/* The course of a training. */
typedef struct gr_curves {
    size_t size;                                 /* sizeof(gr_curves) */
    const char *title;                           /* or NULL */
    int n;                                       /* epochs */
    const double *epoch;                         /* NULL: 1 to n */
    const double *train_loss, *val_loss;         /* each NULL if there is none */
    const double *train_accuracy, *val_accuracy; /* from 0 to 1; each NULL if there is none */
    const double *test_accuracy;                 /* one number, or NULL */
    const double *best_epoch;                    /* whose weights were kept: one number, or NULL */
} gr_curves;

/* Draws loss and accuracy against epochs (whichever of them there is), side by side, to `path`.
 * Faults as gr_figure_save; GR_INVALID if there is nothing to draw. */
GR_API gr_status gr_plot_curves(const char *path, const gr_curves *curves);

#ifdef __cplusplus
}
#endif
#endif
