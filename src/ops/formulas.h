/* Scalar formulas of the transcendental f32 ops, free of branches, tables and library calls, so
 * that loops over them vectorise; every operation in them is one that IEEE 754 rounds correctly, so
 * every CPU level gives the same bits. Errors are at most 2 units in the last place over all of
 * f32 (tests/unit/test_formulas.c). Polynomials are minimax fits, with coefficients rounded one
 * after another and the rest fitted anew.
 *
 * sin, cos and pow are computed in f64 inside, the others in f32. Internal. */
#ifndef GR_FORMULAS_H
#define GR_FORMULAS_H

#include <math.h>

#include "ops/elementwise.h"

static GR_INLINE uint32_t formula_bits_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static GR_INLINE float formula_from_bits_f32(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static GR_INLINE uint64_t formula_bits_f64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static GR_INLINE double formula_from_bits_f64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding 1.5·2^(precision-1) rounds to a whole number, which then stands in the low bits. */
#define FORMULA_ROUND_F32 0x1.8p23f
#define FORMULA_ROUND_F64 0x1.8p52

/* ---- exp in f32 ------------------------------------------------------------------------------ */

/* exp(r) = 1 + r + r²·q(r) for r in [-ln2/2, ln2/2]: what is beyond 1, accurate near 0 too. */
static GR_INLINE float formula_exp_beyond_1_f32(float r)
{
    float q = 0x1.6a1a78p-10f;
    q = q * r + 0x1.123fc6p-7f;
    q = q * r + 0x1.555916p-5f;
    q = q * r + 0x1.55548ap-3f;
    q = q * r + 0x1.fffffcp-2f;
    return r + r * r * q;
}

/* x - n·ln 2, ln 2 being taken off in two parts of which the first has 9 bits, so that n times it
 * is exact. */
static GR_INLINE float formula_less_ln2_f32(float x, float n)
{
    return (x - n * 0x1.63p-1f) - n * -0x1.bd0106p-13f;
}

/* exp(x) = 2^n·exp(r), r = x - n·ln 2. Since n reaches from -151 to 129, 2^n is applied in two
 * factors. Beside n, `shifted` holds twice the exponent's bias in its low bits, so that the
 * factors' exponents are halves of them; what lies above goes over the edge. */
static GR_INLINE float formula_exp_f32(float x)
{
    const float round = FORMULA_ROUND_F32 + 254;
    x = x > 89 ? 89 : x; /* infinite anyway; NaN passes */
    x = x < -104 ? -104 : x;
    const float shifted = x * 0x1.715476p0f + round;
    const float e = 1 + formula_exp_beyond_1_f32(formula_less_ln2_f32(x, shifted - round));
    const uint32_t both = formula_bits_f32(shifted), half = both >> 1;
    return e * formula_from_bits_f32(half << 23) * formula_from_bits_f32((both - half) << 23);
}

/* ---- log in f32 ------------------------------------------------------------------------------ */

/* n·ln 2 + log(1 + f), 1 + f in [√½, √2), log(1 + f) = f - f²/2 + f³·q(f). */
static GR_INLINE float formula_log_parts_f32(float f, float n)
{
    float q = 0x1.645e52p-4f;
    q = q * f - 0x1.242fd0p-3f;
    q = q * f + 0x1.3172fap-3f;
    q = q * f - 0x1.5382a4p-3f;
    q = q * f + 0x1.98d824p-3f;
    q = q * f - 0x1.000380p-2f;
    q = q * f + 0x1.5556d8p-2f;
    const float f2 = f * f;
    const float y = f2 * f * q + n * -0x1.bd0106p-13f - 0.5f * f2;
    return (y + f) + n * 0x1.63p-1f;
}

#define FORMULA_LIFT_F32 (0x3f800000u - 0x3f3504f3u) /* √½ ↦ 1 */

static GR_INLINE float formula_log_f32(float x)
{
    const bool subnormal = x < 0x1p-126f;
    const uint32_t bits = formula_bits_f32(subnormal ? x * 0x1p23f : x);
    const uint32_t biased = (bits + FORMULA_LIFT_F32) >> 23;
    const float n = (float)(int32_t)biased - (subnormal ? 150.0f : 127.0f);
    const float f = formula_from_bits_f32(bits - (biased << 23) + (127u << 23)) - 1;
    float y = formula_log_parts_f32(f, n);
    y = x < INFINITY ? y : x; /* +inf and NaN */
    y = x < 0 ? NAN : y;
    return x == 0 ? -INFINITY : y;
}

/* ---- tanh and sigmoid in f32 ----------------------------------------------------------------- */

/* Of |x|, near 0 an odd polynomial, else t/(t + 2) with t = exp(2|x|) - 1 = 2^n·p + (2^n - 1),
 * p = exp(r) - 1; then the sign of x. Beyond 10 it is 1. */
static GR_INLINE float formula_tanh_f32(float x)
{
    const float round = FORMULA_ROUND_F32 + 127; /* the exponent's bias */
    float size = fabsf(x);
    size = size > 10 ? 10 : size;
    const float z = size * size;
    float q = -0x1.9c94b8p-5f;
    q = q * z + 0x1.10afecp-3f;
    q = q * z - 0x1.55549ep-2f;
    const float near = q * z * size + size;
    const float shifted = size * 0x1.715476p1f + round;
    const float p = formula_exp_beyond_1_f32(formula_less_ln2_f32(2 * size, shifted - round));
    const float power = formula_from_bits_f32(formula_bits_f32(shifted) << 23);
    const float t = power * p + (power - 1);
    return copysignf(size < 0.3f ? near : t / (t + 2), x);
}

/* 2^n/(2^n + exp(-r)), x = n·ln 2 + r. Since n reaches from -150 on, 2^n is applied in two factors,
 * as in exp. Beyond 20 it is 1. */
static GR_INLINE float formula_sigmoid_f32(float x)
{
    const float round = FORMULA_ROUND_F32 + 254;
    x = x > 20 ? 20 : x;
    x = x < -104 ? -104 : x;
    const float shifted = x * 0x1.715476p0f + round;
    const float p = formula_exp_beyond_1_f32(-formula_less_ln2_f32(x, shifted - round));
    const uint32_t both = formula_bits_f32(shifted), half = both >> 1;
    const float first = formula_from_bits_f32(half << 23);
    const float second = formula_from_bits_f32((both - half) << 23);
    return first / (first * second + p + 1) * second;
}

/* ---- expm1, log1p, softplus ------------------------------------------------------------------ */

/* 2·(2^(n-1)·p + (2^(n-1) - ½)), p = exp(r) - 1: half of 2^128 is a number. */
static GR_INLINE float formula_expm1_f32(float x)
{
    const float round = FORMULA_ROUND_F32 + 126;
    const float shifted = x * 0x1.715476p0f + round;
    const float p = formula_exp_beyond_1_f32(formula_less_ln2_f32(x, shifted - round));
    const float half = formula_from_bits_f32(formula_bits_f32(shifted) << 23);
    const float y = x > 89 ? INFINITY : x < -20 ? -1 : 2 * (half * p + (half - 0.5f));
    return copysignf(y, x); /* keeps -0 */
}

/* With n from 1 + x, 1 + f = (1 + x)/2^n is taken from x, which keeps what 1 + x rounds away. A
 * quarter of x, lest 2^-n be subnormal. */
static GR_INLINE float formula_log1p_f32(float x)
{
    const uint32_t biased = (formula_bits_f32(1 + x) + FORMULA_LIFT_F32) >> 23;
    const float four = formula_from_bits_f32((256 - biased) << 23); /* 4/2^n */
    const float f = four * (0.25f * x) + (four * 0.25f - 1);
    float y = formula_log_parts_f32(f, (float)(int32_t)biased - 127);
    y = x < INFINITY ? y : x; /* +inf and NaN */
    y = x < -1 ? NAN : y;
    y = x == -1 ? -INFINITY : y;
    return fabsf(x) < 0x1p-60f ? x : y; /* keeps -0 and subnormals */
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + e), e = exp(-|x|). */
static GR_INLINE float formula_softplus_f32(float x)
{
    const float e = formula_exp_f32(-fabsf(x));
    const bool large = e > 0.41421357f; /* √2 - 1 */
    const float y = formula_log_parts_f32(large ? 0.5f * e - 0.5f : e, large ? 1.0f : 0.0f);
    return (x > 0 ? x : 0) + y;
}

/* ---- erf ------------------------------------------------------------------------------------- */

/* Of |x|, near 0 an odd polynomial, else 1 - exp(q(|x|)), the sign of x. At 4 it is 1 in f32. */
static GR_INLINE float formula_erf_f32(float x)
{
    float size = fabsf(x);
    size = size > 4 ? 4 : size;
    const float z = size * size;
    float p = -0x1.271656p-11f;
    p = p * z + 0x1.423978p-8f;
    p = p * z - 0x1.b5a048p-6f;
    p = p * z + 0x1.ce08f6p-4f;
    p = p * z - 0x1.812672p-2f;
    p = p * z + 0x1.06eba2p-3f;
    float q = -0x1.2f5ba2p-10f;
    q = q * size + 0x1.e60280p-7f;
    q = q * size - 0x1.6bb946p-4f;
    q = q * size - 0x1.4ef88cp-1f;
    q = q * size - 0x1.1e1c6ep+0f;
    q = q * size - 0x1.574ca8p-9f;
    const float round = FORMULA_ROUND_F32 + 127; /* the exponent's bias */
    const float shifted = q * 0x1.715476p0f + round;
    const float e = 1 + formula_exp_beyond_1_f32(formula_less_ln2_f32(q, shifted - round));
    const float far = 1 - e * formula_from_bits_f32(formula_bits_f32(shifted) << 23);
    return copysignf(size < 1 ? size + size * p : far, x);
}

/* ---- The normal distribution ------------------------------------------------------------------
 */

/* Φ(x), given e = exp(-x²/2): Φ(-s) = e·m(s) for s = |x|, m being Mills' ratio over √(2π), and
 * Φ(s) = 1 - Φ(-s). Off by at most 1.6·2^-24, about as (1 + erf(x/√2))/2 is; beyond 5, where m is
 * held, the error is far less than that. */
static GR_INLINE float formula_normal_cdf_f32(float x, float e)
{
    float s = fabsf(x);
    s = s > 5 ? 5 : s;
    float m = -0x1.613572p-22f;
    m = m * s + 0x1.0b73c6p-17f;
    m = m * s - 0x1.6cb944p-14f;
    m = m * s + 0x1.2cdedep-11f;
    m = m * s - 0x1.5757a4p-9f;
    m = m * s + 0x1.28cff4p-7f;
    m = m * s - 0x1.a2614ap-6f;
    m = m * s + 0x1.fbabf2p-5f;
    m = m * s - 0x1.10079ep-3f;
    m = m * s + 0x1.fff450p-3f;
    m = m * s - 0x1.988408p-2f;
    m = m * s + 0.5f;
    return x > 0 ? 1 - e * m : e * m;
}

/* ---- sin and cos ----------------------------------------------------------------------------- */

/* Beyond this the reduction below is not exact, and spans call the library. */
#define FORMULA_TRIG_LIMIT 0x1p20f

/* sin(x + quarters·π/2) for |x| ≤ FORMULA_TRIG_LIMIT: x = n·π/2 + r; the parity of n + quarters
 * chooses the polynomial, its second bit the sign. π/2 is taken off in two parts, of which the
 * first has 33 bits, so that n times it is exact. */
static GR_INLINE float formula_trig_f32(float x, uint64_t quarters)
{
    const double wide = x;
    const double shifted = wide * 0x1.45f306dc9c883p-1 + FORMULA_ROUND_F64;
    const double n = shifted - FORMULA_ROUND_F64;
    const double r = (wide - n * 0x1.921fb544p0) - n * 0x1.0b4611a626331p-34, z = r * r;
    double odd = 0x1.6cb4ece1f2571p-19;
    odd = odd * z - 0x1.a00eddda0b7cep-13;
    odd = odd * z + 0x1.1111073e3044ep-7;
    odd = odd * z - 0x1.55555549334b7p-3;
    odd = odd * z + 0x1.fffffffff668ap-1;
    double even = -0x1.23c3ce5ed7274p-22;
    even = even * z + 0x1.a00e8bc890282p-16;
    even = even * z - 0x1.6c16b2bf7d34fp-10;
    even = even * z + 0x1.555555445730fp-5;
    even = even * z - 0x1.ffffffffe335bp-2;
    even = even * z + 0x1.ffffffffffe06p-1;
    const uint64_t quadrant =
        formula_bits_f64(shifted) + quarters; /* FORMULA_ROUND_F64 ends in 00 */
    const double y = quadrant & 1 ? even : odd * r;
    return (float)formula_from_bits_f64(formula_bits_f64(y) ^ (quadrant & 2) << 62);
}

/* ---- pow ------------------------------------------------------------------------------------- */

/* log(x) for x ≥ 0, an f32: n·ln 2 + 2·artanh(s), s = (m - 1)/(m + 1), x = 2^n·m, m in [√½, √2). */
static GR_INLINE double formula_pow_log(double x)
{
    const uint64_t lift = UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd); /* √½ ↦ 1 */
    const uint64_t bits = formula_bits_f64(x), biased = (bits + lift) >> 52;
    const double n = formula_from_bits_f64(biased | UINT64_C(0x4330000000000000)) - (0x1p52 + 1023);
    const double m = formula_from_bits_f64(bits - (biased << 52) + (UINT64_C(1023) << 52));
    const double s = (m - 1) / (m + 1), z = s * s;
    double q = 2.0 / 15;
    q = q * z + 2.0 / 13;
    q = q * z + 2.0 / 11;
    q = q * z + 2.0 / 9;
    q = q * z + 2.0 / 7;
    q = q * z + 2.0 / 5;
    q = q * z + 2.0 / 3;
    const double y = n * 0x1.62e42fefa39efp-1 + (s * z * q + 2 * s);
    return x == 0 ? -INFINITY : x < INFINITY ? y : x; /* NaN passes */
}

