/* Signatures, and the sorting of a call's arguments to their parameters. */
#include "lang/words.h"

#include <ctype.h>

/* ---- Signatures --------------------------------------------------------------------------- */

/* Copies the word at *cursor, cut to fit, and moves past it and the blanks behind it. */
static void bind_word(const char **cursor, char *word, size_t size)
{
    size_t length = 0;
    while (isalnum((unsigned char)**cursor) || **cursor == '_') {
        if (length + 1 < size) word[length++] = **cursor;
        ++*cursor;
    }
    word[length] = '\0';
    while (**cursor == ' ') ++*cursor;
}

static bool bind_skip(const char **cursor, const char *sign)
{
    size_t size = strlen(sign);
    if (strncmp(*cursor, sign, size) != 0) return false;
    *cursor += size;
    while (**cursor == ' ') ++*cursor;
    return true;
}

static lang_type bind_type(const char *word)
{
    static const struct {
        const char *name;
        lang_type type;
    } types[] = {{"int", LANG_TYPE_INT},   {"ints", LANG_TYPE_INTS}, {"reals", LANG_TYPE_REALS},
                 {"real", LANG_TYPE_REAL}, {"bool", LANG_TYPE_BOOL}, {"text", LANG_TYPE_TEXT}};
    for (size_t i = 0; i < GR_LEN(types); i++) {
        if (strcmp(types[i].name, word) == 0) return types[i].type;
    }
    return LANG_TYPE_NODE;
}

static void bind_param(const char **cursor, lang_param *param)
{
    char word[24];
    *param = (lang_param){.type = LANG_TYPE_NODE};
    bind_word(cursor, param->name, sizeof param->name);
    if (bind_skip(cursor, ":")) {
        bind_word(cursor, word, sizeof word);
        param->type = bind_type(word);
    }
    if (bind_skip(cursor, "...")) param->many = true;
    if (!bind_skip(cursor, "=")) return;
    param->optional = true;
    param->has_value = gr_parse_real(cursor, &param->value);
    if (param->has_value) return;
    bind_word(cursor, word, sizeof word);
    param->has_value = param->type == LANG_TYPE_BOOL;
    param->value = strcmp(word, "true") == 0;
}

void gr_lang_signature_read(const char *text, lang_signature *signature)
{
    const char *cursor = strchr(text, '(');
    signature->count = 0;
    if (!cursor) return;
    cursor++;
    while (*cursor && *cursor != ')' && signature->count < LANG_MAX_PARAMS) {
        bind_param(&cursor, &signature->param[signature->count++]);
        bind_skip(&cursor, ",");
    }
}

/* ---- Arguments ---------------------------------------------------------------------------- */

static int bind_find(const lang_signature *signature, const char *keyword)
{
    for (int i = 0; i < signature->count; i++) {
        if (strcmp(signature->param[i].name, keyword) == 0) return i;
    }
    return -1;
}

static gr_status bind_unknown(const gr_expr *expr, const lang_ast *call, const lang_arg *arg,
                              const lang_bound *bound, const char *signature)
{
    const char *names[LANG_MAX_PARAMS];
    for (int i = 0; i < bound->signature.count; i++) names[i] = bound->signature.param[i].name;
    const char *near = gr_nearest(arg->keyword, names, (size_t)bound->signature.count);
    const char *word = gr_lang_quote(call->call.word, strlen(call->call.word));
    const char *keyword = gr_lang_quote(arg->keyword, strlen(arg->keyword));
    if (near) {
        return gr_lang_fail(&expr->source, arg->at, GR_SYNTAX,
                            "'%s' has no option '%s'; did you mean '%s'? The form is %s", word,
                            keyword, near, signature);
    }
    return gr_lang_fail(&expr->source, arg->at, GR_SYNTAX,
                        "'%s' has no option '%s': the form is %s", word, keyword, signature);
}

