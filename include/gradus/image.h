/* image.h: pictures as tensors (libgradus-extra). */
#ifndef GRADUS_IMAGE_H
#define GRADUS_IMAGE_H

#include <gradus/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pictures of more pixels are refused before memory is taken for them. */
#define GR_IMAGE_MAX_PIXELS (INT64_C(1) << 26)

/* Reads a PNG or JPEG file, whichever its first bytes say, as u8 [C,H,W] with C = 1 (grey) or 3
 * (red, green, blue). 16-bit samples are scaled to 8, palettes looked up, transparency is laid on
 * white; gamma, colour profiles and EXIF orientation are left alone. CMYK is GR_UNSUPPORTED, as is
 * a format whose library this build lacks; a damaged or cut file is GR_FORMAT, even if part of it
 * could be shown. Free *image with gr_tensor_clear; on failure it holds no data. */
GR_API gr_status gr_image_read(const char *path, gr_tensor *image);
/* The same for `size` bytes in memory; `name` stands in messages where the path would. */
GR_API gr_status gr_image_decode(const void *data, size_t size, const char *name, gr_tensor *image);

/* The decoder for sets of pictures (gr_data_options). A JPEG picture is shrunk to a half, a quarter
 * or an eighth of its sides by its frequencies (libjpeg's scaled decoding) where less is not
 * needed; what a set sees of it then differs a little from a view of all its pixels. Static
 * storage. */
GR_API const gr_picture_decoder *gr_image_decoder(void);

/* What becomes of a picture whose sides are in another proportion than wanted. */
typedef enum gr_image_aspect {
    GR_IMAGE_STRETCH, /* each side is scaled on its own */
    GR_IMAGE_CROP,    /* the middle is kept */
    GR_IMAGE_PAD      /* all is kept, in the middle, on the background */
} gr_image_aspect;

typedef struct gr_image_fit_options {
    size_t size;            /* sizeof(gr_image_fit_options) */
    gr_image_aspect aspect; /* stretched unless set */
    bool invert;            /* 255 − x: MNIST and its kin are white on black, paper is not */
    uint8_t background;     /* of GR_IMAGE_PAD, in the result (not inverted) */
} gr_image_fit_options;
#define GR_IMAGE_FIT(...)                                                                          \
    (&(gr_image_fit_options){.size = sizeof(gr_image_fit_options), __VA_ARGS__})

/* Makes a u8 picture of shape [C,H,W] from `image`, u8 [c,h,w], with C and c each 1 or 3: grey is
 * 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). A side that shrinks takes the mean of the area under
 * each pixel, one that grows is interpolated linearly. `options` may be NULL. GR_SHAPE or GR_DTYPE
 * for anything else; *fitted is freed with gr_tensor_clear and holds no data on failure. */
GR_API gr_status gr_image_fit(const gr_tensor *image, gr_shape shape,
                              const gr_image_fit_options *options, gr_tensor *fitted);

/* Writes u8 [C,H,W], C = 1 or 3, as a PNG file, by gr_file_write: on failure the old one, if there
 * is one, is as it was. */
GR_API gr_status gr_image_write_png(const char *path, const gr_tensor *image);

#ifdef __cplusplus
}
#endif
#endif
