/* Losses that compare vectors or distributions with each other. */
#include "nn/scope.h"

/* NULL if both are [N, D]. */
static gr_node *pairs_check(const char *loss, gr_node *a, gr_node *b)
{
    if (gr_is_error(a)) return a;
    if (gr_is_error(b)) return b;
    if (gr_node_shape(a).rank == 2 && gr_shape_equal(gr_node_shape(a), gr_node_shape(b)))
        return NULL;
    return gr_fault(gr_node_graph(a), GR_SHAPE, loss, "vectors %s and %s: should be of one [N,D]",
                    gr_shape_text(gr_node_shape(a)), gr_shape_text(gr_node_shape(b)));
}

/* t·(log t − log p), 0 where t is 0: log t is taken of 1 there. */
gr_node *gr_kl_divergence(gr_node *log_p, gr_node *target, const gr_loss_options *options)
{
    gr_node *fault = pairs_check("kl_divergence", log_p, target);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(log_p);
    gr_composite_begin(graph, "kl_divergence");
    gr_node *positive = gr_greater(target, gr_like(target, 0));
    gr_node *log_t = gr_log(gr_where(positive, target, gr_like(target, 1)));
    gr_node *terms = gr_mul(target, gr_sub(log_t, log_p));
    gr_node *y = gr_loss_reduce(gr_sum(terms, GR_AXES(1)), options);
    gr_composite_end(graph);
    return y;
}

gr_node *gr_cosine_similarity(gr_node *a, gr_node *b, double epsilon)
{
    gr_node *fault = pairs_check("cosine_similarity", a, b);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(a);
    gr_composite_begin(graph, "cosine_similarity");
    gr_node *squares = gr_mul(gr_shift(gr_sum(gr_square(a), GR_AXES(1)), epsilon),
                              gr_shift(gr_sum(gr_square(b), GR_AXES(1)), epsilon));
    gr_node *y = gr_mul(gr_sum(gr_mul(a, b), GR_AXES(1)), gr_rsqrt(squares));
    gr_composite_end(graph);
    return y;
}

/* PyTorch's epsilon under the roots of both norms. */
#define PAIRS_COSINE_EPSILON 1e-12

gr_node *gr_cosine_loss(gr_node *a, gr_node *b, gr_node *same, const gr_loss_options *options)
{
    gr_node *fault = pairs_check("cosine_loss", a, b);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(a);
    const gr_shape rows = gr_shape_of(1, gr_node_shape(a).dim);
    if (!gr_is_error(same) &&
        !(gr_shape_equal(gr_node_shape(same), rows) && gr_node_dtype(same) == GR_BOOL))
        return gr_fault(graph, GR_SHAPE, "cosine_loss",
                        "which pairs are alike is %s%s: should be "
                        "bool%s",
                        gr_dtype_name(gr_node_dtype(same)), gr_shape_text(gr_node_shape(same)),
                        gr_shape_text(rows));
    gr_composite_begin(graph, "cosine_loss");
    gr_node *cosine = gr_cosine_similarity(a, b, PAIRS_COSINE_EPSILON);
    const double margin = options ? options->margin : 0;
    gr_node *y = gr_where(same, gr_shift(gr_neg(cosine), 1), gr_relu(gr_shift(cosine, -margin)));
    y = gr_loss_reduce(y, options);
    gr_composite_end(graph);
    return y;
}

/* ‖a − b + ε‖, ε = 1e-6 as PyTorch has it, so that equal vectors have a gradient. */
static gr_node *pairs_distance(gr_node *a, gr_node *b)
{
    return gr_sqrt(gr_sum(gr_square(gr_shift(gr_sub(a, b), 1e-6)), GR_AXES(1)));
}

gr_node *gr_triplet_loss(gr_node *anchor, gr_node *positive, gr_node *negative,
                         const gr_loss_options *options)
{
    gr_node *fault = pairs_check("triplet_loss", anchor, positive);
    if (!fault) fault = pairs_check("triplet_loss", anchor, negative);
    if (fault) return fault;
    gr_graph *graph = gr_node_graph(anchor);
    const double margin = options && options->margin != 0 ? options->margin : 1;
    gr_composite_begin(graph, "triplet_loss");
    gr_node *further = gr_sub(pairs_distance(anchor, positive), pairs_distance(anchor, negative));
    gr_node *y = gr_loss_reduce(gr_relu(gr_shift(further, margin)), options);
    gr_composite_end(graph);
    return y;
}
