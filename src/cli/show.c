/* gradus show: what is in a model, a net or a data set. */
#include "cli/show.h"

#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/recipe.h"

#include <string.h>

static const char *const show_forms[] = {"plan", "graph", "dot"};
enum { SHOW_FORMS = sizeof show_forms / sizeof *show_forms };

static int show_refuse(const cli_args *args)
{
    const char *form = NULL;
    for (int i = 0; i < SHOW_FORMS; i++) {
        if (!cli_flag(args, show_forms[i])) continue;
        if (form) return cli_bad("--%s and --%s exclude each other", form, show_forms[i]);
        form = show_forms[i];
    }
    const bool plan = cli_flag(args, "plan");
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

static int show_net(const cli_args *args)
{
    cli_net net;
    bool program = cli_flag(args, "plan") || cli_flag(args, "graph") || cli_flag(args, "dot");
    int code = cli_net_open(args, &net);
    if (code == CLI_YES && net.input.rank == 0)
        code = cli_bad("which shape does an example have? --input 1,28,28 tells it");
    if (code == CLI_YES)
        code = program ? show_program(args, &net) : show_layers(&net, cli_flag(args, "json"));
    cli_net_close(&net);
    return code;
}

/* A model file, or one of another program's tensors. */
static int show_file(const cli_args *args)
{
    gr_safetensors *file;
    const char *path = cli_operand(args, 0);
    gr_status status = gr_safetensors_open(path, &file);
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
    int code = show_refuse(args);
    if (code != CLI_YES) return code;
    if (cli_given(args, "net") || cli_is_net_file(cli_operand(args, 0))) return show_net(args);
    if (cli_is_model(cli_operand(args, 0))) return show_file(args);
    for (int i = 0; i < SHOW_FORMS; i++)
        if (cli_flag(args, show_forms[i]))
            return cli_bad("--%s is for models and nets, and '%s' is none", show_forms[i],
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
    {.name = "json", .help = "print JSON", .group = "Output"},
    {.name = "plan",
     .help = "print the compiled program: the steps in their order, with kernel and memory"},
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
    {.name = "exact", .help = "the program that gives the same bits for any number of threads"},
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
                "gradus show --recipe alexnet\n"
                "gradus show --net 'conv(20,5) |> maxpool(2) |> fc(10)' --input 1,28,28\n"
                "gradus show model.safetensors --plan --batch 64\n"
                "gradus show fashion-mnist\n",
    .most = 1,
    .options = show_options,
    .run = show_run,
};
