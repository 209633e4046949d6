/* What is done with a data set that could be opened. */
#include "dataset.h"

enum { DATASET_MOST = 64, DATASET_MOST_BYTES = 1 << 20 };

static void dataset_loop(const gr_dataset *set)
{
    gr_loader *loader = NULL;
    gr_batch batch;
    int batches = 0;
    const gr_loader_options options = {
        .size = sizeof options, .batch = 3, .shuffle = true, .synchronous = true};
    if (!fuzz_status(gr_loader_new(set, &options, &loader))) return;
    while (batches++ < DATASET_MOST && gr_loader_next(loader, &batch))
        FUZZ_REQUIRE(batch.rows > 0 && batch.rows <= 3);
    fuzz_status(gr_loader_status(loader));
    gr_loader_free(loader);
}

static void dataset_walk(const gr_dataset *set)
{
    static _Alignas(64) char x[DATASET_MOST_BYTES];
    static int32_t y[DATASET_MOST_BYTES / 4];
    gr_dataset *rest = NULL, *held = NULL;
    const gr_shape shape = gr_dataset_shape(set);
    const gr_tensor type = {gr_dataset_dtype(set), shape, NULL};
    const int64_t count = gr_dataset_size(set);
    FUZZ_REQUIRE(count > 0 && gr_dataset_classes(set) >= 0);
    for (int i = 0; i < gr_dataset_classes(set); i++)
        FUZZ_REQUIRE(gr_dataset_class_name(set, i) != NULL);
    gr_dataset_feature_name(set, 0);
    const bool fits = gr_tensor_bytes(&type) <= sizeof x &&
                      gr_shape_count(gr_dataset_label_shape(set)) < (int64_t)GR_LEN(y);
    for (int64_t i = 0; i < count && i < DATASET_MOST; i++) {
        FUZZ_REQUIRE(gr_dataset_label(set, i) <
                     (gr_dataset_classes(set) > 0 ? gr_dataset_classes(set) : 1));
        if (fits && gr_shape_count(shape) > 0) fuzz_status(gr_dataset_read(set, i, 7, x, y));
    }
    if (fits && gr_shape_count(shape) > 0) dataset_loop(set);
    if (fuzz_status(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .3, .seed = 1), &rest, &held)))
        FUZZ_REQUIRE(gr_dataset_size(rest) + gr_dataset_size(held) == count);
    gr_dataset_free(rest);
    gr_dataset_free(held);
}

void fuzz_data_set(const char *path, const gr_data_options *options)
{
    gr_dataset *train = NULL, *test = NULL;
    if (fuzz_status(gr_data_open(path, options, &train, &test))) {
        if (train) dataset_walk(train);
        if (test) dataset_walk(test);
    } else {
        FUZZ_REQUIRE(!train && !test);
    }
    gr_dataset_free(train);
    gr_dataset_free(test);
}
