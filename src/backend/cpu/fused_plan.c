/* Plans fused nodes: which gates make a pass, in what pieces it walks its space, and what may share
 * memory. */
#include "backend/cpu/fused_draft.h"

enum {
    PLAN_RUN = 256,   /* runs of broadcast operands from here on are not copied out */
    PLAN_ROW = 1024,  /* rows from here on make pieces of their own */
    PLAN_GROUP = 128, /* groups of such rows are computed one by one where lean values are read */
    PLAN_STRETCH = 8192, /* contiguous elements of a band, if it has several rows */
    PLAN_CACHE = 24576,  /* bytes of a piece that the L1 cache holds beside what passes through */
    PLAN_PIECE_LEAST = 256,
    PLAN_GRAIN = 65536, /* additions and passes over memory of a thread's chunk, at least, … */
    PLAN_PAYS = 4,      /* … and so many chunks are worth a second thread */
    PLAN_HOT = 2 << 20, /* bytes that caches hold */
    PLAN_COSTLY = 8,    /* additions that a costly gate takes */
    PLAN_LODGES = 3     /* gates from which on a value is not computed twice */
};
#define PLAN_SECONDS 4e-6 /* that a chunk takes, in the caches */

/* ---- Values and passes ----------------------------------------------------------------------- */

static bool plan_is_gate(const gr_fused_value *value)
{
    return value->gate && !gr_fused_is_view(value->node);
}

/* Does the main pass compute the gate? */
static bool plan_is_main(const gr_fused_value *value)
{
    return value->full || value->phase > 0;
}

static void plan_values(gr_fused_draft *d)
{
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        gr_draft_value *x = &d->value[v];
        *x = (gr_draft_value){
            .pass = -1, .output = -1, .lodging = -1, .slot = -1, .spread = -1, .inner = -1};
        if (value->node->op == &gr_op_constant) {
            x->root = GR_FUSED_ROOT_NONE;
            x->offset = (int64_t)(uintptr_t)value->node->attr[0].tensor->data;
        }
        for (int i = 0; i < d->body->n_in; i++) {
            if (d->body->in[i] == value->node) x->root = GR_FUSED_ROOT_IN + i;
        }
        for (int j = 0; j < d->body->n_out; j++) {
            if (d->body->out[j] != value->node) continue;
            x->root = GR_FUSED_ROOT_OUT + j;
            x->output = j;
        }
    }
    if (d->space.contraction >= 0) {
        d->value[d->space.contraction].root = GR_FUSED_ROOT_CONTRACTION;
    }
}

/* Sorts the smaller gates into passes by the axes they vary along, in axes[], smallest first: a
 * gate's operands have no more axes than it has. Returns how many passes there are with the main
 * one. */
static int plan_passes(gr_fused_draft *d, unsigned *axes)
{
    int n = 0;
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!plan_is_gate(value) || plan_is_main(value)) continue;
        int k = 0;
        while (k < n && axes[k] != value->axes) k++;
        if (k == n) axes[n++] = value->axes;
    }
    for (int i = 1; i < n; i++) {
        const unsigned moved = axes[i];
        int k = i;
        for (; k > 0 && gr_draft_count(&d->space, axes[k - 1]) > gr_draft_count(&d->space, moved);
             k--) {
            axes[k] = axes[k - 1];
        }
        axes[k] = moved;
    }
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!plan_is_gate(value)) continue;
        int k = n;
        if (!plan_is_main(value)) {
            for (k = 0; axes[k] != value->axes; k++) continue;
        }
        d->value[v].pass = k;
        d->value[v].lean = k == n && !value->full;
    }
    axes[n] = (1u << d->space.shape.rank) - 1;
    return n + 1;
}

