/* Recurrent layers: one loop for each layer and direction, on [T, N, …] inside. */
#include "nn/cells.h"

#define RECURRENT_MOST_LOOPS 128 /* layers times directions */

typedef struct recurrent_layer {
    gr_scope *scope;
    gr_graph *graph;
    gr_rnn_kind kind;
    const char *word; /* of messages: "lstm" */
    const gr_rnn_options *o;
    int64_t steps, batch, units;
    int layers, directions, states; /* states: h, or h and c */
    gr_node *mask;                  /* bool [T, N, 1]: the sequence has that step; or NULL */
    gr_node *cont[2];       /* f32 [T, N, 1], of the forward and the backward loop; or NULL */
    gr_node *table, *index; /* where the input is rows of a table: that [V, C], those [T, N] */
    gr_node *final[2][RECURRENT_MOST_LOOPS];
} recurrent_layer;

/* One loop of a layer. */
typedef struct recurrent_loop {
    const recurrent_layer *layer;
    int number;            /* layer·directions + direction */
    bool reverse, stacked; /* stacked: the outputs of all steps are wanted */
    gr_node *product; /* of all inputs, with all biases that can be added before: [T, N, G·H] */
    gr_node *weight, *bias_hn, *start[2];
} recurrent_loop;

/* ---- The loop ----------------------------------------------------------------------------- */

/* A loop's inputs: nodes outside and what stands for them in the body. */
typedef struct recurrent_inputs {
    gr_graph *body;
    gr_node *outer[8], *inner[8];
    int count;
} recurrent_inputs;

static gr_node *recurrent_add_input(recurrent_inputs *inputs, const char *name, gr_node *outer,
                                    bool slice)
{
    gr_shape shape = gr_node_shape(outer);
    if (slice) {
        shape.rank--;
        for (int i = 0; i < shape.rank; i++) shape.dim[i] = shape.dim[i + 1];
    }
    gr_node *inner = gr_input(inputs->body, name, gr_node_dtype(outer), shape);
    inputs->inner[inputs->count] = inner;
    inputs->outer[inputs->count++] = outer;
    return inner;
}

/* What passes from step to step, and from outside into each. */
typedef struct recurrent_step {
    gr_node *state[2], *product, *mask, *cont, *weight, *bias_hn;
} recurrent_step;

static recurrent_step recurrent_begin_body(const recurrent_loop *loop, recurrent_inputs *inputs)
{
    const recurrent_layer *layer = loop->layer;
    recurrent_step in = {0};
    for (int i = 0; i < layer->states; i++)
        in.state[i] = recurrent_add_input(inputs, i ? "c" : "h", loop->start[i], false);
    in.product = recurrent_add_input(inputs, "x", loop->product, true);
    if (layer->mask) in.mask = recurrent_add_input(inputs, "mask", layer->mask, true);
    if (layer->cont[loop->reverse])
        in.cont = recurrent_add_input(inputs, "cont", layer->cont[loop->reverse], true);
    in.weight = recurrent_add_input(inputs, "weight_hh", loop->weight, false);
    if (loop->bias_hn) in.bias_hn = recurrent_add_input(inputs, "bias_hn", loop->bias_hn, false);
    return in;
}

/* next[] from in->state[]. */
static void recurrent_cell(const recurrent_layer *layer, const recurrent_step *in, gr_node **next)
{
    gr_node *h = in->state[0], *c = in->state[1];
    if (in->cont) {
        h = gr_mul(h, in->cont);
        if (c) c = gr_mul(c, in->cont);
    }
    gr_node *product = gr_matmul_t(h, false, in->weight, true);
    switch (layer->kind) {
    case GR_RNN_LSTM:
        next[0] = gr_lstm_gates(in->product, product, c, layer->o->order, &next[1]);
        break;
    case GR_RNN_GRU:
        next[0] = gr_gru_gates(in->product, product, in->bias_hn, h);
        break;
    case GR_RNN_RELU:
        next[0] = gr_relu(gr_add(in->product, product));
        break;
    case GR_RNN_TANH:
        next[0] = gr_tanh(gr_add(in->product, product));
        break;
    }
}

