/* The Neural Turing Machine against the paper's equations (tests/reference/ntm.py), its gradients,
 * refusals. */
#include "support_reference.h"

#include "graph/graph.h"

#include <math.h>

#include <gradus/gradus.h>

static gr_safetensors *ntm_file;

static int ntm_setup(void **state)
{
    (void)state;
    ntm_file = reference_open("ntm.safetensors");
    return 0;
}

static int ntm_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(ntm_file);
    return 0;
}

/* ---- The layer ---------------------------------------------------------------------------- */

typedef struct ntm_case {
    const char *name;
    gr_ntm_options options;
} ntm_case;

#define NTM_MOST 20

typedef struct ntm_graph {
    gr_graph *graph;
    gr_scope *scope;
    gr_node *node[NTM_MOST];
    char name[NTM_MOST][64];
    int n;
} ntm_graph;

static void ntm_target(ntm_graph *g, gr_node *node, const char *format, const char *name)
{
    assert_true(g->n < NTM_MOST);
    snprintf(g->name[g->n], sizeof *g->name, format, name);
    g->node[g->n++] = node;
}

/* Σ x·w with w an input. */
static gr_node *ntm_weighted(gr_node *x, const char *w)
{
    gr_node *weight = gr_input(gr_node_graph(x), w, gr_node_dtype(x), gr_node_shape(x));
    return gr_sum(gr_mul(x, weight), GR_ALL);
}

static void ntm_build(const ntm_case *c, gr_store *store, ntm_graph *g)
{
    *g = (ntm_graph){.graph = gr_graph_new()};
    g->scope = gr_scope_new(g->graph, store, NULL);
    gr_tensor like = reference_read(ntm_file, GR_F32, "%s/x", c->name);
    gr_node *wrt[NTM_MOST] = {gr_input(g->graph, "x", GR_F32, like.shape)}, *grad[NTM_MOST];
    gr_node *weightings;
    gr_ntm_options options = c->options;
    options.size = sizeof options;
    options.weightings = &weightings;
    gr_tensor_clear(&like);
    gr_node *y = gr_ntm(g->scope, "ntm", wrt[0], &options);
    gr_node *loss = gr_add(ntm_weighted(y, "wy"), ntm_weighted(weightings, "ww"));
    const int params = gr_scope_params(g->scope);
    for (int i = 0; i < params; i++) wrt[1 + i] = gr_scope_param(g->scope, i);
    if (gr_grad(loss, wrt, 1 + params, grad) != GR_OK) fail_msg("%s", gr_graph_message(g->graph));
    ntm_target(g, y, "%s", "y");
    ntm_target(g, weightings, "%s", "weightings");
    ntm_target(g, grad[0], "d%s", "x");
    for (int i = 0; i < params; i++)
        ntm_target(g, grad[1 + i], "d%s", gr_node_name(wrt[1 + i]) + strlen("ntm/"));
}

/* Every parameter with its reference, in `dtype`. */
static gr_store *ntm_store(const ntm_case *c, gr_dtype dtype)
{
    gr_store *made = gr_store_new(), *store = gr_store_new();
    ntm_graph g;
    ntm_build(c, made, &g);
    for (int i = 0; i < gr_store_size(made); i++) {
        const char *name = gr_store_name(made, i);
        gr_tensor value = reference_read(ntm_file, dtype, "%s/%s", c->name, name + strlen("ntm/"));
        unit_ok(gr_store_add(store, name, &value));
        gr_tensor_clear(&value);
    }
    gr_scope_free(g.scope);
    gr_graph_free(g.graph);
    gr_store_free(made);
    return store;
}

/* cos(0.7·i): the weights of the loss, as in the script. */
static gr_tensor ntm_weights(gr_dtype dtype, gr_shape shape)
{
    gr_tensor weight;
    unit_ok(gr_tensor_new(dtype, shape, &weight));
    for (int64_t i = 0; i < gr_shape_count(shape); i++)
        gr_tensor_put(&weight, i, cos((double)i * 0.7));
    return weight;
}

