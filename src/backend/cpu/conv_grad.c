/* The two gradients of convolution. */
#include "backend/cpu/conv.h"

/* ---- By the input ---------------------------------------------------------------------------- */

/* The patches' cotangent is Wᵀ·dY; each of its elements is added to the place it was gathered from.
 * A task has some channels of one image and group, so that no two write to one place. */

static int64_t conv_first_channel(const conv_plan *p, int64_t part)
{
    return part * p->depth / p->parts;
}

/* Rows of Wᵀ in one part, at most. */
static int64_t conv_part_rows(const conv_plan *p)
{
    return conv_ceil(p->depth, p->parts) * gr_conv_volume(p->g.kernel);
}

/* task = group · parts + part */
static void conv_pack_transposed_task(const conv_plan *p, const gr_call *call, char *slot,
                                      int64_t task)
{
    (void)slot;
    const int64_t group = task / p->parts, part = task % p->parts;
    const int64_t kernel = gr_conv_volume(p->g.kernel), begin = conv_first_channel(p, part);
    const int64_t rows = (conv_first_channel(p, part + 1) - begin) * kernel;
    const int64_t from = group * conv_w_size(p) + begin * kernel;
    const gr_gemm_matrix w = {conv_at(p, call->in[1], from), 1, p->patch};
    const int64_t size = gr_gemm_packed_size(p->kit, conv_part_rows(p), p->width);
    gr_gemm_pack_blocks(p->kit, &w, rows, p->width, 0, gr_gemm_blocks(p->kit, p->width),
                        conv_at(p, call->work, task * size));
}

/* Columns [first, first + n) of dy [width, places], as panels of B, block of k after block. */
static void conv_pack_dy(const conv_plan *p, const void *dy, int64_t first, int64_t n, void *panels)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t block = gr_gemm_block(kit, p->width);
    for (int64_t k0 = 0; k0 < p->width; k0 += block) {
        const int64_t kc = conv_min(p->width - k0, block);
        for (int64_t j = 0; j < n; j += kit->nr) {
            const gr_gemm_matrix b = {conv_at(p, dy, k0 * p->places + first + j), p->places, 1};
            kit->pack_b(&b, conv_min(n - j, kit->nr), kc,
                        conv_at(p, panels, k0 * p->columns + j * kc));
        }
    }
}

/* Rows [row, row + m) of Wᵀ·dY into out, p->columns apart. */
static void conv_patch_rows(const conv_plan *p, const void *packed, int64_t rows, int64_t row,
                            int64_t m, int64_t n, const void *panels, void *out)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t block = gr_gemm_block(kit, p->width);
    for (int64_t k0 = 0; k0 < p->width; k0 += block) {
        const int64_t kc = conv_min(p->width - k0, block);
        const void *sliver = gr_gemm_packed_sliver(kit, packed, rows, k0, kc, row);
        for (int64_t j = 0; j < n; j += kit->nr) {
            const int64_t some = conv_min(n - j, kit->nr);
            kit->tile(m, some, kc, sliver, conv_at(p, panels, k0 * p->columns + j * kc),
                      gr_gemm_panel(kit, some), conv_at(p, out, j), p->columns, k0 > 0);
        }
    }
}

/* task = (image · groups + group) · parts + part of the channels */
static void conv_input_grad_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t index = task / p->parts, part = task % p->parts;
    const int64_t begin = conv_first_channel(p, part);
    const int64_t channels = conv_first_channel(p, part + 1) - begin;
    const int64_t kernel = gr_conv_volume(p->g.kernel), rows = channels * kernel;
    const int64_t size = gr_gemm_packed_size(kit, conv_part_rows(p), p->width);
    const void *packed = conv_at(p, call->work, (index % p->g.groups * p->parts + part) * size);
    const void *dy = conv_at(p, call->in[0], index * conv_y_size(p));
    const int64_t x = index * conv_x_size(p) + begin * gr_conv_volume(p->g.in);
    void *dx = conv_at(p, call->out[0], x);

    gr_gemm_piece *pieces = (gr_gemm_piece *)slot;
    char *panels = slot + conv_pieces_bytes(p->columns);
    char *patch = panels + conv_bytes(p, p->width * p->columns);
    void *image = p->pads ? patch + conv_bytes(p, kit->mr * p->columns) : dx;
    memset(image, 0, (size_t)(channels * p->padded_volume) * kit->element);
    for (int64_t first = 0; first < p->places; first += p->columns) {
        const int64_t n = conv_min(p->places - first, p->columns);
        gr_gemm_patches patches = {.pieces = pieces,
                                   .n_pieces = gr_conv_pieces(p, first, n, pieces),
                                   .step = p->g.stride[2]};
        conv_pack_dy(p, dy, first, n, panels);
        for (int64_t row = 0; row < rows; row += kit->mr) {
            const int64_t m = conv_min(rows - row, kit->mr);
            conv_patch_rows(p, packed, rows, row, m, n, panels, patch);
            patches.offset = p->offset + row;
            kit->scatter(&patches, patch, p->columns, m, image);
        }
    }
    if (p->pads) gr_conv_unpad(p, image, channels, dx);
    gr_finish(call, x, x + channels * gr_conv_volume(p->g.in));
}

