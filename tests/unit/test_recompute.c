/* Steps in less memory compute the same bits. */
#include "support_memory.h"

#include <gradus/gradus.h>

#include "run/program.h"

enum { MOST_BATCH = 48 };

typedef struct recompute_net {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
    gr_node *targets[256];
    int n;
} recompute_net;

typedef struct recompute_recipe {
    gr_node *(*build)(gr_scope *s, gr_node *x, int64_t channels);
    int64_t channels, batch, side;
    int steps;
} recompute_recipe;

static gr_node *recompute_norm_conv(gr_scope *s, gr_node *x, int64_t channels, int64_t kernel,
                                    int64_t stride)
{
    x = gr_conv_layer(
        s, NULL, x,
        GR_CONV(channels, kernel, .stride = stride, .pad = kernel / 2, .no_bias = true));
    return gr_batch_norm(s, NULL, x, NULL);
}

/* ResNet-18 (He et al. 2016), which has 64 channels at first. */
static gr_node *recompute_resnet(gr_scope *s, gr_node *x, int64_t first)
{
    x = gr_relu(recompute_norm_conv(s, x, first, 3, 1));
    for (int block = 0; block < 8; block++) {
        const int64_t channels = first << block / 2, stride = block > 0 && block % 2 == 0 ? 2 : 1;
        gr_node *h = gr_relu(recompute_norm_conv(s, x, channels, 3, stride));
        h = recompute_norm_conv(s, h, channels, 3, 1);
        if (stride > 1) x = recompute_norm_conv(s, x, channels, 1, stride);
        x = gr_relu(gr_add(h, x));
    }
    return gr_dense(s, "fc", gr_mean(x, GR_AXES(2, 3)), GR_DENSE(10));
}

/* Random masks, pooling, and a tuple of which one part is read early and one late. */
static gr_node *recompute_mixed(gr_scope *s, gr_node *x, int64_t channels)
{
    gr_node *part[2], *h = gr_conv_layer(s, NULL, x, GR_CONV(channels, 3, .pad = 1)), *late = NULL;
    for (int i = 0; i < 6; i++) {
        gr_node *halves = gr_split(gr_sin(h), 2, 1);
        part[0] = gr_get(halves, 0);
        part[1] = gr_get(halves, 1);
        gr_node *pooled = gr_max_pool(part[0], GR_WINDOW(3, .stride = 1, .pad = 1));
        h = gr_dropout(s, NULL, gr_concat((gr_node *[]){pooled, part[1]}, 2, 1), 0.3);
        late = late ? gr_add(late, part[1]) : part[1];
    }
    h = gr_add(gr_mean(h, GR_AXES(2, 3)), gr_mean(gr_mean(late, GR_AXES(2, 3)), GR_KEEP(1)));
    return gr_dense(s, "fc", h, GR_DENSE(10));
}

static const recompute_recipe recompute_narrow = {recompute_resnet, 4, 48, 16, 3};

static void recompute_open(recompute_net *net, const recompute_recipe *r)
{
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = 5};
    net->graph = gr_graph_new();
    net->store = gr_store_new();
    net->scope = gr_scope_new(net->graph, net->store, &options);
    net->n = 0;
    gr_node *x = gr_input(net->graph, "x", GR_F32, GR_SHAPE(r->batch, 3, r->side, r->side));
    gr_node *labels = gr_input(net->graph, "labels", GR_I64, GR_SHAPE(r->batch));
    gr_node *loss = gr_softmax_cross_entropy(r->build(net->scope, x, r->channels), labels, NULL);
    unit_ok(gr_minimize(net->scope, loss, GR_OPTIMIZER(GR_SGD, .rate = 0.1, .momentum = 0.9)));
    net->targets[net->n++] = loss;
    for (int i = 0; i < gr_scope_updates(net->scope); i++)
        net->targets[net->n++] = gr_scope_update_node(net->scope, i);
    assert_in_range(net->n, 1, 255);
}

static void recompute_close(recompute_net *net)
{
    gr_scope_free(net->scope);
    gr_store_free(net->store);
    gr_graph_free(net->graph);
}

static void recompute_steps(recompute_net *net, const gr_program *program, int steps)
{
    const int in = gr_program_find_input(program, "x");
    const gr_tensor type = gr_program_input_type(program, in);
    const int64_t count = gr_shape_count(type.shape), labels[MOST_BATCH] = {1, 7, 3, 3, 0, 9};
    float *x = malloc((size_t)count * sizeof *x);
    gr_session *session;
    for (int64_t i = 0; i < count; i++) x[i] = (float)(i * 37 % 101) / 50 - 1;
    unit_ok(gr_session_new(program, net->store, NULL, &session));
    unit_ok(gr_session_write(session, in, x, (size_t)count * sizeof *x));
    unit_ok(gr_session_write(session, gr_program_find_input(program, "labels"), labels,
                             (size_t)type.shape.dim[0] * sizeof *labels));
    free(x);
    unit_ok(gr_session_steps(session, steps));
    gr_session_free(session);
}

static void recompute_same_store(const gr_store *a, const gr_store *b)
{
    assert_int_equal(gr_store_size(a), gr_store_size(b));
    for (int i = 0; i < gr_store_size(a); i++) {
        const gr_tensor type = gr_store_type(a, i);
        const size_t bytes = gr_tensor_bytes(&type);
        void *left = malloc(bytes + 1), *right = malloc(bytes + 1);
        unit_ok(gr_store_read(a, gr_store_name(a, i), left, bytes));
        unit_ok(gr_store_read(b, gr_store_name(a, i), right, bytes));
        if (memcmp(left, right, bytes) != 0) fail_msg("%s differs", gr_store_name(a, i));
        free(left);
        free(right);
    }
}

