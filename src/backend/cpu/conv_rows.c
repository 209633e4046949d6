/* Convolution forward with few places of output: one image of a deep layer, say.
 *
 * Packed weights serve all places; where there are few, packing takes longer than the product. So
 * the patches of all images are gathered first, by all workers for all, which is little; then each
 * worker takes some rows of the weights, reads them once where they lie, and multiplies them by
 * all patches. Every element is summed in the order of gr_conv_prepare's kernel, to the same bits.
 */
#include "backend/cpu/conv.h"

/* Most bytes of gathered patches: they are read again for every tile of rows. */
#define CONV_ROWS_BYTES (2 << 20)

/* Patches of one image and group, with what their last panel is filled up to. */
static int64_t conv_rows_columns(const conv_plan *p)
{
    const int64_t last = p->places % p->kit->nr;
    return p->places - last + (last ? gr_gemm_panel(p->kit, last) : 0);
}

/* Rows [k0, k0 + kc) of one image's and group's patches: task = index · blocks + block. Pads the
 * channels that they come from. */
static void conv_rows_gather(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const int64_t blocks = gr_gemm_blocks(p->kit, p->patch),
                  block = gr_gemm_block(p->kit, p->patch);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a patch has blocks */
    const int64_t index = task / blocks, k0 = task % blocks * block;
    const int64_t kc = conv_min(p->patch - k0, block);
    const void *image = conv_at(p, call->in[0], index * conv_x_size(p));
    gr_gemm_piece *pieces = (gr_gemm_piece *)slot;
    if (p->pads) {
        char *padded = slot + conv_pieces_bytes(p->kit->nr);
        const int64_t taps = gr_conv_volume(p->g.kernel), first = k0 / taps;
        const int64_t channels = conv_ceil(k0 + kc, taps) - first;
        gr_conv_pad(p, conv_at(p, image, first * gr_conv_volume(p->g.in)), channels,
                    conv_at(p, padded, first * p->padded_volume));
        image = padded;
    }
    const int64_t columns = conv_rows_columns(p);
    gr_conv_gather(p, image, k0, kc, 0, p->places, pieces,
                   conv_at(p, call->work, (index * p->patch + k0) * columns));
}

/* `m` rows of a group's weights times the patches of one image, rows [k0, k0 + kc). */
static void conv_rows_block(const conv_plan *p, int64_t m, int64_t k0, int64_t kc, const void *w,
                            const char *panels, void *y)
{
    const gr_gemm_kit *kit = p->kit;
    for (int64_t j = 0; j < p->places; j += kit->nr) {
        const int64_t n = conv_min(p->places - j, kit->nr);
        kit->tile_rows(m, n, kc, w, p->patch, conv_at(p, panels, j * kc), gr_gemm_panel(kit, n),
                       conv_at(p, y, j), p->places, k0 > 0);
    }
}

/* A tile of rows for all images: task = group · tiles + tile. */
static void conv_rows_tile(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    (void)slot;
    const gr_gemm_kit *kit = p->kit;
    const int64_t tiles = conv_ceil(p->width, kit->mr), columns = conv_rows_columns(p);
    const int64_t group = task / tiles, row = task % tiles * kit->mr;
    const int64_t m = conv_min(p->width - row, kit->mr), block = gr_gemm_block(kit, p->patch);
    const int64_t w = group * conv_w_size(p) + row * p->patch;
    for (int64_t k0 = 0; k0 < p->patch; k0 += block) {
        const int64_t kc = conv_min(p->patch - k0, block);
        for (int64_t image = 0; image < p->g.n; image++) {
            const int64_t index = image * p->g.groups + group;
            const int64_t y = index * conv_y_size(p) + row * p->places;
            conv_rows_block(p, m, k0, kc, conv_at(p, call->in[1], w + k0),
                            conv_at(p, call->work, (index * p->patch + k0) * columns),
                            conv_at(p, call->out[0], y));
            if (k0 + kc == p->patch) gr_finish(call, y, y + m * p->places);
        }
    }
}

static gr_status conv_rows(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    const int64_t blocks = gr_gemm_blocks(p->kit, p->patch);
    gr_conv_share(p, call, p->g.n * p->g.groups * blocks, conv_rows_gather);
    gr_conv_share(p, call, p->g.groups * conv_ceil(p->width, p->kit->mr), conv_rows_tile);
    return GR_OK;
}

static int64_t conv_rows_patches(const conv_plan *p)
{
    return p->g.n * p->g.groups * p->patch * conv_rows_columns(p);
}

bool gr_conv_rows_can(const gr_request *request)
{
    if (request->node->op != &gr_op_conv) return false;
    conv_plan p = {0};
    gr_conv_plan_start(request, &p);
    const int64_t most = CONV_ROWS_BYTES / (int64_t)p.kit->element;
    const bool depthwise = p.depth == 1 && p.width == 1;
    /* each factor before the product, which could be too large for the type */
    return !depthwise && p.g.n > 0 && p.g.o > 0 && p.patch > 0 && p.places > 0 && p.places < most &&
           p.patch < most && p.g.n * p.g.groups < most && conv_rows_patches(&p) <= most;
}

gr_status gr_conv_rows_prepare(gr_request *request)
{
    if (!gr_conv_rows_can(request)) return GR_UNSUPPORTED;
    conv_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return GR_NO_MEMORY;
    gr_conv_plan_start(request, p);
    GR_TRY(gr_conv_plan_patches(request, p));
    static const char *const names[GR_CPU_LEVELS] = {"rows-base", "rows-avx2", "rows-avx512"};
    p->shared = conv_bytes(p, conv_rows_patches(p));
    p->slot =
        conv_pieces_bytes(p->kit->nr) + (p->pads ? conv_bytes(p, p->depth * p->padded_volume) : 0);
    request->fn = conv_rows;
    request->finishes = p->kit->mr * p->places >= GR_FINISH_LEAST;
    request->ctx = p;
    request->work = p->shared + p->slot * (size_t)gr_conv_workers(p, request->threads);
    request->kernel = names[request->level];
    return GR_OK;
}
