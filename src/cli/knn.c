/* gradus knn: classify by the nearest neighbours. */
#include "cli/knn.h"

#include "cli/dataset.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/score.h"
#include "cli/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Progress and signals -------------------------------------------------------------------- */

typedef struct knn_progress {
    const char *what;
    int64_t count;
    bool shown; /* on a terminal */
    double begin;
} knn_progress;

static bool knn_proceed(void *user, int64_t done)
{
    const knn_progress *const progress = user;
    if (progress->shown) {
        char time[32];
        const double left =
            (cli_clock() - progress->begin) * (double)(progress->count - done) / (double)done;
        cli_line("%s  %3.0f %%  %s left", progress->what,
                 100 * (double)done / (double)progress->count,
                 cli_show_time(left, time, sizeof time));
        if (done == progress->count) cli_line_clear();
    }
    return !cli_stop_wanted();
}

int cli_knn_try(const cli_knn *knn, const gr_knn *index, const gr_dataset *test, const char *what,
                const int *k, int n, double *accuracy)
{
    knn_progress progress = {.what = what,
                             .count = gr_dataset_size(test),
                             .shown = cli_line_can() && !knn->json && !knn->quiet,
                             .begin = cli_clock()};
    gr_status status = gr_knn_test(index, test, knn->vote, k, n, knn_proceed, &progress, accuracy);
    if (status == GR_CANCELLED) {
        cli_line_clear();
        return cli_fault(CLI_INTERRUPTED, "%s: %s", what, gr_message());
    }
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- What was asked for ---------------------------------------------------------------------- */

static int knn_read_values(cli_knn *knn)
{
    const char *text = cli_text(knn->args, "k");
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const long value = strtol(at, &end, 10);
        if (end == at || errno || value < 1 || value > 1 << 20 || (*end && *end != ','))
            return cli_bad("-k: '%s' is no list of whole numbers from 1, as in 1,3,5", text);
        if (knn->n_k == CLI_KNN_MOST)
            return cli_bad("-k: '%s' has more than %d values", text, CLI_KNN_MOST);
        knn->k[knn->n_k++] = (int)value;
        if (!*end) return CLI_YES;
        at = end + 1;
    }
}

