/* Random graphs: elementwise gates, reductions and movements. */
#include "support_random.h"

static int64_t gates_count(const gr_node *node)
{
    return gr_shape_count(gr_node_shape(node));
}

/* x in a range that suits functions which grow fast. */
static gr_node *gates_small(random_graph *r, const random_value *v)
{
    if (v->bound <= 2) return v->node;
    return random_one_in(r, 2) ? gr_tanh(v->node) : gr_scale(v->node, 2 / v->bound);
}

/* Above 0.3, of the same shape. */
static gr_node *gates_positive(random_graph *r, const random_value *v)
{
    switch (random_from(r, 0, 3)) {
    case 0:
        return gr_shift(gr_square(gates_small(r, v)), 0.5);
    case 1:
        return gr_shift(gr_sigmoid(v->node), 0.3);
    case 2:
        return gr_shift(gr_abs(v->node), 0.3);
    default:
        return gr_exp(gr_tanh(v->node));
    }
}

/* ---- One operand ------------------------------------------------------------------------------
 */

static void gates_function(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_node *x = v->node, *small = gates_small(r, v);
    switch (random_from(r, 0, 10)) {
    case 0:
        random_put(r, gr_sqrt(gates_positive(r, v)), 1 + v->bound);
        break;
    case 1:
        random_put(r, gr_rsqrt(gates_positive(r, v)), 2);
        break;
    case 2:
        random_put(r, gr_exp(small), 7.4);
        break;
    case 3:
        random_put(r, gr_log(gates_positive(r, v)), 1 + v->bound);
        break;
    case 4:
        random_put(r, gr_log1p(gr_square(x)), 1 + v->bound);
        break;
    case 5:
        random_put(r, gr_expm1(small), 6.4);
        break;
    case 6:
        random_put(r, random_one_in(r, 2) ? gr_sin(x) : gr_cos(x), 1);
        break;
    case 7:
        random_put(r, random_one_in(r, 2) ? gr_tanh(x) : gr_sigmoid(x), 1);
        break;
    case 8:
        random_put(r, gr_softplus(x), 1 + v->bound);
        break;
    case 9:
        random_put(r, random_one_in(r, 2) ? gr_erf(x) : gr_gelu(x), 1 + v->bound);
        break;
    default:
        random_put(r, gr_elu(x, 0.7), 1 + v->bound);
        break;
    }
}

static void gates_arithmetic(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_node *x = v->node;
    switch (random_from(r, 0, 11)) {
    case 0:
        random_put(r, gr_neg(x), v->bound);
        break;
    case 1:
        random_put(r, gr_abs(x), v->bound);
        break;
    case 2:
        random_put(r, gr_square(x), v->bound * v->bound);
        break;
    case 3:
        random_put(r, gr_relu(x), v->bound);
        break;
    case 4:
        random_put(r, random_one_in(r, 2) ? gr_leaky_relu(x, 0.1) : gr_hard_swish(x), v->bound);
        break;
    case 5:
        random_put(r, gr_clip(x, -0.8, 0.6), 1);
        break;
    case 6:
        random_put(r, gr_mul(gr_sign(x), x), v->bound);
        break;
    case 7:
        random_put(r, gr_add(gr_floor(gr_scale(x, 3)), x), 4 * v->bound + 1);
        break;
    case 8:
        random_put(r, gr_cast(gr_square(gr_cast(x, GR_F64)), GR_F32), v->bound * v->bound);
        break;
    case 9:
        random_put(r, gr_scale(x, random_one_in(r, 2) ? 1 : -1.7), 1.7 * v->bound);
        break;
    case 10:
        random_put(r, gr_shift(x, random_one_in(r, 2) ? 0 : 0.3), 0.3 + v->bound);
        break;
    default:
        random_put(r, gr_mul(x, gr_stop_gradient(x)), v->bound * v->bound);
        break;
    }
}

/* ---- Two operands -----------------------------------------------------------------------------
 */

