/* From characters to tokens. */
#include "lang/syntax.h"

#include <math.h>
#include <stdio.h>

static bool lexer_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the name character there, 0 if it is none: ASCII letters, digits and '_', and the
 * letters of Latin, Greek and Cyrillic with subscripts, so that θ₁ is a name. */
static size_t lexer_name_step(const char *data, size_t left)
{
    uint32_t c;
    size_t size = gr_lang_utf8(data, left, &c);
    if (size == 0) return 0;
    bool ascii =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    bool letter = (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) ||
                  (c >= 0x370 && c <= 0x52F) || (c >= 0x2080 && c <= 0x209C);
    return ascii || letter ? size : 0;
}

static void lexer_move(lang_lexer *lexer, size_t bytes, uint32_t columns)
{
    lexer->at.offset += (uint32_t)bytes;
    lexer->at.column += columns;
}

/* Skips blanks, comments and newlines; tells whether there was a newline. */
static bool lexer_skip(lang_lexer *lexer)
{
    const char *text = lexer->source.text;
    bool newline = false;
    for (;;) {
        char c = text[lexer->at.offset];
        if (c == '\n') {
            newline = true;
            lexer->at = (lang_at){lexer->at.offset + 1, lexer->at.line + 1, 1};
        } else if (c == ' ' || c == '\t' || c == '\r') {
            lexer_move(lexer, 1, 1);
        } else if (c == '#') {
            while (text[lexer->at.offset] && text[lexer->at.offset] != '\n') {
                bool inside = ((unsigned char)text[lexer->at.offset] & 0xC0) == 0x80;
                lexer_move(lexer, 1, inside ? 0 : 1);
            }
        } else {
            return newline;
        }
    }
}

/* What to type instead of a character that the language has not. */
static const char *lexer_hint(const char *data)
{
    static const char *const hints[][2] = {
        {"\u00D7", "'*' multiplies"},
        {"\u00B7", "'*' multiplies, '@' is the matrix product"},
        {"\u22C5", "'*' multiplies, '@' is the matrix product"},
        {"\u00F7", "'/' divides"},
        {"\u2212", "'-' subtracts"},
        {"\u2013", "'-' subtracts"},
        {"\u00B2", "a square is x^2"},
        {"\u2264", "write '<='"},
        {"\u2265", "write '>='"},
        {"\u2260", "write '!='"},
        {"\u2192", GR_LANG_JOINED},
        {"\u201C", "texts stand between \" and \""},
        {"\u201D", "texts stand between \" and \""},
        {"|", GR_LANG_JOINED ", logic is 'or'"},
        {"&", "logic is 'and'"},
        {"!", "negation is 'not', unequal is '!='"},
        {"%", "there is no remainder"},
        {"{", "brackets are ( ) and [ ]"},
        {"}", "brackets are ( ) and [ ]"},
    };
    for (size_t i = 0; i < GR_LEN(hints); i++) {
        if (strncmp(data, hints[i][0], strlen(hints[i][0])) == 0) return hints[i][1];
    }
    return NULL;
}

static gr_status lexer_stray(const lang_lexer *lexer)
{
    const char *data = lexer->source.text + lexer->at.offset;
    uint32_t code;
    size_t size = gr_lang_utf8(data, lexer->source.size - lexer->at.offset, &code);
    if (size == 0 || code < 0x20 || code == 0x7F) {
        return gr_lang_fail(&lexer->source, lexer->at, GR_SYNTAX, "stray byte 0x%02X",
                            (unsigned char)data[0]);
    }
    const char *hint = lexer_hint(data);
    return gr_lang_fail(&lexer->source, lexer->at, GR_SYNTAX, "unexpected character '%s'%s%s",
                        gr_lang_quote(data, size), hint ? ": " : "", hint ? hint : "");
}

static gr_status lexer_number(lang_lexer *lexer, lang_token *token)
{
    const char *start = lexer->source.text + lexer->at.offset, *end = start;
    if (!gr_parse_real(&end, &token->number)) return lexer_stray(lexer);
    size_t size = (size_t)(end - start);
    if (!isfinite(token->number)) {
        return gr_lang_fail(&lexer->source, lexer->at, GR_SYNTAX, "'%s' is beyond the range of f64",
                            gr_lang_quote(start, size));
    }
    token->kind = LANG_NUMBER;
    token->size = (uint32_t)size;
    lexer_move(lexer, size, token->size);
    return GR_OK;
}

