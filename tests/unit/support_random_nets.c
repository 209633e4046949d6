/* Random graphs: contractions, windows, normalisations, loops and draws; whole nets; the loss. */
#include "support_random.h"

static int64_t nets_count(const gr_node *node)
{
    return gr_shape_count(gr_node_shape(node));
}

/* ---- Contractions ------------------------------------------------------------------------------
 */

/* One side from the pool, the other a leaf, either transposed, perhaps with batches. */
static void nets_matmul(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape a = gr_node_shape(v->node), b = {.rank = 2};
    if (a.rank < 2) return;
    const bool turned = random_one_in(r, 2), b_turned = random_one_in(r, 2),
               swap = random_one_in(r, 3);
    const int64_t inner = a.dim[a.rank - (turned == swap ? 1 : 2)], width = random_size(r, 100);
    const int64_t outer = nets_count(v->node) / inner;
    if (outer * width > RANDOM_ELEMENTS || inner * width > RANDOM_ELEMENTS) return;
    if (!random_afford(r, (double)outer * (double)inner * (double)width)) return;
    b.dim[b_turned == swap ? 0 : 1] = inner;
    b.dim[b_turned == swap ? 1 : 0] = width;
    if (a.rank > 2 && random_one_in(r, 2)) { /* a matrix for each of the batch */
        b = (gr_shape){.rank = 3, .dim = {a.dim[a.rank - 3], b.dim[0], b.dim[1]}};
        if (gr_shape_count(b) > RANDOM_ELEMENTS) return;
    }
    gr_node *w = random_leaf(r, b);
    if (!w) return;
    gr_node *y = swap ? gr_matmul_t(w, b_turned, v->node, turned)
                      : gr_matmul_t(v->node, turned, w, b_turned);
    random_put(r, y, v->bound * (double)inner);
}

static void nets_dense(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape shape = gr_node_shape(v->node);
    if (shape.rank < 2) return;
    const int64_t units = random_size(r, 100), in = nets_count(v->node) / shape.dim[0];
    if (in * units > RANDOM_ELEMENTS || !random_afford(r, (double)(nets_count(v->node) * units)))
        return;
    random_put(
        r, gr_dense(r->scope, NULL, v->node, GR_DENSE(units, .no_bias = random_one_in(r, 3))), 3);
}

/* x with 1 to 3 spatial axes behind batch and channels; NULL if it has too few or many. */
static gr_node *nets_image(random_graph *r, const random_value *v)
{
    (void)r;
    gr_shape shape = gr_node_shape(v->node);
    return shape.rank >= 3 && shape.rank <= 5 ? v->node : NULL;
}

