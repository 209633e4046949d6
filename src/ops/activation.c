/* tanh, sigmoid, relu, leaky_relu, elu, softplus, erf, normal_cdf, clip. */
#include "ops/formulas.h"

/* ---- tanh ----------------------------------------------------------------------------------- */

GR_SPAN1_CALL(tanh_f64, double, tanh(a))
GR_SPAN1_LONG(tanh_f32, float, float, formula_tanh_f32(a))
static const gr_span_table tanh_spans = {
    [GR_F64] = GR_ONE_LEVEL(tanh_f64), [GR_F32] = GR_LEVELS(tanh_f32)};

/* dy·(1 - y²) */
static void tanh_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *y = (gr_node *)node;
    dx[0] = gr_mul(dy[0], gr_sub(gr_like(y, 1), gr_square(y)));
}

static gr_node *tanh_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_tanh(x) : NULL;
}

const gr_op gr_op_tanh = {.name = "tanh",
                          .doc = "hyperbolic tangent of x",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                          .infer = gr_infer_same_float,
                          .grad = tanh_grad,
                          .spans = &tanh_spans,
                          .sample = tanh_sample};
GR_BUILDER1(tanh)

/* ---- sigmoid -------------------------------------------------------------------------------- */

static double activation_sigmoid(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

GR_SPAN1_CALL(sigmoid_f64, double, activation_sigmoid(a))
GR_SPAN1_LONG(sigmoid_f32, float, float, formula_sigmoid_f32(a))
static const gr_span_table sigmoid_spans = {
    [GR_F64] = GR_ONE_LEVEL(sigmoid_f64), [GR_F32] = GR_LEVELS(sigmoid_f32)};

/* dy·y·(1 - y) */
static void sigmoid_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *y = (gr_node *)node;
    dx[0] = gr_mul(gr_mul(dy[0], y), gr_sub(gr_like(y, 1), y));
}

static gr_node *sigmoid_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -3, 3);
    return x ? gr_sigmoid(x) : NULL;
}

const gr_op gr_op_sigmoid = {.name = "sigmoid",
                             .doc = "1 / (1 + exp(-x))",
                             .min_in = 1,
                             .max_in = 1,
                             .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                             .infer = gr_infer_same_float,
                             .grad = sigmoid_grad,
                             .spans = &sigmoid_spans,
                             .sample = sigmoid_sample};
GR_BUILDER1(sigmoid)

/* ---- relu ----------------------------------------------------------------------------------- */

GR_SPAN1(relu_f64, double, double, GR_RELU_OF(a))
GR_SPAN1(relu_f32, float, float, GR_RELU_OF(a))
static const gr_span_table relu_spans = {GR_FLOAT_ROWS(relu)};

/* y > 0 exactly where x > 0, and y is there anyway: x need not be kept for this. */
static void relu_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *y = (gr_node *)node;
    dx[0] = gr_where(gr_greater(y, gr_like(y, 0)), dy[0], gr_like(dy[0], 0));
}

static gr_node *relu_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k / 2, k % 2 ? -2 : 0.25, k % 2 ? -0.25 : 2);
    return x ? gr_relu(x) : NULL;
}

const gr_op gr_op_relu = {.name = "relu",
                          .doc = "max(0, x)",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE,
                          .infer = gr_infer_same_float,
                          .grad = relu_grad,
                          .spans = &relu_spans,
                          .sample = relu_sample};
GR_BUILDER1(relu)

/* ---- leaky_relu ----------------------------------------------------------------------------- */

GR_SPAN1(leaky_relu_f64, double, double, a > 0 ? a : p * a)
GR_SPAN1(leaky_relu_f32, float, float, a > 0 ? a : p * a)
static const gr_span_table leaky_relu_spans = {GR_FLOAT_ROWS(leaky_relu)};

static const gr_attr_desc leaky_relu_attrs[] = {{"slope", GR_ATTR_REAL}};

/* The output if it tells the side of x, which it does unless the factor turns the sign over. */
static gr_node *activation_side(const gr_node *node, double factor)
{
    return factor >= 0 ? (gr_node *)node : node->in[0];
}

