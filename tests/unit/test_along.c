/* Kernels along one axis (argsort, cumsum, gather_along, scatter_add_along) against the reference,
 * bit for bit. */
#include "support_kernel.h"

#include <math.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_argsort_prepare, gr_cumsum_prepare, gr_along_prepare;

typedef struct along_shape {
    gr_shape shape;
    int axis;
} along_shape;

/* Around the sizes where kernels change their ways, and some that are worth two threads. */
static const along_shape shapes[] = {
    {{1, {1}}, 0},         {{2, {3, 2}}, 1},    {{2, {5, 31}}, 1},      {{2, {2, 48}}, 1},
    {{2, {3, 49}}, 1},     {{2, {7, 64}}, -1},  {{2, {4, 257}}, 1},     {{2, {37, 1500}}, 1},
    {{2, {65, 3}}, 0},     {{2, {300, 67}}, 0}, {{3, {3, 70, 129}}, 1}, {{3, {2, 0, 5}}, 1},
    {{3, {4, 900, 6}}, 1}, {{2, {0, 4}}, 1},
};

/* Few values, so that many are equal, and those whose order is special. */
static void sprinkle(const gr_node *x, void *data, gr_rng *rng)
{
    static const double special[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, -1e-40, 1e-40, 3e38};
    gr_tensor t = {x->out[0].dtype, GR_SHAPE(kernel_count(x)), data};
    for (int64_t i = 0; i < t.shape.dim[0]; i++) {
        const bool odd = gr_dtype_is_float(t.dtype) && gr_rng_below(rng, 5) == 0;
        gr_tensor_put(&t, i,
                      odd ? special[gr_rng_below(rng, GR_LEN(special))]
                          : (double)gr_rng_below(rng, 200) - (t.dtype == GR_U8 ? 0 : 100));
    }
}

static void check_argsort(gr_node *x, int axis, int64_t k, bool smallest, gr_rng *rng)
{
    gr_node *index;
    gr_top_k(x, k, axis, smallest, &index);
    void **in = kernel_inputs(index, gr_rng_u64(rng));
    kernel_check_bits(index, gr_argsort_prepare, in);
    sprinkle(x, in[0], rng);
    kernel_check_bits(index, gr_argsort_prepare, in);
    kernel_free(in);
}

static void orders_equal_the_reference(void **state)
{
    (void)state;
    static const gr_dtype types[] = {GR_F32, GR_I32, GR_U8};
    gr_rng rng = gr_rng_new(31, 0);
    for (size_t d = 0; d < GR_LEN(types); d++) {
        for (size_t s = 0; s < GR_LEN(shapes); s++) {
            gr_graph *g = gr_graph_new();
            gr_node *x = gr_input(g, "x", types[d], shapes[s].shape);
            const int axis = shapes[s].axis < 0 ? 1 : shapes[s].axis;
            const int64_t size = shapes[s].shape.dim[axis];
            const int64_t counts[] = {size, size / 4, size / 5 < 64 ? size / 5 : 64, 1, 0};
            for (size_t k = 0; k < GR_LEN(counts); k++) {
                if (counts[k] > size) continue;
                check_argsort(x, axis, counts[k], k % 2 == 0, &rng);
                check_argsort(x, axis, counts[k], k % 2 == 1, &rng);
            }
            gr_graph_free(g);
        }
    }
}

static void running_sums_equal_the_reference(void **state)
{
    (void)state;
    static const gr_dtype types[] = {GR_F32, GR_F64, GR_I64, GR_I32, GR_U8};
    gr_rng rng = gr_rng_new(32, 0);
    for (size_t d = 0; d < GR_LEN(types); d++) {
        for (size_t s = 0; s < GR_LEN(shapes); s++) {
            gr_graph *g = gr_graph_new();
            gr_node *x = gr_input(g, "x", types[d], shapes[s].shape);
            for (int k = 0; k < 4; k++) {
                const gr_node *node = gr_cumsum(x, shapes[s].axis, k & 1, k & 2);
                void **in = kernel_inputs(node, gr_rng_u64(&rng));
                if (k == 3) sprinkle(x, in[0], &rng);
                kernel_check_bits(node, gr_cumsum_prepare, in);
                kernel_free(in);
            }
            gr_graph_free(g);
        }
    }
}

