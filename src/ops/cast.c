/* cast: another element type, for every pair of types. The span of the source's type reads the
 * target's from param[0], once a call. Rounding to nearest even happens once, also where C has no
 * direct conversion. */
#include "ops/elementwise.h"

#include <math.h>

/* ---- One element ----------------------------------------------------------------------------- */

/* Towards zero, saturating; NaN gives 0. The limits are exact in f64; 2^63 is the first number past
 * i64. */
#define CAST_SATURATING(NAME, T, LOW, HIGH, LEAST, MOST)                                           \
    static GR_INLINE T NAME(double x)                                                              \
    {                                                                                              \
        return (T)(x >= (HIGH) ? (MOST) : x <= (LOW) ? (LEAST) : x == x ? (T)x : 0);               \
    }
CAST_SATURATING(cast_i64, int64_t, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
CAST_SATURATING(cast_i32, int32_t, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX)
CAST_SATURATING(cast_i8, int8_t, INT8_MIN, INT8_MAX, INT8_MIN, INT8_MAX)
CAST_SATURATING(cast_u8, uint8_t, 0, UINT8_MAX, 0, UINT8_MAX)

/* f64 to f32, rounded to odd: an inexact result is the neighbour with the last bit set, which a
 * second rounding to bf16 or f16 treats as it would have treated x itself (Boldo and Melquiond
 * 2008, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to
 * odd"). */
static float cast_odd(double x)
{
    float y = (float)x;
    if ((double)y == x || x != x) return y;
    uint32_t bits;
    memcpy(&bits, &y, sizeof bits);
    if (fabs((double)y) > fabs(x)) bits--;
    bits |= 1;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* i64 to f64 so that a later rounding to bf16 or f16 is right: beyond 2^53 the low bits are
 * gathered into one that says whether any was set. */
static double cast_sticky(int64_t x)
{
    const bool exact = x > -(INT64_C(1) << 53) && x < INT64_C(1) << 53;
    return (double)(exact ? x : (x & ~INT64_C(0xfff)) | ((x & 0xfff) ? 0x800 : 0));
}

/* ---- Loops ----------------------------------------------------------------------------------- */

enum { CAST_BLOCK = 32 };

#define CAST_ELEMENT(WIDE, LOAD, OUT, VALUE)                                                       \
    const WIDE a = LOAD(x[k]);                                                                     \
    y[k] = (OUT)(VALUE);

/* VALUE of the element `a`, which is LOAD of the stored one. PRAGMA is GR_SIMD where nets convert,
 * else nothing: vector code for every pair of types takes more room than it is worth. */
#define CAST_CASE(PRAGMA, WIDE, LOAD, CODE, OUT, VALUE)                                            \
    case CODE: {                                                                                   \
        OUT *y = out;                                                                              \
        for (; count >= CAST_BLOCK; count -= CAST_BLOCK, x += CAST_BLOCK, y += CAST_BLOCK) {       \
            PRAGMA for (int k = 0; k < CAST_BLOCK; k++)                                            \
            {                                                                                      \
                CAST_ELEMENT(WIDE, LOAD, OUT, VALUE)                                               \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < (int)count; k++) {                                                     \
            CAST_ELEMENT(WIDE, LOAD, OUT, VALUE)                                                   \
        }                                                                                          \
        break;                                                                                     \
    }

#define CAST_SPAN_LOOP(NAME, IN, CASES)                                                            \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        const IN *x = in[0];                                                                       \
        const gr_dtype to = (gr_dtype)param[0];                                                    \
        int64_t count = step[0] || n < 1 ? n : 1;                                                  \
        switch (to) {                                                                              \
            CASES                                                                                  \
        case GR_DTYPE_COUNT:                                                                       \
            break;                                                                                 \
        }                                                                                          \
        if (!step[0]) cast_repeat(out, gr_dtype_size(to), n);                                      \
    }

#define CAST_FROM_FLOAT(PRAGMA, WIDE, LOAD, SINGLE)                                                \
    CAST_CASE(PRAGMA, WIDE, LOAD, GR_F64, double, a)                                               \
    CAST_CASE(PRAGMA, WIDE, LOAD, GR_F32, float, a)                                                \
    CAST_CASE(, WIDE, LOAD, GR_BF16, uint16_t, gr_f32_to_bf16(SINGLE(a)))                          \
    CAST_CASE(, WIDE, LOAD, GR_F16, uint16_t, gr_f32_to_f16(SINGLE(a)))                            \
    CAST_CASE(, WIDE, LOAD, GR_I64, int64_t, cast_i64((double)a))                                  \
    CAST_CASE(, WIDE, LOAD, GR_I32, int32_t, cast_i32((double)a))                                  \
    CAST_CASE(, WIDE, LOAD, GR_I8, int8_t, cast_i8((double)a))                                     \
    CAST_CASE(, WIDE, LOAD, GR_U8, uint8_t, cast_u8((double)a))                                    \
    CAST_CASE(PRAGMA, WIDE, LOAD, GR_BOOL, uint8_t, a != 0)

#define CAST_FROM_INTEGER(PRAGMA, WIDE)                                                            \
    CAST_CASE(PRAGMA, WIDE, , GR_F64, double, a)                                                   \
    CAST_CASE(PRAGMA, WIDE, , GR_F32, float, a)                                                    \
    CAST_CASE(, WIDE, , GR_BF16, uint16_t, gr_f32_to_bf16(cast_odd(cast_sticky(a))))               \
    CAST_CASE(, WIDE, , GR_F16, uint16_t, gr_f32_to_f16(cast_odd(cast_sticky(a))))                 \
    CAST_CASE(, WIDE, , GR_I64, int64_t, a)                                                        \
    CAST_CASE(PRAGMA, WIDE, , GR_I32, int32_t, a)                                                  \
    CAST_CASE(, WIDE, , GR_I8, int8_t, a)                                                          \
    CAST_CASE(PRAGMA, WIDE, , GR_U8, uint8_t, a)                                                   \
    CAST_CASE(, WIDE, , GR_BOOL, uint8_t, a != 0)

/* Copies the first element into all of them. */
static void cast_repeat(void *out, size_t size, int64_t n)
{
    for (int64_t i = 1; i < n; i++) memcpy((char *)out + (size_t)i * size, out, size);
}

CAST_SPAN_LOOP(cast_from_f64, double, CAST_FROM_FLOAT(GR_SIMD, double, , cast_odd))
CAST_SPAN_LOOP(cast_from_f32, float, CAST_FROM_FLOAT(GR_SIMD, float, , ))
CAST_SPAN_LOOP(cast_from_bf16, uint16_t, CAST_FROM_FLOAT(, float, gr_bf16_to_f32, ))
CAST_SPAN_LOOP(cast_from_f16, uint16_t, CAST_FROM_FLOAT(, float, gr_f16_to_f32, ))
CAST_SPAN_LOOP(cast_from_i64, int64_t, CAST_FROM_INTEGER(, int64_t))
CAST_SPAN_LOOP(cast_from_i32, int32_t, CAST_FROM_INTEGER(GR_SIMD, int32_t))
CAST_SPAN_LOOP(cast_from_i8, int8_t, CAST_FROM_INTEGER(, int8_t))
CAST_SPAN_LOOP(cast_from_u8, uint8_t, CAST_FROM_INTEGER(GR_SIMD, uint8_t))
GR_SPAN_TWO_LEVELS(cast_from_f64)
GR_SPAN_TWO_LEVELS(cast_from_f32)
GR_SPAN_COPY_(cast_from_bf16, any, )
GR_SPAN_COPY_(cast_from_f16, any, )
GR_SPAN_COPY_(cast_from_i64, any, )
GR_SPAN_TWO_LEVELS(cast_from_i32)
GR_SPAN_COPY_(cast_from_i8, any, )
GR_SPAN_TWO_LEVELS(cast_from_u8)
static const gr_span_table cast_spans = {
    [GR_F64] = GR_TWO_LEVELS(cast_from_f64),      [GR_F32] = GR_TWO_LEVELS(cast_from_f32),
    [GR_BF16] = GR_ONE_LEVEL(cast_from_bf16_any), [GR_F16] = GR_ONE_LEVEL(cast_from_f16_any),
    [GR_I64] = GR_ONE_LEVEL(cast_from_i64_any),   [GR_I32] = GR_TWO_LEVELS(cast_from_i32),
    [GR_I8] = GR_ONE_LEVEL(cast_from_i8_any),     [GR_U8] = GR_TWO_LEVELS(cast_from_u8),
    [GR_BOOL] = GR_TWO_LEVELS(cast_from_u8)};

/* ---- The record ------------------------------------------------------------------------------ */

static const gr_attr_desc cast_attrs[] = {{"dtype", GR_ATTR_DTYPE}};

static bool cast_infer(gr_infer *s)
{
    const gr_dtype to = (gr_dtype)s->attr[0].i;
    if (gr_dtype_size(to) == 0) {
        return gr_infer_fail(s, GR_DTYPE, "unknown element type %d", (int)to);
    }
    s->out[0] = (gr_type){to, s->in[0].shape};
    return true;
}

/* Whole numbers have no slope: between a float and an integer no gradient passes. */
static void cast_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_dtype from = gr_type_of(node->in[0]).dtype;
    if (gr_dtype_is_float(from) && gr_dtype_is_float(node->out[0].dtype)) {
        dx[0] = gr_cast(dy[0], from);
    }
}

static gr_node *cast_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_cast(x, GR_F64) : NULL;
}

const gr_op gr_op_cast = {.name = "cast",
                          .doc = "x in another element type",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE,
                          .attrs = cast_attrs,
                          .n_attrs = GR_LEN(cast_attrs),
                          .infer = cast_infer,
                          .grad = cast_grad,
                          .spans = &cast_spans,
                          .sample = cast_sample};

gr_node *gr_cast(gr_node *x, gr_dtype dtype)
{
    const gr_attr attr = gr_attr_dtype(dtype);
    return gr_build(NULL, &gr_op_cast, (gr_node *[]){x}, 1, &attr);
}
