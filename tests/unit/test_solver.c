/* What Caffe's recipes ask of a solver: factors of rate and decay for single parameters, the rate
 * within the momentum, its fillers. The expected values are Caffe's recurrences written out. */
#include "support.h"

#include <math.h>

#include <gradus/gradus.h>

/* ---- Updates ------------------------------------------------------------------------------- */

enum { STEPS = 12 };

typedef struct solver_case {
    const char *what;
    gr_optimizer_kind kind;
    bool rate_in_momentum;
    double rate, momentum, decay;
    gr_tuning weight, bias; /* factors, as Caffe's lr_mult and decay_mult */
} solver_case;

/* By `inv` with γ = 0.3 and power 0.75: a schedule that falls fast, so that the place of the rate
 * shows. */
static double solver_rate(double rate, int t)
{
    return rate * pow(1 + 0.3 * t, -0.75);
}

/* One number w minimising ½(w − c)² with its own factors, by the recurrence of the case. */
static double solver_expect(const solver_case *s, double w, double c, double lr_mult,
                            double decay_mult)
{
    double v = 0;
    for (int t = 0; t < STEPS; t++) {
        double lr = lr_mult * solver_rate(s->rate, t), g = w - c + decay_mult * s->decay * w;
        bool nesterov = s->kind == GR_NESTEROV;
        if (s->rate_in_momentum) {
            double old = v;
            v = s->momentum * old + lr * g;
            /* Caffe's NesterovSolver: (1 + μ)·vₜ₊₁ − μ·vₜ */
            w -= nesterov ? (1 + s->momentum) * v - s->momentum * old : v;
        } else {
            v = s->momentum * v + g;
            w -= lr * (nesterov ? g + s->momentum * v : v);
        }
    }
    return w;
}

static void solver_run(const solver_case *s, float w[2], float b[3])
{
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *scope = gr_scope_new(g, store, NULL);
    gr_node *weight = gr_param(scope, "w", GR_SHAPE(1, 2), (gr_init){GR_INIT_CONSTANT, 2, 0}, 1, 1);
    gr_node *bias = gr_param(scope, "b", GR_SHAPE(3), (gr_init){GR_INIT_CONSTANT, -1, 0}, 1, 1);
    gr_scope_tune(scope, weight, s->weight);
    gr_scope_tune(scope, bias, s->bias);
    gr_node *far = gr_sum(gr_square(gr_sub(weight, gr_like(weight, 0.5))), GR_ALL);
    gr_node *near = gr_sum(gr_square(gr_sub(bias, gr_like(bias, 0.25))), GR_ALL);
    gr_node *loss = gr_scale(gr_add(far, near), 0.5);
    gr_optimizer o = {.size = sizeof o,
                      .kind = s->kind,
                      .rate = s->rate,
                      .momentum = s->momentum,
                      .weight_decay = s->decay,
                      .rate_in_momentum = s->rate_in_momentum,
                      .schedule = {.kind = GR_SCHEDULE_INV, .gamma = 0.3, .power = 0.75}};
    unit_ok(gr_fit(scope, loss, &o, NULL, 0, STEPS));
    unit_ok(gr_store_read(store, "w", w, 2 * sizeof *w));
    unit_ok(gr_store_read(store, "b", b, 3 * sizeof *b));
    gr_scope_free(scope), gr_graph_free(g), gr_store_free(store);
}

static void test_updates(void **state)
{
    (void)state;
    const solver_case cases[] = {
        {"sgd", GR_SGD, false, .1, .9, .05, {1, -1}, {1, -1}},
        {"sgd, factors", GR_SGD, false, .1, .9, .05, {1, 3}, {2, .5}},
        {"caffe's sgd", GR_SGD, true, .1, .9, .05, {1, 1}, {2, 0}},
        {"caffe's sgd, biases decay", GR_SGD, true, .1, .9, .05, {.5, 250}, {2, 1}},
        {"nesterov", GR_NESTEROV, false, .1, .8, .05, {1, 1}, {2, 1}},
        {"caffe's nesterov", GR_NESTEROV, true, .1, .8, .05, {1, 1}, {2, 1}},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        const solver_case *s = &cases[i];
        float w[2], b[3];
        solver_case tame = *s;
        if (tame.weight.decay > 100) tame.decay = 1e-4; /* 250 of it is still stable */
        solver_run(&tame, w, b);
        double weight_decay = s->weight.decay < 0 ? 1 : s->weight.decay;
        double bias_decay = s->bias.decay < 0 ? 0 : s->bias.decay;
        double want_w = solver_expect(&tame, 2, .5, s->weight.rate, weight_decay);
        double want_b = solver_expect(&tame, -1, .25, s->bias.rate, bias_decay);
        if (fabs((double)w[1] - want_w) > 2e-6 || fabs((double)b[2] - want_b) > 2e-6)
            fail_msg("%s: %.8g %.8g, expected %.8g %.8g", s->what, (double)w[1], (double)b[2],
                     want_w, want_b);
    }
}

