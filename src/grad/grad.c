/* Reverse-mode differentiation: walks the graph from y back to what it is asked about, lets each
 * op's rule append its backward gates, and adds up the cotangents that meet at a node. */
#include "ops/ops.h"

#include <gradus/ops.h>

#include <stdio.h>

typedef struct grad_walk {
    gr_graph *graph;
    size_t size;         /* nodes up to y */
    bool *active;        /* the node is, or depends on, one that is asked about */
    size_t *slot;        /* first of the node's places in cotangent[] */
    gr_node **cotangent; /* one for each output of each node; NULL is zero */
} grad_walk;

/* What is asked: the cotangents of wrt[0..n) from those of y[0..n_y). */
typedef struct grad_task {
    gr_graph *graph;
    gr_node *const *y, *const *dy; /* dy = NULL: one scalar y, whose cotangent is 1 */
    gr_node *const *wrt;
    int n_y, n;
} grad_task;

static gr_status grad_fail_memory(gr_graph *graph)
{
    gr_build_fail(graph, GR_NO_MEMORY, "grad", "%s", gr_status_text(GR_NO_MEMORY));
    return GR_NO_MEMORY;
}

/* ---- What is asked ------------------------------------------------------------------------ */

static bool grad_is_float(const gr_node *node)
{
    return gr_type_of(node).dtype == GR_F32 || gr_type_of(node).dtype == GR_F64;
}

/* " 'fc1'" or "" */
static const char *grad_quoted(const gr_node *node, char text[80])
{
    text[0] = '\0';
    if (node->name) snprintf(text, 80, " '%.64s'", node->name);
    return text;
}

/* Whether `y` may be differentiated with the cotangent `dy`; NULL: gr_grad's own seed. */
static void grad_check_y(gr_graph *graph, const gr_node *y, const gr_node *dy)
{
    char name[80];
    gr_type type = gr_type_of(y);
    grad_quoted(y, name);
    if (y->n_out > 1) {
        gr_build_fail(graph, GR_INVALID, "grad", "y is a tuple of %d (%s%s): read it with gr_get",
                      y->n_out, y->op->name, name);
    } else if (!grad_is_float(y)) {
        gr_build_fail(graph, GR_DTYPE, "grad", "y (%s%s) is %s; only f32 and f64 have gradients",
                      y->op->name, name, gr_dtype_name(type.dtype));
    } else if (!dy && type.shape.rank != 0) {
        gr_build_fail(graph, GR_SHAPE, "grad",
                      "y (%s%s) has shape %s, not []: reduce it to a scalar (gr_sum, gr_mean), or "
                      "give its cotangent to gr_vjp",
                      y->op->name, name, gr_shape_text(type.shape));
    } else if (dy && dy->n_out > 1) {
        gr_build_fail(graph, GR_INVALID, "grad", "dy is a tuple: read it with gr_get");
    } else if (dy && (gr_type_of(dy).dtype != type.dtype ||
                      !gr_shape_equal(gr_type_of(dy).shape, type.shape))) {
        gr_build_fail(graph, GR_SHAPE, "grad", "dy is %s%s, but y (%s%s) is %s%s",
                      gr_dtype_name(gr_type_of(dy).dtype), gr_shape_text(gr_type_of(dy).shape),
                      y->op->name, name, gr_dtype_name(type.dtype), gr_shape_text(type.shape));
    }
}

static void grad_check_wrt(gr_graph *graph, gr_node *const *wrt, int n)
{
    char name[80];
    for (int i = 0; i < n; i++) {
        if (wrt[i]->n_out > 1) {
            gr_build_fail(graph, GR_INVALID, "grad",
                          "wrt[%d] is a tuple of %d (%s%s): read it with gr_get", i, wrt[i]->n_out,
                          wrt[i]->op->name, grad_quoted(wrt[i], name));
        } else if (!grad_is_float(wrt[i])) {
            gr_build_fail(graph, GR_DTYPE, "grad",
                          "wrt[%d] (%s%s) is %s; only f32 and f64 have gradients", i,
                          wrt[i]->op->name, grad_quoted(wrt[i], name),
                          gr_dtype_name(gr_type_of(wrt[i]).dtype));
        }
    }
}

static void grad_check_graph(gr_graph *graph, const char *what, const gr_node *node)
{
    if (!node || !node->graph) {
        gr_build_fail(graph, GR_INVALID, "grad", "%s is NULL", what);
    } else if (gr_is_error(node)) {
        gr_build_fail(graph, GR_INVALID, "grad", "%s is an error node", what);
    } else if (node->graph != graph) {
        gr_build_fail(graph, GR_INVALID, "grad", "%s belongs to another graph than y", what);
    }
}

