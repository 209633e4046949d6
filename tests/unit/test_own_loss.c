/* Nets whose text says what they are trained for: models, trainers, tests and files of them. */
#include "support.h"
#include "support_files.h"

#include <math.h>

#include <gradus/gradus.h>

static const char own_autoencoder[] = "flat = flatten(x)\n"
                                      "code = flat |> fc(3) |> tanh\n"
                                      "again = code |> fc(6)\n"
                                      "loss = mse(again, flat)\n"
                                      "euclidean = euclidean_loss(again, flat)\n"
                                      "largest = max(abs(again - flat))\n";

/* n examples of [2,3], three of each of two classes in turn, of which the first has small numbers.
 */
static gr_dataset *own_data(int n)
{
    gr_dataset *set;
    gr_tensor x;
    int32_t labels[64];
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(n, 2, 3), &x));
    for (int i = 0; i < 6 * n; i++) {
        labels[i / 6] = i / 18 % 2;
        ((float *)x.data)[i] = (float)(sin(1.3 * i) * (labels[i / 6] ? 1 : 0.1));
    }
    unit_ok(gr_dataset_new("waves", &x, labels, 2, NULL, &set));
    gr_tensor_clear(&x);
    return set;
}

static gr_model *own_model(const char *net, const gr_dataset *data)
{
    gr_model *model;
    unit_ok(gr_model_new(
        GR_MODEL(.net = net, .data = data, .normalize = GR_NORMALIZE_NONE, .seed = 3), &model));
    return model;
}

static void test_autoencoder(void **state)
{
    (void)state;
    gr_dataset *data = own_data(50);
    gr_model *model = own_model(own_autoencoder, data);
    gr_trainer *trainer;
    gr_metrics before, after;
    gr_epoch epoch;
    assert_true(gr_model_own_loss(model));
    assert_false(gr_model_classifies(model));
    assert_string_equal(gr_shape_text(gr_model_output(model)), "[6]");
    assert_int_equal(gr_model_parameters(model), 6 * 3 + 3 + 3 * 6 + 6);
    unit_ok(gr_model_learn_normalizer(model, data));
    unit_ok(gr_model_test(model, data, &before));
    assert_true(isnan(before.accuracy));
    assert_int_equal(before.count, 50);
    assert_int_equal(before.n_figures, 2);
    assert_string_equal(before.figures[0].name, "euclidean");
    assert_string_equal(before.figures[1].name, "largest");
    assert_true(fabs(before.figures[0].value - 3 * before.loss) < 1e-6);

    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.epochs = 40, .batch = 8, .validation = .2), &trainer));
    unit_ok(gr_train(trainer));
    assert_true(gr_trainer_epoch(trainer, 39, &epoch));
    assert_true(isnan(epoch.train_accuracy) && isnan(epoch.val_accuracy));
    assert_true(isfinite(epoch.val_loss));
    unit_ok(gr_model_test(model, data, &after));
    assert_true(after.loss < before.loss / 2);
    gr_metrics_clear(&before), gr_metrics_clear(&after);
    gr_trainer_free(trainer), gr_model_free(model), gr_dataset_free(data);
}

/* A prediction is the result, which stands before the loss, and the file keeps both. */
static void test_files(void **state)
{
    (void)state;
    const char *path = test_files_path("own.safetensors");
    gr_dataset *data = own_data(20);
    gr_model *model = own_model(own_autoencoder, data), *read;
    float x[2 * 6], y[2][12];
    for (int i = 0; i < 12; i++) x[i] = (float)i / 10;
    gr_tensor batch = {GR_F32, GR_SHAPE(2, 2, 3), x};
    unit_ok(gr_model_learn_normalizer(model, data));
    unit_ok(gr_model_predict(model, &batch, y[0]));
    unit_ok(gr_model_save(model, path));
    unit_ok(gr_model_load(path, NULL, &read));
    assert_false(gr_model_classifies(read));
    unit_ok(gr_model_predict(read, &batch, y[1]));
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    gr_model_free(read), gr_model_free(model), gr_dataset_free(data);
}

/* A loss of its own beside scores: the model still classifies. The same loss gives the same bits.
 */
