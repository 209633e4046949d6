/* The limits that a user can set: each refusal by name, and what is just small enough. */
#include "support_data.h"
#include "support_files.h"

#include <gradus/gradus.h>

#include "base/limits.h"

/* Whatever a test has set, and whatever the environment it was run in says. */
static int usual_limits(void **state)
{
    (void)state;
    unsetenv("GRADUS_MAX_TENSOR");
    unsetenv("GRADUS_MAX_FILE");
    unsetenv("GRADUS_MAX_NESTING");
    return gr_limits_set(NULL) == GR_OK ? 0 : -1;
}

/* ---- Setting ----------------------------------------------------------------------------------
 */

static void limits_are_set_and_put_back(void **state)
{
    (void)state;
    const gr_limits usual = gr_limits_get();
    assert_true(usual.size == sizeof usual && usual.tensor == (uint64_t)64 << 30);
    assert_true(usual.file == (uint64_t)64 << 30 && usual.nesting == 200);
    unit_ok(gr_limits_set(GR_LIMITS(.tensor = 1000, .nesting = 7)));
    gr_limits now = gr_limits_get();
    assert_true(now.tensor == 1000 && now.file == usual.file && now.nesting == 7);
    unit_ok(gr_limits_set(GR_LIMITS(.file = 5)));
    now = gr_limits_get();
    assert_true(now.tensor == usual.tensor && now.file == 5 && now.nesting == 200);
    unit_ok(gr_limits_set(NULL));
    assert_true(gr_limits_get().file == usual.file);
}

static void wrong_limits_change_nothing(void **state)
{
    (void)state;
    unit_ok(gr_limits_set(GR_LIMITS(.tensor = 1000)));
    unit_refused(gr_limits_set(GR_LIMITS(.nesting = GR_LIMIT_NESTING + 1)), GR_INVALID,
                 "nesting = 2001: should be at most 2000");
    unit_refused(gr_limits_set(&(gr_limits){.size = 3, .tensor = 1}), GR_INVALID,
                 "gr_limits.size is 3");
    assert_true(gr_limits_get().tensor == 1000);
}

static void keep_remark(void *user, gr_log_level level, const char *text)
{
    if (level == GR_LOG_WARNING) snprintf(user, 256, "%s", text);
}

static void the_environment_sets_the_first(void **state)
{
    (void)state;
    char remark[256] = "";
    gr_set_log(keep_remark, remark);
    setenv("GRADUS_MAX_TENSOR", "3K", 1);
    setenv("GRADUS_MAX_FILE", "2G", 1);
    setenv("GRADUS_MAX_NESTING", "9", 1);
    unit_ok(gr_limits_set(NULL));
    gr_limits now = gr_limits_get();
    assert_true(now.tensor == 3072 && now.file == (uint64_t)2 << 30 && now.nesting == 9);
    assert_string_equal(remark, "");
    static const char *const wrong[] = {"0", "-1", "much", "3X", "99999999999G", "3K5"};
    for (size_t i = 0; i < GR_LEN(wrong); i++) {
        setenv("GRADUS_MAX_TENSOR", wrong[i], 1);
        remark[0] = '\0';
        unit_ok(gr_limits_set(NULL));
        assert_true(gr_limits_get().tensor == (uint64_t)64 << 30);
        assert_non_null(strstr(remark, "GRADUS_MAX_TENSOR="));
        assert_non_null(strstr(remark, "the limit stays at 68719476736"));
    }
    setenv("GRADUS_MAX_NESTING", "2001", 1);
    unit_ok(gr_limits_set(NULL));
    assert_true(gr_limits_get().nesting == 200);
    assert_non_null(strstr(remark, "a number from 1 to 2000"));
    gr_set_log(NULL, NULL);
}

/* ---- Tensors ----------------------------------------------------------------------------------
 */

static void tensors_are_limited(void **state)
{
    (void)state;
    gr_tensor tensor;
    unit_ok(gr_limits_set(GR_LIMITS(.tensor = 4000)));
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(1000), &tensor));
    gr_tensor_clear(&tensor);
    unit_refused(gr_tensor_new(GR_F32, GR_SHAPE(7, 143), &tensor), GR_INVALID,
                 "tensor: f32 [7,143] takes 4004 bytes, more than the limit of 4000 for a tensor: "
                 "raise it with gr_limits_set or GRADUS_MAX_TENSOR");
    assert_null(tensor.data);
}

static void values_of_graphs_are_limited(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    unit_ok(gr_limits_set(GR_LIMITS(.tensor = 4000)));
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(50, 1));
    assert_false(gr_is_error(gr_matmul(x, gr_input(graph, "y", GR_F32, GR_SHAPE(1, 20)))));
    assert_true(gr_is_error(gr_matmul(x, gr_input(graph, "z", GR_F32, GR_SHAPE(1, 21)))));
    assert_int_equal(gr_graph_status(graph), GR_SHAPE);
    assert_non_null(strstr(gr_graph_message(graph),
                           "f32 [50,21] takes 4200 bytes, more than the limit of 4000 for a "
                           "tensor: raise it with gr_limits_set or GRADUS_MAX_TENSOR"));
    gr_graph_free(graph);
}

static void what_texts_ask_for_is_limited(void **state)
{
    (void)state;
    gr_net_info *info;
    unit_refused(gr_net_describe("fc(200000) |> fc(200000)", GR_SHAPE(10), NULL, &info), GR_SHAPE,
                 "takes 160000000000 bytes, more than the limit of 68719476736 for a tensor");
    unit_ok(gr_limits_set(GR_LIMITS(.tensor = UINT64_MAX)));
    unit_ok(gr_net_describe("fc(200000) |> fc(200000)", GR_SHAPE(10), NULL, &info));
    gr_net_info_free(info);
}

