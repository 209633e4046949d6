/* The JSON that a safetensors header is made of: strict, positions in every message. Internal. */
#ifndef GR_IO_JSON_H
#define GR_IO_JSON_H

#include "base/base.h"
#include "base/utf8.h"

/* A scanner over UTF-8 text. Fill path, data, size and base; zero the rest; gr_json_free at the
 * end. Every fault is GR_FORMAT and says "path: byte N: expected …, found …". */
typedef struct gr_json {
    const char *path;
    const char *data;
    size_t size, at;
    size_t base;     /* place of data[0] in the file */
    gr_text text;    /* the string read last */
    size_t start;    /* where its first byte after the quote is */
    bool has_escape; /* did it hold a backslash? */
} gr_json;

void gr_json_free(gr_json *json);
gr_status gr_json_fail(const gr_json *json, const char *expected);
/* Skips white space. */
void gr_json_space(gr_json *json);
/* Is `c` next after white space? Takes it if so. */
bool gr_json_take(gr_json *json, char c);
/* Takes `c` after white space or fails, naming `expected`. */
gr_status gr_json_expect(gr_json *json, char c, const char *expected);
/* Reads a string after white space into json->text (NUL-terminated, without NUL inside). */
gr_status gr_json_string(gr_json *json, const char *expected);
/* Reads a whole number from 0 to INT64_MAX, written with digits alone. */
gr_status gr_json_whole(gr_json *json, const char *expected, int64_t *out);

/* Appends a JSON string with its quotes. */
void gr_json_quote(gr_text *text, const char *value);

#endif
