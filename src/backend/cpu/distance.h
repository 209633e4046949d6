/* Distances between two sets of rows, tile by tile: what searches for neighbours are made of.
 * Internal.
 *
 * Rows are packed, a tile at a time, into memory that the caches hold: aligned, padded with zeros,
 * in the form that the kernel wants. A kernel keeps sums of a few pairs of rows in registers. Those
 * of bytes are exact, whatever the kernel; those of f32 run in DISTANCE_LANES lanes on every CPU
 * level, so that all agree to the bit. */
#ifndef GR_DISTANCE_H
#define GR_DISTANCE_H

#include "base/base.h"

/* What is summed over the elements of two rows. */
typedef enum gr_distance_sum {
    GR_SUM_DIFFERENCES, /* |a − b| */
    GR_SUM_SQUARES,     /* (a − b)², of f32 alone: for bytes, products do */
    GR_SUM_PRODUCTS     /* a·b */
} gr_distance_sum;

enum {
    GR_DISTANCE_LANES = 16,   /* of f32 */
    GR_DISTANCE_ROWS = 4,     /* tiles have a multiple of so many rows */
    GR_DISTANCE_PIECE = 4096, /* bytes of a packed row that a kernel is given at once: four fit the
                                 first-level cache, and 32-bit sums of bytes cannot overflow */
    GR_DISTANCE_STEP = 64     /* elements: pieces of packed rows are padded to a multiple of it */
};

typedef struct gr_distance_kit {
    const char *name; /* "sad-avx512" */
    size_t element;   /* bytes of a packed element */
    /* Packs n elements of a row of the left or right side, and zeros up to `padded`. */
    void (*pack_left)(const void *row, int64_t n, int64_t padded, void *out);
    void (*pack_right)(const void *row, int64_t n, int64_t padded, void *out);
    /* sums[i·ld + j] (+= if add, else =) Σ over the elements of rows i < m of a and j < n of b,
     * packed rows of `padded` elements one after the other; m and n are multiples of
     * GR_DISTANCE_ROWS. */
    void (*tile)(int64_t m, int64_t n, int64_t padded, const void *a, const void *b, double *sums,
                 int64_t ld, bool add);
} gr_distance_kit;

/* For rows of u8 (no squares) or f32. */
const gr_distance_kit *gr_distance_kit_for(gr_dtype dtype, gr_distance_sum sum, gr_cpu_level level);

#endif
