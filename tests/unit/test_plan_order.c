/* The order of steps: a topological one, in which gradients die at their updates. */
#include "support.h"

#include <gradus/gradus.h>

#include "run/program.h"

typedef struct order_net {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
    gr_node *targets[128];
    int n;
    gr_program *program;
} order_net;

static void order_open(order_net *net)
{
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN};
    net->graph = gr_graph_new();
    net->store = gr_store_new();
    net->scope = gr_scope_new(net->graph, net->store, &options);
    net->n = 0;
}

static void order_compile(order_net *net, gr_node *loss, const gr_optimizer *optimizer,
                          const char *passes)
{
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .passes = passes};
    net->targets[net->n++] = loss;
    unit_ok(gr_minimize(net->scope, loss, optimizer));
    for (int i = 0; i < gr_scope_updates(net->scope); i++)
        net->targets[net->n++] = gr_scope_update_node(net->scope, i);
    unit_ok(gr_compile(net->graph, net->targets, net->n, &options, &net->program));
}

static void order_close(order_net *net)
{
    gr_program_free(net->program);
    gr_scope_free(net->scope);
    gr_store_free(net->store);
    gr_graph_free(net->graph);
}

/* Each step once, after the makers of what it reads. */
static void order_check(const gr_plan *plan, const int *order)
{
    bool *made = calloc((size_t)plan->n_values, 1);
    bool *run = calloc((size_t)plan->n_steps, 1);
    for (int v = 0; v < plan->n_values; v++) made[v] = plan->values[v].home != GR_HOME_ARENA;
    for (int s = 0; s < plan->n_steps; s++) /* an assigned value lies in its variable */
        for (int i = 0; i < plan->steps[s].n_out; i++)
            made[plan->args[plan->steps[s].args + plan->steps[s].n_in + i]] = false;
    for (int k = 0; k < plan->n_steps; k++) {
        assert_in_range(order[k], 0, plan->n_steps - 1);
        const gr_step *step = &plan->steps[order[k]];
        assert_false(run[order[k]]);
        run[order[k]] = true;
        for (int i = 0; i < step->n_in; i++) assert_true(made[plan->args[step->args + i]]);
        for (int i = 0; i < step->n_out; i++) made[plan->args[step->args + step->n_in + i]] = true;
    }
    free(made);
    free(run);
}

static void order_check_program(const gr_program *program)
{
    int *order = malloc(((size_t)program->plan->n_steps + 1) * sizeof *order);
    for (int holds = 0; holds < 2; holds++) {
        unit_ok(gr_plan_order(program->plan, holds == 1, order));
        order_check(program->plan, order);
    }
    for (int s = 0; s < program->plan->n_steps; s++) order[s] = s;
    order_check(program->plan, order);
    free(order);
}

static void order_deep_net(order_net *net, const gr_optimizer *optimizer)
{
    enum { LAYERS = 12 };
    order_open(net);
    gr_node *x = gr_input(net->graph, "x", GR_F32, GR_SHAPE(2, 64)), *h = x;
    for (int i = 0; i < LAYERS; i++) h = gr_tanh(gr_dense(net->scope, NULL, h, GR_DENSE(64)));
    order_compile(net, gr_mean(gr_square(h), GR_ALL), optimizer, NULL);
}

/* Twelve layers' gradients of 16 KiB each are not alive together, whatever the optimiser. */
static void test_gradients_die_at_their_updates(void **state)
{
    (void)state;
    const gr_optimizer optimizers[] = {
        {.size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 0.1},
        {.size = sizeof(gr_optimizer), .kind = GR_SGD, .rate = 0.1, .momentum = 0.9},
        {.size = sizeof(gr_optimizer), .kind = GR_ADAM, .rate = 0.1, .weight_decay = 0.1},
    };
    for (size_t i = 0; i < GR_LEN(optimizers); i++) {
        order_net net;
        order_deep_net(&net, &optimizers[i]);
        const gr_plan_info info = gr_program_plan(net.program);
        assert_in_range(info.arena, 16384, 6 * 16384);
        assert_int_equal(net.program->plan->n_copies, 0);
        order_check_program(net.program);
        order_close(&net);
    }
}

