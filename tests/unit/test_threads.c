/* Many threads at once: what is shared is not written, messages are each thread's own, and the
 * first use of everything may happen in any of them. */
#include "support_train.h"

#include <pthread.h>

#include <gradus/gradus.h>

enum { THREADS = 4, ROUNDS = 5 };

typedef struct thread_job {
    int index;
    const gr_expr *expr;
    gr_store *store;
    const char *fault; /* what went wrong; assertions belong to the main thread */
    char result[64];
} thread_job;

/* Runs `work` in all threads at once and fails with the first fault. */
static void run_all(void *(*work)(void *job), thread_job *jobs)
{
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i].index = i;
        assert_int_equal(pthread_create(&thread[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++)
        if (jobs[i].fault) fail_msg("thread %d: %s", i, jobs[i].fault);
}

/* One text, many graphs; a fault of each thread, and work with no graph at all. */
static void *build_and_refuse(void *user)
{
    thread_job *job = user;
    for (int round = 0; round < ROUNDS; round++) {
        const double x = job->index + 1, y = 3;
        gr_graph *graph = gr_graph_new();
        gr_node *in[] = {gr_input(graph, "x", GR_F64, GR_SCALAR),
                         gr_input(graph, "y", GR_F64, GR_SCALAR)};
        gr_binding bindings[] = {{"x", in[0]}, {"y", in[1]}};
        gr_expr_env env = {.size = sizeof env, .bindings = bindings, .n_bindings = 2};
        gr_feed feeds[] = {{"x", &x}, {"y", &y}};
        gr_node *f, *df[2];
        gr_tensor out = {0};
        gr_status status = gr_expr_build(job->expr, graph, &env, &f);
        if (status == GR_OK) status = gr_grad(f, in, 2, df);
        if (status == GR_OK) status = gr_evaluate(graph, df, 1, feeds, 2, NULL, &out);
        if (status != GR_OK || gr_tensor_at(&out, 0) != 2 * x * y) job->fault = "a wrong gradient";
        gr_tensor_clear(&out);
        gr_graph_free(graph);

        char name[32];
        snprintf(name, sizeof name, "nowhere-%d", job->index);
        status = gr_store_read(job->store, name, NULL, 0);
        if (status != GR_NOT_FOUND || !strstr(gr_message(), name)) job->fault = "a foreign message";
        gr_node *none = gr_name(gr_relu(gr_input(NULL, "x", GR_F32, GR_SCALAR)), "none");
        if (!gr_is_error(gr_add(none, none))) job->fault = "a node of no graph";
    }
    return NULL;
}

static void test_texts_and_messages(void **state)
{
    (void)state;
    gr_expr *expr;
    gr_store *store = gr_store_new();
    thread_job jobs[THREADS] = {{0}};
    unit_ok(gr_expr_parse("x^2 * y", NULL, &expr));
    for (int i = 0; i < THREADS; i++) jobs[i] = (thread_job){.expr = expr, .store = store};
    run_all(build_and_refuse, jobs);
    gr_expr_free(expr);
    gr_store_free(store);
}

/* A convolution that is worth a module, compiled and run by every thread at once. */
static void *convolve(void *user)
{
    thread_job *job = user;
    const gr_shape shape = GR_SHAPE(4, 16, 16, 16);
    gr_graph *graph = gr_graph_new();
    gr_stream stream = {.seed = 1, .name = "x"};
    gr_node *x = gr_random_normal(graph, GR_F32, shape, stream);
    stream.name = "w";
    gr_node *w = gr_random_normal(graph, GR_F32, GR_SHAPE(16, 16, 3, 3), stream), *dw;
    gr_node *y = gr_sum(gr_square(gr_conv(x, w, NULL)), GR_ALL);
    gr_tensor out = {0};
    gr_status status = gr_grad(y, &w, 1, &dw);
    if (status == GR_OK) status = gr_evaluate(graph, &dw, 1, NULL, 0, NULL, &out);
    if (status != GR_OK) job->fault = "no gradient";
    if (status == GR_OK)
        snprintf(job->result, sizeof job->result, "%016llx",
                 (unsigned long long)gr_hash(out.data, gr_tensor_bytes(&out), 0));
    gr_tensor_clear(&out);
    gr_graph_free(graph);
    return NULL;
}

static void test_contractions(void **state)
{
    (void)state;
    thread_job jobs[THREADS] = {{0}};
    run_all(convolve, jobs);
    for (int i = 1; i < THREADS; i++) assert_string_equal(jobs[i].result, jobs[0].result);
}

/* Trainings beside each other end alike. */
static void *train_alone(void *user)
{
    thread_job *job = user;
    gr_dataset *data = test_points(30, 0.3, 1);
    gr_model *model = test_model(test_moody_recipe, data, 3);
    gr_trainer *trainer = NULL;
    float weights[4 * 16];
    gr_status status =
        gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = 8, .epochs = 3), &trainer);
    if (status == GR_OK) status = gr_train(trainer);
    if (status == GR_OK)
        status = gr_store_read(gr_model_store(model), "hidden/weight", weights, sizeof weights);
    if (status != GR_OK) job->fault = "no training";
    snprintf(job->result, sizeof job->result, "%016llx",
             (unsigned long long)gr_hash(weights, sizeof weights, 0));
    gr_trainer_free(trainer);
    gr_model_free(model);
    gr_dataset_free(data);
    return NULL;
}

