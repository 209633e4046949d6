/* gradus fit: what its parts share. */
#ifndef CLI_FIT_H
#define CLI_FIT_H

#include "cli/command.h"

enum {
    CLI_FIT_WIDTHS = 12,
    CLI_FIT_FINE = 2001, /* points on which errors are looked for */
};

/* A net of so many hidden units, and as many bumps. */
typedef struct cli_fitted {
    int width;
    int64_t parameters;
    double net_error, bump_error; /* the largest */
    double net[CLI_FIT_FINE], bumps[CLI_FIT_FINE];
} cli_fitted;

typedef struct cli_fit {
    const cli_args *args;
    const char *text;  /* of the function */
    const char *input; /* its input's name */
    double from, to;
    double x[CLI_FIT_FINE], y[CLI_FIT_FINE];
    int n;
    cli_fitted *at; /* [n] */
} cli_fit;

/* Trains a net on `points` of the function, evenly spaced. Returns an exit status, after a message
 * unless it is CLI_YES. */
int cli_fit_net(const cli_fit *job, cli_fitted *net);
/* The function beside both, for some of the widths, and the errors against the width. */
gr_status cli_fit_draw(const cli_fit *job, const char *path);

#endif
