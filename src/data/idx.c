/* The IDX format of MNIST: two zero bytes, a type, a rank, big-endian sizes and elements. */
#include "data/dataset.h"

#include <math.h>

#include "data/source.h"

/* X(code, element type in memory, bytes in the file, name) */
#define IDX_TABLE(X)                                                                               \
    X(0x08, GR_U8, 1, "u8")                                                                        \
    X(0x09, GR_I8, 1, "i8")                                                                        \
    X(0x0B, GR_I32, 2, "i16")                                                                      \
    X(0x0C, GR_I32, 4, "i32")                                                                      \
    X(0x0D, GR_F32, 4, "f32")                                                                      \
    X(0x0E, GR_F64, 8, "f64")

typedef struct idx_type {
    int code;
    gr_dtype dtype;
    size_t bytes;
    const char *name;
} idx_type;

static const idx_type idx_types[] = {
#define IDX_ROW(code, dtype, bytes, name) {code, dtype, bytes, name},
    IDX_TABLE(IDX_ROW)
#undef IDX_ROW
};

typedef struct idx_file {
    const char *path;
    char *data;
    size_t size, header; /* bytes of all and of what stands before the elements */
    const idx_type *type;
    gr_shape shape;
    size_t count; /* elements */
} idx_file;

static uint64_t idx_big_endian(const char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) value = value << 8 | (unsigned char)bytes[i];
    return value;
}

static gr_status idx_header(idx_file *idx)
{
    const unsigned char *at = (const unsigned char *)idx->data;
    if (idx->size < 4) {
        return gr_fail(GR_FORMAT, "%s: the file has %zu bytes, too few for the header of IDX",
                       idx->path, idx->size);
    }
    for (size_t i = 0; i < GR_LEN(idx_types); i++) {
        if (at[0] == 0 && at[1] == 0 && at[2] == idx_types[i].code) idx->type = &idx_types[i];
    }
    if (!idx->type || at[3] < 1 || at[3] > GR_MAX_RANK) {
        return gr_fail(GR_FORMAT,
                       "%s: byte 0: found %02x %02x %02x %02x, but IDX begins with 00 00, a type "
                       "(08, 09, 0b, 0c, 0d or 0e) and a rank (01 to %02x)",
                       idx->path, at[0], at[1], at[2], at[3], GR_MAX_RANK);
    }
    idx->shape.rank = at[3];
    idx->header = 4 + 4 * (size_t)idx->shape.rank;
    if (idx->size < idx->header) {
        return gr_fail(GR_FORMAT,
                       "%s: the file ends at byte %zu, within the header, which has %zu bytes for "
                       "rank %d",
                       idx->path, idx->size, idx->header, idx->shape.rank);
    }
    for (int axis = 0; axis < idx->shape.rank; axis++) {
        idx->shape.dim[axis] = (int64_t)idx_big_endian(idx->data + 4 + 4 * axis, 4);
    }
    return GR_OK;
}

/* Sizes against overflow and against the file. */
static gr_status idx_sizes(idx_file *idx)
{
    size_t bytes = idx->type->bytes, expected;
    idx->count = 1;
    for (int axis = 0; axis < idx->shape.rank; axis++) {
        size_t dim = (size_t)idx->shape.dim[axis];
        if (!gr_mul_size(bytes, dim, &bytes)) bytes = SIZE_MAX;
        idx->count *= dim; /* if it wraps, so does `bytes` */
    }
    if (bytes > PTRDIFF_MAX || !gr_add_size(bytes, idx->header, &expected)) {
        return gr_fail(GR_FORMAT, "%s: byte 4: the product of the sizes %s overflows", idx->path,
                       gr_shape_text(idx->shape));
    }
    if (idx->size != expected) {
        return gr_fail(GR_FORMAT,
                       "%s: found %zu bytes, but %s elements %s need %zu: the file is %s",
                       idx->path, idx->size, idx->type->name, gr_shape_text(idx->shape), expected,
                       idx->size < expected ? "cut" : "too long");
    }
    return GR_OK;
}

static gr_status idx_open(const char *path, idx_file *idx)
{
    *idx = (idx_file){.path = path};
    GR_TRY(gr_source_read(path, &idx->data, &idx->size));
    gr_status status = idx_header(idx);
    if (status == GR_OK) status = idx_sizes(idx);
    if (status != GR_OK) {
        gr_free(idx->data);
        idx->data = NULL;
    }
    return status;
}

static size_t idx_offset(const idx_file *idx, size_t i)
{
    return idx->header + i * idx->type->bytes;
}

/* Element i of an integer type. */
static int32_t idx_int(const idx_file *idx, size_t i)
{
    uint64_t bits = idx_big_endian(idx->data + idx_offset(idx, i), idx->type->bytes);
    switch (idx->type->code) {
    case 0x09:
        return (int8_t)bits;
    case 0x0B:
        return (int16_t)bits;
    case 0x0C:
        return (int32_t)bits;
    default:
        return (int32_t)bits; /* u8 */
    }
}