static gr_status conv_input_grad(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->g.groups * p->parts, conv_pack_transposed_task);
    gr_conv_share(p, call, p->g.n * p->g.groups * p->parts, conv_input_grad_task);
    return GR_OK;
}

gr_status gr_conv_prepare_input_grad(gr_request *request, conv_plan *p)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t images = p->g.n * p->g.groups, workers = gr_conv_workers(p, request->threads);
    p->parts = images < workers ? conv_min(conv_ceil(workers, images), p->depth) : 1;
    /* the panels of dy stay in the second-level cache */
    const int64_t fit = conv_ceil(CONV_COLUMNS * kit->block_k / p->width, kit->nr) * kit->nr;
    p->columns = conv_min(conv_min(CONV_COLUMNS, fit), conv_ceil(p->places, kit->nr) * kit->nr);
    const int64_t size = gr_gemm_packed_size(kit, conv_part_rows(p), p->width);
    p->shared = conv_bytes(p, p->g.groups * p->parts * size);
    p->slot = conv_pieces_bytes(p->columns) + conv_bytes(p, p->width * p->columns) +
              conv_bytes(p, kit->mr * p->columns) +
              (p->pads ? conv_bytes(p, p->depth * p->padded_volume) : 0);
    request->fn = conv_input_grad;
    request->finishes = true;
    return GR_OK;
}

/* ---- By the weights -------------------------------------------------------------------------- */

/* dW = dY·patchesᵀ, contracted over the places of all images. The batch is cut into chunks by the
 * shape alone, whose sums are added in order at the end: any number of threads gives the same bits.
 * A task has one chunk, one group and some input channels. */

#define CONV_UNFOLDED (64 << 10) /* most elements of the patches of a stretch */

/* The places [first, first + n) of some images, one after the other: one contraction. */
typedef struct conv_stretch {
    int64_t image, images, first, n;
} conv_stretch;

/* Where a task works. */
typedef struct conv_weight_state {
    const conv_plan *p;
    const gr_call *call;
    int64_t group, begin, channels;
    gr_gemm_piece *pieces;
    char *slivers, *rows, *panel, *images;
    void *sum; /* [width, patch] */
} conv_weight_state;

/* dY of a stretch, as slivers of A. */
static void conv_stretch_dy(const conv_weight_state *s, const conv_stretch *at)
{
    const conv_plan *p = s->p;
    const int64_t k = at->images * at->n, sliver = p->kit->sliver;
    for (int64_t i = 0; i < at->images; i++) {
        const int64_t index = (at->image + i) * p->g.groups + s->group;
        const void *dy = conv_at(p, s->call->in[1], index * conv_y_size(p) + at->first);
        for (int64_t row = 0; row < p->width; row += p->kit->mr) {
            const gr_gemm_matrix a = {conv_at(p, dy, row * p->places), p->places, 1};
            const int64_t to = (row / p->kit->mr * k + i * at->n) * sliver;
            p->kit->pack_a(&a, conv_min(p->width - row, p->kit->mr), at->n,
                           conv_at(p, s->slivers, to));
        }
    }
}

static const void *conv_stretch_image(const conv_weight_state *s, const conv_stretch *at, int64_t i)
{
    const conv_plan *p = s->p;
    if (p->pads) return conv_at(p, s->images, i * s->channels * p->padded_volume);
    const int64_t index = (at->image + i) * p->g.groups + s->group;
    return conv_at(p, s->call->in[0], index * conv_x_size(p) + s->begin * gr_conv_volume(p->g.in));
}

