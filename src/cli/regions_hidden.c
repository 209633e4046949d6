/* gradus regions: the plane as a net's last hidden layer bends it. */
#include "cli/net.h"
#include "cli/out.h"
#include "cli/regions.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HIDDEN_LINES = 21,  /* of the plane's grid, in each direction */
    HIDDEN_STEPS = 100, /* between the ends of one */
    HIDDEN_ALONG = HIDDEN_STEPS + 1,
    HIDDEN_ROUNDS = 300, /* of the iteration for principal components */
    HIDDEN_BLACK = 7,    /* a colour of series */
    HIDDEN_WIDE = 230,   /* of a panel, in points */
    HIDDEN_HIGH = 215,
};

/* What a hidden layer makes of some points, and where that is drawn. */
typedef struct hidden_space {
    int64_t n, width;
    float *units;  /* [n, width] */
    double *x, *y; /* [n]: the two units, or the first two principal components */
} hidden_space;

/* The points on the grid's lines, line by line: first those along x0. */
static gr_status hidden_lines(const cli_plane *plane, gr_tensor *points)
{
    gr_status status = gr_tensor_new(GR_F32, GR_SHAPE(2 * HIDDEN_LINES * HIDDEN_ALONG, 2), points);
    if (status != GR_OK) return status;
    float *at = points->data;
    for (int way = 0; way < 2; way++) {
        const double along = (plane->high[way] - plane->low[way]) / HIDDEN_STEPS;
        const double across = (plane->high[1 - way] - plane->low[1 - way]) / (HIDDEN_LINES - 1);
        for (int line = 0; line < HIDDEN_LINES; line++)
            for (int step = 0; step < HIDDEN_ALONG; step++, at += 2) {
                at[way] = (float)(plane->low[way] + step * along);
                at[1 - way] = (float)(plane->low[1 - way] + line * across);
            }
    }
    return GR_OK;
}

/* ---- The layer ------------------------------------------------------------------------------- */

/* The product that makes the scores: the last one that the result needs. */
static gr_node *hidden_last_product(const cli_net_graph *g)
{
    const int last = gr_node_id(g->output);
    bool *needed = cli_alloc((size_t)last + 1, sizeof *needed);
    gr_node *product = NULL;
    needed[last] = true;
    for (int id = last; id >= 0 && !product; id--) {
        gr_node *node = gr_graph_node(g->graph, id);
        if (!needed[id]) continue;
        if (strcmp(gr_node_op(node), "matmul") == 0) product = node;
        for (int i = 0; i < gr_node_inputs(node); i++)
            needed[gr_node_id(gr_node_input(node, i))] = true;
    }
    free(needed);
    return product;
}

/* The units at the points of the data's plane, `space->units`. */
static gr_status hidden_run(gr_model *model, const gr_tensor *points, hidden_space *space)
{
    const int64_t n = points->shape.dim[0];
    cli_net net = {.model = model,
                   .text = cli_format("%s", gr_model_net(model)),
                   .source = "net",
                   .input = gr_model_input(model),
                   .store = gr_model_store(model),
                   .seed = gr_model_seed(model)};
    cli_net_graph g;
    gr_tensor out = {0};
    float *x = cli_alloc((size_t)n, 2 * sizeof *x);
    gr_status status = gr_normalizer_apply(gr_model_normalizer(model), points, x);
    if (status == GR_OK) status = cli_net_build(&net, GR_EVAL, n, &g);
    if (status == GR_OK) {
        gr_node *product = hidden_last_product(&g);
        gr_node *units = product ? gr_node_input(product, 0) : g.x;
        const gr_feed feed = {"x", x};
        status = gr_evaluate(g.graph, &units, 1, &feed, 1, net.store, &out);
        space->n = n;
        space->width = gr_shape_count(gr_node_shape(units)) / n;
        space->units = cli_alloc((size_t)(n * space->width), sizeof *space->units);
        if (status == GR_OK)
            memcpy(space->units, out.data, (size_t)(n * space->width) * sizeof *space->units);
        cli_net_graph_clear(&g);
    }
    gr_tensor_clear(&out);
    free(net.text);
    free(x);
    return status;
}

