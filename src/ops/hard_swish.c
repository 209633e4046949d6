/* hard_swish(x) = x·clip(x/6 + 1/2, 0, 1), Howard et al. 2019, and its gradient. Made of simpler
 * gates it is seven passes over the cache where two do. */
#include "ops/elementwise.h"

/* ---- hard_swish ------------------------------------------------------------------------------ */

#define HARD_SWISH(T, x) ((x)*GR_CLIP_OF((x) * (T)(1.0 / 6) + (T)0.5, 0, 1))
GR_SPAN1_CALL(hard_swish_f64, double, HARD_SWISH(double, a))
GR_SPAN1(hard_swish_f32, float, float, HARD_SWISH(float, a))
static const gr_span_table hard_swish_spans = {
    [GR_F64] = GR_ONE_LEVEL(hard_swish_f64), [GR_F32] = GR_LEVELS(hard_swish_f32)};

static gr_node *hard_swish_chain(gr_node *x, gr_node *dy)
{
    return gr_build(NULL, &gr_op_hard_swish_grad, (gr_node *[]){x, dy}, 2, NULL);
}

static void hard_swish_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = hard_swish_chain(node->in[0], dy[0]);
}

/* below the ramp, on it, above it */
static const double hard_swish_range[3][2] = {{-6, -3.25}, {-2.75, 2.75}, {3.25, 6}};

static gr_node *hard_swish_sample(gr_sampler *sampler, int k)
{
    const double *range = hard_swish_range[k % 3];
    gr_node *x = gr_sample_one(sampler, k / 3, range[0], range[1]);
    return x ? gr_hard_swish(x) : NULL;
}

const gr_op gr_op_hard_swish = {.name = "hard_swish",
                                .doc = "x * clip(x/6 + 1/2, 0, 1)",
                                .min_in = 1,
                                .max_in = 1,
                                .flags = GR_OP_ELEMENTWISE,
                                .infer = gr_infer_same_float,
                                .grad = hard_swish_grad,
                                .spans = &hard_swish_spans,
                                .sample = hard_swish_sample};
GR_BUILDER1(hard_swish)

/* ---- hard_swish_grad ------------------------------------------------------------------------- */

#define HARD_SWISH_GRAD(T, x, dy)                                                                  \
    ((dy) * ((x) <= -3 ? 0 : (x) >= 3 ? 1 : (x) * (T)(1.0 / 3) + (T)0.5))
GR_SPAN2_CALL(hard_swish_grad_f64, double, HARD_SWISH_GRAD(double, a, b))
GR_SPAN2(hard_swish_grad_f32, float, float, HARD_SWISH_GRAD(float, a, b))
static const gr_span_table hard_swish_grad_spans = {
    [GR_F64] = GR_ONE_LEVEL(hard_swish_grad_f64), [GR_F32] = GR_LEVELS(hard_swish_grad_f32)};

/* By x: dy·v/3 on the ramp, for v the other input. */
static void hard_swish_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *x = node->in[0], *v = node->in[1];
    gr_node *ramp = gr_less(gr_abs(x), gr_like(x, 3));
    dx[0] = gr_mul(dy[0], gr_where(ramp, gr_scale(v, 1.0 / 3), gr_like(v, 0)));
    dx[1] = hard_swish_chain(x, dy[0]);
}

static gr_node *hard_swish_grad_sample(gr_sampler *sampler, int k)
{
    static const double any[2] = {-2, 2};
    gr_node *in[2];
    if (!gr_sample_two(sampler, k / 3, hard_swish_range[k % 3], any, in)) return NULL;
    return hard_swish_chain(in[0], in[1]);
}

const gr_op gr_op_hard_swish_grad = {.name = "hard_swish_grad",
                                     .doc = "dy times the slope of hard_swish at x",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .flags = GR_OP_ELEMENTWISE,
                                     .infer = gr_infer_broadcast_float,
                                     .grad = hard_swish_grad_grad,
                                     .spans = &hard_swish_grad_spans,
                                     .sample = hard_swish_grad_sample};
