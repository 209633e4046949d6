/* Sessions: a program, a store and the buffers of one thread of work. */
#include "run/profile.h"
#include "run/program.h"
#include "run/store.h"

struct gr_session {
    const gr_program *program;
    gr_store *store;
    int threads;
    char *arena;
    const void **inputs; /* bound or own; NULL: no value yet */
    void **own;          /* memory of inputs that were written rather than bound */
    void **variables;    /* in the store */
    gr_call *calls;
    void **args;
    gr_profile_part *part; /* of the profile that times the steps; NULL: none does */
    bool stepped;
    gr_finite_note note;
};

static gr_bases session_bases(const gr_session *s)
{
    return (gr_bases){.arena = s->arena, .inputs = s->inputs, .variables = s->variables};
}

/* Finds the variables in the store. */
static gr_status session_open_store(gr_session *s)
{
    const gr_plan *plan = s->program->plan;
    if (plan->n_variables && !s->store)
        return gr_fail(GR_INVALID, "the program has variables ('%s', …) but no store was given",
                       plan->variables[0]->name);
    for (int v = 0; v < plan->n_variables; v++) {
        const gr_node *node = plan->variables[v];
        int i = gr_store_find(s->store, node->name);
        if (i < 0)
            return gr_fail(GR_NOT_FOUND, "the store holds no variable '%s' %s%s", node->name,
                           gr_dtype_name(node->out[0].dtype), gr_shape_text(node->out[0].shape));
        gr_store_entry *entry = &s->store->entries[i];
        const gr_tensor *value = &entry->value;
        bool same_shape = gr_shape_equal(value->shape, node->out[0].shape);
        if (!same_shape || value->dtype != node->out[0].dtype)
            return gr_fail(same_shape ? GR_DTYPE : GR_SHAPE,
                           "variable '%s' is %s%s in the store, but %s%s in the program",
                           node->name, gr_dtype_name(value->dtype), gr_shape_text(value->shape),
                           gr_dtype_name(node->out[0].dtype), gr_shape_text(node->out[0].shape));
        atomic_store_explicit(&entry->used, true, memory_order_relaxed);
        s->variables[v] = value->data;
    }
    return GR_OK;
}

static gr_status session_fill(gr_session *s)
{
    const gr_plan *plan = s->program->plan;
    s->arena = gr_alloc_aligned(plan->arena_bytes + GR_ALIGN);
    s->inputs = gr_alloc_array((size_t)plan->n_inputs + 1, sizeof *s->inputs);
    s->own = gr_alloc_array((size_t)plan->n_inputs + 1, sizeof *s->own);
    s->variables = gr_alloc_array((size_t)plan->n_variables + 1, sizeof *s->variables);
    s->calls = gr_alloc_array((size_t)plan->n_steps + 1, sizeof *s->calls);
    s->args = gr_alloc_array((size_t)plan->n_args + 1, sizeof *s->args);
    if (!s->arena || !s->inputs || !s->own || !s->variables || !s->calls || !s->args)
        return GR_NO_MEMORY;
    GR_TRY(session_open_store(s));
    gr_bases bases = session_bases(s);
    bases.note = &s->note;
    gr_plan_resolve(plan, &bases, s->threads, s->calls, s->args);
    return GR_OK;
}

gr_status gr_session_new(const gr_program *program, gr_store *store,
                         const gr_session_options *options, gr_session **session)
{
    *session = NULL;
    if (!program) return gr_fail(GR_INVALID, "gr_session_new needs a program");
    gr_session_options known;
    GR_TRY(GR_OPTIONS(gr_session_options, &known, options));
    gr_session *s = gr_alloc_aligned(sizeof *s);
    if (!s) return GR_NO_MEMORY;
    s->program = program;
    s->store = store;
    s->threads = program->threads;
    if (known.threads > 0 && known.threads < s->threads) s->threads = known.threads;
    gr_status status = session_fill(s);
    if (status != GR_OK) {
        gr_session_free(s);
        return status;
    }
    *session = s;
    return GR_OK;
}

void gr_session_free(gr_session *session)
{
    if (!session) return;
    for (int i = 0; session->own && i < session->program->plan->n_inputs; i++)
        gr_free_aligned(session->own[i]);
    gr_free_aligned(session->arena);
    gr_free(session->inputs);
    gr_free(session->own);
    gr_free(session->variables);
    gr_free(session->calls);
    gr_free(session->args);
    gr_free_aligned(session);
}

/* ---- Inputs --------------------------------------------------------------------------------- */

