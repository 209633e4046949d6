/* The frame that passes share: units, the rewriting walk, and the table's driver. */
#include "passes/pass.h"

static gr_status unit_check_targets(gr_node *const *targets, int n)
{
    if (n < 1) return gr_fail(GR_INVALID, "nothing to compile: no targets given");
    for (int i = 0; i < n; i++) {
        if (!gr_is_error(targets[i])) continue;
        gr_graph *graph = gr_node_graph(targets[i]);
        if (graph && gr_graph_status(graph) != GR_OK)
            return gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph));
        return gr_fail(GR_INVALID, "target %d is not a node", i);
    }
    for (int i = 1; i < n; i++)
        if (targets[i]->graph != targets[0]->graph)
            return gr_fail(GR_INVALID, "target %d belongs to another graph than target 0", i);
    return GR_OK;
}

gr_status gr_unit_copy(gr_unit *unit, gr_node *const *targets, int n)
{
    *unit = (gr_unit){0};
    GR_TRY(unit_check_targets(targets, n));
    /* Borrows the caller's graph for one rewrite, which leaves it a copy of its own. */
    gr_unit copy = {.graph = NULL, .n = n};
    copy.targets = gr_alloc_array((size_t)n, sizeof *copy.targets);
    if (!copy.targets) return GR_NO_MEMORY;
    memcpy(copy.targets, targets, (size_t)n * sizeof(gr_node *));
    gr_status status = gr_rewrite(&copy, NULL, NULL);
    if (status != GR_OK) {
        gr_free(copy.targets);
        return status;
    }
    *unit = copy;
    return GR_OK;
}

void gr_unit_free(gr_unit *unit)
{
    gr_graph_free(unit->graph);
    gr_free(unit->targets);
    *unit = (gr_unit){0};
}

static gr_status rewrite_nodes(const gr_graph *from, gr_graph *to, const bool *needed,
                               gr_node **map, gr_rewrite_rule *rule, void *ctx)
{
    gr_node **in = NULL;
    size_t capacity = 0;
    for (int id = 0; id < gr_graph_size(from); id++) {
        const gr_node *old = from->nodes[id];
        if (!needed[id]) continue;
        if ((size_t)old->n_in > capacity) {
            capacity = (size_t)old->n_in;
            gr_node **more = gr_realloc(in, capacity * sizeof(gr_node *));
            if (!more) {
                gr_free(in);
                return GR_NO_MEMORY;
            }
            in = more;
        }
        for (int i = 0; i < old->n_in; i++) in[i] = map[old->in[i]->id];
        gr_node *new = rule ? rule(ctx, to, old, in) : NULL;
        if (!new && to->status == GR_OK) new = gr_rebuild(to, old, in);
        if (gr_is_error(new)) break;
        map[id] = new;
    }
    gr_free(in);
    if (to->status != GR_OK) return gr_fail(to->status, "%s", gr_graph_message(to));
    return GR_OK;
}

gr_status gr_rewrite(gr_unit *unit, gr_rewrite_rule *rule, void *ctx)
{
    gr_graph *from = unit->targets[0]->graph, *to = gr_graph_new();
    bool *needed = gr_graph_needed(from, unit->targets, unit->n);
    gr_node **map = gr_alloc_array((size_t)gr_graph_size(from), sizeof *map);
    gr_status status = GR_NO_MEMORY;
    if (to && needed && map) status = rewrite_nodes(from, to, needed, map, rule, ctx);
    if (status == GR_OK) {
        for (int i = 0; i < unit->n; i++) unit->targets[i] = map[unit->targets[i]->id];
        gr_graph_free(unit->graph);
        unit->graph = to;
    } else {
        gr_graph_free(to);
    }
    gr_free(needed);
    gr_free(map);
    return status;
}

static const struct {
    const char *name;
    gr_pass_fn *run;
} pass_table[] = {
#define PASS(name, doc) {#name, gr_pass_##name},
#include "passes/passes.def"
#undef PASS
};

/* Takes the next comma-separated word of *list into word[size]; false at the end. */
static bool pass_next_word(const char **list, char *word, size_t size)
{
    if (!*list || !**list) return false;
    size_t length = strcspn(*list, ",");
    size_t kept = length < size - 1 ? length : size - 1;
    memcpy(word, *list, kept);
    word[kept] = 0;
    *list += length + ((*list)[length] == ',');
    return true;
}

/* Sets left_out[i] for the passes that `choice` names. */
static gr_status pass_read_choice(const char *choice, bool *left_out)
{
    const char *names[GR_LEN(pass_table)];
    for (size_t i = 0; i < GR_LEN(pass_table); i++) names[i] = pass_table[i].name;
    char word[64];
    while (pass_next_word(&choice, word, sizeof word)) {
        const bool all = !strcmp(word, "-all");
        bool known = word[0] == 0 || all;
        for (size_t i = 0; i < GR_LEN(names); i++)
            if (all || (word[0] == '-' && !strcmp(word + 1, names[i]))) left_out[i] = known = true;
        if (known) continue;
        const char *near = gr_nearest(word + (word[0] == '-'), names, GR_LEN(names));
        if (near)
            return gr_fail(GR_INVALID, "unknown pass choice '%s'; did you mean '-%s'?", word, near);
        return gr_fail(GR_INVALID, "unknown pass choice '%s': write -NAME to leave a pass out",
                       word);
    }
    return GR_OK;
}

gr_status gr_pass_run(gr_unit *unit, const char *name, gr_pass_fn *pass)
{
    gr_status status = pass(unit);
#ifndef NDEBUG
    if (status == GR_OK) status = gr_graph_verify(unit->graph);
#endif
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "pass %s: ", name);
}

gr_status gr_passes_run(gr_unit *unit, const char *choice)
{
    bool left_out[GR_LEN(pass_table)] = {false};
    GR_TRY(pass_read_choice(choice, left_out));
    for (size_t i = 0; i < GR_LEN(pass_table); i++) {
        if (left_out[i]) continue;
        GR_TRY(gr_pass_run(unit, pass_table[i].name, pass_table[i].run));
    }
    return gr_passes_bodies(unit, choice);
}
