/* conv, conv_input_grad, conv_weight_grad: convolution and its two transposes. The three are the
 * three ways to contract y·conv(x, w) by two of its factors, so each one's gradients are the other
 * two. */
#include "ops/conv.h"

/* ---- Shapes ---------------------------------------------------------------------------------- */

static bool conv_check_channels(gr_infer *s, gr_shape x, gr_shape w)
{
    const int64_t groups = s->attr[GR_CONV_GROUPS].i;
    if (w.rank != x.rank) {
        return gr_infer_fail(s, GR_SHAPE,
                             "w %s must have as many axes as x %s: [O, C/groups, kernel…]",
                             gr_shape_text(w), gr_shape_text(x));
    }
    if (groups < 1 || x.dim[1] % groups != 0 || w.dim[0] % groups != 0) {
        return gr_infer_fail(s, GR_SHAPE,
                             "%lld groups do not divide the %lld channels of x %s and the %lld of "
                             "w %s",
                             (long long)groups, (long long)x.dim[1], gr_shape_text(x),
                             (long long)w.dim[0], gr_shape_text(w));
    }
    if (w.dim[1] == x.dim[1] / groups) return true;
    return gr_infer_fail(s, GR_SHAPE, "w %s takes %lld channels, but x %s has %lld in %lld group%s",
                         gr_shape_text(w), (long long)w.dim[1], gr_shape_text(x),
                         (long long)(x.dim[1] / groups), (long long)groups, groups == 1 ? "" : "s");
}

/* Checks that w goes over x and gives the shape of the result. */
static bool conv_fit(gr_infer *s, gr_shape x, gr_shape w, gr_shape *y)
{
    if (!gr_infer_spatial(s, "x", x) || !conv_check_channels(s, x, w)) return false;
    const int rank = x.rank - 2;
    if (!gr_infer_each_axis(s, GR_CONV_STRIDE, rank, 1) ||
        !gr_infer_each_axis(s, GR_CONV_PAD, rank, 0) ||
        !gr_infer_each_axis(s, GR_CONV_PAD_END, rank, 0) ||
        !gr_infer_each_axis(s, GR_CONV_DILATION, rank, 1)) {
        return false;
    }
    const gr_attr *attr = s->attr;
    *y = (gr_shape){.rank = x.rank, .dim = {x.dim[0], w.dim[0]}};
    for (int i = 0; i < rank; i++) {
        const int64_t size = x.dim[2 + i], kernel = w.dim[2 + i];
        if (kernel < 1 || kernel > INT32_MAX || size > INT64_MAX / 4) {
            return gr_infer_fail(s, GR_SHAPE, "a kernel of %s cannot go over x %s",
                                 gr_shape_text(w), gr_shape_text(x));
        }
        const int64_t before = attr[GR_CONV_PAD].ints.v[i], after = attr[GR_CONV_PAD_END].ints.v[i];
        const int64_t extent = attr[GR_CONV_DILATION].ints.v[i] * (kernel - 1) + 1;
        const int64_t padded = size + before + after;
        if (extent > padded) {
            return gr_infer_fail(s, GR_SHAPE,
                                 "the kernel of w %s reaches over %lld elements along spatial axis "
                                 "%d, but x %s has %lld there (%lld + padding %lld and %lld)",
                                 gr_shape_text(w), (long long)extent, i, gr_shape_text(x),
                                 (long long)padded, (long long)size, (long long)before,
                                 (long long)after);
        }
        y->dim[2 + i] = (padded - extent) / attr[GR_CONV_STRIDE].ints.v[i] + 1;
    }
    return true;
}

static bool conv_infer(gr_infer *s)
{
    if (!gr_infer_one_dtype(s) || !gr_infer_float(s, 0)) return false;
    s->out[0].dtype = s->in[0].dtype;
    return conv_fit(s, s->in[0].shape, s->in[1].shape, &s->out[0].shape);
}

/* The result's shape is an attribute; the convolution of x by w must have the shape of dy. */
static bool conv_infer_grad(gr_infer *s, gr_shape x, gr_shape w, gr_shape dy)
{
    const gr_ints *given = &s->attr[GR_CONV_SHAPE].ints;
    const gr_shape shape = gr_ints_shape(given);
    gr_shape y;
    if (!gr_infer_one_dtype(s) || !gr_infer_float(s, 0)) return false;
    if (gr_shape_count(shape) < 0) {
        return gr_infer_fail(s, GR_SHAPE, "shape %s cannot be", gr_shape_text(shape));
    }
    if (!conv_fit(s, x, w, &y)) return false;
    if (!gr_shape_equal(dy, y)) {
        return gr_infer_fail(s, GR_SHAPE, "dy is %s, but x %s by w %s gives %s", gr_shape_text(dy),
                             gr_shape_text(x), gr_shape_text(w), gr_shape_text(y));
    }
    s->out[0] = (gr_type){s->in[0].dtype, shape};
    return true;
}

