/* The kernels of gemm_kernel.h for each element type and CPU level. */
#include "backend/cpu/gemm.h"

#if defined(GR_X86_LEVELS)
#include <immintrin.h>
#endif

/* GEMM_SHUFFLE(a, b, index, i…): elements i… of a followed by b; `index` is as wide as they are. */
#if defined(__clang__)
#define GEMM_UNROLL _Pragma("clang loop unroll(full)")
#define GEMM_SHUFFLE(a, b, index, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define GEMM_UNROLL _Pragma("GCC unroll 16")
typedef int gemm_i32 __attribute__((vector_size(16)));
typedef long long gemm_i64 __attribute__((vector_size(16)));
#define GEMM_SHUFFLE(a, b, index, ...) __builtin_shuffle(a, b, (index){__VA_ARGS__})
#endif

/* ---- Vectors of any CPU ---------------------------------------------------------------------- */

/* 16 bytes, which every 64-bit CPU has; GNU C's vectors make them of anything. No fused
 * multiply-add: it would be a library call where the CPU has none. */
typedef float gemm_v4f __attribute__((vector_size(16)));
typedef double gemm_v2d __attribute__((vector_size(16)));

static inline gemm_v4f gemm_load_v4f(const float *p)
{
    gemm_v4f v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline gemm_v2d gemm_load_v2d(const double *p)
{
    gemm_v2d v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Ends of rows are rare, and no instruction loads or stores parts: calls keep the tiles small. */
static __attribute__((noinline)) gemm_v4f gemm_load_part_v4f(const float *p, int64_t n)
{
    gemm_v4f v = {0, 0, 0, 0};
    for (int64_t i = 0; i < n && i < 4; i++) v[i] = p[i];
    return v;
}

static __attribute__((noinline)) gemm_v2d gemm_load_part_v2d(const double *p, int64_t n)
{
    return (gemm_v2d){n > 0 ? p[0] : 0, n > 1 ? p[1] : 0};
}

static inline void gemm_store_v4f(float *p, gemm_v4f v)
{
    memcpy(p, &v, sizeof v);
}

static inline void gemm_store_v2d(double *p, gemm_v2d v)
{
    memcpy(p, &v, sizeof v);
}

static __attribute__((noinline)) void gemm_store_part_v4f(float *p, gemm_v4f v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static __attribute__((noinline)) void gemm_store_part_v2d(double *p, gemm_v2d v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof *p);
}

static inline void gemm_add_f32(float *to, const float *from)
{
    gemm_store_v4f(to, gemm_load_v4f(to) + gemm_load_v4f(from));
}

static inline void gemm_add_f64(double *to, const double *from)
{
    gemm_store_v2d(to, gemm_load_v2d(to) + gemm_load_v2d(from));
    gemm_store_v2d(to + 2, gemm_load_v2d(to + 2) + gemm_load_v2d(from + 2));
}

/* Rows become columns, 16 bytes at a time. */
static inline void gemm_transpose_f32(const float *const row[4], int64_t at, float *out,
                                      int64_t width)
{
    const gemm_v4f r0 = gemm_load_v4f(row[0] + at), r1 = gemm_load_v4f(row[1] + at);
    const gemm_v4f r2 = gemm_load_v4f(row[2] + at), r3 = gemm_load_v4f(row[3] + at);
    const gemm_v4f low01 = GEMM_SHUFFLE(r0, r1, gemm_i32, 0, 4, 1, 5);
    const gemm_v4f high01 = GEMM_SHUFFLE(r0, r1, gemm_i32, 2, 6, 3, 7);
    const gemm_v4f low23 = GEMM_SHUFFLE(r2, r3, gemm_i32, 0, 4, 1, 5);
    const gemm_v4f high23 = GEMM_SHUFFLE(r2, r3, gemm_i32, 2, 6, 3, 7);
    const gemm_v4f column[4] = {GEMM_SHUFFLE(low01, low23, gemm_i32, 0, 1, 4, 5),
                                GEMM_SHUFFLE(low01, low23, gemm_i32, 2, 3, 6, 7),
                                GEMM_SHUFFLE(high01, high23, gemm_i32, 0, 1, 4, 5),
                                GEMM_SHUFFLE(high01, high23, gemm_i32, 2, 3, 6, 7)};
    for (int64_t i = 0; i < 4; i++) memcpy(out + i * width, &column[i], sizeof column[i]);
}

static inline void gemm_transpose_f64(const double *const row[2], int64_t at, double *out,
                                      int64_t width)
{
    const gemm_v2d r0 = gemm_load_v2d(row[0] + at), r1 = gemm_load_v2d(row[1] + at);
    const gemm_v2d column[2] = {GEMM_SHUFFLE(r0, r1, gemm_i64, 0, 2),
                                GEMM_SHUFFLE(r0, r1, gemm_i64, 1, 3)};
    for (int64_t i = 0; i < 2; i++) memcpy(out + i * width, &column[i], sizeof column[i]);
}

/* Sums over the lanes of so many vectors, one by one. */
#define GEMM_TOTALS_OF_2(v, out) (out[0] = GEMM_NAME(lanes)(v[0]), out[1] = GEMM_NAME(lanes)(v[1]))

#define GEMM_NAME(x) gemm_f32_base_##x
#define GEMM_PAIR_ROWS 2
#define GEMM_TOTALS GEMM_TOTALS_OF_2
#define GEMM_TITLE "gemm-base"
#define GEMM_TARGET
#define GEMM_T float
#define GEMM_V gemm_v4f
#define GEMM_LANES 4
#define GEMM_ROWS 6
#define GEMM_SLIVER 8
#define GEMM_BLOCK_K 320
#define GEMM_LOAD(p) gemm_load_v4f(p)
#define GEMM_LOAD_PART(p, n) gemm_load_part_v4f(p, n)
#define GEMM_STORE(p, v) gemm_store_v4f(p, v)
#define GEMM_STORE_PART(p, v, n) gemm_store_part_v4f(p, v, n)
#define GEMM_SPREAD(x) ((gemm_v4f){x, x, x, x})
#define GEMM_FMA(a, b, c) ((a) * (b) + (c))
#define GEMM_ADD_4 gemm_add_f32
#define GEMM_SQUARE 4
#define GEMM_TRANSPOSE gemm_transpose_f32
#include "backend/cpu/gemm_kernel.h"

#define GEMM_NAME(x) gemm_f64_base_##x
#define GEMM_PAIR_ROWS 2
#define GEMM_TOTALS GEMM_TOTALS_OF_2
#define GEMM_TITLE "gemm-base"
#define GEMM_TARGET
#define GEMM_T double
#define GEMM_V gemm_v2d
#define GEMM_LANES 2
#define GEMM_ROWS 6
#define GEMM_SLIVER 8
#define GEMM_BLOCK_K 192
#define GEMM_LOAD(p) gemm_load_v2d(p)
#define GEMM_LOAD_PART(p, n) gemm_load_part_v2d(p, n)
#define GEMM_STORE(p, v) gemm_store_v2d(p, v)
#define GEMM_STORE_PART(p, v, n) gemm_store_part_v2d(p, v, n)
#define GEMM_SPREAD(x) ((gemm_v2d){x, x})
#define GEMM_FMA(a, b, c) ((a) * (b) + (c))
#define GEMM_ADD_4 gemm_add_f64
#define GEMM_SQUARE 2
#define GEMM_TRANSPOSE gemm_transpose_f64
#include "backend/cpu/gemm_kernel.h"

#if defined(GR_X86_LEVELS)

/* ---- AVX2 and FMA ---------------------------------------------------------------------------- */

/* Read from element 8 - n (4 - n) on: n lanes that take part. */
static const int32_t gemm_lanes_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t gemm_lanes_f64[8] = {-1, -1, -1, -1};
#define GEMM_LANES_F32(n) _mm256_loadu_si256((const __m256i *)(gemm_lanes_f32 + 8 - (n)))
#define GEMM_LANES_F64(n) _mm256_loadu_si256((const __m256i *)(gemm_lanes_f64 + 4 - (n)))

#define GEMM_NAME(x) gemm_f32_avx2_##x
#define GEMM_PAIR_ROWS 2
#define GEMM_TOTALS GEMM_TOTALS_OF_2
#define GEMM_TITLE "gemm-avx2"
#define GEMM_TARGET __attribute__((target("avx2,fma")))
#define GEMM_T float
#define GEMM_V __m256
#define GEMM_LANES 8
#define GEMM_ROWS 6
#define GEMM_SLIVER 8
#define GEMM_BLOCK_K 320
#define GEMM_LOAD(p) _mm256_loadu_ps(p)
#define GEMM_LOAD_PART(p, n) _mm256_maskload_ps(p, GEMM_LANES_F32(n))
#define GEMM_STORE(p, v) _mm256_storeu_ps(p, v)
#define GEMM_STORE_PART(p, v, n) _mm256_maskstore_ps(p, GEMM_LANES_F32(n), v)
#define GEMM_SPREAD(x) _mm256_set1_ps(x)
#define GEMM_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define GEMM_ADD_4 gemm_add_f32
#define GEMM_SQUARE 4
#define GEMM_TRANSPOSE gemm_transpose_f32
#include "backend/cpu/gemm_kernel.h"

#define GEMM_NAME(x) gemm_f64_avx2_##x
#define GEMM_PAIR_ROWS 2
#define GEMM_TOTALS GEMM_TOTALS_OF_2
#define GEMM_TITLE "gemm-avx2"
#define GEMM_TARGET __attribute__((target("avx2,fma")))
#define GEMM_T double
#define GEMM_V __m256d
#define GEMM_LANES 4
#define GEMM_ROWS 6
#define GEMM_SLIVER 8
#define GEMM_BLOCK_K 192
#define GEMM_LOAD(p) _mm256_loadu_pd(p)
#define GEMM_LOAD_PART(p, n) _mm256_maskload_pd(p, GEMM_LANES_F64(n))
#define GEMM_STORE(p, v) _mm256_storeu_pd(p, v)
#define GEMM_STORE_PART(p, v, n) _mm256_maskstore_pd(p, GEMM_LANES_F64(n), v)
#define GEMM_SPREAD(x) _mm256_set1_pd(x)
#define GEMM_FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define GEMM_ADD_4 gemm_add_f64
#define GEMM_SQUARE 2
#define GEMM_TRANSPOSE gemm_transpose_f64
#include "backend/cpu/gemm_kernel.h"

/* ---- AVX-512 --------------------------------------------------------------------------------- */

#define GEMM_MASK_F32(n) ((__mmask16)((1u << (n)) - 1))

/* The sums over the lanes of four vectors, by additions of whole vectors. */
__attribute__((target("avx512f,avx512dq"))) static inline void
gemm_totals_f32_avx512(const __m512 v[4], float *out)
{
    const __m512 v01 =
        _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    const __m512 v23 =
        _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    const __m512 all =
        _mm512_add_ps(_mm512_shuffle_ps(v01, v23, 0x44), _mm512_shuffle_ps(v01, v23, 0xee));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}

/* Squares as wide as a vector, of rows and columns of which the first n and k are there: pairs of
 * rows interleave, then pairs of those, then quarters of the vectors change places. */
__attribute__((target("avx512f"))) static inline void
gemm_turn_f32_avx512(const float *in, int64_t ld, int64_t n, int64_t k, float *out, int64_t width)
{
    const __mmask16 columns = (__mmask16)((1u << k) - 1), rows = (__mmask16)((1u << n) - 1);
    __m512 v[16], w[16];
    GEMM_UNROLL
    for (int i = 0; i < 16; i++) {
        v[i] = i < n ? _mm512_maskz_loadu_ps(columns, in + i * ld) : _mm512_setzero_ps();
    }
    GEMM_UNROLL
    for (int i = 0; i < 16; i += 2) {
        w[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        w[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    GEMM_UNROLL
    for (int i = 0; i < 16; i += 4) { /* v[i + c]: column c of each quarter, of rows i to i + 3 */
        v[i] = _mm512_shuffle_ps(w[i], w[i + 2], 0x44);
        v[i + 1] = _mm512_shuffle_ps(w[i], w[i + 2], 0xee);
        v[i + 2] = _mm512_shuffle_ps(w[i + 1], w[i + 3], 0x44);
        v[i + 3] = _mm512_shuffle_ps(w[i + 1], w[i + 3], 0xee);
    }
    GEMM_UNROLL
    for (int i = 0; i < 4; i++) {
        w[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
        w[i + 4] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        w[i + 8] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
        w[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
    }
    GEMM_UNROLL
    for (int i = 0; i < 4; i++) {
        v[i] = _mm512_shuffle_f32x4(w[i], w[i + 8], 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(w[i], w[i + 8], 0xdd);
        v[i + 4] = _mm512_shuffle_f32x4(w[i + 4], w[i + 12], 0x88);
        v[i + 12] = _mm512_shuffle_f32x4(w[i + 4], w[i + 12], 0xdd);
    }
    GEMM_UNROLL
    for (int i = 0; i < 16; i++) {
        if (i < k) _mm512_mask_storeu_ps(out + i * width, rows, v[i]);
    }
}

#define GEMM_NAME(x) gemm_f32_avx512_##x
#define GEMM_PAIR_ROWS 4
#define GEMM_TOTALS gemm_totals_f32_avx512
#define GEMM_TITLE "gemm-avx512"
#define GEMM_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define GEMM_T float
#define GEMM_V __m512
#define GEMM_LANES 16
#define GEMM_ROWS 14
#define GEMM_SLIVER 16
#define GEMM_BLOCK_K 320
#define GEMM_LOAD(p) _mm512_loadu_ps(p)
#define GEMM_LOAD_PART(p, n) _mm512_maskz_loadu_ps(GEMM_MASK_F32(n), p)
#define GEMM_STORE(p, v) _mm512_storeu_ps(p, v)
#define GEMM_STORE_PART(p, v, n) _mm512_mask_storeu_ps(p, GEMM_MASK_F32(n), v)
#define GEMM_SPREAD(x) _mm512_set1_ps(x)
#define GEMM_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define GEMM_ADD_4 gemm_add_f32
#define GEMM_SQUARE 16
#define GEMM_TURN gemm_turn_f32_avx512
#include "backend/cpu/gemm_kernel.h"

#endif

/* f64, which no net is trained in, stops at AVX2: its AVX-512 kernels would be 60 kB. */
const gr_gemm_kit *gr_gemm_kit_for(gr_dtype dtype, gr_cpu_level level)
{
#if defined(GR_X86_LEVELS)
    static const gr_gemm_kit *const kits[GR_CPU_LEVELS][2] = {
        {&gemm_f32_base_kit, &gemm_f64_base_kit},
        {&gemm_f32_avx2_kit, &gemm_f64_avx2_kit},
        {&gemm_f32_avx512_kit, &gemm_f64_avx2_kit}};
    return kits[level][dtype == GR_F64];
#else
    (void)level;
    return dtype == GR_F64 ? &gemm_f64_base_kit : &gemm_f32_base_kit;
#endif
}
