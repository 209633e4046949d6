/* nn.h: scopes and initialisers, on which layers (layers.h) are built from the gates of ops.h.
 *
 * A model is a recipe: a function that builds nodes on a scope. The scope holds the graph, the
 * store of the parameters, the names and the mode, so the same recipe builds the training and the
 * inference graph on the same variables. */
#ifndef GRADUS_NN_H
#define GRADUS_NN_H

#include <gradus/ops.h>
#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Initialisers ------------------------------------------------------------------------- */

/* Where a parameter starts. */
typedef enum gr_init_kind {
    GR_INIT_DEFAULT,    /* the layer's own choice: He for weights, zeros for biases */
    GR_INIT_CONSTANT,   /* a */
    GR_INIT_UNIFORM,    /* [a, b) */
    GR_INIT_NORMAL,     /* mean a, deviation b */
    GR_INIT_XAVIER,     /* U(±√(6/(fan_in+fan_out))), Glorot and Bengio 2010 */
    GR_INIT_HE,         /* N(0, √(2/fan_in)), He et al. 2015 */
    GR_INIT_ORTHOGONAL, /* orthonormal rows or columns times a (0 means 1), Saxe et al. 2013 */
    GR_INIT_LECUN,      /* U(±√(3/fan_in)): Caffe's "xavier" */
    GR_INIT_SPARSE, /* mean 0, deviation b, each kept with probability a/rows, else 0: as Caffe's
                       "gaussian" with `sparse` a; rows: of the first axis */
    GR_INIT_POSITIVE_UNITBALL, /* U[0, 1), then each row (first axis) divided by its sum (Caffe) */
    GR_INIT_BILINEAR /* bilinear interpolation over the last two axes: for a transposed convolution
                        that enlarges by s, with kernel 2s − s mod 2 and stride s (Caffe) */
} gr_init_kind;

/* Draws depend on the scope's seed and the variable's full name alone. */
typedef struct gr_init {
    gr_init_kind kind; /* which draw */
    double a, b;       /* what its line above makes of them */
} gr_init;

/* ---- Scopes ------------------------------------------------------------------------------- */

/* Where layers put their gates, variables and names. One thread at a time. */
typedef struct gr_scope gr_scope;
/* What a net is built for. */
typedef enum gr_mode {
    GR_EVAL, /* predictions: no dropout, running moments */
    GR_TRAIN /* updates */
} gr_mode;

typedef struct gr_scope_options {
    size_t size;   /* sizeof(gr_scope_options) */
    gr_mode mode;  /* GR_EVAL unless set */
    uint64_t seed; /* of initial values and of random gates */
    bool carry;    /* recurrent layers carry their states on (recurrent.h), told to or not, where
                      they can: to go through a sequence bit by bit */
} gr_scope_options;

/* A scope on a graph and a store; both must outlive it. Without a store (NULL) variables are only
 * declared. NULL when memory is out. `options` may be NULL: GR_EVAL, seed 0. */
GR_API gr_scope *gr_scope_new(gr_graph *graph, gr_store *store, const gr_scope_options *options);
/* Graph and store stay; accepts NULL. If the graph has a fault, the variables that the scope added
 * to the store are taken out again, up to the last one that a session uses or behind which
 * something else was added: a net that could not be built leaves nothing behind. */
GR_API void gr_scope_free(gr_scope *scope);

/* What the scope was made on and with; the store may be NULL. */
GR_API gr_graph *gr_scope_graph(gr_scope *scope);
GR_API gr_store *gr_scope_store(gr_scope *scope);
GR_API gr_mode gr_scope_mode(const gr_scope *scope);
GR_API bool gr_scope_carries(const gr_scope *scope);
/* The step counter, an i64 variable "step" of the store (made at the first call), for random gates
 * and schedules. gr_minimize advances it. */
GR_API gr_node *gr_scope_step(gr_scope *scope);

/* Names made until gr_scope_leave get "name/" in front. */
GR_API void gr_scope_enter(gr_scope *scope, const char *name);
GR_API void gr_scope_leave(gr_scope *scope);
/* "prefix/name", kept as long as the scope's graph. NULL `kind_name` counts per kind:
 * gr_scope_auto(s, "conv") is "conv1", then "conv2", … */
GR_API const char *gr_scope_path(gr_scope *scope, const char *name);
GR_API const char *gr_scope_auto(gr_scope *scope, const char *kind);

/* A trainable variable (f32) of the store: made and initialised if the store lacks it, never
 * touched otherwise. fan_in and fan_out serve the initialiser. */
GR_API gr_node *gr_param(gr_scope *scope, const char *name, gr_shape shape, gr_init init,
                         int64_t fan_in, int64_t fan_out);
/* A variable that no gradient reaches: running means, counters. */
GR_API gr_node *gr_state(gr_scope *scope, const char *name, gr_dtype dtype, gr_shape shape,
                         double initial);
/* How an optimiser treats one parameter beside the others: factors of its learning rate and of the
 * strength of l2, l1 and weight decay (Caffe's lr_mult and decay_mult). A rate of 0 holds the
 * parameter still. decay < 0 leaves it to the optimiser, which takes 1, but 0 for parameters of
 * rank 1 unless decay_biases is set. */
typedef struct gr_tuning {
    double rate;  /* factor of the learning rate, ≥ 0 */
    double decay; /* factor of the penalties; below 0: the optimiser's own */
} gr_tuning;
/* Parameters that nobody tunes have {1, −1}. Faults of the graph: GR_NOT_FOUND for a node that is
 * no parameter of the scope, GR_INVALID for a negative rate. */
GR_API void gr_scope_tune(gr_scope *scope, const gr_node *param, gr_tuning tuning);
GR_API gr_tuning gr_scope_tuning(const gr_scope *scope, const gr_node *param);

/* Parameters in the order of their making. */
GR_API int gr_scope_params(const gr_scope *scope);
GR_API gr_node *gr_scope_param(const gr_scope *scope, int i);
/* Registers variable := value for the training step (a batch norm's running mean; an optimiser's
 * update). The targets to compile beside the loss: */
GR_API void gr_scope_update(gr_scope *scope, gr_node *variable, gr_node *value);
GR_API int gr_scope_updates(const gr_scope *scope);
GR_API gr_node *gr_scope_update_node(const gr_scope *scope, int i);

#ifndef GR_NO_PLACES
#define gr_param(...) gr_at((gr_param)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
