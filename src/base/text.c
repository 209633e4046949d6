/* Growing strings, numbers to and from text whatever the locale, and names that are near. */
#include "base/base.h"

#include <math.h>
#include <stdio.h>

/* ---- Growing strings ---------------------------------------------------------------------- */

/* Makes room for `more` bytes and a NUL. */
static bool text_reserve(gr_text *text, size_t more)
{
    size_t wanted;
    if (text->failed) return false;
    if (!gr_add_size(text->size, more, &wanted) || !gr_add_size(wanted, 1, &wanted)) {
        gr_no_memory(more);
        text->failed = true;
        return false;
    }
    if (wanted <= text->capacity) return true;
    size_t capacity = text->capacity < 32 ? 64 : text->capacity;
    while (capacity < wanted && gr_mul_size(capacity, 2, &capacity)) continue;
    if (capacity < wanted) capacity = wanted;
    char *data = gr_realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void gr_text_append(gr_text *text, const char *data, size_t size)
{
    if (!text_reserve(text, size)) return;
    if (size > 0) memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void gr_text_printf(gr_text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        text->failed = true;
    } else if (text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
}

void gr_text_free(gr_text *text)
{
    gr_free(text->data);
    *text = (gr_text){0};
}

/* ---- Numbers to text ---------------------------------------------------------------------- */

/* Replaces the locale's decimal point, of whatever length, by '.'. */
static void text_plain_point(char *number)
{
    char *point = number;
    while (*point && strchr("+-0123456789e", *point)) point++;
    if (!*point) return;
    char *rest = point;
    while (*rest && !strchr("0123456789e", *rest)) rest++;
    *point = '.';
    memmove(point + 1, rest, strlen(rest) + 1);
}

void gr_text_real(gr_text *text, double value)
{
    char number[48];
    if (!isfinite(value)) {
        const char *word = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
        gr_text_append(text, word, strlen(word));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) { /* 17 always read back exactly */
        snprintf(number, sizeof number, "%.*g", digits, value);
        text_plain_point(number);
        const char *cursor = number;
        double back;
        if (gr_parse_real(&cursor, &back) && back == value) break;
    }
    gr_text_append(text, number, strlen(number));
}

/* ---- Text to numbers ---------------------------------------------------------------------- */

static bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool text_is_word(char c)
{
    char low = text_lower(c);
    return (low >= 'a' && low <= 'z') || text_is_digit(c) || c == '_';
}

/* Skips `word` at *cursor in any case of letters if no letter or digit follows it. */
static bool text_skip_word(const char **cursor, const char *word)
{
    const char *at = *cursor;
    while (*word && text_lower(*at) == *word) at++, word++;
    if (*word || text_is_word(*at)) return false;
    *cursor = at;
    return true;
}

/* A decimal number: its significant digits as a whole number times 10^exponent. */
typedef struct text_decimal {
    /* 767 digits and one more that says whether anything follows decide every double. */
    char digit[770];
    int count;
    int64_t exponent;
} text_decimal;

static void text_decimal_push(text_decimal *decimal, char digit, bool after_point)
{
    if (after_point) decimal->exponent--;
    if (decimal->count == 0 && digit == '0') return;
    if (decimal->count < 769) {
        decimal->digit[decimal->count++] = digit;
        return;
    }
    decimal->exponent++;
    if (digit != '0') decimal->digit[768] = '1'; /* sticky: only "not exactly half" matters */
}

/* Reads digits, a point and an exponent. false, cursor unmoved, if there is no digit. */
static bool text_decimal_read(const char **cursor, text_decimal *decimal)
{
    const char *at = *cursor;
    bool any = false;
    decimal->count = 0;
    decimal->exponent = 0;
    for (; text_is_digit(*at); at++, any = true) text_decimal_push(decimal, *at, false);
    if (*at == '.' && (any || text_is_digit(at[1]))) {
        for (at++; text_is_digit(*at); at++, any = true) text_decimal_push(decimal, *at, true);
    }
    if (!any) return false;

    if (*at == 'e' || *at == 'E') {
        const char *digits = at + 1;
        bool negative = *digits == '-';
        if (*digits == '-' || *digits == '+') digits++;
        if (text_is_digit(*digits)) {
            int64_t exponent = 0;
            for (; text_is_digit(*digits); digits++) {
                if (exponent < 1000000000000) exponent = exponent * 10 + (*digits - '0');
            }
            decimal->exponent += negative ? -exponent : exponent;
            at = digits;
        }
    }
    *cursor = at;
    return true;
}

static double text_decimal_value(const text_decimal *decimal)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (decimal->count == 0) return 0;
    /* Both factors are exact, so one operation rounds once (Clinger 1990). */
    if (decimal->count <= 15 && decimal->exponent >= -22 && decimal->exponent <= 22) {
        int64_t whole = 0;
        for (int i = 0; i < decimal->count; i++) whole = whole * 10 + (decimal->digit[i] - '0');
        return decimal->exponent < 0 ? (double)whole / power[-decimal->exponent]
                                     : (double)whole * power[decimal->exponent];
    }
    if (decimal->exponent > 400) return (double)INFINITY;
    if (decimal->exponent < -2000) return 0;
    /* Without a decimal point strtod does not depend on the locale. */
    char number[800];
    snprintf(number, sizeof number, "%.*se%d", decimal->count, decimal->digit,
             (int)decimal->exponent);
    return strtod(number, NULL);
}

bool gr_parse_real(const char **cursor, double *out)
{
    const char *at = *cursor;
    bool negative = *at == '-';
    text_decimal decimal;
    double value;
    if (*at == '-' || *at == '+') at++;
    if (text_skip_word(&at, "nan")) {
        value = (double)NAN;
    } else if (text_skip_word(&at, "inf") || text_skip_word(&at, "infinity")) {
        value = (double)INFINITY;
    } else if (text_decimal_read(&at, &decimal)) {
        value = text_decimal_value(&decimal);
    } else {
        return false;
    }
    *out = negative ? -value : value;
    *cursor = at;
    return true;
}

bool gr_parse_int(const char **cursor, int64_t *out)
{
    const char *at = *cursor;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+') at++;
    if (!text_is_digit(*at)) return false;
    int64_t value = 0; /* gathered as a negative number, which reaches one further */
    for (; text_is_digit(*at); at++) {
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, *at - '0', &value)) return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    *cursor = at;
    return true;
}

/* ---- Near names --------------------------------------------------------------------------- */

#define TEXT_NEAR 48 /* longer words are not compared */

/* Edit distance with swaps of neighbours (optimal string alignment), any case of letters. */
static size_t text_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t row[3][TEXT_NEAR + 1];
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char p = text_lower(a[i - 1]), q = text_lower(b[j - 1]);
            size_t best = above[j - 1] + (p != q);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && p == text_lower(b[j - 2]) && q == text_lower(a[i - 2]) &&
                before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *gr_nearest(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word);
    if (length == 0 || length > TEXT_NEAR) return NULL;
    size_t limit = length < 3 ? 1 : (length + 2) / 3;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > TEXT_NEAR) continue;
        size_t distance = text_distance(word, names[i]);
        if (distance > limit) continue;
        if (nearest && distance == limit) continue; /* equally near: the first */
        nearest = names[i];
        limit = distance;
        if (distance == 0) break;
    }
    return nearest;
}
