/* matmul: matrix products over the last two axes, either side transposed, batches broadcast. */
#include "ops/matmul.h"

#include <stdio.h>

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* "[784,64]^T" */
static const char *matmul_side(gr_shape shape, bool transposed, char text[GR_SHAPE_TEXT + 4])
{
    snprintf(text, GR_SHAPE_TEXT + 4, "%s%s", gr_shape_text(shape), transposed ? "^T" : "");
    return text;
}

static bool matmul_infer(gr_infer *s)
{
    const bool ta = s->attr[GR_MATMUL_TRANSPOSE_A].i != 0;
    const bool tb = s->attr[GR_MATMUL_TRANSPOSE_B].i != 0;
    const gr_shape a = s->in[0].shape, b = s->in[1].shape;
    char left[GR_SHAPE_TEXT + 4], right[GR_SHAPE_TEXT + 4];
    matmul_side(a, ta, left);
    matmul_side(b, tb, right);
    if (!gr_infer_one_dtype(s) || !gr_infer_float(s, 0)) return false;
    if (a.rank < 2 || b.rank < 2) {
        return gr_infer_fail(s, GR_SHAPE, "both sides need two axes or more: %s x %s", left, right);
    }
    const int64_t m = a.dim[a.rank - (ta ? 1 : 2)], inner_a = a.dim[a.rank - (ta ? 2 : 1)];
    const int64_t inner_b = b.dim[b.rank - (tb ? 1 : 2)], n = b.dim[b.rank - (tb ? 2 : 1)];
    if (inner_a != inner_b) {
        return gr_infer_fail(s, GR_SHAPE, "inner sizes differ: %s x %s", left, right);
    }
    gr_shape out;
    if (!gr_shape_broadcast(gr_shape_of(a.rank - 2, a.dim), gr_shape_of(b.rank - 2, b.dim), &out)) {
        return gr_infer_fail(s, GR_SHAPE, "the axes before the last two do not broadcast: %s x %s",
                             left, right);
    }
    out.dim[out.rank++] = m;
    out.dim[out.rank++] = n;
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

/* Strides of an operand's batch axes, aligned with the result's from the end. */
static void matmul_batch_strides(gr_shape operand, int batch_rank, int64_t *stride)
{
    int64_t step = operand.dim[operand.rank - 2] * operand.dim[operand.rank - 1];
    for (int axis = batch_rank - 1; axis >= 0; axis--) {
        const int own = axis - (batch_rank - (operand.rank - 2));
        stride[axis] = own < 0 || operand.dim[own] == 1 ? 0 : step;
        if (own >= 0) step *= operand.dim[own];
    }
}

gr_matmul_geometry gr_matmul_geometry_of(const gr_node *node)
{
    const gr_shape a = gr_type_of(node->in[0]).shape, b = gr_type_of(node->in[1]).shape;
    const gr_shape out = gr_type_of(node).shape;
    gr_matmul_geometry g = {.m = out.dim[out.rank - 2],
                            .n = out.dim[out.rank - 1],
                            .batch = 1,
                            .transpose_a = node->attr[GR_MATMUL_TRANSPOSE_A].i != 0,
                            .transpose_b = node->attr[GR_MATMUL_TRANSPOSE_B].i != 0,
                            .batch_rank = out.rank - 2};
    g.k = a.dim[a.rank - (g.transpose_a ? 2 : 1)];
    for (int axis = 0; axis < g.batch_rank; axis++) {
        g.batch_dim[axis] = out.dim[axis];
        g.batch *= out.dim[axis];
    }
    matmul_batch_strides(a, g.batch_rank, g.a_stride);
    matmul_batch_strides(b, g.batch_rank, g.b_stride);
    return g;
}

void gr_matmul_offsets(const gr_matmul_geometry *geometry, int64_t index, int64_t *a, int64_t *b)
{
    *a = *b = 0;
    for (int axis = geometry->batch_rank - 1; axis >= 0; axis--) {
        const int64_t place = index % geometry->batch_dim[axis];
        index /= geometry->batch_dim[axis];
        *a += place * geometry->a_stride[axis];
        *b += place * geometry->b_stride[axis];
    }
}

/* ---- Gradient -------------------------------------------------------------------------------- */

/* With Y = op(A)·op(B): the cotangent of op(A) is dY·op(B)^T, that of op(B) is op(A)^T·dY. */
static void matmul_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const bool ta = node->attr[GR_MATMUL_TRANSPOSE_A].i != 0;
    const bool tb = node->attr[GR_MATMUL_TRANSPOSE_B].i != 0;
    gr_node *a = node->in[0], *b = node->in[1];
    dx[0] = ta ? gr_matmul_t(b, tb, dy[0], true) : gr_matmul_t(dy[0], false, b, !tb);
    dx[1] = tb ? gr_matmul_t(dy[0], true, a, ta) : gr_matmul_t(a, !ta, dy[0], false);
}