static void test_trainings(void **state)
{
    (void)state;
    thread_job jobs[THREADS] = {{0}};
    run_all(train_alone, jobs);
    for (int i = 1; i < THREADS; i++) assert_string_equal(jobs[i].result, jobs[0].result);
}

/* ---- Sessions side by side ------------------------------------------------------------------- */

enum { MEETING_STEPS = 20, MEETING_SECONDS = 20 };

/* Where two steps wait for each other: both must be under way at once. */
typedef struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    int here, round;
} meeting;

static gr_status meeting_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    *out = *in;
    return GR_OK;
}

static gr_status meeting_wait(void *user, const gr_tensor *in, gr_tensor *out)
{
    meeting *m = user;
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += MEETING_SECONDS;
    pthread_mutex_lock(&m->lock);
    const int round = m->round;
    int late = 0;
    if (++m->here == 2) {
        m->here = 0;
        m->round++;
        pthread_cond_signal(&m->arrived);
    }
    while (m->round == round && !late) late = pthread_cond_timedwait(&m->arrived, &m->lock, &limit);
    pthread_mutex_unlock(&m->lock);
    memcpy(out->data, in->data, gr_tensor_bytes(in));
    return late ? GR_INTERNAL : GR_OK;
}

typedef struct meeting_job {
    const gr_program *program;
    gr_store *store;
    float x[8], value[8];
    gr_status status;
} meeting_job;

static void *meeting_steps(void *user)
{
    meeting_job *job = user;
    const gr_session_options options = {.size = sizeof options, .threads = 1};
    gr_session *session = NULL;
    job->status = gr_session_new(job->program, job->store, &options, &session);
    if (job->status == GR_OK) job->status = gr_session_write(session, 0, job->x, sizeof job->x);
    if (job->status == GR_OK) job->status = gr_session_steps(session, MEETING_STEPS);
    if (job->status == GR_OK)
        job->status = gr_store_read(job->store, "w", job->value, sizeof job->value);
    gr_session_free(session);
    return NULL;
}

/* Two sessions that train two stores with one program, each on its thread, are inside a step at the
 * same time, in every step: nothing makes one wait for the other. What they compute is not mixed
 * up, and what they write at every step lies in different cache lines. */
static void test_sessions_side_by_side(void **state)
{
    (void)state;
    meeting place = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    const gr_gate gate = {.size = sizeof gate,
                          .name = "meet",
                          .inputs = 1,
                          .outputs = 1,
                          .shape = meeting_shape,
                          .forward = meeting_wait,
                          .user = &place};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(8)), *met = gr_custom(g, &gate, &x, 1);
    gr_node *w = gr_var(g, "w", GR_F32, GR_SHAPE(8));
    gr_node *next = gr_assign(w, gr_add(w, met));
    gr_program *program;
    unit_ok(gr_compile(g, &next, 1, NULL, &program));
    meeting_job job[2] = {{.program = program}, {.program = program}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 8; k++) job[i].x[k] = (float)(10 * i + k);
        job[i].store = gr_store_new();
        const gr_tensor zero = {GR_F32, GR_SHAPE(8), job[i].value};
        unit_ok(gr_store_add(job[i].store, "w", &zero));
    }
    assert_true((uintptr_t)job[0].store / GR_ALIGN != (uintptr_t)job[1].store / GR_ALIGN);
    assert_int_equal((uintptr_t)job[0].store % GR_ALIGN, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, meeting_steps, &job[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(job[i].status, GR_OK);
        for (int k = 0; k < 8; k++)
            assert_true(job[i].value[k] == (float)(MEETING_STEPS * (10 * i + k)));
        gr_store_free(job[i].store);
    }
    gr_program_free(program);
    gr_graph_free(g);
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static void *stop_trainer(void *trainer)
{
    gr_trainer_stop(trainer);
    return NULL;
}

static void test_stop_from_another_thread(void **state)
{
    (void)state;
    gr_dataset *data = test_points(30, 0.3, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *trainer;
    pthread_t thread;
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.epochs = 1000000), &trainer));
    assert_int_equal(pthread_create(&thread, NULL, stop_trainer, trainer), 0);
    unit_refused(gr_train(trainer), GR_CANCELLED, "stopped on request");
    pthread_join(thread, NULL);
    gr_trainer_free(trainer);
    gr_model_free(model);
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_messages),
        cmocka_unit_test(test_contractions),
        cmocka_unit_test(test_trainings),
        cmocka_unit_test(test_sessions_side_by_side),
        cmocka_unit_test(test_stop_from_another_thread),
    };
    setenv("GRADUS_ONEDNN", "all", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
