/* Losses: scalars to minimise. Labels are class numbers. */
#include "nn/scope.h"

static gr_node *loss_check_labels(const char *loss, gr_node *scores, gr_node *labels)
{
    if (gr_is_error(scores)) return scores;
    if (gr_is_error(labels)) return labels;
    gr_shape s = gr_node_shape(scores), l = gr_node_shape(labels);
    gr_dtype dtype = gr_node_dtype(labels);
    if (s.rank == 2 && l.rank == 1 && s.dim[0] == l.dim[0] && (dtype == GR_I32 || dtype == GR_I64))
        return NULL;
    return gr_fault(gr_node_graph(scores), GR_SHAPE, loss,
                    "scores %s with labels %s%s: should be [N,C] with i32 or i64 [N]",
                    gr_shape_text(s), gr_dtype_name(dtype), gr_shape_text(l));
}

/* The mean over no examples would be 0/0, and hide a mistake. */
static gr_node *loss_check_options(const char *loss, gr_node *scores, const gr_loss_options *o)
{
    if (o && o->size != sizeof *o)
        return gr_fault(gr_node_graph(scores), GR_INVALID, loss, "gr_loss_options.size is wrong");
    if (o && !(o->smoothing >= 0 && o->smoothing < 1))
        return gr_fault(gr_node_graph(scores), GR_INVALID, loss, "smoothing %g: should be in [0,1)",
                        o->smoothing);
    if (!o || !o->class_weights) return NULL;
    gr_shape w = gr_node_shape(o->class_weights), s = gr_node_shape(scores);
    if (w.rank == 1 && w.dim[0] == s.dim[1]) return NULL;
    return gr_fault(gr_node_graph(scores), GR_SHAPE, loss, "class weights %s: should be [%lld]",
                    gr_shape_text(w), (long long)s.dim[1]);
}

gr_node *gr_loss_reduce(gr_node *losses, const gr_loss_options *options)
{
    const gr_reduce reduce = options ? options->reduce : GR_REDUCE_MEAN;
    if (reduce == GR_REDUCE_SUM) return gr_sum(losses, GR_ALL);
    return reduce == GR_REDUCE_MEAN ? gr_mean(losses, GR_ALL) : losses;
}

/* Reduces the losses [N] of the examples; weights [N] or NULL. */
static gr_node *loss_reduce(gr_node *losses, gr_node *weights, const gr_loss_options *o)
{
    if (weights) losses = gr_mul(losses, weights);
    if (!weights || (o && o->reduce != GR_REDUCE_MEAN)) return gr_loss_reduce(losses, o);
    return gr_div(gr_sum(losses, GR_ALL), gr_sum(weights, GR_ALL));
}

/* Each example's class weight, or NULL. */
static gr_node *loss_weights(gr_node *hot, const gr_loss_options *o)
{
    if (!o || !o->class_weights) return NULL;
    return gr_sum(gr_mul(hot, o->class_weights), GR_AXES(1));
}

/* −Σ_j t_j log p_j with t the one-hot label, or its mixture (1−ε)·label + ε/C with the uniform
 * distribution (Szegedy et al. 2016). As Σt = 1 it is log Σ exp s_j − Σ t_j s_j. */
gr_node *gr_softmax_cross_entropy(gr_node *scores, gr_node *labels, const gr_loss_options *options)
{
    const char *loss = "softmax_cross_entropy";
    gr_node *fault = loss_check_labels(loss, scores, labels);
    if (!fault) fault = loss_check_options(loss, scores, options);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    gr_composite_begin(graph, loss);
    int64_t classes = gr_node_shape(scores).dim[1];
    gr_node *hot = gr_one_hot_strict(labels, classes, gr_node_dtype(scores)), *target = hot;
    if (options && options->smoothing > 0)
        target =
            gr_shift(gr_scale(hot, 1 - options->smoothing), options->smoothing / (double)classes);
    gr_node *losses = gr_sub(gr_logsumexp(scores, 1), gr_sum(gr_mul(target, scores), GR_AXES(1)));
    gr_node *result = loss_reduce(losses, loss_weights(hot, options), options);
    gr_composite_end(graph);
    return result;
}