static void test_scores(void **state)
{
    (void)state;
    gr_dataset *data = own_data(30);
    const char *const nets[] = {"scores = fc(4) |> relu |> fc(2)",
                                "scores = fc(4) |> relu |> fc(2)\n"
                                "loss = softmax_cross_entropy(scores, y)\n"
                                "right = accuracy(scores, y)"};
    gr_metrics m[2];
    for (int i = 0; i < 2; i++) {
        gr_model *model = own_model(nets[i], data);
        gr_trainer *trainer;
        assert_true(gr_model_classifies(model));
        assert_true(gr_model_own_loss(model) == (i == 1));
        unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.epochs = 10, .batch = 7), &trainer));
        unit_ok(gr_train(trainer));
        unit_ok(gr_model_test(model, data, &m[i]));
        if (i == 1) assert_true(fabs(m[1].figures[0].value - m[1].accuracy) < 1e-6);
        gr_trainer_free(trainer), gr_model_free(model);
    }
    assert_true(m[0].loss == m[1].loss && m[0].correct == m[1].correct);
    gr_metrics_clear(&m[0]), gr_metrics_clear(&m[1]);
    gr_dataset_free(data);
}

/* Pairs of neighbours: the net of one row is made as well, where there are none. */
static void test_pairs(void **state)
{
    (void)state;
    gr_dataset *data = own_data(40);
    gr_model *model = own_model("f = fc(8) |> tanh |> fc(2)\n"
                                "loss = contrastive_loss(f[:-1], f[1:], y[:-1] == y[1:])",
                                data);
    gr_trainer *trainer;
    gr_metrics before, after;
    unit_ok(gr_model_learn_normalizer(model, data));
    unit_ok(gr_model_test(model, data, &before));
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.epochs = 60, .batch = 16), &trainer));
    unit_ok(gr_train(trainer));
    unit_ok(gr_model_test(model, data, &after));
    if (!(after.loss < before.loss / 2)) fail_msg("%g, then %g", before.loss, after.loss);
    gr_metrics_clear(&before), gr_metrics_clear(&after);
    gr_trainer_free(trainer), gr_model_free(model), gr_dataset_free(data);
}

static void test_refusals(void **state)
{
    (void)state;
    const struct {
        const char *net, *words;
        gr_status status;
    } cases[] = {
        {"a = fc(3)\nloss = square(a)", "'loss' of the net is f32[1,3]: should be one number",
         GR_SHAPE},
        {"a = fc(3)\nloss = mean(a)\nb = square(a)", "'b' of the net is f32[1,3]", GR_SHAPE},
        {"a = fc(3)\nloss = mean(a)\nmean(a)", "behind a net's loss should have a name",
         GR_INVALID},
        {"a = mean(x |> fc(3))\nloss = a * 2", "the net gives f32[] for 1 example: should be f32",
         GR_SHAPE},
        {"scores = fc(3)\nloss = mean(scores)",
         "the net gives f32[1,3] for 1 example: should be f32[1,2]", GR_SHAPE},
        {"a = fc(3)\nb = a + y", "'y' has no value", GR_NOT_FOUND},
        {"loss = fc(3)", "a score for each of the 2 classes", GR_SHAPE},
        {"a = fc(3)\nloss = contrastive_loss(a, a, y[:0])",
         "pairs of rows of [1,3] with `same` [0]: should be [1]", GR_SHAPE},
        {"a = fc(3)\nloss = mse(a, a, reduce=\"all\")", "reduce is \"mean\", \"sum\" or \"none\"",
         GR_SYNTAX},
        {"a = fc(3)\nloss = contrastive_loss(a, a, y, margin=-1)", "margin is positive, not -1",
         GR_SYNTAX},
    };
    gr_dataset *data = own_data(10);
    gr_model *model;
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_status status = gr_model_new(GR_MODEL(.net = cases[i].net, .data = data), &model);
        if (status != cases[i].status || !strstr(gr_message(), cases[i].words))
            fail_msg("%s: %s: %s", cases[i].net, gr_status_text(status), gr_message());
    }
    unit_refused(
        gr_model_new(GR_MODEL(.net = own_autoencoder, .data = data, .smoothing = .1), &model),
        GR_INVALID, "the net has a loss of its own");

    gr_trainer *trainer;
    model = own_model(own_autoencoder, data);
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.validation = .2, .monitor = GR_MONITOR_ACCURACY),
                                &trainer),
                 GR_INVALID, "there is no accuracy to monitor");
    gr_model_free(model), gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_autoencoder), cmocka_unit_test(test_files),
        cmocka_unit_test(test_scores),      cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
