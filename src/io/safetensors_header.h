/* The header of a safetensors file. Internal. */
#ifndef GR_IO_SAFETENSORS_HEADER_H
#define GR_IO_SAFETENSORS_HEADER_H

#include "io/names.h"
#include "io/safetensors.h"

typedef struct st_type {
    const char *text;
    size_t bytes;
    gr_dtype dtype; /* GR_DTYPE_COUNT: Gradus has no such type */
} st_type;

typedef struct st_entry {
    const char *name;
    const st_type *type;
    gr_shape shape;
    size_t begin, end; /* of its bytes in the data */
} st_entry;

typedef struct st_header {
    gr_arena arena; /* the names */
    st_entry *entry;
    size_t count, capacity;
    gr_names names;
    gr_meta *meta;
    char *format; /* the value of GR_META_FORMAT, or NULL */
    bool has_checksum;
    uint64_t checksum;
    size_t digits;  /* place of the checksum's digits in the header */
    size_t data_at; /* place of the data in the file */
} st_header;

/* Reads a header of `size` bytes and checks that its tensors fill exactly the `data_size` bytes
 * after it. Zero-initialise *header and free it whatever happens. */
gr_status gr_st_header_read(st_header *header, const char *path, const char *text, size_t size,
                            size_t data_size);
/* Once the checksum is known to be right: is the file of a format that this version reads, and does
 * a file that should have a checksum have one? */
gr_status gr_st_header_check_format(const st_header *header, const char *path);
void gr_st_header_free(st_header *header);

#endif
