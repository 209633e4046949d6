/* docs/caffe.md: each of Caffe's layer types stands there, once, and every expression of its table
 * is a case of tests/reference/words_caffe.py, whose values and gradients test_words.c compares.
 * Here is what draws, and what layers begin with. */
#include "support_reference.h"

#include <math.h>

#include <gradus/gradus.h>

static gr_safetensors *caffe_file;

/* ---- The page -------------------------------------------------------------------------------- */

static const char *const caffe_types[] = {
    "AbsVal",
    "Accuracy",
    "ArgMax",
    "BNLL",
    "BatchNorm",
    "BatchReindex",
    "Bias",
    "Clip",
    "Concat",
    "ContrastiveLoss",
    "Convolution",
    "Crop",
    "Data",
    "Deconvolution",
    "Dropout",
    "DummyData",
    "ELU",
    "Eltwise",
    "Embed",
    "EuclideanLoss",
    "Exp",
    "Filter",
    "Flatten",
    "HDF5Data",
    "HDF5Output",
    "HingeLoss",
    "Im2col",
    "ImageData",
    "InfogainLoss",
    "InnerProduct",
    "Input",
    "LRN",
    "LSTM",
    "LSTMUnit",
    "Log",
    "MVN",
    "MemoryData",
    "PReLU",
    "MultinomialLogisticLoss",
    "Parameter",
    "Pooling",
    "Power",
    "Python",
    "RNN",
    "ReLU",
    "Reduction",
    "Reshape",
    "SPP",
    "Scale",
    "Sigmoid",
    "SigmoidCrossEntropyLoss",
    "Silence",
    "Slice",
    "Softmax",
    "SoftmaxWithLoss",
    "Split",
    "Swish",
    "TanH",
    "Threshold",
    "Tile",
    "WindowData",
};

enum { CAFFE_TYPES = GR_LEN(caffe_types), CAFFE_MOST_SPANS = 8 };

/* A row "| TYPE | `SPAN`<br>`SPAN` | NOTES |". */
typedef struct caffe_row {
    bool computes; /* its spans are expressions, else functions */
    char type[32];
    char span[CAFFE_MOST_SPANS][192];
    int spans;
} caffe_row;

/* The text up to `end`, which *cursor then stands behind. */
static void caffe_until(char **cursor, const char *end, char *out, size_t size)
{
    char *stop = strstr(*cursor, end);
    if (!stop || (size_t)(stop - *cursor) >= size)
        fail_msg("docs/caffe.md: no '%s' near: %.40s", end, *cursor);
    memcpy(out, *cursor, (size_t)(stop - *cursor));
    out[stop - *cursor] = '\0';
    *cursor = stop + strlen(end);
}

static void caffe_parse_row(char *line, caffe_row *row)
{
    char spans[1024], *cursor = line + 2;
    caffe_until(&cursor, " | ", row->type, sizeof row->type);
    caffe_until(&cursor, " | ", spans, sizeof spans);
    row->spans = 0;
    for (cursor = spans; *cursor == '`';) {
        cursor++;
        assert_in_range(row->spans, 0, CAFFE_MOST_SPANS - 1);
        caffe_until(&cursor, "`", row->span[row->spans], sizeof *row->span);
        row->spans++;
        if (strncmp(cursor, "<br>", 4) == 0) cursor += 4;
    }
    if (*cursor || row->spans == 0) fail_msg("docs/caffe.md: %s: %s", row->type, spans);
}

/* The rows of the two tables of types; their count. */
static int caffe_rows(caffe_row *rows, int most)
{
    char line[2048];
    bool computes = false, inside = false;
    int n = 0;
    FILE *page = fopen(TEST_REFERENCE "/../../docs/caffe.md", "r");
    assert_non_null(page);
    while (fgets(line, sizeof line, page)) {
        if (strncmp(line, "## ", 3) == 0) {
            computes = strcmp(line, "## Layers that compute\n") == 0;
            inside = computes || strcmp(line, "## Layers that stand outside\n") == 0;
        }
        if (!inside || strncmp(line, "| ", 2) != 0 || strncmp(line, "| type", 6) == 0) continue;
        assert_in_range(n, 0, most - 1);
        rows[n].computes = computes;
        caffe_parse_row(line, &rows[n++]);
    }
    fclose(page);
    return n;
}

