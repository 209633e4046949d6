/* Several batches in one step: the update is that of one as large as all of them. And histories by
 * steps. */
#include "support_train.h"

#include <math.h>

#include "run/store.h"
#include "train/model.h"

/* Are the models' parameters the same but for rounding? */
static void check_same_parameters(gr_model *a, gr_model *b, double tolerance)
{
    const gr_store *one = gr_model_store(a), *other = gr_model_store(b);
    int compared = 0;
    for (size_t i = 0; i < one->count; i++) {
        const gr_store_entry *entry = &one->entries[i];
        int at = gr_store_find(other, entry->name);
        if (!gr_model_owns(entry->name)) continue;
        assert_true(at >= 0);
        const float *x = entry->value.data, *y = other->entries[at].value.data;
        for (int64_t k = 0; k < gr_shape_count(entry->value.shape); k++)
            if (!(fabs((double)(x[k] - y[k])) <= tolerance * (1 + fabs((double)x[k]))))
                fail_msg("%s[%d]: %.9g, but %.9g", entry->name, (int)k, (double)x[k], (double)y[k]);
        compared++;
    }
    assert_true(compared >= 4);
}

static gr_model *accumulate_train(const gr_dataset *data, const gr_optimizer *optimizer,
                                  const float *weights, int64_t batch, int64_t accumulate)
{
    gr_model *model;
    gr_trainer *t;
    gr_epoch epoch;
    unit_ok(gr_model_new(GR_MODEL(.recipe = test_recipe, .data = data, .seed = 3, .threads = 1,
                                  .class_weights = weights),
                         &model));
    unit_ok(gr_trainer_new(
        model, data, NULL,
        GR_TRAINER(.optimizer = optimizer, .batch = batch, .accumulate = accumulate, .epochs = 3),
        &t));
    gr_train_report r = gr_trainer_report(t);
    assert_int_equal(r.epoch_steps, 3);
    assert_int_equal(r.steps, 9);
    unit_ok(gr_train(t));
    assert_int_equal(gr_trainer_epochs(t), 3);
    assert_true(gr_trainer_epoch(t, 2, &epoch));
    assert_int_equal(epoch.step, 9);
    gr_trainer_free(t);
    return model;
}

/* 49 rows in steps of 24, 24 and 1; as batches of 8 the last of three is smaller. */
static void test_equals_larger_batch(void **state)
{
    (void)state;
    static const float weights[] = {1, 3, 0.5f};
    const gr_schedule cosine = {.kind = GR_SCHEDULE_COSINE, .warmup = 2};
    const gr_optimizer optimizers[] = {
        *GR_OPTIMIZER(GR_SGD, .rate = .1, .momentum = .9, .weight_decay = .01, .schedule = cosine),
        *GR_OPTIMIZER(GR_ADAM, .rate = .01, .clip_norm = .2, .epsilon = 1e-3),
        *GR_OPTIMIZER(GR_RMSPROP, .rate = .01, .clip_value = .05, .epsilon = 1e-3)};
    gr_dataset *data = test_points(49, 1, 1);
    for (size_t i = 0; i < GR_LEN(optimizers); i++) {
        for (int weighted = 0; weighted < 2; weighted++) {
            const float *w = weighted ? weights : NULL;
            gr_model *large = accumulate_train(data, &optimizers[i], w, 24, 1);
            gr_model *small = accumulate_train(data, &optimizers[i], w, 8, 3);
            check_same_parameters(large, small, 2e-5);
            gr_model_free(large);
            gr_model_free(small);
        }
    }
    gr_dataset_free(data);
}

/* The draws of dropout go on from batch to batch: "step" counts them, "optim/updates" the rest. */
static void test_counters(void **state)
{
    (void)state;
    gr_dataset *data = test_points(49, 1, 1);
    gr_model *model = test_model(test_moody_recipe, data, 3);
    gr_trainer *t;
    int64_t steps, updates;
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.batch = 8, .accumulate = 3, .drop_last = true, .epochs = 2),
                           &t));
    unit_ok(gr_train(t));
    unit_ok(gr_store_read(gr_model_store(model), "step", &steps, sizeof steps));
    unit_ok(gr_store_read(gr_model_store(model), "optim/updates", &updates, sizeof updates));
    assert_int_equal(steps, 12);
    assert_int_equal(updates, 4);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

static gr_trainer *accumulate_trainer(const gr_dataset *data, int64_t accumulate,
                                      int64_t report_steps, gr_model **model)
{
    gr_trainer *t;
    *model = test_model(test_moody_recipe, data, 3);
    unit_ok(gr_trainer_new(*model, data, NULL,
                           GR_TRAINER(.batch = 8, .accumulate = accumulate,
                                      .report_steps = report_steps, .validation = .2, .steps = 11),
                           &t));
    return t;
}

