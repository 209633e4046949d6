/* Training: what is learnt, what is told, what is refused, and that it is always the same. */
#include <math.h>

#include "support_memory.h"
#include "support_train.h"

/* folder/name in memory of its own: test_files_path has few places. */
typedef struct test_path {
    char text[256];
} test_path;

static test_path path_of(const char *name)
{
    test_path path;
    snprintf(path.text, sizeof path.text, "%s", test_files_path(name));
    return path;
}

static double case_accuracy(gr_model *model, const gr_dataset *data)
{
    gr_metrics m;
    unit_ok(gr_model_test(model, data, &m));
    double accuracy = m.accuracy;
    gr_metrics_clear(&m);
    return accuracy;
}

/* ---- Learning ------------------------------------------------------------------------------- */

static void test_learns(void **state)
{
    (void)state;
    gr_dataset *data = test_points(300, 0.2, 1), *fresh = test_points(300, 0.2, 2);
    for (int loss = 0; loss < GR_LOSS_COUNT; loss++) {
        gr_model *model;
        gr_trainer *t;
        unit_ok(gr_model_new(
            GR_MODEL(.recipe = test_recipe, .data = data, .seed = 1, .loss = (gr_loss_kind)loss),
            &model));
        unit_ok(gr_trainer_new(
            model, data, NULL,
            GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.02), .epochs = 20), &t));
        unit_ok(gr_train(t));
        if (case_accuracy(model, fresh) < 0.98)
            fail_msg("loss %s: accuracy %g", gr_loss_name((gr_loss_kind)loss),
                     case_accuracy(model, fresh));
        gr_trainer_free(t);
        gr_model_free(model);
    }
    gr_dataset_free(data);
    gr_dataset_free(fresh);
}

/* A batch of 100 on 250 rows: two full ones, one of 50. The epoch's mean is over rows: with a rate
 * of practically 0 it is the loss of the model on the data. */
static void test_last_batch(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_metrics m;
    gr_trainer *t;
    gr_train_event event;
    unit_ok(gr_trainer_new(
        model, data, NULL,
        GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .rate = 1e-20), .batch = 100, .epochs = 1),
        &t));
    static const int64_t correct_rows[] = {100, 200, 250};
    for (int i = 0; i < 3; i++) {
        unit_ok(gr_train_step(t, &event));
        assert_int_equal(event, GR_TRAIN_STEP);
        gr_train_report r = gr_trainer_report(t);
        double hits = r.now.train_accuracy * (double)correct_rows[i];
        assert_true(fabs(hits - nearbyint(hits)) < 1e-9);
        assert_int_equal(r.epoch_step, i + 1);
        assert_int_equal(r.now.epoch, 1);
    }
    unit_ok(gr_train_step(t, &event));
    assert_int_equal(event, GR_TRAIN_EPOCH);
    gr_train_report r = gr_trainer_report(t);
    unit_ok(gr_model_test(model, data, &m));
    assert_true(fabs(r.now.train_loss - m.loss) < 1e-6);
    assert_true(fabs(r.now.train_accuracy - m.accuracy) < 1e-12);
    assert_true(isnan(r.now.val_loss));
    unit_ok(gr_train_step(t, &event));
    assert_int_equal(event, GR_TRAIN_FINISHED);
    unit_ok(gr_train_step(t, &event));
    assert_int_equal(event, GR_TRAIN_FINISHED);
    gr_metrics_clear(&m);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* Limits in steps end within an epoch, which is validated all the same. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        int64_t epochs, steps;
        bool drop_last;
        int64_t expected, epochs_ended;
    } lengths[] = {{2, 0, false, 6, 2},  {2, 0, true, 4, 2},  {0, 7, false, 7, 3},
                   {2, 5, false, 5, 2},  {1, 5, false, 3, 1}, {0, 2, true, 2, 1},
                   {0, 0, false, 30, 10}};
    gr_dataset *data = test_points(250, 1, 1), *val = test_points(30, 1, 2);
    for (size_t i = 0; i < GR_LEN(lengths); i++) {
        gr_model *model = test_model(NULL, data, 3);
        gr_trainer *t;
        unit_ok(
            gr_trainer_new(model, data, val,
                           GR_TRAINER(.batch = 100, .epochs = lengths[i].epochs,
                                      .steps = lengths[i].steps, .drop_last = lengths[i].drop_last),
                           &t));
        unit_ok(gr_train(t));
        gr_train_report r = gr_trainer_report(t);
        assert_int_equal(r.now.step, lengths[i].expected);
        assert_int_equal(r.steps, lengths[i].expected);
        assert_int_equal(gr_trainer_epochs(t), lengths[i].epochs_ended);
        assert_int_equal(r.epochs, lengths[i].epochs_ended);
        assert_true(r.now.val_loss > 0);
        gr_trainer_free(t);
        gr_model_free(model);
    }
    gr_dataset_free(data);
    gr_dataset_free(val);
}

