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

#ifndef GR_NO_PLACES
#define gr_dense(...) gr_at((gr_dense)(__VA_ARGS__), GR_PLACE)
#define gr_conv_layer(...) gr_at((gr_conv_layer)(__VA_ARGS__), GR_PLACE)
#define gr_dropout(...) gr_at((gr_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_batch_norm(...) gr_at((gr_batch_norm)(__VA_ARGS__), GR_PLACE)
#define gr_prelu_layer(...) gr_at((gr_prelu_layer)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
