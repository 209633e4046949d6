/* Layers on the channels of [N, C, …]: group and instance normalisation, scale and bias; and those
 * that draw: dropout of channels, alpha dropout, noise, stochastic pooling. */
#include "nn/scope.h"

#include <math.h>

/* [1, C, 1, …], or what it is of another axis. */
static gr_shape channels_wide(gr_shape in, int axis)
{
    gr_shape wide = {.rank = in.rank};
    for (int i = 0; i < in.rank; i++) wide.dim[i] = i == axis ? in.dim[i] : 1;
    return wide;
}

static gr_node *channels_param(gr_scope *scope, const char *name, gr_shape in, int axis,
                               double start)
{
    const gr_init init = {GR_INIT_CONSTANT, start, 0};
    gr_node *p = gr_param(scope, name, GR_SHAPE(in.dim[axis]), init, 1, 1);
    return gr_reshape(p, channels_wide(in, axis));
}

/* ---- Group and instance normalisation -------------------------------------------------------- */

static gr_node *group_norm_build(gr_scope *scope, const char *kind, gr_node *x, int64_t groups,
                                 double epsilon, bool affine)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (in.rank < 3 || in.rank == GR_MAX_RANK) /* the groups take an axis more */
        return gr_fault(graph, GR_SHAPE, kind,
                        "the input is %s: should be [N, C, space…] with 1 to %d spatial axes",
                        gr_shape_text(in), GR_MAX_RANK - 3);
    if (groups == 0) groups = in.dim[1];
    if (groups < 1 || in.dim[1] % groups)
        return gr_fault(graph, GR_SHAPE, kind, "%lld groups do not divide the %lld channels of %s",
                        (long long)groups, (long long)in.dim[1], gr_shape_text(in));
    gr_shape split = {.rank = in.rank + 1, .dim = {in.dim[0], groups, in.dim[1] / groups}};
    gr_axes axes = {.count = in.rank - 1, .keep = true};
    int64_t count = split.dim[2];
    for (int i = 2; i < in.rank; i++) count *= split.dim[i + 1] = in.dim[i];
    for (int i = 0; i < axes.count; i++) axes.axis[i] = i + 2;
    if (count < 2)
        return gr_fault(graph, GR_SHAPE, kind, "one value per group in %s: it has no variance",
                        gr_shape_text(in));
    if (affine && count > GR_NORM_LONG) {
        const gr_init one = {GR_INIT_CONSTANT, 1, 0}, zero = {GR_INIT_CONSTANT, 0, 0};
        gr_node *gamma = gr_param(scope, "gamma", GR_SHAPE(in.dim[1]), one, 1, 1);
        gr_node *beta = gr_param(scope, "beta", GR_SHAPE(in.dim[1]), zero, 1, 1);
        return gr_standardize(x, gamma, beta, groups, epsilon);
    }
    gr_node *grouped = gr_reshape(x, split);
    gr_node *centred = gr_sub(grouped, gr_mean(grouped, axes));
    gr_node *variance = gr_mean(gr_square(centred), axes);
    gr_node *y = gr_mul(centred, gr_rsqrt(gr_shift(variance, epsilon)));
    if (!affine) return gr_reshape(y, in);
    gr_shape wide = {.rank = split.rank, .dim = {1, groups, split.dim[2]}};
    for (int i = 3; i < wide.rank; i++) wide.dim[i] = 1;
    y = gr_mul(y, gr_reshape(channels_param(scope, "gamma", in, 1, 1), wide));
    y = gr_add(y, gr_reshape(channels_param(scope, "beta", in, 1, 0), wide));
    return gr_reshape(y, in);
}

gr_node *gr_group_norm(gr_scope *scope, const char *name, gr_node *x,
                       const gr_group_norm_options *options)
{
    const gr_group_norm_options o = options ? *options : (gr_group_norm_options){0};
    name = gr_layer_begin(scope, "groupnorm", name);
    gr_node *y = group_norm_build(scope, "groupnorm", x, o.groups ? o.groups : 32,
                                  o.epsilon > 0 ? o.epsilon : 1e-5, !o.no_affine);
    return gr_layer_end(scope, name, y);
}

gr_node *gr_instance_norm(gr_scope *scope, const char *name, gr_node *x,
                          const gr_instance_norm_options *options)
{
    const gr_instance_norm_options o = options ? *options : (gr_instance_norm_options){0};
    name = gr_layer_begin(scope, "instancenorm", name);
    gr_node *y =
        group_norm_build(scope, "instancenorm", x, 0, o.epsilon > 0 ? o.epsilon : 1e-5, o.affine);
    return gr_layer_end(scope, name, y);
}

/* ---- Scale and bias -------------------------------------------------------------------------- */

/* x times "gamma", if it scales, plus "beta", if it has a bias, along one axis. */
static gr_node *scale_build(gr_scope *scope, const char *kind, gr_node *x, int axis, bool scales,
                            bool bias)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    const int at = axis < 0 ? axis + in.rank : axis;
    if (at < 0 || at >= in.rank)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, kind,
                        "axis %d is outside the rank of the input %s", axis, gr_shape_text(in));
    if (scales) x = gr_mul(x, channels_param(scope, "gamma", in, at, 1));
    return bias ? gr_add(x, channels_param(scope, "beta", in, at, 0)) : x;
}

