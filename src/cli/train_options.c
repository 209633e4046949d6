/* The options of gradus train. */
#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/profile.h"
#include "cli/runfolder.h"
#include "cli/train.h"

#include <errno.h>
#include <gradus/lang.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN_MOST 9e15

const cli_option cli_train_options[] = {
    {.name = "recipe",
     .letter = 'R',
     .kind = CLI_TEXT,
     .argument = "NAME|FILE",
     .help = "take what this command line leaves open from a recipe, nets/NAME.recipe"},
    {.name = "run",
     .kind = CLI_TEXT,
     .argument = "FOLDER",
     .help = "keep it all in a new folder: settings, environment, logs, curves, checkpoint, model; "
             "with --resume go on with the one that is there"},
    {.name = "from",
     .kind = CLI_TEXT,
     .argument = "FOLDER",
     .help = "repeat the run in this folder, and tell whether its model came out again"},
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "what to learn: see gradus data"},
    {.name = "net",
     .letter = 'n',
     .kind = CLI_TEXT,
     .argument = "TEXT|FILE",
     .help = "the network, as text or in a file"},
    {.name = "input",
     .kind = CLI_TEXT,
     .argument = "SIZES",
     .help = "shape of an example that the net is made for, 1,28,28: data of another are refused"},
    CLI_GATES_OPTION,
    {.name = "weights",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "begin with the values that this model, or any safetensors file, has under the "
             "names of the net's variables; the others are initialised"},
    {.name = "teacher",
     .kind = CLI_TEXT,
     .argument = "MODEL",
     .help = "learn from this model's scores too (distillation)"},
    {.name = "temperature",
     .kind = CLI_REAL,
     .argument = "T",
     .min = 1e-3,
     .max = 1e6,
     .fallback = "1",
     .help = "divides the teacher's and the net's scores: the higher, the softer"},
    {.name = "teacher-weight",
     .kind = CLI_REAL,
     .argument = "W",
     .min = 1e-6,
     .max = 1,
     .fallback = "0.9",
     .help = "share of the teacher in the loss; the labels have the rest"},
    {.name = "out",
     .letter = 'o',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .fallback = "model.safetensors",
     .help = "where the trained model goes"},
    {.name = "no-out", .help = "write no model"},
    {.name = "gradient-norm", .help = "record the norm of the gradient, for --curves and --json"},
    {.name = "curves",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw loss and accuracy over the epochs (.svg, .png or .pdf)"},
    {.name = "require-accuracy",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "exit with status 1 if the test accuracy is below X"},
    {.name = "json", .help = "print a line of JSON for each epoch, and one for the test"},
    {.name = "quiet", .letter = 'q', .help = "print the last line alone"},

    {.name = "epochs",
     .letter = 'e',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = TRAIN_MOST,
     .help = "how often to go through the data (default: 10, or as --steps needs)",
     .group = "Training"},
    {.name = "steps",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = TRAIN_MOST,
     .help = "stop after so many steps"},
    {.name = "batch",
     .letter = 'b',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1 << 20,
     .fallback = "64",
     .help = "examples worked on at a time, which are those of a step"},
    {.name = "accumulate",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1 << 20,
     .fallback = "1",
     .help = "batches of a step: one like that of a batch N times as large, in the memory of one"},
    {.name = "streams",
     .help = "of a text: each row of a batch continues that of the last, for nets that carry their "
             "state on"},
    {.name = "loss",
     .kind = CLI_WORD,
     .argument = "softmax|hinge|squared_hinge|sigmoid|mse|l1|huber",
     .fallback = "softmax",
     .help = "the loss"},
    {.name = "smoothing",
     .kind = CLI_REAL,
     .argument = "E",
     .max = 1,
     .help = "label smoothing of the softmax loss"},
    {.name = "normalize",
     .kind = CLI_WORD,
     .argument = "standard|unit|none|mean_image",
     .fallback = "standard",
     .help = "inputs of mean 0 and deviation 1, from 0 to 1, as they are, or minus the mean image"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = TRAIN_MOST,
     .fallback = "1",
     .help = "of initial values, order and splits: the same seed gives the same model"},
    CLI_THREADS_OPTION,
    {.name = "exact",
     .help = "without oneDNN and Winograd's method: the same bits with or without the first"},
    {.name = "check-finite",
     .help = "if a step makes a NaN or an infinity, name the gate that did it first, with its "
             "place, the element and the shapes, and change nothing; slower"},

    {.name = "optimizer",
     .kind = CLI_WORD,
     .argument = "sgd|nesterov|adagrad|rmsprop|adadelta|adam|adamw",
     .fallback = "adam",
     .help = "the optimiser",
     .group = "Optimiser"},
    {.name = "rate",
     .letter = 'r',
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-30,
     .max = 1e6,
     .help = "learning rate (default: the optimiser's usual one)"},
    {.name = "momentum",
     .letter = 'm',
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "of sgd, nesterov (default: 0.9) and rmsprop (default: 0)"},
    {.name = "rate-in-momentum",
     .help = "sgd, nesterov: the rate before the momentum, v = momentum v + rate g (Caffe)"},
    {.name = "weight-decay",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "adds X/2 times the squared weights to the loss; adamw: apart from the gradient"},
    {.name = "l2",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "adds X times the squared weights to the loss"},
    {.name = "l1",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "adds X times the absolute weights to the loss"},
    {.name = "decay-biases", .help = "weight-decay, l2 and l1 also of biases and the like"},
    {.name = "max-norm",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "longest weight vector of a unit"},
    {.name = "clip", .kind = CLI_REAL, .argument = "X", .max = 1e6, .help = "longest gradient"},
    {.name = "clip-value",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "largest element of a gradient, either way"},
    {.name = "beta1",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help = "of adam and adamw: how much of the mean of gradients stays (default: 0.9)"},
    {.name = "beta2",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1,
     .help =
         "of adam, adamw, rmsprop and adadelta: how much of the mean of squared gradients stays "
         "(default: 0.999, rmsprop 0.99, adadelta 0.9)"},
    {.name = "epsilon",
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-30,
     .max = 1e6,
     .help = "of adagrad, rmsprop, adadelta, adam and adamw: what keeps their divisors from 0 "
             "(default: 1e-8, adadelta 1e-6, adagrad 1e-10)"},

    {.name = "schedule",
     .kind = CLI_WORD,
     .argument = "fixed|step|exp|inv|multistep|poly|cosine|sigmoid",
     .fallback = "fixed",
     .help = "how the learning rate changes",
     .group = "Learning rate"},
    {.name = "gamma",
     .kind = CLI_REAL,
     .argument = "X",
     .min = -1e6,
     .max = 1e6,
     .help = "factor of step, exp and multistep (default: 0.1) and inv (1e-4); slope of sigmoid, "
             "below 0 if the rate falls"},
    {.name = "every",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = TRAIN_MOST,
     .help = "steps between the changes of step; the step at which sigmoid is halfway"},
    {.name = "at",
     .kind = CLI_TEXT,
     .argument = "N,N…",
     .help = "steps at which multistep changes the rate"},
    {.name = "power",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 100,
     .fallback = "1",
     .help = "exponent of poly and inv"},
    {.name = "floor",
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .help = "the rate that cosine ends at (default: 0)"},
    {.name = "warmup",
     .kind = CLI_INT,
     .argument = "N",
     .max = TRAIN_MOST,
     .help = "steps in which the rate rises to its full value"},

    {.name = "validation",
     .letter = 'v',
     .kind = CLI_REAL,
     .argument = "F",
     .max = .95,
     .help = "fraction of the training data, or (0: none) held out to validate with",
     .group = "Validation and test"},
    {.name = "test-fraction",
     .kind = CLI_REAL,
     .argument = "F",
     .max = .95,
     .fallback = "0.2",
     .help = "fraction held out to test with where the data have no test part of their own; 0: "
             "none"},
    {.name = "report-steps",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = TRAIN_MOST,
     .help = "validate and report every N steps, not at the end of each epoch"},
    {.name = "patience",
     .kind = CLI_INT,
     .argument = "N",
     .max = TRAIN_MOST,
     .help = "stop after so many epochs (or reports) in which the validation has not improved"},
    {.name = "monitor",
     .kind = CLI_WORD,
     .argument = "loss|accuracy",
     .fallback = "loss",
     .help = "the validation figure that is to improve"},
    {.name = "keep-best", .help = "end with the weights of the best epoch"},

    {.name = "checkpoint",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "where to save the state of the training (default: the name of --out with "
             "\".checkpoint\", removed at the end)",
     .group = "Interruptions"},
    {.name = "checkpoint-steps",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = TRAIN_MOST,
     .help = "save it every N steps (default: every 10 seconds)"},
    {.name = "keep-checkpoints",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 100,
     .fallback = "1",
     .help = "keep the N last ones: the newest as FILE, those before it as FILE.1, FILE.2, …"},
    {.name = "resume",
     .help = "go on from the newest good checkpoint, as if there had been no interruption"},
    CLI_PROFILE_OPTIONS,
    CLI_PREPROCESS_OPTIONS,
    CLI_AUGMENT_OPTIONS,
    CLI_DATA_OPTIONS,
    {0},
};

