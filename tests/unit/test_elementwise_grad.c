/* Gradients of elementwise ops where a convention decides them, and the composites' values where a
 * naive formula would fail. */
#include "support.h"

#include <math.h>

#include <gradus/gradus.h>

enum { MOST = 2 };

/* Values y on vectors x of n elements, and gradients dx of their sum. */
typedef gr_node *conv_build(gr_node *const *in);
typedef struct conv_case {
    const char *name;
    conv_build *build;
    int n_in, n;
    double x[MOST][4], y[4], dx[MOST][4];
} conv_case;

static gr_node *conv_maximum(gr_node *const *in)
{
    return gr_maximum(in[0], in[1]);
}
static gr_node *conv_minimum(gr_node *const *in)
{
    return gr_minimum(in[0], in[1]);
}
static gr_node *conv_relu(gr_node *const *in)
{
    return gr_relu(in[0]);
}
static gr_node *conv_abs(gr_node *const *in)
{
    return gr_abs(in[0]);
}
static gr_node *conv_clip(gr_node *const *in)
{
    return gr_clip(in[0], -1, 1);
}
static gr_node *conv_pow(gr_node *const *in)
{
    return gr_pow(in[0], in[1]);
}
static gr_node *conv_prelu(gr_node *const *in)
{
    return gr_prelu(in[0], in[1]);
}
static gr_node *conv_leaky_relu(gr_node *const *in)
{
    return gr_leaky_relu(in[0], 0.25);
}
static gr_node *conv_elu(gr_node *const *in)
{
    return gr_elu(in[0], 2);
}
static gr_node *conv_sign(gr_node *const *in)
{
    return gr_sign(in[0]);
}
static gr_node *conv_floor(gr_node *const *in)
{
    return gr_floor(in[0]);
}
static gr_node *conv_through_f32(gr_node *const *in)
{
    return gr_cast(gr_cast(in[0], GR_F32), GR_F64);
}
static gr_node *conv_through_i32(gr_node *const *in)
{
    return gr_cast(gr_cast(in[0], GR_I32), GR_F64);
}

static const conv_case conv_cases[] = {
    {"maximum", conv_maximum, 2, 3, {{4, 1, 2}, {2, 3, 2}}, {4, 3, 2}, {{1, 0, 1}, {0, 1, 0}}},
    {"minimum", conv_minimum, 2, 3, {{4, 1, 2}, {2, 3, 2}}, {2, 1, 2}, {{0, 1, 1}, {1, 0, 0}}},
    {"relu", conv_relu, 1, 3, {{-1, 0, 2}}, {0, 0, 2}, {{0, 0, 1}}},
    {"abs", conv_abs, 1, 3, {{-3, 0, 2}}, {3, 0, 2}, {{-1, 0, 1}}},
    {"clip", conv_clip, 1, 4, {{-2, -1, 0.5, 3}}, {-1, -1, 0.5, 1}, {{0, 1, 1, 0}}},
    {"pow",
     conv_pow,
     2,
     4,
     {{0, 0, 3, -2}, {0, 2, 2, 3}},
     {1, 0, 9, -8},
     {{0, 0, 6, 12}, {0, 0, 9.887510598012987, NAN}}},
    {"prelu",
     conv_prelu,
     2,
     3,
     {{-2, 0, 3}, {0.5, 0.5, 0.5}},
     {-1, 0, 3},
     {{0.5, 0.5, 1}, {-2, 0, 0}}},
    {"leaky_relu", conv_leaky_relu, 1, 3, {{-2, 0, 3}}, {-0.5, 0, 3}, {{0.25, 0.25, 1}}},
    {"elu", conv_elu, 1, 2, {{0, 3}}, {0, 3}, {{2, 1}}},
    {"sign", conv_sign, 1, 3, {{-2, 0, 3}}, {-1, 0, 1}, {{0, 0, 0}}},
    {"floor", conv_floor, 1, 3, {{-1.5, 0, 1.5}}, {-2, 0, 1}, {{0, 0, 0}}},
    {"cast f32", conv_through_f32, 1, 2, {{0.5, -2}}, {0.5, -2}, {{1, 1}}},
    {"cast i32", conv_through_i32, 1, 2, {{1.5, -2.5}}, {1, -2}, {{0, 0}}},
};

static void conv_compare(const char *name, const char *what, const gr_tensor *found,
                         const double *wanted, int n)
{
    for (int i = 0; i < n; i++) {
        const double y = gr_tensor_at(found, i);
        if (fabs(y - wanted[i]) <= 1e-12 || (isnan(y) && isnan(wanted[i])) || y == wanted[i]) {
            continue;
        }
        fail_msg("%s: %s[%d] is %.17g, not %.17g", name, what, i, y, wanted[i]);
    }
}

