/* lrn and its gradient: local response normalisation across channels. Both are primitives, since a
 * window's sum does not fuse: as composites they would walk memory four times as often. */
#include "ops/lrn.h"

enum { LRN_SIZE, LRN_ALPHA, LRN_BETA, LRN_K, LRN_ATTRS };

/* ---- Shapes ---------------------------------------------------------------------------------- */

static bool lrn_infer(gr_infer *s)
{
    const gr_shape x = s->in[0].shape;
    const int64_t size = s->attr[LRN_SIZE].i;
    const double alpha = s->attr[LRN_ALPHA].f, beta = s->attr[LRN_BETA].f, k = s->attr[LRN_K].f;
    if (!gr_infer_float(s, 0) || !gr_infer_one_dtype(s)) return false;
    if (x.rank < 2)
        return gr_infer_fail(s, GR_SHAPE, "x is %s; it must be [N, C, …]", gr_shape_text(x));
    if (s->n_in == 2 && !gr_shape_equal(x, s->in[1].shape))
        return gr_infer_fail(s, GR_SHAPE, "dy is %s; it must be %s", gr_shape_text(s->in[1].shape),
                             gr_shape_text(x));
    if (size < 1 || size > INT32_MAX)
        return gr_infer_fail(s, GR_INVALID, "a window of %lld channels: should be 1 to %d",
                             (long long)size, INT32_MAX);
    if (!(alpha >= 0 && alpha < INFINITY) || !isfinite(beta))
        return gr_infer_fail(s, GR_INVALID,
                             "alpha %g, beta %g: alpha should not be negative, both finite", alpha,
                             beta);
    if (!(k > 0 && k < INFINITY))
        return gr_infer_fail(s, GR_INVALID, "k = %g: should be positive, or zeros are divided by 0",
                             k);
    s->out[0] = s->in[0];
    return true;
}

gr_lrn_geometry gr_lrn_geometry_of(const gr_node *node)
{
    const gr_shape x = gr_type_of(node).shape;
    const int64_t size = node->attr[LRN_SIZE].i;
    return (gr_lrn_geometry){
        .images = x.dim[0],
        .channels = x.dim[1],
        .places = gr_shape_count(gr_shape_of(x.rank - 2, x.dim + 2)),
        .before = size / 2,
        .after = (size - 1) / 2,
        .share = node->attr[LRN_ALPHA].f / (double)size,
        .beta = node->attr[LRN_BETA].f,
        .k = node->attr[LRN_K].f,
    };
}

/* ---- Gradients ------------------------------------------------------------------------------- */

static void lrn_grad_rule(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    dx[0] =
        gr_build(node->graph, &gr_op_lrn_grad, (gr_node *[]){node->in[0], dy[0]}, 2, node->attr);
}

/* Of each channel the sum over those from `before` in front of it to `after` behind it. */
static gr_node *lrn_window_sum(gr_node *z, int64_t before, int64_t after)
{
    const gr_shape shape = gr_node_shape(z);
    int64_t front[GR_MAX_RANK] = {0, before}, back[GR_MAX_RANK] = {0, after};
    gr_node *wide = gr_pad(z, front, back, NULL, 0), *sum = NULL;
    for (int64_t i = 0; i <= before + after; i++) {
        const int64_t start[GR_MAX_RANK] = {0, i};
        int64_t stop[GR_MAX_RANK] = {0}; /* an error node has no axes */
        for (int axis = 0; axis < shape.rank; axis++) stop[axis] = shape.dim[axis];
        stop[1] += i;
        gr_node *part = gr_slice(wide, start, stop, NULL);
        sum = sum ? gr_add(sum, part) : part;
    }
    return sum;
}

/* With a the share, b beta, p = s^-b, u = p/s, W a window's sum and V its transpose, lrn_grad is
 *     dx = dy·p − 2ab·x·V(dy·x·u).
 * Its cotangent v gives, with q = W(v·x),
 *     to dy: v·p − 2ab·x·u·q
 *     to x:  −2ab·(x·V(dy·u·(v − 2a(b+1)·x·q/s)) + dy·u·q + v·V(dy·x·u)). */
