/* Inside of the oneDNN module: everything that calls oneDNN stands in this folder. */
#ifndef GR_ONEDNN_H
#define GR_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include "backend/module.h"

extern const gr_part_services *onednn_services;
extern dnnl_engine_t onednn_engine;

/* oneDNN's status as one of ours, with a message naming `what`. */
gr_status onednn_fail(dnnl_status_t status, const char *what);

#define ONEDNN_TRY(call, what)                                                                     \
    do {                                                                                           \
        const dnnl_status_t onednn_try_ = (call);                                                  \
        if (onednn_try_ != dnnl_success) return onednn_fail(onednn_try_, what);                    \
    } while (0)

/* oneDNN takes OpenMP's number of threads when it makes a primitive and when it runs one. Sets it
 * for the calling thread and returns the old one, to be set again afterwards. */
int onednn_set_threads(int threads);

gr_status onednn_prepare_matmul(gr_module_work *work);
gr_status onednn_prepare_conv(gr_module_work *work);

#endif