/* Is there a layer between the input and the scores' product? */
bool cli_regions_has_hidden(const gr_model *model)
{
    gr_net_info *info;
    int products = 0;
    if (gr_model_describe(model, &info) != GR_OK) return false;
    for (int i = 0; i < info->count; i++) products += info->layers[i].multiply_adds > 0;
    gr_net_info_free(info);
    return products > 1;
}

/* ---- Two numbers of many --------------------------------------------------------------------- */

/* v := Cov(units)·v/|…|, orthogonal to `other` (NULL: to nothing). False if nothing remains. */
static bool hidden_turn(const hidden_space *s, const double *mean, double *v, const double *other)
{
    double *to = cli_alloc((size_t)s->width, sizeof *to), norm = 0, overlap = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const float *unit = s->units + i * s->width;
        double along = 0;
        for (int64_t k = 0; k < s->width; k++) along += ((double)unit[k] - mean[k]) * v[k];
        for (int64_t k = 0; k < s->width; k++) to[k] += along * ((double)unit[k] - mean[k]);
    }
    for (int64_t k = 0; other && k < s->width; k++) overlap += to[k] * other[k];
    for (int64_t k = 0; k < s->width; k++) {
        if (other) to[k] -= overlap * other[k];
        norm += to[k] * to[k];
    }
    norm = sqrt(norm);
    for (int64_t k = 0; k < s->width && norm > 0; k++) v[k] = to[k] / norm;
    free(to);
    return norm > 0;
}

/* The first two principal components of the examples' units (Pearson 1901), by powers of the
 * covariance; a direction without any variance stays what it was. */
static void hidden_components(const hidden_space *examples, double *mean, double *first,
                              double *second)
{
    const int64_t width = examples->width;
    for (int64_t i = 0; i < examples->n; i++)
        for (int64_t k = 0; k < width; k++)
            mean[k] += (double)examples->units[i * width + k] / (double)examples->n;
    for (int64_t k = 0; k < width; k++) {
        first[k] = 1 / sqrt((double)width);
        second[k] = (k % 2 ? -1 : 1) / sqrt((double)width);
    }
    for (int round = 0; round < HIDDEN_ROUNDS; round++)
        if (!hidden_turn(examples, mean, first, NULL)) break;
    for (int round = 0; round < HIDDEN_ROUNDS; round++)
        if (!hidden_turn(examples, mean, second, first)) break;
}

static void hidden_project(hidden_space *s, const double *mean, const double *first,
                           const double *second)
{
    s->x = cli_alloc((size_t)s->n, sizeof *s->x);
    s->y = cli_alloc((size_t)s->n, sizeof *s->y);
    for (int64_t i = 0; i < s->n; i++) {
        const float *unit = s->units + i * s->width;
        if (s->width == 2) {
            s->x[i] = (double)unit[0];
            s->y[i] = (double)unit[1];
            continue;
        }
        for (int64_t k = 0; k < s->width; k++) {
            s->x[i] += ((double)unit[k] - mean[k]) * first[k];
            s->y[i] += ((double)unit[k] - mean[k]) * second[k];
        }
    }
}

static void hidden_clear(hidden_space *s)
{
    free(s->units);
    free(s->x);
    free(s->y);
}

/* ---- Drawing --------------------------------------------------------------------------------- */

/* Lines as one series, with gaps between them. */
static gr_status hidden_add_lines(gr_figure *figure, int panel, const double *x, const double *y)
{
    const int lines = 2 * HIDDEN_LINES, all = lines * (HIDDEN_ALONG + 1);
    double *of = cli_alloc((size_t)all, 2 * sizeof *of);
    for (int line = 0, to = 0; line < lines; line++) {
        for (int step = 0; step < HIDDEN_ALONG; step++, to++) {
            of[to] = x[line * HIDDEN_ALONG + step];
            of[all + to] = y[line * HIDDEN_ALONG + step];
        }
        of[to] = of[all + to] = NAN;
        to++;
    }
    gr_status status = gr_figure_add(figure, panel,
                                     GR_SERIES(GR_SERIES_LINE, .x = of, .y = of + all, .n = all,
                                               .color = HIDDEN_BLACK, .mark = -1, .width = .3));
    free(of);
    return status;
}

