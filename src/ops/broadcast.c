/* broadcast: copies along new axes and along axes of size 1. */
#include "ops/movement.h"

static const gr_attr_desc broadcast_attrs[] = {{"shape", GR_ATTR_INTS}};

static bool broadcast_infer(gr_infer *s)
{
    gr_shape in = s->in[0].shape, out = gr_ints_shape(&s->attr[0].ints), wide;
    if (!gr_shape_broadcast(in, out, &wide) || !gr_shape_equal(wide, out)) {
        return gr_infer_fail(s, GR_SHAPE, "%s does not broadcast to %s", gr_shape_text(in),
                             gr_shape_text(out));
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static void broadcast_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_shape in = node->in[0]->out[0].shape, out = node->out[0].shape;
    gr_axes copied = {0};
    for (int k = 0; k < out.rank; k++) {
        int axis = k - (out.rank - in.rank);
        if (axis < 0 || (in.dim[axis] == 1 && out.dim[k] != 1)) copied.axis[copied.count++] = k;
    }
    dx[0] = gr_reshape(gr_sum(dy[0], copied), in);
}

gr_node *gr_broadcast(gr_node *x, gr_shape shape)
{
    if (!gr_is_error(x)) {
        if (shape.rank < 0 || shape.rank > GR_MAX_RANK) {
            return gr_build_fail(x->graph, GR_SHAPE, gr_op_broadcast.name,
                                 "rank %d is not between 0 and %d", shape.rank, GR_MAX_RANK);
        }
        if (gr_shape_equal(gr_type_of(x).shape, shape)) return x;
    }
    gr_attr attr = gr_attr_shape(gr_shape_of(shape.rank, shape.dim));
    return gr_build(NULL, &gr_op_broadcast, &x, 1, &attr);
}

static gr_node *broadcast_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_broadcast(gr_draw(sampler, GR_SHAPE(3), -2, 2), GR_SHAPE(2, 3));
    case 1:
        return gr_broadcast(gr_draw(sampler, GR_SCALAR, -2, 2), GR_SHAPE(2, 3, 5));
    case 2:
        return gr_broadcast(gr_draw(sampler, GR_SHAPE(2, 1, 3, 1), -2, 2), GR_SHAPE(2, 4, 3, 5));
    case 3:
        return gr_broadcast(gr_draw(sampler, GR_SHAPE(1, 3), -2, 2), GR_SHAPE(0, 3));
    case 4:
        return gr_broadcast(gr_draw(sampler, GR_SHAPE(1), -2, 2), GR_SHAPE(1, 1));
    default:
        return NULL;
    }
}

const gr_op gr_op_broadcast = {
    .name = "broadcast",
    .doc = "copies along new axes in front and along axes of size 1",
    .min_in = 1,
    .max_in = 1,
    .attrs = broadcast_attrs,
    .n_attrs = GR_LEN(broadcast_attrs),
    .infer = broadcast_infer,
    .grad = broadcast_grad,
    .reference = gr_copy_reference,
    .sample = broadcast_sample,
};
