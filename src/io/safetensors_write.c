/* Writing safetensors files. */
#include "io/safetensors.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/crc64.h"
#include "io/json.h"
#include "io/meta.h"
#include "io/names.h"
#include "io/output.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold numbers as memory does");

typedef struct st_place {
    const gr_named_tensor *item;
    int index;    /* in the caller's order, which is that of the header */
    size_t begin; /* in the data */
    size_t bytes;
} st_place;

typedef struct st_writer {
    const gr_named_tensor *tensors;
    int n;
    st_place *place;  /* in the caller's order */
    st_place *sorted; /* in the order of the data */
    gr_text header;
    size_t digits; /* place of the checksum's digits in the header */
    gr_crc64 crc;
    gr_output *output;
} st_writer;

static const char *st_dtype_text(gr_dtype dtype)
{
#define ST_DTYPE_TEXT(text, bytes, type)                                                           \
    if (dtype == (gr_dtype)(type)) return text;
    GR_ST_DTYPE_TABLE(ST_DTYPE_TEXT)
#undef ST_DTYPE_TEXT
    return NULL;
}

/* Wide elements first, so that every tensor is aligned for its type; then by name. */
static int st_compare(const void *a, const void *b)
{
    const gr_named_tensor *p = ((const st_place *)a)->item, *q = ((const st_place *)b)->item;
    size_t wide = gr_dtype_size(p->tensor.dtype), other = gr_dtype_size(q->tensor.dtype);
    if (wide != other) return wide > other ? -1 : 1;
    return strcmp(p->name, q->name);
}

static gr_status st_check_tensors(const char *path, const gr_named_tensor *tensors, int n)
{
    gr_names names = {0};
    gr_status status = GR_OK;
    for (int i = 0; i < n && status == GR_OK; i++) {
        const char *name = tensors[i].name;
        const gr_tensor *tensor = &tensors[i].tensor;
        size_t at;
        if (!gr_utf8_valid(name, strlen(name), &at)) {
            status = gr_fail(GR_INVALID, "%s: byte %zu of the name of tensor %d is not UTF-8", path,
                             at, i);
        } else if (strcmp(name, GR_ST_METADATA) == 0) {
            status = gr_fail(GR_INVALID, "%s: no tensor may be called '%s'", path, name);
        } else if (gr_names_find(&names, name) >= 0) {
            status = gr_fail(GR_INVALID, "%s: two tensors are called '%s'", path, name);
        } else if (gr_dtype_size(tensor->dtype) == 0 || tensor->shape.rank < 0 ||
                   tensor->shape.rank > GR_MAX_RANK || gr_shape_count(tensor->shape) < 0) {
            status = gr_fail(GR_INVALID, "%s: tensor '%s' has no valid type and shape", path, name);
        } else if (!tensor->data && gr_shape_count(tensor->shape) > 0) {
            status = gr_fail(GR_INVALID, "%s: tensor '%s' has no data", path, name);
        } else if (!gr_names_add(&names, name, i)) {
            status = GR_NO_MEMORY;
        }
    }
    gr_names_free(&names);
    return status;
}

static gr_status st_place_all(st_writer *writer, const char *path)
{
    const size_t n = (size_t)writer->n;
    writer->place = gr_alloc_array(n, sizeof *writer->place);
    writer->sorted = gr_alloc_array(n, sizeof *writer->sorted);
    if (!writer->place || !writer->sorted) return GR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const gr_named_tensor *item = &writer->tensors[i];
        writer->sorted[i] = (st_place){item, (int)i, 0, gr_tensor_bytes(&item->tensor)};
    }
    if (n > 1) qsort(writer->sorted, n, sizeof *writer->sorted, st_compare);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        st_place *place = &writer->sorted[i];
        place->begin = at;
        if (!gr_add_size(at, place->bytes, &at) || at > INT64_MAX) {
            return gr_fail(GR_INVALID, "%s: the tensors together exceed 2^63 bytes", path);
        }
        writer->place[place->index] = *place;
    }
    return GR_OK;
}

