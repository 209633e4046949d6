/* The gates of a net's statistics, beside those of the net. */
#include "train/probe.h"

#include <math.h>

#include "graph/graph.h"
#include "run/store.h"

enum { PROBE_PER_LAYER = 9 }; /* results */

/* While it is built. */
typedef struct probe_build {
    gr_probe *probe;
    gr_model_graph g;
    int nodes; /* of the net: those that are appended belong to no layer */
    const gr_probe_wish *wish;
} probe_build;

static int probe_target(gr_probe *probe, gr_node *node)
{
    probe->target[probe->n] = node;
    return probe->n++;
}

/* ---- Units ---------------------------------------------------------------------------------- */

/* The contraction that a node's first inputs lead back to tells which axis counts units: channels
 * behind a convolution, the last axis behind a matrix product. */
static int probe_unit_axis(const gr_node *node)
{
    const int rank = gr_node_shape(node).rank;
    for (const gr_node *at = node; at->n_in > 0; at = at->in[0]) {
        if (!strncmp(at->op->name, "conv", 4) && rank > 1) return 1;
        if (!strcmp(at->op->name, "matmul")) return rank - 1;
    }
    return rank > 3 ? 1 : rank - 1;
}

/* The largest magnitude of each unit. */
static gr_node *probe_active(gr_node *y, int axis)
{
    gr_axes others = {.count = 0};
    for (int i = 0; i < gr_node_shape(y).rank; i++)
        if (i != axis) others.axis[others.count++] = i;
    gr_node *size = gr_abs(y);
    return others.count > 0 ? gr_max(size, others) : size;
}

/* ---- Activations ---------------------------------------------------------------------------- */

/* Nothing flows back to what is no number, such as the condition of a `where`. */
static bool probe_has_gradient(const gr_node *node)
{
    const gr_op *op = node->op;
    if (gr_node_dtype(node) != GR_F32) return true;
    return !(op->flags & GR_OP_GRAD_NONE) && (op->grad || (op->flags & GR_OP_GRAD_ZERO));
}

/* The one node outside of group k from which all of it is computed element by element; NULL: there
 * is no such. What leaves alone lead to, such as a slope in its shape, may be anything. */
static gr_node *probe_source(const probe_build *b, int k, bool *reached)
{
    const gr_groups *groups = &b->probe->groups;
    gr_node *source = NULL;
    for (int id = 0; id < b->nodes; id++) {
        const gr_node *node = gr_graph_node(b->g.graph, id);
        reached[id] = false;
        if (groups->owner[id] != k) continue;
        for (int i = 0; i < node->n_in; i++) {
            gr_node *in = node->in[i];
            const bool outside = groups->owner[in->id] != k;
            const bool data = in == b->g.x || groups->owner[in->id] >= 0;
            if (outside && data && source && source != in) return NULL;
            if (outside && data) source = in;
            reached[id] = reached[id] || (outside ? data : reached[in->id]);
        }
        if (reached[id] && (!gr_node_elementwise(node) || !probe_has_gradient(node))) return NULL;
    }
    return source;
}

static gr_status probe_depends(gr_node *node, const gr_node *on, bool *depends)
{
    bool *needed = gr_graph_needed(gr_node_graph(node), &node, 1);
    if (!needed) return GR_NO_MEMORY;
    *depends = needed[gr_node_id(on)];
    gr_free(needed);
    return GR_OK;
}

/* The derivative of layer k, element by element; NULL if it is no activation, or linear. */
static gr_status probe_derivative(const probe_build *b, int k, bool *reached, gr_node **result)
{
    bool depends;
    const gr_group *group = &b->probe->groups.group[k];
    gr_node *y = group->last, *derivative;
    *result = NULL;
    if (b->probe->parameters[k] > 0 && strcmp(group->kind, "prelu") != 0) return GR_OK;
    gr_node *x = probe_source(b, k, reached);
    if (!x || gr_node_dtype(x) != GR_F32) return GR_OK;
    if (!gr_shape_equal(gr_node_shape(x), gr_node_shape(y))) return GR_OK;
    gr_node *ones = gr_full(b->g.graph, GR_F32, gr_node_shape(y), 1);
    GR_TRY(gr_vjp(y, ones, &x, 1, &derivative));
    GR_TRY(probe_depends(derivative, x, &depends));
    if (depends) *result = derivative;
    return GR_OK;
}

