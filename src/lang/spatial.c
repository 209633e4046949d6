/* The words of layers on images and their like, [N, C, space...]: normalisations that own no
 * parameters. */
#include "lang/layer.h"

gr_node *gr_lang_call_lrn(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int64_t size = gr_lang_arg_int(call, "size", 1, INT32_MAX);
    const double alpha = gr_lang_arg_real(call, "alpha"), beta = gr_lang_arg_real(call, "beta");
    const double k = gr_lang_arg_real(call, "k");
    if (!gr_lang_arg_bool(call, "within")) return gr_lrn(x, size, alpha, beta, k);
    if (k != 1) return gr_lang_call_fail(call, GR_SYNTAX, "k", "within channels k is 1, not %g", k);
    return gr_lrn_within(x, size, alpha, beta);
}
