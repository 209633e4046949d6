/* The text form of graphs, their drawing, and the verifier. */
#include "support.h"

#include <math.h>

#include "ops/ops.h"
#include "ops/sample.h"

static char *printed(gr_graph *g, gr_node *out)
{
    char *text = NULL;
    unit_ok(gr_graph_print(g, &out, out ? 1 : 0, &text));
    return text;
}

static gr_node *scanned(gr_graph *g, gr_node *x, gr_node *scale);

static gr_graph *some_graph(gr_node **out)
{
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x \"quoted\"\n", GR_F32, GR_SHAPE(4, 2));
    gr_node *w = gr_var(g, "fc1/w", GR_F32, GR_SHAPE(2));
    const double values[] = {0.1, -0.0, 1e-300, -INFINITY, 3, 1.0 / 3};
    gr_node *c = gr_constant(g, &(gr_tensor){GR_F64, GR_SHAPE(2, 3), (void *)values});
    const int64_t far = INT64_MAX - 1;
    gr_constant(g, &(gr_tensor){GR_I64, GR_SCALAR, (void *)&far});
    gr_constant(g, &(gr_tensor){GR_U8, GR_SHAPE(0, 4), NULL});
    gr_composite_begin(g, "scale");
    gr_node *y = gr_name(gr_mul(x, w), "y");
    gr_composite_end(g);
    gr_node *parts = gr_split(y, 2, 0);
    gr_node *sum = gr_sum(gr_get(parts, 1), GR_AXES(0));
    gr_assign(w, sum);
    *out = gr_add(scanned(g, y, w), gr_sum(gr_full(g, GR_F32, GR_SHAPE(3), 2), GR_ALL));
    gr_sum(c, GR_ALL);
    assert_int_equal(gr_graph_status(g), GR_OK);
    return g;
}

/* carry = carry + x_t·scale, output carry²; returns the carry. */
static gr_node *scanned(gr_graph *g, gr_node *x, gr_node *scale)
{
    gr_graph *body = gr_graph_new();
    gr_node *carry = gr_input(body, "carry", GR_F32, GR_SHAPE(2));
    gr_node *slice = gr_input(body, "slice", GR_F32, GR_SHAPE(2));
    gr_node *factor = gr_input(body, "factor", GR_F32, GR_SHAPE(2));
    gr_node *next = gr_add(carry, gr_mul(slice, factor));
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){carry, slice, factor},
                         .body_out = (gr_node *[]){next, gr_square(next)},
                         .carries = 1,
                         .slices = 1,
                         .captures = 1,
                         .outputs = 1};
    gr_node *zero = gr_full(g, GR_F32, GR_SHAPE(2), 0);
    return gr_get(gr_scan(g, &spec, (gr_node *[]){zero, x, scale}), 0);
}

static void a_graph_survives_the_round_trip(void **state)
{
    (void)state;
    gr_node *out, *back_out[2];
    gr_graph *g = some_graph(&out), *back;
    int n;
    char *text = printed(g, out);
    if (gr_graph_read(text, &back, back_out, 2, &n) != GR_OK) fail_msg("%s", gr_message());
    assert_int_equal(n, 1);
    assert_int_equal(gr_node_id(back_out[0]), gr_node_id(out));
    assert_int_equal(gr_graph_size(back), gr_graph_size(g));
    assert_int_equal(gr_graph_verify(back), GR_OK);
    assert_string_equal(gr_node_composite(gr_graph_find(back, "y")), "scale");
    for (int i = 0; i < gr_graph_size(g); i++) {
        const gr_node *a = gr_graph_node(g, i), *b = gr_graph_node(back, i);
        assert_ptr_equal(a->op, b->op);
        for (int k = 0; k < a->op->n_attrs; k++) {
            assert_true(gr_attr_equal(&a->attr[k], &b->attr[k]));
            assert_true(gr_attr_hash(&a->attr[k], 7) == gr_attr_hash(&b->attr[k], 7));
        }
    }
    char *again = printed(back, back_out[0]);
    assert_string_equal(again, text);
    gr_text_release(text);
    gr_text_release(again);
    gr_graph_free(g);
    gr_graph_free(back);
}

