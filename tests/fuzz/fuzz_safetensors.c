/* safetensors files in memory; what could be read is written and read again. */
#include "fuzz.h"

static void safetensors_write(const gr_safetensors *file, const gr_named_tensor *tensors, int n)
{
    const char *path = fuzz_file("again.safetensors", "", 0);
    gr_safetensors *again = NULL;
    if (!fuzz_status(gr_safetensors_write(path, tensors, n, gr_safetensors_meta(file)))) return;
    FUZZ_REQUIRE(fuzz_status(gr_safetensors_open(path, &again)));
    FUZZ_REQUIRE(gr_safetensors_checked(again) && gr_safetensors_size(again) == n);
    for (int i = 0; i < n; i++) FUZZ_REQUIRE(gr_safetensors_find(again, tensors[i].name) >= 0);
    gr_safetensors_close(again);
}

static void safetensors_read(const gr_safetensors *file)
{
    enum { MOST = 64 };
    gr_named_tensor tensors[MOST];
    const gr_meta *meta = gr_safetensors_meta(file);
    int n = 0;
    for (int i = 0; i < gr_meta_size(meta); i++)
        FUZZ_REQUIRE(gr_meta_get(meta, gr_meta_key(meta, i)) != NULL);
    for (int i = 0; i < gr_safetensors_size(file) && n < MOST; i++) {
        const char *name = gr_safetensors_name(file, i);
        FUZZ_REQUIRE(gr_safetensors_find(file, name) == i);
        gr_tensor type = gr_safetensors_type(file, i), value;
        if (type.dtype == GR_DTYPE_COUNT) continue;
        if (!fuzz_status(gr_tensor_new(type.dtype, type.shape, &value))) continue;
        fuzz_status(gr_safetensors_read(file, i, value.data, gr_tensor_bytes(&value)));
        tensors[n++] = (gr_named_tensor){name, value};
    }
    safetensors_write(file, tensors, n);
    for (int i = 0; i < n; i++) gr_tensor_clear(&tensors[i].tensor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gr_safetensors *file = NULL;
    fuzz_start();
    if (fuzz_status(gr_safetensors_parse("input", data, size, &file))) {
        safetensors_read(file);
        gr_safetensors_close(file);
    }
    return 0;
}
