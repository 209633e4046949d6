/* What transformers are built of, against PyTorch's values (tests/reference/attention.py) in f32
 * and f64; refusals. */
#include "support_reference.h"

#include <math.h>

#include <gradus/gradus.h>

#include "graph/graph.h"

static gr_safetensors *attention_file;

static int attention_setup(void **state)
{
    (void)state;
    attention_file = reference_open("attention.safetensors");
    return 0;
}

static int attention_teardown(void **state)
{
    (void)state;
    gr_safetensors_close(attention_file);
    return 0;
}

/* ---- Reference cases ------------------------------------------------------------------------- */

enum { CASE_MOST = 16 };

/* A case of the file: its inputs and parameters, those with a gradient first asked for. */
typedef struct ref_case {
    const char *name;
    gr_graph *graph;
    gr_scope *scope;
    double tolerance;        /* in f64 */
    int n;                   /* of what follows: all tensors of the case but y and gradients */
    char key[CASE_MOST][40]; /* "x", "dy", "qkv/weight" */
    gr_tensor value[CASE_MOST];
} ref_case;

static void ref_open(ref_case *c, const char *name)
{
    *c = (ref_case){.name = name, .graph = gr_graph_new(), .tolerance = 1e-10};
    c->scope = gr_scope_new(c->graph, NULL, NULL);
    const size_t length = strlen(name);
    for (int i = 0; i < gr_safetensors_size(attention_file); i++) {
        const char *path = gr_safetensors_name(attention_file, i);
        if (strncmp(path, name, length) != 0 || path[length] != '/') continue;
        const char *key = path + length + 1;
        if (strcmp(key, "y") == 0 || strncmp(key, "d_", 2) == 0) continue;
        assert_true(c->n < CASE_MOST);
        snprintf(c->key[c->n], sizeof c->key[0], "%s", key);
        c->value[c->n++] = reference_read(attention_file, GR_F64, "%s", path);
    }
    if (c->n == 0) fail_msg("no reference case '%s'", name);
}

static void ref_close(ref_case *c)
{
    for (int i = 0; i < c->n; i++) gr_tensor_clear(&c->value[i]);
    gr_scope_free(c->scope);
    gr_graph_free(c->graph);
}

/* The case's input of that name, f32 where the file has f64. */
static gr_node *ref_input(ref_case *c, const char *key)
{
    for (int i = 0; i < c->n; i++) {
        if (strcmp(c->key[i], key) != 0) continue;
        const gr_dtype dtype = c->value[i].dtype == GR_F64 ? GR_F32 : c->value[i].dtype;
        return gr_input(c->graph, key, dtype, c->value[i].shape);
    }
    fail_msg("%s has no '%s'", c->name, key);
    return NULL;
}

/* The value, the first of all, or the gradient by `key`. */
static void ref_compare(const ref_case *c, int i, const char *key, const gr_tensor *got)
{
    const double tolerance = got->dtype == GR_F64 ? c->tolerance : 1e-5;
    reference_compare_within(attention_file, got, tolerance, "%s/%s%s", c->name, i ? "d_" : "",
                             key);
}

/* Evaluates out[0 … n], the value and the gradients, in `dtype`. */
static void ref_evaluate(ref_case *c, gr_dtype dtype, gr_node *const *targets, int n,
                         const char *const *key)
{
    gr_graph *graph;
    gr_node *in_type[CASE_MOST + 1];
    gr_tensor data[CASE_MOST], out[CASE_MOST + 1];
    gr_feed feeds[CASE_MOST];
    gr_store *store = gr_store_new();
    int n_feeds = 0;
    unit_ok(gr_graph_retype(c->graph, GR_F32, dtype, targets, n, &graph, in_type));
    for (int i = 0; i < c->n; i++) {
        data[i] = reference_read(attention_file, dtype, "%s/%s", c->name, c->key[i]);
        gr_node *leaf = gr_graph_find(graph, c->key[i]);
        if (leaf) {
            feeds[n_feeds++] = (gr_feed){c->key[i], data[i].data};
        } else {
            char path[64];
            snprintf(path, sizeof path, "l/%s", c->key[i]);
            unit_ok(gr_store_add(store, path, &data[i]));
        }
    }
    unit_ok(gr_evaluate(graph, in_type, n, feeds, n_feeds, store, out));
    for (int i = 0; i < n; i++) {
        ref_compare(c, i, key[i], &out[i]);
        gr_tensor_clear(&out[i]);
    }
    for (int i = 0; i < c->n; i++) gr_tensor_clear(&data[i]);
    gr_store_free(store);
    gr_graph_free(graph);
}

