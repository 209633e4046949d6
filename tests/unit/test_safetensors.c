/* safetensors: files of other programs byte by byte, round trips, every refusal with its message,
 * every cut and every changed byte of a model file, memory that fails anywhere. */
#include <gradus/io.h>

#include "base/crc64.h"
#include "base/file.h"
#include "support_files.h"
#include "support_memory.h"

/* Length, header and data in buffer[8192]; returns the size. */
static size_t st_compose(char *buffer, const char *header, const void *data, size_t size)
{
    uint64_t length = strlen(header);
    assert_true(8 + length + size <= 8192);
    memcpy(buffer, &length, 8);
    memcpy(buffer + 8, header, length);
    if (size > 0) memcpy(buffer + 8 + length, data, size);
    return 8 + (size_t)length + size;
}

static void files_of_other_programs_are_read(void **state)
{
    (void)state;
    static const char header[] =
        "{ \"b\\u00e9\\ud83d\\ude00\" : "
        "{\"shape\":[2,1],\n\"data_offsets\":[8,12],\"dtype\":\"I16\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"empty\":{\"dtype\":\"BF16\",\"shape\":[3,0],\"data_offsets\":[12,12]},"
        "\"__metadata__\":{\"format\":\"pt\",\"a\\tb\":\"\\\"\\\\\\/\\n\"},"
        "\"scalar\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[12,13]}}   ";
    const struct {
        float f[2];
        int16_t i[2];
        char b;
    } data = {{1.5f, -2}, {3, 4}, 1};
    char file[8192];
    size_t size = st_compose(file, header, &data, 13);
    gr_safetensors *st;
    assert_int_equal(gr_safetensors_parse("other", file, size, &st), GR_OK);
    assert_false(gr_safetensors_checked(st));
    assert_int_equal(gr_safetensors_size(st), 4);
    assert_string_equal(gr_safetensors_name(st, 0), "b\xC3\xA9\xF0\x9F\x98\x80");
    assert_null(gr_safetensors_name(st, 4));
    assert_int_equal(gr_safetensors_find(st, "a"), 1);
    assert_int_equal(gr_safetensors_find(st, "c"), -1);
    assert_int_equal(gr_safetensors_type(st, 0).dtype, GR_DTYPE_COUNT);
    assert_true(gr_shape_equal(gr_safetensors_type(st, 0).shape, GR_SHAPE(2, 1)));
    assert_int_equal(gr_safetensors_type(st, 2).dtype, GR_BF16);
    assert_int_equal(gr_meta_size(gr_safetensors_meta(st)), 2);
    assert_string_equal(gr_meta_get(gr_safetensors_meta(st), "format"), "pt");
    assert_string_equal(gr_meta_get(gr_safetensors_meta(st), "a\tb"), "\"\\/\n");
    float values[2];
    char truth;
    assert_int_equal(gr_safetensors_read(st, 1, values, sizeof values), GR_OK);
    assert_memory_equal(values, data.f, sizeof values);
    assert_int_equal(gr_safetensors_read(st, 2, NULL, 0), GR_OK);
    assert_int_equal(gr_safetensors_read(st, 3, &truth, 1), GR_OK);
    assert_int_equal(truth, 1);
    assert_int_equal(gr_safetensors_read(st, 1, values, 4), GR_INVALID);
    assert_string_equal(gr_message(), "other: tensor 'a' has 8 bytes, not 4");
    assert_int_equal(gr_safetensors_read(st, 0, values, 4), GR_UNSUPPORTED);
    assert_non_null(strstr(gr_message(), "is I16, a type that Gradus does not have"));
    assert_int_equal(gr_safetensors_read(st, 4, values, 4), GR_RANGE);
    gr_safetensors_close(st);
    file[size - 1] = 2;
    assert_int_equal(gr_safetensors_parse("other", file, size, &st), GR_OK);
    assert_int_equal(gr_safetensors_read(st, 3, &truth, 1), GR_FORMAT);
    assert_string_equal(gr_message(),
                        "other: tensor 'scalar': element 0 is 2, but a bool is 0 or 1");
    gr_safetensors_close(st);
    size = st_compose(file, "{}", NULL, 0);
    assert_int_equal(gr_safetensors_parse("other", file, size, &st), GR_OK);
    assert_int_equal(gr_safetensors_size(st), 0);
    gr_safetensors_close(st);
    gr_safetensors_close(NULL);
}

/* ---- Model files -------------------------------------------------------------------------- */

typedef struct sample {
    double d[2];
    float f[6];
    uint16_t h[3];
    int8_t i[1];
    gr_named_tensor tensor[5];
    gr_meta *meta;
} sample;

