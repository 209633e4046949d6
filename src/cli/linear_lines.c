/* gradus linear: examples of two numbers, the lines where scores are 0, and what every point is
 * taken for. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/plane.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES_GRID = 240, /* points along an axis, */
    LINES_ALL = LINES_GRID * LINES_GRID,
    LINES_WIDTH = 275 /* of the plane, in points of the figure */
};

/* A score of the numbers as they come: s = g[0]·x + g[1]·y + c. */
typedef struct lines_score {
    double g[2], c;
} lines_score;

/* Each number is normalised by itself, so three points tell how. */
static gr_status lines_scores(const cli_linear *linear, lines_score *scores)
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
static bool lines_cross(const lines_score *s, const cli_plane *plane, double x[2], double y[2])
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
static gr_status lines_line(gr_figure *figure, const lines_score *s, const cli_plane *plane,
                            int color)
{
    double x[2], y[2];
    if (!lines_cross(s, plane, x, y)) return GR_OK;
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

static gr_status lines_regions(const cli_linear *linear, gr_figure *figure, const cli_plane *plane)
{
    const int classes = linear->classes;
    gr_dataset *points;
    gr_status status =
        cli_plane_points(plane, LINES_GRID, gr_dataset_shape(linear->train), &points);
    if (status != GR_OK) return status;
    float *scores = cli_alloc((size_t)LINES_ALL * (size_t)classes, sizeof *scores);
    double *class = cli_alloc(LINES_ALL, sizeof *class);
    const gr_shape one = gr_dataset_shape(points);
    gr_tensor x = {.dtype = GR_F32, .shape = {.rank = one.rank + 1, .dim = {LINES_ALL}}};
    memcpy(x.shape.dim + 1, one.dim, (size_t)one.rank * sizeof *one.dim);
    x.data = (void *)(uintptr_t)gr_dataset_example(points, 0);
    status = gr_model_predict(linear->ways[linear->best].model, &x, scores);
    for (int64_t i = 0; i < LINES_ALL && status == GR_OK; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++)
            if (scores[i * classes + c] > scores[i * classes + best]) best = c;
        class[i] = best;
    }
    if (status == GR_OK) status = cli_plane_classes(figure, 0, plane, class, LINES_GRID);
    free(class);
    free(scores);
    gr_dataset_free(points);
    return status;
}

static gr_status lines_draw(const cli_linear *linear, gr_figure *figure, const cli_plane *plane,
                            const lines_score *scores)
{
    const gr_dataset *set = linear->train;
    gr_status status =
        gr_figure_panel(figure, 0,
                        GR_PANEL(.x_label = gr_dataset_feature_name(set, 0),
                                 .y_label = gr_dataset_feature_name(set, 1), .x_min = plane->low[0],
                                 .x_max = plane->high[0], .y_min = plane->low[1],
                                 .y_max = plane->high[1], .equal = true));
    if (status == GR_OK) status = lines_regions(linear, figure, plane);
    if (status == GR_OK) status = cli_plane_examples(figure, 0, set);
    for (int64_t row = 0; row < linear->rows && status == GR_OK; row++)
        status = lines_line(figure, &scores[row], plane, linear->neuron ? 2 : (int)row + 1);
    return status;
}

gr_status cli_linear_lines(const cli_linear *linear, const char *path)
{
    /* As high as the plane is, and its ticks and legend. */
    const cli_plane plane = cli_plane_of(linear->train);
    const double high = (plane.high[1] - plane.low[1]) / (plane.high[0] - plane.low[0]);
    const double height = fmin(fmax(LINES_WIDTH * high, 100), 400) + 55;
    gr_figure *figure;
    lines_score *scores = cli_alloc((size_t)linear->rows, sizeof *scores);
    gr_status status = lines_scores(linear, scores);
    if (status == GR_OK)
        status = gr_figure_new(GR_FIGURE(.width = LINES_WIDTH + 45, .height = height), &figure);
    if (status == GR_OK) {
        status = lines_draw(linear, figure, &plane, scores);
        if (status == GR_OK) status = gr_figure_save(figure, path);
        gr_figure_free(figure);
    }
    free(scores);
    return status;
}
