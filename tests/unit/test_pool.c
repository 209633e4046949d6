/* Pooling and its gradients: shapes and refusals, values by hand, ties, NaN, kernels against the
 * reference bit for bit. */
#include "support_kernel.h"

#include <math.h>

#include <gradus/run.h>

#include "ops/pool.h"

extern gr_prepare_fn gr_pool_prepare;

/* ---- Shapes ---------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 24, 24));
    gr_node *odd = gr_input(g, "odd", GR_F32, GR_SHAPE(2, 3, 32, 7));
    gr_node *line = gr_input(g, "line", GR_F32, GR_SHAPE(2, 3, 9));
    expect_shape(gr_max_pool(x, GR_WINDOW(2)), GR_SHAPE(2, 3, 12, 12));
    expect_shape(gr_max_pool(odd, GR_WINDOW(3, .stride = 2)), GR_SHAPE(2, 3, 15, 3));
    /* Caffe's cifar10_quick: 32 → 16 by rounding up */
    expect_shape(gr_max_pool(odd, GR_WINDOW(3, .stride = 2, .ceil = true)), GR_SHAPE(2, 3, 16, 3));
    expect_shape(gr_avg_pool(odd, GR_WINDOW(3, .stride = 2, .pad = 1)), GR_SHAPE(2, 3, 16, 4));
    /* a last window that would begin in the padding is left out */
    expect_shape(gr_max_pool(line, GR_WINDOW(2, .stride = 2, .pad = 1, .ceil = true)),
                 GR_SHAPE(2, 3, 5));
    expect_shape(gr_avg_pool(line, GR_WINDOW(9)), GR_SHAPE(2, 3, 1));
    gr_graph_free(g);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_max_pool(x, GR_WINDOW(5)), GR_SHAPE,
                 "kernel [5,5] does not fit into x [2,3,4,4]: along spatial axis 0 it needs 5 "
                 "elements and has 4 + padding 0 and 0");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_avg_pool(x, GR_WINDOW(2, .pad = 2)), GR_INVALID,
                 "padding [2,2] and [2,2] must be smaller than the kernel [2,2]");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_max_pool(x, NULL), GR_INVALID, "kernel 0 is outside 1 to");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3));
    expect_fault(g, gr_max_pool(x, GR_WINDOW(2)), GR_SHAPE, "x is [2,3]; it must be [N, C, space");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_max_pool(x, GR_WINDOW(2, .dilation = 2)), GR_INVALID,
                 "pooling has neither dilation nor groups");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    gr_node *taps = gr_get(gr_max_pool_taps(x, GR_WINDOW(2)), 1);
    expect_fault(g, gr_max_pool_grad(taps, x, GR_SHAPE(2, 3, 4, 4), GR_WINDOW(2)), GR_SHAPE,
                 "dy is [2,3,4,4]; it must be [2,3,2,2]");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    taps = gr_get(gr_max_pool_taps(x, GR_WINDOW(2)), 1);
    expect_fault(g, gr_max_pool_pick(taps, x, GR_WINDOW(3)), GR_SHAPE,
                 "taps is [2,3,2,2]; it must be [2,3,1,1]");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_max_pool_pick(gr_max_pool(x, GR_WINDOW(2)), x, GR_WINDOW(2)), GR_DTYPE,
                 "taps are f32; windows of [2,2] have u8 (from max_pool_taps)");
    g = gr_graph_new();
    x = gr_input(g, "x", GR_I32, GR_SHAPE(2, 3, 4, 4));
    expect_fault(g, gr_max_pool(x, GR_WINDOW(2)), GR_DTYPE, "takes f32 and f64");
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void expect_values(const gr_node *node, void *a, void *b, const float *want)
{
    gr_prepare_fn *const kernels[] = {NULL, gr_pool_prepare};
    for (size_t k = 0; k < GR_LEN(kernels); k++) {
        const kernel_case what = {
            .node = node, .prepare = kernels[k], .level = gr_cpu(), .threads = 1};
        float out[64];
        assert_true(kernel_count(node) <= 64);
        assert_int_equal(kernel_run(&what, (void *[]){a, b}, out), GR_OK);
        for (int64_t i = 0; i < kernel_count(node); i++) {
            if (out[i] == want[i] || (isnan(out[i]) && isnan(want[i]))) continue;
            fail_msg("%s kernel %zu, element %d: %g, not %g", gr_node_op(node), k, (int)i,
                     (double)out[i], (double)want[i]);
        }
    }
}

