/* Movement: shapes and refusals, values by hand, kernels against the reference. */
#include "support_kernel.h"

#include "ops/ops.h"

extern gr_prepare_fn gr_movement_prepare, gr_gather_kernel_prepare, gr_scatter_add_kernel_prepare;

static const gr_dtype all_types[] = {GR_F32, GR_F64, GR_I32, GR_U8, GR_BF16, GR_BOOL, GR_I64};

/* ---- Shapes and refusals --------------------------------------------------------------------- */

static void shapes_follow_the_attributes(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_BOOL, GR_SHAPE(2, 3, 4));
    gr_node *y = gr_input(g, "y", GR_BOOL, GR_SHAPE(2, 5, 4));
    gr_node *i = gr_input(g, "i", GR_I32, GR_SHAPE(7, 2));
    gr_node *none = gr_input(g, "none", GR_F32, GR_SHAPE(0, 3));
    expect_shape(gr_reshape(x, GR_SHAPE(4, -1)), GR_SHAPE(4, 6));
    expect_shape(gr_reshape(none, GR_SHAPE(-1, 3)), GR_SHAPE(0, 3));
    assert_ptr_equal(gr_reshape(x, GR_SHAPE(2, 3, 4)), x);
    expect_shape(gr_flatten(x, 1), GR_SHAPE(2, 12));
    expect_shape(gr_flatten(x, 0), GR_SHAPE(24));
    expect_shape(gr_flatten(x, 3), GR_SHAPE(2, 3, 4, 1));
    expect_shape(gr_permute(x, GR_AXES(2, 0, -2)), GR_SHAPE(4, 2, 3));
    expect_shape(gr_transpose(x), GR_SHAPE(2, 4, 3));
    expect_shape(gr_broadcast(i, GR_SHAPE(3, 7, 2)), GR_SHAPE(3, 7, 2));
    expect_shape(gr_slice(x, (int64_t[]){0, 1, 0}, (int64_t[]){0, 3, 4}, (int64_t[]){1, 1, 3}),
                 GR_SHAPE(0, 2, 2));
    expect_shape(gr_pad(x, (int64_t[]){1, 0, 2}, (int64_t[]){0, 0, 3}, (int64_t[]){0, 2, 0}, 1),
                 GR_SHAPE(3, 7, 9));
    expect_shape(gr_concat((gr_node *[]){x, y}, 2, -2), GR_SHAPE(2, 8, 4));
    expect_shape(gr_gather(x, i, 1), GR_SHAPE(2, 7, 2, 4));
    expect_shape(gr_one_hot(i, 5, GR_U8), GR_SHAPE(7, 2, 5));
    assert_int_equal(gr_node_dtype(gr_gather(x, i, 1)), GR_BOOL);
    assert_string_equal(gr_graph_message(g), "");
    gr_graph_free(g);
}

typedef struct refusal_inputs {
    gr_graph *g;
    gr_node *x, *index, *real; /* f32[2,3], i64[4], f32[4] */
} refusal_inputs;

static refusal_inputs fresh(void)
{
    refusal_inputs in = {.g = gr_graph_new()};
    in.x = gr_input(in.g, "x", GR_F32, GR_SHAPE(2, 3));
    in.index = gr_input(in.g, "index", GR_I64, GR_SHAPE(4));
    in.real = gr_input(in.g, "real", GR_F32, GR_SHAPE(4));
    return in;
}

