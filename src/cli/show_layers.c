/* The layers of a net and the facts of a model file. */
#include "cli/gates.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/show.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- The layers ----------------------------------------------------------------------------- */

static void show_layer_table(const gr_net_info *info)
{
    char text[128];
    cli_table *table = cli_table_new("~layer|<kind|<output|>parameters|>multiply-adds|>memory");
    for (int i = 0; i < info->count; i++) {
        const gr_layer_info *layer = &info->layers[i];
        cli_table_cell(table, "%s", layer->name);
        cli_table_cell(table, "%s", layer->kind);
        cli_table_cell(table, "%s", gr_shape_print(layer->output, text, sizeof text));
        cli_table_cell(table, "%" PRId64, layer->parameters);
        cli_table_cell(table, "%" PRId64, layer->multiply_adds);
        cli_table_cell(table, "%s", cli_show_bytes((double)layer->bytes, text, sizeof text));
    }
    cli_table_rule(table);
    cli_table_cell(table, "total");
    cli_table_cell(table, "%s", "");
    cli_table_cell(table, "%s", "");
    cli_table_cell(table, "%" PRId64, info->parameters);
    cli_table_cell(table, "%" PRId64, info->multiply_adds);
    cli_table_cell(table, "%s", cli_show_bytes((double)info->bytes, text, sizeof text));
    cli_table_print(table);
}

static void show_totals(const gr_net_info *info)
{
    show_neurons n;
    char count[32], bytes[32], work[32];
    cli_print("input       %s\n", gr_shape_print(info->input, (char[128]){0}, 128));
    cli_print("parameters  %s, %s\n", cli_show_count((double)info->parameters, count, sizeof count),
              cli_show_bytes(4 * (double)info->parameters, bytes, sizeof bytes));
    if (show_count_neurons(info, &n))
        cli_print("counts      %d-layer net, %d hidden layer%s: %" PRId64 " neurons, %" PRId64
                  " weights + %" PRId64 " biases\n",
                  n.layers, n.layers - 1, n.layers == 2 ? "" : "s", n.neurons, n.weights, n.biases);
    cli_print("work        %s multiply-adds for one example\n",
              cli_show_count((double)info->multiply_adds, work, sizeof work));
    cli_print("memory      %s of outputs for one example\n",
              cli_show_bytes((double)info->bytes, bytes, sizeof bytes));
}

static void show_layers_json(cli_json *json, const gr_net_info *info)
{
    show_neurons n;
    cli_json_shape(json, "input", info->input);
    if (show_count_neurons(info, &n)) {
        cli_json_int(json, "hidden_layers", n.layers - 1);
        cli_json_int(json, "neurons", n.neurons);
        cli_json_int(json, "weights", n.weights);
        cli_json_int(json, "biases", n.biases);
    }
    cli_json_int(json, "parameters", info->parameters);
    cli_json_int(json, "multiply_adds", info->multiply_adds);
    cli_json_int(json, "bytes", (int64_t)info->bytes);
    cli_json_array(json, "layers");
    for (int i = 0; i < info->count; i++) {
        const gr_layer_info *layer = &info->layers[i];
        cli_json_object(json, NULL);
        cli_json_text(json, "name", layer->name);
        cli_json_text(json, "kind", layer->kind);
        cli_json_shape(json, "output", layer->output);
        cli_json_int(json, "parameters", layer->parameters);
        cli_json_int(json, "multiply_adds", layer->multiply_adds);
        cli_json_int(json, "bytes", (int64_t)layer->bytes);
        cli_json_end(json);
    }
    cli_json_end(json);
}

/* ---- The model around them ------------------------------------------------------------------ */

/* What a checkpoint's metadata tells of its training: a key and a word for it. */
static const struct {
    const char *key, *word;
} show_facts[] = {{"state.step", "step"},         {"state.epoch", "epochs done"},
                  {"state.seconds", "seconds"},   {"train.optimizer", "optimizer"},
                  {"train.schedule", "schedule"}, {"train.batch", "batch"},
                  {"train.data", "data"},         {"train.validation", "validation"}};
enum { SHOW_FACTS = sizeof show_facts / sizeof *show_facts };

