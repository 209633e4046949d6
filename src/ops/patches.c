/* Composites on the windows of x [N, C, space…]: the windows themselves, spatial pyramids, the
 * moments of a plane. */
#include "ops/window.h"

#include <gradus/spatial.h>

#include <float.h>

/* ---- The places of windows ------------------------------------------------------------------- */

/* The window's numbers and how many windows fit along each axis; false with the fault noted.
 * apart: a stride that is not given is the kernel's size, else 1. */
static bool patches_fit(gr_node *x, const char *op, const gr_window *window, bool apart,
                        gr_window_values *v, int64_t *out)
{
    gr_graph *graph = gr_node_graph(x);
    const gr_shape in = gr_node_shape(x);
    if (gr_is_error(x)) return false;
    if (in.rank < 3 || in.rank > 2 + GR_SPACE) {
        gr_build_fail(graph, GR_SHAPE, op,
                      "x is %s; it must be [N, C, space…] with 1 to 3 spatial axes",
                      gr_shape_text(in));
        return false;
    }
    if (!gr_window_resolve(graph, op, window, in.rank, v)) return false;
    for (int i = 0; i < v->rank; i++) {
        gr_geometry *a = &v->axes;
        if (a->stride[i] == 0) a->stride[i] = apart ? a->kernel[i] : 1;
        if (a->kernel[i] < 1 || a->stride[i] < 1 || a->pad[i] < 0 || a->pad_end[i] < 0 ||
            a->dilation[i] < 1 || a->kernel[i] > INT32_MAX || a->stride[i] > INT32_MAX ||
            a->pad[i] > INT32_MAX || a->pad_end[i] > INT32_MAX || a->dilation[i] > INT32_MAX) {
            gr_build_fail(graph, GR_INVALID, op,
                          "kernel %lld, stride %lld, dilation %lld should be positive, padding "
                          "%lld and %lld not negative",
                          (long long)a->kernel[i], (long long)a->stride[i],
                          (long long)a->dilation[i], (long long)a->pad[i],
                          (long long)a->pad_end[i]);
            return false;
        }
        const int64_t reach = a->dilation[i] * (a->kernel[i] - 1) + 1;
        const int64_t room = in.dim[2 + i] + a->pad[i] + a->pad_end[i];
        if (reach > room) {
            gr_build_fail(graph, GR_SHAPE, op,
                          "a window of %lld elements does not fit into x %s: along spatial axis %d "
                          "it has %lld, padding %lld and %lld",
                          (long long)reach, gr_shape_text(in), i, (long long)in.dim[2 + i],
                          (long long)a->pad[i], (long long)a->pad_end[i]);
            return false;
        }
        out[i] = (room - reach) / a->stride[i] + 1;
    }
    return true;
}

/* Element `tap` (row-major) of every window of the padded x: [N, C, out…]. */
static gr_node *patches_tap(gr_node *wide, const gr_window_values *v, const int64_t *out,
                            int64_t tap)
{
    const gr_shape in = gr_node_shape(wide);
    int64_t start[GR_MAX_RANK] = {0}, stop[GR_MAX_RANK], step[GR_MAX_RANK];
    for (int i = 0; i < 2; i++) stop[i] = in.dim[i], step[i] = 1;
    for (int i = v->rank - 1; i >= 0; i--) {
        start[2 + i] = tap % v->axes.kernel[i] * v->axes.dilation[i];
        step[2 + i] = v->axes.stride[i];
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): three axes at most */
        stop[2 + i] = start[2 + i] + (out[i] - 1) * step[2 + i] + 1;
        tap /= v->axes.kernel[i];
    }
    return gr_slice(wide, start, stop, step);
}

static int64_t patches_taps(const gr_window_values *v)
{
    int64_t taps = 1;
    for (int i = 0; i < v->rank; i++) {
        if (v->axes.kernel[i] > INT32_MAX / taps) return INT32_MAX;
        taps *= v->axes.kernel[i];
    }
    return taps;
}

static gr_node *patches_padded(gr_node *x, const gr_window_values *v)
{
    int64_t before[GR_MAX_RANK] = {0}, after[GR_MAX_RANK] = {0};
    for (int i = 0; i < v->rank; i++)
        before[2 + i] = v->axes.pad[i], after[2 + i] = v->axes.pad_end[i];
    return gr_pad(x, before, after, NULL, 0);
}

