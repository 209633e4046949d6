/* Unit and column kernels of reductions for one element type and CPU level. Included by reduce.c
 * once for each with these defined, and undefines them:
 *     REDUCE_T             element type
 *     REDUCE_U             the type in which it adds and multiplies: unsigned for integers
 *     REDUCE_BITS          signed integer type of the same size: what a comparison of vectors gives
 *     REDUCE_NAME(part)    name of a function
 *     REDUCE_VECTOR        bytes of a vector register
 *     REDUCE_TARGET        function attribute of the CPU level
 * for integers, where any order gives the same,
 *     REDUCE_ANY_ORDER
 * and, if there are instructions for them,
 *     REDUCE_MAX(a, x), REDUCE_MIN(a, x)   of two vectors
 *     REDUCE_LOAD_PART(x, n), REDUCE_TURN(v, h)   a vector's first n elements, the others anything;
 *                          v with element j + h in place j; two vectors hold all lanes then
 * The order in which elements combine is that of ops/reduce.h. */

#define REDUCE_LANES (128 / (int)sizeof(REDUCE_T))
#define REDUCE_STEP (REDUCE_VECTOR / (int)sizeof(REDUCE_T)) /* elements of a vector */
#define REDUCE_PARTS (REDUCE_LANES / REDUCE_STEP)           /* vectors that hold all lanes */

REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_T
REDUCE_NAME(combine)(int kind, REDUCE_T a, REDUCE_T x)
{
    switch (kind) {
    case GR_REDUCTION_SUM:
        return (REDUCE_T)GR_REDUCE_SUM_OF((REDUCE_U)a, (REDUCE_U)x);
    case GR_REDUCTION_PROD:
        return (REDUCE_T)GR_REDUCE_PROD_OF((REDUCE_U)a, (REDUCE_U)x);
    case GR_REDUCTION_MAX:
        return GR_REDUCE_MAX_OF(a, x);
    default:
        return GR_REDUCE_MIN_OF(a, x);
    }
}

#if defined(REDUCE_ANY_ORDER)
/* out[k] = the unit of n elements at x + k·step. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(units)(int kind, void *out, const void *x, int64_t count, int64_t step, int64_t n)
{
    REDUCE_T *y = out;
    const REDUCE_T *from = x;
    for (int64_t k = 0; k < count; k++, from += step) {
        REDUCE_T all = from[0];
        for (int64_t i = 1; i < n; i++) all = REDUCE_NAME(combine)(kind, all, from[i]);
        y[k] = all;
    }
}
#else

typedef REDUCE_T REDUCE_NAME(t) __attribute__((vector_size(REDUCE_VECTOR)));
typedef REDUCE_U REDUCE_NAME(u) __attribute__((vector_size(REDUCE_VECTOR)));
typedef REDUCE_BITS REDUCE_NAME(bits) __attribute__((vector_size(REDUCE_VECTOR)));

REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_NAME(t)
    REDUCE_NAME(combine_vector)(int kind, REDUCE_NAME(t) a, REDUCE_NAME(t) x)
{
    if (kind == GR_REDUCTION_SUM) {
        return (REDUCE_NAME(t))((REDUCE_NAME(u))a + (REDUCE_NAME(u))x);
    }
    if (kind == GR_REDUCTION_PROD) {
        return (REDUCE_NAME(t))((REDUCE_NAME(u))a * (REDUCE_NAME(u))x);
    }
#if defined(REDUCE_MAX)
    return (REDUCE_NAME(t))(kind == GR_REDUCTION_MAX ? REDUCE_MAX(a, x) : REDUCE_MIN(a, x));
#else
    REDUCE_NAME(bits)
    takes = kind == GR_REDUCTION_MAX ? GR_REDUCE_MAX_TAKES(a, x) : GR_REDUCE_MIN_TAKES(a, x);
    return (REDUCE_NAME(t))(((REDUCE_NAME(bits))x & takes) | ((REDUCE_NAME(bits))a & ~takes));
#endif
}

#if defined(REDUCE_LOAD_PART)
/* Lanes [0, n) of a vector folded to one; n is a constant power of two. */
REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_T
REDUCE_NAME(fold)(int kind, REDUCE_NAME(t) v, const int n)
{
    if (n > 8) v = REDUCE_NAME(combine_vector)(kind, v, (REDUCE_NAME(t))REDUCE_TURN(v, 8));
    if (n > 4) v = REDUCE_NAME(combine_vector)(kind, v, (REDUCE_NAME(t))REDUCE_TURN(v, 4));
    if (n > 2) v = REDUCE_NAME(combine_vector)(kind, v, (REDUCE_NAME(t))REDUCE_TURN(v, 2));
    if (n > 1) v = REDUCE_NAME(combine_vector)(kind, v, (REDUCE_NAME(t))REDUCE_TURN(v, 1));
    return v[0];
}

