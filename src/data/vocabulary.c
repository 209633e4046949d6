/* Vocabularies: the characters or bytes that a text's tokens stand for. */
#include <stdio.h>

#include "data/dataset.h"
#include "data/text.h"

#define VOCABULARY_POINTS 0x110000u /* code points of Unicode; behind them, bytes that are none */
#define VOCABULARY_BYTE(byte) (VOCABULARY_POINTS + (byte))
#define VOCABULARY_NAME 8 /* bytes of a name with its NUL, at most */

/* A token is a number: a code point, or a byte behind all of them. */
typedef struct vocabulary_entry {
    uint32_t number;
    int32_t token;
} vocabulary_entry;

struct gr_vocabulary {
    int count;
    uint32_t *numbers; /* [count] */
    char (*names)[VOCABULARY_NAME];
    vocabulary_entry *sorted; /* [count], by number */
    int32_t ascii[128];       /* tokens, -1: none */
};

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* Reads the character at text[0 … size-1] (RFC 3629); returns its bytes, 0 if it is malformed. */
static size_t vocabulary_read_utf8(const char *text, size_t size, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text;
    size_t n = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (n == 0 || n > size || at[0] > 0xf4) return 0;
    *point = n == 1 ? at[0] : at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    bool surrogate = *point >= 0xd800 && *point < 0xe000;
    return *point < least[n] || *point >= VOCABULARY_POINTS || surrogate ? 0 : n;
}

static size_t vocabulary_write(uint32_t number, char text[4])
{
    if (number >= VOCABULARY_POINTS || number < 0x80) {
        text[0] = (char)(unsigned char)(number >= VOCABULARY_POINTS ? number - VOCABULARY_POINTS
                                                                    : number);
        return 1;
    }
    size_t n = number < 0x800 ? 2 : number < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, number >>= 6)
        text[i] = (char)(unsigned char)(0x80 | (number & 0x3f));
    text[0] = (char)(unsigned char)((0xf00u >> n & 0xf0) | number);
    return n;
}

/* ---- Names -------------------------------------------------------------------------------- */

static const char vocabulary_escapes[] = "\nn\tt\rr\\\\"; /* character, letter */

static void vocabulary_print(uint32_t number, char name[VOCABULARY_NAME])
{
    for (size_t i = 0; vocabulary_escapes[i]; i += 2) {
        if (number == (unsigned char)vocabulary_escapes[i]) {
            snprintf(name, VOCABULARY_NAME, "\\%c", vocabulary_escapes[i + 1]);
            return;
        }
    }
    if (number < 0x20 || number == 0x7f || number >= VOCABULARY_POINTS) {
        unsigned byte =
            number >= VOCABULARY_POINTS ? (unsigned)(number - VOCABULARY_POINTS) : number;
        snprintf(name, VOCABULARY_NAME, "\\x%02x", byte & 0xff);
        return;
    }
    name[vocabulary_write(number, name)] = '\0';
}

/* false if it is no name. */
static bool vocabulary_scan(const char *name, uint32_t *number)
{
    size_t size = strlen(name);
    if (size == 0) return false;
    if (name[0] != '\\') return vocabulary_read_utf8(name, size, number) == size;
    if (size == 4 && name[1] == 'x') {
        char *end;
        unsigned long byte = strtoul(name + 2, &end, 16);
        *number = byte < 0x80 ? (uint32_t)byte : VOCABULARY_BYTE((uint32_t)byte);
        return *end == '\0' && name[2] != '+' && name[2] != '-' && name[2] != ' ';
    }
    for (size_t i = 0; size == 2 && vocabulary_escapes[i]; i += 2) {
        *number = (unsigned char)vocabulary_escapes[i];
        if (name[1] == vocabulary_escapes[i + 1]) return true;
    }
    return false;
}

/* ---- Making ------------------------------------------------------------------------------- */

