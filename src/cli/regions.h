/* gradus regions: what its parts share. */
#ifndef CLI_REGIONS_H
#define CLI_REGIONS_H

#include "cli/command.h"
#include "cli/plane.h"

#include <gradus/train.h>

enum {
    CLI_REGIONS_NETS = 36,    /* panels of a figure */
    CLI_REGIONS_CLASSES = 28, /* that a figure tells apart */
};

#define CLI_REGIONS_MARK 1.4 /* half the size of an example's mark, in points */

/* A net, how it was trained, and what it came to. */
typedef struct cli_region {
    char *title; /* what tells it from the others */
    char *text;  /* the net */
    double l2;
    gr_model *model;
    double train_accuracy, test_accuracy, loss; /* NaN: there is no test part */
} cli_region;

typedef struct cli_regions {
    const cli_args *args;
    bool json, quiet;
    gr_dataset *train, *test; /* test NULL: there is none */
    cli_region nets[CLI_REGIONS_NETS];
    int n, columns;
} cli_regions;

/* Has the net a layer before the one that makes the scores? */
bool cli_regions_has_hidden(const gr_model *model);

/* Each net's regions with the data. */
gr_status cli_regions_draw(const cli_regions *regions, const char *path);
/* The data with the plane's grid, and both as each net's last hidden layer sees them. */
gr_status cli_regions_draw_hidden(const cli_regions *regions, const char *path);

#endif
