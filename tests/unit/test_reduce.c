/* Reductions: shapes and refusals, values by hand, vector kernels against the reference. */
#include "support_kernel.h"

#include <math.h>

#include "ops/ops.h"
#include "ops/reduce.h"

extern gr_prepare_fn gr_reduce_prepare, gr_argmax_prepare;

typedef gr_node *reduce_builder(gr_node *x, gr_axes axes);
static reduce_builder *const builders[] = {(gr_sum), (gr_prod), (gr_max), (gr_min)};
static const gr_dtype numbers[] = {GR_F32, GR_F64, GR_I32, GR_I64, GR_U8};

/* ---- Shapes and refusals --------------------------------------------------------------------- */

static void shapes_follow_the_axes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3, 4));
    expect_shape(gr_sum(x, GR_ALL), GR_SCALAR);
    expect_shape(gr_sum(x, GR_KEEP_ALL), GR_SHAPE(1, 1, 1));
    expect_shape(gr_sum(x, GR_AXES(1)), GR_SHAPE(2, 4));
    expect_shape(gr_sum(x, GR_AXES(-1, 0)), GR_SHAPE(3));
    expect_shape(gr_max(x, GR_KEEP(2, 0)), GR_SHAPE(1, 3, 1));
    expect_shape(gr_prod(x, (gr_axes){.count = 0}), GR_SHAPE(2, 3, 4));
    expect_shape(gr_argmax(x, -2), GR_SHAPE(2, 4));
    assert_int_equal(gr_node_dtype(gr_argmin(x, 0)), GR_I64);
    assert_int_equal(gr_graph_status(g), GR_OK);
    gr_graph_free(g);
}

static gr_node *input(gr_graph **g, gr_dtype dtype, gr_shape shape)
{
    *g = gr_graph_new();
    return gr_input(*g, "x", dtype, shape);
}

