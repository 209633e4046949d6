/* The API of graphs: bytes are a program of calls, some of which are wrong. What calls made is
 * differentiated, printed, read again, and run with and without passes.
 *
 * A call that is refused leaves its fault in the graph, so the program is built anew without it. */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>

enum { GRAPH_MOST_CALLS = 48, GRAPH_MOST_VALUES = 64, GRAPH_MOST_BUILDS = 12 };

typedef struct graph_builder {
    fuzz_bytes bytes;
    gr_graph *graph;
    gr_node *value[GRAPH_MOST_VALUES];
    int n_values, n_inputs;
} graph_builder;

/* ---- Choices ----------------------------------------------------------------------------------
 */

static gr_node *graph_pick(graph_builder *b)
{
    return b->n_values ? b->value[fuzz_byte(&b->bytes) % b->n_values] : NULL;
}

/* Mostly a small number; some are absurd. */
static int64_t graph_int(graph_builder *b)
{
    static const int64_t absurd[] = {INT64_MAX,        INT64_MIN, -1,   INT32_MAX,
                                     (int64_t)1 << 40, -9,        4096, 1 << 20};
    const uint8_t byte = fuzz_byte(&b->bytes);
    return byte >= 248 ? absurd[byte - 248] : byte % 10 - 2;
}

static int graph_axis(graph_builder *b)
{
    return (int)fuzz_from(&b->bytes, 0, 11) - 4;
}

static double graph_real(graph_builder *b)
{
    static const double some[] = {0, 1, -1, .5, 2, -3, 1e-3, 1e30, -1e-30, (double)INFINITY, 7, .1};
    return some[fuzz_byte(&b->bytes) % GR_LEN(some)];
}

static gr_shape graph_shape(graph_builder *b)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 8, 1, 2, 3, 0, 17, 33, -1, 65, 7, 6};
    gr_shape shape = {.rank = fuzz_byte(&b->bytes) % 7};
    for (int i = 0; i < shape.rank; i++) {
        const uint8_t byte = fuzz_byte(&b->bytes);
        shape.dim[i] = byte >= 250 ? graph_int(b) : sizes[byte % GR_LEN(sizes)];
    }
    return shape;
}

static gr_dtype graph_dtype(graph_builder *b)
{
    static const gr_dtype usual[] = {GR_F32, GR_F64, GR_F32, GR_I64, GR_I32, GR_BOOL, GR_U8};
    const uint8_t byte = fuzz_byte(&b->bytes);
    return byte >= 250 ? (gr_dtype)(byte - 248) : usual[byte % GR_LEN(usual)];
}

static gr_axes graph_axes(graph_builder *b)
{
    gr_axes axes = {.count = (int)fuzz_from(&b->bytes, 0, 5) - 1};
    for (int i = 0; i < axes.count; i++) axes.axis[i] = graph_axis(b);
    axes.keep = fuzz_byte(&b->bytes) & 1;
    return axes;
}

static gr_window graph_window(graph_builder *b, gr_geometry *axes)
{
    gr_window window = {.size = sizeof window, .kernel = graph_int(b)};
    const uint8_t choice = fuzz_byte(&b->bytes);
    if (choice & 1) window.stride = graph_int(b);
    if (choice & 2) window.pad = graph_int(b);
    if (choice & 4) window.dilation = graph_int(b);
    if (choice & 8) window.groups = graph_int(b);
    window.ceil = choice & 16;
    window.count_include_pad = choice & 32;
    if (choice & 64) {
        for (int i = 0; i < 3; i++) {
            axes->kernel[i] = graph_int(b);
            axes->stride[i] = graph_int(b);
            axes->pad[i] = graph_int(b);
            axes->pad_end[i] = graph_int(b);
            axes->dilation[i] = graph_int(b);
        }
        window.axes = axes;
    }
    return window;
}

static gr_node *graph_leaf(graph_builder *b)
{
    char name[16];
    snprintf(name, sizeof name, "x%d", b->n_inputs++);
    const gr_dtype dtype = graph_dtype(b);
    return gr_input(b->graph, name, dtype, graph_shape(b));
}

/* ---- Calls ------------------------------------------------------------------------------------
 */

typedef gr_node *graph_call(graph_builder *b);

