/* Memory of a step: when each value is alive, which values share a buffer in place, and where each
 * buffer lies in the arena. Buffers are placed one after the other at the lowest offset that is
 * free during their whole life: largest first (greedy by size), or in another order if that needs
 * less.
 */
#include "plan/plan.h"

/* A buffer, or a kernel's scratch memory during its step. */
typedef struct memory_block {
    size_t bytes, offset;
    int first, last;
    int owner;    /* value, or -1 - step for scratch */
    uint64_t key; /* the largest is placed first */
} memory_block;

static void memory_lifetimes(gr_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const int *args = plan->args + step->args;
        for (int i = 0; i < step->n_in; i++) plan->values[args[i]].last = s;
        for (int i = 0; i < step->n_out; i++) {
            gr_value *v = &plan->values[args[step->n_in + i]];
            v->first = s;
            v->last = s; /* an unread output still needs room while it is written */
        }
    }
    for (int i = 0; i < plan->n_outputs; i++)
        if (plan->outputs[i] >= 0) plan->values[plan->outputs[i]].last = plan->n_steps;
    for (int c = 0; c < plan->n_copies; c++)
        plan->values[plan->copies[c].from].last = plan->n_steps;
}

/* Could output j of the step take over the buffer of input i, which dies there? */
static bool memory_fits(const gr_plan *plan, const gr_step *step, int i, int j, const int *end)
{
    const int *args = plan->args + step->args;
    const gr_value *in = &plan->values[args[i]], *out = &plan->values[args[step->n_in + j]];
    if (!gr_step_in_place(step, i, j) || in->home != GR_HOME_ARENA) return false;
    if (end[in->buffer] != (int)(step - plan->steps)) return false;
    if (plan->values[in->buffer].bytes < out->bytes) return false;
    for (int k = 0; k < j; k++) /* nor has an output before it taken it */
        if (plan->values[args[step->n_in + k]].buffer == in->buffer) return false;
    for (int k = 0; k < step->n_in; k++) { /* no other operand may lie in what is overwritten */
        const gr_value *other = &plan->values[args[k]];
        if (other->home == GR_HOME_ARENA && other->buffer == in->buffer &&
            !gr_step_in_place(step, k, j))
            return false;
    }
    return true;
}

/* Lets outputs of a step take over the buffers of inputs that die there. `end` is by buffer: the
 * last step at which any value in it is alive. */
static void memory_share(gr_plan *plan, int *end)
{
    for (int v = 0; v < plan->n_values; v++) end[v] = plan->values[v].last;
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const int *args = plan->args + step->args;
        for (int j = 0; j < step->n_out; j++) {
            gr_value *out = &plan->values[args[step->n_in + j]];
            if (out->home != GR_HOME_ARENA || out->bytes == 0) continue;
            int i = 0;
            while (i < step->n_in && !memory_fits(plan, step, i, j, end)) i++;
            if (i == step->n_in) continue;
            out->buffer = plan->values[args[i]].buffer;
            end[out->buffer] = out->last;
        }
    }
}

/* By key, then by owner, so that the order is total and the same everywhere. */
static int memory_larger_first(const void *a, const void *b)
{
    const memory_block *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? 1 : -1;
    return (x->owner > y->owner) - (x->owner < y->owner);
}

static int memory_collect(const gr_plan *plan, const int *end, memory_block *blocks)
{
    const size_t guards = 2 * plan->guard;
    int n = 0;
    for (int v = 0; v < plan->n_values; v++) {
        const gr_value *value = &plan->values[v];
        if (value->home != GR_HOME_ARENA || value->buffer != v || value->bytes == 0) continue;
        blocks[n++] =
            (memory_block){gr_aligned(value->bytes) + guards, 0, value->first, end[v], v, 0};
    }
    for (int s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].work)
            blocks[n++] =
                (memory_block){gr_aligned(plan->steps[s].work) + guards, 0, s, s, -1 - s, 0};
    return n;
}

/* Places block k among the placed blocks 0 … k−1, which `by_offset` lists by rising offset. */
static void memory_place(memory_block *blocks, int *by_offset, int k)
{
    memory_block *b = &blocks[k];
    size_t offset = 0;
    for (int i = 0; i < k; i++) {
        const memory_block *p = &blocks[by_offset[i]];
        if (p->last < b->first || p->first > b->last) continue;
        if (p->offset >= offset + b->bytes) break; /* the gap below it is wide enough */
        if (p->offset + p->bytes > offset) offset = p->offset + p->bytes;
    }
    b->offset = offset;
    int at = k;
    while (at > 0 && blocks[by_offset[at - 1]].offset > offset) {
        by_offset[at] = by_offset[at - 1];
        at--;
    }
    by_offset[at] = k;
}

