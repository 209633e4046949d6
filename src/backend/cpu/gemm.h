/* Matrix products for the kernels of the CPU backend. Internal to it.
 *
 * The blocking is that of Goto and van de Geijn, "Anatomy of high-performance matrix
 * multiplication" (2008), for row-major results: panels of B (nr columns, all of a block's k) stay
 * in the second-level cache, a sliver of A (mr rows) in the first, and the tile kernel keeps an
 * mr x nr piece of C in registers. An element of C is summed in the order of k, block by block, the
 * blocks set by k alone: neither threads nor the element's place change its bits. */
#ifndef GR_GEMM_H
#define GR_GEMM_H

#include "backend/backend.h"

/* A matrix by its strides in elements: element (i, j) is data[i·row + j·column]. */
typedef struct gr_gemm_matrix {
    const void *data;
    int64_t row, column;
} gr_gemm_matrix;

/* A piece of a matrix's row: `length` elements from place `from` of the source, a fixed step apart.
 */
typedef struct gr_gemm_piece {
    int64_t from, length;
} gr_gemm_piece;

/* A matrix that lies scattered in x: row k is the pieces, one after the other, each from
 * x + offset[k] on. The patches that a convolution sees are one. */
typedef struct gr_gemm_patches {
    const int64_t *offset; /* of each row */
    const gr_gemm_piece *pieces;
    int64_t n_pieces, step;
} gr_gemm_patches;

/* The rows of such a matrix, where they come in runs that begin at neighbouring places: run r has
 * the rows from r·length on. */
typedef struct gr_gemm_runs {
    const int64_t *offset; /* of each row */
    int64_t count, length;
} gr_gemm_runs;

/* A part of a sum of products: k steps from a + link.a and b + link.b on. */
typedef struct gr_gemm_link {
    int64_t a, b, k;
} gr_gemm_link;

/* A product whose k lies scattered: the links one after the other. Within a link, a step of k moves
 * on by `a_step` values in packed A and by ldb in B. */
typedef struct gr_gemm_chain {
    const gr_gemm_link *links;
    int64_t count, a_step, ldb;
} gr_gemm_chain;

/* Outer products that are summed as they are computed. */
#define GR_GEMM_OUTER 2

/* The kernels of one element type and CPU level. Sizes in elements. Packed A: slivers of `sliver`
 * values for each k, of which the first mr are used. Packed B: panels of nr values for each k, but
 * of nr/2 in a last panel that needs no more: see gr_gemm_panel. */
typedef struct gr_gemm_kit {
    const char *name;   /* "gemm-avx512" */
    size_t element;     /* bytes */
    int mr, nr, sliver; /* nr: two vectors */
    int64_t block_k;    /* the longest k of a block */
    void (*pack_a)(const gr_gemm_matrix *a, int64_t m, int64_t k, void *out);
    void (*pack_b)(const gr_gemm_matrix *b, int64_t n, int64_t k, void *out);
    /* A matrix turned, n rows of k elements, `ld` apart: out[j·width + i] = in[i·ld + j] */
    void (*turn)(const void *in, int64_t ld, int64_t n, int64_t k, void *out, int64_t width);
    /* Rows [0, k) of the matrix, `width` elements apart, padded with zeros to `fill` elements. */
    void (*gather)(const gr_gemm_patches *patches, const void *x, int64_t k, int64_t fill,
                   void *out, int64_t width);
    /* The transpose: adds rows of `in`, `width` apart, to the places where gather finds them. */
    void (*scatter)(const gr_gemm_patches *patches, const void *in, int64_t width, int64_t k,
                    void *x);
    /* The matrix turned: for each place of the pieces the values of all rows, in rows of `width`,
     * room for 8 more than there are rows. x has `size` elements. */
    void (*unfold)(const gr_gemm_runs *runs, const gr_gemm_piece *pieces, int64_t n_pieces,
                   int64_t step, const void *x, int64_t size, void *out, int64_t width);
    /* Filters of one channel, for the n elements that k taps see, tap t from place offset[t] on:
     * y[j] = Σ_t w[t]·x[offset[t] + j];  x[offset[t] + j] += w[t]·y[j];  and, a vector of running
     * sums for each tap, sums[t][lane] += x[offset[t] + j]·y[j]. */
    void (*filter)(int64_t n, int64_t k, const int64_t *offset, const void *x, const void *w,
                   void *y);
    void (*filter_back)(int64_t n, int64_t k, const int64_t *offset, void *x, const void *w,
                        const void *y);
    void (*filter_sums)(int64_t n, int64_t k, const int64_t *offset, const void *x, const void *y,
                        void *sums);
    /* c[m,n] = (add ? c : 0) + a·b for m ≤ mr, n ≤ nr; b has `ldb` values for each k, of which the
     * first nr (nr/2 if n needs no more) can be read. */
    void (*tile)(int64_t m, int64_t n, int64_t k, const void *a, const void *b, int64_t ldb,
                 void *c, int64_t ldc, bool add);
    /* The same for a chain; with no links, the sum is 0. */
    void (*tile_chain)(int64_t m, int64_t n, const gr_gemm_chain *chain, const void *a,
                       const void *b, void *c, int64_t ldc, bool add);
    /* The same as `tile`, to the bit, with rows of a where they lie, `lda` apart. */
    void (*tile_rows)(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                      int64_t ldb, void *c, int64_t ldc, bool add);
    /* y[i] = Σ_k a[i·lda + k]·x[k] for i < m, in lanes of the vector, which are added at the end */
    void (*dots)(int64_t m, int64_t k, const void *a, int64_t lda, const void *x, void *y);
    /* y[j] = Σ_k x[k]·b[k·ldb + j] for j < n */
    void (*sums)(int64_t n, int64_t k, const void *b, int64_t ldb, const void *x, void *y);
    /* c[i·n + j] = Σ_k x[k·ldx + i]·y[k·ldy + j] for i < m, j < n, 1 ≤ k ≤ GR_GEMM_OUTER */
    void (*outer)(int64_t m, int64_t n, int64_t k, const void *x, int64_t ldx, const void *y,
                  int64_t ldy, void *c);
    /* c[i·c_row + j·c_column] = Σ_k a[i·lda + k]·b[j·ldb + k] for i < m, j < n, in lanes along k: a
     * product with a transposed matrix, for which nothing needs packing */
    void (*pairs)(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                  int64_t ldb, void *c, int64_t c_row, int64_t c_column);
} gr_gemm_kit;

