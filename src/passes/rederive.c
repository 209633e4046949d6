/* Values that are cheap to derive from one that is kept anyway are derived again where they are
 * read late, instead of being kept themselves.
 *
 * A batch normalisation's backward pass reads x − mean and its quotient by the deviation. Each
 * would be written in the forward pass and kept to the backward pass; both follow from x by a gate
 * or two that cost nothing beside reading x (compare min-cut rematerialisation: He and Yu 2023,
 * "Transcending runtime-memory tradeoffs in checkpointing by being fusion aware"). `fuse` takes the
 * copies into the pass over memory that reads them. Gates are pure, so copies have the same bits.
 */
#include "ops/ops.h"
#include "passes/pass.h"

enum {
    REDERIVE_SMALLEST = 16384, /* bytes: below, a value stays in the first-level cache */
    REDERIVE_LEAN = 16,        /* times fewer elements: an operand that may be kept */
    REDERIVE_GATES = 6,        /* most gates of a derivation */
    REDERIVE_INPUTS = 4        /* most of a gate */
};

typedef struct rederive {
    /* By id of a node of the old graph: */
    int *depth;      /* products, convolutions and the like on the longest way here */
    int *gates;      /* of its derivation; 0: it has none */
    int *base;       /* what it is derived from: an id */
    bool *kept;      /* in memory anyway: read by a kernel of its own, or a target */
    gr_node **map;   /* its copy */
    gr_node **again; /* its latest second copy, */
    int *again_at;   /* and the depth for which that was made */
} rederive;

static bool rederive_is_gate(const gr_node *node)
{
    const gr_op *op = node->op;
    return (op->flags & GR_OP_ELEMENTWISE) || op == &gr_op_sum || op == &gr_op_prod ||
           op == &gr_op_max || op == &gr_op_min;
}

static size_t rederive_bytes(const gr_node *node)
{
    return (size_t)gr_shape_count(node->out[0].shape) * gr_dtype_size(node->out[0].dtype);
}

/* The derivation of a node, if it has one: by elementwise gates from one value of its size. */
static void rederive_find(rederive *r, const gr_node *node)
{
    const int64_t count = gr_shape_count(node->out[0].shape);
    const unsigned flags = node->op->flags;
    if (!(flags & GR_OP_ELEMENTWISE) || (flags & GR_OP_COSTLY) || node->n_in == 0) return;
    if (r->kept[node->id] || rederive_bytes(node) < REDERIVE_SMALLEST) return;
    int gates = 1, base = -1;
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *in = node->in[i];
        if (gr_shape_count(in->out[0].shape) <= count / REDERIVE_LEAN) continue;
        const int root = r->gates[in->id] ? r->base[in->id] : in->id;
        if (base >= 0 && base != root) return;
        base = root;
        gates += r->gates[in->id];
    }
    if (base < 0 || gates > REDERIVE_GATES) return;
    if (rederive_bytes(node->graph->nodes[base]) > rederive_bytes(node)) return;
    r->base[node->id] = base;
    r->gates[node->id] = gates;
}

static void rederive_study(rederive *r, const gr_unit *unit, const bool *needed)
{
    const int n = gr_graph_size(unit->graph);
    for (int i = 0; i < unit->n; i++) r->kept[unit->targets[i]->id] = true;
    for (int id = 0; id < n; id++) {
        const gr_node *node = unit->graph->nodes[id];
        for (int i = 0; needed[id] && i < node->n_in; i++)
            r->kept[node->in[i]->id] |= !rederive_is_gate(node);
    }
    for (int id = 0; id < n; id++) {
        const gr_node *node = unit->graph->nodes[id];
        for (int i = 0; i < node->n_in; i++)
            if (r->depth[node->in[i]->id] > r->depth[id]) r->depth[id] = r->depth[node->in[i]->id];
        r->depth[id] += !rederive_is_gate(node) && !(node->op->flags & (GR_OP_LEAF | GR_OP_VIEW));
        if (needed[id]) rederive_find(r, node);
    }
}

/* What stands for `node` when it is read at `depth`. */
static gr_node *rederive_read(rederive *r, gr_graph *graph, const gr_node *node, int depth)
{
    const int id = node->id;
    if (!r->gates[id] || r->depth[id] >= depth) return r->map[id];
    if (r->again[id] && r->again_at[id] == depth) return r->again[id];
    gr_node *in[REDERIVE_INPUTS];
    for (int i = 0; i < node->n_in; i++) in[i] = rederive_read(r, graph, node->in[i], depth);
    r->again_at[id] = depth;
    return r->again[id] = gr_rebuild(graph, node, in);
}

static gr_node *rederive_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    rederive *r = ctx;
    gr_node *read[REDERIVE_INPUTS];
    gr_node *const *inputs = in;
    if (rederive_is_gate(old) && old->n_in <= REDERIVE_INPUTS) {
        for (int i = 0; i < old->n_in; i++)
            read[i] = rederive_read(r, graph, old->in[i], r->depth[old->id]);
        inputs = read;
    }
    return r->map[old->id] = gr_rebuild(graph, old, inputs);
}

gr_status gr_pass_rederive(gr_unit *unit)
{
    const size_t n = (size_t)gr_graph_size(unit->graph);
    gr_arena arena = {0};
    rederive r = {.depth = gr_arena_alloc(&arena, n * sizeof *r.depth),
                  .gates = gr_arena_alloc(&arena, n * sizeof *r.gates),
                  .base = gr_arena_alloc(&arena, n * sizeof *r.base),
                  .kept = gr_arena_alloc(&arena, n * sizeof *r.kept),
                  .map = gr_arena_alloc(&arena, n * sizeof *r.map),
                  .again = gr_arena_alloc(&arena, n * sizeof *r.again),
                  .again_at = gr_arena_alloc(&arena, n * sizeof *r.again_at)};
    bool *needed = gr_graph_needed(unit->graph, unit->targets, unit->n);
    gr_status status = GR_NO_MEMORY;
    if (needed && r.depth && r.gates && r.base && r.kept && r.map && r.again && r.again_at) {
        rederive_study(&r, unit, needed);
        status = gr_rewrite(unit, rederive_rule, &r);
    }
    if (status == GR_OK) status = gr_rewrite(unit, NULL, NULL); /* without what none reads now */
    gr_free(needed);
    gr_arena_free(&arena);
    return status;
}