/* Gives scratch memory to what one pass leaves for another, or one thread for all. */
static void plan_kept(gr_fused_draft *d, bool shared)
{
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!plan_is_gate(value)) continue;
        if (shared && d->value[v].lean) d->value[v].kept = true;
        for (int i = 0; i < value->node->n_in; i++) {
            gr_draft_value *x = &d->value[gr_draft_source(d, value->in[i])];
            if (x->pass >= 0 && x->pass != d->value[v].pass) x->kept = true;
        }
    }
    for (int v = 0; v < d->space.n; v++) {
        gr_draft_value *x = &d->value[v];
        if (!x->kept || x->output >= 0) continue;
        const gr_type type = gr_type_of(d->space.value[v].node);
        x->root = GR_FUSED_ROOT_WORK;
        x->offset =
            gr_draft_work(d, gr_shape_count(type.shape) * (int64_t)gr_dtype_size(type.dtype));
    }
}

/* How many full gates of the main pass compute value v. */
static int plan_effort(const gr_fused_draft *d, int v)
{
    bool needed[GR_FUSED_VALUES] = {false};
    int count = 0;
    needed[v] = true;
    for (int u = v; u >= 0; u--) {
        if (!needed[u] || !d->space.value[u].full || d->value[u].pass != d->number) continue;
        count++;
        for (int i = 0; i < d->space.value[u].node->n_in; i++) {
            needed[gr_draft_source(d, d->space.value[u].in[i])] = true;
        }
    }
    return count;
}

/* Do reductions alone read value u, but for the later gate v? */
static bool plan_is_lodger(const gr_fused_draft *d, int u, int v)
{
    const gr_fused_value *value = d->space.value;
    if (d->value[u].pass != d->number || !value[u].full || value[u].phase >= value[v].phase) {
        return false;
    }
    if (d->value[u].output >= 0 || plan_effort(d, u) < PLAN_LODGES) return false;
    for (int w = 0; w < d->space.n; w++) {
        if (w == v || !plan_is_gate(&value[w]) || gr_fused_is_reduction(value[w].node)) continue;
        for (int i = 0; i < value[w].node->n_in; i++) {
            if (gr_draft_source(d, value[w].in[i]) == u) return false;
        }
    }
    return gr_dtype_size(gr_type_of(value[u].node).dtype) ==
           gr_dtype_size(gr_type_of(value[v].node).dtype);
}

/* In long groups each phase computes anew what it needs. A value that is reduced and then read by
 * the gate of an output alone, as the centred gradient of a normalisation is, waits for that in the
 * output's memory. */
static void plan_lodgers(gr_fused_draft *d)
{
    for (int v = 0; v < d->space.n; v++) {
        const gr_draft_value *out = &d->value[v];
        if (out->output < 0 || !d->space.value[v].full || out->pass != d->number) continue;
        for (int i = 0; i < d->space.value[v].node->n_in; i++) {
            const int u = gr_draft_source(d, d->space.value[v].in[i]);
            if (!plan_is_lodger(d, u, v)) continue;
            d->value[u].kept = true;
            d->value[u].root = out->root;
            d->value[u].lodging = out->output;
            break;
        }
    }
}

/* Folds gates into the only ones that read them, where there is an instruction for the pair, but
 * not outer products, which have their own. */
static void plan_pairs(gr_fused_draft *d, const unsigned *axes)
{
    gr_draft_outer outer;
    int reads[GR_FUSED_VALUES] = {0};
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!plan_is_gate(value)) continue;
        for (int i = 0; i < value->node->n_in; i++) reads[gr_draft_source(d, value->in[i])]++;
    }
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        gr_draft_value *x = &d->value[v];
        if (!plan_is_gate(value)) continue;
        for (int i = 0; i < value->node->n_in && x->inner < 0; i++) {
            const int u = gr_draft_source(d, value->in[i]);
            gr_draft_value *inner = &d->value[u];
            const bool alone = reads[u] == 1 && inner->output < 0 && !inner->kept;
            if (!alone || inner->inner >= 0 || inner->pass < 0) continue;
            if (inner->pass != x->pass || inner->lean != x->lean) continue;
            if (gr_draft_outer_of(d, u, axes[x->pass], &outer)) continue;
            if (!gr_fused_pair(d->space.value[u].node, value->node, i, d->request->level)) continue;
            x->inner = u;
            inner->folded = true;
        }
    }
}