/* Compares y and all gradients of the case with the file's; closes the case. Parameters belong to
 * the layer "l". */
static void ref_check(ref_case *c, gr_node *y)
{
    gr_node *wrt[CASE_MOST], *targets[CASE_MOST + 1] = {y};
    const char *key[CASE_MOST + 1] = {"y"};
    int n = 0;
    gr_node *dy = ref_input(c, "dy");
    for (int i = 0; i < c->n; i++) {
        char path[64];
        if (!reference_has(attention_file, "%s/d_%s", c->name, c->key[i])) continue;
        snprintf(path, sizeof path, "l/%s", c->key[i]);
        wrt[n] = gr_graph_find(c->graph, c->key[i]);
        if (!wrt[n]) wrt[n] = gr_graph_find(c->graph, path);
        if (!wrt[n]) fail_msg("%s: the layer has no '%s'", c->name, path);
        key[++n] = c->key[i];
    }
    assert_true(n > 0);
    if (gr_graph_status(c->graph) != GR_OK) fail_msg("%s", gr_graph_message(c->graph));
    unit_ok(gr_vjp(y, dy, wrt, n, targets + 1));
    ref_evaluate(c, GR_F32, targets, n + 1, key);
    ref_evaluate(c, GR_F64, targets, n + 1, key);
    ref_close(c);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

static void test_norms(void **state)
{
    (void)state;
    ref_case c;
    ref_open(&c, "ln1");
    ref_check(&c, gr_layer_norm(c.scope, "l", ref_input(&c, "x"), NULL));
    ref_open(&c, "ln2");
    ref_check(&c, gr_layer_norm(c.scope, "l", ref_input(&c, "x"), GR_LAYER_NORM(.axes = 2)));
    ref_open(&c, "ln_wide");
    ref_check(&c, gr_layer_norm(c.scope, "l", ref_input(&c, "x"), NULL));
    ref_open(&c, "rms1");
    ref_check(&c, gr_rms_norm(c.scope, "l", ref_input(&c, "x"), NULL));
    ref_open(&c, "rms2");
    ref_check(&c, gr_rms_norm(c.scope, "l", ref_input(&c, "x"), GR_LAYER_NORM(.axes = 2)));
}

static void test_tables(void **state)
{
    (void)state;
    ref_case c;
    ref_open(&c, "embedding");
    ref_check(&c, gr_embedding(c.scope, "l", ref_input(&c, "tokens"),
                               GR_EMBEDDING(.count = 7, .width = 5, .bias = true)));
    ref_open(&c, "positions");
    ref_check(&c, gr_positions(c.scope, "l", ref_input(&c, "x"), GR_POSITIONS(.length = 4)));
    ref_open(&c, "linear");
    ref_check(&c, gr_linear(c.scope, "l", ref_input(&c, "x"), GR_DENSE(4)));
}

static void test_heads(void **state)
{
    (void)state;
    ref_case c;
    ref_open(&c, "heads/self");
    ref_check(&c, gr_multi_head_attention(c.scope, "l", ref_input(&c, "x"),
                                          GR_MULTI_HEAD(4, .causal = true)));
    ref_open(&c, "heads/grouped");
    ref_check(&c, gr_multi_head_attention(
                      c.scope, "l", ref_input(&c, "x"),
                      GR_MULTI_HEAD(4, .key_heads = 2, .causal = true, .no_bias = true)));
    ref_open(&c, "heads/cross");
    ref_check(&c, gr_multi_head_attention(c.scope, "l", ref_input(&c, "x"),
                                          GR_MULTI_HEAD(2, .memory = ref_input(&c, "memory"))));
    ref_open(&c, "heads/rotary");
    c.tolerance = 1e-7; /* the graph's sines were rounded to f32; test_gates has them in f64 */
    ref_check(&c, gr_multi_head_attention(c.scope, "l", ref_input(&c, "x"),
                                          GR_MULTI_HEAD(4, .key_heads = 2, .causal = true,
                                                        .no_bias = true, .rotary = true)));
    ref_open(&c, "heads/lengths");
    ref_check(&c, gr_multi_head_attention(c.scope, "l", ref_input(&c, "x"),
                                          GR_MULTI_HEAD(4, .causal = true, .no_bias = true,
                                                        .lengths = ref_input(&c, "lengths"))));
    ref_open(&c, "heads/biased");
    ref_check(&c, gr_multi_head_attention(
                      c.scope, "l", ref_input(&c, "x"),
                      GR_MULTI_HEAD(4, .causal = true, .mask = ref_input(&c, "mask"))));
}

/* ---- Gates, in f64 from the start: their constants are not rounded to f32 -------------------- */

static void check_gate(const char *name, gr_node *(*build)(gr_graph *, gr_node **), int inputs)
{
    static const char *const all[] = {"x", "q", "k", "v", "mask"};
    ref_case c;
    ref_open(&c, name);
    for (int wide = 0; wide < 2; wide++) {
        const gr_dtype dtype = wide ? GR_F64 : GR_F32;
        gr_graph *g = gr_graph_new();
        gr_node *in[5], *wrt[5], *targets[6];
        gr_feed feeds[6];
        gr_tensor data[6], out[6];
        int n = 0, n_wrt = 0;
        const char *key[6] = {"y"};
        for (size_t i = 0; i < GR_LEN(all); i++) {
            if (!reference_has(attention_file, "%s/%s", name, all[i])) continue;
            data[n] = reference_read(attention_file, dtype, "%s/%s", name, all[i]);
            in[n] = gr_input(g, all[i], data[n].dtype, data[n].shape);
            feeds[n] = (gr_feed){all[i], data[n].data};
            if (reference_has(attention_file, "%s/d_%s", name, all[i])) {
                wrt[n_wrt] = in[n];
                key[++n_wrt] = all[i];
            }
            n++;
        }
        assert_int_equal(n, inputs);
        data[n] = reference_read(attention_file, dtype, "%s/dy", name);
        targets[0] = build(g, in);
        if (gr_graph_status(g) != GR_OK) fail_msg("%s", gr_graph_message(g));
        unit_ok(gr_vjp(targets[0], gr_constant(g, &data[n]), wrt, n_wrt, targets + 1));
        unit_ok(gr_evaluate(g, targets, n_wrt + 1, feeds, n, NULL, out));
        for (int i = 0; i <= n_wrt; i++) {
            ref_compare(&c, i, key[i], &out[i]);
            gr_tensor_clear(&out[i]);
        }
        for (int i = 0; i <= n; i++) gr_tensor_clear(&data[i]);
        gr_graph_free(g);
    }
    ref_close(&c);
}

static gr_node *gate_gelu(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_gelu(in[0]);
}
static gr_node *gate_gelu_tanh(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_gelu_tanh(in[0]);
}
static gr_node *gate_plain(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_attention(in[0], in[1], in[2], NULL);
}
static gr_node *gate_causal(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_attention(in[0], in[1], in[2], GR_ATTENTION(.causal = true));
}
static gr_node *gate_scale(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_attention(in[0], in[1], in[2], GR_ATTENTION(.scale = 0.3));
}
static gr_node *gate_seen(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_attention(in[0], in[1], in[2], GR_ATTENTION(.mask = in[3]));
}
static gr_node *gate_bias(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_attention(in[0], in[1], in[2], GR_ATTENTION(.mask = in[3], .causal = true));
}

static gr_node *gate_rotary(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_rotary(in[0], NULL);
}
static gr_node *gate_rotary_pairs(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_rotary(in[0], GR_ROTARY(.first = 3, .base = 100, .interleaved = true));
}
static gr_node *gate_sinusoidal(gr_graph *g, gr_node **in)
{
    (void)g;
    return gr_sinusoidal_positions(in[0]);
}

static void test_gates(void **state)
{
    (void)state;
    check_gate("gelu", gate_gelu, 1);
    check_gate("gelu_tanh", gate_gelu_tanh, 1);
    check_gate("attention/plain", gate_plain, 3);
    check_gate("attention/causal", gate_causal, 3);
    check_gate("attention/causal_wide", gate_causal, 3);
    check_gate("attention/causal_tall", gate_causal, 3);
    check_gate("attention/scale", gate_scale, 3);
    check_gate("attention/grouped", gate_causal, 3);
    check_gate("attention/long", gate_causal, 3);
    check_gate("attention/seen", gate_seen, 4);
    check_gate("attention/bias", gate_bias, 4);
    check_gate("rotary/halves", gate_rotary, 1);
    check_gate("rotary/interleaved", gate_rotary_pairs, 1);
    check_gate("sinusoidal", gate_sinusoidal, 1);
}

/* ---- Dropout --------------------------------------------------------------------------------- */

/* What each weight of causal attention over x [2, 9, 12], two heads of queries, keys and values
 * side by side, is multiplied by comes from the draws of a mask in the scores' shape. */
static gr_node *dropout_by_gates(gr_node *x, gr_stream stream)
{
    enum { N = 2, T = 9, H = 2, D = 2 };
    gr_graph *g = gr_node_graph(x);
    const gr_dtype dtype = gr_node_dtype(x);
    gr_node *all = gr_permute(gr_reshape(x, GR_SHAPE(N, T, 3, H, D)), GR_AXES(2, 0, 3, 1, 4));
    gr_node *part = gr_split(all, 3, 0), *in[3];
    for (int i = 0; i < 3; i++) in[i] = gr_reshape(gr_get(part, i), GR_SHAPE(N, H, T, D));
    gr_tensor order;
    unit_ok(gr_tensor_new(GR_BOOL, GR_SHAPE(T, T), &order));
    for (int64_t i = 0; i < T * T; i++) ((bool *)order.data)[i] = i % T <= i / T;
    gr_node *scores = gr_scale(gr_matmul_t(in[0], false, in[1], true), 1 / sqrt(D));
    scores = gr_where(gr_constant(g, &order), scores, gr_like(scores, -1e30));
    gr_node *kept = gr_random_bernoulli(g, dtype, GR_SHAPE(N, H, T, T), 0.7, stream);
    gr_node *weights = gr_mul(gr_softmax(scores, -1), gr_scale(kept, 1 / 0.7));
    gr_tensor_clear(&order);
    return gr_reshape(gr_permute(gr_matmul(weights, in[2]), GR_AXES(0, 2, 1, 3)),
                      GR_SHAPE(N, T, H * D));
}

static void test_dropout(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const gr_dtype dtype = wide ? GR_F64 : GR_F32;
        gr_graph *g = gr_graph_new();
        gr_node *x = gr_input(g, "x", dtype, GR_SHAPE(2, 9, 12)), *y[2], *targets[4];
        gr_node *step = gr_input(g, "step", GR_I64, GR_SCALAR);
        const gr_stream stream = {.seed = 7, .name = "weights", .step = step};
        y[0] = dropout_by_gates(x, stream);
        y[1] =
            gr_attention_rows(x, NULL, NULL, 2, 2,
                              GR_ATTENTION(.causal = true, .dropout = 1 - 0.7, .stream = stream));
        for (int i = 0; i < 2; i++) {
            targets[2 * i] = y[i];
            unit_ok(gr_grad(gr_sum(gr_square(gr_shift(y[i], 0.3)), GR_ALL), &x, 1,
                            &targets[2 * i + 1]));
        }
        gr_tensor data, out[4];
        const int64_t five = 5;
        unit_ok(gr_tensor_new(dtype, GR_SHAPE(2, 9, 12), &data));
        for (int64_t i = 0; i < 2 * 9 * 12; i++)
            gr_tensor_put(&data, i, (double)(i * 7 % 23) / 9 - 1);
        const gr_feed feeds[] = {{"x", data.data}, {"step", &five}};
        unit_ok(gr_evaluate(g, targets, 4, feeds, 2, NULL, out));
        for (int k = 0; k < 2; k++) {
            double largest = 0;
            for (int64_t i = 0; i < gr_shape_count(out[k].shape); i++) {
                const double a = gr_tensor_at(&out[k + 2], i), b = gr_tensor_at(&out[k], i);
                largest = fmax(largest, fabs(b));
                if (!(fabs(a - b) <= (wide ? 1e-12 : 2e-5) * fmax(1, fabs(b))))
                    fail_msg("%s, result %d [%lld]: %.15g, expected %.15g", gr_dtype_name(dtype), k,
                             (long long)i, a, b);
            }
            assert_true(largest > 0.1);
        }
        for (int k = 0; k < 4; k++) gr_tensor_clear(&out[k]);
        gr_tensor_clear(&data);
        gr_graph_free(g);
    }
}

