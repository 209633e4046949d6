/* Layers on images and their like against the values of tests/reference/spatial.py, in f64 and
 * f32, through their words; their kernels against the references; refusals. */
#include "support_kernel.h"
#include "support_reference.h"

#include <math.h>

#include <gradus/gradus.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_lrn_prepare;

static gr_safetensors *spatial_file;

static int spatial_setup(void **state)
{
    (void)state;
    spatial_file = reference_open("spatial.safetensors");
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

/* Builds `text` on the case's inputs, evaluates it and the gradients, compares all. */
static void spatial_check(const char *name, const char *text, gr_dtype dtype)
{
    static const char *const keys[SPATIAL_INPUTS] = {"x", "w", "b", "r"};
    gr_graph *g = gr_graph_new();
    gr_tensor data[SPATIAL_INPUTS + 1], out[SPATIAL_INPUTS + 1];
    gr_node *in[SPATIAL_INPUTS], *target[SPATIAL_INPUTS + 1], *y;
    gr_binding binding[SPATIAL_INPUTS];
    gr_feed feed[SPATIAL_INPUTS];
    int n = 0;
    for (int i = 0; i < SPATIAL_INPUTS; i++) {
        if (!reference_has(spatial_file, "%s/%s", name, keys[i])) continue;
        data[n] = reference_read(spatial_file, dtype, "%s/%s", name, keys[i]);
        in[n] = gr_input(g, keys[i], dtype, data[n].shape);
        binding[n] = (gr_binding){.name = keys[i], .node = in[n]};
        feed[n] = (gr_feed){keys[i], data[n].data};
        n++;
    }
    assert_true(n > 0);
    data[n] = reference_read(spatial_file, dtype, "%s/dy", name);
    gr_expr *expr;
    const gr_expr_env env = {
        .size = sizeof env, .dtype = dtype, .bindings = binding, .n_bindings = n};
    unit_ok(gr_expr_parse(text, name, &expr));
    if (gr_expr_build(expr, g, &env, &y) != GR_OK) fail_msg("%s", gr_message());
    target[0] = y;
    unit_ok(gr_grad(gr_sum(gr_mul(y, gr_constant(g, &data[n])), GR_ALL), in, n, target + 1));
    unit_ok(gr_evaluate(g, target, n + 1, feed, n, NULL, out));
    reference_compare(spatial_file, &out[0], "%s/y", name);
    for (int i = 0; i < n; i++) {
        reference_compare(spatial_file, &out[1 + i], "%s/grad/%s", name, feed[i].name);
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
        {"mvn", "mvn(x)"},
        {"mvn_across", "mvn(x, across=true, epsilon=0.1)"},
        {"mvn_mean", "mvn(x, variance=false)"},
        {"caffe_max", "maxpool(x, 3, 2, pad=1, ceil=true)"},
        {"caffe_ave", "avgpool(x, 3, 2, pad=1, ceil=true, count_pad=true)"},
        {"caffe_ave_plain", "avgpool(x, 3, 2, ceil=true)"},
        {"avg1d", "avgpool(x, 3, 2, pad=1, count_pad=true)"},
        {"max3d", "maxpool(x, 2, 2, pad=1)"},
        {"adaptive_avg", "adaptive_avgpool(x, [3, 4])"},
        {"adaptive_avg_even", "adaptive_avgpool(x, [2, 3])"},
        {"adaptive_avg1", "adaptive_avgpool(x, 5)"},
        {"adaptive_max", "adaptive_maxpool(x, [3, 4])"},
        {"adaptive_max3", "adaptive_maxpool(x, [2, 1, 3])"},
        {"global_avg", "global_avgpool(x)"},
        {"global_max", "global_maxpool(x)"},
        {"spp_max", "spp(x, 3)"},
        {"spp_ave", "spp(x, 2, average=true)"},
        {"im2col", "im2col(x, [3, 2], stride=[1, 2], pad=[1, 2], dilation=[2, 1])"},
        {"nearest", "upsample(x, [2, 3])"},
        {"nearest_odd", "upsample(x, size=[5, 7])"},
        {"nearest3", "upsample(x)"},
        {"bilinear", "upsample(x, size=[6, 7], mode=\"linear\")"},
        {"bilinear_corners", "upsample(x, size=[6, 7], mode=\"linear\", align_corners=true)"},
        {"bilinear_small", "upsample(x, size=[2, 3], mode=\"linear\")"},
        {"linear1", "upsample(x, size=9, mode=\"linear\")"},
        {"trilinear", "upsample(x, size=[3, 4, 2], mode=\"linear\", align_corners=true)"},
        {"shuffle", "pixel_shuffle(x, 2)"},
        {"unshuffle", "pixel_unshuffle(x, 3)"},
        {"crop", "crop(x, w, offset=[1, 2]) + 0 * w"},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        spatial_check(cases[i].name, cases[i].text, GR_F64);
        spatial_check(cases[i].name, cases[i].text, GR_F32);
    }
}

/* ---- Layers with parameters or a mode ----------------------------------------------------------
 */

typedef struct spatial_net {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
} spatial_net;

static spatial_net spatial_open(gr_store *store, gr_mode mode)
{
    const gr_scope_options options = {.size = sizeof options, .mode = mode, .seed = 3};
    spatial_net net = {.graph = gr_graph_new(), .store = store ? store : gr_store_new()};
    net.scope = gr_scope_new(net.graph, net.store, &options);
    return net;
}

static void spatial_close(spatial_net *net)
{
    gr_scope_free(net->scope);
    gr_graph_free(net->graph);
}

/* The net `text` of one layer, its parameters set to the reference's: result and all gradients. */
static void spatial_check_layer(const char *name, const char *text, gr_mode mode)
{
    enum { MOST = 4 };
    const char *part[MOST] = {"x"};
    gr_tensor out[MOST + 1];
    gr_node *wrt[MOST], *target[MOST + 1];
    spatial_net net = spatial_open(NULL, mode);
    gr_tensor x = reference_read(spatial_file, GR_F32, "%s/x", name);
    gr_tensor dy = reference_read(spatial_file, GR_F32, "%s/dy", name);
    wrt[0] = gr_input(net.graph, "x", GR_F32, x.shape);
    target[0] = gr_net(net.scope, wrt[0], text);
    if (gr_is_error(target[0])) fail_msg("%s: %s", name, gr_graph_message(net.graph));
    const int n = 1 + gr_scope_params(net.scope);
    for (int i = 1; i < n; i++) {
        wrt[i] = gr_scope_param(net.scope, i - 1);
        part[i] = strrchr(gr_node_name(wrt[i]), '/') + 1;
        gr_tensor value = reference_read(spatial_file, GR_F32, "%s/%s", name, part[i]);
        unit_ok(
            gr_store_write(net.store, gr_node_name(wrt[i]), value.data, gr_tensor_bytes(&value)));
        gr_tensor_clear(&value);
    }
    gr_node *loss = gr_sum(gr_mul(target[0], gr_constant(net.graph, &dy)), GR_ALL);
    unit_ok(gr_grad(loss, wrt, n, target + 1));
    unit_ok(gr_evaluate(net.graph, target, n + 1, &(gr_feed){"x", x.data}, 1, net.store, out));
    reference_compare(spatial_file, &out[0], "%s/y", name);
    for (int i = 0; i < n; i++) {
        reference_compare(spatial_file, &out[1 + i], "%s/grad/%s", name, part[i]);
    }
    for (int i = 0; i <= n; i++) gr_tensor_clear(&out[i]);
    gr_tensor_clear(&x), gr_tensor_clear(&dy);
    gr_store_free(net.store);
    spatial_close(&net);
}

static void test_layers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        gr_mode mode;
    } cases[] = {
        {"convtranspose", "convtranspose(6, 3, 2, 1, output_pad=1, groups=2)", GR_TRAIN},
        {"convtranspose1", "convtranspose(2, 4, 3, 2, dilation=2, bias=false)", GR_TRAIN},
        {"convtranspose3", "convtranspose(3, [2, 1, 3])", GR_TRAIN},
        {"depthwise", "conv(5, 3, 2, 1, groups=5)", GR_TRAIN},
        {"conv1", "conv(4, 3, 2, 1, dilation=2)", GR_TRAIN},
        {"groupnorm", "groupnorm(3)", GR_TRAIN},
        {"instancenorm", "instancenorm(affine=true)", GR_TRAIN},
        {"instancenorm_plain", "instancenorm()", GR_TRAIN},
        {"scale", "scale(bias=true)", GR_TRAIN},
        {"bias", "bias(axis=-1)", GR_TRAIN},
        {"stochastic", "stochastic_pool(2)", GR_EVAL},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++)
        spatial_check_layer(cases[i].name, cases[i].text, cases[i].mode);
}

