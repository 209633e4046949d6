/* Updates on pieces of a product: a large gradient never lies in memory whole, and the bits are
 * those of the program that writes it down. */
#include "support.h"

#include <gradus/gradus.h>

#include "run/program.h"

enum { UPDATE_STEPS = 2, UPDATE_TARGETS = 4 };

/* w and its state, a gradient of [rows, columns] that is summed over `batch` examples. */
typedef struct update_net {
    gr_graph *graph;
    gr_store *store;
    gr_program *program;
    gr_session *session;
    gr_node *targets[UPDATE_TARGETS];
    int n;
} update_net;

typedef struct update_case {
    int64_t batch, rows, columns;
    bool turned; /* g lies as the product reads it */
} update_case;

static gr_node *update_variable(update_net *net, const char *name, gr_type type, double offset)
{
    gr_tensor value;
    unit_ok(gr_tensor_new(type.dtype, type.shape, &value));
    gr_rng rng = gr_rng_new(7, 0);
    for (int64_t i = 0; i < gr_shape_count(type.shape); i++)
        gr_tensor_put(&value, i, offset + gr_rng_uniform(&rng));
    unit_ok(gr_store_add(net->store, name, &value));
    gr_tensor_clear(&value);
    return gr_var(net->graph, name, type.dtype, type.shape);
}

/* The updates by name, as src/optim writes them: two of them and Adam's read the gradient twice. */
typedef enum update_kind { UPDATE_PLAIN, UPDATE_DECAY, UPDATE_NESTEROV, UPDATE_ADAM } update_kind;
enum { UPDATE_KINDS = UPDATE_ADAM + 1 };

static void update_assign(update_net *net, gr_node *variable, gr_node *value)
{
    net->targets[net->n++] = gr_assign(variable, value);
}

static void update_add(update_net *net, update_kind kind, gr_type type, gr_node *grad)
{
    gr_node *w = update_variable(net, "w", type, -0.5);
    gr_node *rate = gr_cast(gr_input(net->graph, "rate", GR_F64, GR_SCALAR), type.dtype);
    if (kind == UPDATE_PLAIN) {
        update_assign(net, w, gr_sub(w, gr_mul(rate, grad)));
        return;
    }
    gr_node *m = update_variable(net, "m", type, -0.5);
    if (kind == UPDATE_DECAY) grad = gr_add(grad, gr_scale(w, 5e-4));
    if (kind == UPDATE_ADAM) {
        gr_node *v = update_variable(net, "v", type, 0.1);
        gr_node *first = gr_add(gr_scale(m, 0.9), gr_scale(grad, 0.1));
        gr_node *second = gr_add(gr_scale(v, 0.999), gr_scale(gr_square(grad), 0.001));
        gr_node *root = gr_add(gr_sqrt(second), gr_like(second, 1e-8));
        update_assign(net, m, first);
        update_assign(net, v, second);
        update_assign(net, w, gr_sub(w, gr_mul(rate, gr_div(first, root))));
        return;
    }
    gr_node *momentum = gr_add(gr_scale(m, 0.9), grad);
    gr_node *change = kind == UPDATE_NESTEROV ? gr_add(grad, gr_scale(momentum, 0.9)) : momentum;
    update_assign(net, m, momentum);
    update_assign(net, w, gr_sub(w, gr_mul(rate, change)));
}

static void update_open(update_net *net)
{
    *net = (update_net){.graph = gr_graph_new(), .store = gr_store_new()};
}

static void update_compile(update_net *net, const char *passes, int threads)
{
    const gr_compile_options options = {
        .size = sizeof options, .threads = threads, .passes = passes};
    unit_ok(gr_compile(net->graph, net->targets, net->n, &options, &net->program));
    unit_ok(gr_plan_verify(net->program->plan));
    unit_ok(gr_session_new(net->program, net->store, NULL, &net->session));
}

static void update_close(update_net *net)
{
    gr_session_free(net->session);
    gr_program_free(net->program);
    gr_store_free(net->store);
    gr_graph_free(net->graph);
}

