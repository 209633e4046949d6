/* Convolution forward, and what it shares with its gradients. */
#include "backend/cpu/conv.h"

#include <stdatomic.h>

/* ---- Plans ----------------------------------------------------------------------------------- */

static gr_status conv_plan_offsets(gr_request *request, conv_plan *p)
{
    const gr_conv_geometry *g = &p->g;
    int64_t *offset = gr_arena_alloc(request->arena, (size_t)p->patch * sizeof *offset);
    if (!offset) return GR_NO_MEMORY;
    p->offset = offset;
    for (int64_t c = 0; c < p->depth; c++) {
        for (int64_t z = 0; z < g->kernel[0]; z++) {
            for (int64_t y = 0; y < g->kernel[1]; y++) {
                for (int64_t x = 0; x < g->kernel[2]; x++) {
                    *offset++ =
                        c * p->padded_volume +
                        conv_place(p, z * g->dilation[0], y * g->dilation[1], x * g->dilation[2]);
                }
            }
        }
    }
    return GR_OK;
}

static gr_status conv_zero(const gr_call *call)
{
    const size_t *bytes = call->ctx;
    memset(call->out[0], 0, *bytes);
    return GR_OK;
}

/* A result without terms to add. */
static gr_status conv_prepare_zero(gr_request *request)
{
    const gr_type type = gr_type_of(request->node);
    const size_t bytes = (size_t)gr_shape_count(type.shape) * gr_dtype_size(type.dtype);
    request->ctx = gr_arena_copy(request->arena, &bytes, sizeof bytes);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = conv_zero;
    request->kernel = "conv-zero";
    return GR_OK;
}

void gr_conv_plan_start(const gr_request *request, conv_plan *p)
{
    p->g = gr_conv_geometry_of(request->node);
    p->kit = gr_gemm_kit_for(gr_type_of(request->node).dtype, request->level);
    p->depth = p->g.c / p->g.groups;
    p->width = p->g.o / p->g.groups;
    p->patch = p->depth * gr_conv_volume(p->g.kernel);
    p->places = gr_conv_volume(p->g.out);
}

/* The padded image, if one is needed. */
static void conv_plan_padding(conv_plan *p)
{
    p->padded_volume = 1;
    for (int i = 0; i < GR_SPACE; i++) {
        /* as far as the last window reaches; trailing elements that none sees stay in the image */
        const int64_t reach =
            (p->g.out[i] - 1) * p->g.stride[i] + (p->g.kernel[i] - 1) * p->g.dilation[i] + 1;
        const int64_t size = p->g.pad[i] + p->g.in[i];
        p->padded[i] = reach > size ? reach : size;
        p->padded_volume *= p->padded[i];
        if (p->padded[i] != p->g.in[i]) p->pads = true;
    }
}

gr_status gr_conv_plan_patches(gr_request *request, conv_plan *p)
{
    conv_plan_padding(p);
    return conv_plan_offsets(request, p);
}

gr_status gr_conv_prepare(gr_request *request)
{
    const gr_op *op = request->node->op;
    conv_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return GR_NO_MEMORY;
    gr_conv_plan_start(request, p);
    if (p->g.n * p->g.o * p->patch * p->places == 0) return conv_prepare_zero(request);
    GR_TRY(gr_conv_plan_patches(request, p));
    if (p->depth == 1 && p->width == 1) {
        GR_TRY(gr_conv_prepare_depthwise(request, p));
    } else if (op == &gr_op_conv) {
        GR_TRY(gr_conv_prepare_forward(request, p));
    } else if (op == &gr_op_conv_input_grad) {
        GR_TRY(gr_conv_prepare_input_grad(request, p));
    } else {
        GR_TRY(gr_conv_prepare_weight_grad(request, p));
    }
    request->ctx = p;
    request->work = p->shared + p->slot * (size_t)gr_conv_workers(p, request->threads);
    if (!request->kernel) request->kernel = p->kit->name;
    return GR_OK;
}

/* ---- Padding --------------------------------------------------------------------------------- */

/* Copies the rows of `channels` between the image and the inside of the padded buffer. */
static void conv_copy_rows(const conv_plan *p, char *image, char *padded, int64_t channels,
                           bool inwards)
{
    const gr_conv_geometry *g = &p->g;
    const size_t row = (size_t)g->in[2] * p->kit->element;
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t z = 0; z < g->in[0]; z++) {
            for (int64_t y = 0; y < g->in[1]; y++, image += row) {
                const int64_t place = conv_place(p, z + g->pad[0], y + g->pad[1], g->pad[2]);
                char *inside = conv_at(p, padded, c * p->padded_volume + place);
                memcpy(inwards ? inside : image, inwards ? image : inside, row);
            }
        }
    }
}