/* Of max_pool_taps: values and taps. */
static void expect_taps(const gr_node *node, void *x, const float *want, const uint8_t *taps)
{
    const int64_t n = kernel_count(node);
    gr_prepare_fn *const kernels[] = {NULL, gr_pool_prepare};
    for (size_t k = 0; k < GR_LEN(kernels); k++) {
        const kernel_case what = {
            .node = node, .prepare = kernels[k], .level = gr_cpu(), .threads = 1};
        float out[64 + 16];
        assert_true(n <= 64);
        assert_int_equal(kernel_run(&what, (void *[]){x}, out), GR_OK);
        for (int64_t i = 0; i < n; i++) assert_true(out[i] == want[i] || isnan(want[i]));
        assert_memory_equal(out + n, taps, (size_t)n);
    }
}

static void test_by_hand(void **state)
{
    (void)state;
    float x[] = {1, 3, 2, 0, 5, 4, 4, 9, 7, 7, 8, 8, 7, 7, 8, 8}, dy[] = {10, 20, 30, 40};
    static const float largest[] = {5, 9, 7, 8}, mean[] = {3.25F, 3.75F, 7, 8};
    /* ties in the lower half: the first of four equals takes all */
    static const float by_max[] = {0, 0, 0, 0, 10, 0, 0, 20, 30, 0, 40, 0, 0, 0, 0, 0};
    static const float by_mean[] = {2.5F, 2.5F, 5,  5,  2.5F, 2.5F, 5,  5,
                                    7.5F, 7.5F, 10, 10, 7.5F, 7.5F, 10, 10};
    float v[16];
    uint8_t taps[] = {2, 3, 0, 0};
    for (int i = 0; i < 16; i++) v[i] = (float)i;
    static const float picked[] = {4, 7, 8, 10};
    gr_graph *g = gr_graph_new();
    const gr_shape shape = GR_SHAPE(1, 1, 4, 4);
    gr_node *nx = gr_input(g, "x", GR_F32, shape), *nv = gr_input(g, "v", GR_F32, shape);
    gr_node *nd = gr_input(g, "dy", GR_F32, GR_SHAPE(1, 1, 2, 2));
    gr_node *nt = gr_input(g, "taps", GR_U8, GR_SHAPE(1, 1, 2, 2));
    expect_values(gr_max_pool(nx, GR_WINDOW(2)), x, NULL, largest);
    expect_values(gr_avg_pool(nx, GR_WINDOW(2)), x, NULL, mean);
    expect_values(gr_max_pool_grad(nt, nd, shape, GR_WINDOW(2)), taps, dy, by_max);
    expect_values(gr_max_pool_pick(nt, nv, GR_WINDOW(2)), taps, v, picked);
    expect_values(gr_avg_pool_grad(nd, shape, GR_WINDOW(2)), dy, NULL, by_mean);
    gr_graph_free(g);
}

/* What an average divides by: the elements inside, or the padding too, but never what lies beyond
 * it (the clipped last window of `ceil`). */
static void test_divisor(void **state)
{
    (void)state;
    float x[] = {6, 6, 6, 6};
    static const float inside[] = {6, 6, 6}, counted[] = {4, 6, 3};
    gr_graph *g = gr_graph_new();
    gr_node *nx = gr_input(g, "x", GR_F32, GR_SHAPE(1, 1, 4));
    const gr_geometry axes = {.kernel = {3}, .stride = {2}, .pad = {1}, .pad_end = {1}};
    /* windows [-1,2), [1,4), [3,6): the last is clipped at 5, so it counts two places */
    expect_values(gr_avg_pool(nx, GR_WINDOW(.axes = &axes, .ceil = true)), x, NULL, inside);
    expect_values(
        gr_avg_pool(nx, GR_WINDOW(.axes = &axes, .ceil = true, .count_include_pad = true)), x, NULL,
        counted);
    gr_graph_free(g);
}