/* A rate of 0 holds a parameter, and neither state nor gradient is made for it. */
static void test_held(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *held = gr_param(s, "held", GR_SHAPE(2), (gr_init){GR_INIT_CONSTANT, 3, 0}, 1, 1);
    gr_node *moved = gr_param(s, "moved", GR_SHAPE(2), (gr_init){GR_INIT_CONSTANT, 3, 0}, 1, 1);
    gr_scope_tune(s, held, (gr_tuning){0, 1});
    gr_node *loss = gr_sum(gr_square(gr_mul(held, moved)), GR_ALL);
    unit_ok(gr_fit(s, loss, GR_OPTIMIZER(GR_SGD, .rate = .01, .momentum = .9, .weight_decay = .1),
                   NULL, 0, 3));
    float w[2];
    unit_ok(gr_store_read(store, "held", w, sizeof w));
    assert_true(w[0] == 3 && w[1] == 3);
    unit_ok(gr_store_read(store, "moved", w, sizeof w));
    assert_true(w[0] < 3);
    assert_true(gr_store_find(store, "optim/momentum/moved") >= 0);
    assert_true(gr_store_find(store, "optim/momentum/held") < 0);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

/* The penalty that is reported is the one whose gradient is applied. */
static void test_penalty(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *w = gr_param(s, "w", GR_SHAPE(1, 2), (gr_init){GR_INIT_CONSTANT, 2, 0}, 1, 1);
    gr_node *b = gr_param(s, "b", GR_SHAPE(3), (gr_init){GR_INIT_CONSTANT, -1, 0}, 1, 1);
    gr_scope_tune(s, w, (gr_tuning){1, 4});
    gr_scope_tune(s, b, (gr_tuning){2, .5});
    gr_node *penalty = gr_penalty(s, GR_OPTIMIZER(GR_SGD, .weight_decay = .1, .l1 = .01));
    gr_program *program;
    gr_session *session;
    float value;
    unit_ok(gr_compile(g, &penalty, 1, NULL, &program));
    unit_ok(gr_session_new(program, store, NULL, &session));
    unit_ok(gr_session_step(session));
    unit_ok(gr_session_read(session, 0, &value, sizeof value));
    /* ½·0.1·(4·Σw² + ½·Σb²) + 0.01·(4·Σ|w| + ½·Σ|b|) */
    assert_true(fabs((double)value - (.05 * (4 * 8 + .5 * 3) + .01 * (4 * 4 + .5 * 3))) < 1e-6);
    gr_session_free(session), gr_program_free(program);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

/* ---- Fillers ------------------------------------------------------------------------------- */

static void solver_fill(gr_shape shape, gr_init init, float *w)
{
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_param(s, "w", shape, init, 1, 1);
    if (gr_graph_status(g) != GR_OK) fail_msg("%s", gr_graph_message(g));
    unit_ok(gr_store_read(store, "w", w, (size_t)gr_shape_count(shape) * sizeof *w));
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

static void test_sparse(void **state)
{
    (void)state;
    enum { ROWS = 100, COLUMNS = 200, N = ROWS * COLUMNS, SPARSE = 15 };
    static float w[N];
    solver_fill(GR_SHAPE(ROWS, COLUMNS), (gr_init){GR_INIT_SPARSE, SPARSE, 2}, w);
    double kept = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        kept += w[i] != 0;
        squares += (double)w[i] * (double)w[i];
    }
    const double p = (double)SPARSE / ROWS, spread = sqrt(N * p * (1 - p));
    assert_true(fabs(kept - N * p) < 5 * spread);
    assert_true(fabs(sqrt(squares / kept) - 2) < .1);
}

static void test_positive_unitball(void **state)
{
    (void)state;
    float w[5 * 12];
    solver_fill(GR_SHAPE(5, 3, 4), (gr_init){GR_INIT_POSITIVE_UNITBALL, 0, 0}, w);
    for (int r = 0; r < 5; r++) {
        double sum = 0;
        for (int i = 0; i < 12; i++) {
            assert_true(w[12 * r + i] >= 0);
            sum += (double)w[12 * r + i];
        }
        assert_true(fabs(sum - 1) < 1e-6);
        assert_true(fabs((double)w[12 * r] - (double)w[12 * r + 1]) > 1e-7);
    }
}

/* Tents: kernel 4 enlarges by 2, kernel 5 by 3. */
static void test_bilinear(void **state)
{
    (void)state;
    const double four[4] = {.25, .75, .75, .25}, five[5] = {1. / 3, 2. / 3, 1, 2. / 3, 1. / 3};
    float w[2 * 16];
    solver_fill(GR_SHAPE(2, 1, 4, 4), (gr_init){GR_INIT_BILINEAR, 0, 0}, w);
    for (int i = 0; i < 32; i++)
        assert_true(fabs((double)w[i] - four[i % 4] * four[i / 4 % 4]) < 1e-7);
    solver_fill(GR_SHAPE(1, 1, 5, 5), (gr_init){GR_INIT_BILINEAR, 0, 0}, w);
    for (int i = 0; i < 25; i++) assert_true(fabs((double)w[i] - five[i % 5] * five[i / 5]) < 1e-7);
}

/* ---- As text ------------------------------------------------------------------------------- */

static void test_text(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 1, 6, 6));
    gr_net(s, x,
           "conv(2, 3, std=0.1, bias_init=0.5, bias_rate=2, bias_decay=0) |> "
           "fc(3, std=1, sparse=2, rate=0, decay=250) |> "
           "fc(2, init=\"uniform(-0.5, -0.25)\") |> fc(2, bias=false, init=\"constant(0.125)\")");
    if (gr_graph_status(g) != GR_OK) fail_msg("%s", gr_graph_message(g));
    const gr_tuning want[] = {{1, -1}, {2, 0}, {0, 250}, {1, -1}, {1, -1}, {1, -1}, {1, -1}};
    assert_int_equal(gr_scope_params(s), GR_LEN(want));
    for (int i = 0; i < gr_scope_params(s); i++) {
        gr_tuning got = gr_scope_tuning(s, gr_scope_param(s, i));
        assert_true(got.rate == want[i].rate && got.decay == want[i].decay);
    }
    float bias[2];
    unit_ok(gr_store_read(store, "conv1/bias", bias, sizeof bias));
    assert_true(bias[0] == .5f && bias[1] == .5f);
    float uniform[6], constant[4];
    unit_ok(gr_store_read(store, "fc2/weight", uniform, sizeof uniform));
    for (int i = 0; i < 6; i++) assert_true(uniform[i] >= -.5f && uniform[i] < -.25f);
    assert_true(uniform[0] != uniform[1]);
    unit_ok(gr_store_read(store, "fc3/weight", constant, sizeof constant));
    for (int i = 0; i < 4; i++) assert_true(constant[i] == .125f);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static void solver_refused(const char *net, const char *words)
{
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, NULL, NULL);
    gr_net(s, gr_input(g, "x", GR_F32, GR_SHAPE(2, 4)), net);
    if (gr_graph_status(g) == GR_OK) fail_msg("%s: not refused", net);
    if (!strstr(gr_graph_message(g), words))
        fail_msg("%s: '%s' is not in: %s", net, words, gr_graph_message(g));
    gr_scope_free(s), gr_graph_free(g);
}

