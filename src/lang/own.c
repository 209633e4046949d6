/* The user's own gates in texts. */
#include "lang/words.h"

#include <ctype.h>

/* ---- Lists ---------------------------------------------------------------------------------- */

static bool own_is_name(const char *name)
{
    if (!name || (!isalpha((unsigned char)*name) && *name != '_')) return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_') return false;
    return true;
}

static gr_status own_check_gate(const gr_gates *gates, int i)
{
    const gr_gate *gate = &gates->gate[i];
    if (gate->size != sizeof *gate)
        return gr_fail(GR_INVALID, "gate %d of the list: its size is not sizeof(gr_gate) (%zu)", i,
                       sizeof *gate);
    if (!own_is_name(gate->name))
        return gr_fail(GR_INVALID,
                       "gate %d of the list has the name '%s': should be letters, digits and '_', "
                       "the first no digit",
                       i, gate->name ? gr_lang_quote(gate->name, strlen(gate->name)) : "");
    if (gr_lang_word_find(gate->name))
        return gr_fail(GR_INVALID, "the gate '%s' has the name of a word of the language",
                       gate->name);
    if (gr_gates_find(gates, gate->name) != gate)
        return gr_fail(GR_INVALID, "two gates of the list are called '%s'", gate->name);
    if (!gate->shape || !gate->forward)
        return gr_fail(GR_INVALID, "gate '%s' needs the callbacks shape and forward", gate->name);
    return GR_OK;
}

gr_status gr_gates_check(const gr_gates *gates)
{
    if (!gates) return GR_OK;
    if (gates->version != GR_GATES_VERSION)
        return gr_fail(GR_INVALID, "the list of gates is of version %d, not %d: compile it anew",
                       gates->version, GR_GATES_VERSION);
    if (gates->count < 0 || (gates->count > 0 && !gates->gate))
        return gr_fail(GR_INVALID, "the list of gates counts %d of them%s", gates->count,
                       gates->gate ? "" : ", but points to none");
    for (int i = 0; i < gates->count; i++) GR_TRY(own_check_gate(gates, i));
    return GR_OK;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

gr_status gr_lang_check_gate(const gr_expr *expr, const lang_ast *call, const gr_gate *gate)
{
    int count = 0;
    for (const lang_arg *arg = call->call.args; arg; arg = arg->next, count++) {
        if (!arg->keyword) continue;
        return gr_lang_fail(&expr->source, arg->at, GR_SYNTAX, "the gate '%s' has no option '%s'",
                            gate->name, gr_lang_quote(arg->keyword, strlen(arg->keyword)));
    }
    if (gate->outputs != 1) {
        return gr_lang_fail(&expr->source, call->at, GR_SYNTAX,
                            "the gate '%s' has %d outputs: an expression takes gates of one",
                            gate->name, gate->outputs);
    }
    if (count == gate->inputs) return GR_OK;
    return gr_lang_fail(&expr->source, call->at, GR_SYNTAX,
                        "the gate '%s' takes %d input%s, not %d", gate->name, gate->inputs,
                        gate->inputs == 1 ? "" : "s", count);
}

bool gr_expr_calls(const gr_expr *expr, const char *word)
{
    for (size_t i = 0; i < expr->n_nodes; i++) {
        const lang_ast *ast = &expr->nodes[i];
        if (ast->kind == LANG_AST_CALL && strcmp(ast->call.word, word) == 0) return true;
    }
    return false;
}
