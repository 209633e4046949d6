/* Recurrent layers against PyTorch's values and Caffe's definition (tests/reference/recurrent.py),
 * their gradients, truncated backpropagation, refusals. */
#include "support_reference.h"

#include "graph/graph.h"
#include "ops/scan.h"
#include "passes/pass.h"

#include <math.h>

#include <gradus/gradus.h>

enum { N = 3, T = 5, C = 4, H = 7 };

static gr_safetensors *rnn_file;

static int rnn_setup(void **state)
{
    (void)state;
    rnn_file = reference_open("recurrent.safetensors");
    return 0;
}

static int rnn_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(rnn_file);
    return 0;
}

/* cos(0.7·i): the weights of the loss, as in the script. */
static gr_tensor rnn_weights(gr_dtype dtype, gr_shape shape)
{
    gr_tensor weight;
    unit_ok(gr_tensor_new(dtype, shape, &weight));
    for (int64_t i = 0; i < gr_shape_count(shape); i++)
        gr_tensor_put(&weight, i, cos((double)i * 0.7));
    return weight;
}

/* Σ x·w with w an input. */
static gr_node *rnn_weighted(gr_node *x, const char *w)
{
    gr_node *weight = gr_input(gr_node_graph(x), w, gr_node_dtype(x), gr_node_shape(x));
    return gr_sum(gr_mul(x, weight), GR_ALL);
}

/* ---- Layers ------------------------------------------------------------------------------- */

typedef struct rnn_case {
    const char *name;
    gr_node *(*layer)(gr_scope *, const char *, gr_node *, const gr_rnn_options *);
    gr_rnn_options options;
    bool lengths, cont, initial, finals;
} rnn_case;

#define RNN_MOST 40

/* A graph of a layer with all gradients: nodes and the names of what they are. */
typedef struct rnn_graph {
    gr_graph *graph;
    gr_scope *scope;
    gr_node *node[RNN_MOST];
    char name[RNN_MOST][64];
    int n;
} rnn_graph;

static void rnn_target(rnn_graph *g, gr_node *node, const char *format, const char *name)
{
    assert_true(g->n < RNN_MOST);
    snprintf(g->name[g->n], sizeof *g->name, format, name);
    g->node[g->n++] = node;
}

static gr_node *rnn_input_like(rnn_graph *g, const rnn_case *c, const char *name)
{
    if (!reference_has(rnn_file, "%s/%s", c->name, name)) return NULL;
    gr_tensor like = reference_read(rnn_file, GR_F32, "%s/%s", c->name, name);
    gr_node *node = gr_input(g->graph, name, like.dtype, like.shape);
    gr_tensor_clear(&like);
    return node;
}

/* The layer, its states, and the gradients by the inputs and parameters. */
static void rnn_build(const rnn_case *c, gr_store *store, rnn_graph *g)
{
    gr_rnn_state final = {0};
    gr_rnn_options options = c->options;
    *g = (rnn_graph){.graph = gr_graph_new()};
    g->scope = gr_scope_new(g->graph, store, NULL);
    options.size = sizeof options;
    options.units = H;
    if (c->finals) options.final = &final;
    gr_node *wrt[RNN_MOST] = {rnn_input_like(g, c, "x")}, *grad[RNN_MOST];
    const char *names[RNN_MOST] = {"x"};
    int n = 1;
    if (c->lengths) options.lengths = gr_input(g->graph, "lengths", GR_I32, GR_SHAPE(N));
    if (c->cont) options.cont = rnn_input_like(g, c, "cont");
    if (c->initial) {
        options.initial = (gr_rnn_state){rnn_input_like(g, c, "h0"), rnn_input_like(g, c, "c0")};
        names[n] = "h0", wrt[n++] = options.initial.h;
        if (options.initial.c) names[n] = "c0", wrt[n++] = options.initial.c;
    }
    gr_node *y = c->layer(g->scope, "layer", wrt[0], &options), *loss = rnn_weighted(y, "wy");
    rnn_target(g, y, "%s", "y");
    if (final.h) {
        rnn_target(g, final.h, "%s", "h");
        loss = gr_add(loss, rnn_weighted(final.h, "wh"));
    }
    if (final.c) {
        rnn_target(g, final.c, "%s", "c");
        loss = gr_add(loss, rnn_weighted(final.c, "wc"));
    }
    for (int i = 0; i < gr_scope_params(g->scope); i++) {
        wrt[n] = gr_scope_param(g->scope, i);
        names[n] = gr_node_name(wrt[n]) + strlen("layer/");
        n++;
    }
    if (gr_grad(loss, wrt, n, grad) != GR_OK) fail_msg("%s", gr_graph_message(g->graph));
    for (int i = 0; i < n; i++) rnn_target(g, grad[i], "d%s", names[i]);
}

