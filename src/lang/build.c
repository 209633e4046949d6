/* From the syntax tree to gates: one loop over its nodes, which stand in order of evaluation. */
#include "lang/words.h"

#include <math.h>

/* ---- Faults ------------------------------------------------------------------------------- */

/* Takes over a fault whose message is set. The graph keeps it at once, before gates that are still
 * built on wrong arguments find faults of their own. */
static void build_note(lang_builder *builder, gr_status status)
{
    if (status == GR_OK || builder->status != GR_OK) return;
    builder->status = status;
    gr_build_fail(builder->graph, status, NULL, "%s", gr_message());
    gr_build_seal(builder->graph);
}

gr_node *gr_lang_build_fail(lang_builder *builder, lang_at at, gr_status status, const char *format,
                            ...)
{
    if (builder->status != GR_OK) return gr_error_node(builder->graph);
    va_list args;
    va_start(args, format);
    build_note(builder, gr_lang_fail_v(&builder->expr->source, at, status, format, args));
    va_end(args);
    return gr_error_node(builder->graph);
}

/* Gives the position of the text to what was just built, or to the fault just found. */
static void build_place(lang_builder *builder, gr_node *node, lang_at at)
{
    gr_graph *graph = builder->graph;
    bool failed = gr_graph_status(graph) != GR_OK;
    if (builder->status != GR_OK || (graph->placed == graph->count && !failed)) return;
    const char *place =
        gr_arena_printf(&graph->arena, "%s:%u:%u", builder->expr->source.name, at.line, at.column);
    if (!place) {
        gr_lang_build_fail(builder, at, GR_NO_MEMORY, "out of memory");
        return;
    }
    gr_at(failed ? gr_error_node(graph) : node, place);
    if (!failed) return;
    gr_text caret = {0};
    gr_lang_caret(&builder->expr->source, at, &caret);
    builder->status = gr_fail(gr_graph_status(graph), "%s%s", gr_graph_message(graph),
                              caret.data && !caret.failed ? caret.data : "");
    gr_text_free(&caret);
}

/* ---- Literals ----------------------------------------------------------------------------- */

gr_dtype gr_lang_literal_dtype(const lang_builder *builder, const int *nodes, int n)
{
    for (int i = 0; i < n; i++) {
        const lang_value *value = &builder->values[nodes[i]];
        if (value->kind != LANG_VALUE_NODE) continue;
        gr_dtype dtype = gr_node_dtype(value->node);
        if (dtype != GR_BOOL) return dtype;
    }
    return builder->env.dtype;
}

static bool build_check_whole(lang_builder *builder, lang_at at, double number, gr_dtype dtype)
{
    if (gr_dtype_is_float(dtype) || number == floor(number)) return true;
    gr_lang_build_fail(builder, at, GR_DTYPE,
                       "%g is not a whole number, but meets values of type %s", number,
                       gr_dtype_name(dtype));
    return false;
}

static gr_node *build_list(lang_builder *builder, lang_at at, const lang_list *list, gr_dtype dtype)
{
    const double *numbers = builder->expr->numbers + list->first;
    gr_tensor tensor;
    if (gr_tensor_new(dtype, list->shape, &tensor) != GR_OK) {
        return gr_lang_build_fail(builder, at, GR_NO_MEMORY, "out of memory");
    }
    int64_t count = gr_shape_count(list->shape);
    gr_node *node = gr_error_node(builder->graph);
    for (int64_t i = 0; i < count && build_check_whole(builder, at, numbers[i], dtype); i++) {
        gr_tensor_put(&tensor, i, numbers[i]);
    }
    if (builder->status == GR_OK) node = gr_constant(builder->graph, &tensor);
    gr_tensor_clear(&tensor);
    return node;
}

gr_node *gr_lang_as_node(lang_builder *builder, int node, gr_dtype dtype)
{
    const lang_value *value = &builder->values[node];
    lang_at at = builder->expr->nodes[node].at;
    switch (value->kind) {
    case LANG_VALUE_NODE:
        return value->node;
    case LANG_VALUE_BOOL:
        return gr_scalar(builder->graph, GR_BOOL, value->number);
    case LANG_VALUE_LIST:
        return build_list(builder, at, value->list, dtype);
    case LANG_VALUE_NUMBER:
        if (!build_check_whole(builder, at, value->number, dtype)) break;
        return gr_scalar(builder->graph, dtype, value->number);
    case LANG_VALUE_TEXT:
    case LANG_VALUE_RANGE:
        return gr_lang_build_fail(builder, at, GR_SYNTAX, "a text is no value to compute with");
    }
    return gr_error_node(builder->graph);
}

