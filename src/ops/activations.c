/* Activations built of other gates. */
#include "graph/graph.h"

#include <math.h>

#include <gradus/ops.h>

/* ---- Smooth ---------------------------------------------------------------------------------- */

gr_node *gr_silu(gr_node *x, double beta)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "silu");
    gr_node *y = gr_mul(x, gr_sigmoid(beta == 1 ? x : gr_scale(x, beta)));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_mish(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "mish");
    gr_node *y = gr_mul(x, gr_tanh(gr_softplus(x)));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_log_sigmoid(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "log_sigmoid");
    gr_node *y = gr_neg(gr_softplus(gr_neg(x)));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_softsign(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "softsign");
    gr_node *y = gr_div(x, gr_shift(gr_abs(x), 1));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_selu(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "selu");
    gr_node *y =
        gr_scale(gr_elu(x, 1.6732632423543772848170429916717), 1.0507009873554804934193349);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_celu(gr_node *x, double alpha)
{
    gr_graph *graph = gr_node_graph(x);
    if (!(alpha > 0))
        return gr_fault(graph, GR_INVALID, "celu", "alpha %g: should be positive", alpha);
    gr_composite_begin(graph, "celu");
    gr_node *y = gr_scale(gr_elu(gr_scale(x, 1 / alpha), 1), alpha);
    gr_composite_end(graph);
    return y;
}

/* ---- Piecewise linear ------------------------------------------------------------------------ */

gr_node *gr_hard_tanh(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "hard_tanh");
    gr_node *y = gr_clip(x, -1, 1);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_relu6(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "relu6");
    gr_node *y = gr_clip(x, 0, 6);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_hard_sigmoid(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "hard_sigmoid");
    gr_node *y = gr_clip(gr_shift(gr_scale(x, 1.0 / 6), 0.5), 0, 1);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_threshold(gr_node *x, double threshold)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "threshold");
    gr_node *y = gr_cast(gr_greater(x, gr_like(x, threshold)), gr_node_dtype(x));
    gr_composite_end(graph);
    return y;
}

/* ---- Of groups of channels --------------------------------------------------------------------
 */

/* The axis counted from the front and its size; a fault unless `parts` divide it. */
static gr_node *activations_parts(const char *what, gr_node *x, int64_t parts, int *axis)
{
    if (gr_is_error(x)) return x;
    const gr_shape shape = gr_node_shape(x);
    gr_graph *graph = gr_node_graph(x);
    if (*axis < -shape.rank || *axis >= shape.rank)
        return gr_fault(graph, GR_SHAPE, what, "there is no axis %d in %s", *axis,
                        gr_shape_text(shape));
    if (*axis < 0) *axis += shape.rank;
    if (parts < 1 || shape.dim[*axis] % parts != 0)
        return gr_fault(graph, GR_SHAPE, what, "axis %d of %s is not divisible into parts of %lld",
                        *axis, gr_shape_text(shape), (long long)parts);
    return NULL;
}

gr_node *gr_glu(gr_node *x, int axis)
{
    gr_graph *graph = gr_node_graph(x);
    gr_node *fault = activations_parts("glu", x, 2, &axis);
    if (fault) return fault;
    gr_composite_begin(graph, "glu");
    gr_node *halves = gr_split(x, 2, axis);
    gr_node *y = gr_mul(gr_get(halves, 0), gr_sigmoid(gr_get(halves, 1)));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_maxout(gr_node *x, int64_t pieces, int axis)
{
    gr_graph *graph = gr_node_graph(x);
    gr_node *fault = activations_parts("maxout", x, pieces, &axis);
    if (fault) return fault;
    const gr_shape shape = gr_node_shape(x);
    if (shape.rank == GR_MAX_RANK)
        return gr_fault(graph, GR_SHAPE, "maxout", "%s has no room for another axis: at most %d",
                        gr_shape_text(shape), GR_MAX_RANK - 1);
    gr_shape split = {.rank = shape.rank + 1};
    for (int i = 0; i <= axis; i++) split.dim[i] = shape.dim[i];
    split.dim[axis] /= pieces;
    split.dim[axis + 1] = pieces;
    for (int i = axis + 1; i < shape.rank; i++) split.dim[i + 1] = shape.dim[i];
    gr_composite_begin(graph, "maxout");
    gr_node *y = gr_max(gr_reshape(x, split), (gr_axes){.count = 1, .axis = {axis + 1}});
    gr_composite_end(graph);
    return y;
}

/* ---- Caffe's Power, Exp, Log and Eltwise ------------------------------------------------------
 */

/* shift + scale·x, without the parts that change nothing. */
static gr_node *activations_affine(gr_node *x, double scale, double shift)
{
    if (scale != 1) x = gr_scale(x, scale);
    return shift != 0 ? gr_shift(x, shift) : x;
}

gr_node *gr_power(gr_node *x, double power, double scale, double shift)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "power");
    gr_node *y = activations_affine(x, scale, shift);
    if (power == 2)
        y = gr_square(y);
    else if (power == 3)
        y = gr_mul(gr_square(y), y);
    else if (power == 0.5)
        y = gr_sqrt(y);
    else if (power == -0.5)
        y = gr_rsqrt(y);
    else if (power == -1)
        y = gr_div(gr_like(y, 1), y);
    else if (power != 1)
        y = gr_pow(y, gr_like(y, power));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_exp_base(gr_node *x, double base, double scale, double shift)
{
    gr_graph *graph = gr_node_graph(x);
    if (!(base >= 0))
        return gr_fault(graph, GR_INVALID, "exp", "base %g: should be positive, or 0 for e", base);
    const double rate = base == 0 ? 1 : log(base);
    gr_composite_begin(graph, "exp_base");
    gr_node *y = gr_exp(activations_affine(x, scale * rate, shift * rate));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_log_base(gr_node *x, double base, double scale, double shift)
{
    gr_graph *graph = gr_node_graph(x);
    if (!(base >= 0) || base == 1)
        return gr_fault(graph, GR_INVALID, "log",
                        "base %g: should be positive and not 1, or 0 for e", base);
    gr_composite_begin(graph, "log_base");
    gr_node *y = gr_log(activations_affine(x, scale, shift));
    if (base != 0) y = gr_scale(y, 1 / log(base));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_eltwise(gr_node *const *x, int n, gr_eltwise_kind kind, const double *coefficients)
{
    if (n < 1) return gr_fault(NULL, GR_INVALID, "eltwise", "no inputs");
    gr_graph *graph = gr_node_graph(x[0]);
    if (coefficients && kind != GR_ELTWISE_SUM)
        return gr_fault(graph, GR_INVALID, "eltwise", "only sums have coefficients");
    gr_composite_begin(graph, "eltwise");
    gr_node *y = NULL;
    for (int i = 0; i < n; i++) {
        gr_node *term = coefficients ? gr_scale(x[i], coefficients[i]) : x[i];
        if (!y)
            y = term;
        else if (kind == GR_ELTWISE_SUM)
            y = gr_add(y, term);
        else
            y = kind == GR_ELTWISE_PROD ? gr_mul(y, term) : gr_maximum(y, term);
    }
    gr_composite_end(graph);
    return y;
}
