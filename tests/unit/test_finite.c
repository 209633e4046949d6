/* check_finite: the first gate that made a NaN or an infinity is named, with place, element and
 * shapes; the step has changed nothing, and a training goes on from where it stood. */
#include "support_train.h"

#include <math.h>

#include <gradus/gradus.h>

/* A program of one output, checked. */
static gr_program *finite_compile(gr_graph *graph, gr_node **targets, int n)
{
    gr_program *program;
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .check_finite = true};
    unit_ok(gr_compile(graph, targets, n, &options, &program));
    gr_graph_free(graph);
    return program;
}

static void finite_feed(gr_session *session, const float *x, size_t bytes)
{
    unit_ok(gr_session_write(session, 0, x, bytes));
}

static void test_names(void **state)
{
    (void)state;
    const float fine[] = {1, 2, 3, 4, 5, 6}, zero[] = {1, 2, 3, 4, 0, 6},
                minus[] = {1, 2, -3, 4, 5, 6}, dirty[] = {1, 2, 3, NAN, 5, 6};
    float y[6];
    gr_graph *graph = gr_graph_new();
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(2, 3));
    /* After the log come gates that pass the NaN on, and would be one with it. */
    gr_node *h = gr_shift(gr_scale(gr_name(gr_log(gr_shift(x, 0)), "surprise"), 2), 1);
    gr_node *out = gr_mul(h, x);
    gr_program *program = finite_compile(graph, &out, 1);
    gr_session *session;
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    finite_feed(session, fine, sizeof fine);
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 0, y, sizeof y));
    finite_feed(session, zero, sizeof zero);
    unit_refused(gr_session_step(session), GR_NUMERIC, "log 'surprise' at ");
    unit_refused(gr_session_step(session), GR_NUMERIC,
                 ": element [1,1] of its result f32[2,3] is -inf, the first that is; it reads "
                 "f32[2,3]");
    finite_feed(session, minus, sizeof minus);
    unit_refused(gr_session_step(session), GR_NUMERIC,
                 "element [0,2] of its result f32[2,3] is NaN");
    unit_refused(gr_session_step(session), GR_NUMERIC,
                 "is NaN, the first that is; it reads f32[2,3]");
    finite_feed(session, dirty, sizeof dirty);
    unit_refused(gr_session_step(session), GR_NUMERIC,
                 "element [1,0] of the input 'x' f32[2,3] is NaN");
    finite_feed(session, fine, sizeof fine);
    unit_ok(gr_session_step(session));
    gr_session_free(session);
    gr_program_free(program);
}

/* An infinity that masks a score is no fault; one that comes out is. */
static void test_masks(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6};
    gr_graph *graph = gr_graph_new();
    gr_node *in = gr_input(graph, "x", GR_F32, GR_SHAPE(2, 3));
    gr_node *mask = gr_log(gr_cast(gr_less(in, gr_scalar(graph, GR_F32, 4.5)), GR_F32));
    gr_node *out = gr_softmax(gr_add(in, mask), 0);
    gr_program *program = finite_compile(graph, &out, 1);
    gr_session *session;
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    finite_feed(session, x, sizeof x);
    unit_ok(gr_session_step(session));
    gr_session_free(session);
    gr_program_free(program);
}

/* The gate in the body, and the iteration; of what was there before the loop, the loop is not the
 * origin. */
static void test_loops(void **state)
{
    (void)state;
    const float fine[] = {1, 2, 3}, late[] = {1, 2, 1000}, early[] = {-1, 2, 3};
    gr_graph *graph = gr_graph_new(), *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F32, GR_SCALAR),
            *x = gr_input(body, "x", GR_F32, GR_SCALAR);
    gr_node *next = gr_shift(gr_name(gr_exp(gr_add(gr_scale(h, 0), x)), "growth"), 1);
    gr_node *in = gr_input(graph, "x", GR_F32, GR_SHAPE(3));
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){h, x},
                         .body_out = (gr_node *[]){next},
                         .carries = 1,
                         .slices = 1};
    gr_node *loop = gr_name(
        gr_scan(graph, &spec, (gr_node *[]){gr_scalar(graph, GR_F32, 0), gr_sqrt(in)}), "chain");
    gr_node *out = gr_get(loop, 0);
    gr_program *program = finite_compile(graph, &out, 1);
    gr_session *session;
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    finite_feed(session, fine, sizeof fine);
    unit_ok(gr_session_step(session));
    finite_feed(session, (const float[]){1, 1e5f, 1}, sizeof fine);
    unit_refused(gr_session_step(session), GR_NUMERIC, "exp 'growth' at ");
    unit_refused(gr_session_step(session), GR_NUMERIC,
                 " in iteration 1 of scan 'chain': element [] of its result f32[] is inf");
    finite_feed(session, late, sizeof late);
    unit_ok(gr_session_step(session));
    finite_feed(session, early, sizeof early);
    unit_refused(gr_session_step(session), GR_NUMERIC, "sqrt at ");
    gr_session_free(session);
    gr_program_free(program);
}

