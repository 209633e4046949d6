/* Every f32 formula against the C library in f64, over all of f32: every GRADUS_STRIDE-th bit
 * pattern (default 997; 1 is exhaustive) and the special values. GRADUS_FORMULA chooses one. */
#include "support.h"

#include <math.h>

#include "ops/ops.h"

typedef struct formula_case {
    const gr_op *op;
    double (*exact)(double x);
    double ulps; /* most it may be off by */
} formula_case;

static double formula_square(double x)
{
    return x * x;
}
static double formula_rsqrt(double x)
{
    return 1 / sqrt(x);
}
static double formula_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double formula_softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static const formula_case formula_cases[] = {
    {&gr_op_exp, exp, 1},
    {&gr_op_log, log, 1.25},
    {&gr_op_log1p, log1p, 1.75},
    {&gr_op_expm1, expm1, 1.55},
    {&gr_op_sin, sin, 0.51},
    {&gr_op_cos, cos, 0.51},
    {&gr_op_tanh, tanh, 1.5},
    {&gr_op_sigmoid, formula_sigmoid, 2},
    {&gr_op_softplus, formula_softplus, 2},
    {&gr_op_erf, erf, 1.8},
    {&gr_op_sqrt, sqrt, 0.5},
    {&gr_op_rsqrt, formula_rsqrt, 1.5},
    {&gr_op_square, formula_square, 0.5},
};

static float formula_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Distance of y from the exact value in units of the last place of f32. */
static double formula_error(float y, double exact)
{
    const float rounded = (float)exact;
    if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
    if (isnan(y)) return INFINITY;
    if (y == rounded) return signbit(y) == signbit(rounded) || exact != 0 ? 0.5 : INFINITY;
    if (isinf(exact)) return INFINITY;
    int exponent;
    frexp(isinf(rounded) ? (double)0x1.fffffep127f : exact, &exponent);
    const double unit = ldexp(1, exponent < -125 ? -149 : exponent - 24);
    const double value = isinf(y) ? copysign(0x1p128, y) : y;
    return fabs(value - exact) / unit;
}

enum { BLOCK = 1024 };

typedef struct formula_worst {
    double error;
    float x, y;
} formula_worst;

/* Runs a block at every level: the same bits, and within the error of the exact value. */
static void formula_block(const formula_case *c, const float *x, int64_t n, formula_worst *worst)
{
    float y[GR_CPU_LEVELS][BLOCK];
    const int step[1] = {1};
    const double param[2] = {0, 0};
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        const void *in[1] = {x};
        gr_span_fn *span = (*c->op->spans)[GR_F32][level];
        assert_non_null(span);
        span(y[level], in, step, n, param);
    }
    for (int64_t i = 0; i < n; i++) {
        for (int level = 1; level <= (int)gr_cpu(); level++) {
            if (memcmp(&y[0][i], &y[level][i], sizeof(float)) == 0) continue;
            if (isnan(y[0][i]) && isnan(y[level][i])) continue;
            fail_msg("%s(%a): base %a, %s %a", c->op->name, (double)x[i], (double)y[0][i],
                     gr_cpu_name((gr_cpu_level)level), (double)y[level][i]);
        }
        const double error = formula_error(y[0][i], c->exact((double)x[i]));
        if (error > worst->error) *worst = (formula_worst){error, x[i], y[0][i]};
    }
}

static void formula_accuracy(void **state)
{
    (void)state;
    const char *wish = getenv("GRADUS_STRIDE"), *only = getenv("GRADUS_FORMULA");
    const uint64_t stride = wish && atoi(wish) > 0 ? (uint64_t)atoi(wish) : 997;
    for (size_t k = 0; k < GR_LEN(formula_cases); k++) {
        const formula_case *c = &formula_cases[k];
        if (only && strcmp(only, c->op->name) != 0) continue;
        formula_worst worst = {0};
        float x[BLOCK];
        int64_t n = 0;
        for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += stride) {
            x[n++] = formula_float((uint32_t)bits);
            if (n < BLOCK && bits + stride < UINT64_C(1) << 32) continue;
            formula_block(c, x, n, &worst);
            n = 0;
        }
        print_message("%-9s off by at most %.3f units, at %a\n", c->op->name, worst.error,
                      (double)worst.x);
        if (worst.error > c->ulps) {
            fail_msg("%s(%a) = %a, exactly %a: off by %g units", c->op->name, (double)worst.x,
                     (double)worst.y, c->exact((double)worst.x), worst.error);
        }
    }
}

