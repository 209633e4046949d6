/* Geometry of local response normalisation, and its power, for its kernels. Internal. */
#ifndef GR_LRN_H
#define GR_LRN_H

#include <math.h>

#include "ops/elementwise.h"

/* x is `images` blocks of `channels` rows of `places`. A channel's window reaches from `before`
 * channels in front of it to `after` behind it, as far as there are any. */
typedef struct gr_lrn_geometry {
    int64_t images, channels, places, before, after;
    double share, beta, k; /* s = k + share·Σx², y = x·s^-beta */
} gr_lrn_geometry;

/* Of a node of lrn or lrn_grad. */
gr_lrn_geometry gr_lrn_geometry_of(const gr_node *node);

/* s^-beta. The exponents of the papers need no more than roots. */
static GR_INLINE float gr_lrn_power_f32(float s, double beta)
{
    const float root = 1 / sqrtf(s);
    if (beta == 0.75) return root * sqrtf(root);
    if (beta == 0.5) return root;
    if (beta == 1) return 1 / s;
    return (float)pow((double)s, -beta);
}
static GR_INLINE double gr_lrn_power_f64(double s, double beta)
{
    const double root = 1 / sqrt(s);
    if (beta == 0.75) return root * sqrt(root);
    if (beta == 0.5) return root;
    if (beta == 1) return 1 / s;
    return pow(s, -beta);
}

#endif
