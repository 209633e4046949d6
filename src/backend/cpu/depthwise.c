/* Convolutions whose groups are one channel in, one channel out: a filter goes over each plane, a
 * row of outputs at a time, without a matrix product. */
#include "backend/cpu/conv.h"

/* One row of outputs and what its taps see. Where the stride is 1 that lies in the plane itself;
 * otherwise it is gathered into rows of its own. */
typedef struct depthwise_row {
    const int64_t *offset; /* of each tap */
    void *x;
} depthwise_row;

/* The worker's scratch: the gathered rows with their offsets, running sums, the padded plane. */
typedef struct depthwise_slot {
    int64_t *offset;
    void *rows, *sums, *plane;
} depthwise_slot;

static depthwise_slot depthwise_cut(const conv_plan *p, char *slot)
{
    depthwise_slot s;
    s.offset = (int64_t *)(void *)slot;
    s.rows = slot + conv_pieces_bytes(p->patch);
    s.sums = (char *)s.rows + conv_bytes(p, p->patch * p->g.out[2]);
    s.plane = (char *)s.sums + conv_bytes(p, p->patch * p->kit->nr / 2);
    for (int64_t t = 0; t < p->patch; t++) s.offset[t] = t * p->g.out[2];
    return s;
}

static gr_gemm_patches depthwise_patches(const conv_plan *p, const gr_gemm_piece *piece)
{
    return (gr_gemm_patches){p->offset, piece, 1, p->g.stride[2]};
}

/* Where output row `row` begins in the plane. */
static void *depthwise_start(const conv_plan *p, const void *plane, int64_t row)
{
    const int64_t z = row / p->g.out[1] * p->g.stride[0], y = row % p->g.out[1] * p->g.stride[1];
    return conv_at(p, plane, conv_place(p, z, y, 0));
}

static depthwise_row depthwise_row_of(const conv_plan *p, const depthwise_slot *s,
                                      const void *plane, int64_t row)
{
    void *start = depthwise_start(p, plane, row);
    if (p->g.stride[2] == 1) return (depthwise_row){p->offset, start};
    const gr_gemm_piece piece = {0, p->g.out[2]};
    const gr_gemm_patches patches = depthwise_patches(p, &piece);
    p->kit->gather(&patches, start, p->patch, p->g.out[2], s->rows, p->g.out[2]);
    return (depthwise_row){s->offset, s->rows};
}

static int64_t depthwise_rows(const conv_plan *p)
{
    return p->g.out[0] * p->g.out[1];
}

static const void *depthwise_plane(const conv_plan *p, const depthwise_slot *s, const void *x,
                                   int64_t index)
{
    const void *plane = conv_at(p, x, index * conv_x_size(p));
    if (!p->pads) return plane;
    gr_conv_pad(p, plane, 1, s->plane);
    return s->plane;
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* task = image · channels + channel */
static void depthwise_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const depthwise_slot s = depthwise_cut(p, slot);
    const void *w = conv_at(p, call->in[1], task % p->g.groups * p->patch);
    const void *plane = depthwise_plane(p, &s, call->in[0], task);
    for (int64_t row = 0; row < depthwise_rows(p); row++) {
        const depthwise_row r = depthwise_row_of(p, &s, plane, row);
        void *y = conv_at(p, call->out[0], task * p->places + row * p->g.out[2]);
        p->kit->filter(p->g.out[2], p->patch, r.offset, r.x, w, y);
    }
}

static gr_status depthwise_forward(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->g.n * p->g.groups, depthwise_task);
    return GR_OK;
}

/* ---- By the input ---------------------------------------------------------------------------- */

/* task = image · channels + channel */
static void depthwise_input_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const depthwise_slot s = depthwise_cut(p, slot);
    const void *w = conv_at(p, call->in[1], task % p->g.groups * p->patch);
    void *dx = conv_at(p, call->out[0], task * conv_x_size(p));
    void *plane = p->pads ? s.plane : dx;
    const int64_t n = p->g.out[2];
    const gr_gemm_piece piece = {0, n};
    const gr_gemm_patches patches = depthwise_patches(p, &piece);
    memset(plane, 0, (size_t)p->padded_volume * p->kit->element);
    for (int64_t row = 0; row < depthwise_rows(p); row++) {
        const void *dy = conv_at(p, call->in[0], task * p->places + row * n);
        void *start = depthwise_start(p, plane, row);
        if (p->g.stride[2] == 1) {
            p->kit->filter_back(n, p->patch, p->offset, start, w, dy);
            continue;
        }
        memset(s.rows, 0, (size_t)(p->patch * n) * p->kit->element);
        p->kit->filter_back(n, p->patch, s.offset, s.rows, w, dy);
        p->kit->scatter(&patches, s.rows, n, p->patch, start);
    }
    if (p->pads) gr_conv_unpad(p, plane, 1, dx);
}

static gr_status depthwise_input_grad(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->g.n * p->g.groups, depthwise_input_task);
    return GR_OK;
}

/* ---- By the weights -------------------------------------------------------------------------- */

/* task = channel: all images in order, so any number of threads gives the same bits */
static void depthwise_weight_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const depthwise_slot s = depthwise_cut(p, slot);
    const int64_t lanes = p->kit->nr / 2;
    memset(s.sums, 0, (size_t)(p->patch * lanes) * p->kit->element);
    for (int64_t image = 0; image < p->g.n; image++) {
        const int64_t index = image * p->g.groups + task;
        const void *plane = depthwise_plane(p, &s, call->in[0], index);
        for (int64_t row = 0; row < depthwise_rows(p); row++) {
            const depthwise_row r = depthwise_row_of(p, &s, plane, row);
            const void *dy = conv_at(p, call->in[1], index * p->places + row * p->g.out[2]);
            p->kit->filter_sums(p->g.out[2], p->patch, r.offset, r.x, dy, s.sums);
        }
    }

    for (int64_t t = 0; t < p->patch; t++) {
        const void *sum = conv_at(p, s.sums, t * lanes);
        void *dw = conv_at(p, call->out[0], task * p->patch + t);
        if (p->kit->element == sizeof(float)) {
            float total = 0;
            for (int64_t i = 0; i < lanes; i++) total += ((const float *)sum)[i];
            *(float *)dw = total;
        } else {
            double total = 0;
            for (int64_t i = 0; i < lanes; i++) total += ((const double *)sum)[i];
            *(double *)dw = total;
        }
    }
}

static gr_status depthwise_weight_grad(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->g.groups, depthwise_weight_task);
    return GR_OK;
}

gr_status gr_conv_prepare_depthwise(gr_request *request, conv_plan *p)
{
    const gr_op *op = request->node->op;
    request->kernel = "depthwise";
    p->shared = 0;
    p->slot = conv_pieces_bytes(p->patch) + conv_bytes(p, p->patch * p->g.out[2]) +
              conv_bytes(p, p->patch * p->kit->nr / 2) +
              (p->pads ? conv_bytes(p, p->padded_volume) : 0);
    request->fn = op == &gr_op_conv              ? depthwise_forward
                  : op == &gr_op_conv_input_grad ? depthwise_input_grad
                                                 : depthwise_weight_grad;
    return GR_OK;
}
