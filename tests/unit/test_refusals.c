/* What is refused, and with which words: a call of every word of the language, and every op of the
 * table, whose inputs are exchanged for others. A word or an op that refuses nothing is named. */
#include "support.h"

#include <gradus/gradus.h>

#include "graph/graph.h"
#include "ops/ops.h"
#include "ops/sample.h"

/* ---- Words ---------------------------------------------------------------------------------- */

/* Of x f32[3,6], i i32[3], b bool[3], im f32[2,4,6,6], s f32[2,5,6]. */
static const struct refusal {
    const char *text, *words;
    gr_status status;
} refusals[] = {
    {"neg(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"abs(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"square(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"sqrt(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"rsqrt(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"exp(x, base=-2)", "base -2: should be positive, or 0 for e", GR_INVALID},
    {"log(x, base=1)", "base 1: should be positive and not 1, or 0 for e", GR_INVALID},
    {"power(b, 2)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"log1p(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"expm1(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"sin(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"cos(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"tanh(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"sigmoid(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"relu(b)", "input 0 is bool; this op takes f32 and f64", GR_DTYPE},
    {"gelu(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"gelu_tanh(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"softplus(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"erf(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"sign(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"floor(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"stop_gradient(x, x)", "too many arguments for 'stop_gradient': the form is stop_gradient(x)",
     GR_SYNTAX},
    {"leaky_relu(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"elu(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"celu(x, 0)", "alpha 0: should be positive", GR_INVALID},
    {"selu(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"silu(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"mish(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"log_sigmoid(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"softsign(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"hard_sigmoid(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"hard_swish(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"hard_tanh(b)", "input 0 is bool; this op takes f32 and f64", GR_DTYPE},
    {"relu6(b)", "input 0 is bool; this op takes f32 and f64", GR_DTYPE},
    {"threshold(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"glu(x, axis=0)", "axis 0 of [3,6] is not divisible into parts of 2", GR_SHAPE},
    {"maxout(x, 4)", "axis 1 of [3,6] is not divisible into parts of 4", GR_SHAPE},
    {"maxout(x, 2, axis=2)", "there is no axis 2 in [3,6]", GR_SHAPE},
    {"eltwise(x, x, coefficients=[1, 2, 3])", "'eltwise': 3 coefficients for 2 inputs", GR_SYNTAX},
    {"eltwise(x, x, operation=\"mean\")", "operation is \"sum\", \"prod\" or \"max\"", GR_SYNTAX},
    {"eltwise(x, x, operation=\"max\", coefficients=[1, 2])", "only sums have coefficients",
     GR_INVALID},
    {"clip(x, 2, 1)", "low 2 is not at most high 1", GR_INVALID},
    {"cast(x, \"f31\")",
     "'cast': there is no element type 'f31': take f64, f32, i64, i32, u8 or bool", GR_SYNTAX},
    {"add(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"sub(x, im)", "shapes do not broadcast: [3,6] and [2,4,6,6]", GR_SHAPE},
    {"mul(b, b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"div(x, s)", "shapes do not broadcast: [3,6] and [2,5,6]", GR_SHAPE},
    {"maximum(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"minimum(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"equal(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"not_equal(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"less(b, b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"less_equal(b, b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"greater(b, b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"greater_equal(b, b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"xor(x, x)", "input 0 is f32; logic takes bool", GR_DTYPE},
    {"matmul(x, x)", "inner sizes differ: [3,6] x [3,6]", GR_SHAPE},
    {"pow(x, i)", "element types differ: f32 and i32", GR_DTYPE},
    {"where(x, x, x)", "the condition is f32; it must be bool", GR_DTYPE},
    {"sum(x, axis=2)", "axis 2 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"mean(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"prod(x, axis=[0, 0])", "axis 0 is listed twice", GR_INVALID},
    {"max(x, axis=-3)", "axis -3 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"min(x, x, axis=0)",
     "'min': of two values it goes element by element, along axes it takes one value", GR_SYNTAX},
    {"argmax(x, axis=2)", "axis 2 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"argmin(b)", "input 0 is bool; this op takes f64, f32, i64, i32 and u8", GR_DTYPE},
    {"argsort(x, axis=2)", "axis 2 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"sort(x, axis=-3)", "axis -3 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"topk(x, 7)", "the first 7 along axis 1 of [3,6]: it has 6", GR_SHAPE},
    {"argtopk(x, -1)", "'argtopk': k must be at least 0, not -1", GR_SYNTAX},
    {"cumsum(x, axis=2)", "axis 2 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"einsum(\"ij,jk\", x)", "\"ij,jk\": more operands than inputs", GR_INVALID},
    {"einsum(\"ij\", x, x)", "fewer operands than inputs", GR_INVALID},
    {"einsum(\"ii->i\", x)", "a letter stands twice in one operand", GR_INVALID},
    {"einsum(\"ij->ik\", x)", "a letter of the result stands in no operand", GR_INVALID},
    {"einsum(\"ij,ji->\", x, x)", "'j' is 6, then 3 in [3,6]", GR_SHAPE},
    {"einsum(\"ijk->\", x)", "operand 1 has 3 letters for [3,6]", GR_SHAPE},
    {"einsum(\"i1->\", x)", "letters, commas and one -> are all it may have", GR_INVALID},
    {"logsumexp(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"softmax(x, axis=2)", "axis 2 is outside rank 2 (-2 to 1)", GR_SHAPE},
    {"log_softmax(i)", "input 0 is i32; this op takes f32 and f64", GR_DTYPE},
    {"reshape(x, 4, -1)", "no size in place of -1 makes [4,-1] hold the 18 elements of [3,6]",
     GR_SHAPE},
    {"flatten(x, from=3)", "cannot keep the first 3 axes of [3,6]: it has 2", GR_SHAPE},
    {"permute(x, 0, 0)", "axis 0 is listed twice", GR_INVALID},
    {"transpose(i)", "[3] has no two axes to swap", GR_SHAPE},
    {"broadcast(x, 4, 6)", "[3,6] does not broadcast to [4,6]", GR_SHAPE},
    {"concat(x, im)",
     "input 1 is [2,4,6,6], input 0 is [3,6]: all sizes but that of axis 0 must be equal",
     GR_SHAPE},
    {"pad(x, [1, 1, 1])", "'pad': before has 3 numbers for 2 axes", GR_SHAPE},
    {"gather(x, x)", "the index is f32; it must be i64 or i32", GR_DTYPE},
    {"scatter_add(x, i, im)",
     "the update is [2,4,6,6]; base [3,6] and index [3] along axis 0 need [3,6]", GR_SHAPE},
    {"gather_along(x, [[1, 2]])", "the index [1,2] should be as [3,6] except along axis 1",
     GR_SHAPE},
    {"scatter_add_along(x, [[1, 2]], im)", "the index [1,2] should be as [3,6] except along axis 1",
     GR_SHAPE},
    {"tile(x, 2)", "'tile': 1 numbers for the axes of [3,6]", GR_SHAPE},
    {"tile(reshape(x[:0], 0, 9007199254740992), 1, 9007199254740992)",
     "axis 1 of [0,9007199254740992] 9007199254740992 times: too many elements", GR_SHAPE},
    {"reshape(x[:0], 0, 4294967296, 4294967296)", "[0,4294967296,4294967296] has too many elements",
     GR_SHAPE},
    {"stack(x, x, axis=3)", "[3,6] cannot get a new axis 3", GR_SHAPE},
    {"one_hot(x, 3)", "the index is f32; it must be i64 or i32", GR_DTYPE},
    {"softmax_loss(x, [1, 2])", "scores [3,6] with labels [2]f32: should be i32 or i64 [3]",
     GR_SHAPE},
    {"softmax_loss(x, cast([1, 2, 3], \"i32\"), normalize=\"all\")",
     "normalize is \"valid\", \"full\", \"batch\" or \"none\", not \"all\"", GR_SYNTAX},
    {"top_k_accuracy(x, i, k=7)", "k is 7: should be in [1, 6]", GR_INVALID},
    {"top_k_accuracy(x, cast([1, 2, 3], \"i32\"), k=7)", "k is 7: should be in [1, 6]", GR_INVALID},
    {"nll_loss(x, x)", "scores [3,6] with labels [3,6]f32: should be i32 or i64 [3]", GR_SHAPE},
    {"multinomial_logistic_loss(x, x)",
     "scores [3,6] with labels [3,6]f32: should be i32 or i64 [3]", GR_SHAPE},
    {"infogain_loss(x, i, x)", "the matrix is [3,6] for 6 classes: should be [6,6]", GR_SHAPE},
    {"infogain_loss(x, cast([1, 2, 3], \"i32\"), x)",
     "the matrix is [3,6] for 6 classes: should be [6,6]", GR_SHAPE},
    {"focal_loss(x, [1, 0])", "logits [3,6] and targets [2] should be of one shape", GR_SHAPE},
    {"ctc_loss(x, i, i, i)",
     "log-probabilities [3,6], labels [3], lengths [3] and [3]: should be [N,T,C], [N,S], [N] and "
     "[N]",
     GR_SHAPE},
    {"kl_divergence(x, [1, 0])", "vectors [3,6] and [2]: should be of one [N,D]", GR_SHAPE},
    {"cosine_loss(x, x, x)", "which pairs are alike is f32[3,6]: should be bool[3]", GR_SHAPE},
    {"cosine_similarity(x, im)", "vectors [3,6] and [2,4,6,6]: should be of one [N,D]", GR_SHAPE},
    {"triplet_loss(x, x, im)", "vectors [3,6] and [2,4,6,6]: should be of one [N,D]", GR_SHAPE},
    {"require(x, x, \"fits\")", "the condition is f32; it must be bool", GR_DTYPE},
    {"fc(i, 3)", "element types differ: i32 and f32", GR_DTYPE},
    {"dense(x, 0)", "'dense': units must be at least 1, not 0", GR_SYNTAX},
    {"conv(x, 3, 3)", "'conv': takes [N, C, space...] with 1 to 3 spatial axes, not [3,6]",
     GR_SHAPE},
    {"convtranspose(x, 3, 3)",
     "'convtranspose': takes [N, C, space...] with 1 to 3 spatial axes, not [3,6]", GR_SHAPE},
    {"conv(im, 2, 4294967296)",
     "the weight would be [2,4,4294967296,4294967296]: too many elements", GR_SHAPE},
    {"convtranspose(im, 2, 2147483647)",
     "the weight would be [4,2,2147483647,2147483647]: too many elements", GR_SHAPE},
    {"maxpool(im, 9)",
     "kernel [9,9] does not fit into x [2,4,6,6]: along spatial axis 0 it needs 9 elements and has "
     "6 + padding 0 and 0",
     GR_SHAPE},
    {"avgpool(im, 3, pad=3)",
     "padding [3,3] and [3,3] must be smaller than the kernel [3,3]: a window must hold an element",
     GR_INVALID},
    {"global_avgpool(x)", "'global_avgpool': takes [N, C, space...], not [3,6]", GR_SHAPE},
    {"global_maxpool(x)", "'global_maxpool': takes [N, C, space...], not [3,6]", GR_SHAPE},
    {"adaptive_avgpool(im, 0)", "'adaptive_avgpool': size must be from 1 to 2147483647, not 0",
     GR_SYNTAX},
    {"adaptive_maxpool(im, [1, 2, 3])",
     "'adaptive_maxpool': size has 3 numbers, but the input has 2 spatial axes", GR_SHAPE},
    {"stochastic_pool(im, 9)",
     "a window of 9 elements does not fit into x [2,4,6,6]: along spatial axis 0 it has 6, padding "
     "0 and 0",
     GR_SHAPE},
    {"spp(x, 3)", "x is [3,6]; it must be [N, C, space…] with 1 to 3 spatial axes", GR_SHAPE},
    {"im2col(im, 9)",
     "a window of 9 elements does not fit into x [2,4,6,6]: along spatial axis 0 it has 6, padding "
     "0 and 0",
     GR_SHAPE},
    {"batchnorm(i)", "the input is [3]: should be [N, C] or [N, C, space…]", GR_SHAPE},
    {"groupnorm(im, groups=3)", "3 groups do not divide the 4 channels of [2,4,6,6]", GR_SHAPE},
    {"instancenorm(x)", "the input is [3,6]: should be [N, C, space…]", GR_SHAPE},
    {"instancenorm(reshape(x, 3, 1, 6, 1, 1, 1, 1, 1))",
     "the input is [3,1,6,1,1,1,1,1]: should be [N, C, space…] with 1 to 5 spatial axes", GR_SHAPE},
    {"mvn(x)", "x is [3,6]; it must be [N, C, space…]", GR_SHAPE},
    {"scale(x, axis=2)", "axis 2 is outside the rank of the input [3,6]", GR_SHAPE},
    {"bias(x, axis=2)", "axis 2 is outside the rank of the input [3,6]", GR_SHAPE},
    {"upsample(im, mode=\"cubic\")",
     "'upsample': there is no mode \"cubic\": take nearest or linear", GR_SYNTAX},
    {"pixel_shuffle(im, 3)", "x [2,4,6,6] is not [N, C·f², H, W] for f = 3", GR_SHAPE},
    {"pixel_unshuffle(im, 4)", "x [2,4,6,6] is not [N, C, H·f, W·f] for f = 4", GR_SHAPE},
    {"crop(im, im, offset=1)", "6 elements from 1 on along axis 2 do not lie within x [2,4,6,6]",
     GR_SHAPE},
    {"lrn(im, size=0)", "'lrn': size must be from 1 to 2147483647, not 0", GR_SYNTAX},
    {"dropout(x, 1)", "'dropout': rate is in [0, 1), not 1", GR_SYNTAX},
    {"channel_dropout(x, 2)", "rate 2: should be in [0, 1)", GR_INVALID},
    {"alpha_dropout(x, -1)", "rate -1: should be in [0, 1)", GR_INVALID},
    {"gaussian_noise(x, -1)", "deviation -1: should not be negative", GR_INVALID},
    {"prelu(x, im)", "shapes do not broadcast: [2,4,6,6] and [3,6]", GR_SHAPE},
    {"parameter(0)", "'parameter': sizes must be at least 1, not 0", GR_SYNTAX},
    {"parameter(4294967296, 4294967296)",
     "a parameter of shape [4294967296,4294967296] has too many elements", GR_SHAPE},
    {"linear(i, 3)", "element types differ: i32 and f32", GR_DTYPE},
    {"embedding(x, 7, 4)", "the tokens are f32[3,6]: should be i32 or i64", GR_DTYPE},
    {"positions(x, length=2)", "3 steps in [3,6], but the table has 2 positions", GR_SHAPE},
    {"layernorm(x, axes=3)", "the last 3 axes of [3,6]: should be 1 to 2", GR_SHAPE},
    {"rmsnorm(x, axes=0)", "'rmsnorm': axes must be from 1 to 8, not 0", GR_SYNTAX},
    {"sinusoidal_positions(i)", "the input is [3]: should be [..., T, width]", GR_SHAPE},
    {"rotary(x[:, 1:])", "the width of [3,5]: should be even", GR_SHAPE},
    {"rotary(reshape(x, 3, 1, 1, 1, 1, 1, 1, 6), interleaved=true)",
     "[3,1,1,1,1,1,1,6] has no room for another axis: at most 7", GR_SHAPE},
    {"sequence_mask(x, 3)", "the lengths are f32: should be i32 or i64", GR_DTYPE},
    {"attention(s, 4)", "4 heads do not divide the width of [2,5,6]: set the heads' width",
     GR_SHAPE},
    {"rnn(x, 3)", "the input is f32[3,6]: should be f32 [N, T, C]", GR_SHAPE},
    {"lstm(s, 0)", "'lstm': units must be at least 1, not 0", GR_SYNTAX},
    {"gru(s, 3, lengths=x)", "lengths is [3,6]: should be [2]", GR_SHAPE},
    {"lstm_unit(x, x)", "gates [3,6] with c [3,6]: should be [N, 4*H] with [N, H]", GR_SHAPE},
    {"lstm_unit(x, x, order=\"ifog\", cont=[1, 2])",
     "cont is [2] with c [3,6]: should be [N] with [N, H]", GR_SHAPE},
    {"lstm_unit(x, x, order=\"oifg\")", "order is \"ifgo\" or \"ifog\", not \"oifg\"", GR_SYNTAX},
    {"ntm(x, 2)", "the input is f32[3,6]: should be f32 [N, T, C]", GR_SHAPE},
    {"softmax_cross_entropy(x, x)",
     "scores [3,6] with labels f32[3,6]: should be [N,C] with i32 or i64 [N]", GR_SHAPE},
    {"multiclass_hinge(x, x)",
     "scores [3,6] with labels f32[3,6]: should be [N,C] with i32 or i64 [N]", GR_SHAPE},
    {"sigmoid_cross_entropy(x, im)",
     "the output f32[3,6] and the target f32[2,4,6,6] should be of one type and shape", GR_SHAPE},
    {"mse(x, im)",
     "the output f32[3,6] and the target f32[2,4,6,6] should be of one type and shape", GR_SHAPE},
    {"l1_loss(x, im)",
     "the output f32[3,6] and the target f32[2,4,6,6] should be of one type and shape", GR_SHAPE},
    {"huber(x, im)",
     "the output f32[3,6] and the target f32[2,4,6,6] should be of one type and shape", GR_SHAPE},
    {"euclidean_loss(x, im)",
     "the output f32[3,6] and the target f32[2,4,6,6] should be of one type and shape", GR_SHAPE},
    {"contrastive_loss(x, x, x)", "pairs of rows of [3,6] with `same` [3,6]: should be [3]",
     GR_SHAPE},
    {"accuracy(x, x)", "scores [3,6] with labels f32[3,6]: should be [N,C] with i32 or i64 [N]",
     GR_SHAPE},
    {"hinge_loss(x, [1, 2, 3])",
     "scores [3,6] with labels f32[3]: should be [N,C] with i32 or i64 [N]", GR_SHAPE},
    {"filter(x, x)", "the mask is f32; it must be bool", GR_DTYPE},
    {"filter(x, x > 0)", "the mask [3,6] should have one element for each row of [3,6]", GR_SHAPE},
    {"filter(x, x[0] > 0)", "the mask [6] should have one element for each row of [3,6]", GR_SHAPE},
};

static void refusals_check(const struct refusal *r)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *scope = gr_scope_new(g, store, NULL);
    const gr_binding bindings[] = {
        {"x", gr_input(g, "x", GR_F32, GR_SHAPE(3, 6))},
        {"i", gr_input(g, "i", GR_I32, GR_SHAPE(3))},
        {"b", gr_input(g, "b", GR_BOOL, GR_SHAPE(3))},
        {"im", gr_input(g, "im", GR_F32, GR_SHAPE(2, 4, 6, 6))},
        {"s", gr_input(g, "s", GR_F32, GR_SHAPE(2, 5, 6))},
    };
    gr_expr_env env = {.size = sizeof env,
                       .dtype = GR_F32,
                       .bindings = bindings,
                       .n_bindings = GR_LEN(bindings),
                       .scope = scope};
    gr_expr *expr;
    gr_node *y;
    unit_ok(gr_expr_parse(r->text, "text", &expr));
    gr_status status = gr_expr_build(expr, g, &env, &y);
    if (status == GR_OK) fail_msg("%s is built", r->text);
    unit_refused(status, r->status, r->words);
    unit_refused(status, r->status, "text:1:"); /* the place */
    gr_expr_free(expr);
    gr_scope_free(scope);
    gr_store_free(store);
    gr_graph_free(g);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GR_LEN(refusals); i++) refusals_check(&refusals[i]);
}

/* Does the text begin with a call of the word? */
static bool refusals_calls(const char *text, const char *word)
{
    const size_t length = strlen(word);
    return strncmp(text, word, length) == 0 && text[length] == '(';
}

static void every_word_refuses_something(void **state)
{
    int missing = 0;
    (void)state;
    for (int i = 0; gr_lang_word(i); i++) {
        bool found = gr_lang_word(i)->kind == GR_WORD_CONSTANT;
        for (size_t k = 0; k < GR_LEN(refusals); k++)
            found |= refusals_calls(refusals[k].text, gr_lang_word(i)->name);
        if (found) continue;
        print_error("no refusal of %s is tested\n", gr_lang_word(i)->name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* ---- Ops ------------------------------------------------------------------------------------ */

/* The op's node in the graph of a sample; NULL if there is none. */
static gr_node *refusals_find(const gr_graph *graph, const gr_op *op)
{
    for (size_t id = 0; id < graph->count; id++)
        if (graph->nodes[id]->op == op) return graph->nodes[id];
    return NULL;
}

/* Input `i` of the node is exchanged for one of that type: the op takes it, or refuses it in a
 * message that begins with its name and tells a type or a shape. */
static bool refusals_exchange(gr_graph *graph, const gr_node *node, int i, gr_type type)
{
    gr_node *in[GR_SAMPLE_INPUTS];
    const gr_op *op = node->op;
    assert_in_range(node->n_in, 0, GR_SAMPLE_INPUTS);
    for (int k = 0; k < node->n_in; k++) in[k] = node->in[k];
    in[i] = gr_input(graph, "exchanged", type.dtype, type.shape);
    if (!gr_is_error(gr_build(graph, op, in, node->n_in, node->attr))) return false;
    const char *message = gr_graph_message(graph);
    if (strncmp(message, op->name, strlen(op->name)) != 0)
        fail_msg("%s is not named in: %s", op->name, message);
    if (!strpbrk(message, "[0123456789"))
        fail_msg("%s tells neither type nor shape: %s", op->name, message);
    return true;
}

/* How many inputs of the op's samples it refuses to see exchanged. */
static int refusals_of_op(const gr_op *op)
{
    const gr_shape line = {1, {17}}, scalar = {0}, deep = {8, {1, 2, 1, 3, 1, 2, 1, 2}};
    const gr_type others[] = {{GR_BOOL, line},  {GR_F32, line}, {GR_F32, deep},
                              {GR_F64, scalar}, {GR_I32, deep}, {GR_F16, line}};
    int refused = 0;
    for (int k = 0;; k++) {
        for (size_t round = 0; round < GR_LEN(others) * GR_SAMPLE_INPUTS; round++) {
            gr_sampler s;
            unit_ok(gr_sampler_init(&s, GR_F32, 1));
            const int input = (int)(round / GR_LEN(others));
            const bool more = op->sample(&s, k) != NULL;
            const gr_node *node = more ? refusals_find(s.graph, op) : NULL;
            const bool has = node && input < node->n_in;
            if (has)
                refused += refusals_exchange(s.graph, node, input, others[round % GR_LEN(others)]);
            gr_sampler_clear(&s);
            if (!more) return refused;
            if (!has) break;
        }
    }
}

static void every_op_refuses_something(void **state)
{
    int count, missing = 0;
    const gr_op *const *ops = gr_op_all(&count);
    (void)state;
    for (int i = 0; i < count; i++) {
        if (!ops[i]->sample || ops[i]->max_in == 0) continue;
        if (ops[i] == &gr_op_stop_gradient || ops[i] == &gr_op_cast) continue; /* take anything */
        if (refusals_of_op(ops[i]) > 0) continue;
        print_error("op %s refuses nothing\n", ops[i]->name);
        missing++;
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(every_word_refuses_something),
        cmocka_unit_test(every_op_refuses_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
