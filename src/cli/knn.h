/* gradus knn: what its parts share. */
#ifndef CLI_KNN_H
#define CLI_KNN_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/knn.h>

enum { CLI_KNN_MOST = 32 }; /* values of k */

/* How well one k did: on each fold, draw or split, and over all of them. */
typedef struct cli_knn_choice {
    const char *way; /* "validation", "folds", "bootstrap" */
    int trials;
    double *accuracy; /* [trials][values of k] */
    double mean[CLI_KNN_MOST], deviation[CLI_KNN_MOST];
    double seconds;
} cli_knn_choice;

typedef struct cli_knn_score {
    double accuracy;
    int64_t right, count;
    double prepare, seconds; /* to make the index; to classify all */
} cli_knn_score;

/* Another way to classify the same examples. */
typedef struct cli_knn_rival {
    const char *name; /* NULL: not asked for */
    double accuracy, prepare, seconds;
    double recall; /* share of the nearest k that it finds; NaN: it does not look for them */
} cli_knn_rival;

enum { CLI_KNN_RIVALS = 2 };

typedef struct cli_knn {
    const cli_args *args;
    bool json, quiet;
    gr_knn_options options;
    gr_vote vote;
    int k[CLI_KNN_MOST];
    int n_k;
    int best; /* the k in use */
    uint64_t seed;
    gr_dataset *train, *test;
    gr_knn *index;         /* of all of `train` */
    gr_knn *trees;         /* the same for approximate search; NULL: not asked for */
    cli_knn_choice choice; /* trials 0: none */
    cli_knn_score score;
    cli_knn_rival rivals[CLI_KNN_RIVALS];
} cli_knn;

/* Shares of `test` told right by each of the values of k, with progress called `what` on a
 * terminal. Returns an exit status, after a message if it is not CLI_YES. */
int cli_knn_try(const cli_knn *knn, const gr_knn *index, const gr_dataset *test, const char *what,
                const int *k, int n, double *accuracy);

/* Refuses what --k, --validation, --folds and --bootstrap cannot mean for these data. */
int cli_knn_choose_check(cli_knn *knn);
/* Builds `trees`. */
gr_status cli_knn_grow(cli_knn *knn);
/* Measures what --approximate and --linear ask for. */
int cli_knn_compare(cli_knn *knn);
void cli_knn_compare_print(const cli_knn *knn);
void cli_knn_compare_json(const cli_knn *knn, cli_json *json);

/* Has the user asked to stop? */

/* Chooses `best` by what --validation, --folds or --bootstrap asks for. */
int cli_knn_choose(cli_knn *knn);
void cli_knn_choice_print(const cli_knn *knn);
void cli_knn_choice_json(const cli_knn *knn, cli_json *json);
void cli_knn_choice_clear(cli_knn_choice *choice);

/* May the option's file, if it is given, be written as a figure? */
int cli_knn_figure_check(const cli_args *args, const char *option);
/* The same for --figure, --boundary and --neighbors, and whether the data are such that they can be
 * drawn; and then the drawing. */
int cli_knn_figures_check(const cli_knn *knn);
int cli_knn_figures(const cli_knn *knn);

/* Draws, instead of a test, copies of a picture at equal distance; paths and unit balls. */
int cli_knn_copies(const cli_knn *knn);
int cli_knn_paths(const cli_args *args);

#endif
