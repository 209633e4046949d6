/* Pipes and statements: the outer parts of a text, and the input that a network may leave out. */
#include "lang/syntax.h"
#include "lang/words.h"

#include <stdio.h>

/* ---- Pipes -------------------------------------------------------------------------------- */

static gr_status program_stage(lang_parser *parser, int *node)
{
    lang_ast ast = {.kind = LANG_AST_CALL, .at = parser->token.at};
    if (parser->token.kind != LANG_NAME) {
        return gr_lang_expected(parser, "a layer or function after '|>'");
    }
    ast.call.piped = true;
    ast.call.word = gr_lang_token_copy(parser, 0);
    ast.call.args = gr_arena_alloc(&parser->expr->arena, sizeof *ast.call.args);
    if (!ast.call.word || !ast.call.args) return GR_NO_MEMORY;
    *ast.call.args = (lang_arg){.at = parser->expr->nodes[*node].at, .value = *node};
    GR_TRY(gr_lang_advance(parser));
    if (parser->token.kind == LANG_OPEN)
        GR_TRY(gr_lang_parse_arguments(parser, &ast.call.args->next));
    return gr_lang_ast_add(parser, ast, node);
}

static bool program_is_literal(const gr_expr *expr, int node)
{
    const lang_ast *ast = &expr->nodes[node];
    if (ast->kind == LANG_AST_UNARY) ast = &expr->nodes[ast->operate.a];
    return ast->kind == LANG_AST_NUMBER || ast->kind == LANG_AST_LIST ||
           ast->kind == LANG_AST_STRING;
}

/* Does the statement's first operand, the node made last, want the left-out input? */
static bool program_lacks_input(const gr_expr *expr, int node)
{
    const lang_ast *ast = &expr->nodes[node];
    if (ast->kind == LANG_AST_NAME) {
        const lang_word *word = gr_lang_word_find(expr->names.symbols[ast->name.symbol].text);
        return word && word->is.kind != GR_WORD_CONSTANT && ast->name.statement < 0;
    }
    if (ast->kind != LANG_AST_CALL) return false;
    const lang_word *word = gr_lang_word_find(ast->call.word);
    if (!word) return false;
    int count = 0;
    for (const lang_arg *arg = ast->call.args; arg; arg = arg->next) count++;
    const lang_arg *first = ast->call.args;
    if (!first || first->keyword) return true;
    if (!program_is_literal(expr, first->value)) return false;
    return word->is.kind == GR_WORD_LAYER || count < gr_lang_word_required(word);
}

/* Turns the node made last into a call on the input `x`. */
static gr_status program_give_input(lang_parser *parser, int *node)
{
    gr_expr *expr = parser->expr;
    lang_at at = expr->nodes[*node].at;
    int last;
    int x = gr_lang_symbol_of(&expr->names, "x", 1);
    lang_arg *arg = gr_arena_alloc(&expr->arena, sizeof *arg);
    if (x < 0 || !arg) return GR_NO_MEMORY;
    lang_symbol *s = &expr->names.symbols[x];
    if (s->statement < 0 && s->uses++ == 0) s->first = at;

    lang_ast call = expr->nodes[*node];
    if (call.kind == LANG_AST_NAME) {
        expr->names.symbols[call.name.symbol].uses--;
        call = (lang_ast){.kind = LANG_AST_CALL, .at = at};
        call.call.word = expr->names.symbols[expr->nodes[*node].name.symbol].text;
    }
    *arg = (lang_arg){.next = call.call.args, .at = at, .value = *node};
    call.call.args = arg;
    call.call.piped = true;
    lang_ast input = {.kind = LANG_AST_NAME, .at = at};
    input.name.symbol = x;
    input.name.statement = s->statement;
    expr->nodes[*node] = input; /* nothing refers to the call yet: the input takes its place */
    GR_TRY(gr_lang_ast_add(parser, call, &last));
    *node = last;
    return GR_OK;
}

gr_status gr_lang_parse_pipe(lang_parser *parser, bool head, int *node)
{
    GR_TRY(gr_lang_deeper(parser));
    GR_TRY(gr_lang_parse_binary(parser, LANG_LEVEL_OR, node));
    lang_token_kind after = parser->token.kind;
    bool whole =
        after == LANG_PIPE || after == LANG_END || after == LANG_NEWLINE || after == LANG_SEMICOLON;
    if (head && whole && program_lacks_input(parser->expr, *node)) {
        GR_TRY(program_give_input(parser, node));
    }
    while (parser->token.kind == LANG_PIPE) {
        GR_TRY(gr_lang_advance(parser));
        GR_TRY(gr_lang_skip_newlines(parser));
        GR_TRY(program_stage(parser, node));
        lang_token_kind kind = parser->token.kind;
        if (gr_lang_operator_of(kind) != LANG_OP_COUNT || kind == LANG_CARET ||
            kind == LANG_POWER) {
            return gr_lang_expected(parser, "'|>' or the end: '|>' binds loosest, so write "
                                            "(a |> f) + b");
        }
    }
    parser->depth--;
    return GR_OK;
}

/* ---- Statements --------------------------------------------------------------------------- */

