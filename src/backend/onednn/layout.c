/* Layouts of operands, and the reorders between them. */
#include "backend/onednn/layout.h"

#define LAYOUT_ALIGN ((size_t)GR_ALIGN)

gr_status onednn_operand_describe(onednn_operand *o, int rank, const dnnl_dim_t *dims,
                                  dnnl_memory_desc_t *any)
{
    dnnl_dims_t strides;
    dnnl_dim_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= dims[i];
    }
    ONEDNN_TRY(dnnl_memory_desc_init_by_strides(&o->plain, rank, dims, dnnl_f32, strides),
               "describing a buffer");
    ONEDNN_TRY(dnnl_memory_desc_init_by_tag(any, rank, dims, dnnl_f32, dnnl_format_tag_any),
               "describing an operand");
    return GR_OK;
}

static gr_status layout_make_reorder(onednn_operand *o)
{
    const dnnl_memory_desc_t *from = o->result ? &o->wanted : &o->plain;
    const dnnl_memory_desc_t *to = o->result ? &o->plain : &o->wanted;
    dnnl_primitive_desc_t desc;
    ONEDNN_TRY(
        dnnl_reorder_primitive_desc_create(&desc, from, onednn_engine, to, onednn_engine, NULL),
        "describing a reorder");
    const dnnl_status_t status = dnnl_primitive_create(&o->reorder, desc);
    dnnl_primitive_desc_destroy(desc);
    ONEDNN_TRY(status, "making a reorder");
    return GR_OK;
}

gr_status onednn_operand_settle(onednn_operand *o, const dnnl_memory_desc_t *wanted, bool result,
                                size_t *scratch)
{
    o->wanted = *wanted;
    o->result = result;
    if (dnnl_memory_desc_equal(&o->plain, wanted)) return GR_OK;
    o->place = *scratch;
    *scratch +=
        (dnnl_memory_desc_get_size(wanted) + LAYOUT_ALIGN - 1) / LAYOUT_ALIGN * LAYOUT_ALIGN;
    return layout_make_reorder(o);
}

void onednn_operand_free(onednn_operand *o)
{
    if (o->reorder) dnnl_primitive_destroy(o->reorder);
    o->reorder = NULL;
}

/* Runs the reorder between the plain buffer and the primitive's memory. */
static gr_status layout_reorder(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                                dnnl_memory_t memory)
{
    dnnl_memory_t plain;
    ONEDNN_TRY(dnnl_memory_create(&plain, &o->plain, onednn_engine, buffer), "wrapping a buffer");
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
    ONEDNN_TRY(dnnl_memory_create(memory, &o->wanted, onednn_engine, data), "wrapping an operand");
    return o->reorder && !o->result ? layout_reorder(o, stream, buffer, *memory) : GR_OK;
}

gr_status onednn_operand_end(const onednn_operand *o, dnnl_stream_t stream, void *buffer,
                             dnnl_memory_t memory)
{
    return o->reorder && o->result ? layout_reorder(o, stream, buffer, memory) : GR_OK;
}
