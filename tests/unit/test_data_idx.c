/* IDX and CIFAR files, plain and gzipped, and every way in which they can be wrong. */
#include "support_data.h"

static const uint32_t few[] = {4, 2, 3};

/* A folder with a good set, of which single files are then replaced. */
static const char *good_folder(const char *name)
{
    char path[4][128];
    snprintf(path[0], sizeof path[0], "%s/train-images-idx3-ubyte", name);
    snprintf(path[1], sizeof path[1], "%s/train-labels-idx1-ubyte", name);
    snprintf(path[2], sizeof path[2], "%s/t10k-images-idx3-ubyte", name);
    snprintf(path[3], sizeof path[3], "%s/t10k-labels-idx1-ubyte", name);
    test_write_idx_pair(path[0], path[1], 10, 2, 3, 5);
    test_write_idx_pair(path[2], path[3], 4, 2, 3, 5);
    return test_files_path(name);
}

static void reads_a_folder(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    assert_int_equal(gr_data_open(good_folder("good"), NULL, &train, &test), GR_OK);
    assert_int_equal(gr_dataset_size(train), 10);
    assert_int_equal(gr_dataset_size(test), 4);
    assert_int_equal(gr_dataset_dtype(train), GR_U8);
    assert_true(gr_shape_equal(gr_dataset_shape(train), GR_SHAPE(1, 2, 3)));
    assert_int_equal(gr_dataset_classes(train), 5);
    assert_int_equal(gr_dataset_classes(test), 5);
    assert_string_equal(gr_dataset_class_name(test, 4), "4");
    assert_null(gr_dataset_class_name(test, 5));
    assert_null(gr_dataset_class_name(test, -1));
    assert_null(gr_dataset_feature_name(train, 0));
    assert_int_equal(gr_dataset_label(train, 7), 2);
    assert_memory_equal(gr_dataset_example(train, 3), "\x12\x13\x14\x15\x16\x17", 6);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

static void reads_one_file(void **state)
{
    (void)state;
    gr_dataset *set, *none;
    test_write_idx_pair("my-images-idx3-ubyte", "my-labels-idx1-ubyte", 10, 2, 3, 5);
    const char *path = test_files_path("my-images-idx3-ubyte");
    assert_int_equal(gr_data_open(path, NULL, &set, &none), GR_OK);
    assert_null(none);
    assert_int_equal(gr_dataset_label(set, 9), 4);
    gr_dataset_free(set);

    assert_int_equal(gr_data_open(path, GR_DATA(.unlabelled = true), &set, NULL), GR_OK);
    assert_int_equal(gr_dataset_label(set, 9), -1);
    assert_int_equal(gr_dataset_classes(set), 0);
    gr_dataset_free(set);

    const char *names[] = {"a", "b", "c", "d", "e", "f"};
    assert_int_equal(gr_data_open(path, GR_DATA(.class_names = names, .classes = 6), &set, NULL),
                     GR_OK);
    assert_int_equal(gr_dataset_classes(set), 6);
    assert_string_equal(gr_dataset_class_name(set, 5), "f");
    gr_dataset_free(set);
    test_refuses(path, GR_DATA(.class_names = names, .classes = 4), GR_FORMAT,
                 "my-labels-idx1-ubyte: byte 12: label 4 of example 4 is not one of 0 to 3");
}

/* Other element types become f32, without a name that tells what the file is. */
static void reads_other_types(void **state)
{
    (void)state;
    test_bytes bytes = {0};
    gr_dataset *set;
    test_put_idx(&bytes, 0x0B, 2, (uint32_t[]){2, 2});
    test_put(&bytes, "\x00\x01\xFF\xFF\x80\x00\x01\x00", 8);
    const char *path = test_files_write("shorts", bytes.data, bytes.size);
    assert_int_equal(gr_data_open(path, GR_DATA(.unlabelled = true), &set, NULL), GR_OK);
    assert_int_equal(gr_dataset_dtype(set), GR_F32);
    assert_true(gr_shape_equal(gr_dataset_shape(set), GR_SHAPE(2)));
    const float *value = gr_dataset_example(set, 0);
    const float expected[] = {1, -1, -32768, 256};
    assert_memory_equal(value, expected, sizeof expected);
    gr_dataset_free(set);

    bytes.size = 0;
    test_put_idx(&bytes, 0x0E, 1, (uint32_t[]){2});
    test_put(&bytes, "\x3F\xF8\0\0\0\0\0\0\xFF\xF0\0\0\0\0\0\0", 16);
    path = test_files_write("doubles", bytes.data, bytes.size);
    gr_tensor tensor;
    assert_int_equal(gr_idx_read(path, &tensor), GR_OK);
    assert_int_equal(tensor.dtype, GR_F64);
    assert_true(gr_tensor_at(&tensor, 0) == 1.5);
    gr_tensor_clear(&tensor);
    test_refuses(path, GR_DATA(.unlabelled = true), GR_FORMAT,
                 "doubles: byte 16: found -inf, which is not a finite f32 number");

    bytes.size = 0;
    test_put_idx(&bytes, 0x09, 1, (uint32_t[]){2});
    test_put(&bytes, "\x7F\x80", 2);
    assert_int_equal(gr_idx_read(test_files_write("i8", bytes.data, bytes.size), &tensor), GR_OK);
    assert_true(gr_tensor_at(&tensor, 1) == -128);
    gr_tensor_clear(&tensor);
}

static const char *images_of(const test_bytes *bytes)
{
    return test_files_write("bad-images-idx3-ubyte", bytes->data, bytes->size);
}

static void refuses_bad_images(void **state)
{
    (void)state;
    test_bytes bytes = {0};
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "bad-images-idx3-ubyte: the file has 0 bytes, too few for the header of IDX");
    test_put(&bytes, "\x01\x00\x08\x03", 4);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "byte 0: found 01 00 08 03, but IDX begins with 00 00, a type");
    memcpy(bytes.data, "\0\0\x0A\x03", 4);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT, "found 00 00 0a 03");
    memcpy(bytes.data, "\0\0\x08\x09", 4);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT, "found 00 00 08 09");
    memcpy(bytes.data, "\0\0\x08\x03", 4);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "the file ends at byte 4, within the header, which has 16 bytes for rank 3");

    bytes.size = 0;
    test_put_idx(&bytes, 8, 3, few);
    test_put(&bytes, "01234567890123456789012", 23);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "found 39 bytes, but u8 elements [4,2,3] need 40: the file is cut");
    test_put(&bytes, "++", 2);
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "found 41 bytes, but u8 elements [4,2,3] need 40: the file is too long");

    bytes.size = 0;
    test_put_idx(&bytes, 8, 3, (uint32_t[]){0, 2, 3});
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "byte 4: there are no examples");
    bytes.size = 0;
    test_put_idx(&bytes, 8, 3, (uint32_t[]){2, 0, 3});
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "byte 4: examples of shape [1,0,3] hold nothing");
    bytes.size = 0;
    test_put_idx(&bytes, 8, 4, (uint32_t[]){65536, 65536, 65536, 65536});
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "byte 4: the product of the sizes [65536,65536,65536,65536] overflows");
    bytes.size = 0;
    test_put_idx(&bytes, 0x0E, 3, (uint32_t[]){1u << 31, 1u << 31, 1});
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT, "overflows");
    /* Sizes that fit in memory, but not in the file, take no memory. */
    bytes.size = 0;
    test_put_idx(&bytes, 8, 3, (uint32_t[]){4000000000u, 1000, 1000});
    test_refuses(images_of(&bytes), GR_DATA(.unlabelled = true), GR_FORMAT,
                 "found 16 bytes, but u8 elements [4000000000,1000,1000] need 4000000000000016");
}

