/* A net as a picture: its layers as boxes, from left to right. */
#include "cli/out.h"
#include "cli/show.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Colours of kinds, so that a net's rhythm is seen at once. */
static int draw_color(const char *kind)
{
    static const struct {
        const char *word;
        int color;
    } colors[] = {{"conv", 1},    {"fc", 2},   {"linear", 2},    {"pool", 3}, {"norm", 4},
                  {"lrn", 4},     {"lstm", 5}, {"gru", 5},       {"rnn", 5},  {"scan", 5},
                  {"softmax", 6}, {"ntm", 5},  {"attention", 5}, {"embed", 6}};
    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++)
        if (strstr(kind, colors[i].word)) return colors[i].color;
    return 0;
}

/* "20 × 24 × 24"; to be freed. */
static char *draw_shape(gr_shape shape)
{
    char *text = cli_format("%s", shape.rank ? "" : "1");
    for (int i = 0; i < shape.rank; i++) {
        char *longer = cli_format("%s%s%" PRId64, text, i ? " × " : "", shape.dim[i]);
        free(text);
        text = longer;
    }
    return text;
}

/* Name, kind, the shape where it changes, parameters: a line each. To be freed. */
static char *draw_layer_text(const gr_net_info *info, int i)
{
    char count[32];
    const gr_layer_info *layer = &info->layers[i];
    const int from = layer->inputs > 0 ? layer->input[0] : -1;
    const gr_shape before = from < 0 ? info->input : info->layers[from].output;
    char *shape = draw_shape(layer->output);
    /* "conv1" tells its kind itself. */
    const bool named = strncmp(layer->name, layer->kind, strlen(layer->kind)) != 0;
    const bool changed = !gr_shape_equal(before, layer->output);
    char *text = cli_format(
        "%s%s%s%s%s%s%s%s", layer->name, named ? "\n" : "", named ? layer->kind : "",
        changed ? "\n" : "", changed ? shape : "", layer->parameters ? "\n" : "",
        layer->parameters ? cli_show_count((double)layer->parameters, count, sizeof count) : "",
        layer->parameters ? " parameters" : "");
    free(shape);
    return text;
}

static gr_status draw_layers(const gr_net_info *info, gr_diagram *diagram)
{
    int number;
    char *shape = draw_shape(info->input);
    char *text = cli_format("input\n%s", shape);
    gr_status status =
        gr_diagram_add(diagram, GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_LEAF, .text = text), &number);
    free(shape);
    free(text);
    for (int i = 0; i < info->count && status == GR_OK; i++) {
        const gr_layer_info *layer = &info->layers[i];
        text = draw_layer_text(info, i);
        status = gr_diagram_add(diagram,
                                GR_DIAGRAM_NODE(.kind = GR_DIAGRAM_LAYER, .text = text,
                                                .color = draw_color(layer->kind)),
                                &number);
        free(text);
        for (int k = 0; k < layer->inputs && status == GR_OK; k++) /* node 0 is the input */
            status = gr_diagram_connect(diagram,
                                        GR_DIAGRAM_WIRE(.from = layer->input[k] + 1, .to = i + 1));
    }
    return status;
}

gr_status show_draw(const gr_net_info *info, const char *const *paths, int n)
{
    gr_diagram *diagram;
    bool any = false;
    for (int i = 0; i < n; i++) any = any || paths[i];
    if (!any) return GR_OK;
    gr_status status = gr_diagram_new(NULL, 0, &diagram);
    if (status == GR_OK) status = draw_layers(info, diagram);
    for (int i = 0; i < n && status == GR_OK; i++)
        if (paths[i]) status = gr_diagram_save(diagram, paths[i]);
    gr_diagram_free(diagram);
    return status;
}

/* ---- Filters -------------------------------------------------------------------------------- */

gr_status show_draw_filters(const cli_net *net, const char *path)
{
    gr_store *store = gr_model_store(net->model);
    gr_tensor weights = {0};
    for (int i = 0; i < gr_store_size(store); i++) {
        const gr_tensor type = gr_store_type(store, i);
        if (type.shape.rank != 4 || !gr_dtype_is_float(type.dtype)) continue;
        gr_status status = gr_tensor_new(type.dtype, type.shape, &weights);
        if (status == GR_OK)
            status = gr_store_read(store, gr_store_name(store, i), weights.data,
                                   gr_tensor_bytes(&weights));
        if (status == GR_OK) status = gr_plot_filters(path, gr_store_name(store, i), &weights);
        gr_tensor_clear(&weights);
        return status;
    }
    return GR_NOT_FOUND;
}
