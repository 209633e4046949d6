/* One workload, measured in a process of its own. */
#include "cli/bench.h"

#include "cli/out.h"
#include "cli/plan.h"
#include "cli/process.h"
#include "cli/profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Measuring ------------------------------------------------------------------------------- */

#define BENCH_BLOCK 200e-6 /* seconds of steps between two looks at the clock */
enum { BENCH_BLOCKS = 1 << 16, BENCH_LEAST_BLOCKS = 5 };

static int worker_compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Steps that fill a block; finding out warms up. */
static gr_status worker_block(gr_session *session, int64_t *block)
{
    for (*block = 1;; *block *= 2) {
        const double start = cli_clock();
        gr_status status = gr_session_steps(session, *block);
        if (status == GR_OK && *block == 1) status = gr_session_steps(session, 2);
        if (status != GR_OK || cli_clock() - start > BENCH_BLOCK) return status;
    }
}

/* Blocks of steps for some seconds: the median and the least time of a step. */
static gr_status worker_measure(gr_session *session, double seconds, bench_result *result)
{
    int64_t block;
    int n = 0;
    gr_status status = worker_block(session, &block);
    double *times = cli_alloc(BENCH_BLOCKS, sizeof *times);
    const double end = cli_clock() + seconds;
    for (double now = cli_clock(); status == GR_OK && n < BENCH_BLOCKS; n++) {
        if (now >= end && n >= BENCH_LEAST_BLOCKS) break;
        status = gr_session_steps(session, block);
        const double next = cli_clock();
        times[n] = (next - now) / (double)block;
        now = next;
    }
    qsort(times, (size_t)n, sizeof *times, worker_compare);
    result->median = times[n / 2];
    result->least = times[0];
    free(times);
    return status;
}

static gr_status worker_count(const gr_program *program, const bench_order *order,
                              bench_result *result)
{
    const gr_plan_info plan = gr_program_plan(program);
    result->steps = plan.steps;
    result->arena = (double)plan.arena;
    for (int s = 0; s < plan.steps; s++) {
        gr_step_info step;
        gr_status status = gr_program_step(program, s, &step);
        if (status != GR_OK) return status;
        result->flops += step.flops;
        result->bytes += step.bytes;
        result->limit += gr_machine_limit(&order->speed, step.flops, step.bytes);
    }
    return GR_OK;
}

static gr_status worker_read_value(const gr_program *program, const gr_session *session,
                                   bench_result *result)
{
    gr_tensor value = gr_program_output_type(program, 0);
    gr_status status = gr_tensor_new(value.dtype, value.shape, &value);
    if (status == GR_OK) status = gr_session_read(session, 0, value.data, gr_tensor_bytes(&value));
    if (status == GR_OK) result->value = gr_tensor_at(&value, 0);
    gr_tensor_clear(&value);
    return status;
}

/* Profiled steps come after the measurement, which they would slow down. */
static gr_status worker_profile(gr_session *session, const char *name, const bench_order *order,
                                const bench_result *result, gr_profile *profile)
{
    const double steps = order->seconds / 2 / result->median;
    gr_status status = gr_session_profile(session, profile, name);
    return status == GR_OK ? gr_session_steps(session, 1 + (int64_t)steps) : status;
}

static gr_status worker_session(const cli_workload *workload, cli_workload_graph *g,
                                const gr_program *program, gr_session *session,
                                const bench_order *order, gr_profile *profile, bench_result *result)
{
    gr_status status = cli_workload_feed(g, program, session);
    if (status == GR_OK) status = gr_session_step(session);
    result->start_up = cli_clock() - order->start;
    if (status == GR_OK) status = worker_measure(session, order->seconds, result);
    result->peak_memory = cli_peak_bytes();
    if (status == GR_OK) status = worker_read_value(program, session, result);
    if (status == GR_OK) status = worker_count(program, order, result);
    if (status == GR_OK && profile)
        status = worker_profile(session, cli_workload_name(workload), order, result, profile);
    return status;
}

