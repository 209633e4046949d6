/* The reference of fused nodes: gate by gate, each by its own reference, with the results that stay
 * inside in scratch memory. */
#include "ops/elementwise.h"
#include "ops/fused.h"

enum { FUSED_OPERANDS = 3 };

/* Where a value of the body lies. */
typedef enum fused_home { FUSED_IN, FUSED_OUT, FUSED_WORK, FUSED_CONSTANT } fused_home;

typedef struct fused_place {
    fused_home home;
    size_t at; /* number of the input or output; offset in the scratch memory */
    void *data;
} fused_place;

typedef struct fused_step {
    const gr_node *node;
    gr_span_fn *span; /* elementwise gates */
    double param[GR_SPAN_PARAMS];
    gr_kernel_fn *fn; /* reductions, contractions */
    const void *ctx;
    size_t work; /* where its scratch memory starts in ours */
} fused_step;

typedef struct fused_plan {
    fused_place *place; /* by id */
    fused_step *steps;
    int n;
} fused_plan;

/* ---- Running --------------------------------------------------------------------------------- */

static void *fused_address(const gr_call *call, const fused_place *place)
{
    switch (place->home) {
    case FUSED_IN:
        return call->in[place->at];
    case FUSED_OUT:
        return call->out[place->at];
    case FUSED_WORK:
        return (char *)call->work + place->at;
    case FUSED_CONSTANT:
        break;
    }
    return place->data;
}

/* One run of the innermost axis after the other. */
static void fused_elementwise(const fused_step *step, void *const *in, char *out)
{
    const gr_shape shape = step->node->out[0].shape;
    const int64_t n = shape.rank ? shape.dim[shape.rank - 1] : 1;
    const int64_t runs = gr_shape_count(shape) / n;
    int64_t stride[FUSED_OPERANDS][GR_MAX_RANK] = {{0}}; /* in bytes, by axis of the output */
    int inner[FUSED_OPERANDS] = {0};
    for (int i = 0; i < step->node->n_in; i++) {
        const gr_type type = step->node->in[i]->out[0];
        int64_t elements[GR_MAX_RANK];
        gr_shape_strides(type.shape, elements);
        for (int d = 0; d < type.shape.rank; d++) {
            const int to = d + shape.rank - type.shape.rank;
            if (type.shape.dim[d] == 1) continue;
            stride[i][to] = elements[d] * (int64_t)gr_dtype_size(type.dtype);
            inner[i] = to == shape.rank - 1;
        }
    }
    for (int64_t run = 0; run < runs; run++) {
        const void *from[FUSED_OPERANDS];
        for (int i = 0; i < step->node->n_in; i++) {
            const char *x = in[i];
            int64_t rest = run;
            for (int d = shape.rank - 2; d >= 0; d--) {
                x += rest % shape.dim[d] * stride[i][d];
                rest /= shape.dim[d];
            }
            from[i] = x;
        }
        step->span(out, from, inner, n, step->param);
        out += n * (int64_t)gr_dtype_size(step->node->out[0].dtype);
    }
}

static gr_status fused_run(const gr_call *call)
{
    const fused_plan *plan = call->ctx;
    for (int s = 0; s < plan->n; s++) {
        const fused_step *step = &plan->steps[s];
        void *in[FUSED_OPERANDS] = {0}, *out = fused_address(call, &plan->place[step->node->id]);
        for (int i = 0; i < step->node->n_in; i++) {
            in[i] = fused_address(call, &plan->place[step->node->in[i]->id]);
        }
        if (step->span) {
            fused_elementwise(step, in, out);
            continue;
        }
        const gr_call inner = {.in = in,
                               .out = &out,
                               .work = call->work ? (char *)call->work + step->work : NULL,
                               .ctx = step->ctx,
                               .threads = 1};
        GR_TRY(step->fn(&inner));
    }
    return GR_OK;
}

/* ---- Planning -------------------------------------------------------------------------------- */

static gr_status fused_add_step(gr_request *request, fused_plan *plan, const gr_node *node)
{
    fused_step *step = &plan->steps[plan->n++];
    *step = (fused_step){.node = node};
    if (node->op->flags & GR_OP_ELEMENTWISE) {
        step->span = (*node->op->spans)[node->in[node->op->span_input]->out[0].dtype][GR_CPU_BASE];
        gr_span_params(node, step->param);
        return step->span ? GR_OK : GR_UNSUPPORTED;
    }
    gr_request inner = {.node = node, .arena = request->arena, .threads = 1};
    GR_TRY(node->op->reference(&inner));
    step->fn = inner.fn;
    step->ctx = inner.ctx;
    step->work = request->work;
    request->work += gr_aligned(inner.work);
    return GR_OK;
}

static gr_status fused_add_node(gr_request *request, fused_plan *plan, const gr_body *body,
                                const gr_node *node)
{
    fused_place *place = &plan->place[node->id];
    if (node->op == &gr_op_constant) {
        *place = (fused_place){FUSED_CONSTANT, 0, node->attr[0].tensor->data};
        return GR_OK;
    }
    if (node->op == &gr_op_input) {
        size_t i = 0;
        while (body->in[i] != node) i++;
        *place = (fused_place){FUSED_IN, i, NULL};
        return GR_OK;
    }
    if (gr_fused_is_view(node)) {
        *place = plan->place[node->in[0]->id];
        return GR_OK;
    }
    *place = (fused_place){FUSED_WORK, request->work, NULL};
    for (int i = 0; i < body->n_out; i++) {
        if (body->out[i] == node) *place = (fused_place){FUSED_OUT, (size_t)i, NULL};
    }
    if (place->home == FUSED_WORK) {
        const gr_type type = node->out[0];
        const size_t bytes = (size_t)gr_shape_count(type.shape) * gr_dtype_size(type.dtype);
        request->work += gr_aligned(bytes);
    }
    return fused_add_step(request, plan, node);
}

gr_status gr_fused_reference(gr_request *request)
{
    const gr_body *body = request->node->attr[GR_FUSED_BODY].body;
    const size_t count = body->graph->count;
    fused_plan *plan = gr_arena_alloc(request->arena, sizeof *plan);
    if (!plan) return gr_no_memory(sizeof *plan);
    *plan = (fused_plan){.place = gr_arena_alloc(request->arena, count * sizeof *plan->place),
                         .steps = gr_arena_alloc(request->arena, count * sizeof *plan->steps)};
    if (!plan->place || !plan->steps) return gr_no_memory(count * sizeof *plan->steps);
    for (size_t id = 0; id < count; id++) {
        GR_TRY(fused_add_node(request, plan, body, body->graph->nodes[id]));
    }
    request->fn = fused_run;
    request->ctx = plan;
    request->kernel = "fused-reference";
    return GR_OK;
}
