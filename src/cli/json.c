#include "cli/json.h"

#include "cli/out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Length of the UTF-8 character at `text` (RFC 3629), 0 if it is malformed. */
static size_t json_utf8(const unsigned char *text)
{
    unsigned char c = text[0];
    if (c < 0x80) return 1;
    size_t n = c >= 0xc2 && c < 0xe0   ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
        (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return n;
}

/* Bytes that are no UTF-8 (of a file's name, say) become U+FFFD, so that the output is JSON. */
static void json_string(const char *text)
{
    cli_print("\"");
    while (*text) {
        unsigned char c = (unsigned char)*text;
        size_t n = json_utf8((const unsigned char *)text);
        if (c == '"' || c == '\\')
            cli_print("\\%c", c);
        else if (c == '\n')
            cli_print("\\n");
        else if (c == '\t')
            cli_print("\\t");
        else if (c < 0x20 || c == 0x7f)
            cli_print("\\u%04x", c);
        else if (n)
            cli_print("%.*s", (int)n, text);
        else
            cli_print("\xef\xbf\xbd");
        text += n ? n : 1;
    }
    cli_print("\"");
}

static bool json_flat(const cli_json *json)
{
    return !json->pretty || (json->depth > 0 && json->flat[json->depth - 1]);
}

static void json_break(const cli_json *json)
{
    if (!json_flat(json)) cli_print("\n%*s", 2 * json->depth, "");
}

/* What stands before a value: comma, line break, key. */
static void json_before(cli_json *json, const char *key)
{
    if (json->depth > 0) {
        bool *filled = &json->filled[json->depth - 1];
        if (*filled) cli_print(json_flat(json) && json->pretty ? ", " : ",");
        *filled = true;
        json_break(json);
    }
    if (!key) key = json->key;
    json->key = NULL;
    if (key) {
        json_string(key);
        cli_print(json->pretty ? ": " : ":");
    }
}

static void json_after(const cli_json *json)
{
    if (json->depth == 0) cli_print("\n");
}

static void json_open(cli_json *json, const char *key, char bracket, bool flat)
{
    json_before(json, key);
    cli_print("%c", bracket);
    flat = flat || json_flat(json);
    json->filled[json->depth] = false;
    json->bracket[json->depth] = bracket;
    json->flat[json->depth] = flat;
    json->depth++;
}

void cli_json_object(cli_json *json, const char *key)
{
    json_open(json, key, '{', false);
}

void cli_json_array(cli_json *json, const char *key)
{
    json_open(json, key, '[', false);
}

void cli_json_row(cli_json *json, const char *key)
{
    json_open(json, key, '[', true);
}

void cli_json_end(cli_json *json)
{
    int level = --json->depth;
    if (json->filled[level] && json->pretty && !json->flat[level])
        cli_print("\n%*s", 2 * level, "");
    cli_print("%c", json->bracket[level] == '{' ? '}' : ']');
    json_after(json);
}

void cli_json_text(cli_json *json, const char *key, const char *text)
{
    json_before(json, key);
    if (text)
        json_string(text);
    else
        cli_print("null");
    json_after(json);
}

void cli_json_int(cli_json *json, const char *key, int64_t value)
{
    json_before(json, key);
    cli_print("%" PRId64, value);
    json_after(json);
}

void cli_json_real(cli_json *json, const char *key, double value)
{
    char text[32];
    json_before(json, key);
    cli_print_text(isfinite(value) ? cli_show_real(value, text, sizeof text) : "null");
    json_after(json);
}

void cli_json_real32(cli_json *json, const char *key, float value)
{
    char text[32];
    json_before(json, key);
    cli_print_text(isfinite(value) ? cli_show_real32(value, text, sizeof text) : "null");
    json_after(json);
}

void cli_json_bool(cli_json *json, const char *key, bool value)
{
    json_before(json, key);
    cli_print_text(value ? "true" : "false");
    json_after(json);
}

void cli_json_null(cli_json *json, const char *key)
{
    cli_json_text(json, key, NULL);
}

void cli_json_shape(cli_json *json, const char *key, gr_shape shape)
{
    cli_json_row(json, key);
    for (int i = 0; i < shape.rank; i++) cli_json_int(json, NULL, shape.dim[i]);
    cli_json_end(json);
}

static void json_element(cli_json *json, const gr_tensor *tensor, int64_t i)
{
    double value = gr_tensor_at(tensor, i);
    if (tensor->dtype == GR_BOOL)
        cli_json_bool(json, NULL, value != 0);
    else if (tensor->dtype == GR_I64)
        cli_json_int(json, NULL, ((const int64_t *)tensor->data)[i]);
    else if (tensor->dtype == GR_F32)
        cli_json_real32(json, NULL, (float)value);
    else
        cli_json_real(json, NULL, value);
}

static void json_axis(cli_json *json, const gr_tensor *tensor, int axis, int64_t *at)
{
    if (axis == tensor->shape.rank) {
        json_element(json, tensor, (*at)++);
        return;
    }
    if (axis == tensor->shape.rank - 1)
        cli_json_row(json, NULL);
    else
        cli_json_array(json, NULL);
    for (int64_t i = 0; i < tensor->shape.dim[axis]; i++) json_axis(json, tensor, axis + 1, at);
    cli_json_end(json);
}

void cli_json_tensor(cli_json *json, const char *key, const gr_tensor *tensor)
{
    int64_t at = 0;
    json->key = key;
    json_axis(json, tensor, 0, &at);
}
