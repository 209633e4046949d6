/* Matrix products by dnnl_sgemm, which reads and writes plain row-major matrices. */
#include "backend/onednn/onednn.h"

static gr_status onednn_matmul(const gr_call *call)
{
    const gr_matmul_geometry *g = call->ctx;
    const int before = onednn_set_threads(call->threads);
    const dnnl_status_t status =
        dnnl_sgemm(g->transpose_a ? 'T' : 'N', g->transpose_b ? 'T' : 'N', g->m, g->n, g->k, 1,
                   call->in[0], g->transpose_a ? g->m : g->k, call->in[1],
                   g->transpose_b ? g->k : g->n, 0, call->out[0], g->n);
    onednn_set_threads(before);
    if (status == dnnl_success) return GR_OK;
    gr_status ours = onednn_fail(status, "sgemm");
    return ours == GR_UNSUPPORTED
               ? onednn_services->fail(GR_INTERNAL, "oneDNN has no sgemm for this CPU")
               : ours;
}

gr_status onednn_prepare_matmul(gr_module_work *work)
{
    const gr_matmul_geometry *g = &work->matmul;
    /* Stacks of matrices are many small products; vectors wait for memory alone. */
    if (g->batch != 1 || g->m == 1 || g->n == 1 || g->k == 0) return GR_UNSUPPORTED;
    gr_matmul_geometry *ctx = onednn_services->alloc(sizeof *ctx);
    if (!ctx) return GR_NO_MEMORY;
    *ctx = *g;
    work->fn = onednn_matmul;
    work->ctx = ctx;
    work->destroy = onednn_services->free;
    work->kernel = "onednn-sgemm";
    return GR_OK;
}
