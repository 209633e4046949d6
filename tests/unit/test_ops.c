/* Every op of the table, on the samples that its file gives: the fast kernels against the
 * reference, f32 against f64, the gradient and the gradient's gradient against differences. */
#include "support.h"

#include <math.h>

#include <gradus/check.h>
#include <gradus/run.h>

#include "backend/backend.h"
#include "ops/ops.h"
#include "ops/sample.h"
#include "plan/cost.h"

/* ---- Running a graph by the references alone ------------------------------------------------- */

static void *ops_buffer(const gr_type *type)
{
    size_t bytes = (size_t)gr_shape_count(type->shape) * gr_dtype_size(type->dtype);
    return gr_alloc_aligned(bytes + 1);
}

/* Runs one node on values[id][output], filling its own. */
static void ops_run_reference(const gr_node *node, void *(*values)[GR_MAX_OUTPUTS])
{
    void *in[GR_SAMPLE_INPUTS];
    for (int i = 0; i < node->n_in; i++) in[i] = values[node->in[i]->id][0];
    void **out = values[node->id];
    if (node->op == &gr_op_get) {
        out[0] = values[node->in[0]->id][node->attr[0].i];
        return;
    }
    if (node->op->flags & GR_OP_VIEW) {
        out[0] = in[0];
        return;
    }
    for (int i = 0; i < node->n_out; i++) out[i] = ops_buffer(&node->out[i]);
    gr_arena arena = {0};
    gr_request request = {.node = node, .arena = &arena, .level = GR_CPU_BASE, .threads = 1};
    unit_ok(gr_backend_reference.prepare(&request));
    void *work = gr_alloc_aligned(request.work + 1);
    gr_call call = {.in = in, .out = out, .work = work, .ctx = request.ctx, .threads = 1};
    unit_ok(request.fn(&call));
    gr_free_aligned(work);
    gr_arena_free(&arena);
}

/* The value of `target` (an ordinary node) by references; the caller frees it with gr_free. */
static gr_tensor ops_reference(const gr_sampler *s, const gr_node *target)
{
    void *(*values)[GR_MAX_OUTPUTS] =
        gr_alloc_array((size_t)gr_graph_size(s->graph), sizeof *values);
    for (int id = 0; id <= target->id; id++) {
        const gr_node *node = gr_graph_node(s->graph, id);
        int input = -1;
        for (int i = 0; i < s->n; i++)
            if (s->node[i] == node) input = i;
        if (input >= 0)
            values[id][0] = s->value[input].data;
        else if (node->op == &gr_op_constant)
            values[id][0] = node->attr[0].tensor->data;
        else
            ops_run_reference(node, values);
    }
    gr_tensor result;
    unit_ok(gr_tensor_new(target->out[0].dtype, target->out[0].shape, &result));
    memcpy(result.data, values[target->id][0], gr_tensor_bytes(&result));
    for (int id = 0; id <= target->id; id++) {
        const gr_node *node = gr_graph_node(s->graph, id);
        if ((node->op->flags & (GR_OP_LEAF | GR_OP_VIEW)) || node->op == &gr_op_get) continue;
        for (int i = 0; i < node->n_out; i++) gr_free_aligned(values[id][i]);
    }
    gr_free(values);
    return result;
}

static gr_status ops_evaluate(const gr_sampler *s, gr_node *target, gr_tensor *out)
{
    gr_feed feeds[GR_SAMPLE_INPUTS];
    for (int i = 0; i < s->n; i++) feeds[i] = (gr_feed){gr_node_name(s->node[i]), s->value[i].data};
    return gr_evaluate(s->graph, &target, 1, feeds, s->n, NULL, out);
}

/* ---- Samples --------------------------------------------------------------------------------- */

static bool ops_has_no_sample(const gr_op *op)
{
    return (op->flags & (GR_OP_LEAF | GR_OP_EFFECT)) || op == &gr_op_get || op == &gr_op_custom ||
           op == &gr_op_custom_grad || op == &gr_op_scan;
}

typedef void ops_body(const gr_op *op, int k, gr_sampler *s, gr_node *node);
static ops_body ops_check_gradient;

/* Some sample of the op under test had a gradient other than zero. */
static bool ops_gradient_shown;

