/* Scopes: where a recipe finds its graph, its variables and their names. */
#include "nn/scope.h"

#include <stdio.h>

#include "run/store.h"

gr_scope *gr_scope_new(gr_graph *graph, gr_store *store, const gr_scope_options *options)
{
    gr_scope *s = gr_alloc(sizeof *s);
    if (!s) return NULL;
    s->graph = graph;
    s->store = store;
    if (options) {
        s->mode = options->mode;
        s->seed = options->seed;
        s->carry = options->carry;
    }
    return s;
}

void gr_scope_free(gr_scope *scope)
{
    if (!scope) return;
    while (gr_graph_status(scope->graph) != GR_OK && scope->n_made > 0)
        gr_store_take_back(scope->store, scope->made[--scope->n_made]);
    gr_arena_free(&scope->arena);
    gr_free(scope->made);
    gr_free(scope->prefix);
    gr_free(scope->kinds);
    gr_free(scope->params);
    gr_free(scope->tunings);
    gr_free(scope->layers);
    gr_free(scope->updates);
    gr_free(scope);
}

gr_graph *gr_scope_graph(gr_scope *scope)
{
    return scope ? scope->graph : NULL;
}

gr_store *gr_scope_store(gr_scope *scope)
{
    return scope ? scope->store : NULL;
}

gr_mode gr_scope_mode(const gr_scope *scope)
{
    return scope ? scope->mode : GR_EVAL;
}

bool gr_scope_carries(const gr_scope *scope)
{
    return scope && scope->carry;
}

/* ---- Names ---------------------------------------------------------------------------------- */

void gr_scope_enter(gr_scope *scope, const char *name)
{
    if (!scope) return;
    size_t old = scope->prefix ? strlen(scope->prefix) : 0, size = old + strlen(name) + 2;
    char *prefix = gr_realloc(scope->prefix, size);
    if (!prefix) {
        gr_fault(gr_scope_graph(scope), GR_NO_MEMORY, "scope", "out of memory");
        return;
    }
    snprintf(prefix + old, size - old, "%s/", name);
    scope->prefix = prefix;
}

void gr_scope_leave(gr_scope *scope)
{
    if (!scope || !scope->prefix || !*scope->prefix) return;
    scope->prefix[strlen(scope->prefix) - 1] = 0;
    char *slash = strrchr(scope->prefix, '/');
    *(slash ? slash + 1 : scope->prefix) = 0;
}

const char *gr_scope_path(gr_scope *scope, const char *name)
{
    if (!scope) return name;
    const char *path =
        gr_arena_printf(&scope->arena, "%s%s", scope->prefix ? scope->prefix : "", name);
    if (!path) gr_fault(gr_scope_graph(scope), GR_NO_MEMORY, "scope", "out of memory");
    return path ? path : "";
}

const char *gr_scope_auto(gr_scope *scope, const char *kind)
{
    if (!scope) return kind;
    const char *key = gr_scope_path(scope, kind);
    size_t i = 0;
    while (i < scope->n_kinds && strcmp(scope->kinds[i].kind, key) != 0) i++;
    if (i == scope->n_kinds) {
        if (!gr_grow(&scope->kinds, scope->n_kinds, &scope->kinds_capacity, sizeof *scope->kinds)) {
            gr_fault(gr_scope_graph(scope), GR_NO_MEMORY, "scope", "out of memory");
            return kind;
        }
        scope->kinds[scope->n_kinds++] = (gr_scope_kind){key, 0};
    }
    const char *name = gr_arena_printf(&scope->arena, "%s%d", kind, ++scope->kinds[i].count);
    if (!name) gr_fault(gr_scope_graph(scope), GR_NO_MEMORY, "scope", "out of memory");
    return name ? name : kind;
}

/* ---- Variables ------------------------------------------------------------------------------ */

/* Adds the variable to the store, and to the list of those that go if the graph fails. */
static gr_status scope_make(gr_scope *scope, const char *path, const gr_tensor *type, gr_init init,
                            int64_t fan_in, int64_t fan_out)
{
    gr_tensor value;
    if (!gr_grow(&scope->made, scope->n_made, &scope->made_capacity, sizeof *scope->made))
        return GR_NO_MEMORY;
    gr_status status = gr_tensor_new(type->dtype, type->shape, &value);
    if (status == GR_OK && type->dtype == GR_F32)
        status = gr_init_fill(init, scope->seed, path, fan_in, fan_out, &value);
    else if (status == GR_OK && type->dtype == GR_I64)
        for (int64_t i = 0; i < gr_shape_count(type->shape); i++)
            ((int64_t *)value.data)[i] = (int64_t)init.a;
    if (status == GR_OK) status = gr_store_add(scope->store, path, &value);
    if (status == GR_OK) scope->made[scope->n_made++] = path;
    gr_tensor_clear(&value);
    return status;
}

