#include "support_reference.h"

#include <math.h>

typedef char reference_name[160];

/* The name that `format` and the arguments after it give. */
#define REFERENCE_NAME(name, format)                                                               \
    do {                                                                                           \
        va_list args_;                                                                             \
        va_start(args_, format);                                                                   \
        vsnprintf(name, sizeof(name), format, args_);                                              \
        va_end(args_);                                                                             \
    } while (0)

gr_safetensors *reference_open(const char *file)
{
    char path[512];
    gr_safetensors *opened;
    snprintf(path, sizeof path, "%s/%s", TEST_REFERENCE, file);
    unit_ok(gr_safetensors_open(path, &opened));
    return opened;
}

bool reference_has(const gr_safetensors *file, const char *format, ...)
{
    reference_name name;
    REFERENCE_NAME(name, format);
    return gr_safetensors_find(file, name) >= 0;
}

gr_tensor reference_read(const gr_safetensors *file, gr_dtype dtype, const char *format, ...)
{
    reference_name name;
    gr_tensor wide, t;
    REFERENCE_NAME(name, format);
    const int i = gr_safetensors_find(file, name);
    if (i < 0) fail_msg("no reference %s", name);
    gr_tensor type = gr_safetensors_type(file, i);
    unit_ok(gr_tensor_new(type.dtype, type.shape, &wide));
    unit_ok(gr_safetensors_read(file, i, wide.data, gr_tensor_bytes(&wide)));
    if (wide.dtype != GR_F64 || dtype == GR_F64) return wide;
    unit_ok(gr_tensor_new(dtype, wide.shape, &t));
    for (int64_t k = 0; k < gr_shape_count(t.shape); k++)
        gr_tensor_put(&t, k, gr_tensor_at(&wide, k));
    gr_tensor_clear(&wide);
    return t;
}

static void reference_check(const gr_safetensors *file, const gr_tensor *got, double tolerance,
                            const char *name)
{
    gr_tensor want = reference_read(file, GR_F64, "%s", name);
    const int64_t count = gr_shape_count(want.shape);
    double largest = 1;
    if (!gr_shape_equal(got->shape, want.shape))
        fail_msg("%s: %s, expected %s", name, gr_shape_text(got->shape), gr_shape_text(want.shape));
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(gr_tensor_at(&want, i)));
    for (int64_t i = 0; i < count; i++) {
        const double a = gr_tensor_at(got, i), b = gr_tensor_at(&want, i);
        if (!(fabs(a - b) <= tolerance * largest) && a != b)
            fail_msg("%s [%lld] in %s: %.15g, expected %.15g", name, (long long)i,
                     gr_dtype_name(got->dtype), a, b);
    }
    gr_tensor_clear(&want);
}

void reference_compare(const gr_safetensors *file, const gr_tensor *got, const char *format, ...)
{
    reference_name name;
    REFERENCE_NAME(name, format);
    reference_check(file, got, got->dtype == GR_F32 ? 1e-5 : 1e-10, name);
}

void reference_compare_within(const gr_safetensors *file, const gr_tensor *got, double tolerance,
                              const char *format, ...)
{
    reference_name name;
    REFERENCE_NAME(name, format);
    reference_check(file, got, tolerance, name);
}