static void lrn_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_lrn_geometry g = gr_lrn_geometry_of(node);
    gr_node *x = node->in[0], *d = node->in[1], *v = dy[0];
    gr_node *squares = lrn_window_sum(gr_square(x), g.before, g.after);
    gr_node *s = gr_shift(gr_scale(squares, g.share), g.k);
    gr_node *p = gr_pow(s, gr_like(s, -g.beta)), *u = gr_div(p, s);
    gr_node *q = lrn_window_sum(gr_mul(v, x), g.before, g.after);
    const double c = 2 * g.share * g.beta;
    dx[1] = gr_sub(gr_mul(v, p), gr_scale(gr_mul(gr_mul(x, u), q), c));

    gr_node *bend = gr_scale(gr_div(gr_mul(x, q), s), 2 * g.share * (g.beta + 1));
    gr_node *near = gr_mul(gr_mul(d, u), gr_sub(v, bend));
    gr_node *sum = gr_mul(x, lrn_window_sum(near, g.after, g.before));
    sum = gr_add(sum, gr_mul(gr_mul(d, u), q));
    gr_node *t = gr_mul(gr_mul(d, x), u);
    sum = gr_add(sum, gr_mul(v, lrn_window_sum(t, g.after, g.before)));
    dx[0] = gr_scale(sum, -c);
}

/* ---- The specification ----------------------------------------------------------------------- */

/* Sums are rounded at each addition, from the first channel of a window to the last, so that faster
 * kernels can give the same bits. */
