/* The elementwise engine: runs any op that has spans.
 *
 * A node's broadcast is reduced once, at compile time, to the fewest loops around runs of elements
 * in which every input either advances (step 1) or stands still (step 0). Most nodes come out as
 * a single run, which costs one call. Short runs ([N,10] + [10]) would pay a call for a few
 * elements; there, tiles of many runs are computed at once, with the inputs that broadcast first
 * copied out in full to a small buffer. */
#include "ops/elementwise.h"
#include "backend/backend.h"

enum {
    ENGINE_INPUTS = 3,
    ENGINE_SHORT = 64,    /* runs below this many elements are tiled */
    ENGINE_TILE = 512,    /* elements of a tile; its buffers lie on the stack */
    ENGINE_GRAIN = 32768, /* elements that are worth a thread, for an addition … */
    ENGINE_COSTLY = 8     /* … and this many times fewer for an op marked costly */
};

/* Strides are in bytes. Loop 0 is the outermost. */
typedef struct engine_plan {
    gr_span_fn *span;
    int64_t n; /* elements of a run */
    double param[GR_SPAN_PARAMS];
    int step[ENGINE_INPUTS];
    int inputs, loops;
    int64_t runs, size[GR_MAX_RANK], stride[ENGINE_INPUTS][GR_MAX_RANK];
    int64_t bytes[ENGINE_INPUTS], out_bytes; /* of an element */
    bool full[ENGINE_INPUTS];                /* as many elements as the output: not broadcast */
    bool row[ENGINE_INPUTS];                 /* every run reads the same elements, step 1 */
    bool walks;                              /* some input is neither */
    int64_t grain;                           /* elements (one run) or runs a thread takes */
} engine_plan;

typedef struct engine_work {
    const engine_plan *plan;
    const gr_call *call;
} engine_work;

/* ---- One run --------------------------------------------------------------------------------- */

static gr_status engine_nothing(const gr_call *call)
{
    (void)call;
    return GR_OK;
}

static gr_status engine_run(const gr_call *call)
{
    const engine_plan *p = call->ctx;
    p->span(call->out[0], (const void *const *)call->in, p->step, p->n, p->param);
    return GR_OK;
}

static void engine_run_part(void *ctx, int64_t begin, int64_t end)
{
    const engine_work *w = ctx;
    const engine_plan *p = w->plan;
    const void *in[ENGINE_INPUTS] = {NULL};
    for (int i = 0; i < p->inputs; i++) {
        in[i] = (const char *)w->call->in[i] + begin * p->step[i] * p->bytes[i];
    }
    p->span((char *)w->call->out[0] + begin * p->out_bytes, in, p->step, end - begin, p->param);
}

static gr_status engine_run_threads(const gr_call *call)
{
    const engine_plan *p = call->ctx;
    engine_work work = {.plan = p, .call = call};
    gr_parallel(call->threads, p->n, p->grain, engine_run_part, &work);
    return GR_OK;
}

/* ---- Loops around runs ----------------------------------------------------------------------- */

/* Where a walk over the runs stands: an odometer with the inputs' addresses. */
typedef struct engine_walk {
    int64_t index[GR_MAX_RANK];
    const char *in[ENGINE_INPUTS];
} engine_walk;

static void engine_walk_to(const engine_plan *p, const gr_call *call, int64_t run, engine_walk *w)
{
    for (int i = 0; i < p->inputs; i++) w->in[i] = call->in[i];
    for (int d = p->loops - 1; d >= 0; d--) {
        w->index[d] = run % p->size[d];
        run /= p->size[d];
        for (int i = 0; i < p->inputs; i++) w->in[i] += w->index[d] * p->stride[i][d];
    }
}

/* Moves on by `runs`, which must not pass the end of the innermost loop. */
static void engine_walk_on(const engine_plan *p, engine_walk *w, int64_t runs)
{
    for (int d = p->loops - 1; d >= 0; d--) {
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): a walk was started */
        for (int i = 0; i < p->inputs; i++) w->in[i] += runs * p->stride[i][d];
        w->index[d] += runs;
        if (w->index[d] < p->size[d]) return;
        for (int i = 0; i < p->inputs; i++) w->in[i] -= p->size[d] * p->stride[i][d];
        w->index[d] = 0;
        runs = 1;
    }
}

/* Runs from here to the end of the innermost loop, at most `most`. */
static int64_t engine_walk_ahead(const engine_plan *p, const engine_walk *w, int64_t most)
{
    const int64_t ahead = p->size[p->loops - 1] - w->index[p->loops - 1];
    return ahead < most ? ahead : most;
}

