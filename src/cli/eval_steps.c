#define GR_NO_PLACES /* the user has no use for lines of this file */
/* Inputs that move: along the gradient, against it, or at random. */
#include "cli/eval.h"
#include "cli/out.h"
#include "cli/table.h"

#include <gradus/ops.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ------------------------------------------------------------------------------------ */

static void eval_step_row(cli_table *table, const circuit *c, int64_t step, int digits)
{
    char *value = circuit_show(&c->gate[c->result].value, digits);
    cli_table_cell(table, "%" PRId64, step);
    cli_table_cell(table, "%s", value);
    free(value);
    for (int k = 0; k < c->inputs; k++) {
        char *input = circuit_show(&c->gate[k].value, digits);
        cli_table_cell(table, "%s", input);
        free(input);
    }
}

static void eval_step_json(cli_json *json, const circuit *c, int64_t step)
{
    cli_json_object(json, NULL);
    cli_json_int(json, "step", step);
    cli_json_tensor(json, "value", &c->gate[c->result].value);
    cli_json_object(json, "inputs");
    for (int k = 0; k < c->inputs; k++) cli_json_tensor(json, c->gate[k].name, &c->gate[k].value);
    cli_json_end(json);
    cli_json_end(json);
}

static cli_table *eval_step_table(const circuit *c, const char *what)
{
    char *columns = cli_format(">%s|>value", what);
    for (int k = 0; k < c->inputs; k++) {
        char *more = cli_format("%s|%c%s", columns, c->gate[k].value.shape.rank ? '~' : '>',
                                c->gate[k].name);
        free(columns);
        columns = more;
    }
    cli_table *table = cli_table_new(columns);
    free(columns);
    return table;
}

/* ---- Along the gradient -----------------------------------------------------------------------
 */

static void eval_move(circuit *c, double h)
{
    for (int k = 0; k < c->inputs; k++) {
        double *x = c->gate[k].value.data;
        const double *dx = c->gate[k].grad.data;
        for (int64_t i = 0; dx && i < gr_shape_count(c->gate[k].value.shape); i++)
            x[i] += h * dx[i];
    }
}

static gr_status eval_follow(const cli_args *args, circuit *c, cli_json *json, cli_table *table)
{
    const double h = cli_real(args, "step") * (cli_flag(args, "descend") ? -1 : 1);
    const int digits = (int)cli_int(args, "digits");
    gr_status status = GR_OK;
    for (int64_t step = 1; step <= cli_int(args, "times") && status == GR_OK; step++) {
        eval_move(c, h);
        status = circuit_run(c);
        if (status == GR_OK && table) eval_step_row(table, c, step, digits);
        if (status == GR_OK && json) eval_step_json(json, c, step);
    }
    return status;
}

/* ---- At random --------------------------------------------------------------------------------
 */

/* Draws for each input, in [0, 1), for the try whose number the graph's input is. */
typedef struct eval_draws {
    gr_graph *graph;
    gr_program *program;
    gr_session *session;
    double **start; /* the inputs' values as they were given */
} eval_draws;

static gr_status draws_open(const cli_args *args, const circuit *c, eval_draws *d)
{
    gr_compile_options options = {.size = sizeof options, .threads = 1};
    gr_node **node = cli_alloc((size_t)c->inputs, sizeof *node);
    d->graph = gr_graph_new();
    d->start = cli_alloc((size_t)c->inputs, sizeof *d->start);
    gr_node *number = gr_input(d->graph, "try", GR_I64, GR_SCALAR);
    for (int k = 0; k < c->inputs; k++) {
        const gr_tensor *value = &c->gate[k].value;
        d->start[k] = cli_alloc(gr_tensor_bytes(value) + 1, 1);
        memcpy(d->start[k], value->data, gr_tensor_bytes(value));
        node[k] = gr_random_uniform(
            d->graph, GR_F64, value->shape,
            (gr_stream){(uint64_t)cli_int(args, "seed"), c->gate[k].name, number});
    }
    gr_status status = gr_compile(d->graph, node, c->inputs, &options, &d->program);
    if (status == GR_OK) status = gr_session_new(d->program, NULL, NULL, &d->session);
    free(node);
    return status;
}

static void draws_close(const circuit *c, eval_draws *d)
{
    for (int k = 0; k < c->inputs; k++) free(d->start[k]);
    free(d->start);
    gr_session_free(d->session);
    gr_program_free(d->program);
    gr_graph_free(d->graph);
}

/* Puts the inputs to where try `number` wants them, within h of their start. */
static gr_status draws_move(const eval_draws *d, circuit *c, int64_t number, double h)
{
    gr_status status = gr_session_write(d->session, 0, &number, sizeof number);
    if (status == GR_OK) status = gr_session_step(d->session);
    for (int k = 0; k < c->inputs && status == GR_OK; k++) {
        gr_tensor *value = &c->gate[k].value;
        double *x = value->data;
        status = gr_session_read(d->session, k, x, gr_tensor_bytes(value));
        for (int64_t i = 0; i < gr_shape_count(value->shape); i++)
            x[i] = d->start[k][i] + h * (2 * x[i] - 1);
    }
    return status;
}

/* The guide's first strategy: what was best is kept, and all else forgotten. */
static gr_status eval_try(const cli_args *args, circuit *c, cli_json *json, cli_table *table)
{
    eval_draws d = {0};
    const double sign = cli_flag(args, "descend") ? -1 : 1;
    const int digits = (int)cli_int(args, "digits");
    const gr_tensor *result = &c->gate[c->result].value;
    double best = sign * gr_tensor_at(result, 0);
    if (isnan(best)) best = -INFINITY; /* anything is better */
    gr_status status = draws_open(args, c, &d);
    for (int64_t number = 1; number <= cli_int(args, "times") && status == GR_OK; number++) {
        status = draws_move(&d, c, number, cli_real(args, "step"));
        if (status == GR_OK) status = circuit_run(c);
        if (status != GR_OK || !(sign * gr_tensor_at(result, 0) > best)) continue;
        best = sign * gr_tensor_at(result, 0);
        if (table) eval_step_row(table, c, number, digits);
        if (json) eval_step_json(json, c, number);
    }
    draws_close(c, &d);
    return status;
}

/* ---- All --------------------------------------------------------------------------------------
 */

int eval_steps(const cli_args *args, circuit *c, cli_json *json)
{
    const bool random = cli_flag(args, "random"), descend = cli_flag(args, "descend");
    cli_table *table = json ? NULL : eval_step_table(c, random ? "try" : "step");
    if (json) cli_json_array(json, "steps");
    if (table) eval_step_row(table, c, 0, (int)cli_int(args, "digits"));
    gr_status status = (random ? eval_try : eval_follow)(args, c, json, table);
    if (json) cli_json_end(json);
    if (table && random)
        cli_print("\nThe %s values of %" PRId64 " tries within %g:\n\n",
                  descend ? "least" : "greatest", cli_int(args, "times"), cli_real(args, "step"));
    if (table && !random)
        cli_print("\n%s the gradient, in steps of %g:\n\n", descend ? "Against" : "Along",
                  cli_real(args, "step"));
    if (table) cli_table_print(table);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
