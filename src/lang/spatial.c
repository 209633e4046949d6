/* The words of layers on images and their like, [N, C, space...]. */
#include "lang/layer.h"

#include <gradus/layers.h>

/* ---- Windows and sizes -------------------------------------------------------------------- */

/* One number for every spatial axis of x, or one for each: their count, 0 after a fault. */
static int spatial_numbers(lang_call *call, const gr_node *x, const char *name, int64_t *out)
{
    const int spatial = gr_node_shape(x).rank - 2;
    int64_t numbers[GR_MAX_RANK];
    const int n = gr_lang_arg_ints(call, name, 1, INT32_MAX, numbers);
    if (call->builder->status != GR_OK || gr_is_error(x)) return 0;
    if (spatial < 1 || spatial > 3) {
        gr_lang_call_fail(call, GR_SHAPE, NULL,
                          "takes [N, C, space...] with 1 to 3 spatial axes, not %s",
                          gr_shape_text(gr_node_shape(x)));
        return 0;
    }
    if (n != 1 && n != spatial) {
        gr_lang_call_fail(call, GR_SHAPE, name,
                          "%s has %d numbers, but the input has %d spatial ax%s", name, n, spatial,
                          spatial == 1 ? "is" : "es");
        return 0;
    }
    for (int i = 0; i < spatial; i++) out[i] = numbers[n > 1 ? i : 0];
    return spatial;
}

static gr_node *spatial_adaptive(lang_call *call, gr_node *(*pool)(gr_node *, const int64_t *, int))
{
    int64_t size[GR_MAX_RANK];
    gr_node *x = gr_lang_arg_node(call, "x");
    const int n = spatial_numbers(call, x, "size", size);
    return n > 0 ? pool(x, size, n) : x;
}

gr_node *gr_lang_call_adaptive_avgpool(lang_call *call)
{
    return spatial_adaptive(call, gr_adaptive_avg_pool);
}

gr_node *gr_lang_call_adaptive_maxpool(lang_call *call)
{
    return spatial_adaptive(call, gr_adaptive_max_pool);
}

static gr_node *spatial_global(lang_call *call, gr_node *(*pool)(gr_node *))
{
    gr_node *x = gr_lang_arg_node(call, "x");
    if (gr_is_error(x) || gr_node_shape(x).rank >= 3) return pool(x);
    return gr_lang_call_fail(call, GR_SHAPE, NULL, "takes [N, C, space...], not %s",
                             gr_shape_text(gr_node_shape(x)));
}

gr_node *gr_lang_call_global_avgpool(lang_call *call)
{
    return spatial_global(call, gr_global_avg_pool);
}

gr_node *gr_lang_call_global_maxpool(lang_call *call)
{
    return spatial_global(call, gr_global_max_pool);
}

gr_node *gr_lang_call_stochastic_pool(lang_call *call)
{
    lang_window window;
    gr_node *x = gr_lang_arg_node(call, "x");
    const bool ceil = gr_lang_arg_bool(call, "ceil");
    const char *name = gr_lang_layer_name(call, "stochastic_pool");
    if (!name || !gr_lang_window_read(call, x, &window)) return x;
    return gr_stochastic_pool_layer(gr_lang_layer_scope(call), name, x,
                                    GR_WINDOW(.axes = &window.axes, .ceil = ceil));
}

gr_node *gr_lang_call_spp(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int64_t levels = gr_lang_arg_int(call, "levels", 1, 16);
    return gr_spp(x, (int)levels, gr_lang_arg_bool(call, "average"));
}

gr_node *gr_lang_call_im2col(lang_call *call)
{
    lang_window window;
    gr_node *x = gr_lang_arg_node(call, "x");
    if (!gr_lang_window_read(call, x, &window)) return x;
    return gr_im2col(x, GR_WINDOW(.axes = &window.axes));
}

/* ---- Normalisation ------------------------------------------------------------------------ */

gr_node *gr_lang_call_lrn(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int64_t size = gr_lang_arg_int(call, "size", 1, INT32_MAX);
    const double alpha = gr_lang_arg_real(call, "alpha"), beta = gr_lang_arg_real(call, "beta");
    const double k = gr_lang_arg_real(call, "k");
    if (!gr_lang_arg_bool(call, "within")) return gr_lrn(x, size, alpha, beta, k);
    if (k != 1) return gr_lang_call_fail(call, GR_SYNTAX, "k", "within channels k is 1, not %g", k);
    return gr_lrn_within(x, size, alpha, beta);
}

/* Above 0; else notes the fault. */
static double spatial_epsilon(lang_call *call)
{
    const double epsilon = gr_lang_arg_real(call, "epsilon");
    if (!(epsilon > 0))
        gr_lang_call_fail(call, GR_SYNTAX, "epsilon", "epsilon is positive, not %g", epsilon);
    return epsilon;
}

