/* Metadata: order, kinds of value, refusals, memory. */
#include <gradus/io.h>

#include <math.h>

#include "support_memory.h"

static void pairs_keep_their_order(void **state)
{
    (void)state;
    gr_meta *meta = gr_meta_new();
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(gr_meta_set(meta, key, key + 4), GR_OK);
    }
    assert_int_equal(gr_meta_set(meta, "key 7", "changed"), GR_OK);
    assert_int_equal(gr_meta_size(meta), 1000);
    assert_string_equal(gr_meta_key(meta, 7), "key 7");
    assert_string_equal(gr_meta_value(meta, 7), "changed");
    assert_string_equal(gr_meta_get(meta, "key 999"), "999");
    assert_null(gr_meta_get(meta, "key 1000"));
    assert_null(gr_meta_key(meta, 1000));
    assert_null(gr_meta_value(meta, -1));
    gr_meta_free(meta);
    gr_meta_free(NULL);
}

static void numbers_round_trip(void **state)
{
    (void)state;
    static const double reals[] = {0.1,      -0.0,      1e-320,  1.7976931348623157e308,
                                   INFINITY, -INFINITY, 1.0 / 3, 12345678901234567.0};
    static const int64_t whole[] = {0, -1, INT64_MAX, INT64_MIN};
    gr_meta *meta = gr_meta_new();
    for (size_t i = 0; i < GR_LEN(whole); i++) {
        int64_t value = 5;
        assert_int_equal(gr_meta_set_int(meta, "i", whole[i]), GR_OK);
        assert_int_equal(gr_meta_get_int(meta, "i", &value), GR_OK);
        assert_true(value == whole[i]);
    }
    double value, *list;
    int n;
    assert_int_equal(gr_meta_set_real(meta, "r", (double)NAN), GR_OK);
    assert_int_equal(gr_meta_get_real(meta, "r", &value), GR_OK);
    assert_true(isnan(value));
    assert_int_equal(gr_meta_set_reals(meta, "l", reals, (int)GR_LEN(reals)), GR_OK);
    assert_int_equal(gr_meta_get_reals(meta, "l", &list, &n), GR_OK);
    assert_int_equal(n, GR_LEN(reals));
    assert_memory_equal(list, reals, sizeof reals);
    gr_meta_release(list);
    assert_int_equal(gr_meta_set_reals(meta, "l", NULL, 0), GR_OK);
    assert_int_equal(gr_meta_get_reals(meta, "l", &list, &n), GR_OK);
    assert_int_equal(n, 0);
    assert_null(list);
    gr_meta_free(meta);
}

static void texts_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {"T-shirt/top", "", "two\nlines", "back\\slash", "\\n", "é"};
    gr_meta *meta = gr_meta_new();
    char **list;
    int n;
    for (int count = 0; count <= (int)GR_LEN(texts); count++) {
        assert_int_equal(gr_meta_set_texts(meta, "t", texts, count), GR_OK);
        assert_int_equal(gr_meta_get_texts(meta, "t", &list, &n), GR_OK);
        assert_int_equal(n, count);
        for (int i = 0; i < n; i++) assert_string_equal(list[i], texts[i]);
        gr_meta_release(list);
    }
    gr_meta_free(meta);
}

static void wrong_values_are_refused(void **state)
{
    (void)state;
    gr_meta *meta = gr_meta_new();
    int64_t whole = 3;
    double real = 3, *reals = NULL;
    char **texts = NULL;
    int n = 3;
    assert_int_equal(gr_meta_get_int(meta, "epochs", &whole), GR_NOT_FOUND);
    assert_string_equal(gr_message(), "metadata: there is no 'epochs'");
    static const char *const bad_whole[] = {"", "1.5", " 1", "1 ", "x", "9223372036854775808"};
    for (size_t i = 0; i < GR_LEN(bad_whole); i++) {
        assert_int_equal(gr_meta_set(meta, "k", bad_whole[i]), GR_OK);
        assert_int_equal(gr_meta_get_int(meta, "k", &whole), GR_FORMAT);
    }
    assert_string_equal(gr_message(),
                        "metadata: 'k' should be a whole number, but is '9223372036854775808'");
    static const char *const bad_reals[] = {" 1", "1 ", "1  2", "1,2", "1 x"};
    for (size_t i = 0; i < GR_LEN(bad_reals); i++) {
        assert_int_equal(gr_meta_set(meta, "k", bad_reals[i]), GR_OK);
        assert_int_equal(gr_meta_get_reals(meta, "k", &reals, &n), GR_FORMAT);
        assert_int_equal(gr_meta_get_real(meta, "k", &real), GR_FORMAT);
    }
    static const char *const bad_texts[] = {"a", "a\nb", "a\\\n", "a\\x\n"};
    for (size_t i = 0; i < GR_LEN(bad_texts); i++) {
        assert_int_equal(gr_meta_set(meta, "k", bad_texts[i]), GR_OK);
        assert_int_equal(gr_meta_get_texts(meta, "k", &texts, &n), GR_FORMAT);
    }
    assert_true(whole == 3 && real == 3 && n == 3 && !reals && !texts);
    gr_meta_free(meta);
}

static void keys_and_values_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",         "\xC0\x80",         "\xE0\x80\x80",
                                      "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                      "a\xC3",        "\xF0\x80\x80\x80", "\xE2\x82"};
    gr_meta *meta = gr_meta_new();
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        assert_int_equal(gr_meta_set(meta, bad[i], "v"), GR_INVALID);
        assert_int_equal(gr_meta_set(meta, "k", bad[i]), GR_INVALID);
    }
    assert_int_equal(gr_meta_set(meta, "gradus.checksum", "0"), GR_INVALID);
    assert_int_equal(gr_meta_set(meta, "gradus.format", "1"), GR_INVALID);
    assert_int_equal(gr_meta_size(meta), 0);
    assert_int_equal(gr_meta_set(meta, "\xF0\x9F\x98\x80 \xE2\x82\xAC \xED\x9F\xBF", "é"), GR_OK);
    gr_meta_free(meta);
}

static gr_status fill(gr_meta *meta)
{
    char key[16];
    static const char *const texts[] = {"one", "two"};
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "key %d", i);
        GR_TRY(gr_meta_set(meta, key, "value"));
        GR_TRY(gr_meta_set_int(meta, key, i));
    }
    GR_TRY(gr_meta_set_texts(meta, "texts", texts, 2));
    char **list;
    double *reals;
    int n;
    GR_TRY(gr_meta_get_texts(meta, "texts", &list, &n));
    gr_meta_release(list);
    GR_TRY(gr_meta_get_reals(meta, "key 3", &reals, &n));
    gr_meta_release(reals);
    return GR_OK;
}

static gr_status make_and_fill(void *user)
{
    (void)user;
    gr_meta *meta = gr_meta_new();
    gr_status status = meta ? fill(meta) : GR_NO_MEMORY;
    gr_meta_free(meta);
    return status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(make_and_fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_keep_their_order),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(texts_round_trip),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(keys_and_values_are_checked),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
