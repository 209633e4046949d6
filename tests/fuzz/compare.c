/* Runs a graph as it is and after all passes, and compares. */
#include "fuzz.h"

#include "graph/graph.h"
#include "ops/ops.h"
#include "plan/cost.h"

#include <math.h>

enum { COMPARE_MOST_TARGETS = 64, COMPARE_MOST_NODES = 4000 };

bool fuzz_small(const gr_graph *graph)
{
    gr_cost sum = {0};
    if (gr_graph_size(graph) > COMPARE_MOST_NODES) return false;
    for (int i = 0; i < gr_graph_size(graph); i++) {
        gr_cost cost;
        const gr_node *node = gr_graph_node(graph, i);
        if (gr_node_cost(node, &cost) != GR_OK) return false;
        const gr_tensor leaf = {gr_node_dtype(node), gr_node_shape(node), NULL};
        sum.flops += cost.flops;
        sum.bytes += cost.bytes + (gr_node_inputs(node) ? 0 : (double)gr_tensor_bytes(&leaf));
    }
    return sum.flops < 1e6 && sum.bytes < 1e6;
}

/* What one way of running it gave. */
typedef struct outcome {
    gr_status status;
    gr_tensor out[COMPARE_MOST_TARGETS];
} outcome;

/* The same for an input of the same name, whichever the passes have left; in a round of a few. */
static void compare_draw(const char *name, uint64_t seed, gr_tensor *value)
{
    enum { ROUND = 61 };
    double drawn[ROUND];
    gr_rng rng = gr_rng_new(seed, gr_hash_text(name));
    for (int k = 0; k < ROUND; k++)
        drawn[k] = gr_dtype_is_float(value->dtype) ? 4 * gr_rng_uniform(&rng) - 2
                                                   : (double)gr_rng_below(&rng, 3);
    for (int64_t k = 0; k < gr_shape_count(value->shape); k++)
        gr_tensor_put(value, k, drawn[k % ROUND]);
}

static gr_status compare_feed(gr_session *session, const gr_program *program, uint64_t seed)
{
    for (int i = 0; i < gr_program_inputs(program); i++) {
        gr_tensor type = gr_program_input_type(program, i), value;
        GR_TRY(gr_tensor_new(type.dtype, type.shape, &value));
        compare_draw(gr_program_input_name(program, i), seed, &value);
        gr_status status = gr_session_write(session, i, value.data, gr_tensor_bytes(&value));
        gr_tensor_clear(&value);
        GR_TRY(status);
    }
    return GR_OK;
}

static gr_status compare_session(const gr_program *program, int n, gr_store *store, uint64_t seed,
                                 outcome *o)
{
    gr_session *session = NULL;
    GR_TRY(gr_session_new(program, store, NULL, &session));
    gr_status status = compare_feed(session, program, seed);
    if (status == GR_OK) status = gr_session_step(session);
    for (int i = 0; i < n && status == GR_OK; i++) {
        gr_tensor type = gr_program_output_type(program, i);
        status = gr_tensor_new(type.dtype, type.shape, &o->out[i]);
        if (status == GR_OK)
            status = gr_session_read(session, i, o->out[i].data, gr_tensor_bytes(&o->out[i]));
    }
    gr_session_free(session);
    return status;
}

static void compare_run(gr_graph *graph, gr_node *const *targets, int n, gr_store *store,
                        uint64_t seed, const char *passes, outcome *o)
{
    const gr_compile_options options = {
        .size = sizeof options, .threads = 1, .exact = true, .passes = passes};
    gr_program *program = NULL;
    gr_store *copy = NULL; /* both start from the same values */
    o->status = gr_compile(graph, targets, n, &options, &program);
    if (o->status == GR_OK && store) o->status = gr_store_snapshot(store, &copy);
    if (o->status == GR_OK) o->status = compare_session(program, n, copy, seed, o);
    gr_program_free(program);
    gr_store_free(copy);
    fuzz_status(o->status);
}

static bool compare_contracts(const gr_graph *graph)
{
    for (int i = 0; i < gr_graph_size(graph); i++) {
        const gr_op *op = gr_graph_node(graph, i)->op;
        if (op == &gr_op_matmul || op == &gr_op_conv || op == &gr_op_conv_input_grad ||
            op == &gr_op_conv_weight_grad || op == &gr_op_scan || op == &gr_op_attention ||
            op == &gr_op_attention_grad)
            return true;
    }
    return false;
}

static bool compare_equal(const gr_tensor *a, const gr_tensor *b, int64_t k)
{
    const size_t size = gr_dtype_size(a->dtype);
    const char *x = a->data, *y = b->data;
    if (memcmp(x + (size_t)k * size, y + (size_t)k * size, size) == 0) return true;
    return isnan(gr_tensor_at(a, k)) && isnan(gr_tensor_at(b, k));
}

void fuzz_compare(gr_graph *graph, gr_node *const *targets, int n, gr_store *store, uint64_t seed)
{
    static outcome plain, passed;
    if (n > COMPARE_MOST_TARGETS) n = COMPARE_MOST_TARGETS;
    plain = passed = (outcome){0};
    compare_run(graph, targets, n, store, seed, "-all", &plain);
    compare_run(graph, targets, n, store, seed, "", &passed);
    /* Memory may do for one way alone. */
    const bool memory = plain.status == GR_NO_MEMORY || passed.status == GR_NO_MEMORY;
    FUZZ_REQUIRE(memory || (plain.status == GR_OK) == (passed.status == GR_OK));
    /* Sums of products are rounded by the kernel that the shape and its neighbours choose. */
    const bool bits = plain.status == GR_OK && passed.status == GR_OK && !compare_contracts(graph);
    for (int i = 0; i < n; i++) {
        const int64_t count = bits ? gr_shape_count(plain.out[i].shape) : 0;
        for (int64_t k = 0; k < count; k++)
            FUZZ_REQUIRE(compare_equal(&plain.out[i], &passed.out[i], k));
        gr_tensor_clear(&plain.out[i]);
        gr_tensor_clear(&passed.out[i]);
    }
}
