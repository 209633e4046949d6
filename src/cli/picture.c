#include "cli/picture.h"

gr_status cli_picture_fit(const gr_model *model, const gr_tensor *image, bool invert,
                          const gr_image_aspect *aspect, gr_tensor *fitted)
{
    const gr_preprocess *preprocess = gr_model_preprocess(model);
    const gr_shape input = gr_model_input(model);
    if (!preprocess->resize || aspect)
        return gr_image_fit(
            image, input,
            GR_IMAGE_FIT(.aspect = aspect ? *aspect : GR_IMAGE_STRETCH, .invert = invert), fitted);
    gr_tensor coloured;
    gr_shape shape = image->shape;
    shape.dim[0] = input.dim[0];
    gr_status status = gr_image_fit(image, shape, GR_IMAGE_FIT(.invert = invert), &coloured);
    if (status != GR_OK) return status;
    status = gr_tensor_new(GR_F32, input, fitted);
    if (status == GR_OK) status = gr_preprocess_apply(preprocess, &coloured, fitted->data);
    if (status != GR_OK) gr_tensor_clear(fitted);
    gr_tensor_clear(&coloured);
    return status;
}
