/* Winograd's method for the gradient by the weights:
 *     dg = Gᵀ[Σ (Bᵀ d B) ⊙ (A dY Aᵀ)]G,
 * the sum over all tiles, which is as many matrix products as there are points, contracted over
 * tiles. Lanes are channels here. Tiles are cut into chunks by the shape alone, whose sums are
 * added in order at the end: any number of threads gives the same bits. A task has a chunk, and a
 * block of the products' rows and columns. */
#include "backend/cpu/winograd.h"

enum {
    WINOGRAD_GRAD_TILES = 32,  /* of a block, where the sums stay in the L2 cache, */
    WINOGRAD_GRAD_LONG = 64,   /* and where not */
    WINOGRAD_GRAD_CHUNK = 64,  /* least tiles of a chunk */
    WINOGRAD_GRAD_CHUNKS = 16, /* most */
    WINOGRAD_GRAD_ROWS = 112,  /* most in a task */
    WINOGRAD_GRAD_COLUMNS = 128,
    WINOGRAD_GRAD_SPACING = 16 /* elements between points: strides are no powers of two */
};

/* One operand: x, or dY, at all points. */
typedef struct winograd_side {
    winograd_view view;
    winograd_tiles_in_fn *transform;
    int input;        /* of the node */
    int64_t channels; /* of a group */
    int64_t block;    /* of a task */
    int64_t unit;     /* of a sliver or panel */
    bool panels;
    int64_t step; /* elements from one point to the next */
} winograd_side;

typedef struct winograd_grad_plan {
    conv_plan conv; /* first: tasks get a pointer to it */
    const winograd_kit *kit;
    winograd_size size;
    int64_t side, points; /* of a tile of the source: 6 or 8, and its square */
    winograd_grid grid;
    winograd_side rows, columns;
    bool turned;          /* rows are the source's channels */
    int64_t column_pitch; /* of the sums */
    int64_t sum_step;
} winograd_grad_plan;

/* A worker's scratch memory. */
typedef struct winograd_grad_slot {
    winograd_piece *pieces;
    int64_t *at;   /* tiles */
    float *staged; /* tiles of as many channels as a vector has lanes */
    float *rows, *columns, *sums;
    float *taps;
    size_t size;
} winograd_grad_slot;