/* Reads "name =" if it is there. */
static gr_status program_target(lang_parser *parser, lang_statement *statement)
{
    gr_expr *expr = parser->expr;
    if (!gr_lang_is_assignment(parser)) return GR_OK;
    const char *name = expr->source.text + parser->token.at.offset;
    int symbol = gr_lang_symbol_of(&expr->names, name, parser->token.size);
    if (symbol < 0) return GR_NO_MEMORY;
    const lang_symbol *s = &expr->names.symbols[symbol];
    if (s->statement >= 0 || s->uses > 0) {
        return gr_lang_fail(&expr->source, parser->token.at, GR_SYNTAX,
                            "'%s' was already %s at %u:%u: every name stands for one value",
                            gr_lang_quote(name, parser->token.size),
                            s->statement >= 0 ? "given" : "used as an input", s->first.line,
                            s->first.column);
    }
    statement->symbol = symbol;
    GR_TRY(gr_lang_advance(parser));
    GR_TRY(gr_lang_advance(parser));
    return gr_lang_skip_newlines(parser);
}

static gr_status program_statement(lang_parser *parser)
{
    gr_expr *expr = parser->expr;
    lang_statement statement = {.symbol = -1, .at = parser->token.at, .first = (int)expr->n_nodes};
    GR_TRY(program_target(parser, &statement));
    GR_TRY(gr_lang_parse_pipe(parser, true, &statement.root));
    if (statement.symbol >= 0) {
        lang_symbol *s = &expr->names.symbols[statement.symbol];
        if (s->uses > 0) {
            return gr_lang_fail(&expr->source, s->first, GR_SYNTAX, "'%s' is used in its own value",
                                s->text);
        }
        s->statement = (int)expr->n_statements;
        s->first = statement.at;
    }
    if (!gr_grow(&expr->statements, expr->n_statements, &expr->statements_capacity,
                 sizeof *expr->statements)) {
        return GR_NO_MEMORY;
    }
    expr->statements[expr->n_statements++] = statement;
    return GR_OK;
}

static bool program_at_separator(const lang_parser *parser)
{
    return parser->token.kind == LANG_NEWLINE || parser->token.kind == LANG_SEMICOLON;
}

/* Is the token, a name, a layer or function? */
static bool program_is_word(const lang_parser *parser)
{
    char name[32];
    const lang_token *token = &parser->token;
    if (token->size >= sizeof name) return false;
    memcpy(name, parser->expr->source.text + token->at.offset, token->size);
    name[token->size] = '\0';
    const lang_word *word = gr_lang_word_find(name);
    return word && word->is.kind != GR_WORD_CONSTANT;
}

/* What stands where a statement should have ended. */
static gr_status program_trailing(const lang_parser *parser)
{
    const lang_token *token = &parser->token, *before = &parser->previous;
    char what[128];
    const bool is_word = token->kind == LANG_NAME && program_is_word(parser);
    switch (token->kind) {
    case LANG_NUMBER:
    case LANG_NAME:
    case LANG_OPEN:
    case LANG_STRING:
        snprintf(what, sizeof what, "an operator after %s",
                 gr_lang_token_text(&parser->expr->source, before));
        return gr_lang_expected_with(parser, what, is_word ? GR_LANG_JOINED : NULL);
    case LANG_CLOSE:
    case LANG_CLOSE_LIST:
        return gr_lang_fail(&parser->expr->source, token->at, GR_SYNTAX, "this %s closes nothing",
                            gr_lang_token_text(&parser->expr->source, token));
    case LANG_IS:
        return gr_lang_fail(&parser->expr->source, token->at, GR_SYNTAX,
                            "'=' gives a name to a value, 'name = …'; equality is '=='");
    default:
        return gr_lang_expected(parser, "an operator, '|>' or the end");
    }
}

/* Numbers the free names in the order in which they appear. */
static gr_status program_find_inputs(gr_expr *expr)
{
    for (size_t i = 0; i < expr->n_nodes; i++) {
        const lang_ast *ast = &expr->nodes[i];
        if (ast->kind != LANG_AST_NAME || ast->name.statement >= 0) continue;
        lang_symbol *s = &expr->names.symbols[ast->name.symbol];
        const lang_word *word = gr_lang_word_find(s->text);
        if (s->input >= 0 || (word && word->is.kind == GR_WORD_CONSTANT)) continue;
        if (!gr_grow(&expr->inputs, expr->n_inputs, &expr->inputs_capacity, sizeof *expr->inputs)) {
            return GR_NO_MEMORY;
        }
        s->input = (int)expr->n_inputs;
        expr->inputs[expr->n_inputs++] = ast->name.symbol;
    }
    return GR_OK;
}

gr_status gr_lang_parse(gr_expr *expr)
{
    lang_parser parser;
    GR_TRY(gr_lang_parser_start(&parser, expr));
    for (;;) {
        while (program_at_separator(&parser)) GR_TRY(gr_lang_advance(&parser));
        if (parser.token.kind == LANG_END) break;
        if (expr->n_statements > 0 && expr->statements[expr->n_statements - 1].symbol < 0) {
            return gr_lang_fail(&expr->source, expr->statements[expr->n_statements - 1].at,
                                GR_SYNTAX,
                                "this value is not used: name it ('name = …'), or join it to the "
                                "next line with '|>'");
        }
        parser.previous = (lang_token){0};
        GR_TRY(program_statement(&parser));
        if (parser.token.kind != LANG_END && !program_at_separator(&parser)) {
            return program_trailing(&parser);
        }
    }
    if (expr->n_statements == 0) {
        return gr_lang_fail(&expr->source, (lang_at){.line = 1, .column = 1}, GR_SYNTAX,
                            "there is no expression");
    }
    return program_find_inputs(expr);
}
