/* The builders of attention. */
#include "ops/attention.h"

#include <float.h>
#include <math.h>

/* The step of the draws: without a counter always the first. */
static gr_node *attention_step(gr_node *q, const gr_stream *stream)
{
    return stream->step ? stream->step : gr_full(gr_node_graph(q), GR_I64, GR_SCALAR, 0);
}

static gr_node *attention_build(gr_node *const *in, int n, int64_t heads, int64_t key_heads,
                                int64_t depth, const gr_attention_options *o)
{
    gr_node *all[5];
    if (o && o->size != sizeof *o)
        return gr_fault(gr_node_graph(in[0]), GR_INVALID, "attention",
                        "gr_attention_options.size is wrong");
    for (int i = 0; i < n; i++) all[i] = in[i];
    if (o && o->mask) all[n++] = o->mask;
    if (o && o->dropout > 0) all[n++] = attention_step(in[0], &o->stream);
    const double scale = o && o->scale != 0 ? o->scale : 1 / sqrt((double)depth);
    const gr_attr attr[GR_ATTENTION_ATTRS] = {
        [GR_ATTENTION_HEADS] = gr_attr_int(heads),
        [GR_ATTENTION_KEY_HEADS] = gr_attr_int(key_heads),
        [GR_ATTENTION_CAUSAL] = gr_attr_int(o && o->causal),
        [GR_ATTENTION_SCALE] = gr_attr_real(scale),
        [GR_ATTENTION_DROPOUT] = gr_attr_real(o ? o->dropout : 0),
        [GR_ATTENTION_SEED] = gr_attr_int(o && o->dropout > 0 ? (int64_t)o->stream.seed : 0),
        [GR_ATTENTION_STREAM] =
            gr_attr_text(o && o->dropout > 0 && o->stream.name ? o->stream.name : ""),
    };
    gr_node *both = gr_build(NULL, &gr_op_attention, all, n, attr);
    return gr_is_error(both) ? both : gr_get(both, 0);
}

static int64_t attention_last(gr_node *x)
{
    const gr_shape shape = gr_node_shape(x);
    return shape.rank > 0 ? shape.dim[shape.rank - 1] : 1;
}

gr_node *gr_attention_rows(gr_node *q, gr_node *k, gr_node *v, int64_t heads, int64_t key_heads,
                           const gr_attention_options *options)
{
    if (gr_is_error(q)) return q;
    const int64_t parts = k ? heads : heads + 2 * key_heads;
    if (heads < 1 || key_heads < 1)
        return gr_fault(gr_node_graph(q), GR_INVALID, "attention",
                        "%lld heads, %lld of keys: should be positive", (long long)heads,
                        (long long)key_heads);
    return attention_build((gr_node *[]){q, k, v}, k ? 3 : 1, heads, key_heads,
                           attention_last(q) / parts, options);
}

/* ---- By gates, for masks that are added ------------------------------------------------------ */

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

/* softmax along the last axis; a row of -inf gives zeros. Any other row's sum is 1 at least, by its
 * largest element. */
static gr_node *attention_weights(gr_node *scores)
{
    const double limit = gr_node_dtype(scores) == GR_F32 ? (double)FLT_MAX : DBL_MAX;
    gr_node *top = gr_stop_gradient(gr_clip(gr_max(scores, GR_KEEP(-1)), -limit, limit));
    gr_node *e = gr_exp(gr_sub(scores, top)), *sum = gr_sum(e, GR_KEEP(-1));
    return gr_div(e, gr_maximum(sum, gr_like(sum, 1)));
}

/* With a mask that is added to the scores, and may have a gradient: by gates. */
static gr_node *attention_biased(gr_node *q, gr_node *k, gr_node *v, const gr_attention_options *o)
{
    gr_attention_options plain = *o;
    plain.mask = NULL;
    gr_node *checked = gr_attention(q, k, v, &plain); /* refuses what does not fit; else unused */
    if (gr_is_error(checked)) return checked;
    const gr_node *node = checked->in[0];
    const gr_attention_geometry g = gr_attention_geometry_of(node);
    const gr_shape shape = gr_attention_scores(&g, gr_node_shape(q).rank > 2);
    gr_node *fault = attention_refuse_mask(o->mask, q, shape);
    if (fault) return fault;
    const int64_t group = g.heads / g.key_heads;
    if (group > 1 && gr_node_shape(q).rank == GR_MAX_RANK)
        return gr_fault(q->graph, GR_SHAPE, "attention",
                        "q %s has no room for another axis: at most %d with a mask to be added "
                        "and heads that share one of k",
                        gr_shape_text(gr_node_shape(q)), GR_MAX_RANK - 1);
    gr_composite_begin(q->graph, "attention");
    gr_node *scores = attention_product(gr_scale(q, g.scale), k, true, group);
    scores = gr_add(scores, o->mask);
    gr_node *seen = gr_attention_seen(&g, node);
    if (seen) scores = gr_where(seen, scores, gr_like(scores, -INFINITY));
    gr_node *weights = attention_weights(scores), *dropped = NULL;
    dropped = gr_attention_dropped(&g, node, gr_node_shape(q).rank > 2);
    if (dropped) weights = gr_mul(weights, dropped);
    gr_node *y = attention_product(weights, v, false, group);
    gr_composite_end(q->graph);
    return y;
}

gr_node *gr_attention(gr_node *q, gr_node *k, gr_node *v, const gr_attention_options *options)
{
    gr_node *const mask = options ? options->mask : NULL;
    if (gr_is_error(q)) return q;
    if (mask && gr_is_error(mask)) return mask;
    if (mask && gr_node_dtype(mask) != GR_BOOL) return attention_biased(q, k, v, options);
    return attention_build((gr_node *[]){q, k, v}, 3, 0, 0, attention_last(q), options);
}
