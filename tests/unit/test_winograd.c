/* Winograd convolution against the definition in f64: all sizes of image that the tiles fit badly,
 * every CPU level and number of threads. */
#include "support_kernel.h"

#include <math.h>

#include <gradus/gradus.h>

#include "backend/cpu/conv_choice.h"
#include "ops/ops.h"

extern gr_prepare_fn gr_winograd_prepare;

/* An element's error, by the larger of 1 and the largest result of the definition; values are from
 * [-1, 1). Seen: up to 6.5e-6. */
#define WINOGRAD_ERROR 1e-5

typedef struct winograd_test {
    gr_shape x, w;
    gr_geometry axes;
    int64_t groups;
} winograd_test;

typedef struct winograd_family {
    gr_graph *graph;
    gr_node *y, *by_x, *by_w;
} winograd_family;

static winograd_family family(const winograd_test *t, gr_dtype dtype)
{
    const gr_window window = {.size = sizeof window, .groups = t->groups, .axes = &t->axes};
    winograd_family f = {.graph = gr_graph_new()};
    gr_node *x = gr_input(f.graph, "x", dtype, t->x), *w = gr_input(f.graph, "w", dtype, t->w);
    f.y = gr_conv(x, w, &window);
    if (gr_is_error(f.y)) fail_msg("%s", gr_graph_message(f.graph));
    gr_node *dy = gr_input(f.graph, "dy", dtype, gr_node_shape(f.y));
    f.by_x = gr_conv_input_grad(dy, w, t->x, &window);
    f.by_w = gr_conv_weight_grad(x, dy, t->w, &window);
    return f;
}

/* The same values in f64. */
static void **widened(const gr_node *node, void *const *in)
{
    void **wide = gr_alloc_array((size_t)node->n_in + 1, sizeof *wide);
    assert_non_null(wide);
    for (int i = 0; i < node->n_in; i++) {
        const int64_t n = kernel_count(node->in[i]);
        double *to = wide[i] = gr_alloc_aligned((size_t)n * sizeof *to);
        assert_non_null(to);
        for (int64_t k = 0; k < n; k++) to[k] = (double)((const float *)in[i])[k];
    }
    return wide;
}

static void compare(const gr_node *node, const double *right, const float *got,
                    const kernel_case *what)
{
    double most = 0, error = 0;
    for (int64_t i = 0; i < kernel_count(node); i++) {
        most = fmax(most, fabs(right[i]));
        const double off = fabs((double)got[i] - right[i]);
        error = off <= error ? error : off; /* a NaN stays */
    }
    if (error <= WINOGRAD_ERROR * fmax(most, 1)) return;
    char text[256];
    fail_msg("%s, %s, %d threads: off by %g, results up to %g",
             gr_node_text(node, text, sizeof text), gr_cpu_name(what->level), what->threads, error,
             most);
}

static void check(const gr_node *node, const gr_node *wide_node)
{
    static const int threads[] = {1, 2, 3, 8};
    const size_t n = (size_t)kernel_count(node), bytes = n * sizeof(float);
    void **in = kernel_inputs(node, 11 + bytes), **wide = widened(node, in);
    double *right = gr_alloc_aligned(n * sizeof *right);
    float *first = gr_alloc_aligned(bytes), *got = gr_alloc_aligned(bytes);
    assert_true(right && first && got);
    assert_int_equal(kernel_run(&(kernel_case){.node = wide_node, .threads = 1}, wide, right),
                     GR_OK);
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        for (size_t t = 0; t < GR_LEN(threads); t++) {
            const kernel_case what = {.node = node,
                                      .prepare = gr_winograd_prepare,
                                      .level = (gr_cpu_level)level,
                                      .threads = threads[t],
                                      .offset = t};
            assert_int_equal(kernel_run(&what, in, t ? got : first), GR_OK);
            compare(node, right, t ? got : first, &what);
            if (t > 0) assert_memory_equal(first, got, bytes);
        }
    }
    gr_free_aligned(right);
    gr_free_aligned(first);
    gr_free_aligned(got);
    kernel_free(in);
    kernel_free(wide);
}

