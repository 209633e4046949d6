/* Winograd convolution forward, and the gradient by the input, which is one. Two orders of work:
 * with many tiles, filters are transformed once and held while blocks of tiles pass by; with few,
 * the tiles are held and filters pass by, so that those of many channels, four times as many
 * elements as the weights have, never leave the second-level cache.
 *
 * The gradient by the input is the convolution of the cotangent with the filter turned by 180°. But
 * where little was padded, the input has more tiles than the cotangent. Then the forward method is
 * transposed instead: dx = Σ B[Uᵀ ⊙ (A dY Aᵀ)]Bᵀ, the sum over overlapping tiles of an image. */
#include "backend/cpu/winograd.h"

enum {
    WINOGRAD_CHANNELS = 16,     /* of the source whose filters a task transforms */
    WINOGRAD_SPACING = 16,      /* elements between points: strides are no powers of two */
    WINOGRAD_FILTERS = 4 << 20, /* elements of transformed filters that are held at once */
    WINOGRAD_BLOCK = 100 << 10, /* elements of a block's points: they stay in the L2 cache */
    WINOGRAD_PANELS = 4,
    WINOGRAD_IMAGE = 64,           /* tiles at most of an image over which tiles are spread */
    WINOGRAD_FEW = 128,            /* tiles at most that are held, */
    WINOGRAD_FEW_POINTS = 3 << 20, /* elements of them at most, */
    WINOGRAD_FEW_CHANNELS = 64     /* and source channels whose filters pass by at once */
};

/* ---- Sizes ----------------------------------------------------------------------------------- */

/* Elements from one point to the next: of the filters of a group at hand, of a block of the source,
 * and of the products. */
static int64_t winograd_filter_step(const winograd_plan *p)
{
    const int64_t rows = p->few ? p->rows : p->held;
    const int64_t channels = p->few ? conv_min(p->depth, WINOGRAD_FEW_CHANNELS) : p->depth;
    return gr_gemm_packed_size(p->conv.kit, rows, channels) + WINOGRAD_SPACING;
}

static int64_t winograd_source_step(const winograd_plan *p)
{
    return p->depth * p->lanes + WINOGRAD_SPACING;
}

static int64_t winograd_product_step(const winograd_plan *p)
{
    return p->rows * p->lanes + WINOGRAD_SPACING;
}

/* A worker's scratch memory. */
typedef struct winograd_slot {
    winograd_piece *pieces;
    int64_t *source_at, *result_at;
    float *source, *result; /* staged tiles of one channel */
    float *points; /* with few tiles they are shared, and each worker has its own filters */
    float *filters;
    float *products;
    float *taps;
    size_t size;
} winograd_slot;

static winograd_slot winograd_slot_at(const winograd_plan *p, char *base)
{
    const int64_t outside = p->spread ? p->side * p->result.pitch : 0;
    winograd_slot s = {.size = 0};
    s.pieces = winograd_take(base, &s.size, p->lanes, sizeof *s.pieces);
    s.source_at = winograd_take(base, &s.size, p->lanes, sizeof *s.source_at);
    s.result_at = winograd_take(base, &s.size, p->lanes, sizeof *s.result_at);
    s.source = winograd_take(base, &s.size, p->source.buffer, sizeof(float));
    s.result = winograd_take(base, &s.size, p->result.buffer + outside, sizeof(float));
    const int64_t points = p->points * winograd_source_step(p);
    const int64_t filters = p->points * winograd_filter_step(p);
    s.points = winograd_take(base, &s.size, p->few ? 0 : points, sizeof(float));
    s.filters = winograd_take(base, &s.size, p->few ? filters : 0, sizeof(float));
    s.products = winograd_take(base, &s.size, p->points * winograd_product_step(p), sizeof(float));
    s.taps = winograd_take(base, &s.size,
                           WINOGRAD_CHANNELS * p->kernel * p->kernel * p->conv.kit->sliver,
                           sizeof(float));
    return s;
}

/* ---- Filters --------------------------------------------------------------------------------- */

/* Transformed filters of a group at hand: for each point slivers of A, of the source's channels
 * [channel, channel + channels). */
typedef struct winograd_filters {
    float *at;
    int64_t channel, channels;
} winograd_filters;

