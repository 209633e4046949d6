/* Figures of gradus test: confusion matrices, embeddings, reconstructions. */
#include "cli/test_figures.h"

#include "cli/input.h"
#include "cli/out.h"

#include <gradus/plot.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIGURE_POINTS = 2000, FIGURE_PICTURES = 10, FIGURE_BATCH = 256, FIGURE_SIDE = 330 };

/* ---- What the net makes of examples --------------------------------------------------------- */

/* The first examples of a set as the net sees them (but for normalisation), its results and the
 * labels. */
typedef struct figure_results {
    int64_t count, width, size; /* width: of one result; size: of one example */
    float *seen, *result;
    int32_t *label;
} figure_results;

static void figure_results_free(figure_results *r)
{
    free(r->seen);
    free(r->result);
    free(r->label);
}

static gr_status figure_compute(gr_model *model, const gr_dataset *set, int64_t count,
                                figure_results *r)
{
    gr_loader *loader;
    gr_batch batch;
    *r = (figure_results){.count = count < gr_dataset_size(set) ? count : gr_dataset_size(set),
                          .width = gr_shape_count(gr_model_output(model)),
                          .size = gr_shape_count(gr_model_input(model))};
    r->seen = cli_alloc((size_t)(r->count * r->size), sizeof *r->seen);
    r->result = cli_alloc((size_t)(r->count * r->width), sizeof *r->result);
    r->label = cli_alloc((size_t)r->count, sizeof *r->label);
    gr_status status = gr_loader_new(
        set, GR_LOADER(.batch = FIGURE_BATCH, .preprocess = gr_model_preprocess(model)), &loader);
    if (status != GR_OK) return status;
    for (int64_t done = 0; status == GR_OK && done < r->count; done += batch.rows) {
        if (!gr_loader_next(loader, &batch)) break;
        if (batch.rows > r->count - done) batch.rows = r->count - done;
        batch.x.shape.dim[0] = batch.rows;
        memcpy(r->seen + done * r->size, batch.x.data,
               (size_t)(batch.rows * r->size) * sizeof(float));
        memcpy(r->label + done, batch.y.data, (size_t)batch.rows * sizeof(int32_t));
        status = gr_model_predict(model, &batch.x, r->result + done * r->width);
    }
    if (status == GR_OK) status = gr_loader_status(loader);
    gr_loader_free(loader);
    return status;
}

/* ---- Embeddings ----------------------------------------------------------------------------- */

/* The points of one class; x and y have room for all. */
static gr_status figure_add_class(gr_figure *figure, const gr_model *model, int class,
                                  const figure_results *r, double *x, double *y)
{
    int n = 0;
    for (int64_t i = 0; i < r->count; i++) {
        if (r->label[i] != class) continue;
        x[n] = (double)r->result[2 * i];
        y[n++] = (double)r->result[2 * i + 1];
    }
    if (n == 0) return GR_OK;
    return gr_figure_add(figure, 0,
                         GR_SERIES(GR_SERIES_POINTS, .label = gr_model_class_names(model)[class],
                                   .x = x, .y = y, .n = n, .color = class % 28 + 1, .mark = 1.6));
}

static gr_status figure_draw_embedding(const gr_model *model, const figure_results *r,
                                       const char *path)
{
    gr_figure *figure;
    double *x = cli_alloc((size_t)r->count, sizeof *x);
    double *y = cli_alloc((size_t)r->count, sizeof *y);
    gr_status status =
        gr_figure_new(GR_FIGURE(.width = FIGURE_SIDE, .height = FIGURE_SIDE - 25), &figure);
    if (status == GR_OK)
        status = gr_figure_panel(
            figure, 0,
            GR_PANEL(.x_label = "first number", .y_label = "second number", .equal = true));
    for (int class = 0; status == GR_OK && class < gr_model_classes(model); class ++)
        status = figure_add_class(figure, model, class, r, x, y);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    free(x);
    free(y);
    return status;
}

static gr_status figure_embedding(const cli_args *args, gr_model *model, const gr_dataset *set)
{
    figure_results r;
    const int64_t most = cli_given(args, "examples") ? cli_int(args, "examples") : FIGURE_POINTS;
    gr_status status = figure_compute(model, set, most, &r);
    if (status == GR_OK) status = figure_draw_embedding(model, &r, cli_text(args, "embedding"));
    figure_results_free(&r);
    return status;
}

/* ---- Reconstructions ------------------------------------------------------------------------ */

