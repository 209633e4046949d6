/* Composites that change the size of x [N, C, space…]: crops, pixel shuffles, upsampling, adaptive
 * pooling. What is linear along one axis is a product with a small constant matrix. */
#include "ops/pool.h"

#include <gradus/spatial.h>

#include <math.h>

/* Ends the composite that a builder began. */
static gr_node *resample_end(gr_graph *graph, gr_node *y)
{
    gr_composite_end(graph);
    return y;
}

/* Is x [N, C, space…], and are there as many sizes as spatial axes, each in 1 to the largest i32?
 * Notes the fault if not. */
static bool resample_fits(gr_node *x, const char *op, const char *what, const int64_t *sizes,
                          int count)
{
    gr_graph *graph = gr_node_graph(x);
    if (gr_is_error(x)) return false;
    const gr_shape in = gr_node_shape(x);
    if (in.rank < 3 || in.rank > 2 + GR_SPACE || gr_shape_count(in) == 0) {
        gr_build_fail(graph, GR_SHAPE, op,
                      "x is %s; it must be [N, C, space…] with 1 to 3 spatial axes and no size 0",
                      gr_shape_text(in));
        return false;
    }
    if (count != in.rank - 2) {
        gr_build_fail(graph, GR_SHAPE, op, "%d %s for the %d spatial axes of x %s", count, what,
                      in.rank - 2, gr_shape_text(in));
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (sizes[i] >= 1 && sizes[i] <= INT32_MAX) continue;
        gr_build_fail(graph, GR_INVALID, op, "%s %lld is outside 1 to %d", what,
                      (long long)sizes[i], INT32_MAX);
        return false;
    }
    return true;
}

/* ---- Crop ------------------------------------------------------------------------------------ */

gr_node *gr_crop(gr_node *x, const int64_t *offset, const int64_t *size)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    int64_t stop[GR_MAX_RANK];
    for (int i = 0; i < in.rank; i++) {
        if (offset[i] < 0 || size[i] < 0 || offset[i] > in.dim[i] ||
            size[i] > in.dim[i] - offset[i])
            return gr_build_fail(gr_node_graph(x), GR_SHAPE, "crop",
                                 "%lld elements from %lld on along axis %d do not lie within x %s",
                                 (long long)size[i], (long long)offset[i], i, gr_shape_text(in));
        stop[i] = offset[i] + size[i];
    }
    return gr_slice(x, offset, stop, NULL);
}

/* ---- Pixel shuffle --------------------------------------------------------------------------- */

/* [N, C, f, f, H, W] ↔ [N, C, H, f, W, f] */
static gr_node *resample_shuffle(gr_node *x, gr_shape split, gr_axes order, gr_shape result)
{
    gr_composite_begin(gr_node_graph(x), "pixel_shuffle");
    return resample_end(gr_node_graph(x),
                        gr_reshape(gr_permute(gr_reshape(x, split), order), result));
}

gr_node *gr_pixel_shuffle(gr_node *x, int64_t factor)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (in.rank != 4 || factor < 1 || factor > INT32_MAX || in.dim[1] % (factor * factor))
        return gr_build_fail(gr_node_graph(x), GR_SHAPE, "pixel_shuffle",
                             "x %s is not [N, C·f², H, W] for f = %lld", gr_shape_text(in),
                             (long long)factor);
    const int64_t n = in.dim[0], c = in.dim[1] / (factor * factor), h = in.dim[2], w = in.dim[3];
    return resample_shuffle(x, GR_SHAPE(n, c, factor, factor, h, w), GR_AXES(0, 1, 4, 2, 5, 3),
                            GR_SHAPE(n, c, h * factor, w * factor));
}

gr_node *gr_pixel_unshuffle(gr_node *x, int64_t factor)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (in.rank != 4 || factor < 1 || in.dim[2] % factor || in.dim[3] % factor)
        return gr_build_fail(gr_node_graph(x), GR_SHAPE, "pixel_unshuffle",
                             "x %s is not [N, C, H·f, W·f] for f = %lld", gr_shape_text(in),
                             (long long)factor);
    const int64_t n = in.dim[0], c = in.dim[1], h = in.dim[2] / factor, w = in.dim[3] / factor;
    return resample_shuffle(x, GR_SHAPE(n, c, h, factor, w, factor), GR_AXES(0, 1, 3, 5, 2, 4),
                            GR_SHAPE(n, c * factor * factor, h, w));
}

/* ---- One axis at a time ---------------------------------------------------------------------- */

/* Row o tells how output o of an axis is made of the inputs: from[o], and from[o] + 1 by `share`
 * (interpolation), or the mean of [from[o], end[o]) (adaptive pooling). */
typedef void resample_row(int64_t in, int64_t out, int64_t o, bool corners, double *row);

