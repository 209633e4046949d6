/* Memory that runs out while gates are built, differentiated, compiled and run: every op on its
 * samples, every word of the language on its reference texts. */
#include "support_faults.h"
#include "support_reference.h"

#include <glob.h>

#include <gradus/gradus.h>

#include "graph/graph.h"
#include "ops/ops.h"
#include "ops/sample.h"

/* ---- Ops ------------------------------------------------------------------------------------ */

typedef struct ops_fault {
    const gr_op *op;
    int k;
} ops_fault;

static bool ops_has_sample(const gr_op *op)
{
    return op->sample && !(op->flags & (GR_OP_LEAF | GR_OP_EFFECT));
}

/* The gradients by the inputs, if there are any. */
static gr_status ops_differentiate(gr_sampler *s, const gr_op *op, gr_node *node, gr_node **targets,
                                   int *n)
{
    gr_node *wrt[GR_SAMPLE_INPUTS];
    int count = 0;
    for (int i = 0; i < s->n; i++)
        if (gr_dtype_is_float(gr_node_dtype(s->node[i]))) wrt[count++] = s->node[i];
    if (!op->grad || count == 0 || !gr_dtype_is_float(gr_node_dtype(node))) return GR_OK;
    GR_TRY(gr_grad(gr_sum(node, GR_ALL), wrt, count, targets + *n));
    *n += count;
    return GR_OK;
}

static gr_status ops_run(gr_sampler *s, const gr_op *op, gr_node *node, uint64_t *result)
{
    gr_node *targets[GR_SAMPLE_INPUTS + GR_MAX_OUTPUTS] = {node};
    gr_tensor out[GR_SAMPLE_INPUTS + GR_MAX_OUTPUTS];
    gr_feed feeds[GR_SAMPLE_INPUTS];
    int n = node->n_out;
    for (int i = 0; i < n && n > 1; i++) targets[i] = gr_get(node, i);
    if (gr_graph_status(s->graph) != GR_OK)
        return gr_fail(gr_graph_status(s->graph), "%s", gr_graph_message(s->graph));
    assert_false(gr_is_error(targets[0])); /* without a fault of the graph */
    GR_TRY(ops_differentiate(s, op, targets[0], targets, &n));
    for (int i = 0; i < s->n; i++) feeds[i] = (gr_feed){gr_node_name(s->node[i]), s->value[i].data};
    GR_TRY(gr_evaluate(s->graph, targets, n, feeds, s->n, NULL, out));
    *result = 0;
    for (int i = 0; i < n; i++) {
        *result = test_hash_tensor(&out[i], *result);
        gr_tensor_clear(&out[i]);
    }
    return GR_OK;
}

static gr_status ops_call(void *made, uint64_t *result)
{
    const ops_fault *about = made;
    gr_sampler s;
    GR_TRY(gr_sampler_init(&s, GR_F32, 7));
    gr_node *node = about->op->sample(&s, about->k);
    gr_status status = ops_run(&s, about->op, node, result);
    gr_sampler_clear(&s);
    return status;
}

static bool ops_sample_exists(const gr_op *op, int k)
{
    gr_sampler s;
    unit_ok(gr_sampler_init(&s, GR_F32, 7));
    bool exists = op->sample(&s, k) != NULL;
    gr_sampler_clear(&s);
    return exists;
}

static void every_op(void **state)
{
    (void)state;
    int count;
    const gr_op *const *ops = gr_op_all(&count);
    long samples = 0, allocations = 0;
    for (int i = 0; i < count; i++) {
        if (!ops_has_sample(ops[i])) continue;
        for (int k = 0; ops_sample_exists(ops[i], k); k++, samples++) {
            const ops_fault about = {ops[i], k};
            const test_fault fault = {ops[i]->name, &about, NULL, ops_call, NULL, NULL};
            allocations += test_fault_run(&fault, 12);
        }
    }
    print_message("%ld samples, %ld allocations\n", samples, allocations);
    assert_true(samples > 200);
}

/* ---- Words ---------------------------------------------------------------------------------- */

enum { WORDS_INPUTS = 8, WORDS_PARAMS = 32 };

typedef struct words_about {
    const gr_safetensors *file;
    const char *name, *text;
} words_about;

typedef struct words_made {
    words_about about;
    gr_store *store; /* with something in it already */
    bool train;      /* with an optimiser */
    int n;           /* inputs */
    gr_tensor in[WORDS_INPUTS];
} words_made;

static bool words_trains(const char *name)
{
    const size_t length = strlen(name);
    return length > 6 && strcmp(name + length - 6, "_train") == 0;
}

