/* Stores in safetensors files. */
#include <gradus/io.h>

#include "run/store.h"

static gr_status store_file_write(const gr_store *store, const char *path, const gr_meta *meta)
{
    const size_t n = store->count;
    gr_named_tensor *tensors = gr_alloc_array(n, sizeof *tensors);
    if (!tensors) return GR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        tensors[i] = (gr_named_tensor){store->entries[i].name, store->entries[i].value};
    }
    gr_status status = gr_safetensors_write(path, tensors, (int)n, meta);
    gr_free(tensors);
    return status;
}

gr_status gr_store_save(const gr_store *store, const char *path, const gr_meta *meta)
{
    /* Held for reading until all is written: the file shows one moment, without a copy. */
    GR_TRY(gr_store_enter((gr_store *)store, false));
    gr_status status = store_file_write(store, path, meta);
    gr_store_leave((gr_store *)store, false);
    return status;
}

static gr_status store_file_copy(const gr_safetensors *file, int i, gr_store *store)
{
    gr_tensor type = gr_safetensors_type(file, i), tensor;
    if (type.dtype == GR_DTYPE_COUNT) return gr_safetensors_read(file, i, NULL, 0); /* says why */
    GR_TRY(gr_tensor_new(type.dtype, type.shape, &tensor));
    gr_status status = gr_safetensors_read(file, i, tensor.data, gr_tensor_bytes(&tensor));
    if (status == GR_OK) status = gr_store_add(store, gr_safetensors_name(file, i), &tensor);
    gr_tensor_clear(&tensor);
    return status;
}

static gr_status store_file_meta(const gr_meta *from, gr_meta **to)
{
    gr_meta *copy = gr_meta_new();
    gr_status status = copy ? GR_OK : GR_NO_MEMORY;
    for (int i = 0; status == GR_OK && i < gr_meta_size(from); i++) {
        status = gr_meta_set(copy, gr_meta_key(from, i), gr_meta_value(from, i));
    }
    if (status != GR_OK) {
        gr_meta_free(copy);
        return status;
    }
    *to = copy;
    return GR_OK;
}

gr_status gr_store_load(const char *path, gr_store **store, gr_meta **meta)
{
    gr_safetensors *file;
    *store = NULL;
    if (meta) *meta = NULL;
    GR_TRY(gr_safetensors_open(path, &file));
    gr_store *loaded = gr_store_new();
    gr_status status = loaded ? GR_OK : GR_NO_MEMORY;
    for (int i = 0; status == GR_OK && i < gr_safetensors_size(file); i++) {
        status = store_file_copy(file, i, loaded);
    }
    if (status == GR_OK && meta) status = store_file_meta(gr_safetensors_meta(file), meta);
    gr_safetensors_close(file);
    if (status != GR_OK) {
        gr_store_free(loaded);
        return status;
    }
    *store = loaded;
    return GR_OK;
}
