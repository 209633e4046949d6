/* Random words for kernels that draw as they go. Internal to the CPU backend. */
#ifndef GR_CPU_RANDOM_H
#define GR_CPU_RANDOM_H

#include "backend/backend.h"

enum { GR_RANDOM_ROW = 64 };

/* The words of elements [4·block, 4·block + GR_RANDOM_ROW): see ops/random.h. */
typedef void gr_random_row_fn(uint64_t key, uint64_t block, uint64_t step, uint32_t *row);
gr_random_row_fn *gr_random_row(gr_cpu_level level);

#endif
