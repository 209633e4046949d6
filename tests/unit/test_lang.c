/* From text to gates: words and arguments, literals, slices, names, places, faults, own gates. */
#include "support.h"
#include "support_memory.h"

#include <gradus/lang.h>

/* ---- Building ----------------------------------------------------------------------------- */

/* Inputs of the tests by their first letter: s… scalar, m… [2,3], i… integers [3], b… bool [3],
 * anything else is unknown. */
static gr_node *find_input(void *user, gr_graph *graph, const char *name)
{
    (void)user;
    switch (name[0]) {
    case 's':
        return (gr_input)(graph, name, GR_F64, GR_SCALAR);
    case 'm':
        return (gr_input)(graph, name, GR_F64, GR_SHAPE(2, 3));
    case 'f':
        return (gr_input)(graph, name, GR_F32, GR_SHAPE(2, 3));
    case 'i':
        return (gr_input)(graph, name, GR_I64, GR_SHAPE(3));
    case 'b':
        return (gr_input)(graph, name, GR_BOOL, GR_SHAPE(3));
    default:
        return NULL;
    }
}

static const gr_expr_env test_env = {.size = sizeof(gr_expr_env), .find = find_input};

static gr_status build(const char *text, const gr_expr_env *env, gr_graph **graph, gr_node **result)
{
    gr_expr *expr;
    *graph = gr_graph_new();
    gr_status status = gr_expr_parse(text, "t", &expr);
    if (status == GR_OK) status = gr_expr_build(expr, *graph, env, result);
    gr_expr_free(expr);
    return status;
}

/* The gates that `node` is made of, as nested calls of ops. */
static void dump_gates(const gr_node *node, gr_text *text)
{
    const char *name = gr_node_name(node);
    if (gr_node_inputs(node) == 0) {
        gr_text_printf(text, "%s", name ? name : gr_node_op(node));
        return;
    }
    gr_text_printf(text, "%s(", gr_node_op(node));
    for (int i = 0; i < gr_node_inputs(node); i++) {
        if (i) gr_text_printf(text, ", ");
        dump_gates(gr_node_input(node, i), text);
    }
    gr_text_printf(text, ")");
}

static const struct {
    const char *text, *gates, *shape;
} builds[] = {
    {"(s1 + s2) * s3", "mul(add(s1, s2), s3)", "[]"},
    {"m1 - 2 * m2", "sub(m1, mul(constant, m2))", "[2,3]"},
    {"-m1 / s1", "div(neg(m1), s1)", "[2,3]"},
    {"s1^2", "square(s1)", "[]"},
    {"s1 ** 3", "pow(s1, constant)", "[]"},
    {"2^s1", "pow(constant, s1)", "[]"},
    {"pow(s1, 2)", "square(s1)", "[]"},
    {"s1^(1 + 1)", "square(s1)", "[]"},
    {"1 / 2 - 3", "constant", "[]"},
    {"[[1, 2, 3]] + m1", "add(constant, m1)", "[2,3]"},
    {"m1 @ [1, 2, 3]", "reshape(matmul(m1, reshape(constant)))", "[2]"},
    {"sum((m1 @ transpose(m2))^2)", "sum(square(matmul(m1, permute(m2))))", "[]"},
    {"sum(m1, axis=0)", "sum(m1)", "[3]"},
    {"sum(m1, -1)", "sum(m1)", "[2]"},
    {"sum(m1, axis=[0, 1], keep=true)", "sum(m1)", "[1,1]"},
    {"m1 |> sum(axis=1, keep=1)", "sum(m1)", "[2,1]"},
    {"max(s1, s2)", "maximum(s1, s2)", "[]"},
    {"max(0, m1)", "maximum(constant, m1)", "[2,3]"},
    {"max(m1)", "max(m1)", "[]"},
    {"min(m1, axis=1)", "min(m1)", "[2]"},
    {"argmax(m1)", "argmax(m1)", "[2]"},
    {"m1 > 0 and not (m2 <= 1)", "and(greater(m1, constant), not(less_equal(m2, constant)))",
     "[2,3]"},
    {"b1 == true", "equal(b1, constant)", "[3]"},
    {"where(m1 > 0, m1, 0)", "where(greater(m1, constant), m1, constant)", "[2,3]"},
    {"where(b1, 1, 2)", "where(b1, constant, constant)", "[3]"},
    {"clip(m1, -inf, high=1)", "clip(m1)", "[2,3]"},
    {"leaky_relu(m1, 0.1)", "leaky_relu(m1)", "[2,3]"},
    {"i1 + 2", "add(i1, constant)", "[3]"},
    {"cast(i1, \"f64\") * 0.5", "mul(cast(i1), constant)", "[3]"},
    {"gather(m1, i1, axis=1)", "gather(m1, i1)", "[2,3]"},
    {"gather(m1, [1, 0, 1])", "gather(m1, constant)", "[3,3]"},
    {"one_hot(i1, 4)", "one_hot(i1)", "[3,4]"},
    {"reshape(m1, 3, -1)", "reshape(m1)", "[3,2]"},
    {"reshape(m1, [6])", "reshape(m1)", "[6]"},
    {"permute(m1, 1, 0)", "permute(m1)", "[3,2]"},
    {"broadcast(s1, 4, 5)", "broadcast(s1)", "[4,5]"},
    {"concat(m1, m2, m3, axis=-1)", "concat(m1, m2, m3)", "[2,9]"},
    {"pad(m1, [0, 1])", "pad(m1)", "[2,5]"},
    {"pad(m1, 1, after=0, value=7)", "pad(m1)", "[3,4]"},
    {"m1[0]", "reshape(slice(m1))", "[3]"},
    {"m1[:, 1:3]", "slice(m1)", "[2,2]"},
    {"m1[-1, -2:]", "reshape(slice(m1))", "[2]"},
    {"m1[:, ::2]", "slice(m1)", "[2,2]"},
    {"m1[5:, 2:1]", "slice(m1)", "[0,0]"},
    {"m1[1, 1 + 1]", "reshape(slice(m1))", "[]"},
    {"q = s1 + s2; f = q * s3", "mul(add(s1, s2), s3)", "[]"},
    {"h = 2; m1 * h", "mul(m1, constant)", "[2,3]"},
    {"a = s1; a", "s1", "[]"},
    {"pi * s1", "mul(constant, s1)", "[]"},
};

