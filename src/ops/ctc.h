/* What the reference of ctc and its kernel share. Internal. */
#ifndef GR_OPS_CTC_H
#define GR_OPS_CTC_H

#include "ops/formulas.h"

typedef struct gr_ctc_sizes {
    int64_t n, frames, classes, labels;
    int blank;
    bool single, gradient; /* f32; the gradient is wanted */
} gr_ctc_sizes;

gr_ctc_sizes gr_ctc_of(const gr_node *node);
/* GR_RANGE, and a message, unless lengths, counts and labels of all sequences are legal. */
gr_status gr_ctc_check(const gr_ctc_sizes *ctc, const int32_t *labels, const int32_t *frames,
                       const int32_t *counts);

/* ---- Logarithms of sums of probabilities, in loops that vectorise ---------------------------- */

/* exp(x), to within a few roundings, for x ≤ 1; 0 below -708. x = n·ln 2 + r, exp(r) by its
 * series. */
static GR_INLINE double gr_ctc_exp(double x)
{
    const bool none = x < -708; /* NaN passes */
    x = none ? 0 : x;
    const double shifted = x * 0x1.71547652b82fep0 + (FORMULA_ROUND_F64 + 1023);
    const double n = shifted - (FORMULA_ROUND_F64 + 1023);
    const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
    double q = 1.0 / 479001600;
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    const double power = formula_from_bits_f64(formula_bits_f64(shifted) << 52);
    return none ? 0 : power * (1 + (r + r * r * q));
}

/* log(x) for 1 ≤ x ≤ 3: x = 2^n·m, n 0 or 1, log(m) = 2·artanh((m - 1)/(m + 1)) by its series. */
static GR_INLINE double gr_ctc_log(double x)
{
    const bool twice = x > 1.5;
    const double m = twice ? 0.5 * x : x;
    const double s = (m - 1) / (m + 1), z = s * s;
    double q = 1.0 / 25;
    q = q * z + 1.0 / 23;
    q = q * z + 1.0 / 21;
    q = q * z + 1.0 / 19;
    q = q * z + 1.0 / 17;
    q = q * z + 1.0 / 15;
    q = q * z + 1.0 / 13;
    q = q * z + 1.0 / 11;
    q = q * z + 1.0 / 9;
    q = q * z + 1.0 / 7;
    q = q * z + 1.0 / 5;
    q = q * z + 1.0 / 3;
    return 2 * (s + s * z * q) + (twice ? 0x1.62e42fefa39efp-1 : 0);
}

/* log(exp(a) + exp(b) + exp(c)); -inf if all are. */
static GR_INLINE double gr_ctc_log_sum(double a, double b, double c)
{
    double high = a > b ? a : b;
    high = high > c ? high : c;
    const double base = high > -INFINITY ? high : 0;
    return high + gr_ctc_log(gr_ctc_exp(a - base) + gr_ctc_exp(b - base) + gr_ctc_exp(c - base));
}

#endif