gr_node *gr_lang_call_groupnorm(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_group_norm_options options = {
        .size = sizeof options,
        .groups = gr_lang_arg_int(call, "groups", 1, INT64_MAX),
        .epsilon = spatial_epsilon(call),
        .no_affine = !gr_lang_arg_bool(call, "affine"),
    };
    const char *name = gr_lang_layer_name(call, "groupnorm");
    return name ? gr_group_norm(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_instancenorm(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const gr_instance_norm_options options = {
        .size = sizeof options,
        .epsilon = spatial_epsilon(call),
        .affine = gr_lang_arg_bool(call, "affine"),
    };
    const char *name = gr_lang_layer_name(call, "instancenorm");
    return name ? gr_instance_norm(gr_lang_layer_scope(call), name, x, &options) : NULL;
}

gr_node *gr_lang_call_mvn(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_mvn(x, gr_lang_arg_bool(call, "across"), !gr_lang_arg_bool(call, "variance"),
                  spatial_epsilon(call));
}

gr_node *gr_lang_call_scale(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK);
    const bool bias = gr_lang_arg_bool(call, "bias");
    const char *name = gr_lang_layer_name(call, "scale");
    return name ? gr_scale_layer(gr_lang_layer_scope(call), name, x, axis, bias) : NULL;
}

gr_node *gr_lang_call_bias(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK);
    const char *name = gr_lang_layer_name(call, "bias");
    return name ? gr_bias_layer(gr_lang_layer_scope(call), name, x, axis) : NULL;
}

/* ---- Sizes -------------------------------------------------------------------------------- */

gr_node *gr_lang_call_upsample(lang_call *call)
{
    int64_t size[GR_MAX_RANK];
    gr_node *x = gr_lang_arg_node(call, "x");
    const bool sized = gr_lang_given(call, "size"),
               corners = gr_lang_arg_bool(call, "align_corners");
    const char *mode = gr_lang_arg_text(call, "mode");
    const int n = spatial_numbers(call, x, sized ? "size" : "factor", size);
    if (sized && gr_lang_given(call, "factor"))
        return gr_lang_call_fail(call, GR_SYNTAX, "factor", "takes a factor or a size, not both");
    if (n == 0) return x;
    for (int i = 0; i < n && !sized; i++) {
        const int64_t in = gr_node_shape(x).dim[2 + i];
        if (in > INT32_MAX / size[i])
            return gr_lang_call_fail(call, GR_SHAPE, "factor", "%lld times %s is too large",
                                     (long long)size[i], gr_shape_text(gr_node_shape(x)));
        size[i] *= in;
    }
    if (!mode || strcmp(mode, "nearest") == 0) {
        if (!corners) return gr_upsample_nearest(x, size, n);
        return gr_lang_call_fail(call, GR_SYNTAX, "align_corners",
                                 "align_corners is for mode=\"linear\"");
    }
    if (strcmp(mode, "linear") == 0) return gr_upsample_linear(x, size, n, corners);
    return gr_lang_call_fail(call, GR_SYNTAX, "mode",
                             "there is no mode \"%s\": take nearest or linear",
                             gr_lang_quote(mode, strlen(mode)));
}

gr_node *gr_lang_call_pixel_shuffle(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_pixel_shuffle(x, gr_lang_arg_int(call, "factor", 1, INT16_MAX));
}

gr_node *gr_lang_call_pixel_unshuffle(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_pixel_unshuffle(x, gr_lang_arg_int(call, "factor", 1, INT16_MAX));
}

/* Caffe's Crop. */
gr_node *gr_lang_call_crop(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *like = gr_lang_arg_node(call, "like");
    int64_t numbers[GR_MAX_RANK], offset[GR_MAX_RANK] = {0}, size[GR_MAX_RANK];
    const int axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK);
    const int n = gr_lang_arg_ints(call, "offset", 0, INT64_MAX, numbers);
    if (gr_is_error(x) || gr_is_error(like) || call->builder->status != GR_OK) return x;
    const gr_shape in = gr_node_shape(x), other = gr_node_shape(like);
    const int from = axis < 0 ? axis + in.rank : axis;
    if (from < 0 || from >= in.rank || in.rank != other.rank)
        return gr_lang_call_fail(call, GR_SHAPE, "axis",
                                 "axis %d of %s and %s: both should have the axis and one rank",
                                 axis, gr_shape_text(in), gr_shape_text(other));
    if (n != 1 && n != in.rank - from)
        return gr_lang_call_fail(call, GR_SHAPE, "offset", "%d offsets for %d axes", n,
                                 in.rank - from);
    for (int i = 0; i < in.rank; i++) {
        size[i] = i < from ? in.dim[i] : other.dim[i];
        if (i >= from) offset[i] = numbers[n > 1 ? i - from : 0];
    }
    return gr_crop(x, offset, size);
}

/* ---- What draws --------------------------------------------------------------------------- */

gr_node *gr_lang_call_channel_dropout(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const double rate = gr_lang_arg_real(call, "rate");
    const char *name = gr_lang_layer_name(call, "channel_dropout");
    return name ? gr_channel_dropout(gr_lang_layer_scope(call), name, x, rate) : NULL;
}

gr_node *gr_lang_call_alpha_dropout(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const double rate = gr_lang_arg_real(call, "rate");
    const char *name = gr_lang_layer_name(call, "alpha_dropout");
    return name ? gr_alpha_dropout(gr_lang_layer_scope(call), name, x, rate) : NULL;
}

gr_node *gr_lang_call_gaussian_noise(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    const double deviation = gr_lang_arg_real(call, "deviation");
    const char *name = gr_lang_layer_name(call, "gaussian_noise");
    return name ? gr_gaussian_noise(gr_lang_layer_scope(call), name, x, deviation) : NULL;
}
