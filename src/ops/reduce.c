/* sum, prod, max, min over axes: shape rule, geometry and gradients. */
#include "ops/reduce.h"

static const gr_attr_desc reduce_attrs[] = {{"axes", GR_ATTR_INTS}, {"keep", GR_ATTR_INT}};

/* ---- Shape rule ------------------------------------------------------------------------------ */

/* Axes counted from the front, in ascending order, none twice. */
static bool reduce_sort_axes(gr_infer *s, gr_ints *axes)
{
    bool chosen[GR_MAX_RANK] = {false};
    int rank = s->in[0].shape.rank;
    for (int i = 0; i < axes->n; i++) {
        int64_t axis = axes->v[i];
        if (!gr_infer_axis(s, &axis, rank)) return false;
        if (chosen[axis]) {
            return gr_infer_fail(s, GR_INVALID, "axis %lld is listed twice", (long long)axis);
        }
        chosen[axis] = true;
    }
    axes->n = 0;
    for (int axis = 0; axis < rank; axis++) {
        if (chosen[axis]) axes->v[axes->n++] = axis;
    }
    return true;
}

static bool reduce_infer(gr_infer *s)
{
    gr_ints *axes = &s->attr[0].ints;
    if (!gr_infer_number(s, 0) || !reduce_sort_axes(s, axes)) return false;
    s->attr[1].i = s->attr[1].i != 0;
    gr_shape x = s->in[0].shape, out = {0};
    for (int axis = 0, next = 0; axis < x.rank; axis++) {
        bool reduced = next < axes->n && axes->v[next] == axis;
        if (reduced) next++;
        if (!reduced || s->attr[1].i) out.dim[out.rank++] = reduced ? 1 : x.dim[axis];
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static bool reduce_infer_extremum(gr_infer *s)
{
    if (!reduce_infer(s)) return false;
    gr_shape x = s->in[0].shape;
    if (gr_shape_count(s->out[0].shape) == 0) return true; /* no output, nothing to choose from */
    for (int i = 0; i < s->attr[0].ints.n; i++) {
        int axis = (int)s->attr[0].ints.v[i];
        if (x.dim[axis] == 0) {
            return gr_infer_fail(s, GR_SHAPE, "axis %d of %s is empty: it has no %s element", axis,
                                 gr_shape_text(x), s->op == &gr_op_max ? "largest" : "smallest");
        }
    }
    return true;
}

/* ---- Geometry -------------------------------------------------------------------------------- */

/* Puts an axis in front of a walk, joining it with the first one where that is the same walk. */
static void reduce_walk_prepend(gr_walk *walk, int64_t dim, int64_t step)
{
    if (walk->rank > 0 && step == walk->dim[0] * walk->step[0]) {
        walk->dim[0] *= dim;
        return;
    }
    for (int k = walk->rank; k > 0; k--) {
        walk->dim[k] = walk->dim[k - 1];
        walk->step[k] = walk->step[k - 1];
    }
    walk->dim[0] = dim;
    walk->step[0] = step;
    walk->rank++;
}

gr_reduction gr_reduction_of(gr_shape x, const gr_ints *axes)
{
    gr_reduction r = {.groups = 1, .columns = 1, .rows = 1, .length = 1};
    bool reduced[GR_MAX_RANK] = {false};
    for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
    int axis = x.rank - 1;
    while (axis >= 0 && x.dim[axis] == 1) axis--;
    if (gr_shape_count(x) == 0) { /* whose other sizes may be too large to multiply */
        gr_shape kept = {0};
        for (int i = 0; i < x.rank; i++) {
            if (!reduced[i]) kept.dim[kept.rank++] = x.dim[i];
        }
        r.groups = gr_shape_count(kept);
        r.rows = 0;
        return r;
    }
    bool inner = axis >= 0 && reduced[axis]; /* the innermost run is reduced */
    int64_t step = 1;
    for (; axis >= 0 && (x.dim[axis] == 1 || reduced[axis] == inner); axis--) step *= x.dim[axis];
    *(inner ? &r.length : &r.columns) = step;
    for (; axis >= 0; axis--) {
        int64_t dim = x.dim[axis];
        if (dim == 1) continue;
        reduce_walk_prepend(reduced[axis] ? &r.row : &r.group, dim, step);
        *(reduced[axis] ? &r.rows : &r.groups) *= dim;
        step *= dim;
    }
    int64_t unit = r.length < GR_REDUCE_UNIT ? r.length : GR_REDUCE_UNIT;
    r.row_units = (r.length + unit - 1) / unit;
    r.per_block = (GR_REDUCE_UNIT + unit - 1) / unit;
    r.blocks = (r.rows * r.row_units + r.per_block - 1) / r.per_block;
    return r;
}

gr_reduction gr_reduction_of_node(const gr_node *node)
{
    gr_reduction r = gr_reduction_of(node->in[0]->out[0].shape, &node->attr[0].ints);
    r.dtype = node->out[0].dtype;
    r.kind = node->op == &gr_op_sum    ? GR_REDUCTION_SUM
             : node->op == &gr_op_prod ? GR_REDUCTION_PROD
             : node->op == &gr_op_max  ? GR_REDUCTION_MAX
                                       : GR_REDUCTION_MIN;
    return r;
}

void gr_reduce_neutral(const gr_reduction *r, void *out, int64_t count)
{
    gr_tensor tensor = {r->dtype, GR_SHAPE(count), out};
    double value = r->kind == GR_REDUCTION_PROD ? 1 : 0;
    for (int64_t i = 0; i < count; i++) gr_tensor_put(&tensor, i, value);
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* The shape of x with the reduced axes of size 1. */
static gr_shape reduce_kept_shape(const gr_node *node)
{
    gr_shape shape = node->in[0]->out[0].shape;
    const gr_ints *axes = &node->attr[0].ints;
    for (int i = 0; i < axes->n; i++) shape.dim[axes->v[i]] = 1;
    return shape;
}

static void reduce_sum_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_shape x = node->in[0]->out[0].shape;
    dx[0] = gr_broadcast(gr_reshape(dy[0], reduce_kept_shape(node)), x);
}

/* The gradients of prod, max and min work on x as a matrix: a row for each output, whose elements
 * are what it was reduced from, in row-major order. */
typedef struct reduce_matrix {
    gr_axes order; /* the axes of x, the kept ones first */
    gr_shape permuted, shape;
} reduce_matrix;

/* At most one element to an output (or none at all): the gradient is that of a sum. */
static bool reduce_is_trivial(const gr_node *node)
{
    return gr_shape_count(node->in[0]->out[0].shape) <= gr_shape_count(node->out[0].shape);
}

static reduce_matrix reduce_matrix_of(const gr_node *node)
{
    reduce_matrix m = {.shape = {.rank = 2, .dim = {1, 1}}};
    gr_shape x = node->in[0]->out[0].shape;
    bool reduced[GR_MAX_RANK] = {false};
    const gr_ints *axes = &node->attr[0].ints;
    for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
    for (int pass = 0; pass < 2; pass++) {
        for (int axis = 0; axis < x.rank; axis++) {
            if (reduced[axis] != (pass == 1)) continue;
            m.order.axis[m.order.count++] = axis;
            m.permuted.dim[m.permuted.rank++] = x.dim[axis];
            m.shape.dim[pass] *= x.dim[axis];
        }
    }
    return m;
}

static gr_node *reduce_to_matrix(const reduce_matrix *m, gr_node *x)
{
    return gr_reshape(gr_permute(x, m->order), m->shape);
}

static gr_node *reduce_from_matrix(const reduce_matrix *m, gr_node *x)
{
    gr_axes inverse = {.count = m->order.count};
    for (int i = 0; i < m->order.count; i++) inverse.axis[m->order.axis[i]] = i;
    return gr_permute(gr_reshape(x, m->permuted), inverse);
}

static gr_node *reduce_as_column(const reduce_matrix *m, gr_node *dy)
{
    return gr_reshape(dy, GR_SHAPE(m->shape.dim[0], 1));
}

/* Columns [begin, end) of x, and ones up to `width` columns. */
static gr_node *reduce_columns(gr_node *x, int64_t begin, int64_t end, int64_t width)
{
    const int64_t rows = x->out[0].shape.dim[0], missing = width - (end - begin);
    gr_node *part = gr_slice(x, (int64_t[]){0, begin}, (int64_t[]){rows, end}, NULL);
    return missing > 0 ? gr_pad(part, (int64_t[]){0, 0}, (int64_t[]){0, missing}, NULL, 1) : part;
}

/* dy times the product of all other columns, for each column of x. Halves of the columns are
 * multiplied with each other until one column is left; on the way back each half takes what comes
 * back times the other half. */
static gr_node *reduce_products_beside(gr_node *x, gr_node *dy)
{
    enum { LEVELS = 63 };
    gr_node *left[LEVELS], *right[LEVELS];
    int64_t columns[LEVELS];
    int level = 0;
    for (; !gr_is_error(x) && x->out[0].shape.dim[1] > 1; level++) {
        const int64_t n = x->out[0].shape.dim[1], half = (n + 1) / 2;
        columns[level] = n;
        left[level] = reduce_columns(x, 0, half, half);
        right[level] = reduce_columns(x, half, n, half);
        x = gr_mul(left[level], right[level]);
    }
    while (level-- > 0 && !gr_is_error(dy)) {
        const int64_t half = (columns[level] + 1) / 2, rest = columns[level] - half;
        gr_node *of_right = gr_mul(dy, left[level]);
        gr_node *of[2] = {gr_mul(dy, right[level]),
                          rest < half ? reduce_columns(of_right, 0, rest, rest) : of_right};
        dy = gr_concat(of, 2, 1);
    }
    return dy;
}

/* dx_i = dy · ∏_{j≠i} x_j without a division, so that zeros, one or several, are no exception and
 * the gradient can be differentiated again. */
static void reduce_prod_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    if (reduce_is_trivial(node)) {
        reduce_sum_grad(node, dy, dx);
        return;
    }
    reduce_matrix m = reduce_matrix_of(node);
    gr_node *x = reduce_to_matrix(&m, node->in[0]);
    if (gr_is_error(x)) return;
    dx[0] = reduce_from_matrix(&m, reduce_products_beside(x, reduce_as_column(&m, dy[0])));
}

/* Zeros like x, with dy at the extremum along one axis: at the first of equals. */
static gr_node *reduce_put_at_extremum(const gr_node *node, gr_node *x, int axis, gr_node *dy)
{
    gr_shape one = x->out[0].shape;
    one.dim[axis] = 1;
    gr_node *index = node->op == &gr_op_max ? gr_argmax(x, axis) : gr_argmin(x, axis);
    gr_node *zeros = gr_broadcast(gr_scalar(node->graph, node->out[0].dtype, 0), x->out[0].shape);
    return gr_scatter_add_along(zeros, gr_reshape(index, one), gr_reshape(dy, one), axis);
}

static void reduce_extremum_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_ints *axes = &node->attr[0].ints;
    if (reduce_is_trivial(node)) {
        reduce_sum_grad(node, dy, dx);
        return;
    }
    if (axes->n == 1) {
        dx[0] = reduce_put_at_extremum(node, node->in[0], (int)axes->v[0], dy[0]);
        return;
    }
    reduce_matrix m = reduce_matrix_of(node);
    gr_node *x = reduce_to_matrix(&m, node->in[0]);
    if (gr_is_error(x)) return;
    dx[0] = reduce_from_matrix(&m, reduce_put_at_extremum(node, x, 1, dy[0]));
}