static void test_nan_wins(void **state)
{
    (void)state;
    float x[] = {1, NAN, 2, 3, 9, 8, NAN, NAN};
    static const float largest[] = {NAN, NAN};
    static const uint8_t found[] = {1, 2};
    gr_graph *g = gr_graph_new();
    gr_node *nx = gr_input(g, "x", GR_F32, GR_SHAPE(1, 2, 2, 2));
    expect_values(gr_max_pool(nx, GR_WINDOW(2)), x, NULL, largest);
    expect_taps(gr_max_pool_taps(nx, GR_WINDOW(2)), x, largest, found);
    gr_graph_free(g);
}

/* All below zero at the border: padding must not win. */
static void test_padding_never_wins(void **state)
{
    (void)state;
    float x[] = {-1, -2, -3, -4};
    static const float largest[] = {-1, -2, -3, -4};
    gr_graph *g = gr_graph_new();
    gr_node *nx = gr_input(g, "x", GR_F32, GR_SHAPE(1, 1, 2, 2));
    expect_values(gr_max_pool(nx, GR_WINDOW(2, .stride = 2, .pad = 1)), x, NULL, largest);
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

static double pool_number(gr_rng *rng, bool sinks)
{
    static const double odd[] = {0, -0.0, NAN, INFINITY, -INFINITY};
    const uint64_t draw = gr_rng_below(rng, 32);
    if (sinks && gr_rng_below(rng, 8)) return -INFINITY;
    return draw < GR_LEN(odd) ? odd[draw] : (double)(draw % 7) - 4;
}

/* Few different numbers, so that windows have ties; signed zeros, NaN and infinities among them,
 * and once whole windows of -infinity.
 * Taps lead out of their windows now and then. */
static void **pool_inputs(const gr_node *node, uint64_t seed)
{
    void **in = kernel_inputs(node, seed);
    gr_rng rng = gr_rng_new(seed, 1);
    for (int i = 0; i < node->n_in; i++) {
        gr_tensor t = {gr_type_of(node->in[i]).dtype, GR_SHAPE(kernel_count(node->in[i])), in[i]};
        if (gr_dtype_is_float(t.dtype)) {
            for (int64_t k = 0; k < t.shape.dim[0]; k++)
                gr_tensor_put(&t, k, pool_number(&rng, seed == 2));
        }
    }
    return in;
}

static void pool_check(const gr_node *node)
{
    kernel_check(node, gr_pool_prepare, 0);
    for (uint64_t seed = 0; seed < 3; seed++) {
        void **in = pool_inputs(node, seed);
        kernel_check_bits(node, gr_pool_prepare, in);
        kernel_free(in);
    }
}

static void test_kernels(void **state)
{
    (void)state;
    static const struct {
        gr_shape x;
        gr_geometry axes;
        bool ceil, count;
    } tests[] = {
        {{4, {3, 20, 24, 24}}, {.kernel = {2, 2}}, false, false},
        {{4, {3, 50, 8, 8}}, {.kernel = {2, 2}}, false, false},
        {{4, {2, 5, 9, 35}}, {.kernel = {2, 2}}, false, false},
        {{4, {2, 5, 9, 35}}, {.kernel = {2, 2}}, true, true},
        {{4, {2, 7, 32, 32}}, {.kernel = {3, 3}, .stride = {2, 2}}, true, false},
        {{4, {2, 7, 16, 16}}, {.kernel = {3, 3}, .stride = {2, 2}}, true, false},
        {{4, {2, 7, 8, 8}}, {.kernel = {3, 3}, .stride = {2, 2}}, true, false},
        {{4, {2, 3, 5, 4}}, {.kernel = {2, 3}, .stride = {1, 2}, .pad = {1, 2}}, true, true},
        {{4, {1, 2, 20, 40}}, {.kernel = {17, 17}, .stride = {1, 1}}, false, false},
        {{4, {1, 2, 20, 40}}, {.kernel = {17, 18}, .stride = {2, 2}, .pad = {9, 9}}, true, false},
        {{4, {1, 1, 2, 70000}}, {.kernel = {2, 2}}, false, false},
        {{4, {2, 7, 33, 67}}, {.kernel = {3, 3}, .stride = {2, 2}}, false, false},
        {{4, {1, 3, 31, 17}},
         {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .pad_end = {1, 1}},
         false,
         true},
        {{4, {1, 3, 13, 13}}, {.kernel = {3, 3}, .stride = {1, 1}, .pad = {1, 1}}, false, false},
        {{4, {2, 2, 7, 7}}, {.kernel = {7, 7}}, false, false},
        {{4, {2, 3, 8, 9}}, {.kernel = {2, 3}, .stride = {3, 4}, .pad_end = {1, 2}}, false, true},
        {{3, {3, 3, 33}}, {.kernel = {4}, .stride = {3}, .pad = {2}, .pad_end = {3}}, true, true},
        {{3, {1, 1, 1}}, {.kernel = {1}}, false, false},
        {{5, {2, 3, 5, 6, 7}}, {.kernel = {2, 2, 2}, .pad = {0, 1, 1}}, false, false},
        {{5, {1, 2, 7, 5, 9}}, {.kernel = {3, 3, 3}, .stride = {2, 2, 2}}, true, false},
        {{4, {0, 3, 4, 4}}, {.kernel = {2, 2}}, false, false},
    };
    for (size_t i = 0; i < 2 * GR_LEN(tests); i++) {
        const size_t t = i / 2;
        const gr_dtype dtype = i % 2 ? GR_F64 : GR_F32;
        gr_graph *g = gr_graph_new();
        const gr_window window = {.size = sizeof window,
                                  .ceil = tests[t].ceil,
                                  .count_include_pad = tests[t].count,
                                  .axes = &tests[t].axes};
        gr_node *x = gr_input(g, "x", dtype, tests[t].x), *y = gr_max_pool(x, &window);
        if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
        gr_node *dy = gr_input(g, "dy", dtype, gr_node_shape(y));
        gr_node *v = gr_input(g, "v", dtype, tests[t].x), *both = gr_max_pool_taps(x, &window);
        gr_node *taps = gr_input(g, "taps", both->out[1].dtype, gr_node_shape(y));
        pool_check(y);
        pool_check(both);
        pool_check(gr_max_pool_grad(taps, dy, tests[t].x, &window));
        pool_check(gr_max_pool_pick(taps, v, &window));
        pool_check(gr_avg_pool(x, &window));
        pool_check(gr_avg_pool_grad(dy, tests[t].x, &window));
        gr_graph_free(g);
    }
}

/* Adaptive windows differ in size and overlap: more of them than elements, too. */
static void test_adaptive(void **state)
{
    (void)state;
    static const struct {
        gr_shape x;
        int64_t size[3];
    } tests[] = {
        {{4, {3, 5, 30, 30}}, {7, 7}},
        {{4, {2, 3, 7, 6}}, {3, 4}},
        {{4, {1, 2, 5, 40}}, {8, 2}},
        {{4, {1, 1, 33, 71}}, {2, 4}},
        {{3, {2, 3, 3}}, {5}},
        {{3, {1, 2, 1}}, {3}},
        {{5, {1, 2, 3, 8, 5}}, {2, 3, 4}},
        {{4, {0, 3, 5, 5}}, {2, 2}},
    };
    for (size_t i = 0; i < 2 * GR_LEN(tests); i++) {
        const size_t t = i / 2;
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", i % 2 ? GR_F64 : GR_F32, tests[t].x), *dx, *pick;
        gr_node *y = gr_max_pool_adaptive(x, tests[t].size);
        if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
        for (int k = 0; k < tests[t].x.rank - 2; k++) {
            assert_int_equal(gr_node_shape(y).dim[2 + k], tests[t].size[k]);
        }
        gr_node *dy = gr_input(g, "dy", gr_node_dtype(y), gr_node_shape(y));
        unit_ok(gr_vjp(y, dy, &x, 1, &dx));
        unit_ok(gr_vjp(dx, x, &dy, 1, &pick));
        assert_string_equal(gr_node_op(dx), "max_pool_grad");
        assert_string_equal(gr_node_op(pick), "max_pool_pick");
        pool_check(y);
        pool_check(dx->in[0]->in[0]); /* max_pool_taps */
        pool_check(dx);
        pool_check(pick);
        gr_graph_free(g);
    }
}

static void test_adaptive_by_hand(void **state)
{
    (void)state;
    /* windows [0,2), [1,4), [3,5) of 5: the shared 4 gets the gradient of two */
    float x[] = {1, 3, 0, 4, 2}, dy[] = {10, 20, 30};
    uint8_t taps[] = {1, 2, 0};
    static const float largest[] = {3, 4, 4}, by_max[] = {0, 10, 0, 50, 0};
    gr_graph *g = gr_graph_new();
    gr_node *nx = gr_input(g, "x", GR_F32, GR_SHAPE(1, 1, 5)), *dx;
    gr_node *nd = gr_input(g, "dy", GR_F32, GR_SHAPE(1, 1, 3));
    gr_node *y = gr_max_pool_adaptive(nx, (int64_t[]){3});
    unit_ok(gr_vjp(y, nd, &nx, 1, &dx));
    expect_values(y, x, NULL, largest);
    expect_taps(dx->in[0]->in[0], x, largest, taps);
    expect_values(dx, taps, dy, by_max);
    gr_attr attr[] = {y->attr[0], y->attr[1], y->attr[2], y->attr[3], y->attr[4]};
    attr[0].ints.v[0] = 2;
    expect_fault(g, gr_build(g, y->op, &nx, 1, attr), GR_INVALID,
                 "adaptive windows [3] of up to [2] elements do not suit x [1,1,5]");
}

/* ---- Gradients ------------------------------------------------------------------------------- */

static void test_gradient_structure(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(2, 3, 5, 6));
    const gr_window *window = GR_WINDOW(3, .stride = 2, .ceil = true);
    gr_node *y = gr_max_pool(x, window), *a = gr_avg_pool(x, window), *d, *dd;
    gr_node *dy = gr_input(g, "dy", GR_F64, gr_node_shape(y));
    assert_int_equal(gr_vjp(y, dy, &x, 1, &d), GR_OK);
    assert_string_equal(gr_node_op(d), "max_pool_grad");
    assert_int_equal(gr_vjp(d, x, &dy, 1, &dd), GR_OK);
    assert_string_equal(gr_node_op(dd), "max_pool_pick");
    expect_shape(dd, gr_node_shape(y));
    assert_int_equal(gr_vjp(dd, dy, &x, 1, &d), GR_OK); /* v and x are one node here */
    assert_string_equal(gr_node_op(d), "max_pool_grad");
    assert_int_equal(gr_vjp(a, dy, &x, 1, &d), GR_OK);
    assert_string_equal(gr_node_op(d), "avg_pool_grad");
    assert_int_equal(gr_vjp(d, x, &dy, 1, &dd), GR_OK);
    assert_string_equal(gr_node_op(dd), "avg_pool");
    expect_shape(dd, gr_node_shape(y));
    gr_graph_free(g);
}