/* The layer drops in training alone, another set of weights at every step. */
static void test_dropout_layer(void **state)
{
    (void)state;
    gr_store *store = gr_store_new();
    gr_tensor out[3];
    float x[2 * 6 * 4];
    for (size_t i = 0; i < GR_LEN(x); i++) x[i] = (float)(i * 5 % 17) / 17;
    for (int k = 0; k < 3; k++) {
        gr_graph *g = gr_graph_new();
        const gr_mode mode = k < 2 ? GR_TRAIN : GR_EVAL;
        const gr_scope_options options = {.size = sizeof options, .mode = mode};
        gr_scope *s = gr_scope_new(g, store, &options);
        gr_node *y = gr_multi_head_attention(s, "mha", gr_input(g, "x", GR_F32, GR_SHAPE(2, 6, 4)),
                                             GR_MULTI_HEAD(2, .dropout = 0.5));
        gr_node *step = gr_graph_find(g, "step");
        assert_true((step != NULL) == (mode == GR_TRAIN));
        if (k == 1) {
            const int64_t one = 1;
            unit_ok(gr_store_write(store, "step", &one, sizeof one));
        }
        unit_ok(gr_evaluate(g, &y, 1, &(gr_feed){"x", x}, 1, store, &out[k]));
        gr_scope_free(s), gr_graph_free(g);
    }
    const size_t bytes = gr_tensor_bytes(&out[0]);
    assert_memory_not_equal(out[0].data, out[1].data, bytes);
    assert_memory_not_equal(out[0].data, out[2].data, bytes);
    for (int k = 0; k < 3; k++) gr_tensor_clear(&out[k]);
    gr_store_free(store);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static gr_node *bad_tokens(gr_scope *s, gr_node *x)
{
    return gr_embedding(s, "tok", x, GR_EMBEDDING(.count = 7, .width = 5));
}
static gr_node *bad_table(gr_scope *s, gr_node *x)
{
    return gr_embedding(s, "tok", gr_cast(x, GR_I64), GR_EMBEDDING(.count = 0, .width = 5));
}
static gr_node *bad_positions(gr_scope *s, gr_node *x)
{
    return gr_positions(s, "pos", x, GR_POSITIONS(.length = 4));
}
static gr_node *bad_axes(gr_scope *s, gr_node *x)
{
    return gr_layer_norm(s, "ln", x, GR_LAYER_NORM(.axes = 4));
}
static gr_node *bad_epsilon(gr_scope *s, gr_node *x)
{
    return gr_rms_norm(s, "rms", x, GR_LAYER_NORM(.epsilon = -1));
}
static gr_node *bad_heads(gr_scope *s, gr_node *x)
{
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(4));
}
static gr_node *bad_groups(gr_scope *s, gr_node *x)
{
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(3, .key_heads = 2));
}
static gr_node *bad_memory(gr_scope *s, gr_node *x)
{
    gr_node *memory = gr_input(gr_scope_graph(s), "m", GR_F32, GR_SHAPE(3, 4, 6));
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(3, .memory = memory));
}
static gr_node *bad_keys(gr_scope *s, gr_node *x)
{
    gr_node *k = gr_input(gr_scope_graph(s), "k", GR_F32, GR_SHAPE(2, 4, 6));
    return gr_attention(x, k, x, NULL);
}
static gr_node *bad_empty(gr_scope *s, gr_node *x)
{
    gr_node *k = gr_input(gr_scope_graph(s), "k", GR_F32, GR_SHAPE(2, 0, 6));
    return gr_attention(x, k, k, NULL);
}
static gr_node *bad_mask(gr_scope *s, gr_node *x)
{
    gr_node *mask = gr_input(gr_scope_graph(s), "mask", GR_BOOL, GR_SHAPE(4, 5));
    return gr_attention(x, x, x, GR_ATTENTION(.mask = mask));
}
static gr_node *bad_mask_type(gr_scope *s, gr_node *x)
{
    gr_node *mask = gr_input(gr_scope_graph(s), "mask", GR_I32, GR_SHAPE(5, 5));
    return gr_attention(x, x, x, GR_ATTENTION(.mask = mask));
}
static gr_node *bad_units(gr_scope *s, gr_node *x)
{
    return gr_linear(s, "lin", x, GR_DENSE(-2));
}