/* A second operand: of the pool if one has the shape, else a new leaf, or one that is broadcast. */
static random_value gates_partner(random_graph *r, const gr_node *x)
{
    gr_shape shape = gr_node_shape(x);
    for (int tries = 0; tries < 4; tries++) {
        random_value *v = random_pick(r);
        if (gr_shape_equal(gr_node_shape(v->node), shape)) return *v;
    }
    if (random_one_in(r, 5))
        return (random_value){.node = gr_scalar(r->graph, GR_F32, 0.7), .bound = 1};
    for (int i = 0; i < shape.rank; i++)
        if (random_one_in(r, 3)) shape.dim[i] = 1;
    int dropped = random_one_in(r, 2) ? (int)random_from(r, 0, shape.rank) : 0;
    return (random_value){random_leaf(r, gr_shape_of(shape.rank - dropped, shape.dim + dropped)), 1,
                          false};
}

static gr_node *gates_compare(random_graph *r, gr_node *a, gr_node *b)
{
    switch (random_from(r, 0, 5)) {
    case 0:
        return gr_less(a, b);
    case 1:
        return gr_greater_equal(a, b);
    case 2:
        return gr_and(gr_greater(a, b), gr_less_equal(gr_like(a, -0.5), a));
    case 3:
        return random_one_in(r, 2) ? gr_not(gr_equal(gr_sign(a), gr_sign(b)))
                                   : gr_not_equal(gr_floor(a), gr_floor(b));
    case 4:
        return gr_or(gr_less(b, a), gr_greater(b, gr_like(b, 0.2)));
    default:
        return gr_xor(gr_less(a, b), gr_less(a, gr_like(a, 0)));
    }
}

static void gates_binary(random_graph *r)
{
    const random_value a = *random_pick(r), b = gates_partner(r, a.node);
    if (!b.node) return;
    gr_node *x = a.node, *y = b.node;
    const double sum = a.bound + b.bound, product = a.bound * b.bound;
    switch (random_from(r, 0, 9)) {
    case 0:
    case 1:
        random_put(r, gr_add(x, y), sum);
        break;
    case 2:
        random_put(r, gr_sub(y, x), sum);
        break;
    case 3:
    case 4:
        random_put(r, gr_mul(x, y), product);
        break;
    case 5:
        random_put(r, gr_div(x, gates_positive(r, &b)), 3 * a.bound);
        break;
    case 6:
        random_put(r, gr_pow(gates_positive(r, &a), gr_tanh(y)), 2 + a.bound * a.bound);
        break;
    case 7:
        random_put(r, random_one_in(r, 2) ? gr_maximum(x, y) : gr_minimum(x, y), sum);
        break;
    case 8:
        random_put(r, gr_prelu(x, gr_clip(y, 0.1, 0.9)), a.bound);
        break;
    default:
        random_put(r, gr_where(gates_compare(r, x, y), gr_sin(x), gr_add(x, y)), sum + 1);
        break;
    }
}

/* ---- Reductions -------------------------------------------------------------------------------
 */

static gr_axes gates_axes(random_graph *r, gr_shape shape, int64_t *reduced)
{
    gr_axes axes = {.keep = random_one_in(r, 2)};
    *reduced = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (random_one_in(r, 2)) continue;
        axes.axis[axes.count++] = i;
        *reduced *= shape.dim[i];
    }
    return axes;
}

static void gates_reduce(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape shape = gr_node_shape(v->node);
    int64_t n;
    gr_axes axes = gates_axes(r, shape, &n);
    int axis = shape.rank ? (int)random_from(r, 0, shape.rank - 1) : 0;
    gr_node *x = v->node;
    switch (random_from(r, 0, 7)) {
    case 0:
        random_put(r, gr_sum(x, axes), v->bound * (double)n);
        break;
    case 1:
        random_put(r, gr_mean(x, axes), v->bound);
        break;
    case 2:
        random_put(r, random_one_in(r, 2) ? gr_max(x, axes) : gr_min(x, axes), v->bound);
        break;
    case 3:
        if (n <= 8) random_put(r, gr_prod(gr_tanh(x), axes), 1);
        break;
    case 4:
        if (shape.rank) random_put(r, gr_softmax(x, axis), 1);
        break;
    case 5:
        if (shape.rank) random_put(r, gr_log_softmax(x, axis), 6 + 2 * v->bound);
        break;
    case 6:
        if (shape.rank) random_put(r, gr_logsumexp(x, axis), 6 + v->bound);
        break;
    default: {
        axes.keep = true;
        gr_node *centred = gr_sub(x, gr_mean(x, axes));
        gr_node *variance = gr_mean(gr_square(centred), axes);
        random_put(r, gr_mul(centred, gr_rsqrt(gr_shift(variance, 0.01))), 4);
        break;
    }
    }
}

