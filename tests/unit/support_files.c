#include "support_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char support_folder[64];

int test_files_setup(void **state)
{
    (void)state;
    const char *place = getenv("TMPDIR");
    if (!place || !*place) place = "/tmp";
    int length = snprintf(support_folder, sizeof support_folder, "%s/gradus-test-XXXXXX", place);
    if (length < 0 || (size_t)length >= sizeof support_folder) /* a long one: messages name it */
        strcpy(support_folder, "/tmp/gradus-test-XXXXXX");
    return mkdtemp(support_folder) ? 0 : -1;
}

static void support_remove(const char *path)
{
    DIR *folder = opendir(path);
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));) {
            char inner[1024];
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            support_remove(inner);
        }
        closedir(folder);
    }
    remove(path);
}

int test_files_teardown(void **state)
{
    (void)state;
    support_remove(support_folder);
    return 0;
}

const char *test_files_folder(void)
{
    return support_folder;
}

static char *support_next_path(void)
{
    static char path[8][1024];
    static unsigned turn;
    return path[turn++ % 8];
}

const char *test_files_path(const char *name)
{
    char *path = support_next_path();
    snprintf(path, 1024, "%s/%s", support_folder, name);
    return path;
}

const char *test_files_write(const char *name, const void *data, size_t size)
{
    const char *path = test_files_path(name);
    char part[1024];
    for (const char *slash = path + strlen(support_folder) + 1; (slash = strchr(slash, '/'));
         slash++) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0700);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *test_files_text(const char *name, const char *text)
{
    return test_files_write(name, text, strlen(text));
}

int test_files_count(const char *folder)
{
    int n = 0;
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    while (readdir(entries)) n++;
    closedir(entries);
    return n;
}

const char *test_files_real(const char *name)
{
    const char *root = getenv("GRADUS_DATA");
    char *path = support_next_path();
    snprintf(path, 1024, "%s/%s", root ? root : "", name);
    if (!root || access(path, R_OK) != 0) {
        print_message("skipped: no %s under GRADUS_DATA\n", name);
        skip();
    }
    return path;
}
