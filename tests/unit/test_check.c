/* The gradient checker must catch what it is there to catch: gates with planted faults, kinks,
 * gradients that show nothing. */
#include "support.h"

#include <math.h>

#include <gradus/gradus.h>

/* A gate y = x·|x| + bias, x [3,4], bias [4], whose gradient is x: 2|x|·dy; bias: Σ_rows dy, with
 * one fault at a time. */
typedef enum plant { PLANT_NONE, PLANT_SIGN, PLANT_SCALE, PLANT_BROADCAST, PLANT_ELEMENT } plant;

enum { ROWS = 3, COLUMNS = 4 };

static gr_status plant_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    *out = (gr_tensor){.dtype = in[0].dtype, .shape = in[0].shape};
    return GR_OK;
}

static gr_status plant_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    const double *x = in[0].data, *bias = in[1].data;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ((double *)out->data)[i] = x[i] * fabs(x[i]) + bias[i % COLUMNS];
    return GR_OK;
}

static gr_status plant_backward(void *user, const gr_tensor *in, const gr_tensor *out,
                                const gr_tensor *dy, gr_tensor *dx)
{
    (void)out;
    const plant fault = *(const plant *)user;
    const double *x = in[0].data, *d = dy[0].data;
    double *gx = dx[0].data, *gb = dx[1].data;
    double factor = fault == PLANT_SIGN ? -2 : fault == PLANT_SCALE ? 2 * (1 + 1e-5) : 2;
    for (int i = 0; i < ROWS * COLUMNS; i++) gx[i] = factor * fabs(x[i]) * d[i];
    if (fault == PLANT_ELEMENT) gx[7] += 1e-3;
    for (int c = 0; c < COLUMNS; c++) {
        gb[c] = d[c];
        for (int r = 1; r < ROWS && fault != PLANT_BROADCAST; r++) gb[c] += d[r * COLUMNS + c];
    }
    return GR_OK;
}

static gr_check_report run_planted(plant fault)
{
    gr_gate gate = {.size = sizeof gate,
                    .name = "planted",
                    .inputs = 2,
                    .outputs = 1,
                    .shape = plant_shape,
                    .forward = plant_forward,
                    .backward = plant_backward,
                    .user = &fault};
    double x[ROWS * COLUMNS], bias[COLUMNS] = {1, 2, 3, 4};
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = 0.3 + 0.1 * i;
    gr_graph *g = gr_graph_new();
    gr_node *in[] = {gr_input(g, "x", GR_F64, GR_SHAPE(ROWS, COLUMNS)),
                     gr_input(g, "bias", GR_F64, GR_SHAPE(COLUMNS))};
    gr_node *y = gr_sum(gr_square(gr_custom(g, &gate, in, 2)), GR_ALL);
    gr_check_report report;
    unit_ok(gr_check(y, in, 2, (gr_feed[]){{"x", x}, {"bias", bias}}, 2, NULL, NULL, &report));
    gr_graph_free(g);
    return report;
}

static void test_planted_faults(void **state)
{
    (void)state;
    gr_check_report r = run_planted(PLANT_NONE);
    assert_true(r.passed && r.entry[0].tried == 12 && r.entry[0].error < 1e-9);
    gr_check_clear(&r);
    r = run_planted(PLANT_SIGN);
    assert_true(!r.passed && r.entry[0].faults == 12 && r.entry[1].faults == 0);
    assert_true(r.entry[0].analytic * r.entry[0].numeric < 0 && r.entry[0].error > 1);
    gr_check_clear(&r);
    r = run_planted(PLANT_SCALE);
    assert_true(!r.passed && r.entry[0].faults == 12);
    assert_true(fabs(r.entry[0].error - 1e-5) < 1e-6);
    gr_check_clear(&r);
    r = run_planted(PLANT_BROADCAST);
    assert_true(!r.passed && r.entry[0].faults == 0 && r.entry[1].faults == 4);
    assert_string_equal(r.entry[1].name, "bias");
    gr_check_clear(&r);
    r = run_planted(PLANT_ELEMENT); /* one element of twelve, and it is named */
    assert_true(!r.passed && r.entry[0].faults == 1 && r.entry[0].index == 7);
    gr_check_clear(&r);
}

