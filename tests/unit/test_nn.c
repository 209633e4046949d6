/* Layers, losses and optimisers against PyTorch's values (tests/reference/nn.py); initialisers by
 * their statistics; refusals. */
#include "support_reference.h"

#include <math.h>

#include <gradus/gradus.h>

static gr_safetensors *nn_file;

static int nn_setup(void **state)
{
    (void)state;
    nn_file = reference_open("nn.safetensors");
    return 0;
}

static int nn_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(nn_file);
    return 0;
}

/* ---- Reference tensors ------------------------------------------------------------------------
 */

/* ---- Losses ------------------------------------------------------------------------------------
 */

typedef struct loss_case {
    const char *name;
    gr_node *(*loss)(gr_node *, gr_node *, const gr_loss_options *);
    gr_loss_options options;
    bool labels, weights;
} loss_case;

static void check_loss(const loss_case *c)
{
    gr_graph *g = gr_graph_new();
    gr_tensor x = reference_read(nn_file, GR_F64, "loss/x"),
              w = reference_read(nn_file, GR_F64, "loss/weights");
    gr_tensor y = reference_read(nn_file, GR_F64, c->labels ? "loss/y" : "loss/target"), out[2];
    gr_loss_options options = c->options;
    options.size = sizeof options;
    gr_node *in = gr_input(g, "x", GR_F64, x.shape), *target = gr_input(g, "y", y.dtype, y.shape);
    if (c->weights) options.class_weights = gr_constant(g, &w);
    gr_node *n[2] = {c->loss(in, target, &options)};
    unit_ok(gr_grad(n[0], &in, 1, &n[1]));
    gr_feed feeds[] = {{"x", x.data}, {"y", y.data}};
    unit_ok(gr_evaluate(g, n, 2, feeds, 2, NULL, out));
    reference_compare_within(nn_file, &out[0], 1e-12, "loss/%s/value", c->name);
    reference_compare_within(nn_file, &out[1], 1e-12, "loss/%s/grad", c->name);
    gr_tensor_clear(&out[0]), gr_tensor_clear(&out[1]);
    gr_tensor_clear(&x), gr_tensor_clear(&y), gr_tensor_clear(&w);
    gr_graph_free(g);
}

static void test_losses(void **state)
{
    (void)state;
    const loss_case cases[] = {
        {"ce", gr_softmax_cross_entropy, {0}, true, false},
        {"ce_sum", gr_softmax_cross_entropy, {.reduce = GR_REDUCE_SUM}, true, false},
        {"ce_smooth", gr_softmax_cross_entropy, {.smoothing = 0.1}, true, false},
        {"ce_weights", gr_softmax_cross_entropy, {0}, true, true},
        {"hinge", gr_multiclass_hinge, {0}, true, false},
        {"hinge2", gr_multiclass_hinge, {.margin = 0.7, .squared = true}, true, false},
        {"bce", gr_sigmoid_cross_entropy, {0}, false, false},
        {"mse", gr_mse, {0}, false, false},
        {"l1", gr_l1_loss, {.reduce = GR_REDUCE_SUM}, false, false},
        {"huber", gr_huber, {.delta = 0.6}, false, false},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) check_loss(&cases[i]);
}

/* Scores of 1000 neither overflow nor lose the loss. */
static void test_cross_entropy_is_stable(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    double x[] = {1000, 0, -1000, -1000, 1000, 999};
    int32_t y[] = {0, 2};
    gr_node *in = gr_input(g, "x", GR_F64, GR_SHAPE(2, 3));
    gr_node *labels = gr_input(g, "y", GR_I32, GR_SHAPE(2));
    gr_node *n[2] = {gr_softmax_cross_entropy(in, labels, NULL)};
    unit_ok(gr_grad(n[0], &in, 1, &n[1]));
    gr_tensor out[2];
    gr_feed feeds[] = {{"x", x}, {"y", y}};
    unit_ok(gr_evaluate(g, n, 2, feeds, 2, NULL, out));
    assert_true(fabs(gr_tensor_at(&out[0], 0) - (1 + log1p(exp(-1))) / 2) < 1e-12);
    for (int i = 0; i < 6; i++) assert_true(isfinite(gr_tensor_at(&out[1], i)));
    gr_tensor_clear(&out[0]), gr_tensor_clear(&out[1]);
    y[1] = 3;
    unit_refused(gr_evaluate(g, n, 2, feeds, 2, NULL, out), GR_RANGE,
                 "index [1] is 3; it must be in [0, 3)");
    gr_graph_free(g);
}

