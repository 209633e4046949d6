/* The kernels of attention against the reference, at sizes that tiles, panels and blocks fit badly,
 * within guard zones; its memory over long sequences. */
#include "support_kernel.h"

#include <math.h>

#include <gradus/gradus.h>

#include "ops/attention.h"

extern gr_prepare_fn gr_attention_prepare;

typedef struct kernel_test {
    gr_shape q, k, v; /* k of rank -1: q holds all */
    int64_t heads, key_heads;
    bool causal;
    double scale, dropout;
} kernel_test;

static void kernel_test_run(const kernel_test *t)
{
    gr_graph *g = gr_graph_new();
    gr_node *q = gr_input(g, "q", GR_F32, t->q), *k = NULL, *v = NULL;
    if (t->k.rank >= 0) {
        k = gr_input(g, "k", GR_F32, t->k);
        v = gr_input(g, "v", GR_F32, t->v);
    }
    const gr_attention_options *options =
        GR_ATTENTION(.causal = t->causal, .scale = t->scale, .dropout = t->dropout,
                     .stream = {.seed = 3, .name = "weights"});
    gr_node *y = t->heads ? gr_attention_rows(q, k, v, t->heads, t->key_heads, options)
                          : gr_attention(q, k, v, options);
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(g));
    const gr_node *forward = y->in[0];
    kernel_check(forward, gr_attention_prepare, 2e-5);

    gr_node *in[8];
    for (int i = 0; i < forward->n_in; i++) in[i] = forward->in[i];
    int n = forward->n_in;
    in[n++] = gr_input(g, "lse", GR_F32, forward->out[1].shape);
    in[n++] = gr_input(g, "delta", GR_F32, forward->out[1].shape);
    in[n++] = gr_input(g, "dy", GR_F32, forward->out[0].shape);
    gr_node *backward = gr_build(NULL, &gr_op_attention_grad, in, n, forward->attr);
    if (gr_is_error(backward)) fail_msg("%s", gr_graph_message(g));
    /* lse is drawn, so the weights do not add up to 1: sums of some hundred of them */
    kernel_check(backward, gr_attention_prepare, 2e-4);
    gr_graph_free(g);
}

static void test_kernels(void **state)
{
    (void)state;
    static const kernel_test tests[] = {
        {{4, {2, 3, 15, 5}}, {4, {2, 3, 33, 5}}, {4, {2, 3, 33, 7}}, 0, 0, false, 0, 0},
        {{4, {1, 2, 64, 32}}, {4, {1, 2, 64, 32}}, {4, {1, 2, 64, 32}}, 0, 0, true, 0, 0},
        {{3, {2, 130, 17}}, {3, {1, 290, 17}}, {3, {1, 290, 33}}, 0, 0, true, 0, 0},
        {{2, {1, 1}}, {2, {1, 1}}, {2, {1, 1}}, 0, 0, true, 0, 0},
        {{2, {29, 3}}, {2, {5, 3}}, {2, {5, 40}}, 0, 0, true, -0.4, 0},
        {{3, {2, 31, 24}}, {-1, {0}}, {-1, {0}}, 4, 2, true, 0, 0},
        {{3, {1, 150, 18}}, {3, {1, 140, 9}}, {3, {1, 140, 11}}, 2, 1, false, 0.3, 0},
        {{3, {2, 31, 24}}, {-1, {0}}, {-1, {0}}, 4, 2, true, 0, 0.4},
        {{3, {2, 17, 5}}, {3, {2, 307, 5}}, {3, {2, 307, 7}}, 0, 0, false, 0, 0.1},
    };
    for (size_t i = 0; i < GR_LEN(tests); i++) kernel_test_run(&tests[i]);
}

/* ---- Masks ----------------------------------------------------------------------------------- */

static bool mask_coin(uint64_t i)
{
    return (i * 6364136223846793005u + 1442695040888963407u) >> 63;
}

/* Forward and backward under a mask of this shape agree in f32 (the fast kernels) and f64 (the
 * reference), also for queries that see nothing. */