/* clang-format off */
#define GRAPH_UNARY(X)                                                                             \
    X(neg) X(abs) X(square) X(sqrt) X(rsqrt) X(exp) X(log) X(log1p) X(expm1) X(sin) X(cos) X(tanh) \
    X(sigmoid) X(relu) X(softplus) X(erf) X(sign) X(floor) X(stop_gradient) X(not) X(mish)         \
    X(log_sigmoid) X(softsign) X(selu) X(hard_tanh) X(relu6) X(hard_sigmoid) X(hard_swish)         \
    X(transpose) X(gelu) X(gelu_tanh) X(sinusoidal_positions)
#define GRAPH_BINARY(X)                                                                            \
    X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(prelu) X(equal) X(not_equal)        \
    X(less) X(less_equal) X(greater) X(greater_equal) X(and) X(or) X(xor) X(matmul)
#define GRAPH_REDUCE(X) X(sum) X(prod) X(mean) X(max) X(min)
#define GRAPH_AXIS(X) X(argmax) X(argmin) X(logsumexp) X(softmax) X(log_softmax) X(glu) X(flatten)
#define GRAPH_REAL(X) X(leaky_relu) X(elu) X(celu) X(silu) X(scale) X(shift) X(threshold)
#define GRAPH_INDEXED(X) X(gather) X(gather_along)
#define GRAPH_POOL(X) X(max_pool) X(avg_pool) X(max_pool_taps)
#define GRAPH_OTHER(X)                                                                             \
    X(reshape) X(broadcast) X(permute) X(cast) X(split) X(get) X(one_hot) X(maxout)                \
    X(sequence_mask) X(lrn_within) X(lrn) X(clip) X(where) X(sort) X(slice) X(concat) X(scatter)   \
    X(conv) X(einsum) X(attention) X(scan) X(leaf) X(leaf)
/* clang-format on */

#define CALL(name, ...)                                                                            \
    static gr_node *graph_##name(graph_builder *b)                                                 \
    {                                                                                              \
        gr_node *x = graph_pick(b);                                                                \
        __VA_ARGS__                                                                                \
    }