static gr_status session_check_input(const gr_session *s, int input, size_t bytes)
{
    const gr_plan *plan = s->program->plan;
    if (input < 0 || input >= plan->n_inputs)
        return gr_fail(GR_RANGE, "no input %d: the program has %d", input, plan->n_inputs);
    gr_tensor type = gr_program_input_type(s->program, input);
    size_t size = gr_tensor_bytes(&type);
    if (size != bytes)
        return gr_fail(GR_SHAPE, "input '%s' %s%s has %zu bytes, not %zu",
                       plan->inputs[input]->name, gr_dtype_name(type.dtype),
                       gr_shape_text(type.shape), size, bytes);
    return GR_OK;
}

/* Points the input at `data` in every call that reads it. */
static void session_set_input(gr_session *s, int input, const void *data)
{
    const gr_plan *plan = s->program->plan;
    if (s->inputs[input] == data) return;
    s->inputs[input] = data;
    for (int i = 0; i < plan->n_args; i++) {
        const gr_value *v = &plan->values[plan->args[i]];
        if (v->home == GR_HOME_INPUT && v->index == input) s->args[i] = (void *)data;
    }
}

gr_status gr_session_write(gr_session *session, int input, const void *data, size_t bytes)
{
    GR_TRY(session_check_input(session, input, bytes));
    if (!session->own[input]) {
        session->own[input] = gr_alloc_aligned(bytes);
        if (!session->own[input]) return GR_NO_MEMORY;
    }
    session_set_input(session, input, session->own[input]);
    if (bytes) memcpy(session->own[input], data, bytes);
    return GR_OK;
}

gr_status gr_session_bind(gr_session *session, int input, const void *data, size_t bytes)
{
    GR_TRY(session_check_input(session, input, bytes));
    gr_dtype dtype = session->program->plan->inputs[input]->out[0].dtype;
    if ((uintptr_t)data % gr_dtype_size(dtype) != 0)
        return gr_fail(GR_INVALID, "input '%s': memory at %p is not aligned for %s",
                       session->program->plan->inputs[input]->name, data, gr_dtype_name(dtype));
    session_set_input(session, input, data ? data : session->own[input]);
    return GR_OK;
}

/* ---- Steps ---------------------------------------------------------------------------------- */

static gr_status session_check_ready(const gr_session *s)
{
    const gr_plan *plan = s->program->plan;
    for (int i = 0; i < plan->n_inputs; i++)
        if (!s->inputs[i])
            return gr_fail(GR_INVALID, "input '%s' %s%s has no value yet", plan->inputs[i]->name,
                           gr_dtype_name(plan->inputs[i]->out[0].dtype),
                           gr_shape_text(plan->inputs[i]->out[0].shape));
    return GR_OK;
}

static gr_status session_step_timed(const gr_session *s, const gr_bases *bases)
{
    GR_TRY(gr_plan_execute_timed(s->program->plan, bases, s->calls, gr_profile_clock(s->part)));
    gr_profile_note(s->part);
    return GR_OK;
}

gr_status gr_session_steps(gr_session *session, int64_t n)
{
    GR_TRY(session_check_ready(session));
    bool writes = session->program->writes;
    gr_bases bases = session_bases(session);
    bases.note = &session->note;
    if (session->store) GR_TRY(gr_store_enter(session->store, writes));
    gr_status status = GR_OK;
    for (int64_t i = 0; i < n && status == GR_OK; i++)
        status = session->part ? session_step_timed(session, &bases)
                               : gr_plan_execute(session->program->plan, &bases, session->calls);
    if (session->store) gr_store_leave(session->store, writes);
    session->stepped = status == GR_OK;
    return status;
}

gr_status gr_session_step(gr_session *session)
{
    return gr_session_steps(session, 1);
}

gr_status gr_session_profile(gr_session *session, gr_profile *profile, const char *section)
{
    session->part = NULL;
    if (!profile) return GR_OK;
    return gr_profile_add(profile, session->program, section, session->threads, &session->part);
}

gr_status gr_session_read(const gr_session *session, int output, void *data, size_t bytes)
{
    const gr_plan *plan = session->program->plan;
    if (output < 0 || output >= plan->n_outputs)
        return gr_fail(GR_RANGE, "no output %d: the program has %d", output, plan->n_outputs);
    if (plan->outputs[output] < 0)
        return gr_fail(GR_INVALID, "target %d is an assign: read its variable from the store",
                       output);
    if (!session->stepped)
        return gr_fail(GR_INVALID, "output %d has no value: no step has succeeded yet", output);
    gr_tensor type = gr_program_output_type(session->program, output);
    size_t size = gr_tensor_bytes(&type);
    if (size != bytes)
        return gr_fail(GR_SHAPE, "output %d %s%s has %zu bytes, not %zu", output,
                       gr_dtype_name(type.dtype), gr_shape_text(type.shape), size, bytes);
    gr_bases bases = session_bases(session);
    if (bytes) memcpy(data, gr_plan_address(plan, &bases, plan->outputs[output]), bytes);
    return GR_OK;
}
