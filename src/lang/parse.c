/* From tokens to the syntax tree: precedence climbing (Richards 1979) with one token to look at,
 * and a second one to tell `name =` from a value. */
#include "lang/syntax.h"

#include <stdio.h>

#include "base/limits.h"

const lang_op_info gr_lang_ops[LANG_OP_COUNT] = {
    [LANG_OP_OR] = {"or", LANG_LEVEL_OR},
    [LANG_OP_AND] = {"and", LANG_LEVEL_AND},
    [LANG_OP_NOT] = {"not", LANG_LEVEL_NOT},
    [LANG_OP_EQUAL] = {"==", LANG_LEVEL_COMPARE},
    [LANG_OP_NOT_EQUAL] = {"!=", LANG_LEVEL_COMPARE},
    [LANG_OP_LESS] = {"<", LANG_LEVEL_COMPARE},
    [LANG_OP_LESS_EQUAL] = {"<=", LANG_LEVEL_COMPARE},
    [LANG_OP_GREATER] = {">", LANG_LEVEL_COMPARE},
    [LANG_OP_GREATER_EQUAL] = {">=", LANG_LEVEL_COMPARE},
    [LANG_OP_ADD] = {"+", LANG_LEVEL_SUM},
    [LANG_OP_SUB] = {"-", LANG_LEVEL_SUM},
    [LANG_OP_MUL] = {"*", LANG_LEVEL_PRODUCT},
    [LANG_OP_DIV] = {"/", LANG_LEVEL_PRODUCT},
    [LANG_OP_MATMUL] = {"@", LANG_LEVEL_PRODUCT},
    [LANG_OP_NEG] = {"-", LANG_LEVEL_SIGN},
    [LANG_OP_POW] = {"^", LANG_LEVEL_POWER},
};

/* ---- Small steps -------------------------------------------------------------------------- */

gr_status gr_lang_parser_start(lang_parser *parser, gr_expr *expr)
{
    *parser = (lang_parser){.expr = expr,
                            .lexer = {.source = expr->source, .at = {.line = 1, .column = 1}}};
    return gr_lang_lex(&parser->lexer, &parser->token);
}

gr_status gr_lang_advance(lang_parser *parser)
{
    parser->previous = parser->token;
    return gr_lang_lex(&parser->lexer, &parser->token);
}

gr_status gr_lang_expected(const lang_parser *parser, const char *what)
{
    return gr_lang_expected_with(parser, what, NULL);
}

gr_status gr_lang_expected_with(const lang_parser *parser, const char *what, const char *hint)
{
    const lang_source *source = &parser->expr->source;
    if (parser->token.kind == LANG_END) { /* right behind the last token, not lines further down */
        const lang_token *last = parser->previous.size > 0 ? &parser->previous : &parser->token;
        return gr_lang_fail(source, last->end, GR_SYNTAX, "expected %s", what);
    }
    return gr_lang_fail(source, parser->token.at, GR_SYNTAX, "expected %s, found %s%s%s", what,
                        gr_lang_token_text(source, &parser->token), hint ? ": " : "",
                        hint ? hint : "");
}

static gr_status parse_expected_operand(const lang_parser *parser)
{
    char what[128];
    const lang_token *before = &parser->previous;
    if (before->size == 0) return gr_lang_expected(parser, "an expression");
    snprintf(what, sizeof what, "an operand after %s",
             gr_lang_token_text(&parser->expr->source, before));
    const bool arrow = before->kind == LANG_MINUS && parser->token.kind == LANG_GREATER;
    return gr_lang_expected_with(parser, what, arrow ? GR_LANG_JOINED : NULL);
}

gr_status gr_lang_ast_add(lang_parser *parser, lang_ast ast, int *node)
{
    gr_expr *expr = parser->expr;
    if (!gr_grow(&expr->nodes, expr->n_nodes, &expr->nodes_capacity, sizeof *expr->nodes)) {
        return GR_NO_MEMORY;
    }
    *node = (int)expr->n_nodes;
    expr->nodes[expr->n_nodes++] = ast;
    return GR_OK;
}