/* ---- Layers ------------------------------------------------------------------------------------
 */

static void check_batch_norm(const char *kind)
{
    char name[32];
    gr_store *store = gr_store_new();
    gr_tensor x = reference_read(nn_file, GR_F32, "%s/x", kind);
    gr_tensor weight = reference_read(nn_file, GR_F32, "%s/weight", kind);
    for (int mode = 0; mode < 2; mode++) {
        gr_graph *g = gr_graph_new();
        gr_scope_options options = {.size = sizeof options, .mode = mode ? GR_EVAL : GR_TRAIN};
        gr_scope *s = gr_scope_new(g, store, &options);
        gr_node *in = gr_input(g, "x", GR_F32, x.shape);
        gr_node *n[8] = {gr_batch_norm(s, "bn", in, NULL)};
        if (mode == 0)
            for (int i = 0; i < 2; i++) {
                const char *what = i ? "beta" : "gamma";
                gr_tensor value = reference_read(nn_file, GR_F32, "%s/%s", kind, what);
                snprintf(name, sizeof name, "bn/%s", what);
                unit_ok(gr_store_write(store, name, value.data, gr_tensor_bytes(&value)));
                gr_tensor_clear(&value);
            }
        gr_node *y = gr_sum(gr_mul(n[0], gr_constant(g, &weight)), GR_ALL);
        gr_node *wrt[] = {in, gr_scope_param(s, 0), gr_scope_param(s, 1)};
        unit_ok(gr_grad(y, wrt, 3, n + 1));
        int count = 4;
        for (int i = 0; i < gr_scope_updates(s); i++) n[count++] = gr_scope_update_node(s, i);
        assert_int_equal(count, mode ? 4 : 6);
        gr_tensor out[8];
        unit_ok(gr_evaluate(g, n, count, &(gr_feed){"x", x.data}, 1, store, out));
        if (mode == 0) {
            reference_compare_within(nn_file, &out[0], 1e-5, "%s/y", kind);
            reference_compare_within(nn_file, &out[1], 1e-5, "%s/dx", kind);
            reference_compare_within(nn_file, &out[2], 1e-5, "%s/dgamma", kind);
            reference_compare_within(nn_file, &out[3], 1e-5, "%s/dbeta", kind);
            float moments[3];
            gr_tensor moment = {GR_F32, GR_SHAPE(3), moments};
            unit_ok(gr_store_read(store, "bn/mean", moments, sizeof moments));
            reference_compare_within(nn_file, &moment, 1e-6, "%s/mean", kind);
            unit_ok(gr_store_read(store, "bn/variance", moments, sizeof moments));
            reference_compare_within(nn_file, &moment, 1e-6, "%s/variance", kind);
        } else {
            reference_compare_within(nn_file, &out[0], 1e-5, "%s/eval", kind);
        }
        for (int i = 0; i < 4; i++) gr_tensor_clear(&out[i]);
        gr_scope_free(s);
        gr_graph_free(g);
    }
    gr_tensor_clear(&x), gr_tensor_clear(&weight);
    gr_store_free(store);
}

static void test_batch_norm(void **state)
{
    (void)state;
    check_batch_norm("bn1");
    check_batch_norm("bn2");
}

static void check_convolution(const char *kind, const gr_window *window, bool bias)
{
    gr_graph *g = gr_graph_new();
    gr_tensor x = reference_read(nn_file, GR_F64, "%s/x", kind),
              w = reference_read(nn_file, GR_F64, "%s/w", kind),
              dy = reference_read(nn_file, GR_F64, "%s/dy", kind);
    gr_node *in = gr_input(g, "x", GR_F64, x.shape), *weight = gr_input(g, "w", GR_F64, w.shape);
    gr_node *n[3] = {gr_conv(in, weight, window)};
    unit_ok(gr_vjp(n[0], gr_constant(g, &dy), (gr_node *[]){in, weight}, 2, n + 1));
    if (bias) {
        gr_tensor b = reference_read(nn_file, GR_F64, "%s/b", kind);
        n[0] = gr_add(n[0], gr_reshape(gr_constant(g, &b), GR_SHAPE(-1, 1, 1)));
        gr_tensor_clear(&b);
    }
    gr_feed feeds[] = {{"x", x.data}, {"w", w.data}};
    gr_tensor out[3];
    unit_ok(gr_evaluate(g, n, 3, feeds, 2, NULL, out));
    reference_compare_within(nn_file, &out[0], 1e-12, "%s/y", kind);
    reference_compare_within(nn_file, &out[1], 1e-12, "%s/dx", kind);
    reference_compare_within(nn_file, &out[2], 1e-12, "%s/dw", kind);
    for (int i = 0; i < 3; i++) gr_tensor_clear(&out[i]);
    gr_tensor_clear(&x), gr_tensor_clear(&w), gr_tensor_clear(&dy);
    gr_graph_free(g);
}

