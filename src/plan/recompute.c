/* Training in less memory: values that are idle for long are dropped and computed again when they
 * are wanted (Griewank and Walther 2000, "Algorithm 799: revolve"; Chen et al. 2016, "Training deep
 * nets with sublinear memory cost").
 *
 * The plan's steps are played through with a bound on the bytes that are alive, as by Kirisame et
 * al. 2021 ("Dynamic tensor rematerialization"), but knowing the future: where there is no room,
 * the value goes that costs least to compute again per byte and per step that it stays away. A step
 * that reads a dropped value runs the steps first that bring it back. The sequence of steps so
 * found is the order of a new graph, in which what was computed again is a node of its own. Nodes
 * are pure, so copies have the same bits. */
#include "plan/recompute.h"
#include <math.h>

#include "ops/ops.h"
#include "plan/cost.h"

/* ---- The play -------------------------------------------------------------------------------- */

enum { RECOMPUTE_LONGEST = 3 }; /* times as many steps at most */

typedef struct recompute {
    const gr_plan *plan;
    gr_arena arena;
    gr_plan_uses uses;
    size_t bound, alive, most;
    size_t small; /* values of fewer bytes are kept: there are many, and little is won */
    /* By value: */
    int *next;    /* index in uses.readers of the next step that reads it */
    int *pins;    /* steps under way that read it */
    bool *here;   /* alive in the arena */
    int *present; /* values that are here, in no order */
    int n_present;
    bool *fixed; /* once made it stays: outputs, values of variables */
    /* By step: */
    double *cost; /* of running it again */
    int *marked, mark;
    int *set, n_set; /* steps that bring something back */
    int *path;       /* of them, those under way */
    int *sequence, n_sequence, longest;
} recompute;

static size_t recompute_bytes(const recompute *r, int v)
{
    return gr_aligned(r->plan->values[v].bytes);
}

static bool recompute_in_arena(const recompute *r, int v)
{
    return r->plan->values[v].home == GR_HOME_ARENA;
}

static bool recompute_read_later(const recompute *r, int v)
{
    return r->next[v] < r->uses.reader_at[v + 1];
}

static void recompute_put(recompute *r, int v)
{
    if (r->here[v]) return;
    r->here[v] = true;
    r->present[r->n_present++] = v;
    r->alive += recompute_bytes(r, v);
}

static void recompute_drop(recompute *r, int v)
{
    int at = 0;
    while (r->present[at] != v) at++;
    r->present[at] = r->present[--r->n_present];
    r->here[v] = false;
    r->alive -= recompute_bytes(r, v);
}

static void recompute_drop_unwanted(recompute *r, int v)
{
    const bool wanted = r->fixed[v] || r->pins[v] || recompute_read_later(r, v);
    if (r->here[v] && !wanted) recompute_drop(r, v);
}

/* Lists in r->set the step `last` and those whose results it needs and are gone, theirs too, and so
 * on; stops above `limit` of their cost, which it returns. */
static double recompute_gather(recompute *r, int last, double limit)
{
    double cost = 0;
    r->mark++;
    r->marked[last] = r->mark;
    r->set[0] = last;
    r->n_set = 1;
    for (int k = 0; k < r->n_set && cost <= limit; k++) {
        const gr_step *step = &r->plan->steps[r->set[k]];
        cost += r->cost[r->set[k]];
        for (int i = 0; i < step->n_in; i++) {
            const int in = r->plan->args[step->args + i], made = r->uses.producer[in];
            if (!recompute_in_arena(r, in) || r->here[in] || r->marked[made] == r->mark) continue;
            r->marked[made] = r->mark;
            r->set[r->n_set++] = made;
        }
    }
    return cost;
}

/* The value to drop at step s of the plan; -1: none can be. */
static int recompute_victim(recompute *r, int s)
{
    double least = INFINITY;
    int victim = -1;
    for (int k = 0; k < r->n_present; k++) {
        const int v = r->present[k];
        if (r->fixed[v] || r->pins[v] || recompute_bytes(r, v) < r->small) continue;
        const double away = r->uses.readers[r->next[v]] - s;
        const double worth = away * (double)recompute_bytes(r, v);
        const double cost = recompute_gather(r, r->uses.producer[v], least * worth) / worth;
        if (cost < least || (cost == least && v < victim)) {
            least = cost;
            victim = v;
        }
    }
    return victim;
}

