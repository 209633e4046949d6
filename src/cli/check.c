/* gradus check: analytic gradients against numerical ones. */
#include "cli/check.h"

#include "cli/circuit.h"
#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/net.h"
#include "cli/out.h"
#include "cli/values.h"
#include "cli/verdict.h"

#include <stdlib.h>

enum { CHECK_EXPR_SAMPLES = 200 };

gr_check_options cli_check_options(const cli_args *args, int64_t samples)
{
    gr_check_options options = {.size = sizeof options,
                                .tolerance = cli_real(args, "tolerance"),
                                .samples = cli_int(args, "samples"),
                                .seed = (uint64_t)cli_int(args, "seed")};
    if (options.samples == 0) options.samples = samples;
    return options;
}

int cli_check_conclude(const cli_args *args, const char *title, gr_check_report *report)
{
    cli_json json = {.pretty = true};
    double tolerance = cli_real(args, "tolerance");
    bool passed = report->passed;
    if (cli_flag(args, "allow-vacuous")) {
        passed = true;
        for (int i = 0; i < report->entries; i++) passed = passed && !report->entry[i].faults;
        report->passed = passed;
    }
    if (cli_flag(args, "json")) {
        cli_json_check(&json, NULL, report, tolerance);
    } else {
        cli_print("%s\n\n", title);
        cli_print_check(report, tolerance);
    }
    gr_check_clear(report);
    return passed ? CLI_YES : CLI_NO;
}

/* ---- Expressions ---------------------------------------------------------------------------- */

static int check_refuse(const circuit *c)
{
    gr_dtype dtype = gr_node_dtype(c->gate[c->result].node);
    if (!gr_dtype_is_float(dtype))
        return cli_bad("the result is of type %s, which has no gradient", gr_dtype_name(dtype));
    if (c->inputs == 0) return cli_bad("the expression has no inputs, so no gradient");
    return CLI_YES;
}

static int check_circuit(const cli_args *args, const gr_expr *expr, const gr_tensor *values)
{
    circuit c;
    gr_check_report report;
    char text[128];
    gr_check_options options = cli_check_options(args, CHECK_EXPR_SAMPLES);
    gr_status status = circuit_build(expr, values, &c);
    int code = status == GR_OK ? CLI_YES : cli_failed(status);
    if (code == CLI_YES) code = check_refuse(&c);
    if (code == CLI_YES) {
        gr_shape shape = gr_node_shape(c.gate[c.result].node);
        char *title = shape.rank ? cli_format("Gradient of the result, of shape %s, "
                                              "summed with random weights, in f64.",
                                              gr_shape_print(shape, text, sizeof text))
                                 : cli_format("Gradient of the result, in f64.");
        status = circuit_check(&c, &options, &report);
        if (status == GR_UNSUPPORTED)
            code = cli_bad("%s", gr_message());
        else if (status != GR_OK)
            code = cli_failed(status);
        else
            code = cli_check_conclude(args, title, &report);
        free(title);
    }
    circuit_clear(&c);
    return code;
}

static int check_expr(const cli_args *args)
{
    gr_expr *expr;
    gr_tensor *values;
    int next;
    uint64_t seed = (uint64_t)cli_int(args, "seed");
    if (cli_given(args, "input") || cli_given(args, "data") || cli_given(args, "loss"))
        return cli_bad("--input, --data and --loss belong to a net or a model; an expression's "
                       "values are given as name=value, shapes as name:2,3");
    int code = cli_read_expr(args, &expr, &next);
    if (code != CLI_YES) return code;
    code = cli_read_values(args, next, expr, &seed, &values);
    if (code == CLI_YES) {
        code = check_circuit(args, expr, values);
        cli_values_free(values, expr);
    }
    gr_expr_free(expr);
    return code;
}

/* ---- The command ---------------------------------------------------------------------------- */

static int check_main(const cli_args *args)
{
    bool model =
        !cli_given(args, "file") && cli_operands(args) > 0 && cli_is_model(cli_operand(args, 0));
    return cli_given(args, "net") || model ? cli_check_net(args) : check_expr(args);
}

static const cli_option check_options[] = {
    {.name = "samples",
     .kind = CLI_INT,
     .argument = "N",
     .min = -1,
     .max = 1e9,
     .help = "elements tried of each input or parameter, drawn at random; -1: all (default: 200, "
             "for nets 10)"},
    {.name = "tolerance",
     .kind = CLI_REAL,
     .argument = "E",
     .fallback = "1e-6",
     .min = 1e-15,
     .max = 1,
     .help = "largest relative error that passes"},
    {.name = "allow-vacuous", .help = "let gradients pass that are zero wherever they were tried"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "1",
     .max = 9e15,
     .help = "of everything that is drawn"},
    CLI_GATES_OPTION,
    {.name = "json", .help = "print JSON"},
    {.name = "file",
     .letter = 'f',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "read the expression from a file",
     .group = "Expressions"},
    {.name = "net",
     .letter = 'n',
     .kind = CLI_TEXT,
     .argument = "TEXT|FILE",
     .help = "check a network with fresh parameters",
     .group = "Nets and models"},
    {.name = "input",
     .kind = CLI_TEXT,
     .argument = "SIZES",
     .help = "shape of one example for --net: 1,28,28 (default: that of --data)"},
    {.name = "loss",
     .kind = CLI_WORD,
     .argument = "softmax|hinge|squared_hinge|sigmoid|mse|l1|huber|none",
     .help = "the loss; none: the output itself, summed with random weights (default: the "
             "model's, or softmax, or none if the output is no row of scores for each example)"},
    {.name = "data",
     .letter = 'd',
     .kind = CLI_TEXT,
     .argument = "NAME|PATH",
     .help = "take examples from there (default: random ones)"},
    {.name = "rows",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "4",
     .min = 1,
     .max = 4096,
     .help = "examples in the batch"},
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_check = {
    .name = "check",
    .summary = "check the gradient of an expression, a net or a model",
    .operands = "EXPR [NAME=VALUE…] | --net NET --input SIZES | MODEL",
    .about = "Compares the analytic gradient with central differences of the value, in f64, "
             "element by element, and reports the worst of each input and parameter. Inputs of an "
             "expression without a value are drawn from the normal distribution, as scalars or "
             "with a shape given as name:2,3. Nets are checked as they are trained, with dropout "
             "and the moments of the batch. A gradient that is zero wherever it was tried shows "
             "nothing and is vacuous; a point where the function has a corner is a kink.",
    .examples = "gradus check 'sum((W @ x)^2)' W:2,3 x:3\n"
                "gradus check 'x*y + sigmoid(x)' x=1 y=-2\n"
                "gradus check --net 'conv(4,3) |> maxpool(2) |> relu |> fc(10)' --input 1,12,12\n"
                "gradus check model.safetensors --data fashion-mnist --samples 10\n",
    .exits = "a gradient is wrong, or vacuous;",
    .most = -1,
    .options = check_options,
    .run = check_main,
};