/* ---- Reading -------------------------------------------------------------------------------- */

static int train_read_at(const char *text, gr_schedule *schedule)
{
    const char *at = text;
    while (text && *at) {
        char *end;
        errno = 0;
        long long step = strtoll(at, &end, 10);
        int most = (int)(sizeof schedule->at / sizeof *schedule->at);
        int64_t last = schedule->n_at ? schedule->at[schedule->n_at - 1] : 0;
        if (end == at || errno || step <= last || (*end && *end != ','))
            return cli_bad("--at: '%s' is not a list of rising steps, such as 1000,2000", text);
        if (schedule->n_at == most) return cli_bad("--at: more than %d steps", most);
        schedule->at[schedule->n_at++] = step;
        at = end + (*end == ',');
    }
    return CLI_YES;
}

static int train_read_schedule(const cli_args *args, gr_schedule *schedule)
{
    schedule->kind = (gr_schedule_kind)gr_schedule_find(cli_text(args, "schedule"));
    schedule->gamma = cli_real(args, "gamma");
    schedule->power = cli_real(args, "power");
    schedule->floor = cli_real(args, "floor");
    schedule->every = cli_int(args, "every");
    schedule->warmup = cli_int(args, "warmup");
    if (schedule->gamma < 0 && schedule->kind != GR_SCHEDULE_SIGMOID)
        return cli_bad("--gamma %g: below 0 for --schedule sigmoid alone", schedule->gamma);
    if (schedule->kind == GR_SCHEDULE_SIGMOID && (!schedule->every || schedule->gamma == 0))
        return cli_bad("--schedule sigmoid needs --gamma X (below 0: the rate falls) and --every "
                       "N, the step at which the rate is halfway");
    if (schedule->kind == GR_SCHEDULE_STEP && !schedule->every)
        return cli_bad("--schedule step needs --every N, in steps");
    if (schedule->kind == GR_SCHEDULE_MULTISTEP && !cli_text(args, "at"))
        return cli_bad("--schedule multistep needs --at N,N…, in steps");
    return train_read_at(cli_text(args, "at"), schedule);
}

