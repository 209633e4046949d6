/* gradus surface: what its parts share. */
#ifndef CLI_SURFACE_H
#define CLI_SURFACE_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/train.h>

enum { CLI_SURFACE_GROUNDS = 6, CLI_SURFACE_PATHS = 14 };

typedef struct cli_surface cli_surface;

/* A function of two numbers, of x alone if the surface is a line. */
typedef struct cli_ground {
    char *title;      /* NULL: none but the figure's */
    int64_t examples; /* that the loss is a mean over; 0: it is an expression */
    /* values[rows·columns] at x[column], y[row]. Calls cli_surface_proceed for each. */
    gr_status (*grid)(void *user, const double *x, int columns, const double *y, int rows,
                      double *values);
    /* Its value at a point and its slope there, or (`some`) that of a mini-batch. */
    gr_status (*slope)(void *user, const double at[2], bool some, double *value, double slope[2]);
    void (*free)(void *user);
    void *user;
    double *line;  /* [points]: y = 0 */
    double *plane; /* [points, points], row 0 at y's least; NULL: a line alone */
} cli_ground;

/* Where an optimiser went. */
typedef struct cli_path {
    char *name; /* "momentum 0.01" */
    gr_optimizer optimizer;
    bool some;             /* its gradients are those of mini-batches */
    int n;                 /* points, with the start */
    bool lost;             /* the next one would be no number, or far beyond the figure */
    double *x, *y, *value; /* [steps + 1] */
} cli_path;

struct cli_surface {
    const cli_args *args;
    bool json, quiet;
    uint64_t seed;
    char *subject;          /* the net or expression, for people */
    char *title;            /* the same in few words, for figures */
    const char *axis[2];    /* names of x and y; the second NULL: a line alone */
    double low[2], high[2]; /* the part that is looked at */
    double start[2];        /* of paths */
    bool log;               /* colours by logarithms */
    int points;             /* along each axis */
    double *at[2];          /* [points] */
    cli_ground ground[CLI_SURFACE_GROUNDS];
    int grounds;
    cli_path path[CLI_SURFACE_PATHS]; /* over the last ground */
    int paths;
    int64_t done, all; /* evaluations */
};

/* What stands over the plane: an expression's value, or a net's loss. Each fills subject, title,
 * axes, ranges and grounds, and returns an exit status, after a message if it is not CLI_YES. */
int cli_surface_expression(cli_surface *surface);
int cli_surface_net(cli_surface *surface);

/* "-1,1" of an option, if it is given, as two finite numbers, the first below the second if
 * `rising`. Returns an exit status as above. */
int cli_surface_pair(const cli_args *args, const char *option, bool rising, double pair[2]);

/* Notes an evaluation, and tells how many there are on a terminal. GR_CANCELLED once the user wants
 * to stop. */
gr_status cli_surface_proceed(cli_surface *surface);

/* Reads --paths; computes them. */
int cli_surface_read_paths(cli_surface *surface);
gr_status cli_surface_walk(cli_surface *surface);
void cli_surface_clear_paths(cli_surface *surface);

/* Refuses figures that cannot be written or have nothing to show; draws them. */
int cli_surface_check_figures(const cli_surface *surface);
gr_status cli_surface_draw(const cli_surface *surface);

void cli_surface_print(const cli_surface *surface);
void cli_surface_print_json(const cli_surface *surface);

#endif
