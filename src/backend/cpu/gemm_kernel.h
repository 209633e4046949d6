/* The kernels of one element type and CPU level, expanded by gemm_kits.c, which defines
 *   GEMM_NAME(x)             the name x with type and level
 *   GEMM_T, GEMM_V           element and vector
 *   GEMM_LANES               elements of a vector
 *   GEMM_ROWS, GEMM_SLIVER   rows of a tile (even), values for each k of packed A
 *   GEMM_TARGET              the function attribute of the level
 *   GEMM_LOAD(p), GEMM_LOAD_PART(p, n), GEMM_STORE(p, v), GEMM_STORE_PART(p, v, n)
 *   GEMM_SPREAD(x), GEMM_FMA(a, b, c)
 *   GEMM_SQUARE, and either GEMM_TRANSPOSE(row, at, out, width): elements [at, at + GEMM_SQUARE) of
 *                            as many rows, written as columns; or GEMM_TURN(in, ld, n, k, out,
 *                            width): n rows of k elements, neither more than GEMM_SQUARE
 *   GEMM_BLOCK_K, GEMM_TITLE
 *   GEMM_PAIR_ROWS         rows whose products with 5 columns are summed at once
 *   GEMM_TOTALS(v, out)      the sums over the lanes of so many vectors
 * No include guard: it is meant to be included several times. */

#define GEMM_FN static GEMM_TARGET
#define GEMM_INNER static inline __attribute__((always_inline)) GEMM_TARGET

/* ---- Tiles ----------------------------------------------------------------------------------- */

GEMM_INNER void GEMM_NAME(store)(GEMM_T *c, GEMM_V value, int64_t n, bool add)
{
    if (n >= GEMM_LANES) {
        if (add) value = GEMM_LOAD(c) + value;
        GEMM_STORE(c, value);
    } else if (n > 0) {
        if (add) value = GEMM_LOAD_PART(c, n) + value;
        GEMM_STORE_PART(c, value, n);
    }
}

/* Inlined with constant `rows` and `vectors`, so that `sum` is registers. */
GEMM_INNER void GEMM_NAME(core)(const int rows, const int vectors, int64_t m, int64_t n,
                                const gr_gemm_chain *chain, const GEMM_T *a_, const GEMM_T *b_,
                                GEMM_T *c, int64_t ldc, bool add)
{
    GEMM_V sum[GEMM_ROWS][2];
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = GEMM_SPREAD(0);
    const int64_t a_step = chain->a_step, ldb = chain->ldb;
    const gr_gemm_link *const end = chain->links + chain->count;
    for (const gr_gemm_link *link = chain->links; link < end; link++) {
        const GEMM_T *a = a_ + link->a, *b = b_ + link->b;
        for (int64_t k = link->k; k > 0; k--) {
            const GEMM_V b0 = GEMM_LOAD(b);
            const GEMM_V b1 = vectors > 1 ? GEMM_LOAD(b + GEMM_LANES) : b0;
            GEMM_UNROLL
            for (int i = 0; i < rows; i++) {
                const GEMM_V x = GEMM_SPREAD(a[i]);
                sum[i][0] = GEMM_FMA(x, b0, sum[i][0]);
                if (vectors > 1) sum[i][1] = GEMM_FMA(x, b1, sum[i][1]);
            }
            a += a_step;
            b += ldb;
        }
    }
    GEMM_UNROLL
    for (int i = 0; i < rows; i++) {
        if (i >= m) break;
        GEMM_NAME(store)(c + i * ldc, sum[i][0], n, add);
        if (vectors > 1) GEMM_NAME(store)(c + i * ldc + GEMM_LANES, sum[i][1], n - GEMM_LANES, add);
    }
}

#define GEMM_CASE(rows)                                                                            \
    case (rows) / 2:                                                                               \
        if (n > GEMM_LANES) {                                                                      \
            GEMM_NAME(core)(rows, 2, m, n, chain, a, b, c, ldc, add);                              \
        } else {                                                                                   \
            GEMM_NAME(core)(rows, 1, m, n, chain, a, b, c, ldc, add);                              \
        }                                                                                          \
        break;

