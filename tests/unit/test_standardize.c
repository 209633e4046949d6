/* The gate of long normalisations: its kernels against the reference, its values and gradients
 * against other gates, which layers use it, and what it refuses. */
#include "support_kernel.h"

#include <math.h>

#include <gradus/layers.h>
#include <gradus/run.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_standardize_prepare;

/* ---- Kernels --------------------------------------------------------------------------------- */

static void test_kernels(void **state)
{
    (void)state;
    static const struct {
        gr_shape x;
        int64_t groups;
    } tests[] = {
        {{3, {3, 8, 100}}, 2}, {{3, {20, 6, 33}}, 3},  {{3, {5, 4100, 1}}, 1},
        {{3, {37, 7, 1}}, 1},  {{3, {2, 3, 2049}}, 3}, {{3, {1, 1, 1}}, 1},
        {{3, {2, 12, 2}}, 2},  {{3, {18, 64, 1}}, 4},  {{3, {2, 2, 5000}}, 1},
        {{3, {0, 4, 3}}, 2},
    };
#if defined(GR_X86_LEVELS)
    const gr_cpu_level least = GR_CPU_AVX2; /* see the kernel */
#else
    const gr_cpu_level least = GR_CPU_BASE;
#endif
    for (size_t t = 0; t < GR_LEN(tests); t++) {
        gr_graph *g = gr_graph_new();
        const gr_shape channels = GR_SHAPE(tests[t].x.dim[1]);
        gr_node *x = gr_input(g, "x", GR_F32, tests[t].x), *dx;
        gr_node *gamma = gr_input(g, "gamma", GR_F32, channels);
        gr_node *beta = gr_input(g, "beta", GR_F32, channels);
        gr_node *dy = gr_input(g, "dy", GR_F32, tests[t].x);
        gr_node *y = gr_standardize(x, gamma, beta, tests[t].groups, 1e-3);
        unit_ok(gr_vjp(y, dy, &x, 1, &dx));
        int found = 0;
        for (size_t id = 0; id < g->count; id++) {
            const gr_node *node = g->nodes[id];
            if (node->op != &gr_op_standardize && node->op != &gr_op_standardize_grad) continue;
            kernel_check_from(node, gr_standardize_prepare, 2e-5, least);
            found++;
        }
        assert_int_equal(found, 2);
        gr_graph_free(g);
    }
}

/* ---- Values and gradients -------------------------------------------------------------------- */

/* The same by other gates, of x [N, groups, channels, places]. */
static gr_node *by_gates(gr_node *x, gr_node *gamma, gr_node *beta, int64_t groups, double epsilon)
{
    const gr_shape s = gr_node_shape(x);
    const int64_t each = s.dim[1] / groups;
    const gr_axes axes = {.count = 2, .axis = {2, 3}, .keep = true};
    gr_node *x4 = gr_reshape(x, GR_SHAPE(s.dim[0], groups, each, s.dim[2] * s.dim[3]));
    gr_node *centred = gr_sub(x4, gr_mean(x4, axes));
    gr_node *factor = gr_rsqrt(gr_shift(gr_mean(gr_square(centred), axes), epsilon));
    gr_node *y = gr_mul(gr_mul(centred, factor), gr_reshape(gamma, GR_SHAPE(1, groups, each, 1)));
    return gr_reshape(gr_add(y, gr_reshape(beta, GR_SHAPE(1, groups, each, 1))), s);
}

enum { OPERANDS = 3 };

/* y, its gradients by `in` from cotangent dy, and those of their weighted sum: second derivatives.
 */
static void all_of(gr_node *y, gr_node *dy, gr_node *const *in, gr_node **all)
{
    gr_node *first[OPERANDS], *sum = NULL;
    all[0] = y;
    unit_ok(gr_vjp(y, dy, in, OPERANDS, first));
    for (int i = 0; i < OPERANDS; i++) {
        gr_node *part = gr_sum(gr_square(first[i]), GR_ALL);
        sum = sum ? gr_add(sum, part) : part;
        all[1 + i] = first[i];
    }
    gr_node *wrt[] = {in[0], in[1], dy};
    unit_ok(gr_grad(sum, wrt, 3, all + 1 + OPERANDS));
}

