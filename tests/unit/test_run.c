/* Plans, programs, sessions and stores. */
#include "support.h"

#include <pthread.h>

#include <gradus/gradus.h>

#include "ops/ops.h"
#include "run/program.h"
#include "run/store.h"

static double run_f64(gr_graph *g, gr_node *y, const gr_feed *feeds, int n)
{
    gr_tensor out;
    (void)g;
    unit_ok(gr_evaluate(g, &y, 1, feeds, n, NULL, &out));
    double v = gr_tensor_at(&out, 0);
    gr_tensor_clear(&out);
    return v;
}

/* f = (x + y)·z of the lecture: −12 with gradients −4, −4, 3. */
static void test_circuit(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR);
    gr_node *y = gr_input(g, "y", GR_F64, GR_SCALAR);
    gr_node *z = gr_input(g, "z", GR_F64, GR_SCALAR);
    gr_node *f = gr_mul(gr_add(x, y), z), *df[3];
    unit_ok(gr_grad(f, (gr_node *[]){x, y, z}, 3, df));
    double vx = -2, vy = 5, vz = -4;
    gr_feed feeds[] = {{"x", &vx}, {"y", &vy}, {"z", &vz}};
    assert_true(run_f64(g, f, feeds, 3) == -12);
    assert_true(run_f64(g, df[0], feeds, 3) == -4);
    assert_true(run_f64(g, df[1], feeds, 3) == -4);
    assert_true(run_f64(g, df[2], feeds, 3) == 3);
    gr_graph_free(g);
}

/* v := v + 1, w := v: w takes the old v; a and b swap. */
static void test_assign(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    float one = 1, two = 2, ten = 10, v;
    const char *names[] = {"v", "w", "a", "b"};
    const float *start[] = {&ten, &one, &one, &two};
    for (int i = 0; i < 4; i++)
        unit_ok(gr_store_add(store, names[i], &(gr_tensor){GR_F32, GR_SCALAR, (void *)start[i]}));
    gr_graph *g = gr_graph_new();
    gr_node *n[4];
    for (int i = 0; i < 4; i++) n[i] = gr_var(g, names[i], GR_F32, GR_SCALAR);
    gr_node *targets[] = {gr_assign(n[0], gr_shift(n[0], 1)), gr_assign(n[1], n[0]),
                          gr_assign(n[2], n[3]), gr_assign(n[3], n[2]), n[0]};
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(g, targets, 5, NULL, &program));
    gr_graph_free(g);
    unit_ok(gr_session_new(program, store, NULL, &session));
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 4, &v, sizeof v));
    assert_true(v == 10); /* as it was at the start of the step */
    unit_ok(gr_session_steps(session, 2));
    const float expected[] = {13, 12, 2, 1};
    for (int i = 0; i < 4; i++) {
        unit_ok(gr_store_read(store, names[i], &v, sizeof v));
        assert_true(v == expected[i]);
    }
    gr_session_free(session);
    gr_program_free(program);
    gr_store_free(store);
}

/* An assign is a target; its value is the variable's in the next step. */
static void test_assigns_are_not_read(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *v = gr_var(g, "v", GR_F32, GR_SHAPE(3));
    gr_node *effect = gr_assign(v, gr_shift(v, 1));
    assert_true(gr_is_error((gr_sqrt)(effect)));
    assert_string_equal(gr_graph_message(g),
                        "sqrt: input 0 is the effect of assign, which has no value to read");
    gr_graph_free(g);
    gr_node *out[4];
    int n = 0;
    const char *text = "gradus graph 1\n"
                       "%0 = var() {name=\"v\", dtype=f32, shape=[3]} : f32[3]\n"
                       "%1 = assign(%0, %0) : f32[3]\n"
                       "%2 = add(%0, %1) : f32[3]\n"
                       "return %2\n";
    unit_refused(gr_graph_read(text, &g, out, 4, &n), GR_SYNTAX, "input 1 is the effect of assign");
}