/* Sets every parameter to its reference, in `dtype`. */
static gr_store *rnn_store(const rnn_case *c, gr_dtype dtype)
{
    gr_store *made = gr_store_new(), *store = gr_store_new();
    rnn_graph g;
    rnn_build(c, made, &g);
    for (int i = 0; i < gr_store_size(made); i++) {
        const char *name = gr_store_name(made, i);
        gr_tensor value =
            reference_read(rnn_file, dtype, "%s/%s", c->name, name + strlen("layer/"));
        unit_ok(gr_store_add(store, name, &value));
        gr_tensor_clear(&value);
    }
    gr_scope_free(g.scope);
    gr_graph_free(g.graph);
    gr_store_free(made);
    return store;
}

static void rnn_check(const rnn_case *c, gr_dtype dtype)
{
    gr_store *store32 = rnn_store(c, GR_F32), *store = rnn_store(c, dtype);
    rnn_graph g;
    rnn_build(c, store32, &g);
    gr_graph *graph = NULL;
    gr_node *node[RNN_MOST];
    unit_ok(gr_graph_retype(g.graph, GR_F32, dtype, g.node, g.n, &graph, node));
    static const char *const inputs[] = {"x", "lengths", "cont", "h0", "c0", "wy", "wh", "wc"};
    gr_tensor value[GR_LEN(inputs)], out[RNN_MOST];
    gr_feed feeds[GR_LEN(inputs)];
    int n = 0;
    for (size_t i = 0; i < GR_LEN(inputs); i++) {
        const gr_node *in = gr_graph_find(graph, inputs[i]);
        if (!in) continue;
        value[n] = i == 1   ? reference_read(rnn_file, dtype, "./lengths")
                   : i >= 5 ? rnn_weights(dtype, gr_node_shape(in))
                            : reference_read(rnn_file, dtype, "%s/%s", c->name, inputs[i]);
        feeds[n] = (gr_feed){inputs[i], value[n].data};
        n++;
    }
    unit_ok(gr_evaluate(graph, node, g.n, feeds, n, store, out));
    for (int i = 0; i < g.n; i++) {
        reference_compare(rnn_file, &out[i], "%s/%s", c->name, g.name[i]);
        gr_tensor_clear(&out[i]);
    }
    for (int i = 0; i < n; i++) gr_tensor_clear(&value[i]);
    gr_graph_free(graph);
    gr_scope_free(g.scope);
    gr_graph_free(g.graph);
    gr_store_free(store);
    gr_store_free(store32);
}

static const rnn_case rnn_cases[] = {
    {"rnn", gr_rnn, {0}, .finals = true},
    {"lstm", gr_lstm, {0}, .finals = true},
    {"gru", gr_gru, {0}, .finals = true},
    {"relu", gr_rnn, {.relu = true, .no_bias = true}, .finals = true},
    {"rnn2", gr_rnn, {.layers = 2}, .initial = true, .finals = true},
    {"lstm2", gr_lstm, {.layers = 2}, .initial = true, .finals = true},
    {"gru2", gr_gru, {.layers = 2}, .initial = true, .finals = true},
    {"rnn_both",
     gr_rnn,
     {.layers = 2, .bidirectional = true},
     .lengths = true,
     .initial = true,
     .finals = true},
    {"lstm_both",
     gr_lstm,
     {.layers = 2, .bidirectional = true},
     .lengths = true,
     .initial = true,
     .finals = true},
    {"gru_both",
     gr_gru,
     {.layers = 2, .bidirectional = true},
     .lengths = true,
     .initial = true,
     .finals = true},
    {"rnn_cont", gr_rnn, {.bidirectional = true}, .cont = true},
    {"lstm_cont", gr_lstm, {.bidirectional = true}, .cont = true},
    {"gru_cont", gr_gru, {.bidirectional = true}, .cont = true},
    {"caffe_lstm",
     gr_lstm,
     {.time_major = true, .order = GR_LSTM_IFOG},
     .cont = true,
     .finals = true},
};

