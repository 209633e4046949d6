/* Compiling a graph into a program. */
#include <stdio.h>

#include "backend/cpu/conv_choice.h"
#include "base/limits.h"
#include "plan/recompute.h"
#include "run/program.h"

static gr_status program_budget(const char *text, size_t *memory)
{
    uint64_t bytes;
    if (!gr_parse_bytes(text, &bytes) || bytes > SIZE_MAX)
        return gr_fail(GR_INVALID, "GRADUS_MEMORY=%s should be a number of bytes: 200M, say", text);
    *memory = (size_t)bytes;
    return GR_OK;
}

/* What compiling goes by. */
typedef struct program_choices {
    gr_plan_options plan;
    const char *passes;
    size_t memory;
} program_choices;

static gr_status program_options(const gr_compile_options *options, program_choices *choices)
{
    const char *memory = getenv("GRADUS_MEMORY");
    gr_plan_options *plan = &choices->plan;
    *plan = (gr_plan_options){.threads = gr_default_threads()};
    choices->passes = getenv("GRADUS_PASSES");
    plan->guard = getenv("GRADUS_GUARD") != NULL;
#if !defined(GRADUS_SMALL) /* else there is but one */
    GR_TRY(gr_conv_check_choice());
#endif
    if (memory && *memory) GR_TRY(program_budget(memory, &choices->memory));
    gr_compile_options o;
    GR_TRY(GR_OPTIONS(gr_compile_options, &o, options));
    if (o.device && strcmp(o.device, "cpu") != 0)
        return gr_fail(GR_UNSUPPORTED, "no device '%s': this build has 'cpu'", o.device);
    if (o.threads < 0 || o.threads > 1024)
        return gr_fail(GR_INVALID, "threads = %d: should be 0 to 1024", o.threads);
    if (o.threads) plan->threads = o.threads;
    if (o.passes) choices->passes = o.passes;
    if (o.memory) choices->memory = o.memory;
    plan->exact = o.exact;
    plan->finite = o.check_finite;
    return GR_OK;
}

static gr_status program_fill(gr_program *p, gr_node *const *targets, int n,
                              const gr_compile_options *options)
{
    program_choices choices = {0};
    GR_TRY(program_options(options, &choices));
    const gr_plan_options *plan = &choices.plan;
    GR_TRY(gr_unit_copy(&p->unit, targets, n));
    p->unit.threads = plan->threads;
    p->unit.exact = plan->exact;
    /* A fused gate would be named as a whole. */
    char single[256];
    snprintf(single, sizeof single, "%.200s,-fuse,-postops", choices.passes ? choices.passes : "");
    const char *passes = single + (choices.passes && *choices.passes ? 0 : 1);
    GR_TRY(gr_passes_run(&p->unit, plan->finite ? passes : choices.passes));
    GR_TRY(gr_plan_new(p->unit.graph, p->unit.targets, n, NULL, 0, plan, &p->plan));
    if (choices.memory) GR_TRY(gr_plan_shrink(&p->unit, &p->plan, plan, choices.memory));
    p->threads = plan->threads;
    for (int v = 0; v < p->plan->n_variables; v++) p->writes |= p->plan->written[v];
    return GR_OK;
}

gr_status gr_compile(gr_graph *graph, gr_node *const *targets, int n,
                     const gr_compile_options *options, gr_program **program)
{
    *program = NULL;
    if (!graph) return gr_fail(GR_INVALID, "gr_compile needs a graph");
    if (gr_graph_status(graph) != GR_OK)
        return gr_fail(gr_graph_status(graph), "%s", gr_graph_message(graph));
#ifndef NDEBUG
    GR_TRY(gr_graph_verify(graph));
#endif
    gr_program *p = gr_alloc(sizeof *p);
    if (!p) return GR_NO_MEMORY;
    gr_status status = program_fill(p, targets, n, options);
    if (status != GR_OK) {
        gr_program_free(p);
        return status;
    }
    *program = p;
    return GR_OK;
}

void gr_program_free(gr_program *program)
{
    if (!program) return;
    gr_plan_free(program->plan);
    gr_unit_free(&program->unit);
    gr_free(program);
}

int gr_program_inputs(const gr_program *program)
{
    return program->plan->n_inputs;
}

const char *gr_program_input_name(const gr_program *program, int input)
{
    const gr_plan *plan = program->plan;
    return input >= 0 && input < plan->n_inputs ? plan->inputs[input]->name : NULL;
}

static gr_tensor program_type(const gr_node *node)
{
    if (!node) return (gr_tensor){.dtype = GR_DTYPE_COUNT};
    return (gr_tensor){.dtype = node->out[0].dtype, .shape = node->out[0].shape};
}

gr_tensor gr_program_input_type(const gr_program *program, int input)
{
    const gr_plan *plan = program->plan;
    return program_type(input >= 0 && input < plan->n_inputs ? plan->inputs[input] : NULL);
}

int gr_program_find_input(const gr_program *program, const char *name)
{
    for (int i = 0; i < program->plan->n_inputs; i++)
        if (name && !strcmp(program->plan->inputs[i]->name, name)) return i;
    return -1;
}

gr_tensor gr_program_output_type(const gr_program *program, int output)
{
    const gr_plan *plan = program->plan;
    return program_type(output >= 0 && output < plan->n_outputs ? plan->output_nodes[output]
                                                                : NULL);
}

gr_plan_info gr_program_plan(const gr_program *program)
{
    const gr_plan *plan = program->plan;
    gr_plan_info info = {.steps = plan->n_steps,
                         .arena = plan->arena_bytes,
                         .lower_bound = plan->lower_bound,
                         .scratch = plan->scratch};
    for (int i = 0; i < plan->n_constants; i++)
        info.constants += gr_tensor_bytes(plan->constants[i]->attr[0].tensor);
    for (int v = 0; v < plan->n_variables; v++) {
        gr_tensor type = program_type(plan->variables[v]);
        info.variables += gr_tensor_bytes(&type);
    }
    return info;
}

static void program_print_value(const gr_plan *plan, int value, gr_text *text)
{
    static const char *const home[] = {"arena", "input", "variable", "constant"};
    const gr_value *v = &plan->values[value];
    if (v->home == GR_HOME_ARENA)
        gr_text_printf(text, "arena+%zu", v->offset);
    else if (v->home == GR_HOME_VARIABLE)
        gr_text_printf(text, "%s", plan->variables[v->index]->name);
    else
        gr_text_printf(text, "%s %d", home[v->home], v->index);
}

gr_status gr_program_print(const gr_program *program, char **text)
{
    const gr_plan *plan = program->plan;
    gr_text t = {0};
    gr_text_printf(&t, "%5s  %-20s %-24s %-20s %s\n", "step", "op", "result", "kernel", "buffer");
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        const gr_type *type = &step->node->out[0];
        char result[GR_SHAPE_TEXT + 8];
        snprintf(result, sizeof result, "%s%s", gr_dtype_name(type->dtype),
                 gr_shape_text(type->shape));
        gr_text_printf(&t, "%5d  %-20s %-24s %-20s ", s, step->node->op->name, result,
                       step->kernel);
        program_print_value(plan, plan->args[step->args + step->n_in], &t);
        gr_text_printf(&t, "\n");
    }
    gr_text_printf(&t, "%d steps, %d copies; arena %zu bytes, lower bound %zu\n", plan->n_steps,
                   plan->n_copies, plan->arena_bytes, plan->lower_bound);
    if (t.failed) {
        gr_text_free(&t);
        return GR_NO_MEMORY;
    }
    *text = t.data;
    return GR_OK;
}
