/* spatial.h: gates on images and their like, x [N, C, space…] with one to three spatial axes, built
 * of the gates of ops.h. Those that own parameters or depend on the mode stand in layers.h.
 *
 * All refuse other ranks (GR_SHAPE). Where `size` lists the sizes of a result's spatial axes,
 * `count` says how many those are; another number of them, or a size outside 1 to 2³¹−1, is refused
 * (GR_SHAPE, GR_INVALID). */
#ifndef GRADUS_SPATIAL_H
#define GRADUS_SPATIAL_H

#include <gradus/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Windows ------------------------------------------------------------------------------ */

/* The windows of x as a convolution with this kernel, stride, padding and dilation sees them:
 * [N, C·k, out…], k the elements of a window, those of a channel together and in row-major order;
 * padding counts as 0. Refused: a window larger than the padded x (GR_SHAPE), or of more than 1024
 * elements (GR_INVALID). */
GR_API gr_node *gr_im2col(gr_node *x, const gr_window *window);

/* Pooling into `size` windows along each axis: window i of n along an axis of s places reaches from
 * ⌊i·s/n⌋ to ⌈(i+1)·s/n⌉, so they may overlap; PyTorch's rule. One of equal maxima takes the
 * gradient. */
GR_API gr_node *gr_adaptive_avg_pool(gr_node *x, const int64_t *size, int count);
GR_API gr_node *gr_adaptive_max_pool(gr_node *x, const int64_t *size, int count);
/* The mean and the maximum of each channel: [N, C]. */
GR_API gr_node *gr_global_avg_pool(gr_node *x);
GR_API gr_node *gr_global_max_pool(gr_node *x);

/* Spatial pyramid pooling (He et al. 2014), by Caffe's rule: for each level l of 0 … levels−1, 2^l
 * windows along each axis, what they exceed x by being padding on both sides; all results
 * flattened and joined: [N, C·Σ4^l] for two spatial axes. Refused: an axis with fewer places than
 * the last level has windows (GR_SHAPE), levels outside 1 to 16 (GR_INVALID). */
GR_API gr_node *gr_spp(gr_node *x, int levels, bool average);

/* Stochastic pooling (Zeiler and Fergus 2013) of x ≥ 0: with a stream, one element of each window,
 * drawn with probability proportional to its value, which the gradient goes to; with NULL the
 * mean of a window weighted by the values, Σx²/Σx. A window of zeros gives 0. The stride is the
 * kernel unless given. Padding and dilation are refused (GR_INVALID). */
GR_API gr_node *gr_stochastic_pool(gr_node *x, const gr_window *window, const gr_stream *stream);

/* ---- Moments ------------------------------------------------------------------------------ */

/* Caffe's mean-variance normalisation, of each channel or across all: (x − μ)/(σ + epsilon), or
 * x − μ if mean_only. The gradient is 0 where all elements are equal. */
GR_API gr_node *gr_mvn(gr_node *x, bool across_channels, bool mean_only, double epsilon);

/* ---- Sizes -------------------------------------------------------------------------------- */

/* Upsampling (or, to a smaller size, sampling) to `size`: the nearest element, ⌊o·in/out⌋ of each
 * axis; or linear interpolation along each axis (bilinear for images). As in PyTorch output o lies
 * at (o + ½)·in/out − ½, not below 0, or with align_corners at o·(in − 1)/(out − 1). */
GR_API gr_node *gr_upsample_nearest(gr_node *x, const int64_t *size, int count);
GR_API gr_node *gr_upsample_linear(gr_node *x, const int64_t *size, int count, bool align_corners);

/* [N, C·f², H, W] → [N, C, H·f, W·f] (Shi et al. 2016), and back. */
GR_API gr_node *gr_pixel_shuffle(gr_node *x, int64_t factor);
GR_API gr_node *gr_pixel_unshuffle(gr_node *x, int64_t factor);

/* size[i] elements from offset[i] on along every axis i of x (any rank). GR_SHAPE if they do not
 * lie within x. */
GR_API gr_node *gr_crop(gr_node *x, const int64_t *offset, const int64_t *size);

#ifndef GR_NO_PLACES
#define gr_im2col(...) gr_at((gr_im2col)(__VA_ARGS__), GR_PLACE)
#define gr_adaptive_avg_pool(...) gr_at((gr_adaptive_avg_pool)(__VA_ARGS__), GR_PLACE)
#define gr_adaptive_max_pool(...) gr_at((gr_adaptive_max_pool)(__VA_ARGS__), GR_PLACE)
#define gr_global_avg_pool(...) gr_at((gr_global_avg_pool)(__VA_ARGS__), GR_PLACE)
#define gr_global_max_pool(...) gr_at((gr_global_max_pool)(__VA_ARGS__), GR_PLACE)
#define gr_spp(...) gr_at((gr_spp)(__VA_ARGS__), GR_PLACE)
#define gr_stochastic_pool(...) gr_at((gr_stochastic_pool)(__VA_ARGS__), GR_PLACE)
#define gr_mvn(...) gr_at((gr_mvn)(__VA_ARGS__), GR_PLACE)
#define gr_upsample_nearest(...) gr_at((gr_upsample_nearest)(__VA_ARGS__), GR_PLACE)
#define gr_upsample_linear(...) gr_at((gr_upsample_linear)(__VA_ARGS__), GR_PLACE)
#define gr_pixel_shuffle(...) gr_at((gr_pixel_shuffle)(__VA_ARGS__), GR_PLACE)
#define gr_pixel_unshuffle(...) gr_at((gr_pixel_unshuffle)(__VA_ARGS__), GR_PLACE)
#define gr_crop(...) gr_at((gr_crop)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