/* v with lane j + h in lane j; h is a power of two up to 8. The instruction wants a literal. */
REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_NAME(t)
    REDUCE_NAME(turn)(REDUCE_NAME(t) v, const int h)
{
    if (h == 8) return (REDUCE_NAME(t))REDUCE_TURN(v, 8);
    if (h == 4) return (REDUCE_NAME(t))REDUCE_TURN(v, 4);
    if (h == 2) return (REDUCE_NAME(t))REDUCE_TURN(v, 2);
    return (REDUCE_NAME(t))REDUCE_TURN(v, 1);
}

/* Lanes [0, n) of v take in those of x. */
REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_NAME(t)
    REDUCE_NAME(combine_first)(int kind, REDUCE_NAME(t) v, REDUCE_NAME(t) x, int64_t n)
{
    REDUCE_NAME(bits) place;
    for (int j = 0; j < REDUCE_STEP; j++) place[j] = j;
    const REDUCE_NAME(bits) first = place < (REDUCE_BITS)n;
    const REDUCE_NAME(t) both = REDUCE_NAME(combine_vector)(kind, v, x);
    return (REDUCE_NAME(t))(((REDUCE_NAME(bits))both & first) | ((REDUCE_NAME(bits))v & ~first));
}

/* Units of n elements, `half` being the largest power of two below n: a constant, whose lanes fit
 * one vector after the first fold, which takes in only the elements that are there. What lies in
 * other places is never read. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(short_units)(int kind, REDUCE_T *y, const REDUCE_T *x, int64_t count, int64_t step,
                         int n, const int half)
{
    for (int64_t k = 0; k < count; k++, x += step) {
        REDUCE_NAME(t) v, other;
        if (half == REDUCE_STEP) {
            memcpy(&v, x, sizeof v);
            other = (REDUCE_NAME(t))REDUCE_LOAD_PART(x + half, n - half);
        } else {
            v = (REDUCE_NAME(t))REDUCE_LOAD_PART(x, n);
            other = REDUCE_NAME(turn)(v, half);
        }
        v = REDUCE_NAME(combine_first)(kind, v, other, n - half);
        y[k] = REDUCE_NAME(fold)(kind, v, half);
    }
}

/* Units of 1 < n < REDUCE_LANES elements. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(units_of_few)(int kind, REDUCE_T *y, const REDUCE_T *x, int64_t count, int64_t step,
                          int n)
{
    if (n > 16) {
        REDUCE_NAME(short_units)(kind, y, x, count, step, n, REDUCE_STEP);
    } else if (n > 8) {
        REDUCE_NAME(short_units)(kind, y, x, count, step, n, 8);
    } else if (n > 4) {
        REDUCE_NAME(short_units)(kind, y, x, count, step, n, 4);
    } else if (n > 2) {
        REDUCE_NAME(short_units)(kind, y, x, count, step, n, 2);
    } else {
        REDUCE_NAME(short_units)(kind, y, x, count, step, n, 1);
    }
}
#else
/* Lanes [0, n) folded to one; n is a power of two. */
REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_T
REDUCE_NAME(fold)(int kind, REDUCE_T *lane, int n)
{
#define REDUCE_FOLD(h)                                                                             \
    if (REDUCE_LANES > (h) && n > (h)) {                                                           \
        for (int j = 0; j < (h); j++)                                                              \
            lane[j] = REDUCE_NAME(combine)(kind, lane[j], lane[j + (h)]);                          \
    }
    REDUCE_FOLD(64)
    REDUCE_FOLD(32)
    REDUCE_FOLD(16)
    REDUCE_FOLD(8)
    REDUCE_FOLD(4)
    REDUCE_FOLD(2)
    REDUCE_FOLD(1)
#undef REDUCE_FOLD
    return lane[0];
}

