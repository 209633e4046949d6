/* Words that order, choose and arrange elements. */
#include "lang/words.h"

static int index_axis(lang_call *call)
{
    return (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
}

/* ---- Order and running sums ------------------------------------------------------------------ */

gr_node *gr_lang_call_argsort(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_argsort(x, index_axis(call), gr_lang_arg_bool(call, "descending"));
}

gr_node *gr_lang_call_sort(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_sort(x, index_axis(call), gr_lang_arg_bool(call, "descending"));
}

static gr_node *index_top_k(lang_call *call, gr_node **places)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    int64_t k = gr_lang_arg_int(call, "k", 0, INT64_MAX);
    return gr_top_k(x, k, index_axis(call), gr_lang_arg_bool(call, "smallest"), places);
}

gr_node *gr_lang_call_topk(lang_call *call)
{
    return index_top_k(call, NULL);
}

gr_node *gr_lang_call_argtopk(lang_call *call)
{
    gr_node *places;
    index_top_k(call, &places);
    return places;
}

gr_node *gr_lang_call_cumsum(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    bool exclusive = gr_lang_arg_bool(call, "exclusive");
    return gr_cumsum(x, index_axis(call), exclusive, gr_lang_arg_bool(call, "reverse"));
}

gr_node *gr_lang_call_einsum(lang_call *call)
{
    const char *equation = gr_lang_arg_text(call, "equation");
    gr_node **x, *y = NULL;
    int n = gr_lang_arg_nodes(call, "x", &x);
    if (equation && call->builder->status == GR_OK) y = gr_einsum(equation, x, n);
    gr_free(x);
    return y;
}

/* ---- Choice and arrangement ------------------------------------------------------------------ */

gr_node *gr_lang_call_gather_along(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_node *index = gr_lang_arg_node_typed(call, "index", GR_I64);
    return gr_gather_along(x, index, index_axis(call));
}

gr_node *gr_lang_call_scatter_add_along(lang_call *call)
{
    gr_node *base = gr_lang_arg_node(call, "base");
    gr_node *index = gr_lang_arg_node_typed(call, "index", GR_I64);
    return gr_scatter_add_along(base, index, gr_lang_arg_node(call, "update"), index_axis(call));
}

gr_node *gr_lang_call_filter(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_filter(x, gr_lang_arg_node_typed(call, "mask", GR_BOOL), NULL);
}

gr_node *gr_lang_call_tile(lang_call *call)
{
    int64_t times[GR_MAX_RANK];
    gr_node *x = gr_lang_arg_node(call, "x");
    int n = gr_lang_arg_ints(call, "times", 1, INT64_MAX, times), rank = gr_node_shape(x).rank;
    if (call->builder->status != GR_OK || gr_is_error(x)) return x;
    if (n != rank) {
        return gr_lang_call_fail(call, GR_SHAPE, "times", "%d numbers for the axes of %s", n,
                                 gr_shape_text(gr_node_shape(x)));
    }
    return gr_tile(x, times);
}

gr_node *gr_lang_call_stack(lang_call *call)
{
    gr_node **x, *y = NULL;
    int n = gr_lang_arg_nodes(call, "x", &x), axis = index_axis(call);
    if (call->builder->status == GR_OK) y = gr_stack(x, n, axis);
    gr_free(x);
    return y;
}