/* Of so many elements those of a thread's chunk; all if a second thread would not pay. */
static int64_t plan_grain(const gr_fused_draft *d, int64_t count)
{
    int64_t cost = 1;
    for (int v = 0; v < d->space.n; v++) {
        if (d->value[v].pass != d->number) continue;
        cost += d->space.value[v].node->op->flags & GR_OP_COSTLY ? PLAN_COSTLY : 1;
    }
    const int64_t grain = PLAN_GRAIN / cost;
    return count >= PLAN_PAYS * grain || count < 1 ? grain : count;
}

static int64_t plan_parts(int64_t count, int64_t size)
{
    return (count + size - 1) / size;
}

/* The size of parts of `count` that are as equal as multiples of `unit` allow, of at most `most`.
 */
static int64_t plan_even(int64_t count, int64_t most, int64_t unit)
{
    const int64_t each = plan_parts(count, plan_parts(count, most));
    return plan_parts(each, unit) * unit;
}

/* ---- Phases ---------------------------------------------------------------------------------- */

/* Does what a full gate leaves stay where later phases find it? */
static bool plan_remains(const gr_draft_value *x)
{
    return x->output >= 0 || x->lodging >= 0;
}

/* Marks the full gates that phase k computes: those that come up in it or, where a group does not
 * stay in registers, all that its results need but what lies in outputs already. */
static void plan_wanted(const gr_fused_draft *d, int k, bool *wanted)
{
    for (int v = d->space.n - 1; v >= 0; v--) {
        const gr_fused_value *value = &d->space.value[v];
        const gr_draft_value *x = &d->value[v];
        if (x->pass != d->number) continue;
        const bool reduction = gr_fused_is_reduction(value->node);
        if (!x->lean && value->phase == k && (d->pass->resident || plan_remains(x))) {
            wanted[v] = true;
        }
        if (plan_remains(x) && value->phase < k) wanted[v] = false;
        if (!wanted[v] && !(reduction && value->phase == k + 1)) continue;
        for (int i = 0; i < value->node->n_in && !d->pass->resident; i++) {
            const int source = gr_draft_source(d, value->in[i]);
            if (d->value[source].pass == d->number) wanted[source] = !d->value[source].lean;
        }
    }
}

/* What full gates left in registers, and copies, are gone when the next phase begins. */
static void plan_forget(gr_fused_draft *d)
{
    for (int v = 0; v < d->space.n; v++) {
        gr_draft_value *x = &d->value[v];
        if (x->pass == d->number && !x->lean && !plan_remains(x)) x->slot = -1;
        x->spread = -1;
    }
}

static bool plan_phase(gr_fused_draft *d, int k)
{
    bool wanted[GR_FUSED_VALUES] = {false};
    if (d->n_phases == GR_FUSED_PHASES) return false;
    if (!d->pass->resident) plan_forget(d);
    plan_wanted(d, k, wanted);
    d->start = d->now++;
    gr_fused_phase *phase = &d->phase[d->n_phases];
    *phase = (gr_fused_phase){
        .spreads = {d->n_spreads, 0}, .codes = {d->n_codes, 0}, .reductions = {d->n_reductions, 0}};
    for (int v = 0; v < d->space.n; v++) {
        if (wanted[v] && !d->value[v].folded && !gr_draft_gate(d, v, false)) return false;
    }
    phase->spreads.end = d->n_spreads;
    phase->codes.end = d->n_codes;
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!d->value[v].lean || d->value[v].pass != d->number || value->phase != k + 1) continue;
        if (gr_fused_is_reduction(value->node) && !gr_draft_reduction(d, v)) return false;
    }
    phase->reductions.end = d->n_reductions;
    if (!d->pass->resident) gr_draft_extend(d, d->start + 1);
    phase->lean.begin = d->n_codes;
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (!d->value[v].lean || d->value[v].pass != d->number || value->phase != k + 1) continue;
        if (gr_fused_is_reduction(value->node) || d->value[v].folded) continue;
        if (!gr_draft_gate(d, v, true)) return false;
    }
    phase->lean.end = d->n_codes;
    d->n_phases++;
    return true;
}