/* 0 < n < REDUCE_LANES elements folded to `lane` once; the number of lanes that are left. */
REDUCE_TARGET static inline __attribute__((always_inline)) int
REDUCE_NAME(lanes_of_few)(int kind, REDUCE_T *lane, const REDUCE_T *x, int n)
{
    int half = REDUCE_LANES / 2; /* the largest power of two below n */
    while (half >= n && half > 1) half /= 2;
    int j = 0;
    for (; j < n - half; j++) lane[j] = REDUCE_NAME(combine)(kind, x[j], x[j + half]);
    for (; j < half; j++) lane[j] = x[j];
    return half;
}
#endif

/* n ≥ REDUCE_LANES elements combined in `sum`; where the last ones start that are not in it. */
REDUCE_TARGET static inline __attribute__((always_inline)) int64_t
REDUCE_NAME(sum_up)(int kind, REDUCE_NAME(t) * sum, const REDUCE_T *x, int64_t n)
{
    REDUCE_NAME(t) next;
    for (int p = 0; p < REDUCE_PARTS; p++) memcpy(&sum[p], x + p * REDUCE_STEP, sizeof next);
    int64_t i = REDUCE_LANES;
    for (; i + REDUCE_LANES <= n; i += REDUCE_LANES) {
        for (int p = 0; p < REDUCE_PARTS; p++) {
            memcpy(&next, x + i + p * REDUCE_STEP, sizeof next);
            sum[p] = REDUCE_NAME(combine_vector)(kind, sum[p], next);
        }
    }
    return i;
}

#if defined(REDUCE_LOAD_PART)
/* n ≥ REDUCE_LANES elements. */
REDUCE_TARGET static inline __attribute__((always_inline)) REDUCE_T
REDUCE_NAME(unit)(int kind, const REDUCE_T *x, int64_t n)
{
    REDUCE_NAME(t) sum[REDUCE_PARTS];
    int64_t i = REDUCE_NAME(sum_up)(kind, sum, x, n);
    for (int p = 0; p < REDUCE_PARTS && i < n; p++, i += REDUCE_STEP) {
        const int64_t left = n - i < REDUCE_STEP ? n - i : REDUCE_STEP;
        const REDUCE_NAME(t) next = (REDUCE_NAME(t))REDUCE_LOAD_PART(x + i, left);
        sum[p] = REDUCE_NAME(combine_first)(kind, sum[p], next, left);
    }
    sum[0] = REDUCE_NAME(combine_vector)(kind, sum[0], sum[1]);
    return REDUCE_NAME(fold)(kind, sum[0], REDUCE_STEP);
}

/* out[k] = the unit of n elements at x + k·step. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(units)(int kind, void *out, const void *x, int64_t count, int64_t step, int64_t n)
{
    REDUCE_T *y = out;
    const REDUCE_T *from = x;
    if (n >= REDUCE_LANES) {
        for (int64_t k = 0; k < count; k++) y[k] = REDUCE_NAME(unit)(kind, from + k * step, n);
    } else if (n > 1) {
        REDUCE_NAME(units_of_few)(kind, y, from, count, step, (int)n);
    } else {
        for (int64_t k = 0; k < count; k++) y[k] = from[k * step];
    }
}
#else
/* n ≥ REDUCE_LANES elements combined in `lane`; the number of lanes that are left. */
REDUCE_TARGET static inline __attribute__((always_inline)) int
REDUCE_NAME(lanes_of_many)(int kind, REDUCE_T *lane, const REDUCE_T *x, int64_t n)
{
    REDUCE_NAME(t) sum[REDUCE_PARTS];
    const int64_t i = REDUCE_NAME(sum_up)(kind, sum, x, n);
    if (i < n) {
        for (int p = 0; p < REDUCE_PARTS; p++)
            memcpy(lane + p * REDUCE_STEP, &sum[p], sizeof sum[p]);
        for (int64_t j = 0; j < n - i; j++) lane[j] = REDUCE_NAME(combine)(kind, lane[j], x[i + j]);
        return REDUCE_LANES;
    }
    for (int h = REDUCE_PARTS / 2; h > 0; h /= 2) { /* the first folds take whole vectors */
        for (int p = 0; p < h; p++) {
            sum[p] = REDUCE_NAME(combine_vector)(kind, sum[p], sum[p + h]);
        }
    }
    memcpy(lane, &sum[0], sizeof sum[0]);
    return REDUCE_STEP;
}

