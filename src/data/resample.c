/* Making a view of a picture: cut or scaled, mirrored, its colours varied. */
#include "data/view.h"

#include <math.h>

/* ---- Scratch ------------------------------------------------------------------------------ */

static gr_status view_reserve(gr_view_scratch *scratch, size_t count)
{
    if (scratch->values && count <= scratch->capacity) return GR_OK;
    gr_free(scratch->values);
    scratch->capacity = 0;
    scratch->values = gr_alloc_array(count, sizeof *scratch->values);
    if (!scratch->values) return GR_NO_MEMORY;
    scratch->capacity = count;
    return GR_OK;
}

void gr_view_scratch_clear(gr_view_scratch *scratch)
{
    gr_free(scratch->values);
    *scratch = (gr_view_scratch){0};
}

/* ---- Cutting ------------------------------------------------------------------------------ */

static void view_copy_row(gr_dtype dtype, const void *from, size_t at, int64_t n, float *to,
                          int64_t step)
{
    const unsigned char *bytes = (const unsigned char *)from + at;
    const float *numbers = (const float *)from + at;
    if (dtype == GR_U8 && step == 1) {
        GR_SIMD for (int64_t i = 0; i < n; i++) to[i] = (float)bytes[i];
    } else if (dtype == GR_U8) {
        GR_SIMD for (int64_t i = 0; i < n; i++) to[-i] = (float)bytes[i];
    } else {
        for (int64_t i = 0; i < n; i++) to[i * step] = numbers[i];
    }
}

static void view_cut(const gr_frame *frame, gr_dtype dtype, gr_shape shape, const void *picture,
                     float *y)
{
    const int64_t height = shape.dim[1], width = shape.dim[2], columns = frame->columns;
    const int64_t top = (int64_t)frame->top, left = (int64_t)frame->left;
    const int64_t first = left < 0 ? -left : 0, room = width - left;
    const int64_t end = room < columns ? room : columns;
    const int64_t to = frame->mirror ? columns - 1 - first : first;
    for (int64_t row = 0; row < shape.dim[0] * frame->rows; row++, y += columns) {
        const int64_t c = row / frame->rows, r = top + row % frame->rows;
        const bool inside = r >= 0 && r < height;
        if (!inside || first > 0 || end < columns) memset(y, 0, (size_t)columns * sizeof *y);
        if (!inside || end <= first) continue;
        view_copy_row(dtype, picture, (size_t)((c * height + r) * width + left + first),
                      end - first, y + to, frame->mirror ? -1 : 1);
    }
}

/* ---- Scaling ------------------------------------------------------------------------------ */

/* One axis: of `source` pixels, pixel i of the result covers from + i·step … from + (i+1)·step. */
typedef struct view_axis {
    double from, step;
    int64_t source, result;
    size_t most; /* weights of a pixel */
} view_axis;

/* The source pixels that a pixel of the result is made of. */
typedef struct view_taps {
    int64_t first, count;
} view_taps;

static view_axis view_make_axis(double from, double step, int64_t source, int64_t result)
{
    return (view_axis){from, step, source, result, (size_t)ceil(step) + 2};
}

static int64_t view_clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

/* Shrinking: the overlap of each source pixel with the area of the result's pixel. Growing: a line
 * between the two nearest centres. Beyond the picture its edge goes on. */
static view_taps view_weights(const view_axis *axis, int64_t i, float *weight)
{
    if (axis->step <= 1) {
        double centre = axis->from + ((double)i + .5) * axis->step - .5;
        int64_t low = (int64_t)floor(centre);
        int64_t a = view_clamp(low, axis->source), b = view_clamp(low + 1, axis->source);
        weight[0] = a == b ? 1 : (float)(1 - (centre - (double)low));
        weight[1] = 1 - weight[0];
        return (view_taps){a, a == b ? 1 : 2};
    }
    double from = axis->from + (double)i * axis->step, to = from + axis->step;
    int64_t first = view_clamp((int64_t)floor(from), axis->source);
    int64_t last = view_clamp((int64_t)ceil(to) - 1, axis->source);
    double sum = 0;
    for (int64_t j = first; j <= last; j++) {
        double low = from > (double)j ? from : (double)j;
        double high = to < (double)(j + 1) ? to : (double)(j + 1);
        double overlap = high > low ? high - low : 0;
        weight[j - first] = (float)overlap;
        sum += overlap;
    }
    if (!(sum > 0)) { /* all of it is beyond the picture */
        weight[0] = 1;
        return (view_taps){first, 1};
    }
    for (int64_t j = first; j <= last; j++) weight[j - first] /= (float)sum;
    return (view_taps){first, last - first + 1};
}

