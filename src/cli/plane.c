#include "cli/plane.h"

#include "cli/out.h"

#include <math.h>
#include <stdlib.h>

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

double *cli_plane_coordinates(const gr_dataset *set)
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
    double *x = cli_plane_coordinates(set);
    const cli_plane plane = cli_plane_about(x, x + n, n);
    free(x);
    return plane;
}

gr_status cli_plane_points(const cli_plane *plane, int n, gr_shape shape, gr_dataset **points)
{
    gr_tensor examples;
    gr_shape all = {.rank = shape.rank + 1, .dim = {(int64_t)n * n}};
    for (int axis = 0; axis < shape.rank; axis++) all.dim[axis + 1] = shape.dim[axis];
    gr_status status = gr_tensor_new(GR_F32, all, &examples);
    if (status != GR_OK) return status;
    float *x = examples.data;
    for (int64_t i = 0; i < all.dim[0]; i++) {
        const int64_t column = i % n, row = i / n;
        const double along[2] = {(double)column / (n - 1), (double)row / (n - 1)};
        for (int axis = 0; axis < 2; axis++)
            *x++ = (float)(plane->low[axis] + along[axis] * (plane->high[axis] - plane->low[axis]));
    }
    status = gr_dataset_new("points", &examples, NULL, 0, NULL, points);
    gr_tensor_clear(&examples);
    return status;
}

gr_status cli_plane_classes(gr_figure *figure, int panel, const cli_plane *plane,
                            const double *classes, int n)
{
    return gr_figure_grid(figure, panel,
                          GR_GRID(.kind = GR_GRID_CELLS, .rows = n, .columns = n, .values = classes,
                                  .x_min = plane->low[0], .x_max = plane->high[0],
                                  .y_min = plane->low[1], .y_max = plane->high[1],
                                  .map = GR_MAP_CLASSES));
}

gr_status cli_plane_marks(gr_figure *figure, int panel, const gr_dataset *set, const double *x,
                          const double *y, double mark)
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
        status = gr_figure_add(figure, panel,
                               GR_SERIES(GR_SERIES_POINTS, .label = gr_dataset_class_name(set, c),
                                         .x = of, .y = of + n, .n = count, .color = c + 1,
                                         .mark = mark));
    }
    free(of);
    return status;
}

gr_status cli_plane_examples(gr_figure *figure, int panel, const gr_dataset *set)
{
    double *x = cli_plane_coordinates(set);
    gr_status status = cli_plane_marks(figure, panel, set, x, x + gr_dataset_size(set), 0);
    free(x);
    return status;
}
