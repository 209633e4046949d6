/* The transforms of one CPU level, expanded by winograd_kits.c, which defines
 *   WINO_NAME(x), WINO_TITLE, WINO_TARGET   the name x with the level, its title and attribute
 *   WINO_V, WINO_LANES                      vector of float and its elements
 *   WINO_LOAD(p), WINO_LOAD_PART(p, n), WINO_STORE(p, v), WINO_STORE_PART(p, v, n)
 *   WINO_SPREAD(x), WINO_FMA(a, b, c)       a·b + c
 * and, of the four-element quarters of vectors a and b,
 *   WINO_LOW(a, b)        a0 b0 a1 b1          WINO_HIGH(a, b)       a2 b2 a3 b3
 *   WINO_PAIR_LOW(a, b)   a0 a1 b0 b1          WINO_PAIR_HIGH(a, b)  a2 a3 b2 b3
 *   WINO_EVEN(a, b)       a0 a2 b0 b2          WINO_ODD(a, b)        a1 a3 b1 b3
 *   WINO_JOIN_4(p, at)    quarter q is the four elements from p + at[4q] on
 *   WINO_JOIN_2(p, at)    quarter q is two elements from p + at[4q] and two from p + at[4q + 1] on
 *   WINO_SPLIT_4(p, at, v), WINO_SPLIT_2(p, at, v)   the stores to the same places
 * where tiles that are stored do not overlap.
 * No include guard: it is meant to be included several times.
 *
 * Lane l of a vector is tile l. A tile's row is turned into lanes, and back, by transposing 4×4
 * elements within the quarters: quarter q has the tiles 4q to 4q + 3. */

#define WINO_FN static WINO_TARGET
#define WINO_INNER static inline __attribute__((always_inline)) WINO_TARGET

/* ---- Rows of tiles and lanes ----------------------------------------------------------------- */

WINO_INNER void WINO_NAME(transpose)(WINO_V v[4])
{
    const WINO_V low01 = WINO_LOW(v[0], v[1]), high01 = WINO_HIGH(v[0], v[1]);
    const WINO_V low23 = WINO_LOW(v[2], v[3]), high23 = WINO_HIGH(v[2], v[3]);
    v[0] = WINO_PAIR_LOW(low01, low23);
    v[1] = WINO_PAIR_HIGH(low01, low23);
    v[2] = WINO_PAIR_LOW(high01, high23);
    v[3] = WINO_PAIR_HIGH(high01, high23);
}

WINO_INNER void WINO_NAME(read_4)(const float *p, const int64_t *at, WINO_V v[4])
{
    WINO_UNROLL
    for (int i = 0; i < 4; i++) v[i] = WINO_JOIN_4(p, at + i);
    WINO_NAME(transpose)(v);
}

WINO_INNER void WINO_NAME(read_2)(const float *p, const int64_t *at, WINO_V v[2])
{
    const WINO_V a = WINO_JOIN_2(p, at), b = WINO_JOIN_2(p, at + 2);
    v[0] = WINO_EVEN(a, b);
    v[1] = WINO_ODD(a, b);
}

/* A row of a source tile. */
WINO_INNER void WINO_NAME(read)(const int side, const float *p, const int64_t *at, WINO_V v[8])
{
    WINO_NAME(read_4)(p, at, v);
    if (side == 8) {
        WINO_NAME(read_4)(p + 4, at, v + 4);
    } else {
        WINO_NAME(read_2)(p + 4, at, v + 4);
    }
}

WINO_INNER void WINO_NAME(write_4)(WINO_V v[4], float *p, const int64_t *at)
{
    WINO_NAME(transpose)(v);
    WINO_UNROLL
    for (int i = 0; i < 4; i++) WINO_SPLIT_4(p, at + i, v[i]);
}

