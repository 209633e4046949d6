/* gradus show --layers: what the layers of a model make of one example. */
#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/picture.h"
#include "cli/show_activity.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PICTURE_PANELS = 40,
    PICTURE_MAPS = 16,   /* in a row, */
    PICTURE_ROWS = 2,    /* of so many rows; */
    PICTURE_FEW = 8,     /* up to so many are drawn larger, in one row */
    PICTURE_WIDTH = 440, /* of the figure, in points */
    PICTURE_HEIGHT = 84, /* of a panel */
    PICTURE_BARS = 128,  /* of more numbers a line is drawn */
    PICTURE_NAMES = 12,  /* classes that are named */
};

/* ---- The example ----------------------------------------------------------------------------- */

static int picture_of_file(const cli_args *args, const gr_model *model, gr_tensor *x)
{
    const char *path = cli_text(args, "picture");
    const gr_shape input = gr_model_input(model);
    char shape[128];
    gr_tensor image;
    if (input.rank != 3 || (input.dim[0] != 1 && input.dim[0] != 3))
        return cli_bad("%s: a picture, but the model takes examples of shape %s", path,
                       gr_shape_print(input, shape, sizeof shape));
    gr_status status = gr_image_read(path, &image);
    if (status != GR_OK) return cli_failed(status);
    status = cli_picture_fit(model, &image, cli_flag(args, "invert"), NULL, x);
    gr_tensor_clear(&image);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* Cut as the model's pictures are. */
static gr_status picture_read(const gr_dataset *data, const gr_model *model, gr_tensor *x)
{
    gr_loader *loader;
    gr_batch batch;
    gr_status status = gr_loader_new(
        data, GR_LOADER(.batch = 1, .preprocess = gr_model_preprocess(model)), &loader);
    if (status != GR_OK) return status;
    if (gr_loader_next(loader, &batch)) {
        gr_shape shape = gr_model_input(model);
        status = gr_tensor_new(batch.x.dtype, shape, x);
        if (status == GR_OK) memcpy(x->data, batch.x.data, gr_tensor_bytes(x));
    } else {
        status = gr_loader_status(loader);
    }
    gr_loader_free(loader);
    return status;
}

static int picture_of_data(const cli_args *args, const gr_model *model, gr_tensor *x)
{
    gr_dataset *data, *one;
    const int64_t i = cli_int(args, "example");
    int code = show_open_data(args, model, &data);
    if (code != CLI_YES) return code;
    gr_status status = gr_model_fits(model, data);
    if (status == GR_OK && i >= gr_dataset_size(data)) {
        code = cli_bad("--example: there are %" PRId64 ", from 0", gr_dataset_size(data));
    } else if (status == GR_OK && (status = gr_dataset_select(data, &i, 1, &one)) == GR_OK) {
        status = picture_read(one, model, x);
        gr_dataset_free(one);
    }
    gr_dataset_free(data);
    return status == GR_OK ? code : cli_failed(status);
}

/* ---- Maps ------------------------------------------------------------------------------------ */

/* Values as [maps, height, width]; one row of them is not a picture. */
static bool picture_maps(gr_shape shape, int64_t *maps, int64_t *height, int64_t *width)
{
    if (shape.rank < 2 || shape.rank > 3) return false;
    *maps = shape.rank == 3 ? shape.dim[0] : 1;
    *height = shape.dim[shape.rank - 2];
    *width = shape.dim[shape.rank - 1];
    return *height * *width > 1;
}

static void picture_range(const gr_tensor *value, double range[2])
{
    range[0] = INFINITY, range[1] = -INFINITY;
    for (int64_t i = 0; i < gr_shape_count(value->shape); i++) {
        range[0] = fmin(range[0], gr_tensor_at(value, i));
        range[1] = fmax(range[1], gr_tensor_at(value, i));
    }
}

/* One map in grey, on the layer's scale. */
static gr_status picture_grey(const gr_tensor *value, int64_t map, const double range[2],
                              gr_tensor *image)
{
    const int rank = value->shape.rank;
    const int64_t height = value->shape.dim[rank - 2], width = value->shape.dim[rank - 1];
    gr_status status = gr_tensor_new(GR_U8, GR_SHAPE(1, height, width), image);
    if (status != GR_OK) return status;
    uint8_t *pixel = image->data;
    const double span = range[1] > range[0] ? range[1] - range[0] : 1;
    for (int64_t i = 0; i < height * width; i++) {
        const double at = (gr_tensor_at(value, map * height * width + i) - range[0]) / span;
        pixel[i] = (uint8_t)(at > 0 ? at < 1 ? 255 * at + .5 : 255 : 0);
    }
    return GR_OK;
}

/* How many maps stand in a row. */
static int picture_columns(int64_t maps)
{
    return maps <= PICTURE_FEW ? PICTURE_FEW : PICTURE_MAPS;
}

/* Side by side, in rows from above; a map is one wide. */
static gr_status picture_add_maps(gr_figure *figure, int panel, const gr_tensor *value,
                                  const double range[2])
{
    int64_t maps = 1, height = 1, width = 1;
    picture_maps(value->shape, &maps, &height, &width);
    const int64_t most = maps < PICTURE_MAPS * PICTURE_ROWS ? maps : PICTURE_MAPS * PICTURE_ROWS;
    const double tall = (double)height / (double)width;
    gr_status status = GR_OK;
    for (int64_t m = 0; m < most && status == GR_OK; m++) {
        gr_tensor image;
        const int64_t row = m / PICTURE_MAPS;
        const double x = (double)(m % PICTURE_MAPS), y = (double)row * tall;
        status = picture_grey(value, m, range, &image);
        if (status != GR_OK) break;
        status = gr_figure_picture(figure, panel,
                                   GR_PICTURE(.image = &image, .x_min = x + .03, .x_max = x + .97,

                                              .y_min = y + .03 * tall, .y_max = y + .97 * tall));
        gr_tensor_clear(&image);
    }
    return status;
}

/* ---- Panels ---------------------------------------------------------------------------------- */

/* "relu1  20 × 12 × 12, 0 to 3.4", and how many of them are there to see. */
static char *picture_title(const char *name, gr_shape shape, const double range[2])
{
    char low[32], high[32];
    char *sizes = cli_format("%s", "");
    for (int i = 0; i < shape.rank; i++) {
        char *longer = cli_format("%s%s%" PRId64, sizes, i ? " × " : "", shape.dim[i]);
        free(sizes);
        sizes = longer;
    }
    snprintf(low, sizeof low, "%.3g", range[0]);
    snprintf(high, sizeof high, "%.3g", range[1]);
    const bool cut = shape.rank == 3 && shape.dim[0] > PICTURE_MAPS * PICTURE_ROWS;
    char *title =
        cli_format("%s: %s%s, %s to %s", name, sizes, cut ? " (the first 32)" : "", low, high);
    free(sizes);
    return title;
}

static gr_status picture_bars(gr_figure *figure, int panel, const gr_tensor *value)
{
    const int n = (int)gr_shape_count(value->shape);
    double *x = cli_alloc((size_t)n, 2 * sizeof *x), *const y = x + n;
    for (int i = 0; i < n; i++) x[i] = i, y[i] = gr_tensor_at(value, i);
    gr_status status = gr_figure_add(
        figure, panel,
        n <= PICTURE_BARS ? GR_SERIES(GR_SERIES_BARS, .x = x, .y = y, .n = n, .color = 1)
                          : GR_SERIES(GR_SERIES_LINE, .x = x, .y = y, .n = n, .color = 1,
                                      .mark = -1, .width = .7));
    free(x);
    return status;
}

static gr_status picture_panel(gr_figure *figure, int panel, const gr_layer_output *layer,
                               const gr_model *model)
{
    int64_t maps = 1, height = 1, width = 1;
    double range[2];
    picture_range(&layer->value, range);
    char *title = picture_title(layer->name, layer->value.shape, range);
    const bool flat = !picture_maps(layer->value.shape, &maps, &height, &width);
    const int64_t n = gr_shape_count(layer->value.shape);
    const bool named = flat && n == gr_model_classes(model) && n <= PICTURE_NAMES;
    const double tall = flat ? 0 : (double)height / (double)width;
    gr_status status = gr_figure_panel(
        figure, panel,
        flat ? GR_PANEL(.title = title, .x_names = named ? gr_model_class_names(model) : NULL,
                        .x_count = named ? (int)n : 0, .x_min = -.5, .x_max = (double)n - .5)
             : GR_PANEL(.title = title, .bare = true, .equal = true, .y_down = true,
                        .x_max = picture_columns(maps),
                        .y_max = maps > PICTURE_MAPS ? 2 * tall : tall));
    if (status == GR_OK)
        status = flat ? picture_bars(figure, panel, &layer->value)
                      : picture_add_maps(figure, panel, &layer->value, range);
    free(title);
    return status;
}

/* Of a deep net the layers that change something: what a figure has room for. */
static bool picture_shown(const gr_layer_outputs *outputs, const gr_layer_output *layer)
{
    static const char *const kinds[] = {"conv", "pool", "fc", "linear"};
    if (layer->value.dtype != GR_F32 || layer->value.shape.rank > 3) return false;
    if (outputs->count <= PICTURE_PANELS) return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(layer->kind, kinds[i])) return true;
    return false;
}

