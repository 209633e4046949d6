/* Gates of the user's own, by name: in expressions, nets, model files, the text form of graphs. */
#include <gradus/check.h>
#include <gradus/lang.h>
#include <gradus/ops.h>

#include <math.h>

#include "support_train.h"

/* ---- The gates ------------------------------------------------------------------------------ */

static gr_status gates_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    out[0].dtype = in[0].dtype;
    out[0].shape = in[0].shape;
    return GR_OK;
}

static gr_status gates_multiply(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++)
        gr_tensor_put(&out[0], i, gr_tensor_at(&in[0], i) * gr_tensor_at(&in[1], i));
    return GR_OK;
}

/* *user: a factor of the second gradient, 1 if all is right. */
static gr_status gates_multiply_backward(void *user, const gr_tensor *in, const gr_tensor *out,
                                         const gr_tensor *dy, gr_tensor *dx)
{
    (void)out;
    double factor = *(const double *)user;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++) {
        gr_tensor_put(&dx[0], i, gr_tensor_at(&in[1], i) * gr_tensor_at(&dy[0], i));
        gr_tensor_put(&dx[1], i, factor * gr_tensor_at(&in[0], i) * gr_tensor_at(&dy[0], i));
    }
    return GR_OK;
}

static gr_status gates_cube(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++)
        gr_tensor_put(&out[0], i, pow(gr_tensor_at(&in[0], i), 3));
    return GR_OK;
}

static void gates_cube_gradient(void *user, gr_node *const *in, gr_node *const *out,
                                gr_node *const *dy, gr_node **dx)
{
    (void)user;
    (void)out;
    dx[0] = gr_mul(dy[0], gr_scale(gr_square(in[0]), 3));
}

/* A gradient of the wrong shape. */
static void gates_summed_gradient(void *user, gr_node *const *in, gr_node *const *out,
                                  gr_node *const *dy, gr_node **dx)
{
    (void)user;
    (void)out;
    dx[0] = gr_sum(gr_mul(dy[0], in[0]), GR_ALL);
}

static double gates_right = 1, gates_wrong = 1.5;

#define GATES_MULTIPLY(its_name, factor)                                                           \
    {                                                                                              \
        .size = sizeof(gr_gate), .name = (its_name), .inputs = 2, .outputs = 1,                    \
        .shape = gates_shape, .forward = gates_multiply, .backward = gates_multiply_backward,      \
        .user = &(factor)                                                                          \
    }
#define GATES_CUBE(its_name, its_gradient)                                                         \
    {                                                                                              \
        .size = sizeof(gr_gate), .name = (its_name), .inputs = 1, .outputs = 1,                    \
        .shape = gates_shape, .forward = gates_cube, .gradient = (its_gradient)                    \
    }

static const gr_gate gates_own[] = {
    GATES_MULTIPLY("multiply", gates_right), GATES_MULTIPLY("multiply_wrong", gates_wrong),
    GATES_CUBE("cube", gates_cube_gradient), GATES_CUBE("summed", gates_summed_gradient)};
static const gr_gates gates_list = {GR_GATES_VERSION, GR_LEN(gates_own), gates_own};

/* ---- Expressions ---------------------------------------------------------------------------- */

/* An expression of x and y, f64 [3], on a graph of its own. */
static gr_node *gates_expression(const char *text, gr_node *in[2])
{
    gr_expr *expr;
    gr_node *result;
    gr_graph *g = gr_graph_new();
    in[0] = gr_input(g, "x", GR_F64, GR_SHAPE(3));
    in[1] = gr_input(g, "y", GR_F64, GR_SHAPE(3));
    gr_expr_env env = {.size = sizeof env,
                       .bindings = (gr_binding[]){{"x", in[0]}, {"y", in[1]}},
                       .n_bindings = 2,
                       .gates = &gates_list};
    unit_ok(gr_expr_parse(text, NULL, &expr));
    unit_ok(gr_expr_check(expr, &env));
    unit_ok(gr_expr_build(expr, g, &env, &result));
    gr_expr_free(expr);
    return result;
}

static bool gates_passes(gr_node *y, gr_node *const *in, int n)
{
    double x[] = {-2, .5, 1.25}, other[] = {3, -.75, 2};
    gr_feed at[] = {{"x", x}, {"y", other}};
    gr_check_report report;
    unit_ok(gr_check(y, in, n, at, 2, NULL, NULL, &report));
    bool passed = report.passed;
    gr_check_clear(&report);
    return passed;
}

