/* Kernels of distances between rows of bytes for CPUs with AVX2 and beyond. Internal. */
#ifndef GR_DISTANCE_BYTES_H
#define GR_DISTANCE_BYTES_H

#include "backend/cpu/distance.h"

/* NULL where there is none for the level. Instructions for dot products of bytes (VNNI), which are
 * no part of a level, are used where the CPU has them, unless `vnni` forbids it. */
const gr_distance_kit *gr_distance_vector_kit(gr_distance_sum sum, gr_cpu_level level, bool vnni);

/* Bytes as they are, and zeros. */
void gr_distance_pack_bytes(const void *row, int64_t n, int64_t padded, void *out);

#endif