static bool conv_input_grad_infer(gr_infer *s)
{
    const gr_shape x = gr_ints_shape(&s->attr[GR_CONV_SHAPE].ints);
    return conv_infer_grad(s, x, s->in[1].shape, s->in[0].shape);
}

static bool conv_weight_grad_infer(gr_infer *s)
{
    const gr_shape w = gr_ints_shape(&s->attr[GR_CONV_SHAPE].ints);
    return conv_infer_grad(s, s->in[0].shape, w, s->in[1].shape);
}

gr_conv_geometry gr_conv_geometry_of(const gr_node *node)
{
    const bool by_input = node->op == &gr_op_conv_input_grad;
    const bool by_weight = node->op == &gr_op_conv_weight_grad;
    const gr_shape result = gr_type_of(node).shape;
    const gr_shape x = by_input ? result : gr_type_of(node->in[0]).shape;
    const gr_shape w = by_weight ? result : gr_type_of(node->in[1]).shape;
    const gr_shape y = by_input    ? gr_type_of(node->in[0]).shape
                       : by_weight ? gr_type_of(node->in[1]).shape
                                   : result;
    gr_conv_geometry g = {
        .n = x.dim[0], .c = x.dim[1], .o = w.dim[0], .groups = node->attr[GR_CONV_GROUPS].i};
    for (int i = 0; i < GR_SPACE; i++) {
        const int axis = i - (GR_SPACE - (x.rank - 2));
        const bool used = axis >= 0;
        g.in[i] = used ? x.dim[2 + axis] : 1;
        g.out[i] = used ? y.dim[2 + axis] : 1;
        g.kernel[i] = used ? w.dim[2 + axis] : 1;
        g.stride[i] = used ? node->attr[GR_CONV_STRIDE].ints.v[axis] : 1;
        g.pad[i] = used ? node->attr[GR_CONV_PAD].ints.v[axis] : 0;
        g.dilation[i] = used ? node->attr[GR_CONV_DILATION].ints.v[axis] : 1;
    }
    return g;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* A node of the family with the geometry of another one. */
static gr_node *conv_like(const gr_node *node, const gr_op *op, gr_node *a, gr_node *b,
                          const gr_node *result)
{
    gr_attr attr[GR_CONV_SHAPE + 1];
    for (int i = 0; i < GR_CONV_SHAPE; i++) attr[i] = node->attr[i];
    attr[GR_CONV_SHAPE] = gr_attr_shape(gr_type_of(result).shape);
    return gr_build(node->graph, op, (gr_node *[]){a, b}, 2, attr);
}

static void conv_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *x = node->in[0], *w = node->in[1];
    dx[0] = conv_like(node, &gr_op_conv_input_grad, dy[0], w, x);
    dx[1] = conv_like(node, &gr_op_conv_weight_grad, x, dy[0], w);
}

static void conv_input_grad_grad(const gr_node *node, gr_node *const *dx, gr_node **dz)
{
    gr_node *dy = node->in[0], *w = node->in[1];
    dz[0] = conv_like(node, &gr_op_conv, dx[0], w, dy);
    dz[1] = conv_like(node, &gr_op_conv_weight_grad, dx[0], dy, w);
}

static void conv_weight_grad_grad(const gr_node *node, gr_node *const *dw, gr_node **dz)
{
    gr_node *x = node->in[0], *dy = node->in[1];
    dz[0] = conv_like(node, &gr_op_conv_input_grad, dy, dw[0], x);
    dz[1] = conv_like(node, &gr_op_conv, x, dw[0], dy);
}

/* ---- Builders -------------------------------------------------------------------------------- */

static gr_node *conv_build(const gr_op *op, gr_node *a, gr_node *b, int rank, const gr_shape *shape,
                           const gr_window *window)
{
    bool failed = false;
    gr_graph *graph = gr_common_graph((gr_node *[]){a, b}, 2, &failed);
    if (failed) return gr_error_node(graph);
    gr_window_values v;
    if (!gr_window_resolve(graph, op->name, window, rank, &v)) return gr_error_node(graph);
    for (int i = 0; i < v.rank; i++) {
        if (v.axes.stride[i] == 0) v.axes.stride[i] = 1;
    }
    gr_attr attr[GR_CONV_SHAPE + 1] = {
        [GR_CONV_STRIDE] = gr_attr_ints(v.rank, v.axes.stride),
        [GR_CONV_PAD] = gr_attr_ints(v.rank, v.axes.pad),
        [GR_CONV_PAD_END] = gr_attr_ints(v.rank, v.axes.pad_end),
        [GR_CONV_DILATION] = gr_attr_ints(v.rank, v.axes.dilation),
        [GR_CONV_GROUPS] = gr_attr_int(v.groups),
    };
    if (shape) attr[GR_CONV_SHAPE] = gr_attr_shape(*shape);
    return gr_build(graph, op, (gr_node *[]){a, b}, 2, attr);
}

gr_node *gr_conv(gr_node *x, gr_node *w, const gr_window *window)
{
    return conv_build(&gr_op_conv, x, w, gr_node_shape(x).rank, NULL, window);
}

