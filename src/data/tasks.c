/* Tasks for nets with a memory: sequences that are made when they are asked for. */
#include <gradus/tasks.h>

#include "data/tasks.h"

#include "base/base.h"
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>

#define TASK_TEST 256
#define TASK_ITEM 3 /* rows of an item to recall */
#define TASK_LONGEST (1 << 20)

/* The user of a source. */
typedef struct task_source {
    gr_task task;
    gr_task_options o;
    bool test; /* every example is the longest, and repeated most often */
    int64_t steps, in, out;
} task_source;

/* An example under way: its rows are [in, out, mask]. */
typedef struct task_writer {
    const task_source *source;
    gr_rng rng;
    float *x;
    int64_t step;
} task_writer;

static float *task_row(const task_writer *w, int64_t step)
{
    return w->x + step * (w->source->in + w->source->out + 1);
}

static int64_t task_draw(task_writer *w, int64_t least, int64_t most)
{
    return least + (int64_t)gr_rng_below(&w->rng, (uint64_t)(most - least + 1));
}

/* A step that is one marker: input number `bits` + which. */
static void task_mark(task_writer *w, int64_t which, double value)
{
    task_row(w, w->step++)[w->source->o.bits + which] = (float)value;
}

static void task_random_rows(task_writer *w, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        const uint64_t bits = gr_rng_u64(&w->rng);
        float *row = task_row(w, w->step++);
        for (int64_t i = 0; i < w->source->o.bits; i++) row[i] = (float)(bits >> i & 1);
    }
}

/* The next steps' input is what stood at `from`. */
static void task_say_again(task_writer *w, int64_t from, int64_t rows)
{
    const size_t bytes = (size_t)w->source->o.bits * sizeof(float);
    for (int64_t r = 0; r < rows; r++) memcpy(task_row(w, w->step++), task_row(w, from + r), bytes);
}

/* What should come out at the next steps is what went in at `from`. */
static void task_answer(task_writer *w, int64_t from, int64_t rows)
{
    const task_source *s = w->source;
    for (int64_t r = 0; r < rows; r++) {
        float *row = task_row(w, w->step++);
        memcpy(row + s->in, task_row(w, from + r), (size_t)s->o.bits * sizeof(float));
        row[s->in + s->out] = 1;
    }
}

/* ---- The tasks ------------------------------------------------------------------------------ */

static void task_copy(task_writer *w, int64_t length)
{
    task_mark(w, 0, 1);
    task_random_rows(w, length);
    task_mark(w, 1, 1);
    task_answer(w, 1, length);
}

/* Numbers from 1 to 10 have mean 5.5 and deviation √8.25. */
static void task_repeat_copy(task_writer *w, int64_t length)
{
    const task_source *s = w->source;
    const int64_t repeats = task_draw(w, s->test ? s->o.repeats : 1, s->o.repeats);
    task_mark(w, 0, 1);
    task_random_rows(w, length);
    task_mark(w, 1, ((double)repeats - 5.5) / sqrt(8.25));
    for (int64_t i = 0; i < repeats; i++) task_answer(w, 1, length);
    float *end = task_row(w, w->step++);
    end[s->in + s->o.bits] = end[s->in + s->out] = 1;
}

static void task_recall(task_writer *w, int64_t items)
{
    const int64_t asked = task_draw(w, 0, items - 2);
    for (int64_t i = 0; i < items; i++) {
        task_mark(w, 0, 1);
        task_random_rows(w, TASK_ITEM);
    }
    task_mark(w, 1, 1);
    task_say_again(w, asked * (TASK_ITEM + 1) + 1, TASK_ITEM);
    task_mark(w, 1, 1);
    task_answer(w, (asked + 1) * (TASK_ITEM + 1) + 1, TASK_ITEM);
}

static gr_status task_read(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    const task_source *s = user;
    task_writer w = {.source = s, .rng = gr_rng_new(draw, (uint64_t)i), .x = x};
    memset(x, 0, (size_t)(s->steps * (s->in + s->out + 1)) * sizeof(float));
    const int64_t length = task_draw(&w, s->test ? s->o.longest : s->o.shortest, s->o.longest);
    if (y) *y = (int32_t)(length - s->o.shortest);
    if (s->task == GR_TASK_COPY) task_copy(&w, length);
    if (s->task == GR_TASK_REPEAT_COPY) task_repeat_copy(&w, length);
    if (s->task == GR_TASK_ASSOCIATIVE_RECALL) task_recall(&w, length);
    return GR_OK;
}

/* ---- Making a set --------------------------------------------------------------------------- */

const char *gr_task_name(gr_task task)
{
    static const char *const names[] = {"ntm-copy", "ntm-repeat-copy", "ntm-associative-recall"};
    return (unsigned)task < GR_LEN(names) ? names[task] : NULL;
}

