/* Fused nodes: slots, threads, and the pass without reductions. */
#include "backend/cpu/fused.h"

enum { FUSED_WALKED = 128 }; /* elements */

/* ---- Copies of broadcast operands ------------------------------------------------------------ */

/* Whole blocks of GR_FUSED_SLACK bytes: what goes past a run is overwritten by the next one. */
#define FUSED_REPEAT(T)                                                                            \
    for (int64_t r = 0; r < runs; r++, to += n * (int64_t)sizeof(T), from += stride) {             \
        T value, block[GR_FUSED_SLACK / sizeof(T)];                                                \
        memcpy(&value, from, sizeof value);                                                        \
        for (size_t k = 0; k < GR_LEN(block); k++) block[k] = value;                               \
        for (int64_t k = 0; k < n * (int64_t)sizeof(T); k += GR_FUSED_SLACK) {                     \
            memcpy(to + k, block, sizeof block);                                                   \
        }                                                                                          \
    }                                                                                              \
    break

static GR_INLINE void fused_repeat_loop(char *restrict to, const char *restrict from,
                                        int64_t stride, int64_t runs, int64_t n, int64_t size)
{
    switch (size) {
    case 1:
        FUSED_REPEAT(uint8_t);
    case 2:
        FUSED_REPEAT(uint16_t);
    case 4:
        FUSED_REPEAT(uint32_t);
    default:
        FUSED_REPEAT(uint64_t);
    }
}

#if defined(GR_X86_LEVELS)
GR_TARGET_AVX512 static void fused_repeat_avx512(char *to, const char *from, int64_t stride,
                                                 int64_t runs, int64_t n, int64_t size)
{
    fused_repeat_loop(to, from, stride, runs, n, size);
}
#endif

void gr_fused_repeat(char *to, const char *from, int64_t stride, int64_t runs, int64_t n,
                     int64_t size)
{
#if defined(GR_X86_LEVELS)
    if (gr_cpu() == GR_CPU_AVX512) {
        fused_repeat_avx512(to, from, stride, runs, n, size);
        return;
    }
#endif
    fused_repeat_loop(to, from, stride, runs, n, size);
}

/* `runs` rows of some bytes each, which are few as a rule. */
static void fused_copy_rows(char *restrict to, const char *restrict from, int64_t stride,
                            int64_t runs, int64_t bytes)
{
    for (int64_t r = 0; r < runs; r++, to += bytes, from += stride) {
        if (bytes > GR_FUSED_SLACK) {
            memcpy(to, from, (size_t)bytes);
        } else {
            gr_copy_few(to, from, (size_t)bytes);
        }
    }
}

static void fused_copy_runs(const gr_fused_slot *s, const char *from, char *to, int64_t begin,
                            int64_t n)
{
    const gr_fused_walk *w = &s->walk;
    const int last = w->outer.rank - 1;
    int64_t run = begin / w->run, inside = begin % w->run;
    while (n > 0) {
        const char *at = from + gr_walk_offset(&w->outer, run) * s->size;
        int64_t runs = 1, stride = 0, each = w->run - inside;
        if (inside == 0 && n >= w->run && last >= 0) {
            const int64_t left = last > 0 ? w->outer.dim[last] - run % w->outer.dim[last] : n;
            runs = n / w->run < left ? n / w->run : left;
            stride = w->outer.step[last] * s->size;
        } else if (n < each) {
            each = n;
        }
        if (w->step) {
            at += inside * s->size;
            fused_copy_rows(to, at, stride, runs, each * s->size);
        } else {
            gr_fused_repeat(to, at, stride, runs, each, s->size);
        }
        to += runs * each * s->size;
        n -= runs * each;
        run += runs;
        inside = 0;
    }
}

/* A period is walked once and then doubled, unless that is more to do. */
void gr_fused_copy(const gr_fused_slot *s, const char *from, char *to, int64_t begin, int64_t n)
{
    int64_t done = n < s->walk.period || n <= FUSED_WALKED ? n : s->walk.period;
    fused_copy_runs(s, from, to, begin, done);
    for (int64_t more; done < n; done += more) {
        more = done < n - done ? done : n - done;
        memcpy(to + done * s->size, to, (size_t)(more * s->size));
    }
}

