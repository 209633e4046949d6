/* Reading record files: the file is mapped, so that what is read is read from the disk or its
 * cache, and nothing is kept. */
#include "data/record.h"

#include "base/crc64.h"
#include "base/file.h"
#include "data/classes.h"
#include "data/pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct record_file {
    char *path;
    unsigned char *map;
    size_t size;
    uint64_t word[GR_RECORD_WORDS];
    int64_t first, count; /* the records of the part */
    const unsigned char *index;
    size_t example_bytes; /* 0: encoded pictures */
    gr_crc64 crc;
} record_file;

typedef struct record_entry {
    uint64_t at, size, sum;
    int32_t label;
    uint32_t name;
} record_entry;

static void record_free(void *user)
{
    record_file *file = user;
    if (file->map) munmap(file->map, file->size);
    gr_free(file->path);
    gr_free(file);
}

static uint64_t record_number(const unsigned char *at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++) number |= (uint64_t)at[i] << 8 * i;
    return number;
}

/* Entry i of the part. */
static record_entry record_entry_at(const record_file *file, int64_t i)
{
    const unsigned char *at = file->index + (size_t)(file->first + i) * GR_RECORD_ENTRY;
    return (record_entry){record_number(at, 8), record_number(at + 8, 8), record_number(at + 16, 8),
                          (int32_t)(uint32_t)record_number(at + 24, 4),
                          (uint32_t)record_number(at + 28, 4)};
}

/* ---- Reading a record --------------------------------------------------------------------- */

static gr_status record_find(const record_file *file, int64_t i, record_entry *entry,
                             const unsigned char **data)
{
    *entry = record_entry_at(file, i);
    *data = file->map + entry->at;
    if (gr_crc64_of(&file->crc, *data, (size_t)entry->size) == entry->sum) return GR_OK;
    return gr_fail(GR_FORMAT,
                   "%s: record %lld at byte %llu is damaged: its %llu bytes do not give its "
                   "checksum",
                   file->path, (long long)(file->first + i), (unsigned long long)entry->at,
                   (unsigned long long)entry->size);
}

static gr_status record_read(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    const record_file *file = user;
    record_entry entry;
    const unsigned char *data;
    (void)draw;
    (void)y;
    GR_TRY(record_find(file, i, &entry, &data));
    memcpy(x, data + entry.name, file->example_bytes);
    return GR_OK;
}

static gr_status record_fetch(void *user, int64_t i, gr_encoded *encoded)
{
    const record_file *file = user;
    record_entry entry;
    const unsigned char *data;
    GR_TRY(record_find(file, i, &entry, &data));
    encoded->data = data + entry.name;
    encoded->size = (size_t)(entry.size - entry.name);
    const uint32_t shown = entry.name < sizeof encoded->name ? entry.name : sizeof encoded->name;
    snprintf(encoded->name, sizeof encoded->name, "%s: record %lld (%.*s)", file->path,
             (long long)(file->first + i), (int)shown, (const char *)data);
    return GR_OK;
}

/* ---- Opening ------------------------------------------------------------------------------ */

gr_status gr_is_record_file(const char *path, bool *is)
{
    char magic[8];
    size_t size;
    GR_TRY(gr_file_peek(path, magic, sizeof magic, &size));
    *is = size == sizeof magic && memcmp(magic, GR_RECORD_MAGIC, sizeof magic) == 0;
    return GR_OK;
}

static gr_status record_map(record_file *file)
{
    struct stat about;
    int number = open(file->path, O_RDONLY | O_CLOEXEC);
    bool known = number >= 0 && fstat(number, &about) == 0;
    void *map = MAP_FAILED;
    if (known && about.st_size >= GR_RECORD_HEADER) {
        file->size = (size_t)about.st_size;
        map = mmap(NULL, file->size, PROT_READ, MAP_SHARED, number, 0);
    }
    int fault = errno;
    if (number >= 0) close(number);
    if (known && about.st_size < GR_RECORD_HEADER) {
        return gr_fail(GR_FORMAT,
                       "%s: the record file is cut short: it ends at byte %lld, within "
                       "its header",
                       file->path, (long long)about.st_size);
    }
    if (map == MAP_FAILED) return gr_fail(GR_IO, "%s: %s", file->path, strerror(fault));
    file->map = map;
    return GR_OK;
}

static gr_status record_damaged(const record_file *file, const char *what)
{
    return gr_fail(GR_FORMAT, "%s: the record file is damaged: %s", file->path, what);
}