static void test_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(rnn_cases); i++) {
        rnn_check(&rnn_cases[i], GR_F64);
        rnn_check(&rnn_cases[i], GR_F32);
    }
}

/* ---- Wide layers ----------------------------------------------------------------------------- */

/* Whose weights are large enough to be packed before the loop: the same as cell by cell. */
static void check_wide(int kind)
{
    enum { N = 5, T = 3, C = 20, H = 37 };
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(T, N, C)), *n[6];
    const gr_rnn_options *o = GR_RNN(H, .time_major = true, .last = true);
    n[0] = kind == 0   ? gr_lstm(s, "l", x, o)
           : kind == 1 ? gr_gru(s, "l", x, o)
                       : gr_rnn(s, "l", x, o);
    const gr_rnn_weights w = {gr_scope_param(s, 0), gr_scope_param(s, 1), gr_scope_param(s, 2),
                              gr_scope_param(s, 3)};
    gr_node *h = gr_full(g, GR_F32, GR_SHAPE(N, H), 0), *c = h, *step = gr_split(x, T, 0);
    for (int t = 0; t < T; t++) {
        gr_node *now = gr_reshape(gr_get(step, t), GR_SHAPE(N, C));
        h = kind == 0   ? gr_lstm_cell(now, h, c, &w, &c)
            : kind == 1 ? gr_gru_cell(now, h, &w)
                        : gr_rnn_cell(now, h, &w, false);
    }
    n[1] = h;
    gr_node *wrt[] = {x, w.weight_hh};
    for (int i = 0; i < 2; i++)
        unit_ok(gr_grad(gr_sum(gr_square(n[i]), GR_ALL), wrt, 2, n + 2 + 2 * i));
    float data[T * N * C];
    gr_tensor out[6];
    for (size_t i = 0; i < GR_LEN(data); i++) data[i] = (float)(i * 7 % 23) / 12 - 1;
    unit_ok(gr_evaluate(g, n, 6, &(gr_feed){"x", data}, 1, store, out));
    for (int k = 0; k < 3; k++) {
        const gr_tensor *a = &out[k ? k + 1 : 0], *b = &out[k ? k + 3 : 1];
        for (int64_t i = 0; i < gr_shape_count(b->shape); i++)
            if (!(fabs(gr_tensor_at(a, i) - gr_tensor_at(b, i)) <= 1e-5))
                fail_msg("kind %d, result %d [%lld]: %.9g, expected %.9g", kind, k, (long long)i,
                         gr_tensor_at(a, i), gr_tensor_at(b, i));
    }
    for (int k = 0; k < 6; k++) gr_tensor_clear(&out[k]);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

static void test_wide(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) check_wide(kind);
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static gr_node *cell_constant(gr_graph *g, const char *prefix, const char *name)
{
    gr_tensor value = reference_read(rnn_file, GR_F64, "%s/%s", prefix, name);
    gr_node *node = gr_constant(g, &value);
    gr_tensor_clear(&value);
    return node;
}

