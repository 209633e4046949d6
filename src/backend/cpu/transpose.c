/* Transposes by blocks one cache line wide and high. A block is turned inside a buffer, so that
 * every line of input and output is touched once, whatever the strides: with strides that are large
 * powers of two, the lines of a block fall into few sets of the cache and would evict each other.
 */
#include "backend/cpu/transpose.h"

/* Defines transpose_block_<bits>: a whole block from `in` into `to`, whose rows are dense. */
#define TRANSPOSE_BLOCK(bits)                                                                      \
    static void transpose_block_##bits(const uint##bits##_t *in, int64_t in_step,                  \
                                       uint##bits##_t *restrict to)                                \
    {                                                                                              \
        enum { SIDE = 512 / (bits) };                                                              \
        for (int b = 0; b < SIDE; b++, in += in_step) {                                            \
            for (int a = 0; a < SIDE; a++) to[a * SIDE + b] = in[a];                               \
        }                                                                                          \
    }

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define TRANSPOSE_VECTORS
#endif
#endif

#if defined(TRANSPOSE_VECTORS)

typedef uint32_t transpose_4x32 __attribute__((vector_size(16)));

/* 4 × 4 elements at a time: pairs of rows interleave, then pairs of those. */
static void transpose_block_32(const uint32_t *in, int64_t in_step, uint32_t *restrict to)
{
    enum { SIDE = 16 };
    for (int b = 0; b < SIDE; b += 4) {
        const uint32_t *from = in + b * in_step;
        for (int a = 0; a < SIDE; a += 4) {
            transpose_4x32 r0, r1, r2, r3;
            memcpy(&r0, from + a, sizeof r0);
            memcpy(&r1, from + a + in_step, sizeof r1);
            memcpy(&r2, from + a + 2 * in_step, sizeof r2);
            memcpy(&r3, from + a + 3 * in_step, sizeof r3);
            const transpose_4x32 low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
            const transpose_4x32 low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
            const transpose_4x32 high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
            const transpose_4x32 high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
            r0 = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
            r1 = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
            r2 = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
            r3 = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
            memcpy(to + (a + 0) * SIDE + b, &r0, sizeof r0);
            memcpy(to + (a + 1) * SIDE + b, &r1, sizeof r1);
            memcpy(to + (a + 2) * SIDE + b, &r2, sizeof r2);
            memcpy(to + (a + 3) * SIDE + b, &r3, sizeof r3);
        }
    }
}

#else

TRANSPOSE_BLOCK(32)

#endif

TRANSPOSE_BLOCK(8)
TRANSPOSE_BLOCK(16)
TRANSPOSE_BLOCK(64)

/* Defines transpose_strip_<bits>; see gr_transpose_strip. */
#define TRANSPOSE_STRIP(bits)                                                                      \
    static void transpose_strip_##bits(const uint##bits##_t *in, int64_t in_step,                  \
                                       uint##bits##_t *out, int64_t out_step, int64_t rows,        \
                                       int64_t columns)                                            \
    {                                                                                              \
        enum { SIDE = 512 / (bits) };                                                              \
        int64_t a = 0;                                                                             \
        if (columns == SIDE) {                                                                     \
            _Alignas(GR_ALIGN) uint##bits##_t block[SIDE * SIDE];                                  \
            for (; a + SIDE <= rows; a += SIDE) {                                                  \
                transpose_block_##bits(in + a, in_step, block);                                    \
                for (int k = 0; k < SIDE; k++) {                                                   \
                    memcpy(out + (a + k) * out_step, block + k * SIDE, sizeof block / SIDE);       \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (; a < rows; a++) {                                                                    \
            const uint##bits##_t *from = in + a;                                                   \
            uint##bits##_t *to = out + a * out_step;                                               \
            for (int64_t b = 0; b < columns; b++) to[b] = from[b * in_step];                       \
        }                                                                                          \
    }

TRANSPOSE_STRIP(8)
TRANSPOSE_STRIP(16)
TRANSPOSE_STRIP(32)
TRANSPOSE_STRIP(64)

void gr_transpose_strip(const void *in, int64_t in_step, void *out, int64_t out_step, int64_t rows,
                        int64_t columns, size_t size)
{
    switch (size) {
    case 1:
        transpose_strip_8(in, in_step, out, out_step, rows, columns);
        break;
    case 2:
        transpose_strip_16(in, in_step, out, out_step, rows, columns);
        break;
    case 4:
        transpose_strip_32(in, in_step, out, out_step, rows, columns);
        break;
    default:
        transpose_strip_64(in, in_step, out, out_step, rows, columns);
        break;
    }
}
