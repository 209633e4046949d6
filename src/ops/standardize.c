/* standardize and its gradient: groups of channels brought to mean 0 and variance 1, scaled and
 * shifted by channel (Ba, Kiros and Hinton 2016; Wu and He 2018). Both are primitives for groups
 * that are too long to stay in the registers of a fused node, which would compute much of them once
 * in every phase. */
#include "ops/standardize.h"

#include <math.h>

enum { STANDARDIZE_GROUPS, STANDARDIZE_EPSILON, STANDARDIZE_ATTRS };
enum { STANDARDIZE_DY, STANDARDIZE_X, STANDARDIZE_GAMMA, STANDARDIZE_MEAN, STANDARDIZE_FACTOR };

/* ---- Shapes ---------------------------------------------------------------------------------- */

static bool standardize_expect(gr_infer *s, int input, const char *what, gr_shape want)
{
    if (gr_shape_equal(s->in[input].shape, want)) return true;
    return gr_infer_fail(s, GR_SHAPE, "%s is %s; it must be %s", what,
                         gr_shape_text(s->in[input].shape), gr_shape_text(want));
}

/* *channels and *groups: the shapes of gamma and of the means. */
static bool standardize_fit(gr_infer *s, gr_shape x, gr_shape *channels, gr_shape *groups)
{
    const int64_t count = s->attr[STANDARDIZE_GROUPS].i;
    if (!gr_infer_float(s, 0) || !gr_infer_one_dtype(s)) return false;
    if (x.rank != 3)
        return gr_infer_fail(s, GR_SHAPE, "x is %s; it must be [N, C, places]", gr_shape_text(x));
    if (count < 1 || x.dim[1] % count || x.dim[1] * x.dim[2] < 1)
        return gr_infer_fail(
            s, GR_SHAPE,
            "%lld groups do not divide the channels of %s, or there is nothing to normalise",
            (long long)count, gr_shape_text(x));
    if (!(s->attr[STANDARDIZE_EPSILON].f >= 0))
        return gr_infer_fail(s, GR_INVALID, "epsilon %g: should not be negative",
                             s->attr[STANDARDIZE_EPSILON].f);
    *channels = GR_SHAPE(x.dim[1]);
    *groups = GR_SHAPE(x.dim[0], count);
    return true;
}

/* x, gamma, beta → y, mean, factor */
static bool standardize_infer(gr_infer *s)
{
    const gr_shape x = s->in[0].shape;
    gr_shape channels, groups;
    if (!standardize_fit(s, x, &channels, &groups) ||
        !standardize_expect(s, 1, "gamma", channels) || !standardize_expect(s, 2, "beta", channels))
        return false;
    s->n_out = 3;
    s->out[0] = s->in[0];
    s->out[1] = s->out[2] = (gr_type){s->in[0].dtype, groups};
    return true;
}

/* dy, x, gamma, mean, factor → the gradients of x, gamma, beta */
static bool standardize_infer_grad(gr_infer *s)
{
    const gr_shape x = s->in[STANDARDIZE_X].shape;
    gr_shape channels, groups;
    if (!standardize_fit(s, x, &channels, &groups) ||
        !standardize_expect(s, STANDARDIZE_DY, "dy", x) ||
        !standardize_expect(s, STANDARDIZE_GAMMA, "gamma", channels) ||
        !standardize_expect(s, STANDARDIZE_MEAN, "mean", groups) ||
        !standardize_expect(s, STANDARDIZE_FACTOR, "factor", groups))
        return false;
    s->n_out = 3;
    s->out[0] = s->in[STANDARDIZE_X];
    s->out[1] = s->out[2] = s->in[STANDARDIZE_GAMMA];
    return true;
}

