/* What the files of `gradus train` share. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/inspect.h>
#include <stdio.h>

/* What looks wrong with a training. */
typedef enum cli_alarm_kind { CLI_DEAD, CLI_SATURATED, CLI_UPDATE, CLI_ALARMS } cli_alarm_kind;

typedef struct cli_alarm {
    char *where; /* the layer or parameter; NULL: all is well */
    double value;
    int64_t units; /* of a layer */
} cli_alarm;

/* One training, from the command line to its end. */
typedef struct cli_training {
    const cli_args *args;
    /* Options. */
    char *net;
    gr_shape input;               /* that the net is made for; rank 0: any */
    const char *out;              /* NULL: no model is written */
    const char *curves;           /* NULL: none */
    char *checkpoint;             /* NULL: none */
    bool checkpoint_is_ours;      /* named after `out`: goes when the model is written */
    char *run_model, *run_curves; /* `out` and `curves` in the folder of --run; NULL: elsewhere */
    gr_optimizer optimizer;
    gr_augment augment;
    gr_model_options model_options;
    gr_trainer_options trainer_options;
    /* Objects. */
    gr_dataset *train, *test; /* test: NULL if there is no such part */
    gr_dataset *held;         /* validates instead of what the options hold out; NULL: none */
    gr_model *model;
    gr_tensor scores;     /* a teacher's; no data: there is none */
    int taken, variables; /* of the model's variables, how many --weights gave */
    gr_trainer *trainer;
    gr_profile *profile;         /* NULL: none is wanted */
    FILE *log, *csv;             /* of --run; NULL: none */
    gr_dataset *sample;          /* examples that alarms look at; NULL: none yet */
    cli_alarm alarm[CLI_ALARMS]; /* raised at the end of the epoch that has just ended */
    bool alarmed[CLI_ALARMS];    /* each is raised once */
} cli_training;

extern const cli_option cli_train_options[];

/* Fills the options from the command line, and looks whether what is to be written can be.
 * Returns an exit status, after a message unless it is CLI_YES. */
int cli_training_read(const cli_args *args, cli_training *training);
/* Opens the data; then makes model and trainer. Return an exit status, as above. */
int cli_training_open(cli_training *training);
int cli_training_make(cli_training *training);
/* Has --teacher score the examples to train on, for the trainer's options. Nothing without it. */
int cli_training_teach(cli_training *training);
void cli_training_clear(cli_training *training);

/* Looks at the net after an entry of the history, the first, second, fourth, … and the last, and
 * warns. Returns an exit status, as above. */
int cli_training_watch(cli_training *training);
void cli_training_watch_clear(cli_training *training);
/* The alarms that were raised now as an array of JSON; nothing if there are none. */
void cli_training_alarms_json(cli_json *json, const cli_training *training);

/* What is printed, by --json and --quiet, and logged by --run: before the first step, after each
 * event, at the end. Return an exit status, as above. */
void cli_training_announce(const cli_training *training);
int cli_training_progress(cli_training *training, gr_train_event event);
/* `score` is of the test part, or of the examples trained on if there is none. */
int cli_training_conclude(cli_training *training, const gr_metrics *score);

#endif
