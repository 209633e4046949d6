/* Convolution and its gradient by the input, place by place. */
#include "backend/cpu/conv_places.h"

/* Most products that are summed into an element at once, about: the weights of a tile stay in the
 * first-level cache and those places of the source that a band sees in the second. */
#define PLACES_SUM 576
/* Places of the result, and bytes of them, that a task works on. */
#define PLACES_BAND 32
#define PLACES_HIGH (512 << 10)
/* Places of the source that are turned at once. */
#define PLACES_CHUNK 64

/* ---- Weights --------------------------------------------------------------------------------- */

/* A sliver of a group's weights: task = group · slivers + sliver. Forward, channels and taps of the
 * source lie as in memory, tap after tap; backward, channel after channel for each tap. */
static void places_pack_task(const conv_plan *c, const gr_call *call, char *slot, int64_t task)
{
    (void)slot;
    const places_plan *p = places_of(c);
    const int64_t slivers = conv_ceil(p->result, c->kit->mr);
    const int64_t group = task / slivers, row = task % slivers * c->kit->mr;
    const int64_t m = conv_min(p->result - row, c->kit->mr), k = p->source * p->taps;
    const int64_t w = group * conv_w_size(c), to = task * k * c->kit->sliver;
    if (!p->back) {
        const gr_gemm_matrix a = {conv_at(c, call->in[1], w + row * c->patch), c->patch, 1};
        c->kit->pack_a(&a, m, k, conv_at(c, call->work, to));
        return;
    }
    for (int64_t tap = 0; tap < p->taps; tap++) {
        const void *from = conv_at(c, call->in[1], w + row * p->taps + tap);
        const gr_gemm_matrix a = {from, p->taps, c->patch};
        c->kit->pack_a(&a, m, p->source, conv_at(c, call->work, to + tap * p->a_tap));
    }
}

static int64_t places_weights_size(const places_plan *p)
{
    return p->conv.g.groups * gr_gemm_packed_size(p->conv.kit, p->result, p->source * p->taps);
}

/* ---- Source ---------------------------------------------------------------------------------- */

static int64_t places_images(const places_plan *p, int64_t batch)
{
    return conv_min(p->images, p->conv.g.n - batch * p->images);
}

static int64_t places_blocks(const places_plan *p)
{
    return conv_ceil(p->source, p->block);
}

/* Where the block begins that has channel `first` of a group: for each place of the image, for each
 * channel of a whole block, the images. */
static void *places_block(const places_plan *p, const gr_call *call, int64_t group, int64_t first,
                          int64_t lanes)
{
    const int64_t blocks = places_blocks(p), block = first / p->block;
    const int64_t at = (group * blocks + block) * p->source_places * p->block * lanes;
    return conv_at(&p->conv, (char *)call->work + conv_bytes(&p->conv, places_weights_size(p)), at);
}

static int64_t places_chunks(const places_plan *p)
{
    return conv_ceil(p->source_places, PLACES_CHUNK);
}

/* Turns some places of a block of channels of a batch: task = ((batch · groups + group) · blocks +
 * block) · chunks + chunk. What it writes lies together and stays in the second-level cache. */
static void places_turn_task(const conv_plan *c, const gr_call *call, char *slot, int64_t task)
{
    (void)slot;
    const places_plan *p = places_of(c);
    const int64_t chunks = places_chunks(p), blocks = places_blocks(p), index = task / chunks;
    const int64_t place = task % chunks * PLACES_CHUNK, first = index % blocks * p->block;
    const int64_t batch = index / blocks / c->g.groups, group = index / blocks % c->g.groups;
    const int64_t images = places_images(p, batch), lanes = gr_gemm_panel(c->kit, images);
    const int64_t step = p->source * c->g.groups * p->source_places;
    const int64_t channel = group * p->source + first;
    const int64_t from = batch * p->images * step + channel * p->source_places + place;
    void *to = conv_at(c, places_block(p, call, group, first, lanes), place * p->block * lanes);
    for (int64_t i = 0; i < conv_min(p->source - first, p->block); i++) {
        c->kit->turn(conv_at(c, call->in[0], from + i * p->source_places), step, images,
                     conv_min(p->source_places - place, PLACES_CHUNK), conv_at(c, to, i * lanes),
                     p->block * lanes);
    }
}

/* ---- Result ---------------------------------------------------------------------------------- */

/* Where a task works. */
typedef struct places_band {
    const places_plan *p;
    const gr_call *call;
    int64_t batch, group;
    int64_t first, count;  /* places of the result */
    int64_t row, rows;     /* channels of the result */
    int64_t images, lanes; /* of the batch, of a row of its matrices */
    gr_gemm_link *links;   /* room for as many as there are taps for each place, */
    int64_t *linked;       /* of which so many are there */
    char *sums;            /* [rows, count, lanes] */
} places_band;

