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

#define PAIR_SPANS(NAME, INNER)                                                                    \
    PAIR_SPAN(pair_##NAME##_add, INNER, u + c)                                                     \
    PAIR_SPAN(pair_##NAME##_sub, INNER, u - c)                                                     \
    PAIR_SPAN(pair_##NAME##_from, INNER, c - u)                                                    \
    PAIR_SPAN(pair_##NAME##_mul, INNER, u *c)                                                      \
    PAIR_SPAN(pair_##NAME##_square, INNER, u *u)                                                   \
    PAIR_SPAN(pair_##NAME##_neg, INNER, -u)                                                        \
    PAIR_SPAN(pair_##NAME##_relu, INNER, GR_RELU_OF(u))
PAIR_SPANS(add, a + b)
PAIR_SPANS(sub, a - b)
PAIR_SPANS(mul, a *b)
PAIR_SPAN(pair_mask, 0, a > b ? c : b) /* the gradient of relu, where b is 0 */
PAIR_SPAN(pair_if_equal, 0, a == b ? c : 0)
PAIR_SPAN(pair_if_not_equal, 0, a != b ? c : 0)
PAIR_SPAN(pair_if_less, 0, a < b ? c : 0)
PAIR_SPAN(pair_if_less_equal, 0, a <= b ? c : 0)
PAIR_SPAN(pair_if_greater, 0, a > b ? c : 0)
PAIR_SPAN(pair_if_greater_equal, 0, a >= b ? c : 0)

typedef enum pair_outer {
    PAIR_ADD,
    PAIR_SUB,
    PAIR_FROM,
    PAIR_MUL,
    PAIR_SQUARE,
    PAIR_NEG,
    PAIR_RELU,
    PAIR_OUTER
} pair_outer;

#define PAIR_ROW(NAME)                                                                             \
    {                                                                                              \
        [PAIR_ADD] = GR_LEVELS(pair_##NAME##_add), [PAIR_SUB] = GR_LEVELS(pair_##NAME##_sub),      \
        [PAIR_FROM] = GR_LEVELS(pair_##NAME##_from), [PAIR_MUL] = GR_LEVELS(pair_##NAME##_mul),    \
        [PAIR_SQUARE] = GR_LEVELS(pair_##NAME##_square),                                           \
        [PAIR_NEG] = GR_LEVELS(pair_##NAME##_neg), [PAIR_RELU] = GR_LEVELS(pair_##NAME##_relu)     \
    }

typedef gr_span_fn *pair_table[PAIR_OUTER][GR_CPU_LEVELS];

/* The spans whose first gate is this one. */
static const pair_table *pair_inner(const gr_op *op)
{
    static const pair_table add = PAIR_ROW(add), sub = PAIR_ROW(sub), mul = PAIR_ROW(mul);
    if (op == &gr_op_add) return &add;
    if (op == &gr_op_sub) return &sub;
    return op == &gr_op_mul || op == &gr_op_square ? &mul : NULL;
}

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

gr_span_fn *gr_fused_pair(const gr_node *inner, const gr_node *outer, int operand,
                          gr_cpu_level level)
{
    const gr_op *op = outer->op;
    static gr_span_fn *const mask[GR_CPU_LEVELS] = GR_LEVELS(pair_mask);
    const pair_table *table = pair_inner(inner->op);
    if (inner->op == &gr_op_greater && op == &gr_op_where && operand == 0) {
        const bool f32 =
            gr_type_of(outer).dtype == GR_F32 && gr_type_of(inner->in[0]).dtype == GR_F32;
        if (f32 && outer->in[2] == inner->in[1]) return mask[level];
    }
    if (op == &gr_op_where && operand == 0) return pair_choice(inner, outer, level);
    if (!table || gr_type_of(inner).dtype != GR_F32) return NULL;
    if (op == &gr_op_add) return (*table)[PAIR_ADD][level];
    if (op == &gr_op_sub) return (*table)[operand == 0 ? PAIR_SUB : PAIR_FROM][level];
    if (op == &gr_op_mul) return (*table)[PAIR_MUL][level];
    if (op == &gr_op_square) return (*table)[PAIR_SQUARE][level];
    if (op == &gr_op_relu) return (*table)[PAIR_RELU][level];
    return op == &gr_op_neg ? (*table)[PAIR_NEG][level] : NULL;
}
