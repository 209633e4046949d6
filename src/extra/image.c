/* Pictures: which decoder, and making them fit. */
#include "extra/image.h"

#include "base/file.h"

#include <gradus/image.h>

gr_status gr_image_make(const char *name, int channels, uint64_t height, uint64_t width,
                        gr_tensor *image)
{
    if (height < 1 || width < 1 || height > (uint64_t)GR_IMAGE_MAX_PIXELS / width) {
        return gr_fail(GR_FORMAT, "%s: found %llux%llu pixels, but there may be 1 to %lld", name,
                       (unsigned long long)width, (unsigned long long)height,
                       (long long)GR_IMAGE_MAX_PIXELS);
    }
    gr_status status =
        gr_tensor_new(GR_U8, GR_SHAPE(channels, (int64_t)height, (int64_t)width), image);
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "%s: ", name);
}

void gr_image_set_row(gr_tensor *image, int64_t y, const unsigned char *row)
{
    const size_t channels = (size_t)image->shape.dim[0], width = (size_t)image->shape.dim[2];
    const size_t plane = (size_t)image->shape.dim[1] * width;
    unsigned char *to = (unsigned char *)image->data + (size_t)y * width;
    for (size_t c = 0; c < channels; c++) {
        for (size_t x = 0; x < width; x++) to[c * plane + x] = row[x * channels + c];
    }
}

gr_status gr_image_decode(const void *data, size_t size, const char *name, gr_tensor *image)
{
    const unsigned char *bytes = data;
    *image = (gr_tensor){0};
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0) {
        return gr_png_decode(bytes, size, name, image);
    }
    if (size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0) {
        return gr_jpeg_decode(bytes, size, name, image);
    }
    if (size < 8) {
        return gr_fail(GR_FORMAT, "%s: found %zu bytes, too few for a PNG or JPEG image", name,
                       size);
    }
    return gr_fail(GR_FORMAT,
                   "%s: byte 0: found %02x %02x %02x %02x, but PNG begins with 89 50 4e 47 and "
                   "JPEG with ff d8 ff",
                   name, bytes[0], bytes[1], bytes[2], bytes[3]);
}

gr_status gr_image_read(const char *path, gr_tensor *image)
{
    char *data;
    size_t size;
    *image = (gr_tensor){0};
    GR_TRY(gr_file_read(path, 0, &data, &size));
    gr_status status = gr_image_decode(data, size, path, image);
    gr_free(data);
    return status;
}