static void view_add_bytes(const unsigned char *restrict from, size_t n, float weight,
                           float *restrict to)
{
    GR_SIMD for (size_t i = 0; i < n; i++) to[i] += weight * (float)from[i];
}

static void view_add_numbers(const float *restrict from, size_t n, float weight, float *restrict to)
{
    GR_SIMD for (size_t i = 0; i < n; i++) to[i] += weight * from[i];
}

/* What the rows of one picture share: the columns' taps, and the columns of the source that these
 * reach. */
typedef struct view_columns {
    view_axis axis;
    view_taps *taps; /* [result] */
    float *weight;   /* [result][axis.most] */
    int64_t first, end;
    float *line; /* [end - first]: a row of the result, not yet scaled in width */
    float *row_weight;
} view_columns;

static void view_prepare_columns(view_columns *columns)
{
    const view_axis *axis = &columns->axis;
    columns->first = axis->source;
    columns->end = 0;
    for (int64_t i = 0; i < axis->result; i++) {
        view_taps taps = view_weights(axis, i, columns->weight + (size_t)i * axis->most);
        columns->taps[i] = taps;
        if (taps.first < columns->first) columns->first = taps.first;
        if (taps.first + taps.count > columns->end) columns->end = taps.first + taps.count;
    }
}

/* One row of the result out of columns->line. */
static void view_scale_line(const view_columns *columns, bool mirror, float *y)
{
    const int64_t n = columns->axis.result;
    for (int64_t i = 0; i < n; i++) {
        const float *line = columns->line + (columns->taps[i].first - columns->first);
        const float *weight = columns->weight + (size_t)i * columns->axis.most;
        const int64_t count = columns->taps[i].count;
        float sum = 0;
        for (int64_t t = 0; t < count; t++) sum += weight[t] * line[t];
        y[mirror ? n - 1 - i : i] = sum;
    }
}

static void view_scale_plane(const view_columns *columns, const view_axis *rows, gr_dtype dtype,
                             const void *picture, size_t plane, bool mirror, float *y)
{
    const size_t n = (size_t)(columns->end - columns->first);
    for (int64_t r = 0; r < rows->result; r++, y += columns->axis.result) {
        view_taps taps = view_weights(rows, r, columns->row_weight);
        memset(columns->line, 0, n * sizeof *columns->line);
        for (int64_t t = 0; t < taps.count; t++) {
            const size_t at =
                plane + (size_t)((taps.first + t) * columns->axis.source + columns->first);
            if (dtype == GR_U8) {
                view_add_bytes((const unsigned char *)picture + at, n, columns->row_weight[t],
                               columns->line);
            } else {
                view_add_numbers((const float *)picture + at, n, columns->row_weight[t],
                                 columns->line);
            }
        }
        view_scale_line(columns, mirror, y);
    }
}

static gr_status view_scale(const gr_frame *frame, gr_dtype dtype, gr_shape shape,
                            const void *picture, gr_view_scratch *scratch, float *y)
{
    const int64_t height = shape.dim[1], width = shape.dim[2];
    const view_axis rows = view_make_axis(frame->top, frame->tall, height, frame->rows);
    view_columns columns = {.axis =
                                view_make_axis(frame->left, frame->wide, width, frame->columns)};
    const size_t n = (size_t)frame->columns, weights = n * columns.axis.most;
    const size_t taps = n * sizeof(view_taps) / sizeof(float);
    GR_TRY(view_reserve(scratch, taps + weights + rows.most + (size_t)width));
    columns.taps = (view_taps *)(void *)scratch->values;
    columns.weight = scratch->values + taps;
    columns.row_weight = columns.weight + weights;
    columns.line = columns.row_weight + rows.most;
    view_prepare_columns(&columns);
    for (int64_t c = 0; c < shape.dim[0]; c++) {
        view_scale_plane(&columns, &rows, dtype, picture, (size_t)(c * height * width),
                         frame->mirror, y + c * frame->rows * frame->columns);
    }
    return GR_OK;
}

