/* Contours of a grid: lines at levels, and the areas between them. They cross a cell straight from
 * side to side; where they cross all four sides, the mean of the corners, taken for the cell's
 * middle, tells which belong together: there the cell is four triangles. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

typedef struct contour_point {
    double x, y, value; /* x and y in points */
} contour_point;

typedef struct contour_job {
    plot_pen *pen;
    const plot_layer *layer;
    double *x, *y; /* where columns and rows lie, in points */
} contour_job;

/* What is interpolated: the value, or its logarithm. */
static double contour_scaled(const plot_layer *layer, double value)
{
    if (!layer->log) return value;
    return value > 0 ? log(value) : (double)NAN;
}

static contour_point contour_corner(const contour_job *job, int row, int column)
{
    const size_t at = (size_t)row * (size_t)job->layer->columns + (size_t)column;
    return (contour_point){job->x[column], job->y[row],
                           contour_scaled(job->layer, job->layer->values[at])};
}

/* Corners of the cell above `row` and right of `column`, in turn about it. Is the grid known at
 * all of them? */
static bool contour_cell(const contour_job *job, int row, int column, contour_point corner[4])
{
    corner[0] = contour_corner(job, row, column);
    corner[1] = contour_corner(job, row, column + 1);
    corner[2] = contour_corner(job, row + 1, column + 1);
    corner[3] = contour_corner(job, row + 1, column);
    for (int i = 0; i < 4; i++) {
        if (isnan(corner[i].value) || isnan(corner[i].x) || isnan(corner[i].y)) return false;
        if (isinf(corner[i].value)) corner[i].value = corner[i].value > 0 ? 1e300 : -1e300;
    }
    return true;
}

static contour_point contour_middle(const contour_point corner[4])
{
    contour_point middle = {0, 0, 0};
    for (int i = 0; i < 4; i++) {
        middle.x += corner[i].x / 4;
        middle.y += corner[i].y / 4;
        middle.value += corner[i].value / 4;
    }
    return middle;
}

/* Where the grid is at the level on the way from a to b, which lie on its two sides. */
static contour_point contour_cross(contour_point a, contour_point b, double level)
{
    const double share = (level / 2 - a.value / 2) / (b.value / 2 - a.value / 2);
    return (contour_point){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y), level};
}

/* Calls for the cell, or for its four triangles where opposite corners lie above the level and the
 * others below. */
typedef void contour_part_fn(cairo_t *cairo, const contour_point *corner, int n, double level);

static void contour_parts(const contour_job *job, const contour_point corner[4], double level,
                          contour_part_fn *draw)
{
    const bool above[2] = {corner[0].value >= level, corner[1].value >= level};
    const bool saddle = above[0] != above[1] && (corner[2].value >= level) == above[0] &&
                        (corner[3].value >= level) == above[1];
    const contour_point middle = contour_middle(corner);
    if (!saddle) draw(job->pen->cairo, corner, 4, level);
    for (int i = 0; saddle && i < 4; i++) {
        draw(job->pen->cairo, (contour_point[]){corner[i], corner[(i + 1) % 4], middle}, 3, level);
    }
}

/* Adds the part at or above the level to the path. */
static void contour_area(cairo_t *cairo, const contour_point *corner, int n, double level)
{
    bool any = false;
    for (int i = 0; i < n; i++) {
        const contour_point a = corner[i], b = corner[(i + 1) % n];
        if (a.value >= level) cairo_line_to(cairo, a.x, a.y);
        any = any || a.value >= level;
        if ((a.value >= level) == (b.value >= level)) continue;
        const contour_point at = contour_cross(a, b, level);
        cairo_line_to(cairo, at.x, at.y);
    }
    if (any) cairo_close_path(cairo);
    cairo_new_sub_path(cairo);
}

/* Adds the line at the level to the path. */
static void contour_segment(cairo_t *cairo, const contour_point *corner, int n, double level)
{
    for (int i = 0; i < n; i++) {
        const contour_point a = corner[i], b = corner[(i + 1) % n];
        if ((a.value >= level) == (b.value >= level)) continue;
        const contour_point at = contour_cross(a, b, level);
        cairo_line_to(cairo, at.x, at.y);
    }
    cairo_new_sub_path(cairo);
}

