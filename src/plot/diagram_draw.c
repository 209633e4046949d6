/* Diagrams: sizes from the texts, places from Graphviz, then everything drawn. */
#include "plot/diagram.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#include "plot/draw.h"

#define DIAGRAM_MARGIN 8.0
#define DIAGRAM_LINE 0.9
#define DIAGRAM_ROUND 27.0 /* widest text that stands in a circle */
#define DIAGRAM_LEAST 21.0 /* of a circle's diameter */
#define DIAGRAM_FORK 3.0
#define DIAGRAM_ARROW 4.5
#define DIAGRAM_GAP 1.5 /* between a wire and its texts */
/* A diagram of layers that is wider than this goes on in another row, as a text does. */
#define DIAGRAM_WIDE 1200.0
#define DIAGRAM_ROW 760.0 /* least width of a row, where there are several */
#define DIAGRAM_ROWS 64
#define DIAGRAM_BETWEEN 14.0 /* rows */

/* A diagram with its places. Piece i of a wire, which holds its texts, is node piece[i]. */
typedef struct diagram_plan {
    const gr_diagram *diagram;
    gr_layout_job job;
    int *piece; /* by wire; -1: none */
    int *first; /* by wire: number of its first wire of the job */
    double top; /* of the layout: under the title */
    int rows;
    double cut[DIAGRAM_ROWS + 1]; /* where the layout's rows begin, and the last one ends */
    double width;                 /* of the widest */
} diagram_plan;

/* ---- Text of several lines ---------------------------------------------------------------- */

/* The next line of *rest, cut to fit, in line[size]; false at the end. */
static bool diagram_line(const char **rest, char *line, size_t size)
{
    if (!*rest) return false;
    size_t n = strcspn(*rest, "\n"), kept = n < size ? n : size - 1;
    while (kept < n && kept > 0 && ((unsigned char)(*rest)[kept] & 0xC0) == 0x80) kept--;
    memcpy(line, *rest, kept);
    line[kept] = '\0';
    *rest = (*rest)[n] ? *rest + n + 1 : NULL;
    return true;
}

static plot_box diagram_measure(plot_pen *pen, plot_face face, plot_face others, const char *text)
{
    char line[256];
    plot_box size = {0, 0, 0, 0};
    const char *rest = text;
    for (int i = 0; diagram_line(&rest, line, sizeof line); i++) {
        const plot_face now = i == 0 ? face : others;
        size.width = fmax(size.width, gr_plot_text_width(pen, now, line));
        size.height += gr_plot_text_height(now);
    }
    return size;
}

/* Lines about the middle x, from `top` on; returns where the next would begin. */
static double diagram_write(plot_pen *pen, plot_face face, plot_face others, double x, double top,
                            const char *text)
{
    char line[256];
    const char *rest = text;
    for (int i = 0; diagram_line(&rest, line, sizeof line); i++) {
        const plot_face now = i == 0 ? face : others;
        gr_plot_text_draw(pen, now, x, top, PLOT_CENTRE, 1e6, line);
        top += gr_plot_text_height(now);
    }
    return top;
}

/* ---- Sizes -------------------------------------------------------------------------------- */

static void diagram_node_size(plot_pen *pen, const diagram_node *node, gr_layout_node *to)
{
    const bool layer = node->kind == GR_DIAGRAM_LAYER;
    if (node->kind == GR_DIAGRAM_FORK) {
        *to = (gr_layout_node){.width = DIAGRAM_FORK, .height = DIAGRAM_FORK, .wire = true};
        return;
    }
    plot_box text = diagram_measure(pen, layer ? PLOT_TITLE : PLOT_GATE,
                                    layer ? PLOT_LABEL : PLOT_GATE, node->text);
    const plot_box name = diagram_measure(pen, PLOT_NAME, PLOT_NAME, node->name);
    text.width = fmax(text.width, name.width);
    text.height += name.height;
    const bool gate = node->kind == GR_DIAGRAM_GATE || node->kind == GR_DIAGRAM_RESULT;
    if (gate && text.width <= DIAGRAM_ROUND) {
        const double across = fmax(hypot(text.width, 0.8 * text.height) + 4, DIAGRAM_LEAST);
        *to = (gr_layout_node){.width = across, .height = across, .round = true};
        return;
    }
    const double pad = node->kind == GR_DIAGRAM_LEAF ? 2 : 7;
    *to = (gr_layout_node){.width = text.width + 2 * pad, .height = text.height + pad};
}

