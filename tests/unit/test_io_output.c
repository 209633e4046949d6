/* Files written whole or not at all: contents, permissions, links, devices, every kind of fault. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gradus/io.h>

#include "base/file.h"
#include "io/output.h"
#include "support_files.h"
#include "support_memory.h"

static void assert_file(const char *path, const char *expected)
{
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_OK);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size);
    gr_free(data);
}

/* No temporary file is left beside `path`. */
static void assert_alone(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    DIR *folder = opendir(test_files_folder());
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, name, strlen(name)) == 0) {
            assert_string_equal(entry->d_name, name);
        }
    }
    closedir(folder);
}

static void files_are_written_and_replaced(void **state)
{
    (void)state;
    const char *path = test_files_path("plain");
    assert_int_equal(gr_file_write(path, "first", 5), GR_OK);
    assert_file(path, "first");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(gr_file_write(path, "", 0), GR_OK);
    assert_file(path, "");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0640);
    assert_alone(path);
}

static void a_link_is_followed(void **state)
{
    (void)state;
    const char *path = test_files_text("linked", "old"), *link = test_files_path("link");
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(gr_file_write(link, "new", 3), GR_OK);
    assert_file(path, "new");
    struct stat about;
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
}

static void until_the_commit_the_old_file_stays(void **state)
{
    (void)state;
    const char *path = test_files_text("kept", "old");
    gr_output *output;
    assert_int_equal(gr_output_new(path, &output), GR_OK);
    assert_int_equal(gr_output_write(output, "new text", 8), GR_OK);
    assert_file(path, "old");
    gr_output_discard(output);
    assert_file(path, "old");
    assert_alone(path);
    assert_int_equal(gr_output_new(path, &output), GR_OK);
    assert_int_equal(gr_output_write(output, "new text", 8), GR_OK);
    assert_int_equal(gr_output_patch(output, 1, "EW", 2), GR_OK);
    assert_int_equal(gr_output_write(output, "!", 1), GR_OK);
    assert_int_equal(gr_output_commit(output), GR_OK);
    assert_file(path, "nEW text!");
    gr_output_discard(NULL);
}

static void assert_refused(const char *path, const char *reason)
{
    assert_int_equal(gr_file_write(path, "text", 4), GR_IO);
    if (!strstr(gr_message(), reason) || !strstr(gr_message(), path)) {
        fail_msg("'%s' in: %s", reason, gr_message());
    }
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    assert_refused(test_files_folder(), "it is a folder");
    assert_refused(test_files_path("no/such/file"), "its folder does not exist");
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_refused(test_files_path(name), "File name too long");
    const char *path = test_files_text("readonly", "old");
    assert_int_equal(chmod(path, 0444), 0);
    if (geteuid() != 0) assert_refused(path, "Permission denied"); /* root may write anything */
    assert_file(path, "old");
}

static void a_full_device_is_told(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    assert_refused("/dev/full", "No space left on device");
    struct stat about;
    assert_int_equal(stat("/dev/full", &about), 0);
    assert_true(S_ISCHR(about.st_mode));
}

/* A disk that fills while the file is written: the limit stands in for it. Runs in a child, since
 * the limit holds for the whole process; the answer is its exit code. */
static int write_beyond_limit(const char *path)
{
    static char large[100000];
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {4096, 4096};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    gr_status status = gr_file_write(path, large, sizeof large);
    return status == GR_IO && strstr(gr_message(), "File too large") ? 0 : 1;
}

static void a_disk_that_fills_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = test_files_text("full", "old");
    pid_t child = fork();
    if (child == 0) _exit(write_beyond_limit(path));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_file(path, "old");
    assert_alone(path);
}

static void pipes_are_written_at_the_end(void **state)
{
    (void)state;
    int ends[2];
    char path[64], text[16];
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    gr_output *output;
    assert_int_equal(gr_output_new(path, &output), GR_OK);
    assert_int_equal(gr_output_write(output, "0000", 4), GR_OK);
    assert_int_equal(gr_output_patch(output, 2, "12", 2), GR_OK);
    assert_int_equal(gr_output_commit(output), GR_OK);
    assert_int_equal(read(ends[0], text, sizeof text), 4);
    assert_memory_equal(text, "0012", 4);
    close(ends[0]);
    close(ends[1]);
}

static gr_status write_new(void *path)
{
    gr_status status = gr_file_write(path, "new", 3);
    assert_alone(path);
    return status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    const char *path = test_files_text("memory", "old");
    test_memory_sweep(write_new, (char *)path);
    assert_file(path, "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_and_replaced),
        cmocka_unit_test(a_link_is_followed),
        cmocka_unit_test(until_the_commit_the_old_file_stays),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(a_full_device_is_told),
        cmocka_unit_test(a_disk_that_fills_leaves_the_old_file),
        cmocka_unit_test(pipes_are_written_at_the_end),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
