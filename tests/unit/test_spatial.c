/* Layers on images and their like against the values of tests/reference/spatial.py, in f64 and
 * f32, through their words; their kernels against the references; refusals. */
#include "support_kernel.h"

#include <math.h>

#include <gradus/gradus.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_lrn_prepare;

static gr_safetensors *spatial_file;

static int spatial_setup(void **state)
{
    (void)state;
    unit_ok(gr_safetensors_open(TEST_REFERENCE "/spatial.safetensors", &spatial_file));
    return 0;
}

static int spatial_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(spatial_file);
    return 0;
}

/* ---- Reference values ------------------------------------------------------------------------ */

enum { SPATIAL_INPUTS = 4 };

static bool spatial_read(const char *name, const char *part, gr_dtype dtype, gr_tensor *t)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", name, part);
    const int i = gr_safetensors_find(spatial_file, path);
    if (i < 0) return false;
    const gr_tensor type = gr_safetensors_type(spatial_file, i);
    gr_tensor wide;
    unit_ok(gr_tensor_new(type.dtype, type.shape, &wide));
    unit_ok(gr_safetensors_read(spatial_file, i, wide.data, gr_tensor_bytes(&wide)));
    *t = wide;
    if (dtype == GR_F64) return true;
    unit_ok(gr_tensor_new(dtype, type.shape, t));
    for (int64_t k = 0; k < gr_shape_count(t->shape); k++)
        ((float *)t->data)[k] = (float)gr_tensor_at(&wide, k);
    gr_tensor_clear(&wide);
    return true;
}

static void spatial_compare(const char *name, const char *part, const gr_tensor *got)
{
    const double tolerance = got->dtype == GR_F64 ? 1e-10 : 1e-5;
    gr_tensor want;
    if (!spatial_read(name, part, GR_F64, &want)) fail_msg("no reference %s/%s", name, part);
    if (!gr_shape_equal(got->shape, want.shape))
        fail_msg("%s/%s: %s, expected %s", name, part, gr_shape_text(got->shape),
                 gr_shape_text(want.shape));
    double largest = 1;
    for (int64_t i = 0; i < gr_shape_count(want.shape); i++)
        largest = fmax(largest, fabs(gr_tensor_at(&want, i)));
    for (int64_t i = 0; i < gr_shape_count(want.shape); i++) {
        const double off = fabs(gr_tensor_at(got, i) - gr_tensor_at(&want, i));
        if (!(off <= tolerance * largest))
            fail_msg("%s/%s [%d] %s: %.17g, expected %.17g", name, part, (int)i,
                     gr_dtype_name(got->dtype), gr_tensor_at(got, i), gr_tensor_at(&want, i));
    }
    gr_tensor_clear(&want);
}

/* Builds `text` on the case's inputs, evaluates it and the gradients, compares all. */
static void spatial_check(const char *name, const char *text, gr_dtype dtype)
{
    static const char *const keys[SPATIAL_INPUTS] = {"x", "w", "b", "r"};
    char part[16];
    gr_graph *g = gr_graph_new();
    gr_tensor data[SPATIAL_INPUTS + 1], out[SPATIAL_INPUTS + 1];
    gr_node *in[SPATIAL_INPUTS], *target[SPATIAL_INPUTS + 1], *y;
    gr_binding binding[SPATIAL_INPUTS];
    gr_feed feed[SPATIAL_INPUTS];
    int n = 0;
    for (int i = 0; i < SPATIAL_INPUTS; i++) {
        if (!spatial_read(name, keys[i], dtype, &data[n])) continue;
        in[n] = gr_input(g, keys[i], dtype, data[n].shape);
        binding[n] = (gr_binding){.name = keys[i], .node = in[n]};
        feed[n] = (gr_feed){keys[i], data[n].data};
        n++;
    }
    if (n == 0 || !spatial_read(name, "dy", dtype, &data[n])) fail_msg("no reference %s", name);
    gr_expr *expr;
    const gr_expr_env env = {
        .size = sizeof env, .dtype = dtype, .bindings = binding, .n_bindings = n};
    unit_ok(gr_expr_parse(text, name, &expr));
    if (gr_expr_build(expr, g, &env, &y) != GR_OK) fail_msg("%s", gr_message());
    target[0] = y;
    unit_ok(gr_grad(gr_sum(gr_mul(y, gr_constant(g, &data[n])), GR_ALL), in, n, target + 1));
    unit_ok(gr_evaluate(g, target, n + 1, feed, n, NULL, out));
    spatial_compare(name, "y", &out[0]);
    for (int i = 0; i < n; i++) {
        snprintf(part, sizeof part, "grad/%s", feed[i].name);
        spatial_compare(name, part, &out[1 + i]);
    }
    for (int i = 0; i <= n; i++) gr_tensor_clear(&data[i]), gr_tensor_clear(&out[i]);
    gr_expr_free(expr);
    gr_graph_free(g);
}