static void leaky_relu_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const double slope = node->attr[0].f;
    gr_node *side = activation_side(node, slope);
    dx[0] = gr_where(gr_greater(side, gr_like(side, 0)), dy[0], gr_scale(dy[0], slope));
}

static gr_node *leaky_relu_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k / 2, k % 2 ? -2 : 0.25, k % 2 ? -0.25 : 2);
    return x ? gr_leaky_relu(x, 0.1) : NULL;
}

const gr_op gr_op_leaky_relu = {.name = "leaky_relu",
                                .doc = "x if x > 0, else slope * x",
                                .min_in = 1,
                                .max_in = 1,
                                .flags = GR_OP_ELEMENTWISE,
                                .attrs = leaky_relu_attrs,
                                .n_attrs = GR_LEN(leaky_relu_attrs),
                                .infer = gr_infer_same_float,
                                .grad = leaky_relu_grad,
                                .spans = &leaky_relu_spans,
                                .sample = leaky_relu_sample};

gr_node *gr_leaky_relu(gr_node *x, double slope)
{
    const gr_attr attr = gr_attr_real(slope);
    return gr_build(NULL, &gr_op_leaky_relu, (gr_node *[]){x}, 1, &attr);
}

/* ---- elu ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(elu_f64, double, a > 0 ? a : param[0] * expm1(a))
GR_SPAN1_LONG(elu_f32, float, float, a > 0 ? a : p * formula_expm1_f32(a))
static const gr_span_table elu_spans = {
    [GR_F64] = GR_ONE_LEVEL(elu_f64), [GR_F32] = GR_LEVELS(elu_f32)};

static const gr_attr_desc elu_attrs[] = {{"alpha", GR_ATTR_REAL}};

/* On the curved side the derivative alpha·exp(x) is y + alpha. */
static void elu_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const double alpha = node->attr[0].f;
    gr_node *side = activation_side(node, alpha);
    gr_node *curved = gr_mul(dy[0], gr_shift((gr_node *)node, alpha));
    dx[0] = gr_where(gr_greater(side, gr_like(side, 0)), dy[0], curved);
}

static gr_node *elu_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k / 2, k % 2 ? -2 : 0.25, k % 2 ? -0.25 : 2);
    return x ? gr_elu(x, 1.5) : NULL;
}

const gr_op gr_op_elu = {.name = "elu",
                         .doc = "x if x > 0, else alpha * (exp(x) - 1)",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .attrs = elu_attrs,
                         .n_attrs = GR_LEN(elu_attrs),
                         .infer = gr_infer_same_float,
                         .grad = elu_grad,
                         .spans = &elu_spans,
                         .sample = elu_sample};

gr_node *gr_elu(gr_node *x, double alpha)
{
    const gr_attr attr = gr_attr_real(alpha);
    return gr_build(NULL, &gr_op_elu, (gr_node *[]){x}, 1, &attr);
}

/* ---- softplus ------------------------------------------------------------------------------- */

GR_SPAN1_CALL(softplus_f64, double, (a > 0 ? a : 0) + log1p(exp(-fabs(a))))
GR_SPAN1_LONG(softplus_f32, float, float, formula_softplus_f32(a))
static const gr_span_table softplus_spans = {
    [GR_F64] = GR_ONE_LEVEL(softplus_f64), [GR_F32] = GR_LEVELS(softplus_f32)};

static void softplus_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_sigmoid(node->in[0]));
}

static gr_node *softplus_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -3, 3);
    return x ? gr_softplus(x) : NULL;
}

const gr_op gr_op_softplus = {.name = "softplus",
                              .doc = "log(1 + exp(x))",
                              .min_in = 1,
                              .max_in = 1,
                              .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                              .infer = gr_infer_same_float,
                              .grad = softplus_grad,
                              .spans = &softplus_spans,
                              .sample = softplus_sample};
GR_BUILDER1(softplus)