/* ---- Early stopping and the best ------------------------------------------------------------ */

/* With a rate so high that validation soon gets worse, training stops `patience` epochs after the
 * best, and the model is that of the best epoch. Returns the epochs before the best one that were
 * no improvement. */
static int check_early(uint64_t seed)
{
    gr_dataset *data = test_points(120, 1.5, 1), *val = test_points(120, 1.5, 2);
    gr_model *model = test_model(NULL, data, seed);
    gr_trainer *t;
    gr_metrics m;
    gr_epoch epoch;
    int bumps = 0;
    double least = INFINITY;
    unit_ok(gr_trainer_new(model, data, val,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.1),
                                      .epochs = 200, .patience = 3, .keep_best = true),
                           &t));
    unit_ok(gr_train(t));
    gr_train_report r = gr_trainer_report(t);
    int64_t ended = gr_trainer_epochs(t);
    assert_true(ended < 200);
    assert_int_equal(ended, r.best.epoch + 3);
    for (int64_t i = 0; gr_trainer_epoch(t, i, &epoch); i++) {
        assert_int_equal(epoch.epoch, i + 1);
        assert_true(epoch.val_loss >= r.best.val_loss);
        bumps += epoch.val_loss >= least && epoch.epoch < r.best.epoch;
        least = fmin(least, epoch.val_loss);
    }
    unit_ok(gr_model_test(model, val, &m));
    assert_true(m.loss == r.best.val_loss);
    assert_true(m.accuracy == r.best.val_accuracy);
    assert_true(m.loss < r.now.val_loss);
    gr_metrics_clear(&m);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
    gr_dataset_free(val);
    return bumps;
}

static void test_early_and_best(void **state)
{
    (void)state;
    int bumps = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) bumps += check_early(seed);
    assert_true(bumps > 0); /* or it would not show that patience starts anew */
}

static void test_monitor_accuracy(void **state)
{
    (void)state;
    gr_dataset *data = test_points(120, 1.5, 1), *val = test_points(120, 1.5, 2);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    gr_epoch epoch;
    unit_ok(gr_trainer_new(model, data, val,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.1), .epochs = 20,
                                      .monitor = GR_MONITOR_ACCURACY, .keep_best = true),
                           &t));
    unit_ok(gr_train(t));
    gr_epoch best = gr_trainer_report(t).best;
    for (int64_t i = 0; gr_trainer_epoch(t, i, &epoch); i++)
        assert_true(epoch.val_accuracy < best.val_accuracy ||
                    (epoch.val_accuracy == best.val_accuracy && epoch.epoch >= best.epoch));
    assert_true(case_accuracy(model, val) == best.val_accuracy);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
    gr_dataset_free(val);
}

/* ---- Callbacks and stopping ----------------------------------------------------------------- */

typedef struct call_counts {
    int64_t of[GR_TRAIN_STOPPED + 1], stop_after;
} call_counts;

static void count_calls(void *user, gr_trainer *trainer, gr_train_event event)
{
    call_counts *counts = user;
    counts->of[event]++;
    if (event == GR_TRAIN_STEP && counts->of[event] == counts->stop_after) gr_trainer_stop(trainer);
}

