/* gradus knn: figures of its results: the choice of k, decision regions, neighbours. */
#include "cli/input.h"
#include "cli/knn.h"
#include "cli/out.h"
#include "cli/plane.h"

#include <gradus/plot.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIGURES_GRID = 240, /* points of decision regions along each axis */
    FIGURES_LEAST = 8,  /* neighbours shown, where fewer vote */
    FIGURES_SIDE = 30,  /* of a picture, in points */
    FIGURES_RIGHT = 3,  /* colours of frames: green */
    FIGURES_WRONG = 2,  /* vermilion */
};

int cli_knn_figure_check(const cli_args *args, const char *option)
{
    const char *path = cli_text(args, option);
    gr_status status = path ? gr_figure_check(path) : GR_OK;
    if (status != GR_OK) return cli_failed(status);
    return path ? cli_check_output(path) : CLI_YES;
}

int cli_knn_figures_check(const cli_knn *knn)
{
    static const char *const options[] = {"figure", "boundary", "neighbors"};
    const cli_args *args = knn->args;
    const gr_shape shape = gr_dataset_shape(knn->train);
    char text[128];
    int code = CLI_YES;
    for (size_t i = 0; i < sizeof options / sizeof *options && code == CLI_YES; i++)
        code = cli_knn_figure_check(args, options[i]);
    if (code != CLI_YES) return code;
    if (cli_given(args, "figure") && !knn->choice.way)
        return cli_bad("--figure shows the choice of k: it needs --validation, --folds or "
                       "--bootstrap");
    if (cli_given(args, "boundary") &&
        (gr_shape_count(shape) != 2 || gr_dataset_dtype(knn->train) != GR_F32))
        return cli_bad("--boundary: examples are %s, but it draws those of two numbers",
                       gr_shape_print(shape, text, sizeof text));
    if (cli_given(args, "neighbors") && (gr_dataset_dtype(knn->train) != GR_U8 || shape.rank != 3 ||
                                         (shape.dim[0] != 1 && shape.dim[0] != 3)))
        return cli_bad("--neighbors: examples of shape %s are no pictures of bytes",
                       gr_shape_print(shape, text, sizeof text));
    return CLI_YES;
}

/* ---- The choice of k ------------------------------------------------------------------------- */