gr_node *gr_scale_layer(gr_scope *scope, const char *name, gr_node *x, int axis, bool bias)
{
    name = gr_layer_begin(scope, "scale", name);
    return gr_layer_end(scope, name, scale_build(scope, "scale", x, axis, true, bias));
}

gr_node *gr_bias_layer(gr_scope *scope, const char *name, gr_node *x, int axis)
{
    name = gr_layer_begin(scope, "bias", name);
    return gr_layer_end(scope, name, scale_build(scope, "bias", x, axis, false, true));
}

/* ---- Dropout and noise ----------------------------------------------------------------------- */

static gr_stream noise_stream(gr_scope *scope)
{
    return (gr_stream){scope->seed, gr_scope_path(scope, ""), gr_scope_step(scope)};
}

/* 1 with probability `keep`, of one value per channel or per element. */
static gr_node *noise_mask(gr_scope *scope, gr_node *x, bool channels, double keep)
{
    gr_shape shape = gr_node_shape(x);
    for (int i = 2; channels && i < shape.rank; i++) shape.dim[i] = 1;
    return gr_random_bernoulli(gr_scope_graph(scope), gr_node_dtype(x), shape, keep,
                               noise_stream(scope));
}

static gr_node *noise_refuse(gr_scope *scope, const char *kind, double rate)
{
    return gr_fault(gr_scope_graph(scope), GR_INVALID, kind, "rate %g: should be in [0, 1)", rate);
}

static gr_node *channel_dropout_build(gr_scope *scope, gr_node *x, double rate)
{
    if (gr_is_error(x)) return x;
    if (!(rate >= 0 && rate < 1)) return noise_refuse(scope, "channel_dropout", rate);
    if (gr_node_shape(x).rank < 2)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "channel_dropout",
                        "the input is %s: should be [N, C, …]", gr_shape_text(gr_node_shape(x)));
    if (gr_scope_mode(scope) == GR_EVAL || rate == 0) return x;
    return gr_mul(x, gr_scale(noise_mask(scope, x, true, 1 - rate), 1 / (1 - rate)));
}

gr_node *gr_channel_dropout(gr_scope *scope, const char *name, gr_node *x, double rate)
{
    name = gr_layer_begin(scope, "channel_dropout", name);
    return gr_layer_end_unless(scope, name, x, channel_dropout_build(scope, x, rate));
}

/* What SELU (Klambauer et al. 2017) tends to for large negative x: -λα. */
#define NOISE_SELU_LIMIT (-1.7580993408473766)

/* Dropped elements take SELU's limit a; y = p·(x or a) + q has the mean and variance of x, if they
 * are 0 and 1. */
static gr_node *alpha_dropout_build(gr_scope *scope, gr_node *x, double rate)
{
    if (gr_is_error(x)) return x;
    if (!(rate >= 0 && rate < 1)) return noise_refuse(scope, "alpha_dropout", rate);
    if (gr_scope_mode(scope) == GR_EVAL || rate == 0) return x;
    const double keep = 1 - rate, a = NOISE_SELU_LIMIT;
    const double p = 1 / sqrt(keep + a * a * keep * rate), q = -p * a * rate;
    gr_node *mask = noise_mask(scope, x, false, keep);
    gr_node *dropped = gr_scale(gr_shift(gr_neg(mask), 1), a);
    return gr_shift(gr_scale(gr_add(gr_mul(x, mask), dropped), p), q);
}

gr_node *gr_alpha_dropout(gr_scope *scope, const char *name, gr_node *x, double rate)
{
    name = gr_layer_begin(scope, "alpha_dropout", name);
    return gr_layer_end_unless(scope, name, x, alpha_dropout_build(scope, x, rate));
}

static gr_node *gaussian_noise_build(gr_scope *scope, gr_node *x, double deviation)
{
    if (gr_is_error(x)) return x;
    if (!(deviation >= 0 && deviation < INFINITY))
        return gr_fault(gr_scope_graph(scope), GR_INVALID, "gaussian_noise",
                        "deviation %g: should not be negative", deviation);
    if (gr_scope_mode(scope) == GR_EVAL || deviation == 0) return x;
    gr_node *noise = gr_random_normal(gr_scope_graph(scope), gr_node_dtype(x), gr_node_shape(x),
                                      noise_stream(scope));
    return gr_add(x, gr_scale(noise, deviation));
}

gr_node *gr_gaussian_noise(gr_scope *scope, const char *name, gr_node *x, double deviation)
{
    name = gr_layer_begin(scope, "gaussian_noise", name);
    return gr_layer_end_unless(scope, name, x, gaussian_noise_build(scope, x, deviation));
}

/* ---- Stochastic pooling ---------------------------------------------------------------------- */

gr_node *gr_stochastic_pool_layer(gr_scope *scope, const char *name, gr_node *x,
                                  const gr_window *window)
{
    name = gr_layer_begin(scope, "stochastic_pool", name);
    if (gr_scope_mode(scope) == GR_EVAL)
        return gr_layer_end(scope, name, gr_stochastic_pool(x, window, NULL));
    const gr_stream draws = noise_stream(scope);
    return gr_layer_end(scope, name, gr_stochastic_pool(x, window, &draws));
}
