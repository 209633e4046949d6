/* Losses of classes beyond the plain ones: with labels to ignore, from probabilities, focal, over
 * alignments; and accuracy among the best k. */
#include "nn/scope.h"

#include <float.h>

/* ---- Softmax with labels to ignore --------------------------------------------------------------
 */

/* NULL if labels have the shape of the scores without the axis of the classes. */
static gr_node *classes_check(const char *loss, gr_node *scores, gr_node *labels, int *axis)
{
    if (gr_is_error(scores)) return scores;
    if (gr_is_error(labels)) return labels;
    const gr_shape s = gr_node_shape(scores), l = gr_node_shape(labels);
    const gr_dtype dtype = gr_node_dtype(labels);
    gr_graph *graph = gr_node_graph(scores);
    if (*axis < -s.rank || *axis >= s.rank)
        return gr_fault(graph, GR_SHAPE, loss, "there is no axis %d in %s", *axis,
                        gr_shape_text(s));
    if (*axis < 0) *axis += s.rank;
    gr_shape wanted = {.rank = s.rank - 1};
    for (int k = 0; k < wanted.rank; k++) wanted.dim[k] = s.dim[k < *axis ? k : k + 1];
    if (gr_shape_equal(l, wanted) && (dtype == GR_I32 || dtype == GR_I64)) return NULL;
    return gr_fault(graph, GR_SHAPE, loss, "scores %s with labels %s%s: should be i32 or i64 %s",
                    gr_shape_text(s), gr_shape_text(l), gr_dtype_name(dtype),
                    gr_shape_text(wanted));
}

/* [rows, C] and [rows], the classes last. */
static void classes_flatten(gr_node **scores, gr_node **labels, int axis)
{
    const gr_shape shape = gr_node_shape(*scores);
    const int64_t classes = shape.dim[axis];
    gr_axes order = {.count = shape.rank};
    for (int k = 0, n = 0; k < shape.rank; k++)
        if (k != axis) order.axis[n++] = k;
    order.axis[shape.rank - 1] = axis;
    *scores = gr_reshape(gr_permute(*scores, order), GR_SHAPE(-1, classes));
    *labels = gr_reshape(*labels, GR_SHAPE(-1));
}

/* Labels of ignored rows made 0, and 1 or 0 for each row. */
static gr_node *classes_mask(gr_node **labels, int64_t ignore, gr_dtype dtype)
{
    gr_node *counts = gr_not_equal(*labels, gr_like(*labels, (double)ignore));
    *labels = gr_where(counts, *labels, gr_like(*labels, 0));
    return gr_cast(counts, dtype);
}

/* How many rows count; at least one, or the step fails. */
static gr_node *classes_valid(gr_node *mask)
{
    gr_node *valid = gr_sum(mask, GR_ALL);
    return gr_require(valid, gr_greater(valid, gr_like(valid, 0)),
                      "every label of the batch is to be ignored");
}

/* The loss of each place, log Σ exp(score) less the label's score. Where the classes are not last
 * the scores stay where they lie: [before, C, after]. */
static gr_node *classes_each_loss(gr_node *scores, gr_node *labels, int axis)
{
    const gr_shape shape = gr_node_shape(scores);
    const int64_t before = gr_shape_count(gr_shape_of(axis, shape.dim));
    const int64_t after = gr_shape_count(gr_shape_of(shape.rank - axis - 1, shape.dim + axis + 1));
    if (after == 1) {
        classes_flatten(&scores, &labels, axis);
        return gr_softmax_cross_entropy(scores, labels, GR_LOSS(.reduce = GR_REDUCE_NONE));
    }
    scores = gr_reshape(scores, GR_SHAPE(before, shape.dim[axis], after));
    gr_node *own = gr_gather_along(scores, gr_reshape(labels, GR_SHAPE(before, 1, after)), 1);
    return gr_reshape(gr_sub(gr_logsumexp(scores, 1), gr_reshape(own, GR_SHAPE(before, after))),
                      GR_SHAPE(-1));
}

gr_node *gr_softmax_loss(gr_node *scores, gr_node *labels, const gr_softmax_loss_options *options)
{
    const char *loss = "softmax_loss";
    gr_softmax_loss_options o = options ? *options : (gr_softmax_loss_options){.axis = 1};
    gr_node *fault = classes_check(loss, scores, labels, &o.axis);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    if (options && options->size != sizeof o)
        return gr_fault(graph, GR_INVALID, loss, "gr_softmax_loss_options.size is wrong");
    const double examples = (double)gr_node_shape(scores).dim[0];
    gr_composite_begin(graph, loss);
    labels = gr_reshape(labels, GR_SHAPE(-1));
    const int64_t rows = gr_node_shape(labels).dim[0];
    gr_node *mask = o.ignores ? classes_mask(&labels, o.ignore, gr_node_dtype(scores)) : NULL;
    gr_node *each = classes_each_loss(scores, labels, o.axis);
    gr_node *y = gr_sum(mask ? gr_mul(each, mask) : each, GR_ALL);
    if (o.normalization == GR_LOSS_VALID && mask) {
        y = gr_div(y, classes_valid(mask));
    } else if (o.normalization == GR_LOSS_BATCH) {
        y = gr_div(y, gr_like(y, examples));
    } else if (o.normalization != GR_LOSS_UNNORMALIZED) {
        y = gr_div(y, gr_like(y, (double)rows));
    }
    gr_composite_end(graph);
    return y;
}

/* ---- From probabilities -------------------------------------------------------------------------
 */

