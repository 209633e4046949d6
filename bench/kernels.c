/* Times single kernels: matrix products and convolutions of the nets' shapes in GFLOP/s; pooling,
 * elementwise gates and reductions in GB/s (each operand counted once); then two sessions side by
 * side. One line per kernel. GRADUS_ONEDNN=0 shows the portable kernels, GRADUS_CPU=avx2 or base
 * those of lesser CPUs. */
#include <gradus/gradus.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "measure.h"

typedef struct kernel_options {
    int threads;
    double seconds;
    const char *only; /* part of the names of the kernels to run, or NULL */
} kernel_options;

static bool kernel_steps(void *session, int64_t n)
{
    return gr_session_steps(session, n) == GR_OK;
}

static double kernel_bytes(gr_dtype dtype, gr_shape shape)
{
    return (double)gr_shape_count(shape) * (double)gr_dtype_size(dtype);
}

/* Numbers for floats; for taps of pooling, which are bytes, the places of a window of 4. */
static gr_status kernel_feed(const gr_program *program, gr_session *session)
{
    for (int i = 0; i < gr_program_inputs(program); i++) {
        const gr_tensor type = gr_program_input_type(program, i);
        const int64_t n = gr_shape_count(type.shape);
        float *data = malloc((size_t)n * sizeof *data);
        if (!data) return GR_NO_MEMORY;
        measure_fill(data, n);
        if (type.dtype == GR_U8)
            for (int64_t k = 0; k < n; k++) ((unsigned char *)data)[k] = (unsigned char)(k * 7 & 3);
        const size_t bytes = (size_t)n * gr_dtype_size(type.dtype);
        gr_status status = gr_session_write(session, i, data, bytes);
        free(data);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

/* The kernel's name stands in the first line of the plan after the heading. */
static gr_status kernel_name(const gr_program *program, char name[64])
{
    char *text;
    gr_status status = gr_program_print(program, &text);
    if (status != GR_OK) return status;
    const char *line = strchr(text, '\n');
    if (!line || sscanf(line, "%*s %*s %*s %63s", name) != 1) strcpy(name, "?");
    gr_text_release(text);
    return GR_OK;
}

static gr_status kernel_session(const kernel_options *o, const char *title, gr_node *node,
                                double flops, const gr_program *program, gr_session *session)
{
    char name[64];
    measure m;
    gr_status status = kernel_name(program, name);
    if (status == GR_OK) status = kernel_feed(program, session);
    if (status != GR_OK) return status;
    if (!measure_run(kernel_steps, session, o->seconds, &m)) return GR_INTERNAL;
    double bytes = kernel_bytes(gr_node_dtype(node), gr_node_shape(node));
    for (int i = 0; i < gr_program_inputs(program); i++) {
        const gr_tensor type = gr_program_input_type(program, i);
        bytes += kernel_bytes(type.dtype, type.shape);
    }
    printf("%-28s %-20s %9.4f ms, least %9.4f", title, name, 1e3 * m.median, 1e3 * m.least);
    if (flops > 0)
        printf("  %7.1f GFLOP/s\n", 1e-9 * flops / m.least);
    else
        printf("  %7.1f GB/s\n", 1e-9 * bytes / m.least);
    return GR_OK;
}

/* Runs `node`, one gate of a graph or a part of one; flops 0: a gate whose limit is bandwidth. */
static gr_status kernel_run(const kernel_options *o, const char *title, gr_node *node, double flops)
{
    if (o->only && !strstr(title, o->only)) return GR_OK;
    gr_program *program = NULL;
    gr_session *session = NULL;
    const gr_compile_options compile = {.size = sizeof compile, .threads = o->threads};
    gr_status status = gr_compile(gr_node_graph(node), &node, 1, &compile, &program);
    if (status == GR_OK) status = gr_session_new(program, NULL, NULL, &session);
    if (status == GR_OK) status = kernel_session(o, title, node, flops, program, session);
    if (status != GR_OK) fprintf(stderr, "%s: %s\n", title, gr_message());
    gr_session_free(session);
    gr_program_free(program);
    return status;
}

/* ---- Matrix products ------------------------------------------------------------------------- */

static gr_status kernel_matmul(const kernel_options *o, const char *net, int64_t m, int64_t n,
                               int64_t k, bool ta, bool tb)
{
    char title[64];
    snprintf(title, sizeof title, "%s %lldx%lldx%lld%s%s", net, (long long)m, (long long)n,
             (long long)k, ta ? " At" : "", tb ? " Bt" : "");
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F32, ta ? GR_SHAPE(k, m) : GR_SHAPE(m, k));
    gr_node *b = gr_input(g, "b", GR_F32, tb ? GR_SHAPE(n, k) : GR_SHAPE(k, n));
    const double flops = 2.0 * (double)m * (double)n * (double)k;
    gr_status status = kernel_run(o, title, gr_matmul_t(a, ta, b, tb), flops);
    gr_graph_free(g);
    return status;
}

static gr_status kernel_matmuls(const kernel_options *o)
{
    static const struct {
        const char *net;
        int64_t m, n, k;
        bool ta, tb;
    } shapes[] = {
        {"square", 512, 512, 512, false, false},
        {"square", 1024, 1024, 1024, false, true},
        {"square", 1024, 1024, 1024, false, false},
        {"mlp fc1", 128, 256, 784, false, true},
        {"mlp fc1 dw", 256, 784, 128, true, false},
        {"mlp fc2", 128, 128, 256, false, true},
        {"mlp fc3", 128, 10, 128, false, true},
        {"lenet fc1", 64, 500, 800, false, true},
        {"lenet fc1 dx", 64, 800, 500, false, false},
        {"cifar2 fc1", 256, 100, 3072, false, true},
        {"cifar2 fc1 dw", 100, 3072, 256, true, false},
        {"softmax fc", 256, 10, 3072, false, true},
        {"softmax fc dw", 10, 3072, 256, true, false},
        {"mlp fc3 dx", 128, 128, 10, false, false},
        {"mlp fc3 dw", 10, 128, 128, true, false},
        {"mlp_b1 fc1", 1, 32, 784, false, true},
        {"mlp_b1 fc1 dw", 32, 784, 1, true, false},
        {"mlp_b1 fc2 dx", 1, 32, 10, false, false},
        {"mlp_b1 fc2 dw", 10, 32, 1, true, false},
        {"xor", 4, 4, 3, false, true},
        {"xor", 4, 1, 4, false, true},
        {"lstm", 32, 1024, 256, false, true},
        {"lstm dh", 32, 256, 1024, false, false},
        {"lstm all", 2048, 1024, 256, false, true},
        {"lstm all dx", 2048, 256, 1024, false, false},
        {"lstm all dw", 1024, 256, 2048, true, false},
        {"gpt qkv", 768, 384, 128, false, true},
        {"gpt qkv dx", 768, 128, 384, false, false},
        {"gpt qkv dw", 384, 128, 768, true, false},
        {"gpt wide", 768, 512, 128, false, true},
        {"gpt wide dx", 768, 128, 512, false, false},
        {"gpt wide dw", 512, 128, 768, true, false},
        {"gpt narrow", 768, 128, 512, false, true},
        {"gpt narrow dx", 768, 512, 128, false, false},
        {"gpt narrow dw", 128, 512, 768, true, false},
        {"infer fc1", 1, 500, 800, false, true},
        {"infer8 fc1", 8, 500, 800, false, true},
        {"infer16 fc1", 16, 500, 800, false, true},
        {"lenet fc2", 64, 10, 500, false, true},
        {"ntm dw", 400, 120, 42, true, false},
        {"ntm heads dw", 92, 100, 42, true, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        gr_status status = kernel_matmul(o, shapes[i].net, shapes[i].m, shapes[i].n, shapes[i].k,
                                         shapes[i].ta, shapes[i].tb);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

/* Stacks of small products, as attention has them. */
static gr_status kernel_stacks(const kernel_options *o)
{
    static const struct {
        const char *net;
        int64_t batch, m, n, k;
        bool ta, tb;
    } shapes[] = {
        {"attention qk", 48, 64, 64, 32, false, true},
        {"attention pv", 48, 64, 32, 64, false, false},
        {"attention dv", 48, 64, 32, 64, true, false},
        {"stack", 256, 16, 16, 16, false, false},
    };
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && status == GR_OK; i++) {
        const int64_t b = shapes[i].batch, m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
        const bool ta = shapes[i].ta, tb = shapes[i].tb;
        char title[64];
        snprintf(title, sizeof title, "%s %lldx%lldx%lldx%lld%s%s", shapes[i].net, (long long)b,
                 (long long)m, (long long)n, (long long)k, ta ? " At" : "", tb ? " Bt" : "");
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "a", GR_F32, ta ? GR_SHAPE(b, k, m) : GR_SHAPE(b, m, k));
        gr_node *y = gr_input(g, "b", GR_F32, tb ? GR_SHAPE(b, n, k) : GR_SHAPE(b, k, n));
        const double flops = 2.0 * (double)(b * m) * (double)(n * k);
        status = kernel_run(o, title, gr_matmul_t(x, ta, y, tb), flops);
        gr_graph_free(g);
    }
    return status;
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

typedef struct kernel_conv {
    const char *net;
    int64_t n, c, size, o, kernel, pad, stride;
    bool first; /* layer: needs no gradient by its input */
} kernel_conv;

/* Forward and both gradients of one layer. */
static gr_status kernel_conv_layer(const kernel_options *o, const kernel_conv *s)
{
    char title[3][64];
    gr_node *y[3];
    gr_graph *g = gr_graph_new();
    const int64_t out = (s->size + 2 * s->pad - s->kernel) / s->stride + 1;
    const gr_shape xs = GR_SHAPE(s->n, s->c, s->size, s->size);
    const gr_shape ws = GR_SHAPE(s->o, s->c, s->kernel, s->kernel);
    const gr_window *window = GR_WINDOW(.pad = s->pad, .stride = s->stride);
    gr_node *x = gr_input(g, "x", GR_F32, xs), *w = gr_input(g, "w", GR_F32, ws);
    gr_node *dy = gr_input(g, "dy", GR_F32, GR_SHAPE(s->n, s->o, out, out));
    y[0] = gr_conv(x, w, window);
    y[1] = gr_conv_weight_grad(x, dy, ws, window);
    y[2] = gr_conv_input_grad(dy, w, xs, window);
    snprintf(title[0], 64, "%s forward", s->net);
    snprintf(title[1], 64, "%s weights", s->net);
    snprintf(title[2], 64, "%s data", s->net);
    const double flops =
        2.0 * (double)(s->n * s->o * out * out) * (double)(s->c * s->kernel * s->kernel);
    gr_status status = GR_OK;
    for (int i = 0; i < (s->first ? 2 : 3) && status == GR_OK; i++)
        status = kernel_run(o, title[i], y[i], flops);
    gr_graph_free(g);
    return status;
}

static gr_status kernel_convs(const kernel_options *o)
{
    static const kernel_conv layers[] = {
        {"lenet conv1", 64, 1, 28, 20, 5, 0, 1, true},
        {"lenet conv2", 64, 20, 12, 50, 5, 0, 1, false},
        {"quick conv1", 100, 3, 32, 32, 5, 2, 1, true},
        {"quick conv2", 100, 32, 16, 32, 5, 2, 1, false},
        {"quick conv3", 100, 32, 8, 64, 5, 2, 1, false},
        {"resnet stem", 32, 3, 32, 64, 3, 1, 1, true},
        {"resnet 64", 32, 64, 32, 64, 3, 1, 1, false},
        {"resnet 128", 32, 128, 16, 128, 3, 1, 1, false},
        {"resnet 256", 32, 256, 8, 256, 3, 1, 1, false},
        {"resnet 512", 32, 512, 4, 512, 3, 1, 1, false},
        {"resnet 64 to 128", 32, 64, 32, 128, 3, 1, 2, false},
        {"resnet 128 to 256", 32, 128, 16, 256, 3, 1, 2, false},
        {"resnet 256 to 512", 32, 256, 8, 512, 3, 1, 2, false},
        {"resnet 1x1 to 128", 32, 64, 32, 128, 1, 0, 2, false},
        {"resnet 1x1 to 256", 32, 128, 16, 256, 1, 0, 2, false},
        {"resnet 1x1 to 512", 32, 256, 8, 512, 1, 0, 2, false},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        gr_status status = kernel_conv_layer(o, &layers[i]);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

/* ---- Pooling --------------------------------------------------------------------------------- */

typedef struct kernel_pool {
    const char *net;
    bool max;
    int64_t n, c, size;
    gr_window window;
} kernel_pool;

static gr_status kernel_pool_layer(const kernel_options *o, const kernel_pool *s)
{
    char title[3][64];
    gr_node *y[3];
    gr_graph *g = gr_graph_new();
    const gr_shape xs = GR_SHAPE(s->n, s->c, s->size, s->size);
    gr_node *x = gr_input(g, "x", GR_F32, xs);
    y[0] = s->max ? gr_max_pool(x, &s->window) : gr_avg_pool(x, &s->window);
    const gr_shape ys = gr_node_shape(y[0]);
    gr_node *dy = gr_input(g, "dy", GR_F32, ys);
    snprintf(title[0], 64, "%s forward", s->net);
    if (s->max) {
        gr_node *taps = gr_input(g, "taps", GR_U8, ys);
        y[1] = gr_max_pool_grad(taps, dy, xs, &s->window);
        y[2] = gr_get(gr_max_pool_taps(x, &s->window), 0);
    } else {
        y[1] = gr_avg_pool_grad(dy, xs, &s->window);
    }
    snprintf(title[1], 64, "%s gradient", s->net);
    snprintf(title[2], 64, "%s forward, taps", s->net);
    gr_status status = GR_OK;
    for (int i = 0; i < (s->max ? 3 : 2) && status == GR_OK; i++)
        status = kernel_run(o, title[i], y[i], 0);
    gr_graph_free(g);
    return status;
}

static gr_status kernel_pools(const kernel_options *o)
{
    const gr_window two = *GR_WINDOW(2), three = *GR_WINDOW(3, .stride = 2, .ceil = true);
    const kernel_pool layers[] = {
        {"lenet pool1", true, 64, 20, 24, two},    {"lenet pool2", true, 64, 50, 8, two},
        {"quick pool1", true, 100, 32, 32, three}, {"quick pool2", false, 100, 32, 16, three},
        {"quick pool3", false, 100, 64, 8, three},
    };
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof layers / sizeof *layers && status == GR_OK; i++)
        status = kernel_pool_layer(o, &layers[i]);
    return status;
}

/* ---- Bandwidth ------------------------------------------------------------------------------- */

/* Gates over n elements: 16 K stay in the first two caches, 4 M come from memory. */
static gr_status kernel_gates(const kernel_options *o, int64_t n)
{
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F32, GR_SHAPE(n)), *b = gr_input(g, "b", GR_F32, GR_SHAPE(n));
    const struct {
        const char *name;
        gr_node *node;
    } gates[] = {{"add", gr_add(a, b)},     {"mul", gr_mul(a, b)}, {"relu", gr_relu(a)},
                 {"exp", gr_exp(a)},        {"tanh", gr_tanh(a)},  {"sigmoid", gr_sigmoid(a)},
                 {"log1p", gr_log1p(a)},    {"sqrt", gr_sqrt(a)},  {"sum", gr_sum(a, GR_ALL)},
                 {"max", gr_max(a, GR_ALL)}};
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof gates / sizeof *gates && status == GR_OK; i++) {
        char title[64];
        snprintf(title, sizeof title, "%s %lldK", gates[i].name, (long long)n >> 10);
        status = kernel_run(o, title, gates[i].node, 0);
    }
    gr_graph_free(g);
    return status;
}

/* Reductions of many short rows, as softmax and losses have them. */
static gr_status kernel_rows(const kernel_options *o)
{
    static const int64_t shapes[][2] = {{256, 10}, {256, 24}, {4096, 64}};
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && status == GR_OK; i++) {
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(shapes[i][0], shapes[i][1]));
        const struct {
            const char *name;
            gr_node *node;
        } rows[] = {{"sum", gr_sum(x, GR_AXES(1))},
                    {"max", gr_max(x, GR_AXES(1))},
                    {"argmax", gr_argmax(x, 1)},
                    {"argmax of columns", gr_argmax(x, 0)}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows && status == GR_OK; k++) {
            char title[64];
            snprintf(title, sizeof title, "%s %lldx%lld", rows[k].name, (long long)shapes[i][0],
                     (long long)shapes[i][1]);
            status = kernel_run(o, title, rows[k].node, 0);
        }
        gr_graph_free(g);
    }
    return status;
}

