/* Inside of a trainer. Internal. */
#ifndef GR_TRAIN_TRAINER_H
#define GR_TRAIN_TRAINER_H

#include <stdatomic.h>

#include "train/model.h"

#define GR_MAX_CHECKPOINTS 100 /* of one training, that are kept */

/* What an epoch adds up, over the labels so far. */
typedef struct gr_train_sums {
    double loss, weight; /* Σ weight·loss, Σ weight */
    double correct, labels;
    double norm, steps; /* Σ norms of the gradient, over so many steps; 0 without */
} gr_train_sums;

/* What tells how far steps move the parameters. */
typedef struct gr_watch gr_watch;
/* Free *watch also on failure. */
gr_status gr_watch_new(const gr_store *store, gr_scope *scope, gr_watch **watch);
void gr_watch_free(gr_watch *watch); /* accepts NULL */
/* To be called before and after a step. */
void gr_watch_before(gr_watch *watch, const gr_store *store);
void gr_watch_after(gr_watch *watch, const gr_store *store);

/* Scalars of programs that accumulate: see gr_accumulate. The sessions read them here. */
typedef struct gr_train_factors {
    float keep, weight, scale;
} gr_train_factors;

/* Where a training stands: what a checkpoint holds besides tensors. */
typedef struct gr_train_state {
    int64_t step;      /* steps done */
    int64_t epoch;     /* epochs done */
    gr_cursor cursor;  /* of the loader */
    bool epoch_is_due; /* the rows of an epoch are done, its end is not */
    gr_train_sums sums;
    double loss, accuracy; /* of the last step */
    gr_epoch best;         /* epoch 0: none yet */
    int64_t stale;         /* epochs since the best */
    double seconds;        /* before this process, or before now in a checkpoint */
    gr_epoch *history;
    size_t n_history, history_capacity;
} gr_train_state;

struct gr_trainer {
    gr_model *model;
    gr_trainer_options o;
    gr_optimizer optimizer;
    gr_augment augment; /* if o.augment is not NULL */
    char *checkpoint;
    gr_dataset *train, *validation;       /* validation may be NULL */
    uint64_t train_hash, validation_hash; /* of their contents, once a checkpoint asked; or 0 */
    gr_loader *loader, *val_loader;
    gr_engine full, last; /* of a full batch, and of an epoch's smaller last one */
    gr_engine update;     /* after several batches; empty if each has its own update */
    gr_train_factors factors;
    gr_watch *watch; /* NULL: nobody wants to know */
    /* Of a teacher, else NULL: its shares of the classes by an example's number in the file, and
     * those of the batch, which the sessions read. */
    float *shares, *batch_shares;
    int64_t total; /* steps to do */
    gr_train_state s;
    gr_store *best; /* the model's variables at the best epoch; NULL: none yet */
    bool ended;
    gr_train_event end;
    gr_status fault; /* of the numbers: there is no going on */
    char fault_text[256];
    atomic_bool stop;
    /* Of this process, for speeds and saving by the clock. */
    double started, saved;            /* gr_seconds; 0: not yet */
    int64_t steps_here;               /* since then */
    double epoch_seconds, epoch_rows; /* training alone, in this epoch */
};

/* Looks at the options of distillation, and takes the teacher's scores of `train`. */
gr_status gr_teacher_take(gr_trainer *trainer, const gr_dataset *train);
/* The loss to be trained on: the model's, or with the teacher's part. */
gr_node *gr_teacher_loss(const gr_trainer *trainer, const gr_model_graph *graph);
/* Has the engine read the shares of the batch, which gr_teacher_fill sets. */
gr_status gr_teacher_bind(const gr_trainer *trainer, const gr_engine *engine);
void gr_teacher_fill(const gr_trainer *trainer, const gr_batch *batch);
/* Steps of an epoch. */
int64_t gr_trainer_epoch_steps(const gr_trainer *trainer);
double gr_trainer_seconds(const gr_trainer *trainer);
/* GR_NUMERIC, naming the variable, if the model has an element that is no finite number. */
gr_status gr_trainer_check_finite(const gr_trainer *trainer);
/* Writes the checkpoint that the options name, and keeps as many as they say. */
gr_status gr_trainer_checkpoint(gr_trainer *trainer);
/* Copies the model's variables to (best) or from the store of the best. */
gr_status gr_trainer_keep_best(gr_trainer *trainer);
gr_status gr_trainer_restore_best(gr_trainer *trainer);

#endif