/* x [N, C] and labels [N]: each row's element at its label. */
static gr_node *classes_pick(gr_node *x, gr_node *labels)
{
    const int64_t rows = gr_node_shape(x).dim[0];
    return gr_reshape(gr_gather_along(x, gr_reshape(labels, GR_SHAPE(rows, 1)), 1), GR_SHAPE(rows));
}

gr_node *gr_nll_loss(gr_node *log_p, gr_node *labels, const gr_loss_options *options)
{
    int axis = 1;
    gr_node *fault = classes_check("nll_loss", log_p, labels, &axis);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(log_p);
    gr_composite_begin(graph, "nll_loss");
    classes_flatten(&log_p, &labels, axis);
    gr_node *y = gr_loss_reduce(gr_neg(classes_pick(log_p, labels)), options);
    gr_composite_end(graph);
    return y;
}

/* log p, p not below what an f32 can hold with full precision. */
static gr_node *classes_log(gr_node *p)
{
    return gr_log(gr_maximum(p, gr_like(p, (double)FLT_MIN)));
}

gr_node *gr_multinomial_logistic_loss(gr_node *p, gr_node *labels, const gr_loss_options *options)
{
    int axis = 1;
    gr_node *fault = classes_check("multinomial_logistic_loss", p, labels, &axis);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(p);
    gr_composite_begin(graph, "multinomial_logistic_loss");
    classes_flatten(&p, &labels, axis);
    gr_node *y = gr_loss_reduce(gr_neg(classes_log(classes_pick(p, labels))), options);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_infogain_loss(gr_node *p, gr_node *labels, gr_node *matrix,
                          const gr_loss_options *options)
{
    const char *loss = "infogain_loss";
    int axis = 1;
    gr_node *fault = classes_check(loss, p, labels, &axis);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(p);
    const int64_t classes = gr_node_shape(p).dim[1];
    if (!gr_is_error(matrix) && !gr_shape_equal(gr_node_shape(matrix), GR_SHAPE(classes, classes)))
        return gr_fault(graph, GR_SHAPE, loss, "the matrix is %s for %lld classes: should be %s",
                        gr_shape_text(gr_node_shape(matrix)), (long long)classes,
                        gr_shape_text(GR_SHAPE(classes, classes)));
    gr_composite_begin(graph, loss);
    classes_flatten(&p, &labels, axis);
    gr_node *gains = gr_mul(gr_gather(matrix, labels, 0), classes_log(p));
    gr_node *y = gr_loss_reduce(gr_neg(gr_sum(gains, GR_AXES(1))), options);
    gr_composite_end(graph);
    return y;
}

/* ---- Focal, CTC -------------------------------------------------------------------------------
 */

/* With q = σ((1 − 2t)·x), the probability of the other class, log p_t = −softplus((1 − 2t)·x). */
gr_node *gr_focal_loss(gr_node *x, gr_node *target, double alpha, double gamma,
                       const gr_loss_options *options)
{
    if (gr_is_error(x)) return x;
    gr_graph *graph = gr_node_graph(x);
    if (!gr_is_error(target) && !gr_shape_equal(gr_node_shape(x), gr_node_shape(target)))
        return gr_fault(graph, GR_SHAPE, "focal_loss",
                        "logits %s and targets %s should be of one shape",
                        gr_shape_text(gr_node_shape(x)), gr_shape_text(gr_node_shape(target)));
    gr_composite_begin(graph, "focal_loss");
    gr_node *against = gr_mul(x, gr_shift(gr_scale(target, -2), 1));
    gr_node *y = gr_mul(gr_power(gr_sigmoid(against), gamma, 1, 0), gr_softplus(against));
    if (alpha >= 0) /* α where the target is 1, 1 − α where it is 0 */
        y = gr_mul(y, gr_shift(gr_scale(target, 2 * alpha - 1), 1 - alpha));
    y = gr_loss_reduce(y, options);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_ctc_loss(gr_node *scores, gr_node *labels, gr_node *frames, gr_node *counts, int blank,
                     const gr_loss_options *options)
{
    gr_graph *graph = gr_node_graph(scores);
    gr_composite_begin(graph, "ctc_loss");
    gr_node *y =
        gr_loss_reduce(gr_ctc(gr_log_softmax(scores, -1), labels, frames, counts, blank), options);
    gr_composite_end(graph);
    return y;
}

/* ---- Accuracy -----------------------------------------------------------------------------------
 */

gr_node *gr_top_k_accuracy(gr_node *scores, gr_node *labels, int64_t k,
                           const gr_softmax_loss_options *options)
{
    const char *what = "top_k_accuracy";
    int axis = options ? options->axis : 1;
    gr_node *fault = classes_check(what, scores, labels, &axis);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    const int64_t classes = gr_node_shape(scores).dim[axis];
    if (k < 1 || k > classes)
        return gr_fault(graph, GR_INVALID, what, "k is %lld: should be in [1, %lld]", (long long)k,
                        (long long)classes);
    gr_composite_begin(graph, what);
    classes_flatten(&scores, &labels, axis);
    const bool ignores = options && options->ignores;
    gr_node *mask = ignores ? classes_mask(&labels, options->ignore, GR_F32) : NULL;
    gr_node *own = gr_reshape(classes_pick(scores, labels), GR_SHAPE(-1, 1));
    /* The label's own score is among those that are not below it. */
    gr_node *above = gr_sum(gr_cast(gr_greater_equal(scores, own), GR_F32), GR_AXES(1));
    gr_node *hit = gr_cast(gr_less_equal(above, gr_like(above, (double)k)), GR_F32);
    gr_node *y = mask ? gr_div(gr_sum(gr_mul(hit, mask), GR_ALL), classes_valid(mask))
                      : gr_mean(hit, GR_ALL);
    gr_composite_end(graph);
    return y;
}
