/* matmul: shapes and refusals, values by hand, packed kernels against the reference. */
#include "support_kernel.h"

#include <float.h>
#include <math.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_matmul_prepare;

/* ---- Shapes ---------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *v3 = gr_input(g, "v3", GR_F32, GR_SHAPE(3));
    gr_node *m23 = gr_input(g, "m23", GR_F32, GR_SHAPE(2, 3));
    gr_node *m34 = gr_input(g, "m34", GR_F32, GR_SHAPE(3, 4));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(5, 1, 2, 3));
    gr_node *c = gr_input(g, "c", GR_F32, GR_SHAPE(7, 3, 4));
    expect_shape(gr_matmul(m23, m34), GR_SHAPE(2, 4));
    expect_shape(gr_matmul(v3, v3), GR_SCALAR);
    expect_shape(gr_matmul(m23, v3), GR_SHAPE(2));
    expect_shape(gr_matmul(v3, m34), GR_SHAPE(4));
    expect_shape(gr_matmul(v3, c), GR_SHAPE(7, 4));
    expect_shape(gr_matmul(b, v3), GR_SHAPE(5, 1, 2));
    expect_shape(gr_matmul(b, m34), GR_SHAPE(5, 1, 2, 4));
    expect_shape(gr_matmul(b, c), GR_SHAPE(5, 7, 2, 4));
    expect_shape(gr_matmul_t(m23, true, m23, false), GR_SHAPE(3, 3));
    expect_shape(gr_matmul_t(m34, true, m23, true), GR_SHAPE(4, 2));
    assert_int_equal(gr_graph_status(g), GR_OK);
    gr_graph_free(g);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(64, 784));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(785, 256));
    expect_fault(g, gr_matmul(x, w), GR_SHAPE, "inner sizes differ: [64,784] x [785,256]");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(64, 784));
    w = gr_input(g, "w", GR_F32, GR_SHAPE(785, 256));
    expect_fault(g, gr_matmul_t(x, true, w, true), GR_SHAPE,
                 "inner sizes differ: [64,784]^T x [785,256]^T");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    w = gr_input(g, "w", GR_F32, GR_SHAPE(2, 3));
    expect_fault(g, gr_matmul(x, w), GR_SHAPE, "inner sizes differ: [3] x [2,3]");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 4, 3));
    w = gr_input(g, "w", GR_F32, GR_SHAPE(5, 3, 4));
    expect_fault(g, gr_matmul(x, w), GR_SHAPE,
                 "the axes before the last two do not broadcast: [2,4,3] x [5,3,4]");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SCALAR);
    w = gr_input(g, "w", GR_F32, GR_SHAPE(3, 4));
    expect_fault(g, gr_matmul(x, w), GR_SHAPE, "both sides need two axes or more: [] x [3,4]");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(3, 3));
    w = gr_input(g, "w", GR_F64, GR_SHAPE(3, 3));
    expect_fault(g, gr_matmul(x, w), GR_DTYPE, "element types differ: f32 and f64");

    g = gr_graph_new();
    x = gr_input(g, "x", GR_I32, GR_SHAPE(3, 3));
    expect_fault(g, gr_matmul(x, x), GR_DTYPE, "this op takes f32 and f64");
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void test_by_hand(void **state)
{
    (void)state;
    static const double a[] = {1, 2, 3, 4, 5, 6}, b[] = {7, 8, 9, 10, 11, 12};
    static const double product[] = {58, 64, 139, 154};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(2, 3));
    gr_node *y = gr_input(g, "y", GR_F64, GR_SHAPE(3, 2));
    gr_node *z = gr_matmul(x, y);
    void *in[] = {(void *)(uintptr_t)a, (void *)(uintptr_t)b};
    double out[9];
    gr_prepare_fn *const kernels[] = {NULL, gr_matmul_prepare};
    for (size_t i = 0; i < GR_LEN(kernels); i++) {
        const kernel_case what = {
            .node = z, .prepare = kernels[i], .level = gr_cpu(), .threads = 1};
        assert_int_equal(kernel_run(&what, in, out), GR_OK);
        assert_memory_equal(out, product, sizeof product);
        /* x^T·u, u as [2,3]: corners 1·7 + 4·10 and 3·9 + 6·12 */
        gr_node *u = gr_input(g, i ? "u1" : "u0", GR_F64, GR_SHAPE(2, 3));
        const kernel_case turned = {.node = gr_matmul_t(x, true, u, false),
                                    .prepare = kernels[i],
                                    .level = gr_cpu(),
                                    .threads = 1};
        assert_int_equal(kernel_run(&turned, in, out), GR_OK);
        assert_true(out[0] == 47 && out[8] == 99);
    }
    gr_graph_free(g);
}

static void test_nothing_to_add(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F32, GR_SHAPE(300, 0));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(0, 300));
    kernel_check(gr_matmul(a, b), gr_matmul_prepare, 0);
    kernel_check(gr_matmul(b, a), gr_matmul_prepare, 0);
    gr_graph_free(g);
}