static int64_t nets_extent(int64_t in, int64_t kernel, int64_t stride, int64_t pad,
                           int64_t dilation)
{
    const int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

static void nets_conv_on(random_graph *r, const random_value *v, gr_node *x)
{
    static const int64_t kernels[] = {1, 2, 3, 3, 3, 5}, channels[] = {1, 2, 3, 8, 16, 17, 32, 33};
    gr_shape shape = gr_node_shape(x);
    gr_conv_options o = {.size = sizeof o, .no_bias = random_one_in(r, 3)};
    o.kernel = kernels[random_from(r, 0, GR_LEN(kernels) - 1)];
    o.channels = channels[random_from(r, 0, GR_LEN(channels) - 1)];
    o.stride = random_one_in(r, 4) ? random_from(r, 2, 3) : 1;
    o.dilation = random_one_in(r, 6) ? 2 : 1;
    o.pad = random_one_in(r, 3) ? random_from(r, 0, o.kernel) : (o.kernel - 1) / 2;
    o.groups = 1;
    if (random_one_in(r, 4)) { /* depthwise, or some groups */
        o.groups = random_one_in(r, 2) || shape.dim[1] % 2 ? shape.dim[1] : 2;
        o.channels = o.groups * random_from(r, 1, 2);
    }
    double places = (double)(shape.dim[0] * o.channels),
           taps = (double)shape.dim[1] / (double)o.groups;
    for (int i = 2; i < shape.rank; i++) {
        places *= (double)nets_extent(shape.dim[i], o.kernel, o.stride, o.pad, o.dilation);
        taps *= (double)o.kernel;
    }
    if (places < 1 || places > RANDOM_ELEMENTS || taps * (double)o.channels > RANDOM_ELEMENTS)
        return;
    if (!random_afford(r, places * taps)) return;
    (void)v;
    random_put(r, gr_conv_layer(r->scope, NULL, x, &o), 3);
}

static void nets_conv(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_node *x = nets_image(r, v);
    if (x) nets_conv_on(r, v, x);
}

/* The transposed convolution: twice as large. */
static void nets_deconv(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape shape = gr_node_shape(v->node), big = shape, w;
    const int64_t channels = random_from(r, 1, 5);
    if (shape.rank != 4) return;
    big.dim[1] = channels;
    for (int i = 2; i < 4; i++) big.dim[i] = 2 * shape.dim[i] + 1;
    w = GR_SHAPE(shape.dim[1], channels, 3, 3);
    if (gr_shape_count(big) > RANDOM_ELEMENTS || gr_shape_count(w) > RANDOM_ELEMENTS) return;
    if (!random_afford(r, (double)(nets_count(v->node) * channels * 9))) return;
    random_put(r, gr_conv_input_grad(v->node, random_leaf(r, w), big, GR_WINDOW(.stride = 2)),
               v->bound * (double)(4 * shape.dim[1]));
}

/* ---- Windows, normalisation, draws -------------------------------------------------------------
 */

static void nets_pool(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_node *x = nets_image(r, v);
    if (!x) return;
    gr_window window = {.size = sizeof window, .kernel = random_from(r, 1, 3)};
    gr_shape shape = gr_node_shape(x);
    window.stride = random_one_in(r, 2) ? random_from(r, 1, 3) : 0;
    window.pad = window.kernel > 1 && random_one_in(r, 3) ? 1 : 0;
    window.ceil = random_one_in(r, 3);
    for (int i = 2; i < shape.rank; i++)
        if (nets_extent(shape.dim[i], window.kernel, 1, 0, 1) < 1) return;
    window.count_include_pad = random_one_in(r, 2);
    random_put(r, random_one_in(r, 2) ? gr_max_pool(x, &window) : gr_avg_pool(x, &window),
               v->bound);
}

static void nets_norm(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape shape = gr_node_shape(v->node);
    /* The variance of few elements may be nearly nothing. */
    if (shape.rank < 2 || nets_count(v->node) / shape.dim[1] < 8) return;
    random_put(r,
               gr_batch_norm(r->scope, NULL, v->node,
                             GR_BATCH_NORM(.no_affine = random_one_in(r, 4), .epsilon = 1e-2)),
               4);
}

static void nets_draw(random_graph *r)
{
    const random_value *v = random_pick(r);
    char name[32];
    const gr_stream stream = {r->seed, random_name(r, "noise", name), gr_scope_step(r->scope)};
    gr_shape shape = gr_node_shape(v->node);
    if (random_one_in(r, 2))
        random_put(r, gr_dropout(r->scope, NULL, v->node, 0.3), 1.5 * v->bound);
    else if (random_one_in(r, 2))
        random_put(r, gr_add(v->node, gr_random_uniform(r->graph, GR_F32, shape, stream)),
                   1 + v->bound);
    else
        random_put(r, gr_mul(v->node, gr_random_normal(r->graph, GR_F32, shape, stream)),
                   3 * v->bound);
}

static void nets_prelu(random_graph *r)
{
    const random_value *v = random_pick(r);
    if (gr_node_shape(v->node).rank >= 2)
        random_put(r, gr_prelu_layer(r->scope, NULL, v->node), v->bound);
}

/* ---- Loops -------------------------------------------------------------------------------------
 */

/* h ← tanh(h·u + x_t) or h ← ½h + tanh(x_t·h)·u, with an output of each iteration. */
static void nets_scan(random_graph *r)
{
    const random_value *v = random_pick(r);
    gr_shape shape = gr_node_shape(v->node);
    if (shape.rank < 1 || shape.rank > 3 || shape.dim[0] > 33) return;
    gr_shape slice = gr_shape_of(shape.rank - 1, shape.dim + 1), u_shape = slice;
    const bool recurrent = slice.rank == 2 && slice.dim[1] <= 33;
    if (recurrent) u_shape = GR_SHAPE(slice.dim[1], slice.dim[1]);
    if (recurrent && !random_afford(r, (double)(nets_count(v->node) * slice.dim[1]))) return;
    gr_graph *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F32, slice), *x = gr_input(body, "x", GR_F32, slice);
    gr_node *u = gr_input(body, "u", GR_F32, u_shape);
    gr_node *next = recurrent ? gr_tanh(gr_add(gr_scale(gr_matmul(h, u), 0.2), x))
                              : gr_add(gr_scale(h, 0.5), gr_mul(gr_tanh(gr_mul(x, h)), u));
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = (gr_node *[]){h, x, u},
                               .body_out = (gr_node *[]){next, gr_mul(next, gr_sigmoid(x))},
                               .carries = 1,
                               .slices = 1,
                               .captures = 1,
                               .outputs = 1,
                               .reverse = random_one_in(r, 3)};
    gr_node *first = random_leaf(r, slice), *weights = random_leaf(r, u_shape);
    gr_node *result = gr_scan(r->graph, &spec, (gr_node *[]){first, v->node, weights});
    random_put(r, gr_get(result, 0), 3);
    random_put(r, gr_get(result, 1), 3);
}

