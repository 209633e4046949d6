/* Random ops: refusals, reproducibility, statistics, kernels against the reference. */
#include "support_kernel.h"

#include <math.h>

#include "ops/ops.h"
#include "ops/random.h"

extern gr_prepare_fn gr_random_kernel_prepare;

static const gr_stream stream = {.seed = 42, .name = "noise"};

static void refusals_say_why(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    expect_fault(g, gr_random_uniform(g, GR_I32, GR_SHAPE(3), stream), GR_DTYPE,
                 "draws f32 or f64, not i32");
    g = gr_graph_new();
    expect_fault(g, gr_random_bernoulli(g, GR_F32, GR_SHAPE(3), 1.5, stream), GR_INVALID,
                 "p = 1.5 is not a probability");
    g = gr_graph_new();
    expect_fault(g, gr_random_bernoulli(g, GR_F32, GR_SHAPE(3), NAN, stream), GR_INVALID,
                 "is not a probability");
    g = gr_graph_new();
    expect_fault(g, gr_random_bernoulli(g, GR_F16, GR_SHAPE(3), 0.5, stream), GR_DTYPE, "not f16");
    g = gr_graph_new();
    expect_fault(g, gr_random_normal(g, GR_F32, GR_SHAPE(3), (gr_stream){.seed = 1}), GR_INVALID,
                 "the stream needs a name");
    g = gr_graph_new();
    gr_node *step = gr_input(g, "step", GR_I64, GR_SHAPE(2));
    expect_fault(g,
                 gr_random_normal(g, GR_F32, GR_SHAPE(3), (gr_stream){.name = "n", .step = step}),
                 GR_DTYPE, "the step is i64[2]; it must be a scalar i64");
    g = gr_graph_new();
    expect_fault(g, gr_random_permutation(g, -1, stream), GR_INVALID, "n = -1 is negative");
    g = gr_graph_new();
    expect_fault(g, gr_random_uniform(g, GR_F32, GR_SHAPE(-1), stream), GR_SHAPE, "[-1]");
}

/* Draws of a node whose input is the step; freed with gr_free_aligned. */
static void *draw(const gr_node *node, int64_t step)
{
    void *in[] = {&step}, *out = gr_alloc_aligned((size_t)kernel_count(node) * 8);
    const kernel_case what = {
        .node = node, .prepare = gr_random_kernel_prepare, .level = gr_cpu(), .threads = 2};
    assert_non_null(out);
    assert_int_equal(kernel_run(&what, in, out), GR_OK);
    return out;
}

static gr_stream stepped(gr_graph *g, uint64_t seed, const char *name)
{
    gr_node *step = gr_graph_find(g, "step");
    if (!step) step = gr_input(g, "step", GR_I64, GR_SCALAR);
    return (gr_stream){.seed = seed, .name = name, .step = step};
}

/* These numbers may never change: saved runs depend on them. */
static void draws_are_as_they_have_always_been(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    float *u = draw(gr_random_uniform(g, GR_F32, GR_SHAPE(6), stepped(g, 42, "noise")), 3);
    double *z = draw(gr_random_normal(g, GR_F64, GR_SHAPE(6), stepped(g, 42, "noise")), 3);
    int64_t *p = draw(gr_random_permutation(g, 6, stepped(g, 42, "noise")), 3);
    const gr_philox4 block = gr_philox(gr_hash("noise", 5, 42), 0, 3);
    for (int i = 0; i < 4; i++) assert_true(u[i] == (float)(block.v[i] >> 8) / 16777216);
    static const double normal[] = {0x1.77b3f926fdf97p-3,  0x1.b57d607b348acp-2,
                                    -0x1.4a8ca5b431c88p-1, -0x1.3245e9c64f09cp+0,
                                    0x1.781332461c834p-1,  -0x1.268cf316e80a1p+0};
    static const int64_t order[] = {5, 0, 4, 3, 1, 2};
    for (int i = 0; i < 6; i++) {
        assert_true(z[i] == normal[i]);
        assert_int_equal(p[i], order[i]);
    }
    gr_free_aligned(u);
    gr_free_aligned(z);
    gr_free_aligned(p);
    gr_graph_free(g);
}

