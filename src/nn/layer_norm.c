/* Normalisation of each example by itself. */
#include "nn/scope.h"

typedef struct layer_norm_axes {
    gr_axes kept;   /* the last axes */
    gr_shape shape; /* theirs: of the parameters */
} layer_norm_axes;

/* NULL, and *axes, or a fault. */
static gr_node *layer_norm_check(gr_scope *scope, const char *what, gr_node *x,
                                 const gr_layer_norm_options *o, layer_norm_axes *axes)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    const int count = o && o->axes ? o->axes : 1;
    if (o && o->size != sizeof *o)
        return gr_fault(gr_scope_graph(scope), GR_INVALID, what,
                        "gr_layer_norm_options.size is wrong");
    if (count < 1 || count > in.rank)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, what,
                        "the last %d axes of %s: should be 1 to %d", count, gr_shape_text(in),
                        in.rank);
    if (o && !(o->epsilon >= 0))
        return gr_fault(gr_scope_graph(scope), GR_INVALID, what,
                        "epsilon %g: should not be negative", o->epsilon);
    *axes = (layer_norm_axes){.kept = {.count = count, .keep = true},
                              .shape = gr_shape_of(count, in.dim + in.rank - count)};
    for (int i = 0; i < count; i++) axes->kept.axis[i] = in.rank - count + i;
    if (gr_shape_count(axes->shape) < 1)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, what, "nothing to normalise in %s",
                        gr_shape_text(in));
    return NULL;
}

static gr_node *layer_norm_gamma(gr_scope *scope, gr_node *x, gr_shape shape,
                                 const gr_layer_norm_options *o)
{
    if (o && o->no_affine) return x;
    const gr_init one = {GR_INIT_CONSTANT, 1, 0};
    return gr_mul(x, gr_param(scope, "gamma", shape, one, 1, 1));
}

/* Of long rows: one gate. */
static gr_node *layer_norm_long(gr_scope *scope, gr_node *x, gr_shape shape, double epsilon)
{
    const gr_shape in = gr_node_shape(x);
    const gr_init one = {GR_INIT_CONSTANT, 1, 0}, zero = {GR_INIT_CONSTANT, 0, 0};
    const int64_t size = gr_shape_count(shape), rows = gr_shape_count(in) / size;
    gr_node *gamma = gr_reshape(gr_param(scope, "gamma", shape, one, 1, 1), GR_SHAPE(size));
    gr_node *beta = gr_reshape(gr_param(scope, "beta", shape, zero, 1, 1), GR_SHAPE(size));
    return gr_reshape(gr_standardize(gr_reshape(x, GR_SHAPE(rows, size)), gamma, beta, 1, epsilon),
                      in);
}

static gr_node *layer_norm_build(gr_scope *scope, gr_node *x, const gr_layer_norm_options *o)
{
    layer_norm_axes axes;
    gr_node *fault = layer_norm_check(scope, "layernorm", x, o, &axes);
    if (fault) return fault;
    const double epsilon = o && o->epsilon > 0 ? o->epsilon : 1e-5;
    const bool affine = !o || !(o->no_affine || o->no_bias);
    if (affine && gr_shape_count(axes.shape) > GR_NORM_LONG)
        return layer_norm_long(scope, x, axes.shape, epsilon);
    gr_node *centred = gr_sub(x, gr_mean(x, axes.kept));
    gr_node *variance = gr_mean(gr_square(centred), axes.kept);
    gr_node *y = gr_mul(centred, gr_rsqrt(gr_shift(variance, epsilon)));
    y = layer_norm_gamma(scope, y, axes.shape, o);
    if (o && (o->no_affine || o->no_bias)) return y;
    const gr_init zero = {GR_INIT_CONSTANT, 0, 0};
    return gr_add(y, gr_param(scope, "beta", axes.shape, zero, 1, 1));
}

gr_node *gr_layer_norm(gr_scope *scope, const char *name, gr_node *x,
                       const gr_layer_norm_options *options)
{
    name = gr_layer_begin(scope, "layernorm", name);
    return gr_layer_end(scope, name, layer_norm_build(scope, x, options));
}

static gr_node *rms_norm_build(gr_scope *scope, gr_node *x, const gr_layer_norm_options *o)
{
    layer_norm_axes axes = {0};
    gr_node *fault = layer_norm_check(scope, "rmsnorm", x, o, &axes);
    if (fault) return fault;
    const double epsilon = o && o->epsilon > 0 ? o->epsilon : 1e-6;
    gr_node *power = gr_mean(gr_square(x), axes.kept);
    return layer_norm_gamma(scope, gr_mul(x, gr_rsqrt(gr_shift(power, epsilon))), axes.shape, o);
}

gr_node *gr_rms_norm(gr_scope *scope, const char *name, gr_node *x,
                     const gr_layer_norm_options *options)
{
    name = gr_layer_begin(scope, "rmsnorm", name);
    return gr_layer_end(scope, name, rms_norm_build(scope, x, options));
}
