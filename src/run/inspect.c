/* Telling what the steps of a program are. */
#include <gradus/profile.h>
#include <stdio.h>

#include "plan/cost.h"
#include "run/program.h"

/* Appends to text[size]. What has no room as a whole becomes "…", and nothing follows it. */
static void inspect_append(char *text, size_t size, const char *between, const char *words)
{
    static const char dots[] = "…";
    const size_t used = strlen(text), last = sizeof dots - 1;
    if (used >= last && !strcmp(text + used - last, dots)) return;
    const size_t room = size - used - last; /* the dots can always follow */
    const int n = snprintf(text + used, room, "%s%s", used ? between : "", words);
    if (n < 0 || (size_t)n >= room) memcpy(text + used, dots, sizeof dots);
}

static void inspect_inputs(const gr_node *node, gr_step_info *info)
{
    for (int i = 0; i < node->n_in; i++) {
        char type[GR_SHAPE_TEXT + 8];
        const gr_type *in = &node->in[i]->out[0];
        snprintf(type, sizeof type, "%s%s", gr_dtype_name(in->dtype), gr_shape_text(in->shape));
        inspect_append(info->inputs, sizeof info->inputs, " ", type);
    }
}

/* The ops that a body computes with. */
static void inspect_body(const gr_node *node, gr_step_info *info)
{
    const gr_body *body = NULL;
    for (int i = 0; i < node->op->n_attrs; i++)
        if (node->attr[i].kind == GR_ATTR_BODY) body = node->attr[i].body;
    for (int id = 0; body && id < gr_graph_size(body->graph); id++) {
        const gr_op *op = body->graph->nodes[id]->op;
        if (op && !(op->flags & (GR_OP_LEAF | GR_OP_VIEW)))
            inspect_append(info->body, sizeof info->body, ", ", op->name);
    }
}

static void inspect_home(const gr_plan *plan, int value, gr_step_info *info)
{
    const gr_value *v = &plan->values[value];
    switch (v->home) {
    case GR_HOME_ARENA:
        snprintf(info->home, sizeof info->home, "arena+%zu", v->offset);
        break;
    case GR_HOME_VARIABLE:
        snprintf(info->home, sizeof info->home, "variable %s", plan->variables[v->index]->name);
        break;
    case GR_HOME_INPUT:
        snprintf(info->home, sizeof info->home, "input %s", plan->inputs[v->index]->name);
        break;
    case GR_HOME_CONSTANT:
        snprintf(info->home, sizeof info->home, "constant %d", v->index);
        break;
    }
}

/* Does the first result lie where an operand lay? */
static bool inspect_inplace(const gr_plan *plan, const gr_step *step)
{
    const int *args = plan->args + step->args;
    const gr_value *out = &plan->values[args[step->n_in]];
    for (int i = 0; i < step->n_in; i++) {
        const gr_value *in = &plan->values[args[i]];
        if (in->home != out->home) continue;
        if (out->home == GR_HOME_ARENA ? in->buffer == out->buffer : in->index == out->index)
            return true;
    }
    return false;
}

gr_status gr_program_step(const gr_program *program, int step, gr_step_info *info)
{
    const gr_plan *plan = program->plan;
    *info = (gr_step_info){0};
    if (step < 0 || step >= plan->n_steps)
        return gr_fail(GR_RANGE, "no step %d: the program has %d", step, plan->n_steps);
    const gr_step *s = &plan->steps[step];
    const gr_node *node = s->node;
    gr_cost cost;
    GR_TRY(gr_node_cost(node, &cost));
    *info = (gr_step_info){.op = node->op->name,
                           .name = node->name,
                           .composite = node->composite,
                           .kernel = s->kernel,
                           .out = {node->out[0].dtype, node->out[0].shape, NULL},
                           .outputs = node->n_out,
                           .inplace = inspect_inplace(plan, s),
                           .scratch = s->work,
                           .flops = cost.flops,
                           .bytes = cost.bytes};
    inspect_inputs(node, info);
    inspect_body(node, info);
    inspect_home(plan, plan->args[s->args + s->n_in], info);
    return GR_OK;
}