static void the_text_is_readable(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *y = gr_name(gr_sum(gr_mul(x, gr_like(x, 0.5)), GR_ALL), "half");
    char *text = printed(g, y);
    assert_string_equal(text, "gradus graph 1\n"
                              "%0 = input() {name=\"x\", dtype=f32, shape=[3]} : f32[3]\n"
                              "%1 = constant() {value=f32[](0.5)} : f32[]\n"
                              "%2 = mul(%0, %1) : f32[3]\n"
                              "%3 = sum(%2) {axes=[0], keep=0} \"half\" : f32[]\n"
                              "return %3\n");
    gr_text_release(text);
    char words[64];
    assert_string_equal(gr_node_text(y, words, sizeof words), "sum(%2, axes=[0], keep=0)");
    assert_string_equal(gr_node_text(x, words, 12), "input(name=");
    assert_string_equal(gr_node_text(NULL, words, sizeof words), "error()");
    gr_graph_free(g);
}

static void texts_with_a_fault_are_refused(void **state)
{
    (void)state;
#define HEAD "gradus graph 1\n%0 = input() {name=\"x\", dtype=f32, shape=[3]} : f32[3]\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1, column 1: expected the first line 'gradus graph 1'"},
        {"gradus graph 2\n", "line 1, column 1: expected the first line 'gradus graph 1'"},
        {HEAD "%2 = neg(%0) : f32[3]",
         "line 3, column 1: expected %1: nodes are numbered in order"},
        {HEAD "%1 = negg(%0) : f32[3]",
         "line 3, column 6: there is no op 'negg'; did you mean 'neg'?"},
        {HEAD "%1 = neg(%1) : f32[3]", "line 3, column 11: there is no node %1 before here"},
        {HEAD "%1 = neg(%0, %0) : f32[3]", "line 3, column 1: neg: takes 1 input, not 2"},
        {HEAD "%1 = neg(%0) : f32[4]", "line 3, column 16: neg gives f32[3] here, not f32[4]"},
        {HEAD "%1 = neg(%0) : f31[4]",
         "line 3, column 16: expected an element type such as f32, found 'f31[4]'"},
        {HEAD "%1 = neg(%0 : f32[4]", "line 3, column 13: expected ')', found ':'"},
        {HEAD "%1 = neg(%0)", "line 3, column 13: expected ':', found the end"},
        {HEAD "%1 = neg(%0) : f32[3]\nnonsense",
         "line 4, column 1: expected a node or return, found 'nonsense'"},
        {HEAD "%1 = split(%0) {parts=2, axis=0} : f32[3]",
         "line 3, column 1: split: axis 0 of [3] does not divide into 2 equal parts"},
        {HEAD "%1 = split(%0) {axis=0, parts=3} : f32[3]",
         "line 3, column 17: expected 'parts', found 'axis=0,'"},
        {HEAD "%1 = constant() {value=u8[2](1, 256)} : u8[2]",
         "line 3, column 33: 256 is no value of u8"},
        {HEAD "%1 = constant() {value=f32[99999999999]()} : f32[]",
         "line 3, column 40: 99999999999 elements are more than the text can hold"},
        {HEAD "%1 = input() {name=\"x\", dtype=f32, shape=[]} : f32[]",
         "line 3, column 1: input 'x': the name is taken by an earlier input; names of inputs and "
         "variables are unique"},
        {HEAD "%1 = input() {name=\"\\q\", dtype=f32, shape=[]} : f32[]",
         "line 3, column 21: expected \\\", \\\\ or \\x and two hexadecimal digits"},
        {HEAD "%1 = input() {name=\"y\", dtype=f32, shape=[1,1,1,1,1,1,1,1,1]} : f32[]",
         "line 3, column 59: a list has at most 8 numbers"},
        {HEAD "%1 = custom(%0) {gate=\"own\"} : f32[3]",
         "line 3, column 23: there is no gate 'own' among the own gates given"},
        {HEAD "return %0, %1", "line 3, column 13: there is no node %1 before here"},
        {HEAD "\xC3\xA4", "line 3, column 1: expected a node or return, found the byte 0xC3"},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *g = NULL;
        char message[400];
        snprintf(message, sizeof message, "%s%s", "graph: ", cases[i].message);
        assert_int_equal(gr_graph_read(cases[i].text, &g, NULL, 0, NULL), GR_SYNTAX);
        assert_string_equal(gr_message(), message);
        assert_null(g);
    }
}

/* Reads what may be damaged; what is accepted must be sound. */
static void read_damaged(const char *text)
{
    gr_graph *back;
    if (gr_graph_read(text, &back, NULL, 0, NULL) != GR_OK) return;
    if (gr_graph_verify(back) != GR_OK) fail_msg("%s: %s", text, gr_message());
    gr_graph_free(back);
}

