/* Memory that runs out in models, trainings, checkpoints and model files: what was handed in stays
 * as it was, files too, and whoever goes on afterwards gets the same model. */
#include <gradus/sample.h>

#include "support_faults.h"
#include "support_train.h"

#include "run/store.h"
#include "train/trainer.h"

#define FAULTS_NET "fc(6) |> batchnorm |> relu |> dropout(.2) |> fc(3)"

static const gr_dataset *faults_data; /* made before any allocation fails */

/* ---- What the calls work on ------------------------------------------------------------------ */

typedef struct faults_made {
    gr_model *model;
    gr_trainer *trainer;
    gr_text_sampler *sampler;
    const char *path; /* of a file that is there already; NULL: there is none */
} faults_made;

/* Of the variables that belong to a model: an optimiser's may stay behind. */
static uint64_t faults_hash_model(const gr_model *model)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < model->store->count; i++) {
        const gr_store_entry *entry = &model->store->entries[i];
        if (!gr_model_owns(entry->name)) continue;
        hash = gr_hash(entry->name, strlen(entry->name), hash);
        hash = test_hash_tensor(&entry->value, hash);
    }
    return hash;
}

/* Of all that a failing call must leave alone, the files included. */
static uint64_t faults_state(const void *user)
{
    const faults_made *made = user;
    uint64_t hash = faults_hash_model(made->model) + (made->model->normalizes ? 7 : 0);
    if (made->trainer) hash += (uint64_t)gr_trainer_report(made->trainer).now.step << 32;
    if (made->path)
        hash ^= test_hash_file(made->path) + (uint64_t)test_files_count(test_files_folder());
    return hash;
}

static void faults_clear(void *user)
{
    faults_made *made = user;
    gr_text_sampler_free(made->sampler);
    gr_trainer_free(made->trainer);
    gr_model_free(made->model);
    gr_free(made);
}

static void *faults_make_model(const void *about)
{
    faults_made *made = gr_alloc(sizeof *made);
    (void)about;
    unit_ok(gr_model_new(GR_MODEL(.net = FAULTS_NET, .data = faults_data, .seed = 3, .threads = 1,
                                  .normalize = GR_NORMALIZE_STANDARD),
                         &made->model));
    return made;
}

static void *faults_make_learnt(const void *about)
{
    faults_made *made = faults_make_model(about);
    unit_ok(gr_model_learn_normalizer(made->model, faults_data));
    return made;
}

/* Two steps, the second of three batches, and an epoch's end, with all that a trainer may do. */
static gr_status faults_trainer(gr_model *model, const char *path, gr_trainer **trainer)
{
    return gr_trainer_new(model, faults_data, NULL,
                          GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .clip_norm = 1), .batch = 4,
                                     .accumulate = 3, .epochs = 2, .validation = 0.2,
                                     .keep_best = true, .gradient_norm = true, .updates = true,
                                     .checkpoint = path, .checkpoint_steps = path ? 1 : 0),
                          trainer);
}

static void *faults_make_trainer(const void *path)
{
    faults_made *made = faults_make_model(NULL);
    unit_ok(faults_trainer(made->model, path, &made->trainer));
    return made;
}

/* A trainer after its first step, whose checkpoint is there. */
static void *faults_make_begun(const void *path)
{
    faults_made *made = faults_make_trainer(path);
    unit_ok(gr_train_step(made->trainer, NULL));
    made->path = path;
    return made;
}

/* A trainer that has not begun, beside the checkpoint of one that has. */
static void *faults_make_resuming(const void *path)
{
    faults_clear(faults_make_begun(path));
    faults_made *made = faults_make_trainer(NULL);
    made->path = path;
    return made;
}

/* A model beside the file of another one of its kind. */
static void *faults_make_saved(const void *path)
{
    faults_made *made = faults_make_learnt(NULL);
    float *first = made->model->store->entries[0].value.data;
    *first += 1;
    unit_ok(gr_model_save(made->model, path));
    *first -= 1;
    made->path = path;
    return made;
}

