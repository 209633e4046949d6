/* Folders of small pictures. */
#ifndef GR_TEST_SUPPORT_PICTURES_H
#define GR_TEST_SUPPORT_PICTURES_H

#include <gradus/image.h>

#include "support_data.h"

/* Skips the test in a build without libpng or libjpeg. */
void test_needs_pictures(void);
/* Writes a PNG picture of one colour each row: red is `red`, green the row. */
const char *test_write_picture(const char *name, int height, int width, int red);
/* Writes a JPEG picture of `components` (1 grey, 3 colour, 4 CMYK) whose samples are all `level`.
 */
const char *test_write_jpeg(const char *name, int height, int width, int components, int level);
/* photos/train/{cat,dog,owl}, with 5 pictures each of different sizes, PNG and JPEG, red from
 * 10·class, and photos/test with 2 each. Returns its path. */
const char *test_write_photos(void);

#endif