static void check_mask(gr_shape shape)
{
    enum { N = 2, H = 2, T = 19, S = 300, D = 6 };
    gr_tensor out[2][4];
    for (int wide = 0; wide < 2; wide++) {
        const gr_dtype dtype = wide ? GR_F64 : GR_F32;
        gr_graph *g = gr_graph_new();
        gr_tensor mask, data[3];
        gr_node *in[3], *n[4];
        gr_feed feeds[4];
        unit_ok(gr_tensor_new(GR_BOOL, shape, &mask));
        for (int64_t i = 0; i < gr_shape_count(shape); i++)
            ((bool *)mask.data)[i] = i >= 5 && mask_coin((uint64_t)i);
        for (int i = 0; i < 3; i++) {
            const gr_shape each = i ? GR_SHAPE(N, H, S, D) : GR_SHAPE(N, H, T, D);
            unit_ok(gr_tensor_new(dtype, each, &data[i]));
            for (int64_t e = 0; e < gr_shape_count(each); e++)
                gr_tensor_put(&data[i], e, (double)((e * 7 + i) % 23) / 23 - 0.5);
            in[i] = gr_input(g, (const char *[]){"q", "k", "v"}[i], dtype, each);
            feeds[i] = (gr_feed){gr_node_name(in[i]), data[i].data};
        }
        feeds[3] = (gr_feed){"mask", mask.data};
        gr_node *seen = gr_input(g, "mask", GR_BOOL, shape);
        n[0] = gr_attention(in[0], in[1], in[2], GR_ATTENTION(.mask = seen, .causal = true));
        unit_ok(gr_grad(gr_sum(gr_square(gr_shift(n[0], 0.3)), GR_ALL), in, 3, n + 1));
        unit_ok(gr_evaluate(g, n, 4, feeds, 4, NULL, out[wide]));
        for (int i = 0; i < 3; i++) gr_tensor_clear(&data[i]);
        gr_tensor_clear(&mask);
        gr_graph_free(g);
    }
    for (int i = 0; i < 4; i++) {
        for (int64_t e = 0; e < gr_shape_count(out[0][i].shape); e++) {
            const double a = gr_tensor_at(&out[0][i], e), b = gr_tensor_at(&out[1][i], e);
            if (!(fabs(a - b) <= 2e-5 * fmax(1, fabs(b))))
                fail_msg("mask %s, result %d [%lld]: %.9g, expected %.9g", gr_shape_text(shape), i,
                         (long long)e, a, b);
        }
        gr_tensor_clear(&out[0][i]), gr_tensor_clear(&out[1][i]);
    }
}

static void test_masks(void **state)
{
    (void)state;
    check_mask(GR_SHAPE(2, 2, 19, 300));
    check_mask(GR_SHAPE(2, 1, 1, 300));
    check_mask(GR_SHAPE(19, 1));
    check_mask(GR_SHAPE(300));
    check_mask(GR_SHAPE(2, 1, 19, 1));
}

/* NaN among the scores shows in the result. */
static void test_nan_shows(void **state)
{
    (void)state;
    float q[2] = {NAN, 1}, k[6] = {1, 2, 3, 4, 5, 6};
    gr_graph *g = gr_graph_new();
    gr_node *keys = gr_input(g, "k", GR_F32, GR_SHAPE(3, 2)), *queries;
    queries = gr_input(g, "q", GR_F32, GR_SHAPE(1, 2));
    gr_node *y = gr_attention(queries, keys, keys, NULL);
    gr_tensor out;
    gr_feed feeds[] = {{"q", q}, {"k", k}};
    unit_ok(gr_evaluate(g, &y, 1, feeds, 2, NULL, &out));
    assert_true(isnan(gr_tensor_at(&out, 0)));
    gr_tensor_clear(&out);
    gr_graph_free(g);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* One head over 4096 steps, forward and backward, in a small part of what its scores would take. */
static void test_memory(void **state)
{
    (void)state;
    enum { T = 4096, D = 16 };
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(1, T, 3 * D)), *dx;
    gr_node *y = gr_attention_rows(x, NULL, NULL, 1, 1, GR_ATTENTION(.causal = true));
    gr_node *loss = gr_sum(gr_square(y), GR_ALL);
    unit_ok(gr_grad(loss, &x, 1, &dx));
    gr_compile_options options = {.size = sizeof options, .threads = 2};
    gr_program *program;
    unit_ok(gr_compile(g, (gr_node *[]){loss, dx}, 2, &options, &program));
    gr_plan_info info = gr_program_plan(program);
    const size_t scores = (size_t)T * T * sizeof(float);
    if (info.arena > scores / 10)
        fail_msg("%zu bytes, the scores would be %zu", info.arena, scores);
    gr_program_free(program);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_nan_shows),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