/* ---- erf ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(erf_f64, double, erf(a))
GR_SPAN1_LONG(erf_f32, float, float, formula_erf_f32(a))
static const gr_span_table erf_spans = {
    [GR_F64] = GR_ONE_LEVEL(erf_f64), [GR_F32] = GR_LEVELS(erf_f32)};

static void erf_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *bell = gr_exp(gr_neg(gr_square(node->in[0])));
    dx[0] = gr_mul(dy[0], gr_scale(bell, 1.12837916709551257390)); /* 2/√π */
}

static gr_node *erf_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_erf(x) : NULL;
}

const gr_op gr_op_erf = {.name = "erf",
                         .doc = "2/sqrt(pi) * the integral of exp(-t*t) from 0 to x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_same_float,
                         .grad = erf_grad,
                         .spans = &erf_spans,
                         .sample = erf_sample};
GR_BUILDER1(erf)

/* ---- normal_cdf ------------------------------------------------------------------------------ */

GR_SPAN2_CALL(normal_cdf_f64, double, ((void)b, 0.5 * erfc(a * -0.70710678118654752440)))
GR_SPAN2(normal_cdf_f32, float, float, formula_normal_cdf_f32(a, b))
static const gr_span_table normal_cdf_spans = {
    [GR_F64] = GR_ONE_LEVEL(normal_cdf_f64), [GR_F32] = GR_LEVELS(normal_cdf_f32)};

/* As a function of x alone, which e is too: dy·e/√(2π). */
static void normal_cdf_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_scale(node->in[1], 0.39894228040143267794));
}

gr_node *gr_normal_cdf(gr_node *x)
{
    gr_node *e = gr_exp(gr_scale(gr_square(x), -0.5));
    return gr_build(NULL, &gr_op_normal_cdf, (gr_node *[]){x, e}, 2, NULL);
}

static gr_node *normal_cdf_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_normal_cdf(x) : NULL;
}

const gr_op gr_op_normal_cdf = {.name = "normal_cdf",
                                .doc = "what the normal distribution has below x; e = exp(-x²/2)",
                                .min_in = 2,
                                .max_in = 2,
                                .flags = GR_OP_ELEMENTWISE,
                                .infer = gr_infer_broadcast_float,
                                .grad = normal_cdf_grad,
                                .spans = &normal_cdf_spans,
                                .sample = normal_cdf_sample};

/* ---- clip ----------------------------------------------------------------------------------- */

GR_SPAN1(clip_f64, double, double, GR_CLIP_OF(a, p, q))
GR_SPAN1(clip_f32, float, float, GR_CLIP_OF(a, p, q))
static const gr_span_table clip_spans = {GR_FLOAT_ROWS(clip)};

static const gr_attr_desc clip_attrs[] = {{"low", GR_ATTR_REAL}, {"high", GR_ATTR_REAL}};

static void clip_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *kept = gr_equal(node->in[0], (gr_node *)node);
    dx[0] = gr_where(kept, dy[0], gr_like(dy[0], 0));
}

static gr_node *clip_sample(gr_sampler *sampler, int k)
{
    /* below, inside, above */
    static const double range[3][2] = {{-3, -1.5}, {-0.5, 0.5}, {1.5, 3}};
    gr_node *x = gr_sample_one(sampler, k / 3, range[k % 3][0], range[k % 3][1]);
    return x ? gr_clip(x, -1, 1) : NULL;
}

static bool clip_infer(gr_infer *s)
{
    const double low = s->attr[0].f, high = s->attr[1].f;
    if (!(low <= high)) {
        return gr_infer_fail(s, GR_INVALID, "low %g is not at most high %g", low, high);
    }
    return gr_infer_same_float(s);
}

const gr_op gr_op_clip = {.name = "clip",
                          .doc = "low if x < low, high if x > high, else x",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE,
                          .attrs = clip_attrs,
                          .n_attrs = GR_LEN(clip_attrs),
                          .infer = clip_infer,
                          .grad = clip_grad,
                          .spans = &clip_spans,
                          .sample = clip_sample};

gr_node *gr_clip(gr_node *x, double low, double high)
{
    const gr_attr attrs[] = {gr_attr_real(low), gr_attr_real(high)};
    return gr_build(NULL, &gr_op_clip, (gr_node *[]){x}, 1, attrs);
}
