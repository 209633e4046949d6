/* gradus linear: figures of its results: loss curves and templates. */
#include "cli/input.h"
#include "cli/linear.h"
#include "cli/out.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CURVE_POINTS = 120,  /* that are drawn */
    CURVE_EXAMPLES = 256 /* that each is the mean of, at least */
};

static bool linear_figures_are_pictures(const cli_linear *linear)
{
    const gr_shape shape = gr_dataset_shape(linear->train);
    return gr_dataset_dtype(linear->train) == GR_U8 && shape.rank == 3 &&
           (shape.dim[0] == 1 || shape.dim[0] == 3);
}

int cli_linear_figures_check(const cli_linear *linear)
{
    static const char *const options[] = {"figure", "templates", "lines", "score"};
    const cli_args *args = linear->args;
    const gr_shape shape = gr_dataset_shape(linear->train);
    char text[128];
    int code = CLI_YES;
    gr_shape_print(shape, text, sizeof text);
    for (size_t i = 0; i < sizeof options / sizeof *options && code == CLI_YES; i++)
        if (cli_given(args, options[i]))
            code = cli_check_figure(options[i], cli_text(args, options[i]), false);
    if (code != CLI_YES) return code;
    for (int i = 1; i <= 3; i += 2)
        if (cli_given(args, options[i]) && !linear_figures_are_pictures(linear))
            return cli_bad("--%s: examples of shape %s are no pictures of bytes", options[i], text);
    if (cli_given(args, "lines") &&
        (linear->size != 2 || gr_dataset_dtype(linear->train) != GR_F32))
        return cli_bad("--lines: examples are %s, but it draws those of two numbers", text);
    if (cli_flag(args, "grey") && (!linear_figures_are_pictures(linear) || shape.dim[0] != 3))
        return cli_bad("--grey: examples of shape %s are no pictures in colour", text);
    if (cli_int(args, "example") >= gr_dataset_size(linear->test))
        return cli_bad("--example: there are %lld, counted from 0",
                       (long long)gr_dataset_size(linear->test));
    return CLI_YES;
}

/* ---- Loss curves ----------------------------------------------------------------------------- */

/* A curve at places that are evenly spaced on a logarithmic axis of steps: of a search the loss
 * there, of batches, whose losses vary, their mean since the place before. */
static int linear_figures_thin(const cli_linear_way *way, double *steps, double *seconds,
                               double *loss)
{
    const cli_linear_curve *const curve = &way->curve;
    const bool mean = way->strategy == CLI_LINEAR_GRADIENT;
    const int64_t least = mean && way->batch ? (CURVE_EXAMPLES - 1) / way->batch + 1 : 1;
    int n = 0;
    int64_t done = 0;
    for (int i = 0; i < CURVE_POINTS; i++) {
        const double place = pow((double)curve->n, (double)i / (CURVE_POINTS - 1));
        const int64_t next = i + 1 < CURVE_POINTS ? (int64_t)place : curve->n;
        if (next < done + least) continue;
        double sum = 0;
        for (int64_t k = done; k < next; k++) sum += curve->loss[k];
        loss[n] = mean ? sum / (double)(next - done) : curve->loss[next - 1];
        seconds[n] = curve->seconds[next - 1];
        steps[n++] = (double)next;
        done = next;
    }
    return n;
}

static gr_status linear_figures_curve(const cli_linear *linear, gr_figure *figure, int way)
{
    double steps[CURVE_POINTS], seconds[CURVE_POINTS], loss[CURVE_POINTS];
    const int n = linear_figures_thin(&linear->ways[way], steps, seconds, loss);
    char *name = cli_linear_way_name(linear, &linear->ways[way]);
    gr_status status =
        gr_figure_add(figure, 0,
                      GR_SERIES(GR_SERIES_LINE, .label = linear->n_ways > 1 ? name : NULL,
                                .x = steps, .y = loss, .n = n, .color = way + 1, .mark = -1));
    if (status == GR_OK)
        status = gr_figure_add(figure, 1,
                               GR_SERIES(GR_SERIES_LINE, .x = seconds, .y = loss, .n = n,
                                         .color = way + 1, .mark = -1));
    free(name);
    return status;
}

static gr_status linear_figures_curves(const cli_linear *linear, const char *path)
{
    gr_figure *figure;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = 2, .width = 580, .height = 240), &figure);
    if (status != GR_OK) return status;
    status = gr_figure_panel(
        figure, 0,
        GR_PANEL(.x_label = "updates or tries", .y_label = "training loss", .x_log = true));
    if (status == GR_OK)
        status = gr_figure_panel(
            figure, 1, GR_PANEL(.x_label = "seconds", .y_label = "training loss", .x_log = true));
    for (int i = 0; i < linear->n_ways && status == GR_OK; i++)
        status = linear_figures_curve(linear, figure, i);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- Templates ------------------------------------------------------------------------------- */

gr_status cli_linear_picture(const cli_linear *linear, const float *w, gr_tensor *picture)
{
    float low = w[0], high = w[0];
    gr_status status = gr_tensor_new(GR_U8, gr_dataset_shape(linear->train), picture);
    if (status != GR_OK) return status;
    for (int64_t i = 0; i < linear->size; i++) {
        low = fminf(low, w[i]);
        high = fmaxf(high, w[i]);
    }
    const float range = high > low ? high - low : 1;
    uint8_t *to = picture->data;
    for (int64_t i = 0; i < linear->size; i++) to[i] = (uint8_t)lrintf(255 * (w[i] - low) / range);
    return GR_OK;
}

static gr_status linear_figures_templates(const cli_linear *linear, const char *path)
{
    const int64_t rows = linear->rows;
    float *w = cli_alloc((size_t)(rows * (linear->size + 1)), sizeof *w);
    gr_tensor *images = cli_alloc((size_t)rows, sizeof *images);
    const char **captions = cli_alloc((size_t)rows, sizeof *captions);
    char *title = cli_format("%s: rows of W, %s", gr_dataset_name(linear->train),
                             linear->loss == GR_LOSS_SOFTMAX ? "softmax" : "hinge");
    memset(images, 0, (size_t)rows * sizeof *images);
    gr_status status =
        cli_linear_get(linear, linear->ways[linear->best].model, w, w + rows * linear->size);
    for (int64_t row = 0; row < rows && status == GR_OK; row++) {
        status = cli_linear_picture(linear, w + row * linear->size, &images[row]);
        captions[row] = gr_dataset_class_name(linear->train, linear->neuron ? 1 : (int)row);
    }
    if (status == GR_OK)
        status =
            gr_plot_pictures(path, GR_PICTURE_PAGE(.title = title, .images = images, .n = (int)rows,
                                                   .columns = rows < 5 ? (int)rows : 5, .side = 64,
                                                   .captions = captions));
    for (int64_t row = 0; row < rows; row++) gr_tensor_clear(&images[row]);
    free(title);
    free(captions);
    free(images);
    free(w);
    return status;
}

gr_status cli_linear_figures(const cli_linear *linear)
{
    static const struct {
        const char *option;
        gr_status (*draw)(const cli_linear *linear, const char *path);
    } figures[] = {{"figure", linear_figures_curves},
                   {"templates", linear_figures_templates},
                   {"lines", cli_linear_lines}};
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == GR_OK; i++)
        if (cli_given(linear->args, figures[i].option))
            status = figures[i].draw(linear, cli_text(linear->args, figures[i].option));
    return status;
}
