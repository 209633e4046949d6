/* Convolution and its two gradients by oneDNN's direct primitives, which choose the layouts. */
#include "backend/onednn/layout.h"

typedef struct onednn_conv {
    dnnl_primitive_t primitive;
    onednn_operand operand[CONV_OPERANDS];
    int args[CONV_OPERANDS]; /* oneDNN's names of them */
    int in[2], out;          /* which operands the node reads and writes */
    size_t pad;              /* oneDNN's scratch pad: its place in our scratch memory */
    onednn_desc pad_desc;
} onednn_conv;

/* ---- Preparing ------------------------------------------------------------------------------- */

typedef struct onednn_conv_shapes {
    int rank, w_rank;
    dnnl_dims_t x, w, y;
    onednn_conv_window window;
} onednn_conv_shapes;

static onednn_conv_shapes onednn_conv_shapes_of(const gr_module_work *work)
{
    const gr_conv_geometry *g = &work->conv;
    onednn_conv_shapes s = {.rank = 2 + work->rank, .x = {g->n, g->c}, .y = {g->n, g->o}};
    if (g->groups > 1) s.w[s.w_rank++] = g->groups;
    s.w[s.w_rank++] = g->o / g->groups;
    s.w[s.w_rank++] = g->c / g->groups;
    for (int i = 0; i < work->rank; i++) {
        const int axis = GR_SPACE - work->rank + i;
        const int64_t extent = g->dilation[axis] * (g->kernel[axis] - 1) + 1;
        s.x[2 + i] = g->in[axis];
        s.y[2 + i] = g->out[axis];
        s.w[s.w_rank++] = g->kernel[axis];
        s.window.stride[i] = g->stride[axis];
        s.window.dilation[i] = g->dilation[axis] - 1;
        s.window.before[i] = g->pad[axis];
        /* as far as the last window reaches, which may be short of the end */
        s.window.after[i] =
            (g->out[axis] - 1) * g->stride[axis] + extent - g->in[axis] - g->pad[axis];
    }
    return s;
}

/* Describes the primitive; a gradient's after the convolution's own, which it must be told of. */
static dnnl_status_t onednn_conv_choose(gr_module_kind kind, const onednn_conv_window *window,
                                        const onednn_desc any[CONV_OPERANDS],
                                        dnnl_primitive_desc_t *desc)
{
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t hint = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success && kind != GR_MODULE_CONV) {
        status = onednn_conv_describe(&hint, GR_MODULE_CONV, window, any, attr, NULL);
    }
    if (status == dnnl_success) {
        status = onednn_conv_describe(desc, kind, window, any, attr, hint);
    }
    if (hint) dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static void onednn_conv_assign(onednn_conv *c, gr_module_kind kind)
{
    const bool by_x = kind == GR_MODULE_CONV_INPUT_GRAD, by_w = kind == GR_MODULE_CONV_WEIGHT_GRAD;
    c->args[CONV_X] = by_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC;
    c->args[CONV_W] = by_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
    c->args[CONV_Y] = by_x || by_w ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST;
    c->in[0] = by_x ? CONV_Y : CONV_X;
    c->in[1] = by_w ? CONV_Y : CONV_W;
    c->out = by_x ? CONV_X : by_w ? CONV_W : CONV_Y;
}

static gr_status onednn_conv_settle(onednn_conv *c, const_dnnl_primitive_desc_t desc,
                                    size_t *scratch)
{
    for (int i = 0; i < CONV_OPERANDS; i++) {
        onednn_const_desc wanted =
            dnnl_primitive_desc_query_md(desc, dnnl_query_exec_arg_md, c->args[i]);
        GR_TRY(onednn_operand_settle(&c->operand[i], wanted, i == c->out, scratch));
    }
    ONEDNN_TRY(onednn_desc_copy(&c->pad_desc,
                                dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0)),
               "describing scratch memory");
    c->pad = *scratch;
    *scratch += dnnl_memory_desc_get_size(c->pad_desc);
    return GR_OK;
}

