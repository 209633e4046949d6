/* Stores: read from a file (fuzz_safetensors), saved, read again. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    gr_store *store = NULL, *again = NULL;
    gr_meta *meta = NULL;
    const char *path = fuzz_safetensors("store.safetensors", &(fuzz_bytes){data, data + size});
    const char *second = fuzz_file("again.safetensors", "", 0);
    if (fuzz_status(gr_store_load(path, &store, &meta))) {
        if (fuzz_status(gr_store_save(store, second, meta))) {
            FUZZ_REQUIRE(fuzz_status(gr_store_load(second, &again, NULL)));
            FUZZ_REQUIRE(gr_store_size(again) == gr_store_size(store));
        }
        for (int i = 0; i < gr_store_size(store); i++)
            FUZZ_REQUIRE(gr_store_find(store, gr_store_name(store, i)) == i);
    }
    gr_store_free(again);
    gr_store_free(store);
    gr_meta_free(meta);
    return 0;
}