/* Taps of the filters from `n` source channels to up to mr result channels: for each source
 * channel and tap a sliver. */
static void winograd_pack_taps(const winograd_plan *p, const float *w, int64_t row, int64_t rows,
                               int64_t channel, int64_t n, float *taps)
{
    const int64_t kernel = p->kernel * p->kernel;
    const gr_gemm_kit *kit = p->conv.kit;
    if (!p->backward) {
        const gr_gemm_matrix a = {w + (row * p->depth + channel) * kernel, p->depth * kernel, 1};
        kit->pack_a(&a, rows, n * kernel, taps);
        return;
    }
    for (int64_t c = 0; c < n; c++) { /* the weights' rows are the source's channels */
        const gr_gemm_matrix a = {w + ((channel + c) * p->width + row) * kernel, kernel, 1};
        kit->pack_a(&a, rows, kernel, taps + c * kernel * kit->sliver);
    }
}

/* Transforms the filters to the result's channels [row, row + rows), rows ≤ mr: sliver number
 * `sliver`, from `channel` of those at hand on, n ≤ WINOGRAD_CHANNELS. */
static void winograd_transform(const winograd_plan *p, const float *w, const winograd_filters *f,
                               int64_t sliver, int64_t row, int64_t channel, int64_t n, float *taps)
{
    const int64_t lanes = p->conv.kit->sliver;
    const bool flip = p->backward && !p->spread;
    const int64_t rows = conv_min(p->width - row, p->conv.kit->mr);
    winograd_pack_taps(p, w, row, rows, f->channel + channel, n, taps);
    float *out = f->at + (sliver * f->channels + channel) * lanes;
    for (int64_t c = 0; c < n; c++) {
        p->kit->filter[p->size](taps + c * p->kernel * p->kernel * lanes, lanes, flip,
                                out + c * lanes, winograd_filter_step(p));
    }
}

static const float *winograd_weights(const winograd_plan *p, const gr_call *call, int64_t group)
{
    return (const float *)call->in[1] + group * conv_w_size(&p->conv);
}

/* Those of a group that are held. */
static winograd_filters winograd_held(const winograd_plan *p, const gr_call *call, int64_t group)
{
    float *at = (float *)call->work + group * p->points * winograd_filter_step(p);
    return (winograd_filters){at, 0, p->depth};
}

/* task = ((held · groups + group) · slivers + sliver) · chunks + chunk of the source's channels */
static int64_t winograd_filter_tasks(const winograd_plan *p)
{
    return p->conv.g.groups * conv_ceil(p->held, p->conv.kit->mr) *
           conv_ceil(p->depth, WINOGRAD_CHANNELS);
}

static void winograd_filter_task(const conv_plan *conv, const gr_call *call, char *slot,
                                 int64_t task)
{
    const winograd_plan *p = (const winograd_plan *)conv;
    const gr_gemm_kit *kit = conv->kit;
    const int64_t chunks = conv_ceil(p->depth, WINOGRAD_CHANNELS);
    const int64_t slivers = conv_ceil(p->held, kit->mr);
    const int64_t chunk = task % chunks, sliver = task / chunks % slivers;
    const int64_t group = task / chunks / slivers % conv->g.groups;
    const int64_t held = task / chunks / slivers / conv->g.groups;
    const int64_t row = held * p->held + sliver * kit->mr;
    if (row >= p->width) return;
    const int64_t channel = chunk * WINOGRAD_CHANNELS;
    const int64_t n = conv_min(p->depth - channel, WINOGRAD_CHANNELS);
    const winograd_filters filters = winograd_held(p, call, group);
    winograd_transform(p, winograd_weights(p, call, group), &filters, sliver, row, channel, n,
                       winograd_slot_at(p, slot).taps);
}

/* ---- Blocks of tiles ------------------------------------------------------------------------- */

/* A block in progress. */
typedef struct winograd_block {
    const winograd_plan *p;
    const gr_call *call;
    winograd_slot slot;
    int64_t group;
    int64_t n;     /* tiles */
    int64_t lanes; /* of all panels */
    int64_t n_pieces;
    float *points; /* of the source, as panels of B */
} winograd_block;

