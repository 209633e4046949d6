/* What elementwise ops share besides their kernels: shape rules, span parameters, samples. */
#include "ops/elementwise.h"

bool gr_infer_same_float(gr_infer *s)
{
    return gr_infer_float(s, 0) && gr_infer_same(s);
}

bool gr_infer_same_number(gr_infer *s)
{
    return gr_infer_number(s, 0) && gr_infer_same(s);
}

bool gr_infer_broadcast_float(gr_infer *s)
{
    return gr_infer_float(s, 0) && gr_infer_broadcast(s);
}

bool gr_infer_broadcast_number(gr_infer *s)
{
    return gr_infer_number(s, 0) && gr_infer_broadcast(s);
}

void gr_span_params(const gr_node *node, double param[GR_SPAN_PARAMS])
{
    int count = 0;
    for (int i = 0; i < node->op->n_attrs && count < GR_SPAN_PARAMS; i++) {
        const gr_attr *attr = &node->attr[i];
        if (attr->kind == GR_ATTR_REAL) param[count++] = attr->f;
        if (attr->kind == GR_ATTR_DTYPE) param[count++] = (double)attr->i;
    }
    while (count < GR_SPAN_PARAMS) param[count++] = 0;
}

gr_node *gr_sample_one(gr_sampler *sampler, int k, double low, double high)
{
    const gr_shape shapes[] = {GR_SHAPE(5), GR_SCALAR, GR_SHAPE(3, 1, 7), GR_SHAPE(2, 0),
                               GR_SHAPE(67)};
    return (size_t)k < GR_LEN(shapes) ? gr_draw(sampler, shapes[k], low, high) : NULL;
}

bool gr_sample_two(gr_sampler *sampler, int k, const double a[2], const double b[2], gr_node *in[2])
{
    const gr_shape shapes[][2] = {
        {GR_SHAPE(5), GR_SHAPE(5)},       {GR_SHAPE(3, 1), GR_SHAPE(1, 4)},
        {GR_SHAPE(2, 3, 4), GR_SHAPE(4)}, {GR_SCALAR, GR_SHAPE(2, 3)},
        {GR_SHAPE(3, 5), GR_SCALAR},      {GR_SHAPE(2, 1, 3), GR_SHAPE(2, 5, 1)},
        {GR_SCALAR, GR_SCALAR},           {GR_SHAPE(0, 3), GR_SHAPE(3)},
        {GR_SHAPE(33), GR_SHAPE(33)},
    };
    if ((size_t)k >= GR_LEN(shapes)) return false;
    in[0] = gr_draw(sampler, shapes[k][0], a[0], a[1]);
    in[1] = gr_draw(sampler, shapes[k][1], b[0], b[1]);
    return true;
}