#define LRN_REFERENCE(suffix, type)                                                                \
    /* s of the element `at`, in channel c */                                                      \
    static type lrn_divisor_##suffix(const gr_lrn_geometry *g, const type *x, int64_t at,          \
                                     int64_t c)                                                    \
    {                                                                                              \
        type sum = 0;                                                                              \
        for (int64_t j = -g->before; j <= g->after; j++)                                           \
            if (c + j >= 0 && c + j < g->channels)                                                 \
                sum += x[at + j * g->places] * x[at + j * g->places];                              \
        return (type)g->k + (type)g->share * sum;                                                  \
    }                                                                                              \
    static gr_status lrn_reference_##suffix(const gr_call *call)                                   \
    {                                                                                              \
        const gr_lrn_geometry *g = call->ctx;                                                      \
        const type *x = call->in[0];                                                               \
        type *y = call->out[0];                                                                    \
        for (int64_t i = 0; i < g->images * g->channels * g->places; i++) {                        \
            const type s = lrn_divisor_##suffix(g, x, i, i / g->places % g->channels);             \
            y[i] = x[i] * gr_lrn_power_##suffix(s, g->beta);                                       \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
    static gr_status lrn_grad_reference_##suffix(const gr_call *call)                              \
    {                                                                                              \
        const gr_lrn_geometry *g = call->ctx;                                                      \
        const type *x = call->in[0], *dy = call->in[1];                                            \
        type *dx = call->out[0];                                                                   \
        for (int64_t i = 0; i < g->images * g->channels * g->places; i++) {                        \
            const int64_t c = i / g->places % g->channels;                                         \
            const type p = gr_lrn_power_##suffix(lrn_divisor_##suffix(g, x, i, c), g->beta);       \
            type sum = 0;                                                                          \
            for (int64_t j = -g->after; j <= g->before; j++) {                                     \
                const int64_t at = i + j * g->places;                                              \
                if (c + j < 0 || c + j >= g->channels) continue;                                   \
                const type s = lrn_divisor_##suffix(g, x, at, c + j);                              \
                sum += dy[at] * x[at] *                                                            \
                       (gr_lrn_power_##suffix(s, g->beta) * gr_lrn_inverse_##suffix(s, g->beta));  \
            }                                                                                      \
            dx[i] = dy[i] * p - (type)(2 * g->share * g->beta) * x[i] * sum;                       \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

LRN_REFERENCE(f32, float)
LRN_REFERENCE(f64, double)

static gr_status lrn_reference(gr_request *request)
{
    const gr_lrn_geometry geometry = gr_lrn_geometry_of(request->node);
    const bool f64 = gr_type_of(request->node).dtype == GR_F64;
    request->ctx = gr_arena_copy(request->arena, &geometry, sizeof geometry);
    if (!request->ctx) return GR_NO_MEMORY;
    if (request->node->op == &gr_op_lrn)
        request->fn = f64 ? lrn_reference_f64 : lrn_reference_f32;
    else
        request->fn = f64 ? lrn_grad_reference_f64 : lrn_grad_reference_f32;
    request->kernel = "lrn-reference";
    return GR_OK;
}

/* ---- Builders and samples -------------------------------------------------------------------- */

gr_node *gr_lrn(gr_node *x, int64_t size, double alpha, double beta, double k)
{
    const gr_attr attr[LRN_ATTRS] = {
        [LRN_SIZE] = gr_attr_int(size),
        [LRN_ALPHA] = gr_attr_real(alpha),
        [LRN_BETA] = gr_attr_real(beta),
        [LRN_K] = gr_attr_real(k),
    };
    return gr_build(NULL, &gr_op_lrn, &x, 1, attr);
}

static gr_node *lrn_sample(gr_sampler *sampler, int k)
{
    static const struct {
        gr_shape x;
        int64_t size;
        double alpha, beta, k;
    } cases[] = {
        {{4, {2, 7, 3, 3}}, 5, 1, 0.75, 1}, {{4, {1, 5, 9, 8}}, 3, 5e-5, 0.75, 1},
        {{3, {2, 3, 5}}, 4, 2, 0.5, 2},     {{2, {3, 4}}, 1, 0.5, 1, 0.5},
        {{4, {1, 2, 2, 2}}, 9, 3, 0.6, 1},  {{4, {0, 3, 2, 2}}, 3, 1, 0.75, 1},
    };
    if (k >= (int)GR_LEN(cases)) return NULL;
    gr_node *x = gr_draw(sampler, cases[k].x, -1, 1);
    return gr_lrn(x, cases[k].size, cases[k].alpha, cases[k].beta, cases[k].k);
}

static gr_node *lrn_grad_sample(gr_sampler *sampler, int k)
{
    gr_node *y = lrn_sample(sampler, k);
    if (!y || gr_is_error(y)) return y;
    gr_node *dy = gr_draw(sampler, gr_node_shape(y), -1, 1);
    return gr_build(y->graph, &gr_op_lrn_grad, (gr_node *[]){y->in[0], dy}, 2, y->attr);
}

/* ---- Records --------------------------------------------------------------------------------- */

static const gr_attr_desc lrn_attrs[LRN_ATTRS] = {
    {"size", GR_ATTR_INT}, {"alpha", GR_ATTR_REAL}, {"beta", GR_ATTR_REAL}, {"k", GR_ATTR_REAL}};

const gr_op gr_op_lrn = {.name = "lrn",
                         .doc = "x/(k + alpha/size*sum(x^2))^beta, the sum over near channels",
                         .min_in = 1,
                         .max_in = 1,
                         .attrs = lrn_attrs,
                         .n_attrs = LRN_ATTRS,
                         .infer = lrn_infer,
                         .grad = lrn_grad_rule,
                         .reference = lrn_reference,
                         .sample = lrn_sample};

const gr_op gr_op_lrn_grad = {.name = "lrn_grad",
                              .doc = "the gradient of lrn, of x and dy",
                              .min_in = 2,
                              .max_in = 2,
                              .attrs = lrn_attrs,
                              .n_attrs = LRN_ATTRS,
                              .infer = lrn_infer,
                              .grad = lrn_grad_grad,
                              .reference = lrn_reference,
                              .sample = lrn_grad_sample};