static int ops_each_sample(gr_dtype dtype, ops_body *body)
{
    int count, total = 0;
    const gr_op *const *ops = gr_op_all(&count);
    for (int i = 0; i < count; i++) {
        if (ops_has_no_sample(ops[i])) continue;
        if (!ops[i]->sample) fail_msg("op %s has no samples", ops[i]->name);
        int k = 0;
        ops_gradient_shown = body != ops_check_gradient;
        for (;; k++) {
            gr_sampler s;
            unit_ok(gr_sampler_init(&s, dtype, (uint64_t)(1000 * i + k)));
            gr_node *node = ops[i]->sample(&s, k);
            if (node) {
                if (gr_graph_status(s.graph) != GR_OK)
                    fail_msg("%s sample %d: %s", ops[i]->name, k, gr_graph_message(s.graph));
                body(ops[i], k, &s, node);
            }
            gr_sampler_clear(&s);
            if (!node) break;
        }
        if (!ops_gradient_shown && ops[i]->grad)
            fail_msg("op %s: the gradient is zero on every sample", ops[i]->name);
        if (k < 2) fail_msg("op %s has only %d samples", ops[i]->name, k);
        total += k;
    }
    return total;
}

static bool ops_is_contraction(const gr_op *op)
{
    return strstr("matmul conv conv_input_grad conv_weight_grad attention attention_grad "
                  "standardize standardize_grad",
                  op->name) != NULL;
}

static double ops_largest(const gr_tensor *t)
{
    double most = 0;
    for (int64_t i = 0; i < gr_shape_count(t->shape); i++) {
        double v = fabs(gr_tensor_at(t, i));
        if (v > most) most = v;
    }
    return most;
}

static void ops_check_forward(const gr_op *op, int k, gr_sampler *s, gr_node *node)
{
    for (int i = 0; i < gr_node_outputs(node); i++) {
        gr_node *target = gr_get(node, i);
        gr_tensor expected = ops_reference(s, target), got;
        unit_ok(ops_evaluate(s, target, &got));
        assert_true(gr_shape_equal(got.shape, expected.shape) && got.dtype == expected.dtype);
        double bound = 0;
        if (ops_is_contraction(op))
            bound = ops_largest(&expected) * (got.dtype == GR_F64 ? 1e-13 : 1e-5);
        for (int64_t e = 0; e < gr_shape_count(got.shape); e++) {
            double a = gr_tensor_at(&got, e), b = gr_tensor_at(&expected, e);
            if (!(fabs(a - b) <= bound) && !(isnan(a) && isnan(b)) && a != b)
                fail_msg("%s sample %d [%lld]: %.17g, reference %.17g", op->name, k, (long long)e,
                         a, b);
        }
        gr_tensor_clear(&got);
        gr_tensor_clear(&expected);
    }
}

static void test_forward_f64(void **state)
{
    (void)state;
    print_message("%d samples in f64\n", ops_each_sample(GR_F64, ops_check_forward));
}

static void test_forward_f32(void **state)
{
    (void)state;
    print_message("%d samples in f32\n", ops_each_sample(GR_F32, ops_check_forward));
}

/* The same sample in f32 and, from the same values, in f64. */
static void ops_check_precision(const gr_op *op, int k, gr_sampler *s, gr_node *node)
{
    gr_sampler wide;
    unit_ok(gr_sampler_init(&wide, GR_F64, 0));
    gr_node *twin = op->sample(&wide, k);
    assert_int_equal(wide.n, s->n);
    for (int i = 0; i < s->n; i++) {
        gr_tensor *to = &wide.value[i];
        for (int64_t e = 0; e < gr_shape_count(to->shape); e++)
            if (to->dtype == GR_F64) ((double *)to->data)[e] = gr_tensor_at(&s->value[i], e);
        if (to->dtype == s->value[i].dtype) memcpy(to->data, s->value[i].data, gr_tensor_bytes(to));
    }
    for (int i = 0; i < gr_node_outputs(node); i++) {
        gr_tensor narrow, exact;
        unit_ok(ops_evaluate(s, gr_get(node, i), &narrow));
        unit_ok(ops_evaluate(&wide, gr_get(twin, i), &exact));
        double scale = ops_largest(&exact);
        for (int64_t e = 0; e < gr_shape_count(exact.shape) && narrow.dtype == GR_F32; e++) {
            double a = gr_tensor_at(&narrow, e), b = gr_tensor_at(&exact, e);
            if (!(fabs(a - b) <= 1e-5 * fmax(scale, 1)))
                fail_msg("%s sample %d [%lld]: f32 %.9g, f64 %.17g", op->name, k, (long long)e, a,
                         b);
        }
        gr_tensor_clear(&narrow);
        gr_tensor_clear(&exact);
    }
    gr_sampler_clear(&wide);
}

