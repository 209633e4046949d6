/* input, var, constant: where values come from. */
#include "ops/ops.h"

#include <stdalign.h>

/* ---- input and var ------------------------------------------------------------------------ */

static const gr_attr_desc leaf_attrs[] = {
    {"name", GR_ATTR_TEXT}, {"dtype", GR_ATTR_DTYPE}, {"shape", GR_ATTR_INTS}};

static bool leaf_infer(gr_infer *s)
{
    if (!s->attr[0].s || !*s->attr[0].s) return gr_infer_fail(s, GR_INVALID, "needs a name");
    s->out[0] = (gr_type){(gr_dtype)s->attr[1].i, gr_ints_shape(&s->attr[2].ints)};
    return true;
}

const gr_op gr_op_input = {
    .name = "input",
    .doc = "a value supplied at each step",
    .flags = GR_OP_LEAF | GR_OP_NAMED,
    .attrs = leaf_attrs,
    .n_attrs = GR_LEN(leaf_attrs),
    .infer = leaf_infer,
};

const gr_op gr_op_var = {
    .name = "var",
    .doc = "a persistent tensor that lives in a store",
    .flags = GR_OP_LEAF | GR_OP_NAMED | GR_OP_SHARED,
    .attrs = leaf_attrs,
    .n_attrs = GR_LEN(leaf_attrs),
    .infer = leaf_infer,
};

/* A shape must have a legal rank before it fits into an attribute. */
static bool leaf_check_rank(gr_graph *graph, const char *op, const char *name, gr_shape shape)
{
    if (shape.rank >= 0 && shape.rank <= GR_MAX_RANK) return true;
    gr_name(gr_build_fail(graph, GR_SHAPE, op, "rank %d is not between 0 and %d", shape.rank,
                          GR_MAX_RANK),
            name);
    return false;
}

static gr_node *leaf_build(gr_graph *graph, const gr_op *op, const char *name, gr_dtype dtype,
                           gr_shape shape)
{
    if (!leaf_check_rank(graph, op->name, name, shape)) return gr_error_node(graph);
    gr_attr attr[] = {gr_attr_text(name), gr_attr_dtype(dtype), gr_attr_shape(shape)};
    return gr_build(graph, op, NULL, 0, attr);
}

gr_node *gr_input(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape)
{
    return leaf_build(graph, &gr_op_input, name, dtype, shape);
}

gr_node *gr_var(gr_graph *graph, const char *name, gr_dtype dtype, gr_shape shape)
{
    return leaf_build(graph, &gr_op_var, name, dtype, shape);
}

/* ---- constant ----------------------------------------------------------------------------- */

static const gr_attr_desc constant_attrs[] = {{"value", GR_ATTR_TENSOR}};

static bool constant_infer(gr_infer *s)
{
    const gr_tensor *value = s->attr[0].tensor;
    s->out[0] = (gr_type){value->dtype, value->shape};
    return true;
}

const gr_op gr_op_constant = {
    .name = "constant",
    .doc = "a value fixed when the graph is built",
    .flags = GR_OP_LEAF,
    .attrs = constant_attrs,
    .n_attrs = GR_LEN(constant_attrs),
    .infer = constant_infer,
};

gr_node *gr_constant(gr_graph *graph, const gr_tensor *value)
{
    const char *op = gr_op_constant.name;
    if (!value) return gr_build_fail(graph, GR_INVALID, op, "has no tensor");
    if (!leaf_check_rank(graph, op, NULL, value->shape)) return gr_error_node(graph);
    if (!value->data && gr_tensor_bytes(value) > 0) {
        return gr_build_fail(graph, GR_INVALID, op, "the tensor %s%s has no data",
                             gr_dtype_name(value->dtype), gr_shape_text(value->shape));
    }
    gr_attr attr = {.kind = GR_ATTR_TENSOR, .tensor = value};
    return gr_build(graph, &gr_op_constant, NULL, 0, &attr);
}

gr_node *gr_scalar(gr_graph *graph, gr_dtype dtype, double value)
{
    alignas(double) unsigned char room[sizeof(double)] = {0}; /* for any element */
    gr_tensor tensor = {dtype, GR_SCALAR, room};
    gr_tensor_put(&tensor, 0, value);
    return gr_constant(graph, &tensor);
}

gr_node *gr_like(gr_node *node, double value)
{
    if (gr_is_error(node)) return gr_error_node(gr_node_graph(node));
    return gr_scalar(node->graph, gr_type_of(node).dtype, value);
}

gr_node *gr_full(gr_graph *graph, gr_dtype dtype, gr_shape shape, double value)
{
    if (!leaf_check_rank(graph, "full", NULL, shape)) return gr_error_node(graph);
    gr_node *scalar = gr_scalar(graph, dtype, value);
    return shape.rank == 0 ? scalar : gr_broadcast(scalar, shape);
}
