/* Kernels of permute, broadcast, slice, split, pad and concat: strided copies with as few loops as
 * the shapes allow around whole rows, or, where the contiguous axes of input and output differ,
 * around blocked transposes. */
#include "ops/movement.h"
#include "backend/backend.h"
#include "backend/cpu/transpose.h"

enum {
    MOVEMENT_GRAIN = 1 << 17, /* bytes of a thread's chunk, at least, … */
    MOVEMENT_PAYS = 4,        /* … and so many chunks are worth a second thread, of long rows: */
    MOVEMENT_LONG_BYTES = 256,
    MOVEMENT_SHORT_BYTES = 64 /* longest row that is not copied by a call of its own */
};

/* n elements from in, at in_step from each other, to out, at out_step. */
typedef void movement_row_fn(const char *in, int64_t in_step, char *out, int64_t out_step,
                             int64_t n);

typedef struct movement_part {
    gr_copy c; /* the last loop is `row` or, with the loop before it, short rows or a transpose */
    void (*body)(void *ctx, int64_t begin, int64_t end);
    movement_row_fn *row;
    int64_t count;  /* elements, short rows, or tasks of transposes */
    int64_t strips; /* of a transpose */
    int64_t grain;
} movement_part;

typedef struct movement_plan {
    int64_t size, count; /* bytes of an element, elements of the output */
    int n;
    bool fills, fills_zero;
    _Alignas(8) char value[8]; /* an element of any type */
    movement_part part[];
} movement_plan;

typedef struct movement_work {
    const movement_plan *plan;
    const movement_part *part;
    const char *in;
    char *out;
} movement_work;

/* ---- Rows ------------------------------------------------------------------------------------ */

#define MOVEMENT_ROWS(bits)                                                                        \
    static void movement_dense_##bits(const char *in, int64_t in_step, char *out,                  \
                                      int64_t out_step, int64_t n)                                 \
    {                                                                                              \
        (void)in_step;                                                                             \
        (void)out_step;                                                                            \
        memcpy(out, in, (size_t)n *((bits) / 8));                                                  \
    }                                                                                              \
    static void movement_repeat_##bits(const char *in, int64_t in_step, char *out,                 \
                                       int64_t out_step, int64_t n)                                \
    {                                                                                              \
        (void)in_step;                                                                             \
        (void)out_step;                                                                            \
        const uint##bits##_t value = *(const uint##bits##_t *)(const void *)in;                    \
        uint##bits##_t *to = (void *)out;                                                          \
        GR_SIMD for (int64_t i = 0; i < n; i++) to[i] = value;                                     \
    }                                                                                              \
    static void movement_strided_##bits(const char *in, int64_t in_step, char *out,                \
                                        int64_t out_step, int64_t n)                               \
    {                                                                                              \
        const uint##bits##_t *from = (const void *)in;                                             \
        uint##bits##_t *to = (void *)out;                                                          \
        for (int64_t i = 0; i < n; i++) to[i * out_step] = from[i * in_step];                      \
    }
MOVEMENT_ROWS(8)
MOVEMENT_ROWS(16)
MOVEMENT_ROWS(32)
MOVEMENT_ROWS(64)

static movement_row_fn *movement_row(int64_t size, int64_t in_step, int64_t out_step)
{
    static movement_row_fn *const rows[3][4] = {
        {movement_dense_8, movement_dense_16, movement_dense_32, movement_dense_64},
        {movement_repeat_8, movement_repeat_16, movement_repeat_32, movement_repeat_64},
        {movement_strided_8, movement_strided_16, movement_strided_32, movement_strided_64}};
    const int kind = out_step == 1 && in_step == 1 ? 0 : out_step == 1 && in_step == 0 ? 1 : 2;
    return rows[kind][size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3];
}

/* Offsets of the row with number `row`, in elements, over the first `loops` loops. */
static void movement_locate(const gr_copy *c, int loops, int64_t row, int64_t *index, int64_t *from,
                            int64_t *to)
{
    *from = c->in_start;
    *to = c->out_start;
    for (int k = loops - 1; k >= 0; k--) {
        index[k] = row % c->dim[k];
        row /= c->dim[k];
        *from += index[k] * c->in_step[k];
        *to += index[k] * c->out_step[k];
    }
}

