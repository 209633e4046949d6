/* pow. */
#include "ops/formulas.h"

GR_SPAN2_CALL(pow_f64, double, pow(a, b))

GR_SPAN2(pow_f32, float, float, formula_pow_f32(a, b))

static const gr_span_table pow_spans = {
    [GR_F64] = GR_ONE_LEVEL(pow_f64), [GR_F32] = GR_LEVELS(pow_f32)};

/* da = dy·b·a^(b-1), with the exponent 0 instead of -1 where b = 0, so that a = 0 gives 0 and not
 * 0·∞. db = dy·y·log a, and 0 where a = 0. */
static void pow_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *a = node->in[0], *b = node->in[1];
    gr_node *zero = gr_like(b, 0), *one = gr_like(b, 1);
    gr_node *exponent = gr_where(gr_equal(b, zero), zero, gr_sub(b, one));
    dx[0] = gr_mul(dy[0], gr_mul(b, gr_pow(a, exponent)));
    gr_node *at_zero = gr_equal(a, zero);
    gr_node *slope = gr_mul((gr_node *)node, gr_log(gr_where(at_zero, one, a)));
    dx[1] = gr_mul(dy[0], gr_where(at_zero, zero, slope));
}

static gr_node *pow_sample(gr_sampler *sampler, int k)
{
    static const double base[2] = {0.5, 2}, exponent[2] = {-2, 2};
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, base, exponent, in)) return NULL;
    return gr_pow(in[0], in[1]);
}

const gr_op gr_op_pow = {.name = "pow",
                         .doc = "a to the power b",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_broadcast_float,
                         .grad = pow_grad,
                         .spans = &pow_spans,
                         .sample = pow_sample};
GR_BUILDER2(pow)
