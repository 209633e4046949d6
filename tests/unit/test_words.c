/* Every word of the language against reference values (tests/reference/words_*.py), in f64 and f32,
 * with the gradients of all its inputs and parameters. */
#include "support_reference.h"

#include <glob.h>
#include <math.h>

#include <gradus/gradus.h>

#include "graph/graph.h"
#include "ops/ops.h"

enum { WORDS_INPUTS = 8, WORDS_TARGETS = 32, WORDS_MOST = 512 };

typedef struct words_case {
    const gr_safetensors *file;
    const char *name, *text;
    gr_dtype dtype;    /* in which it runs, */
    gr_dtype building; /* and in which its graph is built: f32 if it has variables or says so */
    gr_expr *expr;
    gr_graph *graph;
    gr_scope *scope;
    gr_store *store; /* of the scope: initial values */
    int n;
    gr_node *node[WORDS_INPUTS];
    gr_binding bindings[WORDS_INPUTS];
    /* The result, and the gradients by inputs and parameters: what they are called. */
    int targets;
    gr_node *target[WORDS_TARGETS];
    char part[WORDS_TARGETS][96];
} words_case;

/* What the cases have shown, by the place of the word and of the op in their tables. */
static struct {
    bool called[WORDS_MOST], graded[WORDS_MOST]; /* words */
    bool built[WORDS_MOST];                      /* ops */
} words_seen;

static bool words_trains(const words_case *c)
{
    const size_t length = strlen(c->name);
    return length > 6 && strcmp(c->name + length - 6, "_train") == 0;
}

/* Inputs are the free names of the text. */
static void words_bind(words_case *c)
{
    c->n = gr_expr_inputs(c->expr);
    assert_in_range(c->n, 0, WORDS_INPUTS);
    for (int i = 0; i < c->n; i++) {
        const char *name = gr_expr_input(c->expr, i);
        gr_tensor like = reference_read(c->file, c->building, "%s/in/%s", c->name, name);
        c->node[i] = gr_input(c->graph, name, like.dtype, like.shape);
        c->bindings[i] = (gr_binding){name, c->node[i]};
        gr_tensor_clear(&like);
    }
}

static void words_target(words_case *c, gr_node *node, const char *format, const char *name)
{
    assert_true(c->targets < WORDS_TARGETS);
    snprintf(c->part[c->targets], sizeof *c->part, format, name);
    c->target[c->targets++] = node;
}

/* The gradients of the result, weighted by the input "dy", by all floats that it is made of. */
static void words_differentiate(words_case *c)
{
    gr_node *wrt[WORDS_TARGETS], *grad[WORDS_TARGETS], *y = c->target[0];
    int n = 0;
    for (int i = 0; i < c->n; i++)
        if (gr_dtype_is_float(gr_node_dtype(c->node[i]))) wrt[n++] = c->node[i];
    for (int i = 0; i < gr_scope_params(c->scope); i++) wrt[n++] = gr_scope_param(c->scope, i);
    gr_node *dy = gr_input(c->graph, "dy", gr_node_dtype(y), gr_node_shape(y));
    unit_ok(gr_vjp(y, dy, wrt, n, grad));
    for (int i = 0; i < n; i++) words_target(c, grad[i], "grad/%s", gr_node_name(wrt[i]));
}

static void words_build(words_case *c)
{
    gr_node *y;
    const gr_scope_options options = {.size = sizeof options,
                                      .mode = words_trains(c) ? GR_TRAIN : GR_EVAL};
    c->graph = gr_graph_new();
    c->store = gr_store_new();
    c->scope = gr_scope_new(c->graph, c->store, &options);
    unit_ok(gr_expr_parse(c->text, c->name, &c->expr));
    words_bind(c);
    const gr_expr_env env = {.size = sizeof env,
                             .dtype = c->building,
                             .bindings = c->bindings,
                             .n_bindings = c->n,
                             .scope = c->scope};
    unit_ok(gr_expr_build(c->expr, c->graph, &env, &y));
    words_target(c, y, "%s", "y");
    const bool gradient = reference_has(c->file, "%s/dy", c->name);
    if (gradient) words_differentiate(c);
    for (int i = 0; gr_lang_word(i); i++) {
        if (!gr_expr_calls(c->expr, gr_lang_word(i)->name)) continue;
        words_seen.called[i] = true;
        words_seen.graded[i] |= gradient || !gr_dtype_is_float(gr_node_dtype(y));
    }
}

/* Notes the ops of a graph and of the bodies in it. */
static void words_note_ops(const gr_graph *graph)
{
    int count;
    const gr_op *const *ops = gr_op_all(&count);
    for (size_t id = 0; id < graph->count; id++)
        for (int i = 0; i < count; i++) words_seen.built[i] |= graph->nodes[id]->op == ops[i];
    for (size_t i = 0; i < graph->n_bodies; i++) words_note_ops(graph->bodies[i]->graph);
}

