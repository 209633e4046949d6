/* The arrays of NumPy: numpy.lib.format, versions 1 to 3. */
#include <inttypes.h>
#include <stdio.h>

#include <gradus/io.h>

#include "base/file.h"
#include "io/output.h"

#define NPY_MAGIC "\x93NUMPY"
#define NPY_MAGIC_SIZE 6
#define NPY_MAX_HEADER 10000 /* numpy's own limit */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold numbers as memory does");

/* X(letter and bytes, our type) */
#define NPY_TYPE_TABLE(X)                                                                          \
    X("f8", GR_F64)                                                                                \
    X("f4", GR_F32)                                                                                \
    X("f2", GR_F16)                                                                                \
    X("i8", GR_I64)                                                                                \
    X("i4", GR_I32)                                                                                \
    X("i1", GR_I8)                                                                                 \
    X("u1", GR_U8)                                                                                 \
    X("b1", GR_BOOL)

typedef struct npy_reader {
    const char *path;
    const char *data;
    size_t end; /* of the header */
    size_t at;
    gr_dtype dtype;
    gr_shape shape;
    bool swapped, fortran;
} npy_reader;

static gr_status npy_expected(const npy_reader *reader, const char *expected)
{
    char found[16] = "the end";
    if (reader->at < reader->end) {
        unsigned char c = (unsigned char)reader->data[reader->at];
        snprintf(found, sizeof found, c > ' ' && c < 127 ? "'%c'" : "byte 0x%02x", c);
    }
    return gr_fail(GR_FORMAT, "%s: byte %zu: expected %s, found %s", reader->path, reader->at,
                   expected, found);
}

/* Takes `word` after spaces, if it is next. */
static bool npy_take(npy_reader *reader, const char *word)
{
    size_t length = strlen(word);
    while (reader->at < reader->end && reader->data[reader->at] == ' ') reader->at++;
    if (length > reader->end - reader->at) return false;
    if (memcmp(reader->data + reader->at, word, length) != 0) return false;
    reader->at += length;
    return true;
}

static gr_status npy_expect(npy_reader *reader, const char *word, const char *expected)
{
    return npy_take(reader, word) ? GR_OK : npy_expected(reader, expected);
}

/* Takes a quoted word of at most `size` - 1 bytes. */
static gr_status npy_word(npy_reader *reader, const char *expected, char *word, size_t size)
{
    const char *quote = npy_take(reader, "'") ? "'" : npy_take(reader, "\"") ? "\"" : NULL;
    if (!quote) return npy_expected(reader, expected);
    const size_t start = reader->at;
    while (reader->at < reader->end && reader->data[reader->at] != *quote) reader->at++;
    size_t length = reader->at - start;
    if (reader->at == reader->end) return npy_expected(reader, "a closing quote");
    if (length >= size) {
        reader->at = start;
        return npy_expected(reader, expected);
    }
    memcpy(word, reader->data + start, length);
    word[length] = '\0';
    reader->at++;
    return GR_OK;
}

static gr_status npy_descr(npy_reader *reader)
{
    char text[32];
    const size_t start = reader->at;
    if (!npy_take(reader, "[")) {
        GR_TRY(npy_word(reader, "a type such as '<f4'", text, sizeof text));
        const char *code = text + (strchr("<>|=", text[0]) && text[0] ? 1 : 0);
        reader->swapped = text[0] == '>';
#define NPY_TYPE(name, type)                                                                       \
    if (strcmp(code, name) == 0) reader->dtype = type;
        NPY_TYPE_TABLE(NPY_TYPE)
#undef NPY_TYPE
        if (reader->dtype != GR_DTYPE_COUNT) return GR_OK;
    } else {
        snprintf(text, sizeof text, "a structure");
    }
    return gr_fail(GR_UNSUPPORTED,
                   "%s: byte %zu: arrays of type '%s' are not read; f8, f4, f2, i8, i4, i1, u1 and "
                   "b1 are",
                   reader->path, start, text);
}

static gr_status npy_order(npy_reader *reader)
{
    reader->fortran = npy_take(reader, "True");
    return reader->fortran ? GR_OK : npy_expect(reader, "False", "True or False");
}

static gr_status npy_size(npy_reader *reader, int64_t *size)
{
    const size_t start = reader->at;
    *size = 0;
    while (reader->at < reader->end && reader->data[reader->at] >= '0' &&
           reader->data[reader->at] <= '9') {
        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, reader->data[reader->at] - '0', size)) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: a size above 2^63 - 1", reader->path, start);
        }
        reader->at++;
    }
    return reader->at > start ? GR_OK : npy_expected(reader, "a size");
}

