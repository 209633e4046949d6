/* neg, abs, square, sqrt, rsqrt, sign, floor. Integers wrap around: they are computed unsigned. */
#include "ops/elementwise.h"

#include <math.h>

/* ---- neg ------------------------------------------------------------------------------------- */

GR_SPAN1(neg_f64, double, double, -a)
GR_SPAN1(neg_f32, float, float, -a)
GR_SPAN1(neg_i64, int64_t, int64_t, -(uint64_t)a)
GR_SPAN1(neg_i32, int32_t, int32_t, -(uint32_t)a)
static const gr_span_table neg_spans = {
    GR_FLOAT_ROWS(neg), [GR_I64] = GR_TWO_LEVELS(neg_i64), [GR_I32] = GR_TWO_LEVELS(neg_i32)};

static bool neg_infer(gr_infer *s)
{
    if (s->in[0].dtype == GR_U8) {
        return gr_infer_fail(s, GR_DTYPE, "input 0 is u8, which has no negative numbers");
    }
    return gr_infer_same_number(s);
}

static void neg_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    (void)node;
    dx[0] = gr_neg(dy[0]);
}

static gr_node *neg_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_neg(x) : NULL;
}

const gr_op gr_op_neg = {.name = "neg",
                         .doc = "-x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE,
                         .infer = neg_infer,
                         .grad = neg_grad,
                         .spans = &neg_spans,
                         .sample = neg_sample};
GR_BUILDER1(neg)

/* ---- abs ------------------------------------------------------------------------------------- */

GR_SPAN1(abs_f64, double, double, fabs(a))
GR_SPAN1(abs_f32, float, float, fabsf(a))
GR_SPAN1(abs_i64, int64_t, int64_t, a < 0 ? -(uint64_t)a : (uint64_t)a)
GR_SPAN1(abs_i32, int32_t, int32_t, a < 0 ? -(uint32_t)a : (uint32_t)a)
GR_SPAN1(abs_u8, uint8_t, uint8_t, a)
static const gr_span_table abs_spans = {GR_NUMBER_ROWS(abs)};

static void abs_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_sign(node->in[0]));
}

static gr_node *abs_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k / 2, k % 2 ? -2 : 0.5, k % 2 ? -0.5 : 2);
    return x ? gr_abs(x) : NULL;
}

const gr_op gr_op_abs = {.name = "abs",
                         .doc = "|x|",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE,
                         .infer = gr_infer_same_number,
                         .grad = abs_grad,
                         .spans = &abs_spans,
                         .sample = abs_sample};
GR_BUILDER1(abs)

/* ---- square ---------------------------------------------------------------------------------- */

GR_SPAN1(square_f64, double, double, (a * a))
GR_SPAN1(square_f32, float, float, (a * a))
GR_SPAN1(square_i64, int64_t, int64_t, (uint64_t)a *(uint64_t)a)
GR_SPAN1(square_i32, int32_t, int32_t, (uint32_t)a *(uint32_t)a)
GR_SPAN1(square_u8, uint8_t, uint8_t, (a * a))
static const gr_span_table square_spans = {GR_NUMBER_ROWS(square)};

static void square_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(gr_scale(dy[0], 2), node->in[0]); /* dy is often one value for many */
}

static gr_node *square_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_square(x) : NULL;
}

const gr_op gr_op_square = {.name = "square",
                            .doc = "x * x",
                            .min_in = 1,
                            .max_in = 1,
                            .flags = GR_OP_ELEMENTWISE,
                            .infer = gr_infer_same_number,
                            .grad = square_grad,
                            .spans = &square_spans,
                            .sample = square_sample};
GR_BUILDER1(square)

/* ---- sqrt and rsqrt -------------------------------------------------------------------------- */

GR_SPAN1(sqrt_f64, double, double, sqrt(a))
GR_SPAN1(sqrt_f32, float, float, sqrtf(a))
static const gr_span_table sqrt_spans = {GR_FLOAT_ROWS(sqrt)};

static void sqrt_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_div(gr_scale(dy[0], 0.5), (gr_node *)node);
}

static gr_node *sqrt_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, 0.5, 3);
    return x ? gr_sqrt(x) : NULL;
}

const gr_op gr_op_sqrt = {.name = "sqrt",
                          .doc = "square root of x",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE,
                          .infer = gr_infer_same_float,
                          .grad = sqrt_grad,
                          .spans = &sqrt_spans,
                          .sample = sqrt_sample};
GR_BUILDER1(sqrt)

GR_SPAN1(rsqrt_f64, double, double, 1 / sqrt(a))
GR_SPAN1(rsqrt_f32, float, float, 1 / sqrtf(a))
static const gr_span_table rsqrt_spans = {GR_FLOAT_ROWS(rsqrt)};

/* y = x^(-1/2): dy/dx = -y/(2x). */
static void rsqrt_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_div(gr_scale((gr_node *)node, -0.5), node->in[0]));
}

static gr_node *rsqrt_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, 0.5, 3);
    return x ? gr_rsqrt(x) : NULL;
}

const gr_op gr_op_rsqrt = {.name = "rsqrt",
                           .doc = "1 / sqrt(x)",
                           .min_in = 1,
                           .max_in = 1,
                           .flags = GR_OP_ELEMENTWISE,
                           .infer = gr_infer_same_float,
                           .grad = rsqrt_grad,
                           .spans = &rsqrt_spans,
                           .sample = rsqrt_sample};
GR_BUILDER1(rsqrt)

/* ---- sign and floor -------------------------------------------------------------------------- */

/* NaN stays NaN. */
GR_SPAN1(sign_f64, double, double, a > 0 ? 1 : a < 0 ? -1 : a)
GR_SPAN1(sign_f32, float, float, a > 0 ? 1 : a < 0 ? -1 : a)
GR_SPAN1(sign_i64, int64_t, int64_t, (a > 0) - (a < 0))
GR_SPAN1(sign_i32, int32_t, int32_t, (a > 0) - (a < 0))
GR_SPAN1(sign_u8, uint8_t, uint8_t, a > 0)
static const gr_span_table sign_spans = {GR_NUMBER_ROWS(sign)};

static gr_node *sign_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k / 2, k % 2 ? -2 : 0.5, k % 2 ? -0.5 : 2);
    return x ? gr_sign(x) : NULL;
}

const gr_op gr_op_sign = {.name = "sign",
                          .doc = "-1, 0 or 1",
                          .min_in = 1,
                          .max_in = 1,
                          .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_ZERO,
                          .infer = gr_infer_same_number,
                          .spans = &sign_spans,
                          .sample = sign_sample};
GR_BUILDER1(sign)

GR_SPAN1(floor_f64, double, double, floor(a))
GR_SPAN1(floor_f32, float, float, floorf(a))
static const gr_span_table floor_spans = {GR_FLOAT_ROWS(floor)};

static gr_node *floor_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -0.9, -0.1);
    return x ? gr_floor(x) : NULL;
}

const gr_op gr_op_floor = {.name = "floor",
                           .doc = "largest whole number not above x",
                           .min_in = 1,
                           .max_in = 1,
                           .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_ZERO,
                           .infer = gr_infer_same_float,
                           .spans = &floor_spans,
                           .sample = floor_sample};
GR_BUILDER1(floor)
