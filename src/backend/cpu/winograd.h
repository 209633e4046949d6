/* Winograd's minimal filtering for convolutions of 3×3 and 5×5 with stride 1. Internal to the CPU
 * backend.
 *
 * Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016): a tile d of the
 * source and the filter g are taken to a few points in both directions, multiplied there, and taken
 * back to a tile Y of the result, 4×4 elements, Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. For a 3×3 filter d
 * has 6×6 elements and the points are 0, ±1, ±2, ∞; for a 5×5 filter it has 8×8 and there are ±1/2
 * besides. For many channels the products become 36 or 64 matrix products, with a quarter (36/144)
 * or a sixth (64/400) of the multiplications.
 *
 * Sums are formed in another order than the definition's, with factors up to 16 between: the
 * error of f32 is some 5 times that of the direct kernels, up to 1e-5 of the largest result
 * (tests/unit/test_winograd.c). So `exact` leaves Winograd out, and f64 never uses it. */
#ifndef GR_WINOGRAD_H
#define GR_WINOGRAD_H

#include "backend/cpu/conv.h"

enum { WINOGRAD_TILE = 4 }; /* side of a tile of the result */

/* Side of a tile of the source, for a filter of so many taps. */
static inline int64_t winograd_side_of(int64_t taps)
{
    return WINOGRAD_TILE + taps - 1;
}

/* The two sizes of filter. */
typedef enum winograd_size { WINOGRAD_3X3, WINOGRAD_5X5, WINOGRAD_SIZES } winograd_size;

/* Transforms of `lanes` tiles at once. Tile `lane` starts at element at[lane] of the tensor, its
 * rows are `pitch` apart. What belongs to point e stands `step` elements after that of point
 * e − 1. */
typedef void winograd_tiles_in_fn(const float *tensor, const int64_t *at, int64_t pitch,
                                  float *points, int64_t step);
typedef void winograd_tiles_out_fn(const float *points, int64_t step, float *tensor,
                                   const int64_t *at, int64_t pitch);

typedef struct winograd_kit {
    const char *name; /* "winograd-avx512" */
    int lanes;
    /* `rows` rows of n elements from one tensor to another */
    void (*copy)(const float *from, int64_t from_pitch, float *to, int64_t to_pitch, int64_t rows,
                 int64_t n);
    winograd_tiles_in_fn *source[WINOGRAD_SIZES];    /* Bᵀ d B */
    winograd_tiles_out_fn *result[WINOGRAD_SIZES];   /* Aᵀ M A */
    winograd_tiles_in_fn *cotangent[WINOGRAD_SIZES]; /* A dY Aᵀ */
    winograd_tiles_out_fn
        *spread[WINOGRAD_SIZES]; /* adds B M Bᵀ; tiles may overlap, but not be the same */
    /* G g Gᵀ of `width` filters: tap t of filter i is taps[t·width + i]; `flip` turns the filter by
     * 180°. */
    void (*filter[WINOGRAD_SIZES])(const float *taps, int64_t width, bool flip, float *points,
                                   int64_t step);
    /* Gᵀ U G of `lanes` filters, tap t of filter i into taps[t·lanes + i] */
    void (*gradient[WINOGRAD_SIZES])(const float *points, int64_t step, float *taps);
} winograd_kit;

const winograd_kit *gr_winograd_kit_for(gr_cpu_level level);

/* ---- Tiles of a batch ------------------------------------------------------------------------ */

/* How tiles lie in the planes of a tensor [images, channels, h, w]: tile (y, x) is side×side
 * elements from (y·4 − pad[0], x·4 − pad[1]) on; outside of the plane there are zeros. Where
 * a tile reaches out, tiles are staged: copied to, or from, a buffer with rows of `pitch`. */
typedef struct winograd_view {
    int64_t h, w, pad[2];
    int64_t side;
    int64_t image;  /* elements of an image: of all its channels */
    bool staged;    /* wished before settling, or needed */
    int64_t pitch;  /* of the buffer, or w */
    int64_t buffer; /* elements */
} winograd_view;

