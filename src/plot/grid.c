/* Grids, pictures, histograms and notes of a figure. */
#include <math.h>
#include <stdlib.h>

#include "plot/figure.h"

void gr_plot_layer_clear(plot_layer *layer)
{
    gr_free(layer->values);
    gr_free(layer->pixel);
    gr_free(layer->level);
    gr_free(layer->scale);
}

/* Puts a layer whose parts are complete into its panel, or frees it. */
static gr_status grid_put(plot_panel *panel, plot_layer *layer, gr_status status)
{
    if (status == GR_OK &&
        !gr_grow(&panel->layer, panel->layers, &panel->layer_capacity, sizeof *panel->layer)) {
        status = GR_NO_MEMORY;
    }
    if (status != GR_OK) {
        gr_plot_layer_clear(layer);
        return status;
    }
    panel->layer[panel->layers++] = *layer;
    return GR_OK;
}

/* ---- Grids ------------------------------------------------------------------------------- */

static void grid_place(int n, double low, double high, double ends[2])
{
    const bool given = low != 0 || high != 0;
    ends[0] = given ? low : 0;
    ends[1] = given ? high : n - 1;
}

/* The range of the colours, from the values unless it was given. */
static void grid_range(const gr_grid *grid, plot_layer *layer)
{
    const size_t n = (size_t)grid->rows * (size_t)grid->columns;
    layer->low = grid->low;
    layer->high = grid->high;
    if (grid->low != 0 || grid->high != 0) return;
    layer->low = INFINITY;
    layer->high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        const double value = grid->values[i];
        if (!isfinite(value) || (grid->log && value <= 0)) continue;
        layer->low = fmin(layer->low, value);
        layer->high = fmax(layer->high, value);
    }
    if (!(layer->low <= layer->high)) layer->low = layer->high = grid->log ? 1 : 0;
    if (grid->map == GR_MAP_DIVERGING && !grid->log) { /* white is 0 */
        layer->high = fmax(fabs(layer->low), fabs(layer->high));
        layer->low = -layer->high;
    }
    if (layer->low == layer->high) {
        layer->low = grid->log ? layer->low / 2 : layer->low - 0.5;
        layer->high = grid->log ? layer->high * 2 : layer->high + 0.5;
    }
}

/* Levels strictly within the range: at round values, or evenly by the logarithm. */
static gr_status grid_levels(plot_layer *layer, int wanted)
{
    if (wanted < 1) wanted = 10;
    if (wanted > PLOT_MAX_TICKS) wanted = PLOT_MAX_TICKS;
    layer->level = gr_alloc_array(PLOT_MAX_TICKS, sizeof *layer->level);
    if (!layer->level) return GR_NO_MEMORY;
    if (layer->log) {
        for (int i = 1; i <= wanted; i++) {
            layer->level[layer->levels++] =
                layer->low * pow(layer->high / layer->low, (double)i / (wanted + 1));
        }
        return GR_OK;
    }
    plot_ticks ticks;
    gr_plot_ticks_make(&(plot_axis){.low = layer->low, .high = layer->high}, wanted, &ticks);
    for (int i = 0; i < ticks.n; i++) {
        if (ticks.at[i] > layer->low && ticks.at[i] < layer->high) {
            layer->level[layer->levels++] = ticks.at[i];
        }
    }
    return GR_OK;
}

static gr_status grid_check(const gr_grid *grid)
{
    const int least = grid->kind == GR_GRID_CELLS ? 1 : 2;
    if (!grid->values || grid->rows < least || grid->columns < least) {
        return gr_fail(GR_INVALID, "figure: a grid of %d by %d values; at least %d by %d",
                       grid->rows, grid->columns, least, least);
    }
    if ((unsigned)grid->kind > GR_GRID_CONTOURS || (unsigned)grid->map > GR_MAP_CLASSES) {
        return gr_fail(GR_INVALID, "figure: a grid of no known kind or colours");
    }
    const bool free_range = grid->low == 0 && grid->high == 0;
    if (!free_range && !(isfinite(grid->low) && isfinite(grid->high) && grid->low < grid->high &&
                         (!grid->log || grid->low > 0))) {
        return gr_fail(GR_INVALID, "figure: colours cannot reach from %g to %g%s", grid->low,
                       grid->high, grid->log ? " on a logarithmic scale" : "");
    }
    const double end[4] = {grid->x_min, grid->x_max, grid->y_min, grid->y_max};
    for (int i = 0; i < 4; i += 2) {
        const int n = i == 0 ? grid->columns : grid->rows;
        if (!isfinite(end[i]) || !isfinite(end[i + 1]) || end[i] > end[i + 1] ||
            (n > 1 && end[i] == end[i + 1] && end[i] != 0)) {
            return gr_fail(GR_INVALID, "figure: a grid cannot reach from %g to %g", end[i],
                           end[i + 1]);
        }
    }
    return GR_OK;
}