/* The links of one place of the result; their depth is set for each block. */
static int64_t places_link(const places_plan *p, int64_t place, int64_t lanes, gr_gemm_link *links)
{
    const gr_conv_geometry *g = &p->conv.g;
    const int64_t *result = p->back ? g->in : g->out, *source = p->back ? g->out : g->in;
    const int64_t x = place % result[2], y = place / result[2] % result[1];
    const int64_t z = place / (result[1] * result[2]);
    int64_t n = 0, tap = 0;
    for (int64_t i = 0; i < g->kernel[0]; i++) {
        const int64_t from_z = places_see(p, 0, z, i);
        for (int64_t j = 0; j < g->kernel[1]; j++) {
            const int64_t from_y = places_see(p, 1, y, j);
            for (int64_t k = 0; k < g->kernel[2]; k++, tap++) {
                const int64_t from_x = places_see(p, 2, x, k);
                if (from_z < 0 || from_y < 0 || from_x < 0) continue;
                const int64_t from = (from_z * source[1] + from_y) * source[2] + from_x;
                links[n++] = (gr_gemm_link){.a = tap * p->a_tap, .b = from * p->block * lanes};
            }
        }
    }
    return n;
}

/* Adds the products with the source's channels [first, first + depth). */
static void places_add_block(const places_band *s, int64_t first)
{
    const places_plan *p = s->p;
    const conv_plan *c = &p->conv;
    const gr_gemm_kit *kit = c->kit;
    const int64_t depth = conv_min(p->source - first, p->block);
    const void *source = places_block(p, s->call, s->group, first, s->lanes);
    for (int64_t i = 0; i < s->count * p->taps; i++) s->links[i].k = depth;
    const int64_t size = p->source * p->taps * kit->sliver;
    for (int64_t row = 0; row < s->rows; row += kit->mr) {
        const int64_t sliver = s->group * conv_ceil(p->result, kit->mr) + (s->row + row) / kit->mr;
        const void *weights = conv_at(c, s->call->work, sliver * size + first * p->a_step);
        for (int64_t i = 0; i < s->count; i++) {
            const gr_gemm_chain chain = {s->links + i * p->taps, s->linked[i], p->a_step, s->lanes};
            kit->tile_chain(conv_min(s->rows - row, kit->mr), s->lanes, &chain, weights, source,
                            conv_at(c, s->sums, (row * s->count + i) * s->lanes),
                            s->count * s->lanes, first > 0);
        }
    }
}

/* The sums to where they belong. */
static void places_turn_back(const places_band *s)
{
    const places_plan *p = s->p;
    const conv_plan *c = &p->conv;
    const int64_t step = c->g.groups * p->result * p->result_places;
    const int64_t channel = s->group * p->result + s->row;
    void *to = conv_at(c, s->call->out[0],
                       s->batch * p->images * step + channel * p->result_places + s->first);
    for (int64_t row = 0; row < s->rows; row++) {
        c->kit->turn(conv_at(c, s->sums, row * s->count * s->lanes), s->lanes, s->count, s->images,
                     conv_at(c, to, row * p->result_places), step);
    }
}

/* Bytes of the numbers of links of a band. */
static size_t places_counts_bytes(const places_plan *p)
{
    return gr_aligned((size_t)p->band * sizeof(int64_t));
}

static int64_t places_bands(const places_plan *p)
{
    return conv_ceil(p->result_places, p->band);
}
static int64_t places_highs(const places_plan *p)
{
    return conv_ceil(p->result, p->high);
}

/* task = ((batch · groups + group) · highs + high) · bands + band */
static void places_task(const conv_plan *c, const gr_call *call, char *slot, int64_t task)
{
    const places_plan *p = places_of(c);
    const int64_t bands = places_bands(p), highs = places_highs(p), index = task / bands / highs;
    places_band s = {.p = p,
                     .call = call,
                     .batch = index / c->g.groups,
                     .group = index % c->g.groups,
                     .first = task % bands * p->band,
                     .row = task / bands % highs * p->high};
    s.count = conv_min(p->result_places - s.first, p->band);
    s.rows = conv_min(p->result - s.row, p->high);
    s.images = places_images(p, s.batch);
    s.lanes = gr_gemm_panel(c->kit, s.images);
    s.links = (gr_gemm_link *)slot;
    s.linked = (int64_t *)(slot + places_links_bytes(p->band * p->taps));
    s.sums = (char *)s.linked + places_counts_bytes(p);
    for (int64_t i = 0; i < s.count; i++) {
        s.linked[i] = places_link(p, s.first + i, s.lanes, s.links + i * p->taps);
    }
    for (int64_t first = 0; first < p->source; first += p->block) places_add_block(&s, first);
    places_turn_back(&s);
}

