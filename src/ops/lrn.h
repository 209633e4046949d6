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

/* s^-beta, and 1/s. The exponents of the papers need no more than roots, of which both are made. */
#define GR_LRN_POWERS_(suffix, T, SQRT)                                                            \
    static GR_INLINE T gr_lrn_power_##suffix(T s, double beta)                                     \
    {                                                                                              \
        const T root = 1 / SQRT(s);                                                                \
        if (beta == 0.75) return root * SQRT(root);                                                \
        if (beta == 0.5) return root;                                                              \
        return (T)pow((double)s, -beta);                                                           \
    }                                                                                              \
    static GR_INLINE T gr_lrn_inverse_##suffix(T s, double beta)                                   \
    {                                                                                              \
        const T root = 1 / SQRT(s);                                                                \
        return beta == 0.75 || beta == 0.5 ? root * root : 1 / s;                                  \
    }
GR_LRN_POWERS_(f32, float, sqrtf)
GR_LRN_POWERS_(f64, double, sqrt)

#endif