#define UNARY(name) CALL(name, return gr_##name(x);)
#define BINARY(name) CALL(name, gr_node *y = graph_pick(b); return gr_##name(x, y);)
#define REDUCE(name) CALL(name, return gr_##name(x, graph_axes(b));)
#define AXIS(name) CALL(name, return gr_##name(x, graph_axis(b));)
#define REAL(name) CALL(name, return gr_##name(x, graph_real(b));)
#define INDEXED(name)                                                                              \
    CALL(name, gr_node *index = graph_pick(b); return gr_##name(x, index, graph_axis(b));)
#define POOL(name)                                                                                 \
    CALL(name, gr_geometry axes; gr_window w = graph_window(b, &axes); return gr_##name(x, &w);)

GRAPH_UNARY(UNARY)
GRAPH_BINARY(BINARY)
GRAPH_REDUCE(REDUCE)
GRAPH_AXIS(AXIS)
GRAPH_REAL(REAL)
GRAPH_INDEXED(INDEXED)
GRAPH_POOL(POOL)
CALL(reshape, return gr_reshape(x, graph_shape(b));)
CALL(broadcast, return gr_broadcast(x, graph_shape(b));)
CALL(permute, return gr_permute(x, graph_axes(b));)
CALL(cast, return gr_cast(x, graph_dtype(b));)
CALL(split, const int64_t parts = graph_int(b); return gr_split(x, (int)parts, graph_axis(b));)
CALL(get, return gr_get(x, (int)graph_int(b));)
CALL(one_hot, const int64_t depth = graph_int(b); return gr_one_hot(x, depth, graph_dtype(b));)
CALL(maxout, const int64_t pieces = graph_int(b); return gr_maxout(x, pieces, graph_axis(b));)
CALL(sequence_mask, return gr_sequence_mask(x, graph_int(b));)
CALL(lrn_within, return gr_lrn_within(x, graph_int(b), 1, .75);)
CALL(lrn, const int64_t n = graph_int(b); return gr_lrn(x, n, graph_real(b), .75, 1);)
CALL(clip, const double low = graph_real(b); return gr_clip(x, low, graph_real(b));)

static gr_node *graph_where(graph_builder *b)
{
    gr_node *condition = graph_pick(b), *x = graph_pick(b), *y = graph_pick(b);
    return gr_where(condition, x, y);
}

static gr_node *graph_sort(graph_builder *b)
{
    gr_node *x = graph_pick(b);
    const uint8_t choice = fuzz_byte(&b->bytes);
    const int axis = graph_axis(b);
    if (choice & 4) return gr_cumsum(x, axis, choice & 1, choice & 2);
    return choice & 2 ? gr_argsort(x, axis, choice & 1) : gr_sort(x, axis, choice & 1);
}

static gr_node *graph_slice(graph_builder *b)
{
    gr_node *x = graph_pick(b);
    int64_t at[3][GR_MAX_RANK];
    for (int i = 0; i < GR_MAX_RANK; i++)
        for (int k = 0; k < 3; k++) at[k][i] = i < 4 ? graph_int(b) : 1;
    return fuzz_byte(&b->bytes) & 1 ? gr_pad(x, at[0], at[1], at[2], graph_real(b))
                                    : gr_slice(x, at[0], at[1], at[2]);
}

static gr_node *graph_concat(graph_builder *b)
{
    gr_node *x[3];
    const int n = (int)fuzz_from(&b->bytes, 0, 3);
    for (int i = 0; i < n; i++) x[i] = graph_pick(b);
    const int axis = graph_axis(b);
    return fuzz_byte(&b->bytes) & 1 ? gr_stack(x, n, axis) : gr_concat(x, n, axis);
}

static gr_node *graph_scatter(graph_builder *b)
{
    gr_node *base = graph_pick(b), *index = graph_pick(b), *update = graph_pick(b);
    const int axis = graph_axis(b);
    return fuzz_byte(&b->bytes) & 1 ? gr_scatter_add(base, index, update, axis)
                                    : gr_scatter_add_along(base, index, update, axis);
}

static gr_node *graph_conv(graph_builder *b)
{
    gr_geometry axes;
    gr_node *x = graph_pick(b), *w = graph_pick(b);
    const gr_window window = graph_window(b, &axes);
    return gr_conv(x, w, &window);
}

static gr_node *graph_einsum(graph_builder *b)
{
    static const char *const equations[] = {"ij,jk->ik", "ij->ji",       "bij,bjk->bik", "ii->i",
                                            "i,j->ij",   "ij,ij->",      "abc,cd",       "i->ii",
                                            "->",        "ij,jk,kl->il", "...i,i->...",  "a,"};
    gr_node *x[3];
    const char *equation = equations[fuzz_byte(&b->bytes) % GR_LEN(equations)];
    const int n = (int)fuzz_from(&b->bytes, 1, 3);
    for (int i = 0; i < n; i++) x[i] = graph_pick(b);
    return gr_einsum(equation, x, n);
}

static gr_node *graph_attention(graph_builder *b)
{
    gr_node *q = graph_pick(b), *k = graph_pick(b), *v = graph_pick(b);
    const uint8_t choice = fuzz_byte(&b->bytes);
    gr_attention_options options = {.size = sizeof options, .causal = choice & 1};
    if (choice & 2) options.mask = graph_pick(b);
    if (choice & 4) options.scale = graph_real(b);
    if (choice & 8) return gr_attention_rows(q, k, v, graph_int(b), 1, &options);
    return gr_attention(q, k, v, &options);
}

/* A running sum along the first axis, or, from a step on, something that the loop refuses. */
static gr_node *graph_scan(graph_builder *b)
{
    gr_node *carry = graph_pick(b), *slices = graph_pick(b);
    const uint8_t choice = fuzz_byte(&b->bytes);
    gr_graph *body = gr_graph_new();
    gr_shape row = gr_node_shape(slices);
    if (row.rank > 0) row = gr_shape_of(row.rank - 1, row.dim + 1);
    gr_node *in[2] = {gr_input(body, "c", gr_node_dtype(carry), gr_node_shape(carry)),
                      gr_input(body, "s", gr_node_dtype(slices), row)};
    gr_node *next = choice & 1 ? gr_tanh(gr_add(in[0], in[1])) : gr_mul(in[0], in[1]);
    gr_node *out[2] = {next, choice & 2 ? gr_sum(next, GR_ALL) : in[1]};
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = in,
                               .body_out = out,
                               .carries = 1,
                               .slices = 1,
                               .outputs = choice >> 2 & 1,
                               .length = choice & 8 ? graph_int(b) : 0,
                               .reverse = choice & 16};
    return gr_scan(b->graph, &spec, (gr_node *const[]){carry, slices});
}

static graph_call *const graph_calls[] = {
#define ENTRY(name) graph_##name,
    GRAPH_UNARY(ENTRY) GRAPH_BINARY(ENTRY) GRAPH_REDUCE(ENTRY) GRAPH_AXIS(ENTRY) GRAPH_REAL(ENTRY)
        GRAPH_INDEXED(ENTRY) GRAPH_POOL(ENTRY) GRAPH_OTHER(ENTRY)
#undef ENTRY
};

/* ---- Programs ---------------------------------------------------------------------------------
 */

/* Makes the calls but for those of `refused`; the number of the next that is refused, or -1. */
static int graph_build(graph_builder *b, uint64_t refused)
{
    for (int call = 0; call < GRAPH_MOST_CALLS && !fuzz_done(&b->bytes); call++) {
        /* Calls have bytes of their own, so that one that is left out changes no other's. */
        const int64_t length = fuzz_from(&b->bytes, 1, 24), left = b->bytes.end - b->bytes.at;
        const fuzz_bytes own = {b->bytes.at, b->bytes.at + (length < left ? length : left)};
        const fuzz_bytes rest = {own.end, b->bytes.end};
        if (!(refused >> call & 1)) {
            b->bytes = own;
            const uint8_t which = b->n_values < 2 ? 255 : fuzz_byte(&b->bytes);
            gr_node *node =
                which == 255 ? graph_leaf(b) : graph_calls[which % GR_LEN(graph_calls)](b);
            const gr_status status = gr_graph_status(b->graph);
            FUZZ_REQUIRE(status != GR_INTERNAL && (status == GR_OK || gr_is_error(node)));
            FUZZ_REQUIRE(status == GR_OK || *gr_graph_message(b->graph));
            if (gr_is_error(node)) return call; /* of no input, a graph's fault is nobody's */
            if (b->n_values < GRAPH_MOST_VALUES) b->value[b->n_values++] = node;
        }
        b->bytes = rest;
    }
    return -1;
}

/* The last values, and the gradients of the last float one by the float inputs. */
static int graph_targets(graph_builder *b, gr_node **target)
{
    enum { LAST = 4 };
    gr_node *wrt[GRAPH_MOST_VALUES], *y = NULL;
    int n = 0, n_wrt = 0;
    for (int i = b->n_values - 1; i >= 0 && n < LAST; i--) {
        if (gr_node_outputs(b->value[i]) != 1) continue;
        target[n++] = b->value[i];
        if (!y && gr_dtype_is_float(gr_node_dtype(b->value[i]))) y = b->value[i];
    }
    for (int i = 0; i < b->n_values; i++)
        if (!strcmp(gr_node_op(b->value[i]), "input") &&
            gr_dtype_is_float(gr_node_dtype(b->value[i])))
            wrt[n_wrt++] = b->value[i];
    if (!y || n_wrt == 0) return n;
    /* A gradient that is refused leaves its fault in the graph, too. */
    const bool made = fuzz_status(gr_grad(gr_sum(y, GR_ALL), wrt, n_wrt, target + n));
    return made ? n + n_wrt : 0;
}

static void graph_use(graph_builder *b)
{
    enum { MOST = 2 * GRAPH_MOST_VALUES };
    gr_node *target[MOST], *outputs[MOST];
    char *text = NULL;
    gr_graph *again = NULL;
    int n_outputs;
    if (!fuzz_small(b->graph)) return;
    const int n = graph_targets(b, target);
    if (n == 0 || !fuzz_small(b->graph)) return;
    FUZZ_REQUIRE(fuzz_status(gr_graph_verify(b->graph)));
    if (fuzz_status(gr_graph_print(b->graph, target, n, &text))) {
        FUZZ_REQUIRE(fuzz_status(gr_graph_read(text, &again, outputs, MOST, &n_outputs)));
        FUZZ_REQUIRE(n_outputs == n);
    }
    gr_text_release(text);
    gr_graph_free(again);
    fuzz_compare(b->graph, target, n, NULL, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t refused = 0;
    fuzz_start();
    for (int builds = 0; builds < GRAPH_MOST_BUILDS; builds++) {
        graph_builder b = {.bytes = {data, data + size}, .graph = gr_graph_new()};
        if (!b.graph) return 0;
        const int call = graph_build(&b, refused);
        if (call < 0) graph_use(&b);
        gr_graph_free(b.graph);
        if (call < 0) break;
        refused |= (uint64_t)1 << call;
    }
    return 0;
}