/* exp(x), of which f32 sees no more than from -200 to 200. */
static GR_INLINE double formula_pow_exp(double x)
{
    x = x > 200 ? 200 : x;
    x = x < -200 ? -200 : x;
    const double round = FORMULA_ROUND_F64 + 1023, shifted = x * 0x1.71547652b82fep0 + round;
    const double n = shifted - round;
    const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
    double q = 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    q = q * r + 0.5;
    return (1 + (r + r * r * q)) * formula_from_bits_f64(formula_bits_f64(shifted) << 52);
}

/* |x|^y = exp(y·log |x|); of negative x with a whole y, the sign if that is odd. Larger y are whole
 * and even. C's special cases. */
static GR_INLINE float formula_pow_f32(float base, float exponent)
{
    const double x = base, y = exponent, size = fabs(x);
    const double log = formula_pow_log(size);
    const double power = formula_pow_exp(log == 0 ? 0 : y * log);
    const double large = fabs(y), count = large > 0x1p25 ? 0 : large, half = 0.5 * count;
    const double whole = (count + FORMULA_ROUND_F64) - FORMULA_ROUND_F64;
    const double even = (half + FORMULA_ROUND_F64) - FORMULA_ROUND_F64;
    const double signless = x > -INFINITY ? NAN : power;
    double z = copysign(power, even == half ? 1 : x);
    z = x < 0 ? whole == count ? z : signless : whole == count ? z : power;
    z = y != y ? y : z;
    z = x == 1 ? 1 : z;
    return (float)(y == 0 ? 1 : z);
}

#endif
