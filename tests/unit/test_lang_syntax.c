/* The language's syntax: trees, messages with carets, canonical text, limits, values. */
#include "support.h"
#include "support_memory.h"

#include "lang/syntax.h"

#include <math.h>

/* ---- A tree as an S-expression -------------------------------------------------------------- */

static void dump_node(const gr_expr *expr, int node, gr_text *text);

static void dump_arguments(const gr_expr *expr, const lang_arg *arg, gr_text *text)
{
    for (; arg; arg = arg->next) {
        gr_text_printf(text, " %s%s", arg->keyword ? arg->keyword : "", arg->keyword ? "=" : "");
        dump_node(expr, arg->value, text);
    }
    gr_text_printf(text, ")");
}

static void dump_node(const gr_expr *expr, int node, gr_text *text)
{
    if (node < 0) {
        gr_text_printf(text, "_");
        return;
    }
    const lang_ast *ast = &expr->nodes[node];
    switch (ast->kind) {
    case LANG_AST_NUMBER:
        gr_text_real(text, ast->number);
        break;
    case LANG_AST_STRING:
        gr_text_printf(text, "\"%s\"", ast->string);
        break;
    case LANG_AST_NAME:
        gr_text_printf(text, "%s%s", expr->names.symbols[ast->name.symbol].text,
                       ast->name.statement >= 0 ? "'" : "");
        break;
    case LANG_AST_LIST:
        gr_text_printf(text, "%s", gr_shape_text(ast->list->shape));
        for (int64_t i = 0; i < gr_shape_count(ast->list->shape); i++) {
            gr_text_printf(text, "%s%g", i ? "," : ":",
                           expr->numbers[ast->list->first + (size_t)i]);
        }
        break;
    case LANG_AST_UNARY:
    case LANG_AST_BINARY:
        gr_text_printf(text, "(%s ", gr_lang_ops[ast->operate.op].text);
        dump_node(expr, ast->operate.a, text);
        if (ast->kind == LANG_AST_BINARY) gr_text_printf(text, " ");
        if (ast->kind == LANG_AST_BINARY) dump_node(expr, ast->operate.b, text);
        gr_text_printf(text, ")");
        break;
    case LANG_AST_CALL:
        gr_text_printf(text, "(%s%s", ast->call.piped ? "|" : "", ast->call.word);
        dump_arguments(expr, ast->call.args, text);
        break;
    case LANG_AST_INDEX:
        gr_text_printf(text, "(at ");
        dump_node(expr, ast->index.base, text);
        dump_arguments(expr, ast->index.items, text);
        break;
    case LANG_AST_RANGE:
        gr_text_printf(text, "(: ");
        dump_node(expr, ast->range.start, text);
        gr_text_printf(text, " ");
        dump_node(expr, ast->range.stop, text);
        gr_text_printf(text, " ");
        dump_node(expr, ast->range.step, text);
        gr_text_printf(text, ")");
        break;
    }
}

static char *dump(const gr_expr *expr)
{
    gr_text text = {0};
    for (size_t i = 0; i < expr->n_statements; i++) {
        const char *name = gr_expr_statement_name(expr, (int)i);
        gr_text_printf(&text, "%s%s%s", i ? "; " : "", name ? name : "", name ? " = " : "");
        dump_node(expr, expr->statements[i].root, &text);
    }
    return text.data;
}

static gr_expr *parse(const char *text)
{
    gr_expr *expr;
    if (gr_expr_parse(text, NULL, &expr) != GR_OK) fail_msg("%s", gr_message());
    return expr;
}

/* ---- Trees -------------------------------------------------------------------------------- */

