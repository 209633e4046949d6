/* A circuit as a picture: gates as nodes, values above and gradients below the wires. */
#include "cli/eval.h"
#include "cli/out.h"

#include <gradus/plot.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW_LINE = 22 }; /* characters of a wire's text in a line */

typedef struct draw_circuit {
    const circuit *c;
    const circuit_flow *flow;
    int flows, digits;
    gr_diagram *diagram;
    int *node; /* by gate: its node, or the dot where its wires part */
    gr_status status;
} draw_circuit;

/* ---- Texts ---------------------------------------------------------------------------------- */

/* What a gate shows: the sign of arithmetic, else its op. */
static const char *draw_sign(const char *op)
{
    static const char *const signs[][2] = {
        {"add", "+"},       {"sub", "−"},       {"mul", "×"}, {"div", "÷"},    {"neg", "−1×"},
        {"maximum", "max"}, {"minimum", "min"}, {"pow", "^"}, {"matmul", "@"}, {"square", "x²"}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strcmp(signs[i][0], op) == 0) return signs[i][1];
    return op;
}

char *eval_draw_value(const gr_tensor *value, int digits)
{
    if (!value->data) return NULL;
    char *text = circuit_show(value, digits);
    const size_t length = strlen(text);
    size_t line = 0;
    for (size_t i = 0; length > DRAW_LINE && i + 1 < length; i++) {
        line++;
        const bool row = text[i] == ',' && text[i - (i > 0)] == ']';
        if (text[i] == ',' && (row || line + 6 > DRAW_LINE)) {
            text[i + 1] = '\n';
            line = 0;
        }
    }
    return text;
}

/* ---- Parts ---------------------------------------------------------------------------------- */

static void draw_wire(draw_circuit *draw, int from, int to, const gr_tensor *value,
                      const gr_tensor *gradient)
{
    char *above = value ? eval_draw_value(value, draw->digits) : NULL;
    char *below = gradient ? eval_draw_value(gradient, draw->digits) : NULL;
    if (draw->status == GR_OK)
        draw->status =
            gr_diagram_connect(draw->diagram, GR_DIAGRAM_WIRE(.from = from, .to = to,
                                                              .value = above, .gradient = below));
    free(above);
    free(below);
}

static int draw_node(draw_circuit *draw, gr_diagram_kind kind, const char *text, const char *name)
{
    int number = 0;
    if (draw->status == GR_OK)
        draw->status = gr_diagram_add(
            draw->diagram, GR_DIAGRAM_NODE(.kind = kind, .text = text, .name = name), &number);
    return number;
}

/* Is the gate drawn as nothing but a piece of wire? So are the reshapes that a product of vectors
 * is made with: they only say how the same numbers stand. */
static bool draw_passes(const circuit *c, const circuit_gate *gate)
{
    return gate->kind == CIRCUIT_GATE && strcmp(gr_node_op(gate->node), "reshape") == 0 &&
           !gr_node_name(gate->node) && gate != &c->gate[c->result];
}

/* The gate from which the wire into input `slot` of gate k comes; NULL for what is no gate. */
static const circuit_gate *draw_origin(const circuit *c, int k, int slot)
{
    const circuit_gate *gate = circuit_input(c, k, slot);
    while (gate && draw_passes(c, gate)) gate = circuit_input(c, (int)(gate - c->gate), 0);
    return gate;
}

/* How many wires leave gate k? */
static int draw_count_uses(const circuit *c, int k)
{
    int uses = k == c->result;
    for (int reader = 0; reader < c->count; reader++)
        for (int i = 0; i < gr_node_inputs(c->gate[reader].node); i++)
            uses += !draw_passes(c, &c->gate[reader]) && draw_origin(c, reader, i) == &c->gate[k];
    return uses;
}

