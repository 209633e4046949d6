/* gradus show: what is in a model, a net or a data set. */
#include "cli/show.h"
#include "cli/spool.h"

#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/recipe.h"
#include "cli/show_activity.h"

#include <string.h>
#include <strings.h>

static const char *const show_forms[] = {"plan", "graph", "dot"};
enum { SHOW_FORMS = sizeof show_forms / sizeof *show_forms };
static const char *const show_drawn[] = {"svg", "png", "filters", "neurons"};

/* Options that look at a model at work, and those that belong to them alone. */
static const char *const show_works[] = {"activations", "histograms", "layers"};
static const char *const show_work_options[] = {"data", "part",    "examples", "bound",
                                                "rate", "picture", "example",  "invert"};

static bool show_is_any(const cli_args *args, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cli_given(args, names[i])) return true;
    return false;
}

static bool show_at_work(const cli_args *args)
{
    return show_is_any(args, show_works, sizeof show_works / sizeof *show_works);
}

/* A look at a model at work is all that is shown. */
static int show_work(const cli_args *args)
{
    const bool picture = cli_given(args, "layers");
    const char *operand = cli_operand(args, 0);
    if (picture && (cli_given(args, "activations") || cli_given(args, "histograms")))
        return cli_bad("--layers shows one example, --activations many: one at a time");
    for (int i = 0; i < SHOW_FORMS; i++)
        if (cli_flag(args, show_forms[i]))
            return cli_bad("--%s belongs to the net, not to what it does on data", show_forms[i]);
    for (size_t i = 0; i < sizeof show_drawn / sizeof *show_drawn; i++)
        if (cli_given(args, show_drawn[i]))
            return cli_bad("--%s draws the net, not what it does on data", show_drawn[i]);
    if (!operand || cli_given(args, "net") || cli_is_net_file(operand) || !cli_is_model(operand))
        return cli_bad("--%s is for a trained model%s%s%s",
                       picture                          ? "layers"
                       : cli_given(args, "activations") ? "activations"
                                                        : "histograms",
                       operand ? ", and '" : "", operand ? operand : "",
                       operand ? "' is none" : "");
    return picture ? show_picture(args) : show_activity(args);
}

static int show_refuse(const cli_args *args)
{
    const char *form = NULL;
    for (int i = 0; i < SHOW_FORMS; i++) {
        if (!cli_flag(args, show_forms[i])) continue;
        if (form) return cli_bad("--%s and --%s exclude each other", form, show_forms[i]);
        form = show_forms[i];
    }
    const bool plan = cli_flag(args, "plan");
    for (size_t i = 0; form && i < sizeof show_drawn / sizeof *show_drawn; i++)
        if (cli_given(args, show_drawn[i]))
            return cli_bad("--%s prints that alone: leave out --%s", form, show_drawn[i]);
    for (size_t i = 0; i < sizeof show_work_options / sizeof *show_work_options; i++)
        if (cli_given(args, show_work_options[i]))
            return cli_bad("--%s belongs to --activations and --layers", show_work_options[i]);
    if (form && !plan && cli_flag(args, "json"))
        return cli_bad("--json and --%s exclude each other", form);
    if (!form && (cli_flag(args, "train") || cli_given(args, "batch")))
        return cli_bad("--train and --batch belong to --plan, --graph and --dot");
    if (!plan && (cli_flag(args, "exact") || cli_given(args, "threads")))
        return cli_bad("--threads and --exact belong to --plan");
    if (!cli_given(args, "net") && cli_operands(args) == 0)
        return cli_bad("what? A model, a data set, --recipe NAME, or --net NET --input SIZES");
    return CLI_YES;
}

