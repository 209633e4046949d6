/* Sums over the steps of a loop that can be had after it: the sum of products a[t]ᵀ·b[t] is one
 * product of all steps' rows, with a contraction so much longer and no matrix to add up at each
 * step. */
#include "ops/matmul.h"
#include "ops/scan.h"

static bool sums_is_product(const gr_node *node)
{
    return node->op == &gr_op_matmul && node->in[0]->out[0].shape.rank == 2 &&
           node->in[1]->out[0].shape.rank == 2 && node->attr[GR_MATMUL_TRANSPOSE_A].i &&
           !node->attr[GR_MATMUL_TRANSPOSE_B].i;
}

static bool sums_same_shape(const gr_node *a, const gr_node *b)
{
    return gr_shape_equal(a->out[0].shape, b->out[0].shape);
}

bool gr_scan_sum_leaves(gr_node *node, gr_scan_leaf *leaves, int *n, int most)
{
    if (node->op == &gr_op_reshape) return gr_scan_sum_leaves(node->in[0], leaves, n, most);
    if (node->op == &gr_op_add && sums_same_shape(node, node->in[0]) &&
        sums_same_shape(node, node->in[1])) {
        return gr_scan_sum_leaves(node->in[0], leaves, n, most) &&
               gr_scan_sum_leaves(node->in[1], leaves, n, most);
    }
    const bool product = sums_is_product(node);
    if (!product && node->op != &gr_op_sum) return false;
    if (*n + 2 > most) return false;
    leaves[(*n)++] = (gr_scan_leaf){node->in[0], !product};
    if (product) leaves[(*n)++] = (gr_scan_leaf){node->in[1], false};
    return true;
}

/* [T, K, M] as [T·K, M] */
static gr_node *sums_rows(gr_node *stack)
{
    const gr_shape s = gr_node_shape(stack);
    return gr_is_error(stack) ? stack : gr_reshape(stack, GR_SHAPE(s.dim[0] * s.dim[1], s.dim[2]));
}

gr_node *gr_scan_sum_build(const gr_node *node, gr_scan_stack *stack, void *ctx)
{
    if (node->op == &gr_op_reshape)
        return gr_reshape(gr_scan_sum_build(node->in[0], stack, ctx), node->out[0].shape);
    if (node->op == &gr_op_add)
        return gr_add(gr_scan_sum_build(node->in[0], stack, ctx),
                      gr_scan_sum_build(node->in[1], stack, ctx));
    if (node->op == &gr_op_matmul)
        return gr_matmul_t(sums_rows(stack(ctx, node->in[0])), true,
                           sums_rows(stack(ctx, node->in[1])), false);
    const gr_ints *inner = &node->attr[0].ints;
    gr_axes axes = {.count = inner->n + 1, .axis = {0}};
    for (int i = 0; i < inner->n; i++) axes.axis[i + 1] = (int)inner->v[i] + 1;
    return gr_reshape(gr_sum(stack(ctx, node->in[0]), axes), node->out[0].shape);
}