/* Adds to what is there. */
WINO_INNER void WINO_NAME(add_2)(const WINO_V v[2], float *p, const int64_t *at)
{
    const WINO_V low = WINO_LOW(v[0], v[1]), high = WINO_HIGH(v[0], v[1]);
    const WINO_V a = WINO_JOIN_2(p, at), b = WINO_JOIN_2(p, at + 2);
    WINO_SPLIT_2(p, at, a + low);
    WINO_SPLIT_2(p, at + 2, b + high);
}

/* ---- One direction, six points --------------------------------------------------------------- */

/* Bᵀ d */
WINO_INNER void WINO_NAME(to_points_6)(const WINO_V d[6], WINO_V v[6])
{
    const WINO_V four = WINO_SPREAD(4.0f), five = WINO_SPREAD(-5.0f), two = WINO_SPREAD(2.0f);
    const WINO_V even = WINO_FMA(WINO_SPREAD(-4.0f), d[2], d[4]);
    const WINO_V odd = WINO_FMA(WINO_SPREAD(-4.0f), d[1], d[3]);
    const WINO_V even2 = d[4] - d[2], odd2 = d[3] - d[1];
    v[0] = WINO_FMA(five, d[2], WINO_FMA(four, d[0], d[4]));
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = WINO_FMA(two, odd2, even2);
    v[4] = WINO_FMA(WINO_SPREAD(-2.0f), odd2, even2);
    v[5] = WINO_FMA(five, d[3], WINO_FMA(four, d[1], d[5]));
}

/* B v */
WINO_INNER void WINO_NAME(to_tile_6)(const WINO_V v[6], WINO_V d[6])
{
    const WINO_V four = WINO_SPREAD(4.0f), five = WINO_SPREAD(-5.0f), two = WINO_SPREAD(2.0f);
    const WINO_V sum = v[1] + v[2], difference = v[1] - v[2];
    const WINO_V sum2 = v[3] + v[4], difference2 = v[3] - v[4];
    d[0] = four * v[0];
    d[1] = WINO_FMA(four, v[5] - difference, WINO_SPREAD(-2.0f) * difference2);
    d[2] = WINO_FMA(five, v[0], WINO_FMA(WINO_SPREAD(-4.0f), sum, WINO_SPREAD(0.0f) - sum2));
    d[3] = WINO_FMA(five, v[5], WINO_FMA(two, difference2, difference));
    d[4] = v[0] + sum + sum2;
    d[5] = v[5];
}

/* Aᵀ m */
WINO_INNER void WINO_NAME(from_points_6)(const WINO_V m[6], WINO_V y[4])
{
    const WINO_V sum = m[1] + m[2], difference = m[1] - m[2];
    const WINO_V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    y[0] = m[0] + sum + sum2;
    y[1] = WINO_FMA(WINO_SPREAD(2.0f), difference2, difference);
    y[2] = WINO_FMA(WINO_SPREAD(4.0f), sum2, sum);
    y[3] = WINO_FMA(WINO_SPREAD(8.0f), difference2, difference) + m[5];
}

/* A y */
WINO_INNER void WINO_NAME(back_to_points_6)(const WINO_V y[4], WINO_V v[6])
{
    const WINO_V four = WINO_SPREAD(4.0f);
    const WINO_V even = y[0] + y[2], odd = y[1] + y[3];
    const WINO_V even2 = WINO_FMA(four, y[2], y[0]), odd2 = WINO_FMA(four, y[3], y[1]);
    v[0] = y[0];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = WINO_FMA(WINO_SPREAD(2.0f), odd2, even2);
    v[4] = WINO_FMA(WINO_SPREAD(-2.0f), odd2, even2);
    v[5] = y[3];
}

