/* lstm_gates and its gradient: what an LSTM does with its products. A primitive, since its four
 * gates lie in one row: a composite would copy them apart and the gradients together again, at each
 * step of a loop. */
#include "ops/lstm.h"

static const gr_attr_desc lstm_attrs[] = {{"order", GR_ATTR_INT}};

/* ---- Shapes ------------------------------------------------------------------------------- */

gr_lstm_geometry gr_lstm_geometry_of(const gr_node *node)
{
    const bool backward = node->op == &gr_op_lstm_gates_grad;
    const gr_shape c = node->in[backward ? 2 : 0]->out[0].shape;
    const int64_t h = c.dim[1], candidate = node->attr[0].i == GR_LSTM_IFOG ? 3 * h : 2 * h;
    return (gr_lstm_geometry){.rows = c.dim[0],
                              .units = h,
                              .candidate = candidate,
                              .output = 5 * h - candidate,
                              .two = !backward && node->n_in > 2};
}

static bool lstm_check(gr_infer *s, int c, int gates, const char *what)
{
    const gr_shape one = s->in[c].shape, four = s->in[gates].shape;
    if (one.rank == 2 && four.rank == 2 && one.dim[0] == four.dim[0] &&
        four.dim[1] == 4 * one.dim[1])
        return true;
    return gr_infer_fail(s, GR_SHAPE, "%s %s with c %s: should be [N, 4*H] with [N, H]", what,
                         gr_shape_text(four), gr_shape_text(one));
}

static bool lstm_check_order(gr_infer *s)
{
    const int64_t order = s->attr[0].i;
    if (order == GR_LSTM_IFGO || order == GR_LSTM_IFOG) return true;
    return gr_infer_fail(s, GR_INVALID, "there is no order %lld of the gates", (long long)order);
}

static bool lstm_infer(gr_infer *s)
{
    if (!gr_infer_float(s, 0) || !gr_infer_one_dtype(s) || !lstm_check_order(s)) return false;
    for (int i = 1; i < s->n_in; i++)
        if (!lstm_check(s, 0, i, "gates")) return false;
    s->n_out = 4;
    s->out[0] = s->out[1] = s->out[3] = s->in[0];
    s->out[2] = s->in[1];
    return true;
}

static bool lstm_grad_infer(gr_infer *s)
{
    if (!gr_infer_float(s, 0) || !gr_infer_one_dtype(s) || !lstm_check_order(s)) return false;
    for (int i = 1; i < 5; i++)
        if (!lstm_check(s, i, 0, "activations")) return false;
    s->n_out = 2;
    s->out[0] = s->in[0];
    s->out[1] = s->in[2];
    return true;
}

/* ---- Gradients ---------------------------------------------------------------------------- */

static gr_node *lstm_or_zeros(gr_node *dy, gr_node *like)
{
    return dy ? dy : gr_full(like->graph, like->out[0].dtype, like->out[0].shape, 0);
}

static gr_node *lstm_rest(gr_node *x) /* 1 − x */
{
    return gr_sub(gr_like(x, 1), x);
}

/* The four parts of a row in the order i, f, g, o. */
typedef struct lstm_parts {
    gr_node *part[4];
} lstm_parts;

static lstm_parts lstm_split(gr_node *x, int64_t order)
{
    gr_node *all = gr_split(x, 4, 1);
    const int g = order == GR_LSTM_IFOG ? 3 : 2;
    return (lstm_parts){{gr_get(all, 0), gr_get(all, 1), gr_get(all, g), gr_get(all, 5 - g)}};
}

static gr_node *lstm_join(lstm_parts p, int64_t order)
{
    const int g = order == GR_LSTM_IFOG ? 3 : 2;
    gr_node *row[4] = {p.part[0], p.part[1]};
    row[g] = p.part[2];
    row[5 - g] = p.part[3];
    return gr_concat(row, 4, 1);
}

/* The slopes of σ and tanh at their values. */
static gr_node *lstm_slope(gr_node *a, int64_t order)
{
    lstm_parts p = lstm_split(a, order);
    for (int i = 0; i < 4; i++)
        p.part[i] =
            i == 2 ? lstm_rest(gr_square(p.part[i])) : gr_mul(p.part[i], lstm_rest(p.part[i]));
    return lstm_join(p, order);
}

