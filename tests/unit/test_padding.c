/* Labels of -1 at positions are padding: sequences of different lengths in one batch. */
#include "support_train.h"

#include <math.h>

enum { TIME = 5, CLASSES = 3, COUNT = 40 };

/* Example i has 1 + i mod TIME places that count; the class of each is which of three numbers is
 * the greatest. */
typedef struct padding_source {
    int32_t filler; /* the label of the other places */
    bool hollow;    /* none counts */
} padding_source;

static gr_status padding_read(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    const padding_source *s = user;
    gr_rng rng = gr_rng_new(5, (uint64_t)i);
    float *row = x;
    (void)draw;
    for (int t = 0; t < TIME; t++, row += CLASSES) {
        for (int c = 0; c < CLASSES; c++) row[c] = (float)gr_rng_normal(&rng);
        int best = row[1] > row[0];
        if (row[2] > row[best]) best = 2;
        y[t] = s->hollow || t > i % TIME ? s->filler : best;
    }
    return GR_OK;
}

static gr_dataset *padding_set(padding_source *source, bool padded)
{
    gr_dataset *set;
    unit_ok(gr_dataset_from_source(
        GR_SOURCE(.name = "sequences", .count = COUNT, .dtype = GR_F32,
                  .shape = GR_SHAPE(TIME, CLASSES), .label_shape = GR_SHAPE(TIME),
                  .classes = CLASSES, .padded = padded, .read = padding_read, .user = source),
        &set));
    return set;
}

static gr_model *padding_model(const gr_dataset *set, gr_loss_kind loss, const float *weights)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.net = "x |> linear(3)", .data = set, .seed = 2, .threads = 1,
                                  .normalize = GR_NORMALIZE_NONE, .loss = loss,
                                  .class_weights = weights),
                         &model));
    return model;
}

/* The loss of one label's scores. */
static double padding_loss(gr_loss_kind loss, const float *s, int32_t label)
{
    double sum = 0, most = -INFINITY;
    for (int c = 0; c < CLASSES; c++) most = fmax(most, (double)s[c]);
    for (int c = 0; c < CLASSES; c++) {
        double d = (double)s[c] - (c == label);
        if (loss == GR_LOSS_SOFTMAX) sum += exp((double)s[c] - most);
        if (loss == GR_LOSS_MSE) sum += d * d / CLASSES;
        if (loss == GR_LOSS_HINGE && c != label)
            sum += fmax(0, (double)s[c] - (double)s[label] + 1);
    }
    return loss == GR_LOSS_SOFTMAX ? log(sum) + most - (double)s[label] : sum;
}

/* Loss and accuracy of a test are means over what counts, from the scores by hand. */
static void test_means(void **state)
{
    (void)state;
    static const float weights[] = {1, 4, 0.5f};
    static const gr_loss_kind losses[] = {GR_LOSS_SOFTMAX, GR_LOSS_HINGE, GR_LOSS_MSE};
    padding_source source = {.filler = -1};
    gr_dataset *set = padding_set(&source, true);
    for (int i = 0; i < 6; i++) {
        const bool weighted = i > 2 && losses[i % 3] != GR_LOSS_MSE;
        gr_model *model = padding_model(set, losses[i % 3], weighted ? weights : NULL);
        gr_metrics m;
        float x[TIME * CLASSES], scores[TIME * CLASSES];
        double loss = 0, weight = 0;
        int64_t count = 0, correct = 0;
        assert_true(gr_model_padded(model));
        unit_ok(gr_model_learn_normalizer(model, set));
        for (int64_t n = 0; n < COUNT; n++) {
            int32_t y[TIME];
            unit_ok(padding_read(&source, n, 0, x, y));
            unit_ok(gr_model_predict(model, &(gr_tensor){GR_F32, GR_SHAPE(1, TIME, CLASSES), x},
                                     scores));
            for (int t = 0; t < TIME && y[t] >= 0; t++) {
                const float *s = scores + t * CLASSES;
                int best = s[1] > s[0];
                if (s[2] > s[best]) best = 2;
                const double w = weighted ? (double)weights[y[t]] : 1;
                loss += w * padding_loss(losses[i % 3], s, y[t]);
                weight += w;
                correct += best == y[t];
                count++;
            }
        }
        unit_ok(gr_model_test(model, set, &m));
        assert_int_equal(count, COUNT * 3);
        assert_int_equal(m.count, count);
        assert_int_equal(m.correct, correct);
        assert_true(fabs(m.loss - loss / weight) < 1e-6 * (1 + m.loss));
        assert_true(fabs(m.accuracy - (double)correct / (double)count) < 1e-12);
        int64_t in_classes = 0;
        for (int c = 0; c < CLASSES; c++) in_classes += m.per_class[c].count;
        assert_int_equal(in_classes, count);
        gr_metrics_clear(&m);
        gr_model_free(model);
    }
    gr_dataset_free(set);
}

