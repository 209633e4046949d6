/* add, sub, mul, div. Integers wrap around: they are computed unsigned, where C defines that. */
#include "ops/elementwise.h"

static const double arithmetic_any[2] = {-2, 2};
static const double arithmetic_positive[2] = {0.5, 2};

/* ---- add ------------------------------------------------------------------------------------- */

GR_SPAN2(add_f64, double, double, a + b)
GR_SPAN2(add_f32, float, float, a + b)
GR_SPAN2(add_i64, int64_t, int64_t, (uint64_t)a + (uint64_t)b)
GR_SPAN2(add_i32, int32_t, int32_t, (uint32_t)a + (uint32_t)b)
GR_SPAN2(add_u8, uint8_t, uint8_t, a + b)
static const gr_span_table add_spans = {GR_NUMBER_ROWS(add)};

static void add_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    (void)node;
    dx[0] = dx[1] = dy[0];
}

static gr_node *add_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, arithmetic_any, arithmetic_any, in)) return NULL;
    return gr_add(in[0], in[1]);
}

const gr_op gr_op_add = {.name = "add",
                         .doc = "a + b",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COMMUTATIVE,
                         .infer = gr_infer_broadcast_number,
                         .grad = add_grad,
                         .spans = &add_spans,
                         .sample = add_sample};
GR_BUILDER2(add)

/* ---- sub ------------------------------------------------------------------------------------- */

GR_SPAN2(sub_f64, double, double, a - b)
GR_SPAN2(sub_f32, float, float, a - b)
GR_SPAN2(sub_i64, int64_t, int64_t, (uint64_t)a - (uint64_t)b)
GR_SPAN2(sub_i32, int32_t, int32_t, (uint32_t)a - (uint32_t)b)
GR_SPAN2(sub_u8, uint8_t, uint8_t, a - b)
static const gr_span_table sub_spans = {GR_NUMBER_ROWS(sub)};

static void sub_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    (void)node;
    dx[0] = dy[0];
    dx[1] = gr_neg(dy[0]);
}

static gr_node *sub_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, arithmetic_any, arithmetic_any, in)) return NULL;
    return gr_sub(in[0], in[1]);
}

const gr_op gr_op_sub = {.name = "sub",
                         .doc = "a - b",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE,
                         .infer = gr_infer_broadcast_number,
                         .grad = sub_grad,
                         .spans = &sub_spans,
                         .sample = sub_sample};
GR_BUILDER2(sub)

/* ---- mul ------------------------------------------------------------------------------------- */

GR_SPAN2(mul_f64, double, double, (a * b))
GR_SPAN2(mul_f32, float, float, (a * b))
GR_SPAN2(mul_i64, int64_t, int64_t, (uint64_t)a *(uint64_t)b)
GR_SPAN2(mul_i32, int32_t, int32_t, (uint32_t)a *(uint32_t)b)
GR_SPAN2(mul_u8, uint8_t, uint8_t, (a * b))
static const gr_span_table mul_spans = {GR_NUMBER_ROWS(mul)};

static void mul_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], node->in[1]);
    dx[1] = gr_mul(dy[0], node->in[0]);
}

static gr_node *mul_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, arithmetic_any, arithmetic_any, in)) return NULL;
    return gr_mul(in[0], in[1]);
}

const gr_op gr_op_mul = {.name = "mul",
                         .doc = "a * b",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COMMUTATIVE,
                         .infer = gr_infer_broadcast_number,
                         .grad = mul_grad,
                         .spans = &mul_spans,
                         .sample = mul_sample};
GR_BUILDER2(mul)

/* ---- div ------------------------------------------------------------------------------------- */

GR_SPAN2(div_f64, double, double, a / b)
GR_SPAN2(div_f32, float, float, a / b)
static const gr_span_table div_spans = {GR_FLOAT_ROWS(div)};

/* y = a/b: da = dy/b, db = -dy·a/b² = -(dy/b)·y. */
static void div_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_div(dy[0], node->in[1]);
    dx[1] = gr_neg(gr_mul(dx[0], (gr_node *)node));
}

static gr_node *div_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, arithmetic_any, arithmetic_positive, in)) return NULL;
    return gr_div(in[0], in[1]);
}

const gr_op gr_op_div = {.name = "div",
                         .doc = "a / b",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE,
                         .infer = gr_infer_broadcast_float,
                         .grad = div_grad,
                         .spans = &div_spans,
                         .sample = div_sample};
GR_BUILDER2(div)
