/* What steps cost, what programs tell of their steps, and profiles of sessions. */
#include "support.h"
#include "support_memory.h"

#include <gradus/gradus.h>

#include "plan/cost.h"

/* ---- Costs ----------------------------------------------------------------------------------- */

static void assert_cost(const gr_node *node, double flops, double bytes)
{
    gr_cost cost;
    assert_false(gr_is_error(node));
    unit_ok(gr_node_cost(node, &cost));
    if (cost.flops != flops || cost.bytes != bytes)
        fail_msg("%s: %g operations and %g bytes, not %g and %g", gr_node_op(node), cost.flops,
                 cost.bytes, flops, bytes);
}

static gr_node *input(gr_graph *g, const char *name, gr_shape shape)
{
    return gr_input(g, name, GR_F32, shape);
}

static void test_cost_of_contractions(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *a = input(g, "a", GR_SHAPE(5, 7)), *b = input(g, "b", GR_SHAPE(7, 3));
    assert_cost(gr_matmul(a, b), 2 * 5 * 7 * 3, 4 * (35 + 21 + 15));
    gr_node *stack = input(g, "stack", GR_SHAPE(4, 5, 7));
    assert_cost(gr_matmul_t(stack, false, input(g, "c", GR_SHAPE(4, 3, 7)), true),
                4 * 2 * 5 * 7 * 3, 4 * (140 + 84 + 60));
    /* LeNet's second convolution: 1.6 M multiply-adds an example. */
    gr_node *x = input(g, "x", GR_SHAPE(64, 20, 12, 12)),
            *w = input(g, "w", GR_SHAPE(50, 20, 5, 5));
    gr_node *y = gr_conv(x, w, NULL);
    const double elements = 64 * 20 * 144 + 50 * 20 * 25 + 64 * 50 * 64;
    assert_cost(y, 2 * 64 * 1.6e6, 4 * elements);
    gr_node *dx[2];
    unit_ok(gr_grad(gr_sum(y, GR_ALL), (gr_node *[]){x, w}, 2, dx));
    int seen = 0;
    for (int id = 0; id < gr_graph_size(g); id++) {
        const gr_node *node = gr_graph_node(g, id);
        if (strncmp(gr_node_op(node), "conv_", 5) != 0) continue;
        gr_cost cost;
        unit_ok(gr_node_cost(node, &cost));
        assert_true(cost.flops == 2 * 64 * 1.6e6);
        seen++;
    }
    assert_int_equal(seen, 2);
    gr_graph_free(g);
}

static void test_cost_of_the_rest(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = input(g, "x", GR_SHAPE(6, 10)), *row = input(g, "row", GR_SHAPE(10));
    assert_cost(x, 0, 0);
    assert_cost(gr_add(x, row), 60, 4 * (60 + 10 + 60));
    assert_cost(gr_mul(x, x), 60, 4 * (60 + 60)); /* read once */
    assert_cost(gr_tanh(x), 24 * 60, 4 * 120);
    assert_cost(gr_sum(x, GR_ALL), 60, 4 * 61);
    assert_cost(gr_reshape(x, GR_SHAPE(60)), 0, 0);
    assert_cost(gr_permute(x, GR_AXES(1, 0)), 0, 4 * 120);
    assert_cost(gr_gather(x, gr_input(g, "i", GR_I32, GR_SHAPE(2)), 0), 0, 4 * (2 + 20 + 20));
    gr_node *image = input(g, "image", GR_SHAPE(2, 3, 8, 8));
    assert_cost(gr_max_pool(image, GR_WINDOW(2)), 2 * 3 * 16 * 4, 4 * (384 + 96));
    gr_graph_free(g);
}

/* c := c·2 + x[t]: two operations on three elements, five times. */
static void test_cost_of_a_loop(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new(), *body = gr_graph_new();
    gr_node *carry = input(body, "c", GR_SHAPE(3)), *slice = input(body, "x", GR_SHAPE(3));
    gr_node *twice = gr_mul(carry, gr_full(body, GR_F32, GR_SHAPE(3), 2));
    gr_node *next = gr_add(twice, slice);
    gr_exp(next); /* nobody needs it */
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){carry, slice},
                         .body_out = (gr_node *[]){next},
                         .carries = 1,
                         .slices = 1};
    gr_node *start = input(g, "start", GR_SHAPE(3)), *x = input(g, "x", GR_SHAPE(5, 3));
    gr_node *loop = gr_scan(g, &spec, (gr_node *[]){start, x});
    gr_cost cost;
    unit_ok(gr_graph_status(g));
    unit_ok(gr_node_cost(loop, &cost));
    assert_true(cost.flops == 5 * 2 * 3);
    assert_true(cost.bytes >= 5 * 2 * 3 * 3 * 4.0);
    gr_graph_free(g);
}

/* ---- Programs and profiles ------------------------------------------------------------------- */

/* A layer with its update, and a variable that takes another's place only at the end of a step. */
typedef struct fixture {
    gr_store *store;
    gr_program *program;
    gr_session *session;
} fixture;