static void test_against_gates(void **state)
{
    (void)state;
    enum { RESULTS = 1 + OPERANDS + 3, MOST = 2 * 6 * 3 * 5 };
    static const int64_t groups[] = {1, 2, 3, 6};
    for (size_t t = 0; t < GR_LEN(groups); t++) {
        gr_graph *g = gr_graph_new();
        const gr_shape shape = GR_SHAPE(2, 6, 3, 5);
        gr_node *in[] = {gr_input(g, "x", GR_F64, shape), gr_input(g, "gamma", GR_F64, GR_SHAPE(6)),
                         gr_input(g, "beta", GR_F64, GR_SHAPE(6))};
        gr_node *dy = gr_input(g, "dy", GR_F64, shape), *all[2 * RESULTS];
        all_of(gr_standardize(in[0], in[1], in[2], groups[t], 0.01), dy, in, all);
        all_of(by_gates(in[0], in[1], in[2], groups[t], 0.01), dy, in, all + RESULTS);
        double value[4][MOST];
        gr_rng rng = gr_rng_new(7, t);
        static const char *const names[] = {"x", "gamma", "beta", "dy"};
        gr_feed feeds[4];
        gr_tensor out[2 * RESULTS];
        for (int i = 0; i < 4; i++) {
            for (int k = 0; k < MOST; k++) value[i][k] = gr_rng_normal(&rng);
            feeds[i] = (gr_feed){names[i], value[i]};
        }
        unit_ok(gr_evaluate(g, all, 2 * RESULTS, feeds, 4, NULL, out));
        for (int i = 0; i < RESULTS; i++) {
            const double *result = out[i].data, *wanted = out[RESULTS + i].data;
            for (int64_t k = 0; k < gr_shape_count(out[i].shape); k++) {
                if (fabs(result[k] - wanted[k]) <= 1e-10 * fmax(1, fabs(wanted[k]))) continue;
                fail_msg("%d groups, result %d, element %d: %.17g, not %.17g", (int)groups[t], i,
                         (int)k, result[k], wanted[k]);
            }
        }
        for (int i = 0; i < 2 * RESULTS; i++) gr_tensor_clear(&out[i]);
        gr_graph_free(g);
    }
}

/* ---- Layers ---------------------------------------------------------------------------------- */

static int count_gates(const gr_graph *g, const gr_op *op)
{
    int count = 0;
    for (size_t id = 0; id < g->count; id++) count += g->nodes[id]->op == op;
    return count;
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        gr_shape x, gamma, beta;
        int64_t groups;
        double epsilon;
        gr_status status;
        const char *words;
    } tests[] = {
        {{1, {6}}, {1, {6}}, {1, {6}}, 1, 0, GR_SHAPE, "x is [6]; it must be [N, C, …]"},
        {{2, {2, 6}}, {1, {6}}, {1, {6}}, 4, 0, GR_SHAPE, "4 groups do not divide the channels"},
        {{2, {2, 6}}, {1, {6}}, {1, {6}}, 0, 0, GR_SHAPE, "0 groups do not divide the channels"},
        {{3, {2, 6, 0}}, {1, {6}}, {1, {6}}, 2, 0, GR_SHAPE, "there is nothing to normalise"},
        {{2, {2, 6}}, {1, {3}}, {1, {6}}, 2, 0, GR_SHAPE, "gamma is [3]; it must be [6]"},
        {{2, {2, 6}}, {1, {6}}, {2, {1, 6}}, 2, 0, GR_SHAPE, "beta is [1,6]; it must be [6]"},
        {{2, {2, 6}}, {1, {6}}, {1, {6}}, 2, -1, GR_INVALID, "epsilon -1: should not be negative"},
    };
    for (size_t t = 0; t < GR_LEN(tests); t++) {
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", GR_F32, tests[t].x);
        gr_node *gamma = gr_input(g, "gamma", GR_F32, tests[t].gamma);
        gr_node *beta = gr_input(g, "beta", GR_F32, tests[t].beta);
        expect_fault(g, gr_standardize(x, gamma, beta, tests[t].groups, tests[t].epsilon),
                     tests[t].status, tests[t].words);
    }
}

/* The layers take it for long groups that have gamma and beta. */
static void test_layers(void **state)
{
    (void)state;
    static const struct {
        gr_shape x;
        int64_t groups; /* 0: layernorm */
        bool no_affine;
        int gates;
    } tests[] = {
        {{2, {3, 129}}, 0, false, 1},      {{2, {3, 128}}, 0, false, 0},
        {{3, {2, 5, 129}}, 0, false, 1},   {{2, {3, 129}}, 0, true, 0},
        {{4, {2, 4, 13, 5}}, 2, false, 1}, {{4, {2, 4, 8, 8}}, 2, false, 0},
        {{4, {2, 4, 13, 5}}, 2, true, 0},
    };
    for (size_t t = 0; t < GR_LEN(tests); t++) {
        gr_graph *g = gr_graph_new();
        gr_store *store = gr_store_new();
        gr_scope *s = gr_scope_new(g, store, NULL);
        gr_node *x = gr_input(g, "x", GR_F32, tests[t].x), *y;
        if (tests[t].groups) {
            const gr_group_norm_options o = {
                .size = sizeof o, .groups = tests[t].groups, .no_affine = tests[t].no_affine};
            y = gr_group_norm(s, "n", x, &o);
        } else {
            const gr_layer_norm_options o = {.size = sizeof o, .no_affine = tests[t].no_affine};
            y = gr_layer_norm(s, "n", x, &o);
        }
        expect_shape(y, tests[t].x);
        assert_int_equal(count_gates(g, &gr_op_standardize), tests[t].gates);
        gr_scope_free(s);
        gr_graph_free(g);
        gr_store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_against_gates),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
