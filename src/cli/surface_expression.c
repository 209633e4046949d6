/* gradus surface: the value of an expression over its two inputs. */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/gates.h"
#include "cli/out.h"
#include "cli/surface.h"
#include "cli/values.h"

#include <gradus/lang.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Functions on which optimisers are compared, by name. */
typedef struct expression_known {
    const char *name, *text;
    double low[2], high[2], start[2];
    bool log;
} expression_known;

static const expression_known expression_table[] = {
    {"saddle", "x^2 - y^2", {-1, -1}, {1, 1}, {.9, .01}, false},
    {"valley", "(x^2 + 50*y^2)/2", {-10, -3}, {10, 3}, {-9, 2}, false},
    {"rosenbrock", "(1 - x)^2 + 100*(y - x^2)^2", {-2, -1}, {2, 3}, {-1.5, 2}, true},
    {"beale",
     "(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2",
     {-.5, -1},
     {4.5, 2},
     {1, 1.5},
     true},
};

static const expression_known *expression_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof expression_table / sizeof *expression_table; i++)
        if (strcmp(name, expression_table[i].name) == 0) return &expression_table[i];
    return NULL;
}

/* ---- Computing ------------------------------------------------------------------------------ */

/* The expression's value alone, or with its gradient by the inputs. */
typedef struct expression_program {
    gr_program *program;
    gr_session *session;
    int input[2]; /* of the program; -1: it does not need it */
} expression_program;

typedef struct expression_ground {
    cli_surface *surface;
    expression_program value, slope; /* slope: made when it is asked for */
    const gr_expr *expr;
    gr_expr *own; /* freed with this */
    double noise;
    uint64_t draws;
} expression_ground;

static void expression_close(expression_program *program)
{
    gr_session_free(program->session);
    gr_program_free(program->program);
    *program = (expression_program){0};
}

static gr_status expression_targets(const gr_expr *expr, gr_graph *graph, bool slope,
                                    gr_node *target[3])
{
    gr_node *input[2] = {NULL, NULL};
    gr_binding binding[2];
    const int n = gr_expr_inputs(expr);
    for (int i = 0; i < n; i++) {
        input[i] = gr_input(graph, gr_expr_input(expr, i), GR_F64, GR_SCALAR);
        binding[i] = (gr_binding){gr_expr_input(expr, i), input[i]};
    }
    const gr_expr_env env = {.size = sizeof env,
                             .dtype = GR_F64,
                             .bindings = binding,
                             .n_bindings = n,
                             .gates = cli_gates()};
    gr_status status = gr_expr_build(expr, graph, &env, &target[0]);
    if (status == GR_OK && slope) status = gr_grad(target[0], input, n, target + 1);
    return status;
}

static gr_status expression_open(const gr_expr *expr, bool slope, expression_program *out)
{
    gr_graph *graph = gr_graph_new();
    gr_node *target[3];
    if (!graph) return GR_NO_MEMORY;
    const gr_compile_options options = {.size = sizeof options, .threads = 1};
    gr_status status = expression_targets(expr, graph, slope, target);
    if (status == GR_OK)
        status = gr_compile(graph, target, slope ? 1 + gr_expr_inputs(expr) : 1, &options,
                            &out->program);
    if (status == GR_OK) status = gr_session_new(out->program, NULL, NULL, &out->session);
    for (int i = 0; i < 2 && status == GR_OK; i++)
        out->input[i] = i < gr_expr_inputs(expr)
                            ? gr_program_find_input(out->program, gr_expr_input(expr, i))
                            : -1;
    gr_graph_free(graph);
    return status;
}

/* result[n] */
static gr_status expression_compute(const expression_program *program, const double at[2],
                                    double *result, int n)
{
    gr_status status = GR_OK;
    for (int i = 0; i < 2 && status == GR_OK; i++)
        if (program->input[i] >= 0)
            status = gr_session_write(program->session, program->input[i], &at[i], sizeof at[i]);
    if (status == GR_OK) status = gr_session_step(program->session);
    for (int i = 0; i < n && status == GR_OK; i++)
        status = gr_session_read(program->session, i, &result[i], sizeof result[i]);
    return status;
}

static gr_status expression_grid(void *user, const double *x, int columns, const double *y,
                                 int rows, double *values)
{
    const expression_ground *const ground = user;
    gr_status status = GR_OK;
    for (int i = 0; i < rows * columns && status == GR_OK; i++) {
        const double at[2] = {x[i % columns], y ? y[i / columns] : 0};
        status = expression_compute(&ground->value, at, &values[i], 1);
        if (status == GR_OK) status = cli_surface_proceed(ground->surface);
    }
    return status;
}

/* Two independent normal numbers for each step, by the seed. */
static gr_status expression_add_noise(expression_ground *ground, double slope[2])
{
    gr_tensor noise;
    gr_status status = cli_draw(GR_F64, GR_SHAPE(2), "noise",
                                ground->surface->seed + 1000003 * ++ground->draws, &noise);
    if (status != GR_OK) return status;
    for (int i = 0; i < 2; i++) slope[i] += ground->noise * gr_tensor_at(&noise, i);
    gr_tensor_clear(&noise);
    return GR_OK;
}

