/* The language of nets: described, built for training, differentiated, run with and without passes.
 * The first byte chooses the shape of the input. */
#include "fuzz.h"

enum { NET_MOST_PARAMETERS = 32 };

static const struct {
    gr_dtype dtype;
    gr_shape shape; /* of a batch */
} net_inputs[] = {
    {GR_F32, {2, {2, 5}}},          {GR_F32, {4, {2, 3, 8, 8}}}, {GR_F32, {4, {1, 1, 5, 7}}},
    {GR_I32, {2, {2, 6}}},          {GR_F32, {3, {2, 3, 9}}},    {GR_F64, {2, {3, 4}}},
    {GR_F32, {5, {1, 2, 3, 4, 5}}}, {GR_F32, {2, {0, 5}}},
};

static gr_node *net_build(const gr_expr *expr, gr_graph *graph, gr_store *store, size_t input)
{
    gr_scope *scope = gr_scope_new(
        graph, store, &(gr_scope_options){.size = sizeof(gr_scope_options), .mode = GR_TRAIN});
    const gr_shape shape = net_inputs[input].shape;
    const gr_binding bindings[] = {
        {"x", gr_input(graph, "x", net_inputs[input].dtype, shape)},
        {"y", gr_input(graph, "y", GR_I32, GR_SHAPE(shape.dim[0]))},
    };
    const gr_expr_env env = {
        .size = sizeof env, .dtype = GR_F32, .bindings = bindings, .n_bindings = 2, .scope = scope};
    gr_node *result = NULL;
    const bool built = scope && fuzz_status(gr_expr_build(expr, graph, &env, &result));
    gr_scope_free(scope);
    return built ? result : NULL;
}

static void net_run(const gr_expr *expr, size_t input)
{
    gr_graph *graph = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_node *y = graph && store ? net_build(expr, graph, store, input) : NULL;
    gr_node *wrt[NET_MOST_PARAMETERS], *target[NET_MOST_PARAMETERS + 1];
    int n = 0;
    for (int i = 0; y && i < gr_graph_size(graph) && n < NET_MOST_PARAMETERS; i++) {
        gr_node *node = gr_graph_node(graph, i);
        if (!strcmp(gr_node_op(node), "var") && gr_dtype_is_float(gr_node_dtype(node)))
            wrt[n++] = node;
    }
    if (y && gr_dtype_is_float(gr_node_dtype(y)) &&
        fuzz_status(gr_grad(gr_sum(y, GR_ALL), wrt, n, target + 1)) && fuzz_small(graph)) {
        FUZZ_REQUIRE(fuzz_status(gr_graph_verify(graph)));
        target[0] = y;
        fuzz_compare(graph, target, n + 1, store, 1);
    }
    gr_store_free(store);
    gr_graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (size == 0) return 0;
    const size_t input = data[0] % GR_LEN(net_inputs);
    char *text = strndup((const char *)data + 1, size - 1);
    FUZZ_REQUIRE(text != NULL);
    gr_expr *expr = NULL;
    gr_net_info *info = NULL;
    gr_shape example = net_inputs[input].shape;
    example = gr_shape_of(example.rank - 1, example.dim + 1);
    if (fuzz_status(gr_net_describe(text, example, NULL, &info))) gr_net_info_free(info);
    if (fuzz_status(gr_expr_parse(text, "net", &expr))) {
        /* Without a store first: nothing is made that is too large to run. */
        gr_graph *graph = gr_graph_new();
        const bool run = graph && net_build(expr, graph, NULL, input) && fuzz_small(graph);
        gr_graph_free(graph);
        if (run) net_run(expr, input);
        gr_expr_free(expr);
    }
    free(text);
    return 0;
}
