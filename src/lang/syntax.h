/* Texts, tokens and the syntax tree of the language. Internal.
 *
 * The tree is flat: nodes stand in one array, children before parents, in the order in which they
 * are evaluated. So checking and building are loops, and a chain of a million terms needs no
 * stack; only brackets, signs and powers recurse, to gr_limit_nesting(). */
#ifndef GR_LANG_SYNTAX_H
#define GR_LANG_SYNTAX_H

#include "base/base.h"

#include <gradus/lang.h>

/* ---- Source and faults -------------------------------------------------------------------- */

typedef struct lang_source {
    const char *name, *text;
    size_t size;
} lang_source;

/* A position: line and column count from 1, columns in characters. */
typedef struct lang_at {
    uint32_t offset, line, column;
} lang_at;

/* "name:line:column: …", the line, and a caret. Returns `status`. */
gr_status gr_lang_fail(const lang_source *source, lang_at at, gr_status status, const char *format,
                       ...) GR_PRINTF(4, 5);
gr_status gr_lang_fail_v(const lang_source *source, lang_at at, gr_status status,
                         const char *format, va_list args);
/* Appends the line with a caret under the column to `text`: "\n  x + \n      ^". */
void gr_lang_caret(const lang_source *source, lang_at at, gr_text *text);
/* A name as `length` bytes of the source, cut to a sane length; alive until the 8th next call. */
const char *gr_lang_quote(const char *data, size_t length);
/* Bytes of the UTF-8 character at data[0..left), its code point in *code; 0 if it is malformed. */
size_t gr_lang_utf8(const char *data, size_t left, uint32_t *code);

/* ---- Tokens ------------------------------------------------------------------------------- */

/* X(NAME, "spelling"), longer spellings before their prefixes. */
#define LANG_SIGNS(X)                                                                              \
    X(PIPE, "|>")                                                                                  \
    X(POWER, "**")                                                                                 \
    X(EQUAL, "==")                                                                                 \
    X(NOT_EQUAL, "!=")                                                                             \
    X(LESS_EQUAL, "<=")                                                                            \
    X(GREATER_EQUAL, ">=")                                                                         \
    X(LESS, "<")                                                                                   \
    X(GREATER, ">")                                                                                \
    X(IS, "=")                                                                                     \
    X(PLUS, "+")                                                                                   \
    X(MINUS, "-")                                                                                  \
    X(TIMES, "*")                                                                                  \
    X(OVER, "/")                                                                                   \
    X(AT, "@")                                                                                     \
    X(CARET, "^")                                                                                  \
    X(OPEN, "(")                                                                                   \
    X(CLOSE, ")")                                                                                  \
    X(OPEN_LIST, "[")                                                                              \
    X(CLOSE_LIST, "]")                                                                             \
    X(COMMA, ",")                                                                                  \
    X(COLON, ":")                                                                                  \
    X(SEMICOLON, ";")

typedef enum lang_token_kind {
    LANG_END,
    LANG_NEWLINE, /* one or more, with the blanks and comments between them */
    LANG_NUMBER,
    LANG_NAME,
    LANG_STRING, /* its position and size include the quotes */
    LANG_AND,
    LANG_OR,
    LANG_NOT,
#define LANG_SIGN_ENUM(name, text) LANG_##name,
    LANG_SIGNS(LANG_SIGN_ENUM)
#undef LANG_SIGN_ENUM
} lang_token_kind;

typedef struct lang_token {
    lang_token_kind kind;
    lang_at at, end;
    uint32_t size; /* bytes */
    double number;
} lang_token;

typedef struct lang_lexer {
    lang_source source;
    lang_at at;   /* of the next character */
    int brackets; /* open ones: newlines inside mean nothing */
} lang_lexer;

gr_status gr_lang_lex(lang_lexer *lexer, lang_token *token);
/* "'+'", "the end", "a new line" for messages. */
const char *gr_lang_token_text(const lang_source *source, const lang_token *token);

/* ---- The tree ----------------------------------------------------------------------------- */

typedef enum lang_op {
    LANG_OP_OR,
    LANG_OP_AND,
    LANG_OP_NOT,
    LANG_OP_EQUAL,
    LANG_OP_NOT_EQUAL,
    LANG_OP_LESS,
    LANG_OP_LESS_EQUAL,
    LANG_OP_GREATER,
    LANG_OP_GREATER_EQUAL,
    LANG_OP_ADD,
    LANG_OP_SUB,
    LANG_OP_MUL,
    LANG_OP_DIV,
    LANG_OP_MATMUL,
    LANG_OP_NEG,
    LANG_OP_POW,
    LANG_OP_COUNT
} lang_op;

/* How tightly things bind, loosest first. */
enum lang_level {
    LANG_LEVEL_PIPE,
    LANG_LEVEL_OR,
    LANG_LEVEL_AND,
    LANG_LEVEL_NOT,
    LANG_LEVEL_COMPARE,
    LANG_LEVEL_SUM,
    LANG_LEVEL_PRODUCT,
    LANG_LEVEL_SIGN,
    LANG_LEVEL_POWER,
    LANG_LEVEL_POSTFIX
};

typedef struct lang_op_info {
    const char *text;
    int level;
} lang_op_info;
extern const lang_op_info gr_lang_ops[LANG_OP_COUNT];