static void test_convolution(void **state)
{
    (void)state;
    check_convolution("conv", GR_WINDOW(.stride = 2, .pad = 1, .groups = 2), true);
    gr_geometry axes = {.pad = {1, 0, 1}, .pad_end = {1, 0, 1}, .dilation = {2, 1, 1}};
    check_convolution("conv3", GR_WINDOW(.axes = &axes), false);
}

static void test_pooling(void **state)
{
    (void)state;
    const struct {
        const char *name;
        gr_node *(*pool)(gr_node *, const gr_window *);
        gr_window window;
    } cases[] = {
        {"max1", gr_max_pool, {sizeof(gr_window), 3, .stride = 2, .pad = 1}},
        {"avg1", gr_avg_pool, {sizeof(gr_window), 3, .stride = 2, .pad = 1}},
        {"avg1p",
         gr_avg_pool,
         {sizeof(gr_window), 3, .stride = 2, .pad = 1, .count_include_pad = true}},
        {"max1c", gr_max_pool, {sizeof(gr_window), 2, .stride = 2, .ceil = true}},
    };
    gr_tensor x = reference_read(nn_file, GR_F64, "pool/x"), out[2];
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_graph *g = gr_graph_new();
        gr_node *in = gr_input(g, "x", GR_F64, x.shape);
        gr_node *n[2] = {cases[i].pool(in, &cases[i].window)};
        unit_ok(gr_grad(gr_sum(gr_square(n[0]), GR_ALL), &in, 1, &n[1]));
        unit_ok(gr_evaluate(g, n, 2, &(gr_feed){"x", x.data}, 1, NULL, out));
        reference_compare_within(nn_file, &out[0], 1e-14, "pool/%s/y", cases[i].name);
        reference_compare_within(nn_file, &out[1], 1e-14, "pool/%s/dx", cases[i].name);
        gr_tensor_clear(&out[0]), gr_tensor_clear(&out[1]);
        gr_graph_free(g);
    }
    gr_tensor_clear(&x);
}

/* Kept units are scaled up; the draws change with the step and repeat with the seed. */
static void test_dropout(void **state)
{
    (void)state;
    enum { N = 20000 };
    static float x[N], y[3][N];
    for (int i = 0; i < N; i++) x[i] = 1;
    for (int run = 0; run < 3; run++) {
        gr_store *store = gr_store_new();
        gr_graph *g = gr_graph_new();
        gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = 3};
        gr_scope *s = gr_scope_new(g, store, &options);
        gr_node *out = gr_dropout(s, NULL, gr_input(g, "x", GR_F32, GR_SHAPE(N)), 0.25);
        if (run == 2) unit_ok(gr_store_write(store, "step", &(int64_t){1}, 8));
        gr_tensor t;
        unit_ok(gr_evaluate(g, &out, 1, &(gr_feed){"x", x}, 1, store, &t));
        memcpy(y[run], t.data, sizeof y[run]);
        gr_tensor_clear(&t);
        gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
    }
    int kept = 0;
    for (int i = 0; i < N; i++) {
        assert_true(y[0][i] == 0 || fabs(y[0][i] - 4.0 / 3) < 1e-6);
        kept += y[0][i] != 0;
    }
    assert_true(abs(kept - N * 3 / 4) < 4 * 62); /* four deviations of the binomial */
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    assert_memory_not_equal(y[0], y[2], sizeof y[0]);
}