static void draw_gate(draw_circuit *draw, int k)
{
    const circuit *c = draw->c;
    const circuit_gate *gate = &c->gate[k];
    const char *name = gr_node_name(gate->node);
    const gr_diagram_kind kind = k == c->result ? GR_DIAGRAM_RESULT : GR_DIAGRAM_GATE;
    if (gate->kind == CIRCUIT_CONSTANT) return; /* one for each use */
    if (draw_passes(c, gate)) return;
    draw->node[k] = gate->kind == CIRCUIT_INPUT
                        ? draw_node(draw, GR_DIAGRAM_LEAF, gate->name, NULL)
                        : draw_node(draw, kind, draw_sign(gr_node_op(gate->node)), name);
    if (draw_count_uses(c, k) < 2) return;
    const int fork = draw_node(draw, GR_DIAGRAM_FORK, NULL, NULL);
    draw_wire(draw, draw->node[k], fork, &gate->value, &gate->grad);
    draw->node[k] = fork;
}

/* What comes back from gate k by its input `slot`. */
static const gr_tensor *draw_flow(const draw_circuit *draw, int k, int slot)
{
    for (int i = 0; i < draw->flows; i++)
        if (draw->flow[i].gate == k && draw->flow[i].slot == slot) return &draw->flow[i].downstream;
    return NULL;
}

static void draw_inputs(draw_circuit *draw, int k)
{
    const circuit *c = draw->c;
    for (int i = 0; i < gr_node_inputs(c->gate[k].node); i++) {
        const circuit_gate *input = draw_origin(c, k, i);
        if (!input) continue;
        const int from = (int)(input - c->gate);
        if (input->kind == CIRCUIT_CONSTANT) {
            const int leaf = draw_node(draw, GR_DIAGRAM_LEAF, input->name, NULL);
            draw_wire(draw, leaf, draw->node[k], NULL, NULL);
        } else if (draw_count_uses(c, from) < 2) {
            /* of a vector and the same as a matrix, the vector is shown */
            const circuit_gate *end = circuit_input(c, k, i);
            if (end->value.shape.rank > input->value.shape.rank) end = input;
            draw_wire(draw, draw->node[from], draw->node[k], &end->value, &end->grad);
        } else {
            draw_wire(draw, draw->node[from], draw->node[k], NULL, draw_flow(draw, k, i));
        }
    }
}

/* A wire goes into the node of a gate, and leaves from the dot behind it. */
static void draw_all(draw_circuit *draw)
{
    const circuit *c = draw->c;
    const circuit_gate *result = &c->gate[c->result];
    for (int k = 0; k < c->count; k++) {
        draw_gate(draw, k);
        const int behind = draw->node[k];
        const bool drawn = c->gate[k].kind == CIRCUIT_GATE && !draw_passes(c, &c->gate[k]);
        if (drawn && draw_count_uses(c, k) > 1) draw->node[k] = behind - 1;
        if (drawn) draw_inputs(draw, k);
        draw->node[k] = behind;
    }
    if (result->kind == CIRCUIT_CONSTANT)
        draw->node[c->result] = draw_node(draw, GR_DIAGRAM_LEAF, result->name, NULL);
    draw_wire(draw, draw->node[c->result], -1, &result->value, &result->grad);
}

gr_status eval_draw(const circuit *c, int digits, const char *const *paths, int n)
{
    draw_circuit draw = {.c = c, .digits = digits};
    circuit_flow *flows = NULL;
    draw.node = cli_alloc((size_t)c->count, sizeof *draw.node);
    draw.status = gr_diagram_new(NULL, 0, &draw.diagram);
    if (draw.status == GR_OK) draw.status = circuit_flows(c, &flows, &draw.flows);
    draw.flow = flows;
    if (draw.status == GR_OK) draw_all(&draw);
    for (int i = 0; i < n && draw.status == GR_OK; i++)
        if (paths[i]) draw.status = gr_diagram_save(draw.diagram, paths[i]);
    circuit_flows_free(flows, draw.flows);
    gr_diagram_free(draw.diagram);
    free(draw.node);
    return draw.status;
}
