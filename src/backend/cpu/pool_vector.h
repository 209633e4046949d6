/* Pooling by vectors of windows that lie side by side, expanded by pool.c for each element type,
 * CPU level and vector length:
 *   POOL_NAME(x)      the name x with type, level and length
 *   POOL_T, POOL_INT  element; integer of the same size
 *   POOL_LANES        elements of a vector: 4 or 8
 *   POOL_TARGET       the function attribute of the level
 * Values combine in the order of the reference, so the bits are the same. No include guard: it is
 * meant to be included several times. */

#define POOL_INNER static inline __attribute__((always_inline)) POOL_TARGET

typedef POOL_T POOL_NAME(v) __attribute__((vector_size(POOL_LANES * sizeof(POOL_T))));
typedef POOL_INT POOL_NAME(i) __attribute__((vector_size(POOL_LANES * sizeof(POOL_T))));
typedef uint8_t POOL_NAME(bytes) __attribute__((vector_size(16)));
typedef uint8_t POOL_NAME(u8) __attribute__((vector_size(POOL_LANES)));
typedef int32_t POOL_NAME(i32) __attribute__((vector_size(POOL_LANES * 4)));

/* POOL_EVEN and POOL_ODD pick every second element of a followed by b, within 16-byte parts: in an
 * order that POOL_SORT puts right. LOW and HIGH interleave two vectors. */
#define POOL_PICK(a, b, ...) POOL_SHUFFLE(a, b, POOL_NAME(i), __VA_ARGS__)
#if POOL_LANES == 8
#define POOL_EVEN(a, b) POOL_PICK(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define POOL_ODD(a, b) POOL_PICK(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#define POOL_SORT(v) POOL_PICK(v, v, 0, 1, 4, 5, 2, 3, 6, 7)
#define POOL_LOW(a, b) POOL_PICK(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define POOL_HIGH(a, b) POOL_PICK(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define POOL_EVEN(a, b) POOL_PICK(a, b, 0, 2, 4, 6)
#define POOL_ODD(a, b) POOL_PICK(a, b, 1, 3, 5, 7)
#define POOL_SORT(v) (v)
#define POOL_LOW(a, b) POOL_PICK(a, b, 0, 4, 1, 5)
#define POOL_HIGH(a, b) POOL_PICK(a, b, 2, 6, 3, 7)
#endif

POOL_INNER POOL_NAME(v) POOL_NAME(load)(const POOL_T *x)
{
    POOL_NAME(v) v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* Element k of each of the windows that begin at x, `step` apart: 1, or 2, where they are to be
 * sorted. Reads nothing past the last window's element k, or k + 1 if k is 0. */
POOL_INNER POOL_NAME(v) POOL_NAME(element)(const POOL_T *x, int64_t k, int step)
{
    if (step == 1) return POOL_NAME(load)(x + k);
    const POOL_T *from = k == 0 ? x : x + k - 1;
    const POOL_NAME(v) a = POOL_NAME(load)(from), b = POOL_NAME(load)(from + POOL_LANES);
    return k == 0 ? POOL_EVEN(a, b) : POOL_ODD(a, b);
}

/* The low byte of each element. */
POOL_INNER void POOL_NAME(store_bytes)(POOL_NAME(i) v, uint8_t *to)
{
    enum { S = sizeof(POOL_T) };
    POOL_NAME(bytes) a, b;
    memcpy(&a, &v, 16);
    memcpy(&b, (const char *)&v + sizeof v - 16, 16);
    const POOL_NAME(bytes) low =
        POOL_SHUFFLE(a, b, POOL_NAME(bytes), 0, S, 2 * S & 31, 3 * S & 31, 4 * S & 31, 5 * S & 31,
                     6 * S & 31, 7 * S & 31, 0, 0, 0, 0, 0, 0, 0, 0);
    memcpy(to, &low, POOL_LANES);
}

/* ---- Forward --------------------------------------------------------------------------------- */

typedef enum POOL_NAME(mode) { POOL_NAME(MAX), POOL_NAME(TAPS), POOL_NAME(AVG) } POOL_NAME(mode);

/* The plane as windows read it: element c of a row is the one `pad` before element c of x. If a
 * window reaches over an end of a row, that is a copy with `fill` at both ends. */
POOL_INNER const POOL_T *POOL_NAME(source)(const pool_plan *p, const pool_plane *at, POOL_T fill)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *x = at->a;
    const int64_t before = g->pad[2], size = g->in[2], lines = g->in[0] * g->in[1];
    if (!p->copies) return x - before;
    POOL_T *to = at->work;
    for (int64_t l = 0; l < lines; l++, to += p->width, x += size) {
        for (int64_t c = 0; c < before; c++) to[c] = fill;
        for (int64_t c = 0; c < size; c++) to[before + c] = x[c];
        for (int64_t c = before + size; c < p->width; c++) to[c] = fill;
    }
    return at->work;
}

