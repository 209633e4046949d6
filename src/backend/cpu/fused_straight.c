/* Fused nodes of one piece, as small nets are made of: all addresses stand still, so that a program
 * is a flat list of calls on places known beforehand. */
#include "backend/cpu/fused.h"

typedef enum straight_kind {
    STRAIGHT_SPAN,
    STRAIGHT_COPY,   /* a broadcast operand to its register */
    STRAIGHT_REPEAT, /* a lean value for each element of its group */
    STRAIGHT_UNITS,  /* reductions of groups, */
    STRAIGHT_COLUMNS /* and of columns */
} straight_kind;

typedef struct straight_place {
    int root;
    int64_t offset;
} straight_place;

struct gr_fused_step {
    straight_kind kind;
    int step[GR_FUSED_ARITY];
    int64_t n, each; /* calls for groups or rows: how many, and the elements of one */
    straight_place in[GR_FUSED_ARITY], out;
    gr_span_fn *span;
    double param[GR_SPAN_PARAMS];
    gr_reduce_kernels kernel;
    const gr_fused_slot *slot;
};

/* ---- Running --------------------------------------------------------------------------------- */

static inline char *straight_address(char *const *root, straight_place place)
{
    return (char *)((uintptr_t)root[place.root] + (uintptr_t)place.offset);
}

static void straight_other(const gr_fused_step *s, const char *in, char *out)
{
    const int64_t size = s->slot->size;
    switch (s->kind) {
    case STRAIGHT_SPAN:
        break;
    case STRAIGHT_COPY:
        gr_fused_copy(s->slot, in, out, 0, s->n);
        break;
    case STRAIGHT_REPEAT:
        gr_fused_repeat(out, in, size, s->n, s->each, size);
        break;
    case STRAIGHT_UNITS:
        s->kernel.units(out, in, s->n, s->each, s->each);
        break;
    case STRAIGHT_COLUMNS:
        memcpy(out, in, (size_t)(s->each * size));
        s->kernel.columns(out, in + s->each * size, s->n - 1, s->each, s->each);
        break;
    }
}

gr_status gr_fused_run_straight(const gr_call *call)
{
    const gr_fused_plan *plan = call->ctx;
    _Alignas(GR_ALIGN) char store[GR_FUSED_STORE_SMALL];
    char *root[GR_FUSED_ROOTS];
    root[GR_FUSED_ROOT_NONE] = NULL;
    root[GR_FUSED_ROOT_WORK] = call->work;
    root[GR_FUSED_ROOT_STORE] = store;
    root[GR_FUSED_ROOT_CONTRACTION] = call->out[plan->contraction.home];
    for (int i = 0; i < plan->n_in; i++) root[GR_FUSED_ROOT_IN + i] = call->in[i];
    for (int j = 0; j < plan->n_out; j++) root[GR_FUSED_ROOT_OUT + j] = call->out[j];
    for (const gr_fused_step *s = plan->step; s < plan->step + plan->n_steps; s++) {
        char *out = straight_address(root, s->out);
        const void *in[GR_FUSED_ARITY] = {straight_address(root, s->in[0]),
                                          straight_address(root, s->in[1]),
                                          straight_address(root, s->in[2])};
        if (s->kind == STRAIGHT_SPAN) {
            s->span(out, in, s->step, s->n, s->param);
        } else {
            straight_other(s, in[0], out);
        }
    }
    return GR_OK;
}

/* ---- Planning -------------------------------------------------------------------------------- */

/* One piece, in which every group begins and ends? */
static bool straight_fits(const gr_fused_pass *p)
{
    if (p->store > GR_FUSED_STORE_SMALL) return false;
    if (p->run == gr_fused_run_plain) return p->count <= p->piece;
    if (p->run == gr_fused_run_rows) return p->bands == 1 && p->resident;
    return p->run == gr_fused_run_columns && p->count <= p->band * p->piece && p->r.groups == 1 &&
           p->r.blocks == 1;
}

/* Where spans find the slot's elements. */
static straight_place straight_place_of(const gr_fused_pass *p, int slot)
{
    const gr_fused_slot *s = &p->slot[slot];
    if (s->copy >= 0) return (straight_place){GR_FUSED_ROOT_STORE, s->copy};
    return (straight_place){s->root, s->offset};
}