/* Around zero, powers of two, multiples of π/2, the limits of each formula, and the ends of f32. */
static void formula_specials(void **state)
{
    (void)state;
    const float centres[] = {
        0.0f,    0x1p-149f,       0x1p-126f, 0x1p-24f,   0.34657359f, 0.5f,
        0.3f,    0.41421357f,     1.0f,      2.0f,       4.0f,        9.0f,
        10.0f,   17.0f,           20.0f,     1.5707964f, 3.1415927f,  88.722839f,
        89.0f,   103.97208f,      104.0f,    0x1p20f,    0x1p23f,     0x1p32f,
        0x1p63f, 0x1.fffffep127f, INFINITY};
    for (size_t k = 0; k < GR_LEN(formula_cases); k++) {
        formula_worst worst = {0};
        for (size_t c = 0; c < GR_LEN(centres); c++) {
            float x[82];
            int64_t n = 0;
            uint32_t bits;
            memcpy(&bits, &centres[c], sizeof bits);
            for (int offset = -20; offset <= 20; offset++) {
                x[n++] = formula_float(bits + (uint32_t)offset);
                x[n++] = formula_float((bits + (uint32_t)offset) ^ 0x80000000u);
            }
            formula_block(&formula_cases[k], x, n, &worst);
        }
        if (worst.error > formula_cases[k].ulps) {
            fail_msg("%s(%a) = %a, exactly %a: off by %g units", formula_cases[k].op->name,
                     (double)worst.x, (double)worst.y, formula_cases[k].exact((double)worst.x),
                     worst.error);
        }
    }
}

/* pow: drawn operands, and all pairs of special ones, on which C decides. */
static void formula_powers(void **state)
{
    (void)state;
    static const float special[] = {0,      1,           2,          3,        0.5f,     2.5f,
                                    1e-40f, 0x1p-149f,   16777215,   16777216, 33554432, 3e38f,
                                    1e-38f, 0.99999994f, 1.0000001f, INFINITY, NAN};
    enum { SPECIALS = 2 * (int)GR_LEN(special) };
    gr_rng rng = gr_rng_new(51, 0);
    float x[BLOCK], y[BLOCK], z[GR_CPU_LEVELS][BLOCK];
    for (int block = 0; block < 200; block++) {
        for (int i = 0; i < BLOCK; i++) {
            const int k = block * BLOCK + i;
            const float a = special[k / SPECIALS % SPECIALS / 2], b = special[k % SPECIALS / 2];
            const bool drawn = block > 1;
            x[i] = drawn ? (float)exp(20 * gr_rng_normal(&rng)) : k / SPECIALS % 2 ? -a : a;
            y[i] = drawn ? (float)(3 * gr_rng_normal(&rng)) : k % 2 ? -b : b;
            if (drawn && i % 3 == 0) x[i] = formula_float((uint32_t)gr_rng_u64(&rng));
            if (drawn && i % 4 == 0) y[i] = (float)(int)y[i];
        }
        for (int level = 0; level <= (int)gr_cpu(); level++)
            (*gr_op_pow.spans)[GR_F32][level](z[level], (const void *[]){x, y}, (int[]){1, 1},
                                              BLOCK, NULL);
        for (int i = 0; i < BLOCK; i++) {
            const double exact = pow((double)x[i], (double)y[i]);
            for (int level = 0; level <= (int)gr_cpu(); level++) {
                const bool same = memcmp(&z[0][i], &z[level][i], sizeof(float)) == 0;
                if (!same && !(isnan(z[0][i]) && isnan(z[level][i])))
                    fail_msg("pow(%a, %a): %a and %a", (double)x[i], (double)y[i], (double)z[0][i],
                             (double)z[level][i]);
            }
            if (formula_error(z[0][i], exact) > 0.501)
                fail_msg("pow(%a, %a) = %a, exactly %a", (double)x[i], (double)y[i],
                         (double)z[0][i], exact);
        }
    }
}

/* Φ by exp(-x²/2): to 1.6·2^-24, and never beyond 0 and 1. */
static void formula_normal(void **state)
{
    (void)state;
    const double no[2] = {0, 0};
    double worst = 0;
    uint64_t bits = 0;
    while (bits < UINT64_C(1) << 32) {
        float x[BLOCK], e[BLOCK], y[GR_CPU_LEVELS][BLOCK];
        for (int i = 0; i < BLOCK; i++, bits += 997) {
            x[i] = i == 0 ? INFINITY : i == 1 ? -INFINITY : formula_float((uint32_t)bits);
            e[i] = -0.5f * (x[i] * x[i]);
        }
        (*gr_op_exp.spans)[GR_F32][gr_cpu()](e, (const void *[]){e}, (int[]){1}, BLOCK, no);
        for (int level = 0; level <= (int)gr_cpu(); level++) {
            (*gr_op_normal_cdf.spans)[GR_F32][level](y[level], (const void *[]){x, e},
                                                     (int[]){1, 1}, BLOCK, NULL);
        }
        for (int i = 0; i < BLOCK; i++) {
            for (int level = 1; level <= (int)gr_cpu(); level++) {
                const bool same = memcmp(&y[0][i], &y[level][i], sizeof(float)) == 0;
                assert_true(same || isnan(x[i]));
            }
            assert_true(isnan(x[i]) ? isnan(y[0][i]) : y[0][i] >= 0 && y[0][i] <= 1);
            const double exact = 0.5 * erfc((double)x[i] * -0.70710678118654752440);
            const double error = isnan(x[i]) ? 0 : fabs((double)y[0][i] - exact);
            if (error > worst) worst = error;
        }
    }
    print_message("normal_cdf off by at most %.3f·2^-24\n", worst * 0x1p24);
    assert_true(worst <= 1.6 * 0x1p-24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formula_specials),
        cmocka_unit_test(formula_accuracy),
        cmocka_unit_test(formula_powers),
        cmocka_unit_test(formula_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
