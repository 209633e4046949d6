/* The oneDNN module against the reference: results, threads, and what it is not asked for. Skipped
 * in builds and on machines without it. */
#include "support_kernel.h"

#include <float.h>
#include <math.h>

#include "ops/ops.h"

static gr_prepare_fn *test_prepare;

static gr_node *input(gr_graph *g, const char *name, gr_dtype dtype, gr_shape shape)
{
    return gr_input(g, name, dtype, shape);
}

static gr_status ask(const gr_node *node, bool exact)
{
    gr_arena arena = {0};
    gr_request request = {
        .node = node, .arena = &arena, .level = gr_cpu(), .threads = 2, .exact = exact};
    gr_status status = test_prepare(&request);
    if (status == GR_OK && request.destroy) request.destroy((void *)(uintptr_t)request.ctx);
    gr_arena_free(&arena);
    return status;
}

static int setup(void **state)
{
    (void)state;
    setenv("GRADUS_ONEDNN", "all", 1);
    const gr_backend *backend = gr_backend_onednn();
    if (!backend) return 0;
    gr_graph *g = gr_graph_new();
    gr_node *a = input(g, "a", GR_F32, GR_SHAPE(128, 128));
    test_prepare = backend->prepare;
    if (ask(gr_matmul(a, a), false) != GR_OK) test_prepare = NULL;
    gr_graph_free(g);
    return 0;
}

static void need_module(void)
{
    if (test_prepare) return;
    print_message("no oneDNN module: skipped\n");
    skip();
}

static void check(const gr_node *node, double tolerance)
{
    if (gr_is_error(node)) fail_msg("%s", gr_graph_message(gr_node_graph(node)));
    const size_t bytes = (size_t)kernel_count(node) * sizeof(float);
    void **in = kernel_inputs(node, 5);
    float *right = gr_alloc_aligned(bytes), *got = gr_alloc_aligned(bytes);
    float *again = gr_alloc_aligned(bytes);
    assert_true(right && got && again);
    assert_int_equal(kernel_run(&(kernel_case){.node = node, .threads = 1}, in, right), GR_OK);
    for (int threads = 1; threads <= 3; threads++) {
        const kernel_case what = {
            .node = node, .prepare = test_prepare, .level = gr_cpu(), .threads = threads};
        assert_int_equal(kernel_run(&what, in, got), GR_OK);
        assert_int_equal(kernel_run(&what, in, again), GR_OK);
        assert_memory_equal(got, again, bytes);
        for (int64_t i = 0; i < kernel_count(node); i++) {
            const double a = (double)right[i], b = (double)got[i];
            if (fabs(a - b) <= tolerance * fmax(1, fabs(a))) continue;
            char text[256];
            fail_msg("%s, %d threads, element %lld: %g instead of %g",
                     gr_node_text(node, text, sizeof text), threads, (long long)i, b, a);
        }
    }
    gr_free_aligned(right);
    gr_free_aligned(got);
    gr_free_aligned(again);
    kernel_free(in);
}

static void test_matmul(void **state)
{
    (void)state;
    need_module();
    for (int way = 0; way < 4; way++) {
        const bool ta = way & 1, tb = way & 2;
        gr_graph *g = gr_graph_new();
        gr_node *a = input(g, "a", GR_F32, ta ? GR_SHAPE(147, 130) : GR_SHAPE(130, 147));
        gr_node *b = input(g, "b", GR_F32, tb ? GR_SHAPE(119, 147) : GR_SHAPE(147, 119));
        check(gr_matmul_t(a, ta, b, tb), 148 * (double)FLT_EPSILON);
        gr_graph_free(g);
    }
}