/* Puts one argument in its place; *next is the first parameter free for a nameless one. */
static gr_status bind_argument(const gr_expr *expr, const lang_ast *call, const lang_arg *arg,
                               const char *signature, lang_bound *bound, int *next)
{
    int at = *next;
    if (arg->keyword) {
        at = bind_find(&bound->signature, arg->keyword);
        if (at < 0) return bind_unknown(expr, call, arg, bound, signature);
        if (bound->arg[at]) {
            return gr_lang_fail(&expr->source, arg->at, GR_SYNTAX,
                                "'%s' is given twice: the form is "
                                "%s",
                                bound->signature.param[at].name, signature);
        }
    } else if (at >= bound->signature.count) {
        return gr_lang_fail(&expr->source, arg->at, GR_SYNTAX,
                            "too many arguments for '%s': the form is %s", call->call.word,
                            signature);
    } else if (!bound->signature.param[at].many) {
        ++*next;
    }
    if (!bound->arg[at]) bound->arg[at] = arg;
    bound->count[at]++;
    return GR_OK;
}

gr_status gr_lang_bind(const gr_expr *expr, const lang_ast *call, const char *signature,
                       lang_bound *bound)
{
    int next = 0;
    *bound = (lang_bound){0};
    gr_lang_signature_read(signature, &bound->signature);
    for (const lang_arg *arg = call->call.args; arg; arg = arg->next) {
        GR_TRY(bind_argument(expr, call, arg, signature, bound, &next));
    }
    for (int i = 0; i < bound->signature.count; i++) {
        if (bound->arg[i] || bound->signature.param[i].optional) continue;
        const lang_word *word = gr_lang_word_find(call->call.word);
        const bool layer = word && word->is.kind == GR_WORD_LAYER && !call->call.piped;
        return gr_lang_fail(&expr->source, call->at, GR_SYNTAX, "'%s' lacks '%s': the form is %s%s",
                            call->call.word, bound->signature.param[i].name, signature,
                            layer ? "; behind '|>' the x is what stands before it" : "");
    }
    return GR_OK;
}

/* ---- Words -------------------------------------------------------------------------------- */

gr_status gr_lang_unknown_word(const gr_expr *expr, const lang_ast *call, const gr_expr_env *env)
{
    const char *word = gr_lang_quote(call->call.word, strlen(call->call.word));
    const char *kind = call->call.piped ? "layer or function" : "function";
    const char *near = gr_lang_word_nearest(call->call.word);
    const gr_gates *gates = env ? env->gates : NULL;
    for (int i = 0; !near && gates && i < gates->count; i++)
        near = gr_nearest(call->call.word, &gates->gate[i].name, 1);
    const lang_word *found = near ? gr_lang_word_find(near) : NULL;
    if (found && found->is.kind == GR_WORD_LAYER) kind = "layer";
    return gr_lang_fail(&expr->source, call->at, GR_SYNTAX, "unknown %s '%s'%s%s%s", kind, word,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static gr_status bind_check_call(const gr_expr *expr, const lang_ast *call, const gr_expr_env *env)
{
    lang_bound bound;
    const gr_gate *gate = gr_gates_find(env ? env->gates : NULL, call->call.word);
    if (gate) return gr_lang_check_gate(expr, call, gate);
    const lang_word *word = gr_lang_word_find(call->call.word);
    if (!word || word->is.kind == GR_WORD_CONSTANT) return gr_lang_unknown_word(expr, call, env);
    return gr_lang_bind(expr, call, word->is.signature, &bound);
}

gr_status gr_expr_check(const gr_expr *expr, const gr_expr_env *env)
{
    if (env) GR_TRY(gr_gates_check(env->gates));
    for (size_t i = 0; i < expr->n_nodes; i++) {
        const lang_ast *ast = &expr->nodes[i];
        if (ast->kind == LANG_AST_CALL) GR_TRY(bind_check_call(expr, ast, env));
    }
    return GR_OK;
}