static const winograd_test winograd_tests[] = {
    {{4, {3, 20, 12, 12}}, {4, {50, 20, 5, 5}}, {.stride = {1, 1}}, 1},
    {{4, {5, 3, 16, 16}}, {4, {33, 3, 5, 5}}, {.pad = {2, 2}, .pad_end = {2, 2}}, 1},
    {{4, {2, 17, 8, 8}}, {4, {17, 17, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
    {{4, {7, 33, 4, 4}}, {4, {45, 33, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
    {{4, {2, 1, 7, 9}}, {4, {1, 1, 3, 3}}, {.stride = {1, 1}}, 1},
    {{4, {1, 4, 3, 3}}, {4, {3, 4, 3, 3}}, {.stride = {1, 1}}, 1},
    {{4, {1, 2, 1, 1}}, {4, {2, 2, 5, 5}}, {.pad = {2, 2}, .pad_end = {2, 2}}, 1},
    {{4, {2, 6, 10, 13}}, {4, {4, 6, 3, 3}}, {.pad = {2, 0}, .pad_end = {0, 2}}, 1},
    {{4, {2, 6, 11, 10}}, {4, {4, 6, 5, 5}}, {.pad = {1, 4}, .pad_end = {3, 0}}, 1},
    {{4, {1, 5, 6, 150}}, {4, {6, 5, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
    {{4, {3, 8, 9, 9}}, {4, {12, 4, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 2},
    {{4, {1, 128, 5, 5}}, {4, {90, 64, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 2},
    {{4, {5, 7, 9, 15}}, {4, {3, 7, 5, 5}}, {.pad = {1, 0}, .pad_end = {0, 1}}, 1},
    {{4, {4, 100, 6, 6}}, {4, {20, 100, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
    {{4, {1, 340, 4, 4}}, {4, {16, 340, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
};

static void test_kernels(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(winograd_tests); i++) {
        const winograd_family f = family(&winograd_tests[i], GR_F32);
        const winograd_family wide = family(&winograd_tests[i], GR_F64);
        check(f.y, wide.y);
        check(f.by_x, wide.by_x);
        check(f.by_w, wide.by_w);
        gr_graph_free(f.graph);
        gr_graph_free(wide.graph);
    }
}

static gr_status ask(const gr_node *node, bool exact)
{
    gr_arena arena = {0};
    gr_request request = {
        .node = node, .arena = &arena, .level = gr_cpu(), .threads = 1, .exact = exact};
    const gr_status status = gr_winograd_prepare(&request);
    gr_arena_free(&arena);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 4, 12, 12));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(4, 4, 3, 3));
    gr_node *wide = gr_input(g, "wide", GR_F64, GR_SHAPE(2, 4, 12, 12));
    gr_node *w_wide = gr_input(g, "w_wide", GR_F64, GR_SHAPE(4, 4, 3, 3));
    gr_node *seven = gr_input(g, "seven", GR_F32, GR_SHAPE(4, 4, 7, 7));
    gr_node *dy = gr_input(g, "dy", GR_F32, GR_SHAPE(2, 4, 16, 16));
    assert_int_equal(ask(gr_conv(x, w, NULL), false), GR_OK);
    assert_int_equal(ask(gr_conv(x, w, NULL), true), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_conv(wide, w_wide, NULL), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_conv(x, seven, NULL), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_conv(x, w, GR_WINDOW(.stride = 2)), false), GR_UNSUPPORTED);
    assert_int_equal(ask(gr_conv(x, w, GR_WINDOW(.dilation = 2)), false), GR_UNSUPPORTED);
    /* more padding than the filter reaches over: its transpose would have to crop */
    gr_node *cropped = gr_conv_input_grad(dy, w, GR_SHAPE(2, 4, 12, 12), GR_WINDOW(.pad = 3));
    assert_int_equal(ask(cropped, false), GR_UNSUPPORTED);
    gr_graph_free(g);
}

/* ---- The choice ------------------------------------------------------------------------------ */

static gr_conv_way chosen(const gr_node *node, bool exact, bool onednn)
{
    const gr_request request = {.node = node, .level = gr_cpu(), .threads = 2, .exact = exact};
    return gr_conv_choose(&request, onednn);
}

static void test_choice(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(64, 20, 12, 12));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(50, 20, 5, 5));
    gr_node *grey = gr_input(g, "grey", GR_F32, GR_SHAPE(64, 1, 28, 28));
    gr_node *w_grey = gr_input(g, "w_grey", GR_F32, GR_SHAPE(20, 1, 5, 5));
    const gr_node *many = gr_conv(x, w, NULL), *few = gr_conv(grey, w_grey, NULL);
    unsetenv("GRADUS_CONV");
    assert_int_equal(chosen(many, false, true), GR_CONV_WINOGRAD);
    /* vectors of other lengths fit another way's tiles */
    const gr_conv_way exact = chosen(many, true, false);
    assert_true(exact == GR_CONV_PLACES || (gr_cpu() < GR_CPU_AVX512 && exact == GR_CONV_GEMM));
    assert_int_equal(chosen(few, false, true), GR_CONV_GEMM);
    setenv("GRADUS_CONV", "winograd", 1);
    assert_int_equal(chosen(few, false, true), GR_CONV_WINOGRAD);
    assert_int_equal(chosen(few, true, true), GR_CONV_GEMM);
    setenv("GRADUS_CONV", "gemm", 1);
    assert_int_equal(chosen(many, false, true), GR_CONV_GEMM);
    setenv("GRADUS_CONV", "onednn", 1);
    assert_int_equal(chosen(many, false, true), GR_CONV_ONEDNN);
    assert_int_equal(chosen(many, false, false), GR_CONV_WINOGRAD);
    unsetenv("GRADUS_CONV");
    gr_graph_free(g);
}

static void test_unknown_choice_is_refused(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 8, 8));
    gr_node *y = gr_conv(x, gr_input(g, "w", GR_F32, GR_SHAPE(4, 3, 3, 3)), NULL);
    gr_program *program;
    setenv("GRADUS_CONV", "fastest", 1);
    unit_refused(
        gr_compile(g, &y, 1, NULL, &program), GR_INVALID,
        "GRADUS_CONV=fastest is no way to convolve: write gemm, rows, places, winograd or onednn");
    setenv("GRADUS_CONV", "", 1);
    unit_ok(gr_compile(g, &y, 1, NULL, &program));
    gr_program_free(program);
    unsetenv("GRADUS_CONV");
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_unknown_choice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
