/* What the kernels of pooling share. Internal to the CPU backend. */
#ifndef GR_CPU_POOL_H
#define GR_CPU_POOL_H

#include "backend/backend.h"
#include "ops/pool.h"

/* One plane of each buffer: a and b of the inputs; taps of max_pool_taps' second output. */
typedef struct pool_plane {
    const void *a, *b;
    void *out, *taps;
    void *work; /* the worker's scratch, zeroed before its first plane */
} pool_plane;

typedef struct pool_plan pool_plan;
typedef void pool_plane_fn(const pool_plan *p, const pool_plane *at);

/* The kernels of one element type, CPU level and vector length. */
typedef struct pool_kit {
    int lanes;
    pool_plane_fn *max, *max_taps, *avg, *max_grad, *avg_grad;
    pool_plane_fn *max_pick; /* only window by window */
    struct {
        pool_plane_fn *max, *max_taps, *max_grad;
    } quad; /* of windows of 2×2, 2 apart, without padding; only by vectors */
} pool_kit;

/* The windows along an axis that cover an element; place: the element's, counted from where window
 * 0 begins. */
typedef struct pool_cover {
    int64_t first, last, place;
} pool_cover;

/* The rows of x that the windows of one output row cover, the results beginning at `place` of a
 * plane; count: of them, for the divisor; zf, yf: where the windows begin, be it in the padding. */
typedef struct pool_row {
    int64_t place, z0, z1, y0, y1, zf, yf, count;
} pool_row;

/* Elements [begin, end) of a row that a window covers, which begins at `first`, be it in the
 * padding. */
typedef struct pool_stretch {
    int64_t first, begin, end;
} pool_stretch;

/* Where a tap leads, seen from where its window begins: along each axis, and in a plane. */
typedef struct pool_tap {
    int64_t z, y, x, place;
} pool_tap;

struct pool_plan {
    gr_pool_geometry g;
    int64_t inside_begin, inside_end; /* windows of a row that do not reach over its ends */
    int64_t in_size, out_size;        /* of a plane */
    const pool_row *rows;             /* of windows */
    bool copies;                      /* by vectors: windows read a copy of x with filled ends, */
    int64_t width;                    /* whose rows are so long; else that of x */
    const void *columns;              /* averages: what each window of a row counts along it */
    int64_t pitch;                    /* gradients by vectors: of a padded row of dy, */
    const pool_cover *cover[2];       /* and of each z and y of x */
    bool apart;                       /* … or, windows that do not overlap, without padding, */
    bool covered;                     /* in one of which every element of x lies */
    bool wide_taps;                   /* i32, not u8 */
    const pool_stretch *stretch;      /* of each window of a row */
    const pool_tap *tap_at;           /* of tap 0, 1, …: window by window, where taps are read */
    int64_t taps;                     /* elements of a window */
    size_t a, b, out, tap;            /* bytes of a plane of each buffer; 0: there is none */
    size_t slot;                      /* scratch of one worker */
    pool_plane_fn *plane;
};

/* For each row of windows. */
#define POOL_ROWS(p, r)                                                                            \
    for (const pool_row *r = (p)->rows, *const end_ = r + (p)->g.out[0] * (p)->g.out[1]; r < end_; \
         r++)

/* For every row of x that the windows of one output row cover: `line` is where it begins, rows
 * being `width` apart, `tap` the tap of a window's first element in it. */
#define POOL_LINES(g, width, r, line, tap)                                                         \
    for (int64_t lz_ = (r)->z0; lz_ < (r)->z1; lz_++)                                              \
        for (int64_t                                                                               \
                 line = (lz_ * (g)->in[1] + (r)->y0) * (width),                                    \
                 tap = ((lz_ - (r)->zf) * (g)->kernel[1] + (r)->y0 - (r)->yf) * (g)->kernel[2],    \
                 last_ = (lz_ * (g)->in[1] + (r)->y1) * (width);                                   \
             line < last_; line += (width), tap += (g)->kernel[2])

static inline void pool_write_tap(const pool_plan *p, void *taps, int64_t i, int64_t tap)
{
    if (p->wide_taps) {
        ((int32_t *)taps)[i] = (int32_t)tap;
    } else {
        ((uint8_t *)taps)[i] = (uint8_t)tap;
    }
}

static inline int64_t pool_read_tap(const pool_plan *p, const void *taps, int64_t i)
{
    return p->wide_taps ? ((const int32_t *)taps)[i] : ((const uint8_t *)taps)[i];
}

#endif