static void sample_make(sample *s)
{
    *s = (sample){{1, -0.5}, {1, 2, 3, 4, 5, 6}, {0x3C00, 0, 1}, {-7}, {{0}}, gr_meta_new()};
    s->tensor[0] = (gr_named_tensor){"step", {GR_I8, GR_SCALAR, s->i}};
    s->tensor[1] = (gr_named_tensor){"fc1.w", {GR_F32, GR_SHAPE(2, 3), s->f}};
    s->tensor[2] = (gr_named_tensor){"rate \"\n\"", {GR_F64, GR_SHAPE(2), s->d}};
    s->tensor[3] = (gr_named_tensor){"half", {GR_F16, GR_SHAPE(3), s->h}};
    s->tensor[4] = (gr_named_tensor){"none", {GR_F32, GR_SHAPE(0, 4), NULL}};
    if (!s->meta) return;
    gr_status status = gr_meta_set(s->meta, "net", "x |> fc(10)\n\t\"é\" \\");
    if (status == GR_OK) status = gr_meta_set_int(s->meta, "epoch", 3);
    if (status == GR_OK) return;
    gr_meta_free(s->meta);
    s->meta = NULL;
}

static void model_files_round_trip(void **state)
{
    (void)state;
    sample s;
    sample_make(&s);
    const char *path = test_files_path("m.safetensors"), *again = test_files_path("n.safetensors");
    assert_int_equal(gr_safetensors_write(path, s.tensor, 5, s.meta), GR_OK);
    gr_safetensors *st;
    assert_int_equal(gr_safetensors_open(path, &st), GR_OK);
    assert_true(gr_safetensors_checked(st));
    assert_int_equal(gr_safetensors_size(st), 5);
    gr_named_tensor back[5];
    for (int i = 0; i < 5; i++) {
        const gr_tensor *tensor = &s.tensor[i].tensor;
        const gr_tensor type = gr_safetensors_type(st, i);
        back[i].name = gr_safetensors_name(st, i);
        assert_string_equal(back[i].name, s.tensor[i].name);
        assert_int_equal(gr_tensor_new(type.dtype, type.shape, &back[i].tensor), GR_OK);
        assert_int_equal(type.dtype, tensor->dtype);
        assert_true(gr_shape_equal(type.shape, tensor->shape));
        size_t bytes = gr_tensor_bytes(&type);
        assert_int_equal(gr_safetensors_read(st, i, back[i].tensor.data, bytes), GR_OK);
        if (bytes > 0) assert_memory_equal(back[i].tensor.data, tensor->data, bytes);
    }
    const gr_meta *meta = gr_safetensors_meta(st);
    assert_int_equal(gr_meta_size(meta), 2);
    assert_string_equal(gr_meta_get(meta, "net"), gr_meta_get(s.meta, "net"));
    assert_string_equal(gr_meta_get(meta, "epoch"), "3");
    assert_int_equal(gr_safetensors_write(again, back, 5, meta), GR_OK);
    char *first, *second;
    size_t size, other;
    assert_int_equal(gr_file_read(path, 0, &first, &size), GR_OK);
    assert_int_equal(gr_file_read(again, 0, &second, &other), GR_OK);
    assert_int_equal(size, other);
    assert_memory_equal(first, second, size);
    uint64_t length;
    memcpy(&length, first, 8);
    assert_int_equal(length % 8, 0);
    assert_memory_equal(first + 8 + length, s.d, sizeof s.d); /* the widest first */
    gr_free(first);
    gr_free(second);
    for (int i = 0; i < 5; i++) gr_tensor_clear(&back[i].tensor);
    gr_safetensors_close(st);
    gr_meta_free(s.meta);
}

static char *model_bytes(size_t *size)
{
    sample s;
    sample_make(&s);
    const char *path = test_files_path("bytes.safetensors");
    char *data;
    assert_int_equal(gr_safetensors_write(path, s.tensor, 5, s.meta), GR_OK);
    assert_int_equal(gr_file_read(path, 0, &data, size), GR_OK);
    gr_meta_free(s.meta);
    return data;
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    size_t size;
    char *data = model_bytes(&size);
    gr_safetensors *st;
    for (size_t cut = 0; cut < size; cut++) {
        const char *path = test_files_write("cut", data, cut);
        assert_int_equal(gr_safetensors_open(path, &st), GR_FORMAT);
        assert_non_null(strstr(gr_message(), path));
        assert_int_equal(gr_safetensors_parse("cut", data, cut, &st), GR_FORMAT);
        assert_null(st);
    }
    char *longer = gr_realloc(NULL, size + 1);
    memcpy(longer, data, size);
    longer[size] = 0;
    assert_int_equal(gr_safetensors_parse("long", longer, size + 1, &st), GR_FORMAT);
    gr_free(longer);
    gr_free(data);
}