static void task_defaults(gr_task task, gr_task_options *o)
{
    static const int longest[] = {20, 10, 6};
    const bool recall = task == GR_TASK_ASSOCIATIVE_RECALL;
    if (!o->count) o->count = 1000;
    if (!o->longest) o->longest = longest[task];
    if (!o->shortest) o->shortest = recall ? 2 : 1;
    if (!o->repeats) o->repeats = 10;
    if (!o->bits) o->bits = recall ? 6 : 8;
}

static gr_status task_check(gr_task task, const gr_task_options *o)
{
    const int64_t least = task == GR_TASK_ASSOCIATIVE_RECALL ? 2 : 1;
    if (o->shortest < least || o->longest < o->shortest || o->longest > TASK_LONGEST)
        return gr_fail(GR_INVALID,
                       "task '%s': lengths from %lld to %lld: should be from %lld or more to at "
                       "most %d",
                       gr_task_name(task), (long long)o->shortest, (long long)o->longest,
                       (long long)least, TASK_LONGEST);
    if (o->count < 1 || o->bits < 1 || o->bits > 64 || o->repeats < 1 || o->repeats > TASK_LONGEST)
        return gr_fail(GR_INVALID,
                       "task '%s': %lld examples of %lld bits, %lld repeats: should be 1 or more, "
                       "and at most 64 bits",
                       gr_task_name(task), (long long)o->count, (long long)o->bits,
                       (long long)o->repeats);
    return GR_OK;
}

/* What follows from the options. */
static void task_measure(task_source *s)
{
    const gr_task_options *o = &s->o;
    s->in = o->bits + 2;
    s->out = o->bits + (s->task == GR_TASK_REPEAT_COPY);
    switch (s->task) {
    case GR_TASK_COPY:
        s->steps = 2 * o->longest + 2;
        break;
    case GR_TASK_REPEAT_COPY:
        s->steps = o->longest * (1 + o->repeats) + 3;
        break;
    case GR_TASK_ASSOCIATIVE_RECALL:
        s->steps = o->longest * (TASK_ITEM + 1) + 2 * TASK_ITEM + 2;
        break;
    }
}

/* Takes `source`. Classes are lengths, by their names. */
static gr_status task_open(task_source *source, gr_dataset **dataset)
{
    const int64_t classes = source->o.longest - source->o.shortest + 1;
    char(*names)[24] = gr_alloc_array((size_t)classes, sizeof *names);
    const char **list = gr_alloc_array((size_t)classes, sizeof *list);
    gr_status status = GR_NO_MEMORY;
    if (names && list) {
        for (int64_t i = 0; i < classes; i++) {
            snprintf(names[i], sizeof *names, "%lld", (long long)(source->o.shortest + i));
            list[i] = names[i];
        }
        const int64_t what[] = {source->task,      source->o.shortest, source->o.longest,
                                source->o.repeats, source->test,       source->o.bits};
        status = gr_dataset_from_source(
            GR_SOURCE(.name = gr_task_name(source->task), .count = source->o.count, .dtype = GR_F32,
                      .shape = GR_SHAPE(source->steps, source->in + source->out + 1),
                      .classes = (int)classes, .class_names = list,
                      .hash = gr_hash(what, sizeof what, 0), .read = task_read, .free = gr_free,
                      .user = source),
            dataset);
    } else {
        gr_free(source);
    }
    gr_free(names);
    gr_free(list);
    return status;
}

static gr_status task_make(gr_task task, const gr_task_options *options, bool test,
                           gr_dataset **dataset)
{
    *dataset = NULL;
    gr_task_options o;
    GR_TRY(GR_OPTIONS(gr_task_options, &o, options));
    if (!gr_task_name(task)) return gr_fail(GR_INVALID, "there is no task %d", (int)task);
    task_defaults(task, &o);
    GR_TRY(task_check(task, &o));
    task_source *source = gr_alloc(sizeof *source);
    if (!source) return GR_NO_MEMORY;
    *source = (task_source){.task = task, .o = o, .test = test};
    task_measure(source);
    return task_open(source, dataset);
}

gr_status gr_task_dataset(gr_task task, const gr_task_options *options, gr_dataset **dataset)
{
    return task_make(task, options, false, dataset);
}

gr_status gr_task_parts(const char *name, gr_dataset **train, gr_dataset **test)
{
    gr_task task = GR_TASK_COPY;
    while (gr_task_name(task) && strcmp(gr_task_name(task), name) != 0) task++;
    if (train) GR_TRY(task_make(task, NULL, false, train));
    return test ? task_make(task, GR_TASK(.count = TASK_TEST), true, test) : GR_OK;
}
