/* Gradients of reductions and movement where samples do not go: zeros in products, equal extrema,
 * repeated and overlapping elements, the gradient's gradient. */
#include "support.h"

#include <math.h>

#include <gradus/gradus.h>

/* The gradient of the sum of `weights`·y by x at `values`, compared with `want`. */
static void expect_gradient(gr_node *x, gr_node *y, const double *values, const double *weights,
                            const double *want)
{
    gr_graph *g = gr_node_graph(x);
    gr_shape shape = gr_node_shape(y);
    gr_tensor w = {GR_F64, shape, (void *)(uintptr_t)weights}, out;
    gr_node *dx, *dy = gr_constant(g, &w);
    assert_string_equal(gr_graph_message(g), "");
    if (gr_vjp(y, dy, &x, 1, &dx) != GR_OK) fail_msg("%s", gr_message());
    const gr_feed feed = {gr_node_name(x), values};
    if (gr_evaluate(g, &dx, 1, &feed, 1, NULL, &out) != GR_OK) fail_msg("%s", gr_message());
    for (int64_t i = 0; i < gr_shape_count(out.shape); i++) {
        const double got = gr_tensor_at(&out, i);
        if (!(fabs(got - want[i]) <= 1e-12 * fmax(1, fabs(want[i])))) {
            fail_msg("element %d: %.17g instead of %.17g", (int)i, got, want[i]);
        }
    }
    gr_tensor_clear(&out);
}

static const double ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

#define EXPECT(x, y, values, weights, ...)                                                         \
    expect_gradient(x, y, values, weights, (double[]){__VA_ARGS__})

static void products_with_zeros(void **state)
{
    (void)state;
    static const double none[] = {2, 3, 4, 5, 6}, one[] = {2, 0, 4, 5, 6}, two[] = {2, 0, 4, 0, 6};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(5));
    gr_node *y = gr_prod(x, GR_ALL);
    EXPECT(x, y, none, ones, 360, 240, 180, 144, 120);
    EXPECT(x, y, one, ones, 0, 240, 0, 0, 0);
    EXPECT(x, y, two, ones, 0, 0, 0, 0, 0);

    gr_node *m = gr_input(g, "m", GR_F64, GR_SHAPE(2, 3));
    static const double rows[] = {2, 0, 5, 3, 4, 0}, weights[] = {1, 10, 100};
    EXPECT(m, gr_prod(m, GR_AXES(0)), rows, weights, 3, 40, 0, 2, 0, 500);
    EXPECT(m, gr_prod(m, GR_KEEP(1)), rows, weights, 0, 10, 0, 0, 0, 120);
    gr_graph_free(g);
}

/* y = x0·x1·x2: the Hessian's entry (0, 1) is x2, also where x0 = x1 = 0. */
static void second_derivatives_of_products_with_zeros(void **state)
{
    (void)state;
    static const double values[] = {0, 0, 7}, direction[] = {1, 2, 3};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3)), *dx;
    assert_int_equal(gr_grad(gr_prod(x, GR_ALL), &x, 1, &dx), GR_OK);
    EXPECT(x, dx, values, direction, 14, 7, 0);
    gr_graph_free(g);
}

static void extrema_give_to_the_first_of_equals(void **state)
{
    (void)state;
    static const double values[] = {5, 1, 5, 1, 5, 1}, weights[] = {2, 3};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3, 2));
    EXPECT(x, gr_max(x, GR_ALL), values, ones, 1, 0, 0, 0, 0, 0);
    EXPECT(x, gr_min(x, GR_ALL), values, ones, 0, 1, 0, 0, 0, 0);
    EXPECT(x, gr_max(x, GR_AXES(0)), values, weights, 2, 3, 0, 0, 0, 0);

    /* Over axes 0 and 2 the kept axis lies between: first in the order of x. */
    static const double block[] = {1, 9, 4, 4, 9, 1, 4, 4};
    gr_node *b = gr_input(g, "b", GR_F64, GR_SHAPE(2, 2, 2));
    EXPECT(b, gr_max(b, GR_AXES(0, 2)), block, weights, 0, 2, 3, 0, 0, 0, 0, 0);
    gr_graph_free(g);
}

/* A gradient of max differentiates again: y = Σ max(x)·x has the Hessian of a square at the
 * largest element and ones beside it. */
static void extrema_differentiate_twice(void **state)
{
    (void)state;
    static const double values[] = {1, 3, 2}, direction[] = {1, 10, 100};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3)), *dx;
    gr_node *y = gr_sum(gr_mul(gr_max(x, GR_ALL), x), GR_ALL);
    assert_int_equal(gr_grad(y, &x, 1, &dx), GR_OK);
    EXPECT(x, dx, values, direction, 10, 1 + 2 * 10 + 100, 10);
    gr_graph_free(g);
}

static void rows_read_twice_receive_twice(void **state)
{
    (void)state;
    static const int64_t twice[] = {1, 0, 1};
    static const double values[] = {1, 2, 3, 4, 5, 6}, weights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3, 2));
    gr_node *index = gr_constant(g, &(gr_tensor){GR_I64, GR_SHAPE(3), (void *)(uintptr_t)twice});
    EXPECT(x, gr_gather(x, index, 0), values, weights, 3, 4, 6, 8, 0, 0);
    EXPECT(x, gr_gather(x, index, 1), values, weights, 2, 4, 5, 10, 8, 16);
    gr_node *base = gr_full(g, GR_F64, GR_SHAPE(2, 2), 0);
    EXPECT(x, gr_scatter_add(base, index, x, 0), values, weights, 3, 4, 1, 2, 3, 4);
    EXPECT(x, gr_concat((gr_node *[]){x, x}, 2, 0), values, ones, 2, 2, 2, 2, 2, 2);
    gr_graph_free(g);
}

static void strides_leave_gaps(void **state)
{
    (void)state;
    static const double values[] = {1, 2, 3, 4, 5, 6}, weights[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(6));
    gr_node *slice = gr_slice(x, (int64_t[]){1}, (int64_t[]){5}, (int64_t[]){2});
    EXPECT(x, slice, values, weights, 0, 1, 0, 2, 0, 0);
    gr_node *some = gr_slice(x, (int64_t[]){0}, (int64_t[]){3}, NULL);
    gr_node *pad = gr_pad(some, (int64_t[]){1}, (int64_t[]){3}, (int64_t[]){1}, 5);
    EXPECT(x, pad, values, weights, 2, 4, 6, 0, 0, 0);
    EXPECT(x, gr_broadcast(gr_reshape(x, GR_SHAPE(6, 1)), GR_SHAPE(6, 2)), values, ones, 2, 2, 2, 2,
           2, 2);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_with_zeros),
        cmocka_unit_test(second_derivatives_of_products_with_zeros),
        cmocka_unit_test(extrema_give_to_the_first_of_equals),
        cmocka_unit_test(extrema_differentiate_twice),
        cmocka_unit_test(rows_read_twice_receive_twice),
        cmocka_unit_test(strides_leave_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
