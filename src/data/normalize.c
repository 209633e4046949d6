/* Normalisation, learnt on one part and applied to all. */
#include "data/normalize.h"

#include <math.h>

static const char *const normalize_names[] = {"standard", "unit", "none", "mean_image"};

const char *gr_normalize_name(gr_normalize kind)
{
    return (size_t)kind < GR_LEN(normalize_names) ? normalize_names[kind] : "?";
}

int gr_normalize_find(const char *name)
{
    for (size_t i = 0; name && i < GR_LEN(normalize_names); i++) {
        if (strcmp(normalize_names[i], name) == 0) return (int)i;
    }
    return -1;
}

gr_status gr_normalizer_new(gr_normalize kind, int64_t channels, const float *shift,
                            const float *scale, gr_normalizer *normalizer)
{
    *normalizer = (gr_normalizer){.kind = kind};
    if ((size_t)kind >= GR_LEN(normalize_names) || channels < 1) {
        return gr_fail(GR_INVALID, "a normaliser of kind %d for %lld channels", (int)kind,
                       (long long)channels);
    }
    normalizer->shift = gr_alloc_array((size_t)channels, sizeof *shift);
    normalizer->scale = gr_alloc_array((size_t)channels, sizeof *scale);
    if (!normalizer->shift || !normalizer->scale) {
        gr_normalizer_clear(normalizer);
        return GR_NO_MEMORY;
    }
    memcpy(normalizer->shift, shift, (size_t)channels * sizeof *shift);
    memcpy(normalizer->scale, scale, (size_t)channels * sizeof *scale);
    normalizer->channels = channels;
    return GR_OK;
}

void gr_normalizer_clear(gr_normalizer *normalizer)
{
    gr_free(normalizer->shift);
    gr_free(normalizer->scale);
    *normalizer = (gr_normalizer){0};
}

/* ---- Learning ----------------------------------------------------------------------------- */

int64_t gr_normalize_channels(gr_normalize kind, gr_shape example)
{
    if (kind == GR_NORMALIZE_MEAN_IMAGE) return gr_shape_count(example);
    return example.rank == 1 || example.rank >= 3 ? example.dim[0] : 1;
}

/* What is known of one channel. */
typedef struct normalize_sums {
    double mean, squares; /* squares: sum of squared deviations from the mean */
    double least, greatest;
    int64_t count;
} normalize_sums;

/* One channel's sums while they grow. Bytes are counted, so that all sums follow exactly: four
 * counts of each, so that runs of one byte do not wait for each other. */
typedef struct normalize_channel {
    int64_t count[256][4];
    normalize_sums sums;
} normalize_channel;

static void normalize_add_bytes(const unsigned char *x, size_t n, normalize_channel *channel)
{
    for (size_t j = 0; j < n; j++) channel->count[x[j]][j % 4]++;
}

static void normalize_sum_bytes(normalize_channel *channel)
{
    normalize_sums *sums = &channel->sums;
    double total = 0;
    for (int value = 0; value < 256; value++) {
        int64_t *count = channel->count[value];
        for (int part = 1; part < 4; part++) count[0] += count[part];
        total += (double)value * (double)count[0];
        sums->count += count[0];
    }
    sums->mean = total / (double)sums->count;
    for (int value = 0; value < 256; value++) {
        double off = value - sums->mean;
        sums->squares += off * off * (double)channel->count[value][0];
    }
}

/* Welford's recurrence (1962): does not cancel, whatever the mean. */
static void normalize_add_numbers(const float *x, size_t n, normalize_channel *channel)
{
    normalize_sums *sums = &channel->sums;
    for (size_t j = 0; j < n; j++) {
        double value = (double)x[j], off = value - sums->mean;
        sums->mean += off / (double)++sums->count;
        sums->squares += off * (value - sums->mean);
        if (value < sums->least) sums->least = value;
        if (value > sums->greatest) sums->greatest = value;
    }
}

static void normalize_add(gr_dtype dtype, const void *example, size_t area, size_t channels,
                          normalize_channel *channel)
{
    for (size_t c = 0; c < channels; c++) {
        if (dtype == GR_U8) {
            normalize_add_bytes((const unsigned char *)example + c * area, area, &channel[c]);
        } else {
            normalize_add_numbers((const float *)example + c * area, area, &channel[c]);
        }
    }
}

static void normalize_settle(gr_normalize kind, bool bytes, const normalize_sums *sums,
                             float *shift, float *scale)
{
    double spread = 0;
    if (kind == GR_NORMALIZE_STANDARD) {
        spread = sqrt(sums->squares / (double)sums->count);
        *shift = (float)sums->mean;
    } else if (bytes) {
        spread = 255;
        *shift = 0;
    } else {
        spread = sums->greatest - sums->least;
        *shift = (float)sums->least;
    }
    /* The rounded mean may leave a rest: what varies less than f32 can tell does not vary. */
    double factor = 1 / spread;
    bool varies = spread > 0 && isfinite((float)factor);
    *scale = varies ? (float)factor : 1;
}