/* Where output o lies among the inputs, by PyTorch's rules. */
static void resample_linear_row(int64_t in, int64_t out, int64_t o, bool corners, double *row)
{
    double place;
    if (corners)
        place = out > 1 ? (double)o * (double)(in - 1) / (double)(out - 1) : 0;
    else
        place = fmax(0, ((double)o + 0.5) * (double)in / (double)out - 0.5);
    int64_t low = (int64_t)place;
    if (low > in - 1) low = in - 1;
    const double share = low < in - 1 ? place - (double)low : 0;
    row[low] = 1 - share;
    if (share > 0) row[low + 1] = share;
}

static void resample_mean_row(int64_t in, int64_t out, int64_t o, bool corners, double *row)
{
    (void)corners;
    const int64_t begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    for (int64_t i = begin; i < end; i++) row[i] = 1 / (double)(end - begin);
}

/* The constant [out, in] of these rows, of x's type. */
static gr_node *resample_matrix(gr_node *x, int64_t in, int64_t out, resample_row *fill,
                                bool corners)
{
    gr_tensor matrix = {0};
    gr_graph *graph = gr_node_graph(x);
    const gr_dtype dtype = gr_node_dtype(x);
    double *row = gr_alloc_array((size_t)in, sizeof *row);
    if (!row || gr_tensor_new(dtype, GR_SHAPE(out, in), &matrix) != GR_OK) {
        gr_free(row);
        return gr_build_fail(graph, GR_NO_MEMORY, "resample", "%s", gr_status_text(GR_NO_MEMORY));
    }
    for (int64_t o = 0; o < out; o++) {
        memset(row, 0, (size_t)in * sizeof *row);
        fill(in, out, o, corners, row);
        for (int64_t i = 0; i < in; i++) {
            if (dtype == GR_F64)
                ((double *)matrix.data)[o * in + i] = row[i];
            else
                ((float *)matrix.data)[o * in + i] = (float)row[i];
        }
    }
    gr_node *node = gr_constant(graph, &matrix);
    gr_tensor_clear(&matrix);
    gr_free(row);
    return node;
}

/* Each spatial axis, the last first, multiplied by its matrix. */
static gr_node *resample_axes(gr_node *x, const int64_t *size, resample_row *fill, bool corners)
{
    const gr_shape in = gr_node_shape(x);
    gr_shape shape = in;
    for (int axis = in.rank - 1; axis >= 2; axis--) {
        const int64_t from = in.dim[axis], to = size[axis - 2];
        if (from == to) continue;
        gr_node *matrix = resample_matrix(x, from, to, fill, corners);
        int64_t before = 1, after = 1;
        for (int i = 0; i < axis; i++) before *= shape.dim[i];
        for (int i = axis + 1; i < in.rank; i++) after *= shape.dim[i];
        shape.dim[axis] = to;
        x = after == 1 ? gr_matmul_t(gr_reshape(x, GR_SHAPE(before, from)), false, matrix, true)
                       : gr_matmul(matrix, gr_reshape(x, GR_SHAPE(before, from, after)));
    }
    return gr_reshape(x, shape);
}

static bool resample_is_float(gr_node *x, const char *op)
{
    const gr_dtype dtype = gr_node_dtype(x);
    if (dtype == GR_F32 || dtype == GR_F64) return true;
    gr_build_fail(gr_node_graph(x), GR_DTYPE, op, "x is %s; it takes f32 and f64",
                  gr_dtype_name(dtype));
    return false;
}

/* ---- Upsampling ------------------------------------------------------------------------------ */

/* Whole factors: x repeated along new axes. */
static gr_node *resample_repeat(gr_node *x, const int64_t *factor)
{
    const gr_shape in = gr_node_shape(x);
    gr_shape split = {.rank = 2, .dim = {in.dim[0], in.dim[1]}}, wide = split, out = in;
    for (int i = 0; i < in.rank - 2; i++) {
        const int64_t size = in.dim[2 + i];
        split.dim[split.rank++] = size, split.dim[split.rank++] = 1;
        wide.dim[wide.rank++] = size, wide.dim[wide.rank++] = factor[i];
        out.dim[2 + i] = size * factor[i];
    }
    return gr_reshape(gr_broadcast(gr_reshape(x, split), wide), out);
}

/* Doubling: the transpose of a mean over 2×2 elements, times their number. Division by a power of
 * two is exact, and the kernels of pooling are three times as fast as those that repeat. */
static gr_node *resample_double(gr_node *x, const int64_t *size)
{
    gr_shape out = gr_node_shape(x);
    gr_window window = {.size = sizeof window, .kernel = 2};
    double count = 1;
    for (int i = 0; i < out.rank - 2; i++) out.dim[2 + i] = size[i], count *= 2;
    return gr_avg_pool_grad(gr_scale(x, count), out, &window);
}

