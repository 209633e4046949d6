/* Layers of networks, by the public interface of nn.h. */
#include "lang/words.h"

/* ---- Windows ------------------------------------------------------------------------------ */

/* Kernel, stride, padding and dilation as a word gives them: one number for all spatial axes, or
 * one for each. */
typedef struct layers_window {
    gr_geometry axes;
    int spatial;
} layers_window;

static void layers_axes(lang_call *call, const char *name, int64_t low, int spatial, int64_t *out)
{
    int64_t numbers[GR_MAX_RANK];
    int n = gr_lang_arg_ints(call, name, low, INT64_MAX, numbers);
    if (call->builder->status != GR_OK) return;
    if (n > 1 && n != spatial) {
        gr_lang_call_fail(call, GR_SHAPE, name,
                          "%s has %d numbers, but the input has %d spatial ax%s", name, n, spatial,
                          spatial == 1 ? "is" : "es");
        return;
    }
    for (int i = 0; i < spatial && n > 0; i++) out[i] = numbers[n > 1 ? i : 0];
}

/* false after a fault. */
static bool layers_window_read(lang_call *call, const gr_node *x, layers_window *window)
{
    *window = (layers_window){.spatial = gr_node_shape(x).rank - 2};
    if (gr_is_error(x)) return false;
    if (window->spatial < 1 || window->spatial > 3) {
        gr_lang_call_fail(call, GR_SHAPE, NULL,
                          "takes [N, C, space...] with 1 to 3 spatial axes, not %s",
                          gr_shape_text(gr_node_shape(x)));
        return false;
    }
    layers_axes(call, "kernel", 1, window->spatial, window->axes.kernel);
    layers_axes(call, "stride", 1, window->spatial, window->axes.stride);
    layers_axes(call, "pad", 0, window->spatial, window->axes.pad);
    layers_axes(call, "dilation", 1, window->spatial, window->axes.dilation);
    for (int i = 0; i < window->spatial; i++) window->axes.pad_end[i] = window->axes.pad[i];
    return call->builder->status == GR_OK;
}

static gr_node *layers_pool(lang_call *call, gr_node *(*pool)(gr_node *, const gr_window *),
                            bool count_pad)
{
    layers_window window;
    gr_node *x = gr_lang_arg_node(call, "x");
    if (!layers_window_read(call, x, &window)) return x;
    return pool(x, GR_WINDOW(.axes = &window.axes, .ceil = gr_lang_arg_bool(call, "ceil"),
                             .count_include_pad = count_pad));
}

gr_node *gr_lang_call_maxpool(lang_call *call)
{
    return layers_pool(call, gr_max_pool, false);
}

gr_node *gr_lang_call_avgpool(lang_call *call)
{
    return layers_pool(call, gr_avg_pool, gr_lang_arg_bool(call, "count_pad"));
}

gr_node *gr_lang_call_global_avgpool(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    int rank = gr_node_shape(x).rank;
    gr_axes axes = {.count = rank - 2};
    if (gr_is_error(x)) return x;
    if (rank < 3) {
        return gr_lang_call_fail(call, GR_SHAPE, NULL, "takes [N, C, space...], not %s",
                                 gr_shape_text(gr_node_shape(x)));
    }
    for (int i = 0; i < axes.count; i++) axes.axis[i] = i + 2;
    return gr_mean(x, axes);
}

/* ---- Layers with parameters --------------------------------------------------------------- */

/* NULL with a fault if there is none. */
static gr_scope *layers_scope(lang_call *call)
{
    if (!call->builder->env.scope) {
        gr_lang_call_fail(call, GR_SYNTAX, NULL,
                          "layers with parameters or a mode belong to networks; an "
                          "expression has none");
    }
    return call->builder->env.scope;
}

/* The layer's name: given, the statement's, or numbered by `kind`. NULL after a fault. */
static const char *layers_name(lang_call *call, const char *kind)
{
    lang_builder *builder = call->builder;
    const lang_statement *statement = builder->statement;
    gr_scope *scope = layers_scope(call);
    const char *name = gr_lang_arg_text(call, "name");
    if (!scope || builder->status != GR_OK) return NULL;
    if (!name && statement->root == call->node && statement->symbol >= 0) {
        name = builder->expr->names.symbols[statement->symbol].text;
    }
    if (!name) name = gr_scope_auto(scope, kind);
    if (name && (!*name || strpbrk(name, "/\"'"))) {
        gr_lang_call_fail(call, GR_SYNTAX, "name",
                          "a layer's name is not empty and has no '/' or quotes");
        return NULL;
    }
    size_t taken = builder->layers.count;
    if (!name || gr_lang_symbol_of(&builder->layers, name, strlen(name)) < 0) {
        gr_lang_build_fail(builder, builder->expr->nodes[call->node].at, GR_NO_MEMORY,
                           "out of memory");
        return NULL;
    }
    if (builder->layers.count == taken) {
        gr_lang_call_fail(call, GR_SYNTAX, "name",
                          "another layer is called '%s': give this one a name of its "
                          "own (name=\"…\")",
                          name);
        return NULL;
    }
    return name;
}

