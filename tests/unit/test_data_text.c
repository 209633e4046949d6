/* Texts as data: vocabularies, windows, streams, refusals. */
#include "support_files.h"
#include "support_memory.h"

#include <gradus/text.h>

static gr_vocabulary *learnt(const char *text, gr_text_unit unit)
{
    gr_vocabulary *vocabulary;
    unit_ok(gr_vocabulary_learn(text, strlen(text), unit, &vocabulary));
    return vocabulary;
}

/* ---- Vocabularies ------------------------------------------------------------------------- */

static void test_characters(void **state)
{
    (void)state;
    static const char text[] = "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80\n\\\x01";
    static const char *const names[] = {"\\x01", "\\n", " ", "\\\\", "e", "h", "l", "o"};
    gr_vocabulary *v = learnt(text, GR_TEXT_CHARS);
    int32_t tokens[sizeof text];
    char again[sizeof text] = {0}, piece[4];
    int64_t n;
    size_t size = 0;
    assert_int_equal(gr_vocabulary_size(v), 10);
    for (int i = 0, k = 0; k < 8; k++) {
        if (strcmp(names[k], "e") == 0) continue; /* only the one with an accent occurs */
        assert_string_equal(gr_vocabulary_name(v, i++), names[k]);
    }
    assert_string_equal(gr_vocabulary_name(v, 7), "\xc3\xa9");
    assert_string_equal(gr_vocabulary_name(v, 9), "\xf0\x9f\x98\x80");
    assert_null(gr_vocabulary_name(v, 10));
    assert_null(gr_vocabulary_name(v, -1));
    unit_ok(gr_vocabulary_encode(v, text, sizeof text - 1, tokens, &n));
    assert_int_equal(n, 12);
    for (int64_t i = 0; i < n; i++) {
        size_t bytes = gr_vocabulary_decode(v, tokens[i], piece);
        memcpy(again + size, piece, bytes);
        size += bytes;
    }
    assert_string_equal(again, text);
    assert_int_equal(gr_vocabulary_decode(v, 10, piece), 0);
    gr_vocabulary_free(v);
}

static void test_bytes(void **state)
{
    (void)state;
    gr_vocabulary *v = learnt("any", GR_TEXT_BYTES);
    char all[256], piece[4];
    int32_t tokens[256];
    int64_t n;
    assert_int_equal(gr_vocabulary_size(v), 256);
    for (int i = 0; i < 256; i++) all[i] = (char)(unsigned char)(255 - i);
    unit_ok(gr_vocabulary_encode(v, all, sizeof all, tokens, &n));
    assert_int_equal(n, 256);
    for (int i = 0; i < 256; i++) {
        assert_int_equal(tokens[i], 255 - i);
        assert_int_equal(gr_vocabulary_decode(v, tokens[i], piece), 1);
        assert_int_equal(piece[0], all[i]);
    }
    assert_string_equal(gr_vocabulary_name(v, 0xc3), "\\xc3");
    assert_string_equal(gr_vocabulary_name(v, 'A'), "A");
    gr_vocabulary_free(v);
}

/* Names are enough to make the vocabulary again, as a model file does. */
static void test_names(void **state)
{
    (void)state;
    static const char *const texts[] = {"b\xc3\xa9"
                                        "a\n\t\r\\\x7f",
                                        "x"};
    for (int t = 0; t < 2; t++) {
        const char *names[256];
        gr_vocabulary *v = learnt(texts[t], t ? GR_TEXT_BYTES : GR_TEXT_CHARS), *again;
        int n = gr_vocabulary_size(v);
        for (int i = 0; i < n; i++) names[i] = gr_vocabulary_name(v, n - 1 - i);
        unit_ok(gr_vocabulary_new(names, n, &again));
        for (int i = 0; i < n; i++) {
            char a[4], b[4];
            size_t size = gr_vocabulary_decode(v, n - 1 - i, a);
            assert_int_equal(gr_vocabulary_decode(again, i, b), size);
            assert_memory_equal(a, b, size);
        }
        gr_vocabulary_free(v);
        gr_vocabulary_free(again);
    }
}

