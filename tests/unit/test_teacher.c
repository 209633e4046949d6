/* Distillation: the loss by its formula, that each example meets its own scores, that a student
 * comes to its teacher, refusals. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include <gradus/points.h>
#include <gradus/train.h>

enum { TEACHER_EXAMPLES = 45, TEACHER_CLASSES = 3 };

/* Examples whose numbers in the set are not those in its file. */
static gr_dataset *teacher_data(void)
{
    gr_dataset *all, *some;
    int64_t index[TEACHER_EXAMPLES];
    unit_ok(gr_points_dataset(GR_POINTS_SPIRAL, GR_POINTS(.count = 90), &all));
    for (int64_t i = 0; i < TEACHER_EXAMPLES; i++) index[i] = 89 - 2 * i;
    unit_ok(gr_dataset_select(all, index, TEACHER_EXAMPLES, &some));
    gr_dataset_free(all);
    return some;
}

static gr_model *teacher_net(const gr_dataset *data, const char *net, uint64_t seed)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.net = net, .data = data, .seed = seed), &model));
    unit_ok(gr_model_learn_normalizer(model, data));
    return model;
}

static gr_tensor teacher_scores(gr_model *model, const gr_dataset *data)
{
    gr_tensor x, scores;
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(TEACHER_EXAMPLES, 2), &x));
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(TEACHER_EXAMPLES, TEACHER_CLASSES), &scores));
    for (int64_t i = 0; i < TEACHER_EXAMPLES; i++)
        memcpy((float *)x.data + 2 * i, gr_dataset_example(data, i), 2 * sizeof(float));
    unit_ok(gr_model_predict(model, &x, scores.data));
    gr_tensor_clear(&x);
    return scores;
}

/* −Σ p·log q of one example. */
static double teacher_cross(const float *p_scores, const float *q_scores, double t)
{
    double p_sum = 0, q_sum = 0, cross = 0;
    for (int c = 0; c < TEACHER_CLASSES; c++) {
        p_sum += exp((double)p_scores[c] / t);
        q_sum += exp((double)q_scores[c] / t);
    }
    for (int c = 0; c < TEACHER_CLASSES; c++)
        cross -= exp((double)p_scores[c] / t) / p_sum * ((double)q_scores[c] / t - log(q_sum));
    return cross;
}

/* The loss of an epoch that hardly changes anything. */
static double teacher_epoch(gr_model *model, const gr_dataset *data, const gr_tensor *teacher,
                            double temperature, double weight, int64_t accumulate)
{
    gr_trainer *trainer;
    gr_epoch epoch;
    const gr_optimizer still = {.size = sizeof still, .kind = GR_SGD, .rate = 1e-12};
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.optimizer = &still, .batch = 10, .epochs = 1,
                                      .accumulate = accumulate, .teacher = teacher,
                                      .temperature = temperature, .teacher_weight = weight),
                           &trainer));
    unit_ok(gr_train(trainer));
    assert_true(gr_trainer_epoch(trainer, 0, &epoch));
    gr_trainer_free(trainer);
    return epoch.train_loss;
}

static void test_loss(void **state)
{
    (void)state;
    gr_dataset *data = teacher_data();
    gr_model *teacher = teacher_net(data, "fc(5) |> tanh |> fc(3)", 1);
    gr_model *student = teacher_net(data, "fc(3)", 2);
    gr_tensor scores = teacher_scores(teacher, data), own = teacher_scores(student, data);
    static const double cases[][2] = {{1, 1}, {3, .25}, {.5, .9}};
    const double plain = teacher_epoch(student, data, NULL, 0, 0, 1);
    for (size_t i = 0; i < 3; i++) {
        const double t = cases[i][0], w = cases[i][1];
        double soft = 0;
        for (int64_t k = 0; k < TEACHER_EXAMPLES; k++)
            soft += teacher_cross((float *)scores.data + k * TEACHER_CLASSES,
                                  (float *)own.data + k * TEACHER_CLASSES, t);
        const double want = (1 - w) * plain + w * t * t * soft / TEACHER_EXAMPLES;
        for (int64_t accumulate = 1; accumulate <= 2; accumulate++) {
            const double loss = teacher_epoch(student, data, &scores, t, w, accumulate);
            if (!(fabs(loss - want) < 1e-5 * want))
                fail_msg("T=%g w=%g: %.9g, %.9g", t, w, loss, want);
        }
    }
    gr_tensor_clear(&scores);
    gr_tensor_clear(&own);
    gr_model_free(teacher);
    gr_model_free(student);
    gr_dataset_free(data);
}

/* A student of the same form that sees no label becomes its teacher, but for a number added to all
 * scores of an example. */
static void test_learning(void **state)
{
    (void)state;
    gr_dataset *data = teacher_data();
    gr_model *teacher = teacher_net(data, "fc(3)", 1), *student = teacher_net(data, "fc(3)", 2);
    gr_tensor scores = teacher_scores(teacher, data);
    gr_trainer *trainer;
    const gr_optimizer adam = {.size = sizeof adam, .kind = GR_ADAM, .rate = .02};
    unit_ok(gr_trainer_new(student, data, NULL,
                           GR_TRAINER(.optimizer = &adam, .batch = 45, .epochs = 1500,
                                      .teacher = &scores, .temperature = 2, .teacher_weight = 1),
                           &trainer));
    unit_ok(gr_train(trainer));
    gr_tensor learnt = teacher_scores(student, data);
    for (int64_t i = 0; i < TEACHER_EXAMPLES; i++) {
        const float *t = (float *)scores.data + i * TEACHER_CLASSES;
        const float *s = (float *)learnt.data + i * TEACHER_CLASSES;
        for (int c = 1; c < TEACHER_CLASSES; c++)
            assert_true(fabsf((t[c] - t[0]) - (s[c] - s[0])) < .02F);
    }
    gr_trainer_free(trainer);
    gr_tensor_clear(&scores);
    gr_tensor_clear(&learnt);
    gr_model_free(teacher);
    gr_model_free(student);
    gr_dataset_free(data);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_dataset *data = teacher_data();
    gr_model *model = teacher_net(data, "fc(3)", 1);
    gr_trainer *trainer;
    float values[TEACHER_EXAMPLES * TEACHER_CLASSES] = {0};
    gr_tensor scores = {GR_F32, GR_SHAPE(TEACHER_EXAMPLES, TEACHER_CLASSES), values};
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.temperature = 2), &trainer),
                 GR_INVALID, "trainer: a temperature without a teacher");
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.teacher = &scores, .temperature = -1), &trainer),
                 GR_INVALID, "trainer: temperature = -1: should be positive");
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.teacher = &scores, .teacher_weight = 1.5), &trainer),
                 GR_INVALID, "trainer: teacher_weight = 1.5: should be in [0, 1]");
    values[7] = NAN;
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.teacher = &scores), &trainer),
                 GR_NUMERIC, "trainer: a score of the teacher is nan");
    scores.shape = GR_SHAPE(44, TEACHER_CLASSES);
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.teacher = &scores), &trainer),
                 GR_SHAPE,
                 "trainer: the teacher's scores are f32[44,3]: should be f32[45,3], a row for each "
                 "example");
    gr_model_free(model);
    model = teacher_net(data, "scores = fc(3); loss = mean(scores)", 1);
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.teacher = &scores), &trainer),
                 GR_INVALID, "have no loss of their own");
    gr_model_free(model);
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