/* Most elements of a window that is taken apart: each makes gates of its own. */
enum { PATCHES_MOST = 1024 };

/* ---- im2col ---------------------------------------------------------------------------------- */

gr_node *gr_im2col(gr_node *x, const gr_window *window)
{
    gr_window_values v;
    int64_t out[GR_SPACE];
    gr_graph *graph = gr_node_graph(x);
    if (!patches_fit(x, "im2col", window, false, &v, out)) return gr_error_node(graph);
    const int64_t taps = patches_taps(&v);
    if (taps > PATCHES_MOST)
        return gr_build_fail(graph, GR_INVALID, "im2col", "a window of %lld elements: at most %d",
                             (long long)taps, PATCHES_MOST);
    const gr_shape in = gr_node_shape(x);
    gr_shape one = {.rank = 3 + v.rank, .dim = {in.dim[0], in.dim[1], 1}}, result = in;
    for (int i = 0; i < v.rank; i++) one.dim[3 + i] = result.dim[2 + i] = out[i];
    result.dim[1] *= taps;
    gr_node *part[PATCHES_MOST];
    gr_composite_begin(graph, "im2col");
    gr_node *wide = patches_padded(x, &v);
    for (int64_t t = 0; t < taps; t++) part[t] = gr_reshape(patches_tap(wide, &v, out, t), one);
    gr_node *y = gr_reshape(gr_concat(part, (int)taps, 2), result);
    gr_composite_end(graph);
    return y;
}

/* ---- Spatial pyramid ------------------------------------------------------------------------- */

/* Caffe's windows of a level: `bins` along each axis, rounded up, the rest as padding. */
static gr_node *patches_level(gr_node *x, int64_t bins, bool average)
{
    const gr_shape in = gr_node_shape(x);
    gr_geometry axes = {0};
    for (int i = 0; i < in.rank - 2; i++) {
        axes.kernel[i] = (in.dim[2 + i] + bins - 1) / bins;
        axes.pad[i] = axes.pad_end[i] = (axes.kernel[i] * bins - in.dim[2 + i] + 1) / 2;
    }
    const gr_window window = {
        .size = sizeof window, .axes = &axes, .ceil = true, .count_include_pad = average};
    return gr_flatten(average ? gr_avg_pool(x, &window) : gr_max_pool(x, &window), 1);
}

gr_node *gr_spp(gr_node *x, int levels, bool average)
{
    gr_graph *graph = gr_node_graph(x);
    gr_node *level[16];
    if (gr_is_error(x)) return x;
    if (levels < 1 || levels > 16)
        return gr_build_fail(graph, GR_INVALID, "spp", "%d levels: should be 1 to 16", levels);
    const gr_shape in = gr_node_shape(x);
    for (int i = 2; i < in.rank; i++)
        if (in.dim[i] < INT64_C(1) << (levels - 1))
            return gr_build_fail(graph, GR_SHAPE, "spp",
                                 "x %s has fewer places along axis %d than the %d bins of level %d",
                                 gr_shape_text(in), i, 1 << (levels - 1), levels);
    gr_composite_begin(graph, "spp");
    for (int i = 0; i < levels; i++) level[i] = patches_level(x, INT64_C(1) << i, average);
    gr_node *y = gr_concat(level, levels, 1);
    gr_composite_end(graph);
    return y;
}

/* ---- Stochastic pooling ---------------------------------------------------------------------- */

/* Shares of nothing: the smallest normal f32, as in Caffe. */
#define PATCHES_NOTHING ((double)FLT_MIN)

/* Zeros after the end, where the windows' number is rounded up. */
static void patches_round_up(gr_node *x, gr_window_values *v, int64_t *out)
{
    const gr_shape in = gr_node_shape(x);
    for (int i = 0; i < v->rank; i++) {
        const int64_t rest = (in.dim[2 + i] - v->axes.kernel[i]) % v->axes.stride[i];
        /* a window that would begin beyond the end is left out */
        if (rest == 0 || out[i] * v->axes.stride[i] >= in.dim[2 + i]) continue;
        v->axes.pad_end[i] = v->axes.stride[i] - rest;
        out[i]++;
    }
}

