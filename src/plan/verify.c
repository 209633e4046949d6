/* The memory plan's own check: what is alive together lies apart, and no variable is overwritten
 * while its old content is wanted. It looks at single values and the steps alone, not at the
 * buffers by which the planner shares memory. */
#include "plan/plan.h"

/* Part of the arena from the start of step `first` to the end of step `last`. */
typedef struct plan_verify_region {
    size_t offset, bytes;
    int first, last;
    int value; /* -1: scratch memory */
} plan_verify_region;

/* May the value that `later` holds be written over `earlier` while the step reads that? */
static bool plan_verify_in_place(const gr_plan *plan, const plan_verify_region *earlier,
                                 const plan_verify_region *later)
{
    if (earlier->value < 0 || later->value < 0 || later->first >= plan->n_steps) return false;
    const gr_step *step = &plan->steps[later->first];
    const int *args = plan->args + step->args;
    bool reads = false;
    int output = 0;
    while (output < step->n_out && args[step->n_in + output] != later->value) output++;
    for (int i = 0; i < step->n_in; i++) {
        if (args[i] != earlier->value) continue;
        if (!gr_step_in_place(step, i, output)) return false;
        reads = true;
    }
    return reads && earlier->last == later->first && earlier->offset == later->offset;
}

static gr_status plan_verify_pair(const gr_plan *plan, const plan_verify_region *a,
                                  const plan_verify_region *b)
{
    if (a->last < b->first || b->last < a->first) return GR_OK;
    if (a->offset >= b->offset + b->bytes || b->offset >= a->offset + a->bytes) return GR_OK;
    if (plan_verify_in_place(plan, a, b) || plan_verify_in_place(plan, b, a)) return GR_OK;
    return gr_fail(GR_INTERNAL,
                   "plan: bytes %zu to %zu, alive in steps %d to %d, overlap bytes %zu to %zu, "
                   "alive in steps %d to %d",
                   a->offset, a->offset + a->bytes, a->first, a->last, b->offset,
                   b->offset + b->bytes, b->first, b->last);
}

static int plan_verify_collect(const gr_plan *plan, plan_verify_region *regions)
{
    int n = 0;
    for (int v = 0; v < plan->n_values; v++) {
        const gr_value *value = &plan->values[v];
        if (value->home != GR_HOME_ARENA || value->bytes == 0) continue;
        regions[n++] =
            (plan_verify_region){value->offset, value->bytes, value->first, value->last, v};
    }
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        if (step->work)
            regions[n++] = (plan_verify_region){step->work_offset, step->work, s, s, -1};
    }
    return n;
}

static int plan_verify_order(const void *a, const void *b)
{
    const plan_verify_region *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static gr_status plan_verify_regions(const gr_plan *plan, const plan_verify_region *regions, int n)
{
    for (int i = 0; i < n; i++) {
        if (regions[i].bytes > plan->arena_bytes ||
            regions[i].offset > plan->arena_bytes - regions[i].bytes)
            return gr_fail(GR_INTERNAL, "plan: bytes %zu to %zu lie outside of the arena's %zu",
                           regions[i].offset, regions[i].offset + regions[i].bytes,
                           plan->arena_bytes);
        for (int j = i + 1; j < n && regions[j].first <= regions[i].last; j++)
            GR_TRY(plan_verify_pair(plan, &regions[i], &regions[j]));
    }
    return GR_OK;
}

/* Does step `s` read the old content of variable `variable`, other than in place of its output
 * `output` (-1: of none)? */
static bool plan_verify_reads_old(const gr_plan *plan, int s, int variable, int made, int output)
{
    const gr_step *step = &plan->steps[s];
    for (int i = 0; i < step->n_in; i++) {
        int v = plan->args[step->args + i];
        if (v == made || plan->values[v].home != GR_HOME_VARIABLE) continue;
        if (plan->values[v].index != variable) continue;
        if (output < 0 || !gr_step_in_place(step, i, output)) return true;
    }
    return false;
}

/* A new value that step `s` puts right into its variable: nobody wants the old one any more, and
 * nothing may still refuse the step. */
static gr_status plan_verify_assigned(const gr_plan *plan, int s, int output)
{
    int made = plan->args[plan->steps[s].args + plan->steps[s].n_in + output];
    int variable = plan->values[made].index;
    bool wanted = plan_verify_reads_old(plan, s, variable, made, output);
    for (int t = s + 1; t < plan->n_steps; t++) {
        wanted |= plan_verify_reads_old(plan, t, variable, made, -1) || plan->steps[t].checks;
    }
    for (int i = 0; i < plan->n_outputs; i++) {
        const gr_value *v = plan->outputs[i] < 0 ? NULL : &plan->values[plan->outputs[i]];
        wanted |= v && v->home == GR_HOME_VARIABLE && v->index == variable;
    }
    if (!wanted) return GR_OK;
    return gr_fail(GR_INTERNAL, "plan: step %d overwrites variable '%s' too early", s,
                   plan->variables[variable]->name);
}

static gr_status plan_verify_variables(const gr_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        for (int i = 0; i < step->n_out; i++) {
            int made = plan->args[step->args + step->n_in + i];
            if (plan->values[made].home == GR_HOME_VARIABLE)
                GR_TRY(plan_verify_assigned(plan, s, i));
        }
    }
    return GR_OK;
}

gr_status gr_plan_verify(const gr_plan *plan)
{
    GR_TRY(plan_verify_variables(plan));
    size_t most = (size_t)(plan->n_values + plan->n_steps) + 1;
    plan_verify_region *regions = gr_alloc_array(most, sizeof *regions);
    if (!regions) return GR_NO_MEMORY;
    int n = plan_verify_collect(plan, regions);
    qsort(regions, (size_t)n, sizeof *regions, plan_verify_order);
    gr_status status = plan_verify_regions(plan, regions, n);
    gr_free(regions);
    return status;
}
