/* Convolution and its two gradients: shapes and refusals, values by hand, kernels against the
 * reference, and the identities that tie the three together. */
#include "support_kernel.h"

#include <float.h>
#include <math.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_conv_prepare;

/* ---- Shapes ---------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(64, 1, 28, 28));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(20, 1, 5, 5));
    gr_node *x1 = gr_input(g, "x1", GR_F32, GR_SHAPE(2, 4, 9));
    gr_node *w1 = gr_input(g, "w1", GR_F32, GR_SHAPE(6, 2, 3));
    gr_node *x3 = gr_input(g, "x3", GR_F32, GR_SHAPE(1, 2, 5, 6, 7));
    gr_node *w3 = gr_input(g, "w3", GR_F32, GR_SHAPE(3, 2, 1, 2, 3));
    gr_node *y = gr_input(g, "y", GR_F32, GR_SHAPE(64, 20, 24, 24));
    const gr_geometry axes = {.pad = {1, 2}, .pad_end = {0, 1}, .stride = {2, 1}};
    expect_shape(gr_conv(x, w, NULL), GR_SHAPE(64, 20, 24, 24));
    expect_shape(gr_conv(x, w, GR_WINDOW(.pad = 2)), GR_SHAPE(64, 20, 28, 28));
    expect_shape(gr_conv(x, w, GR_WINDOW(.stride = 2, .pad = 2)), GR_SHAPE(64, 20, 14, 14));
    expect_shape(gr_conv(x, w, GR_WINDOW(.dilation = 2)), GR_SHAPE(64, 20, 20, 20));
    expect_shape(gr_conv(x, w, GR_WINDOW(.axes = &axes)), GR_SHAPE(64, 20, 13, 27));
    expect_shape(gr_conv(x1, w1, GR_WINDOW(.groups = 2)), GR_SHAPE(2, 6, 7));
    expect_shape(gr_conv(x3, w3, NULL), GR_SHAPE(1, 3, 5, 5, 5));
    expect_shape(gr_conv_input_grad(y, w, GR_SHAPE(64, 1, 28, 28), NULL), GR_SHAPE(64, 1, 28, 28));
    expect_shape(gr_conv_weight_grad(x, y, GR_SHAPE(20, 1, 5, 5), NULL), GR_SHAPE(20, 1, 5, 5));
    gr_graph_free(g);
}

static gr_node *conv_of(gr_graph **g, gr_shape x, gr_shape w, const gr_window *window)
{
    *g = gr_graph_new();
    gr_node *a = gr_input(*g, "x", GR_F32, x), *b = gr_input(*g, "w", GR_F32, w);
    return gr_conv(a, b, window);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_graph *g;
    gr_node *y = conv_of(&g, GR_SHAPE(1, 1, 3, 3), GR_SHAPE(2, 1, 5, 5), NULL);
    expect_fault(g, y, GR_SHAPE,
                 "the kernel of w [2,1,5,5] reaches over 5 elements along spatial axis 0, but x "
                 "[1,1,3,3] has 3 there (3 + padding 0 and 0)");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 1, 3, 3), GR_WINDOW(.groups = 2));
    expect_fault(g, y, GR_SHAPE,
                 "2 groups do not divide the 3 channels of x [1,3,8,8] and the 4 of w [4,1,3,3]");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 2, 3, 3), NULL);
    expect_fault(g, y, GR_SHAPE, "w [4,2,3,3] takes 2 channels, but x [1,3,8,8] has 3 in 1 group");
    y = conv_of(&g, GR_SHAPE(3, 8), GR_SHAPE(4, 3), NULL);
    expect_fault(g, y, GR_SHAPE, "x is [3,8]; it must be [N, C, space…] with 1 to 3 spatial axes");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 3, 3), NULL);
    expect_fault(g, y, GR_SHAPE, "w [4,3,3] must have as many axes as x [1,3,8,8]");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 3, 3, 3), GR_WINDOW(.stride = -1));
    expect_fault(g, y, GR_INVALID, "stride -1 is outside 1 to");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 3, 3, 3), GR_WINDOW(.pad = -2));
    expect_fault(g, y, GR_INVALID, "pad -2 is outside 0 to");
    y = conv_of(&g, GR_SHAPE(1, 3, 8, 8), GR_SHAPE(4, 3, 3, 3), &(gr_window){.pad = 1});
    expect_fault(g, y, GR_INVALID, "the window's size is 0: fill it in by GR_WINDOW");

    g = gr_graph_new();
    gr_node *dy = gr_input(g, "dy", GR_F32, GR_SHAPE(2, 4, 5, 5));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(4, 3, 3, 3));
    expect_fault(g, gr_conv_input_grad(dy, w, GR_SHAPE(2, 3, 8, 8), NULL), GR_SHAPE,
                 "dy is [2,4,5,5], but x [2,3,8,8] by w [4,3,3,3] gives [2,4,6,6]");
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* x = 1…9 as 3x3, w = [[1,2],[3,4]]: 1·1+2·2+3·4+4·5 = 37 and so on. */
static void test_by_hand(void **state)
{
    (void)state;
    static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 2, 3, 4};
    static const double y[] = {37, 47, 67, 77}, ones[] = {1, 1, 1, 1};
    static const double by_x[] = {1, 3, 2, 4, 10, 6, 3, 7, 4}, by_w[] = {12, 16, 24, 28};
    gr_graph *g = gr_graph_new();
    gr_node *nx = gr_input(g, "x", GR_F64, GR_SHAPE(1, 1, 3, 3));
    gr_node *nw = gr_input(g, "w", GR_F64, GR_SHAPE(1, 1, 2, 2));
    gr_node *ny = gr_input(g, "y", GR_F64, GR_SHAPE(1, 1, 2, 2));
    const struct {
        gr_node *node;
        const double *in[2], *out;
    } cases[] = {{gr_conv(nx, nw, NULL), {x, w}, y},
                 {gr_conv_input_grad(ny, nw, GR_SHAPE(1, 1, 3, 3), NULL), {ones, w}, by_x},
                 {gr_conv_weight_grad(nx, ny, GR_SHAPE(1, 1, 2, 2), NULL), {x, ones}, by_w}};
    for (size_t i = 0; i < 2 * GR_LEN(cases); i++) {
        const size_t c = i / 2;
        const kernel_case what = {.node = cases[c].node,
                                  .prepare = i % 2 ? gr_conv_prepare : NULL,
                                  .level = gr_cpu(),
                                  .threads = 1};
        void *in[] = {(void *)(uintptr_t)cases[c].in[0], (void *)(uintptr_t)cases[c].in[1]};
        double out[9];
        assert_int_equal(kernel_run(&what, in, out), GR_OK);
        assert_memory_equal(out, cases[c].out, (size_t)kernel_count(cases[c].node) * sizeof *out);
    }
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

