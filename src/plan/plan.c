/* Making, running and freeing a plan. */
#include "plan/plan.h"

/* The orders that are tried, in this order. */
enum { PLAN_SCHEDULED, PLAN_ORDERED, PLAN_LATE, PLAN_ORDERS };

/* What assigns and memory change, as the schedule left it. */
typedef struct plan_draft {
    gr_plan plan;
    gr_step *steps;
    gr_value *values;
    int *outputs, *orders, *order[PLAN_ORDERS]; /* parts of `orders` */
} plan_draft;

static bool plan_draft_new(plan_draft *d, const gr_plan *plan)
{
    const size_t steps = (size_t)plan->n_steps, values = (size_t)plan->n_values;
    d->plan = *plan;
    d->steps = gr_alloc_array(steps + 1, sizeof *d->steps);
    d->values = gr_alloc_array(values + 1, sizeof *d->values);
    d->outputs = gr_alloc_array((size_t)plan->n_outputs + 1, sizeof *d->outputs);
    d->orders = gr_alloc_array(PLAN_ORDERS * steps + 1, sizeof *d->orders);
    if (!d->steps || !d->values || !d->outputs || !d->orders) return false;
    memcpy(d->steps, plan->steps, steps * sizeof *d->steps);
    memcpy(d->values, plan->values, values * sizeof *d->values);
    memcpy(d->outputs, plan->outputs, (size_t)plan->n_outputs * sizeof *d->outputs);
    for (int i = 0; i < PLAN_ORDERS; i++) d->order[i] = d->orders + (size_t)i * steps;
    for (int s = 0; s < plan->n_steps; s++) d->order[PLAN_SCHEDULED][s] = s;
    return true;
}

static void plan_draft_clear(plan_draft *d)
{
    gr_free(d->steps);
    gr_free(d->values);
    gr_free(d->outputs);
    gr_free(d->orders);
}

/* Plans the memory for the steps of the draft in `order`. *cost: bytes of the arena, and of copies
 * at the end of a step. */
static gr_status plan_arrange(gr_plan *plan, const plan_draft *d, const int *order, size_t *cost)
{
    const gr_arena arena = plan->arena;
    *plan = d->plan;
    plan->arena = arena;
    for (int s = 0; s < plan->n_steps; s++) plan->steps[s] = d->steps[order[s]];
    memcpy(plan->values, d->values, (size_t)plan->n_values * sizeof *plan->values);
    memcpy(plan->outputs, d->outputs, (size_t)plan->n_outputs * sizeof *plan->outputs);
    GR_TRY(gr_plan_place_assigns(plan));
    GR_TRY(gr_plan_memory(plan));
    *cost = plan->arena_bytes;
    for (int c = 0; c < plan->n_copies; c++) *cost += plan->values[plan->copies[c].from].bytes;
    return GR_OK;
}

/* Takes the order that needs least: of the two made for it, or that of the graph. The latter has to
 * be better by more than the odd small value: it copies more at the end, and updates find their
 * gradients in no cache. */
static gr_status plan_choose_order(gr_plan *plan)
{
    plan_draft d;
    size_t cost[PLAN_ORDERS];
    gr_status status = GR_NO_MEMORY;
    if (plan_draft_new(&d, plan)) {
        status = gr_plan_order(plan, false, d.order[PLAN_ORDERED]);
        if (status == GR_OK) status = gr_plan_order(plan, true, d.order[PLAN_LATE]);
    }
    for (int i = 0; i < PLAN_ORDERS && status == GR_OK; i++)
        status = plan_arrange(plan, &d, d.order[i], &cost[i]);
    if (status == GR_OK) {
        int best = cost[PLAN_LATE] < cost[PLAN_ORDERED] ? PLAN_LATE : PLAN_ORDERED;
        if (cost[PLAN_SCHEDULED] + cost[PLAN_SCHEDULED] / 64 < cost[best]) best = PLAN_SCHEDULED;
        if (best != PLAN_ORDERS - 1) status = plan_arrange(plan, &d, d.order[best], &cost[best]);
    }
    plan_draft_clear(&d);
    return status;
}

static gr_status plan_fill(gr_plan *plan, gr_node *const *targets, int n, gr_node *const *inputs,
                           int n_inputs, const gr_plan_options *options)
{
    GR_TRY(gr_plan_schedule(plan, targets, n, inputs, n_inputs, options));
    GR_TRY(plan_choose_order(plan));
    if (plan->guard) GR_TRY(gr_plan_guard_zones(plan));
#ifndef NDEBUG
    GR_TRY(gr_plan_verify(plan));
#endif
    return GR_OK;
}