/* Makes room for the results and the scratch memory of `step`, at step `now` of the plan. */
static bool recompute_make_room(recompute *r, const gr_step *step, int now)
{
    size_t wanted = gr_aligned(step->work);
    for (int i = 0; i < step->n_out; i++) {
        const int v = r->plan->args[step->args + step->n_in + i];
        if (recompute_in_arena(r, v) && !r->here[v]) wanted += recompute_bytes(r, v);
    }
    while (r->alive + wanted > r->bound) {
        const int victim = recompute_victim(r, now);
        if (victim < 0) return false;
        recompute_drop(r, victim);
    }
    if (r->alive + wanted > r->most) r->most = r->alive + wanted;
    return true;
}

static void recompute_pin(recompute *r, const gr_step *step, int count)
{
    for (int i = 0; i < step->n_in; i++) r->pins[r->plan->args[step->args + i]] += count;
}

/* Runs step s, everything that it reads being here. */
static bool recompute_emit(recompute *r, int s, int now)
{
    const gr_step *step = &r->plan->steps[s];
    const int *args = r->plan->args + step->args;
    if (r->n_sequence == r->longest || !recompute_make_room(r, step, now)) return false;
    r->sequence[r->n_sequence++] = s;
    for (int i = 0; i < step->n_out; i++)
        if (recompute_in_arena(r, args[step->n_in + i])) recompute_put(r, args[step->n_in + i]);
    recompute_pin(r, step, -1);
    for (int i = 0; i < step->n_in + step->n_out; i++) recompute_drop_unwanted(r, args[i]);
    return true;
}

static int recompute_order(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Runs step s of the plan, and before it, in the plan's order, those that bring back what it needs.
 */
static bool recompute_run(recompute *r, int s)
{
    const gr_step *step = &r->plan->steps[s];
    const int *args = r->plan->args + step->args;
    for (int i = 0; i < step->n_in; i++)
        if (gr_plan_reads_first(args, i)) r->next[args[i]]++;
    recompute_gather(r, s, INFINITY);
    const int n = r->n_set;
    memcpy(r->path, r->set, (size_t)n * sizeof *r->path);
    qsort(r->path, (size_t)n, sizeof *r->path, recompute_order);
    for (int k = 0; k < n; k++) recompute_pin(r, &r->plan->steps[r->path[k]], 1);
    for (int k = 0; k < n; k++)
        if (!recompute_emit(r, r->path[k], s)) return false;
    return true;
}

/* Finds a sequence of steps with at most `bound` bytes alive; false: there is none. */
static bool recompute_play(recompute *r, size_t bound)
{
    const size_t values = (size_t)r->plan->n_values;
    memset(r->pins, 0, values * sizeof *r->pins);
    memset(r->here, 0, values * sizeof *r->here);
    memcpy(r->next, r->uses.reader_at, values * sizeof *r->next);
    r->bound = bound;
    r->small = bound / 4096 + 1;
    r->alive = r->most = 0;
    r->n_present = r->n_sequence = 0;
    for (int s = 0; s < r->plan->n_steps; s++)
        if (!recompute_run(r, s)) return false;
    return true;
}

/* ---- Making it ------------------------------------------------------------------------------- */

static void recompute_find_fixed(recompute *r)
{
    const gr_plan *plan = r->plan;
    for (int v = 0; v < plan->n_values; v++) r->fixed[v] = !recompute_in_arena(r, v);
    for (int i = 0; i < plan->n_outputs; i++)
        if (plan->outputs[i] >= 0) r->fixed[plan->outputs[i]] = true;
    for (int c = 0; c < plan->n_copies; c++) r->fixed[plan->copies[c].from] = true;
}

/* In bytes of memory traffic, for which many multiply-adds can be done. */
static gr_status recompute_find_costs(recompute *r)
{
    const gr_plan *plan = r->plan;
    const double flops_per_byte = 10;
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        gr_cost cost;
        GR_TRY(gr_node_cost(step->node, &cost));
        r->cost[s] = cost.bytes + cost.flops / flops_per_byte + 1;
    }
    return GR_OK;
}

