/* The Neural Turing Machine: one loop of a controller and its heads over a memory. */
#include "nn/scope.h"

#include <gradus/ntm.h>
#include <gradus/recurrent.h>

#define NTM_MEMORY_START 1e-6
#define NTM_NORM_EPSILON 1e-8     /* of the cosine */
#define NTM_SHARPEN_EPSILON 1e-12 /* of the logarithm before the sharpening */

typedef struct ntm_layer {
    gr_scope *scope;
    gr_graph *graph;
    int64_t batch, in, units, out;
    int64_t rows, width; /* of the memory */
    int64_t reads, writes, heads, taps;
    bool feedforward;
    gr_node **weightings;
} ntm_layer;

/* The carries of the loop, in their order; of a feed-forward controller, h and c are NULL. The
 * memory is [N, W, M], its rows being columns: they are many and short, and what runs along them
 * all runs on whole vectors. */
typedef struct ntm_state {
    gr_node *memory, *weighting, *read, *h, *c;
} ntm_state;

static gr_node *ntm_part(gr_node *x, int axis, int64_t from, int64_t to)
{
    const gr_shape shape = gr_node_shape(x);
    int64_t start[GR_MAX_RANK] = {0}, stop[GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) stop[i] = shape.dim[i];
    start[axis] = from;
    stop[axis] = to;
    return gr_slice(x, start, stop, NULL);
}

/* ---- Heads -------------------------------------------------------------------------------- */

/* What the controller tells the heads. */
typedef struct ntm_orders {
    gr_node *key;                          /* [N, H, W] */
    gr_node *strength, *gate, *sharpening; /* [N, H, 1] */
    gr_node *shift;                        /* [N, H, taps] */
    gr_node *erase, *add;                  /* [N, writes, W] */
} ntm_orders;

static int64_t ntm_order_rows(const ntm_layer *layer)
{
    return layer->heads * (layer->width + 3 + layer->taps) + 2 * layer->writes * layer->width;
}

/* The next heads·size columns of the product, as [N, heads, size]. */
static gr_node *ntm_take(const ntm_layer *layer, gr_node *product, int64_t *at, int64_t heads,
                         int64_t size)
{
    gr_node *part = ntm_part(product, 1, *at, *at + heads * size);
    *at += heads * size;
    return gr_reshape(part, GR_SHAPE(layer->batch, heads, size));
}

static ntm_orders ntm_read_orders(const ntm_layer *layer, gr_node *product)
{
    const int64_t heads = layer->heads;
    int64_t at = 0;
    ntm_orders o;
    o.key = gr_tanh(ntm_take(layer, product, &at, heads, layer->width));
    o.strength = gr_softplus(ntm_take(layer, product, &at, heads, 1));
    o.gate = gr_sigmoid(ntm_take(layer, product, &at, heads, 1));
    o.shift = gr_softmax(ntm_take(layer, product, &at, heads, layer->taps), 2);
    o.sharpening = gr_shift(gr_softplus(ntm_take(layer, product, &at, heads, 1)), 1);
    o.erase = gr_sigmoid(ntm_take(layer, product, &at, layer->writes, layer->width));
    o.add = gr_tanh(ntm_take(layer, product, &at, layer->writes, layer->width));
    return o;
}

/* 1/√(Σx² + ε) along an axis, which stays as 1. */
static gr_node *ntm_inverse_norm(gr_node *x, gr_axes axis)
{
    return gr_rsqrt(gr_shift(gr_sum(gr_square(x), axis), NTM_NORM_EPSILON));
}

/* The weighting by content [N, H, M]. */
static gr_node *ntm_content(const ntm_orders *o, gr_node *memory)
{
    gr_node *key = gr_mul(o->key, gr_mul(o->strength, ntm_inverse_norm(o->key, GR_KEEP(2))));
    return gr_softmax(gr_mul(gr_matmul(key, memory), ntm_inverse_norm(memory, GR_KEEP(1))), 2);
}

