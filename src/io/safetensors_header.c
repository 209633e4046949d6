/* Reading the header of a safetensors file, as strictly as the reference reader and a little more:
 * unknown keys, two equal names and text after the end are refused too. */
#include "io/safetensors_header.h"

#include <inttypes.h>
#include <limits.h>

#include "io/json.h"
#include "io/meta.h"

static const st_type header_types[] = {
#define HEADER_TYPE(text, bytes, dtype) {text, bytes, dtype},
    GR_ST_DTYPE_TABLE(HEADER_TYPE)
#undef HEADER_TYPE
};

void gr_st_header_free(st_header *header)
{
    gr_meta_free(header->meta);
    gr_free(header->format);
    gr_names_free(&header->names);
    gr_free(header->entry);
    gr_arena_free(&header->arena);
}

static gr_status header_fault(const gr_json *json, size_t at, const char *what)
{
    return gr_fail(GR_FORMAT, "%s: byte %zu: %s", json->path, json->base + at, what);
}

/* ---- Metadata ----------------------------------------------------------------------------- */

static gr_status header_checksum(st_header *header, gr_json *json)
{
    if (header->has_checksum) {
        return header_fault(json, json->start, "the key '" GR_META_CHECKSUM "' comes twice");
    }
    GR_TRY(gr_json_string(json, "the checksum"));
    bool good = json->text.size == GR_ST_DIGITS && !json->has_escape;
    for (size_t i = 0; good && i < GR_ST_DIGITS; i++) {
        char c = json->text.data[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        uint64_t digit = (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        header->checksum = header->checksum << 4 | (digit & 15);
    }
    if (!good) {
        return header_fault(json, json->start,
                            "the checksum is not 16 lowercase hexadecimal digits");
    }
    header->digits = json->start;
    header->has_checksum = true;
    return GR_OK;
}

static gr_status header_format(st_header *header, gr_json *json)
{
    if (header->format) {
        return header_fault(json, json->start, "the key '" GR_META_FORMAT "' comes twice");
    }
    GR_TRY(gr_json_string(json, "the format's number"));
    header->format = gr_strdup(json->text.data);
    return header->format ? GR_OK : GR_NO_MEMORY;
}

/* A key that was just read, and its value. */
static gr_status header_pair(st_header *header, gr_json *json)
{
    const size_t start = json->start;
    GR_TRY(gr_json_expect(json, ':', "':' after a key of the metadata"));
    if (strcmp(json->text.data, GR_META_CHECKSUM) == 0) return header_checksum(header, json);
    if (strcmp(json->text.data, GR_META_FORMAT) == 0) return header_format(header, json);
    if (gr_meta_get(header->meta, json->text.data)) {
        return gr_fail(GR_FORMAT, "%s: byte %zu: the key '%.80s' comes twice in the metadata",
                       json->path, json->base + start, json->text.data);
    }
    char *key = gr_strdup(json->text.data);
    if (!key) return GR_NO_MEMORY;
    gr_status status = gr_json_string(json, "a string as value in the metadata");
    if (status == GR_OK) status = gr_meta_set(header->meta, key, json->text.data);
    gr_free(key);
    return status;
}

static gr_status header_metadata(st_header *header, gr_json *json)
{
    GR_TRY(gr_json_expect(json, '{', "'{' and the metadata"));
    if (gr_json_take(json, '}')) return GR_OK;
    do {
        GR_TRY(gr_json_string(json, "a key of the metadata in quotes"));
        GR_TRY(header_pair(header, json));
    } while (gr_json_take(json, ','));
    return gr_json_expect(json, '}', "',' or '}' in the metadata");
}

/* ---- Tensors ------------------------------------------------------------------------------ */

static gr_status header_dtype(st_entry *entry, gr_json *json)
{
    GR_TRY(gr_json_string(json, "a dtype in quotes"));
    for (size_t i = 0; i < GR_LEN(header_types); i++) {
        if (strcmp(json->text.data, header_types[i].text) == 0) entry->type = &header_types[i];
    }
    if (entry->type) return GR_OK;
    return gr_fail(GR_UNSUPPORTED, "%s: byte %zu: tensor '%.80s' has the unknown dtype '%.20s'",
                   json->path, json->base + json->start, entry->name, json->text.data);
}

static gr_status header_shape(st_entry *entry, gr_json *json)
{
    GR_TRY(gr_json_expect(json, '[', "'[' and the sizes of a shape"));
    entry->shape = GR_SCALAR;
    if (gr_json_take(json, ']')) return GR_OK;
    do {
        int64_t size;
        GR_TRY(gr_json_whole(json, "a size", &size));
        if (entry->shape.rank == GR_MAX_RANK) {
            return gr_fail(GR_UNSUPPORTED,
                           "%s: byte %zu: tensor '%.80s' has more than %d dimensions", json->path,
                           json->base + json->at, entry->name, GR_MAX_RANK);
        }
        entry->shape.dim[entry->shape.rank++] = size;
    } while (gr_json_take(json, ','));
    return gr_json_expect(json, ']', "',' or ']' in a shape");
}

static gr_status header_offsets(st_entry *entry, gr_json *json)
{
    int64_t begin, end;
    GR_TRY(gr_json_expect(json, '[', "'[' and two offsets"));
    GR_TRY(gr_json_whole(json, "the offset of the first byte", &begin));
    GR_TRY(gr_json_expect(json, ',', "',' between two offsets"));
    GR_TRY(gr_json_whole(json, "the offset after the last byte", &end));
    GR_TRY(gr_json_expect(json, ']', "']' after two offsets"));
    if (end < begin) {
        return gr_fail(GR_FORMAT,
                       "%s: tensor '%.80s' ends at byte %" PRId64 " of the data, before its start "
                       "at %" PRId64,
                       json->path, entry->name, end, begin);
    }
    entry->begin = (size_t)begin;
    entry->end = (size_t)end;
    return GR_OK;
}

/* The three keys of a tensor, each once, in any order. */
static gr_status header_fields(st_entry *entry, gr_json *json)
{
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    static gr_status (*const read[])(st_entry *, gr_json *) = {header_dtype, header_shape,
                                                               header_offsets};
    bool seen[GR_LEN(keys)] = {false};
    GR_TRY(gr_json_expect(json, '{', "'{' and the type of a tensor"));
    do {
        GR_TRY(gr_json_string(json, "one of \"dtype\", \"shape\", \"data_offsets\""));
        size_t k = 0;
        while (k < GR_LEN(keys) && strcmp(json->text.data, keys[k]) != 0) k++;
        if (k == GR_LEN(keys) || seen[k]) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: tensor '%.80s' has %s key '%.80s'", json->path,
                           json->base + json->start, entry->name,
                           k == GR_LEN(keys) ? "the unknown" : "twice the", json->text.data);
        }
        seen[k] = true;
        GR_TRY(gr_json_expect(json, ':', "':' after a key"));
        GR_TRY(read[k](entry, json));
    } while (gr_json_take(json, ','));
    GR_TRY(gr_json_expect(json, '}', "',' or '}' after a value"));
    for (size_t k = 0; k < GR_LEN(keys); k++) {
        if (seen[k]) continue;
        return gr_fail(GR_FORMAT, "%s: byte %zu: tensor '%.80s' has no '%s'", json->path,
                       json->base + json->at, entry->name, keys[k]);
    }
    return GR_OK;
}