static gr_fused_step *straight_append(gr_fused_plan *plan, const gr_fused_pass *p,
                                      straight_kind kind, int in, int out)
{
    gr_fused_step *s = &plan->step[plan->n_steps++];
    *s = (gr_fused_step){.kind = kind, .slot = &p->slot[in], .out = straight_place_of(p, out)};
    for (int i = 0; i < GR_FUSED_ARITY; i++) s->in[i] = straight_place_of(p, in);
    return s;
}

static void straight_copies(gr_fused_plan *plan, const gr_fused_pass *p, gr_fused_range moving,
                            int64_t n)
{
    for (int i = moving.begin; i < moving.end; i++) {
        const int slot = p->moving[i];
        const gr_fused_slot *from = &p->slot[slot];
        if (from->copy < 0) continue;
        gr_fused_step *s = straight_append(plan, p, STRAIGHT_COPY, slot, slot);
        s->in[0] = (straight_place){from->root, from->offset};
        s->n = n;
    }
}

static void straight_spans(gr_fused_plan *plan, const gr_fused_pass *p, gr_fused_range codes,
                           int64_t n)
{
    for (int c = codes.begin; c < codes.end; c++) {
        const gr_fused_code *code = &p->code[c];
        gr_fused_step *s = straight_append(plan, p, STRAIGHT_SPAN, code->in[0], code->out);
        for (int i = 0; i < GR_FUSED_ARITY; i++) s->in[i] = straight_place_of(p, code->in[i]);
        s->span = code->span;
        s->n = n;
        memcpy(s->step, code->step, sizeof s->step);
        memcpy(s->param, code->param, sizeof s->param);
    }
}

static void straight_phase(gr_fused_plan *plan, const gr_fused_pass *p, const gr_fused_phase *phase)
{
    const bool columns = p->run == gr_fused_run_columns;
    straight_copies(plan, p, phase->moving, p->count);
    for (int i = phase->spreads.begin; i < phase->spreads.end; i++) {
        const gr_fused_spread *spread = &p->spread[i];
        gr_fused_step *s = straight_append(plan, p, STRAIGHT_REPEAT, spread->from, spread->to);
        s->n = p->r.groups;
        s->each = p->r.length;
    }
    straight_spans(plan, p, phase->codes, p->count);
    for (int i = phase->reductions.begin; i < phase->reductions.end; i++) {
        const gr_fused_reduction *r = &p->reduction[i];
        gr_fused_step *s = straight_append(plan, p, columns ? STRAIGHT_COLUMNS : STRAIGHT_UNITS,
                                           r->operand, r->result);
        s->kernel = r->kernel;
        s->n = columns ? p->r.rows : p->r.groups;
        s->each = columns ? p->r.columns : p->r.length;
    }
    straight_spans(plan, p, phase->lean, p->r.groups);
}

static size_t straight_count(const gr_fused_plan *plan)
{
    size_t most = 0;
    for (int k = 0; k < plan->n_passes; k++) {
        const gr_fused_pass *p = &plan->pass[k];
        most += (size_t)p->groups.end; /* slots that move, copies among them */
        for (int i = 0; i < p->n_phases; i++) {
            const gr_fused_phase *phase = &p->phase[i];
            most += (size_t)(phase->spreads.end - phase->spreads.begin);
            most += (size_t)(phase->lean.end - phase->codes.begin);
            most += (size_t)(phase->reductions.end - phase->reductions.begin);
        }
    }
    return most;
}

gr_status gr_fused_straighten(gr_fused_plan *plan, gr_arena *arena)
{
    for (int k = 0; k < plan->n_passes; k++) {
        if (!straight_fits(&plan->pass[k])) return GR_OK;
    }
    const size_t bytes = straight_count(plan) * sizeof *plan->step;
    plan->step = gr_arena_alloc(arena, bytes);
    if (!plan->step) return gr_no_memory(bytes);
    for (int k = 0; k < plan->n_passes; k++) {
        const gr_fused_pass *p = &plan->pass[k];
        straight_copies(plan, p, p->groups, p->r.groups);
        for (int i = 0; i < p->n_phases; i++) straight_phase(plan, p, &p->phase[i]);
    }
    return GR_OK;
}
