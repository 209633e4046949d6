/* Writes the passes of a fused node down: slots, instructions, registers. */
#include "backend/cpu/fused_draft.h"

/* ---- How values lie -------------------------------------------------------------------------- */

int gr_draft_source(const gr_fused_draft *d, int v)
{
    while (d->space.value[v].gate && gr_fused_is_view(d->space.value[v].node)) {
        v = d->space.value[v].in[0];
    }
    return v;
}

int64_t gr_draft_count(const gr_fused_space *space, unsigned axes)
{
    int64_t count = 1;
    for (int k = 0; k < space->shape.rank; k++) {
        if (axes >> k & 1) count *= space->shape.dim[k];
    }
    return count;
}

gr_fused_walk gr_draft_walk(const gr_fused_space *space, int v, unsigned axes)
{
    const gr_fused_value *value = &space->value[v];
    const gr_shape shape = value->node->out[0].shape;
    int64_t stride[GR_MAX_RANK], step[GR_MAX_RANK] = {0}; /* by axis of the value; of S */
    gr_shape_strides(shape, stride);
    for (int d = 0; d < shape.rank; d++) {
        if (value->axis[d] >= 0) step[value->axis[d]] = stride[d];
    }
    gr_fused_walk w = {.run = 1, .period = 1};
    int64_t inside = 1, at[GR_MAX_RANK], size[GR_MAX_RANK];
    bool running = true;
    int outer = 0;
    for (int k = space->shape.rank - 1; k >= 0; k--) {
        if (!(axes >> k & 1)) continue;
        const int64_t dim = space->shape.dim[k];
        if (inside == 1) w.step = step[k] != 0;
        if (running && step[k] == (w.step ? inside : 0)) {
            w.run *= dim;
        } else {
            running = false;
            at[outer] = step[k];
            size[outer++] = dim;
        }
        inside *= dim;
        if (step[k]) w.period = inside;
    }
    while (outer-- > 0) { /* the outermost first */
        const int last = w.outer.rank - 1;
        if (last >= 0 && w.outer.step[last] == size[outer] * at[outer]) {
            w.outer.dim[last] *= size[outer];
            w.outer.step[last] = at[outer];
            continue;
        }
        w.outer.dim[w.outer.rank] = size[outer];
        w.outer.step[w.outer.rank++] = at[outer];
    }
    return w;
}

/* ---- Slots ----------------------------------------------------------------------------------- */

static bool draft_same_walk(const gr_fused_walk *a, const gr_fused_walk *b)
{
    if (a->run != b->run || a->step != b->step || a->outer.rank != b->outer.rank) return false;
    for (int k = 0; k < a->outer.rank; k++) {
        if (a->outer.dim[k] != b->outer.dim[k] || a->outer.step[k] != b->outer.step[k]) {
            return false;
        }
    }
    return true;
}

/* The number of the slot, an old one if there is one like it; -1: no room. */
static int draft_slot_in_memory(gr_fused_draft *d, const gr_fused_slot *slot, int step)
{
    for (int i = 0; i < d->n_slots; i++) {
        const gr_fused_slot *s = &d->slot[i].slot;
        if (!d->slot[i].is_register && s->motion == slot->motion && s->root == slot->root &&
            s->offset == slot->offset && d->slot[i].step == step &&
            draft_same_walk(&s->walk, &slot->walk)) {
            return i;
        }
    }
    if (d->n_slots == GR_FUSED_SLOTS) return -1;
    d->slot[d->n_slots] = (gr_draft_slot){.slot = *slot, .step = step};
    return d->n_slots++;
}

static int draft_slot_register(gr_fused_draft *d, int64_t size, bool lean, int first)
{
    if (d->n_slots == GR_FUSED_SLOTS) return -1;
    d->slot[d->n_slots] = (gr_draft_slot){.slot = {.motion = lean ? GR_FUSED_LEAN : GR_FUSED_FIXED,
                                                   .root = GR_FUSED_ROOT_STORE,
                                                   .size = size,
                                                   .copy = -1},
                                          .step = 1,
                                          .is_register = true,
                                          .lean = lean,
                                          .first = first,
                                          .last = first};
    return d->n_slots++;
}