void random_layer(random_graph *r)
{
    static void (*const layers[])(random_graph *) = {
        nets_matmul, nets_matmul, nets_dense, nets_conv, nets_conv,    nets_deconv, nets_pool,
        nets_norm,   nets_draw,   nets_prelu, nets_scan, random_order, random_order};
    layers[random_from(r, 0, GR_LEN(layers) - 1)](r);
}

/* ---- Whole nets --------------------------------------------------------------------------------
 */

/* The newest gate of the pool. */
static random_value *nets_last(random_graph *r)
{
    r->value[r->n_values - 1].used = true;
    return &r->value[r->n_values - 1];
}

static gr_node *nets_activate(random_graph *r, gr_node *x)
{
    switch (random_from(r, 0, 4)) {
    case 0:
        return gr_tanh(x);
    case 1:
        return gr_sigmoid(x);
    case 2:
        return gr_leaky_relu(x, 0.05);
    default:
        return gr_relu(x);
    }
}

/* One layer of a convolutional net on the newest gate. */
static void nets_conv_block(random_graph *r)
{
    random_value *v = nets_last(r);
    gr_node *x = v->node;
    gr_shape shape = gr_node_shape(x);
    const int before = r->n_values;
    nets_conv_on(r, v, x);
    if (r->n_values == before) return;
    gr_node *y = nets_last(r)->node;
    if (random_one_in(r, 2) && nets_count(y) / gr_node_shape(y).dim[1] >= 8)
        y = gr_batch_norm(r->scope, NULL, y, GR_BATCH_NORM(.epsilon = 1e-2));
    if (gr_shape_equal(gr_node_shape(y), shape) && random_one_in(r, 2)) y = gr_add(y, x);
    y = nets_activate(r, y);
    shape = gr_node_shape(y);
    gr_window window = {.size = sizeof window, .kernel = random_from(r, 2, 3), .stride = 2};
    window.ceil = random_one_in(r, 2);
    if (random_one_in(r, 3) && shape.dim[2] >= 3 && shape.dim[shape.rank - 1] >= 3)
        y = random_one_in(r, 2) ? gr_max_pool(y, &window) : gr_avg_pool(y, &window);
    if (random_one_in(r, 5)) y = gr_dropout(r->scope, NULL, y, 0.25);
    random_put(r, y, 3);
}