/* (), (3,), (3, 4), (3, 4,) */
static gr_status npy_shape(npy_reader *reader)
{
    GR_TRY(npy_expect(reader, "(", "'(' and a shape"));
    while (!npy_take(reader, ")")) {
        int64_t size;
        GR_TRY(npy_size(reader, &size));
        if (reader->shape.rank == GR_MAX_RANK) {
            return gr_fail(GR_UNSUPPORTED, "%s: byte %zu: more than %d dimensions", reader->path,
                           reader->at, GR_MAX_RANK);
        }
        reader->shape.dim[reader->shape.rank++] = size;
        if (npy_take(reader, ",")) continue;
        if (reader->shape.rank == 1) return npy_expected(reader, "',' after the only size");
        GR_TRY(npy_expect(reader, ")", "',' or ')' in a shape"));
        break;
    }
    return GR_OK;
}

static gr_status npy_dict(npy_reader *reader)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    static gr_status (*const read[])(npy_reader *) = {npy_descr, npy_order, npy_shape};
    bool seen[GR_LEN(keys)] = {false};
    GR_TRY(npy_expect(reader, "{", "'{' and the keys of the header"));
    while (!npy_take(reader, "}")) {
        char key[16];
        const size_t start = reader->at;
        GR_TRY(npy_word(reader, "one of 'descr', 'fortran_order', 'shape'", key, sizeof key));
        size_t k = 0;
        while (k < GR_LEN(keys) && strcmp(key, keys[k]) != 0) k++;
        if (k == GR_LEN(keys) || seen[k]) {
            return gr_fail(GR_FORMAT, "%s: byte %zu: %s key '%s'", reader->path, start,
                           k == GR_LEN(keys) ? "unknown" : "second", key);
        }
        seen[k] = true;
        GR_TRY(npy_expect(reader, ":", "':' after a key"));
        GR_TRY(read[k](reader));
        if (npy_take(reader, ",")) continue;
        GR_TRY(npy_expect(reader, "}", "',' or '}' after a value"));
        break;
    }
    for (size_t k = 0; k < GR_LEN(keys); k++) {
        if (seen[k]) continue;
        return gr_fail(GR_FORMAT, "%s: the header has no '%s'", reader->path, keys[k]);
    }
    if (!npy_take(reader, "\n") || reader->at != reader->end) {
        return npy_expected(reader, "a line break and the header's end");
    }
    return GR_OK;
}

/* Magic, version, length and dictionary of a file of `size` bytes. */
static gr_status npy_header(npy_reader *reader, size_t size)
{
    const unsigned char *byte = (const unsigned char *)reader->data;
    if (size < 10 || memcmp(byte, NPY_MAGIC, NPY_MAGIC_SIZE) != 0) {
        return gr_fail(GR_FORMAT, "%s: byte 0: expected \\x93NUMPY: this is no npy file",
                       reader->path);
    }
    if (byte[6] < 1 || byte[6] > 3 || byte[7] != 0) {
        return gr_fail(GR_UNSUPPORTED, "%s: byte 6: expected version 1.0, 2.0 or 3.0, found %d.%d",
                       reader->path, byte[6], byte[7]);
    }
    size_t length = (size_t)byte[8] | (size_t)byte[9] << 8;
    reader->at = 10;
    if (byte[6] > 1) {
        if (size < 12) return gr_fail(GR_FORMAT, "%s: byte 8: the file was cut", reader->path);
        length |= (size_t)byte[10] << 16 | (size_t)byte[11] << 24;
        reader->at = 12;
    }
    if (length > NPY_MAX_HEADER) {
        return gr_fail(GR_FORMAT, "%s: byte 8: a header of %zu bytes; at most %d are read",
                       reader->path, length, NPY_MAX_HEADER);
    }
    if (length > size - reader->at) {
        return gr_fail(GR_FORMAT,
                       "%s: byte 8: the header should have %zu bytes, but only %zu follow: the "
                       "file was cut",
                       reader->path, length, size - reader->at);
    }
    reader->end = reader->at + length;
    return npy_dict(reader);
}

/* Copies an array in Fortran order (first index fastest) to row-major order. */
static void npy_untwist(const char *from, gr_shape shape, size_t width, char *to)
{
    int64_t stride[GR_MAX_RANK] = {0}, index[GR_MAX_RANK] = {0}, step = 1, at = 0;
    for (int k = 0; k < shape.rank; k++) {
        stride[k] = step;
        step *= shape.dim[k];
    }
    for (int64_t i = 0; i < step; i++, to += width) {
        memcpy(to, from + (size_t)at * width, width);
        for (int k = shape.rank - 1; k >= 0; k--) {
            at += stride[k];
            if (++index[k] < shape.dim[k]) break;
            at -= stride[k] * shape.dim[k];
            index[k] = 0;
        }
    }
}

