/* What the files of gradus show share. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/net.h"

/* Each returns an exit status, after a message if it is not CLI_YES. */

/* What is drawn of a net; each NULL if it is not. */
typedef struct show_pictures {
    const char *svg, *png; /* paths: its layers, */
    const char *filters;   /* its first convolution's filters */
    const char *neurons;   /* a circle for each neuron */
} show_pictures;

/* What the lectures count in a fully connected net. */
typedef struct show_neurons {
    int layers;
    int64_t neurons, weights, biases;
} show_neurons;

/* Is it fully connected: are all layers with parameters `fc` ones, on one vector each? */
bool show_count_neurons(const gr_net_info *info, show_neurons *n);
/* And does each of them read all of the one before it and nothing else? */
bool show_is_chain(const gr_net_info *info);

/* The layers of a net, with what surrounds them in a model file, as text or JSON, and drawn. */
int show_layers(const cli_net *net, bool as_json, const show_pictures *pictures);
/* The layers as boxes, with wires. */
gr_status show_draw(const gr_net_info *info, const char *const *paths, int n);
/* The neurons of a net that show_is_chain. */
gr_status show_draw_neurons(const gr_net_info *info, const char *path);
/* The filters of the model's first convolution of pictures; GR_NOT_FOUND if it has none. */
gr_status show_draw_filters(const cli_net *net, const char *path);
/* The tensors of a safetensors file without a net. */
int show_tensors(const char *path, const gr_safetensors *file, bool as_json);
/* The options "plan", "graph" and "dot": the program or graph for a batch. */
int show_program(const cli_args *args, const cli_net *net);

#endif