static gr_status st_write_header(st_writer *writer, const char *path, const gr_meta *meta)
{
    gr_text *text = &writer->header;
    gr_text_printf(text, "{\"" GR_ST_METADATA "\":{\"" GR_META_CHECKSUM "\":\"");
    writer->digits = text->size;
    gr_text_printf(text, "%0*d\",\"" GR_META_FORMAT "\":\"" GR_ST_FORMAT "\"", GR_ST_DIGITS, 0);
    for (int i = 0; meta && i < gr_meta_size(meta); i++) {
        gr_text_append(text, ",", 1);
        gr_json_quote(text, gr_meta_key(meta, i));
        gr_text_append(text, ":", 1);
        gr_json_quote(text, gr_meta_value(meta, i));
    }
    gr_text_append(text, "}", 1);
    for (int i = 0; i < writer->n; i++) {
        const st_place *place = &writer->place[i];
        const gr_tensor *tensor = &place->item->tensor;
        gr_text_append(text, ",", 1);
        gr_json_quote(text, place->item->name);
        gr_text_printf(text, ":{\"dtype\":\"%s\",\"shape\":[", st_dtype_text(tensor->dtype));
        for (int k = 0; k < tensor->shape.rank; k++) {
            gr_text_printf(text, "%s%" PRId64, k ? "," : "", tensor->shape.dim[k]);
        }
        gr_text_printf(text, "],\"data_offsets\":[%zu,%zu]}", place->begin,
                       place->begin + place->bytes);
    }
    gr_text_append(text, "}", 1);
    while (!text->failed && text->size % 8 != 0) gr_text_append(text, " ", 1);
    if (text->failed) return GR_NO_MEMORY;
    if (text->size > GR_ST_MAX_HEADER) {
        return gr_fail(
            GR_INVALID,
            "%s: names and metadata take %zu bytes, more than the %d that readers accept", path,
            text->size, GR_ST_MAX_HEADER);
    }
    return GR_OK;
}

static gr_status st_put(st_writer *writer, const void *data, size_t size)
{
    gr_crc64_add(&writer->crc, data, size);
    return gr_output_write(writer->output, data, size);
}

static gr_status st_body(st_writer *writer)
{
    const uint64_t length = writer->header.size;
    gr_crc64_start(&writer->crc);
    GR_TRY(st_put(writer, &length, sizeof length));
    GR_TRY(st_put(writer, writer->header.data, writer->header.size));
    for (int i = 0; i < writer->n; i++) {
        const st_place *place = &writer->sorted[i];
        if (place->bytes > 0) GR_TRY(st_put(writer, place->item->tensor.data, place->bytes));
    }
    char digits[GR_ST_DIGITS + 1];
    snprintf(digits, sizeof digits, "%0*" PRIx64, GR_ST_DIGITS, gr_crc64_end(&writer->crc));
    return gr_output_patch(writer->output, sizeof length + writer->digits, digits, GR_ST_DIGITS);
}

static gr_status st_write(st_writer *writer, const char *path, const gr_meta *meta, int files)
{
    GR_TRY(st_check_tensors(path, writer->tensors, writer->n));
    GR_TRY(st_place_all(writer, path));
    GR_TRY(st_write_header(writer, path, meta));
    GR_TRY(gr_output_new(path, &writer->output));
    gr_output_keep(writer->output, files);
    gr_status status = st_body(writer);
    if (status == GR_OK) return gr_output_commit(writer->output);
    gr_output_discard(writer->output);
    return status;
}

gr_status gr_safetensors_write_keeping(const char *path, const gr_named_tensor *tensors, int n,
                                       const gr_meta *meta, int files)
{
    if (n < 0) return gr_fail(GR_INVALID, "%s: %d tensors", path, n);
    st_writer *writer = gr_alloc(sizeof *writer);
    if (!writer) return GR_NO_MEMORY;
    writer->tensors = tensors;
    writer->n = n;
    gr_status status = st_write(writer, path, meta, files);
    gr_text_free(&writer->header);
    gr_free(writer->sorted);
    gr_free(writer->place);
    gr_free(writer);
    return status;
}

gr_status gr_safetensors_write(const char *path, const gr_named_tensor *tensors, int n,
                               const gr_meta *meta)
{
    return gr_safetensors_write_keeping(path, tensors, n, meta, 1);
}
