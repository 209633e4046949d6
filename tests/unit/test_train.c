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

/* One training from a fresh model to its file. */
typedef struct train_case {
    gr_recipe *recipe;
    int64_t rows, stop_at; /* stop_at: end there, with a checkpoint; 0: do not */
    uint64_t model_seed;
    gr_trainer_options options;
} train_case;

static train_case case_of(gr_recipe *recipe)
{
    return (train_case){.recipe = recipe,
                        .rows = 250,
                        .model_seed = 3,
                        .options = {.size = sizeof(gr_trainer_options),
                                    .batch = 32,
                                    .epochs = 4,
                                    .validation = 0.2,
                                    .keep_best = true}};
}

/* Trains and writes folder/name; resumes from `from` first, unless it is NULL. */
static void case_run(const train_case *c, const char *from, const char *name)
{
    gr_dataset *data = test_points(c->rows, 1, 1);
    gr_model *model = test_model(c->recipe, data, c->model_seed);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL, &c->options, &t));
    if (from) unit_ok(gr_trainer_resume(t, from));
    for (;;) {
        gr_train_event event;
        unit_ok(gr_train_step(t, &event));
        if (event == GR_TRAIN_FINISHED || event == GR_TRAIN_EARLY) break;
        if (event == GR_TRAIN_STOPPED) break;
        if (event == GR_TRAIN_STEP && gr_trainer_report(t).now.step == c->stop_at)
            gr_trainer_stop(t);
    }
    unit_ok(gr_model_save(model, test_files_path(name)));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
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

/* A rate so high that validation gets worse soon: training stops `patience` epochs after the best,
 * and the model is that of the best epoch. */
static void test_early_and_best(void **state)
{
    (void)state;
    gr_dataset *data = test_points(120, 1.5, 1), *val = test_points(120, 1.5, 2);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    gr_metrics m;
    gr_epoch epoch;
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

/* ---- Sameness ------------------------------------------------------------------------------- */

static void test_same_bytes(void **state)
{
    (void)state;
    train_case c = case_of(test_moody_recipe);
    case_run(&c, NULL, "a.safetensors");
    case_run(&c, NULL, "b.safetensors");
    assert_true(
        test_same_files(test_files_path("a.safetensors"), test_files_path("b.safetensors")));
    c.model_seed++;
    case_run(&c, NULL, "c.safetensors");
    assert_false(
        test_same_files(test_files_path("a.safetensors"), test_files_path("c.safetensors")));
}

/* Trains a net with convolutions on noise and writes folder/name. */
static void case_convolutions(int threads, bool exact, const char *name)
{
    enum { ROWS = 90, PIXELS = 2 * 14 * 14 };
    gr_tensor x;
    int32_t labels[ROWS];
    gr_dataset *data;
    gr_model *model;
    gr_trainer *t;
    gr_rng rng = gr_rng_new(1, 2);
    unit_ok(gr_tensor_new(GR_U8, GR_SHAPE(ROWS, 2, 14, 14), &x));
    for (int i = 0; i < ROWS * PIXELS; i++) ((uint8_t *)x.data)[i] = (uint8_t)gr_rng_u64(&rng);
    for (int i = 0; i < ROWS; i++) labels[i] = i % 5;
    unit_ok(gr_dataset_new("noise", &x, labels, 5, NULL, &data));
    unit_ok(gr_model_new(GR_MODEL(.net = "conv(9,3,pad=1) |> batchnorm |> relu |> maxpool(2) |> "
                                         "conv(17,3) |> relu |> fc(40) |> relu |> dropout(.3) |> "
                                         "fc(5)",
                                  .data = data, .threads = threads, .exact = exact, .seed = 4),
                         &model));
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = 32, .epochs = 4), &t));
    unit_ok(gr_train(t));
    unit_ok(gr_model_save(model, test_files_path(name)));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
    gr_tensor_clear(&x);
}

