/* Metadata: an ordered map from text to text, and the kinds of value that it can hold. */
#include "io/meta.h"

#include <limits.h>

#include "io/json.h"
#include "io/names.h"

typedef struct meta_pair {
    char *key, *value;
} meta_pair;

struct gr_meta {
    meta_pair *pair;
    size_t count, capacity;
    gr_names names;
};

gr_meta *gr_meta_new(void)
{
    return gr_alloc(sizeof(gr_meta));
}

void gr_meta_free(gr_meta *meta)
{
    if (!meta) return;
    for (size_t i = 0; i < meta->count; i++) {
        gr_free(meta->pair[i].key);
        gr_free(meta->pair[i].value);
    }
    gr_names_free(&meta->names);
    gr_free(meta->pair);
    gr_free(meta);
}

int gr_meta_size(const gr_meta *meta)
{
    return (int)meta->count;
}

const char *gr_meta_key(const gr_meta *meta, int i)
{
    return i >= 0 && (size_t)i < meta->count ? meta->pair[i].key : NULL;
}

const char *gr_meta_value(const gr_meta *meta, int i)
{
    return i >= 0 && (size_t)i < meta->count ? meta->pair[i].value : NULL;
}

const char *gr_meta_get(const gr_meta *meta, const char *key)
{
    return gr_meta_value(meta, gr_names_find(&meta->names, key));
}

/* ---- Setting ------------------------------------------------------------------------------ */

static gr_status meta_check(const char *key, const char *value)
{
    size_t at;
    if (!gr_utf8_valid(key, strlen(key), &at)) {
        return gr_fail(GR_INVALID, "metadata: byte %zu of a key is not UTF-8", at);
    }
    if (strcmp(key, GR_META_CHECKSUM) == 0 || strcmp(key, GR_META_FORMAT) == 0) {
        return gr_fail(GR_INVALID, "metadata: the key '%s' belongs to the file format", key);
    }
    if (!gr_utf8_valid(value, strlen(value), &at)) {
        return gr_fail(GR_INVALID, "metadata: byte %zu of the value of '%s' is not UTF-8", at, key);
    }
    return GR_OK;
}

/* Adds a key with the value `owned`, which the map takes over on success. */
static gr_status meta_add(gr_meta *meta, const char *key, char *owned)
{
    if (meta->count >= INT_MAX) return gr_no_memory(meta->count);
    if (!gr_grow(&meta->pair, meta->count, &meta->capacity, sizeof *meta->pair)) {
        return GR_NO_MEMORY;
    }
    char *copy = gr_strdup(key);
    if (!copy) return GR_NO_MEMORY;
    if (!gr_names_add(&meta->names, copy, (int)meta->count)) {
        gr_free(copy);
        return GR_NO_MEMORY;
    }
    meta->pair[meta->count++] = (meta_pair){copy, owned};
    return GR_OK;
}

gr_status gr_meta_set(gr_meta *meta, const char *key, const char *value)
{
    GR_TRY(meta_check(key, value));
    char *copy = gr_strdup(value);
    if (!copy) return GR_NO_MEMORY;
    int i = gr_names_find(&meta->names, key);
    if (i >= 0) {
        gr_free(meta->pair[i].value);
        meta->pair[i].value = copy;
        return GR_OK;
    }
    gr_status status = meta_add(meta, key, copy);
    if (status != GR_OK) gr_free(copy);
    return status;
}

/* Sets a key to a text that was put together, and frees the text. */
static gr_status meta_set_text(gr_meta *meta, const char *key, gr_text *text)
{
    gr_text_append(text, "", 0);
    gr_status status = text->failed ? GR_NO_MEMORY : gr_meta_set(meta, key, text->data);
    gr_text_free(text);
    return status;
}

gr_status gr_meta_set_int(gr_meta *meta, const char *key, int64_t value)
{
    gr_text text = {0};
    gr_text_printf(&text, "%lld", (long long)value);
    return meta_set_text(meta, key, &text);
}

gr_status gr_meta_set_real(gr_meta *meta, const char *key, double value)
{
    return gr_meta_set_reals(meta, key, &value, 1);
}

gr_status gr_meta_set_reals(gr_meta *meta, const char *key, const double *values, int n)
{
    gr_text text = {0};
    for (int i = 0; i < n; i++) {
        if (i > 0) gr_text_append(&text, " ", 1);
        gr_text_real(&text, values[i]);
    }
    return meta_set_text(meta, key, &text);
}