/* ---- Files ------------------------------------------------------------------------------------
 */

static void files_are_limited(void **state)
{
    (void)state;
    gr_tensor array = {0};
    gr_store *store = NULL;
    gr_dataset *train = NULL;
    const char *npy = test_files_path("limits.npy"), *st = test_files_path("limits.safetensors");
    float zeros[100] = {0};
    const gr_tensor value = {GR_F32, GR_SHAPE(100), zeros};
    unit_ok(gr_npy_write(npy, &value));
    unit_ok(gr_safetensors_write(st, &(gr_named_tensor){"a", value}, 1, NULL));
    unit_ok(gr_limits_set(GR_LIMITS(.file = 400)));
    unit_refused(gr_npy_read(npy, &array), GR_FORMAT,
                 "limits.npy: the file is larger than the limit of 400 bytes: raise it with "
                 "gr_limits_set or GRADUS_MAX_FILE");
    unit_refused(gr_store_load(st, &store, NULL), GR_FORMAT,
                 "limits.safetensors: the file is larger than the limit of 400 bytes");
    unit_refused(gr_data_open(npy, GR_DATA(.text = GR_TEXT_BYTES), &train, NULL), GR_FORMAT,
                 "is larger than the limit of 400 bytes");
    unit_refused(gr_data_open("/dev/zero", GR_DATA(.text = GR_TEXT_BYTES), &train, NULL), GR_FORMAT,
                 "/dev/zero: the file is larger than the limit of 400 bytes");
    unit_ok(gr_limits_set(GR_LIMITS(.file = 4000)));
    unit_ok(gr_npy_read(npy, &array));
    gr_tensor_clear(&array);
    unit_ok(gr_store_load(st, &store, NULL));
    gr_store_free(store);
}

static void unpacked_files_are_limited(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    unsigned char *idx = gr_alloc(8 + SIZE);
    gr_tensor tensor = {0};
    size_t size;
    memcpy(idx, "\0\0\x08\x01\0\0\x4e\x20", 8);
    const void *packed = test_gzip(idx, 8 + SIZE, &size);
    assert_true(size < 1000);
    const char *path = test_files_write("limits-idx1-ubyte.gz", packed, size);
    unit_ok(gr_limits_set(GR_LIMITS(.file = SIZE)));
#if defined(GRADUS_HAVE_ZLIB)
    unit_refused(gr_idx_read(path, &tensor), GR_FORMAT,
                 "limits-idx1-ubyte.gz: the file is, unpacked, larger than the limit of 20000 "
                 "bytes: raise it with gr_limits_set or GRADUS_MAX_FILE");
    unit_ok(gr_limits_set(NULL));
    unit_ok(gr_idx_read(path, &tensor));
    gr_tensor_clear(&tensor);
#else
    unit_refused(gr_idx_read(path, &tensor), GR_UNSUPPORTED, "no zlib");
#endif
    gr_free(idx);
}

/* ---- Nesting ----------------------------------------------------------------------------------
 */

/* `n` times `open`, x, `n` times `close`. */
static char *nested(int n, const char *open, const char *close)
{
    gr_text text = {0};
    for (int i = 0; i < n; i++) gr_text_printf(&text, "%s", open);
    gr_text_printf(&text, "x");
    for (int i = 0; i < n; i++) gr_text_printf(&text, "%s", close);
    assert_false(text.failed);
    return text.data;
}

static gr_status nested_parse(int n, const char *open, const char *close)
{
    gr_expr *expr = NULL;
    char *text = nested(n, open, close), *printed = NULL;
    gr_status status = gr_expr_parse(text, NULL, &expr);
    if (status == GR_OK) status = gr_expr_print(expr, &printed);
    gr_text_release(printed);
    gr_expr_free(expr);
    gr_free(text);
    return status;
}

static void nesting_is_limited(void **state)
{
    (void)state;
    static const char *const brackets[][2] = {{"(", ")"},       {"-", ""},  {"sin(", ")"},
                                              {"x and (", ")"}, {"x^", ""}, {"x[", "]"},
                                              {"(x)[", "]"}};
    unit_ok(gr_limits_set(GR_LIMITS(.nesting = 9)));
    unit_refused(nested_parse(10, "(", ")"), GR_SYNTAX,
                 "nested more than 9 deep: name parts of it in statements of their own, or raise "
                 "it with gr_limits_set or GRADUS_MAX_NESTING");
    unit_ok(nested_parse(9, "(", ")"));
    /* The most that can be set does with the stack that there is. */
    unit_ok(gr_limits_set(GR_LIMITS(.nesting = GR_LIMIT_NESTING)));
    for (size_t i = 0; i < GR_LEN(brackets); i++) {
        unit_ok(nested_parse(GR_LIMIT_NESTING, brackets[i][0], brackets[i][1]));
        unit_refused(nested_parse(GR_LIMIT_NESTING + 1, brackets[i][0], brackets[i][1]), GR_SYNTAX,
                     "nested more than 2000 deep");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(limits_are_set_and_put_back, usual_limits),
        cmocka_unit_test_setup(wrong_limits_change_nothing, usual_limits),
        cmocka_unit_test_setup(the_environment_sets_the_first, usual_limits),
        cmocka_unit_test_setup(tensors_are_limited, usual_limits),
        cmocka_unit_test_setup(values_of_graphs_are_limited, usual_limits),
        cmocka_unit_test_setup(what_texts_ask_for_is_limited, usual_limits),
        cmocka_unit_test_setup(files_are_limited, usual_limits),
        cmocka_unit_test_setup(unpacked_files_are_limited, usual_limits),
        cmocka_unit_test_setup(nesting_is_limited, usual_limits),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