const gr_gemm_kit *gr_gemm_kit_for(gr_dtype dtype, gr_cpu_level level);

/* Values for each k in the panel that holds the last n columns, 0 < n ≤ nr. */
static inline int64_t gr_gemm_panel(const gr_gemm_kit *kit, int64_t n)
{
    return n <= kit->nr / 2 ? kit->nr / 2 : kit->nr;
}

/* Length of the blocks that k is cut into: as equal as can be, at most block_k. */
static inline int64_t gr_gemm_block(const gr_gemm_kit *kit, int64_t k)
{
    const int64_t blocks = k > 0 ? (k - 1) / kit->block_k + 1 : 1;
    return (k + blocks - 1) / blocks;
}

static inline int64_t gr_gemm_blocks(const gr_gemm_kit *kit, int64_t k)
{
    return k > 0 ? (k - 1) / kit->block_k + 1 : 0;
}

/* c[m,n] = a[m,k]·b[k,n], c dense. */
typedef struct gr_gemm {
    const gr_gemm_kit *kit;
    int64_t m, n, k;
    gr_gemm_matrix a, b;
    void *c;
    const void *packed;  /* NULL, or all of b by gr_gemm_pack_all: b itself is not read */
    const gr_call *call; /* NULL, or to be told which elements are complete: gr_finish; */
    int64_t first;       /* c's first element in the call's result */
    bool stream;         /* hands c to the call's `take` instead: see gr_gemm_streams */
} gr_gemm;

/* Can c be handed over in pieces that the caches hold, so that it never lies in memory whole? Where
 * k is one block, each tile is complete as soon as it is computed. Longer ones would pack b again
 * for every few rows, which takes as long as writing and reading c. Of `gemm`, the data pointers
 * are not looked at. */
bool gr_gemm_streams(const gr_gemm *gemm);

/* Scratch bytes that gr_gemm_run needs for this size (data pointers are not looked at) with at most
 * so many threads. */
size_t gr_gemm_work(const gr_gemm *gemm, int threads);
void gr_gemm_run(const gr_gemm *gemm, int threads, void *work);

/* All of b, packed once for many products; is the product one that it serves? */
bool gr_gemm_packs(const gr_gemm *gemm);
size_t gr_gemm_packed_bytes(const gr_gemm *gemm);
void gr_gemm_pack_all(const gr_gemm *gemm, int threads, void *out);

/* A kernel for one product of dense matrices of a few elements, the call's inputs and output;
 * GR_UNSUPPORTED if they are too many, or for the type or CPU level. The strides are those of the
 * product, its pointers are not looked at. */
gr_status gr_gemm_tiny_prepare(const gr_gemm *gemm, gr_request *request);

/* All of a, packed for products that share it: sliver after sliver for each block of k. Pieces
 * [begin, end) of the blocks can be packed on their own. */
int64_t gr_gemm_packed_size(const gr_gemm_kit *kit, int64_t m, int64_t k); /* elements */
void gr_gemm_pack_blocks(const gr_gemm_kit *kit, const gr_gemm_matrix *a, int64_t m, int64_t k,
                         int64_t begin, int64_t end, void *out);
/* Rows [row, row + mr) of it in the block of k that starts at k0 and is kc long. */
static inline const void *gr_gemm_packed_sliver(const gr_gemm_kit *kit, const void *packed,
                                                int64_t m, int64_t k0, int64_t kc, int64_t row)
{
    const int64_t slivers = (m + kit->mr - 1) / kit->mr;
    const int64_t place = (k0 * slivers + row / kit->mr * kc) * kit->sliver;
    return (const char *)packed + (size_t)place * kit->element;
}

/* How many threads a piece of work of so many floating-point operations is worth. */
int gr_gemm_threads(double operations, int threads);

#endif
