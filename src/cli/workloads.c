#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/workloads.h"

#include "cli/out.h"

#include <gradus/attention.h>
#include <gradus/lang.h>
#include <gradus/layers.h>
#include <gradus/losses.h>
#include <gradus/ntm.h>
#include <gradus/recurrent.h>
#include <stdlib.h>
#include <string.h>

/* ---- The nets -------------------------------------------------------------------------------- */

typedef gr_node *workload_net(gr_scope *s, gr_node *x);

static gr_node *workload_softmax(gr_scope *s, gr_node *x)
{
    return gr_dense(s, "fc", x, GR_DENSE(10));
}

static gr_node *workload_cifar2(gr_scope *s, gr_node *x)
{
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(100)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

static gr_node *workload_mlp(gr_scope *s, gr_node *x)
{
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(256)));
    x = gr_relu(gr_dense(s, "fc2", x, GR_DENSE(128)));
    return gr_dense(s, "fc3", x, GR_DENSE(10));
}

static gr_node *workload_mlp_b1(gr_scope *s, gr_node *x)
{
    x = gr_sigmoid(gr_dense(s, "fc1", x, GR_DENSE(32)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* LeCun et al. 1998, in Caffe's form. */
static gr_node *workload_lenet(gr_scope *s, gr_node *x)
{
    x = gr_max_pool(gr_conv_layer(s, "conv1", x, GR_CONV(20, 5)), GR_WINDOW(2));
    x = gr_max_pool(gr_conv_layer(s, "conv2", x, GR_CONV(50, 5)), GR_WINDOW(2));
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(500)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* Caffe's cifar10_quick. */
static gr_node *workload_quick(gr_scope *s, gr_node *x)
{
    const gr_window *window = GR_WINDOW(3, .stride = 2, .ceil = true);
    x = gr_conv_layer(s, "conv1", x, GR_CONV(32, 5, .pad = 2));
    x = gr_relu(gr_max_pool(x, window));
    x = gr_relu(gr_conv_layer(s, "conv2", x, GR_CONV(32, 5, .pad = 2)));
    x = gr_avg_pool(x, window);
    x = gr_relu(gr_conv_layer(s, "conv3", x, GR_CONV(64, 5, .pad = 2)));
    x = gr_dense(s, "fc1", gr_avg_pool(x, window), GR_DENSE(64));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* Caffe's cifar10_full, with its normalisations taken across channels. */
static gr_node *workload_full(gr_scope *s, gr_node *x)
{
    const gr_window *window = GR_WINDOW(3, .stride = 2, .ceil = true);
    x = gr_conv_layer(s, "conv1", x, GR_CONV(32, 5, .pad = 2));
    x = gr_lrn(gr_relu(gr_max_pool(x, window)), 3, 5e-5, 0.75, 1);
    x = gr_relu(gr_conv_layer(s, "conv2", x, GR_CONV(32, 5, .pad = 2)));
    x = gr_lrn(gr_avg_pool(x, window), 3, 5e-5, 0.75, 1);
    x = gr_relu(gr_conv_layer(s, "conv3", x, GR_CONV(64, 5, .pad = 2)));
    return gr_dense(s, "fc1", gr_avg_pool(x, window), GR_DENSE(10));
}

/* Krizhevsky et al. 2012, in Caffe's form: normalised before it is pooled, two groups. */
static gr_node *workload_alexnet(gr_scope *s, gr_node *x)
{
    const gr_window *window = GR_WINDOW(3, .stride = 2);
    x = gr_relu(gr_conv_layer(s, "conv1", x, GR_CONV(96, 11, .stride = 4)));
    x = gr_max_pool(gr_lrn(x, 5, 1e-4, 0.75, 1), window);
    x = gr_relu(gr_conv_layer(s, "conv2", x, GR_CONV(256, 5, .pad = 2, .groups = 2)));
    x = gr_max_pool(gr_lrn(x, 5, 1e-4, 0.75, 1), window);
    x = gr_relu(gr_conv_layer(s, "conv3", x, GR_CONV(384, 3, .pad = 1)));
    x = gr_relu(gr_conv_layer(s, "conv4", x, GR_CONV(384, 3, .pad = 1, .groups = 2)));
    x = gr_relu(gr_conv_layer(s, "conv5", x, GR_CONV(256, 3, .pad = 1, .groups = 2)));
    x = gr_relu(gr_dense(s, "fc6", gr_max_pool(x, window), GR_DENSE(4096)));
    x = gr_relu(gr_dense(s, "fc7", gr_dropout(s, "drop6", x, 0.5), GR_DENSE(4096)));
    return gr_dense(s, "fc8", gr_dropout(s, "drop7", x, 0.5), GR_DENSE(1000));
}

static gr_node *workload_norm_conv(gr_scope *s, gr_node *x, int64_t channels, int64_t kernel,
                                   int64_t stride)
{
    x = gr_conv_layer(
        s, NULL, x,
        GR_CONV(channels, kernel, .stride = stride, .pad = kernel / 2, .no_bias = true));
    return gr_batch_norm(s, NULL, x, NULL);
}

/* He et al. 2016, the form for 32×32 images: eight blocks of two convolutions, no first pooling. */
static gr_node *workload_resnet18(gr_scope *s, gr_node *x)
{
    x = gr_relu(workload_norm_conv(s, x, 64, 3, 1));
    for (int block = 0; block < 8; block++) {
        const int64_t channels = 64 << block / 2, stride = block > 0 && block % 2 == 0 ? 2 : 1;
        gr_node *h = gr_relu(workload_norm_conv(s, x, channels, 3, stride));
        h = workload_norm_conv(s, h, channels, 3, 1);
        if (stride > 1) x = workload_norm_conv(s, x, channels, 1, stride);
        x = gr_relu(gr_add(h, x));
    }
    return gr_dense(s, "fc", gr_mean(x, GR_AXES(2, 3)), GR_DENSE(10));
}

/* Radford et al. 2018 in small, normalised before each part: four layers of width 128 on tokens
 * [N, T] of 65 kinds; scores of the next token at each place, [N·T, 65]. */
static gr_node *workload_gpt(gr_scope *s, gr_node *x)
{
    x = gr_embedding(s, "tokens", x, GR_EMBEDDING(65, 128));
    x = gr_positions(s, "positions", x, NULL);
    for (int layer = 0; layer < 4; layer++) {
        gr_node *h = gr_layer_norm(s, NULL, x, NULL);
        h = gr_multi_head_attention(s, NULL, h, GR_MULTI_HEAD(4, .causal = true, .no_bias = true));
        x = gr_add(x, h);
        h = gr_linear(s, NULL, gr_layer_norm(s, NULL, x, NULL), GR_DENSE(512, .no_bias = true));
        x = gr_add(x, gr_linear(s, NULL, gr_gelu(h), GR_DENSE(128, .no_bias = true)));
    }
    x = gr_linear(s, "scores", gr_layer_norm(s, NULL, x, NULL), GR_DENSE(65, .no_bias = true));
    return gr_reshape(x, GR_SHAPE(-1, 65));
}

/* ---- The steps ------------------------------------------------------------------------------- */

struct cli_workload {
    const char *name, *about; /* about: of a single layer its net */
    void (*build)(const cli_workload *w, cli_workload_graph *g);
    workload_net *net;
    int64_t x[CLI_WORKLOAD_RANK]; /* batch, then the shape of an example */
    int rank;
    gr_optimizer optimizer;
};

#define WORKLOAD_CHARACTERS 65 /* of the text of tiny Shakespeare */

static gr_node *workload_input(const cli_workload *w, const cli_workload_graph *g, const char *name)
{
    return gr_input(g->graph, name, GR_F32, gr_shape_of(w->rank, w->x));
}

void cli_workload_target(cli_workload_graph *g, gr_node *node)
{
    g->targets = cli_realloc(g->targets, (size_t)g->n + 1, sizeof(gr_node *));
    g->targets[g->n++] = node;
}

static void workload_minimize(const cli_workload *w, cli_workload_graph *g, gr_node *loss)
{
    cli_workload_target(g, loss);
    if (gr_minimize(g->scope, loss, &w->optimizer) != GR_OK) return; /* the graph keeps its fault */
    for (int i = 0; i < gr_scope_updates(g->scope); i++)
        cli_workload_target(g, gr_scope_update_node(g->scope, i));
}

/* Training under softmax cross-entropy of a handful of classes. */
static void workload_classify(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *scores = w->net(g->scope, workload_input(w, g, "x"));
    gr_node *labels = gr_input(g->graph, "labels", GR_I64, GR_SHAPE(w->x[0]));
    workload_minimize(w, g, gr_softmax_cross_entropy(scores, labels, NULL));
}

/* The same for the next token at each place of a text. */
static void workload_predict(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *tokens = gr_input(g->graph, "x", GR_I64, gr_shape_of(w->rank, w->x));
    gr_node *labels = gr_input(g->graph, "labels", GR_I64, GR_SHAPE(w->x[0] * w->x[1]));
    workload_minimize(w, g, gr_softmax_cross_entropy(w->net(g->scope, tokens), labels, NULL));
}

static void workload_infer(const cli_workload *w, cli_workload_graph *g)
{
    cli_workload_target(g, w->net(g->scope, workload_input(w, g, "x")));
}

/* The 3-4-1 net of examples/xor.c. */
static void workload_xor(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *y = gr_input(g->graph, "y", GR_F32, GR_SHAPE(4, 1)), *x = workload_input(w, g, "x");
    x = gr_sigmoid(gr_dense(g->scope, "hidden", x, GR_DENSE(4, .no_bias = true)));
    x = gr_sigmoid(gr_dense(g->scope, "output", x, GR_DENSE(1, .no_bias = true)));
    workload_minimize(w, g, gr_mse(x, y, NULL));
}

/* Scores of each next character of a text, two layers of LSTM. */
static void workload_charlstm(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *x = gr_input(g->graph, "x", GR_I64, gr_shape_of(w->rank, w->x));
    gr_node *labels = gr_input(g->graph, "labels", GR_I64, GR_SHAPE(w->x[0] * w->x[1]));
    g->classes = WORKLOAD_CHARACTERS;
    x = gr_embedding(g->scope, "embedding", x, GR_EMBEDDING(WORKLOAD_CHARACTERS, 256));
    x = gr_lstm(g->scope, "lstm", x, GR_RNN(256, .layers = 2));
    x = gr_linear(g->scope, "scores", x, GR_DENSE(WORKLOAD_CHARACTERS));
    x = gr_reshape(x, GR_SHAPE(w->x[0] * w->x[1], WORKLOAD_CHARACTERS));
    workload_minimize(w, g, gr_softmax_cross_entropy(x, labels, NULL));
}

/* A Neural Turing Machine learns to copy sequences of up to 20 rows, as its paper's. */
static void workload_ntm(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *y = gr_input(g->graph, "y", GR_F32, GR_SHAPE(w->x[0], w->x[1], 8));
    gr_node *said = gr_ntm(g->scope, "ntm", workload_input(w, g, "x"), GR_NTM(8));
    workload_minimize(w, g, gr_sigmoid_cross_entropy(said, gr_sigmoid(y), NULL));
}

/* A chain of elementwise gates over vectors of 16 MiB, its sum and the gradient. */
static void workload_elementwise(const cli_workload *w, cli_workload_graph *g)
{
    gr_node *x = workload_input(w, g, "x"), *y = workload_input(w, g, "y"), *dx;
    gr_node *left = gr_mul(gr_sigmoid(gr_shift(gr_mul(x, y), 0.5)), gr_tanh(gr_sub(x, y)));
    gr_node *sum = gr_sum(gr_add(left, gr_scale(gr_relu(x), 0.1)), GR_ALL);
    gr_grad(sum, &x, 1, &dx);
    cli_workload_target(g, sum);
    cli_workload_target(g, dx);
}

/* ---- The table ------------------------------------------------------------------------------- */

#define WORKLOAD_SGD(RATE)                                                                         \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = RATE                                 \
    }
#define WORKLOAD_MOMENTUM                                                                          \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 0.01, .momentum = 0.9                \
    }
#define WORKLOAD_ADAM                                                                              \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_ADAM, .rate = 1e-3                                \
    }
#define WORKLOAD_RMSPROP                                                                           \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_RMSPROP, .rate = 1e-4, .momentum = 0.9,           \
        .clip_norm = 10                                                                            \
    }
#define WORKLOAD_ADAMW                                                                             \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_ADAMW, .rate = 1e-3, .weight_decay = 0.01         \
    }
