/* Every word of the language that has reference values (tests/reference/words_*.py), in f64 and
 * f32, with the gradients of all its inputs. */
#include "support.h"

#include <glob.h>
#include <math.h>

#include <gradus/gradus.h>

#define MOST_INPUTS 8

typedef struct words_case {
    const gr_safetensors *file;
    const char *name, *text;
    gr_dtype dtype; /* of the inputs that are f64 in the file */
    gr_graph *graph;
    int n;
    gr_tensor in[MOST_INPUTS];
    gr_node *node[MOST_INPUTS];
    gr_binding bindings[MOST_INPUTS];
    gr_feed feeds[MOST_INPUTS];
} words_case;

/* A tensor of the file, floats as `dtype`. False if it has none of that name. */
static bool words_read(const words_case *c, const char *what, const char *of, gr_tensor *t)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s%s", c->name, what, of);
    int i = gr_safetensors_find(c->file, name);
    if (i < 0) return false;
    gr_tensor type = gr_safetensors_type(c->file, i), wide;
    unit_ok(gr_tensor_new(type.dtype, type.shape, &wide));
    unit_ok(gr_safetensors_read(c->file, i, wide.data, gr_tensor_bytes(&wide)));
    *t = wide;
    if (wide.dtype != GR_F64 || c->dtype == GR_F64) return true;
    unit_ok(gr_tensor_new(GR_F32, wide.shape, t));
    for (int64_t k = 0; k < gr_shape_count(t->shape); k++)
        ((float *)t->data)[k] = (float)((double *)wide.data)[k];
    gr_tensor_clear(&wide);
    return true;
}

/* Relative to the largest of the tensor. */
static void words_compare(const words_case *c, const gr_tensor *got, const char *what,
                          const char *of)
{
    gr_tensor expected;
    const double tolerance = c->dtype == GR_F64 ? 1e-10 : 1e-5;
    if (!words_read(c, what, of, &expected)) fail_msg("%s: no %s%s", c->name, what, of);
    if (!gr_shape_equal(got->shape, expected.shape))
        fail_msg("%s, %s%s: %s, not %s", c->text, what, of, gr_shape_text(got->shape),
                 gr_shape_text(expected.shape));
    double largest = 1;
    for (int64_t i = 0; i < gr_shape_count(got->shape); i++)
        largest = fmax(largest, fabs(gr_tensor_at(&expected, i)));
    for (int64_t i = 0; i < gr_shape_count(got->shape); i++) {
        double a = gr_tensor_at(got, i), b = gr_tensor_at(&expected, i);
        if (!(fabs(a - b) <= tolerance * largest) && a != b)
            fail_msg("%s, %s%s [%lld] in %s: %.15g, not %.15g", c->text, what, of, (long long)i,
                     gr_dtype_name(c->dtype), a, b);
    }
    gr_tensor_clear(&expected);
}

/* Inputs are the free names of the text. */
static void words_bind(words_case *c, const gr_expr *expr)
{
    c->n = gr_expr_inputs(expr);
    assert_in_range(c->n, 0, MOST_INPUTS);
    for (int i = 0; i < c->n; i++) {
        const char *name = gr_expr_input(expr, i);
        if (!words_read(c, "in/", name, &c->in[i])) fail_msg("%s: no input %s", c->name, name);
        c->node[i] = gr_input(c->graph, name, c->in[i].dtype, c->in[i].shape);
        c->bindings[i] = (gr_binding){name, c->node[i]};
        c->feeds[i] = (gr_feed){name, c->in[i].data};
    }
}

static void words_run(words_case *c)
{
    gr_expr *expr;
    gr_node *target[1 + MOST_INPUTS], *wrt[MOST_INPUTS];
    const char *of[MOST_INPUTS];
    gr_tensor out[1 + MOST_INPUTS], dy;
    int n = 0;
    c->graph = gr_graph_new();
    unit_ok(gr_expr_parse(c->text, c->name, &expr));
    words_bind(c, expr);
    gr_expr_env env = {
        .size = sizeof env, .dtype = c->dtype, .bindings = c->bindings, .n_bindings = c->n};
    unit_ok(gr_expr_build(expr, c->graph, &env, &target[0]));
    const bool gradient = words_read(c, "dy", "", &dy);
    for (int i = 0; gradient && i < c->n; i++) {
        if (c->in[i].dtype != c->dtype) continue;
        of[n] = c->bindings[i].name;
        wrt[n++] = c->node[i];
    }
    if (n > 0) {
        gr_node *weighted = gr_sum(gr_mul(target[0], gr_constant(c->graph, &dy)), GR_ALL);
        unit_ok(gr_grad(weighted, wrt, n, target + 1));
    }
    unit_ok(gr_evaluate(c->graph, target, n + 1, c->feeds, c->n, NULL, out));
    words_compare(c, &out[0], "y", "");
    for (int i = 0; i < n; i++) words_compare(c, &out[i + 1], "grad/", of[i]);
    for (int i = 0; i <= n; i++) gr_tensor_clear(&out[i]);
    for (int i = 0; i < c->n; i++) gr_tensor_clear(&c->in[i]);
    if (gradient) gr_tensor_clear(&dy);
    gr_expr_free(expr);
    gr_graph_free(c->graph);
}

