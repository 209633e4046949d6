/* gradus eval: an expression's value, and the value and gradient of every gate in it. */
#include "cli/eval.h"

#include "cli/gates.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/plan.h"
#include "cli/values.h"
#include "cli/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- The gradient --------------------------------------------------------------------------- */

typedef struct eval_names {
    const char *name[64];
    int count;
    char *text; /* that they point into */
} eval_names;

/* "x,y" of --wrt, which must be names of the circuit that have a gradient. */
static int eval_read_names(const circuit *c, const char *text, eval_names *names)
{
    *names = (eval_names){.text = cli_format("%s", text)};
    char *rest = names->text;
    for (char *name; (name = strsep(&rest, ","));) {
        int k = circuit_find(c, name);
        if (k < 0) {
            const char **known = cli_alloc((size_t)c->count, sizeof *known);
            int n = 0;
            for (int i = 0; i < c->count; i++)
                if (c->gate[i].kind != CIRCUIT_CONSTANT) known[n++] = c->gate[i].name;
            const char *near = cli_nearest_name(name, known, n);
            free(known);
            return cli_bad("--wrt: the expression has no input or gate '%s'%s%s%s", name,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (!circuit_has_gradient(&c->gate[k]))
            return cli_bad("--wrt: '%s' is of type %s, which has no gradient", name,
                           gr_dtype_name(gr_node_dtype(c->gate[k].node)));
        if (names->count == sizeof names->name / sizeof *names->name)
            return cli_bad("--wrt: more than %d names", names->count);
        names->name[names->count++] = name;
    }
    return CLI_YES;
}

/* Why the result cannot have a gradient; NULL if it can. To be freed. */
static char *eval_refuse_gradient(const circuit *c)
{
    char text[128];
    const gr_node *result = c->gate[c->result].node;
    gr_shape shape = gr_node_shape(result);
    if (!gr_dtype_is_float(gr_node_dtype(result)))
        return cli_format("the result is of type %s; only numbers of type f64 and f32 have one",
                          gr_dtype_name(gr_node_dtype(result)));
    if (shape.rank == 0) return NULL;
    return cli_format("the result has shape %s; only a scalar has one: reduce it, as by sum(...) "
                      "or mean(...)",
                      gr_shape_print(shape, text, sizeof text));
}

/* Builds the circuit with its gradient. Where there is none, *reason (to be freed) tells why,
 * unless it was asked for by --wrt: that is refused. */
static int eval_build(const cli_args *args, const gr_expr *expr, const gr_tensor *values,
                      circuit *c, char **reason)
{
    const char *wrt = cli_text(args, "wrt");
    eval_names names = {0};
    int code = CLI_YES;
    gr_status status = circuit_build(expr, values, c);
    if (status != GR_OK) return cli_failed(status);
    *reason = eval_refuse_gradient(c);
    if (wrt) code = eval_read_names(c, wrt, &names);
    if (code == CLI_YES && wrt && *reason) code = cli_bad("no gradient: %s", *reason);
    if (code == CLI_YES && !*reason) {
        status = circuit_differentiate(c, wrt ? names.name : NULL, names.count);
        if (status != GR_OK && status != GR_UNSUPPORTED) code = cli_failed(status);
        if (status == GR_UNSUPPORTED && wrt) code = cli_bad("%s", gr_message());
        if (status == GR_UNSUPPORTED && !wrt) *reason = cli_format("%s", gr_message());
    }
    free(names.text);
    if (code != CLI_YES || status == GR_OK) return code;
    circuit_clear(c);
    status = circuit_build(expr, values, c);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int eval_check(circuit *c, gr_check_report *report)
{
    gr_check_options options = {.size = sizeof options};
    gr_status status = circuit_check(c, &options, report);
    if (status != GR_OK) return cli_failed(status);
    return report->passed ? CLI_YES : CLI_NO;
}

static const double eval_tolerance = 1e-6; /* gr_check's own */

/* The options that look closer: at the chain rule, at a Jacobian, at differences. As text, or as
 * members of `json`'s open object. */
static int eval_study(const cli_args *args, circuit *c, cli_json *json)
{
    const int digits = (int)cli_int(args, "digits");
    int code = CLI_YES;
    if (cli_flag(args, "explain")) {
        gr_status status = json ? eval_explain_json(json, c) : eval_explain(c, digits);
        if (status != GR_OK) code = cli_failed(status);
    }
    if (code == CLI_YES && cli_given(args, "numeric"))
        code = eval_numeric(c, strcmp(cli_text(args, "numeric"), "forward") == 0,
                            cli_real(args, "h"), cli_text(args, "errors"), digits, json);
    if (code == CLI_YES && cli_flag(args, "time")) code = eval_time(c, json);
    if (code == CLI_YES && cli_given(args, "jacobian"))
        code = eval_jacobian(c, cli_text(args, "jacobian"), digits, json);
    return code;
}

static int eval_show_json(const cli_args *args, circuit *c, const gr_check_report *report)
{
    cli_json json = {.pretty = true};
    int code = CLI_YES;
    cli_json_object(&json, NULL);
    eval_print_json(&json, c);
    if (cli_flag(args, "check")) cli_json_check(&json, "check", report, eval_tolerance);
    if (code == CLI_YES) code = eval_study(args, c, &json);
    if (code == CLI_YES && cli_given(args, "step")) code = eval_steps(args, c, &json);
    cli_json_end(&json);
    return code;
}

static int eval_show(const cli_args *args, const gr_expr *expr, circuit *c, const char *reason,
                     const gr_check_report *report)
{
    int digits = (int)cli_int(args, "digits");
    if (cli_flag(args, "plan")) return cli_plan_print(c->program, cli_flag(args, "json"));
    if (cli_flag(args, "json")) return eval_show_json(args, c, report);
    if (cli_flag(args, "dot")) {
        eval_print_dot(c, digits);
        return CLI_YES;
    }
    eval_print_table(c, expr, digits);
    if (reason) cli_print("\nno gradient: %s\n", reason);
    if (cli_flag(args, "check")) {
        cli_print("\n");
        cli_print_check(report, eval_tolerance);
    }
    int code = eval_study(args, c, NULL);
    if (code != CLI_YES || !cli_given(args, "step")) return code;
    return eval_steps(args, c, NULL);
}

/* What needs a gradient by the inputs. */
static int eval_refuse(const cli_args *args, const circuit *c, const char *reason)
{
    static const char *const options[] = {"check", "step", "explain", "numeric"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!cli_given(args, options[i])) continue;
        if (reason) return cli_bad("--%s: no gradient: %s", options[i], reason);
        if (c->inputs == 0) return cli_bad("--%s: the expression has no inputs", options[i]);
    }
    if (!cli_given(args, "jacobian")) return CLI_YES;
    return eval_refuse_jacobian(c, cli_text(args, "jacobian"));
}

static const char *const eval_pictures[] = {"svg", "png"};
enum { EVAL_PICTURES = sizeof eval_pictures / sizeof *eval_pictures };

/* Whatever would be drawn must be possible before anything is computed. */
static int eval_refuse_pictures(const cli_args *args)
{
    int code = CLI_YES;
    if (cli_flag(args, "statements") && !cli_given(args, "svg") && !cli_given(args, "png"))
        return cli_bad("--statements is for drawings: --svg FILE or --png FILE");
    for (int i = 0; i < EVAL_PICTURES && code == CLI_YES; i++) {
        const char *path = cli_text(args, eval_pictures[i]);
        if (!path) continue;
        const char *dot = strrchr(path, '.');
        if (!dot || strcasecmp(dot + 1, eval_pictures[i]) != 0)
            return cli_bad("--%s: '%s' does not end in .%s", eval_pictures[i], path,
                           eval_pictures[i]);
        code = cli_check_figure(eval_pictures[i], path, true);
    }
    if (code == CLI_YES && cli_given(args, "errors"))
        code = cli_check_figure("errors", cli_text(args, "errors"), false);
    return code;
}

static int eval_draw_pictures(const cli_args *args, const gr_expr *expr, const circuit *c)
{
    const char *path[EVAL_PICTURES];
    const int digits = cli_given(args, "digits") ? (int)cli_int(args, "digits") : 3;
    for (int i = 0; i < EVAL_PICTURES; i++) path[i] = cli_text(args, eval_pictures[i]);
    if (!path[0] && !path[1]) return CLI_YES;
    gr_status status = cli_flag(args, "statements")
                           ? eval_draw_statements(c, expr, digits, path, EVAL_PICTURES)
                           : eval_draw(c, digits, path, EVAL_PICTURES);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int eval_circuit(const cli_args *args, const gr_expr *expr, const gr_tensor *values)
{
    circuit c;
    char *reason = NULL;
    gr_check_report report = {0};
    int verdict = CLI_YES;
    int code = eval_build(args, expr, values, &c, &reason);
    if (code == CLI_YES) code = eval_refuse(args, &c, reason);
    if (code == CLI_YES) {
        gr_status status = circuit_run(&c);
        if (status != GR_OK) code = cli_failed(status);
    }
    if (code == CLI_YES) code = eval_draw_pictures(args, expr, &c);
    if (code == CLI_YES && cli_flag(args, "check")) verdict = eval_check(&c, &report);
    if (code == CLI_YES && verdict <= CLI_NO) code = eval_show(args, expr, &c, reason, &report);
    gr_check_clear(&report);
    circuit_clear(&c);
    free(reason);
    return code == CLI_YES ? verdict : code;
}

static bool eval_studies(const cli_args *args)
{
    return cli_flag(args, "explain") || cli_given(args, "numeric") || cli_given(args, "jacobian") ||
           cli_flag(args, "time");
}

static int eval_run(const cli_args *args)
{
    gr_expr *expr;
    gr_tensor *values;
    int next;
    if (cli_flag(args, "dot") && (cli_flag(args, "json") || cli_flag(args, "check") ||
                                  cli_given(args, "step") || eval_studies(args)))
        return cli_bad("--dot prints the drawing alone: leave out the other forms of output");
    if (cli_flag(args, "plan") && (cli_flag(args, "dot") || cli_flag(args, "check") ||
                                   cli_given(args, "step") || eval_studies(args)))
        return cli_bad("--plan prints the program alone: leave out the other forms of output");
    if (!cli_given(args, "step") &&
        (cli_given(args, "times") || cli_flag(args, "descend") || cli_flag(args, "random")))
        return cli_bad("--times, --descend and --random belong to --step");
    if (!cli_flag(args, "random") && cli_given(args, "seed"))
        return cli_bad("--seed belongs to --random");
    if (!cli_given(args, "numeric") && (cli_given(args, "h") || cli_given(args, "errors")))
        return cli_bad("--h and --errors belong to --numeric");
    int code = eval_refuse_pictures(args);
    if (code == CLI_YES) code = cli_read_expr(args, &expr, &next);
    if (code != CLI_YES) return code;
    code = cli_read_values(args, next, expr, NULL, &values);
    if (code == CLI_YES) {
        code = eval_circuit(args, expr, values);
        cli_values_free(values, expr);
    }
    gr_expr_free(expr);
    return code;
}

static const cli_option eval_options[] = {
    {.name = "file",
     .letter = 'f',
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "read the expression from a file"},
    CLI_GATES_OPTION,
    {.name = "wrt",
     .kind = CLI_TEXT,
     .argument = "NAMES",
     .help = "only the gradient with respect to these inputs or gates (x,y)"},
    {.name = "check", .help = "check the gradient against numerical differences"},
    {.name = "explain",
     .help = "write the chain rule gate by gate: upstream times local is downstream"},
    {.name = "numeric",
     .kind = CLI_WORD,
     .argument = "central|forward",
     .help = "the gradient by such differences beside the analytic one"},
    {.name = "h",
     .kind = CLI_REAL,
     .argument = "H",
     .fallback = "1e-5",
     .min = 1e-300,
     .max = 1e300,
     .help = "the step of these differences"},
    {.name = "errors",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw their error against h, and what both gradients cost"},
    {.name = "jacobian",
     .kind = CLI_TEXT,
     .argument = "OUT,IN",
     .help = "the derivatives of each element of one gate by those of another"},
    {.name = "time", .help = "count the gates, and time a pass forward and backward"},
    {.name = "step",
     .kind = CLI_REAL,
     .argument = "H",
     .help = "move the inputs by H times their gradient and show the new value"},
    {.name = "times",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "1",
     .min = 1,
     .max = 1000000,
     .help = "so many steps"},
    {.name = "descend", .help = "step against the gradient"},
    {.name = "random",
     .help = "instead, try inputs drawn within H of these, and show each that is the best so far"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "1",
     .max = 9007199254740992,
     .help = "of what is drawn"},
    {.name = "digits",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "6",
     .min = 1,
     .max = 17,
     .help = "significant digits in the table and the drawing",
     .group = "Output"},
    {.name = "svg",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "draw the circuit: values above the wires, gradients below"},
    {.name = "png", .kind = CLI_TEXT, .argument = "FILE", .help = "the same as a picture of dots"},
    {.name = "statements", .help = "draw a box for each statement, not each gate"},
    {.name = "json", .help = "print JSON: all digits, null for nan and infinities"},
    {.name = "dot", .help = "print a drawing for Graphviz: gradus eval ... --dot | dot -Tsvg"},
    {.name = "plan",
     .help = "print the compiled program: the steps in their order, with kernel and memory"},
    {0},
};

const cli_command cli_command_eval = {
    .name = "eval",
    .summary = "compute an expression, with the value and gradient of every gate",
    .operands = "EXPR NAME=VALUE…",
    .about = "EXPR is a text, @FILE, or - for standard input. Values are numbers or nested arrays, "
             "[[1, 2], [3, 4]]. All is computed in f64. Gates are named by statements "
             "(q = x + y; q * z), the others g1, g2, … The gradient is that of the result, the "
             "last statement's value, which must be a scalar to have one. Of a tie max and min "
             "give the gradient to the first argument. An expression that begins with - goes "
             "after --.",
    .examples = "gradus eval '(x + y) * z' x=-2 y=5 z=-4\n"
                "gradus eval 'sum((W @ x)^2)' W='[[.1, .5], [-.3, .8]]' x='[.2, .4]' --check\n"
                "gradus eval 'q = x + y; q * z' x=-2 y=5 z=-4 --step 0.01 --times 3\n"
                "gradus eval 'q = x + y; q * z' x=-2 y=5 z=-4 --explain --svg circuit.svg\n"
                "gradus eval 'y = relu(x); sum(y)' 'x=[1, -2, 3]' --jacobian y,x\n"
                "gradus eval --json -- '-x^2' x=3\n",
    .exits = "--check finds a gradient that is wrong;",
    .most = -1,
    .options = eval_options,
    .run = eval_run,
};
