/* What the op files share. Internal. */
#ifndef GR_OPS_INTERNAL_H
#define GR_OPS_INTERNAL_H

#include "graph/graph.h"

#include <gradus/ops.h>

#define OP(name) extern const gr_op gr_op_##name;
#include "ops/ops.def"
#undef OP

/* The normal distribution's Φ(x). Its gradient has exp(-x²/2) in common with it. */
gr_node *gr_normal_cdf(gr_node *x);

/* ---- Shape rules that several ops share ------------------------------------------------------ */

/* All inputs of one element type and broadcastable: the output has that type and shape. */
bool gr_infer_broadcast(gr_infer *s);
/* Output as input 0. */
bool gr_infer_same(gr_infer *s);
/* Each fails with a message unless input `i` is f32 or f64; or a number (not bool, not a storage
 * type); or all inputs have one element type. */
bool gr_infer_float(gr_infer *s, int i);
bool gr_infer_number(gr_infer *s, int i);
bool gr_infer_one_dtype(gr_infer *s);
/* Turns an axis counted from the end into one from the front; fails if it is outside the rank. */
bool gr_infer_axis(gr_infer *s, int64_t *axis, int rank);

#endif
