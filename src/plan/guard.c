/* Guards: a plan that watches its steps, for tests and for gates of a user's own. Around every
 * buffer of the arena lie GR_ALIGN bytes that nothing may change while it is alive; a fresh
 * buffer is filled with a NaN that no calculation gives; inputs must be the same after a step. So a
 * step that writes outside of its outputs and its scratch memory, leaves part of an output
 * unwritten, or passes on memory that nobody wrote is found when it does so, and is named. */
#include "plan/plan.h"

/* A buffer or scratch memory: content, the steps in which it is alive, and whose it is. */
typedef struct gr_guard_zone {
    size_t offset, bytes, room; /* room: bytes up to the guard behind */
    int first, last;
    int step; /* that writes it first; -1: saves a variable after the last step */
    bool scratch;
} gr_guard_zone;

#define GUARD_FRESH UINT64_C(0x7FFCDEAD7FFCDEAD) /* NaN as one f64 and as two f32 */
#define GUARD_BYTE 0xA5

/* ---- Making ---------------------------------------------------------------------------------- */

static void guard_add(gr_plan *plan, gr_guard_zone zone)
{
    zone.room = gr_aligned(zone.bytes);
    plan->zones[plan->n_zones++] = zone;
}

gr_status gr_plan_guard_zones(gr_plan *plan)
{
    size_t most = (size_t)(plan->n_values + plan->n_steps) + 1;
    plan->zones = gr_arena_alloc(&plan->arena, most * sizeof *plan->zones);
    int *end = gr_alloc_array(most, sizeof *end);
    if (!plan->zones || !end) {
        gr_free(end);
        return GR_NO_MEMORY;
    }
    for (int v = 0; v < plan->n_values; v++) end[v] = -1;
    for (int v = 0; v < plan->n_values; v++) {
        const gr_value *value = &plan->values[v];
        if (value->home == GR_HOME_ARENA && value->last > end[value->buffer])
            end[value->buffer] = value->last;
    }
    for (int v = 0; v < plan->n_values; v++) {
        const gr_value *value = &plan->values[v];
        if (value->home != GR_HOME_ARENA || value->buffer != v || value->bytes == 0) continue;
        int step = value->first < plan->n_steps ? value->first : -1;
        guard_add(plan, (gr_guard_zone){.offset = value->offset,
                                        .bytes = value->bytes,
                                        .first = value->first,
                                        .last = end[v],
                                        .step = step});
    }
    for (int s = 0; s < plan->n_steps; s++) {
        const gr_step *step = &plan->steps[s];
        if (step->work)
            guard_add(plan, (gr_guard_zone){.offset = step->work_offset,
                                            .bytes = step->work,
                                            .first = s,
                                            .last = s,
                                            .step = s,
                                            .scratch = true});
    }
    gr_free(end);
    return GR_OK;
}

/* ---- Before a step --------------------------------------------------------------------------- */

static void guard_fill(unsigned char *content, size_t bytes)
{
    const uint64_t fresh = GUARD_FRESH;
    size_t i = 0;
    for (; i + sizeof fresh <= bytes; i += sizeof fresh) memcpy(content + i, &fresh, sizeof fresh);
    memcpy(content + i, &fresh, bytes - i);
}

