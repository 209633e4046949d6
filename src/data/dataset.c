/* Data sets: storage that is counted, and selections that point into it. */
#include "base/utf8.h"
#include "data/pictures.h"

#include <stdio.h>

gr_storage *gr_storage_new(const char *name)
{
    gr_storage *storage = gr_alloc(sizeof *storage);
    if (!storage) return NULL;
    atomic_init(&storage->references, 1);
    storage->label_count = 1;
    storage->name = gr_arena_strdup(&storage->arena, name);
    if (!storage->name) {
        gr_storage_free(storage);
        return NULL;
    }
    return storage;
}

void gr_storage_free(gr_storage *storage)
{
    if (!storage || atomic_fetch_sub(&storage->references, 1) > 1) return;
    gr_pictures_free(storage->pictures);
    if (storage->source.free) storage->source.free(storage->source.user);
    gr_free(storage->block);
    gr_free(storage->labels);
    gr_arena_free(&storage->arena);
    gr_free(storage);
}

gr_status gr_storage_shape(gr_storage *storage, gr_dtype dtype, int64_t count, gr_shape shape)
{
    size_t bytes = gr_dtype_size(dtype), all;
    for (int axis = 0; axis < shape.rank; axis++) {
        if (shape.dim[axis] < 1) {
            return gr_fail(GR_FORMAT, "examples of shape %s hold nothing", gr_shape_text(shape));
        }
        if ((uint64_t)shape.dim[axis] > SIZE_MAX ||
            !gr_mul_size(bytes, (size_t)shape.dim[axis], &bytes)) {
            return gr_fail(GR_FORMAT, "the size of one example of shape %s overflows",
                           gr_shape_text(shape));
        }
    }
    if (count < 1) return gr_fail(GR_FORMAT, "there are no examples");
    if ((uint64_t)count > SIZE_MAX || !gr_mul_size(bytes, (size_t)count, &all) ||
        all > PTRDIFF_MAX) {
        return gr_fail(GR_FORMAT, "the size of %lld examples of shape %s overflows",
                       (long long)count, gr_shape_text(shape));
    }
    storage->dtype = dtype;
    storage->shape = shape;
    storage->count = count;
    storage->example_bytes = bytes;
    return GR_OK;
}

static const char **storage_names(gr_storage *storage, size_t n, const char *const *names)
{
    const char **copies = gr_arena_alloc(&storage->arena, n * sizeof *copies);
    if (!copies) return NULL;
    for (size_t i = 0; i < n; i++) {
        copies[i] = names ? gr_arena_strdup(&storage->arena, names[i])
                          : gr_arena_printf(&storage->arena, "%zu", i);
        if (!copies[i]) return NULL;
    }
    return copies;
}

gr_status gr_storage_classes(gr_storage *storage, int classes, const char *const *names)
{
    size_t at;
    for (int i = 0; names && i < classes; i++) { /* models keep them, and are UTF-8 */
        if (gr_utf8_valid(names[i], strlen(names[i]), &at)) continue;
        return gr_fail(GR_INVALID, "byte %zu of the name of class %d, '%.40s', is not UTF-8", at, i,
                       names[i]);
    }
    storage->class_names = storage_names(storage, (size_t)classes, names);
    if (!storage->class_names) return GR_NO_MEMORY;
    storage->classes = classes;
    return GR_OK;
}

gr_status gr_storage_features(gr_storage *storage, int64_t n, const char *const *names)
{
    storage->feature_names = storage_names(storage, (size_t)n, names);
    return storage->feature_names ? GR_OK : GR_NO_MEMORY;
}

gr_status gr_storage_wrap(gr_storage *storage, gr_dataset **dataset)
{
    *dataset = gr_alloc(sizeof **dataset);
    if (!*dataset) {
        gr_storage_free(storage);
        return GR_NO_MEMORY;
    }
    **dataset = (gr_dataset){.storage = storage, .count = storage->count};
    return GR_OK;
}

/* ---- The public side ---------------------------------------------------------------------- */