gr_status gr_figure_grid(gr_figure *figure, int index, const gr_grid *grid)
{
    plot_panel *panel = NULL;
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    GR_TRY(grid_check(grid));
    const size_t n = (size_t)grid->rows * (size_t)grid->columns;
    plot_layer layer = {.kind = grid->kind,
                        .rows = grid->rows,
                        .columns = grid->columns,
                        .map = grid->map,
                        .log = grid->log};
    grid_place(grid->columns, grid->x_min, grid->x_max, layer.x);
    grid_place(grid->rows, grid->y_min, grid->y_max, layer.y);
    grid_range(grid, &layer);
    layer.values = gr_alloc_array(n, sizeof *layer.values);
    gr_status status = layer.values ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK) memcpy(layer.values, grid->values, n * sizeof *layer.values);
    if (status == GR_OK && grid->kind != GR_GRID_CELLS) {
        status = grid_levels(&layer, grid->levels);
    }
    if (status == GR_OK && grid->scale) {
        layer.scale = gr_strdup(grid->scale);
        if (!layer.scale) status = GR_NO_MEMORY;
    }
    return grid_put(panel, &layer, status);
}

/* ---- Pictures ----------------------------------------------------------------------------- */

static gr_status picture_check(const gr_tensor *image)
{
    char text[128];
    if (!image || image->dtype != GR_U8) {
        return gr_fail(GR_DTYPE, "figure: a picture is of type %s, not u8",
                       image ? gr_dtype_name(image->dtype) : "none");
    }
    const gr_shape *shape = &image->shape;
    if (shape->rank == 3 && (shape->dim[0] == 1 || shape->dim[0] == 3) && shape->dim[1] > 0 &&
        shape->dim[2] > 0 && shape->dim[1] <= INT16_MAX && shape->dim[2] <= INT16_MAX) {
        return GR_OK;
    }
    return gr_fail(GR_SHAPE, "figure: a picture has shape %s; [1,H,W] or [3,H,W] is wanted",
                   gr_shape_print(*shape, text, sizeof text));
}

static gr_status picture_pixels(const gr_tensor *image, plot_layer *layer)
{
    const uint8_t *data = image->data;
    const size_t rows = (size_t)layer->rows, columns = (size_t)layer->columns;
    const size_t plane = image->shape.dim[0] == 3 ? rows * columns : 0;
    layer->pixel = gr_alloc_array(rows * columns, sizeof *layer->pixel);
    if (!layer->pixel) return GR_NO_MEMORY;
    for (size_t i = 0; i < rows * columns; i++) {
        layer->pixel[i] = (uint32_t)data[i] << 16 | (uint32_t)data[i + plane] << 8 |
                          (uint32_t)data[i + 2 * plane];
    }
    return GR_OK;
}

/* The middles of the first and last of n pixels between two sides. */
static void picture_place(int n, double low, double high, double ends[2])
{
    const bool given = low != 0 || high != 0;
    const double from = given ? low : 0, to = given ? high : n, half = (to - from) / n / 2;
    ends[0] = from + half;
    ends[1] = to - half;
}

gr_status gr_figure_picture(gr_figure *figure, int index, const gr_picture *picture)
{
    plot_panel *panel = NULL;
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    GR_TRY(picture_check(picture->image));
    if (!(isfinite(picture->x_max - picture->x_min) && picture->x_min <= picture->x_max &&
          isfinite(picture->y_max - picture->y_min) && picture->y_min <= picture->y_max)) {
        return gr_fail(GR_INVALID, "figure: a picture cannot reach from %g, %g to %g, %g",
                       picture->x_min, picture->y_min, picture->x_max, picture->y_max);
    }
    if (picture->color < 0 || picture->color > PLOT_COLORS) {
        return gr_fail(GR_INVALID, "figure: colour %d; 1 to %d are there", picture->color,
                       PLOT_COLORS);
    }
    plot_layer layer = {.rows = (int)picture->image->shape.dim[1],
                        .columns = (int)picture->image->shape.dim[2],
                        .frame = picture->color};
    picture_place(layer.columns, picture->x_min, picture->x_max, layer.x);
    picture_place(layer.rows, picture->y_min, picture->y_max, layer.y);
    return grid_put(panel, &layer, picture_pixels(picture->image, &layer));
}

