/* gradus linear: scores that are linear in the pixels. */
#include "cli/linear.h"

#include "cli/dataset.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/score.h"
#include "cli/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Progress and signals -------------------------------------------------------------------- */

void cli_linear_show(const cli_linear *linear, const char *what, double done)
{
    if (!linear->json && !linear->quiet)
        cli_line("%s  %3.0f %%", what, 100 * (done < 1 ? done : 1));
}

/* ---- What was asked for ---------------------------------------------------------------------- */

static const char *const linear_strategies[] = {"random", "local", "gradient"};

const char *cli_linear_strategy_word(cli_linear_strategy strategy)
{
    return linear_strategies[strategy];
}

const char *cli_linear_strategy_name(cli_linear_strategy strategy)
{
    static const char *const names[] = {"random search", "local search", "gradient"};
    return names[strategy];
}

char *cli_linear_way_name(const cli_linear *linear, const cli_linear_way *way)
{
    const int n = linear->n_ways;
    const bool sizes = way->strategy == CLI_LINEAR_GRADIENT && n > 1 &&
                       linear->ways[n - 2].strategy == CLI_LINEAR_GRADIENT;
    if (!sizes) return cli_format("%s", cli_linear_strategy_name(way->strategy));
    return way->batch ? cli_format("batch %" PRId64, way->batch) : cli_format("whole set");
}

static int linear_read_strategies(const char *text, bool chosen[CLI_LINEAR_STRATEGIES])
{
    for (const char *at = text;;) {
        const size_t length = strcspn(at, ",");
        int found = -1;
        for (int i = 0; i < CLI_LINEAR_STRATEGIES; i++)
            if (strlen(linear_strategies[i]) == length &&
                strncmp(at, linear_strategies[i], length) == 0)
                found = i;
        if (found < 0)
            return cli_bad("--strategy: '%.*s' is none of random, local, gradient", (int)length,
                           at);
        chosen[found] = true;
        if (!at[length]) return CLI_YES;
        at += length + 1;
    }
}

static int linear_read_batches(const char *text, int64_t *batch, int *n)
{
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const bool all = strncmp(at, "all", 3) == 0;
        const long long value = all ? 0 : strtoll(at, &end, 10);
        if (all) end = (char *)(uintptr_t)at + 3;
        if (end == at || errno || (!all && value < 1) || value > 1 << 30 || (*end && *end != ','))
            return cli_bad("--batch: '%s' is no list of whole numbers from 1 or all, as in "
                           "1,256,all",
                           text);
        if (*n == CLI_LINEAR_MOST - CLI_LINEAR_STRATEGIES)
            return cli_bad("--batch: '%s' has more than %d sizes", text,
                           CLI_LINEAR_MOST - CLI_LINEAR_STRATEGIES);
        batch[(*n)++] = value;
        if (!*end) return CLI_YES;
        at = end + 1;
    }
}

static int linear_read_ways(cli_linear *linear)
{
    bool chosen[CLI_LINEAR_STRATEGIES] = {false};
    int64_t batch[CLI_LINEAR_MOST] = {0};
    int n = 0;
    int code = linear_read_strategies(cli_text(linear->args, "strategy"), chosen);
    if (code == CLI_YES) code = linear_read_batches(cli_text(linear->args, "batch"), batch, &n);
    if (code != CLI_YES) return code;
    for (int s = 0; s < CLI_LINEAR_STRATEGIES; s++)
        for (int i = 0; chosen[s] && i < (s == CLI_LINEAR_GRADIENT ? n : 1); i++)
            linear->ways[linear->n_ways++] =
                (cli_linear_way){.strategy = (cli_linear_strategy)s, .batch = batch[i]};
    return CLI_YES;
}

