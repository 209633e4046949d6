#include "cli/plane.h"

#include "cli/out.h"

#include <math.h>
#include <stdlib.h>

cli_plane cli_plane_of(const gr_dataset *set)
{
    cli_plane plane = {{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
    for (int64_t i = 0; i < gr_dataset_size(set); i++) {
        const float *x = gr_dataset_example(set, i);
        for (int axis = 0; axis < 2; axis++) {
            plane.low[axis] = fmin(plane.low[axis], (double)x[axis]);
            plane.high[axis] = fmax(plane.high[axis], (double)x[axis]);
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

gr_status cli_plane_points(const cli_plane *plane, int n, gr_shape shape, gr_dataset **points)
{
    gr_tensor examples;
    gr_shape all = {.rank = shape.rank + 1, .dim = {(int64_t)n * n}};
    for (int axis = 0; axis < shape.rank; axis++) all.dim[axis + 1] = shape.dim[axis];
    gr_status status = gr_tensor_new(GR_F32, all, &examples);
    if (status != GR_OK) return status;
    float *x = examples.data;
    for (int64_t i = 0; i < all.dim[0]; i++) {
        const double along[2] = {(double)(i % n) / (n - 1), (double)(i / n) / (n - 1)};
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

gr_status cli_plane_examples(gr_figure *figure, int panel, const gr_dataset *set)
{
    const int64_t n = gr_dataset_size(set);
    double *x = cli_alloc((size_t)n, 2 * sizeof *x), *const y = x + n;
    gr_status status = GR_OK;
    for (int c = 0; c < gr_dataset_classes(set) && status == GR_OK; c++) {
        int count = 0;
        for (int64_t i = 0; i < n; i++) {
            const float *at = gr_dataset_example(set, i);
            if (gr_dataset_label(set, i) != c) continue;
            x[count] = (double)at[0];
            y[count++] = (double)at[1];
        }
        if (count == 0) continue;
        status = gr_figure_add(figure, panel,
                               GR_SERIES(GR_SERIES_POINTS, .label = gr_dataset_class_name(set, c),
                                         .x = x, .y = y, .n = count, .color = c + 1));
    }
    free(x);
    return status;
}
