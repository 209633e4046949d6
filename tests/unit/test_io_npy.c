/* The arrays of NumPy: bytes as numpy.save writes them, both orders, every refusal, memory. */
#include <gradus/io.h>

#include "base/file.h"
#include "support_files.h"
#include "support_memory.h"

/* Magic, version 1.0, length and dictionary, then the data. Returns the path. */
static const char *npy_file(const char *dict, const void *data, size_t size)
{
    char file[4096];
    size_t length = strlen(dict) + 1;
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (char)(length & 0xFF);
    file[9] = (char)(length >> 8);
    memcpy(file + 10, dict, length - 1);
    file[10 + length - 1] = '\n';
    memcpy(file + 10 + length, data, size);
    return test_files_write("a.npy", file, 10 + length + size);
}

static void arrays_round_trip(void **state)
{
    (void)state;
    static const gr_dtype types[] = {GR_F64, GR_F32, GR_F16, GR_I64, GR_I32, GR_I8, GR_U8, GR_BOOL};
    const gr_shape shapes[] = {GR_SCALAR, GR_SHAPE(3), GR_SHAPE(2, 3, 4), GR_SHAPE(2, 0, 3)};
    const char *path = test_files_path("round.npy");
    for (size_t i = 0; i < GR_LEN(types); i++) {
        for (size_t k = 0; k < GR_LEN(shapes); k++) {
            gr_tensor tensor, back;
            assert_int_equal(gr_tensor_new(types[i], shapes[k], &tensor), GR_OK);
            for (size_t b = 0; b < gr_tensor_bytes(&tensor); b++) {
                ((unsigned char *)tensor.data)[b] =
                    (unsigned char)(types[i] == GR_BOOL ? b % 2 : 7 * b + 1);
            }
            assert_int_equal(gr_npy_write(path, &tensor), GR_OK);
            assert_int_equal(gr_npy_read(path, &back), GR_OK);
            assert_int_equal(back.dtype, types[i]);
            assert_true(gr_shape_equal(back.shape, shapes[k]));
            assert_memory_equal(back.data, tensor.data, gr_tensor_bytes(&tensor));
            gr_tensor_clear(&back);
            gr_tensor_clear(&tensor);
        }
    }
}

static void the_bytes_are_those_of_numpy(void **state)
{
    (void)state;
    float values[3] = {1, 2, 3};
    gr_tensor tensor = {GR_F32, GR_SHAPE(3), values};
    const char *path = test_files_path("bytes.npy");
    assert_int_equal(gr_npy_write(path, &tensor), GR_OK);
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_OK);
    assert_int_equal(size, 128 + 12);
    static const char head[] = "\x93NUMPY\x01\x00\x76\x00"
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    assert_memory_equal(data, head, sizeof head - 1);
    assert_int_equal(data[127], '\n');
    assert_memory_equal(data + 128, values, sizeof values);
    gr_free(data);
    tensor.dtype = GR_BF16;
    assert_int_equal(gr_npy_write(path, &tensor), GR_UNSUPPORTED);
}

static void orders_and_byte_orders(void **state)
{
    (void)state;
    const unsigned char big[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
                                 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6};
    gr_tensor out;
    const char *path =
        npy_file("{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3), }", big, sizeof big);
    assert_int_equal(gr_npy_read(path, &out), GR_OK);
    const int32_t expected[] = {1, 3, 5, 2, 4, 6};
    assert_memory_equal(out.data, expected, sizeof expected);
    gr_tensor_clear(&out);
    path = npy_file("{ \"shape\" : (1,2,3) ,'fortran_order':False,'descr':'u1'}", "abcdef", 6);
    assert_int_equal(gr_npy_read(path, &out), GR_OK);
    assert_true(gr_shape_equal(out.shape, GR_SHAPE(1, 2, 3)));
    assert_memory_equal(out.data, "abcdef", 6);
    gr_tensor_clear(&out);
}

