/* A matrix product of one term, an outer product, is a gate on a column and a row: unlike a product
 * it fuses with all that is around it. Only where fused nodes have an instruction for it; else the
 * product's own kernel is faster. A zero may change its sign, as between kernels. */
#include "ops/fused.h"
#include "ops/matmul.h"
#include "passes/pass.h"

/* A factor of one term as what its elements multiply: [..., M, 1] or [..., 1, N]. */
static gr_node *outer_side(gr_node *x, bool turned)
{
    gr_shape shape = gr_type_of(x).shape;
    if (!turned) return x;
    const int64_t last = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = shape.dim[shape.rank - 2];
    shape.dim[shape.rank - 2] = last;
    return gr_reshape(x, shape);
}

static bool outer_suits(const gr_node *node)
{
    if (node->op != &gr_op_matmul || gr_type_of(node).dtype != GR_F32) return false;
    const gr_matmul_geometry g = gr_matmul_geometry_of(node);
    return g.k == 1 && g.m != 1 && g.n >= GR_FUSED_OUTER_LEAST && g.n <= GR_FUSED_OUTER_MOST;
}

static gr_node *outer_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    (void)ctx, (void)graph;
    if (!outer_suits(old)) return NULL;
    return gr_mul(outer_side(in[0], old->attr[GR_MATMUL_TRANSPOSE_A].i != 0),
                  outer_side(in[1], old->attr[GR_MATMUL_TRANSPOSE_B].i != 0));
}

gr_status gr_pass_outer(gr_unit *unit)
{
    bool any = false;
    for (int id = 0; id < gr_graph_size(unit->graph) && !any; id++)
        any = outer_suits(unit->graph->nodes[id]);
    return any ? gr_rewrite(unit, outer_rule, NULL) : GR_OK;
}
