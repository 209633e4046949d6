/* gradus linear: what its parts share. */
#ifndef CLI_LINEAR_H
#define CLI_LINEAR_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/train.h>

typedef enum cli_linear_strategy {
    CLI_LINEAR_RANDOM,   /* tries of W drawn anew, the best kept */
    CLI_LINEAR_LOCAL,    /* tries of W + δ, kept where the loss falls */
    CLI_LINEAR_GRADIENT, /* W moves against the gradient */
    CLI_LINEAR_STRATEGIES
} cli_linear_strategy;

enum { CLI_LINEAR_MOST = 12 }; /* strategies or sizes of batches to compare */

/* The loss of a search's best try, or of a batch, after each step. */
typedef struct cli_linear_curve {
    int64_t n, room;
    double *seconds, *loss; /* [n] */
} cli_linear_curve;

/* One way to find W and b. */
typedef struct cli_linear_way {
    cli_linear_strategy strategy;
    int64_t batch; /* examples of an update; 0: all */
    gr_model *model;
    cli_linear_curve curve;
    int64_t steps; /* tries or updates */
    double seconds;
    double train_loss, train_accuracy, test_accuracy;
    int64_t right;
} cli_linear_way;

/* The numerical gradient beside the analytic one, at the first update. */
typedef struct cli_linear_numeric {
    int64_t evaluations; /* 0: it was not asked for */
    double seconds, analytic_seconds, error;
} cli_linear_numeric;

typedef struct cli_linear {
    const cli_args *args;
    bool json, quiet;
    bool trick;  /* b is the last column of W, and x ends in 1 */
    bool neuron; /* one score, of class 1; that of class 0 is 0 */
    gr_loss_kind loss;
    double margin;
    gr_optimizer optimizer;
    double scale; /* mean |x|² of the training part, which the usual rate is divided by */
    double init;  /* deviation of the first W */
    uint64_t seed;
    int threads;
    gr_dataset *train, *test;
    gr_normalizer normalizer;
    int classes;
    int64_t rows, size; /* of W: scores, numbers of an example */
    double first_loss;  /* of the training part by the first W */
    cli_linear_way ways[CLI_LINEAR_MOST];
    int n_ways, best;
    cli_linear_numeric numeric;
} cli_linear;

/* Has the user asked to stop? */
/* Shows how far `what` has come, 0 to 1, where a person is watching. */
void cli_linear_show(const cli_linear *linear, const char *what, double done);

/* ---- The classifier -------------------------------------------------------------------------- */

/* Normalisation and the optimiser's rate, as far as the data decide them. */
gr_status cli_linear_learn(cli_linear *linear);
/* A model with the first W and b. The caller frees it. */
gr_status cli_linear_model(const cli_linear *linear, gr_model **model);
/* W [rows, size] and b [rows] of a model, however it keeps them. */
gr_status cli_linear_get(const cli_linear *linear, gr_model *model, float *w, float *b);
gr_status cli_linear_put(const cli_linear *linear, gr_model *model, const float *w, const float *b);
/* Draws W and b of the first model. */
gr_status cli_linear_draw(const cli_linear *linear, const char *name, double deviation, float *w,
                          float *b);
/* Scores of all classes: those of a neuron with the 0 of class 0 before them. */
gr_node *cli_linear_pad(const cli_linear *linear, gr_node *scores);
/* Mean loss of scores [N, classes], without penalties. */
gr_node *cli_linear_loss(const cli_linear *linear, gr_node *scores, gr_node *labels);
/* Tells what is trained, and whether the loss of the first W is as it should be. */
void cli_linear_announce(const cli_linear *linear);
/* The loss that scores of about 0 give. */
double cli_linear_expected(const cli_linear *linear);

/* ---- Strategies ------------------------------------------------------------------------------ */

void cli_linear_note(cli_linear_curve *curve, double seconds, double loss);
/* Passes through the training part; 0: as many as --steps takes. */
int64_t cli_linear_epochs(const cli_linear *linear);
gr_status cli_linear_search(const cli_linear *linear, cli_linear_way *way);
gr_status cli_linear_descend(const cli_linear *linear, cli_linear_way *way);
/* By the numerical gradient; fills linear->numeric. */
gr_status cli_linear_differences(cli_linear *linear, cli_linear_way *way);

/* ---- Results --------------------------------------------------------------------------------- */

/* "random", as it is asked for; "random search". */
const char *cli_linear_strategy_word(cli_linear_strategy strategy);
const char *cli_linear_strategy_name(cli_linear_strategy strategy);
/* "random search", "batches of 256": names a way among others. To be freed. */
char *cli_linear_way_name(const cli_linear *linear, const cli_linear_way *way);
/* Prints it all. */
gr_status cli_linear_report(const cli_linear *linear);
/* May what is asked for be drawn, of these data? */
int cli_linear_figures_check(const cli_linear *linear);
gr_status cli_linear_figures(const cli_linear *linear);
gr_status cli_linear_lines(const cli_linear *linear, const char *path);
/* The scores of one test example, part by part: a table or JSON, and a figure. */
gr_status cli_linear_score(const cli_linear *linear, cli_json *json);
/* A row of W as a picture of an example's shape, from its least to its greatest number, for
 * gr_tensor_clear. */
gr_status cli_linear_picture(const cli_linear *linear, const float *w, gr_tensor *picture);
/* Colour pictures and grey copies of them, class by class. */
gr_status cli_linear_grey(const cli_linear *linear, cli_json *json);

#endif
