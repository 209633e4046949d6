/* plot.h: figures, as SVG, PDF or PNG. Part of libgradus-extra.
 *
 * A figure is a grid of panels. Series, grids and pictures are added to panels; ranges, ticks,
 * margins and colours follow from what was added. Colours are those of Okabe and Ito, which all
 * readers tell apart, and each comes with a mark or dashes of its own, for print without colours.
 * Text never overlaps text: what does not fit is shortened, turned or left out. Equal calls give
 * equal bytes.
 *
 *     gr_figure *figure;
 *     gr_figure_new(NULL, &figure);
 *     gr_figure_panel(figure, 0, GR_PANEL(.x_label = "k", .y_label = "accuracy"));
 *     gr_figure_add(figure, 0, GR_SERIES(GR_SERIES_POINTS, .x = k, .y = fold, .n = 50));
 *     gr_figure_add(figure, 0, GR_SERIES(GR_SERIES_LINE, .label = "mean", .x = ks, .y = mean,
 *                                        .n = 10));
 *     gr_figure_save(figure, "k.svg");
 *     gr_figure_free(figure); */
#ifndef GRADUS_PLOT_H
#define GRADUS_PLOT_H

#include <gradus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* May a figure be written to `path`? For a check before long work. GR_UNSUPPORTED if its name does
 * not end in .svg, .pdf or .png, and in a build without cairo, whose package the message names. */
GR_API gr_status gr_figure_check(const char *path);

/* ---- Figures and panels ------------------------------------------------------------------- */

/* A grid of panels. One thread at a time. */
typedef struct gr_figure gr_figure;

typedef struct gr_figure_options {
    size_t size;          /* sizeof(gr_figure_options) */
    int panels;           /* 0: 1; at most 100 */
    int columns;          /* panels in a row; 0: all */
    double width, height; /* in points of 1/72 inch; 0: 270 for each column, 200 for each row */
    double dpi;           /* dots per inch of a PNG; 0: 200 */
    const char *title;    /* above all panels, or NULL */
    double seconds;       /* one round of the series that play, in an SVG; 0: a still picture */
} gr_figure_options;
#define GR_FIGURE(...) (&(gr_figure_options){.size = sizeof(gr_figure_options), __VA_ARGS__})

/* Makes an empty figure; `options` may be NULL. GR_INVALID for sizes that leave a panel less than
 * 90 by 80 points or a figure more than 10000 on a side. The caller frees *figure. */
GR_API gr_status gr_figure_new(const gr_figure_options *options, gr_figure **figure);
GR_API void gr_figure_free(gr_figure *figure); /* accepts NULL */

/* Labels and scales of a panel. */
typedef struct gr_panel {
    size_t size;                           /* sizeof(gr_panel) */
    const char *title, *x_label, *y_label; /* NULL: none */
    bool x_log, y_log;                     /* logarithmic; what is not above 0 is left out */
    double x_min, x_max, y_min, y_max;     /* the range of an axis; both 0: from the data */
    bool equal;                            /* a unit is as long along x as along y */
    bool y_down;                           /* y grows downwards, as the rows of a matrix do */
    bool bare;                             /* neither axes nor ticks: for pictures */
    /* Texts instead of numbers at 0, 1, …: as many as n says, each NULL for none. */
    const char *const *x_names, *const *y_names;
    int x_count, y_count;
} gr_panel;
#define GR_PANEL(...) (&(gr_panel){.size = sizeof(gr_panel), __VA_ARGS__})

/* Labels and scales of a panel (from 0, row by row). Texts are copied. GR_RANGE if there is no such
 * panel, GR_INVALID for a range that its axis cannot have. */
GR_API gr_status gr_figure_panel(gr_figure *figure, int panel, const gr_panel *axes);

/* Draws the figure to a file, of the kind that its name's ending tells. The file is written as by
 * gr_file_write. Refusals of gr_figure_check; GR_INVALID for text that is not UTF-8. */
GR_API gr_status gr_figure_save(const gr_figure *figure, const char *path);

/* ---- Series ------------------------------------------------------------------------------- */

