/* The scalar reference of sum, prod, max and min: the order of reduce.h, one output at a time. */
#include "ops/reduce.h"

/* Defines reduce_<name>(): all outputs of a reduction over elements of type T. U is the type that
 * sums and products are computed in: unsigned for integers, which wrap around. */
#define REDUCE_REFERENCE(name, T, U)                                                               \
    static T reduce_combine_##name(gr_reduce_kind kind, T a, T x)                                  \
    {                                                                                              \
        switch (kind) {                                                                            \
        case GR_REDUCTION_SUM:                                                                     \
            return (T)GR_REDUCE_SUM_OF((U)a, (U)x);                                                \
        case GR_REDUCTION_PROD:                                                                    \
            return (T)GR_REDUCE_PROD_OF((U)a, (U)x);                                               \
        case GR_REDUCTION_MAX:                                                                     \
            return GR_REDUCE_MAX_OF(a, x);                                                         \
        case GR_REDUCTION_MIN:                                                                     \
        case GR_REDUCTION_KINDS:                                                                   \
            break;                                                                                 \
        }                                                                                          \
        return GR_REDUCE_MIN_OF(a, x);                                                             \
    }                                                                                              \
    /* n ≥ 1 elements of a unit. */                                                              \
    static T reduce_unit_##name(gr_reduce_kind kind, const T *x, int64_t n)                        \
    {                                                                                              \
        T lane[GR_REDUCE_MAX_LANES];                                                               \
        const int64_t width = GR_REDUCE_LANES(sizeof(T));                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T *to = &lane[i % width];                                                              \
            *to = i < width ? x[i] : reduce_combine_##name(kind, *to, x[i]);                       \
        }                                                                                          \
        if (n > width) n = width;                                                                  \
        for (int64_t h = width / 2; h > 0; h /= 2) {                                               \
            for (int64_t j = 0; j < h && j + h < n; j++) {                                         \
                lane[j] = reduce_combine_##name(kind, lane[j], lane[j + h]);                       \
            }                                                                                      \
            if (n > h) n = h;                                                                      \
        }                                                                                          \
        return lane[0];                                                                            \
    }                                                                                              \
    static T reduce_block_##name(const gr_reduction *r, const T *x, int64_t block)                 \
    {                                                                                              \
        int64_t first = block * r->per_block, end = r->rows * r->row_units;                        \
        if (end > first + r->per_block) end = first + r->per_block;                                \
        T result = 0;                                                                              \
        for (int64_t unit = first; unit < end; unit++) {                                           \
            int64_t start = unit % r->row_units * GR_REDUCE_UNIT, n = r->length - start;           \
            if (n > GR_REDUCE_UNIT) n = GR_REDUCE_UNIT;                                            \
            const T *from = x + gr_walk_offset(&r->row, unit / r->row_units) + start;              \
            T part = reduce_unit_##name(r->kind, from, n);                                         \
            result = unit == first ? part : reduce_combine_##name(r->kind, result, part);          \
        }                                                                                          \
        return result;                                                                             \
    }                                                                                              \
    /* The tree over `count` blocks: the left half is the largest power of two below count. */     \
    static T reduce_tree_##name(const gr_reduction *r, const T *x, int64_t first, int64_t count)   \
    {                                                                                              \
        if (count == 1) return reduce_block_##name(r, x, first);                                   \
        int64_t half = 1;                                                                          \
        while (2 * half < count) half *= 2;                                                        \
        T left = reduce_tree_##name(r, x, first, half);                                            \
        return reduce_combine_##name(r->kind, left,                                                \
                                     reduce_tree_##name(r, x, first + half, count - half));        \
    }                                                                                              \
    static void reduce_##name(const gr_reduction *r, const void *in, void *out)                    \
    {                                                                                              \
        T *y = out;                                                                                \
        for (int64_t g = 0; g < r->groups; g++) {                                                  \
            const T *x = (const T *)in + gr_walk_offset(&r->group, g);                             \
            for (int64_t c = 0; c < r->columns; c++) {                                             \
                *y++ = reduce_tree_##name(r, x + c, 0, r->blocks);                                 \
            }                                                                                      \
        }                                                                                          \
    }

REDUCE_REFERENCE(f64, double, double)
REDUCE_REFERENCE(f32, float, float)
REDUCE_REFERENCE(i64, int64_t, uint64_t)
REDUCE_REFERENCE(i32, int32_t, uint32_t)
REDUCE_REFERENCE(u8, uint8_t, unsigned)

static gr_status reduce_run(const gr_call *call)
{
    const gr_reduction *r = call->ctx;
    if (r->blocks == 0) {
        gr_reduce_neutral(r, call->out[0], r->groups * r->columns);
        return GR_OK;
    }
    switch (r->dtype) {
    case GR_F64:
        reduce_f64(r, call->in[0], call->out[0]);
        break;
    case GR_F32:
        reduce_f32(r, call->in[0], call->out[0]);
        break;
    case GR_I64:
        reduce_i64(r, call->in[0], call->out[0]);
        break;
    case GR_I32:
        reduce_i32(r, call->in[0], call->out[0]);
        break;
    default:
        reduce_u8(r, call->in[0], call->out[0]);
        break;
    }
    return GR_OK;
}

gr_status gr_reduce_reference(gr_request *request)
{
    gr_reduction *r = gr_arena_alloc(request->arena, sizeof *r);
    if (!r) return gr_no_memory(sizeof *r);
    *r = gr_reduction_of_node(request->node);
    request->ctx = r;
    request->fn = reduce_run;
    request->kernel = "reduce-reference";
    return GR_OK;
}