/* ---- Models ---------------------------------------------------------------------------------- */

static gr_status faults_new_model(void *user, uint64_t *result)
{
    gr_model *model;
    (void)user;
    GR_TRY(gr_model_new(GR_MODEL(.net = FAULTS_NET, .data = faults_data, .seed = 3), &model));
    *result = faults_hash_model(model);
    gr_model_free(model);
    return GR_OK;
}

static gr_status faults_predict(void *user, uint64_t *result)
{
    const faults_made *made = user;
    float x[5 * 4], scores[5 * 3];
    for (size_t i = 0; i < GR_LEN(x); i++) x[i] = (float)(i % 7) - 3;
    gr_tensor rows = {GR_F32, GR_SHAPE(5, 4), x};
    GR_TRY(gr_model_predict(made->model, &rows, scores));
    *result = gr_hash(scores, sizeof scores, 1);
    return GR_OK;
}

static gr_status faults_test(void *user, uint64_t *result)
{
    const faults_made *made = user;
    gr_metrics metrics;
    GR_TRY(gr_model_test(made->model, faults_data, &metrics));
    *result = gr_hash(&metrics.loss, sizeof metrics.loss, 1);
    gr_metrics_clear(&metrics);
    return GR_OK;
}

static gr_status faults_learn_normalizer(void *user, uint64_t *result)
{
    const faults_made *made = user;
    GR_TRY(gr_model_learn_normalizer(made->model, faults_data));
    const gr_normalizer *n = gr_model_normalizer(made->model);
    *result = gr_hash(n->shift, (size_t)n->channels * sizeof *n->shift, 1);
    return GR_OK;
}

static gr_status faults_describe(void *user, uint64_t *result)
{
    const faults_made *made = user;
    gr_net_info *info;
    GR_TRY(gr_model_describe(made->model, &info));
    gr_net_info_free(info);
    *result = 1;
    return GR_OK;
}

/* ---- Files of models and trainings ----------------------------------------------------------- */

/* The trainer if there is one, else the model. The seconds that a training took stand in its
 * checkpoint: two are never the same. */
static gr_status faults_save(void *user, uint64_t *result)
{
    const faults_made *made = user;
    GR_TRY(made->trainer ? gr_trainer_save(made->trainer, made->path)
                         : gr_model_save(made->model, made->path));
    *result = test_hash_file(made->path);
    if (made->trainer) *result = *result != 0;
    return GR_OK;
}

static gr_status faults_load(void *user, uint64_t *result)
{
    const faults_made *made = user;
    gr_model *model;
    GR_TRY(gr_model_load(made->path, NULL, &model));
    *result = faults_hash_model(model);
    gr_model_free(model);
    return GR_OK;
}

/* Values and, of a trainer, what it knows beside them. */
static gr_status faults_take(void *user, uint64_t *result)
{
    const faults_made *made = user;
    if (made->trainer) {
        GR_TRY(gr_trainer_resume(made->trainer, made->path));
        *result = test_hash_store(made->model->store) +
                  (uint64_t)gr_trainer_report(made->trainer).now.step;
    } else {
        GR_TRY(gr_model_take(made->model, made->path, NULL));
        *result = faults_hash_model(made->model);
    }
    return GR_OK;
}

/* ---- Trainings ------------------------------------------------------------------------------- */

static gr_status faults_new_trainer(void *user, uint64_t *result)
{
    const faults_made *made = user;
    gr_trainer *trainer;
    GR_TRY(faults_trainer(made->model, NULL, &trainer));
    *result = faults_hash_model(made->model);
    gr_trainer_free(trainer);
    return GR_OK;
}

static gr_status faults_train(void *user, uint64_t *result)
{
    const faults_made *made = user;
    GR_TRY(gr_train(made->trainer));
    *result = faults_hash_model(made->model);
    for (int64_t i = 0; i < gr_trainer_epochs(made->trainer); i++) {
        gr_epoch epoch;
        gr_trainer_epoch(made->trainer, i, &epoch);
        const double figures[] = {(double)epoch.epoch, (double)epoch.step, epoch.train_loss,
                                  epoch.val_loss, epoch.gradient_norm};
        *result = gr_hash(figures, sizeof figures, *result);
    }
    return GR_OK;
}

