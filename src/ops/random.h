/* How random ops turn counters into values: shared by their reference and their fast kernels, which
 * therefore agree bit for bit. Internal.
 *
 * Block b of a step is gr_philox(key, b, step) with key = gr_hash(stream name, seed): four words of
 * 32 bits. Element i of a tensor, in row-major order, takes
 *     uniform      word i mod 4 of block i/4, its upper 24 bits as a fraction, so that f32 and f64
 *                  see the same draws;
 *     bernoulli    the same word, compared with ⌊p·2³²⌋;
 *     normal       words 0, 1 (elements 0, 1 of each four) or 2, 3 (elements 2, 3) of block i/4, by
 *                  gr_random_normals; f32 is the f64 value rounded;
 *     permutation  words 2(i mod 2), 2(i mod 2)+1 of block i/2 as a key of 64 bits, low word first:
 *                  the result lists the elements by their keys, equal keys by their numbers. */
#ifndef GR_OPS_RANDOM_H
#define GR_OPS_RANDOM_H

#include <math.h>

#include "ops/elementwise.h"
#include "ops/ops.h"

typedef struct gr_random_ctx {
    uint64_t key;
    uint64_t threshold; /* bernoulli */
    int64_t count;
    gr_dtype dtype;
    bool has_step;
    size_t size;             /* of an element */
    _Alignas(8) char one[8]; /* bernoulli: the bytes of 1; 0 is all bits zero */
} gr_random_ctx;

/* NULL when memory is out (message set). */
gr_random_ctx *gr_random_prepare(const gr_request *request);

static inline uint64_t gr_random_step(const gr_random_ctx *ctx, const gr_call *call)
{
    return ctx->has_step ? (uint64_t) * (const int64_t *)call->in[0] : 0;
}

static inline float gr_random_fraction(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* −log of (word+1)/2³², by log m = 2·artanh((m−1)/(m+1)) for m in [√½, √2). */
static GR_INLINE double gr_random_minus_log(uint32_t word)
{
    double value = (double)word + 1; /* exact */
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    /* Moves the mantissa's range from [1, 2) to [√½, √2) by what is added below its exponent. */
    const uint64_t root_half = 0x3FE6A09E667F3BCD;
    uint64_t moved = bits - root_half;
    double exponent = (double)((int32_t)(moved >> 52) - 32);
    bits = (moved & 0x000FFFFFFFFFFFFF) + root_half;
    memcpy(&value, &bits, sizeof value);
    double s = (value - 1) / (value + 1), q = s * s;
    double series = 1.0 / 21;
    series = series * q + 1.0 / 19;
    series = series * q + 1.0 / 17;
    series = series * q + 1.0 / 15;
    series = series * q + 1.0 / 13;
    series = series * q + 1.0 / 11;
    series = series * q + 1.0 / 9;
    series = series * q + 1.0 / 7;
    series = series * q + 1.0 / 5;
    series = series * q + 1.0 / 3;
    const double log_2 = 0.693147180559945309417;
    return -(exponent * log_2 + (2 * s + 2 * s * q * series));
}

/* Two independent draws of N(0, 1) (Box and Muller 1958): r·cos φ and r·sin φ with
 * r = √(−2 log((a+1)/2³²)), φ = 2π·b/2³². Sine and cosine by their series on [−π/4, π/4], to which
 * the integer b is reduced exactly. */
static GR_INLINE void gr_random_normals(uint32_t a, uint32_t b, double *first, double *second)
{
    double radius = sqrt(2 * gr_random_minus_log(a));
    uint32_t quarter = (b + 0x20000000u) >> 30; /* the nearest multiple of π/2 */
    double x = (double)(int32_t)(b - (quarter << 30)) * (6.283185307179586476925 * 0x1p-32);
    double q = x * x;
    double sine = 1.0 / 355687428096000;
    sine = sine * q - 1.0 / 1307674368000;
    sine = sine * q + 1.0 / 6227020800;
    sine = sine * q - 1.0 / 39916800;
    sine = sine * q + 1.0 / 362880;
    sine = sine * q - 1.0 / 5040;
    sine = sine * q + 1.0 / 120;
    sine = sine * q - 1.0 / 6;
    sine = x + x * q * sine;
    double cosine = 1.0 / 20922789888000;
    cosine = cosine * q - 1.0 / 87178291200;
    cosine = cosine * q + 1.0 / 479001600;
    cosine = cosine * q - 1.0 / 3628800;
    cosine = cosine * q + 1.0 / 40320;
    cosine = cosine * q - 1.0 / 720;
    cosine = cosine * q + 1.0 / 24;
    cosine = cosine * q - 1.0 / 2;
    cosine = 1 + q * cosine;
    bool odd = quarter & 1;
    double c = odd ? sine : cosine, s = odd ? cosine : sine;
    *first = radius * ((quarter + 1) & 2 ? -c : c); /* quarters 1 and 2 */
    *second = radius * (quarter & 2 ? -s : s);
}

#endif
