/* sin and cos. */
#include "ops/formulas.h"

#define TRIG_BLOCK 256

/* Blocks in which an argument is too large for the formula go to the library element by element;
 * each element's value still depends on its argument alone. */
#define TRIG_SPAN(NAME, QUARTERS)                                                                  \
    static float NAME##_one(float x)                                                               \
    {                                                                                              \
        return fabsf(x) > FORMULA_TRIG_LIMIT ? (float)NAME((double)x)                              \
                                             : formula_trig_f32(x, QUARTERS);                      \
    }                                                                                              \
    GR_SPAN1_LONG_LOOP(NAME##_near, float, float, formula_trig_f32(a, QUARTERS))                   \
    GR_SPAN_LOOP_(NAME##_f32)                                                                      \
    {                                                                                              \
        float *y = out;                                                                            \
        const float *x = in[0];                                                                    \
        for (int64_t at = 0; at < n; at += TRIG_BLOCK) {                                           \
            const int64_t size = n - at < TRIG_BLOCK ? n - at : TRIG_BLOCK;                        \
            const void *block = x + (step[0] ? at : 0);                                            \
            if (trig_any_far(block, step[0] ? size : 1)) {                                         \
                for (int64_t i = 0; i < size; i++) y[at + i] = NAME##_one(x[step[0] * (at + i)]);  \
            } else {                                                                               \
                NAME##_near_loop(y + at, &block, step, size, param);                               \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS(NAME##_f32)

static GR_INLINE bool trig_any_far(const float *x, int64_t n)
{
    int far = 0;
    _Pragma("omp simd reduction(| : far)") for (int64_t i = 0; i < n; i++)
    {
        far |= fabsf(x[i]) > FORMULA_TRIG_LIMIT;
    }
    return far != 0;
}

/* ---- sin ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(sin_f64, double, sin(a))
TRIG_SPAN(sin, 0)
static const gr_span_table sin_spans = {
    [GR_F64] = GR_ONE_LEVEL(sin_f64), [GR_F32] = GR_LEVELS(sin_f32)};

static void sin_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_mul(dy[0], gr_cos(node->in[0]));
}

static gr_node *sin_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -3, 3);
    return x ? gr_sin(x) : NULL;
}

const gr_op gr_op_sin = {.name = "sin",
                         .doc = "sine of x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_same_float,
                         .grad = sin_grad,
                         .spans = &sin_spans,
                         .sample = sin_sample};
GR_BUILDER1(sin)

/* ---- cos ------------------------------------------------------------------------------------ */

GR_SPAN1_CALL(cos_f64, double, cos(a))
TRIG_SPAN(cos, 1)
static const gr_span_table cos_spans = {
    [GR_F64] = GR_ONE_LEVEL(cos_f64), [GR_F32] = GR_LEVELS(cos_f32)};

static void cos_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = gr_neg(gr_mul(dy[0], gr_sin(node->in[0])));
}

static gr_node *cos_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -3, 3);
    return x ? gr_cos(x) : NULL;
}

const gr_op gr_op_cos = {.name = "cos",
                         .doc = "cosine of x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COSTLY,
                         .infer = gr_infer_same_float,
                         .grad = cos_grad,
                         .spans = &cos_spans,
                         .sample = cos_sample};
GR_BUILDER1(cos)
