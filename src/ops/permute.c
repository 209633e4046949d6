/* permute: axes in another order. */
#include "ops/movement.h"

static const gr_attr_desc permute_attrs[] = {{"axes", GR_ATTR_INTS}};

static bool permute_infer(gr_infer *s)
{
    gr_ints *axes = &s->attr[0].ints;
    gr_shape in = s->in[0].shape, out = {.rank = in.rank};
    bool used[GR_MAX_RANK] = {false};
    if (axes->n != in.rank) {
        return gr_infer_fail(s, GR_SHAPE, "%d axes are given for %s, which has %d", axes->n,
                             gr_shape_text(in), in.rank);
    }
    for (int i = 0; i < axes->n; i++) {
        if (!gr_infer_axis(s, &axes->v[i], in.rank)) return false;
        if (used[axes->v[i]]) {
            return gr_infer_fail(s, GR_INVALID, "axis %lld is listed twice", (long long)axes->v[i]);
        }
        used[axes->v[i]] = true;
        out.dim[i] = in.dim[axes->v[i]];
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static void permute_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_ints *axes = &node->attr[0].ints;
    gr_axes inverse = {.count = axes->n};
    for (int i = 0; i < axes->n; i++) inverse.axis[axes->v[i]] = i;
    dx[0] = gr_permute(dy[0], inverse);
}

gr_node *gr_permute(gr_node *x, gr_axes axes)
{
    gr_attr attr = {.kind = GR_ATTR_INTS};
    if (gr_is_error(x)) return gr_build(NULL, &gr_op_permute, &x, 1, &attr);
    if (axes.count < 0 || axes.count > GR_MAX_RANK) {
        return gr_build_fail(x->graph, GR_INVALID, gr_op_permute.name,
                             "the order of all %d axes must be given", gr_type_of(x).shape.rank);
    }
    attr.ints.n = axes.count;
    bool moves = axes.count != gr_type_of(x).shape.rank;
    for (int i = 0; i < axes.count; i++) {
        attr.ints.v[i] = axes.axis[i];
        moves |= axes.axis[i] != i;
    }
    return moves ? gr_build(NULL, &gr_op_permute, &x, 1, &attr) : x;
}

gr_node *gr_transpose(gr_node *x)
{
    gr_axes axes = {0};
    if (gr_is_error(x)) return gr_permute(x, axes);
    int rank = gr_type_of(x).shape.rank;
    if (rank < 2) {
        return gr_build_fail(x->graph, GR_SHAPE, "transpose", "%s has no two axes to swap",
                             gr_shape_text(gr_type_of(x).shape));
    }
    axes.count = rank;
    for (int i = 0; i < rank; i++) axes.axis[i] = i;
    axes.axis[rank - 2] = rank - 1;
    axes.axis[rank - 1] = rank - 2;
    return gr_permute(x, axes);
}

static gr_node *permute_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_transpose(gr_draw(sampler, GR_SHAPE(5, 3), -2, 2));
    case 1:
        return gr_permute(gr_draw(sampler, GR_SHAPE(2, 3, 4, 5), -2, 2), GR_AXES(0, 2, 3, 1));
    case 2:
        return gr_permute(gr_draw(sampler, GR_SHAPE(2, 1, 3), -2, 2), GR_AXES(-1, 0, 1));
    case 3:
        return gr_transpose(gr_draw(sampler, GR_SHAPE(0, 3), -2, 2));
    case 4:
        return gr_transpose(gr_draw(sampler, GR_SHAPE(3, 19, 37), -2, 2));
    default:
        return NULL;
    }
}

const gr_op gr_op_permute = {
    .name = "permute",
    .doc = "axes in another order: output axis i is input axis axes[i]",
    .min_in = 1,
    .max_in = 1,
    .attrs = permute_attrs,
    .n_attrs = GR_LEN(permute_attrs),
    .infer = permute_infer,
    .grad = permute_grad,
    .reference = gr_copy_reference,
    .sample = permute_sample,
};
