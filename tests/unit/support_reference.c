#include "support_reference.h"

#include <math.h>

static int reference_find(const gr_safetensors *file, const char *of, const char *part)
{
    char name[160];
    snprintf(name, sizeof name, "%s/%s", of, part);
    return gr_safetensors_find(file, name);
}

gr_safetensors *reference_open(const char *name)
{
    char path[512];
    gr_safetensors *file;
    snprintf(path, sizeof path, "%s/%s", TEST_REFERENCE, name);
    unit_ok(gr_safetensors_open(path, &file));
    return file;
}

bool reference_has(const gr_safetensors *file, const char *of, const char *part)
{
    return reference_find(file, of, part) >= 0;
}

gr_tensor reference_read(const gr_safetensors *file, const char *of, const char *part,
                         gr_dtype dtype)
{
    gr_tensor wide, t;
    const int i = reference_find(file, of, part);
    if (i < 0) fail_msg("no reference %s/%s", of, part);
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

void reference_compare(const gr_safetensors *file, const char *of, const char *part,
                       const gr_tensor *got)
{
    reference_compare_within(file, of, part, got, got->dtype == GR_F32 ? 1e-5 : 1e-10);
}

void reference_compare_within(const gr_safetensors *file, const char *of, const char *part,
                              const gr_tensor *got, double tolerance)
{
    gr_tensor want = reference_read(file, of, part, GR_F64);
    const int64_t count = gr_shape_count(want.shape);
    double largest = 1;
    if (!gr_shape_equal(got->shape, want.shape))
        fail_msg("%s/%s: %s, expected %s", of, part, gr_shape_text(got->shape),
                 gr_shape_text(want.shape));
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(gr_tensor_at(&want, i)));
    for (int64_t i = 0; i < count; i++) {
        const double a = gr_tensor_at(got, i), b = gr_tensor_at(&want, i);
        if (!(fabs(a - b) <= tolerance * largest) && a != b)
            fail_msg("%s/%s [%lld] in %s: %.15g, expected %.15g", of, part, (long long)i,
                     gr_dtype_name(got->dtype), a, b);
    }
    gr_tensor_clear(&want);
}