/* The references of all variables; of states that have none the values that they begin with. */
static gr_store *words_variables(const words_case *c)
{
    gr_store *store = gr_store_new();
    for (int i = 0; i < gr_store_size(c->store); i++) {
        const char *name = gr_store_name(c->store, i);
        const gr_tensor type = gr_store_type(c->store, i);
        gr_tensor begin, value;
        if (reference_has(c->file, "%s/var/%s", c->name, name)) {
            value = reference_read(c->file, c->dtype, "%s/var/%s", c->name, name);
        } else {
            for (int k = 0; k < gr_scope_params(c->scope); k++)
                if (!strcmp(gr_node_name(gr_scope_param(c->scope, k)), name))
                    fail_msg("%s: no value of %s", c->name, name);
            unit_ok(gr_tensor_new(type.dtype, type.shape, &begin));
            unit_ok(gr_store_read(c->store, name, begin.data, gr_tensor_bytes(&begin)));
            unit_ok(
                gr_tensor_new(type.dtype == GR_F32 ? c->dtype : type.dtype, type.shape, &value));
            for (int64_t k = 0; k < gr_shape_count(type.shape); k++)
                gr_tensor_put(&value, k, gr_tensor_at(&begin, k));
            gr_tensor_clear(&begin);
        }
        unit_ok(gr_store_add(store, name, &value));
        gr_tensor_clear(&value);
    }
    return store;
}

static void words_run(words_case *c)
{
    gr_node *target[WORDS_TARGETS];
    gr_tensor in[WORDS_INPUTS + 1], out[WORDS_TARGETS];
    gr_feed feeds[WORDS_INPUTS + 1];
    gr_graph *graph;
    int n = 0;
    words_build(c);
    words_note_ops(c->graph);
    unit_ok(
        gr_graph_retype(c->graph, c->building, c->dtype, c->target, c->targets, &graph, target));
    gr_store *store = words_variables(c);
    for (; n < c->n; n++) {
        const char *name = c->bindings[n].name;
        in[n] = reference_read(c->file, c->dtype, "%s/in/%s", c->name, name);
        feeds[n] = (gr_feed){name, in[n].data};
    }
    if (reference_has(c->file, "%s/dy", c->name)) {
        in[n] = reference_read(c->file, c->dtype, "%s/dy", c->name);
        feeds[n] = (gr_feed){"dy", in[n].data};
        n++;
    }
    unit_ok(gr_evaluate(graph, target, c->targets, feeds, n, store, out));
    for (int i = 0; i < c->targets; i++) {
        reference_compare(c->file, &out[i], "%s/%s", c->name, c->part[i]);
        gr_tensor_clear(&out[i]);
    }
    for (int i = 0; i < n; i++) gr_tensor_clear(&in[i]);
    gr_scope_free(c->scope);
    gr_store_free(c->store);
    gr_store_free(store);
    gr_expr_free(c->expr);
    gr_graph_free(c->graph);
    gr_graph_free(graph);
}

/* Has the case variables? */
static bool words_has_variables(const gr_safetensors *file, const char *name)
{
    char prefix[96];
    snprintf(prefix, sizeof prefix, "%s/var/", name);
    for (int i = 0; i < gr_safetensors_size(file); i++)
        if (!strncmp(gr_safetensors_name(file, i), prefix, strlen(prefix))) return true;
    return false;
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
        for (int k = 0; k < 2 * gr_meta_size(texts); k++) {
            words_case c = {.file = file,
                            .name = gr_meta_key(texts, k / 2),
                            .text = gr_meta_value(texts, k / 2),
                            .dtype = k % 2 ? GR_F32 : GR_F64};
            const bool single = words_has_variables(file, c.name) || strstr(c.text, "\"f32\"");
            c.building = single ? GR_F32 : c.dtype;
            words_run(&c);
        }
        gr_safetensors_close(file);
    }
    globfree(&files);
}

