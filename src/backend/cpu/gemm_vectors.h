/* Products that are not worth packing: matrix times vector, outer products, and few columns, for
 * one element type and CPU level. Part of gemm_kernel.h, with what that defines. */

#if GEMM_PAIR_ROWS == 2
/* The sum of a vector's lanes, halves added to halves: for GEMM_TOTALS, where they are two. */
GEMM_INNER GEMM_T GEMM_NAME(lanes)(GEMM_V v)
{
    GEMM_T lane[GEMM_LANES];
    GEMM_STORE(lane, v);
    for (int step = GEMM_LANES / 2; step > 0; step /= 2) {
        for (int j = 0; j < step; j++) lane[j] += lane[j + step];
    }
    return lane[0];
}
#endif

/* ---- Matrix times vector --------------------------------------------------------------------- */

/* Two running sums for each row, whatever the number of rows taken at once. */
GEMM_INNER void GEMM_NAME(dots_core)(const int rows, int64_t k, const GEMM_T *a, int64_t lda,
                                     const GEMM_T *x, GEMM_T *y)
{
    GEMM_V sum[4][2];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = GEMM_SPREAD(0);
    int64_t p = 0;
    for (; p + 2 * GEMM_LANES <= k; p += 2 * GEMM_LANES) {
        const GEMM_V x0 = GEMM_LOAD(x + p), x1 = GEMM_LOAD(x + p + GEMM_LANES);
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            sum[i][0] = GEMM_FMA(GEMM_LOAD(a + i * lda + p), x0, sum[i][0]);
            sum[i][1] = GEMM_FMA(GEMM_LOAD(a + i * lda + p + GEMM_LANES), x1, sum[i][1]);
        }
    }
    for (; p < k; p += GEMM_LANES) {
        const int64_t n = k - p < GEMM_LANES ? k - p : GEMM_LANES;
        const GEMM_V x0 = GEMM_LOAD_PART(x + p, n);
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            sum[i][0] = GEMM_FMA(GEMM_LOAD_PART(a + i * lda + p, n), x0, sum[i][0]);
        }
    }
    GEMM_UNROLL
    for (int first = 0; first < rows; first += GEMM_PAIR_ROWS) {
        GEMM_V v[GEMM_PAIR_ROWS];
        GEMM_T total[GEMM_PAIR_ROWS];
        GEMM_UNROLL
        for (int i = 0; i < GEMM_PAIR_ROWS; i++) {
            const int row = first + i < rows ? first + i : first;
            v[i] = sum[row][0] + sum[row][1];
        }
        GEMM_TOTALS(v, total);
        GEMM_UNROLL
        for (int i = 0; i < GEMM_PAIR_ROWS; i++)
            if (first + i < rows) y[first + i] = total[i];
    }
}

GEMM_FN void GEMM_NAME(dots)(int64_t m, int64_t k, const void *a_, int64_t lda, const void *x,
                             void *y_)
{
    const GEMM_T *a = a_;
    GEMM_T *y = y_;
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) GEMM_NAME(dots_core)(4, k, a + i * lda, lda, x, y + i);
    for (; i < m; i++) GEMM_NAME(dots_core)(1, k, a + i * lda, lda, x, y + i);
}

GEMM_INNER void GEMM_NAME(sums_core)(const int vectors, int64_t last, int64_t k, const GEMM_T *b,
                                     int64_t ldb, const GEMM_T *x, GEMM_T *y)
{
    GEMM_V sum[8];
    GEMM_UNROLL
    for (int v = 0; v < vectors; v++) sum[v] = GEMM_SPREAD(0);
    for (int64_t p = 0; p < k; p++, b += ldb) {
        const GEMM_V weight = GEMM_SPREAD(x[p]);
        GEMM_UNROLL
        for (int v = 0; v < vectors - 1; v++) {
            sum[v] = GEMM_FMA(weight, GEMM_LOAD(b + v * GEMM_LANES), sum[v]);
        }
        const GEMM_T *end = b + (vectors - 1) * GEMM_LANES;
        sum[vectors - 1] =
            GEMM_FMA(weight, last == GEMM_LANES ? GEMM_LOAD(end) : GEMM_LOAD_PART(end, last),
                     sum[vectors - 1]);
    }
    GEMM_UNROLL
    for (int v = 0; v < vectors - 1; v++) GEMM_STORE(y + v * GEMM_LANES, sum[v]);
    GEMM_STORE_PART(y + (vectors - 1) * GEMM_LANES, sum[vectors - 1], last);
}