static void expressions_call_gates(void **state)
{
    (void)state;
    gr_node *in[2],
        *z = gates_expression("z = multiply(x, y); sum(sigmoid(z) + multiply(z, x))", in);
    gr_graph *g = gr_node_graph(z);
    assert_string_equal(gr_node_op(gr_graph_find(g, "z")), "multiply");
    assert_true(gates_passes(z, in, 2));
    gr_graph_free(g);
}

static void a_wrong_backward_is_found(void **state)
{
    (void)state;
    gr_node *in[2], *z = gates_expression("sum(multiply_wrong(x, y))", in);
    assert_true(gates_passes(z, in, 1)); /* by x it is right */
    assert_false(gates_passes(z, in, 2));
    gr_graph_free(gr_node_graph(z));
}

/* ---- Second derivatives --------------------------------------------------------------------- */

static void a_built_gradient_has_a_gradient(void **state)
{
    (void)state;
    gr_node *in[2], *dx, *y = gates_expression("sum(cube(x) * y)", in);
    assert_true(gates_passes(y, in, 2));
    unit_ok(gr_grad(y, in, 1, &dx));
    assert_true(gates_passes(gr_sum(gr_square(dx), GR_ALL), in, 2));
    gr_graph_free(gr_node_graph(y));
}

static void a_called_gradient_has_none(void **state)
{
    (void)state;
    gr_node *in[2], *dx, *y = gates_expression("sum(multiply(x, y))", in);
    unit_ok(gr_grad(y, in, 1, &dx));
    unit_refused(gr_grad(gr_sum(gr_square(dx), GR_ALL), in, 2, (gr_node *[2]){NULL}),
                 GR_UNSUPPORTED,
                 "custom: the gradient of gate 'multiply' has none in turn: a second derivative "
                 "needs the callback `gradient` in place of `backward`");
    gr_graph_free(gr_node_graph(y));
}

static void a_built_gradient_must_fit(void **state)
{
    (void)state;
    gr_node *in[2], *dx, *y = gates_expression("sum(summed(x))", in);
    unit_refused(gr_grad(y, in, 1, &dx), GR_SHAPE,
                 "custom: gate 'summed' gives f64[] as the gradient by input 0, which is f64[3]");
    gr_graph_free(gr_node_graph(y));
}

/* ---- Lists ---------------------------------------------------------------------------------- */

static void lists_are_checked(void **state)
{
    (void)state;
    static const gr_gate word[] = {GATES_CUBE("relu", NULL)}, blank[] = {GATES_CUBE("a b", NULL)},
                         digit[] = {GATES_CUBE("2x", NULL)}, none[] = {GATES_CUBE(NULL, NULL)},
                         twice[] = {GATES_CUBE("f", NULL), GATES_CUBE("f", NULL)},
                         bare[] = {{.size = sizeof(gr_gate), .name = "bare"}},
                         size[] = {{.size = 3, .name = "small"}};
    static const struct {
        gr_gates gates;
        const char *words;
    } cases[] = {
        {{GR_GATES_VERSION + 1, 1, word}, "the list of gates is of version 2, not 1"},
        {{GR_GATES_VERSION, -1, word}, "the list of gates counts -1 of them"},
        {{GR_GATES_VERSION, 1, NULL}, "counts 1 of them, but points to none"},
        {{GR_GATES_VERSION, 1, word}, "the gate 'relu' has the name of a word of the language"},
        {{GR_GATES_VERSION, 1, blank}, "gate 0 of the list has the name 'a b': should be letters"},
        {{GR_GATES_VERSION, 1, digit}, "gate 0 of the list has the name '2x'"},
        {{GR_GATES_VERSION, 1, none}, "gate 0 of the list has the name ''"},
        {{GR_GATES_VERSION, 2, twice}, "two gates of the list are called 'f'"},
        {{GR_GATES_VERSION, 1, bare}, "gate 'bare' needs the callbacks shape and forward"},
        {{GR_GATES_VERSION, 1, size}, "gate 0 of the list: its size is not sizeof(gr_gate)"},
    };
    gr_expr *expr;
    unit_ok(gr_expr_parse("1 + 2", NULL, &expr));
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *g = gr_graph_new();
        gr_node *node;
        gr_expr_env env = {.size = sizeof env, .gates = &cases[i].gates};
        unit_refused(gr_gates_check(&cases[i].gates), GR_INVALID, cases[i].words);
        unit_refused(gr_expr_check(expr, &env), GR_INVALID, cases[i].words);
        unit_refused(gr_expr_build(expr, g, &env, &node), GR_INVALID, cases[i].words);
        assert_true(gr_is_error(node));
        gr_graph_free(g);
    }
    gr_expr_free(expr);
    unit_ok(gr_gates_check(NULL));
    unit_ok(gr_gates_check(&gates_list));
    assert_null(gr_gates_find(&gates_list, "divide"));
    assert_null(gr_gates_find(&gates_list, NULL));
    assert_null(gr_gates_find(NULL, "multiply"));
    assert_ptr_equal(gr_gates_find(&gates_list, "cube"), &gates_own[2]);
}