static const struct {
    const char *text, *tree, *print; /* print NULL: the text itself */
} trees[] = {
    /* precedence and association */
    {"a + b * c", "(+ a (* b c))", NULL},
    {"(a + b) * c", "(* (+ a b) c)", NULL},
    {"a - b - c", "(- (- a b) c)", NULL},
    {"a - (b - c)", "(- a (- b c))", NULL},
    {"a / b / c * d", "(* (/ (/ a b) c) d)", NULL},
    {"a / (b * c)", "(/ a (* b c))", NULL},
    {"A @ B @ x", "(@ (@ A B) x)", NULL},
    {"2 ^ 3 ^ 2", "(^ 2 (^ 3 2))", "2^3^2"},
    {"(2^3)^2", "(^ (^ 2 3) 2)", NULL},
    {"a ** b", "(^ a b)", "a^b"},
    {"-a^2", "(- (^ a 2))", NULL},
    {"(-a)^2", "(^ (- a) 2)", NULL},
    {"2^-a", "(^ 2 (- a))", NULL},
    {"2^-a^b", "(^ 2 (- (^ a b)))", NULL},
    {"-a * b", "(* (- a) b)", NULL},
    {"-(a * b)", "(- (* a b))", NULL},
    {"a * -b", "(* a (- b))", NULL},
    {"a - -b", "(- a (- b))", NULL},
    {"--a", "(- (- a))", NULL},
    {"+a", "a", "a"},
    {"a < b", "(< a b)", NULL},
    {"(a < b) == (c >= d)", "(== (< a b) (>= c d))", NULL},
    {"a + 1 <= b", "(<= (+ a 1) b)", NULL},
    {"not a < b and c != d or e", "(or (and (not (< a b)) (!= c d)) e)", NULL},
    {"a or b and c", "(or a (and b c))", NULL},
    {"(a or b) and c", "(and (or a b) c)", NULL},
    {"not not a", "(not (not a))", NULL},
    {"(not a) + b", "(+ (not a) b)", NULL},
    {"a + (not b)", "(+ a (not b))", NULL},
    {"sum((W @ x)^2)", "(sum (^ (@ W x) 2))", NULL},
    {"max(a, b + c)", "(max a (+ b c))", NULL},
    {"sum(a, axis=[0, -1], keep=true)", "(sum a axis=[2]:0,-1 keep=true)", NULL},
    {"f(a,)", "(f a)", "f(a)"},
    {"a[0]", "(at a 0)", NULL},
    {"a[1:3, :, -1, ::2, 1::2]", "(at a (: 1 3 _) (: _ _ _) (- 1) (: _ _ 2) (: 1 _ 2))", NULL},
    {"a[1][2]", "(at (at a 1) 2)", NULL},
    {"(a + b)[0]^2", "(^ (at (+ a b) 0) 2)", NULL},
    {"-a[0]", "(- (at a 0))", NULL},
    /* pipes */
    {"a |> relu", "(|relu a)", NULL},
    {"a |> relu()", "(|relu a)", "a |> relu"},
    {"a + b |> relu |> fc(10)", "(|fc (|relu (+ a b)) 10)", NULL},
    {"(a |> relu) + b", "(+ (|relu a) b)", NULL},
    {"f(a |> relu, b)", "(f (|relu a) b)", NULL},
    {"a |> conv(20, 5, pad=2)", "(|conv a 20 5 pad=2)", NULL},
    {"a |> f(name=\"b\")", "(|f a name=\"b\")", NULL},
    {"f('it\"s')", "(f \"it\"s\")", NULL},
    /* the left-out input */
    {"conv(20, 5) |> relu", "(|relu (|conv x 20 5))", "x |> conv(20, 5) |> relu"},
    {"relu |> fc(10)", "(|fc (|relu x) 10)", "x |> relu |> fc(10)"},
    {"fc(10)", "(|fc x 10)", "x |> fc(10)"},
    {"softmax(axis=1)", "(|softmax x axis=1)", "x |> softmax(axis=1)"},
    {"reshape(-1, 4)", "(|reshape x (- 1) 4)", "x |> reshape(-1, 4)"},
    {"clip(0, 1)", "(|clip x 0 1)", "x |> clip(0, 1)"},
    {"sigmoid(w)", "(sigmoid w)", NULL},
    {"exp(1)", "(exp 1)", NULL},
    {"max(0, x)", "(max 0 x)", NULL},
    {"conv(img, 20, 5)", "(conv img 20 5)", NULL},
    {"mean * 2", "(* mean 2)", NULL},
    {"relu = a; relu + 1", "relu = a; (+ relu' 1)", "relu = a\nrelu + 1"},
    {"relu = a; relu", "relu = a; relu'", "relu = a\nrelu"},
    {"h = fc(4); h |> fc(2)", "h = (|fc x 4); (|fc h' 2)", "h = x |> fc(4)\nh |> fc(2)"},
    /* statements, newlines, comments */
    {"q = x + y; f = q * z", "q = (+ x y); f = (* q' z)", "q = x + y\nf = q * z"},
    {"\n\n q = x +\n y # the sum\n# of two\n f = q\n\n", "q = (+ x y); f = q'", "q = x + y\nf = q"},
    {"a # one\n|> relu # two\n\n  |> tanh", "(|tanh (|relu a))", "a |> relu |> tanh"},
    {"a |>\n relu", "(|relu a)", "a |> relu"},
    {"f(a,\n  b\n)", "(f a b)", "f(a, b)"},
    {"y =\r\n a -\r\n\r\n b\r\n", "y = (- a b)", "y = a - b"},
    {";;a;;", "a", "a"},
    /* numbers and constant tensors */
    {".5 + 1e3 + 1.5e-3", "(+ (+ 0.5 1000) 0.0015)", "0.5 + 1000 + 0.0015"},
    {"0.1 + 1e300", "(+ 0.1 1e+300)", "0.1 + 1e+300"},
    {"[1, 2, 3]", "[3]:1,2,3", NULL},
    {"[[1, 2], [3, -4.5]]", "[2,2]:1,2,3,-4.5", NULL},
    {"[[[1], [2]], [[3], [4]]]", "[2,2,1]:1,2,3,4", NULL},
    {"[]", "[0]", NULL},
    {"[[], []]", "[2,0]", NULL},
    {"[[[]], [[]]]", "[2,1,0]", NULL},
    {"[[[], []]]", "[1,2,0]", NULL},
    {"[1, 2,]", "[2]:1,2", "[1, 2]"},
    {"[-inf, +1]", "[2]:-inf,1", "[-inf, 1]"},
    {"[1, 2][0]", "(at [2]:1,2 0)", NULL},
    /* names in other scripts */
    {"σ₁ * β", "(* σ₁ β)", NULL},
    {"жар_2 + naïve", "(+ жар_2 naïve)", NULL},
};

