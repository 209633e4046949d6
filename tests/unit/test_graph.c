/* Graphs: leaves, sticky faults and their messages, names, tuples, copies, exhaustion of memory. */
#include "support.h"

#include <gradus/graph.h>

#include "ops/ops.h"

#undef gr_at

/* Ops of this test's own, so that it stands on the graph alone. */
static const gr_op test_join = {
    .name = "join", .min_in = 2, .max_in = 2, .infer = gr_infer_broadcast};

static bool test_pair_infer(gr_infer *s)
{
    s->n_out = 2;
    s->out[0] = s->out[1] = s->in[0];
    s->out[1].dtype = GR_I32;
    return true;
}
static const gr_op test_pair = {.name = "pair", .min_in = 1, .max_in = 1, .infer = test_pair_infer};

static gr_node *join(gr_node *a, gr_node *b)
{
    return gr_build(NULL, &test_join, (gr_node *[]){a, b}, 2, NULL);
}

static void leaves_have_names_types_and_shapes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3, 1));
    gr_node *w = gr_var(g, "w", GR_F64, GR_SCALAR);
    gr_node *c = gr_scalar(g, GR_F32, 1.5);
    assert_int_equal(gr_graph_size(g), 3);
    assert_string_equal(gr_node_op(x), "input");
    assert_string_equal(gr_node_name(x), "x");
    assert_null(gr_node_name(c));
    assert_true(gr_shape_equal(gr_node_shape(x), GR_SHAPE(3, 1)));
    assert_int_equal(gr_node_dtype(w), GR_F64);
    assert_int_equal(gr_node_id(w), 1);
    assert_ptr_equal(gr_graph_node(g, 2), c);
    assert_null(gr_graph_node(g, 3));
    assert_null(gr_graph_node(g, -1));
    assert_ptr_equal(gr_graph_find(g, "w"), w);
    assert_null(gr_graph_find(g, "y"));
    assert_true(gr_tensor_at(c->attr[0].tensor, 0) == 1.5);
    gr_name(c, "half again");
    gr_name(c, "other");
    assert_string_equal(gr_node_name(c), "half again");
    assert_ptr_equal(gr_graph_find(g, "half again"), c);
    assert_int_equal(gr_graph_status(g), GR_OK);
    assert_string_equal(gr_graph_message(g), "");
    gr_graph_free(g);
}

static void a_variable_is_found_again(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *w = gr_var(g, "w", GR_F32, GR_SHAPE(2));
    assert_ptr_equal(gr_var(g, "w", GR_F32, GR_SHAPE(2)), w);
    assert_int_equal(gr_graph_size(g), 1);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%d", i % 500);
        assert_false(gr_is_error(gr_var(g, name, GR_F32, GR_SCALAR)));
    }
    assert_int_equal(gr_graph_size(g), 501);
    assert_true(gr_is_error(gr_var(g, "w", GR_F32, GR_SHAPE(3))));
    assert_int_equal(gr_graph_status(g), GR_SHAPE);
    assert_non_null(strstr(gr_graph_message(g), "var 'w' ("));
    assert_non_null(
        strstr(gr_graph_message(g), ": asked for as f32[3], but it was made as f32[2]"));
    gr_graph_free(g);
}

static void refused_leaves(void **state)
{
    (void)state;
    struct {
        const char *name;
        gr_dtype dtype;
        gr_shape shape;
        const char *message;
    } cases[] = {
        {NULL, GR_F32, GR_SCALAR, "input: needs a name"},
        {"", GR_F32, GR_SCALAR, "input: needs a name"},
        {"a", GR_DTYPE_COUNT, GR_SCALAR, "input 'a': unknown element type 9"},
        {"a", GR_F32, {.rank = 9}, "input 'a': rank 9 is not between 0 and 8"},
        {"a", GR_F32, {.rank = -1}, "input 'a': rank -1 is not between 0 and 8"},
        {"a",
         GR_F32,
         {2, {3, -1}},
         "input 'a': shape [3,-1] has a negative size or too many elements"},
        {"a",
         GR_F32,
         {2, {INT64_MAX, 3}},
         "input 'a': shape [9223372036854775807,3] has a negative size or too many elements"},
        {"a", /* empty, but what multiplies its sizes would overflow */
         GR_F32,
         {3, {0, (int64_t)1 << 40, (int64_t)1 << 22}},
         "input 'a': shape [0,1099511627776,4194304] has a negative size or too many elements"},
        {"w", GR_F32, GR_SCALAR,
         "input 'w': the name is taken by an earlier var; names of inputs and variables are "
         "unique"},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *g = gr_graph_new();
        gr_var(g, "w", GR_F32, GR_SCALAR);
        gr_node *x = (gr_input)(g, cases[i].name, cases[i].dtype, cases[i].shape);
        assert_true(gr_is_error(x));
        assert_string_equal(gr_graph_message(g), cases[i].message);
        gr_graph_free(g);
    }
    gr_graph *g = gr_graph_new();
    (gr_constant)(g, &(gr_tensor){GR_F32, GR_SHAPE(2), NULL});
    assert_string_equal(gr_graph_message(g), "constant: the tensor f32[2] has no data");
    gr_graph_free(g);
}