static void ntm_check(const ntm_case *c, gr_dtype dtype)
{
    gr_store *store32 = ntm_store(c, GR_F32), *store = ntm_store(c, dtype);
    ntm_graph g;
    ntm_build(c, store32, &g);
    gr_graph *graph = NULL;
    gr_node *node[NTM_MOST];
    unit_ok(gr_graph_retype(g.graph, GR_F32, dtype, g.node, g.n, &graph, node));
    gr_tensor x = reference_read(ntm_file, dtype, "%s/x", c->name), out[NTM_MOST];
    gr_tensor wy = ntm_weights(dtype, gr_node_shape(node[0]));
    gr_tensor ww = ntm_weights(dtype, gr_node_shape(node[1]));
    const gr_feed feeds[] = {{"x", x.data}, {"wy", wy.data}, {"ww", ww.data}};
    unit_ok(gr_evaluate(graph, node, g.n, feeds, 3, store, out));
    for (int i = 0; i < g.n; i++) {
        reference_compare(ntm_file, &out[i], "%s/%s", c->name, g.name[i]);
        gr_tensor_clear(&out[i]);
    }
    gr_tensor_clear(&x), gr_tensor_clear(&wy), gr_tensor_clear(&ww);
    gr_graph_free(graph);
    gr_scope_free(g.scope);
    gr_graph_free(g.graph);
    gr_store_free(store);
    gr_store_free(store32);
}

static void test_reference(void **state)
{
    (void)state;
    static const ntm_case cases[] = {
        {"lstm", {.out = 2, .units = 5, .memory = 7, .width = 4}},
        {"heads",
         {.out = 3, .units = 4, .memory = 6, .width = 3, .reads = 2, .writes = 3, .shift = 2}},
        {"feedforward",
         {.out = 2, .units = 6, .memory = 5, .width = 3, .reads = 2, .feedforward = true}},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        ntm_check(&cases[i], GR_F64);
        ntm_check(&cases[i], GR_F32);
    }
}

/* The word makes the layer that the call makes. */
static void test_word(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *scope = gr_scope_new(graph, store, NULL);
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(2, 3, 4));
    gr_node *y = gr_net(scope, x, "ntm(5, units=6, memory=7, width=2, heads=2, writes=1)");
    if (gr_is_error(y)) fail_msg("%s", gr_graph_message(graph));
    assert_true(gr_shape_equal(gr_node_shape(y), GR_SHAPE(2, 3, 5)));
    const int i = gr_store_find(store, "ntm1/initial/weighting");
    assert_true(i >= 0);
    assert_true(gr_shape_equal(gr_store_type(store, i).shape, GR_SHAPE(3, 7)));
    gr_scope_free(scope);
    gr_graph_free(graph);
    gr_store_free(store);
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static void ntm_refused(gr_dtype dtype, gr_shape shape, const gr_ntm_options *options,
                        gr_status status, const char *part)
{
    gr_graph *graph = gr_graph_new();
    gr_scope *scope = gr_scope_new(graph, NULL, NULL);
    gr_node *x = gr_input(graph, "x", dtype, shape);
    assert_true(gr_is_error(gr_ntm(scope, "ntm", x, options)));
    assert_int_equal(gr_graph_status(graph), status);
    if (!strstr(gr_graph_message(graph), part)) fail_msg("%s", gr_graph_message(graph));
    gr_scope_free(scope);
    gr_graph_free(graph);
}

static void test_refusals(void **state)
{
    (void)state;
    const gr_shape good = GR_SHAPE(2, 3, 4);
    ntm_refused(GR_F32, GR_SHAPE(3, 4), GR_NTM(2), GR_SHAPE,
                "the input is f32[3,4]: should be f32 [N, T, C]");
    ntm_refused(GR_I32, good, GR_NTM(2), GR_DTYPE,
                "the input is i32[2,3,4]: should be f32 [N, T, C]");
    ntm_refused(GR_F32, GR_SHAPE(2, 0, 4), GR_NTM(2), GR_SHAPE,
                "the input [2,0,4] ([N, T, C]) is a sequence of length zero");
    ntm_refused(GR_F32, good, GR_NTM(0), GR_INVALID, "out = 0");
    ntm_refused(GR_F32, good, GR_NTM(2, .width = -1), GR_INVALID, "width = -1: should be positive");
    ntm_refused(GR_F32, good, GR_NTM(2, .reads = -1), GR_INVALID,
                "-1 reading and 0 writing heads: should be 1 or more of each");
    ntm_refused(GR_F32, good, GR_NTM(2, .memory = 6, .shift = 3), GR_INVALID,
                "shifts by up to 3 of 6 rows: should be 1 or more, and less than half");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, ntm_setup, ntm_teardown);
}