/* ---- Without reductions ---------------------------------------------------------------------- */

/* The shortest run of the operands that broadcast; 0 if none does. */
static int64_t plan_shortest_run(const gr_fused_draft *d)
{
    int64_t shortest = 0;
    for (int v = 0; v < d->space.n; v++) {
        const gr_fused_value *value = &d->space.value[v];
        if (d->value[v].pass != d->number) continue;
        for (int i = 0; i < value->node->n_in; i++) {
            const int source = gr_draft_source(d, value->in[i]);
            const unsigned axes = d->space.value[source].axes;
            if (axes == 0 || axes == d->axes) continue;
            const int64_t run = gr_draft_walk(&d->space, source, d->axes).run;
            if (shortest == 0 || run < shortest) shortest = run;
        }
    }
    return shortest;
}

/* Pieces that hold whole periods find their copies made. */
static int64_t plan_whole_periods(const gr_fused_draft *d, int64_t piece)
{
    int64_t longest = 1;
    for (int i = 0; i < d->n_slots; i++) {
        const gr_fused_slot *s = &d->slot[i].slot;
        if (s->motion != GR_FUSED_COPY || s->walk.period > piece) continue;
        if (s->walk.period > longest) longest = s->walk.period;
    }
    return piece / longest * longest;
}

/* Bytes of registers, and of what moves with the elements, for a piece. */
static int64_t plan_footprint(gr_fused_draft *d, int64_t piece)
{
    int64_t bytes = gr_draft_lay_out(d, piece);
    for (int i = 0; i < d->n_slots; i++) {
        const gr_draft_slot *s = &d->slot[i];
        if (!s->is_register && s->slot.motion == GR_FUSED_FULL) bytes += piece * s->slot.size;
    }
    return bytes;
}

static int64_t plan_bytes(gr_type type)
{
    return gr_shape_count(type.shape) * (int64_t)gr_dtype_size(type.dtype);
}

/* Seconds that one thread takes for the pass; 0 if memory decides. */
static double plan_seconds(const gr_node *node, const gr_fused_pass *p)
{
    int64_t bytes = 0;
    for (int i = 0; i < node->n_in; i++) bytes += plan_bytes(gr_type_of(node->in[i]));
    for (int j = 0; j < node->n_out; j++) bytes += plan_bytes(node->out[j]);
    return bytes > PLAN_HOT ? 0 : PLAN_SECONDS * (double)p->count / (double)p->grain;
}

static gr_status plan_plain(gr_fused_draft *d)
{
    gr_fused_pass *p = d->pass;
    const int64_t run = plan_shortest_run(d);
    p->run = gr_fused_run_plain;
    p->band = p->some = 1;
    p->resident = p->grouped = true;
    p->align = run >= PLAN_RUN ? run : 0;
    if (!plan_phase(d, 0)) return GR_UNSUPPORTED;
    p->piece = GR_FUSED_PIECE;
    if (p->piece > p->count) p->piece = p->count;
    if (p->align > 0) p->piece = plan_even(p->align, p->piece, GR_ALIGN / 4);
    while (p->piece >= 2 * PLAN_PIECE_LEAST && plan_footprint(d, p->piece) > PLAN_CACHE) {
        p->piece /= 2;
    }
    p->piece = gr_draft_outer_piece(d, plan_whole_periods(d, p->piece));
    gr_draft_lay_out(d, p->piece);
    p->grain = plan_parts(plan_grain(d, p->count), p->piece) * p->piece;
    p->seconds = plan_seconds(d->request->node, p);
    return gr_draft_end_pass(d);
}