static void test_names_refused(void **state)
{
    (void)state;
    gr_vocabulary *v;
    static const char *const bad[] = {"ab", "", "\\q", "\\x1", "\\xg0", "\\x+1", "\xff", "\\"};
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        const char *names[] = {"a", bad[i]};
        unit_refused(gr_vocabulary_new(names, 2, &v), GR_INVALID, "class 1, '");
        assert_null(v);
    }
    const char *twice[] = {"a", "b", "a"};
    unit_refused(gr_vocabulary_new(twice, 3, &v), GR_INVALID,
                 "the character 'a' is in the vocabulary twice");
    unit_refused(gr_vocabulary_new(twice, 0, &v), GR_INVALID, "0 characters");
}

static void test_not_utf8(void **state)
{
    (void)state;
    /* A byte that continues nothing, a character cut short, overlong, a surrogate, too large. */
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc3(",
                                      "\xc0\x80",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < GR_LEN(bad); i++) {
        char text[32];
        gr_vocabulary *v;
        snprintf(text, sizeof text, "one\ntwo%s", bad[i]);
        unit_refused(gr_vocabulary_learn(text, strlen(text), GR_TEXT_CHARS, &v), GR_FORMAT,
                     "line 2: byte 0x");
        assert_null(v);
    }
}

static void test_unknown_character(void **state)
{
    (void)state;
    gr_vocabulary *v = learnt("h\xc3\xa9llo\n", GR_TEXT_CHARS);
    int32_t tokens[16];
    int64_t n;
    unit_refused(gr_vocabulary_encode(v, "h\xc3\xa9\n\xc3\xa9lz", 8, tokens, &n), GR_RANGE,
                 "line 2, column 3: the character 'z' is none of the vocabulary's 5");
    unit_refused(gr_vocabulary_encode(v, "\n\t", 2, tokens, &n), GR_RANGE,
                 "line 2, column 1: the character '\\t'");
    unit_refused(gr_vocabulary_encode(v, "\xff", 1, tokens, &n), GR_RANGE, "'\\xff'");
    gr_vocabulary_free(v);
}

/* ---- Windows ------------------------------------------------------------------------------ */

enum { TEXT_SIZE = 1000, LENGTH = 10 };

/* Bytes in an order in which a token tells where it stands, within 250. */
static void make_text(char *text)
{
    for (int i = 0; i < TEXT_SIZE; i++) text[i] = (char)(unsigned char)(i % 250);
}

static void open_text(const gr_data_options *options, gr_dataset **train, gr_dataset **test)
{
    char text[TEXT_SIZE];
    make_text(text);
    unit_ok(gr_text_dataset("text", text, sizeof text, options, train, test));
}

static void test_windows(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    int32_t x[LENGTH], y[LENGTH];
    open_text(GR_DATA(.text = GR_TEXT_BYTES, .length = LENGTH), &train, &test);
    assert_int_equal(gr_dataset_size(train), 89); /* of 900 tokens, the last only follows */
    assert_int_equal(gr_dataset_size(test), 9);
    assert_int_equal(gr_dataset_classes(train), 256);
    assert_int_equal(gr_dataset_dtype(train), GR_I32);
    assert_true(gr_shape_equal(gr_dataset_label_shape(train), GR_SHAPE(LENGTH)));
    int least = TEXT_SIZE, most = 0;
    for (uint64_t draw = 0; draw < 890; draw++) {
        unit_ok(gr_dataset_read(train, 5, draw, x, y));
        int from = (int)draw;
        for (int t = 0; t < LENGTH; t++) {
            assert_int_equal(x[t], (from + t) % 250);
            assert_int_equal(y[t], (from + t + 1) % 250);
        }
        if (from < least) least = from;
        if (from > most) most = from;
    }
    /* From the first token to the last that is trained on, and no further. */
    assert_int_equal(least, 0);
    assert_int_equal(most + LENGTH, 899);
    unit_ok(gr_dataset_read(train, 5, 890, x, y));
    assert_int_equal(x[0], 0);
    for (int64_t i = 0; i < 9; i++) {
        unit_ok(gr_dataset_read(test, i, (uint64_t)i * 77, x, y));
        assert_int_equal(x[0], (900 + i * LENGTH) % 250);
        assert_int_equal(y[LENGTH - 1], (900 + (i + 1) * LENGTH) % 250);
    }
    gr_dataset_free(train);
    gr_dataset_free(test);
}