/* ---- Samples --------------------------------------------------------------------------------- */

enum { FAULTS_CHARS = 4, FAULTS_WINDOW = 6 };

static void *faults_make_sampler(const void *net)
{
    static const char *const names[FAULTS_CHARS] = {"\\n", "a", "b", "c"};
    faults_made *made = gr_alloc(sizeof *made);
    unit_ok(gr_model_new(GR_MODEL(.net = net, .input = GR_SHAPE(FAULTS_WINDOW), .tokens = true,
                                  .positions = GR_SHAPE(FAULTS_WINDOW), .classes = FAULTS_CHARS,
                                  .names = names, .seed = 2, .threads = 1),
                         &made->model));
    unit_ok(gr_text_sampler_new(made->model, GR_TEXT_SAMPLER(.seed = 5), &made->sampler));
    return made;
}

/* Feeds and reads until all of it has come, going on where an earlier call has failed. */
static gr_status faults_sample(void *user, uint64_t *result)
{
    const faults_made *made = user;
    double p[FAULTS_CHARS];
    GR_TRY(gr_text_sampler_feed(made->sampler, "ab", 2));
    GR_TRY(gr_text_sampler_probabilities(made->sampler, p));
    *result = gr_hash(p, sizeof p, 1);
    return GR_OK;
}

static gr_status faults_new_sampler(void *user, uint64_t *result)
{
    const faults_made *made = user;
    gr_text_sampler *sampler;
    GR_TRY(gr_text_sampler_new(made->model, NULL, &sampler));
    gr_text_sampler_free(sampler);
    *result = 1;
    return GR_OK;
}

/* ---- The table ------------------------------------------------------------------------------- */

static void faults_of_all(void **state)
{
    (void)state;
    static char path[256];
    const char *model = strcpy(path, test_files_path("model.safetensors"));
    const char *window = "embedding(4, 5) |> attention(1, causal=true) |> linear(4)";
    const char *recurrent = "embedding(4, 5) |> lstm(6) |> linear(4)";
    gr_dataset *data = test_points(30, 0.3, 1);
    faults_data = data;
    const test_fault faults[] = {
        {"model", NULL, NULL, faults_new_model, NULL, NULL},
        {"predict", NULL, faults_make_learnt, faults_predict, faults_state, faults_clear},
        {"test", NULL, faults_make_learnt, faults_test, faults_state, faults_clear},
        {"normaliser", NULL, faults_make_model, faults_learn_normalizer, faults_state,
         faults_clear},
        {"describe", NULL, faults_make_model, faults_describe, faults_state, faults_clear},
        {"save", model, faults_make_saved, faults_save, faults_state, faults_clear},
        {"load", model, faults_make_saved, faults_load, faults_state, faults_clear},
        {"take", model, faults_make_saved, faults_take, faults_state, faults_clear},
        {"trainer", NULL, faults_make_model, faults_new_trainer, faults_state, faults_clear},
        {"train", model, faults_make_trainer, faults_train, NULL, faults_clear},
        {"checkpoint", model, faults_make_begun, faults_save, faults_state, faults_clear},
        {"resume", model, faults_make_resuming, faults_take, faults_state, faults_clear},
        {"window's sampler", window, faults_make_sampler, faults_new_sampler, faults_state,
         faults_clear},
        {"recurrent sampler", recurrent, faults_make_sampler, faults_new_sampler, faults_state,
         faults_clear},
        {"window's sample", window, faults_make_sampler, faults_sample, NULL, faults_clear},
        {"recurrent sample", recurrent, faults_make_sampler, faults_sample, NULL, faults_clear},
    };
    for (size_t i = 0; i < GR_LEN(faults); i++)
        print_message("%-20s %ld allocations\n", faults[i].name, test_fault_run(&faults[i], 60));
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(faults_of_all)};
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