#define WORKLOAD_NONE                                                                              \
    {                                                                                              \
        .size = sizeof(gr_optimizer)                                                               \
    }

static const cli_workload workload_table[] = {
    {"xor", "3-4-1 net, batch 4, SGD", workload_xor, NULL, {4, 3}, 2, WORKLOAD_SGD(1)},
    {"mlp_b1",
     "784-32-10 net, batch 1, SGD",
     workload_classify,
     workload_mlp_b1,
     {1, 784},
     2,
     WORKLOAD_SGD(0.01)},
    {"softmax",
     "3072-10 net, batch 256, momentum",
     workload_classify,
     workload_softmax,
     {256, 3072},
     2,
     WORKLOAD_MOMENTUM},
    {"cifar2",
     "3072-100-10 net, batch 256, momentum",
     workload_classify,
     workload_cifar2,
     {256, 3072},
     2,
     WORKLOAD_MOMENTUM},
    {"mlp",
     "784-256-128-10 net, batch 128, momentum",
     workload_classify,
     workload_mlp,
     {128, 784},
     2,
     WORKLOAD_MOMENTUM},
    {"mlp_adam", "the same by Adam", workload_classify, workload_mlp, {128, 784}, 2, WORKLOAD_ADAM},
    {"lenet",
     "LeNet on 28x28 images, batch 64, momentum",
     workload_classify,
     workload_lenet,
     {64, 1, 28, 28},
     4,
     WORKLOAD_MOMENTUM},
    {"quick",
     "cifar10_quick on 32x32 images, batch 100, momentum",
     workload_classify,
     workload_quick,
     {100, 3, 32, 32},
     4,
     WORKLOAD_MOMENTUM},
    {"full",
     "cifar10_full on 32x32 images, batch 100, momentum",
     workload_classify,
     workload_full,
     {100, 3, 32, 32},
     4,
     WORKLOAD_MOMENTUM},
    {"alexnet",
     "AlexNet on 227x227 images, batch 16, momentum",
     workload_classify,
     workload_alexnet,
     {16, 3, 227, 227},
     4,
     WORKLOAD_MOMENTUM},
    {"resnet18",
     "ResNet-18 on 32x32 images, batch 32, momentum",
     workload_classify,
     workload_resnet18,
     {32, 3, 32, 32},
     4,
     WORKLOAD_MOMENTUM},
    {"charlstm",
     "2 x LSTM 256 on 64 characters, batch 32, Adam",
     workload_charlstm,
     NULL,
     {32, 64},
     2,
     WORKLOAD_ADAM},
    {"ntm",
     "an NTM copies 20 rows, batch 1, RMSProp",
     workload_ntm,
     NULL,
     {1, 42, 10},
     3,
     WORKLOAD_RMSPROP},
    {"gpt",
     "GPT of 4 layers, 12 texts of 64 tokens, AdamW",
     workload_predict,
     workload_gpt,
     {12, 64},
     2,
     WORKLOAD_ADAMW},
    {"elementwise",
     "a chain over 4 Mi elements, with its gradient",
     workload_elementwise,
     NULL,
     {4 << 20},
     1,
     WORKLOAD_NONE},
    {"infer-mlp",
     "scores of one example by mlp",
     workload_infer,
     workload_mlp,
     {1, 784},
     2,
     WORKLOAD_NONE},
    {"infer-lenet",
     "scores of one image by lenet",
     workload_infer,
     workload_lenet,
     {1, 1, 28, 28},
     4,
     WORKLOAD_NONE},
    {"infer-quick",
     "scores of one image by quick",
     workload_infer,
     workload_quick,
     {1, 3, 32, 32},
     4,
     WORKLOAD_NONE},
    {"infer-resnet18",
     "scores of one image by resnet18",
     workload_infer,
     workload_resnet18,
     {1, 3, 32, 32},
     4,
     WORKLOAD_NONE},
};

