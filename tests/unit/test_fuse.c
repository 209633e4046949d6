/* The pass `fuse`: programs with it and without it give the same bits; what becomes one step; what
 * must not. */
#include "support_memory.h"

#include <gradus/gradus.h>

#include "ops/fused.h"
#include "ops/scan.h"
#include "plan/plan.h"
#include "run/program.h"

/* ---- Nets, with and without ------------------------------------------------------------------ */

enum { FUSE_BATCH = 9, FUSE_WIDTH = 12, FUSE_STEPS = 10, FUSE_TARGETS = 96 };

typedef gr_node *fuse_net(gr_scope *scope, gr_node *x, gr_node *labels);

static gr_node *fuse_dense_net(gr_scope *s, gr_node *x, gr_node *labels)
{
    gr_node *h = gr_relu(gr_dense(s, NULL, x, GR_DENSE(17)));
    h = gr_tanh(gr_dense(s, NULL, h, GR_DENSE(8)));
    return gr_softmax_cross_entropy(gr_dense(s, NULL, h, GR_DENSE(5)), labels, NULL);
}

static gr_node *fuse_norm_net(gr_scope *s, gr_node *x, gr_node *labels)
{
    gr_node *h = gr_reshape(x, GR_SHAPE(FUSE_BATCH, 3, 2, 2));
    h = gr_relu(gr_batch_norm(s, NULL, gr_conv_layer(s, NULL, h, GR_CONV(6, 1)), NULL));
    gr_node *inner = gr_batch_norm(s, NULL, gr_conv_layer(s, NULL, h, GR_CONV(6, 1)), NULL);
    h = gr_relu(gr_add(h, inner));
    return gr_softmax_cross_entropy(gr_dense(s, NULL, gr_mean(h, GR_AXES(2, 3)), GR_DENSE(5)),
                                    labels, NULL);
}

/* Layer normalisation, GELU and dropout of gates. */
static gr_node *fuse_gelu_net(gr_scope *s, gr_node *x, gr_node *labels)
{
    gr_node *h = gr_dense(s, NULL, x, GR_DENSE(33));
    gr_node *centred = gr_sub(h, gr_mean(h, GR_KEEP(1)));
    gr_node *spread = gr_mean(gr_square(centred), GR_KEEP(1));
    h = gr_mul(centred, gr_rsqrt(gr_shift(spread, 1e-5)));
    h = gr_mul(gr_scale(h, 0.5), gr_shift(gr_erf(gr_scale(h, 0.70710678118654752)), 1));
    h = gr_dropout(s, NULL, h, 0.3);
    return gr_multiclass_hinge(gr_dense(s, NULL, h, GR_DENSE(5)), labels, NULL);
}

/* Elementwise losses on several activations, and tensors of one dimension among them. */
static gr_node *fuse_mixed_net(gr_scope *s, gr_node *x, gr_node *labels)
{
    gr_node *h = gr_prelu_layer(s, NULL, gr_dense(s, NULL, x, GR_DENSE(10)));
    h = gr_add(gr_elu(h, 0.5), gr_mul(gr_sigmoid(h), gr_softplus(h)));
    h = gr_maximum(gr_clip(h, -2, 2), gr_leaky_relu(gr_scale(h, 0.5), 0.1));
    gr_node *y = gr_dense(s, NULL, h, GR_DENSE(5));
    gr_node *hot = gr_one_hot(labels, 5, GR_F32);
    return gr_add(gr_huber(y, hot, NULL), gr_sigmoid_cross_entropy(y, hot, NULL));
}

typedef struct fuse_case {
    fuse_net *net;
    const gr_optimizer *optimizer;
    const char *passes;
} fuse_case;

typedef struct fuse_trained {
    gr_program *program;
    gr_store *store;
    float loss[FUSE_STEPS];
} fuse_trained;

