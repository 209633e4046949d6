/* Groups of nodes and the order between them.
 *
 * `order` is topological for the groups as wholes. Two of them may become one if no path runs from
 * the earlier through a third to the later; such a path visits only places between them, so that is
 * where it is searched. What the search reached has to follow the new group, the rest of the places
 * between may precede it (Pearce and Kelly 2006). */
#include "passes/fuse.h"

enum { FUSE_SEARCH = 256 }; /* groups; a search that would visit more counts as a path found */

/* ---- Making ---------------------------------------------------------------------------------- */

/* Counting sort of all uses by what is used; a node that uses another twice is listed twice. */
static void fuse_list_users(gr_fuse_groups *g, const bool *needed)
{
    for (int v = 0; v < g->n; v++) {
        const gr_node *node = g->graph->nodes[v];
        for (int i = 0; needed[v] && i < node->n_in; i++) g->user_at[node->in[i]->id + 1]++;
    }
    for (int v = 0; v < g->n; v++) g->user_at[v + 1] += g->user_at[v];
    for (int v = 0; v < g->n; v++) g->stack[v] = g->user_at[v];
    for (int v = 0; v < g->n; v++) {
        const gr_node *node = g->graph->nodes[v];
        for (int i = 0; needed[v] && i < node->n_in; i++) g->user[g->stack[node->in[i]->id]++] = v;
    }
}

static void fuse_start(gr_fuse_groups *g, const bool *needed)
{
    fuse_list_users(g, needed);
    for (int v = 0; v < g->n; v++) {
        g->group[v] = needed[v] ? v : -1;
        g->order[v] = g->group[v];
        g->place[v] = g->head[v] = v;
        g->size[v] = 1;
        g->next[v] = -1;
    }
}

gr_status gr_fuse_groups_init(gr_fuse_groups *g, const gr_unit *unit)
{
    const gr_graph *graph = unit->graph;
    const size_t n = (size_t)gr_graph_size(graph);
    size_t uses = 1;
    for (size_t v = 0; v < n; v++) uses += (size_t)graph->nodes[v]->n_in;
    *g = (gr_fuse_groups){.graph = graph, .n = (int)n};
    int **const lists[] = {&g->group, &g->head,  &g->size, &g->next,
                           &g->order, &g->place, &g->mark, &g->stack};
    bool fine = true;
    for (size_t i = 0; i < GR_LEN(lists); i++) {
        *lists[i] = gr_alloc_array(n, sizeof **lists[i]);
        fine = fine && *lists[i];
    }
    g->user_at = gr_alloc_array(n + 1, sizeof *g->user_at);
    g->user = gr_alloc_array(uses, sizeof *g->user);
    bool **const flags[] = {&g->target, &g->repeat, &g->shown};
    for (size_t i = 0; i < GR_LEN(flags); i++) {
        *flags[i] = gr_alloc_array(n, sizeof **flags[i]);
        fine = fine && *flags[i];
    }
    bool *needed = gr_graph_needed(graph, unit->targets, unit->n);
    fine = fine && g->user_at && g->user && needed;
    if (fine) {
        fuse_start(g, needed);
        for (int i = 0; i < unit->n; i++) g->target[unit->targets[i]->id] = true;
    }
    gr_free(needed);
    return fine ? GR_OK : GR_NO_MEMORY;
}

void gr_fuse_groups_free(gr_fuse_groups *g)
{
    int *const lists[] = {g->group, g->head, g->size,  g->next,    g->order,
                          g->place, g->mark, g->stack, g->user_at, g->user};
    for (size_t i = 0; i < GR_LEN(lists); i++) gr_free(lists[i]);
    gr_free(g->target);
    gr_free(g->repeat);
    gr_free(g->shown);
}

/* ---- Merging --------------------------------------------------------------------------------- */

/* Puts the groups that read from group `from`, and stand before group `to`, onto the stack, each
 * once. Returns the new height; -1 if there are too many. */
static int fuse_visit(gr_fuse_groups *g, int from, int to, int height, int *visited)
{
    for (int v = g->head[from]; v >= 0; v = g->next[v]) {
        for (int u = g->user_at[v]; u < g->user_at[v + 1]; u++) {
            const int group = g->group[g->user[u]];
            if (g->mark[group] == g->stamp || g->place[group] >= g->place[to]) continue;
            if (++*visited > FUSE_SEARCH) return -1;
            g->mark[group] = g->stamp;
            g->stack[height++] = group;
        }
    }
    return height;
}

static bool fuse_reads(const gr_fuse_groups *g, int from, int to)
{
    for (int v = g->head[from]; v >= 0; v = g->next[v]) {
        for (int u = g->user_at[v]; u < g->user_at[v + 1]; u++) {
            if (g->group[g->user[u]] == to) return true;
        }
    }
    return false;
}

/* Is there no path from group `from` through others to group `to`? Marks what follows `from`. */
static bool fuse_is_convex(gr_fuse_groups *g, int from, int to)
{
    int visited = 0;
    g->mark[from] = ++g->stamp;
    int height = fuse_visit(g, from, to, 0, &visited);
    while (height > 0) {
        const int group = g->stack[--height];
        if (fuse_reads(g, group, to)) return false;
        height = fuse_visit(g, group, to, height, &visited);
    }
    return height == 0;
}

/* Moves `from` to the place of `to`, and what follows `from` behind it. */
static void fuse_reorder(gr_fuse_groups *g, int from, int to)
{
    const int last = g->place[to];
    int at = g->place[from], followers = 0;
    g->order[at] = -1;
    for (int p = at; p < last; p++) {
        const int group = g->order[p];
        if (group < 0) continue;
        if (g->mark[group] == g->stamp) {
            g->stack[followers++] = group;
            continue;
        }
        g->order[at] = group;
        g->place[group] = at++;
    }
    g->order[at] = to;
    g->place[to] = at++;
    for (int i = 0; i < followers; i++) {
        g->order[at] = g->stack[i];
        g->place[g->stack[i]] = at++;
    }
    while (at <= last) g->order[at++] = -1;
}

/* Merges the members, which both list by rising id. */
static void fuse_join(gr_fuse_groups *g, int a, int b)
{
    int x = g->head[a], y = g->head[b], *link = &g->head[a];
    while (x >= 0 || y >= 0) {
        int *from = y < 0 || (x >= 0 && x < y) ? &x : &y;
        *link = *from;
        g->group[*from] = a;
        link = &g->next[*from];
        *from = *link;
    }
    *link = -1;
    g->size[a] += g->size[b];
}

bool gr_fuse_groups_merge(gr_fuse_groups *g, int a, int b)
{
    const bool a_first = g->place[a] < g->place[b];
    const int from = a_first ? a : b, to = a_first ? b : a;
    if (!fuse_is_convex(g, from, to)) return false;
    fuse_reorder(g, from, to);
    g->place[a] = g->place[to];
    g->order[g->place[a]] = a;
    fuse_join(g, a, b);
    return true;
}
