/* gradus linear: figures of its results: loss curves, templates, the lines where scores are 0. */
#include "cli/input.h"
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/plane.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIGURES_POINTS = 120, /* of a curve */
    FIGURES_GRID = 240    /* points of decision regions along each axis */
};

static bool figures_are_pictures(const cli_linear *linear)
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
        if (cli_given(args, options[i]) && !figures_are_pictures(linear))
            return cli_bad("--%s: examples of shape %s are no pictures of bytes", options[i], text);
    if (cli_given(args, "lines") &&
        (linear->size != 2 || gr_dataset_dtype(linear->train) != GR_F32))
        return cli_bad("--lines: examples are %s, but it draws those of two numbers", text);
    if (cli_flag(args, "grey") && (!figures_are_pictures(linear) || shape.dim[0] != 3))
        return cli_bad("--grey: examples of shape %s are no pictures in colour", text);
    if (cli_int(args, "example") >= gr_dataset_size(linear->test))
        return cli_bad("--example: there are %lld, counted from 0",
                       (long long)gr_dataset_size(linear->test));
    return CLI_YES;
}

/* ---- Loss curves ----------------------------------------------------------------------------- */

/* A curve at places that are evenly spaced on a logarithmic axis of steps: of a search the loss
 * there, of batches, whose losses vary, their mean since the place before. */
static int figures_thin(const cli_linear_way *way, double *steps, double *seconds, double *loss)
{
    const cli_linear_curve *const curve = &way->curve;
    const double all = (double)curve->n;
    int n = 0;
    int64_t done = 0;
    for (int i = 0; i < FIGURES_POINTS && done < curve->n; i++) {
        const int64_t next = (int64_t)ceil(pow(all, (double)i / (FIGURES_POINTS - 1)));
        if (next <= done) continue;
        double sum = 0;
        for (int64_t k = done; k < next; k++) sum += curve->loss[k];
        const bool mean = way->strategy == CLI_LINEAR_GRADIENT;
        loss[n] = mean ? sum / (double)(next - done) : curve->loss[next - 1];
        seconds[n] = curve->seconds[next - 1];
        steps[n++] = (double)next;
        done = next;
    }
    return n;
}

static gr_status figures_curve(const cli_linear *linear, gr_figure *figure, int way)
{
    double steps[FIGURES_POINTS], seconds[FIGURES_POINTS], loss[FIGURES_POINTS];
    const int n = figures_thin(&linear->ways[way], steps, seconds, loss);
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

static gr_status figures_curves(const cli_linear *linear, const char *path)
{
    gr_figure *figure;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = 2, .width = 520, .height = 240), &figure);
    if (status != GR_OK) return status;
    status = gr_figure_panel(
        figure, 0,
        GR_PANEL(.x_label = "updates or tries", .y_label = "training loss", .x_log = true));
    if (status == GR_OK)
        status = gr_figure_panel(
            figure, 1, GR_PANEL(.x_label = "seconds", .y_label = "training loss", .x_log = true));
    for (int i = 0; i < linear->n_ways && status == GR_OK; i++)
        status = figures_curve(linear, figure, i);
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

static gr_status figures_templates(const cli_linear *linear, const char *path)
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

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A score of the numbers as they come: s = g[0]·x + g[1]·y + c. */
typedef struct figures_score {
    double g[2], c;
} figures_score;

/* Each number is normalised by itself, so three points tell how. */
static gr_status figures_scores(const cli_linear *linear, figures_score *scores)
{
    float raw[6] = {0, 0, 1, 0, 0, 1}, seen[6];
    const gr_tensor points = {.dtype = GR_F32, .shape = GR_SHAPE(3, 2), .data = raw};
    const int64_t rows = linear->rows;
    gr_status status = gr_normalizer_apply(&linear->normalizer, &points, seen);
    if (status != GR_OK) return status;
    float *w = cli_alloc((size_t)rows, 3 * sizeof *w);
    status = cli_linear_get(linear, linear->ways[linear->best].model, w, w + 2 * rows);
    for (int64_t row = 0; row < rows && status == GR_OK; row++) {
        scores[row].c = (double)w[2 * rows + row];
        for (int axis = 0; axis < 2; axis++) {
            const double slope = (double)seen[2 + 3 * axis] - (double)seen[axis];
            scores[row].g[axis] = (double)w[2 * row + axis] * slope;
            scores[row].c += (double)w[2 * row + axis] * (double)seen[axis];
        }
    }
    free(w);
    return status;
}

/* Where g·p + c = 0 crosses the plane: its two ends. False if it passes by. */
static bool figures_cross(const figures_score *s, const cli_plane *plane, double x[2], double y[2])
{
    const double length = s->g[0] * s->g[0] + s->g[1] * s->g[1];
    if (!(length > 0)) return false;
    /* p = base + t·along; each axis bounds t. */
    const double base[2] = {-s->c * s->g[0] / length, -s->c * s->g[1] / length};
    const double along[2] = {-s->g[1], s->g[0]};
    double from = -INFINITY, to = INFINITY;
    for (int axis = 0; axis < 2; axis++) {
        if (along[axis] == 0) {
            if (base[axis] < plane->low[axis] || base[axis] > plane->high[axis]) return false;
            continue;
        }
        const double a = (plane->low[axis] - base[axis]) / along[axis];
        const double b = (plane->high[axis] - base[axis]) / along[axis];
        from = fmax(from, fmin(a, b));
        to = fmin(to, fmax(a, b));
    }
    if (!(from < to)) return false;
    x[0] = base[0] + from * along[0], x[1] = base[0] + to * along[0];
    y[0] = base[1] + from * along[1], y[1] = base[1] + to * along[1];
    return true;
}

