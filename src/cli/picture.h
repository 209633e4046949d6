/* A picture of a file as a model takes it. */
#ifndef CLI_PICTURE_H
#define CLI_PICTURE_H

#include <gradus/image.h>
#include <gradus/train.h>

/* Makes of `image`, u8 [c,h,w], an example of the model, whose pictures are [C,H,W] with C 1 or 3:
 * as its own pictures were made to fit, or, if they were not scaled or `aspect` is given (NULL:
 * stretched), by that. On success the caller clears *fitted. */
gr_status cli_picture_fit(const gr_model *model, const gr_tensor *image, bool invert,
                          const gr_image_aspect *aspect, gr_tensor *fitted);

#endif
