/* Identities that hold for every IEEE value, NaN, infinities and signed zeros included: x·1, x/1,
 * x−0, −(−x), movements that move nothing, movements of movements; a transposed factor of a matrix
 * product is read transposed; a broadcast operand of an elementwise op is read in place of its
 * copy, and an op on broadcasts alone computes each value once; a reduction of axes of size 1 is a
 * reshape. */
#include "ops/ops.h"
#include "passes/pass.h"

/* Is every element of the node the constant `value`? Broadcasts are seen through. */
static bool simplify_is(const gr_node *node, double value)
{
    while (node->op == &gr_op_broadcast || node->op == &gr_op_reshape) node = node->in[0];
    if (node->op != &gr_op_constant || node->out[0].dtype > GR_F32) return false;
    const gr_tensor *t = node->attr[0].tensor;
    if (gr_shape_count(t->shape) != 1) return false;
    double v = gr_tensor_at(t, 0);
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): tells 0 from -0 */
    return memcmp(&v, &value, sizeof v) == 0;
}

static bool simplify_same_type(const gr_node *a, const gr_node *b)
{
    return a->out[0].dtype == b->out[0].dtype && gr_shape_equal(a->out[0].shape, b->out[0].shape);
}

static gr_node *simplify_neutral(const gr_node *old, gr_node *const *in)
{
    const gr_op *op = old->op;
    gr_node *kept = NULL;
    if (op == &gr_op_mul && simplify_is(in[0], 1))
        kept = in[1];
    else if ((op == &gr_op_mul || op == &gr_op_div) && simplify_is(in[1], 1))
        kept = in[0];
    else if (op == &gr_op_sub && simplify_is(in[1], 0))
        kept = in[0];
    else if (op == &gr_op_neg && in[0]->op == &gr_op_neg)
        kept = in[0]->in[0];
    else if (op == &gr_op_cast || op == &gr_op_reshape || op == &gr_op_broadcast ||
             op == &gr_op_slice || op == &gr_op_pad || op == &gr_op_stop_gradient)
        kept = in[0];
    return kept && simplify_same_type(kept, old) ? kept : NULL;
}

static bool simplify_identity_order(const gr_ints *axes)
{
    for (int i = 0; i < axes->n; i++)
        if (axes->v[i] != i) return false;
    return true;
}

static gr_node *simplify_permute(gr_graph *graph, const gr_node *old, gr_node *inner)
{
    gr_ints axes = old->attr[0].ints;
    gr_node *source = inner;
    if (inner->op == &gr_op_permute) {
        for (int i = 0; i < axes.n; i++) axes.v[i] = inner->attr[0].ints.v[axes.v[i]];
        source = inner->in[0];
    }
    if (simplify_identity_order(&axes)) return source;
    if (source == inner) return NULL;
    gr_attr attr = gr_attr_ints(axes.n, axes.v);
    return gr_build(graph, old->op, &source, 1, &attr);
}

/* reshape∘reshape, broadcast∘broadcast, permute∘permute. */
static gr_node *simplify_movement(gr_graph *graph, const gr_node *old, gr_node *inner)
{
    if (old->op == &gr_op_permute) return simplify_permute(graph, old, inner);
    if (old->op != inner->op) return NULL;
    if (old->op == &gr_op_reshape || old->op == &gr_op_broadcast)
        return gr_rebuild(graph, old, inner->in);
    return NULL;
}

/* Swaps exactly the last two axes? */
static bool simplify_is_transpose(const gr_node *node)
{
    if (node->op != &gr_op_permute) return false;
    const gr_ints *axes = &node->attr[0].ints;
    for (int i = 0; i < axes->n - 2; i++)
        if (axes->v[i] != i) return false;
    return axes->n >= 2 && axes->v[axes->n - 1] == axes->n - 2;
}

static gr_node *simplify_matmul(gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    gr_node *side[2] = {in[0], in[1]};
    gr_attr attr[2] = {old->attr[0], old->attr[1]};
    for (int i = 0; i < 2; i++) {
        if (!simplify_is_transpose(side[i])) continue;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): matmul has two inputs */
        side[i] = side[i]->in[0];
        attr[i].i = !attr[i].i;
    }
    if (side[0] == in[0] && side[1] == in[1]) return NULL;
    return gr_build(graph, old->op, side, 2, attr);
}

static gr_node *simplify_elementwise(gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    gr_node *read[4];
    if (old->n_in > (int)GR_LEN(read)) return NULL;
    bool changed = false;
    for (int i = 0; i < old->n_in; i++) read[i] = in[i];
    for (int i = 0; i < old->n_in; i++) {
        if (in[i]->op != &gr_op_broadcast) continue;
        read[i] = in[i]->in[0];
        gr_shape shape = GR_SCALAR;
        bool fits = true;
        for (int j = 0; j < old->n_in; j++)
            fits = fits && gr_shape_broadcast(shape, read[j]->out[0].shape, &shape);
        if (fits && gr_shape_equal(shape, old->out[0].shape))
            changed = true;
        else
            read[i] = in[i];
    }
    return changed ? gr_rebuild(graph, old, read) : NULL;
}

/* A gate whose operands are all repeated: its result for what is repeated, and that repeated. */
static gr_node *simplify_repeated(gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    gr_node *read[4];
    if (old->n_in > (int)GR_LEN(read)) return NULL;
    gr_shape shape = GR_SCALAR;
    for (int i = 0; i < old->n_in; i++) {
        read[i] = in[i]->op == &gr_op_broadcast ? in[i]->in[0] : in[i];
        if (!gr_shape_broadcast(shape, read[i]->out[0].shape, &shape)) return NULL;
    }
    if (gr_shape_count(shape) >= gr_shape_count(old->out[0].shape)) return NULL;
    return gr_broadcast(gr_rebuild(graph, old, read), old->out[0].shape);
}

/* A reduction of axes of size 1 alone moves its operand to another shape. */
static gr_node *simplify_reduction(const gr_node *old, gr_node *in)
{
    const gr_op *op = old->op;
    if (op != &gr_op_sum && op != &gr_op_prod && op != &gr_op_max && op != &gr_op_min) return NULL;
    const gr_ints *axes = &old->attr[0].ints;
    for (int i = 0; i < axes->n; i++)
        if (in->out[0].shape.dim[axes->v[i]] != 1) return NULL;
    return gr_reshape(in, old->out[0].shape);
}

static gr_node *simplify_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    (void)ctx;
    if (old->n_in == 0) return NULL;
    gr_node *node = simplify_neutral(old, in);
    if (!node) node = simplify_movement(graph, old, in[0]);
    if (!node) node = simplify_reduction(old, in[0]);
    if (!node && old->op == &gr_op_matmul) node = simplify_matmul(graph, old, in);
    if (node || !(old->op->flags & GR_OP_ELEMENTWISE)) return node;
    node = simplify_repeated(graph, old, in);
    return node ? node : simplify_elementwise(graph, old, in);
}

gr_status gr_pass_simplify(gr_unit *unit)
{
    return gr_rewrite(unit, simplify_rule, NULL);
}