static gr_status dataset_check_labels(const int32_t *labels, int64_t n, int classes)
{
    for (int64_t i = 0; labels && i < n; i++) {
        if (labels[i] < 0 || labels[i] >= classes) {
            return gr_fail(GR_RANGE, "label %d of example %lld is not one of 0 to %d",
                           (int)labels[i], (long long)i, classes - 1);
        }
    }
    return GR_OK;
}

static gr_status dataset_check(const gr_tensor *examples, const int32_t *labels, int classes)
{
    if (examples->dtype != GR_U8 && examples->dtype != GR_F32) {
        return gr_fail(GR_DTYPE, "examples are %s, but a data set holds u8 or f32",
                       gr_dtype_name(examples->dtype));
    }
    if (examples->shape.rank < 1) {
        return gr_fail(GR_SHAPE, "examples are a scalar, but need the shape [n,...]");
    }
    if (!labels != !classes || classes < 0 || classes > GR_DATA_MAX_CLASSES) {
        return gr_fail(GR_INVALID, "%d classes with%s labels: labels need 1 to %d classes", classes,
                       labels ? "" : "out", GR_DATA_MAX_CLASSES);
    }
    return dataset_check_labels(labels, examples->shape.dim[0], classes);
}

static gr_status dataset_copy_labels(gr_storage *storage, const int32_t *labels)
{
    if (!labels) return GR_OK;
    storage->labels = gr_alloc_array((size_t)storage->count, sizeof *labels);
    if (!storage->labels) return GR_NO_MEMORY;
    memcpy(storage->labels, labels, (size_t)storage->count * sizeof *labels);
    return GR_OK;
}

static gr_status dataset_fill(gr_storage *storage, const gr_tensor *examples, const int32_t *labels)
{
    gr_shape shape = gr_shape_of(examples->shape.rank - 1, examples->shape.dim + 1);
    gr_status status = gr_storage_shape(storage, examples->dtype, examples->shape.dim[0], shape);
    if (status != GR_OK) return status == GR_FORMAT ? GR_INVALID : status;
    size_t bytes = storage->example_bytes * (size_t)storage->count;
    storage->block = gr_alloc(bytes);
    if (!storage->block) return GR_NO_MEMORY;
    memcpy(storage->block, examples->data, bytes);
    storage->examples = storage->block;
    return dataset_copy_labels(storage, labels);
}

gr_status gr_dataset_new(const char *name, const gr_tensor *examples, const int32_t *labels,
                         int classes, const char *const *class_names, gr_dataset **dataset)
{
    *dataset = NULL;
    gr_status status = dataset_check(examples, labels, classes);
    if (status != GR_OK) return gr_fail_prefix(status, "data set '%s': ", name);
    gr_storage *storage = gr_storage_new(name);
    if (!storage) return GR_NO_MEMORY;
    status = dataset_fill(storage, examples, labels);
    if (status == GR_OK) status = gr_storage_classes(storage, classes, class_names);
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_storage_free(storage);
    return gr_fail_prefix(status, "data set '%s': ", name);
}

/* ---- Sources ------------------------------------------------------------------------------ */

static gr_status dataset_check_source(const gr_source *source)
{
    const gr_shape labels = source->label_shape;
    if (!source->read) return gr_fail(GR_INVALID, "there is no function `read`");
    if (source->dtype != GR_U8 && source->dtype != GR_F32 && source->dtype != GR_I32) {
        return gr_fail(GR_DTYPE, "examples are %s, but a source gives u8, f32 or i32",
                       gr_dtype_name(source->dtype));
    }
    if (source->classes < 0 || source->classes > GR_DATA_MAX_CLASSES) {
        return gr_fail(GR_INVALID, "%d classes: should be 0 to %d", source->classes,
                       GR_DATA_MAX_CLASSES);
    }
    if (gr_shape_count(labels) < 1 || labels.rank >= GR_MAX_RANK) {
        return gr_fail(GR_SHAPE, "labels of shape %s for one example", gr_shape_text(labels));
    }
    if (source->padded && labels.rank == 0) {
        return gr_fail(GR_INVALID, "an example has one label, but `padded` is for labels at "
                                   "positions");
    }
    if (source->labels && (labels.rank > 0 || source->classes == 0)) {
        return gr_fail(GR_INVALID,
                       "labels are given before reading, for %d classes and labels of shape %s: "
                       "one class of several should be known for each example",
                       source->classes, gr_shape_text(labels));
    }
    return source->count > 0 ? dataset_check_labels(source->labels, source->count, source->classes)
                             : GR_OK;
}

