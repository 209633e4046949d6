/* Memory that runs out in the middle of whole flows: a status each time, nothing leaks, and what
 * succeeds nevertheless is right. */
#include "support_files.h"
#include "support_memory.h"

#include <gradus/check.h>
#include <gradus/gradus.h>

/* ---- A text: parsed, built, differentiated, printed, read back, run, checked -------------------
 */

static gr_status text_run(gr_graph *graph, gr_node *const *targets, const gr_feed *feeds)
{
    gr_tensor out[3] = {0};
    gr_status status = gr_evaluate(graph, targets, 3, feeds, 3, NULL, out);
    if (status != GR_OK) return status;
    bool right = gr_tensor_at(&out[0], 0) == -12 && gr_tensor_at(&out[1], 0) == -4 &&
                 gr_tensor_at(&out[2], 0) == 3;
    for (int i = 0; i < 3; i++) gr_tensor_clear(&out[i]);
    return right ? GR_OK : gr_fail(GR_INTERNAL, "a wrong value");
}

/* The text form of the graph, read again, runs as well. */
static gr_status text_reread(const gr_graph *graph, gr_node *const *targets, const gr_feed *feeds)
{
    char *text = NULL;
    gr_graph *again = NULL;
    gr_node *outputs[3];
    int n = 0;
    GR_TRY(gr_graph_print(graph, targets, 3, &text));
    gr_status status = gr_graph_read(text, &again, outputs, 3, &n);
    if (status == GR_OK) status = text_run(again, outputs, feeds);
    gr_graph_free(again);
    gr_text_release(text);
    return status;
}

static gr_status text_check(gr_node *f, gr_node *const *wrt, const gr_feed *feeds)
{
    gr_check_report report;
    GR_TRY(gr_check(f, wrt, 3, feeds, 3, NULL, NULL, &report));
    bool passed = report.passed;
    gr_check_clear(&report);
    return passed ? GR_OK : gr_fail(GR_INTERNAL, "the check failed");
}

static gr_status text_use(gr_graph *graph, const gr_expr *expr)
{
    static const double x = -2, y = 5, z = -4;
    static const gr_feed feeds[] = {{"x", &x}, {"y", &y}, {"z", &z}};
    gr_node *wrt[3], *df[3], *f;
    gr_binding bindings[3];
    for (int i = 0; i < 3; i++) {
        wrt[i] = gr_input(graph, feeds[i].name, GR_F64, GR_SCALAR);
        bindings[i] = (gr_binding){feeds[i].name, wrt[i]};
    }
    gr_expr_env env = {.size = sizeof env, .bindings = bindings, .n_bindings = 3};
    GR_TRY(gr_expr_build(expr, graph, &env, &f));
    GR_TRY(gr_grad(f, wrt, 3, df));
    gr_node *targets[] = {f, df[0], df[2]};
    GR_TRY(text_run(graph, targets, feeds));
    GR_TRY(text_reread(graph, targets, feeds));
    return text_check(f, wrt, feeds);
}

static gr_status text_flow(void *user)
{
    (void)user;
    gr_expr *expr = NULL;
    GR_TRY(gr_expr_parse("q = x + y\nq * z", NULL, &expr));
    gr_graph *graph = gr_graph_new();
    gr_status status = graph ? text_use(graph, expr) : GR_NO_MEMORY;
    gr_graph_free(graph);
    gr_expr_free(expr);
    return status;
}

static void test_text(void **state)
{
    (void)state;
    assert_true(test_memory_sweep(text_flow, NULL) > 100);
}

/* ---- A net: built, differentiated, compiled, trained, saved, loaded ----------------------------
 */

typedef struct net_run {
    const char *path;
    float loss; /* of the second step, once known */
} net_run;

enum { NET_ROWS = 2, NET_SIDE = 6 };

static gr_status net_steps(const gr_program *program, gr_store *store, float *loss)
{
    float x[NET_ROWS * NET_SIDE * NET_SIDE];
    const int32_t y[NET_ROWS] = {0, 2};
    gr_session *session = NULL;
    for (size_t i = 0; i < GR_LEN(x); i++) x[i] = (float)(i % 7) - 3;
    GR_TRY(gr_session_new(program, store, NULL, &session));
    int place_x = gr_program_find_input(program, "x"),
        place_y = gr_program_find_input(program, "y");
    gr_status status = gr_session_write(session, place_x, x, sizeof x);
    if (status == GR_OK) status = gr_session_bind(session, place_y, y, sizeof y);
    if (status == GR_OK) status = gr_session_steps(session, 2);
    if (status == GR_OK) status = gr_session_read(session, 0, loss, sizeof *loss);
    gr_session_free(session);
    return status;
}