static void trees_and_canonical_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(trees); i++) {
        const char *wanted = trees[i].print ? trees[i].print : trees[i].text;
        gr_expr *expr = parse(trees[i].text);
        char *tree = dump(expr), *print;
        assert_string_equal(tree, trees[i].tree);
        assert_int_equal(gr_expr_print(expr, &print), GR_OK);
        assert_string_equal(print, wanted);

        gr_expr *again = parse(print);
        char *second = dump(again);
        assert_string_equal(second, tree);
        gr_free(tree);
        gr_free(second);
        gr_text_release(print);
        gr_expr_free(expr);
        gr_expr_free(again);
    }
}

static void inputs_and_statements(void **state)
{
    (void)state;
    gr_expr *expr = parse("q = b + a * pi; r = q * b; c + r + inf");
    assert_int_equal(gr_expr_inputs(expr), 3);
    assert_string_equal(gr_expr_input(expr, 0), "b");
    assert_string_equal(gr_expr_input(expr, 1), "a");
    assert_string_equal(gr_expr_input(expr, 2), "c");
    assert_null(gr_expr_input(expr, 3));
    assert_null(gr_expr_input(expr, -1));
    assert_int_equal(gr_expr_statements(expr), 3);
    assert_string_equal(gr_expr_statement_name(expr, 1), "r");
    assert_null(gr_expr_statement_name(expr, 2));
    assert_null(gr_expr_statement_name(expr, 3));
    gr_expr_free(expr);

    expr = parse("conv(8, 3) |> relu");
    assert_int_equal(gr_expr_inputs(expr), 1);
    assert_string_equal(gr_expr_input(expr, 0), "x");
    gr_expr_free(expr);
    gr_expr_free(NULL);
}

/* ---- Messages ----------------------------------------------------------------------------- */