/* A checkpoint at any step goes on to the same bytes, also between two reports. */
static void test_resume(void **state)
{
    (void)state;
    gr_dataset *data = test_points(60, 1, 1);
    gr_model *whole, *part;
    gr_trainer *t = accumulate_trainer(data, 2, 4, &whole), *other;
    const char *saved = test_files_path("saved"), *one = test_files_path("one");
    const char *two = test_files_path("two");
    for (int stop = 1; stop < 11; stop += 3) {
        other = accumulate_trainer(data, 2, 4, &part);
        while (gr_trainer_report(other).now.step < stop) unit_ok(gr_train_step(other, NULL));
        unit_ok(gr_trainer_save(other, saved));
        gr_trainer_free(other);
        gr_model_free(part);
        if (stop == 1) {
            unit_ok(gr_train(t));
            unit_ok(gr_model_save(whole, one));
        }
        other = accumulate_trainer(data, 2, 4, &part);
        unit_ok(gr_trainer_resume(other, saved));
        unit_ok(gr_train(other));
        unit_ok(gr_model_save(part, two));
        assert_true(test_same_files(one, two));
        assert_int_equal(gr_trainer_epochs(other), gr_trainer_epochs(t));
        gr_trainer_free(other);
        gr_model_free(part);
    }
    other = accumulate_trainer(data, 3, 4, &part);
    unit_refused(gr_trainer_resume(other, saved), GR_INVALID,
                 "its accumulate is '2', here it is '3'");
    gr_trainer_free(other);
    gr_model_free(part);
    gr_trainer_free(t);
    gr_model_free(whole);
    gr_dataset_free(data);
}

/* Reports every 4 of 11 steps of epochs of 6: at 4, 8 and the end. They change nothing else. */
static void test_report_steps(void **state)
{
    (void)state;
    static const int64_t steps[] = {4, 8, 11}, epochs[] = {1, 2, 2};
    gr_dataset *data = test_points(60, 1, 1);
    gr_model *by_steps, *by_epochs;
    gr_trainer *t = accumulate_trainer(data, 1, 4, &by_steps);
    gr_trainer *other = accumulate_trainer(data, 1, 0, &by_epochs);
    gr_epoch entry, last;
    unit_ok(gr_train(t));
    unit_ok(gr_train(other));
    assert_int_equal(gr_trainer_epochs(t), 3);
    for (int64_t i = 0; gr_trainer_epoch(t, i, &entry); i++) {
        assert_int_equal(entry.step, steps[i]);
        assert_int_equal(entry.epoch, epochs[i]);
        assert_true(entry.val_loss > 0 && entry.train_loss > 0);
    }
    assert_int_equal(gr_trainer_epochs(other), 2);
    assert_true(gr_trainer_epoch(other, 1, &last));
    assert_true(gr_trainer_epoch(t, 2, &entry) && entry.val_loss == last.val_loss);
    check_same_parameters(by_steps, by_epochs, 0);
    gr_trainer_free(t);
    gr_trainer_free(other);
    gr_model_free(by_steps);
    gr_model_free(by_epochs);
    gr_dataset_free(data);
}

static void test_refused(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 1, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.accumulate = -1), &t), GR_INVALID,
                 "accumulate = -1: should not be negative");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.report_steps = -1), &t), GR_INVALID,
                 "report_steps = -1: should not be negative");
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .clip_value = -2)),
                                &t),
                 GR_INVALID, "clip_value = -2 should be at least 0");
    gr_model_free(model);
    gr_dataset_free(data);

    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *w = gr_param(s, "w", GR_SHAPE(2), (gr_init){GR_INIT_CONSTANT, 1, 0}, 1, 1);
    gr_node *loss = gr_sum(w, GR_ALL), *one = gr_scalar(g, GR_F32, 1);
    unit_refused(gr_accumulate(s, loss, w, one), GR_SHAPE,
                 "gr_accumulate: keep is f32[2]: should be f32[]");
    unit_refused(gr_accumulate(s, loss, one, NULL), GR_SHAPE, "weight is missing");
    unit_refused(gr_minimize_sum(s, loss, NULL, GR_OPTIMIZER(GR_SGD)), GR_SHAPE,
                 "gr_minimize_sum: scale is missing");
    unit_refused(gr_minimize_sum(NULL, loss, one, GR_OPTIMIZER(GR_SGD)), GR_INVALID,
                 "needs a scope");
    gr_scope_free(s), gr_store_free(store), gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_larger_batch),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_report_steps),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