/* What is learnt from one example after another: each channel's sums, or each element's. */
typedef struct normalize_scan {
    gr_normalize kind;
    gr_dtype dtype;
    size_t elements, channels;
    normalize_channel *channel; /* [channels], or */
    double *sum;                /* [elements], of the mean image */
    int64_t count;              /* examples */
} normalize_scan;

static void normalize_scan_example(normalize_scan *scan, const void *example)
{
    scan->count++;
    if (scan->kind != GR_NORMALIZE_MEAN_IMAGE) {
        normalize_add(scan->dtype, example, scan->elements / scan->channels, scan->channels,
                      scan->channel);
    } else if (scan->dtype == GR_U8) {
        for (size_t i = 0; i < scan->elements; i++)
            scan->sum[i] += (double)((const unsigned char *)example)[i];
    } else {
        for (size_t i = 0; i < scan->elements; i++)
            scan->sum[i] += (double)((const float *)example)[i];
    }
}

/* Some examples of a streamed set, evenly spaced: its parts are alike, and reading it whole may
 * take hours. */
static gr_status normalize_sample(const gr_dataset *dataset, gr_dataset **sample)
{
    const bool some = gr_dataset_streamed(dataset) && dataset->count > GR_NORMALIZE_SAMPLE;
    const int64_t n = some ? GR_NORMALIZE_SAMPLE : dataset->count;
    int64_t *index = gr_alloc_array((size_t)n, sizeof *index);
    if (!index) return GR_NO_MEMORY;
    for (int64_t k = 0; k < n; k++) {
        index[k] = (int64_t)((double)k * ((double)dataset->count / (double)n));
    }
    gr_status status = gr_dataset_select(dataset, index, n, sample);
    gr_free(index);
    return status;
}

/* Through a loader, whose threads read and cut. */
static gr_status normalize_scan_loaded(normalize_scan *scan, const gr_dataset *dataset,
                                       const gr_preprocess *preprocess)
{
    gr_dataset *sample = NULL;
    gr_loader *loader = NULL;
    gr_batch batch;
    gr_status status = normalize_sample(dataset, &sample);
    if (status == GR_OK) {
        status = gr_loader_new(sample, GR_LOADER(.batch = 32, .preprocess = preprocess), &loader);
    }
    while (status == GR_OK && gr_loader_next(loader, &batch)) {
        const float *x = batch.x.data;
        for (int64_t i = 0; i < batch.rows; i++) {
            normalize_scan_example(scan, x + (size_t)i * scan->elements);
        }
    }
    if (status == GR_OK) status = gr_loader_status(loader);
    gr_loader_free(loader);
    gr_dataset_free(sample);
    return status;
}

static gr_status normalize_scan_all(normalize_scan *scan, const gr_dataset *dataset,
                                    const gr_preprocess *preprocess)
{
    const bool bytes = dataset->storage->dtype == GR_U8;
    const bool changed = preprocess && (preprocess->resize || preprocess->crop);
    if (scan->kind == GR_NORMALIZE_NONE || (scan->kind == GR_NORMALIZE_UNIT && bytes)) {
        return GR_OK; /* the range of bytes is known */
    }
    if (changed || gr_dataset_streamed(dataset)) {
        return normalize_scan_loaded(scan, dataset, preprocess);
    }
    scan->dtype = dataset->storage->dtype;
    for (int64_t i = 0; i < dataset->count; i++) {
        normalize_scan_example(scan, gr_dataset_example(dataset, i));
    }
    return GR_OK;
}

/* shift[channels], then scale[channels]. */
static void normalize_conclude(normalize_scan *scan, bool bytes, float *learnt)
{
    const size_t n = scan->channels;
    for (size_t c = 0; c < n; c++) {
        learnt[n + c] = 1;
        if (scan->kind == GR_NORMALIZE_MEAN_IMAGE) {
            learnt[c] = (float)(scan->sum[c] / (double)scan->count);
        } else if (scan->kind != GR_NORMALIZE_NONE) {
            if (scan->dtype == GR_U8) normalize_sum_bytes(&scan->channel[c]);
            normalize_settle(scan->kind, bytes, &scan->channel[c].sums, &learnt[c], &learnt[n + c]);
        }
    }
}

