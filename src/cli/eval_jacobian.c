#define GR_NO_PLACES /* the user has no use for lines of this file */
/* The Jacobian of one gate by another. */
#include "cli/command.h"
#include "cli/eval.h"
#include "cli/out.h"

#include <gradus/ops.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of matrices up to here. */
static const int64_t jacobian_most = INT64_C(1) << 24;

/* Which gates lie on a way from gate `from` to gate `to`? [count], to be freed. */
static bool *jacobian_ways(const circuit *c, int from, int to)
{
    bool *after = cli_alloc((size_t)c->count, sizeof *after);
    bool *before = cli_alloc((size_t)c->count, sizeof *before);
    after[from] = true;
    before[to] = true;
    for (int k = 0; k < c->count; k++)
        for (int i = 0; i < gr_node_inputs(c->gate[k].node); i++) {
            const circuit_gate *input = circuit_input(c, k, i);
            if (input && after[input - c->gate]) after[k] = true;
        }
    for (int k = c->count - 1; k >= 0; k--)
        for (int i = 0; before[k] && i < gr_node_inputs(c->gate[k].node); i++) {
            const circuit_gate *input = circuit_input(c, k, i);
            if (input) before[input - c->gate] = true;
        }
    for (int k = 0; k < c->count; k++) after[k] = after[k] && before[k];
    free(before);
    return after;
}

/* Does each element of `to` depend on the one element of `from` at its own place alone? */
static bool jacobian_is_diagonal(const circuit *c, int from, int to)
{
    const gr_shape shape = gr_node_shape(c->gate[from].node);
    bool *way = jacobian_ways(c, from, to), diagonal = true;
    for (int k = 0; k < c->count; k++) {
        if (!way[k] || k == from) continue;
        diagonal = diagonal && gr_node_elementwise(c->gate[k].node) &&
                   gr_shape_equal(gr_node_shape(c->gate[k].node), shape);
    }
    free(way);
    return diagonal;
}

/* One program for dy·J, with the cotangent as an input of it. */
typedef struct jacobian_run {
    gr_program *program;
    gr_session *session;
    int cotangent; /* its input's number */
} jacobian_run;

static gr_status jacobian_open(circuit *c, int from, int to, jacobian_run *run)
{
    gr_node *out, *y = c->gate[to].node;
    gr_compile_options options = {.size = sizeof options, .threads = 1};
    gr_node *dy =
        gr_input(c->graph, "cotangent of the Jacobian", gr_node_dtype(y), gr_node_shape(y));
    gr_status status = gr_vjp(y, dy, &c->gate[from].node, 1, &out);
    /* The cotangent itself too, so that it is an input even where the gradient is zero. */
    if (status == GR_OK)
        status = gr_compile(c->graph, (gr_node *[]){out, dy}, 2, &options, &run->program);
    if (status == GR_OK) status = gr_session_new(run->program, NULL, NULL, &run->session);
    for (int i = 0; status == GR_OK && i < gr_program_inputs(run->program); i++) {
        const int k = circuit_find(c, gr_program_input_name(run->program, i));
        if (k < 0) {
            run->cotangent = i;
            continue;
        }
        const gr_tensor *value = &c->gate[k].value;
        status = gr_session_write(run->session, i, value->data, gr_tensor_bytes(value));
    }
    return status;
}

static gr_status jacobian_row(const jacobian_run *run, const double *cotangent, int64_t n,
                              double *row, int64_t columns)
{
    gr_status status =
        gr_session_write(run->session, run->cotangent, cotangent, sizeof *cotangent * (size_t)n);
    if (status == GR_OK) status = gr_session_step(run->session);
    if (status != GR_OK) return status;
    return gr_session_read(run->session, 0, row, sizeof *row * (size_t)columns);
}

/* All rows, or the diagonal, into *to. */
static gr_status jacobian_compute(circuit *c, int from, int to, bool diagonal, gr_tensor *matrix)
{
    const int64_t rows = gr_shape_count(c->gate[to].value.shape);
    const int64_t columns = gr_shape_count(c->gate[from].value.shape);
    jacobian_run run = {0};
    double *dy = cli_alloc((size_t)rows + 1, sizeof *dy);
    gr_status status =
        gr_tensor_new(GR_F64, diagonal ? GR_SHAPE(columns) : GR_SHAPE(rows, columns), matrix);
    if (status == GR_OK) status = jacobian_open(c, from, to, &run);
    for (int64_t i = 0; i < (diagonal ? 1 : rows) && status == GR_OK; i++) {
        for (int64_t k = 0; k < rows; k++) dy[k] = diagonal || k == i;
        status = jacobian_row(&run, dy, rows, (double *)matrix->data + i * columns, columns);
    }
    gr_session_free(run.session);
    gr_program_free(run.program);
    free(dy);
    return status;
}