/* Maxima of windows of one row, the first of which begins at x in each of its lines: to y, their
 * taps to `taps`. Elements beyond x are -infinity, which wins only if all are: see max_border. */
POOL_INNER void POOL_NAME(max_chunk)(const pool_plan *p, const pool_row *r, const POOL_T *x,
                                     int64_t columns, int step, POOL_T *y, POOL_NAME(i) * taps)
{
    const POOL_INT first = (POOL_INT)(((r->z0 - r->zf) * p->g.kernel[1] + r->y0 - r->yf) * columns);
    POOL_NAME(v) best = (POOL_T)-INFINITY - (POOL_NAME(v)){0};
    POOL_NAME(i) found = first - (POOL_NAME(i)){0};
    POOL_LINES(&p->g, p->width, r, line, tap)
    {
        for (int64_t k = 0; k < columns; k++) {
            const POOL_NAME(v) v = POOL_NAME(element)(x + line, k, step);
            const POOL_NAME(i) takes = (best == best) & ~(v <= best); /* the first NaN stays */
            best = (POOL_NAME(v))((takes & (POOL_NAME(i))v) | (~takes & (POOL_NAME(i))best));
            if (taps) found = (takes & (POOL_INT)(tap + k)) | (~takes & found);
        }
    }
    if (step == 2) best = POOL_SORT(best);
    memcpy(y, &best, sizeof best);
    if (taps) *taps = step == 2 ? POOL_SORT(found) : found;
}

/* Where all elements of a window are -infinity the first of them is found, which is not the first
 * of the window where that begins in padding. */
POOL_INNER void POOL_NAME(max_border)(const pool_plan *p, const pool_row *r, int64_t i,
                                      const POOL_T *y, POOL_NAME(i) * taps)
{
    const int64_t line = (r->z0 - r->zf) * p->g.kernel[1] + r->y0 - r->yf;
    for (int lane = 0; lane < POOL_LANES; lane++) {
        const pool_stretch s = p->stretch[i + lane];
        const bool any = r->z0 < r->z1 && r->y0 < r->y1 && s.begin < s.end;
        if (y[lane] == (POOL_T)-INFINITY)
            (*taps)[lane] = any ? (POOL_INT)(line * p->g.kernel[2] + s.begin - s.first) : -1;
    }
}

POOL_INNER void POOL_NAME(store_taps)(const pool_plan *p, POOL_NAME(i) found, void *taps, int64_t i)
{
    if (p->wide_taps) {
        const POOL_NAME(i32) wide = __builtin_convertvector(found, POOL_NAME(i32));
        memcpy((int32_t *)taps + i, &wide, sizeof wide);
    } else {
        POOL_NAME(store_bytes)(found, (uint8_t *)taps + i);
    }
}

/* Averages of windows i and following of one row. */
POOL_INNER void POOL_NAME(avg_chunk)(const pool_plan *p, const pool_row *r, const POOL_T *x,
                                     int64_t columns, int step, int64_t i, POOL_T *y)
{
    POOL_NAME(v) sum = {0};
    POOL_LINES(&p->g, p->width, r, line, tap)
    {
        for (int64_t k = 0; k < columns; k++) sum += POOL_NAME(element)(x + line, k, step);
    }
    if (step == 2) sum = POOL_SORT(sum);
    sum /= (POOL_T)r->count * POOL_NAME(load)((const POOL_T *)p->columns + i);
    memcpy(y, &sum, sizeof sum);
}