/* Two steps of training and the test phase, as Caffe's. */
static void test_summed_batch_norm(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_tensor x, y;
    for (int step = 0; step < 3; step++) {
        spatial_net net = spatial_open(store, step < 2 ? GR_TRAIN : GR_EVAL);
        x = reference_read(spatial_file, GR_F32, "caffe_bn/x%d", step == 0 ? 0 : 1);
        gr_node *in = gr_input(net.graph, "x", GR_F32, x.shape), *target[4];
        target[0] = gr_net(net.scope, in, "batchnorm(0.1, affine=false, summed=true)");
        const int n = gr_scope_updates(net.scope);
        assert_int_equal(n, step < 2 ? 3 : 0);
        for (int i = 0; i < n; i++) target[1 + i] = gr_scope_update_node(net.scope, i);
        gr_tensor out[4];
        unit_ok(gr_evaluate(net.graph, target, 1 + n, &(gr_feed){"x", x.data}, 1, store, out));
        y = out[0];
        if (step == 2) reference_compare(spatial_file, &y, "caffe_bn/y");
        gr_tensor_clear(&y), gr_tensor_clear(&x);
        spatial_close(&net);
    }
    gr_store_free(store);
}

/* `text` on N ones (or what `x` holds) in training; the result is the caller's. */
static void spatial_draw(const char *text, gr_shape shape, const float *x, gr_mode mode,
                         gr_tensor *out)
{
    spatial_net net = spatial_open(NULL, mode);
    gr_node *y = gr_net(net.scope, gr_input(net.graph, "x", GR_F32, shape), text);
    if (gr_is_error(y)) fail_msg("%s: %s", text, gr_graph_message(net.graph));
    unit_ok(gr_evaluate(net.graph, &y, 1, &(gr_feed){"x", x}, 1, net.store, out));
    gr_store_free(net.store);
    spatial_close(&net);
}