/* After the test above: what none of its cases has shown. */
static void every_word_has_a_reference(void **state)
{
    (void)state;
    int missing = 0;
    for (int i = 0; gr_lang_word(i); i++) {
        const char *name = gr_lang_word(i)->name;
        const bool measure = strstr(name, "accuracy") != NULL; /* no gradient goes through it */
        if (gr_lang_word(i)->kind == GR_WORD_CONSTANT) continue;
        if (words_seen.called[i] && (words_seen.graded[i] || measure)) continue;
        print_error("%s has no reference %s\n", name, words_seen.called[i] ? "gradient" : "case");
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* Ops that a program or a scope puts in, that depend on draws, or that have no word; each with its
 * own tests. */
static bool words_op_stands_apart(const gr_op *op)
{
    static const char *const apart[] = {
        "assign",        "fused",          "custom",           "custom_grad",
        "random_normal", "random_uniform", "random_bernoulli", "random_permutation",
        "max_pool_taps", "max_pool_pick"};
    for (size_t i = 0; i < GR_LEN(apart); i++)
        if (!strcmp(op->name, apart[i])) return true;
    return false;
}

static void every_op_has_a_reference(void **state)
{
    int count;
    const gr_op *const *ops = gr_op_all(&count);
    (void)state;
    assert_true(count <= WORDS_MOST);
    int missing = 0;
    for (int i = 0; i < count; i++) {
        if (words_seen.built[i] || words_op_stands_apart(ops[i])) continue;
        print_error("no reference case has the op %s\n", ops[i]->name);
        missing++;
    }
    assert_int_equal(missing, 0);
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
                      "index [0,0,2] is 3, outside [0, 3)");
    words_refuse_data("ctc_loss(x, [[1]], [0], [1])",
                      "ctc: sequence 0 has length 0; it must be in [1, 3]");
    words_refuse_data("ctc_loss(x, [[1]], [4], [1])",
                      "ctc: sequence 0 has length 4; it must be in [1, 3]");
    words_refuse_data("ctc_loss(x, [[1]], [3], [2])",
                      "ctc: sequence 0 has 2 labels; it must be in [0, 1]");
    words_refuse_data("ctc_loss(x, [[0]], [3], [1])",
                      "ctc: label [0,0] is 0; it must be in [0, 4) and not the blank, 0");
}

/* gr_filter tells how many rows it kept; a count of a filter that was refused is an error, too. */
static void filter_counts(void **state)
{
    gr_graph *graph = gr_graph_new();
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(5, 2)), *out[2];
    gr_node *mask = gr_input(graph, "mask", GR_BOOL, GR_SHAPE(5));
    const float values[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, kept[10] = {3, 4, 7, 8, 9, 10};
    const uint8_t choice[5] = {0, 1, 0, 1, 1};
    gr_tensor got[2];
    (void)state;
    out[0] = gr_filter(x, mask, &out[1]);
    unit_ok(gr_evaluate(graph, out, 2, (gr_feed[]){{"x", values}, {"mask", choice}}, 2, NULL, got));
    assert_memory_equal(got[0].data, kept, sizeof kept);
    assert_int_equal(got[1].dtype, GR_I64);
    assert_int_equal(*(int64_t *)got[1].data, 3);
    gr_tensor_clear(&got[0]), gr_tensor_clear(&got[1]);
    assert_true(gr_is_error(gr_filter(x, x, &out[1])));
    assert_true(gr_is_error(out[1]));
    gr_graph_free(graph);
}

/* A net on x [3, 6]; the caller checks what became of it. */
static gr_node *words_net(gr_graph *graph, gr_scope *scope, const char *text)
{
    return gr_net(scope, gr_input(graph, "x", GR_F32, GR_SHAPE(3, 6)), text);
}

static void parameters_by_themselves(void **state)
{
    static const struct {
        const char *text, *words;
    } refused[] = {
        {"x * parameter(0)", "sizes must be at least 1, not 0"},
        {"x * parameter(3, 6, value=1, init=\"he\")", "value and init are two beginnings"},
        {"x * parameter(3, 6, std=-1)", "std is not negative"},
        {"x * parameter(6, rate=-1)", "rate is not negative"},
        {"x * parameter()", "parameter(sizes: ints..."},
        {"x * parameter(6, name=\"a\") + parameter(6, name=\"a\")", "another layer is called 'a'"},
        {"x * parameter(5)", "[3,6] and [5]"},
    };
    gr_store *store = gr_store_new();
    gr_graph *graph = gr_graph_new();
    gr_scope *scope = gr_scope_new(graph, store, NULL);
    float values[12], w[2];
    (void)state;
    gr_node *y = words_net(graph, scope,
                           "gain = parameter(2, value=0.5, rate=2, decay=0)\n"
                           "x[:2] @ parameter(6, 2, std=0.1) * gain");
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(graph));
    assert_int_equal(gr_scope_params(scope), 2);
    assert_string_equal(gr_node_name(gr_scope_param(scope, 0)), "gain");
    assert_string_equal(gr_node_name(gr_scope_param(scope, 1)), "parameter1");
    const gr_tuning tuning = gr_scope_tuning(scope, gr_scope_param(scope, 0));
    assert_true(tuning.rate == 2 && tuning.decay == 0);
    unit_ok(gr_store_read(store, "gain", w, sizeof w));
    assert_true(w[0] == 0.5F && w[1] == 0.5F);
    unit_ok(gr_store_read(store, "parameter1", values, sizeof values));
    assert_true(values[0] > -1 && values[0] < 1 && values[0] != values[1]);
    gr_scope_free(scope), gr_graph_free(graph), gr_store_free(store);
    for (size_t i = 0; i < GR_LEN(refused); i++) {
        graph = gr_graph_new();
        scope = gr_scope_new(graph, NULL, NULL);
        assert_true(gr_is_error(words_net(graph, scope, refused[i].text)));
        if (!strstr(gr_graph_message(graph), refused[i].words))
            fail_msg("%s: no \"%s\" in: %s", refused[i].text, refused[i].words,
                     gr_graph_message(graph));
        gr_scope_free(scope), gr_graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_agree_with_their_references),
        cmocka_unit_test(every_word_has_a_reference),
        cmocka_unit_test(every_op_has_a_reference),
        cmocka_unit_test(indices_out_of_range_fail_the_step),
        cmocka_unit_test(wrong_data_fail_the_step),
        cmocka_unit_test(filter_counts),
        cmocka_unit_test(parameters_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