static gr_status recompute_begin(recompute *r, const gr_plan *plan)
{
    const size_t values = (size_t)plan->n_values + 1, steps = (size_t)plan->n_steps + 1;
    gr_arena *arena = &r->arena;
    r->plan = plan;
    r->longest = RECOMPUTE_LONGEST * (int)steps;
    const bool found = gr_plan_find_uses(plan, arena, &r->uses);
    r->next = gr_arena_alloc(arena, values * sizeof(int));
    r->pins = gr_arena_alloc(arena, values * sizeof(int));
    r->here = gr_arena_alloc(arena, values);
    r->present = gr_arena_alloc(arena, values * sizeof(int));
    r->fixed = gr_arena_alloc(arena, values);
    r->cost = gr_arena_alloc(arena, steps * sizeof(double));
    r->marked = gr_arena_alloc(arena, steps * sizeof(int));
    r->set = gr_arena_alloc(arena, steps * sizeof(int));
    r->path = gr_arena_alloc(arena, steps * sizeof(int));
    r->sequence = gr_arena_alloc(arena, RECOMPUTE_LONGEST * steps * sizeof(int));
    if (!found || !r->next || !r->pins || !r->here || !r->present || !r->fixed || !r->cost ||
        !r->marked || !r->set || !r->path || !r->sequence)
        return GR_NO_MEMORY;
    recompute_find_fixed(r);
    return recompute_find_costs(r);
}

/* ---- The graph in the order of the sequence ---------------------------------------------------
 */

typedef struct recompute_copy {
    const recompute *play;
    gr_graph *to;
    gr_node **first, **map; /* by id of a node: its copies, the first and the latest */
    int *step;              /* by id of a node: of the plan */
    gr_node **views;        /* between a node and its memory */
    gr_node **in;
} recompute_copy;

static bool recompute_is_view(const gr_node *node)
{
    return (node->op->flags & GR_OP_VIEW) || node->op == &gr_op_get;
}

/* Does the tuple read give a value that is kept from when it was first made? */
static bool recompute_is_fixed(const recompute_copy *c, const gr_node *get)
{
    const recompute *play = c->play;
    const gr_step *step = &play->plan->steps[c->step[get->in[0]->id]];
    return play->fixed[play->plan->args[step->args + step->n_in + get->attr[0].i]];
}

/* What stands for `node` now: views and tuple reads are made anew on the latest copy. */
static gr_node *recompute_latest(recompute_copy *c, gr_node *node)
{
    int n = 0;
    for (; recompute_is_view(node); node = node->in[0]) c->views[n++] = node;
    gr_node *latest = c->map[node->id];
    if (n > 0 && c->views[n - 1]->op == &gr_op_get && recompute_is_fixed(c, c->views[n - 1]))
        latest = c->first[node->id];
    while (n > 0) {
        const gr_node *view = c->views[--n];
        gr_node *made = c->map[view->id];
        if (!made || made->n_in != 1 || made->in[0] != latest)
            made = gr_rebuild(c->to, view, &latest);
        latest = c->map[view->id] = made;
    }
    return latest;
}

static gr_node *recompute_rebuild(recompute_copy *c, const gr_node *node)
{
    for (int i = 0; i < node->n_in; i++) c->in[i] = recompute_latest(c, node->in[i]);
    gr_node *made = c->map[node->id] = gr_rebuild(c->to, node, c->in);
    if (!c->first[node->id]) c->first[node->id] = made;
    return made;
}

static gr_status recompute_write(recompute_copy *c, const gr_unit *unit, gr_unit *made)
{
    bool *needed = gr_graph_needed(unit->graph, unit->targets, unit->n);
    if (!needed) return GR_NO_MEMORY;
    for (int id = 0; id < gr_graph_size(unit->graph); id++) {
        const gr_node *node = unit->graph->nodes[id];
        if (needed[id] && (node->op->flags & GR_OP_LEAF)) recompute_rebuild(c, node);
    }
    gr_free(needed);
    for (int k = 0; k < c->play->n_sequence; k++) {
        const int step = c->play->sequence[k];
        const gr_node *node = c->play->plan->steps[step].node;
        c->step[node->id] = step;
        recompute_rebuild(c, node);
    }
    for (int i = 0; i < unit->n; i++) {
        gr_node *target = unit->targets[i];
        made->targets[i] = target->op->flags & GR_OP_EFFECT ? recompute_rebuild(c, target)
                                                            : recompute_latest(c, target);
    }
    if (c->to->status != GR_OK) return gr_fail(c->to->status, "%s", gr_graph_message(c->to));
    return GR_OK;
}