/* Random places within [0, size). */
static void **index_inputs(const gr_node *node, int64_t size, gr_rng *rng)
{
    void **in = kernel_inputs(node, gr_rng_u64(rng));
    gr_tensor index = {node->in[1]->out[0].dtype, GR_SHAPE(kernel_count(node->in[1])), in[1]};
    for (int64_t i = 0; i < index.shape.dim[0]; i++)
        gr_tensor_put(&index, i, (double)gr_rng_below(rng, (uint64_t)size));
    return in;
}

static void indices_equal_the_reference(void **state)
{
    (void)state;
    static const gr_dtype types[] = {GR_F32, GR_F64, GR_I64, GR_U8, GR_BOOL};
    gr_rng rng = gr_rng_new(33, 0);
    for (size_t d = 0; d < GR_LEN(types); d++) {
        for (size_t s = 0; s < GR_LEN(shapes); s++) {
            gr_graph *g = gr_graph_new();
            gr_shape chosen = shapes[s].shape;
            const int axis = shapes[s].axis < 0 ? 1 : shapes[s].axis;
            const int64_t size = chosen.dim[axis];
            chosen.dim[axis] = s % 3 == 0 ? 2 * size : size / 2;
            gr_node *x = gr_input(g, "x", types[d], shapes[s].shape);
            gr_node *index = gr_input(g, "index", s % 2 ? GR_I32 : GR_I64, chosen);
            gr_node *node = (gr_gather_along)(x, index, axis);
            void **in = index_inputs(node, size, &rng);
            kernel_check_bits(node, gr_along_prepare, in);
            kernel_free(in);
            if (d < 2) {
                gr_node *update = gr_input(g, "update", types[d], chosen);
                node = (gr_scatter_add_along)(x, index, update, axis);
                in = index_inputs(node, size, &rng);
                kernel_check_bits(node, gr_along_prepare, in);
                kernel_free(in);
            }
            gr_graph_free(g);
        }
    }
}

/* Nothing is read outside x, and the message names the place. */
static void indices_out_of_range_are_refused(void **state)
{
    (void)state;
    static const double wrong[] = {-1, 300, 1e9};
    gr_rng rng = gr_rng_new(34, 0);
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(40, 300));
    gr_node *index = gr_input(g, "index", GR_I64, GR_SHAPE(40, 900));
    gr_node *update = gr_input(g, "update", GR_F32, GR_SHAPE(40, 900));
    const gr_node *nodes[] = {(gr_gather_along)(x, index, 1),
                              (gr_scatter_add_along)(x, index, update, 1)};
    float *out = gr_alloc_aligned(40 * 900 * sizeof *out);
    assert_non_null(out);
    for (size_t k = 0; k < GR_LEN(nodes) * GR_LEN(wrong); k++) {
        const gr_node *node = nodes[k % 2];
        const kernel_case what = {.node = node, .prepare = gr_along_prepare, .threads = 2};
        void **in = index_inputs(node, 300, &rng);
        ((int64_t *)in[1])[7 * 900 + 13] = (int64_t)wrong[k / 2];
        assert_int_equal(kernel_run(&what, in, out), GR_RANGE);
        assert_non_null(strstr(gr_message(), "_along: index [7,13,0] is "));
        assert_non_null(strstr(gr_message(), "outside [0, 300)"));
        kernel_free(in);
    }
    gr_free_aligned(out);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_equal_the_reference),
        cmocka_unit_test(running_sums_equal_the_reference),
        cmocka_unit_test(indices_equal_the_reference),
        cmocka_unit_test(indices_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
