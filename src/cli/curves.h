/* What the files of `gradus curves` share: the courses of several trainings. */
#ifndef CLI_CURVES_H
#define CLI_CURVES_H

#include "cli/command.h"

/* What an entry of a log tells: its place, then quantities to draw. */
typedef enum cli_curve {
    CLI_CURVE_EPOCH,
    CLI_CURVE_STEP,
    CLI_CURVE_SECONDS,
    CLI_CURVE_TRAIN_LOSS, /* the first that is a quantity */
    CLI_CURVE_VAL_LOSS,
    CLI_CURVE_TRAIN_ACCURACY,
    CLI_CURVE_VAL_ACCURACY,
    CLI_CURVE_TRAIN_ERROR, /* 1 - accuracy: in no log */
    CLI_CURVE_VAL_ERROR,
    CLI_CURVE_RATE,
    CLI_CURVE_GRADIENT_NORM,
    CLI_CURVES
} cli_curve;

extern const char *const cli_curve_names[CLI_CURVES];  /* as logs and options have them */
extern const char *const cli_curve_labels[CLI_CURVES]; /* as figures and tables have them */

/* Is more better? True of accuracies; losses, errors, norms and rates fall. */
bool cli_curve_rises(cli_curve curve);

/* A training: n entries of its history. */
typedef struct cli_run {
    char *name;
    int n;
    double *value[CLI_CURVES]; /* [n] each; NaN where the log has nothing */
    double test_accuracy;      /* NaN: the log does not tell */
} cli_run;

/* Reads "[NAME=]FILE", a log of `gradus train --json` ("-" is standard input). Returns an exit
 * status, after a message if it is not CLI_YES. Free with cli_run_clear. */
int cli_run_read(const char *operand, cli_run *run);
void cli_run_clear(cli_run *run);
/* Does any entry have the quantity? */
bool cli_run_has(const cli_run *run, cli_curve curve);
/* Where along `by` the quantity first reaches `goal`, between two entries by a straight line; NaN:
 * nowhere. */
double cli_run_reach(const cli_run *run, cli_curve curve, double goal, cli_curve by);

typedef struct cli_curves_figure {
    const char *title; /* or NULL */
    cli_curve by;      /* what the curves are drawn against */
    int n;             /* panels, */
    cli_curve show[CLI_CURVES];
    cli_curve goal; /* CLI_CURVES: none */
    double level;   /* of the goal, a line across its panel */
    bool log;       /* scale, but of accuracies */
} cli_curves_figure;

/* Draws the runs over each other, a panel for each quantity. Faults as gr_figure_save. */
gr_status cli_curves_draw(const char *path, const cli_run *runs, int n,
                          const cli_curves_figure *figure);

#endif
