/* What recurrent layers share with their cells. Internal. */
#ifndef GR_NN_CELLS_H
#define GR_NN_CELLS_H

#include "nn/scope.h"

#include <math.h>
#include <stdio.h>

#include <gradus/recurrent.h>

/* Rows of the weights per unit. */
int64_t gr_rnn_gates(gr_rnn_kind kind);
/* "weight_ih" + suffix and so on, by the options' units and initialisers. */
gr_rnn_weights gr_rnn_params_of(gr_scope *scope, gr_rnn_kind kind, int64_t in,
                                const gr_rnn_options *options, const char *suffix);
/* The next state of a GRU from its products with the input, gx, and the state, gh [N, 3·H];
 * bias_hn [H] belongs to the last third of gh (NULL: gh has it). */
gr_node *gr_gru_gates(gr_node *gx, gr_node *gh, gr_node *bias_hn, gr_node *h);

#endif
