/* Scalar formulas of the transcendental f32 ops, free of branches, tables and library calls, so
 * that loops over them vectorise; every operation in them is one that IEEE 754 rounds correctly, so
 * every CPU level gives the same bits. Errors are at most 2 units in the last place over all of
 * f32 (tests/unit/test_formulas.c). Polynomials are minimax fits by the Remez algorithm.
 *
 * exp, log, tanh and sigmoid, the ones that training lives on, are computed in f32; the others in
 * f64 inside, which makes them simple and correct to nearly half a unit. Internal. */
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

/* exp(x) = 2^n·exp(r), r = x - n·ln 2 in [-ln2/2, ln2/2], exp(r) = 1 + r + r²·q(r). ln 2 is taken
 * off in two parts of which the first has 9 bits, so that n times it is exact. 2^n is applied in
 * two factors, since n reaches from -151 to 129. */
static GR_INLINE float formula_exp_f32(float x)
{
    x = x > 89 ? 89 : x; /* infinite anyway; NaN passes */
    x = x < -104 ? -104 : x;
    const float shifted = x * 0x1.715476p0f + FORMULA_ROUND_F32;
    const float n = shifted - FORMULA_ROUND_F32;
    float r = x - n * 0x1.63p-1f;
    r = r - n * -0x1.bd0106p-13f;
    float q = 0x1.6a1a78p-10f;
    q = q * r + 0x1.123fc6p-7f;
    q = q * r + 0x1.555916p-5f;
    q = q * r + 0x1.55548ap-3f;
    q = q * r + 0x1.fffffcp-2f;
    const float one = 1 + r; /* and what that rounded away, so that e is off by little over ½ */
    const float e = one + (r * r * q + (r - (one - 1)));
    const uint32_t biased = formula_bits_f32(shifted) - formula_bits_f32(FORMULA_ROUND_F32) + 256;
    const uint32_t half = biased >> 1;
    return e * formula_from_bits_f32((half - 1) << 23) *
           formula_from_bits_f32((biased - half - 1) << 23);
}

/* ---- log in f32 ------------------------------------------------------------------------------ */

/* log(x) = n·ln 2 + log(1 + f), 1 + f in [√½, √2), log(1 + f) = f - f²/2 + f³·q(f). */
static GR_INLINE float formula_log_f32(float x)
{
    const bool subnormal = x < 0x1p-126f;
    const uint32_t bits = formula_bits_f32(subnormal ? x * 0x1p23f : x);
    const uint32_t lifted = bits + (0x3f800000u - 0x3f3504f3u); /* √½ ↦ 1 */
    const uint32_t biased = lifted >> 23;
    const float n = (float)(int32_t)biased - (subnormal ? 150.0f : 127.0f);
    const float f = formula_from_bits_f32(bits - (biased << 23) + (127u << 23)) - 1;
    float q = 0x1.1457a0p-4f;
    q = q * f - 0x1.de3c12p-4f;
    q = q * f + 0x1.e6f06cp-4f;
    q = q * f - 0x1.fc220ap-4f;
    q = q * f + 0x1.233768p-3f;
    q = q * f - 0x1.555c4ep-3f;
    q = q * f + 0x1.99a4b6p-3f;
    q = q * f - 0x1.000006p-2f;
    q = q * f + 0x1.555548p-2f;
    const float f2 = f * f;
    float y = f2 * f * q + n * -0x1.bd0106p-13f;
    y = y - 0.5f * f2;
    y = (y + f) + n * 0x1.63p-1f;
    y = x < INFINITY ? y : x; /* +inf and NaN */
    y = x < 0 ? NAN : y;
    return x == 0 ? -INFINITY : y;
}

/* ---- tanh and sigmoid in f32 ----------------------------------------------------------------- */

/* Of |x|, near 0 an odd polynomial, else 1 - 2/(exp(2|x|) + 1); then the sign of x. */
static GR_INLINE float formula_tanh_f32(float x)
{
    const float size = fabsf(x), z = x * x;
    float q = 0x1.12f3c2p-9f;
    q = q * z - 0x1.0a5efap-7f;
    q = q * z + 0x1.633b66p-6f;
    q = q * z - 0x1.b9e782p-5f;
    q = q * z + 0x1.111044p-3f;
    q = q * z - 0x1.555554p-2f;
    const float near = q * z * size + size;
    const float far = 1 - 2 / (formula_exp_f32(2 * size) + 1);
    return copysignf(size < 0.625f ? near : far, x);
}

/* 1/(1 + e) or, for x < 0, e/(1 + e) with e = exp(-|x|), which does not overflow. The second is
 * taken as e - e·e/(1 + e), in which the rounding of 1 + e counts for little. */
static GR_INLINE float formula_sigmoid_f32(float x)
{
    const float e = formula_exp_f32(-fabsf(x));
    const float q = (x < 0 ? e : 1) / (1 + e);
    return x < 0 ? e - e * q : q;
}

/* ---- Parts in f64, good to about 2^-36 ------------------------------------------------------- */

