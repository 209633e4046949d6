/* gradus regions: what its parts share. */
#ifndef CLI_REGIONS_H
#define CLI_REGIONS_H

#include "cli/command.h"

#include <gradus/plot.h>
#include <gradus/train.h>

enum {
    CLI_REGIONS_NETS = 36,    /* panels of a figure */
    CLI_REGIONS_CLASSES = 28, /* that a figure tells apart */
};

/* A net, how it was trained, and what it came to. */
typedef struct cli_region {
    char *title; /* what tells it from the others */
    char *text;  /* the net */
    double l2;
    gr_model *model;
    double train_accuracy, test_accuracy, loss; /* NaN: there is no test part */
} cli_region;

/* The part of the plane that is drawn. */
typedef struct cli_plane {
    double low[2], high[2];
} cli_plane;

typedef struct cli_regions {
    const cli_args *args;
    bool json, quiet;
    gr_dataset *train, *test; /* test NULL: there is none */
    cli_region nets[CLI_REGIONS_NETS];
    int n, columns;
} cli_regions;

/* A twentieth more than the n points at x, y span, or the examples. */
cli_plane cli_plane_about(const double *x, const double *y, int64_t n);
cli_plane cli_plane_of(const gr_dataset *set);

/* Has the net a layer before the one that makes the scores? */
bool cli_regions_has_hidden(const gr_model *model);

/* Each net's regions with the data. */
gr_status cli_regions_draw(const cli_regions *regions, const char *path);
/* The data with the plane's grid, and both as each net's last hidden layer sees them. */
gr_status cli_regions_draw_hidden(const cli_regions *regions, const char *path);
/* Adds the examples, at x and y, to a panel, coloured by class. */
gr_status cli_regions_points(gr_figure *figure, int panel, const gr_dataset *set, const double *x,
                             const double *y);

#endif