static void spatial_moments(const gr_tensor *t, double *mean, double *deviation)
{
    const int64_t n = gr_shape_count(t->shape);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += gr_tensor_at(t, i);
        squares += gr_tensor_at(t, i) * gr_tensor_at(t, i);
    }
    *mean = sum / (double)n;
    *deviation = sqrt(squares / (double)n - *mean * *mean);
}

static void test_noise(void **state)
{
    (void)state;
    enum { N = 4, C = 1000, PLACES = 6, ALL = N * C * PLACES };
    static float x[ALL];
    const gr_shape shape = GR_SHAPE(N, C, PLACES);
    double mean, deviation;
    gr_tensor y;
    for (int i = 0; i < ALL; i++) x[i] = 1;
    spatial_draw("channel_dropout(0.25)", shape, x, GR_TRAIN, &y);
    int kept = 0;
    for (int i = 0; i < N * C; i++) {
        const float *channel = (const float *)y.data + i * PLACES;
        for (int k = 0; k < PLACES; k++) assert_true(channel[k] == channel[0]);
        assert_true(channel[0] == 0 || fabs((double)channel[0] - 4.0 / 3) < 1e-6);
        kept += channel[0] != 0;
    }
    assert_in_range(kept, N * C * 3 / 4 - 110, N * C * 3 / 4 + 110); /* four deviations */
    gr_tensor_clear(&y);

    for (int i = 0; i < ALL; i++) x[i] = i % 2 ? 1 : -1;
    spatial_draw("alpha_dropout(0.3)", shape, x, GR_TRAIN, &y);
    spatial_moments(&y, &mean, &deviation);
    assert_true(fabs(mean) < 0.03 && fabs(deviation - 1) < 0.03);
    gr_tensor_clear(&y);
    spatial_draw("gaussian_noise(0.5)", shape, x, GR_TRAIN, &y);
    for (int i = 0; i < ALL; i++) ((float *)y.data)[i] -= x[i];
    spatial_moments(&y, &mean, &deviation);
    assert_true(fabs(mean) < 0.015 && fabs(deviation - 0.5) < 0.015);
    gr_tensor_clear(&y);

    const char *const words[] = {"channel_dropout(0.5)", "alpha_dropout(0.5)", "gaussian_noise(1)"};
    for (size_t i = 0; i < GR_LEN(words); i++) {
        spatial_draw(words[i], shape, x, GR_EVAL, &y);
        assert_memory_equal(y.data, x, sizeof x);
        gr_tensor_clear(&y);
    }
}