/* Elements [begin, end) of the copy. */
static void movement_body_rows(void *ctx, int64_t begin, int64_t end)
{
    const movement_work *w = ctx;
    const gr_copy *c = &w->part->c;
    const int last = c->rank - 1;
    const int64_t size = w->plan->size, length = c->dim[last];
    int64_t index[GR_MAX_RANK] = {0}, from = c->in_start, to = c->out_start, skip = 0;
    if (begin > 0) {
        skip = begin % length;
        movement_locate(c, last, begin / length, index, &from, &to);
    }
    while (begin < end) {
        const int64_t n = length - skip < end - begin ? length - skip : end - begin;
        w->part->row(w->in + (from + skip * c->in_step[last]) * size, c->in_step[last],
                     w->out + (to + skip * c->out_step[last]) * size, c->out_step[last], n);
        begin += n;
        skip = 0;
        for (int k = last - 1; k >= 0; k--) {
            from += c->in_step[k];
            to += c->out_step[k];
            if (++index[k] < c->dim[k]) break;
            index[k] = 0;
            from -= c->dim[k] * c->in_step[k];
            to -= c->dim[k] * c->out_step[k];
        }
    }
}

/* Rows of SIZE bytes or up to twice as many: two copies each, which may overlap. */
#define MOVEMENT_SHORT(SIZE)                                                                       \
    for (int64_t r = 0; r < rows; r++, in += in_step, out += out_step) {                           \
        memcpy(out, in, SIZE);                                                                     \
        memcpy(out + bytes - (SIZE), in + bytes - (SIZE), SIZE);                                   \
    }

static void movement_short(const char *in, int64_t in_step, char *out, int64_t out_step,
                           int64_t rows, int64_t bytes)
{
    if (bytes <= 8) {
        MOVEMENT_SHORT(4)
    } else if (bytes <= 16) {
        MOVEMENT_SHORT(8)
    } else if (bytes <= 32) {
        MOVEMENT_SHORT(16)
    } else {
        MOVEMENT_SHORT(32)
    }
}

/* Rows [begin, end) of the copy, of so few bytes that a call for each would cost more than they. */
static void movement_body_short(void *ctx, int64_t begin, int64_t end)
{
    const movement_work *w = ctx;
    const gr_copy *c = &w->part->c;
    const int across = c->rank - 2, last = c->rank - 1;
    const int64_t size = w->plan->size;
    for (int64_t row = begin, rows; row < end; row += rows) {
        int64_t index[GR_MAX_RANK], from, to;
        movement_locate(c, last, row, index, &from, &to);
        rows = c->dim[across] - index[across];
        if (rows > end - row) rows = end - row;
        movement_short(w->in + from * size, c->in_step[across] * size, w->out + to * size,
                       c->out_step[across] * size, rows, c->dim[last] * size);
    }
}

/* Strips [begin, end) of the copy's transposes. */
static void movement_body_transpose(void *ctx, int64_t begin, int64_t end)
{
    const movement_work *w = ctx;
    const gr_copy *c = &w->part->c;
    const int across = c->rank - 2, last = c->rank - 1;
    const int64_t size = w->plan->size, side = GR_TRANSPOSE_SIDE(size);
    for (int64_t task = begin; task < end; task++) {
        const int64_t b = task % w->part->strips * side, left = c->dim[last] - b;
        int64_t index[GR_MAX_RANK], from, to;
        movement_locate(c, across, task / w->part->strips, index, &from, &to);
        gr_transpose_strip(w->in + (from + b * c->in_step[last]) * size, c->in_step[last],
                           w->out + (to + b) * size, c->out_step[across], c->dim[across],
                           left < side ? left : side, (size_t)size);
    }
}

/* ---- Running --------------------------------------------------------------------------------- */

static void movement_body_fill(void *ctx, int64_t begin, int64_t end)
{
    const movement_work *w = ctx;
    const movement_plan *p = w->plan;
    char *to = w->out + begin * p->size;
    if (p->fills_zero) {
        memset(to, 0, (size_t)((end - begin) * p->size));
    } else {
        movement_row(p->size, 0, 1)(p->value, 0, to, 1, end - begin);
    }
}

static void movement_run_part(const movement_work *w, int threads)
{
    gr_parallel(threads, w->part->count, w->part->grain, w->part->body, (void *)(uintptr_t)w);
}

static gr_status movement_run_one(const gr_call *call)
{
    const movement_plan *p = call->ctx;
    const movement_work w = {p, &p->part[0], call->in[0], call->out[0]};
    movement_run_part(&w, call->threads);
    return GR_OK;
}

static gr_status movement_run_all(const gr_call *call)
{
    const movement_plan *p = call->ctx;
    movement_work w = {p, NULL, NULL, call->out[0]};
    if (p->fills) {
        gr_parallel(call->threads, p->count, MOVEMENT_GRAIN / p->size, movement_body_fill, &w);
    }
    for (int i = 0; i < p->n; i++) {
        w.part = &p->part[i];
        w.in = call->in[w.part->c.in];
        w.out = call->out[w.part->c.out];
        movement_run_part(&w, call->threads);
    }
    return GR_OK;
}