static void test_two_assigns_are_refused(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *v = gr_var(g, "v", GR_F32, GR_SCALAR);
    gr_node *targets[] = {gr_assign(v, gr_shift(v, 1)), gr_assign(v, gr_shift(v, 2))};
    gr_program *program;
    unit_refused(gr_compile(g, targets, 2, NULL, &program), GR_INVALID,
                 "variable 'v' is assigned twice");
    assert_null(program);
    gr_graph_free(g);
}

/* A step that fails on its data leaves every variable as it was. */
static void test_failed_step_changes_nothing(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    float table[3] = {1, 2, 3}, got[3];
    unit_ok(gr_store_add(store, "table", &(gr_tensor){GR_F32, GR_SHAPE(3), table}));
    gr_graph *g = gr_graph_new();
    gr_node *t = gr_var(g, "table", GR_F32, GR_SHAPE(3));
    gr_node *i = gr_input(g, "i", GR_I64, GR_SHAPE(2));
    gr_node *targets[] = {gr_assign(t, gr_scale(t, 2)), gr_gather(t, i, 0)};
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(g, targets, 2, NULL, &program));
    unit_ok(gr_session_new(program, store, NULL, &session));
    unit_refused(gr_session_step(session), GR_INVALID, "input 'i' i64[2] has no value yet");
    unit_ok(gr_session_write(session, 0, (int64_t[]){1, 7}, 16));
    unit_refused(gr_session_step(session), GR_RANGE, "7");
    unit_refused(gr_session_read(session, 1, got, 8), GR_INVALID, "no step has succeeded");
    unit_ok(gr_store_read(store, "table", got, sizeof got));
    assert_memory_equal(got, table, sizeof table);
    unit_ok(gr_session_write(session, 0, (int64_t[]){1, 2}, 16));
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 1, got, 8));
    assert_true(got[0] == 2 && got[1] == 3);
    unit_ok(gr_store_read(store, "table", got, sizeof got));
    assert_true(got[2] == 6);
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(g);
    gr_store_free(store);
}

static void test_session_refusals(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3)), *w = gr_var(g, "w", GR_F32, GR_SHAPE(3));
    gr_node *y = gr_mul(x, w);
    gr_program *program;
    gr_session *session;
    gr_store *store = gr_store_new();
    unit_ok(gr_compile(g, &y, 1, NULL, &program));
    unit_refused(gr_session_new(program, NULL, NULL, &session), GR_INVALID, "no store was given");
    unit_refused(gr_session_new(program, store, NULL, &session), GR_NOT_FOUND, "'w' f32[3]");
    unit_ok(gr_store_add(store, "w", &(gr_tensor){GR_F32, GR_SHAPE(4), NULL}));
    unit_refused(gr_store_add(store, "w", &(gr_tensor){GR_F32, GR_SHAPE(4), NULL}), GR_INVALID,
                 "already holds a tensor 'w'");
    unit_refused(gr_session_new(program, store, NULL, &session), GR_SHAPE,
                 "'w' is f32[4] in the store, but f32[3] in the program");
    gr_store_free(store);
    store = gr_store_new();
    unit_ok(gr_store_add(store, "w", &(gr_tensor){GR_F32, GR_SHAPE(3), NULL}));
    unit_ok(gr_session_new(program, store, NULL, &session));
    unit_refused(gr_session_write(session, 0, NULL, 20), GR_SHAPE, "f32[2,3] has 24 bytes, not 20");
    unit_refused(gr_session_write(session, 5, NULL, 20), GR_RANGE, "no input 5");
    gr_session_free(session);
    gr_program_free(program);
    gr_compile_options options = {.size = sizeof options, .passes = "-folt"};
    unit_refused(gr_compile(g, &y, 1, &options, &program), GR_INVALID, "did you mean '-fold'");
    gr_node *bad = gr_relu(gr_name(gr_matmul(x, x), "fc1"));
    unit_refused(gr_compile(g, &bad, 1, NULL, &program), GR_SHAPE, "matmul 'fc1' (");
    gr_graph_free(g);
    gr_store_free(store);
}

/* ---- The memory plan ------------------------------------------------------------------------- */

