/* Statistics of layers: against the outputs of one example at a time, and against a step. */
#include "support_train.h"

#include "support_memory.h"

#include <gradus/inspect.h>
#include <math.h>

enum { POINTS = 70 }; /* a batch of 64 and a smaller one */

static const char net_text[] = "dense(6) |> relu |> dense(5, name=\"mid\") |> tanh |> dense(4) |> "
                               "prelu |> power(scale=0.5) |> dense(3)";

static gr_model *inspect_model(const gr_dataset *data, const char *net)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.net = net, .data = data, .seed = 3), &model));
    unit_ok(gr_model_learn_normalizer(model, data));
    return model;
}

/* Sets an element of a variable. */
static void inspect_set(gr_model *model, const char *name, int at, float value)
{
    gr_store *store = gr_model_store(model);
    gr_tensor type = gr_store_type(store, gr_store_find(store, name));
    const size_t bytes = gr_tensor_bytes(&type);
    float *data = malloc(bytes);
    unit_ok(gr_store_read(store, name, data, bytes));
    data[at] = value;
    unit_ok(gr_store_write(store, name, data, bytes));
    free(data);
}

/* What the definition says of layer k, from the outputs for each example. */
typedef struct expectation {
    double count, sum, squares, least, most, flat;
    bool alive[8];
} expectation;

static void expect_example(expectation *e, const gr_layer_output *layer, const gr_layer_output *in)
{
    const int units = (int)gr_shape_count(layer->value.shape);
    for (int i = 0; i < units; i++) {
        const double y = gr_tensor_at(&layer->value, i);
        const double x = in ? gr_tensor_at(&in->value, i) : 0;
        e->least = e->count == 0 ? y : fmin(e->least, y);
        e->most = e->count == 0 ? y : fmax(e->most, y);
        e->count++;
        e->sum += y;
        e->squares += y * y;
        e->alive[i] = e->alive[i] || y != 0;
        const double slope = !strcmp(layer->kind, "tanh")   ? 1 - y * y
                             : !strcmp(layer->kind, "relu") ? x > 0
                             : x > 0                        ? 1
                                                            : 0.25;
        e->flat += slope < 0.3;
    }
}

/* Examples in batches are other products than examples one by one, added in another order. */
static bool is_rounded(double value, double other)
{
    return fabs(value - other) <= 1e-6 * (1 + fabs(other));
}

