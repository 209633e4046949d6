/* Making, running and freeing a plan. */
#include "plan/plan.h"

static gr_status plan_fill(gr_plan *plan, gr_node *const *targets, int n, gr_node *const *inputs,
                           int n_inputs, const gr_plan_options *options)
{
    GR_TRY(gr_plan_schedule(plan, targets, n, inputs, n_inputs, options));
    GR_TRY(gr_plan_place_assigns(plan));
    GR_TRY(gr_plan_memory(plan));
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
                             .threads = threads};
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

gr_status gr_plan_execute(const gr_plan *plan, const gr_bases *bases, const gr_call *calls)
{
    for (int s = 0; s < plan->n_steps; s++) {
        gr_status status = plan->steps[s].fn(&calls[s]);
        if (status != GR_OK) return plan_fault(plan, s, status);
    }
    plan_copy(plan, bases);
    return GR_OK;
}

gr_status gr_plan_execute_timed(const gr_plan *plan, const gr_bases *bases, const gr_call *calls,
                                double *at)
{
    at[0] = gr_seconds();
    for (int s = 0; s < plan->n_steps; s++) {
        gr_status status = plan->steps[s].fn(&calls[s]);
        if (status != GR_OK) return plan_fault(plan, s, status);
        at[s + 1] = gr_seconds();
    }
    plan_copy(plan, bases);
    at[plan->n_steps + 1] = gr_seconds();
    return GR_OK;
}
