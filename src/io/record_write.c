/* Writing record files. */
#include "base/crc64.h"
#include "data/pictures.h"
#include "data/record.h"
#include "io/output.h"

#include <stdio.h>

typedef struct record_writer {
    gr_output *output;
    gr_crc64 crc;
    uint64_t at; /* bytes written */
    unsigned char *index;
    size_t count, capacity; /* of the index, in bytes */
    void *example;          /* of a set whose examples are not encoded */
    int32_t *labels;
    int64_t done; /* examples */
    bool (*proceed)(void *user, int64_t done);
    void *user;
} record_writer;

static void record_put(unsigned char *to, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(number >> 8 * i);
}

static gr_status record_write(record_writer *w, const void *data, size_t size)
{
    GR_TRY(gr_output_write(w->output, data, size));
    w->at += size;
    return GR_OK;
}

/* One record: a name (which may be empty) and its content. */
static gr_status record_add(record_writer *w, const char *name, const void *data, size_t size,
                            int32_t label)
{
    const size_t length = strlen(name);
    if (w->count + GR_RECORD_ENTRY > w->capacity) {
        size_t larger = w->capacity ? 2 * w->capacity : (size_t)1024 * GR_RECORD_ENTRY;
        unsigned char *index = gr_realloc(w->index, larger);
        if (!index) return GR_NO_MEMORY;
        w->index = index;
        w->capacity = larger;
    }
    gr_crc64 *crc = &w->crc;
    crc->sum = ~(uint64_t)0;
    gr_crc64_add(crc, name, length);
    gr_crc64_add(crc, data, size);
    unsigned char *entry = w->index + w->count;
    record_put(entry, w->at, 8);
    record_put(entry + 8, length + size, 8);
    record_put(entry + 16, gr_crc64_end(crc), 8);
    record_put(entry + 24, (uint32_t)label, 4);
    record_put(entry + 28, length, 4);
    w->count += GR_RECORD_ENTRY;
    GR_TRY(record_write(w, name, length));
    return record_write(w, data, size);
}

/* The file as it is, once it has been seen that it can be decoded. */
static gr_status record_add_picture(record_writer *w, const gr_dataset *set, int64_t i)
{
    const gr_pictures *pictures = set->storage->pictures;
    gr_encoded encoded = {0};
    gr_tensor picture = {0};
    gr_status status = pictures->fetch(pictures->user, gr_dataset_index(set, i), &encoded);
    if (status == GR_OK) {
        status = pictures->decoder.decode(encoded.data, encoded.size, encoded.name, 1, &picture);
        gr_tensor_clear(&picture);
    }
    if (status != GR_OK && status != GR_NO_MEMORY && pictures->skip) {
        gr_remark(GR_LOG_WARNING, "%s; left out", gr_message());
        status = GR_OK;
    } else if (status == GR_OK) {
        const char *slash = strrchr(encoded.name, '/');
        status = record_add(w, slash ? slash + 1 : encoded.name, encoded.data, encoded.size,
                            gr_dataset_label(set, i));
    }
    gr_free(encoded.block);
    return status;
}

static gr_status record_add_example(record_writer *w, const gr_dataset *set, int64_t i)
{
    const gr_storage *storage = set->storage;
    GR_TRY(gr_dataset_read(set, i, 0, w->example, w->labels));
    return record_add(w, "", w->example, storage->example_bytes, w->labels[0]);
}

/* All of a set; *count tells how many there are. */
static gr_status record_add_set(record_writer *w, const gr_dataset *set, uint64_t *count)
{
    const size_t before = w->count;
    const gr_storage *storage = set->storage;
    gr_free_aligned(w->example);
    gr_free(w->labels);
    w->example = gr_alloc_aligned(storage->example_bytes);
    w->labels = gr_alloc_array(storage->label_count, sizeof *w->labels);
    if (!w->example || !w->labels) return GR_NO_MEMORY;
    for (int64_t i = 0; i < set->count; i++) {
        GR_TRY(storage->pictures ? record_add_picture(w, set, i) : record_add_example(w, set, i));
        w->done++;
        if (w->proceed && !w->proceed(w->user, w->done)) {
            return gr_fail(GR_CANCELLED, "stopped after %lld examples", (long long)w->done);
        }
    }
    *count = (w->count - before) / GR_RECORD_ENTRY;
    return GR_OK;
}

static gr_status record_write_texts(record_writer *w, const gr_dataset *set)
{
    GR_TRY(record_write(w, gr_dataset_name(set), strlen(gr_dataset_name(set)) + 1));
    gr_crc64_add(&w->crc, gr_dataset_name(set), strlen(gr_dataset_name(set)) + 1);
    for (int c = 0; c < gr_dataset_classes(set); c++) {
        const char *name = gr_dataset_class_name(set, c);
        GR_TRY(record_write(w, name, strlen(name) + 1));
        gr_crc64_add(&w->crc, name, strlen(name) + 1);
    }
    return GR_OK;
}

