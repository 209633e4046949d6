/* The words of transformers. */
#include "lang/layer.h"

#include <gradus/attention.h>
#include <gradus/layers.h>

gr_node *gr_lang_call_linear(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_dense_options options = {.size = sizeof options,
                                      .units = gr_lang_arg_int(call, "units", 1, INT64_MAX),
                                      .no_bias = !gr_lang_arg_bool(call, "bias"),
                                      .weight = gr_lang_layer_init(call)};
    const char *name = gr_lang_layer_name(call, "linear");
    return name ? gr_linear(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_embedding(lang_call *call)
{
    gr_node *tokens = gr_lang_arg_node_typed(call, "x", GR_I64);
    const gr_embedding_options options = {.size = sizeof options,
                                          .count = gr_lang_arg_int(call, "count", 1, INT64_MAX),
                                          .width = gr_lang_arg_int(call, "width", 1, INT64_MAX),
                                          .bias = gr_lang_arg_bool(call, "bias"),
                                          .weight = gr_lang_layer_init(call)};
    const char *name = gr_lang_layer_name(call, "embedding");
    return name ? gr_embedding(gr_lang_layer_scope(call), name, tokens, &options) : NULL;
}

gr_node *gr_lang_call_positions(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_positions_options options = {.size = sizeof options, .weight = gr_lang_layer_init(call)};
    if (gr_lang_given(call, "length"))
        options.length = gr_lang_arg_int(call, "length", 1, INT64_MAX);
    const char *name = gr_lang_layer_name(call, "positions");
    return name ? gr_positions(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

/* ---- Normalisation of each example ----------------------------------------------------------- */

typedef gr_node *attention_norm(gr_scope *, const char *, gr_node *, const gr_layer_norm_options *);

static gr_node *attention_norm_call(lang_call *call, const char *kind, attention_norm *layer)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_layer_norm_options options = {.size = sizeof options,
                                           .axes =
                                               (int)gr_lang_arg_int(call, "axes", 1, GR_MAX_RANK),
                                           .epsilon = gr_lang_arg_real(call, "epsilon"),
                                           .no_affine = !gr_lang_arg_bool(call, "affine")};
    if (!(options.epsilon > 0)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "epsilon", "epsilon is positive, not %g",
                                 options.epsilon);
    }
    const char *name = gr_lang_layer_name(call, kind);
    return name ? layer(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_layernorm(lang_call *call)
{
    return attention_norm_call(call, "layernorm", gr_layer_norm);
}

gr_node *gr_lang_call_rmsnorm(lang_call *call)
{
    return attention_norm_call(call, "rmsnorm", gr_rms_norm);
}

/* ---- Attention ------------------------------------------------------------------------------- */

gr_node *gr_lang_call_attention(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_init init = gr_lang_layer_init(call);
    gr_multi_head_options options = {.size = sizeof options,
                                     .heads = gr_lang_arg_int(call, "heads", 1, INT64_MAX),
                                     .causal = gr_lang_arg_bool(call, "causal"),
                                     .no_bias = !gr_lang_arg_bool(call, "bias"),
                                     .weight = init,
                                     .out = init};
    if (gr_lang_given(call, "key_heads"))
        options.key_heads = gr_lang_arg_int(call, "key_heads", 1, INT64_MAX);
    if (gr_lang_given(call, "head_width"))
        options.head_width = gr_lang_arg_int(call, "head_width", 1, INT64_MAX);
    if (gr_lang_given(call, "memory")) options.memory = gr_lang_arg_node(call, "memory");
    options.rotary = gr_lang_arg_bool(call, "rotary");
    options.dropout = gr_lang_arg_real(call, "dropout");
    if (!(options.dropout >= 0 && options.dropout < 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "dropout", "dropout is in [0, 1), not %g",
                                 options.dropout);
    }
    if (gr_lang_given(call, "lengths"))
        options.lengths = gr_lang_arg_node_typed(call, "lengths", GR_I64);
    if (gr_lang_given(call, "mask")) options.mask = gr_lang_arg_node(call, "mask");
    const char *name = gr_lang_layer_name(call, "attention");
    return name ? gr_multi_head_attention(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

/* ---- Positions and lengths ------------------------------------------------------------------- */

gr_node *gr_lang_call_rotary(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_rotary_options options = {
        .size = sizeof options,
        .axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK),
        .first = gr_lang_arg_int(call, "first", 0, INT64_MAX),
        .base = gr_lang_arg_real(call, "base"),
        .interleaved = gr_lang_arg_bool(call, "interleaved")};
    return gr_rotary(x, &options);
}

gr_node *gr_lang_call_sequence_mask(lang_call *call)
{
    gr_node *lengths = gr_lang_arg_node_typed(call, "lengths", GR_I64);
    return gr_sequence_mask(lengths, gr_lang_arg_int(call, "steps", 0, INT64_MAX));
}