static void npy_swap(char *data, size_t bytes, size_t width)
{
    for (char *end = data + bytes; data < end; data += width) {
        for (size_t i = 0; i < width / 2; i++) {
            char c = data[i];
            data[i] = data[width - 1 - i];
            data[width - 1 - i] = c;
        }
    }
}

static gr_status npy_parse(npy_reader *reader, size_t size, gr_tensor *out)
{
    GR_TRY(npy_header(reader, size));
    const size_t width = gr_dtype_size(reader->dtype), have = size - reader->end;
    int64_t count = gr_shape_count(reader->shape);
    size_t bytes;
    if (count < 0 || !gr_mul_size((size_t)count, width, &bytes)) {
        return gr_fail(GR_FORMAT, "%s: shape %s has too many elements", reader->path,
                       gr_shape_text(reader->shape));
    }
    if (bytes != have) {
        return gr_fail(GR_FORMAT, "%s: %s %s takes %zu bytes, but %zu follow the header",
                       reader->path, gr_dtype_name(reader->dtype), gr_shape_text(reader->shape),
                       bytes, have);
    }
    const char *data = reader->data + reader->end;
    for (size_t i = 0; reader->dtype == GR_BOOL && i < bytes; i++) {
        if ((unsigned char)data[i] <= 1) continue;
        return gr_fail(GR_FORMAT, "%s: byte %zu: a bool is 0 or 1, found %d", reader->path,
                       reader->end + i, (unsigned char)data[i]);
    }
    gr_status status = gr_tensor_new(reader->dtype, reader->shape, out);
    if (status != GR_OK) return gr_fail_prefix(status, "%s: ", reader->path);
    if (reader->fortran) {
        npy_untwist(data, reader->shape, width, out->data);
    } else if (bytes > 0) {
        memcpy(out->data, data, bytes);
    }
    if (reader->swapped) npy_swap(out->data, bytes, width);
    return GR_OK;
}

gr_status gr_npy_read(const char *path, gr_tensor *out)
{
    char *data;
    size_t size;
    *out = (gr_tensor){0};
    GR_TRY(gr_file_read(path, 0, &data, &size));
    npy_reader reader = {.path = path, .data = data, .dtype = GR_DTYPE_COUNT};
    gr_status status = npy_parse(&reader, size, out);
    gr_free(data);
    return status;
}

static const char *npy_type_text(gr_dtype dtype)
{
#define NPY_TYPE(name, type)                                                                       \
    if (dtype == (type)) return name;
    NPY_TYPE_TABLE(NPY_TYPE)
#undef NPY_TYPE
    return NULL;
}

/* Version 1.0; magic, header and padding together are a multiple of 64 bytes. */
static void npy_write_header(gr_text *text, const char *type, const gr_tensor *tensor)
{
    gr_text_append(text, NPY_MAGIC "\x01\x00\x00\x00", NPY_MAGIC_SIZE + 4);
    gr_text_printf(text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                   gr_dtype_size(tensor->dtype) > 1 ? '<' : '|', type);
    for (int k = 0; k < tensor->shape.rank; k++) {
        gr_text_printf(text, "%s%" PRId64, k ? ", " : "", tensor->shape.dim[k]);
    }
    gr_text_printf(text, "%s), }", tensor->shape.rank == 1 ? "," : "");
    while (!text->failed && text->size % 64 != 63) gr_text_append(text, " ", 1);
    gr_text_append(text, "\n", 1);
    if (text->failed) return;
    size_t length = text->size - NPY_MAGIC_SIZE - 4;
    text->data[NPY_MAGIC_SIZE + 2] = (char)(length & 0xFF);
    text->data[NPY_MAGIC_SIZE + 3] = (char)(length >> 8);
}

gr_status gr_npy_write(const char *path, const gr_tensor *tensor)
{
    const char *type = npy_type_text(tensor->dtype);
    if (!type) {
        return gr_fail(GR_UNSUPPORTED, "%s: numpy has no type %s", path,
                       gr_dtype_name(tensor->dtype));
    }
    gr_text header = {0};
    npy_write_header(&header, type, tensor);
    gr_output *output = NULL;
    gr_status status = header.failed ? GR_NO_MEMORY : gr_output_new(path, &output);
    if (status == GR_OK) status = gr_output_write(output, header.data, header.size);
    if (status == GR_OK) status = gr_output_write(output, tensor->data, gr_tensor_bytes(tensor));
    gr_text_free(&header);
    if (status == GR_OK) return gr_output_commit(output);
    gr_output_discard(output);
    return status;
}
