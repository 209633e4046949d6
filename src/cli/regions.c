/* gradus regions: decision regions of small nets on examples of two numbers. */
#include "cli/regions.h"

#include "cli/dataset.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/stop.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    REGIONS_VALUES = 12, /* of a list on the command line */
    REGIONS_COLUMNS = 4, /* of a figure, unless told */
    REGIONS_LAYERS = 20,
};

/* ---- Lists ----------------------------------------------------------------------------------- */

typedef struct regions_list {
    int n;
    double at[REGIONS_VALUES];
} regions_list;

/* "3,6,20": numbers from `low` to `high`. */
static int regions_read(const cli_args *args, const char *option, double low, double high,
                        bool whole, regions_list *list)
{
    const char *text = cli_text(args, option);
    list->n = 0;
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        const double value = strtod(at, &end);
        const bool number = end != at && !errno && value >= low && value <= high;
        if (!number || (whole && value != floor(value)) || (*end && *end != ','))
            return cli_bad("--%s: '%s' is no list of %snumbers from %g to %g, as in %s", option,
                           text, whole ? "whole " : "", low, high,
                           whole ? "1,2,3" : "0.001,0.01,0.1");
        if (list->n == REGIONS_VALUES)
            return cli_bad("--%s: '%s' has more than %d values", option, text, REGIONS_VALUES);
        list->at[list->n++] = value;
        if (!*end) return CLI_YES;
        at = end + 1;
    }
}

/* ---- Nets ------------------------------------------------------------------------------------ */

/* "fc(6) |> relu |> fc(2)" */
static char *regions_net(int layers, int hidden, const char *activation, int classes)
{
    char *text = cli_format("%s", "");
    const bool linear = strcmp(activation, "none") == 0;
    for (int i = 1; i < layers; i++) {
        char *longer = cli_format("%sfc(%d)%s%s |> ", text, hidden, linear ? "" : " |> ",
                                  linear ? "" : activation);
        free(text);
        text = longer;
    }
    char *whole = cli_format("%sfc(%d)", text, classes);
    free(text);
    return whole;
}

/* What tells it from the others, or all about it if nothing does. */
static char *regions_title(const regions_list *layers, int l, const regions_list *hidden, int h,
                           const regions_list *l2, int w)
{
    const bool alone = layers->n * hidden->n * l2->n == 1, one_layer = layers->at[l] == 1;
    char *depth = layers->n > 1 || alone
                      ? cli_format("%g layer%s", layers->at[l], one_layer ? "" : "s")
                      : cli_format("%s", "");
    char *width = (hidden->n > 1 || alone) && !one_layer
                      ? cli_format("%s%g hidden unit%s", *depth ? ", " : "", hidden->at[h],
                                   hidden->at[h] == 1 ? "" : "s")
                      : cli_format("%s", "");
    char *penalty = l2->n > 1 ? cli_format("%sλ = %g", *depth || *width ? ", " : "", l2->at[w])
                              : cli_format("%s", "");
    char *title = cli_format("%s%s%s", depth, width, penalty);
    free(depth);
    free(width);
    free(penalty);
    return title;
}

/* Every combination; the list that changes last gives the columns. */
static int regions_plan_lists(cli_regions *regions)
{
    const cli_args *args = regions->args;
    const int classes = gr_dataset_classes(regions->train);
    regions_list layers, hidden, l2;
    int code = regions_read(args, "layers", 1, REGIONS_LAYERS, true, &layers);
    if (code == CLI_YES) code = regions_read(args, "hidden", 1, 1000, true, &hidden);
    if (code == CLI_YES) code = regions_read(args, "l2", 0, 1e6, false, &l2);
    if (code != CLI_YES) return code;
    if (layers.n * hidden.n * l2.n > CLI_REGIONS_NETS)
        return cli_bad("%d nets: a figure has room for %d", layers.n * hidden.n * l2.n,
                       CLI_REGIONS_NETS);
    for (int l = 0; l < layers.n; l++)
        for (int h = 0; h < hidden.n; h++)
            for (int w = 0; w < l2.n; w++)
                regions->nets[regions->n++] =
                    (cli_region){.title = regions_title(&layers, l, &hidden, h, &l2, w),
                                 .text = regions_net((int)layers.at[l], (int)hidden.at[h],
                                                     cli_text(args, "activation"), classes),
                                 .l2 = l2.at[w]};
    regions->columns = l2.n > 1 ? l2.n : hidden.n > 1 ? hidden.n : layers.n;
    return CLI_YES;
}