GEMM_FN void GEMM_NAME(sums)(int64_t n, int64_t k, const void *b_, int64_t ldb, const void *x,
                             void *y_)
{
    const GEMM_T *b = b_;
    GEMM_T *y = y_;
    for (int64_t j = 0, taken; j < n; j += taken) {
        const int64_t vectors = (n - j + GEMM_LANES - 1) / GEMM_LANES;
        taken = (vectors >= 8 ? 8 : vectors >= 4 ? 4 : vectors >= 2 ? 2 : 1) * GEMM_LANES;
        const int64_t last = n - j < taken ? n - j - taken + GEMM_LANES : GEMM_LANES;
        switch (taken / GEMM_LANES) {
        case 8:
            GEMM_NAME(sums_core)(8, last, k, b + j, ldb, x, y + j);
            break;
        case 4:
            GEMM_NAME(sums_core)(4, last, k, b + j, ldb, x, y + j);
            break;
        case 2:
            GEMM_NAME(sums_core)(2, last, k, b + j, ldb, x, y + j);
            break;
        default:
            GEMM_NAME(sums_core)(1, last, k, b + j, ldb, x, y + j);
            break;
        }
    }
}

/* ---- Outer products -------------------------------------------------------------------------- */

GEMM_INNER void GEMM_NAME(outer_core)(const int k, int64_t m, int64_t n, const GEMM_T *x,
                                      int64_t ldx, const GEMM_T *y, int64_t ldy, GEMM_T *c)
{
    for (int64_t i = 0; i < m; i++, c += n) {
        GEMM_V factor[GR_GEMM_OUTER];
        GEMM_UNROLL
        for (int p = 0; p < k; p++) factor[p] = GEMM_SPREAD(x[p * ldx + i]);
        int64_t j = 0;
        for (; j + GEMM_LANES <= n; j += GEMM_LANES) {
            GEMM_V sum = factor[0] * GEMM_LOAD(y + j);
            GEMM_UNROLL
            for (int p = 1; p < k; p++) sum = GEMM_FMA(factor[p], GEMM_LOAD(y + p * ldy + j), sum);
            GEMM_STORE(c + j, sum);
        }
        if (j < n) {
            GEMM_V sum = factor[0] * GEMM_LOAD_PART(y + j, n - j);
            GEMM_UNROLL
            for (int p = 1; p < k; p++)
                sum = GEMM_FMA(factor[p], GEMM_LOAD_PART(y + p * ldy + j, n - j), sum);
            GEMM_STORE_PART(c + j, sum, n - j);
        }
    }
}

GEMM_FN void GEMM_NAME(outer)(int64_t m, int64_t n, int64_t k, const void *x, int64_t ldx,
                              const void *y, int64_t ldy, void *c)
{
    if (k == 1) {
        GEMM_NAME(outer_core)(1, m, n, x, ldx, y, ldy, c);
    } else {
        GEMM_NAME(outer_core)(GR_GEMM_OUTER, m, n, x, ldx, y, ldy, c);
    }
}

/* ---- Rows times rows ------------------------------------------------------------------------- */

/* One running sum for each element of `rows` x `columns`, in lanes along k. */
GEMM_INNER void GEMM_NAME(pairs_core)(const int rows, const int columns, int64_t k, const GEMM_T *a,
                                      int64_t lda, const GEMM_T *b, int64_t ldb, GEMM_T *c,
                                      int64_t c_row, int64_t c_column)
{
    GEMM_V sum[GEMM_PAIR_ROWS][5], x[GEMM_PAIR_ROWS];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) {
        GEMM_UNROLL
        for (int j = 0; j < columns; j++) sum[i][j] = GEMM_SPREAD(0);
    }
    int64_t p = 0;
    for (; p + GEMM_LANES <= k; p += GEMM_LANES) {
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) x[i] = GEMM_LOAD(a + i * lda + p);
        GEMM_UNROLL
        for (int j = 0; j < columns; j++) {
            const GEMM_V y = GEMM_LOAD(b + j * ldb + p);
            GEMM_UNROLL
            for (int i = 0; i < rows; i++) sum[i][j] = GEMM_FMA(x[i], y, sum[i][j]);
        }
    }
    if (p < k) {
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) x[i] = GEMM_LOAD_PART(a + i * lda + p, k - p);
        GEMM_UNROLL
        for (int j = 0; j < columns; j++) {
            const GEMM_V y = GEMM_LOAD_PART(b + j * ldb + p, k - p);
            GEMM_UNROLL
            for (int i = 0; i < rows; i++) sum[i][j] = GEMM_FMA(x[i], y, sum[i][j]);
        }
    }
    GEMM_UNROLL
    for (int j = 0; j < columns; j++) {
        GEMM_T total[GEMM_PAIR_ROWS];
        GEMM_UNROLL
        for (int i = 0; i < GEMM_PAIR_ROWS; i++) x[i] = sum[i < rows ? i : 0][j];
        GEMM_TOTALS(x, total);
        for (int i = 0; i < rows; i++) c[i * c_row + j * c_column] = total[i];
    }
}

