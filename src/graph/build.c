/* Appending nodes: inputs checked, the op's rule applied, attributes copied. */
#include "graph/graph.h"

#include <limits.h>
#include <stdio.h>

#include "base/limits.h"

/* ---- The shape rule ----------------------------------------------------------------------- */

bool gr_infer_fail(gr_infer *s, gr_status status, const char *format, ...)
{
    if (s->status != GR_OK) return false;
    s->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(s->message, sizeof s->message, format, args);
    va_end(args);
    return false;
}

static bool build_check_arity(gr_infer *s, int n)
{
    const gr_op *op = s->op;
    if (n >= op->min_in && (op->max_in < 0 || n <= op->max_in)) return true;
    if (op->min_in == op->max_in) {
        return gr_infer_fail(s, GR_INVALID, "takes %d input%s, not %d", op->min_in,
                             op->min_in == 1 ? "" : "s", n);
    }
    return gr_infer_fail(s, GR_INVALID, "takes %s %d inputs, not %d",
                         n < op->min_in ? "at least" : "at most",
                         n < op->min_in ? op->min_in : op->max_in, n);
}

/* What the rule gave must be tensors that could exist. */
static bool build_check_outputs(gr_infer *s)
{
    if (s->n_out < 1 || s->n_out > GR_MAX_OUTPUTS) {
        return gr_infer_fail(s, GR_INVALID, "has %d outputs; a gate has 1 to %d", s->n_out,
                             GR_MAX_OUTPUTS);
    }
    for (int i = 0; i < s->n_out; i++) {
        const gr_type *t = &s->out[i];
        if (gr_dtype_size(t->dtype) == 0) {
            return gr_infer_fail(s, GR_DTYPE, "unknown element type %d", (int)t->dtype);
        }
        if (t->shape.rank < 0 || t->shape.rank > GR_MAX_RANK) {
            return gr_infer_fail(s, GR_SHAPE, "rank %d is not between 0 and %d", t->shape.rank,
                                 GR_MAX_RANK);
        }
        const int64_t count = gr_shape_count(t->shape);
        if (count < 0) {
            return gr_infer_fail(s, GR_SHAPE, "shape %s has a negative size or too many elements",
                                 gr_shape_text(t->shape));
        }
        const uint64_t bytes = (uint64_t)count * gr_dtype_size(t->dtype);
        if (bytes > gr_limit_tensor()) {
            return gr_infer_fail(s, GR_SHAPE,
                                 "%s %s takes %llu bytes, more than the limit of %llu for a "
                                 "tensor: " GR_LIMIT_ADVICE("GRADUS_MAX_TENSOR"),
                                 gr_dtype_name(t->dtype), gr_shape_text(t->shape),
                                 (unsigned long long)bytes, (unsigned long long)gr_limit_tensor());
        }
    }
    return true;
}

static bool build_apply_rule(gr_infer *s)
{
    for (int i = 0; i < GR_MAX_OUTPUTS; i++) s->out[i] = (gr_type){0};
    if (!s->op->infer(s)) {
        return gr_infer_fail(s, GR_INTERNAL, "the rule of this op fails without a reason");
    }
    return s->status == GR_OK && build_check_outputs(s);
}

gr_status gr_infer_node(const gr_op *op, gr_node *const *in, int n, gr_attr *attr, gr_infer *s)
{
    gr_type few[8], *many = NULL;
    s->op = op;
    s->nodes = in;
    s->attr = attr;
    s->n_out = 1;
    s->status = GR_OK;
    s->message[0] = '\0';
    if (!build_check_arity(s, n)) return s->status;
    if (op->n_attrs > GR_MAX_ATTRS) {
        gr_infer_fail(s, GR_INTERNAL, "has more than %d attributes", GR_MAX_ATTRS);
        return s->status;
    }
    if ((op->flags & GR_OP_TUPLE_IN) && n == 1) { /* its rule sees the parts */
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): build_check_inputs refused NULL */
        s->in = in[0]->out;
        s->n_in = in[0]->n_out;
        build_apply_rule(s);
        return s->status;
    }
    if ((size_t)n > GR_LEN(few) && !(many = gr_alloc_array((size_t)n, sizeof *many))) {
        gr_infer_fail(s, GR_NO_MEMORY, "%s", gr_status_text(GR_NO_MEMORY));
        return s->status;
    }
    gr_type *types = many ? many : few;
    for (int i = 0; i < n; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the same */
        types[i] = in[i]->out[0];
        if (in[i]->n_out > 1) {
            gr_infer_fail(s, GR_INVALID, "input %d is a tuple of %d (%s): read it with gr_get", i,
                          in[i]->n_out, in[i]->op->name);
        }
    }
    s->in = types;
    s->n_in = n;
    if (s->status == GR_OK) build_apply_rule(s);
    s->in = NULL;
    gr_free(many);
    return s->status;
}

