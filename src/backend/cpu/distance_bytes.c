/* Distances between rows of bytes: exact sums of whole numbers.
 *
 * Differences: one instruction (psadbw) takes 16 to 64 bytes of either side and adds up their
 * absolute differences in lanes of 64 bits. Products: with VNNI one instruction (vpdpbusd) does 64
 * of an unsigned by a signed byte, so the right side is packed as b − 128 and 128·Σa added at the
 * end; without, pairs of 16-bit products are added (pmaddwd), and bytes are widened when packed.
 * Sums of 4 x 4 rows (AVX2: 2 x 4) stay in registers, so that 8 loads feed 16 such instructions. */
#include "backend/cpu/distance_bytes.h"

#if defined(GR_X86_LEVELS)

#include <immintrin.h>

#include "ops/elementwise.h"

#define BYTES_AVX2 __attribute__((target("avx2")))
#define BYTES_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define BYTES_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

enum { BYTES_ROWS = GR_DISTANCE_ROWS };

/* ---- Packing --------------------------------------------------------------------------------- */

static void bytes_pack_wide(const void *row, int64_t n, int64_t padded, void *out)
{
    const uint8_t *const from = row;
    int16_t *const to = out;
    GR_SIMD for (int64_t t = 0; t < n; t++) to[t] = from[t];
    memset(to + n, 0, (size_t)(padded - n) * sizeof *to);
}

/* b − 128. What stands beyond the end meets zeros. */
static void bytes_pack_signed(const void *row, int64_t n, int64_t padded, void *out)
{
    const uint8_t *const from = row;
    uint8_t *const to = out;
    GR_SIMD for (int64_t t = 0; t < n; t++) to[t] = from[t] ^ 0x80;
    memset(to + n, 0, (size_t)(padded - n));
}

/* ---- AVX2 ------------------------------------------------------------------------------------ */

BYTES_AVX2 static inline double bytes_sum_avx2_64(__m256i x)
{
    const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (double)(_mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1));
}

BYTES_AVX2 static inline double bytes_sum_avx2_32(__m256i x)
{
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return (double)_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}

