/* Attention by several heads. */
#include "nn/scope.h"

#include <gradus/attention.h>

/* The sizes of a layer. */
typedef struct heads_sizes {
    int64_t batch, queries, keys; /* N, T, S */
    int64_t heads, key_heads, head;
    int64_t width;
} heads_sizes;

static int64_t heads_front(gr_shape shape)
{
    return gr_shape_count(gr_shape_of(shape.rank - 2, shape.dim));
}

static gr_node *heads_refuse(gr_scope *scope, gr_node *x, const gr_multi_head_options *o)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(x)) return x;
    if (o->memory && gr_is_error(o->memory)) return o->memory;
    if (o->mask && gr_is_error(o->mask)) return o->mask;
    if (o->lengths && gr_is_error(o->lengths)) return o->lengths;
    const gr_shape in = gr_node_shape(x), from = o->memory ? gr_node_shape(o->memory) : in;
    const int64_t keys = o->key_heads ? o->key_heads : o->heads;
    if (o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "attention", "gr_multi_head_options.size is wrong");
    if (in.rank < 2)
        return gr_fault(graph, GR_SHAPE, "attention", "the input is %s: should be […, T, width]",
                        gr_shape_text(in));
    if (from.rank < 2 || heads_front(from) != heads_front(in))
        return gr_fault(
            graph, GR_SHAPE, "attention",
            "memory %s beside the input %s: should be […, S, width] of as many examples",
            gr_shape_text(from), gr_shape_text(in));
    if (o->heads < 1 || keys < 1 || o->heads % keys || o->head_width < 0)
        return gr_fault(graph, GR_INVALID, "attention",
                        "%lld heads with %lld heads of keys: should be a positive multiple",
                        (long long)o->heads, (long long)keys);
    if (!o->head_width && in.dim[in.rank - 1] % o->heads)
        return gr_fault(graph, GR_SHAPE, "attention",
                        "%lld heads do not divide the width of %s: set the heads' width",
                        (long long)o->heads, gr_shape_text(in));
    if (o->lengths && gr_shape_count(gr_node_shape(o->lengths)) != heads_front(in))
        return gr_fault(graph, GR_SHAPE, "attention",
                        "lengths %s beside the input %s: should be one for each example",
                        gr_shape_text(gr_node_shape(o->lengths)), gr_shape_text(in));
    if (!(o->dropout >= 0 && o->dropout < 1))
        return gr_fault(graph, GR_INVALID, "attention", "dropout %g: should be in [0, 1)",
                        o->dropout);
    if (o->lengths && o->mask && gr_node_dtype(o->mask) != GR_BOOL)
        return gr_fault(graph, GR_DTYPE, "attention", "lengths go with a mask of type bool, not %s",
                        gr_dtype_name(gr_node_dtype(o->mask)));
    return NULL;
}

static heads_sizes heads_sizes_of(gr_node *x, const gr_multi_head_options *o)
{
    const gr_shape in = gr_node_shape(x), from = o->memory ? gr_node_shape(o->memory) : in;
    heads_sizes s = {.batch = heads_front(in),
                     .queries = in.dim[in.rank - 2],
                     .keys = from.dim[from.rank - 2],
                     .heads = o->heads,
                     .key_heads = o->key_heads ? o->key_heads : o->heads,
                     .width = in.dim[in.rank - 1]};
    s.head = o->head_width ? o->head_width : s.width / s.heads;
    return s;
}

static gr_node *heads_project(gr_scope *scope, const char *name, gr_node *x, int64_t units,
                              bool no_bias, gr_init init)
{
    return gr_linear(scope, name, x, GR_DENSE(units, .no_bias = no_bias, .weight = init));
}

/* Columns [from, to) of the rows of a projection. */
static gr_node *heads_part(gr_node *rows, int64_t from, int64_t to)
{
    if (gr_is_error(rows)) return rows;
    const gr_shape shape = gr_node_shape(rows);
    int64_t start[GR_MAX_RANK] = {0}, stop[GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) stop[i] = shape.dim[i];
    start[shape.rank - 1] = from;
    stop[shape.rank - 1] = to;
    return gr_slice(rows, start, stop, NULL);
}

/* [N, heads, T, each] of [..., T, heads*each] */
static gr_node *heads_apart(gr_node *rows, const heads_sizes *s, int64_t heads, int64_t steps)
{
    return gr_permute(gr_reshape(rows, GR_SHAPE(s->batch, steps, heads, s->head)),
                      GR_AXES(0, 2, 1, 3));
}