void gr_conv_pad(const conv_plan *p, const void *x, int64_t channels, void *padded)
{
    memset(padded, 0, (size_t)(channels * p->padded_volume) * p->kit->element);
    conv_copy_rows(p, conv_at(p, x, 0), padded, channels, true);
}

void gr_conv_unpad(const conv_plan *p, const void *padded, int64_t channels, void *x)
{
    conv_copy_rows(p, x, conv_at(p, padded, 0), channels, false);
}

/* ---- Patches --------------------------------------------------------------------------------- */

int64_t gr_conv_pieces(const conv_plan *p, int64_t first, int64_t n, gr_gemm_piece *pieces)
{
    const gr_conv_geometry *g = &p->g;
    int64_t x = first % g->out[2], y = first / g->out[2] % g->out[1];
    int64_t z = first / (g->out[1] * g->out[2]), count = 0;
    while (n > 0) {
        const int64_t length = conv_min(g->out[2] - x, n);
        const int64_t from = conv_place(p, z * g->stride[0], y * g->stride[1], x * g->stride[2]);
        gr_gemm_piece *last = pieces + count - 1;
        if (count > 0 && g->stride[2] == 1 && last->from + last->length == from) {
            last->length += length;
        } else {
            pieces[count++] = (gr_gemm_piece){from, length};
        }
        n -= length;
        x = 0;
        if (++y == g->out[1]) {
            y = 0;
            z++;
        }
    }
    return count;
}

/* ---- Work ------------------------------------------------------------------------------------ */

int gr_conv_workers(const conv_plan *p, int threads)
{
    const double each = 2.0 * (double)p->patch * (double)p->places;
    return gr_gemm_threads(each * (double)p->g.n * (double)p->g.o, threads);
}

typedef struct conv_job {
    const conv_plan *plan;
    const gr_call *call;
    conv_task_fn *body;
    int64_t last;
    _Atomic int64_t next; /* task that nobody has taken */
} conv_job;

/* A worker that is late, or has the larger tasks, leaves more of them to the others. */
static void conv_worker(void *ctx, int64_t begin, int64_t end)
{
    conv_job *job = ctx;
    for (int64_t worker = begin; worker < end; worker++) {
        char *slot = (char *)job->call->work + job->plan->shared + (size_t)worker * job->plan->slot;
        for (;;) {
            const int64_t task = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
            if (task >= job->last) break;
            job->body(job->plan, job->call, slot, task);
        }
    }
}

void gr_conv_share_range(const conv_plan *p, const gr_call *call, int64_t first, int64_t last,
                         conv_task_fn *body)
{
    const int64_t workers = conv_min(gr_conv_workers(p, call->threads), last - first);
    conv_job job = {.plan = p, .call = call, .body = body, .last = last};
    atomic_init(&job.next, first);
    gr_parallel((int)workers, workers, 1, conv_worker, &job);
}

void gr_conv_share(const conv_plan *p, const gr_call *call, int64_t tasks, conv_task_fn *body)
{
    gr_conv_share_range(p, call, 0, tasks, body);
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* One group's weights, packed block by block of K: task = group · blocks + block. */
static void conv_pack_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    (void)slot;
    const int64_t blocks = gr_gemm_blocks(p->kit, p->patch);
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): without blocks there are no tasks */
    const int64_t group = task / blocks, block = task % blocks;
    const gr_gemm_matrix w = {conv_at(p, call->in[1], group * conv_w_size(p)), p->patch, 1};
    const int64_t size = gr_gemm_packed_size(p->kit, p->width, p->patch);
    gr_gemm_pack_blocks(p->kit, &w, p->width, p->patch, block, block + 1,
                        conv_at(p, call->work, group * size));
}

