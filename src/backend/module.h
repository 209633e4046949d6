/* What the core and a backend module (base/part.h) know of each other. Internal. */
#ifndef GR_MODULE_H
#define GR_MODULE_H

#include "base/part.h"
#include "ops/conv.h"
#include "ops/matmul.h"

/* Counts up with every change of this header or of the structs in it. */
#define GR_MODULE_ABI 2

typedef enum gr_module_kind {
    GR_MODULE_MATMUL,
    GR_MODULE_CONV,
    GR_MODULE_CONV_INPUT_GRAD,
    GR_MODULE_CONV_WEIGHT_GRAD
} gr_module_kind;

/* A contraction of f32, and how to run it. */
typedef struct gr_module_work {
    gr_module_kind kind;
    gr_matmul_geometry matmul;
    gr_conv_geometry conv;
    int rank; /* spatial axes of the convolution */
    int threads;
    /* answer, as in gr_request */
    gr_kernel_fn *fn;
    void *ctx;
    size_t scratch;
    void (*destroy)(void *ctx);
    const char *kernel;
} gr_module_work;

typedef struct gr_module {
    const char *name, *version;
    /* GR_OK with the answer, GR_UNSUPPORTED if another kernel should do it. */
    gr_status (*prepare)(gr_module_work *work);
} gr_module;

#endif
