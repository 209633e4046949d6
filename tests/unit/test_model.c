/* Models: making, files, predictions, tests, descriptions, refusals. */
#include <math.h>

#include "support_memory.h"
#include "support_train.h"

static float *predict_points(gr_model *model, const gr_dataset *data)
{
    int64_t n = gr_dataset_size(data);
    gr_tensor x = {GR_F32, GR_SHAPE(n, 4), (void *)gr_dataset_example(data, 0)};
    float *scores = gr_alloc_array((size_t)(3 * n), sizeof *scores);
    assert_non_null(scores);
    unit_ok(gr_model_predict(model, &x, scores));
    return scores;
}

/* ---- Making --------------------------------------------------------------------------------- */

static void test_making(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 0.3, 1);
    gr_model *model = test_model(NULL, data, 5);
    assert_int_equal(gr_model_parameters(model), 8 * 4 + 8 + 3 * 8 + 3);
    assert_int_equal(gr_model_classes(model), 3);
    assert_string_equal(gr_model_class_names(model)[2], "blue");
    assert_true(gr_shape_equal(gr_model_input(model), GR_SHAPE(4)));
    assert_null(gr_model_net(model));
    assert_null(gr_model_normalizer(model));
    assert_int_equal(gr_store_size(gr_model_store(model)), 4);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_making_refused(void **state)
{
    (void)state;
    gr_model *model;
    gr_shape input = GR_SHAPE(4);
    unit_refused(gr_model_new(NULL, &model), GR_INVALID, "a net or a recipe");
    unit_refused(gr_model_new(GR_MODEL(.net = "x", .recipe = test_recipe, .input = input), &model),
                 GR_INVALID, "not both");
    unit_refused(gr_model_new(GR_MODEL(.net = "x"), &model), GR_SHAPE, "shape of one example");
    unit_refused(gr_model_new(GR_MODEL(.net = "x", .input = input), &model), GR_INVALID,
                 "0 classes");
    unit_refused(gr_model_new(GR_MODEL(.net = "x +", .input = input, .classes = 3), &model),
                 GR_SYNTAX, "net:1:4");
    unit_refused(gr_model_new(GR_MODEL(.net = "x", .input = input, .classes = 3), &model), GR_SHAPE,
                 "f32[1,4] for 1 example: should be f32[1,3]");
    unit_refused(
        gr_model_new(GR_MODEL(.net = "x |> reshape(-1)", .input = input, .classes = 3), &model),
        GR_SHAPE, "[4]");
    unit_refused(
        gr_model_new(GR_MODEL(.recipe = test_recipe, .input = input, .classes = 3, .margin = 1),
                     &model),
        GR_INVALID, "margin 1 with the loss softmax");
    unit_refused(gr_model_new(GR_MODEL(.recipe = test_recipe, .input = input, .classes = 3,
                                       .class_weights = (float[]){1, -2, 1}),
                              &model),
                 GR_INVALID, "weight of class 1 is -2");
    assert_null(model);
}

static void test_losses_by_name(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 0.3, 1);
    for (int loss = 0; loss < GR_LOSS_COUNT; loss++) {
        gr_model *model;
        gr_metrics m;
        assert_int_equal(gr_loss_find(gr_loss_name((gr_loss_kind)loss)), loss);
        unit_ok(gr_model_new(
            GR_MODEL(.recipe = test_recipe, .data = data, .loss = (gr_loss_kind)loss), &model));
        unit_ok(gr_model_learn_normalizer(model, data));
        unit_ok(gr_model_test(model, data, &m));
        assert_true(m.loss > 0 && m.loss < 100);
        gr_metrics_clear(&m);
        gr_model_free(model);
    }
    assert_int_equal(gr_loss_find("softmux"), -1);
    gr_dataset_free(data);
}

/* ---- Predictions and tests ------------------------------------------------------------------ */

