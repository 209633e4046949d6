/* The promise of docs/determinism.md: the same bytes for any number of threads, in training (with
 * dropout, augmentation, validation and every kind of net), in a training that is interrupted and
 * goes on with another number, and in predictions. The nets are large enough that their products,
 * convolutions and reductions are shared among threads. */
#include "support_train.h"

#include <gradus/text.h>

enum { DET_ROWS = 56, DET_SIDE = 20, DET_LENGTH = 24 };

typedef struct det_case {
    const char *name, *net;
    bool text;       /* trained on a text; else on pictures */
    const char *way; /* GRADUS_CONV; NULL: unset */
    gr_optimizer_kind optimizer;
} det_case;

static const det_case det_cases[] = {
    {"dense", "fc(200) |> batchnorm |> relu |> dropout(.3) |> fc(150) |> tanh |> fc(10)", false,
     NULL, GR_ADAM},
    {"convolutions",
     "conv(20,5,pad=2) |> batchnorm |> relu |> maxpool(2) |> lrn(5) |> conv(40,3,pad=1) |> relu |> "
     "avgpool(2) |> dropout(.3) |> conv(30,3,stride=2) |> relu |> fc(10)",
     false, NULL, GR_NESTEROV},
    {"depthwise",
     "conv(32,3,pad=1,bias=false) |> batchnorm |> relu |> conv(32,3,pad=1,groups=32,bias=false) |> "
     "batchnorm |> relu |> conv(64,1) |> relu |> conv(64,3,pad=1,stride=2,groups=64) |> relu |> "
     "global_avgpool |> fc(10)",
     false, NULL, GR_RMSPROP},
    {"by matrix products", "conv(24,3,pad=1) |> relu |> conv(24,3,pad=1) |> maxpool(2) |> fc(10)",
     false, "gemm", GR_SGD},
    {"by rows", "conv(24,3,pad=1) |> relu |> conv(24,3,pad=1) |> maxpool(2) |> fc(10)", false,
     "rows", GR_SGD},
    {"by places", "conv(24,3,pad=1) |> relu |> conv(24,3,pad=1) |> maxpool(2) |> fc(10)", false,
     "places", GR_SGD},
    {"Winograd's", "conv(24,3,pad=1) |> relu |> conv(24,5,pad=2) |> maxpool(2) |> fc(10)", false,
     "winograd", GR_ADAGRAD},
    {"oneDNN's", "conv(24,3,pad=1) |> relu |> conv(32,5,stride=2) |> relu |> conv(40,1) |> fc(10)",
     false, "onednn", GR_ADADELTA},
    {"lstm", "embedding(26,32) |> lstm(48, layers=2) |> dropout(.2) |> linear(26)", true, NULL,
     GR_ADAM},
    {"gru", "embedding(26,32) |> gru(64) |> linear(26)", true, NULL, GR_RMSPROP},
    {"attention",
     "h0 = x |> embedding(26,64) |> positions\n"
     "h1 = h0 + (h0 |> layernorm |> attention(4, causal=true, dropout=.2))\n"
     "h2 = h1 + (h1 |> layernorm |> linear(256) |> gelu |> linear(64))\n"
     "h2 |> layernorm |> linear(26)",
     true, NULL, GR_ADAMW},
};

static gr_dataset *det_pictures(void)
{
    gr_tensor x;
    int32_t labels[DET_ROWS];
    gr_dataset *data;
    gr_rng rng = gr_rng_new(1, 2);
    unit_ok(gr_tensor_new(GR_U8, GR_SHAPE(DET_ROWS, 3, DET_SIDE, DET_SIDE), &x));
    for (size_t i = 0; i < gr_tensor_bytes(&x); i++)
        ((uint8_t *)x.data)[i] = (uint8_t)gr_rng_u64(&rng);
    for (int i = 0; i < DET_ROWS; i++) labels[i] = i % 10;
    unit_ok(gr_dataset_new("noise", &x, labels, 10, NULL, &data));
    gr_tensor_clear(&x);
    return data;
}

static gr_dataset *det_text(void)
{
    char text[26 + DET_ROWS * DET_LENGTH];
    gr_dataset *data, *test;
    gr_rng rng = gr_rng_new(5, 2);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i < 26 ? i : gr_rng_below(&rng, 26)));
    unit_ok(
        gr_text_dataset("letters", text, sizeof text, GR_DATA(.length = DET_LENGTH), &data, &test));
    gr_dataset_free(test);
    return data;
}

/* ---- One training -----------------------------------------------------------------------------
 */

typedef struct det_run {
    gr_dataset *data;
    gr_model *model;
    gr_trainer *trainer;
} det_run;

