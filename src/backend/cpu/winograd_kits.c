/* The transforms of winograd_kernel.h for each CPU level. */
#include "backend/cpu/winograd.h"

#if defined(GR_X86_LEVELS)
#include <immintrin.h>
#endif

/* WINO_SHUFFLE(a, b, i…): elements i… of a followed by b. */
#if defined(__clang__)
#define WINO_UNROLL _Pragma("clang loop unroll(full)")
#define WINO_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define WINO_UNROLL _Pragma("GCC unroll 16")
typedef int winograd_i32 __attribute__((vector_size(16)));
#define WINO_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (winograd_i32){__VA_ARGS__})
#endif

/* ---- Quarters: four floats, on any CPU ---------------------------------------------------------
 */

typedef float winograd_quarter __attribute__((vector_size(16)));

static inline winograd_quarter winograd_load_4(const float *p)
{
    winograd_quarter v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void winograd_store_4(float *p, winograd_quarter v)
{
    memcpy(p, &v, sizeof v);
}

static inline winograd_quarter winograd_load_2(const float *a, const float *b)
{
    double low, high; /* two floats each */
    memcpy(&low, a, sizeof low);
    memcpy(&high, b, sizeof high);
    const double pair __attribute__((vector_size(16))) = {low, high};
    return (winograd_quarter)pair;
}

static inline void winograd_store_2(float *a, float *b, winograd_quarter v)
{
    typedef double pair __attribute__((vector_size(16)));
    const double low = ((pair)v)[0], high = ((pair)v)[1];
    memcpy(a, &low, sizeof low);
    memcpy(b, &high, sizeof high);
}

static inline winograd_quarter winograd_load_part(const float *p, int64_t n)
{
    winograd_quarter v = {0, 0, 0, 0};
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

#define WINO_NAME(x) winograd_base_##x
#define WINO_TITLE "base"
#define WINO_TARGET
#define WINO_V winograd_quarter
#define WINO_LANES 4
#define WINO_LOAD(p) winograd_load_4(p)
#define WINO_LOAD_PART(p, n) winograd_load_part(p, n)
#define WINO_STORE(p, v) winograd_store_4(p, v)
#define WINO_STORE_PART(p, v, n) winograd_store_part(p, v, n)
#define WINO_SPREAD(x) ((winograd_quarter){x, x, x, x})
#define WINO_FMA(a, b, c) ((a) * (b) + (c))
#define WINO_LOW(a, b) WINO_SHUFFLE(a, b, 0, 4, 1, 5)
#define WINO_HIGH(a, b) WINO_SHUFFLE(a, b, 2, 6, 3, 7)
#define WINO_PAIR_LOW(a, b) WINO_SHUFFLE(a, b, 0, 1, 4, 5)
#define WINO_PAIR_HIGH(a, b) WINO_SHUFFLE(a, b, 2, 3, 6, 7)
#define WINO_EVEN(a, b) WINO_SHUFFLE(a, b, 0, 2, 4, 6)
#define WINO_ODD(a, b) WINO_SHUFFLE(a, b, 1, 3, 5, 7)
#define WINO_JOIN_4(p, at) winograd_load_4((p) + (at)[0])
#define WINO_JOIN_2(p, at) winograd_load_2((p) + (at)[0], (p) + (at)[1])
#define WINO_SPLIT_4(p, at, v) winograd_store_4((p) + (at)[0], v)
#define WINO_SPLIT_2(p, at, v) winograd_store_2((p) + (at)[0], (p) + (at)[1], v)

static inline void winograd_store_part(float *p, winograd_quarter v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}
#include "backend/cpu/winograd_kernel.h"

#if defined(GR_X86_LEVELS)

/* ---- AVX2 and FMA ---------------------------------------------------------------------------- */

#define WINO_AVX2 __attribute__((target("avx2,fma")))

/* Read from element 8 - n on: n lanes that take part. */
static const int32_t winograd_lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#define WINO_MASK_8(n) _mm256_loadu_si256((const __m256i *)(winograd_lanes + 8 - (n)))

static inline WINO_AVX2 __m256 winograd_join_8(winograd_quarter a, winograd_quarter b)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256((__m128)a), (__m128)b, 1);
}

static inline WINO_AVX2 winograd_quarter winograd_upper_8(__m256 v)
{
    return (winograd_quarter)_mm256_extractf128_ps(v, 1);
}

static inline WINO_AVX2 winograd_quarter winograd_lower_8(__m256 v)
{
    return (winograd_quarter)_mm256_castps256_ps128(v);
}

#define WINO_NAME(x) winograd_avx2_##x
#define WINO_TITLE "avx2"
#define WINO_TARGET WINO_AVX2
#define WINO_V __m256
#define WINO_LANES 8
#define WINO_LOAD(p) _mm256_loadu_ps(p)
#define WINO_LOAD_PART(p, n) _mm256_maskload_ps(p, WINO_MASK_8(n))
#define WINO_STORE(p, v) _mm256_storeu_ps(p, v)
#define WINO_STORE_PART(p, v, n) _mm256_maskstore_ps(p, WINO_MASK_8(n), v)
#define WINO_SPREAD(x) _mm256_set1_ps(x)
#define WINO_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define WINO_LOW(a, b) _mm256_unpacklo_ps(a, b)
#define WINO_HIGH(a, b) _mm256_unpackhi_ps(a, b)
#define WINO_PAIR_LOW(a, b) _mm256_shuffle_ps(a, b, 0x44)
#define WINO_PAIR_HIGH(a, b) _mm256_shuffle_ps(a, b, 0xee)
#define WINO_EVEN(a, b) _mm256_shuffle_ps(a, b, 0x88)
#define WINO_ODD(a, b) _mm256_shuffle_ps(a, b, 0xdd)
#define WINO_JOIN_4(p, at)                                                                         \
    winograd_join_8(winograd_load_4((p) + (at)[0]), winograd_load_4((p) + (at)[4]))