static void conventions(void **state)
{
    (void)state;
    for (size_t k = 0; k < GR_LEN(conv_cases); k++) {
        const conv_case *c = &conv_cases[k];
        gr_graph *graph = gr_graph_new();
        gr_node *in[MOST], *target[MOST + 1];
        gr_tensor out[MOST + 1];
        gr_feed feeds[MOST];
        const char *names[MOST] = {"a", "b"};
        for (int i = 0; i < c->n_in; i++) {
            in[i] = gr_input(graph, names[i], GR_F64, GR_SHAPE(c->n));
            feeds[i] = (gr_feed){names[i], c->x[i]};
        }
        target[0] = c->build(in);
        assert_int_equal(gr_grad(gr_sum(target[0], GR_ALL), in, c->n_in, target + 1), GR_OK);
        if (gr_evaluate(graph, target, c->n_in + 1, feeds, c->n_in, NULL, out) != GR_OK) {
            fail_msg("%s: %s", c->name, gr_message());
        }
        conv_compare(c->name, "y", &out[0], c->y, c->n);
        for (int i = 0; i < c->n_in; i++)
            conv_compare(c->name, names[i], &out[i + 1], c->dx[i], c->n);
        for (int i = 0; i <= c->n_in; i++) gr_tensor_clear(&out[i]);
        gr_graph_free(graph);
    }
}

/* ---- Composites ------------------------------------------------------------------------------ */

static gr_graph *comp_graph;

static gr_node *comp_rows(void)
{
    return gr_input(comp_graph, "x", GR_F32, GR_SHAPE(4, 3));
}

/* Evaluates on rows: ordinary, huge, with -inf, all -inf. */
static void comp_expect(gr_node *y, int n, const double *wanted)
{
    const float inf = INFINITY;
    const float x[] = {0, 1, 2, 1e4f, 1e4f, -1e4f, 0, -inf, 0, -inf, -inf, -inf};
    gr_tensor out;
    if (gr_evaluate(comp_graph, &y, 1, (gr_feed[]){{"x", x}}, 1, NULL, &out) != GR_OK) {
        fail_msg("%s", gr_message());
    }
    assert_int_equal(gr_shape_count(out.shape), n);
    for (int i = 0; i < n; i++) {
        const double found = gr_tensor_at(&out, i);
        if (found == wanted[i] || (isnan(found) && isnan(wanted[i]))) continue;
        if (fabs(found - wanted[i]) <= 2e-7 * fabs(wanted[i])) continue;
        fail_msg("%s[%d] is %.9g, not %.9g", gr_node_composite(y), i, found, wanted[i]);
    }
    gr_tensor_clear(&out);
    gr_graph_free(comp_graph);
    comp_graph = gr_graph_new();
}

static void softmax_family(void **state)
{
    (void)state;
    comp_graph = gr_graph_new();
    comp_expect(gr_softmax(comp_rows(), 1), 12,
                (double[]){0.09003057317038046, 0.24472847105479764, 0.6652409557748218, 0.5, 0.5,
                           0, 0.5, 0, 0.5, NAN, NAN, NAN});
    comp_expect(gr_log_softmax(comp_rows(), -1), 12,
                (double[]){-2.4076059644443806, -1.4076059644443806, -0.40760596444438,
                           -0.6931471805599453, -0.6931471805599453, -20000.693147,
                           -0.6931471805599453, -INFINITY, -0.6931471805599453, NAN, NAN, NAN});
    comp_expect(gr_logsumexp(comp_rows(), 1), 4,
                (double[]){2.40760596444438, 10000.693147, 0.6931471805599453, -INFINITY});
    comp_expect(
        gr_mean(gr_slice(comp_rows(), (int64_t[]){0, 0}, (int64_t[]){2, 3}, NULL), GR_AXES(1)), 2,
        (double[]){1, 1e4 / 3});
    comp_expect(
        gr_mean(gr_slice(comp_rows(), (int64_t[]){0, 0}, (int64_t[]){0, 3}, NULL), GR_AXES(0)), 3,
        (double[]){NAN, NAN, NAN});
    gr_graph_free(comp_graph);
}

static void composites_show_as_one(void **state)
{
    (void)state;
    comp_graph = gr_graph_new();
    gr_node *x = comp_rows();
    assert_string_equal(gr_node_composite(gr_softmax(x, 1)), "softmax");
    assert_true(gr_is_error((gr_softmax)(x, 2)));
    assert_string_equal(gr_graph_message(comp_graph),
                        "max in softmax: axis 2 is outside rank 2 (-2 to 1)");
    assert_true(gr_is_error(gr_softmax(NULL, 0)));
    assert_true(gr_is_error(gr_mean(NULL, GR_ALL)));
    assert_true(gr_is_error(gr_prelu(NULL, NULL)));
    assert_true(gr_is_error(gr_scale(NULL, 2)));
    gr_graph_free(comp_graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conventions),
        cmocka_unit_test(softmax_family),
        cmocka_unit_test(composites_show_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
