/* Work shared among threads. */
#include "backend/backend.h"

void gr_parallel(int threads, int64_t count, int64_t grain,
                 void (*body)(void *ctx, int64_t begin, int64_t end), void *ctx)
{
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    if (count <= grain) {
        body(ctx, 0, count);
        return;
    }
    const int64_t chunks = (count - 1) / grain + 1;
    const int team = threads < chunks ? threads : (int)chunks;
#if defined(_OPENMP)
#pragma omp parallel for schedule(static) num_threads(team) if (team > 1)
#else
    (void)team;
#endif
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        const int64_t begin = chunk * grain;
        body(ctx, begin, count - begin < grain ? count : begin + grain);
    }
}