static gr_status hidden_panel(gr_figure *figure, int panel, const gr_dataset *set,
                              const gr_panel *axes, const hidden_space *lines,
                              const hidden_space *examples)
{
    const cli_plane plane = cli_plane_about(lines->x, lines->y, lines->n);
    gr_panel with = *axes;
    with.x_min = plane.low[0];
    with.x_max = plane.high[0];
    with.y_min = plane.low[1];
    with.y_max = plane.high[1];
    gr_status status = gr_figure_panel(figure, panel, &with);
    if (status == GR_OK) status = hidden_add_lines(figure, panel, lines->x, lines->y);
    if (status == GR_OK)
        status = cli_plane_marks(figure, panel, set, examples->x, examples->y, CLI_REGIONS_MARK);
    return status;
}

static gr_status hidden_net(gr_figure *figure, int panel, const gr_dataset *set,
                            const cli_region *net, const gr_tensor *lines,
                            const gr_tensor *examples)
{
    hidden_space of_lines = {0}, of_examples = {0};
    gr_status status = hidden_run(net->model, lines, &of_lines);
    if (status == GR_OK) status = hidden_run(net->model, examples, &of_examples);
    if (status == GR_OK) {
        const size_t width = (size_t)of_examples.width;
        double *mean = cli_alloc(width, 3 * sizeof *mean);
        double *const first = mean + width, *const second = first + width;
        hidden_components(&of_examples, mean, first, second);
        hidden_project(&of_lines, mean, first, second);
        hidden_project(&of_examples, mean, first, second);
        free(mean);
        const bool two = width == 2;
        status = hidden_panel(figure, panel, set,
                              GR_PANEL(.title = net->title,
                                       .x_label = two ? "hidden unit 0" : "first component",
                                       .y_label = two ? "hidden unit 1" : "second component"),
                              &of_lines, &of_examples);
    }
    hidden_clear(&of_lines);
    hidden_clear(&of_examples);
    return status;
}

/* The points as they are. */
static hidden_space hidden_plain(const gr_tensor *points)
{
    const int64_t n = points->shape.dim[0];
    hidden_space space = {.n = n, .width = 2};
    space.units = cli_alloc((size_t)n, 2 * sizeof *space.units);
    memcpy(space.units, points->data, gr_tensor_bytes(points));
    hidden_project(&space, NULL, NULL, NULL);
    return space;
}

static gr_status hidden_plane(gr_figure *figure, const gr_dataset *set, const gr_tensor *lines,
                              const gr_tensor *examples)
{
    hidden_space of_lines = hidden_plain(lines), of_examples = hidden_plain(examples);
    gr_status status =
        hidden_panel(figure, 0, set,
                     GR_PANEL(.title = "the data", .x_label = gr_dataset_feature_name(set, 0),
                              .y_label = gr_dataset_feature_name(set, 1)),
                     &of_lines, &of_examples);
    hidden_clear(&of_lines);
    hidden_clear(&of_examples);
    return status;
}

static gr_status hidden_examples(const gr_dataset *set, gr_tensor *examples)
{
    const int64_t n = gr_dataset_size(set);
    gr_status status = gr_tensor_new(GR_F32, GR_SHAPE(n, 2), examples);
    for (int64_t i = 0; i < n && status == GR_OK; i++)
        memcpy((float *)examples->data + 2 * i, gr_dataset_example(set, i), 2 * sizeof(float));
    return status;
}

gr_status cli_regions_draw_hidden(const cli_regions *regions, const char *path)
{
    const int panels = regions->n + 1, columns = panels < 4 ? panels : 4;
    const int rows = (panels + columns - 1) / columns;
    gr_tensor examples = {0}, lines = {0};
    gr_figure *figure = NULL;
    gr_status status = hidden_examples(regions->train, &examples);
    if (status == GR_OK) {
        const cli_plane plane = cli_plane_of(regions->train);
        status = hidden_lines(&plane, &lines);
    }
    if (status == GR_OK)
        status = gr_figure_new(GR_FIGURE(.panels = panels, .columns = columns,
                                         .width = HIDDEN_WIDE * columns,
                                         .height = HIDDEN_HIGH * rows, .dpi = 120),
                               &figure);
    if (status == GR_OK) status = hidden_plane(figure, regions->train, &lines, &examples);
    for (int i = 0; i < regions->n && status == GR_OK; i++)
        status = hidden_net(figure, i + 1, regions->train, &regions->nets[i], &lines, &examples);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    gr_tensor_clear(&examples);
    gr_tensor_clear(&lines);
    return status;
}