static void conv_pad_stretch(const conv_weight_state *s, const conv_stretch *at)
{
    const conv_plan *p = s->p;
    for (int64_t i = 0; i < at->images; i++) {
        const int64_t index = (at->image + i) * p->g.groups + s->group;
        const int64_t from = index * conv_x_size(p) + s->begin * gr_conv_volume(p->g.in);
        gr_conv_pad(p, conv_at(p, s->call->in[0], from), s->channels,
                    conv_at(p, s->images, i * s->channels * p->padded_volume));
    }
}

/* Columns [j, j + n) of the stretch's patches as a panel of B. */
static void conv_stretch_panel(const conv_weight_state *s, const conv_stretch *at, int64_t n_pieces,
                               int64_t j, int64_t n)
{
    const conv_plan *p = s->p;
    const gr_gemm_kit *kit = p->kit;
    const gr_gemm_patches patches = {p->offset + j, s->pieces, n_pieces, p->g.stride[2]};
    for (int64_t i = 0; i < at->images; i++) {
        kit->gather(&patches, conv_stretch_image(s, at, i), n, at->n, s->rows, at->n);
        const gr_gemm_matrix b = {s->rows, 1, at->n};
        kit->pack_b(&b, n, at->n, conv_at(p, s->panel, i * at->n * gr_gemm_panel(kit, n)));
    }
}

/* All patches of the stretch, one after the other, as B that is read without packing. */
static void conv_stretch_unfold(const conv_weight_state *s, const conv_stretch *at,
                                int64_t n_pieces)
{
    const conv_plan *p = s->p;
    const int64_t length = p->g.kernel[2], volume = gr_conv_volume(p->g.kernel);
    const gr_gemm_runs runs = {p->offset, s->channels * volume / length, length};
    for (int64_t i = 0; i < at->images; i++) {
        p->kit->unfold(&runs, s->pieces, n_pieces, p->g.stride[2], conv_stretch_image(s, at, i),
                       s->channels * p->padded_volume,
                       conv_at(p, s->panel, i * at->n * p->unfolded), p->unfolded);
    }
}

/* Adds one stretch to the task's sum; its images are padded already. */
static void conv_add_stretch(const conv_weight_state *s, const conv_stretch *at, bool add)
{
    const conv_plan *p = s->p;
    const gr_gemm_kit *kit = p->kit;
    const int64_t k = at->images * at->n, kernel = gr_conv_volume(p->g.kernel);
    const int64_t columns = s->channels * kernel;
    const int64_t n_pieces = gr_conv_pieces(p, at->first, at->n, s->pieces);
    conv_stretch_dy(s, at);
    if (p->unfolded) conv_stretch_unfold(s, at, n_pieces);
    for (int64_t j = 0; j < columns; j += kit->nr) {
        const int64_t n = conv_min(columns - j, kit->nr);
        if (!p->unfolded) conv_stretch_panel(s, at, n_pieces, j, n);
        const void *b = p->unfolded ? conv_at(p, s->panel, j) : s->panel;
        const int64_t ldb = p->unfolded ? p->unfolded : gr_gemm_panel(kit, n);
        for (int64_t row = 0; row < p->width; row += kit->mr) {
            kit->tile(conv_min(p->width - row, kit->mr), n, k,
                      conv_at(p, s->slivers, row / kit->mr * k * kit->sliver), b, ldb,
                      conv_at(p, s->sum, row * p->patch + s->begin * kernel + j), p->patch, add);
        }
    }
}

