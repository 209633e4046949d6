/* gradus data --speed: how fast a set is read, cut and varied. */
#include "cli/dataset.h"
#include "cli/out.h"
#include "cli/table.h"

#include <gradus/machine.h>
#include <inttypes.h>

#define SPEED_SECONDS 2. /* of measuring, once batches come */

/* Examples a second, from epoch to epoch, with so many threads. */
static gr_status speed_measure(const cli_args *args, const gr_dataset *set, int threads,
                               double *rate)
{
    gr_loader *loader;
    gr_batch batch;
    gr_augment augment;
    gr_preprocess preprocess = cli_preprocess(args);
    const gr_loader_options options = {.size = sizeof options,
                                       .batch = 64,
                                       .shuffle = true,
                                       .threads = threads,
                                       .preprocess = &preprocess,
                                       .augment = cli_augment(args, &augment) ? &augment : NULL};
    gr_status status = gr_loader_new(set, &options, &loader);
    if (status != GR_OK) return status;
    bool more =
        gr_loader_next(loader, &batch); /* the first is not counted: it starts the threads */
    double start = cli_clock(), seconds = 0;
    int64_t rows = 0;
    do {
        more = gr_loader_next(loader, &batch);
        status = gr_loader_status(loader);
        if (more) rows += batch.rows;
        seconds = cli_clock() - start;
    } while (status == GR_OK && (seconds < SPEED_SECONDS || rows == 0));
    gr_loader_free(loader);
    *rate = (double)rows / seconds;
    return status;
}

int cli_data_speed(const cli_args *args, const gr_dataset *set)
{
    const int all = gr_machine_info().threads, counts[] = {1, all};
    const int n = all > 1 ? 2 : 1;
    double rates[2];
    for (int i = 0; i < n; i++) {
        gr_status status = speed_measure(args, set, counts[i], &rates[i]);
        if (status != GR_OK) return cli_failed(status);
    }
    cli_table *table = cli_table_new(">threads|>examples/s|>each");
    for (int i = 0; i < n; i++) {
        cli_table_cell(table, "%d", counts[i]);
        cli_table_cell(table, "%.0f", rates[i]);
        cli_table_cell(table, "%.0f", rates[i] / counts[i]);
    }
    cli_table_print(table);
    return CLI_YES;
}