static gr_node *bad_rotary(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_rotary(gr_reshape(x, GR_SHAPE(4, 3, 5)), NULL);
}
static gr_node *bad_rotary_axis(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_rotary(x, GR_ROTARY(.axis = 2));
}
static gr_node *bad_lengths(gr_scope *s, gr_node *x)
{
    gr_node *lengths = gr_input(gr_scope_graph(s), "lengths", GR_I64, GR_SHAPE(3));
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(3, .lengths = lengths));
}
static gr_node *bad_lengths_mask(gr_scope *s, gr_node *x)
{
    gr_node *lengths = gr_input(gr_scope_graph(s), "lengths", GR_I64, GR_SHAPE(2));
    gr_node *mask = gr_input(gr_scope_graph(s), "mask", GR_F32, GR_SHAPE(5, 5));
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(3, .lengths = lengths, .mask = mask));
}
static gr_node *bad_lengths_type(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_sequence_mask(x, 5);
}
static gr_node *bad_rows(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_attention_rows(x, NULL, NULL, 4, 4, NULL);
}

static gr_node *bad_dropout(gr_scope *s, gr_node *x)
{
    return gr_multi_head_attention(s, "mha", x, GR_MULTI_HEAD(3, .dropout = 1));
}
static gr_node *bad_dropout_stream(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_attention(x, x, x, GR_ATTENTION(.dropout = 0.5));
}
static gr_node *bad_dropout_rate(gr_scope *s, gr_node *x)
{
    (void)s;
    return gr_attention(x, x, x, GR_ATTENTION(.dropout = -0.5));
}