/* Trains with all the memory and with a part of it: parameters, momenta and running means are the
 * same bits, so the gradients were. */
static void recompute_compare(const recompute_recipe *recipe, int percent)
{
    recompute_net all, less;
    gr_program *free_program, *tight_program;
    gr_compile_options options = {.size = sizeof options, .threads = 1, .exact = true};
    recompute_open(&all, recipe);
    recompute_open(&less, recipe);
    unit_ok(gr_compile(all.graph, all.targets, all.n, &options, &free_program));
    const gr_plan_info plenty = gr_program_plan(free_program);
    options.memory = plenty.arena * (size_t)percent / 100;
    unit_ok(gr_compile(less.graph, less.targets, less.n, &options, &tight_program));
    const gr_plan_info tight = gr_program_plan(tight_program);
    assert_in_range(tight.arena, 1, options.memory);
    assert_true(tight.steps > plenty.steps);
    assert_int_equal(gr_program_inputs(tight_program), 2);
    recompute_steps(&all, free_program, recipe->steps);
    recompute_steps(&less, tight_program, recipe->steps);
    recompute_same_store(all.store, less.store);
    gr_program_free(free_program);
    gr_program_free(tight_program);
    recompute_close(&all);
    recompute_close(&less);
}

static void test_half_the_memory_gives_the_same_bits(void **state)
{
    (void)state;
    recompute_compare(&recompute_narrow, 75);
    recompute_compare(&recompute_narrow, 50);
}

static void test_half_the_memory_of_the_full_width(void **state)
{
    (void)state;
    /* One step has each gradient in its momentum. */
    recompute_compare(&(recompute_recipe){recompute_resnet, 64, 4, 32, 1}, 50);
}

static void test_tuples_and_random_nodes_run_again(void **state)
{
    (void)state;
    const recompute_recipe mixed = {recompute_mixed, 6, 48, 16, 3};
    recompute_compare(&mixed, 90);
    recompute_compare(&mixed, 70);
}

static void test_what_cannot_be_met_is_refused(void **state)
{
    (void)state;
    recompute_net net;
    gr_program *program;
    gr_compile_options options = {.size = sizeof options, .threads = 1, .memory = 1000};
    recompute_open(&net, &recompute_narrow);
    unit_refused(gr_compile(net.graph, net.targets, net.n, &options, &program), GR_NO_MEMORY,
                 "no way was found to run a step in 1000 bytes of memory; ");
    assert_null(program);
    /* What the message says would do does. */
    options.memory = (size_t)strtoul(strstr(gr_message(), "; ") + 2, NULL, 10);
    unit_ok(gr_compile(net.graph, net.targets, net.n, &options, &program));
    assert_in_range(gr_program_plan(program).arena, 1, options.memory);
    gr_program_free(program);
    recompute_close(&net);
}

static void test_budget_by_the_environment(void **state)
{
    (void)state;
    const char *const wrong[] = {"much", "1X", "1MB", "-1", "K", "20000000000G"};
    recompute_net net;
    gr_program *program;
    recompute_open(&net, &recompute_narrow);
    for (size_t i = 0; i < GR_LEN(wrong); i++) {
        setenv("GRADUS_MEMORY", wrong[i], 1);
        unit_refused(gr_compile(net.graph, net.targets, net.n, NULL, &program), GR_INVALID,
                     "GRADUS_MEMORY=");
    }
    setenv("GRADUS_MEMORY", "1K", 1);
    unit_refused(gr_compile(net.graph, net.targets, net.n, NULL, &program), GR_NO_MEMORY,
                 "1024 bytes");
    const gr_compile_options plenty = {.size = sizeof plenty, .memory = (size_t)1 << 30};
    unit_ok(gr_compile(net.graph, net.targets, net.n, &plenty, &program)); /* the option wins */
    gr_program_free(program);
    setenv("GRADUS_MEMORY", "1G", 1);
    unit_ok(gr_compile(net.graph, net.targets, net.n, NULL, &program));
    gr_program_free(program);
    unsetenv("GRADUS_MEMORY");
    recompute_close(&net);
}

typedef struct recompute_flow {
    recompute_net net;
    size_t memory;
} recompute_flow;

static gr_status recompute_compile(void *user)
{
    const recompute_flow *flow = user;
    const gr_compile_options options = {
        .size = sizeof options, .threads = 1, .memory = flow->memory, .passes = "-all"};
    gr_program *program;
    gr_status status =
        gr_compile(flow->net.graph, (gr_node *const *)flow->net.targets, 1, &options, &program);
    if (status == GR_OK) gr_program_free(program);
    return status;
}

/* A chain whose values are all read again, in the opposite order. */
static void test_out_of_memory(void **state)
{
    (void)state;
    enum { N = 6 };
    recompute_flow flow = {.memory = 5 * 4096};
    gr_graph *g = flow.net.graph = gr_graph_new();
    gr_node *h[N], *y = gr_input(g, "x", GR_F32, GR_SHAPE(1024));
    for (int i = 0; i < N; i++) h[i] = y = gr_sin(y);
    for (int i = N - 1; i >= 0; i--) y = gr_mul(gr_cos(y), h[i]);
    flow.net.targets[0] = y;
    assert_true(test_memory_sweep(recompute_compile, &flow) > 20);
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_the_memory_gives_the_same_bits),
        cmocka_unit_test(test_half_the_memory_of_the_full_width),
        cmocka_unit_test(test_tuples_and_random_nodes_run_again),
        cmocka_unit_test(test_what_cannot_be_met_is_refused),
        cmocka_unit_test(test_budget_by_the_environment),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