/* A plane. Where the windows of a row are no whole number of vectors, the last vector begins
 * earlier: some windows are computed twice. */
POOL_INNER void POOL_NAME(windows)(const pool_plan *p, const pool_plane *at, POOL_NAME(mode) mode,
                                   int64_t columns, int step)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *x = POOL_NAME(source)(p, at, mode == POOL_NAME(AVG) ? 0 : (POOL_T)-INFINITY);
    POOL_T *y = at->out;
    POOL_ROWS(p, r)
    {
        for (int64_t next = 0; next < g->out[2]; next += POOL_LANES) {
            const int64_t i = next + POOL_LANES <= g->out[2] ? next : g->out[2] - POOL_LANES;
            const POOL_T *from = x + i * step;
            POOL_NAME(i) taps;
            if (mode == POOL_NAME(AVG)) {
                POOL_NAME(avg_chunk)(p, r, from, columns, step, i, y + r->place + i);
            } else {
                const bool noting = mode == POOL_NAME(TAPS);
                POOL_NAME(max_chunk)
                (p, r, from, columns, step, y + r->place + i, noting ? &taps : NULL);
                if (!noting) continue;
                if (g->pad[2] > 0) POOL_NAME(max_border)(p, r, i, y + r->place + i, &taps);
                POOL_NAME(store_taps)(p, taps, at->taps, r->place + i);
            }
        }
    }
}

#define POOL_FORWARD(name, mode)                                                                   \
    static POOL_TARGET void POOL_NAME(name)(const pool_plan *p, const pool_plane *at)              \
    {                                                                                              \
        const int64_t columns = p->g.kernel[2];                                                    \
        if (p->g.stride[2] == 1) {                                                                 \
            POOL_NAME(windows)(p, at, POOL_NAME(mode), columns, 1);                                \
        } else if (columns == 2) {                                                                 \
            POOL_NAME(windows)(p, at, POOL_NAME(mode), 2, 2);                                      \
        } else {                                                                                   \
            POOL_NAME(windows)(p, at, POOL_NAME(mode), 3, 2);                                      \
        }                                                                                          \
    }
POOL_FORWARD(max, MAX)
POOL_FORWARD(max_taps, TAPS)
POOL_FORWARD(avg, AVG)
#undef POOL_FORWARD

/* ---- Windows of 2×2, 2 apart, without padding: most nets' -------------------------------------
 */

POOL_INNER POOL_NAME(v) POOL_NAME(blend)(POOL_NAME(i) mask, POOL_NAME(v) a, POOL_NAME(v) b)
{
    return (POOL_NAME(v))((mask & (POOL_NAME(i))a) | (~mask & (POOL_NAME(i))b));
}

/* Maxima of windows side by side, x and x + width being the first one's lines: to y, their taps to
 * `taps` unless it is NULL. As max_chunk, but that the first element needs no comparison. */
POOL_INNER void POOL_NAME(quad_chunk)(const POOL_T *x, int64_t width, POOL_T *y, uint8_t *taps)
{
    const POOL_NAME(v) a = POOL_NAME(load)(x), b = POOL_NAME(load)(x + POOL_LANES);
    const POOL_NAME(v) c = POOL_NAME(load)(x + width), d = POOL_NAME(load)(x + width + POOL_LANES);
    const POOL_NAME(v) element[3] = {POOL_ODD(a, b), POOL_EVEN(c, d), POOL_ODD(c, d)};
    POOL_NAME(v) best = POOL_EVEN(a, b);
    POOL_NAME(i) found = {0};
    for (int tap = 1; tap < 4; tap++) {
        const POOL_NAME(v) v = element[tap - 1];
        const POOL_NAME(i) takes = (best == best) & ~(v <= best); /* the first NaN stays */
        best = POOL_NAME(blend)(takes, v, best);
        if (taps) found = (takes & (POOL_INT)tap) | (~takes & found);
    }
    best = POOL_SORT(best);
    memcpy(y, &best, sizeof best);
    if (taps) POOL_NAME(store_bytes)(POOL_SORT(found), taps);
}