GEMM_FN void GEMM_NAME(tile_chain)(int64_t m, int64_t n, const gr_gemm_chain *chain, const void *a,
                                   const void *b, void *c, int64_t ldc, bool add)
{
    switch ((m + 1) / 2) { /* an odd last row is computed twice as an even one and not stored */
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
}
#undef GEMM_CASE

GEMM_FN void GEMM_NAME(tile)(int64_t m, int64_t n, int64_t k, const void *a, const void *b,
                             int64_t ldb, void *c, int64_t ldc, bool add)
{
    const gr_gemm_link all = {0, 0, k};
    const gr_gemm_chain chain = {&all, 1, GEMM_SLIVER, ldb};
    GEMM_NAME(tile_chain)(m, n, &chain, a, b, c, ldc, add);
}

/* ---- Packing --------------------------------------------------------------------------------- */

#if !defined(GEMM_TURN)
/* A square as wide as a line of the cache, turned inside a buffer, so that every line of input and
 * output is touched once: with strides that are large powers of two, the lines of a square fall
 * into few sets of the cache. */
GEMM_FN void GEMM_NAME(turn_lines)(const GEMM_T *in, int64_t ld, GEMM_T *out, int64_t width)
{
    enum { LINE = GR_ALIGN / sizeof(GEMM_T) };
    _Alignas(GR_ALIGN) GEMM_T square[LINE * LINE];
    for (int64_t lane = 0; lane < LINE; lane += GEMM_SQUARE) {
        const GEMM_T *row[GEMM_SQUARE];
        for (int64_t i = 0; i < GEMM_SQUARE; i++) row[i] = in + (lane + i) * ld;
        for (int64_t p = 0; p < LINE; p += GEMM_SQUARE) {
            GEMM_TRANSPOSE(row, p, square + p * LINE + lane, LINE);
        }
    }
    for (int64_t p = 0; p < LINE; p++) memcpy(out + p * width, square + p * LINE, GR_ALIGN);
}

GEMM_FN void GEMM_NAME(turn_square)(const GEMM_T *in, int64_t ld, int64_t n, int64_t k, GEMM_T *out,
                                    int64_t width)
{
    enum { LINE = GR_ALIGN / sizeof(GEMM_T) };
    if (n == LINE && k == LINE) {
        GEMM_NAME(turn_lines)(in, ld, out, width);
        return;
    }
    const int64_t whole = k - k % GEMM_SQUARE;
    for (int64_t lane = 0; lane < n; lane += GEMM_SQUARE) {
        const int64_t rows = n - lane < GEMM_SQUARE ? n - lane : GEMM_SQUARE;
        const GEMM_T *row[GEMM_SQUARE];
        for (int64_t i = 0; i < rows; i++) row[i] = in + (lane + i) * ld;
        int64_t p = 0;
        for (; rows == GEMM_SQUARE && p < whole; p += GEMM_SQUARE) {
            GEMM_TRANSPOSE(row, p, out + p * width + lane, width);
        }
        for (; p < k; p++) {
            for (int64_t i = 0; i < rows; i++) out[p * width + lane + i] = row[i][p];
        }
    }
}
#define GEMM_TURN GEMM_NAME(turn_square)
#define GEMM_SIDE ((int64_t)(GR_ALIGN / sizeof(GEMM_T)))
#else
#define GEMM_SIDE GEMM_SQUARE
#endif

/* out[k·width + lane] = in[lane·ld + k] for lanes below n, and nothing else is written. */
GEMM_FN void GEMM_NAME(turn)(const void *in_, int64_t ld, int64_t n, int64_t k, void *out,
                             int64_t width)
{
    for (int64_t lane = 0; lane < n; lane += GEMM_SIDE) {
        const GEMM_T *in = (const GEMM_T *)in_ + lane * ld;
        GEMM_T *to = (GEMM_T *)out + lane;
        const int64_t rows = n - lane < GEMM_SIDE ? n - lane : GEMM_SIDE;
        int64_t p = 0;
        if (rows == GEMM_SIDE) {
            for (; p + GEMM_SIDE <= k; p += GEMM_SIDE) {
                GEMM_TURN(in + p, ld, GEMM_SIDE, GEMM_SIDE, to + p * width, width);
            }
        }
        for (; p < k; p += GEMM_SIDE) {
            const int64_t columns = k - p < GEMM_SIDE ? k - p : GEMM_SIDE;
            GEMM_TURN(in + p, ld, rows, columns, to + p * width, width);
        }
    }
}
#undef GEMM_SIDE

GEMM_FN void GEMM_NAME(pack_a)(const gr_gemm_matrix *a, int64_t m, int64_t k, void *out)
{
    const GEMM_T *in = a->data;
    GEMM_T *to = out;
    if (a->column == 1 && m > 1) {
        GEMM_NAME(turn)(in, a->row, m, k, to, GEMM_SLIVER);
        return;
    }
    if (a->row == 1) {
        const int64_t whole = m / GEMM_LANES * GEMM_LANES;
        for (int64_t p = 0; p < k; p++, in += a->column, to += GEMM_SLIVER) {
            for (int64_t i = 0; i < whole; i += GEMM_LANES) GEMM_STORE(to + i, GEMM_LOAD(in + i));
            if (whole < m) GEMM_STORE(to + whole, GEMM_LOAD_PART(in + whole, m - whole));
        }
        return;
    }
    for (int64_t p = 0; p < k; p++, in += a->column, to += GEMM_SLIVER) {
        for (int64_t i = 0; i < m; i++) to[i] = in[i * a->row];
        if (m % 2) to[m] = 0;
    }
}

GEMM_FN void GEMM_NAME(pack_b)(const gr_gemm_matrix *b, int64_t n, int64_t k, void *out)
{
    const GEMM_T *in = b->data;
    GEMM_T *to = out;
    const int64_t width = n <= GEMM_LANES ? GEMM_LANES : 2 * GEMM_LANES;
    if (b->column != 1) {
        if (b->row == 1) {
            GEMM_NAME(turn)(in, b->column, n, k, to, width);
            return;
        }
        for (int64_t p = 0; p < k; p++, in += b->row, to += width) {
            for (int64_t j = 0; j < width; j++) to[j] = j < n ? in[j * b->column] : 0;
        }
        return;
    }
    const int64_t last = width - GEMM_LANES;
    for (int64_t p = 0; p < k; p++, in += b->row, to += width) {
        if (last) GEMM_STORE(to, GEMM_LOAD(in));
        if (n == width) {
            GEMM_STORE(to + last, GEMM_LOAD(in + last));
        } else {
            GEMM_STORE(to + last, GEMM_LOAD_PART(in + last, n - last));
        }
    }
}

GEMM_INNER void GEMM_NAME(copy)(GEMM_T *to, const GEMM_T *from, int64_t n)
{
    for (; n >= GEMM_LANES; n -= GEMM_LANES, to += GEMM_LANES, from += GEMM_LANES) {
        GEMM_STORE(to, GEMM_LOAD(from));
    }
    if (n > 0) GEMM_STORE_PART(to, GEMM_LOAD_PART(from, n), n);
}

GEMM_INNER void GEMM_NAME(add)(GEMM_T *to, const GEMM_T *from, int64_t n)
{
    for (; n >= GEMM_LANES; n -= GEMM_LANES, to += GEMM_LANES, from += GEMM_LANES) {
        GEMM_STORE(to, GEMM_LOAD(to) + GEMM_LOAD(from));
    }
    /* small steps rather than a masked vector: the next addition often reads what this one wrote */
    for (; n >= 4; n -= 4, to += 4, from += 4) GEMM_ADD_4(to, from);
    for (; n > 0; n--) *to++ += *from++;
}

GEMM_FN void GEMM_NAME(gather)(const gr_gemm_patches *patches, const void *x, int64_t k,
                               int64_t fill, void *out, int64_t width)
{
    const int64_t step = patches->step;
    for (int64_t row = 0; row < k; row++) {
        const GEMM_T *source = (const GEMM_T *)x + patches->offset[row];
        GEMM_T *to = (GEMM_T *)out + row * width, *const end = to + fill;
        for (int64_t i = 0; i < patches->n_pieces; i++) {
            const GEMM_T *from = source + patches->pieces[i].from;
            const int64_t n = patches->pieces[i].length;
            if (step == 1) {
                GEMM_NAME(copy)(to, from, n);
            } else {
                for (int64_t j = 0; j < n; j++) to[j] = from[j * step];
            }
            to += n;
        }
        while (to < end) *to++ = 0;
    }
}

GEMM_FN void GEMM_NAME(scatter)(const gr_gemm_patches *patches, const void *in, int64_t width,
                                int64_t k, void *x)
{
    const int64_t step = patches->step;
    for (int64_t row = 0; row < k; row++) {
        GEMM_T *target = (GEMM_T *)x + patches->offset[row];
        const GEMM_T *from = (const GEMM_T *)in + row * width;
        for (int64_t i = 0; i < patches->n_pieces; i++) {
            GEMM_T *to = target + patches->pieces[i].from;
            const int64_t n = patches->pieces[i].length;
            if (step == 1) {
                GEMM_NAME(add)(to, from, n);
            } else {
                for (int64_t j = 0; j < n; j++) to[j * step] += from[j];
            }
            from += n;
        }
    }
}

/* A run at all places of a piece. Runs are copied by eight elements; what is too much, the next
 * run overwrites. */
GEMM_INNER void GEMM_NAME(unfold_run)(const GEMM_T *from, int64_t step, int64_t places,
                                      int64_t length, GEMM_T *to, int64_t width)
{
    enum { SOME = 8 };
    for (; places > 0; places--, from += step, to += width) {
        for (int64_t k = 0; k < length; k += SOME) memcpy(to + k, from + k, SOME * sizeof *to);
    }
}

GEMM_FN void GEMM_NAME(unfold)(const gr_gemm_runs *runs, const gr_gemm_piece *pieces,
                               int64_t n_pieces, int64_t step, const void *x, int64_t size,
                               void *out, int64_t width)
{
    enum { SOME = 8 };
    const int64_t length = runs->length, round = (length + SOME - 1) / SOME * SOME;
    GEMM_T *to = out;
    for (int64_t i = 0; i < n_pieces; to += pieces[i++].length * width) {
        const int64_t places = pieces[i].length;
        for (int64_t r = 0; r < runs->count; r++) {
            const int64_t begin = runs->offset[r * length] + pieces[i].from;
            const GEMM_T *from = (const GEMM_T *)x + begin;
            if (begin + (places - 1) * step + round > size) { /* near the end to the element */
                for (int64_t j = 0; j < places * length; j++)
                    to[r * length + j / length * width + j % length] =
                        from[j / length * step + j % length];
            } else if (round == SOME) {
                GEMM_NAME(unfold_run)(from, step, places, SOME, to + r * length, width);
            } else {
                GEMM_NAME(unfold_run)(from, step, places, length, to + r * length, width);
            }
        }
    }
}

/* ---- Filters of one channel ------------------------------------------------------------------ */

GEMM_INNER void GEMM_NAME(filter_core)(const int vectors, int64_t last, int64_t k,
                                       const int64_t *offset, const GEMM_T *x, const GEMM_T *w,
                                       GEMM_T *y)
{
    GEMM_V sum[4];
    GEMM_UNROLL
    for (int v = 0; v < vectors; v++) sum[v] = GEMM_SPREAD(0);
    for (int64_t t = 0; t < k; t++) {
        const GEMM_T *from = x + offset[t];
        const GEMM_V weight = GEMM_SPREAD(w[t]);
        GEMM_UNROLL
        for (int v = 0; v < vectors; v++) {
            const GEMM_T *at = from + v * GEMM_LANES;
            sum[v] = GEMM_FMA(weight, last == GEMM_LANES ? GEMM_LOAD(at) : GEMM_LOAD_PART(at, last),
                              sum[v]);
        }
    }
    GEMM_UNROLL
    for (int v = 0; v < vectors; v++) GEMM_STORE_PART(y + v * GEMM_LANES, sum[v], last);
}

GEMM_FN void GEMM_NAME(filter)(int64_t n, int64_t k, const int64_t *offset, const void *x_,
                               const void *w, void *y_)
{
    const GEMM_T *x = x_;
    GEMM_T *y = y_;
    int64_t j = 0;
    for (; j + 4 * GEMM_LANES <= n; j += 4 * GEMM_LANES) {
        GEMM_NAME(filter_core)(4, GEMM_LANES, k, offset, x + j, w, y + j);
    }
    for (; j < n; j += GEMM_LANES) {
        const int64_t last = n - j < GEMM_LANES ? n - j : GEMM_LANES;
        GEMM_NAME(filter_core)(1, last, k, offset, x + j, w, y + j);
    }
}

GEMM_FN void GEMM_NAME(filter_back)(int64_t n, int64_t k, const int64_t *offset, void *x,
                                    const void *w, const void *y_)
{
    const GEMM_T *y = y_;
    for (int64_t t = 0; t < k; t++) {
        GEMM_T *to = (GEMM_T *)x + offset[t];
        const GEMM_V weight = GEMM_SPREAD(((const GEMM_T *)w)[t]);
        int64_t j = 0;
        for (; j + GEMM_LANES <= n; j += GEMM_LANES) {
            GEMM_STORE(to + j, GEMM_FMA(weight, GEMM_LOAD(y + j), GEMM_LOAD(to + j)));
        }
        if (j == n) continue;
        const GEMM_V some = GEMM_LOAD_PART(y + j, n - j);
        GEMM_STORE_PART(to + j, GEMM_FMA(weight, some, GEMM_LOAD_PART(to + j, n - j)), n - j);
    }
}

GEMM_FN void GEMM_NAME(filter_sums)(int64_t n, int64_t k, const int64_t *offset, const void *x,
                                    const void *y_, void *sums_)
{
    const GEMM_T *y = y_;
    GEMM_T *sums = sums_;
    for (int64_t t = 0; t < k; t++, sums += GEMM_LANES) {
        const GEMM_T *from = (const GEMM_T *)x + offset[t];
        GEMM_V sum = GEMM_LOAD(sums);
        int64_t j = 0;
        for (; j + GEMM_LANES <= n; j += GEMM_LANES) {
            sum = GEMM_FMA(GEMM_LOAD(from + j), GEMM_LOAD(y + j), sum);
        }
        if (j < n) {
            sum = GEMM_FMA(GEMM_LOAD_PART(from + j, n - j), GEMM_LOAD_PART(y + j, n - j), sum);
        }
        GEMM_STORE(sums, sum);
    }
}

#include "backend/cpu/gemm_vectors.h"

static const gr_gemm_kit GEMM_NAME(kit) = {.name = GEMM_TITLE,
                                           .element = sizeof(GEMM_T),
                                           .mr = GEMM_ROWS,
                                           .nr = 2 * GEMM_LANES,
                                           .sliver = GEMM_SLIVER,
                                           .block_k = GEMM_BLOCK_K,
                                           .pack_a = GEMM_NAME(pack_a),
                                           .pack_b = GEMM_NAME(pack_b),
                                           .turn = GEMM_NAME(turn),
                                           .gather = GEMM_NAME(gather),
                                           .scatter = GEMM_NAME(scatter),
                                           .unfold = GEMM_NAME(unfold),
                                           .filter = GEMM_NAME(filter),
                                           .filter_back = GEMM_NAME(filter_back),
                                           .filter_sums = GEMM_NAME(filter_sums),
                                           .tile = GEMM_NAME(tile),
                                           .tile_chain = GEMM_NAME(tile_chain),
                                           .tile_rows = GEMM_NAME(tile_rows),
                                           .dots = GEMM_NAME(dots),
                                           .sums = GEMM_NAME(sums),
                                           .outer = GEMM_NAME(outer),
                                           .pairs = GEMM_NAME(pairs)};

#undef GEMM_FN
#undef GEMM_TARGET
#undef GEMM_INNER
#undef GEMM_NAME
#undef GEMM_T
#undef GEMM_V
#undef GEMM_LANES
#undef GEMM_ROWS
#undef GEMM_SLIVER
#undef GEMM_BLOCK_K
#undef GEMM_TITLE
#undef GEMM_LOAD
#undef GEMM_LOAD_PART
#undef GEMM_STORE
#undef GEMM_STORE_PART
#undef GEMM_SPREAD
#undef GEMM_FMA
#undef GEMM_SQUARE
#undef GEMM_ADD_4
#undef GEMM_PAIR_ROWS
#undef GEMM_TOTALS
#undef GEMM_TRANSPOSE
#undef GEMM_TURN
