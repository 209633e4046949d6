/* max_pool and avg_pool and their gradients.
 *
 * The gradient of a maximum needs the place where it was found, so it reads it from max_pool_taps,
 * which gives the value too. The pass `taps` lets max_pool itself read its value there, so that a
 * training step searches once and inference notes no places. max_pool_grad scatters by the taps,
 * max_pool_pick, its transpose, gathers by them. */
#include "ops/pool.h"

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* The most elements of a window of adaptive pooling, of n on s elements. Window o begins
 * (o·s mod n)/n of an element before o·s/n; as o·s mod n is any multiple of the gcd of s and n,
 * that is (n − gcd)/n at most. */
static int64_t pool_adaptive_most(int64_t s, int64_t n)
{
    const int64_t rest = s % n;
    int64_t gcd = n;
    for (int64_t a = rest; a > 0;) {
        const int64_t next = gcd % a;
        gcd = a;
        a = next;
    }
    return s / n + (rest > 0) + (rest > gcd);
}

/* Likewise, of adaptive pooling. */
static int64_t pool_adaptive_windows(gr_infer *s, gr_shape x, int axis)
{
    const int64_t size = x.dim[2 + axis], kernel = s->attr[GR_POOL_KERNEL].ints.v[axis];
    const int64_t windows = s->attr[GR_POOL_STRIDE].ints.v[axis];
    const bool padded = s->attr[GR_POOL_PAD].ints.v[axis] | s->attr[GR_POOL_PAD_END].ints.v[axis];
    const bool averages = s->op == &gr_op_avg_pool || s->op == &gr_op_avg_pool_grad;
    if (!padded && !averages && size >= 1 && size <= INT32_MAX && windows >= 1 &&
        windows <= INT32_MAX && kernel == pool_adaptive_most(size, windows)) {
        return windows;
    }
    gr_infer_fail(s, GR_INVALID, "adaptive windows %s of up to %s elements do not suit x %s",
                  gr_ints_text(&s->attr[GR_POOL_STRIDE].ints),
                  gr_ints_text(&s->attr[GR_POOL_KERNEL].ints), gr_shape_text(x));
    return 0;
}

/* Windows along one axis; 0 with the fault noted if the numbers do not fit. */
static int64_t pool_windows(gr_infer *s, gr_shape x, int axis)
{
    if (s->attr[GR_POOL_CEIL].i == GR_POOL_ADAPTIVE) return pool_adaptive_windows(s, x, axis);
    const int64_t size = x.dim[2 + axis], kernel = s->attr[GR_POOL_KERNEL].ints.v[axis];
    const int64_t stride = s->attr[GR_POOL_STRIDE].ints.v[axis];
    const int64_t before = s->attr[GR_POOL_PAD].ints.v[axis];
    const int64_t after = s->attr[GR_POOL_PAD_END].ints.v[axis];
    if (before >= kernel || after >= kernel) {
        gr_infer_fail(s, GR_INVALID,
                      "padding %s and %s must be smaller than the kernel %s: a window must hold an "
                      "element",
                      gr_ints_text(&s->attr[GR_POOL_PAD].ints),
                      gr_ints_text(&s->attr[GR_POOL_PAD_END].ints),
                      gr_ints_text(&s->attr[GR_POOL_KERNEL].ints));
        return 0;
    }
    if (size < 1 || size > INT64_MAX / 4 || kernel > size + before + after) {
        gr_infer_fail(s, GR_SHAPE,
                      "kernel %s does not fit into x %s: along spatial axis %d it needs %lld "
                      "elements and has %lld + padding %lld and %lld",
                      gr_ints_text(&s->attr[GR_POOL_KERNEL].ints), gr_shape_text(x), axis,
                      (long long)kernel, (long long)size, (long long)before, (long long)after);
        return 0;
    }
    const int64_t room = size + before + after - kernel;
    if (s->attr[GR_POOL_CEIL].i == 0) return room / stride + 1;
    const int64_t windows = (room + stride - 1) / stride + 1;
    return (windows - 1) * stride >= size + before ? windows - 1 : windows;
}

