/* A backend answers the plan's question how to run a node: see gr_request in graph/op.h. Internal.
 */
#ifndef GR_BACKEND_H
#define GR_BACKEND_H

#include "graph/op.h"

typedef struct gr_backend {
    const char *name;
    gr_prepare_fn *prepare; /* GR_UNSUPPORTED: not mine */
} gr_backend;

/* Portable kernels: vectorised ones by the table backend/cpu/kernels.def, fastest first, then the
 * elementwise engine, last the op's reference. */
extern const gr_backend gr_backend_cpu;
/* Only the op's own scalar reference: what the faster kernels are tested against. */
extern const gr_backend gr_backend_reference;
/* oneDNN, a module loaded at the first contraction worth it; NULL if this build or machine has
 * none. */
const gr_backend *gr_backend_onednn(void);
/* The same for every contraction that it can do, also where our kernels are faster: to compare. */
const gr_backend *gr_backend_onednn_all(void);
/* "oneDNN 2.6.3": loads the module. NULL: there is none, or it is not wished for. */
const char *gr_backend_module_title(void);

/* The elementwise engine, for any op with spans. */
gr_prepare_fn gr_elementwise_prepare;

/* Asks the backends of `device` in order; the failure at the end of the list names the op. */
gr_status gr_backend_select(const char *device, gr_request *request);

/* Runs body(ctx, begin, end) over [0, count) in chunks whose bounds depend on count and grain
 * alone, on at most `threads` threads; on the calling thread alone if there is one chunk. */
void gr_parallel(int threads, int64_t count, int64_t grain,
                 void (*body)(void *ctx, int64_t begin, int64_t end), void *ctx);
/* How many of the threads to ask, at this moment, for work that takes one so many seconds: all, or
 * one where the others sleep and would take longer to wake than they save. */
int gr_parallel_threads(int threads, double seconds);

#endif