/* Any sizes: the element at ⌊o·in/out⌋ of each axis. */
static gr_node *resample_pick(gr_node *x, const int64_t *size)
{
    const gr_shape in = gr_node_shape(x);
    for (int axis = 2; axis < in.rank; axis++) {
        const int64_t to = size[axis - 2];
        gr_tensor index;
        if (in.dim[axis] == to) continue;
        if (gr_tensor_new(GR_I64, GR_SHAPE(to), &index) != GR_OK)
            return gr_build_fail(gr_node_graph(x), GR_NO_MEMORY, "upsample", "%s",
                                 gr_status_text(GR_NO_MEMORY));
        for (int64_t o = 0; o < to; o++) ((int64_t *)index.data)[o] = o * in.dim[axis] / to;
        x = gr_gather(x, gr_constant(gr_node_graph(x), &index), axis);
        gr_tensor_clear(&index);
    }
    return x;
}

gr_node *gr_upsample_nearest(gr_node *x, const int64_t *size, int count)
{
    if (!resample_fits(x, "upsample", "sizes", size, count)) return gr_error_node(gr_node_graph(x));
    const gr_shape in = gr_node_shape(x);
    int64_t factor[GR_SPACE] = {0};
    const gr_dtype dtype = gr_node_dtype(x);
    bool whole = true, doubles = dtype == GR_F32 || dtype == GR_F64;
    for (int i = 0; i < count; i++) {
        factor[i] = size[i] / in.dim[2 + i];
        whole = whole && size[i] % in.dim[2 + i] == 0;
        doubles = doubles && size[i] == 2 * in.dim[2 + i];
    }
    gr_composite_begin(gr_node_graph(x), "upsample");
    return resample_end(gr_node_graph(x), doubles ? resample_double(x, size)
                                          : whole ? resample_repeat(x, factor)
                                                  : resample_pick(x, size));
}

gr_node *gr_upsample_linear(gr_node *x, const int64_t *size, int count, bool align_corners)
{
    if (!resample_fits(x, "upsample", "sizes", size, count) || !resample_is_float(x, "upsample"))
        return gr_error_node(gr_node_graph(x));
    gr_composite_begin(gr_node_graph(x), "upsample");
    return resample_end(gr_node_graph(x),
                        resample_axes(x, size, resample_linear_row, align_corners));
}

/* ---- Adaptive pooling ------------------------------------------------------------------------ */

/* The kernel that divides every axis into `size` windows without rest, if there is one. */
static bool resample_divides(gr_shape in, const int64_t *size, gr_geometry *axes)
{
    *axes = (gr_geometry){0};
    for (int i = 0; i < in.rank - 2; i++) {
        if (in.dim[2 + i] % size[i]) return false;
        axes->kernel[i] = in.dim[2 + i] / size[i];
    }
    return true;
}

gr_node *gr_adaptive_avg_pool(gr_node *x, const int64_t *size, int count)
{
    gr_geometry axes;
    if (!resample_fits(x, "adaptive_avgpool", "sizes", size, count) ||
        !resample_is_float(x, "adaptive_avgpool"))
        return gr_error_node(gr_node_graph(x));
    gr_composite_begin(gr_node_graph(x), "adaptive_avgpool");
    const gr_window window = {.size = sizeof window, .axes = &axes};
    return resample_end(gr_node_graph(x), resample_divides(gr_node_shape(x), size, &axes)
                                              ? gr_avg_pool(x, &window)
                                              : resample_axes(x, size, resample_mean_row, false));
}

gr_node *gr_adaptive_max_pool(gr_node *x, const int64_t *size, int count)
{
    gr_geometry axes;
    const gr_window window = {.size = sizeof window, .axes = &axes};
    if (!resample_fits(x, "adaptive_maxpool", "sizes", size, count) ||
        !resample_is_float(x, "adaptive_maxpool"))
        return gr_error_node(gr_node_graph(x));
    gr_composite_begin(gr_node_graph(x), "adaptive_maxpool");
    return resample_end(gr_node_graph(x), resample_divides(gr_node_shape(x), size, &axes)
                                              ? gr_max_pool(x, &window)
                                              : gr_max_pool_adaptive(x, size));
}

/* ---- Global pooling -------------------------------------------------------------------------- */

static gr_node *resample_global(gr_node *x, const char *op, gr_node *(*reduce)(gr_node *, gr_axes))
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    if (in.rank < 3)
        return gr_build_fail(gr_node_graph(x), GR_SHAPE, op, "x is %s; it must be [N, C, space…]",
                             gr_shape_text(in));
    gr_axes axes = {.count = in.rank - 2};
    for (int i = 0; i < axes.count; i++) axes.axis[i] = 2 + i;
    return reduce(x, axes);
}

gr_node *gr_global_avg_pool(gr_node *x)
{
    return resample_global(x, "global_avgpool", gr_mean);
}

gr_node *gr_global_max_pool(gr_node *x)
{
    return resample_global(x, "global_maxpool", gr_max);
}
