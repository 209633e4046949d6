/* Running a loop: the body is planned like any graph; its arena and the carries between iterations
 * lie in the loop's scratch memory. */
#include "ops/scan.h"
#include "plan/plan.h"

/* Where a body's input or result lies from step to step. */
typedef struct scan_patch {
    int arg;   /* of the body's plan */
    int which; /* of the slices, carries or results */
} scan_patch;

/* A result of the body: the next value of a carry, or an output. */
typedef struct scan_result {
    size_t bytes;
    int shares;  /* a result that is the same value and lies in its place; -1: none */
    bool direct; /* its step writes it where it belongs; else it is copied there */
    bool stays;  /* of a carry: it lies in the output that it shares a value with */
    bool before; /* of an output: it is a carry as the step finds it, which lies here then */
    int ahead;   /* of a carry: such an output, where its next value is written; -1: none */
} scan_result;

typedef struct scan_run {
    const gr_node *node;
    gr_plan *plan; /* of the body; inputs: carries, slices, captures */
    int carries, slices, captures, outputs;
    int64_t length;
    bool reverse;
    size_t *slice_bytes;
    scan_result *result;
    scan_patch *reads, *writes; /* arguments that name a carry or a slice; a direct result */
    int n_reads, n_writes;
    size_t *carry_offset; /* of two places in the scratch memory, used in turn */
    size_t calls_offset, args_offset, inputs_offset, places_offset, arena_offset, kept_offset, work;
} scan_run;

/* A loop under way. */
typedef struct scan_state {
    const scan_run *run;
    const gr_call *call;
    gr_bases bases;
    gr_call *calls;
    void **args;
    const void **inputs; /* of the body: carries, slices, captures */
    void **places;       /* where the results of this step go */
} scan_state;

static scan_state scan_begin(const gr_call *call)
{
    const scan_run *run = call->ctx;
    char *work = call->work;
    scan_state s = {.run = run, .call = call};
    s.calls = (gr_call *)(void *)(work + run->calls_offset);
    s.args = (void **)(void *)(work + run->args_offset);
    s.inputs = (const void **)(void *)(work + run->inputs_offset);
    s.places = (void **)(void *)(work + run->places_offset);
    s.bases = (gr_bases){.arena = work + run->arena_offset,
                         .kept = work + run->kept_offset,
                         .inputs = s.inputs,
                         .note = call->note};
    for (int i = 0; i < run->plan->n_inputs; i++) s.inputs[i] = call->in[i];
    gr_plan_resolve(run->plan, &s.bases, call->threads, s.calls, s.args);
    return s;
}

static int64_t scan_index(const scan_run *run, int64_t k)
{
    return run->reverse ? run->length - 1 - k : k;
}

/* Where output r of step k belongs. */
static char *scan_output(const scan_state *s, int r, int64_t k)
{
    return (char *)s->call->out[r] + (size_t)scan_index(s->run, k) * s->run->result[r].bytes;
}

/* Where step k leaves carry i. They go from one place to the other and back, so that a new one may
 * be an old one passed on; a carry that is an output too stays in the output, and one that the next
 * step has as an output goes there. */
static void *scan_carry(const scan_state *s, int i, int64_t k)
{
    const scan_result *result = &s->run->result[i];
    if (result->stays) return s->places[result->shares];
    if (result->ahead >= 0 && k + 1 < s->run->length) return scan_output(s, result->ahead, k + 1);
    const size_t apart = gr_aligned(result->bytes);
    return (char *)s->call->work + s->run->carry_offset[i] + (k % 2 ? apart : 0);
}

/* Step t is the k-th to run. */
static void scan_bind(scan_state *s, int64_t t, int64_t k)
{
    const scan_run *run = s->run;
    for (int i = 0; i < run->slices; i++)
        s->inputs[run->carries + i] =
            (const char *)s->call->in[run->carries + i] + (size_t)t * run->slice_bytes[i];
    for (int r = run->carries; r < run->carries + run->outputs; r++)
        s->places[r] = (char *)s->call->out[r] + (size_t)t * run->result[r].bytes;
    for (int i = 0; i < run->carries; i++) s->places[i] = scan_carry(s, i, k);
    for (int i = 0; i < run->n_reads; i++)
        s->args[run->reads[i].arg] = (void *)(uintptr_t)s->inputs[run->reads[i].which];
    for (int i = 0; i < run->n_writes; i++)
        s->args[run->writes[i].arg] = s->places[run->writes[i].which];
}

