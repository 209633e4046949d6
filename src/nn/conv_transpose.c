/* The transposed convolution: the gradient of a convolution by its input, as a layer. */
#include "nn/scope.h"

/* Sizes of kernel, weight and result. */
typedef struct transpose_sizes {
    gr_geometry axes;
    gr_shape weight, out;
    int64_t groups, field; /* field: elements of a kernel */
} transpose_sizes;

static gr_geometry transpose_axes(const gr_conv_options *o, int rank)
{
    gr_geometry g = {0};
    if (o->axes) g = *o->axes;
    for (int i = 0; i < rank; i++) {
        if (!o->axes) {
            g.kernel[i] = o->kernel, g.stride[i] = o->stride, g.dilation[i] = o->dilation;
            g.pad[i] = g.pad_end[i] = o->pad;
        }
        if (g.stride[i] == 0) g.stride[i] = 1;
        if (g.dilation[i] == 0) g.dilation[i] = 1;
    }
    return g;
}

/* NULL, or the fault. out = stride·(in − 1) + dilation·(kernel − 1) + 1 + output_pad − padding */
static gr_node *transpose_size_axis(gr_graph *graph, const gr_conv_options *o, gr_shape in,
                                    transpose_sizes *s, int i)
{
    const int64_t most = INT32_MAX, size = in.dim[2 + i], kernel = s->axes.kernel[i];
    const int64_t stride = s->axes.stride[i], dilation = s->axes.dilation[i];
    const int64_t before = s->axes.pad[i], after = s->axes.pad_end[i];
    if (kernel < 1 || kernel > most || stride < 1 || stride > most || dilation < 1 ||
        dilation > most || before < 0 || before > most || after < 0 || after > most || size < 1 ||
        size > most)
        return gr_fault(
            graph, GR_INVALID, "convtranspose",
            "size %lld, kernel %lld, stride %lld and dilation %lld should be positive, padding "
            "%lld and %lld not negative",
            (long long)size, (long long)kernel, (long long)stride, (long long)dilation,
            (long long)before, (long long)after);
    if (o->output_pad < 0 || (o->output_pad >= stride && o->output_pad >= dilation))
        return gr_fault(
            graph, GR_INVALID, "convtranspose",
            "output_pad %lld: should be smaller than the stride %lld or the dilation %lld",
            (long long)o->output_pad, (long long)stride, (long long)dilation);
    const int64_t out =
        stride * (size - 1) + dilation * (kernel - 1) + 1 + o->output_pad - before - after;
    if (out < 1)
        return gr_fault(
            graph, GR_SHAPE, "convtranspose",
            "padding %lld and %lld leaves nothing of the result of %s along spatial axis %d",
            (long long)before, (long long)after, gr_shape_text(in), i);
    s->weight.dim[2 + i] = kernel;
    s->out.dim[2 + i] = out;
    return NULL;
}

/* NULL, or the fault. */
static gr_node *transpose_size(gr_scope *scope, gr_node *x, const gr_conv_options *o,
                               transpose_sizes *s)
{
    gr_graph *graph = gr_scope_graph(scope);
    const gr_shape in = gr_node_shape(x);
    gr_node *fault;
    *s = (transpose_sizes){.groups = o->groups ? o->groups : 1, .field = 1};
    if (in.rank < 3 || in.rank > 5)
        return gr_fault(graph, GR_SHAPE, "convtranspose",
                        "the input is %s: should be [N, C, space…] with 1 to 3 spatial axes",
                        gr_shape_text(in));
    if (o->channels < 1 || s->groups < 1 || in.dim[1] % s->groups || o->channels % s->groups)
        return gr_fault(graph, GR_SHAPE, "convtranspose",
                        "%lld groups do not divide %lld input and %lld output channels",
                        (long long)s->groups, (long long)in.dim[1], (long long)o->channels);
    s->axes = transpose_axes(o, in.rank - 2);
    s->weight = (gr_shape){.rank = in.rank, .dim = {in.dim[1], o->channels / s->groups}};
    s->out = (gr_shape){.rank = in.rank, .dim = {in.dim[0], o->channels}};
    for (int i = 0; i < in.rank - 2; i++)
        if ((fault = transpose_size_axis(graph, o, in, s, i))) return fault;
    if (gr_shape_count(s->weight) < 0)
        return gr_fault(graph, GR_SHAPE, "convtranspose",
                        "the weight would be %s: too many elements", gr_shape_text(s->weight));
    for (int i = 2; i < in.rank; i++) s->field *= s->weight.dim[i];
    return NULL;
}

static gr_node *transpose_build(gr_scope *scope, gr_node *x, const gr_conv_options *o)
{
    transpose_sizes s;
    if (gr_is_error(x)) return x;
    gr_node *fault = transpose_size(scope, x, o, &s);
    if (fault) return fault;
    const int64_t fan_in = s.weight.dim[0] / s.groups * s.field;
    const int64_t fan_out = s.weight.dim[1] * s.field;
    gr_node *w =
        gr_param(scope, "weight", s.weight, gr_layer_init(o->weight, GR_INIT_HE), fan_in, fan_out);
    if (o->weight_tuning) gr_scope_tune(scope, w, *o->weight_tuning);
    const gr_window window = {.size = sizeof window, .groups = s.groups, .axes = &s.axes};
    gr_node *y = gr_conv_input_grad(x, w, s.out, &window);
    if (o->no_bias) return y;
    gr_node *b = gr_param(scope, "bias", GR_SHAPE(o->channels),
                          gr_layer_init(o->bias, GR_INIT_CONSTANT), fan_in, fan_out);
    if (o->bias_tuning) gr_scope_tune(scope, b, *o->bias_tuning);
    const gr_shape per_channel = {.rank = s.out.rank - 1, .dim = {o->channels, 1, 1, 1}};
    return gr_add(y, gr_reshape(b, per_channel));
}

gr_node *gr_conv_transpose_layer(gr_scope *scope, const char *name, gr_node *x,
                                 const gr_conv_options *options)
{
    name = gr_layer_begin(scope, "convtranspose", name);
    return gr_layer_end(scope, name, transpose_build(scope, x, options));
}
