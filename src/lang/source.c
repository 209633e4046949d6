/* Positions in a text and the messages that point at them. */
#include "lang/syntax.h"

#include <stdio.h>

#define SOURCE_BEFORE 60 /* characters of a long line shown before the caret, */
#define SOURCE_AFTER 40  /* and after it */
#define SOURCE_QUOTE 48  /* bytes of a quoted name */

size_t gr_lang_utf8(const char *data, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms are malformed */
    unsigned char head = left > 0 ? (unsigned char)data[0] : 0x80;
    size_t size = head < 0x80 ? 1 : head < 0xC0 ? 0 : head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;
    if (size == 0 || size > left || head > 0xF4) return 0;
    uint32_t value = size == 1 ? head : head & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)data[i] & 0xC0) != 0x80) return 0;
        value = value << 6 | ((unsigned char)data[i] & 0x3F);
    }
    if (size > 1 && value < least[size]) return 0;
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0;
    *code = value;
    return size;
}

/* Bytes of the character there; a malformed byte counts as one. */
static size_t source_step(const char *data, size_t left)
{
    uint32_t code;
    size_t size = gr_lang_utf8(data, left, &code);
    return size > 0 ? size : 1;
}

/* Appends text fit for a message: control characters and malformed bytes become '?'. */
static void source_append(gr_text *text, const char *data, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t code;
        size_t step = gr_lang_utf8(data + i, size - i, &code);
        bool plain = step > 0 && (code == '\t' || (code >= 0x20 && code != 0x7F && code != 0x85));
        if (plain)
            gr_text_append(text, data + i, step);
        else
            gr_text_append(text, "?", 1);
        i += step > 0 ? step : 1;
    }
}

const char *gr_lang_quote(const char *data, size_t length)
{
    static _Thread_local char texts[8][SOURCE_QUOTE + 8];
    static _Thread_local unsigned turn;
    char *text = texts[turn++ % GR_LEN(texts)];
    size_t size = 0, i = 0;
    while (i < length && size < SOURCE_QUOTE) {
        uint32_t code;
        size_t step = gr_lang_utf8(data + i, length - i, &code);
        if (step > 0 && code >= 0x20 && code != 0x7F) {
            memcpy(text + size, data + i, step);
            size += step;
        } else {
            text[size++] = '?';
        }
        i += step > 0 ? step : 1;
    }
    memcpy(text + size, i < length ? "..." : "", i < length ? 4 : 1);
    return text;
}

/* The byte `count` characters before `from`, not before `first`. */
static size_t source_back(const char *data, size_t first, size_t from, int count)
{
    while (from > first && count > 0) {
        from--;
        while (from > first && ((unsigned char)data[from] & 0xC0) == 0x80) from--;
        count--;
    }
    return from;
}

void gr_lang_caret(const lang_source *source, lang_at at, gr_text *text)
{
    const char *data = source->text;
    size_t offset = at.offset, first = offset, last = offset;
    while (first > 0 && data[first - 1] != '\n') first--;
    size_t begin = source_back(data, first, offset, SOURCE_BEFORE);
    for (int i = 0; i < SOURCE_AFTER && last < source->size; i++) {
        if (data[last] == '\n' || data[last] == '\r') break;
        last += source_step(data + last, source->size - last);
    }
    bool cut = last < source->size && data[last] != '\n' && data[last] != '\r';

    gr_text_printf(text, "\n  %s", begin > first ? "..." : "");
    source_append(text, data + begin, last - begin);
    gr_text_printf(text, "%s\n  %s", cut ? "..." : "", begin > first ? "   " : "");
    for (size_t i = begin; i < offset;) { /* a tab stays one, so that the columns agree */
        gr_text_append(text, data[i] == '\t' ? "\t" : " ", 1);
        i += source_step(data + i, offset - i);
    }
    gr_text_append(text, "^", 1);
}

gr_status gr_lang_fail_v(const lang_source *source, lang_at at, gr_status status,
                         const char *format, va_list args)
{
    char fault[1024];
    gr_text caret = {0};
    vsnprintf(fault, sizeof fault, format, args);
    gr_lang_caret(source, at, &caret);
    gr_fail(status, "%s:%u:%u: %s%s", source->name, at.line, at.column, fault,
            caret.data && !caret.failed ? caret.data : "");
    gr_text_free(&caret);
    return status;
}

gr_status gr_lang_fail(const lang_source *source, lang_at at, gr_status status, const char *format,
                       ...)
{
    va_list args;
    va_start(args, format);
    gr_lang_fail_v(source, at, status, format, args);
    va_end(args);
    return status;
}
