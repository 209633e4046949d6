/* Record files: what goes in comes out, in any order; a file that was cut or changed anywhere is
 * refused, by name and place. */
#include "support_data.h"

#include <stdio.h>

enum { TRAIN = 9, TEST = 4, WIDTH = 6 };

static gr_dataset *make(gr_dtype dtype, int64_t n, bool labelled)
{
    static const char *const names[] = {"a", "b", "c"};
    gr_tensor examples;
    gr_dataset *set;
    int32_t labels[TRAIN];
    assert_int_equal(gr_tensor_new(dtype, GR_SHAPE(n, 2, WIDTH), &examples), GR_OK);
    for (int64_t at = 0; at < n * 2 * WIDTH; at++) {
        if (dtype == GR_U8) {
            ((unsigned char *)examples.data)[at] = (unsigned char)(at * 7);
        } else {
            ((float *)examples.data)[at] = (float)at / 3;
        }
    }
    for (int i = 0; i < TRAIN; i++) labels[i] = i % 3;
    assert_int_equal(gr_dataset_new("made", &examples, labelled ? labels : NULL, labelled ? 3 : 0,
                                    labelled ? names : NULL, &set),
                     GR_OK);
    gr_tensor_clear(&examples);
    return set;
}

static void check_same(const gr_dataset *read, const gr_dataset *made)
{
    float x[2 * WIDTH];
    int32_t y;
    assert_int_equal(gr_dataset_size(read), gr_dataset_size(made));
    assert_true(gr_dataset_streamed(read));
    assert_int_equal(gr_dataset_dtype(read), gr_dataset_dtype(made));
    assert_int_equal(gr_dataset_classes(read), gr_dataset_classes(made));
    for (int64_t k = 0; k < gr_dataset_size(made); k++) {
        int64_t i = k * 5 % gr_dataset_size(made);
        assert_int_equal(gr_dataset_read(read, i, 0, x, &y), GR_OK);
        assert_memory_equal(x, gr_dataset_example(made, i),
                            2 * WIDTH * gr_dtype_size(gr_dataset_dtype(made)));
        assert_int_equal(y, gr_dataset_label(made, i));
        assert_int_equal(gr_dataset_label(read, i), y);
    }
    for (int c = 0; c < gr_dataset_classes(made); c++) {
        assert_string_equal(gr_dataset_class_name(read, c), gr_dataset_class_name(made, c));
    }
}

static void round_trip(void **state)
{
    (void)state;
    for (int variant = 0; variant < 8; variant++) {
        gr_dtype dtype = variant & 1 ? GR_F32 : GR_U8;
        gr_dataset *train = make(dtype, TRAIN, variant & 2), *read, *read_test;
        gr_dataset *test = variant & 4 ? make(dtype, TEST, variant & 2) : NULL;
        const char *path = test_files_path("set.grr");
        assert_int_equal(gr_data_pack(train, test, path), GR_OK);
        assert_int_equal(gr_data_open(path, NULL, &read, &read_test), GR_OK);
        check_same(read, train);
        assert_int_equal(read_test != NULL, test != NULL);
        if (test) check_same(read_test, test);
        gr_dataset_free(train);
        gr_dataset_free(test);
        gr_dataset_free(read);
        gr_dataset_free(read_test);
    }
}

static bool proceed_to(void *user, int64_t done)
{
    int64_t *last = user;
    assert_true(done <= *last);
    return done < *last;
}

static void stops_when_told(void **state)
{
    (void)state;
    gr_dataset *train = make(GR_F32, TRAIN, false), *test = make(GR_F32, TEST, false), *read;
    const char *path = test_files_path("stopped.grr");
    int64_t last = TRAIN + 1; /* in the test part */
    assert_int_equal(gr_data_pack_while(train, test, path, proceed_to, &last), GR_CANCELLED);
    assert_int_equal(gr_data_open(path, NULL, &read, NULL), GR_NOT_FOUND);
    last = TRAIN + TEST + 1;
    assert_int_equal(gr_data_pack_while(train, test, path, proceed_to, &last), GR_OK);
    last = 1; /* the old file stays */
    assert_int_equal(gr_data_pack_while(train, NULL, path, proceed_to, &last), GR_CANCELLED);
    assert_int_equal(gr_data_open(path, NULL, &read, NULL), GR_OK);
    check_same(read, train);
    gr_dataset_free(read);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

/* Labels are found again by the names of a model's classes. */
static void classes_by_name(void **state)
{
    (void)state;
    static const char *const swapped[] = {"c", "b", "a"}, *const few[] = {"c", "b"};
    gr_dataset *train = make(GR_U8, TRAIN, true), *read;
    const char *path = test_files_path("set.grr");
    assert_int_equal(gr_data_pack(train, NULL, path), GR_OK);
    assert_int_equal(gr_data_open(path, GR_DATA(.class_names = swapped, .classes = 3), &read, NULL),
                     GR_OK);
    for (int64_t i = 0; i < TRAIN; i++) assert_int_equal(gr_dataset_label(read, i), 2 - i % 3);
    gr_dataset_free(read);
    assert_int_equal(gr_data_open(path, GR_DATA(.unlabelled = true), &read, NULL), GR_OK);
    assert_int_equal(gr_dataset_classes(read), 0);
    gr_dataset_free(read);
    test_refuses(path, GR_DATA(.class_names = few, .classes = 2), GR_FORMAT,
                 "set.grr: label 'a' is none of the 2 classes: c, b");
    gr_dataset_free(train);
}

static size_t pack(unsigned char *bytes, size_t room)
{
    gr_dataset *train = make(GR_U8, TRAIN, true), *test = make(GR_U8, TEST, true);
    const char *path = test_files_path("set.grr");
    assert_int_equal(gr_data_pack(train, test, path), GR_OK);
    gr_dataset_free(train);
    gr_dataset_free(test);
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

/* Reads all of a file that was tampered with; the first fault is the result. */
static gr_status read_all(const char *path)
{
    gr_dataset *part[2];
    float x[2 * WIDTH];
    int32_t y;
    gr_status status = gr_data_open(path, NULL, &part[0], &part[1]);
    if (status != GR_OK) return status;
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; part[k] && i < gr_dataset_size(part[k]) && status == GR_OK; i++) {
            status = gr_dataset_read(part[k], i, 0, x, &y);
        }
        gr_dataset_free(part[k]);
    }
    return status;
}

