/* An order of the steps that needs little memory: list scheduling on the remaining uses of values.
 *
 * The graph's order serves the forward and the backward pass well, but not what hangs on their
 * sides: it leaves all updates to the end, so that all gradients are alive there. So, among the
 * steps that are ready, the order of classes below decides, then the graph's order:
 *
 *   - steps that may refuse the data come first: only after them may a variable be overwritten;
 *   - then those that free at least as much memory as they take, and those of updates;
 *   - an update waits for all other readers of the old variable, which it can then overwrite, for
 *     as long as anything else is ready;
 *   - a gradient that is larger than all it is made of, as that of a layer with many units and few
 *     examples, waits too if that is wished: what it is made of takes less room than it does;
 *   - what depends on variables and constants alone (a momentum times its decay, a dropout mask)
 *     floats: it runs right before the first step that reads it. */
#include <limits.h>

#include "plan/plan.h"

enum { ORDER_CHECK, ORDER_EAGER, ORDER_PLAIN, ORDER_HELD, ORDER_CLASSES };

typedef struct order {
    const gr_plan *plan;
    bool hold_swelling;
    gr_plan_uses uses;
    /* By value: */
    int *left;   /* steps that read it and have not run */
    int *writer; /* of a variable's value: the step that makes its next one, or -1 */
    bool *kept;  /* takes no room in the arena, or does to the end */
    /* By step: */
    int *waits;           /* values it reads that are not there yet */
    int *holds;           /* steps that must run before this one overwrites a variable */
    int64_t *net;         /* bytes of the arena that it takes, less those it frees */
    unsigned char *class; /* of its best place in the queue; ORDER_CLASSES: not there yet */
    int *writes;          /* variables that it gives a next value */
    bool *floating, *update, *swells, *done;
    int checks;          /* steps that may refuse the data and have not run */
    int *queue, n_queue; /* binary heap of class·n_steps + step */
    int *stack;
    int *result, n_result;
} order;

/* ---- The queue ------------------------------------------------------------------------------- */

static int order_class(const order *o, int step)
{
    if (o->plan->steps[step].checks) return ORDER_CHECK;
    if (o->holds[step] > 0 || o->swells[step]) return ORDER_HELD;
    return o->net[step] <= 0 || o->update[step] ? ORDER_EAGER : ORDER_PLAIN;
}

/* Puts a ready step into the queue, or moves it up. Its class only ever gets better, so that the
 * entry left behind is found done. */
static void order_push(order *o, int step)
{
    if (o->waits[step] > 0 || o->done[step] || o->floating[step]) return;
    const int class = order_class(o, step);
    if (class >= o->class[step]) return;
    o->class[step] = (unsigned char)class;
    const int key = class * o->plan->n_steps + step;
    int at = o->n_queue++;
    for (; at > 0 && o->queue[(at - 1) / 2] > key; at = (at - 1) / 2)
        o->queue[at] = o->queue[(at - 1) / 2];
    o->queue[at] = key;
}

static int order_pop(order *o)
{
    const int top = o->queue[0], key = o->queue[--o->n_queue];
    int at = 0;
    for (int child; (child = 2 * at + 1) < o->n_queue; at = child) {
        if (child + 1 < o->n_queue && o->queue[child + 1] < o->queue[child]) child++;
        if (o->queue[child] >= key) break;
        o->queue[at] = o->queue[child];
    }
    o->queue[at] = key;
    return top % o->plan->n_steps;
}

/* ---- Facts ----------------------------------------------------------------------------------- */

static bool order_floats(const order *o, const gr_step *step)
{
    const gr_plan *plan = o->plan;
    if (step->checks) return false;
    for (int i = 0; i < step->n_in; i++) {
        const int v = plan->args[step->args + i];
        const int made = o->uses.producer[v];
        if (made >= 0 ? !o->floating[made] : plan->values[v].home == GR_HOME_INPUT) return false;
    }
    return true;
}

/* An update waits for the other readers of the variable, and for all that may refuse the step. What
 * floats runs with its own reader: often the update itself. */
