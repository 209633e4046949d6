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

/* How often each byte occurs: all sums follow exactly. Four counts of each, so that runs of one
 * byte do not wait for each other. */
static void normalize_count_bytes(const gr_dataset *dataset, size_t channel, size_t area,
                                  normalize_sums *sums)
{
    int64_t count[256][4] = {0};
    for (int64_t i = 0; i < dataset->count; i++) {
        const unsigned char *at = gr_dataset_example(dataset, i);
        for (size_t j = 0; j < area; j++) count[at[channel * area + j]][j % 4]++;
    }
    *sums = (normalize_sums){.count = dataset->count * (int64_t)area};
    double total = 0;
    for (int value = 0; value < 256; value++) {
        for (int part = 1; part < 4; part++) count[value][0] += count[value][part];
        total += (double)value * (double)count[value][0];
    }
    sums->mean = total / (double)sums->count;
    for (int value = 0; value < 256; value++) {
        double off = value - sums->mean;
        sums->squares += off * off * (double)count[value][0];
    }
}

/* Welford's recurrence (1962): does not cancel, whatever the mean. */
static void normalize_sum_numbers(const gr_dataset *dataset, size_t channel, size_t area,
                                  normalize_sums *sums)
{
    *sums = (normalize_sums){.least = (double)INFINITY, .greatest = -(double)INFINITY};
    for (int64_t i = 0; i < dataset->count; i++) {
        const float *at = gr_dataset_example(dataset, i);
        for (size_t j = 0; j < area; j++) {
            double value = (double)at[channel * area + j], off = value - sums->mean;
            sums->mean += off / (double)++sums->count;
            sums->squares += off * (value - sums->mean);
            if (value < sums->least) sums->least = value;
            if (value > sums->greatest) sums->greatest = value;
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

gr_status gr_normalizer_learn(gr_normalize kind, const gr_dataset *dataset,
                              gr_normalizer *normalizer)
{
    const gr_storage *storage = dataset->storage;
    const bool bytes = storage->dtype == GR_U8;
    const int64_t channels = normalize_channels(storage->shape);
    const size_t area = (size_t)(gr_shape_count(storage->shape) / channels);
    *normalizer = (gr_normalizer){.kind = kind};
    if ((size_t)kind >= GR_LEN(normalize_names) || dataset->count < 1) {
        return gr_fail(GR_INVALID, "a normaliser of kind %d for %lld examples of '%s'", (int)kind,
                       (long long)dataset->count, storage->name);
    }
    float *learnt = gr_alloc_array(2 * (size_t)channels, sizeof *learnt);
    if (!learnt) return GR_NO_MEMORY;
    for (size_t c = 0; c < (size_t)channels; c++) {
        float *shift = &learnt[c], *scale = &learnt[(size_t)channels + c];
        normalize_sums sums = {0};
        *scale = 1;
        if (kind == GR_NORMALIZE_NONE) continue;
        if (!bytes) {
            normalize_sum_numbers(dataset, c, area, &sums);
        } else if (kind == GR_NORMALIZE_STANDARD) {
            normalize_count_bytes(dataset, c, area, &sums);
        }
        normalize_settle(kind, bytes, &sums, shift, scale);
    }
    gr_status status = gr_normalizer_new(kind, channels, learnt, learnt + channels, normalizer);
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