/* ---- Builders -------------------------------------------------------------------------------- */

static gr_node *reduce_build(const gr_op *op, gr_node *x, gr_axes axes)
{
    if (gr_is_error(x)) return gr_build(NULL, op, &x, 1, NULL);
    int rank = gr_type_of(x).shape.rank;
    if (axes.count > GR_MAX_RANK || axes.count < -1) {
        return gr_build_fail(x->graph, GR_INVALID, op->name, "%d axes of a tensor of rank %d",
                             axes.count, rank);
    }
    gr_attr attr[] = {{.kind = GR_ATTR_INTS}, gr_attr_int(axes.keep)};
    attr[0].ints.n = axes.count < 0 ? rank : axes.count;
    for (int i = 0; i < attr[0].ints.n; i++) {
        attr[0].ints.v[i] = axes.count < 0 ? i : axes.axis[i];
    }
    return gr_build(NULL, op, &x, 1, attr);
}

gr_node *gr_sum(gr_node *x, gr_axes axes)
{
    return reduce_build(&gr_op_sum, x, axes);
}

gr_node *gr_prod(gr_node *x, gr_axes axes)
{
    return reduce_build(&gr_op_prod, x, axes);
}

gr_node *gr_max(gr_node *x, gr_axes axes)
{
    return reduce_build(&gr_op_max, x, axes);
}