/* ---- Movement ---------------------------------------------------------------------------------
 */

static void gates_reshape(random_graph *r, const random_value *v)
{
    gr_shape old = gr_node_shape(v->node), shape = {.rank = 0};
    for (int i = 0; i < old.rank; i++) {
        if (shape.rank && random_one_in(r, 3)) {
            shape.dim[shape.rank - 1] *= old.dim[i];
            continue;
        }
        for (int64_t part = 2; part <= 7 && shape.rank < 3; part++) {
            if (old.dim[i] % part || !random_one_in(r, 4)) continue;
            shape.dim[shape.rank++] = part;
            old.dim[i] /= part;
        }
        shape.dim[shape.rank++] = old.dim[i];
        if (shape.rank >= 5) break;
    }
    if (shape.rank && random_one_in(r, 3)) shape.dim[shape.rank - 1] = -1;
    int64_t known = 1;
    for (int i = 0; i < shape.rank; i++) known *= shape.dim[i];
    if (known >= 0 && known != gates_count(v->node)) return;
    random_put(r, gr_reshape(v->node, shape), v->bound);
}

static gr_node *gates_permuted(random_graph *r, gr_node *x)
{
    gr_axes axes = {.count = gr_node_shape(x).rank};
    for (int i = 0; i < axes.count; i++) axes.axis[i] = i;
    for (int i = axes.count - 1; i > 0; i--) {
        int k = (int)random_from(r, 0, i), swap = axes.axis[i];
        axes.axis[i] = axes.axis[k];
        axes.axis[k] = swap;
    }
    return gr_permute(x, axes);
}

static void gates_permute(random_graph *r, const random_value *v)
{
    gr_node *x = gates_permuted(r, v->node);
    if (random_one_in(r, 2)) x = gates_permuted(r, x);
    if (random_one_in(r, 4)) x = gates_permuted(r, gr_neg(x));
    random_put(r, x, v->bound);
}

static void gates_broadcast(random_graph *r, const random_value *v)
{
    gr_shape old = gr_node_shape(v->node), shape = {.rank = 0};
    int64_t room = RANDOM_ELEMENTS / 4 / (gates_count(v->node) + 1);
    if (room < 2 || old.rank > 4) return;
    if (random_one_in(r, 2)) {
        shape.dim[shape.rank++] = random_size(r, room < 8 ? room : 8);
        room /= shape.dim[0];
    }
    for (int i = 0; i < old.rank; i++) {
        int64_t size = old.dim[i];
        if (size == 1 && room > 1) size = random_size(r, room < 33 ? room : 33);
        if (size != old.dim[i]) room /= size;
        shape.dim[shape.rank++] = size;
    }
    random_put(r, gr_broadcast(v->node, shape), v->bound);
}

static void gates_slice(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    int64_t start[GR_MAX_RANK], stop[GR_MAX_RANK], step[GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) {
        const bool cut = random_one_in(r, 2);
        start[i] = cut ? random_from(r, 0, (shape.dim[i] - 1) / 2) : 0;
        stop[i] = cut ? random_from(r, start[i] + 1, shape.dim[i]) : shape.dim[i];
        step[i] = random_one_in(r, 3) ? random_from(r, 1, 3) : 1;
    }
    random_put(r, gr_slice(v->node, start, stop, random_one_in(r, 3) ? NULL : step), v->bound);
}

