/* Arrays of NumPy: read, written, read again to the same bytes. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    gr_tensor array, again;
    if (!fuzz_status(gr_npy_read(fuzz_file("a.npy", data, size), &array))) return 0;
    const char *path = fuzz_file("b.npy", "", 0);
    if (fuzz_status(gr_npy_write(path, &array))) {
        FUZZ_REQUIRE(fuzz_status(gr_npy_read(path, &again)));
        FUZZ_REQUIRE(again.dtype == array.dtype && gr_shape_equal(again.shape, array.shape));
        FUZZ_REQUIRE(memcmp(again.data, array.data, gr_tensor_bytes(&array)) == 0);
        gr_tensor_clear(&again);
    }
    gr_tensor_clear(&array);
    return 0;
}