static void update_write(update_net *net)
{
    gr_rng rng = gr_rng_new(3, 0);
    for (int i = 0; i < gr_program_inputs(net->program); i++) {
        const gr_tensor type = gr_program_input_type(net->program, i);
        gr_tensor value;
        unit_ok(gr_tensor_new(type.dtype, type.shape, &value));
        for (int64_t e = 0; e < gr_shape_count(type.shape); e++)
            gr_tensor_put(&value, e, gr_rng_uniform(&rng) - 0.5);
        unit_ok(gr_session_write(net->session, i, value.data, gr_tensor_bytes(&value)));
        gr_tensor_clear(&value);
    }
}

static bool update_is_joined(const update_net *net)
{
    for (int i = 0; i < gr_program_plan(net->program).steps; i++) {
        gr_step_info info;
        unit_ok(gr_program_step(net->program, i, &info));
        if (strchr(info.kernel, '+')) return true;
    }
    return false;
}

static void update_run(update_net *net, const update_case *c, update_kind kind, gr_dtype dtype,
                       const char *passes, int threads)
{
    update_open(net);
    gr_node *x = gr_input(net->graph, "x", dtype, GR_SHAPE(c->batch, c->columns));
    gr_node *g = gr_input(net->graph, "g", dtype, GR_SHAPE(c->batch, c->rows));
    if (c->turned) g = gr_input(net->graph, "h", dtype, GR_SHAPE(c->rows, c->batch));
    gr_node *grad = gr_matmul(c->turned ? g : gr_transpose(g), x);
    const gr_type type = {dtype, gr_node_shape(grad)};
    update_add(net, kind, type, grad);
    update_compile(net, passes, threads);
    update_write(net);
    for (int i = 0; i < UPDATE_STEPS; i++) unit_ok(gr_session_step(net->session));
}

static void update_check_equal(const update_net *a, const update_net *b, const char *what)
{
    for (int i = 0; i < gr_store_size(a->store); i++) {
        const char *name = gr_store_name(a->store, i);
        const gr_tensor type = gr_store_type(a->store, i);
        gr_tensor left, right;
        unit_ok(gr_tensor_new(type.dtype, type.shape, &left));
        unit_ok(gr_tensor_new(type.dtype, type.shape, &right));
        unit_ok(gr_store_read(a->store, name, left.data, gr_tensor_bytes(&left)));
        unit_ok(gr_store_read(b->store, name, right.data, gr_tensor_bytes(&right)));
        if (memcmp(left.data, right.data, gr_tensor_bytes(&left)) != 0)
            fail_msg("%s: variable %s differs", what, name);
        gr_tensor_clear(&left);
        gr_tensor_clear(&right);
    }
}

/* Odd sizes; rows in one piece and in several; columns that a block just holds; one column more
 * than a vector; the longest k that is one block. */
static void test_updates_keep_their_bits(void **state)
{
    (void)state;
    static const update_case cases[] = {{2, 1031, 1023, .turned = false},
                                        {17, 85, 12353, .turned = false},
                                        {5, 16411, 65, .turned = false},
                                        {16, 86, 12288, .turned = true},
                                        {192, 700, 1501, .turned = false}};
    int kind = 0;
    for (size_t k = 0; k < GR_LEN(cases); k++) {
        for (int dtype = 0; dtype < 2; dtype++) {
            const gr_dtype type = dtype ? GR_F64 : GR_F32;
            const update_kind update = (update_kind)(kind % UPDATE_KINDS);
            const int threads = 1 + kind % 3;
            update_net plain, joined;
            update_run(&plain, &cases[k], update, type, "-postops", 1);
            if (kind == 1) setenv("GRADUS_GUARD", "1", 1);
            update_run(&joined, &cases[k], update, type, NULL, threads);
            unsetenv("GRADUS_GUARD");
            assert_false(update_is_joined(&plain));
            assert_true(update_is_joined(&joined));
            assert_int_equal(joined.program->plan->n_copies, 0);
            assert_true(gr_program_plan(joined.program).arena <
                        gr_program_plan(plain.program).arena);
            char what[80];
            snprintf(what, sizeof what, "case %zu, update %d, %s, %d threads", k, (int)update,
                     gr_dtype_name(type), threads);
            update_check_equal(&plain, &joined, what);
            update_close(&plain);
            update_close(&joined);
            kind++;
        }
    }
}

