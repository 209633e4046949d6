/* layers.h: layers of networks, built from the gates of ops.h on a scope (nn.h).
 *
 * A NULL name is replaced by gr_scope_auto of the layer's kind. */
#ifndef GRADUS_LAYERS_H
#define GRADUS_LAYERS_H

#include <gradus/nn.h>
#include <gradus/spatial.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_dense_options {
    size_t size;
    int64_t units;                                /* width of the output, ≥ 1 */
    bool no_bias;                                 /* no b */
    gr_init weight, bias;                         /* start values; unless set He's and zeros */
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
    /* Of all axes alike; stride, dilation and groups 0 mean 1. */
    int64_t kernel, stride, pad, dilation, groups;
    bool no_bias;            /* no "name/bias" [channels] */
    gr_init weight, bias;    /* start values; unless set He's and zeros */
    const gr_geometry *axes; /* overrides kernel, stride, pad, dilation axis by axis */
    const gr_tuning *weight_tuning, *bias_tuning; /* NULL: as every parameter */
    int64_t output_pad; /* transposed: further elements at the end of each axis */
} gr_conv_options;
/* x [N, C, space…] → [N, channels, out…]; W [channels, C/groups, kernel…] "name/weight". */
GR_API gr_node *gr_conv_layer(gr_scope *scope, const char *name, gr_node *x,
                              const gr_conv_options *options);

/* The transposed convolution ("deconvolution"), the gradient of a convolution by its input: x [N,
 * C, space…] → [N, channels, out…], out = stride·(in − 1) + dilation·(kernel − 1) + 1 + output_pad
 * − padding on both sides; W [C, channels/groups, kernel…] "name/weight". With GR_INIT_BILINEAR, a
 * kernel of 2f − f mod 2, stride f, padding ⌈(f − 1)/2⌉ and groups = channels = C it begins as
 * bilinear upsampling by f. */
GR_API gr_node *gr_conv_transpose_layer(gr_scope *scope, const char *name, gr_node *x,
                                        const gr_conv_options *options);

/* Training: each element is kept with probability 1−rate and scaled by 1/(1−rate) (inverted
 * dropout); evaluation: x. 0 ≤ rate < 1. */
GR_API gr_node *gr_dropout(gr_scope *scope, const char *name, gr_node *x, double rate);

/* The same of whole channels (axis 1) of each example (Tompson et al. 2015). */
GR_API gr_node *gr_channel_dropout(gr_scope *scope, const char *name, gr_node *x, double rate);
/* Dropout for SELU (Klambauer et al. 2017): dropped elements take SELU's limit, and the result is
 * scaled and shifted so that a mean of 0 and a variance of 1 stay. */
GR_API gr_node *gr_alpha_dropout(gr_scope *scope, const char *name, gr_node *x, double rate);
/* Training: x plus normal noise of this deviation; evaluation: x. */
GR_API gr_node *gr_gaussian_noise(gr_scope *scope, const char *name, gr_node *x, double deviation);
/* gr_stochastic_pool (spatial.h): draws in training, weighted means in evaluation. */
GR_API gr_node *gr_stochastic_pool_layer(gr_scope *scope, const char *name, gr_node *x,
                                         const gr_window *window);

typedef struct gr_batch_norm_options {
    size_t size;
    double momentum; /* of the running moments: new = (1−m)·old + m·batch; 0 means 0.1 */
    double epsilon;  /* 0 means 1e-5 */
    bool no_affine;  /* neither gamma nor beta */
    bool summed;     /* running moments as Caffe keeps them: sums, each step times 1−m, that are
                        divided by "name/count", the sum of their weights, where they are used */
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

typedef struct gr_group_norm_options {
    size_t size;
    int64_t groups; /* of channels; 0 means 32 */
    double epsilon; /* 0 means 1e-5 */
    bool no_affine; /* neither gamma nor beta */
} gr_group_norm_options;
/* Wu and He 2018: each group of channels of each example of x [N, C, space…] less its mean, over
 * √(variance + ε), the variance biased; times "name/gamma" plus "name/beta" per channel. The same
 * in training and evaluation. options may be NULL. Groups that do not divide C are refused
 * (GR_SHAPE). */
GR_API gr_node *gr_group_norm(gr_scope *scope, const char *name, gr_node *x,
                              const gr_group_norm_options *options);

typedef struct gr_instance_norm_options {
    size_t size;
    double epsilon; /* 0 means 1e-5 */
    bool affine;    /* with gamma and beta */
} gr_instance_norm_options;
/* Ulyanov et al. 2016: the same of each channel alone. */
GR_API gr_node *gr_instance_norm(gr_scope *scope, const char *name, gr_node *x,
                                 const gr_instance_norm_options *options);

/* x times "name/gamma" (ones) and, if `bias`, plus "name/beta" (zeros), one value for each place
 * along `axis`, which may be counted from the end; and x plus "name/beta" alone. */
GR_API gr_node *gr_scale_layer(gr_scope *scope, const char *name, gr_node *x, int axis, bool bias);
GR_API gr_node *gr_bias_layer(gr_scope *scope, const char *name, gr_node *x, int axis);

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

#define GR_GROUP_NORM(...)                                                                         \
    (&(gr_group_norm_options){.size = sizeof(gr_group_norm_options), __VA_ARGS__})
#define GR_INSTANCE_NORM(...)                                                                      \
    (&(gr_instance_norm_options){.size = sizeof(gr_instance_norm_options), __VA_ARGS__})

#ifndef GR_NO_PLACES
#define gr_dense(...) gr_at((gr_dense)(__VA_ARGS__), GR_PLACE)
#define gr_linear(...) gr_at((gr_linear)(__VA_ARGS__), GR_PLACE)
#define gr_embedding(...) gr_at((gr_embedding)(__VA_ARGS__), GR_PLACE)
#define gr_conv_layer(...) gr_at((gr_conv_layer)(__VA_ARGS__), GR_PLACE)
#define gr_dropout(...) gr_at((gr_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_batch_norm(...) gr_at((gr_batch_norm)(__VA_ARGS__), GR_PLACE)
#define gr_layer_norm(...) gr_at((gr_layer_norm)(__VA_ARGS__), GR_PLACE)
#define gr_rms_norm(...) gr_at((gr_rms_norm)(__VA_ARGS__), GR_PLACE)
#define gr_conv_transpose_layer(...) gr_at((gr_conv_transpose_layer)(__VA_ARGS__), GR_PLACE)
#define gr_channel_dropout(...) gr_at((gr_channel_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_alpha_dropout(...) gr_at((gr_alpha_dropout)(__VA_ARGS__), GR_PLACE)
#define gr_gaussian_noise(...) gr_at((gr_gaussian_noise)(__VA_ARGS__), GR_PLACE)
#define gr_stochastic_pool_layer(...) gr_at((gr_stochastic_pool_layer)(__VA_ARGS__), GR_PLACE)
#define gr_group_norm(...) gr_at((gr_group_norm)(__VA_ARGS__), GR_PLACE)
#define gr_instance_norm(...) gr_at((gr_instance_norm)(__VA_ARGS__), GR_PLACE)
#define gr_scale_layer(...) gr_at((gr_scale_layer)(__VA_ARGS__), GR_PLACE)
#define gr_bias_layer(...) gr_at((gr_bias_layer)(__VA_ARGS__), GR_PLACE)
#define gr_prelu_layer(...) gr_at((gr_prelu_layer)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