static void test_references(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"lrn", "lrn(x)"},
        {"lrn_even", "lrn(x, 4, alpha=2, beta=0.6, k=1.5)"},
        {"lrn_within", "lrn(x, 3, alpha=2, within=true)"},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        spatial_check(cases[i].name, cases[i].text, GR_F64);
        spatial_check(cases[i].name, cases[i].text, GR_F32);
    }
}

/* ---- Kernels --------------------------------------------------------------------------------- */

/* Places around and beyond a tile, windows wider than the channels, every power. */
static void test_lrn_kernels(void **state)
{
    (void)state;
    static const struct {
        int64_t images, channels, places, size;
        double beta;
    } cases[] = {
        {1, 7, 127, 5, 0.75}, {2, 3, 129, 3, 0.75}, {1, 2, 257, 9, 0.5},
        {3, 5, 1, 4, 0.75},   {1, 6, 40, 2, 0.6},   {1, 1, 33, 1, 1},
    };
    for (size_t i = 0; i < 2 * GR_LEN(cases); i++) {
        const size_t c = i / 2;
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", i % 2 ? GR_F64 : GR_F32,
                              GR_SHAPE(cases[c].images, cases[c].channels, cases[c].places));
        gr_node *y = gr_lrn(x, cases[c].size, 2, cases[c].beta, 1), *dx;
        kernel_check(y, gr_lrn_prepare, 0);
        unit_ok(gr_grad(gr_sum(gr_square(y), GR_ALL), &x, 1, &dx));
        assert_string_equal(gr_node_op(dx), "lrn_grad");
        kernel_check(dx, gr_lrn_prepare, 0);
        gr_graph_free(g);
    }
}

/* ---- Refusals -------------------------------------------------------------------------------- */

/* Building `text` on an input x of that shape must fail with the words. */
static void spatial_refuse(gr_shape shape, const char *text, const char *words)
{
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, NULL, NULL);
    assert_true(gr_is_error(gr_net(s, gr_input(g, "x", GR_F32, shape), text)));
    if (!strstr(gr_graph_message(g), words))
        fail_msg("%s: no \"%s\" in: %s", text, words, gr_graph_message(g));
    gr_scope_free(s);
    gr_graph_free(g);
}

static void test_refusals(void **state)
{
    (void)state;
    const gr_shape image = GR_SHAPE(2, 3, 5, 5);
    spatial_refuse(GR_SHAPE(4), "lrn(x)", "x is [4]; it must be [N, C, …]");
    spatial_refuse(image, "lrn(x, 5, k=0)", "k = 0: should be positive");
    spatial_refuse(image, "lrn(x, 5, alpha=-1)", "alpha -1, beta 0.75");
    spatial_refuse(image, "lrn(x, 4, within=true)", "4 places within a channel: should be odd");
    spatial_refuse(image, "lrn(x, 3, k=2, within=true)", "within channels k is 1, not 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_lrn_kernels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, spatial_setup, spatial_teardown);
}