static void refuses_bad_labels(void **state)
{
    (void)state;
    test_bytes bytes = {0};
    const char *folder = good_folder("labels");
    const char *file = "labels/train-labels-idx1-ubyte";
    test_put_idx(&bytes, 8, 1, (uint32_t[]){9});
    test_put(&bytes, "\0\1\2\3\4\0\1\2\3", 9);
    test_files_write(file, bytes.data, bytes.size);
    test_refuses(folder, NULL, GR_FORMAT,
                 "train-labels-idx1-ubyte: found 9 labels for the 10 examples of ");
    bytes.size = 0;
    test_put_idx(&bytes, 8, 2, (uint32_t[]){10, 1});
    test_put(&bytes, "\0\1\2\3\4\0\1\2\3\4", 10);
    test_files_write(file, bytes.data, bytes.size);
    test_refuses(folder, NULL, GR_FORMAT,
                 "found u8 [10,1], but labels are whole numbers of rank 1");
    bytes.size = 0;
    test_put_idx(&bytes, 0x09, 1, (uint32_t[]){10});
    test_put(&bytes, "\0\1\2\xFF\4\0\1\2\3\4", 10);
    test_files_write(file, bytes.data, bytes.size);
    test_refuses(folder, NULL, GR_FORMAT,
                 "byte 11: label -1 of example 3 is not one of 0 to 65535");
    remove(test_files_path(file));
    test_refuses(folder, NULL, GR_NOT_FOUND, "train-images-idx3-ubyte: its labels are not beside");

    /* The test part must do with the classes of the training part. */
    folder = good_folder("more");
    test_write_idx_pair("more/t10k-images-idx3-ubyte", "more/t10k-labels-idx1-ubyte", 8, 2, 3, 7);
    test_refuses(folder, NULL, GR_FORMAT,
                 "t10k-labels-idx1-ubyte: byte 13: label 5 of example 5 is not one of 0 to 4");
    test_write_idx_pair("more/t10k-images-idx3-ubyte", "more/t10k-labels-idx1-ubyte", 8, 3, 2, 5);
    test_refuses(folder, NULL, GR_FORMAT,
                 "the test part has examples u8 [1,3,2], the training part u8 [1,2,3]");
}

