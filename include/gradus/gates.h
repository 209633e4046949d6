/* gates.h: gates of the user's own, and lists of them by name.
 *
 *     static const gr_gate own[] = {{.size = sizeof(gr_gate), .name = "multiply", .inputs = 2, …}};
 *     static const gr_gates gates = {GR_GATES_VERSION, 1, own};
 *
 * gr_custom (ops.h) puts one gate into a graph. A list gives the gates' names a meaning in texts:
 * of expressions and nets (gr_expr_env in lang.h), of models (gr_model_options in train.h), of
 * graphs (gr_graph_read_gates). */
#ifndef GRADUS_GATES_H
#define GRADUS_GATES_H

#include <gradus/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The callbacks see host tensors and must be pure and thread-safe; they return GR_OK or a status
 * that fails the step. */
typedef struct gr_gate {
    size_t size;         /* sizeof(gr_gate) */
    const char *name;    /* by which texts and messages call it */
    int inputs, outputs; /* outputs ≥ 1; more than 1 make a tuple */
    /* Shapes and types of the outputs from those of the inputs (whose `data` are NULL). */
    gr_status (*shape)(void *user, const gr_tensor *in, gr_tensor *out);
    gr_status (*forward)(void *user, const gr_tensor *in, gr_tensor *out);
    /* dx[i] from the inputs, outputs and cotangents of the outputs; every element of dx is
     * written. NULL: the gate has no gradient, or one by `gradient`. */
    gr_status (*backward)(void *user, const gr_tensor *in, const gr_tensor *out,
                          const gr_tensor *dy, gr_tensor *dx);
    /* In place of `backward`: builds dx[i] from gates, of in[i]'s type and shape, on the nodes of
     * inputs, outputs and cotangents; NULL, as all are before, where there is none. What it builds
     * has a gradient in turn. */
    void (*gradient)(void *user, gr_node *const *in, gr_node *const *out, gr_node *const *dy,
                     gr_node **dx);
    void *user; /* must outlive graph and programs */
} gr_gate;

#define GR_GATES_VERSION 1 /* another where gr_gate or gr_gates is laid out in another way */

/* List and gates must outlive what they are given to. */
typedef struct gr_gates {
    int version;         /* GR_GATES_VERSION */
    int count;           /* of gates */
    const gr_gate *gate; /* [count] */
} gr_gates;

/* The gate called `name`; NULL if there is none, or no list. */
GR_API const gr_gate *gr_gates_find(const gr_gates *gates, const char *name);

/* gr_graph_read of a text with own gates: each is looked up by its name, GR_SYNTAX for one that
 * the list lacks. `gates` may be NULL. */
GR_API gr_status gr_graph_read_gates(const char *text, const gr_gates *gates, gr_graph **graph,
                                     gr_node **outputs, int capacity, int *n);

/* A shared object that gives its gates to the command, `gradus check --gates FILE.so`, has a
 * function of this name and type. The gates may call the functions of base.h, which the command
 * brings along. */
#define GR_GATES_SYMBOL "gradus_gates"
typedef const gr_gates *gr_gates_fn(void);
GR_API const gr_gates *gradus_gates(void);

#ifdef __cplusplus
}
#endif
#endif
