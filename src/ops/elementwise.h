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

#if defined(__x86_64__)
#define GR_TARGET_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define GR_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#else
#define GR_TARGET_AVX512                                                                           \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,prefer-vector-width=512")))
#endif

/* The span NAME_loop compiled for each level, and the row of a span table that lists them. */
#define GR_SPAN_COPY_(NAME, LEVEL, TARGET)                                                         \
    TARGET static void NAME##_##LEVEL(void *out, const void *const *in, const int *step,           \
                                      int64_t n, const double *param)                              \
    {                                                                                              \
        NAME##_loop(out, in, step, n, param);                                                      \
    }
#define GR_SPAN_LEVELS(NAME)                                                                       \
    GR_SPAN_COPY_(NAME, base, )                                                                    \
    GR_SPAN_COPY_(NAME, avx2, GR_TARGET_AVX2)                                                      \
    GR_SPAN_COPY_(NAME, avx512, GR_TARGET_AVX512)
#define GR_LEVELS(NAME)                                                                            \
    {                                                                                              \
        NAME##_base, NAME##_avx2, NAME##_avx512                                                    \
    }
#else
#define GR_SPAN_LEVELS(NAME)                                                                       \
    static void NAME##_base(void *out, const void *const *in, const int *step, int64_t n,          \
                            const double *param)                                                   \
    {                                                                                              \
        NAME##_loop(out, in, step, n, param);                                                      \
    }
#define GR_LEVELS(NAME)                                                                            \
    {                                                                                              \
        NAME##_base                                                                                \
    }
#endif

/* A span that gains nothing from vectors (calls of the C library): one function for all levels. */
#define GR_ONE_LEVEL(NAME)                                                                         \
    {                                                                                              \
        NAME, NAME, NAME                                                                           \
    }

/* A row of a span table for each type of number. */
#define GR_NUMBER_ROWS(NAME)                                                                       \
    [GR_F64] = GR_LEVELS(NAME##_f64), [GR_F32] = GR_LEVELS(NAME##_f32),                            \
    [GR_I64] = GR_LEVELS(NAME##_i64), [GR_I32] = GR_LEVELS(NAME##_i32),                            \
    [GR_U8] = GR_LEVELS(NAME##_u8)

/* ---- Loops ----------------------------------------------------------------------------------- */

/* out may be exactly an input, so pointers are not `restrict`; `omp simd` promises that one
 * element does not depend on another. */
#define GR_SIMD _Pragma("omp simd")

#define GR_SPAN_LOOP_(NAME)                                                                        \
    static GR_INLINE void NAME##_loop(void *out, const void *const *in, const int *step,           \
                                      int64_t n, const double *param)

/* EXPRESSION of the element `a` of type IN. A lone value (step 0) fills the output. */
#define GR_SPAN1(NAME, IN, OUT, EXPRESSION)                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        OUT *y = out;                                                                              \
        const IN *x = in[0];                                                                       \
        if (step[0]) {                                                                             \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                const IN a = x[i];                                                                 \
                y[i] = (OUT)(EXPRESSION);                                                          \
            }                                                                                      \
        } else {                                                                                   \
            const IN a = x[0];                                                                     \
            const OUT value = (OUT)(EXPRESSION);                                                   \
            GR_SIMD for (int64_t i = 0; i < n; i++) y[i] = value;                                  \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS(NAME)

/* The same where the expression is long: what whole vectors leave over is taken in pieces of 8 and
 * 4, so that at most 3 elements are computed singly. */
#define GR_SPAN_PIECE_(SIZE, IN, OUT, EXPRESSION)                                                  \
    if (n & SIZE) {                                                                                \
        GR_SIMD for (int i = 0; i < SIZE; i++)                                                     \
        {                                                                                          \
            const IN a = x[i];                                                                     \
            y[i] = (OUT)(EXPRESSION);                                                              \
        }                                                                                          \
        x += SIZE;                                                                                 \
        y += SIZE;                                                                                 \
    }
#define GR_SPAN1_LONG_LOOP(NAME, IN, OUT, EXPRESSION)                                              \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        OUT *y = out;                                                                              \
        const IN *x = in[0];                                                                       \
        if (!step[0]) {                                                                            \
            const IN a = x[0];                                                                     \
            const OUT value = (OUT)(EXPRESSION);                                                   \
            GR_SIMD for (int64_t i = 0; i < n; i++) y[i] = value;                                  \
            return;                                                                                \
        }                                                                                          \
        const int64_t whole = n & ~INT64_C(15);                                                    \
        GR_SIMD for (int64_t i = 0; i < whole; i++)                                                \
        {                                                                                          \
            const IN a = x[i];                                                                     \
            y[i] = (OUT)(EXPRESSION);                                                              \
        }                                                                                          \
        x += whole;                                                                                \
        y += whole;                                                                                \
        GR_SPAN_PIECE_(8, IN, OUT, EXPRESSION)                                                     \
        GR_SPAN_PIECE_(4, IN, OUT, EXPRESSION)                                                     \
        for (int64_t i = 0; i < (n & 3); i++) {                                                    \
            const IN a = x[i];                                                                     \
            y[i] = (OUT)(EXPRESSION);                                                              \
        }                                                                                          \
    }
#define GR_SPAN1_LONG(NAME, IN, OUT, EXPRESSION)                                                   \
    GR_SPAN1_LONG_LOOP(NAME, IN, OUT, EXPRESSION)                                                  \
    GR_SPAN_LEVELS(NAME)

/* EXPRESSION of `a` with the op's first two parameters, `p` and `q`, in the element's type. */
#define GR_SPAN1_PARAM(NAME, T, EXPRESSION)                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        const T p = (T)param[0], q = (T)param[1];                                                  \
        (void)q;                                                                                   \
        T *y = out;                                                                                \
        const T *x = in[0];                                                                        \
        if (step[0]) {                                                                             \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                const T a = x[i];                                                                  \
                y[i] = (T)(EXPRESSION);                                                            \
            }                                                                                      \
        } else {                                                                                   \
            const T a = x[0];                                                                      \
            const T value = (T)(EXPRESSION);                                                       \
            GR_SIMD for (int64_t i = 0; i < n; i++) y[i] = value;                                  \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS(NAME)

/* EXPRESSION of the elements `a` and `b` of type IN. */
#define GR_SPAN2(NAME, IN, OUT, EXPRESSION)                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        OUT *z = out;                                                                              \
        const IN *x = in[0], *y = in[1];                                                           \
        if (step[0] && step[1]) {                                                                  \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                const IN a = x[i], b = y[i];                                                       \
                z[i] = (OUT)(EXPRESSION);                                                          \
            }                                                                                      \
        } else if (step[0]) {                                                                      \
            const IN b = y[0];                                                                     \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                const IN a = x[i];                                                                 \
                z[i] = (OUT)(EXPRESSION);                                                          \
            }                                                                                      \
        } else if (step[1]) {                                                                      \
            const IN a = x[0];                                                                     \
            GR_SIMD for (int64_t i = 0; i < n; i++)                                                \
            {                                                                                      \
                const IN b = y[i];                                                                 \
                z[i] = (OUT)(EXPRESSION);                                                          \
            }                                                                                      \
        } else {                                                                                   \
            const IN a = x[0], b = y[0];                                                           \
            const OUT value = (OUT)(EXPRESSION);                                                   \
            GR_SIMD for (int64_t i = 0; i < n; i++) z[i] = value;                                  \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS(NAME)

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