static gr_status header_check_size(const st_entry *entry, const char *path)
{
    int64_t count = gr_shape_count(entry->shape);
    size_t bytes;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): an entry without a type was refused */
    if (count < 0 || !gr_mul_size((size_t)count, entry->type->bytes, &bytes)) {
        return gr_fail(GR_FORMAT, "%s: tensor '%.80s': shape %s has too many elements", path,
                       entry->name, gr_shape_text(entry->shape));
    }
    if (bytes == entry->end - entry->begin) return GR_OK;
    return gr_fail(GR_FORMAT,
                   "%s: tensor '%.80s': %s %s takes %zu bytes, but its offsets [%zu,%zu] hold %zu",
                   path, entry->name, entry->type->text, gr_shape_text(entry->shape), bytes,
                   entry->begin, entry->end, entry->end - entry->begin);
}

/* A name that was just read, and what belongs to it. */
static gr_status header_entry(st_header *header, gr_json *json)
{
    if (gr_names_find(&header->names, json->text.data) >= 0) {
        return gr_fail(GR_FORMAT, "%s: byte %zu: the tensor '%.80s' comes twice", json->path,
                       json->base + json->start, json->text.data);
    }
    if (header->count >= INT_MAX) return gr_no_memory(header->count);
    if (!gr_grow(&header->entry, header->count, &header->capacity, sizeof *header->entry)) {
        return GR_NO_MEMORY;
    }
    st_entry *entry = &header->entry[header->count];
    *entry = (st_entry){.name = gr_arena_strdup(&header->arena, json->text.data)};
    if (!entry->name) return GR_NO_MEMORY;
    if (!gr_names_add(&header->names, entry->name, (int)header->count)) return GR_NO_MEMORY;
    header->count++;
    GR_TRY(gr_json_expect(json, ':', "':' after a tensor's name"));
    GR_TRY(header_fields(entry, json));
    return header_check_size(entry, json->path);
}