static void every_changed_byte_is_refused(void **state)
{
    (void)state;
    size_t size;
    char *data = model_bytes(&size);
    gr_safetensors *st;
    for (size_t at = 0; at < size; at++) {
        for (int change = 1; change < 256; change++) {
            data[at] = (char)(data[at] ^ change);
            gr_status status = gr_safetensors_parse("changed", data, size, &st);
            data[at] = (char)(data[at] ^ change);
            if (status == GR_OK) fail_msg("byte %zu changed by %02x was accepted", at, change);
            assert_true(status == GR_FORMAT || status == GR_UNSUPPORTED);
        }
    }
    assert_int_equal(gr_safetensors_parse("unchanged", data, size, &st), GR_OK);
    gr_safetensors_close(st);
    data[size - 1] = (char)(data[size - 1] ^ 1);
    assert_int_equal(gr_safetensors_parse("changed", data, size, &st), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "changed: the file is damaged"));
    gr_free(data);
}

static void the_checksum_is_crc64_xz(void **state)
{
    (void)state;
    gr_crc64 crc;
    gr_crc64_start(&crc);
    gr_crc64_add(&crc, "1234", 4);
    gr_crc64_add(&crc, "56789", 5);
    assert_true(gr_crc64_end(&crc) == 0x995DC9BBDF1939FAu); /* the check value of the standard */
    char text[100];
    memset(text, 'a', sizeof text);
    gr_crc64_start(&crc);
    for (size_t i = 0; i < sizeof text; i++) gr_crc64_add(&crc, text + i, 1);
    uint64_t slow = gr_crc64_end(&crc);
    gr_crc64_start(&crc);
    gr_crc64_add(&crc, text, sizeof text);
    assert_true(gr_crc64_end(&crc) == slow);
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static void assert_refused(const char *header, size_t data_size, gr_status expected,
                           const char *reason)
{
    static const char data[64];
    char file[8192];
    gr_safetensors *st;
    size_t size = st_compose(file, header, data, data_size);
    gr_status status = gr_safetensors_parse("bad.st", file, size, &st);
    if (status != expected || !strstr(gr_message(), reason) ||
        strncmp(gr_message(), "bad.st: ", 8) != 0) {
        fail_msg("status %d, expected %d and '%s' in: %s", (int)status, (int)expected, reason,
                 gr_message());
    }
    assert_null(st);
}

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

static void malformed_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header, *reason;
    } wrong[] = {
        {"", "byte 8: expected the '{' that starts a header, found the end of the header"},
        {" {}", "byte 8: expected the '{' that starts a header, found byte 0x20"},
        {"[]", "found '['"},
        {"{", "byte 9: expected a tensor's name in quotes, found the end of the header"},
        {"{,}", "byte 9: expected a tensor's name in quotes, found ','"},
        {"{} x", "byte 11: expected nothing after the header's '}', found 'x'"},
        {"{\"a\"}", "byte 12: expected ':' after a tensor's name, found '}'"},
        {"{\"a\":1}", "byte 13: expected '{' and the type of a tensor, found '1'"},
        {"{\"a\":{}}", "expected one of \"dtype\", \"shape\", \"data_offsets\", found '}'"},
        {"{\"a\":{\"dtype\":\"F32\"}}", "tensor 'a' has no 'shape'"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "tensor 'a' has twice the key 'dtype'"},
        {"{\"a\":{\"type\":\"F32\"}}", "tensor 'a' has the unknown key 'type'"},
        {"{\"a\":{\"dtype\":7}}", "expected a dtype in quotes, found '7'"},
        {"{\"a\":{\"shape\":7}}", "expected '[' and the sizes of a shape, found '7'"},
        {"{\"a\":{\"shape\":[-1]}}", "expected a size, found '-'"},
        {"{\"a\":{\"shape\":[1.0]}}", "expected a whole number, found '.'"},
        {"{\"a\":{\"shape\":[1e2]}}", "expected a whole number, found 'e'"},
        {"{\"a\":{\"shape\":[01]}}", "expected a number without leading zeros"},
        {"{\"a\":{\"shape\":[9223372036854775808]}}", "expected a number of at most 2^63 - 1"},
        {"{\"a\":{\"shape\":[1 2]}}", "expected ',' or ']' in a shape, found '2'"},
        {"{\"a\":{\"shape\":[1,]}}", "expected a size, found ']'"},
        {"{\"a\":{\"shape\":[[1]]}}", "expected a size, found '['"},
        {"{\"a\":{\"data_offsets\":[0]}}", "expected ',' between two offsets, found ']'"},
        {"{\"a\":{\"data_offsets\":[0,1,2]}}", "expected ']' after two offsets, found ','"},
        {"{\"a\":{\"data_offsets\":[4,0]}}", "tensor 'a' ends at byte 0 of the data, before"},
        {"{\"a", "byte 11: expected the rest of a string and its closing quote"},
        {"{\"a\nb\":{}}", "expected the rest of a string and its closing quote, found byte 0x0a"},
        {"{\"\\x\":{}}", "byte 11: expected one of \"\\/bfnrtu after a backslash, found 'x'"},
        {"{\"\\u12g4\":{}}", "expected four hexadecimal digits after \\u, found 'g'"},
        {"{\"\\u0000\":{}}", "expected a character other than NUL after \\u"},
        {"{\"\\ud800\":{}}", "expected a pair of surrogates after \\u"},
        {"{\"\\ud800\\u0041\":{}}", "expected a pair of surrogates after \\u"},
        {"{\"\\udc00\":{}}", "expected a pair of surrogates after \\u"},
        {"{\"\xC3\":{}}", "byte 10: not UTF-8"},
        {"{\"__metadata__\":1}", "expected '{' and the metadata, found '1'"},
        {"{\"__metadata__\":{\"a\":1}}", "expected a string as value in the metadata, found '1'"},
        {"{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", "expected a string as value in the metadata"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}", "'a' comes twice in the metadata"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", "the key '__metadata__' comes twice"},
        {"{\"__metadata__\":{\"a\":\"1\";}}", "expected ',' or '}' in the metadata, found ';'"},
        {"{\"__metadata__\":{\"gradus.checksum\":\"0\"}}", "not 16 lowercase hexadecimal digits"},
        {"{\"__metadata__\":{\"gradus.checksum\":\"000000000000000\\u0030\"}}", "not 16 lowercase"},
        {"{\"__metadata__\":{\"gradus.checksum\":\"000000000000000A\"}}", "not 16 lowercase"},
        {"{\"__metadata__\":{\"gradus.checksum\":\"0000000000000000\","
         "\"gradus.checksum\":\"0000000000000000\"}}",
         "'gradus.checksum' comes twice"},
        {"{\"__metadata__\":{\"gradus.checksum\":\"0000000000000000\"}}", "is damaged"},
        {"{\"__metadata__\":{\"gradus.format\":\"1\"}}", "has no 'gradus.checksum'"},
        {"{\"__metadata__\":{\"gradus.format\":\"1\",\"gradus.format\":\"1\"}}", "comes twice"},
    };
    for (size_t i = 0; i < GR_LEN(wrong); i++) {
        assert_refused(wrong[i].header, 0, GR_FORMAT, wrong[i].reason);
    }
}