/* y, the shape of the windows of x; input `value` must be a float. */
static bool pool_fit(gr_infer *s, int value, gr_shape x, gr_shape *y)
{
    if (!gr_infer_float(s, value) || !gr_infer_spatial(s, "x", x)) return false;
    const int rank = x.rank - 2;
    if (!gr_infer_each_axis(s, GR_POOL_KERNEL, rank, 1) ||
        !gr_infer_each_axis(s, GR_POOL_STRIDE, rank, 1) ||
        !gr_infer_each_axis(s, GR_POOL_PAD, rank, 0) ||
        !gr_infer_each_axis(s, GR_POOL_PAD_END, rank, 0)) {
        return false;
    }
    *y = x;
    for (int axis = 0; axis < rank; axis++) {
        y->dim[2 + axis] = pool_windows(s, x, axis);
        if (y->dim[2 + axis] == 0) return false;
    }
    return true;
}

/* x → y */
static bool pool_infer(gr_infer *s)
{
    s->out[0].dtype = s->in[0].dtype;
    return pool_fit(s, 0, s->in[0].shape, &s->out[0].shape);
}

/* Whole numbers from 0 to the elements of a window - 1 fit in. */
static gr_dtype pool_tap_dtype(const gr_infer *s)
{
    const gr_ints *kernel = &s->attr[GR_POOL_KERNEL].ints;
    int64_t taps = 1;
    for (int i = 0; i < kernel->n && taps <= 256; i++) taps *= kernel->v[i];
    return taps <= 256 ? GR_U8 : GR_I32;
}

/* x → y, taps */
static bool pool_infer_taps(gr_infer *s)
{
    if (!pool_infer(s)) return false;
    int64_t taps = 1;
    for (int i = 0; i < s->attr[GR_POOL_KERNEL].ints.n; i++) {
        taps *= s->attr[GR_POOL_KERNEL].ints.v[i];
        if (taps <= INT32_MAX) continue;
        return gr_infer_fail(s, GR_RANGE, "the places of a window of %s do not fit i32",
                             gr_ints_text(&s->attr[GR_POOL_KERNEL].ints));
    }
    s->n_out = 2;
    s->out[1] = (gr_type){pool_tap_dtype(s), s->out[0].shape};
    return true;
}

static bool pool_expect(gr_infer *s, const char *what, gr_shape given, gr_shape expected)
{
    if (gr_shape_equal(given, expected)) return true;
    return gr_infer_fail(s, GR_SHAPE, "%s is %s; it must be %s", what, gr_shape_text(given),
                         gr_shape_text(expected));
}

static bool pool_expect_taps(gr_infer *s, gr_shape y)
{
    const gr_dtype dtype = pool_tap_dtype(s);
    if (s->in[0].dtype == dtype) return pool_expect(s, "taps", s->in[0].shape, y);
    return gr_infer_fail(s, GR_DTYPE, "taps are %s; windows of %s have %s (from max_pool_taps)",
                         gr_dtype_name(s->in[0].dtype), gr_ints_text(&s->attr[GR_POOL_KERNEL].ints),
                         gr_dtype_name(dtype));
}

/* dx of the attribute's shape, from dy, input `value` */
static bool pool_infer_spread(gr_infer *s, int value, gr_shape *y)
{
    const gr_shape x = gr_ints_shape(&s->attr[s->op->n_attrs - 1].ints);
    if (gr_shape_count(x) < 0) {
        return gr_infer_fail(s, GR_SHAPE, "shape %s cannot be", gr_shape_text(x));
    }
    s->out[0] = (gr_type){s->in[value].dtype, x};
    return pool_fit(s, value, x, y) && pool_expect(s, "dy", s->in[value].shape, *y);
}

/* taps, dy → dx of the attribute's shape */
static bool pool_infer_max_grad(gr_infer *s)
{
    gr_shape y;
    return pool_infer_spread(s, 1, &y) && pool_expect_taps(s, y);
}

/* taps, v → y */
static bool pool_infer_pick(gr_infer *s)
{
    s->out[0].dtype = s->in[1].dtype;
    return pool_fit(s, 1, s->in[1].shape, &s->out[0].shape) && pool_expect_taps(s, s->out[0].shape);
}

/* dy → dx of the attribute's shape */
static bool pool_infer_avg_grad(gr_infer *s)
{
    gr_shape y;
    return pool_infer_spread(s, 0, &y);
}