static const struct {
    const char *text, *message;
} faults[] = {
    {"(x + y +", "expression:1:9: expected an operand after '+'\n"
                 "  (x + y +\n"
                 "          ^"},
    {"", "expression:1:1: there is no expression\n  \n  ^"},
    {" # nothing", "expression:1:1: there is no expression\n   # nothing\n  ^"},
    {"x + )", "expression:1:5: expected an operand after '+', found ')'\n  x + )\n      ^"},
    {")", "expression:1:1: expected an expression, found ')'\n  )\n  ^"},
    {"(x * 2", "expression:1:7: expected ')' to close the '(' at 1:1\n  (x * 2\n        ^"},
    {"f(x 2)", "expression:1:5: expected ',' or ')' to close the '(' at 1:2, found '2'\n"
               "  f(x 2)\n      ^"},
    {"x)", "expression:1:2: this ')' closes nothing\n  x)\n   ^"},
    {"x y", "expression:1:3: expected an operator after 'x', found 'y'\n  x y\n    ^"},
    {"f(x) -> relu", "expression:1:7: expected an operand after '-', found '>': layers are joined "
                     "by '|>'\n  f(x) -> relu\n        ^"},
    {"f(x) relu", "expression:1:6: expected an operator after ')', found 'relu': layers are joined "
                  "by '|>'\n  f(x) relu\n       ^"},
    {"2x", "expression:1:2: expected an operator after '2', found 'x'\n  2x\n   ^"},
    {"x == y = z", "expression:1:8: '=' gives a name to a value, 'name = …'; equality is '=='\n"
                   "  x == y = z\n         ^"},
    {"a\nb", "expression:1:1: this value is not used: name it ('name = …'), or join it to the "
             "next line with '|>'\n  a\n  ^"},
    {"a < b < c", "expression:1:7: comparisons do not chain: join two with 'and'\n"
                  "  a < b < c\n        ^"},
    {"x |> relu + y", "expression:1:11: expected '|>' or the end: '|>' binds loosest, so write "
                      "(a |> f) + b, found '+'\n  x |> relu + y\n            ^"},
    {"x |> 3", "expression:1:6: expected a layer or function after '|>', found '3'\n"
               "  x |> 3\n       ^"},
    {"x |>", "expression:1:5: expected a layer or function after '|>'\n  x |>\n      ^"},
    {"a = 1; a = 2", "expression:1:8: 'a' was already given at 1:1: every name stands for one "
                     "value\n  a = 1; a = 2\n         ^"},
    {"b = a + 1\na = 2", "expression:2:1: 'a' was already used as an input at 1:5: every name "
                         "stands for one value\n  a = 2\n  ^"},
    {"a = a + 1", "expression:1:5: 'a' is used in its own value\n  a = a + 1\n      ^"},
    {"f(a=1, 2)", "expression:1:8: an argument without a name after one with a name\n"
                  "  f(a=1, 2)\n         ^"},
    {"x & y", "expression:1:3: unexpected character '&': logic is 'and'\n  x & y\n    ^"},
    {"x × y", "expression:1:3: unexpected character '×': '*' multiplies\n  x × y\n    ^"},
    {"α + ", "expression:1:4: expected an operand after '+'\n  α + \n     ^"},
    {"α × y", "expression:1:3: unexpected character '×': '*' multiplies\n  α × y\n    ^"},
    {"\tx +\t* 2", "expression:1:6: expected an operand after '+', found '*'\n"
                   "  \tx +\t* 2\n  \t   \t^"},
    {"x + \x01", "expression:1:5: stray byte 0x01\n  x + ?\n      ^"},
    {"x + \xff", "expression:1:5: stray byte 0xFF\n  x + ?\n      ^"},
    {"1e999", "expression:1:1: '1e999' is beyond the range of f64\n  1e999\n  ^"},
    {"f(\"abc)", "expression:1:3: this text has no closing \"\n  f(\"abc)\n    ^"},
    {"x[1:2", "expression:1:6: expected ',' or ']' to close the '[' at 1:2\n  x[1:2\n       ^"},
    {"x[]", "expression:1:3: expected an operand after '[', found ']'\n  x[]\n    ^"},
    {"a + not b", "expression:1:5: expected an operand (or '(not …)'), found 'not'\n"
                  "  a + not b\n      ^"},
    {"q = x\nf = q *\n", "expression:2:8: expected an operand after '*'\n"
                         "  f = q *\n         ^"},
    {"[1, [2]]", "expression:1:5: a '[' stands where the rows before have numbers\n"
                 "  [1, [2]]\n      ^"},
    {"[[1], 2]", "expression:1:7: a number stands where the rows before have a '['\n"
                 "  [[1], 2]\n        ^"},
    {"[[1, 2], [3]]", "expression:1:10: this row has length 1 where the rows before have length 2\n"
                      "  [[1, 2], [3]]\n           ^"},
    {"[1, a]", "expression:1:5: expected a number or '[' (a constant tensor holds numbers), found "
               "'a'\n  [1, a]\n      ^"},
    {"[1 2]", "expression:1:4: expected ',' or ']', found '2'\n  [1 2]\n     ^"},
    {"[[[[[[[[[1]]]]]]]]]", "expression:1:9: a tensor has at most 8 axes\n"
                            "  [[[[[[[[[1]]]]]]]]]\n          ^"},
};

