/* Assigns without copies. A new value may be computed right in its variable's memory if nobody can
 * tell the difference: every reader of the old value has run, nothing that may still refuse the
 * step comes later, and the value is no output. All others are copied after the last step. */
#include "plan/plan.h"

/* Facts about the uses of values, gathered once. */
typedef struct assign_uses {
    int *producer;  /* step that writes a value; -1: none */
    int *last_read; /* by value; -1: never; n_steps: as an output or by a copy */
    int last_check; /* the last step that may refuse the data; -1: none */
} assign_uses;

static void assign_gather(const gr_plan *plan, assign_uses *u)
{
    u->last_check = -1;
    for (int v = 0; v < plan->n_values; v++) u->producer[v] = u->last_read[v] = -1;
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const int *args = plan->args + step->args;
        for (int i = 0; i < step->n_in; i++) u->last_read[args[i]] = s;
        for (int i = 0; i < step->n_out; i++) u->producer[args[step->n_in + i]] = s;
        if (step->checks) u->last_check = s;
    }
    for (int i = 0; i < plan->n_outputs; i++)
        if (plan->outputs[i] >= 0) u->last_read[plan->outputs[i]] = plan->n_steps;
    /* A variable's old content that another variable takes is read at the very end. */
    for (int c = 0; c < plan->n_copies; c++)
        if (plan->values[plan->copies[c].from].home == GR_HOME_VARIABLE)
            u->last_read[plan->copies[c].from] = plan->n_steps;
}

/* May `step` write its output `made` over value `old` while it reads that? */
static bool assign_reads_in_place(const gr_plan *plan, const gr_step *step, int made, int old)
{
    const int *args = plan->args + step->args;
    int output = 0;
    while (args[step->n_in + output] != made) output++;
    for (int i = 0; i < step->n_in; i++)
        if (args[i] == old && !gr_step_in_place(step, i, output)) return false;
    return true;
}

static bool assign_fits(const gr_plan *plan, const assign_uses *u, const gr_plan_copy *copy)
{
    int made = u->producer[copy->from];
    if (plan->finite) return false; /* the step may fail at its end */
    if (plan->values[copy->from].home != GR_HOME_ARENA || made < 0) return false;
    if (u->last_read[copy->from] == plan->n_steps || u->last_check >= made) return false;
    for (int c = 0; c < plan->n_copies; c++) /* one value for two variables */
        if (plan->copies[c].from == copy->from && plan->copies[c].to != copy->to) return false;
    if (u->last_read[copy->to] > made) return false;
    return u->last_read[copy->to] < made ||
           assign_reads_in_place(plan, &plan->steps[made], copy->from, copy->to);
}

/* A value of the arena for the old content of a variable, and the copy that fills it. */
static int assign_save(gr_plan *plan, gr_plan_copy *saves, int *n_saves, int variable_value)
{
    for (int i = 0; i < *n_saves; i++)
        if (saves[i].from == variable_value) return saves[i].to;
    gr_value *v = &plan->values[plan->n_values];
    *v = (gr_value){.home = GR_HOME_ARENA, .buffer = plan->n_values};
    v->bytes = plan->values[variable_value].bytes;
    v->first = v->last = plan->n_steps;
    saves[(*n_saves)++] = (gr_plan_copy){plan->n_values, variable_value};
    return plan->n_values++;
}

static bool assign_reads_overwritten(const gr_plan *plan, int value)
{
    return value >= 0 && plan->values[value].home == GR_HOME_VARIABLE &&
           plan->written[plan->values[value].index];
}

/* Outputs and assigns that stand for the old content of a variable that this step overwrites. */
static gr_status assign_save_old(gr_plan *plan, gr_plan_copy *kept, int n_kept)
{
    gr_plan_copy *saves =
        gr_arena_alloc(&plan->arena, (size_t)(plan->n_outputs + n_kept + 1) * sizeof *saves);
    if (!saves) return GR_NO_MEMORY;
    int n_saves = 0;
    for (int i = 0; i < plan->n_outputs; i++)
        if (assign_reads_overwritten(plan, plan->outputs[i]))
            plan->outputs[i] = assign_save(plan, saves, &n_saves, plan->outputs[i]);
    for (int c = 0; c < n_kept; c++)
        if (assign_reads_overwritten(plan, kept[c].from))
            kept[c].from = assign_save(plan, saves, &n_saves, kept[c].from);
    memcpy(saves + n_saves, kept, (size_t)n_kept * sizeof *kept);
    plan->copies = saves;
    plan->n_copies = n_saves + n_kept;
    return GR_OK;
}

static gr_status assign_place(gr_plan *plan, const assign_uses *u)
{
    gr_plan_copy *kept = gr_arena_alloc(&plan->arena, (size_t)(plan->n_copies + 1) * sizeof *kept);
    if (!kept) return GR_NO_MEMORY;
    int n_kept = 0;
    for (int c = 0; c < plan->n_copies; c++) {
        const gr_plan_copy *copy = &plan->copies[c];
        if (assign_fits(plan, u, copy)) {
            plan->values[copy->from].home = GR_HOME_VARIABLE;
            plan->values[copy->from].index = plan->values[copy->to].index;
        } else {
            kept[n_kept++] = *copy;
        }
    }
    return assign_save_old(plan, kept, n_kept);
}

gr_status gr_plan_place_assigns(gr_plan *plan)
{
    if (plan->n_copies == 0) return GR_OK;
    size_t count = (size_t)plan->n_values;
    assign_uses u = {.producer = gr_alloc_array(count, sizeof *u.producer),
                     .last_read = gr_alloc_array(count, sizeof *u.last_read)};
    gr_status status = GR_NO_MEMORY;
    if (u.producer && u.last_read) {
        assign_gather(plan, &u);
        status = assign_place(plan, &u);
    }
    gr_free(u.producer);
    gr_free(u.last_read);
    return status;
}