/* ---- Inputs and variables by name --------------------------------------------------------- */

static size_t build_leaf_slot(const gr_graph *graph, const char *name)
{
    size_t mask = graph->leaves_capacity - 1, slot = gr_hash_text(name) & mask;
    while (graph->leaves[slot] && strcmp(graph->leaves[slot]->name, name) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

gr_node *gr_graph_leaf(const gr_graph *graph, const char *name)
{
    if (!graph || graph->leaves_capacity == 0) return NULL;
    return graph->leaves[build_leaf_slot(graph, name)];
}

/* Room for one more, at most half full. */
static bool build_reserve_leaf(gr_graph *graph)
{
    if (2 * (graph->n_leaves + 1) <= graph->leaves_capacity) return true;
    size_t old_capacity = graph->leaves_capacity;
    gr_node **old = graph->leaves;
    size_t capacity = old_capacity ? 2 * old_capacity : 16;
    gr_node **leaves = gr_alloc_array(capacity, sizeof *leaves);
    if (!leaves) return false;
    graph->leaves = leaves;
    graph->leaves_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i]) leaves[build_leaf_slot(graph, old[i]->name)] = old[i];
    }
    gr_free(old);
    return true;
}

/* The node that has the name already, the error node if it is another thing, or NULL. */
static gr_node *build_find_named(gr_graph *graph, const gr_infer *s)
{
    const char *name = s->attr[0].s;
    gr_node *old = gr_graph_leaf(graph, name);
    if (!old) return NULL;
    const gr_type *was = &old->out[0], *now = &s->out[0];
    gr_node *fault;
    if (old->op != s->op || !(s->op->flags & GR_OP_SHARED)) {
        fault = gr_build_fail(graph, GR_INVALID, s->op->name,
                              "the name is taken by an earlier %s; names of inputs and variables "
                              "are unique",
                              old->op->name);
    } else if (was->dtype != now->dtype || !gr_shape_equal(was->shape, now->shape)) {
        fault = gr_build_fail(graph, was->dtype != now->dtype ? GR_DTYPE : GR_SHAPE, s->op->name,
                              "asked for as %s%s, but it was made as %s%s",
                              gr_dtype_name(now->dtype), gr_shape_text(now->shape),
                              gr_dtype_name(was->dtype), gr_shape_text(was->shape));
    } else {
        return old;
    }
    return gr_name(fault, name);
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static gr_node *build_no_memory(gr_graph *graph, const gr_op *op)
{
    return gr_build_fail(graph, GR_NO_MEMORY, op->name, "%s", gr_status_text(GR_NO_MEMORY));
}

/* Copies everything into the graph's arena; NULL when memory is out. */
static gr_node *build_make_node(gr_graph *graph, const gr_infer *s, gr_node *const *in, int n)
{
    const gr_op *op = s->op;
    size_t n_attrs = (size_t)op->n_attrs, n_out = (size_t)s->n_out;
    gr_node *node = gr_arena_alloc(&graph->arena, sizeof *node);
    if (!node) return NULL;
    *node = (gr_node){.graph = graph, .op = op, .n_in = n, .n_out = s->n_out};
    node->in = gr_arena_alloc(&graph->arena, (size_t)n * sizeof *in);
    node->attr = gr_arena_copy(&graph->arena, s->attr, n_attrs * sizeof *s->attr);
    node->out = gr_arena_copy(&graph->arena, s->out, n_out * sizeof *s->out);
    if (!node->in || !node->attr || !node->out) return NULL;
    for (int i = 0; i < n; i++) node->in[i] = in[i];
    for (int i = 0; i < op->n_attrs; i++) {
        if (!gr_attr_own(graph, &node->attr[i])) return NULL;
    }
    node->composite = graph->composite;
    return node;
}

static gr_node *build_append(gr_graph *graph, const gr_infer *s, gr_node *const *in, int n)
{
    bool named = (s->op->flags & GR_OP_NAMED) != 0;
    if (graph->count >= INT_MAX ||
        !gr_grow(&graph->nodes, graph->count, &graph->capacity, sizeof(gr_node *)) ||
        (named && !build_reserve_leaf(graph))) {
        return build_no_memory(graph, s->op);
    }
    gr_node *node = build_make_node(graph, s, in, n);
    if (!node) return build_no_memory(graph, s->op);
    if (named) {
        node->name = node->attr[0].s;
        graph->leaves[build_leaf_slot(graph, node->name)] = node;
        graph->n_leaves++;
    }
    node->id = (int)graph->count;
    graph->nodes[graph->count++] = node;
    return node;
}

gr_graph *gr_common_graph(gr_node *const *in, int n, bool *failed)
{
    gr_graph *graph = NULL;
    for (int i = 0; i < n && !graph; i++) graph = in[i] ? in[i]->graph : NULL;
    for (int i = 0; i < n; i++) {
        if (!gr_is_error(in[i])) continue;
        *failed = true;
        if (!in[i] || !in[i]->graph) {
            gr_build_fail(graph, GR_INVALID, NULL, "input %d is NULL", i);
        }
    }
    return graph;
}

/* NULL if the inputs are nodes of `graph`; otherwise its error node. */
static gr_node *build_check_inputs(gr_graph *graph, const gr_op *op, gr_node *const *in, int n)
{
    for (int i = 0; i < n; i++) {
        if (!in[i] || !in[i]->graph) {
            return gr_build_fail(graph, GR_INVALID, op->name, "input %d is NULL", i);
        }
        if (in[i]->graph != graph) {
            return gr_build_fail(graph, GR_INVALID, op->name,
                                 "input %d belongs to another graph than input 0", i);
        }
        if (gr_is_error(in[i])) {
            /* What follows is another gate than the one that failed, unless a composite has not
             * returned yet: its name is still to come. */
            if (graph->composite_depth == 0) graph->fault_open = false;
            return &graph->error;
        }
        if (in[i]->op->flags & GR_OP_EFFECT) {
            return gr_build_fail(graph, GR_INVALID, op->name,
                                 "input %d is the effect of %s, which has no value to read", i,
                                 in[i]->op->name);
        }
    }
    return NULL;
}

gr_node *gr_build(gr_graph *graph, const gr_op *op, gr_node *const *in, int n, const gr_attr *attrs)
{
    gr_graph *found = NULL;
    for (int i = 0; i < n && !found; i++) found = in[i] ? in[i]->graph : NULL;
    if (found) graph = found;
    if (!graph) return gr_error_node(NULL);
    gr_node *error = build_check_inputs(graph, op, in, n);
    if (error) return error;

    gr_attr attr[GR_MAX_ATTRS];
    gr_infer s;
    for (int i = 0; i < op->n_attrs && i < GR_MAX_ATTRS; i++) {
        attr[i] = attrs[i];
        if (attr[i].kind != op->attrs[i].kind) {
            return gr_build_fail(graph, GR_INTERNAL, op->name, "attribute %s has the wrong kind",
                                 op->attrs[i].name);
        }
    }
    if (gr_infer_node(op, in, n, attr, &s) != GR_OK) {
        gr_build_fail(graph, s.status, op->name, "%s", s.message);
        bool named = (op->flags & GR_OP_NAMED) && attr[0].s;
        return gr_name(&graph->error, named ? attr[0].s : NULL);
    }
    gr_node *old = op->flags & GR_OP_NAMED ? build_find_named(graph, &s) : NULL;
    return old ? old : build_append(graph, &s, in, n);
}