/* The tiles [first, first + n). */
static winograd_block winograd_block_of(const winograd_plan *p, const gr_call *call, char *slot,
                                        int64_t group, int64_t first)
{
    winograd_block b = {.p = p, .call = call, .slot = winograd_slot_at(p, slot), .group = group};
    b.n = conv_min(p->grid.count - first, p->grid.block);
    b.lanes = b.n / p->conv.kit->nr * p->conv.kit->nr;
    if (b.n > b.lanes) b.lanes += gr_gemm_panel(p->conv.kit, b.n - b.lanes);
    b.n_pieces = gr_winograd_cut(&p->grid, first, b.n, b.slot.pieces);
    gr_winograd_places(&p->source, b.slot.pieces, b.n_pieces, b.lanes, b.slot.source_at);
    gr_winograd_places(&p->result, b.slot.pieces, b.n_pieces, b.lanes, b.slot.result_at);
    /* lanes without a tile repeat the last one; where tiles are added up, outside of the others */
    for (int64_t lane = b.n; p->spread && lane < b.lanes; lane++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a block has its memory */
        b.slot.result_at[lane] = p->result.buffer;
    }
    b.points =
        p->few ? (float *)call->work + group * p->points * winograd_source_step(p) : b.slot.points;
    return b;
}

/* The source's channels [first, last) at all points. */
static void winograd_block_source(const winograd_block *b, int64_t first, int64_t last)
{
    const winograd_plan *p = b->p;
    const winograd_slot *s = &b->slot;
    const int64_t nr = p->conv.kit->nr, step = winograd_source_step(p),
                  plane = p->source.h * p->source.w;
    const float *x = (const float *)b->call->in[0] + (b->group * p->depth + first) * plane;
    memset(s->source, 0, (size_t)p->source.buffer * sizeof(float));
    for (int64_t c = first; c < last; c++, x += plane) {
        if (p->source.staged) {
            gr_winograd_fetch(p->kit, &p->source, s->pieces, b->n_pieces, x, s->source);
            if (c + 1 < last) {
                gr_winograd_prefetch(&p->source, s->pieces, b->n_pieces, x + plane);
            }
        }
        const float *tiles = p->source.staged ? s->source : x;
        for (int64_t j = 0; j < b->lanes; j += nr) {
            const int64_t width = conv_min(b->lanes - j, nr);
            float *points = b->points + j * p->depth + c * width;
            for (int64_t lane = 0; lane < width; lane += p->kit->lanes) {
                p->to_points(tiles, s->source_at + j + lane, p->source.pitch, points + lane, step);
            }
        }
    }
}

/* The products for `rows` channels of the result, from sliver number `sliver` at hand on; adds them
 * if these are not the first source channels. */
static void winograd_block_multiply(const winograd_block *b, const winograd_filters *f,
                                    int64_t point, int64_t sliver, int64_t rows)
{
    const winograd_plan *p = b->p;
    const gr_gemm_kit *kit = p->conv.kit;
    const int64_t block = gr_gemm_block(kit, f->channels), ld = p->lanes;
    const float *filters = f->at + point * winograd_filter_step(p);
    const float *points = b->points + point * winograd_source_step(p);
    float *products = b->slot.products + point * winograd_product_step(p);
    for (int64_t k = 0; k < f->channels; k += block) {
        const int64_t kc = conv_min(f->channels - k, block), channel = f->channel + k;
        for (int64_t j = 0; j < b->lanes; j += kit->nr) {
            const int64_t width = conv_min(b->lanes - j, kit->nr);
            for (int64_t i = 0; i < rows; i += kit->mr) {
                kit->tile(conv_min(rows - i, kit->mr), width, kc,
                          filters + ((sliver + i / kit->mr) * f->channels + k) * kit->sliver,
                          points + j * p->depth + channel * width, width, products + i * ld + j, ld,
                          channel > 0);
            }
        }
    }
}