static void gates_pad(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    int64_t before[GR_MAX_RANK], after[GR_MAX_RANK], inner[GR_MAX_RANK], count = 1;
    for (int i = 0; i < shape.rank; i++) {
        before[i] = random_one_in(r, 2) ? random_from(r, 0, 2) : 0;
        after[i] = random_one_in(r, 2) ? random_from(r, 0, 2) : 0;
        inner[i] = random_one_in(r, 4) ? 1 : 0;
        count *= before[i] + after[i] + shape.dim[i] * (1 + inner[i]);
    }
    if (count > RANDOM_ELEMENTS) return;
    random_put(r, gr_pad(v->node, before, after, random_one_in(r, 2) ? NULL : inner, 0.25),
               v->bound + 0.25);
}

static void gates_concat(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    if (shape.rank == 0 || gates_count(v->node) > RANDOM_ELEMENTS / 4) return;
    int axis = (int)random_from(r, 0, shape.rank - 1);
    gr_node *part[3] = {v->node, v->node, v->node};
    int n = (int)random_from(r, 2, 3);
    for (int i = 1; i < n; i++) {
        if (random_one_in(r, 2)) continue;
        shape.dim[axis] = random_size(r, 5);
        part[i] = random_leaf(r, shape);
    }
    random_put(r, gr_concat(part, n, axis - (random_one_in(r, 2) ? shape.rank : 0)), v->bound + 1);
}

static void gates_split(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    for (int axis = 0; axis < shape.rank; axis++) {
        for (int parts = 2; parts <= 5; parts++) {
            if (shape.dim[axis] % parts) continue;
            gr_node *tuple = gr_split(v->node, parts, axis);
            for (int i = 0; i < parts; i += 1 + (int)random_from(r, 0, 1))
                random_put(r, gr_get(tuple, i), v->bound);
            return;
        }
    }
}

static void gates_gather(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    if (shape.rank == 0 || gates_count(v->node) > RANDOM_ELEMENTS / 8) return;
    const int axis = (int)random_from(r, 0, shape.rank - 1);
    const gr_dtype dtype = random_one_in(r, 2) ? GR_I32 : GR_I64;
    gr_node *index =
        random_index(r, dtype, random_shape(r, (int)random_from(r, 0, 2), 8), shape.dim[axis]);
    if (!index) return;
    gr_node *rows = gr_gather(v->node, index, axis);
    if (random_one_in(r, 2))
        random_put(r, rows, v->bound);
    else
        random_put(r, gr_scatter_add(v->node, index, gr_scale(rows, 0.1), axis), 2 * v->bound);
}

static void gates_choose(random_graph *r, const random_value *v)
{
    gr_shape shape = gr_node_shape(v->node);
    if (shape.rank == 0) return;
    const int axis = (int)random_from(r, 0, shape.rank - 1);
    gr_node *best = random_one_in(r, 2) ? gr_argmax(v->node, axis) : gr_argmin(v->node, axis);
    const int64_t depth = shape.dim[axis];
    if (gates_count(best) * depth > RANDOM_ELEMENTS) return;
    random_put(r, gr_scale(gr_one_hot(best, depth, GR_F32), 0.5), 1);
}

static void gates_move(random_graph *r)
{
    static void (*const moves[])(random_graph *, const random_value *) = {
        gates_reshape, gates_permute, gates_broadcast, gates_slice, gates_pad,
        gates_concat,  gates_split,   gates_gather,    gates_choose};
    moves[random_from(r, 0, (int64_t)GR_LEN(moves) - 1)](r, random_pick(r));
}

void random_gate(random_graph *r)
{
    switch (random_from(r, 0, 9)) {
    case 0:
    case 1:
        gates_function(r);
        break;
    case 2:
    case 3:
        gates_arithmetic(r);
        break;
    case 4:
    case 5:
    case 6:
        gates_binary(r);
        break;
    case 7:
    case 8:
        gates_reduce(r);
        break;
    default:
        gates_move(r);
        break;
    }
}