static det_run det_start(const det_case *c, int threads)
{
    det_run run = {.data = c->text ? det_text() : det_pictures()};
    const bool by_momentum = c->optimizer == GR_SGD || c->optimizer == GR_NESTEROV;
    const gr_optimizer optimizer = {.size = sizeof optimizer,
                                    .kind = c->optimizer,
                                    .momentum = by_momentum ? .9 : 0,
                                    .rate = .002,
                                    .l2 = by_momentum ? 1e-4 : 0,
                                    .clip_norm = 5,
                                    .schedule = {.kind = GR_SCHEDULE_COSINE}};
    const gr_augment augment = {
        .size = sizeof augment, .pad = 2, .mirror = true, .brightness = .2, .cutout = 3};
    const gr_trainer_options o = {.size = sizeof o,
                                  .optimizer = &optimizer,
                                  .augment = c->text ? NULL : &augment,
                                  .batch = 24,
                                  .epochs = 2,
                                  .validation = .2,
                                  .keep_best = true,
                                  .gradient_norm = true};
    const gr_preprocess crop = {.crop = DET_SIDE - 2};
    if (c->way)
        setenv("GRADUS_CONV", c->way, 1);
    else
        unsetenv("GRADUS_CONV");
    unit_ok(gr_model_new(GR_MODEL(.net = c->net, .data = run.data, .threads = threads, .seed = 4,
                                  .preprocess = c->text ? (gr_preprocess){0} : crop),
                         &run.model));
    unit_ok(gr_trainer_new(run.model, run.data, NULL, &o, &run.trainer));
    return run;
}

static void det_end(det_run *run)
{
    gr_trainer_free(run->trainer);
    gr_model_free(run->model);
    gr_dataset_free(run->data);
}

/* Trains on and writes folder/name. */
static void det_finish(det_run *run, const char *name)
{
    unit_ok(gr_train(run->trainer));
    unit_ok(gr_model_save(run->model, test_files_path(name)));
}

static void det_whole(const det_case *c, int threads, const char *name)
{
    det_run run = det_start(c, threads);
    det_finish(&run, name);
    det_end(&run);
}

/* Two steps with one number of threads, the rest with another. */
static void det_parts(const det_case *c, int before, int after, const char *name)
{
    det_run run = det_start(c, before);
    for (int i = 0; i < 2; i++) unit_ok(gr_train_step(run.trainer, NULL));
    unit_ok(gr_trainer_save(run.trainer, test_files_path("state")));
    det_end(&run);
    run = det_start(c, after);
    unit_ok(gr_trainer_resume(run.trainer, test_files_path("state")));
    det_finish(&run, name);
    det_end(&run);
}

static bool det_same(const char *a, const char *b)
{
    char first[256];
    snprintf(first, sizeof first, "%s", test_files_path(a));
    return test_same_files(first, test_files_path(b));
}

static void test_training(void **state)
{
    (void)state;
    int faults = 0;
    for (size_t i = 0; i < sizeof det_cases / sizeof *det_cases; i++) {
        const det_case *c = &det_cases[i];
        det_whole(c, 1, "one");
        for (int threads = c->way ? 4 : 2; threads <= 4; threads++) {
            det_whole(c, threads, "several");
            if (det_same("one", "several")) continue;
            print_message("%s: %d threads give another model than 1\n", c->name, threads);
            faults++;
        }
        det_parts(c, 3, 2, "resumed");
        if (det_same("one", "resumed")) continue;
        print_message("%s: resumed with 2 threads after 3, the model is another\n", c->name);
        faults++;
    }
    unsetenv("GRADUS_CONV");
    assert_int_equal(faults, 0);
}

/* Scores of 300 rows, in programs of full batches and of the rest. */
static void test_predictions(void **state)
{
    (void)state;
    enum { ROWS = 300, SIDE = DET_SIDE - 2 };
    static float scores[2][ROWS * 10];
    gr_tensor x;
    unit_ok(gr_tensor_new(GR_U8, GR_SHAPE(ROWS, 3, SIDE, SIDE), &x));
    for (size_t k = 0; k < gr_tensor_bytes(&x); k++)
        ((uint8_t *)x.data)[k] = (uint8_t)(k * 37 % 101);
    for (size_t i = 0; i < 3; i++) {
        det_whole(&det_cases[i], 2, "model");
        for (int threads = 1; threads <= 4; threads++) {
            gr_model *model;
            unit_ok(gr_model_load(test_files_path("model"), GR_MODEL(.threads = threads), &model));
            unit_ok(gr_model_predict(model, &x, scores[threads > 1]));
            gr_model_free(model);
            if (threads > 1 && memcmp(scores[0], scores[1], sizeof scores[0]) != 0)
                fail_msg("%s: %d threads predict otherwise than 1", det_cases[i].name, threads);
        }
    }
    gr_tensor_clear(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_training),
                                       cmocka_unit_test(test_predictions)};
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
