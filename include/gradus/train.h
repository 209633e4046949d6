/* train.h: models that classify, examples or each position of them; their training, their files.
 *
 *     gr_dataset *train, *test;
 *     gr_model *model;
 *     gr_trainer *trainer;
 *     gr_metrics score;
 *
 *     gr_data_open("fashion-mnist", NULL, &train, &test);
 *     gr_model_new(GR_MODEL(.net = "conv(20,5) |> maxpool(2) |> fc(100) |> relu |> fc(10)",
 *                           .data = train), &model);
 *     gr_trainer_new(model, train, NULL, GR_TRAINER(.epochs = 5, .validation = .1), &trainer);
 *     gr_train(trainer);
 *     gr_model_test(model, test, &score);      // score.accuracy, score.confusion, …
 *     gr_model_save(model, "model.safetensors");
 *
 * Every call that can fail says so by its status. A model and the trainers on it are used by one
 * thread at a time; gr_store_snapshot of gr_model_store serves others. */
#ifndef GRADUS_TRAIN_H
#define GRADUS_TRAIN_H

#include <gradus/data.h>
#include <gradus/io.h>
#include <gradus/layers.h>
#include <gradus/losses.h>
#include <gradus/optim.h>
#include <gradus/profile.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Models ------------------------------------------------------------------------------- */

/* A net, its variables, and what surrounds them: the shape of an example, the classes, the
 * normalisation of the data, the loss.
 *
 * An example is numbers, f32, or tokens: whole numbers, i32, such as the characters of a text,
 * which go into the net as they are. It has one label, or a label at each of `positions` places, as
 * where every token of a sequence is to be told from those before it.
 *
 * A net's text may say what it is trained for, by a statement called `loss` of the input x, the
 * labels y (i32 [N]) and what stands before it. Its result is what stands before the loss, any f32
 * [N, …]; tests tell the loss, and the numbers that the text computes behind it, but no accuracy,
 * unless the result is called `scores`. An autoencoder:
 *     code = x |> fc(30) |> relu
 *     again = code |> fc(784)
 *     loss = mse(again, flatten(x)) */
typedef struct gr_model gr_model;

/* Builds the net on `x`, f32 (tokens: i32) [N, …], and returns the scores, f32 [N, classes] or, of
 * labels at positions, [N, positions…, classes]. It is called once for each mode and number of
 * rows; the scope says the mode and finds the variables again. */
typedef gr_node *gr_recipe(gr_scope *scope, gr_node *x, void *user);

/* X(NAME, "word"). The losses of losses.h; those that compare element by element take the one-hot
 * vector of the class as target. The training loss is without the optimiser's penalties. */
#define GR_LOSS_TABLE(X)                                                                           \
    X(SOFTMAX, "softmax")             /* softmax cross-entropy */                                  \
    X(HINGE, "hinge")                 /* multiclass hinge */                                       \
    X(SQUARED_HINGE, "squared_hinge") /* its L2 form */                                            \
    X(SIGMOID, "sigmoid")             /* sigmoid cross-entropy: one against the rest, each */      \
    X(MSE, "mse")                     /* mean squared difference */                                \
    X(L1, "l1")                       /* mean absolute difference */                               \
    X(HUBER, "huber")                 /* Huber's, quadratic for small differences */

/* What a model is trained for. */
typedef enum gr_loss_kind {
#define GR_LOSS_ENUM(name, word) GR_LOSS_##name,
    GR_LOSS_TABLE(GR_LOSS_ENUM)
#undef GR_LOSS_ENUM
        GR_LOSS_COUNT /* how many there are */
} gr_loss_kind;
GR_API const char *gr_loss_name(gr_loss_kind kind); /* "softmax"; "?" if there is none */
GR_API int gr_loss_find(const char *name);          /* -1 if there is no such word */