/* The result's channels [row, row + rows). */
static void winograd_block_result(const winograd_block *b, int64_t row, int64_t rows)
{
    const winograd_plan *p = b->p;
    const winograd_slot *s = &b->slot;
    const int64_t plane = p->result.h * p->result.w;
    float *y = (float *)b->call->out[0] + (b->group * p->width + row) * plane;
    for (int64_t i = 0; i < rows; i++, y += plane) {
        float *tiles = p->result.staged ? s->result : y;
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a block has its memory */
        if (p->spread) memset(tiles, 0, (size_t)p->result.buffer * sizeof *tiles);
        for (int64_t lane = 0; lane < b->lanes; lane += p->kit->lanes) {
            p->from_points(s->products + i * p->lanes + lane, winograd_product_step(p), tiles,
                           s->result_at + lane, p->result.pitch);
        }
        if (p->result.staged) {
            gr_winograd_put(p->kit, &p->result, s->pieces, b->n_pieces, s->result, y);
        }
    }
}

/* ---- Filters held ---------------------------------------------------------------------------- */

/* task = ((held · groups + group) · blocks + block) · parts + part of the held channels */
static int64_t winograd_block_tasks(const winograd_plan *p)
{
    return p->conv.g.groups * conv_ceil(p->grid.count, p->grid.block) * p->parts;
}

static void winograd_block_task(const conv_plan *conv, const gr_call *call, char *slot,
                                int64_t task)
{
    const winograd_plan *p = (const winograd_plan *)conv;
    const int64_t blocks = conv_ceil(p->grid.count, p->grid.block);
    const int64_t part = task % p->parts, tile = task / p->parts % blocks * p->grid.block;
    const int64_t group = task / p->parts / blocks % conv->g.groups;
    const int64_t first = task / p->parts / blocks / conv->g.groups * p->held;
    const int64_t last = conv_min(first + p->held, p->width);
    const int64_t steps = conv_ceil(last - first, p->rows);
    const winograd_filters filters = winograd_held(p, call, group);
    const winograd_block b = winograd_block_of(p, call, slot, group, tile);
    winograd_block_source(&b, 0, p->depth);
    for (int64_t i = part * steps / p->parts; i < (part + 1) * steps / p->parts; i++) {
        const int64_t row = first + i * p->rows, rows = conv_min(last - row, p->rows);
        for (int64_t point = 0; point < p->points; point++) {
            winograd_block_multiply(&b, &filters, point, i * p->rows / conv->kit->mr, rows);
        }
        winograd_block_result(&b, row, rows);
    }
}

static gr_status winograd_run(const gr_call *call)
{
    const winograd_plan *p = call->ctx;
    const int64_t filters = winograd_filter_tasks(p), blocks = winograd_block_tasks(p);
    for (int64_t i = 0; i * p->held < p->width; i++) {
        gr_conv_share_range(&p->conv, call, i * filters, (i + 1) * filters, winograd_filter_task);
        gr_conv_share_range(&p->conv, call, i * blocks, (i + 1) * blocks, winograd_block_task);
    }
    return GR_OK;
}

/* ---- Tiles held ------------------------------------------------------------------------------ */

/* task = group · chunks + chunk of the source's channels */
static void winograd_source_task(const conv_plan *conv, const gr_call *call, char *slot,
                                 int64_t task)
{
    const winograd_plan *p = (const winograd_plan *)conv;
    const int64_t chunks = conv_ceil(p->depth, WINOGRAD_CHANNELS);
    const int64_t first = task % chunks * WINOGRAD_CHANNELS;
    const winograd_block b = winograd_block_of(p, call, slot, task / chunks, 0);
    winograd_block_source(&b, first, conv_min(first + WINOGRAD_CHANNELS, p->depth));
}

/* task = group · strips + strip of the result's channels */
static void winograd_strip_task(const conv_plan *conv, const gr_call *call, char *slot,
                                int64_t task)
{
    const winograd_plan *p = (const winograd_plan *)conv;
    const int64_t strips = conv_ceil(p->width, p->rows), mr = conv->kit->mr;
    const int64_t row = task % strips * p->rows, rows = conv_min(p->width - row, p->rows);
    const winograd_block b = winograd_block_of(p, call, slot, task / strips, 0);
    const float *w = winograd_weights(p, call, b.group);
    winograd_filters f = {.at = b.slot.filters};
    for (; f.channel < p->depth; f.channel += f.channels) {
        f.channels = conv_min(p->depth - f.channel, WINOGRAD_FEW_CHANNELS);
        for (int64_t i = 0; i < rows; i += mr) {
            for (int64_t c = 0; c < f.channels; c += WINOGRAD_CHANNELS) {
                winograd_transform(p, w, &f, i / mr, row + i, c,
                                   conv_min(f.channels - c, WINOGRAD_CHANNELS), b.slot.taps);
            }
        }
        for (int64_t point = 0; point < p->points; point++) {
            winograd_block_multiply(&b, &f, point, 0, rows);
        }
    }
    winograd_block_result(&b, row, rows);
}

