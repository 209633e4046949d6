/* A model's first values from a file: to go on from what another net has learnt. */
#include <string.h>

#include "run/store.h"
#include "train/model.h"

/* Tensor of the file that the entry takes, or -1. *status is bad if the two do not fit. */
static int weights_match(const gr_safetensors *file, const gr_store_entry *entry, gr_status *status)
{
    char have[128], want[128];
    if (!gr_model_owns(entry->name)) return -1;
    int i = gr_safetensors_find(file, entry->name);
    if (i < 0) return -1;
    gr_tensor type = gr_safetensors_type(file, i);
    if (!gr_shape_equal(type.shape, entry->value.shape))
        *status = gr_fail(GR_SHAPE, "'%s' is %s in the file, but %s in the net", entry->name,
                          gr_shape_print(type.shape, have, sizeof have),
                          gr_shape_print(entry->value.shape, want, sizeof want));
    else if (type.dtype != entry->value.dtype)
        *status = gr_fail(GR_DTYPE, "'%s' is %s in the file, but %s in the net", entry->name,
                          gr_dtype_name(type.dtype), gr_dtype_name(entry->value.dtype));
    return i;
}

/* Looks at all before it reads any, so that a file that does not fit changes nothing. */
static gr_status weights_take(const gr_safetensors *file, gr_store *store, int *taken)
{
    gr_status status = GR_OK;
    *taken = 0;
    for (size_t e = 0; e < store->count && status == GR_OK; e++)
        *taken += weights_match(file, &store->entries[e], &status) >= 0;
    if (status == GR_OK && *taken == 0)
        status = gr_fail(GR_INVALID, "no variable of the net is in the file");
    for (size_t e = 0; e < store->count && status == GR_OK; e++) {
        gr_tensor *value = &store->entries[e].value;
        int i = weights_match(file, &store->entries[e], &status);
        if (i >= 0) status = gr_safetensors_read(file, i, value->data, gr_tensor_bytes(value));
    }
    return status;
}

gr_status gr_model_take(gr_model *model, const char *path, int *taken)
{
    gr_safetensors *file;
    int count = 0;
    GR_TRY(gr_safetensors_open(path, &file));
    gr_status status = gr_store_enter(model->store, true);
    if (status == GR_OK) {
        status = weights_take(file, model->store, &count);
        gr_store_leave(model->store, true);
    }
    gr_safetensors_close(file);
    if (taken) *taken = status == GR_OK ? count : 0;
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "%s: ", path);
}