static void test_statistics(void **state)
{
    (void)state;
    gr_dataset *data = test_points(POINTS, 0.5, 1);
    gr_model *model = inspect_model(data, net_text);
    gr_inspection *found;
    inspect_set(model, "fc1/bias", 2, -100); /* a dead unit */
    unit_ok(gr_inspect(model, data, GR_INSPECT(.bound = 0.3), &found));
    assert_int_equal(found->count, 8);
    assert_int_equal(found->examples, POINTS);
    expectation expected[8] = {{0}};
    for (int i = 0; i < POINTS; i++) {
        gr_tensor x = {GR_F32, gr_dataset_shape(data), (void *)gr_dataset_example(data, i)};
        gr_layer_outputs *outputs;
        unit_ok(gr_layer_outputs_new(model, &x, &outputs));
        assert_int_equal(outputs->count, 8);
        for (int k = 0; k < 8; k++)
            expect_example(&expected[k], &outputs->layers[k], k ? &outputs->layers[k - 1] : NULL);
        gr_layer_outputs_free(outputs);
    }
    for (int k = 0; k < 8; k++) {
        const gr_layer_stats *layer = &found->layers[k];
        const expectation *e = &expected[k];
        const double mean = e->sum / e->count;
        int dead = 0;
        for (int i = 0; i < layer->units; i++) dead += !e->alive[i];
        assert_true(fabs(layer->mean - mean) < 1e-5 * (1 + fabs(mean)));
        assert_true(fabs(layer->deviation - sqrt(e->squares / e->count - mean * mean)) < 1e-4);
        assert_true(is_rounded(layer->least, e->least) && is_rounded(layer->most, e->most));
        assert_int_equal(layer->units, gr_shape_count(layer->output));
        assert_int_equal(layer->dead, dead);
        assert_int_equal(layer->activation, k == 1 || k == 3 || k == 5);
        if (layer->activation) assert_true(fabs(layer->saturated - e->flat / e->count) < 1e-6);
        assert_int_equal(layer->n_sample, (int64_t)e->count); /* few: all of them */
    }
    assert_true(found->layers[1].dead >= 1);
    assert_string_equal(found->layers[2].name, "mid");
    assert_true(isnan(found->layers[0].saturated) && isnan(found->layers[6].saturated));
    gr_inspection_free(found);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* A step of plain gradient descent on all examples moves the weights by rate·gradient_norm. */
static void test_gradients(void **state)
{
    (void)state;
    gr_dataset *data = test_points(POINTS, 0.5, 2);
    gr_model *model = inspect_model(data, net_text);
    gr_inspection *found;
    gr_trainer *trainer;
    float before[4 * 6], after[4 * 6], bias[6], bias_after[6];
    unit_ok(gr_inspect(model, data, GR_INSPECT(.rows = POINTS), &found));
    unit_ok(gr_store_read(gr_model_store(model), "fc1/weight", before, sizeof before));
    unit_ok(gr_store_read(gr_model_store(model), "fc1/bias", bias, sizeof bias));
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(.kind = GR_SGD, .rate = 0.5),
                                      .batch = POINTS, .steps = 1),
                           &trainer));
    unit_ok(gr_train(trainer));
    unit_ok(gr_store_read(gr_model_store(model), "fc1/weight", after, sizeof after));
    unit_ok(gr_store_read(gr_model_store(model), "fc1/bias", bias_after, sizeof bias_after));
    double moved = 0, norm = 0;
    for (int i = 0; i < 24; i++) {
        moved += pow((double)after[i] - (double)before[i], 2);
        norm += pow((double)before[i], 2);
    }
    for (int i = 0; i < 6; i++) {
        moved += pow((double)bias_after[i] - (double)bias[i], 2);
        norm += pow((double)bias[i], 2);
    }
    const gr_layer_stats *layer = &found->layers[0];
    assert_int_equal(layer->parameters, 30);
    assert_true(fabs(layer->weight_norm - sqrt(norm)) < 1e-6 * sqrt(norm));
    assert_true(fabs(0.5 * layer->gradient_norm - sqrt(moved)) < 1e-4 * sqrt(moved));
    assert_true(fabs(found->loss - gr_trainer_report(trainer).loss) < 1e-5);
    assert_true(isnan(found->layers[1].gradient_norm) && found->layers[1].output_gradient > 0);
    gr_trainer_free(trainer);
    gr_inspection_free(found);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* The norm that a trainer records is that of all layers' gradients together, also where batches are
 * added up, and is in a checkpoint; how far it says that a step went is how far the weights are. */
