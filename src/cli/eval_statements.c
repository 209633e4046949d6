/* A circuit as a picture of its statements: a box for each, with all the gates it is made of. */
#include "cli/eval.h"
#include "cli/out.h"

#include <gradus/plot.h>
#include <stdlib.h>
#include <string.h>

enum { STATEMENT_LINE = 26 }; /* characters of a box's line */

/* What leaves a statement or an input for another statement. */
typedef struct statement_wire {
    int from, to;       /* gates that stand for their statements */
    gr_tensor gradient; /* what comes back; no data if there is none */
} statement_wire;

typedef struct statement_drawing {
    const circuit *c;
    int digits;
    int *of; /* by gate: the gate that its statement ends in; -1 for constants */
    statement_wire *wire;
    int wires;
    gr_diagram *diagram;
    int *node; /* by gate: its box, or the dot behind it where wires part */
    gr_status status;
} statement_drawing;

/* ---- Which gate belongs where --------------------------------------------------------------- */

/* Gates stand in the order of the text, so each belongs to the next one that a statement names. */
static void statement_assign(statement_drawing *d)
{
    const circuit *c = d->c;
    int end = c->result;
    for (int k = c->count - 1; k >= 0; k--) {
        const circuit_gate *gate = &c->gate[k];
        if (gate->kind == CIRCUIT_GATE && gr_node_name(gate->node)) end = k;
        d->of[k] = gate->kind == CIRCUIT_GATE ? end : gate->kind == CIRCUIT_INPUT ? k : -1;
    }
}

static statement_wire *statement_find_wire(statement_drawing *d, int from, int to)
{
    for (int i = 0; i < d->wires; i++)
        if (d->wire[i].from == from && d->wire[i].to == to) return &d->wire[i];
    d->wire[d->wires] = (statement_wire){.from = from, .to = to};
    return &d->wire[d->wires++];
}

static void statement_add(gr_tensor *sum, const gr_tensor *part)
{
    if (!sum->data) {
        *sum = *part;
        sum->data = cli_alloc(gr_tensor_bytes(part), 1);
        memcpy(sum->data, part->data, gr_tensor_bytes(part));
        return;
    }
    const int64_t n = gr_shape_count(part->shape);
    for (int64_t i = 0; i < n; i++)
        gr_tensor_put(sum, i, gr_tensor_at(sum, i) + gr_tensor_at(part, i));
}

/* The wires between statements, each with the sum of what comes back by it. */
static void statement_connect(statement_drawing *d, const circuit_flow *flow, int flows)
{
    const circuit *c = d->c;
    size_t most = 0;
    for (int k = 0; k < c->count; k++) most += (size_t)gr_node_inputs(c->gate[k].node);
    d->wire = cli_alloc(most + 1, sizeof *d->wire);
    for (int k = 0; k < c->count; k++) {
        for (int i = 0; d->of[k] >= 0 && i < gr_node_inputs(c->gate[k].node); i++) {
            const circuit_gate *input = circuit_input(c, k, i);
            const int from = input ? d->of[input - c->gate] : -1;
            if (from >= 0 && from != d->of[k]) statement_find_wire(d, from, d->of[k]);
        }
    }
    for (int i = 0; i < flows; i++) {
        const int from = d->of[flow[i].input], to = d->of[flow[i].gate];
        if (from >= 0 && from != to && flow[i].downstream.data)
            statement_add(&statement_find_wire(d, from, to)->gradient, &flow[i].downstream);
    }
}

/* ---- Boxes ---------------------------------------------------------------------------------- */

/* Line `i` of a text, to be freed. */
static char *statement_line(const char *text, int i)
{
    while (i-- > 0) {
        text = strchr(text, '\n');
        if (!text++) return cli_format("%s", "");
    }
    return cli_format("%.*s", (int)strcspn(text, "\n"), text);
}

/* Breaks a text into lines, at blanks. */
static void statement_wrap(char *text)
{
    char *blank = NULL;
    int column = 0;
    for (char *at = text; *at; at++, column++) {
        if (column >= STATEMENT_LINE && blank) {
            *blank = '\n';
            column = (int)(at - blank - 1);
            blank = NULL;
        }
        if (*at == ' ') blank = at;
    }
}

