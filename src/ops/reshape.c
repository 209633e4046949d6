/* reshape: the same elements under another shape. */
#include "ops/ops.h"

static const gr_attr_desc reshape_attrs[] = {{"shape", GR_ATTR_INTS}};

/* Fills in the one size that is -1. */
static bool reshape_complete(gr_infer *s, gr_shape *shape)
{
    gr_shape in = s->in[0].shape, rest = {0};
    int open = -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == -1) {
            if (open >= 0) {
                return gr_infer_fail(s, GR_SHAPE, "more than one size of %s is -1",
                                     gr_shape_text(*shape));
            }
            open = i;
        } else if (shape->dim[i] < 0) {
            return gr_infer_fail(s, GR_SHAPE, "size %lld in %s is negative",
                                 (long long)shape->dim[i], gr_shape_text(*shape));
        } else {
            rest.dim[rest.rank++] = shape->dim[i];
        }
    }
    if (open < 0) return true;
    int64_t known = gr_shape_count(rest), count = gr_shape_count(in);
    if (known <= 0 || count % known != 0) {
        return gr_infer_fail(s, GR_SHAPE,
                             "no size in place of -1 makes %s hold the %lld elements of %s",
                             gr_shape_text(*shape), (long long)count, gr_shape_text(in));
    }
    shape->dim[open] = count / known;
    return true;
}

static bool reshape_infer(gr_infer *s)
{
    gr_shape in = s->in[0].shape, shape = gr_ints_shape(&s->attr[0].ints);
    if (!reshape_complete(s, &shape)) return false;
    if (gr_shape_count(shape) < 0)
        return gr_infer_fail(s, GR_SHAPE, "%s has too many elements", gr_shape_text(shape));
    if (gr_shape_count(shape) != gr_shape_count(in)) {
        return gr_infer_fail(s, GR_SHAPE, "%s has %lld elements, %s has %lld", gr_shape_text(in),
                             (long long)gr_shape_count(in), gr_shape_text(shape),
                             (long long)gr_shape_count(shape));
    }
    s->attr[0] = gr_attr_shape(shape);
    s->out[0] = (gr_type){s->in[0].dtype, shape};
    return true;
}

static void reshape_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_reshape(dy[0], node->in[0]->out[0].shape);
}

gr_node *gr_reshape(gr_node *x, gr_shape shape)
{
    if (!gr_is_error(x)) {
        if (shape.rank < 0 || shape.rank > GR_MAX_RANK) {
            return gr_build_fail(x->graph, GR_SHAPE, gr_op_reshape.name,
                                 "rank %d is not between 0 and %d", shape.rank, GR_MAX_RANK);
        }
        if (gr_shape_equal(gr_type_of(x).shape, shape)) return x;
    }
    gr_attr attr = gr_attr_shape(gr_shape_of(shape.rank, shape.dim));
    return gr_build(NULL, &gr_op_reshape, &x, 1, &attr);
}

gr_node *gr_flatten(gr_node *x, int from)
{
    if (gr_is_error(x)) return gr_reshape(x, GR_SCALAR);
    gr_shape in = gr_type_of(x).shape;
    if (from < 0 || from > in.rank || from >= GR_MAX_RANK) {
        return gr_build_fail(x->graph, GR_SHAPE, "flatten",
                             "cannot keep the first %d axes of %s: it has %d", from,
                             gr_shape_text(in), in.rank);
    }
    gr_shape tail = gr_shape_of(in.rank - from, in.dim + from), out = gr_shape_of(from, in.dim);
    int64_t rest = gr_shape_count(tail);
    if (rest < 0) {
        return gr_build_fail(x->graph, GR_SHAPE, "flatten", "the sizes of %s are too large to join",
                             gr_shape_text(tail));
    }
    out.dim[out.rank++] = rest;
    return gr_reshape(x, out);
}

static gr_node *reshape_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_reshape(gr_draw(sampler, GR_SHAPE(3, 4), -2, 2), GR_SHAPE(2, -1));
    case 1:
        return gr_reshape(gr_draw(sampler, GR_SCALAR, -2, 2), GR_SHAPE(1, 1));
    case 2:
        return gr_reshape(gr_draw(sampler, GR_SHAPE(1), -2, 2), GR_SCALAR);
    case 3:
        return gr_reshape(gr_draw(sampler, GR_SHAPE(0, 3), -2, 2), GR_SHAPE(7, 0));
    case 4:
        return gr_flatten(gr_draw(sampler, GR_SHAPE(2, 3, 5), -2, 2), 1);
    default:
        return NULL;
    }
}

const gr_op gr_op_reshape = {
    .name = "reshape",
    .doc = "the same elements in row-major order under another shape",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_VIEW,
    .attrs = reshape_attrs,
    .n_attrs = GR_LEN(reshape_attrs),
    .infer = reshape_infer,
    .grad = reshape_grad,
    .sample = reshape_sample,
};
