/* graph.h: the graph of gates and its gradient.
 *
 * A graph owns its nodes: immutable gates with an operation, inputs, attributes, a concrete shape
 * and an element type. Builder calls (ops.h) append nodes and return them. Faults are sticky: a
 * call that fails returns the graph's error node, whatever is built on it is that node again, and
 * gr_graph_status / gr_graph_message tell the first fault, so a recipe needs one check at its end.
 * A NULL graph or node counts as an error node too.
 *
 * A graph may be used by one thread at a time. */
#ifndef GRADUS_GRAPH_H
#define GRADUS_GRAPH_H

#include <gradus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The gates of a computation, in the order of their making. One thread at a time. */
typedef struct gr_graph gr_graph;
typedef struct gr_node gr_node; /* owned by its graph */

/* ---- Places ------------------------------------------------------------------------------- */

/* The header macros of the builder calls pass the caller's file and line through gr_at, which
 * notes it on a node just made, or on a fault just found. Define GR_NO_PLACES before including
 * Gradus to leave them out; (gr_add)(a, b) calls one function without its macro. */
#define GR_TEXT_(x) #x
#define GR_TEXT(x) GR_TEXT_(x)
#define GR_PLACE __FILE__ ":" GR_TEXT(__LINE__)
/* Returns `node`. `place` must outlive the graph (a literal). */
GR_API gr_node *gr_at(gr_node *node, const char *place);

/* ---- Graphs ------------------------------------------------------------------------------- */

/* NULL only when memory is out. Free with gr_graph_free. */
GR_API gr_graph *gr_graph_new(void);
/* Frees the graph and all its nodes. NULL is fine. */
GR_API void gr_graph_free(gr_graph *graph);

/* The first fault of a builder call, or GR_OK. GR_NO_MEMORY for NULL. */
GR_API gr_status gr_graph_status(const gr_graph *graph);
/* "matmul 'fc1' (net.c:41): inner sizes differ: [64,784] x [785,256]"; "" without a fault. */
GR_API const char *gr_graph_message(const gr_graph *graph);

/* Nodes in the order they were built, which is a topological order. */
GR_API int gr_graph_size(const gr_graph *graph);
GR_API gr_node *gr_graph_node(const gr_graph *graph, int id); /* NULL if out of range */
/* The first input, variable or otherwise named node of that name; NULL if there is none. */
GR_API gr_node *gr_graph_find(const gr_graph *graph, const char *name);

/* Checks every invariant: inputs before users, shapes and types as the op's rule gives them,
 * attributes complete. GR_INTERNAL with a message naming the node otherwise. */
GR_API gr_status gr_graph_verify(const gr_graph *graph);

/* The graph's versioned text form, which gr_graph_read takes back. `outputs` (may be NULL with
 * n = 0) are marked as results. *text is freed with gr_text_release. */
GR_API gr_status gr_graph_print(const gr_graph *graph, gr_node *const *outputs, int n, char **text);
/* Reads the text form (of a graph with own gates: gr_graph_read_gates). On success the caller owns
 * *graph; outputs[0..*n) are the marked results (at most `capacity` are stored; *n counts all).
 * GR_SYNTAX with line and column otherwise. */
GR_API gr_status gr_graph_read(const char *text, gr_graph **graph, gr_node **outputs, int capacity,
                               int *n);
/* Graphviz's DOT of all nodes that `outputs` need (n = 0: the whole graph), freed with
 * gr_text_release. */
GR_API gr_status gr_graph_dot(const gr_graph *graph, gr_node *const *outputs, int n, char **text);
/* Frees a text that a call of the library handed out. NULL is fine. */
GR_API void gr_text_release(char *text);

/* ---- Leaves ------------------------------------------------------------------------------- */

/* A value supplied at each step under `name` (unique among the graph's inputs and variables). */
GR_API gr_node *gr_input(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape);
/* A named persistent tensor that lives in a store (run.h): a parameter, a momentum, a counter.
 * Asking again for a name gives the same node; another shape or type for it is a fault. */
GR_API gr_node *gr_var(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape);
/* A constant; the data are copied. */
GR_API gr_node *gr_constant(gr_graph *graph, const gr_tensor *value);
/* A constant of rank 0. */
GR_API gr_node *gr_scalar(gr_graph *graph, gr_dtype dtype, double value);
/* A scalar constant of the same graph and element type as `node`. */
GR_API gr_node *gr_like(gr_node *node, double value);
/* A constant of that shape with every element `value`. */
GR_API gr_node *gr_full(gr_graph *graph, gr_dtype dtype, gr_shape shape, double value);