gr_status gr_lang_deeper(lang_parser *parser)
{
    if (parser->depth++ <= gr_limit_nesting()) return GR_OK; /* the text itself is a level */
    return gr_lang_fail(&parser->expr->source, parser->token.at, GR_SYNTAX,
                        "nested more than %d deep: name parts of it in statements of their own, "
                        "or " GR_LIMIT_ADVICE("GRADUS_MAX_NESTING"),
                        gr_limit_nesting());
}

gr_status gr_lang_skip_newlines(lang_parser *parser)
{
    while (parser->token.kind == LANG_NEWLINE) {
        lang_token before = parser->previous;
        GR_TRY(gr_lang_advance(parser));
        parser->previous = before;
    }
    return GR_OK;
}

static gr_status parse_close(lang_parser *parser, lang_token_kind kind, const char *sign,
                             const lang_token *open)
{
    char what[160];
    if (parser->token.kind == kind) return gr_lang_advance(parser);
    snprintf(what, sizeof what, "%s to close the %s at %u:%u", sign,
             gr_lang_token_text(&parser->expr->source, open), open->at.line, open->at.column);
    return gr_lang_expected(parser, what);
}

const char *gr_lang_token_copy(lang_parser *parser, size_t trim)
{
    gr_expr *expr = parser->expr;
    size_t size = parser->token.size - 2 * trim;
    char *copy = gr_arena_alloc(&expr->arena, size + 1);
    if (copy) memcpy(copy, expr->source.text + parser->token.at.offset + trim, size);
    return copy;
}

bool gr_lang_is_assignment(const lang_parser *parser)
{
    lang_lexer ahead = parser->lexer;
    lang_token next;
    if (parser->token.kind != LANG_NAME) return false;
    return gr_lang_lex(&ahead, &next) == GR_OK && next.kind == LANG_IS;
}

/* ---- Arguments ---------------------------------------------------------------------------- */

static gr_status parse_argument(lang_parser *parser, lang_arg ***tail)
{
    lang_arg *arg = gr_arena_alloc(&parser->expr->arena, sizeof *arg);
    if (!arg) return GR_NO_MEMORY;
    arg->at = parser->token.at;
    if (gr_lang_is_assignment(parser)) {
        arg->keyword = gr_lang_token_copy(parser, 0);
        if (!arg->keyword) return GR_NO_MEMORY;
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_advance(parser));
    }
    GR_TRY(gr_lang_parse_pipe(parser, false, &arg->value));
    **tail = arg;
    *tail = &arg->next;
    return GR_OK;
}

gr_status gr_lang_parse_arguments(lang_parser *parser, lang_arg **tail)
{
    lang_token open = parser->token;
    bool keywords = false;
    GR_TRY(gr_lang_advance(parser));
    while (parser->token.kind != LANG_CLOSE) {
        lang_arg **slot = tail;
        GR_TRY(parse_argument(parser, &tail));
        if (keywords && !(*slot)->keyword) {
            return gr_lang_fail(&parser->expr->source, (*slot)->at, GR_SYNTAX,
                                "an argument without a name after one with a name");
        }
        keywords = (*slot)->keyword != NULL;
        if (parser->token.kind != LANG_COMMA) break;
        GR_TRY(gr_lang_advance(parser));
    }
    return parse_close(parser, LANG_CLOSE, "',' or ')'", &open);
}

/* One part of "start:stop:step"; *node = -1 where it is left out. */
static gr_status parse_range_part(lang_parser *parser, int *node)
{
    lang_token_kind kind = parser->token.kind;
    *node = -1;
    if (kind == LANG_COLON || kind == LANG_COMMA || kind == LANG_CLOSE_LIST) return GR_OK;
    return gr_lang_parse_binary(parser, LANG_LEVEL_SUM, node);
}

static gr_status parse_index_item(lang_parser *parser, int *node)
{
    lang_ast range = {.kind = LANG_AST_RANGE, .at = parser->token.at};
    range.range.step = -1;
    GR_TRY(parse_range_part(parser, &range.range.start));
    if (parser->token.kind != LANG_COLON) {
        *node = range.range.start;
        return *node >= 0 ? GR_OK : parse_expected_operand(parser);
    }
    GR_TRY(gr_lang_advance(parser));
    GR_TRY(parse_range_part(parser, &range.range.stop));
    if (parser->token.kind == LANG_COLON) {
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(parse_range_part(parser, &range.range.step));
    }
    return gr_lang_ast_add(parser, range, node);
}