static void test_conv(void **state)
{
    (void)state;
    need_module();
    static const struct {
        gr_shape x, w;
        gr_geometry axes;
        int64_t groups;
    } tests[] = {
        {{4, {4, 16, 14, 14}}, {4, {32, 16, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {4, 20, 12, 12}}, {4, {50, 20, 5, 5}}, {.stride = {1, 1}}, 1},
        {{4, {9, 3, 33, 31}},
         {4, {16, 3, 5, 5}},
         {.stride = {2, 3}, .pad = {2, 0}, .pad_end = {1, 2}},
         1},
        {{4, {6, 16, 15, 15}}, {4, {16, 16, 3, 3}}, {.dilation = {2, 2}, .pad = {1, 2}}, 1},
        {{4, {8, 32, 28, 28}}, {4, {32, 1, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 32},
        {{4, {4, 32, 12, 12}}, {4, {48, 16, 3, 3}}, {.stride = {1, 1}}, 2},
        {{3, {4, 32, 99}}, {3, {32, 32, 7}}, {.stride = {2}, .pad = {3}}, 1},
        {{5, {2, 16, 5, 8, 9}}, {5, {16, 16, 3, 3, 3}}, {.pad = {1, 1, 1}}, 1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) {
        gr_graph *g = gr_graph_new();
        const gr_window window = {
            .size = sizeof window, .groups = tests[i].groups, .axes = &tests[i].axes};
        gr_node *x = input(g, "x", GR_F32, tests[i].x), *w = input(g, "w", GR_F32, tests[i].w);
        gr_node *y = gr_conv(x, w, &window);
        gr_node *dy = input(g, "dy", GR_F32, gr_node_shape(y));
        check(y, 1000 * (double)FLT_EPSILON);
        check(gr_conv_input_grad(dy, w, tests[i].x, &window), 2000 * (double)FLT_EPSILON);
        check(gr_conv_weight_grad(x, dy, tests[i].w, &window), 4000 * (double)FLT_EPSILON);
        gr_graph_free(g);
    }
}

/* A session may use fewer threads than it was compiled for: then our own kernel runs. */
static void test_fewer_threads(void **state)
{
    (void)state;
    need_module();
    gr_graph *g = gr_graph_new();
    gr_node *a = input(g, "a", GR_F32, GR_SHAPE(128, 128)), *c = gr_matmul(a, a);
    gr_arena arena = {0};
    gr_request request = {.node = c, .arena = &arena, .level = gr_cpu(), .threads = 3};
    assert_int_equal(test_prepare(&request), GR_OK);
    void **in = kernel_inputs(c, 1), *work = gr_alloc_aligned(request.work);
    float *right = gr_alloc_aligned(sizeof(float) * 128 * 128);
    float *got = gr_alloc_aligned(sizeof(float) * 128 * 128);
    assert_true(work && right && got);
    assert_int_equal(kernel_run(&(kernel_case){.node = c, .threads = 1}, in, right), GR_OK);
    for (int threads = 1; threads <= 3; threads++) {
        void *outs[] = {got};
        const gr_call call = {
            .in = in, .out = outs, .work = work, .ctx = request.ctx, .threads = threads};
        memset(got, 0, sizeof(float) * 128 * 128);
        assert_int_equal(request.fn(&call), GR_OK);
        for (int i = 0; i < 128 * 128; i++) {
            assert_true(fabsf(right[i] - got[i]) < 129 * FLT_EPSILON);
        }
    }
    request.destroy((void *)(uintptr_t)request.ctx);
    gr_arena_free(&arena);
    gr_free_aligned(work);
    gr_free_aligned(right);
    gr_free_aligned(got);
    kernel_free(in);
    gr_graph_free(g);
}

static void test_not_asked(void **state)
{
    (void)state;
    need_module();
    gr_graph *g = gr_graph_new();
    gr_node *a = input(g, "a", GR_F32, GR_SHAPE(128, 128));
    gr_node *small = input(g, "small", GR_F32, GR_SHAPE(64, 64));
    gr_node *wide = input(g, "wide", GR_F64, GR_SHAPE(128, 128));
    gr_node *stack = input(g, "stack", GR_F32, GR_SHAPE(8, 128, 128));
    gr_node *image = input(g, "image", GR_F32, GR_SHAPE(8, 64, 32, 32));
    gr_node *weight = input(g, "weight", GR_F32, GR_SHAPE(128, 64, 3, 3));
    gr_node *conv = gr_conv(image, weight, NULL);
    assert_int_equal(ask(gr_matmul(a, a), true), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_matmul(small, small), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_matmul(wide, wide), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_matmul(stack, stack), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_add(a, a), false), GR_UNSUPPORTED);
    assert_int_equal(ask(conv, false), GR_OK);
    setenv("GRADUS_ONEDNN", "0", 1);
    assert_int_equal(ask(conv, false), GR_UNSUPPORTED);
    unsetenv("GRADUS_ONEDNN"); /* where it is faster: strides, not plain products, not Winograd's */
    gr_node *strided = gr_conv(image, weight, GR_WINDOW(.stride = 2));
    assert_int_equal(ask(strided, false), GR_OK);
    assert_int_equal(ask(conv, false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_matmul(a, a), false), GR_UNSUPPORTED);
    setenv("GRADUS_ONEDNN", "all", 1);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_fewer_threads),
        cmocka_unit_test(test_not_asked),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
