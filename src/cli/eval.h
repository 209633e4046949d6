/* What gradus eval prints of a circuit. */
#ifndef CLI_EVAL_H
#define CLI_EVAL_H

#include "cli/circuit.h"
#include "cli/json.h"

/* The gates as an aligned table, inputs first, with the expression's value above it. */
void eval_print_table(const circuit *c, const gr_expr *expr, int digits);
/* The members "value", "inputs", "gates" of the open object. */
void eval_print_json(cli_json *json, const circuit *c);
/* The gates as a drawing in Graphviz's language, values and gradients in the nodes. */
void eval_print_dot(const circuit *c, int digits);

#endif