static gr_status grad_check(const grad_task *task)
{
    gr_graph *graph = task->graph;
    for (int i = 0; i < task->n_y; i++) {
        grad_check_graph(graph, "y", task->y[i]);
        if (task->dy) grad_check_graph(graph, "dy", task->dy[i]);
    }
    for (int i = 0; i < task->n; i++) grad_check_graph(graph, "a node of wrt", task->wrt[i]);
    for (int i = 0; i < task->n_y && graph->status == GR_OK; i++) {
        grad_check_y(graph, task->y[i], task->dy ? task->dy[i] : NULL);
    }
    if (graph->status == GR_OK) grad_check_wrt(graph, task->wrt, task->n);
    return graph->status;
}

/* ---- The walk ----------------------------------------------------------------------------- */

static void grad_mark_active(grad_walk *walk, const grad_task *task)
{
    for (int i = 0; i < task->n; i++) {
        size_t id = (size_t)task->wrt[i]->id;
        if (id < walk->size) walk->active[id] = true;
    }
    for (size_t id = 0; id < walk->size; id++) {
        const gr_node *node = walk->graph->nodes[id];
        if (node->op->flags & GR_OP_GRAD_ZERO) continue; /* paths end here */
        for (int i = 0; i < node->n_in && !walk->active[id]; i++) {
            walk->active[id] = walk->active[node->in[i]->id];
        }
    }
}

static bool grad_begin(grad_walk *walk, const grad_task *task)
{
    size_t places = 0;
    walk->graph = task->graph;
    for (int i = 0; i < task->n_y; i++) {
        if ((size_t)task->y[i]->id >= walk->size) walk->size = (size_t)task->y[i]->id + 1;
    }
    walk->active = gr_alloc(walk->size);
    walk->slot = gr_alloc_array(walk->size, sizeof *walk->slot);
    for (size_t id = 0; walk->slot && id < walk->size; id++) {
        walk->slot[id] = places;
        places += (size_t)walk->graph->nodes[id]->n_out;
    }
    walk->cotangent = gr_alloc_array(places, sizeof *walk->cotangent);
    if (!walk->active || !walk->slot || !walk->cotangent) return false;
    grad_mark_active(walk, task);
    return true;
}

static void grad_end(grad_walk *walk)
{
    gr_free(walk->active);
    gr_free(walk->slot);
    gr_free(walk->cotangent);
}

/* The one place where broadcasting is undone: sums `dx` over the copies of each element. */
static gr_node *grad_unbroadcast(gr_node *dx, gr_shape shape)
{
    gr_shape wide = gr_type_of(dx).shape;
    int lead = wide.rank - shape.rank;
    gr_axes copies = {.keep = true};
    for (int i = 0; i < wide.rank; i++) {
        bool copied = i < lead || (shape.dim[i - lead] == 1 && wide.dim[i] != 1);
        if (copied) copies.axis[copies.count++] = i;
    }
    const bool negated = dx->op == &gr_op_neg; /* fewer signs to change behind the sum */
    if (copies.count > 0) dx = gr_sum(negated ? dx->in[0] : dx, copies);
    if (copies.count > 0 && negated) dx = gr_neg(dx);
    return lead > 0 ? gr_reshape(dx, shape) : dx;
}

/* Adds `dx` to the cotangent of output `part` of `node`. */
static void grad_add_to(grad_walk *walk, const gr_node *user, const gr_node *node, int part,
                        gr_node *dx)
{
    const gr_type *type = &node->out[part];
    gr_shape wide;
    if (gr_is_error(dx)) return;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): NULL is an error */
    if (gr_type_of(dx).dtype != type->dtype ||
        !gr_shape_broadcast(type->shape, gr_type_of(dx).shape, &wide) ||
        !gr_shape_equal(wide, gr_type_of(dx).shape)) {
        gr_build_fail(walk->graph, GR_INTERNAL, "grad",
                      "the rule of %s gives %s%s as the cotangent of %s%s", user->op->name,
                      gr_dtype_name(gr_type_of(dx).dtype), gr_shape_text(gr_type_of(dx).shape),
                      gr_dtype_name(type->dtype), gr_shape_text(type->shape));
        return;
    }
    dx = grad_unbroadcast(dx, type->shape);
    gr_node **sum = &walk->cotangent[walk->slot[node->id] + (size_t)part];
    *sum = *sum ? gr_add(*sum, dx) : dx;
}

static void grad_refuse(grad_walk *walk, const gr_node *node)
{
    char name[80];
    gr_build_fail(walk->graph, GR_UNSUPPORTED, "grad",
                  "no gradient through %s%s%s%s%s; gr_stop_gradient would end the path there",
                  node->op->name, grad_quoted(node, name), node->place ? " (" : "",
                  node->place ? node->place : "", node->place ? ")" : "");
}

