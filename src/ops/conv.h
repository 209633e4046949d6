/* Geometry of a convolution and its transposes, for their kernels. Internal. */
#ifndef GR_CONV_H
#define GR_CONV_H

#include "ops/window.h"

/* Attributes of the family; the gradients have the shape of their result besides. */
enum {
    GR_CONV_STRIDE,
    GR_CONV_PAD,
    GR_CONV_PAD_END,
    GR_CONV_DILATION,
    GR_CONV_GROUPS,
    GR_CONV_SHAPE
};

/* x [n, c, in], w [o, c/groups, kernel], y [n, o, out]; fewer than three spatial axes are preceded
 * by axes of size 1. Output place p sees, through kernel place k, input p·stride + k·dilation −
 * pad.
 */
typedef struct gr_conv_geometry {
    int64_t n, c, o, groups;
    int64_t in[GR_SPACE], out[GR_SPACE], kernel[GR_SPACE];
    int64_t stride[GR_SPACE], pad[GR_SPACE], dilation[GR_SPACE];
} gr_conv_geometry;

/* Of a node of conv, conv_input_grad or conv_weight_grad. */
gr_conv_geometry gr_conv_geometry_of(const gr_node *node);

static inline int64_t gr_conv_volume(const int64_t size[GR_SPACE])
{
    return size[0] * size[1] * size[2];
}

gr_prepare_fn gr_conv_reference;

#endif
