/* The zig-zag of the notes: a sigmoid neuron whose inputs are all positive. The gradient by a
 * weight is the input times what comes from above, so that of one example has one sign in all
 * weights: the way to weights of different signs goes to and fro. Over a batch the signs mix;
 * centred inputs do not have the trouble at all. Draws the ways over the loss and tells the share
 * of steps whose gradient has one sign.
 *
 *     build/release/examples/zigzag zigzag.png */
#include <math.h>
#include <stdio.h>

#include <gradus/gradus.h>

enum { EXAMPLES = 64, STEPS = 192, SIDE = 41, WAYS = 3 };
static const double rate = 2, low = -2, high = 8;

static float x[EXAMPLES][2], y[EXAMPLES]; /* inputs in [0, 1], labels 0 and 1 */

static double uniform(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state / 4294967296.;
}

/* Labels drawn by a neuron with the weights 6 and -6. */
static void draw_examples(void)
{
    for (int i = 0; i < EXAMPLES; i++) {
        x[i][0] = (float)uniform();
        x[i][1] = (float)uniform();
        y[i] = uniform() < 1 / (1 + exp(-6 * (double)(x[i][0] - x[i][1])));
    }
}

/* The loss of `rows` examples under the neuron with the weights w. */
static gr_node *neuron_loss(gr_graph *graph, gr_node *w, int rows)
{
    gr_node *in = gr_input(graph, "x", GR_F32, GR_SHAPE(rows, 2));
    gr_node *target = gr_input(graph, "y", GR_F32, GR_SHAPE(rows));
    gr_node *sums = gr_matmul(in, w);
    return gr_sigmoid_cross_entropy(sums, target, NULL);
}

/* Gradient steps on batches of `rows` examples, in turn; the way goes to at[STEPS + 1][2]. Returns
 * the share of steps in which both weights moved to the same side, below 0 on a fault. */
static double walk(int rows, double shift, double at[2][STEPS + 1])
{
    gr_graph *graph = gr_graph_new();
    gr_node *w = gr_input(graph, "w", GR_F32, GR_SHAPE(2)), *grad;
    gr_node *loss = neuron_loss(graph, w, rows);
    gr_program *program = NULL;
    gr_session *session = NULL;
    float now[2] = {0, 0}, slope[2], batch[EXAMPLES][2];
    int same = 0;
    gr_status status = gr_grad(loss, &w, 1, &grad);
    if (status == GR_OK) status = gr_compile(graph, &grad, 1, NULL, &program);
    if (status == GR_OK) status = gr_session_new(program, NULL, NULL, &session);
    for (int step = 0; step <= STEPS && status == GR_OK; step++) {
        const int first = step * rows % EXAMPLES;
        at[0][step] = (double)now[0];
        at[1][step] = (double)now[1];
        for (int i = 0; i < rows; i++)
            for (int k = 0; k < 2; k++) batch[i][k] = x[first + i][k] - (float)shift;
        gr_session_write(session, gr_program_find_input(program, "w"), now, sizeof now);
        gr_session_write(session, gr_program_find_input(program, "x"), batch,
                         (size_t)rows * sizeof batch[0]);
        gr_session_write(session, gr_program_find_input(program, "y"), y + first,
                         (size_t)rows * sizeof y[0]);
        status = gr_session_step(session);
        if (status == GR_OK) status = gr_session_read(session, 0, slope, sizeof slope);
        same += step < STEPS && slope[0] * slope[1] > 0;
        for (int k = 0; k < 2; k++) now[k] -= (float)rate * slope[k];
    }
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(graph);
    return status == GR_OK ? (double)same / STEPS : -1;
}

/* The mean loss of all examples over the plane of the weights. */
static void surface(double shift, double values[SIDE * SIDE])
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double w0 = low + (high - low) * (i % SIDE) / (SIDE - 1);
        const double w1 = -high + (high - low) * (i / SIDE) / (SIDE - 1);
        double sum = 0;
        for (int k = 0; k < EXAMPLES; k++) {
            const double z = w0 * ((double)x[k][0] - shift) + w1 * ((double)x[k][1] - shift);
            sum += log1p(exp(-fabs(z))) + fmax(z, 0) - (double)y[k] * z;
        }
        values[i] = sum / EXAMPLES;
    }
}

static gr_status panel(gr_figure *figure, int number, const char *title, int rows, double shift)
{
    static double at[2][STEPS + 1], values[SIDE * SIDE];
    const double share = walk(rows, shift, at);
    if (share < 0) return GR_INVALID;
    printf("%-28s %3.0f %% of the steps move both weights to one side; at the end %.2f, %.2f\n",
           title, 100 * share, at[0][STEPS], at[1][STEPS]);
    surface(shift, values);
    gr_figure_panel(figure, number,
                    GR_PANEL(.title = title, .x_label = "w0", .y_label = "w1", .x_min = low,
                             .x_max = high, .y_min = -high, .y_max = -low));
    gr_figure_grid(figure, number,
                   GR_GRID(.kind = GR_GRID_FILLED, .rows = SIDE, .columns = SIDE, .values = values,
                           .x_min = low, .x_max = high, .y_min = -high, .y_max = -low,
                           .map = GR_MAP_PALE, .levels = 14));
    return gr_figure_add(figure, number,
                         GR_SERIES(GR_SERIES_LINE, .x = at[0], .y = at[1], .n = STEPS + 1,
                                   .color = 2, .mark = -1, .width = .9));
}

int main(int argc, char **argv)
{
    gr_figure *figure;
    draw_examples();
    gr_status status = gr_figure_new(GR_FIGURE(.panels = WAYS, .dpi = 130), &figure);
    if (status == GR_OK) status = panel(figure, 0, "positive, one at a time", 1, 0);
    if (status == GR_OK) status = panel(figure, 1, "positive, batches of 16", 16, 0);
    if (status == GR_OK) status = panel(figure, 2, "centred, one at a time", 1, .5);
    if (status == GR_OK) status = gr_figure_save(figure, argc > 1 ? argv[1] : "zigzag.svg");
    gr_figure_free(figure);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    return status != GR_OK;
}