/* ṽ_i = Σ_j v_(i−j)·s_j. */
static gr_node *ntm_shift(const ntm_layer *layer, gr_node *v, gr_node *shift)
{
    const int64_t rows = layer->rows, most = layer->taps / 2;
    gr_node *ends[] = {ntm_part(v, 2, rows - most, rows), v, ntm_part(v, 2, 0, most)};
    gr_node *circle = gr_concat(ends, 3, 2), *sum = NULL;
    for (int64_t j = 0; j < layer->taps; j++) {
        const int64_t from = layer->taps - 1 - j;
        gr_node *term =
            gr_mul(ntm_part(circle, 2, from, from + rows), ntm_part(shift, 2, j, j + 1));
        sum = sum ? gr_add(sum, term) : term;
    }
    return sum;
}

/* The weightings [N, H, M] of all heads from those before. */
static gr_node *ntm_address(const ntm_layer *layer, const ntm_orders *o, gr_node *memory,
                            gr_node *before)
{
    gr_node *content = ntm_content(o, memory);
    gr_node *v = gr_add(before, gr_mul(o->gate, gr_sub(content, before)));
    v = ntm_shift(layer, v, o->shift);
    /* ṽ^γ/Σṽ^γ as a softmax, whose largest term is 1: powers of small weights would be 0/0. */
    return gr_softmax(gr_mul(o->sharpening, gr_log(gr_shift(v, NTM_SHARPEN_EPSILON))), 2);
}

static gr_node *ntm_write(const ntm_layer *layer, const ntm_orders *o, gr_node *memory,
                          gr_node *weighting)
{
    gr_node *added = NULL, *less = gr_neg(o->erase);
    for (int64_t i = 0; i < layer->writes; i++) {
        gr_node *w = ntm_part(weighting, 1, layer->reads + i, layer->reads + i + 1);
        gr_node *change = gr_matmul_t(ntm_part(less, 1, i, i + 1), true, w, false);
        gr_node *add = gr_matmul_t(ntm_part(o->add, 1, i, i + 1), true, w, false);
        memory = gr_add(memory, gr_mul(memory, change));
        added = added ? gr_add(added, add) : add;
    }
    return gr_add(memory, added);
}

/* ---- The loop ----------------------------------------------------------------------------- */

/* Nodes outside and what stands for them in the body. */
typedef struct ntm_loop {
    gr_graph *body;
    gr_node *outer[9], *inner[9];
    int count;
} ntm_loop;

static gr_node *ntm_add_input(ntm_loop *loop, const char *name, gr_node *outer, bool slice)
{
    gr_shape shape = gr_node_shape(outer);
    if (slice) shape = gr_shape_of(shape.rank - 1, shape.dim + 1);
    gr_node *inner = gr_input(loop->body, name, gr_node_dtype(outer), shape);
    loop->inner[loop->count] = inner;
    loop->outer[loop->count++] = outer;
    return inner;
}

static ntm_state ntm_state_inputs(ntm_loop *loop, const ntm_state *start)
{
    ntm_state in = {.memory = ntm_add_input(loop, "memory", start->memory, false),
                    .weighting = ntm_add_input(loop, "weighting", start->weighting, false),
                    .read = ntm_add_input(loop, "read", start->read, false)};
    if (!start->h) return in;
    in.h = ntm_add_input(loop, "h", start->h, false);
    in.c = ntm_add_input(loop, "c", start->c, false);
    return in;
}

/* The weights that each step uses. */
typedef struct ntm_weights {
    gr_node *state, *heads, *heads_bias; /* state: the controller's columns of [r, h] */
} ntm_weights;

/* `product`: of the controller with this step's input. */
static ntm_state ntm_step(const ntm_layer *layer, const ntm_state *in, gr_node *product,
                          const ntm_weights *w)
{
    ntm_state next = {0};
    gr_node *recurrent[] = {in->read, in->h};
    gr_node *state = layer->feedforward ? in->read : gr_concat(recurrent, 2, 1);
    gr_node *gates = gr_add(product, gr_matmul_t(state, false, w->state, true));
    next.h = layer->feedforward ? gr_tanh(gates)
                                : gr_lstm_unit(gates, in->c, NULL, GR_LSTM_IFGO, &next.c);
    gr_node *heads = gr_add(gr_matmul_t(next.h, false, w->heads, true), w->heads_bias);
    const ntm_orders orders = ntm_read_orders(layer, heads);
    next.weighting = ntm_address(layer, &orders, in->memory, in->weighting);
    gr_node *read =
        gr_matmul_t(ntm_part(next.weighting, 1, 0, layer->reads), false, in->memory, true);
    next.read = gr_reshape(read, GR_SHAPE(layer->batch, layer->reads * layer->width));
    next.memory = ntm_write(layer, &orders, in->memory, next.weighting);
    return next;
}