static void test_trainer_tells(void **state)
{
    (void)state;
    enum { HALF = POINTS / 2 };
    gr_dataset *data = test_points(POINTS, 0.5, 2);
    for (int accumulate = 1; accumulate <= 2; accumulate++) {
        gr_model *model = inspect_model(data, net_text);
        gr_inspection *found;
        gr_trainer *trainer, *other;
        gr_epoch epoch;
        const gr_update *update;
        float before[24], after[24];
        double joint = 0, moved = 0, size = 0;
        const gr_trainer_options *options =
            GR_TRAINER(.optimizer = GR_OPTIMIZER(.kind = GR_SGD, .rate = 0.1, .clip_norm = 0.01),
                       .batch = accumulate == 1 ? POINTS : HALF, .accumulate = accumulate,
                       .epochs = 1, .gradient_norm = true, .updates = true);
        unit_ok(gr_inspect(model, data, GR_INSPECT(.rows = POINTS), &found));
        for (int k = 0; k < found->count; k++)
            if (found->layers[k].parameters > 0) joint += pow(found->layers[k].gradient_norm, 2);
        gr_inspection_free(found);
        unit_ok(gr_store_read(gr_model_store(model), "fc1/weight", before, sizeof before));
        unit_ok(gr_trainer_new(model, data, NULL, options, &trainer));
        assert_int_equal(gr_trainer_updates(trainer, &update), 0);
        unit_ok(gr_train(trainer));
        unit_ok(gr_store_read(gr_model_store(model), "fc1/weight", after, sizeof after));
        assert_true(gr_trainer_epoch(trainer, 0, &epoch));
        assert_true(fabs(epoch.gradient_norm - sqrt(joint)) < 1e-4 * sqrt(joint));
        assert_int_equal(gr_trainer_updates(trainer, &update), 4);
        assert_string_equal(update[0].parameter, "fc1/weight");
        for (int i = 0; i < 24; i++) {
            moved += pow((double)after[i] - (double)before[i], 2);
            size += pow((double)before[i], 2);
        }
        assert_true(fabs(update[0].ratio - sqrt(moved / size)) < 1e-9);
        const char *path = test_files_path("norms.checkpoint");
        unit_ok(gr_trainer_save(trainer, path));
        unit_ok(gr_trainer_new(model, data, NULL, options, &other));
        unit_ok(gr_trainer_resume(other, path));
        gr_epoch again;
        assert_true(gr_trainer_epoch(other, 0, &again));
        assert_true(again.gradient_norm == epoch.gradient_norm);
        gr_trainer_free(other);
        gr_trainer_free(trainer);
        gr_model_free(model);
    }
    gr_dataset_free(data);
}

/* The root of the mean square of the gradient by an output is what the definition says, however
 * the examples fall into batches. */
