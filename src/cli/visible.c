/* Names and texts of the user's files, as a terminal may have them: a class that is called
 * ESC ] 0 ; … shall be read, not obeyed. */
#include "cli/out.h"

#include <stdio.h>
#include <string.h>

/* The longest form of one byte: "\u202e" takes 6, for 3 of them; "\x1b" 4 for 1. */
enum { VISIBLE_GROWTH = 4 };

/* Bytes of the UTF-8 character at text[size], and its number; 0 if there is none. */
static size_t visible_character(const char *text, size_t size, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text;
    const size_t length = byte[0] < 0x80                       ? 1
                          : byte[0] >= 0xc2 && byte[0] <= 0xdf ? 2
                          : (byte[0] & 0xf0) == 0xe0           ? 3
                          : byte[0] >= 0xf0 && byte[0] <= 0xf4 ? 4
                                                               : 0;
    if (length == 0 || length > size) return 0;
    uint32_t c = length == 1 ? byte[0] : byte[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (byte[i] & 0x3f);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return 0;
    *code = c;
    return length;
}

/* Does it change what stands beside it? C1 controls, and those that turn the direction of text. */
static bool visible_controls(uint32_t code)
{
    return (code >= 0x7f && code <= 0x9f) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Bytes of the command's own escape sequence at `text`. */
static size_t visible_style(const char *text, size_t size)
{
    for (int style = CLI_PLAIN; style <= CLI_YELLOW; style++) {
        const char *code = cli_color((cli_style)style);
        const size_t length = strlen(code);
        if (length > 0 && length <= size && memcmp(text, code, length) == 0) return length;
    }
    return 0;
}

char *cli_visible_bytes(const char *text, size_t size, bool in_line)
{
    char *out = cli_alloc(VISIBLE_GROWTH * size + 1, 1), *to = out;
    for (size_t at = 0, taken; at < size; at += taken) {
        const char c = text[at];
        uint32_t code = (unsigned char)c;
        const size_t style = visible_style(text + at, size - at);
        const size_t length = visible_character(text + at, size - at, &code);
        taken = style ? style : length ? length : 1;
        if (!style && in_line && (c == '\n' || c == '\t'))
            to += snprintf(to, 3, "\\%c", c == '\n' ? 'n' : 't');
        else if (c == '\r' && !style)
            to += snprintf(to, 3, "\\r");
        else if (!style && (length == 0 || code == 0x7f || (code < 0x20 && c != '\n' && c != '\t')))
            to += snprintf(to, 5, "\\x%02x", (unsigned)code);
        else if (!style && visible_controls(code))
            to += snprintf(to, 7, "\\u%04x", (unsigned)code);
        else
            to = (char *)memcpy(to, text + at, taken) + taken;
    }
    *to = '\0';
    return out;
}

char *cli_visible(const char *text, bool in_line)
{
    return cli_visible_bytes(text, strlen(text), in_line);
}
