/* Work shared among threads.
 *
 * At the end of a parallel region everybody waits for the last. Where other programs want the cores
 * too, the last may be a thread that waits for a core, for a time slice of milliseconds, and a step
 * has dozens of regions: two threads would then be a hundred times slower than one. So the calling
 * thread notes how long the first to finish had to wait, and works alone for a multiple of that
 * time if it was long: what is lost by waiting is then a small part, and regions that take longer
 * than the wait hardly work alone. Who computes a chunk never changes what is computed. */
#include "backend/backend.h"

#if defined(_OPENMP)
#include <math.h>

#define PARALLEL_LATE 300e-6 /* seconds of waiting that only a missing core explains */
enum { PARALLEL_ALONE = 4, PARALLEL_ALONE_MOST = 64 };

typedef struct parallel_pace {
    double until; /* when to ask for the team again */
    int times;    /* the wait, to work alone if the team is late again */
} parallel_pace;

static _Thread_local parallel_pace parallel_own = {0, PARALLEL_ALONE};

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
    double first = INFINITY;
#pragma omp parallel num_threads(team) reduction(min : first)
    {
#pragma omp for schedule(static) nowait
        for (int64_t chunk = 0; chunk < w->chunks; chunk++) parallel_chunk(w, chunk);
        first = gr_seconds();
    }
    const double end = gr_seconds();
    parallel_note(pace, first - begin, end - first, end);
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