static gr_status dataset_take_source(gr_storage *storage, const gr_source *source)
{
    GR_TRY(dataset_check_source(source));
    gr_status status = gr_storage_shape(storage, source->dtype, source->count, source->shape);
    if (status != GR_OK) return status == GR_FORMAT ? GR_INVALID : status;
    storage->label_shape = source->label_shape;
    storage->label_count = (size_t)gr_shape_count(source->label_shape);
    GR_TRY(gr_storage_classes(storage, source->classes, source->class_names));
    return dataset_copy_labels(storage, source->labels);
}

gr_status gr_dataset_from_source(const gr_source *source, gr_dataset **dataset)
{
    gr_source known;
    *dataset = NULL;
    GR_TRY(GR_OPTIONS(gr_source, &known, source));
    gr_storage *storage = gr_storage_new(known.name ? known.name : "source");
    if (!storage) {
        if (known.free) known.free(known.user);
        return GR_NO_MEMORY;
    }
    storage->source = known;
    gr_status status = dataset_take_source(storage, &known);
    /* What these point to is the caller's. */
    storage->source.name = NULL;
    storage->source.class_names = NULL;
    storage->source.labels = NULL;
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_status told = gr_fail_prefix(status, "source '%s': ", storage->name);
    gr_storage_free(storage);
    return told;
}

gr_status gr_source_fail(gr_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gr_fail_v(status, format, args);
    va_end(args);
    return status;
}

gr_status gr_storage_read(const gr_storage *storage, int64_t index, uint64_t draw, void *x,
                          int32_t *y)
{
    const bool told = storage->labels || storage->classes == 0;
    for (size_t k = 0; told && k < storage->label_count; k++) {
        y[k] = storage->labels ? storage->labels[index] : -1;
    }
    if (storage->pictures) {
        return gr_fail(GR_INVALID,
                       "data set '%s': its examples are pictures of many sizes, which "
                       "gr_dataset_picture reads, or a loader that makes them equal",
                       storage->name);
    }
    if (storage->source.read) {
        return storage->source.read(storage->source.user, index, draw, x, told ? NULL : y);
    }
    memcpy(x, storage->examples + (size_t)index * storage->example_bytes, storage->example_bytes);
    return GR_OK;
}

gr_status gr_dataset_read(const gr_dataset *dataset, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    if (i < 0 || i >= dataset->count) {
        return gr_fail(GR_RANGE, "data set '%s' has no example %lld: it has %lld",
                       gr_dataset_name(dataset), (long long)i, (long long)dataset->count);
    }
    return gr_storage_read(dataset->storage, gr_dataset_index(dataset, i), draw, x, y);
}

gr_status gr_dataset_picture(const gr_dataset *dataset, int64_t i, gr_tensor *picture)
{
    const gr_storage *storage = dataset->storage;
    *picture = (gr_tensor){0};
    if (i < 0 || i >= dataset->count) {
        return gr_fail(GR_RANGE, "data set '%s' has no example %lld: it has %lld", storage->name,
                       (long long)i, (long long)dataset->count);
    }
    if (storage->pictures) {
        return gr_pictures_read(storage, gr_dataset_index(dataset, i), picture);
    }
    if (storage->dtype != GR_U8 || storage->shape.rank != 3) {
        return gr_fail(GR_SHAPE, "data set '%s': examples %s %s are no pictures of bytes, [c,h,w]",
                       storage->name, gr_dtype_name(storage->dtype), gr_shape_text(storage->shape));
    }
    int32_t *labels = gr_alloc_array(storage->label_count, sizeof *labels);
    gr_status status = labels ? gr_tensor_new(GR_U8, storage->shape, picture) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_dataset_read(dataset, i, 0, picture->data, labels);
    gr_free(labels);
    if (status != GR_OK) gr_tensor_clear(picture);
    return status;
}