static gr_status net_build(gr_scope *scope, gr_program **program)
{
    gr_graph *graph = gr_scope_graph(scope);
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SHAPE(NET_ROWS, 1, NET_SIDE, NET_SIDE));
    gr_node *y = gr_input(graph, "y", GR_I32, GR_SHAPE(NET_ROWS)), *targets[32];
    gr_node *h = gr_net(scope, x, "conv(2, 3) |> batchnorm |> relu |> maxpool(2) |> dropout(.5)");
    gr_node *loss = gr_softmax_cross_entropy(gr_net(scope, h, "fc(3)"), y, NULL);
    GR_TRY(gr_minimize(scope, loss, GR_OPTIMIZER(GR_ADAM, .l2 = 0.1, .clip_norm = 1)));
    int n = 0;
    targets[n++] = loss;
    for (int i = 0; i < gr_scope_updates(scope) && n < 32; i++)
        targets[n++] = gr_scope_update_node(scope, i);
    gr_compile_options options = {.size = sizeof options, .threads = 1, .exact = true};
    return gr_compile(graph, targets, n, &options, program);
}

static gr_status net_compile(gr_store *store, gr_program **program)
{
    gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = 7};
    gr_graph *graph = gr_graph_new();
    if (!graph) return GR_NO_MEMORY;
    gr_scope *scope = gr_scope_new(graph, store, &options);
    gr_status status = scope ? net_build(scope, program) : GR_NO_MEMORY;
    gr_scope_free(scope);
    gr_graph_free(graph);
    return status;
}

static gr_status net_same(const gr_store *a, const gr_store *b)
{
    if (gr_store_size(a) != gr_store_size(b)) return gr_fail(GR_INTERNAL, "a tensor is missing");
    for (int i = 0; i < gr_store_size(a); i++) {
        const char *name = gr_store_name(a, i);
        gr_tensor type = gr_store_type(a, i);
        char x[1024], y[1024];
        size_t bytes = gr_tensor_bytes(&type);
        assert_true(bytes <= sizeof x);
        GR_TRY(gr_store_read(a, name, x, bytes));
        GR_TRY(gr_store_read(b, name, y, bytes));
        if (memcmp(x, y, bytes) != 0) return gr_fail(GR_INTERNAL, "%s differs", name);
    }
    return GR_OK;
}

static gr_status net_save_and_load(const gr_store *store, const char *path)
{
    gr_store *loaded = NULL, *copy = NULL;
    gr_meta *meta = NULL;
    GR_TRY(gr_store_save(store, path, NULL));
    gr_status status = gr_store_load(path, &loaded, &meta);
    if (status == GR_OK) status = net_same(store, loaded);
    if (status == GR_OK) status = gr_store_snapshot(store, &copy);
    if (status == GR_OK) status = net_same(store, copy);
    gr_store_free(copy);
    gr_store_free(loaded);
    gr_meta_free(meta);
    return status;
}

static gr_status net_flow(void *user)
{
    net_run *run = user;
    gr_program *program = NULL;
    gr_store *store = gr_store_new();
    float loss = 0;
    gr_status status = store ? net_compile(store, &program) : GR_NO_MEMORY;
    if (status == GR_OK) status = net_steps(program, store, &loss);
    if (status == GR_OK) status = net_save_and_load(store, run->path);
    gr_program_free(program);
    gr_store_free(store);
    if (status == GR_OK && run->loss != 0 && loss != run->loss)
        return gr_fail(GR_INTERNAL, "loss %g, not %g", (double)loss, (double)run->loss);
    if (status == GR_OK) run->loss = loss;
    return status;
}

static void test_net(void **state)
{
    (void)state;
    net_run run = {.path = test_files_path("net.safetensors")};
    unit_ok(net_flow(&run));
    assert_true(run.loss > 0);
    long calls = test_memory_sweep(net_flow, &run);
    print_message("%ld allocations\n", calls);
    assert_true(calls > 300);
}

/* ---- A loop, differentiated ---------------------------------------------------------------------
 */

