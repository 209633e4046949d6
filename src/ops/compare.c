/* equal, not_equal, less, less_equal, greater, greater_equal: bool of two numbers of one type;
 * equal and not_equal also of two bools. As IEEE 754 has it, a NaN is equal to nothing. */
#include "ops/elementwise.h"

static const double compare_range[2] = {-2, 2};

static bool compare_infer(gr_infer *s)
{
    if (!gr_infer_broadcast_number(s)) return false;
    s->out[0].dtype = GR_BOOL;
    return true;
}

static bool compare_infer_any(gr_infer *s)
{
    if (s->in[0].dtype != GR_BOOL) return compare_infer(s);
    return gr_infer_broadcast(s);
}

/* ---- equal ---------------------------------------------------------------------------------- */

GR_SPAN2(equal_f64, double, uint8_t, a == b)
GR_SPAN2(equal_f32, float, uint8_t, a == b)
GR_SPAN2(equal_i64, int64_t, uint8_t, a == b)
GR_SPAN2(equal_i32, int32_t, uint8_t, a == b)
GR_SPAN2(equal_u8, uint8_t, uint8_t, a == b)
static const gr_span_table equal_spans = {GR_NUMBER_ROWS(equal), [GR_BOOL] =
                                                                     GR_TWO_LEVELS(equal_u8)};

static gr_node *equal_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_equal(in[0], in[1]);
}

const gr_op gr_op_equal = {.name = "equal",
                           .doc = "a = b",
                           .min_in = 2,
                           .max_in = 2,
                           .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE | GR_OP_COMMUTATIVE,
                           .infer = compare_infer_any,
                           .spans = &equal_spans,
                           .sample = equal_sample};
GR_BUILDER2(equal)

/* ---- not_equal ------------------------------------------------------------------------------ */

GR_SPAN2(not_equal_f64, double, uint8_t, a != b)
GR_SPAN2(not_equal_f32, float, uint8_t, a != b)
GR_SPAN2(not_equal_i64, int64_t, uint8_t, a != b)
GR_SPAN2(not_equal_i32, int32_t, uint8_t, a != b)
GR_SPAN2(not_equal_u8, uint8_t, uint8_t, a != b)
static const gr_span_table not_equal_spans = {
    GR_NUMBER_ROWS(not_equal), [GR_BOOL] = GR_TWO_LEVELS(not_equal_u8)};

static gr_node *not_equal_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_not_equal(in[0], in[1]);
}

const gr_op gr_op_not_equal = {.name = "not_equal",
                               .doc = "a and b differ",
                               .min_in = 2,
                               .max_in = 2,
                               .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE | GR_OP_COMMUTATIVE,
                               .infer = compare_infer_any,
                               .spans = &not_equal_spans,
                               .sample = not_equal_sample};
GR_BUILDER2(not_equal)

/* ---- less ----------------------------------------------------------------------------------- */

GR_SPAN2(less_f64, double, uint8_t, a < b)
GR_SPAN2(less_f32, float, uint8_t, a < b)
GR_SPAN2(less_i64, int64_t, uint8_t, a < b)
GR_SPAN2(less_i32, int32_t, uint8_t, a < b)
GR_SPAN2(less_u8, uint8_t, uint8_t, a < b)
static const gr_span_table less_spans = {GR_NUMBER_ROWS(less)};

static gr_node *less_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_less(in[0], in[1]);
}

const gr_op gr_op_less = {.name = "less",
                          .doc = "a < b",
                          .min_in = 2,
                          .max_in = 2,
                          .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE,
                          .infer = compare_infer,
                          .spans = &less_spans,
                          .sample = less_sample};
GR_BUILDER2(less)

/* ---- less_equal ----------------------------------------------------------------------------- */

GR_SPAN2(less_equal_f64, double, uint8_t, a <= b)
GR_SPAN2(less_equal_f32, float, uint8_t, a <= b)
GR_SPAN2(less_equal_i64, int64_t, uint8_t, a <= b)
GR_SPAN2(less_equal_i32, int32_t, uint8_t, a <= b)
GR_SPAN2(less_equal_u8, uint8_t, uint8_t, a <= b)
static const gr_span_table less_equal_spans = {GR_NUMBER_ROWS(less_equal)};

static gr_node *less_equal_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_less_equal(in[0], in[1]);
}

const gr_op gr_op_less_equal = {.name = "less_equal",
                                .doc = "a <= b",
                                .min_in = 2,
                                .max_in = 2,
                                .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE,
                                .infer = compare_infer,
                                .spans = &less_equal_spans,
                                .sample = less_equal_sample};
GR_BUILDER2(less_equal)

/* ---- greater -------------------------------------------------------------------------------- */

GR_SPAN2(greater_f64, double, uint8_t, a > b)
GR_SPAN2(greater_f32, float, uint8_t, a > b)
GR_SPAN2(greater_i64, int64_t, uint8_t, a > b)
GR_SPAN2(greater_i32, int32_t, uint8_t, a > b)
GR_SPAN2(greater_u8, uint8_t, uint8_t, a > b)
static const gr_span_table greater_spans = {GR_NUMBER_ROWS(greater)};

static gr_node *greater_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_greater(in[0], in[1]);
}

const gr_op gr_op_greater = {.name = "greater",
                             .doc = "a > b",
                             .min_in = 2,
                             .max_in = 2,
                             .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE,
                             .infer = compare_infer,
                             .spans = &greater_spans,
                             .sample = greater_sample};
GR_BUILDER2(greater)

/* ---- greater_equal -------------------------------------------------------------------------- */

GR_SPAN2(greater_equal_f64, double, uint8_t, a >= b)
GR_SPAN2(greater_equal_f32, float, uint8_t, a >= b)
GR_SPAN2(greater_equal_i64, int64_t, uint8_t, a >= b)
GR_SPAN2(greater_equal_i32, int32_t, uint8_t, a >= b)
GR_SPAN2(greater_equal_u8, uint8_t, uint8_t, a >= b)
static const gr_span_table greater_equal_spans = {GR_NUMBER_ROWS(greater_equal)};

static gr_node *greater_equal_sample(gr_sampler *sampler, int k)
{
    gr_node *in[2];
    if (!gr_sample_two(sampler, k, compare_range, compare_range, in)) return NULL;
    return gr_greater_equal(in[0], in[1]);
}

const gr_op gr_op_greater_equal = {.name = "greater_equal",
                                   .doc = "a >= b",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .flags = GR_OP_ELEMENTWISE | GR_OP_GRAD_NONE,
                                   .infer = compare_infer,
                                   .spans = &greater_equal_spans,
                                   .sample = greater_equal_sample};
GR_BUILDER2(greater_equal)