static gr_status winograd_run_few(const gr_call *call)
{
    const winograd_plan *p = call->ctx;
    const int64_t groups = p->conv.g.groups;
    gr_conv_share(&p->conv, call, groups * conv_ceil(p->depth, WINOGRAD_CHANNELS),
                  winograd_source_task);
    gr_conv_share(&p->conv, call, groups * conv_ceil(p->width, p->rows), winograd_strip_task);
    return GR_OK;
}

/* ---- Plans ----------------------------------------------------------------------------------- */

/* Tiles of an image along spatial axis 1 or 2, of the result or, spread, of the cotangent. */
static int64_t winograd_tiles_along(const gr_conv_geometry *g, int axis, bool backward, bool spread)
{
    return conv_ceil(backward && !spread ? g->in[axis] : g->out[axis], WINOGRAD_TILE);
}

/* Spreading costs more for a tile; all tiles of an image must fit a block, since they are added. */
static bool winograd_spreads(const gr_conv_geometry *g)
{
    const int64_t few =
        winograd_tiles_along(g, 1, true, true) * winograd_tiles_along(g, 2, true, true);
    const int64_t all =
        winograd_tiles_along(g, 1, true, false) * winograd_tiles_along(g, 2, true, false);
    return 4 * few <= 3 * all && few <= WINOGRAD_IMAGE;
}

int64_t gr_winograd_count(const gr_conv_geometry *g, const gr_op *op)
{
    const bool backward = op == &gr_op_conv_input_grad, spread = backward && winograd_spreads(g);
    return g->n * winograd_tiles_along(g, 1, backward, spread) *
           winograd_tiles_along(g, 2, backward, spread);
}

/* The source and the result of the convolution that the node is, forward or backward. */
static void winograd_views(winograd_plan *p, bool backward)
{
    const gr_conv_geometry *g = &p->conv.g;
    p->backward = backward;
    p->spread = backward && winograd_spreads(g);
    p->depth = (backward ? g->o : g->c) / g->groups;
    p->width = (backward ? g->c : g->o) / g->groups;
    const int64_t *from = backward ? g->out : g->in, *to = backward ? g->in : g->out;
    p->source = (winograd_view){.h = from[1], .w = from[2], .side = p->side};
    p->result = (winograd_view){.h = to[1], .w = to[2], .side = WINOGRAD_TILE};
    p->to_points = p->kit->source[p->size];
    p->from_points = p->kit->result[p->size];
    for (int i = 0; i < 2; i++) {
        const int64_t pad = g->pad[1 + i];
        p->source.pad[i] = p->spread ? 0 : backward ? p->kernel - 1 - pad : pad;
        p->result.pad[i] = p->spread ? pad : 0;
    }
    if (p->spread) {
        p->source.side = WINOGRAD_TILE;
        p->result.side = p->side;
        p->result.staged = true;
        p->to_points = p->kit->cotangent[p->size];
        p->from_points = p->kit->spread[p->size];
    }
    p->source.image = g->groups * p->depth * from[1] * from[2];
    p->result.image = g->groups * p->width * to[1] * to[2];
    p->grid.y = winograd_tiles_along(g, 1, backward, p->spread);
    p->grid.x = winograd_tiles_along(g, 2, backward, p->spread);
    p->grid.count = g->n * p->grid.y * p->grid.x;
}

