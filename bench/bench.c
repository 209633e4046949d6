/* Times training steps of small networks: one workload per run, one JSON line. The definitions of
 * the workloads are the same as in peers/torch_bench.py. */
#include <gradus/gradus.h>
#include <math.h>
#include <stdio.h>

#include "measure.h"

/* ---- The networks ---------------------------------------------------------------------------- */

/* The graph of one workload, its outputs and data. */
typedef struct bench_graph {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
    gr_node *targets[512];
    int n_targets; /* the first is the loss */
} bench_graph;

typedef gr_node *bench_net(gr_scope *s, gr_node *x);

static gr_node *bench_softmax(gr_scope *s, gr_node *x)
{
    return gr_dense(s, "fc", x, GR_DENSE(10));
}

static gr_node *bench_cifar2(gr_scope *s, gr_node *x)
{
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(100)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

static gr_node *bench_mlp(gr_scope *s, gr_node *x)
{
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(256)));
    x = gr_relu(gr_dense(s, "fc2", x, GR_DENSE(128)));
    return gr_dense(s, "fc3", x, GR_DENSE(10));
}

static gr_node *bench_mlp_b1(gr_scope *s, gr_node *x)
{
    x = gr_sigmoid(gr_dense(s, "fc1", x, GR_DENSE(32)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

static gr_node *bench_lenet(gr_scope *s, gr_node *x)
{
    x = gr_max_pool(gr_conv_layer(s, "conv1", x, GR_CONV(20, 5)), GR_WINDOW(2));
    x = gr_max_pool(gr_conv_layer(s, "conv2", x, GR_CONV(50, 5)), GR_WINDOW(2));
    x = gr_relu(gr_dense(s, "fc1", x, GR_DENSE(500)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* Caffe's cifar10_quick. */
static gr_node *bench_quick(gr_scope *s, gr_node *x)
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

static gr_node *bench_norm_conv(gr_scope *s, gr_node *x, int64_t channels, int64_t kernel,
                                int64_t stride)
{
    x = gr_conv_layer(
        s, NULL, x,
        GR_CONV(channels, kernel, .stride = stride, .pad = kernel / 2, .no_bias = true));
    return gr_batch_norm(s, NULL, x, NULL);
}

/* He et al. 2016, the form for 32×32 images: ten convolutions' worth of blocks, no first pooling.
 */
static gr_node *bench_resnet18(gr_scope *s, gr_node *x)
{
    x = gr_relu(bench_norm_conv(s, x, 64, 3, 1));
    for (int block = 0; block < 8; block++) {
        const int64_t channels = 64 << block / 2, stride = block > 0 && block % 2 == 0 ? 2 : 1;
        gr_node *h = gr_relu(bench_norm_conv(s, x, channels, 3, stride));
        h = bench_norm_conv(s, h, channels, 3, 1);
        if (stride > 1) x = bench_norm_conv(s, x, channels, 1, stride);
        x = gr_relu(gr_add(h, x));
    }
    return gr_dense(s, "fc", gr_mean(x, GR_AXES(2, 3)), GR_DENSE(10));
}

/* ---- The workloads --------------------------------------------------------------------------- */

typedef struct bench_workload {
    const char *name;
    void (*build)(bench_graph *b, const struct bench_workload *w);
    bench_net *net;
    int64_t x[4]; /* batch, then the shape of an example */
    int rank;
    gr_optimizer optimizer;
} bench_workload;

static gr_shape bench_shape(const bench_workload *w)
{
    gr_shape shape = {.rank = w->rank};
    memcpy(shape.dim, w->x, sizeof w->x);
    return shape;
}

static void bench_minimize(bench_graph *b, gr_node *loss, const gr_optimizer *optimizer)
{
    b->targets[b->n_targets++] = loss;
    if (gr_minimize(b->scope, loss, optimizer) != GR_OK) return;
    for (int i = 0; i < gr_scope_updates(b->scope) && b->n_targets < 512; i++)
        b->targets[b->n_targets++] = gr_scope_update_node(b->scope, i);
}

/* A net of ten classes under softmax cross-entropy. */
static void bench_classify(bench_graph *b, const bench_workload *w)
{
    gr_node *x = gr_input(b->graph, "x", GR_F32, bench_shape(w));
    gr_node *labels = gr_input(b->graph, "labels", GR_I64, GR_SHAPE(w->x[0]));
    gr_node *loss = gr_softmax_cross_entropy(w->net(b->scope, x), labels, NULL);
    bench_minimize(b, loss, &w->optimizer);
}

/* The 3-4-1 net of examples/xor.c. */
static void bench_xor(bench_graph *b, const bench_workload *w)
{
    gr_node *x = gr_input(b->graph, "x", GR_F32, bench_shape(w));
    gr_node *y = gr_input(b->graph, "y", GR_F32, GR_SHAPE(4, 1));
    x = gr_sigmoid(gr_dense(b->scope, "hidden", x, GR_DENSE(4, .no_bias = true)));
    x = gr_sigmoid(gr_dense(b->scope, "output", x, GR_DENSE(1, .no_bias = true)));
    bench_minimize(b, gr_mse(x, y, NULL), &w->optimizer);
}

/* A chain of elementwise gates over 16 MB vectors, its sum and the gradient. */
static void bench_elementwise(bench_graph *b, const bench_workload *w)
{
    gr_node *x = gr_input(b->graph, "x", GR_F32, bench_shape(w)), *dx;
    gr_node *y = gr_input(b->graph, "y", GR_F32, bench_shape(w));
    gr_node *left = gr_mul(gr_sigmoid(gr_shift(gr_mul(x, y), 0.5)), gr_tanh(gr_sub(x, y)));
    gr_node *sum = gr_sum(gr_add(left, gr_scale(gr_relu(x), 0.1)), GR_ALL);
    gr_grad(sum, &x, 1, &dx);
    b->targets[b->n_targets++] = sum;
    b->targets[b->n_targets++] = dx;
}

#define SGD                                                                                        \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 0.01                                 \
    }
#define MOMENTUM                                                                                   \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 0.01, .momentum = 0.9                \
    }
#define ADAM                                                                                       \
    {                                                                                              \
        .size = sizeof(gr_optimizer), .kind = GR_ADAM, .rate = 1e-3                                \
    }
static const bench_workload bench_workloads[] = {
    {"xor", bench_xor, NULL, {4, 3}, 2, {.size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 1}},
    {"mlp_b1", bench_classify, bench_mlp_b1, {1, 784}, 2, SGD},
    {"softmax", bench_classify, bench_softmax, {256, 3072}, 2, MOMENTUM},
    {"cifar2", bench_classify, bench_cifar2, {256, 3072}, 2, MOMENTUM},
    {"mlp", bench_classify, bench_mlp, {128, 784}, 2, MOMENTUM},
    {"mlp_adam", bench_classify, bench_mlp, {128, 784}, 2, ADAM},
    {"lenet", bench_classify, bench_lenet, {64, 1, 28, 28}, 4, MOMENTUM},
    {"quick", bench_classify, bench_quick, {100, 3, 32, 32}, 4, MOMENTUM},
    {"resnet18", bench_classify, bench_resnet18, {32, 3, 32, 32}, 4, MOMENTUM},
    {"elementwise", bench_elementwise, NULL, {4 << 20}, 1, SGD},
};
enum { BENCH_WORKLOADS = sizeof bench_workloads / sizeof *bench_workloads };

/* ---- Arithmetic ------------------------------------------------------------------------------ */

static double bench_count(const gr_node *node)
{
    gr_shape shape = gr_node_shape(node);
    double count = 1;
    for (int i = 0; i < shape.rank; i++) count *= (double)shape.dim[i];
    return count;
}

/* Multiply-adds of a matrix product [m,k]·[k,n]: √(mk·kn·mn). Of a convolution and its transposes:
 * each element of the weight but the output channel, for each element of the output. */
static double bench_multiply_adds(const gr_node *node)
{
    const char *op = gr_node_op(node);
    const gr_node *a = gr_node_input(node, 0), *b = gr_node_input(node, 1);
    if (!strcmp(op, "matmul")) return sqrt(bench_count(a) * bench_count(b) * bench_count(node));
    const gr_node *w = b, *y = node;
    if (!strcmp(op, "conv_input_grad"))
        y = a;
    else if (!strcmp(op, "conv_weight_grad"))
        y = b, w = node;
    else if (strcmp(op, "conv") != 0)
        return 0;
    return bench_count(y) * bench_count(w) / (double)gr_node_shape(w).dim[0];
}

/* Of what the targets need: a gradient also leaves gates that nobody asked for. */
static double bench_flops(const bench_graph *b)
{
    bool *needed = calloc((size_t)gr_graph_size(b->graph) + 1, sizeof *needed);
    double sum = 0;
    for (int i = 0; needed && i < b->n_targets; i++)
        if (!gr_is_error(b->targets[i])) needed[gr_node_id(b->targets[i])] = true;
    for (int id = gr_graph_size(b->graph) - 1; needed && id >= 0; id--) {
        const gr_node *node = gr_graph_node(b->graph, id);
        if (!needed[id]) continue;
        sum += 2 * bench_multiply_adds(node);
        for (int i = 0; i < gr_node_inputs(node); i++)
            needed[gr_node_id(gr_node_input(node, i))] = true;
    }
    free(needed);
    return sum;
}

/* ---- Running --------------------------------------------------------------------------------- */

typedef struct bench_options {
    const char *name;
    gr_compile_options compile;
    double seconds;
    bool plan;
} bench_options;

/* Gives every input random data: numbers of [-1, 1) and classes 0 … 9. */
static gr_status bench_feed(const gr_program *program, gr_session *session)
{
    for (int i = 0; i < gr_program_inputs(program); i++) {
        gr_tensor type = gr_program_input_type(program, i);
        int64_t n = gr_shape_count(type.shape);
        size_t bytes = (size_t)n * gr_dtype_size(type.dtype);
        void *data = malloc(bytes);
        if (!data) return GR_NO_MEMORY;
        if (type.dtype == GR_F32)
            measure_fill(data, n);
        else
            for (int64_t k = 0; k < n; k++) ((int64_t *)data)[k] = k * 7 % 10;
        gr_status status = gr_session_write(session, i, data, bytes);
        free(data);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

static bool bench_steps(void *session, int64_t n)
{
    return gr_session_steps(session, n) == GR_OK;
}

static gr_status bench_session(const bench_options *o, const bench_workload *w,
                               const gr_program *program, gr_session *session, double flops)
{
    float loss;
    measure m;
    gr_status status = bench_feed(program, session);
    if (status != GR_OK) return status;
    if (!measure_run(bench_steps, session, o->seconds, &m)) return GR_INTERNAL;
    status = gr_session_read(session, 0, &loss, sizeof loss);
    if (status != GR_OK) return status;
    printf("{\"name\":\"%s\",\"threads\":%d,\"batch\":%lld,\"ms\":%.6g,\"min_ms\":%.6g,"
           "\"gflops\":%.4g,\"rss_mb\":%.0f,\"loss\":%.6g}\n",
           w->name, o->compile.threads, (long long)w->x[0], 1e3 * m.median, 1e3 * m.least,
           1e-9 * flops / m.median, measure_peak_mb(), (double)loss);
    return GR_OK;
}

static gr_status bench_program(const bench_options *o, const bench_workload *w, bench_graph *b)
{
    gr_program *program = NULL;
    gr_session *session = NULL;
    char *plan = NULL;
    w->build(b, w);
    gr_status status = gr_compile(b->graph, b->targets, b->n_targets, &o->compile, &program);
    if (status == GR_OK && o->plan) status = gr_program_print(program, &plan);
    if (status == GR_OK && o->plan) printf("%s", plan);
    if (status == GR_OK) status = gr_session_new(program, b->store, NULL, &session);
    if (status == GR_OK) status = bench_session(o, w, program, session, bench_flops(b));
    gr_text_release(plan);
    gr_session_free(session);
    gr_program_free(program);
    return status;
}

static gr_status bench_run(const bench_options *o, const bench_workload *w)
{
    bench_graph b = {.graph = gr_graph_new(), .store = gr_store_new()};
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN};
    b.scope = gr_scope_new(b.graph, b.store, &options);
    gr_status status = b.scope ? bench_program(o, w, &b) : GR_NO_MEMORY;
    if (status != GR_OK) fprintf(stderr, "%s: %s\n", w->name, gr_message());
    gr_scope_free(b.scope);
    gr_store_free(b.store);
    gr_graph_free(b.graph);
    return status;
}

static int bench_usage(void)
{
    fprintf(stderr, "usage: bench NAME [--threads N] [--seconds S] [--exact] [--plan]\nNAME:");
    for (int i = 0; i < BENCH_WORKLOADS; i++) fprintf(stderr, " %s", bench_workloads[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static bool bench_parse(int argc, char **argv, bench_options *o)
{
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--exact"))
            o->compile.exact = true;
        else if (!strcmp(argv[i], "--plan"))
            o->plan = true;
        else if (!strcmp(argv[i], "--threads") && more)
            o->compile.threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && more)
            o->seconds = atof(argv[++i]);
        else if (argv[i][0] != '-' && !o->name)
            o->name = argv[i];
        else
            return false;
    }
    return o->name && o->compile.threads > 0 && o->seconds > 0;
}

int main(int argc, char **argv)
{
    bench_options o = {.compile = {.size = sizeof o.compile, .threads = 2}, .seconds = 3};
    if (!bench_parse(argc, argv, &o)) return bench_usage();
    for (int i = 0; i < BENCH_WORKLOADS; i++)
        if (!strcmp(o.name, bench_workloads[i].name))
            return bench_run(&o, &bench_workloads[i]) == GR_OK ? 0 : 1;
    return bench_usage();
}