/* ---- Colours ------------------------------------------------------------------------------ */

static float view_level(float x)
{
    return x < 0 ? 0 : x > 255 ? 255 : x;
}

static float view_grey(const float *y, size_t plane, size_t i, bool colour)
{
    if (!colour) return y[i];
    return .299f * y[i] + .587f * y[plane + i] + .114f * y[2 * plane + i];
}

/* Towards or away from the grey mean of the picture. */
static void view_vary_contrast(float factor, size_t plane, bool colour, float *y)
{
    double sum = 0;
    for (size_t i = 0; i < plane; i++) sum += (double)view_grey(y, plane, i, colour);
    const float mean = (float)(sum / (double)plane);
    const size_t n = colour ? 3 * plane : plane;
    GR_SIMD for (size_t i = 0; i < n; i++) y[i] = view_level(mean + factor * (y[i] - mean));
}

/* Towards or away from each pixel's grey. */
static void view_vary_saturation(float factor, size_t plane, float *y)
{
    for (size_t i = 0; i < plane; i++) {
        const float grey = view_grey(y, plane, i, true);
        for (size_t c = 0; c < 3; c++) {
            float *x = &y[c * plane + i];
            *x = view_level(grey + factor * (*x - grey));
        }
    }
}

static void view_vary_colours(const gr_frame *frame, int64_t channels, float *y)
{
    const size_t plane = (size_t)(frame->rows * frame->columns);
    const bool colour = channels == 3;
    if (frame->brightness != 1) {
        for (size_t i = 0; i < (size_t)channels * plane; i++) {
            y[i] = view_level(y[i] * frame->brightness);
        }
    }
    if (frame->contrast != 1) view_vary_contrast(frame->contrast, plane, colour, y);
    if (frame->saturation != 1 && colour) view_vary_saturation(frame->saturation, plane, y);
}

gr_status gr_view_apply(const gr_frame *frame, gr_dtype dtype, gr_shape shape, const void *picture,
                        gr_view_scratch *scratch, float *y)
{
    const bool whole = frame->top == floor(frame->top) && frame->left == floor(frame->left);
    if (frame->tall == 1 && frame->wide == 1 && whole) {
        view_cut(frame, dtype, shape, picture, y);
    } else {
        GR_TRY(view_scale(frame, dtype, shape, picture, scratch, y));
    }
    view_vary_colours(frame, shape.dim[0], y);
    return GR_OK;
}

gr_status gr_view_prepare(const gr_view *view, int64_t height, int64_t width,
                          gr_view_scratch *scratch)
{
    const size_t most_of_column = (size_t)(width / view->columns) + 3;
    const size_t most_of_row = (size_t)(height / view->rows) + 3;
    const size_t taps = sizeof(view_taps) / sizeof(float);
    return view_reserve(scratch, (size_t)view->columns * (taps + most_of_column) + most_of_row +
                                     (size_t)width);
}

gr_status gr_preprocess_apply(const gr_preprocess *preprocess, const gr_tensor *picture, float *y)
{
    gr_view view;
    gr_frame frame;
    gr_view_scratch scratch = {0};
    if (picture->dtype != GR_U8 && picture->dtype != GR_F32) {
        return gr_fail(GR_DTYPE, "a picture of %s: should be u8 or f32",
                       gr_dtype_name(picture->dtype));
    }
    if (picture->shape.rank != 3 || gr_shape_count(picture->shape) < 1) {
        return gr_fail(GR_SHAPE, "a picture of shape %s: should be [c,h,w]",
                       gr_shape_text(picture->shape));
    }
    const int64_t *dim = picture->shape.dim;
    GR_TRY(gr_view_settle(picture->dtype, picture->shape, preprocess, NULL, &view));
    if (view.plain) {
        view.rows = dim[1];
        view.columns = dim[2];
    }
    gr_view_frame(&view, dim[1], dim[2], 0, &frame);
    gr_status status =
        gr_view_apply(&frame, picture->dtype, picture->shape, picture->data, &scratch, y);
    gr_view_scratch_clear(&scratch);
    return status;
}
