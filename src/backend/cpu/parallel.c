/* Work shared among threads.
 *
 * At the end of a parallel region everybody waits for the last. Where other programs want the cores
 * too, the last may be a thread that waits for a core, for a time slice of milliseconds, and a step
 * has dozens of regions: two threads would then be a hundred times slower than one. So the calling
 * thread notes how long the first to finish had to wait, and works alone for some regions if that
 * was long. Who computes a chunk never changes what is computed. */
#include "backend/backend.h"

#if defined(_OPENMP)
#include <math.h>

#define PARALLEL_LATE 300e-6 /* seconds of waiting that only a missing core explains */
enum { PARALLEL_ALONE = 16, PARALLEL_ALONE_MOST = 4096 };

typedef struct parallel_pace {
    int alone; /* regions still to be worked on alone */
    int next;  /* how many it will be if the team is late again */
} parallel_pace;

static _Thread_local parallel_pace parallel_own = {0, PARALLEL_ALONE};

/* The first to finish worked for `work` seconds and then waited for the others. */
static void parallel_note(parallel_pace *pace, double work, double wait)
{
    if (wait > PARALLEL_LATE && wait > 2 * work) {
        pace->alone = pace->next;
        if (pace->next < PARALLEL_ALONE_MOST) pace->next *= 2;
    } else if (pace->next > PARALLEL_ALONE) {
        pace->next /= 2;
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
    if (pace->alone > 0) {
        pace->alone--;
        return false;
    }
    const double begin = gr_seconds();
    double first = INFINITY;
#pragma omp parallel num_threads(team) reduction(min : first)
    {
#pragma omp for schedule(static) nowait
        for (int64_t chunk = 0; chunk < w->chunks; chunk++) parallel_chunk(w, chunk);
        first = gr_seconds();
    }
    parallel_note(pace, first - begin, gr_seconds() - first);
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
