/* From nodes to steps: numbers the values, asks the backends for kernels, lists the outputs and the
 * assigns. The order is that of the graph, which is topological; leaves, views and tuple reads are
 * no steps. */
#include "ops/ops.h"
#include "plan/plan.h"

typedef struct schedule {
    gr_plan *plan;
    const gr_plan_options *options;
    int *value; /* by node id: its first value; tuples have n_out in a row */
    int capacity_values;
} schedule;

static int schedule_add_value(gr_plan *plan, gr_home home, int index, const gr_type *type)
{
    gr_value *v = &plan->values[plan->n_values];
    size_t count = (size_t)gr_shape_count(type->shape);
    *v = (gr_value){.home = home, .index = index, .first = -1, .last = -1};
    v->bytes = count * gr_dtype_size(type->dtype);
    v->buffer = plan->n_values;
    return plan->n_values++;
}

static void schedule_add_leaf(schedule *s, const gr_node *node)
{
    gr_plan *plan = s->plan;
    gr_home home = GR_HOME_CONSTANT;
    int index = plan->n_constants;
    if (node->op == &gr_op_input) {
        home = GR_HOME_INPUT;
        for (index = 0; index < plan->n_inputs && plan->inputs[index] != node; index++) continue;
        if (index == plan->n_inputs) plan->inputs[plan->n_inputs++] = node;
    } else if (node->op == &gr_op_var) {
        home = GR_HOME_VARIABLE;
        index = plan->n_variables;
        plan->variables[plan->n_variables++] = node;
    } else {
        plan->constants[plan->n_constants++] = node;
    }
    s->value[node->id] = schedule_add_value(plan, home, index, &node->out[0]);
}

/* Inputs of the node that stay the same over the executions of a loop. */
static uint32_t schedule_steady(const schedule *s, const gr_node *node)
{
    const gr_plan *plan = s->plan;
    uint32_t steady = 0;
    for (int i = 0; i < node->n_in && i < 32 && s->options->steady > 0; i++) {
        const int v = s->value[node->in[i]->id];
        if (v >= 0 && plan->values[v].home == GR_HOME_INPUT &&
            plan->values[v].index >= plan->n_inputs - s->options->steady)
            steady |= UINT32_C(1) << i;
    }
    return steady;
}

/* Asks for a kernel and appends the step; its input values are already in plan->args. */
static gr_status schedule_add_step(schedule *s, const gr_node *node)
{
    gr_plan *plan = s->plan;
    gr_request request = {.node = node,
                          .arena = &plan->arena,
                          .level = gr_cpu(),
                          .threads = s->options->threads,
                          .exact = s->options->exact,
                          .steady = schedule_steady(s, node)};
    gr_status status = node->op == &gr_op_scan ? gr_plan_prepare_scan(&request, s->options)
                                               : gr_backend_select(s->options->device, &request);
    if (status != GR_OK) return status;
    gr_step *step = &plan->steps[plan->n_steps++];
    *step = (gr_step){.node = node,
                      .fn = request.fn,
                      .ctx = request.ctx,
                      .destroy = request.destroy,
                      .kernel = request.kernel ? request.kernel : "reference",
                      .args = plan->n_args,
                      .n_in = node->n_in,
                      .n_out = node->n_out,
                      .work = request.work,
                      .begin = request.begin,
                      .kept_offset = plan->kept_bytes,
                      .checks = request.checks};
    /* What a step has read is looked at when its result is there. */
    if (!plan->finite) memcpy(step->inplace, request.inplace, sizeof step->inplace);
    plan->kept_bytes += gr_aligned(request.kept);
    return GR_OK;
}

static gr_status schedule_add_node(schedule *s, const gr_node *node)
{
    gr_plan *plan = s->plan;
    if (node->op->flags & GR_OP_LEAF) {
        schedule_add_leaf(s, node);
        return GR_OK;
    }
    if (node->op->flags & GR_OP_EFFECT) {
        s->value[node->id] = -1;
        return GR_OK;
    }
    if (node->op == &gr_op_get) {
        s->value[node->id] = s->value[node->in[0]->id] + (int)node->attr[0].i;
        return GR_OK;
    }
    if (node->op->flags & GR_OP_VIEW) {
        s->value[node->id] = s->value[node->in[0]->id];
        return GR_OK;
    }
    GR_TRY(schedule_add_step(s, node));
    for (int i = 0; i < node->n_in; i++) plan->args[plan->n_args++] = s->value[node->in[i]->id];
    s->value[node->id] = plan->n_values;
    for (int i = 0; i < node->n_out; i++)
        plan->args[plan->n_args++] = schedule_add_value(plan, GR_HOME_ARENA, 0, &node->out[i]);
    int wide = node->n_in + node->n_out;
    if (wide > plan->max_args) plan->max_args = wide;
    return GR_OK;
}