typedef struct gr_model_options {
    size_t size;
    /* The net: a text (lang.h) whose input is `x`, or a recipe. */
    const char *net;
    gr_recipe *recipe;
    void *user;                 /* for the recipe; must outlive the model */
    const gr_dataset *data;     /* gives what the rest leaves open about examples; not kept */
    gr_shape input;             /* of one example: GR_SHAPE(1, 28, 28) */
    int classes;                /* at least 2 */
    const char *const *names;   /* [classes], copied; NULL: "0", "1", … */
    gr_loss_kind loss;          /* unless the net has one of its own */
    double smoothing;           /* softmax: label smoothing */
    double margin;              /* hinges: 0 means 1 */
    double delta;               /* Huber: 0 means 1 */
    const float *class_weights; /* [classes], copied; softmax and hinges; NULL: all 1 */
    gr_normalize normalize;     /* what is learnt from the training data, by the first trainer */
    const gr_normalizer *normalizer; /* or has been learnt already: copied */
    gr_preprocess preprocess;        /* what pictures go through first; `input` is what it gives */
    uint64_t seed;                   /* of initial values and of random gates */
    int threads;                     /* 0: GRADUS_THREADS, else all cores */
    bool exact;                      /* without oneDNN and Winograd's method: see run.h */
    bool check_finite;  /* steps that would give NaN or an infinity fail, naming the gate: run.h */
    bool tokens;        /* examples are i32 tokens, which are not normalised; or as `data` are */
    gr_shape positions; /* where an example has labels, GR_SHAPE(64); rank 0: one label, or as
                           `data` have */
    /* Labels of -1 at positions are padding, which counts neither in losses and accuracies nor in
     * what they are divided by; or as `data` say. A batch of nothing else fails (GR_RANGE). A loss
     * of the net's own sees them as they are. */
    bool padded;
    const gr_gates *gates; /* own gates that the net calls; must outlive the model; NULL: none */
} gr_model_options;
#define GR_MODEL(...) (&(gr_model_options){.size = sizeof(gr_model_options), __VA_ARGS__})

/* Makes a model with fresh variables. GR_INVALID for options that contradict each other or are
 * missing, GR_SYNTAX for a net that does not parse, GR_SHAPE (with the layer, its place and the
 * shapes) for one that does not fit the input or does not end in the scores of a recipe. On failure
 * *model is NULL. */
GR_API gr_status gr_model_new(const gr_model_options *options, gr_model **model);
/* Accepts NULL. No trainer may use the model any more. */
GR_API void gr_model_free(gr_model *model);

/* Writes a model as one safetensors file: every variable but the optimiser's, and, as metadata,
 * the net, the input's shape, the classes, the preprocessing, the loss and the seed. Equal models
 * give equal bytes. The net of a recipe is not in the file. GR_IO; the old file is then as it was.
 */
GR_API gr_status gr_model_save(const gr_model *model, const char *path);
/* Reads a model file (or the model in a checkpoint: its newest parameters). Of `options`, which may
 * be NULL, count only `threads`, `exact`, `check_finite`, `gates` and, for a model of a recipe,
 * `recipe` and `user`. GR_NOT_FOUND, for the file or an own gate that the net calls and `gates`
 * lack; GR_IO, GR_FORMAT for a file that is damaged, is no model, or lacks a variable of its net;
 * GR_INVALID for a model of a recipe without one. *model is NULL on failure. */
GR_API gr_status gr_model_load(const char *path, const gr_model_options *options, gr_model **model);

/* Gives each variable of the model the values that a safetensors file (any: a model, a checkpoint,
 * another program's) has under its name: to go on from what another net has learnt, as with Caffe's
 * --weights. Variables that the file lacks keep theirs; the file's preprocessing is not taken over.
 * *taken (may be NULL): how many variables the file gave, 0 on failure. GR_NOT_FOUND if there is no
 * file, GR_INVALID if it has none of them, GR_SHAPE, GR_DTYPE if one has another shape or type (the
 * model is then as it was), GR_BUSY while a step runs, GR_IO and GR_FORMAT as
 * gr_safetensors_open. */
GR_API gr_status gr_model_take(gr_model *model, const char *path, int *taken);

