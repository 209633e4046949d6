/* Fully connected nets as the lectures have them: counted and drawn neuron by neuron. */
#include "cli/out.h"
#include "cli/show.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Layers without parameters, as activations, are no layers of neurons. */
static bool neurons_counts(const gr_layer_info *layer)
{
    return layer->parameters > 0 || layer->multiply_adds > 0;
}

bool show_count_neurons(const gr_net_info *info, show_neurons *n)
{
    *n = (show_neurons){0};
    for (int i = 0; i < info->count; i++) {
        const gr_layer_info *layer = &info->layers[i];
        if (!neurons_counts(layer)) continue;
        if (strcmp(layer->kind, "fc") != 0 || layer->output.rank != 1) return false;
        n->layers++;
        n->neurons += layer->output.dim[0];
        n->weights += layer->multiply_adds;
        n->biases += layer->parameters - layer->multiply_adds;
    }
    return n->layers > 0;
}

bool show_is_chain(const gr_net_info *info)
{
    show_neurons n;
    int64_t before = gr_shape_count(info->input);
    if (!show_count_neurons(info, &n)) return false;
    for (int i = 0; i < info->count; i++) {
        const gr_layer_info *layer = &info->layers[i];
        const bool first = layer->inputs == 1 && layer->input[0] == -1;
        if (layer->inputs != 1 || (!first && layer->input[0] != i - 1) || first != (i == 0))
            return false;
        if (!neurons_counts(layer)) continue;
        if (layer->multiply_adds != before * layer->output.dim[0]) return false;
        before = layer->output.dim[0];
    }
    return true;
}

gr_status show_draw_neurons(const gr_net_info *info, const char *path)
{
    show_neurons n;
    show_count_neurons(info, &n);
    const size_t columns = (size_t)n.layers + 1;
    int64_t *units = cli_alloc(columns, sizeof *units);
    char **names = cli_alloc(columns, sizeof *names);
    const char **given = cli_alloc(columns, sizeof *given);
    int column = 1;
    units[0] = gr_shape_count(info->input);
    names[0] = cli_format("input layer");
    for (int i = 0; i < info->count; i++) {
        if (!neurons_counts(&info->layers[i])) continue;
        units[column] = info->layers[i].output.dim[0];
        names[column] = column == n.layers ? cli_format("output layer")
                        : n.layers == 2    ? cli_format("hidden layer")
                                           : cli_format("hidden layer %d", column);
        column++;
    }
    for (size_t i = 0; i < columns; i++) given[i] = names[i];
    char *title =
        cli_format("%d-layer net: %" PRId64 " neurons, %" PRId64 " weights + %" PRId64 " biases",
                   n.layers, n.neurons, n.weights, n.biases);
    gr_status status = gr_plot_neurons(
        path, GR_NEURONS(.title = title, .layers = (int)columns, .units = units, .names = given));
    for (size_t i = 0; i < columns; i++) free(names[i]);
    free(title);
    free(names);
    free(given);
    free(units);
    return status;
}
