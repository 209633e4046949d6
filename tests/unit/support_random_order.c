/* Random graphs: order and running sums, conditions on the data, sequences and attention. */
#include "support_random.h"

static int64_t order_count(const gr_node *node)
{
    return gr_shape_count(gr_node_shape(node));
}

/* By the order of a leaf: its numbers are the same in every precision, so no two change places. */
static void order_sort(random_graph *r)
{
    const random_value *v = random_pick(r);
    const gr_shape shape = gr_node_shape(v->node);
    if (shape.rank == 0 || order_count(v->node) > RANDOM_ELEMENTS / 8) return;
    const int axis = (int)random_from(r, 0, shape.rank - 1);
    const bool descending = random_one_in(r, 2), scatter = random_one_in(r, 3);
    gr_node *by = random_leaf(r, shape);
    if (!by) return;
    gr_node *places = gr_argsort(by, axis, descending);
    if (scatter) {
        gr_node *sum = gr_scatter_add_along(v->node, places, gr_scale(v->node, 0.3), axis);
        random_put(r, sum, 2 * v->bound);
    } else {
        random_put(r, gr_gather_along(v->node, places, axis), v->bound);
    }
}

static void order_cumsum(random_graph *r)
{
    const random_value *v = random_pick(r);
    const gr_shape shape = gr_node_shape(v->node);
    if (shape.rank == 0) return;
    const int axis = (int)random_from(r, 0, shape.rank - 1);
    const bool exclusive = random_one_in(r, 2), reverse = random_one_in(r, 2);
    random_put(r, gr_cumsum(v->node, axis, exclusive, reverse), v->bound * (double)shape.dim[axis]);
}

/* Conditions that hold, on numbers and on an index. */
static void order_conditions(random_graph *r)
{
    const random_value *v = random_pick(r);
    const gr_shape shape = gr_node_shape(v->node);
    if (random_one_in(r, 2) || shape.rank == 0) {
        gr_node *small = gr_less(v->node, gr_like(v->node, 1e9));
        random_put(r, gr_require(v->node, small, "the numbers are small"), v->bound);
        return;
    }
    if (order_count(v->node) > RANDOM_ELEMENTS / 8) return;
    gr_node *index = random_index(r, GR_I32, GR_SHAPE(3), shape.dim[0]);
    if (!index) return;
    random_put(r, gr_gather(v->node, gr_within(index, 0, shape.dim[0] - 1, "row"), 0), v->bound);
}

static void order_lrn(random_graph *r)
{
    const random_value *v = random_pick(r);
    if (gr_node_shape(v->node).rank < 2) return;
    const int64_t size = 2 * random_from(r, 0, 2) + 1;
    const double beta = random_one_in(r, 2) ? 0.75 : 0.5;
    random_put(r, gr_lrn(v->node, size, 0.2, beta, 1), v->bound);
}

static void order_standardize(random_graph *r)
{
    const random_value *v = random_pick(r);
    const gr_shape shape = gr_node_shape(v->node);
    if (shape.rank < 2) return;
    int64_t groups = random_from(r, 1, 4);
    if (shape.dim[1] % groups) groups = 1;
    gr_node *gamma = random_leaf(r, GR_SHAPE(shape.dim[1]));
    gr_node *beta = random_leaf(r, GR_SHAPE(shape.dim[1]));
    /* a small variance would enlarge what rounding does */
    if (gamma && beta)
        random_put(r, gr_standardize(v->node, gamma, beta, groups, 0.5), 3 * v->bound + 1);
}

static void order_lstm(random_graph *r)
{
    const int64_t rows = random_from(r, 1, 3), steps = random_from(r, 1, 5);
    const int64_t in = random_size(r, 9), units = random_size(r, 17);
    if (!random_afford(r, (double)(rows * steps * 4 * units * (in + units)))) return;
    gr_node *x = random_leaf(r, GR_SHAPE(rows, steps, in));
    if (!x) return;
    if (random_one_in(r, 2)) { /* one step, its gates in the graph itself */
        gr_scope_enter(r->scope, gr_scope_auto(r->scope, "cell"));
        const gr_rnn_weights weights = gr_rnn_params(r->scope, GR_RNN_LSTM, steps * in, units);
        gr_scope_leave(r->scope);
        gr_node *h = random_leaf(r, GR_SHAPE(rows, units)),
                *c = random_leaf(r, GR_SHAPE(rows, units));
        if (!h || !c) return;
        gr_node *row = gr_reshape(x, GR_SHAPE(rows, steps * in)), *next;
        random_put(r, gr_lstm_cell(row, h, c, &weights, &next), 1);
        random_put(r, next, 2);
        return;
    }
    const bool last = random_one_in(r, 2), both = random_one_in(r, 3);
    random_put(r, gr_lstm(r->scope, NULL, x, GR_RNN(units, .last = last, .bidirectional = both)),
               1);
}

static void order_ctc(random_graph *r)
{
    const int64_t rows = random_from(r, 1, 3), frames = random_from(r, 5, 9);
    const int64_t classes = random_from(r, 2, 6);
    gr_node *scores = random_leaf(r, GR_SHAPE(rows, frames, classes));
    if (!scores) return;
    int32_t labels[6], lengths[3], counts[3]; /* two labels a row */
    for (int i = 0; i < 6; i++) labels[i] = (int32_t)random_from(r, 1, classes - 1);
    for (int i = 0; i < 3; i++) {
        lengths[i] = (int32_t)random_from(r, 4, frames);
        counts[i] = (int32_t)random_from(r, 0, 2);
    }
    const gr_tensor in[] = {{GR_I32, GR_SHAPE(rows, 2), labels},
                            {GR_I32, GR_SHAPE(rows), lengths},
                            {GR_I32, GR_SHAPE(rows), counts}};
    gr_node *loss = gr_ctc(gr_log_softmax(scores, -1), gr_constant(r->graph, &in[0]),
                           gr_constant(r->graph, &in[1]), gr_constant(r->graph, &in[2]), 0);
    random_put(r, loss, 3 * (double)frames);
}

static void order_attention(random_graph *r)
{
    const int64_t batch = random_from(r, 1, 2), heads = random_from(r, 1, 3);
    const int64_t steps = random_size(r, 33), depth = random_size(r, 17);
    const gr_shape shape = GR_SHAPE(batch, heads, steps, depth);
    if (!random_afford(r, (double)(batch * heads * steps * steps * depth * 2))) return;
    gr_node *q = random_leaf(r, shape), *k = random_leaf(r, shape), *v = random_leaf(r, shape);
    if (!q || !k || !v) return;
    const bool causal = random_one_in(r, 2);
    const double dropout = random_one_in(r, 3) ? 0.25 : 0;
    const gr_stream stream = {.seed = 9, .name = "weights"};
    random_put(
        r,
        gr_attention(q, k, v, GR_ATTENTION(.causal = causal, .dropout = dropout, .stream = stream)),
        1 / (1 - dropout));
}

void random_order(random_graph *r)
{
    static void (*const kinds[])(random_graph *) = {
        order_sort, order_cumsum, order_conditions,  order_lrn,
        order_lstm, order_ctc,    order_standardize, order_attention};
    kinds[random_from(r, 0, (int64_t)GR_LEN(kinds) - 1)](r);
}
