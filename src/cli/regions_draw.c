/* gradus regions: the figure of decision regions. */
#include "cli/out.h"
#include "cli/regions.h"

#include <stdlib.h>

enum {
    REGIONS_SIDE = 200, /* points of the plane along each axis */
    REGIONS_WIDE = 215, /* of a panel, in points */
    REGIONS_HIGH = 205,
};

/* The class with the largest score at each point. */
static gr_status regions_classify(gr_model *model, const gr_dataset *points, double *class)
{
    const int64_t n = gr_dataset_size(points);
    const int classes = gr_model_classes(model);
    const gr_tensor x = {.dtype = GR_F32,
                         .shape = GR_SHAPE(n, 2),
                         .data = (void *)(uintptr_t)gr_dataset_example(points, 0)};
    float *scores = cli_alloc((size_t)n * (size_t)classes, sizeof *scores);
    gr_status status = gr_model_predict(model, &x, scores);
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
                               const cli_plane *plane, const gr_dataset *points, double *class)
{
    const cli_region *net = &regions->nets[panel];
    const gr_dataset *set = regions->train;
    gr_status status = regions_classify(net->model, points, class);
    if (status == GR_OK)
        status = gr_figure_panel(figure, panel,
                                 GR_PANEL(.title = net->title, .x_min = plane->low[0],
                                          .x_max = plane->high[0], .y_min = plane->low[1],
                                          .y_max = plane->high[1],
                                          .x_label = gr_dataset_feature_name(set, 0),
                                          .y_label = gr_dataset_feature_name(set, 1)));
    if (status == GR_OK) status = cli_plane_classes(figure, panel, plane, class, REGIONS_SIDE);
    if (status != GR_OK) return status;
    double *x = cli_plane_coordinates(set);
    status = cli_plane_marks(figure, panel, set, x, x + gr_dataset_size(set), CLI_REGIONS_MARK);
    free(x);
    return status;
}

gr_status cli_regions_draw(const cli_regions *regions, const char *path)
{
    const int rows = (regions->n + regions->columns - 1) / regions->columns;
    const cli_plane plane = cli_plane_of(regions->train);
    gr_dataset *points;
    gr_figure *figure = NULL;
    gr_status status = cli_plane_points(&plane, REGIONS_SIDE, GR_SHAPE(2), &points);
    if (status != GR_OK) return status;
    double *class = cli_alloc(REGIONS_SIDE * REGIONS_SIDE, sizeof *class);
    status = gr_figure_new(GR_FIGURE(.panels = regions->n, .columns = regions->columns,
                                     .width = REGIONS_WIDE * regions->columns,
                                     .height = REGIONS_HIGH * rows, .dpi = 120),
                           &figure);
    for (int i = 0; i < regions->n && status == GR_OK; i++)
        status = regions_panel(figure, i, regions, &plane, points, class);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    gr_dataset_free(points);
    free(class);
    return status;
}