#define BYTES_TILE_AVX2(name, bytes, STEP, SUM)                                                    \
    BYTES_AVX2 static void name(int64_t m, int64_t n, int64_t padded, const void *a,               \
                                const void *b, double *sums, int64_t ld, bool add)                 \
    {                                                                                              \
        enum { LEFT = 2 };                                                                         \
        const int64_t row = padded * (bytes);                                                      \
        for (int64_t i = 0; i < m; i += LEFT) {                                                    \
            for (int64_t j = 0; j < n; j += BYTES_ROWS) {                                          \
                const char *const left = (const char *)a + i * row;                                \
                const char *const right = (const char *)b + j * row;                               \
                __m256i sum[LEFT][BYTES_ROWS] = {0};                                               \
                for (int64_t t = 0; t < row; t += 32) {                                            \
                    for (int p = 0; p < LEFT; p++) {                                               \
                        const __m256i x = _mm256_load_si256((const void *)(left + p * row + t));   \
                        for (int q = 0; q < BYTES_ROWS; q++) {                                     \
                            const __m256i y =                                                      \
                                _mm256_load_si256((const void *)(right + q * row + t));            \
                            sum[p][q] = STEP(sum[p][q], x, y);                                     \
                        }                                                                          \
                    }                                                                              \
                }                                                                                  \
                for (int p = 0; p < LEFT; p++) {                                                   \
                    for (int q = 0; q < BYTES_ROWS; q++) {                                         \
                        double *const to = sums + (i + p) * ld + j + q;                            \
                        *to = (add ? *to : 0) + SUM(sum[p][q]);                                    \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define BYTES_SAD_AVX2(sum, x, y) _mm256_add_epi64(sum, _mm256_sad_epu8(x, y))
#define BYTES_MADD_AVX2(sum, x, y) _mm256_add_epi32(sum, _mm256_madd_epi16(x, y))
BYTES_TILE_AVX2(bytes_sad_avx2, 1, BYTES_SAD_AVX2, bytes_sum_avx2_64)
BYTES_TILE_AVX2(bytes_madd_avx2, 2, BYTES_MADD_AVX2, bytes_sum_avx2_32)

/* ---- AVX-512 --------------------------------------------------------------------------------- */

/* Adds the four 128-bit lanes of each x[i] into lane i. */
#define BYTES_ADD_LANES(name, add)                                                                 \
    BYTES_AVX512 static inline __m512i name(const __m512i x[4])                                    \
    {                                                                                              \
        const __m512i a =                                                                          \
            add(_mm512_shuffle_i64x2(x[0], x[1], 0x88), _mm512_shuffle_i64x2(x[0], x[1], 0xdd));   \
        const __m512i b =                                                                          \
            add(_mm512_shuffle_i64x2(x[2], x[3], 0x88), _mm512_shuffle_i64x2(x[2], x[3], 0xdd));   \
        return add(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));            \
    }
BYTES_ADD_LANES(bytes_add_lanes_64, _mm512_add_epi64)
BYTES_ADD_LANES(bytes_add_lanes_32, _mm512_add_epi32)

/* The sums of the elements of each of 16 vectors: neighbours are added while they are brought side
 * by side. */
BYTES_AVX512 static inline void bytes_sums_64(const __m512i x[16], double *sums)
{
    __m512i two[8];
    for (int i = 0; i < 8; i++) {
        two[i] = _mm512_add_epi64(_mm512_unpacklo_epi64(x[2 * i], x[2 * i + 1]),
                                  _mm512_unpackhi_epi64(x[2 * i], x[2 * i + 1]));
    }
    for (int i = 0; i < 2; i++) {
        const __m512i eight = bytes_add_lanes_64(two + 4 * i);
        _mm512_storeu_pd(sums + 8 * i, _mm512_cvtepi64_pd(eight));
    }
}

BYTES_AVX512 static inline void bytes_sums_32(const __m512i x[16], double *sums)
{
    __m512i two[8], four[4];
    for (int i = 0; i < 8; i++) {
        two[i] = _mm512_add_epi32(_mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]),
                                  _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]));
    }
    for (int i = 0; i < 4; i++) {
        four[i] = _mm512_add_epi32(_mm512_unpacklo_epi64(two[2 * i], two[2 * i + 1]),
                                   _mm512_unpackhi_epi64(two[2 * i], two[2 * i + 1]));
    }
    const __m512i all = bytes_add_lanes_32(four);
    _mm512_storeu_pd(sums, _mm512_cvtepi32_pd(_mm512_castsi512_si256(all)));
    _mm512_storeu_pd(sums + 8, _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(all, 1)));
}

/* What 128 too little in each element of the right side made the products of four rows too small
 * by. */
BYTES_VNNI static void bytes_shift_vnni(const char *left, int64_t row, double *shift)
{
    for (int p = 0; p < BYTES_ROWS; p++) {
        __m512i sum = _mm512_setzero_si512();
        for (int64_t t = 0; t < row; t += 64) {
            sum = _mm512_dpbusd_epi32(sum, _mm512_load_si512((const void *)(left + p * row + t)),
                                      _mm512_set1_epi8(1));
        }
        shift[p] = 128 * (double)_mm512_reduce_add_epi32(sum);
    }
}

static inline void bytes_shift_none(const char *left, int64_t row, double *shift)
{
    (void)left, (void)row;
    memset(shift, 0, BYTES_ROWS * sizeof *shift);
}

static inline void bytes_put(const double *block, const double *shift, double *sums, int64_t ld,
                             bool add)
{
    for (int p = 0; p < BYTES_ROWS; p++) {
        for (int q = 0; q < BYTES_ROWS; q++) {
            double *const to = sums + p * ld + q;
            *to = (add ? *to : 0) + (block[p * BYTES_ROWS + q] + shift[p]);
        }
    }
}