static lang_value build_node_value(gr_node *node)
{
    return (lang_value){.kind = LANG_VALUE_NODE, .node = node};
}

static lang_value build_number(double number)
{
    return (lang_value){.kind = LANG_VALUE_NUMBER, .number = number};
}

/* ---- Operators ---------------------------------------------------------------------------- */

static gr_node *(*const build_binary_ops[LANG_OP_COUNT])(gr_node *, gr_node *) = {
    [LANG_OP_OR] = gr_or,           [LANG_OP_AND] = gr_and,
    [LANG_OP_EQUAL] = gr_equal,     [LANG_OP_NOT_EQUAL] = gr_not_equal,
    [LANG_OP_LESS] = gr_less,       [LANG_OP_LESS_EQUAL] = gr_less_equal,
    [LANG_OP_GREATER] = gr_greater, [LANG_OP_GREATER_EQUAL] = gr_greater_equal,
    [LANG_OP_ADD] = gr_add,         [LANG_OP_SUB] = gr_sub,
    [LANG_OP_MUL] = gr_mul,         [LANG_OP_DIV] = gr_div,
    [LANG_OP_MATMUL] = gr_matmul,
};

/* Arithmetic of two numbers; false if the operator is none. */
static bool build_fold(lang_op op, double a, double b, double *result)
{
    switch (op) {
    case LANG_OP_ADD:
        *result = a + b;
        return true;
    case LANG_OP_SUB:
        *result = a - b;
        return true;
    case LANG_OP_MUL:
        *result = a * b;
        return true;
    case LANG_OP_DIV:
        *result = a / b;
        return true;
    case LANG_OP_POW:
        *result = pow(a, b);
        return true;
    default:
        return false;
    }
}

gr_node *gr_lang_power(lang_builder *builder, int a, int b)
{
    const lang_value *exponent = &builder->values[b];
    gr_dtype dtype = gr_lang_literal_dtype(builder, (int[]){a, b}, 2);
    gr_node *base = gr_lang_as_node(builder, a, dtype);
    if (exponent->kind == LANG_VALUE_NUMBER && exponent->number == 2) return gr_square(base);
    return gr_pow(base, gr_lang_as_node(builder, b, dtype));
}

static lang_value build_binary(lang_builder *builder, const lang_ast *ast)
{
    lang_op op = ast->operate.op;
    int a = ast->operate.a, b = ast->operate.b;
    const lang_value *left = &builder->values[a], *right = &builder->values[b];
    double number;
    if (left->kind == LANG_VALUE_NUMBER && right->kind == LANG_VALUE_NUMBER &&
        build_fold(op, left->number, right->number, &number)) {
        return build_number(number);
    }
    if (op == LANG_OP_POW) return build_node_value(gr_lang_power(builder, a, b));
    gr_dtype dtype = gr_lang_literal_dtype(builder, (int[]){a, b}, 2);
    gr_node *x = gr_lang_as_node(builder, a, dtype), *y = gr_lang_as_node(builder, b, dtype);
    return build_node_value(build_binary_ops[op](x, y));
}

static lang_value build_unary(lang_builder *builder, const lang_ast *ast)
{
    const lang_value *value = &builder->values[ast->operate.a];
    if (ast->operate.op == LANG_OP_NEG && value->kind == LANG_VALUE_NUMBER) {
        return build_number(-value->number);
    }
    gr_node *x = gr_lang_as_node(builder, ast->operate.a, builder->env.dtype);
    return build_node_value(ast->operate.op == LANG_OP_NEG ? gr_neg(x) : gr_not(x));
}

/* ---- Calls -------------------------------------------------------------------------------- */

static gr_dtype build_call_dtype(const lang_builder *builder, const lang_arg *arg)
{
    for (; arg; arg = arg->next) {
        const lang_value *value = &builder->values[arg->value];
        if (value->kind == LANG_VALUE_NODE && gr_node_dtype(value->node) != GR_BOOL) {
            return gr_node_dtype(value->node);
        }
    }
    return builder->env.dtype;
}

static gr_node *build_gate(lang_builder *builder, const lang_ast *ast, const gr_gate *gate)
{
    build_note(builder, gr_lang_check_gate(builder->expr, ast, gate));
    if (builder->status != GR_OK) return gr_error_node(builder->graph);
    gr_dtype dtype = build_call_dtype(builder, ast->call.args);
    gr_node **in = gr_alloc_array((size_t)gate->inputs, sizeof *in);
    if (!in) return gr_lang_build_fail(builder, ast->at, GR_NO_MEMORY, "out of memory");
    int n = 0;
    for (const lang_arg *arg = ast->call.args; arg; arg = arg->next) {
        in[n++] = gr_lang_as_node(builder, arg->value, dtype);
    }
    gr_node *node = gr_custom(builder->graph, gate, in, n);
    gr_free(in);
    return node;
}

