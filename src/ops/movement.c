/* The geometry of strided copies, and the reference that executes them. */
#include "ops/movement.h"

/* ---- Geometry -------------------------------------------------------------------------------- */

static void movement_permute(const gr_node *node, gr_copy *copy)
{
    const gr_ints *axes = &node->attr[0].ints;
    int64_t step[GR_MAX_RANK];
    gr_shape_strides(node->in[0]->out[0].shape, step);
    for (int k = 0; k < axes->n; k++) copy->in_step[k] = step[axes->v[k]];
}

static void movement_broadcast(const gr_node *node, gr_copy *copy)
{
    gr_shape in = node->in[0]->out[0].shape;
    int64_t step[GR_MAX_RANK];
    gr_shape_strides(in, step);
    for (int k = 0; k < copy->rank; k++) {
        int axis = k - (copy->rank - in.rank);
        copy->in_step[k] = axis < 0 || in.dim[axis] == 1 ? 0 : step[axis];
    }
}

/* Attributes start, stop, step. */
static void movement_slice(const gr_node *node, gr_copy *copy)
{
    int64_t step[GR_MAX_RANK];
    gr_shape_strides(node->in[0]->out[0].shape, step);
    for (int k = 0; k < copy->rank; k++) {
        copy->in_start += node->attr[0].ints.v[k] * step[k];
        copy->in_step[k] = node->attr[2].ints.v[k] * step[k];
    }
}

/* Attributes before, after, inner. */
static void movement_pad(const gr_node *node, gr_copy *copy)
{
    gr_shape in = node->in[0]->out[0].shape;
    gr_shape_strides(in, copy->in_step);
    for (int k = 0; k < copy->rank; k++) {
        copy->dim[k] = in.dim[k];
        copy->out_start += node->attr[0].ints.v[k] * copy->out_step[k];
        copy->out_step[k] *= node->attr[2].ints.v[k] + 1;
    }
}

static void movement_concat(const gr_node *node, int i, gr_copy *copy)
{
    gr_shape in = node->in[i]->out[0].shape;
    int64_t axis = node->attr[0].i;
    for (int k = 0; k < i; k++) {
        copy->out_start += node->in[k]->out[0].shape.dim[axis] * copy->out_step[axis];
    }
    copy->dim[axis] = in.dim[axis];
    gr_shape_strides(in, copy->in_step);
}

/* Attributes parts, axis. */
static void movement_split(const gr_node *node, int i, gr_copy *copy)
{
    const int64_t axis = node->attr[1].i;
    gr_shape_strides(gr_type_of(node->in[0]).shape, copy->in_step);
    copy->in_start = i * copy->dim[axis] * copy->in_step[axis];
}

int gr_copy_count(const gr_node *node)
{
    return node->op == &gr_op_split ? node->n_out : node->n_in;
}

void gr_copy_of(const gr_node *node, int i, gr_copy *copy)
{
    gr_shape out = node->out[0].shape;
    const bool split = node->op == &gr_op_split;
    *copy = (gr_copy){.in = split ? 0 : i, .out = split ? i : 0, .rank = out.rank};
    if (gr_shape_count(gr_type_of(node->in[copy->in]).shape) == 0 || gr_shape_count(out) == 0) {
        copy->rank = 1; /* nothing to copy; other sizes may be too large to compute with */
        return;
    }
    for (int k = 0; k < out.rank; k++) copy->dim[k] = out.dim[k];
    gr_shape_strides(out, copy->out_step);
    if (node->op == &gr_op_permute) {
        movement_permute(node, copy);
    } else if (node->op == &gr_op_broadcast) {
        movement_broadcast(node, copy);
    } else if (node->op == &gr_op_slice) {
        movement_slice(node, copy);
    } else if (node->op == &gr_op_pad) {
        movement_pad(node, copy);
    } else if (split) {
        movement_split(node, i, copy);
    } else {
        movement_concat(node, i, copy);
    }
}

bool gr_copy_value(const gr_node *node, void *value)
{
    if (node->op != &gr_op_pad) return false;
    double aligned; /* `value` may be any bytes */
    gr_tensor tensor = {node->out[0].dtype, GR_SCALAR, &aligned};
    gr_tensor_put(&tensor, 0, node->attr[3].f);
    memcpy(value, &aligned, gr_dtype_size(tensor.dtype));
    return true;
}

/* ---- Reference ------------------------------------------------------------------------------- */

typedef struct movement_ctx {
    size_t size; /* of an element */
    int64_t count;
    bool fills;
    _Alignas(8) char value[8]; /* an element of any type */
    int n;
    gr_copy copy[];
} movement_ctx;

static void movement_copy(const gr_copy *copy, const char *in, char *out, size_t size)
{
    int64_t count = 1, index[GR_MAX_RANK] = {0};
    for (int k = 0; k < copy->rank; k++) count *= copy->dim[k];
    for (int64_t i = 0; i < count; i++) {
        int64_t from = copy->in_start, to = copy->out_start;
        for (int k = 0; k < copy->rank; k++) {
            from += index[k] * copy->in_step[k];
            to += index[k] * copy->out_step[k];
        }
        memcpy(out + (size_t)to * size, in + (size_t)from * size, size);
        for (int k = copy->rank - 1; k >= 0 && ++index[k] == copy->dim[k]; k--) index[k] = 0;
    }
}

static gr_status movement_run(const gr_call *call)
{
    const movement_ctx *ctx = call->ctx;
    char *out = call->out[0];
    for (int64_t i = 0; ctx->fills && i < ctx->count; i++) {
        memcpy(out + (size_t)i * ctx->size, ctx->value, ctx->size);
    }
    for (int i = 0; i < ctx->n; i++) {
        const gr_copy *copy = &ctx->copy[i];
        movement_copy(copy, call->in[copy->in], call->out[copy->out], ctx->size);
    }
    return GR_OK;
}

gr_status gr_copy_reference(gr_request *request)
{
    const gr_node *node = request->node;
    const int n = gr_copy_count(node);
    const size_t bytes = sizeof(movement_ctx) + (size_t)n * sizeof(gr_copy);
    movement_ctx *ctx = gr_arena_alloc(request->arena, bytes);
    if (!ctx) return gr_no_memory(bytes);
    ctx->size = gr_dtype_size(node->out[0].dtype);
    ctx->count = gr_shape_count(node->out[0].shape);
    ctx->fills = gr_copy_value(node, ctx->value);
    ctx->n = n;
    for (int i = 0; i < n; i++) gr_copy_of(node, i, &ctx->copy[i]);
    request->ctx = ctx;
    request->fn = movement_run;
    request->kernel = "copy-reference";
    return GR_OK;
}