/* The gradient stays where somebody else reads it too, where k is more than one block, where it is
 * small, and where the update must not write over what the product reads. */
static void test_updates_stay_apart(void **state)
{
    (void)state;
    static const update_case apart[] = {{400, 1100, 1000, .turned = false},
                                        {8, 300, 200, .turned = false}};
    for (size_t k = 0; k < GR_LEN(apart); k++) {
        update_net net;
        update_run(&net, &apart[k], UPDATE_DECAY, GR_F32, NULL, 1);
        assert_false(update_is_joined(&net));
        assert_int_equal(net.program->plan->n_copies, 0);
        update_close(&net);
    }
    for (int shared = 0; shared < 2; shared++) {
        update_net net;
        update_open(&net);
        const gr_type type = {GR_F32, GR_SHAPE(1100, 1000)};
        gr_node *x = gr_input(net.graph, "x", GR_F32, GR_SHAPE(1100, 16));
        gr_node *w = update_variable(&net, "narrow", (gr_type){GR_F32, GR_SHAPE(16, 1000)}, 0);
        gr_node *grad = gr_matmul(x, w);
        if (shared) net.targets[net.n++] = gr_sum(gr_square(grad), GR_ALL);
        update_add(&net, UPDATE_DECAY, type, grad);
        if (!shared) update_assign(&net, w, gr_add(w, gr_like(w, 1)));
        update_compile(&net, NULL, 1);
        assert_int_equal(update_is_joined(&net), !shared);
        assert_int_equal(net.program->plan->n_copies, 0);
        update_close(&net);
    }
    update_net own;
    update_open(&own);
    gr_node *turn = gr_input(own.graph, "turn", GR_F32, GR_SHAPE(300, 300));
    gr_node *w = update_variable(&own, "w", (gr_type){GR_F32, GR_SHAPE(300, 3600)}, 0);
    update_assign(&own, w, gr_sub(w, gr_matmul(turn, w)));
    update_compile(&own, NULL, 1);
    assert_false(update_is_joined(&own));
    assert_int_equal(own.program->plan->n_copies, 0);
    update_close(&own);
}

/* A step that refuses its data has changed nothing. */
static void test_updates_of_a_refused_step(void **state)
{
    (void)state;
    enum { BATCH = 4, IN = 1024, CLASSES = 1030 };
    update_net before, after;
    update_net *const nets[] = {&before, &after};
    for (int i = 0; i < 2; i++) {
        update_net *net = nets[i];
        update_open(net);
        gr_node *x = gr_input(net->graph, "x", GR_F32, GR_SHAPE(BATCH, IN));
        gr_node *labels = gr_input(net->graph, "labels", GR_I32, GR_SHAPE(BATCH));
        const gr_type type = {GR_F32, GR_SHAPE(CLASSES, IN)};
        gr_node *w = update_variable(net, "w", type, -0.5), *grad;
        gr_node *loss = gr_softmax_cross_entropy(gr_matmul_t(x, false, w, true), labels, NULL);
        unit_ok(gr_grad(loss, &w, 1, &grad));
        update_assign(net, w, gr_sub(w, gr_scale(grad, 0.1)));
        update_compile(net, NULL, 2);
        assert_true(update_is_joined(net));
        assert_int_equal(net->program->plan->n_copies, 0);
        update_write(net);
    }
    const int32_t wrong[BATCH] = {0, CLASSES, 2, 3}, right[BATCH] = {0, 1, 2, 3};
    const int labels = strcmp(gr_program_input_name(after.program, 0), "labels") ? 1 : 0;
    unit_ok(gr_session_write(after.session, labels, wrong, sizeof wrong));
    unit_refused(gr_session_step(after.session), GR_RANGE, "1030");
    update_check_equal(&before, &after, "a refused step");
    for (int i = 0; i < 2; i++) {
        unit_ok(gr_session_write(nets[i]->session, labels, right, sizeof right));
        unit_ok(gr_session_step(nets[i]->session));
    }
    update_check_equal(&before, &after, "the step after it");
    update_close(&before);
    update_close(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_keep_their_bits),
        cmocka_unit_test(test_updates_stay_apart),
        cmocka_unit_test(test_updates_of_a_refused_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