/* What a model consists of. Texts and arrays live as long as the model. */
GR_API gr_store *gr_model_store(gr_model *model);
GR_API const char *gr_model_net(const gr_model *model);    /* canonical; NULL for a recipe */
GR_API gr_shape gr_model_input(const gr_model *model);     /* of one example */
GR_API bool gr_model_tokens(const gr_model *model);        /* are examples tokens? */
GR_API gr_shape gr_model_positions(const gr_model *model); /* of labels; rank 0: one label */
GR_API bool gr_model_padded(const gr_model *model);        /* may labels be -1? */
/* Does the net carry a state from each step to the next (recurrent.h)? Its batches must then
 * continue each other, row by row. */
GR_API bool gr_model_carries(const gr_model *model);
GR_API int gr_model_classes(const gr_model *model);                    /* at least 2 */
GR_API const char *const *gr_model_class_names(const gr_model *model); /* [classes] */
/* The loss that it is trained for, unless the net has one of its own. */
GR_API gr_loss_kind gr_model_loss(const gr_model *model);
GR_API bool gr_model_own_loss(const gr_model *model);   /* does the net have a loss of its own? */
GR_API bool gr_model_classifies(const gr_model *model); /* is the result a score for each class? */
GR_API gr_shape gr_model_output(const gr_model *model); /* the result's, for one example */
GR_API uint64_t gr_model_seed(const gr_model *model);   /* of the options */
/* NULL as long as nothing has been learnt. */
GR_API const gr_normalizer *gr_model_normalizer(const gr_model *model);
GR_API const gr_preprocess *gr_model_preprocess(const gr_model *model);
/* Learns the normalisation from `data`, unless there is one already. */
GR_API gr_status gr_model_learn_normalizer(gr_model *model, const gr_dataset *data);
/* Elements of all trainable variables. */
GR_API int64_t gr_model_parameters(const gr_model *model);

/* GR_SHAPE unless examples, preprocessed, have the model's input shape (the message has both),
 * GR_INVALID unless `data` is unlabelled or its classes are the model's. Sets that number their
 * classes ("0", "1", …) fit any model of as many. */
GR_API gr_status gr_model_fits(const gr_model *model, const gr_dataset *data);

/* ---- Using a model ------------------------------------------------------------------------ */

/* Scores of x, u8 or f32 [n, …] as the data come (the model normalises them), or i32 tokens, as the
 * model takes: scores[n·positions·classes], row-major, or of a net with another result
 * [n·gr_model_output]. Large n is worked through in batches.
 * GR_SHAPE (with both shapes), GR_DTYPE, GR_INVALID if no normalisation has been learnt yet. */
GR_API gr_status gr_model_predict(gr_model *model, const gr_tensor *x, float *scores);
/* Turns one row of scores[classes] in place into what the loss takes them for: softmax gives
 * probabilities that sum to 1, sigmoid one probability each; others stay as they are. Returns
 * whether they are probabilities now. */
GR_API bool gr_model_probabilities(const gr_model *model, float *scores);

/* How well a model tells one class. */
typedef struct gr_class_metrics {
    int64_t count;     /* examples of the class */
    int64_t predicted; /* examples taken for it */
    int64_t correct;   /* both */
    double precision;  /* correct/predicted, 0 if none */
    double recall;     /* correct/count, 0 if none */
    double f1;         /* harmonic mean of the two, 0 if both are */
} gr_class_metrics;

/* A number that a net's text computes behind its loss. */
typedef struct gr_metrics_figure {
    const char *name; /* lives as long as the model */
    double value;     /* mean over the labels */
} gr_metrics_figure;

/* How well a model does on a set. */
typedef struct gr_metrics {
    /* Labels: as many as examples, or a number of positions times that, less padding. */
    int64_t count, correct;
    double loss, accuracy; /* means over the labels; accuracy NaN: the model does not classify */
    int n_figures;         /* numbers that the net's text computes behind its loss */
    gr_metrics_figure *figures; /* [n_figures] */
    /* All zeros if the model does not classify. */
    int classes;
    gr_class_metrics *per_class; /* [classes] */
    int64_t *confusion; /* [classes·classes]: row: the class; column: what it is taken for */
} gr_metrics;

