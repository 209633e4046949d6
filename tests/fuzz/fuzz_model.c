/* Model files (fuzz_safetensors): loaded, asked about, used, saved, loaded again. */
#include "fuzz.h"

static void model_predict(gr_model *model)
{
    enum { MOST = 1 << 16 };
    static float scores[MOST];
    gr_shape shape = gr_model_input(model);
    gr_tensor x;
    if (shape.rank >= GR_MAX_RANK || gr_shape_count(gr_model_output(model)) > MOST / 2) return;
    memmove(shape.dim + 1, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    shape.dim[0] = 2;
    shape.rank++;
    if (!fuzz_status(gr_tensor_new(gr_model_tokens(model) ? GR_I32 : GR_F32, shape, &x))) return;
    if (fuzz_status(gr_model_predict(model, &x, scores))) gr_model_probabilities(model, scores);
    gr_tensor_clear(&x);
}

static void model_use(gr_model *model)
{
    gr_net_info *info = NULL;
    gr_model *again = NULL;
    double work = 0;
    const char *path = fuzz_file("again.safetensors", "", 0);
    for (int i = 0; i < gr_model_classes(model); i++)
        FUZZ_REQUIRE(gr_model_class_names(model)[i] != NULL);
    if (fuzz_status(gr_model_describe(model, &info))) {
        work = (double)info->multiply_adds + (double)info->bytes;
        gr_net_info_free(info);
        if (work < 1e6) model_predict(model);
    }
    if (fuzz_status(gr_model_save(model, path))) {
        FUZZ_REQUIRE(fuzz_status(gr_model_load(path, NULL, &again)));
        gr_model_free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    gr_model *model = NULL;
    const gr_model_options options = {.size = sizeof options, .threads = 1};
    const char *path = fuzz_safetensors("model.safetensors", &(fuzz_bytes){data, data + size});
    if (fuzz_status(gr_model_load(path, &options, &model))) model_use(model);
    gr_model_free(model);
    return 0;
}