static void the_first_fault_stays(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *y = gr_input(g, "y", GR_F32, GR_SHAPE(4));
    gr_node *bad = gr_at(gr_name(join(x, y), "fc1"), "net.c:41");
    assert_true(gr_is_error(bad));
    gr_node *next = gr_at(gr_name(join(bad, x), "later"), "net.c:42");
    assert_ptr_equal(next, bad);
    gr_at(gr_name(join(x, gr_input(g, "z", GR_F32, GR_SHAPE(5))), "second"), "net.c:43");
    assert_string_equal(gr_graph_message(g),
                        "join 'fc1' (net.c:41): shapes do not broadcast: [3] and [4]");
    assert_int_equal(gr_graph_status(g), GR_SHAPE);
    assert_false(gr_is_error(join(x, x))); /* sound inputs still build */
    assert_int_equal(gr_node_id(bad), -1);
    assert_string_equal(gr_node_op(bad), "error");
    assert_int_equal(gr_node_inputs(bad), 0);
    assert_ptr_equal(gr_node_graph(bad), g);
    gr_graph_free(g);
}

static void a_later_name_does_not_stick_to_an_earlier_fault(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *y = gr_input(g, "y", GR_F32, GR_SHAPE(4));
    gr_node *bad = gr_at(join(x, y), "net.c:1");
    gr_name(join(bad, x), "later");
    assert_string_equal(gr_graph_message(g),
                        "join (net.c:1): shapes do not broadcast: [3] and [4]");
    gr_graph_free(g);
}

static void composites_are_remembered(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_composite_begin(g, "dense");
    gr_composite_begin(g, "inner");
    gr_node *inner = join(x, x);
    gr_composite_end(g);
    gr_node *out = join(inner, inner);
    gr_composite_end(g);
    gr_at(out, "net.c:7"); /* the line that called the composite is that of all its gates */
    assert_string_equal(gr_node_composite(inner), "dense");
    assert_string_equal(gr_node_composite(out), "dense");
    assert_string_equal(gr_node_place(inner), "net.c:7");
    assert_null(gr_node_composite(join(x, x)));

    gr_composite_begin(g, "dense");
    gr_node *bad = join(join(x, gr_scalar(g, GR_F64, 1)), x);
    gr_composite_end(g);
    gr_at(gr_name(bad, "fc1"), "net.c:9");
    assert_string_equal(gr_graph_message(g), "join in dense 'fc1' (net.c:9): element types "
                                             "differ: f32 and f64 (convert one by cast)");
    gr_graph_free(g);
}

static void macros_note_the_place(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    const char *place = __FILE__ ":" GR_TEXT(__LINE__);
    gr_node *x = gr_at((gr_input)(g, "x", GR_F32, GR_SCALAR), place);
    assert_string_equal(gr_node_place(x), place);
    assert_ptr_equal(gr_at(NULL, place), NULL);
    gr_graph_free(g);
}

static void null_is_an_error_node(void **state)
{
    (void)state;
    assert_true(gr_is_error(NULL));
    assert_true(gr_is_error(gr_input(NULL, "x", GR_F32, GR_SCALAR)));
    assert_true(gr_is_error(join(NULL, NULL)));
    assert_int_equal(gr_graph_status(NULL), GR_NO_MEMORY);
    assert_non_null(strstr(gr_graph_message(NULL), "out of memory"));
    assert_int_equal(gr_graph_size(NULL), 0);
    assert_null(gr_graph_find(NULL, "x"));
    assert_int_equal(gr_node_shape(NULL).rank, 0);
    assert_null(gr_node_name(NULL));
    assert_string_equal(gr_node_op(NULL), "error");
    assert_null(gr_node_input(NULL, 0));
    assert_true(gr_is_error(gr_get(NULL, 0)));
    assert_true(gr_is_error(gr_like(NULL, 0)));
    gr_graph_free(NULL);
    gr_composite_begin(NULL, "x");
    gr_composite_end(NULL);

    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SCALAR);
    assert_ptr_equal(join(x, NULL), gr_error_node(g));
    assert_string_equal(gr_graph_message(g), "join: input 1 is NULL");
    gr_graph_free(g);
}

