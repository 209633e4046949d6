/* require: a value that only passes where a condition on the data holds. */
#include "ops/ops.h"

#include <stdio.h>

static const gr_attr_desc require_attrs[] = {{"message", GR_ATTR_TEXT}};

static bool require_infer(gr_infer *s)
{
    if (s->in[1].dtype != GR_BOOL)
        return gr_infer_fail(s, GR_DTYPE, "the condition is %s; it must be bool",
                             gr_dtype_name(s->in[1].dtype));
    s->out[0] = s->in[0];
    return true;
}

static void require_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    (void)node;
    dx[0] = dy[0];
}

typedef struct require_ctx {
    size_t bytes;  /* of the value */
    int64_t count; /* of the condition */
    const char *message;
    char who[64];
} require_ctx;

static gr_status require_run(const gr_call *call)
{
    const require_ctx *ctx = call->ctx;
    const bool *holds = call->in[1];
    for (int64_t i = 0; i < ctx->count; i++) {
        if (!holds[i]) return gr_fail(GR_RANGE, "%s%s", ctx->who, ctx->message);
    }
    if (call->out[0] != call->in[0]) memcpy(call->out[0], call->in[0], ctx->bytes);
    return GR_OK;
}

static gr_status require_reference(gr_request *request)
{
    const gr_node *node = request->node;
    require_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    const gr_type x = node->out[0];
    ctx->bytes = (size_t)gr_shape_count(x.shape) * gr_dtype_size(x.dtype);
    ctx->count = gr_shape_count(node->in[1]->out[0].shape);
    ctx->message = node->attr[0].s;
    ctx->who[0] = 0;
    if (node->composite) snprintf(ctx->who, sizeof ctx->who, "%.60s: ", node->composite);
    request->ctx = ctx;
    request->fn = require_run;
    request->inplace[0] = 1u << 0;
    request->checks = true;
    request->kernel = "require";
    return GR_OK;
}

gr_node *gr_require(gr_node *x, gr_node *condition, const char *message)
{
    const gr_attr attr = gr_attr_text(message);
    return gr_build(NULL, &gr_op_require, (gr_node *[]){x, condition}, 2, &attr);
}

static gr_node *require_sample(gr_sampler *sampler, int k)
{
    static const gr_shape shapes[] = {{0, {0}}, {2, {3, 5}}, {2, {0, 4}}};
    if ((size_t)k >= GR_LEN(shapes)) return NULL;
    gr_node *x = gr_draw(sampler, shapes[k], 1, 2);
    return gr_require(x, gr_greater(x, gr_like(x, 0)), "positive numbers");
}

const gr_op gr_op_require = {
    .name = "require",
    .doc = "x, if the condition holds everywhere; else the step fails with the message",
    .min_in = 2,
    .max_in = 2,
    .attrs = require_attrs,
    .n_attrs = GR_LEN(require_attrs),
    .infer = require_infer,
    .grad = require_grad,
    .reference = require_reference,
    .sample = require_sample,
};
