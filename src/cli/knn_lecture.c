/* gradus knn: what distances are, in pictures: copies of one picture that are equally far from it,
 * paths and unit balls. Nothing is searched for. */
#include "cli/knn.h"
#include "cli/out.h"
#include "cli/table.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Copies ---------------------------------------------------------------------------------- */

enum { COPIES = 4, COPIES_HALVINGS = 40 };
static const char *const copies_names[COPIES] = {"original", "shifted", "darkened", "occluded"};

typedef struct copies_picture {
    int64_t c, h, w;
    const uint8_t *from;
} copies_picture;

static double copies_distance(const copies_picture *p, const uint8_t *other)
{
    double sum = 0;
    for (int64_t i = 0; i < p->c * p->h * p->w; i++) {
        const double apart = (double)(p->from[i] - other[i]);
        sum += apart * apart;
    }
    return sqrt(sum);
}

/* To the right and down by a sixteenth of its sides; the border is repeated. */
static void copies_shift(const copies_picture *p, uint8_t *to)
{
    const int64_t by = p->w / 16 > 1 ? p->w / 16 : 1;
    for (int64_t i = 0; i < p->c * p->h * p->w; i++) {
        const int64_t x = i % p->w, y = i / p->w % p->h, plane = i / p->w / p->h;
        const int64_t from_x = x < by ? 0 : x - by, from_y = y < by ? 0 : y - by;
        to[i] = p->from[(plane * p->h + from_y) * p->w + from_x];
    }
}

/* A change of some strength from 0 to 1. */
typedef void copies_change(const copies_picture *p, double strength, int64_t side, uint8_t *to);

static void copies_darken(const copies_picture *p, double strength, int64_t side, uint8_t *to)
{
    (void)side;
    for (int64_t i = 0; i < p->c * p->h * p->w; i++)
        to[i] = (uint8_t)lrint((1 - strength) * p->from[i]);
}

/* A square in the middle, black or white, whichever is farther from the picture: none of it at
 * strength 0. */
static void copies_occlude(const copies_picture *p, double strength, int64_t side, uint8_t *to)
{
    const int64_t x0 = (p->w - side) / 2, y0 = (p->h - side) / 2, n = p->c * p->h * p->w;
    double mean = 0;
    for (int64_t i = 0; i < n; i++) mean += p->from[i] / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const int64_t x = i % p->w, y = i / p->w % p->h;
        const bool inside = x >= x0 && x < x0 + side && y >= y0 && y < y0 + side;
        const double shade = mean < 128 ? 255 : 0;
        to[i] =
            inside ? (uint8_t)lrint((1 - strength) * p->from[i] + strength * shade) : p->from[i];
    }
}

/* The strength at which the copy is as far away as wanted, by bisection: distance grows with it. */
static void copies_match(const copies_picture *p, copies_change *change, int64_t side,
                         double distance, uint8_t *to)
{
    double low = 0, high = 1;
    for (int i = 0; i < COPIES_HALVINGS; i++) {
        const double middle = (low + high) / 2;
        change(p, middle, side, to);
        *(copies_distance(p, to) < distance ? &low : &high) = middle;
    }
    change(p, high, side, to);
}

static void copies_make(const copies_picture *p, gr_tensor images[COPIES], double distance[COPIES])
{
    const int64_t least = p->w < p->h ? p->w : p->h;
    int64_t side = least / 4 > 0 ? least / 4 : 1;
    copies_shift(p, images[1].data);
    const double wanted = copies_distance(p, images[1].data);
    copies_match(p, copies_darken, 0, wanted, images[2].data);
    do copies_occlude(p, 1, side, images[3].data);
    while (copies_distance(p, images[3].data) < wanted && side++ < least);
    copies_match(p, copies_occlude, side, wanted, images[3].data);
    for (int i = 0; i < COPIES; i++) distance[i] = copies_distance(p, images[i].data);
}

static void copies_print(const cli_knn *knn, const double *distance)
{
    if (knn->json) {
        cli_json json = {0};
        cli_json_object(&json, NULL);
        for (int i = 0; i < COPIES; i++) cli_json_real(&json, copies_names[i], distance[i]);
        cli_json_end(&json);
        return;
    }
    cli_table *table = cli_table_new("<copy|>L2 from the original");
    for (int i = 0; i < COPIES; i++) {
        cli_table_cell(table, "%s", copies_names[i]);
        cli_table_cell(table, "%.1f", distance[i]);
    }
    cli_table_print(table);
}