#define OP(NAME, NET, ...)                                                                         \
    {"op-" #NAME,  NET, cli_workload_layer, NULL, {__VA_ARGS__}, CLI_SIZES(__VA_ARGS__),           \
     WORKLOAD_NONE},
static const cli_workload workload_ops[] = {
#include "cli/workload_ops.def"
};

int cli_workloads(void)
{
    return (int)(sizeof workload_table / sizeof *workload_table);
}

const cli_workload *cli_workload_at(int i)
{
    return &workload_table[i];
}

int cli_ops(void)
{
    return (int)(sizeof workload_ops / sizeof *workload_ops);
}

const cli_workload *cli_op_at(int i)
{
    return &workload_ops[i];
}

gr_shape cli_workload_shape(const cli_workload *workload)
{
    return gr_shape_of(workload->rank, workload->x);
}

const cli_workload *cli_workload_find(const char *name)
{
    for (int i = 0; i < cli_ops(); i++)
        if (strcmp(workload_ops[i].name, name) == 0) return &workload_ops[i];
    for (int i = 0; i < cli_workloads(); i++)
        if (strcmp(workload_table[i].name, name) == 0) return &workload_table[i];
    return NULL;
}

const char *cli_workload_name(const cli_workload *workload)
{
    return workload->name;
}