static fixture fixture_new(void)
{
    fixture f = {.store = gr_store_new()};
    gr_graph *g = gr_graph_new();
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN};
    gr_scope *scope = gr_scope_new(g, f.store, &options);
    gr_node *x = input(g, "x", GR_SHAPE(8, 6));
    gr_node *y = gr_name(
        gr_matmul(x, gr_param(scope, "w", GR_SHAPE(6, 4), (gr_init){.kind = GR_INIT_HE}, 6, 4)),
        "product");
    gr_node *a = gr_state(scope, "a", GR_F32, GR_SCALAR, 1);
    gr_node *b = gr_state(scope, "b", GR_F32, GR_SCALAR, 2);
    gr_node *targets[] = {gr_sum(gr_softmax(y, 1), GR_ALL), gr_assign(a, b), gr_assign(b, a)};
    float zeros[48] = {0};
    unit_ok(gr_compile(g, targets, 3, NULL, &f.program));
    unit_ok(gr_session_new(f.program, f.store, NULL, &f.session));
    unit_ok(gr_session_write(f.session, 0, zeros, sizeof zeros));
    gr_scope_free(scope);
    gr_graph_free(g);
    return f;
}

static void fixture_free(fixture *f)
{
    gr_session_free(f->session);
    gr_program_free(f->program);
    gr_store_free(f->store);
}

static void test_program_steps(void **state)
{
    (void)state;
    fixture f = fixture_new();
    gr_step_info info;
    int products = 0, n = gr_program_plan(f.program).steps;
    for (int s = 0; s < n; s++) {
        unit_ok(gr_program_step(f.program, s, &info));
        assert_non_null(info.kernel);
        assert_true(info.bytes > 0 && info.outputs >= 1);
        assert_true(*info.home);
        if (strcmp(info.op, "matmul") != 0) continue;
        products++;
        assert_string_equal(info.name, "product");
        assert_string_equal(info.inputs, "f32[8,6] f32[6,4]");
        assert_true(gr_shape_equal(info.out.shape, GR_SHAPE(8, 4)));
        assert_true(info.flops == 2 * 8 * 6 * 4);
        assert_memory_equal(info.home, "arena+", 6);
    }
    assert_int_equal(products, 1);
    unit_refused(gr_program_step(f.program, n, &info), GR_RANGE, "the program has");
    unit_refused(gr_program_step(f.program, -1, &info), GR_RANGE, "no step -1");
    fixture_free(&f);
}

/* Many operands: what has no room is cut at a whole one. */
static void test_long_lists_are_cut(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *parts[40];
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        parts[i] = input(g, name, GR_SHAPE(2, 3));
    }
    gr_node *all = gr_concat(parts, 40, 0);
    gr_program *program;
    gr_step_info info;
    unit_ok(gr_compile(g, &all, 1, NULL, &program));
    unit_ok(gr_program_step(program, 0, &info));
    assert_string_equal(info.op, "concat");
    size_t length = strlen(info.inputs);
    assert_true(length < sizeof info.inputs && length > sizeof info.inputs - 16);
    assert_string_equal(info.inputs + length - strlen("f32[2,3]…"), "f32[2,3]…");
    gr_program_free(program);
    gr_graph_free(g);
}

static void test_sessions_are_timed(void **state)
{
    (void)state;
    fixture f = fixture_new();
    gr_profile *profile;
    unit_ok(gr_profile_new(NULL, &profile));
    assert_int_equal(gr_profile_sections(profile), 0);
    unit_ok(gr_session_steps(f.session, 2)); /* these do not count */
    char name[] = "training";
    unit_ok(gr_session_profile(f.session, profile, name));
    name[0] = 'T'; /* it was copied */
    unit_ok(gr_session_steps(f.session, 3));
    unit_ok(gr_session_step(f.session));
    gr_profile_section section = gr_profile_section_info(profile, 0);
    assert_int_equal(gr_profile_sections(profile), 1);
    assert_string_equal(section.name, "training");
    assert_int_equal(section.steps, 4);
    assert_int_equal(section.rows, gr_program_plan(f.program).steps + 1);
    double sum = 0;
    for (int r = 0; r < section.rows; r++) {
        gr_profile_row row = gr_profile_row_info(profile, 0, r);
        assert_int_equal(row.calls, 4);
        assert_true(row.least >= 0 && row.seconds >= 4 * row.least);
        /* Kept as a float. */
        assert_true(row.median >= .9999 * row.least && 2 * row.median <= 1.0001 * row.seconds);
        sum += row.seconds;
    }
    assert_true(section.seconds > 0);
    assert_true(sum > .999 * section.seconds && sum < 1.001 * section.seconds);
    gr_profile_row last = gr_profile_row_info(profile, 0, section.rows - 1);
    assert_string_equal(last.step.op, "copy");
    assert_true(last.step.outputs >= 2); /* a and b cannot swap without */
    assert_true(last.step.bytes == 2.0 * sizeof(float) * last.step.outputs);
    unit_ok(gr_session_profile(f.session, NULL, NULL));
    unit_ok(gr_session_step(f.session));
    assert_int_equal(gr_profile_section_info(profile, 0).steps, 4);
    fixture_free(&f); /* the profile outlives them */
    assert_string_equal(gr_profile_row_info(profile, 0, section.rows - 1).step.kernel, "memcpy");
    gr_profile_reset(profile);
    assert_int_equal(gr_profile_section_info(profile, 0).steps, 0);
    assert_true(gr_profile_row_info(profile, 0, 0).seconds == 0);
    assert_null(gr_profile_section_info(profile, 1).name);
    assert_null(gr_profile_row_info(profile, 0, section.rows).step.op);
    gr_profile_free(profile);
    gr_profile_free(NULL);
}