static int figures_by_k(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

/* Every trial a dot, the mean a line, one deviation to either side as bars. */
static gr_status figures_choice_add(gr_figure *figure, const cli_knn *knn)
{
    const cli_knn_choice *const choice = &knn->choice;
    const int n = knn->n_k, all = n * choice->trials;
    int order[CLI_KNN_MOST][2];
    double x[CLI_KNN_MOST], mean[CLI_KNN_MOST], low[CLI_KNN_MOST], high[CLI_KNN_MOST];
    double *dots = cli_alloc((size_t)all, 2 * sizeof *dots);
    for (int i = 0; i < n; i++) order[i][0] = knn->k[i], order[i][1] = i;
    qsort(order, (size_t)n, sizeof *order, figures_by_k);
    for (int i = 0; i < n; i++) {
        const int at = order[i][1];
        x[i] = knn->k[at];
        mean[i] = choice->mean[at];
        low[i] = mean[i] - choice->deviation[at];
        high[i] = mean[i] + choice->deviation[at];
        for (int t = 0; t < choice->trials; t++) {
            dots[i * choice->trials + t] = x[i];
            dots[all + i * choice->trials + t] = choice->accuracy[t * n + at];
        }
    }
    gr_status status = gr_figure_add(
        figure, 0,
        GR_SERIES(GR_SERIES_POINTS, .label = "each trial", .x = dots, .y = dots + all, .n = all));
    if (status == GR_OK && choice->trials > 1)
        status = gr_figure_add(figure, 0,
                               GR_SERIES(GR_SERIES_ERRORS, .label = "deviation", .x = x, .y = low,
                                         .y2 = high, .n = n, .color = 2));
    if (status == GR_OK)
        status = gr_figure_add(
            figure, 0,
            GR_SERIES(GR_SERIES_LINE, .label = "mean", .x = x, .y = mean, .n = n, .color = 2));
    free(dots);
    return status;
}

static gr_status figures_choice(const cli_knn *knn, const char *path)
{
    gr_figure *figure;
    char *title = cli_format("%s by %s: %d %s", gr_dataset_name(knn->train),
                             gr_distance_name(knn->options.distance), knn->choice.trials,
                             strcmp(knn->choice.way, "folds") == 0       ? "folds"
                             : strcmp(knn->choice.way, "bootstrap") == 0 ? "bootstrap draws"
                                                                         : "validation");
    gr_status status = gr_figure_new(GR_FIGURE(.width = 340, .height = 240), &figure);
    if (status == GR_OK) {
        status = gr_figure_panel(figure, 0,
                                 GR_PANEL(.title = title, .x_label = "k", .y_label = "accuracy"));
        if (status == GR_OK) status = figures_choice_add(figure, knn);
        if (status == GR_OK) status = gr_figure_save(figure, path);
        gr_figure_free(figure);
    }
    free(title);
    return status;
}

/* ---- Decision regions ------------------------------------------------------------------------ */

static gr_status figures_regions(gr_figure *figure, int panel, const cli_knn *knn,
                                 const cli_plane *plane, const gr_neighbor *near, int most)
{
    enum { ALL = FIGURES_GRID * FIGURES_GRID };
    double *class = cli_alloc(ALL, sizeof *class);
    char *title = cli_format("k = %d", knn->k[panel]);
    for (int i = 0; i < ALL; i++)
        class[i] = gr_knn_vote(knn->index, near + (int64_t)i * most, knn->k[panel], knn->vote);
    gr_status status = gr_figure_panel(
        figure, panel,
        GR_PANEL(.title = title, .x_label = gr_dataset_feature_name(knn->train, 0),
                 .y_label = gr_dataset_feature_name(knn->train, 1), .x_min = plane->low[0],
                 .x_max = plane->high[0], .y_min = plane->low[1], .y_max = plane->high[1]));
    if (status == GR_OK) status = cli_plane_classes(figure, panel, plane, class, FIGURES_GRID);
    if (status == GR_OK) status = cli_plane_examples(figure, panel, knn->train);
    free(title);
    free(class);
    return status;
}

static gr_status figures_boundary(const cli_knn *knn, const char *path)
{
    const cli_plane plane = cli_plane_of(knn->train);
    const int64_t all = FIGURES_GRID * FIGURES_GRID;
    gr_dataset *points;
    gr_figure *figure = NULL;
    int most = 0;
    for (int i = 0; i < knn->n_k; i++) most = knn->k[i] > most ? knn->k[i] : most;
    gr_status status =
        cli_plane_points(&plane, FIGURES_GRID, gr_dataset_shape(knn->train), &points);
    if (status != GR_OK) return status;
    gr_neighbor *near = cli_alloc((size_t)all * (size_t)most, sizeof *near);
    status = gr_knn_find(knn->index, points, 0, all, most, near);
    if (status == GR_OK)
        status = gr_figure_new(
            GR_FIGURE(.panels = knn->n_k, .columns = knn->n_k < 3 ? knn->n_k : 3), &figure);
    for (int i = 0; i < knn->n_k && status == GR_OK; i++)
        status = figures_regions(figure, i, knn, &plane, near, most);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    gr_dataset_free(points);
    free(near);
    return status;
}

/* ---- Neighbours ------------------------------------------------------------------------------ */

/* A row: a test picture, and what is nearest to it, framed by whether the class is the same. */
typedef struct figures_page {
    int rows, columns, made;
    gr_tensor *images;
    const char **captions;
    int *frames;
} figures_page;

static gr_status figures_put(figures_page *page, const gr_dataset *set, int64_t i, int frame)
{
    gr_status status = gr_dataset_picture(set, i, &page->images[page->made]);
    if (status != GR_OK) return status;
    page->captions[page->made] = gr_dataset_class_name(set, gr_dataset_label(set, i));
    page->frames[page->made++] = frame;
    return GR_OK;
}

static gr_status figures_fill(figures_page *page, const cli_knn *knn)
{
    const int k = page->columns - 1;
    gr_neighbor *near = cli_alloc((size_t)page->rows * (size_t)k, sizeof *near);
    gr_status status = gr_knn_find(knn->index, knn->test, 0, page->rows, k, near);
    for (int row = 0; row < page->rows && status == GR_OK; row++) {
        const int label = gr_dataset_label(knn->test, row);
        status = figures_put(page, knn->test, row, 0);
        for (int j = 0; j < k && status == GR_OK; j++) {
            const int64_t i = near[row * k + j].index;
            const bool same = gr_dataset_label(knn->train, i) == label;
            status = figures_put(page, knn->train, i, same ? FIGURES_RIGHT : FIGURES_WRONG);
        }
    }
    free(near);
    return status;
}

static gr_status figures_neighbors(const cli_knn *knn, const char *path)
{
    const int64_t rows = cli_int(knn->args, "pictures"), there = gr_dataset_size(knn->test);
    const int64_t most = gr_dataset_size(knn->train);
    int k = knn->best > FIGURES_LEAST ? knn->best : FIGURES_LEAST;
    if (k > most) k = (int)most;
    figures_page page = {.rows = (int)(rows < there ? rows : there), .columns = k + 1};
    const size_t room = (size_t)page.rows * (size_t)page.columns;
    page.images = cli_alloc(room, sizeof *page.images);
    page.captions = cli_alloc(room, sizeof *page.captions);
    page.frames = cli_alloc(room, sizeof *page.frames);
    char *title = cli_format("%s: test pictures, and what is nearest by %s",
                             gr_dataset_name(knn->test), gr_distance_name(knn->options.distance));
    gr_status status = figures_fill(&page, knn);
    if (status == GR_OK)
        status = gr_plot_pictures(
            path, GR_PICTURE_PAGE(.title = title, .images = page.images, .n = page.made,
                                  .columns = page.columns, .side = FIGURES_SIDE,
                                  .captions = page.captions, .frames = page.frames));
    for (int i = 0; i < page.made; i++) gr_tensor_clear(&page.images[i]);
    free(title);
    free(page.images);
    free(page.captions);
    free(page.frames);
    return status;
}

int cli_knn_figures(const cli_knn *knn)
{
    static const struct {
        const char *option;
        gr_status (*draw)(const cli_knn *knn, const char *path);
    } figures[] = {{"figure", figures_choice},
                   {"boundary", figures_boundary},
                   {"neighbors", figures_neighbors}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        const char *path = cli_text(knn->args, figures[i].option);
        gr_status status = path ? figures[i].draw(knn, path) : GR_OK;
        if (status != GR_OK) return cli_failed(status);
    }
    return CLI_YES;
}
