/* Pooling of one plane, expanded by pool.c for each element type and CPU level. It defines
 *   POOL_NAME(x)      the name x with type and level
 *   POOL_T, POOL_INT  element; integer of the same size
 *   POOL_TARGET       the function attribute of the level
 * The loops over a row's windows are plain C that the compiler turns into vectors: windows whose
 * whole extent lies inside x have no conditions on places. Additions come in the order of the
 * reference, so the bits are the same. No include guard: it is meant to be included several times.
 */

#define POOL_FN static POOL_TARGET
#define POOL_INNER static inline __attribute__((always_inline)) POOL_TARGET

/* Calls core(x, from, taps, step, n, …) for a row's taps: all at once for the common windows, else
 * one after the other, from the first or from the last. */
#define POOL_TAPS(core, backwards, x, g, n, ...)                                                   \
    do {                                                                                           \
        const int64_t taps_ = (g)->kernel[2], step_ = (g)->stride[2];                              \
        if (taps_ == 2 && step_ == 2) {                                                            \
            POOL_NAME(core)(x, 0, 2, 2, n, __VA_ARGS__);                                           \
        } else if (taps_ == 3 && step_ == 2) {                                                     \
            POOL_NAME(core)(x, 0, 3, 2, n, __VA_ARGS__);                                           \
        } else {                                                                                   \
            for (int64_t i_ = 0; i_ < taps_; i_++) {                                               \
                const int64_t tap_ = (backwards) ? taps_ - 1 - i_ : i_;                            \
                if (step_ == 1) {                                                                  \
                    POOL_NAME(core)(x, tap_, 1, 1, n, __VA_ARGS__);                                \
                } else {                                                                           \
                    POOL_NAME(core)(x, tap_, 1, step_, n, __VA_ARGS__);                            \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/* ---- A row of windows, one row of x: inlined with constant taps ------------------------------ */

POOL_INNER void POOL_NAME(max_taps)(const POOL_T *restrict x, int64_t from, const int taps,
                                    const int64_t step, int64_t n, POOL_T *restrict out)
{
    x += from;
    for (int64_t i = 0; i < n; i++) {
        POOL_T best = out[i];
        POOL_UNROLL
        for (int k = 0; k < taps; k++) {
            const POOL_T v = x[i * step + k];
            best = ((v > best) | (v != v)) ? v : best;
        }
        out[i] = best;
    }
}

/* Where `best` is met: place[i] + i·step in the plane; `row` is the place of x. Taps and rows are
 * visited from the last to the first, so that the first of equals stays; a NaN is met by a NaN. */
POOL_INNER void POOL_NAME(place_taps)(const POOL_T *restrict x, int64_t from, const int taps,
                                      const int64_t step, int64_t n, const POOL_T *restrict best,
                                      POOL_INT *restrict place, POOL_INT row)
{
    x += from;
    row = (POOL_INT)(row + from);
    for (int64_t i = 0; i < n; i++) {
        const POOL_T m = best[i];
        POOL_INT at = place[i];
        POOL_UNROLL
        for (int k = taps - 1; k >= 0; k--) {
            const POOL_T v = x[i * step + k];
            const POOL_INT met = (v == m) | ((v != v) & (m != m));
            at ^= (at ^ (POOL_INT)(row + k)) & -met; /* a choice without a branch */
        }
        place[i] = at;
    }
}

POOL_INNER void POOL_NAME(sum_taps)(const POOL_T *restrict x, int64_t from, const int taps,
                                    const int64_t step, int64_t n, POOL_T *restrict out)
{
    x += from;
    for (int64_t i = 0; i < n; i++) {
        POOL_T sum = out[i];
        POOL_UNROLL
        for (int k = 0; k < taps; k++) sum += x[i * step + k];
        out[i] = sum;
    }
}

/* Adds each share to its window's places in one row. An element that several windows cover gets
 * them in order: the later the tap, the earlier the window. */
POOL_FN void POOL_NAME(spread)(const gr_pool_geometry *g, const POOL_T *restrict share, int64_t n,
                               POOL_T *restrict x)
{
    const int64_t taps = g->kernel[2], step = g->stride[2];
    if (taps == 2 && step == 2) {
        for (int64_t i = 0; i < n; i++) {
            x[2 * i] += share[i];
            x[2 * i + 1] += share[i];
        }
        return;
    }
    for (int64_t k = taps - 1; k >= 0; k--) {
        for (int64_t i = 0; i < n; i++) x[i * step + k] += share[i];
    }
}

/* ---- A row of windows, all rows of x --------------------------------------------------------- */

/* For every row of x that the windows of one output row cover: `line` is where it begins. */
#define POOL_LINES(g, r, line)                                                                     \
    for (int64_t z_ = (r)->z0; z_ < (r)->z1; z_++)                                                 \
        for (int64_t line = (z_ * (g)->in[1] + (r)->y0) * (g)->in[2],                              \
                     last_ = (z_ * (g)->in[1] + (r)->y1) * (g)->in[2];                             \
             line < last_; line += (g)->in[2])

/* Place in the plane of the maximum of a window that reaches over the border. */
POOL_FN int64_t POOL_NAME(argmax_at)(const gr_pool_geometry *g, const pool_row *r, int64_t out,
                                     const POOL_T *x)
{
    int64_t begin, end, best = -1;
    gr_pool_window(g, 2, out, &begin, &end);
    POOL_LINES(g, r, line)
    {
        for (int64_t at = line + begin; at < line + end; at++) {
            const bool nan = x[at] != x[at];
            if (best < 0 || x[at] > x[best] || (nan && x[best] == x[best])) best = at;
        }
    }
    return best;
}

/* The maximum of window i is at place[i] + i·stride. */
POOL_FN void POOL_NAME(argmax_row)(const pool_plan *p, const pool_row *r, const POOL_T *x,
                                   POOL_T *best, POOL_INT *place)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t first = p->inside_begin, n = p->inside_end - first, step = g->stride[2];
    for (int64_t i = pool_border(p, -1); i < g->out[2]; i = pool_border(p, i)) {
        place[i] = (POOL_INT)(POOL_NAME(argmax_at)(g, r, i, x) - i * step);
    }
    const int64_t seed = (r->z0 * g->in[1] + r->y0) * g->in[2] - g->pad[2] + first * step;
    for (int64_t i = 0; i < n; i++) {
        best[i] = x[seed + i * step];
        place[first + i] = 0;
    }
    POOL_LINES(g, r, line)
    {
        POOL_TAPS(max_taps, false, x + line - g->pad[2] + first * step, g, n, best);
    }
    for (int64_t z = r->z1 - 1; z >= r->z0; z--) {
        for (int64_t y = r->y1 - 1; y >= r->y0; y--) {
            const int64_t from = (z * g->in[1] + y) * g->in[2] - g->pad[2];
            POOL_TAPS(place_taps, true, x + from + first * step, g, n, best, place + first,
                      (POOL_INT)from);
        }
    }
}

/* ---- Planes ---------------------------------------------------------------------------------- */

POOL_FN void POOL_NAME(max)(const pool_plan *p, const void *x_, const void *unused, void *y_,
                            void *work)
{
    (void)unused, (void)work;
    const gr_pool_geometry *g = &p->g;
    const int64_t first = p->inside_begin, n = p->inside_end - first;
    const POOL_T *x = x_;
    POOL_T *y = y_;
    for (int64_t row = 0; row < g->out[0] * g->out[1]; row++, y += g->out[2]) {
        const pool_row r = pool_row_of(g, row);
        for (int64_t i = pool_border(p, -1); i < g->out[2]; i = pool_border(p, i)) {
            y[i] = x[POOL_NAME(argmax_at)(g, &r, i, x)];
        }
        const int64_t place = first * g->stride[2] - g->pad[2];
        const POOL_T *seed = x + (r.z0 * g->in[1] + r.y0) * g->in[2] + place;
        for (int64_t i = 0; i < n; i++) y[first + i] = seed[i * g->stride[2]];
        POOL_LINES(g, &r, line)
        {
            POOL_TAPS(max_taps, false, x + line + place, g, n, y + first);
        }
    }
}

POOL_FN void POOL_NAME(pick)(const pool_plan *p, const void *x, const void *v_, void *y_,
                             void *work)
{
    const gr_pool_geometry *g = &p->g;
    POOL_T *y = y_, *best = work;
    POOL_INT *place = (POOL_INT *)(void *)(best + g->out[2]);
    for (int64_t row = 0; row < g->out[0] * g->out[1]; row++, y += g->out[2]) {
        const pool_row r = pool_row_of(g, row);
        POOL_NAME(argmax_row)(p, &r, x, best, place);
        const POOL_T *v = v_;
        for (int64_t i = 0; i < g->out[2]; i++, v += g->stride[2]) y[i] = v[place[i]];
    }
}

POOL_FN void POOL_NAME(max_grad)(const pool_plan *p, const void *x, const void *dy_, void *dx_,
                                 void *work)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *dy = dy_;
    POOL_T *best = work;
    POOL_INT *place = (POOL_INT *)(void *)(best + g->out[2]);
    memset(dx_, 0, (size_t)p->in_size * sizeof(POOL_T));
    for (int64_t row = 0; row < g->out[0] * g->out[1]; row++, dy += g->out[2]) {
        const pool_row r = pool_row_of(g, row);
        POOL_NAME(argmax_row)(p, &r, x, best, place);
        POOL_T *dx = dx_;
        for (int64_t i = 0; i < g->out[2]; i++, dx += g->stride[2]) dx[place[i]] += dy[i];
    }
}

POOL_FN void POOL_NAME(avg)(const pool_plan *p, const void *x_, const void *unused, void *y_,
                            void *work)
{
    (void)unused, (void)work;
    const gr_pool_geometry *g = &p->g;
    const int64_t first = p->inside_begin, n = p->inside_end - first;
    const POOL_T *x = x_;
    POOL_T *y = y_;
    for (int64_t row = 0; row < g->out[0] * g->out[1]; row++, y += g->out[2]) {
        const pool_row r = pool_row_of(g, row);
        for (int64_t i = pool_border(p, -1); i < g->out[2]; i = pool_border(p, i)) {
            int64_t begin, end;
            const POOL_T count = (POOL_T)(r.count * gr_pool_window(g, 2, i, &begin, &end));
            POOL_T sum = 0;
            POOL_LINES(g, &r, line)
            {
                for (int64_t at = begin; at < end; at++) sum += x[line + at];
            }
            y[i] = sum / count;
        }
        for (int64_t i = first; i < first + n; i++) y[i] = 0;
        POOL_LINES(g, &r, line)
        {
            POOL_TAPS(sum_taps, false, x + line - g->pad[2] + first * g->stride[2], g, n,
                      y + first);
        }
        const POOL_T count = (POOL_T)(r.count * g->kernel[2]);
        for (int64_t i = first; i < first + n; i++) y[i] /= count;
    }
}

/* Windows over the border on one side: before the inner ones, or behind them. */
POOL_FN void POOL_NAME(spread_border)(const gr_pool_geometry *g, const pool_row *r,
                                      const POOL_T *dy, int64_t i, int64_t end, POOL_T *dx)
{
    for (; i < end; i++) {
        int64_t from, to;
        const POOL_T count = (POOL_T)(r->count * gr_pool_window(g, 2, i, &from, &to));
        const POOL_T share = dy[i] / count;
        POOL_LINES(g, r, line)
        {
            for (int64_t at = from; at < to; at++) dx[line + at] += share;
        }
    }
}

POOL_FN void POOL_NAME(avg_grad)(const pool_plan *p, const void *dy_, const void *unused, void *dx_,
                                 void *work)
{
    (void)unused;
    const gr_pool_geometry *g = &p->g;
    const int64_t first = p->inside_begin, n = p->inside_end - first;
    const POOL_T *dy = dy_;
    POOL_T *dx = dx_, *share = work;
    memset(dx, 0, (size_t)p->in_size * sizeof(POOL_T));
    for (int64_t row = 0; row < g->out[0] * g->out[1]; row++, dy += g->out[2]) {
        const pool_row r = pool_row_of(g, row);
        const POOL_T count = (POOL_T)(r.count * g->kernel[2]);
        POOL_NAME(spread_border)(g, &r, dy, 0, first, dx);
        for (int64_t i = 0; i < n; i++) share[i] = dy[first + i] / count;
        POOL_LINES(g, &r, line)
        {
            POOL_NAME(spread)(g, share, n, dx + line - g->pad[2] + first * g->stride[2]);
        }
        POOL_NAME(spread_border)(g, &r, dy, first + n, g->out[2], dx);
    }
}

static const pool_kit POOL_NAME(kit) = {POOL_NAME(max), POOL_NAME(max_grad), POOL_NAME(pick),
                                        POOL_NAME(avg), POOL_NAME(avg_grad)};

#undef POOL_FN
#undef POOL_INNER
#undef POOL_TAPS
#undef POOL_LINES
#undef POOL_NAME
#undef POOL_T
#undef POOL_INT
#undef POOL_TARGET