static void diagram_wire_size(plot_pen *pen, const diagram_wire *wire, gr_layout_node *to)
{
    const plot_box value = diagram_measure(pen, PLOT_VALUE, PLOT_VALUE, wire->value);
    const plot_box gradient = diagram_measure(pen, PLOT_GRADIENT, PLOT_GRADIENT, wire->gradient);
    /* As high above the wire as below it: the wire goes through its middle. */
    *to = (gr_layout_node){.width = fmax(fmax(value.width, gradient.width), 12) + 6,
                           .height = 2 * (fmax(value.height, gradient.height) + DIAGRAM_GAP),
                           .wire = true};
}

static void diagram_sizes(plot_pen *pen, diagram_plan *plan)
{
    const gr_diagram *diagram = plan->diagram;
    gr_layout_job *job = &plan->job;
    for (size_t i = 0; i < diagram->nodes; i++) {
        diagram_node_size(pen, &diagram->node[i], &job->node[job->nodes++]);
    }
    for (size_t i = 0; i < diagram->wires; i++) {
        const diagram_wire *wire = &diagram->wire[i];
        const bool piece = wire->to < 0 || wire->value || wire->gradient;
        plan->piece[i] = piece ? job->nodes : -1;
        plan->first[i] = job->wires;
        if (!piece) {
            job->wire[job->wires++] = (gr_layout_wire){.from = wire->from, .to = wire->to};
            continue;
        }
        job->wire[job->wires++] = (gr_layout_wire){.from = wire->from, .to = job->nodes};
        if (wire->to >= 0) {
            job->wire[job->wires++] = (gr_layout_wire){.from = job->nodes, .to = wire->to};
        }
        diagram_wire_size(pen, wire, &job->node[job->nodes++]);
    }
}

static double *diagram_more(double *point, int capacity)
{
    return gr_realloc(point, 2 * sizeof *point * (size_t)capacity);
}

static void diagram_plan_clear(diagram_plan *plan)
{
    gr_free(plan->job.node);
    gr_free(plan->job.wire);
    gr_free(plan->job.point);
    gr_free(plan->piece);
    gr_free(plan->first);
}

/* Would a cut at x go through a node, or an arrow's head before it? If so, *left is where they
 * begin. */
static bool diagram_cuts_node(const gr_layout_job *job, double x, double *left)
{
    for (int i = 0; i < job->nodes; i++) {
        const gr_layout_node *node = &job->node[i];
        const double from = node->x - node->width / 2 - 2 * DIAGRAM_ARROW;
        const double to = node->x + node->width / 2 + DIAGRAM_LINE;
        if (from >= x || to <= x) continue;
        *left = from;
        return true;
    }
    return false;
}

/* Where a row that begins at `from` ends: as far right as it may, and through no node. */
static double diagram_row_end(const gr_layout_job *job, double from, double most)
{
    double end = from + most, left;
    while (end > from && diagram_cuts_node(job, end, &left)) end = left;
    return end;
}

/* Cuts a wide layout in rows, whose wires go on at the next one's left. One with texts at its wires
 * stays whole. */
static void diagram_fold(diagram_plan *plan)
{
    const gr_layout_job *job = &plan->job;
    plan->rows = 1;
    plan->cut[1] = plan->width = job->width;
    if (job->width <= DIAGRAM_WIDE || job->nodes > (int)plan->diagram->nodes) return;
    const double most = fmax(DIAGRAM_ROW, sqrt(2 * job->width * (job->height + DIAGRAM_BETWEEN)));
    double cut[DIAGRAM_ROWS + 1] = {0}, widest = 0;
    int rows = 0;
    while (rows < DIAGRAM_ROWS && cut[rows] < job->width) {
        const double rest = job->width - cut[rows];
        const double end = rest <= most ? job->width : diagram_row_end(job, cut[rows], most);
        if (end <= cut[rows]) return; /* a node wider than a row */
        widest = fmax(widest, end - cut[rows]);
        cut[++rows] = end;
    }
    if (cut[rows] < job->width) return;
    plan->rows = rows;
    plan->width = widest;
    memcpy(plan->cut, cut, sizeof cut);
}

