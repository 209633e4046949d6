/* The contract of rounding: which trainings give the same bytes. Every run is a process of its own,
 * since the environment is read once; this one never starts the library's threads. */
#include "support.h"

#include <sys/wait.h>
#include <unistd.h>

#include <gradus/gradus.h>

enum { ROWS = 16, SIDE = 16, STEPS = 15, REPORT = 16384 };

typedef struct exact_run {
    const char *cpu, *onednn; /* GRADUS_CPU, GRADUS_ONEDNN; NULL: unset */
    int threads;
    bool exact;
    uint64_t seed;
    gr_node *(*loss)(gr_scope *scope, gr_node *x, gr_node *y);
} exact_run;

/* ---- What is trained --------------------------------------------------------------------------
 */

static gr_node *conv_net(gr_scope *scope, gr_node *x, gr_node *y)
{
    gr_node *h = gr_conv_layer(scope, NULL, x, GR_CONV(8, 5, .pad = 2));
    h = gr_max_pool(gr_relu(gr_batch_norm(scope, NULL, h, NULL)), GR_WINDOW(2));
    h = gr_relu(gr_conv_layer(scope, NULL, h, GR_CONV(32, 3, .pad = 1)));
    h = gr_dropout(scope, NULL, gr_relu(gr_dense(scope, NULL, h, GR_DENSE(32))), 0.3);
    return gr_softmax_cross_entropy(gr_dense(scope, NULL, h, GR_DENSE(10)), y, NULL);
}

/* Elementwise gates, reductions and draws: no contraction. */
static gr_node *elementwise_net(gr_scope *scope, gr_node *x, gr_node *y)
{
    gr_shape shape = GR_SHAPE(3, SIDE, SIDE);
    gr_init init = {GR_INIT_NORMAL, 0, 1};
    gr_node *w = gr_param(scope, "w", shape, init, 1, 1),
            *b = gr_param(scope, "b", shape, init, 1, 1);
    gr_node *h = gr_add(gr_mul(x, w), b);
    h = gr_dropout(scope, NULL, gr_add(gr_tanh(h), gr_mul(gr_sigmoid(h), gr_sin(h))), 0.3);
    h = gr_batch_norm(scope, NULL, h, NULL);
    h = gr_add(gr_softplus(h), gr_log(gr_shift(gr_exp(gr_neg(gr_abs(h))), 1)));
    gr_node *scores = gr_log_softmax(gr_mean(h, GR_AXES(2)), 2);
    gr_node *target = gr_reshape(gr_cast(y, GR_F32), GR_SHAPE(ROWS, 1, 1));
    return gr_mean(gr_square(gr_sub(scores, target)), GR_ALL);
}

/* ---- One run, in the child --------------------------------------------------------------------
 */

static gr_status run_steps(const gr_program *program, gr_store *store, uint64_t seed)
{
    static float x[ROWS * 3 * SIDE * SIDE];
    int32_t y[ROWS];
    gr_rng rng = gr_rng_new(seed, 1);
    gr_session *session;
    GR_TRY(gr_session_new(program, store, NULL, &session));
    gr_status status = gr_session_bind(session, gr_program_find_input(program, "x"), x, sizeof x);
    if (status == GR_OK)
        status = gr_session_bind(session, gr_program_find_input(program, "y"), y, sizeof y);
    for (int step = 0; step < STEPS && status == GR_OK; step++) {
        for (size_t i = 0; i < GR_LEN(x); i++) x[i] = (float)gr_rng_normal(&rng);
        for (size_t i = 0; i < GR_LEN(y); i++) y[i] = (int32_t)gr_rng_below(&rng, 10);
        status = gr_session_step(session);
    }
    gr_session_free(session);
    return status;
}

static gr_status run_train(const exact_run *run, gr_graph *graph, gr_store *store)
{
    gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = run->seed};
    gr_scope *scope = gr_scope_new(graph, store, &options);
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(ROWS, 3, SIDE, SIDE));
    gr_node *y = gr_input(graph, "y", GR_I32, GR_SHAPE(ROWS)), *targets[64];
    gr_program *program = NULL;
    gr_node *loss = run->loss(scope, x, y);
    gr_status status = gr_minimize(scope, loss, GR_OPTIMIZER(GR_ADAM, .rate = 0.01, .l2 = 1e-3));
    int n = gr_scope_updates(scope);
    if (n > (int)GR_LEN(targets)) return gr_fail(GR_INTERNAL, "%d updates", n);
    for (int i = 0; i < n; i++) targets[i] = gr_scope_update_node(scope, i);
    gr_compile_options compile = {
        .size = sizeof compile, .threads = run->threads, .exact = run->exact};
    if (status == GR_OK) status = gr_compile(graph, targets, n, &compile, &program);
    if (status == GR_OK) status = run_steps(program, store, run->seed);
    gr_program_free(program);
    gr_scope_free(scope);
    return status;
}

