/* Typed expressions, evaluated with their gradients: the values of the lectures. */
#include "support.h"

#include <gradus/lang.h>
#include <gradus/run.h>

#include <math.h>

#define MOST_INPUTS 8

typedef struct given {
    const char *name, *value, *gradient; /* gradient NULL: not looked at */
} given;

static void assert_tensor(const gr_tensor *found, const char *wanted, double tolerance)
{
    gr_tensor t;
    if (gr_value_parse(wanted, NULL, &t) != GR_OK) fail_msg("%s", gr_message());
    assert_string_equal(gr_shape_text(found->shape), gr_shape_text(t.shape));
    for (int64_t i = 0; i < gr_shape_count(t.shape); i++) {
        double a = gr_tensor_at(found, i), b = gr_tensor_at(&t, i);
        if (a != b && !(fabs(a - b) <= tolerance)) fail_msg("%.17g, not %.17g", a, b);
    }
    gr_tensor_clear(&t);
}

/* Builds `text` on the given values, runs it and compares value and gradients. */
static void check(const char *text, const char *value, double tolerance, const given *in)
{
    gr_graph *graph = gr_graph_new();
    gr_expr *expr;
    gr_binding bindings[MOST_INPUTS];
    gr_tensor tensors[MOST_INPUTS], out[MOST_INPUTS + 1];
    gr_feed feeds[MOST_INPUTS];
    gr_node *wrt[MOST_INPUTS], *targets[MOST_INPUTS + 1];
    int n = 0;
    for (; in[n].name; n++) {
        assert_int_equal(gr_value_parse(in[n].value, in[n].name, &tensors[n]), GR_OK);
        wrt[n] = gr_input(graph, in[n].name, GR_F64, tensors[n].shape);
        bindings[n] = (gr_binding){in[n].name, wrt[n]};
        feeds[n] = (gr_feed){in[n].name, tensors[n].data};
    }
    gr_expr_env env = {.size = sizeof env, .bindings = bindings, .n_bindings = n};
    if (gr_expr_parse(text, NULL, &expr) != GR_OK) fail_msg("%s", gr_message());
    if (gr_expr_build(expr, graph, &env, &targets[0]) != GR_OK) fail_msg("%s", gr_message());
    bool gradients = n > 0 && in[0].gradient;
    if (gradients) assert_int_equal(gr_grad(targets[0], wrt, n, targets + 1), GR_OK);
    int n_targets = gradients ? n + 1 : 1;
    if (gr_evaluate(graph, targets, n_targets, feeds, n, NULL, out) != GR_OK) {
        fail_msg("%s", gr_message());
    }
    assert_tensor(&out[0], value, tolerance);
    for (int i = 0; gradients && i < n; i++) {
        assert_tensor(&out[i + 1], in[i].gradient, tolerance);
    }
    for (int i = 0; i < n_targets; i++) gr_tensor_clear(&out[i]);
    for (int i = 0; i < n; i++) gr_tensor_clear(&tensors[i]);
    gr_expr_free(expr);
    gr_graph_free(graph);
}

#define GIVEN(...) ((const given[]){__VA_ARGS__, {NULL, NULL, NULL}})

static void the_circuits_of_the_lectures(void **state)
{
    (void)state;
    check("(x + y) * z", "-12", 1e-12,
          GIVEN({"x", "-2", "-4"}, {"y", "5", "-4"}, {"z", "-4", "3"}));
    check("q = x + y; f = q * z", "-12", 1e-12,
          GIVEN({"x", "-2", "-4"}, {"y", "5", "-4"}, {"z", "-4", "3"}));
    check("sum((W @ x)^2)", "0.116", 1e-12,
          GIVEN({"W", "[[.1,.5],[-.3,.8]]", "[[.088,.176],[.104,.208]]"},
                {"x", "[.2,.4]", "[-.112,.636]"}));
    check("max(x, y)", "4", 0, GIVEN({"x", "4", "1"}, {"y", "2", "0"}));
    check("max(x, y)", "3", 0, GIVEN({"x", "3", "1"}, {"y", "3", "0"})); /* a tie: the first */
    check("b = a + a; c = b + b", "12", 0, GIVEN({"a", "3", "4"}));
}