/* A plane. The last vector of a row of windows may begin within the one before it. */
POOL_INNER void POOL_NAME(quads)(const pool_plan *p, const pool_plane *at, bool noting)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t n = g->out[2], width = g->in[2];
    const POOL_T *x = at->a;
    POOL_T *y = at->out;
    uint8_t *taps = at->taps;
    for (int64_t row = 0; row < g->out[1]; row++, x += 2 * width, y += n) {
        for (int64_t next = 0; next < n; next += POOL_LANES) {
            const int64_t i = next + POOL_LANES <= n ? next : n - POOL_LANES;
            POOL_NAME(quad_chunk)(x + 2 * i, width, y + i, noting ? taps + row * n + i : NULL);
        }
    }
}

/* Gradients of the windows' elements: what a window got goes to the element of its tap. */
POOL_INNER void POOL_NAME(quad_grad_chunk)(const uint8_t *taps, const POOL_T *dy, int64_t width,
                                           POOL_T *dx)
{
    typedef uint8_t few __attribute__((vector_size(POOL_LANES)));
    few bytes;
    memcpy(&bytes, taps, sizeof bytes);
    const POOL_NAME(i) tap = __builtin_convertvector(bytes, POOL_NAME(i));
    const POOL_NAME(i) given = (POOL_NAME(i))POOL_NAME(load)(dy);
    for (int line = 0; line < 2; line++, dx += width) {
        const POOL_INT left = (POOL_INT)(2 * line), right = (POOL_INT)(2 * line + 1);
        /* added to 0, as in the reference: -0 becomes 0 */
        const POOL_NAME(v) even = (POOL_NAME(v)){0} + (POOL_NAME(v))(given & (tap == left));
        const POOL_NAME(v) odd = (POOL_NAME(v)){0} + (POOL_NAME(v))(given & (tap == right));
        const POOL_NAME(v) low = POOL_LOW(even, odd), high = POOL_HIGH(even, odd);
        memcpy(dx, &low, sizeof low);
        memcpy(dx + POOL_LANES, &high, sizeof high);
    }
}

/* A plane that the windows fill. */
static POOL_TARGET void POOL_NAME(quad_grad)(const pool_plan *p, const pool_plane *at)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t n = g->out[2], width = g->in[2];
    const uint8_t *taps = at->a;
    const POOL_T *dy = at->b;
    POOL_T *dx = at->out;
    for (int64_t row = 0; row < g->out[1]; row++, taps += n, dy += n, dx += 2 * width) {
        for (int64_t next = 0; next < n; next += POOL_LANES) {
            const int64_t i = next + POOL_LANES <= n ? next : n - POOL_LANES;
            POOL_NAME(quad_grad_chunk)(taps + i, dy + i, width, dx + 2 * i);
        }
    }
}

static POOL_TARGET void POOL_NAME(quad_max)(const pool_plan *p, const pool_plane *at)
{
    POOL_NAME(quads)(p, at, false);
}

static POOL_TARGET void POOL_NAME(quad_taps)(const pool_plan *p, const pool_plane *at)
{
    POOL_NAME(quads)(p, at, true);
}

/* ---- Gradients, for windows of 2 or 3 columns 2 apart -----------------------------------------
 */

/* The scratch of gradients: rows of dy (for averages: of shares), `pitch` apart, with a zero before
 * and zeros behind, and the taps beside them. An element of dx then gathers what it gets, from the
 * windows that cover it, in their order. */
typedef struct POOL_NAME(rows) {
    const POOL_T *dy;
    const POOL_INT *taps;
} POOL_NAME(rows);

/* The taps of a row of windows. */
POOL_INNER void POOL_NAME(widen_taps)(const pool_plan *p, const void *taps, int64_t row,
                                      POOL_INT *out)
{
    const int64_t n = p->g.out[2];
    if (p->wide_taps) {
        const int32_t *from = (const int32_t *)taps + row;
        for (int64_t i = 0; i < n; i++) out[i] = from[i];
    } else {
        const uint8_t *from = (const uint8_t *)taps + row;
        for (int64_t i = 0; i < n; i++) out[i] = from[i];
    }
}