static void messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(faults); i++) {
        gr_expr *expr = (gr_expr *)1;
        assert_int_equal(gr_expr_parse(faults[i].text, NULL, &expr), GR_SYNTAX);
        assert_string_equal(gr_message(), faults[i].message);
        assert_null(expr);
    }
}

static void names_of_sources_and_long_lines(void **state)
{
    (void)state;
    gr_expr *expr;
    assert_int_equal(gr_expr_parse("x +", "nets/a.txt", &expr), GR_SYNTAX);
    assert_non_null(strstr(gr_message(), "nets/a.txt:1:4: "));

    char line[1200] = "";
    for (int i = 0; i < 50; i++) strcat(line, "abc + abcd + ");
    strcat(line, "* x");
    for (int i = 0; i < 20; i++) strcat(line, " + abcdefg");
    assert_int_equal(gr_expr_parse(line, NULL, &expr), GR_SYNTAX);
    const char *shown = strchr(gr_message(), '\n'), *caret = strrchr(gr_message(), '\n');
    assert_non_null(strstr(shown, "\n  ..."));
    assert_true(caret - shown < 120);
    ptrdiff_t column = strchr(caret, '^') - caret;
    assert_int_equal(shown[column], '*'); /* the caret is under the fault */
}

/* ---- Limits ------------------------------------------------------------------------------- */

static char *repeat(const char *before, const char *part, int count, const char *after)
{
    gr_text text = {0};
    gr_text_append(&text, before, strlen(before));
    for (int i = 0; i < count; i++) gr_text_append(&text, part, strlen(part));
    gr_text_append(&text, after, strlen(after));
    return text.data;
}

static void nesting_is_limited(void **state)
{
    (void)state;
    static const char *const parts[] = {"(", "-", "f(", "x^", "x[", "not ", "x and (", "+"};
    gr_expr *expr;
    for (size_t i = 0; i < GR_LEN(parts); i++) {
        char *text = repeat("", parts[i], 100000, "x");
        assert_int_equal(gr_expr_parse(text, NULL, &expr), GR_SYNTAX);
        assert_non_null(strstr(gr_message(), "nested more than 200 deep"));
        gr_free(text);
    }
    char *text = repeat("", "[", 100000, "");
    assert_int_equal(gr_expr_parse(text, NULL, &expr), GR_SYNTAX);
    gr_free(text);
    text = repeat("", "(", 200, "x");
    char *closed = repeat(text, ")", 200, "");
    gr_expr_free(parse(closed));
    gr_free(text);
    gr_free(closed);
}

/* Long chains need no stack, print and parse back. */
static void chains_are_unlimited(void **state)
{
    (void)state;
    static const char *const parts[] = {" + x", " |> relu", "; y", ", 1"};
    for (size_t i = 0; i < 2; i++) {
        char *text = repeat("x", parts[i], 100000, ""), *print;
        gr_expr *expr = parse(text);
        assert_int_equal(gr_expr_print(expr, &print), GR_OK);
        assert_string_equal(print, text);
        gr_text_release(print);
        gr_expr_free(expr);
        gr_free(text);
    }
    char *text = repeat("[1", ", 1", 100000, "]");
    gr_expr_free(parse(text));
    gr_free(text);
}