static void order_find_writers(order *o)
{
    const gr_plan *plan = o->plan;
    for (int s = 0; s < plan->n_steps; s++) o->floating[s] = order_floats(o, &plan->steps[s]);
    for (int v = 0; v < plan->n_values; v++) {
        o->left[v] = o->uses.reader_at[v + 1] - o->uses.reader_at[v];
        o->writer[v] = -1;
        o->kept[v] = plan->values[v].home != GR_HOME_ARENA;
    }
    for (int c = 0; c < plan->n_copies; c++) {
        const int to = plan->copies[c].to, from = plan->copies[c].from;
        const int made = o->uses.producer[from];
        o->kept[from] = true;
        if (made < 0) continue;
        o->writer[to] = made;
        o->writes[made]++;
        o->holds[made] += o->checks;
        for (int r = o->uses.reader_at[to]; r < o->uses.reader_at[to + 1]; r++)
            o->holds[made] += o->uses.readers[r] != made && !o->floating[o->uses.readers[r]];
    }
    for (int i = 0; i < plan->n_outputs; i++)
        if (plan->outputs[i] >= 0) o->kept[plan->outputs[i]] = true;
}

/* Does the step serve updates alone, element by element? */
static bool order_updates(const order *o, const gr_step *step)
{
    const gr_plan *plan = o->plan;
    if (!(step->node->op->flags & GR_OP_ELEMENTWISE)) return false;
    const int out = plan->args[step->args + step->n_in];
    for (int r = o->uses.reader_at[out]; r < o->uses.reader_at[out + 1]; r++)
        if (!o->update[o->uses.readers[r]]) return false;
    return true;
}

/* Is the step's result larger than its operands, and read by steps that do nothing but write
 * variables? */
static bool order_swells(const order *o, int s)
{
    const gr_plan *plan = o->plan;
    const gr_step *step = &plan->steps[s];
    const int *args = plan->args + step->args;
    size_t in = 0, out = 0;
    if (!o->hold_swelling || o->floating[s] || step->checks) return false;
    for (int i = 0; i < step->n_in; i++) in += plan->values[args[i]].bytes;
    for (int i = 0; i < step->n_out; i++) {
        const int v = args[step->n_in + i];
        if (o->kept[v]) return false;
        out += plan->values[v].bytes;
        for (int r = o->uses.reader_at[v]; r < o->uses.reader_at[v + 1]; r++) {
            const int reader = o->uses.readers[r];
            if (o->writes[reader] < plan->steps[reader].n_out) return false;
        }
    }
    return out > in;
}

static void order_find_classes(order *o)
{
    const gr_plan *plan = o->plan;
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const int *args = plan->args + step->args;
        o->class[s] = ORDER_CLASSES;
        for (int i = 0; i < step->n_in; i++)
            o->waits[s] += gr_plan_reads_first(args, i) && o->uses.producer[args[i]] >= 0 &&
                           !o->floating[o->uses.producer[args[i]]];
        for (int i = 0; i < step->n_out; i++) {
            const int out = args[step->n_in + i];
            if (o->kept[out]) continue;
            /* A value that floats costs nothing: it comes and goes with its reader. */
            if (!o->floating[s]) o->net[s] += (int64_t)plan->values[out].bytes;
            if (!o->floating[s] && o->left[out] == 1)
                o->net[o->uses.readers[o->uses.reader_at[out]]] -= (int64_t)plan->values[out].bytes;
        }
    }
    for (int s = plan->n_steps - 1; s >= 0; s--) o->update[s] = order_updates(o, &plan->steps[s]);
    for (int s = 0; s < plan->n_steps; s++) o->swells[s] = order_swells(o, s);
}

/* ---- Running it ------------------------------------------------------------------------------ */

/* The reader that is left of value v frees it. */
static void order_last_use(order *o, int v)
{
    for (int r = o->uses.reader_at[v]; r < o->uses.reader_at[v + 1]; r++) {
        const int s = o->uses.readers[r];
        if (o->done[s]) continue;
        o->net[s] -= (int64_t)o->plan->values[v].bytes;
        order_push(o, s);
        return;
    }
}

static void order_unhold(order *o, int step)
{
    o->holds[step]--;
    order_push(o, step);
}

