/* Graphs as Graphviz's DOT: a box for each gate, a frame around the gates of one composite. */
#include "graph/write.h"

typedef struct dot_drawing {
    gr_text text;
    const gr_graph *graph;
    bool *needed, *output, *drawn;
} dot_drawing;

/* A label's text: quotes and backslashes escaped, control characters left out. */
static void dot_escape(gr_text *text, const char *word)
{
    for (; *word; word++) {
        if (*word == '"' || *word == '\\') gr_text_append(text, "\\", 1);
        if ((unsigned char)*word >= 0x20) gr_text_append(text, word, 1);
    }
}

static const char *dot_style(const gr_node *node)
{
    if (!(node->op->flags & GR_OP_LEAF)) return "shape=box, style=rounded";
    if (!(node->op->flags & GR_OP_NAMED)) return "shape=plaintext";
    return node->op->flags & GR_OP_SHARED ? "shape=cylinder" : "shape=ellipse";
}

/* The attributes that say what the gate does; a leaf's are its name and type. */
static void dot_attrs(dot_drawing *drawing, const gr_node *node)
{
    const gr_op *op = node->op;
    for (int i = 0; !(op->flags & GR_OP_NAMED) && i < op->n_attrs; i++) {
        gr_text value = {0};
        if (op->flags & GR_OP_LEAF) {
            gr_write_attr(&value, &node->attr[i], 4, -1);
        } else {
            gr_text_printf(&value, "%s=", op->attrs[i].name);
            gr_write_attr(&value, &node->attr[i], 4, -1);
        }
        gr_text_append(&drawing->text, "\\n", 2);
        if (value.data) dot_escape(&drawing->text, value.data);
        drawing->text.failed |= value.failed;
        gr_text_free(&value);
    }
}

static void dot_node(dot_drawing *drawing, const gr_node *node)
{
    gr_text *text = &drawing->text;
    drawing->drawn[node->id] = true;
    gr_text_printf(text, "  n%d [%s%s, label=\"", node->id, dot_style(node),
                   drawing->output[node->id] ? ", peripheries=2" : "");
    if (node->name) {
        dot_escape(text, node->name);
        gr_text_append(text, "\\n", 2);
    }
    if (!(node->op->flags & GR_OP_LEAF)) gr_text_printf(text, "%s", node->op->name);
    if (node->op->flags & GR_OP_LEAF) gr_text_printf(text, "%s ", node->op->name);
    dot_attrs(drawing, node);
    gr_text_append(text, "\\n", 2);
    gr_write_types(text, node);
    gr_text_printf(text, "\"];\n");
}

/* All nodes of the composite that `first` belongs to, in a frame. */
static void dot_cluster(dot_drawing *drawing, const gr_node *first)
{
    gr_text *text = &drawing->text;
    gr_text_printf(text, "  subgraph cluster_%d {\n  style=dashed; label=\"", first->id);
    dot_escape(text, first->composite);
    gr_text_printf(text, "\";\n");
    for (size_t id = (size_t)first->id; id < drawing->graph->count; id++) {
        const gr_node *node = drawing->graph->nodes[id];
        if (drawing->needed[id] && node->composite == first->composite) dot_node(drawing, node);
    }
    gr_text_printf(text, "  }\n");
}

static void dot_draw(dot_drawing *drawing)
{
    const gr_graph *graph = drawing->graph;
    gr_text *text = &drawing->text;
    gr_text_printf(text, "digraph gradus {\n  rankdir=LR;\n"
                         "  node [fontname=\"sans-serif\", fontsize=11];\n");
    for (size_t id = 0; id < graph->count; id++) {
        const gr_node *node = graph->nodes[id];
        if (!drawing->needed[id] || drawing->drawn[id]) continue;
        if (node->composite) {
            dot_cluster(drawing, node);
        } else {
            dot_node(drawing, node);
        }
    }
    for (size_t id = 0; id < graph->count; id++) {
        const gr_node *node = graph->nodes[id];
        for (int i = 0; drawing->needed[id] && i < node->n_in; i++) {
            gr_text_printf(text, "  n%d -> n%d;\n", node->in[i]->id, node->id);
        }
    }
    gr_text_printf(text, "}\n");
}

gr_status gr_graph_dot(const gr_graph *graph, gr_node *const *outputs, int n, char **text)
{
    *text = NULL;
    if (!graph) return gr_fail(GR_INVALID, "no graph to draw");
    if (graph->status != GR_OK) return gr_fail(graph->status, "%s", graph->message);
    for (int i = 0; i < n; i++) {
        if (gr_is_error(outputs[i]) || outputs[i]->graph != graph) {
            return gr_fail(GR_INVALID, "output %d is no node of the graph", i);
        }
    }
    dot_drawing drawing = {.graph = graph,
                           .needed = gr_graph_needed(graph, n > 0 ? outputs : graph->nodes,
                                                     n > 0 ? n : (int)graph->count),
                           .output = gr_alloc(graph->count),
                           .drawn = gr_alloc(graph->count)};
    gr_status status = GR_NO_MEMORY;
    if (drawing.needed && drawing.output && drawing.drawn) {
        for (int i = 0; i < n; i++) drawing.output[outputs[i]->id] = true;
        dot_draw(&drawing);
        status = gr_write_end(&drawing.text, text);
    }
    gr_free(drawing.needed);
    gr_free(drawing.output);
    gr_free(drawing.drawn);
    return status;
}
