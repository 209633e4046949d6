/* How fast this machine is: short loops, the best of many runs. */
#include <gradus/machine.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/cpu/peak.h"
#include "graph/graph.h"

#include <gradus/ops.h>

/* ---- What it is ------------------------------------------------------------------------------ */

/* "model name : AMD EPYC" in Linux's list. */
static void machine_read_name(char *name, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        snprintf(name, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
        break;
    }
    if (file) fclose(file);
}

gr_machine gr_machine_info(void)
{
    gr_machine machine = {.level = gr_cpu_name(gr_cpu()),
                          .threads = gr_default_threads(),
                          .module = gr_backend_module_title()};
    machine_read_name(machine.cpu, sizeof machine.cpu);
    return machine;
}

/* The first word of a file that Linux has on cache number `index` of the first core. */
static bool machine_read_cache(int index, const char *what, char word[16])
{
    char path[80];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
    FILE *file = fopen(path, "r");
    const bool read = file && fscanf(file, "%15s", word) == 1;
    if (file) fclose(file);
    return read;
}

/* Bytes of the data cache of a level, 1 to 3. Linux's list goes before sysconf, which tells a
 * virtual machine of its host's. */
static size_t machine_cache(int level, size_t usual)
{
    char is[16], type[16], size[16];
    for (int index = 0; machine_read_cache(index, "level", is); index++) {
        if (strtol(is, NULL, 10) != level || !machine_read_cache(index, "type", type) ||
            !machine_read_cache(index, "size", size) || !strcmp(type, "Instruction"))
            continue;
        const long kib = strtol(size, NULL, 10); /* "1024K" */
        if (kib > 0) return (size_t)kib << 10;
    }
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    static const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE,
                                _SC_LEVEL3_CACHE_SIZE};
    const long bytes = sysconf(names[level - 1]);
    if (bytes > 0) return (size_t)bytes;
#endif
    return usual;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

#define MACHINE_RUN 1e-3 /* seconds that a run lasts at least: a team starts in 1e-5 */
#define MACHINE_MEMORY ((size_t)256 << 20) /* bytes of vectors at most */

typedef struct machine_job {
    const gr_peak_kernels *kernels;
    int threads;
    enum { MACHINE_FMA, MACHINE_READ, MACHINE_TRIAD, MACHINE_UPDATE } kind;
    float *memory;
    int64_t share; /* floats of each thread */
} machine_job;

/* What one thread does in a run. Returns operations or bytes. */
static double machine_work(const machine_job *job, int thread, int64_t rounds)
{
    const gr_peak_kernels *k = job->kernels;
    volatile float sink = 0;
    float last = 0;
    if (job->kind == MACHINE_FMA) {
        const double done = k->fma(1000 * rounds, &last);
        sink = last;
        (void)sink;
        return done;
    }
    float *x = job->memory + thread * job->share;
    const int64_t third = job->share / 3 / GR_PEAK_GRAIN * GR_PEAK_GRAIN;
    for (int64_t r = 0; r < rounds; r++) {
        if (job->kind == MACHINE_READ)
            sink = k->read(x, job->share);
        else if (job->kind == MACHINE_TRIAD)
            k->triad(x, x + third, x + 2 * third, 0.5f, third);
        else
            k->update(x, 1, job->share);
    }
    const int64_t floats = job->kind == MACHINE_READ    ? job->share
                           : job->kind == MACHINE_TRIAD ? 3 * third
                                                        : 2 * job->share;
    return (double)rounds * (double)floats * (double)sizeof(float);
}

/* All threads together; *seconds is from the first's start to the last's end. */
static double machine_team(const machine_job *job, int64_t rounds, double *seconds)
{
    double done = 0;
    const double start = gr_seconds();
#if defined(_OPENMP)
#pragma omp parallel for num_threads(job->threads) reduction(+ : done) schedule(static, 1)
#endif
    for (int thread = 0; thread < job->threads; thread++) done += machine_work(job, thread, rounds);
    *seconds = gr_seconds() - start;
    return done;
}

/* The best rate of runs for `seconds`, at least a few. Runs grow until one is long enough at the
 * best rate so far: one that waited for a core would only seem to be. */