/* ---- The whole ---------------------------------------------------------------------------- */

static int header_compare(const void *a, const void *b)
{
    const st_entry *p = *(const st_entry *const *)a, *q = *(const st_entry *const *)b;
    if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* Do the tensors lie end to end, from the first byte of the data to its last? */
static gr_status header_check_layout(const st_header *header, const char *path, size_t data_size)
{
    const st_entry **sorted = gr_alloc_array(header->count, sizeof(st_entry *));
    if (!sorted) return GR_NO_MEMORY;
    for (size_t i = 0; i < header->count; i++) sorted[i] = &header->entry[i];
    if (header->count > 1) qsort(sorted, header->count, sizeof *sorted, header_compare);
    gr_status status = GR_OK;
    size_t at = 0;
    for (size_t i = 0; i < header->count && status == GR_OK; i++) {
        if (sorted[i]->begin != at) {
            status = gr_fail(GR_FORMAT,
                             "%s: tensor '%.80s' should start at byte %zu of the data, where the "
                             "one before it ends, but starts at %zu",
                             path, sorted[i]->name, at, sorted[i]->begin);
        }
        at = sorted[i]->end;
    }
    gr_free(sorted);
    if (status == GR_OK && at != data_size) {
        status = gr_fail(GR_FORMAT, "%s: the tensors take %zu bytes, but %zu follow the header%s",
                         path, at, data_size, at > data_size ? ": the file was cut" : "");
    }
    return status;
}

static gr_status header_members(st_header *header, gr_json *json)
{
    bool has_metadata = false;
    if (json->size == 0 || json->data[0] != '{') {
        return gr_json_fail(json, "the '{' that starts a header");
    }
    json->at = 1;
    if (gr_json_take(json, '}')) return GR_OK;
    do {
        GR_TRY(gr_json_string(json, "a tensor's name in quotes"));
        if (strcmp(json->text.data, GR_ST_METADATA) != 0) {
            GR_TRY(header_entry(header, json));
            continue;
        }
        if (has_metadata) {
            return header_fault(json, json->start, "the key '" GR_ST_METADATA "' comes twice");
        }
        has_metadata = true;
        GR_TRY(gr_json_expect(json, ':', "':' after '" GR_ST_METADATA "'"));
        GR_TRY(header_metadata(header, json));
    } while (gr_json_take(json, ','));
    return gr_json_expect(json, '}', "',' or '}' after a tensor");
}

gr_status gr_st_header_read(st_header *header, const char *path, const char *text, size_t size,
                            size_t data_size)
{
    gr_json json = {.path = path, .data = text, .size = size, .base = sizeof(uint64_t)};
    size_t bad;
    if (!gr_utf8_valid(text, size, &bad)) return header_fault(&json, bad, "not UTF-8");
    header->meta = gr_meta_new();
    if (!header->meta) return GR_NO_MEMORY;
    header->data_at = json.base + size;
    gr_status status = header_members(header, &json);
    if (status == GR_OK) {
        gr_json_space(&json);
        if (json.at < json.size) status = gr_json_fail(&json, "nothing after the header's '}'");
    }
    gr_json_free(&json);
    return status == GR_OK ? header_check_layout(header, path, data_size) : status;
}

gr_status gr_st_header_check_format(const st_header *header, const char *path)
{
    if (!header->format && !header->has_checksum) return GR_OK; /* of another program */
    if (!header->format || !header->has_checksum) {
        return gr_fail(GR_FORMAT, "%s: the metadata has no '%s': the file is damaged", path,
                       header->format ? GR_META_CHECKSUM : GR_META_FORMAT);
    }
    if (strcmp(header->format, GR_ST_FORMAT) == 0) return GR_OK;
    return gr_fail(GR_UNSUPPORTED,
                   "%s: the file is of format '%.20s', but this version of Gradus reads format "
                   "'" GR_ST_FORMAT "' only",
                   path, header->format);
}