/* ---- With reductions ------------------------------------------------------------------------- */

static gr_reduction plan_reduction(const gr_fused_space *space)
{
    gr_ints axes = {0};
    for (int k = 0; k < space->shape.rank; k++) {
        if (space->reduced >> k & 1) axes.v[axes.n++] = k;
    }
    return gr_reduction_of(space->shape, &axes);
}

/* Bands of rows, before anything is written: what lies where depends on them. */
static void plan_bands(gr_fused_pass *p, int threads)
{
    const gr_reduction *r = &p->r;
    p->run_groups = r->group.rank ? r->group.dim[r->group.rank - 1] : 1;
    p->resident = r->rows * r->row_units == 1;
    p->some = 1;
    if (r->length < PLAN_ROW) p->some = plan_even(p->run_groups, GR_FUSED_PIECE / r->length, 1);
    p->band = p->some;
    if (r->rows > 1 && r->row_units == 1) {
        const int64_t most = plan_parts(p->run_groups, 2 * (int64_t)threads);
        const int64_t wide = PLAN_STRETCH / r->length < most ? PLAN_STRETCH / r->length : most;
        if (wide > p->some) p->band = wide / p->some * p->some;
    }
    p->run_bands = plan_parts(p->run_groups, p->band);
    p->bands = r->groups / p->run_groups * p->run_bands;
    p->grouped = p->some == 1 || (r->length >= PLAN_GROUP && p->bands > 1);
    p->align = p->some == 1 ? r->length : p->run_groups * r->length;
    p->piece = p->some * (r->length < GR_REDUCE_UNIT ? r->length : GR_REDUCE_UNIT);
    p->part = p->resident || p->some > 1 ? p->piece : GR_FUSED_PIECE;
}

/* Would whole bands leave threads idle, and is each worth several? */
static bool plan_splits(const gr_fused_draft *d, const gr_fused_pass *p)
{
    const int threads = d->request->threads;
    const bool even = p->bands % threads == 0 || p->bands >= 4 * threads;
    return !even && p->r.blocks > 1 && p->count >= 2 * plan_grain(d, p->count);
}

static gr_status plan_rows(gr_fused_draft *d)
{
    gr_fused_pass *p = d->pass;
    for (int k = 0; k < d->space.phases; k++) {
        if (!plan_phase(d, k)) return GR_UNSUPPORTED;
    }
    const bool split = p->run == gr_fused_run_rows_split;
    const int64_t tasks = split ? p->bands * p->r.blocks : p->bands;
    for (int i = 0; i < d->n_reductions && split; i++) {
        d->reduction[i].partial = gr_draft_work(d, tasks * p->band * d->reduction[i].size);
    }
    p->grain = plan_grain(d, p->count) / (p->count / tasks) + 1;
    if (p->part >= p->piece) {
        gr_draft_lay_out(d, p->piece);
        return gr_draft_end_pass(d);
    }
    while (gr_draft_lay_out(d, p->part) > PLAN_CACHE && p->part > PLAN_PIECE_LEAST) p->part /= 2;
    return gr_draft_end_pass(d);
}