static void impossible_layouts_are_refused(void **state)
{
    (void)state;
    assert_refused("{" ENTRY("a", "F32", "2", "0,4") "}", 4, GR_FORMAT,
                   "tensor 'a': F32 [2] takes 8 bytes, but its offsets [0,4] hold 4");
    assert_refused("{" ENTRY("a", "F32", "2", "4,12") "}", 12, GR_FORMAT,
                   "tensor 'a' should start at byte 0 of the data, where the one before it ends, "
                   "but starts at 4");
    assert_refused("{" ENTRY("a", "U8", "4", "0,4") "," ENTRY("b", "U8", "4", "5,9") "}", 9,
                   GR_FORMAT, "tensor 'b' should start at byte 4");
    assert_refused("{" ENTRY("a", "U8", "4", "0,4") "," ENTRY("b", "U8", "4", "3,7") "}", 7,
                   GR_FORMAT, "tensor 'b' should start at byte 4");
    assert_refused("{" ENTRY("a", "U8", "4", "0,4") "}", 5, GR_FORMAT,
                   "the tensors take 4 bytes, but 5 follow the header");
    assert_refused("{" ENTRY("a", "U8", "4", "0,4") "}", 3, GR_FORMAT,
                   "but 3 follow the header: the file was cut");
    assert_refused("{" ENTRY("a", "U8", "4", "0,4") "," ENTRY("a", "U8", "4", "4,8") "}", 8,
                   GR_FORMAT, "the tensor 'a' comes twice");
    assert_refused("{" ENTRY("a", "F64", "4294967296,4294967296", "0,8") "}", 8, GR_FORMAT,
                   "shape [4294967296,4294967296] has too many elements");
    assert_refused("{" ENTRY("a", "F64", "4611686018427387904", "0,8") "}", 8, GR_FORMAT,
                   "has too many elements");
    assert_refused("{" ENTRY("a", "Q7", "1", "0,8") "}", 8, GR_UNSUPPORTED, "unknown dtype 'Q7'");
    assert_refused("{" ENTRY("a", "U8", "1,1,1,1,1,1,1,1,1", "0,1") "}", 1, GR_UNSUPPORTED,
                   "more than 8 dimensions");
    gr_safetensors *st;
    assert_int_equal(gr_safetensors_parse("bad", "\x02\0\0\0\0\0\0", 7, &st), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "7 bytes are too few"));
    assert_int_equal(gr_safetensors_parse("bad", "\x03\0\0\0\0\0\0\0{}", 10, &st), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "should have 3 bytes, but only 2 follow"));
    assert_int_equal(gr_safetensors_parse("bad", "{\"a\":1234", 9, &st), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "at most 100000000"));
    assert_int_equal(gr_safetensors_parse("bad", NULL, 0, &st), GR_FORMAT);
}

