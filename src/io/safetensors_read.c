/* Reading safetensors files: the bytes, the checksum, the tensors. */
#include "io/safetensors_header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc64.h"
#include "base/limits.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold numbers as memory does");

#define ST_CHUNK ((size_t)1 << 18) /* bytes summed at a time */

struct gr_safetensors {
    char *path;
    int file;           /* -1: the file is in memory */
    const char *memory; /* the whole file, or NULL */
    size_t size;
    st_header header;
};

void gr_safetensors_close(gr_safetensors *file)
{
    if (!file) return;
    gr_st_header_free(&file->header);
    if (file->file >= 0) close(file->file);
    gr_free(file->path);
    gr_free(file);
}

static gr_status st_bytes(const gr_safetensors *file, size_t at, void *data, size_t size)
{
    if (file->memory) {
        if (size > 0) memcpy(data, file->memory + at, size);
        return GR_OK;
    }
    for (char *to = data; size > 0;) {
        size_t some = size < (size_t)1 << 30 ? size : (size_t)1 << 30;
        ssize_t got = pread(file->file, to, some, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return gr_fail(GR_IO, "%s: byte %zu: %s", file->path, at, strerror(errno));
        if (got == 0) {
            return gr_fail(GR_FORMAT, "%s: ends at byte %zu, but had %zu when it was opened",
                           file->path, at, file->size);
        }
        to += got;
        at += (size_t)got;
        size -= (size_t)got;
    }
    return GR_OK;
}

/* Sums the whole file; `text` is its header. The checksum's digits count as zeros. */
static gr_status st_sum(const gr_safetensors *file, char *text, size_t length, gr_crc64 *crc,
                        char *chunk)
{
    const uint64_t length_field = length;
    memset(text + file->header.digits, '0', GR_ST_DIGITS);
    gr_crc64_start(crc);
    gr_crc64_add(crc, &length_field, sizeof length_field);
    gr_crc64_add(crc, text, length);
    for (size_t at = sizeof length_field + length; at < file->size;) {
        size_t some = file->size - at < ST_CHUNK ? file->size - at : ST_CHUNK;
        GR_TRY(st_bytes(file, at, chunk, some));
        gr_crc64_add(crc, chunk, some);
        at += some;
    }
    return GR_OK;
}

static gr_status st_verify(const gr_safetensors *file, char *text, size_t length)
{
    gr_crc64 *crc = gr_alloc(sizeof *crc);
    char *chunk = gr_realloc(NULL, ST_CHUNK);
    gr_status status = crc && chunk ? st_sum(file, text, length, crc, chunk) : GR_NO_MEMORY;
    if (status == GR_OK && gr_crc64_end(crc) != file->header.checksum) {
        status = gr_fail(GR_FORMAT,
                         "%s: the file is damaged, or another program changed it: its checksum is "
                         "%016" PRIx64 ", but its header says %016" PRIx64,
                         file->path, gr_crc64_end(crc), file->header.checksum);
    }
    gr_free(chunk);
    gr_free(crc);
    return status;
}

static gr_status st_length(const gr_safetensors *file, size_t *length)
{
    uint64_t field;
    if (file->size < sizeof field) {
        return gr_fail(GR_FORMAT,
                       "%s: %zu bytes are too few for a safetensors file, which starts with the "
                       "8-byte length of its header",
                       file->path, file->size);
    }
    GR_TRY(st_bytes(file, 0, &field, sizeof field));
    if (field > GR_ST_MAX_HEADER) {
        return gr_fail(GR_FORMAT,
                       "%s: is no safetensors file: byte 0: expected a header length of at most "
                       "%d, found %" PRIu64,
                       file->path, GR_ST_MAX_HEADER, field);
    }
    if (field > file->size - sizeof field) {
        return gr_fail(GR_FORMAT,
                       "%s: byte 0: the header should have %" PRIu64
                       " bytes, but only %zu follow: the file was cut",
                       file->path, field, file->size - sizeof field);
    }
    *length = (size_t)field;
    return GR_OK;
}

static gr_status st_load(gr_safetensors *file)
{
    size_t length = 0;
    GR_TRY(st_length(file, &length));
    char *text = gr_realloc(NULL, length + 1);
    if (!text) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", file->path);
    gr_status status = st_bytes(file, sizeof(uint64_t), text, length);
    if (status == GR_OK) {
        status = gr_st_header_read(&file->header, file->path, text, length,
                                   file->size - sizeof(uint64_t) - length);
    }
    /* A type of elements that nobody knows may be a damaged one. */
    if ((status == GR_OK || status == GR_UNSUPPORTED) && file->header.has_checksum) {
        const gr_status whole = st_verify(file, text, length);
        if (whole != GR_OK) status = whole;
    }
    if (status == GR_OK) status = gr_st_header_check_format(&file->header, file->path);
    gr_free(text);
    return status;
}

static gr_status st_open_file(gr_safetensors *file)
{
    struct stat about;
    file->file = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0 || fstat(file->file, &about) != 0) {
        int fault = errno;
        return gr_fail(fault == ENOENT || fault == ENOTDIR ? GR_NOT_FOUND : GR_IO, "%s: %s",
                       file->path, strerror(fault));
    }
    if (!S_ISREG(about.st_mode)) {
        return gr_fail(GR_IO, "%s: is %s, not a regular file", file->path,
                       S_ISDIR(about.st_mode) ? "a folder" : "a device or a pipe");
    }
    if ((uint64_t)about.st_size > gr_limit_file()) return gr_limit_refuse_file(file->path, "is");
    file->size = (size_t)about.st_size;
    return GR_OK;
}

