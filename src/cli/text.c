#include "cli/out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Widths --------------------------------------------------------------------------------- */

/* Bytes of the escape sequence ESC [ … letter at `text`, 0 if there is none. */
static size_t text_escape(const char *text)
{
    if (text[0] != '\033' || text[1] != '[') return 0;
    size_t n = 2 + strspn(text + 2, "0123456789;");
    return text[n] ? n + 1 : n;
}

static bool text_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) ||
           (c >= 0x20000 && c <= 0x3fffd);
}

/* Bytes of the character at `text`, at least 1 within it; *columns is what it takes. */
static size_t text_step(const char *text, int *columns)
{
    const unsigned char *byte = (const unsigned char *)text;
    size_t n = text_escape(text);
    *columns = 0;
    if (n) return n;
    uint32_t c = byte[0];
    size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (length > 1) c &= 0x7fu >> length;
    for (n = 1; n < length && (byte[n] & 0xc0) == 0x80; n++) c = c << 6 | (byte[n] & 0x3f);
    bool combining = (c >= 0x300 && c <= 0x36f) || c == 0x200b || c == 0x200d || c == 0xfe0f;
    *columns = combining ? 0 : text_wide(c) ? 2 : 1;
    return n;
}

size_t cli_text_cut(const char *text, int columns)
{
    size_t at = 0;
    while (text[at]) {
        int step;
        size_t n = text_step(text + at, &step);
        if (step > columns) break;
        columns -= step;
        at += n;
    }
    return at;
}

int cli_text_width(const char *text)
{
    int width = 0, step;
    for (; *text; width += step) text += text_step(text, &step);
    return width;
}

char *cli_ascii(const char *text)
{
    static const struct {
        const char *letter, *ascii;
    } letters[] = {{"…", "..."},   {"→", "->"},    {"·", "*"},      {"×", "x"},     {"÷", "/"},
                   {"−", "-"},     {"²", "^2"},    {"³", "^3"},     {"½", "1/2"},   {"Σ", "sum "},
                   {"√", "sqrt"},  {"∞", "inf"},   {"≤", "<="},     {"≥", ">="},    {"≠", "!="},
                   {"±", "+-"},    {"α", "alpha"}, {"β", "beta"},   {"γ", "gamma"}, {"δ", "delta"},
                   {"Δ", "delta"}, {"ε", "eps"},   {"λ", "lambda"}, {"μ", "mu"},    {"π", "pi"},
                   {"σ", "sigma"}, {"Φ", "Phi"},   {"‖", "|"},      {"ᵀ", "^T"},    {"─", "-"}};
    char *plain = cli_alloc(3 * strlen(text) + 1, 1); /* what takes 2 bytes becomes 6 at most */
    for (char *to = plain; *text;) {
        const size_t bytes = (unsigned char)*text < 0x80   ? 1
                             : (unsigned char)*text < 0xe0 ? 2
                             : (unsigned char)*text < 0xf0 ? 3
                                                           : 4;
        const char *ascii = bytes == 1 ? NULL : "?";
        for (size_t i = 0; ascii && i < sizeof letters / sizeof *letters; i++)
            if (strncmp(text, letters[i].letter, bytes) == 0) ascii = letters[i].ascii;
        const size_t n = ascii ? strlen(ascii) : 1;
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): all behind it is 0 */
        memcpy(to, ascii ? ascii : text, n);
        to += n;
        text += strnlen(text, bytes);
    }
    return plain;
}

/* Words with line breaks, as they are. */
static void text_wrap(const char *text, int indent, int column, int width)
{
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        char *word = cli_format("%.*s", (int)length, text);
        int columns = cli_text_width(word);
        if (!first && column + 1 + columns > width) {
            cli_print("\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            cli_print(" ");
            column++;
        }
        cli_print_text(word);
        column += columns;
        first = false;
        free(word);
        text += length;
        if (*text == '\n') {
            cli_print("\n%*s", indent, "");
            column = indent;
            first = true;
        }
        if (*text) text++;
    }
}

void cli_print_wrapped(const char *text, int indent, int column, int width)
{
    char *shown = cli_visible(text, false), *plain = cli_utf8() ? NULL : cli_ascii(shown);
    text_wrap(plain ? plain : shown, indent, column, width);
    free(plain);
    free(shown);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

char *cli_show_real(double value, char *text, size_t size)
{
    if (isnan(value))
        snprintf(text, size, "nan");
    else
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, size, "%.*g", digits, value);
            if (strtod(text, NULL) == value) break;
        }
    return text;
}

char *cli_show_real32(float value, char *text, size_t size)
{
    if (isnan(value))
        snprintf(text, size, "nan");
    else
        for (int digits = 6; digits <= 9; digits++) {
            snprintf(text, size, "%.*g", digits, (double)value);
            if (strtof(text, NULL) == value) break;
        }
    return text;
}

static char *text_scaled(double value, double base, const char *const *units, int n, char *text,
                         size_t size)
{
    int unit = 0;
    while (unit < n - 1 && value >= base) {
        value /= base;
        unit++;
    }
    int digits = unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(text, size, "%.*f%s%s", digits, value, *units[unit] ? " " : "", units[unit]);
    return text;
}

char *cli_bar(double share, int width)
{
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    enum { LETTER = 3, COLORS = 16 }; /* bytes */
    const size_t size = (size_t)width * LETTER + COLORS;
    int eighths = (int)(share * width * 8 + .5), full = eighths / 8;
    if (!cli_utf8()) eighths = 8 * full;
    char *text = cli_alloc(size, 1), *to = text;
    to = stpcpy(to, cli_color(CLI_GREEN));
    for (int i = 0; i < full; i++) to = stpcpy(to, cli_glyph("█", "#"));
    to = stpcpy(to, parts[eighths % 8]);
    to = stpcpy(to, cli_color(CLI_PLAIN));
    for (int i = full + (eighths % 8 != 0); i < width; i++) to = stpcpy(to, cli_glyph("░", "."));
    return text;
}

char *cli_show_count(double count, char *text, size_t size)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P"};
    return text_scaled(count, 1000, units, 6, text, size);
}

char *cli_show_bytes(double bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return text_scaled(bytes, 1024, units, 5, text, size);
}

char *cli_show_time(double seconds, char *text, size_t size)
{
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(text, size, "-:--");
    } else if (seconds < 60) {
        snprintf(text, size, "%.1f s", seconds);
    } else {
        int64_t whole = (int64_t)(seconds + .5);
        int64_t hours = whole / 3600, minutes = whole / 60 % 60;
        if (hours)
            snprintf(text, size, "%" PRId64 ":%02" PRId64 ":%02" PRId64, hours, minutes,
                     whole % 60);
        else
            snprintf(text, size, "%" PRId64 ":%02" PRId64 " min", minutes, whole % 60);
    }
    return text;
}

char *cli_show_moment(double seconds, char *text, size_t size)
{
    static const struct moment_unit {
        double seconds;
        const char *name;
    } units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, NULL}, {1e-9, "ns"}};
    int unit = 0;
    while (unit < 3 && seconds < .9995 * units[unit].seconds) unit++;
    const double value = seconds / units[unit].seconds;
    const char *name = units[unit].name ? units[unit].name : cli_glyph("µs", "us");
    /* Digits by the value as it is printed: 9.996 is "10.0". */
    snprintf(text, size, "%.*f %s", value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value, name);
    return text;
}