gr_node *gr_conv_input_grad(gr_node *dy, gr_node *w, gr_shape x_shape, const gr_window *window)
{
    return conv_build(&gr_op_conv_input_grad, dy, w, x_shape.rank, &x_shape, window);
}

gr_node *gr_conv_weight_grad(gr_node *x, gr_node *dy, gr_shape w_shape, const gr_window *window)
{
    return conv_build(&gr_op_conv_weight_grad, x, dy, w_shape.rank, &w_shape, window);
}

/* ---- Samples --------------------------------------------------------------------------------- */

static const struct conv_case {
    gr_shape x, w, y;
    gr_geometry axes;
    int64_t groups;
} conv_cases[] = {
    {{4, {2, 3, 5, 6}}, {4, {4, 3, 3, 2}}, {4, {2, 4, 3, 5}}, {.stride = {0}}, 1},
    {{4, {1, 2, 6, 5}},
     {4, {3, 2, 3, 3}},
     {4, {1, 3, 4, 2}},
     {.stride = {2, 2}, .pad = {1, 1}, .pad_end = {2, 0}},
     1},
    {{3, {2, 4, 9}}, {3, {6, 2, 3}}, {3, {2, 6, 3}}, {.stride = {2}, .dilation = {2}}, 2},
    {{5, {1, 2, 3, 4, 3}},
     {5, {2, 2, 2, 3, 2}},
     {5, {1, 2, 2, 2, 4}},
     {.pad = {0, 0, 1}, .pad_end = {0, 0, 1}},
     1},
    {{4, {2, 3, 4, 4}},
     {4, {3, 1, 3, 3}},
     {4, {2, 3, 4, 4}},
     {.pad = {1, 1}, .pad_end = {1, 1}},
     3},
    {{4, {0, 2, 4, 4}}, {4, {3, 2, 3, 3}}, {4, {0, 3, 2, 2}}, {.stride = {0}}, 1},
};

static gr_window conv_case_window(const struct conv_case *c)
{
    return (gr_window){.size = sizeof(gr_window), .groups = c->groups, .axes = &c->axes};
}

static gr_node *conv_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(conv_cases)) return NULL;
    const struct conv_case *c = &conv_cases[k];
    const gr_window window = conv_case_window(c);
    gr_node *x = gr_draw(sampler, c->x, -1, 1), *w = gr_draw(sampler, c->w, -1, 1);
    return gr_conv(x, w, &window);
}

static gr_node *conv_input_grad_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(conv_cases)) return NULL;
    const struct conv_case *c = &conv_cases[k];
    const gr_window window = conv_case_window(c);
    gr_node *dy = gr_draw(sampler, c->y, -1, 1), *w = gr_draw(sampler, c->w, -1, 1);
    return gr_conv_input_grad(dy, w, c->x, &window);
}

static gr_node *conv_weight_grad_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(conv_cases)) return NULL;
    const struct conv_case *c = &conv_cases[k];
    const gr_window window = conv_case_window(c);
    gr_node *x = gr_draw(sampler, c->x, -1, 1), *dy = gr_draw(sampler, c->y, -1, 1);
    return gr_conv_weight_grad(x, dy, c->w, &window);
}

/* ---- Records --------------------------------------------------------------------------------- */

static const gr_attr_desc conv_attrs[] = {{"stride", GR_ATTR_INTS},  {"pad", GR_ATTR_INTS},
                                          {"pad_end", GR_ATTR_INTS}, {"dilation", GR_ATTR_INTS},
                                          {"groups", GR_ATTR_INT},   {"shape", GR_ATTR_INTS}};

const gr_op gr_op_conv = {.name = "conv",
                          .doc = "cross-correlation of x [N,C,space] with w [O,C/groups,kernel]",
                          .min_in = 2,
                          .max_in = 2,
                          .attrs = conv_attrs,
                          .n_attrs = GR_CONV_SHAPE,
                          .infer = conv_infer,
                          .grad = conv_grad,
                          .reference = gr_conv_reference,
                          .sample = conv_sample};

const gr_op gr_op_conv_input_grad = {.name = "conv_input_grad",
                                     .doc = "gradient of conv by x, from dy and w",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .attrs = conv_attrs,
                                     .n_attrs = GR_LEN(conv_attrs),
                                     .infer = conv_input_grad_infer,
                                     .grad = conv_input_grad_grad,
                                     .reference = gr_conv_reference,
                                     .sample = conv_input_grad_sample};

const gr_op gr_op_conv_weight_grad = {.name = "conv_weight_grad",
                                      .doc = "gradient of conv by w, from x and dy",
                                      .min_in = 2,
                                      .max_in = 2,
                                      .attrs = conv_attrs,
                                      .n_attrs = GR_LEN(conv_attrs),
                                      .infer = conv_weight_grad_infer,
                                      .grad = conv_weight_grad_grad,
                                      .reference = gr_conv_reference,
                                      .sample = conv_weight_grad_sample};
