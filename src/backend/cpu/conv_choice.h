/* Which way a convolution or one of its gradients goes. Internal to the CPU backend. */
#ifndef GR_CONV_CHOICE_H
#define GR_CONV_CHOICE_H

#include "backend/backend.h"

/* In the order in which they are taken if they cost the same. */
typedef enum gr_conv_way {
    GR_CONV_GEMM,     /* the definition as a matrix product, by our own kernels */
    GR_CONV_ROWS,     /* the same, with the weights where they lie: few output places */
    GR_CONV_PLACES,   /* kernels of conv_places.h: sorted by place, a batch at once */
    GR_CONV_WINOGRAD, /* our own kernels of winograd.h */
    GR_CONV_ONEDNN,   /* oneDNN's direct kernels, with its reorders */
    GR_CONV_WAYS
} gr_conv_way;

/* The way that should be the fastest by the cost model, or the one that GRADUS_CONV names ("gemm",
 * "rows", "places", "winograd", "onednn") where it is possible. Depends on shapes, `exact` and the
 * environment alone, never on a measurement. `onednn`: whether that way is open. */
gr_conv_way gr_conv_choose(const gr_request *request, bool onednn);
/* GR_INVALID if GRADUS_CONV names no way. */
gr_status gr_conv_check_choice(void);

#endif