static gr_status plan_columns(gr_fused_draft *d)
{
    gr_fused_pass *p = d->pass;
    const gr_reduction *r = &p->r;
    const int64_t run_rows = r->row.rank ? r->row.dim[r->row.rank - 1] : 1;
    int64_t most = GR_FUSED_PIECE;
    if (r->groups * r->blocks < d->request->threads && p->count >= 2 * plan_grain(d, p->count)) {
        most = plan_parts(r->columns, d->request->threads);
        if (most < PLAN_RUN / 2) most = PLAN_RUN / 2;
        if (most > GR_FUSED_PIECE) most = GR_FUSED_PIECE;
    }
    p->run = gr_fused_run_columns;
    p->piece = r->columns <= most ? r->columns : plan_even(r->columns, most, GR_ALIGN / 4);
    p->part = p->piece;
    p->some = 1;
    p->grouped = true;
    p->bands = plan_parts(r->columns, p->piece);
    p->band = p->bands > 1 ? 1 : GR_FUSED_PIECE / r->columns;
    if (p->band > r->rows) p->band = r->rows;
    p->align = p->bands > 1 ? r->columns : run_rows * r->columns;
    if (!plan_phase(d, 0)) return GR_UNSUPPORTED;
    const int64_t tasks = r->groups * r->blocks * p->bands;
    for (int i = 0; i < d->n_reductions && r->blocks > 1; i++) {
        d->reduction[i].partial =
            gr_draft_work(d, r->groups * r->blocks * r->columns * d->reduction[i].size);
    }
    p->grain = plan_grain(d, p->count) / (p->count / tasks) + 1;
    gr_draft_lay_out(d, p->band * p->piece);
    return gr_draft_end_pass(d);
}

/* ---- Sharing memory -------------------------------------------------------------------------- */

/* May output j, which is value v, lie where input i lies? Only if all reads of that memory are over
 * by then, in this pass those of the same element, of the piece at hand. */
static bool plan_may_share(const gr_fused_draft *d, int j, int v, int i)
{
    const gr_node *node = d->request->node;
    const gr_type in = gr_type_of(node->in[i]), out = gr_type_of(d->space.value[v].node);
    const gr_draft_value *x = &d->value[v];
    const int64_t count = gr_shape_count(out.shape);
    if (gr_dtype_size(in.dtype) != gr_dtype_size(out.dtype)) return false;
    if (gr_shape_count(in.shape) != count) return false;
    if (x->lean && d->space.kind == GR_FUSED_COLUMNS) return false;
    unsigned fine = 1u << (x->lean ? GR_FUSED_GROUP : GR_FUSED_FULL);
    if (count == 1) fine |= 1u << GR_FUSED_FIXED;
    for (int k = 0; k < node->n_in; k++) {
        if (node->in[k] != node->in[i]) continue;
        if (d->read_last[k] > d->written[j] || (d->read_as[k][x->pass] & ~fine)) return false;
    }
    return true;
}

/* Does the contraction read the memory of input i? */
static bool plan_contracts(const gr_fused_draft *d, int i)
{
    if (d->space.contraction < 0) return false;
    const gr_node *node = d->request->node, *product = d->space.value[d->space.contraction].node;
    for (int k = 0; k < node->n_in; k++) {
        for (int o = 0; o < product->n_in && node->in[k] == node->in[i]; o++) {
            if (product->in[o] == d->body->in[k]) return true;
        }
    }
    return false;
}

static void plan_sharing(const gr_fused_draft *d, const gr_fused_contraction *contraction)
{
    const bool home = contraction->fn && !contraction->streams;
    for (int v = 0; v < d->space.n; v++) {
        const int j = d->value[v].output;
        if (j < 0 || j >= GR_INPLACE_OUTPUTS) continue;
        if (home && j == contraction->home) continue;
        for (int i = 0; i < d->body->n_in; i++) {
            if (plan_contracts(d, i)) continue;
            if (plan_may_share(d, j, v, i)) d->request->inplace[j] |= 1u << i;
        }
    }
}

/* ---- Preparing ------------------------------------------------------------------------------- */

gr_fused_work gr_fused_work_of(const gr_call *call)
{
    const gr_fused_plan *plan = call->ctx;
    gr_fused_work w = {.call = call};
    w.root[GR_FUSED_ROOT_WORK] = call->work;
    w.root[GR_FUSED_ROOT_CONTRACTION] = call->out[plan->contraction.home];
    for (int i = 0; i < plan->n_in; i++) w.root[GR_FUSED_ROOT_IN + i] = call->in[i];
    for (int j = 0; j < plan->n_out; j++) w.root[GR_FUSED_ROOT_OUT + j] = call->out[j];
    return w;
}