static unsigned char figure_grey(double value)
{
    return (unsigned char)lrint(255 * fmin(fmax(value, 0), 1));
}

/* Row 0: what went in, from its least to its greatest number; row 1: what came out. */
static void figure_paint(const figure_results *r, bool sigmoid, unsigned char *pixels)
{
    float low = INFINITY, high = -INFINITY;
    for (int64_t k = 0; k < r->count * r->size; k++) {
        low = fminf(low, r->seen[k]);
        high = fmaxf(high, r->seen[k]);
    }
    const double range = high > low ? (double)(high - low) : 1;
    unsigned char *again = pixels + r->count * r->size;
    for (int64_t k = 0; k < r->count * r->size; k++) {
        const double out = (double)r->result[k];
        pixels[k] = figure_grey((double)(r->seen[k] - low) / range);
        again[k] = figure_grey(sigmoid ? 1 / (1 + exp(-out)) : out);
    }
}

static gr_status figure_reconstructions(const cli_args *args, gr_model *model,
                                        const gr_dataset *set)
{
    figure_results r;
    const int64_t most = cli_given(args, "examples") ? cli_int(args, "examples") : FIGURE_PICTURES;
    gr_status status = figure_compute(model, set, most, &r);
    if (status == GR_OK) {
        unsigned char *pixels = cli_alloc((size_t)(2 * r.count * r.size), 1);
        gr_tensor *images = cli_alloc((size_t)(2 * r.count), sizeof *images);
        figure_paint(&r, cli_flag(args, "sigmoid"), pixels);
        for (int64_t i = 0; i < 2 * r.count; i++)
            images[i] = (gr_tensor){GR_U8, gr_model_input(model), pixels + i * r.size};
        status = gr_plot_pictures(
            cli_text(args, "reconstructions"),
            GR_PICTURE_PAGE(.images = images, .n = (int)(2 * r.count), .columns = (int)r.count));
        free(images);
        free(pixels);
    }
    figure_results_free(&r);
    return status;
}

/* ---- All ------------------------------------------------------------------------------------ */

int cli_test_figures_check(const cli_args *args, const gr_model *model)
{
    char have[128], want[128];
    const gr_shape in = gr_model_input(model), out = gr_model_output(model);
    const char *model_name = cli_operand(args, 0);
    gr_shape_print(out, have, sizeof have);
    if (cli_text(args, "embedding") && (out.rank != 1 || out.dim[0] != 2))
        return cli_bad("--embedding: %s makes %s of an example: should be [2], to be drawn",
                       model_name, have);
    const bool pictures = in.rank == 3 && (in.dim[0] == 1 || in.dim[0] == 3);
    if (cli_text(args, "reconstructions") &&
        (!pictures || gr_shape_count(out) != gr_shape_count(in)))
        return cli_bad("--reconstructions: %s makes %s of %s: should be a picture of a picture",
                       model_name, have, gr_shape_print(in, want, sizeof want));
    if (!cli_text(args, "reconstructions") && cli_flag(args, "sigmoid"))
        return cli_bad("--sigmoid is for --reconstructions");
    if (cli_text(args, "confusion") && !gr_model_classifies(model))
        return cli_bad("--confusion: %s tells no classes apart", model_name);
    static const char *const options[] = {"confusion", "embedding", "reconstructions"};
    int code = CLI_YES;
    for (size_t i = 0; code == CLI_YES && i < sizeof options / sizeof *options; i++) {
        const char *path = cli_text(args, options[i]);
        if (path) code = cli_check_figure(options[i], path, false);
    }
    return code;
}

static gr_status figure_confusion(const char *path, const gr_model *model, const gr_metrics *score)
{
    const gr_confusion confusion = {.size = sizeof confusion,
                                    .classes = score->classes,
                                    .counts = score->confusion,
                                    .names = gr_model_class_names(model)};
    return gr_plot_confusion(path, &confusion);
}

gr_status cli_test_figures(const cli_args *args, gr_model *model, const gr_dataset *set,
                           const gr_metrics *score)
{
    gr_status status = GR_OK;
    const char *confusion = cli_text(args, "confusion");
    if (confusion) status = figure_confusion(confusion, model, score);
    if (status == GR_OK && cli_text(args, "embedding")) status = figure_embedding(args, model, set);
    if (status == GR_OK && cli_text(args, "reconstructions"))
        status = figure_reconstructions(args, model, set);
    return status;
}
