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

static gr_node *outer_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    (void)ctx, (void)graph;
    if (old->op != &gr_op_matmul) return NULL;
    const gr_matmul_geometry g = gr_matmul_geometry_of(old);
    if (g.k != 1 || g.m == 1 || gr_type_of(old).dtype != GR_F32) return NULL;
    if (g.n < GR_FUSED_OUTER_LEAST || g.n > GR_FUSED_OUTER_MOST) return NULL;
    return gr_mul(outer_side(in[0], g.transpose_a), outer_side(in[1], g.transpose_b));
}

gr_status gr_pass_outer(gr_unit *unit)
{
    return gr_rewrite(unit, outer_rule, NULL);
}