/* max(x, 0) at 0 is a corner, and so is |x|; next to it is none. */
static void test_kinks(void **state)
{
    (void)state;
    double x[] = {-1, 0, 2, 1e-6, -1e-5};
    gr_graph *g = gr_graph_new();
    gr_node *in = gr_input(g, "x", GR_F64, GR_SHAPE(5));
    gr_node *y = gr_sum(gr_add(gr_relu(in), gr_scale(gr_abs(in), 3)), GR_ALL);
    gr_check_report r;
    unit_ok(gr_check(y, &in, 1, &(gr_feed){"x", x}, 1, NULL, NULL, &r));
    assert_true(r.entry[0].faults == 0 && r.entry[0].kinks == 1 && r.passed);
    gr_check_clear(&r);
    gr_graph_free(g);
}

/* A constant function's gradient is zero both ways: nothing was shown. */
static void test_vacuous(void **state)
{
    (void)state;
    double x[] = {0.3, 1.7};
    gr_graph *g = gr_graph_new();
    gr_node *in = gr_input(g, "x", GR_F64, GR_SHAPE(2));
    gr_node *y = gr_sum(gr_floor(in), GR_ALL);
    gr_check_report r;
    unit_ok(gr_check(y, &in, 1, &(gr_feed){"x", x}, 1, NULL, NULL, &r));
    assert_true(!r.passed && r.entry[0].vacuous && r.entry[0].faults == 0);
    gr_check_clear(&r);
    gr_graph_free(g);
}

/* A net in f32 with variables and labels is checked in f64, and its store stays as it is. */
static void test_net(void **state)
{
    (void)state;
    float x[6 * 10], before[20 * 10], after[20 * 10];
    int32_t y[] = {0, 2, 1, 1, 0, 2};
    for (int i = 0; i < 60; i++) x[i] = (float)(i * 29 % 31) / 31 - 0.4f;
    gr_store *store = gr_store_new();
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(
        g, store,
        &(gr_scope_options){.size = sizeof(gr_scope_options), .mode = GR_TRAIN, .seed = 5});
    gr_node *in = gr_input(g, "x", GR_F32, GR_SHAPE(6, 10));
    gr_node *h = gr_tanh(gr_batch_norm(s, NULL, gr_dense(s, "fc1", in, GR_DENSE(20)), NULL));
    gr_node *scores = gr_dense(s, "fc2", gr_dropout(s, NULL, h, 0.3), GR_DENSE(3));
    gr_node *loss = gr_softmax_cross_entropy(scores, gr_input(g, "y", GR_I32, GR_SHAPE(6)), NULL);
    gr_node *wrt[8];
    int n = 0;
    for (; n < gr_scope_params(s); n++) wrt[n] = gr_scope_param(s, n);
    wrt[n++] = in;
    unit_ok(gr_store_read(store, "fc1/weight", before, sizeof before));
    gr_feed feeds[] = {{"x", x}, {"y", y}};
    gr_check_report r;
    unit_ok(gr_check(loss, wrt, n, feeds, 2, store, NULL, &r));
    unit_ok(gr_store_read(store, "fc1/weight", after, sizeof after));
    assert_memory_equal(before, after, sizeof before);
    for (int i = 0; i < r.entries; i++) {
        /* Batch norm takes the bias before it out again: its gradient is zero by nature. */
        if (!strcmp(r.entry[i].name, "fc1/bias"))
            assert_true(r.entry[i].vacuous);
        else
            assert_true(!r.entry[i].vacuous && r.entry[i].error < 1e-7);
        assert_int_equal(r.entry[i].faults, 0);
    }
    gr_check_clear(&r);
    unit_refused(gr_check(loss, wrt, n, feeds, 1, store, NULL, &r), GR_INVALID,
                 "no value given for input 'y'");
    unit_refused(gr_check(scores, wrt, n, feeds, 2, store, NULL, &r), GR_SHAPE, "scalar");
    gr_scope_free(s);
    gr_graph_free(g);
    gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted_faults),
        cmocka_unit_test(test_kinks),
        cmocka_unit_test(test_vacuous),
        cmocka_unit_test(test_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