static int linear_read_loss(cli_linear *linear)
{
    const char *word = cli_text(linear->args, "loss");
    linear->loss = (gr_loss_kind)gr_loss_find(word);
    linear->margin = cli_real(linear->args, "margin");
    if (linear->loss == GR_LOSS_SOFTMAX && cli_given(linear->args, "margin"))
        return cli_bad("--margin is the hinges' Δ: --loss softmax has none");
    return CLI_YES;
}

static int linear_read_optimizer(cli_linear *linear)
{
    const cli_args *args = linear->args;
    const gr_optimizer_kind kind =
        (gr_optimizer_kind)gr_optimizer_find(cli_text(args, "optimizer"));
    linear->optimizer =
        *GR_OPTIMIZER(.kind = kind, .rate = cli_real(args, "rate"), .l2 = cli_real(args, "l2"),
                      .l1 = cli_real(args, "l1"), .momentum = cli_real(args, "momentum"),
                      .decay_biases = linear->trick);
    if (cli_given(args, "momentum") && kind != GR_SGD && kind != GR_NESTEROV && kind != GR_RMSPROP)
        return cli_bad("--momentum is for sgd, nesterov and rmsprop, not for %s",
                       gr_optimizer_name(kind));
    return CLI_YES;
}

static int linear_read(const cli_args *args, cli_linear *linear)
{
    *linear = (cli_linear){
        .args = args,
        .json = cli_flag(args, "json"),
        .quiet = cli_flag(args, "quiet"),
        .trick = strcmp(cli_text(args, "bias"), "trick") == 0,
        .neuron = cli_flag(args, "neuron"),
        .init = cli_real(args, "init"),
        .seed = (uint64_t)cli_int(args, "seed"),
        .threads = (int)cli_int(args, "threads"),
    };
    int code = linear_read_ways(linear);
    if (code == CLI_YES) code = linear_read_loss(linear);
    return code == CLI_YES ? linear_read_optimizer(linear) : code;
}

/* ---- Data ------------------------------------------------------------------------------------ */

static int linear_check_data(cli_linear *linear)
{
    const gr_dataset *train = linear->train;
    const char *name = gr_dataset_name(train);
    linear->classes = gr_dataset_classes(train);
    linear->size = gr_shape_count(gr_dataset_shape(train));
    linear->rows = linear->neuron ? 1 : linear->classes;
    if (linear->classes < 2)
        return cli_bad("'%s' has %d class: there is nothing to tell apart", name, linear->classes);
    if (linear->neuron && linear->classes != 2)
        return cli_bad("--neuron tells two classes apart, and '%s' has %d", name, linear->classes);
    return CLI_YES;
}

/* ---- Ways to go ------------------------------------------------------------------------------ */

/* The loss of the first W: scores of about 0 should give ln C or (C − 1) Δ. */
static gr_status linear_check_start(cli_linear *linear)
{
    gr_model *model;
    gr_metrics score;
    gr_status status = cli_linear_model(linear, &model);
    if (status != GR_OK) return status;
    status = gr_model_test(model, linear->train, &score);
    if (status == GR_OK) {
        linear->first_loss = score.loss;
        gr_metrics_clear(&score);
    }
    gr_model_free(model);
    return status;
}

static gr_status linear_judge(cli_linear *linear, cli_linear_way *way)
{
    gr_metrics score;
    gr_status status = gr_model_test(way->model, linear->train, &score);
    if (status != GR_OK) return status;
    way->train_loss = score.loss;
    way->train_accuracy = score.accuracy;
    gr_metrics_clear(&score);
    status = gr_model_test(way->model, linear->test, &score);
    if (status != GR_OK) return status;
    way->test_accuracy = score.accuracy;
    way->right = score.correct;
    gr_metrics_clear(&score);
    return GR_OK;
}

