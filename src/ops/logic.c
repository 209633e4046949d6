/* and, or, xor, not: bool of bools, which are bytes 0 and 1. */
#include "ops/elementwise.h"

static bool logic_infer(gr_infer *s)
{
    for (int i = 0; i < s->n_in; i++) {
        if (s->in[i].dtype == GR_BOOL) continue;
        return gr_infer_fail(s, GR_DTYPE, "input %d is %s; logic takes bool (compare first)", i,
                             gr_dtype_name(s->in[i].dtype));
    }
    return gr_infer_broadcast(s);
}

static gr_node *logic_bool(gr_node *x)
{
    return gr_greater(x, gr_like(x, 0));
}

static bool logic_sample(gr_sampler *sampler, int k, gr_node *in[2])
{
    static const double range[2] = {-2, 2};
    if (!gr_sample_two(sampler, k, range, range, in)) return false;
    in[0] = logic_bool(in[0]);
    in[1] = logic_bool(in[1]);
    return true;
}

/* ---- and ------------------------------------------------------------------------------------ */

GR_SPAN2(and_bool, uint8_t, uint8_t, a &b)
static const gr_span_table and_spans = {[GR_BOOL] = GR_TWO_LEVELS(and_bool)};

static gr_node *and_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    return logic_sample(sampler, k, in) ? gr_and(in[0], in[1]) : NULL;
}

const gr_op gr_op_and = {.name = "and",
                         .doc = "both",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COMMUTATIVE | GR_OP_GRAD_NONE,
                         .infer = logic_infer,
                         .spans = &and_spans,
                         .sample = and_sample};
GR_BUILDER2(and)

/* ---- or ------------------------------------------------------------------------------------- */

GR_SPAN2(or_bool, uint8_t, uint8_t, a | b)
static const gr_span_table or_spans = {[GR_BOOL] = GR_TWO_LEVELS(or_bool)};

static gr_node *or_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    return logic_sample(sampler, k, in) ? gr_or(in[0], in[1]) : NULL;
}

const gr_op gr_op_or = {.name = "or",
                        .doc = "one or both",
                        .min_in = 2,
                        .max_in = 2,
                        .flags = GR_OP_ELEMENTWISE | GR_OP_COMMUTATIVE | GR_OP_GRAD_NONE,
                        .infer = logic_infer,
                        .spans = &or_spans,
                        .sample = or_sample};
GR_BUILDER2(or)

/* ---- xor ------------------------------------------------------------------------------------ */

GR_SPAN2(xor_bool, uint8_t, uint8_t, a ^ b)
static const gr_span_table xor_spans = {[GR_BOOL] = GR_TWO_LEVELS(xor_bool)};

static gr_node *xor_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    return logic_sample(sampler, k, in) ? gr_xor(in[0], in[1]) : NULL;
}

const gr_op gr_op_xor = {.name = "xor",
                         .doc = "one of the two",
                         .min_in = 2,
                         .max_in = 2,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_COMMUTATIVE | GR_OP_GRAD_NONE,
                         .infer = logic_infer,
                         .spans = &xor_spans,
                         .sample = xor_sample};
GR_BUILDER2(xor)

/* ---- not ------------------------------------------------------------------------------------ */

GR_SPAN1(not_bool, uint8_t, uint8_t, a ^ 1)
static const gr_span_table not_spans = {[GR_BOOL] = GR_TWO_LEVELS(not_bool)};

static gr_node *not_sample(gr_sampler *sampler, int k)
{
    gr_node *x = gr_sample_one(sampler, k, -2, 2);
    return x ? gr_not(logic_bool(x)) : NULL;
}

const gr_op gr_op_not = {.name = "not",
                         .doc = "not x",
                         .min_in = 1,
                         .max_in = 1,
                         .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE,
                         .infer = logic_infer,
                         .spans = &not_spans,
                         .sample = not_sample};
GR_BUILDER1(not )