/* Each row of a batch goes on where that of the batch before ended; none meets another. */
static void test_streams(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    gr_loader *loader;
    gr_batch batch;
    open_text(GR_DATA(.text = GR_TEXT_BYTES, .length = LENGTH, .streams = 4), &train, &test);
    assert_int_equal(gr_dataset_size(train), 88);
    assert_int_equal(gr_dataset_size(test), 9);
    unit_ok(gr_loader_new(train, GR_LOADER(.batch = 4), &loader));
    for (int epoch = 0; epoch < 2; epoch++) {
        int batches = 0, at[4] = {0, 220, 440, 660};
        while (gr_loader_next(loader, &batch)) {
            batches++;
            assert_int_equal(batch.rows, 4);
            for (int r = 0; r < 4; r++)
                for (int t = 0; t < LENGTH; t++, at[r]++) {
                    assert_int_equal(((int32_t *)batch.x.data)[r * LENGTH + t], at[r] % 250);
                    assert_int_equal(((int32_t *)batch.y.data)[r * LENGTH + t], (at[r] + 1) % 250);
                }
        }
        assert_int_equal(batches, 22);
    }
    gr_loader_free(loader);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

/* The held part is asked for alone, in another share, or not at all. */
static void test_parts(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    int32_t x[LENGTH], y[LENGTH];
    open_text(GR_DATA(.text = GR_TEXT_BYTES, .length = LENGTH, .held = .5), NULL, &test);
    assert_int_equal(gr_dataset_size(test), 49);
    unit_ok(gr_dataset_read(test, 0, 0, x, y));
    assert_int_equal(x[0], 500 % 250);
    gr_dataset_free(test);
    open_text(GR_DATA(.text = GR_TEXT_BYTES, .length = LENGTH, .held = -1), &train, &test);
    assert_int_equal(gr_dataset_size(train), 99);
    assert_null(test);
    gr_dataset_free(train);
    open_text(GR_DATA(.text = GR_TEXT_BYTES, .length = LENGTH, .held = 1), &train, &test);
    assert_null(train);
    assert_int_equal(gr_dataset_size(test), 99);
    gr_dataset_free(test);
}

static void test_text_refused(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    static const char *const names[] = {"a", "b"};
    unit_refused(gr_text_dataset("empty", "", 0, NULL, &train, &test), GR_INVALID,
                 "empty: there is no text");
    unit_refused(
        gr_text_dataset("short", "abcdefghijklmnopqrst", 20, GR_DATA(.length = 20), &train, &test),
        GR_INVALID,
        "short: the part to train on has 18 characters, too few for 20 and the one that "
        "follows");
    unit_refused(
        gr_text_dataset("short", "abcdefghijklmnopqrst", 20, GR_DATA(.length = 2), &train, &test),
        GR_INVALID, "the part held out has 2 characters, too few for 2");
    assert_null(train);
    assert_null(test);
    unit_refused(gr_text_dataset("few", "abcdefghijklmnopqrst", 20,
                                 GR_DATA(.length = 3, .streams = 6, .held = .2), &train, &test),
                 GR_INVALID,
                 "the part to train on has 16 characters, too few for 6 streams of at least 3");
    unit_refused(gr_text_dataset("other", "aabc", 4,
                                 GR_DATA(.class_names = names, .classes = 2, .length = 1), &train,
                                 &test),
                 GR_RANGE, "other: line 1, column 4: the character 'c' is none of");
    unit_refused(gr_text_dataset("t", "aabb", 4, GR_DATA(.length = -1), &train, &test), GR_INVALID,
                 "examples of -1 characters");
    unit_refused(gr_text_dataset("t", "aabb", 4, GR_DATA(.held = 2), &train, &test), GR_INVALID,
                 "2 of a text cannot be held out");
    unit_refused(gr_text_dataset("t", "aabb", 4, GR_DATA(.unlabelled = true), &train, &test),
                 GR_INVALID, "its own label");
}

static gr_status memory_flow(void *user)
{
    static const char text[] =
        "h\xc3\xa9llo, h\xc3\xa9llo, h\xc3\xa9llo, h\xc3\xa9llo, h\xc3\xa9llo";
    gr_dataset *train, *test;
    int32_t x[3], y[3];
    (void)user;
    GR_TRY(gr_text_dataset("text", text, sizeof text - 1, GR_DATA(.length = 3, .held = .2), &train,
                           &test));
    gr_status status = gr_dataset_read(test, 1, 0, x, y);
    if (status == GR_OK && (x[1] != y[0] || gr_dataset_classes(train) != 6))
        status = gr_fail(GR_INTERNAL, "wrong tokens");
    gr_dataset_free(train);
    gr_dataset_free(test);
    return status;
}

static void test_no_memory(void **state)
{
    (void)state;
    unit_ok(memory_flow(NULL));
    assert_true(test_memory_sweep(memory_flow, NULL) > 10);
}

/* ---- Files -------------------------------------------------------------------------------- */

static void test_text_file(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    const char *path = test_files_text("abc.txt", "abcabcabcabcabcabcabcabcabcabcabcabcabcabc");
    unit_ok(gr_data_open(path, GR_DATA(.text = GR_TEXT_CHARS, .length = 3, .held = .25), &train,
                         &test));
    assert_int_equal(gr_dataset_classes(train), 3);
    assert_string_equal(gr_dataset_class_name(train, 2), "c");
    assert_string_equal(gr_dataset_name(train), path);
    gr_dataset_free(train);
    gr_dataset_free(test);
    path = test_files_text("none.txt", "");
    unit_refused(gr_data_open(path, GR_DATA(.text = GR_TEXT_CHARS), &train, &test), GR_INVALID,
                 "none.txt: there is no text");
    unit_refused(gr_data_open("iris", GR_DATA(.text = GR_TEXT_CHARS), &train, &test), GR_INVALID,
                 "'iris' is no text");
}

static void test_tinyshakespeare(void **state)
{
    (void)state;
    gr_dataset *train, *test;
    test_files_real("tinyshakespeare");
    unit_ok(gr_data_open("tinyshakespeare", NULL, &train, &test));
    assert_int_equal(gr_dataset_size(train), 15685); /* 1003854 characters, as nanoGPT has them */
    assert_int_equal(gr_dataset_size(test), 1742);   /* 111540 */
    assert_int_equal(gr_dataset_classes(train), 65);
    assert_string_equal(gr_dataset_class_name(train, 0), "\\n");
    assert_string_equal(gr_dataset_class_name(train, 64), "z");
    gr_dataset_free(train);
    gr_dataset_free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),      cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_names_refused),
        cmocka_unit_test(test_not_utf8),        cmocka_unit_test(test_unknown_character),
        cmocka_unit_test(test_windows),         cmocka_unit_test(test_streams),
        cmocka_unit_test(test_parts),           cmocka_unit_test(test_text_refused),
        cmocka_unit_test(test_text_file),       cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_tinyshakespeare),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
