/* The binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of labels and planes. */
#include "data/dataset.h"

#include "data/source.h"

#define CIFAR_PIXELS (3 * 32 * 32)

/* Appends the images and labels of a file that has been read. */
static gr_status cifar_append(gr_storage *storage, const char *path, const char *data, size_t size,
                              bool fine, int classes)
{
    const size_t labels = fine ? 2 : 1, record = labels + CIFAR_PIXELS;
    if (size == 0 || size % record != 0) {
        return gr_fail(
            GR_FORMAT,
            "%s: found %zu bytes, which are not records of %zu (%zu for labels, 3072 for "
            "an image): record %zu ends after %zu bytes",
            path, size, record, labels, size / record, size % record);
    }
    size_t old = (size_t)storage->count, more = size / record, bytes, label_bytes;
    if (!gr_mul_size(old + more, CIFAR_PIXELS, &bytes) ||
        !gr_mul_size(old + more, sizeof(int32_t), &label_bytes)) {
        return gr_no_memory(SIZE_MAX);
    }
    char *block = gr_realloc(storage->block, bytes);
    if (!block) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    storage->block = block;
    int32_t *all_labels = gr_realloc(storage->labels, label_bytes);
    if (!all_labels) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    storage->labels = all_labels;
    for (size_t i = 0; i < more; i++) {
        const char *at = data + i * record;
        int label = (unsigned char)at[labels - 1];
        if (label >= classes) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: label %d of record %zu is not one of 0 to %d",
                           path, i * record + labels - 1, label, i, classes - 1);
        }
        all_labels[old + i] = label;
        memcpy(block + (old + i) * CIFAR_PIXELS, at + labels, CIFAR_PIXELS);
    }
    storage->count += (int64_t)more;
    return GR_OK;
}

gr_status gr_read_cifar(const char *name, const char *const *paths, int n, bool fine,
                        gr_class_list classes, gr_dataset **dataset)
{
    *dataset = NULL;
    gr_storage *storage = gr_storage_new(name);
    if (!storage) return GR_NO_MEMORY;
    const int most = classes.count ? classes.count : fine ? 100 : 10;
    gr_status status = GR_OK;
    for (int i = 0; i < n && status == GR_OK; i++) {
        char *data;
        size_t size;
        status = gr_source_read(paths[i], &data, &size);
        if (status != GR_OK) break;
        status = cifar_append(storage, paths[i], data, size, fine, most);
        gr_free(data);
    }
    if (status == GR_OK) {
        status = gr_storage_shape(storage, GR_U8, storage->count, GR_SHAPE(3, 32, 32));
    }
    if (status == GR_OK && classes.count == 0) {
        gr_free(storage->labels);
        storage->labels = NULL;
    } else if (status == GR_OK) {
        status = gr_storage_classes(storage, classes.count, classes.names);
    }
    if (status != GR_OK) {
        gr_storage_free(storage);
        return status;
    }
    storage->examples = storage->block;
    return gr_storage_wrap(storage, dataset);
}