/* A constant number of rows against n columns, about equally many of them at once. */
GEMM_INNER void GEMM_NAME(pairs_rows)(const int rows, int64_t n, int64_t k, const GEMM_T *a,
                                      int64_t lda, const GEMM_T *b, int64_t ldb, GEMM_T *c,
                                      int64_t c_row, int64_t c_column)
{
    for (int64_t passes = (n + 4) / 5, taken; passes > 0; passes--, n -= taken) {
        taken = (n + passes - 1) / passes;
        switch (taken) {
        case 5:
            GEMM_NAME(pairs_core)(rows, 5, k, a, lda, b, ldb, c, c_row, c_column);
            break;
        case 4:
            GEMM_NAME(pairs_core)(rows, 4, k, a, lda, b, ldb, c, c_row, c_column);
            break;
        case 3:
            GEMM_NAME(pairs_core)(rows, 3, k, a, lda, b, ldb, c, c_row, c_column);
            break;
        case 2:
            GEMM_NAME(pairs_core)(rows, 2, k, a, lda, b, ldb, c, c_row, c_column);
            break;
        default:
            GEMM_NAME(pairs_core)(rows, 1, k, a, lda, b, ldb, c, c_row, c_column);
            break;
        }
        b += taken * ldb;
        c += taken * c_column;
    }
}

GEMM_FN void GEMM_NAME(pairs)(int64_t m, int64_t n, int64_t k, const void *a_, int64_t lda,
                              const void *b, int64_t ldb, void *c_, int64_t c_row, int64_t c_column)
{
    const GEMM_T *a = a_;
    GEMM_T *c = c_;
    for (; m >= GEMM_PAIR_ROWS; m -= GEMM_PAIR_ROWS) {
        GEMM_NAME(pairs_rows)(GEMM_PAIR_ROWS, n, k, a, lda, b, ldb, c, c_row, c_column);
        a += GEMM_PAIR_ROWS * lda;
        c += GEMM_PAIR_ROWS * c_row;
    }
    for (; m > 0; m--, a += lda, c += c_row) {
        GEMM_NAME(pairs_rows)(1, n, k, a, lda, b, ldb, c, c_row, c_column);
    }
}

/* ---- Tiles of rows where they lie ------------------------------------------------------------ */

/* The tile of gemm_kernel.h, in its order of summation, with rows of a that lie `lda` apart. There
 * is a pointer for every three rows: the two next to its own are in reach of an address with lda as
 * its index, so that the pointers of a whole tile fit the registers. */
GEMM_INNER void GEMM_NAME(rows_core)(const int rows, const int vectors, int64_t n, int64_t k,
                                     const GEMM_T *a, int64_t lda, const GEMM_T *b, int64_t ldb,
                                     GEMM_T *c, int64_t ldc, bool add)
{
    GEMM_V sum[GEMM_ROWS][2];
    const GEMM_T *row[(GEMM_ROWS + 2) / 3];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) {
        sum[i][0] = sum[i][1] = GEMM_SPREAD(0);
        if (i % 3 == 0) row[i / 3] = a + i * lda;
    }
    for (; k > 0; k--) {
        const GEMM_V b0 = GEMM_LOAD(b);
        const GEMM_V b1 = vectors > 1 ? GEMM_LOAD(b + GEMM_LANES) : b0;
        GEMM_UNROLL
        for (int i = 0; i < rows; i++) {
            const GEMM_V x = GEMM_SPREAD(row[i / 3][i % 3 * lda]);
            sum[i][0] = GEMM_FMA(x, b0, sum[i][0]);
            if (vectors > 1) sum[i][1] = GEMM_FMA(x, b1, sum[i][1]);
        }
        GEMM_UNROLL
        for (int i = 0; i < rows; i += 3) row[i / 3]++;
        b += ldb;
    }
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) {
        GEMM_NAME(store)(c + i * ldc, sum[i][0], n, add);
        if (vectors > 1) GEMM_NAME(store)(c + i * ldc + GEMM_LANES, sum[i][1], n - GEMM_LANES, add);
    }
}

#define GEMM_CASE(rows)                                                                            \
    case (rows) / 2:                                                                               \
        if (n > GEMM_LANES) {                                                                      \
            GEMM_NAME(rows_core)(rows, 2, n, k, a, lda, b, ldb, c, ldc, add);                      \
        } else {                                                                                   \
            GEMM_NAME(rows_core)(rows, 1, n, k, a, lda, b, ldb, c, ldc, add);                      \
        }                                                                                          \
        break;

GEMM_FN void GEMM_NAME(tile_rows)(int64_t m, int64_t n, int64_t k, const void *a_, int64_t lda,
                                  const void *b, int64_t ldb, void *c_, int64_t ldc, bool add)
{
    const GEMM_T *a = a_;
    GEMM_T *c = c_;
    switch (m / 2) {
        GEMM_CASE(2)
        GEMM_CASE(4)
        GEMM_CASE(6)
#if GEMM_ROWS > 6
        GEMM_CASE(8)
        GEMM_CASE(10)
        GEMM_CASE(12)
        GEMM_CASE(14)
#endif
    default:
        break;
    }
    if (m % 2 == 0) return;
    a += (m - 1) * lda;
    c += (m - 1) * ldc;
    if (n > GEMM_LANES) {
        GEMM_NAME(rows_core)(1, 2, n, k, a, lda, b, ldb, c, ldc, add);
    } else {
        GEMM_NAME(rows_core)(1, 1, n, k, a, lda, b, ldb, c, ldc, add);
    }
}
#undef GEMM_CASE
