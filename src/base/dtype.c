/* Element types, and the conversions of those that C does not have. */
#include "base/base.h"

const char *gr_dtype_name(gr_dtype dtype)
{
    static const char *const names[] = {
#define DTYPE_NAME(name, text, bytes) text,
        GR_DTYPE_TABLE(DTYPE_NAME)
#undef DTYPE_NAME
    };
    return (size_t)dtype < GR_LEN(names) ? names[dtype] : "?";
}

size_t gr_dtype_size(gr_dtype dtype)
{
    static const size_t sizes[] = {
#define DTYPE_SIZE(name, text, bytes) bytes,
        GR_DTYPE_TABLE(DTYPE_SIZE)
#undef DTYPE_SIZE
    };
    return (size_t)dtype < GR_LEN(sizes) ? sizes[dtype] : 0;
}

bool gr_dtype_is_float(gr_dtype dtype)
{
    return dtype == GR_F64 || dtype == GR_F32 || dtype == GR_BF16 || dtype == GR_F16;
}

gr_dtype gr_dtype_find(const char *name)
{
    for (int i = 0; i < GR_DTYPE_COUNT; i++) {
        if (strcmp(gr_dtype_name((gr_dtype)i), name) == 0) return (gr_dtype)i;
    }
    return GR_DTYPE_COUNT;
}

static uint32_t dtype_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float dtype_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t gr_f32_to_bf16(float value)
{
    uint32_t bits = dtype_bits(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u); /* quiet NaN */
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float gr_bf16_to_f32(uint16_t bits)
{
    return dtype_float((uint32_t)bits << 16);
}

uint16_t gr_f32_to_f16(float value)
{
    uint32_t bits = dtype_bits(value);
    uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7FFFFFFFu;
    if (size > 0x7F800000u) return (uint16_t)(sign | 0x7E00u | (size >> 13 & 0x1FFu));
    if (size >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u); /* 65520 and above round to inf */
    if (size >= 0x38800000u) {                                  /* normal: from 2^-14 */
        uint32_t rounded = size + 0xFFFu + (size >> 13 & 1u);
        return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
    }
    if (size < 0x33000000u) return (uint16_t)sign; /* below half of the least subnormal, 2^-25 */
    uint32_t shift = 126u - (size >> 23);          /* value = mantissa · 2^-(shift + 24) */
    uint32_t mantissa = (size & 0x7FFFFFu) | 0x800000u;
    uint32_t half = mantissa >> shift, rest = mantissa & ((1u << shift) - 1u);
    uint32_t middle = 1u << (shift - 1u);
    if (rest > middle || (rest == middle && (half & 1u))) half++;
    return (uint16_t)(sign | half);
}

float gr_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = bits >> 10 & 0x1Fu, mantissa = bits & 0x3FFu;
    if (exponent == 0x1Fu) return dtype_float(sign | 0x7F800000u | mantissa << 13);
    if (exponent > 0) return dtype_float(sign | (exponent + 112u) << 23 | mantissa << 13);
    float size = (float)mantissa * 0x1p-24f; /* zero or subnormal: exact */
    return sign ? -size : size;
}
