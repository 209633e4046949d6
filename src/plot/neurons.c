/* Fully connected nets as the textbooks draw them: a circle for each neuron, a line for each
 * weight.
 */
#include "plot/figure.h"

#include <inttypes.h>
#include <stdio.h>

#define NEURONS_LAYERS 64
#define NEURONS_MOST 12     /* circles of a column, unless told */
#define NEURONS_RADIUS 8.0  /* of a circle, in points */
#define NEURONS_STEP 23.0   /* from one to the next */
#define NEURONS_COLUMN 96.0 /* from one column to the next */
#define NEURONS_MARGIN 14.0

static gr_status neurons_check(const char *path, const gr_neurons *net)
{
    if (net->layers < 2 || net->layers > NEURONS_LAYERS)
        return gr_fail(GR_INVALID, "%s: %d columns of neurons: should be 2 to %d", path,
                       net->layers, NEURONS_LAYERS);
    if (net->most != 0 && net->most < 3)
        return gr_fail(GR_INVALID, "%s: columns of at most %d circles: should be 3 or more", path,
                       net->most);
    for (int i = 0; i < net->layers; i++)
        if (net->units[i] < 1)
            return gr_fail(GR_INVALID, "%s: a layer of %" PRId64 " neurons", path, net->units[i]);
    return gr_figure_check(path);
}

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>

#include "plot/draw.h"

typedef struct neurons_plan {
    const gr_neurons *net;
    double width, height, top; /* top: of the columns */
    int tallest;               /* places of the tallest column */
} neurons_plan;

static int neurons_most(const gr_neurons *net)
{
    return net->most ? net->most : NEURONS_MOST;
}

/* Places of a column. Of a wide layer, one place in the middle is for dots. */
static int neurons_places(const gr_neurons *net, int layer)
{
    const int most = neurons_most(net);
    return net->units[layer] > most ? most : (int)net->units[layer];
}

/* The place that has the dots, or -1. */
static int neurons_dots(const gr_neurons *net, int layer)
{
    const int most = neurons_most(net);
    return net->units[layer] > most ? most / 2 : -1;
}

static double neurons_x(const neurons_plan *plan, int layer)
{
    const double span = NEURONS_COLUMN * (plan->net->layers - 1);
    return (plan->width - span) / 2 + NEURONS_COLUMN * layer;
}

static double neurons_y(const neurons_plan *plan, int layer, int place)
{
    const int places = neurons_places(plan->net, layer);
    return plan->top + NEURONS_STEP * (place + .5 + .5 * (plan->tallest - places));
}

static void neurons_wires(const neurons_plan *plan, plot_pen *pen, int layer)
{
    const gr_neurons *net = plan->net;
    const int from = neurons_places(net, layer), to = neurons_places(net, layer + 1);
    cairo_set_line_width(pen->cairo, .5);
    gr_plot_color(pen, 0x9A9A9A);
    for (int i = 0; i < from; i++)
        for (int k = 0; k < to; k++) {
            if (i == neurons_dots(net, layer) || k == neurons_dots(net, layer + 1)) continue;
            cairo_move_to(pen->cairo, neurons_x(plan, layer), neurons_y(plan, layer, i));
            cairo_line_to(pen->cairo, neurons_x(plan, layer + 1), neurons_y(plan, layer + 1, k));
        }
    cairo_stroke(pen->cairo);
}

static void neurons_circle(plot_pen *pen, double x, double y, unsigned rgb)
{
    cairo_new_path(pen->cairo);
    cairo_arc(pen->cairo, x, y, NEURONS_RADIUS, 0, 6.283185307179586);
    gr_plot_color(pen, rgb);
    cairo_fill_preserve(pen->cairo);
    cairo_set_line_width(pen->cairo, .9);
    gr_plot_color(pen, 0x202020);
    cairo_stroke(pen->cairo);
}

