/* The files of known sets, and the folder of the cache. */
#include "support_data.h"

/* "mnist" of "mnist/train-images-idx3-ubyte.gz" would lead to what gr_data_find finds. */
static void finds_what_was_fetched(const gr_data_info *info, const char *root)
{
    const gr_data_file *file;
    char path[512], found[512];
    for (int i = 0; (file = gr_data_known_file(info->name, i)); i++) {
        assert_int_not_equal(gr_data_find(info->name, found, sizeof found), GR_OK);
        snprintf(path, sizeof path, "gradus/%s%s", file->folder ? file->folder : file->path,
                 !file->folder         ? ""
                 : info->classes == 10 ? "/data_batch_1.bin"
                                       : "/train.bin");
        test_files_text(path, "x");
    }
    unit_ok(gr_data_find(info->name, found, sizeof found));
    assert_int_equal(strncmp(found, root, strlen(root)), 0);
}

static void each_file_is_known_by_its_sum(void **state)
{
    (void)state;
    char *data = getenv("GRADUS_DATA"), *cache = getenv("XDG_CACHE_HOME");
    if (data) data = strdup(data);
    if (cache) cache = strdup(cache);
    unsetenv("GRADUS_DATA");
    setenv("XDG_CACHE_HOME", test_files_folder(), 1);
    const gr_data_info *info;
    const gr_data_file *file;
    int files = 0;
    for (int i = 0; (info = gr_data_known(i)); i++) {
        for (int k = 0; (file = gr_data_known_file(info->name, k)); k++, files++) {
            assert_true(file->bytes > 0);
            assert_int_equal(strlen(file->sha256), 64);
            assert_int_equal(strspn(file->sha256, "0123456789abcdef"), 64);
            assert_int_not_equal(file->path[0], '/');
            for (int u = 0; u < 2 && file->url[u]; u++) {
                assert_int_equal(strncmp(file->url[u], "https://", 8), 0);
                assert_string_equal(strrchr(file->url[u], '/') + 1,
                                    strrchr(file->path, '/') ? strrchr(file->path, '/') + 1
                                                             : file->path);
            }
        }
        /* Debian's copy of Fashion-MNIST may be installed: then it is found before. */
        if (gr_data_known_file(info->name, 0) && strcmp(info->name, "fashion-mnist") != 0)
            finds_what_was_fetched(info, test_files_folder());
    }
    assert_int_equal(files, 16);
    assert_null(gr_data_known_file("moons", 0));
    assert_null(gr_data_known_file("strange", 0));
    assert_null(gr_data_known_file("iris", -1));
    assert_null(gr_data_known_file("iris", 1));
    data ? setenv("GRADUS_DATA", data, 1) : unsetenv("GRADUS_DATA");
    cache ? setenv("XDG_CACHE_HOME", cache, 1) : unsetenv("XDG_CACHE_HOME");
    free(data);
    free(cache);
}

static void the_cache_is_where_xdg_says(void **state)
{
    (void)state;
    char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), path[64], words[8];
    if (cache) cache = strdup(cache);
    if (home) home = strdup(home);
    setenv("XDG_CACHE_HOME", "/some/where", 1);
    unit_ok(gr_data_cache(path, sizeof path));
    assert_string_equal(path, "/some/where/gradus");
    unit_refused(gr_data_cache(words, sizeof words), GR_INVALID, "too long");
    setenv("XDG_CACHE_HOME", "", 1);
    setenv("HOME", "/home/me", 1);
    unit_ok(gr_data_cache(path, sizeof path));
    assert_string_equal(path, "/home/me/.cache/gradus");
    unsetenv("HOME");
    unit_refused(gr_data_cache(path, sizeof path), GR_NOT_FOUND,
                 "neither XDG_CACHE_HOME nor HOME is set");
    cache ? setenv("XDG_CACHE_HOME", cache, 1) : unsetenv("XDG_CACHE_HOME");
    if (home) setenv("HOME", home, 1);
    free(cache);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_is_known_by_its_sum),
        cmocka_unit_test(the_cache_is_where_xdg_says),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
