/* Values of gradients: the lecture's circuits, products with the Hessian, loops, own gates. */
#include "support.h"

#include <math.h>

#include <gradus/gradus.h>

#include "ops/ops.h"
#include "ops/sample.h"

/* Element `i` of a node's value. */
static double value_at(gr_node *node, const gr_feed *feeds, int n, int64_t i)
{
    gr_tensor out;
    gr_status status = gr_evaluate(gr_node_graph(node), &node, 1, feeds, n, NULL, &out);
    if (status != GR_OK) fail_msg("%s", gr_message());
    double value = gr_tensor_at(&out, i);
    gr_tensor_clear(&out);
    return value;
}

static void near(double value, double expected)
{
    double error = fabs(value - expected);
    if (!(error <= 1e-12 * fmax(1, fabs(expected)))) fail_msg("%.17g, not %.17g", value, expected);
}

/* sigmoid(w0·x0 + w1·x1 + w2): σ = 0.7311, whose slope σ(1−σ) is 0.1966. */
static void a_neuron(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    const char *names[] = {"w0", "w1", "w2", "x0", "x1"};
    const double values[] = {2, -3, -3, -1, -2}, factor[] = {-1, -2, 1, 2, -3};
    gr_node *in[5], *d[5];
    gr_feed feeds[5];
    for (int i = 0; i < 5; i++) {
        in[i] = gr_input(g, names[i], GR_F64, GR_SCALAR);
        feeds[i] = (gr_feed){names[i], &values[i]};
    }
    gr_node *dot = gr_add(gr_add(gr_mul(in[0], in[3]), gr_mul(in[1], in[4])), in[2]);
    gr_node *y = gr_sigmoid(dot);
    unit_ok(gr_grad(y, in, 5, d));
    const double sigma = 1 / (1 + exp(-1));
    near(value_at(y, feeds, 5, 0), sigma);
    for (int i = 0; i < 5; i++) {
        near(value_at(d[i], feeds, 5, 0), factor[i] * sigma * (1 - sigma));
    }
    gr_graph_free(g);
}

/* sum((W @ x)²) = 0.116, ∇W = 2q·xᵀ, ∇x = 2Wᵀq. */
static void a_quadratic_form(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    const double w[] = {.1, .5, -.3, .8}, x[] = {.2, .4};
    const double dw[] = {.088, .176, .104, .208}, dx[] = {-.112, .636};
    gr_node *in[] = {gr_input(g, "W", GR_F64, GR_SHAPE(2, 2)),
                     gr_input(g, "x", GR_F64, GR_SHAPE(2))};
    gr_node *y = gr_sum(gr_square(gr_matmul(in[0], in[1])), GR_ALL), *d[2];
    const gr_feed feeds[] = {{"W", w}, {"x", x}};
    unit_ok(gr_grad(y, in, 2, d));
    near(value_at(y, feeds, 2, 0), 0.116);
    for (int i = 0; i < 4; i++) near(value_at(d[0], feeds, 2, i), dw[i]);
    for (int i = 0; i < 2; i++) near(value_at(d[1], feeds, 2, i), dx[i]);
    gr_graph_free(g);
}

static void ties_and_forks(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *in[] = {gr_input(g, "x", GR_F64, GR_SCALAR), gr_input(g, "y", GR_F64, GR_SCALAR)};
    gr_node *d[2], *b = gr_add(in[0], in[0]), *dc;
    unit_ok(gr_grad(gr_maximum(in[0], in[1]), in, 2, d));
    unit_ok(gr_grad(gr_add(b, b), in, 1, &dc));
    const double four = 4, two = 2;
    const gr_feed above[] = {{"x", &four}, {"y", &two}}, tie[] = {{"x", &two}, {"y", &two}};
    near(value_at(d[0], above, 2, 0), 1);
    near(value_at(d[1], above, 2, 0), 0);
    near(value_at(d[0], tie, 2, 0), 1);
    near(value_at(d[1], tie, 2, 0), 0);
    near(value_at(dc, above, 2, 0), 4);
    gr_graph_free(g);
}