static void refuse(gr_node *(*layer)(gr_scope *, gr_node *), const char *message)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    assert_true(gr_is_error(layer(s, gr_input(g, "x", GR_F32, GR_SHAPE(2, 5, 6)))));
    if (!strstr(gr_graph_message(g), message))
        fail_msg("no \"%s\" in: %s", message, gr_graph_message(g));
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse(bad_tokens, "the tokens are f32[2,5,6]: should be i32 or i64");
    refuse(bad_table, "a table of 0 rows of 5: both should be positive");
    refuse(bad_positions, "5 steps in [2,5,6], but the table has 4 positions");
    refuse(bad_axes, "the last 4 axes of [2,5,6]: should be 1 to 3");
    refuse(bad_epsilon, "epsilon -1: should not be negative");
    refuse(bad_heads, "4 heads do not divide the width of [2,5,6]");
    refuse(bad_groups, "3 heads with 2 heads of keys: should be a positive multiple");
    refuse(bad_memory, "memory [3,4,6] beside the input [2,5,6]");
    refuse(bad_keys, "q [2,5,6], k [2,4,6], v [2,5,6]: should be");
    refuse(bad_empty, "there is nothing to attend to");
    refuse(bad_mask, "the mask [4,5] does not broadcast to the scores [2,5,5]");
    refuse(bad_mask_type, "the mask is i32: should be bool, or f32 to be added");
    refuse(bad_rotary, "the width of [4,3,5]: should be even");
    refuse(bad_rotary_axis, "axis 2 of [2,5,6]: the steps should be an axis before the last");
    refuse(bad_lengths, "lengths [3] beside the input [2,5,6]: should be one for each example");
    refuse(bad_lengths_mask, "lengths go with a mask of type bool, not f32");
    refuse(bad_lengths_type, "the lengths are f32: should be i32 or i64");
    refuse(bad_rows, "do not hold 4 heads and 4 of keys");
    refuse(bad_units, "units = -2: should be positive");
    refuse(bad_dropout, "dropout 1: should be in [0, 1)");
    refuse(bad_dropout_rate, "dropout -0.5: should be in [0, 1)");
    refuse(bad_dropout_stream, "the stream needs a name");
}