/* ---- Plans ----------------------------------------------------------------------------------- */

static gr_status places_run(const gr_call *call)
{
    const conv_plan *c = call->ctx;
    const places_plan *p = places_of(c);
    const int64_t slivers = conv_ceil(p->result, c->kit->mr);
    const int64_t turns = c->g.groups * places_blocks(p) * places_chunks(p);
    const int64_t tasks = c->g.groups * places_highs(p) * places_bands(p);
    gr_conv_share(c, call, c->g.groups * slivers, places_pack_task);
    for (int64_t batch = 0; batch < p->batches; batch++) {
        gr_conv_share_range(c, call, batch * turns, (batch + 1) * turns, places_turn_task);
        gr_conv_share_range(c, call, batch * tasks, (batch + 1) * tasks, places_task);
    }
    return GR_OK;
}

static int64_t places_source_size(const places_plan *p)
{
    return p->conv.g.groups * places_blocks(p) * p->block * p->source_places * p->images;
}

static void places_plan_sums(places_plan *p, int threads)
{
    conv_plan *c = &p->conv;
    const gr_gemm_kit *kit = c->kit;
    p->source = p->back ? c->width : c->depth;
    p->result = p->back ? c->depth : c->width;
    p->source_places = p->back ? c->places : gr_conv_volume(c->g.in);
    p->result_places = p->back ? gr_conv_volume(c->g.in) : c->places;
    p->images = kit->nr;
    p->batches = conv_ceil(c->g.n, p->images);
    p->block = conv_ceil(p->source, conv_ceil(p->source * p->taps, PLACES_SUM));
    p->a_step = p->back ? kit->sliver : p->taps * kit->sliver;
    p->a_tap = p->back ? p->source * kit->sliver : kit->sliver;
    p->band = conv_min(p->result_places, PLACES_BAND);
    const int64_t row = p->band * kit->nr * (int64_t)kit->element;
    const int64_t whole = conv_ceil(p->result, kit->mr), fit = PLACES_HIGH / (row * kit->mr);
    const int64_t tasks = c->g.groups * places_bands(p), workers = gr_conv_workers(c, threads);
    const int64_t slivers = conv_ceil(whole, conv_max(conv_ceil(workers, tasks), 1));
    p->high = conv_max(conv_min(slivers, fit), 1) * kit->mr;
    c->shared = conv_bytes(c, places_weights_size(p)) + conv_bytes(c, places_source_size(p));
    c->slot = places_links_bytes(p->band * p->taps) + places_counts_bytes(p) +
              conv_bytes(c, p->high * p->band * kit->nr);
}

/* Fills in the plan; whether this way is open. */
static bool places_plan_start(const gr_request *request, places_plan *p)
{
    conv_plan *c = &p->conv;
    gr_conv_plan_start(request, c);
    p->back = request->node->op == &gr_op_conv_input_grad;
    p->taps = gr_conv_volume(c->g.kernel);
    /* images, images of x and y, weights: few enough that no size below overflows */
    const int64_t most = 1 << 30, sizes[] = {c->g.n, c->g.c * gr_conv_volume(c->g.in),
                                             c->g.o * c->places, c->g.o * c->patch};
    for (size_t i = 0; i < GR_LEN(sizes); i++) {
        if (sizes[i] <= 0 || sizes[i] > most) return false;
    }
    if (c->depth == 1 && c->width == 1) return false;
    if (request->node->op == &gr_op_conv_weight_grad) {
        gr_conv_places_plan_weights(p, request->threads);
    } else {
        places_plan_sums(p, request->threads);
    }
    return c->shared <= PLACES_BYTES;
}

bool gr_conv_places_can(const gr_request *request)
{
    places_plan p = {0};
    return places_plan_start(request, &p);
}

gr_status gr_conv_places_prepare(gr_request *request)
{
    static const char *const names[GR_CPU_LEVELS] = {"places-base", "places-avx2", "places-avx512"};
    places_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return GR_NO_MEMORY;
    *p = (places_plan){0};
    if (!places_plan_start(request, p)) return GR_UNSUPPORTED;
    const size_t workers = (size_t)gr_conv_workers(&p->conv, request->threads);
    request->fn =
        request->node->op == &gr_op_conv_weight_grad ? gr_conv_places_weights : places_run;
    request->ctx = p;
    request->work = p->conv.shared + p->conv.slot * workers;
    request->kernel = names[request->level];
    return GR_OK;
}