static gr_status record_write_header(record_writer *w, const gr_dataset *set, uint64_t *word)
{
    unsigned char header[GR_RECORD_HEADER] = {0};
    const gr_storage *storage = set->storage;
    memcpy(&word[GR_RECORD_AT_MAGIC], GR_RECORD_MAGIC, 8);
    word[GR_RECORD_AT_VERSION] = GR_RECORD_VERSION;
    word[GR_RECORD_AT_PICTURES] = storage->pictures != NULL;
    word[GR_RECORD_AT_SIZE] = w->at;
    word[GR_RECORD_AT_DTYPE] = storage->dtype == GR_U8 ? 0 : storage->dtype == GR_F32 ? 1 : 2;
    word[GR_RECORD_AT_RANK] = (uint64_t)storage->shape.rank;
    for (int i = 0; i < storage->shape.rank; i++) {
        word[GR_RECORD_AT_SHAPE + i] = (uint64_t)storage->shape.dim[i];
    }
    word[GR_RECORD_AT_CLASSES] = (uint64_t)storage->classes;
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): eight bytes of a file, no text */
    memcpy(header, GR_RECORD_MAGIC, 8);
    for (int i = 1; i < GR_RECORD_AT_HEADER_SUM; i++) record_put(header + 8 * i, word[i], 8);
    record_put(header + 8 * GR_RECORD_AT_HEADER_SUM,
               gr_crc64_of(&w->crc, header, 8 * GR_RECORD_AT_HEADER_SUM), 8);
    return gr_output_patch(w->output, 0, header, sizeof header);
}

static gr_status record_fill(record_writer *w, const gr_dataset *train, const gr_dataset *test)
{
    static const unsigned char blank[GR_RECORD_HEADER] = {0};
    uint64_t word[GR_RECORD_WORDS] = {0};
    GR_TRY(record_write(w, blank, sizeof blank));
    GR_TRY(record_add_set(w, train, &word[GR_RECORD_AT_TRAIN]));
    if (test) GR_TRY(record_add_set(w, test, &word[GR_RECORD_AT_TEST]));
    word[GR_RECORD_AT_INDEX] = w->at;
    GR_TRY(record_write(w, w->index, w->count));
    w->crc.sum = ~(uint64_t)0;
    gr_crc64_add(&w->crc, w->index, w->count);
    word[GR_RECORD_AT_TEXTS] = w->at;
    GR_TRY(record_write_texts(w, train));
    word[GR_RECORD_AT_INDEX_SUM] = gr_crc64_end(&w->crc);
    return record_write_header(w, train, word);
}

static gr_status record_check(const gr_dataset *train, const gr_dataset *test)
{
    if (train->storage->label_shape.rank > 0) {
        return gr_fail(GR_UNSUPPORTED,
                       "data set '%s': its examples have labels %s: record files "
                       "hold one class for each",
                       gr_dataset_name(train), gr_shape_text(train->storage->label_shape));
    }
    if (!test) return GR_OK;
    const gr_storage *a = train->storage, *b = test->storage;
    if (a->dtype == b->dtype && gr_shape_equal(a->shape, b->shape) && a->classes == b->classes &&
        !a->pictures == !b->pictures && b->label_shape.rank == 0) {
        return GR_OK;
    }
    return gr_fail(GR_SHAPE, "data sets '%s' and '%s' differ: %s %s of %d classes and %s %s of %d",
                   gr_dataset_name(train), gr_dataset_name(test), gr_dtype_name(a->dtype),
                   gr_shape_text(a->shape), a->classes, gr_dtype_name(b->dtype),
                   gr_shape_text(b->shape), b->classes);
}

gr_status gr_data_pack(const gr_dataset *train, const gr_dataset *test, const char *path)
{
    return gr_data_pack_while(train, test, path, NULL, NULL);
}

gr_status gr_data_pack_while(const gr_dataset *train, const gr_dataset *test, const char *path,
                             bool (*proceed)(void *user, int64_t done), void *user)
{
    GR_TRY(record_check(train, test));
    record_writer *w = gr_alloc(sizeof *w);
    if (!w) return GR_NO_MEMORY;
    w->proceed = proceed;
    w->user = user;
    gr_crc64_start(&w->crc);
    gr_status status = gr_output_new(path, &w->output);
    if (status == GR_OK) status = record_fill(w, train, test);
    if (status == GR_OK) {
        status = gr_output_commit(w->output);
    } else {
        gr_output_discard(w->output);
    }
    gr_free_aligned(w->example);
    gr_free(w->labels);
    gr_free(w->index);
    gr_free(w);
    return status;
}
