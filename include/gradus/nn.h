/* nn.h: scopes, layers, initialisers, losses. All of it is built from the gates of ops.h.
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

typedef enum gr_init_kind {
    GR_INIT_DEFAULT,    /* the layer's own choice: He for weights, zeros for biases */
    GR_INIT_CONSTANT,   /* a */
    GR_INIT_UNIFORM,    /* [a, b) */
    GR_INIT_NORMAL,     /* mean a, deviation b */
    GR_INIT_XAVIER,     /* U(±√(6/(fan_in+fan_out))), Glorot and Bengio 2010 */
    GR_INIT_HE,         /* N(0, √(2/fan_in)), He et al. 2015 */
    GR_INIT_ORTHOGONAL, /* orthonormal rows or columns times a (0 means 1), Saxe et al. 2013 */
    GR_INIT_LECUN       /* U(±√(3/fan_in)): Caffe's "xavier" */
} gr_init_kind;

/* Draws depend on the scope's seed and the variable's full name alone. */
typedef struct gr_init {
    gr_init_kind kind;
    double a, b;
} gr_init;

/* ---- Scopes ------------------------------------------------------------------------------- */

typedef struct gr_scope gr_scope;
typedef enum gr_mode { GR_EVAL, GR_TRAIN } gr_mode;

typedef struct gr_scope_options {
    size_t size; /* sizeof(gr_scope_options) */
    gr_mode mode;
    uint64_t seed; /* of initial values and of random gates */
} gr_scope_options;

/* A scope on a graph and a store; both must outlive it. Without a store (NULL) variables are only
 * declared. NULL when memory is out. `options` may be NULL: GR_EVAL, seed 0. */
GR_API gr_scope *gr_scope_new(gr_graph *graph, gr_store *store, const gr_scope_options *options);
GR_API void gr_scope_free(gr_scope *scope);

GR_API gr_graph *gr_scope_graph(gr_scope *scope);
GR_API gr_store *gr_scope_store(gr_scope *scope);
GR_API gr_mode gr_scope_mode(const gr_scope *scope);
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
/* Parameters in the order of their making. */
GR_API int gr_scope_params(const gr_scope *scope);
GR_API gr_node *gr_scope_param(const gr_scope *scope, int i);
/* Registers variable := value for the training step (a batch norm's running mean; an optimiser's
 * update). The targets to compile beside the loss: */
GR_API void gr_scope_update(gr_scope *scope, gr_node *variable, gr_node *value);
GR_API int gr_scope_updates(const gr_scope *scope);
GR_API gr_node *gr_scope_update_node(const gr_scope *scope, int i);

/* ---- Layers ------------------------------------------------------------------------------- */

/* A NULL name is replaced by gr_scope_auto of the layer's kind. */

typedef struct gr_dense_options {
    size_t size;
    int64_t units;
    bool no_bias;
    gr_init weight, bias;
} gr_dense_options;
/* x [N, …] (flattened) → x·Wᵀ + b, [N, units]; W [units, in] "name/weight", b "name/bias". */
GR_API gr_node *gr_dense(gr_scope *scope, const char *name, gr_node *x,
                         const gr_dense_options *options);

typedef struct gr_conv_options {
    size_t size;
    int64_t channels; /* of the output */
    int64_t kernel, stride, pad, dilation, groups;
    bool no_bias;
    gr_init weight, bias;
    const gr_geometry *axes; /* overrides kernel, stride, pad, dilation axis by axis */
} gr_conv_options;
/* x [N, C, space…] → [N, channels, out…]; W [channels, C/groups, kernel…] "name/weight". */
GR_API gr_node *gr_conv_layer(gr_scope *scope, const char *name, gr_node *x,
                              const gr_conv_options *options);

/* Training: each element is kept with probability 1−rate and scaled by 1/(1−rate) (inverted
 * dropout); evaluation: x. 0 ≤ rate < 1. */
GR_API gr_node *gr_dropout(gr_scope *scope, const char *name, gr_node *x, double rate);

typedef struct gr_batch_norm_options {
    size_t size;
    double momentum; /* of the running moments: new = (1−m)·old + m·batch; 0 means 0.1 */
    double epsilon;  /* 0 means 1e-5 */
    bool no_affine;
} gr_batch_norm_options;
/* Ioffe and Szegedy 2015, per channel (axis 1) of x [N, C] or [N, C, space…]: batch moments in
 * training (running variance unbiased), running moments in evaluation. "name/gamma", "name/beta",
 * "name/mean", "name/variance". options may be NULL. */