typedef enum lang_kind {
    LANG_AST_NUMBER,
    LANG_AST_LIST,
    LANG_AST_STRING,
    LANG_AST_NAME,
    LANG_AST_UNARY,
    LANG_AST_BINARY,
    LANG_AST_CALL,
    LANG_AST_INDEX,
    LANG_AST_RANGE
} lang_kind;

/* An argument of a call, or an item of an index. */
typedef struct lang_arg {
    struct lang_arg *next;
    const char *keyword; /* NULL: positional */
    lang_at at;          /* of the keyword or the value */
    int value;
} lang_arg;

typedef struct lang_list {
    gr_shape shape;
    size_t first; /* in the expression's numbers */
} lang_list;

typedef struct lang_ast {
    lang_kind kind;
    lang_at at;
    union {
        double number;
        lang_list *list;
        const char *string;
        struct {
            int symbol;
            int statement; /* that gives it; -1: an input or a constant */
        } name;
        struct {
            lang_op op;
            int a, b; /* b = -1 for unary */
        } operate;
        struct {
            const char *word;
            lang_arg *args;
            bool piped; /* args[0] was written before `|>`, or left out */
        } call;
        struct {
            int base;
            lang_arg *items;
        } index;
        struct {
            int start, stop, step; /* -1: left out */
        } range;
    };
} lang_ast;

typedef struct lang_symbol {
    const char *text;
    uint64_t hash;
    int statement; /* that gives it; -1: none so far */
    int input;     /* its number among the inputs; -1: none */
    int uses;      /* as a free name so far */
    lang_at first; /* where it was first used or given */
} lang_symbol;

typedef struct lang_statement {
    int symbol; /* -1: bare */
    lang_at at;
    int first, root; /* its nodes are first … root */
} lang_statement;

/* Symbols by name. Zero-initialise. */
typedef struct lang_names {
    gr_arena arena; /* of the names */
    lang_symbol *symbols;
    size_t count, capacity;
    int *buckets; /* symbol numbers by hash, -1 empty; a power of two of them */
    size_t n_buckets;
} lang_names;

/* The number of the symbol `data[0..size)`, made if it is new; -1 when memory is out. */
int gr_lang_symbol_of(lang_names *names, const char *data, size_t size);
void gr_lang_names_free(lang_names *names);

struct gr_expr {
    gr_arena arena; /* texts, lists, arguments */
    lang_source source;
    lang_names names;
    lang_ast *nodes;
    size_t n_nodes, nodes_capacity;
    double *numbers; /* of all constant tensors */
    size_t n_numbers, numbers_capacity;
    lang_statement *statements;
    size_t n_statements, statements_capacity;
    int *inputs; /* symbol numbers */
    size_t n_inputs, inputs_capacity;
};

/* ---- The parser --------------------------------------------------------------------------- */

typedef struct lang_parser {
    gr_expr *expr;
    lang_lexer lexer;
    lang_token token;    /* the one to look at */
    lang_token previous; /* the one before it, for "after '+'" */
    int depth;
} lang_parser;

gr_status gr_lang_parser_start(lang_parser *parser, gr_expr *expr);
gr_status gr_lang_advance(lang_parser *parser);
/* The token's fault: "expected <what>, found ')'". */
gr_status gr_lang_expected(const lang_parser *parser, const char *what);
/* The same with advice, if `hint` is not NULL: "expected <what>, found ')': <hint>". */
gr_status gr_lang_expected_with(const lang_parser *parser, const char *what, const char *hint);
#define GR_LANG_JOINED "layers are joined by '|>'"
/* Appends a node and stores its number. */
gr_status gr_lang_ast_add(lang_parser *parser, lang_ast ast, int *node);
/* One level deeper in brackets, signs and powers; the caller takes it back from parser->depth. */
gr_status gr_lang_deeper(lang_parser *parser);
/* An operator at the end of a line takes its operand from the next. */
gr_status gr_lang_skip_newlines(lang_parser *parser);
/* The token's text less `trim` bytes at both ends, kept with the expression. */
const char *gr_lang_token_copy(lang_parser *parser, size_t trim);
/* Is the token a name with '=' behind it? */
bool gr_lang_is_assignment(const lang_parser *parser);
/* The binary operator (but for powers) that the token is; LANG_OP_COUNT if none. */
lang_op gr_lang_operator_of(lang_token_kind kind);

/* A whole value, pipes included; at the `head` of a statement the input may be left out. */
gr_status gr_lang_parse_pipe(lang_parser *parser, bool head, int *node);
/* Operators that bind at least as tightly as `level`. */
gr_status gr_lang_parse_binary(lang_parser *parser, int level, int *node);
/* "(a, b, key=c)" from its '(', appended at *tail. */
gr_status gr_lang_parse_arguments(lang_parser *parser, lang_arg **tail);
/* A constant tensor, from its '['. */
gr_status gr_lang_parse_list(lang_parser *parser, lang_list *list);
/* A number with its sign, or nan, inf: *found tells whether there is one. */
gr_status gr_lang_parse_signed(lang_parser *parser, double *number, bool *found);
/* Reads the whole text into the expression. */
gr_status gr_lang_parse(gr_expr *expr);

/* An expression with its source copied and nothing parsed; NULL and *status otherwise. */
gr_expr *gr_lang_expr_new(const char *text, const char *source, gr_status *status);

#endif