static void show_classes(const gr_model *model, int width)
{
    const char *const *names = gr_model_class_names(model);
    char *list = cli_format("%d:", gr_model_classes(model));
    for (int i = 0; i < gr_model_classes(model); i++) {
        char *longer =
            cli_format("%s %s%s", list, names[i], i + 1 < gr_model_classes(model) ? "," : "");
        free(list);
        list = longer;
    }
    cli_print("classes     ");
    cli_print_wrapped(list, 12, 12, width);
    cli_print("\n");
    free(list);
}

static void show_preprocess(const gr_preprocess *p)
{
    if (!p->resize && !p->crop) return;
    cli_print("pictures    ");
    if (p->resize) cli_print("shorter side scaled to %" PRId64 " pixels", p->resize);
    if (p->crop)
        cli_print("%sthe middle %" PRId64 "x%" PRId64, p->resize ? ", " : "", p->crop, p->crop);
    cli_print("\n");
}

static void show_normalizer(const gr_model *model)
{
    const gr_normalizer *n = gr_model_normalizer(model);
    if (gr_model_tokens(model)) {
        cli_print("data        tokens, i32\n");
        return;
    }
    if (!n) {
        cli_print("data        normalisation not learnt yet\n");
        return;
    }
    static const char *const words[] = {[GR_NORMALIZE_NONE] = "as they are",
                                        [GR_NORMALIZE_UNIT] = "from 0 to 1",
                                        [GR_NORMALIZE_MEAN_IMAGE] = "minus the mean image",
                                        [GR_NORMALIZE_STANDARD] = "mean 0, deviation 1"};
    cli_print("data        %s", words[n->kind]);
    const bool told = n->kind == GR_NORMALIZE_UNIT || n->kind == GR_NORMALIZE_STANDARD;
    for (int64_t i = 0; told && i < n->channels && i < 4; i++)
        cli_print("%s(x - %.6g) * %.6g", i ? ", " : ": ", (double)n->shift[i], (double)n->scale[i]);
    cli_print("%s\n", told && n->channels > 4 ? ", ..." : "");
}

static void show_training(const gr_meta *meta, int width)
{
    char *list = cli_format("%s", "");
    for (int i = 0; i < SHOW_FACTS; i++) {
        const char *value = gr_meta_get(meta, show_facts[i].key);
        if (!value) continue;
        char *end, *longer;
        double number = strtod(value, &end);
        if (end != value && *end == '\0')
            longer = cli_format("%s%s%s %.6g", list, *list ? ", " : "", show_facts[i].word, number);
        else
            longer = cli_format("%s%s%s %s", list, *list ? ", " : "", show_facts[i].word, value);
        free(list);
        list = longer;
    }
    if (*list) {
        cli_print("training    ");
        cli_print_wrapped(list, 12, 12, width);
        cli_print("\n");
    }
    free(list);
}

static void show_model(const cli_net *net, const gr_safetensors *file)
{
    const gr_model *model = net->model;
    int width = cli_width() ? cli_width() : 100;
    cli_print("%s%s%s\n", cli_color(CLI_BOLD), net->source, cli_color(CLI_PLAIN));
    cli_print("net         ");
    cli_print_wrapped(net->text, 12, 12, width);
    cli_print("\n");
    show_classes(model, width);
    show_preprocess(gr_model_preprocess(model));
    show_normalizer(model);
    cli_print("loss        %s\n",
              gr_model_own_loss(model) ? "the net's own" : gr_loss_name(gr_model_loss(model)));
    cli_print("seed        %" PRIu64 "\n", gr_model_seed(model));
    show_training(gr_safetensors_meta(file), width);
}

static void show_model_json(cli_json *json, const cli_net *net, const gr_safetensors *file)
{
    const gr_model *model = net->model;
    const gr_normalizer *n = gr_model_normalizer(model);
    cli_json_text(json, "path", net->source);
    cli_json_row(json, "classes");
    for (int i = 0; i < gr_model_classes(model); i++)
        cli_json_text(json, NULL, gr_model_class_names(model)[i]);
    cli_json_end(json);
    cli_json_text(json, "loss",
                  gr_model_own_loss(model) ? "own" : gr_loss_name(gr_model_loss(model)));
    cli_json_int(json, "seed", (int64_t)gr_model_seed(model));
    cli_json_int(json, "resize", gr_model_preprocess(model)->resize);
    cli_json_int(json, "crop", gr_model_preprocess(model)->crop);
    if (n) {
        gr_tensor shift = {GR_F32, GR_SHAPE(n->channels), n->shift};
        gr_tensor scale = {GR_F32, GR_SHAPE(n->channels), n->scale};
        cli_json_object(json, "normalize");
        cli_json_text(json, "kind", gr_normalize_name(n->kind));
        cli_json_tensor(json, "shift", &shift);
        cli_json_tensor(json, "scale", &scale);
        cli_json_end(json);
    } else {
        cli_json_null(json, "normalize");
    }
    const gr_meta *meta = gr_safetensors_meta(file);
    cli_json_object(json, "training");
    for (int i = 0; i < SHOW_FACTS; i++)
        if (gr_meta_get(meta, show_facts[i].key))
            cli_json_text(json, show_facts[i].word, gr_meta_get(meta, show_facts[i].key));
    cli_json_end(json);
}