static gr_status vocabulary_room(int count, gr_vocabulary **vocabulary)
{
    gr_vocabulary *made = gr_alloc(sizeof *made);
    *vocabulary = made;
    if (!made) return GR_NO_MEMORY;
    made->count = count;
    made->numbers = gr_alloc_array((size_t)count, sizeof *made->numbers);
    made->names = gr_alloc_array((size_t)count, sizeof *made->names);
    made->sorted = gr_alloc_array((size_t)count, sizeof *made->sorted);
    return made->numbers && made->names && made->sorted ? GR_OK : GR_NO_MEMORY;
}

static int vocabulary_compare(const void *a, const void *b)
{
    const vocabulary_entry *one = a, *other = b;
    return (one->number > other->number) - (one->number < other->number);
}

/* From `numbers` everything else. */
static gr_status vocabulary_settle(gr_vocabulary *v)
{
    for (int i = 0; i < 128; i++) v->ascii[i] = -1;
    for (int i = 0; i < v->count; i++) {
        v->sorted[i] = (vocabulary_entry){v->numbers[i], i};
        vocabulary_print(v->numbers[i], v->names[i]);
        if (v->numbers[i] < 128) v->ascii[v->numbers[i]] = i;
    }
    qsort(v->sorted, (size_t)v->count, sizeof *v->sorted, vocabulary_compare);
    for (int i = 1; i < v->count; i++)
        if (v->sorted[i].number == v->sorted[i - 1].number)
            return gr_fail(GR_INVALID, "the character '%s' is in the vocabulary twice",
                           v->names[v->sorted[i].token]);
    return GR_OK;
}

/* Marks the code points that occur. */
static gr_status vocabulary_survey(const char *text, size_t size, bool *occurs, int *count)
{
    size_t line = 1;
    for (size_t at = 0, n; at < size; at += n) {
        uint32_t point;
        n = vocabulary_read_utf8(text + at, size - at, &point);
        if (n == 0)
            return gr_fail(
                GR_FORMAT,
                "line %zu: byte 0x%02x at %zu is not UTF-8: as bytes, any file is a text", line,
                (unsigned)(unsigned char)text[at], at);
        line += point == '\n';
        *count += !occurs[point];
        occurs[point] = true;
    }
    if (*count > GR_DATA_MAX_CLASSES)
        return gr_fail(GR_INVALID, "%d different characters: should be at most %d", *count,
                       GR_DATA_MAX_CLASSES);
    return GR_OK;
}

static gr_status vocabulary_learn_chars(const char *text, size_t size, gr_vocabulary **vocabulary)
{
    int count = 0, filled = 0;
    bool *occurs = gr_alloc(VOCABULARY_POINTS);
    if (!occurs) return GR_NO_MEMORY;
    gr_status status = vocabulary_survey(text, size, occurs, &count);
    if (status == GR_OK) status = vocabulary_room(count, vocabulary);
    for (uint32_t point = 0; status == GR_OK && point < VOCABULARY_POINTS; point++)
        if (occurs[point]) (*vocabulary)->numbers[filled++] = point;
    gr_free(occurs);
    return status;
}

static gr_status vocabulary_all_bytes(gr_vocabulary **vocabulary)
{
    GR_TRY(vocabulary_room(256, vocabulary));
    for (uint32_t byte = 0; byte < 256; byte++)
        (*vocabulary)->numbers[byte] = byte < 0x80 ? byte : VOCABULARY_BYTE(byte);
    return GR_OK;
}

static gr_status vocabulary_conclude(gr_status status, gr_vocabulary **vocabulary)
{
    if (status == GR_OK) status = vocabulary_settle(*vocabulary);
    if (status == GR_OK) return GR_OK;
    gr_vocabulary_free(*vocabulary);
    *vocabulary = NULL;
    return status;
}

gr_status gr_vocabulary_learn(const char *text, size_t size, gr_text_unit unit,
                              gr_vocabulary **vocabulary)
{
    *vocabulary = NULL;
    if (size == 0) return gr_fail(GR_INVALID, "there is no text");
    return vocabulary_conclude(unit == GR_TEXT_BYTES
                                   ? vocabulary_all_bytes(vocabulary)
                                   : vocabulary_learn_chars(text, size, vocabulary),
                               vocabulary);
}