POOL_INNER POOL_NAME(rows)
    POOL_NAME(pad_rows)(const pool_plan *p, const pool_plane *at, bool by_tap)
{
    const gr_pool_geometry *g = &p->g;
    POOL_T *dy = (POOL_T *)at->work + 1;
    POOL_INT *taps = (POOL_INT *)at->work + g->out[0] * g->out[1] * p->pitch + 1;
    const POOL_NAME(rows) rows = {dy, taps};
    POOL_ROWS(p, r)
    {
        if (by_tap) {
            for (int64_t i = 0; i < g->out[2]; i++) dy[i] = ((const POOL_T *)at->b)[r->place + i];
            POOL_NAME(widen_taps)(p, at->a, r->place, taps);
        } else {
            const POOL_T *from = (const POOL_T *)at->a + r->place, *columns = p->columns;
            for (int64_t i = 0; i < g->out[2]; i++)
                dy[i] = from[i] / ((POOL_T)r->count * columns[i]);
        }
        dy += p->pitch;
        taps += p->pitch;
    }
    return rows;
}

/* What windows place, place + 1, … give to those of their elements that have this tap. */
POOL_INNER POOL_NAME(v)
    POOL_NAME(given)(const POOL_NAME(rows) * rows, bool by_tap, int64_t place, int64_t tap)
{
    const POOL_NAME(v) dy = POOL_NAME(load)(rows->dy + place);
    POOL_NAME(i) taps;
    if (!by_tap) return dy;
    memcpy(&taps, rows->taps + place, sizeof taps);
    return (POOL_NAME(v))((POOL_NAME(i))dy & (taps == (POOL_INT)tap));
}

/* A row of dx, padding and some more elements behind it included. */
POOL_INNER void POOL_NAME(gather_row)(const pool_plan *p, const POOL_NAME(rows) * rows, bool by_tap,
                                      int columns, const pool_cover cover[2], POOL_T *dx)
{
    const gr_pool_geometry *g = &p->g;
    for (int64_t q = 0; q + 1 < p->pitch; q += POOL_LANES, dx += 2 * POOL_LANES) {
        POOL_NAME(v) even = {0}, odd = {0};
        for (int64_t z = cover[0].first; z <= cover[0].last; z++) {
            for (int64_t y = cover[1].first; y <= cover[1].last; y++) {
                const int64_t place = (z * g->out[1] + y) * p->pitch + q;
                const int64_t tap = ((cover[0].place - z * g->stride[0]) * g->kernel[1] +
                                     cover[1].place - y * g->stride[1]) *
                                    g->kernel[2];
                if (columns == 3) even += POOL_NAME(given)(rows, by_tap, place - 1, tap + 2);
                even += POOL_NAME(given)(rows, by_tap, place, tap);
                odd += POOL_NAME(given)(rows, by_tap, place, tap + 1);
            }
        }
        const POOL_NAME(v) low = POOL_LOW(even, odd), high = POOL_HIGH(even, odd);
        memcpy(dx, &low, sizeof low);
        memcpy(dx + POOL_LANES, &high, sizeof high);
    }
}

/* A plane. A row may reach over its end where the rows that follow are still to be written. */
POOL_INNER void POOL_NAME(gather)(const pool_plan *p, const pool_plane *at, bool by_tap,
                                  int columns)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_NAME(rows) rows = POOL_NAME(pad_rows)(p, at, by_tap);
    POOL_T *const line = (POOL_T *)at->work + 2 * g->out[0] * g->out[1] * p->pitch;
    POOL_T *const dx = at->out;
    int64_t row = 0;
    for (int64_t z = 0; z < g->in[0]; z++) {
        for (int64_t y = 0; y < g->in[1]; y++, row += g->in[2]) {
            const pool_cover cover[2] = {p->cover[0][z], p->cover[1][y]};
            const bool direct = g->pad[2] == 0 && row + 2 * (p->pitch - 1) <= p->in_size;
            POOL_NAME(gather_row)(p, &rows, by_tap, columns, cover, direct ? dx + row : line);
            if (!direct) memcpy(dx + row, line + g->pad[2], (size_t)g->in[2] * sizeof *dx);
        }
    }
}

