/* Profiles: times by step. */
#include "run/profile.h"

#include <stdio.h>

#include "run/program.h"

/* A call, or a whole step (row −1). */
typedef struct profile_event {
    double start, seconds;
    int section, row;
} profile_event;

enum { PROFILE_RECENT = 101 }; /* calls that a median is taken of */

/* The times of a row; its calls are the section's steps. */
typedef struct profile_times {
    double seconds, least;
    float recent[PROFILE_RECENT]; /* a ring */
} profile_times;

struct gr_profile_part {
    gr_profile *profile;
    gr_profile_section info;
    int number;
    gr_step_info *steps;  /* [info.rows] */
    profile_times *times; /* [info.rows] */
    double *at;           /* readings of the clock: one more than there are steps and copies */
};

struct gr_profile {
    gr_arena arena; /* everything of the sections */
    gr_profile_part **parts;
    size_t n_parts, capacity;
    profile_event *events; /* a ring */
    int64_t most_events, n_events;
    double reading; /* seconds that a reading of the clock takes */
};

/* ---- Making --------------------------------------------------------------------------------- */

/* The least of some rounds: what interrupts one of them is not the clock's. */
static double profile_measure_clock(void)
{
    enum { ROUNDS = 10, READINGS = 50 };
    double least = 1;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = gr_seconds();
        for (int i = 0; i < READINGS - 1; i++) (void)gr_seconds();
        const double each = (gr_seconds() - start) / READINGS;
        if (each < least) least = each;
    }
    return least;
}

gr_status gr_profile_new(const gr_profile_options *options, gr_profile **profile)
{
    *profile = NULL;
    gr_profile_options known;
    GR_TRY(GR_OPTIONS(gr_profile_options, &known, options));
    const int64_t events = known.events;
    if (events < 0)
        return gr_fail(GR_INVALID, "a profile of %lld events: should be 0 or more",
                       (long long)events);
    gr_profile *p = gr_alloc(sizeof *p);
    if (!p) return GR_NO_MEMORY;
    p->most_events = events;
    p->events = gr_alloc_array((size_t)events, sizeof *p->events);
    if (!p->events) {
        gr_profile_free(p);
        return GR_NO_MEMORY;
    }
    p->reading = profile_measure_clock();
    *profile = p;
    return GR_OK;
}

void gr_profile_free(gr_profile *profile)
{
    if (!profile) return;
    gr_arena_free(&profile->arena);
    gr_free(profile->parts);
    gr_free(profile->events);
    gr_free(profile);
}

/* ---- Sections ------------------------------------------------------------------------------- */

/* Copies a text of the program, which the profile may outlive. */
static bool profile_keep(gr_profile *profile, const char **text)
{
    if (*text) *text = gr_arena_strdup(&profile->arena, *text);
    return *text != NULL;
}

static gr_status profile_keep_step(gr_profile *profile, gr_step_info *step)
{
    const bool named = step->name != NULL, composed = step->composite != NULL;
    if (!profile_keep(profile, &step->op) || !profile_keep(profile, &step->kernel) ||
        (named && !profile_keep(profile, &step->name)) ||
        (composed && !profile_keep(profile, &step->composite)))
        return GR_NO_MEMORY;
    return GR_OK;
}

/* The copies after the last step. */
static gr_step_info profile_copies(const gr_plan *plan)
{
    gr_step_info info = {.op = "copy", .kernel = "memcpy", .outputs = plan->n_copies};
    const gr_value *first = &plan->values[plan->copies[0].to];
    for (int c = 0; c < plan->n_copies; c++)
        info.bytes += 2 * (double)plan->values[plan->copies[c].from].bytes;
    if (first->home == GR_HOME_VARIABLE) {
        const gr_node *variable = plan->variables[first->index];
        info.out = (gr_tensor){variable->out[0].dtype, variable->out[0].shape, NULL};
        snprintf(info.home, sizeof info.home, "variable %s", variable->name);
    } else {
        info.out = (gr_tensor){.dtype = GR_U8, .shape = {1, {(int64_t)first->bytes}}};
    }
    return info;
}