/* [h, r] of all steps [T, N, units + reads·W]; the weightings go to *weightings. */
static gr_node *ntm_run(const ntm_layer *layer, const ntm_state *start, gr_node *product,
                        const ntm_weights *weights, gr_node **weightings)
{
    ntm_loop loop = {.body = gr_graph_new()};
    const ntm_state in = ntm_state_inputs(&loop, start);
    const int carries = loop.count;
    gr_node *x = ntm_add_input(&loop, "x", product, true);
    const ntm_weights w = {ntm_add_input(&loop, "state_weight", weights->state, false),
                           ntm_add_input(&loop, "heads_weight", weights->heads, false),
                           ntm_add_input(&loop, "heads_bias", weights->heads_bias, false)};
    const ntm_state next = ntm_step(layer, &in, x, &w);
    gr_node *result[8] = {next.memory, next.weighting, next.read, next.h, next.c};
    int n = carries;
    result[n++] = next.h;
    result[n++] = next.read;
    if (layer->weightings) result[n++] = next.weighting;
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = loop.body,
                               .body_in = loop.inner,
                               .body_out = result,
                               .carries = carries,
                               .slices = 1,
                               .captures = 3,
                               .outputs = n - carries};
    gr_node *all = gr_scan(layer->graph, &spec, loop.outer);
    gr_node *parts[] = {gr_get(all, carries), gr_get(all, carries + 1)};
    if (layer->weightings) *weightings = gr_get(all, carries + 2);
    return gr_concat(parts, 2, 2);
}

/* ---- Parameters --------------------------------------------------------------------------- */

/* A row that each example begins with. */
static gr_node *ntm_beginning(const ntm_layer *layer, const char *name, int64_t size)
{
    const gr_init zero = {GR_INIT_CONSTANT, 0, 0};
    gr_node *row = gr_param(layer->scope, name, GR_SHAPE(1, size), zero, 1, size);
    return gr_broadcast(row, GR_SHAPE(layer->batch, size));
}

static ntm_state ntm_start(const ntm_layer *layer)
{
    /* Different from row to row, so that the first shifts are seen. */
    const gr_init normal = {GR_INIT_NORMAL, 0, 1};
    const gr_shape heads = GR_SHAPE(layer->heads, layer->rows);
    const gr_shape memory = GR_SHAPE(layer->batch, layer->width, layer->rows);
    gr_node *weighting = gr_param(layer->scope, "initial/weighting", heads, normal, 1, 1);
    ntm_state start = {.memory = gr_full(layer->graph, GR_F32, memory, NTM_MEMORY_START),
                       .weighting = gr_broadcast(gr_softmax(weighting, 1),
                                                 GR_SHAPE(layer->batch, layer->heads, layer->rows)),
                       .read = ntm_beginning(layer, "initial/read", layer->reads * layer->width)};
    if (layer->feedforward) return start;
    start.h = ntm_beginning(layer, "initial/h", layer->units);
    start.c = ntm_beginning(layer, "initial/c", layer->units);
    return start;
}

