/* assign: a variable's next value. The run stage commits it when the step has passed its checks. */
#include "ops/ops.h"

static bool assign_infer(gr_infer *s)
{
    const gr_type *variable = &s->in[0], *value = &s->in[1];
    if (s->nodes[0]->op != &gr_op_var) {
        return gr_infer_fail(s, GR_INVALID, "input 0 is %s; only a var can be assigned",
                             s->nodes[0]->op->name);
    }
    if (variable->dtype != value->dtype || !gr_shape_equal(variable->shape, value->shape)) {
        return gr_infer_fail(s, variable->dtype != value->dtype ? GR_DTYPE : GR_SHAPE,
                             "var '%.100s' is %s%s, its new value %s%s", s->nodes[0]->name,
                             gr_dtype_name(variable->dtype), gr_shape_text(variable->shape),
                             gr_dtype_name(value->dtype), gr_shape_text(value->shape));
    }
    s->out[0] = *value;
    return true;
}

const gr_op gr_op_assign = {
    .name = "assign",
    .doc = "makes `value` the variable's value when the step ends",
    .min_in = 2,
    .max_in = 2,
    .flags = GR_OP_EFFECT | GR_OP_GRAD_NONE,
    .infer = assign_infer,
};

gr_node *gr_assign(gr_node *variable, gr_node *value)
{
    return gr_build(NULL, &gr_op_assign, (gr_node *[]){variable, value}, 2, NULL);
}
