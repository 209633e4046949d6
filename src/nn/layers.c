/* Layers that own variables. */
#include "nn/scope.h"

gr_init gr_layer_init(gr_init wanted, gr_init_kind kind)
{
    return wanted.kind == GR_INIT_DEFAULT ? (gr_init){kind, 0, 0} : wanted;
}

const char *gr_layer_begin(gr_scope *scope, const char *kind, const char *name)
{
    if (!name) name = gr_scope_auto(scope, kind);
    gr_composite_begin(gr_scope_graph(scope), name);
    gr_scope_enter(scope, name);
    if (scope && scope->layer_depth++ == 0) scope->layer_kind = kind;
    return name;
}

static void layer_note(gr_scope *scope, const gr_node *result, const char *path)
{
    if (!gr_grow(&scope->layers, scope->n_layers, &scope->layers_capacity, sizeof *scope->layers)) {
        gr_fault(scope->graph, GR_NO_MEMORY, "scope", "out of memory");
        return;
    }
    scope->layers[scope->n_layers++] = (gr_scope_layer){result, path, scope->layer_kind};
}

gr_node *gr_layer_end_unless(gr_scope *scope, const char *name, gr_node *x, gr_node *node)
{
    gr_scope_leave(scope);
    gr_composite_end(gr_scope_graph(scope));
    if (scope) scope->layer_depth--;
    /* A fault within the layer already tells its name, as that of the composite. */
    if (gr_is_error(node) || node == x) return node;
    const char *path = gr_scope_path(scope, name);
    if (scope && scope->layer_depth == 0) layer_note(scope, node, path);
    return gr_name(node, path);
}

gr_node *gr_layer_end(gr_scope *scope, const char *name, gr_node *node)
{
    return gr_layer_end_unless(scope, name, NULL, node);
}

const gr_scope_layer *gr_scope_layer_of(const gr_scope *scope, const gr_node *node)
{
    for (size_t i = 0; i < scope->n_layers; i++)
        if (scope->layers[i].result == node) return &scope->layers[i];
    return NULL;
}

/* gr_param with the wish of the layer's options, if there is one. */
static gr_node *layer_param(gr_scope *scope, const char *name, gr_shape shape, gr_init init,
                            int64_t fan_in, int64_t fan_out, const gr_tuning *tuning)
{
    gr_node *param = gr_param(scope, name, shape, init, fan_in, fan_out);
    if (tuning) gr_scope_tune(scope, param, *tuning);
    return param;
}

/* ---- Dense ---------------------------------------------------------------------------------- */

/* x·Wᵀ + b along the last axis. */
static gr_node *dense_build(gr_scope *scope, gr_node *x, const gr_dense_options *o)
{
    gr_shape in = gr_node_shape(x);
    int64_t width = in.dim[in.rank - 1];
    gr_node *w =
        layer_param(scope, "weight", GR_SHAPE(o->units, width),
                    gr_layer_init(o->weight, GR_INIT_HE), width, o->units, o->weight_tuning);
    gr_node *y = gr_matmul_t(x, false, w, true);
    if (o->no_bias) return y;
    gr_node *b =
        layer_param(scope, "bias", GR_SHAPE(o->units), gr_layer_init(o->bias, GR_INIT_CONSTANT),
                    width, o->units, o->bias_tuning);
    return gr_add(y, b);
}

static gr_node *dense_refuse(gr_scope *scope, const char *what, gr_node *x,
                             const gr_dense_options *o, const char *wanted)
{
    if (gr_is_error(x)) return x;
    if (gr_node_shape(x).rank < 1)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, what,
                        "the input is a scalar: should be %s", wanted);
    if (o->units < 1)
        return gr_fault(gr_scope_graph(scope), GR_INVALID, what, "units = %lld: should be positive",
                        (long long)o->units);
    return NULL;
}

gr_node *gr_dense(gr_scope *scope, const char *name, gr_node *x, const gr_dense_options *options)
{
    name = gr_layer_begin(scope, "fc", name);
    gr_node *y = dense_refuse(scope, "fc", x, options, "[N, …]");
    if (!y) {
        if (gr_node_shape(x).rank != 2) x = gr_flatten(x, 1);
        y = gr_is_error(x) ? x : dense_build(scope, x, options);
    }
    return gr_layer_end(scope, name, y);
}

gr_node *gr_linear(gr_scope *scope, const char *name, gr_node *x, const gr_dense_options *options)
{
    name = gr_layer_begin(scope, "linear", name);
    gr_node *y = dense_refuse(scope, "linear", x, options, "[…, in]");
    if (!y) {
        const bool row = gr_node_shape(x).rank == 1;
        if (row) x = gr_reshape(x, GR_SHAPE(1, -1));
        y = dense_build(scope, x, options);
        if (row) y = gr_reshape(y, GR_SHAPE(-1));
    }
    return gr_layer_end(scope, name, y);
}

