#include "support_interpret.h"

#include <math.h>

#include "backend/backend.h"
#include "ops/ops.h"
#include "plan/plan.h"
#include "run/store.h"

/* The same op on the operands' sizes: what its terms add up to without their signs. */
typedef struct interpreter_sizes {
    gr_tensor *in, out;
    const void **address;
} interpreter_sizes;

typedef struct interpreter_node {
    const gr_node *node;
    gr_request request; /* how it is run */
    void *work;
    gr_tensor *out;  /* n_out of them; data owned unless it is a view */
    gr_tensor state; /* of a variable, and the exact value of an input */
    const void **in;
    void **result;
    bool rounds;
    interpreter_sizes *sizes; /* of an op that adds up products of its operands */
} interpreter_node;

struct interpreter {
    gr_graph *graph;
    gr_arena arena;
    int n, n_targets;
    interpreter_node *nodes; /* by id; node NULL: not needed */
    gr_node **targets;
    double units, convolution;
    uint64_t draws;
};

/* Ops whose results are some of their operands, or their negatives. */
static bool interpreter_exact(const gr_op *op)
{
    static const gr_op *const exact[] = {&gr_op_constant,
                                         &gr_op_neg,
                                         &gr_op_abs,
                                         &gr_op_relu,
                                         &gr_op_sign,
                                         &gr_op_floor,
                                         &gr_op_clip,
                                         &gr_op_cast,
                                         &gr_op_maximum,
                                         &gr_op_minimum,
                                         &gr_op_where,
                                         &gr_op_max,
                                         &gr_op_min,
                                         &gr_op_permute,
                                         &gr_op_broadcast,
                                         &gr_op_slice,
                                         &gr_op_pad,
                                         &gr_op_concat,
                                         &gr_op_gather,
                                         &gr_op_one_hot,
                                         &gr_op_max_pool,
                                         &gr_op_max_pool_pick,
                                         &gr_op_random_uniform,
                                         &gr_op_random_bernoulli,
                                         &gr_op_split,
                                         &gr_op_stop_gradient};
    for (size_t i = 0; i < GR_LEN(exact); i++)
        if (op == exact[i]) return true;
    return false;
}

/* Ops that add up products of their operands. */
static bool interpreter_adds(const gr_op *op)
{
    static const gr_op *const adding[] = {&gr_op_sum,
                                          &gr_op_matmul,
                                          &gr_op_conv,
                                          &gr_op_conv_input_grad,
                                          &gr_op_conv_weight_grad,
                                          &gr_op_avg_pool,
                                          &gr_op_avg_pool_grad,
                                          &gr_op_max_pool_grad,
                                          &gr_op_scatter_add,
                                          &gr_op_scatter_add_along,
                                          &gr_op_cumsum};
    for (size_t i = 0; i < GR_LEN(adding); i++)
        if (op == adding[i]) return true;
    return false;
}

