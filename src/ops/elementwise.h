/* From a scalar formula to kernels. An op states the formula of one element once for each element
 * type; GR_SPAN1 and GR_SPAN2 expand it into a span kernel (gr_span_fn) for each CPU level, in a
 * loop that the compiler vectorises:
 *
 *     GR_SPAN2(add_f32, float, float, a + b)
 *     static const gr_span_table add_spans = {[GR_F32] = GR_LEVELS(add_f32)};
 *
 * All levels, and a vector loop and its remainder, give the same bits: formulas use only
 * operations that IEEE 754 rounds correctly, and the compiler may not contract them. Internal. */
#ifndef GR_ELEMENTWISE_H
#define GR_ELEMENTWISE_H

#include "ops/ops.h"

/* ---- CPU levels ------------------------------------------------------------------------------ */

#define GR_INLINE inline __attribute__((always_inline))

/* The span NAME_loop compiled for a level. */
#define GR_SPAN_COPY_(NAME, LEVEL, TARGET)                                                         \
    TARGET static void NAME##_##LEVEL(void *out, const void *const *in, const int *step,           \
                                      int64_t n, const double *param)                              \
    {                                                                                              \
        NAME##_loop(out, in, step, n, param);                                                      \
    }

#if defined(GR_X86_LEVELS)
#define GR_TARGET_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define GR_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#else
#define GR_TARGET_AVX512                                                                           \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")))
#endif

/* The rows of a span table that list the levels. Of types that no net computes in, wider vectors
 * than AVX2's would double the code for little. */
#define GR_SPAN_TWO_LEVELS(NAME)                                                                   \
    GR_SPAN_COPY_(NAME, base, )                                                                    \
    GR_SPAN_COPY_(NAME, avx2, GR_TARGET_AVX2)
#define GR_SPAN_LEVELS(NAME)                                                                       \
    GR_SPAN_TWO_LEVELS(NAME)                                                                       \
    GR_SPAN_COPY_(NAME, avx512, GR_TARGET_AVX512)
#define GR_LEVELS(NAME)                                                                            \
    {                                                                                              \
        NAME##_base, NAME##_avx2, NAME##_avx512                                                    \
    }
#define GR_TWO_LEVELS(NAME)                                                                        \
    {                                                                                              \
        NAME##_base, NAME##_avx2, NAME##_avx2                                                      \
    }
#else
#define GR_SPAN_LEVELS(NAME) GR_SPAN_COPY_(NAME, base, )
#define GR_LEVELS(NAME)                                                                            \
    {                                                                                              \
        NAME##_base                                                                                \
    }
#define GR_SPAN_TWO_LEVELS GR_SPAN_LEVELS
#define GR_TWO_LEVELS GR_LEVELS
#endif

/* The levels of spans over elements of a type. */
#define GR_SPAN_LEVELS_float GR_SPAN_LEVELS
#define GR_SPAN_LEVELS_double GR_SPAN_TWO_LEVELS
#define GR_SPAN_LEVELS_int64_t GR_SPAN_TWO_LEVELS
#define GR_SPAN_LEVELS_int32_t GR_SPAN_TWO_LEVELS
#define GR_SPAN_LEVELS_uint8_t GR_SPAN_TWO_LEVELS

/* A span that gains nothing from vectors (calls of the C library): one function for all levels. */
#define GR_ONE_LEVEL(NAME)                                                                         \
    {                                                                                              \
        NAME, NAME, NAME                                                                           \
    }

