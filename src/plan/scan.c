/* Running a loop: the body is planned like any graph; its arena and the carries between iterations
 * lie in the loop's scratch memory. */
#include "ops/scan.h"
#include "plan/plan.h"

typedef struct scan_run {
    gr_plan *plan; /* of the body; inputs: carries, slices, captures */
    int carries, slices, captures, outputs;
    int64_t length;
    bool reverse;
    size_t *slice_bytes, *output_bytes, *carry_bytes;
    size_t *carry_offset; /* of the copies in the scratch memory */
    size_t calls_offset, args_offset, inputs_offset, arena_offset, work;
} scan_run;

static void scan_bind(const scan_run *run, const gr_call *call, char *work, int64_t t,
                      const void **inputs)
{
    int k = 0;
    for (int i = 0; i < run->carries; i++) inputs[k++] = work + run->carry_offset[i];
    for (int i = 0; i < run->slices; i++)
        inputs[k++] = (const char *)call->in[run->carries + i] + (size_t)t * run->slice_bytes[i];
    for (int i = 0; i < run->captures; i++) inputs[k++] = call->in[run->carries + run->slices + i];
}

static gr_status scan_step(const gr_call *call)
{
    const scan_run *run = call->ctx;
    const gr_plan *plan = run->plan;
    char *work = call->work;
    gr_call *calls = (gr_call *)(void *)(work + run->calls_offset);
    void **args = (void **)(void *)(work + run->args_offset);
    const void **inputs = (const void **)(void *)(work + run->inputs_offset);
    gr_bases bases = {.arena = work + run->arena_offset, .inputs = inputs};
    for (int i = 0; i < run->carries; i++)
        memcpy(work + run->carry_offset[i], call->in[i], run->carry_bytes[i]);
    for (int64_t k = 0; k < run->length; k++) {
        int64_t t = run->reverse ? run->length - 1 - k : k;
        scan_bind(run, call, work, t, inputs);
        gr_plan_resolve(plan, &bases, call->threads, calls, args);
        gr_status status = gr_plan_execute(plan, &bases, calls);
        if (status != GR_OK) return gr_fail_prefix(status, "iteration %lld: ", (long long)t);
        for (int i = 0; i < run->outputs; i++)
            memcpy((char *)call->out[run->carries + i] + (size_t)t * run->output_bytes[i],
                   gr_plan_address(plan, &bases, plan->outputs[run->carries + i]),
                   run->output_bytes[i]);
        /* A new carry may be an old one passed on, so all go by way of the loop's own outputs. */
        for (int i = 0; i < run->carries; i++)
            memcpy(call->out[i], gr_plan_address(plan, &bases, plan->outputs[i]),
                   run->carry_bytes[i]);
        for (int i = 0; i < run->carries; i++)
            memcpy(work + run->carry_offset[i], call->out[i], run->carry_bytes[i]);
    }
    for (int i = 0; i < run->carries && run->length == 0; i++)
        memcpy(call->out[i], call->in[i], run->carry_bytes[i]);
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
    *work += (bytes + GR_ALIGN - 1) / GR_ALIGN * GR_ALIGN;
    return at;
}

static bool scan_layout(scan_run *run, const gr_body *body, gr_arena *arena)
{
    size_t most = (size_t)(body->n_in + body->n_out) + 1;
    run->slice_bytes = gr_arena_alloc(arena, most * sizeof(size_t));
    run->output_bytes = gr_arena_alloc(arena, most * sizeof(size_t));
    run->carry_bytes = gr_arena_alloc(arena, most * sizeof(size_t));
    run->carry_offset = gr_arena_alloc(arena, most * sizeof(size_t));
    if (!run->slice_bytes || !run->output_bytes || !run->carry_bytes || !run->carry_offset)
        return false;
    for (int i = 0; i < run->carries; i++) {
        run->carry_bytes[i] = scan_bytes(&body->in[i]->out[0]);
        run->carry_offset[i] = scan_reserve(&run->work, run->carry_bytes[i]);
    }
    for (int i = 0; i < run->slices; i++)
        run->slice_bytes[i] = scan_bytes(&body->in[run->carries + i]->out[0]);
    for (int i = 0; i < run->outputs; i++)
        run->output_bytes[i] = scan_bytes(&body->out[run->carries + i]->out[0]);
    const gr_plan *plan = run->plan;
    run->calls_offset = scan_reserve(&run->work, (size_t)plan->n_steps * sizeof(gr_call));
    run->args_offset = scan_reserve(&run->work, (size_t)plan->n_args * sizeof(void *));
    run->inputs_offset = scan_reserve(&run->work, (size_t)plan->n_inputs * sizeof(void *));
    run->arena_offset = scan_reserve(&run->work, plan->arena_bytes);
    return true;
}

gr_status gr_plan_prepare_scan(gr_request *request, const gr_plan_options *options)
{
    const gr_node *node = request->node;
    const gr_body *body = node->attr[GR_SCAN_BODY].body;
    scan_run *run = gr_arena_alloc(request->arena, sizeof *run);
    if (!run) return GR_NO_MEMORY;
    run->carries = (int)node->attr[GR_SCAN_CARRIES].i;
    run->slices = (int)node->attr[GR_SCAN_SLICES].i;
    run->captures = body->n_in - run->carries - run->slices;
    run->outputs = body->n_out - run->carries;
    run->length = node->attr[GR_SCAN_LENGTH].i;
    run->reverse = node->attr[GR_SCAN_REVERSE].i != 0;
    gr_status status =
        gr_plan_new(body->graph, body->out, body->n_out, body->in, body->n_in, options, &run->plan);
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