static double machine_rate(const machine_job *job, double seconds)
{
    enum { LEAST = 3, MOST = 64 };
    double took, best = 0;
    int64_t rounds = 1;
    bool grown = false;
    const double end = gr_seconds() + seconds;
    for (int run = 0; run < LEAST || (!grown && run < MOST) || gr_seconds() < end; run++) {
        const double done = machine_team(job, rounds, &took);
        if (took > 0 && done / took > best) best = done / took;
        grown = best > 0 && done / best >= MACHINE_RUN;
        if (!grown) rounds *= 2;
    }
    return best;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Of a working set of `bytes`, all threads together. */
static void machine_measure_level(machine_job *job, const char *name, size_t cache, size_t bytes,
                                  double seconds, gr_machine_speed *speed)
{
    const int64_t grain = 3 * GR_PEAK_GRAIN;
    job->share = (int64_t)(bytes / sizeof(float)) / job->threads / grain * grain;
    if (job->share < grain) return;
    gr_memory_speed *level = &speed->level[speed->levels++];
    *level = (gr_memory_speed){.bytes = cache};
    snprintf(level->name, sizeof level->name, "%s", name);
    job->kind = MACHINE_READ;
    level->read = machine_rate(job, seconds / 3);
    job->kind = MACHINE_TRIAD;
    level->triad = machine_rate(job, seconds / 3);
    job->kind = MACHINE_UPDATE;
    level->update = machine_rate(job, seconds / 3);
}

/* Working sets of half a cache; of memory, four times the largest. */
static gr_status machine_measure_memory(machine_job *job, double seconds, gr_machine_speed *speed)
{
    const size_t threads = (size_t)job->threads;
    const size_t l1 = machine_cache(1, 32 << 10) * threads,
                 l2 = machine_cache(2, 512 << 10) * threads;
    const size_t l3 = machine_cache(3, 0), last = l3 > l2 ? l3 : l2;
    const size_t most = last < MACHINE_MEMORY / 4 ? 4 * last : MACHINE_MEMORY;
    job->memory = gr_alloc_aligned(most);
    if (!job->memory) return GR_NO_MEMORY;
    /* Pages that nobody has written are all one page of zeros, which stays in the cache. */
    for (size_t i = 0; i < most / sizeof(float); i++) job->memory[i] = 1;
    const double each = seconds / 4;
    machine_measure_level(job, "L1", l1, l1 / 2, each, speed);
    machine_measure_level(job, "L2", l2, l2 / 2, each, speed);
    if (l3 > 2 * l2)
        machine_measure_level(job, "L3", l3, l3 / 2 < most ? l3 / 2 : most, each, speed);
    machine_measure_level(job, "DRAM", 0, most, each, speed);
    gr_free_aligned(job->memory);
    return GR_OK;
}

/* ---- Matrix products ------------------------------------------------------------------------- */

enum { MACHINE_SIDE = 1024 };

static double machine_time_product(const gr_request *request, int threads, double seconds)
{
    const size_t bytes = (size_t)MACHINE_SIDE * MACHINE_SIDE * sizeof(float);
    char *memory = gr_alloc_aligned(3 * bytes + request->work);
    if (!memory) return 0;
    const gr_call call = {.in = (void *[]){memory, memory + bytes},
                          .out = (void *[]){memory + 2 * bytes},
                          .work = memory + 3 * bytes,
                          .ctx = request->ctx,
                          .threads = threads};
    double best = 0;
    const double end = gr_seconds() + seconds;
    for (int run = 0; run < 3 || gr_seconds() < end; run++) {
        const double start = gr_seconds();
        if (request->fn(&call) != GR_OK) break;
        const double rate =
            2.0 * MACHINE_SIDE * MACHINE_SIDE * MACHINE_SIDE / (gr_seconds() - start);
        if (rate > best) best = rate;
    }
    gr_free_aligned(memory);
    return best;
}

/* Operations a second of the backend's product; 0 if it has none. */
static double machine_product(const gr_backend *backend, int threads, double seconds)
{
    gr_graph *graph = gr_graph_new();
    gr_arena arena = {0};
    double rate = 0;
    if (graph && backend) {
        gr_node *a = gr_input(graph, "a", GR_F32, GR_SHAPE(MACHINE_SIDE, MACHINE_SIDE));
        gr_node *b = gr_input(graph, "b", GR_F32, GR_SHAPE(MACHINE_SIDE, MACHINE_SIDE));
        gr_request request = {
            .node = gr_matmul(a, b), .arena = &arena, .level = gr_cpu(), .threads = threads};
        if (!gr_is_error(request.node) && backend->prepare(&request) == GR_OK) {
            rate = machine_time_product(&request, threads, seconds);
            if (request.destroy) request.destroy((void *)request.ctx);
        }
    }
    gr_arena_free(&arena);
    gr_graph_free(graph);
    return rate;
}

/* ---- Together -------------------------------------------------------------------------------- */

gr_status gr_machine_measure(int threads, double seconds, gr_machine_speed *speed)
{
    *speed = (gr_machine_speed){0};
    if (threads < 0 || threads > 1024)
        return gr_fail(GR_INVALID, "threads = %d: should be 0 to 1024", threads);
    if (!(seconds >= 0 && seconds <= 3600))
        return gr_fail(GR_INVALID, "a measurement of %g seconds: should be 0 to 3600", seconds);
#if defined(_OPENMP)
    speed->threads = threads ? threads : gr_default_threads();
#else
    speed->threads = 1;
#endif
    machine_job job = {.kernels = gr_peak(gr_cpu()), .threads = speed->threads};
    speed->fma = machine_rate(&job, .1 * seconds);
    GR_TRY(machine_measure_memory(&job, .5 * seconds, speed));
    speed->matmul = machine_product(&gr_backend_cpu, speed->threads, .2 * seconds);
    speed->module_matmul = machine_product(gr_backend_onednn_all(), speed->threads, .2 * seconds);
    return GR_OK;
}

double gr_machine_peak(const gr_machine_speed *speed)
{
    double peak = speed->fma;
    if (speed->matmul > peak) peak = speed->matmul;
    return speed->module_matmul > peak ? speed->module_matmul : peak;
}

double gr_machine_bandwidth(const gr_machine_speed *speed, double bytes)
{
    const gr_memory_speed *level = speed->level;
    const gr_memory_speed *last = speed->level + (speed->levels > 0 ? speed->levels - 1 : 0);
    while (level < last && bytes > (double)level->bytes) level++;
    return fmax(level->update, fmax(level->read, level->triad));
}

double gr_machine_limit(const gr_machine_speed *speed, double flops, double bytes)
{
    const double peak = gr_machine_peak(speed), bandwidth = gr_machine_bandwidth(speed, bytes);
    const double arithmetic = peak > 0 ? flops / peak : 0;
    const double traffic = bandwidth > 0 ? bytes / bandwidth : 0;
    return arithmetic > traffic ? arithmetic : traffic;
}