static gr_node *build_call(lang_builder *builder, int node)
{
    const lang_ast *ast = &builder->expr->nodes[node];
    const gr_gate *gate = gr_gates_find(builder->env.gates, ast->call.word);
    if (gate) return build_gate(builder, ast, gate);
    const lang_word *word = gr_lang_word_find(ast->call.word);
    if (!word || word->is.kind == GR_WORD_CONSTANT) {
        build_note(builder, gr_lang_unknown_word(builder->expr, ast, &builder->env));
        return gr_error_node(builder->graph);
    }
    lang_call call = {.builder = builder, .node = node};
    build_note(builder, gr_lang_bind(builder->expr, ast, word->is.signature, &call.bound));
    if (builder->status != GR_OK) return gr_error_node(builder->graph);
    call.dtype = build_call_dtype(builder, ast->call.args);
    if (word->unary) return word->unary(gr_lang_arg_node(&call, "x"));
    if (!word->binary) return word->call(&call);
    gr_node *a = gr_lang_arg_node(&call, "a");
    return word->binary(a, gr_lang_arg_node(&call, "b"));
}

/* ---- Names -------------------------------------------------------------------------------- */

static gr_node *build_find_input(lang_builder *builder, const char *name)
{
    const gr_expr_env *env = &builder->env;
    for (int i = 0; i < env->n_bindings; i++) {
        if (strcmp(env->bindings[i].name, name) == 0) return env->bindings[i].node;
    }
    return env->find ? env->find(env->user, builder->graph, name) : NULL;
}

/* The option of a call that is given the node and takes a text; NULL: there is none. */
static const char *build_text_option(const gr_expr *expr, int node)
{
    for (size_t n = (size_t)node + 1; n < expr->n_nodes; n++) {
        const lang_ast *call = &expr->nodes[n];
        const lang_word *word =
            call->kind == LANG_AST_CALL ? gr_lang_word_find(call->call.word) : NULL;
        if (!word || word->is.kind == GR_WORD_CONSTANT) continue;
        lang_bound bound;
        if (gr_lang_bind(expr, call, word->is.signature, &bound) != GR_OK) continue;
        for (int i = 0; i < bound.signature.count; i++) {
            const lang_arg *arg = bound.arg[i];
            const bool text = bound.signature.param[i].type == LANG_TYPE_TEXT;
            if (text && arg && arg->value == node && arg->keyword) return arg->keyword;
        }
    }
    return NULL;
}

static gr_status build_unknown_name(lang_builder *builder, const lang_ast *ast, const char *name)
{
    const gr_expr_env *env = &builder->env;
    const char *option = build_text_option(builder->expr, (int)(ast - builder->expr->nodes));
    if (option) {
        const char *quoted = gr_lang_quote(name, strlen(name));
        gr_lang_build_fail(builder, ast->at, GR_NOT_FOUND,
                           "'%s' has no value; a text, as %s takes, stands in quotes: %s=\"%s\"",
                           quoted, option, option, quoted);
        return builder->status;
    }
    const char *near = NULL;
    bool telling = strlen(name) > 2; /* every short name is near every other */
    for (int i = 0; telling && i < env->n_bindings && !near; i++) {
        near = gr_nearest(name, &env->bindings[i].name, 1);
    }
    gr_lang_build_fail(builder, ast->at, GR_NOT_FOUND, "'%s' has no value%s%s%s",
                       gr_lang_quote(name, strlen(name)), near ? "; did you mean '" : "",
                       near ? near : "", near ? "'?" : "");
    return builder->status;
}

static lang_value build_name(lang_builder *builder, const lang_ast *ast)
{
    const gr_expr *expr = builder->expr;
    const lang_symbol *symbol = &expr->names.symbols[ast->name.symbol];
    if (ast->name.statement >= 0)
        return builder->values[expr->statements[ast->name.statement].root];
    if (symbol->input < 0) {
        bool truth = strcmp(symbol->text, "true") == 0 || strcmp(symbol->text, "false") == 0;
        return (lang_value){.kind = truth ? LANG_VALUE_BOOL : LANG_VALUE_NUMBER,
                            .number = gr_lang_word_find(symbol->text)->value};
    }
    gr_node **input = &builder->inputs[symbol->input];
    if (!*input) {
        *input = build_find_input(builder, symbol->text);
        if (!*input) build_unknown_name(builder, ast, symbol->text);
    }
    return build_node_value(*input ? *input : gr_error_node(builder->graph));
}

