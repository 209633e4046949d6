/* gradus show --activations: what the layers of a model do on data. */
#include "cli/show_activity.h"

#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/spool.h"
#include "cli/table.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACTIVITY_PANELS = 36, /* histograms in a figure */
    ACTIVITY_COLUMNS = 4,
    ACTIVITY_BINS = 40,
};

/* ---- Model and data -------------------------------------------------------------------------- */

int show_open_model(const cli_args *args, gr_model **model)
{
    gr_status status =
        gr_model_load(cli_spool(cli_operand(args, 0)),
                      GR_MODEL(.threads = (int)cli_int(args, "threads"),
                               .exact = cli_flag(args, "exact"), .gates = cli_gates()),
                      model);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

int show_open_data(const cli_args *args, const gr_model *model, gr_dataset **data)
{
    gr_dataset *train = NULL, *test = NULL;
    gr_data_options options;
    int code = cli_data_options(args, &options);
    if (code != CLI_YES) return code;
    options.class_names = gr_model_class_names(model);
    options.classes = gr_model_classes(model);
    if (gr_model_tokens(model)) {
        if (options.text == GR_TEXT_NONE) options.text = GR_TEXT_CHARS;
        if (options.length == 0) options.length = gr_model_input(model).dim[0];
        options.held = -1;
    }
    gr_status status = gr_data_open(cli_spool(cli_text(args, "data")), &options, &train, &test);
    if (status != GR_OK) return cli_failed(status);
    const bool wants_test = strcmp(cli_text(args, "part"), "test") == 0;
    if (wants_test && !test) {
        gr_dataset_free(train);
        return cli_bad("--part: '%s' has no test part", cli_text(args, "data"));
    }
    *data = wants_test || !train ? test : train;
    gr_dataset_free(*data == train ? test : train);
    return CLI_YES;
}

gr_status show_thin_out(gr_dataset **data, int64_t n)
{
    const int64_t all = gr_dataset_size(*data);
    gr_dataset *fewer;
    if (n >= all) return GR_OK;
    int64_t *index = cli_alloc((size_t)n, sizeof *index);
    for (int64_t i = 0; i < n; i++) index[i] = (int64_t)((double)i * (double)all / (double)n);
    gr_status status = gr_dataset_select(*data, index, n, &fewer);
    free(index);
    if (status != GR_OK) return status;
    gr_dataset_free(*data);
    *data = fewer;
    return GR_OK;
}

/* ---- Printing -------------------------------------------------------------------------------- */

static void activity_real(cli_table *table, double value)
{
    if (isnan(value))
        cli_table_cell(table, "%s", "-");
    else
        cli_table_cell(table, "%.3g", value);
}

static void activity_table(const gr_inspection *found, double rate)
{
    cli_table *table = cli_table_new("~layer|<kind|>mean|>deviation|>saturated|>dead|>error|"
                                     ">gradient|>update/weight");
    for (int i = 0; i < found->count; i++) {
        const gr_layer_stats *layer = &found->layers[i];
        cli_table_cell(table, "%s", layer->name);
        cli_table_cell(table, "%s", layer->kind);
        activity_real(table, layer->mean);
        activity_real(table, layer->deviation);
        if (layer->activation)
            cli_table_cell(table, "%.1f %%", 100 * layer->saturated);
        else
            cli_table_cell(table, "%s", "-");
        cli_table_cell(table, "%" PRId64 " of %" PRId64, layer->dead, layer->units);
        activity_real(table, layer->output_gradient);
        activity_real(table, layer->gradient_norm);
        activity_real(table, rate * layer->gradient_norm / layer->weight_norm);
    }
    cli_table_print(table);
}

static void activity_print(const gr_inspection *found, const char *set, double rate, double bound)
{
    char text[32], limit[32];
    cli_print("data      %s: %" PRId64 " examples", set, found->examples);
    if (!isnan(found->loss)) cli_print(", loss %.4f", found->loss);
    cli_print("\nsaturated |derivative| < %s; dead: 0 for all examples\n",
              cli_show_real(bound, limit, sizeof limit));
    cli_print(
        "gradients error: by the outputs, of one example; gradient: by the parameters; update "
        "at rate %s\n\n",
        cli_show_real(rate, text, sizeof text));
    activity_table(found, rate);
}

static void activity_json(const gr_inspection *found, const char *set, double rate, double bound)
{
    cli_json json = {.pretty = true};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "data", set);
    cli_json_int(&json, "examples", found->examples);
    cli_json_real(&json, "loss", found->loss);
    cli_json_real(&json, "bound", bound);
    cli_json_real(&json, "rate", rate);
    cli_json_array(&json, "layers");
    for (int i = 0; i < found->count; i++) {
        const gr_layer_stats *layer = &found->layers[i];
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", layer->name);
        cli_json_text(&json, "kind", layer->kind);
        cli_json_shape(&json, "output", layer->output);
        cli_json_real(&json, "mean", layer->mean);
        cli_json_real(&json, "deviation", layer->deviation);
        cli_json_real(&json, "least", layer->least);
        cli_json_real(&json, "most", layer->most);
        cli_json_real(&json, "saturated", layer->saturated);
        cli_json_int(&json, "units", layer->units);
        cli_json_int(&json, "dead", layer->dead);
        cli_json_real(&json, "output_gradient", layer->output_gradient);
        cli_json_real(&json, "gradient_norm", layer->gradient_norm);
        cli_json_real(&json, "weight_norm", layer->weight_norm);
        cli_json_real(&json, "update_ratio", rate * layer->gradient_norm / layer->weight_norm);
        cli_json_int(&json, "parameters", layer->parameters);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_end(&json);
}

/* ---- The figure ------------------------------------------------------------------------------ */

/* Of a large net activations alone: what a figure has room for. */
static bool activity_drawn(const gr_inspection *found, const gr_layer_stats *layer)
{
    int drawn = 0;
    for (int i = 0; i < found->count; i++) drawn += found->layers[i].n_sample > 0;
    return layer->n_sample > 0 && (drawn <= ACTIVITY_PANELS || layer->activation);
}

static gr_status activity_histogram(gr_figure *figure, int panel, const gr_layer_stats *layer)
{
    const int n = (int)layer->n_sample;
    double *values = cli_alloc((size_t)n, sizeof *values);
    char *title = cli_format("%s: %.2g ± %.2g", layer->name, layer->mean, layer->deviation);
    for (int i = 0; i < n; i++) values[i] = (double)layer->sample[i];
    gr_status status = gr_figure_panel(figure, panel, GR_PANEL(.title = title, .x_label = NULL));
    if (status == GR_OK)
        status =
            gr_figure_histogram(figure, panel,
                                GR_HISTOGRAM(.values = values, .n = n, .bins = ACTIVITY_BINS,
                                             .share = true, .color = layer->activation ? 2 : 1));
    free(title);
    free(values);
    return status;
}

static gr_status activity_draw(const gr_inspection *found, const char *path, const char *title)
{
    int panels = 0, panel = 0;
    gr_figure *figure;
    for (int i = 0; i < found->count; i++) panels += activity_drawn(found, &found->layers[i]);
    if (panels > ACTIVITY_PANELS) panels = ACTIVITY_PANELS;
    const int wide = panels == 5 || panels == 6 ? 3 : ACTIVITY_COLUMNS; /* without a gap */
    const int columns = panels < wide ? panels : wide;
    const int rows = panels > 0 ? (panels - 1) / columns + 1 : 0;
    gr_status status = gr_figure_new(GR_FIGURE(.panels = panels, .columns = columns, .title = title,
                                               .width = 165. * columns, .height = 20 + 110. * rows),
                                     &figure);
    if (status != GR_OK) return status;
    for (int i = 0; i < found->count && status == GR_OK && panel < panels; i++)
        if (activity_drawn(found, &found->layers[i]))
            status = activity_histogram(figure, panel++, &found->layers[i]);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int activity_inspect(const cli_args *args, gr_model *model, gr_dataset **data)
{
    gr_inspection *found = NULL;
    const char *figure = cli_text(args, "histograms");
    const double bound = cli_real(args, "bound"), rate = cli_real(args, "rate");
    gr_status status = show_thin_out(data, cli_int(args, "examples"));
    if (status == GR_OK)
        status =
            gr_inspect(model, *data, GR_INSPECT(.bound = bound, .sample = figure ? 0 : -1), &found);
    if (status == GR_OK && figure) status = activity_draw(found, figure, gr_dataset_name(*data));
    if (status == GR_OK && cli_flag(args, "json"))
        activity_json(found, gr_dataset_name(*data), rate, bound);
    else if (status == GR_OK)
        activity_print(found, gr_dataset_name(*data), rate, bound);
    gr_inspection_free(found);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

int show_activity(const cli_args *args)
{
    gr_model *model = NULL;
    gr_dataset *data = NULL;
    const char *figure = cli_text(args, "histograms");
    int code = figure ? cli_check_figure("histograms", figure, false) : CLI_YES;
    if (code == CLI_YES) code = show_open_model(args, &model);
    if (code == CLI_YES) code = show_open_data(args, model, &data);
    if (code == CLI_YES) code = activity_inspect(args, model, &data);
    gr_dataset_free(data);
    gr_model_free(model);
    return code;
}
