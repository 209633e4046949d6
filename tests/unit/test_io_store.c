/* Stores in files: what was saved is what is loaded, in its order; faults leave both ends whole. */
#include <gradus/io.h>

#include "base/file.h"
#include "run/store.h"
#include "support_files.h"
#include "support_memory.h"

static gr_store *sample_store(void)
{
    static float weight[6] = {1, -2, 3, -4, 5, -6};
    static double rate[1] = {0.1};
    static int64_t step[1] = {12345678901};
    static uint8_t flag[2] = {0, 1};
    const gr_named_tensor all[] = {
        {"fc1.w", {GR_F32, GR_SHAPE(2, 3), weight}}, {"rate", {GR_F64, GR_SCALAR, rate}},
        {"step", {GR_I64, GR_SCALAR, step}},         {"a flag", {GR_BOOL, GR_SHAPE(2), flag}},
        {"none", {GR_F32, GR_SHAPE(0), NULL}},
    };
    gr_store *store = gr_store_new();
    for (size_t i = 0; store && i < GR_LEN(all); i++) {
        if (gr_store_add(store, all[i].name, &all[i].tensor) == GR_OK) continue;
        gr_store_free(store);
        return NULL;
    }
    return store;
}

static void assert_equal_stores(const gr_store *a, const gr_store *b)
{
    assert_int_equal(gr_store_size(a), gr_store_size(b));
    for (int i = 0; i < gr_store_size(a); i++) {
        const gr_tensor type = gr_store_type(a, i), other = gr_store_type(b, i);
        assert_string_equal(gr_store_name(a, i), gr_store_name(b, i));
        assert_int_equal(type.dtype, other.dtype);
        assert_true(gr_shape_equal(type.shape, other.shape));
        char left[64], right[64];
        size_t bytes = gr_tensor_bytes(&type);
        assert_int_equal(gr_store_read(a, gr_store_name(a, i), left, bytes), GR_OK);
        assert_int_equal(gr_store_read(b, gr_store_name(b, i), right, bytes), GR_OK);
        if (bytes > 0) assert_memory_equal(left, right, bytes);
    }
}

static void stores_round_trip(void **state)
{
    (void)state;
    const char *path = test_files_path("store"), *again = test_files_path("again");
    gr_store *store = sample_store(), *back;
    gr_meta *meta = gr_meta_new(), *told;
    assert_int_equal(gr_meta_set(meta, "net", "fc(10)"), GR_OK);
    assert_int_equal(gr_store_save(store, path, meta), GR_OK);
    assert_int_equal(gr_store_load(path, &back, &told), GR_OK);
    assert_equal_stores(store, back);
    assert_int_equal(gr_meta_size(told), 1);
    assert_string_equal(gr_meta_get(told, "net"), "fc(10)");
    assert_int_equal(gr_store_save(back, again, told), GR_OK);
    char *first, *second;
    size_t size, other;
    assert_int_equal(gr_file_read(path, 0, &first, &size), GR_OK);
    assert_int_equal(gr_file_read(again, 0, &second, &other), GR_OK);
    assert_int_equal(size, other);
    assert_memory_equal(first, second, size);
    gr_free(first);
    gr_free(second);
    gr_store_free(back);
    gr_meta_free(told);
    assert_int_equal(gr_store_save(store, path, NULL), GR_OK);
    assert_int_equal(gr_store_load(path, &back, NULL), GR_OK);
    assert_equal_stores(store, back);
    gr_store_free(back);
    gr_store_free(store);
    gr_meta_free(meta);
}

static void a_store_in_use_is_not_saved(void **state)
{
    (void)state;
    const char *path = test_files_text("busy", "old");
    gr_store *store = sample_store();
    assert_int_equal(gr_store_enter(store, true), GR_OK);
    assert_int_equal(gr_store_save(store, path, NULL), GR_BUSY);
    gr_store_leave(store, true);
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_OK);
    assert_string_equal(data, "old");
    gr_free(data);
    assert_int_equal(gr_store_save(store, "/dev/full", NULL), GR_IO);
    assert_int_equal(gr_store_enter(store, true), GR_OK); /* the failed save has let go of it */
    gr_store_leave(store, true);
    gr_store_free(store);
}

static void foreign_types_are_refused(void **state)
{
    (void)state;
    static const char header[] = "{\"w\":{\"dtype\":\"U16\",\"shape\":[1],\"data_offsets\":[0,2]}}";
    char file[128] = {sizeof header - 1};
    memcpy(file + 8, header, sizeof header - 1);
    const char *path = test_files_write("foreign", file, 8 + sizeof header - 1 + 2);
    gr_store *store;
    gr_meta *meta;
    assert_int_equal(gr_store_load(path, &store, &meta), GR_UNSUPPORTED);
    assert_non_null(strstr(gr_message(), "tensor 'w' is U16"));
    assert_null(store);
    assert_null(meta);
    assert_int_equal(gr_store_load(test_files_path("nowhere"), &store, &meta), GR_NOT_FOUND);
}

static gr_status save_and_load(void *path)
{
    gr_store *store = sample_store(), *back = NULL;
    gr_meta *meta = gr_meta_new(), *told = NULL;
    gr_status status = store && meta ? gr_meta_set(meta, "net", "fc(10)") : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_store_save(store, path, meta);
    if (status == GR_OK) status = gr_store_load(path, &back, &told);
    gr_store_free(store);
    gr_store_free(back);
    gr_meta_free(meta);
    gr_meta_free(told);
    return status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(save_and_load, (char *)test_files_path("memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_round_trip),
        cmocka_unit_test(a_store_in_use_is_not_saved),
        cmocka_unit_test(foreign_types_are_refused),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