static int linear_go(cli_linear *linear, cli_linear_way *way)
{
    gr_status status = cli_linear_model(linear, &way->model);
    if (status != GR_OK) return cli_failed(status);
    const bool numeric = strcmp(cli_text(linear->args, "gradient"), "numeric") == 0;
    if (way->strategy != CLI_LINEAR_GRADIENT)
        status = cli_linear_search(linear, way);
    else if (numeric)
        status = cli_linear_differences(linear, way);
    else
        status = cli_linear_descend(linear, way);
    cli_line_clear();
    if (status == GR_CANCELLED)
        return cli_fault(CLI_INTERRUPTED, "%s: stopped after %" PRId64 " %s",
                         cli_linear_strategy_name(way->strategy), way->steps,
                         way->strategy == CLI_LINEAR_GRADIENT ? "updates" : "tries");
    if (status == GR_OK) status = linear_judge(linear, way);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int linear_conclude(const cli_linear *linear)
{
    gr_status status = cli_linear_figures(linear);
    if (status == GR_OK) status = cli_linear_report(linear);
    if (status != GR_OK) return cli_failed(status);
    return cli_score_judge(linear->args, linear->ways[linear->best].test_accuracy);
}

static int linear_work(cli_linear *linear)
{
    int code = cli_linear_figures_check(linear);
    if (code != CLI_YES) return code;
    gr_status status = cli_linear_learn(linear);
    if (status == GR_OK) status = linear_check_start(linear);
    if (status != GR_OK) return cli_failed(status);
    cli_catch_stop();
    cli_linear_announce(linear);
    for (int i = 0; i < linear->n_ways && code == CLI_YES; i++) {
        code = linear_go(linear, &linear->ways[i]);
        if (linear->ways[i].train_loss < linear->ways[linear->best].train_loss) linear->best = i;
    }
    return code == CLI_YES ? linear_conclude(linear) : code;
}

static int linear_run(const cli_args *args)
{
    cli_linear linear;
    int code = linear_read(args, &linear);
    if (code == CLI_YES)
        code = cli_open_examples(args, "a linear classifier is trained on", linear.seed,
                                 &linear.train, &linear.test);
    if (code == CLI_YES) code = linear_check_data(&linear);
    if (code == CLI_YES) code = linear_work(&linear);
    for (int i = 0; i < linear.n_ways; i++) {
        gr_model_free(linear.ways[i].model);
        free(linear.ways[i].curve.seconds);
        free(linear.ways[i].curve.loss);
    }
    gr_normalizer_clear(&linear.normalizer);
    gr_dataset_free(linear.train);
    gr_dataset_free(linear.test);
    return code;
}

static const cli_option linear_options[] = {
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "labelled examples: see gradus data"},
    {.name = "loss",
     .letter = 'l',
     .kind = CLI_WORD,
     .argument = "softmax|hinge|squared_hinge",
     .fallback = "softmax",
     .help = "of the scores: cross-entropy, or the multiclass SVM's, plain (L1) or squared (L2)"},
    {.name = "margin",
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-30,
     .max = 1e30,
     .fallback = "1",
     .help = "Δ of the hinges"},
    {.name = "l2",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e30,
     .help = "adds X·Σw² to the loss"},
    {.name = "l1",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e30,
     .help = "adds X·Σ|w| to the loss"},
    {.name = "bias",
     .kind = CLI_WORD,
     .argument = "add|trick",
     .fallback = "add",
     .help = "W x + b, or b as the last column of W, with a 1 after each x"},
    {.name = "neuron",
     .help = "two classes: one score, of the second class; with softmax a binary softmax "
             "classifier, with hinge a binary SVM"},
    {.name = "init",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e30,
     .fallback = "0.0001",
     .help = "deviation of the random W and b that all begins with"},
    {.name = "normalize",
     .kind = CLI_WORD,
     .argument = "mean_image|standard|unit|none",
     .fallback = "mean_image",
     .help = "what is done to the numbers first, as learnt from the training part"},
    CLI_EXAMPLES_OPTIONS,
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "of all draws"},
    {.name = "strategy",
     .letter = 's',
     .kind = CLI_TEXT,
     .argument = "random,local,gradient",
     .fallback = "gradient",
     .help = "try W at random; try changes of W at random; follow the gradient. Several are "
             "compared",
     .group = "How W is found"},
    {.name = "tries",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e9,
     .fallback = "1000",
     .help = "of a search"},
    {.name = "local-step",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e30,
     .fallback = "0.0001",
     .help = "deviation of the changes that a local search tries"},
    {.name = "gradient",
     .kind = CLI_WORD,
     .argument = "analytic|numeric",
     .fallback = "analytic",
     .help = "by the chain rule, or by differences of the loss, one parameter after the other"},
    {.name = "difference",
     .kind = CLI_WORD,
     .argument = "central|forward",
     .fallback = "central",
     .help = "of a numerical gradient"},
    {.name = "step-size",
     .kind = CLI_REAL,
     .argument = "H",
     .min = 1e-300,
     .max = 1e30,
     .fallback = "1e-5",
     .help = "its h"},
    {.name = "batch",
     .letter = 'b',
     .kind = CLI_TEXT,
     .argument = "N,…",
     .fallback = "256",
     .help = "examples of an update, or all; several sizes are compared"},
    {.name = "epochs",
     .letter = 'e',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e9,
     .help = "passes through the training part (default: 10, or 1,000 updates by 256)"},
    {.name = "steps", .kind = CLI_INT, .argument = "N", .min = 1, .max = 9e15, .help = "updates"},
    {.name = "seconds",
     .kind = CLI_REAL,
     .argument = "X",
     .min = .001,
     .max = 1e9,
     .help = "train for so long instead"},
    {.name = "optimizer",
     .letter = 'o',
     .kind = CLI_WORD,
     .argument = "sgd|nesterov|adagrad|rmsprop|adadelta|adam|adamw",
     .fallback = "sgd",
     .help = "what turns gradients into updates"},
    {.name = "rate",
     .letter = 'r',
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-30,
     .max = 1e30,
     .help = "learning rate (default: of sgd and nesterov by the mean of |x|², else the usual)"},
    {.name = "momentum",
     .kind = CLI_REAL,
     .argument = "X",
     .max = .9999,
     .help = "of sgd, nesterov and rmsprop (default: none)"},
    {.name = "figure",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the loss against steps and time, a line for each strategy or size (.svg, .pdf, .png)",
     .group = "Figures and tables"},
    {.name = "templates",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "each class's row of W as a picture"},
    {.name = "lines",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "examples of two numbers: where each score is 0, the way it grows, and what every "
             "point is taken for"},
    {.name = "score",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the scores of one test picture worked out: pixels × W + b"},
    {.name = "example",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "0",
     .help = "which one (from 0); also without --score, as a table"},
    {.name = "grey", .help = "test grey copies of the colour pictures as well, class by class"},
    {.name = "require-accuracy",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "exit with status 1 if the test accuracy is below X",
     .group = "Results"},
    {.name = "json", .help = "print a line of JSON on how W was found, and one for the test"},
    {.name = "quiet", .letter = 'q', .help = "print the result alone"},
    CLI_THREADS_OPTION,
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_linear = {
    .name = "linear",
    .summary = "train a linear classifier",
    .about = "Each class has a score, its row of W times the numbers of an example, plus a bias; "
             "the highest score tells the class. W is found by following the gradient of a loss "
             "or, to see what that is worth, by random search. Several strategies, or several "
             "sizes of batches, are compared; the one with the lowest training loss is tested last "
             "and drawn. Ctrl-C ends the work (exit status 130).",
    .examples = "gradus linear --data cifar10\n"
                "gradus linear --data cifar10 --loss hinge --l2 1 --templates templates.png\n"
                "gradus linear --data cifar10 --strategy random,local,gradient --figure loss.svg\n"
                "gradus linear --data examples/three-blobs.csv --lines lines.png",
    .exits = "the accuracy required is not reached;",
    .options = linear_options,
    .computes = true,
    .run = linear_run,
};
