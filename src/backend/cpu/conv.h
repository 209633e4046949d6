/* What the kernels of convolution and its two gradients share. Internal to the CPU backend.
 *
 * A convolution is a matrix product of the weights [O, K], K = C/groups · kernel, with the patches
 * [K, P] that the P output places of an image see. The patches are gathered straight into the
 * blocks that the product reads, from a zero-padded copy of the image where there is padding, so
 * that no step has to look at borders. */
#ifndef GR_CPU_CONV_H
#define GR_CPU_CONV_H

#include "backend/cpu/gemm.h"
#include "ops/conv.h"

typedef struct conv_plan {
    gr_conv_geometry g;
    const gr_gemm_kit *kit;
    int64_t depth, width;  /* channels of a group: in, out */
    int64_t patch, places; /* K and P */
    int64_t padded[GR_SPACE], padded_volume;
    bool pads;
    const int64_t *offset; /* of each row of the patches in a group's (padded) image */
    int64_t columns;       /* patches gathered at once */
    int64_t parts;         /* tasks that one image and group is cut into */
    int64_t chunks;        /* weight gradient: parts of the batch that are summed apart */
    int64_t joined;        /* weight gradient: images whose places are contracted at once */
    int64_t unfolded;      /* weight gradient: elements of an unfolded patch, 0 if none is */
    size_t shared, slot;   /* scratch bytes: of all workers together, of each */
} conv_plan;

#define CONV_COLUMNS 512 /* most output places that are worked on at once */

/* Elements of one image and group of x and of y; of one group of w. */
static inline int64_t conv_x_size(const conv_plan *p)
{
    return p->depth * gr_conv_volume(p->g.in);
}
static inline int64_t conv_y_size(const conv_plan *p)
{
    return p->width * p->places;
}
static inline int64_t conv_w_size(const conv_plan *p)
{
    return p->width * p->patch;
}

static inline int64_t conv_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t conv_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline int64_t conv_ceil(int64_t a, int64_t unit)
{
    return (a + unit - 1) / unit;
}

/* The element `index` of a buffer. */
static inline void *conv_at(const conv_plan *p, const void *buffer, int64_t index)
{
    return (char *)(uintptr_t)buffer + index * (int64_t)p->kit->element;
}

/* Scratch of `elements`, rounded up so that what follows is aligned. */
static inline size_t conv_bytes(const conv_plan *p, int64_t elements)
{
    return gr_aligned((size_t)elements * p->kit->element);
}

/* Fills in the geometry, the kit and the sizes of the product. */
void gr_conv_plan_start(const gr_request *request, conv_plan *p);

/* Fills in the padded image, if one is needed, and where its patches lie. */
gr_status gr_conv_plan_patches(gr_request *request, conv_plan *p);

/* Copies channels of an image into the zeroed padded buffer; the inside of it back. */
void gr_conv_pad(const conv_plan *p, const void *x, int64_t channels, void *padded);
void gr_conv_unpad(const conv_plan *p, const void *padded, int64_t channels, void *x);

/* Pieces of output places [first, first + n), n ≤ p->columns, into pieces[n]; returns how many. */
int64_t gr_conv_pieces(const conv_plan *p, int64_t first, int64_t n, gr_gemm_piece *pieces);

/* Rows [k0, k0 + kc) of the patches of output places [first, last), as panels of B; `pieces` has
 * room for kit->nr. */
void gr_conv_gather(const conv_plan *p, const void *image, int64_t k0, int64_t kc, int64_t first,
                    int64_t last, gr_gemm_piece *pieces, void *panels);

static inline size_t conv_pieces_bytes(int64_t pieces)
{
    return gr_aligned((size_t)pieces * sizeof(gr_gemm_piece));
}

/* How many threads the whole operation is worth. */
int gr_conv_workers(const conv_plan *p, int threads);

/* Runs the tasks [0, tasks) on as many workers as the work is worth, each with a slot of scratch
 * behind the shared one. */
typedef void conv_task_fn(const conv_plan *p, const gr_call *call, char *slot, int64_t task);
void gr_conv_share(const conv_plan *p, const gr_call *call, int64_t tasks, conv_task_fn *body);
/* The same for the tasks [first, last). */
void gr_conv_share_range(const conv_plan *p, const gr_call *call, int64_t first, int64_t last,
                         conv_task_fn *body);

/* Gradients by the weights: adds the sums of the chunks from 1 on, dense at the start of the
 * scratch memory, to the result, which has the first. */
void gr_conv_add_chunks(const conv_plan *p, const gr_call *call);

/* Row-major place of (z, y, x) in the padded image. */
static inline int64_t conv_place(const conv_plan *p, int64_t z, int64_t y, int64_t x)
{
    return (z * p->padded[1] + y) * p->padded[2] + x;
}

/* Forward with few places of output, so that packing the weights would take longer than using
 * them. */
bool gr_conv_rows_can(const gr_request *request);
gr_prepare_fn gr_conv_rows_prepare;

/* Groups of one channel in and one out, for which a matrix product would have one row. */
gr_status gr_conv_prepare_depthwise(gr_request *request, conv_plan *plan);

gr_status gr_conv_prepare_forward(gr_request *request, conv_plan *plan);
gr_status gr_conv_prepare_input_grad(gr_request *request, conv_plan *plan);
gr_status gr_conv_prepare_weight_grad(gr_request *request, conv_plan *plan);

#endif