static void seed_name_step_and_element_decide(void **state)
{
    (void)state;
    enum { N = 1000 };
    gr_graph *g = gr_graph_new();
    gr_shape shape = GR_SHAPE(N);
    float *base = draw(gr_random_uniform(g, GR_F32, shape, stepped(g, 1, "a")), 5);
    float *same = draw(gr_random_uniform(g, GR_F32, GR_SHAPE(N / 10, 10), stepped(g, 1, "a")), 5);
    assert_memory_equal(base, same, N * sizeof *base);
    float *others[] = {draw(gr_random_uniform(g, GR_F32, shape, stepped(g, 2, "a")), 5),
                       draw(gr_random_uniform(g, GR_F32, shape, stepped(g, 1, "b")), 5),
                       draw(gr_random_uniform(g, GR_F32, shape, stepped(g, 1, "a")), 6)};
    for (size_t k = 0; k < GR_LEN(others); k++) {
        double product = 0;
        for (int i = 0; i < N; i++) product += (base[i] - 0.5) * (others[k][i] - 0.5);
        assert_true(fabs(product / N * 12) < 5 / sqrt(N)); /* not correlated */
        gr_free_aligned(others[k]);
    }
    double *wide = draw(gr_random_uniform(g, GR_F64, shape, stepped(g, 1, "a")), 5);
    double *normal = draw(gr_random_normal(g, GR_F64, shape, stepped(g, 1, "a")), 5);
    float *narrow = draw(gr_random_normal(g, GR_F32, shape, stepped(g, 1, "a")), 5);
    for (int i = 0; i < N; i++) {
        assert_true(wide[i] == (double)base[i]);
        assert_true(narrow[i] == (float)normal[i]);
    }
    gr_free_aligned(base);
    gr_free_aligned(same);
    gr_free_aligned(wide);
    gr_free_aligned(normal);
    gr_free_aligned(narrow);
    gr_graph_free(g);
}

/* ---- Statistics: within 5 standard errors; the draws are fixed, so this cannot flicker --------
 */

enum { MANY = 1 << 18 };

static void uniform_draws_are_uniform(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    float *u = draw(gr_random_uniform(g, GR_F32, GR_SHAPE(MANY), stepped(g, 7, "u")), 0);
    double mean = 0, lag = 0, chi = 0;
    int bins[64] = {0};
    for (int i = 0; i < MANY; i++) {
        assert_true(u[i] >= 0 && u[i] < 1);
        mean += u[i] / (double)MANY;
        lag += (u[i] - 0.5) * (u[(i + 1) % MANY] - 0.5) * 12 / MANY;
        bins[(int)(u[i] * 64)]++;
    }
    for (int k = 0; k < 64; k++) chi += pow(bins[k] - MANY / 64.0, 2) / (MANY / 64.0);
    assert_true(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / MANY));
    assert_true(fabs(lag) < 5 / sqrt(MANY));
    assert_true(chi > 20 && chi < 130); /* 63 degrees of freedom */
    gr_free_aligned(u);
    gr_graph_free(g);
}

static void normal_draws_are_normal(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    double *z = draw(gr_random_normal(g, GR_F64, GR_SHAPE(MANY), stepped(g, 7, "z")), 1);
    double moment[5] = {0}, pair = 0;
    int beyond = 0;
    for (int i = 0; i < MANY; i++) {
        for (int k = 1; k < 5; k++) moment[k] += pow(z[i], k) / MANY;
        pair += z[i] * z[i ^ 1] / MANY;
        beyond += fabs(z[i]) > 2;
    }
    assert_true(fabs(moment[1]) < 5 / sqrt(MANY));
    assert_true(fabs(moment[2] - 1) < 5 * sqrt(2.0 / MANY));
    assert_true(fabs(moment[3]) < 5 * sqrt(15.0 / MANY));
    assert_true(fabs(moment[4] - 3) < 5 * sqrt(96.0 / MANY));
    assert_true(fabs(pair) < 5 * sqrt(2.0 / MANY));
    assert_true(fabs(beyond / (double)MANY - 0.04550026) < 5 * sqrt(0.0455 / MANY));
    gr_free_aligned(z);
    gr_graph_free(g);
}

