/* Layouts of operands, and the reorders between them. */
#include "backend/onednn/layout.h"

#define LAYOUT_ALIGN ((size_t)GR_ALIGN)

gr_status onednn_operand_describe(onednn_operand *o, int rank, const dnnl_dim_t *dims,
                                  onednn_desc *any)
{
    ONEDNN_TRY(onednn_desc_plain(&o->plain, rank, dims), "describing a buffer");
    ONEDNN_TRY(onednn_desc_any(any, rank, dims), "describing an operand");
    return GR_OK;
}

static gr_status layout_make_reorder(onednn_operand *o)
{
    onednn_const_desc from = o->result ? o->wanted : o->plain;
    onednn_const_desc to = o->result ? o->plain : o->wanted;
    dnnl_primitive_desc_t desc;
    ONEDNN_TRY(
        dnnl_reorder_primitive_desc_create(&desc, from, onednn_engine, to, onednn_engine, NULL),
        "describing a reorder");
    const dnnl_status_t status = dnnl_primitive_create(&o->reorder, desc);
    dnnl_primitive_desc_destroy(desc);
    ONEDNN_TRY(status, "making a reorder");
    return GR_OK;
}

gr_status onednn_operand_settle(onednn_operand *o, onednn_const_desc wanted, bool result,
                                size_t *scratch)
{
    ONEDNN_TRY(onednn_desc_copy(&o->wanted, wanted), "describing an operand");
    o->result = result;
    if (dnnl_memory_desc_equal(o->plain, o->wanted)) return GR_OK;
    o->place = *scratch;
    *scratch +=
        (dnnl_memory_desc_get_size(wanted) + LAYOUT_ALIGN - 1) / LAYOUT_ALIGN * LAYOUT_ALIGN;
    return layout_make_reorder(o);
}

void onednn_operand_free(onednn_operand *o)
{
    if (o->reorder) dnnl_primitive_destroy(o->reorder);
    onednn_desc_free(o->plain);
    onednn_desc_free(o->wanted);
    *o = (onednn_operand){0};
}

/* Runs the reorder between the plain buffer and the primitive's memory. */
static gr_status layout_reorder(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                                dnnl_memory_t memory)
{
    dnnl_memory_t plain;
    ONEDNN_TRY(dnnl_memory_create(&plain, o->plain, onednn_engine, buffer), "wrapping a buffer");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, o->result ? memory : plain},
                                    {DNNL_ARG_TO, o->result ? plain : memory}};
    const dnnl_status_t status = dnnl_primitive_execute(o->reorder, stream, 2, args);
    dnnl_memory_destroy(plain);
    ONEDNN_TRY(status, "reordering");
    return GR_OK;
}

gr_status onednn_operand_begin(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                               void *scratch, dnnl_memory_t *memory)
{
    void *data = o->reorder ? (char *)scratch + o->place : buffer;
    ONEDNN_TRY(dnnl_memory_create(memory, o->wanted, onednn_engine, data), "wrapping an operand");
    return o->reorder && !o->result ? layout_reorder(o, stream, buffer, *memory) : GR_OK;
}

gr_status onednn_operand_end(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                             dnnl_memory_t memory)
{
    return o->reorder && o->result ? layout_reorder(o, stream, buffer, memory) : GR_OK;
}