/* Options that another optimiser has. */
static int train_refuse_optimizer(const cli_args *args, gr_optimizer_kind kind)
{
    const bool by_momentum = kind == GR_SGD || kind == GR_NESTEROV;
    const bool adam = kind == GR_ADAM || kind == GR_ADAMW;
    const struct {
        const char *option, *whose;
        bool fits;
    } rules[] = {
        {"momentum", "sgd, nesterov and rmsprop", by_momentum || kind == GR_RMSPROP},
        {"beta1", "adam and adamw", adam},
        {"beta2", "adam, adamw, rmsprop and adadelta",
         adam || kind == GR_RMSPROP || kind == GR_ADADELTA},
        {"epsilon", "adagrad, rmsprop, adadelta, adam and adamw", !by_momentum},
    };
    if (cli_flag(args, "rate-in-momentum") && !by_momentum)
        return cli_bad("--rate-in-momentum is for sgd and nesterov, not for %s",
                       cli_text(args, "optimizer"));
    /* 0 takes back what a recipe says. */
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (cli_given(args, rules[i].option) && cli_real(args, rules[i].option) > 0 &&
            !rules[i].fits)
            return cli_bad("--%s is for %s, not for %s", rules[i].option, rules[i].whose,
                           cli_text(args, "optimizer"));
    return CLI_YES;
}

static int train_read_optimizer(const cli_args *args, gr_optimizer *optimizer)
{
    *optimizer = (gr_optimizer){.size = sizeof *optimizer};
    optimizer->kind = (gr_optimizer_kind)gr_optimizer_find(cli_text(args, "optimizer"));
    bool by_momentum = optimizer->kind == GR_SGD || optimizer->kind == GR_NESTEROV;
    int code = train_refuse_optimizer(args, optimizer->kind);
    if (code != CLI_YES) return code;
    optimizer->rate = cli_real(args, "rate");
    optimizer->momentum =
        by_momentum && !cli_given(args, "momentum") ? .9 : cli_real(args, "momentum");
    optimizer->rate_in_momentum = cli_flag(args, "rate-in-momentum");
    optimizer->decay_biases = cli_flag(args, "decay-biases");
    optimizer->weight_decay = cli_real(args, "weight-decay");
    optimizer->l2 = cli_real(args, "l2");
    optimizer->l1 = cli_real(args, "l1");
    optimizer->max_norm = cli_real(args, "max-norm");
    optimizer->clip_norm = cli_real(args, "clip");
    optimizer->clip_value = cli_real(args, "clip-value");
    optimizer->beta1 = cli_real(args, "beta1");
    optimizer->beta2 = cli_real(args, "beta2");
    optimizer->epsilon = cli_real(args, "epsilon");
    return train_read_schedule(args, &optimizer->schedule);
}