static gr_status st_start(const char *path, const char *memory, size_t size, gr_safetensors **out)
{
    *out = NULL;
    gr_safetensors *file = gr_alloc(sizeof *file);
    if (!file) return GR_NO_MEMORY;
    *file = (gr_safetensors){.file = -1, .memory = memory, .size = size};
    file->path = gr_strdup(path);
    gr_status status = file->path ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK && !memory) status = st_open_file(file);
    if (status == GR_OK) status = st_load(file);
    if (status != GR_OK) {
        gr_safetensors_close(file);
        return status;
    }
    *out = file;
    return GR_OK;
}

gr_status gr_safetensors_open(const char *path, gr_safetensors **file)
{
    return st_start(path, NULL, 0, file);
}

gr_status gr_safetensors_parse(const char *name, const void *data, size_t size,
                               gr_safetensors **file)
{
    return st_start(name, data ? data : "", data ? size : 0, file);
}

/* ---- What is in it ------------------------------------------------------------------------ */

static const st_entry *st_entry_at(const gr_safetensors *file, int i)
{
    return i >= 0 && (size_t)i < file->header.count ? &file->header.entry[i] : NULL;
}

int gr_safetensors_size(const gr_safetensors *file)
{
    return (int)file->header.count;
}

const char *gr_safetensors_name(const gr_safetensors *file, int i)
{
    const st_entry *entry = st_entry_at(file, i);
    return entry ? entry->name : NULL;
}

int gr_safetensors_find(const gr_safetensors *file, const char *name)
{
    return gr_names_find(&file->header.names, name);
}

gr_tensor gr_safetensors_type(const gr_safetensors *file, int i)
{
    const st_entry *entry = st_entry_at(file, i);
    if (!entry) return (gr_tensor){.dtype = GR_DTYPE_COUNT};
    return (gr_tensor){entry->type->dtype, entry->shape, NULL};
}

const gr_meta *gr_safetensors_meta(const gr_safetensors *file)
{
    return file->header.meta;
}

bool gr_safetensors_checked(const gr_safetensors *file)
{
    return file->header.has_checksum;
}

/* A truth value other than 0 and 1 would mean one thing to one op and another to the next. */
static gr_status st_check_truth(const gr_safetensors *file, const st_entry *entry,
                                const unsigned char *data, size_t size)
{
    unsigned char all = 0;
    for (size_t i = 0; i < size; i++) all |= data[i];
    if (all <= 1) return GR_OK;
    size_t at = 0;
    while (data[at] <= 1) at++;
    return gr_fail(GR_FORMAT, "%s: tensor '%s': element %zu is %d, but a bool is 0 or 1",
                   file->path, entry->name, at, data[at]);
}

gr_status gr_safetensors_read(const gr_safetensors *file, int i, void *data, size_t bytes)
{
    const st_entry *entry = st_entry_at(file, i);
    if (!entry) {
        return gr_fail(GR_RANGE, "%s: there is no tensor %d among its %zu", file->path, i,
                       file->header.count);
    }
    if (entry->type->dtype == GR_DTYPE_COUNT) {
        return gr_fail(GR_UNSUPPORTED, "%s: tensor '%s' is %s, a type that Gradus does not have",
                       file->path, entry->name, entry->type->text);
    }
    if (bytes != entry->end - entry->begin) {
        return gr_fail(GR_INVALID, "%s: tensor '%s' has %zu bytes, not %zu", file->path,
                       entry->name, entry->end - entry->begin, bytes);
    }
    GR_TRY(st_bytes(file, file->header.data_at + entry->begin, data, bytes));
    return entry->type->dtype == GR_BOOL ? st_check_truth(file, entry, data, bytes) : GR_OK;
}
