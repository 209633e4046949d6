/* The pass that puts gradients of slices together: where it may, where not, and the same bits. */
#include "support.h"

#include <gradus/gradus.h>

#include "graph/graph.h"
#include "passes/pass.h"

#include <math.h>

enum { ROWS = 3, COLUMNS = 10 };

typedef struct tiles_case {
    gr_graph *graph;
    gr_node *x;
} tiles_case;

static tiles_case tiles_open(void)
{
    gr_graph *g = gr_graph_new();
    return (tiles_case){g, gr_input(g, "x", GR_F32, GR_SHAPE(ROWS, COLUMNS))};
}

/* Columns [from, to) of x among zeros, as the gradient of a slice is. */
static gr_node *tiles_tile(const tiles_case *c, int64_t from, int64_t to)
{
    const int64_t start[] = {0, from}, stop[] = {ROWS, to}, none[] = {0, 0};
    const int64_t before[] = {0, from}, after[] = {0, COLUMNS - to};
    gr_node *part = gr_mul(gr_slice(c->x, start, stop, NULL), gr_slice(c->x, start, stop, NULL));
    return gr_pad(part, before, after, none, 0);
}

static int tiles_count(const gr_unit *unit, const char *op)
{
    int n = 0;
    for (int id = 0; id < gr_graph_size(unit->graph); id++)
        n += unit->graph->nodes[id]->op == gr_op_find(op);
    return n;
}

static void tiles_run(const tiles_case *c, gr_node *y, const char *passes, const float *x,
                      float *result)
{
    const gr_compile_options options = {.size = sizeof options, .passes = passes};
    const size_t bytes = ROWS * COLUMNS * sizeof(float);
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(c->graph, &y, 1, &options, &program));
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    unit_ok(gr_session_write(session, 0, x, bytes));
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 0, result, bytes));
    gr_session_free(session);
    gr_program_free(program);
}

/* After the pass there are so many concats and pads; the values keep their bits. */
static void tiles_expect(tiles_case *c, gr_node *y, int concats, int pads)
{
    float x[ROWS * COLUMNS], with[ROWS * COLUMNS], without[ROWS * COLUMNS];
    gr_unit unit;
    unit_ok(gr_unit_copy(&unit, &y, 1));
    unit_ok(gr_pass_tiles(&unit));
    unit_ok(gr_pass_dead(&unit));
    assert_int_equal(tiles_count(&unit, "concat"), concats);
    assert_int_equal(tiles_count(&unit, "pad"), pads);
    gr_unit_free(&unit);
    static const float odd[] = {-0.0F, 1.5F, NAN, -INFINITY, 0, -3e-30F, 7};
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = odd[i % (int)GR_LEN(odd)];
    tiles_run(c, y, "-all", x, without);
    tiles_run(c, y, "", x, with);
    assert_memory_equal(with, without, sizeof with);
    gr_graph_free(c->graph);
}

static void test_side_by_side(void **state)
{
    (void)state;
    tiles_case c = tiles_open();
    gr_node *sum = gr_add(tiles_tile(&c, 2, 5), tiles_tile(&c, 0, 2));
    tiles_expect(&c, gr_add(tiles_tile(&c, 5, 10), sum), 1, 0);
    c = tiles_open(); /* zeros stay around them */
    tiles_expect(&c, gr_add(tiles_tile(&c, 4, 7), tiles_tile(&c, 7, 9)), 1, 1);
    c = tiles_open(); /* rows */
    gr_node *upper = gr_slice(c.x, (int64_t[]){0, 0}, (int64_t[]){1, COLUMNS}, NULL);
    gr_node *lower = gr_slice(c.x, (int64_t[]){1, 0}, (int64_t[]){ROWS, COLUMNS}, NULL);
    const int64_t none[] = {0, 0};
    upper = gr_pad(gr_neg(upper), none, (int64_t[]){ROWS - 1, 0}, none, 0);
    lower = gr_pad(gr_neg(lower), (int64_t[]){1, 0}, none, none, 0);
    tiles_expect(&c, gr_add(lower, upper), 1, 0);
}

static void test_what_is_left_alone(void **state)
{
    (void)state;
    const int64_t none[] = {0, 0}, one[] = {0, 1}, nine[] = {0, COLUMNS - 1};
    tiles_case c = tiles_open(); /* they overlap */
    tiles_expect(&c, gr_add(tiles_tile(&c, 0, 6), tiles_tile(&c, 5, 10)), 0, 2);
    c = tiles_open(); /* a gap */
    tiles_expect(&c, gr_add(tiles_tile(&c, 0, 4), tiles_tile(&c, 5, 10)), 0, 2);
    c = tiles_open(); /* not a tile */
    tiles_expect(&c, gr_add(tiles_tile(&c, 0, 4), gr_add(c.x, tiles_tile(&c, 4, 10))), 0, 2);
    c = tiles_open(); /* ones around */
    gr_node *first = gr_slice(c.x, none, (int64_t[]){ROWS, 1}, NULL);
    tiles_expect(&c, gr_add(gr_pad(first, none, nine, none, 1), tiles_tile(&c, 1, 10)), 0, 2);
    c = tiles_open(); /* a row that broadcasts */
    gr_node *row = gr_slice(c.x, none, (int64_t[]){1, 1}, NULL);
    tiles_expect(&c, gr_add(gr_pad(row, none, nine, none, 0), tiles_tile(&c, 1, 10)), 0, 2);
    c = tiles_open(); /* zeros between */
    gr_node *even = gr_slice(c.x, none, (int64_t[]){ROWS, 5}, NULL);
    gr_node *other = gr_pad(even, one, none, one, 0);
    tiles_expect(&c, gr_add(other, gr_pad(even, none, one, one, 0)), 0, 2);
}

/* A sum that something else reads too is one in its own right. */
static void test_a_sum_read_twice(void **state)
{
    (void)state;
    tiles_case c = tiles_open();
    gr_node *sum = gr_add(tiles_tile(&c, 0, 4), tiles_tile(&c, 4, 6));
    gr_node *all = gr_add(sum, tiles_tile(&c, 6, 10));
    tiles_expect(&c, gr_mul(all, gr_exp(sum)), 2, 1);
}

/* The gradient of slices, from the other end: no zeros are added up. */
static void test_the_gradient_of_slices(void **state)
{
    (void)state;
    tiles_case c = tiles_open();
    gr_node *loss = NULL, *dx;
    for (int64_t at = 0; at < COLUMNS; at += 2) {
        const int64_t start[] = {0, at}, stop[] = {ROWS, at + 2};
        gr_node *part = gr_slice(c.x, start, stop, NULL);
        part = gr_sum(gr_scale(gr_square(part), (double)at - 3), GR_ALL);
        loss = loss ? gr_add(loss, part) : part;
    }
    unit_ok(gr_grad(loss, &c.x, 1, &dx));
    tiles_expect(&c, dx, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_what_is_left_alone),
        cmocka_unit_test(test_a_sum_read_twice),
        cmocka_unit_test(test_the_gradient_of_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
