/* What the files of `gradus tune` share.
 *
 * A search is a list of settings, each a value for every parameter that is tried. A setting is
 * trained once for every fold and seed, each time in a process of its own. */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H

#include "cli/command.h"
#include "cli/json.h"

#include <stdio.h>

enum {
    CLI_TUNE_PARAMETERS = 16,
    CLI_TUNE_WORDS = 64,      /* values of a list, points of a range */
    CLI_TUNE_SETTINGS = 10000 /* of a search */
};

/* What is tried of one thing: a list of words, or a range. */
typedef struct cli_tune_parameter {
    char *name;
    const cli_option *option; /* of gradus train; NULL: {name} in the net's text */
    int n;                    /* words; 0: a range */
    char *word[CLI_TUNE_WORDS];
    double low, high; /* of a range */
    bool log, whole;
    int points; /* of a grid; 0: as --points says */
} cli_tune_parameter;

/* One training, or the means of several. Losses and accuracies that there are not are NaN. */
typedef struct cli_tune_outcome {
    double train_loss, val_loss, val_accuracy, seconds;
    bool done, diverged; /* diverged: the loss was no number any more */
} cli_tune_outcome;

typedef struct cli_tune_setting {
    char *value[CLI_TUNE_PARAMETERS];
    char *known;               /* all that its trainings depend on, but fold and seed */
    bool drawn;                /* at random */
    int left;                  /* trainings to come */
    cli_tune_outcome *outcome; /* [runs] */
    cli_tune_outcome mean;
    double accuracy_deviation, loss_deviation, largest_loss; /* losses: of the training part */
} cli_tune_setting;

/* The end: a training with the best setting, and the test. */
typedef struct cli_tune_test {
    bool done, tested; /* tested: there is a test part */
    bool known;        /* from the results */
    double accuracy, loss;
    int64_t count, correct;
} cli_tune_test;

typedef struct cli_tune {
    const cli_args *args;
    bool json, quiet;
    char *net; /* with {names}; NULL: the net is as gradus train reads it */
    cli_tune_parameter parameter[CLI_TUNE_PARAMETERS];
    int parameters;
    cli_tune_setting *setting;
    int settings;
    bool random, by_loss;
    int folds; /* 0: what is held out is drawn once */
    double validation;
    int seeds, runs; /* of each setting: folds × seeds */
    int jobs, threads;
    const char *path; /* of the results */
    FILE *results;
    bool tested_before; /* a test of other settings is in the results */
    int remembered;     /* trainings found in the results */
    int trained;        /* in this process */
    bool sequence;      /* as a worker says */
    bool announced;
    int shown; /* settings that have been told */
    int best;
    cli_tune_test test;
} cli_tune;

/* ---- tune_space.c: what is tried ------------------------------------------------------------ */

/* Reads every --try and the net's {names}; a command's exit status, after a message unless it is
 * CLI_YES, as of all functions here that return an int. */
int cli_tune_read_space(cli_tune *tune);
/* Makes the settings of the search. */
int cli_tune_make_settings(cli_tune *tune);
/* A range's values of a grid, or a list's words, to be freed: value[0…n-1]; returns n. */
int cli_tune_points(const cli_tune *tune, const cli_tune_parameter *parameter, char **value);
void cli_tune_clear_space(cli_tune *tune);
/* The value as a number; NaN of a word. */
double cli_tune_number(const char *value);

/* ---- tune_words.c: the command lines that a setting stands for --------------------------------
 */

typedef struct cli_tune_words {
    char **word; /* n, then NULL */
    int n, room;
} cli_tune_words;

/* The words of a training after "gradus COMMAND", each as "--name=value" if `joined`. */
cli_tune_words cli_tune_words_of(const cli_tune *tune, const cli_tune_setting *setting,
                                 bool joined);
void cli_tune_words_add(cli_tune_words *words, const char *format, ...) GR_PRINTF(2, 3);
void cli_tune_words_clear(cli_tune_words *words);
/* "gradus train …", to be freed. */
char *cli_tune_command(const cli_tune *tune, const cli_tune_setting *setting);
/* "rate=0.01 l2=0", to be freed. */
char *cli_tune_label(const cli_tune *tune, const cli_tune_setting *setting);
/* Reads every setting as its trainings will, and notes what they depend on: faults are found before
 * anything runs. */
int cli_tune_check_settings(cli_tune *tune);

/* ---- tune_results.c: the file that remembers --------------------------------------------------
 */

/* Opens the file, takes what is known of this search from it, and makes it ready to be written. */
int cli_tune_open_results(cli_tune *tune);
/* An empty file goes: where nothing was run, nothing is written. */
void cli_tune_close_results(cli_tune *tune);
int cli_tune_write_run(cli_tune *tune, int setting, int run);
int cli_tune_write_test(cli_tune *tune);
/* Looks for the test of the best setting. */
int cli_tune_find_test(cli_tune *tune);

/* ---- tune_jobs.c, tune_worker.c: processes ----------------------------------------------------
 */

/* What a worker is told. */
typedef struct cli_tune_order {
    int fold, folds; /* folds 0: hold out `validation` */
    double validation;
    int64_t seed; /* added to --seed for initial values and order, not for what is held out */
    bool last;    /* the training that is tested */
    char place[256];
} cli_tune_order;

typedef enum cli_tune_news { TUNE_READY, TUNE_DONE, TUNE_FAILED } cli_tune_news;

/* What a worker tells: that data and net are fine, then how it went. */
typedef struct cli_tune_message {
    cli_tune_news news;
    int code;      /* of a failure, whose message has been printed */
    bool sequence; /* what a text holds out for the test validates */
    cli_tune_outcome outcome;
    cli_tune_test test;
} cli_tune_message;

/* Runs all trainings that the results do not have, several at a time. */
int cli_tune_run_all(cli_tune *tune);
int cli_tune_run_test(cli_tune *tune);
/* In the worker: what its order says. */
int cli_tune_worker(const cli_args *args, int socket);

/* ---- tune_print.c -----------------------------------------------------------------------------
 */

/* Means over a setting's trainings, when the last one is done. */
void cli_tune_weigh(const cli_tune *tune, cli_tune_setting *setting);
/* Is the figure that decides better in a than in b? */
bool cli_tune_better(const cli_tune *tune, const cli_tune_outcome *a, const cli_tune_outcome *b);
/* The figure that decides, and its name. */
double cli_tune_figure(const cli_tune *tune, const cli_tune_outcome *outcome);
const char *cli_tune_figure_name(const cli_tune *tune);
void cli_tune_announce(cli_tune *tune);
void cli_tune_progress(const cli_tune *tune);
/* Tells settings that are done, in their order, as far as all before them are. */
void cli_tune_tell(cli_tune *tune);
/* The best settings, and what is to be said of them, before the test; the test. */
void cli_tune_print_best(const cli_tune *tune);
void cli_tune_print_test(const cli_tune *tune);

/* ---- tune_figures.c ---------------------------------------------------------------------------
 */

int cli_tune_check_figures(const cli_tune *tune);
int cli_tune_draw(const cli_tune *tune);

#endif
