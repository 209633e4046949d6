/* custom: gates of the user's own, and custom_grad, which runs their backward callback. */
#include "ops/ops.h"

static const gr_attr_desc custom_attrs[] = {{"gate", GR_ATTR_GATE}};

static const gr_gate *custom_gate(const gr_attr *attr)
{
    return attr[0].gate;
}

static const char *custom_name(const gr_gate *gate)
{
    return gate->name ? gate->name : "?";
}

/* ---- custom ------------------------------------------------------------------------------- */

static bool custom_check_gate(gr_infer *s, const gr_gate *gate)
{
    if (gate->inputs < 0 || gate->outputs < 1 || gate->outputs > GR_MAX_OUTPUTS) {
        return gr_infer_fail(s, GR_INVALID,
                             "gate '%.80s' has %d inputs and %d outputs; 0 or more "
                             "and 1 to %d are possible",
                             custom_name(gate), gate->inputs, gate->outputs, GR_MAX_OUTPUTS);
    }
    if (!gate->shape || !gate->forward) {
        return gr_infer_fail(s, GR_INVALID, "gate '%.80s' needs the callbacks shape and forward",
                             custom_name(gate));
    }
    if (s->n_in != gate->inputs) {
        return gr_infer_fail(s, GR_INVALID, "gate '%.80s' takes %d inputs, not %d",
                             custom_name(gate), gate->inputs, s->n_in);
    }
    return true;
}

/* "gate 'multiply' refuses f32[3], f32[4]: shapes do not fit" */
static bool custom_refuse(gr_infer *s, const gr_gate *gate, gr_status status)
{
    gr_text list = {0};
    for (int i = 0; i < s->n_in; i++)
        gr_text_printf(&list, "%s%s%s", i ? ", " : "", gr_dtype_name(s->in[i].dtype),
                       gr_shape_text(s->in[i].shape));
    gr_infer_fail(s, status, "gate '%.80s' refuses %s: %s", custom_name(gate),
                  list.data && !list.failed ? list.data : "its inputs", gr_status_text(status));
    gr_text_free(&list);
    return false;
}

static bool custom_infer(gr_infer *s)
{
    const gr_gate *gate = custom_gate(s->attr);
    if (!custom_check_gate(s, gate)) return false;
    gr_tensor out[GR_MAX_OUTPUTS] = {{.dtype = GR_F64}};
    gr_tensor *in = gr_alloc_array((size_t)s->n_in, sizeof *in);
    if (!in) return gr_infer_fail(s, GR_NO_MEMORY, "%s", gr_status_text(GR_NO_MEMORY));
    for (int i = 0; i < s->n_in; i++) in[i] = (gr_tensor){s->in[i].dtype, s->in[i].shape, NULL};
    gr_status status = gate->shape(gate->user, in, out);
    gr_free(in);
    if (status != GR_OK) return custom_refuse(s, gate, status);
    s->n_out = gate->outputs;
    for (int i = 0; i < s->n_out; i++) s->out[i] = (gr_type){out[i].dtype, out[i].shape};
    return true;
}

/* By the gate's `gradient`, which builds what it likes; of a wrong type or shape it is refused. */
static void custom_gradient_built(const gr_node *node, gr_node *const *in, gr_node **dx)
{
    const gr_gate *gate = custom_gate(node->attr);
    gr_node *const *out = in + node->n_in, *const *dy = out + node->n_out;
    gate->gradient(gate->user, in, out, dy, dx);
    for (int i = 0; i < node->n_in; i++) {
        const gr_type *want = &node->in[i]->out[0];
        if (!dx[i] || gr_is_error(dx[i])) continue;
        gr_dtype dtype = gr_node_dtype(dx[i]);
        gr_shape shape = gr_node_shape(dx[i]);
        if (dtype == want->dtype && gr_shape_equal(shape, want->shape)) continue;
        gr_build_fail(node->graph, GR_SHAPE, "custom",
                      "gate '%.80s' gives %s%s as the gradient by input %d, which is %s%s",
                      custom_name(gate), gr_dtype_name(dtype), gr_shape_text(shape), i,
                      gr_dtype_name(want->dtype), gr_shape_text(want->shape));
    }
}

/* By a node that calls the gate's `backward`. */
static void custom_gradient_called(const gr_node *node, gr_node *const *in, gr_node **dx)
{
    const gr_gate *gate = custom_gate(node->attr);
    if (!gate->backward) {
        gr_build_fail(node->graph, GR_UNSUPPORTED, "custom",
                      "gate '%.80s' has no backward callback, so no gradient goes through it",
                      custom_name(gate));
        return;
    }
    gr_node *back =
        gr_build(node->graph, &gr_op_custom_grad, in, node->n_in + 2 * node->n_out, node->attr);
    for (int i = 0; i < node->n_in; i++) {
        gr_dtype dtype = node->in[i]->out[0].dtype;
        if (dtype == GR_F32 || dtype == GR_F64) dx[i] = gr_get(back, i);
    }
}

