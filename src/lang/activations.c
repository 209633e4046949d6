/* Activations with arguments, and Caffe's elementwise layers. */
#include "lang/words.h"

gr_node *gr_lang_call_silu(lang_call *call)
{
    return gr_silu(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "beta"));
}

gr_node *gr_lang_call_celu(lang_call *call)
{
    return gr_celu(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "alpha"));
}

gr_node *gr_lang_call_threshold(lang_call *call)
{
    return gr_threshold(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "threshold"));
}

gr_node *gr_lang_call_glu(lang_call *call)
{
    int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
    return gr_glu(gr_lang_arg_node(call, "x"), axis);
}

gr_node *gr_lang_call_maxout(lang_call *call)
{
    int64_t pieces = gr_lang_arg_int(call, "pieces", 1, INT64_MAX);
    int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
    return gr_maxout(gr_lang_arg_node(call, "x"), pieces, axis);
}

/* ---- Caffe's --------------------------------------------------------------------------------- */

gr_node *gr_lang_call_power(lang_call *call)
{
    return gr_power(gr_lang_arg_node(call, "x"), gr_lang_arg_real(call, "power"),
                    gr_lang_arg_real(call, "scale"), gr_lang_arg_real(call, "shift"));
}

/* Without further arguments the primitive itself, so that circuits show one gate. */
static bool activations_plain(const lang_call *call)
{
    return !gr_lang_given(call, "base") && !gr_lang_given(call, "scale") &&
           !gr_lang_given(call, "shift");
}

gr_node *gr_lang_call_exp(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    if (activations_plain(call)) return gr_exp(x);
    return gr_exp_base(x, gr_lang_arg_real(call, "base"), gr_lang_arg_real(call, "scale"),
                       gr_lang_arg_real(call, "shift"));
}

gr_node *gr_lang_call_log(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    if (activations_plain(call)) return gr_log(x);
    return gr_log_base(x, gr_lang_arg_real(call, "base"), gr_lang_arg_real(call, "scale"),
                       gr_lang_arg_real(call, "shift"));
}

gr_node *gr_lang_call_eltwise(lang_call *call)
{
    static const char *const words[] = {"sum", "prod", "max"};
    const char *operation = gr_lang_arg_text(call, "operation");
    double coefficients[GR_MAX_RANK];
    int kind = 0, given = gr_lang_arg_reals(call, "coefficients", coefficients);
    while (operation && kind < 3 && strcmp(operation, words[kind]) != 0) kind++;
    if (kind == 3) {
        return gr_lang_call_fail(call, GR_SYNTAX, "operation",
                                 "operation is \"sum\", \"prod\" or \"max\"");
    }
    gr_node **x;
    int n = gr_lang_arg_nodes(call, "x", &x);
    gr_node *y = NULL;
    if (given != 0 && given != n) {
        gr_lang_call_fail(call, GR_SYNTAX, "coefficients", "%d coefficients for %d inputs", given,
                          n);
    } else if (call->builder->status == GR_OK) {
        y = gr_eltwise(x, n, (gr_eltwise_kind)kind, given ? coefficients : NULL);
    }
    gr_free(x);
    return y;
}