static caffe_row caffe_page[2 * CAFFE_TYPES];
static int caffe_page_rows;

static int caffe_setup(void **state)
{
    (void)state;
    caffe_page_rows = caffe_rows(caffe_page, GR_LEN(caffe_page));
    caffe_file = reference_open("words_caffe.safetensors");
    return 0;
}

static int caffe_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(caffe_file);
    return 0;
}

static void test_every_type_has_one_row(void **state)
{
    (void)state;
    assert_int_equal(CAFFE_TYPES, 61);
    for (int i = 0; i < CAFFE_TYPES; i++) {
        int found = 0;
        for (int k = 0; k < caffe_page_rows; k++)
            found += strcmp(caffe_page[k].type, caffe_types[i]) == 0;
        if (found != 1) fail_msg("docs/caffe.md: %d rows of %s", found, caffe_types[i]);
    }
    assert_int_equal(caffe_page_rows, CAFFE_TYPES);
}

/* Is `text` the reference case of `type` number i? */
static bool caffe_is_case(const caffe_row *row, const char *text, int i)
{
    const gr_meta *texts = gr_safetensors_meta(caffe_file);
    const size_t n = strlen(row->type);
    const char *key = gr_meta_key(texts, i);
    return strncmp(key, row->type, n) == 0 && key[n] == '/' &&
           strcmp(gr_meta_value(texts, i), text) == 0;
}

/* What is on the page is what is tested, and the other way about. */
static void test_every_expression_has_values(void **state)
{
    const gr_meta *texts = gr_safetensors_meta(caffe_file);
    (void)state;
    for (int i = 0; i < gr_meta_size(texts); i++) {
        int found = 0;
        for (int k = 0; k < caffe_page_rows; k++)
            for (int s = 0; caffe_page[k].computes && s < caffe_page[k].spans; s++)
                found += caffe_is_case(&caffe_page[k], caffe_page[k].span[s], i);
        if (found != 1)
            fail_msg("docs/caffe.md: %s has %d times: %s", gr_meta_key(texts, i), found,
                     gr_meta_value(texts, i));
    }
    for (int k = 0; k < caffe_page_rows; k++) {
        for (int s = 0; caffe_page[k].computes && s < caffe_page[k].spans; s++) {
            int found = 0;
            for (int i = 0; i < gr_meta_size(texts); i++)
                found += caffe_is_case(&caffe_page[k], caffe_page[k].span[s], i);
            if (found == 0)
                fail_msg("no values of %s: %s", caffe_page[k].type, caffe_page[k].span[s]);
        }
    }
}

/* Is `name` declared in a public header? */
static bool caffe_declared(const char *name)
{
    static const char *const headers[] = {"data", "graph", "image", "io", "ops", "run"};
    char path[512], line[512], call[80];
    bool found = false;
    snprintf(call, sizeof call, "%s(", name);
    for (size_t i = 0; i < GR_LEN(headers); i++) {
        snprintf(path, sizeof path, TEST_REFERENCE "/../../include/gradus/%s.h", headers[i]);
        FILE *header = fopen(path, "r");
        assert_non_null(header);
        while (fgets(line, sizeof line, header))
            found = found || (strncmp(line, "GR_API", 6) == 0 && strstr(line, call));
        fclose(header);
    }
    return found;
}

static void test_functions_exist(void **state)
{
    (void)state;
    for (int k = 0; k < caffe_page_rows; k++)
        for (int s = 0; !caffe_page[k].computes && s < caffe_page[k].spans; s++)
            if (!caffe_declared(caffe_page[k].span[s]))
                fail_msg("docs/caffe.md: %s: no function %s", caffe_page[k].type,
                         caffe_page[k].span[s]);
}

