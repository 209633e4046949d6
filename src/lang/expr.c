/* The expression object: its making, its names, its end. */
#include "lang/syntax.h"

/* ---- Symbols: a hash table with linear probing ---------------------------------------------- */

static bool expr_grow_buckets(lang_names *names)
{
    size_t wanted = names->n_buckets ? names->n_buckets * 2 : 32;
    if (names->count * 2 < names->n_buckets) return true;
    int *buckets = gr_alloc_array(wanted, sizeof *buckets);
    if (!buckets) return false;
    for (size_t i = 0; i < wanted; i++) buckets[i] = -1;
    for (size_t i = 0; i < names->count; i++) {
        size_t at = names->symbols[i].hash & (wanted - 1);
        while (buckets[at] >= 0) at = (at + 1) & (wanted - 1);
        buckets[at] = (int)i;
    }
    gr_free(names->buckets);
    names->buckets = buckets;
    names->n_buckets = wanted;
    return true;
}

int gr_lang_symbol_of(lang_names *names, const char *data, size_t size)
{
    if (!expr_grow_buckets(names)) return -1;
    uint64_t hash = gr_hash(data, size, 0);
    size_t at = hash & (names->n_buckets - 1);
    for (; names->buckets[at] >= 0; at = (at + 1) & (names->n_buckets - 1)) {
        const lang_symbol *s = &names->symbols[names->buckets[at]];
        if (s->hash == hash && strncmp(s->text, data, size) == 0 && !s->text[size]) {
            return names->buckets[at];
        }
    }
    char *text = gr_arena_alloc(&names->arena, size + 1);
    if (!text ||
        !gr_grow(&names->symbols, names->count, &names->capacity, sizeof *names->symbols)) {
        return -1;
    }
    memcpy(text, data, size);
    names->symbols[names->count] =
        (lang_symbol){.text = text, .hash = hash, .statement = -1, .input = -1};
    names->buckets[at] = (int)names->count;
    return (int)names->count++;
}

void gr_lang_names_free(lang_names *names)
{
    gr_arena_free(&names->arena);
    gr_free(names->symbols);
    gr_free(names->buckets);
    *names = (lang_names){0};
}

/* ---- The object --------------------------------------------------------------------------- */

gr_expr *gr_lang_expr_new(const char *text, const char *source, gr_status *status)
{
    size_t size = strnlen(text, GR_EXPR_MAX_BYTES + 1);
    if (size > GR_EXPR_MAX_BYTES) {
        *status = gr_fail(GR_SYNTAX, "%s: longer than %d bytes",
                          gr_lang_quote(source, strlen(source)), GR_EXPR_MAX_BYTES);
        return NULL;
    }
    *status = GR_NO_MEMORY;
    gr_expr *expr = gr_alloc(sizeof *expr);
    if (!expr) return NULL;
    expr->source.name = gr_arena_strdup(&expr->arena, source);
    expr->source.text = gr_arena_copy(&expr->arena, text, size + 1);
    expr->source.size = size;
    if (!expr->source.name || !expr->source.text) {
        gr_expr_free(expr);
        return NULL;
    }
    *status = GR_OK;
    return expr;
}

gr_status gr_expr_parse(const char *text, const char *source, gr_expr **result)
{
    gr_status status;
    *result = NULL;
    gr_expr *expr = gr_lang_expr_new(text, source ? source : "expression", &status);
    if (!expr) return status;
    status = gr_lang_parse(expr);
    if (status != GR_OK)
        gr_expr_free(expr);
    else
        *result = expr;
    return status;
}

void gr_expr_free(gr_expr *expr)
{
    if (!expr) return;
    gr_arena_free(&expr->arena);
    gr_free(expr->nodes);
    gr_free(expr->numbers);
    gr_lang_names_free(&expr->names);
    gr_free(expr->statements);
    gr_free(expr->inputs);
    gr_free(expr);
}

int gr_expr_inputs(const gr_expr *expr)
{
    return (int)expr->n_inputs;
}

const char *gr_expr_input(const gr_expr *expr, int i)
{
    return i >= 0 && (size_t)i < expr->n_inputs ? expr->names.symbols[expr->inputs[i]].text : NULL;
}

int gr_expr_statements(const gr_expr *expr)
{
    return (int)expr->n_statements;
}

const char *gr_expr_statement_name(const gr_expr *expr, int i)
{
    if (i < 0 || (size_t)i >= expr->n_statements || expr->statements[i].symbol < 0) return NULL;
    return expr->names.symbols[expr->statements[i].symbol].text;
}

int gr_expr_loss(const gr_expr *expr)
{
    for (int i = 1; i < gr_expr_statements(expr); i++) {
        const char *name = gr_expr_statement_name(expr, i);
        if (name && strcmp(name, "loss") == 0) return i;
    }
    return -1;
}

int gr_expr_result(const gr_expr *expr)
{
    int loss = gr_expr_loss(expr);
    return (loss < 0 ? gr_expr_statements(expr) : loss) - 1;
}