static gr_status vocabulary_read_names(const char *const *names, int n, gr_vocabulary **vocabulary)
{
    if (n < 1 || n > GR_DATA_MAX_CLASSES)
        return gr_fail(GR_INVALID, "a vocabulary of %d characters: should be 1 to %d", n,
                       GR_DATA_MAX_CLASSES);
    GR_TRY(vocabulary_room(n, vocabulary));
    for (int i = 0; i < n; i++)
        if (!vocabulary_scan(names[i], &(*vocabulary)->numbers[i]))
            return gr_fail(GR_INVALID, "class %d, '%.40s', is no character", i, names[i]);
    return GR_OK;
}

gr_status gr_vocabulary_new(const char *const *names, int n, gr_vocabulary **vocabulary)
{
    *vocabulary = NULL;
    return vocabulary_conclude(vocabulary_read_names(names, n, vocabulary), vocabulary);
}

void gr_vocabulary_free(gr_vocabulary *vocabulary)
{
    if (!vocabulary) return;
    gr_free(vocabulary->numbers);
    gr_free(vocabulary->names);
    gr_free(vocabulary->sorted);
    gr_free(vocabulary);
}

/* ---- Use ---------------------------------------------------------------------------------- */

int gr_vocabulary_size(const gr_vocabulary *vocabulary)
{
    return vocabulary->count;
}

const char *gr_vocabulary_name(const gr_vocabulary *vocabulary, int token)
{
    return token >= 0 && token < vocabulary->count ? vocabulary->names[token] : NULL;
}

size_t gr_vocabulary_decode(const gr_vocabulary *vocabulary, int token, char text[4])
{
    if (token < 0 || token >= vocabulary->count) return 0;
    return vocabulary_write(vocabulary->numbers[token], text);
}

/* -1 if it is not there. */
static int32_t vocabulary_find(const gr_vocabulary *v, uint32_t number)
{
    if (number < 128) return v->ascii[number];
    const vocabulary_entry key = {number, 0};
    const vocabulary_entry *found =
        bsearch(&key, v->sorted, (size_t)v->count, sizeof key, vocabulary_compare);
    return found ? found->token : -1;
}

/* The token at `text`, and its bytes: a character, else the byte. */
static int32_t vocabulary_match(const gr_vocabulary *v, const char *text, size_t size, size_t *n)
{
    uint32_t point;
    *n = vocabulary_read_utf8(text, size, &point);
    int32_t token = *n ? vocabulary_find(v, point) : -1;
    if (token >= 0) return token;
    token = vocabulary_find(v, VOCABULARY_BYTE((unsigned char)*text));
    if (token >= 0) *n = 1;
    return token;
}

static gr_status vocabulary_miss(const gr_vocabulary *v, const char *text, size_t size, size_t at)
{
    uint32_t number;
    size_t line = 1, column = 1;
    char name[VOCABULARY_NAME];
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else {
            column += ((unsigned char)text[i] & 0xc0) != 0x80;
        }
    }
    if (vocabulary_read_utf8(text + at, size - at, &number) == 0)
        number = VOCABULARY_BYTE((unsigned char)text[at]);
    vocabulary_print(number, name);
    return gr_fail(GR_RANGE,
                   "line %zu, column %zu: the character '%s' is none of the vocabulary's %d", line,
                   column, name, v->count);
}

gr_status gr_vocabulary_encode(const gr_vocabulary *vocabulary, const char *text, size_t size,
                               int32_t *tokens, int64_t *n)
{
    *n = 0;
    for (size_t at = 0, bytes; at < size; at += bytes) {
        int32_t token = vocabulary_match(vocabulary, text + at, size - at, &bytes);
        if (token < 0) return vocabulary_miss(vocabulary, text, size, at);
        tokens[(*n)++] = token;
    }
    return GR_OK;
}