gr_status gr_meta_set_texts(gr_meta *meta, const char *key, const char *const *values, int n)
{
    gr_text text = {0};
    for (int i = 0; i < n; i++) {
        for (const char *at = values[i]; *at; at++) {
            if (*at == '\n') {
                gr_text_append(&text, "\\n", 2);
            } else if (*at == '\\') {
                gr_text_append(&text, "\\\\", 2);
            } else {
                gr_text_append(&text, at, 1);
            }
        }
        gr_text_append(&text, "\n", 1);
    }
    return meta_set_text(meta, key, &text);
}

/* ---- Getting ------------------------------------------------------------------------------ */

static gr_status meta_need(const gr_meta *meta, const char *key, const char **value)
{
    *value = gr_meta_get(meta, key);
    if (*value) return GR_OK;
    return gr_fail(GR_NOT_FOUND, "metadata: there is no '%s'", key);
}

static gr_status meta_kind(const char *key, const char *expected, const char *value)
{
    return gr_fail(GR_FORMAT, "metadata: '%s' should be %s, but is '%.60s'", key, expected, value);
}

gr_status gr_meta_get_int(const gr_meta *meta, const char *key, int64_t *value)
{
    const char *text;
    int64_t number;
    GR_TRY(meta_need(meta, key, &text));
    const char *at = text;
    if (!gr_parse_int(&at, &number) || *at) return meta_kind(key, "a whole number", text);
    *value = number;
    return GR_OK;
}

gr_status gr_meta_get_real(const gr_meta *meta, const char *key, double *value)
{
    const char *text;
    double number;
    GR_TRY(meta_need(meta, key, &text));
    const char *at = text;
    if (!gr_parse_real(&at, &number) || *at) return meta_kind(key, "a number", text);
    *value = number;
    return GR_OK;
}

gr_status gr_meta_get_reals(const gr_meta *meta, const char *key, double **values, int *n)
{
    const char *text;
    GR_TRY(meta_need(meta, key, &text));
    size_t most = strlen(text) / 2 + 1; /* each number but the last takes two bytes or more */
    if (most > INT_MAX) return meta_kind(key, "a list of numbers of bearable length", text);
    double *list = gr_alloc_array(most, sizeof *list);
    if (!list) return GR_NO_MEMORY;
    int count = 0;
    for (const char *at = text; *at;) {
        if (!gr_parse_real(&at, &list[count]) || (*at && (*at != ' ' || !at[1]))) {
            gr_free(list);
            return meta_kind(key, "numbers with single spaces between them", text);
        }
        count++;
        if (*at == ' ') at++;
    }
    if (count == 0) {
        gr_free(list);
        list = NULL;
    }
    *values = list;
    *n = count;
    return GR_OK;
}

/* Decodes one line at *at into *to, advances both. false for a broken escape or a last line
 * without an end. */
static bool meta_line(const char **at, char **to)
{
    const char *from = *at;
    char *out = *to;
    for (; *from != '\n'; from++) {
        char c = *from;
        if (c == '\0') return false;
        if (c == '\\') {
            from++;
            if (*from != 'n' && *from != '\\') return false;
            c = *from == 'n' ? '\n' : '\\';
        }
        *out++ = c;
    }
    *out++ = '\0';
    *at = from + 1;
    *to = out;
    return true;
}

gr_status gr_meta_get_texts(const gr_meta *meta, const char *key, char ***values, int *n)
{
    const char *text;
    GR_TRY(meta_need(meta, key, &text));
    size_t count = 0, length = strlen(text), bytes;
    for (size_t i = 0; i < length; i++) count += text[i] == '\n';
    if (count > INT_MAX || !gr_mul_size(count, sizeof(char *), &bytes) ||
        !gr_add_size(bytes, length + 1, &bytes)) {
        return meta_kind(key, "a list of bearable length", text);
    }
    char **list = gr_alloc(bytes);
    if (!list) return GR_NO_MEMORY;
    char *to = (char *)(list + count);
    const char *at = text;
    for (size_t i = 0; i < count || *at; i++) {
        char *line = to;
        if (!meta_line(&at, &to)) {
            gr_free(list);
            return meta_kind(key, "a list of texts, one a line", text);
        }
        list[i] = line;
    }
    if (count == 0) {
        gr_free(list);
        list = NULL;
    }
    *values = list;
    *n = (int)count;
    return GR_OK;
}

void gr_meta_release(void *list)
{
    gr_free(list);
}