static void assert_refused(const char *path, gr_status expected, const char *reason)
{
    gr_tensor out;
    gr_status status = gr_npy_read(path, &out);
    if (status != expected || !strstr(gr_message(), reason) || !strstr(gr_message(), "a.npy")) {
        fail_msg("status %d, '%s' in: %s", (int)status, reason, gr_message());
    }
    assert_null(out.data);
}

static void malformed_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *dict;
        gr_status status;
        const char *reason;
    } wrong[] = {
        {"", GR_FORMAT, "byte 10: expected '{'"},
        {"{'descr': '<f4', 'shape': (3,)}", GR_FORMAT, "no 'fortran_order'"},
        {"{'descr': '<f4', 'descr': '<f4'}", GR_FORMAT, "second key 'descr'"},
        {"{'colour': 1}", GR_FORMAT, "unknown key 'colour'"},
        {"{'descr': '|O'}", GR_UNSUPPORTED, "type '|O'"},
        {"{'descr': ''}", GR_UNSUPPORTED, "type ''"},
        {"{'descr': '<c8'}", GR_UNSUPPORTED, "type '<c8'"},
        {"{'descr': [('a', '<f4')]}", GR_UNSUPPORTED, "structure"},
        {"{'descr': '<f4', 'fortran_order': 0}", GR_FORMAT, "True or False, found '0'"},
        {"{'descr': '<f4', 'shape': 3}", GR_FORMAT, "'(' and a shape"},
        {"{'descr': '<f4', 'shape': (3)}", GR_FORMAT, "',' after the only size"},
        {"{'descr': '<f4', 'shape': (-3,)}", GR_FORMAT, "a size, found '-'"},
        {"{'descr': '<f4', 'shape': (3, 99999999999999999999)}", GR_FORMAT, "above 2^63"},
        {"{'descr': '<f4', 'shape': (1,1,1,1,1,1,1,1,1)}", GR_UNSUPPORTED, "more than 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", GR_FORMAT,
         "too many elements"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (4611686018427387904, 4, 0)}", GR_FORMAT,
         "too many elements"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", GR_FORMAT,
         "takes 12 bytes, but 2 follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", GR_FORMAT, "line break"},
        {"{'descr': '<f4", GR_FORMAT, "a closing quote"},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", GR_FORMAT, "a bool is 0 or 1"},
    };
    for (size_t i = 0; i < GR_LEN(wrong); i++) {
        assert_refused(npy_file(wrong[i].dict, "xy", 2), wrong[i].status, wrong[i].reason);
    }
    assert_refused(test_files_text("a.npy", "text"), GR_FORMAT, "no npy file");
    assert_refused(test_files_write("a.npy", "\x93NUMPY\x04\x00\x00\x00", 10), GR_UNSUPPORTED,
                   "found 4.0");
    assert_refused(test_files_write("a.npy", "\x93NUMPY\x01\x00\x40\x00", 10), GR_FORMAT,
                   "should have 64 bytes");
    assert_refused(test_files_write("a.npy", "\x93NUMPY\x02\x00\x40\x00\x01\x00", 12), GR_FORMAT,
                   "at most 10000");
    assert_refused(test_files_path("none/a.npy"), GR_NOT_FOUND, "No such file");
}

static gr_status read_and_write(void *path)
{
    gr_tensor out;
    gr_status status = gr_npy_read(path, &out);
    if (status == GR_OK) status = gr_npy_write(path, &out);
    gr_tensor_clear(&out);
    return status;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    const char *path =
        npy_file("{'descr': '<i4', 'fortran_order': True, 'shape': (1, 2)}", "12345678", 8);
    char *data;
    size_t size;
    gr_tensor out;
    assert_int_equal(gr_file_read(path, 0, &data, &size), GR_OK);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(gr_npy_read(test_files_write("cut.npy", data, cut), &out), GR_FORMAT);
    }
    path = test_files_write("a.npy", data, size);
    gr_free(data);
    test_memory_sweep(read_and_write, (char *)path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_round_trip),      cmocka_unit_test(the_bytes_are_those_of_numpy),
        cmocka_unit_test(orders_and_byte_orders), cmocka_unit_test(malformed_files_are_refused),
        cmocka_unit_test(every_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