/* G g */
WINO_INNER void WINO_NAME(filter_points_6)(const WINO_V g[3], WINO_V u[6])
{
    const WINO_V even = g[0] + g[2], even2 = WINO_FMA(WINO_SPREAD(4.0f), g[2], g[0]);
    const WINO_V odd2 = WINO_SPREAD(2.0f) * g[1];
    u[0] = WINO_SPREAD(1.0f / 4) * g[0];
    u[1] = WINO_SPREAD(-1.0f / 6) * (even + g[1]);
    u[2] = WINO_SPREAD(-1.0f / 6) * (even - g[1]);
    u[3] = WINO_SPREAD(1.0f / 24) * (even2 + odd2);
    u[4] = WINO_SPREAD(1.0f / 24) * (even2 - odd2);
    u[5] = g[2];
}

/* Gᵀ u */
WINO_INNER void WINO_NAME(filter_taps_6)(const WINO_V u[6], WINO_V g[3])
{
    const WINO_V sixth = WINO_SPREAD(-1.0f / 6), part = WINO_SPREAD(1.0f / 24);
    const WINO_V sum2 = part * (u[3] + u[4]);
    g[0] = WINO_FMA(WINO_SPREAD(1.0f / 4), u[0], WINO_FMA(sixth, u[1] + u[2], sum2));
    g[1] = WINO_FMA(sixth, u[1] - u[2], WINO_SPREAD(1.0f / 12) * (u[3] - u[4]));
    g[2] = WINO_FMA(sixth, u[1] + u[2], WINO_FMA(WINO_SPREAD(4.0f), sum2, u[5]));
}

/* ---- One direction, eight points ------------------------------------------------------------- */

WINO_INNER void WINO_NAME(to_points_8)(const WINO_V d[8], WINO_V v[8])
{
    const WINO_V ends = WINO_SPREAD(5.25f), middle = WINO_SPREAD(-4.25f);
    const WINO_V half = WINO_SPREAD(0.5f), two = WINO_SPREAD(2.0f), between = WINO_SPREAD(-2.5f);
    const WINO_V even = WINO_FMA(middle, d[4], d[2] + d[6]);
    const WINO_V odd = WINO_FMA(middle, d[3], d[1] + d[5]);
    const WINO_V even2 =
        WINO_FMA(WINO_SPREAD(0.25f), d[2], WINO_FMA(WINO_SPREAD(-1.25f), d[4], d[6]));
    const WINO_V odd2 = WINO_FMA(half, d[1], WINO_FMA(between, d[3], two * d[5]));
    const WINO_V even3 =
        WINO_FMA(WINO_SPREAD(4.0f), d[2], WINO_FMA(WINO_SPREAD(-5.0f), d[4], d[6]));
    const WINO_V odd3 = WINO_FMA(two, d[1], WINO_FMA(between, d[3], half * d[5]));
    v[0] = WINO_FMA(ends, d[4] - d[2], d[0] - d[6]);
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = even3 + odd3;
    v[6] = even3 - odd3;
    v[7] = WINO_FMA(ends, d[3] - d[5], d[7] - d[1]);
}

WINO_INNER void WINO_NAME(to_tile_8)(const WINO_V v[8], WINO_V d[8])
{
    const WINO_V ends = WINO_SPREAD(5.25f), middle = WINO_SPREAD(-4.25f);
    const WINO_V half = WINO_SPREAD(0.5f), two = WINO_SPREAD(2.0f);
    const WINO_V sum = v[1] + v[2], difference = v[1] - v[2];
    const WINO_V sum2 = v[3] + v[4], difference2 = v[3] - v[4];
    const WINO_V sum3 = v[5] + v[6], difference3 = v[5] - v[6];
    d[0] = v[0];
    d[1] = WINO_FMA(half, difference2, WINO_FMA(two, difference3, difference - v[7]));
    d[2] = WINO_FMA(WINO_SPREAD(-5.25f), v[0],
                    WINO_FMA(WINO_SPREAD(0.25f), sum2, WINO_FMA(WINO_SPREAD(4.0f), sum3, sum)));
    d[3] = WINO_FMA(ends, v[7],
                    WINO_FMA(middle, difference, WINO_SPREAD(-2.5f) * (difference2 + difference3)));
    d[4] = WINO_FMA(
        ends, v[0],
        WINO_FMA(middle, sum, WINO_FMA(WINO_SPREAD(-1.25f), sum2, WINO_SPREAD(-5.0f) * sum3)));
    d[5] = WINO_FMA(WINO_SPREAD(-5.25f), v[7],
                    WINO_FMA(two, difference2, WINO_FMA(half, difference3, difference)));
    d[6] = sum + sum2 + sum3 - v[0];
    d[7] = v[7];
}

