#include "support_pictures.h"

#include <stdio.h>

#if defined(GRADUS_HAVE_JPEG)
#include <jpeglib.h>
#endif

void test_needs_pictures(void)
{
#if !defined(GRADUS_HAVE_PNG) || !defined(GRADUS_HAVE_JPEG)
    print_message("this build has no libpng or no libjpeg\n");
    skip();
#endif
}

const char *test_write_picture(const char *name, int height, int width, int red)
{
    gr_tensor image;
    const char *path = test_files_write(name, "", 0); /* makes the folders */
    assert_int_equal(gr_tensor_new(GR_U8, GR_SHAPE(3, height, width), &image), GR_OK);
    unsigned char *at = image.data;
    memset(at, red, (size_t)(height * width));
    for (int i = 0; i < height * width; i++) at[height * width + i] = (unsigned char)(i / width);
    assert_int_equal(gr_image_write_png(path, &image), GR_OK);
    gr_tensor_clear(&image);
    return path;
}

#if defined(GRADUS_HAVE_JPEG)

const char *test_write_jpeg(const char *name, int height, int width, int components, int level)
{
    static const J_COLOR_SPACE spaces[] = {[1] = JCS_GRAYSCALE, [3] = JCS_RGB, [4] = JCS_CMYK};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *made = NULL, *row = calloc((size_t)(width * components), 1);
    unsigned long size = 0;
    memset(row, level, (size_t)(width * components));
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &made, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = components;
    jpeg.in_color_space = spaces[components];
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < height; y++) jpeg_write_scanlines(&jpeg, &row, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    const char *path = test_files_write(name, made, size);
    free(made);
    free(row);
    return path;
}

#else

const char *test_write_jpeg(const char *name, int height, int width, int components, int level)
{
    (void)height;
    (void)width;
    (void)components;
    (void)level;
    return test_files_path(name);
}

#endif

const char *test_write_photos(void)
{
    static const char *const classes[] = {"cat", "dog", "owl"};
    char name[64];
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 5; i++) {
            bool jpeg = i % 2;
            snprintf(name, sizeof name, "photos/train/%s/%d.%s", classes[c], i,
                     jpeg ? "JPG" : "png");
            if (jpeg) {
                test_write_jpeg(name, 20 + 3 * i, 30 - 2 * i, i == 1 ? 1 : 3, 50 * c + 100);
            } else {
                test_write_picture(name, 20 + 3 * i, 30 - 2 * i, 50 * c + 100);
            }
            snprintf(name, sizeof name, "photos/test/%s/%d.png", classes[c], i);
            if (i < 2) test_write_picture(name, 16, 16, 50 * c + 100);
        }
    }
    test_files_text("photos/train/cat/notes.txt", "no picture");
    test_files_text("photos/train/.hidden/x.png", "no picture");
    return test_files_path("photos");
}
