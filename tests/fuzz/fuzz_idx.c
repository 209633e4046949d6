/* IDX files, plain and gzipped, alone and as a data set: bytes in two parts are the examples and
 * their labels. The first byte: is it gzipped? */
#include "fuzz.h"

#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    gr_tensor tensor;
    fuzz_bytes bytes = {data, data + size};
    const bool zipped = fuzz_byte(&bytes) & 1;
    const fuzz_bytes images = fuzz_part(&bytes), labels = fuzz_part(&bytes);
    fuzz_empty_folder();
    const char *path = fuzz_file(zipped ? "a-images-idx3-ubyte.gz" : "a-images-idx3-ubyte",
                                 images.at, (size_t)(images.end - images.at));
    if (fuzz_status(gr_idx_read(path, &tensor))) gr_tensor_clear(&tensor);
    if (labels.at < labels.end)
        fuzz_file(zipped ? "a-labels-idx1-ubyte.gz" : "a-labels-idx1-ubyte", labels.at,
                  (size_t)(labels.end - labels.at));
    fuzz_data_set(path, &(gr_data_options){.size = sizeof(gr_data_options),
                                           .unlabelled = labels.at == labels.end});
    return 0;
}