static gr_node *ntm_layer_build(const ntm_layer *layer, gr_node *x)
{
    const int64_t gates = layer->feedforward ? layer->units : 4 * layer->units;
    const int64_t state = layer->reads * layer->width + (layer->feedforward ? 0 : layer->units);
    const int64_t orders = ntm_order_rows(layer);
    const gr_init xavier = {GR_INIT_XAVIER, 0, 0}, zero = {GR_INIT_CONSTANT, 0, 0};
    gr_node *weight =
        gr_param(layer->scope, "controller/weight", GR_SHAPE(gates, layer->in + state), xavier,
                 layer->in + state, gates);
    gr_node *bias = gr_param(layer->scope, "controller/bias", GR_SHAPE(gates), zero, 1, gates);
    const ntm_weights weights = {
        .state = ntm_part(weight, 1, layer->in, layer->in + state),
        .heads = gr_param(layer->scope, "heads/weight", GR_SHAPE(orders, layer->units), xavier,
                          layer->units, orders),
        .heads_bias = gr_param(layer->scope, "heads/bias", GR_SHAPE(orders), zero, 1, orders)};
    const ntm_state start = ntm_start(layer);
    if (gr_is_error(weight) || gr_is_error(weights.heads)) return weight;
    gr_node *product = gr_add(gr_matmul_t(gr_permute(x, GR_AXES(1, 0, 2)), false,
                                          ntm_part(weight, 1, 0, layer->in), true),
                              bias);
    gr_node *weightings = NULL, *all = ntm_run(layer, &start, product, &weights, &weightings);
    if (layer->weightings) *layer->weightings = gr_permute(weightings, GR_AXES(1, 0, 2, 3));
    all = gr_permute(all, GR_AXES(1, 0, 2));
    return gr_linear(layer->scope, "output", all, GR_DENSE(layer->out, .weight = xavier));
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static gr_node *ntm_refuse(gr_scope *scope, gr_node *x, const gr_ntm_options *o)
{
    gr_graph *graph = gr_scope_graph(scope);
    if (gr_is_error(x)) return x;
    if (o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "ntm", "gr_ntm_options.size is wrong");
    const gr_shape in = gr_node_shape(x);
    if (in.rank != 3 || gr_node_dtype(x) != GR_F32)
        return gr_fault(graph, in.rank != 3 ? GR_SHAPE : GR_DTYPE, "ntm",
                        "the input is %s%s: should be f32 [N, T, C]",
                        gr_dtype_name(gr_node_dtype(x)), gr_shape_text(in));
    if (in.dim[1] < 1 || in.dim[2] < 1)
        return gr_fault(graph, GR_SHAPE, "ntm", "the input %s ([N, T, C]) is a sequence of %s",
                        gr_shape_text(in), in.dim[1] < 1 ? "length zero" : "no channels");
    if (o->out < 1 || o->units < 0 || o->memory < 0 || o->width < 0)
        return gr_fault(graph, GR_INVALID, "ntm",
                        "out = %lld, units = %lld, memory = %lld, width = %lld: should be positive",
                        (long long)o->out, (long long)o->units, (long long)o->memory,
                        (long long)o->width);
    if (o->reads < 0 || o->writes < 0)
        return gr_fault(graph, GR_INVALID, "ntm",
                        "%d reading and %d writing heads: should be 1 or "
                        "more of each",
                        o->reads, o->writes);
    const int64_t rows = o->memory ? o->memory : 128;
    if (o->shift < 0 || 2 * (int64_t)o->shift >= rows || rows < 3)
        return gr_fault(graph, GR_INVALID, "ntm",
                        "shifts by up to %d of %lld rows: should be 1 or more, and less than half",
                        o->shift, (long long)rows);
    return NULL;
}

/* ---- The layer ---------------------------------------------------------------------------- */

gr_node *gr_ntm(gr_scope *scope, const char *name, gr_node *x, const gr_ntm_options *o)
{
    name = gr_layer_begin(scope, "ntm", name);
    gr_node *y = ntm_refuse(scope, x, o);
    if (!y) {
        const gr_shape in = gr_node_shape(x);
        ntm_layer layer = {.scope = scope,
                           .graph = gr_scope_graph(scope),
                           .batch = in.dim[0],
                           .in = in.dim[2],
                           .units = o->units ? o->units : 100,
                           .out = o->out,
                           .rows = o->memory ? o->memory : 128,
                           .width = o->width ? o->width : 20,
                           .reads = o->reads ? o->reads : 1,
                           .writes = o->writes ? o->writes : 1,
                           .taps = 2 * (o->shift ? o->shift : 1) + 1,
                           .feedforward = o->feedforward,
                           .weightings = o->weightings};
        layer.heads = layer.reads + layer.writes;
        y = ntm_layer_build(&layer, x);
    }
    if (o->weightings && gr_is_error(y)) *o->weightings = y;
    return gr_layer_end(scope, name, y);
}
