/* What the files of gradus show --activations share. */
#ifndef CLI_SHOW_ACTIVITY_H
#define CLI_SHOW_ACTIVITY_H

#include "cli/command.h"

#include <gradus/inspect.h>

/* Each returns an exit status, after a message if it is not CLI_YES. */

/* A figure of every activation of the language with its derivative: the option
 * "activation-functions". */
int show_functions(const cli_args *args);
/* What the layers of a model do on data: the options "activations" and "histograms". */
int show_activity(const cli_args *args);
/* What they make of one picture: the option "layers". */
int show_picture(const cli_args *args);

/* Opens the model that operand 0 names. The caller frees it. */
int show_open_model(const cli_args *args, gr_model **model);
/* Opens the part of the data that the option "part" names, with the model's classes. */
int show_open_data(const cli_args *args, const gr_model *model, gr_dataset **data);
/* At most n examples of *data, evenly spaced, take its place. */
gr_status show_thin_out(gr_dataset **data, int64_t n);

#endif