/* A net of the user's own, once for each penalty. */
static int regions_plan_net(cli_regions *regions)
{
    regions_list l2;
    char *text;
    const char *source;
    int code = regions_read(regions->args, "l2", 0, 1e6, false, &l2);
    if (code == CLI_YES) code = cli_read_net(cli_text(regions->args, "net"), &text, &source);
    if (code != CLI_YES) return code;
    for (int w = 0; w < l2.n; w++)
        regions->nets[regions->n++] = (cli_region){
            .title = l2.n > 1 ? cli_format("λ = %g", l2.at[w])
                              : cli_format("%s", source[0] == '-' ? "the net" : source),
            .text = cli_format("%s", text),
            .l2 = l2.at[w]};
    regions->columns = l2.n;
    free(text);
    return CLI_YES;
}

static int regions_plan_models(cli_regions *regions)
{
    static const char *const trained[] = {"net",    "hidden", "layers", "l2",  "activation",
                                          "epochs", "batch",  "rate",   "seed"};
    const cli_args *args = regions->args;
    for (size_t i = 0; i < sizeof trained / sizeof *trained; i++)
        if (cli_given(args, trained[i]))
            return cli_bad("--%s is for nets to be trained, and '%s' is", trained[i],
                           cli_operand(args, 0));
    for (int i = 0; i < cli_operands(args); i++) {
        cli_region *net = &regions->nets[regions->n++];
        const char *path = cli_operand(args, i);
        *net = (cli_region){.title = cli_format("%s", path), .l2 = NAN};
        gr_status status = gr_model_load(path, NULL, &net->model);
        if (status != GR_OK) return cli_failed(status);
        if (!gr_model_classifies(net->model) || gr_model_positions(net->model).rank > 0)
            return cli_bad("%s: the model gives no score for each class", path);
        status = gr_model_fits(net->model, regions->train);
        if (status != GR_OK) return cli_failed(status);
        net->text = cli_format("%s", gr_model_net(net->model));
    }
    regions->columns = regions->n;
    return CLI_YES;
}

static int regions_plan(cli_regions *regions)
{
    const cli_args *args = regions->args;
    const bool own = cli_given(args, "net");
    int code;
    if (own &&
        (cli_given(args, "hidden") || cli_given(args, "layers") || cli_given(args, "activation")))
        return cli_bad("--net says all about the net: leave out --hidden, --layers, --activation");
    if (cli_operands(args) > 0)
        code = regions_plan_models(regions);
    else
        code = own ? regions_plan_net(regions) : regions_plan_lists(regions);
    if (cli_given(args, "columns"))
        regions->columns = (int)cli_int(args, "columns");
    else if (regions->columns > REGIONS_COLUMNS || regions->columns == 1)
        regions->columns = REGIONS_COLUMNS;
    if (regions->columns > regions->n) regions->columns = regions->n;
    return code;
}

/* ---- Data ------------------------------------------------------------------------------------ */

static int regions_check_data(const gr_dataset *set)
{
    char text[128];
    const gr_shape shape = gr_dataset_shape(set);
    const int64_t numbers = gr_shape_count(shape);
    if (gr_dataset_streamed(set) || gr_dataset_dtype(set) != GR_F32 || numbers != 2 ||
        shape.rank != 1)
        return cli_bad("an example of '%s' is %s %s: regions are drawn of examples of two numbers, "
                       "f32 [2]",
                       gr_dataset_name(set), gr_dtype_name(gr_dataset_dtype(set)),
                       gr_shape_print(shape, text, sizeof text));
    if (gr_dataset_classes(set) < 2 || gr_dataset_classes(set) > CLI_REGIONS_CLASSES)
        return cli_bad("'%s' has %d classes: a figure tells 2 to %d apart", gr_dataset_name(set),
                       gr_dataset_classes(set), CLI_REGIONS_CLASSES);
    return CLI_YES;
}

static int regions_open(cli_regions *regions)
{
    static const char *const figures[] = {"figure", "warped"};
    const cli_args *args = regions->args;
    int code = CLI_YES;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && code == CLI_YES; i++)
        if (cli_given(args, figures[i]))
            code = cli_check_figure(figures[i], cli_text(args, figures[i]), false);
    if (code == CLI_YES)
        code =
            cli_open_data(args, cli_text(args, "data"), NULL, 0, &regions->train, &regions->test);
    if (code == CLI_YES) code = regions_check_data(regions->train);
    return code == CLI_YES ? regions_plan(regions) : code;
}