static void fuse_feed(gr_session *session, const gr_program *program)
{
    float x[FUSE_BATCH * FUSE_WIDTH];
    int64_t labels[FUSE_BATCH];
    gr_rng rng = gr_rng_new(5, 0);
    for (size_t i = 0; i < GR_LEN(x); i++) x[i] = (float)gr_rng_uniform(&rng) * 2 - 1;
    for (size_t i = 0; i < GR_LEN(labels); i++) labels[i] = (int64_t)(i % 5);
    unit_ok(gr_session_write(session, gr_program_find_input(program, "x"), x, sizeof x));
    unit_ok(
        gr_session_write(session, gr_program_find_input(program, "labels"), labels, sizeof labels));
}

static fuse_trained fuse_train(const fuse_case *c)
{
    const gr_scope_options in = {.size = sizeof in, .mode = GR_TRAIN};
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .passes = c->passes};
    fuse_trained t = {.store = gr_store_new()};
    gr_graph *graph = gr_graph_new();
    gr_scope *scope = gr_scope_new(graph, t.store, &in);
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(FUSE_BATCH, FUSE_WIDTH));
    gr_node *loss = c->net(scope, x, gr_input(graph, "labels", GR_I64, GR_SHAPE(FUSE_BATCH)));
    gr_node *targets[FUSE_TARGETS] = {loss};
    unit_ok(gr_minimize(scope, loss, c->optimizer));
    int n = 1;
    for (int i = 0; i < gr_scope_updates(scope); i++) targets[n++] = gr_scope_update_node(scope, i);
    unit_ok(gr_compile(graph, targets, n, &options, &t.program));
    unit_ok(gr_graph_verify(t.program->unit.graph));
    unit_ok(gr_plan_verify(t.program->plan));
    gr_session *session;
    unit_ok(gr_session_new(t.program, t.store, NULL, &session));
    fuse_feed(session, t.program);
    for (int step = 0; step < FUSE_STEPS; step++) {
        unit_ok(gr_session_step(session));
        unit_ok(gr_session_read(session, 0, &t.loss[step], sizeof(float)));
    }
    gr_session_free(session);
    gr_scope_free(scope);
    gr_graph_free(graph);
    return t;
}

static void fuse_trained_clear(fuse_trained *t)
{
    gr_program_free(t->program);
    gr_store_free(t->store);
}

/* All losses and all variables, bit for bit. */
static void fuse_same(const fuse_trained *a, const fuse_trained *b)
{
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_int_equal(gr_store_size(a->store), gr_store_size(b->store));
    for (int i = 0; i < gr_store_size(a->store); i++) {
        const char *name = gr_store_name(a->store, i);
        const gr_tensor type = gr_store_type(a->store, i);
        const size_t bytes = gr_tensor_bytes(&type);
        void *x = malloc(bytes), *y = malloc(bytes);
        unit_ok(gr_store_read(a->store, name, x, bytes));
        unit_ok(gr_store_read(b->store, name, y, bytes));
        if (memcmp(x, y, bytes) != 0) fail_msg("variable %s differs", name);
        free(x);
        free(y);
    }
}

static void fuse_check_net(fuse_net *net, const gr_optimizer *optimizer)
{
    fuse_trained plain = fuse_train(&(fuse_case){net, optimizer, "-fuse"});
    fuse_trained fused = fuse_train(&(fuse_case){net, optimizer, NULL});
    fuse_same(&plain, &fused);
    assert_true(fused.program->plan->n_steps < plain.program->plan->n_steps);
    fuse_trained_clear(&plain);
    fuse_trained_clear(&fused);
}

static void test_nets_keep_their_bits(void **state)
{
    (void)state;
    fuse_net *const nets[] = {fuse_dense_net, fuse_norm_net, fuse_gelu_net, fuse_mixed_net};
    for (size_t i = 0; i < GR_LEN(nets); i++)
        fuse_check_net(nets[i], GR_OPTIMIZER(GR_SGD, .rate = 0.1, .momentum = 0.9));
}

static void test_optimizers_keep_their_bits(void **state)
{
    (void)state;
    for (int kind = GR_SGD; kind <= GR_ADAMW; kind++) {
        const gr_optimizer variants[] = {
            {.size = sizeof(gr_optimizer), .kind = (gr_optimizer_kind)kind, .rate = 0.05},
            {.size = sizeof(gr_optimizer),
             .kind = (gr_optimizer_kind)kind,
             .rate = 0.05,
             .momentum = 0.9,
             .weight_decay = 0.01,
             .l1 = 0.001,
             .clip_norm = 1,
             .max_norm = 2},
        };
        for (size_t i = 0; i < GR_LEN(variants); i++) fuse_check_net(fuse_dense_net, &variants[i]);
    }
}