/* ---- What is drawn, and what is begun with -----------------------------------------------------
 */

/* An expression of the type, on x, in training. */
static void caffe_draw(const char *type, int span, gr_shape shape, const float *x, gr_tensor *y)
{
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = 5};
    gr_graph *graph = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *scope = gr_scope_new(graph, store, &options);
    const char *text = NULL;
    for (int k = 0; k < caffe_page_rows; k++)
        if (strcmp(caffe_page[k].type, type) == 0) text = caffe_page[k].span[span];
    gr_node *node = gr_net(scope, gr_input(graph, "x", GR_F32, shape), text);
    if (gr_is_error(node)) fail_msg("%s: %s", text, gr_graph_message(graph));
    unit_ok(gr_evaluate(graph, &node, 1, &(gr_feed){"x", x}, 1, store, y));
    gr_scope_free(scope);
    gr_graph_free(graph);
    gr_store_free(store);
}

/* Half of the elements are 0, the others doubled. */
static void test_dropout(void **state)
{
    enum { N = 10000 };
    static float x[N];
    gr_tensor y;
    int kept = 0;
    (void)state;
    for (int i = 0; i < N; i++) x[i] = (float)(i + 1);
    caffe_draw("Dropout", 0, GR_SHAPE(N), x, &y);
    for (int i = 0; i < N; i++) {
        const double value = gr_tensor_at(&y, i);
        assert_true(value == 0 || value == 2 * (double)x[i]);
        kept += value != 0;
    }
    assert_in_range(kept, N / 2 - 200, N / 2 + 200); /* four deviations */
    gr_tensor_clear(&y);
}

/* One element of each window, the larger the likelier; the second window is clipped. */
static void test_stochastic_pooling(void **state)
{
    enum { N = 3000 };
    static float x[N][4];
    gr_tensor y;
    int threes = 0;
    (void)state;
    for (int i = 0; i < N; i++) memcpy(x[i], (float[]){1, 0, 3, 5}, sizeof *x);
    caffe_draw("Pooling", 2, GR_SHAPE(N, 1, 4), x[0], &y);
    assert_true(gr_shape_equal(y.shape, GR_SHAPE(N, 1, 2)));
    for (int i = 0; i < N; i++) {
        const double first = gr_tensor_at(&y, 2 * i), second = gr_tensor_at(&y, 2 * i + 1);
        assert_true(first == 1 || first == 3);
        assert_true(second == 3 || second == 5);
        threes += first == 3;
    }
    assert_in_range(threes, N * 3 / 4 - 95, N * 3 / 4 + 95);
    gr_tensor_clear(&y);
}

/* The bilinear filler enlarges a ramp; a parameter of Parameter is 0, of a shared PReLU 1/4. */
static void test_fillers(void **state)
{
    float ramp[3][4][4], ones[8];
    gr_tensor y;
    (void)state;
    for (int i = 0; i < 48; i++) ((float *)ramp)[i] = (float)(i % 4);
    caffe_draw("Deconvolution", 0, GR_SHAPE(1, 3, 4, 4), (float *)ramp, &y);
    assert_true(gr_shape_equal(y.shape, GR_SHAPE(1, 3, 8, 8)));
    for (int i = 1; i < 7; i++)
        for (int j = 1; j < 7; j++)
            assert_true(fabs(gr_tensor_at(&y, 8 * i + j) - (j / 2.0 - 0.25)) < 1e-6);
    gr_tensor_clear(&y);
    for (int i = 0; i < 8; i++) ones[i] = -1;
    caffe_draw("Parameter", 0, GR_SHAPE(4, 2), ones, &y);
    for (int i = 0; i < 6; i++) assert_true(gr_tensor_at(&y, i) == 0);
    gr_tensor_clear(&y);
    caffe_draw("PReLU", 1, GR_SHAPE(2, 2, 2), ones, &y);
    for (int i = 0; i < 8; i++) assert_true(gr_tensor_at(&y, i) == -0.25);
    gr_tensor_clear(&y);
}