gr_standardize_geometry gr_standardize_geometry_of(const gr_node *node)
{
    const gr_shape x = node->out[0].shape;
    const int64_t groups = node->attr[STANDARDIZE_GROUPS].i;
    return (gr_standardize_geometry){.images = x.dim[0],
                                     .groups = groups,
                                     .channels = x.dim[1] / groups,
                                     .places = x.dim[2],
                                     .epsilon = node->attr[STANDARDIZE_EPSILON].f};
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* What the rules compute with: the operands as [N, groups, channels, places], 1 where there is one
 * for all. */
typedef struct standardize_parts {
    gr_shape shape;
    gr_axes group;   /* its elements */
    gr_axes channel; /* those of all images' channel */
    double count;    /* elements of a group */
} standardize_parts;

static standardize_parts standardize_parts_of(const gr_node *node)
{
    const gr_standardize_geometry g = gr_standardize_geometry_of(node);
    return (standardize_parts){
        .shape = GR_SHAPE(g.images, g.groups, g.channels, g.places),
        .group = {.count = 2, .axis = {2, 3}, .keep = true},
        .channel = {.count = 2, .axis = {0, 3}, .keep = true},
        .count = (double)(g.channels * g.places),
    };
}

static gr_node *standardize_full(const standardize_parts *p, gr_node *x)
{
    return gr_reshape(x, p->shape);
}

static gr_node *standardize_by_group(const standardize_parts *p, gr_node *x)
{
    return gr_reshape(x, GR_SHAPE(p->shape.dim[0], p->shape.dim[1], 1, 1));
}

static gr_node *standardize_by_channel(const standardize_parts *p, gr_node *x)
{
    return gr_reshape(x, GR_SHAPE(1, p->shape.dim[1], p->shape.dim[2], 1));
}

static gr_node *standardize_mean(const standardize_parts *p, gr_node *x)
{
    return gr_scale(gr_sum(x, p->group), 1 / p->count);
}

static gr_node *standardize_sum(gr_node *a, gr_node *b)
{
    return a && b ? gr_add(a, b) : a ? a : b;
}

/* Of x alone: what mean and factor pass back. */
static gr_node *standardize_moments_grad(const gr_node *node, gr_node *const *dy)
{
    const standardize_parts p = standardize_parts_of(node);
    gr_node *self = (gr_node *)(uintptr_t)node, *sum = NULL;
    if (dy[2]) {
        gr_node *mean = standardize_by_group(&p, gr_get(self, 1));
        gr_node *factor = standardize_by_group(&p, gr_get(self, 2));
        gr_node *slope = gr_mul(standardize_by_group(&p, dy[2]), gr_mul(gr_square(factor), factor));
        sum =
            gr_mul(gr_sub(standardize_full(&p, node->in[0]), mean), gr_scale(slope, -1 / p.count));
    }
    if (dy[1]) {
        gr_node *share = gr_scale(standardize_by_group(&p, dy[1]), 1 / p.count);
        sum = standardize_sum(sum, gr_broadcast(share, p.shape));
    }
    return sum ? gr_reshape(sum, gr_type_of(node->in[0]).shape) : NULL;
}

static void standardize_grad_rule(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *self = (gr_node *)(uintptr_t)node;
    dx[0] = standardize_moments_grad(node, dy);
    if (!dy[0]) return;
    gr_node *in[] = {dy[0], node->in[0], node->in[1], gr_get(self, 1), gr_get(self, 2)};
    gr_node *all = gr_build(node->graph, &gr_op_standardize_grad, in, 5, node->attr);
    dx[0] = standardize_sum(dx[0], gr_get(all, 0));
    dx[1] = gr_get(all, 1);
    dx[2] = gr_get(all, 2);
}

/* With z = (x - mean)·f, h = dy·gamma and M the mean over a group, standardize_grad is
 *     dx = f·(h - M(h) - z·M(h·z)), dgamma = Σ dy·z, dbeta = Σ dy.
 * The cotangents v, b and c of the three give, with w = f·v,
 *     to h:  w - M(w) - z·M(w·z)
 *     to z:  b·dy - w·M(h·z) - h·M(w·z)
 *     to f:  Σ v·(h - M(h) - z·M(h·z)) and what z passes on
 *     to dy: what h passes on, b·z and c. */
typedef struct standardize_second {
    standardize_parts p;
    gr_node *dy, *gamma, *factor, *centred, *z; /* operands */
    gr_node *to_h, *to_z, *to_factor, *to_dy;   /* NULL: zero */
} standardize_second;

static void standardize_second_of_dx(standardize_second *s, gr_node *v)
{
    const standardize_parts *p = &s->p;
    gr_node *h = gr_mul(s->dy, s->gamma), *w = gr_mul(v, s->factor);
    gr_node *hz = standardize_mean(p, gr_mul(h, s->z)), *wz = standardize_mean(p, gr_mul(w, s->z));
    gr_node *inner = gr_sub(gr_sub(h, standardize_mean(p, h)), gr_mul(s->z, hz));
    s->to_h = gr_sub(gr_sub(w, standardize_mean(p, w)), gr_mul(s->z, wz));
    s->to_z = gr_neg(gr_add(gr_mul(w, hz), gr_mul(h, wz)));
    s->to_factor = gr_sum(gr_mul(v, inner), p->group);
}

static void standardize_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    standardize_second s = {.p = standardize_parts_of(node)};
    const standardize_parts *p = &s.p;
    s.dy = standardize_full(p, node->in[STANDARDIZE_DY]);
    s.gamma = standardize_by_channel(p, node->in[STANDARDIZE_GAMMA]);
    s.factor = standardize_by_group(p, node->in[STANDARDIZE_FACTOR]);
    gr_node *mean = standardize_by_group(p, node->in[STANDARDIZE_MEAN]);
    s.centred = gr_sub(standardize_full(p, node->in[STANDARDIZE_X]), mean);
    s.z = gr_mul(s.centred, s.factor);
    if (dy[0]) {
        standardize_second_of_dx(&s, standardize_full(p, dy[0]));
        s.to_dy = gr_mul(s.to_h, s.gamma);
        dx[STANDARDIZE_GAMMA] = gr_sum(gr_mul(s.to_h, s.dy), p->channel);
    }
    if (dy[1]) {
        gr_node *b = standardize_by_channel(p, dy[1]);
        s.to_z = standardize_sum(s.to_z, gr_mul(b, s.dy));
        s.to_dy = standardize_sum(s.to_dy, gr_mul(b, s.z));
    }
    if (dy[2]) {
        gr_node *c = gr_broadcast(standardize_by_channel(p, dy[2]), p->shape);
        s.to_dy = standardize_sum(s.to_dy, c);
    }
    if (s.to_z) {
        gr_node *to_centred = gr_mul(s.to_z, s.factor);
        gr_node *by_z = gr_sum(gr_mul(s.to_z, s.centred), p->group);
        dx[STANDARDIZE_X] = to_centred;
        dx[STANDARDIZE_MEAN] = gr_neg(gr_sum(to_centred, p->group));
        dx[STANDARDIZE_FACTOR] = standardize_sum(s.to_factor, by_z);
    }
    dx[STANDARDIZE_DY] = s.to_dy;
    for (int i = 0; i < node->n_in; i++) {
        if (dx[i]) dx[i] = gr_reshape(dx[i], gr_type_of(node->in[i]).shape);
    }
}