static void custom_gradient(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *self = node->graph->nodes[node->id];
    gr_node **in = gr_alloc_array((size_t)(node->n_in + 2 * node->n_out), sizeof(gr_node *));
    if (!in) {
        gr_build_fail(node->graph, GR_NO_MEMORY, "custom", "%s", gr_status_text(GR_NO_MEMORY));
        return;
    }
    for (int i = 0; i < node->n_in; i++) in[i] = node->in[i];
    for (int i = 0; i < node->n_out; i++) {
        const gr_type *type = &node->out[i];
        in[node->n_in + i] = gr_get(self, i);
        in[node->n_in + node->n_out + i] =
            dy[i] ? dy[i] : gr_full(node->graph, type->dtype, type->shape, 0);
    }
    if (custom_gate(node->attr)->gradient)
        custom_gradient_built(node, in, dx);
    else
        custom_gradient_called(node, in, dx);
    gr_free(in);
}

/* ---- custom_grad: the inputs, outputs and cotangents of a gate to those of its inputs ------- */

static bool custom_grad_infer(gr_infer *s)
{
    const gr_gate *gate = custom_gate(s->attr);
    if (s->n_in != gate->inputs + 2 * gate->outputs || !gate->backward) {
        return gr_infer_fail(s, GR_INVALID, "%d inputs do not fit gate '%.80s'", s->n_in,
                             custom_name(gate));
    }
    if (gate->inputs < 1 || gate->inputs > GR_MAX_OUTPUTS) {
        return gr_infer_fail(s, GR_UNSUPPORTED,
                             "gate '%.80s' has %d inputs; a gate with a "
                             "gradient has 1 to %d",
                             custom_name(gate), gate->inputs, GR_MAX_OUTPUTS);
    }
    s->n_out = gate->inputs;
    for (int i = 0; i < s->n_out; i++) s->out[i] = s->in[i];
    return true;
}

static void custom_grad_gradient(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    (void)dy;
    (void)dx;
    gr_build_fail(node->graph, GR_UNSUPPORTED, "custom",
                  "the gradient of gate '%.80s' has none in turn: a second derivative needs the "
                  "callback `gradient` in place of `backward`",
                  custom_name(custom_gate(node->attr)));
}

/* ---- Running both ------------------------------------------------------------------------- */

typedef struct custom_ctx {
    gr_gate gate;
    int n_in, n_out;
    gr_tensor tensor[]; /* types of the node's inputs, then of its outputs; data are NULL */
} custom_ctx;

/* The call's own copy of the tensors, in scratch memory: sessions share the context. */
static gr_tensor *custom_tensors(const gr_call *call, const custom_ctx *ctx)
{
    gr_tensor *tensor = call->work;
    memcpy(tensor, ctx->tensor, (size_t)(ctx->n_in + ctx->n_out) * sizeof *tensor);
    for (int i = 0; i < ctx->n_in; i++) tensor[i].data = call->in[i];
    for (int i = 0; i < ctx->n_out; i++) tensor[ctx->n_in + i].data = call->out[i];
    return tensor;
}

static gr_status custom_answer(const custom_ctx *ctx, gr_status status, const char *callback)
{
    if (status == GR_OK) return GR_OK;
    return gr_fail(status, "custom: the %s callback of gate '%s' failed: %s", callback,
                   custom_name(&ctx->gate), gr_status_text(status));
}

static gr_status custom_run(const gr_call *call)
{
    const custom_ctx *ctx = call->ctx;
    gr_tensor *in = custom_tensors(call, ctx);
    return custom_answer(ctx, ctx->gate.forward(ctx->gate.user, in, in + ctx->n_in), "forward");
}

static gr_status custom_grad_run(const gr_call *call)
{
    const custom_ctx *ctx = call->ctx;
    gr_tensor *in = custom_tensors(call, ctx);
    gr_tensor *out = in + ctx->gate.inputs, *dy = out + ctx->gate.outputs;
    return custom_answer(ctx, ctx->gate.backward(ctx->gate.user, in, out, dy, in + ctx->n_in),
                         "backward");
}

static gr_status custom_prepare_for(gr_request *request, gr_kernel_fn *fn)
{
    const gr_node *node = request->node;
    size_t n = (size_t)(node->n_in + node->n_out);
    custom_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx + n * sizeof *ctx->tensor);
    if (!ctx) return GR_NO_MEMORY;
    ctx->gate = *custom_gate(node->attr);
    ctx->n_in = node->n_in;
    ctx->n_out = node->n_out;
    for (int i = 0; i < node->n_in; i++) {
        gr_type type = node->in[i]->out[0];
        ctx->tensor[i] = (gr_tensor){type.dtype, type.shape, NULL};
    }
    for (int i = 0; i < node->n_out; i++) {
        ctx->tensor[node->n_in + i] = (gr_tensor){node->out[i].dtype, node->out[i].shape, NULL};
    }
    request->fn = fn;
    request->ctx = ctx;
    request->work = n * sizeof(gr_tensor);
    request->kernel = "callback";
    request->checks = true; /* a callback may refuse its data */
    return GR_OK;
}