/* The last copy is kept where it serves again. */
static void fused_place_copy(gr_fused_frame *f, int slot, int64_t begin, int64_t n)
{
    const gr_fused_slot *s = &f->pass->slot[slot];
    const int64_t at = begin % s->walk.period;
    if (f->copied[slot] >= n && f->copied_at[slot] == at) return;
    f->copied[slot] = n;
    f->copied_at[slot] = at;
    gr_fused_copy(s, f->base[slot], f->at[slot], begin, n);
}

/* ---- Slots ----------------------------------------------------------------------------------- */

void gr_fused_begin(gr_fused_frame *f, const gr_fused_work *w, char *store)
{
    const gr_fused_pass *p = w->pass;
    f->pass = p;
    f->store = store;
    for (int i = 0; i < p->n_slots; i++) {
        const gr_fused_slot *s = &p->slot[i];
        const char *root = s->root == GR_FUSED_ROOT_STORE ? store : w->root[s->root];
        f->base[i] = (char *)((uintptr_t)root + (uintptr_t)s->offset);
        f->at[i] = s->copy >= 0 ? store + s->copy : f->base[i];
        f->copied[i] = 0;
    }
}

void gr_fused_place(gr_fused_frame *f, gr_fused_range range, int64_t begin, int64_t part, int64_t n)
{
    for (int i = range.begin; i < range.end; i++) {
        const int slot = f->pass->moving[i];
        const gr_fused_slot *s = &f->pass->slot[slot];
        int64_t element = begin;
        switch (s->motion) {
        case GR_FUSED_COPY:
        case GR_FUSED_GROUP_COPY:
            fused_place_copy(f, slot, begin, n);
            continue;
        case GR_FUSED_WALK:
            element = gr_walk_offset(&s->walk.outer, begin / s->walk.run);
            if (s->walk.step) element += begin % s->walk.run;
            break;
        case GR_FUSED_WIDE:
            element = part;
            break;
        case GR_FUSED_LEAN:
            continue;
        case GR_FUSED_FIXED:
        case GR_FUSED_FULL:
        case GR_FUSED_GROUP:
            break;
        }
        f->at[slot] = f->base[slot] + element * s->size;
    }
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void fused_part_small(const gr_fused_work *w, int64_t begin, int64_t end)
{
    _Alignas(GR_ALIGN) char store[GR_FUSED_STORE_SMALL];
    w->body(w, store, begin, end);
}

static void fused_part_large(const gr_fused_work *w, int64_t begin, int64_t end)
{
    _Alignas(GR_ALIGN) char store[GR_FUSED_STORE];
    w->body(w, store, begin, end);
}

void gr_fused_part(void *ctx, int64_t begin, int64_t end)
{
    const gr_fused_work *w = ctx;
    const bool small = w->pass->store <= GR_FUSED_STORE_SMALL;
    (small ? fused_part_small : fused_part_large)(w, begin, end);
}

void gr_fused_parallel(gr_fused_work *w, int64_t count, int64_t grain)
{
    gr_parallel(w->call->threads, count, grain, gr_fused_part, w);
}

/* ---- The pass without reductions ------------------------------------------------------------- */

static void fused_plain_body(const gr_fused_work *w, char *store, int64_t begin, int64_t end)
{
    const gr_fused_pass *p = w->pass;
    gr_fused_frame f;
    gr_fused_begin(&f, w, store);
    for (int64_t i = begin, n; i < end; i += n) {
        n = end - i < p->piece ? end - i : p->piece;
        if (p->align > 0 && n > p->align - i % p->align) n = p->align - i % p->align;
        gr_fused_place(&f, p->phase->moving, i, 0, n);
        gr_fused_execute(&f, p->phase->codes, n);
    }
}

void gr_fused_start_plain(gr_fused_work *w)
{
    w->body = fused_plain_body;
}

void gr_fused_run_plain(gr_fused_work *w)
{
    const gr_fused_pass *p = w->pass;
    gr_fused_start_plain(w);
    const bool shared = p->count > p->grain && p->seconds > 0;
    const int threads = w->call->threads;
    gr_parallel(shared ? gr_parallel_threads(threads, p->seconds) : threads, p->count, p->grain,
                gr_fused_part, w);
}
