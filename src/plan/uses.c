/* Who makes and who reads each value of a plan. */
#include "plan/plan.h"

bool gr_plan_reads_first(const int *args, int i)
{
    for (int j = 0; j < i; j++)
        if (args[j] == args[i]) return false;
    return true;
}

bool gr_plan_find_uses(const gr_plan *plan, gr_arena *arena, gr_plan_uses *uses)
{
    const size_t values = (size_t)plan->n_values + 1;
    uses->producer = gr_arena_alloc(arena, values * sizeof(int));
    uses->reader_at = gr_arena_alloc(arena, values * sizeof(int));
    uses->readers = gr_arena_alloc(arena, ((size_t)plan->n_args + 1) * sizeof(int));
    if (!uses->producer || !uses->reader_at || !uses->readers) return false;
    int *at = uses->reader_at;
    for (int v = 0; v < plan->n_values; v++) uses->producer[v] = -1;
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const int *args = plan->args + step->args;
        for (int i = 0; i < step->n_in; i++) at[args[i]] += gr_plan_reads_first(args, i);
        for (int i = 0; i < step->n_out; i++) uses->producer[args[step->n_in + i]] = s;
    }
    /* at[v]: first the end of v's list, which filling it from the back makes its beginning. */
    for (int v = 1; v <= plan->n_values; v++) at[v] += at[v - 1];
    for (int s = plan->n_steps - 1; s >= 0; s--) {
        const int *args = plan->args + plan->steps[s].args;
        for (int i = 0; i < plan->steps[s].n_in; i++)
            if (gr_plan_reads_first(args, i)) uses->readers[--at[args[i]]] = s;
    }
    return true;
}
