/* Inside of a graph. Internal: for ops, grad, passes, plan. */
#ifndef GR_GRAPH_INTERNAL_H
#define GR_GRAPH_INTERNAL_H

/* The library's own calls carry no places: a composite's nodes and faults belong to the user's
 * line, which the outermost macro notes. */
#ifndef GR_NO_PLACES
#define GR_NO_PLACES
#endif

#include "graph/op.h"

struct gr_graph {
    gr_arena arena;
    gr_node **nodes;
    size_t count, capacity;
    gr_node error; /* handed out for every fault */
    gr_type error_type;
    gr_status status;
    char head[160], place[256], detail[400]; /* the parts of the message */
    char message[832];
    bool fault_open;   /* gr_name still names what has just failed */
    bool fault_placed; /* gr_at has noted where, or nobody can tell any more */
    size_t placed;     /* nodes before this one are not the next gr_at's business */
    const char *composite;
    int composite_depth;
    gr_node **leaves; /* inputs and variables by name: a table of open addressing */
    size_t n_leaves, leaves_capacity;
    const bool *asked; /* while a gradient rule runs: see gr_grad_asked */
    gr_body **bodies;  /* graphs owned through attributes */
    size_t n_bodies, bodies_capacity;
};

#define GR_MAX_ATTRS 12 /* of one op */

/* Appends a node. in[0..n) all of one graph, or n = 0 with `graph` given. Attributes are copied
 * (texts, tensors and bodies deeply). Returns the error node on a fault. */
gr_node *gr_build(gr_graph *graph, const gr_op *op, gr_node *const *in, int n,
                  const gr_attr *attrs);
/* Notes a fault of the builder call `op` and returns the error node. The first one stays. */
gr_node *gr_build_fail(gr_graph *graph, gr_status status, const char *op, const char *format, ...)
    GR_PRINTF(4, 5);
/* Ends the reach of gr_at: nodes and faults so far belong to no later call's line. */
void gr_build_seal(gr_graph *graph);
/* The graph's error node; a static one for NULL. */
gr_node *gr_error_node(gr_graph *graph);
/* The graph of the first input that has one, for composites that look at their inputs; if any is an
 * error node, *failed is set (and a NULL input is noted as a fault). */
gr_graph *gr_common_graph(gr_node *const *in, int n, bool *failed);

#define gr_type_of(node) ((node)->out[0])

/* Applies the op's rule to inputs and attributes, which it may complete; s->status and s->message
 * tell the fault. The outputs are in s->out; s->in is gone afterwards. */
gr_status gr_infer_node(const gr_op *op, gr_node *const *in, int n, gr_attr *attr, gr_infer *s);
/* The input or variable called `name`, or NULL. */
gr_node *gr_graph_leaf(const gr_graph *graph, const char *name);

/* Makes `attr` the graph's own: texts, tensors, pointed-to records and bodies (unless the graph
 * owns the body already) are copied. false when memory is out. */
bool gr_attr_own(gr_graph *graph, gr_attr *attr);
/* Hands a body to `graph`: body_graph is freed with it, at once on failure (NULL: memory is out, as
 * it is where body_graph is NULL). The lists are copied. */
gr_body *gr_graph_adopt(gr_graph *graph, gr_graph *body_graph, gr_node *const *in, int n_in,
                        gr_node *const *out, int n_out);

/* A copy of the body that `graph` owns, with element type `from` turned into `to`. NULL on failure,
 * which is noted in `graph` or is lack of memory. */
gr_body *gr_body_copy(gr_graph *graph, const gr_body *body, gr_dtype from, gr_dtype to);

/* Rebuilds `node` in `graph` on other inputs, keeping attributes, name, place and composite. */
gr_node *gr_rebuild(gr_graph *graph, const gr_node *node, gr_node *const *in);
/* Bit for bit; bodies by their structure. */
bool gr_attr_equal(const gr_attr *a, const gr_attr *b);
uint64_t gr_attr_hash(const gr_attr *a, uint64_t seed);

/* Copies the nodes of `from` into `to`. Where map[id] is given, that node of `to` stands for the
 * node instead; the others are filled in. */
gr_status gr_graph_copy(const gr_graph *from, gr_graph *to, gr_node **map);

/* needed[id] = the node is used, directly or not, by one of `targets`. Caller frees with gr_free.
 * NULL when memory is out. */
bool *gr_graph_needed(const gr_graph *graph, gr_node *const *targets, int n);

/* Copies of all nodes that `targets` need, in a new graph with f32 turned into f64 (or any pair of
 * types); `out[i]` is the copy of targets[i]. Inputs and variables keep their names. */
gr_status gr_graph_retype(const gr_graph *graph, gr_dtype from, gr_dtype to,
                          gr_node *const *targets, int n, gr_graph **copy, gr_node **out);

/* For a gradient rule: will anybody use dx[i]? A rule may leave out what is costly and unused. */
static inline bool gr_grad_asked(const gr_node *node, int i)
{
    return !node->graph->asked || node->graph->asked[node->in[i]->id];
}
/* gr_vjp for several y at once: out[i] is the sum of what they all pass on to wrt[i]. */
gr_status gr_vjp_many(gr_graph *graph, gr_node *const *y, gr_node *const *dy, int n_y,
                      gr_node *const *wrt, int n, gr_node **out);

static inline gr_attr gr_attr_int(int64_t i)
{
    return (gr_attr){.kind = GR_ATTR_INT, .i = i};
}
static inline gr_attr gr_attr_real(double f)
{
    return (gr_attr){.kind = GR_ATTR_REAL, .f = f};
}
static inline gr_attr gr_attr_dtype(gr_dtype dtype)
{
    return (gr_attr){.kind = GR_ATTR_DTYPE, .i = dtype};
}
static inline gr_attr gr_attr_text(const char *s)
{
    return (gr_attr){.kind = GR_ATTR_TEXT, .s = s};
}
static inline gr_attr gr_attr_ints(int n, const int64_t *v)
{
    gr_attr a = {.kind = GR_ATTR_INTS, .ints = {.n = n}};
    for (int k = 0; k < n; k++) a.ints.v[k] = v[k]; /* NOLINT(*uninitialized*): n is a rank */
    return a;
}
static inline gr_attr gr_attr_shape(gr_shape shape)
{
    return gr_attr_ints(shape.rank, shape.dim);
}
static inline gr_shape gr_ints_shape(const gr_ints *ints)
{
    return gr_shape_of(ints->n, ints->v);
}

#endif