static gr_status schedule_add_assign(gr_plan *plan, const int *value, const gr_node *assign)
{
    int variable = plan->values[value[assign->in[0]->id]].index;
    if (plan->written[variable])
        return gr_fail(GR_INVALID, "variable '%s' is assigned twice in one step",
                       plan->variables[variable]->name);
    plan->written[variable] = true;
    plan->copies[plan->n_copies++] =
        (gr_plan_copy){value[assign->in[0]->id], value[assign->in[1]->id]};
    return GR_OK;
}

/* Room for everything, counted once: the plan never grows afterwards. */
static bool schedule_reserve(schedule *s, const bool *needed, int n, int n_inputs)
{
    gr_plan *plan = s->plan;
    size_t nodes = 0, args = 1;
    size_t values = (size_t)n + 1; /* one more for each target that saves a variable's content */
    for (int id = 0; id < gr_graph_size(plan->graph); id++) {
        const gr_node *node = plan->graph->nodes[id];
        if (!needed[id]) continue;
        nodes++;
        values += (size_t)node->n_out;
        args += (size_t)(node->n_in + node->n_out);
    }
    gr_arena *arena = &plan->arena;
    size_t most_inputs = nodes + (size_t)n_inputs + 1;
    plan->steps = gr_arena_alloc(arena, (nodes + 1) * sizeof *plan->steps);
    plan->values = gr_arena_alloc(arena, values * sizeof *plan->values);
    plan->args = gr_arena_alloc(arena, args * sizeof *plan->args);
    plan->inputs = gr_arena_alloc(arena, most_inputs * sizeof *plan->inputs);
    plan->variables = gr_arena_alloc(arena, (nodes + 1) * sizeof *plan->variables);
    plan->constants = gr_arena_alloc(arena, (nodes + 1) * sizeof *plan->constants);
    plan->written = gr_arena_alloc(arena, (nodes + 1) * sizeof *plan->written);
    plan->copies = gr_arena_alloc(arena, (size_t)(n + 1) * sizeof *plan->copies);
    plan->outputs = gr_arena_alloc(arena, (size_t)(n + 1) * sizeof *plan->outputs);
    plan->output_nodes = gr_arena_alloc(arena, (size_t)(n + 1) * sizeof *plan->output_nodes);
    return plan->steps && plan->values && plan->args && plan->inputs && plan->variables &&
           plan->constants && plan->written && plan->copies && plan->outputs && plan->output_nodes;
}

static gr_status schedule_run(schedule *s, const bool *needed, gr_node *const *targets, int n)
{
    gr_plan *plan = s->plan;
    for (int id = 0; id < gr_graph_size(plan->graph); id++)
        if (needed[id]) GR_TRY(schedule_add_node(s, plan->graph->nodes[id]));
    for (int i = 0; i < n; i++) {
        plan->outputs[i] = s->value[targets[i]->id];
        plan->output_nodes[i] = targets[i];
        if (targets[i]->op->flags & GR_OP_EFFECT)
            GR_TRY(schedule_add_assign(plan, s->value, targets[i]));
    }
    plan->n_outputs = n;
    return GR_OK;
}

gr_status gr_plan_schedule(gr_plan *plan, gr_node *const *targets, int n, gr_node *const *inputs,
                           int n_inputs, const gr_plan_options *options)
{
    schedule s = {.plan = plan, .options = options};
    bool *needed = gr_graph_needed(plan->graph, targets, n);
    s.value = gr_alloc_array((size_t)gr_graph_size(plan->graph) + 1, sizeof *s.value);
    gr_status status = GR_NO_MEMORY;
    if (needed && s.value && schedule_reserve(&s, needed, n, n_inputs)) {
        for (int i = 0; i < n_inputs; i++) plan->inputs[plan->n_inputs++] = inputs[i];
        status = schedule_run(&s, needed, targets, n);
    }
    gr_free(needed);
    gr_free(s.value);
    return status;
}