static void contour_run(const contour_job *job, int row, int from, int to)
{
    const double x = job->x[from], y = job->y[row];
    if (to <= from) return;
    cairo_rectangle(job->pen->cairo, x, y, job->x[to] - x, job->y[row + 1] - y);
    cairo_new_sub_path(job->pen->cairo); /* or the next area would begin at this corner */
}

/* Fills all that is at or above the level; neighbouring cells that are so whole as one rectangle.
 * One path for all, so that no seams show between the cells. */
static void contour_fill(const contour_job *job, double level, unsigned color)
{
    const plot_layer *layer = job->layer;
    cairo_new_path(job->pen->cairo);
    for (int row = 0; row + 1 < layer->rows; row++) {
        int start = 0;
        for (int column = 0; column + 1 < layer->columns; column++) {
            contour_point corner[4];
            int above = 0;
            const bool known = contour_cell(job, row, column, corner);
            for (int i = 0; known && i < 4; i++) above += corner[i].value >= level;
            if (above == 4) continue;
            contour_run(job, row, start, column);
            start = column + 1;
            if (above > 0) contour_parts(job, corner, level, contour_area);
        }
        contour_run(job, row, start, layer->columns - 1);
    }
    gr_plot_color(job->pen, color);
    cairo_fill(job->pen->cairo);
}

static void contour_line(const contour_job *job, double level)
{
    const plot_layer *layer = job->layer;
    for (int row = 0; row + 1 < layer->rows; row++) {
        for (int column = 0; column + 1 < layer->columns; column++) {
            contour_point corner[4];
            if (!contour_cell(job, row, column, corner)) continue;
            contour_parts(job, corner, level, contour_segment);
        }
    }
}

static void contour_lines(const contour_job *job)
{
    cairo_t *cairo = job->pen->cairo;
    cairo_set_dash(cairo, NULL, 0, 0);
    cairo_set_line_width(cairo, 0.6);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
    gr_plot_color(job->pen, 0x303030);
    for (int i = 0; i < job->layer->levels; i++) {
        cairo_new_path(cairo);
        contour_line(job, contour_scaled(job->layer, job->layer->level[i]));
        cairo_stroke(cairo);
    }
}

static void contour_areas(const contour_job *job)
{
    const plot_layer *layer = job->layer;
    contour_fill(job, -INFINITY, (unsigned)gr_plot_layer_color(layer, layer->low));
    for (int i = 0; i < layer->levels; i++) {
        contour_fill(job, contour_scaled(layer, layer->level[i]),
                     (unsigned)gr_plot_layer_color(layer, layer->level[i]));
    }
}

/* Where the values of one axis lie, in points. */
static void contour_places(const double ends[2], int n, const plot_axis *axis, double from,
                           double length, double *places)
{
    for (int i = 0; i < n; i++) {
        const double value = ends[0] + (ends[1] - ends[0]) * i / (n - 1);
        places[i] = from + length * gr_plot_axis_place(axis, value);
    }
}

void gr_plot_contour_draw(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                          plot_box area)
{
    contour_job job = {.pen = pen, .layer = layer};
    job.x = gr_alloc_array((size_t)layer->columns + (size_t)layer->rows, sizeof *job.x);
    if (!job.x) {
        pen->failed = true;
        return;
    }
    job.y = job.x + layer->columns;
    contour_places(layer->x, layer->columns, &axis[0], area.x, area.width, job.x);
    contour_places(layer->y, layer->rows, &axis[1], area.y + area.height, -area.height, job.y);
    cairo_save(pen->cairo);
    cairo_rectangle(pen->cairo, area.x, area.y, area.width, area.height);
    cairo_clip(pen->cairo);
    if (layer->kind == GR_GRID_FILLED) {
        contour_areas(&job);
    } else {
        contour_lines(&job);
    }
    cairo_restore(pen->cairo);
    gr_free(job.x);
}
#endif
