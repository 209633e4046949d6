/* What gradus bench prints. */
#include "cli/bench.h"

#include "cli/json.h"
#include "cli/out.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>

/* ---- The machine ----------------------------------------------------------------------------- */

static double bench_bandwidth(const gr_memory_speed *level)
{
    return fmax(level->update, fmax(level->read, level->triad));
}

static void bench_print_peaks(cli_table *table, const gr_machine_speed *speed)
{
    cli_table_cell(table, "%d", speed->threads);
    cli_table_cell(table, "%.3g", 1e-9 * speed->fma);
    cli_table_cell(table, "%.3g", 1e-9 * speed->matmul);
    if (speed->module_matmul > 0)
        cli_table_cell(table, "%.3g", 1e-9 * speed->module_matmul);
    else
        cli_table_cell(table, "%s", "");
    for (int i = 0; i < speed->levels; i++)
        cli_table_cell(table, "%.3g", 1e-9 * bench_bandwidth(&speed->level[i]));
}

void bench_print_machine(const gr_machine *machine, const gr_machine_speed *one,
                         const gr_machine_speed *all)
{
    cli_print("%s%skernels for %s, %d thread%s, %s\n", machine->cpu, *machine->cpu ? ", " : "",
              machine->level, all->threads, all->threads == 1 ? "" : "s",
              machine->module ? machine->module : "no oneDNN");
    char *columns = cli_format(">threads|>FMA GFLOP/s|>matmul|>oneDNN");
    for (int i = 0; i < all->levels; i++) {
        char *longer = cli_format("%s|>%s%s", columns, all->level[i].name, i ? "" : " GB/s");
        free(columns);
        columns = longer;
    }
    cli_table *table = cli_table_new(columns);
    free(columns);
    cli_print("\n");
    if (one) bench_print_peaks(table, one);
    bench_print_peaks(table, all);
    cli_table_print(table);
}

void bench_print_machine_json(const gr_machine *machine, const gr_machine_speed *speed)
{
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "name", "machine");
    cli_json_int(&json, "threads", speed->threads);
    cli_json_text(&json, "cpu", machine->cpu);
    cli_json_text(&json, "kernels", machine->level);
    cli_json_text(&json, "module", machine->module);
    cli_json_real(&json, "fma_gflops", 1e-9 * speed->fma);
    cli_json_real(&json, "matmul_gflops", 1e-9 * speed->matmul);
    cli_json_real(&json, "module_gflops",
                  speed->module_matmul > 0 ? 1e-9 * speed->module_matmul : NAN);
    cli_json_array(&json, "memory");
    for (int i = 0; i < speed->levels; i++) {
        const gr_memory_speed *level = &speed->level[i];
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", level->name);
        cli_json_int(&json, "bytes", (int64_t)level->bytes);
        cli_json_real(&json, "read_gbs", 1e-9 * level->read);
        cli_json_real(&json, "triad_gbs", 1e-9 * level->triad);
        cli_json_real(&json, "update_gbs", 1e-9 * level->update);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_end(&json);
}

/* ---- Workloads ------------------------------------------------------------------------------- */

void bench_print_result_json(const cli_workload *workload, const bench_order *order,
                             const bench_result *r)
{
    const double peak = gr_machine_peak(&order->speed),
                 batch = (double)cli_workload_batch(workload);
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "name", cli_workload_name(workload));
    cli_json_int(&json, "threads", order->threads);
    cli_json_int(&json, "batch", cli_workload_batch(workload));
    cli_json_real(&json, "ms", 1e3 * r->median);
    cli_json_real(&json, "min_ms", 1e3 * r->least);
    cli_json_real(&json, "rows_per_second", batch / r->median);
    cli_json_real(&json, "gflops", 1e-9 * r->flops / r->median);
    cli_json_real(&json, "gbs", 1e-9 * r->bytes / r->median);
    cli_json_real(&json, "peak_gflops", peak > 0 ? 1e-9 * peak : NAN);
    cli_json_real(&json, "roofline", r->limit > 0 ? r->limit / r->median : NAN);
    cli_json_real(&json, "rss_mb", r->peak_memory / (1 << 20));
    cli_json_real(&json, "start_ms", 1e3 * r->start_up);
    cli_json_real(&json, "compile_ms", 1e3 * r->compile);
    cli_json_int(&json, "kernels", r->steps);
    cli_json_real(&json, "flops", r->flops);
    cli_json_real(&json, "bytes", r->bytes);
    cli_json_real(&json, "arena_mb", r->arena / (1 << 20));
    cli_json_bool(&json, "exact", order->exact);
    cli_json_real(&json, "value", r->value);
    cli_json_end(&json);
    cli_flush();
}

static void bench_cell_time(cli_table *table, double seconds)
{
    char text[32];
    cli_table_cell(table, "%s", cli_show_moment(seconds, text, sizeof text));
}

void bench_print_results(const cli_workload *const *workloads, const bench_result *results, int n)
{
    char text[32];
    cli_table *table =
        cli_table_new("<workload|>median|>least|>rows/s|>GFLOP/s|>GB/s|>limit %|>MiB|>start");
    for (int i = 0; i < n; i++) {
        const bench_result *r = &results[i];
        if (!r->fine) continue;
        cli_table_cell(table, "%s", cli_workload_name(workloads[i]));
        bench_cell_time(table, r->median);
        bench_cell_time(table, r->least);
        cli_table_cell(table, "%s",
                       cli_show_count((double)cli_workload_batch(workloads[i]) / r->median, text,
                                      sizeof text));
        cli_table_cell(table, "%.3g", 1e-9 * r->flops / r->median);
        cli_table_cell(table, "%.3g", 1e-9 * r->bytes / r->median);
        if (r->limit > 0)
            cli_table_cell(table, "%.0f", 100 * r->limit / r->median);
        else
            cli_table_cell(table, "%s", "");
        cli_table_cell(table, "%.0f", r->peak_memory / (1 << 20));
        bench_cell_time(table, r->start_up);
    }
    cli_table_print(table);
}