static void test_refusals(void **state)
{
    (void)state;
    solver_refused("fc(2, rate=-1)", "rate is not negative");
    solver_refused("fc(2, bias_decay=-1)", "bias_decay is not negative");
    solver_refused("fc(2, sparse=3)", "give its std too");
    solver_refused("fc(2, std=1, sparse=0)", "sparse is positive");

    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *w = gr_param(s, "w", GR_SHAPE(2, 2), (gr_init){0}, 2, 2);
    gr_node *loss = gr_sum(gr_square(w), GR_ALL);
    unit_refused(gr_minimize(s, loss, GR_OPTIMIZER(GR_ADAM, .rate_in_momentum = true)), GR_INVALID,
                 "rate_in_momentum is for sgd and nesterov");
    gr_scope_tune(s, w, (gr_tuning){0, 1});
    unit_refused(gr_minimize(s, loss, GR_OPTIMIZER(GR_SGD)), GR_INVALID, "that may move");
    gr_scope_tune(s, loss, (gr_tuning){1, 1});
    assert_int_equal(gr_graph_status(g), GR_NOT_FOUND);
    assert_non_null(strstr(gr_graph_message(g), "is no parameter of the scope"));
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);

    store = gr_store_new();
    g = gr_graph_new();
    s = gr_scope_new(g, store, NULL);
    gr_param(s, "w", GR_SHAPE(2, 3), (gr_init){GR_INIT_BILINEAR, 0, 0}, 2, 2);
    assert_non_null(strstr(gr_graph_message(g), "bilinear fills kernels [O,I,k,k]"));
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_positive_unitball),
        cmocka_unit_test(test_bilinear),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