/* ---- Sessions side by side ------------------------------------------------------------------- */

typedef struct kernel_beside {
    gr_session *session;
    atomic_bool stop;
} kernel_beside;

static void *kernel_beside_run(void *ctx)
{
    kernel_beside *b = ctx;
    while (!atomic_load(&b->stop) && gr_session_steps(b->session, 1000) == GR_OK) {
    }
    return NULL;
}

/* A small training step on one thread, alone and while another session takes the same steps on its
 * own store and thread: the two should take the same time where two cores are free. */
static gr_status kernel_sessions(const kernel_options *o)
{
    if (o->only && !strstr("sessions", o->only)) return GR_OK;
    gr_graph *g = gr_graph_new();
    gr_node *w = gr_var(g, "w", GR_F32, GR_SHAPE(8, 8)), *x = gr_full(g, GR_F32, GR_SHAPE(4, 8), 1);
    gr_node *dw, *loss = gr_mean(gr_square(gr_tanh(gr_matmul(x, w))), GR_ALL);
    gr_status status = gr_grad(loss, &w, 1, &dw);
    gr_node *next = gr_assign(w, gr_sub(w, gr_scale(dw, 1e-3)));
    gr_program *program = NULL;
    gr_store *store[2] = {gr_store_new(), gr_store_new()};
    gr_session *session[2] = {NULL, NULL};
    const gr_compile_options compile = {.size = sizeof compile, .threads = 1};
    float value[64];
    measure_fill(value, 64);
    const gr_tensor first = {GR_F32, GR_SHAPE(8, 8), value};
    if (status == GR_OK) status = gr_compile(g, &next, 1, &compile, &program);
    for (int i = 0; i < 2 && status == GR_OK; i++) {
        status = gr_store_add(store[i], "w", &first);
        if (status == GR_OK) status = gr_session_new(program, store[i], NULL, &session[i]);
    }
    for (int beside = 0; beside < 2 && status == GR_OK; beside++) {
        kernel_beside other = {.session = session[1]};
        pthread_t thread;
        measure m = {0};
        if (beside && pthread_create(&thread, NULL, kernel_beside_run, &other) != 0) break;
        if (!measure_run(kernel_steps, session[0], o->seconds, &m)) status = GR_INTERNAL;
        atomic_store(&other.stop, true);
        if (beside) pthread_join(thread, NULL);
        printf("%-28s %-20s %9.1f ns, least %9.1f\n", "sessions",
               beside ? "two at once" : "one alone", 1e9 * m.median, 1e9 * m.least);
    }
    for (int i = 0; i < 2; i++) {
        gr_session_free(session[i]);
        gr_store_free(store[i]);
    }
    gr_program_free(program);
    gr_graph_free(g);
    return status;
}

int main(int argc, char **argv)
{
    kernel_options o = {.threads = 2, .seconds = 0.3};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--threads") && i + 1 < argc)
            o.threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && i + 1 < argc)
            o.seconds = atof(argv[++i]);
        else if (argv[i][0] != '-' && !o.only)
            o.only = argv[i];
        else
            o.threads = 0;
    }
    if (o.threads < 1 || !(o.seconds > 0)) {
        fprintf(stderr, "usage: kernels [PART-OF-A-NAME] [--threads N] [--seconds S]\n");
        return 2;
    }
    gr_status status = kernel_matmuls(&o);
    if (status == GR_OK) status = kernel_stacks(&o);
    if (status == GR_OK) status = kernel_convs(&o);
    if (status == GR_OK) status = kernel_pools(&o);
    if (status == GR_OK) status = kernel_rows(&o);
    if (status == GR_OK) status = kernel_gates(&o, 16 << 10);
    if (status == GR_OK) status = kernel_gates(&o, 4 << 20);
    if (status == GR_OK) status = kernel_sessions(&o);
    return status == GR_OK ? 0 : 1;
}
