/* Host tensors. */
#include "base/limits.h"

#include <math.h>

gr_status gr_tensor_new(gr_dtype dtype, gr_shape shape, gr_tensor *out)
{
    *out = (gr_tensor){0};
    size_t size = gr_dtype_size(dtype), bytes;
    if (size == 0) return gr_fail(GR_INVALID, "tensor: unknown element type %d", (int)dtype);
    if (shape.rank < 0 || shape.rank > GR_MAX_RANK) {
        return gr_fail(GR_INVALID, "tensor: rank %d is not between 0 and %d", shape.rank,
                       GR_MAX_RANK);
    }
    int64_t count = gr_shape_count(shape);
    if (count < 0 || !gr_mul_size((size_t)count, size, &bytes)) {
        return gr_fail(GR_INVALID, "tensor: shape %s has a negative size or too many elements",
                       gr_shape_text(shape));
    }
    if (bytes > gr_limit_tensor())
        return gr_fail(GR_INVALID,
                       "tensor: %s %s takes %zu bytes, more than the limit of %llu for a "
                       "tensor: " GR_LIMIT_ADVICE("GRADUS_MAX_TENSOR"),
                       gr_dtype_name(dtype), gr_shape_text(shape), bytes,
                       (unsigned long long)gr_limit_tensor());
    void *data = gr_alloc_aligned(bytes);
    if (!data) return GR_NO_MEMORY;
    *out = (gr_tensor){dtype, shape, data};
    return GR_OK;
}

void gr_tensor_clear(gr_tensor *tensor)
{
    gr_free_aligned(tensor->data);
    *tensor = (gr_tensor){0};
}

size_t gr_tensor_bytes(const gr_tensor *tensor)
{
    int64_t count = gr_shape_count(tensor->shape);
    size_t bytes;
    if (count < 0 || !gr_mul_size((size_t)count, gr_dtype_size(tensor->dtype), &bytes)) return 0;
    return bytes;
}

double gr_tensor_at(const gr_tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->dtype) {
    case GR_F64:
        return ((const double *)data)[i];
    case GR_F32:
        return (double)((const float *)data)[i];
    case GR_BF16:
        return (double)gr_bf16_to_f32(((const uint16_t *)data)[i]);
    case GR_F16:
        return (double)gr_f16_to_f32(((const uint16_t *)data)[i]);
    case GR_I64:
        return (double)((const int64_t *)data)[i];
    case GR_I32:
        return (double)((const int32_t *)data)[i];
    case GR_I8:
        return (double)((const int8_t *)data)[i];
    case GR_U8:
        return (double)((const uint8_t *)data)[i];
    case GR_BOOL:
        return ((const uint8_t *)data)[i] ? 1 : 0;
    case GR_DTYPE_COUNT:
        break;
    }
    return 0;
}

/* Cut towards zero and kept within [low, high]; NaN is 0. */
static int64_t tensor_whole(double value, int64_t low, int64_t high)
{
    if (isnan(value)) return 0;
    if (value <= (double)low) return low;
    return value >= (double)high ? high : (int64_t)value;
}

void gr_tensor_put(gr_tensor *tensor, int64_t i, double value)
{
    void *data = tensor->data;
    switch (tensor->dtype) {
    case GR_F64:
        ((double *)data)[i] = value;
        break;
    case GR_F32:
        ((float *)data)[i] = (float)value;
        break;
    case GR_BF16:
        ((uint16_t *)data)[i] = gr_f32_to_bf16((float)value);
        break;
    case GR_F16:
        ((uint16_t *)data)[i] = gr_f32_to_f16((float)value);
        break;
    case GR_I64:
        ((int64_t *)data)[i] = tensor_whole(value, INT64_MIN, INT64_MAX);
        break;
    case GR_I32:
        ((int32_t *)data)[i] = (int32_t)tensor_whole(value, INT32_MIN, INT32_MAX);
        break;
    case GR_I8:
        ((int8_t *)data)[i] = (int8_t)tensor_whole(value, INT8_MIN, INT8_MAX);
        break;
    case GR_U8:
        ((uint8_t *)data)[i] = (uint8_t)tensor_whole(value, 0, UINT8_MAX);
        break;
    case GR_BOOL:
        ((uint8_t *)data)[i] = value != 0;
        break;
    case GR_DTYPE_COUNT:
        break;
    }
}