/* f = Σ x³ + x₀x₂: the product of its Hessian with v is 6x·v plus the cross terms. */
static void a_hessian_vector_product(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3)), *v = gr_input(g, "v", GR_F64, GR_SHAPE(3));
    gr_node *parts = gr_split(x, 3, 0), *d, *hv;
    gr_node *cross = gr_mul(gr_get(parts, 0), gr_get(parts, 2));
    gr_node *f = gr_add(gr_sum(gr_mul(gr_square(x), x), GR_ALL), gr_sum(cross, GR_ALL));
    unit_ok(gr_grad(f, &x, 1, &d));
    unit_ok(gr_vjp(d, v, &x, 1, &hv));
    const double at[] = {2, -1, .5}, along[] = {1, 3, -2};
    const double expected[] = {6 * 2 * 1 - 2, 6 * -1 * 3, 6 * .5 * -2 + 1};
    const gr_feed feeds[] = {{"x", at}, {"v", along}};
    for (int i = 0; i < 3; i++) near(value_at(hv, feeds, 2, i), expected[i]);
    gr_graph_free(g);
}

/* ---- Loops -------------------------------------------------------------------------------- */

enum { STEPS = 4, WIDTH = 3 };

/* h = tanh(x_t + h @ w) */
static gr_node *recurrent_cell(gr_node *h, gr_node *x, gr_node *w)
{
    return gr_tanh(gr_add(x, gr_matmul(h, w)));
}

/* Σ of h_t²·(t+1) over all steps; `reverse` runs from the last to the first. */
static gr_node *recurrent_loop(gr_graph *g, gr_node *const *in, bool reverse)
{
    gr_graph *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F64, GR_SHAPE(WIDTH));
    gr_node *x = gr_input(body, "x", GR_F64, GR_SHAPE(WIDTH));
    gr_node *t = gr_input(body, "t", GR_F64, GR_SCALAR);
    gr_node *w = gr_input(body, "w", GR_F64, GR_SHAPE(WIDTH, WIDTH));
    gr_node *next = recurrent_cell(h, x, w);
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){h, x, t, w},
                         .body_out = (gr_node *[]){next, gr_mul(gr_square(next), t)},
                         .carries = 1,
                         .slices = 2,
                         .captures = 1,
                         .outputs = 1,
                         .reverse = reverse};
    const double weights[STEPS] = {1, 2, 3, 4};
    gr_tensor tensor = {GR_F64, GR_SHAPE(STEPS), (void *)weights};
    gr_node *all = gr_scan(g, &spec, (gr_node *[]){in[0], in[1], gr_constant(g, &tensor), in[2]});
    return gr_sum(gr_get(all, 1), GR_ALL);
}

/* The same, one step after the other. */
static gr_node *recurrent_unrolled(gr_graph *g, gr_node *const *in, bool reverse)
{
    gr_node *rows = gr_split(in[1], STEPS, 0), *h = in[0], *sum = gr_scalar(g, GR_F64, 0);
    for (int k = 0; k < STEPS; k++) {
        int t = reverse ? STEPS - 1 - k : k;
        h = recurrent_cell(h, gr_reshape(gr_get(rows, t), GR_SHAPE(WIDTH)), in[2]);
        sum = gr_add(sum, gr_scale(gr_sum(gr_square(h), GR_ALL), t + 1));
    }
    return sum;
}

static void a_loop_is_its_unrolled_steps(void **state)
{
    (void)state;
    double h[WIDTH], x[STEPS * WIDTH], w[WIDTH * WIDTH];
    gr_rng rng = gr_rng_new(3, 0);
    for (size_t i = 0; i < GR_LEN(h); i++) h[i] = gr_rng_normal(&rng);
    for (size_t i = 0; i < GR_LEN(x); i++) x[i] = gr_rng_normal(&rng);
    for (size_t i = 0; i < GR_LEN(w); i++) w[i] = gr_rng_normal(&rng);
    const gr_feed feeds[] = {{"h", h}, {"x", x}, {"w", w}};
    for (int reverse = 0; reverse < 2; reverse++) {
        gr_graph *g = gr_graph_new();
        gr_node *in[] = {gr_input(g, "h", GR_F64, GR_SHAPE(WIDTH)),
                         gr_input(g, "x", GR_F64, GR_SHAPE(STEPS, WIDTH)),
                         gr_input(g, "w", GR_F64, GR_SHAPE(WIDTH, WIDTH))};
        gr_node *y[] = {recurrent_loop(g, in, reverse), recurrent_unrolled(g, in, reverse)};
        gr_node *d[2][3], *dd[2][3];
        for (int k = 0; k < 2; k++) { /* k = 0: the loop */
            unit_ok(gr_grad(y[k], in, 3, d[k]));
            gr_node *z = gr_sum(gr_square(d[k][2]), GR_ALL);
            unit_ok(gr_grad(gr_add(z, gr_sum(d[k][1], GR_ALL)), in, 3, dd[k]));
        }
        near(value_at(y[0], feeds, 3, 0), value_at(y[1], feeds, 3, 0));
        for (int i = 0; i < 3; i++) {
            for (int64_t e = 0; e < gr_shape_count(gr_node_shape(in[i])); e++) {
                near(value_at(d[0][i], feeds, 3, e), value_at(d[1][i], feeds, 3, e));
                near(value_at(dd[0][i], feeds, 3, e), value_at(dd[1][i], feeds, 3, e));
            }
        }
        gr_graph_free(g);
    }
}

