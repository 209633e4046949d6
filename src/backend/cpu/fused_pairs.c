/* Two gates in one instruction: (a ∘ b) ∘ c, where nothing else reads a ∘ b. Simple gates take no
 * longer than it takes to load their operands and to store their results, which a pair saves once.
 * It rounds twice, as its gates do. And a choice with the comparison that it depends on. */
#include "backend/cpu/fused_draft.h"

#define PAIR_ELEMENT(INNER, OUTER)                                                                 \
    const float a = x[k], b = y[k], c = z[k], u = INNER;                                           \
    (void)b, (void)c, (void)u;                                                                     \
    to[k] = OUTER;

#define PAIR_SPAN(NAME, INNER, OUTER)                                                              \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        enum { BLOCK = GR_SPAN_BLOCK(float) };                                                     \
        GR_SPAN_OPERAND(float, x, 0, BLOCK)                                                        \
        GR_SPAN_OPERAND(float, y, 1, BLOCK)                                                        \
        GR_SPAN_OPERAND(float, z, 2, BLOCK)                                                        \
        float *to = out;                                                                           \
        for (; n >= BLOCK; n -= BLOCK, to += BLOCK, x += x_step, y += y_step, z += z_step) {       \
            GR_SIMD for (int k = 0; k < BLOCK; k++)                                                \
            {                                                                                      \
                PAIR_ELEMENT(INNER, OUTER)                                                         \
            }                                                                                      \
        }                                                                                          \
        for (int k = 0; k < (int)n; k++) {                                                         \
            PAIR_ELEMENT(INNER, OUTER)                                                             \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS(NAME)

/* Those that nets are made of. */
PAIR_SPAN(pair_add_add, a + b, u + c)
PAIR_SPAN(pair_add_sub, a + b, u - c)
PAIR_SPAN(pair_add_mul, a + b, u *c)
PAIR_SPAN(pair_add_relu, a + b, GR_RELU_OF(u))
PAIR_SPAN(pair_sub_add, a - b, u + c)
PAIR_SPAN(pair_sub_mul, a - b, u *c)
PAIR_SPAN(pair_sub_square, a - b, u *u)
PAIR_SPAN(pair_mul_add, a *b, u + c)
PAIR_SPAN(pair_mul_sub, a *b, u - c)
PAIR_SPAN(pair_mul_from, a *b, c - u)
PAIR_SPAN(pair_mul_mul, a *b, u *c)
PAIR_SPAN(pair_mul_neg, a *b, -u)
PAIR_SPAN(pair_mask, 0, a > b ? c : b) /* the gradient of relu, where b is 0 */
PAIR_SPAN(pair_if_equal, 0, a == b ? c : 0)
PAIR_SPAN(pair_if_not_equal, 0, a != b ? c : 0)
PAIR_SPAN(pair_if_less, 0, a < b ? c : 0)
PAIR_SPAN(pair_if_less_equal, 0, a <= b ? c : 0)
PAIR_SPAN(pair_if_greater, 0, a > b ? c : 0)
PAIR_SPAN(pair_if_greater_equal, 0, a >= b ? c : 0)

/* The constant 0, not -0? */
static bool pair_is_zero(const gr_node *node)
{
    if (node->op != &gr_op_constant || node->out[0].dtype != GR_F32) return false;
    const gr_tensor *t = node->attr[0].tensor;
    const float zero = 0;
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): tells 0 from -0 */
    return gr_shape_count(t->shape) == 1 && memcmp(t->data, &zero, sizeof zero) == 0;
}

/* where(a ∘ b, c, 0) of a comparison: gradients of what is cut off. */
static gr_span_fn *pair_choice(const gr_node *inner, const gr_node *outer, gr_cpu_level level)
{
    static const struct {
        const gr_op *op;
        gr_span_fn *span[GR_CPU_LEVELS];
    } choices[] = {{&gr_op_equal, GR_LEVELS(pair_if_equal)},
                   {&gr_op_not_equal, GR_LEVELS(pair_if_not_equal)},
                   {&gr_op_less, GR_LEVELS(pair_if_less)},
                   {&gr_op_less_equal, GR_LEVELS(pair_if_less_equal)},
                   {&gr_op_greater, GR_LEVELS(pair_if_greater)},
                   {&gr_op_greater_equal, GR_LEVELS(pair_if_greater_equal)}};
    if (gr_type_of(outer).dtype != GR_F32 || !pair_is_zero(outer->in[2])) return NULL;
    for (size_t k = 0; k < GR_LEN(choices); k++) {
        if (inner->op != choices[k].op || gr_type_of(inner->in[0]).dtype != GR_F32) continue;
        return choices[k].span[level];
    }
    return NULL;
}

/* Sums, differences and products with another gate, which reads them as its `operand`. */
static gr_span_fn *pair_sum(const gr_op *inner, const gr_op *outer, int operand, gr_cpu_level level)
{
    static const struct {
        const gr_op *inner, *outer;
        int operand; /* -1: either */
        gr_span_fn *span[GR_CPU_LEVELS];
    } sums[] = {{&gr_op_add, &gr_op_add, -1, GR_LEVELS(pair_add_add)},
                {&gr_op_add, &gr_op_sub, 0, GR_LEVELS(pair_add_sub)},
                {&gr_op_add, &gr_op_mul, -1, GR_LEVELS(pair_add_mul)},
                {&gr_op_add, &gr_op_relu, 0, GR_LEVELS(pair_add_relu)},
                {&gr_op_sub, &gr_op_add, -1, GR_LEVELS(pair_sub_add)},
                {&gr_op_sub, &gr_op_mul, -1, GR_LEVELS(pair_sub_mul)},
                {&gr_op_sub, &gr_op_square, 0, GR_LEVELS(pair_sub_square)},
                {&gr_op_mul, &gr_op_add, -1, GR_LEVELS(pair_mul_add)},
                {&gr_op_mul, &gr_op_sub, 0, GR_LEVELS(pair_mul_sub)},
                {&gr_op_mul, &gr_op_sub, 1, GR_LEVELS(pair_mul_from)},
                {&gr_op_mul, &gr_op_mul, -1, GR_LEVELS(pair_mul_mul)},
                {&gr_op_mul, &gr_op_neg, 0, GR_LEVELS(pair_mul_neg)}};
    if (inner == &gr_op_square) inner = &gr_op_mul;
    for (size_t k = 0; k < GR_LEN(sums); k++) {
        if (inner != sums[k].inner || outer != sums[k].outer) continue;
        if (sums[k].operand < 0 || sums[k].operand == operand) return sums[k].span[level];
    }
    return NULL;
}

gr_span_fn *gr_fused_pair(const gr_node *inner, const gr_node *outer, int operand,
                          gr_cpu_level level)
{
    static gr_span_fn *const mask[GR_CPU_LEVELS] = GR_LEVELS(pair_mask);
    if (outer->op != &gr_op_where) {
        const bool f32 = gr_type_of(inner).dtype == GR_F32;
        return f32 ? pair_sum(inner->op, outer->op, operand, level) : NULL;
    }
    if (operand != 0) return NULL;
    if (inner->op == &gr_op_greater && outer->in[2] == inner->in[1]) {
        const bool f32 =
            gr_type_of(outer).dtype == GR_F32 && gr_type_of(inner->in[0]).dtype == GR_F32;
        if (f32) return mask[level];
    }
    return pair_choice(inner, outer, level);
}