static void test_cells(void **state)
{
    (void)state;
    static const char *const kinds[] = {"lstm", "gru", "rnn"};
    for (int k = 0; k < 3; k++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "cell/%s", kinds[k]);
        gr_graph *g = gr_graph_new();
        gr_node *x = cell_constant(g, "cell", "x"), *h = cell_constant(g, "cell", "h");
        gr_node *c = cell_constant(g, "cell", "c"), *out[2] = {NULL, c};
        const gr_rnn_weights w = {.weight_ih = cell_constant(g, prefix, "weight_ih"),
                                  .weight_hh = cell_constant(g, prefix, "weight_hh"),
                                  .bias_ih = cell_constant(g, prefix, "bias_ih"),
                                  .bias_hh = cell_constant(g, prefix, "bias_hh")};
        if (k == 0) out[0] = gr_lstm_cell(x, h, c, &w, &out[1]);
        if (k == 1) out[0] = gr_gru_cell(x, h, &w);
        if (k == 2) out[0] = gr_rnn_cell(x, h, &w, false);
        gr_tensor value[2];
        unit_ok(gr_evaluate(g, out, 2, NULL, 0, NULL, value));
        reference_compare(rnn_file, &value[0], "%s/h1", prefix);
        if (k == 0) reference_compare(rnn_file, &value[1], "%s/c1", prefix);
        gr_tensor_clear(&value[0]), gr_tensor_clear(&value[1]);
        gr_graph_free(g);
    }
}

static void test_lstm_unit(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_tensor gates = reference_read(rnn_file, GR_F64, "unit/gates");
    gr_tensor c = reference_read(rnn_file, GR_F64, "unit/c");
    gr_tensor weight = rnn_weights(GR_F64, c.shape), out[4];
    gr_node *in[] = {gr_input(g, "gates", GR_F64, gates.shape), gr_input(g, "c", GR_F64, c.shape)};
    gr_node *n[4];
    n[0] = gr_lstm_unit(in[0], in[1], cell_constant(g, "unit", "cont"), GR_LSTM_IFOG, &n[1]);
    gr_node *loss = gr_add(rnn_weighted(n[0], "wh"), rnn_weighted(n[1], "wc"));
    unit_ok(gr_grad(loss, in, 2, n + 2));
    const gr_feed feeds[] = {
        {"gates", gates.data}, {"c", c.data}, {"wh", weight.data}, {"wc", weight.data}};
    unit_ok(gr_evaluate(g, n, 4, feeds, 4, NULL, out));
    static const char *const names[] = {"h1", "c1", "dgates", "dc"};
    for (int i = 0; i < 4; i++) {
        reference_compare(rnn_file, &out[i], "unit/%s", names[i]);
        gr_tensor_clear(&out[i]);
    }
    gr_tensor_clear(&gates), gr_tensor_clear(&c), gr_tensor_clear(&weight);
    gr_graph_free(g);
}

/* ---- The size of the graph, threads ------------------------------------------------------- */

static int rnn_graph_size(int64_t steps)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(N, steps, C)), *dx;
    gr_node *y = gr_lstm(s, "lstm", x, GR_RNN(H, .layers = 2, .bidirectional = true));
    unit_ok(gr_grad(gr_sum(y, GR_ALL), &x, 1, &dx));
    gr_program *program;
    const gr_compile_options options = {.size = sizeof options};
    unit_ok(gr_compile(g, &dx, 1, &options, &program));
    const int size = gr_graph_size(g);
    gr_program_free(program);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
    return size;
}

static void test_size_is_that_of_a_step(void **state)
{
    (void)state;
    assert_int_equal(rnn_graph_size(2), rnn_graph_size(200));
}

/* Compiled, the layer and its gradient are two loops that carry the state alone: the loop that
 * keeps what the gradient needs is one with the layer's own, and the weights' gradients are
 * products of all steps. */
static void test_loops_of_a_layer(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(N, T, C));
    gr_node *n[7] = {gr_sum(gr_square(gr_gru(s, "gru", x, GR_RNN(H))), GR_ALL)}, *wrt[4];
    for (int i = 0; i < 4; i++) wrt[i] = gr_scope_param(s, i);
    unit_ok(gr_grad(n[0], wrt, 4, n + 1));
    gr_unit unit;
    unit_ok(gr_unit_copy(&unit, n, 5));
    unit_ok(gr_passes_run(&unit, "-fuse,-postops"));
    int loops = 0, products = 0;
    for (int id = 0; id < gr_graph_size(unit.graph); id++) {
        const gr_node *node = unit.graph->nodes[id];
        products += node->op == gr_op_find("matmul");
        if (node->op != gr_op_find("scan")) continue;
        loops++;
        assert_int_equal(gr_scan_of(node->attr).carries, loops == 1 ? 1 : 2); /* h; and bias_hn's */
    }
    assert_int_equal(loops, 2);
    assert_int_equal(products, 3); /* of the inputs; for either weight */
    gr_unit_free(&unit);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