/* Pictures must be possible before anything is told. */
static int show_refuse_pictures(const cli_args *args, const cli_net *net)
{
    static const char *const options[] = {"svg", "png"};
    const char *filters = cli_text(args, "filters"), *neurons = cli_text(args, "neurons");
    int code = neurons ? cli_check_figure("neurons", neurons, false) : CLI_YES;
    for (size_t i = 0; code == CLI_YES && i < sizeof options / sizeof *options; i++) {
        const char *path = cli_text(args, options[i]);
        const char *dot = path ? strrchr(path, '.') : NULL;
        if (path && (!dot || strcasecmp(dot + 1, options[i]) != 0))
            return cli_bad("--%s: '%s' does not end in .%s", options[i], path, options[i]);
        if (path) code = cli_check_figure(options[i], path, true);
    }
    if (code != CLI_YES || !filters) return code;
    const gr_store *store = net->model ? gr_model_store(net->model) : NULL;
    bool any = false;
    for (int i = 0; store && i < gr_store_size(store); i++)
        any = any || gr_store_type(store, i).shape.rank == 4;
    if (!any)
        return cli_bad("--filters: %s has no filters of a convolution of pictures", net->source);
    return cli_check_figure("filters", filters, false);
}

static int show_net_layers(const cli_args *args, const cli_net *net)
{
    const show_pictures pictures = {.svg = cli_text(args, "svg"),
                                    .png = cli_text(args, "png"),
                                    .filters = cli_text(args, "filters"),
                                    .neurons = cli_text(args, "neurons")};
    int code = show_refuse_pictures(args, net);
    return code == CLI_YES ? show_layers(net, cli_flag(args, "json"), &pictures) : code;
}

static int show_net(const cli_args *args)
{
    cli_net net;
    bool program = cli_flag(args, "plan") || cli_flag(args, "graph") || cli_flag(args, "dot");
    int code = cli_net_open(args, &net);
    if (code == CLI_YES && net.input.rank == 0)
        code = cli_bad("which shape does an example have? --input 1,28,28 tells it");
    if (code == CLI_YES) code = program ? show_program(args, &net) : show_net_layers(args, &net);
    cli_net_close(&net);
    return code;
}

/* A model file, or one of another program's tensors. */
static int show_file(const cli_args *args)
{
    gr_safetensors *file;
    const char *path = cli_operand(args, 0);
    gr_status status = gr_safetensors_open(cli_spool(path), &file);
    if (status != GR_OK) return cli_failed(status);
    bool model = gr_meta_get(gr_safetensors_meta(file), "net") != NULL;
    bool json = cli_flag(args, "json");
    int code = CLI_YES;
    if (!model && (cli_flag(args, "plan") || cli_flag(args, "graph") || cli_flag(args, "dot")))
        code = cli_bad("%s: there are tensors, but no net", path);
    else if (!model)
        code = show_tensors(path, file, json);
    gr_safetensors_close(file);
    return model ? show_net(args) : code;
}

static int show_run(const cli_args *args)
{
    if (cli_given(args, "activation-functions")) return show_functions(args);
    if (show_at_work(args)) return show_work(args);
    int code = show_refuse(args);
    if (code != CLI_YES) return code;
    if (cli_given(args, "net") || cli_is_net_file(cli_operand(args, 0))) return show_net(args);
    if (cli_is_model(cli_operand(args, 0))) return show_file(args);
    for (int i = 0; i < SHOW_FORMS; i++)
        if (cli_flag(args, show_forms[i]))
            return cli_bad("--%s is for models and nets, and '%s' is none", show_forms[i],
                           cli_operand(args, 0));
    for (size_t i = 0; i < sizeof show_drawn / sizeof *show_drawn; i++)
        if (cli_given(args, show_drawn[i]))
            return cli_bad("--%s is for models and nets, and '%s' is none", show_drawn[i],
                           cli_operand(args, 0));
    return cli_command_data.run(args);
}

