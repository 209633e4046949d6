/* Normalising one example. Internal. */
#ifndef GR_DATA_NORMALIZE_H
#define GR_DATA_NORMALIZE_H

#include "data/dataset.h"

#define GR_NORMALIZE_SAMPLE 16384 /* examples of a streamed set that a normaliser learns from */

/* How many channels a normaliser of examples of this shape has. */
int64_t gr_normalize_channels(gr_normalize kind, gr_shape example);
/* One that changes nothing. */
gr_status gr_normalizer_none(gr_shape example, gr_normalizer *normalizer);
/* GR_SHAPE unless the normaliser has as many channels as the examples, or a mean image of pictures
 * that they may be part of. */
gr_status gr_normalize_fits(const gr_normalizer *normalizer, gr_shape example);
/* Which part of a picture an example is: so many pixels below and right of the middle, and mirrored
 * after it was cut out. */
typedef struct gr_normalize_place {
    int64_t down, right;
    bool mirror;
} gr_normalize_place;
/* The elements of an example of u8 or f32, which fits. */
void gr_normalize_example(const gr_normalizer *normalizer, gr_dtype dtype, const void *x,
                          gr_shape example, gr_normalize_place place, float *y);

#endif
