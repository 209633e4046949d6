/* Gradients of slices that lie side by side: each is the gradient of its slice in the midst of
 * zeros, and all are added up. One concat puts them together instead. A sum with zeros turns -0
 * into 0, and so does the one that stays. */
#include "ops/ops.h"
#include "passes/pass.h"

#include <math.h>

enum { TILES_MOST = 64 }; /* in one sum */

typedef struct tiles_sum {
    gr_shape shape;
    int n, axis;
    gr_node *part[TILES_MOST];
    int64_t from[TILES_MOST], to[TILES_MOST];
} tiles_sum;

/* The only axis along which `pad` adds zeros, all before or behind; -1: it is no such gate. */
static int tiles_axis(const gr_node *pad)
{
    if (pad->op != &gr_op_pad || pad->attr[3].f != 0 || signbit(pad->attr[3].f)) return -1;
    int axis = -1;
    for (int k = 0; k < pad->attr[0].ints.n; k++) {
        if (pad->attr[2].ints.v[k] != 0) return -1;
        if (pad->attr[0].ints.v[k] == 0 && pad->attr[1].ints.v[k] == 0) continue;
        if (axis >= 0) return -1;
        axis = k;
    }
    return axis;
}

/* Puts a tile in its place among the others, by where they begin. */
static bool tiles_append(tiles_sum *sum, const gr_node *pad)
{
    const int axis = tiles_axis(pad);
    if (axis < 0 || (sum->n > 0 && axis != sum->axis)) return false;
    if (!gr_shape_equal(gr_type_of(pad).shape, sum->shape)) return false;
    const int64_t from = pad->attr[0].ints.v[axis];
    int at = sum->n++;
    for (; at > 0 && sum->from[at - 1] > from; at--) {
        sum->part[at] = sum->part[at - 1];
        sum->from[at] = sum->from[at - 1];
        sum->to[at] = sum->to[at - 1];
    }
    sum->axis = axis;
    sum->part[at] = pad->in[0];
    sum->from[at] = from;
    sum->to[at] = from + gr_type_of(pad->in[0]).shape.dim[axis];
    return true;
}

/* Are these two, and what they are sums of, nothing but tiles that touch? */
static bool tiles_gather(tiles_sum *sum, gr_node *const in[2])
{
    gr_node *left[TILES_MOST] = {in[0], in[1]};
    for (int n = 2; n > 0;) {
        gr_node *node = left[--n];
        if (n + sum->n + 2 > TILES_MOST) return false;
        if (node->op == &gr_op_add) {
            left[n++] = node->in[0];
            left[n++] = node->in[1];
        } else if (!tiles_append(sum, node)) {
            return false;
        }
    }
    for (int i = 1; i < sum->n; i++)
        if (sum->from[i] != sum->to[i - 1]) return false;
    return true;
}

/* inner[id]: only one node reads it, a sum too. */
static gr_node *tiles_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    const bool *inner = ctx;
    tiles_sum sum = {.shape = gr_type_of(old).shape};
    (void)graph;
    if (old->op != &gr_op_add || inner[old->id] || !tiles_gather(&sum, in)) return NULL;
    int64_t zero[GR_MAX_RANK] = {0}, before[GR_MAX_RANK] = {0}, after[GR_MAX_RANK] = {0};
    before[sum.axis] = sum.from[0];
    after[sum.axis] = sum.shape.dim[sum.axis] - sum.to[sum.n - 1];
    gr_node *y = gr_shift(gr_concat(sum.part, sum.n, sum.axis), 0);
    if (before[sum.axis] > 0 || after[sum.axis] > 0) y = gr_pad(y, before, after, zero, 0);
    return old->name ? gr_name(y, old->name) : y;
}

gr_status gr_pass_tiles(gr_unit *unit)
{
    const int n = gr_graph_size(unit->graph);
    bool any = false, *needed = gr_graph_needed(unit->graph, unit->targets, unit->n);
    bool *inner = gr_alloc_array((size_t)n, sizeof *inner);
    int *reader = gr_alloc_array((size_t)n, sizeof *reader); /* its id + 1; -1 of more than one */
    gr_status status = needed && inner && reader ? GR_OK : GR_NO_MEMORY;
    for (int id = 0; id < n && status == GR_OK; id++) {
        const gr_node *node = unit->graph->nodes[id];
        for (int i = 0; needed[id] && i < node->n_in; i++) {
            int *of = &reader[node->in[i]->id];
            *of = *of == 0 ? id + 1 : -1;
            any |= node->op == &gr_op_add && node->in[i]->op == &gr_op_pad;
        }
    }
    for (int id = 0; id < n && any; id++)
        inner[id] = reader[id] > 0 && unit->graph->nodes[reader[id] - 1]->op == &gr_op_add;
    if (any) status = gr_rewrite(unit, tiles_rule, inner);
    gr_free(needed);
    gr_free(inner);
    gr_free(reader);
    return status;
}