/* Scores do not depend on how many rows are asked for, and the cache holds many sizes. */
static void test_prediction(void **state)
{
    (void)state;
    gr_dataset *data = test_points(600, 0.3, 1);
    gr_model *model = test_model(NULL, data, 5);
    gr_tensor x = {GR_F32, GR_SHAPE(600, 4), (void *)gr_dataset_example(data, 0)};
    float row[3 * 20];
    unit_refused(gr_model_predict(model, &x, row), GR_INVALID, "normalisation");
    unit_ok(gr_model_learn_normalizer(model, data));
    float *scores = predict_points(model, data);
    for (int64_t rows = 1; rows <= 20; rows++) {
        x.shape.dim[0] = rows;
        unit_ok(gr_model_predict(model, &x, row));
        for (int64_t i = 0; i < 3 * rows; i++)
            assert_true(fabs((double)row[i] - (double)scores[i]) < 1e-5);
    }
    x.shape.dim[0] = 0;
    unit_ok(gr_model_predict(model, &x, row));
    assert_true(gr_model_probabilities(model, row));
    assert_true(fabs((double)row[0] + (double)row[1] + (double)row[2] - 1) < 1e-6);
    x.shape = GR_SHAPE(2, 28, 28);
    unit_refused(gr_model_predict(model, &x, row), GR_SHAPE,
                 "the data are [2,28,28], but the model takes examples of [4]");
    x = (gr_tensor){GR_I32, GR_SHAPE(1, 4), row};
    unit_refused(gr_model_predict(model, &x, row), GR_DTYPE, "i32");
    gr_free(scores);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* Metrics against counts made here from the scores. */
static void test_testing(void **state)
{
    (void)state;
    gr_dataset *data = test_points(600, 0.3, 1);
    gr_model *model = test_model(NULL, data, 5);
    gr_metrics m;
    unit_ok(gr_model_learn_normalizer(model, data));
    unit_ok(gr_model_test(model, data, &m));
    float *scores = predict_points(model, data);
    int64_t confusion[9] = {0}, correct = 0;
    double loss = 0;
    for (int64_t i = 0; i < 600; i++) {
        float *s = scores + 3 * i;
        int taken = s[1] > s[0], label = gr_dataset_label(data, i);
        if (s[2] > s[taken]) taken = 2;
        confusion[3 * label + taken]++;
        correct += taken == label;
        gr_model_probabilities(model, s);
        loss -= log((double)s[label]) / 600;
    }
    assert_int_equal(m.count, 600);
    assert_int_equal(m.correct, correct);
    assert_memory_equal(m.confusion, confusion, sizeof confusion);
    assert_true(fabs(m.loss - loss) < 1e-5);
    assert_true(fabs(m.accuracy - (double)correct / 600) < 1e-12);
    for (int c = 0; c < 3; c++) {
        int64_t predicted = confusion[c] + confusion[3 + c] + confusion[6 + c];
        assert_int_equal(m.per_class[c].count, 200);
        assert_int_equal(m.per_class[c].predicted, predicted);
        assert_true(fabs(m.per_class[c].recall - (double)confusion[4 * c] / 200) < 1e-12);
        if (predicted)
            assert_true(fabs(m.per_class[c].precision -
                             (double)confusion[4 * c] / (double)predicted) < 1e-12);
    }
    gr_metrics_clear(&m);
    gr_free(scores);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* The mean of a weighted loss divides by the weights of all examples, whatever the batches. */
static void test_class_weights(void **state)
{
    (void)state;
    gr_dataset *data = test_points(601, 0.3, 1);
    gr_model *model;
    gr_metrics m;
    static const float weights[] = {1, 5, 0.5f};
    unit_ok(gr_model_new(GR_MODEL(.recipe = test_recipe, .data = data, .class_weights = weights),
                         &model));
    unit_ok(gr_model_learn_normalizer(model, data));
    unit_ok(gr_model_test(model, data, &m));
    float *scores = predict_points(model, data);
    double loss = 0, sum = 0;
    for (int64_t i = 0; i < 601; i++) {
        int label = gr_dataset_label(data, i);
        gr_model_probabilities(model, scores + 3 * i);
        loss -= (double)weights[label] * log((double)scores[3 * i + label]);
        sum += (double)weights[label];
    }
    assert_true(fabs(m.loss - loss / sum) < 1e-5);
    gr_metrics_clear(&m);
    gr_free(scores);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_data_that_do_not_fit(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 0.3, 1), *other;
    gr_model *model = test_model(NULL, data, 5);
    gr_metrics m;
    float x[2 * 28 * 28] = {0};
    static const int32_t labels[] = {0, 1};
    static const char *const names[] = {"red", "blue", "green"};
    unit_ok(gr_model_learn_normalizer(model, data));
    gr_tensor images = {GR_F32, GR_SHAPE(2, 28, 28), x}, rows = {GR_F32, GR_SHAPE(2, 4), x};
    unit_ok(gr_dataset_new("images", &images, labels, 2, NULL, &other));
    unit_refused(gr_model_test(model, other, &m), GR_SHAPE,
                 "an example of 'images' is [28,28], but the model takes [4]");
    gr_dataset_free(other);
    unit_ok(gr_dataset_new("two", &rows, labels, 2, NULL, &other));
    unit_refused(gr_model_test(model, other, &m), GR_INVALID, "'two' has 2 classes");
    gr_dataset_free(other);
    unit_ok(gr_dataset_new("mixed up", &rows, labels, 3, names, &other));
    unit_refused(gr_model_test(model, other, &m), GR_INVALID,
                 "class 1 is 'blue' in 'mixed up', but 'green' in the model");
    gr_dataset_free(other);
    unit_ok(gr_dataset_new("numbered", &rows, labels, 3, NULL, &other));
    unit_ok(gr_model_test(model, other, &m));
    gr_metrics_clear(&m);
    gr_dataset_free(other);
    unit_ok(gr_dataset_new("bare", &rows, NULL, 0, NULL, &other));
    unit_refused(gr_model_test(model, other, &m), GR_INVALID, "'bare' has no labels");
    gr_dataset_free(other);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void test_file_round_trip(void **state)
{
    (void)state;
    gr_dataset *data = test_points(50, 0.3, 1);
    gr_model *model = test_model(test_moody_recipe, data, 5), *copy;
    unit_ok(gr_model_learn_normalizer(model, data));
    const char *path = test_files_path("model.safetensors");
    unit_ok(gr_model_save(model, path));
    unit_refused(gr_model_load(path, NULL, &copy), GR_INVALID, "recipe");
    unit_ok(gr_model_load(path, GR_MODEL(.recipe = test_moody_recipe), &copy));
    assert_int_equal(gr_model_seed(copy), 5);
    assert_string_equal(gr_model_class_names(copy)[1], "green");
    float *a = predict_points(model, data), *b = predict_points(copy, data);
    assert_memory_equal(a, b, 150 * sizeof *a);
    unit_ok(gr_model_save(copy, test_files_path("copy.safetensors")));
    assert_true(test_same_files(path, test_files_path("copy.safetensors")));
    gr_free(a);
    gr_free(b);
    gr_model_free(copy);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* Everything that a model can say of itself survives its file. */
static void test_file_options(void **state)
{
    (void)state;
    gr_model *model, *copy;
    float shift[] = {0.1f, 0.2f, 0.3f, 0.4f}, scale[] = {1, 2, 3, 1e-7f};
    gr_normalizer n = {.kind = GR_NORMALIZE_UNIT, .channels = 4, .shift = shift, .scale = scale};
    static const char *const names[] = {"a\nb", "c\\d", "\xc3\xa9"};
    unit_ok(gr_model_new(
        GR_MODEL(.net = "x @ [[1,2,3],[4,5,6],[7,8,9],[1,1,1]]", .input = GR_SHAPE(4), .classes = 3,
                 .names = names, .loss = GR_LOSS_SQUARED_HINGE, .margin = 0.1,
                 .class_weights = (float[]){1, 0.1f, 3}, .normalizer = &n, .seed = UINT64_MAX),
        &model));
    const char *path = test_files_path("options.safetensors");
    unit_ok(gr_model_save(model, path));
    unit_ok(gr_model_load(path, NULL, &copy));
    assert_string_equal(gr_model_net(copy), gr_model_net(model));
    assert_int_equal(gr_model_loss(copy), GR_LOSS_SQUARED_HINGE);
    assert_true(gr_model_seed(copy) == UINT64_MAX);
    for (int i = 0; i < 3; i++) assert_string_equal(gr_model_class_names(copy)[i], names[i]);
    const gr_normalizer *read = gr_model_normalizer(copy);
    assert_int_equal(read->kind, GR_NORMALIZE_UNIT);
    assert_memory_equal(read->shift, shift, sizeof shift);
    assert_memory_equal(read->scale, scale, sizeof scale);
    unit_ok(gr_model_save(copy, test_files_path("again.safetensors")));
    assert_true(test_same_files(path, test_files_path("again.safetensors")));
    gr_model_free(copy);
    gr_model_free(model);
}

static void test_file_refusals(void **state)
{
    (void)state;
    gr_model *model;
    gr_store *store = gr_store_new();
    int64_t units = 9;
    gr_dataset *data = test_points(30, 0.3, 1);
    const char *path = test_files_path("part.safetensors");
    unit_refused(gr_model_load(test_files_path("none"), NULL, &model), GR_NOT_FOUND, "none");
    unit_ok(gr_store_save(store, path, NULL));
    unit_refused(gr_model_load(path, NULL, &model), GR_FORMAT, "this is no model");
    gr_model *whole = test_model(NULL, data, 1);
    unit_ok(gr_model_save(whole, path));
    unit_refused(gr_model_load(path, GR_MODEL(.recipe = test_moody_recipe), &model), GR_SHAPE,
                 "part.safetensors: ");
    unit_refused(gr_model_load(path, GR_MODEL(.recipe = test_recipe, .user = &units), &model),
                 GR_SHAPE, "'hidden/weight' is f32[8,4]");
    /* The same metadata with fewer variables. */
    gr_store *read;
    gr_meta *meta;
    unit_ok(gr_store_load(path, &read, &meta));
    unit_ok(gr_store_save(store, path, meta));
    unit_refused(gr_model_load(path, GR_MODEL(.recipe = test_recipe), &model), GR_FORMAT,
                 "variable 'hidden/weight' of the net is not in the file");
    unit_ok(gr_meta_set(meta, "loss", "softmux"));
    unit_ok(gr_store_save(read, path, meta));
    unit_refused(gr_model_load(path, GR_MODEL(.recipe = test_recipe), &model), GR_FORMAT,
                 "no loss 'softmux'");
    assert_null(model);
    gr_meta_free(meta);
    gr_store_free(read);
    gr_store_free(store);
    gr_model_free(whole);
    gr_dataset_free(data);
}

/* ---- Descriptions --------------------------------------------------------------------------- */

static void test_description(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 0.3, 1);
    gr_model *model = test_model(test_moody_recipe, data, 5);
    gr_net_info *info;
    unit_ok(gr_model_describe(model, &info));
    static const char *const names[] = {"hidden", "norm", "relu", "drop", "out"};
    static const char *const kinds[] = {"fc", "batchnorm", "relu", "dropout", "fc"};
    static const int64_t parameters[] = {80, 32, 0, 0, 51}, work[] = {64, 0, 0, 0, 48};
    assert_int_equal(info->count, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(info->layers[i].name, names[i]);
        assert_string_equal(info->layers[i].kind, kinds[i]);
        assert_int_equal(info->layers[i].parameters, parameters[i]);
        assert_int_equal(info->layers[i].multiply_adds, work[i]);
        assert_true(gr_shape_equal(info->layers[i].output, GR_SHAPE(i < 4 ? 16 : 3)));
        assert_int_equal(info->layers[i].bytes, i < 4 ? 64 : 12);
    }
    assert_int_equal(info->parameters, gr_model_parameters(model));
    assert_int_equal(info->multiply_adds, 112);
    gr_net_info_free(info);
    gr_model_free(model);
    gr_dataset_free(data);
    unit_ok(gr_net_describe("conv(20,5) |> maxpool(2) |> conv(50,5) |> maxpool(2) |> fc(500) |> "
                            "relu |> dropout(0.5) |> fc(10)",
                            GR_SHAPE(1, 28, 28), NULL, &info));
    static const struct {
        const char *name, *kind;
        gr_shape output;
        int64_t parameters, work;
    } lenet[] = {{"conv1", "conv", {3, {20, 24, 24}}, 520, 288000},
                 {"max_pool", "max_pool", {3, {20, 12, 12}}, 0, 0},
                 {"conv2", "conv", {3, {50, 8, 8}}, 25050, 1600000},
                 {"max_pool", "max_pool", {3, {50, 4, 4}}, 0, 0},
                 {"fc1", "fc", {1, {500}}, 400500, 400000},
                 {"relu", "relu", {1, {500}}, 0, 0},
                 {"dropout1", "dropout", {1, {500}}, 0, 0},
                 {"fc2", "fc", {1, {10}}, 5010, 5000}};
    assert_int_equal(info->count, 8);
    for (int i = 0; i < 8; i++) {
        assert_string_equal(info->layers[i].name, lenet[i].name);
        assert_string_equal(info->layers[i].kind, lenet[i].kind);
        assert_true(gr_shape_equal(info->layers[i].output, lenet[i].output));
        assert_int_equal(info->layers[i].parameters, lenet[i].parameters);
        assert_int_equal(info->layers[i].multiply_adds, lenet[i].work);
        assert_int_equal(info->layers[i].inputs, 1);
        assert_int_equal(info->layers[i].input[0], i - 1);
    }
    assert_int_equal(info->parameters, 431080);
    gr_net_info_free(info);
    unit_ok(gr_net_describe("a = x |> fc(4); b = relu(a); a + b * x", GR_SHAPE(4), NULL, &info));
    assert_int_equal(info->count, 4);
    assert_int_equal(info->layers[2].inputs, 2); /* b * x */
    assert_int_equal(info->layers[2].input[0], 1);
    assert_int_equal(info->layers[2].input[1], -1);
    assert_int_equal(info->layers[3].inputs, 2); /* a + … */
    assert_int_equal(info->layers[3].input[0], 0);
    assert_int_equal(info->layers[3].input[1], 2);
    gr_net_info_free(info);
    unit_refused(gr_net_describe("conv(20,5) |> conv(9,99)", GR_SHAPE(1, 28, 28), NULL, &info),
                 GR_SHAPE, "net:1:15");
    unit_refused(gr_net_describe("x @", GR_SHAPE(4), NULL, &info), GR_SYNTAX, "net:1:4");
    unit_refused(gr_net_describe("x", GR_SCALAR, NULL, &info), GR_SHAPE, "[]");
    assert_null(info);
}

/* ---- Memory --------------------------------------------------------------------------------- */

typedef struct model_job {
    const gr_dataset *data;
    const char *path;
} model_job;

static gr_status model_flow(void *user)
{
    const model_job *job = user;
    gr_model *model = NULL;
    gr_metrics m = {0};
    gr_net_info *info = NULL;
    gr_status status =
        gr_model_new(GR_MODEL(.recipe = test_recipe, .data = job->data, .threads = 1), &model);
    if (status == GR_OK) status = gr_model_learn_normalizer(model, job->data);
    if (status == GR_OK) status = gr_model_test(model, job->data, &m);
    if (status == GR_OK) status = gr_model_save(model, job->path);
    if (status == GR_OK) status = gr_model_take(model, job->path, NULL);
    if (status == GR_OK) status = gr_model_describe(model, &info);
    gr_net_info_free(info);
    gr_metrics_clear(&m);
    gr_model_free(model);
    if (status != GR_OK) return status;
    GR_TRY(gr_model_load(job->path, GR_MODEL(.recipe = test_recipe), &model));
    gr_model_free(model);
    return GR_OK;
}

/* Values from another net's file, by name; a file that does not fit changes nothing. */
static void test_taking(void **state)
{
    (void)state;
    const char *path = test_files_path("taken.safetensors");
    gr_model *from = NULL, *to = NULL;
    float a[16], b[16], before[16];
    int taken = -1;
    const gr_shape x = GR_SHAPE(2);
    unit_ok(gr_model_new(GR_MODEL(.net = "fc(8, name=\"one\") |> relu |> fc(3, name=\"two\")",
                                  .input = x, .classes = 3, .seed = 1),
                         &from));
    unit_ok(gr_model_save(from, path));
    unit_ok(gr_model_new(GR_MODEL(.net = "fc(8, name=\"one\") |> relu |> fc(2, name=\"head\")",
                                  .input = x, .classes = 2, .seed = 2),
                         &to));
    unit_ok(gr_store_read(gr_model_store(from), "one/weight", a, sizeof a));
    unit_ok(gr_store_read(gr_model_store(to), "one/weight", before, sizeof before));
    assert_memory_not_equal(a, before, sizeof a);
    unit_ok(gr_model_take(to, path, &taken));
    assert_int_equal(taken, 2);
    unit_ok(gr_store_read(gr_model_store(to), "one/weight", b, sizeof b));
    assert_memory_equal(a, b, sizeof a);
    gr_model_free(to);

    unit_ok(gr_model_new(GR_MODEL(.net = "fc(8, name=\"one\") |> relu |> fc(2, name=\"two\")",
                                  .input = x, .classes = 2, .seed = 2),
                         &to));
    unit_refused(gr_model_take(to, path, &taken), GR_SHAPE, path);
    unit_refused(gr_model_take(to, path, &taken), GR_SHAPE,
                 "'two/weight' is [3,8] in the file, but [2,8] in the net");
    assert_int_equal(taken, 0);
    unit_ok(gr_store_read(gr_model_store(to), "one/weight", b, sizeof b));
    assert_memory_equal(before, b, sizeof b);
    unit_refused(gr_model_take(to, test_files_path("absent"), NULL), GR_NOT_FOUND, "absent");
    gr_model_free(to);

    unit_ok(gr_model_new(GR_MODEL(.net = "fc(2, name=\"other\")", .input = x, .classes = 2), &to));
    unit_refused(gr_model_take(to, path, NULL), GR_INVALID, "no variable of the net");
    gr_model_free(to);
    gr_model_free(from);
}

static void test_failing_memory(void **state)
{
    (void)state;
    gr_dataset *data = test_points(6, 0.3, 1);
    test_memory_sweep(model_flow, &(model_job){data, test_files_path("memory.safetensors")});
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_making),
        cmocka_unit_test(test_making_refused),
        cmocka_unit_test(test_losses_by_name),
        cmocka_unit_test(test_prediction),
        cmocka_unit_test(test_testing),
        cmocka_unit_test(test_class_weights),
        cmocka_unit_test(test_data_that_do_not_fit),
        cmocka_unit_test(test_file_round_trip),
        cmocka_unit_test(test_file_options),
        cmocka_unit_test(test_file_refusals),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_taking),
        cmocka_unit_test(test_failing_memory),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