static int show_describe(const cli_net *net, gr_net_info **info)
{
    /* Built first for the messages, which then name the text's source. Two rows: batch norm refuses
     * to train on one. */
    cli_net_graph g;
    gr_status status = cli_net_build(net, GR_TRAIN, 2, &g);
    cli_net_graph_clear(&g);
    if (status == GR_OK)
        status = net->model ? gr_model_describe(net->model, info)
                            : gr_net_describe(net->text, net->input, cli_gates(), info);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static gr_status show_draw_all(const cli_net *net, const gr_net_info *info,
                               const show_pictures *pictures)
{
    gr_status status = show_draw(info, (const char *[]){pictures->svg, pictures->png}, 2);
    if (status == GR_OK && pictures->neurons) status = show_draw_neurons(info, pictures->neurons);
    if (status != GR_OK || !pictures->filters) return status;
    return show_draw_filters(net, pictures->filters);
}

int show_layers(const cli_net *net, bool as_json, const show_pictures *pictures)
{
    gr_net_info *info = NULL;
    gr_safetensors *file = NULL;
    cli_json json = {.pretty = true};
    int code = show_describe(net, &info);
    if (code != CLI_YES || !info) return code;
    if (pictures->neurons && !show_is_chain(info)) {
        gr_net_info_free(info);
        return cli_bad("--neurons draws nets of fully connected layers one after the other, and "
                       "%s is none",
                       net->source);
    }
    gr_status status = net->model ? gr_safetensors_open(net->source, &file) : GR_OK;
    if (status == GR_OK) status = show_draw_all(net, info, pictures);
    if (status != GR_OK) {
        code = cli_failed(status);
    } else if (as_json) {
        cli_json_object(&json, NULL);
        cli_json_text(&json, "net", net->text);
        if (net->model) show_model_json(&json, net, file);
        show_layers_json(&json, info);
        cli_json_end(&json);
    } else {
        if (net->model) show_model(net, file);
        show_totals(info);
        cli_print("\n");
        show_layer_table(info);
    }
    gr_safetensors_close(file);
    gr_net_info_free(info);
    return code;
}

/* ---- Files without a net -------------------------------------------------------------------- */

int show_tensors(const char *path, const gr_safetensors *file, bool as_json)
{
    char text[128];
    double total = 0;
    cli_json json = {.pretty = true};
    cli_table *table = as_json ? NULL : cli_table_new("~tensor|<type|<shape|>memory");
    if (as_json) cli_json_array(&json, NULL);
    if (table) cli_print("%s: tensors, but no net\n\n", path);
    for (int i = 0; i < gr_safetensors_size(file); i++) {
        gr_tensor type = gr_safetensors_type(file, i);
        total += (double)gr_tensor_bytes(&type);
        if (table) {
            cli_table_cell(table, "%s", gr_safetensors_name(file, i));
            cli_table_cell(table, "%s", gr_dtype_name(type.dtype));
            cli_table_cell(table, "%s", gr_shape_print(type.shape, text, sizeof text));
            cli_table_cell(table, "%s",
                           cli_show_bytes((double)gr_tensor_bytes(&type), text, sizeof text));
            continue;
        }
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", gr_safetensors_name(file, i));
        cli_json_text(&json, "dtype", gr_dtype_name(type.dtype));
        cli_json_shape(&json, "shape", type.shape);
        cli_json_end(&json);
    }
    if (as_json) cli_json_end(&json);
    if (!table) return CLI_YES;
    cli_table_print(table);
    cli_print("\n%d tensors, %s\n", gr_safetensors_size(file),
              cli_show_bytes(total, text, sizeof text));
    return CLI_YES;
}