static gr_status lexer_string(lang_lexer *lexer, lang_token *token)
{
    const char *text = lexer->source.text, quote = text[lexer->at.offset];
    size_t at = lexer->at.offset + 1;
    uint32_t columns = 2;
    while (text[at] && text[at] != quote && text[at] != '\n') {
        uint32_t code;
        size_t step = gr_lang_utf8(text + at, lexer->source.size - at, &code);
        if (step == 0 || code < 0x20) {
            return gr_lang_fail(&lexer->source, lexer->at, GR_SYNTAX, "stray byte 0x%02X in a text",
                                (unsigned char)text[at]);
        }
        at += step;
        columns++;
    }
    if (text[at] != quote) {
        return gr_lang_fail(&lexer->source, lexer->at, GR_SYNTAX, "this text has no closing %c",
                            quote);
    }
    token->kind = LANG_STRING;
    token->size = (uint32_t)(at + 1 - lexer->at.offset);
    lexer_move(lexer, token->size, columns);
    return GR_OK;
}

static void lexer_name(lang_lexer *lexer, lang_token *token)
{
    static const struct {
        const char *text;
        lang_token_kind kind;
    } reserved[] = {{"and", LANG_AND}, {"or", LANG_OR}, {"not", LANG_NOT}};
    const char *start = lexer->source.text + lexer->at.offset;
    size_t left = lexer->source.size - lexer->at.offset, size = 0, step;
    uint32_t columns = 0;
    while ((step = lexer_name_step(start + size, left - size)) > 0) {
        size += step;
        columns++;
    }
    token->kind = LANG_NAME;
    token->size = (uint32_t)size;
    for (size_t i = 0; i < GR_LEN(reserved); i++) {
        if (strlen(reserved[i].text) == size && memcmp(start, reserved[i].text, size) == 0) {
            token->kind = reserved[i].kind;
        }
    }
    lexer_move(lexer, size, columns);
}

static const struct {
    const char *text;
    lang_token_kind kind;
} lexer_signs[] = {
#define LEXER_SIGN(name, text) {text, LANG_##name},
    LANG_SIGNS(LEXER_SIGN)
#undef LEXER_SIGN
};

static gr_status lexer_sign(lang_lexer *lexer, lang_token *token)
{
    const char *data = lexer->source.text + lexer->at.offset;
    for (size_t i = 0; i < GR_LEN(lexer_signs); i++) {
        size_t size = strlen(lexer_signs[i].text);
        if (strncmp(data, lexer_signs[i].text, size) != 0) continue;
        token->kind = lexer_signs[i].kind;
        token->size = (uint32_t)size;
        lexer_move(lexer, size, token->size);
        if (token->kind == LANG_OPEN || token->kind == LANG_OPEN_LIST) lexer->brackets++;
        if (token->kind == LANG_CLOSE || token->kind == LANG_CLOSE_LIST) lexer->brackets--;
        return GR_OK;
    }
    return lexer_stray(lexer);
}

static gr_status lexer_next(lang_lexer *lexer, lang_token *token)
{
    lang_at before = lexer->at;
    bool newline = lexer_skip(lexer);
    const char *next = lexer->source.text + lexer->at.offset;
    *token = (lang_token){.at = lexer->at};
    /* A pipe at the start of a line continues the line before it. */
    if (newline && lexer->brackets <= 0 && strncmp(next, "|>", 2) != 0) {
        *token = (lang_token){.kind = LANG_NEWLINE, .at = before};
        return GR_OK;
    }
    if (!*next) return GR_OK; /* LANG_END */
    if (lexer_digit(*next) || (*next == '.' && lexer_digit(next[1]))) {
        return lexer_number(lexer, token);
    }
    if (*next == '"' || *next == '\'') return lexer_string(lexer, token);
    if (lexer_name_step(next, lexer->source.size - lexer->at.offset) > 0) {
        lexer_name(lexer, token);
        return GR_OK;
    }
    return lexer_sign(lexer, token);
}

gr_status gr_lang_lex(lang_lexer *lexer, lang_token *token)
{
    GR_TRY(lexer_next(lexer, token));
    token->end = lexer->at;
    return GR_OK;
}

const char *gr_lang_token_text(const lang_source *source, const lang_token *token)
{
    static _Thread_local char text[80];
    if (token->kind == LANG_END) return "the end";
    if (token->kind == LANG_NEWLINE) return "a new line";
    if (token->kind == LANG_STRING) return "a text";
    snprintf(text, sizeof text, "'%s'",
             gr_lang_quote(source->text + token->at.offset, token->size));
    return text;
}