/* The header: what it says is bounded before anything else is believed. */
static gr_status record_check_header(record_file *file)
{
    uint64_t *word = file->word;
    for (int i = 0; i < GR_RECORD_WORDS; i++) word[i] = record_number(file->map + 8 * i, 8);
    if (word[GR_RECORD_AT_VERSION] != GR_RECORD_VERSION) {
        return gr_fail(GR_UNSUPPORTED, "%s: a record file of version %llu: this build reads %d",
                       file->path, (unsigned long long)word[GR_RECORD_AT_VERSION],
                       GR_RECORD_VERSION);
    }
    if (gr_crc64_of(&file->crc, file->map, 8 * GR_RECORD_AT_HEADER_SUM) !=
        word[GR_RECORD_AT_HEADER_SUM]) {
        return record_damaged(file, "its header does not give its checksum");
    }
    if (word[GR_RECORD_AT_SIZE] != file->size) {
        return gr_fail(GR_FORMAT,
                       "%s: the record file is %s: it ends at byte %zu, but should at "
                       "byte %llu",
                       file->path, word[GR_RECORD_AT_SIZE] > file->size ? "cut short" : "too long",
                       file->size, (unsigned long long)word[GR_RECORD_AT_SIZE]);
    }
    const uint64_t index = word[GR_RECORD_AT_INDEX], texts = word[GR_RECORD_AT_TEXTS];
    const uint64_t train = word[GR_RECORD_AT_TRAIN], test = word[GR_RECORD_AT_TEST];
    const bool fits = index >= GR_RECORD_HEADER && index <= texts && texts <= file->size &&
                      train <= file->size && test <= file->size &&
                      texts - index == (train + test) * GR_RECORD_ENTRY;
    if (!fits || word[GR_RECORD_AT_RANK] > GR_MAX_RANK - 1 || word[GR_RECORD_AT_DTYPE] > 2 ||
        word[GR_RECORD_AT_CLASSES] > GR_DATA_MAX_CLASSES || word[GR_RECORD_AT_PICTURES] > 1) {
        return record_damaged(file, "its header contradicts itself");
    }
    if (gr_crc64_of(&file->crc, file->map + index, file->size - (size_t)index) !=
        word[GR_RECORD_AT_INDEX_SUM]) {
        return record_damaged(file, "its index does not give its checksum");
    }
    file->index = file->map + index;
    return GR_OK;
}

/* Every entry must lie among the records. */
static gr_status record_check_entries(const record_file *file, int classes)
{
    const uint64_t end = file->word[GR_RECORD_AT_INDEX];
    for (int64_t i = 0; i < file->count; i++) {
        const record_entry entry = record_entry_at(file, i);
        const bool lies = entry.at >= GR_RECORD_HEADER && entry.at <= end &&
                          entry.size <= end - entry.at && entry.name <= entry.size;
        const bool holds =
            file->example_bytes == 0 || entry.size - entry.name == file->example_bytes;
        if (lies && holds && entry.label >= (classes ? 0 : -1) &&
            entry.label < (classes ? classes : 0)) {
            continue;
        }
        return gr_fail(GR_FORMAT,
                       "%s: the record file is damaged: the entry of record %lld points "
                       "to %llu bytes at byte %llu, class %d",
                       file->path, (long long)(file->first + i), (unsigned long long)entry.size,
                       (unsigned long long)entry.at, (int)entry.label);
    }
    return GR_OK;
}

static gr_status record_open(const char *path, bool test, record_file **opened)
{
    record_file *file = gr_alloc(sizeof *file);
    if (!file) return GR_NO_MEMORY;
    gr_crc64_start(&file->crc);
    file->path = gr_strdup(path);
    gr_status status = file->path ? record_map(file) : GR_NO_MEMORY;
    if (status == GR_OK) status = record_check_header(file);
    if (status != GR_OK) {
        record_free(file);
        return status;
    }
    file->first = test ? (int64_t)file->word[GR_RECORD_AT_TRAIN] : 0;
    file->count = (int64_t)file->word[test ? GR_RECORD_AT_TEST : GR_RECORD_AT_TRAIN];
    *opened = file;
    return GR_OK;
}

/* ---- Making a set ------------------------------------------------------------------------- */

