/* exp, log, log1p, expm1. */
#include "ops/formulas.h"

/* ---- exp ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(exp_f64, double, exp(a))
GR_SPAN1_LONG(exp_f32, float, float, formula_exp_f32(a))
static const gr_span_table exp_spans = {
    [GR_F64] = GR_ONE_LEVEL(exp_f64), [GR_F32] = GR_LEVELS(exp_f32)};

static void exp_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], (gr_node *)node);
}

static gr_node *exp_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_exp(x) : NULL;
}

const gr_op gr_op_exp = {.name = "exp",
                         .doc = "e to the power x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_same_float,
                         .grad = exp_grad,
                         .spans = &exp_spans,
                         .sample = exp_sample};
GR_BUILDER1(exp)

/* ---- log ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(log_f64, double, log(a))
GR_SPAN1_LONG(log_f32, float, float, formula_log_f32(a))
static const gr_span_table log_spans = {
    [GR_F64] = GR_ONE_LEVEL(log_f64), [GR_F32] = GR_LEVELS(log_f32)};

static void log_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_div(dy[0], node->in[0]);
}

static gr_node *log_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, 0.5, 3);
    return x ? gr_log(x) : NULL;
}

const gr_op gr_op_log = {.name = "log",
                         .doc = "natural logarithm of x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_same_float,
                         .grad = log_grad,
                         .spans = &log_spans,
                         .sample = log_sample};
GR_BUILDER1(log)

/* ---- log1p ---------------------------------------------------------------------------------- */

GR_SPAN1_CALL(log1p_f64, double, log1p(a))
GR_SPAN1_LONG(log1p_f32, float, float, formula_log1p_f32(a))
static const gr_span_table log1p_spans = {
    [GR_F64] = GR_ONE_LEVEL(log1p_f64), [GR_F32] = GR_LEVELS(log1p_f32)};

static void log1p_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_div(dy[0], gr_shift(node->in[0], 1));
}

static gr_node *log1p_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -0.5, 2);
    return x ? gr_log1p(x) : NULL;
}

const gr_op gr_op_log1p = {.name = "log1p",
                           .doc = "log(1 + x)",
                           .min_in = 1,
                           .max_in = 1,
                           .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                           .infer = gr_infer_same_float,
                           .grad = log1p_grad,
                           .spans = &log1p_spans,
                           .sample = log1p_sample};
GR_BUILDER1(log1p)

/* ---- expm1 ---------------------------------------------------------------------------------- */

GR_SPAN1_CALL(expm1_f64, double, expm1(a))
GR_SPAN1_LONG(expm1_f32, float, float, formula_expm1_f32(a))
static const gr_span_table expm1_spans = {
    [GR_F64] = GR_ONE_LEVEL(expm1_f64), [GR_F32] = GR_LEVELS(expm1_f32)};

static void expm1_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_shift((gr_node *)node, 1));
}

static gr_node *expm1_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_expm1(x) : NULL;
}

const gr_op gr_op_expm1 = {.name = "expm1",
                           .doc = "exp(x) - 1",
                           .min_in = 1,
                           .max_in = 1,
                           .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                           .infer = gr_infer_same_float,
                           .grad = expm1_grad,
                           .spans = &expm1_spans,
                           .sample = expm1_sample};
GR_BUILDER1(expm1)
