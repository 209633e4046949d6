/* oneDNN 2.x and 3.x behind the same functions. */
#include "backend/onednn/version.h"

#include <string.h>

static void version_strides(int rank, const dnnl_dim_t *dims, dnnl_dims_t strides)
{
    dnnl_dim_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= dims[i];
    }
}

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t onednn_desc_plain(onednn_desc *desc, int rank, const dnnl_dim_t *dims)
{
    dnnl_dims_t strides;
    version_strides(rank, dims, strides);
    return dnnl_memory_desc_create_with_strides(desc, rank, dims, dnnl_f32, strides);
}

dnnl_status_t onednn_desc_any(onednn_desc *desc, int rank, const dnnl_dim_t *dims)
{
    return dnnl_memory_desc_create_with_tag(desc, rank, dims, dnnl_f32, dnnl_format_tag_any);
}

dnnl_status_t onednn_desc_copy(onednn_desc *desc, onednn_const_desc from)
{
    return dnnl_memory_desc_clone(desc, from);
}

void onednn_desc_free(onednn_desc desc)
{
    if (desc) dnnl_memory_desc_destroy(desc);
}

dnnl_status_t onednn_conv_describe(dnnl_primitive_desc_t *desc, gr_module_kind kind,
                                   const onednn_conv_window *window,
                                   const onednn_desc operands[CONV_OPERANDS],
                                   const_dnnl_primitive_attr_t attr,
                                   const_dnnl_primitive_desc_t hint)
{
    const_dnnl_memory_desc_t x = operands[CONV_X], w = operands[CONV_W], y = operands[CONV_Y];
    switch (kind) {
    case GR_MODULE_CONV_INPUT_GRAD:
        return dnnl_convolution_backward_data_primitive_desc_create(
            desc, onednn_engine, dnnl_convolution_direct, x, w, y, window->stride, window->dilation,
            window->before, window->after, hint, attr);
    case GR_MODULE_CONV_WEIGHT_GRAD:
        return dnnl_convolution_backward_weights_primitive_desc_create(
            desc, onednn_engine, dnnl_convolution_direct, x, w, NULL, y, window->stride,
            window->dilation, window->before, window->after, hint, attr);
    default:
        return dnnl_convolution_forward_primitive_desc_create(
            desc, onednn_engine, dnnl_forward_training, dnnl_convolution_direct, x, w, NULL, y,
            window->stride, window->dilation, window->before, window->after, attr);
    }
}

#else

/* Takes the filled struct into memory of its own, or says why there is none. */
static dnnl_status_t version_own(onednn_desc *desc, dnnl_status_t status,
                                 const dnnl_memory_desc_t *filled)
{
    if (status != dnnl_success) return status;
    *desc = onednn_services->alloc(sizeof **desc);
    if (!*desc) return dnnl_out_of_memory;
    memcpy(*desc, filled, sizeof **desc);
    return dnnl_success;
}

dnnl_status_t onednn_desc_plain(onednn_desc *desc, int rank, const dnnl_dim_t *dims)
{
    dnnl_memory_desc_t filled;
    dnnl_dims_t strides;
    version_strides(rank, dims, strides);
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_strides(&filled, rank, dims, dnnl_f32, strides);
    return version_own(desc, status, &filled);
}

dnnl_status_t onednn_desc_any(onednn_desc *desc, int rank, const dnnl_dim_t *dims)
{
    dnnl_memory_desc_t filled;
    const dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&filled, rank, dims, dnnl_f32, dnnl_format_tag_any);
    return version_own(desc, status, &filled);
}

dnnl_status_t onednn_desc_copy(onednn_desc *desc, onednn_const_desc from)
{
    return version_own(desc, dnnl_success, from);
}

void onednn_desc_free(onednn_desc desc)
{
    onednn_services->free(desc);
}

static dnnl_status_t version_conv_init(dnnl_convolution_desc_t *operation, gr_module_kind kind,
                                       const onednn_conv_window *window,
                                       const onednn_desc operands[CONV_OPERANDS])
{
    const dnnl_memory_desc_t *x = operands[CONV_X], *w = operands[CONV_W], *y = operands[CONV_Y];
    switch (kind) {
    case GR_MODULE_CONV_INPUT_GRAD:
        return dnnl_dilated_convolution_backward_data_desc_init(
            operation, dnnl_convolution_direct, x, w, y, window->stride, window->dilation,
            window->before, window->after);
    case GR_MODULE_CONV_WEIGHT_GRAD:
        return dnnl_dilated_convolution_backward_weights_desc_init(
            operation, dnnl_convolution_direct, x, w, NULL, y, window->stride, window->dilation,
            window->before, window->after);
    default:
        return dnnl_dilated_convolution_forward_desc_init(
            operation, dnnl_forward_training, dnnl_convolution_direct, x, w, NULL, y,
            window->stride, window->dilation, window->before, window->after);
    }
}

dnnl_status_t onednn_conv_describe(dnnl_primitive_desc_t *desc, gr_module_kind kind,
                                   const onednn_conv_window *window,
                                   const onednn_desc operands[CONV_OPERANDS],
                                   const_dnnl_primitive_attr_t attr,
                                   const_dnnl_primitive_desc_t hint)
{
    dnnl_convolution_desc_t operation;
    const dnnl_status_t status = version_conv_init(&operation, kind, window, operands);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(desc, &operation, attr, onednn_engine, hint);
}

#endif