/* ---- Reference: sums in double, in the order of k, rounded once -------------------------------
 */

#define MATMUL_REFERENCE(suffix, type)                                                             \
    static gr_status matmul_reference_##suffix(const gr_call *call)                                \
    {                                                                                              \
        const gr_matmul_geometry *g = call->ctx;                                                   \
        const int64_t row = g->transpose_a ? 1 : g->k, a_inner = g->transpose_a ? g->m : 1;        \
        const int64_t column = g->transpose_b ? g->k : 1, b_inner = g->transpose_b ? 1 : g->n;     \
        type *out = call->out[0];                                                                  \
        for (int64_t index = 0; index < g->batch; index++) {                                       \
            int64_t a_start, b_start;                                                              \
            gr_matmul_offsets(g, index, &a_start, &b_start);                                       \
            const type *a = (const type *)call->in[0] + a_start;                                   \
            const type *b = (const type *)call->in[1] + b_start;                                   \
            for (int64_t i = 0; i < g->m; i++) {                                                   \
                for (int64_t j = 0; j < g->n; j++) {                                               \
                    double sum = 0;                                                                \
                    for (int64_t k = 0; k < g->k; k++) {                                           \
                        sum += (double)a[i * row + k * a_inner] *                                  \
                               (double)b[k * b_inner + j * column];                                \
                    }                                                                              \
                    *out++ = (type)sum;                                                            \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

MATMUL_REFERENCE(f32, float)
MATMUL_REFERENCE(f64, double)

static gr_status matmul_reference(gr_request *request)
{
    const gr_matmul_geometry geometry = gr_matmul_geometry_of(request->node);
    request->ctx = gr_arena_copy(request->arena, &geometry, sizeof geometry);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn =
        gr_type_of(request->node).dtype == GR_F64 ? matmul_reference_f64 : matmul_reference_f32;
    request->kernel = "matmul-reference";
    return GR_OK;
}

/* ---- Samples --------------------------------------------------------------------------------- */

static gr_node *matmul_sample(gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape a, b;
        bool ta, tb;
    } cases[] = {
        {{2, {4, 3}}, {2, {3, 5}}, false, false},
        {{2, {3, 4}}, {2, {3, 5}}, true, false},
        {{2, {4, 3}}, {2, {5, 3}}, false, true},
        {{2, {3, 4}}, {2, {5, 3}}, true, true},
        {{3, {2, 3, 4}}, {2, {4, 2}}, false, false},
        {{4, {2, 1, 3, 4}}, {3, {3, 4, 2}}, false, false},
        {{3, {2, 4, 3}}, {3, {1, 5, 4}}, true, true},
        {{2, {1, 7}}, {2, {7, 1}}, false, false},
        {{2, {0, 3}}, {2, {3, 2}}, false, false},
        {{2, {2, 0}}, {2, {0, 3}}, false, false},
    };
    if (k >= (int)GR_LEN(cases)) return NULL;
    gr_node *a = gr_draw(sampler, cases[k].a, -1, 1), *b = gr_draw(sampler, cases[k].b, -1, 1);
    return gr_matmul_t(a, cases[k].ta, b, cases[k].tb);
}

static const gr_attr_desc matmul_attrs[] = {{"transpose_a", GR_ATTR_INT},
                                            {"transpose_b", GR_ATTR_INT}};

const gr_op gr_op_matmul = {.name = "matmul",
                            .doc = "matrix product over the last two axes",
                            .min_in = 2,
                            .max_in = 2,
                            .attrs = matmul_attrs,
                            .n_attrs = GR_LEN(matmul_attrs),
                            .infer = matmul_infer,
                            .grad = matmul_grad,
                            .reference = matmul_reference,
                            .sample = matmul_sample};

/* ---- Builders -------------------------------------------------------------------------------- */

static gr_node *matmul_build(gr_node *a, bool transpose_a, gr_node *b, bool transpose_b)
{
    const gr_attr attrs[] = {gr_attr_int(transpose_a), gr_attr_int(transpose_b)};
    return gr_build(NULL, &gr_op_matmul, (gr_node *[]){a, b}, 2, attrs);
}

/* A stack of matrices times one matrix is one product of all rows: one large contraction, whose
 * gradient by the matrix needs no sum over the stack. */
static bool matmul_stacks(const gr_node *a, bool transpose_a, const gr_node *b, bool transpose_b)
{
    const gr_type left = gr_type_of(a), right = gr_type_of(b);
    return !transpose_a && left.shape.rank > 2 && right.shape.rank == 2 &&
           left.dtype == right.dtype &&
           left.shape.dim[left.shape.rank - 1] == right.shape.dim[transpose_b ? 1 : 0];
}

static gr_node *matmul_rows(gr_node *a, gr_node *b, bool transpose_b)
{
    gr_graph *graph = a->graph;
    gr_shape shape = gr_type_of(a).shape;
    int64_t rows = 1;
    for (int axis = 0; axis < shape.rank - 1; axis++) rows *= shape.dim[axis];
    const gr_shape flat = {2, {rows, shape.dim[shape.rank - 1]}};
    gr_composite_begin(graph, "matmul");
    gr_node *product = matmul_build(gr_reshape(a, flat), false, b, transpose_b);
    shape.dim[shape.rank - 1] = gr_type_of(b).shape.dim[transpose_b ? 0 : 1];
    gr_node *out = gr_reshape(product, shape);
    gr_composite_end(graph);
    return out;
}

gr_node *gr_matmul_t(gr_node *a, bool transpose_a, gr_node *b, bool transpose_b)
{
    if (!gr_is_error(a) && !gr_is_error(b) && matmul_stacks(a, transpose_a, b, transpose_b)) {
        return matmul_rows(a, b, transpose_b);
    }
    return matmul_build(a, transpose_a, b, transpose_b);
}

static gr_node *matmul_vectors(gr_node *a, gr_node *b)
{
    gr_graph *graph = a->graph;
    gr_shape left = gr_type_of(a).shape, right = gr_type_of(b).shape;
    const bool row = left.rank == 1, column = right.rank == 1;
    if (left.dim[left.rank - 1] != right.dim[column ? 0 : right.rank - 2]) {
        return gr_build_fail(graph, GR_SHAPE, "matmul", "inner sizes differ: %s x %s",
                             gr_shape_text(left), gr_shape_text(right));
    }
    if (row) a = gr_reshape(a, (gr_shape){2, {1, left.dim[0]}});
    if (column) b = gr_reshape(b, (gr_shape){2, {right.dim[0], 1}});
    gr_node *out = gr_matmul_t(a, false, b, false);
    if (gr_is_error(out)) return out;
    gr_shape shape = gr_type_of(out).shape;
    if (column) shape.rank--;
    if (row) { /* drops the axis before the columns */
        if (!column) shape.dim[shape.rank - 2] = shape.dim[shape.rank - 1];
        shape.rank--;
    }
    return gr_reshape(out, shape);
}

gr_node *gr_matmul(gr_node *a, gr_node *b)
{
    if (gr_is_error(a) || gr_is_error(b)) return matmul_build(a, false, b, false);
    const int left = gr_type_of(a).shape.rank, right = gr_type_of(b).shape.rank;
    if (left == 0 || right == 0 || (left > 1 && right > 1)) return gr_matmul_t(a, false, b, false);
    gr_graph *graph = a->graph;
    gr_composite_begin(graph, "matmul");
    gr_node *out = matmul_vectors(a, b);
    gr_composite_end(graph);
    return out;
}
