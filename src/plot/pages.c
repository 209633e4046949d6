/* Figures of one call: confusion matrices, pages of pictures, filters. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "plot/figure.h"

/* ---- Confusion matrices ------------------------------------------------------------------- */

#define CONFUSION_CELL 26.0 /* points, where there is room */
#define CONFUSION_SIDE 640.0

/* Shares of each row in share[classes, classes]. */
static void confusion_shares(const gr_confusion *confusion, double *share)
{
    const int n = confusion->classes;
    for (int i = 0; i < n; i++) {
        const int64_t *row = confusion->counts + (size_t)i * (size_t)n;
        double sum = 0;
        for (int k = 0; k < n; k++) sum += (double)row[k];
        for (int k = 0; k < n; k++) *share++ = sum > 0 ? (double)row[k] / sum : 0;
    }
}

static gr_status confusion_notes(gr_figure *figure, const gr_confusion *confusion,
                                 const double *share)
{
    const int n = confusion->classes;
    for (int i = 0; i < n * n; i++) {
        char text[32];
        const int row = i / n;
        if (confusion->counts[i] == 0) continue;
        snprintf(text, sizeof text, "%" PRId64, confusion->counts[i]);
        GR_TRY(gr_figure_note(figure, 0,
                              GR_NOTE(.text = text, .x = i % n, .y = row, .width = 1,
                                      .color = share[i] > 0.5 ? -1 : 0)));
    }
    return GR_OK;
}

static gr_status confusion_fill(gr_figure *figure, const gr_confusion *confusion, double *share)
{
    const int n = confusion->classes;
    confusion_shares(confusion, share);
    GR_TRY(gr_figure_panel(figure, 0,
                           GR_PANEL(.x_label = "taken for", .y_label = "class", .equal = true,
                                    .y_down = true, .x_names = confusion->names,
                                    .y_names = confusion->names, .x_count = n, .y_count = n)));
    GR_TRY(gr_figure_grid(figure, 0,
                          GR_GRID(.rows = n, .columns = n, .values = share, .map = GR_MAP_PALE,
                                  .low = 0, .high = 1, .scale = "share of the class")));
    return n <= 60 ? confusion_notes(figure, confusion, share) : GR_OK;
}

gr_status gr_plot_confusion(const char *path, const gr_confusion *confusion)
{
    gr_figure *figure;
    const int n = confusion->classes;
    if (n < 1 || n > 10000 || !confusion->counts) {
        return gr_fail(GR_INVALID, "%s: a confusion matrix of %d classes", path, n);
    }
    const double side = fmin(fmax(n * CONFUSION_CELL, 120), CONFUSION_SIDE);
    GR_TRY(gr_figure_new(
        GR_FIGURE(.width = side + 130, .height = side + 90, .title = confusion->title), &figure));
    double *share = gr_alloc_array((size_t)n * (size_t)n, sizeof *share);
    gr_status status = share ? confusion_fill(figure, confusion, share) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_free(share);
    gr_figure_free(figure);
    return status;
}

/* ---- Pages of pictures -------------------------------------------------------------------- */

#define PAGE_SIDE 48.0
#define PAGE_GAP 5.0
#define PAGE_CAPTION 11.0

/* The geometry of a page, in points, which are also its panel's units. */
typedef struct page_grid {
    int columns, rows;
    double side, step_x, step_y, unit; /* unit: points to a pixel */
} page_grid;

static page_grid page_measure(const gr_picture_page *page)
{
    page_grid grid = {.columns = page->columns > 0 ? page->columns : (int)ceil(sqrt(page->n)),
                      .side = page->side > 0 ? page->side : PAGE_SIDE};
    int64_t largest = 1;
    grid.rows = (page->n + grid.columns - 1) / grid.columns;
    for (int i = 0; i < page->n; i++) {
        const gr_shape *shape = &page->images[i].shape;
        for (int k = 1; k < shape->rank && k < 3; k++) {
            largest = shape->dim[k] > largest ? shape->dim[k] : largest;
        }
    }
    grid.unit = grid.side / (double)largest;
    grid.step_x = grid.side + PAGE_GAP;
    grid.step_y = grid.side + PAGE_GAP + (page->captions ? PAGE_CAPTION : 0);
    return grid;
}