/* Results: the states, then, if wanted, the output. */
static void recurrent_body(const recurrent_loop *loop, const recurrent_step *in, gr_node **result)
{
    const recurrent_layer *layer = loop->layer;
    recurrent_cell(layer, in, result);
    gr_node *output = result[0];
    if (in->mask) {
        output = gr_where(in->mask, output, gr_like(output, 0));
        for (int i = 0; i < layer->states; i++)
            result[i] = gr_where(in->mask, result[i], in->state[i]);
    }
    if (loop->stacked) result[layer->states] = output;
}

/* The outputs [T, N, H], or NULL; the last states go to `final`. */
static gr_node *recurrent_run(recurrent_layer *layer, const recurrent_loop *loop)
{
    recurrent_inputs inputs = {.body = gr_graph_new()};
    gr_node *result[3];
    const recurrent_step in = recurrent_begin_body(loop, &inputs);
    recurrent_body(loop, &in, result);
    const int slices = 1 + (layer->mask != NULL) + (layer->cont[0] != NULL);
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = inputs.body,
                               .body_in = inputs.inner,
                               .body_out = result,
                               .carries = layer->states,
                               .slices = slices,
                               .captures = inputs.count - layer->states - slices,
                               .outputs = loop->stacked,
                               .reverse = loop->reverse};
    gr_node *all = gr_scan(layer->graph, &spec, inputs.outer);
    for (int i = 0; i < layer->states; i++) layer->final[i][loop->number] = gr_get(all, i);
    return loop->stacked ? gr_get(all, layer->states) : NULL;
}

/* ---- States ------------------------------------------------------------------------------- */

static gr_node *recurrent_carried(const recurrent_layer *layer, int state, int number)
{
    char name[80];
    snprintf(name, sizeof name, "carry/%s_%lld/%c_l%d",
             gr_scope_mode(layer->scope) == GR_TRAIN ? "train" : "eval", (long long)layer->batch,
             "hc"[state], number);
    return gr_state(layer->scope, name, GR_F32, GR_SHAPE(layer->batch, layer->units), 0);
}

/* State `state` (0: h, 1: c) in which loop `number` begins. */
static gr_node *recurrent_start(const recurrent_layer *layer, int state, int number)
{
    const gr_shape shape = GR_SHAPE(layer->batch, layer->units);
    gr_node *given = state ? layer->o->initial.c : layer->o->initial.h;
    if (layer->o->carry) return recurrent_carried(layer, state, number);
    if (!given) return gr_full(layer->graph, GR_F32, shape, 0);
    const int64_t start[] = {number, 0, 0}, stop[] = {number + 1, layer->batch, layer->units};
    return gr_reshape(gr_slice(given, start, stop, NULL), shape);
}

/* final[state][…] as one [layers·directions, N, H]. */
static gr_node *recurrent_final(recurrent_layer *layer, int state)
{
    const int n = layer->layers * layer->directions;
    gr_node *part[RECURRENT_MOST_LOOPS];
    for (int i = 0; i < n; i++)
        part[i] = gr_reshape(layer->final[state][i], GR_SHAPE(1, layer->batch, layer->units));
    return gr_concat(part, n, 0);
}

static void recurrent_keep_states(recurrent_layer *layer)
{
    const int n = layer->layers * layer->directions;
    for (int state = 0; layer->o->carry && state < layer->states; state++)
        for (int i = 0; i < n; i++)
            gr_scope_update(layer->scope, recurrent_carried(layer, state, i),
                            gr_stop_gradient(layer->final[state][i]));
    if (!layer->o->final) return;
    layer->o->final->h = recurrent_final(layer, 0);
    layer->o->final->c = layer->states > 1 ? recurrent_final(layer, 1) : NULL;
}

/* ---- Layers of loops ---------------------------------------------------------------------- */

/* Biases that need not wait for the state: all but the GRU's last of the state's side. */
static gr_node *recurrent_bias(const recurrent_layer *layer, const gr_rnn_weights *w,
                               gr_node **bias_hn)
{
    if (layer->kind != GR_RNN_GRU) return gr_add(w->bias_ih, w->bias_hh);
    const int64_t h = layer->units, none = 0, two = 2 * h, three = 3 * h;
    *bias_hn = gr_slice(w->bias_hh, &two, &three, NULL);
    return gr_add(w->bias_ih, gr_pad(gr_slice(w->bias_hh, &none, &two, NULL), &none, &h, NULL, 0));
}