static void gates_and_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(builds); i++) {
        gr_graph *graph;
        gr_node *node;
        gr_text text = {0};
        if (build(builds[i].text, &test_env, &graph, &node) != GR_OK) fail_msg("%s", gr_message());
        dump_gates(node, &text);
        assert_string_equal(text.data, builds[i].gates);
        assert_string_equal(gr_shape_text(gr_node_shape(node)), builds[i].shape);
        assert_int_equal(gr_graph_verify(graph), GR_OK);
        gr_text_free(&text);
        gr_graph_free(graph);
    }
}

static void literals_take_the_type_they_meet(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        gr_dtype dtype;
    } cases[] = {
        {"f1 * 0.1 + 1", GR_F32}, {"[1, 2, 3] - f1", GR_F32}, {"max(0, f1)", GR_F32},
        {"i1 * 2", GR_I64},       {"1 + 2", GR_F64},          {"where(f1 > 0, 1, f1)", GR_F32},
        {"[1.5]", GR_F64},        {"f1 > 0.5", GR_BOOL},      {"true", GR_BOOL},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *graph;
        gr_node *node;
        if (build(cases[i].text, &test_env, &graph, &node) != GR_OK) fail_msg("%s", gr_message());
        assert_int_equal(gr_node_dtype(node), cases[i].dtype);
        gr_graph_free(graph);
    }
    gr_expr_env env = test_env;
    gr_graph *graph;
    gr_node *node;
    env.dtype = GR_F32;
    assert_int_equal(build("1 + 2", &env, &graph, &node), GR_OK);
    assert_int_equal(gr_node_dtype(node), GR_F32);
    gr_graph_free(graph);
}

