/* Pictures: measured, decoded as they are and shrunk, made fit. */
#include "fuzz.h"

#include <gradus/image.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    const gr_picture_decoder *decoder = gr_image_decoder();
    gr_tensor image = {0}, fitted = {0};
    int64_t height = 0, width = 0;
    const bool measured = fuzz_status(decoder->measure(data, size, "input", &height, &width));
    if (measured && (double)height * (double)width > 1e6) return 0;
    if (fuzz_status(gr_image_decode(data, size, "input", &image))) {
        FUZZ_REQUIRE(measured && image.shape.dim[1] == height && image.shape.dim[2] == width);
        if (fuzz_status(gr_image_fit(&image, GR_SHAPE(3, 5, 7), NULL, &fitted)))
            gr_tensor_clear(&fitted);
        gr_tensor_clear(&image);
    }
    if (fuzz_status(decoder->decode(data, size, "input", 3, &image))) gr_tensor_clear(&image);
    return 0;
}