static void damaged_texts_never_crash(void **state)
{
    (void)state;
    gr_node *out;
    gr_graph *g = some_graph(&out);
    char *text = printed(g, out);
    size_t length = strlen(text);
    gr_rng rng = gr_rng_new(1, 0);
    for (size_t i = 0; i < length; i++) {
        char *damaged = gr_strdup(text);
        damaged[i] = '\0';
        read_damaged(damaged);
        for (int k = 0; k < 4; k++) {
            memcpy(damaged, text, length);
            damaged[i] = text[gr_rng_below(&rng, length)];
            read_damaged(damaged);
        }
        gr_free(damaged);
    }
    gr_text_release(text);
    gr_graph_free(g);
}

/* Each number of the text in turn replaced by ones that rules must not stumble over. */
static void read_with_odd_numbers(const char *text)
{
    static const char *const odd[] = {
        "0", "-1", "3", "9", "65", "2147483648", "9223372036854775807", "-9223372036854775808"};
    size_t length = strlen(text);
    char *damaged = gr_alloc(length + 32);
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9') continue;
        const char *start = c;
        while (c[1] >= '0' && c[1] <= '9') c++;
        for (size_t k = 0; k < GR_LEN(odd); k++) {
            snprintf(damaged, length + 32, "%.*s%s%s", (int)(start - text), text, odd[k], c + 1);
            read_damaged(damaged);
        }
    }
    gr_free(damaged);
}

/* The samples of every op make the round trip, and odd numbers in them are refused or harmless. */
static void every_op_survives_the_round_trip(void **state)
{
    (void)state;
    int count;
    const gr_op *const *ops = gr_op_all(&count);
    for (int i = 0; i < count; i++) {
        if (!ops[i]->sample || ops[i] == &gr_op_custom) continue;
        for (int k = 0;; k++) {
            gr_sampler s;
            gr_graph *back;
            unit_ok(gr_sampler_init(&s, GR_F32, 1));
            gr_node *node = ops[i]->sample(&s, k);
            if (!node) {
                gr_sampler_clear(&s);
                break;
            }
            char *text = printed(s.graph, node);
            unit_ok(gr_graph_read(text, &back, NULL, 0, NULL));
            char *again = printed(back, gr_graph_node(back, node->id));
            assert_string_equal(again, text);
            if (k % 4 == 0) read_with_odd_numbers(text);
            gr_text_release(again);
            gr_text_release(text);
            gr_graph_free(back);
            gr_sampler_clear(&s);
        }
    }
}

static void bodies_nest_only_so_deep(void **state)
{
    (void)state;
    gr_text text = {0};
    gr_graph *g;
    gr_text_printf(&text, "gradus graph 1\n");
    for (int i = 0; i < 1000; i++) gr_text_printf(&text, "%%0 = scan() {body=graph() { ");
    assert_int_equal(gr_graph_read(text.data, &g, NULL, 0, NULL), GR_SYNTAX);
    assert_non_null(strstr(gr_message(), "bodies nest too deeply"));
    gr_text_free(&text);
}

/* ---- The verifier ------------------------------------------------------------------------- */

static void corrupted(gr_graph *g, const char *part)
{
    assert_int_equal(gr_graph_verify(g), GR_INTERNAL);
    if (!strstr(gr_message(), part)) fail_msg("'%s' lacks '%s'", gr_message(), part);
}

static void corruption_is_found(void **state)
{
    (void)state;
    gr_node *out;
    gr_graph *g = some_graph(&out);
    gr_node *y = gr_graph_find(g, "y"), *x = y->in[0];
    assert_int_equal(gr_graph_verify(g), GR_OK);

    y->out[0].shape.dim[0] = 5;
    corrupted(g, "(mul 'y') has the wrong type: f32[5,2], where its rule gives f32[4,2]");
    y->out[0].shape.dim[0] = 4;
    y->in[0] = out;
    corrupted(g, "(mul 'y') comes before its input");
    y->in[0] = NULL;
    corrupted(g, "has a foreign input");
    y->in[0] = x;
    y->id++;
    corrupted(g, "is out of its place");
    y->id--;
    const gr_op *op = y->op;
    y->op = NULL;
    corrupted(g, "is an error node");
    y->op = op;
    gr_node *split = gr_graph_node(g, y->id + 1);
    split->attr[1].i = -2;
    corrupted(g, "has an incomplete attribute");
    split->attr[1].i = 7;
    corrupted(g, "breaks its op's rule: axis 7 is outside rank 2");
    split->attr[1].i = 0;
    const gr_body *body = gr_graph_node(g, out->in[0]->in[0]->id)->attr[0].body;
    body->out[0]->out[0].dtype = GR_F64;
    corrupted(g, "(add) has the wrong type: f64[2]");
    body->out[0]->out[0].dtype = GR_F32;
    assert_int_equal(gr_graph_verify(g), GR_OK);
    gr_graph_free(g);
}

