/* Outer products: the pass that makes gates of them, where it may, and loops, whose gradients do
 * not keep them for every step. */
#include "support.h"

#include <gradus/gradus.h>

#include "graph/graph.h"
#include "ops/ops.h"
#include "ops/scan.h"
#include "passes/pass.h"

static int outer_count(const gr_graph *graph, const gr_op *op)
{
    int n = 0;
    for (int id = 0; id < gr_graph_size(graph); id++) n += graph->nodes[id]->op == op;
    return n;
}

/* ---- The pass ----------------------------------------------------------------------------- */

typedef struct outer_case {
    gr_shape a, b;
    bool turn_a, turn_b;
    gr_dtype dtype;
    bool gate; /* is it made one? */
} outer_case;

static gr_tensor outer_run(gr_graph *graph, gr_node *y, const char *passes)
{
    const gr_compile_options options = {.size = sizeof options, .passes = passes};
    gr_program *program;
    gr_session *session;
    gr_tensor result;
    unit_ok(gr_compile(graph, &y, 1, &options, &program));
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    for (int i = 0; i < gr_program_inputs(program); i++) {
        gr_tensor x = gr_program_input_type(program, i);
        unit_ok(gr_tensor_new(x.dtype, x.shape, &x));
        for (int64_t k = 0; k < gr_shape_count(x.shape); k++)
            gr_tensor_put(&x, k, (double)(k % 23 + 1) / (double)(i + 3));
        unit_ok(gr_session_write(session, i, x.data, gr_tensor_bytes(&x)));
        gr_tensor_clear(&x);
    }
    unit_ok(gr_session_step(session));
    unit_ok(gr_tensor_new(gr_node_dtype(y), gr_node_shape(y), &result));
    unit_ok(gr_session_read(session, 0, result.data, gr_tensor_bytes(&result)));
    gr_session_free(session);
    gr_program_free(program);
    return result;
}

static void test_products_of_one_term(void **state)
{
    (void)state;
    static const outer_case cases[] = {
        {{2, {20, 1}}, {2, {1, 128}}, false, false, GR_F32, true},
        {{2, {1, 20}}, {2, {1, 128}}, true, false, GR_F32, true},
        {{2, {20, 1}}, {2, {128, 1}}, false, true, GR_F32, true},
        {{3, {5, 1, 20}}, {3, {5, 33, 1}}, true, true, GR_F32, true},
        {{3, {5, 20, 1}}, {2, {1, 40}}, false, false, GR_F32, true},
        {{2, {20, 2}}, {2, {2, 128}}, false, false, GR_F32, false}, /* two terms */
        {{2, {20, 1}}, {2, {1, 128}}, false, false, GR_F64, false},
        {{2, {1, 1}}, {2, {1, 128}}, false, false, GR_F32, false},  /* one row, */
        {{2, {20, 1}}, {2, {1, 16}}, false, false, GR_F32, false},  /* short ones, */
        {{2, {20, 1}}, {2, {1, 256}}, false, false, GR_F32, false}, /* and long ones */
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        const outer_case *c = &cases[i];
        gr_graph *graph = gr_graph_new();
        gr_node *a = gr_input(graph, "a", c->dtype, c->a),
                *b = gr_input(graph, "b", c->dtype, c->b);
        gr_node *y = gr_tanh(gr_matmul_t(a, c->turn_a, b, c->turn_b));
        gr_unit unit;
        unit_ok(gr_unit_copy(&unit, &y, 1));
        unit_ok(gr_pass_outer(&unit));
        unit_ok(gr_pass_dead(&unit));
        assert_int_equal(outer_count(unit.graph, &gr_op_matmul), !c->gate);
        assert_true(gr_shape_equal(gr_node_shape(unit.targets[0]), gr_node_shape(y)));
        gr_unit_free(&unit);
        gr_tensor with = outer_run(graph, y, NULL), without = outer_run(graph, y, "-all");
        assert_memory_equal(with.data, without.data, gr_tensor_bytes(&with));
        gr_tensor_clear(&with), gr_tensor_clear(&without);
        gr_graph_free(graph);
    }
}

/* ---- Loops -------------------------------------------------------------------------------- */

enum { STEPS = 6, ROWS = 5, COLUMNS = 40 };

/* memory·(1 + tanh(u) ⊗ v) + memory², of which a gradient reads the outer product and the memory.
 */
static gr_node *outer_loop(gr_graph *graph, gr_node *const *outer)
{
    gr_graph *body = gr_graph_new();
    gr_node *memory = gr_input(body, "memory", GR_F32, GR_SHAPE(ROWS, COLUMNS));
    gr_node *u = gr_input(body, "u", GR_F32, GR_SHAPE(ROWS, 1));
    gr_node *v = gr_input(body, "v", GR_F32, GR_SHAPE(1, COLUMNS));
    gr_node *change = gr_matmul(gr_tanh(u), v);
    gr_node *next =
        gr_add(gr_add(memory, gr_mul(memory, change)), gr_scale(gr_square(memory), 0.1));
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = (gr_node *[]){memory, u, v},
                               .body_out = (gr_node *[]){next},
                               .carries = 1,
                               .slices = 2};
    return gr_get(gr_scan(graph, &spec, outer), 0);
}

/* Of a step the loop for the gradient keeps the memory, u's tangent and v, but no product. */
static void test_loops_keep_no_outer_product(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_node *outer[] = {gr_input(graph, "memory", GR_F32, GR_SHAPE(ROWS, COLUMNS)),
                        gr_input(graph, "u", GR_F32, GR_SHAPE(STEPS, ROWS, 1)),
                        gr_input(graph, "v", GR_F32, GR_SHAPE(STEPS, 1, COLUMNS))};
    gr_node *dx[3], *loss = gr_sum(gr_square(outer_loop(graph, outer)), GR_ALL);
    unit_ok(gr_grad(loss, outer, 3, dx));
    int large = 0, loops = 0;
    for (int id = 0; id < gr_graph_size(graph); id++) {
        const gr_node *node = graph->nodes[id];
        if (node->op != &gr_op_scan || node->attr[GR_SCAN_REVERSE].i) continue;
        loops++;
        for (int j = 1; j < node->n_out; j++)
            large += gr_shape_equal(node->out[j].shape, GR_SHAPE(STEPS, ROWS, COLUMNS));
    }
    assert_int_equal(loops, 2);
    assert_int_equal(large, 1); /* the memory at each step's start */
    gr_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_of_one_term),
        cmocka_unit_test(test_loops_keep_no_outer_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
