/* Constant folding: a node whose inputs are all constants is evaluated once, by the reference
 * kernels, unless its result would be larger than what it is made of. */
#include "ops/ops.h"
#include "passes/pass.h"

enum { FOLD_SMALL = 4096, FOLD_MAX_IN = 16 }; /* bytes that may always be stored; inputs */

static bool fold_wanted(const gr_node *old, gr_node *const *in)
{
    if (old->n_in == 0 || old->n_in > FOLD_MAX_IN || old->n_out != 1) return false;
    if (old->op->flags & (GR_OP_EFFECT | GR_OP_NO_FOLD | GR_OP_LEAF)) return false;
    size_t bytes = 0;
    size_t result = (size_t)gr_shape_count(old->out[0].shape) * gr_dtype_size(old->out[0].dtype);
    for (int i = 0; i < old->n_in; i++) {
        if (in[i]->op != &gr_op_constant) return false;
        bytes += gr_tensor_bytes(in[i]->attr[0].tensor);
    }
    return result <= FOLD_SMALL || result <= bytes;
}

static gr_status fold_run(const gr_node *node, gr_node *const *in, gr_tensor *out)
{
    void *inputs[FOLD_MAX_IN];
    for (int i = 0; i < node->n_in; i++) inputs[i] = in[i]->attr[0].tensor->data;
    if (node->op->flags & GR_OP_VIEW) {
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a view has an input */
        memcpy(out->data, inputs[0], gr_tensor_bytes(out));
        return GR_OK;
    }
    gr_arena arena = {0};
    gr_request request = {.node = node, .arena = &arena, .level = gr_cpu(), .threads = 1};
    gr_status status = gr_backend_reference.prepare(&request);
    if (status == GR_OK) {
        void *work = gr_alloc_aligned(request.work);
        gr_call call = {
            .in = inputs, .out = &out->data, .work = work, .ctx = request.ctx, .threads = 1};
        status = work ? request.fn(&call) : GR_NO_MEMORY;
        gr_free_aligned(work);
    }
    gr_arena_free(&arena);
    return status;
}

static gr_node *fold_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    (void)ctx;
    if (!fold_wanted(old, in)) return NULL;
    gr_tensor value;
    if (gr_tensor_new(old->out[0].dtype, old->out[0].shape, &value) != GR_OK)
        return gr_build_fail(graph, GR_NO_MEMORY, old->op->name, "%s", gr_message());
    /* A node that refuses its constants (an index out of range) is left to refuse them in the
     * step, where the user can see it. */
    gr_node *node = fold_run(old, in, &value) == GR_OK ? gr_constant(graph, &value) : NULL;
    gr_tensor_clear(&value);
    return node && old->name ? gr_name(node, old->name) : node;
}

gr_status gr_pass_fold(gr_unit *unit)
{
    return gr_rewrite(unit, fold_rule, NULL);
}
