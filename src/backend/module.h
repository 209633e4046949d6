/* What the core and a backend module, loaded when it is first needed, know of each other. A module
 * cannot see the core's functions, nor the core the module's: the core opens it with the services
 * it may use and gets one record back. Internal. */
#ifndef GR_MODULE_H
#define GR_MODULE_H

#include "ops/conv.h"
#include "ops/matmul.h"

/* Counts up with every change of this header or of the structs in it. */
#define GR_MODULE_ABI 1
#define GR_MODULE_OPEN "gr_module_open" /* the one symbol that a module exports */

typedef struct gr_module_services {
    int abi;
    gr_status (*fail)(gr_status status, const char *format, ...) GR_PRINTF(2, 3);
    void *(*alloc)(size_t size);
    void (*free)(void *block);
} gr_module_services;

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
    int abi;
    const char *name, *version;
    /* GR_OK with the answer, GR_UNSUPPORTED if another kernel should do it. */
    gr_status (*prepare)(gr_module_work *work);
} gr_module;

/* NULL if the module cannot serve: another ABI, no engine. */
typedef const gr_module *gr_module_open_fn(const gr_module_services *services);

#endif