/* The most bytes alive at one step, and which: no plan with this order can do with less. */
static size_t memory_lower_bound(const memory_block *blocks, int n, size_t *alive, int n_steps,
                                 int *peak)
{
    for (int i = 0; i < n; i++) { /* differences between steps, which may wrap around */
        alive[blocks[i].first] += blocks[i].bytes;
        alive[blocks[i].last + 1] -= blocks[i].bytes;
    }
    size_t most = 0, now = 0;
    for (int s = 0; s <= n_steps; s++) {
        now += alive[s];
        if (now <= most) continue;
        most = now;
        *peak = s;
    }
    return most;
}

enum { MEMORY_BY_SIZE, MEMORY_BY_LIFE, MEMORY_AT_PEAK = 2, MEMORY_STRATEGIES = 4 };

/* Places all blocks, by size or by length of life, those that are alive at `peak` perhaps first.
 * Returns the bytes of the arena. */
static size_t memory_place_all(memory_block *blocks, int *by_offset, int n, int strategy, int peak)
{
    for (int i = 0; i < n; i++) {
        memory_block *b = &blocks[i];
        b->key = strategy & MEMORY_BY_LIFE ? (uint64_t)(b->last - b->first) : b->bytes;
        if (strategy & MEMORY_AT_PEAK && b->first <= peak && peak <= b->last)
            b->key |= UINT64_C(1) << 63;
    }
    qsort(blocks, (size_t)n, sizeof *blocks, memory_larger_first);
    size_t bytes = 0;
    for (int k = 0; k < n; k++) {
        memory_place(blocks, by_offset, k);
        const size_t end = blocks[k].offset + blocks[k].bytes;
        if (end > bytes) bytes = end;
    }
    return bytes;
}

/* Tries the strategies until one reaches the lower bound; leaves the blocks as the best placed
 * them. */
static void memory_place_best(memory_block *blocks, int *by_offset, int n, size_t bound, int peak)
{
    size_t best_bytes = SIZE_MAX;
    int best = 0, strategy = 0;
    for (; strategy < MEMORY_STRATEGIES && best_bytes > bound; strategy++) {
        const size_t bytes = memory_place_all(blocks, by_offset, n, strategy, peak);
        if (bytes < best_bytes) {
            best_bytes = bytes;
            best = strategy;
        }
    }
    if (best != strategy - 1) memory_place_all(blocks, by_offset, n, best, peak);
}

static void memory_store(gr_plan *plan, const memory_block *blocks, int n)
{
    for (int i = 0; i < n; i++) {
        const memory_block *b = &blocks[i];
        if (b->offset + b->bytes > plan->arena_bytes) plan->arena_bytes = b->offset + b->bytes;
        if (b->owner >= 0) {
            plan->values[b->owner].offset = b->offset + plan->guard;
        } else {
            plan->steps[-1 - b->owner].work_offset = b->offset + plan->guard;
            if (b->bytes > plan->scratch) plan->scratch = b->bytes;
        }
    }
    for (int v = 0; v < plan->n_values; v++)
        plan->values[v].offset = plan->values[plan->values[v].buffer].offset;
}

gr_status gr_plan_memory(gr_plan *plan)
{
    size_t most = (size_t)(plan->n_values + plan->n_steps) + 2;
    memory_block *blocks = gr_alloc_array(most, sizeof *blocks);
    int *end = gr_alloc_array(most, sizeof *end), *by_offset = gr_alloc_array(most, sizeof(int));
    size_t *alive = gr_alloc_array(most, sizeof *alive);
    gr_status status = GR_NO_MEMORY;
    if (blocks && end && by_offset && alive) {
        memory_lifetimes(plan);
        memory_share(plan, end);
        int n = memory_collect(plan, end, blocks);
        int peak = 0;
        plan->lower_bound = memory_lower_bound(blocks, n, alive, plan->n_steps, &peak);
        memory_place_best(blocks, by_offset, n, plan->lower_bound, peak);
        memory_store(plan, blocks, n);
        status = GR_OK;
    }
    gr_free(blocks);
    gr_free(end);
    gr_free(by_offset);
    gr_free(alive);
    return status;
}