/* How a series is drawn. */
typedef enum gr_series_kind {
    GR_SERIES_LINE,   /* through the points, which are marked if they are few */
    GR_SERIES_POINTS, /* marks alone */
    GR_SERIES_LEVEL,  /* a dashed line across the panel at y[0] */
    GR_SERIES_MARK,   /* a dotted line up the panel at x[0] */
    GR_SERIES_BAND,   /* the area between y and y2, pale, under what belongs to it */
    GR_SERIES_ERRORS, /* a bar with caps from y to y2 at each x */
    GR_SERIES_BARS    /* from 0 to y at each x, as wide as the nearest two are apart */
} gr_series_kind;

/* Numbers against numbers. */
typedef struct gr_series {
    size_t size;              /* sizeof(gr_series) */
    gr_series_kind kind;      /* how it is drawn */
    const char *label;        /* in the legend above the panel; NULL: not there */
    const double *x, *y, *y2; /* n of each; x = NULL: 1, 2, … A NaN or an infinity leaves a gap. */
    int n;                    /* points */
    int color;   /* 1 to 28, of which the first 7 differ in colour and the others in mark and dashes
                    too; 0: the next that the panel has not used (levels and marks: grey) */
    double mark; /* half the size of a mark, in points; 0: 2; below 0: no marks */
    double width; /* of a line, in points; 0: 1.5 */
    /* A line: in an SVG of a figure with `seconds`, a mark goes along it, over and over, drawing it
     * behind itself up to the first gap. Point i of all lines that play is reached at the same
     * time. Programs that do not animate (SMIL), PNG and PDF show the whole line. */
    bool plays;
} gr_series;
#define GR_SERIES(kind_, ...)                                                                      \
    (&(gr_series){.size = sizeof(gr_series), .kind = (kind_), __VA_ARGS__})

/* Adds a series to a panel; everything is copied. GR_RANGE if there is no such panel, GR_INVALID
 * for a series without data. */
GR_API gr_status gr_figure_add(gr_figure *figure, int panel, const gr_series *series);

/* Values to be counted. */
typedef struct gr_histogram {
    size_t size;          /* sizeof(gr_histogram) */
    const char *label;    /* in the legend; NULL: not there */
    const double *values; /* [n]; what is not finite is left out */
    int n;                /* values */
    int bins;             /* 0: by the rule of Freedman and Diaconis (1981), 1 to 60 */
    double low, high;     /* ends of the first and last bin; both 0: least and largest value */
    bool share;           /* shares of n instead of counts */
    int color;            /* as of a series */
} gr_histogram;
#define GR_HISTOGRAM(...) (&(gr_histogram){.size = sizeof(gr_histogram), __VA_ARGS__})

/* Counts values in bins of equal width and adds them as bars. GR_INVALID without finite values or
 * with more than 10000 bins; GR_RANGE. */
GR_API gr_status gr_figure_histogram(gr_figure *figure, int panel, const gr_histogram *histogram);

/* ---- Grids, pictures, notes -------------------------------------------------------------- */

/* How a grid is drawn. */
typedef enum gr_grid_kind {
    GR_GRID_CELLS,   /* a rectangle of one colour about each value */
    GR_GRID_FILLED,  /* areas between levels, with interpolation between the values */
    GR_GRID_CONTOURS /* lines at the levels, drawn over what was added before */
} gr_grid_kind;

/* All are told apart without colour vision; the first four also by their lightness alone. */
typedef enum gr_color_map {
    GR_MAP_SEQUENTIAL, /* from dark blue by green to yellow (viridis: van der Walt, Smith 2015) */
    GR_MAP_GREY,       /* from black to white */
    GR_MAP_PALE,       /* from white to dark blue, for numbers written on it */
    GR_MAP_FAINT,      /* from white to a middle grey, for coloured lines drawn on it */
    GR_MAP_DIVERGING,  /* blue below, white at and orange above the middle of the range */
    GR_MAP_CLASSES     /* values 0, 1, …: the colours 1, 2, … of series, pale, under points */
} gr_color_map;

/* Values on a grid. */
typedef struct gr_grid {
    size_t size;          /* sizeof(gr_grid) */
    gr_grid_kind kind;    /* cells unless set */
    int rows, columns;    /* of values */
    const double *values; /* [rows, columns], row 0 at y_min; NaN: left out */
    /* Where the first and the last values lie (a cell reaches half its size beyond); all 0: at 0,
     * 1, … */
    double x_min, x_max, y_min, y_max;
    gr_color_map map;  /* of the values */
    double low, high;  /* the range of the colours; both 0: of the values */
    bool log;          /* colours and levels by the values' logarithms */
    int levels;        /* about so many, at round values; 0: 10 */
    const char *scale; /* label of a scale of the colours beside the panel; NULL: no scale */
} gr_grid;
#define GR_GRID(...) (&(gr_grid){.size = sizeof(gr_grid), __VA_ARGS__})

