/* Tables of rows: of tokens, and of their positions. */
#include "nn/scope.h"

#include <gradus/attention.h>

/* ---- Tokens --------------------------------------------------------------------------------- */

static gr_node *embedding_build(gr_scope *scope, gr_node *tokens, const gr_embedding_options *o)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(tokens)) return tokens;
    const gr_dtype dtype = gr_node_dtype(tokens);
    if (o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "embedding", "gr_embedding_options.size is wrong");
    if (dtype != GR_I32 && dtype != GR_I64)
        return gr_fault(graph, GR_DTYPE, "embedding", "the tokens are %s%s: should be i32 or i64",
                        gr_dtype_name(dtype), gr_shape_text(gr_node_shape(tokens)));
    if (o->count < 1 || o->width < 1)
        return gr_fault(graph, GR_INVALID, "embedding",
                        "a table of %lld rows of %lld: both should be positive",
                        (long long)o->count, (long long)o->width);
    const gr_init normal = {GR_INIT_NORMAL, 0, 1}, zero = {GR_INIT_CONSTANT, 0, 0};
    gr_node *table =
        gr_param(scope, "weight", GR_SHAPE(o->count, o->width),
                 o->weight.kind == GR_INIT_DEFAULT ? normal : o->weight, o->count, o->width);
    gr_node *rows = gr_gather(table, tokens, 0);
    if (!o->bias) return rows;
    gr_name(rows, gr_scope_path(scope, "rows")); /* by which a message calls it */
    return gr_add(rows, gr_param(scope, "bias", GR_SHAPE(o->width), zero, o->count, o->width));
}

gr_node *gr_embedding(gr_scope *scope, const char *name, gr_node *tokens,
                      const gr_embedding_options *options)
{
    name = gr_layer_begin(scope, "embedding", name);
    return gr_layer_end(scope, name, embedding_build(scope, tokens, options));
}

/* ---- Positions ------------------------------------------------------------------------------ */

static gr_node *positions_build(gr_scope *scope, gr_node *x, const gr_positions_options *o)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (o && o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "positions", "gr_positions_options.size is wrong");
    if (in.rank < 2)
        return gr_fault(graph, GR_SHAPE, "positions", "the input is %s: should be […, T, width]",
                        gr_shape_text(in));
    const int64_t steps = in.dim[in.rank - 2], width = in.dim[in.rank - 1];
    const int64_t length = o && o->length ? o->length : steps;
    if (steps > length)
        return gr_fault(graph, GR_SHAPE, "positions",
                        "%lld steps in %s, but the table has %lld positions", (long long)steps,
                        gr_shape_text(in), (long long)length);
    const gr_init small = {GR_INIT_NORMAL, 0, 0.02};
    gr_node *table =
        gr_param(scope, "weight", GR_SHAPE(length, width),
                 o && o->weight.kind != GR_INIT_DEFAULT ? o->weight : small, length, width);
    if (steps < length) table = gr_slice(table, (int64_t[]){0, 0}, (int64_t[]){steps, width}, NULL);
    return gr_add(x, table);
}

gr_node *gr_positions(gr_scope *scope, const char *name, gr_node *x,
                      const gr_positions_options *options)
{
    name = gr_layer_begin(scope, "positions", name);
    return gr_layer_end(scope, name, positions_build(scope, x, options));
}