/* Many names, lines and bad ends: linear time, or this test takes minutes. */
static void large_texts_take_linear_time(void **state)
{
    (void)state;
    gr_text text = {0};
    for (int i = 0; i < 60000; i++) gr_text_printf(&text, "a%d = b%d\n", i, i);
    gr_text_printf(&text, "a0");
    assert_true(text.size < GR_EXPR_MAX_BYTES);
    gr_expr *expr = parse(text.data);
    assert_int_equal(gr_expr_inputs(expr), 60000);
    gr_expr_free(expr);
    gr_text_free(&text);

    char *lines = repeat("x", "\n", 1000000, "");
    gr_expr_free(parse(lines));
    gr_free(lines);
    char *long_text = repeat("x", " ", GR_EXPR_MAX_BYTES, "");
    assert_int_equal(gr_expr_parse(long_text, "net", &expr), GR_SYNTAX);
    assert_string_equal(gr_message(), "net: longer than 1048576 bytes");
    gr_free(long_text);
}

/* ---- Soup --------------------------------------------------------------------------------- */

/* Whatever parses must print to a text that parses to the same tree and prints the same. */
static void check_round_trip(const char *text)
{
    gr_expr *expr, *again;
    char *print, *second;
    gr_status status = gr_expr_parse(text, NULL, &expr);
    if (status != GR_OK) {
        assert_int_equal(status, GR_SYNTAX);
        assert_true(strlen(gr_message()) > 0);
        return;
    }
    assert_int_equal(gr_expr_print(expr, &print), GR_OK);
    if (gr_expr_parse(print, NULL, &again) != GR_OK) {
        fail_msg("%s\nprints as\n%s\n%s", text, print, gr_message());
    }
    char *tree = dump(expr), *other = dump(again);
    assert_string_equal(tree, other);
    assert_int_equal(gr_expr_print(again, &second), GR_OK);
    assert_string_equal(print, second);
    gr_expr_check(expr, NULL);
    gr_text_release(print);
    gr_text_release(second);
    gr_free(tree);
    gr_free(other);
    gr_expr_free(expr);
    gr_expr_free(again);
}

static void token_soup(void **state)
{
    (void)state;
    static const char *const tokens[] = {"x",    "y",     "relu",     "conv",      "max",   "true",
                                         "1",    "2.5",   "[1, 2]",   "[[1],[2]]", "+",     "-",
                                         "*",    "/",     "@",        "^",         "**",    "(",
                                         ")",    "(",     ")",        "[",         "]",     ",",
                                         ":",    "=",     "==",       "<",         "|>",    "|>",
                                         "and",  "or",    "not",      "\n",        "\"t\"", ";",
                                         "pad=", "# c\n", "\xCE\xB8", "\xff",      "|",     ".",
                                         "e5",   "inf"};
    gr_rng rng = gr_rng_new(7, 0);
    for (int round = 0; round < 60000; round++) {
        char text[512] = "";
        size_t count = 1 + gr_rng_below(&rng, 14);
        for (size_t i = 0; i < count; i++) {
            strcat(text, tokens[gr_rng_below(&rng, GR_LEN(tokens))]);
            if (gr_rng_below(&rng, 2)) strcat(text, " ");
        }
        check_round_trip(text);
    }
}

/* Valid texts with bytes changed, cut or doubled. */
static void mutations(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new(8, 0);
    for (int round = 0; round < 60000; round++) {
        char text[256];
        snprintf(text, sizeof text, "%s", trees[gr_rng_below(&rng, GR_LEN(trees))].text);
        for (uint64_t k = gr_rng_below(&rng, 4); k > 0; k--) {
            size_t size = strlen(text), at = gr_rng_below(&rng, size + 1);
            switch (gr_rng_below(&rng, 3)) {
            case 0:
                text[at] = (char)gr_rng_below(&rng, 256);
                break;
            case 1:
                memmove(text + at, text + at + (at < size), size - at + (at == size));
                break;
            default:
                if (size + 1 < sizeof text) memmove(text + at + 1, text + at, size - at + 1);
            }
            text[sizeof text - 1] = '\0';
        }
        check_round_trip(text);
    }
}

/* ---- Values ------------------------------------------------------------------------------- */