/* ---- gzip --------------------------------------------------------------------------------- */

static const char *write_gzip(const char *name, const test_bytes *bytes, size_t cut,
                              const char *tail, long flip)
{
    static unsigned char copy[131072];
    size_t size;
    memcpy(copy, test_gzip(bytes->data, bytes->size, &size), sizeof copy);
    size -= cut;
    memcpy(copy + size, tail, strlen(tail));
    if (flip >= 0) copy[flip] ^= 0x10;
    return test_files_write(name, copy, size + strlen(tail));
}

static void reads_gzip_and_refuses_damage(void **state)
{
    (void)state;
    const gr_data_options *plain = GR_DATA(.unlabelled = true);
    const char *name = "z-images-idx3-ubyte.gz";
    static test_bytes bytes;
    gr_dataset *set;
    bytes.size = 0;
    test_put_idx(&bytes, 8, 3, (uint32_t[]){40, 10, 10});
    uint32_t noise = 1;
    for (int i = 0; i < 4000; i++) {
        noise = noise * 1664525 + 1013904223;
        test_put(&bytes, &(unsigned char){(unsigned char)(noise >> 24)}, 1);
    }
    assert_int_equal(gr_data_open(write_gzip(name, &bytes, 0, "", -1), plain, &set, NULL), GR_OK);
    assert_int_equal(gr_dataset_size(set), 40);
    assert_memory_equal(gr_dataset_example(set, 39), bytes.data + 16 + 3900, 100);
    gr_dataset_free(set);

    test_refuses(write_gzip(name, &bytes, 0, "more", -1), plain, GR_FORMAT, "gzip stream");
    test_refuses(write_gzip(name, &bytes, 0, "\1", 100), plain, GR_FORMAT, "gzip stream");
    test_refuses(write_gzip(name, &bytes, 0, "", 100), plain, GR_FORMAT,
                 "the gzip stream is damaged before byte");
    test_refuses(write_gzip(name, &bytes, 0, "", 2), plain, GR_FORMAT,
                 "the gzip stream is damaged before byte 4 (unknown compression method)");
    for (size_t cut = 1; cut < 2000; cut += 13) {
        test_refuses(write_gzip(name, &bytes, cut, "", -1), plain, GR_FORMAT, "gzip stream");
    }
    size_t size;
    test_gzip(bytes.data, bytes.size, &size);
    test_refuses(write_gzip(name, &bytes, size - 10, "", -1), plain, GR_FORMAT,
                 "the gzip stream is cut: the file ends at byte 10");
    /* The end states another size than there is: more, and so much that it cannot be. */
    test_refuses(write_gzip(name, &bytes, 0, "", (long)size - 4), plain, GR_FORMAT, "gzip stream");
    test_refuses(write_gzip(name, &bytes, 0, "", (long)size - 1), plain, GR_FORMAT,
                 "packed bytes cannot hold");
    /* Trailing bytes that look like the size that was packed. */
    char again[9] = {0};
    memcpy(again, "AAAA", 4);
    unsigned total = (unsigned)bytes.size;
    for (int i = 0; i < 4; i++) again[4 + i] = (char)(total >> 8 * i);
    static unsigned char copy[131072];
    memcpy(copy, test_gzip(bytes.data, bytes.size, &size), sizeof copy);
    memcpy(copy + size, again, 8);
    test_refuses(test_files_write(name, copy, size + 8), plain, GR_FORMAT,
                 "8 bytes follow the end of the gzip stream at byte");
}

