/* CRC-64/XZ, the checksum of model and record files. Internal. */
#ifndef GR_BASE_CRC64_H
#define GR_BASE_CRC64_H

#include "base/base.h"

/* A running sum and its tables (16 KiB, made by gr_crc64_start: no state is shared). */
typedef struct gr_crc64 {
    uint64_t sum;
    uint64_t table[8][256];
} gr_crc64;

void gr_crc64_start(gr_crc64 *crc);
void gr_crc64_add(gr_crc64 *crc, const void *data, size_t size);
uint64_t gr_crc64_end(const gr_crc64 *crc);
/* The sum of one block, by the tables of any sum that was started. */
uint64_t gr_crc64_of(const gr_crc64 *tables, const void *data, size_t size);

#endif