/* init="xavier", or std=0.01 for a normal distribution. */
static gr_init layers_init(lang_call *call)
{
    static const struct {
        const char *name;
        gr_init init;
    } inits[] = {
        {"he", {GR_INIT_HE, 0, 0}},          {"xavier", {GR_INIT_XAVIER, 0, 0}},
        {"lecun", {GR_INIT_LECUN, 0, 0}},    {"orthogonal", {GR_INIT_ORTHOGONAL, 1, 0}},
        {"zeros", {GR_INIT_CONSTANT, 0, 0}},
    };
    const gr_init normal = {GR_INIT_NORMAL, 0, gr_lang_arg_real(call, "std")};
    const char *names[GR_LEN(inits)], *name = gr_lang_arg_text(call, "init");
    if (gr_lang_given(call, "std")) {
        if (name)
            gr_lang_call_fail(call, GR_SYNTAX, "init",
                              "std stands for a normal distribution: leave out "
                              "init");
        if (!(normal.b >= 0)) gr_lang_call_fail(call, GR_SYNTAX, "std", "std is not negative");
        return normal;
    }
    for (size_t i = 0; i < GR_LEN(inits); i++) {
        names[i] = inits[i].name;
        if (name && strcmp(name, names[i]) == 0) return inits[i].init;
    }
    if (name) {
        const char *near = gr_nearest(name, names, GR_LEN(names));
        gr_lang_call_fail(call, GR_SYNTAX, "init",
                          "there is no init \"%s\"%s%s%s: take he, xavier, lecun, "
                          "orthogonal or zeros",
                          gr_lang_quote(name, strlen(name)), near ? "; did you mean \"" : "",
                          near ? near : "", near ? "\"?" : "");
    }
    return (gr_init){GR_INIT_DEFAULT, 0, 0};
}

gr_node *gr_lang_call_fc(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_dense_options options = {.size = sizeof options,
                                .units = gr_lang_arg_int(call, "units", 1, INT64_MAX),
                                .no_bias = !gr_lang_arg_bool(call, "bias"),
                                .weight = layers_init(call)};
    const char *name = layers_name(call, "fc");
    return name ? gr_dense(layers_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_conv(lang_call *call)
{
    layers_window window;
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_conv_options options = {.size = sizeof options,
                               .channels = gr_lang_arg_int(call, "channels", 1, INT64_MAX),
                               .groups = gr_lang_arg_int(call, "groups", 1, INT64_MAX),
                               .no_bias = !gr_lang_arg_bool(call, "bias"),
                               .weight = layers_init(call),
                               .axes = &window.axes};
    const char *name = layers_name(call, "conv");
    if (!name || !layers_window_read(call, x, &window)) return x;
    return gr_conv_layer(layers_scope(call), name, x, &options);
}

gr_node *gr_lang_call_batchnorm(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_batch_norm_options options = {.size = sizeof options,
                                     .momentum = gr_lang_arg_real(call, "momentum"),
                                     .epsilon = gr_lang_arg_real(call, "epsilon"),
                                     .no_affine = !gr_lang_arg_bool(call, "affine")};
    if (!(options.momentum > 0 && options.momentum <= 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "momentum", "momentum is in (0, 1], not %g",
                                 options.momentum);
    }
    if (!(options.epsilon > 0)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "epsilon", "epsilon is positive, not %g",
                                 options.epsilon);
    }
    const char *name = layers_name(call, "batchnorm");
    return name ? gr_batch_norm(layers_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_dropout(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    double rate = gr_lang_arg_real(call, "rate");
    if (!(rate >= 0 && rate < 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "rate", "rate is in [0, 1), not %g", rate);
    }
    const char *name = layers_name(call, "dropout");
    return name ? gr_dropout(layers_scope(call), name, x, rate) : NULL;
}

gr_node *gr_lang_call_prelu(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    if (gr_lang_given(call, "slope")) return gr_prelu(x, gr_lang_arg_node(call, "slope"));
    const char *name = layers_name(call, "prelu");
    return name ? gr_prelu_layer(layers_scope(call), name, x) : NULL;
}

/* ---- Networks in recipes ---------------------------------------------------------------- */

gr_node *gr_net(gr_scope *scope, gr_node *x, const char *text)
{
    gr_graph *graph = gr_scope_graph(scope);
    gr_expr *expr;
    gr_node *result;
    if (gr_graph_status(graph) != GR_OK) return gr_error_node(graph);
    gr_status status = gr_expr_parse(text, "net", &expr);
    if (status != GR_OK) return gr_build_fail(graph, status, NULL, "%s", gr_message());
    gr_binding input = {.name = "x", .node = x};
    gr_expr_env env = {.size = sizeof env,
                       .dtype = gr_node_dtype(x),
                       .bindings = &input,
                       .n_bindings = 1,
                       .scope = scope};
    gr_expr_build(expr, graph, &env, &result);
    gr_expr_free(expr);
    return result;
}