static void says_where_it_lacks_zlib(void **state)
{
    (void)state;
#if defined(GRADUS_HAVE_ZLIB)
    skip();
#else
    test_refuses(test_files_text("x-images-idx3-ubyte.gz", "\x1F\x8B\x08 and more than 18 bytes"),
                 GR_DATA(.unlabelled = true), GR_UNSUPPORTED,
                 "is gzipped, and this build has no zlib (Debian: zlib1g-dev)");
#endif
}

/* ---- CIFAR -------------------------------------------------------------------------------- */

static const char *write_cifar(const char *name, size_t records, size_t labels, size_t extra,
                               int bad)
{
    size_t size = records * (labels + 3072) + extra;
    unsigned char *data = calloc(size, 1);
    for (size_t i = 0; i < records; i++) {
        unsigned char *record = data + i * (labels + 3072);
        record[labels - 1] = (unsigned char)((int)i == bad ? 100 : i);
        memset(record + labels, (int)i, 3072);
    }
    const char *path = test_files_write(name, data, size);
    free(data);
    return path;
}

static void reads_cifar(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    char name[64];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "c10/data_batch_%d.bin", i);
        write_cifar(name, 3, 1, 0, -1);
    }
    write_cifar("c10/test_batch.bin", 2, 1, 0, -1);
    assert_int_equal(gr_data_open(test_files_path("c10"), NULL, &train, &test), GR_OK);
    assert_int_equal(gr_dataset_size(train), 15);
    assert_int_equal(gr_dataset_size(test), 2);
    assert_true(gr_shape_equal(gr_dataset_shape(train), GR_SHAPE(3, 32, 32)));
    assert_int_equal(gr_dataset_label(train, 14), 2);
    assert_int_equal(((const char *)gr_dataset_example(train, 14))[3071], 2);
    assert_string_equal(gr_dataset_class_name(train, 9), "truck");
    gr_dataset_free(train);
    gr_dataset_free(test);

    write_cifar("c100/train.bin", 4, 2, 0, -1);
    write_cifar("c100/test.bin", 2, 2, 0, -1);
    assert_int_equal(gr_data_open(test_files_path("c100"), NULL, &train, &test), GR_OK);
    assert_int_equal(gr_dataset_classes(train), 100);
    assert_int_equal(gr_dataset_label(train, 3), 3);
    assert_string_equal(gr_dataset_class_name(train, 99), "worm");
    gr_dataset_free(train);
    gr_dataset_free(test);

    const char *one = test_files_path("c100/test.bin");
    assert_int_equal(gr_data_open(one, GR_DATA(.unlabelled = true), &train, &test), GR_OK);
    assert_null(test);
    assert_int_equal(gr_dataset_size(train), 2);
    assert_int_equal(gr_dataset_label(train, 1), -1);
    gr_dataset_free(train);
}