gr_pool_geometry gr_pool_geometry_of(const gr_node *node)
{
    const gr_op *op = node->op;
    const bool spreads = op == &gr_op_avg_pool_grad || op == &gr_op_max_pool_grad;
    const bool averages = op == &gr_op_avg_pool_grad || op == &gr_op_avg_pool;
    /* the last input is on one side, the result on the other */
    const gr_shape last = gr_type_of(node->in[node->n_in - 1]).shape;
    const gr_shape x = spreads ? gr_type_of(node).shape : last;
    const gr_shape y = spreads ? last : gr_type_of(node).shape;
    gr_pool_geometry g = {.planes = x.dim[0] * x.dim[1],
                          .adaptive = node->attr[GR_POOL_CEIL].i == GR_POOL_ADAPTIVE,
                          .count_include_pad =
                              averages && node->attr[GR_POOL_COUNT_INCLUDE_PAD].i != 0};
    for (int i = 0; i < GR_SPACE; i++) {
        const int axis = i - (GR_SPACE - (x.rank - 2));
        const bool used = axis >= 0;
        g.in[i] = used ? x.dim[2 + axis] : 1;
        g.out[i] = used ? y.dim[2 + axis] : 1;
        g.kernel[i] = used ? node->attr[GR_POOL_KERNEL].ints.v[axis] : 1;
        g.stride[i] = used ? node->attr[GR_POOL_STRIDE].ints.v[axis] : 1;
        g.pad[i] = used ? node->attr[GR_POOL_PAD].ints.v[axis] : 0;
        g.pad_end[i] = used ? node->attr[GR_POOL_PAD_END].ints.v[axis] : 0;
    }
    return g;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* `op` with the node's windows on a and, unless NULL, b; x of the given shape if its result is. */
static gr_node *pool_like(const gr_node *node, const gr_op *op, gr_node *a, gr_node *b, gr_shape x)
{
    gr_attr attr[GR_POOL_ATTRS];
    const int shared = op->n_attrs < node->op->n_attrs ? op->n_attrs : node->op->n_attrs;
    for (int i = 0; i < shared; i++) attr[i] = node->attr[i];
    if (op == &gr_op_avg_pool_grad || op == &gr_op_max_pool_grad) {
        attr[op->n_attrs - 1] = gr_attr_shape(x);
    }
    return gr_build(node->graph, op, (gr_node *[]){a, b}, b ? 2 : 1, attr);
}

static void max_pool_taps_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *taps = gr_get((gr_node *)(uintptr_t)node, 1);
    const gr_shape x = gr_type_of(node->in[0]).shape;
    if (dy[0]) dx[0] = pool_like(node, &gr_op_max_pool_grad, taps, dy[0], x);
}

static void max_pool_grad_rule(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_shape x = gr_type_of(node->in[0]).shape;
    gr_node *both = pool_like(node, &gr_op_max_pool_taps, node->in[0], NULL, x);
    dx[0] = pool_like(node, &gr_op_max_pool_grad, gr_get(both, 1), dy[0], x);
}

/* Taps are piecewise constant in x: no gradient passes through them. */
static void max_pool_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[1] = pool_like(node, &gr_op_max_pool_pick, node->in[0], dy[0], gr_type_of(node).shape);
}

static void max_pool_pick_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_shape x = gr_type_of(node->in[1]).shape;
    dx[1] = pool_like(node, &gr_op_max_pool_grad, node->in[0], dy[0], x);
}

static void avg_pool_grad_rule(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = pool_like(node, &gr_op_avg_pool_grad, dy[0], NULL, gr_type_of(node->in[0]).shape);
}

static void avg_pool_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] = pool_like(node, &gr_op_avg_pool, dy[0], NULL, gr_type_of(node).shape);
}

/* ---- Builders -------------------------------------------------------------------------------- */

static gr_node *pool_build(const gr_op *op, gr_node *a, gr_node *b, int rank, const gr_shape *shape,
                           const gr_window *window)
{
    gr_node *const in[] = {a, b};
    const int n_in = op->max_in;
    bool failed = false;
    gr_graph *graph = gr_common_graph(in, n_in, &failed);
    if (failed) return gr_error_node(graph);
    gr_window_values v;
    if (!gr_window_resolve(graph, op->name, window, rank, &v)) return gr_error_node(graph);
    for (int i = 0; i < v.rank; i++) {
        if (v.axes.stride[i] == 0) v.axes.stride[i] = v.axes.kernel[i];
        if (v.axes.dilation[i] == 1 && v.groups == 1) continue;
        return gr_build_fail(graph, GR_INVALID, op->name,
                             "pooling has neither dilation nor groups: leave them 0 or 1");
    }
    gr_attr attr[GR_POOL_ATTRS] = {
        [GR_POOL_KERNEL] = gr_attr_ints(v.rank, v.axes.kernel),
        [GR_POOL_STRIDE] = gr_attr_ints(v.rank, v.axes.stride),
        [GR_POOL_PAD] = gr_attr_ints(v.rank, v.axes.pad),
        [GR_POOL_PAD_END] = gr_attr_ints(v.rank, v.axes.pad_end),
        [GR_POOL_CEIL] = gr_attr_int(v.ceil),
        [GR_POOL_COUNT_INCLUDE_PAD] = gr_attr_int(v.count_include_pad),
    };
    if (shape) attr[op->n_attrs - 1] = gr_attr_shape(*shape);
    return gr_build(graph, op, in, n_in, attr);
}

