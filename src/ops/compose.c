/* Composites: gates built of other gates, which need no gradient rule and no kernel. */
#include "ops/ops.h"

#include <float.h>

#include <gradus/ops.h>

/* ---- Literals -------------------------------------------------------------------------------- */

gr_node *gr_scale(gr_node *x, double factor)
{
    return gr_mul(x, gr_like(x, factor));
}

gr_node *gr_shift(gr_node *x, double term)
{
    return gr_add(x, gr_like(x, term));
}

/* ---- Movement -------------------------------------------------------------------------------- */

gr_node *gr_tile(gr_node *x, const int64_t *times)
{
    if (gr_is_error(x)) return x;
    gr_graph *graph = gr_node_graph(x);
    const gr_shape from = gr_node_shape(x);
    gr_node *y = x;
    gr_composite_begin(graph, "tile");
    for (int k = 0; k < from.rank; k++) {
        if (times[k] < 1) {
            y = gr_fault(graph, GR_INVALID, "tile",
                         "axis %d of %s %lld times: should be at least 1", k, gr_shape_text(from),
                         (long long)times[k]);
            break;
        }
        if (times[k] == 1) continue;
        /* [before, 1, size and the rest] broadcast to [before, times, …] */
        gr_shape shape = gr_node_shape(y);
        const int64_t before = gr_shape_count(gr_shape_of(k, shape.dim));
        const int64_t rest = gr_shape_count(gr_shape_of(shape.rank - k, shape.dim + k));
        if (__builtin_mul_overflow(shape.dim[k], times[k], &shape.dim[k])) {
            y = gr_fault(graph, GR_SHAPE, "tile", "axis %d of %s %lld times: too many elements", k,
                         gr_shape_text(from), (long long)times[k]);
            break;
        }
        y = gr_broadcast(gr_reshape(y, GR_SHAPE(before, 1, rest)),
                         GR_SHAPE(before, times[k], rest));
        y = gr_reshape(y, shape);
    }
    gr_composite_end(graph);
    return y;
}

gr_node *gr_stack(gr_node *const *x, int n, int axis)
{
    if (n < 1) return gr_fault(NULL, GR_INVALID, "stack", "no inputs");
    gr_graph *graph = gr_node_graph(x[0]);
    const gr_shape from = gr_node_shape(x[0]);
    const int rank = from.rank + 1, at = axis < 0 ? axis + rank : axis;
    gr_shape shape = {.rank = rank};
    if (gr_is_error(x[0])) return x[0];
    if (at < 0 || at >= rank || rank > GR_MAX_RANK)
        return gr_fault(graph, GR_SHAPE, "stack", "%s cannot get a new axis %d",
                        gr_shape_text(from), axis);
    for (int k = 0; k < rank; k++)
        shape.dim[k] = k < at ? from.dim[k] : k == at ? 1 : from.dim[k - 1];
    gr_node **rows = gr_alloc((size_t)n * sizeof(gr_node *));
    if (!rows) return gr_fault(graph, GR_NO_MEMORY, "stack", "out of memory");
    gr_composite_begin(graph, "stack");
    for (int i = 0; i < n; i++) rows[i] = gr_reshape(x[i], shape);
    gr_node *y = gr_concat(rows, n, at);
    gr_composite_end(graph);
    gr_free(rows);
    return y;
}

/* ---- Statistics ------------------------------------------------------------------------------ */

/* A mean over nothing is 0/0, NaN. */
gr_node *gr_mean(gr_node *x, gr_axes axes)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "mean");
    gr_node *y = gr_sum(x, axes);
    if (!gr_is_error(y)) {
        const int64_t results = gr_shape_count(gr_node_shape(y));
        const int64_t each = results ? gr_shape_count(gr_node_shape(x)) / results : 1;
        y = gr_div(y, gr_like(y, (double)each));
    }
    gr_composite_end(graph);
    return y;
}

/* ---- Activations ----------------------------------------------------------------------------- */

