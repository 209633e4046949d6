/* concat: tensors one after the other along an axis. */
#include "ops/movement.h"

static const gr_attr_desc concat_attrs[] = {{"axis", GR_ATTR_INT}};

static bool concat_infer(gr_infer *s)
{
    if (!gr_infer_one_dtype(s)) return false;
    gr_shape out = s->in[0].shape;
    if (!gr_infer_axis(s, &s->attr[0].i, out.rank)) return false;
    int64_t axis = s->attr[0].i;
    for (int i = 1; i < s->n_in; i++) {
        gr_shape shape = s->in[i].shape, like = out;
        if (shape.rank == out.rank) like.dim[axis] = shape.dim[axis];
        if (!gr_shape_equal(shape, like)) {
            return gr_infer_fail(s, GR_SHAPE,
                                 "input %d is %s, input 0 is %s: all sizes but that of axis %lld "
                                 "must be equal",
                                 i, gr_shape_text(shape), gr_shape_text(s->in[0].shape),
                                 (long long)axis);
        }
        if (__builtin_add_overflow(out.dim[axis], shape.dim[axis], &out.dim[axis])) {
            return gr_infer_fail(s, GR_SHAPE, "axis %lld gets too large", (long long)axis);
        }
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static void concat_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    int64_t start[GR_MAX_RANK] = {0}, stop[GR_MAX_RANK], axis = node->attr[0].i;
    gr_shape out = node->out[0].shape;
    for (int k = 0; k < out.rank; k++) stop[k] = out.dim[k];
    stop[axis] = 0;
    for (int i = 0; i < node->n_in; i++) {
        start[axis] = stop[axis];
        stop[axis] += node->in[i]->out[0].shape.dim[axis];
        dx[i] = gr_slice(dy[0], start, stop, NULL);
    }
}

gr_node *gr_concat(gr_node *const *x, int n, int axis)
{
    gr_attr attr = gr_attr_int(axis);
    return gr_build(NULL, &gr_op_concat, x, n, &attr);
}

static gr_node *concat_sample(gr_sampler *sampler, int k)
{
    static const struct {
        int n, axis;
        gr_shape shape[3];
    } samples[] = {
        {2, 0, {{1, {3}}, {1, {4}}}},
        {3, 1, {{3, {2, 3, 4}}, {3, {2, 1, 4}}, {3, {2, 5, 4}}}},
        {2, -1, {{2, {5, 2}}, {2, {5, 3}}}},
        {3, 0, {{2, {0, 2}}, {2, {3, 2}}, {2, {1, 2}}}},
        {1, 0, {{1, {2}}}},
    };
    if ((size_t)k >= GR_LEN(samples)) return NULL;
    gr_node *x[3];
    for (int i = 0; i < samples[k].n; i++) x[i] = gr_draw(sampler, samples[k].shape[i], -2, 2);
    return gr_concat(x, samples[k].n, samples[k].axis);
}

const gr_op gr_op_concat = {
    .name = "concat",
    .doc = "tensors one after the other along an axis",
    .min_in = 1,
    .max_in = -1,
    .attrs = concat_attrs,
    .n_attrs = GR_LEN(concat_attrs),
    .infer = concat_infer,
    .grad = concat_grad,
    .reference = gr_copy_reference,
    .sample = concat_sample,
};