/* Tests a model on labelled data, 64 examples at a time; a state that the net carries on begins
 * with zeros.  Refusals as gr_model_fits and gr_model_predict; GR_INVALID for
 * unlabelled data. Free *metrics with gr_metrics_clear; it holds nothing on failure. */
GR_API gr_status gr_model_test(gr_model *model, const gr_dataset *data, gr_metrics *metrics);
GR_API void gr_metrics_clear(gr_metrics *metrics); /* accepts an empty one */

/* From now on the model's predictions and tests are timed: a section of the profile for each number
 * of rows ("test, 256 rows"). NULL stops it. The profile must outlive the model, or be taken from
 * it. GR_NO_MEMORY. */
GR_API gr_status gr_model_profile(gr_model *model, gr_profile *profile);

/* ---- What a net is made of ---------------------------------------------------------------- */

/* A layer of a net. */
typedef struct gr_layer_info {
    const char *name;      /* "conv1", "block1/fc"; the op's name for a gate without one */
    const char *kind;      /* "conv", "fc", "batchnorm", "max_pool", "relu", … */
    gr_shape output;       /* for one example */
    int64_t parameters;    /* elements of its variables */
    int64_t multiply_adds; /* of its contractions, forward, for one example */
    size_t bytes;          /* of its output for one example */
    int inputs;            /* layers that it reads, */
    const int *input;      /* [inputs]: their numbers; -1: the net's input */
} gr_layer_info;

/* What a net consists of. */
typedef struct gr_net_info {
    gr_shape input;                    /* of one example */
    int count;                         /* layers */
    gr_layer_info *layers;             /* [count], in the order of computation */
    int64_t parameters, multiply_adds; /* of all layers */
    size_t bytes;                      /* of all layers' outputs */
} gr_net_info;

/* Describes the net of a text for examples of that shape, as it is trained (dropout included),
 * without making its variables. Examples are f32 or, for a net that takes only whole numbers, i32
 * tokens. `gates`, which may be NULL, are own gates that it calls. Faults as gr_model_new; any
 * output is fine. Free with gr_net_info_free. */
GR_API gr_status gr_net_describe(const char *net, gr_shape input, const gr_gates *gates,
                                 gr_net_info **info);
GR_API gr_status gr_model_describe(const gr_model *model, gr_net_info **info);
GR_API void gr_net_info_free(gr_net_info *info); /* accepts NULL */

/* ---- Training ----------------------------------------------------------------------------- */

/* A state machine: each gr_train_step does one thing and says what. */
typedef struct gr_trainer gr_trainer;

/* What a trainer has just done. */
typedef enum gr_train_event {
    GR_TRAIN_STEP,     /* one update, from one batch or `accumulate` of them */
    GR_TRAIN_EPOCH,    /* an epoch, or `report_steps`, are over: validated, noted in the history */
    GR_TRAIN_FINISHED, /* all epochs or steps are done */
    GR_TRAIN_EARLY,    /* stopped early: no improvement for `patience` epochs */
    GR_TRAIN_STOPPED   /* gr_trainer_stop was called; gr_train_step goes on from here */
} gr_train_event;

/* By what epochs are compared. */
typedef enum gr_monitor {
    GR_MONITOR_LOSS,    /* of the validation part; less is better */
    GR_MONITOR_ACCURACY /* of the validation part; more is better */
} gr_monitor;

/* `trainer` has just been through `event`; its report is current. */
typedef void gr_train_fn(void *user, gr_trainer *trainer, gr_train_event event);