static void cut_anywhere(void **state)
{
    (void)state;
    unsigned char bytes[4096];
    size_t size = pack(bytes, sizeof bytes);
    for (size_t cut = 8; cut < size; cut++) {
        const char *path = test_files_write("cut.grr", bytes, cut);
        char words[96];
        snprintf(words, sizeof words, "the record file is cut short: it ends at byte %zu", cut);
        assert_int_equal(read_all(path), GR_FORMAT);
        if (!strstr(gr_message(), words) || !strstr(gr_message(), "cut.grr: ")) {
            fail_msg("cut at %zu: %s", cut, gr_message());
        }
    }
    bytes[size] = 0;
    assert_int_equal(read_all(test_files_write("cut.grr", bytes, size + 1)), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "the record file is too long"));
}

static void changed_anywhere(void **state)
{
    (void)state;
    unsigned char bytes[4096];
    size_t size = pack(bytes, sizeof bytes);
    for (size_t at = 8; at < size; at++) {
        if (at >= 8 * 21 && at < 192) continue; /* unused: the header ends before */
        bytes[at] ^= 0x41;
        gr_status status = read_all(test_files_write("bad.grr", bytes, size));
        if (status != GR_FORMAT && !(at >= 8 && at < 16 && status == GR_UNSUPPORTED)) {
            fail_msg("byte %zu changed: %s", at, status == GR_OK ? "not seen" : gr_message());
        }
        assert_non_null(strstr(gr_message(), "bad.grr: "));
        bytes[at] ^= 0x41;
    }
    bytes[192 + 12] ^= 1;
    assert_int_equal(read_all(test_files_write("bad.grr", bytes, size)), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "bad.grr: record 1 at byte 204 is damaged: its 12 bytes "
                                         "do not give its checksum"));
}

static gr_status no_labels(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    (void)user;
    (void)i;
    (void)draw;
    (void)x;
    (void)y;
    return GR_OK;
}

static void refuses(void **state)
{
    (void)state;
    gr_dataset *bytes = make(GR_U8, TRAIN, true), *numbers = make(GR_F32, TRAIN, true), *places;
    assert_int_equal(gr_data_pack(bytes, numbers, test_files_path("no.grr")), GR_SHAPE);
    assert_non_null(strstr(gr_message(), "u8 [2,6] of 3 classes and f32 [2,6] of 3"));
    assert_int_equal(
        gr_dataset_from_source(GR_SOURCE(.name = "places", .count = 2, .dtype = GR_I32,
                                         .shape = GR_SHAPE(3), .label_shape = GR_SHAPE(3),
                                         .classes = 5, .read = no_labels),
                               &places),
        GR_OK);
    assert_int_equal(gr_data_pack(places, NULL, test_files_path("no.grr")), GR_UNSUPPORTED);
    assert_int_equal(gr_data_pack(bytes, NULL, "/nowhere/at/all.grr"), GR_IO);
    gr_dataset_free(bytes);
    gr_dataset_free(numbers);
    gr_dataset_free(places);
}

static gr_status flow(void *user)
{
    gr_dataset *read = NULL;
    const char *path = test_files_path("sweep.grr");
    gr_status status = gr_data_pack(user, NULL, path);
    if (status == GR_OK) status = gr_data_open(path, NULL, &read, NULL);
    gr_dataset_free(read);
    return status;
}

static void memory_may_be_out(void **state)
{
    (void)state;
    gr_dataset *set = make(GR_U8, TRAIN, true);
    assert_true(test_memory_sweep(flow, set) > 8);
    gr_dataset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_when_told),   cmocka_unit_test(round_trip),
        cmocka_unit_test(classes_by_name),   cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_anywhere),  cmocka_unit_test(refuses),
        cmocka_unit_test(memory_may_be_out),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
