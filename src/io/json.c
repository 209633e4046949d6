/* A strict scanner for JSON (RFC 8259), of strings, whole numbers and punctuation. */
#include "io/json.h"

#include <stdio.h>

void gr_json_free(gr_json *json)
{
    gr_text_free(&json->text);
}

gr_status gr_json_fail(const gr_json *json, const char *expected)
{
    char found[40];
    unsigned char c = json->at < json->size ? (unsigned char)json->data[json->at] : 0;
    if (json->at >= json->size) {
        snprintf(found, sizeof found, "the end of the header");
    } else if (c > ' ' && c < 127) {
        snprintf(found, sizeof found, "'%c'", c);
    } else {
        snprintf(found, sizeof found, "byte 0x%02x", c);
    }
    return gr_fail(GR_FORMAT, "%s: byte %zu: expected %s, found %s", json->path,
                   json->base + json->at, expected, found);
}

void gr_json_space(gr_json *json)
{
    while (json->at < json->size && strchr(" \t\n\r", json->data[json->at]) &&
           json->data[json->at] != '\0') {
        json->at++;
    }
}

bool gr_json_take(gr_json *json, char c)
{
    gr_json_space(json);
    if (json->at >= json->size || json->data[json->at] != c) return false;
    json->at++;
    return true;
}

gr_status gr_json_expect(gr_json *json, char c, const char *expected)
{
    return gr_json_take(json, c) ? GR_OK : gr_json_fail(json, expected);
}

static gr_status json_hex4(gr_json *json, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        char c = json->at < json->size ? json->data[json->at] : '\0';
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint32_t)(c - 'A' + 10);
        } else {
            return gr_json_fail(json, "four hexadecimal digits after \\u");
        }
        *out = *out << 4 | digit;
    }
    return GR_OK;
}

static void json_append_utf8(gr_text *text, uint32_t code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(lead[size] | code);
    gr_text_append(text, bytes, size);
}

/* What follows \u. */
static gr_status json_unicode(gr_json *json)
{
    const size_t start = json->at;
    uint32_t code, low;
    GR_TRY(json_hex4(json, &code));
    bool high = code >= 0xD800 && code < 0xDC00;
    if (high && json->at + 1 < json->size && json->data[json->at] == '\\' &&
        json->data[json->at + 1] == 'u') {
        json->at += 2;
        GR_TRY(json_hex4(json, &low));
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    if (code == 0 || (code >= 0xD800 && code < 0xE000)) {
        json->at = start;
        return gr_json_fail(json, code == 0 ? "a character other than NUL after \\u"
                                            : "a pair of surrogates after \\u");
    }
    json_append_utf8(&json->text, code);
    return GR_OK;
}

static gr_status json_escape(gr_json *json)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = json->at < json->size ? json->data[json->at] : '\0';
    if (c == 'u') {
        json->at++;
        return json_unicode(json);
    }
    const char *known = c ? strchr(from, c) : NULL;
    if (!known) return gr_json_fail(json, "one of \"\\/bfnrtu after a backslash");
    gr_text_append(&json->text, &to[known - from], 1);
    json->at++;
    return GR_OK;
}

gr_status gr_json_string(gr_json *json, const char *expected)
{
    GR_TRY(gr_json_expect(json, '"', expected));
    json->start = json->at;
    json->has_escape = false;
    json->text.size = 0;
    gr_text_append(&json->text, "", 0); /* an empty string is a string too */
    for (;;) {
        size_t end = json->at;
        while (end < json->size && json->data[end] != '"' && json->data[end] != '\\' &&
               (unsigned char)json->data[end] >= ' ') {
            end++;
        }
        gr_text_append(&json->text, json->data + json->at, end - json->at);
        json->at = end;
        if (json->text.failed) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", json->path);
        if (end >= json->size || (unsigned char)json->data[end] < ' ') {
            return gr_json_fail(json, "the rest of a string and its closing quote");
        }
        json->at++;
        if (json->data[end] == '"') return GR_OK;
        json->has_escape = true;
        GR_TRY(json_escape(json));
    }
}

gr_status gr_json_whole(gr_json *json, const char *expected, int64_t *out)
{
    gr_json_space(json);
    const size_t start = json->at;
    size_t end = start;
    int64_t value = 0;
    bool fits = true;
    for (; end < json->size && json->data[end] >= '0' && json->data[end] <= '9'; end++) {
        fits = fits && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, json->data[end] - '0', &value);
    }
    if (end == start) return gr_json_fail(json, expected);
    if (!fits) return gr_json_fail(json, "a number of at most 2^63 - 1");
    if (end > start + 1 && json->data[start] == '0') {
        return gr_json_fail(json, "a number without leading zeros");
    }
    json->at = end;
    if (end < json->size && strchr(".eE", json->data[end]) && json->data[end] != '\0') {
        return gr_json_fail(json, "a whole number");
    }
    *out = value;
    return GR_OK;
}

void gr_json_quote(gr_text *text, const char *value)
{
    gr_text_append(text, "\"", 1);
    for (const char *at = value; *at;) {
        size_t plain = 0;
        while (at[plain] && at[plain] != '"' && at[plain] != '\\' &&
               (unsigned char)at[plain] >= ' ') {
            plain++;
        }
        gr_text_append(text, at, plain);
        at += plain;
        if (!*at) break;
        if (*at == '\n') {
            gr_text_append(text, "\\n", 2);
        } else if (*at == '"' || *at == '\\') {
            gr_text_printf(text, "\\%c", *at);
        } else {
            gr_text_printf(text, "\\u%04x", (unsigned)*at);
        }
        at++;
    }
    gr_text_append(text, "\"", 1);
}
