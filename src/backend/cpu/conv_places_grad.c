/* The gradient of convolution by the weights, place by place.
 *
 * For a tap, dW = Σ dY·Xᵀ over the places of y that see one of x and over the images. At each place
 * the images are rows of packed matrices: channels of y in slivers, channels of x in panels. A task
 * has the weights between a sliver and a panel; its sums stay in the cache for all places and taps.
 */
#include "backend/cpu/conv_places.h"

/* Places of y that are summed at once: with what they see of x, they stay in the second-level
 * cache. */
#define PLACES_ROW 32

/* ---- Turned operands ------------------------------------------------------------------------- */

static int64_t places_dy_size(const places_plan *p)
{
    const conv_plan *c = &p->conv;
    return c->g.groups * p->slivers * c->places * p->images * c->kit->sliver;
}

static int64_t places_x_size(const places_plan *p)
{
    const conv_plan *c = &p->conv;
    return c->g.groups * p->panels * gr_conv_volume(c->g.in) * p->images * c->kit->nr;
}

static void *places_dy(const places_plan *p, const gr_call *call, int64_t group, int64_t sliver)
{
    const conv_plan *c = &p->conv;
    const int64_t each = c->places * p->images * c->kit->sliver;
    return conv_at(c, call->work, (group * p->slivers + sliver) * each);
}

static void *places_x(const places_plan *p, const gr_call *call, int64_t group, int64_t panel)
{
    const conv_plan *c = &p->conv;
    const int64_t each = gr_conv_volume(c->g.in) * p->images * c->kit->nr;
    return conv_at(c, (char *)call->work + conv_bytes(c, places_dy_size(p)),
                   (group * p->panels + panel) * each);
}

static int64_t places_batch_images(const places_plan *p, int64_t batch)
{
    return conv_min(p->images, p->conv.g.n - batch * p->images);
}

/* Turns `n` neighbouring channels, which begin at `from`, of an image: for each of its places they
 * become a row at `to`, `step` apart. */
static void places_turn_channels(const conv_plan *c, const void *from, int64_t n, int64_t places,
                                 void *to, int64_t step)
{
    c->kit->turn(from, places, n, places, to, step);
}

