/* Fused nodes with reductions whose innermost axis is kept: sums of rows, as the gradient of a bias
 * is one. A piece is some whole rows or, where these are long, a part of one row. */
#include "backend/cpu/fused.h"

/* Runs the code on `rows` rows of n columns from `begin` on and takes them in. */
static void fused_columns_piece(gr_fused_frame *f, int64_t begin, int64_t rows, int64_t n,
                                bool first, char *const *to)
{
    const gr_fused_pass *p = f->pass;
    gr_fused_place(f, p->phase->moving, begin, 0, rows * n);
    gr_fused_execute(f, p->phase->codes, rows * n);
    for (int i = p->phase->reductions.begin; i < p->phase->reductions.end; i++, to++) {
        const gr_fused_reduction *r = &p->reduction[i];
        const char *x = f->at[r->operand];
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): `to` has a place for each */
        if (first) memcpy(*to, x, (size_t)(n * r->size));
        const int64_t taken = first ? 1 : 0;
        /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a place for each */
        r->kernel.columns(*to, x + taken * n * r->size, rows - taken, n, n);
    }
}

/* One block of a tile of columns. */
static void fused_columns_body(const gr_fused_work *w, char *store, int64_t begin, int64_t end)
{
    const gr_fused_pass *p = w->pass;
    const gr_reduction *r = &p->r;
    const gr_fused_range reductions = p->phase->reductions;
    char *to[GR_FUSED_GATES];
    gr_fused_frame f;
    gr_fused_begin(&f, w, store);
    for (int64_t task = begin; task < end; task++) {
        const int64_t tile = task % p->bands, part = task / p->bands;
        const int64_t group = part / r->blocks, first = part % r->blocks * r->per_block;
        const int64_t stop = first + r->per_block < r->rows ? first + r->per_block : r->rows;
        const int64_t column = tile * p->piece, left = r->columns - column;
        const int64_t n = left < p->piece ? left : p->piece;
        const int64_t start = gr_walk_offset(&r->group, group) + column;
        for (int i = reductions.begin; i < reductions.end; i++) {
            const gr_fused_reduction *k = &p->reduction[i];
            char *results =
                r->blocks > 1 ? w->root[GR_FUSED_ROOT_WORK] + k->partial : f.base[k->result];
            to[i - reductions.begin] = results + (part * r->columns + column) * k->size;
        }
        for (int64_t row = first, step, rows; row < stop; row += rows) {
            rows = gr_reduce_run_of_rows(&r->row, row, stop, &step);
            if (rows > p->band) rows = p->band;
            fused_columns_piece(&f, start + gr_walk_offset(&r->row, row), rows, n, row == first,
                                to);
        }
    }
}

/* Combines the blocks of each group as a tree. */
static void fused_columns_fold(const gr_fused_work *w, const gr_fused_reduction *k, char *out)
{
    const gr_reduction *r = &w->pass->r;
    const int64_t row = r->columns * k->size;
    char *part = w->root[GR_FUSED_ROOT_WORK] + k->partial;
    for (int64_t group = 0; group < r->groups; group++, part += r->blocks * row, out += row) {
        for (int64_t s = 1; s < r->blocks; s *= 2) {
            for (int64_t i = 0; i + s < r->blocks; i += 2 * s) {
                k->kernel.columns(part + i * row, part + (i + s) * row, 1, 0, r->columns);
            }
        }
        memcpy(out, part, (size_t)row);
    }
}

void gr_fused_run_columns(gr_fused_work *w)
{
    const gr_fused_pass *p = w->pass;
    w->body = fused_columns_body;
    gr_fused_parallel(w, p->r.groups * p->r.blocks * p->bands, p->grain);
    if (p->r.blocks == 1) return;
    for (int i = p->phase->reductions.begin; i < p->phase->reductions.end; i++) {
        const gr_fused_reduction *k = &p->reduction[i];
        const gr_fused_slot *s = &p->slot[k->result]; /* lies in an output */
        fused_columns_fold(w, k, w->root[s->root] + s->offset);
    }
}
