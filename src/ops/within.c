/* within: whole numbers that lie in a range, checked when the step runs. */
#include "ops/ops.h"

static const gr_attr_desc within_attrs[] = {
    {"low", GR_ATTR_INT}, {"high", GR_ATTR_INT}, {"what", GR_ATTR_TEXT}};

static bool within_infer(gr_infer *s)
{
    if (s->in[0].dtype != GR_I64 && s->in[0].dtype != GR_I32) {
        return gr_infer_fail(s, GR_DTYPE, "the %s is %s; it must be i64 or i32", s->attr[2].s,
                             gr_dtype_name(s->in[0].dtype));
    }
    return gr_infer_same(s);
}

typedef struct within_ctx {
    int64_t count, low, high;
    gr_dtype dtype;
    const char *what;
} within_ctx;

static gr_status within_run(const gr_call *call)
{
    const within_ctx *ctx = call->ctx;
    for (int64_t i = 0; i < ctx->count; i++) {
        const int64_t x = ctx->dtype == GR_I64 ? ((const int64_t *)call->in[0])[i]
                                               : ((const int32_t *)call->in[0])[i];
        if (x < ctx->low || x > ctx->high)
            return gr_fail(GR_RANGE, "%s [%lld] is %lld; it must be in [%lld, %lld]", ctx->what,
                           (long long)i, (long long)x, (long long)ctx->low, (long long)ctx->high);
    }
    if (call->out[0] != call->in[0])
        memcpy(call->out[0], call->in[0], (size_t)ctx->count * gr_dtype_size(ctx->dtype));
    return GR_OK;
}

static gr_status within_reference(gr_request *request)
{
    const gr_node *node = request->node;
    within_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    ctx->count = gr_shape_count(node->out[0].shape);
    ctx->low = node->attr[0].i;
    ctx->high = node->attr[1].i;
    ctx->what = gr_arena_printf(request->arena, "%s", node->attr[2].s);
    ctx->dtype = node->out[0].dtype;
    if (!ctx->what) return GR_NO_MEMORY;
    request->checks = true;
    request->inplace[0] = 1;
    request->ctx = ctx;
    request->fn = within_run;
    request->kernel = "within";
    return GR_OK;
}

gr_node *gr_within(gr_node *x, int64_t low, int64_t high, const char *what)
{
    const gr_attr attr[] = {gr_attr_int(low), gr_attr_int(high),
                            gr_attr_text(what ? what : "number")};
    return gr_build(NULL, &gr_op_within, &x, 1, attr);
}

static gr_node *within_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_within(gr_draw_typed(sampler, GR_I64, GR_SHAPE(17), -2, 7), -2, 7, "number");
    case 1:
        return gr_within(gr_draw_typed(sampler, GR_I32, GR_SHAPE(2, 3), 0, 4), 0, 4, "length");
    case 2:
        return gr_within(gr_draw_typed(sampler, GR_I32, GR_SHAPE(0), 0, 4), 5, 4, "length");
    default:
        return NULL;
    }
}

const gr_op gr_op_within = {
    .name = "within",
    .doc = "x, if low <= x <= high; otherwise the step fails",
    .min_in = 1,
    .max_in = 1,
    .flags = GR_OP_GRAD_ZERO,
    .attrs = within_attrs,
    .n_attrs = GR_LEN(within_attrs),
    .infer = within_infer,
    .reference = within_reference,
    .sample = within_sample,
};
