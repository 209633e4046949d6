/* Geometry of pooling, for its kernels. Internal. */
#ifndef GR_POOL_H
#define GR_POOL_H

#include "ops/window.h"

/* Attributes of the family: the first five of all, the sixth of the averages; gradients have the
 * shape of x as their last. `ceil` 1 rounds the number of windows up, the last one clipped. With
 * GR_POOL_ADAPTIVE `stride` is the number of windows along each axis, `kernel` the most elements of
 * one, and window o of n along an axis of size s covers [⌊o·s/n⌋, ⌈(o + 1)·s/n⌉): maxima alone. */
enum { GR_POOL_ADAPTIVE = 2 };
enum {
    GR_POOL_KERNEL,
    GR_POOL_STRIDE,
    GR_POOL_PAD,
    GR_POOL_PAD_END,
    GR_POOL_CEIL,
    GR_POOL_COUNT_INCLUDE_PAD,
    GR_POOL_ATTRS = GR_POOL_COUNT_INCLUDE_PAD + 2 /* the most of one op */
};

/* x is `planes` blocks of size `in`, y as many of size `out`; fewer than three spatial axes are
 * preceded by axes of size 1. The window of output place p covers the inputs from p·stride − pad,
 * `kernel` of them, as far as they are inside: always one at least. */
typedef struct gr_pool_geometry {
    int64_t planes;
    int64_t in[GR_SPACE], out[GR_SPACE];
    int64_t kernel[GR_SPACE], stride[GR_SPACE], pad[GR_SPACE], pad_end[GR_SPACE];
    bool count_include_pad, adaptive;
} gr_pool_geometry;

/* Of a node of the family. */
gr_pool_geometry gr_pool_geometry_of(const gr_node *node);

/* The end of window `out` of adaptive pooling, of n on s elements; it begins at out·s/n. */
static inline int64_t gr_pool_adaptive_end(int64_t s, int64_t n, int64_t out)
{
    return ((out + 1) * s + n - 1) / n;
}

/* Where the window of output place `out` begins along one axis, be it in the padding. */
static inline int64_t gr_pool_first(const gr_pool_geometry *g, int axis, int64_t out)
{
    if (g->adaptive) return out * g->in[axis] / g->out[axis];
    return out * g->stride[axis] - g->pad[axis];
}

/* Inputs [*begin, *end) of the window of output place `out` along one axis. Returns how many places
 * count for an average. */
static inline int64_t gr_pool_window(const gr_pool_geometry *g, int axis, int64_t out,
                                     int64_t *begin, int64_t *end)
{
    const int64_t first = gr_pool_first(g, axis, out);
    const int64_t last = g->adaptive ? gr_pool_adaptive_end(g->in[axis], g->out[axis], out)
                                     : first + g->kernel[axis];
    const int64_t wall = g->in[axis] + g->pad_end[axis];
    *begin = first > 0 ? first : 0;
    *end = last < g->in[axis] ? last : g->in[axis];
    return g->count_include_pad ? (last < wall ? last : wall) - first : *end - *begin;
}

/* A tap is the place of an element in its window, counted in row-major order from where the window
 * begins, in the padding or not: the element's place in a plane of x, or -1 if there is none, be it
 * that the tap is no place of a window. out: the place of the window in y, row-major. */
static inline int64_t gr_pool_tap_place(const gr_pool_geometry *g, int64_t out, int64_t tap)
{
    int64_t place = 0, unit = 1;
    if (tap < 0) return -1;
    for (int axis = GR_SPACE - 1; axis >= 0; axis--) {
        const int64_t at = gr_pool_first(g, axis, out % g->out[axis]) + tap % g->kernel[axis];
        if (at < 0 || at >= g->in[axis]) return -1;
        place += at * unit;
        unit *= g->in[axis];
        out /= g->out[axis];
        tap /= g->kernel[axis];
    }
    return tap == 0 ? place : -1;
}

/* max_pool of size[i] windows along spatial axis i, as many as x has, which cover them whole. */
gr_node *gr_max_pool_adaptive(gr_node *x, const int64_t *size);

gr_prepare_fn gr_pool_reference;

#endif