static void bernoulli_draws_have_their_probability(void **state)
{
    (void)state;
    static const double probability[] = {0, 0.1, 0.5, 0.97, 1};
    gr_graph *g = gr_graph_new();
    for (size_t k = 0; k < GR_LEN(probability); k++) {
        const double p = probability[k];
        uint8_t *b =
            draw(gr_random_bernoulli(g, GR_BOOL, GR_SHAPE(MANY), p, stepped(g, 7, "b")), 0);
        int ones = 0;
        for (int i = 0; i < MANY; i++) ones += b[i];
        assert_true(fabs(ones / (double)MANY - p) <= 5 * sqrt(p * (1 - p) / MANY));
        gr_free_aligned(b);
    }
    gr_graph_free(g);
}

static void permutations_are_fair(void **state)
{
    (void)state;
    enum { N = 4, ROUNDS = 24000 };
    gr_graph *g = gr_graph_new();
    const gr_node *few = gr_random_permutation(g, N, stepped(g, 9, "p"));
    int seen[N][N] = {{0}};
    for (int step = 0; step < ROUNDS; step++) {
        int64_t *p = draw(few, step);
        for (int i = 0; i < N; i++) seen[i][p[i]]++;
        gr_free_aligned(p);
    }
    for (int i = 0; i < N * N; i++) {
        assert_true(abs(seen[i / N][i % N] - ROUNDS / N) < 5 * sqrt(ROUNDS * 3.0 / 16));
    }
    enum { LARGE = 60000 };
    int64_t *p = draw(gr_random_permutation(g, LARGE, stepped(g, 9, "p")), 0);
    char *found = gr_alloc(LARGE);
    int fixed = 0;
    for (int i = 0; i < LARGE; i++) {
        assert_true(p[i] >= 0 && p[i] < LARGE && !found[p[i]]);
        found[p[i]] = 1;
        fixed += p[i] == i;
    }
    assert_true(fixed < 10); /* one is expected */
    gr_free(found);
    gr_free_aligned(p);
    gr_graph_free(g);
}

/* ---- Kernels against the reference ----------------------------------------------------------- */

static void kernels_equal_the_reference(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 3, 4, 5, 63, 64, 65, 127, 1000, 2049, 70001};
    static const gr_dtype types[] = {GR_F32, GR_F64, GR_I32, GR_I64, GR_U8, GR_BOOL};
    for (size_t k = 0; k < GR_LEN(sizes); k++) {
        gr_graph *g = gr_graph_new();
        gr_shape shape = GR_SHAPE(sizes[k]);
        gr_stream s = stepped(g, UINT64_MAX - k, "x");
        int64_t step = (INT64_C(1) << 40) + (int64_t)k;
        void *in[] = {&step};
        for (size_t d = 0; d < GR_LEN(types); d++) {
            kernel_check_bits(gr_random_bernoulli(g, types[d], shape, 0.3, s),
                              gr_random_kernel_prepare, in);
        }
        for (size_t d = 0; d < 2; d++) {
            kernel_check_bits(gr_random_uniform(g, types[d], shape, s), gr_random_kernel_prepare,
                              in);
            kernel_check_bits(gr_random_normal(g, types[d], shape, s), gr_random_kernel_prepare,
                              in);
        }
        if (sizes[k] < 5000) {
            kernel_check_bits(gr_random_permutation(g, sizes[k], s), gr_random_kernel_prepare, in);
        }
        gr_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(draws_are_as_they_have_always_been),
        cmocka_unit_test(seed_name_step_and_element_decide),
        cmocka_unit_test(uniform_draws_are_uniform),
        cmocka_unit_test(normal_draws_are_normal),
        cmocka_unit_test(bernoulli_draws_have_their_probability),
        cmocka_unit_test(permutations_are_fair),
        cmocka_unit_test(kernels_equal_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