/* ---- Training -------------------------------------------------------------------------------- */

static gr_status regions_test(cli_region *net, const gr_dataset *set, double *accuracy)
{
    gr_metrics score;
    gr_status status = gr_model_test(net->model, set, &score);
    if (status != GR_OK) return status;
    *accuracy = score.accuracy;
    net->loss = score.loss;
    gr_metrics_clear(&score);
    return GR_OK;
}

/* `loss` is that of the examples trained on. */
static gr_status regions_score(const cli_regions *regions, cli_region *net)
{
    net->test_accuracy = NAN;
    gr_status status =
        regions->test ? regions_test(net, regions->test, &net->test_accuracy) : GR_OK;
    return status == GR_OK ? regions_test(net, regions->train, &net->train_accuracy) : status;
}

static int regions_train(const cli_regions *regions, cli_region *net)
{
    const cli_args *args = regions->args;
    gr_trainer *trainer = NULL;
    gr_train_event event = GR_TRAIN_STEP;
    gr_status status = gr_model_new(GR_MODEL(.net = net->text, .data = regions->train,
                                             .seed = (uint64_t)cli_int(args, "seed"),
                                             .threads = (int)cli_int(args, "threads")),
                                    &net->model);
    if (status == GR_OK)
        status = gr_trainer_new(
            net->model, regions->train, NULL,
            GR_TRAINER(.batch = cli_int(args, "batch"), .epochs = cli_int(args, "epochs"),
                       .optimizer = GR_OPTIMIZER(.kind = GR_ADAM, .rate = cli_real(args, "rate"),
                                                 .l2 = net->l2)),
            &trainer);
    while (status == GR_OK && event != GR_TRAIN_FINISHED && !cli_stop_wanted())
        status = gr_train_step(trainer, &event);
    gr_trainer_free(trainer);
    if (status == GR_NUMERIC)
        return cli_fault(CLI_NO, "%s: %s; a smaller --rate may help", net->title, gr_message());
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int regions_make(cli_regions *regions)
{
    const bool shown = !regions->json && !regions->quiet;
    int code = CLI_YES;
    cli_catch_stop();
    for (int i = 0; i < regions->n && code == CLI_YES; i++) {
        cli_region *net = &regions->nets[i];
        if (shown) cli_line("net %d of %d: %s", i + 1, regions->n, net->title);
        if (!net->model) code = regions_train(regions, net);
        cli_line_clear();
        if (cli_stop_wanted() && code == CLI_YES)
            return cli_fault(CLI_INTERRUPTED, "stopped at net %d of %d", i + 1, regions->n);
        if (code == CLI_YES && cli_given(regions->args, "warped") &&
            !cli_regions_has_hidden(net->model))
            code = cli_bad("--warped: a net of one layer, as '%s', has no hidden one", net->text);
        gr_status status = code == CLI_YES ? regions_score(regions, net) : GR_OK;
        if (status != GR_OK) code = cli_failed(status);
    }
    return code;
}

/* ---- Results --------------------------------------------------------------------------------- */

static void regions_print(const cli_regions *regions)
{
    const bool models = cli_operands(regions->args) > 0;
    if (!regions->quiet)
        cli_print("data  %s: %" PRId64 " examples in %d classes\n\n",
                  gr_dataset_name(regions->train), gr_dataset_size(regions->train),
                  gr_dataset_classes(regions->train));
    cli_table *table = cli_table_new(models ? "<model|~net|>parameters|>loss|>training|>test"
                                            : "~net|>λ|>parameters|>loss|>training|>test");
    for (int i = 0; i < regions->n; i++) {
        const cli_region *net = &regions->nets[i];
        if (models) cli_table_cell(table, "%s", net->title);
        cli_table_cell(table, "%s", net->text);
        if (!models) cli_table_cell(table, "%g", net->l2);
        cli_table_cell(table, "%" PRId64, gr_model_parameters(net->model));
        cli_table_cell(table, "%.4f", net->loss);
        cli_table_cell(table, "%.4f", net->train_accuracy);
        if (regions->test)
            cli_table_cell(table, "%.4f", net->test_accuracy);
        else
            cli_table_cell(table, "%s", "");
    }
    cli_table_print(table);
}

static void regions_print_json(const cli_regions *regions)
{
    for (int i = 0; i < regions->n; i++) {
        const cli_region *net = &regions->nets[i];
        cli_json json = {0};
        cli_json_object(&json, NULL);
        cli_json_text(&json, "title", net->title);
        cli_json_text(&json, "net", net->text);
        cli_json_real(&json, "l2", net->l2);
        cli_json_int(&json, "parameters", gr_model_parameters(net->model));
        cli_json_real(&json, "loss", net->loss);
        cli_json_real(&json, "train_accuracy", net->train_accuracy);
        cli_json_real(&json, "test_accuracy", net->test_accuracy);
        cli_json_end(&json);
    }
}

static int regions_run(const cli_args *args)
{
    cli_regions regions = {
        .args = args, .json = cli_flag(args, "json"), .quiet = cli_flag(args, "quiet")};
    const char *figure = cli_text(args, "figure"), *warped = cli_text(args, "warped");
    int code = regions_open(&regions);
    if (code == CLI_YES) code = regions_make(&regions);
    if (code == CLI_YES) {
        gr_status status = figure ? cli_regions_draw(&regions, figure) : GR_OK;
        if (status == GR_OK && warped) status = cli_regions_draw_hidden(&regions, warped);
        if (status != GR_OK) code = cli_failed(status);
    }
    if (code == CLI_YES && regions.json) regions_print_json(&regions);
    if (code == CLI_YES && !regions.json) regions_print(&regions);
    for (int i = 0; i < regions.n; i++) {
        free(regions.nets[i].title);
        free(regions.nets[i].text);
        gr_model_free(regions.nets[i].model);
    }
    gr_dataset_free(regions.train);
    gr_dataset_free(regions.test);
    return code;
}

static const cli_option regions_options[] = {
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "circle",
     .help = "examples of two numbers: circle, spiral, moons, blobs, xor, or a table"},
    {.name = "hidden",
     .kind = CLI_TEXT,
     .argument = "N,…",
     .fallback = "6",
     .help = "units of each hidden layer"},
    {.name = "layers",
     .kind = CLI_TEXT,
     .argument = "N,…",
     .fallback = "2",
     .help = "layers, the one that makes the scores counted, the input not"},
    {.name = "l2",
     .kind = CLI_TEXT,
     .argument = "λ,…",
     .fallback = "0.001",
     .help = "λ of the penalty λΣw²"},
    {.name = "activation",
     .kind = CLI_WORD,
     .argument = "relu|tanh|sigmoid|elu|none",
     .fallback = "tanh",
     .help = "of the hidden layers"},
    {.name = "net",
     .letter = 'n',
     .kind = CLI_TEXT,
     .argument = "TEXT|FILE",
     .help = "instead: a net that ends in a score for each class"},
    {.name = "epochs",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1e6,
     .fallback = "300",
     .help = "of Adam",
     .group = "Training"},
    {.name = "batch",
     .letter = 'b',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1 << 20,
     .fallback = "32",
     .help = "examples of a step"},
    {.name = "rate",
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-9,
     .max = 100,
     .fallback = "0.01",
     .help = "learning rate"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "of first weights and of the order of the examples"},
    {.name = "figure",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help =
         "draw the class of every point of the plane, and the data, a panel for each net (.svg, "
         ".pdf, .png)",
     .group = "Figures"},
    {.name = "warped",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the data and a grid as the last hidden layer bends them: its two units, or the "
             "first two principal components of more"},
    {.name = "columns",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 12,
     .help = "panels in a row of --figure"},
    {.name = "json", .help = "print a line of JSON for each net", .group = "Results"},
    {.name = "quiet", .letter = 'q', .help = "print the table alone"},
    CLI_THREADS_OPTION,
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_regions = {
    .name = "regions",
    .summary = "draw the decision regions of nets on points of the plane",
    .operands = "[MODEL…]",
    .about = "Trains a net for every combination of the numbers that --hidden, --layers and --l2 "
             "list, or takes trained models, and draws which class each gives to every point of "
             "the plane. Ctrl-C ends the training (exit status 130).",
    .examples = "gradus regions --hidden 3,6,20 --figure hidden.png\n"
                "gradus regions --hidden 20 --l2 0.001,0.01,0.1 --figure lambda.png\n"
                "gradus regions --data spiral --layers 1,2,3,4 --hidden 10 --figure layers.png\n"
                "gradus regions --data moons --hidden 2 --warped warped.png\n"
                "gradus regions moons.safetensors --data moons --figure moons.png",
    .exits = "a loss is no number any more;",
    .most = CLI_REGIONS_NETS,
    .options = regions_options,
    .computes = true,
    .run = regions_run,
};
