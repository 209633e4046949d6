/* How the builder of a word reads its arguments. */
#include "lang/words.h"

#include <math.h>
#include <stdio.h>

static int call_find(const lang_call *call, const char *name)
{
    const lang_signature *signature = &call->bound.signature;
    for (int i = 0; i < signature->count; i++) {
        if (strcmp(signature->param[i].name, name) == 0) return i;
    }
    return -1;
}

static const lang_arg *call_argument(const lang_call *call, const char *name)
{
    int i = call_find(call, name);
    return i >= 0 ? call->bound.arg[i] : NULL;
}

static const lang_value *call_value(const lang_call *call, const char *name)
{
    const lang_arg *arg = call_argument(call, name);
    return arg ? &call->builder->values[arg->value] : NULL;
}

/* The default; 0 if there is none. */
static double call_default(const lang_call *call, const char *name)
{
    int i = call_find(call, name);
    return i >= 0 && call->bound.signature.param[i].has_value ? call->bound.signature.param[i].value
                                                              : 0;
}

gr_node *gr_lang_call_fail(lang_call *call, gr_status status, const char *name, const char *format,
                           ...)
{
    const lang_arg *arg = name ? call_argument(call, name) : NULL;
    const lang_ast *ast = &call->builder->expr->nodes[call->node];
    char fault[512];
    va_list args;
    va_start(args, format);
    vsnprintf(fault, sizeof fault, format, args);
    va_end(args);
    return gr_lang_build_fail(call->builder, arg ? arg->at : ast->at, status, "'%s': %s",
                              ast->call.word, fault);
}

bool gr_lang_given(const lang_call *call, const char *name)
{
    return call_argument(call, name) != NULL;
}

/* ---- Nodes -------------------------------------------------------------------------------- */

gr_node *gr_lang_arg_node(lang_call *call, const char *name)
{
    return gr_lang_arg_node_typed(call, name, call->dtype);
}

gr_node *gr_lang_arg_node_typed(lang_call *call, const char *name, gr_dtype dtype)
{
    const lang_arg *arg = call_argument(call, name);
    if (!arg) return gr_lang_call_fail(call, GR_SYNTAX, NULL, "'%s' is not given", name);
    return gr_lang_as_node(call->builder, arg->value, dtype);
}

int gr_lang_arg_nodes(lang_call *call, const char *name, gr_node ***nodes)
{
    int i = call_find(call, name), count = i >= 0 ? call->bound.count[i] : 0, n = 0;
    *nodes = gr_alloc_array((size_t)count, sizeof **nodes);
    if (!*nodes) {
        gr_lang_build_fail(call->builder, call->builder->expr->nodes[call->node].at, GR_NO_MEMORY,
                           "out of memory");
        return 0;
    }
    for (const lang_arg *arg = call_argument(call, name); arg && n < count; arg = arg->next) {
        (*nodes)[n++] = gr_lang_as_node(call->builder, arg->value, call->dtype);
    }
    return n;
}

/* ---- Numbers and texts -------------------------------------------------------------------- */

double gr_lang_arg_real(lang_call *call, const char *name)
{
    const lang_value *value = call_value(call, name);
    if (!value) return call_default(call, name);
    if (value->kind == LANG_VALUE_NUMBER) return value->number;
    gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be a number", name);
    return 0;
}

bool gr_lang_arg_bool(lang_call *call, const char *name)
{
    const lang_value *value = call_value(call, name);
    if (!value) return call_default(call, name) != 0;
    bool number = value->kind == LANG_VALUE_NUMBER && (value->number == 0 || value->number == 1);
    if (number || value->kind == LANG_VALUE_BOOL) return value->number != 0;
    gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be true or false", name);
    return false;
}

const char *gr_lang_arg_text(lang_call *call, const char *name)
{
    const lang_value *value = call_value(call, name);
    if (!value) return NULL;
    if (value->kind == LANG_VALUE_TEXT) return value->text;
    gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be a text in quotes", name);
    return NULL;
}

/* Is the number whole and in [low, high]? A fault of the call otherwise. */
static bool call_whole(lang_call *call, const char *name, double number, int64_t low, int64_t high,
                       int64_t *out)
{
    *out = low;
    if (!(fabs(number) <= 9007199254740992.0) || number != floor(number)) {
        gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be a whole number, not %g", name, number);
        return false;
    }
    if (number < (double)low || number > (double)high) {
        if (high == INT64_MAX) {
            gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be at least %lld, not %g", name,
                              (long long)low, number);
        } else {
            gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be from %lld to %lld, not %g", name,
                              (long long)low, (long long)high, number);
        }
        return false;
    }
    *out = (int64_t)number;
    return true;
}

int64_t gr_lang_arg_int(lang_call *call, const char *name, int64_t low, int64_t high)
{
    const lang_value *value = call_value(call, name);
    int64_t whole = low;
    if (!value) return (int64_t)call_default(call, name);
    if (value->kind == LANG_VALUE_NUMBER)
        call_whole(call, name, value->number, low, high, &whole);
    else
        gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be a whole number", name);
    return whole;
}

/* The numbers of one argument from out[count] on; the new count. */
static int call_numbers(lang_call *call, const char *name, const char *kind,
                        const lang_value *value, int count, double *out)
{
    const double *numbers = &value->number;
    int64_t n = 1;
    if (value->kind == LANG_VALUE_LIST && value->list->shape.rank == 1) {
        numbers = call->builder->expr->numbers + value->list->first;
        n = value->list->shape.dim[0];
    } else if (value->kind != LANG_VALUE_NUMBER) {
        gr_lang_call_fail(call, GR_SYNTAX, name, "%s must be %s or a list of them", name, kind);
        return count;
    }
    if (n > GR_MAX_RANK - count) {
        gr_lang_call_fail(call, GR_SYNTAX, name, "%s has more than %d numbers", name, GR_MAX_RANK);
        return count;
    }
    for (int64_t i = 0; i < n; i++) out[count++] = numbers[i];
    return count;
}

/* All numbers of a parameter, or its default: their count. */
static int call_all_numbers(lang_call *call, const char *name, const char *kind, double *out)
{
    int at = call_find(call, name), n = 0;
    int given = at >= 0 ? call->bound.count[at] : 0;
    const lang_arg *arg = call_argument(call, name);
    for (int i = 0; i < given && arg && call->builder->status == GR_OK; i++, arg = arg->next) {
        n = call_numbers(call, name, kind, &call->builder->values[arg->value], n, out);
    }
    if (given == 0 && at >= 0 && call->bound.signature.param[at].has_value) {
        out[n++] = call->bound.signature.param[at].value;
    }
    return n;
}

int gr_lang_arg_ints(lang_call *call, const char *name, int64_t low, int64_t high, int64_t *out)
{
    double numbers[GR_MAX_RANK];
    int n = call_all_numbers(call, name, "a whole number", numbers);
    for (int i = 0; i < n; i++) {
        if (!call_whole(call, name, numbers[i], low, high, &out[i])) return 0;
    }
    return n;
}

int gr_lang_arg_reals(lang_call *call, const char *name, double *out)
{
    return call_all_numbers(call, name, "a number", out);
}