/* Compares the gradient of Σ sample² with differences; *vacuous counts inputs that show nothing. */
static void sample_agrees(const gr_op *op, int k, bool second)
{
    gr_sampler s;
    unit_ok(gr_sampler_init(&s, GR_F64, (uint64_t)k));
    gr_node *y = gr_sum(gr_square(op->sample(&s, k)), GR_ALL), *grad[GR_SAMPLE_INPUTS];
    gr_feed feeds[GR_SAMPLE_INPUTS];
    if (second) {
        unit_ok(gr_grad(y, s.node, s.n, grad));
        y = gr_sum(gr_square(grad[0]), GR_ALL);
    }
    for (int i = 0; i < s.n; i++) feeds[i] = (gr_feed){gr_node_name(s.node[i]), s.value[i].data};
    gr_check_report report;
    unit_ok(gr_check(y, s.node, s.n, feeds, s.n, NULL, NULL, &report));
    for (int i = 0; i < report.entries; i++) {
        const gr_check_entry *e = &report.entry[i];
        if (e->faults) {
            fail_msg("%s sample %d by %s[%lld]: %.12g, differences give %.12g", op->name, k,
                     e->name, (long long)e->index, e->analytic, e->numeric);
        }
        if (gr_shape_count(e->shape) > 0 && gr_shape_count(gr_node_shape(s.node[1])) > 0) {
            assert_false(e->vacuous && !second);
        }
    }
    gr_check_clear(&report);
    gr_sampler_clear(&s);
}

static int samples_of(const gr_op *op)
{
    int k = 0;
    for (bool more = true; more; k += more) {
        gr_sampler s;
        unit_ok(gr_sampler_init(&s, GR_F64, 0));
        more = op->sample(&s, k) != NULL;
        gr_sampler_clear(&s);
    }
    return k;
}

static void loops_agree_with_differences(void **state)
{
    (void)state;
    for (int k = 0; k < samples_of(&gr_op_scan); k++) {
        sample_agrees(&gr_op_scan, k, false);
        sample_agrees(&gr_op_scan, k, true);
    }
}

static void own_gates_agree_with_differences(void **state)
{
    (void)state;
    for (int k = 0; k < samples_of(&gr_op_custom); k++) sample_agrees(&gr_op_custom, k, false);
}

/* ---- Own gates that fail ------------------------------------------------------------------ */

static gr_status picky_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    out[0] = in[0];
    return GR_OK;
}

static gr_status picky_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    double x = ((const double *)in[0].data)[0];
    ((double *)out[0].data)[0] = sqrt(x);
    return x < 0 ? GR_NUMERIC : GR_OK;
}

static void a_gate_may_fail_the_step(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR);
    gr_gate gate = {.size = sizeof gate,
                    .name = "picky",
                    .inputs = 1,
                    .outputs = 1,
                    .shape = picky_shape,
                    .forward = picky_forward};
    gr_node *y = gr_custom(g, &gate, &x, 1);
    double value = 9;
    const gr_feed feed = {"x", &value};
    near(value_at(y, &feed, 1, 0), 3);
    value = -1;
    gr_tensor out;
    assert_int_equal(gr_evaluate(g, &y, 1, &feed, 1, NULL, &out), GR_NUMERIC);
    assert_non_null(strstr(gr_message(), "the forward callback of gate 'picky' failed: not a "
                                         "finite number"));
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_neuron),
        cmocka_unit_test(a_quadratic_form),
        cmocka_unit_test(ties_and_forks),
        cmocka_unit_test(a_hessian_vector_product),
        cmocka_unit_test(a_loop_is_its_unrolled_steps),
        cmocka_unit_test(loops_agree_with_differences),
        cmocka_unit_test(own_gates_agree_with_differences),
        cmocka_unit_test(a_gate_may_fail_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