void gr_fused_run_passes(gr_fused_work *w, int first, int last)
{
    const gr_fused_plan *plan = w->call->ctx;
    for (int k = first; k < last; k++) {
        w->pass = &plan->pass[k];
        w->pass->run(w);
    }
}

static gr_status fused_call(const gr_call *call)
{
    const gr_fused_plan *plan = call->ctx;
    gr_fused_work w = gr_fused_work_of(call);
    gr_fused_run_passes(&w, 0, plan->n_passes);
    return GR_OK;
}

static gr_status plan_main(gr_fused_draft *d)
{
    switch (d->space.kind) {
    case GR_FUSED_ROWS:
        return plan_rows(d);
    case GR_FUSED_COLUMNS:
        return plan_columns(d);
    case GR_FUSED_PLAIN:
        break;
    }
    return plan_plain(d);
}

static gr_status plan_program(gr_fused_draft *d, gr_fused_plan *plan)
{
    unsigned axes[GR_FUSED_GATES + 1];
    plan_values(d);
    plan->n_in = d->body->n_in;
    plan->n_out = d->body->n_out;
    plan->n_passes = plan_passes(d, axes);
    const size_t bytes = (size_t)plan->n_passes * sizeof *plan->pass;
    plan->pass = gr_arena_alloc(d->request->arena, bytes);
    if (!plan->pass) return gr_no_memory(bytes);
    gr_fused_pass *last = &plan->pass[plan->n_passes - 1];
    d->number = plan->n_passes - 1;
    last->count = d->space.count;
    if (d->space.kind != GR_FUSED_PLAIN) last->r = plan_reduction(&d->space);
    if (d->space.kind == GR_FUSED_ROWS) {
        plan_bands(last, d->request->threads);
        last->run = plan_splits(d, last) ? gr_fused_run_rows_split : gr_fused_run_rows;
    }
    plan_kept(d, last->run == gr_fused_run_rows_split);
    if (d->space.kind == GR_FUSED_ROWS && !last->resident) plan_lodgers(d);
    plan_pairs(d, axes);
    for (int k = 0; k < plan->n_passes; k++) {
        gr_draft_begin_pass(d, &plan->pass[k], k, axes[k]);
        GR_TRY(&plan->pass[k] == last ? plan_main(d) : plan_plain(d));
    }
    return gr_fused_straighten(plan, d->request->arena);
}

gr_status gr_fused_prepare(gr_request *request)
{
    static const char *const names[GR_CPU_LEVELS] = {"fused-base", "fused-avx2", "fused-avx512"};
    gr_fused_plan *plan = gr_arena_alloc(request->arena, sizeof *plan);
    if (!plan) return gr_no_memory(sizeof *plan);
    gr_fused_draft *d = gr_alloc(sizeof *d);
    if (!d) return GR_NO_MEMORY;
    d->request = request;
    d->body = request->node->attr[GR_FUSED_BODY].body;
    gr_status status = GR_UNSUPPORTED;
    if (!gr_fused_space_of_body(d->body, &d->space)) status = plan_program(d, plan);
    if (status == GR_OK) {
        request->fn = plan->step ? gr_fused_run_straight : fused_call;
        request->ctx = plan;
        request->work = (size_t)d->work;
        request->kernel = names[request->level];
        const int product = d->space.contraction;
        if (product >= 0) {
            status = gr_fused_add_contraction(request, d->space.value[product].node,
                                              d->value[d->space.n - 1].output, plan);
        }
        if (status == GR_OK) plan_sharing(d, &plan->contraction);
    }
    gr_free(d);
    return status;
}