/* ---- Models --------------------------------------------------------------------------------- */

static void models_name_their_gates(void **state)
{
    (void)state;
    static const char net[] = "h = x |> fc(8); multiply(h, sigmoid(h)) |> fc(3)";
    gr_dataset *data = test_points(60, .3, 1);
    gr_model *model, *copy;
    gr_trainer *trainer;
    float scores[3], again[3];
    unit_refused(gr_model_new(GR_MODEL(.net = net, .data = data), &model), GR_SYNTAX,
                 "net:1:17: unknown function 'multiply'");
    unit_ok(gr_model_new(GR_MODEL(.net = net, .data = data, .gates = &gates_list), &model));
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(.kind = GR_ADAM, .rate = .05),
                                      .steps = 60, .batch = 20),
                           &trainer));
    unit_ok(gr_train(trainer));
    gr_metrics score;
    unit_ok(gr_model_test(model, data, &score));
    assert_true(score.accuracy > .9);
    gr_metrics_clear(&score);
    gr_trainer_free(trainer);

    const char *path = test_files_path("gated.safetensors");
    unit_ok(gr_model_save(model, path));
    unit_refused(gr_model_load(path, NULL, &copy), GR_NOT_FOUND,
                 "gated.safetensors: the net calls 'multiply', a gate of its user's own, which is "
                 "not given");
    const gr_gates others = {GR_GATES_VERSION, 1, &gates_own[2]};
    unit_refused(gr_model_load(path, GR_MODEL(.gates = &others), &copy), GR_NOT_FOUND,
                 "the net calls 'multiply'");
    unit_ok(gr_model_load(path, GR_MODEL(.gates = &gates_list), &copy));
    gr_tensor x = {GR_F32, GR_SHAPE(1, 4), (float[]){.1F, -.2F, .7F, .4F}};
    unit_ok(gr_model_predict(model, &x, scores));
    unit_ok(gr_model_predict(copy, &x, again));
    assert_memory_equal(scores, again, sizeof scores);
    gr_model_free(copy);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void descriptions_show_gates(void **state)
{
    (void)state;
    gr_net_info *info;
    unit_ok(gr_net_describe("fc(5) |> cube |> fc(2)", GR_SHAPE(4), &gates_list, &info));
    assert_int_equal(info->count, 3);
    assert_string_equal(info->layers[1].kind, "cube");
    gr_net_info_free(info);
    unit_refused(gr_net_describe("fc(5) |> cube |> fc(2)", GR_SHAPE(4), NULL, &info), GR_SYNTAX,
                 "net:1:10: unknown layer or function 'cube'");
}

/* ---- The text form of graphs ---------------------------------------------------------------- */

static void graphs_are_read_with_gates(void **state)
{
    (void)state;
    gr_node *in[2], *dx[2], *out[2], *y = gates_expression("sum(multiply(cube(x), y))", in);
    gr_graph *g = gr_node_graph(y), *back;
    char *text, *again;
    int n;
    unit_ok(gr_grad(y, in, 2, dx));
    unit_ok(gr_graph_print(g, dx, 2, &text));
    assert_non_null(strstr(text, "custom(%0) {gate=\"cube\"} : f64[3]"));
    assert_non_null(strstr(text, "= custom_grad("));
    unit_ok(gr_graph_read_gates(text, &gates_list, &back, out, 2, &n));
    unit_ok(gr_graph_verify(back));
    unit_ok(gr_graph_print(back, out, n, &again));
    assert_string_equal(text, again);
    gr_text_release(again);
    gr_graph_free(back);
    unit_refused(gr_graph_read(text, &back, NULL, 0, NULL), GR_SYNTAX,
                 "there is no gate 'cube' among the own gates given");
    assert_null(back);
    gr_text_release(text);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_call_gates),
        cmocka_unit_test(a_wrong_backward_is_found),
        cmocka_unit_test(a_built_gradient_has_a_gradient),
        cmocka_unit_test(a_called_gradient_has_none),
        cmocka_unit_test(a_built_gradient_must_fit),
        cmocka_unit_test(lists_are_checked),
        cmocka_unit_test(models_name_their_gates),
        cmocka_unit_test(descriptions_show_gates),
        cmocka_unit_test(graphs_are_read_with_gates),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
