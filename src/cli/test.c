/* gradus test: how good is a model? */
#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/profile.h"
#include "cli/score.h"
#include "cli/spool.h"
#include "cli/table.h"
#include "cli/test_figures.h"

#include <gradus/train.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEST_MIXUPS = 8,
    TEST_MOST_COLUMNS = 24,
    TEST_STREAMS = 64, /* as many rows as gr_model_test takes at a time */
};

/* ---- JSON ----------------------------------------------------------------------------------- */

static void test_print_json(const gr_model *model, const gr_metrics *score, const char *part)
{
    const char *const *names = gr_model_class_names(model);
    cli_json json = {.pretty = true};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "part", part);
    cli_json_int(&json, "examples", score->count);
    cli_json_int(&json, "correct", score->correct);
    cli_json_real(&json, "accuracy", score->accuracy);
    cli_json_real(&json, "loss", score->loss);
    cli_sequence_json(&json, model, "", score->loss);
    cli_score_json(&json, score);
    cli_json_array(&json, "classes");
    for (int i = 0; i < score->classes; i++) {
        const gr_class_metrics *one = &score->per_class[i];
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", names[i]);
        cli_json_int(&json, "count", one->count);
        cli_json_int(&json, "predicted", one->predicted);
        cli_json_int(&json, "correct", one->correct);
        cli_json_real(&json, "precision", one->precision);
        cli_json_real(&json, "recall", one->recall);
        cli_json_real(&json, "f1", one->f1);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_array(&json, "confusion");
    for (int i = 0; i < score->classes; i++) {
        cli_json_row(&json, NULL);
        for (int j = 0; j < score->classes; j++)
            cli_json_int(&json, NULL, score->confusion[i * score->classes + j]);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_end(&json);
}

/* ---- Tables --------------------------------------------------------------------------------- */

static void test_print_classes(const gr_metrics *score, const char *const *names)
{
    cli_table *table = cli_table_new(">class|~name|>count|>correct|>precision|>recall|>F1");
    for (int i = 0; i < score->classes; i++) {
        const gr_class_metrics *one = &score->per_class[i];
        cli_table_cell(table, "%d", i);
        cli_table_cell(table, "%s", names[i]);
        cli_table_cell(table, "%" PRId64, one->count);
        cli_table_cell(table, "%" PRId64, one->correct);
        cli_table_cell(table, "%.4f", one->precision);
        cli_table_cell(table, "%.4f", one->recall);
        cli_table_cell(table, "%.4f", one->f1);
    }
    cli_table_print(table);
}

/* Columns that the confusion matrix needs. */
static int test_matrix_width(const gr_metrics *score)
{
    int64_t largest = 0;
    for (int i = 0; i < score->classes; i++)
        if (score->per_class[i].count > largest) largest = score->per_class[i].count;
    int digits = 1;
    for (; largest >= 10; largest /= 10) digits++;
    return 20 + score->classes * (digits + 2);
}

static void test_print_matrix(const gr_metrics *score, const char *const *names)
{
    char *columns = cli_format(">class|~name");
    for (int j = 0; j < score->classes; j++) {
        char *longer = cli_format("%s|>%d", columns, j);
        free(columns);
        columns = longer;
    }
    int width = cli_width();
    cli_print("\n");
    cli_print_wrapped("Confusion matrix: a row for each class, a column for what it is taken for",
                      0, 0, width ? width : 80);
    cli_print("\n\n");
    cli_table *table = cli_table_new(columns);
    free(columns);
    for (int i = 0; i < score->classes; i++) {
        cli_table_cell(table, "%d", i);
        cli_table_cell(table, "%s", names[i]);
        for (int j = 0; j < score->classes; j++) {
            int64_t count = score->confusion[i * score->classes + j];
            cli_style style = i == j ? CLI_GREEN : count ? CLI_PLAIN : CLI_DIM;
            cli_table_cell(table, "%s%" PRId64 "%s", cli_color(style), count, cli_color(CLI_PLAIN));
        }
    }
    cli_table_print(table);
}

/* Where the matrix has no room: its largest numbers beside the diagonal. */
static void test_print_mixups(const gr_metrics *score, const char *const *names)
{
    int n = score->classes;
    bool *shown = cli_alloc((size_t)n * (size_t)n, sizeof *shown);
    cli_print("\nMost frequent confusions\n\n");
    cli_table *table = cli_table_new(">times|~class|~taken for");
    for (int k = 0; k < TEST_MIXUPS; k++) {
        int best = -1;
        for (int i = 0; i < n * n; i++)
            if (i / n != i % n && !shown[i] && score->confusion[i] > 0 &&
                (best < 0 || score->confusion[i] > score->confusion[best]))
                best = i;
        if (best < 0) break;
        shown[best] = true;
        cli_table_cell(table, "%" PRId64, score->confusion[best]);
        cli_table_cell(table, "%s", names[best / n]);
        cli_table_cell(table, "%s", names[best % n]);
    }
    cli_table_print(table);
    free(shown);
}

static void test_print(const gr_model *model, const gr_metrics *score, const char *part)
{
    const char *const *names = gr_model_class_names(model);
    int width = cli_width();
    if (isnan(score->accuracy)) {
        cli_score_print(model, part, score);
        return;
    }
    test_print_classes(score, names);
    if (score->classes <= TEST_MOST_COLUMNS && (!width || test_matrix_width(score) <= width))
        test_print_matrix(score, names);
    else if (score->correct < score->count)
        test_print_mixups(score, names);
    cli_print("\n");
    cli_score_print(model, part, score);
}

/* ---- Testing -------------------------------------------------------------------------------- */

/* A text is taken apart as the model's was: by its vocabulary, into examples of its length. */
static void test_read_text(const cli_args *args, const gr_model *model, gr_data_options *options)
{
    if (options->text == GR_TEXT_NONE) options->text = GR_TEXT_CHARS;
    if (options->length == 0) options->length = gr_model_input(model).dim[0];
    options->held = cli_held(args);
    if (options->held < 0) options->held = 1; /* nothing to train on: all of it is tested */
    if (gr_model_carries(model)) options->streams = TEST_STREAMS;
}

/* Nothing said means Fashion-MNIST: of no use for a model of other data. */
static int test_check_default(const cli_args *args, const gr_model *model)
{
    if (cli_given(args, "data") || gr_model_tokens(model) ||
        (gr_model_classes(model) == 10 && gr_shape_count(gr_model_input(model)) == 28 * 28))
        return CLI_YES;
    return cli_bad("--data is missing: the model is not of %s, which is tested where nothing is "
                   "said",
                   cli_text(args, "data"));
}

/* Opens the examples to test; *part names them: those of the test part or, if --part says so, the
 * training part; all where the data are one piece, which --test-fraction divides. */
static int test_open(const cli_args *args, const gr_model *model, gr_dataset **set,
                     const char **part)
{
    gr_dataset *train, *test;
    bool training = strcmp(cli_text(args, "part"), "train") == 0;
    gr_data_options options;
    int code = cli_data_options(args, &options);
    if (code != CLI_YES) return code;
    options.class_names = gr_model_class_names(model);
    options.classes = gr_model_classes(model);
    if (gr_model_tokens(model)) test_read_text(args, model, &options);
    gr_status status = gr_data_open(cli_spool(cli_text(args, "data")), &options, &train, &test);
    if (status != GR_OK) return cli_failed(status);
    if (!test && !gr_model_tokens(model) && cli_real(args, "test-fraction") > 0)
        code = cli_split_test(cli_real(args, "test-fraction"), (uint64_t)cli_int(args, "seed"),
                              &train, &test);
    if (code != CLI_YES) return code;
    *part = !test || !train ? "overall" : training ? "training" : "test";
    *set = !test || (training && train) ? train : test;
    gr_dataset_free(*set == train ? test : train);
    return CLI_YES;
}

static int test_run(const cli_args *args)
{
    gr_model *model;
    gr_dataset *set = NULL;
    gr_profile *profile;
    gr_metrics score;
    const char *part = "";
    gr_status status =
        gr_model_load(cli_spool(cli_operand(args, 0)),
                      GR_MODEL(.threads = (int)cli_int(args, "threads"),
                               .exact = cli_flag(args, "exact"), .gates = cli_gates()),
                      &model);
    if (status != GR_OK) return cli_failed(status);
    int code = cli_profile_open(args, &profile);
    if (code == CLI_YES) code = cli_score_require(args, model);
    if (code == CLI_YES) code = cli_test_figures_check(args, model);
    if (code == CLI_YES) code = test_check_default(args, model);
    if (code == CLI_YES) code = test_open(args, model, &set, &part);
    if (code != CLI_YES) {
        gr_model_free(model);
        gr_profile_free(profile);
        return code;
    }
    status = gr_model_profile(model, profile);
    if (status == GR_OK) status = gr_model_test(model, set, &score);
    if (status == GR_OK && (status = cli_test_figures(args, model, set, &score)) != GR_OK)
        gr_metrics_clear(&score);
    gr_dataset_free(set);
    if (status == GR_OK && cli_flag(args, "json"))
        test_print_json(model, &score, part);
    else if (status == GR_OK)
        test_print(model, &score, part);
    gr_model_free(model);
    if (status != GR_OK) {
        gr_profile_free(profile);
        return cli_failed(status);
    }
    code = cli_profile_close(args, cli_flag(args, "json"), NULL, profile);
    if (code == CLI_YES) code = cli_score_judge(args, score.accuracy);
    gr_metrics_clear(&score);
    return code;
}

static const cli_option test_options[] = {
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "labelled examples: see gradus data"},
    {.name = "part",
     .kind = CLI_WORD,
     .argument = "test|train",
     .fallback = "test",
     .help = "the part of the data, where they have parts"},
    {.name = "test-fraction",
     .kind = CLI_REAL,
     .argument = "F",
     .max = .95,
     .help = "divide data that have no parts as gradus train did with this fraction and --seed"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "of that division"},
    {.name = "require-accuracy",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "exit with status 1 if the accuracy is below X"},
    CLI_THREADS_OPTION,
    {.name = "exact",
     .help = "without oneDNN and Winograd's method: the same bits with or without the first"},
    CLI_GATES_OPTION,
    {.name = "json", .help = "print JSON"},
    CLI_TEST_FIGURE_OPTIONS,
    CLI_PROFILE_OPTIONS,
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_test = {
    .name = "test",
    .summary = "test a model: accuracy, classes, confusion matrix",
    .operands = "MODEL",
    .about = "Precision: how many of the examples taken for a class are of it; recall: how many "
             "of a class's examples are taken for it; F1: the harmonic mean of the two. Where the "
             "data are one piece, all of them are tested: make sure that the model was trained on "
             "others, or divide them as the training did.",
    .examples = "gradus test model.safetensors\n"
                "gradus test model.safetensors --data new.csv --json\n"
                "gradus test iris.safetensors --data iris --test-fraction 0.2\n"
                "gradus test model.safetensors --require-accuracy 0.9",
    .exits = "the accuracy required is not reached;",
    .least = 1,
    .most = 1,
    .options = test_options,
    .computes = true,
    .run = test_run,
};
