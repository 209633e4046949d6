/* Copies of nodes and graphs, and which nodes a target needs. */
#include "graph/graph.h"

#include <stdio.h>

bool *gr_graph_needed(const gr_graph *graph, gr_node *const *targets, int n)
{
    bool *needed = gr_alloc(graph->count);
    if (!needed) return NULL;
    for (int i = 0; i < n; i++) {
        if (!gr_is_error(targets[i])) needed[targets[i]->id] = true;
    }
    for (size_t id = graph->count; id-- > 0;) { /* users come after what they use */
        const gr_node *node = graph->nodes[id];
        for (int i = 0; needed[id] && i < node->n_in; i++) needed[node->in[i]->id] = true;
    }
    return needed;
}

/* ---- One node ----------------------------------------------------------------------------- */

static const char *copy_text(gr_graph *graph, const gr_node *node, const char *text)
{
    return graph == node->graph ? text : gr_arena_strdup(&graph->arena, text);
}

/* Builds node's op with `attrs` and lets the result pass for node. */
static gr_node *copy_build(gr_graph *graph, const gr_node *node, gr_node *const *in,
                           const gr_attr *attrs)
{
    size_t before = graph->count;
    gr_node *copy = gr_build(graph, node->op, in, node->n_in, attrs);
    if (gr_is_error(copy) || graph->count == before) return copy;
    if (!copy->name) copy->name = copy_text(graph, node, node->name);
    copy->place = copy_text(graph, node, node->place);
    copy->composite = copy_text(graph, node, node->composite);
    if ((node->name && !copy->name) || (node->place && !copy->place) ||
        (node->composite && !copy->composite)) {
        return gr_build_fail(graph, GR_NO_MEMORY, node->op->name, "%s",
                             gr_status_text(GR_NO_MEMORY));
    }
    return copy;
}

gr_node *gr_rebuild(gr_graph *graph, const gr_node *node, gr_node *const *in)
{
    return copy_build(graph, node, in, node->attr);
}

gr_node *gr_again(gr_graph *graph, const gr_node *like, gr_node *const *in, int n)
{
    if (gr_is_error(like)) {
        return gr_build_fail(graph, GR_INVALID, "again", "there is no gate to build again");
    }
    if ((like->op->flags & (GR_OP_NAMED | GR_OP_EFFECT)) || n != like->n_in) {
        return gr_build_fail(graph, GR_INVALID, like->op->name,
                             "cannot be built again on %d inputs", n);
    }
    return gr_build(graph, like->op, in, n, like->attr);
}

bool gr_node_elementwise(const gr_node *node)
{
    return !gr_is_error(node) && (node->op->flags & GR_OP_ELEMENTWISE) != 0;
}

/* ---- Another element type ----------------------------------------------------------------- */

/* `tensor` in element type `to`, in the arena of `graph`; NULL when memory is out. */
static const gr_tensor *copy_convert(gr_graph *graph, const gr_tensor *tensor, gr_dtype to)
{
    int64_t count = gr_shape_count(tensor->shape);
    size_t bytes;
    if (!gr_mul_size((size_t)count, gr_dtype_size(to), &bytes)) return NULL;
    gr_tensor *out = gr_arena_alloc(&graph->arena, sizeof *out);
    void *data = gr_arena_alloc(&graph->arena, bytes);
    if (!out || !data) return NULL;
    *out = (gr_tensor){to, tensor->shape, data};
    for (int64_t i = 0; i < count; i++) gr_tensor_put(out, i, gr_tensor_at(tensor, i));
    return out;
}

