/* gradus bench: what the machine can do, and what the library makes of it. */
#include "cli/bench.h"

#include "cli/args.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/profile.h"
#include "cli/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char bench_machine[] = "machine"; /* among the names: measure the machine alone */
static const char bench_ops[] = "ops";         /* among the names: all single layers */
static const double bench_machine_seconds = 1;

/* What the command line asks for. */
typedef struct bench_plan {
    const cli_workload **workloads;
    bench_result *results;
    int n;
    bool machine; /* measure it: for the roofline, or because it was asked for */
    bool json;
    bench_order order;
    gr_machine_speed one; /* with one thread; threads 0: not measured */
} bench_plan;

static int bench_unknown(const char *name)
{
    const int n = cli_workloads();
    const char **names = cli_alloc((size_t)n + 2, sizeof *names);
    for (int i = 0; i < n; i++) names[i] = cli_workload_name(cli_workload_at(i));
    names[n] = bench_machine;
    names[n + 1] = bench_ops;
    const char *near = cli_nearest(name, names, n + 2);
    free(names);
    if (near) return cli_bad("there is no workload '%s'; did you mean '%s'?", name, near);
    return cli_bad("there is no workload '%s'; --list tells their names", name);
}

/* Adds the workloads of one name; false: there are none. */
static bool bench_add(bench_plan *plan, const char *name)
{
    const cli_workload *found = cli_workload_find(name);
    if (found) plan->workloads[plan->n++] = found;
    if (strcmp(name, bench_ops) != 0) return found;
    for (int i = 0; i < cli_ops(); i++) plan->workloads[plan->n++] = cli_op_at(i);
    return true;
}

static int bench_choose(const cli_args *args, bench_plan *plan)
{
    const int named = cli_operands(args), all = cli_workloads();
    size_t room = (size_t)(named ? named : all);
    for (int i = 0; i < named; i++)
        if (strcmp(cli_operand(args, i), bench_ops) == 0) room += (size_t)cli_ops();
    plan->workloads = cli_alloc(room, sizeof *plan->workloads);
    plan->results = cli_alloc(room, sizeof *plan->results);
    plan->machine = !cli_flag(args, "no-machine");
    for (int i = 0; i < named; i++) {
        const char *name = cli_operand(args, i);
        if (strcmp(name, bench_machine) != 0 && !bench_add(plan, name)) return bench_unknown(name);
    }
    for (int i = 0; i < all && !named; i++) plan->workloads[plan->n++] = cli_workload_at(i);
    if (cli_text(args, "trace") && plan->n != 1)
        return cli_bad("--trace is for one workload: which?");
    if (plan->n == 0 && !plan->machine)
        return cli_bad("--no-machine, but nothing else is to be measured");
    return CLI_YES;
}

/* "16x64x32x32" */
static void bench_shape(gr_shape shape, char *text, size_t room)
{
    size_t at = 0;
    *text = 0;
    for (int i = 0; i < shape.rank && at < room; i++)
        at +=
            (size_t)snprintf(text + at, room - at, "%s%lld", i ? "x" : "", (long long)shape.dim[i]);
}

static int bench_list(const cli_args *args)
{
    char shape[64];
    const bool ops = cli_operands(args) == 1 && strcmp(cli_operand(args, 0), bench_ops) == 0;
    cli_table *table = cli_table_new(ops ? "<layer|<of x|~net" : "<workload|~a step of");
    for (int i = 0; i < (ops ? cli_ops() : cli_workloads()); i++) {
        const cli_workload *w = ops ? cli_op_at(i) : cli_workload_at(i);
        cli_table_cell(table, "%s", cli_workload_name(w));
        bench_shape(cli_workload_shape(w), shape, sizeof shape);
        if (ops) cli_table_cell(table, "%s", shape);
        cli_table_cell(table, "%s", cli_workload_about(w));
    }
    cli_table_print(table);
    return CLI_YES;
}

/* With one thread as well where the machine's figures are what is wanted, rather than limits. */
static int bench_measure_machine(const cli_args *args, bench_plan *plan)
{
    gr_machine_speed *all = &plan->order.speed;
    const bool both = plan->order.threads > 1 && (cli_operands(args) == 0 || plan->n == 0);
    const gr_machine machine = gr_machine_info();
    gr_status status = GR_OK;
    if (both) status = gr_machine_measure(1, bench_machine_seconds, &plan->one);
    if (status == GR_OK)
        status = gr_machine_measure(plan->order.threads, bench_machine_seconds, all);
    if (status != GR_OK) return cli_failed(status);
    if (plan->json) {
        if (both) bench_print_machine_json(&machine, &plan->one);
        bench_print_machine_json(&machine, all);
    } else {
        bench_print_machine(&machine, both ? &plan->one : NULL, all);
        if (plan->n > 0) cli_print("\n");
    }
    cli_flush();
    return CLI_YES;
}