/* ---- Convolution ---------------------------------------------------------------------------- */

static gr_node *conv_layer_build(gr_scope *scope, gr_node *x, const gr_conv_options *o)
{
    if (gr_is_error(x)) return x;
    gr_shape in = gr_node_shape(x);
    if (in.rank < 3 || in.rank > 5)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "conv",
                        "the input is %s: should be [N, C, space…] with 1 to 3 spatial axes",
                        gr_shape_text(in));
    int64_t groups = o->groups ? o->groups : 1;
    if (o->channels < 1 || groups < 1 || in.dim[1] % groups || o->channels % groups)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "conv",
                        "%lld groups do not divide %lld input and %lld output channels",
                        (long long)groups, (long long)in.dim[1], (long long)o->channels);
    gr_shape shape = {.rank = in.rank, .dim = {o->channels, in.dim[1] / groups}};
    for (int i = 2; i < in.rank; i++) shape.dim[i] = o->axes ? o->axes->kernel[i - 2] : o->kernel;
    for (int i = 2; i < in.rank; i++) {
        if (shape.dim[i] < 1)
            return gr_fault(gr_scope_graph(scope), GR_INVALID, "conv",
                            "kernel size %lld: should be positive", (long long)shape.dim[i]);
    }
    if (gr_shape_count(shape) < 0)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "conv",
                        "the weight would be %s: too many elements", gr_shape_text(shape));
    int64_t field = 1;
    for (int i = 2; i < in.rank; i++) field *= shape.dim[i];
    int64_t fan_in = shape.dim[1] * field, fan_out = o->channels / groups * field;
    gr_node *w = layer_param(scope, "weight", shape, gr_layer_init(o->weight, GR_INIT_HE), fan_in,
                             fan_out, o->weight_tuning);
    gr_window window = {.size = sizeof window,
                        .stride = o->stride,
                        .pad = o->pad,
                        .dilation = o->dilation,
                        .groups = groups,
                        .axes = o->axes};
    gr_node *y = gr_conv(x, w, &window);
    if (o->no_bias) return y;
    gr_node *b =
        layer_param(scope, "bias", GR_SHAPE(o->channels), gr_layer_init(o->bias, GR_INIT_CONSTANT),
                    fan_in, fan_out, o->bias_tuning);
    gr_shape per_channel = {.rank = in.rank - 1, .dim = {o->channels, 1, 1, 1}};
    return gr_add(y, gr_reshape(b, per_channel));
}

gr_node *gr_conv_layer(gr_scope *scope, const char *name, gr_node *x,
                       const gr_conv_options *options)
{
    name = gr_layer_begin(scope, "conv", name);
    return gr_layer_end(scope, name, conv_layer_build(scope, x, options));
}

/* ---- Dropout -------------------------------------------------------------------------------- */

static gr_node *dropout_build(gr_scope *scope, const char *stream, gr_node *x, double rate)
{
    if (gr_is_error(x)) return x;
    if (!(rate >= 0 && rate < 1))
        return gr_fault(gr_scope_graph(scope), GR_INVALID, "dropout",
                        "rate %g: should be in [0, 1)", rate);
    if (gr_scope_mode(scope) == GR_EVAL || rate == 0) return x;
    gr_stream draws = {scope->seed, stream, gr_scope_step(scope)};
    gr_node *mask = gr_random_bernoulli(gr_scope_graph(scope), gr_node_dtype(x), gr_node_shape(x),
                                        1 - rate, draws);
    return gr_mul(x, gr_scale(mask, 1 / (1 - rate)));
}

gr_node *gr_dropout(gr_scope *scope, const char *name, gr_node *x, double rate)
{
    name = gr_layer_begin(scope, "dropout", name);
    gr_node *y = dropout_build(scope, gr_scope_path(scope, ""), x, rate);
    return gr_layer_end_unless(scope, name, x, y);
}

/* ---- Batch normalisation -------------------------------------------------------------------- */

typedef struct norm_shapes {
    int64_t channels, count; /* elements that share a channel */
    gr_axes axes;            /* all but the channel's, kept */
    gr_shape wide;           /* [1, C, 1, …] */
} norm_shapes;

static norm_shapes norm_of(gr_shape in)
{
    norm_shapes n = {.channels = in.dim[1], .count = 1, .axes = {.keep = true}};
    n.wide = (gr_shape){.rank = in.rank};
    for (int i = 0; i < in.rank; i++) {
        n.wide.dim[i] = i == 1 ? in.dim[1] : 1;
        if (i == 1) continue;
        n.axes.axis[n.axes.count++] = i;
        n.count *= in.dim[i];
    }
    return n;
}

