/* Shapes, element types and their conversions, hashes, random numbers, the machine. */
#include "support.h"

#include <math.h>

/* ---- Shapes ------------------------------------------------------------------------------- */

static void shapes_are_counted(void **state)
{
    (void)state;
    assert_int_equal(gr_shape_count(GR_SCALAR), 1);
    assert_int_equal(gr_shape_count(GR_SHAPE(2, 3, 4)), 24);
    assert_int_equal(gr_shape_count(GR_SHAPE(2, 0, 4)), 0);
    assert_int_equal(gr_shape_count(GR_SHAPE(2, -1)), -1);
    assert_int_equal(gr_shape_count(GR_SHAPE(0, -1)), -1);
    assert_true(gr_shape_count(GR_SHAPE(PTRDIFF_MAX / 8)) == PTRDIFF_MAX / 8);
    assert_int_equal(gr_shape_count(GR_SHAPE(PTRDIFF_MAX / 8 + 1)), -1);
    assert_int_equal(gr_shape_count(GR_SHAPE(INT64_MAX, 2)), -1);
    assert_int_equal(gr_shape_count(GR_SHAPE(1LL << 32, 1LL << 32)), -1);
    assert_int_equal(gr_shape_count(GR_SHAPE(0, PTRDIFF_MAX / 8, 1)), 0);
    assert_int_equal(gr_shape_count(GR_SHAPE(0, PTRDIFF_MAX / 8, 2)), -1);
    assert_int_equal(gr_shape_count(GR_SHAPE(INT64_MAX, INT64_MAX, 0)), -1);
    assert_int_equal(gr_shape_count((gr_shape){.rank = 9}), -1);
    assert_int_equal(gr_shape_count((gr_shape){.rank = -1}), -1);
    assert_int_equal(gr_shape_of(20, (int64_t[GR_MAX_RANK]){1}).rank, GR_MAX_RANK);
    assert_true(gr_shape_equal(gr_shape_of(2, (int64_t[]){4, 5}), GR_SHAPE(4, 5)));
    assert_false(gr_shape_equal(GR_SHAPE(4, 5), GR_SHAPE(4, 6)));
    assert_false(gr_shape_equal(GR_SHAPE(4), GR_SHAPE(4, 1)));
}

static void shapes_are_printed(void **state)
{
    (void)state;
    char text[GR_SHAPE_TEXT], small[6];
    assert_string_equal(gr_shape_print(GR_SCALAR, text, sizeof text), "[]");
    assert_string_equal(gr_shape_print(GR_SHAPE(64, 1, 28, 28), text, sizeof text), "[64,1,28,28]");
    assert_string_equal(gr_shape_print(GR_SHAPE(64, 1, 28), small, sizeof small), "[64,1");
    assert_ptr_equal(gr_shape_print(GR_SCALAR, small, 0), small);
    gr_shape widest = {.rank = 8};
    for (int i = 0; i < 8; i++) widest.dim[i] = INT64_MIN;
    assert_int_equal(strlen(gr_shape_text(widest)), 8 * 20 + 9);
    const char *a = gr_shape_text(GR_SHAPE(1)), *b = gr_shape_text(GR_SHAPE(2));
    assert_string_equal(a, "[1]");
    assert_string_equal(b, "[2]");
}

static void shapes_broadcast(void **state)
{
    (void)state;
    gr_shape out;
    assert_true(gr_shape_broadcast(GR_SHAPE(8, 1, 6, 1), GR_SHAPE(7, 1, 5), &out));
    assert_true(gr_shape_equal(out, GR_SHAPE(8, 7, 6, 5)));
    assert_true(gr_shape_broadcast(GR_SCALAR, GR_SHAPE(3), &out));
    assert_true(gr_shape_equal(out, GR_SHAPE(3)));
    assert_true(gr_shape_broadcast(GR_SHAPE(0, 3), GR_SHAPE(1, 3), &out));
    assert_true(gr_shape_equal(out, GR_SHAPE(0, 3)));
    assert_false(gr_shape_broadcast(GR_SHAPE(2, 3), GR_SHAPE(2), &out));
    assert_false(gr_shape_broadcast(GR_SHAPE(0), GR_SHAPE(2), &out));
    int64_t stride[3];
    gr_shape_strides(GR_SHAPE(2, 3, 4), stride);
    assert_int_equal(stride[0], 12);
    assert_int_equal(stride[1], 4);
    assert_int_equal(stride[2], 1);
}

/* ---- Element types ------------------------------------------------------------------------ */

