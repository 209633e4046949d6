/* The words of layers that walk along sequences. */
#include "lang/layer.h"

#include <gradus/recurrent.h>

/* ---- Recurrent layers --------------------------------------------------------------------- */

static gr_lstm_order sequence_order(lang_call *call)
{
    static const char *const words[] = {[GR_LSTM_IFGO] = "ifgo", [GR_LSTM_IFOG] = "ifog"};
    return (gr_lstm_order)gr_lang_arg_choice(call, "order", words, GR_LEN(words));
}

static gr_node *
sequence_recurrent(lang_call *call, const char *kind, bool relu, gr_lstm_order order,
                   gr_node *(*layer)(gr_scope *, const char *, gr_node *, const gr_rnn_options *))
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_rnn_options options = {.size = sizeof options,
                              .units = gr_lang_arg_int(call, "units", 1, INT64_MAX),
                              .layers = (int)gr_lang_arg_int(call, "layers", 1, 64),
                              .bidirectional = gr_lang_arg_bool(call, "bidirectional"),
                              .last = gr_lang_arg_bool(call, "last"),
                              .carry = gr_lang_arg_bool(call, "carry"),
                              .no_bias = !gr_lang_arg_bool(call, "bias"),
                              .time_major = gr_lang_arg_bool(call, "time_major"),
                              .order = order,
                              .dropout = gr_lang_arg_real(call, "dropout"),
                              .relu = relu};
    if (gr_lang_given(call, "lengths")) options.lengths = gr_lang_arg_node(call, "lengths");
    if (gr_lang_given(call, "cont")) options.cont = gr_lang_arg_node(call, "cont");
    if (!(options.dropout >= 0 && options.dropout < 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "dropout", "dropout is in [0, 1), not %g",
                                 options.dropout);
    }
    const char *name = gr_lang_layer_name(call, kind);
    return name ? layer(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_lstm(lang_call *call)
{
    return sequence_recurrent(call, "lstm", false, sequence_order(call), gr_lstm);
}

gr_node *gr_lang_call_gru(lang_call *call)
{
    return sequence_recurrent(call, "gru", false, GR_LSTM_IFGO, gr_gru);
}

gr_node *gr_lang_call_rnn(lang_call *call)
{
    return sequence_recurrent(call, "rnn", gr_lang_arg_bool(call, "relu"), GR_LSTM_IFGO, gr_rnn);
}

/* ---- Cells -------------------------------------------------------------------------------- */

gr_node *gr_lang_call_lstm_unit(lang_call *call)
{
    gr_node *gates = gr_lang_arg_node(call, "gates"), *c = gr_lang_arg_node(call, "c");
    gr_node *cont = gr_lang_given(call, "cont") ? gr_lang_arg_node(call, "cont") : NULL;
    gr_node *state[2];
    state[0] = gr_lstm_unit(gates, c, cont, sequence_order(call), &state[1]);
    return gr_stack(state, 2, 0);
}
