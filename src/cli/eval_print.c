/* A circuit as table, JSON and DOT. */
#include "cli/eval.h"
#include "cli/out.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

/* ---- Table ---------------------------------------------------------------------------------- */

static void eval_cell_value(cli_table *table, const gr_tensor *value, int digits)
{
    char *text = value->data ? circuit_show(value, digits) : cli_format("%s", "");
    cli_table_cell(table, "%s", text);
    free(text);
}

/* "x, y": what gate `k` reads; to be freed. */
static char *eval_input_list(const circuit *c, int k)
{
    char *list = cli_format("%s", "");
    for (int i = 0; i < gr_node_inputs(c->gate[k].node); i++) {
        const circuit_gate *input = circuit_input(c, k, i);
        char *longer = cli_format("%s%s%s", list, i ? ", " : "", input ? input->name : "?");
        free(list);
        list = longer;
    }
    return list;
}

static void eval_row(cli_table *table, const circuit *c, int k, int digits)
{
    const circuit_gate *gate = &c->gate[k];
    bool result = k == c->result;
    char *list = eval_input_list(c, k);
    cli_table_cell(table, "%s%s%s", result ? cli_color(CLI_BOLD) : "", gate->name,
                   result ? cli_color(CLI_PLAIN) : "");
    cli_table_cell(table, "%s", gr_node_op(gate->node));
    cli_table_cell(table, "%s", list);
    eval_cell_value(table, &gate->value, digits);
    if (c->differentiated) eval_cell_value(table, &gate->grad, digits);
    free(list);
}

static bool eval_all_scalars(const circuit *c)
{
    for (int k = 0; k < c->count; k++)
        if (c->gate[k].kind != CIRCUIT_CONSTANT && c->gate[k].value.shape.rank > 0) return false;
    return true;
}

/* "f = -12": by the statement's name, or else the text itself if it is short. */
static void eval_print_result(const circuit *c, const gr_expr *expr, int digits)
{
    const char *name = gr_expr_statement_name(expr, gr_expr_statements(expr) - 1);
    char *value = circuit_show(&c->gate[c->result].value, digits), *text = NULL;
    if (!name && gr_expr_statements(expr) == 1 && gr_expr_print(expr, &text) == GR_OK) {
        text[strcspn(text, "\n")] = '\0';
        if (strlen(text) <= 60) name = text;
    }
    cli_print("%s%s = %s%s\n", cli_color(CLI_BOLD), name ? name : "result", value,
              cli_color(CLI_PLAIN));
    gr_text_release(text);
    free(value);
}

void eval_print_table(const circuit *c, const gr_expr *expr, int digits)
{
    if (c->count == 1 && c->gate[0].kind == CIRCUIT_CONSTANT) {
        eval_print_result(c, expr, digits);
        return;
    }
    const char *columns = eval_all_scalars(c) ? "<name|<op|<inputs|>value|>gradient"
                                              : "<name|<op|<inputs|~value|~gradient";
    char *fewer = cli_format("%s", columns);
    if (!c->differentiated) *strrchr(fewer, '|') = '\0';
    eval_print_result(c, expr, digits);
    cli_print("\n");
    cli_table *table = cli_table_new(fewer);
    for (int k = 0; k < c->count; k++)
        if (c->gate[k].kind != CIRCUIT_CONSTANT) eval_row(table, c, k, digits);
    cli_table_print(table);
    free(fewer);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void eval_json_value(cli_json *json, const char *key, const gr_tensor *value)
{
    if (value->data)
        cli_json_tensor(json, key, value);
    else
        cli_json_null(json, key);
}

static void eval_json_gate(cli_json *json, const circuit *c, int k)
{
    const circuit_gate *gate = &c->gate[k];
    cli_json_object(json, NULL);
    cli_json_text(json, "name", gate->name);
    cli_json_text(json, "op", gr_node_op(gate->node));
    cli_json_row(json, "inputs");
    for (int i = 0; i < gr_node_inputs(gate->node); i++) {
        const circuit_gate *input = circuit_input(c, k, i);
        cli_json_text(json, NULL, input ? input->name : NULL);
    }
    cli_json_end(json);
    cli_json_shape(json, "shape", gate->value.shape);
    eval_json_value(json, "value", &gate->value);
    eval_json_value(json, "grad", &gate->grad);
    cli_json_end(json);
}

void eval_print_json(cli_json *json, const circuit *c)
{
    eval_json_value(json, "value", &c->gate[c->result].value);
    cli_json_object(json, "inputs");
    for (int k = 0; k < c->inputs; k++) {
        cli_json_object(json, c->gate[k].name);
        eval_json_value(json, "value", &c->gate[k].value);
        eval_json_value(json, "grad", &c->gate[k].grad);
        cli_json_end(json);
    }
    cli_json_end(json);
    cli_json_array(json, "gates");
    for (int k = c->inputs; k < c->count; k++)
        if (c->gate[k].kind == CIRCUIT_GATE) eval_json_gate(json, c, k);
    cli_json_end(json);
}

/* ---- DOT ------------------------------------------------------------------------------------ */

static void eval_dot_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') cli_print("\\");
        cli_print("%c", *text);
    }
}

static void eval_dot_value(const char *what, const gr_tensor *value, int digits)
{
    if (!value->data) return;
    char *text = circuit_show(value, digits);
    cli_print("\\n%s", what);
    eval_dot_text(text);
    free(text);
}

static void eval_dot_gate(const circuit *c, int k, int digits)
{
    static const char *const styles[] = {[CIRCUIT_INPUT] = "shape=ellipse",
                                         [CIRCUIT_CONSTANT] = "shape=plaintext",
                                         [CIRCUIT_GATE] = "shape=box, style=rounded"};
    const circuit_gate *gate = &c->gate[k];
    cli_print("  n%d [%s%s, label=\"", k, styles[gate->kind],
              k == c->result ? ", peripheries=2" : "");
    eval_dot_text(gate->name);
    if (gate->kind == CIRCUIT_GATE) cli_print(": %s", gr_node_op(gate->node));
    if (gate->kind != CIRCUIT_CONSTANT) {
        eval_dot_value("value ", &gate->value, digits);
        eval_dot_value("gradient ", &gate->grad, digits);
    }
    cli_print("\"];\n");
}

void eval_print_dot(const circuit *c, int digits)
{
    cli_print("digraph circuit {\n  rankdir=LR;\n"
              "  node [fontname=\"sans-serif\", fontsize=11];\n");
    for (int k = 0; k < c->count; k++) eval_dot_gate(c, k, digits);
    for (int k = 0; k < c->count; k++) {
        for (int i = 0; i < gr_node_inputs(c->gate[k].node); i++) {
            const circuit_gate *input = circuit_input(c, k, i);
            if (input) cli_print("  n%d -> n%d;\n", (int)(input - c->gate), k);
        }
    }
    cli_print("}\n");
}