/* The products of all inputs x [T, N, C] with the weights, and the biases: [T, N, G·H]. Inputs that
 * are rows of a table, as an embedding's, are multiplied in the table, each row once. */
static gr_node *recurrent_product(const recurrent_layer *layer, gr_node *x, const gr_rnn_weights *w,
                                  gr_node *bias)
{
    const int64_t rows = gr_rnn_gates(layer->kind) * layer->units;
    gr_node *flat = layer->table;
    if (!flat) flat = gr_reshape(x, GR_SHAPE(layer->steps * layer->batch, gr_node_shape(x).dim[2]));
    gr_node *product = gr_matmul_t(flat, false, w->weight_ih, true);
    if (bias) product = gr_add(product, bias);
    return layer->table ? gr_gather(product, layer->index, 0)
                        : gr_reshape(product, GR_SHAPE(layer->steps, layer->batch, rows));
}

/* x [T, N, C] */
static gr_node *recurrent_one(recurrent_layer *layer, gr_node *x, int number, bool stacked)
{
    const bool reverse = number % layer->directions == 1;
    const int64_t in = gr_node_shape(x).dim[2];
    char suffix[32];
    snprintf(suffix, sizeof suffix, "_l%d%s", number / layer->directions,
             reverse ? "_reverse" : "");
    gr_rnn_weights w = gr_rnn_params_of(layer->scope, layer->kind, in, layer->o, suffix);
    recurrent_loop loop = {.layer = layer,
                           .number = number,
                           .reverse = reverse,
                           .stacked = stacked,
                           .weight = w.weight_hh};
    gr_node *bias = w.bias_ih ? recurrent_bias(layer, &w, &loop.bias_hn) : NULL;
    loop.product = recurrent_product(layer, x, &w, bias);
    for (int i = 0; i < layer->states; i++) loop.start[i] = recurrent_start(layer, i, number);
    return recurrent_run(layer, &loop);
}

