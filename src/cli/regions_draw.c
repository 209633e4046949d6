/* gradus regions: the figure of decision regions. */
#include "cli/out.h"
#include "cli/regions.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>

enum {
    REGIONS_SIDE = 200, /* points of the plane along each axis */
    REGIONS_WIDE = 215, /* of a panel, in points */
    REGIONS_HIGH = 205,
};

cli_plane cli_plane_about(const double *x, const double *y, int64_t n)
{
    cli_plane plane = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
    for (int64_t i = 0; i < n; i++) {
        const double at[2] = {x[i], y[i]};
        for (int axis = 0; axis < 2; axis++) {
            plane.low[axis] = fmin(plane.low[axis], at[axis]);
            plane.high[axis] = fmax(plane.high[axis], at[axis]);
        }
    }
    for (int axis = 0; axis < 2; axis++) {
        const double span = plane.high[axis] - plane.low[axis];
        const double more = span > 0 ? span / 20 : .5;
        plane.low[axis] -= more;
        plane.high[axis] += more;
    }
    return plane;
}

/* The coordinates of the examples, x and then y; to be freed. */
static double *regions_coordinates(const gr_dataset *set)
{
    const int64_t n = gr_dataset_size(set);
    double *x = cli_alloc((size_t)n, 2 * sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        const float *at = gr_dataset_example(set, i);
        x[i] = (double)at[0];
        x[n + i] = (double)at[1];
    }
    return x;
}

cli_plane cli_plane_of(const gr_dataset *set)
{
    const int64_t n = gr_dataset_size(set);
    double *x = regions_coordinates(set);
    const cli_plane plane = cli_plane_about(x, x + n, n);
    free(x);
    return plane;
}

static gr_status regions_grid(const cli_plane *plane, int side, gr_tensor *points)
{
    gr_status status = gr_tensor_new(GR_F32, GR_SHAPE((int64_t)side * side, 2), points);
    if (status != GR_OK) return status;
    float *x = points->data;
    for (int i = 0; i < side * side; i++) {
        const double along[2] = {(double)(i % side) / (side - 1), (double)(i / side) / (side - 1)};
        for (int axis = 0; axis < 2; axis++)
            *x++ = (float)(plane->low[axis] + along[axis] * (plane->high[axis] - plane->low[axis]));
    }
    return GR_OK;
}

gr_status cli_regions_points(gr_figure *figure, int panel, const gr_dataset *set, const double *x,
                             const double *y)
{
    const int64_t n = gr_dataset_size(set);
    double *of = cli_alloc((size_t)n, 2 * sizeof *of);
    gr_status status = GR_OK;
    for (int c = 0; c < gr_dataset_classes(set) && status == GR_OK; c++) {
        int count = 0;
        for (int64_t i = 0; i < n; i++) {
            if (gr_dataset_label(set, i) != c) continue;
            of[count] = x[i];
            of[n + count++] = y[i];
        }
        if (count == 0) continue;
        status =
            gr_figure_add(figure, panel,
                          GR_SERIES(GR_SERIES_POINTS, .label = gr_dataset_class_name(set, c),
                                    .x = of, .y = of + n, .n = count, .color = c + 1, .mark = 1.4));
    }
    free(of);
    return status;
}

/* The class with the largest score at each point. */
static gr_status regions_classify(gr_model *model, const gr_tensor *points, double *class)
{
    const int64_t n = points->shape.dim[0];
    const int classes = gr_model_classes(model);
    float *scores = cli_alloc((size_t)n * (size_t)classes, sizeof *scores);
    gr_status status = gr_model_predict(model, points, scores);
    for (int64_t i = 0; i < n && status == GR_OK; i++) {
        const float *row = scores + i * classes;
        int best = 0;
        for (int c = 1; c < classes; c++) best = row[c] > row[best] ? c : best;
        class[i] = best;
    }
    free(scores);
    return status;
}

static gr_status regions_panel(gr_figure *figure, int panel, const cli_regions *regions,
                               const cli_plane *plane, const double *x, const double *y)
{
    enum { ALL = REGIONS_SIDE * REGIONS_SIDE };
    const cli_region *net = &regions->nets[panel];
    const gr_dataset *set = regions->train;
    gr_tensor points = {0};
    double *class = cli_alloc(ALL, sizeof *class);
    gr_status status = regions_grid(plane, REGIONS_SIDE, &points);
    if (status == GR_OK) status = regions_classify(net->model, &points, class);
    if (status == GR_OK)
        status = gr_figure_panel(figure, panel,
                                 GR_PANEL(.title = net->title, .x_min = plane->low[0],
                                          .x_max = plane->high[0], .y_min = plane->low[1],
                                          .y_max = plane->high[1],
                                          .x_label = gr_dataset_feature_name(set, 0),
                                          .y_label = gr_dataset_feature_name(set, 1)));
    if (status == GR_OK)
        status = gr_figure_grid(
            figure, panel,
            GR_GRID(.kind = GR_GRID_CELLS, .rows = REGIONS_SIDE, .columns = REGIONS_SIDE,
                    .values = class, .x_min = plane->low[0], .x_max = plane->high[0],
                    .y_min = plane->low[1], .y_max = plane->high[1], .map = GR_MAP_CLASSES));
    if (status == GR_OK) status = cli_regions_points(figure, panel, set, x, y);
    gr_tensor_clear(&points);
    free(class);
    return status;
}

gr_status cli_regions_draw(const cli_regions *regions, const char *path)
{
    const int64_t n = gr_dataset_size(regions->train);
    const int rows = (regions->n + regions->columns - 1) / regions->columns;
    double *x = regions_coordinates(regions->train);
    const cli_plane plane = cli_plane_about(x, x + n, n);
    gr_figure *figure = NULL;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = regions->n, .columns = regions->columns,
                                               .width = REGIONS_WIDE * regions->columns,
                                               .height = REGIONS_HIGH * rows, .dpi = 120),
                                     &figure);
    for (int i = 0; i < regions->n && status == GR_OK; i++)
        status = regions_panel(figure, i, regions, &plane, x, x + n);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    free(x);
    return status;
}