/* Turned by their positions, head by head. */
static gr_node *heads_turn(gr_node *rows, const heads_sizes *s, int64_t heads, int64_t steps,
                           const gr_multi_head_options *o)
{
    if (!o->rotary) return rows;
    gr_node *apart = gr_reshape(rows, GR_SHAPE(s->batch, steps, heads, s->head));
    apart = gr_rotary(apart, GR_ROTARY(.axis = 1, .base = o->rotary_base));
    return gr_reshape(apart, gr_node_shape(rows));
}

/* The mask, the lengths, or both. */
static gr_node *heads_mask(const heads_sizes *s, const gr_multi_head_options *o)
{
    if (!o->lengths) return o->mask;
    gr_node *seen =
        gr_reshape(gr_sequence_mask(o->lengths, s->keys), GR_SHAPE(s->batch, 1, 1, s->keys));
    return o->mask ? gr_and(o->mask, seen) : seen;
}

/* What the heads make of the rows of projections; k and v may be NULL: q holds all. */
static gr_node *heads_attend(gr_scope *scope, gr_node *q, gr_node *k, gr_node *v,
                             const heads_sizes *s, const gr_multi_head_options *o)
{
    gr_attention_options options = {sizeof options, .causal = o->causal, .mask = heads_mask(s, o)};
    if (o->dropout > 0 && gr_scope_mode(scope) == GR_TRAIN) {
        options.dropout = o->dropout;
        options.stream =
            (gr_stream){scope->seed, gr_scope_path(scope, "dropout"), gr_scope_step(scope)};
    }
    if (gr_is_error(q)) return q;
    if (k && gr_is_error(k)) return k;
    if (options.mask && gr_is_error(options.mask)) return options.mask;
    if (!options.mask || gr_node_dtype(options.mask) == GR_BOOL) {
        const int64_t width = (k ? s->heads : s->heads + 2 * s->key_heads) * s->head;
        const gr_shape own = GR_SHAPE(s->batch, s->queries, width);
        const gr_shape other = GR_SHAPE(s->batch, s->keys, s->key_heads * s->head);
        return gr_attention_rows(gr_reshape(q, own), k ? gr_reshape(k, other) : NULL,
                                 v ? gr_reshape(v, other) : NULL, s->heads, s->key_heads, &options);
    }
    gr_node *y = gr_attention(heads_apart(q, s, s->heads, s->queries),
                              heads_apart(k, s, s->key_heads, s->keys),
                              heads_apart(v, s, s->key_heads, s->keys), &options);
    return gr_permute(y, GR_AXES(0, 2, 1, 3));
}

static gr_node *heads_build(gr_scope *scope, gr_node *x, const gr_multi_head_options *o)
{
    gr_node *fault = heads_refuse(scope, x, o);
    if (fault) return fault;
    const heads_sizes s = heads_sizes_of(x, o);
    const gr_init xavier = {GR_INIT_XAVIER, 0, 0};
    const gr_init init = o->weight.kind == GR_INIT_DEFAULT ? xavier : o->weight;
    const gr_init out = o->out.kind == GR_INIT_DEFAULT ? xavier : o->out;
    const int64_t own = s.heads * s.head, both = 2 * s.key_heads * s.head;
    const bool apart = o->rotary || (o->mask && gr_node_dtype(o->mask) != GR_BOOL);
    gr_node *q, *rest, *y;
    int64_t from = 0;
    if (o->memory) {
        q = heads_project(scope, "q", x, own, o->no_bias, init);
        rest = heads_project(scope, "kv", o->memory, both, o->no_bias, init);
    } else {
        q = rest = heads_project(scope, "qkv", x, own + both, o->no_bias, init);
        from = own;
        if (apart) q = heads_part(q, 0, own);
    }
    if (gr_is_error(q) || gr_is_error(rest)) return gr_is_error(q) ? q : rest;
    if (o->memory || apart) {
        gr_node *k = heads_part(rest, from, from + both / 2);
        y = heads_attend(scope, heads_turn(q, &s, s.heads, s.queries, o),
                         heads_turn(k, &s, s.key_heads, s.keys, o),
                         heads_part(rest, from + both / 2, from + both), &s, o);
    } else {
        y = heads_attend(scope, q, NULL, NULL, &s, o);
    }
    if (gr_is_error(y)) return y;
    gr_shape rows = gr_node_shape(x);
    rows.dim[rows.rank - 1] = own;
    y = gr_reshape(y, rows);
    return heads_project(scope, "out", y, s.width, o->no_bias, out);
}

gr_node *gr_multi_head_attention(gr_scope *scope, const char *name, gr_node *x,
                                 const gr_multi_head_options *options)
{
    name = gr_layer_begin(scope, "attention", name);
    return gr_layer_end(scope, name, heads_build(scope, x, options));
}
