/* What this machine has: a clock, a CPU level, cores. */
#include "base/base.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

double gr_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const char *const machine_level_names[GR_CPU_LEVELS] = {"base", "avx2", "avx512"};

const char *gr_cpu_name(gr_cpu_level level)
{
    return (size_t)level < GR_CPU_LEVELS ? machine_level_names[level] : "?";
}

static gr_cpu_level machine_cpu(void)
{
#if defined(GR_X86_LEVELS)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return GR_CPU_BASE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl")) {
        return GR_CPU_AVX2;
    }
    return GR_CPU_AVX512;
#else
    return GR_CPU_BASE;
#endif
}

static gr_cpu_level machine_choose(void)
{
    gr_cpu_level has = machine_cpu();
    const char *wish = getenv("GRADUS_CPU");
    if (!wish || !*wish) return has;
    for (int level = 0; level < GR_CPU_LEVELS; level++) {
        if (strcmp(wish, machine_level_names[level]) != 0) continue;
        if (level <= (int)has) return (gr_cpu_level)level;
        gr_remark(GR_LOG_WARNING, "GRADUS_CPU=%s: this CPU has no more than %s", wish,
                  gr_cpu_name(has));
        return has;
    }
    gr_remark(GR_LOG_WARNING, "GRADUS_CPU=%s is none of base, avx2, avx512", wish);
    return has;
}

gr_cpu_level gr_cpu(void)
{
    static atomic_int chosen = -1; /* two threads that race here compute the same */
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = (int)machine_choose();
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (gr_cpu_level)level;
}

#if defined(_OPENMP)

static int machine_cores(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && cores < 65536 ? (int)cores : 1;
}

int gr_default_threads(void)
{
    const char *wish = getenv("GRADUS_THREADS");
    if (wish && *wish) {
        const char *cursor = wish;
        int64_t threads;
        if (gr_parse_int(&cursor, &threads) && !*cursor && threads >= 1 && threads <= 1024) {
            return (int)threads;
        }
        gr_remark(GR_LOG_WARNING, "GRADUS_THREADS=%s is not a number from 1 to 1024", wish);
    }
    int cores = machine_cores();
    return cores > 0 ? cores : 1;
}

#else

int gr_default_threads(void)
{
    return 1;
}

#endif