enum { BITS_N = 32, BITS_T = 9, BITS_H = 128 };

/* The gradients of two layers, by so many threads, in so much memory (0: any); returns the bytes of
 * the buffers. */
static size_t bits_run(int threads, size_t memory, gr_tensor *out)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(BITS_N, BITS_T, BITS_H)), *n[4];
    gr_node *y = gr_lstm(s, "lstm", x, GR_RNN(BITS_H));
    n[0] = gr_sum(gr_square(gr_gru(s, "gru", y, GR_RNN(BITS_H))), GR_ALL);
    gr_node *wrt[] = {x, gr_scope_param(s, 1), gr_scope_param(s, 5)};
    unit_ok(gr_grad(n[0], wrt, 3, n + 1));
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(g, n, 4,
                       &(gr_compile_options){.size = sizeof(gr_compile_options),
                                             .threads = threads,
                                             .exact = true,
                                             .memory = memory},
                       &program));
    unit_ok(gr_session_new(program, store, NULL, &session));
    float *data = gr_alloc_array((size_t)BITS_N * BITS_T * BITS_H, sizeof *data);
    for (int i = 0; i < BITS_N * BITS_T * BITS_H; i++) data[i] = (float)sin(i);
    unit_ok(gr_session_bind(session, 0, data, (size_t)BITS_N * BITS_T * BITS_H * sizeof *data));
    unit_ok(gr_session_step(session));
    for (int i = 0; i < 4; i++) {
        const gr_tensor type = gr_program_output_type(program, i);
        unit_ok(gr_tensor_new(type.dtype, type.shape, &out[i]));
        unit_ok(gr_session_read(session, i, out[i].data, gr_tensor_bytes(&out[i])));
    }
    const size_t bytes = gr_program_plan(program).arena;
    gr_free(data);
    gr_session_free(session);
    gr_program_free(program);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
    return bytes;
}

static void bits_are_equal(gr_tensor *a, const gr_tensor *b)
{
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(a[i].data, b[i].data, gr_tensor_bytes(&b[i]));
        gr_tensor_clear(&a[i]);
    }
}

/* Neither threads nor a budget, under which loops run again, change the bits. */
static void test_bits(void **state)
{
    (void)state;
    gr_tensor one[4], other[4];
    const size_t bytes = bits_run(1, 0, one);
    bits_run(2, 0, other);
    bits_are_equal(other, one);
    assert_true(bits_run(1, bytes * 7 / 8, other) <= bytes * 7 / 8);
    bits_are_equal(other, one);
    for (int i = 0; i < 4; i++) gr_tensor_clear(&one[i]);
}

/* ---- Truncated backpropagation ------------------------------------------------------------ */

typedef struct carry_net {
    gr_graph *graph;
    gr_scope *scope;
    gr_node *target[RNN_MOST];
    int n;
} carry_net;

static carry_net carry_build(gr_store *store, int64_t steps, bool carry)
{
    carry_net net = {.graph = gr_graph_new()};
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN};
    net.scope = gr_scope_new(net.graph, store, &options);
    gr_node *x = gr_input(net.graph, "x", GR_F32, GR_SHAPE(2, steps, C));
    net.target[net.n++] = gr_lstm(net.scope, "lstm", x, GR_RNN(H, .layers = 2, .carry = carry));
    for (int i = 0; i < gr_scope_updates(net.scope); i++)
        net.target[net.n++] = gr_scope_update_node(net.scope, i);
    return net;
}

static gr_tensor carry_run(carry_net *net, gr_store *store, const float *x)
{
    gr_tensor out[RNN_MOST] = {{0}};
    const gr_feed feed = {"x", x};
    unit_ok(gr_evaluate(net->graph, net->target, net->n, &feed, 1, store, out));
    for (int i = 1; i < net->n; i++) gr_tensor_clear(&out[i]);
    return out[0];
}

