/* Sums over pairs of rows of f32, for one CPU level. A template: before each inclusion
 * FLOAT_NAME(x) makes names, FLOAT_TARGET is the target attribute, FLOAT_WIDTH the floats of a
 * vector and FLOAT_BLOCK the rows of either side whose sums stay in registers; all are undefined at
 * the end. */

typedef float FLOAT_NAME(vector) __attribute__((vector_size(4 * FLOAT_WIDTH)));
typedef int32_t FLOAT_NAME(bits) __attribute__((vector_size(4 * FLOAT_WIDTH)));

FLOAT_TARGET static inline __attribute__((always_inline)) void
FLOAT_NAME(block)(gr_distance_sum kind, int64_t padded, const float *a, const float *b,
                  double *sums, int64_t ld, bool add)
{
    enum { FLOAT_PARTS = GR_DISTANCE_LANES / FLOAT_WIDTH };
    FLOAT_NAME(vector) sum[FLOAT_BLOCK][FLOAT_BLOCK][FLOAT_PARTS] = {0};
    for (int64_t t = 0; t < padded; t += GR_DISTANCE_LANES) {
        for (int part = 0; part < FLOAT_PARTS; part++) {
            const float *const at_a = a + t + part * FLOAT_WIDTH;
            const float *const at_b = b + t + part * FLOAT_WIDTH;
            for (int i = 0; i < FLOAT_BLOCK; i++) {
                const FLOAT_NAME(vector) left = *(const FLOAT_NAME(vector) *)(at_a + i * padded);
                for (int j = 0; j < FLOAT_BLOCK; j++) {
                    const FLOAT_NAME(vector) right =
                        *(const FLOAT_NAME(vector) *)(at_b + j * padded);
                    const FLOAT_NAME(vector) apart = left - right;
                    sum[i][j][part] +=
                        kind == GR_SUM_PRODUCTS ? left * right
                        : kind == GR_SUM_SQUARES
                            ? apart * apart
                            : (FLOAT_NAME(vector))((FLOAT_NAME(bits))apart & INT32_MAX);
                }
            }
        }
    }
    for (int i = 0; i < FLOAT_BLOCK; i++) {
        for (int j = 0; j < FLOAT_BLOCK; j++) {
            float lanes[GR_DISTANCE_LANES];
            double *const to = sums + i * ld + j;
            memcpy(lanes, sum[i][j], sizeof lanes);
            *to = (add ? *to : 0) + (double)float_lane_sum(lanes);
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
#undef FLOAT_WIDTH
#undef FLOAT_BLOCK
