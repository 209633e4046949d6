/* What a net sees of a picture: size, crop, augmentation. Internal. */
#ifndef GR_DATA_VIEW_H
#define GR_DATA_VIEW_H

#include "data/dataset.h"

/* Settled for examples of one shape. */
typedef struct gr_view {
    gr_shape result;               /* of what is seen */
    int64_t resize, rows, columns; /* resize 0: pictures keep their size */
    bool plain;                    /* examples are seen as they are */
    bool varies;                   /* by draws */
    gr_augment augment;
} gr_view;

/* Settles a view. `preprocess` and `augment` may be NULL. GR_SHAPE, GR_RANGE, GR_DTYPE. */
gr_status gr_view_settle(gr_dtype dtype, gr_shape example, const gr_preprocess *preprocess,
                         const gr_augment *augment, gr_view *view);

/* Where the rows × columns pixels of a result lie in a picture: pixel (r, c) covers the rectangle
 * of tall × wide at (top + r·tall, left + c·wide). `inside` is what of the result lies in the
 * picture; the rest is 0 after normalisation, as is the box `cut`. */
typedef struct gr_box {
    int64_t top, left, bottom, right; /* the last two are beyond it */
} gr_box;

typedef struct gr_frame {
    double top, left, tall, wide;
    int64_t rows, columns;
    int64_t down, right; /* of a crop: pixels below and right of the middle one */
    bool mirror;
    gr_box inside, cut;
    float brightness, contrast, saturation; /* factors */
} gr_frame;

/* The frame of a picture of height × width. Without draws it is the middle. */
void gr_view_frame(const gr_view *view, int64_t height, int64_t width, uint64_t draw,
                   gr_frame *frame);

/* Memory for gr_view_apply, one a thread; zero-initialise. */
typedef struct gr_view_scratch {
    float *values;
    size_t capacity;
} gr_view_scratch;
/* Takes now what pictures of this size will need. */
gr_status gr_view_prepare(const gr_view *view, int64_t height, int64_t width,
                          gr_view_scratch *scratch);
void gr_view_scratch_clear(gr_view_scratch *scratch);

/* Writes the frame of a picture, u8 or f32 [c,h,w], to y[c·rows·columns]: what lies outside is 0.
 * Colours are varied as the frame says. */
gr_status gr_view_apply(const gr_frame *frame, gr_dtype dtype, gr_shape shape, const void *picture,
                        gr_view_scratch *scratch, float *y);
/* Clears what is outside and what is cut out, after normalisation. */
void gr_view_blank(const gr_frame *frame, int64_t channels, float *y);

#endif
