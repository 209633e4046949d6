/* where: a choice between two tensors, element by element. */
#include "ops/elementwise.h"

/* Both values are read before the choice, which keeps the loop free of branches. */
#define WHERE_ELEMENT(T)                                                                           \
    const T a = x[k], b = y[k];                                                                    \
    z[k] = condition[k] ? a : b;
#define WHERE_SPAN(NAME, T)                                                                        \
    GR_SPAN_LOOP_(NAME)                                                                            \
    {                                                                                              \
        (void)param;                                                                               \
        enum { BLOCK = GR_SPAN_BLOCK_OF(T, uint8_t) };                                             \
        T *z = out;                                                                                \
        GR_SPAN_OPERAND(uint8_t, condition, 0, BLOCK)                                              \
        GR_SPAN_OPERAND(T, x, 1, BLOCK)                                                            \
        GR_SPAN_OPERAND(T, y, 2, BLOCK)                                                            \
        for (; n >= BLOCK; n -= BLOCK, z += BLOCK) {                                               \
            GR_SIMD for (int k = 0; k < BLOCK; k++){WHERE_ELEMENT(T)} condition += condition_step; \
            x += x_step;                                                                           \
            y += y_step;                                                                           \
        }                                                                                          \
        for (int k = 0; k < (int)n; k++) {                                                         \
            WHERE_ELEMENT(T)                                                                       \
        }                                                                                          \
    }                                                                                              \
    GR_SPAN_LEVELS_##T(NAME)

WHERE_SPAN(where_f64, double)
WHERE_SPAN(where_f32, float)
WHERE_SPAN(where_i64, int64_t)
WHERE_SPAN(where_i32, int32_t)
WHERE_SPAN(where_u8, uint8_t)
static const gr_span_table where_spans = {GR_NUMBER_ROWS(where), [GR_BOOL] =
                                                                     GR_TWO_LEVELS(where_u8)};

static bool where_infer(gr_infer *s)
{
    if (s->in[0].dtype != GR_BOOL) {
        return gr_infer_fail(s, GR_DTYPE, "the condition is %s; it must be bool (compare first)",
                             gr_dtype_name(s->in[0].dtype));
    }
    if (s->in[1].dtype != s->in[2].dtype) {
        return gr_infer_fail(s, GR_DTYPE,
                             "the two choices are %s and %s; they must be of one element type "
                             "(convert one by cast)",
                             gr_dtype_name(s->in[1].dtype), gr_dtype_name(s->in[2].dtype));
    }
    if (s->in[1].dtype != GR_BOOL && !gr_infer_number(s, 1)) return false;
    gr_shape both, all;
    if (!gr_shape_broadcast(s->in[1].shape, s->in[2].shape, &both) ||
        !gr_shape_broadcast(s->in[0].shape, both, &all)) {
        return gr_infer_fail(s, GR_SHAPE, "shapes do not broadcast: %s, %s and %s",
                             gr_shape_text(s->in[0].shape), gr_shape_text(s->in[1].shape),
                             gr_shape_text(s->in[2].shape));
    }
    s->out[0] = (gr_type){s->in[1].dtype, all};
    return true;
}

static void where_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *zero = gr_like(dy[0], 0);
    dx[1] = gr_where(node->in[0], dy[0], zero);
    dx[2] = gr_where(node->in[0], zero, dy[0]);
}

static gr_node *where_sample(gr_sampler *sampler, int k)
{
    const gr_shape shapes[][3] = {
        {GR_SHAPE(5), GR_SHAPE(5), GR_SHAPE(5)},  {GR_SHAPE(3, 1), GR_SHAPE(1, 4), GR_SHAPE(4)},
        {GR_SCALAR, GR_SHAPE(2, 3), GR_SHAPE(3)}, {GR_SHAPE(2, 3, 4), GR_SHAPE(4), GR_SCALAR},
        {GR_SHAPE(7), GR_SCALAR, GR_SHAPE(7)},    {GR_SCALAR, GR_SCALAR, GR_SCALAR},
        {GR_SHAPE(0, 5), GR_SHAPE(5), GR_SCALAR}};
    if ((size_t)k >= GR_LEN(shapes)) return NULL;
    gr_node *in[3];
    for (int i = 0; i < 3; i++) in[i] = gr_draw(sampler, shapes[k][i], -2, 2);
    return gr_where(gr_greater(in[0], gr_like(in[0], 0)), in[1], in[2]);
}

const gr_op gr_op_where = {.name = "where",
                           .doc = "condition ? a : b",
                           .min_in = 3,
                           .max_in = 3,
                           .flags = GR_OP_ELEMENTWISE,
                           .infer = where_infer,
                           .grad = where_grad,
                           .spans = &where_spans,
                           .span_input = 1,
                           .sample = where_sample};

gr_node *gr_where(gr_node *condition, gr_node *a, gr_node *b)
{
    return gr_build(NULL, &gr_op_where, (gr_node *[]){condition, a, b}, 3, NULL);
}
