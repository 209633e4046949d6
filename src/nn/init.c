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
    }
    return gr_fail(GR_INVALID, "unknown initialiser %d", (int)init.kind);
}
