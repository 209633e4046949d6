/* Which kernel runs a node. */
#include "backend/backend.h"
#include "ops/ops.h"

#define KERNEL(op, prepare) gr_prepare_fn prepare;
#include "backend/cpu/kernels.def"
#undef KERNEL

static const struct select_kernel {
    const gr_op *op;
    gr_prepare_fn *prepare;
} select_kernels[] = {
#define KERNEL(op, prepare) {&gr_op_##op, prepare},
#include "backend/cpu/kernels.def"
#undef KERNEL
    {NULL, NULL}};

static gr_status select_reference(gr_request *request)
{
    const gr_op *op = request->node->op;
    const gr_cpu_level level = request->level;
    const int threads = request->threads;
    request->level = GR_CPU_BASE;
    request->threads = 1;
    gr_status status = GR_UNSUPPORTED;
    if (op->reference) status = op->reference(request);
    if (status == GR_UNSUPPORTED) status = gr_elementwise_prepare(request);
    request->level = level;
    request->threads = threads;
    return status;
}

static gr_status select_cpu(gr_request *request)
{
    const gr_op *op = request->node->op;
    for (const struct select_kernel *kernel = select_kernels; kernel->op; kernel++) {
        if (kernel->op != op) continue;
        gr_status status = kernel->prepare(request);
        if (status != GR_UNSUPPORTED) return status;
    }
    gr_status status = gr_elementwise_prepare(request);
    return status == GR_UNSUPPORTED ? select_reference(request) : status;
}

const gr_backend gr_backend_cpu = {"cpu", select_cpu};
const gr_backend gr_backend_reference = {"reference", select_reference};

/* Clears the answer, so that what one backend left before it declined is not taken for the next
 * one's. */
static gr_status select_ask(const gr_backend *backend, gr_request *request)
{
    request->fn = NULL;
    request->ctx = NULL;
    request->work = 0;
    request->destroy = NULL;
    request->kernel = NULL;
    memset(request->inplace, 0, sizeof request->inplace);
    request->checks = request->finishes = request->streams = false;
    return backend->prepare(request);
}

gr_status gr_backend_select(const char *device, gr_request *request)
{
    if (device && *device && strcmp(device, "cpu") != 0) {
        return gr_fail(GR_UNSUPPORTED, "no device '%s' in this build; there is 'cpu'", device);
    }
    const gr_backend *onednn = gr_backend_onednn();
    gr_status status = onednn ? select_ask(onednn, request) : GR_UNSUPPORTED;
    if (status == GR_UNSUPPORTED) status = select_ask(&gr_backend_cpu, request);
    if (status != GR_UNSUPPORTED) return status;
    const gr_node *node = request->node;
    return gr_fail(GR_UNSUPPORTED, "%s%s%s%s: no kernel for %s on the CPU", node->op->name,
                   node->name ? " '" : "", node->name ? node->name : "", node->name ? "'" : "",
                   gr_dtype_name(gr_type_of(node->n_in ? node->in[0] : node).dtype));
}
