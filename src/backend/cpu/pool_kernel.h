/* Pooling window by window, expanded by pool.c for each element type:
 *   POOL_NAME(x)  the name x with the type
 *   POOL_T        element
 *   POOL_INT      signed integer of the same size
 * Additions come in the order of the reference, so the bits are the same. No include guard: it is
 * meant to be included several times. */

/* The average over window i of a row. */
static POOL_T POOL_NAME(avg_at)(const gr_pool_geometry *g, const pool_row *r, int64_t i,
                                const POOL_T *x)
{
    int64_t begin, end;
    const POOL_T count = (POOL_T)(r->count * gr_pool_window(g, 2, i, &begin, &end));
    POOL_T sum = 0;
    POOL_LINES(g, g->in[2], r, line, tap)
    {
        for (int64_t at = begin; at < end; at++) sum += x[line + at];
    }
    return sum / count;
}

/* What window i of a row gives each of its elements. */
static inline POOL_T POOL_NAME(share_at)(const gr_pool_geometry *g, const pool_row *r, int64_t i,
                                         POOL_T dy)
{
    int64_t begin, end;
    return dy / (POOL_T)(r->count * gr_pool_window(g, 2, i, &begin, &end));
}

/* gr_pool_tap_place without divisions. */
static inline int64_t POOL_NAME(place)(const pool_plan *p, const pool_row *r, int64_t i,
                                       int64_t tap)
{
    const gr_pool_geometry *g = &p->g;
    if (tap < 0 || tap >= p->taps) return -1;
    const pool_tap *t = &p->tap_at[tap];
    const int64_t first = p->stretch[i].first, z = r->zf + t->z, y = r->yf + t->y, x = first + t->x;
    const bool inside = z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1] && x >= 0 && x < g->in[2];
    return inside ? (r->zf * g->in[1] + r->yf) * g->in[2] + first + t->place : -1;
}

/* The maximum of each column of the lines that a row of windows covers, and the line it is in: the
 * first, and a NaN before all numbers. */
static void POOL_NAME(max_columns)(const pool_plan *p, const pool_row *r, const POOL_T *x,
                                   POOL_T *restrict best, POOL_INT *restrict where)
{
    const int64_t n = p->g.in[2];
    bool first = true;
    POOL_LINES(&p->g, n, r, line, tap)
    {
        const POOL_T *restrict from = x + line;
        const POOL_INT here = (POOL_INT)line;
        (void)tap;
        GR_SIMD for (int64_t k = 0; k < n; k++)
        {
            const POOL_T v = from[k], old = best[k];
            const bool takes = first | (v > old) | ((v != v) & (old == old));
            best[k] = takes ? v : old;
            where[k] = takes ? here : where[k];
        }
        first = false;
    }
}

/* The column of the first maximum of a window: its line counts before its column. */
static int64_t POOL_NAME(max_column)(pool_stretch s, const POOL_T *best, const POOL_INT *where)
{
    int64_t top = s.begin;
    for (int64_t k = s.begin + 1; k < s.end; k++) {
        const POOL_T v = best[k], old = best[top];
        const bool equals = v == old || (v != v && old != old);
        if (equals ? where[k] < where[top] : v > old || v != v) top = k;
    }
    return top;
}

static void POOL_NAME(max)(const pool_plan *p, const pool_plane *at)
{
    const gr_pool_geometry *g = &p->g;
    POOL_T *y = at->out, *best = at->work;
    POOL_INT *where = (POOL_INT *)(best + g->in[2]);
    POOL_ROWS(p, r)
    {
        POOL_NAME(max_columns)(p, r, at->a, best, where);
        for (int64_t i = 0; i < g->out[2]; i++) {
            const int64_t k = POOL_NAME(max_column)(p->stretch[i], best, where);
            y[r->place + i] = best[k];
            if (!at->taps) continue;
            const int64_t line = where[k] / g->in[2];
            const int64_t lz = line / g->in[1] - r->zf, ly = line % g->in[1] - r->yf;
            const int64_t tap = (lz * g->kernel[1] + ly) * g->kernel[2] + k - p->stretch[i].first;
            pool_write_tap(p, at->taps, r->place + i, tap);
        }
    }
}

static void POOL_NAME(avg)(const pool_plan *p, const pool_plane *at)
{
    POOL_T *y = at->out;
    POOL_ROWS(p, r)
    {
        for (int64_t i = 0; i < p->g.out[2]; i++) {
            y[r->place + i] = POOL_NAME(avg_at)(&p->g, r, i, at->a);
        }
    }
}