static gr_status normalize_learn(normalize_scan *scan, const gr_dataset *dataset,
                                 const gr_preprocess *preprocess, gr_normalizer *normalizer)
{
    const size_t n = scan->channels;
    float *learnt = gr_alloc_array(2 * n, sizeof *learnt);
    if (scan->kind == GR_NORMALIZE_MEAN_IMAGE) {
        scan->sum = gr_alloc_array(n, sizeof *scan->sum);
    } else {
        scan->channel = gr_alloc_array(n, sizeof *scan->channel);
    }
    gr_status status = learnt && (scan->sum || scan->channel) ? GR_OK : GR_NO_MEMORY;
    for (size_t c = 0; status == GR_OK && scan->channel && c < n; c++) {
        scan->channel[c].sums.least = (double)INFINITY;
        scan->channel[c].sums.greatest = -(double)INFINITY;
    }
    if (status == GR_OK) status = normalize_scan_all(scan, dataset, preprocess);
    if (status == GR_OK) {
        normalize_conclude(scan, dataset->storage->dtype == GR_U8, learnt);
        status = gr_normalizer_new(scan->kind, (int64_t)n, learnt, learnt + n, normalizer);
    }
    gr_free(scan->sum);
    gr_free(scan->channel);
    gr_free(learnt);
    return status;
}

/* What a normaliser looks at: of a mean image pictures before they are cropped. */
static gr_preprocess normalize_seen(gr_normalize kind, gr_shape shape, const gr_preprocess *given)
{
    gr_preprocess seen = given ? *given : (gr_preprocess){0};
    if (kind != GR_NORMALIZE_MEAN_IMAGE || shape.rank != 3) return seen;
    const bool any_size = shape.dim[1] == 0;
    if (!any_size)
        seen.crop = 0;
    else if (seen.resize)
        seen.crop = seen.resize; /* the middle square */
    return seen;
}

gr_status gr_normalizer_learn_view(gr_normalize kind, const gr_dataset *dataset,
                                   const gr_preprocess *preprocess, gr_normalizer *normalizer)
{
    const gr_storage *storage = dataset->storage;
    gr_shape seen;
    if (storage->dtype == GR_I32) kind = GR_NORMALIZE_NONE; /* tokens are names, no quantities */
    *normalizer = (gr_normalizer){.kind = kind};
    if ((size_t)kind >= GR_LEN(normalize_names) || dataset->count < 1) {
        return gr_fail(GR_INVALID, "a normaliser of kind %d for %lld examples of '%s'", (int)kind,
                       (long long)dataset->count, storage->name);
    }
    const gr_preprocess whole = normalize_seen(kind, storage->shape, preprocess);
    GR_TRY(gr_preprocess_shape(preprocess, storage->shape, &seen)); /* refuses a bad crop */
    GR_TRY(gr_preprocess_shape(&whole, storage->shape, &seen));
    normalize_scan scan = {.kind = kind,
                           .dtype = GR_F32,
                           .elements = (size_t)gr_shape_count(seen),
                           .channels = (size_t)gr_normalize_channels(kind, seen)};
    GR_TRY(normalize_learn(&scan, dataset, &whole, normalizer));
    if (kind == GR_NORMALIZE_MEAN_IMAGE && seen.rank == 3) normalizer->picture = seen;
    return GR_OK;
}

gr_status gr_normalizer_learn(gr_normalize kind, const gr_dataset *dataset,
                              gr_normalizer *normalizer)
{
    return gr_normalizer_learn_view(kind, dataset, NULL, normalizer);
}

gr_status gr_normalizer_none(gr_shape example, gr_normalizer *normalizer)
{
    const size_t n = (size_t)gr_normalize_channels(GR_NORMALIZE_NONE, example);
    *normalizer = (gr_normalizer){.kind = GR_NORMALIZE_NONE};
    float *numbers = gr_alloc_array(2 * n, sizeof *numbers);
    if (!numbers) return GR_NO_MEMORY;
    for (size_t c = 0; c < n; c++) numbers[n + c] = 1;
    gr_status status =
        gr_normalizer_new(GR_NORMALIZE_NONE, (int64_t)n, numbers, numbers + n, normalizer);
    gr_free(numbers);
    return status;
}

/* ---- Applying ----------------------------------------------------------------------------- */

static void normalize_bytes(const unsigned char *restrict x, size_t n, float shift, float scale,
                            float *restrict y)
{
    GR_SIMD for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - shift) * scale;
}

static void normalize_numbers(const float *restrict x, size_t n, float shift, float scale,
                              float *restrict y)
{
    GR_SIMD for (size_t i = 0; i < n; i++) y[i] = (x[i] - shift) * scale;
}

