/* What is derived again rather than kept, and what is not. */
#include "support.h"

#include <gradus/gradus.h>

#include "ops/ops.h"
#include "passes/pass.h"

static int rederive_count(const gr_unit *unit, const gr_op *op)
{
    int n = 0;
    for (int id = 0; id < gr_graph_size(unit->graph); id++) n += unit->graph->nodes[id]->op == op;
    return n;
}

/* y = (x·w − m)·r goes through a product to z; both are read behind it. */
typedef struct rederive_case {
    gr_graph *graph;
    gr_node *x, *w, *base, *centred, *scaled;
    gr_unit unit;
} rederive_case;

static void rederive_open(rederive_case *c, int64_t rows)
{
    c->graph = gr_graph_new();
    c->x = gr_input(c->graph, "x", GR_F32, GR_SHAPE(rows, 64));
    c->w = gr_input(c->graph, "w", GR_F32, GR_SHAPE(64, 64));
    gr_node *m = gr_input(c->graph, "m", GR_F32, GR_SHAPE(64));
    gr_node *r = gr_input(c->graph, "r", GR_F32, GR_SHAPE(64));
    c->base = gr_matmul(c->x, c->w);
    c->centred = gr_sub(c->base, m);
    c->scaled = gr_mul(c->centred, r);
}

/* Rederives for a target behind another product, which reads `late` values once more. */
static void rederive_run(rederive_case *c, gr_node *late)
{
    gr_node *product = gr_matmul(gr_relu(c->scaled), c->w);
    gr_node *target = gr_add(gr_mul(product, c->centred), late);
    unit_ok(gr_unit_copy(&c->unit, &target, 1));
    unit_ok(gr_pass_rederive(&c->unit));
    unit_ok(gr_graph_verify(c->unit.graph));
}

static void rederive_close(rederive_case *c)
{
    gr_unit_free(&c->unit);
    gr_graph_free(c->graph);
}

static void test_cheap_gates_are_derived_again(void **state)
{
    (void)state;
    rederive_case c;
    rederive_open(&c, 128);
    rederive_run(&c, c.scaled);
    assert_int_equal(rederive_count(&c.unit, &gr_op_sub), 2); /* early and late, shared there */
    assert_int_equal(rederive_count(&c.unit, &gr_op_mul), 3);
    assert_int_equal(rederive_count(&c.unit, &gr_op_matmul), 2);
    rederive_close(&c);
}

static void test_small_values_are_kept(void **state)
{
    (void)state;
    rederive_case c;
    rederive_open(&c, 32);
    rederive_run(&c, c.scaled);
    assert_int_equal(rederive_count(&c.unit, &gr_op_sub), 1);
    rederive_close(&c);
}

static void test_what_a_kernel_reads_is_kept(void **state)
{
    (void)state;
    rederive_case c;
    rederive_open(&c, 128);
    rederive_run(&c, gr_matmul(c.centred, c.w)); /* so centred is in memory anyway */
    assert_int_equal(rederive_count(&c.unit, &gr_op_sub), 1);
    rederive_close(&c);
}

static void test_costly_gates_are_kept(void **state)
{
    (void)state;
    rederive_case c;
    rederive_open(&c, 128);
    gr_node *costly = gr_tanh(c.base);
    c.scaled = gr_shift(costly, 1);
    rederive_run(&c, gr_mul(c.scaled, costly));
    assert_int_equal(rederive_count(&c.unit, &gr_op_tanh), 1);
    rederive_close(&c);
}

/* Two large operands: deriving again would keep both instead of one. */
static void test_sums_of_two_are_kept(void **state)
{
    (void)state;
    rederive_case c;
    rederive_open(&c, 128);
    gr_node *other = gr_input(c.graph, "other", GR_F32, GR_SHAPE(128, 64));
    c.scaled = gr_div(c.scaled, other);
    rederive_run(&c, c.scaled);
    assert_int_equal(rederive_count(&c.unit, &gr_op_div), 1);
    rederive_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheap_gates_are_derived_again),
        cmocka_unit_test(test_small_values_are_kept),
        cmocka_unit_test(test_what_a_kernel_reads_is_kept),
        cmocka_unit_test(test_costly_gates_are_kept),
        cmocka_unit_test(test_sums_of_two_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
