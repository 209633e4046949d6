/* The canonical text of a syntax tree, by a stack of its own: chains may be long. */
#include "lang/syntax.h"

/* What is still to be printed: a node in a place of some level, or plain text. */
typedef struct print_item {
    const char *text; /* NULL: the node */
    int node, level;
} print_item;

typedef struct print_state {
    const gr_expr *expr;
    gr_text text;
    print_item *items;
    size_t count, capacity;
    bool failed;
} print_state;

static void print_push(print_state *state, const char *text, int node, int level)
{
    if (!state->failed &&
        gr_grow(&state->items, state->count, &state->capacity, sizeof *state->items)) {
        state->items[state->count++] = (print_item){text, node, level};
    } else {
        state->failed = true;
    }
}

/* Items are pushed in reading order and then turned around, since the last comes out first. */
static void print_reverse(print_state *state, size_t from)
{
    for (size_t i = from, j = state->count; i + 1 < j; i++) {
        print_item item = state->items[i];
        state->items[i] = state->items[--j];
        state->items[j] = item;
    }
}

static int print_level(const lang_ast *ast)
{
    switch (ast->kind) {
    case LANG_AST_UNARY:
    case LANG_AST_BINARY:
        return gr_lang_ops[ast->operate.op].level;
    case LANG_AST_CALL:
        return ast->call.piped ? LANG_LEVEL_PIPE : LANG_LEVEL_POSTFIX;
    default:
        return LANG_LEVEL_POSTFIX;
    }
}

static void print_arguments(print_state *state, const lang_arg *arg)
{
    for (const lang_arg *a = arg; a; a = a->next) {
        if (a != arg) print_push(state, ", ", -1, 0);
        if (a->keyword) {
            print_push(state, a->keyword, -1, 0);
            print_push(state, "=", -1, 0);
        }
        print_push(state, NULL, a->value, LANG_LEVEL_PIPE);
    }
}

static void print_call(print_state *state, const lang_ast *ast)
{
    const lang_arg *args = ast->call.args;
    if (ast->call.piped) {
        print_push(state, NULL, args->value, LANG_LEVEL_PIPE);
        print_push(state, " |> ", -1, 0);
        args = args->next;
    }
    print_push(state, ast->call.word, -1, 0);
    if (ast->call.piped && !args) return;
    print_push(state, "(", -1, 0);
    print_arguments(state, args);
    print_push(state, ")", -1, 0);
}

static void print_operator(print_state *state, const lang_ast *ast)
{
    const lang_op_info *op = &gr_lang_ops[ast->operate.op];
    if (ast->kind == LANG_AST_UNARY) {
        bool word = ast->operate.op == LANG_OP_NOT;
        print_push(state, word ? "not " : "-", -1, 0);
        print_push(state, NULL, ast->operate.a, op->level);
        return;
    }
    bool power = ast->operate.op == LANG_OP_POW, chains = op->level != LANG_LEVEL_COMPARE;
    print_push(state, NULL, ast->operate.a, power || !chains ? op->level + 1 : op->level);
    if (!power) print_push(state, " ", -1, 0);
    print_push(state, op->text, -1, 0);
    if (!power) print_push(state, " ", -1, 0);
    print_push(state, NULL, ast->operate.b, power ? LANG_LEVEL_SIGN : op->level + 1);
}

static void print_index(print_state *state, const lang_ast *ast)
{
    print_push(state, NULL, ast->index.base, LANG_LEVEL_POSTFIX);
    print_push(state, "[", -1, 0);
    print_arguments(state, ast->index.items);
    print_push(state, "]", -1, 0);
}

static void print_range(print_state *state, const lang_ast *ast)
{
    const int part[3] = {ast->range.start, ast->range.stop, ast->range.step};
    for (int i = 0; i < 3; i++) {
        if (i == 1 || (i == 2 && part[i] >= 0)) print_push(state, ":", -1, 0);
        if (part[i] >= 0) print_push(state, NULL, part[i], LANG_LEVEL_SUM);
    }
}

static void print_list(print_state *state, const lang_list *list)
{
    gr_text *text = &state->text;
    const double *numbers = state->expr->numbers + list->first;
    int rank = list->shape.rank;
    bool empty = gr_shape_count(list->shape) == 0; /* [[], []]: empty rows are the elements */
    if (empty) rank--;
    int64_t count = gr_shape_count(gr_shape_of(rank, list->shape.dim));
    for (int k = 0; k < rank; k++) gr_text_append(text, "[", 1);
    for (int64_t i = 0; i < count; i++) {
        int ends = 0; /* rows that begin anew with element i */
        int64_t row = 1;
        for (int axis = rank - 1; axis > 0; axis--, ends++) {
            row *= list->shape.dim[axis];
            if (i % row != 0) break;
        }
        if (i > 0) {
            for (int k = 0; k < ends; k++) gr_text_append(text, "]", 1);
            gr_text_append(text, ", ", 2);
            for (int k = 0; k < ends; k++) gr_text_append(text, "[", 1);
        }
        if (empty)
            gr_text_append(text, "[]", 2);
        else
            gr_text_real(text, numbers[i]);
    }
    for (int k = 0; k < rank; k++) gr_text_append(text, "]", 1);
}

static void print_node(print_state *state, int node, int level)
{
    const lang_ast *ast = &state->expr->nodes[node];
    bool open = print_level(ast) < level;
    size_t from = state->count;
    if (open) print_push(state, "(", -1, 0);
    switch (ast->kind) {
    case LANG_AST_NUMBER:
        gr_text_real(&state->text, ast->number);
        break;
    case LANG_AST_LIST:
        print_list(state, ast->list);
        break;
    case LANG_AST_STRING: {
        const char *quote = strchr(ast->string, '"') ? "'" : "\"";
        gr_text_printf(&state->text, "%s%s%s", quote, ast->string, quote);
        break;
    }
    case LANG_AST_NAME:
        print_push(state, state->expr->names.symbols[ast->name.symbol].text, -1, 0);
        break;
    case LANG_AST_UNARY:
    case LANG_AST_BINARY:
        print_operator(state, ast);
        break;
    case LANG_AST_CALL:
        print_call(state, ast);
        break;
    case LANG_AST_INDEX:
        print_index(state, ast);
        break;
    case LANG_AST_RANGE:
        print_range(state, ast);
        break;
    }
    if (open) print_push(state, ")", -1, 0);
    print_reverse(state, from);
}

gr_status gr_expr_print(const gr_expr *expr, char **text)
{
    print_state state = {.expr = expr};
    *text = NULL;
    for (size_t i = 0; i < expr->n_statements; i++) {
        const lang_statement *statement = &expr->statements[i];
        if (i > 0) gr_text_append(&state.text, "\n", 1);
        if (statement->symbol >= 0) {
            gr_text_printf(&state.text, "%s = ", expr->names.symbols[statement->symbol].text);
        }
        print_push(&state, NULL, statement->root, LANG_LEVEL_PIPE);
        while (state.count > 0 && !state.failed) {
            print_item item = state.items[--state.count];
            if (item.text)
                gr_text_append(&state.text, item.text, strlen(item.text));
            else
                print_node(&state, item.node, item.level);
        }
    }
    gr_free(state.items);
    if (state.failed || state.text.failed) {
        gr_text_free(&state.text);
        return GR_NO_MEMORY;
    }
    *text = state.text.data;
    return GR_OK;
}