gr_node *gr_max_pool(gr_node *x, const gr_window *window)
{
    return pool_build(&gr_op_max_pool, x, NULL, gr_node_shape(x).rank, NULL, window);
}

gr_node *gr_max_pool_adaptive(gr_node *x, const int64_t *size)
{
    gr_attr attr[GR_POOL_CEIL + 1];
    int64_t kernel[GR_SPACE], none[GR_SPACE] = {0};
    const gr_shape in = gr_node_shape(x);
    const int rank = in.rank - 2;
    for (int i = 0; i < rank; i++) kernel[i] = pool_adaptive_most(in.dim[2 + i], size[i]);
    attr[GR_POOL_KERNEL] = gr_attr_ints(rank, kernel);
    attr[GR_POOL_STRIDE] = gr_attr_ints(rank, size);
    attr[GR_POOL_PAD] = attr[GR_POOL_PAD_END] = gr_attr_ints(rank, none);
    attr[GR_POOL_CEIL] = gr_attr_int(GR_POOL_ADAPTIVE);
    return gr_build(gr_node_graph(x), &gr_op_max_pool, &x, 1, attr);
}

gr_node *gr_avg_pool(gr_node *x, const gr_window *window)
{
    return pool_build(&gr_op_avg_pool, x, NULL, gr_node_shape(x).rank, NULL, window);
}

gr_node *gr_max_pool_taps(gr_node *x, const gr_window *window)
{
    return pool_build(&gr_op_max_pool_taps, x, NULL, gr_node_shape(x).rank, NULL, window);
}

gr_node *gr_max_pool_grad(gr_node *taps, gr_node *dy, gr_shape x_shape, const gr_window *window)
{
    return pool_build(&gr_op_max_pool_grad, taps, dy, x_shape.rank, &x_shape, window);
}

gr_node *gr_max_pool_pick(gr_node *taps, gr_node *v, const gr_window *window)
{
    return pool_build(&gr_op_max_pool_pick, taps, v, gr_node_shape(v).rank, NULL, window);
}

gr_node *gr_avg_pool_grad(gr_node *dy, gr_shape x_shape, const gr_window *window)
{
    return pool_build(&gr_op_avg_pool_grad, dy, NULL, x_shape.rank, &x_shape, window);
}

/* ---- Samples --------------------------------------------------------------------------------- */

static const struct pool_case {
    gr_shape x, y;
    gr_geometry axes;
    bool ceil, count_include_pad;
} pool_cases[] = {
    {{4, {2, 3, 4, 6}}, {4, {2, 3, 2, 3}}, {.kernel = {2, 2}}, false, false},
    {{4, {1, 2, 7, 6}}, {4, {1, 2, 3, 3}}, {.kernel = {3, 3}, .stride = {2, 2}}, true, false},
    {{4, {2, 1, 5, 5}},
     {4, {2, 1, 3, 3}},
     {.kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .pad_end = {1, 1}},
     false,
     true},
    {{3, {1, 2, 9}}, {3, {1, 2, 4}}, {.kernel = {3}, .stride = {2}, .pad = {1}}, false, false},
    {{5, {1, 2, 4, 3, 5}},
     {5, {1, 2, 2, 2, 4}},
     {.kernel = {2, 2, 2}, .stride = {2, 1, 1}},
     false,
     false},
    {{4, {1, 1, 6, 5}},
     {4, {1, 1, 4, 3}},
     {.kernel = {3, 2}, .stride = {2, 2}, .pad = {1, 0}, .pad_end = {1, 1}},
     true,
     true},
    {{4, {0, 3, 4, 4}}, {4, {0, 3, 2, 2}}, {.kernel = {2, 2}}, false, false},
};

static gr_window pool_case_window(const struct pool_case *c)
{
    return (gr_window){.size = sizeof(gr_window),
                       .ceil = c->ceil,
                       .count_include_pad = c->count_include_pad,
                       .axes = &c->axes};
}