/* The variable of that full name; made if the store lacks it. */
static gr_node *scope_var(gr_scope *scope, const char *path, const gr_tensor *type, gr_init init,
                          int64_t fan_in, int64_t fan_out)
{
    if (scope->store && gr_store_find(scope->store, path) < 0) {
        gr_status status = scope_make(scope, path, type, init, fan_in, fan_out);
        if (status != GR_OK)
            return gr_fault(gr_scope_graph(scope), status, path, "%s", gr_message());
    }
    int i = gr_store_find(scope->store, path);
    gr_tensor found = i < 0 ? *type : gr_store_type(scope->store, i);
    if (!gr_shape_equal(found.shape, type->shape) || found.dtype != type->dtype)
        return gr_fault(gr_scope_graph(scope), GR_SHAPE, "variable",
                        "'%s' is %s%s in the store, but the layer needs %s%s", path,
                        gr_dtype_name(found.dtype), gr_shape_text(found.shape),
                        gr_dtype_name(type->dtype), gr_shape_text(type->shape));
    return gr_var(scope->graph, path, type->dtype, type->shape);
}

static bool scope_push(gr_scope *scope, gr_node ***list, size_t *count, size_t *capacity,
                       gr_node *node)
{
    for (size_t i = 0; i < *count; i++)
        if ((*list)[i] == node) return true;
    if (!gr_grow(list, *count, capacity, sizeof(gr_node *))) {
        gr_fault(gr_scope_graph(scope), GR_NO_MEMORY, "scope", "out of memory");
        return false;
    }
    (*list)[(*count)++] = node;
    return true;
}

gr_node *gr_param(gr_scope *scope, const char *name, gr_shape shape, gr_init init, int64_t fan_in,
                  int64_t fan_out)
{
    if (!scope) return NULL;
    gr_tensor type = {.dtype = GR_F32, .shape = shape};
    gr_node *node = scope_var(scope, gr_scope_path(scope, name), &type, init, fan_in, fan_out);
    if (gr_is_error(node)) return node;
    scope_push(scope, &scope->params, &scope->n_params, &scope->params_capacity, node);
    return node;
}

gr_node *gr_state(gr_scope *scope, const char *name, gr_dtype dtype, gr_shape shape, double initial)
{
    if (!scope) return NULL;
    if (dtype != GR_F32 && dtype != GR_I64)
        return gr_fault(gr_scope_graph(scope), GR_DTYPE, "state",
                        "'%s' is %s: should be f32 or i64", name, gr_dtype_name(dtype));
    gr_tensor type = {.dtype = dtype, .shape = shape};
    gr_init init = {GR_INIT_CONSTANT, initial, 0};
    return scope_var(scope, gr_scope_path(scope, name), &type, init, 1, 1);
}

gr_node *gr_scope_step(gr_scope *scope)
{
    if (!scope) return NULL;
    gr_tensor type = {.dtype = GR_I64, .shape = GR_SCALAR};
    return scope_var(scope, "step", &type, (gr_init){GR_INIT_CONSTANT, 0, 0}, 1, 1);
}

int gr_scope_params(const gr_scope *scope)
{
    return scope ? (int)scope->n_params : 0;
}

gr_node *gr_scope_param(const gr_scope *scope, int i)
{
    return i >= 0 && i < gr_scope_params(scope) ? scope->params[i] : NULL;
}

/* ---- Tuning --------------------------------------------------------------------------------- */

static const gr_tuning scope_untuned = {1, -1};

static size_t scope_find_param(const gr_scope *scope, const gr_node *param)
{
    size_t i = 0;
    while (i < scope->n_params && scope->params[i] != param) i++;
    return i;
}

void gr_scope_tune(gr_scope *scope, const gr_node *param, gr_tuning tuning)
{
    if (!scope || gr_is_error(param)) return;
    size_t at = scope_find_param(scope, param);
    if (at == scope->n_params) {
        gr_fault(scope->graph, GR_NOT_FOUND, "tuning", "'%s' is no parameter of the scope",
                 gr_node_name(param) ? gr_node_name(param) : gr_node_op(param));
        return;
    }
    if (!(tuning.rate >= 0 && tuning.rate < 1e30 && tuning.decay < 1e30)) {
        gr_fault(scope->graph, GR_INVALID, "tuning",
                 "'%s': rate %g, decay %g: the rate's factor should not be negative",
                 gr_node_name(param), tuning.rate, tuning.decay);
        return;
    }
    while (scope->n_tunings <= at) {
        if (!gr_grow(&scope->tunings, scope->n_tunings, &scope->tunings_capacity,
                     sizeof *scope->tunings)) {
            gr_fault(scope->graph, GR_NO_MEMORY, "scope", "out of memory");
            return;
        }
        scope->tunings[scope->n_tunings++] = scope_untuned;
    }
    scope->tunings[at] = tuning;
}

gr_tuning gr_scope_tuning(const gr_scope *scope, const gr_node *param)
{
    size_t at = scope ? scope_find_param(scope, param) : 0;
    return scope && at < scope->n_tunings ? scope->tunings[at] : scope_untuned;
}

/* ---- Updates -------------------------------------------------------------------------------- */

void gr_scope_update(gr_scope *scope, gr_node *variable, gr_node *value)
{
    gr_node *assign = gr_assign(variable, value);
    if (!scope || gr_is_error(assign)) return;
    scope_push(scope, &scope->updates, &scope->n_updates, &scope->updates_capacity, assign);
}

int gr_scope_updates(const gr_scope *scope)
{
    return scope ? (int)scope->n_updates : 0;
}

gr_node *gr_scope_update_node(const gr_scope *scope, int i)
{
    return i >= 0 && i < gr_scope_updates(scope) ? scope->updates[i] : NULL;
}
