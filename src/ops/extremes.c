/* maximum and minimum. NaN wins over any number, whichever side it is on; a tie gives the first
 * operand, which also gets the gradient. */
#include "ops/elementwise.h"

static const double extremes_low[2] = {-2, -0.25};
static const double extremes_high[2] = {0.25, 2};

/* The operand that was taken gets dy. */
static void extremes_grad(gr_node *first, gr_node *dy, gr_node **dx)
{
    gr_node *zero = gr_like(dy, 0);
    dx[0] = gr_where(first, dy, zero);
    dx[1] = gr_where(first, zero, dy);
}

/* ---- maximum -------------------------------------------------------------------------------- */

GR_SPAN2(maximum_f64, double, double, a >= b || a != a ? a : b)
GR_SPAN2(maximum_f32, float, float, a >= b || a != a ? a : b)
GR_SPAN2(maximum_i64, int64_t, int64_t, a >= b ? a : b)
GR_SPAN2(maximum_i32, int32_t, int32_t, a >= b ? a : b)
GR_SPAN2(maximum_u8, uint8_t, uint8_t, a >= b ? a : b)
static const gr_span_table maximum_spans = {GR_NUMBER_ROWS(maximum)};

static void maximum_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    extremes_grad(gr_greater_equal(node->in[0], node->in[1]), dy[0], dx);
}

static gr_node *maximum_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    const double *a = k % 2 ? extremes_low : extremes_high;
    const double *b = k % 2 ? extremes_high : extremes_low;
    if (!gr_sample_two(sampler, k / 2, a, b, in)) return NULL;
    return gr_maximum(in[0], in[1]);
}

const gr_op gr_op_maximum = {.name = "maximum",
                             .doc = "the larger of a and b",
                             .min_in = 2,
                             .max_in = 2,
                             .flags = GR_OP_ELEMENTWISE,
                             .infer = gr_infer_broadcast_number,
                             .grad = maximum_grad,
                             .spans = &maximum_spans,
                             .sample = maximum_sample};
GR_BUILDER2(maximum)

/* ---- minimum -------------------------------------------------------------------------------- */

GR_SPAN2(minimum_f64, double, double, a <= b || a != a ? a : b)
GR_SPAN2(minimum_f32, float, float, a <= b || a != a ? a : b)
GR_SPAN2(minimum_i64, int64_t, int64_t, a <= b ? a : b)
GR_SPAN2(minimum_i32, int32_t, int32_t, a <= b ? a : b)
GR_SPAN2(minimum_u8, uint8_t, uint8_t, a <= b ? a : b)
static const gr_span_table minimum_spans = {GR_NUMBER_ROWS(minimum)};

static void minimum_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    extremes_grad(gr_less_equal(node->in[0], node->in[1]), dy[0], dx);
}

static gr_node *minimum_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    const double *a = k % 2 ? extremes_low : extremes_high;
    const double *b = k % 2 ? extremes_high : extremes_low;
    if (!gr_sample_two(sampler, k / 2, a, b, in)) return NULL;
    return gr_minimum(in[0], in[1]);
}

const gr_op gr_op_minimum = {.name = "minimum",
                             .doc = "the smaller of a and b",
                             .min_in = 2,
                             .max_in = 2,
                             .flags = GR_OP_ELEMENTWISE,
                             .infer = gr_infer_broadcast_number,
                             .grad = minimum_grad,
                             .spans = &minimum_spans,
                             .sample = minimum_sample};
GR_BUILDER2(minimum)
