/* Shape rules that several ops share. */
#include "ops/ops.h"

bool gr_infer_one_dtype(gr_infer *s)
{
    for (int i = 1; i < s->n_in; i++) {
        if (s->in[i].dtype == s->in[0].dtype) continue;
        return gr_infer_fail(s, GR_DTYPE, "element types differ: %s and %s (convert one by cast)",
                             gr_dtype_name(s->in[0].dtype), gr_dtype_name(s->in[i].dtype));
    }
    return true;
}

bool gr_infer_broadcast(gr_infer *s)
{
    if (s->n_in == 0) return gr_infer_fail(s, GR_INVALID, "has no input");
    if (!gr_infer_one_dtype(s)) return false;
    gr_type out = s->in[0];
    for (int i = 1; i < s->n_in; i++) {
        gr_shape wide;
        if (!gr_shape_broadcast(out.shape, s->in[i].shape, &wide)) {
            return gr_infer_fail(s, GR_SHAPE, "shapes do not broadcast: %s and %s",
                                 gr_shape_text(out.shape), gr_shape_text(s->in[i].shape));
        }
        out.shape = wide;
    }
    s->out[0] = out;
    return true;
}

bool gr_infer_same(gr_infer *s)
{
    if (s->n_in == 0) return gr_infer_fail(s, GR_INVALID, "has no input");
    s->out[0] = s->in[0];
    return true;
}

bool gr_infer_float(gr_infer *s, int i)
{
    gr_dtype dtype = s->in[i].dtype;
    if (dtype == GR_F32 || dtype == GR_F64) return true;
    return gr_infer_fail(s, GR_DTYPE, "input %d is %s; this op takes f32 and f64 (convert by cast)",
                         i, gr_dtype_name(dtype));
}

bool gr_infer_number(gr_infer *s, int i)
{
    gr_dtype dtype = s->in[i].dtype;
    switch (dtype) {
    case GR_F64:
    case GR_F32:
    case GR_I64:
    case GR_I32:
    case GR_U8:
        return true;
    case GR_BF16:
    case GR_F16:
    case GR_I8:
    case GR_BOOL:
    case GR_DTYPE_COUNT:
        break;
    }
    return gr_infer_fail(
        s, GR_DTYPE, "input %d is %s; this op takes f64, f32, i64, i32 and u8 (convert by cast)", i,
        gr_dtype_name(dtype));
}

bool gr_infer_axis(gr_infer *s, int64_t *axis, int rank)
{
    int64_t given = *axis;
    if (given < -rank || given >= rank) {
        if (rank == 0) {
            return gr_infer_fail(s, GR_SHAPE, "axis %lld of a scalar, which has none",
                                 (long long)given);
        }
        return gr_infer_fail(s, GR_SHAPE, "axis %lld is outside rank %d (%d to %d)",
                             (long long)given, rank, -rank, rank - 1);
    }
    if (given < 0) *axis = given + rank;
    return true;
}