void gr_conv_gather(const conv_plan *p, const void *image, int64_t k0, int64_t kc, int64_t first,
                    int64_t last, gr_gemm_piece *pieces, void *panels)
{
    const gr_gemm_kit *kit = p->kit;
    for (int64_t j = first; j < last; j += kit->nr) {
        const int64_t n = conv_min(last - j, kit->nr), width = gr_gemm_panel(kit, n);
        const gr_gemm_patches patches = {.offset = p->offset + k0,
                                         .pieces = pieces,
                                         .n_pieces = gr_conv_pieces(p, j, n, pieces),
                                         .step = p->g.stride[2]};
        kit->gather(&patches, image, kc, width, conv_at(p, panels, (j - first) * kc), width);
    }
}

/* Columns [first, last) of the result for one image and group, which starts at element `y`. */
static void conv_forward_columns(const conv_plan *p, const gr_call *call, const void *packed,
                                 const void *image, int64_t y, int64_t first, int64_t last,
                                 char *slot)
{
    const gr_gemm_kit *kit = p->kit;
    gr_gemm_piece *pieces = (gr_gemm_piece *)slot;
    void *panels = slot + conv_pieces_bytes(kit->nr);
    const int64_t block = gr_gemm_block(kit, p->patch);
    for (int64_t k0 = 0; k0 < p->patch; k0 += block) {
        const int64_t kc = conv_min(p->patch - k0, block);
        gr_conv_gather(p, image, k0, kc, first, last, pieces, panels);
        for (int64_t i = 0; i < p->width; i += kit->mr) {
            const void *sliver = gr_gemm_packed_sliver(kit, packed, p->width, k0, kc, i);
            const int64_t m = conv_min(p->width - i, kit->mr);
            for (int64_t j = first; j < last; j += kit->nr) {
                const int64_t n = conv_min(last - j, kit->nr);
                kit->tile(m, n, kc, sliver, conv_at(p, panels, (j - first) * kc),
                          gr_gemm_panel(kit, n), conv_at(p, call->out[0], y + i * p->places + j),
                          p->places, k0 > 0);
            }
            if (k0 + kc == p->patch && last - first == p->places) {
                gr_finish(call, y + i * p->places, y + (i + m) * p->places);
            }
        }
    }
}

/* task = (image · groups + group) · parts + part of the columns */
static void conv_forward_task(const conv_plan *p, const gr_call *call, char *slot, int64_t task)
{
    const int64_t index = task / p->parts, part = task % p->parts;
    const int64_t panels = conv_ceil(p->places, p->kit->nr);
    const int64_t first = part * panels / p->parts * p->kit->nr;
    const int64_t last = conv_min((part + 1) * panels / p->parts * p->kit->nr, p->places);
    const int64_t packed = gr_gemm_packed_size(p->kit, p->width, p->patch);
    const void *weights = conv_at(p, call->work, index % p->g.groups * packed);
    const void *image = conv_at(p, call->in[0], index * conv_x_size(p));
    if (p->pads) {
        gr_conv_pad(p, image, p->depth, slot);
        image = slot;
        slot += conv_bytes(p, p->depth * p->padded_volume);
    }
    for (int64_t j = first; j < last; j += p->columns) {
        conv_forward_columns(p, call, weights, image, index * conv_y_size(p), j,
                             conv_min(last, j + p->columns), slot);
    }
}

static gr_status conv_forward(const gr_call *call)
{
    const conv_plan *p = call->ctx;
    gr_conv_share(p, call, p->g.groups * gr_gemm_blocks(p->kit, p->patch), conv_pack_task);
    gr_conv_share(p, call, p->g.n * p->g.groups * p->parts, conv_forward_task);
    return GR_OK;
}

gr_status gr_conv_prepare_forward(gr_request *request, conv_plan *p)
{
    const gr_gemm_kit *kit = p->kit;
    const int64_t images = p->g.n * p->g.groups, panels = conv_ceil(p->places, kit->nr);
    const int64_t workers = gr_conv_workers(p, request->threads);
    p->parts = images < workers ? conv_min(conv_ceil(workers, images), panels) : 1;
    p->columns = conv_min(CONV_COLUMNS, panels * kit->nr);
    p->shared = conv_bytes(p, p->g.groups * gr_gemm_packed_size(kit, p->width, p->patch));
    p->slot = conv_pieces_bytes(kit->nr) +
              conv_bytes(p, gr_gemm_block(kit, p->patch) * p->columns) +
              (p->pads ? conv_bytes(p, p->depth * p->padded_volume) : 0);
    request->fn = conv_forward;
    request->finishes = p->parts == 1 && p->columns >= p->places && /* pieces of rows are many */
                        kit->mr * p->places >= GR_FINISH_LEAST;
    return GR_OK;
}