/* Of each window the sum of its elements' squares over their sum. */
static gr_node *patches_expected(gr_node *x, const gr_window_values *v)
{
    const gr_window window = {.size = sizeof window, .axes = &v->axes, .ceil = v->ceil};
    gr_node *mean = gr_avg_pool(x, &window), *square = gr_avg_pool(gr_square(x), &window);
    return gr_div(square, gr_shift(mean, PATCHES_NOTHING));
}

/* Of each window the last element whose predecessors' sum does not exceed a mark, which is drawn
 * between 0 and the sum of all. */
static gr_node *patches_drawn(gr_node *x, gr_window_values *v, int64_t *out, gr_stream stream)
{
    const int64_t taps = patches_taps(v);
    gr_node *part[PATCHES_MOST], *sum = NULL, *below = NULL;
    if (v->ceil) patches_round_up(x, v, out);
    gr_node *wide = patches_padded(x, v);
    for (int64_t t = 0; t < taps; t++) {
        part[t] = patches_tap(wide, v, out, t);
        gr_node *still = gr_stop_gradient(part[t]);
        sum = sum ? gr_add(sum, still) : still;
    }
    gr_node *draw =
        gr_random_uniform(gr_node_graph(x), gr_node_dtype(x), gr_node_shape(sum), stream);
    gr_node *mark = gr_mul(draw, sum), *y = part[0];
    for (int64_t t = 1; t < taps; t++) {
        gr_node *still = gr_stop_gradient(part[t - 1]);
        below = below ? gr_add(below, still) : still;
        y = gr_where(gr_greater(below, mark), y, part[t]);
    }
    return y;
}

gr_node *gr_stochastic_pool(gr_node *x, const gr_window *window, const gr_stream *stream)
{
    gr_graph *graph = gr_node_graph(x);
    gr_window_values v;
    int64_t out[GR_SPACE];
    if (!patches_fit(x, "stochastic_pool", window, true, &v, out)) return gr_error_node(graph);
    for (int i = 0; i < v.rank; i++)
        if (v.axes.pad[i] || v.axes.pad_end[i] || v.axes.dilation[i] != 1)
            return gr_build_fail(graph, GR_INVALID, "stochastic_pool",
                                 "stochastic pooling has neither padding nor dilation");
    if (patches_taps(&v) > PATCHES_MOST)
        return gr_build_fail(graph, GR_INVALID, "stochastic_pool",
                             "a window of %lld elements: at most %d", (long long)patches_taps(&v),
                             PATCHES_MOST);
    gr_composite_begin(graph, "stochastic_pool");
    gr_node *y = stream ? patches_drawn(x, &v, out, *stream) : patches_expected(x, &v);
    gr_composite_end(graph);
    return y;
}

/* ---- Moments --------------------------------------------------------------------------------- */

/* The deviation is kept above the root of the smallest f32, so that its gradient is 0 and not
 * infinite where all elements are equal. */
gr_node *gr_mvn(gr_node *x, bool across_channels, bool mean_only, double epsilon)
{
    gr_graph *graph = gr_node_graph(x);
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (in.rank < 3)
        return gr_build_fail(graph, GR_SHAPE, "mvn", "x is %s; it must be [N, C, space…]",
                             gr_shape_text(in));
    if (!(epsilon > 0))
        return gr_build_fail(graph, GR_INVALID, "mvn", "epsilon %g: should be positive", epsilon);
    gr_axes axes = {.keep = true};
    for (int i = across_channels ? 1 : 2; i < in.rank; i++) axes.axis[axes.count++] = i;
    gr_composite_begin(graph, "mvn");
    gr_node *y = gr_sub(x, gr_mean(x, axes));
    if (!mean_only) {
        gr_node *variance = gr_mean(gr_square(y), axes);
        variance = gr_maximum(variance, gr_like(variance, PATCHES_NOTHING));
        y = gr_div(y, gr_shift(gr_sqrt(variance), epsilon));
    }
    gr_composite_end(graph);
    return y;
}
