/* From a user's gr_window to numbers for each axis. */
#include "ops/window.h"

static const gr_window window_defaults = {.size = sizeof(gr_window)};

bool gr_window_resolve(gr_graph *graph, const char *op, const gr_window *window, int tensor_rank,
                       gr_window_values *out)
{
    gr_window w = {0};
    if (!window) window = &window_defaults;
    if (window->size == 0) {
        gr_build_fail(graph, GR_INVALID, op, "the window's size is 0: fill it in by GR_WINDOW(…)");
        return false;
    }
    /* a caller compiled against an older header has a shorter struct */
    memcpy(&w, window, window->size < sizeof w ? window->size : sizeof w);
    *out = (gr_window_values){.groups = w.groups ? w.groups : 1,
                              .ceil = w.ceil,
                              .count_include_pad = w.count_include_pad};
    const int rank = tensor_rank - 2;
    out->rank = rank < 1          ? 1
                : rank > GR_SPACE ? GR_SPACE
                                  : rank; /* the shape rule refuses others */
    for (int i = 0; i < out->rank; i++) {
        if (w.axes) continue;
        out->axes.kernel[i] = w.kernel;
        out->axes.stride[i] = w.stride;
        out->axes.dilation[i] = w.dilation;
        out->axes.pad[i] = out->axes.pad_end[i] = w.pad;
    }
    if (w.axes) out->axes = *w.axes;
    for (int i = 0; i < out->rank; i++) {
        if (out->axes.dilation[i] == 0) out->axes.dilation[i] = 1;
    }
    return true;
}

bool gr_infer_spatial(gr_infer *s, const char *what, gr_shape x)
{
    if (x.rank >= 3 && x.rank <= 2 + GR_SPACE) return true;
    return gr_infer_fail(s, GR_SHAPE,
                         "%s is %s; it must be [N, C, space…] with 1 to 3 spatial axes", what,
                         gr_shape_text(x));
}

bool gr_infer_each_axis(gr_infer *s, int attr, int rank, int64_t least)
{
    const gr_ints *ints = &s->attr[attr].ints;
    const char *name = s->op->attrs[attr].name;
    if (ints->n != rank) {
        return gr_infer_fail(s, GR_SHAPE, "%s %s has %d entries for %d spatial axes", name,
                             gr_ints_text(ints), ints->n, rank);
    }
    for (int i = 0; i < rank; i++) {
        if (ints->v[i] >= least && ints->v[i] <= INT32_MAX) continue;
        return gr_infer_fail(s, GR_INVALID, "%s %lld is outside %lld to %d", name,
                             (long long)ints->v[i], (long long)least, INT32_MAX);
    }
    return true;
}