/* h_t = tanh(h_{t−1}·w + x_t), and the sum over all h_t. */
static gr_node *loop_build(gr_graph *graph, gr_node *h0, gr_node *x, gr_node *w)
{
    gr_graph *body = gr_graph_new();
    gr_node *h = gr_input(body, "h", GR_F64, GR_SHAPE(1, 3));
    gr_node *xt = gr_input(body, "xt", GR_F64, GR_SHAPE(1, 3));
    gr_node *wc = gr_input(body, "w", GR_F64, GR_SHAPE(3, 3));
    gr_node *next = gr_tanh(gr_add(gr_matmul(h, wc), xt));
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){h, xt, wc},
                         .body_out = (gr_node *[]){next, next},
                         .carries = 1,
                         .slices = 1,
                         .captures = 1,
                         .outputs = 1};
    return gr_sum(gr_get(gr_scan(graph, &spec, (gr_node *[]){h0, x, w}), 1), GR_ALL);
}

static gr_status loop_use(gr_graph *graph, double *out)
{
    static const double h0[3] = {.1, .2, .3}, x[15] = {1, -1}, w[9] = {.5, 0, .1, 0, .5};
    gr_feed feeds[] = {{"h0", h0}, {"x", x}, {"w", w}};
    gr_node *in[] = {gr_input(graph, "h0", GR_F64, GR_SHAPE(1, 3)),
                     gr_input(graph, "x", GR_F64, GR_SHAPE(5, 1, 3)),
                     gr_input(graph, "w", GR_F64, GR_SHAPE(3, 3))};
    gr_node *df[3];
    gr_node *f = loop_build(graph, in[0], in[1], in[2]);
    gr_tensor values[3] = {0};
    GR_TRY(gr_grad(f, in, 3, df));
    GR_TRY(gr_evaluate(graph, (gr_node *[]){f, df[0], df[2]}, 3, feeds, 3, NULL, values));
    for (int i = 0; i < 3; i++) {
        out[i] = gr_tensor_at(&values[i], 0);
        gr_tensor_clear(&values[i]);
    }
    return GR_OK;
}

static gr_status loop_flow(void *user)
{
    double *expected = user, out[3];
    gr_graph *graph = gr_graph_new();
    if (!graph) return GR_NO_MEMORY;
    gr_status status = loop_use(graph, out);
    gr_graph_free(graph);
    if (status != GR_OK) return status;
    if (expected[0] == 0) memcpy(expected, out, sizeof out);
    return memcmp(expected, out, sizeof out) ? gr_fail(GR_INTERNAL, "a wrong value") : GR_OK;
}

static void test_loop(void **state)
{
    (void)state;
    double expected[3] = {0};
    unit_ok(loop_flow(expected));
    assert_true(test_memory_sweep(loop_flow, expected) > 100);
}

/* ---- Contractions that a module takes on --------------------------------------------------------
 */

static gr_status module_use(gr_graph *graph, uint64_t *hash)
{
    gr_stream stream = {.seed = 1, .name = "x"};
    gr_node *x = gr_random_normal(graph, GR_F32, GR_SHAPE(2, 16, 16, 16), stream);
    stream.name = "w";
    gr_node *w = gr_random_normal(graph, GR_F32, GR_SHAPE(16, 16, 3, 3), stream), *dw;
    gr_node *rows = gr_reshape(gr_conv(x, w, NULL), GR_SHAPE(2 * 16, 14 * 14));
    gr_node *y = gr_sum(gr_matmul_t(rows, true, rows, false), GR_ALL);
    gr_tensor out = {0};
    GR_TRY(gr_grad(y, &w, 1, &dw));
    GR_TRY(gr_evaluate(graph, &dw, 1, NULL, 0, NULL, &out));
    *hash = gr_hash(out.data, gr_tensor_bytes(&out), 0);
    gr_tensor_clear(&out);
    return GR_OK;
}

static gr_status module_flow(void *user)
{
    uint64_t *expected = user, hash = 0;
    gr_graph *graph = gr_graph_new();
    if (!graph) return GR_NO_MEMORY;
    gr_status status = module_use(graph, &hash);
    gr_graph_free(graph);
    if (status != GR_OK) return status;
    if (*expected == 0) *expected = hash;
    return *expected == hash ? GR_OK : gr_fail(GR_INTERNAL, "a wrong value");
}

static void test_module(void **state)
{
    (void)state;
    uint64_t expected = 0;
    setenv("GRADUS_ONEDNN", "all", 1);
    unit_ok(module_flow(&expected));
    assert_true(test_memory_sweep(module_flow, &expected) > 50);
    unsetenv("GRADUS_ONEDNN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_module),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