static void values(void **state)
{
    (void)state;
    gr_tensor t;
    assert_int_equal(gr_value_parse("[[.1,.5],[-.3,.8]]", "W", &t), GR_OK);
    assert_int_equal(t.dtype, GR_F64);
    assert_true(gr_shape_equal(t.shape, GR_SHAPE(2, 2)));
    const double wanted[] = {.1, .5, -.3, .8};
    assert_memory_equal(t.data, wanted, sizeof wanted);
    gr_tensor_clear(&t);

    static const struct {
        const char *text;
        double value;
    } scalars[] = {{"3", 3},          {"-2", -2},          {" +2e-3 \n", 2e-3},
                   {"inf", INFINITY}, {"-inf", -INFINITY}, {"9007199254740991", 9007199254740991.}};
    for (size_t i = 0; i < GR_LEN(scalars); i++) {
        assert_int_equal(gr_value_parse(scalars[i].text, NULL, &t), GR_OK);
        assert_int_equal(t.shape.rank, 0);
        assert_true(*(double *)t.data == scalars[i].value);
        gr_tensor_clear(&t);
    }
    assert_int_equal(gr_value_parse("nan", NULL, &t), GR_OK);
    assert_true(isnan(*(double *)t.data));
    gr_tensor_clear(&t);
    assert_int_equal(gr_value_parse("[]", NULL, &t), GR_OK);
    assert_true(gr_shape_equal(t.shape, GR_SHAPE(0)));
    gr_tensor_clear(&t);
}

static void values_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } refused[] = {
        {"", "W:1:1: expected a number or a tensor like [1, 2]\n  \n  ^"},
        {"abc", "W:1:1: expected a number or a tensor like [1, 2], found 'abc'\n  abc\n  ^"},
        {"1 2", "W:1:3: expected the end of the value, found '2'\n  1 2\n    ^"},
        {"-", "W:1:2: expected a number after the sign\n  -\n   ^"},
        {"[[1,2],[3]]", "W:1:8: this row has length 1 where the rows before have length 2\n"
                        "  [[1,2],[3]]\n         ^"},
        {"[[1,2],[3,4,5]]", "W:1:8: this row has length 3 where the rows before have length 2\n"
                            "  [[1,2],[3,4,5]]\n         ^"},
        {"[[],[1]]", "W:1:5: this row has length 1 where the rows before have length 0\n"
                     "  [[],[1]]\n      ^"},
        {"[1,2", "W:1:5: expected ',' or ']'\n  [1,2\n      ^"},
    };
    for (size_t i = 0; i < GR_LEN(refused); i++) {
        gr_tensor t = {.data = (void *)1};
        assert_int_equal(gr_value_parse(refused[i].text, "W", &t), GR_SYNTAX);
        assert_string_equal(gr_message(), refused[i].message);
        assert_null(t.data);
    }
}

/* ---- Memory ------------------------------------------------------------------------------- */

static gr_status parse_flow(void *text)
{
    gr_expr *expr;
    char *print;
    gr_status status = gr_expr_parse(text, NULL, &expr);
    assert_int_equal(expr != NULL, status == GR_OK);
    if (status != GR_OK) return status;
    status = gr_expr_print(expr, &print);
    if (status == GR_OK) gr_text_release(print);
    gr_expr_free(expr);
    return status;
}

static gr_status value_flow(void *text)
{
    gr_tensor t;
    gr_status status = gr_value_parse(text, NULL, &t);
    gr_tensor_clear(&t);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char text[] = "a = [[1, 2], [3, 4]] @ x\nb = a[0:1] |> conv(3, kernel=[1, 2]) |> fc(2)\n"
                  "max(a, \"t\") + sum(b) * -c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9";
    test_memory_sweep(parse_flow, text);
    test_memory_sweep(value_flow, (char[]){"[1, 2, 3]"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_and_canonical_text),
        cmocka_unit_test(inputs_and_statements),
        cmocka_unit_test(messages),
        cmocka_unit_test(names_of_sources_and_long_lines),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(chains_are_unlimited),
        cmocka_unit_test(large_texts_take_linear_time),
        cmocka_unit_test(token_soup),
        cmocka_unit_test(mutations),
        cmocka_unit_test(values),
        cmocka_unit_test(values_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