/* node in `graph` with `from` turned into `to` in its attributes. */
static gr_node *copy_node(gr_graph *graph, const gr_node *node, gr_node *const *in, gr_dtype from,
                          gr_dtype to)
{
    gr_attr attr[GR_MAX_ATTRS];
    for (int i = 0; i < node->op->n_attrs; i++) {
        gr_attr *a = &attr[i];
        *a = node->attr[i];
        bool have = true;
        if (a->kind == GR_ATTR_DTYPE && a->i == (int64_t)from) {
            a->i = to;
        } else if (a->kind == GR_ATTR_TENSOR && a->tensor->dtype == from && from != to) {
            have = (a->tensor = copy_convert(graph, a->tensor, to)) != NULL;
        } else if (a->kind == GR_ATTR_BODY) {
            have = (a->body = gr_body_copy(graph, a->body, from, to)) != NULL;
        }
        if (!have) {
            return gr_build_fail(graph, GR_NO_MEMORY, node->op->name, "%s",
                                 gr_status_text(GR_NO_MEMORY));
        }
    }
    return copy_build(graph, node, in, attr);
}

/* Copies the nodes of `graph` that are needed (NULL: all) into `copy`; map[id] is the copy, unless
 * it was given. */
static gr_status copy_nodes(const gr_graph *graph, const bool *needed, gr_graph *copy,
                            gr_dtype from, gr_dtype to, gr_node **map)
{
    for (size_t id = 0; id < graph->count && copy->status == GR_OK; id++) {
        const gr_node *node = graph->nodes[id];
        if (map[id] || (needed && !needed[id])) continue;
        gr_node **in = gr_alloc_array((size_t)node->n_in, sizeof(gr_node *));
        if (!in) {
            gr_build_fail(copy, GR_NO_MEMORY, node->op->name, "%s", gr_status_text(GR_NO_MEMORY));
            break;
        }
        for (int i = 0; i < node->n_in; i++) in[i] = map[node->in[i]->id];
        map[id] = copy_node(copy, node, in, from, to);
        gr_free(in);
    }
    return copy->status;
}

gr_status gr_graph_copy(const gr_graph *from, gr_graph *to, gr_node **map)
{
    return copy_nodes(from, NULL, to, GR_F32, GR_F32, map);
}

gr_body *gr_body_copy(gr_graph *graph, const gr_body *body, gr_dtype from, gr_dtype to)
{
    size_t n = (size_t)(body->n_in + body->n_out);
    gr_graph *copy = gr_graph_new();
    gr_node **map = gr_alloc_array(body->graph->count, sizeof(gr_node *));
    gr_node **lists = gr_alloc_array(n, sizeof(gr_node *));
    gr_body *result = NULL;
    bool fine = copy && map && lists && copy_nodes(body->graph, NULL, copy, from, to, map) == GR_OK;
    if (fine) {
        for (int i = 0; i < body->n_in; i++) lists[i] = map[body->in[i]->id];
        for (int i = 0; i < body->n_out; i++) lists[body->n_in + i] = map[body->out[i]->id];
        result = gr_graph_adopt(graph, copy, lists, body->n_in, lists + body->n_in, body->n_out);
    } else {
        if (copy && copy->status != GR_OK) {
            gr_build_fail(graph, copy->status, NULL, "%s", copy->message);
        }
        gr_graph_free(copy);
    }
    gr_free(map);
    gr_free(lists);
    return result;
}

gr_status gr_graph_retype(const gr_graph *graph, gr_dtype from, gr_dtype to,
                          gr_node *const *targets, int n, gr_graph **copy, gr_node **out)
{
    *copy = NULL;
    if (!graph) return gr_fail(GR_INVALID, "no graph to copy");
    if (graph->status != GR_OK) return gr_fail(graph->status, "%s", graph->message);
    gr_graph *result = gr_graph_new();
    gr_node **map = gr_alloc_array(graph->count, sizeof(gr_node *));
    bool *needed = gr_graph_needed(graph, targets, n);
    gr_status status = GR_NO_MEMORY;
    if (result && map && needed) {
        status = copy_nodes(graph, needed, result, from, to, map);
        if (result->status != GR_OK) gr_fail(status, "%s", result->message);
    }
    for (int i = 0; status == GR_OK && i < n; i++) out[i] = map[targets[i]->id];
    gr_free(map);
    gr_free(needed);
    if (status == GR_OK) {
        *copy = result;
    } else {
        gr_graph_free(result);
    }
    return status;
}