/* A token out of range fails the step, by the layer's name, and the table stays as it was. */
static void test_bad_token(void **state)
{
    (void)state;
    const int64_t tokens[2][3] = {{0, 6, 2}, {1, 7, 0}};
    float before[7][5], after[7][5];
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *in = gr_input(g, "tokens", GR_I64, GR_SHAPE(2, 3));
    gr_node *rows = gr_embedding(s, "tok", in, GR_EMBEDDING(.count = 7, .width = 5));
    unit_ok(gr_minimize(s, gr_sum(gr_square(rows), GR_ALL), GR_OPTIMIZER(GR_SGD, .rate = 0.1)));
    gr_node *targets[CASE_MOST];
    for (int i = 0; i < gr_scope_updates(s); i++) targets[i] = gr_scope_update_node(s, i);
    unit_ok(gr_store_read(store, "tok/weight", before, sizeof before));
    unit_refused(gr_evaluate(g, targets, gr_scope_updates(s), &(gr_feed){"tokens", tokens}, 1,
                             store, (gr_tensor[CASE_MOST]){0}),
                 GR_RANGE, "tok");
    unit_refused(gr_evaluate(g, targets, gr_scope_updates(s), &(gr_feed){"tokens", tokens}, 1,
                             store, (gr_tensor[CASE_MOST]){0}),
                 GR_RANGE, "index[1,1] is 7, outside [0, 7)");
    unit_ok(gr_store_read(store, "tok/weight", after, sizeof after));
    assert_memory_equal(before, after, sizeof before);
    gr_scope_free(s), gr_graph_free(g), gr_store_free(store);
}

/* A length that no sequence can have fails the step. */
static void test_bad_length(void **state)
{
    (void)state;
    const int32_t lengths[] = {3, 6, 0};
    gr_graph *g = gr_graph_new();
    gr_node *mask = gr_sequence_mask(gr_input(g, "lengths", GR_I32, GR_SHAPE(3)), 5);
    gr_tensor out;
    unit_refused(gr_evaluate(g, &mask, 1, &(gr_feed){"lengths", lengths}, 1, NULL, &out), GR_RANGE,
                 "length [1] is 6; it must be in [0, 5]");
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norms),         cmocka_unit_test(test_tables),
        cmocka_unit_test(test_heads),         cmocka_unit_test(test_gates),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_bad_token),
        cmocka_unit_test(test_bad_length),    cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_dropout_layer),
    };
    return cmocka_run_group_tests(tests, attention_setup, attention_teardown);
}