/* A three-layer net with its gradients and momentum updates. */
static gr_program *run_mlp(gr_store *store)
{
    gr_graph *g = gr_graph_new();
    const int64_t sizes[] = {50, 40, 30, 10};
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(16, 50)), *w[3], *dw[3], *targets[7];
    gr_node *h = x;
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        gr_shape shape = GR_SHAPE(sizes[i], sizes[i + 1]);
        unit_ok(gr_store_add(store, name, &(gr_tensor){GR_F32, shape, NULL}));
        w[i] = gr_var(g, name, GR_F32, shape);
        h = gr_matmul(h, w[i]);
        if (i < 2) h = gr_relu(h);
    }
    gr_node *loss = gr_neg(gr_mean(gr_log_softmax(h, 1), GR_ALL));
    unit_ok(gr_grad(loss, w, 3, dw));
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "v%d", i);
        gr_shape shape = gr_node_shape(w[i]);
        unit_ok(gr_store_add(store, name, &(gr_tensor){GR_F32, shape, NULL}));
        gr_node *v = gr_var(g, name, GR_F32, shape);
        gr_node *new_v = gr_add(gr_scale(v, 0.9), dw[i]);
        targets[2 * i] = gr_assign(v, new_v);
        targets[2 * i + 1] = gr_assign(w[i], gr_sub(w[i], gr_scale(new_v, 0.1)));
    }
    targets[6] = loss;
    gr_program *program;
    unit_ok(gr_compile(g, targets, 7, NULL, &program));
    gr_graph_free(g);
    return program;
}

static void test_no_two_live_buffers_overlap(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_program *program = run_mlp(store);
    gr_plan *plan = program->plan;
    gr_plan_info info = gr_program_plan(program);
    print_message("plan %zu bytes, lower bound %zu\n", info.arena, info.lower_bound);
    unit_ok(gr_plan_verify(plan));
    assert_true(info.arena >= info.lower_bound);
    assert_int_equal(plan->n_copies, 0); /* every update happens in the variable's own memory */
    for (int v = 0; v < plan->n_values; v++)
        if (plan->values[v].home == GR_HOME_ARENA)
            assert_true(plan->values[v].offset % GR_ALIGN == 0);

    /* A result of a matmul, moved over its first operand. */
    bool planted = false;
    for (int s = 0; s < plan->n_steps && !planted; s++) {
        const gr_step *step = &plan->steps[s];
        gr_value *in = &plan->values[plan->args[step->args]];
        gr_value *out = &plan->values[plan->args[step->args + step->n_in]];
        if (step->inplace[0] || in->home != GR_HOME_ARENA || out->home != GR_HOME_ARENA) continue;
        out->offset = in->offset;
        planted = true;
    }
    assert_true(planted);
    unit_refused(gr_plan_verify(plan), GR_INTERNAL, "overlap");
    gr_program_free(program);
    gr_store_free(store);
}

/* A variable that is overwritten while a later step wants its old content. */
static void test_early_assigns_are_found(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_program *program = run_mlp(store);
    gr_plan *plan = program->plan;
    bool planted = false;
    for (int s = 0; s < plan->n_steps && !planted; s++) {
        const gr_step *step = &plan->steps[s];
        gr_value *out = &plan->values[plan->args[step->args + step->n_in]];
        if (out->home != GR_HOME_ARENA) continue;
        *out = (gr_value){.home = GR_HOME_VARIABLE, .bytes = out->bytes, .buffer = out->buffer};
        planted = true;
    }
    assert_true(planted);
    unit_refused(gr_plan_verify(plan), GR_INTERNAL, "too early");
    gr_program_free(program);
    gr_store_free(store);
}

/* The plan of in-place and shared buffers gives the bits of a plan that shares nothing: passes on
 * and off, many steps. */