void random_net(random_graph *r)
{
    static const int64_t batches[] = {1, 1, 3, 7, 7, 16, 100},
                         channels[] = {1, 1, 3, 3, 8, 16, 17, 33};
    const int64_t n = batches[random_from(r, 0, GR_LEN(batches) - 1)];
    const int64_t c = channels[random_from(r, 0, GR_LEN(channels) - 1)];
    int64_t room = RANDOM_ELEMENTS / 4 / (n * c);
    if (random_one_in(r, 3)) { /* a dense net */
        random_put(r, random_leaf(r, GR_SHAPE(n, random_size(r, 257))), 1);
    } else {
        int64_t side = 1;
        while ((side + 1) * (side + 1) <= room && side < 19) side++;
        if (side > 3) side = random_from(r, 3, side);
        random_put(
            r, random_leaf(r, GR_SHAPE(n, c, side, side + (side > 4 && random_one_in(r, 3)))), 1);
        for (int64_t i = random_from(r, 1, 4); i > 0; i--) nets_conv_block(r);
    }
    for (int64_t i = random_from(r, 0, 3); i > 0; i--) {
        gr_node *x = nets_last(r)->node;
        const int64_t units = random_size(r, 100), in = nets_count(x) / n;
        if (in * units > RANDOM_ELEMENTS || !random_afford(r, (double)(n * in * units))) continue;
        random_put(r, nets_activate(r, gr_dense(r->scope, NULL, x, GR_DENSE(units))), 3);
    }
    r->value[r->n_values - 1].used = false;
}

/* ---- The loss ----------------------------------------------------------------------------------
 */

/* [N, C] scores and labels. */
static gr_node *nets_classify(random_graph *r, gr_node *x)
{
    gr_shape shape = gr_node_shape(x);
    if (shape.rank < 2) return NULL;
    gr_node *scores = shape.rank > 2 ? gr_flatten(x, 1) : x;
    gr_node *labels = random_index(r, GR_I32, GR_SHAPE(shape.dim[0]), gr_node_shape(scores).dim[1]);
    if (!labels) return NULL;
    if (random_one_in(r, 4)) return gr_multiclass_hinge(scores, labels, NULL);
    return gr_softmax_cross_entropy(scores, labels,
                                    GR_LOSS(.smoothing = random_one_in(r, 3) ? 0.1 : 0));
}

static gr_node *nets_term(random_graph *r, gr_node *x)
{
    gr_node *term = random_one_in(r, 2) ? nets_classify(r, x) : NULL;
    if (term) return term;
    switch (random_from(r, 0, 4)) {
    case 0:
        return gr_mean(x, GR_ALL);
    case 1:
        return gr_mean(gr_tanh(x), GR_ALL);
    case 2:
        return gr_huber(x, gr_full(r->graph, GR_F32, gr_node_shape(x), 0.3), NULL);
    case 3:
        return gr_sigmoid_cross_entropy(x, gr_full(r->graph, GR_F32, gr_node_shape(x), 0.6), NULL);
    default:
        return gr_mean(gr_square(x), GR_ALL);
    }
}

gr_node *random_loss(random_graph *r)
{
    gr_node *loss = NULL;
    for (int i = 0; i < r->n_values; i++) {
        if (r->value[i].used) continue;
        gr_node *term = nets_term(r, r->value[i].node);
        loss = loss ? gr_add(loss, term) : term;
    }
    /* A parameter must be among what it depends on, or there is nothing to train. */
    char name[32];
    gr_node *w = gr_param(r->scope, random_name(r, "w", name), GR_SHAPE(3),
                          (gr_init){GR_INIT_UNIFORM, -1, 1}, 1, 1);
    gr_node *last = gr_mean(gr_square(w), GR_ALL);
    return loss ? gr_add(loss, last) : last;
}