/* Lines come as they are measured; a table, which is as wide as its widest cell, at the end. */
static int bench_measure_workloads(const cli_args *args, bench_plan *plan)
{
    int code = CLI_YES;
    const bool more =
        cli_flag(args, "plan") || cli_flag(args, "profile") || cli_flag(args, "profile-order");
    const bool progress = !plan->json && !more;
    for (int i = 0; i < plan->n; i++) {
        const cli_workload *w = plan->workloads[i];
        if (progress) cli_line("%s", cli_workload_name(w));
        cli_flush();
        if (!bench_run(args, w, &plan->order, &plan->results[i]))
            code = cli_fault(CLI_ENVIRONMENT, "%s: %s", cli_workload_name(w),
                             plan->results[i].message);
        else if (plan->json)
            bench_print_result_json(w, &plan->order, &plan->results[i]);
    }
    cli_line_clear();
    if (!plan->json && more) cli_print("\n");
    if (!plan->json && plan->n > 0) bench_print_results(plan->workloads, plan->results, plan->n);
    return code;
}

static int bench_main(const cli_args *args)
{
    bench_plan plan = {.json = cli_flag(args, "json"),
                       .order = {.seconds = cli_real(args, "seconds"),
                                 .threads = (int)cli_int(args, "threads"),
                                 .exact = cli_flag(args, "exact"),
                                 .json = cli_flag(args, "json")}};
    if (plan.order.threads == 0) plan.order.threads = gr_machine_info().threads;
    int code = bench_choose(args, &plan);
    if (code == CLI_YES && plan.machine) code = bench_measure_machine(args, &plan);
    if (code == CLI_YES) code = bench_measure_workloads(args, &plan);
    free(plan.workloads);
    free(plan.results);
    return code;
}

static int bench_command(const cli_args *args)
{
    if (cli_flag(args, "list")) return bench_list(args);
    if (!cli_given(args, "worker")) return bench_main(args);
    const cli_workload *workload =
        cli_operands(args) == 1 ? cli_workload_find(cli_operand(args, 0)) : NULL;
    if (!workload) return cli_bad("--worker is for the command's own use");
    return bench_worker(args, workload, (int)cli_int(args, "worker"));
}

static const cli_option bench_options[] = {
    CLI_THREADS_OPTION,
    {.name = "seconds",
     .kind = CLI_REAL,
     .argument = "S",
     .min = 0,
     .max = 3600,
     .fallback = "2",
     .help = "how long to measure each workload"},
    {.name = "exact",
     .help = "without oneDNN and Winograd's method: the same bits with or without the first"},
    {.name = "no-machine", .help = "do not measure the machine, and give no limits"},
    {.name = "list", .help = "list the workloads"},
    {.name = "json", .help = "print a line of JSON for the machine and for each workload"},
    {.name = "plan", .help = "print each workload's compiled program first, as gradus show does"},
    {.name = "worker", .kind = CLI_INT, .argument = "FD", .min = 0, .max = 1 << 20},
    CLI_PROFILE_OPTIONS,
    {0},
};

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "measure the machine, and training and inference on it",
    .operands = "[machine | ops | WORKLOAD...]",
    .about =
        "First the machine: operations a second of multiply-adds in registers, of a product of "
        "1024x1024 matrices, and of oneDNN's if it can be loaded; bytes a second from each cache "
        "and from memory. Then steps of the workloads on random data, each in a process of its "
        "own: the median and the least time, the speed, the share of the roofline (the least time "
        "that this machine needs for the arithmetic and the traffic of each gate), the largest "
        "memory, and the time from the process's start to the end of its first step. Other "
        "programs on the same cores spoil the figures, the median first. ops stands for many "
        "workloads of one layer each, forward and backward.",
    .examples = "gradus bench\n"
                "gradus bench ops --list\n"
                "gradus bench lenet --threads 1 --profile\n"
                "gradus bench mlp quick --json\n"
                "gradus bench machine",
    .most = -1,
    .options = bench_options,
    .computes = true,
    .run = bench_command,
};