/* Adds a grid, under all series; values are copied. GR_INVALID for less than one row or column
 * (two, unless cells are drawn), or a range that is none; GR_RANGE. */
GR_API gr_status gr_figure_grid(gr_figure *figure, int panel, const gr_grid *grid);

/* A picture among series. */
typedef struct gr_picture {
    size_t size;            /* sizeof(gr_picture) */
    const gr_tensor *image; /* u8 [C,H,W], C = 1 or 3, as gr_image_read gives it */
    /* Two opposite corners, the picture's upper side being where the panel's up is; all 0: a unit
     * for each pixel. */
    double x_min, x_max, y_min, y_max;
    int color; /* of a frame: 1 to 7; 0: no frame */
} gr_picture;
#define GR_PICTURE(...) (&(gr_picture){.size = sizeof(gr_picture), __VA_ARGS__})

/* Adds a picture, under all series; it is copied, and drawn with its pixels sharp. GR_SHAPE or
 * GR_DTYPE for another image; GR_RANGE. */
GR_API gr_status gr_figure_picture(gr_figure *figure, int panel, const gr_picture *picture);

/* A text in a panel. */
typedef struct gr_note {
    size_t size;      /* sizeof(gr_note) */
    const char *text; /* one line, UTF-8 */
    double x, y;      /* of its centre, in the panel's numbers */
    double width;     /* what it may take, in the panel's numbers; 0: any */
    int color;        /* 1 to 7; 0: dark grey; -1: white */
} gr_note;
#define GR_NOTE(...) (&(gr_note){.size = sizeof(gr_note), __VA_ARGS__})

/* Adds a text over all else. It is left out where it would overlap another text or leave the panel,
 * or where nothing of it fits. GR_INVALID without text; GR_RANGE. */
GR_API gr_status gr_figure_note(gr_figure *figure, int panel, const gr_note *note);

/* ---- Figures of one call ------------------------------------------------------------------ */

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
    const double *rate;                          /* the learning rate, or NULL */
    const double *gradient_norm;                 /* or NULL */
} gr_curves;

/* Draws loss, accuracy, learning rate and gradient norm against epochs (whichever of them there
 * is), each in a panel, to `path`. Faults as gr_figure_save; GR_INVALID if there is nothing. */
GR_API gr_status gr_plot_curves(const char *path, const gr_curves *curves);

/* A confusion matrix. */
typedef struct gr_confusion {
    size_t size;              /* sizeof(gr_confusion) */
    const char *title;        /* or NULL */
    int classes;              /* rows and columns */
    const int64_t *counts;    /* [classes, classes]; row: the class; column: what it is taken for */
    const char *const *names; /* [classes], or NULL: their numbers */
} gr_confusion;

/* Draws a confusion matrix: each cell's shade is its share of the row, its number the count. Faults
 * as gr_figure_save; GR_INVALID for no classes. */
GR_API gr_status gr_plot_confusion(const char *path, const gr_confusion *confusion);

/* Pictures in rows. */
typedef struct gr_picture_page {
    size_t size;                 /* sizeof(gr_picture_page) */
    const char *title;           /* or NULL */
    const gr_tensor *images;     /* n of u8 [C,H,W], C = 1 or 3 */
    int n, columns;              /* columns 0: as many as make the page a square */
    double side;                 /* of the largest picture, in points; 0: 48 */
    const char *const *captions; /* [n], each below its picture (NULL: none), or NULL */
    const int *frames;           /* [n], colours 1 to 7 of frames (0: none), or NULL */
    double dpi;                  /* as of a figure */
} gr_picture_page;
#define GR_PICTURE_PAGE(...) (&(gr_picture_page){.size = sizeof(gr_picture_page), __VA_ARGS__})

/* Draws pictures in rows. Faults as gr_figure_save and gr_figure_picture; GR_INVALID for none. */
GR_API gr_status gr_plot_pictures(const char *path, const gr_picture_page *page);