static void order_emit(order *o, int s)
{
    const gr_plan *plan = o->plan;
    const gr_step *step = &plan->steps[s];
    const int *args = plan->args + step->args;
    o->result[o->n_result++] = s;
    o->done[s] = true;
    for (int i = 0; i < step->n_in; i++) {
        const int v = args[i];
        if (!gr_plan_reads_first(args, i)) continue;
        if (--o->left[v] == 1 && !o->kept[v]) order_last_use(o, v);
        if (o->writer[v] >= 0 && o->writer[v] != s && !o->floating[s])
            order_unhold(o, o->writer[v]);
    }
    for (int c = 0; step->checks && c < plan->n_copies; c++)
        if (o->uses.producer[plan->copies[c].from] >= 0)
            order_unhold(o, o->uses.producer[plan->copies[c].from]);
    for (int i = 0; i < step->n_out && !o->floating[s]; i++) {
        const int v = args[step->n_in + i];
        for (int r = o->uses.reader_at[v]; r < o->uses.reader_at[v + 1]; r++) {
            o->waits[o->uses.readers[r]]--;
            order_push(o, o->uses.readers[r]);
        }
    }
}

/* An input of the step that floats and is not there yet; -1: none. */
static int order_missing(const order *o, int s)
{
    const gr_step *step = &o->plan->steps[s];
    for (int i = 0; i < step->n_in; i++) {
        const int p = o->uses.producer[o->plan->args[step->args + i]];
        if (p >= 0 && !o->done[p]) return p;
    }
    return -1;
}

/* Emits a step and, before it, what floats and is wanted by it. */
static void order_run(order *o, int s)
{
    int depth = 0;
    o->stack[depth++] = s;
    while (depth > 0) {
        const int missing = order_missing(o, o->stack[depth - 1]);
        if (missing >= 0)
            o->stack[depth++] = missing;
        else
            order_emit(o, o->stack[--depth]);
    }
}

static void order_all(order *o)
{
    for (int s = 0; s < o->plan->n_steps; s++) o->checks += o->plan->steps[s].checks;
    order_find_writers(o);
    order_find_classes(o);
    for (int s = 0; s < o->plan->n_steps; s++) order_push(o, s);
    while (o->n_queue > 0) {
        const int s = order_pop(o);
        if (!o->done[s]) order_run(o, s);
    }
    for (int s = 0; s < o->plan->n_steps; s++)
        if (!o->done[s]) order_run(o, s); /* floating, and read by no step */
}

gr_status gr_plan_order(const gr_plan *plan, bool holds, int *result)
{
    const size_t values = (size_t)plan->n_values + 1, steps = (size_t)plan->n_steps + 1;
    gr_arena arena = {0};
    order o = {.plan = plan, .hold_swelling = holds, .result = result};
    if (plan->n_steps >= INT_MAX / ORDER_CLASSES)
        return gr_fail(GR_UNSUPPORTED, "a program of %d steps is too large", plan->n_steps);
    const bool found = gr_plan_find_uses(plan, &arena, &o.uses);
    o.left = gr_arena_alloc(&arena, values * sizeof(int));
    o.writer = gr_arena_alloc(&arena, values * sizeof(int));
    o.kept = gr_arena_alloc(&arena, values);
    o.waits = gr_arena_alloc(&arena, steps * sizeof(int));
    o.holds = gr_arena_alloc(&arena, steps * sizeof(int));
    o.net = gr_arena_alloc(&arena, steps * sizeof *o.net);
    o.class = gr_arena_alloc(&arena, steps);
    o.floating = gr_arena_alloc(&arena, steps);
    o.update = gr_arena_alloc(&arena, steps);
    o.writes = gr_arena_alloc(&arena, steps * sizeof(int));
    o.swells = gr_arena_alloc(&arena, steps);
    o.done = gr_arena_alloc(&arena, steps);
    o.queue = gr_arena_alloc(&arena, ORDER_CLASSES * steps * sizeof(int));
    o.stack = gr_arena_alloc(&arena, steps * sizeof(int));
    const bool room = found && o.left && o.writer && o.kept && o.waits && o.holds && o.net &&
                      o.class && o.floating && o.update && o.writes && o.swells && o.done &&
                      o.queue && o.stack;
    if (room) order_all(&o);
    gr_arena_free(&arena);
    return room ? GR_OK : GR_NO_MEMORY;
}
