/* stop_gradient: a value whose history does not count. */
#include "ops/ops.h"

static gr_node *stop_gradient_sample(gr_sampler *sampler, int k)
{
    static const gr_shape shapes[] = {{0}, {1, {7}}, {2, {3, 5}}, {2, {0, 4}}};
    if (k >= (int)GR_LEN(shapes)) return NULL;
    return gr_stop_gradient(gr_draw(sampler, shapes[k], -2, 2));
}

const gr_op gr_op_stop_gradient = {
    .name = "stop_gradient",
    .doc = "x, with derivative zero",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_VIEW | GR_OP_GRAD_ZERO,
    .infer = gr_infer_same,
    .sample = stop_gradient_sample,
};

gr_node *gr_stop_gradient(gr_node *x)
{
    return gr_build(NULL, &gr_op_stop_gradient, &x, 1, NULL);
}
