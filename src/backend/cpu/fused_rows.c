/* Fused nodes with reductions over the innermost axes.
 *
 * The elements of a group are `rows` rows of `length` contiguous elements (gr_reduction); the same
 * row of neighbouring groups is contiguous, too. So a pass walks bands of neighbouring groups, row
 * by row: rows lie far apart, often by a power of two, so that those of one group alone would share
 * few sets of the caches. A piece is one row of some groups or, where rows are long, a unit of one
 * group. */
#include "backend/cpu/fused.h"

typedef struct fused_band {
    int64_t group, groups; /* the first one, and how many */
    int64_t begin;         /* their first element */
} fused_band;

static fused_band fused_band_of(const gr_fused_pass *p, int64_t band)
{
    const int64_t first = band % p->run_bands * p->band, left = p->run_groups - first;
    const int64_t group = band / p->run_bands * p->run_groups + first;
    return (fused_band){group, left < p->band ? left : p->band, gr_walk_offset(&p->r.group, group)};
}

/* Turns to group g of the band: there full gates find its lean values. */
static void fused_rows_turn(gr_fused_frame *f, gr_fused_range turning, const fused_band *b,
                            int64_t g)
{
    const gr_fused_pass *p = f->pass;
    for (int i = turning.begin; i < turning.end; i++) {
        const gr_fused_slot *s = &p->slot[p->moving[i]];
        const int64_t element = s->motion == GR_FUSED_GROUP ? b->group + g : g;
        f->at[p->moving[i]] = f->base[p->moving[i]] + element * s->size;
    }
}

/* Repeats lean values for each element of the groups. */
static void fused_rows_spread(const gr_fused_frame *f, const fused_band *b, gr_fused_range range)
{
    const gr_fused_pass *p = f->pass;
    for (int i = range.begin; i < range.end; i++) {
        const gr_fused_spread *s = &p->spread[i];
        const int64_t size = p->slot[s->from].size;
        gr_fused_repeat(f->at[s->to], f->at[s->from], size, b->groups, p->r.length, size);
    }
}

/* Full gates on the elements of some groups, or on n elements of one. */
static void fused_rows_execute(const gr_fused_frame *f, gr_fused_range codes, int64_t groups,
                               int64_t n)
{
    for (int c = codes.begin; c < codes.end; c++) {
        const gr_fused_code *k = &f->pass->code[c];
        const char *in[GR_FUSED_ARITY] = {f->at[k->in[0]], f->at[k->in[1]], f->at[k->in[2]]};
        char *out = f->at[k->out];
        const int64_t times = k->grouped ? groups : 1;
        for (int64_t g = 0; g < times; g++, out += k->apart[GR_FUSED_ARITY]) {
            const void *const at[GR_FUSED_ARITY] = {in[0], in[1], in[2]};
            k->span(out, at, k->step, n / times, k->param);
            for (int i = 0; i < GR_FUSED_ARITY; i++) in[i] += k->apart[i];
        }
    }
}

/* ---- Units and blocks ------------------------------------------------------------------------ */

/* Runs a phase on one piece, of the groups b of the band `all`; reduction i's units go to to[i] or,
 * unless they are the first of their block, are taken in there. */
static void fused_rows_piece(gr_fused_frame *f, const gr_fused_phase *phase, const fused_band *all,
                             const fused_band *b, int64_t begin, int64_t length, bool first,
                             char *const *to)
{
    const gr_fused_pass *p = f->pass;
    const int64_t n = b->groups * length;
    for (int64_t part = 0, some; part < n; part += some) {
        some = n - part < p->part ? n - part : p->part;
        gr_fused_place(f, phase->moving, begin + part, part, some);
        fused_rows_execute(f, phase->codes, b->groups, some);
    }
    for (int i = phase->reductions.begin; i < phase->reductions.end; i++, to++) {
        const gr_fused_reduction *r = &p->reduction[i];
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all have places */
        char *result = *to + (b->group - all->group) * r->size;
        char *unit = first ? result : f->store + r->stack;
        const char *x = f->base[r->operand];
        if (p->slot[r->operand].motion == GR_FUSED_FULL) x += begin * r->size;
        r->kernel.units(unit, x, b->groups, length, length);
        if (!first) r->kernel.columns(result, unit, 1, 0, b->groups);
    }
}