static void words_agree_with_their_references(void **state)
{
    glob_t files;
    (void)state;
    assert_int_equal(glob(TEST_REFERENCE "/words_*.safetensors", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        gr_safetensors *file;
        unit_ok(gr_safetensors_open(files.gl_pathv[i], &file));
        const gr_meta *texts = gr_safetensors_meta(file);
        assert_true(gr_meta_size(texts) > 0);
        for (int k = 0; k < gr_meta_size(texts); k++) {
            words_case c = {
                .file = file, .name = gr_meta_key(texts, k), .text = gr_meta_value(texts, k)};
            c.dtype = GR_F64, words_run(&c);
            c.dtype = GR_F32, words_run(&c);
        }
        gr_safetensors_close(file);
    }
    globfree(&files);
}

/* What must be refused, and with which words. */
static void wrong_arguments_are_refused(void **state)
{
    static const struct {
        const char *text, *words;
        gr_status status;
    } cases[] = {
        {"celu(x, 0)", "alpha 0: should be positive", GR_INVALID},
        {"glu(x, axis=0)", "axis 0 of [3,6] is not divisible into parts of 2", GR_SHAPE},
        {"maxout(x, 4)", "axis 1 of [3,6] is not divisible into parts of 4", GR_SHAPE},
        {"maxout(x, 2, axis=2)", "there is no axis 2 in [3,6]", GR_SHAPE},
        {"exp(x, base=-2)", "base -2: should be positive", GR_INVALID},
        {"log(x, base=1)", "base 1: should be positive and not 1", GR_INVALID},
        {"eltwise(x, x, coefficients=[1, 2, 3])", "3 coefficients for 2 inputs", GR_SYNTAX},
        {"eltwise(x, x, operation=\"mean\")", "operation is \"sum\", \"prod\" or \"max\"",
         GR_SYNTAX},
        {"softmax_loss(x, [1, 2])", "scores [3,6] with labels [2]f32: should be i32 or i64 [3]",
         GR_SHAPE},
        {"softmax_loss(x, cast([1, 2, 3], \"i32\"), normalize=\"all\")",
         "normalize is \"valid\", \"full\", \"batch\" or \"none\", not \"all\"", GR_SYNTAX},
        {"hinge_loss(x, [1, 2, 3])",
         "scores [3,6] with labels f32[3]: should be [N,C] with i32 or i64 [N]", GR_SHAPE},
        {"filter(x, x)", "the mask is f32; it must be bool", GR_DTYPE},
        {"filter(x, x > 0)", "the mask [3,6] should have one element for each row of [3,6]",
         GR_SHAPE},
        {"filter(x, x[0] > 0)", "the mask [6] should have one element for each row of [3,6]",
         GR_SHAPE},
        {"lstm_unit(x, x)", "gates [3,6] with c [3,6]: should be [N, 4*H] with [N, H]", GR_SHAPE},
        {"lstm_unit(x, x, order=\"ifog\", cont=[1, 2])",
         "in lstm_unit (expression:1:1): shapes do not broadcast: [3,6] and [2,1]", GR_SHAPE},
        {"lstm_unit(x, x, order=\"oifg\")", "order is \"ifgo\" or \"ifog\", not \"oifg\"",
         GR_SYNTAX},
        {"parameter(2, 3)", "layers with parameters or a mode belong to networks", GR_SYNTAX},
        {"top_k_accuracy(x, cast([1, 2, 3], \"i32\"), k=7)", "k is 7: should be in [1, 6]",
         GR_INVALID},
        {"infogain_loss(x, cast([1, 2, 3], \"i32\"), x)",
         "the matrix is [3,6] for 6 classes: should be [6,6]", GR_SHAPE},
        {"focal_loss(x, [1, 0])", "logits [3,6] and targets [2] should be of one shape", GR_SHAPE},
        {"kl_divergence(x, [1, 0])", "vectors [3,6] and [2]: should be of one [N,D]", GR_SHAPE},
        {"cosine_loss(x, x, x)", "which pairs are alike is f32[3,6]: should be bool[3]", GR_SHAPE},
        {"require(x, x, \"fits\")", "the condition is f32; it must be bool", GR_DTYPE},
        {"topk(x, 7)", "the first 7 along axis 1 of [3,6]: it has 6", GR_SHAPE},
        {"gather_along(x, [[1, 2]])", "the index [1,2] should be as [3,6] except along axis 1",
         GR_SHAPE},
        {"tile(x, 2)", "1 numbers for the axes of [3,6]", GR_SHAPE},
        {"stack(x, x, axis=3)", "[3,6] cannot get a new axis 3", GR_SHAPE},
        {"einsum(\"ij,jk\", x)", "more operands than inputs", GR_INVALID},
        {"einsum(\"ij\", x, x)", "fewer operands than inputs", GR_INVALID},
        {"einsum(\"ii->i\", x)", "a letter stands twice in one operand", GR_INVALID},
        {"einsum(\"ij->ik\", x)", "a letter of the result stands in no operand", GR_INVALID},
        {"einsum(\"ij,ji->\", x, x)", "'j' is 6, then 3 in [3,6]", GR_SHAPE},
        {"einsum(\"ijk->\", x)", "operand 1 has 3 letters for [3,6]", GR_SHAPE},
        {"einsum(\"i1->\", x)", "letters, commas and one -> are all it may have", GR_INVALID},
        {"eltwise(x, x, operation=\"max\", coefficients=[1, 2])", "only sums have coefficients",
         GR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *graph = gr_graph_new();
        gr_expr *expr;
        gr_node *y;
        gr_binding x = {"x", gr_input(graph, "x", GR_F32, GR_SHAPE(3, 6))};
        gr_expr_env env = {.size = sizeof env, .bindings = &x, .n_bindings = 1};
        unit_ok(gr_expr_parse(cases[i].text, NULL, &expr));
        unit_refused(gr_expr_build(expr, graph, &env, &y), cases[i].status, cases[i].words);
        gr_expr_free(expr);
        gr_graph_free(graph);
    }
}

/* An index that is out of range fails the step, with the place and the range. */
static void indices_out_of_range_fail_the_step(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        gr_graph *graph = gr_graph_new();
        float values[6] = {0};
        int64_t index[4] = {0, 2, k ? 3 : -1, 1};
        gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(2, 3));
        gr_node *i = gr_input(graph, "i", GR_I64, GR_SHAPE(2, 2));
        gr_node *y = k ? gr_scatter_add_along(x, i, gr_full(graph, GR_F32, GR_SHAPE(2, 2), 1), 1)
                       : gr_gather_along(x, i, 1);
        gr_tensor out;
        gr_feed feeds[] = {{"x", values}, {"i", index}};
        unit_refused(gr_evaluate(graph, &y, 1, feeds, 2, NULL, &out), GR_RANGE,
                     k ? "scatter_add_along: index [1,0,0] is 3, outside [0, 3)"
                       : "gather_along: index [1,0,0] is -1, outside [0, 3)");
        gr_graph_free(graph);
    }
}