/* The lecture rounds 0.1966 to 0.2 before it multiplies: these are the unrounded values. */
static void the_neuron(void **state)
{
    (void)state;
    double s = 1 / (1 + exp(-1.0)), d = s * (1 - s);
    char value[40], gradient[5][40];
    const double factor[5] = {-1, 2, -2, -3, 1};
    snprintf(value, sizeof value, "%.17g", s);
    for (int i = 0; i < 5; i++) snprintf(gradient[i], sizeof gradient[i], "%.17g", d * factor[i]);
    check("sigmoid(w0*x0 + w1*x1 + w2)", value, 1e-12,
          GIVEN({"w0", "2", gradient[0]}, {"x0", "-1", gradient[1]}, {"w1", "-3", gradient[2]},
                {"x1", "-2", gradient[3]}, {"w2", "-3", gradient[4]}));
    check("sigmoid(w0*x0 + w1*x1 + w2)", "0.7311", 5e-5 + 1e-12,
          GIVEN({"w0", "2", NULL}, {"x0", "-1", NULL}, {"w1", "-3", NULL}, {"x1", "-2", NULL},
                {"w2", "-3", NULL}));
}

static void precedence_in_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"a + b * c", "14"},
        {"a - b - c", "-5"},
        {"a / b / c", "0.16666666666666666"},
        {"-a^2", "-4"},
        {"a^b^a", "512"},
        {"2^-a", "0.25"},
        {"a * -b", "-6"},
        {"-a * -b", "6"},
        {"1 - a^2 * b", "-11"},
        {"a |> exp |> log", "2"},
        {"a + b |> square", "25"},
        {"a * 1 - 1", "1"},
        {"[1, 2] @ [3, 4]", "11"},
        {"a - +b", "-1"},
    };
    const given in[] = {{"a", "2", NULL}, {"b", "3", NULL}, {"c", "4", NULL}, {NULL, NULL, NULL}};
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        check(cases[i].text, cases[i].value, 1e-12, in);
    }
}

/* Numbers alone are computed while building; the same through gates must agree to the bit. */
static void folding_agrees_with_gates(void **state)
{
    (void)state;
    check("(1/3 + 2 - 0.1) * -7 - (a/b + c - d) * -7", "0", 0,
          GIVEN({"a", "1", NULL}, {"b", "3", NULL}, {"c", "2", NULL}, {"d", "0.1", NULL}));
}

static void words_in_numbers(void **state)
{
    (void)state;
    const given in[] = {
        {"m", "[[1,-2,3],[4,5,-6]]", NULL}, {"v", "[1,0,-1]", NULL}, {NULL, NULL, NULL}};
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"relu(m)", "[[1,0,3],[4,5,0]]"},
        {"m[1]", "[4,5,-6]"},
        {"m[:, -1]", "[3,-6]"},
        {"m[0, ::2]", "[1,3]"},
        {"m @ v", "[-2,10]"},
        {"sum(m, axis=0)", "[5,3,-3]"},
        {"mean(m, axis=1, keep=true)", "[[0.6666666666666666],[1]]"},
        {"max(m)", "5"},
        {"max(m, axis=1)", "[3,5]"},
        {"min(m, v)", "[[1,-2,-1],[1,0,-6]]"},
        {"where(m > 0, m, -1)", "[[1,-1,3],[4,5,-1]]"},
        {"where(m > 0 and m < 4, 1, 0)", "[[1,0,1],[0,0,0]]"},
        {"where(not m > 0 or m == 5, 1, 0)", "[[0,1,0],[0,1,1]]"},
        {"clip(m, -1, 3)", "[[1,-1,3],[3,3,-1]]"},
        {"transpose(m)", "[[1,4],[-2,5],[3,-6]]"},
        {"reshape(m, 3, 2)", "[[1,-2],[3,4],[5,-6]]"},
        {"permute(m, 1, 0)", "[[1,4],[-2,5],[3,-6]]"},
        {"concat(v, v)", "[1,0,-1,1,0,-1]"},
        {"pad(v, 1, 0, value=9)", "[9,1,0,-1]"},
        {"gather(m, [1, 1], axis=0)", "[[4,5,-6],[4,5,-6]]"},
        {"one_hot([2, 0], 3)", "[[0,0,1],[1,0,0]]"},
        {"cast(argmax(m), \"f64\")", "[2,1]"},
        {"leaky_relu(m, 0.5)", "[[1,-1,3],[4,5,-3]]"},
        {"abs(v) + sign(v) + floor(v / 2)", "[2,0,-1]"},
        {"m ** 2 / m", "[[1,-2,3],[4,5,-6]]"},
        {"sum(softmax(m), axis=1)", "[1,1]"},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) check(cases[i].text, cases[i].value, 1e-12, in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_circuits_of_the_lectures),
        cmocka_unit_test(the_neuron),
        cmocka_unit_test(precedence_in_numbers),
        cmocka_unit_test(folding_agrees_with_gates),
        cmocka_unit_test(words_in_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