/* Of whole words, each four bytes of which count; fast rather than good. */
static uint64_t guard_hash(const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    uint64_t hash = bytes, word = 0;
    size_t i = 0;
    for (; i + sizeof word <= bytes; i += sizeof word) {
        memcpy(&word, byte + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, byte + i, bytes - i);
    return (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
}

/* May the step write over its input `in`: does it share memory with an output? */
static bool guard_overwritten(const gr_plan *plan, const gr_bases *bases, const gr_step *step,
                              int in)
{
    const int *args = plan->args + step->args;
    const char *a = gr_plan_address(plan, bases, args[in]);
    for (int i = 0; i < step->n_out; i++) {
        const char *b = gr_plan_address(plan, bases, args[step->n_in + i]);
        if (a < b + plan->values[args[step->n_in + i]].bytes &&
            b < a + plan->values[args[in]].bytes)
            return true;
    }
    return false;
}

static void guard_hash_inputs(const gr_plan *plan, const gr_bases *bases, const gr_step *step,
                              gr_guard_state *state)
{
    *state = (gr_guard_state){{0}};
    for (int i = 0; i < step->n_in; i++) {
        int value = plan->args[step->args + i];
        if (guard_overwritten(plan, bases, step, i)) continue;
        state->inputs[(size_t)i % GR_LEN(state->inputs)] +=
            guard_hash(gr_plan_address(plan, bases, value), plan->values[value].bytes);
    }
}

void gr_plan_guard_enter(const gr_plan *plan, const gr_bases *bases, int s, gr_guard_state *state)
{
    unsigned char *arena = (unsigned char *)bases->arena;
    for (int z = 0; z < plan->n_zones; z++) {
        const gr_guard_zone *zone = &plan->zones[z];
        if (zone->first != s) continue;
        memset(arena + zone->offset - plan->guard, GUARD_BYTE, plan->guard);
        memset(arena + zone->offset + zone->bytes, GUARD_BYTE,
               zone->room - zone->bytes + plan->guard);
        guard_fill(arena + zone->offset, zone->bytes);
    }
    guard_hash_inputs(plan, bases, &plan->steps[s], state);
}

/* ---- After it -------------------------------------------------------------------------------- */

/* The first byte of [begin, end) that is no longer the guard's; `end` if there is none. */
static size_t guard_changed(const unsigned char *arena, size_t begin, size_t end)
{
    while (begin < end && arena[begin] == GUARD_BYTE) begin++;
    return begin;
}

static gr_status guard_fail_zone(const gr_plan *plan, const gr_guard_zone *zone, int s,
                                 long long place, const char *side)
{
    const gr_node *owner = zone->step < 0 ? NULL : plan->steps[zone->step].node;
    return gr_fail(GR_INTERNAL,
                   "step %d, kernel %s: wrote %lld bytes %s the %zu bytes of %s step %d, %s%s%s", s,
                   plan->steps[s].kernel, place, side, zone->bytes,
                   zone->scratch ? "scratch memory of" : "the result of", zone->step,
                   owner ? owner->op->name : "a variable's copy", owner && owner->name ? " " : "",
                   owner && owner->name ? owner->name : "");
}

static gr_status guard_check_zone(const gr_plan *plan, const unsigned char *arena,
                                  const gr_guard_zone *zone, int s)
{
    size_t end = zone->offset + zone->room + plan->guard;
    size_t at = guard_changed(arena, zone->offset - plan->guard, zone->offset);
    if (at < zone->offset)
        return guard_fail_zone(plan, zone, s, (long long)(zone->offset - at), "before");
    at = guard_changed(arena, zone->offset + zone->bytes, end);
    if (at < end)
        return guard_fail_zone(plan, zone, s, (long long)(at - zone->offset - zone->bytes),
                               "behind");
    return GR_OK;
}

/* Every element of an output that can hold the fresh pattern must have got another value. */
static gr_status guard_check_output(const gr_plan *plan, const gr_bases *bases, int s, int output)
{
    const gr_step *step = &plan->steps[s];
    int value = plan->args[step->args + step->n_in + output];
    const unsigned char *data = gr_plan_address(plan, bases, value);
    size_t size = gr_dtype_size(step->node->out[output].dtype);
    if (size < sizeof(uint32_t)) return GR_OK;
    for (size_t i = 0; i + size <= plan->values[value].bytes; i += size) {
        uint32_t half, last; /* the same one in f32 */
        memcpy(&half, data + i, sizeof half);
        memcpy(&last, data + i + size - sizeof last, sizeof last);
        if (half != (uint32_t)GUARD_FRESH || last != (uint32_t)GUARD_FRESH) continue;
        return gr_fail(GR_INTERNAL,
                       "step %d, kernel %s: element %zu of output %d is unwritten, or calculated "
                       "from memory that is",
                       s, step->kernel, i / size, output);
    }
    return GR_OK;
}

gr_status gr_plan_guard_leave(const gr_plan *plan, const gr_bases *bases, int s,
                              const gr_guard_state *state)
{
    const gr_step *step = &plan->steps[s];
    for (int z = 0; z < plan->n_zones; z++) {
        const gr_guard_zone *zone = &plan->zones[z];
        if (zone->first > s || zone->last < s) continue;
        GR_TRY(guard_check_zone(plan, (const unsigned char *)bases->arena, zone, s));
    }
    gr_guard_state now;
    guard_hash_inputs(plan, bases, step, &now);
    for (size_t i = 0; i < GR_LEN(now.inputs); i++)
        if (now.inputs[i] != state->inputs[i])
            return gr_fail(GR_INTERNAL, "step %d, kernel %s: changed its input %zu", s,
                           step->kernel, i);
    for (int i = 0; i < step->n_out; i++) GR_TRY(guard_check_output(plan, bases, s, i));
    return GR_OK;
}