/* One block of all groups of the band. */
static void fused_rows_block(gr_fused_frame *f, const gr_fused_phase *phase, const fused_band *b,
                             int64_t block, char *const *to)
{
    const gr_fused_pass *p = f->pass;
    const gr_reduction *r = &p->r;
    if (r->row_units > 1) { /* then a block is one unit */
        const int64_t start = block % r->row_units * GR_REDUCE_UNIT, left = r->length - start;
        const int64_t begin = b->begin + gr_walk_offset(&r->row, block / r->row_units) + start;
        const int64_t length = left < GR_REDUCE_UNIT ? left : GR_REDUCE_UNIT;
        fused_rows_piece(f, phase, b, b, begin, length, true, to);
        return;
    }
    const int64_t first = block * r->per_block;
    const int64_t end = first + r->per_block < r->rows ? first + r->per_block : r->rows;
    for (int64_t row = first; row < end; row++) {
        const int64_t offset = gr_walk_offset(&r->row, row);
        for (int64_t g = 0; g < b->groups; g += p->some) {
            const int64_t left = b->groups - g;
            const fused_band some = {b->group + g, left < p->some ? left : p->some,
                                     b->begin + g * r->length};
            if (p->some < p->band) {
                fused_rows_turn(f, phase->turning, b, g);
                fused_rows_spread(f, &some, phase->spreads);
            }
            fused_rows_piece(f, phase, b, &some, some.begin + offset, r->length, row == first, to);
        }
    }
    if (p->some < p->band) fused_rows_turn(f, phase->turning, b, 0);
}

/* Combines row `from` of each reduction's results into the row `into`; a row has one result for
 * each group of a band. */
static void fused_rows_combine(const gr_fused_frame *f, gr_fused_range reductions, int into,
                               int from, int64_t groups)
{
    for (int i = reductions.begin; i < reductions.end; i++) {
        const gr_fused_reduction *r = &f->pass->reduction[i];
        char *stack = f->store + r->stack;
        const int64_t row = f->pass->band * r->size;
        r->kernel.columns(stack + into * row, stack + from * row, 1, 0, groups);
    }
}

/* All blocks of a band, one after the other. The tree of ops/reduce.h comes about on a stack, as
 * carries do in a binary counter: whenever two subtrees of one size stand on it, they combine. */
static void fused_rows_blocks(gr_fused_frame *f, const gr_fused_phase *phase, const fused_band *b)
{
    const gr_fused_pass *p = f->pass;
    const gr_fused_range reductions = phase->reductions;
    char *to[GR_FUSED_GATES];
    int top = 0; /* row 0 is for units */
    for (int64_t block = 0; block < p->r.blocks; block++) {
        top++;
        for (int i = reductions.begin; i < reductions.end; i++) {
            const gr_fused_reduction *r = &p->reduction[i];
            to[i - reductions.begin] =
                p->r.blocks == 1 ? f->at[r->result] : f->store + r->stack + top * p->band * r->size;
        }
        fused_rows_block(f, phase, b, block, to);
        for (int64_t count = block + 1; count % 2 == 0; count /= 2, top--) {
            fused_rows_combine(f, reductions, top - 1, top, b->groups);
        }
    }
    if (p->r.blocks == 1) return;
    for (; top > 1; top--) fused_rows_combine(f, reductions, top - 1, top, b->groups);
    for (int i = reductions.begin; i < reductions.end; i++) {
        const gr_fused_reduction *r = &p->reduction[i];
        memcpy(f->at[r->result], f->store + r->stack + p->band * r->size,
               (size_t)(b->groups * r->size));
    }
}

