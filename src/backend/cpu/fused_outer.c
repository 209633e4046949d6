/* Products of a column and a row inside of a fused node, where both are operands that broadcast.
 * Copied out in full, as such operands are, they would be two registers written and read for one;
 * their instruction reads them where they lie and runs over whole rows. */
#include "backend/cpu/fused_draft.h"

enum { OUTER_PIECE = 256 }; /* elements of a piece that is worth its instructions */

/* n elements in rows of param[0]: out[r·param[0] + j] = in[0][r]·in[1][j]. */
GR_SPAN_LOOP_(fused_outer)
{
    const int64_t row = (int64_t)param[0];
    const float *x = in[0], *y = in[1];
    (void)step;
    for (float *to = out; n > 0; n -= row, to += row, x++) {
        const float factor = *x;
        GR_SIMD for (int64_t j = 0; j < row; j++) to[j] = factor * y[j];
    }
}
GR_SPAN_LEVELS(fused_outer)

gr_span_fn *gr_fused_outer_span(gr_cpu_level level)
{
    static gr_span_fn *const spans[GR_CPU_LEVELS] = GR_LEVELS(fused_outer);
    return spans[level];
}

/* Does the operand go on by one element from row to row (a column), or stay (a row)? *rows: after
 * so many it starts elsewhere; 0: never. */
static bool outer_follows(const gr_fused_walk *walk, int64_t *rows)
{
    const int last = walk->outer.rank - 1;
    if (last < 0 || walk->outer.step[last] != (walk->step ? 0 : 1)) return false;
    *rows = 0;
    for (int k = 0; k < last; k++)
        if (walk->outer.dim[k] > 1) *rows = walk->outer.dim[last];
    return true;
}

/* Elements of the largest piece of whole rows that `piece` has room for; it has for one, since no
 * piece that is a part is shorter than GR_FUSED_OUTER_MOST. */
static int64_t outer_piece(const gr_draft_outer *outer, int64_t piece)
{
    int64_t rows = piece / outer->run;
    while (outer->rows > 0 && outer->rows % rows != 0) rows--;
    return rows * outer->run;
}

int64_t gr_draft_outer_piece(const gr_fused_draft *d, int64_t piece)
{
    return d->outer.run > 0 ? outer_piece(&d->outer, piece) : piece;
}

bool gr_draft_outer_of(const gr_fused_draft *d, int v, unsigned axes, gr_draft_outer *outer)
{
    const gr_fused_value *value = &d->space.value[v];
    if (value->node->op != &gr_op_mul || gr_type_of(value->node).dtype != GR_F32) return false;
    if (d->space.kind != GR_FUSED_PLAIN || d->space.contraction >= 0) return false;
    gr_fused_walk walk[2];
    int64_t rows[2];
    int side[2];
    for (int i = 0; i < 2; i++) {
        side[i] = gr_draft_source(d, value->in[i]);
        const unsigned own = d->space.value[side[i]].axes;
        if (d->value[side[i]].pass == d->value[v].pass || own == 0 || own == axes) return false;
        walk[i] = gr_draft_walk(&d->space, side[i], axes);
        if (!outer_follows(&walk[i], &rows[i])) return false;
    }
    if (walk[0].step == walk[1].step || walk[0].run != walk[1].run) return false;
    if (rows[0] > 0 && rows[1] > 0 && rows[0] != rows[1]) return false;
    *outer = (gr_draft_outer){.run = walk[0].run,
                              .rows = rows[0] > 0 ? rows[0] : rows[1],
                              .column = side[walk[0].step],
                              .row = side[walk[1].step]};
    if (outer->run < GR_FUSED_OUTER_LEAST || outer->run > GR_FUSED_OUTER_MOST) return false;
    return outer_piece(outer, GR_FUSED_PIECE) >= OUTER_PIECE;
}