/* How many gates of this op a program has. */
static int pool_count(gr_node *const *targets, int n, const char *passes, const char *op)
{
    const gr_compile_options options = {.size = sizeof options, .passes = passes};
    gr_program *program;
    char *text;
    int count = 0;
    unit_ok(gr_compile(gr_node_graph(targets[0]), targets, n, &options, &program));
    unit_ok(gr_program_print(program, &text));
    for (const char *at = text; (at = strstr(at, op)); at += strlen(op)) {
        count += at[strlen(op)] == ' ' && at[-1] == ' ';
    }
    gr_text_release(text);
    gr_program_free(program);
    return count;
}

/* Inference notes no places; training searches once. */
static void test_taps_pass(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 8, 8)), *d;
    gr_node *y = gr_max_pool(x, GR_WINDOW(2));
    assert_int_equal(gr_vjp(y, gr_square(y), &x, 1, &d), GR_OK);
    gr_node *both[] = {y, d};
    assert_int_equal(pool_count(both, 1, NULL, "max_pool"), 1);
    assert_int_equal(pool_count(both, 1, NULL, "max_pool_taps"), 0);
    assert_int_equal(pool_count(both, 2, NULL, "max_pool"), 0);
    assert_int_equal(pool_count(both, 2, NULL, "max_pool_taps"), 1);
    assert_int_equal(pool_count(both, 2, "-taps", "max_pool"), 1);
    assert_int_equal(pool_count(both, 2, "-cse", "max_pool_taps"), 1);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),           cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_by_hand),          cmocka_unit_test(test_divisor),
        cmocka_unit_test(test_nan_wins),         cmocka_unit_test(test_padding_never_wins),
        cmocka_unit_test(test_kernels),          cmocka_unit_test(test_gradient_structure),
        cmocka_unit_test(test_taps_pass),        cmocka_unit_test(test_adaptive),
        cmocka_unit_test(test_adaptive_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