/* Compiles once more, with the variables that there are now: what a program costs apart from their
 * initialisation and from kernels that oneDNN has generated and keeps. */
static gr_status worker_recompile(const cli_workload *workload, gr_store *store,
                                  const gr_compile_options *options, bench_result *result)
{
    cli_workload_graph g;
    gr_program *program = NULL;
    const double start = cli_clock();
    gr_status status = cli_workload_build(workload, store, &g);
    if (status == GR_OK) status = gr_compile(g.graph, g.targets, g.n, options, &program);
    result->compile = cli_clock() - start;
    gr_program_free(program);
    cli_workload_clear(&g);
    return status;
}

static gr_status worker_work(const cli_args *args, const cli_workload *workload,
                             const bench_order *order, gr_profile *profile, bench_result *result)
{
    cli_workload_graph g;
    gr_program *program = NULL;
    gr_session *session = NULL;
    const gr_compile_options options = {
        .size = sizeof options, .threads = order->threads, .exact = order->exact};
    gr_status status = cli_workload_build(workload, NULL, &g);
    if (status == GR_OK) status = gr_compile(g.graph, g.targets, g.n, &options, &program);
    if (status == GR_OK) status = gr_session_new(program, g.store, NULL, &session);
    if (status == GR_OK)
        status = worker_session(workload, &g, program, session, order, profile, result);
    if (status == GR_OK && cli_flag(args, "plan")) cli_plan_print(program, order->json);
    if (status == GR_OK) status = worker_recompile(workload, g.store, &options, result);
    gr_session_free(session);
    gr_program_free(program);
    cli_workload_clear(&g);
    return status;
}

/* ---- The two ends of the socket -------------------------------------------------------------- */

int bench_worker(const cli_args *args, const cli_workload *workload, int socket)
{
    bench_order order;
    bench_result result = {.fine = true};
    gr_profile *profile;
    if (!cli_process_receive(socket, &order, sizeof order))
        return cli_bad("--worker is for the command's own use");
    int code = cli_profile_open(args, &profile);
    if (code != CLI_YES) return code;
    if (worker_work(args, workload, &order, profile, &result) != GR_OK) {
        result.fine = false;
        snprintf(result.message, sizeof result.message, "%s", gr_message());
    }
    if (!cli_process_send(socket, &result, sizeof result)) code = CLI_ENVIRONMENT;
    const gr_machine_speed *speed = order.speed.levels ? &order.speed : NULL;
    int after = cli_profile_close(args, order.json, speed, profile);
    return code == CLI_YES ? after : code;
}

static pid_t bench_start(const cli_args *args, const char *name, int *socket)
{
    const char *argv[12] = {"gradus", "bench", name, CLI_WORKER};
    int n = 4;
    if (cli_flag(args, "plan")) argv[n++] = "--plan";
    if (cli_flag(args, "profile")) argv[n++] = "--profile";
    if (cli_flag(args, "profile-order")) argv[n++] = "--profile-order";
    if (cli_text(args, "trace")) {
        argv[n++] = "--trace";
        argv[n++] = cli_text(args, "trace");
    }
    return cli_process_start(argv, false, socket);
}

bool bench_run(const cli_args *args, const cli_workload *workload, bench_order *order,
               bench_result *result)
{
    int socket;
    *result = (bench_result){0};
    order->start = cli_clock();
    const pid_t worker = bench_start(args, cli_workload_name(workload), &socket);
    if (worker < 0) {
        snprintf(result->message, sizeof result->message, "no process: %s", strerror(errno));
        return false;
    }
    const bool fine = cli_process_send(socket, order, sizeof *order) &&
                      cli_process_receive(socket, result, sizeof *result);
    const int status = cli_process_end(worker, socket);
    if (!fine) {
        char *fate = cli_process_fate(status);
        *result = (bench_result){0};
        snprintf(result->message, sizeof result->message, "%s", fate);
        free(fate);
    }
    return fine && result->fine;
}