/* ---- Histograms --------------------------------------------------------------------------- */

#define HISTOGRAM_MOST_BINS 10000

static int histogram_order(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bins of width 2·(interquartile range)·n^(−1/3). `sorted` holds n finite values. */
static int histogram_bins(const double *sorted, int n, double low, double high)
{
    const double quartiles = sorted[(int)(0.75 * (n - 1))] - sorted[(int)(0.25 * (n - 1))];
    const double bins = (high - low) / (2 * quartiles * pow(n, -1.0 / 3));
    if (!(quartiles > 0)) return 10;
    return bins < 1 ? 1 : bins > 60 ? 60 : (int)ceil(bins);
}

/* Counts into y[bins], whose middles are x[bins]. */
static void histogram_count(const gr_histogram *histogram, const double *values, int n, double low,
                            double width, int bins, double *x, double *y)
{
    for (int i = 0; i < bins; i++) {
        x[i] = low + (i + 0.5) * width;
        y[i] = 0;
    }
    for (int i = 0; i < n; i++) {
        const double place = (values[i] - low) / width;
        if (!(place >= 0 && place <= bins)) continue;
        const int bin = (int)place < bins ? (int)place : bins - 1; /* the last one has its end */
        y[bin] += histogram->share ? 1.0 / n : 1;
    }
}

static gr_status histogram_add(gr_figure *figure, int index, const gr_histogram *histogram,
                               double *values, int n)
{
    double low = histogram->low, high = histogram->high;
    qsort(values, (size_t)n, sizeof *values, histogram_order);
    if (low == 0 && high == 0) {
        low = values[0];
        high = values[n - 1];
    }
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    if (!(isfinite(high - low) && low < high)) {
        return gr_fail(GR_INVALID, "figure: a histogram cannot reach from %g to %g", low, high);
    }
    const int bins = histogram->bins > 0 ? histogram->bins : histogram_bins(values, n, low, high);
    double *x = gr_alloc_array((size_t)bins, 2 * sizeof *x);
    if (!x) return GR_NO_MEMORY;
    histogram_count(histogram, values, n, low, (high - low) / bins, bins, x, x + bins);
    gr_status status =
        gr_figure_add(figure, index,
                      GR_SERIES(GR_SERIES_BARS, .label = histogram->label, .x = x, .y = x + bins,
                                .n = bins, .color = histogram->color));
    gr_free(x);
    return status;
}

gr_status gr_figure_histogram(gr_figure *figure, int index, const gr_histogram *histogram)
{
    plot_panel *panel = NULL;
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    const int most = histogram->values && histogram->n > 0 ? histogram->n : 0;
    int n = 0;
    double *values = gr_alloc_array((size_t)most + 1, sizeof *values);
    if (!values) return GR_NO_MEMORY;
    for (int i = 0; i < most; i++) {
        if (isfinite(histogram->values[i])) values[n++] = histogram->values[i];
    }
    gr_status status = GR_OK;
    if (n == 0) {
        status = gr_fail(GR_INVALID, "figure: the histogram '%s' has no finite values",
                         histogram->label ? histogram->label : "");
    } else if (histogram->bins < 0 || histogram->bins > HISTOGRAM_MOST_BINS) {
        status = gr_fail(GR_INVALID, "figure: a histogram of %d bins; 1 to %d are possible",
                         histogram->bins, HISTOGRAM_MOST_BINS);
    } else {
        status = histogram_add(figure, index, histogram, values, n);
    }
    gr_free(values);
    return status;
}

/* ---- Notes -------------------------------------------------------------------------------- */

gr_status gr_figure_note(gr_figure *figure, int index, const gr_note *note)
{
    plot_panel *panel = NULL;
    GR_TRY(gr_plot_panel_at(figure, index, &panel));
    if (!note->text || !*note->text) return gr_fail(GR_INVALID, "figure: a note without text");
    if (note->color < -1 || note->color > PLOT_COLORS) {
        return gr_fail(GR_INVALID, "figure: colour %d; 1 to %d are there", note->color,
                       PLOT_COLORS);
    }
    if (!gr_grow(&panel->note, panel->notes, &panel->note_capacity, sizeof *panel->note)) {
        return GR_NO_MEMORY;
    }
    plot_note copy = {.x = note->x, .y = note->y, .width = note->width, .color = note->color};
    GR_TRY(gr_plot_text_copy(note->text, &copy.text));
    panel->note[panel->notes++] = copy;
    return GR_OK;
}