typedef struct gr_trainer_options {
    size_t size;
    /* Copied; NULL: Adam with its usual rate. A poly or cosine schedule without a total gets that
     * of the training. */
    const gr_optimizer *optimizer;
    int64_t batch;             /* rows worked on at a time; 0 means 64 */
    int64_t accumulate;        /* batches of a step, whose update is that of one as large as all of
                                  them (Caffe's iter_size); 0 means 1 */
    int64_t epochs;            /* 0: 10, or as many as `steps` needs */
    int64_t steps;             /* stop after so many, if not 0 */
    uint64_t seed;             /* of shuffling and splitting; 0: the model's */
    bool in_order;             /* do not shuffle: where a net carries its state on */
    bool drop_last;            /* leave out an epoch's last batch if it is not full */
    const gr_augment *augment; /* how pictures are varied; copied; NULL: not */
    double validation;         /* fraction held out of the training data, by class; 0: none */
    int64_t report_steps;      /* validate, and add to the history, every so many steps (Caffe's
                                  test_interval) and at the end; 0: at the end of each epoch */
    int64_t patience;          /* epochs (or reports) without improvement before stopping; 0: no
                                  limit */
    gr_monitor monitor;        /* the validation figure that improves */
    double min_delta;          /* improvement is by more than this */
    bool keep_best;            /* end with the parameters of the best epoch */
    bool gradient_norm;        /* compute the gradient's norm at each step, for the history: one
                                  more pass over the gradients */
    bool updates;              /* look how far the last step of each epoch (or report) moves the
                                  parameters: gr_trainer_updates */
    const char *checkpoint;    /* file; NULL: none */
    int64_t checkpoint_steps;  /* write it every so many steps, */
    double checkpoint_seconds; /* or seconds; neither: at every epoch's end. Always at the end */
    gr_train_fn *callback;     /* gr_train calls it after each event */
    void *user;                /* handed to it */
    /* Distillation (Hinton, Vinyals, Dean 2015, "Distilling the knowledge in a neural network"):
     * the scores that another net gives the examples of `train`, f32 [n, classes], copied; NULL:
     * none. The loss of a training step is then (1−w)·loss − w·T²·Σ softmax(teacher/T)·log
     * softmax(scores/T), a mean over the batch. For nets with one score for each class of an
     * example and no loss of their own. A training that is resumed needs the same teacher. */
    const gr_tensor *teacher;
    double temperature;    /* T; 0 means 1 */
    double teacher_weight; /* w, in [0, 1]; 0 means 0.9 */
    /* How many checkpoints are kept, at most 100; 0 means 1. The newest has the name `checkpoint`,
     * those before it have it with ".1", ".2", … behind: gr_trainer_resume_newest. */
    int64_t keep_checkpoints;
} gr_trainer_options;
#define GR_TRAINER(...) (&(gr_trainer_options){.size = sizeof(gr_trainer_options), __VA_ARGS__})

/* Prepares the training of `model`, from the values its parameters have now: splits off the
 * validation part, learns the normalisation on what remains, compiles. `validation` is a set of its
 * own, or NULL. Both may be freed afterwards; the model must outlive the trainer. Refused: data
 * that do not fit (gr_model_fits), a validation fraction that leaves either part empty, patience or
 * keep_best without validation, a net that carries its state on with data that are shuffled,
 * options out of range. A carried state begins with zeros at each epoch. On failure *trainer is
 * NULL, and the model as before. */
GR_API gr_status gr_trainer_new(gr_model *model, const gr_dataset *train,
                                const gr_dataset *validation, const gr_trainer_options *options,
                                gr_trainer **trainer);
GR_API void gr_trainer_free(gr_trainer *trainer); /* accepts NULL */

/* Does one thing and tells what (`event` may be NULL). After FINISHED and EARLY it does nothing
 * more and tells the same. GR_NUMERIC, naming epoch and step, if the loss is no finite number: the
 * parameters are then of no use; the last checkpoint stays as it is, and later calls fail alike.
 * With the model's check_finite the step fails before it changes anything, and the message names
 * the first gate that made a NaN or an infinity.
 * GR_IO if a checkpoint cannot be written: the step itself is done. */
GR_API gr_status gr_train_step(gr_trainer *trainer, gr_train_event *event);
/* Steps until FINISHED or EARLY (GR_OK), a stop on request (GR_CANCELLED) or a fault. */
GR_API gr_status gr_train(gr_trainer *trainer);
/* Asks the trainer to stop after the step under way. May be called from a callback, another thread
 * or a signal handler. A checkpoint is written, if one is wanted at all. */
GR_API void gr_trainer_stop(gr_trainer *trainer);