static void *words_make(const void *about)
{
    words_made *made = gr_alloc(sizeof *made);
    gr_expr *expr;
    made->about = *(const words_about *)about;
    made->store = gr_store_new();
    made->train = words_trains(made->about.name);
    unit_ok(gr_store_add(made->store, "already/there", &(gr_tensor){GR_F32, GR_SHAPE(3), NULL}));
    unit_ok(gr_expr_parse(made->about.text, NULL, &expr));
    made->n = gr_expr_inputs(expr);
    for (int i = 0; i < made->n; i++)
        made->in[i] = reference_read(made->about.file, GR_F32, "%s/in/%s", made->about.name,
                                     gr_expr_input(expr, i));
    gr_expr_free(expr);
    return made;
}

static void words_clear(void *user)
{
    words_made *made = user;
    for (int i = 0; i < made->n; i++) gr_tensor_clear(&made->in[i]);
    gr_store_free(made->store);
    gr_free(made);
}

static uint64_t words_state(const void *user)
{
    return test_hash_store(((const words_made *)user)->store);
}

/* Builds the text, with the gradients by all its parameters and, in training, their updates. */
static gr_status words_build(const words_made *made, const gr_expr *expr, gr_scope *scope,
                             gr_node **result)
{
    gr_graph *graph = gr_scope_graph(scope);
    gr_binding bindings[WORDS_INPUTS];
    gr_node *wrt[WORDS_PARAMS], *grad[WORDS_PARAMS];
    for (int i = 0; i < made->n; i++) {
        const char *name = gr_expr_input(expr, i);
        bindings[i] =
            (gr_binding){name, gr_input(graph, name, made->in[i].dtype, made->in[i].shape)};
    }
    const gr_expr_env env = {.size = sizeof env,
                             .dtype = GR_F32,
                             .bindings = bindings,
                             .n_bindings = made->n,
                             .scope = scope};
    GR_TRY(gr_expr_build(expr, graph, &env, result));
    const int n = gr_scope_params(scope);
    if (n == 0 || gr_node_dtype(*result) != GR_F32) return GR_OK;
    assert_true(n <= WORDS_PARAMS);
    gr_node *loss = gr_sum(*result, GR_ALL);
    if (made->train) return gr_minimize(scope, loss, GR_OPTIMIZER(GR_ADAM, .clip_norm = 1));
    for (int i = 0; i < n; i++) wrt[i] = gr_scope_param(scope, i);
    return gr_grad(loss, wrt, n, grad);
}

static gr_status words_with_scope(const words_made *made, const gr_expr *expr, gr_graph *graph,
                                  gr_node **result)
{
    const gr_scope_options options = {.size = sizeof options,
                                      .mode = made->train ? GR_TRAIN : GR_EVAL};
    gr_scope *scope = gr_scope_new(graph, made->store, &options);
    gr_status status = scope ? words_build(made, expr, scope, result) : GR_NO_MEMORY;
    gr_scope_free(scope);
    return status;
}

static gr_status words_with_graph(const words_made *made, const gr_expr *expr, uint64_t *hash)
{
    gr_graph *graph = gr_graph_new();
    gr_node *result;
    if (!graph) return GR_NO_MEMORY;
    gr_status status = words_with_scope(made, expr, graph, &result);
    *hash = status == GR_OK ? test_hash_store(made->store) : 0;
    gr_graph_free(graph);
    return status;
}

static gr_status words_call(void *user, uint64_t *hash)
{
    const words_made *made = user;
    gr_expr *expr;
    GR_TRY(gr_expr_parse(made->about.text, NULL, &expr));
    gr_status status = words_with_graph(made, expr, hash);
    gr_expr_free(expr);
    return status;
}

static void every_word(void **state)
{
    (void)state;
    glob_t files;
    long texts = 0, allocations = 0;
    assert_int_equal(glob(TEST_REFERENCE "/words_*.safetensors", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        gr_safetensors *file;
        unit_ok(gr_safetensors_open(files.gl_pathv[i], &file));
        const gr_meta *meta = gr_safetensors_meta(file);
        for (int k = 0; k < gr_meta_size(meta); k++, texts++) {
            const words_about about = {file, gr_meta_key(meta, k), gr_meta_value(meta, k)};
            const test_fault fault = {about.name, &about,      words_make,
                                      words_call, words_state, words_clear};
            allocations += test_fault_run(&fault, 12);
        }
        gr_safetensors_close(file);
    }
    globfree(&files);
    print_message("%ld texts, %ld allocations\n", texts, allocations);
    assert_true(texts > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op),
        cmocka_unit_test(every_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
