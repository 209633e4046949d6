/* Sums over pairs of rows of f32, for one CPU level. A template: before each inclusion
 * FLOAT_NAME(x) makes names, FLOAT_TARGET is the target attribute, FLOAT_BLOCK the rows of either
 * side whose sums stay in registers; all are undefined at the end. */

FLOAT_TARGET static inline __attribute__((always_inline)) void
FLOAT_NAME(block)(gr_distance_sum kind, int64_t padded, const float *a, const float *b,
                  double *sums, int64_t ld, bool add)
{
    float_lanes sum[FLOAT_BLOCK][FLOAT_BLOCK] = {0};
    for (int64_t t = 0; t < padded; t += GR_DISTANCE_LANES) {
        for (int i = 0; i < FLOAT_BLOCK; i++) {
            const float_lanes left = *(const float_lanes *)(a + i * padded + t);
            for (int j = 0; j < FLOAT_BLOCK; j++) {
                const float_lanes right = *(const float_lanes *)(b + j * padded + t);
                const float_lanes apart = left - right;
                sum[i][j] += kind == GR_SUM_PRODUCTS ? left * right
                             : kind == GR_SUM_SQUARES
                                 ? apart * apart
                                 : (float_lanes)((float_bits)apart & INT32_MAX);
            }
        }
    }
    for (int i = 0; i < FLOAT_BLOCK; i++) {
        for (int j = 0; j < FLOAT_BLOCK; j++) {
            double *const to = sums + i * ld + j;
            *to = (add ? *to : 0) + (double)float_lane_sum(&sum[i][j]);
        }
    }
}

#define FLOAT_TILE(kind, what)                                                                     \
    FLOAT_TARGET static void FLOAT_NAME(what)(int64_t m, int64_t n, int64_t padded, const void *a, \
                                              const void *b, double *sums, int64_t ld, bool add)   \
    {                                                                                              \
        for (int64_t i = 0; i < m; i += FLOAT_BLOCK) {                                             \
            for (int64_t j = 0; j < n; j += FLOAT_BLOCK) {                                         \
                FLOAT_NAME(block)                                                                  \
                (kind, padded, (const float *)a + i * padded, (const float *)b + j * padded,       \
                 sums + i * ld + j, ld, add);                                                      \
            }                                                                                      \
        }                                                                                          \
    }
FLOAT_TILE(GR_SUM_DIFFERENCES, differences)
FLOAT_TILE(GR_SUM_SQUARES, squares)
FLOAT_TILE(GR_SUM_PRODUCTS, products)

#undef FLOAT_TILE
#undef FLOAT_NAME
#undef FLOAT_TARGET
#undef FLOAT_BLOCK