/* out[k] = the unit of n elements at x + k·step. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(units)(int kind, void *out, const void *x, int64_t count, int64_t step, int64_t n)
{
    REDUCE_T *y = out;
    const REDUCE_T *from = x;
    for (int64_t k = 0; k < count; k++, from += step) {
        _Alignas(64) REDUCE_T lane[REDUCE_LANES];
        const int lanes = n < REDUCE_LANES ? REDUCE_NAME(lanes_of_few)(kind, lane, from, (int)n)
                                           : REDUCE_NAME(lanes_of_many)(kind, lane, from, n);
        y[k] = REDUCE_NAME(fold)(kind, lane, lanes);
    }
}
#endif

#endif

/* to[k] takes in, one after the other, the elements k of `rows` rows at x + r·step. */
REDUCE_TARGET static inline __attribute__((always_inline)) void
REDUCE_NAME(columns)(int kind, void *to, const void *x, int64_t rows, int64_t step, int64_t n)
{
    REDUCE_T *restrict y = to;
    const REDUCE_T *from = x;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, from += 4 * step) {
        const REDUCE_T *restrict x0 = from, *restrict x1 = from + step;
        const REDUCE_T *restrict x2 = from + 2 * step, *restrict x3 = from + 3 * step;
        GR_SIMD for (int64_t k = 0; k < n; k++)
        {
            REDUCE_T sum = REDUCE_NAME(combine)(kind, y[k], x0[k]);
            sum = REDUCE_NAME(combine)(kind, sum, x1[k]);
            sum = REDUCE_NAME(combine)(kind, sum, x2[k]);
            y[k] = REDUCE_NAME(combine)(kind, sum, x3[k]);
        }
    }
    for (; r < rows; r++, from += step) {
        const REDUCE_T *restrict x0 = from;
        GR_SIMD for (int64_t k = 0; k < n; k++) y[k] = REDUCE_NAME(combine)(kind, y[k], x0[k]);
    }
}

#define REDUCE_KIND(kind, words)                                                                   \
    REDUCE_TARGET static void REDUCE_NAME(words##_units)(void *out, const void *x, int64_t count,  \
                                                         int64_t step, int64_t n)                  \
    {                                                                                              \
        REDUCE_NAME(units)(kind, out, x, count, step, n);                                          \
    }                                                                                              \
    REDUCE_TARGET static void REDUCE_NAME(words##_columns)(void *to, const void *x, int64_t rows,  \
                                                           int64_t step, int64_t n)                \
    {                                                                                              \
        REDUCE_NAME(columns)(kind, to, x, rows, step, n);                                          \
    }
REDUCE_KIND(GR_REDUCTION_SUM, sum)
REDUCE_KIND(GR_REDUCTION_PROD, prod)
REDUCE_KIND(GR_REDUCTION_MAX, max)
REDUCE_KIND(GR_REDUCTION_MIN, min)

static const gr_reduce_kernels REDUCE_NAME(kernels)[GR_REDUCTION_KINDS] = {
    [GR_REDUCTION_SUM] = {REDUCE_NAME(sum_units), REDUCE_NAME(sum_columns)},
    [GR_REDUCTION_PROD] = {REDUCE_NAME(prod_units), REDUCE_NAME(prod_columns)},
    [GR_REDUCTION_MAX] = {REDUCE_NAME(max_units), REDUCE_NAME(max_columns)},
    [GR_REDUCTION_MIN] = {REDUCE_NAME(min_units), REDUCE_NAME(min_columns)},
};

#undef REDUCE_KIND
#undef REDUCE_ANY_ORDER
#undef REDUCE_MAX
#undef REDUCE_MIN
#undef REDUCE_LOAD_PART
#undef REDUCE_TURN
#undef REDUCE_PARTS
#undef REDUCE_STEP
#undef REDUCE_LANES
#undef REDUCE_TARGET
#undef REDUCE_VECTOR
#undef REDUCE_NAME
#undef REDUCE_BITS
#undef REDUCE_U
#undef REDUCE_T