WINO_INNER void WINO_NAME(from_points_8)(const WINO_V m[8], WINO_V y[4])
{
    const WINO_V sum = m[1] + m[2], difference = m[1] - m[2];
    const WINO_V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    const WINO_V sum3 = m[5] + m[6], difference3 = m[5] - m[6];
    y[0] = m[0] + sum + (sum2 + sum3);
    y[1] = WINO_FMA(WINO_SPREAD(2.0f), difference2,
                    WINO_FMA(WINO_SPREAD(0.5f), difference3, difference));
    y[2] = WINO_FMA(WINO_SPREAD(4.0f), sum2, WINO_FMA(WINO_SPREAD(0.25f), sum3, sum));
    y[3] = WINO_FMA(WINO_SPREAD(8.0f), difference2,
                    WINO_FMA(WINO_SPREAD(0.125f), difference3, difference + m[7]));
}

WINO_INNER void WINO_NAME(back_to_points_8)(const WINO_V y[4], WINO_V v[8])
{
    const WINO_V four = WINO_SPREAD(4.0f), quarter = WINO_SPREAD(0.25f);
    const WINO_V even3 = WINO_FMA(quarter, y[2], y[0]), odd3 = WINO_FMA(quarter, y[3], y[1]);
    const WINO_V even2 = WINO_FMA(four, y[2], y[0]), odd2 = WINO_FMA(four, y[3], y[1]);
    const WINO_V even = y[0] + y[2], odd = y[1] + y[3];
    v[0] = y[0];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = WINO_FMA(WINO_SPREAD(2.0f), odd2, even2);
    v[4] = WINO_FMA(WINO_SPREAD(-2.0f), odd2, even2);
    v[5] = WINO_FMA(WINO_SPREAD(0.5f), odd3, even3);
    v[6] = WINO_FMA(WINO_SPREAD(-0.5f), odd3, even3);
    v[7] = y[3];
}

WINO_INNER void WINO_NAME(filter_points_8)(const WINO_V g[5], WINO_V u[8])
{
    const WINO_V even = g[0] + g[2] + g[4], odd = g[1] + g[3];
    const WINO_V even2 =
        WINO_FMA(WINO_SPREAD(16.0f), g[4], WINO_FMA(WINO_SPREAD(4.0f), g[2], g[0]));
    const WINO_V odd2 = WINO_FMA(WINO_SPREAD(8.0f), g[3], WINO_SPREAD(2.0f) * g[1]);
    const WINO_V even3 =
        WINO_FMA(WINO_SPREAD(0.0625f), g[4], WINO_FMA(WINO_SPREAD(0.25f), g[2], g[0]));
    const WINO_V odd3 = WINO_FMA(WINO_SPREAD(0.125f), g[3], WINO_SPREAD(0.5f) * g[1]);
    u[0] = g[0];
    u[1] = WINO_SPREAD(-2.0f / 9) * (even + odd);
    u[2] = WINO_SPREAD(-2.0f / 9) * (even - odd);
    u[3] = WINO_SPREAD(1.0f / 90) * (even2 + odd2);
    u[4] = WINO_SPREAD(1.0f / 90) * (even2 - odd2);
    u[5] = WINO_SPREAD(32.0f / 45) * (even3 + odd3);
    u[6] = WINO_SPREAD(32.0f / 45) * (even3 - odd3);
    u[7] = g[4];
}

