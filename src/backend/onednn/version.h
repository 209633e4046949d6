/* The difference between oneDNN's C APIs, in one place. Under 2.x a description of memory is a
 * struct and an operation is described before its primitive; under 3.x a description is a handle,
 * and the primitive is described at once. Here a description is a handle under both, so that calls
 * that differ in nothing else read the same. */
#ifndef GR_ONEDNN_VERSION_H
#define GR_ONEDNN_VERSION_H

#include "backend/onednn/onednn.h"

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t onednn_desc;
typedef const_dnnl_memory_desc_t onednn_const_desc;
#else
typedef dnnl_memory_desc_t *onednn_desc;
typedef const dnnl_memory_desc_t *onednn_const_desc;
#endif

/* Each makes a description of f32, which the caller owns: of a dense row-major buffer, of one whose
 * layout is left to the primitive, and a copy. */
dnnl_status_t onednn_desc_plain(onednn_desc *desc, int rank, const dnnl_dim_t *dims);
dnnl_status_t onednn_desc_any(onednn_desc *desc, int rank, const dnnl_dim_t *dims);
dnnl_status_t onednn_desc_copy(onednn_desc *desc, onednn_const_desc from);
/* NULL is allowed. */
void onednn_desc_free(onednn_desc desc);

/* The operands of a convolution; for a gradient, one of x and w stands for what is computed. */
enum { CONV_X, CONV_W, CONV_Y, CONV_OPERANDS };

typedef struct onednn_conv_window {
    dnnl_dims_t stride, dilation, before, after; /* dilation 0: neighbouring elements */
} onednn_conv_window;

/* Describes the direct primitive of a convolution for training or of one of its gradients, which
 * `hint`, the description of the convolution itself, must go with (NULL for the convolution). */
dnnl_status_t onednn_conv_describe(dnnl_primitive_desc_t *desc, gr_module_kind kind,
                                   const onednn_conv_window *window,
                                   const onednn_desc operands[CONV_OPERANDS],
                                   const_dnnl_primitive_attr_t attr,
                                   const_dnnl_primitive_desc_t hint);

#endif
