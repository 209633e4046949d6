/* Making a picture fit: grey or colour, size, proportion. */
#include "base/base.h"

#include <math.h>

#include <gradus/image.h>

/* One axis of a resize: where it begins in the source, how many pixels of it are covered, and how
 * many the result has. */
typedef struct fit_axis {
    double begin, covered;
    int64_t source, result;
} fit_axis;

/* The source pixels first … first+count-1 that result pixel i is made of, and their weights. */
typedef struct fit_taps {
    int64_t first;
    int64_t count;
} fit_taps;

/* ---- Grey and colour ---------------------------------------------------------------------- */

static float fit_sample(const gr_tensor *image, int channels, int c, int64_t at)
{
    const unsigned char *data = image->data;
    const int64_t plane = image->shape.dim[1] * image->shape.dim[2];
    if (image->shape.dim[0] == 1) return (float)data[at];
    if (channels == 3) return (float)data[c * plane + at];
    unsigned grey = 299u * data[at] + 587u * data[plane + at] + 114u * data[2 * plane + at];
    return (float)grey / 1000.0f;
}

/* The picture as f32 [channels,h,w]. */
static gr_status fit_convert(const gr_tensor *image, int channels, gr_tensor *converted)
{
    gr_shape shape = image->shape;
    shape.dim[0] = channels;
    GR_TRY(gr_tensor_new(GR_F32, shape, converted));
    const int64_t plane = shape.dim[1] * shape.dim[2];
    float *to = converted->data;
    for (int c = 0; c < channels; c++) {
        for (int64_t at = 0; at < plane; at++) {
            to[c * plane + at] = fit_sample(image, channels, c, at);
        }
    }
    return GR_OK;
}

/* ---- Size --------------------------------------------------------------------------------- */

static int64_t fit_clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

/* Shrinking: the overlap of each source pixel with the area of the result's pixel. Growing: a line
 * between the two nearest centres. */
static fit_taps fit_weights(const fit_axis *axis, int64_t i, float *weight)
{
    const double step = axis->covered / (double)axis->result;
    if (step <= 1) {
        double centre = axis->begin + ((double)i + .5) * step - .5;
        int64_t left = (int64_t)floor(centre), a = fit_clamp(left, axis->source),
                b = fit_clamp(left + 1, axis->source);
        weight[0] = a == b ? 1 : (float)(1 - (centre - (double)left));
        weight[1] = 1 - weight[0];
        return (fit_taps){a, a == b ? 1 : 2};
    }
    double from = axis->begin + (double)i * step, to = from + step;
    int64_t first = fit_clamp((int64_t)floor(from), axis->source);
    int64_t last = fit_clamp((int64_t)ceil(to) - 1, axis->source);
    for (int64_t j = first; j <= last; j++) {
        double low = from > (double)j ? from : (double)j;
        double high = to < (double)(j + 1) ? to : (double)(j + 1);
        weight[j - first] = (float)((high - low) / step);
    }
    return (fit_taps){first, last - first + 1};
}

/* Resizes the middle axis of [outer,source,inner] to [outer,result,inner]. */
static gr_status fit_resize(const float *from, int64_t outer, const fit_axis *axis, int64_t inner,
                            float *to)
{
    size_t most = (size_t)ceil(axis->covered / (double)axis->result) + 3;
    float *weight = gr_alloc_array(most, sizeof *weight);
    if (!weight) return GR_NO_MEMORY;
    for (int64_t i = 0; i < axis->result; i++) {
        fit_taps taps = fit_weights(axis, i, weight);
        for (int64_t o = 0; o < outer; o++) {
            float *row = to + (o * axis->result + i) * inner;
            for (int64_t x = 0; x < inner; x++) row[x] = 0;
            for (int64_t t = 0; t < taps.count; t++) {
                const float *source = from + (o * axis->source + taps.first + t) * inner;
                for (int64_t x = 0; x < inner; x++) row[x] += weight[t] * source[x];
            }
        }
    }
    gr_free(weight);
    return GR_OK;
}

/* f32 [c,h,w] → [c,height,width], rows first, since they are dense. */
static gr_status fit_scale(const gr_tensor *image, const fit_axis *rows, const fit_axis *columns,
                           gr_tensor *scaled)
{
    const int64_t channels = image->shape.dim[0], width = image->shape.dim[2];
    gr_tensor low = {0};
    GR_TRY(gr_tensor_new(GR_F32, GR_SHAPE(channels, rows->result, width), &low));
    gr_status status = fit_resize(image->data, channels, rows, width, low.data);
    if (status == GR_OK) {
        status = gr_tensor_new(GR_F32, GR_SHAPE(channels, rows->result, columns->result), scaled);
    }
    if (status == GR_OK) {
        status = fit_resize(low.data, channels * rows->result, columns, 1, scaled->data);
    }
    gr_tensor_clear(&low);
    return status;
}