static void gates_are_built_again(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new(), *h = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *sum = gr_name(join(x, x), "sum");
    gr_node *a = gr_input(h, "a", GR_F64, GR_SHAPE(2, 1));
    gr_node *b = gr_input(h, "b", GR_F64, GR_SHAPE(4));
    gr_node *again = gr_again(h, sum, (gr_node *[]){a, b}, 2);
    assert_string_equal(gr_node_op(again), "join");
    assert_ptr_equal(gr_node_input(again, 1), b);
    assert_null(gr_node_name(again));
    assert_true(gr_shape_equal(gr_node_shape(again), GR_SHAPE(2, 4)));
    assert_false(gr_node_elementwise(again));
    assert_false(gr_node_elementwise(NULL));
    assert_true(gr_is_error(gr_again(h, x, NULL, 0)));
    assert_string_equal(gr_graph_message(h), "input: cannot be built again on 0 inputs");
    assert_true(gr_is_error(gr_again(g, sum, &x, 1)));
    assert_string_equal(gr_graph_message(g), "join: cannot be built again on 1 inputs");
    gr_graph_free(g);
    gr_graph_free(h);
}

static void two_graphs_do_not_mix(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new(), *h = gr_graph_new();
    join(gr_input(g, "x", GR_F32, GR_SCALAR), gr_input(h, "x", GR_F32, GR_SCALAR));
    assert_string_equal(gr_graph_message(g), "join: input 1 belongs to another graph than input 0");
    assert_int_equal(gr_graph_status(h), GR_OK);
    gr_graph_free(g);
    gr_graph_free(h);
}

static void tuples_are_read_by_get(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *pair = gr_build(g, &test_pair, &x, 1, NULL);
    assert_int_equal(gr_node_outputs(pair), 2);
    assert_int_equal(gr_node_dtype((gr_get)(pair, 1)), GR_I32);
    assert_ptr_equal((gr_get)(x, 0), x);
    (gr_get)(pair, 2);
    assert_string_equal(gr_graph_message(g), "get: part 2 of a tuple of 2 (pair)");
    gr_graph_free(g);

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    join(x, gr_build(g, &test_pair, &x, 1, NULL));
    assert_string_equal(gr_graph_message(g),
                        "join: input 1 is a tuple of 2 (pair): read it with gr_get");
    gr_graph_free(g);
}

static void arity_is_checked(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SCALAR);
    gr_build(g, &test_join, &x, 1, NULL);
    assert_string_equal(gr_graph_message(g), "join: takes 2 inputs, not 1");
    gr_graph_free(g);
}

/* ---- Memory that runs out at the Nth request ---------------------------------------------- */

static int test_left;

static void *test_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return test_left-- > 0 ? realloc(block, new_size) : NULL;
}

static void exhaustion_is_a_status(void **state)
{
    (void)state;
    const gr_allocator hook = {test_resize, NULL};
    gr_set_allocator(&hook);
    bool done = false;
    for (int n = 0; !done && n < 1000; n++) {
        test_left = n;
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
        for (int i = 0; i < 40; i++) {
            char name[300];
            snprintf(name, sizeof name, "%0250d", i);
            x = gr_name(join(x, gr_var(g, name, GR_F32, GR_SCALAR)), name);
        }
        done = gr_graph_status(g) == GR_OK;
        assert_int_equal(gr_is_error(x), !done);
        if (!done) assert_int_equal(gr_graph_status(g), GR_NO_MEMORY);
        if (!done) assert_non_null(strstr(gr_graph_message(g), "out of memory"));
        gr_graph_free(g);
    }
    gr_set_allocator(NULL);
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_have_names_types_and_shapes),
        cmocka_unit_test(a_variable_is_found_again),
        cmocka_unit_test(refused_leaves),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(a_later_name_does_not_stick_to_an_earlier_fault),
        cmocka_unit_test(composites_are_remembered),
        cmocka_unit_test(macros_note_the_place),
        cmocka_unit_test(null_is_an_error_node),
        cmocka_unit_test(gates_are_built_again),
        cmocka_unit_test(two_graphs_do_not_mix),
        cmocka_unit_test(tuples_are_read_by_get),
        cmocka_unit_test(arity_is_checked),
        cmocka_unit_test(exhaustion_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
