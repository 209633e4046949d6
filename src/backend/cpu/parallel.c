/* Work shared among threads.
 *
 * At the end of a parallel region everybody waits for the last. Where other programs want the cores
 * too, the last may be a thread that waits for a core, for a time slice of milliseconds, and a step
 * has dozens of regions: two threads would then be a hundred times slower than one. So the calling
 * thread notes how long the first to finish had to wait, and works alone for a multiple of that
 * time if it was long: what is lost by waiting is then a small part, and regions that take longer
 * than the wait hardly work alone.
 *
 * A team that has had nothing to do for a while sleeps, and takes tens of microseconds to wake.
 * That is noted too: after a stretch of work on one thread, a region is given to a team only if it
 * saves more than it takes to wake, together with those before it that were not. Who computes a
 * chunk never changes what is computed. */
#include "backend/backend.h"

#if defined(_OPENMP)
#include <math.h>

#define PARALLEL_LATE 300e-6  /* seconds of waiting that only a missing core explains */
#define PARALLEL_AWAKE 100e-6 /* seconds for which a team surely waits before it sleeps */
#define PARALLEL_WAKES 60e-6  /* the most that waking is taken to last */
#define PARALLEL_FORGET 0.999 /* of the time to wake, whenever it keeps a region from a team */
enum { PARALLEL_ALONE = 4, PARALLEL_ALONE_MOST = 64 };

typedef struct parallel_pace {
    double until; /* when to ask for the team again */
    int times;    /* the wait, to work alone if the team is late again */
    double end;   /* of the last region of a team */
    double asked; /* when a region was last kept from a team */
    double lost;  /* seconds that a team would have saved since it fell asleep */
    double wakes; /* seconds that a region takes longer with a team that sleeps, as a rule */
} parallel_pace;

static _Thread_local parallel_pace parallel_own = {.times = PARALLEL_ALONE};

/* The first to finish worked for `work` seconds and then waited for the others until `now`. */
static void parallel_note(parallel_pace *pace, double work, double wait, double now)
{
    if (wait > PARALLEL_LATE && wait > 2 * work) {
        pace->until = now + pace->times * wait;
        if (pace->times < PARALLEL_ALONE_MOST) pace->times *= 2;
    } else if (pace->times > PARALLEL_ALONE) {
        pace->times /= 2;
    }
}
#endif

int gr_parallel_threads(int threads, double seconds)
{
#if defined(_OPENMP)
    parallel_pace *const pace = &parallel_own;
    const double saves = seconds * (1 - 1.0 / threads);
    if (threads <= 1 || saves > pace->wakes) return threads;
    const double now = gr_seconds();
    if (now - pace->end < PARALLEL_AWAKE) return threads;
    /* after a pause a team that had been woken would be asleep again */
    const bool pause = now - pace->asked > PARALLEL_AWAKE;
    pace->lost = (pause ? 0 : pace->lost) + saves;
    if (pace->lost > pace->wakes) return threads;
    pace->asked = now + seconds;
    pace->wakes *= PARALLEL_FORGET;
    return 1;
#else
    (void)seconds;
    return threads;
#endif
}

typedef struct parallel_work {
    int64_t count, grain, chunks;
    void (*body)(void *ctx, int64_t begin, int64_t end);
    void *ctx;
} parallel_work;

static inline void parallel_chunk(const parallel_work *w, int64_t chunk)
{
    const int64_t begin = chunk * w->grain;
    w->body(w->ctx, begin, w->count - begin < w->grain ? w->count : begin + w->grain);
}

/* Whether a team did the work. */
static bool parallel_team(const parallel_work *w, int team)
{
#if defined(_OPENMP)
    parallel_pace *const pace = &parallel_own;
    if (team <= 1) return false;
    const double begin = gr_seconds();
    if (begin < pace->until) return false;
    double first = INFINITY, busy = 0;
#pragma omp parallel num_threads(team) reduction(min : first) reduction(+ : busy)
    {
        const double own = gr_seconds();
#pragma omp for schedule(static) nowait
        for (int64_t chunk = 0; chunk < w->chunks; chunk++) parallel_chunk(w, chunk);
        first = gr_seconds();
        busy = first - own;
    }
    const double end = gr_seconds();
    parallel_note(pace, first - begin, end - first, end);
    if (begin - pace->end > PARALLEL_AWAKE)
        pace->wakes = (pace->wakes + fmin(end - begin - busy / team, PARALLEL_WAKES)) / 2;
    pace->end = end;
    return true;
#else
    (void)w, (void)team;
    return false;
#endif
}

void gr_parallel(int threads, int64_t count, int64_t grain,
                 void (*body)(void *ctx, int64_t begin, int64_t end), void *ctx)
{
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    if (count <= grain) {
        body(ctx, 0, count);
        return;
    }
    const parallel_work work = {count, grain, (count - 1) / grain + 1, body, ctx};
    if (parallel_team(&work, threads < work.chunks ? threads : (int)work.chunks)) return;
    for (int64_t chunk = 0; chunk < work.chunks; chunk++) parallel_chunk(&work, chunk);
}