static bool interpreter_convolves(const gr_op *op)
{
    return op == &gr_op_conv || op == &gr_op_conv_input_grad || op == &gr_op_conv_weight_grad;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static gr_status interpreter_prepare(interpreter *it, interpreter_node *x)
{
    const gr_node *node = x->node;
    x->request = (gr_request){.node = node, .arena = &it->arena, .threads = 1, .exact = true};
    const gr_plan_options options = {.threads = 1, .exact = true};
    if (node->op == &gr_op_scan)
        GR_TRY(gr_plan_prepare_scan(&x->request, &options));
    else
        GR_TRY(gr_backend_reference.prepare(&x->request));
    x->work = gr_alloc_aligned(x->request.work);
    x->in = gr_arena_alloc(&it->arena, ((size_t)node->n_in + 1) * sizeof *x->in);
    x->result = gr_arena_alloc(&it->arena, (size_t)node->n_out * sizeof *x->result);
    if (!x->work || !x->in || !x->result) return GR_NO_MEMORY;
    for (int i = 0; i < node->n_out; i++) {
        GR_TRY(gr_tensor_new(node->out[i].dtype, node->out[i].shape, &x->out[i]));
        x->result[i] = x->out[i].data;
    }
    for (int i = 0; i < node->n_in; i++) x->in[i] = it->nodes[node->in[i]->id].out[0].data;
    return GR_OK;
}

static void interpreter_convert(gr_tensor *to, const gr_tensor *from)
{
    for (int64_t i = 0; i < gr_shape_count(to->shape); i++)
        gr_tensor_put(to, i, gr_tensor_at(from, i));
}

static gr_status interpreter_leaf(interpreter_node *x, const gr_store *store)
{
    const gr_node *node = x->node;
    GR_TRY(gr_tensor_new(node->out[0].dtype, node->out[0].shape, &x->out[0]));
    if (node->op == &gr_op_constant) {
        interpreter_convert(&x->out[0], node->attr[0].tensor);
        return GR_OK;
    }
    GR_TRY(gr_tensor_new(node->out[0].dtype, node->out[0].shape, &x->state));
    if (node->op != &gr_op_var) return GR_OK;
    int i = gr_store_find(store, node->name);
    if (i < 0) return gr_fail(GR_NOT_FOUND, "no variable '%s'", node->name);
    interpreter_convert(&x->state, &store->entries[i].value);
    return GR_OK;
}

static gr_status interpreter_add(interpreter *it, const gr_node *node, const gr_store *store)
{
    interpreter_node *x = &it->nodes[node->id];
    x->node = node;
    x->rounds = node->out[0].dtype == GR_F64 && !interpreter_exact(node->op);
    x->out = gr_arena_alloc(&it->arena, (size_t)node->n_out * sizeof *x->out);
    if (!x->out) return GR_NO_MEMORY;
    if (node->op->flags & GR_OP_LEAF) return interpreter_leaf(x, store);
    if (node->op->flags & GR_OP_EFFECT) return GR_OK;
    if (node->op->flags & GR_OP_VIEW) {
        const interpreter_node *source = &it->nodes[node->in[0]->id];
        x->out[0] = source->out[node->op == &gr_op_get ? node->attr[0].i : 0];
        x->out[0].shape = node->out[0].shape;
        return GR_OK;
    }
    return interpreter_prepare(it, x);
}

static gr_status interpreter_add_sizes(interpreter *it, interpreter_node *x)
{
    const gr_node *node = x->node;
    interpreter_sizes *sizes = gr_arena_alloc(&it->arena, sizeof *sizes);
    if (!sizes) return GR_NO_MEMORY;
    x->sizes = sizes;
    sizes->in = gr_arena_alloc(&it->arena, (size_t)node->n_in * sizeof *sizes->in);
    sizes->address = gr_arena_alloc(&it->arena, (size_t)node->n_in * sizeof *sizes->address);
    if (!sizes->in || !sizes->address) return GR_NO_MEMORY;
    for (int i = 0; i < node->n_in; i++) {
        sizes->address[i] = x->in[i];
        if (node->in[i]->out[0].dtype != GR_F64) continue;
        GR_TRY(gr_tensor_new(GR_F64, node->in[i]->out[0].shape, &sizes->in[i]));
        sizes->address[i] = sizes->in[i].data;
    }
    return gr_tensor_new(GR_F64, node->out[0].shape, &sizes->out);
}

gr_status interpreter_new(gr_graph *graph, gr_node *const *targets, int n, const gr_store *store,
                          interpreter **out)
{
    interpreter *it = gr_alloc(sizeof *it);
    bool *needed = gr_graph_needed(graph, targets, n);
    *out = it;
    it->graph = graph;
    it->n = gr_graph_size(graph);
    it->nodes = gr_alloc_array((size_t)it->n, sizeof *it->nodes);
    it->targets = gr_arena_copy(&it->arena, targets, (size_t)n * sizeof(gr_node *));
    gr_status status = GR_OK;
    for (int id = 0; id < it->n && status == GR_OK; id++)
        if (needed[id]) status = interpreter_add(it, graph->nodes[id], store);
    gr_free(needed);
    return status;
}

void interpreter_free(interpreter *it)
{
    if (!it) return;
    for (int id = 0; id < it->n; id++) {
        interpreter_node *x = &it->nodes[id];
        if (!x->node) continue;
        const bool owns = !(x->node->op->flags & (GR_OP_VIEW | GR_OP_EFFECT));
        for (int i = 0; owns && i < x->node->n_out; i++) gr_tensor_clear(&x->out[i]);
        if (x->request.destroy) x->request.destroy((void *)(uintptr_t)x->request.ctx);
        for (int i = 0; x->sizes && i < x->node->n_in; i++) gr_tensor_clear(&x->sizes->in[i]);
        if (x->sizes) gr_tensor_clear(&x->sizes->out);
        gr_tensor_clear(&x->state);
        gr_free_aligned(x->work);
    }
    gr_free(it->nodes);
    gr_arena_free(&it->arena);
    gr_free(it);
}

/* ---- Running --------------------------------------------------------------------------------- */

void interpreter_feed(interpreter *it, const char *name, const gr_tensor *value)
{
    for (int id = 0; id < it->n; id++) {
        interpreter_node *x = &it->nodes[id];
        if (x->node && x->node->op == &gr_op_input && !strcmp(x->node->name, name))
            interpreter_convert(&x->state, value);
    }
}

void interpreter_perturb(interpreter *it, double units, double convolution, uint64_t seed)
{
    it->units = units;
    it->convolution = convolution;
    gr_rng rng = gr_rng_new(seed, 0);
    it->draws = gr_rng_u64(&rng);
}

/* A number from −1 to 1. */
static double interpreter_delta(interpreter *it)
{
    it->draws = it->draws * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return 0x1p-63 * (double)(int64_t)it->draws;
}

static void interpreter_round(interpreter *it, interpreter_node *x, gr_tensor *t)
{
    if (it->units == 0 || !x->rounds || t->dtype != GR_F64) return;
    const double units = it->units * 0x1p-24;
    double *v = t->data;
    const int64_t n = gr_shape_count(t->shape);
    for (int64_t i = 0; i < n; i++) v[i] *= 1 + units * interpreter_delta(it);
}

/* Gates that are sums of products within, of which a result may be a small difference. */
static bool interpreter_mixes(const gr_op *op)
{
    static const gr_op *const mixing[] = {&gr_op_attention,
                                          &gr_op_attention_grad,
                                          &gr_op_lstm_gates,
                                          &gr_op_lstm_gates_grad,
                                          &gr_op_ctc,
                                          &gr_op_ctc_grad,
                                          &gr_op_lrn_grad,
                                          &gr_op_standardize,
                                          &gr_op_standardize_grad};
    for (size_t i = 0; i < GR_LEN(mixing); i++)
        if (op == mixing[i]) return true;
    return false;
}

/* Off by units of the largest, not of each. */
static void interpreter_round_mixed(interpreter *it, gr_tensor *t)
{
    if (t->dtype != GR_F64) return;
    double *v = t->data, largest = 0;
    const int64_t n = gr_shape_count(t->shape);
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(v[i]));
    for (int64_t i = 0; i < n; i++) v[i] += 0x1p-24 * it->units * largest * interpreter_delta(it);
}

