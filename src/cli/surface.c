/* gradus surface: losses and functions over a line or a plane, and optimisers on their way down. */
#include "cli/surface.h"

#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/line.h"
#include "cli/net.h"
#include "cli/out.h"
#include "cli/recipe.h"
#include "cli/stop.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Progress and signals ------------------------------------------------------------------- */

gr_status cli_surface_proceed(cli_surface *surface)
{
    const int64_t percent = 100 * ++surface->done / surface->all;
    if (percent != 100 * (surface->done - 1) / surface->all && !surface->json && !surface->quiet) {
        if (surface->done < surface->all)
            cli_line("%3" PRId64 " %%", percent);
        else
            cli_line_clear();
    }
    return cli_stop_wanted() ? GR_CANCELLED : GR_OK;
}

/* ---- What was asked for --------------------------------------------------------------------- */

int cli_surface_pair(const cli_args *args, const char *option, bool rising, double pair[2])
{
    const char *const text = cli_text(args, option);
    char *comma, *end = NULL;
    double read[2];
    if (!text) return CLI_YES;
    read[0] = strtod(text, &comma);
    read[1] = comma > text && *comma == ',' ? strtod(comma + 1, &end) : (double)NAN;
    if (!isfinite(read[0]) || !isfinite(read[1]) || !end || end == comma + 1 || *end)
        return cli_bad("--%s: '%s' is no pair of numbers, as in -1,1", option, text);
    if (rising && !(read[0] < read[1])) return cli_bad("--%s: '%s' does not rise", option, text);
    pair[0] = read[0];
    pair[1] = read[1];
    return CLI_YES;
}

static int surface_read_range(cli_surface *surface)
{
    static const char *const options[] = {"x", "y"};
    int code = CLI_YES;
    for (int i = 0; i < 2 && code == CLI_YES; i++) {
        double range[2] = {surface->low[i], surface->high[i]};
        if (i == 1 && !surface->axis[1] && cli_given(surface->args, "y"))
            return cli_bad("--y: the expression has one input");
        code = cli_surface_pair(surface->args, options[i], true, range);
        surface->low[i] = range[0];
        surface->high[i] = range[1];
    }
    if (cli_given(surface->args, "points")) surface->points = (int)cli_int(surface->args, "points");
    if (cli_given(surface->args, "log")) surface->log = true;
    return code;
}

/* From low to high, both exactly. */
static void surface_place_points(cli_surface *surface)
{
    const int n = surface->points;
    for (int i = 0; i < 2; i++) {
        surface->at[i] = cli_alloc((size_t)n, sizeof(double));
        for (int k = 0; k < n; k++)
            surface->at[i][k] = (surface->low[i] * (n - 1 - k) + surface->high[i] * k) / (n - 1);
    }
}

/* ---- The command ---------------------------------------------------------------------------- */

static gr_status surface_compute(cli_surface *surface)
{
    const int n = surface->points;
    const size_t line = (size_t)n, plane = line * line;
    const bool spans = surface->axis[1] != NULL;
    gr_status status = GR_OK;
    surface->all = surface->grounds * (n + (spans ? (int64_t)n * n : 0)) +
                   surface->paths * (cli_int(surface->args, "steps") + 1);
    for (int i = 0; i < surface->grounds && status == GR_OK; i++) {
        cli_ground *const ground = &surface->ground[i];
        ground->line = cli_alloc(line, sizeof *ground->line);
        status = ground->grid(ground->user, surface->at[0], n, NULL, 1, ground->line);
        if (!spans || status != GR_OK) continue;
        ground->plane = cli_alloc(plane, sizeof *ground->plane);
        status = ground->grid(ground->user, surface->at[0], n, surface->at[1], n, ground->plane);
    }
    return status == GR_OK ? cli_surface_walk(surface) : status;
}

static int surface_work(cli_surface *surface)
{
    surface_place_points(surface);
    cli_catch_stop();
    if (!surface->json && !surface->quiet) {
        cli_print("%s\n\n", surface->subject);
        cli_flush();
    }
    gr_status status = surface_compute(surface);
    if (status == GR_CANCELLED)
        return cli_fault(CLI_INTERRUPTED,
                         "stopped after %" PRId64 " of %" PRId64 " evaluations; nothing is drawn",
                         surface->done, surface->all);
    if (status == GR_OK) status = cli_surface_draw(surface);
    if (status != GR_OK) return cli_failed(status);
    if (surface->json)
        cli_surface_print_json(surface);
    else
        cli_surface_print(surface);
    return CLI_YES;
}

static bool surface_is_net(const cli_args *args)
{
    const char *const operand = cli_operand(args, 0);
    if (cli_given(args, "net")) return true;
    return operand && !cli_given(args, "file") &&
           (cli_is_net_file(operand) || cli_is_model(operand));
}

static void surface_clear(cli_surface *surface)
{
    for (int i = 0; i < surface->grounds; i++) {
        cli_ground *const ground = &surface->ground[i];
        ground->free(ground->user);
        free(ground->title);
        free(ground->line);
        free(ground->plane);
    }
    cli_surface_clear_paths(surface);
    free(surface->subject);
    free(surface->title);
    for (int i = 0; i < 2; i++) free(surface->at[i]);
}

static int surface_run(const cli_args *args)
{
    cli_surface surface = {.args = args,
                           .json = cli_flag(args, "json"),
                           .quiet = cli_flag(args, "quiet"),
                           .seed = (uint64_t)cli_int(args, "seed")};
    int code = surface_is_net(args) ? cli_surface_net(&surface) : cli_surface_expression(&surface);
    if (code == CLI_YES) code = surface_read_range(&surface);
    if (code == CLI_YES) code = cli_surface_read_paths(&surface);
    if (code == CLI_YES) code = cli_surface_check_figures(&surface);
    if (code == CLI_YES) code = surface_work(&surface);
    surface_clear(&surface);
    return code;
}