/* Finds sizes and places. Clear *plan also on failure. */
static gr_status diagram_plan_make(const gr_diagram *diagram, diagram_plan *plan)
{
    const size_t nodes = diagram->nodes, wires = diagram->wires;
    *plan = (diagram_plan){.diagram = diagram, .job.more = diagram_more};
    if (nodes == 0) return gr_fail(GR_INVALID, "diagram: there are no nodes to draw");
    plan->job.node = gr_alloc_array(nodes + wires, sizeof *plan->job.node);
    plan->job.wire = gr_alloc_array(2 * wires + 1, sizeof *plan->job.wire);
    plan->piece = gr_alloc_array(wires + 1, sizeof *plan->piece);
    plan->first = gr_alloc_array(wires + 1, sizeof *plan->first);
    if (!plan->job.node || !plan->job.wire || !plan->piece || !plan->first) return GR_NO_MEMORY;
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR, NULL);
    plot_pen pen = {.cairo = cairo_create(surface)};
    gr_plot_begin(&pen);
    diagram_sizes(&pen, plan);
    const double title =
        diagram->title ? gr_plot_text_width(&pen, PLOT_HEADING, diagram->title) : 0;
    cairo_destroy(pen.cairo);
    cairo_surface_destroy(surface);
    GR_TRY(gr_plot_lay_out(&plan->job));
    plan->top = DIAGRAM_MARGIN + (diagram->title ? gr_plot_text_height(PLOT_HEADING) + 4 : 0);
    diagram_fold(plan);
    plan->width = fmax(plan->width, title);
    return GR_OK;
}

/* ---- Drawing ------------------------------------------------------------------------------ */

static void diagram_curve(plot_pen *pen, const gr_layout_job *job, const gr_layout_wire *wire)
{
    const double *at = job->point + 2 * (size_t)wire->first;
    if (wire->points < 4) return;
    cairo_move_to(pen->cairo, at[0], at[1]);
    for (int i = 1; i + 2 < wire->points; i += 3) {
        const double *p = at + 2 * i;
        cairo_curve_to(pen->cairo, p[0], p[1], p[2], p[3], p[4], p[5]);
    }
    cairo_stroke(pen->cairo);
}

/* A head at (x, y) of a line that comes from (from_x, from_y). */
static void diagram_arrow(plot_pen *pen, double x, double y, double from_x, double from_y)
{
    const double angle = atan2(y - from_y, x - from_x);
    cairo_save(pen->cairo);
    cairo_translate(pen->cairo, x, y);
    cairo_rotate(pen->cairo, angle);
    cairo_move_to(pen->cairo, 0, 0);
    cairo_line_to(pen->cairo, -DIAGRAM_ARROW, 0.38 * DIAGRAM_ARROW);
    cairo_line_to(pen->cairo, -DIAGRAM_ARROW, -0.38 * DIAGRAM_ARROW);
    cairo_close_path(pen->cairo);
    cairo_fill(pen->cairo);
    cairo_restore(pen->cairo);
}

static void diagram_draw_piece(plot_pen *pen, const diagram_wire *wire, const gr_layout_node *piece)
{
    const double left = piece->x - piece->width / 2, right = piece->x + piece->width / 2;
    /* Graphviz rounds where curves end: the piece reaches a little into them. */
    cairo_move_to(pen->cairo, left - 1.5, piece->y);
    cairo_line_to(pen->cairo, wire->to < 0 ? right - 1 : right + 1.5, piece->y);
    cairo_stroke(pen->cairo);
    if (wire->to < 0) diagram_arrow(pen, right, piece->y, left, piece->y);
    const double height = diagram_measure(pen, PLOT_VALUE, PLOT_VALUE, wire->value).height;
    diagram_write(pen, PLOT_VALUE, PLOT_VALUE, piece->x, piece->y - height - DIAGRAM_GAP / 2,
                  wire->value);
    diagram_write(pen, PLOT_GRADIENT, PLOT_GRADIENT, piece->x, piece->y + DIAGRAM_GAP / 2,
                  wire->gradient);
    gr_plot_color(pen, 0x404040);
}