/* What each window of a row counts along it. */
static const void *POOL_NAME(columns)(const gr_pool_geometry *g, gr_arena *arena)
{
    POOL_T *columns = gr_arena_alloc(arena, (size_t)g->out[2] * sizeof *columns);
    for (int64_t i = 0; columns && i < g->out[2]; i++) {
        int64_t begin, end;
        columns[i] = (POOL_T)gr_pool_window(g, 2, i, &begin, &end);
    }
    return columns;
}

static void POOL_NAME(pick)(const pool_plan *p, const pool_plane *at)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *v = at->b;
    POOL_T *y = at->out;
    POOL_ROWS(p, r)
    {
        for (int64_t i = 0; i < g->out[2]; i++) {
            const int64_t tap = pool_read_tap(p, at->a, r->place + i);
            const int64_t place = POOL_NAME(place)(p, r, i, tap);
            y[r->place + i] = place < 0 ? 0 : v[place];
        }
    }
}

static void POOL_NAME(max_grad)(const pool_plan *p, const pool_plane *at)
{
    const gr_pool_geometry *g = &p->g;
    const POOL_T *dy = at->b;
    POOL_T *dx = at->out;
    memset(dx, 0, (size_t)p->in_size * sizeof *dx);
    POOL_ROWS(p, r)
    {
        for (int64_t i = 0; i < g->out[2]; i++) {
            const int64_t tap = pool_read_tap(p, at->a, r->place + i);
            const int64_t place = POOL_NAME(place)(p, r, i, tap);
            if (place >= 0) dx[place] += dy[r->place + i];
        }
    }
}

/* Windows [i, end) of a row, one by one. */
static void POOL_NAME(spread_each)(const gr_pool_geometry *g, const pool_row *r, const POOL_T *dy,
                                   int64_t i, int64_t end, POOL_T *dx)
{
    for (; i < end; i++) {
        int64_t from, to;
        gr_pool_window(g, 2, i, &from, &to);
        const POOL_T share = POOL_NAME(share_at)(g, r, i, dy[i]);
        POOL_LINES(g, g->in[2], r, line, tap)
        {
            for (int64_t at = from; at < to; at++) dx[line + at] += share;
        }
    }
}

/* Adds each share to its window's places in one row. An element that several windows cover gets
 * them in order: the later the tap, the earlier the window. */
static void POOL_NAME(spread)(const gr_pool_geometry *g, const POOL_T *restrict share, int64_t n,
                              POOL_T *restrict x)
{
    const int64_t step = g->stride[2];
    for (int64_t k = g->kernel[2] - 1; k >= 0; k--) {
        if (step == 1) {
            for (int64_t i = 0; i < n; i++) x[i + k] += share[i];
        } else {
            for (int64_t i = 0; i < n; i++) x[i * step + k] += share[i];
        }
    }
}

static void POOL_NAME(avg_grad)(const pool_plan *p, const pool_plane *at)
{
    const gr_pool_geometry *g = &p->g;
    const int64_t first = p->inside_begin, n = p->inside_end - first;
    POOL_T *dx = at->out, *share = at->work;
    memset(dx, 0, (size_t)p->in_size * sizeof *dx);
    POOL_ROWS(p, r)
    {
        const POOL_T *dy = (const POOL_T *)at->a + r->place;
        POOL_NAME(spread_each)(g, r, dy, 0, first, dx);
        for (int64_t i = 0; i < n; i++) {
            share[i] = dy[first + i] / (POOL_T)(r->count * g->kernel[2]);
        }
        POOL_LINES(g, g->in[2], r, line, tap)
        {
            POOL_NAME(spread)(g, share, n, dx + line - g->pad[2] + first * g->stride[2]);
        }
        POOL_NAME(spread_each)(g, r, dy, first + n, g->out[2], dx);
    }
}

static const pool_kit POOL_NAME(kit) = {1,
                                        POOL_NAME(max),
                                        POOL_NAME(max),
                                        POOL_NAME(avg),
                                        POOL_NAME(max_grad),
                                        POOL_NAME(avg_grad),
                                        POOL_NAME(pick),
                                        {NULL, NULL, NULL}};

#undef POOL_NAME
#undef POOL_INT
#undef POOL_T