static void refusals_of_shapes_say_why(void **state)
{
    (void)state;
    refusal_inputs in = fresh();
    expect_fault(in.g, gr_reshape(in.x, GR_SHAPE(4)), GR_SHAPE, "[2,3] has 6 elements, [4] has 4");
    in = fresh();
    expect_fault(in.g, gr_reshape(in.x, GR_SHAPE(4, -1)), GR_SHAPE,
                 "no size in place of -1 makes [4,-1] hold the 6 elements of [2,3]");
    in = fresh();
    expect_fault(in.g, gr_reshape(in.x, GR_SHAPE(-1, -1)), GR_SHAPE,
                 "more than one size of [-1,-1] is -1");
    in = fresh();
    expect_fault(in.g, gr_reshape(in.x, GR_SHAPE(-2, 3)), GR_SHAPE,
                 "size -2 in [-2,3] is negative");
    in = fresh();
    expect_fault(in.g, gr_flatten(in.x, 3), GR_SHAPE,
                 "cannot keep the first 3 axes of [2,3]: it has 2");
    in = fresh();
    expect_fault(in.g, gr_permute(in.x, GR_AXES(0)), GR_SHAPE,
                 "1 axes are given for [2,3], which has 2");
    in = fresh();
    expect_fault(in.g, gr_permute(in.x, GR_AXES(1, 1)), GR_INVALID, "axis 1 is listed twice");
    in = fresh();
    expect_fault(in.g, gr_permute(in.x, GR_ALL), GR_INVALID, "the order of all 2 axes");
    in = fresh();
    expect_fault(in.g, gr_transpose(in.index), GR_SHAPE, "[4] has no two axes to swap");
    in = fresh();
    expect_fault(in.g, gr_broadcast(in.x, GR_SHAPE(2, 1)), GR_SHAPE,
                 "[2,3] does not broadcast to [2,1]");
    in = fresh();
    expect_fault(in.g, gr_slice(in.x, (int64_t[]){0, 1}, (int64_t[]){2, 4}, NULL), GR_RANGE,
                 "[1, 4) of axis 1 is not a range within its size 3");
    in = fresh();
    expect_fault(in.g, gr_slice(in.x, (int64_t[]){0, 1}, (int64_t[]){2, 3}, (int64_t[]){1, 0}),
                 GR_INVALID, "step 0 of axis 1 is not positive");
    in = fresh();
    expect_fault(in.g, gr_pad(in.x, (int64_t[]){0, -1}, (int64_t[]){2, 4}, NULL, 0), GR_INVALID,
                 "before of axis 1 is -1; it cannot be negative");
    in = fresh();
    expect_fault(in.g, gr_pad(in.x, (int64_t[]){0, INT64_MAX}, (int64_t[]){2, 4}, NULL, 0),
                 GR_SHAPE, "axis 1 gets too large");
}

static void refusals_of_inputs_say_why(void **state)
{
    (void)state;
    refusal_inputs in = fresh();
    expect_fault(in.g, gr_concat((gr_node *[]){in.x, in.real}, 2, 0), GR_SHAPE,
                 "input 1 is [4], input 0 is [2,3]: all sizes but that of axis 0 must be equal");
    in = fresh();
    expect_fault(in.g, gr_concat((gr_node *[]){in.x, in.index}, 2, 0), GR_DTYPE, "types differ");
    in = fresh();
    expect_fault(in.g, gr_gather(in.x, in.real, 0), GR_DTYPE, "the index is f32");
    in = fresh();
    expect_fault(in.g, gr_gather(in.x, in.index, 2), GR_SHAPE, "axis 2 is outside rank 2");
    in = fresh();
    expect_fault(in.g, gr_scatter_add(in.x, in.index, in.real, 1), GR_SHAPE,
                 "the update is [4]; base [2,3] and index [4] along axis 1 need [2,4]");
    in = fresh();
    expect_fault(in.g, gr_one_hot(in.real, 3, GR_F32), GR_DTYPE, "the index is f32");
    in = fresh();
    expect_fault(in.g, gr_one_hot(in.index, -3, GR_F32), GR_INVALID, "depth -3 is negative");
    in = fresh();
    expect_fault(in.g, gr_one_hot(in.index, 3, GR_BF16), GR_DTYPE, "not bf16");
}

