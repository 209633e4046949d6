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