/* Builds `text` of x f32 [1,3,4] and runs it: it must be refused with the words. */
static void words_refuse_data(const char *text, const char *words)
{
    float values[12] = {0};
    gr_graph *graph = gr_graph_new();
    gr_expr *expr;
    gr_node *y;
    gr_tensor out;
    gr_binding x = {"x", gr_input(graph, "x", GR_F32, GR_SHAPE(1, 3, 4))};
    gr_expr_env env = {.size = sizeof env, .dtype = GR_F32, .bindings = &x, .n_bindings = 1};
    unit_ok(gr_expr_parse(text, NULL, &expr));
    unit_ok(gr_expr_build(expr, graph, &env, &y));
    unit_refused(gr_evaluate(graph, &y, 1, &(gr_feed){"x", values}, 1, NULL, &out), GR_RANGE,
                 words);
    gr_expr_free(expr);
    gr_graph_free(graph);
}

static void wrong_data_fail_the_step(void **state)
{
    (void)state;
    words_refuse_data("softmax_loss(x, cast([[9, 9, 9, 9]], \"i32\"), ignore=9)",
                      "softmax_loss: every label of the batch is to be ignored");
    words_refuse_data("top_k_accuracy(x, cast([[9, 9, 9, 9]], \"i32\"), ignore=9)",
                      "top_k_accuracy: every label of the batch is to be ignored");
    words_refuse_data("hinge_loss(x[0], cast([2, 4, 0], \"i32\"))",
                      "index [1] is 4; it must be in [0, 4)");
    words_refuse_data("softmax_loss(x, cast([[0, 1, 3, 0]], \"i32\"))",
                      "index [2] is 3; it must be in [0, 3)");
    words_refuse_data("ctc_loss(x, [[1]], [0], [1])",
                      "ctc: sequence 0 has length 0; it must be in [1, 3]");
    words_refuse_data("ctc_loss(x, [[1]], [4], [1])",
                      "ctc: sequence 0 has length 4; it must be in [1, 3]");
    words_refuse_data("ctc_loss(x, [[1]], [3], [2])",
                      "ctc: sequence 0 has 2 labels; it must be in [0, 1]");
    words_refuse_data("ctc_loss(x, [[0]], [3], [1])",
                      "ctc: label [0,0] is 0; it must be in [0, 4) and not the blank, 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_agree_with_their_references),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(indices_out_of_range_fail_the_step),
        cmocka_unit_test(wrong_data_fail_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