/* ---- Layers --------------------------------------------------------------------------------- */

/* So many apart that all batches together give about what is wanted. An odd number meets all rows
 * and columns of a picture. */
static int64_t probe_step(const probe_build *b, int64_t count)
{
    const double all = (double)count / (double)b->wish->rows * (double)b->wish->examples;
    return (int64_t)ceil(all / (double)b->wish->sample) | 1;
}

/* Every step-th element of all. */
static gr_node *probe_sample(gr_node *y, int64_t step)
{
    const int64_t count = gr_shape_count(gr_node_shape(y)), first = 0;
    return gr_slice(gr_reshape(y, GR_SHAPE(count)), &first, &count, &step);
}

static gr_node *probe_squares(gr_node *x)
{
    return gr_sum(gr_square(x), GR_ALL);
}

static gr_status probe_layer(probe_build *b, int k, bool *reached)
{
    gr_probe *probe = b->probe;
    probe_slots *slot = &probe->slot[k];
    gr_node *y = probe->groups.group[k].last;
    const gr_shape shape = gr_node_shape(y);
    probe->output[k] = shape;
    if (gr_node_dtype(y) != GR_F32 || gr_shape_count(shape) == 0) return GR_OK;
    gr_node *mean = gr_mean(y, GR_ALL);
    slot->mean = probe_target(probe, mean);
    slot->spread = probe_target(probe, probe_squares(gr_sub(y, mean)));
    slot->least = probe_target(probe, gr_min(y, GR_ALL));
    slot->most = probe_target(probe, gr_max(y, GR_ALL));
    const int axis = shape.rank > 1 ? probe_unit_axis(y) : -1;
    probe->units[k] = axis < 0 ? 1 : shape.dim[axis];
    slot->active = probe_target(probe, probe_active(y, axis));
    if (b->wish->sample > 0) {
        const int64_t count = gr_shape_count(shape), step = probe_step(b, count);
        probe->samples[k] = (count - 1) / step + 1;
        slot->sample = probe_target(probe, probe_sample(y, step));
    }
    gr_node *derivative;
    GR_TRY(probe_derivative(b, k, reached, &derivative));
    if (!derivative) return GR_OK;
    gr_node *flat = gr_less(gr_abs(derivative), gr_like(derivative, b->wish->bound));
    slot->flat = probe_target(probe, gr_sum(gr_cast(flat, GR_F32), GR_ALL));
    return GR_OK;
}

/* ---- Gradients ------------------------------------------------------------------------------ */

/* The loss's gradients by parameters and outputs. */
static gr_status probe_gradients(probe_build *b, gr_node **wrt, gr_node **grad)
{
    gr_probe *probe = b->probe;
    const int params = gr_scope_params(b->g.scope);
    int n = 0;
    for (int p = 0; p < params; p++) wrt[n++] = gr_scope_param(b->g.scope, p);
    for (int k = 0; k < probe->groups.n; k++)
        if (probe->slot[k].mean >= 0) wrt[n++] = probe->groups.group[k].last;
    if (n == 0) return GR_OK;
    GR_TRY(gr_grad(b->g.loss, wrt, n, grad));
    for (int k = 0, at = params; k < probe->groups.n; k++) {
        gr_node *sum = NULL;
        for (int p = 0; p < params; p++) {
            if (probe->groups.reader[p] != k) continue;
            sum = sum ? gr_add(sum, probe_squares(grad[p])) : probe_squares(grad[p]);
        }
        if (sum) probe->slot[k].gradient = probe_target(probe, sum);
        if (probe->slot[k].mean >= 0)
            probe->slot[k].back = probe_target(probe, probe_squares(grad[at++]));
    }
    probe_target(probe, b->g.loss);
    return GR_OK;
}