/* ---- Preparing ------------------------------------------------------------------------------- */

static void movement_remove_loop(gr_copy *c, int k)
{
    for (c->rank--; k < c->rank; k++) {
        c->dim[k] = c->dim[k + 1];
        c->in_step[k] = c->in_step[k + 1];
        c->out_step[k] = c->out_step[k + 1];
    }
}

/* Joins loops that walk input and output as one loop would; leaves at least one. */
static void movement_simplify(gr_copy *c)
{
    for (int k = c->rank - 1; k >= 0; k--) {
        if (c->dim[k] == 1) movement_remove_loop(c, k);
    }
    for (int k = c->rank - 2; k >= 0; k--) {
        if (c->in_step[k] != c->dim[k + 1] * c->in_step[k + 1]) continue;
        if (c->out_step[k] != c->dim[k + 1] * c->out_step[k + 1]) continue;
        c->dim[k + 1] *= c->dim[k];
        movement_remove_loop(c, k);
    }
    if (c->rank == 0) {
        c->rank = 1;
        c->dim[0] = c->in_step[0] = c->out_step[0] = 1;
    }
}

/* Moves the loop along which the input is contiguous in front of the last one, along which the
 * output is; false if there are no two such loops of some length. */
static bool movement_make_transpose(gr_copy *c)
{
    const int last = c->rank - 1;
    if (last < 1 || c->out_step[last] != 1 || c->in_step[last] <= 1 || c->dim[last] < 4) {
        return false;
    }
    int across = last - 1;
    while (across >= 0 && c->in_step[across] != 1) across--;
    if (across < 0 || c->dim[across] < 4) return false;
    const int64_t dim = c->dim[across], out_step = c->out_step[across];
    for (int k = across; k < last - 1; k++) {
        c->dim[k] = c->dim[k + 1];
        c->in_step[k] = c->in_step[k + 1];
        c->out_step[k] = c->out_step[k + 1];
    }
    c->dim[last - 1] = dim;
    c->in_step[last - 1] = 1;
    c->out_step[last - 1] = out_step;
    return true;
}

static bool movement_is_short(const gr_copy *c, int64_t size)
{
    const int last = c->rank - 1;
    const int64_t bytes = c->dim[last] * size;
    const bool dense = c->in_step[last] == 1 && c->out_step[last] == 1;
    return last > 0 && dense && bytes >= 4 && bytes <= MOVEMENT_SHORT_BYTES;
}

static void movement_prepare_part(movement_part *part, int64_t size)
{
    gr_copy *c = &part->c;
    movement_simplify(c);
    const int last = c->rank - 1;
    part->count = 1;
    for (int k = 0; k < c->rank; k++) part->count *= c->dim[k];
    part->grain = MOVEMENT_GRAIN / size;
    if (movement_is_short(c, size)) {
        part->body = movement_body_short;
        part->count /= c->dim[last];
        part->grain = part->grain / c->dim[last] + 1;
        return;
    }
    if (!movement_make_transpose(c)) {
        part->body = movement_body_rows;
        part->row = movement_row(size, c->in_step[last], c->out_step[last]);
        const bool quick = c->dim[last] * size >= MOVEMENT_LONG_BYTES;
        if (quick && part->count < MOVEMENT_PAYS * part->grain) part->grain = part->count;
        return;
    }
    part->body = movement_body_transpose;
    const int64_t side = GR_TRANSPOSE_SIDE(size), task = c->dim[last - 1] * side;
    part->strips = (c->dim[last] + side - 1) / side;
    part->count = part->strips;
    for (int k = 0; k < last - 1; k++) part->count *= c->dim[k];
    part->grain = part->grain / task + 1;
}

gr_status gr_movement_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const int n = gr_copy_count(node);
    const size_t bytes = sizeof(movement_plan) + (size_t)n * sizeof(movement_part);
    movement_plan *p = gr_arena_alloc(request->arena, bytes);
    if (!p) return gr_no_memory(bytes);
    p->size = (int64_t)gr_dtype_size(node->out[0].dtype);
    p->count = gr_shape_count(node->out[0].shape);
    p->fills = gr_copy_value(node, p->value);
    p->fills_zero = memcmp(p->value, (char[8]){0}, sizeof p->value) == 0;
    bool transposes = false;
    for (int i = 0; i < n; i++) {
        movement_part *part = &p->part[p->n];
        gr_copy_of(node, i, &part->c);
        movement_prepare_part(part, p->size);
        transposes |= part->body == movement_body_transpose;
        p->n++;
    }
    request->ctx = p;
    request->fn = p->n == 1 && !p->fills ? movement_run_one : movement_run_all;
    request->kernel = transposes ? "copy-transpose" : "copy-rows";
    return GR_OK;
}