WINO_INNER void WINO_NAME(filter_taps_8)(const WINO_V u[8], WINO_V g[5])
{
    const WINO_V one = WINO_SPREAD(-2.0f / 9), two = WINO_SPREAD(1.0f / 90);
    const WINO_V half = WINO_SPREAD(32.0f / 45);
    const WINO_V sum = one * (u[1] + u[2]), difference = one * (u[1] - u[2]);
    const WINO_V sum2 = two * (u[3] + u[4]), difference2 = two * (u[3] - u[4]);
    const WINO_V sum3 = half * (u[5] + u[6]), difference3 = half * (u[5] - u[6]);
    g[0] = u[0] + sum + (sum2 + sum3);
    g[1] = WINO_FMA(WINO_SPREAD(2.0f), difference2,
                    WINO_FMA(WINO_SPREAD(0.5f), difference3, difference));
    g[2] = WINO_FMA(WINO_SPREAD(4.0f), sum2, WINO_FMA(WINO_SPREAD(0.25f), sum3, sum));
    g[3] = WINO_FMA(WINO_SPREAD(8.0f), difference2,
                    WINO_FMA(WINO_SPREAD(0.125f), difference3, difference));
    g[4] = WINO_FMA(WINO_SPREAD(16.0f), sum2, WINO_FMA(WINO_SPREAD(0.0625f), sum3, sum + u[7]));
}

/* ---- Either ---------------------------------------------------------------------------------- */

