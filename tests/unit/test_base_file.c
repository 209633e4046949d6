/* Reading a file whole: files, pipes, and every refusal. */
#include "support_files.h"
#include "support_memory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static void reads_files_and_pipes(void **state)
{
    (void)state;
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(test_files_text("a", "hello"), 0, &data, &size), GR_OK);
    assert_int_equal(size, 5);
    assert_string_equal(data, "hello");
    gr_free(data);

    assert_int_equal(gr_file_read(test_files_text("empty", ""), 5, &data, &size), GR_OK);
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    gr_free(data);

    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "through a pipe", 14), 14);
    close(ends[1]);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_OK);
    assert_int_equal(size, 14);
    assert_string_equal(data, "through a pipe");
    gr_free(data);
    close(ends[0]);
}

/* Files of /proc say that they have no bytes: they are read to their end all the same. */
static void does_not_trust_the_size(void **state)
{
    (void)state;
    char *data;
    size_t size;
    assert_int_equal(gr_file_read("/proc/self/status", 0, &data, &size), GR_OK);
    assert_true(size > 100);
    assert_int_equal(strlen(data), size);
    gr_free(data);
}

/* Nor does a device without an end take the machine's memory. */
static void ends_where_a_device_does_not(void **state)
{
    (void)state;
    char *data;
    size_t size;
    assert_int_equal(gr_file_read("/dev/zero", 0, &data, &size), GR_FORMAT);
    assert_string_equal(gr_message(), "/dev/zero: the file is larger than the 268435456 bytes that "
                                      "are read at most");
    assert_null(data);
    assert_int_equal(gr_file_read("/dev/null", 0, &data, &size), GR_OK);
    assert_int_equal(size, 0);
    gr_free(data);
}

static void refuses(void **state)
{
    (void)state;
    char *data, expected[1100];
    size_t size;
    const char *path = test_files_path("missing");
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_NOT_FOUND);
    snprintf(expected, sizeof expected, "%s: No such file or directory", path);
    assert_string_equal(gr_message(), expected);
    assert_null(data);

    assert_int_equal(gr_file_read(test_files_folder(), 0, &data, &size), GR_IO);
    assert_non_null(strstr(gr_message(), ": is a folder, not a file"));

    path = test_files_text("six", "123456");
    assert_int_equal(gr_file_read(path, 5, &data, &size), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "six: the file is larger than the 5 bytes"));
    assert_int_equal(gr_file_read("/proc/self/status", 5, &data, &size), GR_FORMAT);
    assert_int_equal(gr_file_read(path, 6, &data, &size), GR_OK);
    gr_free(data);
}

static void survives_failure_of_memory(void **state)
{
    (void)state;
    const char *paths[] = {test_files_text("long", "some text"), "/proc/self/maps"};
    for (size_t i = 0; i < GR_LEN(paths); i++) {
        gr_status status = GR_NO_MEMORY;
        for (long fail_at = 1; status != GR_OK; fail_at++) {
            test_memory memory;
            char *data;
            size_t size;
            test_memory_start(&memory, fail_at);
            status = gr_file_read(paths[i], 0, &data, &size);
            if (status != GR_OK) assert_int_equal(status, GR_NO_MEMORY);
            gr_free(data);
            test_memory_stop(&memory);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_files_and_pipes),        cmocka_unit_test(does_not_trust_the_size),
        cmocka_unit_test(ends_where_a_device_does_not), cmocka_unit_test(refuses),
        cmocka_unit_test(survives_failure_of_memory),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
