/* What the files of gradus show share. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/net.h"

/* Each returns an exit status, after a message if it is not CLI_YES. */

/* The layers of a net, with what surrounds them in a model file, as text or JSON. */
int show_layers(const cli_net *net, bool as_json);
/* The tensors of a safetensors file without a net. */
int show_tensors(const char *path, const gr_safetensors *file, bool as_json);
/* The options "plan", "graph" and "dot": the program or graph for a batch. */
int show_program(const cli_args *args, const cli_net *net);

#endif
