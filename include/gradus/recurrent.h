/* recurrent.h: recurrent layers, and their cells for loops of your own.
 *
 * A layer is one loop (gr_scan) over the steps of its sequences, so the graph does not grow with
 * their length; the products with the inputs of all steps are one product before the loop.
 *
 * Parameters have PyTorch's names, shapes and order of gates, so that weights trained there can be
 * loaded by name: "name/weight_ih_l0" [G·H, C], "name/weight_hh_l0" [G·H, H], "name/bias_ih_l0" and
 * "name/bias_hh_l0" [G·H], for each layer l0, l1, …, those of the other direction with "_reverse"
 * behind; G = 1, 4 and 3 for RNN, LSTM and GRU, H = units. As there, all start at
 * U(−1/√H, 1/√H).
 *
 *   rnn   h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh), or relu                    Elman 1990
 *   lstm  i, f, g, o = the four rows of W_ih·x + b_ih + W_hh·h + b_hh;
 *         c' = σ(f)·c + σ(i)·tanh(g),  h' = σ(o)·tanh(c')      Hochreiter and Schmidhuber 1997,
 *                                                                 Gers et al. 2000
 *   gru   r, z, n: r = σ(W_r·x + b_ir + U_r·h + b_hr), z likewise,
 *         n = tanh(W_n·x + b_in + r·(U_n·h + b_hn)),  h' = (1−z)·n + z·h       Cho et al. 2014 */
#ifndef GRADUS_RECURRENT_H
#define GRADUS_RECURRENT_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Layers ------------------------------------------------------------------------------- */

/* The state of a layer: h and, of an LSTM, c; each [layers·directions, N, units], the layers in
 * order, forward before backward. */
typedef struct gr_rnn_state {
    gr_node *h; /* what the layer gives */
    gr_node *c; /* the cells of an LSTM; else NULL */
} gr_rnn_state;

typedef struct gr_rnn_options {
    size_t size;
    int64_t units;       /* H ≥ 1 */
    int layers;          /* one on top of the other; 0 means 1 */
    bool bidirectional;  /* a second loop runs backwards; results are joined: [forward, backward] */
    bool time_major;     /* x is [T, N, C], cont [T, N], the result [T, N, H] */
    bool relu;           /* gr_rnn: relu for tanh */
    gr_lstm_order order; /* gr_lstm: of the gates in the parameters */
    bool no_bias;        /* neither bias_ih nor bias_hh */
    /* The state after the last step of each sequence, [N, H], in place of all steps'; of the
     * backward direction that after its last step, which is the sequence's first. */
    bool last;
    /* Truncated backpropagation: the state at the end of a step (of training or of evaluation, if
     * the scope's updates are compiled) is where the next begins; no gradient goes that far. It is
     * kept in the variables "name/carry/MODE_N/h_l0", "…/c_l0", …, MODE being train or eval, N the
     * batch's size; all begin with zeros, and gr_rnn_reset puts them back. */
    bool carry;
    double dropout; /* of what passes from one layer to the next, while training */
    /* i32 or i64 [N], from 1 to T, or the step fails with GR_RANGE: a shorter sequence keeps its
     * state after its end, and its outputs there are 0. NULL: all have T steps. */
    gr_node *lengths;
    /* As Caffe's cont, [N, T] of any type: 0 where a sequence begins (the state before that step
     * counts as zero), 1 where one continues. */
    gr_node *cont;
    gr_rnn_state initial; /* NULL: zeros. Not with carry. */
    gr_init weight, bias; /* start values; unless set U(−1/√H, 1/√H) */
    gr_rnn_state *final;  /* if not NULL, receives the state after the last step */
} gr_rnn_options;

/* x [N, T, C] → [N, T, H] (2·H in both directions), or with `last` [N, H]. f32, as all layers.
 * Refused: units or layers < 1, T = 0, lengths, cont or a state of another shape (GR_SHAPE), carry
 * in both directions or with an initial state (GR_INVALID). */
GR_API gr_node *gr_rnn(gr_scope *scope, const char *name, gr_node *x,
                       const gr_rnn_options *options);
GR_API gr_node *gr_lstm(gr_scope *scope, const char *name, gr_node *x,
                        const gr_rnn_options *options);
GR_API gr_node *gr_gru(gr_scope *scope, const char *name, gr_node *x,
                       const gr_rnn_options *options);
/* gr_lstm(s, "lstm", x, GR_RNN(256, .layers = 2)) */
#define GR_RNN(...) (&(gr_rnn_options){.size = sizeof(gr_rnn_options), .units = __VA_ARGS__})

/* Sets the carried states of the layer with that full name to zero; NULL: of all layers. To be
 * called between steps, where the next batch does not continue the last one: at the start of an
 * epoch, before an evaluation. */
GR_API gr_status gr_rnn_reset(gr_store *store, const char *name);

/* ---- Cells -------------------------------------------------------------------------------- */

/* The parameters of one layer and direction as nodes: variables, or captures in a loop's body.
 * Biases may be NULL. */
typedef struct gr_rnn_weights {
    gr_node *weight_ih; /* [G·H, C] */
    gr_node *weight_hh; /* [G·H, H] */
    gr_node *bias_ih;   /* [G·H] */
    gr_node *bias_hh;   /* [G·H] */
} gr_rnn_weights;

/* Which cell. */
typedef enum gr_rnn_kind {
    GR_RNN_TANH, /* G = 1 */
    GR_RNN_RELU, /* G = 1 */
    GR_RNN_LSTM, /* G = 4 */
    GR_RNN_GRU   /* G = 3 */
} gr_rnn_kind;

/* Parameters "weight_ih", … in the scope for inputs of width `in`, as the layers make them. */
GR_API gr_rnn_weights gr_rnn_params(gr_scope *scope, gr_rnn_kind kind, int64_t in, int64_t units);

/* One step: x [N, C] and the state h (of an LSTM also c) [N, H] → h'; *c_next is c'. */
GR_API gr_node *gr_rnn_cell(gr_node *x, gr_node *h, const gr_rnn_weights *weights, bool relu);
GR_API gr_node *gr_lstm_cell(gr_node *x, gr_node *h, gr_node *c, const gr_rnn_weights *weights,
                             gr_node **c_next);
GR_API gr_node *gr_gru_cell(gr_node *x, gr_node *h, const gr_rnn_weights *weights);

/* The cell without its products (gr_lstm_gates), Caffe's LSTMUnit: gates [N, 4·H] before their σ
 * and tanh, c [N, H] → h'; *c_next is c'. `cont` [N] of any type (NULL: all 1): 0 forgets c. */
GR_API gr_node *gr_lstm_unit(gr_node *gates, gr_node *c, gr_node *cont, gr_lstm_order order,
                             gr_node **c_next);

#ifndef GR_NO_PLACES
#define gr_rnn(...) gr_at((gr_rnn)(__VA_ARGS__), GR_PLACE)
#define gr_lstm(...) gr_at((gr_lstm)(__VA_ARGS__), GR_PLACE)
#define gr_gru(...) gr_at((gr_gru)(__VA_ARGS__), GR_PLACE)
#define gr_rnn_cell(...) gr_at((gr_rnn_cell)(__VA_ARGS__), GR_PLACE)
#define gr_lstm_cell(...) gr_at((gr_lstm_cell)(__VA_ARGS__), GR_PLACE)
#define gr_gru_cell(...) gr_at((gr_gru_cell)(__VA_ARGS__), GR_PLACE)
#define gr_lstm_unit(...) gr_at((gr_lstm_unit)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
