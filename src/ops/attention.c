/* Scaled dot-product attention. */
#include "ops/ops.h"

#include <float.h>
#include <math.h>

/* ---- Shapes ---------------------------------------------------------------------------------- */

static bool attention_same_front(gr_shape a, gr_shape b, int n)
{
    for (int i = 0; i < n; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

/* NULL, or the fault of these operands. */
static gr_node *attention_refuse(gr_node *q, gr_node *k, gr_node *v, const gr_attention_options *o)
{
    if (gr_is_error(q)) return q;
    if (gr_is_error(k)) return k;
    if (gr_is_error(v)) return v;
    gr_graph *graph = gr_node_graph(q);
    const gr_shape qs = gr_node_shape(q), ks = gr_node_shape(k), vs = gr_node_shape(v);
    const int rank = qs.rank, front = rank - 3 > 0 ? rank - 3 : 0;
    if (o && o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "attention", "gr_attention_options.size is wrong");
    if (rank < 2 || ks.rank != rank || vs.rank != rank || rank + 1 > GR_MAX_RANK ||
        !attention_same_front(qs, ks, front) || !attention_same_front(ks, vs, rank - 1) ||
        qs.dim[rank - 1] != ks.dim[rank - 1])
        return gr_fault(graph, GR_SHAPE, "attention",
                        "q %s, k %s, v %s: should be […,H,T,d], […,K,S,d], […,K,S,e]",
                        gr_shape_text(qs), gr_shape_text(ks), gr_shape_text(vs));
    if (qs.dim[rank - 1] < 1 || ks.dim[rank - 2] < 1)
        return gr_fault(graph, GR_SHAPE, "attention", "q %s, k %s: there is nothing to attend to",
                        gr_shape_text(qs), gr_shape_text(ks));
    if (rank > 2 && (ks.dim[rank - 3] < 1 || qs.dim[rank - 3] % ks.dim[rank - 3]))
        return gr_fault(graph, GR_SHAPE, "attention",
                        "%lld heads of queries are no multiple of %lld heads of keys (q %s, k %s)",
                        (long long)qs.dim[rank - 3], (long long)ks.dim[rank - 3], gr_shape_text(qs),
                        gr_shape_text(ks));
    return NULL;
}

static gr_node *attention_refuse_mask(gr_node *mask, gr_node *q, gr_shape scores)
{
    gr_shape both;
    if (gr_is_error(mask)) return mask;
    const gr_dtype dtype = gr_node_dtype(mask);
    if (dtype != GR_BOOL && dtype != gr_node_dtype(q))
        return gr_fault(gr_node_graph(q), GR_DTYPE, "attention",
                        "the mask is %s: should be bool, or %s to be added", gr_dtype_name(dtype),
                        gr_dtype_name(gr_node_dtype(q)));
    if (!gr_shape_broadcast(gr_node_shape(mask), scores, &both) || !gr_shape_equal(both, scores))
        return gr_fault(gr_node_graph(q), GR_SHAPE, "attention",
                        "the mask %s does not broadcast to the scores %s",
                        gr_shape_text(gr_node_shape(mask)), gr_shape_text(scores));
    return NULL;
}

/* ---- By gates -------------------------------------------------------------------------------- */

/* a·b or a·bᵀ for each head of a, of which `group` neighbours share one of b. */
static gr_node *attention_product(gr_node *a, gr_node *b, bool transpose_b, int64_t group)
{
    if (group == 1) return gr_matmul_t(a, false, b, transpose_b);
    gr_shape as = gr_node_shape(a), bs = gr_node_shape(b), out = as;
    const int rank = as.rank;
    out.dim[rank - 1] = bs.dim[transpose_b ? rank - 2 : rank - 1];
    for (int i = rank; i > rank - 2; i--) {
        as.dim[i] = as.dim[i - 1];
        bs.dim[i] = bs.dim[i - 1];
    }
    as.rank = bs.rank = rank + 1;
    as.dim[rank - 3] = bs.dim[rank - 3];
    as.dim[rank - 2] = group;
    bs.dim[rank - 2] = 1;
    return gr_reshape(gr_matmul_t(gr_reshape(a, as), false, gr_reshape(b, bs), transpose_b), out);
}

/* [T, S], true where key j ≤ query i. */
static gr_node *attention_causal(gr_graph *graph, int64_t queries, int64_t keys)
{
    gr_tensor order;
    if (gr_tensor_new(GR_BOOL, GR_SHAPE(queries, keys), &order) != GR_OK)
        return gr_fault(graph, GR_NO_MEMORY, "attention", "%s", gr_message());
    for (int64_t i = 0; i < queries; i++)
        for (int64_t j = 0; j < keys; j++) ((bool *)order.data)[i * keys + j] = j <= i;
    gr_node *node = gr_constant(graph, &order);
    gr_tensor_clear(&order);
    return node;
}

/* softmax along the last axis; a row of -inf gives zeros. Any other row's sum is 1 at least, by its
 * largest element. */
static gr_node *attention_weights(gr_node *scores)
{
    const double limit = gr_node_dtype(scores) == GR_F32 ? (double)FLT_MAX : DBL_MAX;
    gr_node *top = gr_stop_gradient(gr_clip(gr_max(scores, GR_KEEP(-1)), -limit, limit));
    gr_node *e = gr_exp(gr_sub(scores, top)), *sum = gr_sum(e, GR_KEEP(-1));
    return gr_div(e, gr_maximum(sum, gr_like(sum, 1)));
}

gr_node *gr_attention(gr_node *q, gr_node *k, gr_node *v, const gr_attention_options *options)
{
    gr_node *fault = attention_refuse(q, k, v, options);
    if (fault) return fault;
    const gr_attention_options o = options ? *options : (gr_attention_options){0};
    gr_graph *graph = gr_node_graph(q);
    gr_shape shape = gr_node_shape(q);
    const gr_shape ks = gr_node_shape(k);
    const int rank = shape.rank;
    const int64_t group = rank > 2 ? shape.dim[rank - 3] / ks.dim[rank - 3] : 1;
    const double scale = o.scale != 0 ? o.scale : 1 / sqrt((double)shape.dim[rank - 1]);
    shape.dim[rank - 1] = ks.dim[rank - 2]; /* of the scores */
    if (o.mask && (fault = attention_refuse_mask(o.mask, q, shape))) return fault;
    gr_composite_begin(graph, "attention");
    gr_node *scores = attention_product(gr_scale(q, scale), k, true, group);
    gr_node *seen = o.mask && gr_node_dtype(o.mask) == GR_BOOL ? o.mask : NULL;
    if (o.mask && !seen) scores = gr_add(scores, o.mask);
    if (o.causal) {
        gr_node *order = attention_causal(graph, shape.dim[rank - 2], shape.dim[rank - 1]);
        seen = seen ? gr_and(seen, order) : order;
    }
    if (seen) scores = gr_where(seen, scores, gr_like(scores, -INFINITY));
    gr_node *y = attention_product(attention_weights(scores), v, false, group);
    gr_composite_end(graph);
    return y;
}
