/* Inputs of samples: see gr_sampler in graph/op.h. */
#include "graph/op.h"

gr_node *gr_draw_typed(gr_sampler *sampler, gr_dtype dtype, gr_shape shape, double low, double high)
{
    return sampler->draw(sampler, dtype, shape, low, high);
}

gr_node *gr_draw(gr_sampler *sampler, gr_shape shape, double low, double high)
{
    return sampler->draw(sampler, sampler->dtype, shape, low, high);
}
