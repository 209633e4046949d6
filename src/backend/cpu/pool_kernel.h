/* Pooling window by window, expanded by pool.c for each element type:
 *   POOL_NAME(x)  the name x with the type
 *   POOL_T        element
 * Additions come in the order of the reference, so the bits are the same. No include guard: it is
 * meant to be included several times. */

/* The maximum of window i of a row, and its tap. */
static POOL_T POOL_NAME(max_at)(const gr_pool_geometry *g, const pool_row *r, int64_t i,
                                const POOL_T *x, int64_t *found)
{
    int64_t begin, end;
    const int64_t first = i * g->stride[2] - g->pad[2];
    gr_pool_window(g, 2, i, &begin, &end);
    POOL_T best = 0;
    *found = -1;
    POOL_LINES(g, g->in[2], r, line, tap)
    {
        for (int64_t at = begin; at < end; at++) {
            const POOL_T v = x[line + at];
            if (*found >= 0 && (v <= best || best != best)) continue;
            best = v;
            *found = tap + at - first;
        }
    }
    return best;
}

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

/* The place of a window's tap in its plane, or -1: the quick answer where the whole window lies
 * inside x. */
static inline int64_t POOL_NAME(place)(const pool_plan *p, const pool_row *r, int64_t i,
                                       int64_t tap)
{
    const gr_pool_geometry *g = &p->g;
    const bool inside = i >= p->inside_begin && i < p->inside_end &&
                        r->z1 - r->z0 == g->kernel[0] && r->y1 - r->y0 == g->kernel[1];
    if (!inside) return gr_pool_tap_place(g, r->place + i, tap);
    if (tap < 0 || tap >= p->taps) return -1;
    return (r->z0 * g->in[1] + r->y0) * g->in[2] + i * g->stride[2] - g->pad[2] + p->tap_place[tap];
}

static void POOL_NAME(max)(const pool_plan *p, const pool_plane *at)
{
    POOL_T *y = at->out;
    POOL_ROWS(p, r)
    {
        for (int64_t i = 0; i < p->g.out[2]; i++) {
            int64_t tap;
            y[r->place + i] = POOL_NAME(max_at)(&p->g, r, i, at->a, &tap);
            if (at->taps) pool_write_tap(p, at->taps, r->place + i, tap);
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
#undef POOL_T