static void an_index_outside_is_named(void **state)
{
    (void)state;
    static const float x[6], update[8];
    static const int64_t index[] = {0, 2, -1, 1}, high[] = {0, 1, 2, 3};
    gr_graph *g = gr_graph_new();
    gr_node *table = gr_input(g, "table", GR_F32, GR_SHAPE(3, 2));
    gr_node *i = gr_input(g, "i", GR_I64, GR_SHAPE(2, 2));
    gr_node *u = gr_input(g, "u", GR_F32, GR_SHAPE(2, 2, 2));
    gr_node *read = gr_name(gr_at(gr_gather(table, i, 0), "net.c:41"), "emb");
    gr_node *add = gr_scatter_add(table, i, u, 0);
    float out[8];
    void *in[] = {(void *)(uintptr_t)x, (void *)(uintptr_t)index, (void *)(uintptr_t)update};
    for (int fast = 0; fast < 2; fast++) {
        kernel_case what = {.node = read, .threads = 1};
        what.prepare = fast ? gr_gather_kernel_prepare : NULL;
        in[1] = (void *)(uintptr_t)index;
        assert_int_equal(kernel_run(&what, in, out), GR_RANGE);
        assert_string_equal(gr_message(),
                            "gather 'emb' (net.c:41): index[1,0] is -1, outside [0, 3)");
        what.node = add;
        what.prepare = fast ? gr_scatter_add_kernel_prepare : NULL;
        in[1] = (void *)(uintptr_t)high;
        assert_int_equal(kernel_run(&what, in, out), GR_RANGE);
        assert_string_equal(gr_message(), "scatter_add: index[1,1] is 3, outside [0, 3)");
    }
    gr_graph_free(g);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void expect_values(const gr_node *node, gr_prepare_fn *prepare, void *const *in,
                          const double *want)
{
    double out[64];
    assert_false(gr_is_error(node));
    for (int fast = 0; fast < 2; fast++) {
        const kernel_case what = {
            .node = node, .prepare = fast ? prepare : NULL, .level = gr_cpu(), .threads = 2};
        assert_int_equal(kernel_run(&what, in, out), GR_OK);
        for (int64_t i = 0; i < kernel_count(node); i++) {
            assert_true(kernel_at(node, out, i) == want[i]);
        }
    }
}

#define EXPECT(node, prepare, ...) expect_values(node, prepare, in, (double[]){__VA_ARGS__})

static void values_by_hand(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4, 5, 6}, y[] = {7, 8, 9, 10};
    int64_t index[] = {2, 0, 2, 2};
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F64, GR_SHAPE(2, 3));
    gr_node *b = gr_input(g, "b", GR_F64, GR_SHAPE(2, 2));
    gr_node *i = gr_input(g, "i", GR_I64, GR_SHAPE(2));
    void *in[3] = {x, y, NULL};
    EXPECT(gr_transpose(a), gr_movement_prepare, 1, 4, 2, 5, 3, 6);
    EXPECT(gr_broadcast(a, GR_SHAPE(2, 2, 3)), gr_movement_prepare, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5,
           6);
    EXPECT(gr_slice(a, (int64_t[]){0, 0}, (int64_t[]){2, 3}, (int64_t[]){1, 2}),
           gr_movement_prepare, 1, 3, 4, 6);
    EXPECT(gr_pad(a, (int64_t[]){1, 0}, (int64_t[]){0, 1}, (int64_t[]){0, 1}, 9),
           gr_movement_prepare, 9, 9, 9, 9, 9, 9, 1, 9, 2, 9, 3, 9, 4, 9, 5, 9, 6, 9);
    EXPECT(gr_concat((gr_node *[]){a, b}, 2, 1), gr_movement_prepare, 1, 2, 3, 7, 8, 4, 5, 6, 9,
           10);
    in[1] = index;
    EXPECT(gr_gather(a, i, 1), gr_gather_kernel_prepare, 3, 1, 6, 4);
    in[1] = index + 2;
    in[2] = y;
    EXPECT(gr_scatter_add(a, i, b, 1), gr_scatter_add_kernel_prepare, 1, 2, 18, 4, 5, 25);
    in[0] = index;
    EXPECT(gr_one_hot(i, 3, GR_F32), gr_op_one_hot.reference, 0, 0, 1, 1, 0, 0);
    gr_graph_free(g);
}

/* A step or gap that is never taken may have any size. */
static void huge_steps_are_harmless(void **state)
{
    (void)state;
    double x[] = {1, 2};
    void *in[] = {x};
    const int64_t zero[] = {0}, two[] = {2}, one[] = {1}, huge[] = {INT64_MAX};
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F64, GR_SHAPE(2)), *first = gr_slice(a, zero, one, NULL), *da;
    EXPECT(gr_slice(a, zero, two, huge), gr_movement_prepare, 1);
    expect_shape(gr_pad(first, one, zero, huge, 0), GR_SHAPE(2));
    gr_node *y = gr_sum(gr_pad(gr_slice(a, zero, two, huge), one, zero, huge, 0), GR_ALL);
    unit_ok(gr_grad(y, &a, 1, &da));
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

static void check(const gr_node *node, gr_rng *rng)
{
    void **in = kernel_inputs(node, gr_rng_u64(rng));
    kernel_check_bits(node, gr_movement_prepare, in);
    kernel_free(in);
}

