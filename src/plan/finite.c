/* Where a NaN or an infinity came from. A plan made to check looks at the result of each step: the
 * first that has a NaN none of whose inputs has one, or an infinity all of whose inputs are finite,
 * is noted, be it in the body of a loop. If in the end an output or a new value of a variable is
 * not finite, that step is named, and no variable has changed. An infinity that comes to nothing,
 * as that of a masked score does, is no fault. */
#include <math.h>
#include <stdio.h>

#include "plan/plan.h"

/* The first element that is NaN, or, unless `nan`, infinite as well; the number of elements if
 * there is none. */
static int64_t finite_find(const gr_type *type, const void *data, bool nan, double *value)
{
    const int64_t count = gr_shape_count(type->shape);
    for (int64_t i = 0; i < count; i++) {
        if (type->dtype == GR_F32)
            *value = (double)((const float *)data)[i];
        else if (type->dtype == GR_F64)
            *value = ((const double *)data)[i];
        else
            return count;
        if (nan ? isnan(*value) : !isfinite(*value)) return i;
    }
    return count;
}

static bool finite_has(const gr_type *type, const void *data, bool nan)
{
    double value = 0;
    return data && finite_find(type, data, nan, &value) < gr_shape_count(type->shape);
}

static const char *finite_word(double value)
{
    return isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf";
}

/* "[3,7]" */
static void finite_index(gr_shape shape, int64_t element, char *text, size_t size)
{
    size_t used = 0;
    int64_t rest = gr_shape_count(shape);
    for (int i = 0; i < shape.rank && used < size; i++) {
        rest /= shape.dim[i];
        used += (size_t)snprintf(text + used, size - used, "%c%lld", i ? ',' : '[',
                                 (long long)(element / rest));
        element %= rest;
    }
    snprintf(text + used, size - used, shape.rank ? "]" : "[]");
}

/* "f32[8,4] and f32[4]", of what a step reads. */
static void finite_reads(const gr_node *node, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < node->n_in && used < size; i++) {
        const gr_type *type = &node->in[i]->out[0];
        used += (size_t)snprintf(text + used, size - used, "%s%s%s",
                                 i == 0               ? ""
                                 : i + 1 < node->n_in ? ", "
                                                      : " and ",
                                 gr_dtype_name(type->dtype), gr_shape_text(type->shape));
    }
}

void gr_plan_finite_look(const gr_plan *plan, const gr_call *call, int s, gr_finite_note *first)
{
    const gr_node *node = plan->steps[s].node;
    for (int o = 0; o < node->n_out && !first->node; o++) {
        const gr_type *type = &node->out[o];
        double value = 0;
        if (!finite_has(type, call->out[o], false)) continue;
        bool nan = finite_has(type, call->out[o], true), reads_nan = false, reads_any = false;
        for (int i = 0; i < node->n_in; i++) {
            reads_any = reads_any || finite_has(&node->in[i]->out[0], call->in[i], false);
            reads_nan = reads_nan || finite_has(&node->in[i]->out[0], call->in[i], true);
        }
        if (nan ? reads_nan : reads_any) continue;
        *first = (gr_finite_note){.node = node, .output = o};
        first->element = finite_find(type, call->out[o], nan, &value);
        first->value = value;
    }
}

/* " in iteration 3 of scan 'lstm1'" */
static void finite_loop(const gr_finite_note *note, char *text, size_t size)
{
    const char *name = note->loop ? note->loop->name : NULL;
    text[0] = '\0';
    if (note->loop)
        snprintf(text, size, " in iteration %lld of %s%s%s%s", (long long)note->iteration,
                 note->loop->op->name, name ? " '" : "", name ? name : "", name ? "'" : "");
}

static gr_status finite_fail_step(const gr_finite_note *note)
{
    const gr_node *node = note->node;
    const gr_type *type = &node->out[note->output];
    char index[160], reads[320], loop[160];
    finite_index(type->shape, note->element, index, sizeof index);
    finite_reads(node, reads, sizeof reads);
    finite_loop(note, loop, sizeof loop);
    return gr_fail(
        GR_NUMERIC,
        "%s%s%s%s%s%s%s%s%s: element %s of its result %s%s is %s, the first that is; it reads %s",
        node->op->name, node->name ? " '" : "", node->name ? node->name : "", node->name ? "'" : "",
        node->composite ? " of " : "", node->composite ? node->composite : "",
        node->place ? " at " : "", node->place ? node->place : "", loop, index,
        gr_dtype_name(type->dtype), gr_shape_text(type->shape), finite_word(note->value),
        reads[0] ? reads : "nothing");
}

/* The input or variable that brought it. */
static gr_status finite_fail_source(const char *what, const gr_node *node, const void *data)
{
    char index[160];
    double value = 0;
    const gr_type *type = &node->out[0];
    if (!finite_has(type, data, false)) return GR_OK;
    const int64_t element = finite_find(type, data, false, &value);
    finite_index(type->shape, element, index, sizeof index);
    return gr_fail(GR_NUMERIC, "element %s of the %s '%s' %s%s is %s", index, what, node->name,
                   gr_dtype_name(type->dtype), gr_shape_text(type->shape), finite_word(value));
}

gr_status gr_plan_finite_judge(const gr_plan *plan, const gr_bases *bases)
{
    bool fine = true;
    for (int i = 0; i < plan->n_outputs && fine; i++)
        if (plan->outputs[i] >= 0)
            fine = !finite_has(&plan->output_nodes[i]->out[0],
                               gr_plan_address(plan, bases, plan->outputs[i]), false);
    for (int c = 0; c < plan->n_copies && fine; c++) {
        const gr_value *to = &plan->values[plan->copies[c].to];
        if (to->home != GR_HOME_VARIABLE) continue;
        fine = !finite_has(&plan->variables[to->index]->out[0],
                           gr_plan_address(plan, bases, plan->copies[c].from), false);
    }
    if (fine) return GR_OK;
    if (bases->note->node) return finite_fail_step(bases->note);
    for (int i = 0; i < plan->n_inputs; i++)
        GR_TRY(finite_fail_source("input", plan->inputs[i], bases->inputs[i]));
    for (int v = 0; v < plan->n_variables; v++)
        GR_TRY(finite_fail_source("variable", plan->variables[v], bases->variables[v]));
    return gr_fail(GR_NUMERIC, "a constant is not finite, and what is made of it is not either");
}
