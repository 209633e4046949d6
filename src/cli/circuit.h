/* An expression as a circuit: its gates, their values and gradients. */
#ifndef CLI_CIRCUIT_H
#define CLI_CIRCUIT_H

#include <gradus/check.h>
#include <gradus/lang.h>

typedef enum circuit_kind { CIRCUIT_INPUT, CIRCUIT_CONSTANT, CIRCUIT_GATE } circuit_kind;

/* A node of the circuit. */
typedef struct circuit_gate {
    circuit_kind kind;
    gr_node *node;
    char *name;      /* an input's, a statement's, else "g1", "g2", …; a constant's is its text */
    gr_tensor value; /* after circuit_run */
    gr_tensor grad;  /* of the result by this gate; no data if there is none */
} circuit_gate;

typedef struct circuit {
    gr_graph *graph;
    int forward; /* nodes of the graph that are the expression's: those of its gradient follow */
    int count;   /* of gates: the inputs, then the others in topological order */
    int inputs;  /* so many of them are inputs, in the expression's order */
    circuit_gate *gate; /* [count] */
    int result;         /* index of the gate that the expression ends in */
    int *index;         /* by node id: which gate it is */
    int differentiated; /* gates with a gradient, */
    int *target;        /* which ones: [differentiated], */
    gr_node **gradient; /* and the nodes of these gradients */
    gr_program *program;
    gr_session *session;
} circuit;

/* Builds `expr` in f64 on inputs of the shapes of value[gr_expr_inputs(expr)]; their data are
 * copied. Clear *c also on failure. */
gr_status circuit_build(const gr_expr *expr, const gr_tensor *value, circuit *c);
/* Appends the gradient of the result by the gates of these names, or by all that have one (NULL).
 * The result must be a float scalar and the names those of inputs or float gates. A refusal spoils
 * the circuit. */
gr_status circuit_differentiate(circuit *c, const char *const *names, int n);
/* Computes all values and gradients, from the inputs' values as they are. */
gr_status circuit_run(circuit *c);
/* Checks the gradient of the result by the inputs that it depends on. A result that is no scalar is
 * summed with weights drawn by the options' seed. Appends to the graph, so it comes last. */
gr_status circuit_check(circuit *c, const gr_check_options *options, gr_check_report *report);
void circuit_clear(circuit *c);

/* The gate called `name`, or -1. Constants have no names of their own. */
int circuit_find(const circuit *c, const char *name);
/* The gate that is input `i` of gate `k`; NULL for what is no gate of the circuit. */
const circuit_gate *circuit_input(const circuit *c, int k, int i);
/* May a gradient be asked by this gate? */
bool circuit_has_gradient(const circuit_gate *gate);

/* What one gate sends back to one of the gates that it reads. */
typedef struct circuit_flow {
    int gate, slot, input; /* gate's input number `slot` is gate `input` */
    gr_tensor downstream;  /* its part of the gradient; no data if there is none */
    gr_tensor local;       /* derivative of each element by its own; no data where that is no
                              tensor of this shape */
} circuit_flow;

/* The flows of all gates, in their order: the chain rule one gate at a time, each built alone on
 * what it reads. After circuit_run; free with circuit_flows_free, also on failure. */
gr_status circuit_flows(const circuit *c, circuit_flow **flows, int *n);
void circuit_flows_free(circuit_flow *flows, int n);

/* A value laid out for people in new memory: "-0.2", "[[0.1, 0.5], [-0.3, 0.8]]", long axes with
 * "…" and the shape behind. */
char *circuit_show(const gr_tensor *value, int digits);

#endif