const char *cli_workload_about(const cli_workload *workload)
{
    return workload->about;
}

int64_t cli_workload_batch(const cli_workload *workload)
{
    return workload->x[0];
}

/* ---- Building and feeding -------------------------------------------------------------------- */

gr_status cli_workload_build(const cli_workload *workload, gr_store *store, cli_workload_graph *out)
{
    *out = (cli_workload_graph){.workload = workload, .graph = gr_graph_new(), .classes = 10};
    if (!store) store = out->own_store = gr_store_new();
    out->store = store;
    const bool trains = workload->build != workload_infer;
    const gr_scope_options options = {.size = sizeof options, .mode = trains ? GR_TRAIN : GR_EVAL};
    if (out->graph && store) out->scope = gr_scope_new(out->graph, store, &options);
    if (!out->scope) return GR_NO_MEMORY;
    workload->build(workload, out);
    return GR_OK; /* a fault of the graph shows when it is compiled */
}

void cli_workload_clear(cli_workload_graph *graph)
{
    for (int i = 0; i < graph->n_inputs; i++) gr_tensor_clear(&graph->inputs[i]);
    gr_scope_free(graph->scope);
    gr_graph_free(graph->graph);
    gr_store_free(graph->own_store);
    free(graph->inputs);
    free(graph->targets);
    *graph = (cli_workload_graph){0};
}

