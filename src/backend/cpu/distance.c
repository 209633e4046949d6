/* Kernels of distances: the scalar ones, which are the specification, and the choice. */
#include "backend/cpu/distance.h"

#include "backend/cpu/distance_bytes.h"

/* ---- Packing --------------------------------------------------------------------------------- */

static void distance_pack(const void *row, int64_t n, int64_t padded, size_t element, void *out)
{
    memcpy(out, row, (size_t)n * element);
    memset((char *)out + (size_t)n * element, 0, (size_t)(padded - n) * element);
}

void gr_distance_pack_bytes(const void *row, int64_t n, int64_t padded, void *out)
{
    distance_pack(row, n, padded, 1, out);
}

static void distance_pack_floats(const void *row, int64_t n, int64_t padded, void *out)
{
    distance_pack(row, n, padded, sizeof(float), out);
}

/* ---- Bytes, one by one ----------------------------------------------------------------------- */

static void bytes_differences(int64_t m, int64_t n, int64_t padded, const void *a, const void *b,
                              double *sums, int64_t ld, bool add)
{
    for (int64_t i = 0; i < m; i++) {
        const uint8_t *const left = (const uint8_t *)a + i * padded;
        for (int64_t j = 0; j < n; j++) {
            const uint8_t *const right = (const uint8_t *)b + j * padded;
            int32_t sum = 0;
            _Pragma("omp simd reduction(+ : sum)") for (int64_t t = 0; t < padded; t++)
            {
                sum += abs(left[t] - right[t]);
            }
            sums[i * ld + j] = (add ? sums[i * ld + j] : 0) + sum;
        }
    }
}

static void bytes_products(int64_t m, int64_t n, int64_t padded, const void *a, const void *b,
                           double *sums, int64_t ld, bool add)
{
    for (int64_t i = 0; i < m; i++) {
        const uint8_t *const left = (const uint8_t *)a + i * padded;
        for (int64_t j = 0; j < n; j++) {
            const uint8_t *const right = (const uint8_t *)b + j * padded;
            int32_t sum = 0;
            _Pragma("omp simd reduction(+ : sum)") for (int64_t t = 0; t < padded; t++)
            {
                sum += left[t] * right[t];
            }
            sums[i * ld + j] = (add ? sums[i * ld + j] : 0) + sum;
        }
    }
}

static const gr_distance_kit bytes_kits[] = {
    {"sad", 1, gr_distance_pack_bytes, gr_distance_pack_bytes, bytes_differences},
    {"dot", 1, gr_distance_pack_bytes, gr_distance_pack_bytes, bytes_products},
};

/* ---- f32 ------------------------------------------------------------------------------------- */

/* Halves are added to each other until one is left. */
static inline float float_lane_sum(float *lanes)
{
    for (int half = GR_DISTANCE_LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

#define FLOAT_NAME(x) float_base_##x
#define FLOAT_TARGET
#define FLOAT_WIDTH 4
#define FLOAT_BLOCK 1
#include "backend/cpu/distance_float.h"

#if defined(GR_X86_LEVELS)
#define FLOAT_NAME(x) float_avx2_##x
#define FLOAT_TARGET __attribute__((target("avx2")))
#define FLOAT_WIDTH 8
#define FLOAT_BLOCK 2
#include "backend/cpu/distance_float.h"

#define FLOAT_NAME(x) float_avx512_##x
#define FLOAT_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw")))
#define FLOAT_WIDTH 16
#define FLOAT_BLOCK 4
#include "backend/cpu/distance_float.h"
#endif

#define FLOAT_KITS(level)                                                                          \
    {                                                                                              \
        {"l1-f32-" #level, sizeof(float), distance_pack_floats, distance_pack_floats,              \
         float_##level##_differences},                                                             \
            {"l2-f32-" #level, sizeof(float), distance_pack_floats, distance_pack_floats,          \
             float_##level##_squares},                                                             \
        {                                                                                          \
            "dot-f32-" #level, sizeof(float), distance_pack_floats, distance_pack_floats,          \
                float_##level##_products                                                           \
        }                                                                                          \
    }
static const gr_distance_kit float_kits[][3] = {
    FLOAT_KITS(base),
#if defined(GR_X86_LEVELS)
    FLOAT_KITS(avx2),
    FLOAT_KITS(avx512),
#endif
};

/* ---- The choice ------------------------------------------------------------------------------ */

const gr_distance_kit *gr_distance_kit_for(gr_dtype dtype, gr_distance_sum sum, gr_cpu_level level)
{
#if !defined(GR_X86_LEVELS)
    level = GR_CPU_BASE;
#endif
    if (dtype == GR_F32) return &float_kits[level][sum];
    const gr_distance_kit *faster = gr_distance_vector_kit(sum, level, true);
    return faster ? faster : &bytes_kits[sum == GR_SUM_PRODUCTS];
}
