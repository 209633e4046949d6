/* What reader and writer of safetensors share. Internal. */
#ifndef GR_IO_SAFETENSORS_H
#define GR_IO_SAFETENSORS_H

#include <gradus/io.h>

#include "base/base.h"

#define GR_ST_METADATA "__metadata__"
#define GR_ST_FORMAT "1"           /* the value of GR_META_FORMAT */
#define GR_ST_DIGITS 16            /* of the checksum */
#define GR_ST_MAX_HEADER 100000000 /* bytes; the limit of the reference reader */

/* X(name in the file, bytes of an element, our type or GR_DTYPE_COUNT) */
#define GR_ST_DTYPE_TABLE(X)                                                                       \
    X("F64", 8, GR_F64)                                                                            \
    X("F32", 4, GR_F32)                                                                            \
    X("BF16", 2, GR_BF16)                                                                          \
    X("F16", 2, GR_F16)                                                                            \
    X("I64", 8, GR_I64)                                                                            \
    X("I32", 4, GR_I32)                                                                            \
    X("I8", 1, GR_I8)                                                                              \
    X("U8", 1, GR_U8)                                                                              \
    X("BOOL", 1, GR_BOOL)                                                                          \
    X("U64", 8, GR_DTYPE_COUNT)                                                                    \
    X("U32", 4, GR_DTYPE_COUNT)                                                                    \
    X("U16", 2, GR_DTYPE_COUNT)                                                                    \
    X("I16", 2, GR_DTYPE_COUNT)                                                                    \
    X("F8_E4M3", 1, GR_DTYPE_COUNT)                                                                \
    X("F8_E5M2", 1, GR_DTYPE_COUNT)

/* gr_safetensors_write that leaves so many files: see gr_output_keep. */
gr_status gr_safetensors_write_keeping(const char *path, const gr_named_tensor *tensors, int n,
                                       const gr_meta *meta, int files);

#endif