/* ---- Proportion --------------------------------------------------------------------------- */

/* What of the source is used and how large it becomes within [·,height,width]. */
static void fit_frame(gr_image_aspect aspect, fit_axis *rows, fit_axis *columns)
{
    const double h = (double)rows->source, w = (double)columns->source;
    const double down = (double)rows->result / h, across = (double)columns->result / w;
    if (aspect == GR_IMAGE_CROP) {
        double scale = down > across ? down : across;
        rows->covered = fmin(h, (double)rows->result / scale);
        columns->covered = fmin(w, (double)columns->result / scale);
        rows->begin = (h - rows->covered) / 2;
        columns->begin = (w - columns->covered) / 2;
    } else if (aspect == GR_IMAGE_PAD) {
        double scale = down < across ? down : across;
        rows->result = (int64_t)fmax(1, round(h * scale));
        columns->result = (int64_t)fmax(1, round(w * scale));
    }
}

/* Rounds `scaled` into the middle of the result, on the background. */
static void fit_place(const gr_tensor *scaled, const gr_image_fit_options *options,
                      gr_tensor *fitted)
{
    const int64_t *small = scaled->shape.dim, *large = fitted->shape.dim;
    const int64_t top = (large[1] - small[1]) / 2, left = (large[2] - small[2]) / 2;
    const float *from = scaled->data;
    unsigned char *to = fitted->data;
    memset(to, options->background, gr_tensor_bytes(fitted));
    for (int64_t c = 0; c < small[0]; c++) {
        for (int64_t y = 0; y < small[1]; y++) {
            unsigned char *row = to + (c * large[1] + top + y) * large[2] + left;
            for (int64_t x = 0; x < small[2]; x++) {
                float value = *from++ + .5f;
                int level = value > 255 ? 255 : (int)value;
                row[x] = (unsigned char)(options->invert ? 255 - level : level);
            }
        }
    }
}

static bool fit_is_picture(gr_shape shape)
{
    return shape.rank == 3 && (shape.dim[0] == 1 || shape.dim[0] == 3) && shape.dim[1] >= 1 &&
           shape.dim[2] >= 1 && shape.dim[1] <= GR_IMAGE_MAX_PIXELS / shape.dim[2];
}

static gr_status fit_check(const gr_tensor *image, gr_shape shape,
                           const gr_image_fit_options *options, gr_image_fit_options *known)
{
    *known = (gr_image_fit_options){0};
    if (options) {
        if (options->size < sizeof(size_t)) {
            return gr_fail(GR_INVALID, "gr_image_fit: the options' size is %zu", options->size);
        }
        memcpy(known, options, options->size < sizeof *known ? options->size : sizeof *known);
    }
    if (image->dtype != GR_U8) {
        return gr_fail(GR_DTYPE, "gr_image_fit: the picture is %s, not u8",
                       gr_dtype_name(image->dtype));
    }
    if (!fit_is_picture(image->shape) || !fit_is_picture(shape)) {
        return gr_fail(GR_SHAPE, "gr_image_fit: %s to %s: a picture is [1,h,w] or [3,h,w]",
                       gr_shape_text(image->shape), gr_shape_text(shape));
    }
    return GR_OK;
}

gr_status gr_image_fit(const gr_tensor *image, gr_shape shape, const gr_image_fit_options *options,
                       gr_tensor *fitted)
{
    gr_image_fit_options known;
    gr_tensor converted = {0}, scaled = {0};
    *fitted = (gr_tensor){0};
    GR_TRY(fit_check(image, shape, options, &known));
    fit_axis rows = {0, (double)image->shape.dim[1], image->shape.dim[1], shape.dim[1]};
    fit_axis columns = {0, (double)image->shape.dim[2], image->shape.dim[2], shape.dim[2]};
    fit_frame(known.aspect, &rows, &columns);
    gr_status status = fit_convert(image, (int)shape.dim[0], &converted);
    if (status == GR_OK) status = fit_scale(&converted, &rows, &columns, &scaled);
    if (status == GR_OK) status = gr_tensor_new(GR_U8, shape, fitted);
    if (status == GR_OK) fit_place(&scaled, &known, fitted);
    gr_tensor_clear(&converted);
    gr_tensor_clear(&scaled);
    return status;
}
