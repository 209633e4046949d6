/* Convolution and its gradients place by place, against the reference: batches that fill vectors
 * badly, all kinds of windows, every CPU level and number of threads. */
#include "support_kernel.h"

#include <float.h>

#include "backend/cpu/conv_choice.h"
#include "ops/ops.h"

extern gr_prepare_fn gr_conv_places_prepare;

typedef struct places_test {
    gr_shape x, w;
    gr_geometry axes;
    int64_t groups;
} places_test;

typedef struct places_family {
    gr_graph *graph;
    gr_node *gates[3]; /* forward, by the input, by the weights */
} places_family;

static places_family family(const places_test *t, gr_dtype dtype)
{
    const gr_window window = {.size = sizeof window, .groups = t->groups, .axes = &t->axes};
    places_family f = {.graph = gr_graph_new()};
    gr_node *x = gr_input(f.graph, "x", dtype, t->x), *w = gr_input(f.graph, "w", dtype, t->w);
    gr_node *y = gr_conv(x, w, &window);
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(f.graph));
    gr_node *dy = gr_input(f.graph, "dy", dtype, gr_node_shape(y));
    f.gates[0] = y;
    f.gates[1] = gr_conv_input_grad(dy, w, t->x, &window);
    f.gates[2] = gr_conv_weight_grad(x, dy, t->w, &window);
    return f;
}

/* The largest sum of products that an element can be, each product below 1. */
static double terms(const places_test *t, int direction, const gr_node *y)
{
    double n = direction == 1 ? (double)(t->w.dim[0] / t->groups) : 1;
    if (direction == 0) n = (double)t->w.dim[1];
    const gr_shape area = direction == 2 ? gr_node_shape(y) : t->w;
    for (int i = 2; i < area.rank; i++) n *= (double)area.dim[i];
    return direction == 2 ? n * (double)t->x.dim[0] : n;
}

static void check(const places_test *t)
{
    for (int k = 0; k < 2; k++) {
        const gr_dtype dtype = k == 0 ? GR_F32 : GR_F64;
        const places_family f = family(t, dtype);
        for (int i = 0; i < 3; i++) {
            const double bound = dtype == GR_F64 ? 1e-12 : (double)FLT_EPSILON;
            const double most = dtype == GR_F64 ? 1 : terms(t, i, f.gates[0]) + 1;
            kernel_check(f.gates[i], gr_conv_places_prepare, bound * most);
        }
        gr_graph_free(f.graph);
    }
}

static void test_kernels(void **state)
{
    (void)state;
    static const places_test tests[] = {
        {{4, {1, 3, 4, 4}}, {4, {5, 3, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {17, 20, 4, 4}}, {4, {16, 20, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {33, 2, 5, 7}}, {4, {29, 2, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {40, 7, 6, 6}},
         {4, {15, 7, 3, 3}},
         {.stride = {2, 2}, .pad = {1, 1}, .pad_end = {0, 1}},
         1},
        {{4, {9, 33, 7, 7}}, {4, {3, 33, 1, 1}}, {.stride = {2, 2}}, 1},
        {{4, {5, 130, 3, 3}}, {4, {2, 130, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {3, 2, 3, 3}}, {4, {130, 2, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1},
        {{4, {2, 6, 11, 9}}, {4, {8, 3, 3, 2}}, {.dilation = {2, 3}, .pad = {1, 1}}, 2},
        {{4, {16, 4, 3, 70}}, {4, {6, 4, 5, 5}}, {.pad = {2, 2}, .pad_end = {2, 2}}, 1},
        {{4, {4, 3, 2, 2}}, {4, {4, 3, 3, 3}}, {.pad = {4, 3}, .pad_end = {3, 4}}, 1},
        {{4, {3, 5, 8, 8}}, {4, {6, 5, 2, 2}}, {.stride = {3, 5}}, 1},
        {{3, {18, 3, 33}}, {3, {5, 3, 7}}, {.stride = {2}, .pad = {3}, .pad_end = {2}}, 1},
        {{3, {7, 3, 41}}, {3, {5, 3, 5}}, {.stride = {1}, .dilation = {9}}, 1},
        {{5, {2, 3, 5, 6, 7}},
         {5, {4, 3, 2, 3, 3}},
         {.stride = {1, 2, 1}, .pad = {1, 0, 1}, .pad_end = {0, 1, 1}},
         1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) check(&tests[i]);
}

/* Every height of a tile and every number of lanes. */
static void test_edges(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 33; n++) {
        const places_test by_images = {
            {4, {n, 2, 2, 2}}, {4, {n % 15 + 1, 2, 2, 2}}, {.pad = {1, 0}}, 1};
        const places_test by_channels = {
            {4, {2, n, 2, 2}}, {4, {n % 15 + 1, n, 2, 2}}, {.pad = {0, 1}}, 1};
        check(&by_images);
        check(&by_channels);
    }
}

/* Too large for all images to be turned at once. */
static void test_batches(void **state)
{
    (void)state;
    static const places_test t = {{4, {7, 2, 120, 600}}, {4, {2, 2, 1, 2}}, {.stride = {1, 1}}, 1};
    const places_family f = family(&t, GR_F32);
    kernel_check(f.gates[2], gr_conv_places_prepare, 1e-4);
    gr_graph_free(f.graph);
}

static gr_status ask(const gr_node *node)
{
    gr_arena arena = {0};
    gr_request request = {.node = node, .arena = &arena, .level = gr_cpu(), .threads = 1};
    const gr_status status = gr_conv_places_prepare(&request);
    gr_arena_free(&arena);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    static const places_test refused[] = {
        {{4, {4, 8, 6, 6}}, {4, {8, 1, 3, 3}}, {.stride = {1, 1}}, 8},
        {{4, {4, 64, 512, 512}}, {4, {8, 64, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {0, 8, 6, 6}}, {4, {8, 8, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {4, 0, 6, 6}}, {4, {8, 0, 3, 3}}, {.stride = {1, 1}}, 1},
        {{4, {4, 8, 6, 6}}, {4, {0, 8, 3, 3}}, {.stride = {1, 1}}, 1},
    };
    for (size_t i = 0; i < GR_LEN(refused); i++) {
        const places_family f = family(&refused[i], GR_F32);
        for (int k = 0; k < 3; k++) assert_int_equal(ask(f.gates[k]), GR_UNSUPPORTED);
        gr_graph_free(f.graph);
    }
}

/* What a batch takes, with exact results for any number of threads; one image takes another way. */
static void test_choice(void **state)
{
    (void)state;
    static const places_test deep = {
        {4, {32, 256, 8, 8}}, {4, {256, 256, 3, 3}}, {.pad = {1, 1}, .pad_end = {1, 1}}, 1};
    places_test one = deep;
    one.x.dim[0] = 1;
    const places_family many = family(&deep, GR_F32), single = family(&one, GR_F32);
    for (int k = 0; k < 3; k++) {
        gr_request request = {
            .node = many.gates[k], .level = GR_CPU_AVX512, .threads = 2, .exact = true};
        assert_int_equal(gr_conv_choose(&request, false), GR_CONV_PLACES);
        request.node = single.gates[k];
        assert_int_not_equal(gr_conv_choose(&request, false), GR_CONV_PLACES);
    }
    gr_graph_free(many.graph);
    gr_graph_free(single.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels), cmocka_unit_test(test_edges),
        cmocka_unit_test(test_batches), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