static void test_plan_keeps_values(void **state)
{
    (void)state;
    float x[16 * 50], result[2][30 * 10];
    for (int i = 0; i < 16 * 50; i++) x[i] = (float)((i * 37) % 101) / 101 - 0.5f;
    for (int round = 0; round < 2; round++) {
        gr_store *store = gr_store_new();
        if (round) setenv("GRADUS_PASSES", "-all", 1);
        gr_program *program = run_mlp(store);
        unsetenv("GRADUS_PASSES");
        for (int i = 0; i < 3; i++) {
            char name[16];
            snprintf(name, sizeof name, "w%d", i);
            gr_tensor type = gr_store_type(store, gr_store_find(store, name));
            float w[50 * 40];
            for (int e = 0; e < 50 * 40; e++) w[e] = (float)((e * 53 + i) % 97) / 97 - 0.5f;
            unit_ok(gr_store_write(store, name, w, gr_tensor_bytes(&type)));
        }
        gr_session *session;
        unit_ok(gr_session_new(program, store, NULL, &session));
        unit_ok(gr_session_bind(session, 0, x, sizeof x));
        unit_ok(gr_session_steps(session, 20));
        unit_ok(gr_store_read(store, "w2", result[round], sizeof result[round]));
        gr_session_free(session);
        gr_program_free(program);
        gr_store_free(store);
    }
    assert_memory_equal(result[0], result[1], sizeof result[0]);
}

/* A reduction of an axis of size 1 moves nothing, so it is no step. */
static void test_reductions_of_one_element_are_free(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(1, 5)),
            *y = gr_input(g, "y", GR_F32, GR_SHAPE(2, 5));
    gr_node *targets[] = {gr_square(gr_sum(x, GR_AXES(0))), gr_square(gr_max(y, GR_AXES(0)))};
    gr_program *program;
    unit_ok(gr_compile(g, &targets[0], 1, NULL, &program));
    assert_int_equal(gr_program_plan(program).steps, 1);
    gr_program_free(program);
    unit_ok(gr_compile(g, &targets[1], 1, NULL, &program));
    assert_int_equal(gr_program_plan(program).steps, 2);
    gr_program_free(program);
    gr_graph_free(g);
}

/* ---- Threads --------------------------------------------------------------------------------- */

typedef struct run_worker {
    const gr_program *program;
    gr_store *store;
    float scale, got;
    gr_status status;
} run_worker;

static void *run_work(void *user)
{
    run_worker *w = user;
    gr_session *session;
    w->status = gr_session_new(w->program, w->store, NULL, &session);
    for (int i = 0; i < 2000 && w->status == GR_OK; i++) {
        w->status = gr_session_write(session, 0, &w->scale, sizeof w->scale);
        if (w->status == GR_OK) w->status = gr_session_step(session);
        if (w->status == GR_OK) w->status = gr_session_read(session, 0, &w->got, sizeof w->got);
        if (w->got != 3 * w->scale) w->status = GR_INTERNAL;
    }
    gr_session_free(session);
    return NULL;
}

static void test_many_sessions_on_one_program(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    float three = 3;
    unit_ok(gr_store_add(store, "w", &(gr_tensor){GR_F32, GR_SCALAR, &three}));
    gr_graph *g = gr_graph_new();
    gr_node *y = gr_mul(gr_input(g, "x", GR_F32, GR_SCALAR), gr_var(g, "w", GR_F32, GR_SCALAR));
    gr_program *program;
    unit_ok(gr_compile(g, &y, 1, NULL, &program));
    gr_graph_free(g);
    pthread_t threads[6];
    run_worker workers[6];
    for (int i = 0; i < 6; i++) {
        workers[i] = (run_worker){program, store, (float)i, 0, GR_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, run_work, &workers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].status, GR_OK);
    }
    gr_program_free(program);
    gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_circuit),
        cmocka_unit_test(test_assign),
        cmocka_unit_test(test_assigns_are_not_read),
        cmocka_unit_test(test_two_assigns_are_refused),
        cmocka_unit_test(test_failed_step_changes_nothing),
        cmocka_unit_test(test_session_refusals),
        cmocka_unit_test(test_no_two_live_buffers_overlap),
        cmocka_unit_test(test_early_assigns_are_found),
        cmocka_unit_test(test_plan_keeps_values),
        cmocka_unit_test(test_reductions_of_one_element_are_free),
        cmocka_unit_test(test_many_sessions_on_one_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