static void carry_free(carry_net *net)
{
    gr_scope_free(net->scope);
    gr_graph_free(net->graph);
}

/* Two parts of three steps give what six steps give, and after a reset the first part again. */
static void test_carry(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    carry_net whole = carry_build(store, 6, false), part = carry_build(store, 3, true);
    float x[2][6][C], half[2][3][C];
    for (int i = 0; i < 2 * 6 * C; i++) (&x[0][0][0])[i] = (float)sin(i);
    assert_int_equal(part.n, 5);
    assert_true(gr_store_find(store, "lstm/carry/train_2/c_l1") >= 0);
    gr_tensor y = carry_run(&whole, store, &x[0][0][0]);
    for (int turn = 0; turn < 3; turn++) {
        if (turn == 2) unit_ok(gr_rnn_reset(store, "lstm"));
        const int from = turn == 1 ? 3 : 0;
        for (int n = 0; n < 2; n++) memcpy(half[n], x[n][from], sizeof half[n]);
        gr_tensor got = carry_run(&part, store, &half[0][0][0]);
        for (int64_t i = 0; i < 2 * 3 * H; i++) {
            const int64_t n = i / (3 * H), rest = i % (3 * H);
            const double expected = gr_tensor_at(&y, n * 6 * H + from * H + rest);
            assert_true(fabs(gr_tensor_at(&got, i) - expected) < 1e-6);
        }
        gr_tensor_clear(&got);
    }
    gr_tensor_clear(&y);
    carry_free(&whole), carry_free(&part);
    gr_store_free(store);
}

/* ---- Against differences ------------------------------------------------------------------ */

static void test_gradient_check(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    const gr_scope_options train = {.size = sizeof train, .mode = GR_TRAIN};
    gr_scope *s = gr_scope_new(g, store, &train);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 4, 3));
    gr_node *cont = gr_input(g, "cont", GR_U8, GR_SHAPE(2, 4));
    gr_node *lengths = gr_input(g, "lengths", GR_I64, GR_SHAPE(2));
    gr_node *y = gr_lstm(s, "a", x, GR_RNN(3, .lengths = lengths, .cont = cont, .carry = true));
    y = gr_gru(s, "b", y, GR_RNN(2, .bidirectional = true, .lengths = lengths));
    y = gr_rnn(s, "c", y, GR_RNN(3, .last = true));
    gr_node *loss = gr_sum(gr_square(y), GR_ALL), *wrt[RNN_MOST] = {x};
    int n = 1;
    for (int i = 0; i < gr_scope_params(s); i++) wrt[n++] = gr_scope_param(s, i);
    float data[24];
    for (int i = 0; i < 24; i++) data[i] = (float)sin(3 * i);
    const uint8_t begins[] = {0, 1, 0, 1, 1, 1, 0, 1};
    const int64_t long_are[] = {3, 4};
    const gr_feed feeds[] = {{"x", data}, {"cont", begins}, {"lengths", long_are}};
    gr_check_report report;
    unit_ok(gr_check(loss, wrt, n, feeds, 3, store, NULL, &report));
    for (int i = 0; i < report.entries; i++)
        if (report.entry[i].faults > 0 || report.entry[i].vacuous)
            fail_msg("%s: %g and %g", report.entry[i].name, report.entry[i].analytic,
                     report.entry[i].numeric);
    assert_true(report.passed);
    gr_check_clear(&report);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

/* The gradient's gradient: of the squared gradient by the input. */
static void test_second_order(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 2)), *dx;
    gr_node *y = gr_lstm(s, "a", x, GR_RNN(2, .bidirectional = true));
    unit_ok(gr_grad(gr_sum(gr_square(y), GR_ALL), &x, 1, &dx));
    float data[12];
    for (int i = 0; i < 12; i++) data[i] = (float)cos(2 * i);
    const gr_feed feed = {"x", data};
    gr_node *wrt[] = {x, gr_scope_param(s, 1)};
    gr_check_report report;
    unit_ok(gr_check(gr_sum(gr_square(dx), GR_ALL), wrt, 2, &feed, 1, store, NULL, &report));
    assert_true(report.passed);
    gr_check_clear(&report);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