static void dtypes(void **state)
{
    (void)state;
    for (int i = 0; i < GR_DTYPE_COUNT; i++) {
        assert_int_equal(gr_dtype_find(gr_dtype_name((gr_dtype)i)), i);
    }
    assert_int_equal(gr_dtype_find("float"), GR_DTYPE_COUNT);
    assert_string_equal(gr_dtype_name(GR_DTYPE_COUNT), "?");
    assert_int_equal(gr_dtype_size(GR_DTYPE_COUNT), 0);
    assert_int_equal(gr_dtype_size((gr_dtype)-1), 0);
    assert_int_equal(gr_dtype_size(GR_BF16), 2);
    assert_true(gr_dtype_is_float(GR_F16));
    assert_false(gr_dtype_is_float(GR_I32));
}

/* The value of sign, `wide` exponent bits and `mantissa` bits as IEEE 754 defines it. */
static double ieee_value(uint32_t bits, int wide, int mantissa)
{
    int bias = (1 << (wide - 1)) - 1;
    int exponent = (int)(bits >> mantissa) & ((1 << wide) - 1);
    double fraction = ldexp((double)(bits & ((1u << mantissa) - 1)), -mantissa);
    double sign = bits >> (wide + mantissa) & 1 ? -1 : 1;
    if (exponent == (1 << wide) - 1) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias);
    return sign * ldexp(1 + fraction, exponent - bias);
}

static void check_narrow(int wide, int mantissa, float (*widen)(uint16_t),
                         uint16_t (*narrow)(float))
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        double want = ieee_value(bits, wide, mantissa);
        float got = widen((uint16_t)bits);
        if (isnan(want)) {
            assert_true(isnan(got));
            assert_true(isnan(widen(narrow(got))));
            continue;
        }
        assert_true((double)got == want);
        assert_int_equal(signbit(got) != 0, bits >> 15);
        assert_int_equal(narrow(got), bits);
    }
}

/* Between each two neighbours: just below, at and just above the middle. */
static void check_rounding(int wide, int mantissa, uint16_t (*narrow)(float))
{
    uint32_t infinite = ((1u << wide) - 1) << mantissa;
    for (uint32_t bits = 0; bits < infinite; bits++) {
        double low = ieee_value(bits, wide, mantissa);
        double step = ldexp(1, (bits >> mantissa ? (int)(bits >> mantissa) : 1) -
                                   ((1 << (wide - 1)) - 1) - mantissa);
        double middle = low + step / 2;
        if (middle > 3.4028234663852886e38 || (double)(float)middle != middle) continue;
        float exact = (float)middle;
        uint32_t even = bits + (bits & 1);
        assert_int_equal(narrow(exact), even);
        assert_int_equal(narrow(nextafterf(exact, 0)), bits);
        assert_int_equal(narrow(nextafterf(exact, INFINITY)), bits + 1);
        assert_int_equal(narrow(-exact), even | 0x8000);
    }
}

static void half_precision(void **state)
{
    (void)state;
    check_narrow(5, 10, gr_f16_to_f32, gr_f32_to_f16);
    check_rounding(5, 10, gr_f32_to_f16);
    assert_int_equal(gr_f32_to_f16(65519.996f), 0x7BFF);
    assert_int_equal(gr_f32_to_f16(65520), 0x7C00);
    assert_int_equal(gr_f32_to_f16(1e30f), 0x7C00);
    assert_int_equal(gr_f32_to_f16(-1e-30f), 0x8000);
}

static void brain_floats(void **state)
{
    (void)state;
    check_narrow(8, 7, gr_bf16_to_f32, gr_f32_to_bf16);
    check_rounding(8, 7, gr_f32_to_bf16);
    assert_int_equal(gr_f32_to_bf16(3.4028234663852886e38f), 0x7F80);
    uint32_t thin = 0x7F800001; /* a NaN whose payload the cut would lose */
    float nan_value;
    memcpy(&nan_value, &thin, sizeof nan_value);
    assert_true(isnan(gr_bf16_to_f32(gr_f32_to_bf16(nan_value))));
    assert_true(isnan(gr_f16_to_f32(gr_f32_to_f16(nan_value))));
}

/* ---- Hashes and random numbers ------------------------------------------------------------ */

static void hashes_are_stable(void **state)
{
    (void)state;
    assert_true(gr_hash_text("") == gr_hash(NULL, 0, 0));
    assert_true(gr_hash_text("conv1.weight") == 0x065d25ecfa07df55);
    assert_true(gr_hash("a", 1, 0) != gr_hash("a", 1, 1));
    assert_true(gr_hash_text("ab") != gr_hash_text("ba"));
}