/* Draws the filters of a convolution, [O,C,H,W] of f32 or f64, each on a scale of its own from its
 * least to its largest weight: in colours if C is 3, else its first C channels in grey, a row for
 * each filter (C = 1: a page). At most 256 pictures. GR_SHAPE, GR_DTYPE; faults as above. */
GR_API gr_status gr_plot_filters(const char *path, const char *title, const gr_tensor *weights);

/* A fully connected net as circles and lines. */
typedef struct gr_neurons {
    size_t size;              /* sizeof(gr_neurons) */
    const char *title;        /* or NULL */
    int layers;               /* columns, that of the inputs included: 2 to 64 */
    const int64_t *units;     /* [layers]: circles of each */
    const char *const *names; /* [layers], under the columns; NULL: none */
    int most;   /* circles of a column, above which dots stand for the rest: at least 3; 0: 12 */
    double dpi; /* as of a figure */
} gr_neurons;
#define GR_NEURONS(...) (&(gr_neurons){.size = sizeof(gr_neurons), __VA_ARGS__})

/* Draws a fully connected net: columns of circles, and a line for each weight between those drawn.
 * Faults as gr_figure_save; GR_INVALID for columns and circles out of range. */
GR_API gr_status gr_plot_neurons(const char *path, const gr_neurons *neurons);

/* ---- Diagrams ----------------------------------------------------------------------------- */

/* Circuits and nets: nodes and wires, laid out from left to right by Graphviz's library, which is
 * loaded when the first diagram is drawn. */
typedef struct gr_diagram gr_diagram;

/* How a node is drawn. */
typedef enum gr_diagram_kind {
    GR_DIAGRAM_GATE,   /* a circle, or a rounded box where the text is long */
    GR_DIAGRAM_LEAF,   /* text without a frame: an input, a constant */
    GR_DIAGRAM_LAYER,  /* a box, whose first line of text is its title */
    GR_DIAGRAM_RESULT, /* a gate that is marked as the one all is about */
    GR_DIAGRAM_FORK    /* a dot from which several wires go on */
} gr_diagram_kind;

/* A node of a diagram. */
typedef struct gr_diagram_node {
    size_t size;          /* sizeof(gr_diagram_node) */
    gr_diagram_kind kind; /* how it is drawn */
    const char *text;     /* lines are parted by \n */
    const char *name;     /* small, in grey, under a gate's text; NULL: none */
    int color;            /* of a layer's box, as of a series; 0: white */
} gr_diagram_node;
#define GR_DIAGRAM_NODE(...) (&(gr_diagram_node){.size = sizeof(gr_diagram_node), __VA_ARGS__})

/* A wire of a diagram. */
typedef struct gr_diagram_wire {
    size_t size;          /* sizeof(gr_diagram_wire) */
    int from, to;         /* nodes; to = -1: an open end */
    const char *value;    /* above the wire, in green: what goes forward; NULL: nothing */
    const char *gradient; /* below the wire, in orange: what comes back; NULL: nothing */
} gr_diagram_wire;
#define GR_DIAGRAM_WIRE(...) (&(gr_diagram_wire){.size = sizeof(gr_diagram_wire), __VA_ARGS__})

/* An empty diagram, which the caller frees. `title` may be NULL; dpi as of a figure. */
GR_API gr_status gr_diagram_new(const char *title, double dpi, gr_diagram **diagram);
GR_API void gr_diagram_free(gr_diagram *diagram); /* accepts NULL */
/* Adds a node, whose number, from 0, is *number. GR_NO_MEMORY. */
GR_API gr_status gr_diagram_add(gr_diagram *diagram, const gr_diagram_node *node, int *number);
/* Adds a wire between nodes that are there. GR_RANGE if they are not. */
GR_API gr_status gr_diagram_connect(gr_diagram *diagram, const gr_diagram_wire *wire);
/* Can diagrams be drawn? GR_UNSUPPORTED, naming the package, in a build without Graphviz. */
GR_API gr_status gr_diagram_check(void);
/* Draws the diagram, as large as it needs to be, as gr_figure_save does; more than 1200 points wide
 * it goes on in further rows, unless there are texts at its wires. Refusals of that and of
 * gr_diagram_check; GR_INVALID for a diagram without nodes. */
GR_API gr_status gr_diagram_save(const gr_diagram *diagram, const char *path);

#ifdef __cplusplus
}
#endif
#endif
