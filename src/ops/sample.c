/* Drawing inputs for samples. */
#include <math.h>
#include <stdio.h>

#include "ops/ops.h"
#include "ops/sample.h"

gr_status gr_sampler_init(gr_sampler *sampler, gr_dtype dtype, uint64_t seed)
{
    *sampler = (gr_sampler){.dtype = dtype, .rng = gr_rng_new(seed, 0)};
    sampler->graph = gr_graph_new();
    return sampler->graph ? GR_OK : GR_NO_MEMORY;
}

void gr_sampler_clear(gr_sampler *sampler)
{
    gr_graph_free(sampler->graph);
    for (int i = 0; i < sampler->n; i++) gr_tensor_clear(&sampler->value[i]);
    *sampler = (gr_sampler){0};
}

static void sample_store(gr_tensor *t, int64_t i, double v)
{
    switch (t->dtype) {
    case GR_F64:
        ((double *)t->data)[i] = v;
        break;
    case GR_F32:
        ((float *)t->data)[i] = (float)v;
        break;
    case GR_BF16:
        ((uint16_t *)t->data)[i] = gr_f32_to_bf16((float)v);
        break;
    case GR_F16:
        ((uint16_t *)t->data)[i] = gr_f32_to_f16((float)v);
        break;
    case GR_I64:
        ((int64_t *)t->data)[i] = (int64_t)floor(v);
        break;
    case GR_I32:
        ((int32_t *)t->data)[i] = (int32_t)floor(v);
        break;
    case GR_I8:
        ((int8_t *)t->data)[i] = (int8_t)floor(v);
        break;
    case GR_U8:
        ((uint8_t *)t->data)[i] = (uint8_t)floor(v);
        break;
    case GR_BOOL:
        ((bool *)t->data)[i] = v >= 0.5;
        break;
    case GR_DTYPE_COUNT:
        break;
    }
}

gr_node *gr_draw_typed(gr_sampler *sampler, gr_dtype dtype, gr_shape shape, double low, double high)
{
    int k = sampler->n;
    if (k == GR_SAMPLE_INPUTS)
        return gr_build_fail(sampler->graph, GR_INVALID, "sample", "more than %d inputs", k);
    gr_tensor *t = &sampler->value[k];
    gr_status status = gr_tensor_new(dtype, shape, t);
    if (status != GR_OK) return gr_build_fail(sampler->graph, status, "sample", "%s", gr_message());
    for (int64_t i = 0; i < gr_shape_count(shape); i++)
        sample_store(t, i, low + (high - low) * gr_rng_uniform(&sampler->rng));
    char name[16];
    snprintf(name, sizeof name, "x%d", k);
    sampler->node[k] = gr_input(sampler->graph, name, dtype, shape);
    sampler->n = k + 1;
    return sampler->node[k];
}

gr_node *gr_draw(gr_sampler *sampler, gr_shape shape, double low, double high)
{
    return gr_draw_typed(sampler, sampler->dtype, shape, low, high);
}