static void engine_loop_part(void *ctx, int64_t begin, int64_t end)
{
    const engine_work *work = ctx;
    const engine_plan *p = work->plan;
    engine_walk w;
    engine_walk_to(p, work->call, begin, &w);
    char *out = (char *)work->call->out[0] + begin * p->n * p->out_bytes;
    for (int64_t run = begin, ahead; run < end; run += ahead) {
        ahead = engine_walk_ahead(p, &w, end - run);
        const void *in[ENGINE_INPUTS] = {NULL};
        for (int64_t r = 0; r < ahead; r++) {
            for (int i = 0; i < p->inputs; i++) in[i] = w.in[i] + r * p->stride[i][p->loops - 1];
            p->span(out, in, p->step, p->n, p->param);
            out += p->n * p->out_bytes;
        }
        engine_walk_on(p, &w, ahead);
    }
}

static gr_status engine_loop(const gr_call *call)
{
    const engine_plan *p = call->ctx;
    engine_work work = {.plan = p, .call = call};
    gr_parallel(call->threads, p->runs, p->grain, engine_loop_part, &work);
    return GR_OK;
}

/* ---- Tiles of short runs --------------------------------------------------------------------- */

/* Copies `runs` runs of n elements that lie `stride` bytes apart; with step 0 a run is n times its
 * first element. */
typedef struct engine_source {
    const char *data;
    int64_t stride, bytes;
    int step;
} engine_source;