static int64_t draft_size(const gr_fused_draft *d, int v)
{
    return (int64_t)gr_dtype_size(gr_type_of(d->space.value[v].node).dtype);
}

/* Notes that gates read value v, if it is an input of the node. */
static void draft_note_read(gr_fused_draft *d, int v, gr_fused_motion motion)
{
    for (int i = 0; i < d->body->n_in; i++) {
        if (d->body->in[i] != d->space.value[v].node) continue;
        d->read_last[i] = d->now;
        d->read_as[i][d->number] |= (unsigned char)(1u << motion);
    }
}

/* The slot of a value that lies somewhere as a whole, for gates over all of the pass's space or,
 * if they are lean, over its groups. */
static int draft_slot_of_array(gr_fused_draft *d, int v, bool lean)
{
    const gr_draft_value *x = &d->value[v];
    const unsigned axes = lean ? d->axes & ~d->space.reduced : d->axes;
    gr_fused_slot slot = {
        .root = x->root, .offset = x->offset, .size = draft_size(d, v), .copy = -1};
    int step = 1;
    if (d->space.value[v].axes == 0) {
        slot.motion = GR_FUSED_FIXED;
        step = 0;
    } else if (d->space.value[v].axes == axes) {
        slot.motion = lean ? GR_FUSED_GROUP : GR_FUSED_FULL;
    } else {
        slot.walk = gr_draft_walk(&d->space, v, axes);
        const bool lies = !lean && d->pass->align > 0 && slot.walk.run % d->pass->align == 0;
        slot.motion = lies ? GR_FUSED_WALK : lean ? GR_FUSED_GROUP_COPY : GR_FUSED_COPY;
        if (lies) step = slot.walk.step;
    }
    draft_note_read(d, v, slot.motion);
    return draft_slot_in_memory(d, &slot, step);
}