/* How many parameters each layer has, and how large they are. */
static void probe_weigh(gr_probe *probe, const gr_store *store, gr_scope *scope)
{
    for (int p = 0; p < gr_scope_params(scope); p++) {
        const int k = probe->groups.reader[p];
        const int at = gr_store_find(store, gr_node_name(gr_scope_param(scope, p)));
        if (k < 0 || at < 0) continue;
        const gr_tensor *value = &store->entries[at].value;
        const float *w = value->data;
        double sum = probe->weight[k] * probe->weight[k];
        for (int64_t i = 0; i < gr_shape_count(value->shape); i++)
            sum += (double)w[i] * (double)w[i];
        probe->weight[k] = sqrt(sum);
        probe->parameters[k] += gr_shape_count(value->shape);
    }
}

/* ---- The whole ------------------------------------------------------------------------------ */

static gr_status probe_take_memory(gr_probe *probe)
{
    gr_arena *arena = &probe->groups.arena;
    const size_t n = (size_t)probe->groups.n + 1;
    probe->slot = gr_arena_alloc(arena, n * sizeof *probe->slot);
    probe->output = gr_arena_alloc(arena, n * sizeof *probe->output);
    probe->units = gr_arena_alloc(arena, n * sizeof *probe->units);
    probe->samples = gr_arena_alloc(arena, n * sizeof *probe->samples);
    probe->parameters = gr_arena_alloc(arena, n * sizeof *probe->parameters);
    probe->weight = gr_arena_alloc(arena, n * sizeof *probe->weight);
    probe->target = gr_arena_alloc(arena, n * PROBE_PER_LAYER * sizeof(gr_node *));
    if (!probe->slot || !probe->output || !probe->units || !probe->samples || !probe->parameters ||
        !probe->weight || !probe->target)
        return GR_NO_MEMORY;
    for (size_t k = 0; k < n; k++)
        probe->slot[k] = (probe_slots){-1, -1, -1, -1, -1, -1, -1, -1, -1};
    return GR_OK;
}

static gr_status probe_fill(gr_model *model, probe_build *b)
{
    gr_probe *probe = b->probe;
    gr_arena *arena = &probe->groups.arena;
    GR_TRY(probe_take_memory(probe));
    probe_weigh(probe, model->store, b->g.scope);
    const size_t most = (size_t)(gr_scope_params(b->g.scope) + probe->groups.n) + 1;
    bool *reached = gr_arena_alloc(arena, (size_t)gr_graph_size(b->g.graph) + 1);
    gr_node **wrt = gr_arena_alloc(arena, 2 * most * sizeof(gr_node *));
    if (!reached || !wrt) return GR_NO_MEMORY;
    b->nodes = gr_graph_size(b->g.graph);
    for (int k = 0; k < probe->groups.n; k++) GR_TRY(probe_layer(b, k, reached));
    if (b->wish->gradients) GR_TRY(probe_gradients(b, wrt, wrt + most));
    return gr_engine_new(model, &b->g, probe->target, probe->n, -1, &probe->engine);
}

gr_status gr_probe_make(gr_model *model, const gr_probe_wish *wish, gr_probe *probe)
{
    *probe = (gr_probe){0};
    probe_build b = {.probe = probe, .wish = wish};
    gr_status status = gr_model_build(model, GR_EVAL, wish->rows, &b.g);
    if (status == GR_OK) status = gr_groups_make(&b.g, &probe->groups);
    if (status == GR_OK) status = probe_fill(model, &b);
    if (status == GR_OK) status = gr_graph_status(b.g.graph);
    gr_model_graph_clear(&b.g);
    return status;
}

void gr_probe_clear(gr_probe *probe)
{
    gr_engine_clear(&probe->engine);
    gr_groups_clear(&probe->groups);
    *probe = (gr_probe){0};
}
