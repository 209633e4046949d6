/* Tables in text. The first byte chooses options, the rest is the file. */
#include "dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = {0, ',', ';', '\t', ' ', '|', ':', 0};
    static const char *const ignored[] = {NULL, "1", "id,2", "-2"};
    static const char *const labels[] = {NULL, "1", "label", "-1"};
    static const char *const classes[] = {"0", "1", "2", "setosa", "a"};
    fuzz_start();
    fuzz_bytes bytes = {data, data + size};
    const uint8_t choice = fuzz_byte(&bytes), more = fuzz_byte(&bytes);
    const gr_data_options options = {
        .size = sizeof options,
        .separator = separators[choice & 7],
        .ignore = ignored[choice >> 3 & 3],
        .label = labels[choice >> 5 & 3],
        .unlabelled = choice >> 7,
        .header = more % 3 - 1,
        .class_names = more & 64 ? classes : NULL,
        .classes = more & 64 ? (int)GR_LEN(classes) : 0,
    };
    fuzz_data_set(fuzz_file("t.csv", bytes.at, (size_t)(bytes.end - bytes.at)), &options);
    return 0;
}