static void test_initialisers(void **state)
{
    (void)state;
    enum { ROWS = 60, COLUMNS = 90, N = ROWS * COLUMNS };
    const struct {
        gr_init init;
        double mean, deviation, bound;
    } cases[] = {
        {{GR_INIT_CONSTANT, 0.5, 0}, 0.5, 0, 0.5},
        {{GR_INIT_UNIFORM, -1, 3}, 1, 4 / sqrt(12), 3},
        {{GR_INIT_NORMAL, 2, 0.5}, 2, 0.5, 6},
        {{GR_INIT_XAVIER, 0, 0}, 0, sqrt(2.0 / (ROWS + COLUMNS)), sqrt(6.0 / (ROWS + COLUMNS))},
        {{GR_INIT_HE, 0, 0}, 0, sqrt(2.0 / COLUMNS), 1},
        {{GR_INIT_LECUN, 0, 0}, 0, sqrt(1.0 / COLUMNS), sqrt(3.0 / COLUMNS)},
    };
    float w[N];
    for (size_t c = 0; c < GR_LEN(cases); c++) {
        gr_store *store = gr_store_new();
        gr_graph *g = gr_graph_new();
        gr_scope *s = gr_scope_new(g, store, NULL);
        gr_param(s, "w", GR_SHAPE(ROWS, COLUMNS), cases[c].init, COLUMNS, ROWS);
        unit_ok(gr_store_read(store, "w", w, sizeof w));
        double sum = 0, squares = 0;
        for (int i = 0; i < N; i++) {
            sum += w[i];
            squares += (double)w[i] * w[i];
            assert_true(fabs(w[i]) <= cases[c].bound);
        }
        double mean = sum / N, deviation = sqrt(fmax(squares / N - mean * mean, 0));
        assert_true(fabs(mean - cases[c].mean) <= 5 * cases[c].deviation / sqrt(N) + 1e-9);
        assert_true(fabs(deviation - cases[c].deviation) <= 0.05 * cases[c].deviation + 1e-6);
        gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
    }
}

static void test_orthogonal(void **state)
{
    (void)state;
    const int64_t sizes[][2] = {{5, 9}, {9, 5}, {4, 4}};
    for (size_t c = 0; c < GR_LEN(sizes); c++) {
        int64_t rows = sizes[c][0], columns = sizes[c][1];
        gr_store *store = gr_store_new();
        gr_graph *g = gr_graph_new();
        gr_scope *s = gr_scope_new(g, store, NULL);
        float w[45];
        gr_param(s, "w", GR_SHAPE(rows, columns), (gr_init){GR_INIT_ORTHOGONAL, 2, 0}, 1, 1);
        unit_ok(gr_store_read(store, "w", w, (size_t)(rows * columns) * sizeof *w));
        int64_t n = rows < columns ? rows : columns, m = rows < columns ? columns : rows;
        for (int64_t a = 0; a < n; a++)
            for (int64_t b = 0; b < n; b++) {
                double dot = 0;
                for (int64_t k = 0; k < m; k++)
                    dot += rows < columns ? (double)w[a * m + k] * w[b * m + k]
                                          : (double)w[k * n + a] * w[k * n + b];
                assert_true(fabs(dot - (a == b ? 4 : 0)) < 1e-5);
            }
        gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
    }
}

/* ---- Optimisers --------------------------------------------------------------------------------
 */

/* Ten steps on Σ a(w − c)², as the script does. */
static gr_tensor run_optimizer(const gr_optimizer *optimizer)
{
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_tensor a = reference_read(nn_file, GR_F32, "optim/a"),
              c = reference_read(nn_file, GR_F32, "optim/c"),
              w0 = reference_read(nn_file, GR_F32, "optim/w0");
    unit_ok(gr_store_add(store, "w", &w0));
    gr_node *w = gr_param(s, "w", w0.shape, (gr_init){0}, 1, 1);
    gr_node *d = gr_sub(w, gr_constant(g, &c));
    gr_node *loss = gr_sum(gr_mul(gr_constant(g, &a), gr_square(d)), GR_ALL);
    unit_ok(gr_fit(s, loss, optimizer, NULL, 0, 10));
    int64_t step;
    unit_ok(gr_store_read(store, "step", &step, sizeof step));
    assert_int_equal(step, 10);
    unit_ok(gr_store_read(store, "w", w0.data, gr_tensor_bytes(&w0)));
    gr_tensor_clear(&a), gr_tensor_clear(&c);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
    return w0;
}