/* Distinct numbers in no order, where a draw's gradient would be zero by nature. */
static gr_node *pool_mixed(const gr_node *like, gr_shape shape)
{
    gr_tensor value;
    const gr_dtype dtype = gr_node_dtype(like);
    const gr_status status = gr_tensor_new(dtype, shape, &value);
    if (status != GR_OK) return gr_build_fail(like->graph, status, "sample", "%s", gr_message());
    for (int64_t i = 0; i < gr_shape_count(shape); i++) {
        const double number = (double)(i * 37 % 101) / 101;
        if (dtype == GR_F64) ((double *)value.data)[i] = number;
        if (dtype == GR_F32) ((float *)value.data)[i] = (float)number;
    }
    gr_node *node = gr_constant(like->graph, &value);
    gr_tensor_clear(&value);
    return node;
}

static gr_node *pool_sample(gr_sampler *sampler, int k, const gr_op *op)
{
    if (k >= (int)GR_LEN(pool_cases)) return NULL;
    const struct pool_case *c = &pool_cases[k];
    const gr_window window = pool_case_window(c);
    const bool from_y = op == &gr_op_max_pool_grad || op == &gr_op_avg_pool_grad;
    gr_node *value = gr_draw(sampler, from_y ? c->y : c->x, -1, 1);
    if (gr_is_error(value)) return value;
    if (op == &gr_op_max_pool) return gr_max_pool(value, &window);
    if (op == &gr_op_max_pool_taps) return gr_max_pool_taps(value, &window);
    if (op == &gr_op_avg_pool) return gr_avg_pool(value, &window);
    if (op == &gr_op_avg_pool_grad) return gr_avg_pool_grad(value, c->x, &window);
    gr_node *taps = gr_get(gr_max_pool_taps(pool_mixed(value, c->x), &window), 1);
    return from_y ? gr_max_pool_grad(taps, value, c->x, &window)
                  : gr_max_pool_pick(taps, value, &window);
}

/* ---- Records --------------------------------------------------------------------------------- */

static const gr_attr_desc pool_attrs[] = {
    {"kernel", GR_ATTR_INTS},  {"stride", GR_ATTR_INTS}, {"pad", GR_ATTR_INTS},
    {"pad_end", GR_ATTR_INTS}, {"ceil", GR_ATTR_INT},    {"count_include_pad", GR_ATTR_INT},
    {"shape", GR_ATTR_INTS}};
static const gr_attr_desc pool_max_grad_attrs[] = {
    {"kernel", GR_ATTR_INTS},  {"stride", GR_ATTR_INTS}, {"pad", GR_ATTR_INTS},
    {"pad_end", GR_ATTR_INTS}, {"ceil", GR_ATTR_INT},    {"shape", GR_ATTR_INTS}};

#define POOL_OP(op, words, inputs, names, attributes, rule, gradient)                              \
    static gr_node *op##_sample(gr_sampler *sampler, int k)                                        \
    {                                                                                              \
        return pool_sample(sampler, k, &gr_op_##op);                                               \
    }                                                                                              \
    const gr_op gr_op_##op = {.name = #op,                                                         \
                              .doc = words,                                                        \
                              .min_in = inputs,                                                    \
                              .max_in = inputs,                                                    \
                              .attrs = names,                                                      \
                              .n_attrs = attributes,                                               \
                              .infer = rule,                                                       \
                              .grad = gradient,                                                    \
                              .reference = gr_pool_reference,                                      \
                              .sample = op##_sample};

POOL_OP(max_pool, "largest element of each window", 1, pool_attrs, GR_POOL_CEIL + 1, pool_infer,
        max_pool_grad_rule)
POOL_OP(max_pool_taps, "max_pool, and which place of its window each maximum has", 1, pool_attrs,
        GR_POOL_CEIL + 1, pool_infer_taps, max_pool_taps_grad)
POOL_OP(max_pool_grad, "each dy at the place of x that its tap tells", 2, pool_max_grad_attrs,
        GR_LEN(pool_max_grad_attrs), pool_infer_max_grad, max_pool_grad_grad)
POOL_OP(max_pool_pick, "the element of v that each tap tells", 2, pool_attrs, GR_POOL_CEIL + 1,
        pool_infer_pick, max_pool_pick_grad)
POOL_OP(avg_pool, "mean of each window", 1, pool_attrs, GR_POOL_COUNT_INCLUDE_PAD + 1, pool_infer,
        avg_pool_grad_rule)
POOL_OP(avg_pool_grad, "each dy spread over its window", 1, pool_attrs, GR_LEN(pool_attrs),
        pool_infer_avg_grad, avg_pool_grad_grad)