gr_node *gr_multiclass_hinge(gr_node *scores, gr_node *labels, const gr_loss_options *options)
{
    const char *loss = "multiclass_hinge";
    gr_node *fault = loss_check_labels(loss, scores, labels);
    if (!fault) fault = loss_check_options(loss, scores, options);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    gr_composite_begin(graph, loss);
    double margin = options && options->margin != 0 ? options->margin : 1;
    gr_node *hot = gr_one_hot_strict(labels, gr_node_shape(scores).dim[1], gr_node_dtype(scores));
    gr_node *right = gr_sum(gr_mul(scores, hot), GR_KEEP(1));
    /* The label's own term would be Δ: its margin is 0 instead. */
    gr_node *margins = gr_scale(gr_sub(gr_like(scores, 1), hot), margin);
    gr_node *terms = gr_relu(gr_add(gr_sub(scores, right), margins));
    if (options && options->squared) terms = gr_square(terms);
    gr_node *losses = gr_sum(terms, GR_AXES(1));
    gr_node *result = loss_reduce(losses, loss_weights(hot, options), options);
    gr_composite_end(graph);
    return result;
}

gr_node *gr_hinge_loss(gr_node *scores, gr_node *labels, const gr_loss_options *options)
{
    const char *loss = "hinge_loss";
    gr_node *fault = loss_check_labels(loss, scores, labels);
    if (!fault) fault = loss_check_options(loss, scores, options);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    gr_composite_begin(graph, loss);
    const double margin = options && options->margin != 0 ? options->margin : 1;
    gr_node *hot = gr_one_hot_strict(labels, gr_node_shape(scores).dim[1], gr_node_dtype(scores));
    gr_node *against = gr_mul(scores, gr_shift(gr_scale(hot, -2), 1)); /* −t·s */
    gr_node *terms = gr_relu(gr_shift(against, margin));
    if (options && options->squared) terms = gr_square(terms);
    gr_node *losses = gr_sum(terms, GR_AXES(1));
    gr_node *result = loss_reduce(losses, loss_weights(hot, options), options);
    gr_composite_end(graph);
    return result;
}

/* ---- Element by element ---------------------------------------------------------------------- */

/* NULL if x and target can be compared, and then the composite is begun. */
static gr_node *loss_begin(const char *loss, gr_node *x, gr_node *target)
{
    if (gr_is_error(x)) return x;
    if (gr_is_error(target)) return target;
    if (!gr_shape_equal(gr_node_shape(x), gr_node_shape(target)) ||
        gr_node_dtype(x) != gr_node_dtype(target))
        return gr_fault(gr_node_graph(x), GR_SHAPE, loss,
                        "the output %s%s and the target %s%s should be of one type and shape",
                        gr_dtype_name(gr_node_dtype(x)), gr_shape_text(gr_node_shape(x)),
                        gr_dtype_name(gr_node_dtype(target)), gr_shape_text(gr_node_shape(target)));
    gr_composite_begin(gr_node_graph(x), loss);
    return NULL;
}

static gr_node *loss_end(gr_node *losses, const gr_loss_options *o)
{
    losses = gr_loss_reduce(losses, o);
    gr_composite_end(gr_node_graph(losses));
    return losses;
}

/* −t·log σ(x) − (1−t)·log(1−σ(x)) = softplus(x) − t·x */
gr_node *gr_sigmoid_cross_entropy(gr_node *x, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = loss_begin("sigmoid_cross_entropy", x, target);
    return fault ? fault : loss_end(gr_sub(gr_softplus(x), gr_mul(target, x)), options);
}

gr_node *gr_mse(gr_node *x, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = loss_begin("mse", x, target);
    return fault ? fault : loss_end(gr_square(gr_sub(x, target)), options);
}