static void test_same_bytes_for_threads(void **state)
{
    (void)state;
    case_convolutions(2, false, "a.safetensors");
    case_convolutions(2, false, "b.safetensors");
    assert_true(
        test_same_files(test_files_path("a.safetensors"), test_files_path("b.safetensors")));
    case_convolutions(1, true, "exact.safetensors");
    for (int threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1) {
        case_convolutions(threads, true, "threads.safetensors");
        if (!test_same_files(test_files_path("exact.safetensors"),
                             test_files_path("threads.safetensors")))
            fail_msg("exact: %d threads give another model than 1", threads);
    }
}

/* Stopped after every step in turn (also at the ends of epochs and of the training) and resumed,
 * the result is the same to the last bit. Each kind of optimiser has its own state. */
static void test_resume(void **state)
{
    (void)state;
    const test_path checkpoint = path_of("resume.safetensors");
    for (int kind = GR_SGD; kind <= GR_ADAMW; kind++) {
        train_case c = case_of(test_moody_recipe);
        c.options.optimizer = GR_OPTIMIZER((gr_optimizer_kind)kind, .momentum = 0.9, .rate = 0.03,
                                           .schedule = {.kind = GR_SCHEDULE_COSINE, .warmup = 3});
        c.options.checkpoint = checkpoint.text;
        case_run(&c, NULL, "whole.safetensors");
        for (int64_t stop = 1 + kind; stop <= 28; stop += GR_ADAMW) {
            c.stop_at = stop;
            case_run(&c, NULL, "part.safetensors");
            c.stop_at = 0;
            case_run(&c, checkpoint.text, "resumed.safetensors");
            if (!test_same_files(test_files_path("whole.safetensors"),
                                 test_files_path("resumed.safetensors")))
                fail_msg("%s: resumed after step %lld, the result differs",
                         gr_optimizer_name((gr_optimizer_kind)kind), (long long)stop);
        }
    }
}

/* The history of a resumed training is that of the whole one; more epochs may be asked for. */
static void test_resume_history(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_epoch whole[3], part;
    const test_path path = path_of("history.safetensors");
    for (int64_t epochs = 3; epochs >= 1; epochs -= 2) {
        gr_model *model = test_model(NULL, data, 3);
        gr_trainer *t;
        unit_ok(gr_trainer_new(
            model, data, NULL,
            GR_TRAINER(.epochs = epochs, .validation = 0.2, .checkpoint = path.text), &t));
        unit_ok(gr_train(t));
        for (int64_t i = 0; epochs == 3 && i < 3; i++)
            assert_true(gr_trainer_epoch(t, i, &whole[i]));
        gr_trainer_free(t);
        gr_model_free(model);
    }
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.epochs = 3, .validation = 0.2), &t));
    unit_ok(gr_trainer_resume(t, path.text));
    assert_int_equal(gr_trainer_epochs(t), 1);
    unit_ok(gr_train(t));
    for (int64_t i = 0; i < 3; i++) {
        assert_true(gr_trainer_epoch(t, i, &part));
        assert_int_equal(part.step, whole[i].step);
        assert_true(part.train_loss == whole[i].train_loss && part.val_loss == whole[i].val_loss);
    }
    gr_trainer_free(t);
    gr_model_free(model);
    /* A checkpoint is a model as well. */
    unit_ok(gr_model_load(path.text, GR_MODEL(.recipe = test_recipe), &model));
    assert_int_equal(gr_store_size(gr_model_store(model)), 4);
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

