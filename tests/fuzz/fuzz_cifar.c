/* CIFAR's binary files. A record has 3073 bytes, too many for a fuzzer to make up: the input's
 * bytes are dealt out. The first byte chooses kind and number of records, each record's label is a
 * byte, all pixels of a record are the next; at the end come bytes that are no full record. */
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PIXELS = 3072, MOST = 4 };
    static char file[MOST * (PIXELS + 2) + 256];
    fuzz_start();
    fuzz_bytes bytes = {data, data + size};
    const uint8_t kind = fuzz_byte(&bytes);
    const bool fine = kind & 1;
    size_t used = 0;
    for (int i = 0; i < (kind >> 1) % (MOST + 1); i++) {
        for (int k = 0; k < 1 + fine; k++) file[used++] = (char)fuzz_byte(&bytes);
        memset(file + used, fuzz_byte(&bytes), PIXELS);
        used += PIXELS;
    }
    while (!fuzz_done(&bytes) && used < sizeof file) file[used++] = (char)fuzz_byte(&bytes);
    fuzz_empty_folder();
    const char *path = fuzz_file(fine ? "train.bin" : "data_batch_1.bin", file, used);
    fuzz_file(fine ? "test.bin" : "test_batch.bin", file, used);
    fuzz_data_set(path, NULL);
    fuzz_data_set(fuzz_folder(), NULL);
    return 0;
}