static void refusals_say_why(void **state)
{
    (void)state;
    gr_graph *g;
    gr_node *x = input(&g, GR_BOOL, GR_SHAPE(2));
    expect_fault(g, gr_sum(x, GR_ALL), GR_DTYPE,
                 "input 0 is bool; this op takes f64, f32, i64, i32 and u8");
    x = input(&g, GR_F32, GR_SHAPE(2, 3));
    expect_fault(g, gr_sum(x, GR_AXES(2)), GR_SHAPE, "axis 2 is outside rank 2 (-2 to 1)");
    x = input(&g, GR_F32, GR_SHAPE(2, 3));
    expect_fault(g, gr_prod(x, GR_AXES(1, -1)), GR_INVALID, "axis 1 is listed twice");
    x = input(&g, GR_F32, GR_SHAPE(2, 3));
    expect_fault(g, gr_prod(x, (gr_axes){.count = 9}), GR_INVALID, "9 axes of a tensor of rank 2");
    x = input(&g, GR_F32, GR_SCALAR);
    expect_fault(g, gr_sum(x, GR_AXES(0)), GR_SHAPE, "axis 0 of a scalar");
    x = input(&g, GR_F32, GR_SHAPE(3, 0));
    expect_fault(g, gr_max(x, GR_AXES(1)), GR_SHAPE,
                 "axis 1 of [3,0] is empty: it has no largest element");
    x = input(&g, GR_F32, GR_SHAPE(3, 0));
    expect_fault(g, gr_argmin(x, 1), GR_SHAPE,
                 "axis 1 of [3,0] is empty: it has no smallest element");
    x = input(&g, GR_F32, GR_SHAPE(3, 4));
    expect_fault(g, gr_argmax(x, -3), GR_SHAPE, "axis -3 is outside rank 2");
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void expect_values(gr_node *node, gr_prepare_fn *prepare, const void *x, const double *want)
{
    double out[64];
    void *in[] = {(void *)(uintptr_t)x};
    assert_false(gr_is_error(node));
    for (int fast = 0; fast < 2; fast++) {
        const kernel_case what = {
            .node = node, .prepare = fast ? prepare : NULL, .level = gr_cpu(), .threads = 2};
        assert_int_equal(kernel_run(&what, in, out), GR_OK);
        for (int64_t i = 0; i < kernel_count(node); i++) {
            const double got = kernel_at(node, out, i);
            assert_true(got == want[i] || (isnan(got) && isnan(want[i])));
        }
    }
}

#define EXPECT(node, prepare, x, ...) expect_values(node, prepare, x, (double[]){__VA_ARGS__})

static void values_by_hand(void **state)
{
    (void)state;
    static const double x[] = {1, 5, 3, 4, 5, 6}, odd[] = {3, NAN, 7, -INFINITY, 2, 2};
    static const uint8_t bytes[] = {200, 100, 3, 4, 0, 9};
    gr_graph *g = gr_graph_new();
    gr_node *n = gr_input(g, "n", GR_F64, GR_SHAPE(2, 3));
    gr_node *u = gr_input(g, "u", GR_U8, GR_SHAPE(2, 3));
    gr_node *e = gr_input(g, "e", GR_F64, GR_SHAPE(2, 0, 3));
    EXPECT(gr_sum(n, GR_AXES(0)), gr_reduce_prepare, x, 5, 10, 9);
    EXPECT(gr_sum(n, GR_AXES(1)), gr_reduce_prepare, x, 9, 15);
    EXPECT(gr_prod(n, GR_ALL), gr_reduce_prepare, x, 1800);
    EXPECT(gr_max(n, GR_AXES(1)), gr_reduce_prepare, x, 5, 6);
    EXPECT(gr_min(n, GR_AXES(0)), gr_reduce_prepare, x, 1, 5, 3);
    EXPECT(gr_max(n, GR_AXES(1)), gr_reduce_prepare, odd, NAN, 2);
    EXPECT(gr_min(n, GR_AXES(0)), gr_reduce_prepare, odd, -INFINITY, NAN, 2);
    EXPECT(gr_sum(u, GR_AXES(1)), gr_reduce_prepare, bytes, 47, 13); /* modulo 256 */
    EXPECT(gr_sum(e, GR_AXES(1)), gr_reduce_prepare, x, 0, 0, 0, 0, 0, 0);
    EXPECT(gr_prod(e, GR_ALL), gr_reduce_prepare, x, 1);
    EXPECT(gr_argmax(n, 1), gr_argmax_prepare, x, 1, 2);
    EXPECT(gr_argmax(n, 1), gr_argmax_prepare, odd, 1, 1); /* NaN; the first of equals */
    EXPECT(gr_argmin(n, 0), gr_argmax_prepare, odd, 1, 0, 1);
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

/* Some values that try the order of equals and the treatment of NaN. */
static void sprinkle(const gr_node *node, void *const *in, gr_rng *rng)
{
    static const double special[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 0.5, 0.5, 1e30};
    gr_tensor x = {node->in[0]->out[0].dtype, GR_SHAPE(kernel_count(node->in[0])), in[0]};
    if (!gr_dtype_is_float(x.dtype)) return;
    for (int64_t i = 0; i < x.shape.dim[0] / 7; i++) {
        const int64_t at = (int64_t)gr_rng_below(rng, (uint64_t)x.shape.dim[0]);
        gr_tensor_put(&x, at, special[gr_rng_below(rng, GR_LEN(special))]);
    }
}

static void check(const gr_node *node, gr_prepare_fn *prepare, gr_rng *rng)
{
    void **in = kernel_inputs(node, gr_rng_u64(rng));
    kernel_check_bits(node, prepare, in);
    sprinkle(node, in, rng);
    kernel_check_bits(node, prepare, in);
    kernel_free(in);
}

static gr_axes random_axes(gr_shape shape, gr_rng *rng)
{
    gr_axes axes = {0};
    for (int i = 0; i < shape.rank; i++) {
        if (gr_rng_below(rng, 2)) axes.axis[axes.count++] = i;
    }
    return axes;
}

static void kernels_equal_the_reference_on_random_shapes(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 32, 33, 63, 65, 100, 130};
    gr_rng rng = gr_rng_new(11, 0);
    for (int round = 0; round < 100; round++) {
        gr_shape shape = {.rank = (int)gr_rng_below(&rng, 6)};
        int64_t room = 20000;
        for (int i = 0; i < shape.rank; i++) {
            int64_t size = sizes[gr_rng_below(&rng, GR_LEN(sizes))];
            shape.dim[i] = size <= room ? size : 1;
            room /= shape.dim[i];
        }
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", numbers[gr_rng_below(&rng, 5)], shape);
        check(builders[round % 4](x, random_axes(shape, &rng)), gr_reduce_prepare, &rng);
        if (shape.rank > 0) {
            int axis = (int)gr_rng_below(&rng, (uint64_t)shape.rank);
            check(round % 2 ? gr_argmax(x, axis) : gr_argmin(x, axis), gr_argmax_prepare, &rng);
        }
        gr_graph_free(g);
    }
}

/* Shapes whose rows, blocks and tiles are cut, and that are worth threads. */
static void kernels_equal_the_reference_on_large_shapes(void **state)
{
    (void)state;
    static const struct {
        gr_shape shape;
        gr_axes axes;
    } cases[] = {
        {{1, {70003}}, {.count = -1}},
        {{1, {2048}}, {.count = -1}},
        {{1, {2049}}, {.count = -1}},
        {{2, {3, 20011}}, {.count = 1, .axis = {1}}},
        {{2, {20011, 3}}, {.count = 1, .axis = {0}}},
        {{2, {2049, 37}}, {.count = 1, .axis = {0}}},
        {{2, {140, 1030}}, {.count = 1, .axis = {0}}},
        {{2, {15000, 10}}, {.count = 1, .axis = {1}}},
        {{3, {9, 5, 4999}}, {.count = 2, .axis = {0, 2}}},
        {{3, {700, 5, 33}}, {.count = 2, .axis = {0, 2}}},
        {{4, {60, 3, 50, 7}}, {.count = 2, .axis = {0, 2}}},
        {{4, {3, 60, 5, 70}}, {.count = 2, .axis = {1, 3}}},
        {{5, {3, 4, 5, 6, 100}}, {.count = 3, .axis = {0, 2, 4}}},
        {{5, {30, 4, 30, 3, 10}}, {.count = 2, .axis = {0, 2}}},
    };
    gr_rng rng = gr_rng_new(12, 0);
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        for (size_t d = 0; d < GR_LEN(numbers); d++) {
            gr_graph *g = gr_graph_new();
            gr_node *x = gr_input(g, "x", numbers[d], cases[i].shape);
            check(builders[d < 2 ? 0 : (i + d) % 4](x, cases[i].axes), gr_reduce_prepare, &rng);
            if (d < 2) check(builders[1 + i % 3](x, cases[i].axes), gr_reduce_prepare, &rng);
            check(gr_argmax(x, cases[i].shape.rank / 2), gr_argmax_prepare, &rng);
            gr_graph_free(g);
        }
    }
}

