/* The verifier: what every stage may take for granted of a graph. */
#include "graph/graph.h"

static gr_status verify_graph(const gr_graph *graph);

static gr_status verify_fault(const gr_node *node, const char *what)
{
    return gr_fail(GR_INTERNAL, "graph: node %%%d (%s%s%s%s) %s", node->id,
                   node->op ? node->op->name : "no op", node->name ? " '" : "",
                   node->name ? node->name : "", node->name ? "'" : "", what);
}

static gr_status verify_inputs(const gr_graph *graph, const gr_node *node)
{
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *in = node->in[i];
        if (!in || in->graph != graph) return verify_fault(node, "has a foreign input");
        if (in->id < 0 || in->id >= node->id) return verify_fault(node, "comes before its input");
        if (graph->nodes[in->id] != in) return verify_fault(node, "has an input out of its place");
    }
    return GR_OK;
}

static gr_status verify_body(const gr_node *node, const gr_body *body)
{
    for (int i = 0; i < body->n_in + body->n_out; i++) {
        const gr_node *end = i < body->n_in ? body->in[i] : body->out[i - body->n_in];
        if (gr_is_error(end) || end->graph != body->graph) {
            return verify_fault(node, "has a body with a foreign input or result");
        }
    }
    return verify_graph(body->graph);
}

static gr_status verify_attrs(const gr_node *node)
{
    for (int i = 0; i < node->op->n_attrs; i++) {
        const gr_attr *attr = &node->attr[i];
        if (attr->kind != node->op->attrs[i].kind) {
            return verify_fault(node, "has an attribute of the wrong kind");
        }
        bool empty = (attr->kind == GR_ATTR_TENSOR && !attr->tensor) ||
                     (attr->kind == GR_ATTR_BODY && !attr->body) ||
                     (attr->kind == GR_ATTR_GATE && !attr->gate);
        if (empty) return verify_fault(node, "lacks an attribute");
        if (attr->kind == GR_ATTR_BODY) GR_TRY(verify_body(node, attr->body));
    }
    return GR_OK;
}

/* The op's rule, asked again, must give what the node has. */
static gr_status verify_types(const gr_node *node)
{
    gr_attr attr[GR_MAX_ATTRS];
    gr_infer s;
    if (node->op->n_attrs > GR_MAX_ATTRS) return verify_fault(node, "has too many attributes");
    for (int i = 0; i < node->op->n_attrs; i++) attr[i] = node->attr[i];
    gr_status status = gr_infer_node(node->op, node->in, node->n_in, attr, &s);
    if (status == GR_NO_MEMORY) return status;
    if (status != GR_OK) {
        verify_fault(node, "breaks its op's rule");
        return gr_fail(GR_INTERNAL, "%s: %s", gr_message(), s.message);
    }
    for (int i = 0; i < node->op->n_attrs; i++) {
        if (!gr_attr_equal(&attr[i], &node->attr[i])) {
            return verify_fault(node, "has an incomplete attribute");
        }
    }
    if (s.n_out != node->n_out) return verify_fault(node, "has the wrong number of outputs");
    for (int i = 0; i < s.n_out; i++) {
        if (s.out[i].dtype == node->out[i].dtype &&
            gr_shape_equal(s.out[i].shape, node->out[i].shape)) {
            continue;
        }
        verify_fault(node, "has the wrong type");
        return gr_fail(GR_INTERNAL, "%s: %s%s, where its rule gives %s%s", gr_message(),
                       gr_dtype_name(node->out[i].dtype), gr_shape_text(node->out[i].shape),
                       gr_dtype_name(s.out[i].dtype), gr_shape_text(s.out[i].shape));
    }
    return GR_OK;
}

static gr_status verify_graph(const gr_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++) {
        const gr_node *node = graph->nodes[i];
        if (!node) return gr_fail(GR_INTERNAL, "graph: node %%%zu is missing", i);
        if (!node->op) return verify_fault(node, "is an error node");
        if (node->graph != graph) return verify_fault(node, "belongs to another graph");
        if (node->id != (int)i) return verify_fault(node, "is out of its place");
        GR_TRY(verify_inputs(graph, node));
        GR_TRY(verify_attrs(node));
        GR_TRY(verify_types(node));
        if ((node->op->flags & GR_OP_NAMED) && gr_graph_leaf(graph, node->name) != node) {
            return verify_fault(node, "has a name that is not its own");
        }
    }
    return GR_OK;
}

gr_status gr_graph_verify(const gr_graph *graph)
{
    if (!graph) return gr_fail(GR_INVALID, "no graph to verify");
    if (graph->status != GR_OK) return gr_fail(graph->status, "%s", graph->message);
    return verify_graph(graph);
}