static void test_callbacks(void **state)
{
    (void)state;
    call_counts counts = {.stop_after = 4};
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    const test_path path = path_of("stop.safetensors");
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.batch = 100, .epochs = 3, .callback = count_calls,
                                      .user = &counts, .checkpoint = path.text),
                           &t));
    unit_refused(gr_train(t), GR_CANCELLED, "stopped on request after step 4; '");
    assert_int_equal(counts.of[GR_TRAIN_STEP], 4);
    assert_int_equal(counts.of[GR_TRAIN_EPOCH], 1);
    assert_int_equal(counts.of[GR_TRAIN_STOPPED], 1);
    FILE *file = fopen(path.text, "rb");
    assert_non_null(file);
    fclose(file);
    counts.stop_after = 0;
    unit_ok(gr_train(t));
    assert_int_equal(counts.of[GR_TRAIN_STEP], 9);
    assert_int_equal(counts.of[GR_TRAIN_EPOCH], 3);
    assert_int_equal(counts.of[GR_TRAIN_FINISHED], 1);
    gr_train_report r = gr_trainer_report(t);
    assert_true(r.eta == 0 && r.rows_per_second > 0 && r.now.seconds > 0);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* A second trainer on a model begins anew, as one on a loaded model does. */
static void test_training_again(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(NULL, data, 3), *loaded;
    const gr_trainer_options *options =
        GR_TRAINER(.batch = 100, .epochs = 2, .optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.01));
    for (int round = 0; round < 2; round++) {
        gr_trainer *t;
        unit_ok(gr_trainer_new(model, data, NULL, options, &t));
        unit_ok(gr_train(t));
        gr_trainer_free(t);
        if (round == 1) break;
        unit_ok(gr_model_save(model, test_files_path("once.safetensors")));
    }
    unit_ok(gr_model_save(model, test_files_path("twice.safetensors")));
    unit_ok(gr_model_load(test_files_path("once.safetensors"),
                          GR_MODEL(.recipe = test_recipe, .threads = 1), &loaded));
    gr_trainer *t;
    unit_ok(gr_trainer_new(loaded, data, NULL, options, &t));
    unit_ok(gr_train(t));
    unit_ok(gr_model_save(loaded, test_files_path("loaded.safetensors")));
    assert_true(test_same_files(test_files_path("twice.safetensors"),
                                test_files_path("loaded.safetensors")));
    assert_false(
        test_same_files(test_files_path("once.safetensors"), test_files_path("twice.safetensors")));
    gr_trainer_free(t);
    gr_model_free(loaded);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1), *two = test_points(2, 1, 1), *images;
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    static const int32_t labels[] = {0, 2};
    float x[2 * 9] = {0};
    gr_tensor nine = {GR_F32, GR_SHAPE(2, 1, 3, 3), x};
    unit_ok(gr_dataset_new("nine", &nine, labels, 3, NULL, &images));
    unit_refused(gr_trainer_new(model, images, NULL, NULL, &t), GR_SHAPE,
                 "an example of 'nine' is [1,3,3], but the model takes [4]");
    unit_refused(gr_trainer_new(model, data, images, NULL, &t), GR_SHAPE, "'nine'");
    unit_refused(gr_trainer_new(model, NULL, NULL, NULL, &t), GR_INVALID, "no data");
    unit_refused(gr_trainer_new(model, two, NULL, GR_TRAINER(.validation = 0.1), &t), GR_INVALID,
                 "'points'");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.validation = 1), &t), GR_INVALID,
                 "validation = 1: should be in [0, 1)");
    unit_refused(gr_trainer_new(model, data, data, GR_TRAINER(.validation = 0.1), &t), GR_INVALID,
                 "one of them");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.patience = 2), &t), GR_INVALID,
                 "patience needs validation");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.keep_best = true), &t), GR_INVALID,
                 "keep_best needs validation");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = -1), &t), GR_INVALID,
                 "batch = -1");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.checkpoint_steps = 5), &t),
                 GR_INVALID, "no file");
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .beta1 = 2)), &t),
                 GR_INVALID, "beta1 = 2");
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .schedule.n_at = 17)),
                                &t),
                 GR_INVALID, "17 steps in `at`");
    assert_null(t);
    /* Batch norm and a last batch of one row. */
    gr_model *moody = test_model(test_moody_recipe, data, 3);
    unit_refused(gr_trainer_new(moody, data, NULL, GR_TRAINER(.batch = 83), &t), GR_SHAPE,
                 "of 1 of 250 examples (drop_last would leave it out): batchnorm");
    unit_ok(gr_trainer_new(moody, data, NULL, GR_TRAINER(.batch = 83, .drop_last = true), &t));
    gr_trainer_free(t);
    gr_model_free(moody);
    gr_model_free(model);
    gr_dataset_free(images);
    gr_dataset_free(two);
    gr_dataset_free(data);
}