static void refuse_resume(train_case c, const char *path, gr_status status, const char *words)
{
    gr_dataset *data = test_points(c.rows, 1, 1);
    gr_model *model = test_model(c.recipe, data, c.model_seed);
    gr_trainer *t;
    unit_ok(gr_model_save(model, test_files_path("before.safetensors")));
    unit_ok(gr_trainer_new(model, data, NULL, &c.options, &t));
    unit_refused(gr_trainer_resume(t, path), status, words);
    assert_int_equal(gr_trainer_report(t).now.step, 0);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_resume_refused(void **state)
{
    (void)state;
    const test_path path = path_of("mine.safetensors");
    train_case c = case_of(NULL), other = c;
    c.stop_at = 5;
    c.options.checkpoint = path.text;
    case_run(&c, NULL, "part.safetensors");
    refuse_resume(c, test_files_path("none"), GR_NOT_FOUND, "none");
    refuse_resume(c, test_files_path("part.safetensors"), GR_FORMAT, "this is no checkpoint");
    other.recipe = test_moody_recipe;
    refuse_resume(other, path.text, GR_SHAPE,
                  "variable 'hidden/weight' is f32[8,4]: should be f32[16,4]");
    other = c;
    other.options.batch = 31;
    refuse_resume(other, path.text, GR_INVALID, "its batch is '32', here it is '31'");
    other = c;
    other.rows = 251;
    refuse_resume(other, path.text, GR_INVALID, "its data is '200 examples with hash");
    other = c;
    other.model_seed = 4;
    refuse_resume(other, path.text, GR_INVALID, "its seed is '3', here it is '4'");
    other = c;
    other.options.optimizer = GR_OPTIMIZER(GR_SGD);
    refuse_resume(other, path.text, GR_INVALID, "its optimizer is 'adam', here it is 'sgd'");
    other.options.optimizer = GR_OPTIMIZER(GR_ADAM, .l2 = 0.5);
    refuse_resume(other, path.text, GR_INVALID, "its optimizer_numbers is");
    other = c;
    other.options.in_order = true;
    refuse_resume(other, path.text, GR_INVALID, "its order is 'shuffled'");
}

/* One byte changed anywhere, or the file cut anywhere. */
static void test_resume_damaged(void **state)
{
    (void)state;
    const test_path path = path_of("good.safetensors"), bad = path_of("bad");
    train_case c = case_of(NULL);
    c.stop_at = 5;
    c.options.checkpoint = path.text;
    case_run(&c, NULL, "part.safetensors");
    FILE *file = fopen(path.text, "rb");
    assert_non_null(file);
    static char bytes[1 << 16];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 1000 && size < sizeof bytes);
    gr_dataset *data = test_points(c.rows, 1, 1);
    gr_model *model = test_model(c.recipe, data, c.model_seed);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL, &c.options, &t));
    for (size_t at = 0; at < size; at += 97) {
        bytes[at] ^= 4;
        test_files_write("bad", bytes, size);
        assert_int_not_equal(gr_trainer_resume(t, bad.text), GR_OK);
        bytes[at] ^= 4;
        test_files_write("bad", bytes, at);
        assert_int_not_equal(gr_trainer_resume(t, bad.text), GR_OK);
    }
    assert_int_equal(gr_trainer_report(t).now.step, 0);
    unit_ok(gr_trainer_resume(t, path.text));
    assert_int_equal(gr_trainer_report(t).now.step, 5);
    gr_trainer_free(t);
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

static void test_failing_memory(void **state)
{
    (void)state;
    const test_path path = path_of("memory.safetensors");
    gr_dataset *data = test_points(9, 0.3, 1);
    for (long fail_at = 1;; fail_at++) {
        test_memory memory;
        gr_model *model = NULL;
        gr_trainer *t = NULL;
        test_memory_start(&memory, fail_at);
        gr_status status =
            gr_model_new(GR_MODEL(.recipe = test_recipe, .data = data, .threads = 1), &model);
        if (status == GR_OK)
            status = gr_trainer_new(model, data, NULL,
                                    GR_TRAINER(.batch = 4, .epochs = 1, .validation = 0.4,
                                               .keep_best = true, .checkpoint = path.text),
                                    &t);
        if (status == GR_OK) status = gr_train(t);
        if (status == GR_OK) status = gr_trainer_resume(t, path.text);
        gr_trainer_free(t);
        gr_model_free(model);
        bool done = status == GR_OK && memory.calls < fail_at;
        test_memory_stop(&memory);
        if (done) break;
        assert_true(status == GR_NO_MEMORY || status == GR_OK);
    }
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
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_same_bytes_for_threads),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_resume_history),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_numbers_that_burst),
        cmocka_unit_test(test_resume_refused),
        cmocka_unit_test(test_resume_damaged),
        cmocka_unit_test(test_checkpoint_that_cannot_be_written),
        cmocka_unit_test(test_failing_memory),
        cmocka_unit_test(test_iris),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
