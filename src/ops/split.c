/* split: equal slices along one axis, as a tuple. */
#include "ops/movement.h"

static const gr_attr_desc split_attrs[] = {{"parts", GR_ATTR_INT}, {"axis", GR_ATTR_INT}};

static bool split_infer(gr_infer *s)
{
    int64_t parts = s->attr[0].i;
    gr_type part = s->in[0];
    if (!gr_infer_axis(s, &s->attr[1].i, part.shape.rank)) return false;
    int64_t *size = &part.shape.dim[s->attr[1].i];
    if (parts < 1 || parts > GR_MAX_OUTPUTS) {
        return gr_infer_fail(s, GR_INVALID, "%lld parts; 1 to %d are possible", (long long)parts,
                             GR_MAX_OUTPUTS);
    }
    if (*size % parts != 0) {
        return gr_infer_fail(s, GR_SHAPE, "axis %lld of %s does not divide into %lld equal parts",
                             (long long)s->attr[1].i, gr_shape_text(part.shape), (long long)parts);
    }
    *size /= parts;
    s->n_out = (int)parts;
    for (int i = 0; i < s->n_out; i++) s->out[i] = part;
    return true;
}

static void split_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *parts[GR_MAX_OUTPUTS];
    gr_type part = node->out[0];
    for (int i = 0; i < node->n_out; i++) {
        parts[i] = dy[i] ? dy[i] : gr_full(node->graph, part.dtype, part.shape, 0);
    }
    dx[0] = gr_concat(parts, node->n_out, (int)node->attr[1].i);
}

/* The parts come back in another order, so that each shows in the value and in the gradient. */
static gr_node *split_sample(gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape shape;
        int parts, axis;
    } cases[] = {
        {{1, {6}}, 2, 0},    {{2, {3, 8}}, 4, -1}, {{3, {2, 9, 5}}, 3, 1},
        {{2, {0, 4}}, 2, 1}, {{2, {4, 3}}, 1, 0},
    };
    if (k >= (int)GR_LEN(cases)) return NULL;
    gr_node *x = gr_draw(sampler, cases[k].shape, -2, 2);
    gr_node *all = gr_split(x, cases[k].parts, cases[k].axis), *parts[4];
    for (int i = 0; i < cases[k].parts; i++) {
        parts[i] = gr_scale(gr_get(all, cases[k].parts - 1 - i), 1 + i);
    }
    return gr_concat(parts, cases[k].parts, cases[k].axis);
}

const gr_op gr_op_split = {
    .name = "split",
    .doc = "a tuple of `parts` equal slices along `axis`",
    .min_in = 1,
    .max_in = 1,
    .attrs = split_attrs,
    .n_attrs = GR_LEN(split_attrs),
    .infer = split_infer,
    .grad = split_grad,
    .reference = gr_copy_reference,
    .sample = split_sample,
};

gr_node *gr_split(gr_node *x, int parts, int axis)
{
    gr_attr attr[] = {gr_attr_int(parts), gr_attr_int(axis)};
    return gr_build(NULL, &gr_op_split, &x, 1, attr);
}