static double idx_real(const idx_file *idx, size_t i)
{
    uint64_t bits = idx_big_endian(idx->data + idx_offset(idx, i), idx->type->bytes);
    if (idx->type->code == 0x0D) {
        uint32_t half = (uint32_t)bits;
        float value;
        memcpy(&value, &half, sizeof value);
        return (double)value;
    }
    if (idx->type->code == 0x0E) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    return idx_int(idx, i);
}

gr_status gr_idx_read(const char *path, gr_tensor *tensor)
{
    idx_file idx;
    *tensor = (gr_tensor){0};
    GR_TRY(idx_open(path, &idx));
    gr_status status = gr_tensor_new(idx.type->dtype, idx.shape, tensor);
    if (status != GR_OK) status = gr_fail_prefix(status, "%s: ", path);
    for (size_t i = 0; status == GR_OK && i < idx.count; i++) {
        switch (tensor->dtype) {
        case GR_F32:
            ((float *)tensor->data)[i] = (float)idx_real(&idx, i);
            break;
        case GR_F64:
            ((double *)tensor->data)[i] = idx_real(&idx, i);
            break;
        case GR_I32:
            ((int32_t *)tensor->data)[i] = idx_int(&idx, i);
            break;
        default:
            ((char *)tensor->data)[i] = idx.data[idx_offset(&idx, i)];
            break;
        }
    }
    gr_free(idx.data);
    return status;
}

/* ---- Data sets ---------------------------------------------------------------------------- */

/* [n,h,w] are grey images [1,h,w]; a list of numbers has one feature. */
static gr_shape idx_example_shape(gr_shape all)
{
    switch (all.rank) {
    case 1:
        return GR_SHAPE(1);
    case 3:
        return GR_SHAPE(1, all.dim[1], all.dim[2]);
    default:
        return gr_shape_of(all.rank - 1, all.dim + 1);
    }
}

static gr_status idx_to_f32(const idx_file *idx, gr_storage *storage)
{
    storage->block = gr_alloc_array(idx->count, sizeof(float));
    if (!storage->block) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", idx->path);
    for (size_t i = 0; i < idx->count; i++) {
        float value = (float)idx_real(idx, i);
        if (!isfinite(value)) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: found %g, which is not a finite f32 number",
                           idx->path, idx_offset(idx, i), idx_real(idx, i));
        }
        ((float *)(void *)storage->block)[i] = value;
    }
    storage->examples = storage->block;
    return GR_OK;
}

static gr_status idx_examples(idx_file *idx, gr_storage *storage)
{
    bool bytes = idx->type->dtype == GR_U8;
    gr_status status = gr_storage_shape(storage, bytes ? GR_U8 : GR_F32, idx->shape.dim[0],
                                        idx_example_shape(idx->shape));
    if (status != GR_OK) return gr_fail_prefix(status, "%s: byte 4: ", idx->path);
    if (!bytes) return idx_to_f32(idx, storage);
    storage->block = idx->data; /* as they are, behind the header: no second copy */
    storage->examples = idx->data + idx->header;
    idx->data = NULL;
    return GR_OK;
}

static gr_status idx_labels(const idx_file *idx, const char *images, gr_class_list classes,
                            gr_storage *storage)
{
    bool whole = idx->type->dtype != GR_F32 && idx->type->dtype != GR_F64;
    if (idx->shape.rank != 1 || !whole) {
        return gr_fail(GR_FORMAT, "%s: found %s %s, but labels are whole numbers of rank 1",
                       idx->path, idx->type->name, gr_shape_text(idx->shape));
    }
    if (idx->shape.dim[0] != storage->count) {
        return gr_fail(GR_FORMAT, "%s: found %lld labels for the %lld examples of %s", idx->path,
                       (long long)idx->shape.dim[0], (long long)storage->count, images);
    }
    storage->labels = gr_alloc_array(idx->count, sizeof *storage->labels);
    if (!storage->labels) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", idx->path);
    int most = classes.count ? classes.count : GR_DATA_MAX_CLASSES, n = classes.count;
    for (size_t i = 0; i < idx->count; i++) {
        int32_t label = idx_int(idx, i);
        if (label < 0 || label >= most) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: label %d of example %zu is not one of 0 to %d",
                           idx->path, idx_offset(idx, i), (int)label, i, most - 1);
        }
        if (label >= n) n = label + 1;
        storage->labels[i] = label;
    }
    return gr_storage_classes(storage, n, classes.names);
}

gr_status gr_read_idx_set(const char *name, const char *images, const char *labels,
                          gr_class_list classes, gr_dataset **dataset)
{
    idx_file idx;
    gr_storage *storage = gr_storage_new(name);
    *dataset = NULL;
    if (!storage) return GR_NO_MEMORY;
    gr_status status = idx_open(images, &idx);
    if (status == GR_OK) {
        status = idx_examples(&idx, storage);
        gr_free(idx.data);
    }
    if (status == GR_OK && labels) {
        status = idx_open(labels, &idx);
        if (status == GR_OK) {
            status = idx_labels(&idx, images, classes, storage);
            gr_free(idx.data);
        }
    }
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_storage_free(storage);
    return status;
}