/* The slot of a value that broadcasts, to be read where it lies. */
static int draft_slot_in_place(gr_fused_draft *d, int v)
{
    const gr_draft_value *x = &d->value[v];
    const gr_fused_slot slot = {.motion = GR_FUSED_WALK,
                                .root = x->root,
                                .offset = x->offset,
                                .size = draft_size(d, v),
                                .copy = -1,
                                .walk = gr_draft_walk(&d->space, v, d->axes)};
    draft_note_read(d, v, GR_FUSED_WALK);
    return draft_slot_in_memory(d, &slot, 1);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

/* The slot where a full gate finds a lean value, which the phase repeats for each element unless
 * such gates are computed group by group. */
static int draft_slot_spread(gr_fused_draft *d, int v)
{
    gr_draft_value *x = &d->value[v];
    if (d->pass->grouped) return x->slot;
    if (x->spread >= 0) return x->spread;
    if (d->n_spreads == GR_FUSED_CODES) return -1;
    /* repeated once, before the phase's codes, or between them for each part of the band */
    const int read = d->pass->some < d->pass->band ? d->start + 1 : d->start;
    if (d->slot[x->slot].last < read) d->slot[x->slot].last = read;
    x->spread = draft_slot_register(d, draft_size(d, v), false, d->start);
    d->spread[d->n_spreads++] = (gr_fused_spread){x->slot, x->spread};
    return x->spread;
}

/* Does the gate, which is full unless `lean`, read the value where each group has one? */
static bool draft_is_grouped(const gr_fused_draft *d, int v, bool lean)
{
    const gr_draft_value *x = &d->value[gr_draft_source(d, v)];
    return x->pass == d->number && x->lean && !lean && d->pass->grouped;
}

/* The operand's slot; *step is that of the span. */
static int draft_operand(gr_fused_draft *d, int v, bool lean, int *step)
{
    v = gr_draft_source(d, v);
    const gr_draft_value *x = &d->value[v];
    const bool own = x->pass == d->number;
    int slot = !own               ? draft_slot_of_array(d, v, lean)
               : lean || !x->lean ? x->slot
                                  : draft_slot_spread(d, v);
    if (slot < 0) return -1;
    *step = draft_is_grouped(d, v, lean) ? 0 : d->slot[slot].step;
    if (d->slot[slot].last < d->now) d->slot[slot].last = d->now;
    return slot;
}

/* Where a gate's result goes: to memory if it is an output or another pass reads it. */
static int draft_result(gr_fused_draft *d, int v, bool lean, int first)
{
    gr_draft_value *x = &d->value[v];
    const bool alone = d->space.kind == GR_FUSED_COLUMNS && lean;
    if (x->output >= 0 && !d->lodged[x->output]) d->written[x->output] = first;
    if (x->lodging >= 0) {
        d->written[x->lodging] = first;
        d->lodged[x->lodging] = true;
    }
    if (x->output < 0 && !x->kept) {
        x->slot = draft_slot_register(d, draft_size(d, v), lean, first);
        return x->slot;
    }
    const gr_fused_slot slot = {.motion = alone  ? GR_FUSED_FIXED
                                          : lean ? GR_FUSED_GROUP
                                                 : GR_FUSED_FULL,
                                .root = x->root,
                                .offset = x->offset,
                                .size = draft_size(d, v),
                                .copy = -1};
    x->slot = draft_slot_in_memory(d, &slot, 1);
    return x->slot;
}

/* Finds the operands' slots of a gate, and of one folded into it. */
static bool draft_operands(gr_fused_draft *d, int v, bool lean, gr_fused_code *code)
{
    const gr_fused_value *value = &d->space.value[v];
    const int inner = d->value[v].inner;
    int n = 0, operand[GR_FUSED_ARITY] = {0};
    if (inner >= 0) {
        const gr_fused_value *first = &d->space.value[inner];
        operand[n++] = first->in[0];
        operand[n++] = first->in[first->node->n_in - 1];
    }
    for (int i = 0; i < value->node->n_in && n < GR_FUSED_ARITY; i++) {
        if (inner < 0 || gr_draft_source(d, value->in[i]) != inner) operand[n++] = value->in[i];
    }
    for (int i = 0; i < GR_FUSED_ARITY; i++) {
        const int v_in = operand[i < n ? i : 0];
        const int slot = draft_operand(d, v_in, lean, &code->step[i]);
        if (slot < 0) return false;
        code->in[i] = (int16_t)slot;
        const bool grouped = draft_is_grouped(d, v_in, lean);
        code->apart[i] =
            (grouped ? 1 : code->step[i] * d->pass->r.length) * d->slot[slot].slot.size;
        code->grouped |= grouped;
    }
    return true;
}

static gr_span_fn *draft_span(const gr_fused_draft *d, int v)
{
    const gr_fused_value *value = &d->space.value[v];
    const int inner = d->value[v].inner;
    if (inner >= 0) {
        const int operand = gr_draft_source(d, value->in[0]) == inner ? 0 : 1;
        return gr_fused_pair(d->space.value[inner].node, value->node, operand, d->request->level);
    }
    const gr_op *op = value->node->op;
    gr_span_fn *const *spans = (*op->spans)[gr_type_of(value->node->in[op->span_input]).dtype];
    int level = (int)d->request->level;
    while (level > GR_CPU_BASE && !spans[level]) level--;
    return spans[level];
}

/* Makes the instruction that of an outer product, if the gate is one that suits the others of the
 * pass. */
static bool draft_outer(gr_fused_draft *d, int v, gr_fused_code *code)
{
    gr_draft_outer outer;
    if (!gr_draft_outer_of(d, v, d->axes, &outer)) return false;
    if (d->outer.run > 0 && (d->outer.run != outer.run || d->outer.rows != outer.rows))
        return false;
    const int column = draft_slot_in_place(d, outer.column);
    const int row = draft_slot_in_place(d, outer.row);
    if (column < 0 || row < 0) return false;
    *code = (gr_fused_code){.span = gr_fused_outer_span(d->request->level),
                            .param = {(double)outer.run},
                            .in = {(int16_t)column, (int16_t)row, (int16_t)column}};
    d->outer = outer;
    return true;
}

static bool draft_plain(gr_fused_draft *d, int v, bool lean, gr_fused_code *code)
{
    *code = (gr_fused_code){.span = draft_span(d, v)};
    if (!code->span || !draft_operands(d, v, lean, code)) return false;
    gr_span_params(d->space.value[v].node, code->param);
    return true;
}

bool gr_draft_gate(gr_fused_draft *d, int v, bool lean)
{
    gr_fused_code code;
    if (d->n_codes == GR_FUSED_CODES) return false;
    if (!draft_outer(d, v, &code) && !draft_plain(d, v, lean, &code)) return false;
    const int out = draft_result(d, v, lean, d->now);
    if (out < 0) return false;
    d->slot[out].in_place = true;
    code.out = (int16_t)out;
    code.apart[GR_FUSED_ARITY] = d->pass->r.length * d->slot[out].slot.size;
    d->code[d->n_codes++] = code;
    d->now++;
    return true;
}

/* A unit is reduced when all of its parts are computed. */
static void draft_widen(gr_fused_draft *d, int slot)
{
    gr_draft_slot *s = &d->slot[slot];
    if (d->pass->part >= d->pass->piece || !s->is_register) return;
    s->wide = true;
    s->slot.motion = GR_FUSED_WIDE;
}

/* Where units follow one another, the first one's result is there before the last one begins. */
bool gr_draft_reduction(gr_fused_draft *d, int v)
{
    const gr_fused_value *value = &d->space.value[v];
    const gr_reduction r = gr_reduction_of_node(value->node);
    if (d->n_reductions == GR_FUSED_GATES) return false;
    gr_fused_reduction *k = &d->reduction[d->n_reductions];
    *k = (gr_fused_reduction){.kernel = gr_reduce_kernels_of(r.kind, r.dtype, d->request->level),
                              .size = draft_size(d, v)};
    int step;
    k->operand = draft_operand(d, value->in[0], false, &step);
    if (k->operand >= 0) draft_widen(d, k->operand);
    k->result = draft_result(d, v, true, d->pass->resident ? d->now : d->start);
    if (k->operand < 0 || k->result < 0) return false;
    d->n_reductions++;
    d->now++;
    return true;
}

/* ---- Registers ------------------------------------------------------------------------------- */

void gr_draft_extend(gr_fused_draft *d, int from)
{
    for (int i = 0; i < d->n_slots; i++) {
        gr_draft_slot *s = &d->slot[i];
        if (s->is_register && s->first < from && s->last >= from) s->last = d->now;
    }
}

static int64_t draft_aligned(int64_t bytes)
{
    return (int64_t)gr_aligned((size_t)bytes);
}

/* A place in the store, and the register that holds it. */
typedef struct draft_area {
    int64_t offset, bytes;
    const gr_draft_slot *holder;
} draft_area;

/* An instruction may write over an operand element by element. A wide register fills up part after
 * part, so what each part writes anew may not have its place, not even before. */
static bool draft_may_take(const draft_area *area, const gr_draft_slot *s, int64_t bytes)
{
    const gr_draft_slot *holder = area->holder;
    if (area->bytes != bytes || holder->last > s->first || holder->wide != s->wide) return false;
    if (holder->last < s->first) return true;
    return s->in_place && holder->slot.size == s->slot.size && holder->lean == s->lean;
}

static const gr_draft_slot *draft_next_register(const gr_fused_draft *d, const bool *done)
{
    const gr_draft_slot *next = NULL;
    for (int i = 0; i < d->n_slots; i++) {
        const gr_draft_slot *s = &d->slot[i];
        if (s->is_register && !done[i] && (!next || s->first < next->first)) next = s;
    }
    return next;
}

/* Lays the registers out, in the order in which they come to life. */
static void draft_lay_out_registers(gr_fused_draft *d, int64_t elements)
{
    draft_area area[GR_FUSED_SLOTS];
    bool done[GR_FUSED_SLOTS] = {false};
    const gr_draft_slot *s;
    for (int n = 0, a; (s = draft_next_register(d, done)) != NULL; area[a].holder = s) {
        const int64_t count = s->lean ? d->pass->band : s->wide ? d->pass->piece : elements;
        const int64_t bytes = draft_aligned(count * s->slot.size + GR_FUSED_SLACK);
        for (a = 0; a < n && !draft_may_take(&area[a], s, bytes);) a++;
        if (a == n) {
            area[n++] = (draft_area){.offset = d->pass->store, .bytes = bytes};
            d->pass->store += bytes;
        }
        done[s - d->slot] = true;
        d->slot[s - d->slot].slot.offset = area[a].offset;
    }
}

/* What is in the store for the whole pass: copies, and the results of units and blocks. */
static void draft_lay_out_rest(gr_fused_draft *d, int64_t elements)
{
    gr_fused_pass *p = d->pass;
    for (int i = 0; i < d->n_slots; i++) {
        gr_fused_slot *s = &d->slot[i].slot;
        if (s->motion != GR_FUSED_COPY && s->motion != GR_FUSED_GROUP_COPY) continue;
        const int64_t count = s->motion == GR_FUSED_COPY ? elements : p->band;
        s->copy = p->store;
        p->store += draft_aligned(count * s->size + GR_FUSED_SLACK);
    }
    int rows = 2; /* a unit, and as many blocks as a binary counter of them has digits */
    for (int64_t blocks = p->r.blocks; blocks > 0; blocks /= 2) rows++;
    for (int i = 0; i < d->n_reductions && d->space.kind == GR_FUSED_ROWS; i++) {
        d->reduction[i].stack = p->store;
        p->store += draft_aligned(rows * p->band * d->reduction[i].size);
    }
}

int64_t gr_draft_lay_out(gr_fused_draft *d, int64_t elements)
{
    d->pass->store = 0;
    draft_lay_out_registers(d, elements);
    draft_lay_out_rest(d, elements);
    return d->pass->store;
}

int64_t gr_draft_work(gr_fused_draft *d, int64_t bytes)
{
    const int64_t offset = d->work;
    d->work += draft_aligned(bytes);
    return offset;
}

/* ---- Passes ---------------------------------------------------------------------------------- */

void gr_draft_begin_pass(gr_fused_draft *d, gr_fused_pass *pass, int number, unsigned axes)
{
    d->pass = pass;
    d->number = number;
    d->axes = axes;
    d->outer = (gr_draft_outer){0};
    d->n_slots = d->n_codes = d->n_phases = d->n_spreads = d->n_reductions = d->n_moving = 0;
    for (int v = 0; v < d->space.n; v++) d->value[v].slot = d->value[v].spread = -1;
    pass->count = gr_draft_count(&d->space, axes);
}

enum {
    DRAFT_MOVING =
        1 << GR_FUSED_FULL | 1 << GR_FUSED_WALK | 1 << GR_FUSED_COPY | 1 << GR_FUSED_WIDE,
    DRAFT_TURNING = 1 << GR_FUSED_GROUP | 1 << GR_FUSED_LEAN,
    DRAFT_GROUPS = DRAFT_TURNING | 1 << GR_FUSED_GROUP_COPY
};

/* Lists a slot once if it moves in one of these ways. */
static void draft_list(gr_fused_draft *d, bool *listed, int slot, int motions)
{
    if (listed[slot] || !(motions >> d->slot[slot].slot.motion & 1)) return;
    listed[slot] = true;
    d->moving[d->n_moving++] = (int16_t)slot;
}

/* Lists the lean values that the phase's full gates read, themselves or repeated. */
static void draft_list_turning(gr_fused_draft *d, gr_fused_phase *phase)
{
    bool listed[GR_FUSED_SLOTS] = {false};
    phase->turning.begin = d->n_moving;
    for (int c = phase->codes.begin; c < phase->codes.end; c++) {
        for (int i = 0; i < GR_FUSED_ARITY; i++) {
            draft_list(d, listed, d->code[c].in[i], DRAFT_TURNING);
        }
    }
    for (int i = phase->spreads.begin; i < phase->spreads.end; i++) {
        draft_list(d, listed, d->spread[i].from, DRAFT_TURNING);
    }
    phase->turning.end = d->n_moving;
}

/* Lists the slots that each phase has to set, or, where a piece stays for all phases, those that no
 * phase before it has set. */
static bool draft_list_moving(gr_fused_draft *d)
{
    bool listed[GR_FUSED_SLOTS] = {false};
    for (int k = 0; k < d->n_phases; k++) {
        gr_fused_phase *phase = &d->phase[k];
        if (!d->pass->resident) memset(listed, 0, sizeof listed);
        phase->moving.begin = d->n_moving;
        if (d->n_moving + 2 * d->n_slots > (int)GR_LEN(d->moving)) return false;
        for (int c = phase->codes.begin; c < phase->codes.end; c++) {
            for (int i = 0; i < GR_FUSED_ARITY; i++) {
                draft_list(d, listed, d->code[c].in[i], DRAFT_MOVING);
            }
            draft_list(d, listed, d->code[c].out, DRAFT_MOVING);
        }
        for (int i = phase->reductions.begin; i < phase->reductions.end; i++) {
            draft_list(d, listed, d->reduction[i].operand, DRAFT_MOVING);
        }
        phase->moving.end = d->n_moving;
        draft_list_turning(d, phase);
    }
    if (d->n_moving + d->n_slots > (int)GR_LEN(d->moving)) return false;
    bool all[GR_FUSED_SLOTS] = {false};
    d->pass->groups.begin = d->n_moving;
    for (int i = 0; i < d->n_slots; i++) {
        draft_list(d, all, i, DRAFT_GROUPS);
    }
    d->pass->groups.end = d->n_moving;
    return true;
}

gr_status gr_draft_end_pass(gr_fused_draft *d)
{
    gr_fused_pass *p = d->pass;
    if (p->store > GR_FUSED_STORE || !draft_list_moving(d)) return GR_UNSUPPORTED;
    gr_arena *arena = d->request->arena;
    gr_fused_slot *slot = gr_arena_alloc(arena, (size_t)d->n_slots * sizeof *slot);
    if (!slot) return gr_no_memory((size_t)d->n_slots * sizeof *slot);
    for (int i = 0; i < d->n_slots; i++) slot[i] = d->slot[i].slot;
    p->n_slots = d->n_slots;
    p->n_phases = d->n_phases;
    p->slot = slot;
    p->code = gr_arena_copy(arena, d->code, (size_t)d->n_codes * sizeof *d->code);
    p->phase = gr_arena_copy(arena, d->phase, (size_t)d->n_phases * sizeof *d->phase);
    p->spread = gr_arena_copy(arena, d->spread, (size_t)d->n_spreads * sizeof *d->spread);
    p->reduction =
        gr_arena_copy(arena, d->reduction, (size_t)d->n_reductions * sizeof *d->reduction);
    p->moving = gr_arena_copy(arena, d->moving, (size_t)d->n_moving * sizeof *d->moving);
    const bool complete = p->code && p->phase && p->spread && p->reduction && p->moving;
    return complete ? GR_OK : gr_no_memory(sizeof *d);
}