static void test_optimisers(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const gr_optimizer *optimizer;
    } cases[] = {
        {"sgd", GR_OPTIMIZER(GR_SGD, .rate = 0.1)},
        {"momentum", GR_OPTIMIZER(GR_SGD, .rate = 0.05, .momentum = 0.9)},
        {"nesterov", GR_OPTIMIZER(GR_NESTEROV, .rate = 0.05, .momentum = 0.9)},
        {"decay", GR_OPTIMIZER(GR_SGD, .rate = 0.1, .weight_decay = 0.3)},
        {"decay", GR_OPTIMIZER(GR_SGD, .rate = 0.1, .l2 = 0.15)}, /* R(W) = λΣw² */
        {"adagrad", GR_OPTIMIZER(GR_ADAGRAD, .rate = 0.1)},
        {"rmsprop", GR_OPTIMIZER(GR_RMSPROP, .rate = 0.01, .beta2 = 0.9)},
        {"adadelta", GR_OPTIMIZER(GR_ADADELTA)},
        {"adam", GR_OPTIMIZER(GR_ADAM, .rate = 0.1)},
        {"adamw", GR_OPTIMIZER(GR_ADAMW, .rate = 0.1, .weight_decay = 0.2)},
        {"clip", GR_OPTIMIZER(GR_SGD, .rate = 0.1, .clip_norm = 0.5)},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        gr_tensor w = run_optimizer(cases[i].optimizer);
        reference_compare_within(nn_file, &w, 3e-6, "optim/%s", cases[i].name);
        gr_tensor_clear(&w);
    }
}

static void test_max_norm(void **state)
{
    (void)state;
    gr_tensor w = run_optimizer(GR_OPTIMIZER(GR_SGD, .rate = 0.1, .max_norm = 0.4));
    gr_tensor free_w = run_optimizer(GR_OPTIMIZER(GR_SGD, .rate = 0.1));
    int limited = 0;
    for (int row = 0; row < 3; row++) {
        double norm = 0, free_norm = 0;
        for (int i = 0; i < 4; i++) {
            norm += pow(gr_tensor_at(&w, 4 * row + i), 2);
            free_norm += pow(gr_tensor_at(&free_w, 4 * row + i), 2);
        }
        assert_true(sqrt(norm) <= 0.4 + 1e-6);
        limited += sqrt(free_norm) > 0.4;
    }
    assert_true(limited > 0);
    gr_tensor_clear(&w), gr_tensor_clear(&free_w);
}

/* The gates and the host's formula give one rate, at every step. */
static void test_schedules(void **state)
{
    (void)state;
    const gr_schedule schedules[] = {
        {.kind = GR_SCHEDULE_FIXED},
        {GR_SCHEDULE_FIXED, .warmup = 5},
        {GR_SCHEDULE_STEP, .gamma = 0.5, .every = 4},
        {GR_SCHEDULE_EXP, .gamma = 0.9},
        {GR_SCHEDULE_INV, .gamma = 0.1, .power = 0.75},
        {GR_SCHEDULE_MULTISTEP, .gamma = 0.1, .n_at = 2, .at = {3, 9}},
        {GR_SCHEDULE_POLY, .power = 2, .total = 10},
        {GR_SCHEDULE_COSINE, .total = 10, .floor = 0.01},
        {GR_SCHEDULE_COSINE, .total = 10, .warmup = 3},
        {GR_SCHEDULE_SIGMOID, .gamma = -0.5, .every = 6},
    };
    for (size_t i = 0; i < GR_LEN(schedules); i++) {
        gr_optimizer o = {.size = sizeof o, .rate = 0.2, .schedule = schedules[i]};
        gr_store *store = gr_store_new();
        gr_graph *g = gr_graph_new();
        gr_scope *s = gr_scope_new(g, store, NULL);
        gr_scope_step(s);
        gr_node *rate = gr_schedule_node(s, &o);
        for (int64_t t = 0; t < 15; t++) {
            gr_tensor out;
            unit_ok(gr_store_write(store, "step", &t, sizeof t));
            unit_ok(gr_evaluate(g, &rate, 1, NULL, 0, store, &out));
            double expected = gr_schedule_rate(&o, t);
            if (fabs(gr_tensor_at(&out, 0) - expected) > 1e-7 * 0.2)
                fail_msg("%s step %lld: %.9g, formula %.9g", gr_schedule_name(schedules[i].kind),
                         (long long)t, gr_tensor_at(&out, 0), expected);
            gr_tensor_clear(&out);
        }
        gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
    }
    /* By hand: 0.2·0.5², 0.2·1.5^−0.75, the middle of the cosine, the second of five warm-up steps.
     */
    gr_optimizer o = {.size = sizeof o, .rate = 0.2, .schedule = schedules[2]};
    assert_true(fabs(gr_schedule_rate(&o, 8) - 0.05) < 1e-15);
    o.schedule = schedules[4];
    assert_true(fabs(gr_schedule_rate(&o, 5) - 0.2 * pow(1.5, -0.75)) < 1e-15);
    o.schedule = schedules[7];
    assert_true(fabs(gr_schedule_rate(&o, 5) - 0.105) < 1e-15);
    o.schedule = schedules[1];
    assert_true(fabs(gr_schedule_rate(&o, 1) - 0.08) < 1e-15);
    o.schedule = schedules[9];
    assert_true(fabs(gr_schedule_rate(&o, 6) - 0.1) < 1e-15);
    assert_true(fabs(gr_schedule_rate(&o, 8) - 0.2 / (1 + exp(1))) < 1e-15);
}

