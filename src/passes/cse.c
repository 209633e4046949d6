/* Common subexpressions: nodes of one op with equal attributes and inputs are one node. Ops are
 * pure (random ones too: they are functions of seed, stream and step), so this changes no value. */
#include "passes/pass.h"

typedef struct cse_table {
    gr_node **slot;
    size_t mask;
} cse_table;

enum { CSE_MAX_IN = 16 }; /* wider nodes (a concat of many) are left alone */

/* Ids of the inputs in an order that makes a+b and b+a equal. */
static void cse_inputs(const gr_op *op, gr_node *const *in, int n, int *ids)
{
    for (int i = 0; i < n; i++) ids[i] = in[i]->id;
    if ((op->flags & GR_OP_COMMUTATIVE) && n == 2 && ids[0] > ids[1]) {
        int swap = ids[0];
        ids[0] = ids[1];
        ids[1] = swap;
    }
}

static uint64_t cse_hash(const gr_node *node, const int *ids)
{
    uint64_t h = gr_hash(&node->op, sizeof node->op, 0);
    h = gr_hash(ids, (size_t)node->n_in * sizeof *ids, h);
    for (int i = 0; i < node->op->n_attrs; i++) h = gr_attr_hash(&node->attr[i], h);
    return h;
}

static bool cse_same(const gr_node *old, const int *ids, const gr_node *found)
{
    int other[CSE_MAX_IN];
    if (found->op != old->op || found->n_in != old->n_in) return false;
    cse_inputs(found->op, found->in, found->n_in, other);
    if (memcmp(ids, other, (size_t)old->n_in * sizeof *ids) != 0) return false;
    for (int i = 0; i < old->op->n_attrs; i++)
        if (!gr_attr_equal(&old->attr[i], &found->attr[i])) return false;
    return true;
}

static gr_node *cse_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    cse_table *table = ctx;
    int ids[CSE_MAX_IN] = {0};
    if (old->n_in > CSE_MAX_IN || (old->op->flags & GR_OP_EFFECT)) return NULL;
    cse_inputs(old->op, in, old->n_in, ids);
    size_t at = (size_t)cse_hash(old, ids) & table->mask;
    for (; table->slot[at]; at = (at + 1) & table->mask)
        if (cse_same(old, ids, table->slot[at])) return table->slot[at];
    gr_node *node = gr_rebuild(graph, old, in);
    if (!gr_is_error(node)) table->slot[at] = node;
    return node;
}

gr_status gr_pass_cse(gr_unit *unit)
{
    cse_table table = {.mask = 15};
    while (table.mask < 2 * (size_t)gr_graph_size(unit->graph)) table.mask = 2 * table.mask + 1;
    table.slot = gr_alloc_array(table.mask + 1, sizeof *table.slot);
    if (!table.slot) return GR_NO_MEMORY;
    gr_status status = gr_rewrite(unit, cse_rule, &table);
    gr_free(table.slot);
    return status;
}