/* The names of the classes, behind the name of the set. */
static gr_status record_names(const record_file *file, const char **names, int n)
{
    const char *at = (const char *)file->map + file->word[GR_RECORD_AT_TEXTS];
    const char *end = (const char *)file->map + file->size;
    for (int i = -1; i < n; i++) {
        const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (!nul) return record_damaged(file, "names of classes are missing");
        if (i >= 0) names[i] = at;
        at = nul + 1;
    }
    return GR_OK;
}

/* The number of each of the file's classes among those given. */
static gr_status record_map_classes(const record_file *file, gr_storage *storage,
                                    const char *const *names, int n, gr_class_list given,
                                    int32_t *number)
{
    gr_class_set set = {0};
    gr_status status = gr_class_set_start(&set, &storage->arena, given);
    for (int i = 0; i < n && status == GR_OK; i++) {
        status = gr_class_set_find(&set, names[i], 0, &number[i]);
        if (status != GR_OK) status = gr_fail_prefix(status, "%s: ", file->path);
    }
    gr_class_set_free(&set);
    return status;
}

static gr_status record_take_labels(const record_file *file, gr_storage *storage,
                                    const char **names, int32_t *number, int n, gr_class_list given)
{
    GR_TRY(record_names(file, names, n));
    for (int i = 0; i < n; i++) number[i] = i;
    if (given.count) GR_TRY(record_map_classes(file, storage, names, n, given, number));
    GR_TRY(gr_storage_classes(storage, given.count ? given.count : n,
                              given.count ? given.names : names));
    storage->labels = gr_alloc_array((size_t)file->count, sizeof *storage->labels);
    if (!storage->labels) return GR_NO_MEMORY;
    for (int64_t i = 0; i < file->count; i++) {
        storage->labels[i] = number[record_entry_at(file, i).label];
    }
    return GR_OK;
}

static gr_status record_take_classes(const record_file *file, gr_storage *storage, bool unlabelled,
                                     gr_class_list given)
{
    const int n = (int)file->word[GR_RECORD_AT_CLASSES];
    GR_TRY(record_check_entries(file, n));
    if (n == 0 || unlabelled) return GR_OK;
    const char **names = gr_alloc_array((size_t)n, sizeof *names);
    int32_t *number = gr_alloc_array((size_t)n, sizeof *number);
    gr_status status =
        names && number ? record_take_labels(file, storage, names, number, n, given) : GR_NO_MEMORY;
    gr_free(names);
    gr_free(number);
    return status;
}

static gr_status record_take_shape(record_file *file, gr_storage *storage)
{
    static const gr_dtype dtypes[] = {GR_U8, GR_F32, GR_I32};
    gr_shape shape = {.rank = (int)file->word[GR_RECORD_AT_RANK]};
    for (int i = 0; i < shape.rank; i++) {
        shape.dim[i] = (int64_t)file->word[GR_RECORD_AT_SHAPE + i];
    }
    if (file->word[GR_RECORD_AT_PICTURES]) {
        storage->count = file->count;
        return GR_OK;
    }
    gr_status status =
        gr_storage_shape(storage, dtypes[file->word[GR_RECORD_AT_DTYPE]], file->count, shape);
    if (status != GR_OK) return gr_fail_prefix(status, "%s: ", file->path);
    file->example_bytes = storage->example_bytes;
    return GR_OK;
}

/* Gives the storage its functions, which own the file from then on. */
static gr_status record_take_functions(record_file *file, const gr_data_options *options,
                                       gr_storage *storage)
{
    storage->source.hash = file->word[GR_RECORD_AT_INDEX_SUM];
    if (file->word[GR_RECORD_AT_PICTURES]) {
        return gr_storage_pictures(
            storage, options->decoder, options->skip_bad_files,
            &(gr_pictures){.fetch = record_fetch, .free = record_free, .user = file});
    }
    storage->source.read = record_read;
    storage->source.free = record_free;
    storage->source.user = file;
    return GR_OK;
}

gr_status gr_read_record_file(const char *name, const char *path, const gr_data_options *options,
                              gr_class_list classes, bool test, gr_dataset **dataset)
{
    record_file *file;
    GR_TRY(record_open(path, test, &file));
    if (file->count == 0) {
        record_free(file);
        return GR_OK;
    }
    gr_storage *storage = gr_storage_new(name);
    gr_status status = storage ? record_take_shape(file, storage) : GR_NO_MEMORY;
    if (status == GR_OK) {
        status = record_take_classes(file, storage, options->unlabelled, classes);
    }
    if (status == GR_OK) {
        status = record_take_functions(file, options, storage);
    } else {
        record_free(file);
    }
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_storage_free(storage);
    return status;
}
