/* gradus show --activation-functions: every activation of the language with its derivative. */
#include "cli/input.h"
#include "cli/out.h"
#include "cli/show_activity.h"

#include <gradus/lang.h>
#include <gradus/plot.h>
#include <gradus/run.h>
#include <stdlib.h>

enum {
    FUNCTIONS_POINTS = 321,
    FUNCTIONS_COLUMNS = 5,
    FUNCTIONS_WIDTH = 125,
    FUNCTIONS_HEIGHT = 116
};
static const double functions_reach = 4; /* from -4 to 4 */

/* Texts of x [N], and the set of their values. */
static const struct {
    const char *name, *text, *range;
} functions_all[] = {
    {"relu", "relu(x)", "[0, ∞)"},
    {"leaky_relu(0.1)", "leaky_relu(x, 0.1)", "(-∞, ∞)"},
    {"prelu(0.25)", "prelu(x, 0.25)", "(-∞, ∞)"},
    {"maxout(x, -x/2)", "reshape(maxout(stack(x, -x/2, axis=1), 2), -1)", "[0, ∞)"},
    {"relu6", "relu6(x)", "[0, 6]"},
    {"elu", "elu(x)", "(-1, ∞)"},
    {"celu(0.5)", "celu(x, 0.5)", "(-0.5, ∞)"},
    {"selu", "selu(x)", "(-1.758, ∞)"},
    {"softplus", "softplus(x)", "(0, ∞)"},
    {"threshold", "threshold(x)", "{0, 1}"},
    {"gelu", "gelu(x)", "[-0.17, ∞)"},
    {"gelu_tanh", "gelu_tanh(x)", "[-0.17, ∞)"},
    {"silu", "silu(x)", "[-0.278, ∞)"},
    {"mish", "mish(x)", "[-0.309, ∞)"},
    {"hard_swish", "hard_swish(x)", "[-0.375, ∞)"},
    {"sigmoid", "sigmoid(x)", "(0, 1)"},
    {"hard_sigmoid", "hard_sigmoid(x)", "[0, 1]"},
    {"log_sigmoid", "log_sigmoid(x)", "(-∞, 0)"},
    {"glu(2, x)", "reshape(glu(stack(0*x + 2, x, axis=1)), -1)", "(0, 2)"},
    {"erf", "erf(x)", "(-1, 1)"},
    {"tanh", "tanh(x)", "(-1, 1)"},
    {"hard_tanh", "hard_tanh(x)", "[-1, 1]"},
    {"softsign", "softsign(x)", "(-1, 1)"},
    {"sign", "sign(x)", "{-1, 0, 1}"},
    {"identity", "x + 0", "(-∞, ∞)"},
};
enum { FUNCTIONS = sizeof functions_all / sizeof *functions_all };

/* Points, values and derivatives of one. */
typedef struct functions_curve {
    double x[FUNCTIONS_POINTS], y[FUNCTIONS_POINTS], slope[FUNCTIONS_POINTS];
} functions_curve;

/* The gates of the text, and the gradient of the sum of its elements, which is the derivative of
 * each. */
static gr_status functions_build(gr_graph *graph, const char *text, gr_node *target[2])
{
    gr_expr *expr;
    gr_node *x = gr_input(graph, "x", GR_F64, GR_SHAPE(FUNCTIONS_POINTS));
    gr_binding binding = {"x", x};
    gr_expr_env env = {.size = sizeof env, .dtype = GR_F64, .bindings = &binding, .n_bindings = 1};
    gr_status status = gr_expr_parse(text, "activation", &expr);
    if (status != GR_OK) return status;
    status = gr_expr_build(expr, graph, &env, &target[0]);
    gr_expr_free(expr);
    if (status != GR_OK) return status;
    return gr_grad(gr_sum(target[0], GR_ALL), &x, 1, &target[1]);
}

static gr_status functions_compute(int which, functions_curve *curve)
{
    gr_graph *graph = gr_graph_new();
    gr_node *target[2];
    gr_tensor out[2];
    for (int i = 0; i < FUNCTIONS_POINTS; i++)
        curve->x[i] = functions_reach * (2. * i / (FUNCTIONS_POINTS - 1) - 1);
    gr_status status = functions_build(graph, functions_all[which].text, target);
    if (status == GR_OK)
        status = gr_evaluate(graph, target, 2, &(gr_feed){"x", curve->x}, 1, NULL, out);
    if (status == GR_OK) {
        for (int i = 0; i < FUNCTIONS_POINTS; i++) {
            curve->y[i] = gr_tensor_at(&out[0], i);
            curve->slope[i] = gr_tensor_at(&out[1], i);
        }
        gr_tensor_clear(&out[0]);
        gr_tensor_clear(&out[1]);
    }
    gr_graph_free(graph);
    return status;
}

static gr_status functions_panel(gr_figure *figure, int i, const functions_curve *curve)
{
    gr_status status = gr_figure_panel(
        figure, i,
        GR_PANEL(.title = functions_all[i].name, .x_label = functions_all[i].range,
                 .x_min = -functions_reach, .x_max = functions_reach, .y_min = -2, .y_max = 3));
    if (status == GR_OK)
        status = gr_figure_add(figure, i,
                               GR_SERIES(GR_SERIES_LINE, .x = curve->x, .y = curve->slope,
                                         .n = FUNCTIONS_POINTS, .color = 2, .mark = -1));
    if (status == GR_OK)
        status = gr_figure_add(figure, i,
                               GR_SERIES(GR_SERIES_LINE, .x = curve->x, .y = curve->y,
                                         .n = FUNCTIONS_POINTS, .color = 1, .mark = -1));
    return status;
}

static gr_status functions_draw(const char *path)
{
    gr_figure *figure;
    functions_curve *curve = cli_alloc(1, sizeof *curve);
    const int rows = (FUNCTIONS - 1) / FUNCTIONS_COLUMNS + 1;
    gr_status status = gr_figure_new(
        GR_FIGURE(.panels = FUNCTIONS, .columns = FUNCTIONS_COLUMNS, .dpi = 150,
                  .width = FUNCTIONS_WIDTH * FUNCTIONS_COLUMNS,
                  .height = 20 + FUNCTIONS_HEIGHT * rows,
                  .title = "Activations (blue), their derivatives (orange); below, their ranges"),
        &figure);
    for (int i = 0; i < FUNCTIONS && status == GR_OK; i++) {
        status = functions_compute(i, curve);
        if (status == GR_OK) status = functions_panel(figure, i, curve);
    }
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    free(curve);
    return status;
}

int show_functions(const cli_args *args)
{
    const char *path = cli_text(args, "activation-functions");
    if (cli_operands(args) > 0)
        return cli_bad("--activation-functions draws nothing else: '%s' is too much",
                       cli_operand(args, 0));
    int code = cli_check_figure("activation-functions", path, false);
    if (code != CLI_YES) return code;
    gr_status status = functions_draw(path);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
