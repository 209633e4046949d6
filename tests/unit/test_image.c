/* Pictures: every kind of PNG and JPEG, damage, and making them fit. */
#include <unistd.h>

#include <gradus/image.h>

#include "support_files.h"
#include "support_memory.h"

#if defined(GRADUS_HAVE_PNG)
#include <png.h>
#endif
#if defined(GRADUS_HAVE_JPEG)
#include <jpeglib.h>
#endif

#define SIDE 12

#if defined(GRADUS_HAVE_PNG) || defined(GRADUS_HAVE_JPEG)
static unsigned char pixel_at(const gr_tensor *image, int64_t c, int64_t y, int64_t x)
{
    const int64_t *dim = image->shape.dim;
    return ((unsigned char *)image->data)[(c * dim[1] + y) * dim[2] + x];
}
#endif

static unsigned char sample(int c, int y, int x)
{
    return (unsigned char)(20 * y + 5 * x + 40 * c);
}

static void refuses(const char *path, gr_status status, const char *words)
{
    gr_tensor image;
    gr_status found = gr_image_read(path, &image);
    if (found != status || !strstr(gr_message(), words)) print_error("%s\n", gr_message());
    assert_int_equal(found, status);
    assert_non_null(strstr(gr_message(), words));
    assert_null(image.data);
}

static gr_tensor make_picture(int channels)
{
    gr_tensor image;
    assert_int_equal(gr_tensor_new(GR_U8, GR_SHAPE(channels, SIDE, SIDE + 1), &image), GR_OK);
    unsigned char *to = image.data;
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE + 1; x++) *to++ = sample(c, y, x);
        }
    }
    return image;
}

static void refuses_other_files(void **state)
{
    (void)state;
    refuses(test_files_text("x.png", ""), GR_FORMAT, "x.png: found 0 bytes, too few for a PNG or");
    refuses(test_files_text("x.gif", "GIF89a, really"), GR_FORMAT,
            "x.gif: is a GIF picture, but PNG and JPEG are read");
    refuses(test_files_path("none.png"), GR_NOT_FOUND, "none.png: No such file");
    refuses(test_files_folder(), GR_IO, "is a folder, not a file");
}

/* ---- PNG ---------------------------------------------------------------------------------- */

#if defined(GRADUS_HAVE_PNG)

static void png_round_trip(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        gr_tensor image = make_picture(channels), back;
        const char *path = test_files_path("round.png");
        assert_int_equal(gr_image_write_png(path, &image), GR_OK);
        assert_int_equal(gr_image_read(path, &back), GR_OK);
        assert_true(gr_shape_equal(back.shape, image.shape));
        assert_int_equal(back.dtype, GR_U8);
        assert_memory_equal(back.data, image.data, gr_tensor_bytes(&image));
        gr_tensor_clear(&back);
        image.shape.dim[0] = 2;
        assert_int_equal(gr_image_write_png(path, &image), GR_SHAPE);
        gr_tensor_clear(&image);
    }
}

typedef struct write_job {
    const char *path;
    const gr_tensor *image;
} write_job;

static gr_status write_flow(void *user)
{
    const write_job *job = user;
    gr_status status = gr_image_write_png(job->path, job->image);
    assert_int_equal(access(job->path, F_OK) == 0, status == GR_OK);
    remove(job->path);
    return status;
}

static void png_write_faults(void **state)
{
    (void)state;
    gr_tensor image = make_picture(1);
    assert_int_equal(gr_image_write_png("/nowhere/x.png", &image), GR_IO);
    assert_string_equal(gr_message(),
                        "/nowhere/x.png: cannot be written: its folder does not exist");
    assert_int_equal(gr_image_write_png("/dev/full", &image), GR_IO);
    assert_string_equal(gr_message(), "/dev/full: cannot be written: No space left on device");
    test_memory_sweep(write_flow, &(write_job){test_files_path("memory.png"), &image});
    gr_tensor_clear(&image);
}