/* Makes the primitive for operands in the layouts that it likes best. */
static gr_status onednn_conv_make(onednn_conv *c, gr_module_work *work,
                                  onednn_desc any[CONV_OPERANDS])
{
    const onednn_conv_shapes s = onednn_conv_shapes_of(work);
    GR_TRY(onednn_operand_describe(&c->operand[CONV_X], s.rank, s.x, &any[CONV_X]));
    GR_TRY(onednn_operand_describe(&c->operand[CONV_W], s.w_rank, s.w, &any[CONV_W]));
    GR_TRY(onednn_operand_describe(&c->operand[CONV_Y], s.rank, s.y, &any[CONV_Y]));
    onednn_conv_assign(c, work->kind);

    dnnl_primitive_desc_t desc;
    ONEDNN_TRY(onednn_conv_choose(work->kind, &s.window, any, &desc), "describing a convolution");
    gr_status settled = onednn_conv_settle(c, desc, &work->scratch);
    const dnnl_status_t status =
        settled == GR_OK ? dnnl_primitive_create(&c->primitive, desc) : dnnl_success;
    dnnl_primitive_desc_destroy(desc);
    ONEDNN_TRY(status, "making a convolution");
    return settled;
}

/* ---- Running --------------------------------------------------------------------------------- */

static gr_status onednn_conv_execute(const onednn_conv *c, const gr_call *call,
                                     dnnl_stream_t stream, dnnl_memory_t *memory)
{
    void *buffer[CONV_OPERANDS];
    buffer[c->in[0]] = call->in[0];
    buffer[c->in[1]] = call->in[1];
    buffer[c->out] = call->out[0];
    dnnl_exec_arg_t args[CONV_OPERANDS + 1];
    for (int i = 0; i < CONV_OPERANDS; i++) {
        GR_TRY(onednn_operand_begin(&c->operand[i], stream, buffer[i], call->work, &memory[i]));
        args[i] = (dnnl_exec_arg_t){c->args[i], memory[i]};
    }
    ONEDNN_TRY(dnnl_memory_create(&memory[CONV_OPERANDS], c->pad_desc, onednn_engine,
                                  (char *)call->work + c->pad),
               "wrapping scratch memory");
    args[CONV_OPERANDS] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory[CONV_OPERANDS]};
    ONEDNN_TRY(dnnl_primitive_execute(c->primitive, stream, CONV_OPERANDS + 1, args),
               "convolution");
    return onednn_operand_end(&c->operand[c->out], stream, buffer[c->out], memory[c->out]);
}

static gr_status onednn_conv_run(const gr_call *call)
{
    const onednn_conv *c = call->ctx;
    dnnl_memory_t memory[CONV_OPERANDS + 1] = {NULL};
    dnnl_stream_t stream;
    ONEDNN_TRY(dnnl_stream_create(&stream, onednn_engine, dnnl_stream_default_flags),
               "making a stream");
    const int before = onednn_set_threads(call->threads);
    gr_status status = onednn_conv_execute(c, call, stream, memory);
    dnnl_stream_wait(stream);
    onednn_set_threads(before);
    for (int i = 0; i <= CONV_OPERANDS; i++) {
        if (memory[i]) dnnl_memory_destroy(memory[i]);
    }
    dnnl_stream_destroy(stream);
    return status == GR_UNSUPPORTED ? onednn_services->fail(GR_INTERNAL, "oneDNN declines to run")
                                    : status;
}

static void onednn_conv_free(void *ctx)
{
    onednn_conv *c = ctx;
    for (int i = 0; i < CONV_OPERANDS; i++) onednn_operand_free(&c->operand[i]);
    onednn_desc_free(c->pad_desc);
    if (c->primitive) dnnl_primitive_destroy(c->primitive);
    onednn_services->free(c);
}

gr_status onednn_prepare_conv(gr_module_work *work)
{
    onednn_conv *c = onednn_services->alloc(sizeof *c);
    if (!c) return GR_NO_MEMORY;
    onednn_desc any[CONV_OPERANDS] = {NULL};
    gr_status status = onednn_conv_make(c, work, any);
    for (int i = 0; i < CONV_OPERANDS; i++) onednn_desc_free(any[i]);
    if (status != GR_OK) {
        onednn_conv_free(c);
        return status;
    }
    work->fn = onednn_conv_run;
    work->ctx = c;
    work->destroy = onednn_conv_free;
    work->kernel = "onednn-conv";
    return GR_OK;
}
