/* The decoders of images. Internal. */
#ifndef GR_EXTRA_IMAGE_H
#define GR_EXTRA_IMAGE_H

#include "base/base.h"

/* Decode u8 [C,H,W]; `name` begins the messages. *image holds no data on failure. */
gr_status gr_png_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image);
/* `shrink` ≥ 1: the sides may be shrunk by as much. */
gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name, double shrink,
                         gr_tensor *image);
/* The sides, by the header alone. */
gr_status gr_png_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                         int64_t *width);
gr_status gr_jpeg_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                          int64_t *width);

/* GR_FORMAT unless a picture may have these sides. */
gr_status gr_image_check(const char *name, uint64_t height, uint64_t width);
/* Makes a u8 [channels,height,width] after checking the number of pixels. */
gr_status gr_image_make(const char *name, int channels, uint64_t height, uint64_t width,
                        gr_tensor *image);
/* Takes row y of interleaved samples, `step` of them a pixel (1; 3, or 4 with one unused), into the
 * planes of `image`. */
void gr_image_set_row(gr_tensor *image, int64_t y, const unsigned char *row, int step);

#endif