/* ---- A band on one thread -------------------------------------------------------------------- */

static void fused_rows_body(const gr_fused_work *w, char *store, int64_t begin, int64_t end)
{
    const gr_fused_pass *p = w->pass;
    gr_fused_frame f;
    gr_fused_begin(&f, w, store);
    for (int64_t i = begin; i < end; i++) {
        const fused_band b = fused_band_of(p, i);
        gr_fused_place(&f, p->groups, b.group, 0, b.groups);
        for (int k = 0; k < p->n_phases; k++) {
            const gr_fused_phase *phase = &p->phase[k];
            if (p->some == p->band) fused_rows_spread(&f, &b, phase->spreads);
            fused_rows_blocks(&f, phase, &b);
            gr_fused_execute(&f, phase->lean, b.groups);
        }
    }
}

void gr_fused_run_rows(gr_fused_work *w)
{
    w->body = fused_rows_body;
    gr_fused_parallel(w, w->pass->bands, w->pass->grain);
}

/* ---- Blocks of a band on several threads ----------------------------------------------------- */

/* Where a reduction's results of a block lie in the scratch memory. */
static char *fused_rows_partial(const gr_fused_work *w, const gr_fused_reduction *r, int64_t task)
{
    return w->root[GR_FUSED_ROOT_WORK] + r->partial + task * w->pass->band * r->size;
}

static void fused_rows_split_body(const gr_fused_work *w, char *store, int64_t begin, int64_t end)
{
    const gr_fused_pass *p = w->pass;
    const gr_fused_range reductions = w->phase->reductions;
    char *to[GR_FUSED_GATES];
    gr_fused_frame f;
    gr_fused_begin(&f, w, store);
    for (int64_t task = begin; task < end; task++) {
        const fused_band b = fused_band_of(p, task / p->r.blocks);
        if (task == begin || task % p->r.blocks == 0) {
            gr_fused_place(&f, p->groups, b.group, 0, b.groups);
            if (p->some == p->band) fused_rows_spread(&f, &b, w->phase->spreads);
        }
        for (int i = reductions.begin; i < reductions.end; i++) {
            to[i - reductions.begin] = fused_rows_partial(w, &p->reduction[i], task);
        }
        fused_rows_block(&f, w->phase, &b, task % p->r.blocks, to);
    }
}

/* Combines the blocks of a band as a tree, then computes the band's lean gates. */
static void fused_rows_finish(const gr_fused_work *w, char *store, int64_t begin, int64_t end)
{
    const gr_fused_pass *p = w->pass;
    gr_fused_frame f;
    gr_fused_begin(&f, w, store);
    for (int64_t band = begin; band < end; band++) {
        const fused_band b = fused_band_of(p, band);
        const int64_t blocks = p->r.blocks, first = band * blocks;
        gr_fused_place(&f, p->groups, b.group, 0, b.groups);
        for (int i = w->phase->reductions.begin; i < w->phase->reductions.end; i++) {
            const gr_fused_reduction *r = &p->reduction[i];
            for (int64_t s = 1; s < blocks; s *= 2) {
                for (int64_t k = 0; k + s < blocks; k += 2 * s) {
                    r->kernel.columns(fused_rows_partial(w, r, first + k),
                                      fused_rows_partial(w, r, first + k + s), 1, 0, b.groups);
                }
            }
            memcpy(f.at[r->result], fused_rows_partial(w, r, first), (size_t)(b.groups * r->size));
        }
        gr_fused_execute(&f, w->phase->lean, b.groups);
    }
}

void gr_fused_run_rows_split(gr_fused_work *w)
{
    const gr_fused_pass *p = w->pass;
    for (int k = 0; k < p->n_phases; k++) {
        w->phase = &p->phase[k];
        w->body = fused_rows_split_body;
        gr_fused_parallel(w, p->bands * p->r.blocks, p->grain);
        w->body = fused_rows_finish;
        gr_fused_parallel(w, p->bands, p->bands);
    }
}
