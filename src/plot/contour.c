/* Contours of a grid: lines at levels, and the areas between them. They cross a cell straight from
 * side to side; where they cross all four sides, the mean of the corners, taken for the cell's
 * middle, tells which crossings belong together. The rim of an area is put together of the lines in
 * its cells, and of the sides of cells at the end of what is known: rings of few points, where the
 * cells themselves would be many. */
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
    /* The rims of one level, in steps from place to place: corners of cells, then the crossings of
     * horizontal sides, then those of vertical ones, as many of each as there are values. Where
     * areas touch at a corner it has two steps. next[2][places], -1: none. */
    contour_point *place;
    int *next;
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

/* A cell: its corners from the lower left, in turn; side i goes from corner i to the next one. */
typedef struct contour_cell {
    int row, column;
    contour_point corner[4];
    bool above[4]; /* is a corner at or above the level? */
} contour_cell;

/* The cell above `row` and right of `column`. False if there is none, or its corners are not all
 * known. */
static bool contour_find(const contour_job *job, int row, int column, double level,
                         contour_cell *cell)
{
    if (row < 0 || column < 0 || row + 1 >= job->layer->rows || column + 1 >= job->layer->columns)
        return false;
    cell->row = row;
    cell->column = column;
    cell->corner[0] = contour_corner(job, row, column);
    cell->corner[1] = contour_corner(job, row, column + 1);
    cell->corner[2] = contour_corner(job, row + 1, column + 1);
    cell->corner[3] = contour_corner(job, row + 1, column);
    for (int i = 0; i < 4; i++) {
        contour_point *const corner = &cell->corner[i];
        if (isnan(corner->value) || isnan(corner->x) || isnan(corner->y)) return false;
        if (isinf(corner->value)) corner->value = corner->value > 0 ? 1e300 : -1e300;
        cell->above[i] = corner->value >= level;
    }
    return true;
}

/* Where the level is on side i, whose ends lie on its two sides. */
static contour_point contour_cross(const contour_cell *cell, int i, double level)
{
    const contour_point a = cell->corner[i], b = cell->corner[(i + 1) % 4];
    const double share = (level / 2 - a.value / 2) / (b.value / 2 - a.value / 2);
    return (contour_point){a.x + share * (b.x - a.x), a.y + share * (b.y - a.y), level};
}

/* The contour's lines in a cell, one or two: from side[k][0], where one that goes round the cell
 * comes down below the level, to side[k][1], where one comes up to it. */
static int contour_lines_in(const contour_cell *cell, double level, int side[2][2])
{
    int lines = 0;
    double middle = 0;
    for (int i = 0; i < 4; i++) middle += cell->corner[i].value / 4;
    for (int i = 0; i < 4; i++) {
        if (!cell->above[i] || cell->above[(i + 1) % 4]) continue;
        /* What is below reaches to the next corner above; of two such corners that hang together
         * over the middle, only round the one between them. */
        const bool saddle = cell->above[(i + 2) % 4] && !cell->above[(i + 3) % 4];
        int up = (i + 1) % 4;
        if (saddle && middle < level) up = (i + 3) % 4;
        while (!saddle && !cell->above[(up + 1) % 4]) up = (up + 1) % 4;
        side[lines][0] = i;
        side[lines++][1] = up;
    }
    return lines;
}

/* ---- Areas ---------------------------------------------------------------------------------- */

static int contour_places_of(const contour_job *job)
{
    return 3 * job->layer->rows * job->layer->columns;
}

static int contour_corner_place(const contour_job *job, const contour_cell *cell, int i)
{
    return (cell->row + (i > 1)) * job->layer->columns + cell->column + (i == 1 || i == 2);
}

/* Of a crossing on side i. */
static int contour_side_place(const contour_job *job, const contour_cell *cell, int i)
{
    const int columns = job->layer->columns, all = job->layer->rows * columns;
    if (i % 2 == 0) return all + (cell->row + (i == 2)) * columns + cell->column;
    return 2 * all + cell->row * columns + cell->column + (i == 1);
}

static void contour_step(const contour_job *job, int from, int to)
{
    const int second = job->next[from] < 0 ? 0 : contour_places_of(job);
    job->next[second + from] = to;
}

/* The part of side i that is at or above the level, where no known cell lies beyond it. */
static void contour_end(const contour_job *job, const contour_cell *cell, int i)
{
    const int other = (i + 1) % 4;
    const int side = contour_side_place(job, cell, i);
    if (!cell->above[i] && !cell->above[other]) return;
    contour_step(job, cell->above[i] ? contour_corner_place(job, cell, i) : side,
                 cell->above[other] ? contour_corner_place(job, cell, other) : side);
}