/* The name, and under it what it is: "gated\ng * content + (1 - g) * before". To be freed. */
static char *statement_text(const circuit_gate *gate, const gr_expr *expr, const char *printed)
{
    const int last = gr_expr_statements(expr) - 1;
    const char *name = gr_node_name(gate->node);
    int i = 0;
    while (i < last && (!name || strcmp(gr_expr_statement_name(expr, i), name) != 0)) i++;
    char *line = statement_line(printed, i);
    const char *equals = name ? strstr(line, " = ") : NULL;
    char *value = cli_format("%s", equals ? equals + 3 : line);
    statement_wrap(value);
    char *text = cli_format("%s\n%s", name ? name : "result", value);
    free(value);
    free(line);
    return text;
}

static int statement_node(statement_drawing *d, gr_diagram_kind kind, const char *text)
{
    int number = 0;
    if (d->status == GR_OK)
        d->status =
            gr_diagram_add(d->diagram, GR_DIAGRAM_NODE(.kind = kind, .text = text), &number);
    return number;
}

static void statement_wire_draw(statement_drawing *d, int from, int to, const gr_tensor *value,
                                const gr_tensor *gradient)
{
    char *above = value ? eval_draw_value(value, d->digits) : NULL;
    char *below = gradient ? eval_draw_value(gradient, d->digits) : NULL;
    if (d->status == GR_OK)
        d->status = gr_diagram_connect(
            d->diagram, GR_DIAGRAM_WIRE(.from = from, .to = to, .value = above, .gradient = below));
    free(above);
    free(below);
}

static int statement_uses(const statement_drawing *d, int k)
{
    int uses = k == d->c->result;
    for (int i = 0; i < d->wires; i++) uses += d->wire[i].from == k;
    return uses;
}

/* The box of gate k, if it stands for its statement, and the wires into it. */
static void statement_draw(statement_drawing *d, const gr_expr *expr, const char *printed, int k)
{
    const circuit_gate *gate = &d->c->gate[k];
    if (d->of[k] != k) return;
    char *text = gate->kind == CIRCUIT_INPUT ? cli_format("%s", gate->name)
                                             : statement_text(gate, expr, printed);
    const int box =
        statement_node(d, gate->kind == CIRCUIT_INPUT ? GR_DIAGRAM_LEAF : GR_DIAGRAM_LAYER, text);
    free(text);
    d->node[k] = box;
    for (int i = 0; i < d->wires; i++) {
        const statement_wire *wire = &d->wire[i];
        if (wire->to != k) continue;
        const bool alone = statement_uses(d, wire->from) < 2;
        statement_wire_draw(d, d->node[wire->from], box,
                            alone ? &d->c->gate[wire->from].value : NULL, &wire->gradient);
    }
    if (statement_uses(d, k) < 2) return;
    d->node[k] = statement_node(d, GR_DIAGRAM_FORK, NULL);
    statement_wire_draw(d, box, d->node[k], &gate->value, &gate->grad);
}

/* ---- All ------------------------------------------------------------------------------------ */

gr_status eval_draw_statements(const circuit *c, const gr_expr *expr, int digits,
                               const char *const *paths, int n)
{
    statement_drawing d = {.c = c, .digits = digits};
    circuit_flow *flows = NULL;
    char *printed = NULL;
    int n_flows = 0;
    d.of = cli_alloc((size_t)c->count, sizeof *d.of);
    d.node = cli_alloc((size_t)c->count, sizeof *d.node);
    d.status = gr_diagram_new(NULL, 0, &d.diagram);
    if (d.status == GR_OK) d.status = gr_expr_print(expr, &printed);
    if (d.status == GR_OK) d.status = circuit_flows(c, &flows, &n_flows);
    if (d.status == GR_OK) {
        statement_assign(&d);
        statement_connect(&d, flows, n_flows);
        for (int k = 0; k < c->count; k++) statement_draw(&d, expr, printed, k);
        const circuit_gate *result = &c->gate[c->result];
        if (result->kind == CIRCUIT_CONSTANT)
            d.node[c->result] = statement_node(&d, GR_DIAGRAM_LEAF, result->name);
        statement_wire_draw(&d, d.node[c->result], -1, &result->value, &result->grad);
    }
    for (int i = 0; i < n && d.status == GR_OK; i++)
        if (paths[i]) d.status = gr_diagram_save(d.diagram, paths[i]);
    for (int i = 0; i < d.wires; i++) free(d.wire[i].gradient.data);
    circuit_flows_free(flows, n_flows);
    gr_text_release(printed);
    gr_diagram_free(d.diagram);
    free(d.wire);
    free(d.node);
    free(d.of);
    return d.status;
}