static void names_and_places(void **state)
{
    (void)state;
    gr_graph *graph;
    gr_node *f;
    assert_int_equal(build("q = s1 + s2\nf = q * softmax(m1)", &test_env, &graph, &f), GR_OK);
    assert_string_equal(gr_node_name(f), "f");
    assert_string_equal(gr_node_place(f), "t:2:7");
    gr_node *q = gr_node_input(f, 0), *s = gr_node_input(f, 1);
    assert_string_equal(gr_node_name(q), "q");
    assert_string_equal(gr_node_place(q), "t:1:8");
    assert_null(gr_node_name(s));
    assert_string_equal(gr_node_place(s), "t:2:9");
    assert_string_equal(gr_node_composite(s), "softmax");
    assert_string_equal(gr_node_place(gr_node_input(s, 0)), "t:2:9"); /* all of the composite */
    assert_string_equal(gr_node_place(gr_graph_find(graph, "s2")), "t:1:10");
    gr_graph_free(graph);

    /* What the caller built before keeps no place of the text. */
    gr_expr *expr;
    graph = gr_graph_new();
    gr_node *x = (gr_input)(graph, "x", GR_F64, GR_SCALAR);
    gr_binding bindings[] = {{"x", x}};
    gr_expr_env env = {.size = sizeof env, .bindings = bindings, .n_bindings = 1};
    assert_int_equal(gr_expr_parse("x * x", NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_build(expr, graph, &env, &f), GR_OK);
    assert_null(gr_node_place(x));
    assert_ptr_equal(gr_node_input(f, 0), x);
    assert_ptr_equal(gr_node_input(f, 1), x);
    gr_expr_free(expr);
    gr_graph_free(graph);
}

/* ---- Faults ------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    gr_status status;
    const char *message;
} faults[] = {
    {"y + 1", GR_NOT_FOUND, "t:1:1: 'y' has no value\n  y + 1\n  ^"},
    {"sigmod(m1)", GR_SYNTAX,
     "t:1:1: unknown function 'sigmod'; did you mean 'sigmoid'?\n  sigmod(m1)\n  ^"},
    {"m1 |> lekay_relu(1)", GR_SYNTAX,
     "t:1:7: unknown layer 'lekay_relu'; did you mean 'leaky_relu'?\n  m1 |> lekay_relu(1)\n"
     "        ^"},
    {"m1 |> qqqqqqqq", GR_SYNTAX,
     "t:1:7: unknown layer or function 'qqqqqqqq'\n  m1 |> qqqqqqqq\n        ^"},
    {"pi(m1)", GR_SYNTAX, "t:1:1: unknown function 'pi'"},
    {"sin(m1, m2)", GR_SYNTAX,
     "t:1:9: too many arguments for 'sin': the form is sin(x)\n  sin(m1, m2)\n          ^"},
    {"f1 + sin()", GR_SYNTAX, "t:1:6: 'sin' lacks 'x': the form is sin(x)\n"},
    {"clip(m1, 0)", GR_SYNTAX,
     "t:1:1: 'clip' lacks 'high': the form is clip(x, low: real, high: real)\n"},
    {"sum(m1, axes=0)", GR_SYNTAX,
     "t:1:9: 'sum' has no option 'axes'; did you mean 'axis'? The form is sum(x, axis: ints = all, "
     "keep: bool = false)\n  sum(m1, axes=0)\n          ^"},
    {"sin(m1, zzzzzzz=0)", GR_SYNTAX, "t:1:9: 'sin' has no option 'zzzzzzz': the form is sin(x)\n"},
    {"clip(m1, 0, 1, low=2)", GR_SYNTAX, "t:1:16: 'low' is given twice: the form is clip("},
    {"clip(m1, m2, 1)", GR_SYNTAX, "t:1:10: 'clip': low must be a number\n"},
    {"sum(m1, keep=2)", GR_SYNTAX, "t:1:9: 'sum': keep must be true or false\n"},
    {"sum(m1, 0.5)", GR_SYNTAX, "t:1:9: 'sum': axis must be a whole number, not 0.5\n"},
    {"sum(m1, m2)", GR_SYNTAX, "t:1:9: 'sum': axis must be a whole number or a list of them\n"},
    {"sum(m1, [[1]])", GR_SYNTAX, "t:1:9: 'sum': axis must be a whole number or a list of them\n"},
    {"sum(m1, 9)", GR_SYNTAX, "t:1:9: 'sum': axis must be from -8 to 7, not 9\n"},
    {"argmax(m1, \"x\")", GR_SYNTAX, "t:1:12: 'argmax': axis must be a whole number\n"},
    {"reshape(m1, -2)", GR_SYNTAX, "t:1:13: 'reshape': sizes must be at least -1, not -2\n"},
    {"reshape(m1, 1, 1, 1, 1, 1, 1, 1, 1, 6)", GR_SYNTAX,
     "t:1:13: 'reshape': sizes has more than 8 numbers\n"},
    {"cast(m1, \"f31\")", GR_SYNTAX, "t:1:10: 'cast': there is no element type 'f31'"},
    {"cast(m1, 32)", GR_SYNTAX, "t:1:10: 'cast': type must be a text in quotes\n"},
    {"max(m1, m2, axis=1)", GR_SYNTAX, "t:1:9: 'max': of two values it goes element by element"},
    {"pad(m1, [1, 2, 3])", GR_SHAPE, "t:1:9: 'pad': before has 3 numbers for 2 axes\n"},
    {"\"text\" + m1", GR_SYNTAX, "t:1:1: a text is no value to compute with\n"},
    {"i1 * 0.5", GR_DTYPE, "t:1:6: 0.5 is not a whole number, but meets values of type i64\n"},
    {"i1 + [1, 2.5, 3]", GR_DTYPE, "t:1:6: 2.5 is not a whole number"},
    {"m1[2]", GR_RANGE, "t:1:4: index 2 is outside an axis of size 2\n  m1[2]\n     ^"},
    {"m1[-3]", GR_RANGE, "t:1:4: index -3 is outside an axis of size 2\n"},
    {"m1[0, 0, 0]", GR_SHAPE, "t:1:10: too many indices for shape [2,3]\n"},
    {"m1[i1]", GR_SYNTAX, "t:1:4: an index is a whole number (computed ones: gather(x, index))\n"},
    {"m1[::0]", GR_SYNTAX, "t:1:4: a slice's step is at least 1\n"},
    /* the graph's own faults, with the place of the text */
    {"a = m1\nb = m1 @ m2", GR_SHAPE,
     "matmul (t:2:8): inner sizes differ: [2,3] x [2,3]\n  b = m1 @ m2\n         ^"},
    {"m1 + f1", GR_DTYPE, "add (t:1:4): "},
};

