/* Pictures: which decoder, and making them fit. */
#include "extra/image.h"

#include "base/file.h"

#include <gradus/image.h>

gr_status gr_image_check(const char *name, uint64_t height, uint64_t width)
{
    if (height >= 1 && width >= 1 && height <= (uint64_t)GR_IMAGE_MAX_PIXELS / width) return GR_OK;
    return gr_fail(GR_FORMAT, "%s: found %llux%llu pixels, but there may be 1 to %lld", name,
                   (unsigned long long)width, (unsigned long long)height,
                   (long long)GR_IMAGE_MAX_PIXELS);
}

gr_status gr_image_make(const char *name, int channels, uint64_t height, uint64_t width,
                        gr_tensor *image)
{
    GR_TRY(gr_image_check(name, height, width));
    gr_status status =
        gr_tensor_new(GR_U8, GR_SHAPE(channels, (int64_t)height, (int64_t)width), image);
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "%s: ", name);
}

/* A step that the compiler knows becomes vector code: of 4 it is eight times as fast as of 3. */
void gr_image_set_row(gr_tensor *image, int64_t y, const unsigned char *restrict row, int step)
{
    const size_t channels = (size_t)image->shape.dim[0], width = (size_t)image->shape.dim[2];
    const size_t plane = (size_t)image->shape.dim[1] * width;
    for (size_t c = 0; c < channels; c++) {
        unsigned char *restrict to = (unsigned char *)image->data + c * plane + (size_t)y * width;
        if (step == 4) {
            GR_SIMD for (size_t x = 0; x < width; x++) to[x] = row[4 * x + c];
        } else if (step == 3) {
            GR_SIMD for (size_t x = 0; x < width; x++) to[x] = row[3 * x + c];
        } else {
            memcpy(to, row, width);
        }
    }
}

static bool image_is_png(const unsigned char *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0;
}

static bool image_is_jpeg(const unsigned char *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0;
}

/* What else is found under the names of PNG and JPEG files; NULL: cannot tell. */
static const char *image_other_kind(const unsigned char *bytes, size_t size)
{
    static const struct {
        size_t at;
        const char *mark, *kind;
    } kinds[] = {
        {0, "GIF8", "a GIF picture"},
        {8, "WEBP", "a WebP picture"},
        {0, "BM", "a BMP picture"},
        {0, "II*", "a TIFF picture"},
        {4, "ftyp", "a picture or film as HEIC, AVIF or MP4"},
        {0, "%PDF", "a PDF document"},
        {0, "<!DOCTYPE", "a web page"},
        {0, "<html", "a web page"},
        {0, "<svg", "an SVG drawing"},
        {0, "<?xml", "an XML file, as SVG drawings are"},
    };
    for (size_t i = 0; i < GR_LEN(kinds); i++) {
        const size_t length = strlen(kinds[i].mark);
        if (kinds[i].at + length <= size &&
            memcmp(bytes + kinds[i].at, kinds[i].mark, length) == 0) {
            return kinds[i].kind;
        }
    }
    return NULL;
}

static gr_status image_unknown(const unsigned char *bytes, size_t size, const char *name)
{
    if (size < 8) {
        return gr_fail(GR_FORMAT, "%s: found %zu bytes, too few for a PNG or JPEG image", name,
                       size);
    }
    const char *kind = image_other_kind(bytes, size);
    if (kind) return gr_fail(GR_FORMAT, "%s: is %s, but PNG and JPEG are read", name, kind);
    return gr_fail(GR_FORMAT,
                   "%s: byte 0: found %02x %02x %02x %02x, but PNG begins with 89 50 4e 47 and "
                   "JPEG with ff d8 ff",
                   name, bytes[0], bytes[1], bytes[2], bytes[3]);
}

static gr_status image_decode(const void *data, size_t size, const char *name, double shrink,
                              gr_tensor *image)
{
    *image = (gr_tensor){0};
    if (image_is_png(data, size)) return gr_png_decode(data, size, name, image);
    if (image_is_jpeg(data, size)) return gr_jpeg_decode(data, size, name, shrink, image);
    return image_unknown(data, size, name);
}

static gr_status image_measure(const void *data, size_t size, const char *name, int64_t *height,
                               int64_t *width)
{
    if (image_is_png(data, size)) return gr_png_measure(data, size, name, height, width);
    if (image_is_jpeg(data, size)) return gr_jpeg_measure(data, size, name, height, width);
    return image_unknown(data, size, name);
}

const gr_picture_decoder *gr_image_decoder(void)
{
    static const gr_picture_decoder decoder = {sizeof decoder, image_measure, image_decode};
    return &decoder;
}

gr_status gr_image_decode(const void *data, size_t size, const char *name, gr_tensor *image)
{
    return image_decode(data, size, name, 1, image);
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
