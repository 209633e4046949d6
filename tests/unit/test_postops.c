/* The pass `postops`: which gates contractions run with, and that the bits stay. */
#include "support.h"

#include <gradus/gradus.h>

#include "plan/plan.h"
#include "run/program.h"

typedef struct post_case {
    gr_shape x, w, bias;
    bool convolution, turned, residual, tiny;
    bool few; /* so few places that lower tiles than AVX-512's for f32 are not worth it */
} post_case;

/* Two gates after a contraction, whose result another contraction reads; by way of the gradient
 * also the mask after a contraction backward. */
static gr_node *post_build(gr_graph *graph, const post_case *c, gr_dtype dtype)
{
    gr_node *x = gr_input(graph, "x", dtype, c->x), *w = gr_input(graph, "w", dtype, c->w);
    gr_node *h = c->convolution ? gr_conv(x, w, GR_WINDOW(0, .pad = 1))
                                : gr_matmul(x, c->turned ? gr_transpose(w) : w);
    h = gr_add(h, gr_input(graph, "bias", dtype, c->bias));
    if (c->residual) h = gr_add(h, gr_input(graph, "residual", dtype, gr_node_shape(h)));
    h = gr_relu(h);
    const int64_t columns = gr_node_shape(h).dim[gr_node_shape(h).rank - 1];
    return gr_matmul(h, gr_input(graph, "last", dtype, GR_SHAPE(columns, 3)));
}

typedef struct post_result {
    gr_tensor out[2];
    int joined; /* contractions with gates behind them */
} post_result;

static int post_count_joined(const gr_program *program)
{
    int joined = 0;
    for (int i = 0; i < gr_program_plan(program).steps; i++) {
        gr_step_info info;
        unit_ok(gr_program_step(program, i, &info));
        joined += strchr(info.kernel, '+') != NULL;
    }
    return joined;
}

static post_result post_run(const post_case *c, gr_dtype dtype, const char *passes, int threads)
{
    const gr_compile_options options = {
        .size = sizeof options, .threads = threads, .passes = passes};
    post_result result;
    gr_graph *graph = gr_graph_new();
    gr_node *targets[2] = {post_build(graph, c, dtype)};
    gr_node *x = gr_graph_find(graph, "x");
    unit_ok(gr_grad(gr_sum(gr_square(targets[0]), GR_ALL), &x, 1, &targets[1]));
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(graph, targets, 2, &options, &program));
    unit_ok(gr_plan_verify(program->plan));
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    gr_rng rng = gr_rng_new(3, 0);
    for (int i = 0; i < gr_program_inputs(program); i++) {
        gr_tensor value;
        unit_ok(gr_tensor_new(dtype, gr_program_input_type(program, i).shape, &value));
        for (int64_t e = 0; e < gr_shape_count(value.shape); e++)
            gr_tensor_put(&value, e, gr_rng_uniform(&rng) - 0.5);
        unit_ok(gr_session_write(session, i, value.data, gr_tensor_bytes(&value)));
        gr_tensor_clear(&value);
    }
    unit_ok(gr_session_step(session));
    for (int i = 0; i < 2; i++) {
        unit_ok(gr_tensor_new(dtype, gr_node_shape(targets[i]), &result.out[i]));
        unit_ok(gr_session_read(session, i, result.out[i].data, gr_tensor_bytes(&result.out[i])));
    }
    result.joined = post_count_joined(program);
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(graph);
    return result;
}

static void post_check(const post_case *c, gr_dtype dtype, int threads, bool joins)
{
    post_result plain = post_run(c, dtype, "-fuse,-postops", threads);
    post_result fused = post_run(c, dtype, NULL, threads);
    for (int i = 0; i < 2; i++) {
        if (memcmp(plain.out[i].data, fused.out[i].data, gr_tensor_bytes(&plain.out[i])) != 0)
            fail_msg("x %s, w %s, %d threads: result %d differs", gr_shape_text(c->x),
                     gr_shape_text(c->w), threads, i);
        gr_tensor_clear(&plain.out[i]);
        gr_tensor_clear(&fused.out[i]);
    }
    assert_int_equal(plain.joined, 0);
    if (joins && fused.joined < 1)
        fail_msg("%s x %s, w %s, %d threads: no gates behind the contraction", gr_dtype_name(dtype),
                 gr_shape_text(c->x), gr_shape_text(c->w), threads);
}

