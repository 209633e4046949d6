/* gradus tune: which settings of a training are best. */
#include "cli/tune.h"

#include "cli/input.h"
#include "cli/out.h"
#include "cli/score.h"
#include "cli/train.h"

#include <gradus/machine.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TUNE_HELD 0.2 /* of the training part, unless told otherwise */
enum { TUNE_TRIALS = 20 };

/* ---- What was asked for --------------------------------------------------------------------- */

/* Options of gradus train that make no sense for many trainings. */
static int tune_refuse(const cli_args *args)
{
    static const char *const others[] = {
        "no-out",           "curves",  "resume",  "checkpoint", "checkpoint-steps",
        "keep-checkpoints", "profile", "streams", "run",        "from"};
    const cli_option *option;
    const char *text;
    for (int i = 0; (option = cli_given_at(args, i, &text)); i++)
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            if (strcmp(option->name, others[k]) == 0)
                return cli_bad("--%s is for gradus train", option->name);
    return CLI_YES;
}

static int tune_read_held(cli_tune *tune)
{
    const cli_args *args = tune->args;
    const bool folds = cli_given(args, "folds"), share = cli_given(args, "validation");
    if (folds && share && cli_real(args, "validation") > 0)
        return cli_bad("--folds and --validation exclude each other");
    tune->folds = (int)cli_int(args, "folds");
    tune->validation = folds ? 0 : share ? cli_real(args, "validation") : TUNE_HELD;
    return CLI_YES;
}

static int tune_read_search(cli_tune *tune)
{
    const char *search = cli_text(tune->args, "search");
    for (int i = 0; i < tune->parameters; i++)
        tune->random = tune->random || tune->parameter[i].n == 0;
    if (search) tune->random = strcmp(search, "random") == 0;
    if (cli_given(tune->args, "trials") && !tune->random && !cli_given(tune->args, "against"))
        return cli_bad("--trials is for random search; a grid has as many as its points make");
    if (tune->parameters == 0 && tune->random) return cli_bad("--search random: of what? --try");
    return CLI_YES;
}

static int tune_read(const cli_args *args, cli_tune *tune)
{
    const int cores = gr_machine_info().threads;
    *tune = (cli_tune){
        .args = args,
        .json = cli_flag(args, "json"),
        .quiet = cli_flag(args, "quiet"),
        .by_loss = strcmp(cli_text(args, "by"), "loss") == 0,
        .seeds = (int)cli_int(args, "seeds"),
        .threads = cli_given(args, "threads") ? (int)cli_int(args, "threads") : 1,
        .path = cli_text(args, "results"),
    };
    tune->jobs = cli_given(args, "jobs") ? (int)cli_int(args, "jobs")
                 : cores > tune->threads ? cores / tune->threads
                                         : 1;
    int code = tune_refuse(args);
    if (code == CLI_YES) code = tune_read_held(tune);
    if (code == CLI_YES) code = cli_tune_read_space(tune);
    if (code == CLI_YES) code = tune_read_search(tune);
    tune->runs = tune->seeds * (tune->folds ? tune->folds : 1);
    return code;
}

/* Everything that can be wrong is found before anything runs or is written. */
static int tune_prepare(cli_tune *tune)
{
    const char *out = cli_text(tune->args, "out");
    int code = out ? cli_check_output(out) : CLI_YES;
    if (code == CLI_YES && out && cli_flag(tune->args, "no-test"))
        code = cli_bad("--out: the model is that of the last training, which --no-test leaves out");
    if (code == CLI_YES) code = cli_tune_check_figures(tune);
    if (code == CLI_YES) code = cli_tune_make_settings(tune);
    if (code == CLI_YES && (double)tune->settings * tune->runs > 1e6)
        code = cli_bad("%d settings, each trained %d times: more than a million trainings",
                       tune->settings, tune->runs);
    if (code == CLI_YES) code = cli_tune_check_settings(tune);
    return code == CLI_YES ? cli_tune_open_results(tune) : code;
}

/* ---- The search ----------------------------------------------------------------------------- */

static int tune_choose(cli_tune *tune)
{
    for (int s = 1; s < tune->settings; s++)
        if (cli_tune_better(tune, &tune->setting[s].mean, &tune->setting[tune->best].mean))
            tune->best = s;
    if (!tune->setting[tune->best].mean.diverged) return CLI_YES;
    return cli_fault(CLI_NO, "no setting has a loss that stays a number; smaller --try rate=… or "
                             "--clip may help");
}

/* The test part is touched here, once, by the best settings. A model is trained anew, whose test
 * is the same one. */
static int tune_test(cli_tune *tune)
{
    if (cli_flag(tune->args, "no-test")) return CLI_YES;
    int code = cli_tune_find_test(tune);
    if (code != CLI_YES || (tune->test.done && !cli_text(tune->args, "out"))) return code;
    const bool known = tune->test.known;
    if (tune->tested_before && !known)
        cli_warn("the test part has been touched before, by other settings in %s: do not choose "
                 "between them by their tests",
                 tune->path);
    code = cli_tune_run_test(tune);
    tune->test.known = known;
    return code == CLI_YES && tune->test.tested && !known ? cli_tune_write_test(tune) : code;
}