static void fault_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(faults); i++) {
        gr_graph *graph;
        gr_node *node = NULL;
        gr_status status = build(faults[i].text, &test_env, &graph, &node);
        if (status != faults[i].status) fail_msg("%s\n%s", faults[i].text, gr_message());
        if (strncmp(gr_message(), faults[i].message, strlen(faults[i].message)) != 0) {
            assert_string_equal(gr_message(), faults[i].message);
        }
        assert_true(gr_is_error(node));
        assert_int_equal(gr_graph_status(graph), faults[i].status); /* it is sticky */
        size_t head = strcspn(faults[i].message, "\n");
        assert_memory_equal(gr_graph_message(graph), faults[i].message, head);
        gr_graph_free(graph);
    }
}

static void check_without_building(void **state)
{
    (void)state;
    gr_expr *expr;
    assert_int_equal(gr_expr_parse("x |> relu |> clip(1)", NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_check(expr, NULL), GR_SYNTAX);
    assert_non_null(strstr(gr_message(), "expression:1:14: 'clip' lacks 'high'"));
    gr_expr_free(expr);
    assert_int_equal(gr_expr_parse("x |> relu |> clip(0, 1)", NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_check(expr, NULL), GR_OK);
    gr_expr_free(expr);
}

static void a_faulty_graph_stays_as_it_is(void **state)
{
    (void)state;
    gr_expr *expr;
    gr_node *node;
    gr_graph *graph = gr_graph_new();
    gr_input(graph, "x", GR_F64, GR_SHAPE(-1));
    char first[800];
    snprintf(first, sizeof first, "%s", gr_graph_message(graph));
    assert_int_equal(gr_expr_parse("1 + 1", NULL, &expr), GR_OK);
    assert_int_equal(gr_expr_build(expr, graph, NULL, &node), GR_SHAPE);
    assert_string_equal(gr_message(), first);
    assert_true(gr_is_error(node));
    gr_expr_free(expr);
    gr_graph_free(graph);
}

/* ---- Own gates ---------------------------------------------------------------------------- */

static gr_status double_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    out[0] = in[0];
    return GR_OK;
}

static gr_status double_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    const double *x = in[0].data;
    double *y = out[0].data;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++) y[i] = 2 * x[i];
    return GR_OK;
}

static void own_gates(void **state)
{
    (void)state;
    const gr_gate own[] = {{.size = sizeof(gr_gate),
                            .name = "twice",
                            .inputs = 1,
                            .outputs = 1,
                            .shape = double_shape,
                            .forward = double_forward},
                           {.size = sizeof(gr_gate),
                            .name = "pair",
                            .inputs = 1,
                            .outputs = 2,
                            .shape = double_shape,
                            .forward = double_forward}};
    const gr_gates gates = {GR_GATES_VERSION, GR_LEN(own), own};
    gr_expr_env env = test_env;
    env.gates = &gates;
    gr_graph *graph;
    gr_node *node;
    assert_int_equal(build("m1 |> twice |> relu", &env, &graph, &node), GR_OK);
    assert_int_equal(gr_node_inputs(gr_node_input(node, 0)), 1);
    gr_graph_free(graph);
    static const char *const bad[][2] = {
        {"twice(m1, m2)", "t:1:1: the gate 'twice' takes 1 input, not 2\n"},
        {"twice(m1, n=2)", "t:1:11: the gate 'twice' has no option 'n'\n"},
        {"pair(m1)", "t:1:1: the gate 'pair' has 2 outputs: an expression takes gates of one\n"},
        {"twcie(m1)", "t:1:1: unknown function 'twcie'; did you mean 'twice'?\n"},
    };
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        assert_int_equal(build(bad[i][0], &env, &graph, &node), GR_SYNTAX);
        assert_memory_equal(gr_message(), bad[i][1], strlen(bad[i][1]));
        gr_graph_free(graph);
    }
}

