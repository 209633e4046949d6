/* Max pooling that a gradient looks into: where max_pool_taps of the same windows is computed too,
 * max_pool reads its value there instead of searching once more. */
#include "ops/ops.h"
#include "passes/pass.h"

typedef struct taps_pairs {
    const gr_node **partner; /* of each max_pool: the max_pool_taps of the same windows */
    gr_node **made;          /* of each of those: what stands for it in the new graph */
} taps_pairs;

static bool taps_same_windows(const gr_node *pool, const gr_node *taps)
{
    if (pool->in[0] != taps->in[0]) return false;
    for (int i = 0; i < pool->op->n_attrs; i++)
        if (!gr_attr_equal(&pool->attr[i], &taps->attr[i])) return false;
    return true;
}

/* Notes the partners; whether there are any. */
static bool taps_find(const gr_graph *graph, const bool *needed, const gr_node **partner)
{
    bool any = false;
    for (int t = 0; t < gr_graph_size(graph); t++) {
        const gr_node *taps = graph->nodes[t];
        if (!needed[t] || taps->op != &gr_op_max_pool_taps) continue;
        for (int id = taps->in[0]->id + 1; id < gr_graph_size(graph); id++) {
            const gr_node *pool = graph->nodes[id];
            if (!needed[id] || pool->op != &gr_op_max_pool) continue;
            if (!partner[id] && taps_same_windows(pool, taps)) partner[id] = taps;
            any |= partner[id] != NULL;
        }
    }
    return any;
}

/* The new max_pool_taps, built where the first of the pair stands. */
static gr_node *taps_make(const taps_pairs *pairs, gr_graph *graph, const gr_node *old,
                          gr_node *const *in)
{
    gr_node **made = &pairs->made[old->id];
    if (!*made) *made = gr_rebuild(graph, old, in);
    return *made;
}

static gr_node *taps_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    const taps_pairs *pairs = ctx;
    if (old->op == &gr_op_max_pool_taps) return taps_make(pairs, graph, old, in);
    const gr_node *partner = pairs->partner[old->id];
    if (!partner) return NULL;
    gr_node *value = gr_get(taps_make(pairs, graph, partner, in), 0);
    return old->name ? gr_name(value, old->name) : value;
}

gr_status gr_pass_taps(gr_unit *unit)
{
    const size_t size = (size_t)gr_graph_size(unit->graph);
    bool *needed = gr_graph_needed(unit->graph, unit->targets, unit->n);
    taps_pairs pairs = {gr_alloc_array(size, sizeof *pairs.partner),
                        gr_alloc_array(size, sizeof *pairs.made)};
    gr_status status = GR_NO_MEMORY;
    if (needed && pairs.partner && pairs.made) {
        status = GR_OK;
        if (taps_find(unit->graph, needed, pairs.partner)) {
            status = gr_rewrite(unit, taps_rule, &pairs);
        }
    }
    gr_free(needed);
    gr_free(pairs.partner);
    gr_free(pairs.made);
    return status;
}