/* Passes the cotangents of node's outputs on to its inputs. */
static gr_status grad_through(grad_walk *walk, gr_node *node)
{
    gr_node **dy = &walk->cotangent[walk->slot[node->id]];
    bool arrived = false, asked = false;
    for (int i = 0; i < node->n_out; i++) arrived |= dy[i] != NULL;
    for (int i = 0; i < node->n_in; i++) asked |= walk->active[node->in[i]->id];
    if (!arrived || !asked || (node->op->flags & GR_OP_GRAD_ZERO)) return GR_OK;
    if (node->op->flags & GR_OP_TUPLE_IN) {
        grad_add_to(walk, node, node->in[0], (int)node->attr[0].i, dy[0]);
        return walk->graph->status;
    }
    if (!node->op->grad || (node->op->flags & GR_OP_GRAD_NONE)) {
        grad_refuse(walk, node);
        return walk->graph->status;
    }
    gr_node **dx = gr_alloc_array((size_t)node->n_in, sizeof *dx);
    if (!dx) return grad_fail_memory(walk->graph);
    walk->graph->asked = walk->active;
    node->op->grad(node, dy, dx);
    walk->graph->asked = NULL;
    for (int i = 0; i < node->n_in && walk->graph->status == GR_OK; i++) {
        gr_node *in = node->in[i];
        if (dx[i] && walk->active[in->id]) grad_add_to(walk, node, in, 0, dx[i]);
    }
    gr_free(dx);
    return walk->graph->status;
}

/* New nodes come from the line of the gate whose gradient they are. */
static void grad_note_place(gr_graph *graph, size_t first, const char *place)
{
    for (size_t id = first; id < graph->count; id++) {
        if (!graph->nodes[id]->place) graph->nodes[id]->place = place;
    }
}

static void grad_walk_back(grad_walk *walk)
{
    gr_graph *graph = walk->graph;
    for (size_t id = walk->size; id-- > 0 && graph->status == GR_OK;) {
        if (!walk->active[id]) continue;
        size_t first = graph->count;
        gr_node *node = graph->nodes[id];
        grad_through(walk, node);
        grad_note_place(graph, first, node->place);
    }
}

/* The results, named after what they belong to where they have no other name. */
static void grad_collect(grad_walk *walk, size_t first, gr_node *const *wrt, int n, gr_node **out)
{
    for (int i = 0; i < n; i++) {
        const gr_node *x = wrt[i];
        gr_type type = gr_type_of(x);
        out[i] = (size_t)x->id < walk->size ? walk->cotangent[walk->slot[x->id]] : NULL;
        if (!out[i]) out[i] = gr_full(walk->graph, type.dtype, type.shape, 0);
        bool made_here = !gr_is_error(out[i]) && (size_t)out[i]->id >= first;
        if (x->name && made_here && !out[i]->name) {
            const char *name = gr_arena_printf(&walk->graph->arena, "grad(%s)", x->name);
            if (!name) grad_fail_memory(walk->graph);
            out[i]->name = name;
        }
    }
}

static void grad_seed(grad_walk *walk, const grad_task *task)
{
    for (int i = 0; i < task->n_y; i++) {
        const gr_node *y = task->y[i];
        gr_node **sum = &walk->cotangent[walk->slot[y->id]];
        gr_node *dy =
            task->dy ? task->dy[i] : gr_full(task->graph, gr_type_of(y).dtype, GR_SCALAR, 1);
        *sum = *sum ? gr_add(*sum, dy) : dy;
    }
}

static gr_status grad_run(const grad_task *task, gr_node **out)
{
    gr_graph *graph = task->graph;
    grad_walk walk = {0};
    for (int i = 0; i < task->n; i++) out[i] = gr_error_node(graph);
    if (!graph) return gr_fail(GR_INVALID, "grad: y is NULL");
    if (graph->status == GR_OK && grad_check(task) == GR_OK) {
        size_t first = graph->count;
        if (grad_begin(&walk, task)) {
            grad_seed(&walk, task);
            grad_walk_back(&walk);
        } else {
            grad_fail_memory(graph);
        }
        if (graph->status == GR_OK) grad_collect(&walk, first, task->wrt, task->n, out);
        grad_end(&walk);
    }
    gr_build_seal(graph);
#ifndef NDEBUG
    const gr_status whole = graph->status == GR_OK ? gr_graph_verify(graph) : GR_OK;
    if (whole != GR_OK) gr_build_fail(graph, whole, "grad", "%s", gr_message());
#endif
    if (graph->status == GR_OK) return GR_OK;
    for (int i = 0; i < task->n; i++) out[i] = gr_error_node(graph);
    return gr_fail(graph->status, "%s", graph->message);
}

gr_status gr_grad(gr_node *y, gr_node *const *wrt, int n, gr_node **out)
{
    return grad_run(&(grad_task){gr_node_graph(y), &y, NULL, wrt, 1, n}, out);
}

gr_status gr_vjp(gr_node *y, gr_node *dy, gr_node *const *wrt, int n, gr_node **out)
{
    return grad_run(&(grad_task){gr_node_graph(y), &y, &dy, wrt, 1, n}, out);
}

gr_status gr_vjp_many(gr_graph *graph, gr_node *const *y, gr_node *const *dy, int n_y,
                      gr_node *const *wrt, int n, gr_node **out)
{
    return grad_run(&(grad_task){graph, y, dy, wrt, n_y, n}, out);
}
