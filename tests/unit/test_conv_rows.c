/* Convolution with the weights read where they lie: against the reference, and bit for bit against
 * the kernel that packs them, at all sizes that tiles and panels fit badly. */
#include "support_kernel.h"

#include <float.h>
#include <math.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_conv_rows_prepare, gr_conv_prepare;

typedef struct rows_test {
    gr_shape x, w;
    gr_geometry axes;
    int64_t groups;
} rows_test;

static gr_node *node_of(gr_graph *g, const rows_test *t, gr_dtype dtype)
{
    const gr_window window = {.size = sizeof window, .groups = t->groups, .axes = &t->axes};
    gr_node *y = gr_conv(gr_input(g, "x", dtype, t->x), gr_input(g, "w", dtype, t->w), &window);
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
    return y;
}

static void check_packed(const gr_node *node)
{
    const size_t bytes = (size_t)kernel_count(node) * gr_dtype_size(gr_node_dtype(node));
    void **in = kernel_inputs(node, 5);
    void *packed = gr_alloc_aligned(bytes), *rows = gr_alloc_aligned(bytes);
    assert_true(packed && rows);
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        kernel_case what = {
            .node = node, .prepare = gr_conv_prepare, .level = (gr_cpu_level)level, .threads = 2};
        assert_int_equal(kernel_run(&what, in, packed), GR_OK);
        what.prepare = gr_conv_rows_prepare;
        assert_int_equal(kernel_run(&what, in, rows), GR_OK);
        assert_memory_equal(packed, rows, bytes);
    }
    gr_free_aligned(packed);
    gr_free_aligned(rows);
    kernel_free(in);
}

static void check(const rows_test *t, gr_dtype dtype)
{
    gr_graph *g = gr_graph_new();
    gr_node *y = node_of(g, t, dtype);
    int64_t terms = 1;
    for (int i = 1; i < t->w.rank; i++) terms *= t->w.dim[i];
    const double tolerance = dtype == GR_F64 ? 1e-12 : (double)FLT_EPSILON * (double)(terms + 1);
    kernel_check(y, gr_conv_rows_prepare, tolerance);
    check_packed(y);
    gr_graph_free(g);
}

static void test_kernels(void **state)
{
    (void)state;
    static const rows_test tests[] = {
        {{4, {1, 80, 4, 4}}, {4, {90, 80, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {1, 37, 5, 7}}, {4, {29, 37, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {3, 20, 12, 12}}, {4, {50, 20, 5, 5}}, {.stride = {1, 1}}, 1},
        {{4, {1, 64, 9, 9}},
         {4, {33, 64, 3, 3}},
         {.stride = {2, 2}, .pad = {1, 1}, .pad_end = {0, 1}},
         1},
        {{4, {2, 4, 11, 9}}, {4, {6, 2, 3, 2}}, {.dilation = {2, 3}, .pad = {1, 1}}, 2},
        {{4, {1, 330, 4, 4}}, {4, {45, 330, 1, 1}}, {.stride = {1, 1}}, 1},
        {{4, {5, 700, 1, 1}}, {4, {14, 350, 1, 1}}, {.stride = {1, 1}}, 2},
        {{4, {1, 8, 9, 9}}, {4, {15, 8, 1, 1}}, {.stride = {2, 2}}, 1},
        {{4, {9, 5, 4, 4}}, {4, {3, 5, 4, 4}}, {.stride = {1, 1}}, 1},
        {{4, {1, 40, 7, 7}}, {4, {1, 40, 3, 3}}, {.pad = {2, 0}, .pad_end = {0, 1}}, 1},
        {{3, {4, 3, 33}}, {3, {5, 3, 7}}, {.stride = {2}, .pad = {3}, .pad_end = {2}}, 1},
        {{3, {1, 1, 2}}, {3, {2, 1, 1}}, {.stride = {1}}, 1},
        {{5, {2, 3, 5, 6, 7}},
         {5, {4, 3, 2, 3, 3}},
         {.stride = {1, 2, 1}, .pad = {1, 0, 1}, .pad_end = {0, 1, 1}},
         1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) {
        check(&tests[i], GR_F32);
        check(&tests[i], GR_F64);
    }
}

/* Every height of a tile, with a panel of one vector and of two. */
static void test_heights(void **state)
{
    (void)state;
    for (int64_t width = 1; width <= 15; width++) {
        for (int64_t side = 2; side <= 5; side += 3) {
            const rows_test t = {
                {4, {1, 3, side, side}}, {4, {width, 3, 1, 1}}, {.stride = {1, 1}}, 1};
            check(&t, GR_F32);
            check(&t, GR_F64);
        }
    }
}

static gr_status ask(const gr_node *node)
{
    gr_arena arena = {0};
    gr_request request = {.node = node, .arena = &arena, .level = gr_cpu(), .threads = 1};
    const gr_status status = gr_conv_rows_prepare(&request);
    gr_arena_free(&arena);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    static const rows_test fits = {{4, {1, 8, 6, 6}}, {4, {8, 8, 3, 3}}, {.stride = {1, 1}}, 1};
    static const rows_test refused[] = {
        {{4, {1, 8, 6, 6}}, {4, {8, 1, 3, 3}}, {.stride = {1, 1}}, 8},
        {{4, {64, 64, 32, 32}}, {4, {8, 64, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {0, 8, 6, 6}}, {4, {8, 8, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {1, 0, 6, 6}}, {4, {8, 0, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {1, 8, 6, 6}}, {4, {0, 8, 3, 3}}, {.stride = {1, 1}}, 1},
    };
    gr_graph *g = gr_graph_new();
    gr_node *y = node_of(g, &fits, GR_F32);
    assert_int_equal(ask(y), GR_OK);
    gr_node *dy = gr_input(g, "dy", GR_F32, gr_node_shape(y));
    gr_node *other = gr_input(g, "other", GR_F32, GR_SHAPE(8, 8, 3, 3));
    const gr_node *by_x = gr_conv_input_grad(dy, other, GR_SHAPE(1, 8, 6, 6), NULL);
    assert_false(gr_is_error(by_x));
    assert_int_equal(ask(by_x), GR_UNSUPPORTED);
    gr_graph_free(g);
    for (size_t i = 0; i < GR_LEN(refused); i++) {
        gr_graph *rejecting = gr_graph_new();
        assert_int_equal(ask(node_of(rejecting, &refused[i], GR_F32)), GR_UNSUPPORTED);
        gr_graph_free(rejecting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_heights),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
