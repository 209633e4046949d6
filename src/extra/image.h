/* The decoders of images. Internal. */
#ifndef GR_EXTRA_IMAGE_H
#define GR_EXTRA_IMAGE_H

#include "base/base.h"

/* Decodes u8 [C,H,W]; `name` begins the messages. *image holds no data on failure. */
gr_status gr_png_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image);
gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name,
                         gr_tensor *image);

/* Makes a u8 [channels,height,width] after checking the number of pixels. */
gr_status gr_image_make(const char *name, int channels, uint64_t height, uint64_t width,
                        gr_tensor *image);
/* Takes row y of interleaved samples (channels of them a pixel) into the planes of `image`. */
void gr_image_set_row(gr_tensor *image, int64_t y, const unsigned char *row);

#endif