/* ---- The specification ----------------------------------------------------------------------- */

#define STANDARDIZE_REFERENCE(suffix, type)                                                        \
    static gr_status standardize_reference_##suffix(const gr_call *call)                           \
    {                                                                                              \
        const gr_standardize_geometry *g = call->ctx;                                              \
        const int64_t size = g->channels * g->places;                                              \
        const type *x = call->in[0], *gamma = call->in[1], *beta = call->in[2];                    \
        type *y = call->out[0], *mean = call->out[1], *factor = call->out[2];                      \
        for (int64_t i = 0; i < g->images * g->groups; i++, x += size, y += size) {                \
            double sum = 0, squares = 0;                                                           \
            for (int64_t k = 0; k < size; k++) sum += (double)x[k];                                \
            mean[i] = (type)(sum / (double)size);                                                  \
            for (int64_t k = 0; k < size; k++) {                                                   \
                squares += (double)((x[k] - mean[i]) * (x[k] - mean[i]));                          \
            }                                                                                      \
            factor[i] = (type)(1 / sqrt(squares / (double)size + g->epsilon));                     \
            for (int64_t k = 0; k < size; k++) {                                                   \
                const int64_t c = i % g->groups * g->channels + k / g->places;                     \
                y[k] = (x[k] - mean[i]) * factor[i] * gamma[c] + beta[c];                          \
            }                                                                                      \
        }                                                                                          \
        return GR_OK;                                                                              \
    }                                                                                              \
    /* Σ dy and Σ dy·z of channel c */                                                          \
    static void standardize_channel_##suffix(const gr_call *call, int64_t c, double sum[2])        \
    {                                                                                              \
        const gr_standardize_geometry *g = call->ctx;                                              \
        const type *dy = call->in[STANDARDIZE_DY], *x = call->in[STANDARDIZE_X];                   \
        const type *mean = call->in[STANDARDIZE_MEAN], *factor = call->in[STANDARDIZE_FACTOR];     \
        for (int64_t n = 0; n < g->images; n++) {                                                  \
            const int64_t group = n * g->groups + c / g->channels;                                 \
            const int64_t first = (n * g->groups * g->channels + c) * g->places;                   \
            for (int64_t k = first; k < first + g->places; k++) {                                  \
                sum[0] += (double)dy[k];                                                           \
                sum[1] += (double)(dy[k] * ((x[k] - mean[group]) * factor[group]));                \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static gr_status standardize_grad_reference_##suffix(const gr_call *call)                      \
    {                                                                                              \
        const gr_standardize_geometry *g = call->ctx;                                              \
        const int64_t size = g->channels * g->places;                                              \
        const type *dy = call->in[STANDARDIZE_DY], *x = call->in[STANDARDIZE_X];                   \
        const type *mean = call->in[STANDARDIZE_MEAN], *factor = call->in[STANDARDIZE_FACTOR];     \
        type *dx = call->out[0];                                                                   \
        for (int64_t i = 0; i < g->images * g->groups; i++, dy += size, x += size, dx += size) {   \
            const type *gamma = (const type *)call->in[STANDARDIZE_GAMMA];                         \
            gamma += i % g->groups * g->channels;                                                  \
            double plain = 0, along = 0;                                                           \
            for (int64_t k = 0; k < size; k++) {                                                   \
                const type h = dy[k] * gamma[k / g->places];                                       \
                plain += (double)h;                                                                \
                along += (double)(h * ((x[k] - mean[i]) * factor[i]));                             \
            }                                                                                      \
            plain /= (double)size;                                                                 \
            along /= (double)size;                                                                 \
            for (int64_t k = 0; k < size; k++) {                                                   \
                const type h = dy[k] * gamma[k / g->places], z = (x[k] - mean[i]) * factor[i];     \
                dx[k] = factor[i] * (h - (type)plain - z * (type)along);                           \
            }                                                                                      \
        }                                                                                          \
        for (int64_t c = 0; c < g->groups * g->channels; c++) {                                    \
            double sum[2] = {0, 0};                                                                \
            standardize_channel_##suffix(call, c, sum);                                            \
            ((type *)call->out[1])[c] = (type)sum[1];                                              \
            ((type *)call->out[2])[c] = (type)sum[0];                                              \
        }                                                                                          \
        return GR_OK;                                                                              \
    }

STANDARDIZE_REFERENCE(f32, float)
STANDARDIZE_REFERENCE(f64, double)

static gr_status standardize_reference(gr_request *request)
{
    const gr_standardize_geometry geometry = gr_standardize_geometry_of(request->node);
    const bool f64 = request->node->out[0].dtype == GR_F64;
    request->ctx = gr_arena_copy(request->arena, &geometry, sizeof geometry);
    if (!request->ctx) return GR_NO_MEMORY;
    if (request->node->op == &gr_op_standardize) {
        request->fn = f64 ? standardize_reference_f64 : standardize_reference_f32;
    } else {
        request->fn = f64 ? standardize_grad_reference_f64 : standardize_grad_reference_f32;
    }
    request->kernel = "standardize-reference";
    return GR_OK;
}

/* ---- Builders and samples -------------------------------------------------------------------- */

static gr_node *standardize_build(gr_node *x, gr_node *gamma, gr_node *beta, int64_t groups,
                                  double epsilon)
{
    const gr_attr attr[STANDARDIZE_ATTRS] = {
        [STANDARDIZE_GROUPS] = gr_attr_int(groups), [STANDARDIZE_EPSILON] = gr_attr_real(epsilon)};
    return gr_build(NULL, &gr_op_standardize, (gr_node *[]){x, gamma, beta}, 3, attr);
}

gr_node *gr_standardize(gr_node *x, gr_node *gamma, gr_node *beta, int64_t groups, double epsilon)
{
    const gr_shape shape = gr_node_shape(x);
    if (gr_is_error(x)) return x;
    if (shape.rank < 2)
        return gr_build_fail(gr_node_graph(x), GR_SHAPE, "standardize",
                             "x is %s; it must be [N, C, …]", gr_shape_text(shape));
    const int64_t places = gr_shape_count(gr_shape_of(shape.rank - 2, shape.dim + 2));
    gr_node *wide = gr_reshape(x, GR_SHAPE(shape.dim[0], shape.dim[1], places));
    gr_node *all = standardize_build(wide, gamma, beta, groups, epsilon);
    return gr_is_error(all) ? all : gr_reshape(gr_get(all, 0), shape);
}

static const struct standardize_case {
    gr_shape x;
    int64_t groups;
    double epsilon;
} standardize_cases[] = {{{3, {2, 6, 3}}, 2, 0.1},
                         {{3, {3, 7, 1}}, 1, 0.01},
                         {{3, {1, 3, 5}}, 3, 0.5},
                         {{3, {0, 4, 2}}, 2, 0.1}};

static gr_node *standardize_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(standardize_cases)) return NULL;
    const struct standardize_case *c = &standardize_cases[k];
    const gr_shape channels = GR_SHAPE(c->x.dim[1]);
    gr_node *x = gr_draw(sampler, c->x, -1, 1), *gamma = gr_draw(sampler, channels, 0.5, 2);
    return standardize_build(x, gamma, gr_draw(sampler, channels, -1, 1), c->groups, c->epsilon);
}

static gr_node *standardize_grad_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(standardize_cases)) return NULL;
    const struct standardize_case *c = &standardize_cases[k];
    const gr_shape groups = GR_SHAPE(c->x.dim[0], c->groups);
    gr_node *in[] = {gr_draw(sampler, c->x, -1, 1), gr_draw(sampler, c->x, -1, 1),
                     gr_draw(sampler, GR_SHAPE(c->x.dim[1]), 0.5, 2),
                     gr_draw(sampler, groups, -1, 1), gr_draw(sampler, groups, 0.5, 2)};
    const gr_attr attr[STANDARDIZE_ATTRS] = {[STANDARDIZE_GROUPS] = gr_attr_int(c->groups),
                                             [STANDARDIZE_EPSILON] = gr_attr_real(c->epsilon)};
    return gr_build(in[0]->graph, &gr_op_standardize_grad, in, 5, attr);
}

/* ---- Records --------------------------------------------------------------------------------- */

static const gr_attr_desc standardize_attrs[STANDARDIZE_ATTRS] = {{"groups", GR_ATTR_INT},
                                                                  {"epsilon", GR_ATTR_REAL}};

const gr_op gr_op_standardize = {.name = "standardize",
                                 .doc = "(x - mean)*factor*gamma + beta, mean and factor of groups",
                                 .min_in = 3,
                                 .max_in = 3,
                                 .attrs = standardize_attrs,
                                 .n_attrs = STANDARDIZE_ATTRS,
                                 .infer = standardize_infer,
                                 .grad = standardize_grad_rule,
                                 .reference = standardize_reference,
                                 .sample = standardize_sample};

const gr_op gr_op_standardize_grad = {.name = "standardize_grad",
                                      .doc = "the gradients of standardize: of x, gamma and beta",
                                      .min_in = 5,
                                      .max_in = 5,
                                      .attrs = standardize_attrs,
                                      .n_attrs = STANDARDIZE_ATTRS,
                                      .infer = standardize_infer_grad,
                                      .grad = standardize_grad_grad,
                                      .reference = standardize_reference,
                                      .sample = standardize_grad_sample};
