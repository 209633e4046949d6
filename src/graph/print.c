/* The text form of graphs, read back by read.c:
 *
 *     gradus graph 1
 *     %0 = input() {name="x", dtype=f32, shape=[3]} : f32[3]
 *     %1 = constant() {value=f32[](2)} : f32[]
 *     %2 = mul(%0, %1) "twice" in "scale" : f32[3]
 *     return %2
 *
 * A tuple's type is (f32[3], i64[3]). A body is written graph(%0, %1) { … return %5 }. */
#include "graph/write.h"

#include <inttypes.h>
#include <stdio.h>

void gr_text_release(char *text)
{
    gr_free(text);
}

gr_status gr_write_end(gr_text *text, char **out)
{
    gr_text_append(text, "", 0);
    *out = text->failed ? NULL : text->data;
    if (text->failed) gr_text_free(text);
    return *out ? GR_OK : GR_NO_MEMORY;
}

static void graph_write_plain(gr_text *text, const char *words)
{
    gr_text_append(text, words, strlen(words));
}

void gr_write_quoted(gr_text *text, const char *word)
{
    graph_write_plain(text, "\"");
    for (; *word; word++) {
        unsigned char c = (unsigned char)*word;
        if (c == '"' || c == '\\') {
            gr_text_printf(text, "\\%c", c);
        } else if (c < 0x20 || c == 0x7F) {
            gr_text_printf(text, "\\x%02X", c);
        } else {
            gr_text_append(text, word, 1);
        }
    }
    graph_write_plain(text, "\"");
}

static void graph_write_type(gr_text *text, gr_type type)
{
    gr_text_printf(text, "%s%s", gr_dtype_name(type.dtype), gr_shape_text(type.shape));
}

void gr_write_types(gr_text *text, const gr_node *node)
{
    for (int i = 0; i < node->n_out; i++) {
        if (node->n_out > 1) graph_write_plain(text, i == 0 ? "(" : ", ");
        graph_write_type(text, node->out[i]);
    }
    if (node->n_out > 1) graph_write_plain(text, ")");
}

/* ---- Attributes --------------------------------------------------------------------------- */

static void graph_write_tensor(gr_text *text, const gr_tensor *tensor, int64_t most)
{
    int64_t count = gr_shape_count(tensor->shape);
    graph_write_type(text, (gr_type){tensor->dtype, tensor->shape});
    graph_write_plain(text, "(");
    if (count > most) {
        graph_write_plain(text, "…");
        count = 0;
    }
    for (int64_t i = 0; i < count && !text->failed; i++) {
        if (i > 0) graph_write_plain(text, ", ");
        if (tensor->dtype == GR_I64) { /* a double may not hold it */
            gr_text_printf(text, "%" PRId64, ((const int64_t *)tensor->data)[i]);
        } else {
            gr_text_real(text, gr_tensor_at(tensor, i));
        }
    }
    graph_write_plain(text, ")");
}

static void graph_write_ints(gr_text *text, const gr_ints *ints)
{
    graph_write_plain(text, "[");
    for (int i = 0; i < ints->n; i++) {
        gr_text_printf(text, "%s%" PRId64, i > 0 ? "," : "", ints->v[i]);
    }
    graph_write_plain(text, "]");
}

static void graph_write_list(gr_text *text, gr_node *const *nodes, int n)
{
    for (int i = 0; i < n; i++) gr_text_printf(text, "%s%%%d", i > 0 ? ", " : "", nodes[i]->id);
}

static void graph_write_lines(gr_text *text, const gr_graph *graph, gr_node *const *outputs, int n,
                              int depth);

static void graph_write_body(gr_text *text, const gr_body *body, int depth)
{
    graph_write_plain(text, "graph");
    if (depth < 0) return;
    graph_write_plain(text, "(");
    graph_write_list(text, body->in, body->n_in);
    graph_write_plain(text, ") {\n");
    graph_write_lines(text, body->graph, body->out, body->n_out, depth + 1);
    gr_text_printf(text, "%*s}", 2 * depth, "");
}