/* An element is chosen as often as its share says; zeros never, but of zeros. */
static void test_stochastic_pool(void **state)
{
    (void)state;
    enum { WINDOWS = 4000 };
    static float x[WINDOWS + 1][4];
    gr_tensor y;
    int third = 0;
    for (int i = 0; i < WINDOWS; i++) memcpy(x[i], (float[]){0, 3, 0, 1}, sizeof *x);
    spatial_draw("stochastic_pool(4)", GR_SHAPE(1, 1, 4 * (WINDOWS + 1)), x[0], GR_TRAIN, &y);
    for (int i = 0; i < WINDOWS; i++) {
        const float value = ((const float *)y.data)[i];
        assert_true(value == 3 || value == 1);
        third += value == 3;
    }
    assert_true(((const float *)y.data)[WINDOWS] == 0);
    assert_in_range(third, WINDOWS * 3 / 4 - 110, WINDOWS * 3 / 4 + 110);
    gr_tensor_clear(&y);
    spatial_draw("stochastic_pool(3, 2, ceil=true)", GR_SHAPE(1, 1, 4), (float[]){0, 0, 0, 7},
                 GR_TRAIN, &y);
    assert_int_equal(gr_shape_count(y.shape), 2);
    assert_true(((const float *)y.data)[0] == 0 && ((const float *)y.data)[1] == 7);
    gr_tensor_clear(&y);
}

/* Begun as bilinear upsampling, a transposed convolution repeats a ramp at half its slope, but for
 * the edge, beyond which x is taken as 0. */
static void test_bilinear_transpose(void **state)
{
    (void)state;
    static const char text[] = "convtranspose(2, 4, 2, 1, groups=2, bias=false, init=\"bilinear\")";
    float x[2][5][5];
    for (int i = 0; i < 50; i++) ((float *)x)[i] = (float)(i % 5);
    gr_tensor y;
    spatial_draw(text, GR_SHAPE(1, 2, 5, 5), (float *)x, GR_EVAL, &y);
    assert_true(gr_shape_equal(y.shape, GR_SHAPE(1, 2, 10, 10)));
    for (int c = 0; c < 2; c++)
        for (int i = 1; i < 9; i++)
            for (int j = 1; j < 9; j++)
                assert_true(fabs(gr_tensor_at(&y, (c * 10 + i) * 10 + j) - (j / 2.0 - 0.25)) <
                            1e-6);
    gr_tensor_clear(&y);
}