/* task = (batch · groups + group) · (slivers + panels) + sliver or, after them, panel */
static void places_turn_operand_task(const conv_plan *c, const gr_call *call, char *slot,
                                     int64_t task)
{
    (void)slot;
    const places_plan *p = places_of(c);
    const int64_t operands = p->slivers + p->panels, operand = task % operands;
    const int64_t group = task / operands % c->g.groups, batch = task / operands / c->g.groups;
    const int64_t images = places_batch_images(p, batch), first = batch * p->images;
    for (int64_t i = 0; i < images; i++) {
        const int64_t index = (first + i) * c->g.groups + group;
        if (operand < p->slivers) {
            const int64_t channel = operand * c->kit->mr, step = c->kit->sliver;
            const int64_t n = conv_min(c->width - channel, step); /* whole vectors turn faster */
            places_turn_channels(
                c, conv_at(c, call->in[1], index * conv_y_size(c) + channel * c->places), n,
                c->places, conv_at(c, places_dy(p, call, group, operand), i * step), images * step);
        } else {
            const int64_t places = gr_conv_volume(c->g.in);
            const int64_t channel = (operand - p->slivers) * c->kit->nr;
            const int64_t n = conv_min(c->depth - channel, c->kit->nr);
            const int64_t step = gr_gemm_panel(c->kit, n);
            places_turn_channels(
                c, conv_at(c, call->in[0], index * conv_x_size(c) + channel * places), n, places,
                conv_at(c, places_x(p, call, group, operand - p->slivers), i * step),
                images * step);
        }
    }
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/* Where a task works. */
typedef struct places_pair {
    const places_plan *p;
    const gr_call *call;
    int64_t images;
    int64_t row, m, column, n; /* channels of y and x */
    int64_t first, last;       /* taps */
    int64_t lanes;             /* of a panel's row */
    void *weights;             /* the group's gradient */
    gr_gemm_link *links;
    char *sums; /* for each tap [mr, lanes] */
} places_pair;

/* The places of a row of y that see one of x through tap k: from the first on, all up to the last.
 */
static void places_reach(const places_plan *p, int axis, int64_t k, int64_t *first, int64_t *last)
{
    const int64_t n = p->conv.g.out[axis];
    *first = 0;
    while (*first < n && places_see(p, axis, *first, k) < 0) ++*first;
    *last = n;
    while (*last > *first && places_see(p, axis, *last - 1, k) < 0) --*last;
}

/* The links of rows [begin, end) of places for one tap. Neighbours are one link where they are in
 * both. */
static int64_t places_link_rows(const places_pair *s, int64_t begin, int64_t end, int64_t tap)
{
    const conv_plan *c = &s->p->conv;
    const gr_conv_geometry *g = &c->g;
    const int64_t kx = tap % g->kernel[2], ky = tap / g->kernel[2] % g->kernel[1];
    const int64_t kz = tap / (g->kernel[1] * g->kernel[2]);
    const int64_t a = s->images * c->kit->sliver, b = s->images * s->lanes;
    int64_t first, last, n = 0;
    places_reach(s->p, 2, kx, &first, &last);
    for (int64_t row = begin; row < end && first < last; row++) {
        const int64_t z = places_see(s->p, 0, row / g->out[1], kz);
        const int64_t y = places_see(s->p, 1, row % g->out[1], ky);
        if (z < 0 || y < 0) continue;
        const int64_t to = row * g->out[2] + first;
        const int64_t from = (z * g->in[1] + y) * g->in[2] + places_see(s->p, 2, first, kx);
        const int64_t joined = g->stride[2] == 1 ? last - first : 1;
        for (int64_t i = 0; i < last - first; i += joined) {
            s->links[n++] =
                (gr_gemm_link){(to + i) * a, (from + i * g->stride[2]) * b, joined * s->images};
        }
    }
    return n;
}

/* Moves the sums into the gradient, or back from it. */
static void places_move_sums(const places_pair *s, bool out)
{
    const places_plan *p = s->p;
    const conv_plan *c = &p->conv;
    const int64_t taps = s->last - s->first;
    const int64_t step = c->kit->mr * s->lanes;
    for (int64_t i = 0; i < s->m; i++) {
        char *sums = conv_at(c, s->sums, i * s->lanes);
        char *weights =
            conv_at(c, s->weights, (s->row + i) * c->patch + s->column * p->taps + s->first);
        if (out) {
            c->kit->turn(sums, step, taps, s->n, weights, p->taps);
        } else {
            c->kit->turn(weights, p->taps, s->n, taps, sums, step);
        }
    }
}

/* task = (((batch · groups + group) · panels + panel) · slivers + sliver) · parts + part of taps */
static void places_weights_task(const conv_plan *c, const gr_call *call, char *slot, int64_t task)
{
    const places_plan *p = places_of(c);
    const gr_gemm_kit *kit = c->kit;
    const int64_t part = task % p->parts, sliver = task / p->parts % p->slivers;
    const int64_t index = task / p->parts / p->slivers, panel = index % p->panels;
    const int64_t group = index / p->panels % c->g.groups;
    const int64_t batch = index / p->panels / c->g.groups;
    places_pair s = {.p = p,
                     .call = call,
                     .images = places_batch_images(p, batch),
                     .row = sliver * kit->mr,
                     .column = panel * kit->nr,
                     .first = part * p->taps / p->parts,
                     .last = (part + 1) * p->taps / p->parts,
                     .weights = conv_at(c, call->out[0], group * conv_w_size(c)),
                     .links = (gr_gemm_link *)slot};
    s.m = conv_min(c->width - s.row, kit->mr);
    s.n = conv_min(c->depth - s.column, kit->nr);
    s.lanes = gr_gemm_panel(kit, s.n);
    s.sums = slot + places_links_bytes(p->rows * c->g.out[2]);
    if (batch > 0) places_move_sums(&s, false);
    const int64_t rows = c->g.out[0] * c->g.out[1];
    for (int64_t row = 0; row < rows; row += p->rows) {
        for (int64_t tap = s.first; tap < s.last; tap++) {
            const int64_t n = places_link_rows(&s, row, conv_min(row + p->rows, rows), tap);
            const gr_gemm_chain chain = {s.links, n, kit->sliver, s.lanes};
            kit->tile_chain(s.m, s.lanes, &chain, places_dy(p, call, group, sliver),
                            places_x(p, call, group, panel),
                            conv_at(c, s.sums, (tap - s.first) * kit->mr * s.lanes), s.lanes,
                            batch > 0 || row > 0);
        }
    }
    places_move_sums(&s, true);
}

gr_status gr_conv_places_weights(const gr_call *call)
{
    const conv_plan *c = call->ctx;
    const places_plan *p = places_of(c);
    const int64_t operands = c->g.groups * (p->slivers + p->panels);
    const int64_t tasks = c->g.groups * p->slivers * p->panels * p->parts;
    for (int64_t batch = 0; batch < p->batches; batch++) {
        gr_conv_share_range(c, call, batch * operands, (batch + 1) * operands,
                            places_turn_operand_task);
        gr_conv_share_range(c, call, batch * tasks, (batch + 1) * tasks, places_weights_task);
    }
    return GR_OK;
}

void gr_conv_places_plan_weights(places_plan *p, int threads)
{
    conv_plan *c = &p->conv;
    const gr_gemm_kit *kit = c->kit;
    p->slivers = conv_ceil(c->width, kit->mr);
    p->panels = conv_ceil(c->depth, kit->nr);
    p->images = 1;
    const int64_t fit =
        PLACES_BYTES / (int64_t)kit->element / (places_dy_size(p) + places_x_size(p));
    p->images = conv_max(conv_min(fit, c->g.n), 1);
    p->batches = conv_ceil(c->g.n, p->images);
    p->images = conv_ceil(c->g.n, p->batches);
    p->rows = conv_min(c->g.out[0] * c->g.out[1], conv_max(PLACES_ROW / c->g.out[2], 1));
    const int64_t pairs = c->g.groups * p->slivers * p->panels;
    p->parts = conv_min(p->taps, conv_ceil(gr_conv_workers(c, threads), pairs));
    c->shared = conv_bytes(c, places_dy_size(p)) + conv_bytes(c, places_x_size(p));
    c->slot = places_links_bytes(p->rows * c->g.out[2]) +
              conv_bytes(c, conv_ceil(p->taps, p->parts) * kit->mr * kit->nr);
}