/* ---- Drawing and copying ------------------------------------------------------------------ */

static void graphs_are_drawn(void **state)
{
    (void)state;
    gr_node *out;
    gr_graph *g = some_graph(&out);
    char *dot;
    assert_int_equal(gr_graph_dot(g, &out, 1, &dot), GR_OK);
    assert_non_null(strstr(dot, "digraph gradus {"));
    assert_non_null(strstr(dot, "label=\"scale\""));
    assert_non_null(strstr(dot, "x \\\"quoted\\\""));
    assert_null(strstr(dot, "assign")); /* the output does not need it */
    gr_text_release(dot);
    assert_int_equal(gr_graph_dot(g, NULL, 0, &dot), GR_OK);
    assert_non_null(strstr(dot, "assign"));
    gr_text_release(dot);
    gr_graph_free(g);
}

static void a_graph_is_copied_in_another_type(void **state)
{
    (void)state;
    gr_node *out, *copied;
    gr_graph *g = some_graph(&out), *copy;
    assert_int_equal(gr_graph_retype(g, GR_F32, GR_F64, &out, 1, &copy, &copied), GR_OK);
    assert_int_equal(gr_graph_verify(copy), GR_OK);
    char *text = printed(copy, copied);
    assert_null(strstr(text, "f32"));
    assert_null(strstr(text, "assign"));
    assert_non_null(strstr(text, "\"fc1/w\", dtype=f64"));
    gr_text_release(text);
    gr_graph_free(g);
    gr_graph_free(copy);
}

/* ---- Memory that runs out at the Nth request ---------------------------------------------- */

static int text_left;

static void *text_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return text_left-- > 0 ? realloc(block, new_size) : NULL;
}

static void exhaustion_is_a_status(void **state)
{
    (void)state;
    gr_node *out, *grad, *copied;
    gr_graph *g = some_graph(&out);
    char *text = printed(g, out), *copy_of_text = malloc(strlen(text) + 1);
    strcpy(copy_of_text, text);
    gr_text_release(text);
    gr_graph_free(g);
    const gr_allocator hook = {text_resize, NULL};
    gr_set_allocator(&hook);
    bool done = false;
    for (int n = 0; !done && n < 5000; n++) {
        text_left = n;
        gr_graph *back = NULL, *copy = NULL;
        char *dot = NULL, *again = NULL;
        gr_status status = gr_graph_read(copy_of_text, &back, &out, 1, NULL);
        gr_node *x = gr_graph_find(back, "fc1/w");
        if (status == GR_OK) status = gr_grad(gr_sum(out, GR_ALL), &x, 1, &grad);
        if (status == GR_OK) status = gr_graph_print(back, &out, 1, &again);
        if (status == GR_OK) status = gr_graph_dot(back, &out, 1, &dot);
        if (status == GR_OK) {
            status = gr_graph_retype(back, GR_F32, GR_F64, &out, 1, &copy, &copied);
        }
        done = status == GR_OK;
        if (!done && status != GR_NO_MEMORY) fail_msg("%d: %s", n, gr_message());
        gr_text_release(again);
        gr_text_release(dot);
        gr_graph_free(copy);
        gr_graph_free(back);
    }
    gr_set_allocator(NULL);
    free(copy_of_text);
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_survives_the_round_trip),
        cmocka_unit_test(the_text_is_readable),
        cmocka_unit_test(texts_with_a_fault_are_refused),
        cmocka_unit_test(damaged_texts_never_crash),
        cmocka_unit_test(every_op_survives_the_round_trip),
        cmocka_unit_test(bodies_nest_only_so_deep),
        cmocka_unit_test(corruption_is_found),
        cmocka_unit_test(graphs_are_drawn),
        cmocka_unit_test(a_graph_is_copied_in_another_type),
        cmocka_unit_test(exhaustion_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
