/* Status words, versions, and this thread's message. */
#include "support.h"

static void versions_agree(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", GR_VERSION_MAJOR, GR_VERSION_MINOR, GR_VERSION_PATCH);
    assert_string_equal(gr_version(), text);
}

static void status_words(void **state)
{
    (void)state;
    assert_string_equal(gr_status_text(GR_OK), "success");
    assert_string_equal(gr_status_text(GR_INTERNAL), "internal fault: please report it");
    assert_string_equal(gr_status_text(GR_STATUS_COUNT), "unknown status");
    assert_string_equal(gr_status_text((gr_status)-1), "unknown status");
}

static void messages(void **state)
{
    (void)state;
    assert_int_equal(gr_fail(GR_SHAPE, "have %d, want %d", 3, 4), GR_SHAPE);
    assert_string_equal(gr_message(), "have 3, want 4");
    assert_int_equal(gr_fail_prefix(GR_FORMAT, "%s: ", "a.csv"), GR_FORMAT);
    assert_string_equal(gr_message(), "a.csv: have 3, want 4");
    gr_fail(GR_IO, "again: %s", gr_message());
    assert_string_equal(gr_message(), "again: a.csv: have 3, want 4");
}

static void long_messages_are_cut_between_characters(void **state)
{
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        char word[5000];
        size_t n = 0;
        for (int i = 0; i < shift; i++) word[n++] = '.';
        while (n + 4 < sizeof word) { /* ≤, three bytes */
            memcpy(word + n, "\xE2\x89\xA4", 3);
            n += 3;
        }
        word[n] = '\0';
        gr_fail(GR_IO, "%s", word);
        size_t length = strlen(gr_message());
        assert_true(length > 1000 && length < n);
        assert_int_equal((length - (size_t)shift) % 3, 0);
        gr_fail_prefix(GR_IO, "x");
        assert_int_equal((strlen(gr_message()) - 1 - (size_t)shift) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_agree),
        cmocka_unit_test(status_words),
        cmocka_unit_test(messages),
        cmocka_unit_test(long_messages_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
