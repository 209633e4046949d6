/* Diagrams: what is in them. */
#include "plot/diagram.h"

gr_status gr_diagram_new(const char *title, double dpi, gr_diagram **out)
{
    gr_diagram *diagram = gr_alloc(sizeof *diagram);
    *out = NULL;
    if (!diagram) return GR_NO_MEMORY;
    diagram->dpi = dpi > 0 ? dpi : 200;
    gr_status status = gr_plot_text_copy(title, &diagram->title);
    if (status == GR_OK) {
        *out = diagram;
    } else {
        gr_diagram_free(diagram);
    }
    return status;
}

void gr_diagram_free(gr_diagram *diagram)
{
    if (!diagram) return;
    for (size_t i = 0; i < diagram->nodes; i++) {
        gr_free(diagram->node[i].text);
        gr_free(diagram->node[i].name);
    }
    for (size_t i = 0; i < diagram->wires; i++) {
        gr_free(diagram->wire[i].value);
        gr_free(diagram->wire[i].gradient);
    }
    gr_free(diagram->node);
    gr_free(diagram->wire);
    gr_free(diagram->title);
    gr_free(diagram);
}

/* Two texts that may be NULL; on failure neither is left. */
static gr_status diagram_copy(const char *const from[2], char *to[2])
{
    to[0] = to[1] = NULL;
    gr_status status = gr_plot_text_copy(from[0], &to[0]);
    if (status == GR_OK) status = gr_plot_text_copy(from[1], &to[1]);
    if (status == GR_OK) return GR_OK;
    gr_free(to[0]);
    return status;
}

gr_status gr_diagram_add(gr_diagram *diagram, const gr_diagram_node *node, int *number)
{
    char *text[2];
    if ((unsigned)node->kind > GR_DIAGRAM_FORK || node->color < 0 || node->color > PLOT_COLORS) {
        return gr_fail(GR_INVALID, "diagram: a node of kind %d and colour %d", (int)node->kind,
                       node->color);
    }
    if (!gr_grow(&diagram->node, diagram->nodes, &diagram->node_capacity, sizeof *diagram->node)) {
        return GR_NO_MEMORY;
    }
    GR_TRY(diagram_copy((const char *[]){node->text, node->name}, text));
    *number = (int)diagram->nodes;
    diagram->node[diagram->nodes++] =
        (diagram_node){.kind = node->kind, .text = text[0], .name = text[1], .color = node->color};
    return GR_OK;
}

gr_status gr_diagram_connect(gr_diagram *diagram, const gr_diagram_wire *wire)
{
    char *text[2];
    const int n = (int)diagram->nodes;
    if (wire->from < 0 || wire->from >= n || wire->to < -1 || wire->to >= n) {
        return gr_fail(GR_RANGE, "diagram: there is no wire from %d to %d among %d nodes",
                       wire->from, wire->to, n);
    }
    if (!gr_grow(&diagram->wire, diagram->wires, &diagram->wire_capacity, sizeof *diagram->wire)) {
        return GR_NO_MEMORY;
    }
    GR_TRY(diagram_copy((const char *[]){wire->value, wire->gradient}, text));
    diagram->wire[diagram->wires++] = (diagram_wire){wire->from, wire->to, text[0], text[1]};
    return GR_OK;
}
