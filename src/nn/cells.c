/* The cells of recurrent layers: one step, as gates. */
#include "nn/cells.h"

static gr_node *cell_affine(gr_node *x, gr_node *weight, gr_node *bias)
{
    gr_node *y = gr_matmul_t(x, false, weight, true);
    return bias ? gr_add(y, bias) : y;
}

/* ---- LSTM --------------------------------------------------------------------------------- */

/* `cont` [N] of any type as [N, 1] of x's, x [N, H]. */
static gr_node *cell_column(gr_node *cont, gr_node *x)
{
    if (gr_is_error(cont) || gr_is_error(x)) return gr_is_error(cont) ? cont : x;
    const gr_shape shape = gr_node_shape(x), wanted = {.rank = 1, .dim = {shape.dim[0]}};
    if (shape.rank != 2 || !gr_shape_equal(gr_node_shape(cont), wanted))
        return gr_fault(gr_node_graph(x), GR_SHAPE, "lstm_unit",
                        "cont is %s with c %s: should be [N] with [N, H]",
                        gr_shape_text(gr_node_shape(cont)), gr_shape_text(shape));
    cont = gr_reshape(cont, GR_SHAPE(shape.dim[0], 1));
    return gr_node_dtype(cont) == gr_node_dtype(x) ? cont : gr_cast(cont, gr_node_dtype(x));
}

gr_node *gr_lstm_unit(gr_node *gates, gr_node *c, gr_node *cont, gr_lstm_order order,
                      gr_node **c_next)
{
    *c_next = gates;
    if (gr_is_error(gates)) return gates;
    gr_graph *graph = gr_node_graph(gates);
    gr_composite_begin(graph, "lstm_unit");
    if (cont) c = gr_mul(c, cell_column(cont, c));
    gr_node *h = gr_lstm_gates(gates, NULL, c, order, c_next);
    gr_composite_end(graph);
    return h;
}

gr_node *gr_lstm_cell(gr_node *x, gr_node *h, gr_node *c, const gr_rnn_weights *w, gr_node **c_next)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "lstm_cell");
    gr_node *gates =
        gr_add(cell_affine(x, w->weight_ih, w->bias_ih), cell_affine(h, w->weight_hh, w->bias_hh));
    h = gr_lstm_unit(gates, c, NULL, GR_LSTM_IFGO, c_next);
    gr_composite_end(graph);
    return h;
}

/* ---- GRU ---------------------------------------------------------------------------------- */

gr_node *gr_gru_gates(gr_node *gx, gr_node *gh, gr_node *bias_hn, gr_node *h)
{
    gr_node *x = gr_split(gx, 3, 1), *u = gr_split(gh, 3, 1), *inner = gr_get(u, 2);
    gr_node *r = gr_sigmoid(gr_add(gr_get(x, 0), gr_get(u, 0)));
    gr_node *z = gr_sigmoid(gr_add(gr_get(x, 1), gr_get(u, 1)));
    if (bias_hn) inner = gr_add(inner, bias_hn);
    gr_node *n = gr_tanh(gr_add(gr_get(x, 2), gr_mul(r, inner)));
    return gr_add(n, gr_mul(z, gr_sub(h, n)));
}

gr_node *gr_gru_cell(gr_node *x, gr_node *h, const gr_rnn_weights *w)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "gru_cell");
    gr_node *next = gr_gru_gates(cell_affine(x, w->weight_ih, w->bias_ih),
                                 cell_affine(h, w->weight_hh, w->bias_hh), NULL, h);
    gr_composite_end(graph);
    return next;
}

/* ---- RNN ---------------------------------------------------------------------------------- */

gr_node *gr_rnn_cell(gr_node *x, gr_node *h, const gr_rnn_weights *w, bool relu)
{
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "rnn_cell");
    gr_node *sum =
        gr_add(cell_affine(x, w->weight_ih, w->bias_ih), cell_affine(h, w->weight_hh, w->bias_hh));
    gr_node *next = relu ? gr_relu(sum) : gr_tanh(sum);
    gr_composite_end(graph);
    return next;
}

/* ---- Parameters --------------------------------------------------------------------------- */

int64_t gr_rnn_gates(gr_rnn_kind kind)
{
    return kind == GR_RNN_LSTM ? 4 : kind == GR_RNN_GRU ? 3 : 1;
}

static gr_node *cell_param(gr_scope *scope, const char *what, const char *suffix, gr_shape shape,
                           gr_init init)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", what, suffix);
    const int64_t in = shape.dim[shape.rank - 1];
    return gr_param(scope, name, shape, init, in, shape.dim[0]);
}

gr_rnn_weights gr_rnn_params_of(gr_scope *scope, gr_rnn_kind kind, int64_t in,
                                const gr_rnn_options *o, const char *suffix)
{
    const double k = 1 / sqrt((double)o->units);
    const gr_init start = {GR_INIT_UNIFORM, -k, k};
    const gr_init weight = o->weight.kind == GR_INIT_DEFAULT ? start : o->weight;
    const gr_init bias = o->bias.kind == GR_INIT_DEFAULT ? start : o->bias;
    const int64_t rows = gr_rnn_gates(kind) * o->units;
    gr_rnn_weights w = {
        .weight_ih = cell_param(scope, "weight_ih", suffix, GR_SHAPE(rows, in), weight),
        .weight_hh = cell_param(scope, "weight_hh", suffix, GR_SHAPE(rows, o->units), weight)};
    if (o->no_bias) return w;
    w.bias_ih = cell_param(scope, "bias_ih", suffix, GR_SHAPE(rows), bias);
    w.bias_hh = cell_param(scope, "bias_hh", suffix, GR_SHAPE(rows), bias);
    return w;
}

gr_rnn_weights gr_rnn_params(gr_scope *scope, gr_rnn_kind kind, int64_t in, int64_t units)
{
    if (in < 1 || units < 1) {
        gr_node *fault = gr_fault(gr_scope_graph(scope), GR_INVALID, "rnn_params",
                                  "%lld inputs and %lld units: should be positive", (long long)in,
                                  (long long)units);
        return (gr_rnn_weights){fault, fault, fault, fault};
    }
    return gr_rnn_params_of(scope, kind, in, GR_RNN(units), "");
}