/* STEP adds to a sum what 64 bytes of a row of either side contribute. */
#define BYTES_TILE_512(name, target, bytes, STEP, SUMS, SHIFT)                                     \
    target static void name(int64_t m, int64_t n, int64_t padded, const void *a, const void *b,    \
                            double *sums, int64_t ld, bool add)                                    \
    {                                                                                              \
        const int64_t row = padded * (bytes);                                                      \
        for (int64_t i = 0; i < m; i += BYTES_ROWS) {                                              \
            const char *const left = (const char *)a + i * row;                                    \
            double shift[BYTES_ROWS], block[BYTES_ROWS * BYTES_ROWS];                              \
            SHIFT(left, row, shift);                                                               \
            for (int64_t j = 0; j < n; j += BYTES_ROWS) {                                          \
                const char *const right = (const char *)b + j * row;                               \
                __m512i sum[BYTES_ROWS * BYTES_ROWS] = {0};                                        \
                for (int64_t t = 0; t < row; t += 64) {                                            \
                    for (int p = 0; p < BYTES_ROWS; p++) {                                         \
                        const __m512i x = _mm512_load_si512((const void *)(left + p * row + t));   \
                        for (int q = 0; q < BYTES_ROWS; q++) {                                     \
                            const __m512i y =                                                      \
                                _mm512_load_si512((const void *)(right + q * row + t));            \
                            __m512i *const to = &sum[p * BYTES_ROWS + q];                          \
                            *to = STEP(*to, x, y);                                                 \
                        }                                                                          \
                    }                                                                              \
                }                                                                                  \
                SUMS(sum, block);                                                                  \
                bytes_put(block, shift, sums + i * ld + j, ld, add);                               \
            }                                                                                      \
        }                                                                                          \
    }
#define BYTES_SAD_512(sum, x, y) _mm512_add_epi64(sum, _mm512_sad_epu8(x, y))
#define BYTES_MADD_512(sum, x, y) _mm512_add_epi32(sum, _mm512_madd_epi16(x, y))
BYTES_TILE_512(bytes_sad_avx512, BYTES_AVX512, 1, BYTES_SAD_512, bytes_sums_64, bytes_shift_none)
BYTES_TILE_512(bytes_madd_avx512, BYTES_AVX512, 2, BYTES_MADD_512, bytes_sums_32, bytes_shift_none)
BYTES_TILE_512(bytes_vnni, BYTES_VNNI, 1, _mm512_dpbusd_epi32, bytes_sums_32, bytes_shift_vnni)

/* ---- The choice ------------------------------------------------------------------------------ */

static const gr_distance_kit bytes_sad_kits[] = {
    [GR_CPU_AVX2] = {"sad-avx2", 1, gr_distance_pack_bytes, gr_distance_pack_bytes, bytes_sad_avx2},
    [GR_CPU_AVX512] = {"sad-avx512", 1, gr_distance_pack_bytes, gr_distance_pack_bytes,
                       bytes_sad_avx512},
};
static const gr_distance_kit bytes_madd_kits[] = {
    [GR_CPU_AVX2] = {"dot-avx2", 2, bytes_pack_wide, bytes_pack_wide, bytes_madd_avx2},
    [GR_CPU_AVX512] = {"dot-avx512", 2, bytes_pack_wide, bytes_pack_wide, bytes_madd_avx512},
};
static const gr_distance_kit bytes_vnni_kit = {"dot-vnni", 1, gr_distance_pack_bytes,
                                               bytes_pack_signed, bytes_vnni};

const gr_distance_kit *gr_distance_vector_kit(gr_distance_sum sum, gr_cpu_level level, bool vnni)
{
    if (level == GR_CPU_BASE) return NULL;
    if (sum == GR_SUM_DIFFERENCES) return &bytes_sad_kits[level];
    vnni = vnni && level == GR_CPU_AVX512 && __builtin_cpu_supports("avx512vnni");
    return vnni ? &bytes_vnni_kit : &bytes_madd_kits[level];
}

#else

const gr_distance_kit *gr_distance_vector_kit(gr_distance_sum sum, gr_cpu_level level, bool vnni)
{
    (void)sum, (void)level, (void)vnni;
    return NULL;
}

#endif