GR_API gr_node *gr_batch_norm(gr_scope *scope, const char *name, gr_node *x,
                              const gr_batch_norm_options *options);

/* Named parameter of gr_prelu per channel (axis 1), starting at .25. */
GR_API gr_node *gr_prelu_layer(gr_scope *scope, const char *name, gr_node *x);

/* Options by name:  gr_dense(s, "fc1", x, GR_DENSE(500)),
 *                   gr_conv_layer(s, "conv1", x, GR_CONV(20, 5, .pad = 2)). */
#define GR_DENSE(...) (&(gr_dense_options){.size = sizeof(gr_dense_options), __VA_ARGS__})
#define GR_CONV(...) (&(gr_conv_options){.size = sizeof(gr_conv_options), __VA_ARGS__})
#define GR_BATCH_NORM(...)                                                                         \
    (&(gr_batch_norm_options){.size = sizeof(gr_batch_norm_options), __VA_ARGS__})

/* ---- Losses ------------------------------------------------------------------------------- */

typedef enum gr_reduce { GR_REDUCE_MEAN, GR_REDUCE_SUM, GR_REDUCE_NONE } gr_reduce;

typedef struct gr_loss_options {
    size_t size;
    gr_reduce reduce;       /* over the examples */
    double smoothing;       /* softmax cross-entropy: label smoothing ε */
    gr_node *class_weights; /* [C], or NULL; the mean then divides by the weights' sum */
    double margin;          /* hinge: Δ, 0 means 1 */
    bool squared;           /* hinge: L2-hinge */
    double delta;           /* Huber: 0 means 1 */
} gr_loss_options;
#define GR_LOSS(...) (&(gr_loss_options){.size = sizeof(gr_loss_options), __VA_ARGS__})

/* scores [N, C], labels i32 or i64 [N] in [0, C). options may be NULL. A label out of range makes
 * the step fail with GR_RANGE. */
GR_API gr_node *gr_softmax_cross_entropy(gr_node *scores, gr_node *labels,
                                         const gr_loss_options *options);
/* Σ_{j≠y} max(0, s_j − s_y + Δ), the notes' multiclass SVM loss. */
GR_API gr_node *gr_multiclass_hinge(gr_node *scores, gr_node *labels,
                                    const gr_loss_options *options);
/* Element by element on x and targets of one shape, then the mean over all elements. The first
 * takes logits and targets in [0, 1], in the stable form. */
GR_API gr_node *gr_sigmoid_cross_entropy(gr_node *x, gr_node *target,
                                         const gr_loss_options *options);
GR_API gr_node *gr_mse(gr_node *x, gr_node *target, const gr_loss_options *options);
GR_API gr_node *gr_l1_loss(gr_node *x, gr_node *target, const gr_loss_options *options);
GR_API gr_node *gr_huber(gr_node *x, gr_node *target, const gr_loss_options *options);

/* Share of rows whose largest score is at the label; f32 scalar, not differentiable. */
GR_API gr_node *gr_accuracy(gr_node *scores, gr_node *labels);

#ifndef GR_NO_PLACES
#define gr_param(...) gr_at((gr_param)(__VA_ARGS__), GR_PLACE)
#define gr_dense(...) gr_at((gr_dense)(__VA_ARGS__), GR_PLACE)
#define gr_conv_layer(...) gr_at((gr_conv_layer)(__VA_ARGS__), GR_PLACE)
#define gr_dropout(...) gr_at((gr_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_batch_norm(...) gr_at((gr_batch_norm)(__VA_ARGS__), GR_PLACE)
#define gr_prelu_layer(...) gr_at((gr_prelu_layer)(__VA_ARGS__), GR_PLACE)
#define gr_softmax_cross_entropy(...) gr_at((gr_softmax_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_multiclass_hinge(...) gr_at((gr_multiclass_hinge)(__VA_ARGS__), GR_PLACE)
#define gr_sigmoid_cross_entropy(...) gr_at((gr_sigmoid_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_mse(...) gr_at((gr_mse)(__VA_ARGS__), GR_PLACE)
#define gr_l1_loss(...) gr_at((gr_l1_loss)(__VA_ARGS__), GR_PLACE)
#define gr_huber(...) gr_at((gr_huber)(__VA_ARGS__), GR_PLACE)
#define gr_accuracy(...) gr_at((gr_accuracy)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