static void neurons_ellipsis(plot_pen *pen, double x, double y)
{
    gr_plot_color(pen, 0x202020);
    for (int i = -1; i <= 1; i++) {
        cairo_new_path(pen->cairo);
        cairo_arc(pen->cairo, x, y + 5 * i, 1.3, 0, 6.283185307179586);
        cairo_fill(pen->cairo);
    }
}

static void neurons_column(const neurons_plan *plan, plot_pen *pen, int layer)
{
    static const int colors[] = {5, 6, 3}; /* inputs, hidden, results: different in grey too */
    const gr_neurons *net = plan->net;
    const int kind = layer == 0 ? 0 : layer + 1 < net->layers ? 1 : 2;
    const double x = neurons_x(plan, layer);
    char units[32];
    for (int i = 0; i < neurons_places(net, layer); i++) {
        if (i == neurons_dots(net, layer))
            neurons_ellipsis(pen, x, neurons_y(plan, layer, i));
        else
            neurons_circle(pen, x, neurons_y(plan, layer, i), gr_plot_palette(colors[kind]));
    }
    double y = plan->top + NEURONS_STEP * plan->tallest + 4;
    if (net->names && net->names[layer]) {
        gr_plot_text_draw(pen, PLOT_LABEL, x, y, PLOT_CENTRE, NEURONS_COLUMN - 6,
                          net->names[layer]);
        y += gr_plot_text_height(PLOT_LABEL);
    }
    snprintf(units, sizeof units, "%" PRId64, net->units[layer]);
    gr_plot_text_draw(pen, PLOT_TICK, x, y, PLOT_CENTRE, NEURONS_COLUMN - 6, units);
}

static void neurons_draw(const void *user, plot_pen *pen)
{
    const neurons_plan *plan = user;
    gr_plot_begin(pen);
    if (plan->net->title)
        gr_plot_text_draw(pen, PLOT_HEADING, plan->width / 2, NEURONS_MARGIN, PLOT_CENTRE,
                          plan->width - 2 * NEURONS_MARGIN, plan->net->title);
    for (int i = 0; i + 1 < plan->net->layers; i++) neurons_wires(plan, pen, i);
    for (int i = 0; i < plan->net->layers; i++) neurons_column(plan, pen, i);
}

static double neurons_title_width(const char *title)
{
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR, NULL);
    plot_pen pen = {.cairo = cairo_create(surface)};
    gr_plot_begin(&pen);
    const double width = gr_plot_text_width(&pen, PLOT_HEADING, title);
    cairo_destroy(pen.cairo);
    cairo_surface_destroy(surface);
    return width;
}

gr_status gr_plot_neurons(const char *path, const gr_neurons *neurons)
{
    GR_TRY(neurons_check(path, neurons));
    neurons_plan plan = {.net = neurons};
    const double title = neurons->title ? neurons_title_width(neurons->title) + 2 : 0;
    for (int i = 0; i < neurons->layers; i++) {
        const int places = neurons_places(neurons, i);
        plan.tallest = places > plan.tallest ? places : plan.tallest;
    }
    plan.width = fmax(NEURONS_COLUMN * neurons->layers, title) + 2 * NEURONS_MARGIN;
    plan.top = NEURONS_MARGIN + (neurons->title ? gr_plot_text_height(PLOT_HEADING) + 6 : 0);
    plan.height = plan.top + NEURONS_STEP * plan.tallest + 4 + gr_plot_text_height(PLOT_LABEL) +
                  gr_plot_text_height(PLOT_TICK) + NEURONS_MARGIN;
    return gr_plot_sheet_save(&(plot_sheet){.width = ceil(plan.width),
                                            .height = ceil(plan.height),
                                            .dpi = neurons->dpi > 0 ? neurons->dpi : 200,
                                            .title = neurons->title,
                                            .draw = neurons_draw,
                                            .user = &plan},
                              path);
}

#else

gr_status gr_plot_neurons(const char *path, const gr_neurons *neurons)
{
    return neurons_check(path, neurons);
}

#endif