gr_node *gr_prelu(gr_node *x, gr_node *slope)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "prelu");
    gr_node *y = gr_where(gr_greater(x, gr_like(x, 0)), x, gr_mul(slope, x));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_gelu(gr_node *x)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "gelu");
    gr_node *y = gr_mul(x, gr_normal_cdf(x));
    gr_composite_end(graph);
    return y;
}

gr_node *gr_gelu_tanh(gr_node *x)
{
    const double root = 0.79788456080286535588; /* √(2/π) */
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "gelu_tanh");
    gr_node *factor = gr_shift(gr_scale(gr_square(x), root * 0.044715), root);
    gr_node *twice = gr_shift(gr_tanh(gr_mul(x, factor)), 1);
    gr_node *y = gr_mul(gr_scale(x, 0.5), twice);
    gr_composite_end(graph);
    return y;
}

/* ---- The softmax family ---------------------------------------------------------------------- */

static gr_axes compose_keep(int axis)
{
    return (gr_axes){.count = 1, .axis = {axis}, .keep = true};
}

/* x less its maximum along the axis, so that exp cannot overflow. The results below do not depend
 * on what is taken off, hence no gradient flows through it. */
static gr_node *compose_shifted(gr_node *x, int axis)
{
    return gr_sub(x, gr_stop_gradient(gr_max(x, compose_keep(axis))));
}

gr_node *gr_softmax(gr_node *x, int axis)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "softmax");
    gr_node *e = gr_exp(compose_shifted(x, axis)), *sum = gr_sum(e, compose_keep(axis));
    gr_node *y = gr_mul(e, gr_div(gr_like(sum, 1), sum)); /* one division for each sum */
    gr_composite_end(graph);
    return y;
}

gr_node *gr_log_softmax(gr_node *x, int axis)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "log_softmax");
    gr_node *shifted = compose_shifted(x, axis);
    gr_node *y = gr_sub(shifted, gr_log(gr_sum(gr_exp(shifted), compose_keep(axis))));
    gr_composite_end(graph);
    return y;
}

/* The maximum is kept finite, so that rows of -inf give -inf and rows with +inf give +inf, not
 * inf - inf. */
gr_node *gr_logsumexp(gr_node *x, int axis)
{
    gr_graph *graph = gr_node_graph(x);
    const double limit = gr_node_dtype(x) == GR_F32 ? (double)FLT_MAX : DBL_MAX;
    const gr_axes one = {.count = 1, .axis = {axis}};
    gr_composite_begin(graph, "logsumexp");
    gr_node *top = gr_stop_gradient(gr_clip(gr_max(x, compose_keep(axis)), -limit, limit));
    gr_node *sum = gr_log(gr_sum(gr_exp(gr_sub(x, top)), one));
    gr_node *y = gr_add(sum, gr_reshape(top, gr_node_shape(sum)));
    gr_composite_end(graph);
    return y;
}

/* ---- Normalisation --------------------------------------------------------------------------- */

/* s^-beta; the exponents of the papers by roots, which are ten times as fast as pow. */
static gr_node *compose_power(gr_node *s, double beta)
{
    if (beta == 0.5) return gr_rsqrt(s);
    if (beta != 0.75) return gr_pow(s, gr_like(s, -beta));
    gr_node *root = gr_rsqrt(s);
    return gr_mul(root, gr_sqrt(root));
}

gr_node *gr_lrn_within(gr_node *x, int64_t size, double alpha, double beta)
{
    gr_graph *graph = gr_node_graph(x);
    if (gr_is_error(x)) return x;
    if (size < 1 || size % 2 == 0)
        return gr_build_fail(graph, GR_INVALID, "lrn",
                             "a window of %lld places within a channel: should be odd",
                             (long long)size);
    gr_composite_begin(graph, "lrn");
    const gr_window window = {.size = sizeof window,
                              .kernel = size,
                              .stride = 1,
                              .pad = size / 2,
                              .count_include_pad = true};
    gr_node *mean = gr_avg_pool(gr_square(x), &window);
    gr_node *divisor = gr_shift(gr_scale(mean, alpha), 1);
    gr_node *y = gr_mul(x, compose_power(divisor, beta));
    gr_composite_end(graph);
    return y;
}
