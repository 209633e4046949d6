/* attention and its gradient: scaled dot-product attention (Vaswani et al. 2017). Primitives, so
 * that the scores of all pairs need not be kept: the gradient computes them again from the
 * logarithms of the sums (Rabe and Staats 2021; Dao et al. 2022). */
#include "ops/attention.h"

enum { ATTENTION_INPUTS = 8 }; /* at most: q, k, v, mask, step, lse, delta, dy */

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* How many of `n` inputs are q, k, v (or all three in one), a mask, and dropout's step. */
static int attention_core(const gr_op *op, int n)
{
    return op == &gr_op_attention_grad ? n - 3 : n;
}

static void attention_front(gr_attention_geometry *g, gr_shape q, int axes)
{
    g->front = axes;
    g->batch = 1;
    for (int i = 0; i < axes; i++) {
        g->front_dim[i] = q.dim[i];
        g->batch *= q.dim[i];
    }
}

static bool attention_same_front(gr_shape a, gr_shape b, int n)
{
    for (int i = 0; i < n; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

/* […, H, T, d], […, K, S, d], […, K, S, e] */
static bool attention_read_axes(gr_infer *s, gr_attention_geometry *g)
{
    const gr_shape q = s->in[0].shape, k = s->in[1].shape, v = s->in[2].shape;
    const int rank = q.rank, front = rank > 3 ? rank - 3 : 0;
    if (rank < 2 || k.rank != rank || v.rank != rank || !attention_same_front(q, k, front) ||
        !attention_same_front(k, v, rank - 1) || q.dim[rank - 1] != k.dim[rank - 1])
        return gr_infer_fail(s, GR_SHAPE,
                             "q %s, k %s, v %s: should be [...,H,T,d], [...,K,S,d], [...,K,S,e]",
                             gr_shape_text(q), gr_shape_text(k), gr_shape_text(v));
    attention_front(g, q, front);
    g->heads = rank > 2 ? q.dim[rank - 3] : 1;
    g->key_heads = rank > 2 ? k.dim[rank - 3] : 1;
    g->queries = q.dim[rank - 2];
    g->keys = k.dim[rank - 2];
    g->depth = q.dim[rank - 1];
    g->width = v.dim[rank - 1];
    const int64_t t = g->queries, n = g->keys, d = g->depth, e = g->width;
    g->q = (gr_attention_operand){0, g->heads * t * d, t * d, d};
    g->k = (gr_attention_operand){0, g->key_heads * n * d, n * d, d};
    g->v = (gr_attention_operand){0, g->key_heads * n * e, n * e, e};
    g->y = (gr_attention_operand){0, g->heads * t * e, t * e, e};
    g->row = (gr_attention_operand){0, g->heads * t, t, 1};
    return true;
}

/* Rows of a dense operand [N, rows, width] whose heads of `each` begin at column `start`. */
static gr_attention_operand attention_rows(int64_t start, int64_t rows, int64_t width, int64_t each)
{
    return (gr_attention_operand){start, rows * width, each, width};
}

/* […, T, H·d], […, S, K·d], […, S, K·e], or in one […, T, (H + 2K)·d] */
static bool attention_read_rows(gr_infer *s, gr_attention_geometry *g)
{
    const gr_shape q = s->in[0].shape, k = s->in[g->packed ? 0 : 1].shape;
    const gr_shape v = s->in[g->packed ? 0 : 2].shape;
    const int rank = q.rank, front = rank - 2;
    const int64_t heads = s->attr[GR_ATTENTION_HEADS].i, keys = s->attr[GR_ATTENTION_KEY_HEADS].i;
    if (heads < 1 || keys < 1 || heads > INT16_MAX || keys > INT16_MAX)
        return gr_infer_fail(s, GR_INVALID, "%lld heads, %lld of keys: should be in [1, %d]",
                             (long long)heads, (long long)keys, INT16_MAX);
    const int64_t parts = g->packed ? heads + 2 * keys : heads;
    if (rank == GR_MAX_RANK) /* the scores have an axis more */
        return gr_infer_fail(s, GR_SHAPE, "rows q %s: at most %d axes", gr_shape_text(q),
                             GR_MAX_RANK - 1);
    if (rank < 2 || k.rank != rank || v.rank != rank || !attention_same_front(q, k, front) ||
        !attention_same_front(k, v, rank - 1) || q.dim[rank - 1] % parts ||
        (!g->packed &&
         (q.dim[rank - 1] / heads * keys != k.dim[rank - 1] || v.dim[rank - 1] % keys)))
        return gr_infer_fail(s, GR_SHAPE,
                             "rows q %s, k %s, v %s do not hold %lld heads and %lld of keys",
                             gr_shape_text(q), gr_shape_text(k), gr_shape_text(v), (long long)heads,
                             (long long)keys);
    attention_front(g, q, front);
    g->heads = heads;
    g->key_heads = keys;
    g->queries = q.dim[rank - 2];
    g->keys = k.dim[rank - 2];
    g->depth = q.dim[rank - 1] / parts;
    g->width = g->packed ? g->depth : v.dim[rank - 1] / keys;
    const int64_t own = heads * g->depth, key = keys * g->depth;
    g->q = attention_rows(0, g->queries, q.dim[rank - 1], g->depth);
    g->k = attention_rows(g->packed ? own : 0, g->keys, k.dim[rank - 1], g->depth);
    g->v = attention_rows(g->packed ? own + key : 0, g->keys, v.dim[rank - 1], g->width);
    g->y = attention_rows(0, g->queries, heads * g->width, g->width);
    g->row = (gr_attention_operand){0, g->queries * heads, 1, heads};
    return true;
}

gr_shape gr_attention_scores(const gr_attention_geometry *g, bool heads)
{
    gr_shape shape = gr_shape_of(g->front, g->front_dim);
    if (heads) shape.dim[shape.rank++] = g->heads;
    shape.dim[shape.rank++] = g->queries;
    shape.dim[shape.rank++] = g->keys;
    return shape;
}

static bool attention_read_mask(gr_infer *s, gr_attention_geometry *g, bool heads)
{
    const gr_shape scores = gr_attention_scores(g, heads);
    const gr_type mask = s->in[g->mask];
    gr_shape both;
    if (mask.dtype != GR_BOOL)
        return gr_infer_fail(s, GR_DTYPE, "the mask is %s: should be bool",
                             gr_dtype_name(mask.dtype));
    if (!gr_shape_broadcast(mask.shape, scores, &both) || !gr_shape_equal(both, scores))
        return gr_infer_fail(s, GR_SHAPE, "the mask %s does not broadcast to the scores %s",
                             gr_shape_text(mask.shape), gr_shape_text(scores));
    int64_t step = 1;
    for (int i = 0; i < mask.shape.rank; i++) {
        const int64_t size = mask.shape.dim[mask.shape.rank - 1 - i], stride = size == 1 ? 0 : step;
        const int axis = scores.rank - 1 - i, after = heads ? 3 : 2;
        step *= size;
        if (i == 0) g->mask_column = stride;
        if (i == 1) g->mask_row = stride;
        if (i == 2 && heads) g->mask_head = stride;
        if (i >= after) g->mask_front[axis] = stride;
    }
    return true;
}

static bool attention_read_dropout(gr_infer *s, gr_attention_geometry *g)
{
    const char *stream = s->attr[GR_ATTENTION_STREAM].s;
    if (!(g->dropout >= 0 && g->dropout < 1))
        return gr_infer_fail(s, GR_INVALID, "dropout %g: should be in [0, 1)", g->dropout);
    if (g->step < 0) return true;
    if (!stream || !*stream) return gr_infer_fail(s, GR_INVALID, "the stream needs a name");
    if (s->in[g->step].dtype != GR_I64 || s->in[g->step].shape.rank != 0)
        return gr_infer_fail(s, GR_DTYPE, "the step is %s%s; it must be a scalar i64",
                             gr_dtype_name(s->in[g->step].dtype),
                             gr_shape_text(s->in[g->step].shape));
    g->key = gr_hash(stream, strlen(stream), (uint64_t)s->attr[GR_ATTENTION_SEED].i);
    g->threshold = (uint64_t)((1 - g->dropout) * 0x1p32);
    return true;
}

static bool attention_read(gr_infer *s, gr_attention_geometry *g)
{
    const double dropout = s->attr[GR_ATTENTION_DROPOUT].f;
    const int all = attention_core(s->op, s->n_in), core = dropout > 0 ? all - 1 : all;
    const bool rows = s->attr[GR_ATTENTION_HEADS].i != 0;
    *g = (gr_attention_geometry){.packed = core < 3,
                                 .causal = s->attr[GR_ATTENTION_CAUSAL].i != 0,
                                 .scale = s->attr[GR_ATTENTION_SCALE].f,
                                 .dropout = dropout,
                                 .mask = core % 2 == 0 ? core - 1 : -1,
                                 .step = dropout > 0 ? core : -1,
                                 .first_more = all};
    if (core < 1 || core > 4 || (g->packed && !rows))
        return gr_infer_fail(s, GR_INVALID, "%d inputs: should be q, k, v", s->n_in);
    if (!gr_infer_float(s, 0) || !attention_read_dropout(s, g)) return false;
    for (int i = 1; i < s->n_in; i++)
        if (i != g->mask && i != g->step && s->in[i].dtype != s->in[0].dtype)
            return gr_infer_fail(s, GR_DTYPE, "q is %s, input %d %s: convert one by cast",
                                 gr_dtype_name(s->in[0].dtype), i, gr_dtype_name(s->in[i].dtype));
    if (!(rows ? attention_read_rows(s, g) : attention_read_axes(s, g))) return false;
    if (g->keys < 1 || g->depth < 1)
        return gr_infer_fail(s, GR_SHAPE, "q %s: there is nothing to attend to (%lld keys)",
                             gr_shape_text(s->in[0].shape), (long long)g->keys);
    if (g->key_heads < 1 || g->heads % g->key_heads)
        return gr_infer_fail(s, GR_SHAPE,
                             "%lld heads of queries are no multiple of %lld heads of keys",
                             (long long)g->heads, (long long)g->key_heads);
    return g->mask < 0 || attention_read_mask(s, g, rows || s->in[0].shape.rank > 2);
}

/* The shapes of y and of a number for each query. */
static void attention_shapes(const gr_infer *s, const gr_attention_geometry *g, gr_shape *y,
                             gr_shape *row)
{
    *y = *row = s->in[0].shape;
    if (s->attr[GR_ATTENTION_HEADS].i) {
        y->dim[y->rank - 1] = g->heads * g->width;
        row->dim[row->rank - 1] = g->heads;
    } else {
        y->dim[y->rank - 1] = g->width;
        row->rank--;
    }
}

static bool attention_infer(gr_infer *s)
{
    gr_attention_geometry g;
    gr_shape y, row;
    if (!attention_read(s, &g)) return false;
    attention_shapes(s, &g, &y, &row);
    s->n_out = 2;
    s->out[0] = (gr_type){s->in[0].dtype, y};
    s->out[1] = (gr_type){s->in[0].dtype, row};
    return true;
}

static bool attention_grad_infer(gr_infer *s)
{
    gr_attention_geometry g;
    gr_shape y, row;
    if (!attention_read(s, &g)) return false;
    attention_shapes(s, &g, &y, &row);
    for (int i = 0; i < 3; i++) {
        const gr_shape found = s->in[g.first_more + i].shape, wanted = i < 2 ? row : y;
        if (!gr_shape_equal(found, wanted))
            return gr_infer_fail(s, GR_SHAPE, "%s is %s; it must be %s",
                                 (const char *[]){"lse", "delta", "dy"}[i], gr_shape_text(found),
                                 gr_shape_text(wanted));
    }
    s->n_out = g.packed ? 1 : 3;
    for (int i = 0; i < s->n_out; i++) s->out[i] = s->in[i];
    return true;
}

gr_attention_geometry gr_attention_geometry_of(const gr_node *node)
{
    gr_type in[ATTENTION_INPUTS];
    gr_infer s = {.op = node->op, .n_in = node->n_in, .in = in, .attr = node->attr};
    gr_attention_geometry g;
    for (int i = 0; i < node->n_in; i++) in[i] = gr_type_of(node->in[i]);
    attention_read(&s, &g);
    return g;
}

int64_t gr_attention_mask_start(const gr_attention_geometry *g, int64_t n, int64_t h)
{
    int64_t start = h * g->mask_head;
    for (int i = g->front - 1; i >= 0; i--) {
        start += n % g->front_dim[i] * g->mask_front[i];
        n /= g->front_dim[i];
    }
    return start;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* delta = Σ dy·y − dlse, for each query: what the weights' sum of 1, and the sums' logarithm, add
 * to the scores' gradient. */
static void attention_grad_rule(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_attention_geometry g = gr_attention_geometry_of(node);
    gr_node *self = (gr_node *)(uintptr_t)node, *y = gr_get(self, 0), *lse = gr_get(self, 1),
            *in[ATTENTION_INPUTS];
    gr_node *d = dy[0] ? dy[0] : gr_full(node->graph, y->out[0].dtype, gr_node_shape(y), 0);
    gr_shape heads = gr_node_shape(lse);
    heads.dim[heads.rank++] = g.width;
    gr_node *delta = gr_sum(gr_reshape(gr_mul(d, y), heads), GR_AXES(-1));
    if (dy[1]) delta = gr_sub(delta, dy[1]);
    for (int i = 0; i < node->n_in; i++) in[i] = node->in[i];
    in[node->n_in] = lse;
    in[node->n_in + 1] = delta;
    in[node->n_in + 2] = d;
    gr_node *all = gr_build(NULL, &gr_op_attention_grad, in, node->n_in + 3, node->attr);
    for (int i = 0; i < (g.packed ? 1 : 3); i++) dx[i] = gr_get(all, i);
}

/* A gate that gives x, of which a derivative can be asked apart from other uses of x. */
static gr_node *attention_twin(gr_node *x)
{
    const gr_attr shape = gr_attr_shape(gr_node_shape(x));
    return gr_build(NULL, &gr_op_reshape, &x, 1, &shape);
}

/* An operand as [N, K, H/K, rows, each] (keys: [N, K, 1, S, each]), wherever its heads lie. `from`
 * is the first head, `count` their number. */
static gr_node *attention_split(const gr_attention_geometry *g, gr_node *x, bool rows, int64_t from,
                                int64_t count, int64_t steps, int64_t each)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a node has heads of keys */
    const int64_t group = count / g->key_heads;
    const gr_shape heads = GR_SHAPE(g->batch, g->key_heads, group, steps, each);
    if (!rows) return gr_reshape(x, heads);
    const gr_shape shape = gr_node_shape(x);
    const int64_t width = shape.dim[shape.rank - 1];
    x = gr_reshape(x, GR_SHAPE(g->batch, steps, width));
    x = gr_slice(x, (int64_t[]){0, 0, from * each},
                 (int64_t[]){g->batch, steps, (from + count) * each}, NULL);
    x = gr_permute(gr_reshape(x, GR_SHAPE(g->batch, steps, count, each)), GR_AXES(0, 2, 1, 3));
    return gr_reshape(x, heads);
}

/* The other way; keys' sums over the heads that share them. */
static gr_node *attention_join(const gr_attention_geometry *g, gr_node *x, bool rows, int64_t count,
                               int64_t steps, int64_t each, gr_shape shape)
{
    if (count == g->key_heads) x = gr_sum(x, GR_AXES(2));
    if (!rows) return gr_reshape(x, shape);
    x = gr_permute(gr_reshape(x, GR_SHAPE(g->batch, count, steps, each)), GR_AXES(0, 2, 1, 3));
    shape.dim[shape.rank - 1] = count * each;
    return gr_reshape(x, shape);
}

gr_node *gr_attention_seen(const gr_attention_geometry *g, const gr_node *node)
{
    gr_node *seen = NULL;
    if (g->causal) {
        gr_tensor order;
        if (gr_tensor_new(GR_BOOL, GR_SHAPE(g->queries, g->keys), &order) != GR_OK)
            return gr_build_fail(node->graph, GR_NO_MEMORY, node->op->name, "%s", gr_message());
        for (int64_t i = 0; i < g->queries; i++)
            for (int64_t j = 0; j < g->keys; j++)
                ((bool *)order.data)[i * g->keys + j] = j < gr_attention_reach(g, i);
        seen = gr_constant(node->graph, &order);
        gr_tensor_clear(&order);
    }
    if (g->mask < 0) return seen;
    const bool heads = node->attr[GR_ATTENTION_HEADS].i || gr_node_shape(node->in[0]).rank > 2;
    gr_node *mask = gr_broadcast(node->in[g->mask], gr_attention_scores(g, heads));
    mask = gr_reshape(
        mask, GR_SHAPE(g->batch, g->key_heads, g->heads / g->key_heads, g->queries, g->keys));
    return seen ? gr_and(mask, seen) : mask;
}

gr_node *gr_attention_dropped(const gr_attention_geometry *g, const gr_node *node, bool heads)
{
    if (g->step < 0) return NULL;
    const gr_stream stream = {(uint64_t)node->attr[GR_ATTENTION_SEED].i,
                              node->attr[GR_ATTENTION_STREAM].s, node->in[g->step]};
    gr_node *kept = gr_random_bernoulli(node->graph, gr_type_of(node->in[0]).dtype,
                                        gr_attention_scores(g, heads), 1 - g->dropout, stream);
    return gr_scale(kept, 1 / (1 - g->dropout));
}

/* attention_grad by ordinary gates of q, k, v (or all in one), lse, delta and dy: outputs as the
 * op's. */
static void attention_grad_by_gates(const gr_node *node, gr_node *const *in, gr_node **out)
{
    const gr_attention_geometry g = gr_attention_geometry_of(node);
    const bool rows = node->attr[GR_ATTENTION_HEADS].i != 0;
    const int64_t t = g.queries, s = g.keys, h = g.heads, kh = g.key_heads, d = g.depth;
    gr_node *const *more = in + g.first_more;
    gr_node *q = attention_split(&g, in[0], rows, 0, h, t, d);
    gr_node *k = attention_split(&g, in[g.packed ? 0 : 1], rows, g.packed ? h : 0, kh, s, d);
    gr_node *v =
        attention_split(&g, in[g.packed ? 0 : 2], rows, g.packed ? h + kh : 0, kh, s, g.width);
    gr_node *lse = attention_split(&g, more[0], rows, 0, h, t, 1);
    gr_node *delta = attention_split(&g, more[1], rows, 0, h, t, 1);
    gr_node *dy = attention_split(&g, more[2], rows, 0, h, t, g.width);
    gr_node *p = gr_exp(gr_sub(gr_scale(gr_matmul_t(q, false, k, true), g.scale), lse));
    gr_node *seen = gr_attention_seen(&g, node);
    if (seen) p = gr_where(seen, p, gr_like(p, 0));
    gr_node *dp = gr_matmul_t(dy, false, v, true), *kept = p;
    gr_node *dropped = gr_attention_dropped(&g, node, true);
    if (dropped) {
        dropped = gr_reshape(dropped, gr_node_shape(p));
        kept = gr_mul(p, dropped);
        dp = gr_mul(dp, dropped);
    }
    gr_node *ds = gr_scale(gr_mul(p, gr_sub(dp, delta)), g.scale);
    gr_node *dq = gr_matmul(ds, k), *dk = gr_matmul_t(ds, true, q, false);
    gr_node *dv = gr_matmul_t(kept, true, dy, false);
    const int last = g.packed ? 0 : 2;
    out[0] = attention_join(&g, dq, rows, h, t, d, gr_node_shape(in[0]));
    out[1] = attention_join(&g, dk, rows, kh, s, d, gr_node_shape(in[g.packed ? 0 : 1]));
    out[2] = attention_join(&g, dv, rows, kh, s, g.width, gr_node_shape(in[last]));
    if (g.packed) out[0] = gr_concat(out, 3, -1);
}

/* The gradient's gradient by gates: rarely asked for, and then quadratic in memory. */
static void attention_grad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    const gr_attention_geometry g = gr_attention_geometry_of(node);
    gr_node *in[ATTENTION_INPUTS] = {0}, *wrt[6], *out[3], *part[6];
    int place[6], n = 0;
    for (int i = 0; i < node->n_in; i++) {
        const bool fixed = i == g.mask || i == g.step;
        in[i] = fixed ? node->in[i] : attention_twin(node->in[i]);
        if (fixed) continue;
        place[n] = i;
        wrt[n++] = in[i];
    }
    attention_grad_by_gates(node, in, out);
    for (int i = 0; i < (g.packed ? 1 : 3); i++) {
        if (!dy[i] || gr_vjp(out[i], dy[i], wrt, n, part) != GR_OK) continue;
        for (int j = 0; j < n; j++)
            dx[place[j]] = dx[place[j]] ? gr_add(dx[place[j]], part[j]) : part[j];
    }
}

/* ---- Records --------------------------------------------------------------------------------- */

static const gr_attr_desc attention_attrs[GR_ATTENTION_ATTRS] = {
    {"heads", GR_ATTR_INT},  {"key_heads", GR_ATTR_INT}, {"causal", GR_ATTR_INT},
    {"scale", GR_ATTR_REAL}, {"dropout", GR_ATTR_REAL},  {"seed", GR_ATTR_INT},
    {"stream", GR_ATTR_TEXT}};

static const struct {
    gr_shape q, k, v, mask; /* rank -1: there is none */
    int64_t heads, key_heads, causal;
    gr_shape row, y; /* of lse and delta, of dy */
    double dropout;
} attention_samples[] = {
    {{4, {2, 3, 5, 4}},
     {4, {2, 3, 7, 4}},
     {4, {2, 3, 7, 3}},
     {-1, {0}},
     0,
     0,
     0,
     {3, {2, 3, 5}},
     {4, {2, 3, 5, 3}},
     0},
    {{4, {1, 4, 6, 3}},
     {4, {1, 2, 6, 3}},
     {4, {1, 2, 6, 3}},
     {-1, {0}},
     0,
     0,
     1,
     {3, {1, 4, 6}},
     {4, {1, 4, 6, 3}},
     0},
    {{2, {5, 4}}, {2, {3, 4}}, {2, {3, 2}}, {1, {3}}, 0, 0, 1, {1, {5}}, {2, {5, 2}}, 0},
    {{3, {2, 4, 6}},
     {3, {2, 5, 3}},
     {3, {2, 5, 4}},
     {4, {2, 1, 4, 5}},
     2,
     1,
     0,
     {3, {2, 4, 2}},
     {3, {2, 4, 8}},
     0},
    {{3, {2, 5, 12}}, {-1, {0}}, {-1, {0}}, {-1, {0}}, 2, 2, 1, {3, {2, 5, 2}}, {3, {2, 5, 4}}, 0},
    {{3, {2, 6, 9}}, {-1, {0}}, {-1, {0}}, {-1, {0}}, 1, 1, 1, {3, {2, 6, 1}}, {3, {2, 6, 3}}, 0.3},
    {{4, {1, 4, 3, 2}},
     {4, {1, 2, 5, 2}},
     {4, {1, 2, 5, 3}},
     {2, {3, 5}},
     0,
     0,
     0,
     {3, {1, 4, 3}},
     {4, {1, 4, 3, 3}},
     0.5},
    {{4, {1, 2, 4, 8}},
     {-1, {0}},
     {-1, {0}},
     {3, {2, 4, 1}},
     2,
     1,
     0,
     {4, {1, 2, 4, 2}},
     {4, {1, 2, 4, 4}},
     0},
    {{4, {0, 2, 3, 4}},
     {4, {0, 2, 3, 4}},
     {4, {0, 2, 3, 4}},
     {-1, {0}},
     0,
     0,
     0,
     {3, {0, 2, 3}},
     {4, {0, 2, 3, 4}},
     0},
};

/* Draws the inputs of sample k that both ops share: how many. */
static int attention_sample_core(gr_sampler *sampler, int k, gr_node **in)
{
    const gr_shape shape[] = {attention_samples[k].q, attention_samples[k].k,
                              attention_samples[k].v};
    int n = 0;
    for (int i = 0; i < 3; i++)
        if (shape[i].rank >= 0) in[n++] = gr_draw(sampler, shape[i], -1, 1);
    if (attention_samples[k].mask.rank >= 0)
        in[n++] = gr_draw_typed(sampler, GR_BOOL, attention_samples[k].mask, 0, 2);
    if (attention_samples[k].dropout > 0)
        in[n++] = gr_draw_typed(sampler, GR_I64, GR_SCALAR, 0, 1000);
    return n;
}

static gr_node *attention_sample_build(const gr_op *op, int k, gr_node *const *in, int n)
{
    const gr_attr attr[GR_ATTENTION_ATTRS] = {
        [GR_ATTENTION_HEADS] = gr_attr_int(attention_samples[k].heads),
        [GR_ATTENTION_KEY_HEADS] = gr_attr_int(attention_samples[k].key_heads),
        [GR_ATTENTION_CAUSAL] = gr_attr_int(attention_samples[k].causal),
        [GR_ATTENTION_SCALE] = gr_attr_real(0.7),
        [GR_ATTENTION_DROPOUT] = gr_attr_real(attention_samples[k].dropout),
        [GR_ATTENTION_SEED] = gr_attr_int(5),
        [GR_ATTENTION_STREAM] = gr_attr_text("sample"),
    };
    return gr_build(NULL, op, in, n, attr);
}

static gr_node *attention_sample(gr_sampler *sampler, int k)
{
    gr_node *in[ATTENTION_INPUTS];
    if ((size_t)k >= GR_LEN(attention_samples)) return NULL;
    const int n = attention_sample_core(sampler, k, in);
    return attention_sample_build(&gr_op_attention, k, in, n);
}

static gr_node *attention_grad_sample(gr_sampler *sampler, int k)
{
    gr_node *in[ATTENTION_INPUTS];
    if ((size_t)k >= GR_LEN(attention_samples)) return NULL;
    const int n = attention_sample_core(sampler, k, in);
    in[n] = gr_draw(sampler, attention_samples[k].row, 1, 2);
    in[n + 1] = gr_draw(sampler, attention_samples[k].row, -1, 1);
    in[n + 2] = gr_draw(sampler, attention_samples[k].y, -1, 1);
    return attention_sample_build(&gr_op_attention_grad, k, in, n + 3);
}

const gr_op gr_op_attention = {
    .name = "attention",
    .doc = "softmax(scale*q k^T) v over the keys seen, and the logarithms of the softmax's sums",
    .min_in = 1,
    .max_in = 5,
    .attrs = attention_attrs,
    .n_attrs = GR_ATTENTION_ATTRS,
    .infer = attention_infer,
    .grad = attention_grad_rule,
    .reference = gr_attention_reference,
    .sample = attention_sample,
};

const gr_op gr_op_attention_grad = {
    .name = "attention_grad",
    .doc = "the gradient of attention, of its inputs, the sums' logarithms, sum(dy*y) and dy",
    .min_in = 4,
    .max_in = ATTENTION_INPUTS,
    .attrs = attention_attrs,
    .n_attrs = GR_ATTENTION_ATTRS,
    .infer = attention_grad_infer,
    .grad = attention_grad_grad,
    .reference = gr_attention_reference,
    .sample = attention_grad_sample,
};