static void test_numbers_that_burst(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model;
    gr_trainer *t;
    const test_path path = path_of("burst.safetensors");
    unit_ok(
        gr_model_new(GR_MODEL(.recipe = test_recipe, .data = data, .loss = GR_LOSS_MSE), &model));
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .rate = 1e9), .epochs = 50,
                                      .checkpoint = path.text, .checkpoint_steps = 1),
                           &t));
    gr_status status;
    gr_train_event event;
    do {
        status = gr_train_step(t, &event);
    } while (status == GR_OK && event != GR_TRAIN_FINISHED);
    unit_refused(status, GR_NUMERIC, "epoch ");
    unit_refused(gr_train_step(t, &event), GR_NUMERIC, "step ");
    gr_trainer_free(t);
    gr_model_free(model);
    /* What was saved last is still whole. */
    unit_ok(gr_model_load(path.text, GR_MODEL(.recipe = test_recipe), &model));
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_checkpoint_that_cannot_be_written(void **state)
{
    (void)state;
    gr_dataset *data = test_points(100, 1, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.epochs = 1, .checkpoint = "/nonexistent/x.safetensors"),
                           &t));
    unit_refused(gr_train(t), GR_IO, "/nonexistent");
    assert_int_equal(gr_trainer_report(t).now.step, 2);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Memory and real data ------------------------------------------------------------------- */

typedef struct memory_job {
    const gr_dataset *data;
    test_path path;
} memory_job;

static gr_status memory_flow(void *user)
{
    const memory_job *job = user;
    gr_model *model = NULL;
    gr_trainer *t = NULL;
    gr_status status =
        gr_model_new(GR_MODEL(.recipe = test_recipe, .data = job->data, .threads = 1), &model);
    if (status == GR_OK)
        status = gr_trainer_new(model, job->data, NULL,
                                GR_TRAINER(.batch = 4, .epochs = 1, .validation = 0.4,
                                           .keep_best = true, .checkpoint = job->path.text),
                                &t);
    if (status == GR_OK) status = gr_train(t);
    if (status == GR_OK) status = gr_trainer_resume(t, job->path.text);
    gr_trainer_free(t);
    gr_model_free(model);
    return status;
}

static void test_failing_memory(void **state)
{
    (void)state;
    gr_dataset *data = test_points(9, 0.3, 1);
    test_memory_sweep(memory_flow, &(memory_job){data, path_of("memory.safetensors")});
    gr_dataset_free(data);
}

static void test_iris(void **state)
{
    (void)state;
    test_files_real("uci/iris.data");
    gr_dataset *all, *train, *test;
    gr_model *model;
    gr_trainer *t;
    unit_ok(gr_data_open("iris", NULL, &all, NULL));
    unit_ok(gr_dataset_split(all, GR_DATA_SPLIT(.fraction = 0.3, .seed = 1), &train, &test));
    unit_ok(
        gr_model_new(GR_MODEL(.net = "fc(16) |> tanh |> fc(3)", .data = train, .seed = 1), &model));
    unit_ok(gr_trainer_new(
        model, train, NULL,
        GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.01), .batch = 16, .epochs = 60),
        &t));
    unit_ok(gr_train(t));
    assert_true(case_accuracy(model, test) >= 0.95);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(all);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_last_batch),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_early_and_best),
        cmocka_unit_test(test_monitor_accuracy),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_training_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_numbers_that_burst),
        cmocka_unit_test(test_checkpoint_that_cannot_be_written),
        cmocka_unit_test(test_failing_memory),
        cmocka_unit_test(test_iris),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