/* A training learns it, tells accuracies over what counts, and its model remembers. */
static void test_learns(void **state)
{
    (void)state;
    padding_source source = {.filler = -1};
    gr_dataset *set = padding_set(&source, true);
    gr_model *model = padding_model(set, GR_LOSS_SOFTMAX, NULL), *read;
    gr_trainer *t;
    gr_metrics m;
    const char *path = test_files_path("padded");
    unit_ok(gr_trainer_new(
        model, set, NULL,
        GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = .05), .batch = 8, .epochs = 40), &t));
    unit_ok(gr_train(t));
    gr_train_report r = gr_trainer_report(t);
    assert_true(r.now.train_accuracy > .9 && r.now.train_accuracy <= 1);
    unit_ok(gr_model_save(model, path));
    unit_ok(gr_model_load(path, NULL, &read));
    assert_true(gr_model_padded(read));
    unit_ok(gr_model_test(read, set, &m));
    assert_true(m.accuracy > .9);
    gr_metrics_clear(&m);
    gr_model_free(read);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(set);
}

static void test_refused(void **state)
{
    (void)state;
    padding_source source = {.filler = -1, .hollow = true}, wrong = {.filler = -2};
    gr_dataset *hollow = padding_set(&source, true), *bad = padding_set(&wrong, true);
    gr_dataset *plain = padding_set(&wrong, false), *set;
    gr_model *model = padding_model(hollow, GR_LOSS_SOFTMAX, NULL), *strict;
    gr_trainer *t;
    gr_metrics m;
    unit_ok(gr_trainer_new(model, hollow, NULL, NULL, &t));
    unit_refused(gr_train(t), GR_RANGE, "every label of the batch is padding (-1)");
    unit_refused(gr_model_test(model, hollow, &m), GR_RANGE, "every label of the batch is padding");
    gr_trainer_free(t);
    unit_refused(gr_model_test(model, bad, &m), GR_RANGE, "-2");
    strict = padding_model(plain, GR_LOSS_SOFTMAX, NULL);
    unit_ok(gr_model_learn_normalizer(strict, plain));
    assert_false(gr_model_padded(strict));
    unit_refused(gr_model_test(strict, hollow, &m), GR_INVALID,
                 "labels of 'sequences' may be padding, which the model does not expect");
    unit_refused(gr_model_test(strict, plain, &m), GR_RANGE, "-2");
    unit_refused(gr_dataset_from_source(GR_SOURCE(.count = 3, .dtype = GR_F32, .shape = GR_SHAPE(2),
                                                  .classes = 2, .padded = true,
                                                  .read = padding_read, .user = &source),
                                        &set),
                 GR_INVALID, "`padded` is for labels at positions");
    gr_model_free(model);
    gr_model_free(strict);
    gr_dataset_free(hollow);
    gr_dataset_free(bad);
    gr_dataset_free(plain);
    unit_refused(
        gr_model_new(GR_MODEL(.net = "fc(3)", .input = GR_SHAPE(4), .classes = 3, .padded = true),
                     &model),
        GR_INVALID, "`padded` is for labels at positions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