static void normalize_elements(gr_dtype dtype, const void *x, size_t n, const float *restrict shift,
                               const float *restrict scale, float *restrict y)
{
    const unsigned char *bytes = x;
    const float *numbers = x;
    if (dtype == GR_U8) {
        GR_SIMD for (size_t i = 0; i < n; i++) y[i] = ((float)bytes[i] - shift[i]) * scale[i];
    } else {
        GR_SIMD for (size_t i = 0; i < n; i++) y[i] = (numbers[i] - shift[i]) * scale[i];
    }
}

static int64_t normalize_clamp(int64_t at, int64_t size)
{
    return at < 0 ? 0 : at < size ? at : size - 1;
}

/* Takes from each pixel the mean of what lay at its place in the picture; beyond its edge, where
 * pictures were padded or wider than the mean's middle square, that of the edge. */
static void normalize_part(const gr_normalizer *normalizer, gr_dtype dtype, const void *x,
                           gr_shape example, gr_normalize_place place, float *y)
{
    const int64_t rows = example.dim[1], columns = example.dim[2];
    const int64_t high = normalizer->picture.dim[1], wide = normalizer->picture.dim[2];
    const int64_t top = (high - rows) / 2 + place.down, left = (wide - columns) / 2 + place.right;
    int64_t at = 0;
    for (int64_t c = 0; c < example.dim[0]; c++) {
        for (int64_t r = 0; r < rows; r++) {
            const int64_t row = c * high + normalize_clamp(top + r, high);
            const float *mean = normalizer->shift + row * wide;
            for (int64_t k = 0; k < columns; k++, at++) {
                const int64_t column = place.mirror ? columns - 1 - k : k;
                const float value =
                    dtype == GR_U8 ? (float)((const unsigned char *)x)[at] : ((const float *)x)[at];
                y[at] = value - mean[normalize_clamp(left + column, wide)];
            }
        }
    }
}

void gr_normalize_example(const gr_normalizer *normalizer, gr_dtype dtype, const void *x,
                          gr_shape example, gr_normalize_place place, float *y)
{
    const size_t n = (size_t)gr_shape_count(example), channels = (size_t)normalizer->channels;
    const bool picture = normalizer->picture.rank == 3;
    if (picture && (channels != n || place.down || place.right || place.mirror)) {
        normalize_part(normalizer, dtype, x, example, place, y);
        return;
    }
    const size_t area = n / channels;
    if (area == 1) {
        normalize_elements(dtype, x, n, normalizer->shift, normalizer->scale, y);
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        float shift = normalizer->shift[c], scale = normalizer->scale[c];
        if (dtype == GR_U8) {
            normalize_bytes((const unsigned char *)x + c * area, area, shift, scale, y + c * area);
        } else {
            normalize_numbers((const float *)x + c * area, area, shift, scale, y + c * area);
        }
    }
}

static gr_status normalize_fits_picture(gr_shape picture, gr_shape example)
{
    const bool fits = example.rank == 3 && example.dim[0] == picture.dim[0] &&
                      example.dim[1] <= picture.dim[1] && example.dim[2] <= picture.dim[2];
    return fits ? GR_OK
                : gr_fail(GR_SHAPE,
                          "the mean image is %s, but examples are %s: should be part of it",
                          gr_shape_text(picture), gr_shape_text(example));
}

gr_status gr_normalize_fits(const gr_normalizer *normalizer, gr_shape example)
{
    if (normalizer->picture.rank == 3) return normalize_fits_picture(normalizer->picture, example);
    int64_t channels = gr_normalize_channels(normalizer->kind, example);
    if (normalizer->channels == channels) return GR_OK;
    return gr_fail(GR_SHAPE, "the normaliser is for %lld channels, but examples %s have %lld",
                   (long long)normalizer->channels, gr_shape_text(example), (long long)channels);
}

gr_status gr_normalizer_apply(const gr_normalizer *normalizer, const gr_tensor *x, float *y)
{
    if (x->dtype != GR_U8 && x->dtype != GR_F32) {
        return gr_fail(GR_DTYPE, "a normaliser takes u8 or f32, not %s", gr_dtype_name(x->dtype));
    }
    if (x->shape.rank < 1) {
        return gr_fail(GR_SHAPE, "a normaliser takes [n,...], not a scalar");
    }
    gr_shape example = gr_shape_of(x->shape.rank - 1, x->shape.dim + 1);
    GR_TRY(gr_normalize_fits(normalizer, example));
    size_t n = (size_t)gr_shape_count(example), bytes = n * gr_dtype_size(x->dtype);
    for (int64_t i = 0; i < x->shape.dim[0]; i++) {
        gr_normalize_example(normalizer, x->dtype, (const char *)x->data + (size_t)i * bytes,
                             example, (gr_normalize_place){0}, y + (size_t)i * n);
    }
    return GR_OK;
}