/* The gradient of equal elements is 0, not NaN. */
static void test_mvn_of_equals(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(1, 1, 4)), *dx;
    unit_ok(gr_grad(gr_sum(gr_mvn(x, false, false, 1e-9), GR_ALL), &x, 1, &dx));
    gr_tensor out;
    unit_ok(gr_evaluate(g, &dx, 1, &(gr_feed){"x", (float[]){2, 2, 2, 2}}, 1, NULL, &out));
    for (int i = 0; i < 4; i++) assert_true(gr_tensor_at(&out, i) == 0);
    gr_tensor_clear(&out);
    gr_graph_free(g);
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
    for (size_t c = 0; c < GR_LEN(cases); c++) {
        gr_graph *g = gr_graph_new();
        gr_node *x =
            gr_input(g, "x", GR_F32, GR_SHAPE(cases[c].images, cases[c].channels, cases[c].places));
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
    spatial_refuse(image, "conv(4, 8, pad=1)",
                   "the kernel of w [4,3,8,8] reaches over 8 elements along spatial axis 0, but x "
                   "[2,3,5,5] has 7 there (5 + padding 1 and 1)");
    spatial_refuse(GR_SHAPE(2, 3, 4), "conv(4, 3, dilation=2)",
                   "the kernel of w [4,3,3] reaches over 5 elements along spatial axis 0, but x "
                   "[2,3,4] has 4 there");
    spatial_refuse(image, "conv(6, 3, groups=2)", "2 groups do not divide 3 input and 6 output");
    spatial_refuse(image, "maxpool(3, pad=3)", "padding [3,3] and [3,3] must be smaller");
    spatial_refuse(image, "maxpool(7)", "kernel [7,7] does not fit into x [2,3,5,5]");
    spatial_refuse(GR_SHAPE(2, 3, 0, 5), "avgpool(2)", "x [2,3,0,5]");
    spatial_refuse(image, "convtranspose(4, 3, groups=2)", "2 groups do not divide 3 input and 4");
    spatial_refuse(image, "convtranspose(3, 3, 2, output_pad=2)",
                   "output_pad 2: should be smaller");
    spatial_refuse(image, "convtranspose(3, 2, pad=4)",
                   "leaves nothing of the result of [2,3,5,5]");
    spatial_refuse(GR_SHAPE(2, 3), "convtranspose(3, 2)", "[N, C, space...]");
    spatial_refuse(image, "adaptive_avgpool([2, 2, 2])", "size has 3 numbers, but the input has 2");
    spatial_refuse(GR_SHAPE(2, 3, 0, 4), "adaptive_avgpool(2)", "x is [2,3,0,4]");
    spatial_refuse(GR_SHAPE(2, 3), "global_maxpool()", "takes [N, C, space...], not [2,3]");
    spatial_refuse(image, "spp(4)", "x [2,3,5,5] has fewer places along axis 2 than the 8 bins");
    spatial_refuse(image, "im2col(6)", "a window of 6 elements does not fit into x [2,3,5,5]");
    spatial_refuse(GR_SHAPE(1, 1, 40, 40), "im2col(33)", "a window of 1089 elements: at most 1024");
    spatial_refuse(image, "stochastic_pool(6)", "does not fit into x [2,3,5,5]");
    spatial_refuse(image, "mvn(epsilon=0)", "epsilon is positive, not 0");
    spatial_refuse(GR_SHAPE(2, 3), "mvn()", "x is [2,3]; it must be [N, C, space…]");
    spatial_refuse(image, "groupnorm(2)", "2 groups do not divide the 3 channels of [2,3,5,5]");
    spatial_refuse(GR_SHAPE(2, 3, 1), "instancenorm()", "one value per group in [2,3,1]");
    spatial_refuse(image, "scale(axis=4)", "axis 4 is outside the rank of the input [2,3,5,5]");
    spatial_refuse(image, "upsample(2, size=4)", "takes a factor or a size, not both");
    spatial_refuse(image, "upsample(mode=\"cubic\")", "there is no mode \"cubic\"");
    spatial_refuse(image, "upsample(align_corners=true)", "align_corners is for mode");
    spatial_refuse(image, "pixel_shuffle(2)", "x [2,3,5,5] is not [N, C·f², H, W] for f = 2");
    spatial_refuse(image, "pixel_unshuffle(2)", "x [2,3,5,5] is not [N, C, H·f, W·f] for f = 2");
    spatial_refuse(image, "crop(x, x, offset=1)", "5 elements from 1 on along axis 2 do not lie");
    spatial_refuse(image, "channel_dropout(1)", "rate 1: should be in [0, 1)");
    spatial_refuse(image, "alpha_dropout(-1)", "rate -1: should be in [0, 1)");
    spatial_refuse(image, "gaussian_noise(-1)", "deviation -1: should not be negative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_summed_batch_norm), cmocka_unit_test(test_noise),
        cmocka_unit_test(test_stochastic_pool),   cmocka_unit_test(test_bilinear_transpose),
        cmocka_unit_test(test_mvn_of_equals),     cmocka_unit_test(test_lrn_kernels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, spatial_setup, spatial_teardown);
}
