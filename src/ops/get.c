/* get: one part of a tuple. */
#include "ops/ops.h"

static const gr_attr_desc get_attrs[] = {{"index", GR_ATTR_INT}};

static bool get_infer(gr_infer *s)
{
    int64_t index = s->attr[0].i;
    if (index < 0 || index >= s->n_in) {
        return gr_infer_fail(s, GR_RANGE, "part %lld of a tuple of %d (%s)", (long long)index,
                             s->n_in, s->nodes[0]->op->name);
    }
    s->out[0] = s->in[index];
    return true;
}

const gr_op gr_op_get = {
    .name = "get",
    .doc = "part `index` of a tuple",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_VIEW | GR_OP_TUPLE_IN,
    .attrs = get_attrs,
    .n_attrs = GR_LEN(get_attrs),
    .infer = get_infer,
};

gr_node *gr_get(gr_node *node, int i)
{
    if (!gr_is_error(node) && node->n_out == 1 && i == 0) return node;
    gr_attr attr = gr_attr_int(i);
    return gr_build(NULL, &gr_op_get, &node, 1, &attr);
}