static void diagram_draw_wire(plot_pen *pen, const diagram_plan *plan, size_t i)
{
    const diagram_wire *wire = &plan->diagram->wire[i];
    const gr_layout_job *job = &plan->job;
    const gr_layout_wire *last = &job->wire[plan->first[i]];
    diagram_curve(pen, job, last);
    if (plan->piece[i] >= 0) {
        diagram_draw_piece(pen, wire, &job->node[plan->piece[i]]);
        if (wire->to >= 0) diagram_curve(pen, job, ++last);
    }
    if (wire->to < 0 || last->points < 4 || plan->diagram->node[wire->to].kind == GR_DIAGRAM_FORK) {
        return;
    }
    const double *end = job->point + 2 * (size_t)(last->first + last->points - 1);
    diagram_arrow(pen, end[0], end[1], end[-2], end[-1]);
}

/* The outline of a node's box, or of its circle. */
static void diagram_outline(plot_pen *pen, const gr_layout_node *at, double inset)
{
    const double width = at->width - 2 * inset, height = at->height - 2 * inset;
    const double x = at->x - width / 2, y = at->y - height / 2, r = fmin(4, height / 2);
    const double quarter = 1.5707963267948966;
    cairo_new_path(pen->cairo);
    if (at->round) {
        cairo_arc(pen->cairo, at->x, at->y, width / 2, 0, 4 * quarter);
        return;
    }
    cairo_arc(pen->cairo, x + width - r, y + r, r, -quarter, 0);
    cairo_arc(pen->cairo, x + width - r, y + height - r, r, 0, quarter);
    cairo_arc(pen->cairo, x + r, y + height - r, r, quarter, 2 * quarter);
    cairo_arc(pen->cairo, x + r, y + r, r, 2 * quarter, 3 * quarter);
    cairo_close_path(pen->cairo);
}

static unsigned diagram_paper(int color)
{
    const unsigned rgb = gr_plot_palette(color);
    unsigned pale = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        pale |= (0xFF - (0xFF - (rgb >> shift & 0xFF)) / 5) << shift;
    }
    return color == 0 ? 0xFFFFFF : pale;
}

static void diagram_draw_node(plot_pen *pen, const diagram_node *node, const gr_layout_node *at)
{
    const bool layer = node->kind == GR_DIAGRAM_LAYER;
    if (node->kind == GR_DIAGRAM_FORK) {
        gr_plot_color(pen, 0x404040);
        cairo_arc(pen->cairo, at->x, at->y, DIAGRAM_FORK / 2, 0, 6.283185307179586);
        cairo_fill(pen->cairo);
        return;
    }
    if (node->kind != GR_DIAGRAM_LEAF) {
        gr_plot_color(pen, diagram_paper(node->color));
        diagram_outline(pen, at, 0);
        cairo_fill_preserve(pen->cairo);
        gr_plot_color(pen, node->color ? gr_plot_palette(node->color) : 0x202020);
        cairo_stroke(pen->cairo);
        if (node->kind == GR_DIAGRAM_RESULT) {
            diagram_outline(pen, at, 2);
            cairo_stroke(pen->cairo);
        }
    }
    const plot_face face = layer ? PLOT_TITLE : PLOT_GATE, others = layer ? PLOT_LABEL : PLOT_GATE;
    const double height = diagram_measure(pen, face, others, node->text).height +
                          diagram_measure(pen, PLOT_NAME, PLOT_NAME, node->name).height;
    const double top = at->y - height / 2;
    const double next = diagram_write(pen, face, others, at->x, top, node->text);
    diagram_write(pen, PLOT_NAME, PLOT_NAME, at->x, next, node->name);
}

