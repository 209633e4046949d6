/* Inside of a model. Internal. */
#ifndef GR_TRAIN_MODEL_H
#define GR_TRAIN_MODEL_H

#ifndef GR_NO_PLACES
#define GR_NO_PLACES
#endif

#include <gradus/lang.h>
#include <gradus/train.h>

#include "base/base.h"

/* ---- Programs ----------------------------------------------------------------------------- */

/* A compiled program with its session, and where it takes and gives what. -1: not there. */
typedef struct gr_engine {
    gr_program *program;
    gr_session *session;
    int64_t rows;
    int x, y;                   /* inputs */
    int scores, loss, accuracy; /* outputs */
    int norm;                   /* of a trainer's: the gradient's norm */
    int figures;                /* the first of the net's own figures, in the order of its text */
} gr_engine;
void gr_engine_clear(gr_engine *engine);

typedef enum gr_engine_kind { GR_ENGINE_PREDICT, GR_ENGINE_TEST } gr_engine_kind;

#define GR_MODEL_CACHE 8

typedef struct gr_cached_engine {
    gr_engine_kind kind;
    uint64_t used; /* the larger, the later; 0: free */
    gr_engine engine;
} gr_cached_engine;

/* ---- Models ------------------------------------------------------------------------------- */

struct gr_model {
    gr_store *store;
    gr_expr *net; /* NULL: a recipe */
    char *net_text;
    const gr_gates *gates; /* own gates that the text calls; NULL: none */
    gr_recipe *recipe;
    void *user;
    gr_dtype dtype; /* of the input: GR_F32, or GR_I32 for tokens */
    gr_shape input;
    gr_shape positions; /* of an example's labels; rank 0: one label */
    bool padded;        /* labels may be -1 */
    int classes;
    char **names;
    bool own_loss;   /* the net's text has a statement `loss` */
    bool classifies; /* the result is a score for each class */
    gr_shape output; /* of one example */
    gr_loss_kind loss;
    double smoothing, margin, delta;
    float *class_weights; /* NULL: all 1 */
    gr_normalize normalize;
    gr_normalizer normalizer;
    gr_preprocess preprocess;
    bool normalizes; /* the normaliser has been learnt */
    uint64_t seed;
    int threads;
    bool exact, check_finite;
    bool carry; /* recurrent layers carry their states on, told to or not */
    int64_t parameters;
    gr_cached_engine cache[GR_MODEL_CACHE];
    uint64_t clock;      /* of the cache */
    gr_profile *profile; /* times the engines; NULL: none does */
};

/* A model of `options` whose variables are those of `store`, and new ones where it lacks them.
 * Takes the store, on failure too. */
gr_status gr_model_make(const gr_model_options *options, gr_store *store, gr_model **model);

/* The graph of a model on some rows. */
typedef struct gr_model_graph {
    gr_graph *graph;
    gr_scope *scope;
    gr_node *x, *y;  /* y: NULL for a net without a loss of its own, until gr_model_build */
    gr_node *scores; /* the net's result */
    gr_node *loss, *accuracy; /* accuracy: NULL if the result is no scores */
    gr_node **values;         /* of the text's statements; NULL without a loss of its own */
    gr_node *const *figures;  /* those that stand behind the loss */
    int n_figures;
} gr_model_graph;

/* The name of the net's own figure i. */
const char *gr_model_figure_name(const gr_model *model, int i);
/* How many of them there are. */
int gr_model_figures(const gr_model *model);

/* Builds the net alone (the result is out->scores, of any shape) on examples of `input`. `store`
 * may be NULL: variables are then only declared. Clear *out also on failure. */
gr_status gr_model_build_net(const gr_model *model, gr_store *store, gr_mode mode, int64_t rows,
                             gr_model_graph *out);
/* The same with scores checked, labels, loss and accuracy. */
gr_status gr_model_build(const gr_model *model, gr_mode mode, int64_t rows, gr_model_graph *out);
void gr_model_graph_clear(gr_model_graph *graph);

/* Compiles n outputs, of which scores, loss and accuracy are found again through `graph`, and the
 * scope's updates (of parameters in training; of states that a net carries on) from number
 * `updates` on, none if it is -1, and opens a session on the model's store. */
gr_status gr_engine_new(const gr_model *model, const gr_model_graph *graph, gr_node *const *outputs,
                        int n, int updates, gr_engine *engine);
/* "prediction", "test" */
const char *gr_engine_what(gr_engine_kind kind);
/* Has the engine's steps timed in a section "training, 64 rows". Nothing for an empty engine. */
gr_status gr_engine_profile(const gr_engine *engine, gr_profile *profile, const char *what);
/* An engine for evaluation, from the cache if it has one; valid until the next call. */
gr_status gr_model_engine(gr_model *model, gr_engine_kind kind, int64_t rows, gr_engine **engine);

/* Is the store's tensor of that name a state that a recurrent layer carries from one step to the
 * next (recurrent.h)? */
bool gr_model_carries_in(const char *name);
/* Sets those of a mode to zero: what comes next continues nothing. */
gr_status gr_model_reset_carried(gr_store *store, gr_mode mode);
/* Is the store's tensor of that name part of the model, rather than of its training? */
bool gr_model_owns(const char *name);
/* Labels of `rows` examples, with padding. */
int64_t gr_model_labels(const gr_model *model, int64_t rows);
/* Those of n labels that are no padding. */
int64_t gr_model_counted(const gr_model *model, const int32_t *labels, int64_t n);
/* Weight of a batch's loss within a mean over many: its n labels that count, or the sum of their
 * class weights. */
double gr_model_weight(const gr_model *model, const int32_t *labels, int64_t n);
/* GR_INVALID unless the normalisation has been learnt, or there is none to learn. */
gr_status gr_model_ready(const gr_model *model);
/* [rows, input…] */
gr_shape gr_model_batch_shape(const gr_model *model, int64_t rows);

/* What a model file says about the model. */
gr_status gr_model_write_meta(const gr_model *model, gr_meta *meta);
/* Mean loss and accuracy of `data` through `loader`, which is at the start of an epoch. `confusion`
 * [classes·classes] may be NULL. */
gr_status gr_model_score(gr_model *model, gr_loader *loader, gr_metrics *metrics,
                         int64_t *confusion);

#define GR_EVAL_ROWS 64 /* of a batch in evaluation: the activations of more leave the caches */

#endif
