/* The chain rule in words: upstream × local = downstream, gate by gate. */
#include "cli/eval.h"
#include "cli/out.h"
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

/* What a gate does to the gradient that comes to it. */
static const char *explain_pattern(const char *op)
{
    static const char *const patterns[][2] = {
        {"add", "add distributes: all inputs get the upstream gradient"},
        {"sub", "sub distributes, and turns the sign for the second input"},
        {"mul", "mul switches: the local gradient is the other input"},
        {"div", "div: 1/y for x, -x/y^2 for y"},
        {"neg", "neg turns the sign"},
        {"maximum", "max routes: all to the larger input"},
        {"minimum", "min routes: all to the smaller input"},
        {"max", "max routes: all to the largest element"},
        {"min", "min routes: all to the smallest element"},
        {"relu", "relu is a switch: 1 above 0, else 0"},
        {"exp", "exp: its own value"},
        {"log", "log: 1/x"},
        {"square", "square: 2x"},
        {"sqrt", "sqrt: 1/(2 sqrt(x))"},
        {"sigmoid", "sigmoid: s (1 - s)"},
        {"tanh", "tanh: 1 - t^2"},
        {"reciprocal", "reciprocal: -1/x^2"},
        {"pow", "pow: n x^(n-1)"},
        {"sum", "sum distributes: all elements get the upstream gradient"},
        {"matmul", "matmul switches: upstream times the other matrix, transposed"},
        {"reshape", "reshape: the same numbers in the other shape"},
        {"broadcast", "broadcast is a fork: the copies' gradients sum"},
    };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (strcmp(patterns[i][0], op) == 0) return patterns[i][1];
    return "";
}

static char *explain_show(const gr_tensor *value, int digits)
{
    return value->data ? circuit_show(value, digits) : cli_format("%s", "");
}

static void explain_row(cli_table *table, const circuit *c, const circuit_flow *flow, bool first,
                        int digits)
{
    const circuit_gate *gate = &c->gate[flow->gate];
    char *upstream = explain_show(&gate->grad, digits);
    char *local = explain_show(&flow->local, digits);
    char *downstream = explain_show(&flow->downstream, digits);
    cli_table_cell(table, "%s", first ? gate->name : "");
    cli_table_cell(table, "%s", first ? gr_node_op(gate->node) : "");
    cli_table_cell(table, "%s", c->gate[flow->input].name);
    cli_table_cell(table, "%s", upstream);
    cli_table_cell(table, "%s", cli_glyph("×", "*"));
    cli_table_cell(table, "%s", local);
    cli_table_cell(table, "%s", "=");
    cli_table_cell(table, "%s", downstream);
    cli_table_cell(table, "%s", first ? explain_pattern(gr_node_op(gate->node)) : "");
    free(upstream);
    free(local);
    free(downstream);
}

/* "x forks to 2 gates; forks sum: 2.06 = 1.5 + 0.56" for each gate whose gradient has parts. */
static void explain_forks(const circuit *c, const circuit_flow *flow, int n, int digits)
{
    bool any = false;
    for (int k = 0; k < c->count; k++) {
        int uses = 0;
        for (int i = 0; i < n; i++) uses += flow[i].input == k;
        if (uses < 2) continue;
        char *total = explain_show(&c->gate[k].grad, digits);
        cli_print("%sforks sum: the gradient of %s is ", any ? "" : "\n", c->gate[k].name);
        for (int i = 0, left = uses; i < n; i++) {
            if (flow[i].input != k) continue;
            char *part = explain_show(&flow[i].downstream, digits);
            cli_print("%s%s", part, --left ? " + " : " = ");
            free(part);
        }
        cli_print("%s\n", total);
        free(total);
        any = true;
    }
}

gr_status eval_explain(const circuit *c, int digits)
{
    circuit_flow *flow;
    int n;
    gr_status status = circuit_flows(c, &flow, &n);
    if (status == GR_OK) {
        cli_table *table =
            cli_table_new("<gate|<op|<input|>upstream|<|>local|<|>downstream|~pattern");
        cli_print("\nThe chain rule from the result back, upstream %s local = downstream:\n\n",
                  cli_glyph("×", "*"));
        for (int last = n; last > 0;) { /* gates backwards, the inputs of each forwards */
            int first = last;
            while (first > 0 && flow[first - 1].gate == flow[last - 1].gate) first--;
            for (int i = first; i < last; i++) explain_row(table, c, &flow[i], i == first, digits);
            last = first;
        }
        cli_table_print(table);
        explain_forks(c, flow, n, digits);
    }
    circuit_flows_free(flow, n);
    return status;
}

gr_status eval_explain_json(cli_json *json, const circuit *c)
{
    circuit_flow *flow;
    int n;
    gr_status status = circuit_flows(c, &flow, &n);
    cli_json_array(json, "explain");
    for (int i = n; i-- > 0 && status == GR_OK;) {
        const circuit_gate *gate = &c->gate[flow[i].gate];
        cli_json_object(json, NULL);
        cli_json_text(json, "gate", gate->name);
        cli_json_text(json, "op", gr_node_op(gate->node));
        cli_json_text(json, "input", c->gate[flow[i].input].name);
        cli_json_tensor(json, "upstream", &gate->grad);
        if (flow[i].local.data)
            cli_json_tensor(json, "local", &flow[i].local);
        else
            cli_json_null(json, "local");
        cli_json_tensor(json, "downstream", &flow[i].downstream);
        cli_json_end(json);
    }
    cli_json_end(json);
    circuit_flows_free(flow, n);
    return status;
}
