/* The module's door: opened once by the core. */
#include "backend/onednn/onednn.h"

#include <stdio.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

const gr_part_services *onednn_services;
dnnl_engine_t onednn_engine;

gr_status onednn_fail(dnnl_status_t status, const char *what)
{
    switch (status) {
    case dnnl_unimplemented:
        return GR_UNSUPPORTED;
    case dnnl_out_of_memory:
        return onednn_services->fail(GR_NO_MEMORY, "oneDNN is out of memory (%s)", what);
    default:
        return onednn_services->fail(GR_INTERNAL, "oneDNN fails with status %d (%s)", (int)status,
                                     what);
    }
}

int onednn_set_threads(int threads)
{
#if defined(_OPENMP)
    const int before = omp_get_max_threads();
    if (threads != before) omp_set_num_threads(threads);
    return before;
#else
    return threads;
#endif
}

static gr_status onednn_prepare(gr_module_work *work)
{
    const int before = onednn_set_threads(work->threads);
    gr_status status =
        work->kind == GR_MODULE_MATMUL ? onednn_prepare_matmul(work) : onednn_prepare_conv(work);
    onednn_set_threads(before);
    return status;
}

GR_API gr_part_open_fn gr_onednn_open;

const void *gr_onednn_open(int abi, const gr_part_services *services)
{
    static char version[32];
    static const gr_module module = {"oneDNN", version, onednn_prepare};
    if (abi != GR_MODULE_ABI) return NULL;
    onednn_services = services;
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
    if (dnnl_engine_create(&onednn_engine, dnnl_cpu, 0) != dnnl_success) return NULL;
    return &module;
}