/* ---- Expressions in both precisions ---------------------------------------------------------- */

typedef gr_node *fuse_expression(gr_node *x, gr_node *row, gr_node *column);

static gr_node *fuse_chain(gr_node *x, gr_node *row, gr_node *column)
{
    gr_node *y = gr_add(gr_mul(x, row), gr_exp(column));
    return gr_sub(gr_square(y), gr_div(x, gr_shift(gr_abs(column), 1)));
}

static gr_node *fuse_softmax(gr_node *x, gr_node *row, gr_node *column)
{
    return gr_mul(gr_log_softmax(gr_add(x, row), 1), gr_sigmoid(column));
}

/* Two sets of axes, and one value read along both axes of a square. */
static gr_node *fuse_axes(gr_node *x, gr_node *row, gr_node *column)
{
    gr_node *y = gr_mul(x, gr_sub(row, column));
    gr_node *outer = gr_mul(gr_reshape(gr_sum(y, GR_AXES(1)), GR_SHAPE(-1, 1)),
                            gr_reshape(gr_sum(y, GR_AXES(1)), GR_SHAPE(1, -1)));
    return gr_add(gr_sum(gr_square(outer), GR_AXES(0)),
                  gr_reshape(gr_max(y, GR_KEEP(1)), GR_SHAPE(-1)));
}

/* The path from a to c leads through the product, which is no gate of a body. */
static gr_node *fuse_around(gr_node *x, gr_node *row, gr_node *column)
{
    gr_node *a = gr_add(x, row), *b = gr_matmul(a, gr_transpose(gr_square(a)));
    return gr_add(gr_sub(gr_sum(b, GR_KEEP(1)), a), column);
}

/* A group of many gates must be cut. */
static gr_node *fuse_long(gr_node *x, gr_node *row, gr_node *column)
{
    gr_node *y = x;
    for (int i = 0; i < 150; i++)
        y = gr_add(gr_mul(y, i % 3 ? row : column), gr_scale(x, 1.0 / (i + 2)));
    return y;
}

static gr_tensor fuse_evaluate(fuse_expression *expression, gr_dtype dtype, const char *passes,
                               int *steps)
{
    const gr_shape shapes[] = {GR_SHAPE(9, 23), GR_SHAPE(23), GR_SHAPE(9, 1)};
    const char *const names[] = {"x", "row", "column"};
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .passes = passes};
    gr_graph *graph = gr_graph_new();
    gr_node *in[3];
    for (int i = 0; i < 3; i++) in[i] = gr_input(graph, names[i], dtype, shapes[i]);
    gr_node *y = expression(in[0], in[1], in[2]), *dx;
    unit_ok(gr_grad(gr_sum(gr_square(y), GR_ALL), &in[0], 1, &dx));
    gr_program *program;
    unit_ok(gr_compile(graph, &dx, 1, &options, &program));
    unit_ok(gr_plan_verify(program->plan));
    gr_session *session;
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    gr_rng rng = gr_rng_new(3, 0);
    for (int i = 0; i < 3; i++) {
        gr_tensor value;
        unit_ok(gr_tensor_new(dtype, shapes[i], &value));
        for (int64_t e = 0; e < gr_shape_count(shapes[i]); e++)
            gr_tensor_put(&value, e, gr_rng_uniform(&rng) - 0.5);
        unit_ok(gr_session_write(session, gr_program_find_input(program, names[i]), value.data,
                                 gr_tensor_bytes(&value)));
        gr_tensor_clear(&value);
    }
    gr_tensor out;
    unit_ok(gr_tensor_new(dtype, gr_node_shape(dx), &out));
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 0, out.data, gr_tensor_bytes(&out)));
    *steps = gr_program_plan(program).steps;
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(graph);
    return out;
}