static gr_status picture_input(gr_figure *figure, const gr_tensor *x)
{
    gr_tensor image = {0};
    const gr_shape shape = x->shape;
    const bool colour = shape.rank == 3 && (shape.dim[0] == 3 || shape.dim[0] == 1);
    if (!colour) return gr_figure_panel(figure, 0, GR_PANEL(.title = "input", .bare = true));
    gr_status status = gr_tensor_new(GR_U8, shape, &image);
    if (status != GR_OK) return status;
    for (int64_t i = 0; i < gr_shape_count(shape); i++)
        gr_tensor_put(&image, i, fmin(255, fmax(0, nearbyint(gr_tensor_at(x, i)))));
    char *title = picture_title("input", shape, (double[]){0, 255});
    const double wide = (double)shape.dim[2] / (double)shape.dim[1];
    status = gr_figure_panel(figure, 0,
                             GR_PANEL(.title = title, .bare = true, .equal = true, .y_down = true,
                                      .x_max = PICTURE_FEW, .y_max = 1));
    if (status == GR_OK)
        status =
            gr_figure_picture(figure, 0, GR_PICTURE(.image = &image, .x_max = wide, .y_max = 1));
    free(title);
    gr_tensor_clear(&image);
    return status;
}

static gr_status picture_draw(const gr_layer_outputs *outputs, const gr_model *model,
                              const gr_tensor *x, const char *path)
{
    int panels = 1, panel = 1;
    gr_figure *figure;
    for (int i = 0; i < outputs->count; i++) panels += picture_shown(outputs, &outputs->layers[i]);
    if (panels > PICTURE_PANELS) panels = PICTURE_PANELS;
    gr_status status =
        gr_figure_new(GR_FIGURE(.panels = panels, .columns = 1, .width = PICTURE_WIDTH, .dpi = 120,
                                .height = (double)PICTURE_HEIGHT * panels),
                      &figure);
    if (status != GR_OK) return status;
    status = picture_input(figure, x);
    for (int i = 0; i < outputs->count && status == GR_OK && panel < panels; i++)
        if (picture_shown(outputs, &outputs->layers[i]))
            status = picture_panel(figure, panel++, &outputs->layers[i], model);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void picture_tell(const gr_layer_outputs *outputs, bool as_json)
{
    char shape[128];
    cli_json json = {.pretty = true};
    if (as_json) cli_json_array(&json, NULL);
    for (int i = 0; i < outputs->count; i++) {
        const gr_layer_output *layer = &outputs->layers[i];
        double range[2];
        picture_range(&layer->value, range);
        if (!as_json) {
            cli_print("%-16s %-16s %.3g to %.3g\n", layer->name,
                      gr_shape_print(layer->value.shape, shape, sizeof shape), range[0], range[1]);
            continue;
        }
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", layer->name);
        cli_json_text(&json, "kind", layer->kind);
        cli_json_shape(&json, "output", layer->value.shape);
        cli_json_real(&json, "least", range[0]);
        cli_json_real(&json, "most", range[1]);
        cli_json_end(&json);
    }
    if (as_json) cli_json_end(&json);
}

int show_picture(const cli_args *args)
{
    gr_model *model = NULL;
    gr_tensor x = {0};
    gr_layer_outputs *outputs = NULL;
    const char *path = cli_text(args, "layers");
    if (cli_given(args, "picture") && (cli_given(args, "data") || cli_given(args, "example")))
        return cli_bad("--picture is the example: leave out --data and --example");
    int code = cli_check_figure("layers", path, false);
    if (code == CLI_YES) code = show_open_model(args, &model);
    if (code == CLI_YES)
        code = cli_given(args, "picture") ? picture_of_file(args, model, &x)
                                          : picture_of_data(args, model, &x);
    if (code == CLI_YES) {
        gr_status status = gr_layer_outputs_new(model, &x, &outputs);
        if (status == GR_OK) status = picture_draw(outputs, model, &x, path);
        if (status == GR_OK)
            picture_tell(outputs, cli_flag(args, "json"));
        else
            code = cli_failed(status);
    }
    gr_layer_outputs_free(outputs);
    gr_tensor_clear(&x);
    gr_model_free(model);
    return code;
}