/* Clipping by the norm of all gradients needs them all. */
static void test_clipping_keeps_all_gradients(void **state)
{
    (void)state;
    order_net net;
    order_deep_net(&net, GR_OPTIMIZER(GR_SGD, .rate = 0.1, .clip_norm = 1));
    assert_true(gr_program_plan(net.program).arena >= 12 * 16384);
    order_check_program(net.program);
    order_close(&net);
}

/* Running means are overwritten in the forward pass; the labels are checked before. */
static void test_checks_come_first(void **state)
{
    (void)state;
    order_net net;
    order_open(&net);
    gr_node *x = gr_input(net.graph, "x", GR_F32, GR_SHAPE(8, 3, 8, 8));
    gr_node *labels = gr_input(net.graph, "labels", GR_I64, GR_SHAPE(8));
    gr_node *h = gr_conv_layer(net.scope, NULL, x, GR_CONV(4, 3));
    h = gr_dense(net.scope, NULL, gr_relu(gr_batch_norm(net.scope, NULL, h, NULL)), GR_DENSE(10));
    order_compile(&net, gr_softmax_cross_entropy(h, labels, NULL),
                  GR_OPTIMIZER(GR_SGD, .rate = 0.1, .momentum = 0.9), "-fuse");
    const gr_plan *plan = net.program->plan;
    assert_true(plan->steps[0].checks);
    assert_int_equal(plan->n_copies, 0);
    order_check_program(net.program);
    order_close(&net);
}

/* A value that depends on variables alone is made where it is read, not where it was built. */
static void test_what_floats_is_made_late(void **state)
{
    (void)state;
    enum { N = 6 };
    order_net net;
    order_open(&net);
    gr_node *x = gr_input(net.graph, "x", GR_F32, GR_SHAPE(1024)), *part[N], *h = x;
    for (int i = 0; i < N; i++)
        part[i] = gr_exp(gr_random_uniform(net.graph, GR_F32, GR_SHAPE(1024),
                                           (gr_stream){.seed = (uint64_t)i, .name = "noise"}));
    for (int i = 0; i < N; i++) h = gr_sin(gr_mul(h, part[i]));
    const gr_compile_options options = {.size = sizeof options, .threads = 1, .passes = "-fuse"};
    gr_node *y = gr_sum(h, GR_ALL);
    unit_ok(gr_compile(net.graph, &y, 1, &options, &net.program));
    assert_in_range(gr_program_plan(net.program).lower_bound, 4096, 3 * 4096);
    order_check_program(net.program);
    order_close(&net);
}

/* A dense layer's gradient of 512 KiB waits until the values of the layers before it, which are
 * 64 KiB each, are gone. */
static void test_large_gradients_wait(void **state)
{
    (void)state;
    order_net net;
    order_open(&net);
    gr_node *x = gr_input(net.graph, "x", GR_F32, GR_SHAPE(4, 4, 32, 32));
    for (int i = 0; i < 3; i++) x = gr_tanh(gr_conv_layer(net.scope, NULL, x, GR_CONV(4, 1)));
    x = gr_max_pool(x, GR_WINDOW(8));
    x = gr_tanh(gr_dense(net.scope, NULL, x, GR_DENSE(2048)));
    order_compile(&net, gr_mean(gr_square(x), GR_ALL), GR_OPTIMIZER(GR_SGD, .rate = 0.1), NULL);
    assert_in_range(gr_program_plan(net.program).arena, 512 << 10, (512 + 64) << 10);
    order_check_program(net.program);
    order_close(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_die_at_their_updates),
        cmocka_unit_test(test_clipping_keeps_all_gradients),
        cmocka_unit_test(test_checks_come_first),
        cmocka_unit_test(test_what_floats_is_made_late),
        cmocka_unit_test(test_large_gradients_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