static void test_expressions_keep_their_bits(void **state)
{
    (void)state;
    fuse_expression *const all[] = {fuse_chain, fuse_softmax, fuse_axes, fuse_around, fuse_long};
    const gr_dtype dtypes[] = {GR_F32, GR_F64};
    for (size_t i = 0; i < GR_LEN(all); i++) {
        for (size_t d = 0; d < GR_LEN(dtypes); d++) {
            int plain_steps, fused_steps;
            gr_tensor plain = fuse_evaluate(all[i], dtypes[d], "-fuse", &plain_steps);
            gr_tensor fused = fuse_evaluate(all[i], dtypes[d], NULL, &fused_steps);
            if (memcmp(plain.data, fused.data, gr_tensor_bytes(&plain)) != 0)
                fail_msg("expression %zu differs in %s", i, gr_dtype_name(dtypes[d]));
            assert_true(fused_steps < plain_steps);
            gr_tensor_clear(&plain);
            gr_tensor_clear(&fused);
        }
    }
}

/* ---- Loops ----------------------------------------------------------------------------------- */

/* The last state of a gated recurrence over the first axis of `steps`. */
static gr_node *fuse_recurrence(gr_node *start, gr_node *steps, gr_node *weight)
{
    gr_graph *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F32, GR_SHAPE(9, 16));
    gr_node *x = gr_input(body, "x", GR_F32, GR_SHAPE(9, 16));
    gr_node *w = gr_input(body, "w", GR_F32, GR_SHAPE(16, 16));
    gr_input(body, "unread", GR_F32, GR_SCALAR);
    gr_node *gate = gr_sigmoid(gr_add(gr_matmul(h, w), x));
    gr_node *next = gr_add(gr_mul(gate, h), gr_mul(gr_sub(gr_like(gate, 1), gate), gr_tanh(x)));
    gr_node *unread = gr_graph_node(body, 3);
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = (gr_node *[]){h, x, w, unread},
                               .body_out = &next,
                               .carries = 1,
                               .slices = 1,
                               .captures = 2};
    gr_node *zero = gr_reshape(gr_sum(start, GR_ALL), GR_SCALAR);
    gr_graph *graph = gr_node_graph(start);
    return gr_get(gr_scan(graph, &spec, (gr_node *[]){start, steps, weight, zero}), 0);
}

static int fuse_count_fused(const gr_graph *graph)
{
    int count = 0;
    for (int id = 0; id < gr_graph_size(graph); id++) {
        const gr_node *node = gr_graph_node(graph, id);
        count += node->op == &gr_op_fused;
        if (node->op == &gr_op_scan)
            count += fuse_count_fused(node->attr[GR_SCAN_BODY].body->graph);
    }
    return count;
}

static void test_bodies_of_loops_fuse(void **state)
{
    (void)state;
    float result[2][16 * 16];
    for (int k = 0; k < 2; k++) {
        const gr_compile_options options = {
            .size = sizeof options, .threads = 1, .passes = k ? NULL : "-fuse,-postops"};
        gr_graph *graph = gr_graph_new();
        gr_node *in[] = {gr_input(graph, "a", GR_F32, GR_SHAPE(9, 16)),
                         gr_input(graph, "b", GR_F32, GR_SHAPE(4, 9, 16)),
                         gr_input(graph, "c", GR_F32, GR_SHAPE(16, 16))};
        gr_node *last = fuse_recurrence(in[0], in[1], in[2]), *dw;
        unit_ok(gr_grad(gr_sum(gr_square(last), GR_ALL), &in[2], 1, &dw));
        gr_program *program;
        gr_session *session;
        unit_ok(gr_compile(graph, &dw, 1, &options, &program));
        unit_ok(gr_graph_verify(program->unit.graph));
        assert_true((fuse_count_fused(program->unit.graph) > 1) == (k == 1));
        unit_ok(gr_session_new(program, NULL, NULL, &session));
        for (int i = 0; i < 3; i++) {
            float data[4 * 9 * 16];
            for (int e = 0; e < 4 * 9 * 16; e++) data[e] = (float)((e * 37 + i) % 101) / 101 - 0.5f;
            const int input = gr_program_find_input(program, gr_node_name(in[i]));
            const gr_tensor type = gr_program_input_type(program, input);
            unit_ok(gr_session_write(session, input, data, gr_tensor_bytes(&type)));
        }
        unit_ok(gr_session_step(session));
        unit_ok(gr_session_read(session, 0, result[k], sizeof result[k]));
        gr_session_free(session);
        gr_program_free(program);
        gr_graph_free(graph);
    }
    assert_memory_equal(result[0], result[1], sizeof result[0]);
}