/* The unit of the plan with the steps of the sequence in its order. */
static gr_status recompute_unit(const recompute *r, const gr_unit *unit, gr_unit *made)
{
    const size_t nodes = (size_t)gr_graph_size(unit->graph) + 1;
    const size_t widest = (size_t)r->plan->max_args + 2; /* an assign has two inputs */
    *made = (gr_unit){.graph = gr_graph_new(), .n = unit->n};
    made->targets = gr_alloc_array((size_t)unit->n, sizeof *made->targets);
    recompute_copy c = {.play = r,
                        .to = made->graph,
                        .first = gr_alloc_array(nodes, sizeof *c.first),
                        .map = gr_alloc_array(nodes, sizeof *c.map),
                        .step = gr_alloc_array(nodes, sizeof *c.step),
                        .views = gr_alloc_array(nodes, sizeof *c.views),
                        .in = gr_alloc_array(widest, sizeof *c.in)};
    gr_status status = GR_NO_MEMORY;
    if (c.to && made->targets && c.first && c.map && c.step && c.views && c.in)
        status = recompute_write(&c, unit, made);
    gr_free(c.first);
    gr_free(c.map);
    gr_free(c.step);
    gr_free(c.views);
    gr_free(c.in);
    if (status != GR_OK) gr_unit_free(made);
    return status;
}

/* ---- Meeting a budget -------------------------------------------------------------------------
 */

/* Plans the sequence found; takes it over if its arena has at most `memory` bytes. *arena: what it
 * has. */
static gr_status recompute_try(const recompute *r, gr_unit *unit, gr_plan **plan,
                               const gr_plan_options *options, size_t memory, size_t *arena)
{
    gr_unit made;
    gr_plan *shrunk;
    GR_TRY(recompute_unit(r, unit, &made));
    gr_status status = GR_OK;
#ifndef NDEBUG
    status = gr_graph_verify(made.graph);
#endif
    if (status == GR_OK)
        status = gr_plan_new(made.graph, made.targets, made.n, NULL, 0, options, &shrunk);
    if (status != GR_OK) {
        gr_unit_free(&made);
        return status;
    }
    *arena = shrunk->arena_bytes;
    if (*arena <= memory) { /* what is given up is freed below */
        gr_unit old_unit = *unit;
        gr_plan *old_plan = *plan;
        *unit = made;
        *plan = shrunk;
        made = old_unit;
        shrunk = old_plan;
    }
    gr_plan_free(shrunk);
    gr_unit_free(&made);
    return GR_OK;
}

/* Lowers the bound on live bytes until the plan meets the budget: a plan needs less than its bound
 * (values share memory in place) or a little more (gaps). The bounds do not depend on the budget,
 * so that a budget of what another search found to be the least is met. */
static gr_status recompute_search(recompute *r, gr_unit *unit, gr_plan **plan,
                                  const gr_plan_options *options, size_t memory)
{
    size_t arena = (*plan)->arena_bytes, last = 0;
    recompute_play(r, SIZE_MAX);
    const double hope = (double)r->most / (double)arena; /* bytes of a bound to one of the arena */
    for (size_t bound = r->most; recompute_play(r, bound); bound -= bound / 16 + 1) {
        last = bound;
        if ((double)bound > 1.5 * hope * (double)memory) continue;
        GR_TRY(recompute_try(r, unit, plan, options, memory, &arena));
        if (arena <= memory) return GR_OK;
    }
    recompute_play(r, last);
    GR_TRY(recompute_try(r, unit, plan, options, memory, &arena));
    if (arena <= memory) return GR_OK;
    return gr_fail(GR_NO_MEMORY,
                   "no way was found to run a step in %zu bytes of memory; %zu would do", memory,
                   arena);
}

gr_status gr_plan_shrink(gr_unit *unit, gr_plan **plan, const gr_plan_options *options,
                         size_t memory)
{
    if ((*plan)->arena_bytes <= memory) return GR_OK;
    recompute r = {0};
    gr_status status = recompute_begin(&r, *plan);
    if (status == GR_OK) status = recompute_search(&r, unit, plan, options, memory);
    gr_arena_free(&r.arena);
    return status;
}