static winograd_grad_slot winograd_grad_slot_at(const winograd_grad_plan *p, char *base)
{
    const int64_t lanes = p->kit->lanes, kernel = gr_conv_volume(p->conv.g.kernel);
    const int64_t buffer =
        p->rows.view.buffer > p->columns.view.buffer ? p->rows.view.buffer : p->columns.view.buffer;
    winograd_grad_slot s = {.size = 0};
    s.pieces = winograd_take(base, &s.size, p->grid.block, sizeof *s.pieces);
    s.at = winograd_take(base, &s.size, p->grid.block, sizeof *s.at);
    s.staged = winograd_take(base, &s.size, lanes * buffer, sizeof(float));
    s.rows = winograd_take(base, &s.size, p->points * p->rows.step, sizeof(float));
    s.columns = winograd_take(base, &s.size, p->points * p->columns.step, sizeof(float));
    s.sums = winograd_take(base, &s.size, p->points * p->sum_step, sizeof(float));
    s.taps = winograd_take(base, &s.size, kernel * lanes, sizeof(float));
    return s;
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

/* Where a task works. */
typedef struct winograd_grad_task {
    const winograd_grad_plan *p;
    const gr_call *call;
    winograd_grad_slot slot;
    int64_t group;
    int64_t row, rows, column, columns; /* channels of the two sides */
    int64_t tiles, n_pieces;            /* of the block in progress */
} winograd_grad_task;

/* The lanes from `channel` of the group on: stages their tiles, if need be. Returns the tensor and
 * fills in where each lane starts in it; lanes past the end repeat the last. */
static const float *winograd_side_lanes(const winograd_grad_task *t, const winograd_side *side,
                                        int64_t channel, int64_t *lane_at)
{
    const winograd_view *view = &side->view;
    const int64_t lanes = t->p->kit->lanes, plane = view->h * view->w;
    const int64_t some = conv_min(side->channels - channel, lanes);
    const float *tensor =
        (const float *)t->call->in[side->input] + (t->group * side->channels + channel) * plane;
    for (int64_t i = 0; i < lanes; i++) {
        lane_at[i] = conv_min(i, some - 1) * (view->staged ? view->buffer : plane);
    }
    if (!view->staged) return tensor;
    for (int64_t i = 0; i < some; i++) {
        if (i + 2 < some) {
            gr_winograd_prefetch(view, t->slot.pieces, t->n_pieces, tensor + (i + 2) * plane);
        }
        gr_winograd_fetch(t->p->kit, view, t->slot.pieces, t->n_pieces, tensor + i * plane,
                          t->slot.staged + i * view->buffer);
    }
    return t->slot.staged;
}

/* Channels [first, first + n) of one side for the tiles of a block, as slivers of A or panels of
 * B. */
static void winograd_side_points(const winograd_grad_task *t, const winograd_side *side,
                                 int64_t first, int64_t n, float *points)
{
    const winograd_grad_plan *p = t->p;
    const int64_t lanes = p->kit->lanes;
    int64_t lane_at[16];
    gr_winograd_places(&side->view, t->slot.pieces, t->n_pieces, t->tiles, t->slot.at);
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a task has its memory */
    memset(t->slot.staged, 0, (size_t)(lanes * side->view.buffer) * sizeof(float));
    for (int64_t j = 0; j < n; j += side->unit) {
        const int64_t some = conv_min(n - j, side->unit);
        const int64_t width = side->panels ? gr_gemm_panel(p->conv.kit, some) : p->conv.kit->sliver;
        for (int64_t lane = 0; lane < some; lane += lanes) {
            const float *tensor = winograd_side_lanes(t, side, first + j + lane, lane_at);
            for (int64_t i = 0; i < t->tiles; i++) {
                side->transform(tensor + t->slot.at[i], lane_at, side->view.pitch,
                                points + i * width + lane, side->step);
            }
        }
        points += t->tiles * width;
    }
}

/* Adds the products of a block's tiles to the sums. */
static void winograd_grad_multiply(const winograd_grad_task *t, int64_t point, bool add)
{
    const winograd_grad_plan *p = t->p;
    const gr_gemm_kit *kit = p->conv.kit;
    const float *rows = t->slot.rows + point * p->rows.step;
    const float *columns = t->slot.columns + point * p->columns.step;
    float *sums = t->slot.sums + point * p->sum_step;
    for (int64_t j = 0; j < t->columns; j += kit->nr) {
        const int64_t n = conv_min(t->columns - j, kit->nr);
        for (int64_t i = 0; i < t->rows; i += kit->mr) {
            kit->tile(conv_min(t->rows - i, kit->mr), n, t->tiles,
                      rows + i / kit->mr * t->tiles * kit->sliver, columns + j * t->tiles,
                      gr_gemm_panel(kit, n), sums + i * p->column_pitch + j, p->column_pitch, add);
        }
    }
}

/* The task's filters, from the sums at the points. */
static void winograd_grad_filters(const winograd_grad_task *t, float *dw)
{
    const winograd_grad_plan *p = t->p;
    const int64_t kernel = gr_conv_volume(p->conv.g.kernel), lanes = p->kit->lanes;
    const int64_t depth = p->conv.depth;
    float *const taps = t->slot.taps;
    for (int64_t i = 0; i < t->rows; i++) {
        for (int64_t j = 0; j < t->columns; j += lanes) {
            p->kit->gradient[p->size](t->slot.sums + i * p->column_pitch + j, p->sum_step, taps);
            for (int64_t lane = 0; lane < conv_min(t->columns - j, lanes); lane++) {
                const int64_t row = t->row + i, column = t->column + j + lane;
                const int64_t filter = p->turned ? column * depth + row : row * depth + column;
                float *to = dw + filter * kernel;
                /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a task has its memory */
                for (int64_t k = 0; k < kernel; k++) to[k] = taps[k * lanes + lane];
            }
        }
    }
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

/* task = ((chunk · groups + group) · blocks of rows + block) · blocks of columns + block */
static int64_t winograd_grad_tasks(const winograd_grad_plan *p)
{
    return p->conv.chunks * p->conv.g.groups * conv_ceil(p->rows.channels, p->rows.block) *
           conv_ceil(p->columns.channels, p->columns.block);
}

static void winograd_grad_body(const conv_plan *conv, const gr_call *call, char *slot, int64_t task)
{
    const winograd_grad_plan *p = (const winograd_grad_plan *)conv;
    const int64_t down = conv_ceil(p->rows.channels, p->rows.block);
    const int64_t across = conv_ceil(p->columns.channels, p->columns.block);
    const int64_t groups = conv->g.groups, chunk = task / across / down / groups;
    winograd_grad_task t = {.p = p, .call = call, .slot = winograd_grad_slot_at(p, slot)};
    t.group = task / across / down % groups;
    t.row = task / across % down * p->rows.block;
    t.rows = conv_min(p->rows.channels - t.row, p->rows.block);
    t.column = task % across * p->columns.block;
    t.columns = conv_min(p->columns.channels - t.column, p->columns.block);

    const int64_t first = chunk * p->grid.count / conv->chunks;
    const int64_t last = (chunk + 1) * p->grid.count / conv->chunks;
    for (int64_t tile = first; tile < last; tile += p->grid.block) {
        t.tiles = conv_min(last - tile, p->grid.block);
        t.n_pieces = gr_winograd_cut(&p->grid, tile, t.tiles, t.slot.pieces);
        winograd_side_points(&t, &p->rows, t.row, t.rows, t.slot.rows);
        winograd_side_points(&t, &p->columns, t.column, t.columns, t.slot.columns);
        for (int64_t point = 0; point < p->points; point++) {
            winograd_grad_multiply(&t, point, tile > first);
        }
    }
    const int64_t all = groups * conv_w_size(conv);
    float *sums = chunk == 0 ? call->out[0] : (float *)call->work + (chunk - 1) * all;
    winograd_grad_filters(&t, sums + t.group * conv_w_size(conv));
}

static gr_status winograd_grad_run(const gr_call *call)
{
    const winograd_grad_plan *p = call->ctx;
    gr_conv_share(&p->conv, call, winograd_grad_tasks(p), winograd_grad_body);
    gr_conv_add_chunks(&p->conv, call);
    return GR_OK;
}

/* ---- Plans ----------------------------------------------------------------------------------- */

static void winograd_grad_views(winograd_grad_plan *p, winograd_side *x, winograd_side *dy)
{
    const gr_conv_geometry *g = &p->conv.g;
    p->grid.y = conv_ceil(g->out[1], WINOGRAD_TILE);
    p->grid.x = conv_ceil(g->out[2], WINOGRAD_TILE);
    p->grid.count = g->n * p->grid.y * p->grid.x;
    *x = (winograd_side){.view = {.h = g->in[1],
                                  .w = g->in[2],
                                  .pad = {g->pad[1], g->pad[2]},
                                  .side = p->side,
                                  .image = g->c * g->in[1] * g->in[2]},
                         .transform = p->kit->source[p->size],
                         .input = 0,
                         .channels = p->conv.depth};
    *dy = (winograd_side){.view = {.h = g->out[1],
                                   .w = g->out[2],
                                   .side = WINOGRAD_TILE,
                                   .image = g->o * g->out[1] * g->out[2]},
                          .transform = p->kit->cotangent[p->size],
                          .input = 1,
                          .channels = p->conv.width};
}

/* Multiplications in the tiles of a product of so many rows and columns. */
static int64_t winograd_grad_cost(const winograd_grad_plan *p, int64_t rows, int64_t columns)
{
    const int64_t half = p->conv.kit->nr / 2;
    return conv_ceil(rows, 2) * 2 * conv_ceil(columns, half) * half;
}

static void winograd_grad_blocks(winograd_grad_plan *p)
{
    const gr_gemm_kit *kit = p->conv.kit;
    winograd_side *const rows = &p->rows, *const columns = &p->columns;
    rows->unit = kit->mr;
    columns->unit = kit->nr;
    columns->panels = true;
    const int64_t down = conv_ceil(rows->channels, WINOGRAD_GRAD_ROWS);
    const int64_t across = conv_ceil(columns->channels, WINOGRAD_GRAD_COLUMNS);
    rows->block = conv_ceil(conv_ceil(rows->channels, down), kit->mr) * kit->mr;
    columns->block = conv_ceil(conv_ceil(columns->channels, across), kit->nr) * kit->nr;
    p->column_pitch = columns->block;
    p->sum_step = rows->block * p->column_pitch + WINOGRAD_GRAD_SPACING;
    const bool large = p->sum_step > 8192;
    p->grid.block = conv_min(large ? WINOGRAD_GRAD_LONG : WINOGRAD_GRAD_TILES, p->grid.count);
    rows->step = rows->block / kit->mr * kit->sliver * p->grid.block + WINOGRAD_GRAD_SPACING;
    columns->step = columns->block * p->grid.block + WINOGRAD_GRAD_SPACING;
}

gr_status gr_winograd_prepare_grad(gr_request *request)
{
    winograd_grad_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return GR_NO_MEMORY;
    gr_conv_plan_start(request, &p->conv);
    p->kit = gr_winograd_kit_for(request->level);
    p->size = p->conv.g.kernel[1] == 3 ? WINOGRAD_3X3 : WINOGRAD_5X5;
    p->side = winograd_side_of(p->conv.g.kernel[1]);
    p->points = p->side * p->side;
    p->turned = winograd_grad_cost(p, p->conv.depth, p->conv.width) <
                winograd_grad_cost(p, p->conv.width, p->conv.depth);
    winograd_grad_views(p, p->turned ? &p->rows : &p->columns, p->turned ? &p->columns : &p->rows);
    winograd_grad_blocks(p);
    gr_winograd_view_settle(&p->rows.view, &p->grid);
    gr_winograd_view_settle(&p->columns.view, &p->grid);
    const int64_t all = p->conv.g.groups * conv_w_size(&p->conv), most = 1 << 20;
    const int64_t chunks = conv_min(p->grid.count / WINOGRAD_GRAD_CHUNK, WINOGRAD_GRAD_CHUNKS);
    p->conv.chunks = conv_min(chunks < 1 ? 1 : chunks, 1 + most / all);
    p->conv.shared = conv_bytes(&p->conv, (p->conv.chunks - 1) * all);
    p->conv.slot = winograd_grad_slot_at(p, NULL).size;
    request->fn = winograd_grad_run;
    request->ctx = p;
    request->work =
        p->conv.shared + p->conv.slot * (size_t)gr_conv_workers(&p->conv, request->threads);
    request->kernel = p->kit->name;
    return GR_OK;
}
