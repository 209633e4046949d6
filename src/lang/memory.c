/* The words of nets with a memory. */
#include "lang/layer.h"

#include <gradus/ntm.h>

gr_node *gr_lang_call_ntm(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int64_t heads = gr_lang_arg_int(call, "heads", 1, 64);
    const gr_ntm_options options = {
        .size = sizeof options,
        .out = gr_lang_arg_int(call, "out", 1, INT64_MAX),
        .units = gr_lang_arg_int(call, "units", 1, INT64_MAX),
        .memory = gr_lang_arg_int(call, "memory", 3, INT64_MAX),
        .width = gr_lang_arg_int(call, "width", 1, INT64_MAX),
        .reads =
            (int)(gr_lang_given(call, "reads") ? gr_lang_arg_int(call, "reads", 1, 64) : heads),
        .writes =
            (int)(gr_lang_given(call, "writes") ? gr_lang_arg_int(call, "writes", 1, 64) : heads),
        .shift = (int)gr_lang_arg_int(call, "shift", 1, 1024),
        .feedforward = gr_lang_arg_bool(call, "feedforward")};
    const char *name = gr_lang_layer_name(call, "ntm");
    return name ? gr_ntm(gr_lang_layer_scope(call), name, x, &options) : NULL;
}