static int knn_read(const cli_args *args, cli_knn *knn)
{
    *knn = (cli_knn){
        .args = args,
        .json = cli_flag(args, "json"),
        .quiet = cli_flag(args, "quiet"),
        .options = {.size = sizeof knn->options,
                    .distance = (gr_distance)gr_distance_find(cli_text(args, "distance")),
                    .threads = (int)cli_int(args, "threads")},
        .vote = (gr_vote)gr_vote_find(cli_text(args, "vote")),
        .seed = (uint64_t)cli_int(args, "seed"),
    };
    return knn_read_values(knn);
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* The same examples as numbers, normalised. */
static gr_status knn_normalize(const gr_normalizer *normalizer, gr_dataset **set)
{
    const gr_dataset *from = *set;
    const gr_shape shape = gr_dataset_shape(from);
    const int64_t n = gr_dataset_size(from), elements = gr_shape_count(shape);
    gr_shape all = {.rank = shape.rank + 1, .dim = {n}};
    memcpy(all.dim + 1, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    gr_tensor examples;
    gr_dataset *made = NULL;
    const int classes = gr_dataset_classes(from);
    int32_t *labels = cli_alloc((size_t)n, sizeof *labels);
    const char **names = cli_alloc((size_t)classes, sizeof *names);
    for (int c = 0; c < classes; c++) names[c] = gr_dataset_class_name(from, c);
    gr_status status = gr_tensor_new(GR_F32, all, &examples);
    for (int64_t i = 0; i < n && status == GR_OK; i++) {
        gr_shape one = all;
        one.dim[0] = 1;
        const gr_tensor row = {.dtype = gr_dataset_dtype(from),
                               .shape = one,
                               .data = (void *)(uintptr_t)gr_dataset_example(from, i)};
        labels[i] = gr_dataset_label(from, i);
        status = gr_normalizer_apply(normalizer, &row, (float *)examples.data + i * elements);
    }
    if (status == GR_OK)
        status = gr_dataset_new(gr_dataset_name(from), &examples, labels, classes, names, &made);
    gr_tensor_clear(&examples);
    free(labels);
    free(names);
    if (status != GR_OK) return status;
    gr_dataset_free(*set);
    *set = made;
    return GR_OK;
}

static int knn_normalize_both(cli_knn *knn)
{
    gr_normalizer normalizer;
    const gr_normalize kind = (gr_normalize)gr_normalize_find(cli_text(knn->args, "normalize"));
    if (kind == GR_NORMALIZE_NONE) return CLI_YES;
    gr_status status = gr_normalizer_learn(kind, knn->train, &normalizer);
    if (status != GR_OK) return cli_failed(status);
    status = knn_normalize(&normalizer, &knn->train);
    if (status == GR_OK && knn->test) status = knn_normalize(&normalizer, &knn->test);
    gr_normalizer_clear(&normalizer);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* Looks at all numbers, so it finds what has to be refused before anything is printed. */
static int knn_prepare(cli_knn *knn)
{
    const double begin = cli_clock();
    gr_status status = gr_knn_new(knn->train, &knn->options, &knn->index);
    knn->score.prepare = cli_clock() - begin;
    if (status == GR_OK && cli_flag(knn->args, "approximate")) status = cli_knn_grow(knn);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- The test -------------------------------------------------------------------------------- */

static void knn_announce(const cli_knn *knn)
{
    if (knn->json || knn->quiet) return;
    cli_print("data      %s: %" PRId64 " examples to compare with, %" PRId64 " to test\n",
              gr_dataset_name(knn->train), gr_dataset_size(knn->train), gr_dataset_size(knn->test));
    cli_print("distance  %s, vote by %s\n\n", gr_distance_name(knn->options.distance),
              gr_vote_name(knn->vote));
    cli_flush();
}

/* The test set is touched here, once, when k has been chosen. */
static int knn_test(cli_knn *knn)
{
    cli_knn_score *const score = &knn->score;
    const double begin = cli_clock();
    int code = cli_knn_try(knn, knn->index, knn->test, "test", &knn->best, 1, &score->accuracy);
    score->seconds = cli_clock() - begin;
    score->count = gr_dataset_size(knn->test);
    score->right = (int64_t)(score->accuracy * (double)score->count + .5);
    return code;
}

/* ---- Results --------------------------------------------------------------------------------- */

static void knn_print(const cli_knn *knn)
{
    const cli_knn_score *const score = &knn->score;
    char time[32];
    if (knn->choice.way && !knn->quiet) cli_knn_choice_print(knn);
    if (!knn->quiet) cli_knn_compare_print(knn);
    cli_print("test accuracy %.4f (%" PRId64 " of %" PRId64 " right), k = %d, %s\n",
              score->accuracy, score->right, score->count, knn->best,
              cli_show_moment(score->seconds, time, sizeof time));
}

static void knn_print_json(const cli_knn *knn)
{
    const cli_knn_score *const score = &knn->score;
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "data", gr_dataset_name(knn->train));
    cli_json_text(&json, "distance", gr_distance_name(knn->options.distance));
    cli_json_text(&json, "vote", gr_vote_name(knn->vote));
    cli_knn_choice_json(knn, &json);
    cli_json_int(&json, "k", knn->best);
    cli_json_int(&json, "train_examples", gr_dataset_size(knn->train));
    cli_json_real(&json, "prepare_seconds", score->prepare);
    cli_knn_compare_json(knn, &json);
    cli_json_end(&json);
    cli_json_object(&json, NULL);
    cli_json_real(&json, "test_accuracy", score->accuracy);
    cli_json_int(&json, "test_examples", score->count);
    cli_json_real(&json, "seconds", score->seconds);
    cli_json_real(&json, "peak_bytes", cli_peak_bytes());
    cli_json_end(&json);
}

static int knn_conclude(const cli_knn *knn)
{
    if (knn->json)
        knn_print_json(knn);
    else
        knn_print(knn);
    return cli_score_judge(knn->args, knn->score.accuracy);
}

static int knn_search(cli_knn *knn)
{
    int code = cli_knn_choose_check(knn);
    if (code == CLI_YES) code = cli_knn_figures_check(knn);
    if (code == CLI_YES) code = knn_normalize_both(knn);
    if (code == CLI_YES) code = knn_prepare(knn);
    if (code != CLI_YES) return code;
    cli_catch_stop();
    knn_announce(knn);
    code = cli_knn_choose(knn);
    if (code == CLI_YES) code = knn_test(knn);
    if (code == CLI_YES) code = cli_knn_compare(knn);
    if (code == CLI_YES) code = cli_knn_figures(knn);
    return code == CLI_YES ? knn_conclude(knn) : code;
}

static int knn_run(const cli_args *args)
{
    cli_knn knn;
    int code = cli_knn_figure_check(args, "paths");
    if (code == CLI_YES) code = cli_knn_figure_check(args, "copies");
    if (code != CLI_YES || cli_given(args, "paths"))
        return code == CLI_YES ? cli_knn_paths(args) : code;
    code = knn_read(args, &knn);
    if (code == CLI_YES)
        code = cli_open_examples(args, "neighbours are looked for among", knn.seed, &knn.train,
                                 &knn.test);
    if (code == CLI_YES) code = cli_given(args, "copies") ? cli_knn_copies(&knn) : knn_search(&knn);
    cli_knn_choice_clear(&knn.choice);
    gr_knn_free(knn.index);
    gr_knn_free(knn.trees);
    gr_dataset_free(knn.train);
    gr_dataset_free(knn.test);
    return code;
}

static const cli_option knn_options[] = {
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "labelled examples: see gradus data"},
    {.name = "k",
     .letter = 'k',
     .kind = CLI_TEXT,
     .argument = "K,…",
     .fallback = "1",
     .help = "how many neighbours vote; several values to choose among"},
    {.name = "distance",
     .kind = CLI_WORD,
     .argument = "l1|l2|cosine",
     .fallback = "l2",
     .help = "how far apart two examples are"},
    {.name = "vote",
     .kind = CLI_WORD,
     .argument = "majority|distance",
     .fallback = "majority",
     .help = "each neighbour has one vote, or 1/distance; ties go to the nearest"},
    {.name = "normalize",
     .kind = CLI_WORD,
     .argument = "none|standard|unit|mean_image",
     .fallback = "none",
     .help = "what is done to the numbers first, as learnt from the training part"},
    CLI_EXAMPLES_OPTIONS,
    {.name = "validation",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 9e15,
     .help = "by N examples held out of the training part",
     .group = "Choice of k"},
    {.name = "folds",
     .kind = CLI_INT,
     .argument = "M",
     .min = 2,
     .max = 1000,
     .help = "by M-fold cross-validation"},
    {.name = "bootstrap",
     .kind = CLI_INT,
     .argument = "B",
     .min = 1,
     .max = 1000,
     .help = "by B draws with replacement, tested on what was not drawn"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "of what is held out, of trees and of the linear classifier"},
    {.name = "approximate",
     .help = "search trees as well (FLANN), which miss some neighbours: time and recall",
     .group = "Comparisons"},
    {.name = "trees",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1000,
     .fallback = "4",
     .help = "how many of them"},
    {.name = "checks",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e9,
     .fallback = "128",
     .help = "examples that a search of the trees looks at"},
    {.name = "linear",
     .kind = CLI_INT,
     .argument = "EPOCHS",
     .min = 1,
     .max = 1e6,
     .help = "train a linear classifier as well: time and accuracy"},
    {.name = "figure",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the choice of k: a dot for every trial, their mean and deviation as a line "
             "(.svg, .pdf, .png)",
     .group = "Figures"},
    {.name = "boundary",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "examples of two numbers, and the class of every point around them, for each k"},
    {.name = "neighbors",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "test pictures, each with the pictures nearest to it, framed by whether the class is "
             "the same"},
    {.name = "pictures",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 100,
     .fallback = "10",
     .help = "how many of them"},
    {.name = "copies",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "instead of a test: a test picture shifted, darkened and occluded, all equally far "
             "from it by L2"},
    {.name = "example",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "0",
     .help = "which picture (from 0)"},
    {.name = "paths",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "instead of a test: shortest paths and unit balls by L1 and L2"},
    {.name = "require-accuracy",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "exit with status 1 if the test accuracy is below X",
     .group = "Results"},
    {.name = "json",
     .help = "print a line of JSON on how it was chosen and compared, and one for the test"},
    {.name = "quiet", .letter = 'q', .help = "print the result alone"},
    CLI_THREADS_OPTION,
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_knn = {
    .name = "knn",
    .summary = "classify by the nearest neighbours",
    .about = "Compares each test example with all training examples, as they are, byte by byte or "
             "number by number, and lets the k nearest vote. Nothing is learnt: all the time goes "
             "into the test. Which k is best is found out on examples held out of the training "
             "part; the test part is touched once, at the end. Of equal distances the earlier "
             "example is nearer. Ctrl-C ends the search (exit status 130).",
    .examples = "gradus knn --data cifar10 --distance l1\n"
                "gradus knn --data cifar10 -k 1,3,5,8,10 --validation 1000\n"
                "gradus knn --data mnist -k 1,3,5 --folds 5 --train-examples 5000\n"
                "gradus knn --data iris -k 1,3,5,9 --bootstrap 20 --normalize standard",
    .exits = "the accuracy required is not reached;",
    .options = knn_options,
    .computes = true,
    .run = knn_run,
};