/* Most of what is copied is a few numbers. */
static void scan_copy(char *to, const char *from, size_t bytes)
{
    enum { FEW = 1024 };
    if (bytes > FEW) {
        memcpy(to, from, bytes);
    } else {
        gr_copy_few(to, from, bytes);
    }
}

/* Copies the results that their steps did not write in place, and hands the carries on. */
static void scan_pass_on(scan_state *s)
{
    const scan_run *run = s->run;
    for (int r = 0; r < run->carries + run->outputs; r++) {
        const scan_result *result = &run->result[r];
        if (result->direct || result->stays || result->before) continue;
        const void *from = result->shares >= 0
                               ? s->places[result->shares]
                               : gr_plan_address(run->plan, &s->bases, run->plan->outputs[r]);
        scan_copy(s->places[r], from, result->bytes);
    }
    for (int i = 0; i < run->carries; i++) s->inputs[i] = s->places[i];
}

/* Iteration t; what is noted in the body, and was not before, is so in this loop, unless in one
 * within.
 */
static gr_status scan_iterate(scan_state *s, int64_t t)
{
    const gr_plan *plan = s->run->plan;
    gr_finite_note *note = plan->finite ? s->call->note : NULL;
    const bool noted = note && note->node;
    GR_TRY(gr_plan_execute(plan, &s->bases, s->calls));
    if (note && !noted && note->node && !note->loop) {
        note->loop = s->run->node;
        note->iteration = t;
    }
    return GR_OK;
}

static gr_status scan_step(const gr_call *call)
{
    const scan_run *run = call->ctx;
    scan_state s = scan_begin(call);
    GR_TRY(gr_plan_begin(run->plan, s.calls));
    for (int i = 0; i < run->carries && run->length > 0; i++) {
        if (run->result[i].ahead < 0) continue;
        s.inputs[i] =
            memcpy(scan_output(&s, run->result[i].ahead, 0), s.inputs[i], run->result[i].bytes);
    }
    for (int64_t k = 0; k < run->length; k++) {
        const int64_t t = scan_index(run, k);
        scan_bind(&s, t, k);
        const gr_status status = scan_iterate(&s, t);
        if (status != GR_OK) return gr_fail_prefix(status, "iteration %lld: ", (long long)t);
        scan_pass_on(&s);
    }
    for (int i = 0; i < run->carries; i++) memcpy(call->out[i], s.inputs[i], run->result[i].bytes);
    return GR_OK;
}

static void scan_destroy(void *ctx)
{
    gr_plan_free(((scan_run *)ctx)->plan);
}

static size_t scan_bytes(const gr_type *type)
{
    return (size_t)gr_shape_count(type->shape) * gr_dtype_size(type->dtype);
}

static size_t scan_reserve(size_t *work, size_t bytes)
{
    size_t at = *work;
    *work += gr_aligned(bytes);
    return at;
}

/* Results that the body computes in memory of its own are written where they belong at once, unless
 * that is less aligned than kernels expect, or the plan watches its own buffers. */
static void scan_place_result(scan_run *run, int r, size_t bytes)
{
    const gr_plan *plan = run->plan;
    scan_result *result = &run->result[r];
    *result = (scan_result){.bytes = bytes, .shares = -1, .ahead = -1};
    const bool output = r >= run->carries, fits = !output || bytes % GR_ALIGN == 0;
    const gr_value *value = &plan->values[plan->outputs[r]];
    if (output && fits && value->home == GR_HOME_INPUT && value->index < run->carries) {
        scan_result *carry = &run->result[value->index];
        result->before = carry->direct && carry->ahead < 0;
        if (result->before) carry->ahead = r;
        return;
    }
    for (int other = 0; other < r && result->shares < 0; other++)
        if (plan->outputs[other] == plan->outputs[r] && run->result[other].direct)
            result->shares = other;
    const int other = result->shares;
    if (other >= 0 && (!output || other >= run->carries || !fits || run->result[other].ahead >= 0))
        return;
    result->direct = fits && !plan->guard && value->home == GR_HOME_ARENA;
    result->shares = -1;
    if (other >= 0) /* a carry, which from now on lies here */
        run->result[other] = (scan_result){.bytes = bytes, .shares = r, .stays = true, .ahead = -1};
}

