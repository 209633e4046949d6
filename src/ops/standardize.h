/* Geometry of the normalisation of groups, for its kernels. Internal. */
#ifndef GR_STANDARDIZE_H
#define GR_STANDARDIZE_H

#include "ops/ops.h"

/* x is `images` blocks of `groups` groups of `channels` channels of `places`: of a group the mean
 * and the factor 1/√(variance + epsilon) are one, of a channel gamma and beta. */
typedef struct gr_standardize_geometry {
    int64_t images, groups, channels, places;
    double epsilon;
} gr_standardize_geometry;

/* Of a node of standardize or standardize_grad. */
gr_standardize_geometry gr_standardize_geometry_of(const gr_node *node);

#endif
