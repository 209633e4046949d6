/* Record files. Their checksums are put right first, unless the first byte is odd: a fuzzer cannot
 * guess them. */
#include "dataset.h"

#include <gradus/image.h>

#include "base/crc64.h"
#include "data/record.h"

static void record_put(uint8_t *file, size_t word, uint64_t value)
{
    memcpy(file + 8 * word, &value, 8);
}

static uint64_t record_word(const uint8_t *file, size_t word)
{
    uint64_t value;
    memcpy(&value, file + 8 * word, 8);
    return value;
}

static void record_sum(uint8_t *file, size_t size)
{
    static gr_crc64 crc;
    gr_crc64_start(&crc);
    if (size < GR_RECORD_HEADER) return;
    const uint64_t index = record_word(file, GR_RECORD_AT_INDEX);
    record_put(file, GR_RECORD_AT_SIZE, size);
    for (uint64_t at = index; at <= size && size - at >= GR_RECORD_ENTRY; at += GR_RECORD_ENTRY) {
        const uint64_t from = record_word(file + at, 0), bytes = record_word(file + at, 1);
        if (from <= size && bytes <= size - from)
            record_put(file + at, 2, gr_crc64_of(&crc, file + from, (size_t)bytes));
    }
    if (index <= size)
        record_put(file, GR_RECORD_AT_INDEX_SUM,
                   gr_crc64_of(&crc, file + index, size - (size_t)index));
    record_put(file, GR_RECORD_AT_HEADER_SUM, gr_crc64_of(&crc, file, 8 * GR_RECORD_AT_HEADER_SUM));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    if (size == 0) return 0;
    uint8_t *file = malloc(size);
    FUZZ_REQUIRE(file != NULL);
    memcpy(file, data + 1, size - 1);
    if (!(data[0] & 1)) record_sum(file, size - 1);
    const gr_data_options options = {
        .size = sizeof options, .decoder = gr_image_decoder(), .unlabelled = data[0] & 2};
    fuzz_data_set(fuzz_file("r.records", file, size - 1), &options);
    free(file);
    return 0;
}
