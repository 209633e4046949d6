/* The bytes of a data file, unpacked. */
#include "data/source.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdio.h>
#include <sys/stat.h>

#if defined(GRADUS_HAVE_ZLIB)
#define ZLIB_CONST
#include <limits.h>
#include <zlib.h>

/* What deflate can make of a byte at most: whoever claims more lies. */
#define SOURCE_MAX_RATIO 1032

static void *source_zlib_alloc(void *user, unsigned count, unsigned size)
{
    (void)user;
    return gr_alloc_array(count, size);
}

static void source_zlib_free(void *user, void *block)
{
    (void)user;
    gr_free(block);
}

/* The size that the last four bytes of a gzip file give, modulo 2^32 (RFC 1952, ISIZE). */
static size_t source_stated_size(const unsigned char *packed, size_t size)
{
    const unsigned char *tail = packed + size - 4;
    return (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
}

/* Inflates until the stream's end or until `room` is full. Returns zlib's word. */
static int source_inflate(z_stream *stream, size_t packed_size, size_t room)
{
    int code = Z_OK;
    size_t in_left = packed_size, out_left = room;
    stream->avail_in = stream->avail_out = 0;
    while (code == Z_OK) {
        if (stream->avail_in == 0 && in_left > 0) {
            stream->avail_in = in_left < UINT_MAX ? (unsigned)in_left : UINT_MAX;
            in_left -= stream->avail_in;
        }
        if (stream->avail_out == 0 && out_left > 0) {
            stream->avail_out = out_left < UINT_MAX ? (unsigned)out_left : UINT_MAX;
            out_left -= stream->avail_out;
        }
        code = inflate(stream, Z_NO_FLUSH);
    }
    return code;
}

static gr_status source_verdict(const char *path, const z_stream *stream, int code,
                                size_t packed_size, size_t stated)
{
    size_t at = (size_t)stream->total_in;
    if (code == Z_MEM_ERROR) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    if (code == Z_BUF_ERROR && at >= packed_size) {
        return gr_fail(GR_FORMAT, "%s: the gzip stream is cut: the file ends at byte %zu", path,
                       packed_size);
    }
    if (code == Z_BUF_ERROR || (code == Z_STREAM_END && stream->total_out != stated)) {
        return gr_fail(
            GR_FORMAT,
            "%s: the gzip stream is damaged or cut: it does not hold the %zu bytes that its "
            "end states",
            path, stated);
    }
    if (code != Z_STREAM_END) {
        return gr_fail(GR_FORMAT, "%s: the gzip stream is damaged before byte %zu (%s)", path, at,
                       stream->msg ? stream->msg : "no reason given");
    }
    if (at != packed_size) {
        return gr_fail(GR_FORMAT,
                       "%s: %zu bytes follow the end of the gzip stream at byte %zu, where the "
                       "file should end",
                       path, packed_size - at, at);
    }
    return GR_OK;
}

static gr_status source_unpack(const char *path, const char *packed, size_t packed_size,
                               char **data, size_t *size)
{
    if (packed_size < 18) {
        return gr_fail(GR_FORMAT, "%s: the gzip stream is cut: the file ends at byte %zu", path,
                       packed_size);
    }
    size_t stated = source_stated_size((const unsigned char *)packed, packed_size);
    if (stated / SOURCE_MAX_RATIO > packed_size) {
        return gr_fail(GR_FORMAT,
                       "%s: the gzip stream is damaged or cut: its end states %zu bytes, which %zu "
                       "packed bytes cannot hold",
                       path, stated, packed_size);
    }
    if (stated > gr_limit_file()) return gr_limit_refuse_file(path, "is, unpacked,");
    z_stream stream = {.zalloc = source_zlib_alloc, .zfree = source_zlib_free};
    stream.next_in = (const unsigned char *)packed;
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    }
    /* One byte more than stated, so that a longer stream is seen, and one for a NUL. */
    char *unpacked = gr_realloc(NULL, stated + 2);
    if (!unpacked) {
        inflateEnd(&stream);
        return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    }
    stream.next_out = (unsigned char *)unpacked;
    int code = source_inflate(&stream, packed_size, stated + 1);
    gr_status status = source_verdict(path, &stream, code, packed_size, stated);
    inflateEnd(&stream);
    if (status != GR_OK) {
        gr_free(unpacked);
        return status;
    }
    unpacked[stated] = '\0';
    *data = unpacked;
    *size = stated;
    return GR_OK;
}

#else

static gr_status source_unpack(const char *path, const char *packed, size_t packed_size,
                               char **data, size_t *size)
{
    (void)packed;
    (void)packed_size;
    (void)data;
    (void)size;
    return gr_fail(GR_UNSUPPORTED,
                   "%s: is gzipped, and this build has no zlib (Debian: zlib1g-dev): unpack the "
                   "file with gunzip, or build with zlib",
                   path);
}

#endif

gr_status gr_source_read(const char *path, char **data, size_t *size)
{
    GR_TRY(gr_file_read(path, 0, data, size));
    if (*size < 2 || memcmp(*data, "\x1F\x8B", 2) != 0) return GR_OK;
    char *packed = *data;
    size_t packed_size = *size;
    *data = NULL;
    gr_status status = source_unpack(path, packed, packed_size, data, size);
    gr_free(packed);
    return status;
}

bool gr_source_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

bool gr_source_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool gr_source_locate(const char *folder, const char *name, char *path)
{
    static const char *const ends[] = {"", ".gz", ""};
    for (size_t i = 0; i < GR_LEN(ends); i++) {
        int length = snprintf(path, GR_SOURCE_PATH, "%s/%s%s", folder, name, ends[i]);
        if (i < 2 && length > 0 && length < GR_SOURCE_PATH && gr_source_exists(path)) return true;
    }
    return false;
}