/* A linear congruential generator with the constants of Knuth's MMIX. */
static int32_t workload_draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int32_t)(*state >> 32);
}

static void workload_fill(const gr_tensor *x, int64_t n, const cli_range *range, uint64_t state)
{
    const float middle = (float)(0.5 * (range->low + range->high));
    const float half = (float)(0.5 * (range->high - range->low));
    const int64_t low = (int64_t)range->low, kinds = (int64_t)range->high - low;
    for (int64_t i = 0; i < n; i++) {
        const int32_t drawn = workload_draw(&state);
        if (x->dtype == GR_F32)
            ((float *)x->data)[i] = middle + half * ((float)drawn * 0x1p-31f);
        else if (x->dtype == GR_I64)
            ((int64_t *)x->data)[i] = low + (uint32_t)drawn % kinds;
        else
            ((int32_t *)x->data)[i] = (int32_t)(low + (uint32_t)drawn % kinds);
    }
}

gr_status cli_workload_feed(cli_workload_graph *graph, const gr_program *program,
                            gr_session *session)
{
    const int n = gr_program_inputs(program);
    graph->inputs = cli_alloc((size_t)n, sizeof *graph->inputs);
    for (int i = 0; i < n; i++) {
        gr_tensor *data = &graph->inputs[graph->n_inputs++];
        const gr_tensor type = gr_program_input_type(program, i);
        gr_status status = gr_tensor_new(type.dtype, type.shape, data);
        if (status != GR_OK) return status;
        const bool real = type.dtype == GR_F32;
        cli_range range = {real ? -1 : 0, real ? 1 : (double)graph->classes};
        cli_workload_range(graph->workload, gr_program_input_name(program, i), &range);
        workload_fill(data, gr_shape_count(type.shape), &range, 42 + (uint64_t)i);
        status = gr_session_bind(session, i, data->data, gr_tensor_bytes(data));
        if (status != GR_OK) return status;
    }
    return GR_OK;
}