gr_status gr_plan_new(gr_graph *graph, gr_node *const *targets, int n, gr_node *const *inputs,
                      int n_inputs, const gr_plan_options *options, gr_plan **plan)
{
    *plan = NULL;
    gr_plan *p = gr_alloc(sizeof *p);
    if (!p) return GR_NO_MEMORY;
    p->graph = graph;
    p->guard = options->guard ? GR_ALIGN : 0;
    p->finite = options->finite;
    p->within = options->within;
    p->watched = options->guard || options->finite;
    gr_status status = plan_fill(p, targets, n, inputs, n_inputs, options);
    if (status != GR_OK) {
        gr_plan_free(p);
        return status;
    }
    *plan = p;
    return GR_OK;
}

void gr_plan_free(gr_plan *plan)
{
    if (!plan) return;
    for (int s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].destroy) plan->steps[s].destroy((void *)plan->steps[s].ctx);
    gr_arena_free(&plan->arena);
    gr_free(plan);
}

void *gr_plan_address(const gr_plan *plan, const gr_bases *bases, int value)
{
    const gr_value *v = &plan->values[value];
    switch (v->home) {
    case GR_HOME_ARENA:
        return bases->arena + v->offset;
    case GR_HOME_INPUT:
        return (void *)bases->inputs[v->index];
    case GR_HOME_VARIABLE:
        return bases->variables[v->index];
    case GR_HOME_CONSTANT:
        break;
    }
    return plan->constants[v->index]->attr[0].tensor->data;
}

void gr_plan_resolve(const gr_plan *plan, const gr_bases *bases, int threads, gr_call *calls,
                     void **args)
{
    for (int i = 0; i < plan->n_args; i++) args[i] = gr_plan_address(plan, bases, plan->args[i]);
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        calls[s] = (gr_call){.in = args + step->args,
                             .out = args + step->args + step->n_in,
                             .work = bases->arena + step->work_offset,
                             .ctx = step->ctx,
                             .kept = step->begin ? bases->kept + step->kept_offset : NULL,
                             .threads = threads,
                             .note = bases->note};
    }
}

static gr_status plan_fault(const gr_plan *plan, int s, gr_status status)
{
    const gr_node *node = plan->steps[s].node;
    return gr_fail_prefix(status, "%s%s%s%s: ", node->op->name, node->name ? " '" : "",
                          node->name ? node->name : "", node->name ? "'" : "");
}

static void plan_copy(const gr_plan *plan, const gr_bases *bases)
{
    for (int c = 0; c < plan->n_copies; c++)
        memcpy(gr_plan_address(plan, bases, plan->copies[c].to),
               gr_plan_address(plan, bases, plan->copies[c].from),
               plan->values[plan->copies[c].from].bytes);
}

static gr_status plan_step_watched(const gr_plan *plan, const gr_bases *bases, const gr_call *calls,
                                   int s)
{
    gr_guard_state state;
    if (plan->guard) gr_plan_guard_enter(plan, bases, s, &state);
    GR_TRY(plan->steps[s].fn(&calls[s]));
    if (plan->finite) gr_plan_finite_look(plan, &calls[s], s, bases->note);
    return plan->guard ? gr_plan_guard_leave(plan, bases, s, &state) : GR_OK;
}

static void plan_watch(const gr_plan *plan, const gr_bases *bases)
{
    if (plan->finite && !plan->within) *bases->note = (gr_finite_note){0};
}

static gr_status plan_judge(const gr_plan *plan, const gr_bases *bases)
{
    return plan->finite && !plan->within ? gr_plan_finite_judge(plan, bases) : GR_OK;
}

gr_status gr_plan_begin(const gr_plan *plan, const gr_call *calls)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const gr_status status = step->begin ? step->begin(&calls[s]) : GR_OK;
        if (status != GR_OK) return plan_fault(plan, s, status);
    }
    return GR_OK;
}

gr_status gr_plan_execute(const gr_plan *plan, const gr_bases *bases, const gr_call *calls)
{
    plan_watch(plan, bases);
    for (int s = 0; s < plan->n_steps; s++) {
        gr_status status =
            plan->watched ? plan_step_watched(plan, bases, calls, s) : plan->steps[s].fn(&calls[s]);
        if (status != GR_OK) return plan_fault(plan, s, status);
    }
    GR_TRY(plan_judge(plan, bases));
    plan_copy(plan, bases);
    return GR_OK;
}

gr_status gr_plan_execute_timed(const gr_plan *plan, const gr_bases *bases, const gr_call *calls,
                                double *at)
{
    plan_watch(plan, bases);
    at[0] = gr_seconds();
    for (int s = 0; s < plan->n_steps; s++) {
        gr_status status =
            plan->watched ? plan_step_watched(plan, bases, calls, s) : plan->steps[s].fn(&calls[s]);
        if (status != GR_OK) return plan_fault(plan, s, status);
        at[s + 1] = gr_seconds();
    }
    GR_TRY(plan_judge(plan, bases));
    plan_copy(plan, bases);
    at[plan->n_steps + 1] = gr_seconds();
    return GR_OK;
}
