/* What gradus eval prints of a circuit. */
#ifndef CLI_EVAL_H
#define CLI_EVAL_H

#include "cli/circuit.h"
#include "cli/command.h"
#include "cli/json.h"

/* The gates as an aligned table, inputs first, with the expression's value above it. */
void eval_print_table(const circuit *c, const gr_expr *expr, int digits);
/* The members "value", "inputs", "gates" of the open object. */
void eval_print_json(cli_json *json, const circuit *c);
/* The gates as a drawing in Graphviz's language, values and gradients in the nodes. */
void eval_print_dot(const circuit *c, int digits);

/* Draws the circuit to the paths[n] that are not NULL: values above, gradients below the wires. */
gr_status eval_draw(const circuit *c, int digits, const char *const *paths, int n);
/* The same with a box for each statement instead of its gates. */
gr_status eval_draw_statements(const circuit *c, const gr_expr *expr, int digits,
                               const char *const *paths, int n);
/* What is written at a wire: a long value in several lines, one for each row of a matrix, else as
 * many elements as fit. To be freed; NULL for no value. */
char *eval_draw_value(const gr_tensor *value, int digits);
/* The chain rule, upstream × local = downstream, as a table, or as member "explain". */
gr_status eval_explain(const circuit *c, int digits);
gr_status eval_explain_json(cli_json *json, const circuit *c);
/* Moves the inputs, along the gradient or at random, as the options say: a row for each new value,
 * in a table or (json not NULL) as member "steps". Returns an exit status. */
int eval_steps(const cli_args *args, circuit *c, cli_json *json);
/* How many gates the circuit has forward and backward, and how long a pass through both takes, as
 * text or (json not NULL) as member "cost". Returns an exit status. */
int eval_time(const circuit *c, cli_json *json);
/* May there be a Jacobian of these names? Returns an exit status, after a message if not. */
int eval_refuse_jacobian(const circuit *c, const char *names);
/* The Jacobian of one gate by another, "OUT,IN", as text or (json not NULL) as member "jacobian".
 * Appends to the graph. Returns an exit status. */
int eval_jacobian(circuit *c, const char *names, int digits, cli_json *json);
/* The gradient by differences with step h beside the other one, alike; and a figure of its error
 * against h and of the cost of both (path: NULL for none). */
int eval_numeric(circuit *c, bool forward, double h, const char *path, int digits, cli_json *json);

#endif