/* The line, and an arrow from it the way its score grows. */
static gr_status figures_line(gr_figure *figure, const figures_score *s, const cli_plane *plane,
                              int color)
{
    double x[2], y[2];
    if (!figures_cross(s, plane, x, y)) return GR_OK;
    const double size = hypot(s->g[0], s->g[1]);
    const double long_ = .09 * fmin(plane->high[0] - plane->low[0], plane->high[1] - plane->low[1]);
    const double u = s->g[0] / size * long_, v = s->g[1] / size * long_;
    const double mx = (x[0] + x[1]) / 2, my = (y[0] + y[1]) / 2, tx = mx + u, ty = my + v;
    const double arrow_x[] = {mx, tx, tx - .3 * u - .2 * v, tx, tx - .3 * u + .2 * v};
    const double arrow_y[] = {my, ty, ty - .3 * v + .2 * u, ty, ty - .3 * v - .2 * u};
    gr_status status = gr_figure_add(
        figure, 0,
        GR_SERIES(GR_SERIES_LINE, .x = x, .y = y, .n = 2, .color = color, .mark = -1, .width = 2));
    if (status != GR_OK) return status;
    return gr_figure_add(figure, 0,
                         GR_SERIES(GR_SERIES_LINE, .x = arrow_x, .y = arrow_y, .n = 5,
                                   .color = color, .mark = -1, .width = 2));
}

static gr_status figures_regions(const cli_linear *linear, gr_figure *figure,
                                 const cli_plane *plane)
{
    enum { ALL = FIGURES_GRID * FIGURES_GRID };
    const int classes = linear->classes;
    gr_dataset *points;
    gr_status status =
        cli_plane_points(plane, FIGURES_GRID, gr_dataset_shape(linear->train), &points);
    if (status != GR_OK) return status;
    float *scores = cli_alloc((size_t)ALL * (size_t)classes, sizeof *scores);
    double *class = cli_alloc(ALL, sizeof *class);
    const gr_shape one = gr_dataset_shape(points);
    gr_tensor x = {.dtype = GR_F32, .shape = {.rank = one.rank + 1, .dim = {ALL}}};
    memcpy(x.shape.dim + 1, one.dim, (size_t)one.rank * sizeof *one.dim);
    x.data = (void *)(uintptr_t)gr_dataset_example(points, 0);
    status = gr_model_predict(linear->ways[linear->best].model, &x, scores);
    for (int64_t i = 0; i < ALL && status == GR_OK; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (scores[i * classes + c] > scores[i * classes + best]) best = c;
        class[i] = best;
    }
    if (status == GR_OK) status = cli_plane_classes(figure, 0, plane, class, FIGURES_GRID);
    free(class);
    free(scores);
    gr_dataset_free(points);
    return status;
}

static gr_status figures_draw_lines(const cli_linear *linear, gr_figure *figure,
                                    const figures_score *scores)
{
    const cli_plane plane = cli_plane_of(linear->train);
    const gr_dataset *set = linear->train;
    gr_status status =
        gr_figure_panel(figure, 0,
                        GR_PANEL(.x_label = gr_dataset_feature_name(set, 0),
                                 .y_label = gr_dataset_feature_name(set, 1), .x_min = plane.low[0],
                                 .x_max = plane.high[0], .y_min = plane.low[1],
                                 .y_max = plane.high[1], .equal = true));
    if (status == GR_OK) status = figures_regions(linear, figure, &plane);
    if (status == GR_OK) status = cli_plane_examples(figure, 0, set);
    for (int64_t row = 0; row < linear->rows && status == GR_OK; row++)
        status = figures_line(figure, &scores[row], &plane, linear->neuron ? 2 : (int)row + 1);
    return status;
}

static gr_status figures_lines(const cli_linear *linear, const char *path)
{
    gr_figure *figure;
    figures_score *scores = cli_alloc((size_t)linear->rows, sizeof *scores);
    gr_status status = figures_scores(linear, scores);
    if (status == GR_OK) status = gr_figure_new(GR_FIGURE(.width = 320, .height = 320), &figure);
    if (status == GR_OK) {
        status = figures_draw_lines(linear, figure, scores);
        if (status == GR_OK) status = gr_figure_save(figure, path);
        gr_figure_free(figure);
    }
    free(scores);
    return status;
}

gr_status cli_linear_figures(const cli_linear *linear)
{
    static const struct {
        const char *option;
        gr_status (*draw)(const cli_linear *linear, const char *path);
    } figures[] = {
        {"figure", figures_curves}, {"templates", figures_templates}, {"lines", figures_lines}};
    gr_status status = GR_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == GR_OK; i++)
        if (cli_given(linear->args, figures[i].option))
            status = figures[i].draw(linear, cli_text(linear->args, figures[i].option));
    return status;
}