gr_node *gr_min(gr_node *x, gr_axes axes)
{
    return reduce_build(&gr_op_min, x, axes);
}

/* ---- Samples and records --------------------------------------------------------------------- */

static gr_node *reduce_sample(gr_sampler *sampler, int k, const gr_op *op, double low, double high)
{
    static const struct {
        gr_shape shape;
        gr_axes axes;
    } samples[] = {
        {{1, {7}}, {.count = -1}},
        {{0, {0}}, {.count = -1}},
        {{3, {3, 5, 4}}, {.count = 1, .axis = {1}}},
        {{3, {3, 5, 4}}, {.count = 2, .axis = {0, -1}, .keep = true}},
        {{2, {6, 37}}, {.count = 1, .axis = {-1}}},
        {{2, {37, 6}}, {.count = 1, .axis = {0}, .keep = true}},
        {{4, {2, 1, 3, 5}}, {.count = 3, .axis = {0, 1, 3}}},
        {{2, {3, 2}}, {.count = 0}},
        {{2, {0, 3}}, {.count = 1, .axis = {1}}},
        {{2, {3, 0}}, {.count = 1, .axis = {1}}}, /* empty extent: sum and prod alone */
    };
    int count = (int)GR_LEN(samples) - (op == &gr_op_max || op == &gr_op_min);
    if (k >= count) return NULL;
    return reduce_build(op, gr_draw(sampler, samples[k].shape, low, high), samples[k].axes);
}