static gr_status page_add(gr_figure *figure, const gr_picture_page *page, const page_grid *grid,
                          int i)
{
    const gr_tensor *image = &page->images[i];
    const double x = (i % grid->columns + 0.5) * grid->step_x;
    const int row = i / grid->columns;
    const double y = row * grid->step_y + (grid->side + PAGE_GAP) / 2;
    const bool shaped = image->shape.rank == 3;
    const double wide = shaped ? grid->unit * (double)image->shape.dim[2] / 2 : 1;
    const double tall = shaped ? grid->unit * (double)image->shape.dim[1] / 2 : 1;
    const int frame = page->frames ? page->frames[i] : 0;
    GR_TRY(gr_figure_picture(figure, 0,
                             GR_PICTURE(.image = image, .x_min = x - wide, .x_max = x + wide,
                                        .y_min = y - tall, .y_max = y + tall, .color = frame)));
    if (!page->captions || !page->captions[i] || !*page->captions[i]) return GR_OK;
    return gr_figure_note(figure, 0,
                          GR_NOTE(.text = page->captions[i], .x = x,
                                  .y = y + (grid->side + PAGE_CAPTION) / 2,
                                  .width = grid->step_x - 1, .color = frame));
}

gr_status gr_plot_pictures(const char *path, const gr_picture_page *page)
{
    gr_figure *figure;
    if (page->n < 1 || !page->images) {
        return gr_fail(GR_INVALID, "%s: there are no pictures to draw", path);
    }
    const page_grid grid = page_measure(page);
    const double width = grid.columns * grid.step_x, height = grid.rows * grid.step_y;
    const double heading = page->title ? 17 : 0;
    GR_TRY(gr_figure_new(GR_FIGURE(.width = fmax(width + 12, 90),
                                   .height = fmax(height + 15 + heading, 80), .dpi = page->dpi,
                                   .title = page->title),
                         &figure));
    gr_status status = gr_figure_panel(
        figure, 0,
        GR_PANEL(.bare = true, .equal = true, .y_down = true, .x_max = width, .y_max = height));
    for (int i = 0; i < page->n && status == GR_OK; i++) status = page_add(figure, page, &grid, i);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- Filters ------------------------------------------------------------------------------ */

#define FILTERS_MOST 256

/* Pixels from `n` weights that begin at `first`, on a scale of their own. */
static gr_status filter_scale(const gr_tensor *weights, int64_t first, int64_t n, gr_tensor *image)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        const double weight = gr_tensor_at(weights, first + i);
        low = fmin(low, weight);
        high = fmax(high, weight);
    }
    GR_TRY(gr_tensor_new(GR_U8, image->shape, image));
    for (int64_t i = 0; i < n; i++) {
        const double share = (gr_tensor_at(weights, first + i) - low) / (high - low);
        ((uint8_t *)image->data)[i] = isfinite(share) ? (uint8_t)lround(255 * share) : 128;
    }
    return GR_OK;
}

gr_status gr_plot_filters(const char *path, const char *title, const gr_tensor *weights)
{
    char text[128];
    const gr_shape shape = weights->shape;
    if (!gr_dtype_is_float(weights->dtype)) {
        return gr_fail(GR_DTYPE, "%s: filters of type %s", path, gr_dtype_name(weights->dtype));
    }
    if (shape.rank != 4 || gr_shape_count(shape) < 1) {
        return gr_fail(GR_SHAPE, "%s: filters of shape %s; [O,C,H,W] is wanted", path,
                       gr_shape_print(shape, text, sizeof text));
    }
    const bool colored = shape.dim[1] == 3;
    const int64_t channels = colored ? 1 : shape.dim[1], plane = shape.dim[2] * shape.dim[3];
    int64_t each = channels < 16 ? channels : 16, rows = shape.dim[0];
    if (rows * each > FILTERS_MOST) rows = FILTERS_MOST / each;
    const int n = (int)(rows * each);
    gr_tensor *images = gr_alloc_array((size_t)n, sizeof *images);
    gr_status status = images ? GR_OK : GR_NO_MEMORY;
    for (int i = 0; i < n && status == GR_OK; i++) {
        const int64_t planes = colored ? 3 : 1;
        const int64_t first = (i / each * shape.dim[1] + i % each) * plane;
        images[i].shape = GR_SHAPE(planes, shape.dim[2], shape.dim[3]);
        status = filter_scale(weights, first, planes * plane, &images[i]);
    }
    if (status == GR_OK) {
        status = gr_plot_pictures(path,
                                  GR_PICTURE_PAGE(.title = title, .images = images, .n = n,
                                                  .columns = each > 1 ? (int)each : 0, .side = 36));
    }
    for (int i = 0; images && i < n; i++) gr_tensor_clear(&images[i]);
    gr_free(images);
    return status;
}