/* `steps` steps of Caffe's LSTM of two sequences, as it goes on from batch to batch; the first
 * channel of x is `cont`. Its weights are those of every other store. */
static void caffe_go_on(gr_store *store, const float (*x)[2][2], int64_t steps, gr_tensor *y)
{
    enum { MOST = 8 };
    gr_graph *graph = gr_graph_new();
    gr_scope *scope = gr_scope_new(graph, store, NULL);
    gr_node *target[MOST], *in = gr_input(graph, "x", GR_F32, GR_SHAPE(steps, 2, 2));
    gr_tensor out[MOST];
    target[0] = gr_net(scope, in,
                       "lstm(x, 3, cont=x[:, :, 0], carry=true, time_major=true, order=\"ifog\")");
    if (gr_is_error(target[0])) fail_msg("%s", gr_graph_message(graph));
    const int n = 1 + gr_scope_updates(scope);
    assert_int_equal(n, 3);
    for (int i = 1; i < n; i++) target[i] = gr_scope_update_node(scope, i - 1);
    unit_ok(gr_evaluate(graph, target, n, &(gr_feed){"x", x}, 1, store, out));
    *y = out[0];
    for (int i = 1; i < n; i++) gr_tensor_clear(&out[i]);
    gr_scope_free(scope);
    gr_graph_free(graph);
}

/* The state passes from batch to batch, but where cont is 0. */
static void test_cont_between_batches(void **state)
{
    enum { N = 12 }; /* elements of two steps */
    /* The second half continues the first sequence and begins the second anew. */
    const float x[4][2][2] = {
        {{0, 0.5F}, {0, -1}}, {{1, 2}, {1, 0.25F}}, {{1, -0.5F}, {0, 1}}, {{1, 1.5F}, {1, -2}}};
    gr_store *whole = gr_store_new(), *parts = gr_store_new();
    gr_tensor all, first, second;
    double moved = 0;
    (void)state;
    caffe_go_on(whole, x, 4, &all);
    caffe_go_on(parts, x, 2, &first);
    caffe_go_on(parts, x + 2, 2, &second);
    for (int i = 0; i < N; i++) {
        assert_true(fabs(gr_tensor_at(&first, i) - gr_tensor_at(&all, i)) < 1e-6);
        assert_true(fabs(gr_tensor_at(&second, i) - gr_tensor_at(&all, N + i)) < 1e-6);
    }
    gr_tensor_clear(&first);
    gr_store_free(parts);
    parts = gr_store_new(); /* without what went before */
    caffe_go_on(parts, x + 2, 2, &first);
    for (int i = 0; i < N; i++) {
        const double apart = fabs(gr_tensor_at(&first, i) - gr_tensor_at(&second, i));
        if (i / 3 % 2 == 1) assert_true(apart < 1e-6);
        moved = fmax(moved, apart);
    }
    assert_true(moved > 1e-3);
    gr_tensor_clear(&all), gr_tensor_clear(&first), gr_tensor_clear(&second);
    gr_store_free(whole);
    gr_store_free(parts);
}

/* Silence: what nobody reads is not computed. */
static void test_silence(void **state)
{
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, NULL, NULL);
    gr_node *y = gr_net(s, gr_input(g, "x", GR_F32, GR_SHAPE(3)), "unread = log(x); relu(x)");
    gr_program *program;
    (void)state;
    assert_non_null(gr_graph_find(g, "unread"));
    unit_ok(gr_compile(g, &y, 1, NULL, &program));
    assert_int_equal(gr_program_plan(program).steps, 1);
    gr_program_free(program);
    gr_scope_free(s);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_has_one_row),
        cmocka_unit_test(test_every_expression_has_values),
        cmocka_unit_test(test_functions_exist),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_stochastic_pooling),
        cmocka_unit_test(test_fillers),
        cmocka_unit_test(test_cont_between_batches),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, caffe_setup, caffe_teardown);
}
