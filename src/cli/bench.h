/* What the files of gradus bench share.
 *
 * Each workload runs in a process of its own, so that its memory and its start are its own: the
 * command starts itself again with the hidden option --worker FD, sends an order through that
 * socket and gets a result. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/command.h"
#include "cli/workloads.h"

#include <gradus/machine.h>

/* Plain data: both ends are the same program. */
typedef struct bench_order {
    double start;   /* the clock when the process was asked for */
    double seconds; /* to measure */
    int threads;
    bool exact, json;
    gr_machine_speed speed; /* levels 0: not measured */
} bench_order;

typedef struct bench_result {
    bool fine;
    char message[256];    /* else: what was wrong */
    double median, least; /* seconds of a step */
    double flops, bytes;  /* of a step */
    double limit;         /* least seconds of a step, gate by gate; 0: unknown */
    double start_up;      /* from the order to the end of the first step */
    double compile;       /* graph, gradient, passes, plan; see worker_recompile */
    double peak_memory;   /* bytes */
    double arena;         /* bytes of a step's buffers */
    double value;         /* first element of the first target: the loss */
    int steps;            /* kernel calls of a step */
} bench_result;

/* In the worker: runs the workload as ordered through the socket, and prints its profile if the
 * options ask for one. Returns an exit status. */
int bench_worker(const cli_args *args, const cli_workload *workload, int socket);
/* In the command: has a worker run it. False if the worker ended without a result; its message then
 * says how. */
bool bench_run(const cli_args *args, const cli_workload *workload, bench_order *order,
               bench_result *result);

/* What is printed. `one` may be NULL: the machine was measured with all threads only. */
void bench_print_machine(const gr_machine *machine, const gr_machine_speed *one,
                         const gr_machine_speed *all);
void bench_print_machine_json(const gr_machine *machine, const gr_machine_speed *speed);
void bench_print_result_json(const cli_workload *workload, const bench_order *order,
                             const bench_result *result);
void bench_print_results(const cli_workload *const *workloads, const bench_result *results, int n);

#endif
