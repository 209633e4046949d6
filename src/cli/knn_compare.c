/* gradus knn: the same examples by approximate search and by a linear classifier. */
#include "cli/knn.h"
#include "cli/out.h"
#include "cli/stop.h"
#include "cli/table.h"

#include <gradus/train.h>
#include <math.h>
#include <stdlib.h>

enum { COMPARE_BATCH = 512, COMPARE_LINEAR_BATCH = 256 };

/* ---- Approximate search ---------------------------------------------------------------------- */

typedef struct compare_search {
    const cli_knn *knn;
    gr_neighbor *exact, *near;
    double right, found; /* examples; neighbours */
    double seconds;
} compare_search;

/* Of neighbours at the same distance as the last any will do. */
static int compare_found(const compare_search *search, int64_t row)
{
    const int k = search->knn->best;
    const gr_neighbor *near = search->near + row * k;
    const double farthest = search->exact[row * k + k - 1].distance;
    int found = 0;
    for (int j = 0; j < k; j++) found += near[j].index >= 0 && near[j].distance <= farthest;
    return found;
}

static gr_status compare_batch(compare_search *search, int64_t first, int64_t rows)
{
    const cli_knn *const knn = search->knn;
    gr_status status = gr_knn_find(knn->index, knn->test, first, rows, knn->best, search->exact);
    if (status != GR_OK) return status;
    const double begin = cli_clock();
    status = gr_knn_find(knn->trees, knn->test, first, rows, knn->best, search->near);
    for (int64_t row = 0; status == GR_OK && row < rows; row++) {
        const gr_neighbor *near = search->near + row * knn->best;
        const int class = gr_knn_vote(knn->trees, near, knn->best, knn->vote);
        search->right += class == gr_dataset_label(knn->test, first + row);
    }
    search->seconds += cli_clock() - begin;
    for (int64_t row = 0; status == GR_OK && row < rows; row++)
        search->found += compare_found(search, row);
    return status;
}

gr_status cli_knn_grow(cli_knn *knn)
{
    gr_knn_options options = knn->options;
    options.approximate = true;
    options.trees = (int)cli_int(knn->args, "trees");
    options.checks = (int)cli_int(knn->args, "checks");
    options.seed = knn->seed;
    const double begin = cli_clock();
    gr_status status = gr_knn_new(knn->train, &options, &knn->trees);
    knn->rivals[0].prepare = cli_clock() - begin;
    return status;
}

static gr_status compare_approximate(const cli_knn *knn, cli_knn_rival *rival)
{
    const size_t room = (size_t)COMPARE_BATCH * (size_t)knn->best;
    const int64_t all = gr_dataset_size(knn->test);
    compare_search search = {.knn = knn,
                             .exact = cli_alloc(room, sizeof *search.exact),
                             .near = cli_alloc(room, sizeof *search.near)};
    gr_status status = GR_OK;
    for (int64_t at = 0; status == GR_OK && at < all; at += COMPARE_BATCH) {
        status = compare_batch(&search, at, all - at < COMPARE_BATCH ? all - at : COMPARE_BATCH);
        if (cli_stop_wanted()) status = GR_CANCELLED;
    }
    rival->name = "approximate";
    rival->seconds = search.seconds;
    rival->accuracy = search.right / (double)all;
    rival->recall = search.found / ((double)all * knn->best);
    free(search.exact);
    free(search.near);
    return status;
}

/* ---- A linear classifier --------------------------------------------------------------------- */

static gr_status compare_train(gr_trainer *trainer)
{
    gr_train_event event = GR_TRAIN_STEP;
    gr_status status = GR_OK;
    while (status == GR_OK && event != GR_TRAIN_FINISHED && !cli_stop_wanted())
        status = gr_train_step(trainer, &event);
    return status == GR_OK && cli_stop_wanted() ? GR_CANCELLED : status;
}

static gr_status compare_linear(const cli_knn *knn, cli_knn_rival *rival)
{
    gr_model *model;
    gr_trainer *trainer;
    gr_metrics score;
    char *net = cli_format("fc(%d)", gr_dataset_classes(knn->train));
    const double begin = cli_clock();
    gr_status status = gr_model_new(GR_MODEL(.net = net, .data = knn->train, .seed = knn->seed,
                                             .threads = knn->options.threads),
                                    &model);
    free(net);
    if (status != GR_OK) return status;
    status = gr_trainer_new(
        model, knn->train, NULL,
        GR_TRAINER(.epochs = cli_int(knn->args, "linear"), .batch = COMPARE_LINEAR_BATCH),
        &trainer);
    if (status == GR_OK) {
        status = compare_train(trainer);
        gr_trainer_free(trainer);
    }
    const double ready = cli_clock();
    if (status == GR_OK) status = gr_model_test(model, knn->test, &score);
    if (status == GR_OK) {
        *rival = (cli_knn_rival){.name = "linear",
                                 .accuracy = score.accuracy,
                                 .prepare = ready - begin,
                                 .seconds = cli_clock() - ready,
                                 .recall = NAN};
        gr_metrics_clear(&score);
    }
    gr_model_free(model);
    return status;
}

/* ---- Both ------------------------------------------------------------------------------------ */

int cli_knn_compare(cli_knn *knn)
{
    gr_status status = GR_OK;
    if (knn->trees) status = compare_approximate(knn, &knn->rivals[0]);
    if (status == GR_OK && cli_given(knn->args, "linear"))
        status = compare_linear(knn, &knn->rivals[1]);
    if (status == GR_CANCELLED) return cli_fault(CLI_INTERRUPTED, "stopped");
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static void compare_row(cli_table *table, const cli_knn_rival *rival)
{
    char prepare[32], test[32];
    cli_table_cell(table, "%s", rival->name);
    cli_table_cell(table, "%s", cli_show_moment(rival->prepare, prepare, sizeof prepare));
    cli_table_cell(table, "%s", cli_show_moment(rival->seconds, test, sizeof test));
    cli_table_cell(table, "%.4f", rival->accuracy);
    if (isnan(rival->recall))
        cli_table_cell(table, "%s", "-");
    else
        cli_table_cell(table, "%.4f", rival->recall);
}

void cli_knn_compare_print(const cli_knn *knn)
{
    const cli_knn_score *const score = &knn->score;
    if (!knn->rivals[0].name && !knn->rivals[1].name) return;
    cli_table *table = cli_table_new("<|>to train|>to test|>accuracy|>recall");
    compare_row(table,
                &(cli_knn_rival){"exact", score->accuracy, score->prepare, score->seconds, 1});
    for (int i = 0; i < CLI_KNN_RIVALS; i++)
        if (knn->rivals[i].name) compare_row(table, &knn->rivals[i]);
    cli_table_print(table);
    cli_print("\n");
}

void cli_knn_compare_json(const cli_knn *knn, cli_json *json)
{
    for (int i = 0; i < CLI_KNN_RIVALS; i++) {
        const cli_knn_rival *rival = &knn->rivals[i];
        if (!rival->name) continue;
        cli_json_object(json, rival->name);
        cli_json_real(json, "prepare_seconds", rival->prepare);
        cli_json_real(json, "test_seconds", rival->seconds);
        if (!isnan(rival->recall)) cli_json_real(json, "recall", rival->recall);
        cli_json_real(json, "test_accuracy", rival->accuracy);
        cli_json_end(json);
    }
}