/* ---- Rows of a table ---------------------------------------------------------------------- */

/* The layer over an embedding, or over the same values as an input of their own. */
static void table_run(const int64_t *tokens, bool embedded, gr_tensor *out)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *index = gr_input(g, "tokens", GR_I64, GR_SHAPE(3, 4));
    gr_node *x = gr_embedding(s, "table", index, GR_EMBEDDING(5, 6)), *n[6];
    gr_node *seen = embedded ? x : gr_scale(x, 1); /* no gather any more */
    n[0] = gr_gru(s, "gru", seen, GR_RNN(3, .bidirectional = true));
    gr_node *wrt[5];
    for (int i = 0; i < 5; i++) wrt[i] = gr_scope_param(s, i);
    unit_ok(gr_grad(gr_sum(gr_square(n[0]), GR_ALL), wrt, 5, n + 1));
    const gr_feed feed = {"tokens", tokens};
    unit_ok(gr_evaluate(g, n, 6, &feed, 1, store, out));
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

static void test_rows_of_a_table(void **state)
{
    (void)state;
    const int64_t tokens[] = {0, 4, 2, 2, 1, 4, 0, 0, 3, 2, 1, 4};
    gr_tensor a[6], b[6];
    table_run(tokens, true, a);
    table_run(tokens, false, b);
    for (int i = 0; i < 6; i++) {
        assert_true(gr_shape_equal(a[i].shape, b[i].shape));
        for (int64_t k = 0; k < gr_shape_count(a[i].shape); k++)
            assert_true(fabs(gr_tensor_at(&a[i], k) - gr_tensor_at(&b[i], k)) < 1e-5);
        gr_tensor_clear(&a[i]), gr_tensor_clear(&b[i]);
    }
}

/* ---- Steps with many gates ---------------------------------------------------------------- */

/* So many products in a step that a loop has no room for all that its gradient reads. */
static void many_check(int products)
{
    gr_graph *g = gr_graph_new(), *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F64, GR_SHAPE(1, 2)), *next = h;
    gr_node *x = gr_input(body, "x", GR_F64, GR_SHAPE(1, 2));
    gr_node *w = gr_input(body, "w", GR_F64, GR_SHAPE(2, 2));
    for (int i = 0; i < products; i++) {
        gr_node *bent = gr_tanh(gr_sin(gr_add(gr_matmul(next, w), x)));
        next = gr_add(next, gr_scale(bent, 0.03));
    }
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = (gr_node *[]){h, x, w},
                               .body_out = &next,
                               .carries = 1,
                               .slices = 1,
                               .captures = 1};
    gr_node *in[] = {gr_input(g, "h", GR_F64, GR_SHAPE(1, 2)),
                     gr_input(g, "x", GR_F64, GR_SHAPE(3, 1, 2)),
                     gr_input(g, "w", GR_F64, GR_SHAPE(2, 2))};
    gr_node *loss = gr_sum(gr_square(gr_scan(g, &spec, in)), GR_ALL);
    const double h0[] = {0.3, -0.2}, xs[] = {0.5, 1, -1, 0.2, 0.7, 0.1}, ws[] = {1, 0.4, -0.6, 1.1};
    const gr_feed feeds[] = {{"h", h0}, {"x", xs}, {"w", ws}};
    gr_check_report report;
    unit_ok(gr_check(loss, in, 3, feeds, 3, NULL, NULL, &report));
    assert_true(report.passed);
    gr_check_clear(&report);
    gr_graph_free(g);
}