/* running := (1−m)·running + share·batch, share being m, or 1 where moments are summed. */
static void norm_track(gr_scope *scope, gr_node *running, gr_node *batch, double momentum,
                       double share)
{
    gr_node *flat = gr_reshape(gr_stop_gradient(batch), gr_node_shape(running));
    gr_scope_update(scope, running, gr_add(gr_scale(running, 1 - momentum), gr_scale(flat, share)));
}

/* A sum of moments over the sum of their weights, 0 before the first. */
static gr_node *norm_average(gr_node *sum, gr_node *count)
{
    gr_node *none = gr_equal(count, gr_like(count, 0));
    return gr_div(sum, gr_where(none, gr_like(count, 1), count));
}

static gr_node *norm_build(gr_scope *scope, gr_node *x, const gr_batch_norm_options *o)
{
    if (gr_is_error(x)) return x;
    gr_shape in = gr_node_shape(x);
    if (in.rank < 2)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "batchnorm",
                        "the input is %s: should be [N, C] or [N, C, space…]", gr_shape_text(in));
    double momentum = o && o->momentum > 0 ? o->momentum : 0.1;
    double epsilon = o && o->epsilon > 0 ? o->epsilon : 1e-5;
    norm_shapes n = norm_of(in);
    gr_shape per_channel = GR_SHAPE(n.channels);
    gr_node *mean = gr_state(scope, "mean", GR_F32, per_channel, 0);
    const bool summed = o && o->summed;
    gr_node *variance = gr_state(scope, "variance", GR_F32, per_channel, summed ? 0 : 1);
    gr_node *count = summed ? gr_state(scope, "count", GR_F32, GR_SHAPE(1), 0) : NULL;
    gr_node *centre = gr_reshape(summed ? norm_average(mean, count) : mean, n.wide);
    gr_node *spread = gr_reshape(summed ? norm_average(variance, count) : variance, n.wide);
    if (gr_scope_mode(scope) == GR_TRAIN) {
        if (n.count < 2)
            return gr_fault(gr_scope_graph(scope), GR_SHAPE, "batchnorm",
                            "one value per channel in %s: a batch has no variance",
                            gr_shape_text(in));
        centre = gr_mean(x, n.axes);
        spread = gr_mean(gr_square(gr_sub(x, centre)), n.axes);
        double unbiased = (double)n.count / (double)(n.count - 1);
        const double share = summed ? 1 : momentum;
        norm_track(scope, mean, centre, momentum, share);
        norm_track(scope, variance, gr_scale(spread, unbiased), momentum, share);
        if (summed) norm_track(scope, count, gr_like(count, 1), momentum, 1);
    }
    gr_node *scale = gr_rsqrt(gr_shift(spread, epsilon));
    gr_node *y = gr_mul(gr_sub(x, centre), scale);
    if (o && o->no_affine) return y;
    gr_init one = {GR_INIT_CONSTANT, 1, 0}, zero = {GR_INIT_CONSTANT, 0, 0};
    gr_node *gamma = gr_param(scope, "gamma", per_channel, one, 1, 1);
    gr_node *beta = gr_param(scope, "beta", per_channel, zero, 1, 1);
    return gr_add(gr_mul(y, gr_reshape(gamma, n.wide)), gr_reshape(beta, n.wide));
}

gr_node *gr_batch_norm(gr_scope *scope, const char *name, gr_node *x,
                       const gr_batch_norm_options *options)
{
    name = gr_layer_begin(scope, "batchnorm", name);
    return gr_layer_end(scope, name, norm_build(scope, x, options));
}

/* ---- PReLU ---------------------------------------------------------------------------------- */

gr_node *gr_prelu_layer(gr_scope *scope, const char *name, gr_node *x)
{
    name = gr_layer_begin(scope, "prelu", name);
    gr_node *y = x;
    if (!gr_is_error(x)) {
        gr_shape in = gr_node_shape(x);
        if (in.rank < 2) {
            y = gr_fault(gr_scope_graph(scope), GR_SHAPE, "prelu",
                         "the input is %s: should be [N, C, …]", gr_shape_text(in));
        } else {
            gr_init quarter = {GR_INIT_CONSTANT, 0.25, 0};
            gr_node *slope = gr_param(scope, "slope", GR_SHAPE(in.dim[1]), quarter, 1, 1);
            y = gr_prelu(x, gr_reshape(slope, norm_of(in).wide));
        }
    }
    return gr_layer_end(scope, name, y);
}
