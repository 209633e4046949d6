/* Numbers to and from text in every locale, near names, shapes as text. */
#include "support.h"

#include <locale.h>
#include <math.h>

static const double values[] = {0,
                                -0.0,
                                1,
                                0.1,
                                1.0 / 3,
                                100000,
                                1e15,
                                1e16,
                                123456789012345680,
                                1e22,
                                1e23,
                                5e-324,
                                2.5e-323,
                                2.2250738585072014e-308,
                                2.2250738585072011e-308,
                                1.7976931348623157e308,
                                9007199254740994,
                                0.30000000000000004,
                                6.02214076e23,
                                -2.5e-7,
                                8.41e21,
                                9.5e-8,
                                4.35,
                                1.1};

static void check_round_trips(void)
{
    for (size_t i = 0; i < GR_LEN(values); i++) {
        gr_text text = {0};
        gr_text_real(&text, values[i]);
        assert_null(strchr(text.data, ','));
        const char *cursor = text.data;
        double back;
        assert_true(gr_parse_real(&cursor, &back));
        assert_memory_equal(&back, &values[i], sizeof back);
        assert_int_equal(*cursor, '\0');
        gr_text_free(&text);
    }
}

static void check_random_round_trips(void)
{
    gr_rng rng = gr_rng_new(7, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = gr_rng_u64(&rng);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        gr_text text = {0};
        gr_text_real(&text, value);
        const char *cursor = text.data;
        assert_true(gr_parse_real(&cursor, &back));
        assert_memory_equal(&back, &value, sizeof back);
        gr_text_free(&text);
    }
}

static void numbers_round_trip(void **state)
{
    (void)state;
    check_round_trips();
    check_random_round_trips();
}

static void numbers_round_trip_where_the_point_is_a_comma(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    for (size_t i = 0; i < GR_LEN(names); i++) {
        if (!setlocale(LC_ALL, names[i])) continue;
        char number[16];
        snprintf(number, sizeof number, "%.1f", 0.5);
        assert_string_not_equal(number, "0.5");
        check_round_trips();
        setlocale(LC_ALL, "C");
        return;
    }
    print_message("no locale with a decimal comma is installed\n");
    skip();
}

static void printed_as(double value, const char *want)
{
    gr_text text = {0};
    gr_text_real(&text, value);
    assert_string_equal(text.data, want);
    gr_text_free(&text);
}

static void numbers_are_short(void **state)
{
    (void)state;
    printed_as(0.1, "0.1");
    printed_as(-12, "-12");
    printed_as(0.30000000000000004, "0.30000000000000004");
    printed_as(1e-7, "1e-07");
    printed_as(-0.0, "-0");
    printed_as((double)INFINITY, "inf");
    printed_as(-(double)INFINITY, "-inf");
    printed_as((double)NAN, "nan");
    printed_as(-(double)NAN, "nan");
}

static void parses(const char *input, double want, const char *rest)
{
    const char *cursor = input;
    double got;
    assert_true(gr_parse_real(&cursor, &got));
    assert_true(got == want || (isnan(want) && isnan(got)));
    assert_string_equal(cursor, rest);
}