static void test_many_gates(void **state)
{
    (void)state;
    many_check(3);
    many_check(45); /* the products alone fit */
    many_check(70); /* nor do they */
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static void rnn_refused(gr_dtype dtype, gr_shape shape, const gr_rnn_options *options,
                        const char *message)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_rnn_options o = *options;
    gr_node *node = gr_input(g, "node", GR_I32, GR_SHAPE(4));
    if (o.lengths) o.lengths = node;
    if (o.cont) o.cont = node;
    if (o.initial.h) o.initial.h = gr_input(g, "h", GR_F32, GR_SHAPE(2, 4));
    assert_true(gr_is_error(gr_gru(s, "gru", gr_input(g, "x", dtype, shape), &o)));
    assert_string_equal(gr_graph_message(g), message);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_node *some = (gr_node *)&rnn_file; /* stands for an input that rnn_refused makes */
    const gr_shape in = GR_SHAPE(3, 5, 4);
    rnn_refused(GR_F32, GR_SHAPE(3, 5), GR_RNN(2),
                "gru: the input is f32[3,5]: should be f32 [N, T, C]");
    rnn_refused(GR_F64, in, GR_RNN(2), "gru: the input is f64[3,5,4]: should be f32 [N, T, C]");
    rnn_refused(GR_F32, GR_SHAPE(3, 0, 4), GR_RNN(2),
                "gru: the input [3,0,4] ([N, T, C]) is a sequence of length zero");
    rnn_refused(GR_F32, GR_SHAPE(0, 3, 4), GR_RNN(2, .time_major = true),
                "gru: the input [0,3,4] ([T, N, C]) is a sequence of length zero");
    rnn_refused(GR_F32, GR_SHAPE(3, 5, 0), GR_RNN(2),
                "gru: the input [3,5,0] ([N, T, C]) has no channels");
    rnn_refused(GR_F32, in, GR_RNN(0), "gru: units = 0: should be positive");
    rnn_refused(GR_F32, in, GR_RNN(2, .layers = -1), "gru: layers = -1: should be 1 to 128");
    rnn_refused(GR_F32, in, GR_RNN(2, .lengths = some), "gru: lengths is [4]: should be [3]");
    rnn_refused(GR_F32, in, GR_RNN(2, .cont = some), "gru: cont is [4]: should be [3,5]");
    rnn_refused(GR_F32, in, GR_RNN(2, .initial = {.h = some}),
                "gru: the initial h is [2,4]: should be [1,3,2]");
    rnn_refused(GR_F32, in, GR_RNN(2, .carry = true, .bidirectional = true),
                "gru: carry passes a state from one part of a text to the next: the "
                "backward direction has none");
    rnn_refused(GR_F32, in, GR_RNN(2, .carry = true, .initial = {.h = some}),
                "gru: carry and an initial state are two beginnings: give one");
}

static void test_lengths_are_checked(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *lengths = gr_input(g, "lengths", GR_I32, GR_SHAPE(2));
    gr_node *x = gr_full(g, GR_F32, GR_SHAPE(2, 3, 1), 1);
    gr_node *y = gr_lstm(s, "lstm", x, GR_RNN(2, .lengths = lengths));
    const int32_t wrong[][2] = {{2, 4}, {0, 3}};
    const char *const words[] = {"length [1] is 4; it must be in [1, 3]",
                                 "length [0] is 0; it must be in [1, 3]"};
    for (int i = 0; i < 2; i++) {
        const gr_feed feed = {"lengths", wrong[i]};
        gr_tensor out;
        unit_refused(gr_evaluate(g, &y, 1, &feed, 1, store, &out), GR_RANGE, words[i]);
    }
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

/* ---- Words -------------------------------------------------------------------------------- */

static void test_words(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 6, 3));
    gr_node *y = gr_net(s, x,
                        "lstm(4, layers=2, bidirectional=true) |> gru(5, carry=true)"
                        " |> rnn(2, relu=true, last=true, name=\"end\")");
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
    assert_true(gr_shape_equal(gr_node_shape(y), GR_SHAPE(2, 2)));
    assert_true(gr_store_find(store, "lstm1/weight_ih_l1_reverse") >= 0);
    assert_true(gr_store_find(store, "gru1/carry/eval_2/h_l0") >= 0);
    assert_true(gr_store_find(store, "end/bias_hh_l0") >= 0);
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_lstm_unit),
        cmocka_unit_test(test_size_is_that_of_a_step),
        cmocka_unit_test(test_loops_of_a_layer),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_carry),
        cmocka_unit_test(test_gradient_check),
        cmocka_unit_test(test_second_order),
        cmocka_unit_test(test_rows_of_a_table),
        cmocka_unit_test(test_many_gates),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lengths_are_checked),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, rnn_setup, rnn_teardown);
}
