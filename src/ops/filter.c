/* filter: the rows that a mask chooses, in a tensor whose shape does not depend on the mask. */
#include "graph/graph.h"

#include <gradus/ops.h>

gr_node *gr_filter(gr_node *x, gr_node *mask, gr_node **count)
{
    if (count) *count = x;
    if (gr_is_error(x)) return x;
    gr_graph *graph = gr_node_graph(x);
    if (count) *count = gr_error_node(graph);
    if (gr_is_error(mask)) return mask;
    const gr_shape shape = gr_node_shape(x), rows = gr_node_shape(mask);
    if (gr_node_dtype(mask) != GR_BOOL)
        return gr_fault(graph, GR_DTYPE, "filter", "the mask is %s; it must be bool",
                        gr_dtype_name(gr_node_dtype(mask)));
    if (shape.rank < 1 || rows.rank != 1 || rows.dim[0] != shape.dim[0])
        return gr_fault(graph, GR_SHAPE, "filter",
                        "the mask %s should have one element for each row of %s",
                        gr_shape_text(rows), gr_shape_text(shape));
    gr_composite_begin(graph, "filter");
    /* Sorting is stable: what is chosen comes first, in its order. */
    gr_node *order = gr_argsort(gr_cast(gr_not(mask), GR_I32), 0, false);
    gr_shape column = {.rank = shape.rank, .dim = {shape.dim[0]}};
    for (int i = 1; i < column.rank; i++) column.dim[i] = 1;
    gr_node *chosen = gr_reshape(gr_gather(mask, order, 0), column);
    gr_node *y = gr_gather(x, order, 0);
    y = gr_where(chosen, y, gr_like(y, 0));
    if (count) *count = gr_sum(gr_cast(mask, GR_I64), (gr_axes){.count = -1});
    gr_composite_end(graph);
    return y;
}