typedef struct conv_test {
    gr_shape x, w;
    gr_geometry axes;
    int64_t groups;
} conv_test;

static void check_family(const conv_test *t, gr_dtype dtype)
{
    gr_graph *g = gr_graph_new();
    const gr_window window = {.size = sizeof window, .groups = t->groups, .axes = &t->axes};
    gr_node *x = gr_input(g, "x", dtype, t->x), *w = gr_input(g, "w", dtype, t->w);
    gr_node *y = gr_conv(x, w, &window);
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
    gr_node *dy = gr_input(g, "dy", dtype, gr_node_shape(y));
    int64_t kernel = 1, places = t->x.dim[0];
    for (int i = 2; i < t->w.rank; i++) kernel *= t->w.dim[i];
    for (int i = 2; i < t->w.rank; i++) places *= gr_node_shape(y).dim[i];
    const double eps = dtype == GR_F64 ? 1e-14 : (double)FLT_EPSILON;
    const double floor = dtype == GR_F64 ? 1e-12 : 0;
    kernel_check(y, gr_conv_prepare, fmax(floor, eps * (double)(t->w.dim[1] * kernel + 1)));
    kernel_check(gr_conv_input_grad(dy, w, t->x, &window), gr_conv_prepare,
                 fmax(floor, eps * (double)(t->w.dim[0] * kernel + 1)));
    kernel_check(gr_conv_weight_grad(x, dy, t->w, &window), gr_conv_prepare,
                 fmax(floor, eps * (double)(places + 1)));
    gr_graph_free(g);
}