/* ---- What becomes one step ------------------------------------------------------------------- */

static int fuse_count_steps(gr_graph *graph, gr_node *const *targets, int n, const char *passes)
{
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .passes = passes};
    gr_program *program;
    unit_ok(gr_compile(graph, targets, n, &options, &program));
    unit_ok(gr_plan_verify(program->plan));
    assert_int_equal(program->plan->n_copies, 0);
    int steps = gr_program_plan(program).steps;
    gr_program_free(program);
    return steps;
}

static gr_node *fuse_variable(gr_graph *graph, const char *name)
{
    return gr_var(graph, name, GR_F32, GR_SHAPE(20, 30));
}

/* Mean, squares and weight of Adam: three outputs, each in its variable's own memory. */
static void test_an_update_is_one_step(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_node *w = fuse_variable(graph, "w"), *m = fuse_variable(graph, "m");
    gr_node *v = fuse_variable(graph, "v");
    gr_node *g = gr_input(graph, "g", GR_F32, GR_SHAPE(20, 30));
    gr_node *mean = gr_add(gr_scale(m, 0.9), gr_scale(g, 0.1));
    gr_node *squares = gr_add(gr_scale(v, 0.999), gr_scale(gr_square(g), 0.001));
    gr_node *step = gr_div(mean, gr_shift(gr_sqrt(squares), 1e-8));
    gr_node *targets[] = {gr_assign(m, mean), gr_assign(v, squares),
                          gr_assign(w, gr_sub(w, gr_scale(step, 0.01)))};
    assert_int_equal(fuse_count_steps(graph, targets, 3, NULL), 1);
    assert_true(fuse_count_steps(graph, targets, 3, "-fuse") > 8);
    gr_graph_free(graph);
}

/* The gradient of relu with the sum of a bias; softmax with its loss's gradient. */
static void test_reductions_join(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_node *y = gr_input(graph, "y", GR_F32, GR_SHAPE(40, 30));
    gr_node *dy = gr_input(graph, "dy", GR_F32, GR_SHAPE(40, 30));
    gr_node *dx = gr_where(gr_greater(y, gr_like(y, 0)), dy, gr_like(dy, 0));
    gr_node *masked[] = {dx, gr_sum(dx, GR_AXES(0))};
    assert_int_equal(fuse_count_steps(graph, masked, 2, NULL), 1);
    gr_node *p = gr_softmax(y, 1), *rows = gr_sum(gr_mul(p, dy), GR_KEEP(1));
    gr_node *softmax[] = {gr_mul(p, gr_sub(dy, rows)), rows};
    assert_int_equal(fuse_count_steps(graph, softmax, 2, NULL), 1);
    gr_graph_free(graph);
}

/* A difference that a later group reads is computed again there, not kept, but a costly gate is. */
static void test_cheap_values_are_repeated(void **state)
{
    (void)state;
    const gr_compile_options options = {.size = sizeof options, .threads = 1};
    for (int costly = 0; costly < 2; costly++) {
        gr_graph *graph = gr_graph_new();
        gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(9, 23));
        gr_node *row = gr_input(graph, "row", GR_F32, GR_SHAPE(23));
        gr_node *shared = gr_sub(x, row), *h = gr_tanh(shared);
        if (costly) shared = gr_exp(shared);
        gr_node *product = gr_matmul(gr_mul(h, shared), gr_transpose(h));
        gr_node *y = gr_mul(gr_square(shared), gr_sum(product, GR_KEEP(1)));
        gr_program *program;
        unit_ok(gr_compile(graph, &y, 1, &options, &program));
        unit_ok(gr_plan_verify(program->plan));
        int outputs = 0, fused = 0;
        for (int s = 0; s < program->plan->n_steps; s++) {
            if (program->plan->steps[s].node->op != &gr_op_fused) continue;
            outputs += program->plan->steps[s].n_out;
            fused++;
        }
        assert_int_equal(fused, 2);
        assert_int_equal(outputs, costly ? 4 : 3); /* tanh, the product's other factor, y */
        gr_program_free(program);
        gr_graph_free(graph);
    }
}