static const cli_option surface_options[] = {
    {.name = "line",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the line along the first direction or input (.svg, .pdf, .png)"},
    {.name = "plane",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the plane, with the paths"},
    {.name = "x",
     .kind = CLI_TEXT,
     .argument = "MIN,MAX",
     .help = "of the first direction or input (default: -1,1 for nets, -2,2 for expressions)"},
    {.name = "y", .kind = CLI_TEXT, .argument = "MIN,MAX", .help = "of the second one"},
    {.name = "points",
     .kind = CLI_INT,
     .argument = "N",
     .min = 2,
     .max = 1000,
     .help = "along each axis (default: 61 for nets, 121 for expressions)"},
    {.name = "title", .kind = CLI_TEXT, .argument = "TEXT", .help = "above the figures"},
    {.name = "log", .help = "draw values on a logarithmic scale, from 1e-5 of the greatest"},
    {.name = "net",
     .letter = 'n',
     .kind = CLI_TEXT,
     .argument = "TEXT|FILE",
     .help = "a net with fresh parameters",
     .group = "Nets and models"},
    {.name = "input",
     .kind = CLI_TEXT,
     .argument = "SIZES",
     .help = "shape of one example: 1,28,28 (default: that of --data)"},
    {.name = "loss",
     .kind = CLI_WORD,
     .argument = "softmax|hinge|squared_hinge|sigmoid|mse|l1|huber",
     .help = "the loss (default: the net's own, the model's, or softmax)"},
    {.name = "l2",
     .kind = CLI_REAL,
     .argument = "L",
     .max = 1e30,
     .help = "adds L times the sum of squared weights"},
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "labelled examples: see gradus data"},
    {.name = "examples",
     .kind = CLI_TEXT,
     .argument = "N,…",
     .help = "how many examples the loss is a mean over; several values: a panel "
             "for each (default: 100, or all)"},
    {.name = "normalize",
     .kind = CLI_WORD,
     .argument = "none|standard|unit|mean_image",
     .fallback = "standard",
     .help = "what is done to the numbers first; a model does as it has learnt"},
    {.name = "directions",
     .kind = CLI_WORD,
     .argument = "normal|filter",
     .fallback = "normal",
     .help = "normal: every element drawn with deviation 1; filter: these, scaled for each unit to "
             "the norm of its weights (Li et al. 2018), biases at rest"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "1",
     .max = 9e15,
     .help = "of the parameters, the directions, the examples and the noise"},
    {.name = "paths",
     .kind = CLI_TEXT,
     .argument = "NAME[:RATE],…",
     .help = "optimisers that go down from the start: gd, minibatch, momentum, nesterov, adagrad, "
             "adadelta, rmsprop, adam, each as often as wanted",
     .group = "Paths"},
    {.name = "start",
     .kind = CLI_TEXT,
     .argument = "X,Y",
     .help = "where they begin (default: 0,0 for nets, 1,1 for expressions)"},
    {.name = "steps",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e6,
     .fallback = "100",
     .help = "updates of each"},
    {.name = "rate",
     .kind = CLI_REAL,
     .argument = "R",
     .min = 1e-30,
     .max = 1e29,
     .fallback = "0.01",
     .help = "learning rate of those that are given without one"},
    {.name = "momentum",
     .kind = CLI_REAL,
     .argument = "M",
     .max = .9999,
     .fallback = "0.9",
     .help = "of momentum and nesterov"},
    {.name = "batch",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e6,
     .fallback = "10",
     .help = "examples of a mini-batch"},
    {.name = "noise",
     .kind = CLI_REAL,
     .argument = "S",
     .max = 1e30,
     .help = "of an expression's mini-batch: deviation of what is added to both slopes"},
    {.name = "play",
     .kind = CLI_REAL,
     .argument = "SECONDS",
     .min = .1,
     .max = 3600,
     .help = "let the paths move in an SVG, in rounds of so many seconds"},
    CLI_GATES_OPTION,
    {.name = "file",
     .letter = 'f',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "read the expression from a file"},
    {.name = "json", .help = "print all values as JSON", .group = "Results"},
    {.name = "quiet", .letter = 'q', .help = "print the tables alone"},
    CLI_THREADS_OPTION,
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_surface = {
    .name = "surface",
    .summary = "show a loss over a line or plane, and optimisers on it",
    .operands = "EXPR | saddle|valley|rosenbrock|beale | --net NET | MODEL",
    .about =
        "Of a net or a model: the loss L(W + a W1) along a line and L(W + a W1 + b W2) over a "
        "plane "
        "through its parameters W, in two random directions, as a mean over examples; nothing is "
        "trained. Of an expression of one or two inputs: its value. Optimisers that are to go down "
        "move the two numbers alone: over a net's plane they follow the slopes along the two "
        "directions, not the gradient by all parameters, so that where they go is where the figure "
        "shows them. Ctrl-C ends the work (exit status 130).",
    .examples =
        "gradus surface --net 'fc(10)' --loss hinge --data cifar10 --examples 1,100 --plane p.png\n"
        "gradus surface model.safetensors --data mnist --directions filter --plane plane.svg\n"
        "gradus surface 'x^2 - y^2' --start 0.9,0.01 --paths gd,momentum,adam --plane paths.svg\n"
        "gradus surface valley --paths gd:0.03,gd:0.041,nesterov,adam:0.3 --plane v.svg --play 6",
    .least = 0,
    .most = -1,
    .options = surface_options,
    .computes = true,
    .run = surface_run,
};