static void scan_find_patches(scan_run *run)
{
    const gr_plan *plan = run->plan;
    for (int a = 0; a < plan->n_args; a++) {
        const gr_value *value = &plan->values[plan->args[a]];
        if (value->home == GR_HOME_INPUT && value->index < run->carries + run->slices)
            run->reads[run->n_reads++] = (scan_patch){a, value->index};
        for (int r = 0; r < run->carries + run->outputs; r++)
            if (run->result[r].direct && plan->outputs[r] == plan->args[a])
                run->writes[run->n_writes++] = (scan_patch){a, r};
    }
}

static bool scan_layout(scan_run *run, const gr_body *body, gr_arena *arena)
{
    const gr_plan *plan = run->plan;
    const size_t most = (size_t)(body->n_in + body->n_out) + 1;
    run->slice_bytes = gr_arena_alloc(arena, most * sizeof(size_t));
    run->carry_offset = gr_arena_alloc(arena, most * sizeof(size_t));
    run->result = gr_arena_alloc(arena, most * sizeof *run->result);
    run->reads = gr_arena_alloc(arena, ((size_t)plan->n_args + 1) * sizeof *run->reads);
    run->writes = gr_arena_alloc(arena, ((size_t)plan->n_args + 1) * sizeof *run->writes);
    if (!run->slice_bytes || !run->carry_offset || !run->result || !run->reads || !run->writes)
        return false;
    for (int r = 0; r < body->n_out; r++)
        scan_place_result(run, r, scan_bytes(&body->out[r]->out[0]));
    scan_find_patches(run);
    for (int i = 0; i < run->carries; i++) {
        run->carry_offset[i] = scan_reserve(&run->work, run->result[i].bytes);
        scan_reserve(&run->work, run->result[i].bytes);
    }
    for (int i = 0; i < run->slices; i++)
        run->slice_bytes[i] = scan_bytes(&body->in[run->carries + i]->out[0]);
    run->calls_offset = scan_reserve(&run->work, (size_t)plan->n_steps * sizeof(gr_call));
    run->args_offset = scan_reserve(&run->work, (size_t)plan->n_args * sizeof(void *));
    run->inputs_offset = scan_reserve(&run->work, (size_t)plan->n_inputs * sizeof(void *));
    run->places_offset = scan_reserve(&run->work, (size_t)body->n_out * sizeof(void *));
    run->arena_offset = scan_reserve(&run->work, plan->arena_bytes);
    run->kept_offset = scan_reserve(&run->work, plan->kept_bytes);
    return true;
}

gr_status gr_plan_prepare_scan(gr_request *request, const gr_plan_options *options)
{
    const gr_node *node = request->node;
    const gr_body *body = node->attr[GR_SCAN_BODY].body;
    scan_run *run = gr_arena_alloc(request->arena, sizeof *run);
    if (!run) return GR_NO_MEMORY;
    run->node = node;
    run->carries = (int)node->attr[GR_SCAN_CARRIES].i;
    run->slices = (int)node->attr[GR_SCAN_SLICES].i;
    run->captures = body->n_in - run->carries - run->slices;
    run->outputs = body->n_out - run->carries;
    run->length = node->attr[GR_SCAN_LENGTH].i;
    run->reverse = node->attr[GR_SCAN_REVERSE].i != 0;
    gr_plan_options inner = *options;
    inner.within = true;
    inner.steady = run->captures;
    gr_status status =
        gr_plan_new(body->graph, body->out, body->n_out, body->in, body->n_in, &inner, &run->plan);
    if (status != GR_OK) return gr_fail_prefix(status, "in the body of a scan: ");
    if (!scan_layout(run, body, request->arena)) {
        gr_plan_free(run->plan);
        return GR_NO_MEMORY;
    }
    for (int s = 0; s < run->plan->n_steps; s++) request->checks |= run->plan->steps[s].checks;
    request->fn = scan_step;
    request->ctx = run;
    request->work = run->work;
    request->destroy = scan_destroy;
    request->kernel = "loop";
    return GR_OK;
}