static gr_status profile_fill(gr_profile *profile, const gr_program *program, gr_profile_part *part)
{
    const gr_plan *plan = program->plan;
    const size_t most = (size_t)plan->n_steps + 2;
    part->steps = gr_arena_alloc(&profile->arena, most * sizeof *part->steps);
    part->times = gr_arena_alloc(&profile->arena, most * sizeof *part->times);
    part->at = gr_arena_alloc(&profile->arena, most * sizeof *part->at);
    if (!part->steps || !part->times || !part->at) return GR_NO_MEMORY;
    for (int s = 0; s < plan->n_steps; s++)
        GR_TRY(gr_program_step(program, s, &part->steps[part->info.rows++]));
    if (plan->n_copies > 0) part->steps[part->info.rows++] = profile_copies(plan);
    for (int r = 0; r < part->info.rows; r++) GR_TRY(profile_keep_step(profile, &part->steps[r]));
    return GR_OK;
}

gr_status gr_profile_add(gr_profile *profile, const gr_program *program, const char *name,
                         int threads, gr_profile_part **out)
{
    gr_profile_part *part = gr_arena_alloc(&profile->arena, sizeof *part);
    char *copy = gr_arena_strdup(&profile->arena, name ? name : "");
    if (!part || !copy) return GR_NO_MEMORY;
    if (!gr_grow(&profile->parts, profile->n_parts, &profile->capacity, sizeof *profile->parts))
        return GR_NO_MEMORY;
    *part = (gr_profile_part){.profile = profile,
                              .info = {.name = copy, .threads = threads},
                              .number = (int)profile->n_parts};
    GR_TRY(profile_fill(profile, program, part));
    profile->parts[profile->n_parts++] = part;
    *out = part;
    return GR_OK;
}

/* ---- Counting ------------------------------------------------------------------------------- */

double *gr_profile_clock(gr_profile_part *part)
{
    return part->at;
}

static void profile_event_add(gr_profile_part *part, int row, double start, double seconds)
{
    gr_profile *p = part->profile;
    if (p->most_events == 0) return;
    p->events[p->n_events++ % p->most_events] = (profile_event){start, seconds, part->number, row};
}

void gr_profile_note(gr_profile_part *part)
{
    const double *at = part->at, reading = part->profile->reading;
    double sum = 0;
    for (int r = 0; r < part->info.rows; r++) {
        profile_times *times = &part->times[r];
        double seconds = at[r + 1] - at[r] - reading;
        if (seconds < 0) seconds = 0;
        if (part->info.steps == 0 || seconds < times->least) times->least = seconds;
        times->recent[part->info.steps % PROFILE_RECENT] = (float)seconds;
        times->seconds += seconds;
        sum += seconds;
        profile_event_add(part, r, at[r], seconds);
    }
    profile_event_add(part, -1, at[0], at[part->info.rows] - at[0]);
    part->info.seconds += sum;
    part->info.steps++;
}

void gr_profile_reset(gr_profile *profile)
{
    profile->n_events = 0;
    for (size_t i = 0; i < profile->n_parts; i++) {
        gr_profile_part *part = profile->parts[i];
        part->info.steps = 0;
        part->info.seconds = 0;
        memset(part->times, 0, (size_t)part->info.rows * sizeof *part->times);
    }
}

/* ---- Reading -------------------------------------------------------------------------------- */

int gr_profile_sections(const gr_profile *profile)
{
    return (int)profile->n_parts;
}

gr_profile_section gr_profile_section_info(const gr_profile *profile, int section)
{
    if (section < 0 || (size_t)section >= profile->n_parts) return (gr_profile_section){0};
    return profile->parts[section]->info;
}