/* Writes SIDE × SIDE pixels of the kind, whose rows `fill` makes, as "kind.png". */
static const char *write_kind(int depth, int colour, bool interlaced, bool transparent)
{
    const char *path = test_files_path("kind.png");
    FILE *file = fopen(path, "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, SIDE, SIDE, depth, colour,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color palette[4] = {{1, 2, 3}, {100, 110, 120}, {200, 210, 220}, {255, 0, 0}};
    png_byte alpha[4] = {0, 255, 255, 255};
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 4);
        if (transparent) png_set_tRNS(png, info, alpha, 4, NULL);
    }
    png_write_info(png, info);
    unsigned char data[SIDE][SIDE * 8];
    png_bytep rows[SIDE];
    int channels = png_get_channels(png, info);
    for (int y = 0; y < SIDE; y++) {
        rows[y] = data[y];
        memset(data[y], 0, sizeof data[y]);
        for (int x = 0; x < SIDE; x++) {
            for (int c = 0; c < channels; c++) {
                int at = x * channels + c;
                bool is_alpha = channels % 2 == 0 && c == channels - 1;
                unsigned char value =
                    is_alpha ? (unsigned char)(x < 2 ? 127 * x : 255) : sample(c, y, x);
                if (depth == 16) { /* colours end in FF, so that rounding shows */
                    data[y][2 * at] = value;
                    data[y][2 * at + 1] = is_alpha ? value : 255;
                } else if (depth == 8) {
                    data[y][at] = value;
                } else { /* 2 bits: x mod 4 */
                    data[y][at / 4] |= (unsigned char)(x % 4 << (6 - 2 * (at % 4)));
                }
            }
        }
    }
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(file);
    return path;
}

static void png_kinds(void **state)
{
    (void)state;
    const int colours[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_GRAY_ALPHA,
                           PNG_COLOR_TYPE_RGB_ALPHA};
    for (int variant = 0; variant < 16; variant++) {
        int colour = colours[variant % 4];
        bool with_alpha = variant % 4 >= 2;
        const char *path = write_kind(variant & 4 ? 16 : 8, colour, variant & 8, false);
        gr_tensor image;
        assert_int_equal(gr_image_read(path, &image), GR_OK);
        int channels = variant % 2 ? 3 : 1;
        assert_true(gr_shape_equal(image.shape, GR_SHAPE(channels, SIDE, SIDE)));
        for (int c = 0; c < channels; c++) {
            for (int y = 0; y < SIDE; y++) {
                for (int x = 0; x < SIDE; x++) {
                    int alpha = with_alpha && x < 2 ? 127 * x : 255;
                    int value = sample(c, y, x);
                    if (variant & 4) value = (value * 256 + 255 + 128) / 257;
                    int expected = (alpha * value + (255 - alpha) * 255 + 127) / 255;
                    assert_int_equal(pixel_at(&image, c, y, x), expected);
                }
            }
        }
        gr_tensor_clear(&image);
    }
}

static void png_palettes(void **state)
{
    (void)state;
    gr_tensor image;
    for (int transparent = 0; transparent < 2; transparent++) {
        const char *path = write_kind(2, PNG_COLOR_TYPE_PALETTE, false, transparent);
        assert_int_equal(gr_image_read(path, &image), GR_OK);
        assert_true(gr_shape_equal(image.shape, GR_SHAPE(3, SIDE, SIDE)));
        assert_int_equal(pixel_at(&image, 0, 3, 0), transparent ? 255 : 1);
        assert_int_equal(pixel_at(&image, 1, 3, 1), 110);
        assert_int_equal(pixel_at(&image, 2, 11, 10), 220);
        gr_tensor_clear(&image);
    }
    assert_int_equal(gr_image_read(write_kind(2, PNG_COLOR_TYPE_GRAY, false, false), &image),
                     GR_OK);
    assert_true(gr_shape_equal(image.shape, GR_SHAPE(1, SIDE, SIDE)));
    assert_int_equal(pixel_at(&image, 0, 0, 2), 170);
    gr_tensor_clear(&image);
}

static size_t slurp(const char *path, unsigned char *data, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(data, 1, room, file);
    fclose(file);
    return size;
}