/* A row of the matrix as a vector that shares its data. */
static void jacobian_print(const gr_tensor *matrix, int digits)
{
    const int64_t rows = matrix->shape.dim[0], columns = matrix->shape.dim[1];
    enum { SHOWN = 16 };
    for (int64_t i = 0; i < rows && i < SHOWN; i++) {
        gr_tensor row = {GR_F64, GR_SHAPE(columns), (double *)matrix->data + i * columns};
        char *text = circuit_show(&row, digits);
        cli_print("  %s\n", text);
        free(text);
    }
    if (rows > SHOWN) cli_print("  %s\n", cli_glyph("…", "..."));
}

static void jacobian_show(const circuit *c, int from, int to, bool diagonal,
                          const gr_tensor *matrix, int digits)
{
    char out[128], in[128];
    const gr_tensor *y = &c->gate[to].value, *x = &c->gate[from].value;
    cli_print("\nJacobian of %s %s by %s %s: %" PRId64 " %s %" PRId64, c->gate[to].name,
              gr_shape_print(y->shape, out, sizeof out), c->gate[from].name,
              gr_shape_print(x->shape, in, sizeof in), gr_shape_count(y->shape),
              cli_glyph("×", "x"), gr_shape_count(x->shape));
    if (!diagonal) {
        cli_print("\n\n");
        jacobian_print(matrix, digits);
        return;
    }
    char *text = circuit_show(matrix, digits);
    cli_print(", diagonal: each element depends on its own alone.\nIt is not built; its diagonal "
              "is %s\n",
              text);
    free(text);
}

/* "OUT,IN": two gates with gradients. */
static int jacobian_find(const circuit *c, const char *text, int found[2])
{
    char *names = cli_format("%s", text), *rest = names;
    int code = CLI_YES, n = 0;
    for (char *name; code == CLI_YES && (name = strsep(&rest, ",")); n++) {
        const int k = n < 2 ? circuit_find(c, name) : -1;
        if (n < 2 && k < 0)
            code = cli_bad("--jacobian: the expression has no input or gate '%s'", name);
        else if (n < 2 && !circuit_has_gradient(&c->gate[k]))
            code = cli_bad("--jacobian: '%s' is of type %s, which has no gradient", name,
                           gr_dtype_name(gr_node_dtype(c->gate[k].node)));
        if (n < 2) found[n] = k;
    }
    if (code == CLI_YES && n != 2)
        code = cli_bad("--jacobian: '%s' is not of the form OUT,IN", text);
    free(names);
    return code;
}

int eval_refuse_jacobian(const circuit *c, const char *names)
{
    int found[2] = {0};
    int code = jacobian_find(c, names, found);
    if (code != CLI_YES) return code;
    const int64_t rows = gr_shape_count(gr_node_shape(c->gate[found[0]].node));
    const int64_t columns = gr_shape_count(gr_node_shape(c->gate[found[1]].node));
    if (columns == 0 || rows <= jacobian_most / columns ||
        jacobian_is_diagonal(c, found[1], found[0]))
        return CLI_YES;
    return cli_bad("--jacobian: %" PRId64 " by %" PRId64
                   " elements, and not diagonal: more than are built (%" PRId64 ")",
                   rows, columns, jacobian_most);
}

int eval_jacobian(circuit *c, const char *names, int digits, cli_json *json)
{
    int found[2] = {0};
    gr_tensor matrix = {0};
    int code = jacobian_find(c, names, found);
    if (code != CLI_YES) return code;
    const int to = found[0], from = found[1];
    const bool diagonal = jacobian_is_diagonal(c, from, to);
    gr_status status = jacobian_compute(c, from, to, diagonal, &matrix);
    if (status == GR_OK && json) {
        cli_json_object(json, "jacobian");
        cli_json_bool(json, "diagonal", diagonal);
        cli_json_int(json, "rows", gr_shape_count(c->gate[to].value.shape));
        cli_json_int(json, "columns", gr_shape_count(c->gate[from].value.shape));
        cli_json_tensor(json, "values", &matrix);
        cli_json_end(json);
    } else if (status == GR_OK) {
        jacobian_show(c, from, to, diagonal, &matrix, digits);
    }
    gr_tensor_clear(&matrix);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