/* A rectangle of tiles of one image; tiles are counted row by row, image by image. */
typedef struct winograd_piece {
    int64_t image, y, x, rows, columns;
} winograd_piece;

/* The grid of tiles, and how many are worked on at once. */
typedef struct winograd_grid {
    int64_t y, x;  /* in an image */
    int64_t count; /* in all images */
    int64_t block;
} winograd_grid;

/* Settles what follows from the other members: pitch, buffer, whether tiles are staged. */
void gr_winograd_view_settle(winograd_view *view, const winograd_grid *grid);
/* Cuts the tiles [first, first + n), n ≤ block, into at most n pieces; returns how many. */
int64_t gr_winograd_cut(const winograd_grid *grid, int64_t first, int64_t n,
                        winograd_piece *pieces);
/* Where each tile starts in the buffer, or in the plane of a channel of image 0; the last is
 * repeated up to `lanes`. */
void gr_winograd_places(const winograd_view *view, const winograd_piece *pieces, int64_t n_pieces,
                        int64_t lanes, int64_t *at);
/* Copies the pieces of one channel, which starts at `plane` in image 0, to the buffer or back. What
 * is outside of the plane is not written. */
void gr_winograd_fetch(const winograd_kit *kit, const winograd_view *view,
                       const winograd_piece *pieces, int64_t n_pieces, const float *plane,
                       float *buffer);
/* Asks for what fetching another channel will read. */
void gr_winograd_prefetch(const winograd_view *view, const winograd_piece *pieces, int64_t n_pieces,
                          const float *plane);
void gr_winograd_put(const winograd_kit *kit, const winograd_view *view,
                     const winograd_piece *pieces, int64_t n_pieces, const float *buffer,
                     float *plane);

/* ---- Scratch memory -------------------------------------------------------------------------- */

/* Takes `count` elements of `size` bytes behind the *used bytes of a worker's scratch memory. With
 * base NULL only *used counts: that is how the memory is measured. */
static inline void *winograd_take(char *base, size_t *used, int64_t count, size_t size)
{
    char *at = base ? base + *used : NULL;
    *used += gr_aligned((size_t)count * size);
    return at;
}

/* ---- Plans ----------------------------------------------------------------------------------- */

typedef struct winograd_plan {
    conv_plan conv; /* first: tasks get a pointer to it */
    const winograd_kit *kit;
    winograd_size size;
    int64_t kernel, side; /* 3 or 5; 6 or 8 */
    int64_t points;       /* side², products for each tile */
    int64_t depth, width; /* channels of a group of the source, of the result */
    bool backward;        /* gradient by the input: the weights are read as [width, depth] */
    bool spread;          /* … and tiles of the cotangent are spread over the result */
    winograd_grid grid;
    int64_t lanes; /* room for the tiles of a block, in whole panels */
    winograd_view source, result;
    winograd_tiles_in_fn *to_points;
    winograd_tiles_out_fn *from_points;
    bool few;      /* tiles are held, not filters */
    int64_t rows;  /* channels of the result between the products and their way back */
    int64_t held;  /* channels of the result whose filters are held at once, a multiple of rows */
    int64_t parts; /* tasks that a block of tiles is cut into */
} winograd_plan;

/* Whether the method can do the node: f32, filters of 3×3 or 5×5, no stride or dilation, not under
 * `exact`. */
bool gr_winograd_can(const gr_request *request);
/* Tiles of the batch for the geometry of a node of `op`, if the method can do it. */
int64_t gr_winograd_count(const gr_conv_geometry *g, const gr_op *op);
/* GR_UNSUPPORTED where it cannot. */
gr_prepare_fn gr_winograd_prepare;
/* Its part for conv_weight_grad. */
gr_prepare_fn gr_winograd_prepare_grad;

#endif