static gr_status interpreter_call(interpreter_node *x, const void **in, void **out)
{
    const gr_call call = {.in = (void *const *)(uintptr_t)in,
                          .out = out,
                          .work = x->work,
                          .ctx = x->request.ctx,
                          .threads = 1};
    return x->request.fn(&call);
}

static gr_status interpreter_round_sum(interpreter *it, interpreter_node *x)
{
    if (!x->sizes) GR_TRY(interpreter_add_sizes(it, x));
    interpreter_sizes *sizes = x->sizes;
    for (int i = 0; i < x->node->n_in; i++) {
        double *size = sizes->in[i].data;
        const double *value = x->in[i];
        const int64_t n = size ? gr_shape_count(sizes->in[i].shape) : 0;
        for (int64_t k = 0; k < n; k++) size[k] = fabs(value[k]);
    }
    GR_TRY(interpreter_call(x, sizes->address, (void *[]){sizes->out.data}));
    double *v = x->out[0].data, *size = sizes->out.data;
    const int64_t n = gr_shape_count(sizes->out.shape);
    const bool wide = interpreter_convolves(x->node->op) && it->convolution > it->units;
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, size[i]);
    for (int64_t i = 0; i < n; i++) {
        const double error = wide ? it->convolution * largest : it->units * size[i];
        v[i] += 0x1p-24 * error * interpreter_delta(it);
    }
    return GR_OK;
}

static gr_status interpreter_run(interpreter *it, interpreter_node *x)
{
    if (x->state.data) {
        const size_t bytes = gr_tensor_bytes(&x->state);
        if (bytes) memcpy(x->out[0].data, x->state.data, bytes);
    }
    if (x->request.fn) {
        GR_TRY(interpreter_call(x, x->in, x->result));
    }
    if (it->units > 0 && x->rounds && interpreter_adds(x->node->op))
        return interpreter_round_sum(it, x);
    if (x->node->op->flags & (GR_OP_VIEW | GR_OP_EFFECT)) return GR_OK;
    const bool mixes = it->units > 0 && x->rounds && interpreter_mixes(x->node->op);
    for (int i = 0; i < x->node->n_out; i++) {
        if (mixes)
            interpreter_round_mixed(it, &x->out[i]);
        else
            interpreter_round(it, x, &x->out[i]);
    }
    return GR_OK;
}

gr_status interpreter_step(interpreter *it)
{
    for (int id = 0; id < it->n; id++)
        if (it->nodes[id].node) GR_TRY(interpreter_run(it, &it->nodes[id]));
    for (int id = 0; id < it->n; id++) {
        const gr_node *node = it->nodes[id].node;
        if (!node || !(node->op->flags & GR_OP_EFFECT)) continue;
        gr_tensor *state = &it->nodes[node->in[0]->id].state;
        const size_t bytes = gr_tensor_bytes(state);
        if (bytes) memcpy(state->data, it->nodes[node->in[1]->id].out[0].data, bytes);
    }
    return GR_OK;
}

const gr_tensor *interpreter_target(const interpreter *it, int target)
{
    return &it->nodes[it->targets[target]->id].out[0];
}

const gr_tensor *interpreter_variable(const interpreter *it, const char *name)
{
    for (int id = 0; id < it->n; id++) {
        const interpreter_node *x = &it->nodes[id];
        if (x->node && x->node->op == &gr_op_var && !strcmp(x->node->name, name)) return &x->state;
    }
    return NULL;
}