#define ENGINE_EXPAND(T)                                                                           \
    do {                                                                                           \
        for (int64_t r = 0; r < runs; r++, to += n * (int64_t)sizeof(T), from += source.stride) {  \
            if (source.step) {                                                                     \
                for (int64_t k = 0; k < n; k++) {                                                  \
                    memcpy(to + k * (int64_t)sizeof(T), from + k * (int64_t)sizeof(T), sizeof(T)); \
                }                                                                                  \
            } else {                                                                               \
                GR_SIMD for (int64_t k = 0; k < n; k++)                                            \
                {                                                                                  \
                    memcpy(to + k * (int64_t)sizeof(T), from, sizeof(T));                          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void engine_expand(char *restrict to, engine_source source, int64_t runs, int64_t n)
{
    const char *restrict from = source.data;
    switch (source.bytes) {
    case 1:
        ENGINE_EXPAND(uint8_t);
        break;
    case 2:
        ENGINE_EXPAND(uint16_t);
        break;
    case 4:
        ENGINE_EXPAND(uint32_t);
        break;
    default:
        ENGINE_EXPAND(uint64_t);
        break;
    }
}

/* Copies out what `runs` runs read of the inputs that the walk must follow, and moves on. */
static void engine_fill(const engine_plan *p, engine_walk *w, int64_t runs, char *const *buffer)
{
    for (int64_t run = 0, ahead; run < runs; run += ahead) {
        ahead = engine_walk_ahead(p, w, runs - run);
        for (int i = 0; i < p->inputs; i++) {
            if (p->full[i] || p->row[i]) continue;
            const engine_source source = {w->in[i], p->stride[i][p->loops - 1], p->bytes[i],
                                          p->step[i]};
            /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): at most three */
            engine_expand(buffer[i] + run * p->n * p->bytes[i], source, ahead, p->n);
        }
        engine_walk_on(p, w, ahead);
    }
}

static void engine_tile_part(void *ctx, int64_t begin, int64_t end)
{
    const engine_work *work = ctx;
    const engine_plan *p = work->plan;
    static const int steps[ENGINE_INPUTS] = {1, 1, 1};
    _Alignas(GR_ALIGN) char store[ENGINE_INPUTS][ENGINE_TILE * 8];
    char *const buffer[ENGINE_INPUTS] = {store[0], store[1], store[2]};
    const int64_t tile = ENGINE_TILE / p->n;
    const void *in[ENGINE_INPUTS];
    for (int i = 0; i < p->inputs; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): three inputs at most */
        in[i] = buffer[i];
        if (!p->row[i]) continue;
        const engine_source source = {work->call->in[i], 0, p->bytes[i], 1};
        engine_expand(buffer[i], source, end - begin < tile ? end - begin : tile, p->n);
    }
    engine_walk w;
    if (p->walks) engine_walk_to(p, work->call, begin, &w);
    for (int64_t run = begin; run < end; run += tile) {
        const int64_t runs = end - run < tile ? end - run : tile;
        if (p->walks) engine_fill(p, &w, runs, buffer);
        for (int i = 0; i < p->inputs; i++) {
            if (p->full[i]) in[i] = (char *)work->call->in[i] + run * p->n * p->bytes[i];
        }
        char *out = (char *)work->call->out[0] + run * p->n * p->out_bytes;
        p->span(out, in, steps, runs * p->n, p->param);
    }
}

static gr_status engine_tile(const gr_call *call)
{
    const engine_plan *p = call->ctx;
    engine_work work = {.plan = p, .call = call};
    gr_parallel(call->threads, p->runs, p->grain, engine_tile_part, &work);
    return GR_OK;
}

/* ---- Planning -------------------------------------------------------------------------------- */

/* Joins neighbouring dimensions that every input walks alike. stride[i][d] is in elements. Returns
 * the number of dimensions left, at least 1. */
static int engine_collapse(const gr_node *node, int64_t *size, int64_t (*stride)[GR_MAX_RANK])
{
    const gr_shape out = node->out[0].shape;
    int64_t input_stride[ENGINE_INPUTS][GR_MAX_RANK];
    for (int i = 0; i < node->n_in; i++) {
        gr_shape_strides(gr_type_of(node->in[i]).shape, input_stride[i]);
    }
    int dims = 0;
    for (int d = 0; d < out.rank; d++) {
        if (out.dim[d] == 1) continue;
        int64_t step[ENGINE_INPUTS] = {0};
        bool joins = dims > 0;
        for (int i = 0; i < node->n_in; i++) {
            const gr_shape shape = gr_type_of(node->in[i]).shape;
            const int axis = d - (out.rank - shape.rank);
            if (axis >= 0 && shape.dim[axis] != 1) step[i] = input_stride[i][axis];
            if (dims > 0 && stride[i][dims - 1] != step[i] * out.dim[d]) joins = false;
        }
        if (!joins) size[dims++] = 1;
        size[dims - 1] *= out.dim[d];
        for (int i = 0; i < node->n_in; i++) stride[i][dims - 1] = step[i];
    }
    if (dims == 0) {
        size[dims++] = 1;
        for (int i = 0; i < node->n_in; i++) stride[i][0] = 0;
    }
    return dims;
}

static gr_kernel_fn *engine_choose(engine_plan *p, int threads, bool costly)
{
    const int64_t grain = costly ? ENGINE_GRAIN / ENGINE_COSTLY : ENGINE_GRAIN;
    if (p->runs == 1) {
        p->grain = grain;
        return threads > 1 && p->n >= 2 * grain ? engine_run_threads : engine_run;
    }
    p->grain = (grain + p->n - 1) / p->n;
    if (p->n >= ENGINE_SHORT) return engine_loop;
    const int64_t tile = ENGINE_TILE / p->n; /* whole tiles for a thread */
    p->grain = (p->grain + tile - 1) / tile * tile;
    return engine_tile;
}

static void engine_plan_loops(engine_plan *p, const gr_node *node)
{
    int64_t size[GR_MAX_RANK], stride[ENGINE_INPUTS][GR_MAX_RANK];
    const int64_t count = gr_shape_count(node->out[0].shape);
    p->inputs = node->n_in;
    p->loops = engine_collapse(node, size, stride) - 1;
    p->n = size[p->loops];
    p->runs = p->n ? count / p->n : 0;
    p->out_bytes = (int64_t)gr_dtype_size(node->out[0].dtype);
    for (int d = 0; d < p->loops; d++) p->size[d] = size[d];
    for (int i = 0; i < p->inputs; i++) {
        const gr_type type = gr_type_of(node->in[i]);
        p->bytes[i] = (int64_t)gr_dtype_size(type.dtype);
        p->full[i] = gr_shape_count(type.shape) == count;
        p->step[i] = p->full[i] || stride[i][p->loops] ? 1 : 0;
        p->row[i] = p->step[i] == 1;
        for (int d = 0; d < p->loops; d++) {
            p->stride[i][d] = stride[i][d] * p->bytes[i];
            if (stride[i][d]) p->row[i] = false;
        }
        if (!p->full[i] && !p->row[i]) p->walks = true;
    }
}

gr_status gr_elementwise_prepare(gr_request *request)
{
    static const char *const names[GR_CPU_LEVELS] = {"elementwise-base", "elementwise-avx2",
                                                     "elementwise-avx512"};
    const gr_node *node = request->node;
    const gr_op *op = node->op;
    if (!op->spans || node->n_in > ENGINE_INPUTS) return GR_UNSUPPORTED;
    gr_span_fn *const *spans = (*op->spans)[gr_type_of(node->in[op->span_input]).dtype];
    int level = (int)request->level;
    while (level > GR_CPU_BASE && !spans[level]) level--;
    if (!spans[level]) return GR_UNSUPPORTED;

    engine_plan *p = gr_arena_alloc(request->arena, sizeof *p);
    if (!p) return gr_no_memory(sizeof *p);
    p->span = spans[level];
    gr_span_params(node, p->param);
    engine_plan_loops(p, node);

    request->ctx = p;
    request->kernel = names[level];
    request->fn = engine_nothing;
    if (p->n * p->runs > 0) {
        request->fn = engine_choose(p, request->threads, (op->flags & GR_OP_COSTLY) != 0);
    }
    for (int i = 0; i < p->inputs; i++) {
        if (p->full[i] && p->bytes[i] == p->out_bytes) request->inplace[0] |= 1u << i;
    }
    return GR_OK;
}