/* ---- Looking ------------------------------------------------------------------------------ */

void gr_dataset_free(gr_dataset *dataset)
{
    if (!dataset) return;
    gr_storage_free(dataset->storage);
    gr_free(dataset->index);
    gr_free(dataset);
}

const char *gr_dataset_name(const gr_dataset *dataset)
{
    return dataset->storage->name;
}

int64_t gr_dataset_size(const gr_dataset *dataset)
{
    return dataset->count;
}

gr_shape gr_dataset_shape(const gr_dataset *dataset)
{
    return dataset->storage->shape;
}

gr_dtype gr_dataset_dtype(const gr_dataset *dataset)
{
    return dataset->storage->dtype;
}

int gr_dataset_classes(const gr_dataset *dataset)
{
    return dataset->storage->classes;
}

gr_shape gr_dataset_label_shape(const gr_dataset *dataset)
{
    return dataset->storage->label_shape;
}

bool gr_dataset_padded(const gr_dataset *dataset)
{
    return dataset->storage->source.padded;
}

bool gr_dataset_streamed(const gr_dataset *dataset)
{
    return !dataset->storage->examples;
}

const char *gr_dataset_class_name(const gr_dataset *dataset, int label)
{
    const gr_storage *storage = dataset->storage;
    return label >= 0 && label < storage->classes ? storage->class_names[label] : NULL;
}

const char *gr_dataset_feature_name(const gr_dataset *dataset, int64_t i)
{
    const gr_storage *storage = dataset->storage;
    if (!storage->feature_names || i < 0 || i >= gr_shape_count(storage->shape)) return NULL;
    return storage->feature_names[i];
}

int64_t gr_dataset_index(const gr_dataset *dataset, int64_t i)
{
    return dataset->index ? dataset->index[i] : i;
}

const void *gr_dataset_example(const gr_dataset *dataset, int64_t i)
{
    const gr_storage *storage = dataset->storage;
    if (!storage->examples) return NULL;
    return storage->examples + (size_t)gr_dataset_index(dataset, i) * storage->example_bytes;
}

int32_t gr_dataset_label(const gr_dataset *dataset, int64_t i)
{
    const int32_t *labels = dataset->storage->labels;
    return labels ? labels[gr_dataset_index(dataset, i)] : -1;
}

uint64_t gr_dataset_hash(const gr_dataset *dataset)
{
    const bool streamed = gr_dataset_streamed(dataset);
    const size_t bytes = dataset->storage->example_bytes;
    uint64_t hash = streamed ? dataset->storage->source.hash : 0;
    for (int64_t i = 0; i < gr_dataset_size(dataset); i++) {
        const int32_t label = gr_dataset_label(dataset, i);
        const int64_t index = gr_dataset_index(dataset, i);
        hash = streamed ? gr_hash(&index, sizeof index, hash)
                        : gr_hash(gr_dataset_example(dataset, i), bytes, hash);
        hash = gr_hash(&label, sizeof label, hash);
    }
    return hash;
}

gr_status gr_dataset_select(const gr_dataset *dataset, const int64_t *index, int64_t n,
                            gr_dataset **selection)
{
    *selection = NULL;
    if (n < 0) return gr_fail(GR_INVALID, "a selection of %lld examples", (long long)n);
    gr_dataset *made = gr_alloc(sizeof *made);
    if (!made) return GR_NO_MEMORY;
    made->index = gr_alloc_array((size_t)n, sizeof *made->index);
    if (!made->index) {
        gr_free(made);
        return GR_NO_MEMORY;
    }
    for (int64_t i = 0; i < n; i++) {
        if (index[i] < 0 || index[i] >= dataset->count) {
            gr_status status =
                gr_fail(GR_RANGE, "data set '%s' has no example %lld: it has %lld",
                        gr_dataset_name(dataset), (long long)index[i], (long long)dataset->count);
            gr_free(made->index);
            gr_free(made);
            return status;
        }
        made->index[i] = gr_dataset_index(dataset, index[i]);
    }
    atomic_fetch_add(&dataset->storage->references, 1);
    made->storage = dataset->storage;
    made->count = n;
    *selection = made;
    return GR_OK;
}