/* ---- The loop ----------------------------------------------------------------------------- */

static lang_value build_value(lang_builder *builder, int node)
{
    const lang_ast *ast = &builder->expr->nodes[node];
    switch (ast->kind) {
    case LANG_AST_NUMBER:
        return build_number(ast->number);
    case LANG_AST_LIST:
        return (lang_value){.kind = LANG_VALUE_LIST, .list = ast->list};
    case LANG_AST_STRING:
        return (lang_value){.kind = LANG_VALUE_TEXT, .text = ast->string};
    case LANG_AST_NAME:
        return build_name(builder, ast);
    case LANG_AST_UNARY:
        return build_unary(builder, ast);
    case LANG_AST_BINARY:
        return build_binary(builder, ast);
    case LANG_AST_CALL:
        return build_node_value(build_call(builder, node));
    case LANG_AST_INDEX:
        return build_node_value(gr_lang_index(builder, node));
    case LANG_AST_RANGE:
        break;
    }
    return (lang_value){.kind = LANG_VALUE_RANGE};
}

static void build_statement(lang_builder *builder, const lang_statement *statement, bool last)
{
    const gr_expr *expr = builder->expr;
    builder->statement = statement;
    for (int i = statement->first; i <= statement->root && builder->status == GR_OK; i++) {
        lang_value value = build_value(builder, i);
        builder->values[i] = value;
        gr_node *node = value.kind == LANG_VALUE_NODE ? value.node : NULL;
        build_place(builder, node, expr->nodes[i].at);
    }
    lang_value *root = &builder->values[statement->root];
    if (last && builder->status == GR_OK) {
        *root = build_node_value(gr_lang_as_node(builder, statement->root, builder->env.dtype));
    }
    if (builder->status != GR_OK || root->kind != LANG_VALUE_NODE) return;
    if (statement->symbol >= 0) {
        gr_name(root->node, expr->names.symbols[statement->symbol].text);
    }
    build_place(builder, root->node, expr->nodes[statement->root].at);
}

static void build_all(lang_builder *builder)
{
    const gr_expr *expr = builder->expr;
    builder->values = gr_alloc_array(expr->n_nodes, sizeof *builder->values);
    builder->inputs = gr_alloc_array(expr->n_inputs, sizeof *builder->inputs);
    if (!builder->values || !builder->inputs) {
        build_note(builder, GR_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < expr->n_statements && builder->status == GR_OK; i++) {
        build_statement(builder, &expr->statements[i], i + 1 == expr->n_statements);
    }
}

/* Keeps the values of the statements from `first` on. */
static gr_status build_expr(const gr_expr *expr, gr_graph *graph, const gr_expr_env *env,
                            size_t first, gr_node **values)
{
    lang_builder builder = {.expr = expr, .graph = graph};
    for (size_t i = first; i < expr->n_statements; i++) values[i - first] = gr_error_node(graph);
    if (gr_graph_status(graph) != GR_OK) {
        return gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph));
    }
    if (env) {
        size_t size = env->size < sizeof builder.env ? env->size : sizeof builder.env;
        memcpy(&builder.env, env, size);
    }
    gr_build_seal(graph); /* what the caller built is not the text's */
    build_note(&builder, gr_gates_check(builder.env.gates));
    if (builder.status == GR_OK) build_all(&builder);
    for (size_t i = first; builder.status == GR_OK && i < expr->n_statements; i++)
        values[i - first] = gr_lang_as_node(&builder, expr->statements[i].root, builder.env.dtype);
    for (size_t i = first; builder.status != GR_OK && i < expr->n_statements; i++)
        values[i - first] = gr_error_node(graph);
    gr_free(builder.values);
    gr_free(builder.inputs);
    gr_lang_names_free(&builder.layers);
    gr_build_seal(graph);
    return builder.status;
}

gr_status gr_expr_build(const gr_expr *expr, gr_graph *graph, const gr_expr_env *env,
                        gr_node **result)
{
    return build_expr(expr, graph, env, expr->n_statements - 1, result);
}

gr_status gr_expr_build_all(const gr_expr *expr, gr_graph *graph, const gr_expr_env *env,
                            gr_node **values)
{
    return build_expr(expr, graph, env, 0, values);
}
