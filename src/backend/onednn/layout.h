/* The layout of one operand of a primitive: plain as all buffers of a plan are, or as the primitive
 * wants it, with a reorder between the two through scratch memory. The one place that knows which:
 * an operand whose buffer has the wanted layout already needs no reorder. */
#ifndef GR_ONEDNN_LAYOUT_H
#define GR_ONEDNN_LAYOUT_H

#include "backend/onednn/version.h"

typedef struct onednn_operand {
    onednn_desc plain, wanted;
    dnnl_primitive_t reorder; /* NULL: the buffer is used as it is */
    bool result;              /* reordered after the primitive, not before */
    size_t place;             /* in the scratch memory */
} onednn_operand;

/* An operand's plain description and, in `any`, the one that leaves the layout to the primitive,
 * which the caller frees. */
gr_status onednn_operand_describe(onednn_operand *o, int rank, const dnnl_dim_t *dims,
                                  onednn_desc *any);
/* Takes the layout that the primitive chose; makes the reorder and claims scratch if it differs. */
gr_status onednn_operand_settle(onednn_operand *o, onednn_const_desc wanted, bool result,
                                size_t *scratch);
void onednn_operand_free(onednn_operand *o);

/* For one step: the memory that the primitive works on, an input reordered into scratch already.
 * The caller destroys it. */
gr_status onednn_operand_begin(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                               void *scratch, dnnl_memory_t *memory);
/* After the primitive: a result goes back to its buffer. */
gr_status onednn_operand_end(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                             dnnl_memory_t memory);

#endif
