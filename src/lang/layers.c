/* The basic layers of networks, by the public interface of layers.h. */
#include "lang/layer.h"

#include <gradus/layers.h>

/* ---- Pooling ------------------------------------------------------------------------------ */

static gr_node *layers_pool(lang_call *call, gr_node *(*pool)(gr_node *, const gr_window *),
                            bool count_pad)
{
    lang_window window;
    gr_node *x = gr_lang_arg_node(call, "x");
    if (!gr_lang_window_read(call, x, &window)) return x;
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

/* ---- Layers with parameters --------------------------------------------------------------- */

gr_node *gr_lang_call_fc(lang_call *call)
{
    lang_parameters own;
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_lang_layer_parameters(call, &own);
    gr_dense_options options = {.size = sizeof options,
                                .units = gr_lang_arg_int(call, "units", 1, INT64_MAX),
                                .no_bias = !gr_lang_arg_bool(call, "bias"),
                                .weight = own.weight,
                                .bias = own.bias,
                                .weight_tuning = &own.weight_tuning,
                                .bias_tuning = &own.bias_tuning};
    const char *name = gr_lang_layer_name(call, "fc");
    return name ? gr_dense(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

typedef gr_node *layers_conv_fn(gr_scope *, const char *, gr_node *, const gr_conv_options *);

static gr_node *layers_convolution(lang_call *call, const char *kind, int64_t output_pad,
                                   layers_conv_fn *layer)
{
    lang_window window;
    lang_parameters own;
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_lang_layer_parameters(call, &own);
    gr_conv_options options = {.size = sizeof options,
                               .channels = gr_lang_arg_int(call, "channels", 1, INT64_MAX),
                               .groups = gr_lang_arg_int(call, "groups", 1, INT64_MAX),
                               .output_pad = output_pad,
                               .no_bias = !gr_lang_arg_bool(call, "bias"),
                               .weight = own.weight,
                               .bias = own.bias,
                               .weight_tuning = &own.weight_tuning,
                               .bias_tuning = &own.bias_tuning,
                               .axes = &window.axes};
    const char *name = gr_lang_layer_name(call, kind);
    if (!name || !gr_lang_window_read(call, x, &window)) return x;
    return layer(gr_lang_layer_scope(call), name, x, &options);
}

gr_node *gr_lang_call_conv(lang_call *call)
{
    return layers_convolution(call, "conv", 0, gr_conv_layer);
}

gr_node *gr_lang_call_convtranspose(lang_call *call)
{
    const int64_t output_pad = gr_lang_arg_int(call, "output_pad", 0, INT32_MAX);
    return layers_convolution(call, "convtranspose", output_pad, gr_conv_transpose_layer);
}

gr_node *gr_lang_call_batchnorm(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_batch_norm_options options = {.size = sizeof options,
                                     .momentum = gr_lang_arg_real(call, "momentum"),
                                     .epsilon = gr_lang_arg_real(call, "epsilon"),
                                     .no_affine = !gr_lang_arg_bool(call, "affine"),
                                     .summed = gr_lang_arg_bool(call, "summed")};
    if (!(options.momentum > 0 && options.momentum <= 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "momentum", "momentum is in (0, 1], not %g",
                                 options.momentum);
    }
    if (!(options.epsilon > 0)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "epsilon", "epsilon is positive, not %g",
                                 options.epsilon);
    }
    const char *name = gr_lang_layer_name(call, "batchnorm");
    return name ? gr_batch_norm(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_dropout(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    double rate = gr_lang_arg_real(call, "rate");
    if (!(rate >= 0 && rate < 1)) {
        return gr_lang_call_fail(call, GR_SYNTAX, "rate", "rate is in [0, 1), not %g", rate);
    }
    const char *name = gr_lang_layer_name(call, "dropout");
    return name ? gr_dropout(gr_lang_layer_scope(call), name, x, rate) : NULL;
}

gr_node *gr_lang_call_prelu(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    if (gr_lang_given(call, "slope")) return gr_prelu(x, gr_lang_arg_node(call, "slope"));
    const char *name = gr_lang_layer_name(call, "prelu");
    return name ? gr_prelu_layer(gr_lang_layer_scope(call), name, x) : NULL;
}

gr_node *gr_lang_call_parameter(lang_call *call)
{
    gr_shape shape = GR_SCALAR;
    shape.rank = gr_lang_arg_ints(call, "sizes", 1, INT64_MAX, shape.dim);
    gr_init init = gr_lang_layer_init(call);
    if (init.kind == GR_INIT_DEFAULT)
        init = (gr_init){GR_INIT_CONSTANT, gr_lang_arg_real(call, "value"), 0};
    else if (gr_lang_given(call, "value"))
        gr_lang_call_fail(call, GR_SYNTAX, "value", "value and init are two beginnings: give one");
    const gr_tuning tuning = gr_lang_layer_tuning(call, "rate", "decay");
    gr_scope *scope = gr_lang_layer_scope(call);
    const char *name = gr_lang_layer_name(call, "parameter");
    if (!name) return NULL;
    if (gr_shape_count(shape) < 0) {
        gr_lang_call_fail(call, GR_SHAPE, "sizes", "a parameter of shape %s has too many elements",
                          gr_shape_text(shape));
        return NULL;
    }
    /* As of a weight [out, in, kernel…]. */
    int64_t fan_in = 1, fan_out = shape.dim[0];
    for (int i = 1; i < shape.rank; i++) fan_in *= shape.dim[i];
    for (int i = 2; i < shape.rank; i++) fan_out *= shape.dim[i];
    gr_node *node = gr_param(scope, name, shape, init, fan_in, fan_out);
    gr_scope_tune(scope, node, tuning);
    return node;
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
