/* layers.h: layers of networks, built from the gates of ops.h on a scope (nn.h).
 *
 * A NULL name is replaced by gr_scope_auto of the layer's kind. */
#ifndef GRADUS_LAYERS_H
#define GRADUS_LAYERS_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_dense_options {
    size_t size;
    int64_t units;
    bool no_bias;
    gr_init weight, bias;
    const gr_tuning *weight_tuning, *bias_tuning; /* NULL: as every parameter */
} gr_dense_options;
/* x [N, …] (flattened) → x·Wᵀ + b, [N, units]; W [units, in] "name/weight", b "name/bias". */
GR_API gr_node *gr_dense(gr_scope *scope, const char *name, gr_node *x,
                         const gr_dense_options *options);

/* The same along the last axis alone: x [..., in] → x·Wᵀ + b, [..., units]. */
GR_API gr_node *gr_linear(gr_scope *scope, const char *name, gr_node *x,
                          const gr_dense_options *options);

typedef struct gr_embedding_options {
    size_t size;
    int64_t count, width; /* of the table's rows */
    bool bias;            /* adds one row to all: Caffe's Embed with bias_term */
    gr_init weight;       /* default: N(0, 1) */
} gr_embedding_options;
/* The rows of a table that `tokens` (i32 or i64, any shape […]) number: […, width]. The table is
 * "name/weight" [count, width], the bias "name/bias" [width], from 0. A token outside [0, count)
 * fails the step with GR_RANGE before any variable is written. */
GR_API gr_node *gr_embedding(gr_scope *scope, const char *name, gr_node *tokens,
                             const gr_embedding_options *options);

typedef struct gr_conv_options {
    size_t size;
    int64_t channels; /* of the output */
    int64_t kernel, stride, pad, dilation, groups;
    bool no_bias;
    gr_init weight, bias;
    const gr_geometry *axes; /* overrides kernel, stride, pad, dilation axis by axis */
    const gr_tuning *weight_tuning, *bias_tuning; /* NULL: as every parameter */
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

typedef struct gr_layer_norm_options {
    size_t size;
    int axes;       /* how many of the last axes are normalised together; 0 means 1 */
    double epsilon; /* 0 means 1e-5 (gr_rms_norm: 1e-6) */
    bool no_affine; /* neither gamma nor beta */
    bool no_bias;   /* no beta */
} gr_layer_norm_options;
/* Ba, Kiros and Hinton 2016: (x − mean)/√(variance + ε)·γ + β, the moments over the last axes of
 * each example, the variance biased; γ "name/gamma" (ones) and β "name/beta" (zeros) of those axes'
 * shape. The same in training and evaluation. options may be NULL. */
GR_API gr_node *gr_layer_norm(gr_scope *scope, const char *name, gr_node *x,
                              const gr_layer_norm_options *options);
/* Zhang and Sennrich 2019: x/√(mean(x²) + ε)·γ; there is no β. */
GR_API gr_node *gr_rms_norm(gr_scope *scope, const char *name, gr_node *x,
                            const gr_layer_norm_options *options);

/* Named parameter of gr_prelu per channel (axis 1), starting at .25. */
GR_API gr_node *gr_prelu_layer(gr_scope *scope, const char *name, gr_node *x);

/* Options by name:  gr_dense(s, "fc1", x, GR_DENSE(500)),
 *                   gr_conv_layer(s, "conv1", x, GR_CONV(20, 5, .pad = 2)). */
#define GR_DENSE(...) (&(gr_dense_options){.size = sizeof(gr_dense_options), __VA_ARGS__})
#define GR_CONV(...) (&(gr_conv_options){.size = sizeof(gr_conv_options), __VA_ARGS__})
#define GR_BATCH_NORM(...)                                                                         \
    (&(gr_batch_norm_options){.size = sizeof(gr_batch_norm_options), __VA_ARGS__})
#define GR_EMBEDDING(...)                                                                          \
    (&(gr_embedding_options){.size = sizeof(gr_embedding_options), __VA_ARGS__})
#define GR_LAYER_NORM(...)                                                                         \
    (&(gr_layer_norm_options){.size = sizeof(gr_layer_norm_options), __VA_ARGS__})

#ifndef GR_NO_PLACES
#define gr_dense(...) gr_at((gr_dense)(__VA_ARGS__), GR_PLACE)
#define gr_linear(...) gr_at((gr_linear)(__VA_ARGS__), GR_PLACE)
#define gr_embedding(...) gr_at((gr_embedding)(__VA_ARGS__), GR_PLACE)
#define gr_conv_layer(...) gr_at((gr_conv_layer)(__VA_ARGS__), GR_PLACE)
#define gr_dropout(...) gr_at((gr_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_batch_norm(...) gr_at((gr_batch_norm)(__VA_ARGS__), GR_PLACE)
#define gr_layer_norm(...) gr_at((gr_layer_norm)(__VA_ARGS__), GR_PLACE)
#define gr_rms_norm(...) gr_at((gr_rms_norm)(__VA_ARGS__), GR_PLACE)
#define gr_prelu_layer(...) gr_at((gr_prelu_layer)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
