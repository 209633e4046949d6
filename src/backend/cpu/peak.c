/* The loops of peak.h for each CPU level, on vectors of the compiler's own kind. */
#include "backend/cpu/peak.h"

#include "ops/elementwise.h"

#if defined(GR_X86_LEVELS)
#include <immintrin.h>
#endif

enum { PEAK_SUMS = 8 }; /* of a reading loop */

/* No chain of multiply-adds starts at 1/2, which x/2 + 1/4 leaves alone: a compiler sees that.
 *
 * A level: its name, target attribute, bytes of a vector, chains of multiply-adds (enough to cover
 * their latency, few enough for the registers), a multiply-add. */
#define PEAK_LEVEL(LEVEL, TARGET, BYTES, CHAINS, FMA)                                              \
    typedef float peak_vector_##LEVEL __attribute__((vector_size(BYTES), may_alias));              \
                                                                                                   \
    TARGET static double peak_fma_##LEVEL(int64_t rounds, float *sink)                             \
    {                                                                                              \
        peak_vector_##LEVEL sum[CHAINS], factor = {0}, term = {0};                                 \
        factor += 0.5f;                                                                            \
        term += 0.25f;                                                                             \
        _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] = term * (float)(i + 3);  \
        for (int64_t r = 0; r < rounds; r++) {                                                     \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] =                     \
                FMA(sum[i], factor, term);                                                         \
        }                                                                                          \
        _Pragma("GCC unroll 16") for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];                \
        *sink = sum[0][0];                                                                         \
        const size_t lanes = BYTES / sizeof(float);                                                \
        return 2.0 * (double)(lanes * CHAINS) * (double)rounds;                                    \
    }                                                                                              \
                                                                                                   \
    TARGET static float peak_read_##LEVEL(const float *x, int64_t n)                               \
    {                                                                                              \
        const peak_vector_##LEVEL *v = (const peak_vector_##LEVEL *)(const void *)x;               \
        peak_vector_##LEVEL sum[PEAK_SUMS] = {{0}};                                                \
        for (int64_t i = 0; i < n / (BYTES / (int)sizeof(float)); i += PEAK_SUMS) {                \
            _Pragma("GCC unroll 8") for (int k = 0; k < PEAK_SUMS; k++) sum[k] += v[i + k];        \
        }                                                                                          \
        _Pragma("GCC unroll 8") for (int k = 1; k < PEAK_SUMS; k++) sum[0] += sum[k];              \
        return sum[0][0] + sum[0][1];                                                              \
    }                                                                                              \
                                                                                                   \
    TARGET static void peak_triad_##LEVEL(float *a, const float *b, const float *c, float s,       \
                                          int64_t n)                                               \
    {                                                                                              \
        peak_vector_##LEVEL *to = (peak_vector_##LEVEL *)(void *)a, factor = {0};                  \
        const peak_vector_##LEVEL *x = (const peak_vector_##LEVEL *)(const void *)b;               \
        const peak_vector_##LEVEL *y = (const peak_vector_##LEVEL *)(const void *)c;               \
        factor += s;                                                                               \
        for (int64_t i = 0; i < n / (BYTES / (int)sizeof(float)); i += 4) {                        \
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) to[i + k] =                        \
                FMA(y[i + k], factor, x[i + k]);                                                   \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    TARGET static void peak_update_##LEVEL(float *a, float s, int64_t n)                           \
    {                                                                                              \
        peak_vector_##LEVEL *to = (peak_vector_##LEVEL *)(void *)a, factor = {0};                  \
        factor += s;                                                                               \
        for (int64_t i = 0; i < n / (BYTES / (int)sizeof(float)); i += 4) {                        \
            _Pragma("GCC unroll 4") for (int k = 0; k < 4; k++) to[i + k] *= factor;               \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    static const gr_peak_kernels peak_kernels_##LEVEL = {peak_fma_##LEVEL, peak_read_##LEVEL,      \
                                                         peak_triad_##LEVEL, peak_update_##LEVEL};

#define PEAK_PLAIN(a, b, c) ((a) * (b) + (c))
PEAK_LEVEL(base, , 16, 12, PEAK_PLAIN)
#if defined(GR_X86_LEVELS)
PEAK_LEVEL(avx2, GR_TARGET_AVX2, 32, 12, _mm256_fmadd_ps)
PEAK_LEVEL(avx512, GR_TARGET_AVX512, 64, 16, _mm512_fmadd_ps)
#endif

const gr_peak_kernels *gr_peak(gr_cpu_level level)
{
#if defined(GR_X86_LEVELS)
    if (level == GR_CPU_AVX512) return &peak_kernels_avx512;
    if (level == GR_CPU_AVX2) return &peak_kernels_avx2;
#endif
    (void)level;
    return &peak_kernels_base;
}