static void reals_are_parsed(void **state)
{
    (void)state;
    parses("12", 12, "");
    parses("+1.5e3,7", 1500, ",7");
    parses(".5", 0.5, "");
    parses("5.", 5, "");
    parses("-0", -0.0, "");
    parses("1e", 1, "e");
    parses("1e+x", 1, "e+x");
    parses("2.5.7", 2.5, ".7");
    parses("1,5", 1, ",5");
    parses("0x10", 0, "x10");
    parses("NaN", (double)NAN, "");
    parses("-Inf)", -(double)INFINITY, ")");
    parses("infinity", (double)INFINITY, "");
    parses("1e400", (double)INFINITY, "");
    parses("1e99999999999999999999", (double)INFINITY, "");
    parses("-1e-99999999999999999999", 0, "");
    parses("0e99999999999999999999", 0, "");
    parses("17976931348623158079372897140530341507993413271003782693617377898044496829276475"
           "09466490179775872070963302864166928879109465555478519404026306574886715058206819"
           "08902000708383676273854845817711531764475730270069855571366959622842914819860834"
           "936475292719074168444365510704342711559699508093042880177904174497792e0",
           (double)INFINITY, ""); /* exactly halfway to 2^1024 */
    parses("9007199254740993", 9007199254740992, "");
    parses("9007199254740993.0000000000000000000000000000000000001", 9007199254740994, "");
    static const char *const bad[] = {"", "-", ".", "e5", "x", "info", "nano", " 1", "--1", "-.e1"};
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        const char *cursor = bad[i];
        double value;
        assert_false(gr_parse_real(&cursor, &value));
        assert_ptr_equal(cursor, bad[i]);
    }
}

/* Halfway between two doubles, and one digit in the thousandth place above it. */
static void digits_far_away_decide(void **state)
{
    (void)state;
    char number[1200];
    int n = snprintf(number, sizeof number, "9007199254740993.");
    memset(number + n, '0', 1000);
    number[n + 1000] = '\0';
    parses(number, 9007199254740992, "");
    number[n + 999] = '1';
    parses(number, 9007199254740994, "");
    memset(number, '0', 1100);
    memcpy(number + 1000, "17", 3);
    parses(number, 17, "");
}

static void whole_numbers_are_parsed(void **state)
{
    (void)state;
    const char *cursor = "-9223372036854775808;";
    int64_t value;
    assert_true(gr_parse_int(&cursor, &value));
    assert_true(value == INT64_MIN);
    assert_string_equal(cursor, ";");
    cursor = "+9223372036854775807";
    assert_true(gr_parse_int(&cursor, &value));
    assert_true(value == INT64_MAX);
    static const char *const bad[] = {
        "9223372036854775808", "-9223372036854775809", "", "-", "x1", "99999999999999999999999"};
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        cursor = bad[i];
        assert_false(gr_parse_int(&cursor, &value));
        assert_ptr_equal(cursor, bad[i]);
    }
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"relu", "sigmoid", "maxpool", "avgpool", "conv", "fc"};
    static const struct {
        const char *word, *want;
    } cases[] = {{"rleu", "relu"},        {"Relu", "relu"}, {"sigmoids", "sigmoid"},
                 {"max_pool", "maxpool"}, {"cnov", "conv"}, {"fx", "fc"},
                 {"transformer", NULL},   {"q", NULL},      {"", NULL},
                 {"conv2d", "conv"},      {"fc", "fc"},     {"averagepool", "avgpool"}};
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        const char *got = gr_nearest(cases[i].word, names, GR_LEN(names));

        if (cases[i].want) {
            assert_non_null(got);
            assert_string_equal(got, cases[i].want);
        } else {
            assert_null(got);
        }
    }
    char word[200];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(gr_nearest(word, names, GR_LEN(names)));
    assert_null(gr_nearest("relu", (const char *[]){word}, 1));
}

static void strings_grow(void **state)
{
    (void)state;
    gr_text text = {0};
    for (int i = 0; i < 10000; i++) gr_text_printf(&text, "%d", i % 10);
    assert_int_equal(text.size, 10000);
    for (size_t i = 0; i < 10000; i++) assert_int_equal(text.data[i], '0' + (int)(i % 10));
    gr_text_append(&text, "a\0b", 3);
    assert_int_equal(text.size, 10003);
    gr_text_free(&text);
    gr_text_append(&text, "", 0);
    assert_string_equal(text.data, "");
    gr_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(numbers_round_trip_where_the_point_is_a_comma),
        cmocka_unit_test(numbers_are_short),
        cmocka_unit_test(reals_are_parsed),
        cmocka_unit_test(digits_far_away_decide),
        cmocka_unit_test(whole_numbers_are_parsed),
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(strings_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