static void later_formats_are_refused(void **state)
{
    (void)state;
    static const char header[] = "{\"__metadata__\":{\"gradus.checksum\":\"0000000000000000\","
                                 "\"gradus.format\":\"2\"}}";
    char file[8192], digits[17];
    gr_safetensors *st;
    gr_crc64 crc;
    size_t size = st_compose(file, header, NULL, 0);
    gr_crc64_start(&crc);
    gr_crc64_add(&crc, file, size);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)gr_crc64_end(&crc));
    memcpy(strstr(file + 8, "0000"), digits, 16);
    assert_int_equal(gr_safetensors_parse("new", file, size, &st), GR_UNSUPPORTED);
    assert_non_null(strstr(gr_message(), "new: the file is of format '2'"));
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    gr_safetensors *st;
    assert_int_equal(gr_safetensors_open(test_files_path("none"), &st), GR_NOT_FOUND);
    assert_int_equal(gr_safetensors_open(test_files_folder(), &st), GR_IO);
    assert_non_null(strstr(gr_message(), "is a folder"));
    assert_int_equal(gr_safetensors_open("/dev/null", &st), GR_IO);
    assert_null(st);
}

static void wrong_tensors_are_not_written(void **state)
{
    (void)state;
    float value = 1;
    const char *path = test_files_path("never");
    gr_named_tensor two[2] = {{"a", {GR_F32, GR_SCALAR, &value}},
                              {"a", {GR_F32, GR_SCALAR, &value}}};
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    assert_non_null(strstr(gr_message(), "never: two tensors are called 'a'"));
    two[1].name = "\xFF";
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    two[1].name = "__metadata__";
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    two[1] = (gr_named_tensor){"b", {GR_DTYPE_COUNT, GR_SCALAR, &value}};
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    two[1] = (gr_named_tensor){"b", {GR_F32, GR_SHAPE(-1), &value}};
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    two[1] = (gr_named_tensor){"b", {GR_F32, GR_SCALAR, NULL}};
    assert_int_equal(gr_safetensors_write(path, two, 2, NULL), GR_INVALID);
    assert_non_null(strstr(gr_message(), "tensor 'b' has no data"));
    assert_int_equal(gr_safetensors_write(path, two, -1, NULL), GR_INVALID);
    FILE *file = fopen(path, "rb");
    assert_null(file);
    assert_int_equal(gr_safetensors_write("/dev/full", two, 1, NULL), GR_IO);
    assert_non_null(strstr(gr_message(), "No space left on device"));
}

/* ---- Memory ------------------------------------------------------------------------------- */

static gr_status write_and_read(void *path)
{
    sample s;
    sample_make(&s);
    gr_safetensors *st = NULL;
    gr_status status = s.meta ? gr_safetensors_write(path, s.tensor, 5, s.meta) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_safetensors_open(path, &st);
    gr_safetensors_close(st);
    gr_meta_free(s.meta);
    return status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(write_and_read, (char *)test_files_path("memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_other_programs_are_read),
        cmocka_unit_test(model_files_round_trip),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_changed_byte_is_refused),
        cmocka_unit_test(the_checksum_is_crc64_xz),
        cmocka_unit_test(malformed_json_is_refused),
        cmocka_unit_test(impossible_layouts_are_refused),
        cmocka_unit_test(later_formats_are_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(wrong_tensors_are_not_written),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