/* The taps of windows place, place + 1, … */
POOL_INNER POOL_NAME(i) POOL_NAME(load_taps)(const pool_plan *p, const void *taps, int64_t place)
{
    if (p->wide_taps) {
        POOL_NAME(i32) wide;
        memcpy(&wide, (const int32_t *)taps + place, sizeof wide);
        return __builtin_convertvector(wide, POOL_NAME(i));
    }
    POOL_NAME(u8) narrow;
    memcpy(&narrow, (const uint8_t *)taps + place, sizeof narrow);
    return __builtin_convertvector(narrow, POOL_NAME(i));
}

/* A plane where windows do not overlap: each writes its own elements. */
POOL_INNER void POOL_NAME(spread)(const pool_plan *p, const pool_plane *at, bool by_tap)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *dy = by_tap ? at->b : at->a;
    POOL_T *dx = at->out;
    if (!p->covered) memset(dx, 0, (size_t)p->in_size * sizeof *dx);
    POOL_ROWS(p, r)
    {
        for (int64_t next = 0; next < g->out[2]; next += POOL_LANES) {
            const int64_t i = next + POOL_LANES <= g->out[2] ? next : g->out[2] - POOL_LANES;
            POOL_NAME(v) v = POOL_NAME(load)(dy + r->place + i);
            POOL_NAME(i) taps = {0};
            if (by_tap) {
                taps = POOL_NAME(load_taps)(p, at->a, r->place + i);
            } else {
                v /= (POOL_T)r->count * POOL_NAME(load)((const POOL_T *)p->columns + i);
            }
            const POOL_NAME(i) bits = (POOL_NAME(i))(v + 0); /* as a sum: it has no -0 */
            POOL_LINES(g, g->in[2], r, line, tap)
            {
                const POOL_NAME(i) even = by_tap ? bits & (taps == (POOL_INT)tap) : bits;
                const POOL_NAME(i) odd = by_tap ? bits & (taps == (POOL_INT)(tap + 1)) : bits;
                const POOL_NAME(i) low = POOL_LOW(even, odd), high = POOL_HIGH(even, odd);
                memcpy(dx + line + 2 * i, &low, sizeof low);
                memcpy(dx + line + 2 * i + POOL_LANES, &high, sizeof high);
            }
        }
    }
}

#define POOL_BACKWARD(name, by_tap)                                                                \
    static POOL_TARGET void POOL_NAME(name)(const pool_plan *p, const pool_plane *at)              \
    {                                                                                              \
        if (p->apart) {                                                                            \
            POOL_NAME(spread)(p, at, by_tap);                                                      \
        } else if (p->g.kernel[2] == 2) {                                                          \
            POOL_NAME(gather)(p, at, by_tap, 2);                                                   \
        } else {                                                                                   \
            POOL_NAME(gather)(p, at, by_tap, 3);                                                   \
        }                                                                                          \
    }
POOL_BACKWARD(max_grad, true)
POOL_BACKWARD(avg_grad, false)
#undef POOL_BACKWARD

static const pool_kit POOL_NAME(kit) = {
    POOL_LANES,
    POOL_NAME(max),
    POOL_NAME(max_taps),
    POOL_NAME(avg),
    POOL_NAME(max_grad),
    POOL_NAME(avg_grad),
    NULL,
    {POOL_NAME(quad_max), POOL_NAME(quad_taps), POOL_NAME(quad_grad)}};

#undef POOL_INNER
#undef POOL_PICK
#undef POOL_SORT
#undef POOL_EVEN
#undef POOL_ODD
#undef POOL_LOW
#undef POOL_HIGH
#undef POOL_NAME
#undef POOL_T
#undef POOL_INT
#undef POOL_LANES
#undef POOL_TARGET