static void test_batches(void **state)
{
    (void)state;
    gr_dataset *data = test_points(POINTS, 0.5, 4);
    gr_model *model = inspect_model(data, net_text);
    gr_inspection *one, *two;
    unit_ok(gr_inspect(model, data, GR_INSPECT(.rows = POINTS), &one));
    unit_ok(gr_inspect(model, data, GR_INSPECT(.rows = 16), &two));
    for (int k = 0; k < one->count; k++) {
        const gr_layer_stats *a = &one->layers[k], *b = &two->layers[k];
        assert_true(fabs(a->output_gradient - b->output_gradient) < 1e-4 * a->output_gradient);
        assert_true(fabs(a->deviation - b->deviation) < 1e-4 * a->deviation);
        assert_int_equal(a->dead, b->dead);
    }
    assert_true(fabs(one->loss - two->loss) < 1e-5);
    gr_inspection_free(one);
    gr_inspection_free(two);
    unit_ok(gr_inspect(model, data, GR_INSPECT(.forward = true, .sample = -1), &one));
    assert_true(isnan(one->loss) && isnan(one->layers[0].gradient_norm));
    assert_int_equal(one->layers[0].n_sample, 0);
    gr_inspection_free(one);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_channels(void **state)
{
    (void)state;
    gr_tensor x;
    gr_dataset *data;
    gr_inspection *found;
    gr_layer_outputs *outputs;
    int32_t labels[5] = {0, 1, 0, 1, 0};
    unit_ok(gr_tensor_new(GR_U8, GR_SHAPE(5, 1, 6, 7), &x));
    for (int64_t i = 0; i < 5 * 42; i++) gr_tensor_put(&x, i, (double)(i * 37 % 256));
    unit_ok(gr_dataset_new("pictures", &x, labels, 2, NULL, &data));
    gr_model *model = inspect_model(data, "conv(3, 3) |> relu |> maxpool(2) |> fc(2)");
    inspect_set(model, "conv1/bias", 1, -1000);
    unit_ok(gr_inspect(model, data, NULL, &found));
    assert_int_equal(found->layers[1].units, 3);
    assert_int_equal(found->layers[1].dead, 1);
    assert_int_equal(found->layers[2].dead, 1);
    assert_int_equal(found->layers[3].units, 2);
    gr_inspection_free(found);
    gr_tensor one = {GR_U8, GR_SHAPE(1, 6, 7), x.data};
    unit_ok(gr_layer_outputs_new(model, &one, &outputs));
    assert_true(gr_shape_equal(outputs->layers[0].value.shape, GR_SHAPE(3, 4, 5)));
    assert_true(gr_shape_equal(outputs->layers[3].value.shape, GR_SHAPE(2)));
    float scores[2];
    one.shape = GR_SHAPE(1, 1, 6, 7);
    unit_ok(gr_model_predict(model, &one, scores));
    for (int i = 0; i < 2; i++)
        assert_true(fabs(gr_tensor_at(&outputs->layers[3].value, i) - (double)scores[i]) < 1e-5);
    gr_layer_outputs_free(outputs);
    unit_refused(gr_layer_outputs_new(model, &one, &outputs), GR_SHAPE, "[1,1,6,7]");
    one.shape = GR_SHAPE(1, 6, 7);
    one.dtype = GR_I32;
    unit_refused(gr_layer_outputs_new(model, &one, &outputs), GR_DTYPE, "i32");
    gr_model_free(model);
    gr_dataset_free(data);
    gr_tensor_clear(&x);
}

static void test_inspect_refusals(void **state)
{
    (void)state;
    gr_dataset *data = test_points(6, 0.5, 1), *other;
    gr_model *model = inspect_model(data, "fc(3)");
    gr_inspection *found;
    gr_tensor x;
    unit_refused(gr_inspect(model, data, GR_INSPECT(.rows = -1), &found), GR_RANGE, "rows = -1");
    unit_refused(gr_inspect(model, data, GR_INSPECT(.bound = -0.5), &found), GR_RANGE,
                 "bound = -0.5");
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(2, 9), &x));
    unit_ok(gr_dataset_new("wide", &x, NULL, 0, NULL, &other));
    unit_refused(gr_inspect(model, other, NULL, &found), GR_SHAPE, "[9]");
    assert_null(found);
    gr_tensor_clear(&x);
    gr_dataset_free(other);
    gr_model_free(model);
    unit_ok(gr_model_new(GR_MODEL(.net = "fc(3)", .data = data), &model));
    unit_refused(gr_inspect(model, data, NULL, &found), GR_INVALID, "normalisation");
    gr_model_free(model);
    gr_dataset_free(data);
}

/* What is made of two examples, with a model of its own. */
static gr_status inspect_use(gr_model *model, const gr_dataset *data)
{
    gr_inspection *found;
    gr_layer_outputs *outputs;
    float x[4] = {1, 2, 3, 4};
    gr_tensor one = {GR_F32, GR_SHAPE(4), x};
    gr_status status = gr_model_learn_normalizer(model, data);
    if (status == GR_OK) status = gr_inspect(model, data, NULL, &found);
    if (status != GR_OK) return status;
    assert_true(found->layers[1].activation);
    gr_inspection_free(found);
    status = gr_layer_outputs_new(model, &one, &outputs);
    if (status == GR_OK) gr_layer_outputs_free(outputs);
    return status;
}

static gr_status inspect_flow(void *data)
{
    gr_model *model;
    gr_status status =
        gr_model_new(GR_MODEL(.net = "fc(3) |> relu |> fc(3)", .data = data, .seed = 1), &model);
    if (status != GR_OK) return status;
    status = inspect_use(model, data);
    gr_model_free(model);
    return status;
}

static void test_memory_may_run_out(void **state)
{
    (void)state;
    gr_dataset *data = test_points(6, 0.5, 1);
    assert_true(test_memory_sweep(inspect_flow, data) > 20);
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_trainer_tells),
        cmocka_unit_test(test_inspect_refusals),
        cmocka_unit_test(test_memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