static void contour_trace(const contour_job *job, const contour_cell *cell, double level)
{
    static const int beyond[4][2] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}};
    int side[2][2];
    const int lines = contour_lines_in(cell, level, side);
    for (int i = 0; i < 4; i++) {
        contour_cell other;
        if (cell->above[i]) job->place[contour_corner_place(job, cell, i)] = cell->corner[i];
        if (cell->above[i] != cell->above[(i + 1) % 4])
            job->place[contour_side_place(job, cell, i)] = contour_cross(cell, i, level);
        if (!contour_find(job, cell->row + beyond[i][0], cell->column + beyond[i][1], level,
                          &other))
            contour_end(job, cell, i);
    }
    for (int k = 0; k < lines; k++)
        contour_step(job, contour_side_place(job, cell, side[k][0]),
                     contour_side_place(job, cell, side[k][1]));
}

/* The step from a place, which is taken away; -1: none is left. */
static int contour_take(const contour_job *job, int from)
{
    const int places = contour_places_of(job);
    const int first = job->next[from];
    job->next[from] = job->next[places + from];
    job->next[places + from] = -1;
    return first;
}

/* Does b lie on the straight way from a to c? */
static bool contour_is_straight(contour_point a, contour_point b, contour_point c)
{
    const double area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    const double length = hypot(c.x - a.x, c.y - a.y);
    return fabs(area) < 1e-3 * length;
}

/* One ring, without the points at which it goes straight on. */
static void contour_ring(const contour_job *job, int start)
{
    cairo_t *const cairo = job->pen->cairo;
    contour_point last = job->place[start], before = last;
    cairo_move_to(cairo, last.x, last.y);
    for (int at = contour_take(job, start); at >= 0 && at != start; at = contour_take(job, at)) {
        const contour_point here = job->place[at];
        if (!contour_is_straight(last, before, here)) {
            cairo_line_to(cairo, before.x, before.y);
            last = before;
        }
        before = here;
    }
    cairo_line_to(cairo, before.x, before.y);
    cairo_close_path(cairo);
}

/* Fills all that is at or above the level. */
static void contour_fill(const contour_job *job, double level, unsigned color)
{
    const int places = contour_places_of(job);
    for (int i = 0; i < 2 * places; i++) job->next[i] = -1;
    for (int row = 0; row + 1 < job->layer->rows; row++) {
        for (int column = 0; column + 1 < job->layer->columns; column++) {
            contour_cell cell;
            if (contour_find(job, row, column, level, &cell)) contour_trace(job, &cell, level);
        }
    }
    cairo_new_path(job->pen->cairo);
    for (int i = 0; i < places; i++)
        while (job->next[i] >= 0) contour_ring(job, i);
    gr_plot_color(job->pen, color);
    cairo_fill(job->pen->cairo);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static void contour_line(const contour_job *job, double level)
{
    cairo_t *const cairo = job->pen->cairo;
    for (int row = 0; row + 1 < job->layer->rows; row++) {
        for (int column = 0; column + 1 < job->layer->columns; column++) {
            contour_cell cell;
            int side[2][2];
            if (!contour_find(job, row, column, level, &cell)) continue;
            const int lines = contour_lines_in(&cell, level, side);
            for (int k = 0; k < lines; k++) {
                const contour_point from = contour_cross(&cell, side[k][0], level);
                const contour_point to = contour_cross(&cell, side[k][1], level);
                cairo_move_to(cairo, from.x, from.y);
                cairo_line_to(cairo, to.x, to.y);
            }
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

/* Memory for the places of rims, which lines do without. */
static bool contour_prepare(contour_job *job)
{
    const size_t rows = (size_t)job->layer->rows, columns = (size_t)job->layer->columns;
    const size_t places = job->layer->kind == GR_GRID_FILLED ? 3 * rows * columns : 0;
    job->x = gr_alloc_array(columns + rows, sizeof *job->x);
    job->y = job->x ? job->x + columns : NULL;
    job->place = gr_alloc_array(places, sizeof *job->place);
    job->next = gr_alloc_array(2 * places, sizeof *job->next);
    return job->x && job->place && job->next;
}

void gr_plot_contour_draw(plot_pen *pen, const plot_layer *layer, const plot_axis axis[2],
                          plot_box area)
{
    contour_job job = {.pen = pen, .layer = layer};
    if (contour_prepare(&job)) {
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
    } else {
        pen->failed = true;
    }
    gr_free(job.x);
    gr_free(job.place);
    gr_free(job.next);
}
#endif
