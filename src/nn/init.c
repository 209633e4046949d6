/* Initial values: pure functions of seed, full name and element. */
#include "nn/scope.h"

#include <math.h>

static void init_uniform(gr_rng *rng, float *w, int64_t n, double low, double high)
{
    for (int64_t i = 0; i < n; i++) w[i] = (float)(low + (high - low) * gr_rng_uniform(rng));
}

static void init_normal(gr_rng *rng, float *w, int64_t n, double mean, double deviation)
{
    for (int64_t i = 0; i < n; i++) w[i] = (float)(mean + deviation * gr_rng_normal(rng));
}

/* Orthonormal rows (or columns, if there are more rows) by modified Gram–Schmidt on normal draws,
 * twice, which is enough for full accuracy (Giraud et al. 2005). */
static gr_status init_orthogonal(gr_rng *rng, gr_tensor *t, double gain)
{
    int64_t rows = t->shape.rank > 0 ? t->shape.dim[0] : 1, count = gr_shape_count(t->shape);
    if (count == 0) return GR_OK;
    int64_t columns = count / rows, n = rows < columns ? rows : columns;
    int64_t m = rows < columns ? columns : rows;
    double *v = gr_alloc_array((size_t)count, sizeof *v);
    if (!v) return GR_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        double *row = v + i * m, norm = 0;
        for (int64_t k = 0; k < m; k++) row[k] = gr_rng_normal(rng);
        for (int64_t j = 0; j < 2 * i; j++) {
            const double *other = v + (j % i) * m;
            double dot = 0;
            for (int64_t k = 0; k < m; k++) dot += row[k] * other[k];
            for (int64_t k = 0; k < m; k++) row[k] -= dot * other[k];
        }
        for (int64_t k = 0; k < m; k++) norm += row[k] * row[k];
        for (int64_t k = 0; k < m; k++) row[k] /= sqrt(norm);
    }
    float *w = t->data;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            w[r * columns + c] = (float)(gain * (rows < columns ? v[r * m + c] : v[c * m + r]));
    gr_free(v);
    return GR_OK;
}

/* Caffe's gaussian filler with `sparse`: a mask of probability sparse/rows. */
static void init_sparse(gr_rng *rng, const gr_tensor *t, gr_init init)
{
    int64_t n = gr_shape_count(t->shape), rows = t->shape.rank > 0 ? t->shape.dim[0] : 1;
    double kept = init.a / (double)rows;
    float *w = t->data;
    init_normal(rng, w, n, 0, init.b);
    for (int64_t i = 0; i < n; i++)
        if (gr_rng_uniform(rng) >= kept) w[i] = 0;
}

static void init_positive_unitball(gr_rng *rng, const gr_tensor *t)
{
    int64_t n = gr_shape_count(t->shape), rows = t->shape.rank > 0 ? t->shape.dim[0] : 1;
    if (n == 0) return;
    int64_t columns = n / rows;
    init_uniform(rng, t->data, n, 0, 1);
    for (int64_t r = 0; r < rows; r++) {
        float *row = (float *)t->data + r * columns;
        double sum = 0;
        for (int64_t c = 0; c < columns; c++) sum += (double)row[c];
        for (int64_t c = 0; sum > 0 && c < columns; c++) row[c] = (float)((double)row[c] / sum);
    }
}

/* (1 − |x/f − c|)·(1 − |y/f − c|) with f = ⌈k/2⌉ and c = (2f − 1 − f mod 2)/(2f) of the last axis,
 * as Caffe's bilinear filler. */
static gr_status init_bilinear(const gr_tensor *t, const char *name)
{
    const int rank = t->shape.rank;
    const bool kernels = rank >= 4 && rank <= GR_MAX_RANK;
    const int64_t n = gr_shape_count(t->shape), k = kernels ? t->shape.dim[rank - 1] : 0;
    if (!kernels || t->shape.dim[rank - 2] != k)
        return gr_fail(GR_SHAPE, "'%s' is %s: bilinear fills kernels [O,I,k,k]", name,
                       gr_shape_text(t->shape));
    double f = ceil((double)k / 2), c = (2 * f - 1 - fmod(f, 2)) / (2 * f);
    float *w = t->data;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)(i % k), y = (double)(i / k % k);
        w[i] = (float)((1 - fabs(x / f - c)) * (1 - fabs(y / f - c)));
    }
    return GR_OK;
}

gr_status gr_init_fill(gr_init init, uint64_t seed, const char *name, int64_t fan_in,
                       int64_t fan_out, gr_tensor *value)
{
    gr_rng rng = gr_rng_new(seed, gr_hash_text(name));
    float *w = value->data;
    int64_t n = gr_shape_count(value->shape);
    double in = fan_in > 0 ? (double)fan_in : 1, out = fan_out > 0 ? (double)fan_out : 1, bound;
    switch (init.kind) {
    case GR_INIT_DEFAULT:
    case GR_INIT_HE:
        init_normal(&rng, w, n, 0, sqrt(2 / in));
        return GR_OK;
    case GR_INIT_CONSTANT:
        for (int64_t i = 0; i < n; i++) w[i] = (float)init.a;
        return GR_OK;
    case GR_INIT_UNIFORM:
        init_uniform(&rng, w, n, init.a, init.b);
        return GR_OK;
    case GR_INIT_NORMAL:
        init_normal(&rng, w, n, init.a, init.b);
        return GR_OK;
    case GR_INIT_XAVIER:
        bound = sqrt(6 / (in + out));
        init_uniform(&rng, w, n, -bound, bound);
        return GR_OK;
    case GR_INIT_LECUN:
        bound = sqrt(3 / in);
        init_uniform(&rng, w, n, -bound, bound);
        return GR_OK;
    case GR_INIT_ORTHOGONAL:
        return init_orthogonal(&rng, value, init.a != 0 ? init.a : 1);
    case GR_INIT_SPARSE:
        init_sparse(&rng, value, init);
        return GR_OK;
    case GR_INIT_POSITIVE_UNITBALL:
        init_positive_unitball(&rng, value);
        return GR_OK;
    case GR_INIT_BILINEAR:
        return init_bilinear(value, name);
    }
    return gr_fail(GR_INVALID, "unknown initialiser %d", (int)init.kind);
}