static void png_damage(void **state)
{
    (void)state;
    unsigned char data[8192];
    size_t size = slurp(write_kind(8, PNG_COLOR_TYPE_RGB_ALPHA, true, false), data, sizeof data);
    gr_tensor image;
    for (size_t cut = 8; cut < size; cut++) {
        assert_int_equal(gr_image_decode(data, cut, "cut.png", &image), GR_FORMAT);
        assert_non_null(strstr(gr_message(), "cut.png: the PNG image is "));
        assert_null(image.data);
    }
    for (size_t bit = 8 * 8; bit < size * 8; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        gr_status status = gr_image_decode(data, size, "bit.png", &image);
        assert_true(status == GR_OK || status == GR_FORMAT);
        gr_tensor_clear(&image);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    data[size - 13] ^= 1; /* the last byte of the pixels' checksum */
    assert_int_equal(gr_image_decode(data, size, "bad.png", &image), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "CRC error"));
}

/* A header that states more pixels than there may be, or than the file can hold. */
static void png_bombs(void **state)
{
    (void)state;
    unsigned char head[] = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x40\0\0\0\x40\1\x08\0\0\0\0"
                           "CRC_\0\0\0\0IDAT____";
    for (int large = 0; large < 2; large++) {
        gr_tensor image;
        unsigned char *size = head + 16;
        size[2] = large ? 0x40 : 0x10;
        uint32_t crc = 0xFFFFFFFFu; /* of the 17 bytes from IHDR on */
        for (int i = 12; i < 29; i++) {
            crc ^= head[i];
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
        for (int i = 0; i < 4; i++) head[29 + i] = (unsigned char)(~crc >> (24 - 8 * i));
        test_memory memory;
        test_memory_start(&memory, 0);
        assert_int_equal(gr_image_decode(head, sizeof head - 1, "bomb.png", &image), GR_FORMAT);
        assert_non_null(strstr(gr_message(), large ? "cannot hold the 16384x16385 pixels"
                                                   : "cannot hold the 4096x16385 pixels"));
        test_memory_stop(&memory);
    }
}

static gr_status read_flow(void *path)
{
    gr_tensor image;
    gr_status status = gr_image_read(path, &image);
    gr_tensor_clear(&image);
    return status;
}

static void png_survives_failure_of_memory(void **state)
{
    (void)state;
    test_memory_sweep(read_flow, (char *)write_kind(8, PNG_COLOR_TYPE_GRAY_ALPHA, true, false));
}

#else

static void png_is_missing(void **state)
{
    (void)state;
    gr_tensor image = make_picture(1);
    assert_int_equal(gr_image_write_png("x.png", &image), GR_UNSUPPORTED);
    assert_string_equal(gr_message(), "x.png: this build has no libpng (Debian: libpng-dev)");
    gr_tensor_clear(&image);
    refuses(test_files_text("p.png", "\x89PNG\r\n\x1A\n"), GR_UNSUPPORTED,
            "p.png: this build has no libpng (Debian: libpng-dev)");
}

#endif

/* ---- JPEG --------------------------------------------------------------------------------- */

#if defined(GRADUS_HAVE_JPEG)

static size_t write_jpeg(unsigned char *to, size_t room, int components, J_COLOR_SPACE space,
                         bool progressive)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *made = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &size);
    jpeg.image_width = jpeg.image_height = SIDE;
    jpeg.input_components = components;
    jpeg.in_color_space = space;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < SIDE; y++) {
        unsigned char row[SIDE * 4], *rows = row;
        for (int x = 0; x < SIDE * components; x++) {
            row[x] = sample(x % components, y, x / components);
        }
        jpeg_write_scanlines(&jpeg, &rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(size <= room);
    memcpy(to, made, size);
    free(made);
    return size;
}

static void jpeg_kinds(void **state)
{
    (void)state;
    unsigned char data[8192];
    for (int variant = 0; variant < 4; variant++) {
        int channels = variant % 2 ? 3 : 1;
        size_t size = write_jpeg(data, sizeof data, channels,
                                 channels == 3 ? JCS_RGB : JCS_GRAYSCALE, variant >= 2);
        gr_tensor image;
        assert_int_equal(gr_image_decode(data, size, "a.jpg", &image), GR_OK);
        assert_true(gr_shape_equal(image.shape, GR_SHAPE(channels, SIDE, SIDE)));
        for (int c = 0; c < channels; c++) {
            int off = pixel_at(&image, c, 5, 7) - sample(c, 5, 7);
            assert_in_range(off + 20, 0, 40);
        }
        gr_tensor_clear(&image);
    }
    size_t size = write_jpeg(data, sizeof data, 4, JCS_CMYK, false);
    refuses(test_files_write("cmyk.jpg", data, size), GR_UNSUPPORTED,
            "cmyk.jpg: the JPEG image has CMYK colours: convert it to RGB first");
}

static void jpeg_damage(void **state)
{
    (void)state;
    unsigned char data[8192];
    for (int progressive = 0; progressive < 2; progressive++) {
        size_t size = write_jpeg(data, sizeof data, 3, JCS_RGB, progressive);
        gr_tensor image;
        for (size_t cut = 8; cut < size - 2; cut++) {
            assert_int_equal(gr_image_decode(data, cut, "cut.jpg", &image), GR_FORMAT);
            assert_non_null(strstr(gr_message(), "cut.jpg: the JPEG image is damaged before byte"));
            assert_null(image.data);
        }
        for (size_t bit = 3 * 8; bit < size * 8; bit++) {
            data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            gr_status status = gr_image_decode(data, size, "bit.jpg", &image);
            assert_true(status == GR_OK || status == GR_FORMAT || status == GR_UNSUPPORTED);
            gr_tensor_clear(&image);
            data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
}

static void jpeg_photos(void **state)
{
    (void)state;
    gr_tensor image, small;
    assert_int_equal(gr_image_read(test_files_real("photos/china.jpg"), &image), GR_OK);
    assert_true(gr_shape_equal(image.shape, GR_SHAPE(3, 427, 640)));
    assert_int_equal(
        gr_image_fit(&image, GR_SHAPE(3, 32, 32), GR_IMAGE_FIT(.aspect = GR_IMAGE_CROP), &small),
        GR_OK);
    double mean[2] = {0};
    for (int64_t i = 0; i < 427 * 640; i++) mean[0] += gr_tensor_at(&image, i) / (427 * 640);
    for (int64_t i = 0; i < 1024; i++) mean[1] += gr_tensor_at(&small, i) / 1024;
    assert_true(mean[0] > mean[1] - 25 && mean[0] < mean[1] + 25);
    gr_tensor_clear(&small);
    gr_tensor_clear(&image);
    const char *grey = test_files_real("photos/caltech101-sample/train/car_side/image_0001.jpg");
    assert_int_equal(gr_image_read(grey, &image), GR_OK);
    assert_int_equal(image.shape.dim[0], 1);
    gr_tensor_clear(&image);
}

#else

static void jpeg_is_missing(void **state)
{
    (void)state;
    refuses(test_files_text("p.jpg", "\xFF\xD8\xFF\xE0 and more"), GR_UNSUPPORTED,
            "p.jpg: this build has no libjpeg (Debian: libjpeg-dev)");
}

#endif

/* ---- Making it fit ------------------------------------------------------------------------ */

static void fit(const unsigned char *from, gr_shape shape, gr_shape wanted,
                const gr_image_fit_options *options, const unsigned char *expected)
{
    unsigned char copy[256];
    gr_tensor image = {GR_U8, shape, copy}, fitted;
    memcpy(copy, from, (size_t)gr_shape_count(shape));
    assert_int_equal(gr_image_fit(&image, wanted, options, &fitted), GR_OK);
    assert_true(gr_shape_equal(fitted.shape, wanted));
    for (int64_t i = 0; i < gr_shape_count(wanted); i++) {
        assert_int_equal((int)gr_tensor_at(&fitted, i), expected[i]);
    }
    gr_tensor_clear(&fitted);
}

static void fits(void **state)
{
    (void)state;
    const unsigned char grey[] = {0, 20, 40, 60, 80, 100};
    const unsigned char colour[] = {100, 0, 0, 200, 50, 50};
    const gr_shape line = GR_SHAPE(1, 1, 6), column = GR_SHAPE(1, 6, 1);
    /* As it is, as its inverse, from grey to colour and back. */
    fit(grey, GR_SHAPE(1, 2, 3), GR_SHAPE(1, 2, 3), NULL, grey);
    fit(grey, line, line, GR_IMAGE_FIT(.invert = true),
        (unsigned char[]){255, 235, 215, 195, 175, 155});
    fit(grey, GR_SHAPE(1, 1, 2), GR_SHAPE(3, 1, 2), NULL, (unsigned char[]){0, 20, 0, 20, 0, 20});
    fit(colour, GR_SHAPE(3, 1, 2), GR_SHAPE(1, 1, 2), NULL,
        (unsigned char[]){36, 123}); /* .299·100 + .114·50 = 35.6; .587·200 + .114·50 = 123.1 */
    /* Means of areas, also where they cut pixels; lines between centres. */
    fit(grey, line, GR_SHAPE(1, 1, 3), NULL, (unsigned char[]){10, 50, 90});
    fit(grey, column, GR_SHAPE(1, 4, 1), NULL, (unsigned char[]){7, 33, 67, 93});
    fit(grey + 1, GR_SHAPE(1, 1, 2), GR_SHAPE(1, 1, 4), NULL, (unsigned char[]){20, 25, 35, 40});
    fit(grey + 1, GR_SHAPE(1, 2, 1), GR_SHAPE(1, 4, 1), NULL, (unsigned char[]){20, 25, 35, 40});
    fit(grey + 1, GR_SHAPE(1, 1, 1), GR_SHAPE(1, 2, 2), NULL, (unsigned char[]){20, 20, 20, 20});
    /* The middle alone; all of it with background around. */
    fit(grey, line, GR_SHAPE(1, 1, 1), GR_IMAGE_FIT(.aspect = GR_IMAGE_CROP),
        (unsigned char[]){50});
    fit(grey, line, GR_SHAPE(1, 1, 2), GR_IMAGE_FIT(.aspect = GR_IMAGE_CROP),
        (unsigned char[]){40, 60});
    fit(grey, GR_SHAPE(1, 1, 3), GR_SHAPE(1, 3, 3),
        GR_IMAGE_FIT(.aspect = GR_IMAGE_PAD, .background = 7),
        (unsigned char[]){7, 7, 7, 0, 20, 40, 7, 7, 7});
}

static gr_status fit_flow(void *image)
{
    gr_tensor fitted;
    gr_status status = gr_image_fit(image, GR_SHAPE(1, 4, 4), NULL, &fitted);
    assert_int_equal(fitted.data != NULL, status == GR_OK);
    gr_tensor_clear(&fitted);
    return status;
}

static void fit_refuses(void **state)
{
    (void)state;
    gr_tensor image = make_picture(3), fitted;
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(2, 4, 4), NULL, &fitted), GR_SHAPE);
    assert_string_equal(gr_message(), "gr_image_fit: [3,12,13] to [2,4,4]: a picture is [1,h,w] or "
                                      "[3,h,w]");
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(1, 0, 4), NULL, &fitted), GR_SHAPE);
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(1, INT64_MAX, 4), NULL, &fitted), GR_SHAPE);
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(4), NULL, &fitted), GR_SHAPE);
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(1, 4, 4), &(gr_image_fit_options){0}, &fitted),
                     GR_INVALID);
    image.dtype = GR_F32;
    assert_int_equal(gr_image_fit(&image, GR_SHAPE(1, 4, 4), NULL, &fitted), GR_DTYPE);
    image.dtype = GR_U8;
    test_memory_sweep(fit_flow, &image);
    gr_tensor_clear(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_other_files),
#if defined(GRADUS_HAVE_PNG)
        cmocka_unit_test(png_round_trip),
        cmocka_unit_test(png_write_faults),
        cmocka_unit_test(png_kinds),
        cmocka_unit_test(png_palettes),
        cmocka_unit_test(png_damage),
        cmocka_unit_test(png_bombs),
        cmocka_unit_test(png_survives_failure_of_memory),
#else
        cmocka_unit_test(png_is_missing),
#endif
#if defined(GRADUS_HAVE_JPEG)
        cmocka_unit_test(jpeg_kinds),
        cmocka_unit_test(jpeg_damage),
        cmocka_unit_test(jpeg_photos),
#else
        cmocka_unit_test(jpeg_is_missing),
#endif
        cmocka_unit_test(fits),
        cmocka_unit_test(fit_refuses),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