/* The same values with a profile as without. */
static void test_results_are_the_same(void **state)
{
    (void)state;
    fixture plain = fixture_new(), timed = fixture_new();
    gr_profile *profile;
    float sums[2], left[2];
    unit_ok(gr_profile_new(NULL, &profile));
    unit_ok(gr_session_profile(timed.session, profile, "x"));
    unit_ok(gr_session_steps(plain.session, 3));
    unit_ok(gr_session_steps(timed.session, 3));
    unit_ok(gr_session_read(plain.session, 0, &sums[0], sizeof(float)));
    unit_ok(gr_session_read(timed.session, 0, &sums[1], sizeof(float)));
    unit_ok(gr_store_read(plain.store, "a", &left[0], sizeof(float)));
    unit_ok(gr_store_read(timed.store, "a", &left[1], sizeof(float)));
    assert_memory_equal(&sums[0], &sums[1], sizeof(float));
    assert_true(left[0] == 2 && left[1] == 2);
    fixture_free(&plain);
    fixture_free(&timed);
    gr_profile_free(profile);
}

static int count(const char *text, const char *words)
{
    int n = 0;
    for (; (text = strstr(text, words)); text++) n++;
    return n;
}

static void test_trace(void **state)
{
    (void)state;
    fixture f = fixture_new();
    gr_profile *profile;
    char *text;
    unit_ok(gr_profile_new(GR_PROFILE(.events = 20), &profile));
    unit_ok(gr_session_profile(f.session, profile, "a \"name\""));
    unit_ok(gr_profile_trace(profile, &text));
    assert_int_equal(count(text, "\"ph\":\"X\""), 0);
    gr_text_release(text);
    unit_ok(gr_session_step(f.session));
    unit_ok(gr_profile_trace(profile, &text));
    assert_int_equal(count(text, "\"ph\":\"X\""), gr_profile_section_info(profile, 0).rows + 1);
    assert_int_equal(count(text, "\"name\":\"product\""), 1);
    assert_non_null(strstr(text, "\"a \\\"name\\\"\""));
    gr_text_release(text);
    unit_ok(gr_session_steps(f.session, 9)); /* the ring has gone round */
    unit_ok(gr_profile_trace(profile, &text));
    assert_int_equal(count(text, "\"ph\":\"X\""), 20);
    gr_text_release(text);
    fixture_free(&f);
    gr_profile_free(profile);
}

/* A step timed with too little memory anywhere on the way. */
static gr_status profile_flow(void *user)
{
    (void)user;
    gr_profile *profile = NULL;
    char *text = NULL;
    gr_graph *g = gr_graph_new();
    gr_program *program = NULL;
    gr_session *session = NULL;
    const float values[3] = {1, 2, 3};
    gr_node *y = gr_exp(gr_input(g, "x", GR_F32, GR_SHAPE(3)));
    gr_status status = g ? gr_compile(g, &y, 1, NULL, &program) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_session_new(program, NULL, NULL, &session);
    if (status == GR_OK) status = gr_session_write(session, 0, values, sizeof values);
    if (status == GR_OK) status = gr_profile_new(GR_PROFILE(.events = 8), &profile);
    if (status == GR_OK) status = gr_session_profile(session, profile, "flow");
    if (status == GR_OK) status = gr_session_step(session);
    if (status == GR_OK) status = gr_profile_trace(profile, &text);
    if (status == GR_OK) assert_non_null(strstr(text, "flow"));
    gr_text_release(text);
    gr_session_free(session);
    gr_program_free(program);
    gr_profile_free(profile);
    gr_graph_free(g);
    return status;
}

static void test_failing_memory(void **state)
{
    (void)state;
    assert_true(test_memory_sweep(profile_flow, NULL) > 10);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_profile *profile;
    unit_refused(gr_profile_new(GR_PROFILE(.events = -1), &profile), GR_INVALID, "0 or more");
    assert_null(profile);
    gr_profile_options old = {.size = 1};
    unit_refused(gr_profile_new(&old, &profile), GR_INVALID, "size is 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost_of_contractions), cmocka_unit_test(test_cost_of_the_rest),
        cmocka_unit_test(test_cost_of_a_loop),       cmocka_unit_test(test_program_steps),
        cmocka_unit_test(test_long_lists_are_cut),   cmocka_unit_test(test_sessions_are_timed),
        cmocka_unit_test(test_results_are_the_same), cmocka_unit_test(test_trace),
        cmocka_unit_test(test_failing_memory),       cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