/* One epoch, or the `report_steps` since the last entry, for the history and for curves. Figures of
 * data that there are not are NaN. */
typedef struct gr_epoch {
    int64_t epoch, step;   /* both counted from 1: under way or done at its end, done at its end */
    double train_loss;     /* mean over its labels, each at the step that used it; no penalty */
    double train_accuracy; /* likewise, from 0 to 1 */
    double val_loss, val_accuracy; /* at its end */
    double rate;                   /* learning rate of its last step */
    double seconds;                /* since training began, without interruptions */
    double gradient_norm; /* L2, before clipping: mean over its steps; NaN unless asked for */
} gr_epoch;

/* Where a training stands. */
typedef struct gr_train_report {
    gr_epoch now;           /* the epoch under way (so far) or just ended */
    double loss, accuracy;  /* of the last step alone */
    int64_t epochs, steps;  /* how many there will be */
    int64_t epoch_step;     /* steps done in this epoch, */
    int64_t epoch_steps;    /* of so many */
    double rows_per_second; /* training alone, this epoch */
    double eta;             /* seconds left, at the speed so far; NaN before the first step */
    gr_epoch best;          /* epoch 0: none yet */
    int64_t rows, val_rows; /* examples to train on and to validate with */
} gr_train_report;
/* Where the trainer stands. */
GR_API gr_train_report gr_trainer_report(const gr_trainer *trainer);
/* Ended epoch i, counted from 0 (also those before a resume); false beyond the last. */
GR_API bool gr_trainer_epoch(const gr_trainer *trainer, int64_t i, gr_epoch *epoch);
GR_API int64_t gr_trainer_epochs(const gr_trainer *trainer); /* that have ended */
/* How far a step moved a parameter: the L2 norm of the change by that of its values, of up to
 * 16,384 elements that are evenly spaced. About 1e-3 is usual. */
typedef struct gr_update {
    const char *parameter; /* "conv1/weight" */
    double ratio;          /* change by size */
} gr_update;
/* Those of the last step of the epoch (or report) that ended last, of all parameters of at least
 * two axes. Returns how many; 0 before the first, and without the option `updates`. The array lives
 * as long as the trainer. */
GR_API int gr_trainer_updates(const gr_trainer *trainer, const gr_update **updates);
GR_API gr_model *gr_trainer_model(const gr_trainer *trainer);
/* Buffers and steps of the program of a full batch (without the update, if several are one step).
 */
GR_API gr_plan_info gr_trainer_plan(const gr_trainer *trainer);
/* The same as gr_model_profile for the trainer's steps ("training, 64 rows"), and for the model. */
GR_API gr_status gr_trainer_profile(gr_trainer *trainer, gr_profile *profile);

/* ---- Checkpoints -------------------------------------------------------------------------- */

/* One safetensors file with every variable, the best parameters so far ("best/…"), and where the
 * training stands. It can be read as a model too. */
GR_API gr_status gr_trainer_save(gr_trainer *trainer, const char *path);
/* Goes on from a checkpoint, bit for bit as if there had been no interruption. The trainer is new,
 * made by the same version of the library with the same net, data, batch, seeds and optimiser:
 * GR_INVALID names what differs. `epochs`, `steps`, `patience` and the checkpoints' own options may
 * be others. On any failure (GR_FORMAT for a damaged file, GR_UNSUPPORTED for one of another
 * format, GR_IO, GR_NOT_FOUND, …) trainer and model are as before. */
GR_API gr_status gr_trainer_resume(gr_trainer *trainer, const char *path);
/* The same from the newest good one of several checkpoints (keep_checkpoints): `path`, else
 * `path`.1, and so on. One that is missing, damaged or cannot be read is passed over, and named in
 * a warning to the log; any other refusal stands. *age, which may be NULL, becomes the number of
 * the one taken, 0 for `path` itself. Where none is good the failure is that of the newest. */
GR_API gr_status gr_trainer_resume_newest(gr_trainer *trainer, const char *path, int *age);

#ifdef __cplusplus
}
#endif
#endif