static void lstm_gradient(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *all = (gr_node *)node, *c = node->in[0];
    gr_node *a = gr_get(all, 2), *t = gr_get(all, 3);
    gr_node *dnext = lstm_or_zeros(dy[1], c);
    if (dy[3]) dnext = gr_add(dnext, gr_mul(dy[3], lstm_rest(gr_square(t))));
    gr_node *in[] = {a, t, c, lstm_or_zeros(dy[0], c), dnext};
    gr_node *back = gr_build(node->graph, &gr_op_lstm_gates_grad, in, 5, node->attr);
    gr_node *gates = gr_get(back, 0);
    if (dy[2]) gates = gr_add(gates, gr_mul(dy[2], lstm_slope(a, node->attr[0].i)));
    dx[0] = gr_get(back, 1);
    dx[1] = gates;
    if (node->n_in > 2) dx[2] = gates;
}

/* With d = dc' + dh·o·(1−t²): dx = (d·g·i(1−i), d·c·f(1−f), d·i·(1−g²), dh·t·o(1−o)), dc = d·f.
 * p are the cotangents of dx, q that of dc. */
static void lstm_second_gradient(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const int64_t order = node->attr[0].i;
    gr_node *t = node->in[1], *c = node->in[2], *dh = node->in[3];
    const lstm_parts a = lstm_split(node->in[0], order);
    const lstm_parts p = lstm_split(lstm_or_zeros(dy[0], node->in[0]), order);
    gr_node *i = a.part[0], *f = a.part[1], *g = a.part[2], *o = a.part[3];
    gr_node *q = lstm_or_zeros(dy[1], c);
    gr_node *si = gr_mul(i, lstm_rest(i)), *sf = gr_mul(f, lstm_rest(f));
    gr_node *sg = lstm_rest(gr_square(g)), *so = gr_mul(o, lstm_rest(o));
    gr_node *st = lstm_rest(gr_square(t));
    gr_node *d = gr_add(node->in[4], gr_mul(gr_mul(dh, o), st));
    gr_node *pi = gr_mul(p.part[0], d), *pf = gr_mul(p.part[1], d), *pg = gr_mul(p.part[2], d);
    gr_node *po = gr_mul(p.part[3], dh);
    gr_node *dd = gr_add(gr_add(gr_mul(p.part[0], gr_mul(g, si)), gr_mul(p.part[1], gr_mul(c, sf))),
                         gr_add(gr_mul(p.part[2], gr_mul(i, sg)), gr_mul(q, f)));
    gr_node *through = gr_mul(dd, dh);
    const lstm_parts da = {
        {gr_add(gr_mul(gr_mul(pi, g), lstm_rest(gr_scale(i, 2))), gr_mul(pg, sg)),
         gr_add(gr_mul(gr_mul(pf, c), lstm_rest(gr_scale(f, 2))), gr_mul(q, d)),
         gr_sub(gr_mul(pi, si), gr_scale(gr_mul(pg, gr_mul(i, g)), 2)),
         gr_add(gr_mul(gr_mul(po, t), lstm_rest(gr_scale(o, 2))), gr_mul(through, st))}};
    dx[0] = lstm_join(da, order);
    dx[1] = gr_sub(gr_mul(po, so), gr_scale(gr_mul(through, gr_mul(o, t)), 2));
    dx[2] = gr_mul(pf, sf);
    dx[3] = gr_add(gr_mul(p.part[3], gr_mul(t, so)), gr_mul(dd, gr_mul(o, st)));
    dx[4] = dd;
}

/* ---- Reference ---------------------------------------------------------------------------- */

static void lstm_reference_f32(const gr_lstm_geometry *g, const void *const *in, void *const *out)
{
    gr_lstm_f32_row(g, in, out);
}

static void lstm_reference_f64(const gr_lstm_geometry *g, const void *const *in, void *const *out)
{
    gr_lstm_f64_row(g, in, out);
}

static void lstm_grad_reference_f32(const gr_lstm_geometry *g, const void *const *in,
                                    void *const *out)
{
    gr_lstm_grad_f32_row(g, in, out);
}

static void lstm_grad_reference_f64(const gr_lstm_geometry *g, const void *const *in,
                                    void *const *out)
{
    gr_lstm_grad_f64_row(g, in, out);
}