static gr_status copies_draw(const char *path, const gr_tensor *images, const double *distance)
{
    char caption[COPIES][64];
    const char *captions[COPIES];
    for (int i = 0; i < COPIES; i++) {
        snprintf(caption[i], sizeof caption[i], i ? "%s: %.0f" : "%s", copies_names[i],
                 distance[i]);
        captions[i] = caption[i];
    }
    return gr_plot_pictures(path, GR_PICTURE_PAGE(.title = "L2 distance from the original",
                                                  .images = images, .n = COPIES, .columns = COPIES,
                                                  .side = 90, .captions = captions));
}

int cli_knn_copies(const cli_knn *knn)
{
    const gr_dataset *set = knn->test ? knn->test : knn->train;
    const int64_t i = cli_int(knn->args, "example");
    gr_tensor images[COPIES] = {0};
    double distance[COPIES];
    if (i >= gr_dataset_size(set))
        return cli_bad("--example: there are %" PRId64 ", counted from 0", gr_dataset_size(set));
    gr_status status = GR_OK;
    for (int copy = 0; copy < COPIES && status == GR_OK; copy++)
        status = gr_dataset_picture(set, i, &images[copy]);
    if (status == GR_OK) {
        const gr_shape shape = images[0].shape;
        const copies_picture p = {shape.dim[0], shape.dim[1], shape.dim[2], images[0].data};
        copies_make(&p, images, distance);
        status = copies_draw(cli_text(knn->args, "copies"), images, distance);
    }
    if (status == GR_OK) copies_print(knn, distance);
    for (int copy = 0; copy < COPIES; copy++) gr_tensor_clear(&images[copy]);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- Paths and unit balls -------------------------------------------------------------------- */

enum { BALL_POINTS = 361 };

static gr_status lecture_ball(gr_figure *figure)
{
    double x[BALL_POINTS], y[BALL_POINTS];
    const double diamond_x[] = {1, 0, -1, 0, 1}, diamond_y[] = {0, 1, 0, -1, 0};
    for (int i = 0; i < BALL_POINTS; i++) {
        const double angle = 2 * acos(-1) * i / (BALL_POINTS - 1);
        x[i] = cos(angle);
        y[i] = sin(angle);
    }
    gr_status status =
        gr_figure_panel(figure, 0,
                        GR_PANEL(.title = "at distance 1 from the origin", .x_min = -1.3,
                                 .x_max = 1.3, .y_min = -1.3, .y_max = 1.3, .equal = true));
    if (status == GR_OK)
        status = gr_figure_add(figure, 0,
                               GR_SERIES(GR_SERIES_LINE, .label = "L1", .x = diamond_x,
                                         .y = diamond_y, .n = 5, .mark = -1));
    if (status == GR_OK)
        status = gr_figure_add(
            figure, 0,
            GR_SERIES(GR_SERIES_LINE, .label = "L2", .x = x, .y = y, .n = BALL_POINTS, .mark = -1));
    return status;
}

static gr_status lecture_paths(gr_figure *figure)
{
    static const double x[3][13] = {
        {0, 6, 6}, {0, 0, 2, 2, 4, 4, 6, 6}, {0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}};
    static const double y[3][13] = {
        {0, 0, 6}, {0, 2, 2, 4, 4, 6, 6, 6}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6}};
    static const int count[3] = {3, 8, 13};
    const double ends[] = {0, 6};
    gr_status status =
        gr_figure_panel(figure, 1,
                        GR_PANEL(.title = "from (0, 0) to (6, 6)", .x_min = -.5, .x_max = 6.5,
                                 .y_min = -.5, .y_max = 6.5, .equal = true));
    for (int i = 0; i < 3 && status == GR_OK; i++)
        status =
            gr_figure_add(figure, 1,
                          GR_SERIES(GR_SERIES_LINE, .label = i ? NULL : "L1: 12 on any way",
                                    .x = x[i], .y = y[i], .n = count[i], .color = 1, .mark = -1));
    if (status == GR_OK)
        status = gr_figure_add(figure, 1,
                               GR_SERIES(GR_SERIES_LINE, .label = "L2: 8.49", .x = ends, .y = ends,
                                         .n = 2, .color = 2, .mark = -1));
    return status;
}

int cli_knn_paths(const cli_args *args)
{
    gr_figure *figure;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = 2, .width = 480, .height = 260), &figure);
    if (status == GR_OK) {
        status = lecture_ball(figure);
        if (status == GR_OK) status = lecture_paths(figure);
        if (status == GR_OK) status = gr_figure_save(figure, cli_text(args, "paths"));
        gr_figure_free(figure);
    }
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