/* A variable keeps its value. */
static void test_variables(void **state)
{
    (void)state;
    const float start[] = {1e30f, 2}, push = 1e30f;
    float now[2];
    gr_graph *graph = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_tensor w = {.dtype = GR_F32, .shape = GR_SHAPE(2), .data = (void *)start};
    unit_ok(gr_store_add(store, "w", &w));
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SCALAR);
    gr_node *v = gr_var(graph, "w", GR_F32, GR_SHAPE(2));
    gr_node *update = gr_assign(v, gr_mul(v, x));
    gr_program *program = finite_compile(graph, &update, 1);
    gr_session *session;
    unit_ok(gr_session_new(program, store, NULL, &session));
    finite_feed(session, &push, sizeof push);
    unit_refused(
        gr_session_step(session), GR_NUMERIC,
        "element [0] of its result f32[2] is inf, the first that is; it reads f32[2] and f32[]");
    unit_ok(gr_store_read(store, "w", now, sizeof now));
    assert_memory_equal(now, start, sizeof now);
    gr_session_free(session);
    gr_program_free(program);
    gr_store_free(store);
}

/* ---- Trainings --------------------------------------------------------------------------------
 */

static gr_node *exploding_recipe(gr_scope *scope, gr_node *x, void *user)
{
    gr_node *h = gr_dense(scope, "hidden", x, GR_DENSE(8));
    if (user) h = gr_name(gr_sqrt(h), "root");
    return gr_dense(scope, "out", gr_tanh(h), GR_DENSE(3));
}

static gr_model *finite_model(const gr_dataset *data, bool explodes, bool check)
{
    static int yes;
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.recipe = exploding_recipe, .user = explodes ? &yes : NULL,
                                  .data = data, .seed = 3, .threads = 1, .check_finite = check),
                         &model));
    return model;
}

static void test_training(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = finite_model(data, true, true);
    gr_trainer *t;
    gr_train_event event;
    unit_ok(gr_model_save(model, test_files_path("before")));
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = 50), &t));
    unit_refused(gr_train_step(t, &event), GR_NUMERIC, "epoch 1, step 1: sqrt 'root' at ");
    unit_refused(gr_train_step(t, &event), GR_NUMERIC,
                 "is NaN, the first that is; it reads f32[50,8]");
    assert_int_equal(gr_trainer_report(t).now.step, 0);
    /* Nothing has changed: what is saved is what was there (with the normalisation learnt). */
    unit_ok(gr_trainer_save(t, test_files_path("state")));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* A rate so high that the numbers overflow: the checkpoint is of a step before, and good. */
static void test_last_good(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    for (int check = 0; check < 2; check++) {
        gr_model *model = finite_model(data, false, check == 1);
        gr_trainer *t, *again;
        char path[256];
        gr_status status = GR_OK;
        snprintf(path, sizeof path, "%s", test_files_path(check ? "checked" : "unchecked"));
        unit_ok(
            gr_trainer_new(model, data, NULL,
                           GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .rate = 1e20, .l2 = 1e-3),
                                      .batch = 50, .checkpoint = path, .checkpoint_steps = 1),
                           &t));
        while (status == GR_OK) status = gr_train_step(t, NULL);
        assert_int_equal(status, GR_NUMERIC);
        const int64_t step = gr_trainer_report(t).now.step;
        gr_trainer_free(t);
        gr_model_free(model);
        model = finite_model(data, false, false);
        unit_ok(gr_trainer_new(
            model, data, NULL,
            GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_SGD, .rate = 1e20, .l2 = 1e-3), .batch = 50),
            &again));
        unit_ok(gr_trainer_resume(again, path));
        assert_true(gr_trainer_report(again).now.step > 0);
        assert_true(gr_trainer_report(again).now.step <= step);
        gr_trainer_free(again);
        gr_model_free(model);
    }
    gr_dataset_free(data);
}

/* Checked and not checked, a training that goes well ends with the same bytes. */
static void test_same_model(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    char path[2][256];
    for (int check = 0; check < 2; check++) {
        gr_model *model;
        gr_trainer *t;
        snprintf(path[check], sizeof path[check], "%s", test_files_path(check ? "one" : "other"));
        unit_ok(gr_model_new(GR_MODEL(.recipe = test_moody_recipe, .data = data, .seed = 3,
                                      .threads = 1, .check_finite = check == 1),
                             &model));
        unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = 50, .epochs = 3), &t));
        unit_ok(gr_train(t));
        unit_ok(gr_model_save(model, path[check]));
        gr_trainer_free(t);
        gr_model_free(model);
    }
    assert_true(test_same_files(path[0], path[1]));
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_masks),
        cmocka_unit_test(test_loops),      cmocka_unit_test(test_variables),
        cmocka_unit_test(test_training),   cmocka_unit_test(test_last_good),
        cmocka_unit_test(test_same_model),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
