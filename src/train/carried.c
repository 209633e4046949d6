/* States that recurrent layers carry from one step to the next. */
#include "run/store.h"
#include "train/model.h"

/* "lstm1/carry/train_32/h_l0", or without a layer's name in front. */
static const char *carried_find(const char *name)
{
    static const char word[] = "carry/";
    if (strncmp(name, word, sizeof word - 1) == 0) return name + sizeof word - 1;
    const char *at = strstr(name, "/carry/");
    return at ? at + sizeof word : NULL;
}

bool gr_model_carries_in(const char *name)
{
    return carried_find(name) != NULL;
}

gr_status gr_model_reset_carried(gr_store *store, gr_mode mode)
{
    const char *word = mode == GR_TRAIN ? "train_" : "eval_";
    GR_TRY(gr_store_enter(store, true));
    for (size_t i = 0; i < store->count; i++) {
        const char *rest = carried_find(store->entries[i].name);
        gr_tensor *value = &store->entries[i].value;
        if (rest && strncmp(rest, word, strlen(word)) == 0)
            memset(value->data, 0, gr_tensor_bytes(value));
    }
    gr_store_leave(store, true);
    return GR_OK;
}