/* A row of a span table for each type of number. */
#define GR_FLOAT_ROWS(NAME) [GR_F64] = GR_TWO_LEVELS(NAME##_f64), [GR_F32] = GR_LEVELS(NAME##_f32)
#define GR_NUMBER_ROWS(NAME)                                                                       \
    GR_FLOAT_ROWS(NAME), [GR_I64] = GR_TWO_LEVELS(NAME##_i64),                                     \
                         [GR_I32] = GR_TWO_LEVELS(NAME##_i32), [GR_U8] = GR_TWO_LEVELS(NAME##_u8)

/* ---- Loops ----------------------------------------------------------------------------------- */

/* out may be exactly an input, so pointers are not `restrict`; GR_SIMD promises that one element
 * does not depend on another. This is GR_SIMD of a loop that reads some of its elements only: clang
 * warns where it cannot do that. */
#if defined(__clang__)
#define GR_SIMD_MASKED
#else
#define GR_SIMD_MASKED GR_SIMD
#endif

#define GR_SPAN_LOOP_(NAME)                                                                        \
    static GR_INLINE void NAME##_loop(void *out, const void *const *in, const int *step,           \
                                      int64_t n, const double *param)

/* A span walks blocks of as many elements as make whole vectors at every level, so that the
 * compiler makes one vector loop and nothing around it. Where truths, which are bytes, stand beside
 * floats, a vector of bytes sets how many. */
#define GR_SPAN_BLOCK(T) (sizeof(T) == 1 ? 32 : 16)
#define GR_SPAN_BLOCK_OF(T, OTHER)                                                                 \
    (sizeof(T) == sizeof(float) && sizeof(OTHER) == 1 ? 64 : GR_SPAN_BLOCK(T))

/* Operand K of a span, under the name X: one that stands still is repeated for a block. X##_step
 * leads from a block to the next. SIZE is the block's. */
#define GR_SPAN_OPERAND(T, X, K, SIZE)                                                             \
    _Alignas(GR_ALIGN) T X##_lone[SIZE];                                                           \
    const T *X = in[K];                                                                            \
    if (!step[K]) {                                                                                \
        const T X##_value = *X;                                                                    \
        GR_SIMD for (int k = 0; k < (int)(SIZE); k++) X##_lone[k] = X##_value;                     \
        X = X##_lone;                                                                              \
    }                                                                                              \
    const int64_t X##_step = step[K] * (int)(SIZE);

/* EXPRESSION of the element `a` of type IN, with the op's first two parameters, `p` and `q`. */
#define GR_SPAN1_ELEMENT_(IN, OUT, EXPRESSION)                                                     \
    const IN a = x[k];                                                                             \
    y[k] = (OUT)(EXPRESSION);
#define GR_SPAN1_START_(IN, OUT)                                                                   \
    const IN p = (IN)param[0], q = (IN)param[1];                                                   \
    (void)p, (void)q;                                                                              \
    enum { BLOCK = GR_SPAN_BLOCK(IN) };                                                            \
    OUT *y = out;                                                                                  \
    GR_SPAN_OPERAND(IN, x, 0, BLOCK)
#define GR_SPAN1(NAME, IN, OUT, EXPRESSION)                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        GR_SPAN1_START_(IN, OUT)                                                                   \
        for (; n >= BLOCK; n -= BLOCK, y += BLOCK, x += x_step) {                                  \
            GR_SIMD for (int k = 0; k < BLOCK; k++)                                                \
            {                                                                                      \
                GR_SPAN1_ELEMENT_(IN, OUT, EXPRESSION)                                             \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < (int)n; k++) {                                                         \
            GR_SPAN1_ELEMENT_(IN, OUT, EXPRESSION)                                                 \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS_##IN(NAME)

/* The same where the expression is long: what whole blocks leave over is computed as a block too,
 * in the loop's second round, with its first element behind it. */
#define GR_SPAN1_LONG_LOOP(NAME, IN, OUT, EXPRESSION)                                              \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        GR_SPAN1_START_(IN, OUT)                                                                   \
        _Alignas(GR_ALIGN) IN rest[BLOCK];                                                         \
        _Alignas(GR_ALIGN) OUT result[BLOCK];                                                      \
        OUT *end = y + n / BLOCK * BLOCK;                                                          \
        const int left = (int)(n % BLOCK);                                                         \
        for (int64_t blocks = n / BLOCK;;) {                                                       \
            for (; blocks > 0; blocks--, y += BLOCK, x += x_step) {                                \
                GR_SIMD for (int k = 0; k < BLOCK; k++)                                            \
                {                                                                                  \
                    GR_SPAN1_ELEMENT_(IN, OUT, EXPRESSION)                                         \
                }                                                                                  \
            }                                                                                      \
            if (y != end || left == 0) break;                                                      \
            const IN first = *x;                                                                   \
            GR_SIMD_MASKED for (int k = 0; k < BLOCK; k++) rest[k] = k < left ? x[k] : first;      \
            x = rest;                                                                              \
            y = result;                                                                            \
            blocks = 1;                                                                            \
        }                                                                                          \
        memcpy(end, result, (size_t)left * sizeof *end);                                           \
    }
#define GR_SPAN1_LONG(NAME, IN, OUT, EXPRESSION)                                                   \
    GR_SPAN1_LONG_LOOP(NAME, IN, OUT, EXPRESSION)                                                  \
    GR_SPAN_LEVELS_##IN(NAME)

/* EXPRESSION of the elements `a` and `b` of type IN. */
#define GR_SPAN2_ELEMENT_(IN, OUT, EXPRESSION)                                                     \
    const IN a = x[k], b = y[k];                                                                   \
    z[k] = (OUT)(EXPRESSION);
#define GR_SPAN2(NAME, IN, OUT, EXPRESSION)                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        enum { BLOCK = GR_SPAN_BLOCK_OF(IN, OUT) };                                                \
        OUT *z = out;                                                                              \
        GR_SPAN_OPERAND(IN, x, 0, BLOCK)                                                           \
        GR_SPAN_OPERAND(IN, y, 1, BLOCK)                                                           \
        for (; n >= BLOCK; n -= BLOCK, z += BLOCK, x += x_step, y += y_step) {                     \
            GR_SIMD for (int k = 0; k < BLOCK; k++)                                                \
            {                                                                                      \
                GR_SPAN2_ELEMENT_(IN, OUT, EXPRESSION)                                             \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < (int)n; k++) {                                                         \
            GR_SPAN2_ELEMENT_(IN, OUT, EXPRESSION)                                                 \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS_##IN(NAME)

/* Spans around functions of the C library, which no compiler vectorises. */
#define GR_SPAN1_CALL(NAME, T, EXPRESSION)                                                         \
    static void NAME(void *out, const void *const *in, const int *step, int64_t n,                 \
                     const double *param)                                                          \
    {                                                                                              \
        (void)param;                                                                               \
        T *y = out;                                                                                \
        const T *x = in[0];                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = x[i * step[0]];                                                            \
            y[i] = (T)(EXPRESSION);                                                                \
        }                                                                                          \
    }
#define GR_SPAN2_CALL(NAME, T, EXPRESSION)                                                         \
    static void NAME(void *out, const void *const *in, const int *step, int64_t n,                 \
                     const double *param)                                                          \
    {                                                                                              \
        (void)param;                                                                               \
        T *z = out;                                                                                \
        const T *x = in[0], *y = in[1];                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const T a = x[i * step[0]], b = y[i * step[1]];                                        \
            z[i] = (T)(EXPRESSION);                                                                \
        }                                                                                          \
    }

/* ---- Formulas of more than one op --------------------------------------------------------------
 */

/* NaN stays NaN. */
#define GR_RELU_OF(a) (0 > (a) ? 0 : (a))
/* NaN stays NaN. First the one end, then the other: of ends that are no constants that makes two
 * instructions of a vector, where a choice of three takes four comparisons. */
#define GR_AT_LEAST_OF(a, low) ((a) < (low) ? (low) : (a))
#define GR_AT_MOST_OF(a, high) ((a) > (high) ? (high) : (a))
#define GR_CLIP_OF(a, low, high) GR_AT_MOST_OF(GR_AT_LEAST_OF(a, low), high)

/* ---- Records --------------------------------------------------------------------------------- */

/* The builder of an op without attributes, under its public name. */
#define GR_BUILDER1(NAME)                                                                          \
    gr_node *gr_##NAME(gr_node *x)                                                                 \
    {                                                                                              \
        return gr_build(NULL, &gr_op_##NAME, (gr_node *[]){x}, 1, NULL);                           \
    }
#define GR_BUILDER2(NAME)                                                                          \
    gr_node *gr_##NAME(gr_node *a, gr_node *b)                                                     \
    {                                                                                              \
        return gr_build(NULL, &gr_op_##NAME, (gr_node *[]){a, b}, 2, NULL);                        \
    }

/* Shape rules: output as the one input, which must be a float, or any number. */
bool gr_infer_same_float(gr_infer *s);
bool gr_infer_same_number(gr_infer *s);
/* Inputs broadcast; they must be floats, or any numbers. */
bool gr_infer_broadcast_float(gr_infer *s);
bool gr_infer_broadcast_number(gr_infer *s);

/* Fills the parameters of a span from the REAL and DTYPE attributes of `node`, in their order, the
 * rest with zeros. */
#define GR_SPAN_PARAMS 2
void gr_span_params(const gr_node *node, double param[GR_SPAN_PARAMS]);

/* Inputs for sample k of a unary or binary op: shapes that cover rank 0, odd sizes, no elements,
 * and (binary) broadcasting. NULL or false past the last. Operand `b` is drawn from its own
 * range. */
gr_node *gr_sample_one(gr_sampler *sampler, int k, double low, double high);
bool gr_sample_two(gr_sampler *sampler, int k, const double a[2], const double b[2],
                   gr_node *in[2]);

#endif
