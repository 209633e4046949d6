/* Functions of the language whose arguments are more than one or two nodes. */
#include "lang/words.h"

/* ---- Element by element ------------------------------------------------------------------- */

gr_node *gr_lang_call_leaky_relu(lang_call *call)
{
    return gr_leaky_relu(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "slope"));
}

gr_node *gr_lang_call_elu(lang_call *call)
{
    return gr_elu(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "alpha"));
}

gr_node *gr_lang_call_clip(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_clip(x, gr_lang_arg_real(call, "low"), gr_lang_arg_real(call, "high"));
}

gr_node *gr_lang_call_cast(lang_call *call)
{
    const char *name = gr_lang_arg_text(call, "type");
    gr_dtype dtype = name ? gr_dtype_find(name) : GR_DTYPE_COUNT;
    if (name && dtype == GR_DTYPE_COUNT) {
        return gr_lang_call_fail(call, GR_SYNTAX, "type",
                                 "there is no element type '%s': take f64, f32, i64, "
                                 "i32, u8 or bool",
                                 gr_lang_quote(name, strlen(name)));
    }
    return name ? gr_cast(gr_lang_arg_node(call, "x"), dtype) : NULL;
}

gr_node *gr_lang_call_pow(lang_call *call)
{
    return gr_lang_power(call->builder, call->bound.arg[0]->value, call->bound.arg[1]->value);
}

gr_node *gr_lang_call_where(lang_call *call)
{
    gr_node *condition = gr_lang_arg_node(call, "condition"), *a = gr_lang_arg_node(call, "a");
    return gr_where(condition, a, gr_lang_arg_node(call, "b"));
}

/* ---- Reductions --------------------------------------------------------------------------- */

static gr_axes gates_axes(lang_call *call, const char *name)
{
    int64_t axes[GR_MAX_RANK];
    gr_axes result = {.count = -1};
    if (!gr_lang_given(call, name)) return result;
    result.count = gr_lang_arg_ints(call, name, -GR_MAX_RANK, GR_MAX_RANK - 1, axes);
    for (int i = 0; i < result.count; i++) result.axis[i] = (int)axes[i];
    return result;
}

static gr_node *gates_reduce(lang_call *call, gr_node *(*reduce)(gr_node *, gr_axes))
{
    gr_axes axes = gates_axes(call, "axis");
    axes.keep = gr_lang_arg_bool(call, "keep");
    return reduce(gr_lang_arg_node(call, "x"), axes);
}

gr_node *gr_lang_call_sum(lang_call *call)
{
    return gates_reduce(call, gr_sum);
}

gr_node *gr_lang_call_mean(lang_call *call)
{
    return gates_reduce(call, gr_mean);
}

gr_node *gr_lang_call_prod(lang_call *call)
{
    return gates_reduce(call, gr_prod);
}

/* max(x, y) element by element, max(x, axis=…) along axes. */
static gr_node *gates_extreme(lang_call *call, gr_node *(*pair)(gr_node *, gr_node *),
                              gr_node *(*reduce)(gr_node *, gr_axes))
{
    if (!gr_lang_given(call, "y")) return gates_reduce(call, reduce);
    if (gr_lang_given(call, "axis") || gr_lang_given(call, "keep")) {
        return gr_lang_call_fail(call, GR_SYNTAX, "y",
                                 "of two values it goes element by element, along axes it "
                                 "takes one value");
    }
    gr_node *x = gr_lang_arg_node(call, "x");
    return pair(x, gr_lang_arg_node(call, "y"));
}

gr_node *gr_lang_call_max(lang_call *call)
{
    return gates_extreme(call, gr_maximum, gr_max);
}

gr_node *gr_lang_call_min(lang_call *call)
{
    return gates_extreme(call, gr_minimum, gr_min);
}

static gr_node *gates_along(lang_call *call, gr_node *(*along)(gr_node *, int))
{
    int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
    return along(gr_lang_arg_node(call, "x"), axis);
}

gr_node *gr_lang_call_argmax(lang_call *call)
{
    return gates_along(call, gr_argmax);
}

gr_node *gr_lang_call_argmin(lang_call *call)
{
    return gates_along(call, gr_argmin);
}

gr_node *gr_lang_call_logsumexp(lang_call *call)
{
    return gates_along(call, gr_logsumexp);
}

gr_node *gr_lang_call_softmax(lang_call *call)
{
    return gates_along(call, gr_softmax);
}

gr_node *gr_lang_call_log_softmax(lang_call *call)
{
    return gates_along(call, gr_log_softmax);
}

/* ---- Movement ----------------------------------------------------------------------------- */

static gr_shape gates_shape(lang_call *call, const char *name, int64_t low)
{
    gr_shape shape = GR_SCALAR;
    shape.rank = gr_lang_arg_ints(call, name, low, INT64_MAX, shape.dim);
    return shape;
}

gr_node *gr_lang_call_reshape(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_reshape(x, gates_shape(call, "sizes", -1));
}

gr_node *gr_lang_call_broadcast(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_broadcast(x, gates_shape(call, "sizes", 0));
}

gr_node *gr_lang_call_flatten(lang_call *call)
{
    return gr_flatten(gr_lang_arg_node(call, "x"),
                      (int)gr_lang_arg_int(call, "from", 0, GR_MAX_RANK));
}

gr_node *gr_lang_call_permute(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_permute(x, gates_axes(call, "axes"));
}

gr_node *gr_lang_call_concat(lang_call *call)
{
    gr_node **parts;
    int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
    int n = gr_lang_arg_nodes(call, "x", &parts);
    gr_node *node = n > 0 ? gr_concat(parts, n, axis) : NULL;
    gr_free(parts);
    return node;
}

/* One count for all axes, or one for each. */
static bool gates_each_axis(lang_call *call, const char *name, int rank, int64_t *out)
{
    int n = gr_lang_arg_ints(call, name, 0, INT64_MAX, out);
    if (call->builder->status != GR_OK) return false;
    if (n != 1 && n != rank) {
        gr_lang_call_fail(call, GR_SHAPE, name, "%s has %d numbers for %d axes", name, n, rank);
        return false;
    }
    for (int i = n; i < rank; i++) out[i] = out[0];
    return true;
}

gr_node *gr_lang_call_pad(lang_call *call)
{
    int64_t before[GR_MAX_RANK], after[GR_MAX_RANK];
    gr_node *x = gr_lang_arg_node(call, "x");
    int rank = gr_node_shape(x).rank;
    if (gr_is_error(x) || !gates_each_axis(call, "before", rank, before)) return x;
    const char *last = gr_lang_given(call, "after") ? "after" : "before";
    if (!gates_each_axis(call, last, rank, after)) return x;
    return gr_pad(x, before, after, NULL, gr_lang_arg_real(call, "value"));
}

gr_node *gr_lang_call_gather(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"),
            *index = gr_lang_arg_node_typed(call, "index", GR_I64);
    return gr_gather(x, index, (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1));
}

gr_node *gr_lang_call_scatter_add(lang_call *call)
{
    gr_node *base = gr_lang_arg_node(call, "base"), *update = gr_lang_arg_node(call, "update");
    gr_node *index = gr_lang_arg_node_typed(call, "index", GR_I64);
    return gr_scatter_add(base, index, update,
                          (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1));
}

gr_node *gr_lang_call_one_hot(lang_call *call)
{
    gr_node *index = gr_lang_arg_node_typed(call, "index", GR_I64);
    return gr_one_hot(index, gr_lang_arg_int(call, "depth", 0, INT64_MAX),
                      call->builder->env.dtype);
}