static gr_status lstm_reference_run(const gr_call *call)
{
    const gr_node *node = call->ctx;
    const gr_lstm_geometry g = gr_lstm_geometry_of(node);
    const bool backward = node->op == &gr_op_lstm_gates_grad, wide = node->out[0].dtype == GR_F64;
    gr_lstm_row *const rows[2][2] = {{lstm_reference_f32, lstm_reference_f64},
                                     {lstm_grad_reference_f32, lstm_grad_reference_f64}};
    gr_lstm_rows(&g, rows[backward][wide], gr_dtype_size(node->out[0].dtype), backward, call, 0,
                 g.rows);
    return GR_OK;
}

static gr_status lstm_reference(gr_request *request)
{
    request->ctx = request->node;
    request->fn = lstm_reference_run;
    return GR_OK;
}

/* ---- Samples ------------------------------------------------------------------------------ */

static const gr_shape lstm_samples[] = {{2, {3, 5}}, {2, {1, 17}}, {2, {2, 40}}, {2, {0, 3}}};

static gr_node *lstm_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(lstm_samples)) return NULL;
    const gr_shape shape = lstm_samples[k], wide = {2, {shape.dim[0], 4 * shape.dim[1]}};
    gr_node *in[] = {gr_draw(sampler, shape, -1, 1), gr_draw(sampler, wide, -1, 1), NULL};
    if (k != 1) in[2] = gr_draw(sampler, wide, -1, 1);
    const gr_attr order = gr_attr_int(k % 2 ? GR_LSTM_IFOG : GR_LSTM_IFGO);
    gr_node *all = gr_build(NULL, &gr_op_lstm_gates, in, k != 1 ? 3 : 2, &order), *part[4];
    for (int i = 0; i < 4; i++) part[i] = gr_scale(gr_get(all, i), 1 + i);
    return gr_concat(part, 4, 1);
}

static gr_node *lstm_grad_sample(gr_sampler *sampler, int k)
{
    if (k >= (int)GR_LEN(lstm_samples)) return NULL;
    const gr_shape shape = lstm_samples[k], wide = {2, {shape.dim[0], 4 * shape.dim[1]}};
    gr_node *in[5] = {gr_draw(sampler, wide, 0.1, 0.9), gr_draw(sampler, shape, -0.9, 0.9)};
    for (int i = 2; i < 5; i++) in[i] = gr_draw(sampler, shape, -1, 1);
    const gr_attr order = gr_attr_int(k % 2 ? GR_LSTM_IFOG : GR_LSTM_IFGO);
    gr_node *all = gr_build(NULL, &gr_op_lstm_gates_grad, in, 5, &order);
    return gr_concat((gr_node *[]){gr_get(all, 0), gr_scale(gr_get(all, 1), 2)}, 2, 1);
}

const gr_op gr_op_lstm_gates = {
    .name = "lstm_gates",
    .doc = "i, f, g, o = gates; c' = f*c + i*g, h = o*tanh(c'), and the gates' values, tanh(c')",
    .min_in = 2,
    .max_in = 3,
    .flags = GR_OP_COSTLY,
    .attrs = lstm_attrs,
    .n_attrs = GR_LEN(lstm_attrs),
    .infer = lstm_infer,
    .grad = lstm_gradient,
    .reference = lstm_reference,
    .sample = lstm_sample,
};

const gr_op gr_op_lstm_gates_grad = {
    .name = "lstm_gates_grad",
    .doc = "the gradient of lstm_gates by the gates and by c",
    .min_in = 5,
    .max_in = 5,
    .attrs = lstm_attrs,
    .n_attrs = GR_LEN(lstm_attrs),
    .infer = lstm_grad_infer,
    .grad = lstm_second_gradient,
    .reference = lstm_reference,
    .sample = lstm_grad_sample,
};

gr_node *gr_lstm_gates(gr_node *x, gr_node *u, gr_node *c, gr_lstm_order order, gr_node **c_next)
{
    const gr_attr attr = gr_attr_int(order);
    gr_node *all = gr_build(NULL, &gr_op_lstm_gates, (gr_node *[]){c, x, u}, u ? 3 : 2, &attr);
    *c_next = gr_get(all, 1);
    return gr_get(all, 0);
}