static gr_shape random_shape(gr_rng *rng, int64_t room)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 70, 130};
    gr_shape shape = {.rank = (int)gr_rng_below(rng, 6)};
    for (int i = 0; i < shape.rank; i++) {
        int64_t size = sizes[gr_rng_below(rng, GR_LEN(sizes))];
        if (gr_rng_below(rng, 60) == 0) size = 0;
        shape.dim[i] = size <= room ? size : 1;
        if (size > 0) room /= shape.dim[i];
    }
    return shape;
}

static gr_node *random_permute(gr_node *x, gr_rng *rng)
{
    int64_t order[GR_MAX_RANK];
    gr_axes axes = {.count = gr_type_of(x).shape.rank};
    for (int i = 0; i < axes.count; i++) order[i] = i;
    gr_rng_shuffle(rng, order, axes.count);
    for (int i = 0; i < axes.count; i++) axes.axis[i] = (int)order[i];
    return gr_permute(x, axes);
}

static gr_node *random_slice(gr_node *x, gr_rng *rng)
{
    gr_shape shape = gr_type_of(x).shape;
    int64_t start[GR_MAX_RANK], stop[GR_MAX_RANK], step[GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) {
        bool whole = gr_rng_below(rng, 2);
        start[i] = whole ? 0 : (int64_t)gr_rng_below(rng, (uint64_t)shape.dim[i] + 1);
        stop[i] = whole ? shape.dim[i] : start[i];
        if (!whole) stop[i] += (int64_t)gr_rng_below(rng, (uint64_t)(shape.dim[i] - start[i]) + 1);
        step[i] = 1 + (int64_t)gr_rng_below(rng, 3) / 2 * 2;
    }
    return gr_slice(x, start, stop, step);
}

static gr_node *random_pad(gr_node *x, gr_rng *rng)
{
    gr_shape shape = gr_type_of(x).shape;
    int64_t amount[3][GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) {
        for (int k = 0; k < 3; k++) amount[k][i] = (int64_t)gr_rng_below(rng, 4) / 2;
    }
    return gr_pad(x, amount[0], amount[1], amount[2], gr_rng_below(rng, 2) ? 1.5 : 0);
}

static gr_node *random_broadcast(gr_node *x, gr_rng *rng)
{
    gr_shape in = gr_type_of(x).shape, out = in;
    for (int i = 0; i < in.rank; i++) {
        if (in.dim[i] == 1) out.dim[i] = 1 + (int64_t)gr_rng_below(rng, 3) * 7;
    }
    if (in.rank < GR_MAX_RANK && gr_rng_below(rng, 2)) {
        out.rank++;
        for (int i = in.rank; i > 0; i--) out.dim[i] = out.dim[i - 1];
        out.dim[0] = 3;
    }
    return gr_broadcast(x, out);
}

static gr_node *random_concat(gr_graph *g, gr_node *x, gr_rng *rng)
{
    gr_type type = gr_type_of(x);
    if (type.shape.rank == 0) return x;
    int axis = (int)gr_rng_below(rng, (uint64_t)type.shape.rank);
    gr_node *parts[3] = {x};
    for (int i = 1; i < 3; i++) {
        type.shape.dim[axis] = (int64_t)gr_rng_below(rng, 10);
        parts[i] = gr_input(g, i == 1 ? "y" : "z", type.dtype, type.shape);
    }
    return gr_concat(parts, 3, axis);
}

static gr_node *random_split(gr_node *x, gr_rng *rng)
{
    const gr_shape shape = gr_type_of(x).shape;
    if (shape.rank == 0) return x;
    const int axis = (int)gr_rng_below(rng, (uint64_t)shape.rank);
    int parts = 1 + (int)gr_rng_below(rng, 8);
    while (shape.dim[axis] % parts != 0) parts--;
    return gr_split(x, parts, axis);
}

static void kernels_equal_the_reference_on_random_shapes(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new(21, 0);
    for (int round = 0; round < 100; round++) {
        gr_graph *g = gr_graph_new();
        gr_dtype dtype = all_types[gr_rng_below(&rng, GR_LEN(all_types))];
        gr_node *x = gr_input(g, "x", dtype, random_shape(&rng, 20000));
        gr_node *nodes[] = {random_permute(x, &rng),   random_slice(x, &rng),
                            random_pad(x, &rng),       random_broadcast(x, &rng),
                            random_concat(g, x, &rng), random_split(x, &rng)};
        for (size_t i = 0; i < GR_LEN(nodes); i++) {
            if (nodes[i] != x) check(nodes[i], &rng); /* x: nothing to do */
        }
        assert_string_equal(gr_graph_message(g), "");
        gr_graph_free(g);
    }
}

