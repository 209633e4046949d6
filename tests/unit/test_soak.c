/* Hours in small: trainings one after another, each with checkpoints and a model file, while eight
 * threads predict with one program on one store. Every training ends with the same bytes, every
 * prediction is the same, and after a first part the process grows no more. GRADUS_SOAK seconds
 * (4); tests/soak_slow.sh takes 20 minutes. */
#include "support_train.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <gradus/gradus.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SOAK_WATCHED 1 /* freed memory is kept back, to be watched */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SOAK_WATCHED 1
#endif
#endif

enum { SOAK_THREADS = 8, SOAK_ROWS = 4, SOAK_SIDE = 12, SOAK_CLASSES = 10, SOAK_AGAIN = 500 };
enum { SOAK_SCORES = SOAK_ROWS * SOAK_CLASSES, SOAK_INPUTS = 3 };
#define SOAK_GROWTH 2.0 /* MiB that may be added behind the first part: arenas of malloc's */

typedef struct soak {
    gr_program *program;
    gr_store *store;
    float x[SOAK_INPUTS][SOAK_ROWS * 3 * SOAK_SIDE * SOAK_SIDE];
    float scores[SOAK_INPUTS][SOAK_SCORES]; /* as they must be */
    atomic_bool stop;
    atomic_llong predictions, wrong, failed;
} soak;

/* ---- Predictions ------------------------------------------------------------------------------
 */

static void soak_make(soak *s)
{
    gr_graph *graph = gr_graph_new();
    gr_rng rng = gr_rng_new(4, 4);
    s->store = gr_store_new();
    gr_scope *scope = gr_scope_new(graph, s->store, NULL);
    gr_node *h = gr_input(graph, "x", GR_F32, GR_SHAPE(SOAK_ROWS, 3, SOAK_SIDE, SOAK_SIDE));
    h = gr_relu(gr_conv_layer(scope, NULL, h, GR_CONV(8, 3, .pad = 1)));
    h = gr_max_pool(gr_batch_norm(scope, NULL, h, NULL), GR_WINDOW(2));
    h = gr_relu(gr_dense(scope, NULL, h, GR_DENSE(40)));
    h = gr_softmax(gr_dense(scope, NULL, h, GR_DENSE(SOAK_CLASSES)), 1);
    unit_ok(gr_compile(graph, &h, 1, NULL, &s->program));
    gr_scope_free(scope);
    gr_graph_free(graph);
    for (int i = 0; i < SOAK_INPUTS; i++)
        for (size_t k = 0; k < sizeof s->x[i] / sizeof *s->x[i]; k++)
            s->x[i][k] = (float)gr_rng_uniform(&rng);
}

static gr_status soak_predict(const soak *s, gr_session *session, int input, float *scores)
{
    GR_TRY(gr_session_write(session, 0, s->x[input], sizeof s->x[input]));
    GR_TRY(gr_session_step(session));
    return gr_session_read(session, 0, scores, SOAK_SCORES * sizeof *scores);
}

/* Sessions of its own, each for some hundred steps. */
static void *soak_thread(void *user)
{
    soak *s = user;
    float scores[SOAK_SCORES];
    while (!atomic_load(&s->stop)) {
        gr_session *session;
        gr_session_options options = {.size = sizeof options, .threads = 1};
        gr_status status = gr_session_new(s->program, s->store, &options, &session);
        for (int i = 0; status == GR_OK && i < SOAK_AGAIN; i++) {
            status = soak_predict(s, session, i % SOAK_INPUTS, scores);
            if (memcmp(scores, s->scores[i % SOAK_INPUTS], sizeof scores) != 0) s->wrong++;
            s->predictions++;
        }
        if (status != GR_OK) s->failed++;
        gr_session_free(session);
    }
    return NULL;
}

/* ---- Trainings --------------------------------------------------------------------------------
 */

static void soak_train(const char *name)
{
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(test_moody_recipe, data, 3);
    gr_trainer *t;
    char path[256];
    snprintf(path, sizeof path, "%s", test_files_path("state"));
    unit_ok(gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.batch = 32, .epochs = 20, .validation = 0.2,
                                      .keep_best = true, .checkpoint = path, .checkpoint_steps = 40,
                                      .keep_checkpoints = 2),
                           &t));
    unit_ok(gr_train(t));
    unit_ok(gr_model_save(model, test_files_path(name)));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

static double soak_mebibytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    if (file) fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* Trains again and again; memory after the first part, and the most of it behind that. */
static long soak_run(const soak *s, double seconds, double *settled, double *most)
{
    const double start = gr_seconds(), first = seconds >= 240 ? 60 : seconds / 4;
    double told = 0;
    long trainings = 0;
    char whole[256];
    snprintf(whole, sizeof whole, "%s", test_files_path("whole"));
    *settled = *most = 0;
    soak_train("whole");
    for (double now = 0; now < seconds; now = gr_seconds() - start) {
        soak_train("again");
        if (!test_same_files(whole, test_files_path("again")))
            fail_msg("training %ld ends with another model", trainings);
        trainings++;
        const double memory = soak_mebibytes();
        double *part = now < first ? settled : most;
        if (memory > *part) *part = memory;
        if (now - told < 60) continue;
        told = now;
        print_message("%5.0f s  %7.2f MiB  %7ld trainings  %10lld predictions\n", now, memory,
                      trainings, (long long)atomic_load(&s->predictions));
    }
    return trainings;
}

static void test_soak(void **state)
{
    (void)state;
    static soak s;
    pthread_t thread[SOAK_THREADS];
    gr_session *session;
    const char *text = getenv("GRADUS_SOAK");
    const double seconds = text ? atof(text) : 4;
    double settled, most;
    soak_make(&s);
    unit_ok(gr_session_new(s.program, s.store, NULL, &session));
    for (int i = 0; i < SOAK_INPUTS; i++) unit_ok(soak_predict(&s, session, i, s.scores[i]));
    gr_session_free(session);
    for (int i = 0; i < SOAK_THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, soak_thread, &s), 0);
    const long trainings = soak_run(&s, seconds, &settled, &most);
    atomic_store(&s.stop, true);
    for (int i = 0; i < SOAK_THREADS; i++) pthread_join(thread[i], NULL);
    print_message(
        "%.0f s: %ld trainings, %lld predictions, %lld wrong, %lld failed; at most %.2f MiB "
        "in the first part, %.2f MiB behind it\n",
        seconds, trainings, (long long)s.predictions, (long long)s.wrong, (long long)s.failed,
        settled, most);
    assert_int_equal(s.failed, 0);
    assert_int_equal(s.wrong, 0);
    assert_true(trainings > 0 && s.predictions > 0);
#if !defined(SOAK_WATCHED)
    assert_true(most <= settled + SOAK_GROWTH);
#endif
    gr_program_free(s.program);
    gr_store_free(s.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_soak)};
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