/* Gives a node a name for printing and messages; a node that has one keeps it. Returns `node`. */
GR_API gr_node *gr_name(gr_node *node, const char *name);

/* ---- Looking at nodes --------------------------------------------------------------------- */

GR_API bool gr_is_error(const gr_node *node);        /* also for NULL */
GR_API gr_graph *gr_node_graph(const gr_node *node); /* that owns it; NULL for NULL */
GR_API int gr_node_id(const gr_node *node);          /* -1 for an error node */
/* The op's name; of a gate of the user's own, its name. */
GR_API const char *gr_node_op(const gr_node *node);
GR_API const char *gr_node_name(const gr_node *node);      /* NULL if unnamed */
GR_API const char *gr_node_place(const gr_node *node);     /* NULL if unknown */
GR_API const char *gr_node_composite(const gr_node *node); /* what built it: "softmax"; or NULL */
/* Shape, element type and number of inputs; of a tuple those of its first output. */
GR_API gr_shape gr_node_shape(const gr_node *node);
GR_API gr_dtype gr_node_dtype(const gr_node *node);
GR_API int gr_node_inputs(const gr_node *node);
GR_API gr_node *gr_node_input(const gr_node *node, int i); /* NULL if out of range */
GR_API int gr_node_outputs(const gr_node *node);           /* 1, or the size of its tuple */
/* Writes "conv(x, w, stride=[1,1])" into text[size], cut to fit; returns text. */
GR_API char *gr_node_text(const gr_node *node, char *text, size_t size);

/* Output `i` of a tuple (split, scan, some custom gates); of an ordinary node, i = 0 gives itself.
 */
GR_API gr_node *gr_get(gr_node *node, int i);

/* Appends a gate with the op and the attributes of `like`, which may be of another graph, on other
 * inputs, as many as `like` has. Its name is not taken over. Faults as those of the op's builder;
 * GR_INVALID for an input, a variable or an assignment, and for another number of inputs. */
GR_API gr_node *gr_again(gr_graph *graph, const gr_node *like, gr_node *const *in, int n);
/* Does each element of the result depend on one element of each input alone, as in add or relu? */
GR_API bool gr_node_elementwise(const gr_node *node);

/* Marks the nodes built until gr_composite_end as parts of `name` (copied). Calls may nest; the
 * outermost name wins, so a user's own composite shows as one thing. */
GR_API void gr_composite_begin(gr_graph *graph, const char *name);
GR_API void gr_composite_end(gr_graph *graph);
/* Notes a fault of a composite `what`, sticky as that of any builder call, and returns the graph's
 * error node: for layers of your own that refuse their arguments. */
GR_API gr_node *gr_fault(gr_graph *graph, gr_status status, const char *what, const char *format,
                         ...) GR_PRINTF(4, 5);

/* ---- The gradient ------------------------------------------------------------------------- */

/* Appends the backward gates of the scalar `y` and stores in out[i] the node of dy/dwrt[i], of the
 * shape and type of wrt[i] (zeros if y does not depend on it). The backward gates are ordinary
 * gates: they can be printed and differentiated again. Where paths join, gradients add; where an
 * input was broadcast, they are summed over the copies. max and min give a tie's gradient to the
 * first argument; relu'(0) = 0.
 * Refused: y not a float scalar, wrt[i] not of a float type (GR_DTYPE), a path from wrt[i] to y
 * through an op without a gradient (GR_UNSUPPORTED). Refusals are also the graph's sticky fault,
 * and out[i] then are error nodes. */
GR_API gr_status gr_grad(gr_node *y, gr_node *const *wrt, int n, gr_node **out);
/* The same for y of any shape with its cotangent dy given (a vector–Jacobian product). */
GR_API gr_status gr_vjp(gr_node *y, gr_node *dy, gr_node *const *wrt, int n, gr_node **out);

#ifndef GR_NO_PLACES
#define gr_input(...) gr_at((gr_input)(__VA_ARGS__), GR_PLACE)
#define gr_var(...) gr_at((gr_var)(__VA_ARGS__), GR_PLACE)
#define gr_constant(...) gr_at((gr_constant)(__VA_ARGS__), GR_PLACE)
#define gr_scalar(...) gr_at((gr_scalar)(__VA_ARGS__), GR_PLACE)
#define gr_like(...) gr_at((gr_like)(__VA_ARGS__), GR_PLACE)
#define gr_full(...) gr_at((gr_full)(__VA_ARGS__), GR_PLACE)
#define gr_get(...) gr_at((gr_get)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