/* ---- Scopes and refusals -----------------------------------------------------------------------
 */

static void test_scope_names(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    for (int again = 0; again < 2; again++) { /* a recipe run twice finds its variables */
        gr_graph *g = gr_graph_new();
        gr_scope *s = gr_scope_new(g, store, NULL);
        gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2, 3));
        gr_scope_enter(s, "block");
        x = gr_dense(s, NULL, x, GR_DENSE(4));
        x = gr_dense(s, NULL, x, GR_DENSE(5, .no_bias = true));
        gr_scope_leave(s);
        x = gr_dense(s, NULL, x, GR_DENSE(2));
        assert_string_equal(gr_node_name(x), "fc1");
        gr_scope_free(s), gr_graph_free(g);
    }
    const char *names[] = {"block/fc1/weight", "block/fc1/bias", "block/fc2/weight", "fc1/weight",
                           "fc1/bias"};
    assert_int_equal(gr_store_size(store), 5);
    for (int i = 0; i < 5; i++) assert_string_equal(gr_store_name(store, i), names[i]);
    gr_store_free(store);
}

static void refuse(gr_node *(*build)(gr_scope *, gr_node *), gr_shape in, const char *message)
{
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(
        g, store, &(gr_scope_options){.size = sizeof(gr_scope_options), .mode = GR_TRAIN});
    gr_node *node = build(s, gr_input(g, "x", GR_F32, in));
    assert_true(gr_is_error(node));
    assert_true(gr_is_error(gr_relu(node)));
    if (!strstr(gr_graph_message(g), message))
        fail_msg("no \"%s\" in: %s", message, gr_graph_message(g));
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

static gr_node *bad_groups(gr_scope *s, gr_node *x)
{
    return gr_conv_layer(s, "c1", x, GR_CONV(6, 3, .groups = 4));
}
static gr_node *bad_kernel(gr_scope *s, gr_node *x)
{
    return gr_conv_layer(s, "c1", x, GR_CONV(6, 9));
}
static gr_node *bad_dropout(gr_scope *s, gr_node *x)
{
    return gr_dropout(s, NULL, x, 1);
}
static gr_node *bad_norm(gr_scope *s, gr_node *x)
{
    return gr_batch_norm(s, NULL, x, NULL);
}
static gr_node *bad_dense(gr_scope *s, gr_node *x)
{
    return gr_dense(s, "fc", x, GR_DENSE(0));
}

static void test_refusals(void **state)
{
    (void)state;
    refuse(bad_groups, GR_SHAPE(1, 6, 5, 5), "4 groups do not divide 6 input and 6 output");
    refuse(bad_kernel, GR_SHAPE(1, 6, 5, 5), "c1");
    refuse(bad_dropout, GR_SHAPE(2, 3), "rate 1: should be in [0, 1)");
    refuse(bad_norm, GR_SHAPE(1, 3), "a batch has no variance");
    refuse(bad_dense, GR_SHAPE(1, 3), "units = 0");
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *w = gr_param(s, "w", GR_SHAPE(2), (gr_init){0}, 1, 1);
    gr_node *loss = gr_sum(w, GR_ALL);
    unit_refused(gr_minimize(s, loss, GR_OPTIMIZER(GR_SGD, .momentum = 1)), GR_INVALID,
                 "momentum = 1 should be at least 0 and below 1");
    unit_refused(gr_minimize(s, loss, GR_OPTIMIZER(GR_SGD, .schedule.kind = GR_SCHEDULE_COSINE)),
                 GR_INVALID, "needs its total number of steps");
    unit_refused(gr_minimize(s, gr_scalar(g, GR_F32, 1), GR_OPTIMIZER(GR_SGD)), GR_INVALID,
                 "depends on no parameter");
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),       cmocka_unit_test(test_cross_entropy_is_stable),
        cmocka_unit_test(test_batch_norm),   cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_pooling),      cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_initialisers), cmocka_unit_test(test_orthogonal),
        cmocka_unit_test(test_optimisers),   cmocka_unit_test(test_max_norm),
        cmocka_unit_test(test_schedules),    cmocka_unit_test(test_scope_names),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, nn_setup, nn_teardown);
}
