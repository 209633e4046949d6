/* Composites: gates built of other gates, which need no gradient rule and no kernel. */
#include "graph/graph.h"

#include <gradus/ops.h>

/* ---- Literals -------------------------------------------------------------------------------- */

gr_node *gr_scale(gr_node *x, double factor)
{
    return gr_mul(x, gr_like(x, factor));
}

gr_node *gr_shift(gr_node *x, double term)
{
    return gr_add(x, gr_like(x, term));
}

/* ---- Activations ----------------------------------------------------------------------------- */

gr_node *gr_prelu(gr_node *x, gr_node *slope)
{
    gr_composite_begin(gr_node_graph(x), "prelu");
    gr_node *y = gr_where(gr_greater(x, gr_like(x, 0)), x, gr_mul(slope, x));
    gr_composite_end(gr_node_graph(x));
    return y;
}