/* Two updates, each of which reads the variable that the other one writes: at most one of them may
 * happen in place. */
static void test_crossed_updates(void **state)
{
    (void)state;
    enum { N = 600 };
    float a[N], b[N], got[N];
    gr_store *store = gr_store_new();
    for (int i = 0; i < N; i++) a[i] = (float)i, b[i] = (float)(i * i % 17);
    unit_ok(gr_store_add(store, "a", &(gr_tensor){GR_F32, GR_SHAPE(20, 30), a}));
    unit_ok(gr_store_add(store, "b", &(gr_tensor){GR_F32, GR_SHAPE(20, 30), b}));
    gr_graph *graph = gr_graph_new();
    gr_node *va = fuse_variable(graph, "a"), *vb = fuse_variable(graph, "b");
    gr_node *product = gr_mul(gr_shift(va, 1), vb);
    gr_node *targets[] = {gr_assign(va, gr_add(gr_square(vb), product)),
                          gr_assign(vb, gr_sub(gr_neg(va), gr_scale(vb, 2)))};
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(graph, targets, 2, NULL, &program));
    unit_ok(gr_plan_verify(program->plan));
    unit_ok(gr_session_new(program, store, NULL, &session));
    unit_ok(gr_session_step(session));
    unit_ok(gr_store_read(store, "a", got, sizeof got));
    for (int i = 0; i < N; i++) assert_true(got[i] == b[i] * b[i] + (a[i] + 1) * b[i]);
    unit_ok(gr_store_read(store, "b", got, sizeof got));
    for (int i = 0; i < N; i++) assert_true(got[i] == -a[i] - b[i] * 2);
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(graph);
    gr_store_free(store);
}

/* ---- What is no body ------------------------------------------------------------------------- */

typedef gr_node *fuse_gates(gr_node *x, gr_node *y);

static gr_node *fuse_product(gr_node *x, gr_node *y)
{
    return gr_matmul(x, gr_transpose(y));
}

static gr_node *fuse_two_reductions(gr_node *x, gr_node *y)
{
    return gr_add(gr_sum(x, GR_KEEP(0)), gr_sum(gr_mul(x, y), GR_KEEP(1)));
}

static gr_node *fuse_read_column(gr_node *x, gr_node *y)
{
    return gr_mul(gr_sub(x, y), gr_sum(x, GR_AXES(0)));
}

static gr_node *fuse_sum_of_sum(gr_node *x, gr_node *y)
{
    return gr_mul(y, gr_sum(gr_sum(gr_mul(x, y), GR_AXES(1)), GR_ALL));
}

/* The sums of rows, read as a row: the space is square. */
static gr_node *fuse_turned(gr_node *x, gr_node *y)
{
    return gr_mul(gr_sub(x, y), gr_sum(x, GR_AXES(1)));
}

/* exp before and after the maximum, in rows too long to stay in registers. */
static gr_node *fuse_costly_twice(gr_node *x, gr_node *y)
{
    gr_node *e = gr_exp(x);
    return gr_mul(y, gr_sub(e, gr_max(e, GR_KEEP(1))));
}

static gr_node *fuse_two_products(gr_node *x, gr_node *y)
{
    return gr_add(gr_matmul(x, y), gr_matmul(y, x));
}

static gr_node *fuse_product_of_sum(gr_node *x, gr_node *y)
{
    return gr_square(gr_matmul(gr_add(x, y), y));
}

static gr_node *fuse_sum_of_product(gr_node *x, gr_node *y)
{
    return gr_sum(gr_square(gr_matmul(x, y)), GR_AXES(1));
}

