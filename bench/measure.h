/* Timing of the benchmarks of kernels: a call is repeated for some seconds, in blocks long enough
 * for the clock, and the median and least time of one call are reported. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MEASURE_MOST = 1 << 16 };

typedef struct measure {
    double median, least; /* seconds of one call */
    int64_t calls;
} measure;

/* Does the work `n` times; false stops the measurement. */
typedef bool measure_fn(void *ctx, int64_t n);

static inline double measure_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int measure_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Calls per block: enough for 200 µs. The calls spent on finding out are the warm-up. */
static inline bool measure_block(measure_fn *fn, void *ctx, int64_t *block)
{
    for (*block = 1;; *block *= 2) {
        double start = measure_clock();
        if (!fn(ctx, *block)) return false;
        if (*block == 1 && (!fn(ctx, 1) || !fn(ctx, 1))) return false;
        if (measure_clock() - start > 200e-6) return true;
    }
}

/* Measures for `seconds`, at least 5 blocks. */
static inline bool measure_run(measure_fn *fn, void *ctx, double seconds, measure *result)
{
    int64_t block;
    double *times = malloc(MEASURE_MOST * sizeof *times);
    if (!times || !measure_block(fn, ctx, &block)) {
        free(times);
        return false;
    }
    int n = 0;
    bool fine = true;
    const double end = measure_clock() + seconds;
    for (double now = measure_clock(); fine && n < MEASURE_MOST && (now < end || n < 5); n++) {
        fine = fn(ctx, block);
        const double next = measure_clock();
        times[n] = (next - now) / (double)block;
        now = next;
    }
    qsort(times, (size_t)n, sizeof *times, measure_compare);
    *result = (measure){.median = times[n / 2], .least = times[0], .calls = n * block};
    free(times);
    return fine;
}

/* Fills x[n] with numbers of [-1, 1), always the same (a linear congruential generator: Knuth's
 * MMIX constants). */
static inline void measure_fill(float *x, int64_t n)
{
    uint64_t state = 42;
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
}

#endif