static const cli_option show_options[] = {
    {.name = "recipe",
     .letter = 'R',
     .kind = CLI_TEXT,
     .argument = "NAME|FILE",
     .help = "show the network of a recipe of gradus train, nets/NAME.recipe"},
    {.name = "net",
     .letter = 'n',
     .kind = CLI_TEXT,
     .argument = "TEXT|FILE",
     .help = "show a network"},
    {.name = "input",
     .kind = CLI_TEXT,
     .argument = "SIZES",
     .help = "shape of one example for --net: 1,28,28 (default: that of the recipe beside it)"},
    CLI_GATES_OPTION,
    {.name = "svg",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the layers, from left to right",
     .group = "Output"},
    {.name = "png", .kind = CLI_TEXT, .argument = "FILE", .help = "the same as a picture of dots"},
    {.name = "filters",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the filters of a model's first convolution (.svg, .png or .pdf)"},
    {.name = "neurons",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw a fully connected net neuron by neuron, with a line for each weight (.svg, .png "
             "or .pdf)"},
    {.name = "activation-functions",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "instead of all else: draw every activation of the language with its derivative"},
    {.name = "json", .help = "print JSON"},
    {.name = "activations",
     .help = "what the layers do on --data: mean and deviation, saturated and dead units, "
             "gradients, the share of the weights that an update is",
     .group = "A model at work"},
    {.name = "histograms",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the distribution of each layer's outputs as well"},
    {.name = "layers",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw what each layer makes of one example"},
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .fallback = "fashion-mnist",
     .help = "examples: see gradus data"},
    {.name = "part",
     .kind = CLI_WORD,
     .argument = "train|test",
     .fallback = "train",
     .help = "which of them"},
    {.name = "examples",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 9e15,
     .fallback = "1000",
     .help = "so many of them, evenly spaced"},
    {.name = "bound",
     .kind = CLI_REAL,
     .argument = "X",
     .min = 1e-30,
     .max = 1e30,
     .fallback = "0.01",
     .help = "a unit is saturated where its derivative is below X"},
    {.name = "rate",
     .letter = 'r',
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e30,
     .fallback = "0.01",
     .help = "learning rate of the updates of gradient descent"},
    {.name = "picture", .kind = CLI_TEXT, .argument = "FILE", .help = "a picture for --layers"},
    {.name = "example",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "0",
     .help = "or an example of the data (from 0)"},
    {.name = "invert", .help = "black on white becomes white on black, as MNIST's digits are"},
    {.name = "plan",
     .help = "print the compiled program: the steps in their order, with kernel and memory",
     .group = "Programs and graphs"},
    {.name = "graph", .help = "print the graph as text"},
    {.name = "dot", .help = "print the graph for Graphviz: gradus show ... --dot | dot -Tsvg"},
    {.name = "train", .help = "program or graph of a training step (by adam) instead of inference"},
    {.name = "batch",
     .letter = 'b',
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1 << 20,
     .help = "examples that program or graph are for (default: 1, with --train 64)"},
    {.name = "threads",
     .kind = CLI_INT,
     .argument = "N",
     .min = 1,
     .max = 1024,
     .help = "the program for so many (default: $GRADUS_THREADS, else all cores)"},
    {.name = "exact", .help = "the program without oneDNN and Winograd's method"},
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_show = {
    .name = "show",
    .summary = "tell what is in a model, a net or a data set",
    .operands = "MODEL | DATA | NET.net | --recipe NAME | --net NET --input SIZES",
    .about = "Of a model or a net: layers, the shape of their outputs, parameters, multiply-adds "
             "(of convolutions and matrix products, forward) and memory of their outputs, all for "
             "one example; of a model also its classes and normalisation, and where its training "
             "stands if it is a checkpoint. Of a data set the same as gradus data.",
    .examples = "gradus show model.safetensors\n"
                "gradus show --recipe alexnet --svg alexnet.svg\n"
                "gradus show --net 'conv(20,5) |> maxpool(2) |> fc(10)' --input 1,28,28\n"
                "gradus show model.safetensors --plan --batch 64\n"
                "gradus show model.safetensors --activations --data mnist --histograms units.svg\n"
                "gradus show model.safetensors --layers layers.png --data mnist --example 7\n"
                "gradus show --activation-functions activations.svg\n"
                "gradus show fashion-mnist\n",
    .most = 1,
    .options = show_options,
    .run = show_run,
};