static gr_node *reduce_sum_sample(gr_sampler *sampler, int k)
{
    return reduce_sample(sampler, k, &gr_op_sum, -2, 2);
}

static gr_node *reduce_prod_sample(gr_sampler *sampler, int k)
{
    return reduce_sample(sampler, k, &gr_op_prod, 0.7, 1.4);
}

static gr_node *reduce_max_sample(gr_sampler *sampler, int k)
{
    return reduce_sample(sampler, k, &gr_op_max, -50, 50);
}

static gr_node *reduce_min_sample(gr_sampler *sampler, int k)
{
    return reduce_sample(sampler, k, &gr_op_min, -50, 50);
}

const gr_op gr_op_sum = {
    .name = "sum",
    .doc = "sum over axes; integers wrap around; 0 over nothing",
    .min_in = 1,
    .max_in = 1,
    .attrs = reduce_attrs,
    .n_attrs = GR_LEN(reduce_attrs),
    .infer = reduce_infer,
    .grad = reduce_sum_grad,
    .reference = gr_reduce_reference,
    .sample = reduce_sum_sample,
};

const gr_op gr_op_prod = {
    .name = "prod",
    .doc = "product over axes; integers wrap around; 1 over nothing",
    .min_in = 1,
    .max_in = 1,
    .attrs = reduce_attrs,
    .n_attrs = GR_LEN(reduce_attrs),
    .infer = reduce_infer,
    .grad = reduce_prod_grad,
    .reference = gr_reduce_reference,
    .sample = reduce_prod_sample,
};

const gr_op gr_op_max = {
    .name = "max",
    .doc = "largest over axes; NaN wins; the gradient goes to the first of equals",
    .min_in = 1,
    .max_in = 1,
    .attrs = reduce_attrs,
    .n_attrs = GR_LEN(reduce_attrs),
    .infer = reduce_infer_extremum,
    .grad = reduce_extremum_grad,
    .reference = gr_reduce_reference,
    .sample = reduce_max_sample,
};

const gr_op gr_op_min = {
    .name = "min",
    .doc = "smallest over axes; NaN wins; the gradient goes to the first of equals",
    .min_in = 1,
    .max_in = 1,
    .attrs = reduce_attrs,
    .n_attrs = GR_LEN(reduce_attrs),
    .infer = reduce_infer_extremum,
    .grad = reduce_extremum_grad,
    .reference = gr_reduce_reference,
    .sample = reduce_min_sample,
};
