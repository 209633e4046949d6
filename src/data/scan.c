/* Rows and fields of a table in text, as in RFC 4180 with a choice of separators. */
#include "data/scan.h"

static char scan_guess_separator(const char *at, const char *end)
{
    static const char choices[] = {',', ';', '\t'};
    size_t count[GR_LEN(choices)] = {0};
    bool quoted = false;
    for (; at < end && (quoted || *at != '\n'); at++) {
        if (*at == '"') quoted = !quoted;
        for (size_t i = 0; i < GR_LEN(choices); i++) {
            if (!quoted && *at == choices[i]) count[i]++;
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < GR_LEN(choices);
         i++) { /* 5,1;3,5;setosa: as many of both, and ; is it */
        if (count[i] > 0 && count[i] >= count[best]) best = i;
    }
    return choices[best];
}

gr_status gr_scanner_start(gr_scanner *scan, const char *path, const char *data, size_t size,
                           char separator)
{
    const char *end = data + size;
    const char *zero = memchr(data, '\0', size);
    const bool utf16 =
        size >= 2 && (memcmp(data, "\xFF\xFE", 2) == 0 || memcmp(data, "\xFE\xFF", 2) == 0);
    if (utf16) {
        return gr_fail(GR_FORMAT,
                       "%s: is UTF-16: save the table as UTF-8, or convert it (iconv -f UTF-16 -t "
                       "UTF-8)",
                       path);
    }
    if (zero) {
        return gr_fail(GR_FORMAT, "%s: byte %zu: found a zero byte, but a table is text", path,
                       (size_t)(zero - data));
    }
    if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) data += 3;
    while (end > data && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' ')) end--;
    if (end == data) return gr_fail(GR_FORMAT, "%s: the file is empty", path);
    if (separator == 0) separator = scan_guess_separator(data, end);
    *scan = (gr_scanner){path, data, end, separator, 1, 1};
    return GR_OK;
}

bool gr_scanner_done(const gr_scanner *scan)
{
    return scan->at == scan->end;
}

static bool scan_blank(const gr_scanner *scan, char c)
{
    return (c == ' ' || c == '\t') && c != scan->separator;
}

/* At the end of a row: the text's end, LF or CRLF. */
static bool scan_row_ends(const gr_scanner *scan)
{
    size_t left = (size_t)(scan->end - scan->at);
    return left == 0 || *scan->at == '\n' || (left >= 2 && memcmp(scan->at, "\r\n", 2) == 0);
}

/* The inside of a quoted field, whose first quote has been skipped. */
static gr_status scan_quoted(gr_scanner *scan, gr_field *field)
{
    field->quoted = true;
    field->at = scan->at;
    for (;; scan->at++) {
        if (scan->at == scan->end) {
            return gr_fail(GR_FORMAT, "%s: line %zu, column %zu: the quote is not closed",
                           scan->path, field->line, field->column);
        }
        if (*scan->at == '\n') scan->line++;
        if (*scan->at != '"') continue;
        if (scan->at + 1 == scan->end || scan->at[1] != '"') break;
        scan->at++; /* of two quotes */
    }
    field->size = (size_t)(scan->at - field->at);
    scan->at++;
    while (scan->at < scan->end && scan_blank(scan, *scan->at)) scan->at++;
    if (scan_row_ends(scan) || *scan->at == scan->separator) return GR_OK;
    return gr_fail(GR_FORMAT,
                   "%s: line %zu, column %zu: found text behind the closing quote, where the field "
                   "should end",
                   scan->path, scan->line, field->column);
}

static gr_status scan_plain(gr_scanner *scan, gr_field *field)
{
    field->at = scan->at;
    while (!scan_row_ends(scan) && *scan->at != scan->separator) {
        if (*scan->at == '"') {
            return gr_fail(GR_FORMAT,
                           "%s: line %zu, column %zu: found a quote within a field that does not "
                           "begin with one",
                           scan->path, field->line, field->column);
        }
        scan->at++;
    }
    field->size = (size_t)(scan->at - field->at);
    while (field->size > 0 && scan_blank(scan, field->at[field->size - 1])) field->size--;
    return GR_OK;
}

gr_status gr_scanner_field(gr_scanner *scan, gr_field *field)
{
    *field = (gr_field){.line = scan->line, .column = scan->column};
    while (scan->at < scan->end && scan_blank(scan, *scan->at)) scan->at++;
    if (scan->at < scan->end && *scan->at == '"') {
        scan->at++;
        GR_TRY(scan_quoted(scan, field));
    } else {
        GR_TRY(scan_plain(scan, field));
    }
    field->ends_row = scan_row_ends(scan);
    if (!field->ends_row) {
        scan->at++; /* the separator */
        scan->column++;
        return GR_OK;
    }
    if (scan->at < scan->end) scan->at += *scan->at == '\r' ? 2 : 1;
    scan->line++;
    scan->column = 1;
    return GR_OK;
}

bool gr_field_copy(const gr_field *field, char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < field->size; i++) {
        if (n + 1 >= size) return false;
        text[n++] = field->at[i];
        if (field->quoted && field->at[i] == '"') i++; /* the second of two */
    }
    text[n] = '\0';
    return true;
}

const char *gr_field_text(gr_arena *arena, const gr_field *field)
{
    char *text = gr_arena_alloc(arena, field->size + 1);
    if (text) gr_field_copy(field, text, field->size + 1);
    return text;
}

const char *gr_field_quote(const gr_field *field, char *text, size_t size)
{
    size_t n = field->size < size - 1 ? field->size : size - 1;
    while (n < field->size && n > 0 && ((unsigned char)field->at[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)field->at[i];
        text[i] = c < 32 || c == 127 ? '?' : (char)c;
    }
    text[n] = '\0';
    return text;
}

bool gr_field_number(const gr_field *field, double *value)
{
    /* Stops at the field's end by itself: a separator, quote, line end or NUL is no digit. */
    const char *cursor = field->at;
    return field->size > 0 && gr_parse_real(&cursor, value) && cursor == field->at + field->size;
}