/* NaN and infinity stay where they belong: tails must not leak into other elements. */
static void test_extremes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F32, GR_SHAPE(17, 33));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(33, 19));
    gr_node *c = gr_matmul(a, b);
    void **in = kernel_inputs(c, 3);
    ((float *)in[0])[16 * 33 + 32] = NAN;      /* last row */
    ((float *)in[1])[32 * 19 + 18] = INFINITY; /* last column */
    float out[17 * 19];
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        const kernel_case what = {
            .node = c, .prepare = gr_matmul_prepare, .level = (gr_cpu_level)level, .threads = 1};
        assert_int_equal(kernel_run(&what, in, out), GR_OK);
        for (int i = 0; i < 17; i++) {
            for (int j = 0; j < 19; j++) {
                const float value = out[i * 19 + j];
                assert_true(i == 16 ? isnan(value) : j == 18 ? isinf(value) : isfinite(value));
            }
        }
    }
    kernel_free(in);
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

static void check_product(gr_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    const double tolerance = dtype == GR_F64 ? 1e-12 : (double)(k + 1) * FLT_EPSILON;
    for (int way = 0; way < 4; way++) {
        const bool ta = way & 1, tb = way & 2;
        gr_graph *g = gr_graph_new();
        gr_node *a = gr_input(g, "a", dtype, ta ? GR_SHAPE(k, m) : GR_SHAPE(m, k));
        gr_node *b = gr_input(g, "b", dtype, tb ? GR_SHAPE(n, k) : GR_SHAPE(k, n));
        kernel_check(gr_matmul_t(a, ta, b, tb), gr_matmul_prepare, tolerance);
        gr_graph_free(g);
    }
}

static void test_edges(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 3, 17, 33, 70};
    for (size_t i = 0; i < 80; i++) {
        const int64_t m = sizes[i % 4], n = sizes[i / 4 % 4], k = sizes[i / 16];
        check_product(GR_F32, m, n, k);
        check_product(GR_F64, m, n, k);
    }
    for (size_t i = 0; i < 125; i++) {
        check_product(GR_F32, 1 + (int64_t)(2 * i % 5), 1 + (int64_t)(2 * i / 5 % 5),
                      1 + (int64_t)(i / 25));
    }
    check_product(GR_F32, 16, 4, 2);
    check_product(GR_F32, 4, 8, 4);
    check_product(GR_F32, 2, 2, 16);
}

/* Sums of two outer products, and a few rows times a matrix that the first-level cache holds: rows
 * of n elements from which on they have kernels of their own, and just below. */
static void test_thin(void **state)
{
    (void)state;
    static const int64_t rows[] = {2, 3, 4, 20}, inner[] = {2, 3, 20},
                         columns[] = {63, 64, 65, 135};
    for (size_t i = 0; i < 48; i++) {
        check_product(GR_F32, rows[i % 4], columns[i / 12], inner[i / 4 % 3]);
        check_product(GR_F64, rows[i % 4], columns[i / 12], inner[i / 4 % 3]);
    }
    check_product(GR_F32, 2, 128, 33); /* the matrix does not fit */
}

static void test_blocks(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{64, 10, 500},  {130, 70, 700}, {1, 1500, 700},
                                       {1500, 1, 700}, {45, 1100, 90}, {9, 640, 385},
                                       {41, 36, 5000}, {30, 33, 300}};
    for (size_t i = 0; i < GR_LEN(sizes); i++) {
        check_product(GR_F32, sizes[i][0], sizes[i][1], sizes[i][2]);
        check_product(GR_F64, sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

static void test_batches(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F32, GR_SHAPE(5, 1, 40, 30));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(7, 30, 50));
    gr_node *c = gr_input(g, "c", GR_F32, GR_SHAPE(2, 3, 4));
    gr_node *d = gr_input(g, "d", GR_F32, GR_SHAPE(2, 4, 3));
    gr_node *e = gr_input(g, "e", GR_F64, GR_SHAPE(2, 200, 100));
    gr_node *f = gr_input(g, "f", GR_F64, GR_SHAPE(2, 150, 100));
    kernel_check(gr_matmul(a, b), gr_matmul_prepare, 31 * (double)FLT_EPSILON);
    kernel_check(gr_matmul(c, d), gr_matmul_prepare, 5 * (double)FLT_EPSILON);
    kernel_check(gr_matmul_t(e, false, f, true), gr_matmul_prepare, 1e-12);
    gr_graph_free(g);
}

/* In a loop the second matrix may stay the same: it is packed once. */
static void test_steady(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{2, 17, 33},   {32, 70, 340}, {15, 33, 330},
                                       {45, 550, 30}, {1, 40, 50},   {3, 2, 4}};
    for (size_t i = 0; i < 2 * GR_LEN(sizes); i++) {
        const int64_t m = sizes[i / 2][0], n = sizes[i / 2][1], k = sizes[i / 2][2];
        for (int wide = 0; wide < 2; wide++) {
            const gr_dtype dtype = wide ? GR_F64 : GR_F32;
            gr_graph *g = gr_graph_new();
            gr_node *a = gr_input(g, "a", dtype, i % 2 ? GR_SHAPE(k, m) : GR_SHAPE(m, k));
            gr_node *b = gr_input(g, "b", dtype, i % 2 ? GR_SHAPE(n, k) : GR_SHAPE(k, n));
            const double rounding = wide ? DBL_EPSILON : (double)FLT_EPSILON;
            kernel_check_steady(gr_matmul_t(a, i % 2, b, i % 2), gr_matmul_prepare,
                                (double)(k + 1) * rounding, 2);
            gr_graph_free(g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_by_hand),  cmocka_unit_test(test_nothing_to_add),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_blocks),   cmocka_unit_test(test_batches),
        cmocka_unit_test(test_steady),   cmocka_unit_test(test_thin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