/* x [T, N, C] → [T, N, D·H], or the last state [N, D·H]. */
static gr_node *recurrent_all(recurrent_layer *layer, gr_node *x)
{
    const int directions = layer->directions;
    for (int l = 0; l < layer->layers; l++) {
        const bool top = l == layer->layers - 1, stacked = !top || !layer->o->last;
        gr_node *part[2];
        for (int d = 0; d < directions; d++) {
            const int number = l * directions + d;
            part[d] = recurrent_one(layer, x, number, stacked);
            if (!stacked) part[d] = layer->final[0][number];
        }
        x = directions == 1 ? part[0] : gr_concat(part, 2, stacked ? 2 : 1);
        layer->table = NULL;
        if (top || layer->o->dropout == 0) continue;
        char name[32];
        snprintf(name, sizeof name, "dropout_l%d", l);
        x = gr_dropout(layer->scope, name, x, layer->o->dropout);
    }
    return x;
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static gr_node *recurrent_refuse_input(const recurrent_layer *layer, gr_node *x)
{
    const gr_shape in = gr_node_shape(x);
    const char *axes = layer->o->time_major ? "[T, N, C]" : "[N, T, C]";
    if (in.rank != 3 || gr_node_dtype(x) != GR_F32)
        return gr_fault(layer->graph, in.rank != 3 ? GR_SHAPE : GR_DTYPE, layer->word,
                        "the input is %s%s: should be f32 %s", gr_dtype_name(gr_node_dtype(x)),
                        gr_shape_text(in), axes);
    if (in.dim[layer->o->time_major ? 0 : 1] < 1)
        return gr_fault(layer->graph, GR_SHAPE, layer->word,
                        "the input %s (%s) is a sequence of length zero", gr_shape_text(in), axes);
    if (in.dim[2] < 1)
        return gr_fault(layer->graph, GR_SHAPE, layer->word, "the input %s (%s) has no channels",
                        gr_shape_text(in), axes);
    return NULL;
}

static gr_node *recurrent_refuse_options(const recurrent_layer *layer)
{
    const gr_rnn_options *o = layer->o;
    const int most = RECURRENT_MOST_LOOPS / layer->directions;
    if (o->units < 1)
        return gr_fault(layer->graph, GR_INVALID, layer->word, "units = %lld: should be positive",
                        (long long)o->units);
    if (layer->layers < 1 || layer->layers > most)
        return gr_fault(layer->graph, GR_INVALID, layer->word, "layers = %d: should be 1 to %d",
                        o->layers, most);
    if (o->carry && o->bidirectional)
        return gr_fault(layer->graph, GR_INVALID, layer->word,
                        "carry passes a state from one part of a text to the next: the backward "
                        "direction has none");
    if (o->carry && (o->initial.h || o->initial.c))
        return gr_fault(layer->graph, GR_INVALID, layer->word,
                        "carry and an initial state are two beginnings: give one");
    return NULL;
}

static gr_node *recurrent_refuse_shape(const recurrent_layer *layer, const char *what,
                                       gr_node *node, gr_shape shape)
{
    if (!node || (!gr_is_error(node) && gr_shape_equal(gr_node_shape(node), shape))) return NULL;
    if (gr_is_error(node)) return node;
    return gr_fault(layer->graph, GR_SHAPE, layer->word, "%s is %s: should be %s", what,
                    gr_shape_text(gr_node_shape(node)), gr_shape_text(shape));
}

static gr_node *recurrent_refuse_nodes(const recurrent_layer *layer)
{
    const gr_rnn_options *o = layer->o;
    const gr_shape state = GR_SHAPE(layer->layers * layer->directions, layer->batch, layer->units);
    const gr_shape cont =
        o->time_major ? GR_SHAPE(layer->steps, layer->batch) : GR_SHAPE(layer->batch, layer->steps);
    gr_node *fault = recurrent_refuse_shape(layer, "lengths", o->lengths, GR_SHAPE(layer->batch));
    if (!fault) fault = recurrent_refuse_shape(layer, "cont", o->cont, cont);
    if (!fault) fault = recurrent_refuse_shape(layer, "the initial h", o->initial.h, state);
    if (!fault) fault = recurrent_refuse_shape(layer, "the initial c", o->initial.c, state);
    if (!fault && o->initial.c && layer->states < 2)
        fault = gr_fault(layer->graph, GR_INVALID, layer->word, "has no state c");
    return fault;
}

/* ---- The layer ---------------------------------------------------------------------------- */

/* Which steps the sequences have. */
static gr_node *recurrent_mask(const recurrent_layer *layer)
{
    gr_tensor steps;
    gr_node *lengths = gr_within(layer->o->lengths, 1, layer->steps, "length");
    if (gr_is_error(lengths)) return lengths;
    const gr_dtype dtype = gr_node_dtype(lengths);
    if (gr_tensor_new(dtype, GR_SHAPE(layer->steps, 1, 1), &steps) != GR_OK)
        return gr_fault(layer->graph, GR_NO_MEMORY, layer->word, "%s", gr_message());
    for (int64_t t = 0; t < layer->steps; t++) gr_tensor_put(&steps, t, (double)t);
    gr_node *mask =
        gr_less(gr_constant(layer->graph, &steps), gr_reshape(lengths, GR_SHAPE(layer->batch, 1)));
    gr_tensor_clear(&steps);
    return mask;
}

/* Where a sequence begins, the one before it ends: there, a step earlier, the backward loop begins
 * anew. */
static void recurrent_cont(recurrent_layer *layer)
{
    gr_node *cont = layer->o->cont;
    if (!layer->o->time_major) cont = gr_transpose(cont);
    if (gr_node_dtype(cont) != GR_F32) cont = gr_cast(cont, GR_F32);
    cont = gr_reshape(cont, GR_SHAPE(layer->steps, layer->batch, 1));
    layer->cont[0] = cont;
    if (!layer->o->bidirectional) return;
    const int64_t start[] = {1, 0, 0}, stop[] = {layer->steps, layer->batch, 1};
    const int64_t before[] = {0, 0, 0}, after[] = {1, 0, 0};
    layer->cont[1] = gr_pad(gr_slice(cont, start, stop, NULL), before, after, NULL, 1);
}

/* Notes the table and the indices if x is rows of a table with far fewer than there are steps. A
 * gather along the other axis gives the same shape only if all sizes are equal. */
static void recurrent_find_table(recurrent_layer *layer, gr_node *x)
{
    if (strcmp(gr_node_op(x), "gather") != 0) return;
    gr_node *table = gr_node_input(x, 0), *index = gr_node_input(x, 1);
    const gr_shape in = gr_node_shape(x), t = gr_node_shape(table), i = gr_node_shape(index);
    if (t.rank != 2 || i.rank != 2 || 2 * t.dim[0] > layer->steps * layer->batch) return;
    if (!gr_shape_equal(in, GR_SHAPE(i.dim[0], i.dim[1], t.dim[1])) ||
        gr_shape_equal(in, GR_SHAPE(t.dim[0], i.dim[0], i.dim[1])))
        return;
    layer->table = table;
    layer->index = layer->o->time_major ? index : gr_transpose(index);
}

static gr_node *recurrent_build(recurrent_layer *layer, gr_node *x)
{
    const gr_rnn_options *o = layer->o;
    if (gr_is_error(x)) return x;
    if (o->size != sizeof *o)
        return gr_fault(layer->graph, GR_INVALID, layer->word, "gr_rnn_options.size is wrong");
    gr_node *fault = recurrent_refuse_input(layer, x);
    if (!fault) fault = recurrent_refuse_options(layer);
    if (fault) return fault;
    const gr_shape in = gr_node_shape(x);
    layer->steps = in.dim[o->time_major ? 0 : 1];
    layer->batch = in.dim[o->time_major ? 1 : 0];
    fault = recurrent_refuse_nodes(layer);
    if (fault) return fault;
    if (o->lengths) layer->mask = recurrent_mask(layer);
    if (o->cont) recurrent_cont(layer);
    recurrent_find_table(layer, x);
    if (!o->time_major) x = gr_permute(x, GR_AXES(1, 0, 2));
    x = recurrent_all(layer, x);
    if (gr_is_error(x)) return x;
    recurrent_keep_states(layer);
    return o->time_major || o->last ? x : gr_permute(x, GR_AXES(1, 0, 2));
}

static gr_node *recurrent_make(gr_scope *scope, const char *name, gr_node *x,
                               const gr_rnn_options *options, gr_rnn_kind kind, const char *word)
{
    gr_rnn_options own = *options;
    bool can_carry = !own.bidirectional && !own.initial.h && !own.initial.c;
    if (gr_scope_carries(scope) && can_carry) own.carry = true;
    recurrent_layer layer = {.scope = scope,
                             .graph = gr_scope_graph(scope),
                             .kind = kind,
                             .word = word,
                             .o = &own,
                             .units = options->units,
                             .layers = options->layers ? options->layers : 1,
                             .directions = options->bidirectional ? 2 : 1,
                             .states = kind == GR_RNN_LSTM ? 2 : 1};
    name = gr_layer_begin(scope, word, name);
    return gr_layer_end(scope, name, recurrent_build(&layer, x));
}

gr_node *gr_rnn(gr_scope *scope, const char *name, gr_node *x, const gr_rnn_options *options)
{
    const gr_rnn_kind kind = options->relu ? GR_RNN_RELU : GR_RNN_TANH;
    return recurrent_make(scope, name, x, options, kind, "rnn");
}

gr_node *gr_lstm(gr_scope *scope, const char *name, gr_node *x, const gr_rnn_options *options)
{
    return recurrent_make(scope, name, x, options, GR_RNN_LSTM, "lstm");
}

gr_node *gr_gru(gr_scope *scope, const char *name, gr_node *x, const gr_rnn_options *options)
{
    return recurrent_make(scope, name, x, options, GR_RNN_GRU, "gru");
}

/* ---- Carried states ----------------------------------------------------------------------- */

static bool recurrent_is_carried(const char *variable, const char *layer)
{
    if (!layer) return strncmp(variable, "carry/", 6) == 0 || strstr(variable, "/carry/");
    const size_t n = strlen(layer);
    return strncmp(variable, layer, n) == 0 && strncmp(variable + n, "/carry/", 7) == 0;
}

gr_status gr_rnn_reset(gr_store *store, const char *name)
{
    for (int i = 0; i < gr_store_size(store); i++) {
        const char *variable = gr_store_name(store, i);
        if (!recurrent_is_carried(variable, name)) continue;
        const gr_tensor type = gr_store_type(store, i);
        gr_tensor zeros;
        GR_TRY(gr_tensor_new(type.dtype, type.shape, &zeros));
        const gr_status status =
            gr_store_write(store, variable, zeros.data, gr_tensor_bytes(&zeros));
        gr_tensor_clear(&zeros);
        GR_TRY(status);
    }
    return GR_OK;
}
