/* Normalisation, learnt on one part and applied to all. */
#include "data/normalize.h"

#include <math.h>

static const char *const normalize_names[] = {"standard", "unit", "none"};

const char *gr_normalize_name(gr_normalize kind)
{
    return (size_t)kind < GR_LEN(normalize_names) ? normalize_names[kind] : "?";
}

int gr_normalize_find(const char *name)
{
    for (size_t i = 0; i < GR_LEN(normalize_names); i++) {
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

static int64_t normalize_channels(gr_shape example)
{
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

/* Adds the examples up. A streamed set gives some, evenly spaced: its parts are alike, and reading
 * it whole may take hours. */
static gr_status normalize_scan(const gr_dataset *dataset, size_t area, size_t channels,
                                normalize_channel *channel)
{
    const gr_storage *storage = dataset->storage;
    const bool streamed = gr_dataset_streamed(dataset);
    const int64_t n =
        streamed && dataset->count > GR_NORMALIZE_SAMPLE ? GR_NORMALIZE_SAMPLE : dataset->count;
    void *raw = NULL;
    int32_t *labels = NULL;
    gr_status status = GR_OK;
    if (streamed) {
        raw = gr_alloc_aligned(storage->example_bytes);
        labels = gr_alloc_array(storage->label_count, sizeof *labels);
        if (!raw || !labels) status = GR_NO_MEMORY;
    }
    for (int64_t k = 0; k < n && status == GR_OK; k++) {
        int64_t i = (int64_t)((double)k * ((double)dataset->count / (double)n));
        if (streamed) status = gr_dataset_read(dataset, i, 0, raw, labels);
        if (status != GR_OK) break;
        normalize_add(storage->dtype, streamed ? raw : gr_dataset_example(dataset, i), area,
                      channels, channel);
    }
    gr_free_aligned(raw);
    gr_free(labels);
    return status;
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

static gr_status normalize_learn_channels(gr_normalize kind, const gr_dataset *dataset,
                                          normalize_channel *channel, size_t channels,
                                          float *learnt)
{
    const gr_storage *storage = dataset->storage;
    const bool bytes = storage->dtype == GR_U8;
    const size_t area = (size_t)gr_shape_count(storage->shape) / channels;
    /* What there is to learn: the range of bytes is known. */
    const bool scans = kind == GR_NORMALIZE_STANDARD || (kind == GR_NORMALIZE_UNIT && !bytes);
    for (size_t c = 0; c < channels; c++) {
        learnt[channels + c] = 1;
        channel[c].sums.least = (double)INFINITY;
        channel[c].sums.greatest = -(double)INFINITY;
    }
    if (kind == GR_NORMALIZE_NONE) return GR_OK;
    if (scans) GR_TRY(normalize_scan(dataset, area, channels, channel));
    for (size_t c = 0; c < channels; c++) {
        if (scans && bytes) normalize_sum_bytes(&channel[c]);
        normalize_settle(kind, bytes, &channel[c].sums, &learnt[c], &learnt[channels + c]);
    }
    return GR_OK;
}

gr_status gr_normalizer_learn(gr_normalize kind, const gr_dataset *dataset,
                              gr_normalizer *normalizer)
{
    const gr_storage *storage = dataset->storage;
    const size_t channels = (size_t)normalize_channels(storage->shape);
    if (storage->dtype == GR_I32) kind = GR_NORMALIZE_NONE; /* tokens are names, no quantities */
    *normalizer = (gr_normalizer){.kind = kind};
    if ((size_t)kind >= GR_LEN(normalize_names) || dataset->count < 1) {
        return gr_fail(GR_INVALID, "a normaliser of kind %d for %lld examples of '%s'", (int)kind,
                       (long long)dataset->count, storage->name);
    }
    float *learnt = gr_alloc_array(2 * channels, sizeof *learnt);
    normalize_channel *channel = gr_alloc_array(channels, sizeof *channel);
    gr_status status = learnt && channel
                           ? normalize_learn_channels(kind, dataset, channel, channels, learnt)
                           : GR_NO_MEMORY;
    if (status == GR_OK) {
        status = gr_normalizer_new(kind, (int64_t)channels, learnt, learnt + channels, normalizer);
    }
    gr_free(channel);
    gr_free(learnt);
    return status;
}

/* ---- Applying ----------------------------------------------------------------------------- */

static void normalize_bytes(const unsigned char *restrict x, size_t n, float shift, float scale,
                            float *restrict y)
{
    for (size_t i = 0; i < n; i++) y[i] = ((float)x[i] - shift) * scale;
}

static void normalize_numbers(const float *restrict x, size_t n, float shift, float scale,
                              float *restrict y)
{
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - shift) * scale;
}

static void normalize_features(const float *restrict x, size_t n, const float *restrict shift,
                               const float *restrict scale, float *restrict y)
{
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - shift[i]) * scale[i];
}

void gr_normalize_example(const gr_normalizer *normalizer, gr_dtype dtype, const void *x, size_t n,
                          float *y)
{
    const size_t channels = (size_t)normalizer->channels, area = n / channels;
    if (area == 1 && dtype == GR_F32) {
        normalize_features(x, n, normalizer->shift, normalizer->scale, y);
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

gr_status gr_normalize_fits(const gr_normalizer *normalizer, gr_shape example)
{
    int64_t channels = normalize_channels(example);
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
        gr_normalize_example(normalizer, x->dtype, (const char *)x->data + (size_t)i * bytes, n,
                             y + (size_t)i * n);
    }
    return GR_OK;
}