/* Sizes that are worth threads, and strides that are large powers of two. */
static void kernels_equal_the_reference_on_large_shapes(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new(22, 0);
    for (size_t d = 0; d < GR_LEN(all_types); d++) {
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", all_types[d], GR_SHAPE(100, 1024));
        gr_node *y = gr_input(g, "y", all_types[d], GR_SHAPE(2, 3, 50, 31, 5));
        check(gr_transpose(x), &rng);
        check(gr_permute(y, GR_AXES(0, 2, 3, 4, 1)), &rng);
        check(gr_permute(y, GR_AXES(4, 2, 0, 1, 3)), &rng);
        check(gr_permute(y, GR_AXES(3, 1, 2, 0, 4)), &rng);
        check(gr_broadcast(x, GR_SHAPE(3, 100, 1024)), &rng);
        check(gr_pad(x, (int64_t[]){1, 2}, (int64_t[]){3, 4}, (int64_t[]){0, 1}, 1), &rng);
        check(gr_concat((gr_node *[]){x, x, x}, 3, 1), &rng);
        check(gr_split(x, 4, 1), &rng);
        check(gr_split(x, 5, 0), &rng);
        gr_node *z = gr_input(g, "z", all_types[d], GR_SHAPE(7000, 3, 9)); /* short rows */
        check(gr_slice(z, (int64_t[]){1, 1, 2}, (int64_t[]){6999, 3, 7}, NULL), &rng);
        check(gr_concat((gr_node *[]){z, z}, 2, 2), &rng);
        check(gr_split(z, 3, 2), &rng);
        check(gr_pad(z, (int64_t[]){1, 0, 2}, (int64_t[]){0, 1, 0}, NULL, 1), &rng);
        gr_graph_free(g);
    }
}

static void check_index(const gr_node *node, gr_prepare_fn *prepare, int64_t size, gr_rng *rng)
{
    void **in = kernel_inputs(node, gr_rng_u64(rng));
    gr_type type = node->in[1]->out[0];
    gr_tensor index = {type.dtype, GR_SHAPE(gr_shape_count(type.shape)), in[1]};
    for (int64_t i = 0; i < index.shape.dim[0]; i++) {
        gr_tensor_put(&index, i, (double)gr_rng_below(rng, (uint64_t)size));
    }
    kernel_check_bits(node, prepare, in);
    kernel_free(in);
}

static void indexed_kernels_equal_the_reference(void **state)
{
    (void)state;
    static const gr_dtype numbers[] = {GR_F32, GR_F64, GR_I32, GR_I64, GR_U8};
    gr_rng rng = gr_rng_new(23, 0);
    for (int round = 0; round < 60; round++) {
        gr_graph *g = gr_graph_new();
        gr_shape shape = random_shape(&rng, 20000);
        if (shape.rank > 3) shape.rank = 3;
        if (shape.rank == 0 || round % 8 == 0) shape = GR_SHAPE(40, 129);
        int axis = (int)gr_rng_below(&rng, (uint64_t)shape.rank);
        if (shape.dim[axis] == 0) shape.dim[axis] = 4;
        gr_dtype dtype = numbers[gr_rng_below(&rng, GR_LEN(numbers))];
        gr_node *x = gr_input(g, "x", dtype, shape);
        gr_shape many = round % 8 == 0 ? GR_SHAPE(9, 53) : GR_SHAPE(round % 7);
        gr_node *index = gr_input(g, "i", round % 2 ? GR_I32 : GR_I64, many);
        gr_node *rows = gr_gather(x, index, axis);
        gr_node *update = gr_input(g, "u", dtype, gr_type_of(rows).shape);
        check_index(rows, gr_gather_kernel_prepare, shape.dim[axis], &rng);
        check_index(gr_scatter_add(x, index, update, axis), gr_scatter_add_kernel_prepare,
                    shape.dim[axis], &rng);
        gr_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_follow_the_attributes),
        cmocka_unit_test(refusals_of_shapes_say_why),
        cmocka_unit_test(refusals_of_inputs_say_why),
        cmocka_unit_test(an_index_outside_is_named),
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(huge_steps_are_harmless),
        cmocka_unit_test(kernels_equal_the_reference_on_random_shapes),
        cmocka_unit_test(kernels_equal_the_reference_on_large_shapes),
        cmocka_unit_test(indexed_kernels_equal_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