/* The known answers that come with Random123 (kat_vectors, philox4x32 10). */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, low, high;
        uint32_t want[4];
    } cases[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822,
         0x85a308d3243f6a88,
         0x0370734413198a2e,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_philox4 got = gr_philox(cases[i].key, cases[i].low, cases[i].high);
        assert_memory_equal(got.v, cases[i].want, sizeof got.v);
    }
}

static void streams_draw_as_they_should(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    gr_rng rng = gr_rng_new(1, 2), again = gr_rng_new(1, 2), other = gr_rng_new(1, 3);
    assert_true(gr_rng_u64(&rng) == gr_rng_u64(&again));
    assert_true(gr_rng_u64(&rng) != gr_rng_u64(&other));
    double sum = 0, squares = 0, normal = 0, normal_squares = 0, fourth = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = gr_rng_uniform(&rng), z = gr_rng_normal(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u, squares += u * u;
        normal += z, normal_squares += z * z, fourth += z * z * z * z;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.004); /* five standard errors and more */
    assert_true(fabs(squares / DRAWS - 1.0 / 3) < 0.004);
    assert_true(fabs(normal / DRAWS) < 0.012);
    assert_true(fabs(normal_squares / DRAWS - 1) < 0.017);
    assert_true(fabs(fourth / DRAWS - 3) < 0.12);
}

static void draws_below_a_bound(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new(3, 0);
    int seen[7] = {0};
    for (int i = 0; i < 70000; i++) seen[gr_rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++) assert_true(seen[i] > 9500 && seen[i] < 10500);
    assert_int_equal(gr_rng_below(&rng, 1), 0);
    for (int i = 0; i < 100; i++) assert_true(gr_rng_below(&rng, 1ull << 63) < 1ull << 63);
    assert_true(gr_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void shuffles_are_permutations(void **state)
{
    (void)state;
    int64_t items[50];
    int first[50] = {0};
    for (uint64_t seed = 0; seed < 5000; seed++) {
        gr_rng rng = gr_rng_new(seed, 0);
        uint64_t seen = 0;
        for (int i = 0; i < 50; i++) items[i] = i;
        gr_rng_shuffle(&rng, items, 50);
        for (int i = 0; i < 50; i++) seen |= 1ull << items[i];
        assert_true(seen == (1ull << 50) - 1);
        first[items[0]]++;
    }
    for (int i = 0; i < 50; i++) assert_true(first[i] > 50 && first[i] < 150);
    gr_rng rng = gr_rng_new(0, 0);
    gr_rng_shuffle(&rng, NULL, 0);
}

/* ---- Machine and log ---------------------------------------------------------------------- */

typedef struct log_seen {
    int count;
    char text[128];
} log_seen;

static void log_note(void *user, gr_log_level level, const char *text)
{
    log_seen *seen = user;
    assert_int_equal(level, GR_LOG_WARNING);
    seen->count++;
    snprintf(seen->text, sizeof seen->text, "%s", text);
}

static void remarks_reach_the_callback(void **state)
{
    (void)state;
    log_seen seen = {0};
    gr_set_log(log_note, &seen);
    gr_remark(GR_LOG_WARNING, "x = %d", 4);
    gr_set_log(NULL, NULL);
    gr_remark(GR_LOG_WARNING, "dropped");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.text, "x = 4");
}

static void the_machine(void **state)
{
    (void)state;
    double before = gr_seconds();
    assert_true(gr_seconds() >= before);
    assert_string_equal(gr_cpu_name(GR_CPU_AVX2), "avx2");
    assert_string_equal(gr_cpu_name(GR_CPU_LEVELS), "?");
    assert_true(gr_cpu() < GR_CPU_LEVELS);
    setenv("GRADUS_THREADS", "3", 1);
    int three = gr_default_threads();
    log_seen seen = {0};
    gr_set_log(log_note, &seen);
    setenv("GRADUS_THREADS", "many", 1);
    int any = gr_default_threads();
    gr_set_log(NULL, NULL);
    unsetenv("GRADUS_THREADS");
    assert_true(gr_default_threads() >= 1 && any >= 1);
    if (three != 1) { /* 1 is a build without threads */
        assert_int_equal(three, 3);
        assert_string_equal(seen.text, "GRADUS_THREADS=many is not a number from 1 to 1024");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_counted),
        cmocka_unit_test(shapes_are_printed),
        cmocka_unit_test(shapes_broadcast),
        cmocka_unit_test(dtypes),
        cmocka_unit_test(half_precision),
        cmocka_unit_test(brain_floats),
        cmocka_unit_test(hashes_are_stable),
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_draw_as_they_should),
        cmocka_unit_test(draws_below_a_bound),
        cmocka_unit_test(shuffles_are_permutations),
        cmocka_unit_test(remarks_reach_the_callback),
        cmocka_unit_test(the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