#define WINO_EITHER(name, in, out)                                                                 \
    WINO_INNER void WINO_NAME(name)(const int side, const WINO_V in[8], WINO_V out[8])             \
    {                                                                                              \
        if (side == 8) {                                                                           \
            WINO_NAME(name##_8)(in, out);                                                          \
        } else {                                                                                   \
            WINO_NAME(name##_6)(in, out);                                                          \
        }                                                                                          \
    }

WINO_EITHER(to_points, d, v)
WINO_EITHER(to_tile, v, d)
WINO_EITHER(from_points, m, y)
WINO_EITHER(back_to_points, y, v)
WINO_EITHER(filter_points, g, u)
WINO_EITHER(filter_taps, u, g)
#undef WINO_EITHER

/* ---- Tiles ----------------------------------------------------------------------------------- */

/* All inlined with constant `side`. */
WINO_INNER void WINO_NAME(source)(const int side, const float *tensor, const int64_t *at,
                                  int64_t pitch, float *points, int64_t step)
{
    WINO_V rows[8][8];
    for (int i = 0; i < side; i++) {
        WINO_V d[8];
        WINO_NAME(read)(side, tensor + i * pitch, at, d);
        WINO_NAME(to_points)(side, d, rows[i]);
    }
    for (int j = 0; j < side; j++) {
        WINO_V d[8], v[8];
        WINO_UNROLL
        for (int i = 0; i < side; i++) d[i] = rows[i][j];
        WINO_NAME(to_points)(side, d, v);
        WINO_UNROLL
        for (int i = 0; i < side; i++) WINO_STORE(points + (i * side + j) * step, v[i]);
    }
}

WINO_INNER void WINO_NAME(result)(const int side, const float *points, int64_t step, float *tensor,
                                  const int64_t *at, int64_t pitch)
{
    WINO_V rows[4][8];
    for (int i = 0; i < 4;
         i++) { /* the result often comes from memory; its lines hold neighbours */
        for (int lane = 0; lane < WINO_LANES; lane += 4) {
            __builtin_prefetch(tensor + i * pitch + at[lane], 1);
        }
    }
    for (int j = 0; j < side; j++) {
        WINO_V m[8], y[8];
        WINO_UNROLL
        for (int i = 0; i < side; i++) m[i] = WINO_LOAD(points + (i * side + j) * step);
        WINO_NAME(from_points)(side, m, y);
        WINO_UNROLL
        for (int i = 0; i < 4; i++) rows[i][j] = y[i];
    }
    for (int i = 0; i < 4; i++) {
        WINO_V y[8];
        WINO_NAME(from_points)(side, rows[i], y);
        WINO_NAME(write_4)(y, tensor + i * pitch, at);
    }
}

/* Tiles overlap, but not in the same two columns of the same row. */
WINO_INNER void WINO_NAME(spread)(const int side, const float *points, int64_t step, float *tensor,
                                  const int64_t *at, int64_t pitch)
{
    WINO_V rows[8][8];
    for (int j = 0; j < side; j++) {
        WINO_V m[8], d[8];
        WINO_UNROLL
        for (int i = 0; i < side; i++) m[i] = WINO_LOAD(points + (i * side + j) * step);
        WINO_NAME(to_tile)(side, m, d);
        WINO_UNROLL
        for (int i = 0; i < side; i++) rows[i][j] = d[i];
    }
    for (int i = 0; i < side; i++) {
        WINO_V d[8];
        WINO_NAME(to_tile)(side, rows[i], d);
        WINO_UNROLL
        for (int j = 0; j < side; j += 2) WINO_NAME(add_2)(d + j, tensor + i * pitch + j, at);
    }
}

WINO_INNER void WINO_NAME(cotangent)(const int side, const float *tensor, const int64_t *at,
                                     int64_t pitch, float *points, int64_t step)
{
    WINO_V rows[4][8];
    for (int i = 0; i < 4; i++) {
        WINO_V y[8];
        WINO_NAME(read_4)(tensor + i * pitch, at, y);
        WINO_NAME(back_to_points)(side, y, rows[i]);
    }
    for (int j = 0; j < side; j++) {
        WINO_V y[8], v[8];
        WINO_UNROLL
        for (int i = 0; i < 4; i++) y[i] = rows[i][j];
        WINO_NAME(back_to_points)(side, y, v);
        WINO_UNROLL
        for (int i = 0; i < side; i++) WINO_STORE(points + (i * side + j) * step, v[i]);
    }
}

/* ---- Filters --------------------------------------------------------------------------------- */

WINO_INNER void WINO_NAME(filter)(const int side, const float *in, int64_t width, bool flip,
                                  float *points, int64_t step)
{
    const int taps = side - 3;
    for (int64_t lane = 0; lane < width; lane += WINO_LANES) {
        WINO_V rows[5][8];
        for (int i = 0; i < taps; i++) {
            WINO_V g[8];
            WINO_UNROLL
            for (int j = 0; j < taps; j++) {
                const int t = i * taps + j;
                g[j] = WINO_LOAD(in + (flip ? taps * taps - 1 - t : t) * width + lane);
            }
            WINO_NAME(filter_points)(side, g, rows[i]);
        }
        for (int j = 0; j < side; j++) {
            WINO_V g[8], u[8];
            WINO_UNROLL
            for (int i = 0; i < taps; i++) g[i] = rows[i][j];
            WINO_NAME(filter_points)(side, g, u);
            WINO_UNROLL
            for (int i = 0; i < side; i++) WINO_STORE(points + (i * side + j) * step + lane, u[i]);
        }
    }
}

WINO_INNER void WINO_NAME(gradient)(const int side, const float *points, int64_t step, float *out)
{
    const int taps = side - 3;
    WINO_V rows[5][8];
    for (int j = 0; j < side; j++) {
        WINO_V u[8], g[8];
        WINO_UNROLL
        for (int i = 0; i < side; i++) u[i] = WINO_LOAD(points + (i * side + j) * step);
        WINO_NAME(filter_taps)(side, u, g);
        WINO_UNROLL
        for (int i = 0; i < taps; i++) rows[i][j] = g[i];
    }
    for (int i = 0; i < taps; i++) {
        WINO_V g[8];
        WINO_NAME(filter_taps)(side, rows[i], g);
        WINO_UNROLL
        for (int j = 0; j < taps; j++) WINO_STORE(out + (i * taps + j) * WINO_LANES, g[j]);
    }
}

/* ---- The two sizes --------------------------------------------------------------------------- */

#define WINO_SIZE(side)                                                                            \
    WINO_FN void WINO_NAME(source_##side)(const float *tensor, const int64_t *at, int64_t pitch,   \
                                          float *points, int64_t step)                             \
    {                                                                                              \
        WINO_NAME(source)(side, tensor, at, pitch, points, step);                                  \
    }                                                                                              \
    WINO_FN void WINO_NAME(result_##side)(const float *points, int64_t step, float *tensor,        \
                                          const int64_t *at, int64_t pitch)                        \
    {                                                                                              \
        WINO_NAME(result)(side, points, step, tensor, at, pitch);                                  \
    }                                                                                              \
    WINO_FN void WINO_NAME(spread_##side)(const float *points, int64_t step, float *tensor,        \
                                          const int64_t *at, int64_t pitch)                        \
    {                                                                                              \
        WINO_NAME(spread)(side, points, step, tensor, at, pitch);                                  \
    }                                                                                              \
    WINO_FN void WINO_NAME(cotangent_##side)(const float *tensor, const int64_t *at,               \
                                             int64_t pitch, float *points, int64_t step)           \
    {                                                                                              \
        WINO_NAME(cotangent)(side, tensor, at, pitch, points, step);                               \
    }                                                                                              \
    WINO_FN void WINO_NAME(filter_##side)(const float *in, int64_t width, bool flip,               \
                                          float *points, int64_t step)                             \
    {                                                                                              \
        WINO_NAME(filter)(side, in, width, flip, points, step);                                    \
    }                                                                                              \
    WINO_FN void WINO_NAME(gradient_##side)(const float *points, int64_t step, float *out)         \
    {                                                                                              \
        WINO_NAME(gradient)(side, points, step, out);                                              \
    }

WINO_SIZE(6)
WINO_SIZE(8)
#undef WINO_SIZE

WINO_FN void WINO_NAME(copy)(const float *from, int64_t from_pitch, float *to, int64_t to_pitch,
                             int64_t rows, int64_t n)
{
    for (; rows > 0; rows--, from += from_pitch, to += to_pitch) {
        int64_t i = 0;
        for (; i + WINO_LANES <= n; i += WINO_LANES) WINO_STORE(to + i, WINO_LOAD(from + i));
        if (i < n) WINO_STORE_PART(to + i, WINO_LOAD_PART(from + i, n - i), n - i);
    }
}

static const winograd_kit WINO_NAME(kit) = {
    .name = "winograd-" WINO_TITLE,
    .lanes = WINO_LANES,
    .copy = WINO_NAME(copy),
    .source = {WINO_NAME(source_6), WINO_NAME(source_8)},
    .result = {WINO_NAME(result_6), WINO_NAME(result_8)},
    .spread = {WINO_NAME(spread_6), WINO_NAME(spread_8)},
    .cotangent = {WINO_NAME(cotangent_6), WINO_NAME(cotangent_8)},
    .filter = {WINO_NAME(filter_6), WINO_NAME(filter_8)},
    .gradient = {WINO_NAME(gradient_6), WINO_NAME(gradient_8)}};

#undef WINO_FN
#undef WINO_INNER
#undef WINO_NAME
#undef WINO_TITLE
#undef WINO_TARGET
#undef WINO_V
#undef WINO_LANES
#undef WINO_LOAD
#undef WINO_LOAD_PART
#undef WINO_STORE
#undef WINO_STORE_PART
#undef WINO_SPREAD
#undef WINO_FMA
#undef WINO_LOW
#undef WINO_HIGH
#undef WINO_PAIR_LOW
#undef WINO_PAIR_HIGH
#undef WINO_EVEN
#undef WINO_ODD
#undef WINO_JOIN_4
#undef WINO_JOIN_2
#undef WINO_SPLIT_4
#undef WINO_SPLIT_2
