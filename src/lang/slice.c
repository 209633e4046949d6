/* x[1:3, :, -1]: slices with whole numbers, counted from the end if negative. */
#include "lang/words.h"

#include <math.h>

typedef struct slice_axis {
    int64_t start, stop, step;
    bool drop; /* a single index */
} slice_axis;

/* The whole number of tree node `node`; `missing` if it was left out. */
static int64_t slice_number(lang_builder *builder, int node, int64_t missing)
{
    if (node < 0) return missing;
    const lang_value *value = &builder->values[node];
    lang_at at = builder->expr->nodes[node].at;
    if (value->kind != LANG_VALUE_NUMBER || value->number != floor(value->number) ||
        fabs(value->number) > 1e15) {
        gr_lang_build_fail(builder, at, GR_SYNTAX,
                           "an index is a whole number (computed ones: gather(x, index))");
        return missing;
    }
    return (int64_t)value->number;
}

/* Ends beyond the size are cut, as in Python. */
static int64_t slice_end(int64_t end, int64_t size)
{
    if (end < 0) end += size;
    return end < 0 ? 0 : end > size ? size : end;
}

static slice_axis slice_item(lang_builder *builder, const lang_arg *item, int64_t size)
{
    const lang_ast *ast = &builder->expr->nodes[item->value];
    slice_axis axis = {.step = 1};
    if (ast->kind != LANG_AST_RANGE) {
        int64_t at = slice_number(builder, item->value, 0);
        axis.drop = true;
        axis.start = at < 0 ? at + size : at;
        axis.stop = axis.start + 1;
        if (builder->status == GR_OK && (axis.start < 0 || axis.start >= size)) {
            gr_lang_build_fail(builder, item->at, GR_RANGE,
                               "index %lld is outside an axis of size "
                               "%lld",
                               (long long)at, (long long)size);
        }
        return axis;
    }
    axis.start = slice_end(slice_number(builder, ast->range.start, 0), size);
    axis.stop = slice_end(slice_number(builder, ast->range.stop, size), size);
    axis.step = slice_number(builder, ast->range.step, 1);
    if (axis.stop < axis.start) axis.stop = axis.start;
    if (axis.step < 1) {
        gr_lang_build_fail(builder, item->at, GR_SYNTAX, "a slice's step is at least 1");
    }
    return axis;
}

gr_node *gr_lang_index(lang_builder *builder, int node)
{
    const lang_ast *ast = &builder->expr->nodes[node];
    gr_node *x = gr_lang_as_node(builder, ast->index.base, builder->env.dtype);
    if (gr_is_error(x)) return x;
    gr_shape shape = gr_node_shape(x), kept = GR_SCALAR;
    int64_t start[GR_MAX_RANK], stop[GR_MAX_RANK], step[GR_MAX_RANK];
    const lang_arg *item = ast->index.items;
    for (int i = 0; i < shape.rank; i++) {
        slice_axis axis = {.stop = shape.dim[i], .step = 1};
        if (item) {
            axis = slice_item(builder, item, shape.dim[i]);
            item = item->next;
        }
        start[i] = axis.start;
        stop[i] = axis.stop;
        step[i] = axis.step;
        if (!axis.drop && builder->status == GR_OK) {
            kept.dim[kept.rank++] = (axis.stop - axis.start + axis.step - 1) / axis.step;
        }
    }
    if (item) {
        return gr_lang_build_fail(builder, item->at, GR_SHAPE, "too many indices for shape %s",
                                  gr_shape_text(shape));
    }
    if (builder->status != GR_OK) return gr_error_node(builder->graph);
    gr_node *part = gr_slice(x, start, stop, step);
    return kept.rank == shape.rank ? part : gr_reshape(part, kept);
}