static int profile_compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double profile_median(const profile_times *times, int64_t calls)
{
    float sorted[PROFILE_RECENT];
    const size_t n = calls < PROFILE_RECENT ? (size_t)calls : PROFILE_RECENT;
    memcpy(sorted, times->recent, sizeof sorted);
    qsort(sorted, n, sizeof *sorted, profile_compare);
    return n > 0 ? (double)sorted[n / 2] : 0;
}

gr_profile_row gr_profile_row_info(const gr_profile *profile, int section, int row)
{
    if (section < 0 || (size_t)section >= profile->n_parts) return (gr_profile_row){0};
    const gr_profile_part *part = profile->parts[section];
    if (row < 0 || row >= part->info.rows) return (gr_profile_row){0};
    return (gr_profile_row){.step = part->steps[row],
                            .calls = part->info.steps,
                            .seconds = part->times[row].seconds,
                            .median = profile_median(&part->times[row], part->info.steps),
                            .least = part->times[row].least};
}

/* ---- The trace ------------------------------------------------------------------------------ */

static void profile_put_string(gr_text *text, const char *string)
{
    gr_text_append(text, "\"", 1);
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\')
            gr_text_printf(text, "\\%c", *c);
        else if ((unsigned char)*c < ' ')
            gr_text_printf(text, "\\u%04x", (unsigned)*c);
        else
            gr_text_append(text, c, 1);
    }
    gr_text_append(text, "\"", 1);
}

static void profile_put_event(const gr_profile *profile, const profile_event *event, double origin,
                              gr_text *text)
{
    const gr_profile_part *part = profile->parts[event->section];
    const gr_step_info *step = event->row < 0 ? NULL : &part->steps[event->row];
    gr_text_printf(text, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":", part->number + 1);
    gr_text_real(text, (event->start - origin) * 1e6);
    gr_text_printf(text, ",\"dur\":");
    gr_text_real(text, event->seconds * 1e6);
    gr_text_printf(text, ",\"cat\":\"%s\",\"name\":", step ? "kernel" : "step");
    profile_put_string(text, !step ? part->info.name : step->name ? step->name : step->op);
    if (step) {
        gr_text_printf(text, ",\"args\":{\"op\":");
        profile_put_string(text, step->op);
        gr_text_printf(text, ",\"kernel\":");
        profile_put_string(text, step->kernel);
        gr_text_printf(text, ",\"in\":");
        profile_put_string(text, step->inputs);
        gr_text_printf(text, ",\"flops\":");
        gr_text_real(text, step->flops);
        gr_text_printf(text, ",\"bytes\":");
        gr_text_real(text, step->bytes);
        gr_text_printf(text, "}");
    }
    gr_text_printf(text, "}");
}

gr_status gr_profile_trace(const gr_profile *profile, char **out)
{
    gr_text text = {0};
    *out = NULL;
    gr_text_printf(&text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
                          "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
                          "\"gradus\"}}");
    for (size_t i = 0; i < profile->n_parts; i++) {
        gr_text_printf(&text,
                       ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"name\":\"thread_name\",\"args\":{"
                       "\"name\":",
                       i + 1);
        profile_put_string(&text, profile->parts[i]->info.name);
        gr_text_printf(&text, "}}");
    }
    const int64_t most = profile->most_events;
    const int64_t first = profile->n_events > most ? profile->n_events - most : 0;
    double origin = first < profile->n_events ? profile->events[first % most].start : 0;
    for (int64_t i = first; i < profile->n_events; i++)
        if (profile->events[i % most].start < origin) origin = profile->events[i % most].start;
    for (int64_t i = first; i < profile->n_events; i++)
        profile_put_event(profile, &profile->events[i % most], origin, &text);
    gr_text_printf(&text, "\n]}\n");
    if (text.failed) {
        gr_text_free(&text);
        return GR_NO_MEMORY;
    }
    *out = text.data;
    return GR_OK;
}