/* The error of a long f32 sum must stay near that of its result's rounding. */
static void long_sums_are_accurate(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(N));
    gr_node *rows = gr_input(g, "rows", GR_F32, GR_SHAPE(N / 4, 4));
    float *data = gr_alloc_aligned(N * sizeof *data), out[4];
    gr_rng rng = gr_rng_new(3, 0);
    double exact = 0, column = 0;
    for (int i = 0; i < N; i++) {
        data[i] = (float)gr_rng_uniform(&rng);
        exact += data[i];
        if (i % 4 == 0) column += data[i];
    }
    void *in[] = {data};
    kernel_case what = {.node = gr_sum(x, GR_ALL), .prepare = gr_reduce_prepare, .threads = 1};
    assert_int_equal(kernel_run(&what, in, out), GR_OK);
    assert_true(fabs(out[0] - exact) < 1e-6 * exact);
    what.node = gr_sum(rows, GR_AXES(0));
    assert_int_equal(kernel_run(&what, in, out), GR_OK);
    assert_true(fabs(out[0] - column) < 1e-5 * column);
    gr_free_aligned(data);
    gr_graph_free(g);
}

/* An empty tensor may have sizes whose product no memory could hold, as long as it can be told. */
static void empty_tensors_may_be_huge(void **state)
{
    (void)state;
    const int64_t big = INT64_C(1) << 29;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(big, big, 0, 3));
    gr_ints axes = {.n = 2, .v = {0, 1}};
    gr_reduction r = gr_reduction_of(GR_SHAPE(big, big, 0, 3), &axes);
    assert_int_equal(r.groups, 0);
    assert_int_equal(r.blocks, 0);
    float out[4] = {9, 9, 9, 9};
    void *in[] = {out};
    kernel_case what = {
        .node = gr_sum(x, GR_AXES(0, 1, 2)), .prepare = gr_reduce_prepare, .threads = 1};
    assert_int_equal(kernel_run(&what, in, out), GR_OK);
    for (int i = 0; i < 3; i++) assert_true(out[i] == 0);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_follow_the_axes),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(kernels_equal_the_reference_on_random_shapes),
        cmocka_unit_test(kernels_equal_the_reference_on_large_shapes),
        cmocka_unit_test(long_sums_are_accurate),
        cmocka_unit_test(empty_tensors_may_be_huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