static int tune_search(cli_tune *tune)
{
    int code = tune_prepare(tune);
    if (code == CLI_YES) code = cli_tune_run_all(tune);
    if (code == CLI_YES) code = tune_choose(tune);
    if (code == CLI_YES) code = cli_tune_draw(tune);
    if (code != CLI_YES) return code;
    cli_tune_print_best(tune);
    code = tune_test(tune);
    if (code != CLI_YES) return code;
    cli_tune_print_test(tune);
    return tune->test.tested ? cli_score_judge(tune->args, tune->test.accuracy) : CLI_YES;
}

static int tune_run(const cli_args *args)
{
    cli_tune tune;
    if (cli_given(args, "worker")) return cli_tune_worker(args, (int)cli_int(args, "worker"));
    int code = tune_read(args, &tune);
    if (code == CLI_YES) code = tune_search(&tune);
    cli_tune_close_results(&tune);
    cli_tune_clear_space(&tune);
    return code;
}

static const cli_option tune_options[] = {
    {.name = "try",
     .letter = 't',
     .kind = CLI_TEXT,
     .argument = "NAME=VALUES",
     .help = "what to try of an option of gradus train, or of {NAME} in the net's text: a list, "
             "l2=0,1e-4,1e-3 or optimizer=sgd,adam, or a range, rate=1e-4..1e-1:log; as often as "
             "there are things to try"},
    {.name = "search",
     .kind = CLI_WORD,
     .argument = "random|grid",
     .help = "draw settings, or try all combinations (default: random, if there is a range)"},
    {.name = "trials",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = CLI_TUNE_SETTINGS,
     .fallback = "20",
     .help = "settings that are drawn; more of them begin with the same ones"},
    {.name = "points",
     .kind = CLI_INT,
     .argument = "N",
     .min = 2,
     .max = CLI_TUNE_WORDS,
     .fallback = "5",
     .help = "points of a range in a grid, unless it says its own: rate=1e-4..1e-1:log:4"},
    {.name = "seeds",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = CLI_TUNE_SETTINGS,
     .fallback = "1",
     .help = "train each setting N times, with seeds from --seed on"},
    {.name = "folds",
     .kind = CLI_INT,
     .argument = "M",
     .min = 2,
     .max = 1000,
     .help = "validate by M-fold cross-validation",
     .group = "Choice"},
    {.name = "validation",
     .letter = 'v',
     .kind = CLI_REAL,
     .argument = "F",
     .max = .95,
     .help = "validate with this fraction of the training data (default: 0.2); 0: with none, so "
             "that the training loss decides"},
    {.name = "by",
     .kind = CLI_WORD,
     .argument = "accuracy|loss",
     .fallback = "accuracy",
     .help = "the validation figure that decides; equal accuracies are told apart by the loss"},
    {.name = "no-test",
     .help = "leave the test part alone, as long as a finer search is to follow"},
    {.name = "results",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .fallback = "tune.jsonl",
     .help = "where every training is noted; one that is there is not run again, so that a search "
             "goes on where it was interrupted",
     .group = "Work"},
    {.name = "jobs",
     .letter = 'j',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1024,
     .help = "trainings at a time (default: as many as have a core for each of their threads)"},
    {.name = "threads",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1024,
     .help = "of each training (default: 1)"},
    {.name = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "where the model of the best settings goes (default: nowhere)",
     .group = "Results"},
    {.name = "top",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = CLI_TUNE_SETTINGS,
     .fallback = "10",
     .help = "settings in the table, best first"},
    {.name = "figure",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "a panel for each thing tried, a dot for each setting (.svg, .pdf, .png)"},
    {.name = "heat",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the first two things tried as a map"},
    {.name = "against",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "random search against a grid of as many settings, over two ranges"},
    {.name = "spread",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the training losses that the seeds of each setting end with"},
    {.name = "json", .help = "print a line of JSON for each setting, and one for the test"},
    {.name = "quiet", .letter = 'q', .help = "print the result alone"},
    {.name = "worker", .kind = CLI_INT, .argument = "N", .max = 1 << 20},
    {0},
};

const cli_command cli_command_tune = {
    .name = "tune",
    .summary = "find the best settings of a training",
    .operands = "--net TEXT|FILE | --recipe NAME --try NAME=VALUES",
    .about =
        "Trains with many settings, several at a time, each in a process of its own, and compares "
        "them on examples held out of the training part. The test part is touched once, at the "
        "end, with the best settings. The same seed gives the same results, however many "
        "trainings run at a time. Ctrl-C ends the search (exit status 130); the same command goes "
        "on with it.",
    .examples =
        "gradus tune --data iris --net 'fc({hidden}) |> tanh |> fc(3)' --epochs 100 \\\n"
        "    --try hidden=2..64:log --try rate=1e-4..1e-1:log --folds 5\n"
        "gradus tune --recipe lenet --epochs 1 --try rate=1e-4..1e-1:log --trials 10 --no-test\n"
        "gradus tune --recipe lenet --try rate=1e-3,3e-3 --try l2=0,1e-4 --heat heat.svg\n"
        "gradus tune --data iris --net 'fc({hidden}) |> tanh |> fc(3)' --try hidden=2,50 \\\n"
        "    --seeds 100 --spread spread.svg",
    .exits = "no setting's loss stays a number, or the accuracy required is not reached;",
    .options = tune_options,
    .also = cli_train_options,
    .also_of = "train",
    .computes = true,
    .run = tune_run,
};