static gr_node *fuse_compared_product(gr_node *x, gr_node *y)
{
    return gr_greater(gr_matmul(x, y), x);
}

static gr_node *fuse_squared_product(gr_node *x, gr_node *y)
{
    return gr_square(gr_matmul(x, y));
}

static gr_node *fuse_bare_product(gr_node *x, gr_node *y)
{
    return gr_matmul(x, y);
}

static gr_node *fuse_chain_of_two(gr_node *x, gr_node *y)
{
    return gr_square(gr_mul(x, y));
}

static void fuse_refused(fuse_gates *gates, gr_shape shape, const char *words)
{
    gr_graph *graph = gr_graph_new(), *inner = gr_graph_new();
    gr_node *in[] = {gr_input(inner, "x", GR_F32, shape), gr_input(inner, "y", GR_F32, shape)};
    gr_node *outer[] = {gr_input(graph, "x", GR_F32, shape), gr_input(graph, "y", GR_F32, shape)};
    gr_node *out = gates(in[0], in[1]);
    unit_ok(gr_graph_status(inner));
    const gr_body *body = gr_graph_adopt(graph, inner, in, 2, &out, 1);
    gr_node *fused = gr_fused(graph, body, outer);
    if (!words) {
        assert_false(gr_is_error(fused));
    } else {
        assert_true(gr_is_error(fused));
        if (!strstr(gr_graph_message(graph), words))
            fail_msg("no \"%s\" in: %s", words, gr_graph_message(graph));
    }
    gr_graph_free(graph);
}

static void test_what_is_no_body(void **state)
{
    (void)state;
    const gr_shape shape = GR_SHAPE(8, 8), longer = GR_SHAPE(8, GR_FUSED_TILE + 1);
    fuse_refused(fuse_product, shape, "another kind of gate");
    fuse_refused(fuse_bare_product, shape, "shows what its contraction leaves");
    fuse_refused(fuse_two_products, shape, "two contractions");
    fuse_refused(fuse_product_of_sum, shape, "computes what its contraction reads");
    fuse_refused(fuse_sum_of_product, shape, "a contraction and a reduction");
    fuse_refused(fuse_compared_product, shape, "does not end with an output");
    fuse_refused(fuse_squared_product, shape, NULL);
    fuse_refused(fuse_two_reductions, shape, "different axes");
    fuse_refused(fuse_read_column, shape, "keeps the last axis");
    fuse_refused(fuse_sum_of_sum, shape, "reduces a lean value");
    fuse_refused(fuse_turned, shape, "two axes of one value together");
    fuse_refused(fuse_costly_twice, longer, "costly gate twice");
    fuse_refused(fuse_costly_twice, shape, NULL);
    fuse_refused(fuse_chain_of_two, GR_SHAPE(8, 0), "without elements");
    fuse_refused(fuse_chain_of_two, shape, NULL);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static gr_status fuse_compile_flow(void *user)
{
    (void)user;
    gr_graph *graph = gr_graph_new();
    if (!graph) return GR_NO_MEMORY;
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(9, 23));
    gr_node *w = gr_input(graph, "w", GR_F32, GR_SHAPE(23, 23));
    gr_node *h = gr_matmul(gr_tanh(gr_matmul(x, w)), w);
    gr_node *y = gr_name(gr_square(gr_tanh(gr_softmax(h, 1))), "y");
    gr_program *program = NULL;
    gr_status status = gr_compile(graph, &y, 1, NULL, &program);
    gr_program_free(program);
    gr_graph_free(graph);
    return status;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(test_memory_sweep(fuse_compile_flow, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nets_keep_their_bits),
        cmocka_unit_test(test_optimizers_keep_their_bits),
        cmocka_unit_test(test_expressions_keep_their_bits),
        cmocka_unit_test(test_bodies_of_loops_fuse),
        cmocka_unit_test(test_an_update_is_one_step),
        cmocka_unit_test(test_reductions_join),
        cmocka_unit_test(test_cheap_values_are_repeated),
        cmocka_unit_test(test_crossed_updates),
        cmocka_unit_test(test_what_is_no_body),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