/* Blocks so that what is worked on stays in the second-level cache. */
static void winograd_blocks(winograd_plan *p, int threads)
{
    const gr_gemm_kit *kit = p->conv.kit;
    const int64_t strip = conv_ceil(24, kit->mr) * kit->mr;
    p->rows = conv_min(strip, conv_ceil(p->width, kit->mr) * kit->mr);
    const int64_t fit = WINOGRAD_BLOCK / (p->points * (p->depth + p->rows) * kit->nr);
    const int64_t panels = conv_ceil(p->grid.count, kit->nr);
    const int64_t held = p->conv.g.groups * p->points * p->depth * panels * kit->nr;
    const int64_t workers = gr_conv_workers(&p->conv, threads);
    /* strips pay where there are several and the filters outgrow the cache, or where there are too
     * few blocks for all workers, each of which would transform all of the source; but channels
     * are summed in the same order for any number of workers */
    p->few =
        !p->spread && p->grid.count <= WINOGRAD_FEW && held <= WINOGRAD_FEW_POINTS &&
        (p->points * p->depth * p->width > WINOGRAD_BLOCK ||
         (panels < workers && p->depth > WINOGRAD_CHANNELS && p->depth <= WINOGRAD_FEW_CHANNELS));
    if (p->few) {
        p->grid.block = p->lanes = panels * kit->nr;
        const int64_t share = p->width / workers / kit->mr; /* slivers */
        if (share * kit->mr < p->rows) p->rows = (share < 1 ? 1 : share) * kit->mr;
        return;
    }
    const int64_t most = fit < 1 ? 1 : conv_min(fit, WINOGRAD_PANELS);
    p->grid.block = conv_min(most, panels) * kit->nr;
    if (p->spread) { /* whole images */
        const int64_t image = p->grid.y * p->grid.x;
        p->grid.block = (image < p->grid.block ? p->grid.block / image : 1) * image;
    }
    p->lanes = conv_ceil(p->grid.block, kit->nr) * kit->nr;
    const int64_t each = p->points * p->depth * p->rows * p->conv.g.groups;
    const int64_t strips = conv_ceil(p->width, p->rows), hold = WINOGRAD_FILTERS / each;
    p->held = (hold < 1 ? 1 : conv_min(hold, strips)) * p->rows;
    const int64_t tasks = p->conv.g.groups * conv_ceil(p->grid.count, p->grid.block);
    p->parts = tasks < workers ? conv_min(conv_ceil(workers, tasks), p->held / p->rows) : 1;
}

bool gr_winograd_can(const gr_request *request)
{
    const gr_op *op = request->node->op;
    const gr_conv_geometry g = gr_conv_geometry_of(request->node);
    if (request->exact || gr_type_of(request->node).dtype != GR_F32) return false;
    if (g.in[0] != 1 || g.out[0] != 1 || g.kernel[0] != 1) return false;
    for (int i = 1; i < GR_SPACE; i++) {
        if (g.stride[i] != 1 || g.dilation[i] != 1) return false;
        if (op == &gr_op_conv_input_grad && g.pad[i] >= g.kernel[i]) return false;
    }
    if (g.kernel[1] != g.kernel[2] || (g.kernel[1] != 3 && g.kernel[1] != 5)) return false;
    return g.n * g.c * g.o * gr_conv_volume(g.in) * gr_conv_volume(g.out) > 0;
}

gr_status gr_winograd_prepare(gr_request *request)
{
    if (!gr_winograd_can(request)) return GR_UNSUPPORTED;
    if (request->node->op == &gr_op_conv_weight_grad) return gr_winograd_prepare_grad(request);
    winograd_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return GR_NO_MEMORY;
    gr_conv_plan_start(request, &p->conv);
    p->kit = gr_winograd_kit_for(request->level);
    p->kernel = p->conv.g.kernel[1];
    p->size = p->kernel == 3 ? WINOGRAD_3X3 : WINOGRAD_5X5;
    p->side = winograd_side_of(p->kernel);
    p->points = p->side * p->side;
    winograd_views(p, request->node->op == &gr_op_conv_input_grad);
    winograd_blocks(p, request->threads);
    gr_winograd_view_settle(&p->source, &p->grid);
    gr_winograd_view_settle(&p->result, &p->grid);
    const int64_t step = p->few ? winograd_source_step(p) : winograd_filter_step(p);
    p->conv.shared = conv_bytes(&p->conv, p->conv.g.groups * p->points * step);
    p->conv.slot = winograd_slot_at(p, NULL).size;
    request->fn = p->few ? winograd_run_few : winograd_run;
    request->ctx = p;
    request->work =
        p->conv.shared + p->conv.slot * (size_t)gr_conv_workers(&p->conv, request->threads);
    request->kernel = p->kit->name;
    return GR_OK;
}