/* ---- The table ---------------------------------------------------------------------------- */

static void the_table_of_words(void **state)
{
    (void)state;
    int count = 0;
    for (const gr_word *word; (word = gr_lang_word(count)); count++) {
        size_t length = strlen(word->name);
        assert_memory_equal(word->signature, word->name, length);
        if (word->kind != GR_WORD_CONSTANT) assert_int_equal(word->signature[length], '(');
        assert_true(strlen(word->help) > 0 && strlen(word->help) < 100);
        assert_ptr_equal(gr_lang_find(word->name), word); /* every name stands once */
    }
    assert_true(count > 50);
    assert_null(gr_lang_word(-1));
    assert_null(gr_lang_find("nothing"));
    assert_null(gr_lang_find(NULL));
}

/* ---- Soup --------------------------------------------------------------------------------- */

/* Any words with any arguments build a sound graph or fail with a message. */
static void soup_builds_or_is_refused(void **state)
{
    (void)state;
    static const char *const arguments[] = {
        "m1",          "m2",         "s1",        "f1",          "i1",      "b1",    "0",
        "1",           "-1",         "2",         "2.5",         "9e18",    "inf",   "nan",
        "[1, 0]",      "[[2]]",      "[]",        "true",        "\"f32\"", "\"x\"", "axis=0",
        "axis=[0, 1]", "keep=1",     "m1[0]",     "m1 @ m2",     "not b1",  "-i1",   "2^s1",
        "m1 > 0",      "name=\"a\"", "value=nan", "after=[1, 2]"};
    gr_rng rng = gr_rng_new(9, 0);
    int words = 0, built = 0;
    while (gr_lang_word(words)) words++;
    for (int round = 0; round < 20000; round++) {
        gr_text text = {0};
        const char *word = gr_lang_word((int)gr_rng_below(&rng, (uint64_t)words))->name;
        gr_text_printf(&text, "%s(", word);
        for (uint64_t k = gr_rng_below(&rng, 4), i = 0; i <= k; i++) {
            gr_text_printf(&text, "%s%s", i ? ", " : "",
                           arguments[gr_rng_below(&rng, GR_LEN(arguments))]);
        }
        gr_text_printf(&text, ")");
        gr_graph *graph;
        gr_node *node = NULL;
        gr_status status = build(text.data, &test_env, &graph, &node);
        if (status == GR_INTERNAL) fail_msg("%s: %s", text.data, gr_message());
        if (status == GR_OK) {
            if (gr_graph_verify(graph) != GR_OK) fail_msg("%s: %s", text.data, gr_message());
            assert_false(gr_is_error(node));
            built++;
        } else {
            assert_true(strlen(gr_message()) > 0);
        }
        gr_text_free(&text);
        gr_graph_free(graph);
    }
    assert_true(built > 1000);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    gr_expr *expr;
    gr_status status = GR_NO_MEMORY;
    const char *text = "q = [[1, 2, 3]] + m1\nsum(concat(q, m1, axis=0)[0:2] ^ 3, axis=1) |> relu";
    for (long n = 1; status != GR_OK; n++) {
        test_memory memory;
        test_memory_start(&memory, 0);
        gr_graph *graph = gr_graph_new();
        gr_node *node = NULL;
        assert_int_equal(gr_expr_parse(text, "t", &expr), GR_OK);
        memory.fail_at = memory.calls + n;
        status = gr_expr_build(expr, graph, &test_env, &node);
        if (status != GR_OK && status != GR_NO_MEMORY) fail_msg("%ld: %s", n, gr_message());
        assert_int_equal(gr_is_error(node), status != GR_OK);
        assert_int_equal(gr_graph_status(graph), status);
        gr_expr_free(expr);
        gr_graph_free(graph);
        test_memory_stop(&memory);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_and_shapes),
        cmocka_unit_test(literals_take_the_type_they_meet),
        cmocka_unit_test(names_and_places),
        cmocka_unit_test(fault_messages),
        cmocka_unit_test(check_without_building),
        cmocka_unit_test(a_faulty_graph_stays_as_it_is),
        cmocka_unit_test(own_gates),
        cmocka_unit_test(the_table_of_words),
        cmocka_unit_test(soup_builds_or_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