static void test_kernels(void **state)
{
    (void)state;
    static const conv_test tests[] = {
        {{4, {3, 1, 28, 28}}, {4, {20, 1, 5, 5}}, {.stride = {1, 1}}, 1},
        {{4, {5, 20, 12, 12}}, {4, {15, 20, 5, 5}}, {.stride = {1, 1}}, 1},
        {{4, {2, 3, 17, 19}}, {4, {7, 3, 3, 5}}, {.pad = {1, 2}, .pad_end = {1, 2}}, 1},
        {{4, {2, 3, 17, 18}},
         {4, {5, 3, 3, 3}},
         {.stride = {2, 3}, .pad = {2, 0}, .pad_end = {0, 1}},
         1},
        {{4, {2, 4, 11, 9}}, {4, {6, 2, 3, 2}}, {.dilation = {2, 3}, .pad = {1, 1}}, 2},
        {{4, {3, 6, 10, 10}}, {4, {6, 1, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 6},
        {{4, {2, 17, 9, 70}}, {4, {17, 1, 3, 3}}, {.stride = {1, 1}}, 17},
        {{4, {2, 5, 11, 21}},
         {4, {5, 1, 3, 2}},
         {.stride = {2, 3}, .pad = {1, 0}, .pad_end = {0, 2}, .dilation = {1, 2}},
         5},
        {{4, {2, 33, 7, 7}}, {4, {17, 33, 1, 1}}, {.stride = {1, 1}}, 1},
        {{4, {2, 8, 9, 9}}, {4, {4, 8, 1, 1}}, {.stride = {2, 2}}, 1},
        {{4, {9, 5, 4, 4}}, {4, {3, 5, 4, 4}}, {.stride = {1, 1}}, 1},
        {{3, {4, 3, 33}}, {3, {5, 3, 7}}, {.stride = {2}, .pad = {3}, .pad_end = {2}}, 1},
        {{3, {1, 1, 1}}, {3, {1, 1, 1}}, {.stride = {1}}, 1},
        {{5, {2, 3, 5, 6, 7}},
         {5, {4, 3, 2, 3, 3}},
         {.stride = {1, 2, 1}, .pad = {1, 0, 1}, .pad_end = {0, 1, 1}},
         1},
        {{4, {1, 40, 26, 26}}, {4, {3, 40, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {2, 3, 8, 8}}, {4, {330, 3, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {1, 2, 5, 5}}, {4, {3, 2, 2, 2}}, {.pad = {3, 3}, .pad_end = {3, 3}}, 1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) {
        check_family(&tests[i], GR_F32);
        check_family(&tests[i], GR_F64);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    static const conv_test tests[] = {
        {{4, {0, 2, 5, 5}}, {4, {3, 2, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {2, 0, 5, 5}}, {4, {3, 0, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {2, 3, 5, 5}}, {4, {0, 3, 3, 3}}, {.stride = {1, 1}}, 1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) check_family(&tests[i], GR_F32);
}

/* The three are one trilinear form: Σ dy·conv(x, w) = Σ x·by_x = Σ w·by_w. */
static double dot(const gr_node *node, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < kernel_count(node); i++) sum += a[i] * b[i];
    return sum;
}

static void test_transposes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    const gr_geometry axes = {.stride = {2, 1}, .pad = {1, 0}, .pad_end = {0, 2}};
    const gr_window *window = GR_WINDOW(.groups = 2, .axes = &axes);
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3, 4, 9, 8));
    gr_node *w = gr_input(g, "w", GR_F64, GR_SHAPE(6, 2, 3, 3));
    gr_node *y = gr_conv(x, w, window);
    gr_node *dy = gr_input(g, "dy", GR_F64, gr_node_shape(y));
    gr_node *by_x = gr_conv_input_grad(dy, w, gr_node_shape(x), window);
    gr_node *by_w = gr_conv_weight_grad(x, dy, gr_node_shape(w), window);
    void **in = kernel_inputs(y, 1), **in_x = kernel_inputs(by_x, 2);
    void *in_w[] = {in[0], in_x[0]};
    memcpy(in_x[1], in[1], (size_t)kernel_count(w) * sizeof(double));
    double *out = gr_alloc(4096 * sizeof *out), sums[3];
    kernel_case what = {.node = y, .prepare = gr_conv_prepare, .level = gr_cpu(), .threads = 2};
    assert_int_equal(kernel_run(&what, in, out), GR_OK);
    sums[0] = dot(y, in_x[0], out);
    what.node = by_x;
    assert_int_equal(kernel_run(&what, in_x, out), GR_OK);
    sums[1] = dot(x, in[0], out);
    what.node = by_w;
    assert_int_equal(kernel_run(&what, in_w, out), GR_OK);
    sums[2] = dot(w, in[1], out);
    assert_true(fabs(sums[0] - sums[1]) < 1e-11 && fabs(sums[0] - sums[2]) < 1e-11);
    gr_free(out);
    kernel_free(in);
    kernel_free(in_x);
    gr_graph_free(g);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* Each member's gradients are the other two, with the geometry kept. */
static void test_gradient_structure(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(2, 3, 9, 8));
    gr_node *w = gr_input(g, "w", GR_F64, GR_SHAPE(4, 3, 3, 3));
    gr_node *y = gr_conv(x, w, GR_WINDOW(.stride = 2, .pad = 1));
    gr_node *dy = gr_input(g, "dy", GR_F64, gr_node_shape(y)), *d[2], *dd[2];
    assert_int_equal(gr_vjp(y, dy, (gr_node *[]){x, w}, 2, d), GR_OK);
    assert_string_equal(gr_node_op(d[0]), "conv_input_grad");
    assert_string_equal(gr_node_op(d[1]), "conv_weight_grad");
    assert_int_equal(gr_vjp(d[0], x, (gr_node *[]){dy, w}, 2, dd), GR_OK);
    assert_string_equal(gr_node_op(dd[0]), "conv");
    assert_string_equal(gr_node_op(dd[1]), "conv_weight_grad");
    expect_shape(dd[0], gr_node_shape(y));
    assert_int_equal(gr_vjp(d[1], w, (gr_node *[]){x, dy}, 2, dd), GR_OK);
    assert_string_equal(gr_node_op(dd[0]), "conv_input_grad");
    assert_string_equal(gr_node_op(dd[1]), "conv");
    expect_shape(dd[0], gr_node_shape(x));
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_transposes),
        cmocka_unit_test(test_gradient_structure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