#define WINO_JOIN_2(p, at)                                                                         \
    winograd_join_8(winograd_load_2((p) + (at)[0], (p) + (at)[1]),                                 \
                    winograd_load_2((p) + (at)[4], (p) + (at)[5]))
#define WINO_SPLIT_4(p, at, v)                                                                     \
    (winograd_store_4((p) + (at)[0], winograd_lower_8(v)),                                         \
     winograd_store_4((p) + (at)[4], winograd_upper_8(v)))
#define WINO_SPLIT_2(p, at, v)                                                                     \
    (winograd_store_2((p) + (at)[0], (p) + (at)[1], winograd_lower_8(v)),                          \
     winograd_store_2((p) + (at)[4], (p) + (at)[5], winograd_upper_8(v)))
#include "backend/cpu/winograd_kernel.h"

/* ---- AVX-512 --------------------------------------------------------------------------------- */

#define WINO_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define WINO_MASK_16(n) ((__mmask16)((1u << (n)) - 1))

static inline WINO_AVX512 __m512 winograd_join_16(winograd_quarter a, winograd_quarter b,
                                                  winograd_quarter c, winograd_quarter d)
{
    const __m256 low = _mm256_insertf128_ps(_mm256_castps128_ps256((__m128)a), (__m128)b, 1);
    const __m256 high = _mm256_insertf128_ps(_mm256_castps128_ps256((__m128)c), (__m128)d, 1);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

#define WINO_QUARTER_16(v, q) ((winograd_quarter)_mm512_extractf32x4_ps(v, q))

#define WINO_NAME(x) winograd_avx512_##x
#define WINO_TITLE "avx512"
#define WINO_TARGET WINO_AVX512
#define WINO_V __m512
#define WINO_LANES 16
#define WINO_LOAD(p) _mm512_loadu_ps(p)
#define WINO_LOAD_PART(p, n) _mm512_maskz_loadu_ps(WINO_MASK_16(n), p)
#define WINO_STORE(p, v) _mm512_storeu_ps(p, v)
#define WINO_STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, WINO_MASK_16(n), v)
#define WINO_SPREAD(x) _mm512_set1_ps(x)
#define WINO_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define WINO_LOW(a, b) _mm512_unpacklo_ps(a, b)
#define WINO_HIGH(a, b) _mm512_unpackhi_ps(a, b)
#define WINO_PAIR_LOW(a, b) _mm512_shuffle_ps(a, b, 0x44)
#define WINO_PAIR_HIGH(a, b) _mm512_shuffle_ps(a, b, 0xee)
#define WINO_EVEN(a, b) _mm512_shuffle_ps(a, b, 0x88)
#define WINO_ODD(a, b) _mm512_shuffle_ps(a, b, 0xdd)
#define WINO_JOIN_4(p, at)                                                                         \
    winograd_join_16(winograd_load_4((p) + (at)[0]), winograd_load_4((p) + (at)[4]),               \
                     winograd_load_4((p) + (at)[8]), winograd_load_4((p) + (at)[12]))
#define WINO_JOIN_2(p, at)                                                                         \
    winograd_join_16(winograd_load_2((p) + (at)[0], (p) + (at)[1]),                                \
                     winograd_load_2((p) + (at)[4], (p) + (at)[5]),                                \
                     winograd_load_2((p) + (at)[8], (p) + (at)[9]),                                \
                     winograd_load_2((p) + (at)[12], (p) + (at)[13]))
#define WINO_SPLIT_4(p, at, v)                                                                     \
    (winograd_store_4((p) + (at)[0], WINO_QUARTER_16(v, 0)),                                       \
     winograd_store_4((p) + (at)[4], WINO_QUARTER_16(v, 1)),                                       \
     winograd_store_4((p) + (at)[8], WINO_QUARTER_16(v, 2)),                                       \
     winograd_store_4((p) + (at)[12], WINO_QUARTER_16(v, 3)))
#define WINO_SPLIT_2(p, at, v)                                                                     \
    (winograd_store_2((p) + (at)[0], (p) + (at)[1], WINO_QUARTER_16(v, 0)),                        \
     winograd_store_2((p) + (at)[4], (p) + (at)[5], WINO_QUARTER_16(v, 1)),                        \
     winograd_store_2((p) + (at)[8], (p) + (at)[9], WINO_QUARTER_16(v, 2)),                        \
     winograd_store_2((p) + (at)[12], (p) + (at)[13], WINO_QUARTER_16(v, 3)))
#include "backend/cpu/winograd_kernel.h"

#endif

const winograd_kit *gr_winograd_kit_for(gr_cpu_level level)
{
#if defined(GR_X86_LEVELS)
    static const winograd_kit *const kits[GR_CPU_LEVELS] = {&winograd_base_kit, &winograd_avx2_kit,
                                                            &winograd_avx512_kit};
    return kits[level];
#else
    (void)level;
    return &winograd_base_kit;
#endif
}