static void refuses_bad_cifar(void **state)
{
    (void)state;
    test_refuses(
        write_cifar("b.bin", 2, 1, 7, -1), NULL, GR_FORMAT,
        "b.bin: found 6153 bytes, which are not records of 3073 (1 for labels, 3072 for an "
        "image): record 2 ends after 7 bytes");
    test_refuses(test_files_text("b.bin", ""), NULL, GR_FORMAT, "b.bin: found 0 bytes");
    test_refuses(write_cifar("b.bin", 3, 1, 0, 2), NULL, GR_FORMAT,
                 "b.bin: byte 6146: label 100 of record 2 is not one of 0 to 9");
    test_refuses(write_cifar("train.bin", 3, 2, 0, 1), NULL, GR_FORMAT,
                 "train.bin: byte 3075: label 100 of record 1 is not one of 0 to 99");
    write_cifar("half/data_batch_1.bin", 1, 1, 0, -1);
    test_refuses(test_files_path("half"), NULL, GR_NOT_FOUND, "half/data_batch_2.bin");
}

/* ---- All of them -------------------------------------------------------------------------- */

static void survives_failure_of_memory(void **state)
{
    (void)state;
    test_sweep_open(good_folder("sweep"), NULL);
    test_sweep_open(write_cifar("sweep.bin", 2, 1, 0, -1), NULL);
    size_t size;
    test_bytes bytes = {0};
    test_put_idx(&bytes, 0x0D, 2, (uint32_t[]){2, 1});
    test_put(&bytes, "\0\0\0\0\0\0\0\0", 8);
    test_sweep_open(test_files_write("floats.idx", bytes.data, bytes.size),
                    GR_DATA(.unlabelled = true));
    const unsigned char *packed = test_gzip(bytes.data, bytes.size, &size);
    test_sweep_open(test_files_write("floats.idx.gz", packed, size), GR_DATA(.unlabelled = true));
}

/* Every byte of a small file changed in several ways, and every cut: it is read or refused. */
static void survives_damage(void **state)
{
    (void)state;
    test_bytes bytes = {0};
    size_t packed_size = 0;
    test_put_idx(&bytes, 8, 3, few);
    test_put(&bytes, "012345678901234567890123", 24);
    unsigned char packed[4096];
#if defined(GRADUS_HAVE_ZLIB)
    const unsigned char *made = test_gzip(bytes.data, bytes.size, &packed_size);
    memcpy(packed, made, packed_size);
#endif
    for (int zipped = 0; zipped <= (packed_size > 0); zipped++) {
        const unsigned char *from = zipped ? packed : bytes.data;
        size_t size = zipped ? packed_size : bytes.size;
        const char *name = zipped ? "d-images.idx.gz" : "d-images.idx";
        for (size_t i = 0; i < size * 9; i++) {
            unsigned char copy[4096];
            gr_dataset *set;
            memcpy(copy, from, size);
            if (i % 9 < 8) copy[i / 9] ^= (unsigned char)(1u << i % 9);
            const char *path = test_files_write(name, copy, i % 9 < 8 ? size : i / 9);
            gr_status status = gr_data_open(path, GR_DATA(.unlabelled = true), &set, NULL);
            if (status != GR_OK) assert_int_equal(status, GR_FORMAT);
            gr_dataset_free(set);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_folder),           cmocka_unit_test(reads_one_file),
        cmocka_unit_test(reads_other_types),        cmocka_unit_test(refuses_bad_images),
        cmocka_unit_test(refuses_bad_labels),       cmocka_unit_test(reads_gzip_and_refuses_damage),
        cmocka_unit_test(says_where_it_lacks_zlib), cmocka_unit_test(reads_cifar),
        cmocka_unit_test(refuses_bad_cifar),        cmocka_unit_test(survives_failure_of_memory),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