static double diagram_row_top(const diagram_plan *plan, int row)
{
    return plan->top + row * (plan->job.height + DIAGRAM_BETWEEN);
}

/* What lies between two cuts. */
static void diagram_draw_row(plot_pen *pen, const diagram_plan *plan, int row)
{
    const gr_diagram *diagram = plan->diagram;
    const double from = plan->cut[row], to = plan->cut[row + 1];
    const double x = DIAGRAM_MARGIN - from, y = diagram_row_top(plan, row);
    const int before = pen->boxes;
    cairo_save(pen->cairo);
    cairo_translate(pen->cairo, x, y);
    if (plan->rows > 1) {
        cairo_rectangle(pen->cairo, from - DIAGRAM_LINE, -DIAGRAM_LINE,
                        to - from + 2 * DIAGRAM_LINE, plan->job.height + 2 * DIAGRAM_LINE);
        cairo_clip(pen->cairo);
    }
    cairo_set_line_width(pen->cairo, DIAGRAM_LINE);
    gr_plot_color(pen, 0x404040);
    for (size_t i = 0; i < diagram->wires; i++) diagram_draw_wire(pen, plan, i);
    for (size_t i = 0; i < diagram->nodes; i++) {
        const gr_layout_node *at = &plan->job.node[i];
        if (plan->rows > 1 && (at->x < from || at->x >= to)) continue;
        diagram_draw_node(pen, &diagram->node[i], at);
    }
    cairo_restore(pen->cairo);
    for (int i = before; pen->box && i < pen->boxes && i < pen->capacity; i++) {
        pen->box[i].x += x;
        pen->box[i].y += y;
    }
}

static void diagram_draw(const void *user, plot_pen *pen)
{
    const diagram_plan *plan = user;
    gr_plot_begin(pen);
    if (plan->diagram->title) {
        gr_plot_text_draw(pen, PLOT_HEADING, DIAGRAM_MARGIN, DIAGRAM_MARGIN, PLOT_LEFT,
                          plan->width + 1, plan->diagram->title);
    }
    for (int row = 0; row < plan->rows; row++) diagram_draw_row(pen, plan, row);
}

static plot_sheet diagram_sheet(const diagram_plan *plan)
{
    return (plot_sheet){
        .width = ceil(plan->width + 2 * DIAGRAM_MARGIN),
        .height = ceil(diagram_row_top(plan, plan->rows - 1) + plan->job.height + DIAGRAM_MARGIN),
        .dpi = plan->diagram->dpi,
        .title = plan->diagram->title,
        .draw = diagram_draw,
        .user = plan};
}

gr_status gr_diagram_text_boxes(const gr_diagram *diagram, plot_box *box, int capacity, int *n,
                                double *width, double *height)
{
    diagram_plan plan;
    gr_status status = diagram_plan_make(diagram, &plan);
    if (status == GR_OK) {
        const plot_sheet sheet = diagram_sheet(&plan);
        *width = sheet.width;
        *height = sheet.height;
        status = gr_plot_sheet_boxes(&sheet, box, capacity, n);
    }
    diagram_plan_clear(&plan);
    return status;
}

gr_status gr_diagram_save(const gr_diagram *diagram, const char *path)
{
    diagram_plan plan;
    GR_TRY(gr_figure_check(path));
    gr_status status = diagram_plan_make(diagram, &plan);
    if (status == GR_OK) {
        const plot_sheet sheet = diagram_sheet(&plan);
        status = gr_plot_sheet_save(&sheet, path);
    }
    diagram_plan_clear(&plan);
    return status;
}

#else

gr_status gr_diagram_text_boxes(const gr_diagram *diagram, plot_box *box, int capacity, int *n,
                                double *width, double *height)
{
    (void)box;
    (void)capacity;
    *n = 0;
    *width = *height = 0;
    return gr_diagram_save(diagram, "diagram.svg");
}

gr_status gr_diagram_save(const gr_diagram *diagram, const char *path)
{
    (void)diagram;
    return gr_figure_check(path);
}

#endif