void gr_write_attr(gr_text *text, const gr_attr *attr, int64_t most, int depth)
{
    switch (attr->kind) {
    case GR_ATTR_INT:
        gr_text_printf(text, "%" PRId64, attr->i);
        break;
    case GR_ATTR_REAL:
        gr_text_real(text, attr->f);
        break;
    case GR_ATTR_INTS:
        graph_write_ints(text, &attr->ints);
        break;
    case GR_ATTR_DTYPE:
        graph_write_plain(text, gr_dtype_name((gr_dtype)attr->i));
        break;
    case GR_ATTR_TEXT:
        gr_write_quoted(text, attr->s ? attr->s : "");
        break;
    case GR_ATTR_TENSOR:
        graph_write_tensor(text, attr->tensor, most);
        break;
    case GR_ATTR_BODY:
        graph_write_body(text, attr->body, depth);
        break;
    case GR_ATTR_GATE:
        gr_write_quoted(text, attr->gate->name ? attr->gate->name : "");
        break;
    }
}

/* ---- Graphs ------------------------------------------------------------------------------- */

static void graph_write_node(gr_text *text, const gr_node *node, int depth)
{
    const gr_op *op = node->op;
    gr_text_printf(text, "%*s%%%d = %s(", 2 * depth, "", node->id, op->name);
    graph_write_list(text, node->in, node->n_in);
    graph_write_plain(text, ")");
    for (int i = 0; i < op->n_attrs; i++) {
        gr_text_printf(text, "%s%s=", i == 0 ? " {" : ", ", op->attrs[i].name);
        gr_write_attr(text, &node->attr[i], INT64_MAX, depth);
    }
    if (op->n_attrs > 0) graph_write_plain(text, "}");
    if (node->name && !(op->flags & GR_OP_NAMED)) {
        graph_write_plain(text, " ");
        gr_write_quoted(text, node->name);
    }
    if (node->composite) {
        graph_write_plain(text, " in ");
        gr_write_quoted(text, node->composite);
    }
    graph_write_plain(text, " : ");
    gr_write_types(text, node);
    graph_write_plain(text, "\n");
}

static void graph_write_lines(gr_text *text, const gr_graph *graph, gr_node *const *outputs, int n,
                              int depth)
{
    for (size_t i = 0; i < graph->count; i++) graph_write_node(text, graph->nodes[i], depth);
    if (n == 0) return;
    gr_text_printf(text, "%*sreturn ", 2 * depth, "");
    graph_write_list(text, outputs, n);
    graph_write_plain(text, "\n");
}

gr_status gr_graph_print(const gr_graph *graph, gr_node *const *outputs, int n, char **text)
{
    gr_text out = {0};
    *text = NULL;
    if (!graph) return gr_fail(GR_INVALID, "no graph to print");
    if (graph->status != GR_OK) return gr_fail(graph->status, "%s", graph->message);
    for (int i = 0; i < n; i++) {
        if (gr_is_error(outputs[i]) || outputs[i]->graph != graph) {
            return gr_fail(GR_INVALID, "output %d is no node of the graph", i);
        }
    }
    graph_write_plain(&out, "gradus graph 1\n");
    graph_write_lines(&out, graph, outputs, n, 0);
    return gr_write_end(&out, text);
}

/* ---- One node in words -------------------------------------------------------------------- */

char *gr_node_text(const gr_node *node, char *text, size_t size)
{
    gr_text out = {0};
    if (size == 0) return text;
    gr_text_printf(&out, "%s(", gr_node_op(node));
    for (int i = 0; i < gr_node_inputs(node); i++) {
        const gr_node *in = node->in[i];
        graph_write_plain(&out, i > 0 ? ", " : "");
        if (in->name) graph_write_plain(&out, in->name);
        if (!in->name) gr_text_printf(&out, "%%%d", in->id);
    }
    for (int i = 0; !gr_is_error(node) && i < node->op->n_attrs; i++) {
        gr_text_printf(&out, "%s%s=", i + node->n_in > 0 ? ", " : "", node->op->attrs[i].name);
        gr_write_attr(&out, &node->attr[i], 8, -1);
    }
    graph_write_plain(&out, ")");
    snprintf(text, size, "%s", out.failed ? gr_node_op(node) : out.data);
    gr_text_free(&out);
    return text;
}