/* One row, one column, few elements, one k, several blocks of k, more columns than a block, rows
 * times rows, a batch; convolutions of few and of many places, by every way there is. */
static void test_postops_keep_their_bits(void **state)
{
    (void)state;
    static const post_case cases[] = {
        {{2, {1, 300}}, {2, {300, 700}}, {1, {700}}, .residual = false},
        {{2, {301, 33}}, {2, {33, 1}}, {1, {1}}, .residual = false},
        {{2, {8, 3}}, {2, {3, 8}}, {1, {8}}, .residual = true, .tiny = true},
        {{2, {67, 1}}, {2, {1, 45}}, {1, {45}}, .residual = true},
        {{2, {61, 1700}}, {2, {1700, 83}}, {1, {83}}, .residual = false},
        {{2, {37, 40}}, {2, {40, 1111}}, {1, {1111}}, .residual = true},
        {{2, {3000, 2}}, {2, {2, 64}}, {1, {64}}, .residual = true},
        {{2, {9, 1000}}, {2, {400, 1000}}, {1, {400}}, .turned = true},
        {{2, {400, 1000}}, {2, {9, 1000}}, {1, {9}}, .turned = true},
        {{3, {5, 60, 61}}, {3, {5, 61, 59}}, {1, {59}}, .residual = true},
        {{4, {3, 7, 9, 11}},
         {4, {17, 7, 3, 3}},
         {3, {17, 1, 1}},
         .convolution = true,
         .residual = true},
        {{4, {2, 3, 32, 30}}, {4, {6, 3, 3, 3}}, {3, {6, 1, 1}}, .convolution = true},
        {{4, {1, 96, 7, 7}},
         {4, {40, 96, 3, 3}},
         {3, {40, 1, 1}},
         .convolution = true,
         .residual = true,
         .few = true},
    };
    const char *const ways[] = {"gemm", "rows", "winograd", NULL};
    for (size_t k = 0; k < GR_LEN(cases); k++) {
        for (int threads = 1; threads <= 3; threads++) {
            for (size_t i = 0; i < GR_LEN(ways); i++) {
                if (ways[i] && !cases[k].convolution) continue;
                if (ways[i]) setenv("GRADUS_CONV", ways[i], 1);
                /* the kernels that surely tell which elements are complete */
                const bool rows = ways[i] && !strcmp(ways[i], "rows");
                const bool joins = cases[k].convolution ? rows : !cases[k].tiny;
                const bool high = gr_cpu() == GR_CPU_AVX512;
                post_check(&cases[k], GR_F32, threads, joins && (high || !cases[k].few));
                post_check(&cases[k], GR_F64, threads, joins && !cases[k].few);
                unsetenv("GRADUS_CONV");
            }
        }
    }
}

static int post_count_steps(gr_graph *graph, gr_node *const *targets, int n)
{
    gr_program *program;
    unit_ok(gr_compile(graph, targets, n, NULL, &program));
    unit_ok(gr_plan_verify(program->plan));
    assert_int_equal(program->plan->n_copies, 0);
    const int steps = gr_program_plan(program).steps;
    gr_program_free(program);
    return steps;
}

/* An update keeps its variable's memory; a result that two read, or that is a target, stays. */
static void test_postops_stay(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_node *w = gr_var(graph, "w", GR_F32, GR_SHAPE(20, 30));
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(20, 20));
    gr_node *product = gr_matmul(x, w), *half = gr_scale(product, 0.5);
    gr_node *update = gr_assign(w, gr_sub(w, half)), *twice = gr_matmul(x, half);
    assert_int_equal(post_count_steps(graph, &update, 1), 2);
    assert_int_equal(post_count_steps(graph, &twice, 1), 2);
    gr_node *both[] = {twice, product};
    assert_int_equal(post_count_steps(graph, both, 2), 3);
    gr_node *shared[] = {twice, gr_matmul(x, product)};
    assert_int_equal(post_count_steps(graph, shared, 2), 4);
    gr_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_postops_keep_their_bits),
        cmocka_unit_test(test_postops_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