/* task = (chunk · groups + group) · parts + part of the channels */
static void conv_weight_grad_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const int64_t part = task % p->parts, group = task / p->parts % p->g.groups;
    const int64_t chunk = task / (p->parts * p->g.groups);
    conv_weight_state s = {.p = p, .call = call, .group = group};
    s.begin = conv_first_channel(p, part);
    s.channels = conv_first_channel(p, part + 1) - s.begin;
    s.pieces = (gr_gemm_piece *)slot;
    s.slivers = slot + conv_pieces_bytes(p->columns);
    s.rows = s.slivers + conv_bytes(p, gr_gemm_packed_size(p->kit, p->width, p->columns));
    s.panel = s.rows + conv_bytes(p, p->kit->nr * p->columns);
    s.images = s.panel + conv_bytes(p, (p->unfolded ? p->unfolded : p->kit->nr) * p->columns);
    const int64_t all = p->g.groups * conv_w_size(p);
    void *sums = chunk == 0 ? call->out[0] : conv_at(p, call->work, (chunk - 1) * all);
    s.sum = conv_at(p, sums, group * conv_w_size(p));

    const int64_t first = chunk * p->g.n / p->chunks, last = (chunk + 1) * p->g.n / p->chunks;
    const int64_t block = p->joined > 1 ? p->places : gr_gemm_block(p->kit, p->places);
    for (int64_t image = first; image < last; image += p->joined) {
        conv_stretch at = {.image = image, .images = conv_min(p->joined, last - image)};
        if (p->pads) conv_pad_stretch(&s, &at);
        for (; at.first < p->places; at.first += block) {
            at.n = conv_min(block, p->places - at.first);
            conv_add_stretch(&s, &at, image > first || at.first > 0);
        }
    }
}

/* Adds the chunks' sums, elements [begin, end). */
static void conv_add_chunks_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    (void)slot;
    const int64_t all = p->g.groups * conv_w_size(p), begin = task * CONV_COLUMNS;
    const int64_t n = conv_min(CONV_COLUMNS, all - begin), zero = 0;
    const gr_gemm_piece piece = {0, n};
    const gr_gemm_patches row = {&zero, &piece, 1, 1};
    for (int64_t chunk = 1; chunk < p->chunks; chunk++) {
        p->kit->scatter(&row, conv_at(p, call->work, (chunk - 1) * all + begin), n, 1,
                        conv_at(p, call->out[0], begin));
    }
}

void gr_conv_add_chunks(const conv_plan *p, const gr_call *call)
{
    if (p->chunks == 1) return;
    const int64_t all = p->g.groups * conv_w_size(p);
    gr_conv_share(p, call, conv_ceil(all, CONV_COLUMNS), conv_add_chunks_task);
}

static gr_status conv_weight_grad(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->chunks * p->g.groups * p->parts, conv_weight_grad_task);
    gr_conv_add_chunks(p, call);
    return GR_OK;
}

/* Elements of an unfolded patch with what is around it. Unfolding pays where a row of the kernel
 * has several elements and the patches of a stretch stay in the second-level cache. */
static int64_t conv_unfolded(const conv_plan *p)
{
    const int64_t line = GR_ALIGN / (int64_t)p->kit->element;
    int64_t size = conv_ceil(p->patch + 8, p->kit->nr) * p->kit->nr;
    if (size / line % 2 == 0) size += line; /* neighbours fall into all sets of the cache */
    const bool runs = p->g.kernel[2] >= 3 && p->g.dilation[2] == 1;
    return runs && size * p->columns <= CONV_UNFOLDED ? size : 0;
}

gr_status gr_conv_prepare_weight_grad(gr_request *request, conv_plan *p)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t all = p->g.groups * conv_w_size(p), most = 1 << 20; /* elements of sums apart */
    p->chunks = conv_min(conv_min(p->g.n, 16), 1 + most / all);
    p->joined = p->places <= kit->block_k / 2 ? kit->block_k / p->places : 1;
    p->joined = conv_min(p->joined, conv_ceil(p->g.n, p->chunks));
    p->columns = p->joined > 1 ? p->joined * p->places : gr_gemm_block(kit, p->places);
    p->unfolded = conv_unfolded(p);
    const int64_t tasks = p->chunks * p->g.groups, workers = gr_conv_workers(p, request->threads);
    p->parts = tasks < workers ? conv_min(conv_ceil(workers, tasks), p->depth) : 1;
    p->shared = conv_bytes(p, (p->chunks - 1) * all);
    const int64_t image = conv_ceil(p->depth, p->parts) * p->padded_volume;
    p->slot = conv_pieces_bytes(p->columns) +
              conv_bytes(p, gr_gemm_packed_size(kit, p->width, p->columns)) +
              conv_bytes(p, kit->nr * p->columns) +
              conv_bytes(p, (p->unfolded ? p->unfolded : kit->nr) * p->columns) +
              (p->pads ? conv_bytes(p, p->joined * image) : 0);
    request->fn = conv_weight_grad;
    return GR_OK;
}