/* Faults of the text are found here, where its file's name is known. */
static int train_read_net(const cli_args *args, cli_training *training)
{
    const char *argument = cli_text(args, "net"), *source;
    gr_expr *expr;
    if (!argument)
        return cli_bad("--net is missing: a file or a text such as 'fc(100) |> relu |> fc(10)'; "
                       "or --recipe");
    int code = cli_read_net(argument, &training->net, &source);
    if (code != CLI_YES) return code;
    gr_status status = gr_expr_parse(training->net, source, &expr);
    gr_expr_free(expr);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int train_read_input(const cli_args *args, cli_training *training)
{
    const char *text = cli_text(args, "input");
    if (!text || cli_read_shape(text, &training->input)) return CLI_YES;
    return cli_bad("--input: '%s' is no shape: sizes above 0 with commas between, as 1,28,28",
                   text);
}

/* Everything that would be written at the end must be writable at the start. */
static int train_read_paths(const cli_args *args, cli_training *training)
{
    int code = CLI_YES;
    if (cli_given(args, "run")) return cli_runfolder_paths(training);
    training->out = cli_flag(args, "no-out") ? NULL : cli_text(args, "out");
    training->curves = cli_text(args, "curves");
    if (cli_text(args, "checkpoint")) {
        training->checkpoint = cli_format("%s", cli_text(args, "checkpoint"));
    } else if (training->out && cli_is_plain_file(training->out)) {
        training->checkpoint = cli_format("%s.checkpoint", training->out);
        training->checkpoint_is_ours = true;
    }
    if (training->out) code = cli_check_output(training->out);
    if (code == CLI_YES && training->curves)
        code = cli_check_figure("curves", training->curves, false);
    if (code == CLI_YES && training->checkpoint) code = cli_check_output(training->checkpoint);
    if (code == CLI_YES && cli_flag(args, "resume") && !training->checkpoint)
        code = cli_bad("--resume: from which --checkpoint FILE?");
    return code;
}

int cli_training_read(const cli_args *args, cli_training *training)
{
    *training = (cli_training){.args = args};
    int code = train_read_optimizer(args, &training->optimizer);
    if (code == CLI_YES) code = train_read_net(args, training);
    if (code == CLI_YES) code = train_read_input(args, training);
    if (code == CLI_YES) code = train_read_paths(args, training);
    uint64_t seed = (uint64_t)cli_int(args, "seed");
    training->model_options = (gr_model_options){
        .size = sizeof training->model_options,
        .net = training->net,
        .gates = cli_gates(),
        .loss = (gr_loss_kind)gr_loss_find(cli_text(args, "loss")),
        .smoothing = cli_real(args, "smoothing"),
        .normalize = (gr_normalize)gr_normalize_find(cli_text(args, "normalize")),
        .preprocess = cli_preprocess(args),
        .seed = seed,
        .threads = (int)cli_int(args, "threads"),
        .exact = cli_flag(args, "exact"),
        .check_finite = cli_flag(args, "check-finite"),
    };
    training->trainer_options = (gr_trainer_options){
        .size = sizeof training->trainer_options,
        .optimizer = &training->optimizer,
        .batch = cli_int(args, "batch"),
        .accumulate = cli_int(args, "accumulate"),
        .report_steps = cli_int(args, "report-steps"),
        .epochs = cli_int(args, "epochs"),
        .steps = cli_int(args, "steps"),
        .seed = seed,
        .in_order = cli_flag(args, "streams"),
        .augment = cli_augment(args, &training->augment) ? &training->augment : NULL,
        .validation = cli_real(args, "validation"),
        .patience = cli_int(args, "patience"),
        .monitor = strcmp(cli_text(args, "monitor"), "accuracy") == 0 ? GR_MONITOR_ACCURACY
                                                                      : GR_MONITOR_LOSS,
        .keep_best = cli_flag(args, "keep-best"),
        .gradient_norm = cli_flag(args, "gradient-norm"),
        .updates = true,
        .checkpoint = training->checkpoint,
        .checkpoint_steps = cli_int(args, "checkpoint-steps"),
        .keep_checkpoints = training->checkpoint ? cli_int(args, "keep-checkpoints") : 0,
        .checkpoint_seconds = training->checkpoint && !cli_given(args, "checkpoint-steps") ? 10 : 0,
    };
    return code;
}

void cli_training_clear(cli_training *training)
{
    cli_training_watch_clear(training);
    cli_runfolder_close(training);
    gr_trainer_free(training->trainer);
    gr_model_free(training->model);
    gr_dataset_free(training->train);
    gr_dataset_free(training->test);
    gr_dataset_free(training->held);
    gr_tensor_clear(&training->scores);
    free(training->net);
    free(training->checkpoint);
}