gr_node *gr_l1_loss(gr_node *x, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = loss_begin("l1_loss", x, target);
    return fault ? fault : loss_end(gr_abs(gr_sub(x, target)), options);
}

/* ½d² within |d| ≤ δ, δ(|d| − ½δ) beyond (Huber 1964): with c = d clipped to ±δ, c(d − ½c). */
gr_node *gr_huber(gr_node *x, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = loss_begin("huber", x, target);
    if (fault) return fault;
    double delta = options && options->delta > 0 ? options->delta : 1;
    gr_node *d = gr_sub(x, target), *c = gr_clip(d, -delta, delta);
    return loss_end(gr_mul(c, gr_sub(d, gr_scale(c, 0.5))), options);
}

/* ---- Distances ------------------------------------------------------------------------------- */

/* Σ(x − y)² of each row. */
static gr_node *loss_square_distance(gr_node *x, gr_node *y)
{
    gr_node *squares = gr_square(gr_sub(x, y));
    gr_axes rest = {.count = gr_node_shape(squares).rank - 1};
    for (int i = 0; i < rest.count; i++) rest.axis[i] = i + 1;
    return rest.count > 0 ? gr_sum(squares, rest) : squares;
}

static gr_node *loss_check_rows(const char *loss, gr_node *x)
{
    if (gr_is_error(x) || gr_node_shape(x).rank > 0) return NULL;
    return gr_fault(gr_node_graph(x), GR_SHAPE, loss, "a scalar has no examples: should be [N, …]");
}

gr_node *gr_euclidean_loss(gr_node *x, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = loss_check_rows("euclidean_loss", x);
    if (!fault) fault = loss_begin("euclidean_loss", x, target);
    return fault ? fault : loss_end(gr_scale(loss_square_distance(x, target), 0.5), options);
}

/* What is nearer than this counts as lying on one spot, where the distance has no gradient. */
static const double loss_one_spot = 1e-24;

gr_node *gr_contrastive_loss(gr_node *a, gr_node *b, gr_node *same, const gr_loss_options *options)
{
    const char *loss = "contrastive_loss";
    gr_node *fault = loss_check_rows(loss, a);
    if (fault) return fault;
    if (gr_is_error(same)) return same;
    if (!gr_is_error(a) && !gr_shape_equal(gr_node_shape(same), GR_SHAPE(gr_node_shape(a).dim[0])))
        return gr_fault(gr_node_graph(a), GR_SHAPE, loss,
                        "pairs of rows of %s with `same` %s: should be [%lld]",
                        gr_shape_text(gr_node_shape(a)), gr_shape_text(gr_node_shape(same)),
                        (long long)gr_node_shape(a).dim[0]);
    fault = loss_begin(loss, a, b);
    if (fault) return fault;
    double margin = options && options->margin != 0 ? options->margin : 1;
    if (gr_node_dtype(same) != GR_BOOL) same = gr_not_equal(same, gr_like(same, 0));
    gr_node *square = loss_square_distance(a, b);
    gr_node *distance = gr_sqrt(gr_maximum(square, gr_like(square, loss_one_spot)));
    gr_node *apart = gr_square(gr_relu(gr_sub(gr_like(distance, margin), distance)));
    return loss_end(gr_scale(gr_where(same, square, apart), 0.5), options);
}

/* ---- Accuracy -------------------------------------------------------------------------------- */

gr_node *gr_accuracy(gr_node *scores, gr_node *labels)
{
    gr_node *fault = loss_check_labels("accuracy", scores, labels);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(scores);
    gr_composite_begin(graph, "accuracy");
    if (gr_node_dtype(labels) != GR_I64) labels = gr_cast(labels, GR_I64);
    gr_node *right = gr_cast(gr_equal(gr_argmax(scores, 1), labels), GR_F32);
    gr_node *result = gr_mean(right, GR_ALL);
    gr_composite_end(graph);
    return result;
}