/* exp(x) = scale·(1 + minus_one) for -105 < x < 105; minus_one = r·q(r) is accurate near 0. */
static GR_INLINE double formula_exp_parts(double x, double *minus_one)
{
    const double shifted = x * 0x1.71547652b82fep0 + FORMULA_ROUND_F64;
    const double r = x - (shifted - FORMULA_ROUND_F64) * 0x1.62e42fefa39efp-1;
    double q = 0x1.a1851f42b121ep-16;
    q = q * r + 0x1.a1852011b2b40p-13;
    q = q * r + 0x1.6c162a12650b1p-10;
    q = q * r + 0x1.1110a1c79012dp-7;
    q = q * r + 0x1.555555855801fp-5;
    q = q * r + 0x1.55555580fa65ep-3;
    q = q * r + 0x1.fffffffeeee26p-2;
    q = q * r + 0x1.fffffffff54dbp-1;
    *minus_one = q * r;
    const uint64_t n = formula_bits_f64(shifted) - formula_bits_f64(FORMULA_ROUND_F64);
    return formula_from_bits_f64((n + 1023) << 52);
}

/* log(1 + x) for 1 + x normal and positive, x exact: log(1 + f) = s·q(s²), s = f/(2 + f). Where no
 * power of 2 is split off, f is x itself, which keeps what 1 + x rounds away. */
static GR_INLINE double formula_log1p_parts(double x)
{
    const uint64_t bits = formula_bits_f64(1 + x);
    const uint64_t lifted = bits + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu); /* √½ ↦ 1 */
    const uint64_t biased = lifted >> 52;
    /* A whole number below 2^52 to f64 by its bits: AVX2 has no such conversion. */
    const double n = formula_from_bits_f64(biased | 0x4330000000000000u) - (0x1p52 + 1023);
    const double m = formula_from_bits_f64(bits - (biased << 52) + (1023ull << 52));
    const double f = n == 0 ? x : m - 1;
    const double s = f / (2 + f), z = s * s;
    double q = 0x1.e44cde6f8e2efp-3;
    q = q * z + 0x1.242ea4d9746ebp-2;
    q = q * z + 0x1.999aad663f17bp-2;
    q = q * z + 0x1.555554d00e8e4p-1;
    q = q * z + 0x1.0000000005262p+1;
    return q * s + n * 0x1.62e42fefa39efp-1;
}

/* ---- expm1, log1p, softplus ------------------------------------------------------------------ */

static GR_INLINE float formula_expm1_f32(float x)
{
    double wide = x > 89 ? 89 : x;
    wide = wide < -104 ? -104 : wide;
    double minus_one;
    const double scale = formula_exp_parts(wide, &minus_one);
    const double y = scale * minus_one + (scale - 1);
    return x == 0 ? x : (float)y; /* keeps -0 */
}

static GR_INLINE float formula_log1p_f32(float x)
{
    float y = (float)formula_log1p_parts((double)x);
    y = x < INFINITY ? y : x; /* +inf and NaN */
    y = x < -1 ? NAN : y;
    y = x == -1 ? -INFINITY : y;
    return x == 0 ? x : y; /* keeps -0 */
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). */
static GR_INLINE float formula_softplus_f32(float x)
{
    double size = -fabs((double)x), minus_one;
    size = size < -104 ? -104 : size;
    const double scale = formula_exp_parts(size, &minus_one);
    const double y = formula_log1p_parts(scale * minus_one + scale);
    const double sum = x > 0 ? x + y : y;
    return x == x ? (float)sum : x;
}

/* ---- erf ------------------------------------------------------------------------------------- */

/* erf(x) = x·q(x²) up to |x| = 4, where it is 1 in f32. */
static GR_INLINE float formula_erf_f32(float x)
{
    const float low = x < -4 ? -4 : x;
    const double wide = low > 4 ? 4 : low, z = wide * wide;
    double q = 0x1.713e15a6882ecp-68;
    q = q * z - 0x1.df503dc87c549p-61;
    q = q * z + 0x1.23dba15ee8742p-54;
    q = q * z - 0x1.bc822da90d233p-49;
    q = q * z + 0x1.dcb1ac5ae7be6p-44;
    q = q * z - 0x1.80e7a59c6f2a0p-39;
    q = q * z + 0x1.e9a7ff3b8a7ccp-35;
    q = q * z - 0x1.fbfa114c707afp-31;
    q = q * z + 0x1.ba24fe97b74ccp-27;
    q = q * z - 0x1.4a81260a7c283p-23;
    q = q * z + 0x1.afa724c421957p-20;
    q = q * z - 0x1.f100fe0da6baap-17;
    q = q * z + 0x1.f895957f81583p-14;
    q = q * z - 0x1.bff8bc87c22e5p-11;
    q = q * z + 0x1.5654c9267560cp-8;
    q = q * z - 0x1.b82bbc59ce904p-6;
    q = q * z + 0x1.ce2f079f0e9a0p-4;
    q = q * z - 0x1.812745c227f92p-2;
    q = q * z + 0x1.20dd7502b539fp+0;
    return (float)(wide * q);
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

#endif