static gr_status custom_prepare(gr_request *request)
{
    return custom_prepare_for(request, custom_run);
}

static gr_status custom_grad_prepare(gr_request *request)
{
    return custom_prepare_for(request, custom_grad_run);
}

/* ---- Samples: the lecture's MultiplyGate, and a gate with two outputs ----------------------- */

static gr_status custom_shape_of_first(void *user, const gr_tensor *in, gr_tensor *out)
{
    int outputs = *(const int *)user;
    for (int i = 0; i < outputs; i++) out[i] = in[0];
    return gr_shape_equal(in[0].shape, in[1].shape) && in[0].dtype == in[1].dtype ? GR_OK
                                                                                  : GR_SHAPE;
}

/* out[0] = a·b, out[1] = a − b */
static gr_status custom_sample_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    int64_t count = gr_shape_count(in[0].shape);
    for (int64_t i = 0; i < count; i++) {
        double a = gr_tensor_at(&in[0], i), b = gr_tensor_at(&in[1], i);
        gr_tensor_put(&out[0], i, a * b);
        if (*(const int *)user == 2) gr_tensor_put(&out[1], i, a - b);
    }
    return GR_OK;
}

static gr_status custom_sample_backward(void *user, const gr_tensor *in, const gr_tensor *out,
                                        const gr_tensor *dy, gr_tensor *dx)
{
    (void)out;
    int64_t count = gr_shape_count(in[0].shape);
    for (int64_t i = 0; i < count; i++) {
        double product = gr_tensor_at(&dy[0], i);
        double difference = *(const int *)user == 2 ? gr_tensor_at(&dy[1], i) : 0;
        gr_tensor_put(&dx[0], i, gr_tensor_at(&in[1], i) * product + difference);
        gr_tensor_put(&dx[1], i, gr_tensor_at(&in[0], i) * product - difference);
    }
    return GR_OK;
}

static gr_node *custom_sample(gr_sampler *sampler, int k)
{
    static int outputs[] = {1, 2};
    static const gr_shape shapes[] = {{0}, {2, {3, 5}}, {1, {0}}, {1, {17}}};
    if (k >= (int)GR_LEN(shapes)) return NULL;
    gr_gate gate = {.size = sizeof gate,
                    .name = "multiply",
                    .inputs = 2,
                    .outputs = outputs[k % 2],
                    .shape = custom_shape_of_first,
                    .forward = custom_sample_forward,
                    .backward = custom_sample_backward,
                    .user = &outputs[k % 2]};
    gr_node *a = gr_draw(sampler, shapes[k], -2, 2), *b = gr_draw(sampler, shapes[k], -2, 2);
    gr_node *both = gr_custom(gr_node_graph(a), &gate, (gr_node *[]){a, b}, 2);
    return gate.outputs == 1 ? both : gr_add(gr_get(both, 0), gr_square(gr_get(both, 1)));
}

/* ---- The records -------------------------------------------------------------------------- */

const gr_op gr_op_custom = {
    .name = "custom",
    .doc = "a gate of the user's own",
    .min_in = 0,
    .max_in = -1,
    .flags = GR_OP_NO_FOLD,
    .attrs = custom_attrs,
    .n_attrs = GR_LEN(custom_attrs),
    .infer = custom_infer,
    .grad = custom_gradient,
    .reference = custom_prepare,
    .sample = custom_sample,
};

const gr_op gr_op_custom_grad = {
    .name = "custom_grad",
    .doc = "the backward callback of a gate of the user's own",
    .min_in = 2,
    .max_in = -1,
    .flags = GR_OP_NO_FOLD,
    .attrs = custom_attrs,
    .n_attrs = GR_LEN(custom_attrs),
    .infer = custom_grad_infer,
    .grad = custom_grad_gradient,
    .reference = custom_grad_prepare,
};

gr_node *gr_custom(gr_graph *graph, const gr_gate *gate, gr_node *const *in, int n)
{
    bool failed = false;
    gr_graph *common = gr_common_graph(in, n, &failed);
    if (common) graph = common;
    if (failed) return gr_error_node(graph);
    if (!gate || gate->size != sizeof *gate) {
        return gr_build_fail(graph, GR_INVALID, "custom",
                             "the gate's size is not sizeof(gr_gate) (%zu)", sizeof *gate);
    }
    gr_attr attr = {.kind = GR_ATTR_GATE, .gate = gate};
    return gr_build(graph, &gr_op_custom, in, n, &attr);
}