static void test_precision(void **state)
{
    (void)state;
    ops_each_sample(GR_F32, ops_check_precision);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* Σ wᵢ·xᵢ with fixed random weights: a scalar through which every element shows. */
static gr_node *ops_weigh(gr_graph *graph, gr_node *x, uint64_t seed)
{
    gr_tensor w;
    unit_ok(gr_tensor_new(GR_F64, gr_node_shape(x), &w));
    gr_rng rng = gr_rng_new(seed, 7);
    for (int64_t i = 0; i < gr_shape_count(w.shape); i++)
        ((double *)w.data)[i] = 0.5 + gr_rng_uniform(&rng);
    gr_node *sum = gr_sum(gr_mul(x, gr_constant(graph, &w)), GR_ALL);
    gr_tensor_clear(&w);
    return sum;
}

static gr_node *ops_objective(gr_sampler *s, gr_node *node)
{
    gr_node *y = NULL;
    for (int i = 0; i < gr_node_outputs(node); i++) {
        gr_node *output = gr_get(node, i);
        if (gr_node_dtype(output) != GR_F64) continue;
        gr_node *term = ops_weigh(s->graph, output, (uint64_t)i);
        y = y ? gr_add(y, term) : term;
    }
    return y;
}

static void ops_run_check(const gr_op *op, int k, gr_sampler *s, gr_node *y, gr_node **wrt, int n,
                          double tolerance, const char *order)
{
    gr_feed feeds[GR_SAMPLE_INPUTS];
    for (int i = 0; i < s->n; i++) feeds[i] = (gr_feed){gr_node_name(s->node[i]), s->value[i].data};
    gr_check_options options = {.size = sizeof options, .tolerance = tolerance, .samples = 40};
    gr_check_report report;
    gr_status status = gr_check(y, wrt, n, feeds, s->n, NULL, &options, &report);
    if (status != GR_OK) fail_msg("%s sample %d %s: %s", op->name, k, order, gr_message());
    for (int i = 0; i < report.entries; i++) {
        const gr_check_entry *e = &report.entry[i];
        if (e->faults || (e->kinks && !strcmp(order, "gradient")))
            fail_msg("%s sample %d %s by %s[%lld]: analytic %.12g, numeric %.12g, error %.2g, %lld "
                     "kinks",
                     op->name, k, order, e->name, (long long)e->index, e->analytic, e->numeric,
                     e->error, (long long)e->kinks);
        if (!strcmp(order, "gradient") && !e->vacuous) ops_gradient_shown = true;
    }
    gr_check_clear(&report);
}

static void ops_check_gradient(const gr_op *op, int k, gr_sampler *s, gr_node *node)
{
    gr_node *wrt[GR_SAMPLE_INPUTS], *grad[GR_SAMPLE_INPUTS];
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (s->value[i].dtype == GR_F64 && gr_shape_count(s->value[i].shape) > 0)
            wrt[n++] = s->node[i];
    gr_node *y = ops_objective(s, node);
    if (op == &gr_op_stop_gradient) return; /* is there to disagree with the differences */
    if (n == 0 || !y || gr_shape_count(gr_node_shape(node)) == 0) return;
    if (op->flags & GR_OP_GRAD_NONE) {
        assert_int_equal(gr_grad(y, wrt, n, grad), GR_UNSUPPORTED);
        assert_non_null(strstr(gr_graph_message(s->graph), op->name));
        return;
    }
    ops_run_check(op, k, s, y, wrt, n, 1e-7, "gradient");
    if (op->flags & GR_OP_GRAD_ZERO) return;
    gr_status status = gr_grad(y, wrt, n, grad);
    if (status != GR_OK) fail_msg("%s sample %d: %s", op->name, k, gr_graph_message(s->graph));
    gr_node *z = NULL;
    for (int i = 0; i < n; i++) {
        gr_node *term = ops_weigh(s->graph, gr_mul(grad[i], wrt[i]), (uint64_t)(10 + i));
        z = z ? gr_add(z, term) : term;
    }
    if (op->flags & GR_OP_GRAD_ONCE) {
        assert_int_equal(gr_grad(z, wrt, n, grad), GR_UNSUPPORTED);
        return;
    }
    ops_run_check(op, k, s, z, wrt, n, 1e-6, "second order");
}

static void test_gradients(void **state)
{
    (void)state;
    ops_each_sample(GR_F64, ops_check_gradient);
}

/* What is computed is at least written; views cost nothing. */
static void ops_check_cost(const gr_op *op, int k, gr_sampler *s, gr_node *node)
{
    (void)s;
    gr_cost cost;
    double written = 0;
    if (node->op != op) return; /* a builder that found a simpler form */
    unit_ok(gr_node_cost(node, &cost));
    for (int i = 0; i < node->n_out; i++)
        written +=
            (double)gr_shape_count(node->out[i].shape) * (double)gr_dtype_size(node->out[i].dtype);
    if (op->flags & GR_OP_VIEW) written = 0;
    if (!isfinite(cost.flops) || cost.flops < 0 || cost.bytes < written || !isfinite(cost.bytes))
        fail_msg("%s sample %d: %g operations on %g bytes", op->name, k, cost.flops, cost.bytes);
}

static void test_costs(void **state)
{
    (void)state;
    ops_each_sample(GR_F32, ops_check_cost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_f64), cmocka_unit_test(test_forward_f32),
        cmocka_unit_test(test_precision),   cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