static gr_status parse_index(lang_parser *parser, int *node)
{
    lang_token open = parser->token;
    lang_ast ast = {.kind = LANG_AST_INDEX, .at = open.at, .index = {.base = *node}};
    lang_arg **tail = &ast.index.items;
    GR_TRY(gr_lang_deeper(parser));
    do {
        GR_TRY(gr_lang_advance(parser));
        lang_arg *item = gr_arena_alloc(&parser->expr->arena, sizeof *item);
        if (!item) return GR_NO_MEMORY;
        item->at = parser->token.at;
        GR_TRY(parse_index_item(parser, &item->value));
        *tail = item;
        tail = &item->next;
    } while (parser->token.kind == LANG_COMMA);
    parser->depth--;
    GR_TRY(parse_close(parser, LANG_CLOSE_LIST, "',' or ']'", &open));
    return gr_lang_ast_add(parser, ast, node);
}

/* ---- Operands ----------------------------------------------------------------------------- */

static gr_status parse_name(lang_parser *parser, int *node)
{
    gr_expr *expr = parser->expr;
    lang_token name = parser->token;
    lang_ast ast = {.at = name.at};
    const char *text = expr->source.text + name.at.offset;
    lang_lexer ahead = parser->lexer;
    lang_token next;
    GR_TRY(gr_lang_lex(&ahead, &next));
    if (next.kind == LANG_OPEN) {
        ast.kind = LANG_AST_CALL;
        ast.call.word = gr_lang_token_copy(parser, 0);
        if (!ast.call.word) return GR_NO_MEMORY;
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_parse_arguments(parser, &ast.call.args));
        return gr_lang_ast_add(parser, ast, node);
    }
    int symbol = gr_lang_symbol_of(&expr->names, text, name.size);
    if (symbol < 0) return GR_NO_MEMORY;
    lang_symbol *s = &expr->names.symbols[symbol];
    ast.kind = LANG_AST_NAME;
    ast.name.symbol = symbol;
    ast.name.statement = s->statement;
    if (s->statement < 0 && s->uses++ == 0) s->first = name.at;
    GR_TRY(gr_lang_advance(parser));
    return gr_lang_ast_add(parser, ast, node);
}

static gr_status parse_literal(lang_parser *parser, int *node)
{
    gr_expr *expr = parser->expr;
    lang_ast ast = {.at = parser->token.at};
    if (parser->token.kind == LANG_NUMBER) {
        ast.kind = LANG_AST_NUMBER;
        ast.number = parser->token.number;
        GR_TRY(gr_lang_advance(parser));
    } else if (parser->token.kind == LANG_STRING) {
        ast.kind = LANG_AST_STRING;
        ast.string = gr_lang_token_copy(parser, 1);
        if (!ast.string) return GR_NO_MEMORY;
        GR_TRY(gr_lang_advance(parser));
    } else {
        ast.kind = LANG_AST_LIST;
        ast.list = gr_arena_alloc(&expr->arena, sizeof *ast.list);
        if (!ast.list) return GR_NO_MEMORY;
        GR_TRY(gr_lang_parse_list(parser, ast.list));
    }
    return gr_lang_ast_add(parser, ast, node);
}

static gr_status parse_postfix(lang_parser *parser, int *node)
{
    lang_token open = parser->token;
    switch (open.kind) {
    case LANG_NUMBER:
    case LANG_STRING:
    case LANG_OPEN_LIST:
        GR_TRY(parse_literal(parser, node));
        break;
    case LANG_NAME:
        GR_TRY(parse_name(parser, node));
        break;
    case LANG_OPEN:
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_parse_pipe(parser, false, node));
        GR_TRY(parse_close(parser, LANG_CLOSE, "')'", &open));
        break;
    default:
        return parse_expected_operand(parser);
    }
    while (parser->token.kind == LANG_OPEN_LIST) GR_TRY(parse_index(parser, node));
    return GR_OK;
}

