/* gradus knn: which k? Tried on examples that are held out of the training part. */
#include "cli/knn.h"
#include "cli/out.h"
#include "cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The trial's two parts. */
static gr_status knn_divide(const cli_knn *knn, int trial, gr_dataset **rest, gr_dataset **held)
{
    const char *way = knn->choice.way;
    if (strcmp(way, "folds") == 0)
        return gr_dataset_fold(knn->train, knn->choice.trials, trial, knn->seed, rest, held);
    if (strcmp(way, "bootstrap") == 0)
        return gr_dataset_bootstrap(knn->train, trial, knn->seed, rest, held);
    return gr_dataset_split(
        knn->train, GR_DATA_SPLIT(.count = cli_int(knn->args, "validation"), .seed = knn->seed),
        rest, held);
}

static const char *knn_trial_word(const cli_knn *knn)
{
    const char *way = knn->choice.way;
    return strcmp(way, "folds") == 0 ? "fold" : strcmp(way, "bootstrap") == 0 ? "draw" : way;
}

static int knn_trial(const cli_knn *knn, int trial, double *accuracy)
{
    gr_dataset *rest, *held;
    gr_knn *index = NULL;
    gr_status status = knn_divide(knn, trial, &rest, &held);
    if (status != GR_OK) return cli_failed(status);
    status = gr_knn_new(rest, &knn->options, &index);
    char *what = cli_format("%s %d/%d", knn_trial_word(knn), trial + 1, knn->choice.trials);
    int code = status == GR_OK ? cli_knn_try(knn, index, held, what, knn->k, knn->n_k, accuracy)
                               : cli_failed(status);
    if (code == CLI_YES && !knn->json && !knn->quiet) {
        cli_print("%s", what);
        for (int i = 0; i < knn->n_k; i++) cli_print("  k=%d %.4f", knn->k[i], accuracy[i]);
        cli_print("\n");
        cli_flush();
    }
    free(what);
    gr_knn_free(index);
    gr_dataset_free(rest);
    gr_dataset_free(held);
    return code;
}

/* Mean and deviation (of the sample) of each k; the best mean wins, the smaller k among equals. */
static void knn_weigh(cli_knn *knn)
{
    cli_knn_choice *const choice = &knn->choice;
    int best = 0;
    for (int i = 0; i < knn->n_k; i++) {
        double sum = 0, squares = 0;
        for (int t = 0; t < choice->trials; t++) sum += choice->accuracy[t * knn->n_k + i];
        choice->mean[i] = sum / choice->trials;
        for (int t = 0; t < choice->trials; t++) {
            const double apart = choice->accuracy[t * knn->n_k + i] - choice->mean[i];
            squares += apart * apart;
        }
        choice->deviation[i] = choice->trials > 1 ? sqrt(squares / (choice->trials - 1)) : 0;
        const bool better = choice->mean[i] > choice->mean[best] ||
                            (choice->mean[i] == choice->mean[best] && knn->k[i] < knn->k[best]);
        if (better) best = i;
    }
    knn->best = knn->k[best];
}

static int knn_ways(cli_knn *knn)
{
    static const char *const ways[] = {"validation", "folds", "bootstrap"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!cli_given(knn->args, ways[i])) continue;
        if (knn->choice.way)
            return cli_bad("--%s and --%s exclude each other", knn->choice.way, ways[i]);
        knn->choice.way = ways[i];
        knn->choice.trials = i == 0 ? 1 : (int)cli_int(knn->args, ways[i]);
    }
    if (!knn->choice.way && knn->n_k > 1 && !cli_given(knn->args, "boundary"))
        return cli_bad("several values of k: --validation, --folds or --bootstrap chooses among "
                       "them");
    return CLI_YES;
}

int cli_knn_choose_check(cli_knn *knn)
{
    int most = 0, code = knn_ways(knn);
    int64_t least = gr_dataset_size(knn->train);
    for (int i = 0; i < knn->n_k; i++) most = knn->k[i] > most ? knn->k[i] : most;
    for (int t = 0; t < knn->choice.trials && code == CLI_YES; t++) {
        gr_dataset *rest, *held;
        gr_status status = knn_divide(knn, t, &rest, &held);
        if (status != GR_OK) return cli_failed(status);
        least = gr_dataset_size(rest) < least ? gr_dataset_size(rest) : least;
        gr_dataset_free(rest);
        gr_dataset_free(held);
    }
    if (code == CLI_YES && most > least)
        return cli_bad("k = %d: there are %" PRId64 " examples to find neighbours among", most,
                       least);
    return code;
}

int cli_knn_choose(cli_knn *knn)
{
    cli_knn_choice *const choice = &knn->choice;
    int code = CLI_YES;
    knn->best = knn->k[0];
    if (!choice->way) return code;
    const double begin = cli_clock();
    choice->accuracy = cli_alloc((size_t)(choice->trials * knn->n_k), sizeof *choice->accuracy);
    for (int t = 0; t < choice->trials && code == CLI_YES; t++)
        code = knn_trial(knn, t, choice->accuracy + t * knn->n_k);
    if (code == CLI_YES) knn_weigh(knn);
    choice->seconds = cli_clock() - begin;
    return code;
}

void cli_knn_choice_print(const cli_knn *knn)
{
    const cli_knn_choice *const choice = &knn->choice;
    const bool several = choice->trials > 1;
    cli_print("\n");
    cli_table *table = cli_table_new(several ? ">k|>mean|>deviation" : ">k|>accuracy");
    for (int i = 0; i < knn->n_k; i++) {
        const char *style = cli_color(knn->k[i] == knn->best ? CLI_BOLD : CLI_PLAIN);
        cli_table_cell(table, "%s%d%s", style, knn->k[i], cli_color(CLI_PLAIN));
        cli_table_cell(table, "%s%.4f%s", style, choice->mean[i], cli_color(CLI_PLAIN));
        if (several) cli_table_cell(table, "%.4f", choice->deviation[i]);
    }
    cli_table_print(table);
    cli_print("\n");
}

void cli_knn_choice_json(const cli_knn *knn, cli_json *json)
{
    const cli_knn_choice *const choice = &knn->choice;
    if (!choice->way) return;
    cli_json_text(json, "chosen_by", choice->way);
    cli_json_array(json, "choice");
    for (int i = 0; i < knn->n_k; i++) {
        cli_json_object(json, NULL);
        cli_json_int(json, "k", knn->k[i]);
        cli_json_real(json, "mean", choice->mean[i]);
        cli_json_real(json, "deviation", choice->deviation[i]);
        cli_json_row(json, "accuracy");
        for (int t = 0; t < choice->trials; t++)
            cli_json_real(json, NULL, choice->accuracy[t * knn->n_k + i]);
        cli_json_end(json);
        cli_json_end(json);
    }
    cli_json_end(json);
}

void cli_knn_choice_clear(cli_knn_choice *choice)
{
    free(choice->accuracy);
    *choice = (cli_knn_choice){0};
}