static gr_status expression_slope(void *user, const double at[2], bool some, double *value,
                                  double slope[2])
{
    expression_ground *const ground = user;
    double result[3];
    gr_status status = GR_OK;
    if (!ground->slope.session) status = expression_open(ground->expr, true, &ground->slope);
    if (status == GR_OK) status = expression_compute(&ground->slope, at, result, 3);
    if (status == GR_OK) status = cli_surface_proceed(ground->surface);
    if (status != GR_OK) return status;
    *value = result[0];
    slope[0] = result[1];
    slope[1] = result[2];
    return some ? expression_add_noise(ground, slope) : GR_OK;
}

static void expression_free(void *user)
{
    expression_ground *const ground = user;
    expression_close(&ground->value);
    expression_close(&ground->slope);
    gr_expr_free(ground->own);
    free(ground);
}

/* ---- What was asked for --------------------------------------------------------------------- */

static int expression_refuse(const cli_surface *surface)
{
    static const char *const nets[] = {"data", "loss",  "examples",  "directions",
                                       "l2",   "batch", "normalize", "input"};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        if (cli_given(surface->args, nets[i]))
            return cli_bad("--%s belongs to a net (--net, or a model file), not to an expression",
                           nets[i]);
    if (cli_operands(surface->args) > 1)
        return cli_bad("'%s' is too much: the expression's inputs are what the surface spans",
                       cli_operand(surface->args, 1));
    return CLI_YES;
}

static int expression_parse(const cli_surface *surface, const expression_known *known,
                            gr_expr **expr)
{
    int next = 0;
    if (!known) return cli_read_expr(surface->args, expr, &next);
    gr_status status = gr_expr_parse(known->text, known->name, expr);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int expression_refuse_inputs(const gr_expr *expr)
{
    const int n = gr_expr_inputs(expr);
    if (n == 1 || n == 2) return CLI_YES;
    if (n == 0) return cli_bad("the expression has no inputs: its surface is one number");
    return cli_bad("the expression has %d inputs (%s, %s, %s%s); a line has one, a plane two", n,
                   gr_expr_input(expr, 0), gr_expr_input(expr, 1), gr_expr_input(expr, 2),
                   n > 3 ? ", …" : "");
}

static int expression_check_value(const expression_ground *ground)
{
    char text[128];
    const gr_tensor type = gr_program_output_type(ground->value.program, 0);
    if (type.dtype == GR_F64 && type.shape.rank == 0) return CLI_YES;
    return cli_bad("the result is %s %s; a surface needs a number", gr_dtype_name(type.dtype),
                   gr_shape_print(type.shape, text, sizeof text));
}

/* Statements with semicolons between them. */
static char *expression_in_a_line(const char *text)
{
    char *line = cli_format("%s", "");
    while (*text) {
        const size_t length = strcspn(text, "\n");
        char *longer = cli_format("%s%s%.*s", line, *line ? "; " : "", (int)length, text);
        free(line);
        line = longer;
        text += length + (text[length] == '\n');
    }
    return line;
}

static void expression_range(cli_surface *surface, const expression_known *known)
{
    for (int i = 0; i < 2; i++) {
        surface->low[i] = known ? known->low[i] : -2;
        surface->high[i] = known ? known->high[i] : 2;
        surface->start[i] = known ? known->start[i] : 1;
    }
    surface->log = known && known->log;
    surface->points = 121;
}

int cli_surface_expression(cli_surface *surface)
{
    const expression_known *known =
        cli_given(surface->args, "file") ? NULL : expression_find(cli_operand(surface->args, 0));
    gr_expr *expr = NULL;
    int code = expression_refuse(surface);
    if (code == CLI_YES) code = expression_parse(surface, known, &expr);
    if (code != CLI_YES) return code;
    expression_ground *ground = cli_alloc(1, sizeof *ground);
    *ground = (expression_ground){.surface = surface, .expr = expr, .own = expr};
    ground->noise = cli_real(surface->args, "noise");
    surface->ground[0] = (cli_ground){.grid = expression_grid,
                                      .slope = expression_slope,
                                      .free = expression_free,
                                      .user = ground};
    surface->grounds = 1;
    code = expression_refuse_inputs(expr);
    if (code != CLI_YES) return code;
    char *text;
    gr_status status = gr_expr_print(expr, &text);
    if (status == GR_OK) status = expression_open(expr, false, &ground->value);
    if (status != GR_OK) return cli_failed(status);
    surface->subject = expression_in_a_line(text);
    surface->title = cli_format("%s", known ? known->name : surface->subject);
    gr_text_release(text);
    for (int i = 0; i < gr_expr_inputs(expr); i++) surface->axis[i] = gr_expr_input(expr, i);
    expression_range(surface, known);
    return expression_check_value(ground);
}