/* Signs and powers: -a ^ -b is -(a ^ (-b)). */
static gr_status parse_signed(lang_parser *parser, int *node)
{
    lang_ast ast = {.at = parser->token.at};
    if (parser->token.kind == LANG_MINUS || parser->token.kind == LANG_PLUS) {
        bool negative = parser->token.kind == LANG_MINUS;
        GR_TRY(gr_lang_deeper(parser));
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_skip_newlines(parser));
        GR_TRY(parse_signed(parser, node));
        parser->depth--;
        ast.kind = LANG_AST_UNARY;
        ast.operate.op = LANG_OP_NEG;
        ast.operate.a = *node;
        ast.operate.b = -1;
        if (negative) GR_TRY(gr_lang_ast_add(parser, ast, node));
    } else {
        GR_TRY(parse_postfix(parser, node));
        if (parser->token.kind == LANG_CARET || parser->token.kind == LANG_POWER) {
            ast.at = parser->token.at;
            ast.kind = LANG_AST_BINARY;
            ast.operate.op = LANG_OP_POW;
            ast.operate.a = *node;
            GR_TRY(gr_lang_deeper(parser));
            GR_TRY(gr_lang_advance(parser));
            GR_TRY(gr_lang_skip_newlines(parser));
            GR_TRY(parse_signed(parser, &ast.operate.b));
            parser->depth--;
            GR_TRY(gr_lang_ast_add(parser, ast, node));
        }
    }
    return GR_OK;
}

/* ---- Operators ---------------------------------------------------------------------------- */

lang_op gr_lang_operator_of(lang_token_kind kind)
{
    switch (kind) {
    case LANG_OR:
        return LANG_OP_OR;
    case LANG_AND:
        return LANG_OP_AND;
    case LANG_EQUAL:
        return LANG_OP_EQUAL;
    case LANG_NOT_EQUAL:
        return LANG_OP_NOT_EQUAL;
    case LANG_LESS:
        return LANG_OP_LESS;
    case LANG_LESS_EQUAL:
        return LANG_OP_LESS_EQUAL;
    case LANG_GREATER:
        return LANG_OP_GREATER;
    case LANG_GREATER_EQUAL:
        return LANG_OP_GREATER_EQUAL;
    case LANG_PLUS:
        return LANG_OP_ADD;
    case LANG_MINUS:
        return LANG_OP_SUB;
    case LANG_TIMES:
        return LANG_OP_MUL;
    case LANG_OVER:
        return LANG_OP_DIV;
    case LANG_AT:
        return LANG_OP_MATMUL;
    default:
        return LANG_OP_COUNT;
    }
}

static gr_status parse_not(lang_parser *parser, int level, int *node)
{
    lang_ast ast = {.kind = LANG_AST_UNARY, .at = parser->token.at};
    if (level > LANG_LEVEL_NOT) return gr_lang_expected(parser, "an operand (or '(not …)')");
    GR_TRY(gr_lang_deeper(parser));
    GR_TRY(gr_lang_advance(parser));
    GR_TRY(gr_lang_skip_newlines(parser));
    GR_TRY(gr_lang_parse_binary(parser, LANG_LEVEL_NOT, &ast.operate.a));
    ast.operate.op = LANG_OP_NOT;
    ast.operate.b = -1;
    parser->depth--;
    return gr_lang_ast_add(parser, ast, node);
}

gr_status gr_lang_parse_binary(lang_parser *parser, int level, int *node)
{
    lang_op op;
    if (parser->token.kind == LANG_NOT)
        GR_TRY(parse_not(parser, level, node));
    else
        GR_TRY(parse_signed(parser, node));
    while ((op = gr_lang_operator_of(parser->token.kind)) != LANG_OP_COUNT) {
        int own = gr_lang_ops[op].level;
        if (own < level) break;
        lang_ast ast = {.kind = LANG_AST_BINARY, .at = parser->token.at};
        ast.operate.op = op;
        ast.operate.a = *node;
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_skip_newlines(parser));
        GR_TRY(gr_lang_parse_binary(parser, own + 1, &ast.operate.b));
        GR_TRY(gr_lang_ast_add(parser, ast, node));
        lang_op next = gr_lang_operator_of(parser->token.kind);
        if (own == LANG_LEVEL_COMPARE && next != LANG_OP_COUNT && gr_lang_ops[next].level == own) {
            return gr_lang_fail(&parser->expr->source, parser->token.at, GR_SYNTAX,
                                "comparisons do not chain: join two with 'and'");
        }
    }
    return GR_OK;
}