/* A line for each tensor of the store: its name, a hash of its bytes, its first element. */
static gr_status run_report(const gr_store *store, gr_text *report)
{
    for (int i = 0; i < gr_store_size(store); i++) {
        gr_tensor value = gr_store_type(store, i);
        GR_TRY(gr_tensor_new(value.dtype, value.shape, &value));
        size_t bytes = gr_tensor_bytes(&value);
        GR_TRY(gr_store_read(store, gr_store_name(store, i), value.data, bytes));
        gr_text_printf(report, "%s %016llx %.9g\n", gr_store_name(store, i),
                       (unsigned long long)gr_hash(value.data, bytes, 0), gr_tensor_at(&value, 0));
        gr_tensor_clear(&value);
    }
    return report->failed ? GR_NO_MEMORY : GR_OK;
}

static void set_or_unset(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void run_child(const exact_run *run, int pipe_end)
{
    gr_text report = {0};
    set_or_unset("GRADUS_CPU", run->cpu);
    set_or_unset("GRADUS_ONEDNN", run->onednn);
    gr_graph *graph = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_status status = run_train(run, graph, store);
    if (status == GR_OK) status = run_report(store, &report);
    if (status != GR_OK) gr_text_printf(&report, "fault: %s\n", gr_message());
    ssize_t written = write(pipe_end, report.data, report.size);
    _exit(written == (ssize_t)report.size ? 0 : 1);
}

/* ---- Comparisons, in the parent ---------------------------------------------------------------
 */

static void train(const exact_run *run, char report[REPORT])
{
    int ends[2], state;
    size_t size = 0;
    ssize_t got;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        run_child(run, ends[1]);
    }
    close(ends[1]);
    while ((got = read(ends[0], report + size, REPORT - 1 - size)) > 0) size += (size_t)got;
    report[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &state, 0), child);
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) fail_msg("a run ended with %d", state);
    if (strstr(report, "fault:") || strstr(report, "nan")) fail_msg("%s", report);
    assert_non_null(strstr(report, "step ")); /* the counter of steps: there is something */
}

static void expect_same(const exact_run *a, const exact_run *b)
{
    static char of_a[REPORT], of_b[REPORT];
    train(a, of_a);
    train(b, of_b);
    if (strcmp(of_a, of_b) != 0) {
        fail_msg("%s oneDNN=%s %d threads:\n%s\n%s oneDNN=%s %d threads:\n%s", a->cpu ? a->cpu : "",
                 a->onednn ? a->onednn : "", a->threads, of_a, b->cpu ? b->cpu : "",
                 b->onednn ? b->onednn : "", b->threads, of_b);
    }
}

static void expect_same_for_threads(exact_run run)
{
    exact_run other = run;
    const int threads[] = {2, 3, 8};
    run.threads = 1;
    for (size_t i = 0; i < GR_LEN(threads); i++) {
        other.threads = threads[i];
        expect_same(&run, &other);
    }
}

static void test_exact_for_any_threads(void **state)
{
    (void)state;
    expect_same_for_threads(
        (exact_run){.onednn = "all", .exact = true, .seed = 1, .loss = conv_net});
}

static void test_portable_for_any_threads(void **state)
{
    (void)state;
    expect_same_for_threads((exact_run){.onednn = "0", .seed = 2, .loss = conv_net});
}

static void test_elementwise_for_any_level(void **state)
{
    (void)state;
    exact_run base = {.cpu = "base", .threads = 1, .seed = 3, .loss = elementwise_net};
    exact_run avx2 = base, avx512 = base;
    avx2.cpu = "avx2";
    avx2.threads = 2;
    avx512.cpu = "avx512";
    avx512.threads = 3;
    expect_same(&base, &avx2);
    expect_same(&base, &avx512);
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    static char report[REPORT], other_report[REPORT];
    exact_run run = {.onednn = "all", .threads = 2, .seed = 4, .loss = conv_net}, other = run;
    expect_same(&run, &other);
    other.seed = 5;
    train(&run, report);
    train(&other, other_report);
    assert_string_not_equal(report, other_report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_for_any_threads),
        cmocka_unit_test(test_portable_for_any_threads),
        cmocka_unit_test(test_elementwise_for_any_level),
        cmocka_unit_test(test_same_seed_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
